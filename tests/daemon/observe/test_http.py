"""The little HTTP server for metrics and health."""

from __future__ import annotations

import asyncio

from daemon.observe.http import MAX_HEAD_BYTES, ObserveServer, Page
from tests.daemon.api.loops import in_loop


def broken() -> Page:
    raise ValueError("a page that fails")


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@in_loop
async def test_it_serves_its_pages_and_nothing_else() -> None:
    server = ObserveServer({"/healthz": lambda: Page("200 OK", b"ok\n"), "/broken": broken})
    port = await server.start("127.0.0.1", 0)
    try:
        assert (await ask(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")).endswith(b"\r\n\r\nok\n")
        assert b"200 OK" in await ask(port, b"GET /healthz?x=1 HTTP/1.0\r\n\r\n")
        assert (await ask(port, b"HEAD /healthz HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\n")
        assert b"404 Not Found" in await ask(port, b"GET /etc/passwd HTTP/1.1\r\n\r\n")
        assert b"405 Method Not Allowed" in await ask(port, b"POST /healthz HTTP/1.1\r\n\r\n")
        assert b"500 Internal Server Error" in await ask(port, b"GET /broken HTTP/1.1\r\n\r\n")
        assert await ask(port, b"nonsense\r\n\r\n") == b""
        assert await ask(port, b"\xff\xfe\r\n\r\n") == b""
        assert await ask(port, b"GET /" + b"x" * (MAX_HEAD_BYTES * 2) + b" HTTP/1.1\r\n\r\n") == b""
        assert b"200 OK" in await ask(port, b"GET /healthz HTTP/1.1\r\n\r\n")
    finally:
        await server.stop()
