"""HTTP connections that must say what they want within a time: one that dribbles its headers holds no place."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gui.guard import BARE_HEADERS

HEADERS_S = 5.0
"""From the connection, or the first byte of a further request, until its headers are whole."""


async def busy(_scope: Any, _receive: Any, send: Any) -> None:
    """In the place of the server's own answer when too many ask at once, which has none of our headers."""
    body = b'{"error":{"reason":"BUSY","message":"the panel is asked too much at once: try again","remedy":""}}'
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"1"),
        (b"connection", b"close"),
        *BARE_HEADERS.items(),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Prompt(H11Protocol):
    """Closes a connection whose request does not come. What the server itself answers carries the guard's headers."""

    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._most, self.limit_concurrency = self.limit_concurrency, None
        self._served, self.app = self.app, self._bounded

    async def _bounded(self, scope: Any, receive: Any, send: Any) -> None:
        most = self._most
        is_too_much = most is not None and (len(self.connections) >= most or len(self.tasks) > most)
        await (busy if is_too_much else self._served)(scope, receive, send)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._arm()
        else:
            self._disarm()

    def send_400_response(self, msg: str) -> None:
        """Of a request that is none."""
        body = msg.encode("ascii", "replace")
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            *BARE_HEADERS.items(),
        ]
        for event in (h11.Response(status_code=400, headers=headers, reason=b"Bad Request"), h11.Data(data=body)):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.write(self.conn.send(h11.EndOfMessage()) or b"")
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADERS_S, self.transport.close)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
