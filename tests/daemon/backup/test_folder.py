"""The folder of backups: what is listed, what is deleted, and what never is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from daemon.backup.folder import clear_drafts, delete_old, list_folder
from tests.daemon.backup.houses import SEAL, T0, House, no_keys, seal_keys

DAY_MS = 86_400_000


def test_backups_are_listed_newest_first_with_what_they_say_of_themselves(house: House) -> None:
    made = [house.make(T0), house.make(T0 + DAY_MS, SEAL), house.make(T0 + 2 * DAY_MS)]
    (house.backups / "notes.txt").write_text("mine")
    found = list_folder(house.backups)
    assert [each.path for each in found] == [each.path for each in reversed(made)]
    assert [each.create_time_ms for each in found] == [T0 + 2 * DAY_MS, T0 + DAY_MS, T0]
    assert [each.is_encrypted for each in found] == [False, True, False]
    assert [each.version for each in found] == ["1.2.3", "", "1.2.3"]
    assert {each.installation_id for each in found} == {house.installation_id}
    assert list_folder(house.folder / "nowhere") == []


@pytest.mark.rule("REC-5")
def test_only_the_oldest_of_this_installation_are_deleted(house: House) -> None:
    made = [house.make(T0 + day * DAY_MS) for day in range(5)]
    others = [house.backups / "notes.txt", house.backups / "terrace-20200101T000000Z-001_initial.backup"]
    for path in others:
        path.write_text("not a backup of ours")
    link = house.backups / "terrace-20200102T000000Z-001_initial.backup"
    link.symlink_to(house.folder / "config.yaml")
    assert delete_old(house.backups, house.installation_id, 3, no_keys) == [made[1].path, made[0].path]
    assert delete_old(house.backups, house.installation_id, 3, no_keys) == []
    assert delete_old(house.backups, "wxyz", 1, no_keys) == []
    assert [each.path.exists() for each in made] == [False, False, True, True, True]
    assert all(path.exists() for path in (*others, link, house.folder / "config.yaml"))


@pytest.mark.rule("REC-5")
def test_a_damaged_backup_never_takes_a_good_ones_place(house: House) -> None:
    made = [house.make(T0 + day * DAY_MS) for day in range(4)]
    for bad in made[2:]:
        data = bytearray(bad.path.read_bytes())
        data[len(data) // 2] ^= 1
        bad.path.write_bytes(data)
    assert delete_old(house.backups, house.installation_id, 2, no_keys) == []
    assert delete_old(house.backups, house.installation_id, 1, no_keys) == [made[0].path]
    assert made[1].path.exists()


def test_an_encrypted_backup_counts_although_it_cannot_be_read(house: House) -> None:
    made = [house.make(T0, SEAL), house.make(T0 + DAY_MS, SEAL), house.make(T0 + 2 * DAY_MS)]
    assert delete_old(house.backups, house.installation_id, 2, no_keys) == [made[0].path]
    assert delete_old(house.backups, house.installation_id, 2, seal_keys) == []


def test_what_a_death_left_half_done_is_cleared_and_nothing_else(house: House) -> None:
    house.backups.mkdir()
    ours = house.backups / f".terrace-{house.installation_id}-{'0' * 16}.draft"
    others = [house.backups / f".terrace-wxyz-{'0' * 16}.draft", house.backups / ".terrace-notes"]
    for path in (ours, *others):
        path.mkdir()
        (path / "whole").write_text("x")
    assert clear_drafts(house.backups, house.installation_id) == [ours]
    assert all(path.exists() for path in others)
    assert clear_drafts(house.folder / "nowhere", house.installation_id) == []


def test_a_backup_of_a_store_that_is_none_is_refused(house: House, tmp_path: Path) -> None:
    from daemon.store.backup import CopyFailed, facts_of

    with closing(sqlite3.connect(tmp_path / "x.db")) as other:
        other.execute("CREATE TABLE t (a)")
    with pytest.raises(CopyFailed, match="not a store of Terrace"):
        facts_of(tmp_path / "x.db")
