"""Items kept by price, so that a price move looks only at what it reaches.

Used for resting orders and for price thresholds. Among equal prices the smaller number comes first.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")

SPARE_ENTRIES = 64
"""Removed entries that may lie in the heap, besides as many as there are live ones, before it is rebuilt."""


class PriceHeap(Generic[T]):
    """Adding and removing cost O(log n), looking at the first O(1), all amortised. Numbers are unique per heap."""

    def __init__(self, *, highest_first: bool) -> None:
        self._highest_first = highest_first
        self._heap: list[tuple[Decimal, int]] = []
        self._items: dict[int, T] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        """All items, in the order they were added."""
        return iter(self._items.values())

    def add(self, price: Decimal, number: int, item: T) -> None:
        self._items[number] = item
        heappush(self._heap, (-price if self._highest_first else price, number))

    def discard(self, number: int) -> None:
        """Remove the item of this number, if it is there."""
        if self._items.pop(number, None) is None:
            return
        if len(self._heap) > 2 * len(self._items) + SPARE_ENTRIES:
            self._heap = [entry for entry in self._heap if entry[1] in self._items]
            heapify(self._heap)

    def first(self) -> T | None:
        """The item that a price move reaches first; it stays."""
        while self._heap:
            item = self._items.get(self._heap[0][1])
            if item is not None:
                return item
            heappop(self._heap)
        return None

    def pop(self) -> T:
        """Take the first item out. IndexError if there is none."""
        item = self.first()
        if item is None:
            raise IndexError("an empty price heap has no first item")
        del self._items[heappop(self._heap)[1]]
        return item
