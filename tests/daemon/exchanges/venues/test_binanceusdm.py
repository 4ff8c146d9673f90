"""Binance USDT-M swaps: every request as it leaves, and what is made of its answer."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from actors.rules.choices import MarginMode, Market, PositionMode
from actors.rules.model import OrderSide, OrderType, Role, TimeInForce
from actors.rules.rates import Ask
from daemon.exchanges.venues.binance_base import PAGE
from daemon.exchanges.venues.binanceusdm import FAST, MINUTE, WEIGHT, BinanceUsdm
from daemon.exchanges.venues.settling import SetupFault
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

BTC = "BTC/USDT:USDT"
HOUSEKEEPING: dict[str, list[Any]] = {
    "/fapi/v1/time": [{"serverTime": NOW_MS}],
    "/fapi/v1/exchangeInfo": [
        {
            "symbols": [
                {
                    "symbol": f"{base}USDT",
                    "pair": f"{base}USDT",
                    "contractType": kind,
                    "deliveryDate": 4133404800000,
                    "onboardDate": 1569398400000,
                    "status": "TRADING",
                    "baseAsset": base,
                    "quoteAsset": "USDT",
                    "marginAsset": "USDT",
                    "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
                    "filters": [
                        {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1000000", "tickSize": "0.1"},
                        {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
                        {"filterType": "MIN_NOTIONAL", "notional": "5"},
                    ],
                }
                for base, kind in (("BTC", "PERPETUAL"), ("ETH", "PERPETUAL"))
            ]
        }
    ],
    "/fapi/v1/leverageBracket": [[]],
}
ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 28,
    "clientOrderId": CLIENT_ID,
    "price": "100.0",
    "avgPrice": "0.0",
    "origQty": "0.500",
    "executedQty": "0.000",
    "cumQuote": "0.0",
    "status": "NEW",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "positionSide": "BOTH",
    "reduceOnly": False,
    "stopPrice": "0",
    "updateTime": NOW_MS,
    "time": NOW_MS,
}
STOP = {
    "algoId": 3358,
    "clientAlgoId": CLIENT_ID,
    "algoType": "CONDITIONAL",
    "orderType": "STOP_MARKET",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "positionSide": "BOTH",
    "timeInForce": "GTC",
    "quantity": "0.500",
    "algoStatus": "NEW",
    "triggerPrice": "90.0",
    "price": "0",
    "reduceOnly": True,
    "createTime": NOW_MS,
    "updateTime": NOW_MS,
}
NOT_FOUND = (400, {"code": -2013, "msg": "Order does not exist."})


def trade(trade_id: int, order_id: int = 28) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "id": trade_id,
        "orderId": order_id,
        "side": "SELL",
        "price": "100.0",
        "qty": "0.500",
        "quoteQty": "50.0",
        "commission": "-0.01",
        "commissionAsset": "USDT",
        "time": NOW_MS,
        "positionSide": "BOTH",
        "buyer": False,
        "maker": True,
    }


def stop_order(**changes: Any) -> Any:
    given: dict[str, Any] = {"type": OrderType.STOP, "role": Role.STOP, "price": None, "trigger_price": Decimal(90)}
    return exit_order(BTC, **{**given, **changes})


@pytest.fixture
def wire() -> Wire:
    return make_wire("binance", Market.SWAP, HOUSEKEEPING)


@pytest.fixture
def hedged() -> Wire:
    return make_wire("binanceusdm", Market.SWAP, HOUSEKEEPING, position_mode=PositionMode.HEDGE)


def create(wire: Wire, given: Any, path: str = "/fapi/v1/order", answer: Any = ORDER) -> tuple[Any, Sent]:
    wire.answer(path, answer)
    raw = asyncio.run(wire.venue.create(given, instrument(BTC, Market.SWAP)))
    (sent,) = wire.sent
    return raw, sent


# --- placing --------------------------------------------------------------------------------------

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "newClientOrderId": CLIENT_ID,
    "newOrderRespType": "RESULT",
    "type": "LIMIT",
    "quantity": "0.5",
    "price": "100",
    "timeInForce": "GTC",
}


def test_a_limit_order_leaves_under_its_own_id(wire: Wire) -> None:
    raw, sent = create(wire, order(BTC))
    assert sent == Sent("POST", "/fapi/v1/order", LIMIT)
    assert (raw["id"], raw["clientOrderId"], raw["symbol"], raw["status"]) == ("28", CLIENT_ID, BTC, "open")


def test_a_post_only_order_is_good_till_crossing(wire: Wire) -> None:
    _, sent = create(wire, order(BTC, time_in_force=TimeInForce.POST_ONLY))
    assert sent.params == {**LIMIT, "timeInForce": "GTX"}


def test_an_exit_reduces_only(wire: Wire) -> None:
    _, sent = create(wire, exit_order(BTC, time_in_force=TimeInForce.IOC))
    assert sent.params == {**LIMIT, "side": "SELL", "timeInForce": "IOC", "reduceOnly": "true"}


def test_a_market_order_is_by_quantity(wire: Wire) -> None:
    _, sent = create(wire, market_order(BTC, side=OrderSide.SELL, role=Role.CLOSE, reduce_only=True))
    assert sent.params == {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "newClientOrderId": CLIENT_ID,
        "newOrderRespType": "RESULT",
        "type": "MARKET",
        "quantity": "0.5",
        "reduceOnly": "true",
    }


@pytest.mark.parametrize(("given", "side"), [(order(BTC), "LONG"), (exit_order(BTC), "LONG")])
def test_hedge_mode_names_the_position_and_never_reduce_only(hedged: Wire, given: Any, side: str) -> None:
    _, sent = create(hedged, given)
    assert sent.params == {**LIMIT, "side": given.side.value.upper(), "positionSide": side}


def test_a_short_position_of_hedge_mode_is_built_by_selling(hedged: Wire) -> None:
    _, sent = create(hedged, order(BTC, side=OrderSide.SELL))
    assert sent.params["positionSide"] == "SHORT"


@pytest.mark.rule("TP-9")
def test_a_stop_is_an_algo_order_with_a_trigger(wire: Wire) -> None:
    raw, sent = create(wire, stop_order(), "/fapi/v1/algoOrder", STOP)
    assert sent == Sent(
        "POST",
        "/fapi/v1/algoOrder",
        {
            "symbol": "BTCUSDT",
            "side": "SELL",
            "clientAlgoId": CLIENT_ID,
            "newOrderRespType": "RESULT",
            "type": "STOP_MARKET",
            "algoType": "CONDITIONAL",
            "quantity": "0.5",
            "triggerPrice": "90",
            "reduceOnly": "true",
        },
    )
    assert (raw["id"], wire.venue.client_order_id(raw), raw["status"]) == ("3358", CLIENT_ID, "open")


def test_a_stop_of_hedge_mode_names_the_position(hedged: Wire) -> None:
    _, sent = create(hedged, stop_order(), "/fapi/v1/algoOrder", STOP)
    assert sent.params["positionSide"] == "LONG"
    assert "reduceOnly" not in sent.params


# --- changing and looking up ----------------------------------------------------------------------


def test_a_cancel_goes_by_our_id(wire: Wire) -> None:
    wire.answer("/fapi/v1/order", {**ORDER, "status": "CANCELED"})
    raw = asyncio.run(wire.venue.cancel(order(BTC)))
    assert wire.sent == [Sent("DELETE", "/fapi/v1/order", {"symbol": "BTCUSDT", "origClientOrderId": CLIENT_ID})]
    assert raw["status"] == "canceled"


def test_a_stop_is_cancelled_where_stops_are(wire: Wire) -> None:
    wire.answer("/fapi/v1/algoOrder", {"algoId": 3358, "clientAlgoId": CLIENT_ID, "code": "200", "msg": "success"})
    raw = asyncio.run(wire.venue.cancel(stop_order()))
    assert wire.sent == [Sent("DELETE", "/fapi/v1/algoOrder", {"symbol": "BTCUSDT", "clientAlgoId": CLIENT_ID})]
    assert wire.venue.client_order_id(raw) == CLIENT_ID


@pytest.mark.rule("ORD-9")
def test_an_order_is_amended_in_place_by_the_venues_id(wire: Wire) -> None:
    wire.answer("/fapi/v1/order", {**ORDER, "price": "101.0", "origQty": "0.600"})
    raw = asyncio.run(wire.venue.amend(order(BTC, exchange_order_id="28"), Decimal(101), Decimal("0.6")))
    asked = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.6", "price": "101"}
    assert wire.sent == [Sent("PUT", "/fapi/v1/order", {**asked, "orderId": "28"})]
    assert (raw["id"], raw["price"], raw["amount"]) == ("28", "101.0", "0.600")


@pytest.mark.rule("ORD-9")
def test_an_order_whose_venue_id_is_unknown_is_amended_by_ours_alone(wire: Wire) -> None:
    wire.answer("/fapi/v1/order", ORDER)
    raw = asyncio.run(wire.venue.amend(order(BTC), Decimal(101), Decimal("0.6")))
    asked = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.6", "price": "101"}
    assert wire.sent == [Sent("PUT", "/fapi/v1/order", {**asked, "origClientOrderId": CLIENT_ID})]
    assert raw["id"] == "28"


def test_an_amend_of_a_stop_is_refused_before_anything_is_sent(wire: Wire) -> None:
    from ccxt.base.errors import NotSupported

    with pytest.raises(NotSupported, match="amends of stop orders are not offered"):
        asyncio.run(wire.venue.amend(stop_order(exchange_order_id="3358"), Decimal(1), Decimal(1)))
    assert wire.urls == []


BY_STOP = Sent("GET", "/fapi/v1/algoOrder", {"symbol": "BTCUSDT", "clientAlgoId": CLIENT_ID})


def test_an_order_that_filled_comes_with_its_executions(wire: Wire) -> None:
    wire.answer("/fapi/v1/order", {**ORDER, "status": "FILLED", "executedQty": "0.500"})
    wire.answer("/fapi/v1/userTrades", [trade(1)])
    found = asyncio.run(wire.venue.find(order(BTC)))
    assert wire.sent == [
        Sent("GET", "/fapi/v1/order", {"symbol": "BTCUSDT", "origClientOrderId": CLIENT_ID}),
        Sent("GET", "/fapi/v1/userTrades", {"symbol": "BTCUSDT", "orderId": "28", "limit": str(PAGE)}),
    ]
    assert [row["fee"]["cost"] for row in found.trades] == ["-0.01"]


@pytest.mark.rule("ORD-3")
def test_an_order_is_absent_only_if_the_history_does_not_know_it_either(wire: Wire) -> None:
    wire.answer("/fapi/v1/order", NOT_FOUND)
    wire.answer("/fapi/v1/allOrders", [])
    assert asyncio.run(wire.venue.find(order(BTC))).order is None
    asked = {"symbol": "BTCUSDT", "startTime": str(NOW_MS - 61_000), "limit": str(PAGE)}
    assert wire.sent[-1] == Sent("GET", "/fapi/v1/allOrders", asked)


def test_a_resting_stop_is_found_as_open(wire: Wire) -> None:
    wire.answer("/fapi/v1/algoOrder", STOP)
    found = asyncio.run(wire.venue.find(stop_order()))
    assert wire.sent == [BY_STOP]
    assert found.order is not None
    assert (found.order["id"], found.order["status"], found.trades) == ("3358", "open", ())


@pytest.mark.rule("TP-9")
def test_a_triggered_stop_is_the_order_it_became_under_its_own_name(wire: Wire) -> None:
    wire.answer("/fapi/v1/algoOrder", {**STOP, "algoStatus": "FINISHED", "actualOrderId": "77"})
    became = {**ORDER, "orderId": 77, "clientOrderId": "other", "status": "FILLED", "executedQty": "0.500"}
    wire.answer("/fapi/v1/order", {**became, "type": "MARKET", "side": "SELL"})
    wire.answer("/fapi/v1/userTrades", [trade(5, 77)])
    found = asyncio.run(wire.venue.find(stop_order()))
    assert [sent.path for sent in wire.sent] == ["/fapi/v1/algoOrder", "/fapi/v1/order", "/fapi/v1/userTrades"]
    assert wire.sent[1].params == {"symbol": "BTCUSDT", "orderId": "77"}
    assert found.order is not None
    assert (found.order["id"], found.order["clientOrderId"], found.order["status"]) == ("77", CLIENT_ID, "closed")
    assert [wire.venue.client_order_id(row) for row in found.trades] == [CLIENT_ID]


def test_a_stop_that_finished_is_not_taken_for_filled_while_its_order_is_unknown(wire: Wire) -> None:
    wire.answer("/fapi/v1/algoOrder", {**STOP, "algoStatus": "TRIGGERED"})
    found = asyncio.run(wire.venue.find(stop_order()))
    assert found.order is not None
    assert (found.order["status"], found.order["filled"], found.trades) == ("open", None, ())
    assert wire.sent == [BY_STOP]  # Its number means nothing among the numbers of orders.


def test_a_cancelled_stop_is_cancelled(wire: Wire) -> None:
    wire.answer("/fapi/v1/algoOrder", {**STOP, "algoStatus": "CANCELED"})
    found = asyncio.run(wire.venue.find(stop_order()))
    assert found.order is not None
    assert found.order["status"] == "canceled"


def test_open_orders_are_the_orders_and_the_stops(wire: Wire) -> None:
    wire.answer("/fapi/v1/openOrders", [{**ORDER, "clientOrderId": "x"}])
    wire.answer("/fapi/v1/openAlgoOrders", [STOP])
    rows = asyncio.run(wire.venue.open_orders([]))
    assert wire.sent == [Sent("GET", "/fapi/v1/openOrders"), Sent("GET", "/fapi/v1/openAlgoOrders")]
    assert [wire.venue.client_order_id(row) for row in rows] == ["x", CLIENT_ID]


def test_updates_of_a_stop_in_the_stream_lead_to_the_order_it_became(wire: Wire) -> None:
    venue = wire.venue
    assert isinstance(venue, BinanceUsdm)
    update = {"symbol": BTC, "id": "3358", "clientOrderId": CLIENT_ID, "status": "closed", "filled": "0"}

    async def stream() -> Any:
        return [
            {**update, "info": {"aid": 3358, "caid": CLIENT_ID, "X": "TRIGGERED", "ai": "77"}},
            {**update, "status": "open", "info": {"aid": 3359, "caid": CLIENT_ID, "X": "NEW", "ai": ""}},
            {"symbol": BTC, "id": "77", "clientOrderId": "auto", "status": "closed", "info": {"i": 77, "c": "auto"}},
        ]

    venue.client.watch_orders = stream
    rows = asyncio.run(venue.watch_orders())
    assert [(row["id"], row["status"]) for row in rows] == [("77", "open"), ("3358", "open"), ("77", "closed")]
    assert [venue.client_order_id(row) for row in rows] == [CLIENT_ID, CLIENT_ID, CLIENT_ID]
    assert venue.client_order_id({"symbol": BTC, "order": "77", "id": "5", "info": {}}) == CLIENT_ID
    assert venue.client_order_id({"symbol": "ETH/USDT:USDT", "order": "77", "id": "5", "info": {}}) == ""


# --- executions and the account -------------------------------------------------------------------


def test_executions_are_asked_for_week_by_week(wire: Wire) -> None:
    week = 7 * 86_400_000
    wire.answer("/fapi/v1/userTrades", [trade(1)], [trade(2)])
    wire.answer("/fapi/v1/allOrders", [])
    rows = asyncio.run(wire.venue.trades(BTC, NOW_MS - week - 9))
    assert [(row["id"], wire.venue.client_order_id(row)) for row in rows] == [("1", ""), ("2", "")]
    first, second, _ = wire.sent
    assert (first.params["startTime"], first.params["endTime"]) == (str(NOW_MS - week - 9), str(NOW_MS - 10))
    assert (second.params["startTime"], second.params["endTime"]) == (str(NOW_MS - 9), str(NOW_MS + week - 10))


@pytest.mark.rule("ORD-13")
def test_executions_are_named_by_the_orders_of_their_time(wire: Wire) -> None:
    wire.answer("/fapi/v1/userTrades", [trade(1, 28), trade(2, 29), trade(3, 30)])
    wire.answer("/fapi/v1/allOrders", [ORDER, {**ORDER, "orderId": 29, "clientOrderId": "autoclose-29"}])
    rows = asyncio.run(wire.venue.trades(BTC, NOW_MS - 5))
    assert [wire.venue.client_order_id(row) for row in rows] == [CLIENT_ID, "autoclose-29", ""]
    assert rows[1]["info"]["clientOrderId"] == "autoclose-29"


def test_no_executions_need_no_names(wire: Wire) -> None:
    wire.answer("/fapi/v1/userTrades", [])
    assert asyncio.run(wire.venue.trades(BTC, NOW_MS - 5)) == []
    assert len(wire.sent) == 1


def test_the_stream_does_not_ask_for_positions(wire: Wire) -> None:
    assert wire.venue.client.options["watchPositions"]["fetchPositionsSnapshot"] is False


def test_balances_come_with_one_request(wire: Wire) -> None:
    asset = {"asset": "USDT", "marginBalance": "23.72469206", "initialMargin": "3.2", "availableBalance": "20.5"}
    wire.answer("/fapi/v3/account", {"assets": [asset], "positions": []})
    raw = asyncio.run(wire.venue.balances())
    assert wire.sent == [Sent("GET", "/fapi/v3/account")]
    assert (raw["total"]["USDT"], raw["free"]["USDT"]) == ("23.72469206", "20.5")


def test_positions_are_those_that_hold_something(wire: Wire) -> None:
    held = {
        "symbol": "BTCUSDT",
        "positionSide": "BOTH",
        "positionAmt": "-0.500",
        "entryPrice": "100.0",
        "markPrice": "101.0",
        "unRealizedProfit": "-0.5",
        "notional": "-50.5",
        "marginAsset": "USDT",
        "isolatedMargin": "0",
        "isolatedWallet": "0",
        "initialMargin": "5",
        "maintMargin": "1",
        "liquidationPrice": "0",
        "updateTime": NOW_MS,
    }
    empty = {**held, "symbol": "ETHUSDT", "positionAmt": "0.000", "notional": "0"}
    wire.answer("/fapi/v3/positionRisk", [held, empty])
    rows = asyncio.run(wire.venue.positions())
    assert [(row["symbol"], row["side"], row["contracts"]) for row in rows] == [(BTC, "short", "0.5")]


def test_funding_is_what_was_received(wire: Wire) -> None:
    income = {"symbol": "BTCUSDT", "incomeType": "FUNDING_FEE", "income": "-0.0013", "asset": "USDT"}
    wire.answer("/fapi/v1/income", [{**income, "time": NOW_MS, "tranId": 9}])
    (row,) = asyncio.run(wire.venue.funding(NOW_MS - 5))
    asked = {"incomeType": "FUNDING_FEE", "startTime": str(NOW_MS - 5), "limit": str(PAGE)}
    assert wire.sent == [Sent("GET", "/fapi/v1/income", asked)]
    assert (row["id"], row["symbol"], row["amount"], row["code"]) == ("9", BTC, "-0.0013", "USDT")


def test_permissions_ask_for_futures(wire: Wire) -> None:
    answer = {"enableReading": True, "enableSpotAndMarginTrading": True, "enableFutures": False}
    wire.answer("/sapi/v1/account/apiRestrictions", {**answer, "enableWithdrawals": False})
    assert asyncio.run(wire.venue.permissions()) == {"read": True, "trade": False, "withdraw": False}


def test_instruments_are_the_swaps(wire: Wire) -> None:
    rows = asyncio.run(wire.venue.instruments())
    assert [row["symbol"] for row in rows] == [BTC, "ETH/USDT:USDT"]


# --- set-up ---------------------------------------------------------------------------------------


def config(margin: str, leverage: int) -> list[Any]:
    return [{"symbol": "BTCUSDT", "marginType": margin, "leverage": leverage}]


READ = Sent("GET", "/fapi/v1/symbolConfig", {"symbol": "BTCUSDT"})


def test_a_symbol_that_is_set_up_is_only_read(wire: Wire) -> None:
    wire.answer("/fapi/v1/symbolConfig", config("ISOLATED", 1))
    asyncio.run(wire.venue.prepare(BTC))
    assert wire.sent == [READ, READ]


def test_a_symbol_is_set_up_and_read_back() -> None:
    wire = make_wire("binance", Market.SWAP, HOUSEKEEPING, leverage=5, margin_mode=MarginMode.CROSS)
    before, between, after = config("ISOLATED", 20), config("CROSSED", 20), config("CROSSED", 5)
    wire.answer("/fapi/v1/symbolConfig", before, between, between, after)
    wire.answer("/fapi/v1/marginType", {"code": 200, "msg": "success"})
    wire.answer("/fapi/v1/leverage", {"symbol": "BTCUSDT", "leverage": 5, "maxNotionalValue": "1"})
    asyncio.run(wire.venue.prepare(BTC))
    assert wire.sent == [
        READ,
        Sent("POST", "/fapi/v1/marginType", {"symbol": "BTCUSDT", "marginType": "CROSSED"}),
        READ,
        READ,
        Sent("POST", "/fapi/v1/leverage", {"symbol": "BTCUSDT", "leverage": "5"}),
        READ,
    ]


def test_a_margin_mode_that_cannot_be_changed_is_a_fault_with_a_remedy(wire: Wire) -> None:
    wire.answer("/fapi/v1/symbolConfig", config("CROSSED", 1))
    words = "Margin type cannot be changed if there exists position."
    wire.answer("/fapi/v1/marginType", (400, {"code": -4048, "msg": words}))
    with pytest.raises(SetupFault, match=r"Close the open orders and the position of BTC.*margin_mode.*-4048"):
        asyncio.run(wire.venue.prepare(BTC))


def test_the_position_mode_is_set_and_read_back(hedged: Wire) -> None:
    hedged.answer("/fapi/v1/positionSide/dual", {"dualSidePosition": False}, {"code": 200}, {"dualSidePosition": True})
    asyncio.run(hedged.venue.prepare_account())
    assert [(sent.method, dict(sent.params)) for sent in hedged.sent] == [
        ("GET", {}),
        ("POST", {"dualSidePosition": "true"}),
        ("GET", {}),
    ]


def test_no_need_to_change_is_no_fault(wire: Wire) -> None:
    refusal = (400, {"code": -4059, "msg": "No need to change position side."})
    wire.answer("/fapi/v1/positionSide/dual", {"dualSidePosition": True}, refusal, {"dualSidePosition": False})
    asyncio.run(wire.venue.prepare_account())
    assert len(wire.sent) == 3


# --- streams and limits ---------------------------------------------------------------------------


class Socket:
    def __init__(self) -> None:
        self.is_closed = False

    async def close(self) -> None:
        self.is_closed = True


def test_renewed_streams_forget_the_listen_key_and_leave_prices_alone(wire: Wire) -> None:
    user, prices = Socket(), Socket()
    client = wire.venue.client
    client.options["linear"] = {"listenKey": "old", "lastAuthenticatedTime": NOW_MS}
    client.clients = {"wss://x/private/ws?listenKey=old": user, "wss://x/public/ws/1": prices}
    asyncio.run(wire.venue.renew_streams())
    assert (user.is_closed, prices.is_closed) == (True, False)
    assert list(client.clients) == ["wss://x/public/ws/1"]
    assert client.options["linear"] == {}


def test_what_the_venue_counted_is_read_from_its_headers(wire: Wire) -> None:
    headers = {"X-MBX-USED-WEIGHT-1M": "120", "X-MBX-ORDER-COUNT-10S": "3", "X-MBX-ORDER-COUNT-1M": "7"}
    assert wire.venue.used(headers) == {WEIGHT: 120, FAST: 3, MINUTE: 7}


@pytest.mark.rule("REC-4")
def test_every_kind_of_request_costs_something_in_a_window_that_exists(wire: Wire) -> None:
    rules = wire.venue.rules()
    names = {window.name for window in rules.windows}
    assert set(rules.costs) == set(Ask)
    assert all(set(cost) <= names for cost in rules.costs.values())
    assert wire.venue.can_amend


@pytest.mark.rule("EXIT-5")
@pytest.mark.parametrize("wants_hedge", [True, False])
def test_where_the_position_mode_cannot_be_changed_an_exit_still_names_the_position_the_venues_way(
    wire: Wire, hedged: Wire, wants_hedge: bool
) -> None:
    used = hedged if wants_hedge else wire
    refusal = (400, {"code": -4068, "msg": "Position side cannot be changed if there exists position."})
    there = {"dualSidePosition": not wants_hedge}
    used.answer("/fapi/v1/positionSide/dual", there, refusal, there)
    with pytest.raises(SetupFault):
        asyncio.run(used.venue.prepare_account())
    used.sent.clear()
    _, sent = create(used, exit_order(BTC, reduce_only=not wants_hedge))
    named = {"reduceOnly": "true"} if wants_hedge else {"positionSide": "LONG"}
    assert sent.params == {**LIMIT, "side": "SELL", **named}
