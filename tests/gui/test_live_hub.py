"""The hub: who is read for whom and how often, and what is said when it cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from control.client import NotPermitted, Unavailable
from gui.callers import Caller
from gui.live import hub as hub_module
from gui.live.feed import Refusal
from gui.live.hub import MAX_FEEDS_OF_CALLER, TOO_MANY, UNKNOWN_TOPIC, Hub
from gui.live.stream import MAX_TOPICS, Tab
from gui.live.topics import Reading, Snapshot, Topic
from tests.gui.live_help import FakeClient, Reader, never, nobody, read_nothing


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(story(), 10)

    asyncio.run(bounded())


def hub_of(reader: Reader, *, refresh_ms: int = 200, **more: Any) -> Hub:
    return Hub({"t": Topic(name="t", read=reader)}, refresh_ms=refresh_ms, **more)


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def frames(tab: Tab) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = orjson.loads(orjson.dumps(tab.frames()))
    return found


class Counter:
    """A reader that counts how often it was asked."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, _reading: Reading) -> Snapshot:
        self.count += 1
        return {"": {"n": str(self.count)}}


def test_tabs_of_one_caller_share_one_reading() -> None:
    async def story() -> None:
        counter, caller = Counter(), nobody()
        hub = hub_of(counter, refresh_ms=60_000)
        tabs = [Tab(hub, caller, "") for _ in range(5)]
        for tab in tabs:
            tab.want(["t"])
        await tabs[0].ready()
        assert counter.count == 1
        assert [frame["set"] for tab in tabs for frame in frames(tab)] == [{"": {"n": "1"}}] * 5
        await hub.close()

    run(story)


def test_callers_do_not_share_what_they_see() -> None:
    async def story() -> None:
        async def read(reading: Reading) -> Snapshot:
            return {"": {"who": str(id(reading.client))}}

        hub = hub_of(read)
        tabs = [Tab(hub, nobody(key), "") for key in ("a", "b")]
        for tab in tabs:
            tab.want(["t"])
            await tab.ready()
        first, second = (frames(tab)[0]["set"][""]["who"] for tab in tabs)
        assert first != second
        await hub.close()

    run(story)


def test_a_feed_nobody_looks_at_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "LINGER_S", 0.05)

    async def story() -> None:
        counter = Counter()
        hub = hub_of(counter)
        tab = Tab(hub, nobody(), "")
        tab.want(["t"])
        await tab.ready()
        await asyncio.sleep(0.3)
        assert len(hub) == 1
        tab.leave()
        await until(lambda: len(hub) == 0)
        read = counter.count
        await asyncio.sleep(0.3)
        assert counter.count == read
        await hub.close()

    run(story)


def test_a_fault_in_a_reader_is_said_and_the_topic_lives_on() -> None:
    async def story() -> None:
        faults = [True]

        async def read(_reading: Reading) -> Snapshot:
            if faults[0]:
                raise KeyError("quantity")
            return {"": {"n": "1"}}

        hub = hub_of(read)
        tab = Tab(hub, nobody(), "")
        tab.want(["t"])
        await tab.ready()
        frame = frames(tab)[0]
        assert "fault in the panel" in frame["stale"]["why"]
        assert "quantity" not in orjson.dumps(frame).decode()
        faults[0] = False
        while "full" not in frame:
            frame = (frames(tab) or [frame])[-1]
            await asyncio.sleep(0.01)
        assert "stale" not in frame
        assert frame["set"] == {"": {"n": "1"}}
        await hub.close()

    run(story)


def test_a_daemon_that_is_away_makes_stale_since_the_last_reading() -> None:
    async def story() -> None:
        is_away = [False]

        async def read(_reading: Reading) -> Snapshot:
            if is_away[0]:
                raise Unavailable("the daemon cannot be reached", remedy="Start it.")
            return {"": {"n": "1"}}

        hub = hub_of(read)
        tab = Tab(hub, nobody(), "")
        tab.want(["t"])
        await tab.ready()
        last = frames(tab)[0]["at"]
        is_away[0] = True
        frame: dict[str, Any] = {}
        while "stale" not in frame:
            if not frame.get("stale"):
                last = frame.get("at", last)
            frame = (frames(tab) or [{}])[-1]
            await asyncio.sleep(0.01)
        assert frame["stale"] == {"since": frame["at"], "why": "the daemon cannot be reached", "remedy": "Start it."}
        assert frame["at"] >= last
        assert not frame.get("set")
        await hub.close()

    run(story)


def test_a_daemon_that_does_not_answer_makes_stale_before_the_call_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module, "LATE_S", 0.05)

    async def story() -> None:
        async def read(_reading: Reading) -> Snapshot:
            await never()
            return {}

        hub = hub_of(read)
        tab = Tab(hub, nobody(), "")
        tab.want(["t"])
        await tab.ready()
        assert frames(tab)[0]["stale"]["why"] == "the daemon does not answer"
        await hub.close()

    run(story)


def test_a_token_the_daemon_does_not_know_any_more_is_told() -> None:
    async def story() -> None:
        async def read(_reading: Reading) -> Snapshot:
            raise NotPermitted("no such token", code="UNAUTHENTICATED")

        unknown: list[Caller] = []
        hub = hub_of(read, on_unknown=unknown.append)
        caller = nobody()
        tab = Tab(hub, caller, "")
        tab.want(["t"])
        await tab.ready()
        assert unknown == [caller]
        await hub.close()

    run(story)


def test_an_event_has_everything_read_again_at_once_and_a_broken_stream_is_taken_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_module, "BACK_OFF_S", (0.01,))

    async def story() -> None:
        happened = asyncio.Event()

        async def events() -> AsyncIterator[Any]:
            await happened.wait()
            happened.clear()
            yield SimpleNamespace(events=[1])
            raise Unavailable("broken")

        counter, client = Counter(), FakeClient(events)
        hub = hub_of(counter, refresh_ms=600_000)
        tab = Tab(hub, nobody(client=client), "")
        tab.want(["t"])
        await until(lambda: counter.count == 1)
        for number in (2, 3):
            happened.set()
            await until(lambda number=number: counter.count == number)  # type: ignore[misc]
        assert client.streams >= 2
        await hub.close()

    run(story)


def test_a_flood_of_events_does_not_read_without_pause() -> None:
    async def story() -> None:
        counter, caller = Counter(), nobody()
        hub = hub_of(counter, refresh_ms=600_000)
        Tab(hub, caller, "").want(["t"])
        await until(lambda: counter.count == 1)
        for _ in range(100):
            hub.touch(caller, "")
            await asyncio.sleep(0.005)
        assert 2 <= counter.count <= 8
        await hub.close()

    run(story)


def test_what_is_over_a_limit_is_refused_with_words() -> None:
    async def story() -> None:
        hub, caller = hub_of(read_nothing), nobody()
        assert hub.feed(caller, "", "nothing") is UNKNOWN_TOPIC
        assert hub.feed(caller, "", "t:" + "x" * 300) is UNKNOWN_TOPIC
        for number in range(MAX_FEEDS_OF_CALLER):
            assert not isinstance(hub.feed(caller, "", f"t:{number}"), Refusal)
        assert hub.feed(caller, "", "t:more") is TOO_MANY
        assert not isinstance(hub.feed(nobody("other"), "", "t:more"), Refusal)
        tab = Tab(hub, caller, "")
        tab.want(["t:more"])
        assert frames(tab)[0]["stale"]["why"] == TOO_MANY.why
        await hub.close()

    run(story)


def test_a_stream_follows_so_many_topics_and_says_so_of_the_next() -> None:
    async def story() -> None:
        hub = hub_of(read_nothing)
        tab = Tab(hub, nobody(), "")
        tab.want(f"t:{number}" for number in range(MAX_TOPICS + 1))
        refused = [frame["topic"] for frame in frames(tab) if "stale" in frame]
        assert refused == [f"t:{MAX_TOPICS}"]
        await hub.close()

    run(story)


def test_a_tab_that_does_not_take_its_frames_is_owed_one_and_no_more() -> None:
    async def story() -> None:
        counter = Counter()
        hub = hub_of(counter, refresh_ms=20)
        tab = Tab(hub, nobody(), "")
        tab.want(["t"])
        await until(lambda: counter.count >= 4)
        told = frames(tab)
        assert len(told) == 1
        assert told[0]["set"][""]["n"] == str(counter.count)
        await hub.close()

    run(story)


def test_a_tab_that_comes_back_is_told_only_what_changed() -> None:
    async def story() -> None:
        rows = {"a": {"n": "1"}, "b": {"n": "1"}}

        async def read(_reading: Reading) -> Snapshot:
            return {name: dict(row) for name, row in rows.items()}

        hub, caller = hub_of(read), nobody()
        tab = Tab(hub, caller, "")
        tab.want(["t"])
        await tab.ready()
        version = frames(tab)[0]["v"]
        tab.leave()
        rows["b"] = {"n": "2"}
        hub.touch(caller, "")
        feed = hub.feed(caller, "", "t")
        assert not isinstance(feed, Refusal)
        await until(lambda: feed.version > version)
        again = Tab(hub, caller, "")
        again.want(["t"], {"t": version})
        frame = frames(again)[0]
        assert frame["set"] == {"b": {"n": "2"}}
        assert "full" not in frame
        await hub.close()

    run(story)


def test_a_stream_gives_a_sign_of_life_and_leaves_its_feeds_at_its_end() -> None:
    async def story() -> None:
        hub = hub_of(read_nothing, refresh_ms=600_000)
        tab = Tab(hub, nobody(), "")
        tab.want(["t"])
        events = tab.events()
        told = [await anext(events) for _ in range(3)]
        assert told[0] == b"retry: 1000\n\n"
        assert told[1].startswith(b'data: [{"topic":"t"')
        assert told[2] == b"event: alive\ndata: {}\n\n"
        feed = hub.feed(nobody(), "", "t")
        assert not isinstance(feed, Refusal)
        await events.aclose()  # type: ignore[attr-defined]
        assert feed.tabs == set()
        await hub.close()

    run(story)
