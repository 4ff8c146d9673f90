"""The equity curve, its drawdowns and its daily returns (PNL-4).

The curve is the equity it starts from plus profit, so deposits and withdrawals do not bend it. A whole world's curve
is made of its snapshots, whose totals hold what is unrealised; that of a part of it (an account, a symbol, ...) of
the ledger, and knows realised profit only, but for its last point, which is now.

A drawdown is the distance from the highest value so far, the start included, in percent of that value. It is of the
total where that is known, else of the realised equity.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import islice, pairwise, repeat
from typing import NamedTuple, overload
from zoneinfo import ZoneInfo

from actors.rules.money import CONTEXT, ZERO
from daemon.reports.periods import day_end_ms, day_of
from daemon.reports.scope import Rates, percent_of

SOME = 500
"""How many are worked on in one call, which the interpreter does for nobody else meanwhile."""
MAX_RETURNS = 3_660
"""Most daily returns the ratios are made of: the newest ten years."""


Totals = list[Decimal | None]


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


class Points(Sequence[Point]):
    """A curve as columns. A year of it as objects of its own would keep the garbage collector busy."""

    __slots__ = ("_realized", "_times_ms", "_totals")

    def __init__(
        self, times_ms: list[int] | None = None, realized: list[Decimal] | None = None, totals: Totals | None = None
    ) -> None:
        self._times_ms = times_ms or []
        self._realized = realized or []
        self._totals: Totals = totals or []

    def __len__(self) -> int:
        return len(self._times_ms)

    def __iter__(self) -> Iterator[Point]:
        return map(Point, self._times_ms, self._realized, self._totals)

    @overload
    def __getitem__(self, place: int) -> Point: ...
    @overload
    def __getitem__(self, place: slice) -> Points: ...
    def __getitem__(self, place: int | slice) -> Point | Points:
        if isinstance(place, slice):
            return Points(self._times_ms[place], self._realized[place], self._totals[place])
        return Point(self._times_ms[place], self._realized[place], self._totals[place])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def append(self, point: Point) -> None:
        self._times_ms.append(point.time_ms)
        self._realized.append(point.realized)
        self._totals.append(point.total)

    def levels(self) -> Iterator[Decimal]:
        """What drawdowns and returns are measured on, point by point."""
        return (one if total is None else total for one, total in zip(self._realized, self._totals, strict=True))

    @property
    def times_ms(self) -> Sequence[int]:
        return self._times_ms

    def first_index(self, is_wanted: Callable[[int], bool]) -> int:
        """Of the first point whose time is wanted; behind the last if none is."""
        return next((index for index, time_ms in enumerate(self._times_ms) if is_wanted(time_ms)), len(self))


def from_snapshots(snapshots: Iterable[tuple[int, str, str]], start: Decimal) -> Points:
    """The curve of a world, from (time, realised, unrealised). A snapshot that lacked a price is not among them: it
    would look like a loss.
    """
    add, rows = CONTEXT.add, iter(snapshots)
    times_ms, levels, totals = list[int](), list[Decimal](), list[Decimal | None]()
    while some := list(islice(rows, SOME)):
        some_ms, realized, unrealized = zip(*some, strict=True)
        some_levels = list(map(add, repeat(start), map(Decimal, realized)))
        times_ms += some_ms
        levels += some_levels
        totals += map(add, some_levels, map(Decimal, unrealized))
    return Points(times_ms, levels, totals)


def from_ledger(changes: Iterable[tuple[int, str, str]], start: Decimal, rates: Rates) -> Points | None:
    """The curve of a part, from (time, currency, realised); None where the price of a currency is missing.

    Changes of one moment are one point.
    """
    times_ms, levels = list[int](), list[Decimal]()
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
        if times_ms and times_ms[-1] == time_ms:
            levels[-1] = level
        else:
            times_ms.append(time_ms)
            levels.append(level)
    return Points(times_ms, levels, [None] * len(levels))


def drawdown_shares(points: Sequence[Point], start: Decimal | None) -> list[Decimal | None]:
    """Beside each point its distance from the peak, as a share of the peak; None where that is not above zero.

    `start`: the equity before the first point; None: not known, so the amounts are profit alone and nothing is a share.
    """
    if start is None:
        return [None] * len(points)
    peak, shares = start, list[Decimal | None]()
    subtract, divide = CONTEXT.subtract, CONTEXT.divide
    for level in points.levels() if isinstance(points, Points) else [point.level for point in points]:
        if level >= peak:
            peak = level
            shares.append(ZERO if peak > 0 else None)
        else:
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
    times_ms = points.times_ms if isinstance(points, Points) else [point.time_ms for point in points]
    index, level = 0, points[0].level
    while day < today:
        end_ms = day_end_ms(day, zone)
        index = bisect_left(times_ms, end_ms, index)
        level = points[index - 1].level if index else level
        ends.append(level)
        day += timedelta(days=1)
    return ends
