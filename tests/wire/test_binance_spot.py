"""The simulated Binance spot venue, asked by unmodified ccxt: over plain HTTP and over TLS under the real addresses."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.wire.core import tls
from tests.wire.run import Running, redirect

BTC = "BTC/USDT"
ORDER = "/api/v3/order"
EXCHANGE_INFO = Path(__file__).parents[3] / "shared" / "data" / "exchange" / "binance-spot-exchangeInfo.json.gz"
EXAMPLES = Path(__file__).parents[3] / "shared" / "wire" / "fixtures" / "binance_spot_doc_examples.json"
D = Decimal
Ask = Callable[[Any, Running], Awaitable[Any]]


@pytest.fixture(name="venue")
def running_venue() -> Iterator[Running]:
    with Running("binance") as venue:
        yield venue


@pytest.fixture(name="plain", params=[True, False], ids=["http", "tls"])
def over_plain_http(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@asynccontextmanager
async def connect(venue: Running, *, plain: bool = True, **fields: Any) -> AsyncIterator[Any]:
    """A ccxt client as the daemon has it; over TLS nothing of it is changed but where names lead."""
    import ccxt.pro

    options = {
        "defaultType": "spot",
        "fetchMarkets": {"types": ["spot"]},
        "fetchMargins": False,
        "recvWindow": 5000,
        "warnOnFetchOpenOrdersWithoutSymbol": False,
    }
    endpoints = venue.endpoints
    config = {"apiKey": endpoints.api_key, "secret": endpoints.api_secret, "enableRateLimit": False, "options": options}
    session = None if plain else tls.client_session(endpoints.tls_port)
    if session is not None:
        config["session"] = session
    client = ccxt.pro.binance({**config, **fields})
    client.number = str
    client.timeout_on_exit = 0
    client.has["fetchCurrencies"] = False
    if plain:
        for table in ("exact", "broad"):
            more = client.exceptions["spot"].get(table, {})
            client.exceptions[table] = client.deep_extend(client.exceptions[table], more)
        redirect(client, endpoints)
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()
        if session is not None:
            await session.close()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 15))


async def soon(task: Awaitable[Any]) -> Any:
    done, _ = await asyncio.wait({asyncio.ensure_future(task)}, timeout=5)
    assert done, "it never came"
    return done.pop().result()


async def buy(client: Any, client_order_id: str, quantity: str = "0.01", price: str = "59000") -> Any:
    return await client.create_order(BTC, "limit", "buy", quantity, price, {"clientOrderId": client_order_id})


async def find(client: Any, client_order_id: str) -> Any:
    return await client.fetch_order("", BTC, {"clientOrderId": client_order_id})


def raw(**more: Any) -> Ask:
    """A limit buy past ccxt's own checks; a value of None leaves a parameter out."""
    usual = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "1",
        "price": "1000",
    }
    sent = {
        name: value
        for name, value in {**usual, "price": "59000", "quantity": "0.01", **more}.items()
        if value is not None
    }
    return lambda client, venue: client.private_post_order(sent)


# --- orders -------------------------------------------------------------------------------------------


def test_an_order_lives_from_new_to_filled_and_its_fees_agree_with_the_ledger(venue: Running, plain: bool) -> None:
    async def test() -> None:
        async with connect(venue, plain=plain) as client:
            made = await buy(client, "abc")
            assert (made["status"], made["clientOrderId"], made["fee"]) == ("open", "abc", None)
            balance = await client.fetch_balance()
            assert (balance["USDT"]["free"], balance["USDT"]["used"]) == ("99410.00000000", "590.00000000")
            venue.admin.fill("abc", "0.004")
            found = await find(client, "abc")
            assert (found["id"], found["status"], found["filled"]) == (made["id"], "open", "0.00400000")
            venue.admin.price("BTCUSDT", "59000")
            assert (await find(client, "abc"))["status"] == "closed"
            trades = await client.fetch_my_trades(BTC, None, None, {"orderId": made["id"]})
            assert [trade["amount"] for trade in trades] == ["0.00400000", "0.00600000"]
            assert {trade["takerOrMaker"] for trade in trades} == {"maker"}
            fees = sum(D(trade["fee"]["cost"]) for trade in trades)
            assert {trade["fee"]["currency"] for trade in trades} == {"BTC"}
            assert D((await client.fetch_balance())["BTC"]["free"]) == D("0.01") - fees
            assert D(venue.admin.ledger()["balances"]["BTC"]["free"]) == D("0.00999")

    run(test())


def test_a_market_order_answers_with_its_fills(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            bought = await client.create_order(BTC, "market", "buy", "0.01")
            assert (bought["status"], bought["average"]) == ("closed", "60000")
            assert bought["fee"] == {"currency": "BTC", "cost": "0.00001000"}
            sold = await client.create_order(BTC, "market", "sell", "0.00999")
            assert sold["fee"] == {"currency": "USDT", "cost": "0.59940000"}
            assert [trade["takerOrMaker"] for trade in await client.fetch_my_trades(BTC)] == ["taker", "taker"]

    run(test())


def test_a_price_on_a_market_order_spends_quote_money_as_the_real_venue_does(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            bought = await client.create_order(BTC, "market", "buy", "0.01", "30000")
            assert bought["filled"] == "0.00500000"

    run(test())


def test_a_cancel_by_client_id_reports_the_original_id(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            await buy(client, "abc")
            cancelled = await client.cancel_order("", BTC, {"clientOrderId": "abc"})
            assert (cancelled["status"], cancelled["info"]["origClientOrderId"]) == ("canceled", "abc")
            assert cancelled["info"]["clientOrderId"] != "abc"
            assert (await find(client, "abc"))["status"] == "canceled"
            assert (await client.fetch_balance())["USDT"]["free"] == "100000.00000000"

    run(test())


def test_a_client_id_is_free_again_once_its_order_is_closed(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            first = await client.create_order(BTC, "limit", "buy", "0.01", "60000", {"clientOrderId": "abc"})
            second = await client.create_order(BTC, "limit", "buy", "0.01", "60000", {"clientOrderId": "abc"})
            assert (first["status"], second["status"]) == ("closed", "closed")
            assert (await find(client, "abc"))["id"] == second["id"] != first["id"]

    run(test())


def test_an_order_that_cannot_fill_at_once_expires_if_it_asked_for_that(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            made = await client.create_order(BTC, "limit", "buy", "0.01", "59000", {"timeInForce": "IOC"})
            assert (made["status"], made["filled"]) == ("expired", "0.00000000")

    run(test())


def test_open_orders_are_listed_by_symbol_and_all_together_at_their_published_weights(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            await buy(client, "a")
            await client.create_order("ETH/USDT", "limit", "buy", "0.1", "2900", {"clientOrderId": "b"})
            assert [order["clientOrderId"] for order in await client.fetch_open_orders(BTC)] == ["a"]
            assert {order["clientOrderId"] for order in await client.fetch_open_orders()} == {"a", "b"}
            asked = venue.admin.requests(path="openOrders")
            assert [entry["weight"]["REQUEST_WEIGHT_1M"] for entry in asked] == [6, 80]
            assert client.last_response_headers["X-MBX-USED-WEIGHT-1M"] == str(
                venue.admin.status()["used"]["REQUEST_WEIGHT_1M"]
            )
            await client.cancel_all_orders(BTC)
            assert [order["status"] for order in await client.fetch_orders(BTC)] == ["canceled"]

    run(test())


def test_trades_are_paged_by_id_and_by_time(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            for number in range(5):
                await buy(client, f"a{number}", "0.001", "60000")
            page = await client.fetch_my_trades(BTC, None, 2, {"fromId": 2})
            assert [trade["id"] for trade in page] == ["2", "3"]
            newest = await client.fetch_my_trades(BTC, None, 2)
            assert [trade["id"] for trade in newest] == ["4", "5"]
            oldest = await client.fetch_my_trades(BTC, 1, 2)
            assert [trade["id"] for trade in oldest] == ["1", "2"]

    run(test())


def test_an_order_made_by_hand_is_seen_as_one_of_the_venues_own_pages(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            venue.admin.foreign("BTCUSDT", "buy", "0.01", "58000")
            (order,) = await client.fetch_open_orders(BTC)
            assert order["clientOrderId"].startswith("web_")

    run(test())


def test_prices_are_served_and_permissions_are_shown(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            tickers = await client.fetch_bids_asks([BTC, "ETH/USDT"])
            assert {symbol: ticker["bid"] for symbol, ticker in tickers.items()} == {
                BTC: "60000.00000000",
                "ETH/USDT": "3000.00000000",
            }
            assert (await client.fetch_tickers([BTC]))[BTC]["last"] == "60000.00000000"
            assert (await client.fetch_order_book(BTC))["bids"][0][0] == 60000
            assert abs(await client.fetch_time() - time.time() * 1000) < 2000
            venue.admin.post("permissions", withdraw=True)
            found = await client.sapi_get_account_apirestrictions()
            assert (found["enableWithdrawals"], found["enableSpotAndMarginTrading"]) == (True, True)

    run(test())


# --- cancel and replace -------------------------------------------------------------------------------


async def replace(client: Any, made: Any, quantity: str, **more: Any) -> Any:
    return await client.edit_order(made["id"], BTC, "limit", "buy", quantity, "58000", more)


def test_cancel_and_replace_makes_a_new_order(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            made = await buy(client, "old")
            new = await replace(client, made, "0.02", newClientOrderId="new")
            assert new["id"] != made["id"]
            assert (await find(client, "old"))["status"] == "canceled"
            assert (await find(client, "new"))["amount"] == "0.02000000"

    run(test())


def test_a_replacement_that_cannot_be_paid_says_409_and_that_the_cancel_worked(venue: Running, plain: bool) -> None:
    async def test() -> None:
        import ccxt

        async with connect(venue, plain=plain) as client:
            made = await buy(client, "old")
            with pytest.raises(ccxt.BadResponse) as caught:
                await replace(client, made, "100", newClientOrderId="new")
            body = json.loads(str(caught.value).removeprefix("binance "))
            assert (body["code"], body["data"]["cancelResult"], body["data"]["newOrderResult"]) == (
                -2021,
                "SUCCESS",
                "FAILURE",
            )
            assert body["data"]["newOrderResponse"]["code"] == -2010
            assert venue.admin.requests(path="cancelReplace")[-1]["status"] == 409
            assert (await find(client, "old"))["status"] == "canceled"

    run(test())


def test_a_replacement_of_an_order_that_is_gone_is_not_attempted(venue: Running, plain: bool) -> None:
    async def test() -> None:
        import ccxt

        async with connect(venue, plain=plain) as client:
            made = await buy(client, "old")
            venue.admin.price("BTCUSDT", "59000")
            with pytest.raises(ccxt.BadResponse, match=r'-2022.*"NOT_ATTEMPTED"'):
                await replace(client, made, "0.02")
            assert venue.admin.requests(path="cancelReplace")[-1]["status"] == 400
            allowed = {"cancelReplaceMode": "ALLOW_FAILURE", "newClientOrderId": "new"}
            with pytest.raises(ccxt.BadResponse, match=r'-2021.*"cancelResult":"FAILURE","newOrderResult":"SUCCESS"'):
                await replace(client, made, "0.02", **allowed)
            assert (await find(client, "new"))["status"] == "open"

    run(test())


# --- errors -------------------------------------------------------------------------------------------


async def _duplicate(client: Any, venue: Running) -> None:
    await buy(client, "abc")
    await buy(client, "abc")


async def _cancel_filled(client: Any, venue: Running) -> None:
    await buy(client, "abc", price="60000")
    await client.cancel_order("", BTC, {"clientOrderId": "abc"})


async def _post_only(client: Any, venue: Running) -> None:
    await client.create_order(BTC, "limit", "buy", "0.01", "60000", {"postOnly": True})


async def _too_many_open(client: Any, venue: Running) -> None:
    set_filter(venue, "MAX_NUM_ORDERS", maxNumOrders=1)
    await buy(client, "a")
    await buy(client, "b")


async def _closed(client: Any, venue: Running) -> None:
    venue.call(lambda simulator: simulator.markets.symbols["BTCUSDT"].update(status="BREAK"))
    await buy(client, "a")


async def _weight(client: Any, venue: Running) -> None:
    venue.admin.limits(REQUEST_WEIGHT_1M=1)
    await client.fetch_balance()


async def _order_count(client: Any, venue: Running) -> None:
    venue.admin.limits(ORDERS_10S=1)
    for number in range(3):
        await buy(client, f"a{number}")


async def _ban(client: Any, venue: Running) -> None:
    venue.admin.fault("ban:30")
    await client.fetch_balance()


def _clock(offset_ms: int) -> Ask:
    async def ask(client: Any, venue: Running) -> None:
        venue.admin.clock(offset_ms)
        await client.fetch_balance()

    return ask


def _changed(**fields: str) -> Ask:
    async def ask(client: Any, venue: Running) -> None:
        for name, value in fields.items():
            setattr(client, name, value)
        await client.fetch_balance()

    return ask


async def _no_trading(client: Any, venue: Running) -> None:
    venue.admin.post("permissions", trade=False)
    await buy(client, "a")


def _fault(kind: str, **fields: Any) -> Ask:
    async def ask(client: Any, venue: Running) -> None:
        venue.admin.fault(kind, path=ORDER, method="POST", client_order_id="abc", **fields)
        await buy(client, "abc")

    return ask


ERRORS: list[tuple[str, Ask, str, str]] = [
    ("insufficient", lambda c, v: buy(c, "a", "2"), "InsufficientFunds", "-2010.*Account has insufficient balance for"),
    ("notional", lambda c, v: buy(c, "a", "0.00005"), "BadRequest", "-1013.*Filter failure: NOTIONAL"),
    (
        "market notional",
        lambda c, v: c.create_order(BTC, "market", "buy", "0.00005"),
        "BadRequest",
        "-1013.*Filter failure: NOTIONAL",
    ),
    ("lot", raw(quantity="0.000015"), "InvalidOrder", "-1013.*Filter failure: LOT_SIZE"),
    ("tick", raw(price="59000.001"), "InvalidOrder", "-1013.*Filter failure: PRICE_FILTER"),
    ("band", lambda c, v: buy(c, "a", "0.1", "11999"), "InvalidOrder", "Filter failure: PERCENT_PRICE_BY_SIDE"),
    ("precision", raw(price="59000.000000001"), "BadRequest", "-1111.*'price' has too much precision"),
    ("max orders", _too_many_open, "BadRequest", "-1013.*Filter failure: MAX_NUM_ORDERS"),
    ("would take", _post_only, "OrderImmediatelyFillable", "-2010.*Order would immediately match and take."),
    ("duplicate", _duplicate, "InvalidOrder", "-2010.*Duplicate order sent."),
    ("bad client id", lambda c, v: buy(c, "a.b"), "BadRequest", "-1100.*Illegal characters found in parameter 'newCl"),
    ("long client id", lambda c, v: buy(c, "a" * 37), "BadRequest", "-1100"),
    ("cancel unknown", lambda c, v: c.cancel_order("77", BTC), "OrderNotFound", "-2011.*Unknown order sent."),
    ("cancel filled", _cancel_filled, "OrderNotFound", "-2011"),
    ("query unknown", lambda c, v: find(c, "nobody"), "OrderNotFound", "-2013.*Order does not exist."),
    ("closed", _closed, "MarketClosed", "-1013.*Market is closed."),
    ("symbol", raw(symbol="NONE"), "BadSymbol", "-1121"),
    ("missing", raw(price=None), "BadRequest", "-1102.*'price' was not sent"),
    ("empty", raw(price=""), "BadRequest", "-1105.*'price' was empty"),
    ("unknown parameter", raw(reduceOnly="true"), "BadRequest", "-1104.*read '.*' parameter"),
    ("exponent", raw(quantity="1E-2"), "BadRequest", "-1100.*'quantity'"),
    ("needless", raw(type="LIMIT_MAKER"), "BadRequest", "-1106.*'timeInForce' sent when not required"),
    ("weight", _weight, "DDoSProtection", "-1003"),
    ("order count", _order_count, "DDoSProtection", "-1015.*current limit is 1 orders per 10 SECOND"),
    ("ban", _ban, "DDoSProtection", "-1003.*IP banned until"),
    ("fast clock", _clock(-3000), "InvalidNonce", "-1021.*1000ms ahead"),
    ("slow clock", _clock(7000), "InvalidNonce", "-1021.*outside of the recvWindow"),
    ("signature", _changed(secret="wrong"), "AuthenticationError", "-1022"),
    ("key format", _changed(apiKey="short"), "AuthenticationError", "-2014"),
    ("key", _changed(apiKey="x" * 64), "AuthenticationError", "-2015"),
    ("no trading", _no_trading, "AuthenticationError", "-2015"),
    ("-1000", _fault("reply:-1000"), "OperationFailed", "-1000"),
    ("-1001", _fault("reply:-1001"), "OperationFailed", "-1001"),
    ("-1006", _fault("accept_then_reply:-1006"), "OperationFailed", "-1006"),
    ("-1007", _fault("accept_then_reply:-1007"), "RequestTimeout", "-1007"),
    ("-1008", _fault("reply:-1008"), "OperationFailed", "-1008"),
    ("-2026", _fault("reply:-2026"), "InvalidOrder", "-2026"),
    ("firewall", _fault("html_403"), "ExchangeNotAvailable", "403"),
    ("5xx", _fault("5xx_before_accept"), "ExchangeNotAvailable", "503"),
    ("504", _fault("accept_then_5xx", status=504), "RequestTimeout", "504"),
    ("rate limit", _fault("rate_limit:3"), "DDoSProtection", "-1003"),
]


@pytest.mark.parametrize(("ask", "kind", "words"), [each[1:] for each in ERRORS], ids=[each[0] for each in ERRORS])
def test_every_refusal_has_the_code_and_words_that_ccxt_knows(
    venue: Running, plain: bool, ask: Ask, kind: str, words: str
) -> None:
    async def test() -> None:
        import ccxt

        async with connect(venue, plain=plain) as client:
            with pytest.raises(ccxt.BaseError) as caught:
                await ask(client, venue)
            assert type(caught.value).__name__ == kind
            # Of a message it knows by its words ccxt keeps only those: the code is looked up at the venue.
            assert re.search(words, f"{venue.admin.requests()[-1]['code']} {caught.value}")

    run(test())


def set_filter(venue: Running, kind: str, **values: Any) -> None:
    def change(simulator: Any) -> None:
        for each in simulator.markets.symbols["BTCUSDT"]["filters"]:
            if each["filterType"] == kind:
                each.update(values)

    venue.call(change)


def test_market_orders_have_bounds_of_their_own(venue: Running) -> None:
    async def test() -> None:
        import ccxt

        async with connect(venue) as client:
            set_filter(venue, "MARKET_LOT_SIZE", maxQty="0.005")
            with pytest.raises(ccxt.InvalidOrder, match="Filter failure: MARKET_LOT_SIZE"):
                await client.create_order(BTC, "market", "buy", "0.006")
            assert (await buy(client, "a", "0.006"))["status"] == "open"
            set_filter(venue, "NOTIONAL", applyMinToMarket=False)
            assert (await client.create_order(BTC, "market", "buy", "0.00005"))["status"] == "closed"
            with pytest.raises(ccxt.BadRequest, match="Filter failure: NOTIONAL"):
                await buy(client, "b", "0.00005")

    run(test())


def test_only_accepted_orders_are_answered_with_order_counts(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            await buy(client, "a")
            assert client.last_response_headers["X-MBX-ORDER-COUNT-10S"] == "1"
            assert client.last_response_headers["X-MBX-ORDER-COUNT-1D"] == "1"
            await client.fetch_balance()
            assert "X-MBX-ORDER-COUNT-10S" not in client.last_response_headers

    run(test())


def test_who_does_not_listen_to_429_is_banned_and_told_how_long(venue: Running) -> None:
    async def test() -> None:
        venue.admin.limits(REQUEST_WEIGHT_1M=1, ban_after=2, ban_s=1)
        async with aiohttp.ClientSession() as session:
            answers = []
            for _ in range(6):
                async with session.get(venue.endpoints.rest + "/api/v3/time") as answer:
                    answers.append((answer.status, int(answer.headers.get("Retry-After", "0"))))
        statuses = [status for status, _ in answers]
        first_refusal = statuses.index(429)
        assert statuses[first_refusal : first_refusal + 3] == [429, 429, 418]
        assert all(retry_after_s >= 1 for _, retry_after_s in answers[first_refusal:])
        assert venue.admin.status()["bans"] == 1

    run(test())


def test_a_parameter_sent_twice_is_refused(venue: Running) -> None:
    async def test() -> None:
        url = venue.endpoints.rest + "/api/v3/depth?symbol=BTCUSDT&symbol=ETHUSDT"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert (answer.status, (await answer.json())["code"]) == (400, -1101)

    run(test())


# --- lost and late answers ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "error", "is_there"),
    [
        ("accept_then_drop", "ExchangeNotAvailable", True),
        ("accept_then_timeout", "RequestTimeout", True),
        ("accept_then_5xx", "ExchangeNotAvailable", True),
        ("accept_then_truncated", "ExchangeError", True),
        ("drop_before_accept", "ExchangeNotAvailable", False),
        ("timeout_before_accept", "RequestTimeout", False),
        ("5xx_before_accept", "ExchangeNotAvailable", False),
    ],
)
def test_the_order_is_there_or_not_whatever_the_answer_was(
    venue: Running, plain: bool, kind: str, error: str, is_there: bool
) -> None:
    async def test() -> None:
        import ccxt

        async with connect(venue, plain=plain, timeout=300) as client:
            with pytest.raises(ccxt.BaseError) as caught:
                await _fault(kind)(client, venue)
            assert type(caught.value).__name__ == error
            if is_there:
                assert (await find(client, "abc"))["status"] == "open"
            else:
                with pytest.raises(ccxt.OrderNotFound):
                    await find(client, "abc")

    run(test())


def test_a_page_instead_of_an_answer_gives_an_order_without_an_id(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            venue.admin.fault("accept_then_html", path=ORDER)
            assert (await buy(client, "abc"))["id"] is None
            assert (await find(client, "abc"))["status"] == "open"

    run(test())


def test_a_late_request_is_refused_by_its_timestamp_and_a_late_answer_is_not(venue: Running) -> None:
    async def test() -> None:
        import ccxt

        async with connect(venue) as client:
            client.options["recvWindow"] = 50
            venue.admin.fault("delay:150", client_order_id="a")
            venue.admin.fault("late_answer:150", client_order_id="b")
            with pytest.raises(ccxt.InvalidNonce, match="-1021"):
                await buy(client, "a")
            begin = time.monotonic()
            assert (await buy(client, "b"))["status"] == "open"
            assert time.monotonic() - begin > 0.14

    run(test())


def test_an_order_may_become_visible_late(venue: Running) -> None:
    async def test() -> None:
        import ccxt

        async with connect(venue) as client:
            venue.admin.fault("late_visibility:200", client_order_id="abc")
            await buy(client, "abc")
            with pytest.raises(ccxt.OrderNotFound):
                await find(client, "abc")
            assert await client.fetch_open_orders(BTC) == []
            await asyncio.sleep(0.25)
            assert (await find(client, "abc"))["status"] == "open"

    run(test())


# --- streams ------------------------------------------------------------------------------------------


def sessions(venue: Running) -> frozenset[Any]:
    """User streams that are subscribed to."""
    return venue.call(lambda simulator: frozenset(each for each in simulator.user_sessions if each.is_subscribed))


async def subscribed(venue: Running, besides: frozenset[Any] = frozenset()) -> None:
    """Waits until the venue has a user stream to tell, and the client had time to hear that."""
    end = time.monotonic() + 5
    while not sessions(venue) - besides:
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)


@asynccontextmanager
async def watching(venue: Running, client: Any, name: str, *arguments: Any) -> AsyncIterator[asyncio.Queue[Any]]:
    """Everything that `client.watch_<name>` gives, from a subscription that stands."""
    seen: asyncio.Queue[Any] = asyncio.Queue()

    async def read() -> None:
        while True:
            try:
                seen.put_nowait(await getattr(client, f"watch_{name}")(*arguments))
            except Exception as error:  # Handed to the test.
                seen.put_nowait(error)
                await asyncio.sleep(0.05)

    task = asyncio.create_task(read())
    try:
        if name in ("orders", "my_trades", "balance"):
            await subscribed(venue)
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_orders_trades_and_balances_come_over_the_stream(venue: Running, plain: bool) -> None:
    async def test() -> None:
        async with (
            connect(venue, plain=plain) as client,
            watching(venue, client, "orders") as orders,
            watching(venue, client, "my_trades") as trades,
            watching(venue, client, "balance") as balances,
        ):
            await buy(client, "abc")
            (order,) = await soon(orders.get())
            assert (order["status"], order["clientOrderId"]) == ("open", "abc")
            assert (await soon(balances.get()))["USDT"]["used"] == "590.00000000"
            venue.admin.fill("abc", "0.004")
            (trade,) = await soon(trades.get())
            assert (trade["amount"], trade["takerOrMaker"]) == ("0.00400000", "maker")
            assert trade["fee"] == {"currency": "BTC", "cost": "0.00000400"}
            assert (await soon(orders.get()))[0]["filled"] == "0.00400000"
            await client.cancel_order("", BTC, {"clientOrderId": "abc"})
            (order,) = await soon(orders.get())
            assert (order["status"], order["clientOrderId"]) == ("canceled", "abc")
            assert order["info"]["C"] == "abc" != order["info"]["c"]

    run(test())


def test_prices_come_over_the_stream_and_stop_when_nobody_wants_them(venue: Running, plain: bool) -> None:
    async def test() -> None:
        async with connect(venue, plain=plain) as client, watching(venue, client, "bids_asks", [BTC]) as prices:
            assert (await soon(prices.get()))[BTC]["bid"] == "60000.00000000"
            venue.admin.price("BTCUSDT", "60001.5")
            assert (await soon(prices.get()))[BTC]["ask"] == "60001.50000000"
            await client.un_watch_bids_asks([BTC])
            async with watching(venue, client, "tickers", ["ETH/USDT"]) as tickers:
                assert (await soon(tickers.get()))["ETH/USDT"]["last"] == "3000.00000000"

    run(test())


def test_a_fill_may_be_told_before_the_order_is_answered(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client, watching(venue, client, "my_trades") as trades:
            venue.admin.fault("fill_before_ack", client_order_id="abc", ms=200)
            placing = asyncio.create_task(buy(client, "abc"))
            (trade,) = await soon(trades.get())
            assert not placing.done()
            made = await placing
            assert (made["id"], made["status"], made["filled"]) == (trade["order"], "open", "0.00000000")
            assert (await find(client, "abc"))["status"] == "closed"

    run(test())


async def _told(venue: Running, kind: str, count: int) -> list[str]:
    """The order ids of the NEW events of `count` orders, read without ccxt in between."""
    async with connect(venue) as client, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(venue.endpoints.ws + "/ws-api/v3")
        await socket.send_json(
            {"id": 1, "method": "userDataStream.subscribe.signature", "params": client.sign_params({})}
        )
        assert (await socket.receive_json(timeout=5))["status"] == 200
        venue.admin.fault(kind, path="/ws-api")
        for number in range(count):
            await buy(client, f"a{number}", "0.001")
        told: list[str] = []
        while True:
            try:
                event = (await socket.receive_json(timeout=0.4))["event"]
            except TimeoutError:
                return told
            if event["e"] == "executionReport":
                told.append(event["c"])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("ws_drop:100", []),
        ("ws_duplicate", ["a0", "a0", "a1", "a1"]),
        ("ws_delay:50", ["a0", "a1"]),
        ("ws_no_pong", []),
    ],
)
def test_frames_are_lost_doubled_or_late(venue: Running, kind: str, expected: list[str]) -> None:
    async def test() -> None:
        assert await _told(venue, kind, 2) == expected

    run(test())


def test_neighbouring_frames_change_places(venue: Running) -> None:
    async def test() -> None:
        async with aiohttp.ClientSession() as session:
            socket = await session.ws_connect(venue.endpoints.ws + "/ws/0")
            await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 1})
            assert (await socket.receive_json())["result"] is None
            assert (await socket.receive_json())["b"] == "60000.00000000"
            venue.admin.fault("ws_reorder", count=1)
            venue.admin.post("price", prices={"BTCUSDT": "60001"})
            venue.admin.post("price", prices={"BTCUSDT": "60002"})
            told = [(await socket.receive_json())["b"] for _ in range(2)]
            assert told == ["60002.00000000", "60001.00000000"]

    run(test())


def test_a_zombie_socket_answers_no_ping(venue: Running) -> None:
    async def test() -> None:
        async with aiohttp.ClientSession() as session:
            socket = await session.ws_connect(venue.endpoints.ws + "/ws/0", autoping=False)
            await socket.ping(b"1")
            assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.PONG
            venue.admin.fault("ws_no_pong")
            await socket.ping(b"2")
            with pytest.raises(TimeoutError):
                await socket.receive(timeout=0.2)

    run(test())


@pytest.mark.parametrize("code", [1001, 1006])
def test_a_closed_socket_is_told_and_dialled_again(venue: Running, code: int) -> None:
    async def test() -> None:
        import ccxt

        async with connect(venue) as client, watching(venue, client, "orders") as orders:
            before = sessions(venue)
            venue.admin.fault(f"ws_close:{code}")
            assert isinstance(await soon(orders.get()), ccxt.NetworkError)
            await subscribed(venue, besides=before)
            await buy(client, "abc")
            assert (await soon(orders.get()))[0]["clientOrderId"] == "abc"

    run(test())


def test_a_terminated_stream_stays_silent_until_it_is_asked_for_anew(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client:
            first = asyncio.create_task(client.watch_orders())
            await subscribed(venue)
            venue.admin.fault("stream_terminated")
            await asyncio.sleep(0.1)
            await buy(client, "a")
            assert not (await asyncio.wait({first}, timeout=0.2))[0]
            second = asyncio.create_task(client.watch_orders())
            await subscribed(venue)
            await buy(client, "b")
            assert (await soon(second))[-1]["clientOrderId"] == "b"
            await asyncio.gather(first, return_exceptions=True)

    run(test())


def test_a_stream_with_a_wrong_signature_is_refused(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client, aiohttp.ClientSession() as session:
            socket = await session.ws_connect(venue.endpoints.ws + "/ws-api/v3")
            signed = {**client.sign_params({}), "recvWindow": 4999}
            await socket.send_json({"id": "7", "method": "userDataStream.subscribe.signature", "params": signed})
            answer = await socket.receive_json(timeout=5)
            assert (answer["id"], answer["status"], answer["error"]["code"]) == ("7", 400, -1022)
            client.secret = "wrong"
            with pytest.raises(KeyError, match="spot"):
                await soon(client.watch_orders())

    run(test())


# --- the real list ------------------------------------------------------------------------------------


@pytest.mark.skipif(not EXCHANGE_INFO.exists(), reason="the recorded exchangeInfo is not here")
def test_the_venues_own_instrument_list_is_served_and_enforced() -> None:
    async def test(venue: Running) -> None:
        import ccxt

        async with connect(venue) as client:
            assert len(client.markets) == 1695
            assert client.market(BTC)["limits"]["cost"]["min"] == "10.00000000"
            venue.admin.price("BTCUSDT", "50000")
            with pytest.raises(ccxt.BadRequest, match="Filter failure: MIN_NOTIONAL"):
                await buy(client, "a", "0.0001", "49000")
            with pytest.raises(ccxt.BadRequest, match='Filter failure: PERCENT_PRICE"'):
                await buy(client, "a", "0.01", "9000")
            assert (await buy(client, "a", "0.001", "49000"))["status"] == "open"

    with Running("binance", instruments=EXCHANGE_INFO) as venue:
        run(test(venue))


def documented(section: str, *having: str) -> frozenset[str]:
    """Names of the first documented reply of a section (its first row, where it is a list) that has these."""
    for block in json.loads(EXAMPLES.read_text())["blocks"]:
        example = block["json"][0] if isinstance(block["json"], list) and block["json"] else block["json"]
        if block["section"].startswith(section) and isinstance(example, dict) and set(having) <= set(example):
            return frozenset(example)
    raise AssertionError(f"no example of {section}")


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the documentation's examples are not here")
def test_replies_and_events_have_exactly_the_documented_fields(venue: Running) -> None:
    async def test() -> None:
        async with connect(venue) as client, aiohttp.ClientSession() as session:
            socket = await session.ws_connect(venue.endpoints.ws + "/ws-api/v3")
            await socket.send_json(
                {"id": 1, "method": "userDataStream.subscribe.signature", "params": client.sign_params({})}
            )
            await socket.receive_json(timeout=5)
            filled = await client.create_order(BTC, "market", "buy", "0.01")
            events = [(await socket.receive_json(timeout=5))["event"] for _ in range(3)]
            await buy(client, "a")
            looked_up = await find(client, "a")
            cancelled = await client.cancel_order("", BTC, {"clientOrderId": "a"})
            (trade,) = await client.fetch_my_trades(BTC)
            ticker = await client.fetch_ticker(BTC)
            told = {
                "New order (TRADE)": (filled["info"], "fills"),
                "Query order": (looked_up["info"], "orderId"),
                "Cancel order": (cancelled["info"], "origClientOrderId"),
                "Account trade list": (trade["info"], "commission"),
                "Account information": ((await client.fetch_balance())["info"], "balances"),
                "24hr ticker": (ticker["info"], "lastQty"),
            }
            for section, (reply, having) in told.items():
                assert frozenset(reply) == documented(section, having), section
            wanted = [
                block["json"]["event"]
                for block in json.loads(EXAMPLES.read_text())["blocks"]
                if block["section"] in ("Order Update", "Account Update")
            ]
            by_kind = {event["e"]: frozenset(event) for event in wanted}
            assert [event["e"] for event in events] == ["executionReport", "executionReport", "outboundAccountPosition"]
            assert all(frozenset(event) == by_kind[event["e"]] for event in events)

    run(test())
