"""What holds for any sequence of orders, cancels, prices and candles."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rules.choices import FeePaidIn, FillRule, Market
from actors.rules.model import OrderSide, OrderState, Refused, TimeInForce
from actors.rules.money import ZERO
from actors.rules.settings import FeeSettings
from daemon.exchanges.candle_path import run_candle
from daemon.exchanges.candles import Candle
from daemon.exchanges.matching import Book
from daemon.exchanges.paper_books import PaperBooks
from daemon.exchanges.paper_instruments import paper_instruments
from daemon.exchanges.paper_order import PaperOrder
from tests.daemon.exchanges.paper_kit import BTC, BUY, SELL, D, new_book, new_order, paper_account

PERP = f"{BTC}:USDT"
Step = tuple[Any, ...]

prices = st.integers(8_000, 12_000).map(lambda cents: D(cents) / 100)
quantities = st.integers(1, 20_000).map(lambda thousandths: D(thousandths) / 1000)
sides = st.sampled_from([BUY, SELL])
steps = st.one_of(
    st.tuples(st.just("limit"), sides, quantities, prices, st.sampled_from(list(TimeInForce)), st.booleans()),
    st.tuples(st.just("market"), sides, quantities, st.booleans()),
    st.tuples(st.just("stop"), sides, quantities, prices, st.booleans()),
    st.tuples(st.just("cancel"), st.integers(0, 40)),
    st.tuples(st.just("amend"), st.integers(0, 40), prices, quantities),
    st.tuples(st.just("move"), prices),
    st.tuples(st.just("candle"), st.lists(prices, min_size=4, max_size=4), st.one_of(st.none(), quantities)),
)
percents = st.sampled_from([D(0), D("0.1"), D("0.075"), D("-0.02")])
accounts = st.fixed_dictionaries(
    {
        "market": st.sampled_from(list(Market)),
        "leverage": st.sampled_from([1, 3, 7]),
        "fill": st.sampled_from(list(FillRule)),
        "spread_percent": st.sampled_from([D(0), D("0.01"), D("0.5")]),
        "slippage_percent": st.sampled_from([D(0), D("0.2")]),
        "fees": st.builds(
            FeeSettings, maker_percent=percents, taker_percent=percents, paid_in=st.sampled_from(list(FeePaidIn))
        ),
        "balances": st.sampled_from([{"USDT": D(1_000), "BTC": D(10)}, {"USDT": D("123.456")}]),
    }
)


def do(book: Book, step: Step, number: int) -> None:
    symbol = next(iter(book.markets))
    is_swap = symbol == PERP
    name, rest = step[0], step[1:]
    if name == "cancel":
        book.cancel(f"o{rest[0]}", number)
    elif name == "amend":
        before = book.state()
        if isinstance(book.amend(f"o{rest[0]}", rest[1], rest[2], number), Refused):
            assert book.state() == before
    elif name == "move":
        book.move(symbol, rest[0], number)
    elif name == "candle":
        (first, second, third, fourth), volume = rest
        low, high = min(rest[0]), max(rest[0])
        candle = Candle(number - 5, number, first, high, low, (second + third + fourth) / 3, volume)
        run_candle(book, symbol, candle, made_by_ms=number - 5, now_ms=number)
    else:
        reduce_only = is_swap and rest[-1]
        changes: dict[str, Any] = {"name": f"o{number}", "symbol": symbol, "reduce_only": reduce_only}
        if name == "limit":
            changes |= {"price": rest[2], "time_in_force": rest[3]}
        elif name == "stop":
            changes |= {"trigger": rest[2]}
        book.place(new_order(rest[0], rest[1], **changes), number)


def assert_sound(book: Book) -> None:
    """Nothing below zero, and what is locked is what orders and positions bind."""
    bound: dict[str, Decimal] = dict.fromkeys(book.funds.balances(), ZERO)
    for order in book.orders.values():
        assert not order.state.is_final
        assert ZERO <= order.filled < order.quantity
        bound[order.lock_asset] += order.lock_unit * order.remaining
    for position in book.settlement.positions():
        assert min(position.quantity, position.cost, position.margin) >= 0
        bound["USDT"] += position.margin
    for asset, balance in book.funds.balances().items():
        assert balance.free >= 0, (asset, balance)
        assert balance.locked == bound[asset], asset
    assert sum(len(market) for market in book.markets.values()) == len(book.orders)


def resting_are_not_reached(book: Book) -> bool:
    return all(
        not market.is_reached(order, market.price)
        for market in book.markets.values()
        if market.price is not None
        for heap in (market.buys, market.sells)
        for order in heap
    )


@pytest.mark.rule("PAPER-3", "PAPER-1")
@settings(max_examples=150, deadline=None)
@given(accounts, st.lists(steps, max_size=40))
def test_the_books_are_sound_after_every_step(account: dict[str, Any], done: list[Step]) -> None:
    book = new_book(symbols=(BTC,), **account)
    had_candle = False
    for number, step in enumerate(done, 1):
        do(book, step, number)
        assert_sound(book)
        had_candle = had_candle or step[0] == "candle"
        if not had_candle:  # In a candle orders may wait for volume or for the next one.
            assert resting_are_not_reached(book)


@pytest.mark.rule("PNL-2")
@settings(max_examples=100, deadline=None)
@given(accounts, st.lists(steps, max_size=40))
def test_every_coin_is_accounted_for_by_the_trades_to_the_last_decimal(
    account: dict[str, Any], done: list[Step]
) -> None:
    account = {**account, "market": Market.SPOT}
    book = new_book(symbols=(BTC,), **account)
    money = dict(account["balances"])
    money.setdefault("BTC", ZERO)
    realized, held, cost = ZERO, ZERO, ZERO
    for number, step in enumerate(done, 1):
        do(book, step, number)
        for order, trade in book.take_changes().trades:
            sign = 1 if order.side is OrderSide.BUY else -1
            money["BTC"] += sign * trade.quantity
            money["USDT"] -= sign * trade.quantity * trade.price
            money[trade.fee_asset] -= trade.fee
            # PNL-1: fees in base are valued at the fill price and realised at once.
            realized -= trade.fee_value
            in_base = trade.fee if trade.fee_asset == "BTC" else ZERO
            held += sign * trade.quantity - in_base
            cost += (sign * trade.quantity - in_base) * trade.price
    assert {asset: book.funds.total(asset) for asset in money} == money
    # Without closing anything, profit is fees alone and `cost` is the net cost of what was bought and sold.
    assert book.funds.total("USDT") - account["balances"]["USDT"] == realized - cost
    assert book.funds.total("BTC") - account["balances"].get("BTC", ZERO) == held


@pytest.mark.rule("PAPER-3")
@settings(max_examples=40, deadline=None)
@given(accounts, st.lists(steps, max_size=30), st.lists(steps, max_size=10))
def test_books_read_from_their_file_go_on_like_the_ones_that_were_not(
    account: dict[str, Any], before: list[Step], after: list[Step]
) -> None:
    book = new_book(symbols=(BTC,), **account)
    with TemporaryDirectory() as folder:
        books = PaperBooks(Path(folder) / "a.db")
        books.open_account(book.funds.balances().values())
        for number, step in enumerate(before, 1):
            do(book, step, number)
            known = {symbol: market.price for symbol, market in book.markets.items() if market.price is not None}
            books.save(book.take_changes(), known, {})
        state, _ = books.load()
        books.close()
    assert state is not None
    settings_now = paper_account(symbols=(BTC,), **account)
    again = Book(settings_now, paper_instruments(settings_now), state)
    if before:
        assert again.state() == book.state()
        for number, step in enumerate(after, 1_000):
            do(book, step, number)
            do(again, step, number)
        assert again.state() == book.state()


@pytest.mark.rule("PAPER-2")
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(sides, quantities, prices), min_size=1, max_size=12),
    st.lists(prices, min_size=4, max_size=4),
    quantities,
)
def test_a_candle_never_gives_more_than_its_volume_nor_a_price_it_did_not_pass(
    orders: list[tuple[OrderSide, Decimal, Decimal]], way: list[Decimal], volume: Decimal
) -> None:
    book = new_book(symbols=(BTC,), balances={"USDT": D(10**6), "BTC": D(10**4)}, price=str(way[0]))
    placed: list[PaperOrder] = []
    for number, (side, quantity, price) in enumerate(orders):
        order = book.place(new_order(side, quantity, price, name=f"o{number}"), 0)
        if isinstance(order, PaperOrder) and order.state is OrderState.OPEN:
            placed.append(order)
    candle = Candle(0, 1, way[0], max(way), min(way), way[3], volume)
    run_candle(book, BTC, candle, made_by_ms=0, now_ms=1)
    trades = [(order, trade) for order in placed for trade in order.trades]
    assert sum((trade.quantity for _, trade in trades), ZERO) <= volume
    for order, trade in trades:
        assert trade.price == order.price
        assert min(way) < trade.price < max(way)
