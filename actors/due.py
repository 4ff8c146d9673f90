"""Many things an actor must do at some time, behind one wake-up of its life."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from actors.runtime import Life

Call = Callable[[], None]

SET_BACK_MS = 1_000
"""A time further back than this means that the clock was set."""


class Due:
    """Nothing is ever taken back: whoever is called judges whether it still matters."""

    def __init__(self, life: Life, name: str = "due") -> None:
        self._life = life
        self._name = name
        self._heap: list[tuple[int, int]] = []
        self._calls: dict[int, Call] = {}
        self._number = 0
        self._armed_ms: int | None = None
        self._newest_ms = life.now_ms()
        self.when_set_back: list[Callable[[int], None]] = []
        """Told by how many ms (below zero) the clock was set back, so that times that are kept can move with it."""

    def look(self) -> None:
        """Whether the clock was set back: then everything comes as much earlier, else it would wait for the clock to
        get there again."""
        now_ms = self._life.now_ms()
        by_ms = now_ms - self._newest_ms
        if -SET_BACK_MS <= by_ms < 0:
            return
        self._newest_ms = now_ms
        if by_ms < 0:
            self._heap = [(time_ms + by_ms, number) for time_ms, number in self._heap]  # Moved alike: still a heap.
            for call in self.when_set_back:
                call(by_ms)
            if self._heap:
                self._arm(self._heap[0][0])

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, time_ms: int, call: Call) -> None:
        self._number += 1
        self._calls[self._number] = call
        heapq.heappush(self._heap, (time_ms, self._number))
        if self._armed_ms is None or time_ms < self._armed_ms:
            self._arm(time_ms)

    def after(self, pause_ms: int, call: Call) -> None:
        self.at(self._life.now_ms() + pause_ms, call)

    def run(self) -> None:
        """Calls what is due by now, oldest first. For when the wake-up comes."""
        now_ms = self._life.now_ms()
        due: list[Call] = []
        while self._heap and self._heap[0][0] <= now_ms:
            due.append(self._calls.pop(heapq.heappop(self._heap)[1]))
        self._armed_ms = None
        if self._heap:
            self._arm(self._heap[0][0])
        for call in due:
            call()

    def _arm(self, time_ms: int) -> None:
        self._armed_ms = time_ms
        self._life.wake_at(time_ms, self._name)
