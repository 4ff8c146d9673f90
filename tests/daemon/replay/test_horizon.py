"""The search for the next candle that matters."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from daemon.replay.columns import Columns
from daemon.replay.horizon import BLOCK, EVERYTHING, FIRST_LOOK, NEVER_ABOVE, NEVER_BELOW, NOTHING, Reach, Search


def market(prices: list[tuple[int, int]]) -> Columns:
    lows = np.array([low for low, _ in prices], dtype=np.int64)
    highs = np.array([high for _, high in prices], dtype=np.int64)
    return Columns(
        symbol="BTCUSDT",
        timeframe_ms=60_000,
        places=2,
        open_ms=np.arange(len(prices), dtype=np.int64) * 60_000,
        open=lows,
        high=highs,
        low=lows,
        close=highs,
        volumes=(pl.Series("volume", [None] * len(prices), dtype=pl.String),),
        starts=(0,),
        files=("BTCUSDT-1m.csv",),
    )


def by_hand(prices: list[tuple[int, int]], start: int, reach: Reach) -> int:
    for index in range(start, len(prices)):
        low, high = prices[index]
        if low <= reach.below or high >= reach.above:
            return index
    return len(prices)


@given(st.data())
def test_the_search_finds_what_looking_at_each_candle_finds(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 3 * BLOCK), label="candles")
    spikes = data.draw(st.dictionaries(st.integers(0, count - 1), st.integers(1, 2000), max_size=4), label="spikes")
    prices = [(1000 - spikes.get(index, 0) // 2, 1000 + spikes.get(index, 0)) for index in range(count)]
    search = Search(market(prices))
    below = data.draw(st.sampled_from([NEVER_BELOW, 999]) | st.integers(0, 1000), label="below")
    above = data.draw(st.sampled_from([NEVER_ABOVE, 1001]) | st.integers(1001, 3000), label="above")
    start = data.draw(st.integers(0, count) | st.sampled_from([0, FIRST_LOOK, BLOCK - 1, BLOCK]), label="start")
    assert search.next(start, Reach(below, above)) == by_hand(prices, start, Reach(below, above))


def test_nothing_that_waits_finds_nothing_and_everything_finds_the_next_one() -> None:
    search = Search(market([(1, 2)] * 5))
    assert search.next(0, NOTHING) == 5
    assert search.next(3, EVERYTHING) == 3
    assert search.next(5, EVERYTHING) == 5


def test_what_waits_for_either_waits_for_the_nearer_price_on_each_side() -> None:
    assert Reach(5, 20).wider(Reach(7, 30)) == Reach(7, 20)
    assert Reach(5, 20).wider(NOTHING) == Reach(5, 20)
