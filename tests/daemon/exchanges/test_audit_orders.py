"""What must hold between a decision and the venue's bytes, and what may be concluded from its silence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import ccxt
import pytest

from actors.account_messages import ForeignTraded
from actors.budget import LimitedBudget
from actors.messages import Answered, Fate, InstrumentsFetched, LookedUp, Streamed
from actors.rules.model import OrderState, Reason, Role, Side
from actors.rules.rates import Ask, RateRules, Window
from daemon.exchanges import ccxt_orders, convert, fee_prices
from daemon.exchanges.tracking import UNHEARD_MS, Tracker
from daemon.exchanges.venues.venue import SetupFault
from tests.daemon.exchanges.fake_venue import BTC, Desk, an_order, raw_order, raw_trade


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.stop()


def posts(desk: Desk) -> list[str]:
    """Requests that left for the venue to change something."""
    return [name for name, _ in desk.venue.asked if name.startswith("POST")]


def placing(desk: Desk, before: Any = None) -> Any:
    """A `create` that waits for something before its bytes leave, as ccxt does for its markets."""

    async def create() -> Any:
        if before is not None:
            await before()
        await desk.venue.client.fetch("order", "POST", {}, "")
        return raw_order(an_order())

    return create


@pytest.mark.rule("ORD-3")
def test_an_order_that_was_held_up_never_leaves_late(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_orders, "SEND_WITHIN_MS", 50)

    async def wait() -> None:
        await asyncio.sleep(0.1)

    desk.venue.on["create"] = placing(desk, wait)
    desk.exchange.submit([an_order()])
    answer = desk.wait_for(Answered)
    assert (answer.fate, answer.reason) == (Fate.TEMPORARY, Reason.ACCOUNT_NOT_READY)
    assert not posts(desk)


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize("request_", ["submit", "amend"])
def test_what_an_earlier_life_asked_for_is_stopped_right_before_its_bytes_leave(desk: Desk, request_: str) -> None:
    desk.venue.can_amend = desk.exchange.can_amend = True

    async def restart() -> None:
        desk.exchange.start(desk._take, 2)

    desk.venue.on["create"] = desk.venue.on["amend"] = placing(desk, restart)
    getattr(desk.exchange, request_)([an_order()])
    name = "create" if request_ == "submit" else "amend"
    desk.wait_until(lambda: any(asked == name for asked, _ in desk.venue.asked))
    desk.exchange.look_up(an_order(2))  # Behind it on the loop.
    desk.wait_for(LookedUp)
    assert not posts(desk)


def test_a_question_on_the_way_to_an_order_is_never_stopped(desk: Desk) -> None:
    async def ask() -> None:
        await desk.venue.client.fetch("markets", "GET", {}, None)

    desk.venue.on["create"] = placing(desk, ask)
    desk.exchange.submit([an_order()])
    assert desk.wait_for(Answered).fate == Fate.ACCEPTED
    assert posts(desk) == ["POST order"]


@pytest.mark.rule("EXIT-5")
def test_what_closes_a_position_does_not_wait_for_its_settings(desk: Desk) -> None:
    desk.venue.on["prepare"] = SetupFault("leverage is 5, wanted is 1")
    order = an_order(role=Role.CLOSE, reduce_only=True)
    desk.venue.on["create"] = raw_order(order)
    desk.exchange.submit([order])
    assert desk.wait_for(Answered).fate == Fate.ACCEPTED


def test_an_entry_whose_settings_are_wrong_is_refused_with_the_remedy(desk: Desk) -> None:
    desk.venue.on["prepare"] = SetupFault("leverage is 5, wanted is 1")
    desk.exchange.submit([an_order()])
    answer = desk.wait_for(Answered)
    assert (answer.fate, answer.reason) == (Fate.REFUSED, Reason.ACCOUNT_NOT_READY)
    assert answer.words == "leverage is 5, wanted is 1"


@pytest.mark.rule("ORD-3")
def test_an_entry_that_waits_for_its_settings_is_told_so_and_never_leaves_by_itself(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ccxt_orders, "SETUP_WAIT_S", 0.05)
    gate = asyncio.Event()

    async def prepare() -> None:
        await gate.wait()

    desk.venue.on["prepare"] = prepare
    desk.venue.on["create"] = placing(desk)
    desk.exchange.submit([an_order()])
    answer = desk.wait_for(Answered)
    assert (answer.fate, answer.reason) == (Fate.TEMPORARY, Reason.ACCOUNT_NOT_READY)
    desk.got.clear()
    desk.loop.post(gate.set)
    desk.exchange.submit([an_order()])
    assert desk.wait_for(Answered).fate == Fate.ACCEPTED
    assert posts(desk) == ["POST order"]


@pytest.mark.rule("ORD-3")
def test_not_found_is_no_answer_as_long_as_the_order_may_be_accepted_by_a_clock_nobody_sets(desk: Desk) -> None:
    order = an_order()
    desk.venue.on["create"] = ccxt.RequestTimeout("binance POST https://x/order")
    desk.exchange.submit([order])
    desk.wait_for(Answered)
    desk.exchange.look_up(order)
    assert desk.wait_for(LookedUp).fate == Fate.UNKNOWN
    desk.got.clear()
    desk.exchange.acceptance_window_ms = 0
    desk.exchange.look_up(order)
    assert desk.wait_for(LookedUp).fate == Fate.ACCEPTED


@pytest.mark.rule("ORD-5")
def test_not_found_is_no_answer_while_executions_the_venue_told_of_are_still_to_come(desk: Desk) -> None:
    order = an_order()
    desk.venue.on["create"] = raw_order(order, "open", "2")
    desk.exchange.submit([order])
    desk.wait_for(Answered)
    desk.exchange.acceptance_window_ms = 0
    desk.venue.on["find"] = None
    desk.exchange.look_up(order)
    assert desk.wait_for(LookedUp).fate == Fate.UNKNOWN


# --- fills are told, whatever else is not known ----------------------------------------------------


@pytest.mark.rule("ORD-5")
def test_an_execution_does_not_wait_for_ever_for_the_price_of_its_fee(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fee_prices, "WAIT_S", 0.05)
    rules = RateRules(windows=(Window(name="prices", limit=1, period_ms=600_000),), costs={Ask.PRICES: {"prices": 1}})
    budget = LimitedBudget(rules)
    budget.block(2_000_000_000_000)
    desk = Desk(budget=budget)
    try:
        order = an_order(role=Role.CLOSE)
        paid_in_bnb = raw_trade("1", "3", fee={"cost": "0.01", "currency": "BNB"})
        desk.venue.on["create"] = raw_order(order, "closed", "3", trades=[paid_in_bnb])
        desk.exchange.submit([order])
        answer = desk.wait_for(Answered)
        assert answer.report.state is OrderState.FILLED
        assert answer.report.trades[0].fee_asset == "BNB"
    finally:
        desk.stop()


@pytest.mark.rule("ORD-8")
@pytest.mark.parametrize("status", ["closed", "canceled", "expired"])
def test_an_end_that_does_not_say_what_was_filled_is_no_end_yet(desk: Desk, status: str) -> None:
    order = an_order()
    desk.venue.on["cancel"] = raw_order(order, status, None, amount=None)
    desk.exchange.cancel([order])
    answer = desk.wait_for(Answered)
    assert (answer.fate, answer.report) == (Fate.ACCEPTED, None)


@pytest.mark.rule("ORD-11")
def test_executions_on_an_instrument_that_is_not_listed_any_more_still_count(desk: Desk) -> None:
    order = an_order()
    desk.venue.on["instruments"] = []
    desk.exchange.fetch_instruments()
    desk.wait_for(InstrumentsFetched)
    desk.venue.on["create"] = raw_order(order, "closed", "3", trades=[raw_trade("1", "3")])
    desk.exchange.submit([order])
    assert desk.wait_for(Answered).report.state is OrderState.FILLED


@pytest.mark.rule("ORD-5")
def test_trades_of_the_store_complete_those_that_came_by_the_stream() -> None:
    tracker = Tracker()
    order = an_order()
    older, newer = (convert.trade_view(raw_trade(name, "1"), "", BTC, lambda _a, _q: None) for name in ("1", "2"))
    assert older is not None
    assert newer is not None
    tracker.saw_trades([replace(newer, client_order_id=order.client_order_id)], 1)
    tracker.saw_order(convert.order_view(raw_order(order, "canceled", "2"), order.client_order_id), 1)
    assert tracker.missing
    tracker.expect(replace(order, trades=(older.trade,)), 1)
    assert not tracker.missing
    report = tracker.report(order.client_order_id)
    assert report is not None
    assert report.state is OrderState.CANCELLED


def test_refused_orders_are_not_remembered(desk: Desk) -> None:
    desk.venue.on["create"] = ccxt.InvalidOrder('binance {"code":-1013,"msg":"Filter failure: LOT_SIZE"}')
    desk.exchange.submit([an_order()])
    desk.wait_for(Answered)
    assert not desk.exchange._orders._tracker.symbols()


# --- what is not ours ------------------------------------------------------------------------------


@pytest.mark.rule("ORD-13")
def test_an_execution_is_not_foreign_while_an_order_of_its_symbol_has_an_unknown_fate() -> None:
    """Where executions do not name the client order id, it may be the one that the answer never told of."""
    tracker = Tracker()
    tracker.expect(an_order(), 1_000)
    view = convert.trade_view(raw_trade("1", "1", timestamp=900), "", BTC, lambda _a, _q: None)
    assert view is not None
    tracker.saw_trades([view], 1_000)
    assert tracker.foreign(10_000) == []
    assert tracker.foreign(1_000 + UNHEARD_MS) == [view]


@pytest.mark.rule("ORD-13")
def test_a_burst_of_somebody_elses_orders_asks_for_executions_once_at_a_time(desk: Desk) -> None:
    desk.venue.is_swap = True
    asked = asyncio.Event()

    async def trades() -> list[Any]:
        await asked.wait()
        return []

    desk.venue.on["trades"] = trades
    other = an_order(symbol="BTC/USDT:USDT")
    rows = [raw_order(other, "open", "1", id=str(number), clientOrderId="web") for number in range(50)]
    desk.loop.post(lambda: desk.exchange._orders.streamed_orders(rows))
    desk.wait_until(lambda: any(name == "trades" for name, _ in desk.venue.asked))
    desk.loop.post(lambda: desk.exchange._orders.streamed_orders(rows))
    desk.exchange.look_up(an_order())
    desk.wait_for(LookedUp)
    assert len([name for name, _ in desk.venue.asked if name == "trades"]) == 1
    desk.loop.post(asked.set)


@pytest.mark.rule("ORD-13")
def test_a_stranger_who_adds_to_a_hedged_position_takes_nothing_from_it(desk: Desk) -> None:
    now_ms = desk.exchange._clock.now_ms()
    rows = [
        raw_trade("1", "1", timestamp=now_ms, side="buy", order="8", info={"ps": "LONG"}),
        raw_trade("2", "1", timestamp=now_ms, side="sell", order="9", info={"ps": "LONG"}),
        raw_trade("3", "1", timestamp=now_ms, side="buy", order="10"),
    ]
    orders = desk.exchange._orders

    async def told() -> None:
        await orders.streamed_trades(rows)
        orders._start_ms = 0
        for views in orders._tracker._unmatched.values():
            for name, view in views.items():
                views[name] = replace(view, trade=replace(view.trade, time_ms=1))
        orders.report_foreign()

    desk.loop.run(told(), 5)
    found = [(message.side, message.trades[0].trade_id) for message in desk.got if isinstance(message, ForeignTraded)]
    assert found == [(Side.LONG, "2"), (Side.SHORT, "3")]


def test_many_executions_ask_once_for_the_price_of_their_fees(desk: Desk) -> None:
    gate = asyncio.Event()

    async def prices() -> Any:
        await gate.wait()
        return {"BNB/USDT": {"symbol": "BNB/USDT", "bid": "500", "ask": "500"}}

    desk.venue.on["fetch_prices"] = prices
    order = an_order()

    async def fills() -> None:
        desk.exchange._orders._tracker.expect(order, 1)
        rows = [
            raw_trade(str(number), "1", clientOrderId=order.client_order_id, fee={"cost": "0.01", "currency": "BNB"})
            for number in range(3)
        ]
        waiting = [asyncio.ensure_future(desk.exchange._orders.streamed_trades([row])) for row in rows]
        await asyncio.sleep(0.05)
        gate.set()
        await asyncio.gather(*waiting)

    desk.loop.run(fills(), 5)
    assert len([name for name, _ in desk.venue.asked if name == "fetch_prices"]) == 1
    last = [message for message in desk.got if isinstance(message, Streamed)][-1]
    assert [trade.fee_value for trade in last.reports[0].trades] == [Decimal(5)] * 3
