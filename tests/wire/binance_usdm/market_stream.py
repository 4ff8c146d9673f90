"""Market streams, as `/public/ws/N` and `/market/ws/N` carry them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tests.wire.core.account import Changed, SimAccount
from tests.wire.core.ledger import text
from tests.wire.core.sockets import Socket

Json = dict[str, Any]

REPEAT_S = 1.0
"""Market streams say the same again that often: real ones are never silent."""


class MarketSession:
    """`SUBSCRIBE` and `UNSUBSCRIBE`; each of the two paths carries its own kinds of stream and is silent on others."""

    def __init__(self, account: SimAccount, socket: Socket, kinds: frozenset[str], clock: Callable[[], int]) -> None:
        self._account, self._socket, self._kinds, self._clock = account, socket, kinds, clock
        self._streams: dict[str, None] = {}
        self._stop = account.on_change(self._changed)
        self._updates = 0
        self._timer: asyncio.TimerHandle | None = None
        self._repeat()

    def received(self, text: str) -> None:
        try:
            message = json.loads(text)
            method, names, number = message["method"], message["params"], message["id"]
        except (ValueError, KeyError, TypeError):
            self._socket.send({"error": {"code": 2, "msg": "Invalid request: invalid JSON"}})
            return
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            self._socket.send({"error": {"code": 2, "msg": "Invalid request: unknown method"}, "id": number})
            return
        self._socket.send({"result": None, "id": number})
        for name in names:
            if method == "UNSUBSCRIBE":
                self._streams.pop(name, None)
            else:
                self._streams[name] = None
                self._say(name, None)

    def closed(self) -> None:
        self._stop()
        if self._timer is not None:
            self._timer.cancel()

    def _repeat(self) -> None:
        for name in self._streams:
            self._say(name, None)
        self._timer = asyncio.get_running_loop().call_later(REPEAT_S, self._repeat)

    def _changed(self, changed: Changed) -> None:
        if changed.kind == "price":
            for name in self._streams:
                self._say(name, changed.symbol)

    def _say(self, name: str, only: str | None) -> None:
        """What the stream of that name has to say, of all symbols or of one."""
        whom, _, kind = name.partition("@")
        if whom.startswith("!"):
            kind, of_all = whom[1:], True
        else:
            kind, of_all = kind.partition("@")[0], False
        if kind not in self._kinds:
            return
        symbols = list(self._account.instruments) if of_all else [whom.upper()]
        said = [
            self._event(kind, symbol)
            for symbol in symbols
            if (only is None or symbol == only) and symbol in self._account.instruments
        ]
        events = [event for event in said if event is not None]
        if of_all and kind != "bookTicker":
            if events:
                self._socket.event(events)
        else:
            for event in events:
                self._socket.event(event)

    def _event(self, kind: str, symbol: str) -> Json | None:
        price, sides, now_ms = self._account.price(symbol), self._account.bid_ask(symbol), self._clock()
        if price is None or sides is None:
            return None
        self._updates += 1
        match kind:
            case "bookTicker":
                return {
                    "e": "bookTicker",
                    "u": self._updates,
                    "E": now_ms,
                    "T": now_ms,
                    "s": symbol,
                    "b": text(sides[0]),
                    "B": "10",
                    "a": text(sides[1]),
                    "A": "10",
                }
            case "markPrice":
                return {
                    "e": "markPriceUpdate",
                    "E": now_ms,
                    "s": symbol,
                    "p": text(price),
                    "i": text(price),
                    "P": text(price),
                    "r": "0.00010000",
                    "T": next_funding_ms(now_ms),
                }
        still = text(price)
        return {
            "e": "24hrMiniTicker",
            "E": now_ms,
            "s": symbol,
            "c": still,
            "o": still,
            "h": still,
            "l": still,
            "v": "1000",
            "q": text(price * 1000),
        }


PUBLIC_KINDS = frozenset({"bookTicker"})
MARKET_KINDS = frozenset({"miniTicker", "markPrice"})
FUNDING_PERIOD_MS = 8 * 3_600_000


def next_funding_ms(now_ms: int) -> int:
    return (now_ms // FUNDING_PERIOD_MS + 1) * FUNDING_PERIOD_MS
