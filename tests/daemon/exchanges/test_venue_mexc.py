"""MEXC as unmodified ccxt speaks to it: exact requests, and what becomes of answers in its documented shapes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from actors.rules.choices import MarginMode
from actors.rules.model import OrderSide, OrderState, Role
from actors.rules.rates import Ask
from daemon.exchanges import convert
from daemon.exchanges.instruments import instruments_of
from daemon.exchanges.venues.mexc import MAX_STREAMED, Mexc
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
from tests.wire.canned.server import Canned, Status, run

SPOT, SWAP = "BTC/USDT", "BTC/USDT:USDT"
OID = "C02__443776347957968896"
ORDER, ALL_ORDERS, OPEN = "/api/v3/order", "GET /api/v3/allOrders", "GET /api/v3/openOrders"
MY_TRADES = "GET /api/v3/myTrades"
CONTRACT = "/api/v1/private"
CREATE_SWAP, EXTERNAL = f"POST {CONTRACT}/order/create", f"GET {CONTRACT}/order/external/BTC_USDT/{CID}"
SWAP_HISTORY, SWAP_OPEN = f"GET {CONTRACT}/order/list/history_orders", f"GET {CONTRACT}/order/list/open_orders"
DEALS = f"GET {CONTRACT}/order/deal_details/102015012431820288"
SIGNED = {"timestamp", "recvWindow", "signature"}
SPOT_MARKET = {
    "symbol": "BTCUSDT",
    "status": "1",
    "baseAsset": "BTC",
    "baseAssetPrecision": 6,
    "quoteAsset": "USDT",
    "quotePrecision": 2,
    "quoteAssetPrecision": 2,
    "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"],
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
    "permissions": ["SPOT"],
    "maxQuoteAmount": "4000000",
    "makerCommission": "0",
    "takerCommission": "0.0005",
    "quoteAmountPrecision": "1",
    "baseSizePrecision": "0.000001",
    "quoteAmountPrecisionMarket": "5",
    "maxQuoteAmountMarket": "100000",
}
SWAP_MARKET = {
    "symbol": "BTC_USDT",
    "baseCoin": "BTC",
    "quoteCoin": "USDT",
    "settleCoin": "USDT",
    "contractSize": 0.0001,
    "minLeverage": 1,
    "maxLeverage": 200,
    "priceScale": 1,
    "volScale": 0,
    "priceUnit": 0.1,
    "volUnit": 1,
    "minVol": 1,
    "maxVol": 1000000,
    "state": 0,
    "takerFeeRate": 0.0002,
    "makerFeeRate": 0,
}


def told(data: Any) -> dict[str, Any]:
    return {"success": True, "code": 0, "data": data}


ABSENT = Status(400, {"msg": "Order does not exist.", "code": -2013})
SWAP_ABSENT = {"success": False, "code": 2040, "message": "Order does not exist"}
ACCEPTED = {
    **{"symbol": "BTCUSDT", "orderId": OID, "orderListId": -1, "price": "50000.5", "origQty": "0.002"},
    **{"type": "LIMIT", "side": "BUY", "transactTime": NOW},
}


def raw_order(**changes: Any) -> dict[str, Any]:
    given = {
        **{"symbol": "BTCUSDT", "orderId": OID, "orderListId": -1, "clientOrderId": CID, "price": "50000.5"},
        **{"origQty": "0.002", "executedQty": "0", "cummulativeQuoteQty": "0", "status": "NEW", "timeInForce": None},
        **{"type": "LIMIT", "side": "BUY", "stopPrice": None, "time": NOW, "updateTime": NOW, "isWorking": True},
    }
    return {**given, **changes}


def raw_fill(**changes: Any) -> dict[str, Any]:
    given = {
        **{"symbol": "BTCUSDT", "id": "443776347957968896X1", "orderId": OID, "orderListId": -1, "price": "50000.5"},
        **{"qty": "0.002", "quoteQty": "100.001", "commission": "0.05", "commissionAsset": "USDT", "time": NOW + 5},
        **{"isBuyer": True, "isMaker": True, "isBestMatch": True, "isSelfTrade": False, "clientOrderId": CID},
    }
    return {**given, **changes}


def swap_order(**changes: Any) -> dict[str, Any]:
    given = {
        **{"orderId": "102015012431820288", "symbol": "BTC_USDT", "positionId": 1, "price": 50000.5, "vol": 20},
        **{"leverage": 3, "side": 1, "category": 1, "orderType": 1, "dealAvgPrice": 0, "dealVol": 0, "orderMargin": 1},
        **{"takerFee": 0, "makerFee": 0, "profit": 0, "feeCurrency": "USDT", "openType": 1, "state": 2},
        **{"externalOid": CID, "createTime": NOW, "updateTime": NOW},
    }
    return {**given, **changes}


def swap_deal(**changes: Any) -> dict[str, Any]:
    given = {
        **{"id": 159, "symbol": "BTC_USDT", "side": 1, "vol": 20, "price": 50000.5, "feeCurrency": "USDT", "fee": 0.02},
        **{"timestamp": NOW + 5, "profit": 0, "taker": False, "category": 1, "orderId": "102015012431820288"},
    }
    return {**given, **changes}


@asynccontextmanager
async def mexc(replies: dict[str, Any] | None = None, settings: Any = None) -> AsyncIterator[tuple[Mexc, Canned]]:
    known = {
        "GET /api/v3/exchangeInfo": {"symbols": [SPOT_MARKET]},
        "GET /api/v3/time": {"serverTime": NOW + 1_000},
        "GET /api/v1/contract/detail": told([SWAP_MARKET]),
        "GET /api/v1/contract/ping": told(NOW + 1_000),
    }
    async with (
        Canned({**known, **(replies or {})}) as canned,
        connected(Mexc, canned, settings or account("mexc")) as venue,
    ):
        yield venue, canned


def placed(sent: Any) -> dict[str, str]:
    queries: list[dict[str, str]] = []

    async def story() -> None:
        async with mexc({f"POST {ORDER}": ACCEPTED}) as (venue, canned):
            answer = await venue.create(sent, instrument())
            assert (answer["id"], venue.client_order_id(answer)) == (OID, CID)
            asked = canned.one(f"POST {ORDER}")
            assert len(canned.asked) == 1
            assert asked.headers["X-MEXC-APIKEY"] == "key"
            assert set(asked.query) >= SIGNED
            assert asked.body is None
            queries.append({name: value for name, value in asked.query.items() if name not in SIGNED})

    run(story())
    return queries[0]


def placed_swap(settings: Any, sent: Any) -> dict[str, Any]:
    bodies: list[Any] = []

    async def story() -> None:
        accepted = told({"orderId": "102015012431820288", "ts": NOW})
        async with mexc({CREATE_SWAP: accepted}, settings) as (venue, canned):
            answer = await venue.create(sent, instrument(SWAP))
            assert (answer["id"], venue.client_order_id(answer)) == ("102015012431820288", CID)
            asked = canned.one(CREATE_SWAP)
            assert len(canned.asked) == 1
            assert asked.headers["ApiKey"] == "key"
            assert {"Signature", "Request-Time"} <= set(asked.headers)
            bodies.append(asked.body)

    run(story())
    return dict(bodies[0])


COMMON = {"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.002", "newClientOrderId": CID}


def test_a_spot_limit_order_goes_out_as_it_is_and_keeps_the_id_the_answer_leaves_out() -> None:
    assert placed(order(price=D("50000.5"))) == {**COMMON, "type": "LIMIT", "price": "50000.5"}


def test_a_post_only_order_is_a_type_of_its_own() -> None:
    assert placed(order(time_in_force=POST_ONLY)) == {**COMMON, "type": "LIMIT_MAKER", "price": "50000.5"}


def test_an_immediate_or_cancel_order_is_a_type_of_its_own() -> None:
    assert placed(order(time_in_force=IOC)) == {**COMMON, "type": "IMMEDIATE_OR_CANCEL", "price": "50000.5"}


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_spot_market_order_is_sized_in_base_on_both_sides(side: OrderSide) -> None:
    assert placed(order(side=side, type=MARKET, price=None)) == {**COMMON, "side": side.name, "type": "MARKET"}


def test_an_answer_without_an_order_id_is_no_acceptance() -> None:
    async def story() -> None:
        async with mexc({f"POST {ORDER}": {"symbol": "BTCUSDT"}}) as (venue, _):
            answer = await venue.create(order(), instrument())
            assert answer["id"] is None

    run(story())


def test_a_swap_order_says_what_it_opens() -> None:
    assert placed_swap(swap("mexc"), order(SWAP, quantity=D(20))) == {
        **{"symbol": "BTC_USDT", "vol": 20.0, "type": 1, "openType": 1, "price": 50000.5, "side": 1, "leverage": 3},
        **{"externalOid": CID, "positionMode": 2},
    }


@pytest.mark.parametrize(
    ("side", "role", "code"),
    [(BUY, Role.ENTRY, 1), (BUY, Role.CLOSE, 2), (SELL, Role.ENTRY, 3), (SELL, Role.TAKE_PROFIT, 4)],
)
@pytest.mark.parametrize("settings", [swap("mexc"), hedge("mexc")])
def test_a_swaps_side_says_whether_it_opens_or_closes_in_both_position_modes(
    settings: Any, side: OrderSide, role: Role, code: int
) -> None:
    sent = order(SWAP, side=side, role=role, quantity=D(1), reduce_only=role is not Role.ENTRY)
    body = placed_swap(settings, sent)
    assert (body["side"], "reduceOnly" in body, "hedged" in body) == (code, False, False)
    assert body["openType"] == (1 if settings.margin_mode is MarginMode.ISOLATED else 2)


def test_types_of_swap_orders() -> None:
    assert placed_swap(swap("mexc"), order(SWAP, quantity=D(1), time_in_force=POST_ONLY))["type"] == 2
    assert placed_swap(swap("mexc"), order(SWAP, quantity=D(1), time_in_force=IOC))["type"] == 3
    body = placed_swap(swap("mexc"), exit_order(SWAP, quantity=D(1), type=MARKET, price=None))
    assert (body["type"], body["side"], "price" in body) == (5, 4, False)


def test_a_stop_order_is_refused_before_anything_is_sent() -> None:
    from ccxt.base.errors import NotSupported

    async def story() -> None:
        async with mexc(settings=swap("mexc")) as (venue, canned):
            with pytest.raises(NotSupported):
                await venue.create(order(SWAP, type=STOP, price=None, trigger_price=D(1)), instrument(SWAP))
            assert canned.asked == []

    run(story())


def test_cancel_goes_by_client_order_id() -> None:
    async def story() -> None:
        async with mexc({f"DELETE {ORDER}": raw_order(status="CANCELED")}) as (venue, canned):
            await venue.cancel(order())
            query = canned.one(f"DELETE {ORDER}").query
            assert (query["symbol"], query["origClientOrderId"], "orderId" in query) == ("BTCUSDT", CID, False)
        call = f"POST {CONTRACT}/order/cancel_with_external"
        async with mexc({call: told({"symbol": "BTC_USDT", "externalOid": CID})}, swap("mexc")) as (venue, canned):
            assert venue.client_order_id(await venue.cancel(order(SWAP))) == CID
            assert canned.one(call).body == {"symbol": "BTC_USDT", "externalOid": CID}

    run(story())


def test_an_open_order_is_found_by_client_order_id() -> None:
    async def story() -> None:
        async with mexc({f"GET {ORDER}": raw_order(), MY_TRADES: []}) as (venue, canned):
            found = await venue.find(order())
            assert found.order is not None
            view = convert.order_view(found.order, venue.client_order_id(found.order))
            assert (view.state, view.filled, view.exchange_order_id) == (OrderState.OPEN, D(0), OID)
            assert canned.one(f"GET {ORDER}").query["origClientOrderId"] == CID

    run(story())


def test_a_filled_order_comes_with_its_fills() -> None:
    done = raw_order(status="FILLED", executedQty="0.002", cummulativeQuoteQty="100.001")

    async def story() -> None:
        fills = [raw_fill(), raw_fill(id="other", orderId="other")]
        async with mexc({f"GET {ORDER}": done, MY_TRADES: [fills]}) as (venue, canned):
            found = await venue.find(order())
            (trade,) = found.trades
            view = convert.trade_view(trade, venue.client_order_id(trade), instrument(), lambda *_: None)
            assert view is not None
            assert (view.client_order_id, view.trade.quantity, view.trade.fee) == (CID, D("0.002"), D("0.05"))
            assert (view.trade.fee_asset, view.trade.maker, view.side) == ("USDT", True, BUY)
            assert canned.one(MY_TRADES).query["orderId"] == OID

    run(story())


def test_an_order_is_absent_only_when_the_list_of_all_does_not_have_it_either() -> None:
    async def story() -> None:
        other = raw_order(clientOrderId="other", orderId="other")
        async with mexc({f"GET {ORDER}": ABSENT, ALL_ORDERS: [[other]]}) as (venue, canned):
            assert (await venue.find(order())).order is None
            query = canned.one(ALL_ORDERS).query
            assert (query["startTime"], query["endTime"]) == (str(NOW - 60_000), str(NOW + 1_000))
        async with mexc({f"GET {ORDER}": ABSENT, ALL_ORDERS: [[other, raw_order(status="CANCELED")]]}) as (venue, _):
            found = (await venue.find(order())).order
            assert found is not None
            assert found["status"] == "canceled"

    run(story())


def test_any_other_failure_of_a_look_up_is_no_absence() -> None:
    from ccxt.base.errors import ExchangeError

    async def story() -> None:
        async with mexc({f"GET {ORDER}": Status(400, {"msg": "server error", "code": 700013})}) as (venue, _):
            with pytest.raises(ExchangeError):
                await venue.find(order())

    run(story())


@pytest.mark.parametrize(("code", "side"), [(1, BUY), (2, BUY), (3, SELL), (4, SELL)])
def test_a_swap_order_and_its_deals_have_the_side_that_mexc_means(code: int, side: OrderSide) -> None:
    filled = swap_order(side=code, state=3, dealVol=20, dealAvgPrice=50000.5)

    async def story() -> None:
        async with mexc({EXTERNAL: told(filled), DEALS: told([swap_deal(side=code)])}, swap("mexc")) as (venue, _):
            found = await venue.find(order(SWAP, quantity=D(20)))
            assert found.order is not None
            view = convert.order_view(found.order, venue.client_order_id(found.order))
            assert (view.client_order_id, view.state, view.filled) == (CID, OrderState.FILLED, D(20))
            assert found.order["side"] == side.value
            trade = convert.trade_view(found.trades[0], CID, instrument(SWAP), lambda *_: None)
            assert trade is not None
            assert (trade.side, trade.trade.quantity, trade.trade.fee) == (side, D(20), D("0.02"))
            assert (trade.trade.maker, trade.trade.time_ms) == (True, NOW + 5)

    run(story())


def test_an_absent_swap_order_is_looked_for_in_the_history() -> None:
    async def story() -> None:
        replies = {EXTERNAL: SWAP_ABSENT, SWAP_HISTORY: told([swap_order(externalOid="other")])}
        async with mexc(replies, swap("mexc")) as (venue, canned):
            assert (await venue.find(order(SWAP))).order is None
            query = canned.one(SWAP_HISTORY).query
            assert (query["symbol"], query["start_time"]) == ("BTC_USDT", str(NOW - 60_000))
        invalid = swap_order(state=5)
        async with mexc({EXTERNAL: SWAP_ABSENT, SWAP_HISTORY: told([invalid]), DEALS: told([])}, swap("mexc")) as (
            v,
            _,
        ):
            found = (await v.find(order(SWAP))).order
            assert found is not None
            assert convert.order_view(found, CID).state is OrderState.REJECTED

    run(story())


def test_open_orders_are_asked_per_symbol_on_spot_and_page_by_page_on_swaps() -> None:
    async def story() -> None:
        async with mexc({OPEN: [raw_order()]}) as (venue, canned):
            canned.replies[OPEN] = [[raw_order()]]
            assert [venue.client_order_id(row) for row in await venue.open_orders([SPOT])] == [CID]
            assert canned.one(OPEN).query["symbol"] == "BTCUSDT"
            assert await venue.open_orders([]) == []
        full = told([swap_order(orderId=str(number)) for number in range(100)])
        async with mexc({SWAP_OPEN: [full, told([swap_order(orderId="500")])]}, swap("mexc")) as (venue, canned):
            assert len(await venue.open_orders([])) == 101
            assert [asked.query["page_num"] for asked in canned.calls(SWAP_OPEN)] == ["1", "2"]

    run(story())


def test_executions_since_then() -> None:
    deals = f"GET {CONTRACT}/order/list/order_deals"

    async def story() -> None:
        async with mexc({MY_TRADES: [[raw_fill()]]}) as (venue, canned):
            (row,) = await venue.trades(SPOT, NOW - 5_000)
            assert row["order"] == OID
            assert canned.one(MY_TRADES).query["startTime"] == str(NOW - 5_000)
        async with mexc({deals: told([swap_deal(side=4)])}, swap("mexc")) as (venue, canned):
            (row,) = await venue.trades(SWAP, NOW - 5_000)
            assert (row["side"], row["order"]) == ("sell", "102015012431820288")
            query = canned.one(deals).query
            assert (query["start_time"], query["end_time"]) == (str(NOW - 5_000), str(NOW + 1_000))

    run(story())


def test_balances_of_spot_and_of_swaps() -> None:
    async def story() -> None:
        held = {"asset": "USDT", "free": "7", "locked": "3"}
        async with mexc({"GET /api/v3/account": {"balances": [held], "canTrade": True}}) as (venue, _):
            found = convert.balances(await venue.balances())["USDT"]
            assert (found.free, found.locked) == (D(7), D(3))
        asset = {
            **{"currency": "USDT", "positionMargin": 15, "frozenBalance": 5, "availableBalance": 80, "equity": 101},
            **{"cashBalance": 100, "unrealized": 1},
        }
        async with mexc({f"GET {CONTRACT}/account/assets": told([asset])}, swap("mexc")) as (venue, _):
            found = convert.balances(await venue.balances())["USDT"]
            assert (found.free, found.locked) == (D(80), D(21))

    run(story())


@pytest.mark.parametrize(("kind", "side"), [(1, "long"), (2, "short")])
def test_positions_count_contracts(kind: int, side: str) -> None:
    position = {
        **{"positionId": 1, "symbol": "BTC_USDT", "positionType": kind, "openType": 1, "state": 1, "holdVol": 20},
        **{"frozenVol": 0, "holdAvgPrice": 49000, "openAvgPrice": 49000.5, "liquidatePrice": 40000, "leverage": 3},
        **{"im": 30, "oim": 30, "updateTime": NOW},
    }

    async def story() -> None:
        async with mexc({f"GET {CONTRACT}/position/open_positions": told([position])}, swap("mexc")) as (venue, _):
            (held,) = convert.positions(await venue.positions())
            assert (held.symbol, held.side.value, held.quantity) == (SWAP, side, D(20))
            assert held.average_entry == D("49000.5")

    run(story())


def test_instruments_of_one_kind_are_read_and_the_stricter_minimum_counts() -> None:
    async def story() -> None:
        async with mexc() as (venue, canned):
            (found,) = instruments_of("mexc", venue.account, await venue.instruments())
            assert (found.symbol, found.venue_symbol, found.min_notional) == (SPOT, "BTCUSDT", D(5))
            assert (found.tick_size, found.step_size, found.min_quantity) == (D("0.01"), D("0.000001"), D("0.000001"))
            assert {asked.call for asked in canned.asked} == {"GET /api/v3/exchangeInfo", "GET /api/v3/time"}
        async with mexc(settings=swap("mexc")) as (venue, _):
            (found,) = instruments_of("mexc", venue.account, await venue.instruments())
            assert (found.symbol, found.venue_symbol, found.contract_size) == (SWAP, "BTC_USDT", D("0.0001"))
            assert (found.step_size, found.tick_size, found.max_quantity) == (D(1), D("0.1"), D(1000000))

    run(story())


def test_position_mode_and_leverage_are_set_and_read_back() -> None:
    mode, change = f"GET {CONTRACT}/position/position_mode", f"POST {CONTRACT}/position/change_position_mode"
    leverage, set_leverage = f"GET {CONTRACT}/position/leverage", f"POST {CONTRACT}/position/change_leverage"

    def sides(value: int) -> dict[str, Any]:
        rows = [{"positionType": kind, "leverage": value, "openType": 2} for kind in (1, 2)]
        return told([*rows, {"positionType": 1, "leverage": 20, "openType": 1}])

    async def story() -> None:
        replies = {
            mode: [told(2), told(1)],
            change: told(None),
            leverage: [sides(20), sides(3)],
            set_leverage: told(None),
        }
        async with mexc(replies, hedge("mexc")) as (venue, canned):
            await venue.prepare_account()
            await venue.prepare(SWAP)
            assert canned.one(change).body == {"positionMode": 1}
            both = [asked.body for asked in canned.calls(set_leverage)]
            expected = {"leverage": 3, "openType": 2, "symbol": "BTC_USDT"}
            assert both == [{**expected, "positionType": 1}, {**expected, "positionType": 2}]
        async with mexc({leverage: sides(20), set_leverage: told(None)}, hedge("mexc")) as (venue, _):
            with pytest.raises(SetupFault, match="leverage"):
                await venue.prepare(SWAP)

    run(story())


def test_there_is_no_testnet_and_keys_tell_nothing() -> None:
    with pytest.raises(SetupFault, match="testnet"):
        Mexc(account("mexc", testnet=True), Credentials(), None)

    async def story() -> None:
        async with mexc() as (venue, canned):
            assert await venue.permissions() == {"read": None, "trade": None, "withdraw": None}
            assert canned.asked == []

    run(story())


def test_every_kind_of_request_has_a_cost_in_windows_that_exist() -> None:
    for settings in (account("mexc"), swap("mexc")):
        rules = Mexc(settings, Credentials(), None).rules()
        assert set(rules.costs) >= set(Ask) - {Ask.AMEND}
        assert {name for cost in rules.costs.values() for name in cost} <= {window.name for window in rules.windows}


def test_requests_are_stamped_with_the_venues_time() -> None:
    async def story() -> None:
        async with mexc({"GET /api/v3/account": {"balances": []}}) as (venue, canned):
            venue.correct_clock(7_000)
            await venue.balances()
            asked = canned.asked[-1]
            assert asked.query["timestamp"] == str(NOW + 8_000)

    run(story())


@pytest.mark.rule("PNL-1")
def test_funding_payments_carry_their_symbol_and_older_ones_are_left_out() -> None:
    payment = {"id": 9, "symbol": "BTC_USDT", "positionType": 1, "funding": -0.5, "settleTime": NOW + 7}

    async def story() -> None:
        data = told({"resultList": [payment, {**payment, "id": 8, "settleTime": NOW - 1}]})
        async with mexc({f"GET {CONTRACT}/position/funding_records": data}, swap("mexc")) as (venue, _):
            (row,) = await venue.funding(NOW)
            assert (row["id"], row["symbol"], D(row["amount"])) == ("9", SWAP, D("-0.5"))

    run(story())


# --- streams: spot frames are protobuf ------------------------------------------------------------


def wrapped(channel: str, part: str, **fields: Any) -> bytes:
    """A binary frame as MEXC sends it, by its own published message types."""
    from ccxt.protobuf.mexc import PushDataV3ApiWrapper_pb2 as types

    frame = types.PushDataV3ApiWrapper(channel=channel, symbol="BTCUSDT", createTime=NOW, sendTime=NOW)
    for name, value in fields.items():
        setattr(getattr(frame, part), name, value)
    return bytes(frame.SerializeToString())


def streamed(canned: Canned, frames: list[bytes]) -> None:
    async def answer(said: dict[str, Any], socket: web.WebSocketResponse) -> None:
        if said.get("method") == "SUBSCRIPTION":
            await socket.send_json({"id": 0, "code": 0, "msg": said["params"][0]})
            for frame in frames:
                await socket.send_bytes(frame)

    canned.sockets["/ws"] = answer
    canned.replies["POST /api/v3/userDataStream"] = [{"listenKey": "listen"}]


def test_streamed_orders_are_read_from_binary_frames() -> None:
    fields = {
        **{"id": OID, "clientId": CID, "price": "50000.5", "quantity": "0.002", "amount": "100.001"},
        **{"orderType": 1, "tradeType": 1, "remainQuantity": "0.001", "cumulativeQuantity": "0.001", "status": 3},
        **{"createTime": NOW},
    }

    async def story() -> None:
        async with mexc() as (venue, canned):
            streamed(canned, [wrapped("spot@private.orders.v3.api.pb", "privateOrders", **fields)])
            (row,) = await venue.watch_orders()
            view = convert.order_view(row, venue.client_order_id(row))
            assert (view.client_order_id, view.exchange_order_id) == (CID, OID)
            assert (view.state, view.filled, view.quantity) == (OrderState.PARTIALLY_FILLED, D("0.001"), D("0.002"))
            assert canned.dialled == ["/ws?listenKey=listen"]
            assert canned.spoken[0]["params"] == ["spot@private.orders.v3.api.pb"]
            assert any(venue.is_user_stream(url) for url in venue.client.clients)
            await venue.renew_streams()
            await venue.watch_orders()
            assert len(canned.calls("POST /api/v3/userDataStream")) == 2

    run(story())


@pytest.mark.parametrize("is_maker", [True, False])
def test_streamed_executions_carry_fee_client_id_and_who_made(is_maker: bool) -> None:
    fields = {
        **{"price": "50000.5", "quantity": "0.001", "amount": "50", "tradeType": 1, "isMaker": is_maker},
        **{"tradeId": "505979017439002624X1", "clientOrderId": CID, "orderId": OID, "feeAmount": "0.025"},
        **{"feeCurrency": "USDT", "time": NOW + 5},
    }

    async def story() -> None:
        async with mexc() as (venue, canned):
            streamed(canned, [wrapped("spot@private.deals.v3.api.pb", "privateDeals", **fields)])
            (row,) = await venue.watch_trades()
            view = convert.trade_view(row, venue.client_order_id(row), instrument(), lambda *_: None)
            assert view is not None
            assert (view.client_order_id, view.exchange_order_id, view.side) == (CID, OID, BUY)
            assert (view.trade.trade_id, view.trade.quantity) == ("505979017439002624X1", D("0.001"))
            assert (view.trade.fee, view.trade.fee_asset, view.trade.maker) == (D("0.025"), "USDT", is_maker)

    run(story())


def test_a_change_of_balances_is_noticed() -> None:
    fields = {"vcoinName": "USDT", "balanceAmount": "7", "frozenAmount": "2", "type": "ENTRUST_PLACE", "time": NOW}

    async def story() -> None:
        async with mexc() as (venue, canned):
            streamed(canned, [wrapped("spot@private.account.v3.api.pb", "privateAccount", **fields)])
            held = convert.balances(await venue.watch_balances())["USDT"]
            assert (held.free, held.locked) == (D(7), D(2))

    run(story())


def test_best_prices_come_from_binary_frames_and_by_request() -> None:
    fields = {"bidPrice": "50000", "bidQuantity": "1", "askPrice": "50001", "askQuantity": "2"}
    channel = "spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT"
    book = [{"symbol": "BTCUSDT", "bidPrice": "50000", "bidQty": "1", "askPrice": "50001", "askQty": "2"}]

    async def story() -> None:
        async with mexc({"GET /api/v3/ticker/bookTicker": [book]}) as (venue, canned):
            streamed(canned, [wrapped(channel, "publicAggreBookTicker", **fields)])
            for quotes in (await venue.watch_prices([SPOT]), await venue.fetch_prices([SPOT])):
                quote = convert.quotes(quotes, NOW)[SPOT]
                assert (quote.bid, quote.ask) == (D(50000), D(50001))
            assert canned.spoken[0] == {"method": "SUBSCRIPTION", "params": [channel]}
        swaps = told({"symbol": "BTC_USDT", "lastPrice": 50000.5, "bid1": 50000, "ask1": 50001, "timestamp": NOW})
        async with mexc({"GET /api/v1/contract/ticker": swaps}, swap("mexc")) as (venue, _):
            quote = convert.quotes(await venue.fetch_prices([SWAP]), NOW)[SWAP]
            assert (quote.bid, quote.ask) == (D(50000), D(50001))

    run(story())


def test_no_more_prices_are_streamed_than_one_socket_takes() -> None:
    fields = {"bidPrice": "50000", "bidQuantity": "1", "askPrice": "50001", "askQuantity": "2"}
    frame = wrapped("spot@public.aggre.bookTicker.v3.api.pb@100ms@BTCUSDT", "publicAggreBookTicker", **fields)
    markets = [{**SPOT_MARKET, "symbol": f"C{number}USDT", "baseAsset": f"C{number}"} for number in range(MAX_STREAMED)]

    async def story() -> None:
        info = {"symbols": [SPOT_MARKET, *markets]}
        async with mexc({"GET /api/v3/exchangeInfo": info}) as (venue, canned):
            streamed(canned, [frame])
            await venue.watch_prices([SPOT, *(f"C{number}/USDT" for number in range(MAX_STREAMED))])
            assert len(canned.spoken[0]["params"]) == MAX_STREAMED == 30

    run(story())


def test_streamed_swap_orders_and_deals_have_the_side_that_mexc_means() -> None:
    async def answer(said: dict[str, Any], socket: web.WebSocketResponse) -> None:
        if said.get("method") == "login":
            await socket.send_json({"channel": "rs.login", "data": "success", "ts": NOW})
            data = swap_order(side=4, state=3, dealVol=20)
            await socket.send_json({"channel": "push.personal.order", "data": data, "ts": NOW})
            deal = swap_deal(side=4)
            await socket.send_json({"channel": "push.personal.order.deal", "data": deal, "ts": NOW})

    async def story() -> None:
        async with mexc(settings=swap("mexc")) as (venue, canned):
            canned.sockets["/edge"] = answer
            (row,) = await venue.watch_orders()
            view = convert.order_view(row, venue.client_order_id(row))
            assert (row["side"], view.client_order_id, view.state) == ("sell", CID, OrderState.FILLED)
        async with mexc(settings=swap("mexc")) as (venue, canned):
            canned.sockets["/edge"] = answer
            (row,) = await venue.watch_trades()
            trade = convert.trade_view(row, "", instrument(SWAP), lambda *_: None)
            assert trade is not None
            assert (trade.side, trade.exchange_order_id) == (SELL, "102015012431820288")
            assert (trade.trade.quantity, trade.trade.fee, trade.trade.trade_id) == (D(20), D("0.02"), "159")

    run(story())
