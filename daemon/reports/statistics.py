"""Figures over closed trades (PNL-4). A trade is a closed group that had a fill; its profit is net of fees.

Percentages of a trade are of the cost invested in it: what its entry fills cost, fees excluded (PNL-1). A trade that
made exactly nothing is neither a win nor a loss, but it is a trade.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from heapq import nlargest, nsmallest
from itertools import pairwise, repeat
from operator import truediv
from typing import Any

from actors.rules.money import CONTEXT, HUNDRED, ZERO
from daemon.reports.scope import AMOUNT_PLACES, RATIO_PLACES, Rates, percent_of, quotient, rounded, summed

MAX_EXTREMES = 10
"""Best and worst trades that are named."""
MAX_CELLS = 5_000
"""Most cells of the heat map; those with the fewest trades are left out beyond it."""
_BELOW_ZERO = ("-50", "-20", "-10", "-5", "-3", "-2", "-1", "-0.5")
EDGES = tuple(map(Decimal, (*_BELOW_ZERO, "0", "0.5", "1", "2", "3", "5", "10", "20", "50")))
"""Bounds of the histogram's bars in percent of the cost invested; the outer bars are open."""

_SHARES = tuple(CONTEXT.divide(edge, HUNDRED) for edge in EDGES)
_TOO_NEAR = 1e-9
"""A return so near to a bound is compared exactly."""
_FROM_EARLY = tuple(float(share) - _TOO_NEAR for share in _SHARES)
_FROM_LATE = tuple(float(share) + _TOO_NEAR for share in _SHARES)

PERCENT_BASIS = "percentages of trades are of the cost invested: what the entry fills cost, fees excluded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trades:
    """Closed groups of one symbol, timeframe and currency, as they stand in the store: lists side by side.

    A hundred thousand are asked for while orders are on their way; lists of text are what costs least.
    """

    symbol: str
    timeframe: str
    quote: str
    group_ids: Sequence[str]
    realized: Sequence[str]
    invested: Sequence[str]
    close_times_ms: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One trade in the reporting currency."""

    group_id: str
    symbol: str
    timeframe: str
    realized: Decimal
    percent: Decimal | None
    close_time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Trades from `low`, included, to `high`, excluded, in percent; None: no bound."""

    low: Decimal | None
    high: Decimal | None
    trades: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    symbol: str
    timeframe: str
    realized: Decimal | None
    trades: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeStatistics:
    """Money in the reporting currency. None: there is nothing to compute it from, or a price is missing."""

    trades: int
    win_rate: Decimal | None
    realized: Decimal | None
    average_win: Decimal | None
    average_loss: Decimal | None
    """Below zero."""
    profit_factor: Decimal | None
    """Sum of profits by sum of losses; None without losses."""
    reward_risk: Decimal | None
    best: Sequence[Result]
    worst: Sequence[Result]
    histogram: Sequence[Bar]
    heat_map: Sequence[Cell]
    quotes: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Valued:
    """Trades with their profit in quote and, if it has a price, in the reporting currency."""

    trades: Trades
    raw: Sequence[Decimal]
    money: Sequence[Decimal] | None


def statistics(found: Sequence[Trades], rates: Rates) -> TradeStatistics:
    """Of all these trades."""
    valued = [_valued(trades, rates) for trades in found]
    count = sum(len(each.raw) for each in valued)
    wins = sum(len(_above_zero(each.raw)) for each in valued)
    losses = sum(len(_below_zero(each.raw)) for each in valued)
    money = None if any(each.money is None for each in valued) else [each.money or () for each in valued]
    gained = None if money is None else summed(summed(_above_zero(amounts)) for amounts in money)
    lost = None if money is None else summed(summed(_below_zero(amounts)) for amounts in money)
    return TradeStatistics(
        trades=count,
        win_rate=percent_of(Decimal(wins), Decimal(count)),
        realized=None if gained is None or lost is None else CONTEXT.add(gained, lost),
        average_win=None if gained is None else quotient(gained, Decimal(wins), AMOUNT_PLACES),
        average_loss=None if lost is None else quotient(lost, Decimal(losses), AMOUNT_PLACES),
        profit_factor=None if gained is None or lost is None else quotient(gained, -lost, RATIO_PLACES),
        reward_risk=None if gained is None or lost is None else _reward_risk(gained, wins, lost, losses),
        best=() if money is None else _extremes(valued, nlargest)[::-1],
        worst=() if money is None else _extremes(valued, nsmallest),
        histogram=_histogram(found),
        heat_map=_heat_map(valued, rates),
        quotes=frozenset(trades.quote for trades in found),
    )


def _valued(trades: Trades, rates: Rates) -> _Valued:
    raw = list(map(Decimal, trades.realized))
    if trades.quote == rates.currency:
        return _Valued(trades, raw, raw)
    rate = rates.of(trades.quote)
    if rate is None:
        return _Valued(trades, raw, None)
    return _Valued(trades, raw, [rounded(CONTEXT.multiply(amount, rate), AMOUNT_PLACES) for amount in raw])


def _above_zero(amounts: Sequence[Decimal]) -> list[Decimal]:
    return list(filter(ZERO.__lt__, amounts))


def _below_zero(amounts: Sequence[Decimal]) -> list[Decimal]:
    return list(filter(ZERO.__gt__, amounts))


def _reward_risk(gained: Decimal, wins: int, lost: Decimal, losses: int) -> Decimal | None:
    """Average win by average loss, from the sums: no average is rounded on the way."""
    return quotient(gained * losses, -lost * wins, RATIO_PLACES)


def _extremes(valued: Sequence[_Valued], pick: Callable[..., list[Any]]) -> list[Result]:
    """The `MAX_EXTREMES` lowest or highest, lowest first; of equal ones the earlier close counts as lower."""
    candidates: list[tuple[Decimal, int, str, int, int]] = []
    for place, each in enumerate(valued):
        amounts, closes, ids = each.money or (), each.trades.close_times_ms, each.trades.group_ids
        if len(candidates) == MAX_EXTREMES and amounts and not _reaches(amounts, candidates[-1][0], pick):
            continue
        rows = zip(amounts, closes, ids, range(len(ids)), strict=True)
        found = [(row[0], int(row[1]), row[2], place, row[3]) for row in pick(MAX_EXTREMES, rows)]
        candidates = pick(MAX_EXTREMES, [*candidates, *found])
    return [_result(valued[place].trades, index, amount) for amount, _, _, place, index in sorted(candidates)]


def _reaches(amounts: Sequence[Decimal], weakest: Decimal, pick: Callable[..., list[Any]]) -> bool:
    """Whether one of them may be among the extremes, `weakest` being the last of those."""
    return max(amounts) >= weakest if pick is nlargest else min(amounts) <= weakest


def _result(trades: Trades, index: int, amount: Decimal) -> Result:
    return Result(
        group_id=trades.group_ids[index],
        symbol=trades.symbol,
        timeframe=trades.timeframe,
        realized=amount,
        percent=return_percent(trades.realized[index], trades.invested[index]),
        close_time_ms=int(trades.close_times_ms[index]),
    )


def return_percent(realized: str, invested: str) -> Decimal | None:
    """Profit in percent of what was invested, both in quote; None if that is nothing."""
    return percent_of(Decimal(realized), Decimal(invested))


def _histogram(found: Sequence[Trades]) -> list[Bar]:
    """Every bar is there, the empty ones too. A trade that invested nothing has no return and is in none."""
    counts: Counter[int] = Counter()
    for trades in found:
        counts.update(_bars(trades))
    bounds: list[Decimal | None] = [None, *EDGES, None]
    return [Bar(low=low, high=high, trades=counts[number]) for number, (low, high) in enumerate(pairwise(bounds))]


def _bars(trades: Trades) -> list[int]:
    """Which bar each trade is in. By floats, all at once; those too near to a bound one by one, exactly."""
    realized, invested = trades.realized, trades.invested
    costs = list(map(float, invested))
    if 0.0 in costs:
        kept = [number for number, cost in enumerate(costs) if cost]
        realized, invested = [realized[number] for number in kept], [invested[number] for number in kept]
        costs = [costs[number] for number in kept]
    shares = list(map(truediv, map(float, realized), costs))
    bars = list(map(bisect_right, repeat(_FROM_LATE), shares))
    highest = list(map(bisect_right, repeat(_FROM_EARLY), shares))
    if bars != highest:
        for number in [number for number, (low, high) in enumerate(zip(bars, highest, strict=True)) if low != high]:
            share = CONTEXT.divide(Decimal(realized[number]), Decimal(invested[number]))
            bars[number] = bisect_right(_SHARES, share)
    return bars


def _heat_map(valued: Sequence[_Valued], rates: Rates) -> list[Cell]:
    """By symbol and timeframe, in that order."""
    counts: Counter[tuple[str, str]] = Counter()
    amounts: dict[tuple[str, str], dict[str, Decimal]] = {}
    for each in valued:
        place = (each.trades.symbol, each.trades.timeframe)
        sums = amounts.setdefault(place, {})
        sums[each.trades.quote] = CONTEXT.add(sums.get(each.trades.quote, ZERO), summed(each.raw))
        counts[place] += len(each.raw)
    kept = sorted(sorted(counts, key=counts.__getitem__, reverse=True)[:MAX_CELLS])
    return [
        Cell(symbol=place[0], timeframe=place[1], realized=rates.value(amounts[place]), trades=counts[place])
        for place in kept
    ]
