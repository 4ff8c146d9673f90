"""The notifier by itself: what the store cannot take, channels that come and go, and what leaves masked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from actors.rules.notifying import Notice
from actors.rules.records import AddNotification, NotificationState, RaiseAlert, Row
from actors.rules.settings import NotificationSettings, Settings
from daemon.notes import Notes
from daemon.observe import notify
from daemon.observe.notify import Notifier
from daemon.secrets import Secret
from daemon.store.notification_rows import StoredNotification
from daemon.store.pages import Page
from daemon.store.read import Reader
from tests.daemon.store import samples

T0 = 1_700_000_000_000
PHONE = NotificationSettings(name="phone", url="env:PHONE", severity="info")


class FakeSender:
    """Takes every message unless told to fail."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    async def send(self, _url: str, title: str, text: str, _severity: str) -> str:
        await asyncio.sleep(0)
        if self._scene.error:
            self._scene.tries += 1
            return self._scene.error
        self._scene.sent.append((title, text))
        return ""

    async def close(self) -> None:
        pass


class Scene:
    """A store, and a notifier that commits straight into it."""

    def __init__(self, folder: Path, *channels: NotificationSettings) -> None:
        self.settings = Settings(notifications=channels)
        self.store = samples.chosen(folder)
        self.reader = Reader(self.store.source())
        self.time_ms = T0
        self.sent: list[tuple[str, str]] = []
        self.error, self.tries = "", 0
        self.raised: list[str] = []

    def now_ms(self) -> int:
        return self.time_ms

    def commit(self, rows: Any) -> None:
        self.raised += [row.alert_key for row in rows if isinstance(row, RaiseAlert)]
        self.store.apply([("a", tuple(rows))])

    def standing_alerts(self) -> tuple[str, ...]:
        return ()

    def run(self, use: Callable[[Notifier], Awaitable[None]]) -> None:
        async def run() -> None:
            this: Any = self
            sender: Any = FakeSender(self)
            notifier = Notifier(
                settings=lambda: self.settings,
                reader=self.reader,
                notes=Notes(this, this),
                clock=this,
                resolve=lambda _reference: Secret("json://host/secretsecret1"),
                know_secrets=lambda _secrets: None,
                mask=lambda text: text.replace("apikey123", "****"),
                make_sender=lambda: sender,
            )
            task = asyncio.create_task(notifier.run())
            await use(notifier)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(run())
        self.reader.close()
        self.store.close()

    def waits(self, number: int, channel: str = "phone", severity: str = "warning", due_ms: int = T0) -> Row:
        return AddNotification(
            notification_id=f"n{number}",
            channel=channel,
            type="STREAM",
            severity=severity,
            title=f"t{number}",
            message="text with apikey123",
            create_time_ms=due_ms,
            due_time_ms=due_ms,
        )

    def stored(self) -> dict[str, StoredNotification]:
        found = self.reader.list_notifications(size=1_000)
        assert isinstance(found, Page)
        return {each.notification_id: each for each in found.items}


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(15):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.mark.rule("LOG-4", "LOG-5")
def test_what_waits_is_sent_and_marked_and_known_secrets_do_not_leave(tmp_path: Path) -> None:
    scene = Scene(tmp_path, PHONE)
    scene.commit([scene.waits(1), scene.waits(2, severity="critical"), scene.waits(3, due_ms=T0 + 60_000)])

    async def use(_notifier: Notifier) -> None:
        await until(lambda: len(scene.sent) == 2)
        assert scene.sent == [("t2", "text with ****"), ("t1", "text with ****")]
        states = {name: each.state for name, each in scene.stored().items()}
        assert states == {"n1": NotificationState.SENT, "n2": NotificationState.SENT, "n3": NotificationState.PENDING}

    scene.run(use)


@pytest.mark.rule("LOG-5")
def test_that_the_store_takes_nothing_is_sent_past_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path, PHONE)

    async def use(notifier: Notifier) -> None:
        notifier.urgent(
            Notice(
                type="STORE",
                severity="error",
                category="system",
                message="the store takes no writes: disk I/O error",
                time_ms=T0,
                alert_key="store",
            )
        )
        await until(lambda: scene.sent)
        assert scene.sent[0][0] == "Terrace: store takes no writes"
        assert scene.stored() == {}

    scene.run(use)


@pytest.mark.rule("LOG-5")
def test_what_waits_for_a_channel_that_is_gone_is_suppressed_and_a_new_channel_begins(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.commit([scene.waits(1, "old"), scene.waits(2)])

    async def use(notifier: Notifier) -> None:
        await until(lambda: scene.stored()["n2"].state is NotificationState.SUPPRESSED)
        assert scene.stored()["n1"].error == "its channel is not in the configuration any more"
        scene.settings = Settings(notifications=(PHONE,))
        scene.commit([scene.waits(3)])
        notifier.wake()
        await until(lambda: scene.sent)
        assert [title for title, _ in scene.sent] == ["t3"]

    scene.run(use)


@pytest.mark.rule("LOG-5")
def test_a_channel_that_fails_pauses_is_told_of_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    scene = Scene(tmp_path, PHONE)
    scene.error = "no route"
    scene.commit([scene.waits(1)])

    async def use(notifier: Notifier) -> None:
        for tries in range(1, notify.FAILURES_TOLD + 1):
            await until(lambda wanted=tries: scene.stored()["n1"].attempt_count == wanted)  # type: ignore[misc]
            assert scene.tries == tries, "it waits before it tries again"
            scene.time_ms += 60_000
            notifier.wake()
        await until(lambda: scene.raised)
        assert scene.raised == ["notification_failed/phone"]
        assert scene.stored()["n1"].error == "no route"
        scene.error = ""
        scene.time_ms += 60_000
        notifier.wake()
        await until(lambda: scene.sent)
        assert scene.stored()["n1"].state is NotificationState.SENT

    scene.run(use)


@pytest.mark.rule("LOG-5")
def test_no_more_than_a_bound_waits_and_the_least_serious_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "MAX_PENDING", 10)
    scene = Scene(tmp_path, PHONE)
    scene.error = "no route"
    scene.commit([scene.waits(number, severity="critical" if number < 5 else "warning") for number in range(20)])

    async def use(_notifier: Notifier) -> None:
        await until(lambda: sum(each.state is NotificationState.SUPPRESSED for each in scene.stored().values()) == 10)
        kept = {name for name, each in scene.stored().items() if each.state is NotificationState.PENDING}
        assert {f"n{number}" for number in range(5)} <= kept

    scene.run(use)
