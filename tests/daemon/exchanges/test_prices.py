"""Price makers: the same input gives the same prices, and a restart goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from actors.rules.money import floor_to
from daemon.exchanges.candles import Candle
from daemon.exchanges.prices import (
    MAX_CATCH_UP_TICKS,
    REACTION_MS,
    TICK_MS,
    CandleMove,
    ManualPrices,
    ReplayPrices,
    SyntheticPrices,
    Tick,
    Walk,
)
from tests.daemon.exchanges.paper_kit import BTC, ETH, D

WALKS = {BTC: Walk(D(60_000), D("0.01")), ETH: Walk(D(3_000), D("0.1"))}


def walk(seed: int, ticks: int, symbol: str = BTC) -> list[Decimal]:
    prices = SyntheticPrices(seed, WALKS, {}, {}, 0)
    seen = []
    for number in range(ticks):
        moves = {move.symbol: move for move in prices.moves(number * TICK_MS)}
        move = moves[symbol]
        assert isinstance(move, Tick)
        seen.append(move.price)
    return seen


def test_made_up_prices_depend_on_the_seed_alone() -> None:
    assert walk(1, 50) == walk(1, 50)
    assert walk(1, 50) != walk(2, 50)
    assert walk(1, 1) == [D(60_000)]


def test_made_up_prices_lie_on_the_tick_and_move_little_at_a_time() -> None:
    prices = walk(3, 500, ETH)
    assert all(price == floor_to(price, D("0.1")) for price in prices)
    steps = [abs(after / before - 1) for before, after in pairwise(prices)]
    assert max(steps) <= D("0.0018")


def test_made_up_prices_go_through_a_ladder_within_minutes_and_stay_near_their_start_for_days() -> None:
    ten_minutes = 10 * 60 * 1000 // TICK_MS
    reached = sum(min(walk(seed, ten_minutes)) < 60_000 * D("0.98") for seed in range(20))
    assert reached >= 5
    hours = walk(5, 20_000)
    assert D("0.75") < min(hours) / 60_000 < max(hours) / 60_000 < D("1.25")


def test_made_up_prices_go_on_where_they_were_saved() -> None:
    whole = walk(7, 40)
    first = SyntheticPrices(7, WALKS, {}, {}, 0)
    known: dict[str, Decimal] = {}
    for number in range(20):
        known.update({move.symbol: move.price for move in first.moves(number * TICK_MS) if isinstance(move, Tick)})
    second = SyntheticPrices(7, WALKS, known, dict(first.facts()), 1_000_000)
    after = []
    for number in range(20):
        moves = second.moves(1_000_000 + number * TICK_MS)
        after += [move.price for move in moves if isinstance(move, Tick) and move.symbol == BTC]
    assert after == whole[20:]


def test_a_long_pause_is_not_made_up_for_tick_by_tick_and_a_clock_set_back_stops_nothing() -> None:
    prices = SyntheticPrices(1, WALKS, {}, {}, 0)
    assert len(prices.moves(3_600_000)) == MAX_CATCH_UP_TICKS * len(WALKS)
    prices.moves(3_600_000 + TICK_MS)
    assert prices.moves(1_000) == []
    assert len(prices.moves(1_000 + TICK_MS)) == len(WALKS)


def test_manual_prices_begin_with_those_of_the_config_that_nobody_changed_since() -> None:
    prices = ManualPrices({BTC: D(1), ETH: D(2)}, {ETH: D(5)}, 0)
    assert prices.next_ms() == 0
    assert prices.moves(0) == [Tick(BTC, D(1))]
    assert (prices.next_ms(), prices.moves(1)) == (None, [])


def candles(*opens_ms: int) -> Iterator[Candle]:
    for open_ms in opens_ms:
        yield Candle(open_ms, open_ms + 60_000, D(1), D(2), D(1), D(2), None)


def test_a_replay_on_its_own_clock_gives_each_candle_when_it_closes_and_shows_the_first_open_before() -> None:
    prices = ReplayPrices({BTC: candles(0, 60_000), ETH: candles(60_000)}, {}, now_ms=0, virtual=True)
    assert prices.next_ms() == 0
    assert prices.moves(0) == [Tick(BTC, D(1))]
    assert prices.next_ms() == 60_000
    moves = prices.moves(60_000)
    assert [(type(move), move.symbol) for move in moves] == [(CandleMove, BTC), (Tick, ETH)]
    assert [move.made_by_ms for move in moves if isinstance(move, CandleMove)] == [0]
    assert [move.symbol for move in prices.moves(120_000)] == [BTC, ETH]
    assert prices.next_ms() is None


def test_a_live_replay_runs_at_its_speed_and_gives_an_engine_time_to_react() -> None:
    prices = ReplayPrices({BTC: candles(600_000, 660_000, 720_000)}, {}, now_ms=5_000, speed=D(60))
    assert prices.next_ms() == 5_000
    prices.moves(5_000)
    assert prices.next_ms() == 6_000
    prices.moves(6_040)  # A little late.
    (second,) = prices.moves(7_000)
    assert isinstance(second, CandleMove)
    assert second.made_by_ms == 6_040 + REACTION_MS


def test_a_replay_goes_on_behind_the_last_candle_that_was_saved() -> None:
    first = ReplayPrices({BTC: candles(0, 60_000, 120_000)}, {}, now_ms=0, virtual=True)
    first.moves(120_000)
    second = ReplayPrices({BTC: candles(0, 60_000, 120_000)}, dict(first.facts()), now_ms=0, virtual=True)
    moves = second.moves(10**9)
    assert [move.candle.open_ms for move in moves if isinstance(move, CandleMove)] == [120_000]


def test_a_replay_whose_clock_is_set_back_goes_on() -> None:
    prices = ReplayPrices({BTC: candles(0, 60_000)}, {}, now_ms=1_000_000, speed=D(1))
    prices.moves(1_000_000)
    prices.moves(1_030_000)
    prices.moves(30_000)  # A million milliseconds earlier.
    assert prices.next_ms() == 60_000
