"""The equity curve, its drawdowns and its daily returns (PNL-4).

The curve is the equity it starts from plus profit, so deposits and withdrawals do not bend it. A whole world's curve
is made of its snapshots, whose totals hold what is unrealised; that of a part of it (an account, a symbol, ...) of
the ledger, and knows realised profit only, but for its last point, which is now.

A drawdown is the distance from the highest value so far, the start included, in percent of that value. It is of the
total where that is known, else of the realised equity.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from actors.rules.money import CONTEXT
from daemon.reports.periods import day_end_ms, day_of
from daemon.reports.scope import Rates, percent_of

MAX_RETURNS = 3_660
"""Most daily returns the ratios are made of: the newest ten years."""


class Snapshot(NamedTuple):
    """A stored look at a world, in the reporting currency."""

    time_ms: int
    equity: Decimal
    realized: Decimal
    unrealized: Decimal


class Point(NamedTuple):
    """The curve at one moment. `total` None: not known."""

    time_ms: int
    realized: Decimal
    total: Decimal | None

    @property
    def level(self) -> Decimal:
        """What drawdowns and returns are measured on."""
        return self.realized if self.total is None else self.total


def from_snapshots(snapshots: Iterable[tuple[int, str, str]], start: Decimal) -> list[Point]:
    """The curve of a world, from (time, realised, unrealised). A snapshot that lacked a price is not among them: it
    would look like a loss.
    """
    add, points = CONTEXT.add, list[Point]()
    for time_ms, realized, unrealized in snapshots:
        level = add(start, Decimal(realized))
        points.append(Point(time_ms, level, add(level, Decimal(unrealized))))
    return points


def from_ledger(changes: Iterable[tuple[int, str, str]], start: Decimal, rates: Rates) -> list[Point] | None:
    """The curve of a part, from (time, currency, realised); None where the price of a currency is missing.

    Changes of one moment are one point.
    """
    points: list[Point] = []
    worth: dict[str, Decimal | None] = {}
    level, add, multiply = start, CONTEXT.add, CONTEXT.multiply
    for time_ms, quote, text in changes:
        amount = Decimal(text)
        if quote != rates.currency:
            rate = worth[quote] if quote in worth else worth.setdefault(quote, rates.of(quote))
            if rate is None:
                return None
            amount = multiply(amount, rate)
        level = add(level, amount)
        if points and points[-1][0] == time_ms:
            points.pop()
        points.append(Point(time_ms, level, None))
    return points


def drawdown_shares(points: Sequence[Point], start: Decimal | None) -> list[Decimal | None]:
    """Beside each point its distance from the peak, as a share of the peak; None where that is not above zero.

    `start`: the equity before the first point; None: not known, so the amounts are profit alone and nothing is a share.
    """
    if start is None:
        return [None] * len(points)
    peak, shares = start, list[Decimal | None]()
    subtract, divide = CONTEXT.subtract, CONTEXT.divide
    for _, realized, total in points:
        level = realized if total is None else total
        peak = max(peak, level)
        shares.append(divide(subtract(peak, level), peak) if peak > 0 else None)
    return shares


def deepest(shares: Sequence[Decimal | None]) -> Decimal | None:
    """None where there is none."""
    return max((share for share in shares if share is not None), default=None)


def share_percent(share: Decimal | None) -> Decimal | None:
    return None if share is None else percent_of(share, Decimal(1))


def thinned(count: int, most: int) -> list[int]:
    """At most `most` indexes of `count`, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    if most == 1:
        return [count - 1]
    return [index * (count - 1) // (most - 1) for index in range(most)]


def daily_returns(points: Sequence[Point], start: Decimal, zone: ZoneInfo, now_ms: int) -> list[Decimal] | None:
    """Change of each complete day over the equity at its start, oldest first; a day without a point did not change it.

    The first day counts from `start`, the day of `now_ms` is not over and does not count. None where the equity was
    not above zero at the start of a day.
    """
    if not points:
        return []
    levels = [start, *_day_ends(points, zone, now_ms)]
    if any(level <= 0 for level in levels[:-1]):
        return None
    changes = [CONTEXT.divide(CONTEXT.subtract(after, before), before) for before, after in pairwise(levels)]
    return changes[-MAX_RETURNS:]


def _day_ends(points: Sequence[Point], zone: ZoneInfo, now_ms: int) -> list[Decimal]:
    """The curve at the end of each complete day since the first point."""
    day, today = day_of(points[0].time_ms, zone), day_of(now_ms, zone)
    ends: list[Decimal] = []
    index, level = 0, points[0].level
    while day < today:
        end_ms = day_end_ms(day, zone)
        while index < len(points) and points[index].time_ms < end_ms:
            level = points[index].level
            index += 1
        ends.append(level)
        day += timedelta(days=1)
    return ends
