"""Feeds: one per caller, world and topic, read while somebody looks, however many tabs that are."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Mapping

from control.client import ClientError, NotPermitted
from gui.callers import Caller
from gui.live.feed import Feed, Refusal
from gui.live.topics import Reading, Snapshot, Topic
from gui.show.ways import in_panel, rows_in_panel
from protos.terrace.v1 import engine_pb2

MAX_FEEDS = 512
MAX_FEEDS_OF_CALLER = 160
"""So that one login cannot take all."""
MAX_NAME_LENGTH = 256
READINGS_PER_REFRESH = 2
"""A value that changes right after a reading waits for the next: with two of them it is on time all the same."""
MIN_GAP_S = 0.1
"""Between two readings of a topic, however many events come."""
REST = 1.0
"""After a reading that took long, at least so many times as long nothing is read: a slow answer is not made slower."""
LATE_S = 1.2
"""When a reading takes longer, what is on the screen is called stale while it is waited for."""
BACK_OFF_S = (0.5, 1.0, 2.0, 4.0)
LINGER_S = 5.0
"""A feed nobody looks at is kept this long: a page that is loaded again finds it warm."""

UNKNOWN_TOPIC = Refusal(why="the panel knows no such thing", remedy="Reload the page: it may be older than the panel.")
TOO_MANY = Refusal(why="too much is watched at once", remedy="Close other tabs of the panel.")
_LATE = ("the daemon does not answer", "It may be busy or stopped: look at its log.")
_FAULT = ("this could not be read: a fault in the panel", "The panel's log says what went wrong; other pages work.")
_LOG = logging.getLogger("terrace.panel")


class Hub:
    """All feeds. `on_unknown` is told of a caller whose token the daemon does not know any more."""

    def __init__(
        self,
        topics: Mapping[str, Topic],
        *,
        refresh_ms: int,
        on_unknown: Callable[[Caller], None] = lambda _caller: None,
    ) -> None:
        self._topics = topics
        self._refresh_s = refresh_ms / 1000 / READINGS_PER_REFRESH
        self._feeds: dict[tuple[str, str, str], Feed] = {}
        self._listeners: dict[str, asyncio.Task[None]] = {}
        self.on_unknown = on_unknown

    def __len__(self) -> int:
        return len(self._feeds)

    def feed(self, caller: Caller, world: str, name: str) -> Feed | Refusal:
        """The feed of a topic's full name, begun where there is none."""
        kind, _, argument = name.partition(":")
        topic = self._topics.get(kind)
        if topic is None or len(name) > MAX_NAME_LENGTH:
            return UNKNOWN_TOPIC
        key = (caller.key, world, name)
        found = self._feeds.get(key)
        if found is None:
            if len(self._feeds) >= MAX_FEEDS or self._count_of(caller) >= MAX_FEEDS_OF_CALLER:
                return TOO_MANY
            found = self._feeds[key] = Feed(topic=topic, argument=argument, caller=caller, world=world)
            found.task = asyncio.create_task(self._follow(key, found))
            if caller.key not in self._listeners:
                self._listeners[caller.key] = asyncio.create_task(self._listen(caller))
        found.looked_s = time.monotonic()
        return found

    async def close(self) -> None:
        tasks = [feed.task for feed in self._feeds.values() if feed.task] + list(self._listeners.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._feeds.clear()
        self._listeners.clear()

    def drop(self, caller: Caller) -> None:
        """A caller has gone."""
        for key, feed in list(self._feeds.items()):
            if feed.caller is caller:
                self._end(key, feed)
        listener = self._listeners.pop(caller.key, None)
        if listener is not None:
            listener.cancel()

    def touch(self, caller: Caller, world: str) -> None:
        """Something was done: whatever this caller looks at is read again at once."""
        for feed in self._feeds.values():
            if feed.caller is caller and feed.world == world:
                feed.wake.set()

    def _count_of(self, caller: Caller) -> int:
        return sum(feed.caller is caller for feed in self._feeds.values())

    async def _follow(self, key: tuple[str, str, str], feed: Feed) -> None:
        failures = 0
        every_s = feed.topic.every_ms / 1000 or self._refresh_s
        while self._feeds.get(key) is feed and (feed.tabs or time.monotonic() - feed.looked_s < LINGER_S):
            if feed.tabs:
                feed.looked_s = time.monotonic()
            began_s = time.monotonic()
            failures = 0 if await self._read(feed) else failures + 1
            took_s = time.monotonic() - began_s
            least_s = max(MIN_GAP_S, took_s * REST)
            if failures:
                await asyncio.sleep(jittered(BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1]))
            else:
                await _pause(feed, least_s, max(every_s - took_s, least_s))
        self._end(key, feed)

    async def _read(self, feed: Feed) -> bool:
        """One reading. While it takes too long the feed is stale; whatever goes wrong, it is said and tried again."""
        now_ms = time.time_ns() // 1_000_000
        reading = Reading(
            client=feed.caller.client, world=feed.world, argument=feed.argument, now_ms=now_ms, before=feed.rows
        )
        late = asyncio.get_running_loop().call_later(LATE_S, lambda: feed.fail(*_LATE, now_ms))
        try:
            rows: Snapshot = await feed.topic.read(reading)
            feed.take(rows_in_panel(rows) if feed.topic.is_spoken else rows, now_ms)
        except ClientError as error:
            feed.fail(in_panel(error.message), in_panel(error.remedy), now_ms)
            if isinstance(error, NotPermitted) and error.code == "UNAUTHENTICATED":
                self.on_unknown(feed.caller)
            return False
        except Exception:
            _LOG.exception("the topic %s could not be read", feed.name)
            feed.fail(*_FAULT, now_ms)
            return False
        finally:
            late.cancel()
        return True

    async def _listen(self, caller: Caller) -> None:
        """Has everything read again when something happened. The stream is taken up again whatever ends it."""
        failures = 0
        while any(feed.caller is caller for feed in self._feeds.values()):
            try:
                async for batch in caller.client.stream(
                    engine_pb2.WatchEventsRequest(), engine_pb2.WatchEventsResponse
                ):
                    failures = 0
                    if batch.events:
                        self._wake(caller)
            except ClientError:
                failures += 1
            except Exception:
                _LOG.exception("events cannot be followed")
                failures += 1
            await asyncio.sleep(jittered(BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]))
        self._listeners.pop(caller.key, None)

    def _wake(self, caller: Caller) -> None:
        for feed in self._feeds.values():
            if feed.caller is caller and feed.topic.follows_events:
                feed.wake.set()

    def _end(self, key: tuple[str, str, str], feed: Feed) -> None:
        if self._feeds.get(key) is feed:
            del self._feeds[key]
        if feed.task is not None and feed.task is not asyncio.current_task():
            feed.task.cancel()


def jittered(pause_s: float) -> float:
    """Between half of it and all of it, so that many who wait do not come back at once."""
    return pause_s * (0.5 + random.random() / 2)


async def _pause(feed: Feed, least_s: float, pause_s: float) -> None:
    """Until it is time or something happened; at least `least_s`."""
    await asyncio.sleep(least_s)
    if pause_s > least_s:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(feed.wake.wait(), pause_s - least_s)
    feed.wake.clear()
