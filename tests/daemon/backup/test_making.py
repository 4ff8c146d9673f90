"""A backup is one file that holds one moment of a store in use, or there is none."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import sqlite3
import stat
import tarfile
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.backup import making
from daemon.backup.archive import no_rest, opened, peek, unpack
from daemon.backup.making import BackupFailed, make_backup
from daemon.store.backup import SqliteMoment
from tests.daemon.backup.houses import SEAL, T0, House, no_keys, seal_keys
from tests.daemon.store import samples


@pytest.mark.rule("REC-5")
def test_a_backup_holds_store_books_config_and_tokens_and_no_secret(house: House) -> None:
    made = house.make()
    names = [member.name for member in made.manifest.members]
    assert names == ["data/terrace.db", "data/paper/paper.db", "config.yaml", "data/secrets/tokens.yaml"]
    assert made.path.name.startswith("terrace-20231114T221320000Z-")
    assert (made.manifest.schema, made.manifest.installation_id) == (
        made.path.name.removesuffix(".backup").split("Z-")[1],
        house.installation_id,
    )
    assert made.manifest.last_sequence > 0
    assert house.names() == [made.path.name]
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert made.sha256 == hashlib.sha256(made.path.read_bytes()).hexdigest()
    with gzip.open(made.path) as plain:
        assert b"the webhook's secret" not in plain.read()


def test_any_tool_opens_one_that_is_not_encrypted(house: House, tmp_path: Path) -> None:
    with tarfile.open(house.make().path) as tar:
        tar.extractall(tmp_path / "out", filter="data")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["store"] == "data/terrace.db"
    with closing(sqlite3.connect(tmp_path / "out" / "data" / "terrace.db")) as store:
        assert store.execute("SELECT count(*) FROM position_groups").fetchone() == (1,)
    assert "the webhook" not in "".join(map(str, (tmp_path / "out").rglob("*")))


def test_the_copy_is_one_moment_although_commits_come_in_between(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit at every step: the copy neither begins anew nor sees any of it."""
    monkeypatch.setattr("daemon.store.backup.STEP_PAGES", 8)
    for number in range(2, 60):
        house.store.apply([("a", samples.opening(number))])
    steps = []

    def commit(size: int) -> None:
        steps.append(size)
        house.store.apply([("b", samples.opening(100 + len(steps)))])

    with closing(SqliteMoment(house.data_dir / "terrace.db")) as moment:
        house.store.apply([("c", samples.opening(99))])
        moment.write(tmp_path / "copy", commit)
    assert len(steps) > 5
    with closing(sqlite3.connect(tmp_path / "copy")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*), max(id) FROM position_groups").fetchone() == (59, 59)
    assert len(house.store.live_group_ids()) == 60 + len(steps)


def test_a_writer_does_not_wait_for_the_copy(house: House, tmp_path: Path) -> None:
    """The copy stands still in its middle; a commit goes through all the same."""
    inside, go_on = threading.Event(), threading.Event()

    def stand(_size: int) -> None:
        inside.set()
        assert go_on.wait(20)

    def copy() -> None:
        with closing(SqliteMoment(house.data_dir / "terrace.db")) as moment:
            moment.write(tmp_path / "copy", stand)

    thread = threading.Thread(target=copy)
    thread.start()
    assert inside.wait(20)
    assert house.store.apply([("a", samples.opening(2))])[0].broken is None
    go_on.set()
    thread.join()


@pytest.mark.rule("SEC-3")
def test_an_encrypted_backup_shows_nothing_and_opens_only_with_its_passphrase(house: House, tmp_path: Path) -> None:
    made = house.make(key=SEAL)
    data = made.path.read_bytes()
    assert b"position_groups" not in data
    assert b"config_version" not in data
    with opened(made.path, seal_keys) as backup:
        assert backup.is_encrypted
        assert unpack(backup.stream, tmp_path / "out", no_rest) == made.manifest
    with opened(house.make(T0 + 1).path, no_keys) as backup:
        assert peek(backup.stream).create_time_ms == T0 + 1


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize("after", [0, 3, 10, 40])
def test_a_full_disk_leaves_nothing_half(house: House, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    real, calls = os.write, []

    def full(handle: int, data: Any) -> int:
        calls.append(len(data))
        if len(calls) > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data)

    monkeypatch.setattr("daemon.backup.archive.os.write", full)
    failed = make_backup(house.source(), house.backups, installation_id="abcd", now_ms=T0, key=None, rest=no_rest)
    monkeypatch.undo()
    if after < len(calls):
        assert isinstance(failed, BackupFailed)
        assert "No space left" in failed.problem
        assert house.names() == []


@pytest.mark.rule("REC-5")
def test_too_little_room_is_refused_before_anything_is_written(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "ROOM_BYTES", 2**60)
    failed = make_backup(house.source(), house.backups, installation_id="abcd", now_ms=T0, key=None, rest=no_rest)
    assert isinstance(failed, BackupFailed)
    assert "MB are free" in failed.problem
    assert house.names() == []


def test_one_that_is_given_up_leaves_nothing(house: House) -> None:
    steps = []

    def give_up(size: int) -> None:
        steps.append(size)
        if len(steps) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_backup(house.source(), house.backups, installation_id="abcd", now_ms=T0, key=None, rest=give_up)
    assert house.names() == []


def test_a_folder_that_cannot_be_written_is_told(house: House) -> None:
    house.backups.write_text("a file stands there")
    failed = make_backup(house.source(), house.backups, installation_id="abcd", now_ms=T0, key=None, rest=no_rest)
    assert isinstance(failed, BackupFailed)
    assert "backup.directory" in failed.remedy
