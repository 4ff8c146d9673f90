"""What the world outside does later, whoever lives then: prices of a candle, alerts that are sent again."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Agenda:
    """Times are real ones: nobody sets that clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, time_ms: int, call: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._heap, (time_ms, self._number, call))

    def next_ms(self) -> int | None:
        return self._heap[0][0] if self._heap else None

    def run_due(self, now_ms: int) -> None:
        """Each call once, in the order of time. What a call adds may be due at once, too."""
        while self._heap and self._heap[0][0] <= now_ms:
            heapq.heappop(self._heap)[2]()
