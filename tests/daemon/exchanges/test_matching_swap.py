"""Margin, positions and realised profit on swaps."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from actors.rules.choices import Market, PositionMode
from actors.rules.model import Order, OrderSide, OrderState, Reason, Side
from actors.rules.settings import FeeSettings
from daemon.exchanges.matching import LIQUIDATION, NOTHING_LEFT, Book
from tests.daemon.exchanges.paper_kit import BTC, BUY, SELL, D, fills, money, new_book, new_order, place, refusal

PERP = f"{BTC}:USDT"


def swap_book(price: str = "100", **changes: Any) -> Book:
    return new_book(price, **{"market": Market.SWAP, **changes})


def swap_order(side: OrderSide, quantity: str, price: str | None = None, **changes: Any) -> Order:
    return new_order(side, quantity, price, symbol=PERP, **changes)


def held(book: Book, side: Side = Side.LONG) -> tuple[Decimal, Decimal, Decimal]:
    """Quantity, cost and margin of a position."""
    for position in book.settlement.positions():
        if position.side is side and position.quantity:
            return position.quantity, position.cost, position.margin
    return D(0), D(0), D(0)


def test_a_symbol_of_a_swap_account_is_the_perpetual() -> None:
    (instrument, _) = (market.instrument for market in swap_book().markets.values())
    assert (instrument.symbol, instrument.venue_symbol, instrument.quote) == (PERP, "BTCUSDT", "USDT")


def test_a_position_binds_its_value_divided_by_the_leverage() -> None:
    book = swap_book(leverage=5)
    place(book, swap_order(BUY, "10"))
    assert held(book) == (D(10), D(1_000), D(200))
    assert money(book) == (D(9_800), D(200))


def test_a_resting_order_binds_margin_and_the_dearer_fee_and_a_cancel_frees_them() -> None:
    book = swap_book(leverage=5, fees=FeeSettings(maker_percent=D("0.1"), taker_percent=D("0.2")))
    place(book, swap_order(BUY, "10", "99"))
    assert money(book) == (D(10_000) - D(198) - D("1.98"), D(198) + D("1.98"))
    book.cancel("order-1", 2)
    assert money(book) == (D(10_000), D(0))


@pytest.mark.rule("PNL-1")
@pytest.mark.parametrize(
    ("side", "close_price", "profit"), [(BUY, "110", 40), (BUY, "90", -40), (SELL, "110", -40), (SELL, "90", 40)]
)
def test_a_partial_close_realises_its_share_of_cost_and_frees_its_share_of_margin(
    side: OrderSide, close_price: str, profit: int
) -> None:
    book = swap_book(leverage=2)
    place(book, swap_order(side, "10", name="open"))
    book.move(PERP, D(close_price), 2)
    place(book, swap_order(SELL if side is BUY else BUY, "4", name="close", reduce_only=True))
    assert held(book, Side.LONG if side is BUY else Side.SHORT) == (D(6), D(600), D(300))
    assert money(book) == (D(9_700) + profit, D(300))


@pytest.mark.rule("PNL-2")
def test_uneven_shares_lose_nothing() -> None:
    book = swap_book(leverage=3)
    for number, (quantity, price) in enumerate((("1", "100"), ("0.051", "101"), ("5.003", "99"))):
        book.move(PERP, D(price), number)
        place(book, swap_order(BUY, quantity, name=f"in{number}"))
    book.move(PERP, D("103.37"), 9)
    for number, quantity in enumerate(("1.777", "0.333", "3.944")):
        place(book, swap_order(SELL, quantity, name=f"out{number}", reduce_only=True))
    spent = D(100) + D("0.051") * 101 + D("5.003") * 99
    assert held(book) == (D(0), D(0), D(0))
    assert money(book) == (D(10_000) + D("6.054") * D("103.37") - spent, D(0))


def test_an_opposite_order_closes_and_then_opens_the_other_side_in_one_way_mode() -> None:
    book = swap_book()
    place(book, swap_order(BUY, "2", name="a"))
    book.move(PERP, D(110), 2)
    place(book, swap_order(SELL, "5", name="b"))
    assert held(book) == (D(0), D(0), D(0))
    assert held(book, Side.SHORT) == (D(3), D(330), D(330))
    assert money(book) == (D(10_020) - 330, D(330))


def test_in_hedge_mode_both_sides_stand_beside_each_other() -> None:
    book = swap_book(position_mode=PositionMode.HEDGE)
    place(book, swap_order(BUY, "2", name="a"))
    place(book, swap_order(SELL, "3", name="b"))
    assert (held(book)[0], held(book, Side.SHORT)[0]) == (D(2), D(3))
    place(book, swap_order(SELL, "2", name="c", reduce_only=True))
    assert (held(book)[0], held(book, Side.SHORT)[0]) == (D(0), D(3))


def test_a_reduce_only_order_shrinks_to_the_position_and_the_rest_expires() -> None:
    book = swap_book()
    place(book, swap_order(BUY, "2", name="in"))
    out = place(book, swap_order(SELL, "3", name="out", reduce_only=True))
    assert fills(out) == [(D(2), D(100), False)]
    assert (out.state, out.words) == (OrderState.EXPIRED, NOTHING_LEFT)
    assert held(book, Side.SHORT)[0] == 0


@pytest.mark.rule("TP-9", "TP-7")
def test_a_stop_that_only_reduces_sells_what_a_target_beside_it_has_left() -> None:
    book = swap_book()
    place(book, swap_order(BUY, "2", name="in"))
    target = place(book, swap_order(SELL, "0.5", "110", name="target", reduce_only=True))
    stop = place(book, swap_order(SELL, "2", name="stop", trigger="95", reduce_only=True))
    assert (target.state, stop.state) == (OrderState.OPEN, OrderState.OPEN), "both rest for the same position"
    book.move(PERP, D(111), 2)
    book.move(PERP, D(94), 3)
    assert fills(stop) == [(D("1.5"), D(94), False)]
    assert held(book)[0] == held(book, Side.SHORT)[0] == 0


def test_reduce_only_orders_end_with_the_position() -> None:
    book = swap_book()
    place(book, swap_order(BUY, "2", name="in"))
    target = place(book, swap_order(SELL, "2", "120", name="target", reduce_only=True))
    place(book, swap_order(SELL, "2", name="close"))
    assert (target.state, target.words) == (OrderState.EXPIRED, NOTHING_LEFT)
    assert money(book) == (D(10_000), D(0))


def test_reduce_only_orders_bind_nothing_and_may_be_small() -> None:
    book = swap_book()
    place(book, swap_order(BUY, "2", name="in"))
    before = money(book)
    place(book, swap_order(SELL, "0.001", "120", name="target", reduce_only=True))
    assert money(book) == before


def test_a_reduce_only_order_of_the_positions_own_side_is_refused() -> None:
    book = swap_book()
    place(book, swap_order(BUY, "2", name="in"))
    assert refusal(book, swap_order(BUY, "1", name="more", reduce_only=True)).reason is Reason.NOTHING_TO_REDUCE


def test_leverage_bounds_what_can_be_opened() -> None:
    assert refusal(swap_book(leverage=2), swap_order(BUY, "200.001")).reason is Reason.INSUFFICIENT_FUNDS
    assert place(swap_book(leverage=2), swap_order(BUY, "200")).state is OrderState.FILLED


def test_a_sell_above_its_limit_is_paid_for_beforehand() -> None:
    """Sold at the bid, far above the limit: the margin of the better price must be there, too."""
    book = swap_book(balances={"USDT": D(150)})
    assert refusal(book, swap_order(SELL, "2", "50")).reason is Reason.INSUFFICIENT_FUNDS
    place(book, swap_order(SELL, "1.5", "50"))
    assert money(book) == (D(0), D(150))


@pytest.mark.parametrize(("side", "harmless", "fatal"), [(BUY, "81", "80"), (SELL, "119", "120")])
def test_a_position_whose_margin_is_used_up_is_liquidated_and_loses_no_more(
    side: OrderSide, harmless: str, fatal: str
) -> None:
    book = swap_book(leverage=5)
    place(book, swap_order(side, "10", name="in"))
    out, far = (SELL, "150") if side is BUY else (BUY, "50")
    target = place(book, swap_order(out, "10", far, name="out", reduce_only=True))
    book.take_changes()
    book.move(PERP, D(harmless), 2)
    assert book.take_changes().positions == ()
    book.move(PERP, D(fatal), 3)
    assert money(book) == (D(9_800), D(0))
    (order, *_) = book.take_changes().orders
    assert order.client_order_id.startswith(LIQUIDATION)
    assert order.trades[0].price == (D(80) if side is BUY else D(120))
    assert target.state is OrderState.EXPIRED


def test_funds_stay_above_zero_where_a_gap_goes_far_beyond_the_margin() -> None:
    book = swap_book(leverage=50, balances={"USDT": D(100)}, fees=FeeSettings(maker_percent=D(0), taker_percent=D(0)))
    place(book, swap_order(BUY, "50", name="in"))
    book.move(PERP, D(1), 2)
    assert money(book) == (D(0), D(0))
