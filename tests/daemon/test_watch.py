"""What the daemon notices about itself: too much to do, and a clock that jumps."""

from __future__ import annotations

from typing import Any

import pytest

from actors.rules.records import AddEvent, RaiseAlert, ResolveAlert, Row
from daemon import watch
from daemon.api.admission import Admission
from daemon.api.condition import Condition
from daemon.notes import Notes
from daemon.watch import ClockWatch, OverloadWatch


class Recorded:
    """Stands for the recorder: what would be committed."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def commit(self, rows: Any) -> None:
        self.rows += rows

    def kinds(self) -> list[str]:
        return [
            f"{type(row).__name__} {row.alert_key}" for row in self.rows if isinstance(row, RaiseAlert | ResolveAlert)
        ]


class Scene:
    def __init__(self) -> None:
        self.time_ms = 1_000_000
        self.recorded = Recorded()
        self.condition = Condition(0, lambda: self.time_ms)
        recorder: Any = self.recorded
        clock: Any = self
        self.notes = Notes(recorder, clock)
        self.admission = Admission()
        self.overload = OverloadWatch(self.admission, self.condition, self.notes, self.now_ms)
        self.clock = ClockWatch(self.condition, self.notes)

    def now_ms(self) -> int:
        return self.time_ms

    def look(self, door_ms: int = 0, after_ms: int = 1_000, **depths: int) -> None:
        self.time_ms += after_ms
        self.overload.look({name.replace("_", "/"): depth for name, depth in depths.items()}, door_ms)

    def shown(self) -> list[str]:
        return [trouble.name for trouble in self.condition.broken]


@pytest.mark.rule("REC-4", "LOG-5")
def test_shedding_is_told_once_counted_and_over_when_nothing_was_shed_for_a_while() -> None:
    scene = Scene()
    scene.look()
    assert (scene.shown(), scene.recorded.rows) == ([], [])
    for shed in (5, 9):
        scene.admission.shed = shed
        scene.look()
    assert scene.shown() == ["overload"]
    assert "9 signals were turned away" in scene.condition.broken[0].words
    assert scene.condition.broken[0].since_ms == 1_002_000
    scene.look(after_ms=watch.CALM_MS - 1)
    assert scene.shown() == ["overload"]
    scene.look(after_ms=1)
    assert scene.shown() == []
    assert scene.recorded.kinds() == ["RaiseAlert overload", "ResolveAlert overload"]
    told = [row.message for row in scene.recorded.rows if isinstance(row, AddEvent)]
    assert told[-1] == "overload is over: 9 signals were turned away"
    scene.admission.shed = 10
    scene.look()
    assert "1 signals were turned away" in scene.condition.broken[0].words


@pytest.mark.rule("REC-4")
def test_a_deep_mailbox_on_the_way_of_signals_holds_entries_back_until_it_is_shallow() -> None:
    scene = Scene()
    scene.look(group_a=watch.BEHIND_MESSAGES)
    assert scene.admission.behind == ""
    scene.look(pool_paper=watch.BEHIND_MESSAGES)
    assert scene.admission.behind == f"pool/paper has {watch.BEHIND_MESSAGES} messages before it"
    scene.look(pool_paper=watch.SHALLOW_MESSAGES + 1)
    assert scene.admission.behind
    scene.look(pool_paper=watch.SHALLOW_MESSAGES)
    assert scene.admission.behind == ""


@pytest.mark.rule("REC-4")
def test_calls_that_wait_at_the_door_hold_entries_back_unless_it_was_a_short_burst() -> None:
    scene = Scene()
    for _ in range(watch.BEHIND_ROUNDS - 1):
        scene.look(door_ms=watch.BEHIND_MS)
        assert scene.admission.behind == ""
    scene.look(door_ms=watch.BEHIND_MS - 1)
    for _ in range(watch.BEHIND_ROUNDS - 1):
        scene.look(door_ms=watch.BEHIND_MS)
        assert scene.admission.behind == ""
    scene.look(door_ms=watch.BEHIND_MS)
    assert scene.admission.behind == f"calls wait {watch.BEHIND_MS} ms before they are looked at"
    scene.look(door_ms=watch.CAUGHT_UP_MS + 1)
    assert scene.admission.behind
    scene.look(door_ms=watch.CAUGHT_UP_MS)
    assert scene.admission.behind == ""
    scene.look(door_ms=watch.FAR_BEHIND_MS)
    assert scene.admission.behind
    assert scene.admission.door_s == watch.FAR_BEHIND_MS / 1000
    scene.look(door_ms=0)
    assert scene.admission.door_s == 0


@pytest.mark.rule("REC-4", "LOG-5")
def test_a_mailbox_that_is_not_kept_up_with_is_an_alarm() -> None:
    scene = Scene()
    for depth in (watch.DEEP_MESSAGES, watch.DEEP_MESSAGES + 1):
        scene.look(group_a=depth)
    assert scene.shown() == ["mailbox/group"]
    assert "group/a does not keep up: 5001 messages" in scene.condition.broken[0].words
    scene.look(group_a=watch.SHALLOW_MESSAGES)
    assert scene.shown() == []
    assert scene.recorded.kinds() == ["RaiseAlert mailbox", "ResolveAlert mailbox"]


@pytest.mark.rule("REC-5", "LOG-5")
@pytest.mark.parametrize(("by_ms", "words"), [(3_600_000, "forward by 3600.0 s"), (-90_000, "back by 90.0 s")])
def test_a_clock_that_jumps_is_shown_for_a_while(by_ms: int, words: str) -> None:
    scene = Scene()
    for second, drift_ms in enumerate((0, 500, -500)):
        scene.clock.look(1_000_000 + second * 1_000 + drift_ms, second * 1_000)
    assert scene.shown() == []
    ahead_ms = 1_000_000 - 500 + by_ms
    scene.clock.look(ahead_ms + 3_000, 3_000)
    assert words in scene.condition.broken[0].words
    for steady_ms in (4_000, 2_999 + watch.JUMP_SHOWN_MS):
        scene.clock.look(ahead_ms + steady_ms, steady_ms)
        assert scene.shown() == [watch.CLOCK_TROUBLE]
    end_ms = 3_000 + watch.JUMP_SHOWN_MS
    scene.clock.look(ahead_ms + end_ms, end_ms)
    assert scene.shown() == []
    assert scene.recorded.kinds() == ["RaiseAlert clock_jumped", "ResolveAlert clock_jumped"]
