"""The outbox on a real store: messages in the commit they tell of, none lost, few in a burst."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from actors.ports import StoreFault
from actors.rules.model import Outcome, Reason
from actors.rules.records import AddEvent, NotificationState, RaiseAlert, ResolveAlert, Row, SetOutcome
from actors.rules.settings import NotificationSettings, Settings
from daemon.metered_store import MeteredStore
from daemon.observe.metrics import Metrics
from daemon.observe.outbox import MAX_PASTS, Outbox
from daemon.store.notification_rows import StoredNotification
from daemon.store.pages import Page
from daemon.store.read import Reader
from daemon.store.store import SqlStore
from tests.daemon.store import samples

CHANNELS = (
    NotificationSettings(name="phone", url="env:PHONE"),
    NotificationSettings(name="mail", url="env:MAIL", severity="critical"),
)
T0 = 1_700_000_000_000


NOBODY = SetOutcome(
    signal_id="nobody",
    outcome=Outcome.REMOVED,
    reason=Reason.OK,
    detail="",
    group_id="",
    draft_id="",
    time_ms=T0,
)
"""A row that no store takes."""


class Scene:
    def __init__(self, folder: Path, channels: tuple[NotificationSettings, ...] = CHANNELS) -> None:
        self.settings = Settings(notifications=channels)
        self.woken = 0
        self.store: SqlStore = samples.chosen(folder)
        self.reader = Reader(self.store.source())
        self.outbox = Outbox(lambda: self.settings, prefix="n1", wake=self.wake)
        self.metered = MeteredStore(self.store, Metrics(), outbox=self.outbox)

    def wake(self) -> None:
        self.woken += 1

    def commit(self, *rows: Row) -> None:
        assert self.metered.apply([("a", rows)])[0].broken is None

    def stored(self, channel: str = "") -> list[StoredNotification]:
        found = self.reader.list_notifications((), channel, size=1_000)
        assert isinstance(found, Page)
        return list(reversed(found.items))

    def close(self) -> None:
        self.reader.close()
        self.store.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.close()


def raised(key: str = "unreachable:paper", after_ms: int = 0, severity: str = "error") -> RaiseAlert:
    return RaiseAlert(
        alert_key=key,
        time_ms=T0 + after_ms,
        severity=severity,
        category="exchange",
        message=f"{key} words",
        account="paper",
    )


@pytest.mark.rule("LOG-5")
def test_an_alert_and_its_messages_are_one_commit(scene: Scene) -> None:
    scene.commit(raised())
    scene.commit(raised(after_ms=1_000))
    (message,) = scene.stored()
    assert (message.channel, message.type, message.state) == ("phone", "UNREACHABLE", NotificationState.PENDING)
    assert message.title == "[PAPER] paper: exchange does not answer"
    assert message.alert_key == "unreachable:paper"
    assert scene.woken == 1
    scene.commit(raised(after_ms=2_000, severity="critical"))
    assert sorted(each.channel for each in scene.stored()) == ["mail", "phone", "phone"]
    scene.commit(ResolveAlert(alert_key="unreachable:paper", time_ms=T0 + 3_000))
    assert scene.stored("mail")[-1].title == "[PAPER] paper: over: exchange does not answer"


@pytest.mark.rule("LOG-5")
def test_a_commit_the_store_did_not_take_leaves_its_message_due(scene: Scene) -> None:
    refused = scene.metered.apply([("a", (raised(), NOBODY)), ("b", (raised("stream:paper"),))])
    assert [result.broken is None for result in refused] == [False, True]
    assert [each.type for each in scene.stored()] == ["STREAM"]
    scene.commit(raised())
    assert [each.type for each in scene.stored()] == ["STREAM", "UNREACHABLE"]

    def fail(_batch: object) -> None:
        raise StoreFault("no disk")

    taken, scene.store.apply = scene.store.apply, fail  # type: ignore[method-assign, assignment]
    with pytest.raises(StoreFault):
        scene.metered.apply([("a", (raised("ban:paper"),))])
    scene.store.apply = taken  # type: ignore[method-assign]
    scene.commit(raised("ban:paper"))
    assert scene.stored()[-1].type == "BAN"


def test_without_channels_a_batch_passes_untouched(tmp_path: Path) -> None:
    scene = Scene(tmp_path, ())
    batch = [("a", (raised(),))]
    assert scene.outbox.extend(batch) is batch
    scene.close()


def test_a_fault_in_the_outbox_holds_up_no_commit(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Outbox, "_messages", lambda *_: 1 / 0)
    scene.commit(raised())
    assert scene.stored() == []
    alert = scene.reader.get_alert("unreachable:paper")
    assert alert is not None


@pytest.mark.rule("LOG-5")
def test_ten_thousand_alerts_in_a_second_are_a_handful_of_messages_and_no_brake(scene: Scene) -> None:
    kinds = ("unreachable", "quote_age", "order.precision", "stream")
    quiet = Outbox(Settings, prefix="n0", wake=lambda: None)
    took = {}
    for name, outbox in (("without", quiet), ("with", scene.outbox)):
        metered = MeteredStore(scene.store, Metrics(), outbox=outbox)
        start_s = time.perf_counter()
        for number in range(0, 10_000, 200):
            rows = [
                ("a", (raised(f"{kinds[each % 4]}:{name}{each}", each // 10, "critical"),))
                for each in range(number, number + 200)
            ]
            metered.apply(rows)
        took[name] = time.perf_counter() - start_s
    messages = scene.stored()
    assert len(messages) == len(CHANNELS) * len(kinds) * 4, "three alone, the rest in one"
    assert sum(1 + each.suppressed_count for each in messages) == len(CHANNELS) * 10_000
    assert len(scene.outbox._pasts) <= MAX_PASTS
    assert took["with"] < 8 * took["without"] + 1.0, f"two channels cost {took} s for 10,000 alerts"


def test_events_are_told_by_type_and_a_world_without_an_account_is_named(tmp_path: Path) -> None:
    scene = Scene(tmp_path, (replace(CHANNELS[0], severity="info"),))
    event = AddEvent(time_ms=T0, severity="info", category="engine", type="group.closed", message="closed")
    scene.commit(event, replace(event, type="entry.filled"))
    scene.commit(replace(raised("limit/live/drawdown", severity="critical"), account=""))
    assert [each.type for each in scene.stored()] == ["GROUP_CLOSED", "LIMIT"]
    assert scene.stored()[-1].title == "[LIVE] Terrace: limit reached"
    scene.close()


@pytest.mark.rule("LOG-5")
def test_no_letter_of_a_template_keeps_a_commit_out_of_the_store(tmp_path: Path) -> None:
    """What trades is in the same commit."""
    odd = NotificationSettings(name="phone", url="env:PHONE", severity="info", template="\ud800 \0 ${message}")
    scene = Scene(tmp_path, (odd,))
    scene.commit(raised(), *samples.opening(1))
    assert [each.message for each in scene.stored()] == ["? \ufffd unreachable:paper words"]
    scene.close()
