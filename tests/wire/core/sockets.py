"""Stream sockets. A venue gives a session for each; the socket carries its frames through the faults.

    class MySession:                         # made by the factory of `simulator.ws_route(regex, factory)`
        def __init__(self, socket: Socket): ...
        def received(self, text: str) -> None: ...       # a text frame of the client
        def closed(self) -> None: ...                    # the socket is gone: stop listening

`socket.send(value)` for answers (subscribed, pong, ...), `socket.event(value)` for what the faults may lose, double,
delay or reorder. `socket.close(code)`; `socket.path`, `socket.query` (raw) and `socket.match` are of the handshake. A
factory that raises `Refuse(status)` answers the handshake with that status.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from re import Match
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from tests.wire.core.faults import Faults

HELD_MS = 200
"""How long a reordered frame waits for its successor at most."""
ABNORMAL = 1006


class Refuse(Exception):
    """The handshake fails with this status."""

    def __init__(self, status: int, body: str = "") -> None:
        super().__init__(status)
        self.status, self.body = status, body


class Session(Protocol):
    def received(self, text: str) -> None: ...

    def closed(self) -> None: ...


SessionFactory = Callable[["Socket"], Session]


class Socket:
    def __init__(
        self,
        request: web.Request,
        match: Match[str],
        faults: Faults,
        note: Callable[[str, str], None] = lambda path, frame: None,
    ) -> None:
        """`note` is told of each frame in the moment it leaves."""
        self.path, _, self.query = request.raw_path.partition("?")
        self.match, self.headers = match, request.headers
        self._request, self._faults, self._note = request, faults, note
        self._ws = web.WebSocketResponse(autoping=False, heartbeat=None)
        self._out: asyncio.Queue[str | int] = asyncio.Queue()
        """Frames, and at last a close code."""
        self._held: str | None = None

    # --- for sessions -----------------------------------------------------------------------------

    def send(self, value: Any) -> None:
        """An answer to the client, text or JSON."""
        self._out.put_nowait(_text(value))

    def event(self, value: Any) -> None:
        """A frame that the stream faults apply to."""
        frame, frames = _text(value), self._faults.frame(self.path)
        loop = asyncio.get_running_loop()
        if frames.is_held and self._held is None:
            self._held = frame
            loop.call_later(HELD_MS / 1000, self._release)
            return
        for _ in range(frames.copies):
            if frames.delay_ms:
                loop.call_later(frames.delay_ms / 1000, self._out.put_nowait, frame)
            else:
                self._out.put_nowait(frame)
        self._release()

    def close(self, code: int = 1000) -> None:
        """1006: the connection breaks without a goodbye."""
        if code == ABNORMAL:
            if self._request.transport is not None:
                self._request.transport.abort()
        else:
            self._out.put_nowait(code)

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._out.put_nowait(held)

    # --- for the server ---------------------------------------------------------------------------

    async def serve(self, factory: SessionFactory) -> web.StreamResponse:
        try:
            session = factory(self)
        except Refuse as refuse:
            return web.Response(status=refuse.status, text=refuse.body)
        await self._ws.prepare(self._request)
        writer = asyncio.create_task(self._write())
        try:
            await self._read(session)
        finally:
            session.closed()
            writer.cancel()
        return self._ws

    async def _read(self, session: Session) -> None:
        async for message in self._ws:
            if self._faults.is_zombie(self.path):
                continue
            if message.type is WSMsgType.PING:
                await self._ws.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                session.received(message.data)

    async def _write(self) -> None:
        while True:
            frame = await self._out.get()
            if isinstance(frame, int):
                await self._ws.close(code=frame)
                return
            if not self._faults.is_zombie(self.path):
                self._note(self.path, frame)
                try:
                    await self._ws.send_str(frame)
                except (ConnectionError, RuntimeError):
                    return


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
