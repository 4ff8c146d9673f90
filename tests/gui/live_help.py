"""Callers and readers without a daemon, for what stands between them and the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

from control.client import AioClient
from gui.callers import Caller
from gui.live.topics import Reading, Snapshot


class FakeClient:
    """Says what events come; everything else is the readers' own."""

    def __init__(self, events: Callable[[], AsyncIterator[Any]] | None = None) -> None:
        self.events = events
        self.streams = 0

    async def stream(self, _request: object, _answer: object) -> AsyncIterator[Any]:
        self.streams += 1
        if self.events is not None:
            async for batch in self.events():
                yield batch
        else:
            await never()


async def never() -> None:
    import asyncio

    await asyncio.Event().wait()


def nobody(key: str = "k", client: FakeClient | None = None) -> Caller:
    return Caller(key=key, client=cast(AioClient, client or FakeClient()), name="n", role="VIEWER")


async def read_nothing(_reading: Reading) -> Snapshot:
    return {}


Reader = Callable[[Reading], Awaitable[Snapshot]]
