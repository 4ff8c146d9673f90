"""The private stream (order, execution, wallet, position) and the public ones (tickers, orderbook)."""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

from actors.rules.model import Quote
from tests.wire.bybit.markets import book, stream_ticker, ticker_row
from tests.wire.bybit.replies import Json
from tests.wire.bybit.signing import Keys, check_login
from tests.wire.bybit.state import State
from tests.wire.core.account import Changed
from tests.wire.core.sockets import Socket

PRIVATE_TOPICS = frozenset({"order", "execution", "wallet", "position"})
DEPTHS = frozenset({"1", "50", "200", "1000"})
REPEAT_S = 3.0
"""Perpetuals: the best level is told again after so long without a change."""


class StreamSession:
    """Operations common to both kinds: ping, subscribe, unsubscribe. `open_sessions` holds those that live."""

    def __init__(self, socket: Socket, open_sessions: set[StreamSession]) -> None:
        self._socket, self._open_sessions = socket, open_sessions
        open_sessions.add(self)
        self._connection = f"{uuid4().hex[:20]}-sim"
        self.topics: set[str] = set()

    def received(self, text: str) -> None:
        try:
            message = json.loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self._answer({"op": "", "req_id": ""}, "error:invalid message")
            return
        operation = message.get("op")
        if operation == "ping":
            self.pong(message)
        elif operation == "subscribe":
            self._subscribe(message)
        elif operation == "unsubscribe":
            self.topics.difference_update(str(topic) for topic in message.get("args") or ())
            self._answer(message, "")
        elif not self.other(message):
            self._answer(message, "error:invalid op")

    def closed(self) -> None:
        self.topics.clear()
        self._open_sessions.discard(self)

    def pong(self, message: Json) -> None:
        self._socket.send({**self._head(message, "pong"), "op": "ping"})

    def other(self, message: Json) -> bool:
        """Whether the session knows the operation."""
        return False

    def refuse(self, topic: str) -> str:
        """Why this topic cannot be subscribed to, nothing if it can."""
        raise NotImplementedError

    def opened(self, topic: str) -> None:
        """After the answer to a subscription."""

    def _subscribe(self, message: Json) -> None:
        topics = [str(topic) for topic in message.get("args") or ()]
        words = next(filter(None, map(self.refuse, topics)), "") if topics else "error:no topic"
        fresh = [] if words else [topic for topic in topics if topic not in self.topics]
        self.topics.update(fresh)
        self._answer(message, words)
        for topic in fresh:
            self.opened(topic)

    def _answer(self, message: Json, words: str) -> None:
        self._socket.send({**self._head(message, words), "success": not words, "op": message.get("op", "")})

    def _head(self, message: Json, words: str) -> Json:
        request = message.get("req_id")
        return {
            "success": True,
            "ret_msg": words,
            "conn_id": self._connection,
            "req_id": "" if request is None else str(request),
        }


class PrivateSession(StreamSession):
    def __init__(self, socket: Socket, open_sessions: set[StreamSession], state: State, keys: Keys) -> None:
        super().__init__(socket, open_sessions)
        self._state, self._keys = state, keys
        self._is_known = False
        state.listeners.append(self._event)

    def closed(self) -> None:
        super().closed()
        if self._event in self._state.listeners:
            self._state.listeners.remove(self._event)

    def pong(self, message: Json) -> None:
        request = message.get("req_id")
        self._socket.send(
            {
                "req_id": "" if request is None else str(request),
                "op": "pong",
                "args": [str(self._state.clock())],
                "conn_id": self._connection,
            }
        )

    def other(self, message: Json) -> bool:
        if message.get("op") != "auth":
            return False
        said = check_login(self._keys, message.get("args"), self._state.clock())
        self._is_known = said is None
        if said is None:
            self._socket.send({"success": True, "ret_msg": "", "op": "auth", "conn_id": self._connection})
        else:
            answer = {"success": False, "retCode": said.code, "retMsg": said.words, "op": "auth"}
            self._socket.send({**answer, "connId": self._connection})
            self._socket.close(1000)
        return True

    def refuse(self, topic: str) -> str:
        if not self._is_known:
            return "Request not authorized"
        return "" if topic.partition(".")[0] in PRIVATE_TOPICS else f"error:handler not found,topic:{topic}"

    def _event(self, topic: str, rows: list[Json]) -> None:
        category = rows[0].get("category", "")
        if not self._is_known or not self.topics & {topic, f"{topic}.{category}"}:
            return
        now_ms = self._state.clock()
        self._socket.event({"id": f"{uuid4().hex}:{now_ms}", "topic": topic, "creationTime": now_ms, "data": rows})


class PublicSession(StreamSession):
    """Prices of one category."""

    def __init__(self, socket: Socket, open_sessions: set[StreamSession], state: State, category: str) -> None:
        super().__init__(socket, open_sessions)
        self._state, self._category = state, category
        self._account = state.accounts[category]
        self._stop = self._account.on_change(self._changed)
        self._update = 1
        self._last: dict[str, Json] = {}
        """The ticker last told, by topic."""
        self._repeats: dict[str, asyncio.TimerHandle] = {}

    def closed(self) -> None:
        super().closed()
        self._stop()
        for timer in self._repeats.values():
            timer.cancel()

    def refuse(self, topic: str) -> str:
        kind, _, rest = topic.partition(".")
        symbol = rest.rpartition(".")[2]
        is_known = self._account.instrument(symbol) is not None
        if kind == "tickers" and is_known:
            return ""
        if kind == "orderbook" and is_known and rest.partition(".")[0] in DEPTHS:
            return ""
        return f"error:handler not found,topic:{topic}"

    def opened(self, topic: str) -> None:
        self._tell(topic, is_first=True)

    def _changed(self, changed: Changed) -> None:
        if changed.kind != "price":
            return
        for topic in [each for each in sorted(self.topics) if each.rpartition(".")[2] == changed.symbol]:
            self._tell(topic, is_first=False)

    def _tell(self, topic: str, *, is_first: bool) -> None:
        symbol = topic.rpartition(".")[2]
        quotes, price = self._account.bid_ask(symbol), self._account.price(symbol)
        if quotes is None or price is None:
            return
        now_ms, self._update = self._state.clock(), self._update + 1
        quote = Quote(bid=quotes[0], ask=quotes[1], time_ms=now_ms)
        instrument = self._account.instruments[symbol]
        if topic.startswith("orderbook"):
            data = book(instrument, quote, self._update)
            self._send(topic, "snapshot", data, now_ms, {"cts": now_ms})
            self._plan_repeat(topic)
            return
        data = stream_ticker(ticker_row(instrument, quote, price, self._category), self._category)
        last, self._last[topic] = self._last.get(topic, {}), data
        if is_first or self._category == "spot":
            self._send(topic, "snapshot", data, now_ms, {"cs": self._update})
            return
        news = {name: value for name, value in data.items() if last.get(name) != value}
        self._send(topic, "delta", {"symbol": symbol, **news}, now_ms, {"cs": self._update})

    def _send(self, topic: str, kind: str, data: Json, now_ms: int, more: Json) -> None:
        self._socket.event({"topic": topic, "type": kind, "ts": now_ms, "data": data, **more})

    def _plan_repeat(self, topic: str) -> None:
        if self._category == "spot" or ".1." not in topic:
            return
        if topic in self._repeats:
            self._repeats[topic].cancel()
        loop = asyncio.get_running_loop()
        self._repeats[topic] = loop.call_later(REPEAT_S, self._repeat, topic)

    def _repeat(self, topic: str) -> None:
        if topic in self.topics:
            self._tell(topic, is_first=False)
