"""Profit by day, week, month and all time, and its parts (PNL-3).

Profit counts when it was realised, by the ledger: a group that is still open counts with what it has realised so far,
its entry fees among it. Trades are closed groups that had a fill; they count when they closed.

The parts of a breakdown add up to the realised profit of the same scope, to the last decimal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from actors.rules.money import CONTEXT, ZERO
from daemon.reports.scope import Amounts, Rates

MAX_PARTS = 5_000
"""Most parts of one breakdown; the rest is added up as one part named `OTHERS`."""
OTHERS = "(others)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """Realised profit since the week or the month began, whichever is longer, of what shares these periods."""

    quote: str
    in_day: bool
    in_week: bool
    in_month: bool
    realized: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSum:
    """Profit and fees of a part in one currency, and trades of it. Some rows only count trades: they have no quote."""

    name: str
    quote: str = ""
    realized: Decimal = ZERO
    fees: Decimal = ZERO
    trades: int = 0


@dataclass(slots=True)
class _Tally:
    realized: dict[str, Decimal] = field(default_factory=dict)
    fees: dict[str, Decimal] = field(default_factory=dict)
    unrealized: dict[str, Decimal] | None = field(default_factory=dict)
    """None: a price was missing."""
    trades: int = 0

    def add(self, row: PartSum) -> None:
        if row.quote:
            _into(self.realized, row.quote, row.realized)
            _into(self.fees, row.quote, row.fees)
        self.trades += row.trades

    def merge(self, other: _Tally) -> None:
        for quote, amount in other.realized.items():
            _into(self.realized, quote, amount)
        for quote, amount in other.fees.items():
            _into(self.fees, quote, amount)
        if self.unrealized is not None and other.unrealized is not None:
            for quote, amount in other.unrealized.items():
                _into(self.unrealized, quote, amount)
        else:
            self.unrealized = None
        self.trades += other.trades


def _into(amounts: dict[str, Decimal], quote: str, amount: Decimal) -> None:
    amounts[quote] = CONTEXT.add(amounts.get(quote, ZERO), amount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a breakdown, in the reporting currency; None where a price is missing or it does not apply."""

    name: str
    realized: Decimal | None
    unrealized: Decimal | None
    fees: Decimal | None
    trades: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """In the reporting currency; None where a price is missing."""

    day: Decimal | None
    week: Decimal | None
    month: Decimal | None
    all_time: Decimal | None
    fees: Decimal | None
    quotes: frozenset[str]
    """Currencies the ledger is in."""


def totals(recent: Iterable[Recent], ever: Iterable[PartSum], rates: Rates) -> Totals:
    """`ever`: all of the ledger, in whatever parts."""
    day: dict[str, Decimal] = {}
    week: dict[str, Decimal] = {}
    month: dict[str, Decimal] = {}
    total: dict[str, Decimal] = {}
    fees: dict[str, Decimal] = {}
    for row in recent:
        for amounts, counts in ((day, row.in_day), (week, row.in_week), (month, row.in_month)):
            if counts:
                _into(amounts, row.quote, row.realized)
    for part in ever:
        if part.quote:
            _into(total, part.quote, part.realized)
            _into(fees, part.quote, part.fees)
    return Totals(
        day=rates.value(day),
        week=rates.value(week),
        month=rates.value(month),
        all_time=rates.value(total),
        fees=rates.value(fees),
        quotes=frozenset(total),
    )


def parts(rows: Iterable[PartSum], unrealized: Mapping[str, Amounts | None] | None, rates: Rates) -> list[Part]:
    """The breakdown, by name.

    `unrealized` by name too, None in it for a missing price; None as a whole: it does not apply, as to periods.
    """
    tallies: dict[str, _Tally] = {}
    for row in rows:
        tallies.setdefault(row.name, _Tally()).add(row)
    for name, amounts in (unrealized or {}).items():
        tallies.setdefault(name, _Tally()).unrealized = None if amounts is None else dict(amounts)
    return [_part(name, tally, rates, unrealized is not None) for name, tally in _at_most(tallies, MAX_PARTS)]


def _at_most(tallies: Mapping[str, _Tally], limit: int) -> list[tuple[str, _Tally]]:
    """By name; those beyond the limit as one, so that the sum stays what it is."""
    ordered = sorted(tallies.items())
    if len(ordered) <= limit:
        return ordered
    rest = _Tally()
    for _, tally in ordered[limit - 1 :]:
        rest.merge(tally)
    return [*ordered[: limit - 1], (OTHERS, rest)]


def _part(name: str, tally: _Tally, rates: Rates, with_unrealized: bool) -> Part:
    open_profit = tally.unrealized if with_unrealized else None
    return Part(
        name=name,
        realized=rates.value(tally.realized),
        unrealized=None if open_profit is None else rates.value(open_profit),
        fees=rates.value(tally.fees),
        trades=tally.trades,
    )
