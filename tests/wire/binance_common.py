"""What Binance's spot and USDT-M venues share: keys, signatures, timestamps, parameter strictness, errors, headers.

    class Venue(BinanceSimulator):
        def __init__(self, ...):
            super().__init__(account=..., clock=..., limits=Limits({"REQUEST_WEIGHT_1M": ..., "ORDERS_10S": ...}))
            self.listed("POST", "/api/v3/order", self.place, required="symbol side type", optional="price quantity",
                        security="TRADE", client_id_of=lambda call: call.get("newClientOrderId"),
                        weights={"REQUEST_WEIGHT_1M": 1, "ORDERS_10S": 1})

`security`: NONE; KEY (header only); USER_DATA (signed); TRADE (signed, needs permission to trade). Parameters that are
empty (-1105), missing (-1102), doubled (-1101) or not known (-1104) are refused. A handler fails with
`raise failure(-2011)`, `raise failure(-1013, "Filter failure: NOTIONAL")` or `raise failure(-1102, name="price")`.
Windows of `Limits` are named as in exchangeInfo: REQUEST_WEIGHT_1M, ORDERS_10S, ORDERS_1M, ORDERS_1D; the headers
X-MBX-USED-WEIGHT-1M and X-MBX-ORDER-COUNT-* come from them.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Literal

from tests.wire.core.limits import Over
from tests.wire.core.server import Call, Fail, Reply, Route, Simulator, Weights

Security = Literal["NONE", "KEY", "USER_DATA", "TRADE"]
PARAMETER = "Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
DECIMAL_RANGE = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
INTEGER_RANGE = r"^[0-9]{1,20}$"
DEFAULT_RECV_WINDOW_MS = 5_000
MAX_RECV_WINDOW_MS = 60_000
MAX_AHEAD_MS = 1_000
_API_KEY = re.compile(r"[A-Za-z0-9]{64}")
_DECIMAL, _INTEGER = re.compile(DECIMAL_RANGE), re.compile(INTEGER_RANGE)

ERRORS: Mapping[int, tuple[int, str]] = {
    -1000: (500, "An unknown error occurred while processing the request."),
    -1001: (500, "Internal error; unable to process your request. Please try again."),
    -1002: (401, "You are not authorized to execute this request."),
    -1003: (
        429,
        "Too many requests; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
    ),
    -1006: (500, "An unexpected response was received from the message bus. Execution status unknown."),
    -1007: (504, "Timeout waiting for response from backend server. Send status unknown; execution status unknown."),
    -1008: (503, "Server is currently overloaded with other requests. Please try again in a few minutes."),
    -1013: (400, "Invalid message."),
    -1014: (400, "Unsupported order combination."),
    -1015: (429, "Too many new orders; current limit is {limit} orders per {window}."),
    -1016: (503, "This service is no longer available."),
    -1020: (400, "This operation is not supported."),
    -1021: (400, "Timestamp for this request is outside of the recvWindow."),
    -1022: (400, "Signature for this request is not valid."),
    -1100: (400, "Illegal characters found in parameter '{name}'; legal range is '{range}'."),
    -1101: (400, "Duplicate values for parameter '{name}' detected."),
    -1102: (400, PARAMETER),
    -1103: (400, "An unknown parameter was sent."),
    -1104: (400, "Not all sent parameters were read; read '{read}' parameter(s) but was sent '{sent}'."),
    -1105: (400, "Parameter '{name}' was empty."),
    -1106: (400, "Parameter '{name}' sent when not required."),
    -1111: (400, "Parameter '{name}' has too much precision."),
    -1112: (400, "No orders on book for symbol."),
    -1114: (400, "TimeInForce parameter sent when not required."),
    -1115: (400, "Invalid timeInForce."),
    -1116: (400, "Invalid orderType."),
    -1117: (400, "Invalid side."),
    -1121: (400, "Invalid symbol."),
    -1127: (400, "More than 24 hours between startTime and endTime."),
    -1128: (400, "Combination of optional parameters invalid."),
    -1130: (400, "Invalid data sent for parameter '{name}'."),
    -1131: (400, "Bad 'recvWindow'; must be less than or equal 60000"),
    -2010: (400, "NEW_ORDER_REJECTED"),
    -2011: (400, "Unknown order sent."),
    -2013: (400, "Order does not exist."),
    -2014: (401, "API-key format invalid."),
    -2015: (401, "Invalid API-key, IP, or permissions for action."),
    -2018: (400, "Balance is insufficient."),
    -2019: (400, "Margin is insufficient."),
    -2020: (400, "Unable to fill."),
    -2021: (400, "Order would immediately trigger."),
    -2022: (400, "ReduceOnly Order is rejected."),
    -2025: (400, "Reach max open order limit."),
    -2026: (400, "Order was canceled or expired with no executed qty over 90 days ago and has been archived."),
    -2027: (400, "Exceeded the maximum allowable position at current leverage."),
    -4003: (400, "Quantity less than zero."),
    -4014: (400, "Price not increased by tick size."),
    -4015: (400, "Client order id is not valid."),
    -4023: (400, "Qty not increased by step size."),
    -4046: (400, "No need to change margin type."),
    -4059: (400, "No need to change position side."),
    -4061: (400, "Order's position side does not match user's setting."),
    -4116: (400, "ClientOrderId is duplicated."),
    -4120: (400, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."),
    -4164: (400, "Order's notional must be no smaller than 5.0 (unless you choose reduce only)"),
    -5021: (400, "Due to the order could not be filled immediately, the FOK order has been rejected."),
    -5022: (400, "Due to the order could not be executed as maker, the Post Only order will be rejected."),
    -5028: (400, "Timestamp for this request is outside of the ME recvWindow."),
}
"""Code -> HTTP status and words. Where a code means different things, these are the words of USDT-M."""
SPOT_ERRORS: Mapping[int, str] = {
    -2021: "Order cancel-replace partially failed.",
    -2022: "Order cancel-replace failed.",
}
"""What spot says instead."""
WORDS_OF_2010 = "Account has insufficient balance for requested action."
"""What a -2010 without words of its own says."""


class _Blank(dict[str, Any]):
    """Names without a value are left as they are."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def failed(code: int, words: str = "", status: int | None = None, **values: Any) -> Reply:
    """The venue's error as a reply."""
    usual, template = ERRORS.get(code, (400, "Unknown error."))
    if code == -2010 and not words:
        words = WORDS_OF_2010
    body = {"code": code, "msg": words or template.format_map(_Blank(values))}
    return Reply(body, usual if status is None else status)


def failure(code: int, words: str = "", status: int | None = None, **values: Any) -> Fail:
    """To be raised out of a handler."""
    return Fail(failed(code, words, status, **values))


def signature_of(secret: str, text: str | bytes) -> str:
    return hmac.new(secret.encode(), text if isinstance(text, bytes) else text.encode(), hashlib.sha256).hexdigest()


def made_up_id(*seed: Any) -> str:
    """22 letters and digits, always the same for the same seed, as Binance names orders without a client id."""
    return hashlib.sha256(repr(seed).encode()).hexdigest()[:22]


def amount(value: Decimal) -> str:
    """As Binance writes prices and quantities: eight places, more only where more are needed to be exact."""
    plain = format(value, "f")
    places = len(plain.partition(".")[2])
    if places <= 8:
        return format(value, ".8f")
    head, _, tail = plain.partition(".")
    return f"{head}.{tail[:8]}{tail[8:].rstrip('0')}"


def decimal_parameter(call: Call, name: str, *, places: int | None = None) -> Decimal | None:
    """None if it was not sent; refused if it is no plain number (-1100) or has too many places (-1111)."""
    text = call.params.get(name)
    if text is None:
        return None
    if not _DECIMAL.fullmatch(text):
        raise failure(-1100, name=name, range=DECIMAL_RANGE)
    value = Decimal(text)
    if places is not None and len(text.partition(".")[2].rstrip("0")) > places:
        raise failure(-1111, name=name)
    return value


def integer_parameter(call: Call, name: str) -> int | None:
    text = call.params.get(name)
    if text is None:
        return None
    if not _INTEGER.fullmatch(text):
        raise failure(-1100, name=name, range=INTEGER_RANGE)
    return int(text)


class BinanceSimulator(Simulator):
    """Key, signature and parameters are checked before a handler is called."""

    words: Mapping[int, str] = {}
    """Code -> words of this venue where they differ from `ERRORS`."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self._parameters: dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]] = {}

    def listed(
        self,
        method: str,
        path: str,
        handler: Callable[[Call], Reply],
        *,
        required: str = "",
        optional: str = "",
        security: Security = "NONE",
        client_id_of: Callable[[Call], str] = lambda call: "",
        weights: Weights | Callable[[Call], Weights] | None = None,
    ) -> None:
        """`required` and `optional` are names with blanks between; timestamp, recvWindow, signature are understood."""
        self.route(method, path, handler, client_id_of=client_id_of, weights=weights, tags={security})
        self._parameters[method, path] = (frozenset(required.split()), frozenset(optional.split()))

    # --- what comes before the handler ------------------------------------------------------------

    def guard(self, call: Call, route: Route) -> Reply | None:
        security = next(iter(route.tags), "NONE")
        if security != "NONE":
            self._check_key(call)
        signed = security in ("USER_DATA", "TRADE")
        self._check_parameters(call, route, signed=signed)
        if signed:
            check_time(call.params, self.clock())
            self._check_signature(call)
        if security == "TRADE" and not self.permissions["trade"]:
            raise failure(-2015)
        return None

    def _check_key(self, call: Call) -> None:
        key = call.headers.get("x-mbx-apikey", "")
        if not _API_KEY.fullmatch(key):
            raise failure(-2014)
        if key != self.api_key:
            raise failure(-2015)

    def _check_parameters(self, call: Call, route: Route, *, signed: bool) -> None:
        required, optional = self._parameters.get((route.method, route.path), (frozenset(), frozenset()))
        if signed:
            required, optional = required | {"timestamp", "signature"}, optional | {"recvWindow"}
        sent = [name for name, _ in (*call.query, *call.form)]
        for name in call.params:
            if sent.count(name) > 1:
                raise failure(-1101, name=name)
        for name, value in call.params.items():
            if not value and name in required | optional:
                raise failure(-1105, name=name)
        for name in sorted(required):
            if name not in call.params:
                raise failure(-1102, name=name)
        read = [name for name in sent if name in required | optional]
        if len(read) < len(sent):
            raise failure(-1104, read=len(read), sent=len(sent))

    def _check_signature(self, call: Call) -> None:
        body = call.body.decode("utf-8", "replace")
        query, in_query, given = call.raw_query.rpartition("signature=")
        if not in_query:
            query = call.raw_query
            body, _, given = body.rpartition("signature=")
        text = query.removesuffix("&") + body.removesuffix("&")
        if not hmac.compare_digest(signature_of(self.api_secret, text).encode(), given.lower().encode()):
            raise failure(-1022)

    # --- replies ----------------------------------------------------------------------------------

    def error(self, code: str, call: Call) -> Reply:
        number = int(code)
        return failed(number, self.words.get(number, ""), limit=self._limit(""), window="10 SECOND")

    def refuse_rate(self, over: Over, call: Call) -> Reply:
        headers = {"Retry-After": str(over.retry_after_s)}
        if over.is_ban:
            until_ms = self.clock() + over.retry_after_s * 1000
            words = (
                f"Way too much request weight used; IP banned until {until_ms}. "
                "Please use WebSocket Streams for live updates to avoid bans."
            )
            return Reply({"code": -1003, "msg": words}, 418, headers)
        code = -1015 if over.window.startswith("ORDERS") else -1003
        reply = failed(code, limit=self._limit(over.window), window=_spoken(over.window))
        return Reply(reply.body, 429, headers)

    def _limit(self, window: str) -> int:
        found = self.limits.windows.get(window or "REQUEST_WEIGHT_1M")
        return 0 if found is None else found.limit

    def finish(self, call: Call, reply: Reply) -> Reply:
        """With the rate headers: weight always, order counts with what counts as an order."""
        headers, now_ms = dict(reply.headers), self.clock()
        for name in self.limits.windows:
            kind, _, interval = name.rpartition("_")
            used = str(self.limits.used(name, now_ms))
            if kind == "REQUEST_WEIGHT":
                headers["X-MBX-USED-WEIGHT"] = headers[f"X-MBX-USED-WEIGHT-{interval}"] = used
            elif kind == "ORDERS" and name in call.weights and reply.status == 200:
                headers[f"X-MBX-ORDER-COUNT-{interval}"] = used
        return Reply(reply.body, reply.status, headers)

    def rate_limits(self) -> list[dict[str, Any]]:
        """As exchangeInfo lists them."""
        return [
            {
                "rateLimitType": name.rpartition("_")[0],
                "interval": _INTERVALS[name[-1]],
                "intervalNum": int(name.rpartition("_")[2][:-1]),
                "limit": window.limit,
            }
            for name, window in self.limits.windows.items()
        ]


_INTERVALS = {"S": "SECOND", "M": "MINUTE", "D": "DAY"}


def _spoken(window: str) -> str:
    interval = window.rpartition("_")[2]
    return f"{interval[:-1]} {_INTERVALS[interval[-1]]}" if interval else ""


def check_time(params: Mapping[str, Any], now_ms: int) -> None:
    """Timestamp and receive window of a signed request, REST or ws-api. Raises `Fail`."""
    sent, window = str(params.get("timestamp", "")), str(params.get("recvWindow", DEFAULT_RECV_WINDOW_MS))
    if not sent:
        raise failure(-1102, name="timestamp")
    if not _INTEGER.fullmatch(sent):
        raise failure(-1100, name="timestamp", range=INTEGER_RANGE)
    if not _DECIMAL.fullmatch(window):
        raise failure(-1100, name="recvWindow", range=INTEGER_RANGE)
    if Decimal(window) > MAX_RECV_WINDOW_MS:
        raise failure(-1131)
    if int(sent) > now_ms + MAX_AHEAD_MS:
        raise failure(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - int(sent) > Decimal(window):
        raise failure(-1021)
