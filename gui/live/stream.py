"""The one stream of a tab: server-sent events, or a poll where those are blocked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable

import orjson

from gui.callers import Caller
from gui.live.feed import Feed, Refusal
from gui.live.hub import TOO_MANY, Hub

MAX_TABS = 128
MAX_TABS_OF_CALLER = 96
"""So that one token cannot take all."""
MAX_TOPICS = 96
"""Of one stream; the tabs of a browser share one."""
SIGN_OF_LIFE_S = 1.0
"""A browser that hears nothing for a few of these knows that the panel is away, not that nothing happens."""
POLL_WAIT_S = 1.5
"""How long a poll waits for topics that have not been read yet."""


class Tab:
    """Which feeds one tab follows and what it has seen of each. A slow tab is told less often, never more at once."""

    def __init__(self, hub: Hub, caller: Caller, world: str) -> None:
        self._hub = hub
        self._caller = caller
        self._world = world
        self._seen: dict[Feed, int] = {}
        self._dirty: dict[Feed, None] = {}
        self._refused: dict[str, Refusal] = {}
        self._is_told = asyncio.Event()

    @property
    def caller(self) -> Caller:
        return self._caller

    def want(self, names: Iterable[str], have: dict[str, int] | None = None) -> None:
        """Follows these topics and no others. `have`: versions the tab already shows."""
        wanted = list(dict.fromkeys(names))
        for feed in [one for one in self._seen if one.name not in wanted]:
            feed.tabs.discard(self)
            del self._seen[feed]
            self._dirty.pop(feed, None)
        following = {feed.name for feed in self._seen}
        for name in wanted:
            if name not in following:
                self._follow(name, (have or {}).get(name, 0))

    def _follow(self, name: str, version: int) -> None:
        found = TOO_MANY if len(self._seen) >= MAX_TOPICS else self._hub.feed(self._caller, self._world, name)
        if isinstance(found, Refusal):
            if len(self._refused) < MAX_TOPICS:
                self._refused[name] = found
            self._is_told.set()
            return
        found.tabs.add(self)
        self._seen[found] = version
        if found.told.is_set():
            self.tell(found)

    def tell(self, feed: Feed) -> None:
        """The feed was read, or could not be."""
        self._dirty[feed] = None
        self._is_told.set()

    def leave(self) -> None:
        for feed in self._seen:
            feed.tabs.discard(self)
        self._seen.clear()
        self._dirty.clear()

    def frames(self) -> list[orjson.Fragment]:
        """What the tab has not seen yet, each as JSON (`Feed.frame`)."""
        self._is_told.clear()
        now_ms = time.time_ns() // 1_000_000
        found = [orjson.Fragment(orjson.dumps(why.frame(name, now_ms))) for name, why in self._refused.items()]
        for feed in self._dirty:
            found.append(feed.encoded(self._seen[feed]))
            self._seen[feed] = feed.version
        self._dirty.clear()
        self._refused.clear()
        return found

    async def ready(self) -> None:
        """Waits until all that is followed was read once, for a while."""
        waits = [asyncio.create_task(feed.told.wait()) for feed in self._seen if not feed.told.is_set()]
        if waits:
            _, late = await asyncio.wait(waits, timeout=POLL_WAIT_S)
            for wait in late:
                wait.cancel()

    async def events(self) -> AsyncIterator[bytes]:
        """Server-sent events without end: `hello` is not among them, `alive` is sent where there is nothing to say."""
        try:
            yield b"retry: 1000\n\n"
            while True:
                try:
                    await asyncio.wait_for(self._is_told.wait(), SIGN_OF_LIFE_S)
                except TimeoutError:
                    yield b"event: alive\ndata: {}\n\n"
                    continue
                yield b"data: " + orjson.dumps(self.frames()) + b"\n\n"
        finally:
            self.leave()
