"""The shared core of the simulated venues: account, faults, limits, server."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rules.choices import FeePaidIn, Market, PositionMode
from actors.rules.model import Instrument, OrderSide, OrderState, OrderType, Reason, Side, TimeInForce
from actors.rules.settings import FeeSettings
from tests.wire.core.account import Changed, Placed, Rejected, SimAccount, SimOrder
from tests.wire.core.clock import SimClock
from tests.wire.core.faults import Fault, Faults
from tests.wire.core.ledger import ledger, text
from tests.wire.core.limits import Limit, Limits
from tests.wire.run import AdminFault, Running, wait_until

NOW_MS = 1_700_000_000_000
D = Decimal


def instrument(market: Market = Market.SPOT) -> Instrument:
    return Instrument(
        account="sim",
        symbol="BTC/USDT" if market is Market.SPOT else "BTC/USDT:USDT",
        venue_symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        market=market,
        tick_size=D("0.01"),
        step_size=D("0.001"),
        min_quantity=D("0.001"),
        min_notional=D(5),
    )


def account(market: Market = Market.SPOT, **fields: Any) -> SimAccount:
    made = SimAccount(
        exchange="sim",
        market=market,
        instruments=[instrument(market)],
        balances={"USDT": D(10_000)},
        fees=FeeSettings(paid_in=FeePaidIn.BASE),
        clock=SimClock(NOW_MS),
        **fields,
    )
    made.set_price("BTCUSDT", D(1000))
    return made


def limit(quantity: str = "1", price: str = "900", side: OrderSide = OrderSide.BUY, **fields: Any) -> SimOrder:
    return SimOrder(symbol="BTCUSDT", side=side, type=OrderType.LIMIT, quantity=D(quantity), price=D(price), **fields)


def placed(made: SimAccount, order: SimOrder) -> SimOrder:
    answer = made.place(order)
    assert isinstance(answer, Placed)
    return answer.order


def heard(made: SimAccount) -> list[Changed]:
    changes: list[Changed] = []
    made.on_change(changes.append)
    return changes


def total(made: SimAccount, asset: str) -> Decimal:
    return made.book.funds.total(asset)


# --- account ------------------------------------------------------------------------------------------


def test_a_partial_fill_and_the_rest_are_told_in_order_and_the_money_agrees() -> None:
    made = account()
    changes = heard(made)
    order = placed(made, limit("1", "900", client_order_id="a"))
    made.fill(order.order_id, D("0.4"))
    made.set_price("BTCUSDT", D(900))
    kinds = [(change.kind, change.order.state.value) for change in changes if change.order is not None]
    assert kinds == [("new", "open"), ("trade", "partially_filled"), ("trade", "filled")]
    found = made.order(client_order_id="a")
    assert found is not None
    assert [trade.quantity for trade in found.trades] == [D("0.4"), D("0.6")]
    assert total(made, "BTC") == D("0.999")
    assert total(made, "USDT") == D(9_100)
    assert ledger(made)["balances"]["USDT"] == {"free": "9100", "locked": "0"}


def test_more_than_is_left_cannot_be_filled() -> None:
    made = account()
    order = placed(made, limit("1"))
    with pytest.raises(ValueError, match="has 1 left"):
        made.fill(order.order_id, D("1.001"))


@pytest.mark.parametrize(("unique_ids", "expected"), [("open", True), ("ever", False)])
def test_client_ids_may_come_again_only_where_the_venue_allows_it(unique_ids: Any, expected: bool) -> None:
    made = account(unique_ids=unique_ids)
    placed(made, limit(client_order_id="a"))
    assert isinstance(made.place(limit(client_order_id="a")), Rejected)
    assert made.cancel(client_order_id="a") is not None
    assert isinstance(made.place(limit(client_order_id="a")), Placed) is expected


def test_an_amended_order_keeps_its_id_and_its_fills() -> None:
    made = account()
    order = placed(made, limit("1", "900", client_order_id="a"))
    made.fill(order.order_id, D("0.25"))
    amended = made.amend(order, D(950), D("0.5"))
    assert isinstance(amended, SimOrder)
    assert (amended.order_id, amended.filled, amended.remaining) == (order.order_id, D("0.25"), D("0.25"))
    assert made.book.funds.balance("USDT").locked == D("237.5")
    made.set_price("BTCUSDT", D(940))
    final = made.order(order_id=order.order_id)
    assert final is not None
    assert final.state is OrderState.FILLED
    assert final.trades[-1].price == D(950)
    assert total(made, "USDT") == D(10_000) - D("0.25") * 900 - D("0.25") * 950


def test_an_amendment_that_cannot_be_paid_changes_nothing() -> None:
    made = account()
    order = placed(made, limit("1", "900"))
    before = made.balances()
    answer = made.amend(order, D(900), D(1000))
    assert isinstance(answer, Rejected)
    assert answer.reason is Reason.INSUFFICIENT_FUNDS
    assert made.balances() == before
    made.set_price("BTCUSDT", D(900))
    assert [trade.quantity for trade in made.trades()] == [D(1)]


def test_a_hidden_order_is_found_again_when_its_time_is_over() -> None:
    made = account()
    order = placed(made, limit(client_order_id="a"))
    made.hide(order.order_id, 500)
    assert made.order(client_order_id="a") is None
    assert made.orders(open_only=True) == []
    assert ledger(made)["orders"][0]["state"] == "open"
    assert isinstance(made.clock, SimClock)
    made.clock.advance(500)
    assert made.order(client_order_id="a") == order


def test_an_order_cancelled_by_the_venue_at_once_is_told_as_accepted_then_cancelled() -> None:
    made = account()
    changes = heard(made)
    ended = made.place_cancelled(limit(client_order_id="a", time_in_force=TimeInForce.POST_ONLY), "would take")
    assert [change.kind for change in changes] == ["new", "canceled"]
    assert made.order(client_order_id="a") == ended
    assert made.orders(open_only=True) == []
    assert total(made, "USDT") == D(10_000)


def test_without_filters_the_book_takes_what_the_venue_let_through() -> None:
    assert isinstance(account().place(limit("0.001")), Rejected)
    assert isinstance(account(check_filters=False).place(limit("0.0001", "900.00001")), Placed)


def test_leverage_counts_by_symbol_and_profit_is_told_with_the_trade() -> None:
    made = account(Market.SWAP, leverage=2)
    made.set_leverage("BTCUSDT", 5)
    buy = SimOrder(symbol="BTCUSDT", side=OrderSide.BUY, type=OrderType.MARKET, quantity=D(1))
    placed(made, buy)
    (position,) = made.positions()
    assert (position.side, position.margin, position.leverage) == (Side.LONG, D(200), 5)
    made.set_price("BTCUSDT", D(1100))
    closed = placed(made, replace(buy, side=OrderSide.SELL, reduce_only=True))
    assert closed.trades[0].realized == D(100)
    assert made.positions() == []
    assert total(made, "USDT") == D(10_000) + 100 - D(1) - D("1.1")


def test_a_liquidation_on_demand_is_an_order_of_the_venues_own() -> None:
    made = account(Market.SWAP, leverage=5)
    placed(made, SimOrder(symbol="BTCUSDT", side=OrderSide.BUY, type=OrderType.MARKET, quantity=D(1)))
    assert made.liquidate("BTCUSDT") == 1
    assert made.positions() == []
    newest = made.all_orders()[-1]
    assert (newest.extra["liquidation"], newest.state, newest.filled) == ("true", OrderState.FILLED, D(1))


def test_funding_moves_money_and_is_told() -> None:
    made = account(Market.SWAP)
    changes = heard(made)
    made.pay_funding("BTCUSDT", D("-1.5"))
    assert [change.kind for change in changes] == ["funding", "balance"]
    assert total(made, "USDT") == D("9998.5")


def test_the_position_mode_changes_only_while_nothing_is_open() -> None:
    made = account(Market.SWAP)
    order = placed(made, limit("1", "900"))
    assert not made.set_position_mode(PositionMode.HEDGE)
    made.cancel(order_id=order.order_id)
    assert made.set_position_mode(PositionMode.HEDGE)
    for side in OrderSide:
        placed(made, SimOrder(symbol="BTCUSDT", side=side, type=OrderType.MARKET, quantity=D(1)))
    assert {position.side for position in made.positions()} == {Side.LONG, Side.SHORT}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "amend", "fill", "cancel", "price"]),
        st.integers(0, 5),
        st.integers(1, 20),
        st.integers(900, 1100),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whatever_is_done_the_money_is_what_the_trades_say(steps: list[tuple[str, int, int, int]]) -> None:
    made = account()
    made.change_balance("BTC", D(5))
    for kind, which, tenths, price in steps:
        quantity, resting = D(tenths) / 10, made.orders(open_only=True)
        chosen = resting[which % len(resting)] if resting else None
        if kind in ("buy", "sell"):
            made.place(limit(str(quantity), str(price), OrderSide(kind)))
        elif kind == "price":
            made.set_price("BTCUSDT", D(price))
        elif chosen is not None and kind == "amend":
            made.amend(chosen, D(price), quantity)
        elif chosen is not None and kind == "fill":
            made.fill(chosen.order_id, min(quantity, chosen.remaining))
        elif chosen is not None:
            made.cancel(order_id=chosen.order_id)
        assert all(balance.free >= 0 and balance.locked >= 0 for balance in made.balances())
    coins, money = D(5), D(10_000)
    for trade in made.all_trades():
        sign = 1 if trade.side is OrderSide.BUY else -1
        coins += sign * trade.quantity - (trade.fee if trade.fee_asset == "BTC" else 0)
        money -= sign * trade.notional + (trade.fee if trade.fee_asset == "USDT" else 0)
    assert (total(made, "BTC"), total(made, "USDT")) == (coins, money)
    for order in made.all_orders():
        assert order.filled <= order.quantity
        made.cancel(order_id=order.order_id)
    assert [balance.locked for balance in made.balances()] == [D(0), D(0)]


# --- faults and limits --------------------------------------------------------------------------------


def test_a_fault_hits_only_what_it_names_and_only_so_often() -> None:
    faults = Faults()
    faults.add(Fault(kind="reply:-1007", path="/order", method="POST", client_order_id="a", count=2, skip=1))
    asked = [("GET", "/order", "a"), ("POST", "/other", "a"), ("POST", "/order", "b")]
    assert [faults.take(*each) for each in asked] == [None, None, None]
    hits = [faults.take("POST", "/order", "a") is not None for _ in range(4)]
    assert hits == [False, True, True, False]
    assert [fault.hits for fault in faults.happened] == [2]


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no such fault"):
        Fault(kind="explode")


def test_frames_are_lost_in_about_the_share_asked_for_and_always_the_same_ones() -> None:
    def lost() -> list[int]:
        faults = Faults()
        faults.add(Fault(kind="ws_drop:30", count=0))
        return [number for number in range(300) if not faults.frame("/ws").copies]

    first = lost()
    assert 60 < len(first) < 120
    assert first == lost()


def test_a_window_refuses_what_is_too_much_and_bans_who_goes_on() -> None:
    limits = Limits({"W": Limit(2, 1000)}, ban_after=1, ban_s=3)
    assert [limits.draw({"W": 1}, NOW_MS) for _ in range(2)] == [None, None]
    first, second = limits.draw({"W": 1}, NOW_MS + 1), limits.draw({"W": 1}, NOW_MS + 2)
    assert first is not None
    assert (first.is_ban, first.retry_after_s) == (False, 1)
    assert second is not None
    assert second.is_ban
    third = limits.draw({}, NOW_MS + 2000)
    assert third is not None
    assert third.is_ban
    assert limits.draw({"W": 1}, NOW_MS + 3002) is None


@pytest.mark.parametrize(
    ("value", "expected"), [("1.500", "1.5"), ("100", "100"), ("0E-8", "0"), ("1E+2", "100"), ("-0.0", "0")]
)
def test_decimals_are_written_plainly(value: str, expected: str) -> None:
    assert text(D(value)) == expected


# --- server -------------------------------------------------------------------------------------------


def ask(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_an_unlisted_path_fails_and_is_counted() -> None:
    with Running("binance") as venue:
        status, body = ask(venue.endpoints.rest + "/api/v9/unheard")
        assert status == 404
        assert "the simulator has no GET /api/v9/unheard" in body
        assert venue.admin.status()["unlisted"] == {"GET /api/v9/unheard": 1}
        assert venue.admin.requests()[-1]["status"] == 404


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("drop_before_accept", http.client.RemoteDisconnected),
        ("accept_then_drop", http.client.RemoteDisconnected),
        ("accept_then_truncated", http.client.IncompleteRead),
        ("timeout_before_accept", TimeoutError),
        ("accept_then_timeout", TimeoutError),
    ],
)
def test_answers_get_lost_the_way_the_fault_says(kind: str, expected: type[Exception]) -> None:
    with Running("binance") as venue:
        venue.admin.fault(kind, path="/api/v3/time")
        with (
            pytest.raises(expected),
            urllib.request.urlopen(venue.endpoints.rest + "/api/v3/time", timeout=0.3) as answer,
        ):
            answer.read()
        assert ask(venue.endpoints.rest + "/api/v3/time")[0] == 200


def test_a_stopped_simulator_does_not_wait_for_requests_that_hang() -> None:
    with Running("binance") as venue:
        venue.admin.fault("timeout_before_accept", path="/time")
        hanging = socket.create_connection(("127.0.0.1", int(venue.endpoints.rest.rpartition(":")[2])))
        hanging.settimeout(5)
        hanging.sendall(b"GET /api/v3/time HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(venue.admin.requests)
    with hanging:
        assert hanging.recv(1) == b""


@pytest.mark.parametrize(
    "ask_for",
    [
        lambda admin: admin.post("nothing"),
        lambda admin: admin.price("NONE", 1),
        lambda admin: admin.fill("unknown", 1),
        lambda admin: admin.fault("explode"),
        lambda admin: admin.fault("delay:1", pth="typo"),
        lambda admin: admin.limits(NO_WINDOW=1),
        lambda admin: admin.foreign("BTCUSDT", "buy", "1000"),
    ],
)
def test_the_back_door_says_what_it_cannot_do(ask_for: Callable[[Any], Any]) -> None:
    with Running("binance") as venue, pytest.raises(AdminFault):
        ask_for(venue.admin)


def test_secrets_are_masked_in_the_request_log() -> None:
    with Running("binance") as venue:
        request = urllib.request.Request(venue.endpoints.rest + "/api/v3/account?timestamp=1&signature=abcdef01")
        request.add_header("X-MBX-APIKEY", venue.endpoints.api_key)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=5)
        caught.value.close()
        logged = json.dumps(venue.admin.requests())
        assert venue.endpoints.api_key not in logged
        assert "abcdef01" not in logged


def test_it_runs_as_a_process_of_its_own_and_ends_when_told() -> None:
    with Running("binance", process=True) as venue:
        venue.admin.price("BTCUSDT", "123.45")
        assert venue.admin.ledger()["prices"]["BTCUSDT"] == "123.45"
        assert venue.endpoints.ws.startswith("ws://127.0.0.1:")
        assert venue.endpoints.tls_port


def test_an_unknown_venue_is_refused_on_the_command_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.wire", "nowhere"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
        check=False,
    )
    assert ended.returncode == 2
    assert "invalid choice" in ended.stderr
