"""Wake-ups waiting for their time, in the order of time and then of asking. No clock and no thread in here."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

from actors.runtime import MAX_WAKES_PER_LIFE

MAX_CALLS = 100_000
"""Most calls of adapters that may wait at once."""

_SLACK = 1024
"""Replaced and cancelled entries that may lie in the heap before it is built anew."""

SET_BACK_MS = 1_000
"""Threads read the clock at slightly different moments; a time further back than this means that it was set."""

Call = Callable[[], None]
Owner = TypeVar("Owner", bound=Hashable)
"""Whose wake-up it is: one life."""

_Entry = list[Any]
"""Time, number, and what: a wake-up as (owner, name), a call, or None once it was replaced or cancelled. No two numbers
are alike, so that a comparison never gets as far as what."""


class Flow:
    """Whether a clock flows on. What waits for a time must move with a clock that was set back, or it waits for the
    clock to get there again (REC-5). One set forward needs nothing: all that is due by then is due."""

    def __init__(self, now_ms: int) -> None:
        self._newest_ms = now_ms

    def set_back_by(self, now_ms: int) -> int:
        """By how much it was set back since the last look; 0: it was not."""
        by_ms = self._newest_ms - now_ms
        if 0 < by_ms <= SET_BACK_MS:
            return 0
        self._newest_ms = now_ms
        return max(0, by_ms)


class Timers(Generic[Owner]):
    """Not thread-safe. Replacing and cancelling leave a dead entry behind, which is skipped and swept now and then."""

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._standing: dict[Owner, dict[str, _Entry]] = {}
        self._number = 0
        self._live = 0
        self._calls = 0

    def __len__(self) -> int:
        """Wake-ups and calls that will still fire."""
        return self._live

    def wake_at(self, time_ms: int, owner: Owner, name: str) -> None:
        """RuntimeError if this life has `MAX_WAKES_PER_LIFE` waiting already."""
        standing = self._standing.setdefault(owner, {})
        earlier = standing.get(name)
        if earlier is None:
            if len(standing) >= MAX_WAKES_PER_LIFE:
                raise RuntimeError(f"more than {MAX_WAKES_PER_LIFE} wake-ups at once, the last one is {name!r}")
            self._live += 1
        elif earlier[0] == time_ms:
            return
        else:
            earlier[2] = None
        standing[name] = self._push(time_ms, (owner, name))
        self._sweep()

    def call_at(self, time_ms: int, call: Call) -> None:
        """RuntimeError if `MAX_CALLS` wait already."""
        if self._calls >= MAX_CALLS:
            raise RuntimeError(f"more than {MAX_CALLS} calls at once")
        self._calls += 1
        self._live += 1
        self._push(time_ms, call)

    def cancel(self, owner: Owner, name: str) -> None:
        standing = self._standing.get(owner)
        entry = None if standing is None else standing.pop(name, None)
        if entry is not None:
            entry[2] = None
            self._live -= 1
            if not standing:
                del self._standing[owner]
            self._sweep()

    def forget(self, owner: Owner) -> None:
        """That life is over."""
        for entry in self._standing.pop(owner, {}).values():
            entry[2] = None
            self._live -= 1
        self._sweep()

    def shift(self, by_ms: int) -> None:
        """The clock was set: everything is due so much later, or earlier if below zero, in the same order."""
        for entry in self._heap:
            entry[0] += by_ms  # Still a heap.

    def next_ms(self) -> int | None:
        """When the next one is due; None: nothing waits."""
        heap = self._heap
        while heap:
            if heap[0][2] is not None:
                return int(heap[0][0])
            heapq.heappop(heap)
        return None

    def pop_due(self, now_ms: int) -> list[tuple[Owner, str] | Call]:
        """Everything due by now, oldest first: wake-ups as (owner, name), and calls. It will not come again."""
        due: list[tuple[Owner, str] | Call] = []
        heap = self._heap
        while heap and heap[0][0] <= now_ms:
            what = heapq.heappop(heap)[2]
            if what is None:
                continue
            self._live -= 1
            if isinstance(what, tuple):
                standing = self._standing[what[0]]
                del standing[what[1]]
                if not standing:
                    del self._standing[what[0]]
            else:
                self._calls -= 1
            due.append(what)
        return due

    def _push(self, time_ms: int, what: tuple[Owner, str] | Call) -> _Entry:
        self._number += 1
        entry: _Entry = [time_ms, self._number, what]
        heapq.heappush(self._heap, entry)
        return entry

    def _sweep(self) -> None:
        if len(self._heap) > 2 * self._live + _SLACK:
            self._heap = [entry for entry in self._heap if entry[2] is not None]
            heapq.heapify(self._heap)
