"""What a venue said of an order, in any order of arrival, on its way to the engine."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.model import Order, OrderSide, OrderState, OrderType, Role, Trade
from actors.rules.naming import make_client_order_id
from daemon.exchanges.convert import OrderView, TradeView
from daemon.exchanges.tracking import MAX_UNMATCHED, Tracker

OURS = make_client_order_id(prefix="abcd00", group_id="g" * 12, pyramid=0, leg=0, role=Role.ENTRY, attempt=1)
SYMBOL = "BTC/USDT"


def order() -> Order:
    return Order(
        client_order_id=OURS,
        group_id="g" * 12,
        account="a",
        symbol=SYMBOL,
        pyramid=0,
        leg=0,
        role=Role.ENTRY,
        attempt=1,
        side=OrderSide.BUY,
        type=OrderType.LIMIT,
        price=Decimal(100),
        quantity=Decimal(3),
        create_time_ms=1,
        update_time_ms=1,
    )


def said(state: OrderState | None, filled: str = "0", *, named: bool = True) -> OrderView:
    return OrderView(
        client_order_id=OURS if named else "",
        exchange_order_id="77",
        symbol=SYMBOL,
        state=state,
        filled=Decimal(filled),
        time_ms=5,
    )


def traded(trade_id: str, quantity: str = "1", *, named: bool = True, exchange_order_id: str = "77") -> TradeView:
    return TradeView(
        client_order_id=OURS if named else "",
        exchange_order_id=exchange_order_id,
        symbol=SYMBOL,
        side=OrderSide.BUY,
        trade=Trade(
            trade_id=trade_id,
            quantity=Decimal(quantity),
            price=Decimal(100),
            fee=Decimal(0),
            fee_asset="USDT",
            fee_value=Decimal(0),
            time_ms=6,
        ),
    )


@pytest.mark.rule("ORD-5")
def test_a_final_state_is_withheld_until_every_execution_is_known() -> None:
    tracker = Tracker()
    tracker.expect(order(), 1)
    assert tracker.saw_order(said(OrderState.FILLED, "3"), 2)
    held = tracker.report(OURS)
    assert held is not None
    assert held.state is OrderState.OPEN
    assert list(tracker.missing) == [OURS]
    assert tracker.saw_trades([traded("1"), traded("2")], 3) == [OURS]
    held = tracker.report(OURS)
    assert held is not None
    assert held.state is OrderState.PARTIALLY_FILLED
    tracker.saw_trades([traded("3")], 4)
    told = tracker.report(OURS)
    assert told is not None
    assert told.state is OrderState.FILLED
    assert [trade.trade_id for trade in told.trades] == ["1", "2", "3"]
    assert not tracker.missing


@pytest.mark.rule("ORD-9")
def test_a_report_tells_price_and_quantity_so_that_an_amend_overtaken_by_a_fill_is_certain() -> None:
    tracker = Tracker()
    tracker.expect(order(), 1)
    tracker.saw_order(replace(said(OrderState.OPEN), price=Decimal(100), quantity=Decimal(3)), 2)
    tracker.saw_trades([traded("1", "3")], 3)
    tracker.saw_order(said(OrderState.FILLED, "3"), 4)
    told = tracker.report(OURS)
    assert told is not None
    assert (told.state, told.price, told.quantity) == (OrderState.FILLED, Decimal(100), Decimal(3))


@pytest.mark.rule("ORD-5")
def test_an_execution_that_names_no_order_counts_once_its_order_is_acknowledged() -> None:
    tracker = Tracker()
    tracker.expect(order(), 1)
    assert tracker.saw_trades([traded("1", named=False)], 2) == []
    assert tracker.saw_order(said(OrderState.OPEN), 3)
    told = tracker.report(OURS)
    assert told is not None
    assert told.state is OrderState.PARTIALLY_FILLED
    assert len(told.trades) == 1


@pytest.mark.rule("ORD-5")
def test_a_doubled_execution_is_no_news() -> None:
    tracker = Tracker()
    tracker.saw_order(said(OrderState.OPEN), 1)
    assert tracker.saw_trades([traded("1"), traded("1")], 2) == [OURS]
    assert tracker.saw_trades([traded("1")], 3) == []


@pytest.mark.rule("ORD-1")
def test_an_overtaken_report_takes_nothing_back() -> None:
    tracker = Tracker()
    tracker.saw_order(said(OrderState.CANCELLED), 1)
    assert not tracker.saw_order(said(OrderState.OPEN), 2)
    told = tracker.report(OURS)
    assert told is not None
    assert told.state is OrderState.CANCELLED


@pytest.mark.rule("ORD-7")
def test_orders_of_other_programs_are_not_followed() -> None:
    tracker = Tracker()
    strange = OrderView(
        client_order_id="web_123", exchange_order_id="9", symbol=SYMBOL, state=OrderState.OPEN, filled=None
    )
    assert not tracker.saw_order(strange, 1)
    assert tracker.report("web_123") is None


@pytest.mark.rule("ORD-13")
def test_executions_nobody_claims_are_foreign_after_a_while() -> None:
    tracker = Tracker()
    tracker.saw_trades([traded("1", named=False, exchange_order_id="other")], 1)
    assert tracker.foreign(older_than_ms=6) == []
    assert [view.trade.trade_id for view in tracker.foreign(older_than_ms=7)] == ["1"]
    assert tracker.foreign(older_than_ms=7) == []


@pytest.mark.rule("ORD-5")
def test_an_order_of_another_symbol_with_the_same_number_is_another_order() -> None:
    tracker = Tracker()
    tracker.saw_order(said(OrderState.OPEN), 1)
    elsewhere = replace(traded("1", named=False), symbol="ETH/USDT")
    assert tracker.saw_trades([elsewhere], 2) == []
    assert [view.symbol for view in tracker.foreign(older_than_ms=100)] == ["ETH/USDT"]


def test_unclaimed_executions_are_bounded() -> None:
    tracker = Tracker()
    views = [traded("1", named=False, exchange_order_id=str(number)) for number in range(MAX_UNMATCHED + 10)]
    tracker.saw_trades(views, 1)
    assert len(tracker.foreign(older_than_ms=100)) == MAX_UNMATCHED


def test_what_the_store_knew_of_an_order_is_not_asked_for_again() -> None:
    tracker = Tracker()
    known = order()
    with_trade = Order(
        **{
            **{name: getattr(known, name) for name in known.__slots__},
            "trades": (traded("1").trade,),
            "exchange_order_id": "77",
        }
    )
    tracker.expect(with_trade, 1)
    tracker.saw_order(said(OrderState.PARTIALLY_FILLED, "1", named=False), 2)
    assert not tracker.missing


_NEWS = [
    ("order", said(OrderState.OPEN)),
    ("order", said(OrderState.PARTIALLY_FILLED, "1")),
    ("order", said(OrderState.FILLED, "3")),
    ("trade", traded("1")),
    ("trade", traded("2", named=False)),
    ("trade", traded("3")),
]


@pytest.mark.rule("ORD-5", "ORD-1")
@given(st.lists(st.sampled_from(range(len(_NEWS))), max_size=12), st.permutations(range(len(_NEWS))))
def test_any_order_of_arrival_ends_with_the_same_report(doubled: list[int], order_of_all: list[int]) -> None:
    tracker = Tracker()
    tracker.expect(order(), 1)
    seen = []
    for number in [*doubled, *order_of_all]:
        kind, what = _NEWS[number]
        if kind == "order":
            assert isinstance(what, OrderView)
            tracker.saw_order(what, 1)
        else:
            assert isinstance(what, TradeView)
            tracker.saw_trades([what], 1)
        seen.append(tracker.report(OURS))
    end = seen[-1]
    assert end is not None
    assert end.state is OrderState.FILLED
    assert {trade.trade_id for trade in end.trades} == {"1", "2", "3"}
    for before, after in pairwise(report for report in seen if report is not None):
        assert {trade.trade_id for trade in before.trades} <= {trade.trade_id for trade in after.trades}
        if before.state is OrderState.FILLED:
            assert after.state is OrderState.FILLED


@pytest.mark.rule("ORD-7")
def test_what_is_said_of_an_order_names_its_instrument_and_side_for_whoever_does_not_know_it() -> None:
    tracker = Tracker()
    tracker.saw_order(replace(said(OrderState.OPEN), side=OrderSide.SELL), 1)
    told = tracker.report(OURS)
    assert told is not None
    assert (told.symbol, told.side) == (SYMBOL, OrderSide.SELL)
