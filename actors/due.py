"""Many things an actor must do at some time, behind one wake-up of its life."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

from actors.runtime import Life

T = TypeVar("T")


class Due(Generic[T]):
    """Nothing is ever taken back: whoever gets his thing judges whether it still matters."""

    def __init__(self, life: Life, name: str) -> None:
        self._life = life
        self._name = name
        self._heap: list[tuple[int, int]] = []
        self._things: dict[int, T] = {}
        self._number = 0
        self._armed_ms: int | None = None

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, time_ms: int, thing: T) -> None:
        self._number += 1
        self._things[self._number] = thing
        heapq.heappush(self._heap, (time_ms, self._number))
        if self._armed_ms is None or time_ms < self._armed_ms:
            self._arm(time_ms)

    def take(self) -> list[T]:
        """What is due by now, oldest first. Called when the wake-up comes."""
        now_ms = self._life.now_ms()
        due: list[T] = []
        while self._heap and self._heap[0][0] <= now_ms:
            due.append(self._things.pop(heapq.heappop(self._heap)[1]))
        self._armed_ms = None
        if self._heap:
            self._arm(self._heap[0][0])
        return due

    def _arm(self, time_ms: int) -> None:
        self._armed_ms = time_ms
        self._life.wake_at(time_ms, self._name)
