"""Binance spot: every request as it leaves, and what is made of its answer."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from actors.rules.choices import Market
from actors.rules.model import OrderSide, TimeInForce
from actors.rules.rates import Ask
from daemon.exchanges.venues.binance import DAILY, FAST, WEIGHT
from daemon.exchanges.venues.binance_base import PAGE
from daemon.exchanges.venues.pages import TooManyPages
from tests.daemon.exchanges.venues.wire_kit import (
    CLIENT_ID,
    NOW_MS,
    Sent,
    Wire,
    exit_order,
    instrument,
    make_wire,
    market_order,
    order,
)

BTC = "BTC/USDT"
HOUSEKEEPING: dict[str, list[Any]] = {
    "/api/v3/time": [{"serverTime": NOW_MS}],
    "/api/v3/exchangeInfo": [
        {
            "symbols": [
                {
                    "symbol": f"{base}USDT",
                    "status": "TRADING",
                    "baseAsset": base,
                    "baseAssetPrecision": 8,
                    "quoteAsset": "USDT",
                    "quotePrecision": 8,
                    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT"],
                    "isSpotTradingAllowed": True,
                    "permissionSets": [["SPOT"]],
                    "filters": [
                        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
                        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "9000", "stepSize": "0.001"},
                        {"filterType": "NOTIONAL", "minNotional": "5", "applyMinToMarket": True},
                    ],
                }
                for base in ("BTC", "ETH")
            ]
        }
    ],
}
ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "orderListId": -1,
    "clientOrderId": CLIENT_ID,
    "transactTime": NOW_MS,
    "time": NOW_MS,
    "updateTime": NOW_MS,
    "price": "100.00",
    "origQty": "0.500",
    "executedQty": "0.000",
    "cummulativeQuoteQty": "0.00",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "fills": [],
}
FILLED = {**ORDER, "status": "FILLED", "executedQty": "0.500", "cummulativeQuoteQty": "50.00"}
NOT_FOUND = (400, {"code": -2013, "msg": "Order does not exist."})


def trade(trade_id: int, time_ms: int = NOW_MS, order_id: int = 28) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": trade_id,
        "orderId": order_id,
        "price": "100.00",
        "qty": "0.100",
        "quoteQty": "10.00",
        "commission": "0.0001",
        "commissionAsset": "BTC",
        "time": time_ms,
        "isBuyer": True,
        "isMaker": True,
    }


@pytest.fixture
def wire() -> Wire:
    return make_wire("binance", Market.SPOT, HOUSEKEEPING)


def create(wire: Wire, given: Any) -> tuple[Any, Sent]:
    wire.answer("/api/v3/order", ORDER)
    raw = asyncio.run(wire.venue.create(given, instrument(BTC, Market.SPOT)))
    (sent,) = wire.sent
    return raw, sent


# --- placing --------------------------------------------------------------------------------------

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "newClientOrderId": CLIENT_ID,
    "newOrderRespType": "FULL",
    "type": "LIMIT",
    "quantity": "0.5",
    "price": "100",
    "timeInForce": "GTC",
}


def test_a_limit_order_leaves_under_its_own_id_and_comes_back_with_the_venues(wire: Wire) -> None:
    raw, sent = create(wire, order(BTC))
    assert sent == Sent("POST", "/api/v3/order", LIMIT)
    assert (raw["id"], raw["clientOrderId"], raw["status"]) == ("28", CLIENT_ID, "open")
    assert (raw["price"], raw["amount"], raw["filled"]) == ("100.00", "0.500", "0.000")


def test_a_post_only_order_is_a_limit_maker(wire: Wire) -> None:
    _, sent = create(wire, order(BTC, time_in_force=TimeInForce.POST_ONLY))
    expected = {**LIMIT, "type": "LIMIT_MAKER"}
    del expected["timeInForce"]
    assert sent.params == expected


def test_an_immediate_order_says_so(wire: Wire) -> None:
    _, sent = create(wire, order(BTC, time_in_force=TimeInForce.IOC))
    assert sent.params == {**LIMIT, "timeInForce": "IOC"}


@pytest.mark.parametrize("side", list(OrderSide))
def test_a_market_order_is_by_quantity_and_never_by_money(wire: Wire, side: OrderSide) -> None:
    _, sent = create(wire, market_order(BTC, side=side))
    assert sent.params == {
        "symbol": "BTCUSDT",
        "side": side.value.upper(),
        "newClientOrderId": CLIENT_ID,
        "newOrderRespType": "FULL",
        "type": "MARKET",
        "quantity": "0.5",
    }


def test_an_exit_on_spot_says_nothing_of_reducing(wire: Wire) -> None:
    _, sent = create(wire, exit_order(BTC))
    assert sent.params == {**LIMIT, "side": "SELL"}


def test_requests_are_signed_and_stamped_with_a_short_window(wire: Wire) -> None:
    wire.answer("/api/v3/order", ORDER)
    asyncio.run(wire.venue.cancel(order(BTC)))
    assert f"timestamp={NOW_MS}" in wire.urls[-1]
    assert "recvWindow=5000" in wire.urls[-1]
    assert "signature=" in wire.urls[-1]


def test_an_answer_without_an_id_is_handed_on_as_it_is(wire: Wire) -> None:
    wire.answer("/api/v3/order", {})
    assert asyncio.run(wire.venue.create(order(BTC), instrument(BTC, Market.SPOT)))["id"] is None


# --- cancelling and looking up --------------------------------------------------------------------


def test_a_cancel_goes_by_our_id_and_its_answer_is_known_by_the_original_one(wire: Wire) -> None:
    answer = {**ORDER, "status": "CANCELED", "origClientOrderId": CLIENT_ID, "clientOrderId": "cancel1"}
    wire.answer("/api/v3/order", answer)
    raw = asyncio.run(wire.venue.cancel(order(BTC)))
    assert wire.sent == [Sent("DELETE", "/api/v3/order", {"symbol": "BTCUSDT", "origClientOrderId": CLIENT_ID})]
    assert (wire.venue.client_order_id(raw), raw["clientOrderId"], raw["status"]) == (CLIENT_ID, CLIENT_ID, "canceled")


BY_ID = Sent("GET", "/api/v3/order", {"symbol": "BTCUSDT", "origClientOrderId": CLIENT_ID})
HISTORY = Sent("GET", "/api/v3/allOrders", {"symbol": "BTCUSDT", "startTime": str(NOW_MS - 61_000), "limit": str(PAGE)})


def test_an_open_order_is_found_by_our_id_with_one_request(wire: Wire) -> None:
    wire.answer("/api/v3/order", ORDER)
    found = asyncio.run(wire.venue.find(order(BTC)))
    assert wire.sent == [BY_ID]
    assert found.order is not None
    assert found.order["id"] == "28"
    assert found.trades == ()


def test_a_filled_order_comes_with_its_executions(wire: Wire) -> None:
    wire.answer("/api/v3/order", FILLED)
    wire.answer("/api/v3/myTrades", [trade(1), trade(2)])
    found = asyncio.run(wire.venue.find(order(BTC)))
    asked = {"symbol": "BTCUSDT", "orderId": "28", "limit": str(PAGE)}
    assert wire.sent == [BY_ID, Sent("GET", "/api/v3/myTrades", asked)]
    assert [row["id"] for row in found.trades] == ["1", "2"]
    assert found.trades[0]["fee"]["cost"] == "0.0001"


@pytest.mark.rule("ORD-3")
def test_an_order_the_look_up_does_not_know_is_looked_for_in_the_history(wire: Wire) -> None:
    wire.answer("/api/v3/order", NOT_FOUND)
    older = {**FILLED, "orderId": 27, "time": NOW_MS - 500}
    other = {**ORDER, "orderId": 29, "clientOrderId": "someoneelse"}
    wire.answer("/api/v3/allOrders", [older, {**FILLED, "orderId": 28}, other])
    wire.answer("/api/v3/myTrades", [trade(1)])
    found = asyncio.run(wire.venue.find(order(BTC)))
    assert wire.sent[:2] == [BY_ID, HISTORY]
    assert found.order is not None
    assert found.order["id"] == "28"
    assert len(found.trades) == 1


@pytest.mark.rule("ORD-3")
def test_an_order_is_absent_only_if_the_history_does_not_know_it_either(wire: Wire) -> None:
    wire.answer("/api/v3/order", NOT_FOUND)
    wire.answer("/api/v3/allOrders", [])
    assert asyncio.run(wire.venue.find(order(BTC))).order is None
    assert wire.sent == [BY_ID, HISTORY]


@pytest.mark.rule("ORD-3")
def test_another_order_in_the_answer_is_not_taken_for_ours(wire: Wire) -> None:
    wire.answer("/api/v3/order", {**ORDER, "clientOrderId": "someoneelse"})
    wire.answer("/api/v3/allOrders", [])
    assert asyncio.run(wire.venue.find(order(BTC))).order is None


def test_an_archived_order_ended_without_a_fill(wire: Wire) -> None:
    words = "Order was canceled or expired with no executed qty over 90 days ago and has been archived."
    wire.answer("/api/v3/order", (400, {"code": -2026, "msg": words}))
    found = asyncio.run(wire.venue.find(order(BTC)))
    assert found.order is not None
    assert (found.order["status"], found.order["filled"], found.trades) == ("canceled", "0", ())
    assert wire.venue.client_order_id(found.order) == CLIENT_ID


def test_trouble_on_the_way_is_no_absence(wire: Wire) -> None:
    from ccxt.base.errors import OperationFailed

    wire.answer("/api/v3/order", (500, {"code": -1000, "msg": "An unknown error occurred."}))
    with pytest.raises(OperationFailed):
        asyncio.run(wire.venue.find(order(BTC)))


def test_all_open_orders_come_with_one_request(wire: Wire) -> None:
    wire.answer("/api/v3/openOrders", [ORDER, {**ORDER, "symbol": "ETHUSDT", "orderId": 28, "clientOrderId": ""}])
    rows = asyncio.run(wire.venue.open_orders([BTC]))
    assert wire.sent == [Sent("GET", "/api/v3/openOrders")]
    assert [(row["symbol"], wire.venue.client_order_id(row)) for row in rows] == [(BTC, CLIENT_ID), ("ETH/USDT", "")]


# --- executions -----------------------------------------------------------------------------------


def windows(wire: Wire) -> list[tuple[int, int]]:
    return [(int(sent.params["startTime"]), int(sent.params["endTime"])) for sent in wire.sent]


def test_recent_executions_take_one_request(wire: Wire) -> None:
    wire.answer("/api/v3/myTrades", [trade(1), trade(2)])
    rows = asyncio.run(wire.venue.trades(BTC, NOW_MS - 1_000))
    assert [row["id"] for row in rows] == ["1", "2"]
    assert windows(wire) == [(NOW_MS - 1_000, NOW_MS - 1_000 + 86_400_000 - 1)]
    assert wire.venue.client_order_id(rows[0]) == ""


def test_older_executions_are_asked_for_day_by_day_without_a_gap(wire: Wire) -> None:
    wire.answer("/api/v3/myTrades", [trade(1, NOW_MS - 200_000_000)], [], [trade(2)])
    rows = asyncio.run(wire.venue.trades(BTC, NOW_MS - 200_000_000))
    assert [row["id"] for row in rows] == ["1", "2"]
    asked = windows(wire)
    assert len(asked) == 3
    assert all(later[0] == earlier[1] + 1 for earlier, later in pairwise(asked))
    assert asked[-1][1] >= NOW_MS


def test_a_full_page_is_asked_for_again_in_halves(wire: Wire) -> None:
    full = [trade(number) for number in range(PAGE)]
    wire.answer("/api/v3/myTrades", full, full[:600], full[600:], [])
    rows = asyncio.run(wire.venue.trades(BTC, NOW_MS - 80_000_000))
    assert sorted(int(row["id"]) for row in rows) == list(range(PAGE))
    first, half, rest = windows(wire)[:3]
    assert half == (first[0], first[0] + 43_200_000 - 1)
    assert rest[0] == half[1] + 1


def test_executions_that_do_not_end_are_an_error(wire: Wire) -> None:
    wire.answer("/api/v3/myTrades", [])
    with pytest.raises(TooManyPages):
        asyncio.run(wire.venue.trades(BTC, 0))


def test_an_order_of_many_executions_is_read_page_by_page(wire: Wire) -> None:
    wire.answer("/api/v3/order", FILLED)
    wire.answer("/api/v3/myTrades", [trade(number) for number in range(PAGE)], [trade(PAGE)])
    found = asyncio.run(wire.venue.find(order(BTC)))
    assert len(found.trades) == PAGE + 1
    assert wire.sent[-1].params["fromId"] == str(PAGE)


def test_an_execution_of_the_stream_names_our_order(wire: Wire) -> None:
    event = {"x": "TRADE", "c": CLIENT_ID}
    assert wire.venue.client_order_id({"order": "28", "info": event}) == CLIENT_ID
    assert wire.venue.client_order_id({"order": "28", "info": {"x": "NEW", "c": CLIENT_ID}}) == ""


# --- the account ----------------------------------------------------------------------------------


def test_balances_are_the_venues_own_figures(wire: Wire) -> None:
    wire.answer("/api/v3/account", {"balances": [{"asset": "USDT", "free": "1000.10000001", "locked": "2.5"}]})
    raw = asyncio.run(wire.venue.balances())
    assert wire.sent == [Sent("GET", "/api/v3/account")]
    assert (raw["free"]["USDT"], raw["used"]["USDT"]) == ("1000.10000001", "2.5")


@pytest.mark.rule("PRC-4")
def test_a_list_without_instruments_is_not_taken_for_the_market(wire: Wire) -> None:
    async def twice() -> Any:
        await wire.venue.instruments()
        known = dict(wire.venue.client.markets)
        wire.answer("/api/v3/exchangeInfo", {"symbols": [], "rateLimits": []})
        return await wire.venue.instruments(), known == wire.venue.client.markets

    assert asyncio.run(twice()) == ([], True)


def test_instruments_are_asked_for_anew_each_time_and_nothing_else_is(wire: Wire) -> None:
    async def twice() -> Any:
        await wire.venue.instruments()
        return await wire.venue.instruments()

    rows = asyncio.run(twice())
    assert [row["symbol"] for row in rows] == [BTC, "ETH/USDT"]
    paths = [url.split("?")[0].rsplit("/", 1)[1] for url in wire.urls]
    assert sorted(paths) == ["exchangeInfo", "exchangeInfo", "time", "time"]


@pytest.mark.parametrize("at_once", [True, False])
def test_the_first_instruments_come_with_what_the_streams_load(wire: Wire, at_once: bool) -> None:
    async def both() -> Any:
        if not at_once:
            await wire.venue.client.load_markets()
        return await asyncio.gather(wire.venue.client.load_markets(), wire.venue.instruments())

    asyncio.run(both())
    assert [url for url in wire.urls if "exchangeInfo" in url] == ["https://api.binance.com/api/v3/exchangeInfo"]


def test_what_the_venue_says_of_a_symbol_is_handed_on_and_not_kept(wire: Wire) -> None:
    """But for what ccxt looks at when it places an order."""
    rows = asyncio.run(wire.venue.instruments())
    assert all(row["info"]["filters"] for row in rows)
    client = wire.venue.client
    for market in (*client.markets.values(), *(each for same in client.markets_by_id.values() for each in same)):
        assert list(market["info"]) == ["orderTypes"]
    _, sent = create(wire, order(BTC, time_in_force=TimeInForce.POST_ONLY))
    assert sent.params["type"] == "LIMIT_MAKER"


def test_all_prices_come_by_one_socket(wire: Wire) -> None:
    """ccxt asks for the socket of every list of symbols it watches."""
    lists = [",".join(f"C{number}/USDT" for number in range(count)) for count in range(1, 400)]
    assert {wire.venue.client.stream("spot", f"bookTicker::{names}", len(names.split(","))) for names in lists} == {"0"}


def test_permissions_are_those_of_the_key(wire: Wire) -> None:
    answer = {
        "enableReading": True,
        "enableSpotAndMarginTrading": True,
        "enableFutures": False,
        "enableWithdrawals": True,
    }
    wire.answer("/sapi/v1/account/apiRestrictions", answer)
    assert asyncio.run(wire.venue.permissions()) == {"read": True, "trade": True, "withdraw": True}
    assert wire.sent == [Sent("GET", "/sapi/v1/account/apiRestrictions")]


def test_the_testnet_does_not_say_what_a_key_may_do() -> None:
    wire = make_wire("binance", Market.SPOT, HOUSEKEEPING, testnet=True)
    assert asyncio.run(wire.venue.permissions()) == {"read": None, "trade": None, "withdraw": None}


def test_the_clock_is_the_venues(wire: Wire) -> None:
    assert asyncio.run(wire.venue.server_time_ms()) == NOW_MS


def test_prices_are_asked_for_by_name(wire: Wire) -> None:
    ticker = {"symbol": "BTCUSDT", "bidPrice": "99.9", "bidQty": "1", "askPrice": "100.1", "askQty": "1"}
    wire.answer("/api/v3/ticker/bookTicker", [ticker])
    prices = asyncio.run(wire.venue.fetch_prices([BTC]))
    assert {symbol: (row["bid"], row["ask"]) for symbol, row in prices.items()} == {BTC: ("99.9", "100.1")}
    assert wire.sent == [Sent("GET", "/api/v3/ticker/bookTicker", {"symbols": '["BTCUSDT"]'})]
    assert asyncio.run(wire.venue.fetch_prices([])) == {}


# --- limits ---------------------------------------------------------------------------------------


def test_what_the_venue_counted_is_read_from_its_headers(wire: Wire) -> None:
    headers = {"X-MBX-USED-WEIGHT-1M": "120", "x-mbx-order-count-10s": "3", "X-Mbx-Order-Count-1D": "77", "Date": "x"}
    assert wire.venue.used(headers) == {WEIGHT: 120, FAST: 3, DAILY: 77}
    assert wire.venue.used({"X-MBX-USED-WEIGHT-1M": "many"}) == {}


@pytest.mark.rule("REC-4")
def test_every_kind_of_request_but_amends_costs_something_in_a_window_that_exists(wire: Wire) -> None:
    rules = wire.venue.rules()
    names = {window.name for window in rules.windows}
    assert set(Ask) - set(rules.costs) == {Ask.AMEND}
    assert all(set(cost) <= names for cost in rules.costs.values())
    assert {window.name for window in rules.windows if window.is_shared} == {WEIGHT}
    assert not wire.venue.can_amend
