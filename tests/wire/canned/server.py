"""One HTTP and WebSocket server with an answer for each path, and the list of what was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import WSMsgType, web

Answer = Any
"""JSON, or a `Status`. `Canned.replies` has lists of them, one for each request; the last one stays."""


@dataclass(frozen=True)
class Status:
    """An answer that is no plain 200."""

    status: int
    body: Any = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    body: Any
    headers: dict[str, str]

    @property
    def call(self) -> str:
        return f"{self.method} {self.path}"


class Canned:
    """`async with Canned({"GET /api/v5/public/time": {...}}) as canned`. Leaving it fails on a path nobody expected."""

    def __init__(self, replies: dict[str, Answer]) -> None:
        self.replies = {call: answer if isinstance(answer, list) else [answer] for call, answer in replies.items()}
        self.asked: list[Asked] = []
        self.unlisted: list[str] = []
        self.spoken: list[Any] = []
        """What the client said on its sockets, ping and pong left out."""
        self.sockets: dict[str, Callable[[Any, web.WebSocketResponse], Awaitable[None]]] = {}
        """Path -> what to do with each message of the client."""
        self.dialled: list[str] = []
        self.url = ""

    def calls(self, call: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.call == call]

    def one(self, call: str) -> Asked:
        (asked,) = self.calls(call)
        return asked

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        if kind is None:
            assert self.unlisted == []

    @property
    def ws_url(self) -> str:
        return self.url.replace("http://", "ws://")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._talk(request)
        text = await request.text()
        try:
            body = json.loads(text) if text else None
        except json.JSONDecodeError:
            body = text
        asked = Asked(request.method, request.path, dict(request.query), body, dict(request.headers))
        self.asked.append(asked)
        answers = self.replies.get(asked.call)
        if not answers:
            self.unlisted.append(asked.call)
            return web.json_response({"unlisted": asked.call}, status=404)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Status):
            return web.json_response(answer.body, status=answer.status)
        return web.json_response(answer)

    async def _talk(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.dialled.append(request.path_qs)
        answer = self.sockets.get(request.path)
        if answer is None:
            self.unlisted.append(f"WS {request.path}")
            await socket.close()
            return socket
        async for message in socket:
            if message.type is WSMsgType.TEXT and message.data != "ping":
                said = json.loads(message.data)
                self.spoken.append(said)
                await answer(said, socket)
        return socket


def run(story: Awaitable[None]) -> None:
    """One story on a loop of its own, with an end."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await story

    asyncio.run(bounded())
