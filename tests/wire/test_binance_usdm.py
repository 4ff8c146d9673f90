"""Unmodified ccxt against the simulated USDⓈ-M venue: what Terrace's adapter rests on, seen from the client's side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.wire.core.server import Call, Simulator
from tests.wire.core.tls import client_session
from tests.wire.run import Running

T = TypeVar("T")
Client = Any
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
HTTP, TLS = "http", "tls"
both_ways = pytest.mark.parametrize("way", [HTTP, TLS])
RECORDED = Path(__file__).parents[3] / "shared" / "data" / "exchange"
EXCHANGE_INFO = RECORDED / "binance-usdm-exchangeInfo.json.gz"
MESSAGES = RECORDED / "messages" / "binance"
SHORT_S = 0.3
"""Long enough for a frame that is on its way, and for one that never comes."""


@pytest.fixture
def venue() -> Iterator[Running]:
    with Running("binanceusdm") as running:
        yield running
        assert not running.admin.status()["unlisted"]


def make_client(venue: Running, way: str = HTTP, **options: Any) -> Client:
    """As the wire guide wants it built. Over TLS neither addresses nor error tables are touched."""
    import ccxt.pro

    config: dict[str, Any] = {
        "apiKey": venue.endpoints.api_key,
        "secret": venue.endpoints.api_secret,
        "timeout": 15_000,
        "enableRateLimit": False,
        "timeout_on_exit": 0,  # Milliseconds that `close` sleeps for otherwise.
        "options": {
            "fetchMargins": False,
            "recvWindow": 5_000,
            "warnOnFetchOpenOrdersWithoutSymbol": False,
            **options,
        },
    }
    if way == TLS:
        config["session"] = client_session(venue.endpoints.tls_port)
    client = ccxt.pro.binanceusdm(config)
    client.number = str
    client.has["fetchCurrencies"] = False
    if way == HTTP:
        for kind in ("exact", "broad"):
            own = client.exceptions["linear"].get(kind, {})
            client.exceptions[kind] = client.deep_extend(client.exceptions[kind], own)
        venue.redirect(client)
    return client


def run(venue: Running, do: Callable[[Client], Awaitable[T]], way: str = HTTP, **options: Any) -> T:
    async def work() -> T:
        client = make_client(venue, way, **options)
        session = client.session if way == TLS else None
        try:
            await client.load_markets()
            return await do(client)
        finally:
            await client.close()
            if session is not None:
                await session.close()

    return asyncio.run(work())


def limit(client: Client, side: str, amount: str, price: str, cid: str, symbol: str = BTC, **params: Any) -> Any:
    return client.create_order(symbol, "limit", side, amount, price, {"clientOrderId": cid, **params})


def market(client: Client, side: str, amount: str, cid: str, symbol: str = BTC, **params: Any) -> Any:
    return client.create_order(symbol, "market", side, amount, None, {"clientOrderId": cid, **params})


# --- orders ---------------------------------------------------------------------------------------------


@both_ways
def test_an_order_is_placed_changed_found_by_its_client_id_and_cancelled(venue: Running, way: str) -> None:
    async def do(client: Client) -> None:
        placed = await limit(client, "buy", "0.01", "49000", "life1")
        assert (placed["clientOrderId"], placed["status"], placed["amount"]) == ("life1", "open", "0.01")
        changed = await client.edit_order(placed["id"], BTC, "limit", "buy", "0.02", "48000.5")
        assert changed["id"] == placed["id"]
        assert changed["clientOrderId"] == "life1"
        found = await client.fetch_order("", BTC, {"clientOrderId": "life1"})
        assert (found["id"], found["price"], found["amount"]) == (placed["id"], "48000.5", "0.02")
        assert [each["id"] for each in await client.fetch_open_orders()] == [placed["id"]]
        assert [each["id"] for each in await client.fetch_open_orders(BTC)] == [placed["id"]]
        gone = await client.cancel_order("", BTC, {"clientOrderId": "life1"})
        assert gone["status"] == "canceled"
        found = await client.fetch_order(placed["id"], BTC)
        assert found["status"] == "canceled"
        assert await client.fetch_open_orders() == []
        assert [each["status"] for each in await client.fetch_orders(BTC)] == ["canceled"]

    run(venue, do, way)


@both_ways
def test_a_market_order_fills_and_shows_as_trade_position_and_balance(venue: Running, way: str) -> None:
    async def do(client: Client) -> None:
        order = await market(client, "buy", "0.1", "open1")
        assert (order["status"], order["filled"], order["average"]) == ("closed", "0.1", "50000")
        (trade,) = await client.fetch_my_trades(BTC)
        assert (trade["order"], trade["amount"], trade["price"]) == (order["id"], "0.1", "50000")
        assert (trade["fee"]["cost"], trade["fee"]["currency"], trade["takerOrMaker"]) == ("2.5", "USDT", "taker")
        (position,) = await client.fetch_positions()
        assert (position["symbol"], position["side"], position["contracts"]) == (BTC, "long", "0.1")
        assert (position["entryPrice"], position["hedged"]) == ("50000", False)
        balance = (await client.fetch_balance())["USDT"]
        assert Decimal(balance["total"]) == Decimal("99997.5")
        assert Decimal(balance["free"]) == Decimal("99997.5") - Decimal(5000) / 20
        await market(client, "sell", "0.1", "close1", reduceOnly=True)
        assert await client.fetch_positions() == []

    run(venue, do, way)


def test_a_partial_fill_is_kept_when_the_order_is_changed_and_cancelled(venue: Running) -> None:
    async def do(client: Client) -> None:
        placed = await limit(client, "sell", "0.03", "51000", "part1")
        await asyncio.to_thread(venue.admin.fill, "part1", "0.01")
        changed = await client.edit_order(placed["id"], BTC, "limit", "sell", "0.02", "51000.1")
        assert (changed["status"], changed["filled"], changed["remaining"]) == ("open", "0.01", "0.01")
        gone = await client.cancel_order(placed["id"], BTC)
        assert (gone["status"], gone["filled"], gone["average"]) == ("canceled", "0.01", "51000")

    run(venue, do)
    assert [trade["quantity"] for trade in venue.admin.ledger()["trades"]] == ["0.01"]


def test_a_change_to_what_has_filled_already_cancels_the_order(venue: Running) -> None:
    async def do(client: Client) -> None:
        placed = await limit(client, "sell", "0.03", "51000", "part2")
        await asyncio.to_thread(venue.admin.fill, "part2", "0.02")
        changed = await client.edit_order(placed["id"], BTC, "limit", "sell", "0.01", "51000")
        assert (changed["status"], changed["filled"]) == ("canceled", "0.02")

    run(venue, do)


def test_changing_by_client_id_alone_is_refused_because_ccxt_sends_an_empty_order_id(venue: Running) -> None:
    import ccxt

    async def do(client: Client) -> None:
        await limit(client, "buy", "0.01", "49000", "byid")
        for unusable in ("", None):
            with pytest.raises(ccxt.BadRequest):
                await client.edit_order(unusable, BTC, "limit", "buy", "0.02", "48000", {"clientOrderId": "byid"})
        assert (await client.fetch_order("", BTC, {"clientOrderId": "byid"}))["amount"] == "0.01"

    run(venue, do)


def test_cancelling_all_and_cancelling_a_list_take_the_orders_away(venue: Running) -> None:
    async def do(client: Client) -> None:
        ids = [(await limit(client, "buy", "0.01", "49000", f"all{n}"))["id"] for n in range(4)]
        gone = await client.cancel_orders(ids[:2], BTC)
        assert [each["status"] for each in gone] == ["canceled", "canceled"]
        by_client = await client.cancel_orders([], BTC, {"clientOrderIds": ["all2", "never"]})
        assert [each["clientOrderId"] for each in by_client if each["status"] == "canceled"] == ["all2"]
        await client.cancel_all_orders(BTC)
        assert await client.fetch_open_orders(BTC) == []

    run(venue, do)


def test_a_batch_answers_item_by_item_in_the_order_sent(venue: Running) -> None:
    async def do(client: Client) -> None:
        def item(cid: str, price: str) -> dict[str, str]:
            return {
                "symbol": "BTCUSDT",
                "side": "BUY",
                "type": "LIMIT",
                "timeInForce": "GTC",
                "quantity": "0.01",
                "price": price,
                "newClientOrderId": cid,
            }

        answers = await client.fapiPrivatePostBatchOrders(
            {"batchOrders": [item("b1", "49000"), item("b2", "49000.05"), item("b3", "48000")]}
        )
        assert [each.get("clientOrderId") for each in answers] == ["b1", None, "b3"]
        assert answers[1]["code"] in (-4014, "-4014")
        assert len(await client.fetch_open_orders(BTC)) == 2

    run(venue, do)


def test_reduce_only_never_turns_a_position_round(venue: Running) -> None:
    async def do(client: Client) -> None:
        await market(client, "buy", "0.01", "ro1")
        order = await market(client, "sell", "0.03", "ro2", reduceOnly=True)
        assert (order["filled"], order["status"], order["reduceOnly"]) == ("0.01", "expired", True)
        assert await client.fetch_positions() == []

    run(venue, do)


def test_a_resting_reduce_only_order_ends_with_its_position(venue: Running) -> None:
    async def do(client: Client) -> None:
        await market(client, "buy", "0.01", "rest1")
        await limit(client, "sell", "0.01", "52000", "rest2", reduceOnly=True)
        await market(client, "sell", "0.01", "rest3", reduceOnly=True)
        assert (await client.fetch_order("", BTC, {"clientOrderId": "rest2"}))["status"] == "expired"

    run(venue, do)


def test_a_client_id_is_free_again_once_its_order_is_finished(venue: Running) -> None:
    async def do(client: Client) -> None:
        first = await market(client, "buy", "0.01", "again")
        second = await market(client, "buy", "0.01", "again")
        assert first["id"] != second["id"]
        assert (await client.fetch_order("", BTC, {"clientOrderId": "again"}))["id"] == second["id"]

    run(venue, do)
    assert len(venue.admin.ledger()["trades"]) == 2, "a resend under the same id fills twice"


# --- conditional orders ---------------------------------------------------------------------------------


@both_ways
def test_a_stop_goes_to_the_algo_path_and_fires_under_its_client_id(venue: Running, way: str) -> None:
    async def do(client: Client) -> None:
        await market(client, "buy", "0.01", "hold")
        stop = await market(client, "sell", "0.01", "stop1", triggerPrice="48000", reduceOnly=True)
        assert (stop["clientOrderId"], stop["status"], stop["triggerPrice"]) == ("stop1", "open", "48000")
        assert [each["id"] for each in await client.fetch_open_orders(BTC, params={"trigger": True})] == [stop["id"]]
        assert await client.fetch_open_orders(BTC) == []
        await asyncio.to_thread(venue.admin.price, "BTCUSDT", "47900")
        fired = await client.fetch_order("", BTC, {"clientOrderId": "stop1", "trigger": True})
        assert fired["status"] == "closed"
        order = await client.fetch_order(fired["info"]["actualOrderId"], BTC)
        assert (order["clientOrderId"], order["status"], order["average"]) == ("stop1", "closed", "47900")
        assert await client.fetch_positions() == []

    run(venue, do, way)
    assert {entry["path"] for entry in venue.admin.requests(path="/fapi/v1/algoOrder")}


def test_a_stop_is_cancelled_by_its_client_id(venue: Running) -> None:
    import ccxt

    async def do(client: Client) -> None:
        await market(client, "buy", "0.01", "hold")
        await market(client, "sell", "0.01", "stop2", triggerPrice="48000", reduceOnly=True)
        await client.cancel_order("", BTC, {"clientOrderId": "stop2", "trigger": True})
        found = await client.fetch_order("", BTC, {"clientOrderId": "stop2", "trigger": True})
        assert found["status"] == "canceled"
        with pytest.raises(ccxt.OrderNotFound):
            await client.cancel_order("", BTC, {"clientOrderId": "stop2", "trigger": True})

    run(venue, do)


def test_a_closing_stop_takes_the_whole_position_and_a_reduce_only_one_without_position_is_rejected(
    venue: Running,
) -> None:
    async def do(client: Client) -> None:
        await market(client, "buy", "0.03", "hold")
        await market(client, "sell", "0.03", "whole", triggerPrice="48000", closePosition=True)
        await market(client, "sell", "0.01", "late", triggerPrice="47000", reduceOnly=True)
        await asyncio.to_thread(venue.admin.price, "BTCUSDT", "47500")
        assert await client.fetch_positions() == []
        await asyncio.to_thread(venue.admin.price, "BTCUSDT", "46000")
        found = await client.fetch_order("", BTC, {"clientOrderId": "late", "trigger": True})
        assert found["status"] == "rejected"
        assert await client.fetch_positions() == []

    run(venue, do)


# --- modes, leverage, margin ----------------------------------------------------------------------------


@both_ways
def test_position_mode_leverage_and_margin_mode_are_set_and_read_back(venue: Running, way: str) -> None:
    async def do(client: Client) -> None:
        assert not (await client.fetch_position_mode(BTC))["hedged"]
        await client.set_position_mode(True)
        assert (await client.fetch_position_mode(BTC))["hedged"]
        assert (await client.set_leverage(7, BTC))["leverage"] in (7, "7")
        await client.set_margin_mode("isolated", BTC)
        leverage = await client.fetch_leverage(BTC)
        assert (leverage["longLeverage"], leverage["shortLeverage"], leverage["marginMode"]) == (7, 7, "isolated")
        other = await client.fetch_leverage(ETH)
        assert (other["longLeverage"], other["marginMode"]) == (20, "cross")
        await _check_refusal(client, -4046, "MarginModeAlreadySet", lambda c: c.set_margin_mode("isolated", BTC))
        await market(client, "buy", "0.07", "lev", hedged=True)
        held = await client.fetch_balance()
        assert Decimal(held["USDT"]["used"]) == Decimal(500)
        await client.set_leverage(14, BTC)
        held = await client.fetch_balance()
        assert Decimal(held["USDT"]["used"]) == Decimal(250)

    run(venue, do, way)


def test_a_new_leverage_moves_the_margin_of_what_is_open_as_far_as_money_reaches(venue: Running) -> None:
    async def do(client: Client) -> None:
        await limit(client, "buy", "20", "49000", "resting")
        await market(client, "buy", "10", "held")
        before = await client.fetch_balance()
        await _check_refusal(client, -2028, "OperationRejected", lambda c: c.set_leverage(5, BTC))
        assert (await client.fetch_balance())["USDT"] == before["USDT"]
        await client.set_leverage(40, BTC)
        after = await client.fetch_balance()
        fees = Decimal("0.0005") * 20 * 49000
        half = (Decimal(before["USDT"]["used"]) - fees) / 2
        assert Decimal(after["USDT"]["used"]) == half + fees
        await client.cancel_all_orders(BTC)
        await market(client, "sell", "10", "done", reduceOnly=True)
        assert (await client.fetch_balance())["USDT"]["used"] == "0"

    run(venue, do)


def test_an_order_larger_than_the_opposite_position_turns_it_round(venue: Running) -> None:
    async def do(client: Client) -> None:
        positions = Reader(client.watch_positions)
        await connected(venue)
        await market(client, "buy", "0.01", "long")
        await positions.until(1)
        await market(client, "sell", "0.03", "turn")
        row = (await positions.until(2))[1]
        assert (row["side"], row["contracts"], row["info"]["ps"]) == ("short", "0.02", "BOTH")
        await positions.stop()

    run(venue, do, HTTP, **QUIET)


@both_ways
def test_hedged_positions_live_side_by_side(venue: Running, way: str) -> None:
    async def do(client: Client) -> None:
        await client.set_position_mode(True)
        await market(client, "buy", "0.02", "long1", hedged=True)
        await market(client, "sell", "0.01", "short1", hedged=True)
        held = {each["side"]: each["contracts"] for each in await client.fetch_positions()}
        assert held == {"long": "0.02", "short": "0.01"}
        closing = await market(client, "sell", "0.02", "long2", hedged=True, reduceOnly=True)
        assert closing["info"]["positionSide"] == "LONG"
        held = {each["side"]: each["contracts"] for each in await client.fetch_positions()}
        assert held == {"short": "0.01"}
        (row,) = await client.fetch_my_trades(BTC, params={"orderId": closing["id"]})
        assert row["info"]["positionSide"] == "LONG"

    run(venue, do, way)


def test_a_liquidation_an_auto_deleveraging_and_funding_come_from_the_venue_itself(venue: Running) -> None:
    async def do(client: Client) -> None:
        await market(client, "buy", "0.03", "doomed")
        paid = await asyncio.to_thread(venue.admin.post, "funding", symbol="BTCUSDT", rate="0.0001")
        assert paid["amounts"] == ["-0.15"]
        (fee,) = await client.fetch_funding_history(BTC)
        assert (fee["amount"], fee["code"], fee["symbol"]) == ("-0.15", "USDT", BTC)
        await asyncio.to_thread(venue.admin.post, "adl", symbol="BTCUSDT", quantity="0.01")
        assert (await client.fetch_positions())[0]["contracts"] == "0.02"
        await asyncio.to_thread(venue.admin.post, "liquidate", symbol="BTCUSDT")
        assert await client.fetch_positions() == []
        names = [each["clientOrderId"] for each in await client.fetch_orders(BTC)]
        assert names[1] == "adl_autoclose"
        assert names[2].startswith("autoclose-")

    run(venue, do)


@both_ways
def test_everything_else_that_may_be_asked_is_answered_as_ccxt_reads_it(venue: Running, way: str) -> None:
    async def do(client: Client) -> None:
        assert abs(await client.fetch_time() - client.milliseconds()) < 5_000
        fee = await client.fetch_trading_fee(BTC)
        assert (fee["maker"], fee["taker"]) == ("0.0002", "0.0005")
        await client.create_orders(
            [
                {"symbol": BTC, "type": "limit", "side": "buy", "amount": "0.01", "price": "49000"},
                {"symbol": ETH, "type": "limit", "side": "sell", "amount": "0.1", "price": "3100"},
            ]
        )
        assert {each["symbol"] for each in await client.fetch_open_orders()} == {BTC, ETH}
        await market(client, "sell", "0.01", "short")
        (old,) = await client.fapiPrivateV2GetPositionRisk({"symbol": "BTCUSDT"})
        assert (old["positionAmt"], old["leverage"], old["marginType"]) == ("-0.01", "20", "cross")
        entries = await client.fetch_ledger("USDT")
        assert {each["info"]["incomeType"] for each in entries} == {"COMMISSION"}
        assert (await client.fetch_leverage_tiers([BTC]))[BTC][0]["maxLeverage"] == "125"
        assert (await client.fetch_order_book(BTC))["bids"] == [[50000.0, 10.0]]
        assert (await client.fetch_last_prices([ETH]))[ETH]["price"] == "3000"
        assert (await client.fapiPrivateV3GetBalance())[0]["asset"] == "USDT"
        assert (await client.fapiPrivateGetAccountConfig())["canTrade"] is True
        assert (await client.fapiPrivateGetMultiAssetsMargin())["multiAssetsMargin"] is False
        if way == HTTP:
            await asyncio.to_thread(venue.admin.post, "permissions", withdraw=True)
            assert (await client.sapiGetAccountApiRestrictions())["enableWithdrawals"] is True

    run(venue, do, way)


def test_a_position_too_far_under_water_is_liquidated_by_the_price_itself(venue: Running) -> None:
    async def do(client: Client) -> None:
        await client.set_position_mode(True)
        await market(client, "buy", "0.1", "deep", hedged=True)
        await asyncio.to_thread(venue.admin.price, "BTCUSDT", "47000")
        assert await client.fetch_positions() == []
        last = (await client.fetch_my_trades(BTC))[-1]
        assert (last["info"]["positionSide"], last["info"]["realizedPnl"], last["side"]) == ("LONG", "-250", "sell")
        assert (await client.fetch_balance())["USDT"]["total"] == "99747.5"

    run(venue, do)


def test_a_key_without_permission_to_trade_may_look_but_not_order(venue: Running) -> None:
    async def do(client: Client) -> None:
        await asyncio.to_thread(venue.admin.post, "permissions", trade=False)
        await client.fetch_balance()
        await _check_refusal(client, -2015, "AuthenticationError", lambda c: market(c, "buy", "0.01", "not"))

    run(venue, do)


# --- recorded data --------------------------------------------------------------------------------------


@pytest.mark.skipif(not EXCHANGE_INFO.exists(), reason="no recorded exchangeInfo")
def test_a_recorded_instrument_list_is_served_by_a_process_of_its_own() -> None:
    async def do(client: Client) -> None:
        precision = client.market(BTC)["precision"]
        assert (precision["amount"], precision["price"]) == ("0.001", "0.01")
        assert len([each for each in client.markets.values() if each["swap"]]) > 100
        order = await limit(client, "buy", "0.01", "30000.01", "recorded")
        assert order["status"] == "open"

    with Running("binanceusdm", instruments=EXCHANGE_INFO, process=True) as venue:
        venue.admin.price("BTCUSDT", "31000")
        run(venue, do)


def recorded(name: str) -> Any:
    return json.loads((MESSAGES / name).read_text())


def assert_like(ours: Any, model: Any, *, without: str = "") -> None:
    """Every field of the recorded message is in ours, with the same kind of value."""
    if isinstance(model, list):
        assert ours
        ours, model = ours[0], model[0]
    for name, value in model.items():
        if name not in without.split():
            assert name in ours, name
            assert type(ours[name]) is type(value), (name, ours[name], value)


@pytest.mark.skipif(not MESSAGES.exists(), reason="no recorded messages")
def test_replies_and_events_have_the_fields_of_recorded_ones(venue: Running) -> None:
    def raw(path: str) -> Any:
        """As it goes over the wire, before ccxt has read it."""

        def answer(simulator: Simulator) -> Any:
            where, _, query = path.partition("?")
            call = Call(method="GET", path=where, raw_query=query, body=b"", headers={}, now_ms=simulator.clock())
            return json.loads(simulator._routes["GET", where].handler(call).encoded())

        return venue.call(answer)

    async def do(client: Client) -> None:
        orders = Reader(client.watch_orders)

        async def balance() -> list[Any]:
            return [await client.watch_balance()]

        balances = Reader(balance)
        await connected(venue)
        await market(client, "buy", "0.01", "filled")
        await market(client, "sell", "0.01", "stop", triggerPrice="49000", reduceOnly=True)
        while not ({"TRADE"} <= {each["info"].get("x") for each in orders.seen} and orders.seen[-1]["info"].get("aid")):
            await orders.until(len(orders.seen) + 1)
        await balances.until(1)
        futures, replies = "crates/futures/", "pytests/http_responses/http_futures_"
        btc = "symbol=BTCUSDT"
        assert_like(
            raw(f"/fapi/v1/order?{btc}&origClientOrderId=filled"), recorded(f"{futures}http_json/order_response.json")
        )
        assert_like(raw(f"/fapi/v1/userTrades?{btc}"), recorded(f"{replies}account_trades.json"))
        assert_like(raw(f"/fapi/v2/positionRisk?{btc}"), recorded(f"{futures}http_json/position_risk.json"))
        assert_like(raw("/fapi/v3/balance"), recorded(f"{futures}http_json/balance.json"))
        model = recorded(f"{futures}http_json/account_info_v2.json")
        assert_like(raw("/fapi/v3/account")["assets"], model["assets"])
        assert_like(raw(f"/fapi/v1/symbolConfig?{btc}"), recorded(f"{replies}account_symbol_config.json"))
        assert_like(raw(f"/fapi/v1/premiumIndex?{btc}"), recorded(f"{replies}market_premium_index.json"))
        assert_like(raw(f"/fapi/v1/ticker/24hr?{btc}"), recorded(f"{replies}market_ticker_24hr.json"))
        assert_like(raw(f"/fapi/v1/ticker/bookTicker?{btc}"), recorded(f"{replies}market_book_ticker.json"))
        events = f"{futures}user_data_json/"
        traded = next(each["info"] for each in orders.seen if each["info"].get("x") == "TRADE")
        assert_like(traded, recorded(f"{events}order_update_trade.json")["o"], without="AP cr")
        stop = next(each["info"] for each in orders.seen if "aid" in each["info"])
        assert_like(stop, recorded(f"{events}algo_update_new.json")["o"], without="ap aq act rm")
        update = balances.seen[0]["info"]["a"]
        model = recorded(f"{events}account_update.json")["a"]
        assert_like(update["B"], model["B"])
        assert_like(update["P"], model["P"])
        await orders.stop()
        await balances.stop()

    run(venue, do, HTTP, **QUIET)


# --- errors ---------------------------------------------------------------------------------------------

Act = Callable[[Client], Awaitable[Any]]


async def _twice(client: Client) -> None:
    await limit(client, "buy", "0.01", "49000", "twin")
    await limit(client, "buy", "0.01", "49000", "twin")


async def _hedge_without_side(client: Client) -> None:
    await client.set_position_mode(True)
    await market(client, "buy", "0.01", "sideless")


async def _mode_with_order(client: Client) -> None:
    await limit(client, "buy", "0.01", "49000", "resting")
    await client.set_position_mode(True)


async def _unchanged_order(client: Client) -> None:
    order = await limit(client, "buy", "0.01", "49000", "same")
    await client.edit_order(order["id"], BTC, "limit", "buy", "0.01", "49000")


async def _fill_or_kill(client: Client) -> None:
    await limit(client, "buy", "0.01", "49000", "fok", timeInForce="FOK")


def _raw(**fields: str) -> Act:
    """An order as ccxt's own rounding would not let through."""
    usual = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    sent = {name: value for name, value in {**usual, "price": "49000", **fields}.items() if value}
    return lambda client: client.fapiPrivatePostOrder(sent)


REFUSALS: list[tuple[int, str, Act]] = [
    (-2019, "InsufficientFunds", lambda client: limit(client, "buy", "100", "49000", "poor")),
    (-4164, "InvalidOrder", lambda client: limit(client, "buy", "1", "0.5", "small", "XRP/USDT:USDT")),
    (-2022, "InvalidOrder", lambda client: market(client, "sell", "0.01", "flat", reduceOnly=True)),
    (-1111, "BadRequest", _raw(quantity="0.0101")),
    (-1111, "BadRequest", _raw(price="49000.123")),
    (-4014, "BadRequest", _raw(price="49000.05")),
    (-4003, "BadRequest", _raw(quantity="0")),
    (-4023, "BadRequest", _raw(symbol="BNBUSDT", quantity="1.005", price="500")),
    (-4005, "BadRequest", _raw(quantity="1001")),
    (-4016, "BadRequest", _raw(price="60000")),
    (-2011, "OrderNotFound", lambda client: client.cancel_order("", BTC, {"clientOrderId": "never"})),
    (-2013, "OrderNotFound", lambda client: client.fetch_order("", BTC, {"clientOrderId": "never"})),
    (-2013, "OrderNotFound", lambda client: client.edit_order("5", BTC, "limit", "buy", "0.01", "49000")),
    (-4116, "InvalidOrder", _twice),
    (-5022, "OrderNotFillable", lambda client: limit(client, "buy", "0.01", "50001", "maker", postOnly=True)),
    (-5021, "OrderNotFillable", _fill_or_kill),
    (-2021, "OrderImmediatelyFillable", lambda client: market(client, "sell", "0.01", "st", triggerPrice="51000")),
    (-4015, "BadRequest", lambda client: limit(client, "buy", "0.01", "49000", "no blanks")),
    (-4061, "OperationRejected", _hedge_without_side),
    (-4061, "OperationRejected", lambda client: market(client, "buy", "0.01", "oneway", hedged=True)),
    (-4059, "OperationRejected", lambda client: client.set_position_mode(False)),
    (-4067, "OperationRejected", _mode_with_order),
    (-4028, "BadRequest", lambda client: client.fapiPrivatePostLeverage({"symbol": "BTCUSDT", "leverage": "126"})),
    (-5027, "OperationRejected", _unchanged_order),
    (-4120, "InvalidOrder", _raw(type="STOP_MARKET", stopPrice="48000")),
    (-1104, "BadRequest", _raw(orderLinkId="bybit")),
    (-1105, "BadRequest", lambda client: client.fetch_order("", BTC)),
    (-1121, "BadSymbol", _raw(symbol="NOSUCH")),
    (-1102, "BadRequest", _raw(price="")),
]


async def _check_refusal(client: Client, code: int, name: str, act: Act) -> None:
    import ccxt

    with pytest.raises(ccxt.BaseError) as caught:
        await act(client)
    assert type(caught.value).__name__ == name, (code, caught.value)
    assert f'"code":{code},' in str(caught.value), (name, caught.value)


@both_ways
def test_a_refusal_has_the_venues_code_and_the_class_ccxt_gives_it(venue: Running, way: str) -> None:
    """Over TLS ccxt chooses its error tables by the real address: nothing is merged by hand there."""

    async def do(client: Client) -> None:
        for code, name, act in REFUSALS:
            await _check_refusal(client, code, name, act)
            await client.cancel_all_orders(BTC)
            if (await client.fetch_position_mode(BTC))["hedged"]:
                await client.set_position_mode(False)

    run(venue, do, way)


FAULTS = [
    ("reply:-1008", "OperationFailed"),
    ("reply:-1006", "OperationFailed"),
    ("reply:-1007", "RequestTimeout"),
    ("reply:-1021", "InvalidNonce"),
    ("reply:-2015", "AuthenticationError"),
    ("reply:-1015", "DDoSProtection"),
    ("rate_limit:1", "DDoSProtection"),
    ("html_403", "ExchangeNotAvailable"),
    ("5xx_before_accept", "ExchangeNotAvailable"),
    ("drop_before_accept", "ExchangeNotAvailable"),
    ("accept_then_drop", "ExchangeNotAvailable"),
    ("accept_then_truncated", "ExchangeError"),
]


@both_ways
def test_faults_of_the_wire_look_as_the_guide_says(venue: Running, way: str) -> None:
    async def do(client: Client) -> None:
        import ccxt

        for number, (kind, name) in enumerate(FAULTS):
            await asyncio.to_thread(venue.admin.fault, kind, path="/fapi/v1/order", client_order_id=f"f{number}")
            with pytest.raises(ccxt.BaseError) as caught:
                await limit(client, "buy", "0.01", "49000", f"f{number}")
            assert type(caught.value).__name__ == name, kind

    run(venue, do, way)
    accepted = [order["client_order_id"] for order in venue.admin.ledger()["orders"]]
    assert accepted == [f"f{number}" for number, (kind, _) in enumerate(FAULTS) if kind.startswith("accept_then")]


def test_a_wrong_clock_key_or_signature_is_refused(venue: Running) -> None:
    import ccxt

    async def do(client: Client) -> None:
        await asyncio.to_thread(venue.admin.clock, 6_000)
        await _check_refusal(client, -1021, "InvalidNonce", lambda c: c.fetch_balance())
        await asyncio.to_thread(venue.admin.clock, -2_000)
        await _check_refusal(client, -1021, "InvalidNonce", lambda c: c.fetch_balance())
        await asyncio.to_thread(venue.admin.clock, 0)
        client.secret = "wrong"
        await _check_refusal(client, -1022, "AuthenticationError", lambda c: c.fetch_balance())
        client.apiKey = "x" * 64
        await _check_refusal(client, -2015, "AuthenticationError", lambda c: c.fetch_balance())
        client.apiKey = "short"
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()

    run(venue, do)


def test_used_up_limits_answer_429_then_418_and_say_how_long(venue: Running) -> None:
    import ccxt

    async def do(client: Client) -> None:
        await client.fetch_balance()
        headers = {name.lower(): value for name, value in client.last_response_headers.items()}
        assert int(headers["x-mbx-used-weight-1m"]) >= 5
        await limit(client, "buy", "0.01", "49000", "counted")
        headers = {name.lower(): value for name, value in client.last_response_headers.items()}
        assert (headers["x-mbx-order-count-10s"], headers["x-mbx-order-count-1m"]) == ("1", "1")
        limits = {"ORDERS_10S": 1, "ORDERS_1M": 1, "ban_after": 1}
        await asyncio.to_thread(lambda: venue.admin.limits(**limits))
        with pytest.raises(ccxt.DDoSProtection, match=r"429 .*-1015"):
            await limit(client, "buy", "0.01", "49000", "toomany")
        with pytest.raises(ccxt.DDoSProtection, match="418"):
            await limit(client, "buy", "0.01", "49000", "banned")
        assert int(client.last_response_headers["Retry-After"]) > 0

    run(venue, do)


# --- streams --------------------------------------------------------------------------------------------


class Reader:
    """Keeps calling a watch and gathers copies of what it returns: ccxt changes the rows of its caches in place."""

    def __init__(self, watch: Callable[[], Awaitable[Any]]) -> None:
        self.seen: list[Any] = []
        self.errors: list[Exception] = []
        self._watch = watch
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while True:
            try:
                self.seen.extend(dict(row) for row in await self._watch())
            except Exception as error:
                self.errors.append(error)
                await asyncio.sleep(0.01)

    async def until(self, count: int, timeout_s: float = 5.0) -> list[Any]:
        end = asyncio.get_running_loop().time() + timeout_s
        while len(self.seen) < count:
            assert asyncio.get_running_loop().time() < end, (self.seen, self.errors)
            await asyncio.sleep(0.005)
        return self.seen

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait({self.task})


async def connected(venue: Running, path: str = "/private/ws") -> None:
    while path not in (await asyncio.to_thread(venue.admin.status))["sockets"]:
        await asyncio.sleep(0.005)


QUIET: dict[str, Any] = {"watchPositions": {"fetchPositionsSnapshot": False, "awaitPositionsSnapshot": False}}


@both_ways
def test_the_user_stream_tells_of_orders_trades_positions_and_balances(venue: Running, way: str) -> None:
    async def do(client: Client) -> None:
        orders = Reader(client.watch_orders)
        trades = Reader(client.watch_my_trades)
        positions = Reader(client.watch_positions)

        async def balance() -> list[Any]:
            return [await client.watch_balance()]

        balances = Reader(balance)
        await connected(venue, "/private/ws")
        placed = await limit(client, "buy", "0.02", "49000", "ws1")
        assert (await orders.until(1))[0]["status"] == "open"
        await asyncio.to_thread(venue.admin.fill, "ws1", "0.005")
        trade = (await trades.until(1))[0]
        assert (trade["order"], trade["amount"], trade["price"]) == (placed["id"], "0.005", "49000")
        assert (trade["takerOrMaker"], trade["fee"]["cost"]) == ("maker", "0.049")
        assert (await orders.until(2))[1]["filled"] == "0.005"
        position = (await positions.until(1))[0]
        assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", "0.005", "49000")
        assert (await balances.until(1))[0]["USDT"]["total"] == "99999.951"
        await client.edit_order(placed["id"], BTC, "limit", "buy", "0.01", "48500")
        assert (await orders.until(3))[2]["price"] == "48500"
        await client.cancel_order(placed["id"], BTC)
        last = (await orders.until(4))[3]
        assert (last["status"], last["filled"], last["clientOrderId"]) == ("canceled", "0.005", "ws1")
        for reader in (orders, trades, positions, balances):
            await reader.stop()

    run(venue, do, way, **QUIET)


def test_the_user_stream_tells_of_stops_funding_and_the_venues_own_orders(venue: Running) -> None:
    async def do(client: Client) -> None:
        orders = Reader(client.watch_orders)
        positions = Reader(client.watch_positions)
        await connected(venue)
        await market(client, "buy", "0.03", "own")
        await market(client, "sell", "0.01", "stop", triggerPrice="49500", reduceOnly=True)
        while "stop" not in [each["clientOrderId"] for each in orders.seen]:
            await orders.until(len(orders.seen) + 1)
        await asyncio.to_thread(venue.admin.price, "BTCUSDT", "49400")
        await asyncio.to_thread(venue.admin.post, "funding", symbol="BTCUSDT", rate="-0.0001")
        await asyncio.to_thread(venue.admin.post, "adl", symbol="BTCUSDT", quantity="0.005")
        await asyncio.to_thread(venue.admin.post, "liquidate", symbol="BTCUSDT")
        while not any((each["clientOrderId"] or "").startswith("autoclose-") for each in orders.seen):
            await orders.until(len(orders.seen) + 1)
        stops = {each["status"] for each in orders.seen if each["clientOrderId"] == "stop"}
        assert {"open", "closed"} <= stops
        adl = [each for each in orders.seen if each["clientOrderId"] == "adl_autoclose"]
        assert (adl[-1]["status"], adl[-1]["filled"], adl[-1]["info"]["x"]) == ("closed", "0.005", "CALCULATED")
        while positions.seen[-1]["contracts"] != "0":
            await positions.until(len(positions.seen) + 1)
        for reader in (orders, positions):
            await reader.stop()

    run(venue, do, HTTP, **QUIET)


def test_an_expired_listen_key_silences_the_stream_until_a_new_one_is_asked_for(venue: Running) -> None:
    async def do(client: Client) -> None:
        orders = Reader(client.watch_orders)
        await connected(venue)
        await limit(client, "buy", "0.01", "49000", "heard")
        await orders.until(1)
        await asyncio.to_thread(venue.admin.fault, "listen_key_expired")
        await limit(client, "buy", "0.01", "49000", "unheard")
        await asyncio.sleep(SHORT_S)
        assert [each["clientOrderId"] for each in orders.seen] == ["heard"]
        assert not orders.errors
        await orders.stop()

        old = client.options["linear"]["listenKey"]
        client.options["linear"] = {}
        for url in [url for url in client.clients if "/private/" in url]:
            await client.clients.pop(url).close()
        orders = Reader(client.watch_orders)
        while client.options["linear"].get("listenKey") in (None, old):
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        await limit(client, "buy", "0.01", "49000", "again")
        while "again" not in [each["clientOrderId"] for each in orders.seen]:
            await orders.until(len(orders.seen) + 1)
        await orders.stop()

    run(venue, do)


def test_ccxt_keeps_a_listen_key_alive_only_once_so_that_its_owner_must_do_it(venue: Running) -> None:
    async def do(client: Client) -> None:
        def puts() -> int:
            return [entry["method"] for entry in venue.admin.requests(path="/fapi/v1/listenKey")].count("PUT")

        orders = Reader(client.watch_orders)
        await connected(venue)
        await asyncio.sleep(10 * SHORT_S / 3)
        assert await asyncio.to_thread(puts) == 1, "ten refresh periods have gone by"
        await client.fapiPrivatePutListenKey()
        await asyncio.to_thread(venue.admin.post, "advance", ms=59 * 60_000)
        await client.fapiPrivatePutListenKey()
        await asyncio.to_thread(venue.admin.post, "advance", ms=61 * 60_000)
        await _check_refusal(client, -1125, "AuthenticationError", lambda c: c.fapiPrivatePutListenKey())
        await orders.stop()

    run(venue, do, HTTP, listenKeyRefreshRate=int(100 * SHORT_S))


def test_a_closed_socket_fails_the_watch_and_the_next_one_dials_again(venue: Running) -> None:
    import ccxt

    async def do(client: Client) -> None:
        orders = Reader(client.watch_orders)
        await connected(venue)
        await asyncio.to_thread(venue.admin.fault, "ws_close:1001", path="/private/")
        while not orders.errors:
            await asyncio.sleep(0.005)
        assert isinstance(orders.errors[0], ccxt.NetworkError)
        await connected(venue)
        await limit(client, "buy", "0.01", "49000", "redialled")
        assert (await orders.until(1))[0]["clientOrderId"] == "redialled"
        await orders.stop()

    run(venue, do)


@both_ways
def test_prices_come_by_stream_and_by_request(venue: Running, way: str) -> None:
    async def do(client: Client) -> None:
        asks = await client.watch_bids_asks([BTC])
        assert (asks[BTC]["bid"], asks[BTC]["ask"]) == ("50000", "50000")
        assert (await client.watch_tickers([BTC, ETH])).keys() <= {BTC, ETH}
        marks = await client.watch_mark_prices([BTC])
        assert marks[BTC]["markPrice"] == "50000"
        await asyncio.to_thread(venue.admin.price, "BTCUSDT", "50500.5")
        while (await client.watch_bids_asks([BTC]))[BTC]["bid"] != "50500.5":
            pass
        assert (await client.fetch_tickers([BTC]))[BTC]["last"] == "50500.5"
        assert (await client.fetch_bids_asks([BTC, ETH]))[ETH]["bid"] == "3000"
        assert (await client.fetch_mark_price(BTC))["markPrice"] == "50500.5"

    run(venue, do, way)
