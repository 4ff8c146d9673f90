"""Candles against a book: who may fill, at what, in which order, and how much (PAPER-2)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from actors.rules.choices import FillRule, Market
from actors.rules.model import OrderState
from daemon.exchanges.candle_path import run_candle
from daemon.exchanges.candles import Candle
from daemon.exchanges.matching import Book
from tests.daemon.exchanges.paper_kit import BTC, BUY, SELL, D, fills, money, new_book, new_order, place

pytestmark = pytest.mark.rule("PAPER-2")
PERP = f"{BTC}:USDT"


def run(
    book: Book,
    open: str,
    high: str,
    low: str,
    close: str,
    volume: str | None = None,
    *,
    opened_ms: int = 1_000,
    symbol: str = BTC,
) -> None:
    candle = Candle(
        open_ms=opened_ms,
        close_ms=opened_ms + 60_000,
        open=D(open),
        high=D(high),
        low=D(low),
        close=D(close),
        volume=None if volume is None else D(volume),
    )
    run_candle(book, symbol, candle, made_by_ms=opened_ms, now_ms=candle.close_ms)


def test_what_a_candle_reaches_fills_at_its_own_price_when_the_candle_closes() -> None:
    book = new_book(balances={"USDT": D(1_000), "BTC": D(1)})
    buy = place(book, new_order(BUY, "1", "95", name="buy"))
    sell = place(book, new_order(SELL, "1", "105", name="sell"))
    run(book, "100", "106", "94", "101")
    assert (fills(buy), fills(sell)) == ([(D(1), D(95), True)], [(D(1), D(105), True)])
    assert buy.trades[0].time_ms == 61_000
    assert book.markets[BTC].price == 101


@pytest.mark.parametrize(("fill", "is_filled"), [(FillRule.CROSS, False), (FillRule.TOUCH, True)])
def test_an_extreme_that_only_touches_fills_only_where_that_is_asked_for(fill: FillRule, is_filled: bool) -> None:
    book = new_book(fill=fill)
    buy = place(book, new_order(BUY, "1", "95"))
    run(book, "100", "101", "95", "100")
    assert bool(buy.trades) is is_filled


def test_an_order_made_inside_a_candle_waits_for_the_next_one() -> None:
    book = new_book()
    late = place(book, new_order(BUY, "1", "95", name="late"), now_ms=1_001)
    at_the_open = place(book, new_order(BUY, "1", "95", name="prompt"), now_ms=1_000)
    run(book, "100", "101", "90", "100", opened_ms=1_000)
    assert (late.trades, len(at_the_open.trades)) == ([], 1)
    run(book, "100", "101", "90", "100", opened_ms=61_000)
    assert fills(late) == [(D(1), D(95), True)]


def test_latency_does_not_cost_an_order_its_candle() -> None:
    book = new_book()
    order = place(book, new_order(BUY, "1", "95"), now_ms=1_200, made_ms=1_000)
    run(book, "100", "101", "90", "100", opened_ms=1_000)
    assert len(order.trades) == 1


def test_an_order_the_close_went_through_fills_in_the_next_candle_not_before() -> None:
    book = new_book()
    order = place(book, new_order(BUY, "1", "95"), now_ms=2_000)
    run(book, "100", "100", "90", "90", opened_ms=1_000)
    assert order.state is OrderState.OPEN
    run(book, "90", "91", "89", "90", opened_ms=61_000)
    assert fills(order) == [(D(1), D(95), True)]


# --- volume ----------------------------------------------------------------------------------------


def test_resting_orders_share_the_volume_best_price_first_and_the_rest_waits() -> None:
    book = new_book(balances={"USDT": D(10_000)})
    far = place(book, new_order(BUY, "2", "94", name="far"))
    near = place(book, new_order(BUY, "2", "95", name="near"))
    run(book, "100", "100", "90", "100", "3.0005")
    assert (near.state, far.state, far.filled) == (OrderState.FILLED, OrderState.PARTIALLY_FILLED, D(1))
    run(book, "100", "100", "90", "100", "0.25", opened_ms=61_000)
    run(book, "100", "100", "90", "100", "10", opened_ms=121_000)
    assert [trade.quantity for trade in far.trades] == [D(1), D("0.25"), D("0.75")]
    assert money(book) == (D(10_000) - 190 - 188, D(0))


def test_a_candle_in_which_nothing_was_traded_fills_nothing() -> None:
    book = new_book()
    order = place(book, new_order(BUY, "1", "95"))
    run(book, "90", "90", "90", "90", "0")
    assert order.trades == []


# --- the worse way ---------------------------------------------------------------------------------


def perp(balance: str = "1000", **changes: Any) -> Book:
    return new_book(market=Market.SWAP, balances={"USDT": D(balance)}, **changes)


@pytest.mark.parametrize(("first", "stop", "target"), [(BUY, "95", "105"), (SELL, "105", "95")])
def test_of_stop_and_target_in_one_candle_the_stop_comes_first(first: Any, stop: str, target: str) -> None:
    """Whichever the candle did first, the account gets the worse: a long loses at the low, a short at the high."""
    book = perp()
    out = SELL if first is BUY else BUY
    place(book, new_order(first, "1", symbol=PERP, name="in"))
    stopped = place(book, new_order(out, "1", trigger=stop, symbol=PERP, name="stop", reduce_only=True))
    hit = place(book, new_order(out, "1", target, symbol=PERP, name="target", reduce_only=True))
    run(book, "100", "110", "90", "100", symbol=PERP)
    assert (stopped.state, hit.state) == (OrderState.FILLED, OrderState.EXPIRED)
    assert money(book) == (D(995), D(0))


def test_the_worse_way_is_taken_for_scarce_volume_too() -> None:
    """With volume for one: sold at 105 and left with coins worth 100 is better than having bought another at 95?

    No: bought at 95 gains 5 at the close of 100, and sold at 105 gains 5; with a close of 103 the purchase gains 8
    and the sale 2, so the sale is what the account gets.
    """
    book = new_book(balances={"USDT": D(1_000), "BTC": D(1)})
    buy = place(book, new_order(BUY, "1", "95", name="buy"))
    sell = place(book, new_order(SELL, "1", "105", name="sell"))
    run(book, "100", "106", "94", "103", "1")
    assert (buy.state, sell.state) == (OrderState.OPEN, OrderState.FILLED)


def test_a_stop_inside_a_candle_fills_at_its_trigger_and_after_a_gap_at_the_open() -> None:
    inside, gapped = (new_book(balances={"BTC": D(1)}, slippage_percent=D(1)) for _ in range(2))
    for book in (inside, gapped):
        place(book, new_order(SELL, "1", trigger="95"))
    run(inside, "100", "100", "90", "91")
    run(gapped, "92", "100", "90", "91")
    assert money(inside)[0] == D(95) * D("0.99")
    assert money(gapped)[0] == D(92) * D("0.99")


def test_levels_are_met_in_the_order_of_the_way_down() -> None:
    book = new_book(balances={"USDT": D(10_000), "BTC": D(2)})
    place(book, new_order(BUY, "1", "97", name="97"))
    place(book, new_order(SELL, "1", trigger="96", name="96"))
    place(book, new_order(BUY, "1", "95", name="95"))
    place(book, new_order(SELL, "1", trigger="98", name="98"))
    book.take_changes()
    run(book, "100", "100", "90", "90")
    assert [order.client_order_id for order, _ in book.take_changes().trades] == ["98", "97", "96", "95"]


def test_a_position_is_liquidated_inside_a_candle() -> None:
    book = perp("20", leverage=5)
    place(book, new_order(BUY, "1", symbol=PERP, name="in"))
    run(book, "100", "100", "70", "100", symbol=PERP)
    assert money(book) == (Decimal(0), Decimal(0))


def test_trying_both_ways_leaves_no_trace() -> None:
    book = perp()
    place(book, new_order(BUY, "2", symbol=PERP, name="in"))
    place(book, new_order(SELL, "1", trigger="95", symbol=PERP, name="stop", reduce_only=True))
    place(book, new_order(SELL, "1", "105", symbol=PERP, name="target", reduce_only=True))
    book.take_changes()
    run(book, "100", "110", "90", "100", symbol=PERP)
    assert [trade.trade_id for _, trade in book.take_changes().trades] == ["2", "3"]
    assert money(book) == (D(1_000), D(0))
