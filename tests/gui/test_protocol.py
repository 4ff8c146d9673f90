"""What the server answers by itself carries the guard's headers too."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from gui.guard import BARE_HEADERS
from gui.protocol import Prompt

ASK = b"GET / HTTP/1.1\r\nhost: panel\r\n\r\n"


async def hello(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@contextlib.asynccontextmanager
async def served(most: int) -> AsyncIterator[int]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(hello, http=Prompt, ws="none", lifespan="off", log_level="error", limit_concurrency=most)
    server = uvicorn.Server(config)
    task = asyncio.ensure_future(server._serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await task


async def answer(port: int, raw: bytes) -> tuple[int, dict[str, str], bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await asyncio.wait_for(reader.readexactly(int(headers["content-length"])), 5)
    writer.close()
    return int(first.split()[1]), headers, body


def guarded(headers: dict[str, str]) -> bool:
    return all(headers.get(name.decode()) == value.decode() for name, value in BARE_HEADERS.items())


@pytest.mark.rule("SEC-2")
@pytest.mark.parametrize("raw", [b"\x16\x03\x01 nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nbad header\r\n\r\n"])
def test_a_request_that_is_none_is_answered_with_the_guard_s_headers(raw: bytes) -> None:
    async def story() -> tuple[int, dict[str, str], bytes]:
        async with served(8) as port:
            return await answer(port, raw)

    status, headers, _ = asyncio.run(story())
    assert status == 400
    assert guarded(headers)


@pytest.mark.rule("SEC-2")
def test_one_too_many_is_told_so_with_the_guard_s_headers_and_the_next_is_served() -> None:
    async def story() -> tuple[int, Any, int]:
        async with served(3) as port:
            idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            await asyncio.sleep(0.05)
            refused = await answer(port, ASK)
            for _, writer in idle:
                writer.close()
                await writer.wait_closed()
            await asyncio.sleep(0.05)
            return *refused[:2], (await answer(port, ASK))[0]

    status, headers, after = asyncio.run(story())
    assert (status, headers["retry-after"], after) == (503, "1", 200)
    assert guarded(headers)
