"""The user stream over `/ws-api/v3` and the market streams over `/ws/{n}`."""

from __future__ import annotations

import asyncio
import hmac
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from actors.rules.money import ZERO
from tests.wire.binance_common import amount, check_time, failure, signature_of
from tests.wire.binance_spot.shapes import Json, execution_json, position_json
from tests.wire.core.account import Changed
from tests.wire.core.server import LOG, Fail
from tests.wire.core.sockets import Socket

if TYPE_CHECKING:
    from tests.wire.binance_spot.venue import BinanceSpot

MAX_STREAMS = 1024
BEAT_S = 1.0
"""How often a market's price is told again: real ones never stand still."""
DEPTH = amount(ZERO + 10)
_STREAM = re.compile(r"([a-z0-9]+)@(bookTicker|miniTicker)")


class UserSession:
    """One ws-api connection; a subscription tells of every change of the account."""

    def __init__(self, venue: BinanceSpot, socket: Socket) -> None:
        self._venue, self._socket = venue, socket
        self._subscriptions: set[int] = set()
        self._next_subscription = 0
        self._unlisten = venue.account.on_change(self._changed)
        venue.user_sessions.add(self)

    def received(self, text: str) -> None:
        request: Json = {}
        try:
            request = json.loads(text)
            result = self._answer(str(request.get("method", "")), request.get("params") or {})
            answer = {"id": request.get("id"), "status": 200, "result": result}
        except Fail as fail:
            answer = {"id": request.get("id"), "status": fail.reply.status, "error": fail.reply.body}
        except (ValueError, AttributeError):
            fault = {"code": -1135, "msg": "Invalid JSON Request"}
            answer = {"id": None, "status": 400, "error": fault}
        answer["rateLimits"] = []
        self._socket.send(answer)

    def closed(self) -> None:
        self._unlisten()
        self._venue.user_sessions.discard(self)

    @property
    def is_subscribed(self) -> bool:
        return bool(self._subscriptions)

    def terminate(self) -> None:
        """The venue ends the subscriptions, the socket stays."""
        for each in sorted(self._subscriptions):
            event = {"e": "eventStreamTerminated", "E": self._venue.clock()}
            self._socket.event({"subscriptionId": each, "event": event})
        self._subscriptions.clear()

    def _answer(self, method: str, params: dict[str, Any]) -> Any:
        if method == "ping":
            return {}
        if method == "time":
            return {"serverTime": self._venue.clock()}
        if method == "userDataStream.subscribe.signature":
            return self._subscribe(params)
        if method == "userDataStream.unsubscribe":
            return self._unsubscribe(params)
        LOG.error("%s: unlisted ws-api method %s", self._venue.venue, method)
        self._venue.unlisted[f"WS-API {method}"] += 1
        raise failure(-1000, "Unknown method", status=400)

    def _subscribe(self, params: dict[str, Any]) -> Json:
        for name in ("apiKey", "timestamp", "signature"):
            if not params.get(name):
                raise failure(-1102, name=name)
        if params["apiKey"] != self._venue.api_key:
            raise failure(-2015)
        check_time(params, self._venue.clock())
        signed = "&".join(
            f"{name}={quote(str(value), safe='~()*!.')}"
            for name, value in sorted(params.items())
            if name != "signature"
        )
        expected = signature_of(self._venue.api_secret, signed)
        if not hmac.compare_digest(expected.encode(), str(params["signature"]).lower().encode()):
            raise failure(-1022)
        number, self._next_subscription = self._next_subscription, self._next_subscription + 1
        self._subscriptions.add(number)
        return {"subscriptionId": number}

    def _unsubscribe(self, params: dict[str, Any]) -> Json:
        number = params.get("subscriptionId")
        self._subscriptions = set() if number is None else self._subscriptions - {int(number)}
        return {}

    def _changed(self, changed: Changed) -> None:
        if not self._subscriptions:
            return
        event: Json
        if changed.order is not None:
            event = execution_json(changed, self._venue.cancel_id(changed.order))
        elif changed.kind == "balance":
            event = position_json(changed.balances, changed.time_ms)
        else:
            return
        for each in sorted(self._subscriptions):
            self._socket.event({"subscriptionId": each, "event": event})


class MarketSession:
    """One market stream connection: `bookTicker` and `miniTicker` of the symbols asked for."""

    def __init__(self, venue: BinanceSpot, socket: Socket) -> None:
        self._venue, self._socket = venue, socket
        self._streams: dict[str, None] = {}
        self._unlisten = venue.account.on_change(self._changed)
        self._beat = asyncio.create_task(self._beats())

    def received(self, text: str) -> None:
        request: Json = {}
        try:
            request = json.loads(text)
            method, streams = request["method"], request.get("params", [])
            if method == "SUBSCRIBE":
                self._subscribe(streams)
            elif method == "UNSUBSCRIBE":
                for stream in streams:
                    self._streams.pop(stream, None)
            elif method != "LIST_SUBSCRIPTIONS":
                raise ValueError(f"unknown variant {method}")
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            self._socket.send({"error": {"code": 2, "msg": f"Invalid request: {error}"}, "id": request.get("id")})
            return
        result = list(self._streams) if request["method"] == "LIST_SUBSCRIPTIONS" else None
        self._socket.send({"result": result, "id": request.get("id")})
        if request["method"] == "SUBSCRIBE":
            self._tell(streams)

    def closed(self) -> None:
        self._beat.cancel()
        self._unlisten()

    def _subscribe(self, streams: list[str]) -> None:
        """Unknown streams are taken without a word, as the venue does; they stay silent."""
        self._streams |= dict.fromkeys(streams)
        if len(self._streams) > MAX_STREAMS:
            raise ValueError("too many streams")

    def _changed(self, changed: Changed) -> None:
        if changed.kind == "price" and self._streams:
            name = changed.symbol.lower()
            self._tell([stream for stream in (f"{name}@bookTicker", f"{name}@miniTicker") if stream in self._streams])

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            self._tell(list(self._streams))

    def _tell(self, streams: list[str]) -> None:
        for stream in streams:
            found = _STREAM.fullmatch(stream)
            if found is None:
                continue
            symbol = found[1].upper()
            if self._venue.account.instrument(symbol) is None:
                continue
            event = book_ticker(self._venue, symbol) if found[2] == "bookTicker" else mini_ticker(self._venue, symbol)
            if event is not None:
                self._socket.event(event)


def book_ticker(venue: BinanceSpot, symbol: str) -> Json | None:
    prices = venue.account.bid_ask(symbol)
    if prices is None:
        return None
    return {
        "u": venue.next_number(),
        "s": symbol,
        "b": amount(prices[0]),
        "B": DEPTH,
        "a": amount(prices[1]),
        "A": DEPTH,
    }


def mini_ticker(venue: BinanceSpot, symbol: str) -> Json | None:
    price = venue.account.price(symbol)
    if price is None:
        return None
    text = amount(price)
    event: Json = {"e": "24hrMiniTicker", "E": venue.clock(), "s": symbol, "c": text, "o": text, "h": text, "l": text}
    return event | {"v": "1000.00000000", "q": amount(price * 1000)}
