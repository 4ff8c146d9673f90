"""What the live groups plan, hold and lock, in the reporting currency (PNL-4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from actors.rules import profit
from actors.rules.model import Group
from actors.rules.money import CONTEXT, ZERO
from actors.rules.reserve import planned, reserved
from daemon.reports.scope import Amounts, Rates, percent_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    symbol: str
    amount: Decimal
    percent: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Capital:
    """None: a price is missing, or nothing is planned."""

    exposures: Sequence[Exposure]
    """Planned capital by symbol, unfilled legs included, largest first; empty where a price is missing."""
    locked_percent: Decimal | None
    """What unfilled legs may still cost, in percent of all planned capital."""
    deployed: Decimal | None
    """Cost of what is held; on swaps the notional, not the margin."""


def capital(groups: Sequence[Group], rates: Rates) -> Capital:
    """Of groups that are not closed."""
    all_planned = rates.value(_by_quote(groups, planned))
    locked = rates.value(_by_quote(groups, reserved))
    known = all_planned is not None and locked is not None
    return Capital(
        exposures=_exposures(groups, rates, all_planned),
        locked_percent=percent_of(locked or ZERO, all_planned or ZERO) if known else None,
        deployed=rates.value(_by_quote(groups, profit.invested)),
    )


def _exposures(groups: Sequence[Group], rates: Rates, total: Decimal | None) -> list[Exposure]:
    if total is None:
        return []
    by_symbol: dict[str, list[Group]] = {}
    for group in groups:
        by_symbol.setdefault(group.symbol, []).append(group)
    worth = {symbol: rates.value(_by_quote(own, planned)) or ZERO for symbol, own in by_symbol.items()}
    ranked = sorted(worth.items(), key=lambda item: (-item[1], item[0]))
    return [Exposure(symbol=symbol, amount=amount, percent=percent_of(amount, total)) for symbol, amount in ranked]


def _by_quote(groups: Sequence[Group], amount: Callable[[Group], Decimal]) -> Amounts:
    sums: dict[str, Decimal] = {}
    for group in groups:
        quote = group.instrument.quote
        sums[quote] = CONTEXT.add(sums.get(quote, ZERO), amount(group))
    return sums
