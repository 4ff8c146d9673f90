"""A secret that is slow to come, from a keyring that waits for a person say, does not hold up the loop of the API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actors.rules.settings import AlertSettings, NotificationSettings, Settings
from daemon.api.errors import Failed
from daemon.api.maintenance_service import MaintenanceService
from daemon.backup.making import BackupFailed
from daemon.notes import Notes
from daemon.observe.heartbeat import Heartbeat
from daemon.observe.notify import Notifier
from daemon.secrets import Secret
from daemon.store.read import Reader
from protos.terrace.v1.maintenance_pb2 import BackupRequest
from tests.daemon.store import samples

PHONE = NotificationSettings(name="phone", url="keyring:terrace/phone", severity="info")
ASKED_S = 0.6


def slow_secret(_reference: str) -> Secret:
    time.sleep(ASKED_S)
    return Secret("http://127.0.0.1:9/")


async def longest_pause_s(work: Callable[[], Awaitable[object]]) -> float:
    """How long the loop stood still while this was done."""
    task, longest_s = asyncio.ensure_future(work()), 0.0
    while not task.done():
        began_s = time.monotonic()
        await asyncio.sleep(0.01)
        longest_s = max(longest_s, time.monotonic() - began_s)
    await task
    return longest_s


@pytest.mark.rule("LOG-5")
def test_the_notifier_waits_for_a_slow_secret_beside_the_loop(tmp_path: Path) -> None:
    class Taker:
        async def send(self, *_: str) -> str:
            return ""

        async def close(self) -> None:
            pass

    store = samples.opened(tmp_path)
    clock: Any = SimpleNamespace(now_ms=lambda: samples.T0)
    sender: Any = Taker()
    reader = Reader(tmp_path / "terrace.db")

    async def run() -> float:
        recorder: Any = SimpleNamespace(commit=lambda _rows: None, standing_alerts=lambda: ())
        notifier = Notifier(
            settings=lambda: Settings(notifications=(PHONE,)),
            reader=reader,
            notes=Notes(recorder, clock),
            clock=clock,
            resolve=slow_secret,
            know_secrets=lambda _secrets: None,
            make_sender=lambda: sender,
        )
        return await longest_pause_s(lambda: notifier.test("phone", "words"))

    try:
        assert asyncio.run(run()) < ASKED_S / 2
    finally:
        reader.close()
        store.close()


@pytest.mark.rule("LOG-5")
def test_the_heartbeat_waits_for_a_slow_secret_beside_the_loop() -> None:
    async def well() -> str:
        return ""

    async def run() -> float:
        heartbeat = Heartbeat(
            settings=lambda: Settings(alerts=AlertSettings()),
            resolve=slow_secret,
            know_secrets=lambda _secrets: None,
            why_unwell=well,
        )
        return await longest_pause_s(lambda: heartbeat.beat("keyring:terrace/beat"))

    assert asyncio.run(run()) < ASKED_S / 2


@pytest.mark.rule("LOG-5")
def test_a_backup_waits_for_the_key_it_is_sealed_with_beside_the_loop() -> None:
    def slow_key(**_: object) -> BackupFailed:
        slow_secret("")
        return BackupFailed(problem="no key", remedy="make one")

    backups: Any = SimpleNamespace(key=slow_key)
    nothing: Any = None
    service = MaintenanceService(nothing, backups, nothing, nothing, nothing)

    async def refused() -> None:
        with pytest.raises(Failed):
            await service.Backup(BackupRequest(), nothing)

    assert asyncio.run(longest_pause_s(refused)) < ASKED_S / 2
