"""Price thresholds of many groups, told once each when they are reached."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from actors.messages import PriceCrossed, SetWatches
from actors.needs import Level
from actors.price_heap import PriceHeap
from actors.rules.events import Direction, Watch
from actors.rules.model import Quote
from actors.rules.position_watches import is_believable

MAX_WATCHES_PER_GROUP = 2_500
"""More than any ladder of any group needs: of 100 pyramids each leg can have two, and each pyramid one. What is beyond
is a bug of that group and is not watched."""

BID, ASK = "bid", "ask"


@dataclass(frozen=True, slots=True)
class _Threshold:
    group_id: str
    incarnation: int
    number: int
    watch: Watch


@dataclass(slots=True)
class _Group:
    incarnation: int
    symbol: str
    thresholds: dict[int, _Threshold] = field(default_factory=dict)


class _Levels:
    """One symbol's thresholds. A tick costs what it crosses."""

    def __init__(self) -> None:
        self._heaps: dict[tuple[str, Direction], PriceHeap[_Threshold]] = {
            (side, direction): PriceHeap(highest_first=direction is Direction.AT_OR_BELOW)
            for side in (BID, ASK)
            for direction in Direction
        }

    def add(self, threshold: _Threshold) -> None:
        self._heap_of(threshold).add(threshold.watch.price, threshold.number, threshold)

    def discard(self, threshold: _Threshold) -> None:
        self._heap_of(threshold).discard(threshold.number)

    def _heap_of(self, threshold: _Threshold) -> PriceHeap[_Threshold]:
        return self._heaps[threshold.watch.book_side, threshold.watch.direction]

    def heaps(self) -> Iterable[tuple[tuple[str, Direction], PriceHeap[_Threshold]]]:
        return self._heaps.items()

    def crossed(self, quote: Quote) -> Iterator[_Threshold]:
        """Takes out what this quote reaches."""
        for (side, direction), heap in self._heaps.items():
            price = quote.bid if side == BID else quote.ask
            is_above = direction is Direction.AT_OR_ABOVE
            while (first := heap.first()) is not None:
                level = first.watch.price
                if not (price >= level if is_above else price <= level):
                    break
                yield heap.pop()


class Watches:
    """Every group's whole set. A set of an earlier life of a group does not replace that of a later one."""

    def __init__(self) -> None:
        self._groups: dict[str, _Group] = {}
        self._levels: dict[str, _Levels] = {}
        self._number = 0

    def symbols(self) -> frozenset[str]:
        """Symbols somebody watches."""
        return frozenset(group.symbol for group in self._groups.values() if group.thresholds)

    def levels(self, account: str) -> Iterator[Level]:
        """What is reached first: of each symbol, side of the book and direction."""
        for symbol, levels in self._levels.items():
            for (side, direction), heap in levels.heaps():
                first = heap.first()
                if first is not None:
                    yield Level(account, symbol, side, direction, first.watch.price)

    def set(self, message: SetWatches) -> bool:
        """Replaces the group's set. False: it came from a life that is over."""
        known = self._groups.get(message.group_id)
        if known is not None:
            if known.incarnation > message.incarnation:
                return False
            self._forget(message.group_id, known)
        if not message.watches:
            return True
        group = _Group(incarnation=message.incarnation, symbol=message.symbol)
        self._groups[message.group_id] = group
        levels = self._levels.setdefault(message.symbol, _Levels())
        for watch in message.watches[:MAX_WATCHES_PER_GROUP]:
            self._number += 1
            threshold = _Threshold(message.group_id, message.incarnation, self._number, watch)
            group.thresholds[self._number] = threshold
            levels.add(threshold)
        return True

    def _forget(self, group_id: str, group: _Group) -> None:
        for threshold in group.thresholds.values():
            self._levels[group.symbol].discard(threshold)
        del self._groups[group_id]

    def crossed(self, symbol: str, quote: Quote, now_ms: int) -> Iterator[PriceCrossed]:
        """What this price reaches, each once. A threshold that it is too old for stays."""
        levels = self._levels.get(symbol)
        if levels is None:
            return
        for threshold in list(levels.crossed(quote)):
            if not is_believable(threshold.watch, quote, now_ms):
                levels.add(threshold)
                continue
            group = self._groups[threshold.group_id]
            del group.thresholds[threshold.number]
            if not group.thresholds:
                del self._groups[threshold.group_id]
            yield PriceCrossed(
                group_id=threshold.group_id,
                incarnation=threshold.incarnation,
                watch_id=threshold.watch.watch_id,
                quote=quote,
            )
