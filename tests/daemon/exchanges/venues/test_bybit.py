"""Bybit v5, spot and linear swaps: every request as it leaves, and what is made of its answer."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from actors.rules.choices import MarginMode, Market, PositionMode
from actors.rules.model import OrderSide, OrderType, Role, TimeInForce
from actors.rules.rates import Ask
from daemon.exchanges.venues.bybit import EXECUTION_PAGE, MOVES, ORDER_PAGE, WINDOW_MS
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

BTC, SWAP = "BTC/USDT", "BTC/USDT:USDT"


def ok(**result: Any) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": NOW_MS}


def refused(code: int, words: str) -> dict[str, Any]:
    return {"retCode": code, "retMsg": words, "result": {}, "retExtInfo": {}, "time": NOW_MS}


PRICES = {"tickSize": "0.01", "minPrice": "0.01", "maxPrice": "1000000"}
SPOT_MARKETS = [
    {
        "symbol": f"{base}USDT",
        "baseCoin": base,
        "quoteCoin": "USDT",
        "innovation": "0",
        "status": "Trading",
        "marginTrading": "none",
        "lotSizeFilter": {
            "basePrecision": "0.001",
            "quotePrecision": "0.0001",
            "minOrderQty": "0.001",
            "minOrderAmt": "5",
        },
        "priceFilter": PRICES,
    }
    for base in ("BTC", "ETH")
]
LINEAR_MARKETS = [
    {
        "symbol": f"BTC{name}",
        "contractType": "LinearPerpetual",
        "status": "Trading",
        "baseCoin": "BTC",
        "quoteCoin": quote,
        "settleCoin": quote,
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "priceScale": "2",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": "100", "leverageStep": "0.01"},
        "priceFilter": PRICES,
        "lotSizeFilter": {"maxOrderQty": "100", "minOrderQty": "0.001", "qtyStep": "0.001", "minNotionalValue": "5"},
    }
    for name, quote in (("USDT", "USDT"), ("PERP", "USDC"))
]
ORDER = {
    "orderId": "v-1",
    "orderLinkId": CLIENT_ID,
    "symbol": "BTCUSDT",
    "price": "100.00",
    "qty": "0.500",
    "side": "Buy",
    "orderStatus": "New",
    "avgPrice": "",
    "cumExecQty": "0.000",
    "cumExecValue": "0",
    "leavesQty": "0.500",
    "timeInForce": "GTC",
    "orderType": "Limit",
    "marketUnit": "baseCoin",
    "reduceOnly": False,
    "createdTime": str(NOW_MS),
    "updatedTime": str(NOW_MS),
}
FILLED = {**ORDER, "orderStatus": "Filled", "cumExecQty": "0.500", "leavesQty": "0"}


def execution(number: int, kind: str = "Trade", **changes: Any) -> dict[str, Any]:
    return {
        "execId": f"e-{number}",
        "orderId": "v-1",
        "orderLinkId": CLIENT_ID,
        "symbol": "BTCUSDT",
        "side": "Buy",
        "execPrice": "100.00",
        "execQty": "0.100",
        "execValue": "10",
        "execFee": "0.0001",
        "feeCurrency": "BTC",
        "feeRate": "0.001",
        "isMaker": True,
        "execTime": str(NOW_MS),
        "execType": kind,
        **changes,
    }


def wired(market: Market, **account: Any) -> Wire:
    category, rows = ("linear", LINEAR_MARKETS) if market is Market.SWAP else ("spot", SPOT_MARKETS)
    answers = {
        "/v5/market/instruments-info": [ok(list=rows, nextPageCursor="", category=category)],
        "/v5/market/time": [ok(timeSecond="1", timeNano=str(NOW_MS * 1_000_000))],
    }
    return make_wire("bybit", market, answers, **account)


@pytest.fixture
def spot() -> Wire:
    return wired(Market.SPOT)


@pytest.fixture
def swap() -> Wire:
    return wired(Market.SWAP)


def create(wire: Wire, given: Any) -> tuple[Any, Sent]:
    wire.answer("/v5/order/create", ok(orderId="v-1", orderLinkId=CLIENT_ID))
    raw = asyncio.run(wire.venue.create(given, instrument(given.symbol, wire.venue.account.market)))
    (sent,) = wire.sent
    return raw, sent


# --- placing --------------------------------------------------------------------------------------

LIMIT = {
    "symbol": "BTCUSDT",
    "side": "Buy",
    "orderType": "Limit",
    "orderLinkId": CLIENT_ID,
    "price": "100",
    "qty": "0.5",
}


def test_a_limit_order_leaves_under_its_own_id_and_its_answer_says_no_more_than_ids(spot: Wire) -> None:
    raw, sent = create(spot, order(BTC))
    assert sent == Sent("POST", "/v5/order/create", {**LIMIT, "category": "spot"})
    assert (raw["id"], spot.venue.client_order_id(raw), raw["status"]) == ("v-1", CLIENT_ID, None)


@pytest.mark.parametrize(("given", "wire_word"), [(TimeInForce.POST_ONLY, "PostOnly"), (TimeInForce.IOC, "IOC")])
def test_the_time_in_force_is_said_in_the_venues_words(spot: Wire, given: TimeInForce, wire_word: str) -> None:
    _, sent = create(spot, order(BTC, time_in_force=given))
    assert sent.params == {**LIMIT, "category": "spot", "timeInForce": wire_word}


@pytest.mark.parametrize("side", list(OrderSide))
def test_a_market_order_on_spot_is_by_base_quantity(spot: Wire, side: OrderSide) -> None:
    _, sent = create(spot, market_order(BTC, side=side))
    assert sent.params == {
        "symbol": "BTCUSDT",
        "side": side.value.capitalize(),
        "orderType": "Market",
        "orderLinkId": CLIENT_ID,
        "category": "spot",
        "marketUnit": "baseCoin",
        "qty": "0.5",
    }


def test_an_exit_on_spot_says_nothing_of_reducing(spot: Wire) -> None:
    _, sent = create(spot, exit_order(BTC))
    assert sent.params == {**LIMIT, "side": "Sell", "category": "spot"}


def test_an_exit_on_swap_reduces_only(swap: Wire) -> None:
    _, sent = create(swap, exit_order(SWAP))
    assert sent.params == {**LIMIT, "side": "Sell", "category": "linear", "reduceOnly": True}


@pytest.mark.parametrize(
    ("given", "index"), [(order(SWAP), 1), (exit_order(SWAP), 1), (order(SWAP, side=OrderSide.SELL), 2)]
)
def test_hedge_mode_names_the_position(given: Any, index: int) -> None:
    _, sent = create(wired(Market.SWAP, position_mode=PositionMode.HEDGE), given)
    assert sent.params["positionIdx"] == index
    assert sent.params.get("reduceOnly") == (True if given.reduce_only else None)


@pytest.mark.rule("TP-9")
@pytest.mark.parametrize(("side", "direction"), [(OrderSide.SELL, 2), (OrderSide.BUY, 1)])
def test_a_stop_triggers_when_the_price_moves_against_the_position(swap: Wire, side: OrderSide, direction: int) -> None:
    stop = exit_order(SWAP, side=side, type=OrderType.STOP, role=Role.STOP, price=None, trigger_price=Decimal("90.00"))
    _, sent = create(swap, stop)
    assert sent.params == {
        "symbol": "BTCUSDT",
        "side": side.value.capitalize(),
        "orderType": "Market",
        "orderLinkId": CLIENT_ID,
        "category": "linear",
        "qty": "0.5",
        "triggerPrice": "90",
        "triggerDirection": direction,
        "reduceOnly": True,
    }


def test_what_kind_of_account_it_is_is_never_asked(spot: Wire) -> None:
    create(spot, order(BTC))
    assert not any("query-api" in url or "account/info" in url for url in spot.urls)


# --- changing -------------------------------------------------------------------------------------


def test_a_cancel_goes_by_our_id_alone(spot: Wire) -> None:
    spot.answer("/v5/order/cancel", ok(orderId="v-1", orderLinkId=CLIENT_ID))
    raw = asyncio.run(spot.venue.cancel(order(BTC)))
    asked = {"symbol": "BTCUSDT", "category": "spot", "orderFilter": "Order", "orderLinkId": CLIENT_ID}
    assert spot.sent == [Sent("POST", "/v5/order/cancel", asked)]
    assert (raw["id"], spot.venue.client_order_id(raw)) == ("v-1", CLIENT_ID)


@pytest.mark.rule("ORD-9")
@pytest.mark.parametrize(
    ("known", "name"), [("v-1", {"orderId": "v-1"}), ("", {"orderLinkId": CLIENT_ID})], ids=["venue id", "our id"]
)
def test_an_order_is_amended_in_place(swap: Wire, known: str, name: dict[str, str]) -> None:
    swap.answer("/v5/order/amend", ok(orderId="v-1", orderLinkId=CLIENT_ID))
    raw = asyncio.run(swap.venue.amend(order(SWAP, exchange_order_id=known), Decimal(101), Decimal("0.6")))
    asked = {"symbol": "BTCUSDT", "category": "linear", "qty": "0.6", "price": "101", **name}
    assert swap.sent == [Sent("POST", "/v5/order/amend", asked)]
    assert raw["id"] == "v-1"


# --- looking up -----------------------------------------------------------------------------------

BY_ID = {"symbol": "BTCUSDT", "category": "spot", "orderLinkId": CLIENT_ID}
REALTIME, HISTORY = Sent("GET", "/v5/order/realtime", BY_ID), Sent("GET", "/v5/order/history", BY_ID)
EXECUTIONS = Sent(
    "GET",
    "/v5/execution/list",
    {
        **BY_ID,
        "limit": str(EXECUTION_PAGE),
        "startTime": str(NOW_MS - 61_000),
        "endTime": str(NOW_MS - 61_000 + WINDOW_MS - 1),
    },
)


def test_an_open_order_is_found_with_one_request(spot: Wire) -> None:
    spot.answer("/v5/order/realtime", ok(list=[ORDER], nextPageCursor=""))
    found = asyncio.run(spot.venue.find(order(BTC)))
    assert spot.sent == [REALTIME]
    assert found.order is not None
    assert (found.order["id"], found.order["status"], found.trades) == ("v-1", "open", ())


@pytest.mark.rule("ORD-3")
def test_an_order_that_is_gone_is_found_in_the_history_with_its_executions(spot: Wire) -> None:
    spot.answer("/v5/order/realtime", ok(list=[], nextPageCursor=""))
    spot.answer("/v5/order/history", ok(list=[FILLED], nextPageCursor=""))
    spot.answer("/v5/execution/list", ok(list=[execution(1), execution(2)], nextPageCursor=""))
    found = asyncio.run(spot.venue.find(order(BTC)))
    assert spot.sent == [REALTIME, HISTORY, EXECUTIONS]
    assert found.order is not None
    assert found.order["status"] == "closed"
    assert [spot.venue.client_order_id(row) for row in found.trades] == [CLIENT_ID, CLIENT_ID]
    assert found.trades[0]["fee"] == {"cost": "0.0001", "currency": "BTC", "rate": "0.001"}


@pytest.mark.rule("ORD-3")
def test_a_cancelled_order_is_found_in_the_history(spot: Wire) -> None:
    spot.answer("/v5/order/realtime", ok(list=[], nextPageCursor=""))
    spot.answer("/v5/order/history", ok(list=[{**ORDER, "orderStatus": "Cancelled"}], nextPageCursor=""))
    found = asyncio.run(spot.venue.find(order(BTC)))
    assert "orderStatus" not in spot.sent[-1].params
    assert found.order is not None
    assert found.order["status"] == "canceled"


@pytest.mark.rule("ORD-3")
def test_an_old_order_is_looked_for_in_the_weeks_since_it_was_made(spot: Wire) -> None:
    spot.answer("/v5/order/realtime", ok(list=[], nextPageCursor=""))
    made = {**ORDER, "orderStatus": "Cancelled", "createdTime": str(NOW_MS - WINDOW_MS - 9)}
    spot.answer("/v5/order/history", ok(list=[], nextPageCursor=""), ok(list=[made], nextPageCursor=""))
    found = asyncio.run(spot.venue.find(order(BTC, create_time_ms=NOW_MS - WINDOW_MS - 9)))
    span = {"startTime": str(NOW_MS - 2 * WINDOW_MS), "endTime": str(NOW_MS - WINDOW_MS)}
    assert spot.sent == [REALTIME, HISTORY, Sent("GET", "/v5/order/history", {**BY_ID, **span})]
    assert found.order is not None
    assert found.order["status"] == "canceled"


@pytest.mark.rule("ORD-3")
def test_an_order_is_absent_only_if_no_list_knows_it(spot: Wire) -> None:
    spot.answer("/v5/order/realtime", ok(list=[{**ORDER, "orderLinkId": "other"}], nextPageCursor=""))
    spot.answer("/v5/order/history", ok(list=[{**ORDER, "orderLinkId": ""}], nextPageCursor=""))
    spot.answer("/v5/execution/list", ok(list=[execution(1, orderLinkId="other")], nextPageCursor=""))
    assert asyncio.run(spot.venue.find(order(BTC))).order is None
    assert spot.sent == [REALTIME, HISTORY, EXECUTIONS]


@pytest.mark.rule("ORD-3")
def test_executions_of_an_order_nobody_lists_are_no_absence(spot: Wire) -> None:
    from ccxt.base.errors import OperationFailed

    spot.answer("/v5/order/realtime", ok(list=[], nextPageCursor=""))
    spot.answer("/v5/order/history", ok(list=[], nextPageCursor=""))
    spot.answer("/v5/execution/list", ok(list=[execution(1)], nextPageCursor=""))
    with pytest.raises(OperationFailed, match=CLIENT_ID):
        asyncio.run(spot.venue.find(order(BTC)))


def test_all_open_orders_of_spot_are_read_page_by_page(spot: Wire) -> None:
    page = [{**ORDER, "orderId": "v-2"}, {**ORDER, "orderId": "v-3", "symbol": "ETHUSDT", "orderLinkId": ""}]
    spot.answer("/v5/order/realtime", ok(list=[ORDER], nextPageCursor="c1"), ok(list=page, nextPageCursor=""))
    rows = asyncio.run(spot.venue.open_orders([BTC]))
    asked = {"category": "spot", "limit": str(ORDER_PAGE)}
    assert spot.sent == [
        Sent("GET", "/v5/order/realtime", asked),
        Sent("GET", "/v5/order/realtime", {**asked, "cursor": "c1"}),
    ]
    assert [(row["id"], row["symbol"]) for row in rows] == [("v-1", BTC), ("v-2", BTC), ("v-3", "ETH/USDT")]


@pytest.mark.parametrize(
    ("symbols", "coins"), [([SWAP], ["USDT"]), ([SWAP, "BTC/USDC:USDC"], ["USDT", "USDC"]), ([], ["USDT", "USDC"])]
)
def test_open_orders_of_swaps_are_asked_for_by_the_coin_they_settle_in(
    swap: Wire, symbols: list[str], coins: list[str]
) -> None:
    swap.answer("/v5/order/realtime", ok(list=[], nextPageCursor=""))
    asyncio.run(swap.venue.open_orders(symbols))
    assert [sent.params["settleCoin"] for sent in swap.sent] == coins
    assert {sent.params["category"] for sent in swap.sent} == {"linear"}


# --- executions -----------------------------------------------------------------------------------


def test_executions_of_every_kind_that_moves_a_position_come_and_payments_do_not(swap: Wire) -> None:
    kinds = ["Trade", "Funding", "BustTrade", "AdlTrade", "SessionSettlePnL"]
    listed = [execution(number, kind, orderLinkId="") for number, kind in enumerate(kinds)]
    swap.answer("/v5/execution/list", ok(list=listed, nextPageCursor=""))
    rows = asyncio.run(swap.venue.trades(SWAP, NOW_MS - 5))
    assert [row["info"]["execType"] for row in rows] == ["Trade", "BustTrade", "AdlTrade"]
    assert "execType" not in swap.sent[0].params
    assert {row["symbol"] for row in rows} == {SWAP}


def test_executions_are_read_page_by_page_and_week_by_week_the_oldest_first(swap: Wire) -> None:
    since = NOW_MS - WINDOW_MS - 5
    swap.answer(
        "/v5/execution/list",
        ok(list=[execution(2, execTime=str(since + 9))], nextPageCursor="c1"),
        ok(list=[execution(1, execTime=str(since + 3))], nextPageCursor=""),
        ok(list=[execution(3)], nextPageCursor=""),
    )
    rows = asyncio.run(swap.venue.trades(SWAP, since))
    assert [row["id"] for row in rows] == ["e-1", "e-2", "e-3"]
    assert [(int(sent.params["startTime"]), sent.params.get("cursor")) for sent in swap.sent] == [
        (since, None),
        (since, "c1"),
        (since + WINDOW_MS, None),
    ]


def test_funding_is_what_was_received(swap: Wire) -> None:
    swap.answer("/v5/execution/list", ok(list=[execution(1, "Funding", execFee="0.5")], nextPageCursor=""))
    (row,) = asyncio.run(swap.venue.funding(NOW_MS - 5))
    assert swap.sent[0].params["execType"] == "Funding"
    assert (row["id"], row["symbol"], row["amount"], row["code"]) == ("e-1", SWAP, "-0.5", "USDT")


def test_the_stream_of_executions_leaves_payments_out(swap: Wire) -> None:
    assert set(swap.venue.client.options["watchMyTrades"]["execType"]) == MOVES
    assert "Funding" not in MOVES


# --- the account ----------------------------------------------------------------------------------


@pytest.mark.parametrize("market", list(Market))
def test_balances_are_those_of_the_unified_account(market: Market) -> None:
    wire = wired(market)
    coin = {"coin": "USDT", "walletBalance": "1000.10000001", "equity": "1000.1", "locked": "2.5", "borrowAmount": "0"}
    wire.answer("/v5/account/wallet-balance", ok(list=[{"accountType": "UNIFIED", "coin": [coin]}]))
    raw = asyncio.run(wire.venue.balances())
    assert wire.sent == [Sent("GET", "/v5/account/wallet-balance", {"accountType": "UNIFIED"})]
    assert (raw["total"]["USDT"], raw["free"]["USDT"]) == ("1000.10000001", "997.60000001")


def test_positions_are_read_page_by_page_for_both_coins(swap: Wire) -> None:
    row = {"symbol": "BTCUSDT", "side": "Buy", "size": "0.5", "avgPrice": "100", "leverage": "1", "positionIdx": 0}
    swap.answer(
        "/v5/position/list",
        ok(list=[{**row, "positionValue": "50", "createdTime": str(NOW_MS)}], nextPageCursor="c1"),
        ok(list=[{**row, "size": "0", "side": ""}], nextPageCursor=""),
        ok(list=[], nextPageCursor=""),
    )
    rows = asyncio.run(swap.venue.positions())
    assert [(row["symbol"], row["side"], row["contracts"]) for row in rows] == [(SWAP, "long", "0.5")]
    asked = [(sent.params["settleCoin"], sent.params.get("cursor"), sent.params["limit"]) for sent in swap.sent]
    assert asked == [("USDT", None, "200"), ("USDT", "c1", "200"), ("USDC", None, "200")]


@pytest.mark.parametrize(
    ("market", "symbols"), [(Market.SPOT, [BTC, "ETH/USDT"]), (Market.SWAP, [SWAP, "BTC/USDC:USDC"])]
)
def test_instruments_are_those_of_the_accounts_market(market: Market, symbols: list[str]) -> None:
    wire = wired(market)
    assert [row["symbol"] for row in asyncio.run(wire.venue.instruments())] == symbols
    assert all("/instruments-info" in url or "/market/time" in url for url in wire.urls)


@pytest.mark.parametrize(
    ("read_only", "permissions", "expected"),
    [
        (0, {"Spot": ["SpotTrade"], "ContractTrade": [], "Wallet": []}, (True, False)),
        (0, {"Spot": [], "ContractTrade": ["Order"], "Wallet": ["AccountTransfer", "Withdraw"]}, (False, True)),
        (1, {"Spot": ["SpotTrade"], "Wallet": ["Withdraw"]}, (False, False)),
        (0, {}, (False, False)),
    ],
)
def test_permissions_are_those_of_the_key(
    spot: Wire, read_only: int, permissions: Any, expected: tuple[bool, bool]
) -> None:
    spot.answer("/v5/user/query-api", ok(readOnly=read_only, permissions=permissions, ips=["*"]))
    trade, withdraw = expected
    assert asyncio.run(spot.venue.permissions()) == {"read": True, "trade": trade, "withdraw": withdraw}


def test_the_clock_is_the_venues(spot: Wire) -> None:
    assert asyncio.run(spot.venue.server_time_ms()) == NOW_MS


def test_prices_are_the_best_bid_and_ask(spot: Wire) -> None:
    ticker = {"symbol": "BTCUSDT", "bid1Price": "99.9", "bid1Size": "1", "ask1Price": "100.1", "ask1Size": "2"}
    spot.answer("/v5/market/tickers", ok(category="spot", list=[ticker]))
    prices = asyncio.run(spot.venue.fetch_prices([BTC]))
    assert {symbol: (row["bid"], row["ask"]) for symbol, row in prices.items()} == {BTC: ("99.9", "100.1")}


def test_many_prices_are_subscribed_to_ten_at_a_time(spot: Wire) -> None:
    client, subscribed = spot.venue.client, []
    symbols = [f"C{number}/USDT" for number in range(23)]
    rows = [{**SPOT_MARKETS[0], "symbol": f"C{number}USDT", "baseCoin": f"C{number}"} for number in range(23)]
    spot.answer("/v5/market/instruments-info", ok(list=rows, nextPageCursor="", category="spot"))

    def watch(url: str, hashes: list[str], message: Any, *rest: Any) -> Any:
        client.client(url).subscriptions.update(dict.fromkeys(hashes, True))
        if message is not None:
            subscribed.append(message["args"])
        heard: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        heard.set_result({"symbol": symbols[0], "bid": "1", "ask": "2"})
        return heard

    async def twice() -> Any:
        client.watch_multiple = watch
        await spot.venue.instruments()
        await spot.venue.watch_prices(symbols)
        return await spot.venue.watch_prices(symbols)

    assert list(asyncio.run(twice())) == symbols[:1]
    assert sorted(len(args) for args in subscribed) == [3, 10, 10]
    assert {topic for args in subscribed for topic in args} == {f"orderbook.1.C{number}USDT" for number in range(23)}


# --- set-up ---------------------------------------------------------------------------------------


def positions(*indexes: int, leverage: str = "1") -> dict[str, Any]:
    return ok(list=[{"symbol": "BTCUSDT", "positionIdx": index, "leverage": leverage} for index in indexes])


READ = Sent("GET", "/v5/position/list", {"category": "linear", "symbol": "BTCUSDT"})


def test_a_symbol_that_is_set_up_is_only_read(swap: Wire) -> None:
    swap.answer("/v5/position/list", positions(0))
    asyncio.run(swap.venue.prepare(SWAP))
    assert swap.sent == [READ, READ]


def test_leverage_is_set_for_both_sides_and_read_back() -> None:
    wire = wired(Market.SWAP, leverage=5, position_mode=PositionMode.HEDGE)
    before, after = positions(1, 2, leverage="10"), positions(1, 2, leverage="5.00")
    wire.answer("/v5/position/list", before, before, after)
    wire.answer("/v5/position/set-leverage", ok())
    asyncio.run(wire.venue.prepare(SWAP))
    asked = {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "5", "sellLeverage": "5"}
    assert wire.sent == [READ, READ, Sent("POST", "/v5/position/set-leverage", asked), READ]


def test_leverage_of_one_side_only_is_not_enough() -> None:
    wire = wired(Market.SWAP, position_mode=PositionMode.HEDGE, leverage=5)
    rows = ok(list=[{"positionIdx": 1, "leverage": "5"}, {"positionIdx": 2, "leverage": "10"}])
    wire.answer("/v5/position/list", rows)
    wire.answer("/v5/position/set-leverage", refused(110043, "leverage not modified"))
    with pytest.raises(SetupFault, match=r"leverage of BTC/USDT:USDT is 10, 5, wanted is 5.*Close.*110043"):
        asyncio.run(wire.venue.prepare(SWAP))


def test_not_modified_is_no_fault(swap: Wire) -> None:
    swap.answer("/v5/position/list", positions(0, leverage="3"), positions(0, leverage="3"), positions(0))
    swap.answer("/v5/position/set-leverage", refused(110043, "leverage not modified"))
    asyncio.run(swap.venue.prepare(SWAP))
    assert len(swap.sent) == 4


def test_margin_and_position_mode_of_the_account_are_set_and_read_back() -> None:
    wire = wired(Market.SWAP, margin_mode=MarginMode.CROSS, position_mode=PositionMode.HEDGE)
    wire.answer("/v5/account/info", ok(marginMode="ISOLATED_MARGIN"), ok(marginMode="REGULAR_MARGIN"))
    wire.answer("/v5/account/set-margin-mode", ok(reasons=[]))
    wire.answer("/v5/position/list", positions(0), positions(1, 2))
    wire.answer("/v5/position/switch-mode", ok())
    asyncio.run(wire.venue.prepare_account())
    posts = [(sent.path, dict(sent.params)) for sent in wire.sent if sent.method == "POST"]
    assert posts == [
        ("/v5/account/set-margin-mode", {"setMarginMode": "REGULAR_MARGIN"}),
        ("/v5/position/switch-mode", {"category": "linear", "coin": "USDT", "mode": 3}),
    ]


def test_a_position_mode_that_cannot_be_changed_is_a_fault_with_a_remedy(swap: Wire) -> None:
    swap.answer("/v5/account/info", ok(marginMode="ISOLATED_MARGIN"))
    swap.answer("/v5/position/list", positions(1, 2))
    swap.answer("/v5/position/switch-mode", refused(110024, "existing position"))
    with pytest.raises(SetupFault, match=r"is hedge, wanted is one_way.*Close all open orders.*position_mode"):
        asyncio.run(swap.venue.prepare_account())


def test_spot_needs_no_set_up(spot: Wire) -> None:
    asyncio.run(spot.venue.prepare_account())
    assert spot.urls == []


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.rule("REC-4")
@pytest.mark.parametrize("market", list(Market))
def test_every_kind_of_request_costs_something_in_a_window_that_exists(market: Market) -> None:
    rules = wired(market).venue.rules()
    names = {window.name for window in rules.windows}
    assert set(rules.costs) == set(Ask)
    assert all(set(cost) <= names for cost in rules.costs.values())
    assert [window.limit for window in rules.windows if window.is_shared] == [540]


def test_only_sockets_of_the_account_are_renewed(spot: Wire) -> None:
    assert spot.venue.is_user_stream("wss://stream.bybit.com/v5/private")
    assert not spot.venue.is_user_stream("wss://stream.bybit.com/v5/public/spot")


@pytest.mark.rule("EXIT-5")
@pytest.mark.parametrize(
    ("wanted", "indexes", "index"),
    [(PositionMode.HEDGE, (0,), None), (PositionMode.ONE_WAY, (1, 2), 1)],
)
def test_where_the_position_mode_cannot_be_changed_an_exit_still_names_the_position_the_venues_way(
    wanted: PositionMode, indexes: tuple[int, ...], index: int | None
) -> None:
    wire = wired(Market.SWAP, position_mode=wanted)
    wire.answer("/v5/account/info", ok(marginMode="ISOLATED_MARGIN"))
    wire.answer("/v5/position/list", positions(*indexes))
    wire.answer("/v5/position/switch-mode", refused(110024, "existing position"))
    with pytest.raises(SetupFault):
        asyncio.run(wire.venue.prepare_account())
    wire.sent.clear()
    _, sent = create(wire, exit_order(SWAP, reduce_only=wanted is PositionMode.ONE_WAY))
    assert sent.params.get("positionIdx") == index
    assert sent.params["reduceOnly"] is True
