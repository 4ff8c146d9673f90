"""The Feed: what was stored, told to whoever watches, in order and without waiting for anybody.

It remembers the newest events in a ring, so a watcher that lost its connection goes on where it was. What is older
than the ring it does not make up for: the watcher is told which part to read from the store (`FeedGap`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from actors.messages import EventStored, FeedGap, Subscribe, Subscribed, Unsubscribe
from actors.rules.model import Reason, Refused
from actors.runtime import Batching, Life

RING_EVENTS = 10_000
"""Events remembered for those who come back."""

MAX_SUBSCRIBERS = 256

MAX_DELIVERY = 1_000
"""Most items handed to a sink at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    sink: Callable[[list[object]], None]
    wanted: Callable[[EventStored], bool] | None
    last_sequence: int
    """Everything up to here it has had, or did not want."""


class Subscribers:
    """Who watches. Kept outside the Feed, so that they survive its crash and learn of the gap it left.

    Changed by the Feed alone, and only by putting a new map in the place of the old one.
    """

    def __init__(self) -> None:
        self.current: Mapping[str, Subscriber] = {}

    def put(self, subscriber_id: str, subscriber: Subscriber) -> None:
        self.current = {**self.current, subscriber_id: subscriber}

    def remove(self, subscriber_id: str) -> None:
        self.current = {key: value for key, value in self.current.items() if key != subscriber_id}


class Feed(Batching):
    """`feed`. Takes `EventStored`, `Subscribe` and `Unsubscribe`.

    `newest_sequence` names the newest event that was stored before this life began: this one and everything before
    it are only in the store.
    """

    def __init__(self, life: Life, *, subscribers: Subscribers, newest_sequence: Callable[[], int]) -> None:
        super().__init__(life)
        self._subscribers = subscribers
        self._ring: deque[EventStored] = deque()
        self._floor = newest_sequence()
        self._last = self._floor

    def receive_batch(self, messages: list[object]) -> None:
        arrived: list[EventStored] = []
        for message in messages:
            if isinstance(message, EventStored):
                arrived.append(message)
                continue
            self._take_in(arrived)
            arrived = []
            if isinstance(message, Subscribe):
                self._subscribe(message)
            elif isinstance(message, Unsubscribe):
                self._subscribers.remove(message.subscriber_id)
            else:
                raise TypeError(f"the feed does not take {type(message).__name__}")
        self._take_in(arrived)

    def _take_in(self, arrived: Iterable[EventStored]) -> None:
        """One delivery per watcher for all of these. One that was seen already is left out."""
        new: list[EventStored] = []
        for event in arrived:
            if event.sequence <= self._last:
                continue
            if event.sequence > self._last + 1:
                self._hand_out(new)
                new = []
                self._skip_to(event.sequence - 1)
            self._last = event.sequence
            new.append(event)
        self._hand_out(new)

    def _skip_to(self, sequence: int) -> None:
        """What lies before it was stored unseen, by a batch that had seemed to fail (rule 9): it is a gap."""
        self._ring.clear()
        self._floor = self._last = sequence

    def _hand_out(self, new: list[EventStored]) -> None:
        if not new:
            return
        self._ring.extend(new)
        for subscriber_id, subscriber in self._subscribers.current.items():
            self._deliver(subscriber_id, subscriber, new)
        while len(self._ring) > RING_EVENTS:
            self._floor = self._ring.popleft().sequence

    def _subscribe(self, message: Subscribe) -> None:
        known = self._subscribers.current
        if message.subscriber_id not in known and len(known) >= MAX_SUBSCRIBERS:
            refused = Refused(reason=Reason.OVERLOADED, detail=f"{MAX_SUBSCRIBERS} watchers already")
            if message.reply_to is not None:
                self.life.tell(message.reply_to, refused)
            return
        if message.reply_to is not None:
            self.life.tell(message.reply_to, Subscribed(floor_sequence=self._floor, last_sequence=self._last))
        after = self._last if message.after_sequence is None else message.after_sequence
        subscriber = Subscriber(sink=message.sink, wanted=message.wanted, last_sequence=after)
        self._subscribers.put(message.subscriber_id, subscriber)
        self._deliver(message.subscriber_id, subscriber, self._ring)

    def _deliver(self, subscriber_id: str, subscriber: Subscriber, events: Iterable[EventStored]) -> None:
        """What is new to this one. A sink or filter that raises is not asked again."""
        try:
            items = self._items(subscriber, events)
            for start in range(0, len(items), MAX_DELIVERY):
                subscriber.sink(items[start : start + MAX_DELIVERY])
        except Exception:
            self._subscribers.remove(subscriber_id)
            return
        if subscriber.last_sequence < self._last:
            self._subscribers.put(subscriber_id, replace(subscriber, last_sequence=self._last))

    def _items(self, subscriber: Subscriber, events: Iterable[EventStored]) -> list[object]:
        last, wanted = subscriber.last_sequence, subscriber.wanted
        items: list[object] = []
        if last < self._floor:
            items.append(FeedGap(after_sequence=last, resume_sequence=self._floor + 1))
        items.extend(event for event in events if event.sequence > last and (wanted is None or wanted(event)))
        return items
