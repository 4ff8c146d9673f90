"""One watcher's queue between the Feed's thread and the loop."""

from __future__ import annotations

import asyncio
import threading

from actors.messages import EventStored, FeedGap
from actors.rules.records import AddEvent
from daemon.api.watching import MAX_WAITING, Left, Watcher
from tests.daemon.api.loops import in_loop


def stored(sequence: int) -> EventStored:
    return EventStored(
        sequence=sequence,
        event=AddEvent(time_ms=0, severity="info", category="engine", type="x.y", message="x"),
    )


def batch(first: int, last: int) -> list[object]:
    return [stored(sequence) for sequence in range(first, last + 1)]


@in_loop
async def test_events_come_out_in_order_at_most_as_many_as_asked_for() -> None:
    watcher = Watcher(asyncio.get_running_loop())
    watcher.put(batch(1, 5))
    first = await watcher.next(1, 3)
    second = await watcher.next(1, 3)
    assert [item.sequence for item in (*first, *second) if isinstance(item, EventStored)] == [1, 2, 3, 4, 5]


@in_loop
async def test_without_events_it_answers_in_time() -> None:
    watcher = Watcher(asyncio.get_running_loop())
    assert await watcher.next(0.01, 10) == []


@in_loop
async def test_a_reader_that_waits_is_woken_from_another_thread() -> None:
    watcher = Watcher(asyncio.get_running_loop())
    threading.Timer(0.05, watcher.put, [batch(1, 1)]).start()
    found = await watcher.next(10, 10)
    assert len(found) == 1


@in_loop
async def test_one_that_is_too_slow_is_told_behind_which_event_to_resume() -> None:
    watcher = Watcher(asyncio.get_running_loop())
    watcher.put(batch(1, 10))
    await watcher.next(1, 4)
    watcher.put(batch(11, MAX_WAITING + 20))
    watcher.put(batch(MAX_WAITING + 21, MAX_WAITING + 22))
    found = await watcher.next(1, MAX_WAITING * 2)
    assert found[0] == Left(4)
    assert [item.sequence for item in found[1:] if isinstance(item, EventStored)] == [
        MAX_WAITING + 21,
        MAX_WAITING + 22,
    ]


@in_loop
async def test_it_never_holds_more_than_its_limit() -> None:
    watcher = Watcher(asyncio.get_running_loop())
    for start in range(1, MAX_WAITING * 5, 1_000):
        watcher.put(batch(start, start + 999))
    assert len(await watcher.next(1, MAX_WAITING * 10)) <= MAX_WAITING + 1


@in_loop
async def test_a_gap_of_the_feed_passes_through_in_its_place() -> None:
    watcher = Watcher(asyncio.get_running_loop())
    gap = FeedGap(after_sequence=1, resume_sequence=9)
    watcher.put([gap, stored(9)])
    assert await watcher.next(1, 10) == [gap, stored(9)]


def test_a_loop_that_is_gone_is_no_trouble_for_the_feed() -> None:
    loop = asyncio.new_event_loop()
    watcher = Watcher(loop)
    loop.close()
    watcher.put(batch(1, 3))


@in_loop
async def test_what_is_not_wanted_is_left_aside_and_still_counts_as_seen() -> None:
    watcher = Watcher(asyncio.get_running_loop(), lambda event: event.sequence % 5 == 0)
    watcher.put(batch(1, 12))
    assert [item.sequence for item in await watcher.next(1, 1) if isinstance(item, EventStored)] == [5]
    assert watcher.complete_to == 5, "the tenth still waits"
    assert len(await watcher.next(1, 10)) == 1
    assert watcher.complete_to == 12
    watcher.put(batch(13, 14))
    assert await watcher.next(0.01, 10) == []
    assert watcher.complete_to == 14
