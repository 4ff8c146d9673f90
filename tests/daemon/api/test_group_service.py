"""GroupService and AccountService against a real engine: shapes, closes, balances."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import grpc
import pytest

from protos.terrace.v1 import account_pb2, engine_pb2, group_pb2
from protos.terrace.v1 import types_pb2 as t
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.api.conftest import Serve, Served


def until(true: Callable[[], bool], limit_s: float = 10.0) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.01)


def group_of(client: Client, group_id: str) -> group_pb2.Group:
    return client.groups.GetGroup(group_pb2.GetGroupRequest(group_id=group_id)).group


def move(client: Client, price: str, symbol: str = "BTC/USDT") -> account_pb2.PaperPrice:
    return client.accounts.SetPaperPrice(account_pb2.SetPaperPriceRequest(symbol=symbol, price=price)).price


@pytest.mark.rule("TP-1", "DCA-2", "DCA-3")
def test_a_group_is_shown_with_its_ladder_as_the_worked_example_has_it(serve: Serve) -> None:
    strategy = {"default": {"sizing": {"capital_per_pyramid": "1000"}}}
    admin = serve({"strategy": strategy, "accounts": {"paper": {"fees": {"paid_in": "quote"}}}}).client()
    opened = admin.send(alert())
    until(lambda: group_of(admin, opened.group_id).legs_filled == 1)
    group = group_of(admin, opened.group_id)
    legs = group.pyramids[0].legs
    assert [Decimal(leg.price) for leg in legs] == [Decimal(p) for p in ("100", "99.5", "99", "98.5", "98")]
    assert [leg.quantity for leg in legs] == ["2", "2.01", "2.02", "2.03", "2.04"]
    assert [leg.tp_price for leg in legs] == ["101", "100", "100.98", "99.98", "98.98"]
    assert [leg.state for leg in legs] == [t.LEG_STATE_FILLED] + [t.LEG_STATE_OPEN] * 4
    assert group.state == t.GROUP_STATE_PARTIALLY_FILLED
    assert (group.legs_filled, group.legs_total, group.pyramid_count, group.max_pyramids) == (1, 5, 1, 5)
    assert (group.quantity, group.average_entry, group.invested) == ("2", "100", "200")
    assert (group.mark_price, group.unrealized_pnl, group.unrealized_pnl_percent) == ("100", "0", "0")
    assert (group.realized_pnl, group.fees) == ("-0.2", "0.2")
    entry = legs[0].orders[0]
    assert (entry.role, entry.side, entry.state) == (t.ORDER_ROLE_ENTRY, t.ORDER_SIDE_BUY, t.ORDER_STATE_FILLED)
    assert (entry.filled_quantity, entry.average_price, entry.fee) == ("2", "100", "0.2")
    assert [fill.quantity for fill in entry.fills] == ["2"]
    target = legs[0].orders[1]
    assert (target.role, target.price, target.quantity) == (t.ORDER_ROLE_TAKE_PROFIT, "101", "2")


@pytest.mark.rule("TP-8", "PNL-1")
def test_a_target_that_is_hit_closes_its_leg_and_its_profit_is_shown(serve: Serve) -> None:
    strategy = {"default": {"sizing": {"capital_per_pyramid": "1000"}}}
    admin = serve({"strategy": strategy, "accounts": {"paper": {"fees": {"paid_in": "quote"}}}}).client()
    opened = admin.send(alert())
    until(lambda: group_of(admin, opened.group_id).legs_filled == 1)
    assert move(admin, "99.5").price == "99.5"
    until(lambda: group_of(admin, opened.group_id).legs_filled == 2)
    move(admin, "100")
    until(lambda: group_of(admin, opened.group_id).pyramids[0].legs[1].state == t.LEG_STATE_TP_HIT)
    group = group_of(admin, opened.group_id)
    leg = group.pyramids[0].legs[1]
    assert leg.closed_quantity == "2.01"
    # 2.01 x (100 - 99.5) less 0.1 % of 2.01 x 99.5 and of 2.01 x 100.
    assert Decimal(leg.realized_pnl) == Decimal("1.005") - Decimal("0.199995") - Decimal("0.201")
    assert Decimal(group.realized_pnl) == Decimal(leg.realized_pnl) - Decimal("0.2")
    assert group.quantity == "2"


@pytest.mark.rule("EXIT-1")
def test_closing_a_group_closes_it_for_good_and_repeating_it_is_harmless(admin: Client) -> None:
    opened = admin.send(alert())
    until(lambda: group_of(admin, opened.group_id).legs_filled == 1)
    request = group_pb2.CloseGroupRequest(group_id=opened.group_id)
    assert admin.groups.CloseGroup(
        group_pb2.CloseGroupRequest(group_id=opened.group_id, validate_only=True)
    ).group.state == (t.GROUP_STATE_PARTIALLY_FILLED)
    closing = admin.groups.CloseGroup(request).group
    assert closing.state in (t.GROUP_STATE_CLOSING, t.GROUP_STATE_CLOSED)
    until(lambda: group_of(admin, opened.group_id).state == t.GROUP_STATE_CLOSED)
    closed = admin.groups.CloseGroup(request).group
    assert (closed.state, closed.close_reason) == (t.GROUP_STATE_CLOSED, "MANUAL")
    assert closed.HasField("close_time")
    # Bought 0.4, the fee took 0.0004, the step left 0.0006 over: dust, which no price moves any more.
    assert (closed.quantity, closed.dust, closed.average_entry) == ("0", "0.0006", "")
    assert (closed.invested, closed.unrealized_pnl) == ("0", "0")
    move(admin, "150")
    moved = group_of(admin, opened.group_id)
    assert (moved.invested, moved.unrealized_pnl, moved.unrealized_pnl_percent) == ("0", "0", "")
    assert moved.dust_value == closed.dust_value
    assert not admin.groups.ListGroups(group_pb2.ListGroupsRequest()).groups
    everything = admin.groups.ListGroups(group_pb2.ListGroupsRequest(include_closed=True)).groups
    assert [group.group_id for group in everything] == [opened.group_id]


def test_entries_can_be_cancelled_while_what_is_held_stays(admin: Client) -> None:
    opened = admin.send(alert())
    until(lambda: group_of(admin, opened.group_id).legs_filled == 1)
    admin.groups.CancelEntries(group_pb2.CancelEntriesRequest(group_id=opened.group_id))
    until(lambda: group_of(admin, opened.group_id).state == t.GROUP_STATE_ACTIVE)
    legs = group_of(admin, opened.group_id).pyramids[0].legs
    assert [leg.state for leg in legs] == [t.LEG_STATE_FILLED] + [t.LEG_STATE_CANCELLED] * 4


def test_a_group_that_is_not_there_is_not_found_by_any_method(admin: Client) -> None:
    for call in (
        lambda: admin.groups.GetGroup(group_pb2.GetGroupRequest(group_id="nonesuch")),
        lambda: admin.groups.CloseGroup(group_pb2.CloseGroupRequest(group_id="nonesuch")),
        lambda: admin.groups.CancelEntries(group_pb2.CancelEntriesRequest(group_id="nonesuch")),
        lambda: admin.groups.ReduceGroup(group_pb2.ReduceGroupRequest(group_id="nonesuch", percent="50")),
        lambda: admin.groups.GetGroup(group_pb2.GetGroupRequest()),
    ):
        refused = refusal(call)
        assert (refused.code, refused.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


@pytest.mark.rule("EXIT-6")
def test_a_group_can_be_reduced_by_a_share_and_by_an_amount_of_base(admin: Client) -> None:
    opened = admin.send(alert())
    move(admin, "97")
    until(lambda: group_of(admin, opened.group_id).legs_filled == 5)
    held = Decimal(group_of(admin, opened.group_id).quantity)
    half = group_pb2.ReduceGroupRequest(group_id=opened.group_id, percent="50", request_id="half", validate_only=True)
    shown = admin.groups.ReduceGroup(half).group
    assert [cut.reason for cut in shown.cuts] == ["MANUAL"]
    assert sum(Decimal(part.quantity) for part in shown.cuts[0].parts) == Decimal(shown.cuts[0].quantity)
    assert [part.leg for part in shown.cuts[0].parts][:2] == [0, 2], "from the farthest target inward"
    assert not group_of(admin, opened.group_id).cuts, "it was only asked what would be done"
    cut = admin.groups.ReduceGroup(group_pb2.ReduceGroupRequest(group_id=opened.group_id, percent="50")).group.cuts[0]
    until(lambda: group_of(admin, opened.group_id).cuts[0].state == "DONE")
    reduced = group_of(admin, opened.group_id)
    assert reduced.cuts[0].sold_quantity == cut.quantity
    assert held - Decimal(reduced.quantity) == Decimal(cut.quantity)
    assert reduced.state == t.GROUP_STATE_ACTIVE
    more = group_pb2.ReduceGroupRequest(group_id=opened.group_id, quantity="99")
    assert admin.groups.ReduceGroup(more).group.close_reason == "MANUAL", "more than everything is everything"
    until(lambda: group_of(admin, opened.group_id).state == t.GROUP_STATE_CLOSED)
    assert refusal(lambda: admin.groups.ReduceGroup(more)).code == grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize("amount", [{}, {"percent": "0"}, {"percent": "101"}, {"quantity": "-1"}, {"quantity": "x"}])
def test_a_reduce_without_a_sensible_amount_is_refused(admin: Client, amount: dict[str, Any]) -> None:
    opened = admin.send(alert())
    refused = refusal(
        lambda: admin.groups.ReduceGroup(group_pb2.ReduceGroupRequest(group_id=opened.group_id, **amount))
    )
    assert (refused.code, refused.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT")


def test_a_reduce_the_exchange_would_not_take_is_refused_with_the_reason(admin: Client) -> None:
    opened = admin.send(alert())
    until(lambda: group_of(admin, opened.group_id).legs_filled == 1)
    tiny = group_pb2.ReduceGroupRequest(group_id=opened.group_id, quantity="0.001")
    assert refusal(lambda: admin.groups.ReduceGroup(tiny)).reason == "BELOW_MIN_QUANTITY"


@pytest.mark.rule("ORD-12")
def test_closing_all_closes_every_group_of_the_account_and_pauses_it(served: Served) -> None:
    admin = served.client()
    for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT"):
        admin.send(alert(symbol))
    dry = admin.groups.CloseAllGroups(group_pb2.CloseAllGroupsRequest(validate_only=True))
    assert len(dry.groups) == 3
    answer = admin.groups.CloseAllGroups(group_pb2.CloseAllGroupsRequest(accounts=["paper"]))
    assert not answer.failures
    assert len(answer.groups) == 3
    assert not answer.groups[0].pyramids
    until(lambda: not admin.groups.ListGroups(group_pb2.ListGroupsRequest()).groups)
    waiting = admin.send(alert("BTCUSDT", "60"))
    assert (waiting.outcome, waiting.reason) == (t.OUTCOME_QUEUED, "ACCOUNT_PAUSED")
    account = admin.accounts.GetAccount(account_pb2.GetAccountRequest(account="paper")).account
    assert account.state == t.ACCOUNT_STATE_PAUSED
    assert account.state_reason == "paused by close-all; `terrace engine resume --account paper` lifts it"
    admin.groups.CloseAllGroups(group_pb2.CloseAllGroupsRequest())
    status = admin.engine.GetStatus(engine_pb2.GetStatusRequest()).status
    assert status.state_reason == "paused by close-all; `terrace engine resume` lifts it"
    refused = refusal(lambda: admin.groups.CloseAllGroups(group_pb2.CloseAllGroupsRequest(accounts=["other"])))
    assert refused.resource == ("account", "other")


def test_groups_are_listed_newest_first_with_filters_pages_and_views(admin: Client) -> None:
    ids = [
        admin.send(alert(symbol, timeframe)).group_id for symbol in ("BTCUSDT", "ETHUSDT") for timeframe in ["15", "60"]
    ]
    everything = admin.groups.ListGroups(group_pb2.ListGroupsRequest()).groups
    assert [group.group_id for group in everything] == ids[::-1]
    one = admin.groups.ListGroups(group_pb2.ListGroupsRequest(symbol="ETH/USDT", timeframe="1h")).groups
    assert [group.group_id for group in one] == ids[3:]
    basic = admin.groups.ListGroups(group_pb2.ListGroupsRequest(view=group_pb2.GROUP_VIEW_BASIC)).groups[0]
    assert not basic.pyramids
    assert everything[0].pyramids[0].legs[0].orders
    request, seen = group_pb2.ListGroupsRequest(page_size=3), []
    page = admin.groups.ListGroups(request)
    seen += [group.group_id for group in page.groups]
    request.page_token = page.next_page_token
    page = admin.groups.ListGroups(request)
    seen += [group.group_id for group in page.groups]
    assert seen == ids[::-1]
    assert page.next_page_token == ""
    request.account = "paper"
    assert refusal(lambda: admin.groups.ListGroups(request)).fields.keys() == {"page_token"}
    assert refusal(lambda: admin.groups.ListGroups(group_pb2.ListGroupsRequest(page_size=-1))).fields.keys() == {
        "page_size"
    }


def test_groups_are_listed_by_side_by_result_and_by_when_they_closed(admin: Client) -> None:
    def found(**wanted: Any) -> list[str]:
        return [group.group_id for group in admin.groups.ListGroups(group_pb2.ListGroupsRequest(**wanted)).groups]

    gone, live = (admin.send(alert(symbol)).group_id for symbol in ("BTCUSDT", "ETHUSDT"))
    until(lambda: group_of(admin, gone).legs_filled == 1)
    move(admin, "100.1")
    admin.groups.CloseGroup(group_pb2.CloseGroupRequest(group_id=gone))
    until(lambda: group_of(admin, gone).state == t.GROUP_STATE_CLOSED)
    closed = group_of(admin, gone)
    assert Decimal(closed.realized_pnl) < 0, "the fees were more than the price brought"
    states = [t.GROUP_STATE_CLOSED]
    assert found(side=t.SIDE_LONG) == [live]
    assert found(side=t.SIDE_SHORT) == []
    assert found(states=states, side=t.SIDE_LONG) == [gone]
    assert found(states=states, side=t.SIDE_SHORT) == []
    assert found(states=states, result=group_pb2.GROUP_RESULT_LOSS) == [gone]
    assert found(states=states, result=group_pb2.GROUP_RESULT_GAIN) == []
    assert found(states=states, close_start_time=closed.close_time) == [gone]
    assert found(states=states, close_end_time=closed.close_time) == []
    assert found(close_start_time=closed.create_time) == [], "none that is live has closed"
    assert found(close_start_time=closed.create_time, include_closed=True) == [gone]
    assert found(last_closed_first=True) == [gone], "closed ones alone, whatever states are asked for"
    assert found(last_closed_first=True, states=[t.GROUP_STATE_ACTIVE], side=t.SIDE_SHORT) == []
    admin.groups.CloseGroup(group_pb2.CloseGroupRequest(group_id=live))
    until(lambda: group_of(admin, live).state == t.GROUP_STATE_CLOSED)
    first = admin.send(alert(timeframe="60")).group_id
    second = admin.send(alert(timeframe="240")).group_id
    admin.groups.CloseGroup(group_pb2.CloseGroupRequest(group_id=second))
    until(lambda: group_of(admin, second).state == t.GROUP_STATE_CLOSED)
    admin.groups.CloseGroup(group_pb2.CloseGroupRequest(group_id=first))
    until(lambda: group_of(admin, first).state == t.GROUP_STATE_CLOSED)
    assert found(last_closed_first=True) == [first, second, live, gone]
    assert found(states=states) == [second, first, live, gone]
    assert refusal(lambda: found(side=99)).fields.keys() == {"side"}


@pytest.mark.rule("PNL-2")
def test_an_account_shows_its_balances_what_is_bound_and_what_its_groups_hold(admin: Client) -> None:
    opened = admin.send(alert())
    until(lambda: group_of(admin, opened.group_id).legs_filled == 1)
    until(lambda: len(admin.accounts.GetAccount(account_pb2.GetAccountRequest(account="paper")).account.balances) == 2)
    account = admin.accounts.GetAccount(account_pb2.GetAccountRequest(account="paper")).account
    balances = {balance.asset: balance for balance in account.balances}
    group = group_of(admin, opened.group_id)
    assert balances["BTC"].total == group.quantity == "0.3996"
    assert Decimal(balances["USDT"].total) == Decimal(100_000) - Decimal("40")
    assert Decimal(balances["USDT"].free) + Decimal(balances["USDT"].locked) == Decimal(balances["USDT"].total)
    assert [(each.symbol, each.quantity) for each in account.positions] == [("BTC/USDT", "0.3996")]
    assert account.equity == "99999.96"
    assert (account.state, account.exchange, account.paper_prices) == (t.ACCOUNT_STATE_READY, "paper", "manual")
    assert account.reservations[0].amount == group.reserved_capital


@pytest.mark.rule("PNL-1")
def test_a_position_s_profit_is_exact_where_its_average_has_no_end(serve: Serve) -> None:
    strategy = {"default": {"sizing": {"capital_per_pyramid": "1000"}}}
    admin = serve({"strategy": strategy, "accounts": {"paper": {"fees": {"paid_in": "quote"}}}}).client()
    opened = admin.send(alert())
    until(lambda: group_of(admin, opened.group_id).legs_filled == 1)
    move(admin, "98.9")
    until(lambda: group_of(admin, opened.group_id).legs_filled == 3)
    group = group_of(admin, opened.group_id)
    account = admin.accounts.GetAccount(account_pb2.GetAccountRequest(account="paper")).account
    [position] = account.positions
    exact = Decimal("98.9") * Decimal(group.quantity) - Decimal(group.invested)
    rounded = (Decimal("98.9") - Decimal(group.average_entry)) * Decimal(group.quantity)
    assert rounded != exact, "the average is rounded"
    assert position.unrealized_pnl == group.unrealized_pnl == format(exact.normalize(), "f")


def test_instruments_are_listed_refreshed_and_the_account_is_tried(admin: Client) -> None:
    listed = admin.accounts.ListInstruments(account_pb2.ListInstrumentsRequest(account="paper"))
    assert [each.symbol for each in listed.instruments] == ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
    assert (listed.instruments[0].tick_size, listed.instruments[0].step_size) == ("0.01", "0.001")
    assert listed.instruments[0].active
    refreshed = admin.accounts.RefreshInstruments(account_pb2.RefreshInstrumentsRequest(account="paper"))
    assert (refreshed.instrument_count, list(refreshed.changed_symbols)) == (3, [])
    checked = admin.accounts.CheckAccount(account_pb2.CheckAccountRequest(account="paper"))
    assert checked.passed
    assert checked.checks
    refused = refusal(lambda: admin.accounts.ListInstruments(account_pb2.ListInstrumentsRequest(account="x")))
    assert refused.reason == "NOT_FOUND"


@pytest.mark.parametrize(
    ("symbol", "price", "reason"),
    [
        ("BTC/USDT", "0", "INVALID_ARGUMENT"),
        ("BTC/USDT", "-1", "INVALID_ARGUMENT"),
        ("BTC/USDT", "", "INVALID_ARGUMENT"),
        ("BTC/USDT", "NaN", "INVALID_ARGUMENT"),
        ("", "1", "INVALID_ARGUMENT"),
    ],
)
def test_a_paper_price_must_be_a_price_of_a_symbol(admin: Client, symbol: str, price: str, reason: str) -> None:
    assert refusal(lambda: move(admin, price, symbol)).reason == reason


def test_a_price_of_an_unknown_symbol_or_account_is_refused(admin: Client) -> None:
    assert refusal(lambda: move(admin, "1", "NOPE/USDT")).reason not in ("", "INTERNAL")
    request = account_pb2.SetPaperPriceRequest(account="other", symbol="BTC/USDT", price="1")
    assert refusal(lambda: admin.accounts.SetPaperPrice(request)).resource == ("account", "other")


def test_an_account_without_keys_is_shown_with_the_reason_and_its_signals_can_be_sent_again(serve: Serve) -> None:
    accounts = {"real": {"exchange": "binance", "market": "swap", "leverage": 3, "testnet": True}}
    admin = serve({"accounts": accounts, "routes": {"BYBIT": "real"}}).client()
    listed = {each.account: each for each in admin.accounts.ListAccounts(account_pb2.ListAccountsRequest()).accounts}
    states = {name: account.state for name, account in listed.items()}
    assert states == {"paper": t.ACCOUNT_STATE_READY, "real": t.ACCOUNT_STATE_DISCONNECTED}
    assert listed["real"].state_reason.startswith("accounts.real.api_key is missing")
    assert listed["real"].equity == ""
    shown = admin.accounts.GetAccount(account_pb2.GetAccountRequest(account="real")).account
    kept = (shown.leverage, shown.margin_mode, shown.position_mode)
    assert kept == (3, account_pb2.MARGIN_MODE_ISOLATED, account_pb2.POSITION_MODE_ONE_WAY)
    assert not shown.HasField("connection")
    refused = refusal(lambda: admin.send(alert(exchange="BYBIT")))
    assert refused.code is grpc.StatusCode.UNAVAILABLE
    assert "accounts.real.api_key is missing" in refused.message
    refused = refusal(lambda: admin.engine.GetStatus(engine_pb2.GetStatusRequest()))
    assert "paper, testnet" in refused.fields["world"]
    status = admin.engine.GetStatus(engine_pb2.GetStatusRequest(world=t.WORLD_PAPER)).status
    assert [account.account for account in status.accounts] == ["paper"]
    assert (status.state, list(status.degraded)) == (t.ENGINE_STATE_RUNNING, []), (
        "the other world's account is said there"
    )
    status = admin.engine.GetStatus(engine_pb2.GetStatusRequest(world=t.WORLD_TESTNET)).status
    assert status.state == t.ENGINE_STATE_DEGRADED
    assert status.accounts[0].state_reason == listed["real"].state_reason


def test_a_paper_account_says_how_it_is_connected(admin: Client) -> None:
    shown = admin.accounts.GetAccount(account_pb2.GetAccountRequest(account="paper")).account
    assert shown.connection.circuit == account_pb2.CIRCUIT_STATE_CLOSED
    assert shown.connection.open_orders == 0
    assert shown.leverage == 0
    listed = admin.accounts.ListAccounts(account_pb2.ListAccountsRequest()).accounts
    assert not listed[0].HasField("connection")
