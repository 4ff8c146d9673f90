"""The Feed: order, resuming, gaps, and watchers that fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import feed as module
from actors.feed import Feed, Subscribers
from actors.messages import EventStored, FeedGap, Subscribe, Subscribed, Unsubscribe
from actors.replies import ReplyBox
from actors.rules.model import Reason, Refused
from actors.runtime import Life
from tests.actors.small import Boom, Face, SteppedFace


class Watched:
    """A Feed on a runtime, with watchers that keep what they get."""

    def __init__(self, face: Face, newest: int = 0) -> None:
        self.face = face
        self.newest = newest
        self.subscribers = Subscribers()
        self.got: dict[str, list[object]] = {}
        self.deliveries: list[int] = []
        self.lives = 0

        def make(life: Life) -> Feed:
            made = Feed(life, subscribers=self.subscribers, newest_sequence=lambda: self.newest)
            self.lives += 1
            return made

        face.system.register("feed", make)
        face.system.spawn("feed")
        face.until(lambda: self.lives == 1)

    def store(self, *sequences: int) -> None:
        for sequence in sequences:
            self.newest = max(self.newest, sequence)
            self.face.system.tell("feed", EventStored(sequence=sequence, event=f"event {sequence}"))

    def watch(self, name: str, after: int | None, **changes: Any) -> ReplyBox:
        got = self.got.setdefault(name, [])

        def sink(items: list[object]) -> None:
            self.deliveries.append(len(items))
            got.extend(items)

        box = ReplyBox()
        asked = Subscribe(subscriber_id=name, after_sequence=after, sink=sink, reply_to=box)
        self.face.system.tell("feed", replace(asked, **changes))
        return box

    def has(self, name: str, *expected: int | FeedGap) -> None:
        """This watcher has exactly these, in this order."""

        def plain() -> list[object]:
            return [item.sequence if isinstance(item, EventStored) else item for item in self.got[name]]

        self.face.until(lambda: plain() == list(expected))
        self.face.settle()
        assert plain() == list(expected)


@pytest.fixture
def watched(face: Face) -> Watched:
    return Watched(face)


def test_a_watcher_gets_what_is_stored_from_now_on(watched: Watched) -> None:
    watched.store(1, 2)
    watched.face.until(lambda: watched.face.system.depths()["feed"] == 0)
    watched.watch("a", None)
    watched.store(3, 4)
    watched.has("a", 3, 4)


def test_a_watcher_goes_on_where_it_was(watched: Watched) -> None:
    watched.store(1, 2, 3, 4)
    watched.watch("a", 2)
    watched.store(5)
    watched.has("a", 3, 4, 5)


def test_the_answer_says_what_is_remembered(watched: Watched) -> None:
    watched.store(1, 2, 3)
    box = watched.watch("a", None)
    watched.face.until(lambda: box.done)
    assert box.answer == Subscribed(floor_sequence=0, last_sequence=3)


def test_what_happened_before_the_feed_began_is_a_gap(face: Face) -> None:
    watched = Watched(face, newest=100)
    watched.watch("a", 40)
    watched.store(101)
    watched.has("a", FeedGap(after_sequence=40, resume_sequence=101), 101)


def test_what_the_ring_has_forgotten_is_a_gap(face: Face, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RING_EVENTS", 3)
    watched = Watched(face)
    watched.store(1, 2, 3, 4, 5)
    watched.face.until(lambda: watched.face.system.depths()["feed"] == 0)
    watched.face.settle()
    watched.watch("late", 1)
    watched.watch("in time", 2)
    watched.has("late", FeedGap(after_sequence=1, resume_sequence=3), 3, 4, 5)
    watched.has("in time", 3, 4, 5)


def test_an_event_that_comes_twice_is_told_once(watched: Watched) -> None:
    watched.watch("a", 0)
    watched.store(1, 2, 2, 1, 3)
    watched.has("a", 1, 2, 3)


def test_a_filter_leaves_out_what_is_not_wanted(watched: Watched) -> None:
    watched.watch("a", 0, wanted=lambda event: event.sequence % 2 == 0)
    watched.store(1, 2, 3, 4)
    watched.has("a", 2, 4)


@pytest.mark.parametrize("part", ["sink", "wanted"])
def test_a_watcher_that_fails_is_dropped_and_the_others_are_served(watched: Watched, part: str) -> None:
    def fail(_: object) -> bool:
        raise RuntimeError("gone")

    watched.watch("bad", 0, **{part: fail})
    watched.watch("good", 0)
    watched.store(1, 2)
    watched.has("good", 1, 2)
    assert set(watched.subscribers.current) == {"good"}


def test_one_who_leaves_gets_nothing_more(watched: Watched) -> None:
    watched.watch("a", 0)
    watched.store(1)
    watched.has("a", 1)
    watched.face.system.tell("feed", Unsubscribe(subscriber_id="a"))
    watched.store(2)
    watched.has("a", 1)


def test_the_same_id_again_replaces_the_earlier_watch(watched: Watched) -> None:
    watched.watch("a", 0)
    watched.watch("a", None)
    watched.store(1)
    watched.has("a", 1)


def test_watchers_survive_a_crash_of_the_feed_and_learn_what_they_missed() -> None:
    watched = Watched(SteppedFace())
    watched.watch("a", 0)
    watched.store(1, 2)
    watched.has("a", 1, 2)
    watched.face.system.tell("feed", Boom())
    watched.face.settle()
    watched.store(3)
    watched.face.settle()
    watched.face.system.spawn("feed")
    watched.face.settle()
    watched.store(4)
    watched.has("a", 1, 2, FeedGap(after_sequence=2, resume_sequence=4), 4)


def test_there_is_a_limit_to_watchers(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SUBSCRIBERS", 2)
    watched.watch("a", 0)
    watched.watch("b", 0)
    box = watched.watch("c", 0)
    watched.face.until(lambda: box.done)
    assert isinstance(box.answer, Refused)
    assert box.answer.reason is Reason.OVERLOADED
    again = watched.watch("b", 0)
    watched.face.until(lambda: again.done)
    assert isinstance(again.answer, Subscribed)


def test_a_long_past_is_delivered_in_pieces(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DELIVERY", 10)
    watched.store(*range(1, 36))
    watched.watch("a", 0)
    watched.has("a", *range(1, 36))
    assert max(watched.deliveries) <= 10


@given(seed=st.integers(0, 2**16), cuts=st.lists(st.integers(1, 30), max_size=6))
def test_whoever_reconnects_anywhere_has_every_event_once(seed: int, cuts: list[int]) -> None:
    watched = Watched(SteppedFace(seed))
    pieces: list[object] = []
    after = 0
    stored = 0
    for number, cut in enumerate(cuts):
        watched.watch(f"w{number}", after)
        for _ in range(cut):
            stored += 1
            watched.store(stored)
        watched.face.settle()
        watched.face.system.tell("feed", Unsubscribe(subscriber_id=f"w{number}"))
        watched.face.settle()
        seen = watched.got[f"w{number}"]
        kept = seen[: max(1, len(seen) // 2)]
        pieces.extend(kept)
        last = kept[-1]
        assert isinstance(last, EventStored)
        after = last.sequence
    sequences = [item.sequence for item in pieces if isinstance(item, EventStored)]
    assert sequences == list(range(1, after + 1))
