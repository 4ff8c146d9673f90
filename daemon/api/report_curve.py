"""The equity curve of a report's scope, from what is stored and what is so now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from actors.rules.money import CONTEXT, ZERO, plain
from daemon.api import status, valuing
from daemon.api.account_states import AccountNow, describe_all
from daemon.api.engine import Engine
from daemon.reports import equity, queries
from daemon.reports.equity import Point, Points, Snapshot
from daemon.reports.scope import Amounts, Rates, Scope

Changes = Sequence[tuple[int, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Within the scope's times. One whose start is not known begins at zero and has no percentages."""

    points: Sequence[Point] = ()
    shares: Sequence[Decimal | None] = ()
    """Beside each point its distance from the highest so far, as a share of that."""
    before: Decimal | None = None
    """The equity before the first point; None: not known."""
    of_what: str
    """What returns and drawdowns are of, in words."""
    basis: str
    currency: str
    note: str

    def daily_returns(self, zone: ZoneInfo, now_ms: int) -> list[Decimal] | None:
        """None: not known."""
        return None if self.before is None else equity.daily_returns(self.points, self.before, zone, now_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """What the store has for a curve."""

    first: Snapshot | None = None
    snapshots: Sequence[tuple[int, str, str]] = ()
    """Of a whole world; empty for a part of it, and before the first is taken."""
    changes: Changes = ()
    """The ledger, where there are no snapshots."""
    realized: Amounts
    """Of all time and all of the scope's accounts, by currency."""


async def curve_of(engine: Engine, scope: Scope, rates_of: Callable[[Iterable[str]], Rates]) -> Curve:
    """A whole world's curve is made of its snapshots, that of a part of it of the ledger; its last point is now."""
    accounts = [each for each in engine.accounts(scope.world) if scope.account in ("", each.name)]
    stored, known = await asyncio.gather(_stored(engine, scope), describe_all(engine, accounts))
    return await asyncio.to_thread(_curve, engine, scope, stored, known, rates_of)


async def _stored(engine: Engine, scope: Scope) -> _Stored:
    def ask(run: queries.Run) -> _Stored:
        first = queries.first_equity(run, scope.world) if scope.is_whole else None
        earned = queries.realized_now(run, scope.world, scope.account)
        if first is None:
            return _Stored(changes=queries.ledger_changes(run, scope), realized=earned)
        return _Stored(first=first, snapshots=queries.equity(run, scope), realized=earned)

    found: _Stored = await engine.read(engine.reader.report, ask)
    return found


def _curve(
    engine: Engine,
    scope: Scope,
    stored: _Stored,
    known: Sequence[AccountNow],
    rates_of: Callable[[Iterable[str]], Rates],
) -> Curve:
    quotes = {*stored.realized, *(quote for _, quote, _ in stored.changes)}
    rates, now_ms = rates_of(quotes), engine.clock.now_ms()
    start = _start(stored.first) if stored.first else _start_by_now(engine, scope, stored, known, rates)
    origin = start or ZERO
    points = _points(stored, origin, rates)
    realized = rates.value(stored.realized) if stored.first else (points[-1].realized - origin if points else ZERO)
    gain = valuing.unrealized(engine, [group for group in engine.view.current.live(scope.world) if scope.covers(group)])
    is_now_told = scope.end_ms is None or scope.end_ms > now_ms
    if gain is None and stored.first is not None:
        is_now_told = False  # Realised equity beside totals would look like a profit or a loss.
    if points is not None and realized is not None and is_now_told:
        level = CONTEXT.add(origin, realized)
        points.append(Point(now_ms, level, None if gain is None else CONTEXT.add(level, gain)))
    return _within(scope, points or Points(), start, rates, is_whole=stored.first is not None, quotes=quotes)


def _points(stored: _Stored, origin: Decimal, rates: Rates) -> Points | None:
    """None: the price of a currency is missing."""
    if stored.first is not None:
        return equity.from_snapshots(stored.snapshots, origin)
    return equity.from_ledger(stored.changes, origin, rates)


def _start(first: Snapshot) -> Decimal:
    """Equity before any profit: deposits and withdrawals since the first snapshot are not in it."""
    return CONTEXT.subtract(CONTEXT.subtract(first.equity, first.realized), first.unrealized)


def _start_by_now(
    engine: Engine, scope: Scope, stored: _Stored, known: Sequence[AccountNow], rates: Rates
) -> Decimal | None:
    """What the scope's accounts hold now less what was earned on them; None where something of it is not known."""
    worth = status.total_equity(engine, known) if known else None
    groups = [group for group in engine.view.current.live(scope.world) if scope.account in ("", group.account)]
    gain, realized = valuing.unrealized(engine, groups), rates.value(stored.realized)
    if worth is None or gain is None or realized is None:
        return None
    return CONTEXT.subtract(CONTEXT.subtract(worth, realized), gain)


def _within(
    scope: Scope, points: Points, start: Decimal | None, rates: Rates, *, is_whole: bool, quotes: Iterable[str]
) -> Curve:
    """What lies in the scope's times; the peak of before still counts."""
    shares = equity.drawdown_shares(points, start)
    first = points.first_index(scope.holds)
    before = start if start is None or not first else points[first - 1].level
    what = "total equity (realised and unrealised)" if is_whole else "realised equity"
    return Curve(
        points=points[first:],
        shares=shares[first:],
        before=before,
        of_what=what,
        basis=_words(scope, start, what, is_whole=is_whole),
        currency=rates.currency,
        note=rates.note(quotes),
    )


def _words(scope: Scope, start: Decimal | None, what: str, *, is_whole: bool) -> str:
    whose = f"account {scope.account}" if scope.account else f"the {scope.world.value} world"
    if start is None:
        return "profit from zero: the equity it started from is not known, so there are no percentages"
    source = "at its first snapshot" if is_whole else "now, less what was earned"
    return (
        f"starts from the equity of {whose} {source} ({plain(start)}), profit is added, deposits and withdrawals are "
        f"not; drawdown in percent of the highest {what} so far"
    )
