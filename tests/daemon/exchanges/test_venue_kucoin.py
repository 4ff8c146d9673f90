"""KuCoin as unmodified ccxt speaks to it: exact requests, and what becomes of answers in its documented shapes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from actors.rules.choices import MarginMode
from actors.rules.model import OrderState, Role
from actors.rules.rates import Ask
from daemon.exchanges import convert
from daemon.exchanges.instruments import instruments_of
from daemon.exchanges.venues.kucoin import Kucoin
from daemon.exchanges.venues.settling import SetupFault
from daemon.exchanges.venues.venue import Credentials
from tests.wire.canned.kit import (
    BUY,
    CID,
    IOC,
    MARKET,
    NOW,
    POST_ONLY,
    SELL,
    STOP,
    D,
    account,
    connected,
    exit_order,
    hedge,
    instrument,
    order,
    swap,
)
from tests.wire.canned.server import Canned, run

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
OID = "670fd33bf9406e0007ab3945"
PLACE, PLACE_SWAP = "POST /api/v1/hf/orders", "POST /api/v1/orders"
BY_CID, BY_CID_SWAP = f"GET /api/v1/hf/orders/client-order/{CID}", "GET /api/v1/orders/byClientOid"
DONE, FILLS, SWAP_ORDERS, SWAP_FILLS = (
    "GET /api/v1/hf/orders/done",
    "GET /api/v1/hf/fills",
    "GET /api/v1/orders",
    "GET /api/v1/fills",
)
MODE = "GET /api/ua/v1/account/mode"
CLASSIC = {"code": "200000", "data": {"selfAccountMode": "CLASSIC"}}
SPOT_MARKET = {
    "symbol": "BTC-USDT",
    "name": "BTC-USDT",
    "baseCurrency": "BTC",
    "quoteCurrency": "USDT",
    "feeCurrency": "USDT",
    "market": "USDS",
    "baseMinSize": "0.00001",
    "quoteMinSize": "0.1",
    "baseMaxSize": "10000000000",
    "quoteMaxSize": "99999999",
    "baseIncrement": "0.00000001",
    "quoteIncrement": "0.000001",
    "priceIncrement": "0.1",
    "priceLimitRate": "0.1",
    "minFunds": "5",
    "isMarginEnabled": True,
    "enableTrading": True,
}
SWAP_MARKET = {
    "symbol": "XBTUSDTM",
    "type": "FFWCSX",
    "baseCurrency": "XBT",
    "quoteCurrency": "USDT",
    "settleCurrency": "USDT",
    "maxOrderQty": 1000000,
    "maxPrice": 1000000.0,
    "lotSize": 1,
    "tickSize": 0.1,
    "multiplier": 0.001,
    "isInverse": False,
    "status": "Open",
    "nextFundingRateTime": 25481884,
    "expireDate": None,
    "maxLeverage": 100,
}


def told(data: Any) -> dict[str, Any]:
    return {"code": "200000", "data": data}


ABSENT = {"code": "400100", "msg": "order not exist."}
ACCEPTED = told({"orderId": OID, "clientOid": CID})


def raw_order(**changes: Any) -> dict[str, Any]:
    """The answer for one order of the high-frequency account."""
    given = {
        "id": OID,
        "clientOid": CID,
        "symbol": "BTC-USDT",
        "opType": "DEAL",
        "type": "limit",
        "side": "buy",
        "price": "50000.5",
        "size": "0.002",
        "funds": "100.001",
        "dealSize": "0",
        "dealFunds": "0",
        "fee": "0",
        "feeCurrency": "USDT",
        "timeInForce": "GTC",
        "postOnly": False,
        "cancelExist": False,
        "active": True,
        "inOrderBook": True,
        "tradeType": "TRADE",
        "createdAt": NOW,
        "lastUpdatedAt": NOW,
    }
    return {**given, **changes}


def raw_fill(**changes: Any) -> dict[str, Any]:
    given = {
        "id": 19814995255305,
        "orderId": OID,
        "counterOrderId": "x",
        "tradeId": 11029373945659392,
        "symbol": "BTC-USDT",
        "side": "buy",
        "liquidity": "maker",
        "type": "limit",
        "forceTaker": False,
        "price": "50000.5",
        "size": "0.002",
        "funds": "100.001",
        "fee": "0.100001",
        "feeRate": "0.001",
        "feeCurrency": "USDT",
        "stop": "",
        "tradeType": "TRADE",
        "createdAt": NOW + 5,
    }
    return {**given, **changes}


def swap_order(**changes: Any) -> dict[str, Any]:
    given = {
        "id": OID,
        "symbol": "XBTUSDTM",
        "type": "limit",
        "side": "buy",
        "price": "50000.5",
        "size": 20,
        "value": "1000",
        "dealValue": "0",
        "dealSize": 0,
        "filledSize": 0,
        "filledValue": "0",
        "leverage": "3",
        "clientOid": CID,
        "isActive": True,
        "cancelExist": False,
        "status": "open",
        "reduceOnly": False,
        "createdAt": NOW,
        "updatedAt": NOW,
        "timeInForce": "GTC",
        "marginMode": "ISOLATED",
    }
    return {**given, **changes}


@asynccontextmanager
async def kucoin(
    replies: dict[str, Any] | None = None, settings: Any = None, *, hf: bool = True
) -> AsyncIterator[tuple[Kucoin, Canned]]:
    known = {
        "GET /api/v2/symbols": told([SPOT_MARKET]),
        "GET /api/v1/contracts/active": told([SWAP_MARKET]),
        "GET /api/v1/hf/accounts/opened": told(hf),
        "GET /api/v1/timestamp": told(NOW + 1_000),
    }
    async with (
        Canned({**known, **(replies or {})}) as canned,
        connected(Kucoin, canned, settings or account("kucoin")) as venue,
    ):
        yield venue, canned


def placed(settings: Any, sent: Any, call: str) -> dict[str, Any]:
    bodies: list[Any] = []

    async def story() -> None:
        async with kucoin({call: ACCEPTED}, settings) as (venue, canned):
            answer = await venue.create(sent, instrument(sent.symbol))
            assert (answer["id"], venue.client_order_id(answer)) == (OID, CID)
            asked = canned.one(call)
            assert len(canned.asked) == 1
            assert asked.headers["KC-API-KEY"] == "key"
            assert asked.headers["KC-API-KEY-VERSION"] == "2"
            assert {"KC-API-SIGN", "KC-API-TIMESTAMP", "KC-API-PASSPHRASE"} <= set(asked.headers)
            assert asked.headers["KC-API-PASSPHRASE"] != "phrase"
            bodies.append(asked.body)

    run(story())
    return dict(bodies[0])


COMMON = {"clientOid": CID, "side": "buy", "symbol": "BTC-USDT", "size": "0.002"}


def test_a_spot_limit_order_goes_out_as_it_is() -> None:
    assert placed(account("kucoin"), order(), PLACE) == {**COMMON, "type": "limit", "price": "50000.5"}


def test_an_account_that_was_never_moved_uses_the_older_address() -> None:
    async def story() -> None:
        async with kucoin({PLACE_SWAP: ACCEPTED}, hf=False) as (venue, canned):
            await venue.create(order(), instrument())
            assert canned.one(PLACE_SWAP).body == {**COMMON, "type": "limit", "price": "50000.5"}

    run(story())


def test_a_post_only_order_says_so() -> None:
    sent = order(time_in_force=POST_ONLY)
    assert placed(account("kucoin"), sent, PLACE) == {**COMMON, "type": "limit", "price": "50000.5", "postOnly": True}


def test_an_immediate_or_cancel_order_says_so() -> None:
    assert placed(account("kucoin"), order(time_in_force=IOC), PLACE)["timeInForce"] == "IOC"


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_spot_market_order_is_sized_in_base_on_both_sides(side: Any) -> None:
    sent = order(side=side, type=MARKET, price=None)
    assert placed(account("kucoin"), sent, PLACE) == {**COMMON, "side": side.value, "type": "market"}


def test_a_swap_order_carries_the_accounts_leverage_and_margin_mode() -> None:
    assert placed(swap("kucoin"), order(SWAP, quantity=D(20)), PLACE_SWAP) == {
        "clientOid": CID,
        "side": "buy",
        "symbol": "XBTUSDTM",
        "type": "limit",
        "leverage": 3,
        "marginMode": "ISOLATED",
        "size": 20,
        "price": "50000.5",
    }


def test_a_one_way_exit_is_reduce_only() -> None:
    body = placed(swap("kucoin"), exit_order(SWAP, quantity=D(20), type=MARKET, price=None), PLACE_SWAP)
    assert (body["reduceOnly"], body["side"], body["type"], "price" in body) == (True, "sell", "market", False)


@pytest.mark.parametrize(
    ("side", "role", "position"), [(BUY, Role.ENTRY, "LONG"), (SELL, Role.CLOSE, "LONG"), (BUY, Role.CLOSE, "SHORT")]
)
def test_hedge_mode_names_the_position(side: Any, role: Role, position: str) -> None:
    sent = order(SWAP, side=side, role=role, quantity=D(1), reduce_only=role is not Role.ENTRY)
    body = placed(hedge("kucoin"), sent, PLACE_SWAP)
    assert (body["positionSide"], body["marginMode"], "hedged" in body) == (position, "CROSS", False)


def test_a_stop_order_is_refused_before_anything_is_sent() -> None:
    from ccxt.base.errors import NotSupported

    async def story() -> None:
        async with kucoin(settings=swap("kucoin")) as (venue, canned):
            with pytest.raises(NotSupported):
                await venue.create(order(SWAP, type=STOP, price=None, trigger_price=D(1)), instrument(SWAP))
            assert canned.asked == []

    run(story())


def test_cancel_goes_by_client_order_id() -> None:
    spot, futures = (
        f"DELETE /api/v1/hf/orders/client-order/{CID}",
        f"DELETE /api/v1/orders/client-order/{CID}",
    )

    async def story() -> None:
        async with kucoin({spot: told({"clientOid": CID})}) as (venue, canned):
            await venue.cancel(order())
            assert canned.one(spot).query == {"symbol": "BTC-USDT"}
        async with kucoin({futures: told({"clientOid": CID})}, swap("kucoin")) as (venue, canned):
            await venue.cancel(order(SWAP))
            assert canned.one(futures).query == {"symbol": "XBTUSDTM"}

    run(story())


def test_an_open_order_is_found_by_client_order_id() -> None:
    async def story() -> None:
        async with kucoin({BY_CID: told(raw_order())}) as (venue, canned):
            found = await venue.find(order())
            assert found.order is not None
            view = convert.order_view(found.order, venue.client_order_id(found.order))
            assert (view.state, view.filled, view.exchange_order_id) == (OrderState.OPEN, D(0), OID)
            assert canned.one(BY_CID).query == {"symbol": "BTC-USDT"}

    run(story())


def test_a_filled_order_comes_with_its_fills_and_their_fees() -> None:
    done = raw_order(active=False, inOrderBook=False, dealSize="0.002", dealFunds="100.001")

    async def story() -> None:
        async with kucoin({BY_CID: told(done), FILLS: told({"items": [raw_fill()], "lastId": 1})}) as (venue, canned):
            found = await venue.find(order())
            assert found.order is not None
            assert convert.order_view(found.order, CID).state is OrderState.FILLED
            view = convert.trade_view(found.trades[0], CID, instrument(), lambda *_: None)
            assert view is not None
            assert (view.exchange_order_id, view.trade.quantity, view.trade.fee) == (OID, D("0.002"), D("0.100001"))
            assert (view.trade.fee_asset, view.trade.maker, view.trade.time_ms) == ("USDT", True, NOW + 5)
            assert canned.one(FILLS).query == {"symbol": "BTC-USDT", "orderId": OID, "limit": "100"}

    run(story())


def test_a_cancelled_order_with_a_part_filled_is_cancelled() -> None:
    done = raw_order(active=False, cancelExist=True, dealSize="0.001", dealFunds="50")

    async def story() -> None:
        fills = told({"items": [raw_fill(size="0.001")], "lastId": 1})
        async with kucoin({BY_CID: told(done), FILLS: fills}) as (venue, _):
            found = (await venue.find(order())).order
            assert found is not None
            view = convert.order_view(found, CID)
            assert (view.state, view.filled) == (OrderState.CANCELLED, D("0.001"))

    run(story())


@pytest.mark.parametrize("absent", [ABSENT, told(None)])
def test_an_order_is_absent_only_when_the_finished_ones_do_not_have_it_either(absent: Any) -> None:
    async def story() -> None:
        other = raw_order(clientOid="other", active=False)
        async with kucoin({BY_CID: absent, DONE: told({"items": [other], "lastId": 1})}) as (venue, canned):
            assert (await venue.find(order())).order is None
            query = canned.one(DONE).query
            span = {"startAt": str(NOW - 60_000), "endAt": str(NOW + 1_000)}
            assert {**query, **span} == query
            assert (query["symbol"], query["limit"]) == ("BTC-USDT", "100")

    run(story())


@pytest.mark.parametrize("odd", [{"code": "200000"}, told({}), told([])])
def test_an_answer_that_holds_no_order_is_no_absence(odd: Any) -> None:
    from ccxt.base.errors import OperationFailed

    async def story() -> None:
        async with kucoin({BY_CID: odd}) as (venue, _):
            with pytest.raises(OperationFailed):
                await venue.find(order())

    run(story())


def test_a_swap_order_is_found_and_looked_for_among_the_finished() -> None:
    filled = swap_order(isActive=False, status="done", filledSize=20, filledValue="1000", dealSize=20)

    async def story() -> None:
        fill = {
            **{"symbol": "XBTUSDTM", "tradeId": "5", "orderId": OID, "side": "buy", "liquidity": "taker"},
            **{"price": "50000.5", "size": 20, "value": "1000", "fee": "0.6", "feeCurrency": "USDT"},
            **{"tradeType": "trade", "tradeTime": (NOW + 5) * 1_000_000, "createdAt": NOW + 5},
        }
        fills = told({"currentPage": 1, "totalPage": 1, "items": [fill]})
        async with kucoin({BY_CID_SWAP: told(filled), SWAP_FILLS: fills}, swap("kucoin")) as (venue, canned):
            found = await venue.find(order(SWAP, quantity=D(20)))
            assert canned.one(BY_CID_SWAP).query == {"clientOid": CID}
            assert found.order is not None
            view = convert.order_view(found.order, CID)
            assert (view.state, view.filled) == (OrderState.FILLED, D(20))
            trade = convert.trade_view(found.trades[0], CID, instrument(SWAP), lambda *_: None)
            assert trade is not None
            assert (trade.trade.quantity, trade.trade.fee, trade.trade.maker) == (D(20), D("0.6"), False)
        empty = told({"currentPage": 1, "totalPage": 1, "items": []})
        async with kucoin({BY_CID_SWAP: ABSENT, SWAP_ORDERS: empty}, swap("kucoin")) as (venue, canned):
            assert (await venue.find(order(SWAP))).order is None
            query = canned.one(SWAP_ORDERS).query
            assert (query["status"], query["symbol"], query["startAt"]) == ("done", "XBTUSDTM", str(NOW - 60_000))

    run(story())


def test_open_orders_are_asked_of_every_symbol_that_has_any() -> None:
    active = "GET /api/v1/hf/orders/active"

    async def story() -> None:
        replies = {f"{active}/symbols": told({"symbols": ["BTC-USDT"]}), active: told([raw_order()])}
        async with kucoin(replies) as (venue, canned):
            assert [row["clientOrderId"] for row in await venue.open_orders([])] == [CID]
            assert canned.one(active).query["symbol"] == "BTC-USDT"
        pages = [told({"currentPage": n, "totalPage": 2, "items": [swap_order(id=str(n))]}) for n in (1, 2)]
        async with kucoin({SWAP_ORDERS: pages}, swap("kucoin")) as (venue, canned):
            assert [row["id"] for row in await venue.open_orders([])] == ["1", "2"]
            assert [asked.query["currentPage"] for asked in canned.calls(SWAP_ORDERS)] == ["1", "2"]

    run(story())


def test_executions_are_read_span_by_span_and_page_by_page() -> None:
    full = told({"items": [raw_fill(tradeId=number) for number in range(100)], "lastId": 77})
    rest = told({"items": [raw_fill(tradeId=500)], "lastId": 78})

    async def story() -> None:
        async with kucoin({FILLS: [full, rest, told({"items": []})]}) as (venue, canned):
            assert len(await venue.trades(SPOT, NOW - 8 * 86_400_000)) == 101
            first, second, third = (asked.query for asked in canned.calls(FILLS))
            assert second == {**first, "lastId": "77"}
            assert int(third["startAt"]) == int(first["endAt"])
            assert third["endAt"] == str(NOW + 1_000)

    run(story())


def test_balances_of_spot_and_of_swaps() -> None:
    async def story() -> None:
        rows = [{"id": "1", "currency": "USDT", "type": "trade_hf", "balance": "10", "available": "7", "holds": "3"}]
        async with kucoin({"GET /api/v1/accounts": told(rows)}) as (venue, canned):
            held = convert.balances(await venue.balances())["USDT"]
            assert (held.free, held.locked) == (D(7), D(3))
            assert canned.one("GET /api/v1/accounts").query == {"type": "trade_hf"}
        overview = told({"currency": "USDT", "accountEquity": 100.5, "availableBalance": 80.25})
        async with kucoin({"GET /api/v1/account-overview": overview}, swap("kucoin")) as (venue, _):
            held = convert.balances(await venue.balances())["USDT"]
            assert (held.free, held.locked) == (D("80.25"), D("20.25"))

    run(story())


@pytest.mark.parametrize(("size", "side"), [(20, "long"), (-20, "short")])
def test_positions_count_contracts(size: int, side: str) -> None:
    position = {
        **{"id": "1", "symbol": "XBTUSDTM", "currentQty": size, "avgEntryPrice": 49000.5, "isOpen": True},
        **{"liquidationPrice": 40000, "markPrice": 50000, "crossMode": False, "realLeverage": 3, "posCost": 980},
    }

    async def story() -> None:
        async with kucoin({"GET /api/v1/positions": told([position])}, swap("kucoin")) as (venue, _):
            (held,) = convert.positions(await venue.positions())
            assert (held.symbol, held.side.value, held.quantity) == (SWAP, side, D(20))
            assert (held.average_entry, held.liquidation_price) == (D("49000.5"), D(40000))

    run(story())


def test_instruments_carry_minimum_funds_and_contract_sizes() -> None:
    async def story() -> None:
        async with kucoin() as (venue, canned):
            (found,) = instruments_of("kucoin", venue.account, await venue.instruments())
            assert (found.symbol, found.venue_symbol, found.min_notional) == (SPOT, "BTC-USDT", D(5))
            assert (found.tick_size, found.step_size, found.min_quantity) == (D("0.1"), D("0.00000001"), D("0.00001"))
            assert {asked.call for asked in canned.asked} <= {"GET /api/v2/symbols", "GET /api/v1/timestamp"}
        async with kucoin(settings=swap("kucoin")) as (venue, _):
            (found,) = instruments_of("kucoin", venue.account, await venue.instruments())
            assert (found.symbol, found.venue_symbol, found.contract_size) == (SWAP, "XBTUSDTM", D("0.001"))
            assert (found.step_size, found.tick_size, found.min_notional) == (D(1), D("0.1"), D(0))
            assert found.max_quantity == D(1000000)

    run(story())


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        ("General,Spot", {"read": True, "trade": True, "withdraw": False}),
        ("General,Spot,Futures,Transfer", {"read": True, "trade": True, "withdraw": True}),
        ("General,Spot,InnerTransfer", {"read": True, "trade": True, "withdraw": False}),
        ("General", {"read": True, "trade": False, "withdraw": False}),
    ],
)
def test_what_a_key_may_do(permission: str, expected: Any) -> None:
    async def story() -> None:
        async with kucoin({"GET /api/v1/user/api-key": told({"permission": permission})}) as (venue, _):
            assert await venue.permissions() == expected

    run(story())


def test_a_unified_account_is_refused_in_words() -> None:
    async def story() -> None:
        async with kucoin({MODE: told({"selfAccountMode": "UNIFIED"})}) as (venue, _):
            with pytest.raises(SetupFault, match="classic"):
                await venue.prepare_account()

    run(story())


def test_position_mode_margin_mode_and_leverage_are_set_and_read_back() -> None:
    position, switch = "GET /api/v2/position/getPositionMode", "POST /api/v2/position/switchPositionMode"
    margin, change = "GET /api/v2/position/getMarginMode", "POST /api/v2/position/changeMarginMode"
    leverage, set_leverage = "GET /api/v2/getCrossUserLeverage", "POST /api/v2/changeCrossUserLeverage"
    replies = {
        MODE: CLASSIC,
        position: [told({"positionMode": 0}), told({"positionMode": 1})],
        switch: told({"positionMode": 1}),
        margin: [told({"marginMode": "ISOLATED"}), told({"marginMode": "CROSS"})],
        change: told({"symbol": "XBTUSDTM", "marginMode": "CROSS"}),
        leverage: [told({"leverage": "10"}), told({"leverage": "3"})],
        set_leverage: told(True),
    }

    async def story() -> None:
        async with kucoin(replies, hedge("kucoin")) as (venue, canned):
            await venue.prepare_account()
            await venue.prepare(SWAP)
            assert canned.one(switch).body == {"positionMode": "1"}
            assert canned.one(change).body == {"symbol": "XBTUSDTM", "marginMode": "CROSS"}
            assert canned.one(set_leverage).body == {"symbol": "XBTUSDTM", "leverage": "3"}
        wrong = {margin: told({"marginMode": "CROSS"}), change: told({})}
        async with kucoin(wrong, swap("kucoin", margin_mode=MarginMode.ISOLATED)) as (venue, _):
            with pytest.raises(SetupFault, match="margin mode"):
                await venue.prepare(SWAP)

    run(story())


def test_there_is_no_testnet() -> None:
    with pytest.raises(SetupFault, match="testnet"):
        Kucoin(account("kucoin", testnet=True), Credentials(), None)


def test_what_is_used_is_told_of_the_spot_pool_alone() -> None:
    spot, futures = Kucoin(account("kucoin"), Credentials(), None), Kucoin(swap("kucoin"), Credentials(), None)
    headers = {"gw-ratelimit-limit": "4000", "gw-ratelimit-remaining": "3990", "gw-ratelimit-reset": "10"}
    assert spot.used(headers) == {"trading": 10}
    assert spot.used({**headers, "gw-ratelimit-limit": "2000"}) == {}
    assert futures.used(headers) == {}
    for venue in (spot, futures):
        rules = venue.rules()
        assert set(rules.costs) == set(Ask) - {Ask.AMEND}
        assert {name for cost in rules.costs.values() for name in cost} <= {window.name for window in rules.windows}


def test_requests_are_stamped_with_the_venues_time() -> None:
    async def story() -> None:
        async with kucoin({"GET /api/v1/accounts": told([])}) as (venue, canned):
            venue.correct_clock(7_000)
            await venue.balances()
            asked = canned.asked[-1]
            assert asked.headers["KC-API-TIMESTAMP"] == str(NOW + 8_000)

    run(story())


@pytest.mark.rule("PNL-1")
def test_funding_payments_are_asked_of_every_symbol_with_a_position() -> None:
    call = "GET /api/v1/funding-history"
    payment = {"id": 36275152660006, "symbol": "XBTUSDTM", "timePoint": NOW + 7, "funding": "-0.5"}

    async def story() -> None:
        position = {"symbol": "XBTUSDTM", "currentQty": 20, "avgEntryPrice": 1}
        replies = {"GET /api/v1/positions": told([position]), call: told({"dataList": [payment], "hasMore": False})}
        async with kucoin(replies, swap("kucoin")) as (venue, canned):
            (row,) = await venue.funding(NOW)
            assert (row["id"], row["symbol"], D(row["amount"])) == ("36275152660006", SWAP, D("-0.5"))
            query = canned.one(call).query
            assert (query["symbol"], query["startAt"]) == ("XBTUSDTM", str(NOW))

    run(story())


# --- streams --------------------------------------------------------------------------------------


def streamed(canned: Canned, frames: list[dict[str, Any]]) -> dict[str, Any]:
    """The answer to the question for a socket's address; the socket then sends the frames after a subscription."""

    async def answer(said: dict[str, Any], socket: web.WebSocketResponse) -> None:
        if said["type"] == "subscribe":
            await socket.send_json({"id": said["id"], "type": "ack"})
            for frame in frames:
                await socket.send_json(frame)

    canned.sockets["/endpoint"] = answer
    server = {"endpoint": f"{canned.ws_url}/endpoint", "encrypt": False, "pingInterval": 18_000, "pingTimeout": 10_000}
    return told({"token": "token", "instanceServers": [server]})


def change(**changes: Any) -> dict[str, Any]:
    data = {
        **{"clientOid": CID, "orderId": OID, "orderTime": NOW, "orderType": "limit", "originSize": "0.002"},
        **{"price": "50000.5", "side": "buy", "size": "0.002", "filledSize": "0.001", "remainSize": "0.001"},
        **{"status": "match", "symbol": "BTC-USDT", "ts": (NOW + 5) * 1_000_000, "type": "match", "liquidity": "maker"},
        **{"matchPrice": "50000.5", "matchSize": "0.001", "tradeId": "5", "feeType": "makerFee"},
    }
    return {
        "topic": "/spotMarket/tradeOrders",
        "type": "message",
        "subject": "orderChange",
        "userId": "1",
        "channelType": "private",
        "data": {**data, **changes},
    }


def test_streamed_orders_are_read_and_the_address_is_asked_for_anew_after_a_renewal() -> None:
    bullet = "POST /api/v1/bullet-private"

    async def story() -> None:
        async with kucoin() as (venue, canned):
            canned.replies[bullet] = [streamed(canned, [change()])]
            (row,) = await venue.watch_orders()
            view = convert.order_view(row, venue.client_order_id(row))
            assert (view.client_order_id, view.state, view.filled) == (CID, OrderState.PARTIALLY_FILLED, D("0.001"))
            (said,) = canned.spoken
            assert (said["topic"], said["privateChannel"]) == ("/spotMarket/tradeOrders", True)
            assert all(venue.is_user_stream(url) for url in venue.client.clients)
            await venue.renew_streams()
            await venue.watch_orders()
            assert len(canned.calls(bullet)) == 2
            assert len(canned.dialled) == 2

    run(story())


def test_streamed_executions_have_no_fee_and_are_left_to_be_asked_for() -> None:
    async def story() -> None:
        async with kucoin() as (venue, canned):
            canned.replies["POST /api/v1/bullet-private"] = [streamed(canned, [change()])]
            assert await venue.watch_trades() == []

    run(story())


def test_streamed_swap_orders_are_read() -> None:
    async def story() -> None:
        async with kucoin(settings=swap("kucoin")) as (venue, canned):
            frame = change(symbol="XBTUSDTM", size="20", filledSize="20", type="filled", status="done", matchSize="")
            frame["topic"] = "/contractMarket/tradeOrders"
            frame["subject"] = "symbolOrderChange"
            canned.replies["POST /api/v1/bullet-private"] = [streamed(canned, [frame])]
            (row,) = await venue.watch_orders()
            view = convert.order_view(row, venue.client_order_id(row))
            assert (view.symbol, view.state, view.filled) == (SWAP, OrderState.FILLED, D(20))

    run(story())


def test_a_change_of_balances_is_noticed() -> None:
    data = {
        **{"accountId": "1", "available": "7", "availableChange": "-2", "currency": "USDT", "hold": "2", "total": "9"},
        **{"relationEvent": "trade_hf.hold", "relationEventId": "1", "time": str(NOW)},
    }
    frame = {"topic": "/account/balance", "type": "message", "subject": "account.balance", "data": data}

    async def story() -> None:
        async with kucoin() as (venue, canned):
            canned.replies["POST /api/v1/bullet-private"] = [streamed(canned, [frame])]
            held = convert.balances(await venue.watch_balances())["USDT"]
            assert (held.free, held.locked) == (D(7), D(2))

    run(story())


def test_best_prices_come_from_the_stream_and_by_request() -> None:
    level = {"asks": ["50001", "1"], "bids": ["50000", "2"], "timestamp": NOW}
    frame = {"topic": "/spotMarket/level1:BTC-USDT", "type": "message", "subject": "level1", "data": level}
    ticker = {"symbol": "BTC-USDT", "buy": "50000", "sell": "50001", "last": "50000.5"}
    futures = {"symbol": "XBTUSDTM", "bestBidPrice": "50000", "bestAskPrice": "50001", "price": "50000.5"}

    async def story() -> None:
        async with kucoin({"GET /api/v1/market/allTickers": told({"time": NOW, "ticker": [ticker]})}) as (
            venue,
            canned,
        ):
            canned.replies["POST /api/v1/bullet-public"] = [streamed(canned, [frame])]
            for quotes in (await venue.watch_prices([SPOT]), await venue.fetch_prices([SPOT])):
                quote = convert.quotes(quotes, NOW)[SPOT]
                assert (quote.bid, quote.ask) == (D(50000), D(50001))
            assert not any(venue.is_user_stream(url) for url in venue.client.clients)
        async with kucoin({"GET /api/v1/allTickers": told([futures])}, swap("kucoin")) as (venue, _):
            quote = convert.quotes(await venue.fetch_prices([SWAP]), NOW)[SWAP]
            assert (quote.bid, quote.ask) == (D(50000), D(50001))

    run(story())
