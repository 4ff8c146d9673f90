"""The fate of requests, from what unmodified ccxt raises for canned replies of every venue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from actors.messages import Fate
from actors.rules.model import Reason
from actors.rules.rates import Ask
from daemon.exchanges.errors import NoAnswer, is_created, judge, judge_created, reason_of_update, require_answer
from daemon.exchanges.venue_codes import LEFT_OUT, TABLES, Special
from tests.daemon.exchanges.canned_venue import EXCHANGES, Canned, CannedVenue

NOW_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def venue() -> Iterator[CannedVenue]:
    with CannedVenue().running() as running:
        yield running


def binance(code: int, words: str, status: int = 400, **headers: str) -> Canned:
    return Canned(status=status, body=json.dumps({"code": code, "msg": words}), headers=headers)


def bybit(code: int, words: str = "words", **headers: str) -> Canned:
    body = {"retCode": code, "retMsg": words, "result": {}, "retExtInfo": {}, "time": NOW_MS}
    return Canned(body=json.dumps(body), headers=headers)


def okx(code: int, words: str = "words") -> Canned:
    row = {"clOrdId": "", "ordId": "", "sCode": str(code), "sMsg": words, "tag": ""}
    return Canned(body=json.dumps({"code": "1", "data": [row], "msg": "All operations failed"}))


def okx_top(code: int, words: str = "words", status: int = 200) -> Canned:
    return Canned(status=status, body=json.dumps({"code": str(code), "data": [], "msg": words}))


def kucoin(code: object, words: str = "words", status: int = 200) -> Canned:
    return Canned(status=status, body=json.dumps({"code": str(code), "msg": words}))


def mexc(code: int, words: str = "words", status: int = 400) -> Canned:
    return Canned(status=status, body=json.dumps({"code": code, "msg": words}))


def gate(label: str, words: str = "words", status: int = 400) -> Canned:
    return Canned(status=status, body=json.dumps({"label": label, "message": words}))


R = Reason
REFUSALS: list[tuple[str, Canned, Reason]] = [
    # The wire guide's table 5.2, row by row.
    ("binance", binance(-2010, "Account has insufficient balance for requested action."), R.INSUFFICIENT_FUNDS),
    ("binanceusdm", binance(-2019, "Margin is insufficient."), R.INSUFFICIENT_FUNDS),
    ("bybit", bybit(170131, "Insufficient balance."), R.INSUFFICIENT_FUNDS),
    ("bybit", bybit(110007, "ab not enough for new order"), R.INSUFFICIENT_FUNDS),
    ("bybit", bybit(110012, "Insufficient available balance."), R.INSUFFICIENT_FUNDS),
    ("binance", binance(-1013, "Filter failure: NOTIONAL"), R.BELOW_MIN_NOTIONAL),
    ("binance", binance(-1013, "Filter failure: MIN_NOTIONAL"), R.BELOW_MIN_NOTIONAL),
    ("binanceusdm", binance(-4164, "Order's notional must be no smaller than 100"), R.BELOW_MIN_NOTIONAL),
    ("bybit", bybit(170140, "Order value exceeded lower limit."), R.BELOW_MIN_NOTIONAL),
    ("bybit", bybit(110094, "Order does not meet minimum order value 5USDT"), R.BELOW_MIN_NOTIONAL),
    ("binance", binance(-1013, "Filter failure: LOT_SIZE"), R.BAD_QUANTITY),
    ("binance", binance(-1013, "Filter failure: MARKET_LOT_SIZE"), R.BAD_QUANTITY),
    ("binanceusdm", binance(-4003, "Quantity less than or equal to zero."), R.BAD_QUANTITY),
    ("binanceusdm", binance(-4023, "Qty not increased by step size."), R.BAD_QUANTITY),
    ("bybit", bybit(170136, "Order quantity exceeded lower limit."), R.BELOW_MIN_QUANTITY),
    ("bybit", bybit(170137, "Order quantity has too many decimals."), R.BAD_QUANTITY),
    ("bybit", bybit(10001, "Qty invalid"), R.BAD_QUANTITY),
    ("bybit", bybit(10001, "The number of contracts exceeds minimum limit allowed"), R.BELOW_MIN_QUANTITY),
    ("binance", binance(-1013, "Filter failure: PRICE_FILTER"), R.BAD_PRICE),
    ("binance", binance(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"), R.OUTSIDE_PRICE_BAND),
    ("binance", binance(-1013, "Filter failure: PERCENT_PRICE"), R.OUTSIDE_PRICE_BAND),
    ("binance", binance(-1111, "Parameter 'price' has too much precision."), R.BAD_PRICE),
    ("binance", binance(-1111, "Parameter 'quantity' has too much precision."), R.BAD_QUANTITY),
    ("binanceusdm", binance(-4014, "Price not increased by tick size."), R.BAD_PRICE),
    ("binanceusdm", binance(-4016, "Limit price can't be higher than 100."), R.OUTSIDE_PRICE_BAND),
    ("bybit", bybit(170134, "Order price has too many decimals."), R.BAD_PRICE),
    ("bybit", bybit(170193, "Buy order price cannot be higher than 1."), R.OUTSIDE_PRICE_BAND),
    ("bybit", bybit(170194, "Sell order price cannot be lower than 1."), R.OUTSIDE_PRICE_BAND),
    ("bybit", bybit(110003, "Order price exceeds the allowable range."), R.OUTSIDE_PRICE_BAND),
    ("binance", binance(-1013, "Filter failure: MAX_NUM_ORDERS"), R.TOO_MANY_OPEN_ORDERS),
    ("binance", binance(-1013, "Filter failure: EXCHANGE_MAX_NUM_ORDERS"), R.TOO_MANY_OPEN_ORDERS),
    ("binance", binance(-1013, "Filter failure: MAX_POSITION"), R.EXCHANGE_REFUSED),
    ("binance", binance(-2010, "Order would immediately match and take."), R.WOULD_TAKE),
    ("binanceusdm", binance(-5022, "Due to the order could not be executed as maker"), R.WOULD_TAKE),
    ("bybit", bybit(170218, "The LIMIT-MAKER order is rejected due to invalid price."), R.WOULD_TAKE),
    ("binanceusdm", binance(-2022, "ReduceOnly Order is rejected."), R.NOTHING_TO_REDUCE),
    ("bybit", bybit(110017, "current position is zero"), R.NOTHING_TO_REDUCE),
    ("binance", binance(-2010, "Duplicate order sent."), R.DUPLICATE_CLIENT_ORDER_ID),
    ("binanceusdm", binance(-4116, "ClientOrderId is duplicated."), R.DUPLICATE_CLIENT_ORDER_ID),
    ("bybit", bybit(170141, "Duplicate clientOrderId"), R.DUPLICATE_CLIENT_ORDER_ID),
    ("bybit", bybit(110072, "OrderLinkedID is duplicate"), R.DUPLICATE_CLIENT_ORDER_ID),
    ("binance", binance(-1100, "Illegal characters found in parameter 'newClientOrderId'"), R.EXCHANGE_REFUSED),
    ("binanceusdm", binance(-4015, "Client order id length should be less than 36 chars"), R.EXCHANGE_REFUSED),
    ("bybit", bybit(10001, "orderLinkId is too long"), R.EXCHANGE_REFUSED),
    ("binanceusdm", binance(-2021, "Order would immediately trigger."), R.WOULD_TAKE),
    ("binanceusdm", binance(-2027, "Exceeded the maximum allowable position"), R.EXCHANGE_REFUSED),
    ("binance", binance(-1013, "Market is closed."), R.INSTRUMENT_INACTIVE),
    ("binance", binance(-2010, "Market is closed."), R.INSTRUMENT_INACTIVE),
    ("bybit", bybit(170151, "The trading pair is not open yet"), R.INSTRUMENT_INACTIVE),
    ("binance", binance(-1121, "Invalid symbol."), R.INSTRUMENT_INACTIVE),
    ("binanceusdm", binance(-4061, "Order's position side does not match."), R.POSITION_MODE_MISMATCH),
    ("bybit", bybit(10001, "position idx not match position mode"), R.POSITION_MODE_MISMATCH),
    ("binance", binance(-2010, "This symbol is not permitted for this account."), R.INSTRUMENT_INACTIVE),
    # The other venues.
    ("okx", okx(51008), R.INSUFFICIENT_FUNDS),
    ("okx", okx(51016), R.DUPLICATE_CLIENT_ORDER_ID),
    ("okx", okx(51020), R.BELOW_MIN_QUANTITY),
    ("okx", okx(51121), R.BAD_QUANTITY),
    ("okx", okx(51006), R.OUTSIDE_PRICE_BAND),
    ("okx", okx(51000, "Parameter sz error"), R.BAD_QUANTITY),
    ("okx", okx(51000, "Parameter posSide error"), R.POSITION_MODE_MISMATCH),
    ("okx", okx(51000, "Parameter tdMode error"), R.EXCHANGE_REFUSED),
    ("kucoin", kucoin(200004, "Balance insufficient!"), R.INSUFFICIENT_FUNDS),
    ("kucoin", kucoin(400100, "Order size below the minimum requirement."), R.BELOW_MIN_QUANTITY),
    ("kucoin", kucoin(400100, "Price increment invalid."), R.BAD_PRICE),
    ("kucoin", kucoin(400100, "account.available.amount"), R.INSUFFICIENT_FUNDS),
    ("kucoin", kucoin(102426, "Duplicate custom order IDs"), R.DUPLICATE_CLIENT_ORDER_ID),
    ("mexc", mexc(10101, "insufficient"), R.INSUFFICIENT_FUNDS),
    ("mexc", mexc(30004, "Insufficient position"), R.INSUFFICIENT_FUNDS),
    ("mexc", mexc(30005, "Oversold"), R.INSUFFICIENT_FUNDS),
    ("mexc", mexc(30002, "The minimum transaction volume cannot be less than: 5USDT"), R.BELOW_MIN_NOTIONAL),
    ("gate", gate("BALANCE_NOT_ENOUGH", "Not enough balance"), R.INSUFFICIENT_FUNDS),
    ("gate", gate("INVALID_PARAM_VALUE", "invalid argument: status"), R.EXCHANGE_REFUSED),
    ("gate", gate("INVALID_PARAM_VALUE", "Your order size 0.003 USDT is too small. The minimum is 3 USDT"),
     R.BELOW_MIN_NOTIONAL),
    ("gate", gate("REPEATED_CREATION"), R.DUPLICATE_CLIENT_ORDER_ID),
    ("gate", gate("POC_FILL_IMMEDIATELY", "Order would match and take immediately so its cancelled"), R.WOULD_TAKE),
]  # fmt: skip

AUTH: list[tuple[str, Canned, Reason]] = [
    ("binance", binance(-2014, "API-key format invalid.", 401), R.AUTHENTICATION_FAILED),
    ("binance", binance(-2015, "Invalid API-key, IP, or permissions for action.", 401), R.AUTHENTICATION_FAILED),
    ("binance", binance(-1022, "Signature for this request is not valid."), R.AUTHENTICATION_FAILED),
    ("binance", binance(-2010, "This account may not place or cancel orders."), R.PERMISSION_DENIED),
    ("binanceusdm", binance(-2015, "Invalid API-key, IP, or permissions for action.", 401), R.AUTHENTICATION_FAILED),
    ("binanceusdm", binance(-1022, "Signature for this request is not valid."), R.AUTHENTICATION_FAILED),
    ("bybit", bybit(10003, "API key is invalid."), R.AUTHENTICATION_FAILED),
    ("bybit", bybit(10004, "error sign! origin_string[1700000000000k3y5000{}]"), R.AUTHENTICATION_FAILED),
    ("bybit", bybit(10005, "Permission denied"), R.PERMISSION_DENIED),
    ("bybit", bybit(10010, "Unmatched IP"), R.PERMISSION_DENIED),
    ("okx", okx_top(50111, "Invalid OK-ACCESS-KEY", 401), R.AUTHENTICATION_FAILED),
    ("okx", okx_top(50113, "Invalid Sign", 401), R.AUTHENTICATION_FAILED),
    ("kucoin", kucoin(400003, "KC-API-KEY not exists", 401), R.AUTHENTICATION_FAILED),
    ("kucoin", kucoin(400005, "Invalid KC-API-SIGN", 401), R.AUTHENTICATION_FAILED),
    ("kucoin", kucoin(400006, "IP not in whitelist", 401), R.PERMISSION_DENIED),
    ("mexc", mexc(10072, "Api key info invalid"), R.AUTHENTICATION_FAILED),
    ("mexc", mexc(700002, "Signature for this request is not valid."), R.AUTHENTICATION_FAILED),
    ("mexc", mexc(700006, "IP [1.2.3.4] not in the ip white list"), R.PERMISSION_DENIED),
    ("gate", gate("INVALID_KEY", status=401), R.AUTHENTICATION_FAILED),
    ("gate", gate("INVALID_SIGNATURE", status=401), R.AUTHENTICATION_FAILED),
    ("gate", gate("READ_ONLY", status=403), R.PERMISSION_DENIED),
]

HTML = "<html><head><title>oops</title></head><body><h1>Bad</h1> gateway</body></html>"
UNKNOWN: list[tuple[str, Canned]] = [
    ("binance", binance(-1006, "An unexpected response was received from the message bus.", 500)),
    ("binance", binance(-1007, "Timeout waiting for response from backend server.", 408)),
    ("binance", binance(-1000, "An unknown error occurred while processing the request.", 500)),
    ("binance", binance(-1001, "Internal error; unable to process your request. Please try again.", 503)),
    ("binance", binance(-2021, "Order cancel-replace partially failed.", 409)),
    ("binance", binance(-2022, "Order cancel-replace failed.")),
    ("binance", binance(-9999, "something new")),
    ("binance", binance(-2013, "Order does not exist.")),
    ("binanceusdm", binance(-1006, "An unexpected response was received from the message bus.", 500)),
    ("binanceusdm", binance(-1007, "Timeout waiting for response from backend server.", 408)),
    ("binanceusdm", binance(-1000, "Unknown error, please check your request or try again later.", 503)),
    ("bybit", bybit(10000, "Server Timeout")),
    ("bybit", bybit(10014, "Request is duplicate")),
    ("bybit", bybit(10016, "Internal System Error.")),
    ("bybit", bybit(170001, "Internal error.")),
    ("bybit", bybit(170007, "Timeout waiting for response from backend server.")),
    ("bybit", bybit(3400214, "Server error, please try again later")),
    ("bybit", bybit(110079, "The order is processing")),
    ("okx", okx_top(50004, "API endpoint request timeout", 400)),
    ("okx", okx_top(50001, "Service temporarily unavailable", 503)),
    ("okx", okx_top(50026, "System error", 500)),
    ("okx", okx_top(50013, "Systems are busy", 503)),
    ("kucoin", kucoin(500000, "Internal Server Error", 500)),
    ("kucoin", kucoin(408000, "Network timeout")),
    ("mexc", mexc(500, "Internal error", 500)),
    ("mexc", mexc(603, "Repeated request")),
    ("gate", gate("SERVER_ERROR", status=500)),
    ("gate", gate("INTERNAL", status=500)),
    ("gate", gate("TOO_BUSY", status=503)),
]

GONE: list[tuple[str, Canned]] = [
    ("binance", binance(-2011, "Unknown order sent.")),
    ("binance", binance(-2013, "Order does not exist.")),
    ("binance", binance(-2026, "Order was canceled or expired with no executed qty over 90 days ago.")),
    ("binanceusdm", binance(-2011, "Unknown order sent.")),
    ("binanceusdm", binance(-2013, "Order does not exist.")),
    ("bybit", bybit(110001, "order not exists or too late to cancel")),
    ("bybit", bybit(170213, "Order does not exist.")),
    ("bybit", bybit(110008, "Order has been finished or canceled")),
    ("bybit", bybit(110010, "Order already cancelled")),
    ("bybit", bybit(170139, "Order has been filled.")),
    ("bybit", bybit(170142, "Order has been cancelled.")),
    ("okx", okx(51400)),
    ("okx", okx(51401)),
    ("okx", okx(51402)),
    ("okx", okx_top(51603)),
    ("kucoin", kucoin(400100, "order_not_exist_or_not_allow_to_cancel")),
    ("kucoin", kucoin("order_not_exist", "order_not_exist")),
    ("mexc", mexc(-2011, "Unknown order sent.")),
    ("mexc", mexc(-2013, "Order does not exist.")),
    ("gate", gate("ORDER_NOT_FOUND", "Order not found", 404)),
    ("gate", gate("ORDER_CLOSED")),
]

LIMITS: list[tuple[str, Canned, int]] = [
    ("binance", binance(-1003, "Too many requests", 429, **{"Retry-After": "7"}), 7_000),
    ("binance", binance(-1015, "Too many new orders", 429, **{"Retry-After": "3"}), 3_000),
    ("binance", binance(-1015, "Too many new orders; current limit is 10 orders per SECOND."), 1_000),
    ("binance", Canned(status=403, body=HTML), 1_000),
    ("binanceusdm", binance(-1003, "Too many requests", 429, **{"retry-after": "7"}), 7_000),
    ("binanceusdm", binance(-1015, "Too many new orders", 429), 1_000),
    ("bybit", bybit(10006, "Too many visits.", **{"X-Bapi-Limit-Reset-Timestamp": str(NOW_MS + 345)}), 345),
    ("bybit", bybit(10006, "Too many visits."), 1_000),
    ("bybit", bybit(170222, "Too many requests in this time frame."), 1_000),
    ("bybit", bybit(10018, "Exceeded the IP Rate Limit."), 1_000),
    ("bybit", Canned(status=429, body=HTML, headers={"Retry-After": "2"}), 2_000),
    ("bybit", Canned(status=403, body=HTML), 1_000),
    ("okx", okx_top(50011, "Too Many Requests", 429), 1_000),
    ("okx", Canned(status=429, body="Too Many Requests"), 1_000),
    ("okx", okx(50061, "maximum order rate limit"), 1_000),
    ("kucoin", kucoin(429000, "Too many requests.", 429), 1_000),
    ("mexc", mexc(429, "Too Many Requests", 429), 1_000),
    ("mexc", mexc(510, "Excessive frequency of requests"), 1_000),
    ("gate", gate("TOO_MANY_REQUESTS", status=429), 1_000),
]

BANS: list[tuple[str, Canned, int]] = [
    ("binance", binance(-1003, "Way too much request weight used; IP banned", 418, **{"Retry-After": "240"}), 240_000),
    ("binance", binance(-1003, f"IP banned until {NOW_MS + 90_000}. Please use", 418), 90_000),
    ("binance", binance(-1003, "IP banned", 418), 120_000),
    ("binanceusdm", binance(-1003, "IP banned", 418, **{"Retry-After": "9999999999"}), 259_200_000),
    ("bybit", Canned(status=403, body="access too frequent"), 600_000),
]

CLOCKS: list[tuple[str, Canned]] = [
    ("binance", binance(-1021, "Timestamp for this request is outside of the recvWindow.")),
    ("binanceusdm", binance(-1021, "Timestamp for this request is outside of the recvWindow.")),
    ("binanceusdm", binance(-5028, "Timestamp for this request is outside of the ME recvWindow.")),
    ("bybit", bybit(10002, "invalid request, please check your server timestamp or recv_window param.")),
    ("okx", okx_top(50102, "Timestamp request expired", 401)),
    ("kucoin", kucoin(400002, "KC-API-TIMESTAMP Invalid", 400)),
    ("mexc", mexc(700003, "Timestamp for this request is outside of the recvWindow.")),
    ("gate", gate("REQUEST_EXPIRED", status=403)),
]


def name(case: Any) -> str:
    if isinstance(case, Canned):
        return case.body[:60] or case.how
    return str(case)


@pytest.mark.rule("ORD-4")
@pytest.mark.parametrize("ask", [Ask.SUBMIT, Ask.AMEND])
@pytest.mark.parametrize(("exchange", "reply", "reason"), REFUSALS, ids=name)
def test_a_refusal_with_a_known_code_is_certain_and_has_a_reason(
    venue: CannedVenue, exchange: str, reply: Canned, reason: Reason, ask: Ask
) -> None:
    verdict = judge(exchange, venue.error_of(exchange, reply), ask=ask)
    assert (verdict.fate, verdict.reason, verdict.is_auth) == (Fate.REFUSED, reason, False)


@pytest.mark.parametrize(("exchange", "reply", "reason"), AUTH, ids=name)
def test_a_bad_key_is_told_from_every_request(venue: CannedVenue, exchange: str, reply: Canned, reason: Reason) -> None:
    error = venue.error_of(exchange, reply)
    for ask in Ask:
        verdict = judge(exchange, error, ask=ask)
        assert (verdict.fate, verdict.reason, verdict.is_auth) == (Fate.REFUSED, reason, True)


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize(("exchange", "reply"), UNKNOWN, ids=name)
def test_what_is_on_no_list_leaves_the_fate_of_a_new_order_unknown(
    venue: CannedVenue, exchange: str, reply: Canned
) -> None:
    verdict = judge(exchange, venue.error_of(exchange, reply), ask=Ask.SUBMIT)
    assert (verdict.fate, verdict.reason) == (Fate.UNKNOWN, None)
    assert verdict.words
    assert verdict.code


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("status", [400, 404, 408, 409, 500, 502, 503, 504, 520])
def test_a_page_of_some_proxy_leaves_the_fate_unknown(venue: CannedVenue, exchange: str, status: int) -> None:
    error = venue.error_of(exchange, Canned(status=status, body=HTML))
    assert isinstance(error, Exception)
    submit, lookup = judge(exchange, error, ask=Ask.SUBMIT), judge(exchange, error, ask=Ask.LOOK_UP)
    assert (submit.fate, lookup.fate) == (Fate.UNKNOWN, Fate.TEMPORARY)
    assert submit.code == f"HTTP {status}"
    assert "<" not in submit.words


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize(
    "reply",
    [Canned(how="drop"), Canned(how="silent"), Canned(how="cut", body='{"orderId": 1, '), Canned(status=503)],
    ids=name,
)
def test_a_connection_that_breaks_after_the_request_left_leaves_the_fate_unknown(
    venue: CannedVenue, exchange: str, reply: Canned
) -> None:
    error = venue.error_of(exchange, reply, timeout_ms=100 if reply.how == "silent" else 5000)
    assert isinstance(error, Exception)
    for ask in (Ask.SUBMIT, Ask.AMEND, Ask.CANCEL):
        verdict = judge(exchange, error, ask=ask)
        assert (verdict.fate, verdict.reason) == (Fate.UNKNOWN, None)
        assert verdict.words
    assert judge(exchange, error, ask=Ask.BALANCES).fate == Fate.TEMPORARY


@pytest.mark.rule("ORD-4")
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_request_that_never_left_may_be_sent_again(venue: CannedVenue, exchange: str) -> None:
    error = venue.error_without_server(exchange)
    for ask in Ask:
        assert judge(exchange, error, ask=ask).fate == Fate.TEMPORARY


@pytest.mark.rule("ORD-8")
@pytest.mark.parametrize(("exchange", "reply"), GONE, ids=name)
def test_an_order_that_is_gone_is_looked_up_and_no_answer_to_a_new_one(
    venue: CannedVenue, exchange: str, reply: Canned
) -> None:
    error = venue.error_of(exchange, reply)
    for ask in (Ask.CANCEL, Ask.AMEND, Ask.LOOK_UP):
        verdict = judge(exchange, error, ask=ask)
        assert (verdict.fate, verdict.reason) == (Fate.REFUSED, Reason.ORDER_NOT_FOUND)
    assert judge(exchange, error, ask=Ask.SUBMIT).fate == Fate.UNKNOWN


@pytest.mark.rule("ORD-4")
@pytest.mark.parametrize(("exchange", "reply", "wait_ms"), LIMITS, ids=name)
def test_a_rate_limit_is_temporary_and_says_how_long(
    venue: CannedVenue, exchange: str, reply: Canned, wait_ms: int
) -> None:
    error = venue.error_of(exchange, reply)
    verdict = judge(exchange, error, ask=Ask.SUBMIT, headers=reply.headers)
    assert (verdict.fate, verdict.reason) == (Fate.TEMPORARY, Reason.RATE_LIMITED)
    assert (verdict.is_rate_limit, verdict.is_ban, verdict.retry_after_ms) == (True, False, wait_ms)


@pytest.mark.parametrize(("exchange", "reply", "wait_ms"), BANS, ids=name)
def test_a_ban_says_until_when(venue: CannedVenue, exchange: str, reply: Canned, wait_ms: int) -> None:
    error = venue.error_of(exchange, reply)
    verdict = judge(exchange, error, ask=Ask.CANCEL, headers=reply.headers, now_ms=NOW_MS)
    assert (verdict.fate, verdict.is_ban, verdict.retry_after_ms) == (Fate.TEMPORARY, True, wait_ms)


@pytest.mark.rule("ORD-4")
@pytest.mark.parametrize(("exchange", "reply"), CLOCKS, ids=name)
def test_a_wrong_timestamp_had_no_effect(venue: CannedVenue, exchange: str, reply: Canned) -> None:
    verdict = judge(exchange, venue.error_of(exchange, reply), ask=Ask.SUBMIT)
    assert (verdict.fate, verdict.is_clock, verdict.is_auth) == (Fate.TEMPORARY, True, False)


@pytest.mark.parametrize("exchange", ["binance", "binanceusdm"])
def test_an_overloaded_binance_has_not_executed(venue: CannedVenue, exchange: str) -> None:
    reply = binance(-1008, "Server is currently overloaded with other requests.", 503)
    assert judge(exchange, venue.error_of(exchange, reply), ask=Ask.SUBMIT).fate == Fate.TEMPORARY


def test_a_bad_key_of_binance_stays_one_after_it_has_worked(venue: CannedVenue) -> None:
    """ccxt then takes it for a ban."""
    error = venue.error_of("binance", binance(-2015, "Invalid API-key, IP, or permissions for action.", 401))
    later = type("DDoSProtection", (Exception,), {})(str(error))
    assert judge("binance", later, ask=Ask.BALANCES).reason is Reason.AUTHENTICATION_FAILED


def test_a_refusal_in_a_server_error_is_not_believed(venue: CannedVenue) -> None:
    reply = binance(-2010, "Some refusal", 500)
    error = venue.error_of("binance", reply)
    assert judge("binance", error, ask=Ask.SUBMIT, status=500).fate == Fate.UNKNOWN
    assert judge("binance", error, ask=Ask.SUBMIT, status=400).fate == Fate.REFUSED


@pytest.mark.rule("ORD-3")
def test_the_status_of_an_earlier_answer_says_nothing_of_a_lost_one(venue: CannedVenue) -> None:
    error = venue.error_of("bybit", Canned(how="drop"))
    for status in (200, 418, 429):
        verdict = judge("bybit", error, ask=Ask.SUBMIT, status=status)
        assert (verdict.fate, verdict.code, verdict.is_rate_limit) == (Fate.UNKNOWN, "", False)
        assert "connection broke" in verdict.words


def test_a_status_that_ccxt_does_not_tell_counts(venue: CannedVenue) -> None:
    error = venue.error_of("bybit", bybit(4290, "Too many visits!"))
    assert judge("bybit", error, ask=Ask.SUBMIT).fate == Fate.UNKNOWN
    assert judge("bybit", error, ask=Ask.SUBMIT, status=429).is_rate_limit


def test_an_order_in_progress_is_cancelled_later(venue: CannedVenue) -> None:
    error = venue.error_of("bybit", bybit(110079, "The order is processing"))
    assert judge("bybit", error, ask=Ask.CANCEL).fate == Fate.TEMPORARY


@pytest.mark.parametrize(
    ("exchange", "reply"),
    [
        ("binanceusdm", binance(-5027, "No need to modify the order.")),
        ("binanceusdm", binance(-4059, "No need to change position side.")),
        ("bybit", bybit(110043, "leverage not modified")),
        ("gate", gate("NO_CHANGE", "No change is made")),
    ],
)
def test_what_is_already_so_is_accepted(venue: CannedVenue, exchange: str, reply: Canned) -> None:
    error = venue.error_of(exchange, reply)
    assert judge(exchange, error, ask=Ask.AMEND).fate == Fate.ACCEPTED
    assert judge(exchange, error, ask=Ask.SETUP).fate == Fate.ACCEPTED
    assert judge(exchange, error, ask=Ask.SUBMIT).fate == Fate.UNKNOWN


@pytest.mark.rule("SEC-5")
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_words_hold_no_address_no_signature_and_no_key(venue: CannedVenue, exchange: str) -> None:
    for reply in (Canned(status=503, body=HTML * 20), Canned(how="drop"), Canned(status=400, body="no json")):
        verdict = judge(exchange, venue.error_of(exchange, reply), ask=Ask.SUBMIT)
        assert len(verdict.words) <= 300
        assert "http://" not in verdict.words
        assert "5ecre751gna7ure" not in verdict.words


@pytest.mark.rule("SEC-5")
def test_words_of_a_bad_signature_do_not_repeat_the_key(venue: CannedVenue) -> None:
    words = 'error sign! origin_string[1700000000000k3y5000{"symbol":["BTCUSDT"]}]'
    verdict = judge("bybit", venue.error_of("bybit", bybit(10004, words)), ask=Ask.SUBMIT)
    assert verdict.words == "error sign! [...]"


@pytest.mark.parametrize(
    ("exchange", "reply", "words"),
    [
        ("binance", binance(-2010, "Duplicate order sent."), "Duplicate order sent."),
        ("binance", binance(-1013, "Market is closed."), "Market is closed."),
        ("bybit", bybit(170131, "Insufficient balance."), "Insufficient balance."),
        ("okx", okx(51008, "Insufficient USDT"), "Insufficient USDT"),
        ("gate", gate("BALANCE_NOT_ENOUGH", "Not enough balance"), "Not enough balance"),
    ],
)
def test_words_are_the_venues_own(venue: CannedVenue, exchange: str, reply: Canned, words: str) -> None:
    assert judge(exchange, venue.error_of(exchange, reply), ask=Ask.SUBMIT).words == words


@pytest.mark.parametrize(
    ("exchange", "reply"),
    [
        ("binance", binance(-2010, "Account has insufficient balance for requested action.")),
        ("binanceusdm", binance(-2019, "Margin is insufficient.")),
        ("bybit", bybit(170131, "Insufficient balance.")),
        ("okx", okx(51008)),
        ("kucoin", kucoin(200004)),
        ("mexc", mexc(10101)),
        ("gate", gate("BALANCE_NOT_ENOUGH")),
    ],
)
def test_a_whole_order_through_ccxt_is_refused(venue: CannedVenue, exchange: str, reply: Canned) -> None:
    verdict = judge(exchange, venue.error_of_order(exchange, reply), ask=Ask.SUBMIT)
    assert (verdict.fate, verdict.reason) == (Fate.REFUSED, Reason.INSUFFICIENT_FUNDS)


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("body", [HTML, "{}", "", '{"code":"0","data":[]}'], ids=["html", "object", "empty", "ok"])
def test_a_new_order_answered_without_an_id_is_of_unknown_fate(venue: CannedVenue, exchange: str, body: str) -> None:
    answer = venue.error_of_order(exchange, Canned(body=body))
    if isinstance(answer, Exception):
        verdict = judge(exchange, answer, ask=Ask.SUBMIT)
    else:
        assert not is_created(answer)
        verdict = judge_created(exchange, answer)
    assert verdict.fate == Fate.UNKNOWN


def test_a_refused_row_of_a_batch_is_refused() -> None:
    row = {"id": None, "status": "rejected", "info": {"sCode": "51008", "sMsg": "Insufficient USDT", "ordId": ""}}
    verdict = judge_created("okx", row)
    assert (verdict.fate, verdict.reason, verdict.words) == (
        Fate.REFUSED,
        Reason.INSUFFICIENT_FUNDS,
        "Insufficient USDT",
    )


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("AuthenticationError", 'binance requires "apiKey" credential', Reason.AUTHENTICATION_FAILED),
        ("BadSymbol", "binance does not have market symbol X/USDT", Reason.INSTRUMENT_INACTIVE),
        (
            "InvalidOrder",
            "binance amount of BTC/USDT must be greater than minimum amount precision of 0.001",
            Reason.BELOW_MIN_QUANTITY,
        ),
        ("NotSupported", "mexc: stop orders are not offered", Reason.EXCHANGE_REFUSED),
    ],
)
def test_what_ccxt_refuses_by_itself_was_never_sent(kind: str, text: str, reason: Reason) -> None:
    verdict = judge("binance", type(kind, (Exception,), {})(text), ask=Ask.SUBMIT)
    assert (verdict.fate, verdict.reason) == (Fate.REFUSED, reason)


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize("body", [HTML, "", "  ", "null", "OK"])
def test_a_success_without_json_is_no_answer_of_the_venue(body: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        require_answer(200, body)
    assert judge("bybit", caught.value, ask=Ask.SUBMIT).fate == Fate.UNKNOWN
    assert judge("bybit", caught.value, ask=Ask.LOOK_UP).fate == Fate.TEMPORARY
    assert "<" not in judge("bybit", caught.value, ask=Ask.LOOK_UP).words


@pytest.mark.parametrize(("status", "body"), [(200, ' {"a":1}'), (200, "[]"), (204, ""), (503, HTML)])
def test_json_and_errors_are_answers(status: int, body: str) -> None:
    require_answer(status, body)


def test_words_of_a_lost_connection_are_whole() -> None:
    error = type("NetworkError", (Exception,), {})("Connection closed by remote server, closing code 1001")
    words = judge("okx", error, ask=Ask.SETUP).words
    assert words == "NetworkError: Connection closed by remote server, closing code 1001"


@pytest.mark.parametrize("error", [KeyError("spot"), TypeError("no"), TimeoutError(), ValueError("")])
def test_any_other_exception_leaves_the_fate_unknown(error: Exception) -> None:
    assert judge("bybit", error, ask=Ask.SUBMIT).fate == Fate.UNKNOWN
    assert judge("bybit", error, ask=Ask.INSTRUMENTS).fate == Fate.TEMPORARY
    assert judge("bybit", error, ask=Ask.SUBMIT).words


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_codes_that_leave_the_fate_open_are_in_no_table(exchange: str) -> None:
    assert not LEFT_OUT[exchange] & TABLES[exchange].keys()


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_every_code_with_several_meanings_has_a_last_one(exchange: str) -> None:
    for code, meaning in TABLES[exchange].items():
        if isinstance(meaning, tuple):
            assert meaning[-1][0] == "", code
            assert all(text == text.lower() for text, _ in meaning), code
            assert all(text for text, _ in meaning[:-1]), code
        else:
            assert isinstance(meaning, Reason | Special), code


@pytest.mark.parametrize(
    ("exchange", "status", "info", "reason"),
    [
        ("bybit", "canceled", {"rejectReason": "EC_PostOnlyWillTakeLiquidity"}, Reason.WOULD_TAKE),
        ("bybit", "canceled", {"rejectReason": "EC_PerCancelRequest"}, None),
        ("bybit", "rejected", {"rejectReason": "EC_Others"}, Reason.EXCHANGE_REFUSED),
        ("bybit", "open", {"rejectReason": "EC_NoError"}, None),
        ("binance", "rejected", {"r": "INSUFFICIENT_BALANCES"}, Reason.INSUFFICIENT_FUNDS),
        ("binance", "rejected", {"r": "WOULD_MATCH_IMMEDIATELY"}, Reason.WOULD_TAKE),
        ("binance", "closed", {"r": "NONE"}, None),
        ("binanceusdm", "expired", {}, None),
        ("okx", "canceled", {"cancelSource": "31"}, Reason.WOULD_TAKE),
        ("okx", "canceled", {"cancelSource": "1"}, None),
        ("gate", "canceled", {"finish_as": "poc"}, Reason.WOULD_TAKE),
        ("mexc", "rejected", None, Reason.EXCHANGE_REFUSED),
        ("kucoin", "canceled", None, None),
    ],
)
def test_an_update_tells_why_the_venue_ended_an_order(
    exchange: str, status: str, info: object, reason: Reason | None
) -> None:
    assert reason_of_update(exchange, {"status": status, "info": info}) is reason
