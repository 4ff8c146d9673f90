"""`/metrics`, `/healthz` and `/readyz` over HTTP. GET only, one answer per connection, small limits: nothing else."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

_LOG = structlog.stdlib.get_logger("terrace.system")

MAX_CONNECTIONS = 64
MAX_HEAD_BYTES = 8 * 1024
REQUEST_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Page:
    status: str
    """`200 OK`."""
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


NOT_FOUND = Page("404 Not Found", b"there is /metrics, /healthz and /readyz\n")
NOT_ALLOWED = Page("405 Method Not Allowed", b"GET only\n")
BROKEN = Page("500 Internal Server Error", b"see the log\n")


Pages = Mapping[str, Callable[[], Page | Awaitable[Page]]]
"""By path. One that must ask somebody is a coroutine with a time limit of its own, below `REQUEST_TIMEOUT_S`."""


class ObserveServer:
    """Serves pages by path. `start` raises OSError if the address is taken."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._server: asyncio.Server | None = None
        self._connections = 0

    async def start(self, host: str, port: int) -> int:
        """Listens; answers the port, which for 0 is any free one."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=MAX_HEAD_BYTES)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= MAX_CONNECTIONS:
                async with asyncio.timeout(REQUEST_TIMEOUT_S):
                    method, path = await _request(reader)
                    _write(writer, await self._page(method, path), with_body=method != "HEAD")
                    await writer.drain()
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # Whoever it was does not speak HTTP, or has gone.
        finally:
            self._connections -= 1
            writer.close()

    async def _page(self, method: str, path: str) -> Page:
        if method not in ("GET", "HEAD"):
            return NOT_ALLOWED
        page = self._pages.get(path.partition("?")[0])
        if page is None:
            return NOT_FOUND
        try:
            found = page()
            return await found if inspect.isawaitable(found) else found
        except Exception:
            _LOG.exception("page_failed", path=path[:64])
            return BROKEN


async def _request(reader: asyncio.StreamReader) -> tuple[str, str]:
    head = await reader.readuntil(b"\r\n\r\n")
    method, path, _version = head.split(b"\r\n", 1)[0].decode("ascii").split(" ")
    return method, path


def _write(writer: asyncio.StreamWriter, page: Page, *, with_body: bool) -> None:
    head = (
        f"HTTP/1.1 {page.status}\r\nContent-Type: {page.content_type}\r\nContent-Length: {len(page.body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + (page.body if with_body else b""))
