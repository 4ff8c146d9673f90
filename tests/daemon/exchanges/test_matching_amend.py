"""Resting orders whose price and quantity change under the same ids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from actors.messages import Answered, Fate, Streamed
from actors.rules.choices import FillRule, Market
from actors.rules.model import OrderState, Reason, Refused, TimeInForce
from daemon.exchanges.candle_path import run_candle
from daemon.exchanges.candles import Candle
from daemon.exchanges.matching import Book
from daemon.exchanges.paper_order import PaperOrder
from tests.daemon.exchanges.paper_kit import BTC, BUY, RULES, SELL, D, fills, money, new_book, new_order, place
from tests.daemon.exchanges.test_paper_venue import Bench

PERP = f"{BTC}:USDT"


def amend(book: Book, price: str, quantity: str, name: str = "order-1") -> PaperOrder:
    amended = book.amend(name, D(price), D(quantity), 2)
    assert isinstance(amended, PaperOrder), amended
    return amended


def refused(book: Book, price: str, quantity: str, name: str = "order-1") -> Refused:
    before = book.state()
    answer = book.amend(name, D(price), D(quantity), 2)
    assert isinstance(answer, Refused), answer
    assert book.state() == before
    return answer


@pytest.mark.rule("ORD-9", "PAPER-1")
def test_an_amended_order_keeps_its_ids_and_binds_what_it_may_cost_now() -> None:
    book = new_book()
    number = place(book, new_order(BUY, "2", "99")).number
    order = amend(book, "98.5", "3")
    assert (order.number, order.price, order.quantity, order.update_ms) == (number, D("98.5"), D(3), 2)
    assert money(book) == (D(10_000) - D("295.5"), D("295.5"))
    (changed,) = book.take_changes().orders
    assert changed is order
    book.move(BTC, D("98.4"), 3)
    assert fills(order) == [(D(3), D("98.5"), True)]


@pytest.mark.rule("ORD-9")
def test_a_partly_filled_order_is_amended_by_its_whole_quantity() -> None:
    book = new_book()
    order = place(book, new_order(BUY, "2", "99"))
    book.fill(order, book.markets[BTC], D("0.5"), D(99), maker=True, now_ms=1)
    assert refused(book, "99", "0.5").reason is Reason.BAD_QUANTITY
    assert amend(book, "99", "1.5").remaining == 1
    assert money(book)[1] == 99
    assert order.state is OrderState.PARTIALLY_FILLED


@pytest.mark.rule("ORD-9", "PAPER-1")
@pytest.mark.parametrize(
    ("price", "quantity", "is_first"), [("99", "1.5", True), ("99", "2", True), ("99", "2.5", False)]
)
def test_only_an_order_that_got_no_larger_keeps_its_place_among_equals(
    price: str, quantity: str, is_first: bool
) -> None:
    book = new_book(fill=FillRule.TOUCH)
    place(book, new_order(BUY, "2", "99"))
    place(book, new_order(BUY, "2", "99", name="order-2"))
    amend(book, price, quantity)
    first = book.markets[BTC].buys.first()
    assert first is not None
    assert (first.client_order_id == "order-1") is is_first
    again = Book(book.account, [market.instrument for market in book.markets.values()], book.state())
    found = again.markets[BTC].buys.first()
    assert found is not None
    assert found.client_order_id == first.client_order_id, "also after the books were read again"


@pytest.mark.rule("ORD-9")
def test_one_that_left_its_price_and_came_back_is_behind_the_others_and_fills_once() -> None:
    book = new_book(fill=FillRule.TOUCH)
    order = place(book, new_order(BUY, "2", "99"))
    other = place(book, new_order(BUY, "2", "99", name="order-2"))
    amend(book, "98", "2")
    amend(book, "99", "2")
    book.move(BTC, D(99), 3)
    assert [len(each.trades) for each in (order, other)] == [1, 1]
    assert int(other.trades[0].trade_id) < int(order.trades[0].trade_id)


@pytest.mark.rule("ORD-9", "PAPER-1")
def test_an_amend_beyond_the_market_takes() -> None:
    book = new_book()
    place(book, new_order(BUY, "2", "99"))
    order = amend(book, "101", "2")
    assert (order.state, fills(order)) == (OrderState.FILLED, [(D(2), D(100), False)])


@pytest.mark.rule("ORD-9", "PRC-7")
@pytest.mark.parametrize(
    ("price", "quantity", "reason"),
    [
        ("99.005", "2", Reason.BAD_PRICE),
        ("99", "2.0005", Reason.BAD_QUANTITY),
        ("99", "0.01", Reason.BELOW_MIN_NOTIONAL),
        ("99", "0", Reason.BELOW_MIN_QUANTITY),
        ("99", "102", Reason.INSUFFICIENT_FUNDS),
    ],
)
def test_a_refused_amend_changes_nothing(price: str, quantity: str, reason: Reason) -> None:
    book = new_book()
    place(book, new_order(BUY, "2", "99"))
    assert refused(book, price, quantity).reason is reason


@pytest.mark.rule("ORD-9")
def test_what_is_not_there_is_no_limit_order_or_must_not_take_is_refused() -> None:
    book = new_book(balances={"USDT": D(10_000), "BTC": D(1)})
    assert refused(book, "99", "1").reason is Reason.ORDER_NOT_FOUND
    place(book, new_order(SELL, "1", trigger="90", name="stop"))
    assert refused(book, "99", "1", "stop").reason is Reason.ORDER_NOT_FOUND
    place(book, new_order(BUY, "1", "99", name="post", time_in_force=TimeInForce.POST_ONLY))
    assert refused(book, "100", "1", "post").reason is Reason.WOULD_TAKE


@pytest.mark.rule("ORD-9")
def test_a_reduce_only_order_is_amended_on_a_swap_and_still_ends_with_its_position() -> None:
    book = new_book(market=Market.SWAP, symbols=(PERP,), instruments={PERP: RULES})
    place(book, new_order(BUY, "2", symbol=PERP, name="entry"))
    place(book, new_order(SELL, "1", "101", symbol=PERP, reduce_only=True))
    order = amend(book, "102", "2")
    place(book, new_order(SELL, "2", symbol=PERP, name="close", reduce_only=True))
    assert (order.state, order.words) == (OrderState.EXPIRED, "Reduce-only order has nothing left to reduce.")


@pytest.mark.rule("PAPER-2", "ORD-9")
def test_an_order_amended_after_a_candle_opened_waits_for_the_next_one() -> None:
    book = new_book()
    order = place(book, new_order(BUY, "2", "90"), now_ms=1)
    book.amend("order-1", D(99), D(2), 60, made_ms=50)
    candle = Candle(0, 60, D(100), D(100), D(95), D(98), None)
    run_candle(book, BTC, candle, made_by_ms=0, now_ms=60)
    assert order.state is OrderState.OPEN
    run_candle(book, BTC, candle, made_by_ms=60, now_ms=120)
    assert fills(order) == [(D(2), D(99), True)]


@pytest.mark.rule("ORD-9", "PAPER-3")
def test_a_paper_account_answers_an_amend_with_the_order_as_it_is_and_keeps_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    given = new_order(BUY, "2", "99")
    bench.submit(given)
    bench.exchange.amend([replace(given, wanted_price=D(98), wanted_quantity=D(3))])
    bench.turn()
    (answer,) = bench.take(Answered)
    assert answer.report is not None
    assert (answer.request, answer.fate) == ("amend", Fate.ACCEPTED)
    assert (answer.report.price, answer.report.quantity) == (D(98), D(3))
    assert bench.take(Streamed) == []
    bench.exchange.stop()
    bench.exchange = bench._open()
    found = bench.venue._find(given.client_order_id)
    assert found is not None
    assert (found.price, found.quantity) == (D(98), D(3))


@pytest.mark.rule("ORD-9", "REC-5")
def test_an_amend_after_the_clock_was_set_back_does_not_look_older_than_what_it_changed() -> None:
    """By the times of its reports the newer shape of an order is told from an older one."""
    book = new_book()
    later_ms = 7_200_000
    placed = book.place(new_order(BUY, "2", "99"), later_ms)
    assert isinstance(placed, PaperOrder)
    assert amend(book, "98", "3").update_ms >= later_ms
    book.move(BTC, D("97.9"), 3)
    assert (placed.state, placed.update_ms) == (OrderState.FILLED, later_ms)
