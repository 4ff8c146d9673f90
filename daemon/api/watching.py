"""Events from the Feed's thread into the server's loop, for one who watches (WatchEvents).

Each watcher has a bounded queue of its own: one that reads too slowly loses events and is told where to resume, and
holds up nobody else. The loop is woken once for however many events have come (`LoopBridge`'s way).
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from actors.messages import EventStored, FeedGap

MAX_WAITING = 10_000
"""Events a watcher may be behind; beyond it what waits is left out."""


@dataclass(frozen=True, slots=True)
class Left:
    """Events of this watcher were left out because it was too slow. Resume behind `after_sequence`."""

    after_sequence: int


Item = EventStored | FeedGap | Left


class Watcher:
    """`put` is the Feed's end, any thread; `next` belongs to the loop it was made in."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wanted: Callable[[EventStored], bool] | None = None) -> None:
        """`wanted` is asked in `put`, for every event: it must be quick."""
        self._loop = loop
        self._wanted = wanted
        self._lock = threading.Lock()
        self._waiting: deque[Item] = deque()
        self._is_woken = False
        self._arrived = asyncio.Event()
        self._last_taken = 0
        self._last_seen = 0
        self.complete_to = 0
        """Everything wanted up to this sequence has been handed out by `next`, or was told as left out."""

    def put(self, items: list[object]) -> None:
        with self._lock:
            for item in items:
                if isinstance(item, EventStored):
                    self._last_seen = item.sequence
                    if self._wanted is None or self._wanted(item):
                        self._waiting.append(item)
                elif isinstance(item, FeedGap):
                    self._waiting.append(item)
            if len(self._waiting) > MAX_WAITING:
                self._leave_out()
            if self._is_woken or not self._waiting:
                return
            self._is_woken = True
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:  # The loop is closed: the daemon has stopped.
            self._waiting.clear()

    def _leave_out(self) -> None:
        """What waits makes room for one mark; the reader resumes behind the last event it was given."""
        first = self._waiting[0]
        after = first.after_sequence if isinstance(first, Left | FeedGap) else first.sequence - 1
        self._waiting.clear()
        self._waiting.append(Left(max(after, self._last_taken)))

    def _wake(self) -> None:
        self._arrived.set()

    async def next(self, timeout_s: float, limit: int) -> list[Item]:
        """What has come, at most `limit` items; nothing if none do in time."""
        if not self._waiting:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait()
            except TimeoutError:
                pass
        with self._lock:
            taken = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
            if not self._waiting:
                self._arrived.clear()
                self._is_woken = False
            for item in taken:
                if isinstance(item, EventStored):
                    self._last_taken = item.sequence
            self.complete_to = self._last_taken if self._waiting else max(self._last_seen, self._last_taken)
        return taken
