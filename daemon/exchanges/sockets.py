"""What ccxt knows of its websockets, read from outside.

ccxt's `watch_*` returns with data only, never with "you are subscribed". What can be seen meanwhile, in
`client.clients` (address -> socket):

- `socket.futures` holds, by name, what somebody waits for: `orders`, `myTrades`, `spot:balance`, `bidask:BTC/USDT`, ...
  A `watch_*` adds its future after it has signed in (USD-M: after the listen key came; Bybit, OKX: after the answer to
  their sign-in), but on Binance spot only the first does: the others do not wait for the answer to
  `userDataStream.subscribe.signature`. As long as it is not there, a future named `authenticate...` waits; and if
  Binance refuses, ccxt trips over itself (`KeyError('spot')`) and leaves that future waiting for ever.
- `socket.isConnected`, `socket.connected` (a future), `socket.error`, `socket.closed()`.
- The subscription itself is sent right after that future is made, and its acknowledgement is not kept by ccxt; a
  refusal rejects the future. So a subscription stands if such a future, and none of a sign-in, has waited on a
  connected socket for a moment.
- `socket.last_message_at`: wall time of the newest frame of any kind, pings and pongs too.
- An event that says that the stream is over does not end a waiting `watch_*` (Binance): `Pulse` looks for it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

WAITS_FOR = {
    "orders": re.compile(r"\borders?\b"),
    "trades": re.compile(r"myTrades"),
    "balances": re.compile(r"\bbalances?\b|^account\b"),
    "prices": re.compile(r"bidask|bidsasks|ticker|orderbook"),
}
"""Stream -> how ccxt names what its watchers wait for, on all seven exchanges."""

SIGN_IN = re.compile(r"^authenticat")

END_EVENTS = frozenset({"listenKeyExpired", "eventStreamTerminated"})


class Sockets:
    """The sockets of one ccxt client. Used on its loop."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._pulses: WeakKeyDictionary[Any, Pulse] = WeakKeyDictionary()

    def of(self, stream: str) -> list[Any]:
        """Connected sockets on which somebody waits for this stream."""
        return [socket for socket in self._connected() if _awaits(socket, WAITS_FOR[stream])]

    def standing(self, stream: str) -> list[Any]:
        """Those of them that are signed in."""
        return [socket for socket in self.of(stream) if not _awaits(socket, SIGN_IN)]

    def is_signing_in(self) -> bool:
        """Somewhere a sign-in has no answer, or will never have one."""
        return any(_awaits(socket, SIGN_IN) for socket in self._connected())

    def _connected(self) -> list[Any]:
        return [
            socket
            for socket in list(self._client.clients.values())
            if socket.isConnected and socket.error is None and not socket.closed()
        ]

    def pulse(self, socket: Any, now_s: float) -> Pulse:
        """Watches this socket from now on."""
        pulse = self._pulses.get(socket)
        if pulse is None:
            pulse = self._pulses[socket] = Pulse(socket, now_s)
        return pulse

    async def drop(self, socket: Any) -> None:
        """Closes it and has ccxt forget it: the next watch dials anew. Who waits on it gets `CancelledError`."""
        clients = self._client.clients
        for url in [url for url, each in clients.items() if each is socket]:
            del clients[url]
        await socket.close()


class Pulse:
    """Whether anything comes from one socket, by the clock given and not by the wall's."""

    def __init__(self, socket: Any, now_s: float) -> None:
        self._seen = socket.last_message_at
        self._heard_s = now_s
        self._pinged_s = now_s
        self._ping: asyncio.Task[None] | None = None
        self.has_ended = False
        """The venue has said that the stream on it is over."""
        socket.on_message_callback = self._listening(socket.on_message_callback)

    def silent_s(self, socket: Any, now_s: float) -> float:
        """For how long nothing has come, not even a pong."""
        if socket.last_message_at != self._seen:
            self._seen, self._heard_s = socket.last_message_at, now_s
        return now_s - self._heard_s

    def ping(self, socket: Any, now_s: float, every_s: float) -> None:
        """Asks for a sign of life: a quiet account sends nothing by itself."""
        if now_s - max(self._pinged_s, self._heard_s) >= every_s:
            self._pinged_s = now_s
            self._ping = asyncio.ensure_future(_ping(socket))

    def _listening(self, inner: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        def listen(socket: Any, message: Any) -> None:
            if isinstance(message, dict):
                event = message.get("event")
                if (event if isinstance(event, dict) else message).get("e") in END_EVENTS:
                    self.has_ended = True
            inner(socket, message)

        return listen


def _awaits(socket: Any, wanted: re.Pattern[str]) -> bool:
    return any(wanted.search(str(name)) and not future.done() for name, future in list(socket.futures.items()))


async def _ping(socket: Any) -> None:
    try:
        await socket.connection.ping()
    except Exception:
        return  # Then nothing comes back, which is what the silence is about.
