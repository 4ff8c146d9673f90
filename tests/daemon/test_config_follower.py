"""Each version is stored once, whatever the store does in between, and a crash loses or doubles none (CFG-3, CFG-7)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.ports import StoreFault
from actors.rules.records import AddConfigVersion
from actors.rules.settings import Settings
from daemon.config.apply import Stale, Wanted, Written
from daemon.config.edit import Edit, apply_edits
from daemon.config.file import etag_of
from daemon.config.load import LoadedConfig, load_config
from daemon.config.watcher import Origin
from daemon.config_follower import ConfigFollower, version_of
from daemon.store.found import StoredConfig

TEXT = "config_version: 1\n"


class Store:
    """What was committed, and whether the store takes it."""

    def __init__(self) -> None:
        self.rows: dict[int, AddConfigVersion] = {}
        self.works = True
        self.can_be_read = True

    def commit(self, *rows: Any) -> None:
        for row in rows:
            if isinstance(row, AddConfigVersion) and self.works:
                assert row.version not in self.rows, "stored twice"
                self.rows[row.version] = row

    def has(self, version: int) -> bool:
        if not self.can_be_read:
            raise StoreFault("disk I/O error")
        return version in self.rows

    def event(self, *_: str) -> None: ...

    def resolved(self, *_: str) -> None: ...

    def raise_alert(self, *_: str) -> None: ...


class Clock:
    def now_ms(self) -> int:
        return 1_000


class Followed:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.yaml"
        self.path.write_text(TEXT, encoding="utf-8")
        self.store = Store()
        self.applied: list[Settings] = []
        loaded = load_config(self.path, {})
        assert isinstance(loaded, LoadedConfig)
        notes: Any = self.store
        self.follower = ConfigFollower(
            loaded, {}, apply=self.applied.append, notes=notes, clock=Clock(), is_stored=self.store.has
        )

    def put(self, path: str, value: str, etag: str = "") -> object:
        def make(standing: str) -> Any:
            return apply_edits(standing, (Edit(path=path, value=value),))

        return self.follower.change(Wanted(make=make, etag=etag, origin=Origin(author="anna", source="cli")))

    def look(self) -> None:
        """What the watch does every few seconds."""
        self.follower._store_again()


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path)


@pytest.mark.rule("CFG-3")
def test_a_version_the_store_did_not_take_is_stored_once_it_takes_it(followed: Followed) -> None:
    followed.store.works = False
    for size in (3, 4):
        assert isinstance(followed.put("pool.max_open_groups", str(size)), Written)
    assert [each.pool.max_open_groups for each in followed.applied] == [3, 4]
    followed.look()
    assert followed.store.rows == {}
    followed.store.can_be_read = False
    followed.look()
    followed.store.works = followed.store.can_be_read = True
    followed.look()
    followed.look()
    assert [(row.version, row.author, row.changed) for row in followed.store.rows.values()] == [
        (2, "anna", ("pool.max_open_groups",)),
        (3, "anna", ("pool.max_open_groups",)),
    ]


@pytest.mark.rule("CFG-3", "CFG-7")
def test_after_a_crash_between_the_file_and_the_store_the_next_start_has_the_version_once(followed: Followed) -> None:
    followed.store.works = False  # Killed before the commit.
    followed.put("pool.max_open_groups", "3")
    text = followed.path.read_text(encoding="utf-8")
    newest = StoredConfig(version=1, time_ms=0, author="file", source="file", text=TEXT)
    assert version_of(text, newest) == 2
    stored = StoredConfig(version=2, time_ms=0, author="file", source="file", text=text)
    assert version_of(text, stored) == 2


@pytest.mark.rule("CFG-7")
def test_a_file_saved_right_before_the_write_is_not_written_over(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = etag_of(TEXT)
    by_hand = f"{TEXT}queue: {{max_size: 9}}\n"

    def late(*_: object) -> None:
        followed.path.write_text(by_hand, encoding="utf-8")

    monkeypatch.setattr("daemon.config.file.os.fsync", late)
    answer = followed.put("pool.max_open_groups", "3", seen)
    assert isinstance(answer, Stale)
    assert answer.etag == etag_of(by_hand)
    assert followed.path.read_text(encoding="utf-8") == by_hand
    assert [each.queue.max_size for each in followed.applied] == [9]
    assert sorted(each.name for each in followed.path.parent.iterdir()) == ["config.yaml"]


@pytest.mark.rule("CFG-7")
def test_a_file_that_vanished_is_written_anew(followed: Followed) -> None:
    followed.path.unlink()
    assert isinstance(followed.put("pool.max_open_groups", "3", etag_of(TEXT)), Written)
    assert "max_open_groups: 3" in followed.path.read_text(encoding="utf-8")
