"""Fills, locks and fees on spot."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.rules.choices import FeePaidIn, FillRule
from actors.rules.model import OrderState, Reason, TimeInForce
from actors.rules.settings import FeeSettings
from tests.daemon.exchanges.paper_kit import (
    BTC,
    BUY,
    ETH,
    SELL,
    D,
    all_trades,
    fills,
    money,
    new_book,
    new_order,
    place,
)

FEES = FeeSettings(maker_percent=D("0.10"), taker_percent=D("0.20"), paid_in=FeePaidIn.BASE)


def test_a_resting_buy_locks_its_quote_and_a_cancel_gives_it_back() -> None:
    book = new_book()
    order = place(book, new_order(BUY, "2", "99.5"))
    assert (order.state, money(book)) == (OrderState.OPEN, (D("9801"), D("199")))
    book.cancel("order-1", 2)
    assert (order.state, money(book)) == (OrderState.CANCELLED, (D(10_000), D(0)))


def test_a_resting_sell_locks_its_base() -> None:
    book = new_book(balances={"BTC": D(3)})
    place(book, new_order(SELL, "2", "110"))
    assert money(book, "BTC") == (D(1), D(2))


@pytest.mark.rule("PAPER-1")
@pytest.mark.parametrize(
    ("fill", "price", "is_filled"),
    [
        (FillRule.CROSS, "99.01", False),
        (FillRule.CROSS, "99", False),
        (FillRule.CROSS, "98.99", True),
        (FillRule.TOUCH, "99.01", False),
        (FillRule.TOUCH, "99", True),
    ],
)
def test_a_resting_order_fills_when_the_price_goes_through_it_or_with_touch_reaches_it(
    fill: FillRule, price: str, is_filled: bool
) -> None:
    book = new_book(fill=fill, balances={"USDT": D(10_000), "BTC": D(1)})
    buy = place(book, new_order(BUY, "1", "99", name="buy"))
    sell = place(book, new_order(SELL, "1", "101", name="sell"))
    book.move(BTC, D(price), 2)
    assert bool(buy.trades) is is_filled
    book.move(BTC, 200 - D(price), 3)  # The same distance on the other side.
    assert bool(sell.trades) is is_filled


@pytest.mark.rule("PAPER-1", "DCA-5")
def test_a_maker_fills_at_its_own_price_however_far_the_market_goes() -> None:
    book = new_book()
    order = place(book, new_order(BUY, "1", "99"))
    book.move(BTC, D(50), 2)
    assert (fills(order), order.state) == ([(D(1), D(99), True)], OrderState.FILLED)
    assert (money(book), money(book, "BTC")) == ((D(9_901), D(0)), (D(1), D(0)))


@pytest.mark.rule("PAPER-1")
def test_bid_and_ask_are_the_price_less_and_plus_half_the_spread() -> None:
    book = new_book(spread_percent=D("0.01"), balances={"USDT": D(10_000), "BTC": D(1)})
    bought = place(book, new_order(BUY, "1", name="buy"))
    sold = place(book, new_order(SELL, "1", name="sell"))
    assert fills(bought) == [(D(1), D("100.005"), False)]
    assert fills(sold) == [(D(1), D("99.995"), False)]


@pytest.mark.rule("PAPER-1")
def test_fills_compare_with_bid_and_ask_not_with_the_middle() -> None:
    book = new_book(spread_percent=D(2), balances={"USDT": D(10_000), "BTC": D(1)})
    buy = place(book, new_order(BUY, "1", "99"))
    book.move(BTC, D("98.5"), 2)  # The ask is 99.485.
    assert buy.trades == []
    book.move(BTC, D(98), 3)  # The ask is 98.98.
    assert len(buy.trades) == 1


@pytest.mark.rule("PAPER-1", "EXIT-4")
def test_takers_slip_but_never_beyond_their_limit() -> None:
    book = new_book(slippage_percent=D(1), balances={"USDT": D(10_000), "BTC": D(9)})
    market = place(book, new_order(BUY, "1", name="a"))
    bounded = place(book, new_order(BUY, "1", "100.5", name="b", time_in_force=TimeInForce.IOC))
    wide = place(book, new_order(BUY, "1", "105", name="c"))
    sold = place(book, new_order(SELL, "1", "99.5", name="d"))
    assert [order.trades[0].price for order in (market, bounded, wide, sold)] == [D(101), D("100.5"), D(101), D("99.5")]


@pytest.mark.rule("DCA-5")
def test_a_marketable_limit_order_takes_at_the_better_price_and_unlocks_the_rest() -> None:
    book = new_book()
    order = place(book, new_order(BUY, "2", "105"))
    assert (fills(order), order.state) == ([(D(2), D(100), False)], OrderState.FILLED)
    assert money(book) == (D(9_800), D(0))


def test_a_limit_at_the_ask_takes() -> None:
    assert place(new_book(), new_order(BUY, "1", "100")).trades[0].maker is False


def test_an_immediate_or_cancel_order_that_cannot_fill_expires_at_once() -> None:
    book = new_book()
    order = place(book, new_order(BUY, "1", "99", time_in_force=TimeInForce.IOC))
    assert (order.state, money(book), len(book.orders)) == (OrderState.EXPIRED, (D(10_000), D(0)), 0)


def test_a_post_only_order_that_does_not_take_rests() -> None:
    order = place(new_book(), new_order(BUY, "1", "99.99", time_in_force=TimeInForce.POST_ONLY))
    assert order.state is OrderState.OPEN


@pytest.mark.rule("PAPER-1", "PRC-5")
def test_a_buy_pays_its_fee_in_coins_and_a_sell_in_quote() -> None:
    book = new_book(fees=FEES)
    bought = place(book, new_order(BUY, "1", name="buy"))
    (fee,) = [(trade.fee, trade.fee_asset, trade.fee_value) for trade in bought.trades]
    assert fee == (D("0.002"), "BTC", D("0.2"))
    assert (money(book)[0], money(book, "BTC")[0]) == (D(9_900), D("0.998"))
    sold = place(book, new_order(SELL, "0.998", "110", name="sell"))
    book.move(BTC, D(111), 2)
    (fee,) = [(trade.fee, trade.fee_asset, trade.fee_value) for trade in sold.trades]
    assert fee == (D("0.10978"), "USDT", D("0.10978"))  # A maker's 0.1 % of 109.78.
    assert money(book) == (D(9_900) + D("109.78") - D("0.10978"), D(0))


@pytest.mark.rule("PAPER-1")
def test_a_fee_in_quote_is_locked_with_the_order_at_the_dearer_rate_and_what_is_left_comes_back() -> None:
    fees = FeeSettings(maker_percent=D("0.1"), taker_percent=D("0.2"), paid_in=FeePaidIn.QUOTE)
    book = new_book(fees=fees)
    place(book, new_order(BUY, "1", "99"))
    assert money(book) == (D(10_000) - D("99.198"), D("99.198"))
    book.move(BTC, D(98), 2)
    assert (money(book), money(book, "BTC")[0]) == ((D(10_000) - D("99.099"), D(0)), D(1))


def test_a_rebate_is_a_negative_fee() -> None:
    book = new_book(fees=FeeSettings(maker_percent=D("-0.1"), taker_percent=D(0)))
    order = place(book, new_order(BUY, "1", "99"))
    book.move(BTC, D(98), 2)
    assert order.trades[0].fee == D("-0.001")
    assert money(book, "BTC")[0] == D("1.001")


def test_the_best_price_fills_first_and_among_equals_the_oldest() -> None:
    book = new_book()
    for name, price in (("a", "98"), ("b", "99"), ("c", "98"), ("d", "97")):
        place(book, new_order(BUY, "1", price, name=name))
    book.take_changes()
    book.move(BTC, D("97.5"), 2)
    assert [order.client_order_id for order, _ in book.take_changes().trades] == ["b", "a", "c"]


def test_markets_do_not_touch_each_other() -> None:
    book = new_book()
    order = place(book, new_order(BUY, "1", "99", symbol=ETH))
    book.move(BTC, D(1), 2)
    assert order.trades == []


# --- stops -----------------------------------------------------------------------------------------


def test_a_stop_becomes_a_market_order_at_the_price_that_is_there_then() -> None:
    book = new_book(balances={"USDT": D(100), "BTC": D(1)}, slippage_percent=D(1))
    stop = place(book, new_order(SELL, "1", trigger="95"))
    assert money(book, "BTC") == (D(0), D(1))
    book.move(BTC, D("95.01"), 2)
    assert stop.state is OrderState.OPEN
    book.move(BTC, D(90), 3)  # A gap: what the trigger was does not help.
    assert fills(stop) == [(D(1), D("89.1"), False)]


def test_a_buy_stop_triggers_upwards() -> None:
    book = new_book()
    stop = place(book, new_order(BUY, "1", trigger="105"))
    book.move(BTC, D(105), 2)
    assert fills(stop) == [(D(1), D(105), False)]


def test_a_stop_that_cannot_be_paid_when_it_triggers_expires_with_the_reason() -> None:
    book = new_book(balances={"USDT": D(106)})
    stop = place(book, new_order(BUY, "1", trigger="105"))
    book.move(BTC, D(107), 2)
    assert (stop.state, stop.reason) == (OrderState.EXPIRED, Reason.INSUFFICIENT_FUNDS)
    assert money(book) == (D(106), D(0))


# --- names and costs -------------------------------------------------------------------------------


@pytest.mark.rule("ORD-5")
def test_trade_ids_are_unique_and_the_same_in_every_run() -> None:
    def run() -> list[str]:
        book = new_book()
        for number in range(5):
            place(book, new_order(BUY, "1", str(99 - number), name=f"o{number}"))
        book.move(BTC, D(90), 2)
        return [trade.trade_id for trade in all_trades(book)]

    assert run() == run() == ["1", "2", "3", "4", "5"]


class Counted(Decimal):
    """A price that counts how often it is compared."""

    comparisons = 0

    def __lt__(self, other: object) -> bool:
        Counted.comparisons += 1
        return bool(Decimal.__lt__(self, other))  # type: ignore[operator]

    def __gt__(self, other: object) -> bool:
        Counted.comparisons += 1
        return bool(Decimal.__gt__(self, other))  # type: ignore[operator]


def test_a_price_move_looks_only_at_what_it_reaches() -> None:
    book = new_book(balances={"USDT": D(10**9)})
    for number in range(1_000):
        price = Counted(D(99) - number * D("0.01"))
        placed = place(book, new_order(BUY, "1", "99", name=f"o{number}"))
        book.markets[BTC].remove(placed)
        placed.price = price
        book.markets[BTC].rest(placed)
    Counted.comparisons = 0
    book.move(BTC, D("99.5"), 2)
    assert Counted.comparisons <= 2
    book.move(BTC, D("98.965"), 3)
    assert len(book.orders) == 996
    assert Counted.comparisons <= 20
