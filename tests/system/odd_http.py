"""Odd requests to the webhook, as strategies: what a sender, a scanner or an attacker may write on a socket."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import time
from typing import Any

from hypothesis import strategies as st

HOOK = "/hook/tradingview"

_NUMBERS = st.sampled_from(
    ["1e999999", "-1e999999", "1e-999999", "NaN", "-Infinity", "Infinity", "0", "-0", "-1", "1e400", "9" * 5000,
     "0." + "0" * 400 + "1", "1E+308", "00", "1.", ".5", "0x10", "1_000"]
)  # fmt: skip
_TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["", " ", "{{close}}", "\0", "\ud800", "\u202e", "💥" * 50, "BTCUSDT", "buy", "NaN", "null", "../x", "a" * 9000]
    ),
)
_LEAVES = st.one_of(_NUMBERS, st.sampled_from(["null", "true", "false", "[]", "{}"]), _TEXTS.map(json.dumps))
FIELDS = ("tv", "timestamp", "risk", "execution_intent", "strategy_info", "secret", "source")
TV = ("exchange", "symbol", "timeframe", "action", "market_position", "prev_market_position", "market_position_size",
      "prev_market_position_size", "entry_price", "close_price", "order_size")  # fmt: skip


def an_alert(secret: str) -> dict[str, Any]:
    tv = {"exchange": "BINANCE", "symbol": "BTCUSDT", "timeframe": "60", "action": "buy", "close_price": "100"}
    return {"secret": secret, "tv": tv}


@st.composite
def bodies(draw: st.DrawFn, secret: str) -> bytes:
    """A body: nearly an alert, JSON out of order, or no JSON at all; some with the right secret."""
    kind = draw(
        st.sampled_from(["field", "field", "duplicate", "deep", "wide", "broken", "bytes", "gzip", "empty", "nulls"])
    )
    whole = an_alert(secret if draw(st.booleans()) else "wrong")
    text = json.dumps(whole)
    if kind == "field":
        name, leaf = draw(st.sampled_from((*FIELDS, *TV))), draw(_LEAVES)
        member = f'"{name}": {leaf}'
        if name in TV:
            text = text.replace('"tv": {', '"tv": {' + member + ("" if draw(st.booleans()) else ", "), 1)
        else:
            text = text[:-1] + ", " + member + "}"
    elif kind == "duplicate":
        text = text[:-1] + "".join(f', "tv": {draw(_LEAVES)}, "secret": {draw(_LEAVES)}' for _ in range(3)) + "}"
    elif kind == "deep":
        levels = draw(st.sampled_from([7, 8, 9, 100, 20_000]))
        text = text[:-1] + ', "x": ' + "[" * levels + "]" * (levels if draw(st.booleans()) else 0) + "}"
    elif kind == "wide":
        text = text[:-1] + "".join(f', "k{n}": {draw(_NUMBERS)}' for n in range(draw(st.sampled_from([10, 60])))) + "}"
    elif kind == "broken":
        text = text[: draw(st.integers(0, len(text)))] + draw(st.text(max_size=5)) + text[draw(st.integers(0, 100)) :]
    elif kind == "bytes":
        return draw(st.binary(max_size=300))
    elif kind == "gzip":
        return gzip.compress(b"[" * 5_000_000 if draw(st.booleans()) else text.encode())
    elif kind == "empty":
        return draw(st.sampled_from([b"", b" ", b"\n", b"\xef\xbb\xbf", b"null", b"[]", b'""', b"0"]))
    elif kind == "nulls":
        text = text.replace('"buy"', draw(st.sampled_from(["null", '"\\u0000"', '"bu\0y"', "[null]"])))
    return text.encode("utf-8", "surrogatepass")


@st.composite
def _heads(draw: st.DrawFn, key: str, body: bytes, *, is_odd: bool) -> list[bytes]:
    """Header lines, framing aside."""
    lines = []
    for _ in range(draw(st.integers(1, 4)) if is_odd else 0):
        lines.append(
            draw(
                st.sampled_from(
                    [b"Content-Type: application/json", b"Content-Type: text/plain; charset=utf-16",
                    b"Content-Encoding: gzip",
                     b"Content-Encoding: br", b"Content-Encoding: deflate, gzip", b"Expect: 100-continue",
                     b"Expect: 200-ok",
                     b"X-Forwarded-For: ::1, nonsense, 1.2.3.4:5", b"X-Forwarded-For: " + b"1.1.1.1, " * 300,
                     b"Idempotency-Key: \xff\xfe", b"Idempotency-Key: " + b"k" * 200,
                     b"Connection: upgrade\r\nUpgrade: websocket",
                     b"Connection: keep-alive, close, TE", b"X-Terrace-Signature: t=1,v1=" + b"0" * 64,
                     b"X-Terrace-Signature: " + b"v1=a," * 500, b"X-Terrace-Signature: t=99999999999999999999,v1=x",
                     b"X: " + b"y" * 20_000, b"\r\n".join(b"X%d: y" % n for n in range(300)), b"No colon", b": empty",
                     b" folded: x", b"Host: two", b"Cookie: " + b"a=b; " * 200, b"A\0B: c", b"Range: bytes=0-",
                     b"Trailer: X"]
                )
            )
        )  # fmt: skip
    if draw(st.integers(0, 4)) == 0:
        stamp = int(time.time())
        digest = hmac.new(key.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest()
        lines.append(f"X-Terrace-Signature: t={stamp},v1=0,v1={digest}".encode())
    return lines


@st.composite
def requests(draw: st.DrawFn, secret: str, key: str) -> bytes:
    """What is written on one connection: one request or several, framed well or badly."""
    return b"".join(draw(_request(secret, key)) for _ in range(draw(st.sampled_from([1, 1, 1, 1, 2, 5]))))


_PARTS = ("method", "path", "version", "headers", "framing", "newline")
_METHODS = st.sampled_from(
    ["GET", "PUT", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PRI", "post", "P\0ST", "X" * 3000, "POST http://x"]
)
_PATHS = st.sampled_from(
    [
        *("/hook/nobody", "/hook/", "/hook", "/", "/healthz", "*", "http://x/hook/tradingview", HOOK + "/"),
        *("/hook/%00", "/hook/%ff%fe", "/hook/..%2f..%2fetc%2fpasswd", "//hook//tradingview", "/hook/é"),
        *("/hook/tradingview%20", "/hook/" + "a" * 9000, HOOK + "?a=" + "b" * 3000, HOOK + "#x"),
    ]
)
_VERSIONS = st.sampled_from(["HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "", "HTTP/1.1 x"])
_FRAMINGS = st.sampled_from(
    ["none", "short", "long", "two", "minus", "plus", "huge", "words", "both", "chunked", "bad chunk", "huge chunk"]
)
_LENGTHS = {"minus": b"-1", "plus": b"+5", "huge": b"99999999999999999999", "words": b"many"}


@st.composite
def _request(draw: st.DrawFn, secret: str, key: str) -> bytes:
    """Odd in two parts of the head at most, so that many get as far as the body."""
    body = draw(bodies(secret))
    odd = draw(st.sets(st.sampled_from(_PARTS), max_size=2)) if draw(st.booleans()) else set()
    method = draw(_METHODS) if "method" in odd else "POST"
    path = draw(_PATHS) if "path" in odd else HOOK
    version = draw(_VERSIONS) if "version" in odd else "HTTP/1.1"
    head = [f"{method} {path} {version}".encode(), b"Host: x", *draw(_heads(key, body, is_odd="headers" in odd))]
    length = b"Content-Length: %d"
    framing = draw(_FRAMINGS) if "framing" in odd else "length"
    if framing in ("length", "both", "short", "long", "two"):
        head.append(length % max(0, len(body) + {"short": -3, "long": 7}.get(framing, 0)))
    if framing == "two":
        head.append(length % 3)
    if framing in _LENGTHS:
        head.append(b"Content-Length: " + _LENGTHS[framing])
    if framing in ("both", "chunked", "bad chunk", "huge chunk"):
        head.append(b"Transfer-Encoding: chunked")
        size = {"bad chunk": b"xyz", "huge chunk": b"ffffffffffff"}.get(framing, b"%x;ext=%s" % (len(body), b"e" * 50))
        body = size + b"\r\n" + body + b"\r\n0\r\nT: railer\r\n\r\n"
    newline = b"\n" if "newline" in odd else b"\r\n"
    return newline.join(head) + newline * 2 + body
