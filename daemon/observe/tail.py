"""The newest lines of the log, and those that come, for whoever looks on (LOG-2).

One ring for all; each reader has a bounded queue of its own. One that reads too slowly loses lines and is told so, and
holds up nobody else. Lines come masked.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

RING_LINES = 5_000
"""Lines that are kept for readers that come later."""
MAX_WAITING = 2_000
"""Lines a reader may be behind; beyond it what waits is left out."""
MAX_READERS = 50

Line = dict[str, Any]
Wanted = Callable[[Line], bool]


class LogTail:
    """`put` is the end of the log's thread, the rest belongs to a loop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ring: deque[Line] = deque(maxlen=RING_LINES)
        self._readers: tuple[TailReader, ...] = ()

    def put(self, lines: Sequence[Line]) -> None:
        """Never waits for a reader."""
        with self._lock:
            self._ring.extend(lines)
            for reader in self._readers:
                reader.put(lines)

    def newest(self, most: int) -> list[Line]:
        """The newest lines, oldest first."""
        with self._lock:
            return list(islice(reversed(self._ring), most))[::-1]

    def open(self, loop: asyncio.AbstractEventLoop, wanted: Wanted, backlog: int) -> TailReader | None:
        """A reader that begins with the last `backlog` lines it wants; None if there are too many. Close it."""
        with self._lock:
            if len(self._readers) >= MAX_READERS:
                return None
            reader = TailReader(self, loop, wanted)
            chosen = list(islice((line for line in reversed(self._ring) if wanted(line)), backlog))
            reader.put(chosen[::-1])
            self._readers = (*self._readers, reader)
            return reader

    def close(self, reader: TailReader) -> None:
        with self._lock:
            self._readers = tuple(each for each in self._readers if each is not reader)


class TailReader:
    def __init__(self, tail: LogTail, loop: asyncio.AbstractEventLoop, wanted: Wanted) -> None:
        self._tail = tail
        self._loop = loop
        self._wanted = wanted
        self._lock = threading.Lock()
        self._waiting: deque[Line] = deque()
        self._has_gap = False
        self._arrived = asyncio.Event()

    def put(self, lines: Sequence[Line]) -> None:
        chosen = [line for line in lines if self._wanted(line)]
        if not chosen:
            return
        with self._lock:
            self._waiting.extend(chosen)
            if len(self._waiting) > MAX_WAITING:  # The newest are the ones to see.
                self._has_gap = True
                for _ in range(len(self._waiting) - MAX_WAITING // 2):
                    self._waiting.popleft()
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError:  # The loop is closed: the daemon has stopped.
            self._waiting.clear()

    async def next(self, limit: int, timeout_s: float) -> tuple[list[Line], bool]:
        """The next lines, at least one unless the time is over, and whether some before them were left out."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return [], False
        with self._lock:
            taken = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
            has_gap, self._has_gap = self._has_gap, False
            if not self._waiting:
                self._arrived.clear()
        return taken, has_gap

    def close(self) -> None:
        self._tail.close(self)
