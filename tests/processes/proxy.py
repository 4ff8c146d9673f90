"""A TCP proxy on loopback that fails as networks do.

    with Proxy(port) as proxy:
        proxy.set(Link.BLACK_HOLE)      # and later
        proxy.set(Link.OPEN)

Bytes are passed on as they are; who speaks what does not matter. One thread, used from any.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from concurrent.futures import Future
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

from tests.ports import free_port

CHUNK_BYTES = 65536
SLOW_S = 0.15
"""What `SLOW` puts before each piece, in each direction."""
START_S = 10.0


class Link(StrEnum):
    """How the way is from now on."""

    OPEN = "open"
    REFUSED = "refused"
    """Nobody listens; what was connected is reset."""
    RESET = "reset"
    """What is connected is reset, and so is every new connection at once."""
    BLACK_HOLE = "black_hole"
    """Everything sent is swallowed, both ways, without a word. What was connected meanwhile stays so, half open."""
    STALLED = "stalled"
    """Nothing moves; afterwards all of it arrives."""
    ANSWERS_LOST = "answers_lost"
    """Requests arrive, answers do not. What was connected meanwhile stays deaf."""
    SLOW = "slow"


_SWALLOWS = {Link.BLACK_HOLE: (True, True), Link.ANSWERS_LOST: (False, True)}
"""By direction: there, back."""


class _Pipe:
    """One connection through the proxy."""

    def __init__(self, near: asyncio.StreamWriter) -> None:
        self.near = near
        self.far: asyncio.StreamWriter | None = None
        self.swallows = (False, False)
        """For good: a half-open connection does not come back."""
        self.over = asyncio.Event()

    def reset(self) -> None:
        """Both ends get a reset, not a goodbye."""
        self.over.set()
        for writer in (self.near, self.far):
            if writer is None:
                continue
            raw = writer.get_extra_info("socket")
            if raw is not None:
                with contextlib.suppress(OSError):
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Proxy:
    """Listens on a free port of its own and leads to `target_port`, both on 127.0.0.1."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = free_port()
        self.link = Link.OPEN
        self.connections = 0
        """All that were ever made."""
        self._pipes: set[_Pipe] = set()
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._moving: asyncio.Event
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_S)
        self._loop.close()

    def set(self, link: Link) -> None:
        """The way is like this from now on; returns when it is."""
        self._do(self._set(link))

    def cut(self) -> None:
        """What is connected now is reset, once."""
        self._do(self._cut())

    # --- on the proxy's own loop ------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Any) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(START_S)

    async def _listen(self) -> None:
        self._moving = asyncio.Event()
        self._moving.set()
        await self._open_door()

    async def _open_door(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _set(self, link: Link) -> None:
        self.link = link
        if link is Link.REFUSED and self._server is not None:
            self._server.close()
            self._server = None
        else:
            await self._open_door() if link is not Link.REFUSED else None
        if link in (Link.REFUSED, Link.RESET):
            await self._cut()
        if link is Link.STALLED:
            self._moving.clear()
        else:
            self._moving.set()
        for pipe in self._pipes:
            self._mark(pipe)

    def _mark(self, pipe: _Pipe) -> None:
        there, back = _SWALLOWS.get(self.link, (False, False))
        pipe.swallows = (pipe.swallows[0] or there, pipe.swallows[1] or back)

    async def _cut(self) -> None:
        for pipe in list(self._pipes):
            pipe.reset()
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        pipe = _Pipe(writer)
        self._pipes.add(pipe)
        try:
            await self._serve(pipe, reader)
        except (OSError, asyncio.CancelledError):
            pass  # Cut, or the proxy ends.
        finally:
            pipe.reset()
            self._pipes.discard(pipe)

    async def _serve(self, pipe: _Pipe, reader: asyncio.StreamReader) -> None:
        if self.link in (Link.RESET, Link.REFUSED):  # REFUSED: it was accepted just before the door was shut.
            return
        self._mark(pipe)
        await self._moving.wait()
        far_reader, pipe.far = await asyncio.open_connection("127.0.0.1", self.target_port)
        ways = [
            asyncio.ensure_future(self._pump(pipe, 0, reader, pipe.far)),
            asyncio.ensure_future(self._pump(pipe, 1, far_reader, pipe.near)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            if not any(pipe.swallows):
                await asyncio.wait(ways, timeout=1.0)  # A goodbye of one end is given to the other before the end.
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _pump(
        self, pipe: _Pipe, direction: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while chunk := await reader.read(CHUNK_BYTES):
            await self._moving.wait()
            if self.link is Link.SLOW:
                await asyncio.sleep(SLOW_S)
            if not pipe.swallows[direction]:
                writer.write(chunk)
                await writer.drain()
        if pipe.swallows[direction]:
            await pipe.over.wait()  # Not even the goodbye arrives.
        with contextlib.suppress(OSError):
            writer.write_eof()
