"""When a backup is due, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest

from actors.rules.records import AddEvent, RaiseAlert, ResolveAlert, Row
from daemon.backup.keeper import Backups, Stopped, Terms
from daemon.backup.making import BackupFailed
from daemon.backup.schedule import AGAIN_MS, FAILED, Schedule
from daemon.backup.sealing import PASSPHRASE, SealKey
from daemon.notes import Notes
from tests.daemon.backup.houses import SEAL, T0, House

HOUR_MS = 3_600_000


class Clock:
    def __init__(self) -> None:
        self.time_ms = T0

    def now_ms(self) -> int:
        return self.time_ms


class Written:
    def __init__(self) -> None:
        self.rows: list[Row] = []

    def commit(self, rows: tuple[Row, ...]) -> None:
        self.rows.extend(rows)


class Keeping:
    def __init__(self, house: House, *, every_ms: int = 24 * HOUR_MS, keep: int = 3, key: SealKey | str | None = None):
        self.house, self.clock, self.written = house, Clock(), Written()
        self.backups = Backups(
            house.source(),
            Terms(folder=house.backups, every_ms=every_ms, keep=keep),
            installation_id=house.installation_id,
            now_ms=self.clock.now_ms,
            configured_key=lambda: key,
        )
        self.schedule = Schedule(
            self.backups, Notes(cast(Any, self.written), cast(Any, self.clock)), cast(Any, self.clock)
        )

    def kinds(self) -> list[str]:
        told = {RaiseAlert: "raised", ResolveAlert: "resolved", AddEvent: "event"}
        found = [told[type(row)] for row in self.written.rows if type(row) in told]
        self.written.rows.clear()
        return found


@pytest.fixture
def keeping(house: House) -> Iterator[Keeping]:
    keeping = Keeping(house)
    yield keeping
    keeping.backups.stop()


@pytest.mark.rule("REC-5")
def test_one_that_was_made_while_the_clock_was_ahead_does_not_have_the_good_ones_thrown_away(keeping: Keeping) -> None:
    """It looks the newest for years. If another were due every few minutes because of it, those kept would be the last
    hour's."""
    keeping.clock.time_ms += 365 * 24 * HOUR_MS
    keeping.schedule.make_one()
    keeping.clock.time_ms = T0
    assert keeping.schedule.is_due()
    keeping.schedule.make_one()
    for _ in range(4):
        keeping.clock.time_ms += AGAIN_MS
        assert not keeping.schedule.is_due()
    keeping.clock.time_ms = T0 + 24 * HOUR_MS
    assert keeping.schedule.is_due()


@pytest.mark.rule("REC-5")
def test_the_first_is_due_at_once_and_the_next_when_it_is_old(keeping: Keeping) -> None:
    assert keeping.schedule.is_due()
    keeping.schedule.make_one()
    assert keeping.kinds() == ["resolved", "event"]
    assert not keeping.schedule.is_due()
    keeping.clock.time_ms += 24 * HOUR_MS - 1
    assert not keeping.schedule.is_due()
    keeping.clock.time_ms += 1
    assert keeping.schedule.is_due()


def test_a_restart_does_not_make_one_that_is_not_due(keeping: Keeping, house: House) -> None:
    keeping.schedule.make_one()
    again = Keeping(house)
    again.clock.time_ms += HOUR_MS
    assert not again.schedule.is_due()
    again.clock.time_ms += 24 * HOUR_MS
    assert again.schedule.is_due()


def test_a_clock_set_back_does_not_end_backups_for_ever(keeping: Keeping) -> None:
    keeping.schedule.make_one()
    keeping.clock.time_ms -= 1000 * HOUR_MS
    assert keeping.schedule.is_due()


def test_none_is_due_where_none_is_wanted(house: House) -> None:
    assert not Keeping(house, every_ms=0).schedule.is_due()


@pytest.mark.rule("LOG-5")
def test_a_failure_is_an_alert_and_tried_again_after_a_while(keeping: Keeping, house: House) -> None:
    house.backups.write_text("a file stands there")
    keeping.schedule.make_one()
    raised = next(row for row in keeping.written.rows if isinstance(row, RaiseAlert))
    assert raised.alert_key == FAILED
    assert "backup.directory" in raised.message
    keeping.kinds()
    house.backups.unlink()
    assert not keeping.schedule.is_due()
    keeping.clock.time_ms += AGAIN_MS
    assert keeping.schedule.is_due()
    keeping.schedule.make_one()
    assert keeping.kinds() == ["resolved", "event"]


def test_old_ones_go_as_new_ones_come(keeping: Keeping) -> None:
    for _ in range(5):
        keeping.schedule.make_one()
        keeping.clock.time_ms += 24 * HOUR_MS
    assert len(keeping.house.names()) == 3


@pytest.mark.rule("SEC-3")
def test_with_a_configured_passphrase_every_backup_is_encrypted(house: House) -> None:
    keeping = Keeping(house, key=SEAL)
    keeping.schedule.make_one()
    assert [found.is_encrypted for found in keeping.backups.list()] == [True]
    assert keeping.backups.key(encrypt=None) == SEAL
    assert keeping.backups.key(encrypt=True, passphrase="another") == SealKey(PASSPHRASE, b"another")


@pytest.mark.rule("SEC-3", "LOG-5")
def test_without_its_key_nothing_is_written_in_clear_instead(house: House) -> None:
    keeping = Keeping(house, key="the variable is not set")
    keeping.schedule.make_one()
    assert "raised" in keeping.kinds()
    assert house.names() == []
    assert isinstance(Keeping(house).backups.key(encrypt=True), BackupFailed)


def test_one_at_a_time(keeping: Keeping, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def busy(*_: object, **__: object) -> BackupFailed:
        seen.append(keeping.backups.make(None))
        return BackupFailed(problem="x", remedy="y")

    monkeypatch.setattr("daemon.backup.keeper.make_backup", busy)
    keeping.backups.make(None)
    assert isinstance(seen[0], BackupFailed)
    assert "already" in seen[0].problem


def test_a_stopping_daemon_gives_one_up_and_leaves_nothing(keeping: Keeping) -> None:
    keeping.backups.stop()
    with pytest.raises(Stopped):
        keeping.backups.make(None)
    assert keeping.house.names() == []
    keeping.schedule.make_one()
    assert keeping.kinds() == []
