"""OKX as unmodified ccxt speaks to it: exact requests, and what becomes of answers in its documented shapes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from actors.rules.choices import MarginMode, PositionMode
from actors.rules.model import OrderState, Role
from actors.rules.rates import Ask
from daemon.exchanges import convert
from daemon.exchanges.instruments import instruments_of
from daemon.exchanges.venues.okx import Okx
from daemon.exchanges.venues.settling import SetupFault
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
PLACE, GET_ORDER = "POST /api/v5/trade/batch-orders", "GET /api/v5/trade/order"
HISTORY, PENDING = "GET /api/v5/trade/orders-history", "GET /api/v5/trade/orders-pending"
FILLS, CONFIG = "GET /api/v5/trade/fills", "GET /api/v5/account/config"
SET_LEVERAGE, LEVERAGE = "POST /api/v5/account/set-leverage", "GET /api/v5/account/leverage-info"

SPOT_MARKET = {
    "baseCcy": "BTC",
    "quoteCcy": "USDT",
    "instId": "BTC-USDT",
    "instType": "SPOT",
    "lever": "10",
    "lotSz": "0.00000001",
    "minSz": "0.00001",
    "tickSz": "0.1",
    "maxLmtSz": "9999999999",
    "maxMktSz": "1000000",
    "state": "live",
    "uly": "",
}
SWAP_MARKET = {
    "baseCcy": "",
    "quoteCcy": "",
    "settleCcy": "USDT",
    "instId": "BTC-USDT-SWAP",
    "instType": "SWAP",
    "lever": "100",
    "ctVal": "0.01",
    "ctMult": "1",
    "ctType": "linear",
    "ctValCcy": "BTC",
    "lotSz": "0.01",
    "minSz": "0.01",
    "tickSz": "0.1",
    "maxLmtSz": "100000000",
    "maxMktSz": "12000",
    "state": "live",
    "uly": "BTC-USDT",
    "expTime": "",
}


def told(*rows: Any, code: str = "0") -> dict[str, Any]:
    return {"code": code, "data": list(rows), "msg": ""}


ACCEPTED = told({"clOrdId": CID, "ordId": "312269865356374016", "tag": "", "sCode": "0", "sMsg": ""})
UNKNOWN = {"code": "51603", "data": [], "msg": "Order does not exist"}


def raw_order(**changes: Any) -> dict[str, Any]:
    given = {
        "accFillSz": "0",
        "avgPx": "",
        "cTime": str(NOW),
        "uTime": str(NOW),
        "clOrdId": CID,
        "fee": "0",
        "feeCcy": "BTC",
        "fillPx": "",
        "fillSz": "0",
        "fillTime": "",
        "instId": "BTC-USDT",
        "instType": "SPOT",
        "lever": "",
        "ordId": "312269865356374016",
        "ordType": "limit",
        "pnl": "0",
        "posSide": "net",
        "px": "50000.5",
        "rebate": "0",
        "reduceOnly": "false",
        "side": "buy",
        "state": "live",
        "sz": "0.002",
        "tdMode": "cash",
        "tgtCcy": "",
        "tradeId": "",
    }
    return {**given, **changes}


def raw_fill(**changes: Any) -> dict[str, Any]:
    given = {
        "instType": "SPOT",
        "instId": "BTC-USDT",
        "tradeId": "123",
        "ordId": "312269865356374016",
        "clOrdId": CID,
        "billId": "1111",
        "fillPx": "50000.5",
        "fillSz": "0.001",
        "side": "buy",
        "posSide": "net",
        "execType": "M",
        "feeCcy": "BTC",
        "fee": "-0.0000008",
        "ts": str(NOW + 5),
    }
    return {**given, **changes}


@asynccontextmanager
async def okx(replies: dict[str, Any], settings: Any = None) -> AsyncIterator[tuple[Okx, Canned]]:
    settings = settings or account("okx")
    market = SWAP_MARKET if settings.market.value == "swap" else SPOT_MARKET
    known = {"GET /api/v5/public/instruments": told(market), "GET /api/v5/public/time": told({"ts": str(NOW)})}
    async with Canned({**known, **replies}) as canned, connected(Okx, canned, settings) as venue:
        yield venue, canned


def placed(settings: Any, sent: Any, replies: dict[str, Any] | None = None) -> dict[str, Any]:
    """The one order in the body of the one request, its path and headers checked."""
    bodies: list[Any] = []

    async def story() -> None:
        async with okx({PLACE: ACCEPTED, **(replies or {})}, settings) as (venue, canned):
            answer = await venue.create(sent, instrument(sent.symbol))
            assert (answer["id"], venue.client_order_id(answer)) == ("312269865356374016", CID)
            asked = canned.one(PLACE)
            assert asked.headers["OK-ACCESS-KEY"] == "key"
            assert asked.headers["OK-ACCESS-PASSPHRASE"] == "phrase"
            assert asked.headers["OK-ACCESS-SIGN"]
            assert asked.headers["OK-ACCESS-TIMESTAMP"]
            assert len(canned.asked) == 1
            bodies.extend(asked.body)

    run(story())
    (body,) = bodies
    return dict(body)


COMMON = {"instId": "BTC-USDT", "clOrdId": CID, "sz": "0.002", "tdMode": "cash", "tgtCcy": "base_ccy"}


def test_a_spot_limit_order_goes_out_as_it_is() -> None:
    assert placed(account("okx"), order()) == {**COMMON, "side": "buy", "ordType": "limit", "px": "50000.5"}


def test_a_post_only_order_is_a_type_of_its_own() -> None:
    sent = order(time_in_force=POST_ONLY)
    assert placed(account("okx"), sent) == {**COMMON, "side": "buy", "ordType": "post_only", "px": "50000.5"}


def test_an_immediate_or_cancel_order_is_a_type_of_its_own() -> None:
    assert placed(account("okx"), order(time_in_force=IOC))["ordType"] == "ioc"


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_spot_market_order_is_sized_in_base_on_both_sides(side: Any) -> None:
    sent = order(side=side, type=MARKET, price=None, expected_price=D("50000"))
    assert placed(account("okx"), sent) == {**COMMON, "side": side.value, "ordType": "market"}


def test_a_swap_order_counts_contracts_and_names_the_margin_mode() -> None:
    sent = order(SWAP, quantity=D("0.25"))
    assert placed(swap("okx"), sent) == {
        "instId": "BTC-USDT-SWAP",
        "clOrdId": CID,
        "sz": "0.25",
        "tdMode": "isolated",
        "side": "buy",
        "ordType": "limit",
        "px": "50000.5",
    }


def test_a_one_way_exit_is_reduce_only() -> None:
    body = placed(swap("okx", margin_mode=MarginMode.CROSS), exit_order(SWAP, quantity=D("0.25")))
    assert (body["reduceOnly"], body["tdMode"], body.get("posSide")) == (True, "cross", None)


@pytest.mark.parametrize(
    ("side", "role", "position"),
    [
        (BUY, Role.ENTRY, "long"),
        (SELL, Role.TAKE_PROFIT, "long"),
        (SELL, Role.ENTRY, "short"),
        (BUY, Role.CLOSE, "short"),
    ],
)
def test_hedge_mode_names_the_position_and_never_says_reduce_only(side: Any, role: Role, position: str) -> None:
    sent = order(SWAP, side=side, role=role, quantity=D(1), reduce_only=role is not Role.ENTRY)
    body = placed(hedge("okx"), sent)
    assert body["posSide"] == position
    assert not {"reduceOnly", "hedged"} & set(body)


def test_a_stop_order_is_refused_before_anything_is_sent() -> None:
    from ccxt.base.errors import NotSupported

    async def story() -> None:
        async with okx({}, swap("okx")) as (venue, canned):
            with pytest.raises(NotSupported):
                await venue.create(order(SWAP, type=STOP, price=None, trigger_price=D(1)), instrument(SWAP))
            assert canned.asked == []

    run(story())


def test_a_refused_order_raises_with_the_venues_code_in_its_words() -> None:
    from ccxt.base.errors import InsufficientFunds

    refused = told({"clOrdId": CID, "ordId": "", "sCode": "51008", "sMsg": "Insufficient balance"}, code="1")

    async def story() -> None:
        async with okx({PLACE: refused}) as (venue, _):
            with pytest.raises(InsufficientFunds, match="51008"):
                await venue.create(order(), instrument())

    run(story())


def test_cancel_goes_by_client_order_id() -> None:
    async def story() -> None:
        async with okx({"POST /api/v5/trade/cancel-order": ACCEPTED}) as (venue, canned):
            await venue.cancel(order())
            body = canned.one("POST /api/v5/trade/cancel-order").body
            assert body == {"instId": "BTC-USDT", "clOrdId": CID}

    run(story())


@pytest.mark.rule("ORD-9")
def test_an_order_is_amended_in_place_by_client_order_id() -> None:
    async def story() -> None:
        async with okx({"POST /api/v5/trade/amend-order": ACCEPTED}) as (venue, canned):
            answer = await venue.amend(order(exchange_order_id="312269865356374016"), D("49999.9"), D("0.003"))
            assert answer["id"] == "312269865356374016"
            body = canned.one("POST /api/v5/trade/amend-order").body
            assert body == {"instId": "BTC-USDT", "clOrdId": CID, "newSz": "0.003", "newPx": "49999.9"}

    run(story())


def test_an_open_order_is_found_by_client_order_id_and_no_fills_are_asked_for() -> None:
    async def story() -> None:
        async with okx({GET_ORDER: told(raw_order())}) as (venue, canned):
            found = await venue.find(order())
            assert found.order is not None
            assert found.trades == ()
            assert canned.one(GET_ORDER).query == {"instId": "BTC-USDT", "clOrdId": CID}
            view = convert.order_view(found.order, venue.client_order_id(found.order))
            assert (view.state, view.filled, view.quantity) == (OrderState.OPEN, D(0), D("0.002"))
            assert (view.exchange_order_id, view.price, view.client_order_id) == (
                "312269865356374016",
                D("50000.5"),
                CID,
            )

    run(story())


def test_a_filled_order_comes_with_its_own_fills_alone() -> None:
    filled = raw_order(state="filled", accFillSz="0.002", avgPx="50000.5", tradeId="124")
    fills = told(
        raw_fill(tradeId="124", billId="1112"), raw_fill(), raw_fill(tradeId="99", ordId="7", clOrdId="", billId="1")
    )

    async def story() -> None:
        async with okx({GET_ORDER: told(filled), FILLS: fills}) as (venue, canned):
            found = await venue.find(order())
            assert found.order is not None
            assert found.order["status"] == "closed"
            assert {trade["id"] for trade in found.trades} == {"123", "124"}
            asked = canned.one(FILLS).query
            assert asked == {"instType": "SPOT", "instId": "BTC-USDT", "begin": str(NOW - 60_000), "limit": "100"}
            view = convert.trade_view(found.trades[0], CID, instrument(), lambda *_: None)
            assert view is not None
            assert (view.trade.fee, view.trade.fee_asset, view.trade.maker) == (D("0.0000008"), "BTC", True)
            assert (view.trade.quantity, view.trade.price) == (D("0.001"), D("50000.5"))
            assert venue.client_order_id(found.trades[0]) == CID

    run(story())


def test_an_order_is_absent_only_when_the_history_does_not_know_it_either() -> None:
    async def story() -> None:
        absent = {GET_ORDER: UNKNOWN, HISTORY: told(raw_order(clOrdId="other", state="canceled")), FILLS: told()}
        async with okx(absent) as (venue, canned):
            assert (await venue.find(order())).order is None
            assert [asked.call for asked in canned.asked] == [GET_ORDER, HISTORY, FILLS]
            expected = {"instType": "SPOT", "instId": "BTC-USDT", "begin": str(NOW - 60_000), "limit": "100"}
            assert canned.one(HISTORY).query == expected

    run(story())


def test_an_answer_that_holds_no_order_is_no_absence() -> None:
    from ccxt.base.errors import OperationFailed

    async def story() -> None:
        async with okx({GET_ORDER: told()}) as (venue, _):
            with pytest.raises(OperationFailed):
                await venue.find(order())

    run(story())


def test_the_history_finds_what_the_look_up_missed() -> None:
    async def story() -> None:
        async with okx({GET_ORDER: UNKNOWN, HISTORY: told(raw_order(state="canceled"))}) as (venue, _):
            found = (await venue.find(order())).order
            assert found is not None
            assert found["status"] == "canceled"

    run(story())


def test_another_order_than_the_one_asked_for_is_not_taken() -> None:
    async def story() -> None:
        another = told(raw_order(clOrdId="somebodyelse"))
        async with okx({GET_ORDER: another, HISTORY: told(), FILLS: told()}) as (venue, _):
            assert (await venue.find(order())).order is None

    run(story())


@pytest.mark.rule("ORD-3")
def test_an_order_nobody_lists_but_an_execution_names_is_no_absence() -> None:
    from ccxt.base.errors import OperationFailed

    async def story() -> None:
        async with okx({GET_ORDER: UNKNOWN, HISTORY: told(), FILLS: told(raw_fill())}) as (venue, _):
            with pytest.raises(OperationFailed):
                await venue.find(order())

    run(story())


def test_open_orders_are_read_to_the_last_page_without_a_symbol() -> None:
    first = told(*(raw_order(ordId=str(900 - number), clOrdId=f"x{number}") for number in range(100)))

    async def story() -> None:
        async with okx({PENDING: [first, told(raw_order(ordId="5"))]}) as (venue, canned):
            rows = await venue.open_orders([])
            assert len({row["id"] for row in rows}) == 101
            queries = [asked.query for asked in canned.calls(PENDING)]
            assert queries == [
                {"instType": "SPOT", "limit": "100"},
                {"instType": "SPOT", "limit": "100", "after": "801"},
            ]

    run(story())


def test_executions_are_read_to_the_last_page_by_bill() -> None:
    first = told(*(raw_fill(tradeId=str(number), billId=str(900 - number)) for number in range(100)))

    async def story() -> None:
        async with okx({FILLS: [first, told(raw_fill(tradeId="200", billId="5"))]}) as (venue, canned):
            rows = await venue.trades(SPOT, NOW - 5_000)
            assert len({row["id"] for row in rows}) == 101
            assert canned.calls(FILLS)[1].query["after"] == "801"

    run(story())


def test_old_executions_come_from_the_history() -> None:
    async def story() -> None:
        async with okx({"GET /api/v5/trade/fills-history": told(raw_fill())}) as (venue, _):
            assert len(await venue.trades(SPOT, NOW - 10 * 86_400_000)) == 1

    run(story())


def test_balances_tell_free_and_locked_apart() -> None:
    detail = {"ccy": "USDT", "eq": "99.9", "availEq": "", "availBal": "94.4", "frozenBal": "5.5", "cashBal": "99.9"}

    async def story() -> None:
        async with okx({"GET /api/v5/account/balance": told({"details": [detail], "uTime": str(NOW)})}) as (venue, _):
            held = convert.balances(await venue.balances())["USDT"]
            assert (held.free, held.locked) == (D("94.4"), D("5.5"))

    run(story())


@pytest.mark.parametrize(("size", "side"), [("2.5", "long"), ("-2.5", "short")])
def test_a_net_position_has_its_side_by_its_sign_and_counts_contracts(size: str, side: str) -> None:
    position = {
        "instId": "BTC-USDT-SWAP",
        "instType": "SWAP",
        "mgnMode": "isolated",
        "posId": "1",
        "posSide": "net",
        "pos": size,
        "ccy": "USDT",
        "lever": "3",
        "markPx": "50000",
        "liqPx": "40000",
        "mmr": "1",
        "notionalUsd": "1250",
        "avgPx": "49000",
        "upl": "1",
        "uplRatio": "0.1",
        "uTime": str(NOW),
        "cTime": str(NOW),
        "margin": "400",
        "posCcy": "",
    }

    async def story() -> None:
        async with okx({"GET /api/v5/account/positions": told(position)}, swap("okx")) as (venue, _):
            (held,) = convert.positions(await venue.positions())
            assert (held.symbol, held.side.value, held.quantity) == (SWAP, side, D("2.5"))
            assert (held.average_entry, held.liquidation_price) == (D(49000), D(40000))

    run(story())


def test_a_swap_instrument_has_its_contract_size_and_limits_in_contracts() -> None:
    async def story() -> None:
        async with okx({}, swap("okx")) as (venue, canned):
            (found,) = instruments_of("okx", venue.account, await venue.instruments())
            assert canned.one("GET /api/v5/public/instruments").query == {"instType": "SWAP"}
            assert (found.symbol, found.venue_symbol, found.quote) == (SWAP, "BTC-USDT-SWAP", "USDT")
            assert (found.contract_size, found.step_size, found.tick_size) == (D("0.01"), D("0.01"), D("0.1"))
            assert (found.max_quantity, found.market_max_quantity) == (D(100000000), D(12000))

    run(story())


@pytest.mark.parametrize(
    ("perm", "expected"),
    [
        ("read_only,trade", {"read": True, "trade": True, "withdraw": False}),
        ("read_only,withdraw,trade", {"read": True, "trade": True, "withdraw": True}),
        ("read_only", {"read": True, "trade": False, "withdraw": False}),
        ("", {"read": True, "trade": None, "withdraw": None}),
    ],
)
def test_what_a_key_may_do_is_read_from_the_accounts_configuration(perm: str, expected: Any) -> None:
    async def story() -> None:
        async with okx({CONFIG: told({"perm": perm})}) as (venue, _):
            assert await venue.permissions() == expected

    run(story())


def test_the_position_mode_is_set_only_when_it_differs_and_is_read_back() -> None:
    net, hedged = told({"posMode": "net_mode", "acctLv": "2"}), told({"posMode": "long_short_mode", "acctLv": "2"})
    mode = "POST /api/v5/account/set-position-mode"

    async def story() -> None:
        async with okx({CONFIG: net}, swap("okx")) as (venue, canned):
            await venue.prepare_account()
            assert {asked.call for asked in canned.asked} == {CONFIG}
        settings = swap("okx", position_mode=PositionMode.HEDGE)
        async with okx({CONFIG: [net, net, hedged], mode: told({"posMode": "x"})}, settings) as (venue, canned):
            await venue.prepare_account()
            assert canned.one(mode).body == {"posMode": "long_short_mode"}
        async with okx({CONFIG: net, mode: told(code="59000")}, settings) as (venue, _):
            with pytest.raises(SetupFault, match="59000"):
                await venue.prepare_account()

    run(story())


def test_a_spot_only_account_cannot_trade_swaps() -> None:
    async def story() -> None:
        async with okx({CONFIG: told({"posMode": "net_mode", "acctLv": "1"})}, swap("okx")) as (venue, _):
            with pytest.raises(SetupFault, match="account mode"):
                await venue.prepare_account()

    run(story())


def test_leverage_is_set_where_it_differs_and_read_back() -> None:
    good, bad = told({"lever": "3.0", "mgnMode": "isolated"}), told({"lever": "5", "mgnMode": "isolated"})

    async def story() -> None:
        async with okx({SET_LEVERAGE: told({}), LEVERAGE: [bad, good, bad]}, swap("okx")) as (venue, canned):
            await venue.prepare(SWAP)
            body = canned.one(SET_LEVERAGE).body
            assert body == {"lever": 3, "mgnMode": "isolated", "instId": "BTC-USDT-SWAP", "posSide": "net"}
            assert canned.calls(LEVERAGE)[0].query == {"instId": "BTC-USDT-SWAP", "mgnMode": "isolated"}
            with pytest.raises(SetupFault, match="leverage"):
                await venue.prepare(SWAP)

    run(story())


def test_the_testnet_is_a_header() -> None:
    async def story() -> None:
        async with okx({CONFIG: told({"perm": "trade"})}, account("okx", testnet=True)) as (venue, canned):
            await venue.permissions()
            assert canned.one(CONFIG).headers["x-simulated-trading"] == "1"

    run(story())


def test_requests_are_stamped_with_the_venues_time() -> None:
    async def story() -> None:
        async with okx({"GET /api/v5/account/balance": told({"details": [], "uTime": str(NOW)})}) as (venue, canned):
            venue.correct_clock(7_000)
            await venue.balances()
            asked = canned.asked[-1]
            assert asked.headers["OK-ACCESS-TIMESTAMP"] == venue.client.iso8601(NOW + 8_000)

    run(story())


@pytest.mark.rule("PNL-1")
def test_funding_payments_are_read_to_the_last_page() -> None:
    bills = "GET /api/v5/account/bills-archive"

    def bill(number: int, change: str = "-0.5") -> dict[str, str]:
        kept = {"billId": str(number), "instId": "BTC-USDT-SWAP", "instType": "SWAP", "ccy": "USDT", "type": "8"}
        return {**kept, "ts": str(NOW + number), "balChg": change, "posBalChg": "0"}

    async def story() -> None:
        pages = [told(*(bill(1_000 - number) for number in range(100))), told(bill(5, "0.25"))]
        async with okx({bills: pages}, swap("okx")) as (venue, canned):
            rows = await venue.funding(NOW)
            assert len(rows) == 101
            assert {(row["symbol"], D(row["amount"])) for row in rows} == {(SWAP, D("-0.5")), (SWAP, D("0.25"))}
            first, second = (asked.query for asked in canned.calls(bills))
            assert first == {"type": "8", "begin": str(NOW), "limit": "100"}
            assert second["after"] == "901"

    run(story())


# --- streams --------------------------------------------------------------------------------------


def streamed(frames: list[dict[str, Any]]) -> Any:
    """Logs in, acknowledges, and sends the frames once the orders are subscribed to."""

    async def answer(said: dict[str, Any], socket: web.WebSocketResponse) -> None:
        if said["op"] == "login":
            await socket.send_json({"event": "login", "code": "0", "msg": "", "connId": "a4d3ae55"})
            return
        await socket.send_json({"event": "subscribe", "arg": said["args"][0], "connId": "a4d3ae55"})
        for frame in frames:
            await socket.send_json(frame)

    return answer


def orders_frame(**changes: Any) -> dict[str, Any]:
    fill = {
        "state": "partially_filled",
        "accFillSz": "0.001",
        "fillSz": "0.001",
        "fillPx": "50000.5",
        "tradeId": "123",
        "fillTime": str(NOW + 5),
        "fillFee": "-0.0000008",
        "fillFeeCcy": "BTC",
        "execType": "M",
        "fee": "-0.0000008",
    }
    return {"arg": {"channel": "orders", "instType": "SPOT"}, "data": [raw_order(**{**fill, **changes})]}


def test_streamed_orders_are_read() -> None:
    async def story() -> None:
        async with okx({}) as (venue, canned):
            canned.sockets["/ws/v5/private"] = streamed([orders_frame()])
            (row,) = await venue.watch_orders()
            view = convert.order_view(row, venue.client_order_id(row))
            assert (view.client_order_id, view.state, view.filled) == (CID, OrderState.PARTIALLY_FILLED, D("0.001"))
            login, subscribe = canned.spoken
            assert (login["args"][0]["apiKey"], login["args"][0]["passphrase"]) == ("key", "phrase")
            assert subscribe["args"] == [{"channel": "orders", "instType": "SPOT"}]
            assert all(venue.is_user_stream(url) for url in venue.client.clients)

    run(story())


@pytest.mark.parametrize(("told_fee", "fee"), [("-0.0000008", D("0.0000008")), ("0.0000002", D("-0.0000002"))])
def test_a_streamed_fee_has_the_sign_of_a_requested_one(told_fee: str, fee: Decimal) -> None:
    async def story() -> None:
        async with okx({}) as (venue, canned):
            canned.sockets["/ws/v5/private"] = streamed([orders_frame(fillFee=told_fee)])
            (row,) = await venue.watch_trades()
            view = convert.trade_view(row, venue.client_order_id(row), instrument(), lambda *_: None)
            assert view is not None
            assert view.client_order_id == CID
            assert (view.trade.trade_id, view.trade.quantity, view.trade.price) == ("123", D("0.001"), D("50000.5"))
            assert (view.trade.fee, view.trade.fee_asset, view.trade.maker) == (fee, "BTC", True)

    run(story())


def test_a_streamed_execution_without_its_fee_is_left_to_be_asked_for() -> None:
    async def story() -> None:
        async with okx({}) as (venue, canned):
            canned.sockets["/ws/v5/private"] = streamed([orders_frame(fillFee="", fillFeeCcy="")])
            assert await venue.watch_trades() == []

    run(story())


def test_a_change_of_balances_is_noticed() -> None:
    detail = {"ccy": "USDT", "eq": "9", "availEq": "7", "cashBal": "9", "frozenBal": "2", "uTime": str(NOW)}
    frame = {"arg": {"channel": "account"}, "data": [{"uTime": str(NOW), "details": [detail]}]}

    async def story() -> None:
        async with okx({}) as (venue, canned):
            canned.sockets["/ws/v5/private"] = streamed([frame])
            held = convert.balances(await venue.watch_balances())["USDT"]
            assert (held.free, held.locked) == (D(7), D(2))

    run(story())


def test_best_prices_come_from_the_stream_and_by_request() -> None:
    book = {"asks": [["50001", "1", "0", "1"]], "bids": [["50000", "2", "0", "1"]], "ts": str(NOW), "seqId": 1}
    ticker = {
        "instType": "SPOT",
        "instId": "BTC-USDT",
        "last": "50000.1",
        "askPx": "50001",
        "bidPx": "50000",
        "ts": str(NOW),
    }

    async def story() -> None:
        async with okx({"GET /api/v5/market/tickers": told(ticker)}) as (venue, canned):
            frame = {"arg": {"channel": "bbo-tbt", "instId": "BTC-USDT"}, "data": [book]}
            canned.sockets["/ws/v5/public"] = streamed([frame])
            for quotes in (await venue.watch_prices([SPOT]), await venue.fetch_prices([SPOT])):
                quote = convert.quotes(quotes, NOW)[SPOT]
                assert (quote.bid, quote.ask) == (D(50000), D(50001))

    run(story())


def test_every_kind_of_request_has_a_cost_in_windows_that_exist() -> None:
    rules = Okx(account("okx"), *_no_keys()).rules()
    windows = {window.name for window in rules.windows}
    assert set(rules.costs) == set(Ask)
    assert {name for cost in rules.costs.values() for name in cost} <= windows


def _no_keys() -> tuple[Any, None]:
    from daemon.exchanges.venues.venue import Credentials

    return Credentials(), None
