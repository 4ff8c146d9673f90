"""The adapter's promises to the gateway: every question answered once, fates as they are, all executions told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from decimal import Decimal

import ccxt
import pytest

from actors.account_messages import AccountProbed, ClockMeasured
from actors.budget import LimitedBudget
from actors.messages import Answered, BalancesFetched, Fate, LookedUp, OpenOrdersFetched, Streamed
from actors.rules.model import OrderState, Reason
from actors.rules.rates import Ask, RateRules, Window, Work
from daemon.exchanges import ccxt_orders
from daemon.exchanges.ccxt_orders import TOGETHER_S
from daemon.exchanges.streams import StreamRows
from daemon.exchanges.venues.venue import Found, Raw
from tests.daemon.exchanges.fake_venue import Desk, FakeVenue, an_order, raw_order, raw_trade


class StreamingVenue(FakeVenue):
    """Its order stream tells these rows and nothing else."""

    def __init__(self, rows: list[Raw]) -> None:
        super().__init__()
        self._rows = rows

    async def watch_orders(self) -> list[Raw]:
        rows, self._rows = self._rows, []
        return rows or list(await self._never())


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.stop()


@pytest.mark.rule("ORD-3")
def test_an_accepted_order_is_answered_with_its_state_and_its_executions(desk: Desk) -> None:
    order = an_order()
    desk.venue.on["create"] = raw_order(order, "closed", "3", trades=[raw_trade("1", "1"), raw_trade("2", "2")])
    desk.exchange.submit([order])
    answer = desk.wait_for(Answered)
    assert (answer.request, answer.fate, answer.report.state) == ("submit", Fate.ACCEPTED, OrderState.FILLED)
    assert [trade.quantity for trade in answer.report.trades] == [Decimal(1), Decimal(2)]
    assert answer.report.exchange_order_id == "77"


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize(
    ("error", "fate", "reason"),
    [
        (
            ccxt.InsufficientFunds(
                'binance {"code":-2010,"msg":"Account has insufficient balance for requested action."}'
            ),
            Fate.REFUSED,
            Reason.INSUFFICIENT_FUNDS,
        ),
        (ccxt.RequestTimeout("binance POST timed out"), Fate.UNKNOWN, None),
        (ccxt.ExchangeError('binance {"code":-4242,"msg":"something new"}'), Fate.UNKNOWN, None),
        (KeyError("a bug of the library"), Fate.UNKNOWN, None),
    ],
)
def test_a_failed_order_is_refused_only_where_the_venue_surely_refused_it(
    desk: Desk, error: Exception, fate: str, reason: Reason | None
) -> None:
    desk.venue.on["create"] = error
    desk.exchange.submit([an_order()])
    answer = desk.wait_for(Answered)
    assert (answer.fate, answer.reason) == (fate, reason)


@pytest.mark.rule("ORD-3")
def test_an_answer_without_an_order_id_is_of_unknown_fate(desk: Desk) -> None:
    order = an_order()
    desk.venue.on["create"] = raw_order(order, None, id=None)
    desk.exchange.submit([order])
    assert desk.wait_for(Answered).fate == Fate.UNKNOWN


def test_an_acknowledgement_without_a_state_is_answered_without_one(desk: Desk) -> None:
    order = an_order()
    desk.venue.on["create"] = {"id": "77", "clientOrderId": order.client_order_id, "symbol": order.symbol, "info": {}}
    desk.exchange.submit([order])
    answer = desk.wait_for(Answered)
    assert (answer.fate, answer.report) == (Fate.ACCEPTED, None)


@pytest.mark.rule("ORD-3")
def test_an_order_of_an_earlier_life_does_not_leave(desk: Desk) -> None:
    desk.exchange.start(desk._take, 2)
    desk.venue.on["create"] = raw_order(an_order())
    life_before = desk.exchange._orders.submit(an_order(), 1, 1)
    desk.loop.run(life_before, 5)
    assert not [name for name, _ in desk.venue.asked if name == "create"]


def test_an_order_of_an_unknown_instrument_had_no_effect(desk: Desk) -> None:
    desk.exchange.submit([an_order(symbol="XYZ/USDT")])
    assert desk.wait_for(Answered).fate == Fate.TEMPORARY


@pytest.mark.rule("ORD-3")
def test_not_found_is_told_as_such_and_a_failed_look_up_is_not(desk: Desk) -> None:
    order = an_order()
    desk.venue.on["find"] = None
    desk.exchange.look_up(order)
    found = desk.wait_for(LookedUp)
    assert (found.fate, found.report) == (Fate.ACCEPTED, None)
    desk.got.clear()
    desk.venue.on["find"] = ccxt.NetworkError("binance GET reset")
    desk.exchange.look_up(order)
    assert desk.wait_for(LookedUp).fate != Fate.ACCEPTED


@pytest.mark.rule("ORD-5")
def test_a_look_up_brings_every_execution_or_is_no_answer_yet(desk: Desk) -> None:
    order = an_order()
    desk.venue.on["find"] = Found(order=raw_order(order, "closed", "3"), trades=(raw_trade("1", "1"),))
    desk.exchange.look_up(order)
    assert desk.wait_for(LookedUp).fate == Fate.UNKNOWN
    desk.got.clear()
    desk.venue.on["trades"] = [raw_trade("1", "1"), raw_trade("2", "2")]
    desk.exchange.look_up(order)
    found = desk.wait_for(LookedUp)
    assert found.report.state is OrderState.FILLED
    assert len(found.report.trades) == 2


@pytest.mark.rule("ORD-5")
def test_a_sweep_fetches_the_executions_the_stream_missed(desk: Desk) -> None:
    order = an_order()
    desk.venue.on["open_orders"] = [raw_order(order, "open", "2"), {**raw_order(order), "clientOrderId": "web_1"}]
    desk.venue.on["trades"] = [raw_trade("1", "2"), raw_trade("9", "1", order="other")]
    desk.exchange.fetch_open_orders()
    listed = desk.wait_for(OpenOrdersFetched)
    assert [report.client_order_id for report in listed.reports] == [order.client_order_id, "web_1"]
    told = desk.wait_for(Streamed)
    assert [trade.quantity for report in told.reports for trade in report.trades] == [Decimal(2)]


@pytest.mark.rule("ORD-5", "REC-4")
@pytest.mark.parametrize("request_", ["submit", "amend", "cancel"])
def test_executions_an_answer_does_not_show_are_asked_for_though_the_stream_is_deaf_and_sweeps_wait(
    monkeypatch: pytest.MonkeyPatch, request_: str
) -> None:
    monkeypatch.setattr(ccxt_orders, "TRADES_WAIT_S", 0.05)
    window = Window(name="weight", limit=100, period_ms=60_000)
    costs = {ask: {"weight": 10} for ask in (Ask.OPEN_ORDERS, Ask.TRADES)}
    budget = LimitedBudget(RateRules(windows=(window,), costs=costs))
    desk = Desk(budget=budget)
    try:
        now_ms = desk.exchange._clock.now_ms()
        budget.learn({"weight": 70}, now_ms)
        assert budget.take(Ask.OPEN_ORDERS, Work.SWEEP, now_ms) > 0
        desk.venue.can_amend = True
        order = an_order()
        desk.venue.on["create" if request_ == "submit" else request_] = raw_order(order, "closed", "3")
        desk.venue.on["trades"] = [raw_trade("1", "3")]
        getattr(desk.exchange, request_)([order])
        [report] = desk.wait_for(Streamed).reports
        assert (report.state, [trade.trade_id for trade in report.trades]) == (OrderState.FILLED, ["1"])
    finally:
        desk.stop()


@pytest.mark.rule("ORD-5")
@pytest.mark.parametrize("is_same", [False, True], ids=["another order", "the same order"])
def test_what_fills_while_executions_are_being_asked_for_is_asked_for_after_that(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, is_same: bool
) -> None:
    """The list that is under way may have been made before."""
    monkeypatch.setattr(ccxt_orders, "TRADES_WAIT_S", 0.05)
    gate = asyncio.Event()
    lists = [[raw_trade("1", "1"), raw_trade("2", "2", order="77" if is_same else "78")], []]

    async def trades() -> list[Raw]:
        found = lists.pop()
        if lists:
            await gate.wait()
        return found

    desk.venue.on["trades"] = trades
    first, second = an_order(1), an_order(1 if is_same else 2)
    desk.venue.on["create"] = raw_order(first, "open", "1")
    desk.exchange.submit([first])
    desk.wait_until(lambda: len(lists) == 1)
    desk.got.clear()
    desk.venue.on["cancel"] = raw_order(second, "closed", "3" if is_same else "2", id="77" if is_same else "78")
    desk.exchange.cancel([second])
    desk.wait_for(Answered)
    desk.loop.post(gate.set)

    def is_told(message: object) -> bool:
        reports = message.reports if isinstance(message, Streamed) else ()
        return any("2" in {trade.trade_id for trade in report.trades} for report in reports)

    desk.wait(is_told)


def test_executions_that_do_not_come_are_not_asked_for_without_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ccxt_orders, "TRADES_WAIT_S", 0.01)
    desk.venue.on["create"] = raw_order(an_order(), "closed", "3")
    desk.exchange.submit([an_order()])
    desk.wait_until(lambda: any(name == "trades" for name, _ in desk.venue.asked))
    time.sleep(0.2)
    assert len([name for name, _ in desk.venue.asked if name == "trades"]) == 1


def test_a_fill_and_the_execution_behind_it_leave_as_one_piece_of_news(desk: Desk) -> None:
    order = an_order()
    take = desk.exchange._take
    filled = StreamRows(stream="orders", rows=(raw_order(order, "closed", "3"),))
    trade = StreamRows(stream="trades", rows=(raw_trade("1", "3", clientOrderId=order.client_order_id),))

    def both() -> None:
        take(filled)
        take(trade)

    desk.loop.post(both)
    desk.wait_for(Streamed)
    time.sleep(4 * TOGETHER_S)
    [told] = [message for message in desk.got if isinstance(message, Streamed)]
    assert [(report.state, len(report.trades)) for report in told.reports] == [(OrderState.FILLED, 1)]


def test_a_fill_whose_execution_does_not_come_is_told_without_it(desk: Desk) -> None:
    order = an_order()
    desk.loop.post(lambda: desk.exchange._take(StreamRows(stream="orders", rows=(raw_order(order, "open", "1"),))))
    [report] = desk.wait_for(Streamed).reports
    assert (report.client_order_id, report.trades) == (order.client_order_id, ())


@pytest.mark.rule("ORD-5")
def test_a_stream_of_spot_and_swaps_alike_tells_an_account_only_of_its_own_market() -> None:
    other, own = an_order(2, symbol="BTC/USDT:USDT"), an_order(1)
    desk = Desk(StreamingVenue([raw_order(other), raw_order(own)]))
    try:
        told = desk.wait_for(Streamed)
        assert [report.client_order_id for report in told.reports] == [own.client_order_id]
    finally:
        desk.stop()


def test_a_failed_question_is_temporary_and_says_why(desk: Desk) -> None:
    desk.venue.on["balances"] = ccxt.ExchangeNotAvailable("binance GET 503")
    desk.exchange.fetch_balances()
    answer = desk.wait_for(BalancesFetched)
    assert answer.fate == Fate.TEMPORARY
    assert answer.words


def test_the_clock_is_measured_and_corrected_at_the_start() -> None:
    venue = FakeVenue()
    venue.on["server_time_ms"] = lambda: int(time.time() * 1000) + 4_000
    desk = Desk(venue)
    try:
        measured = desk.wait_for(ClockMeasured)
        assert 3_500 <= measured.offset_ms <= 4_500
        assert ("correct_clock", measured.offset_ms) in venue.asked
    finally:
        desk.stop()


@pytest.mark.rule("SEC-5")
def test_a_key_that_may_withdraw_is_told_to_the_gateway(desk: Desk) -> None:
    desk.venue.on["permissions"] = {"trade": True, "withdraw": True}
    desk.exchange.probe()
    probed = desk.wait_for(AccountProbed)
    assert probed.may_withdraw is True
    assert all(passed for name, passed, _ in probed.checks if name != "market")


def test_a_check_stops_at_what_makes_the_rest_senseless(desk: Desk) -> None:
    desk.venue.on["balances"] = ccxt.AuthenticationError('binance {"code":-2015,"msg":"Invalid API-key."}')
    desk.exchange.probe()
    probed = desk.wait_for(AccountProbed)
    assert [name for name, _, _ in probed.checks] == ["connection", "key"]
    assert "api_key" in probed.checks[-1][2]
    assert not probed.is_key_known


@pytest.mark.rule("SEC-5")
def test_permissions_that_could_not_be_asked_are_not_taken_for_none(desk: Desk) -> None:
    desk.venue.on["permissions"] = ccxt.ExchangeNotAvailable("binance 503")
    desk.exchange.probe()
    probed = desk.wait_for(AccountProbed)
    assert (probed.may_withdraw, probed.is_key_known) == (None, False)
    desk.venue.on["permissions"] = {"trade": None, "withdraw": None}
    desk.exchange.probe()
    assert desk.wait(lambda message: isinstance(message, AccountProbed) and message.is_key_known)


def test_a_rate_limit_stops_everything_of_the_account_until_it_is_over() -> None:
    window = Window(name="w", limit=100, period_ms=1_000)
    budget = LimitedBudget(RateRules(windows=(window,), costs={Ask.SUBMIT: {"w": 1}}))
    desk = Desk(budget=budget)
    try:
        desk.venue.client.on_rest_response(429, "", "", "", {"Retry-After": "7"}, "{}", {}, "")

        async def limited() -> None:
            desk.venue.client.on_rest_response(429, "", "", "", {"Retry-After": "7"}, "{}", {}, "")
            raise ccxt.DDoSProtection('binance 429 {"code":-1003,"msg":"Too many requests."}')

        desk.venue.on["create"] = limited
        desk.exchange.submit([an_order()])
        answer = desk.wait_for(Answered)
        assert answer.fate == Fate.TEMPORARY
        assert answer.retry_after_ms == 7_000
        assert budget.blocked_until_ms() > time.time() * 1000 + 5_000
    finally:
        desk.stop()


def test_an_answer_that_is_no_json_is_no_answer(desk: Desk) -> None:
    with pytest.raises(Exception, match="not the exchange's"):
        desk.venue.client.on_rest_response(200, "OK", "", "", {}, "<html>", {}, "")


def test_stop_answers_nothing_any_more_and_closes_the_venue() -> None:
    desk = Desk()

    async def late() -> object:
        await asyncio.sleep(0.2)
        return {}

    desk.venue.on["balances"] = late
    desk.exchange.fetch_balances()
    desk.stop()
    desk.got.clear()
    time.sleep(0.3)
    assert desk.got == []
    assert ("close", None) in desk.venue.asked
