"""A store in PostgreSQL is backed up as one in SQLite: row for row the same, and restored like any other."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.backup.archive import no_rest
from daemon.backup.restoring import Restored, restore
from daemon.backup.setup import snapshotter_of
from daemon.backup.verifying import Verified, verify
from daemon.store.backup import CopyFailed, SqliteSnapshotter
from daemon.store.open import open_store
from daemon.store.store import SqlStore
from tests import postgres as servers
from tests import stores
from tests.daemon.backup.houses import T0, House, no_keys
from tests.daemon.store import samples

needs_server = pytest.mark.skipif(bool(servers.why_not()), reason=servers.why_not() or "-")


@needs_server
@pytest.mark.rule("REC-5")
def test_a_store_in_postgresql_comes_back_as_the_same_in_sqlite(tmp_path: Path) -> None:
    from daemon.store.postgres_backup import PostgresSnapshotter

    (tmp_path / "pg").mkdir()
    url = stores.new_postgres()
    store = open_store(url, "full", tmp_path / "pg")
    assert isinstance(store, SqlStore), store
    for number in range(1, 8):
        assert store.apply([("a", samples.opening(number))])[0].broken is None
    with closing(PostgresSnapshotter(url).begin()) as moment:
        assert store.apply([("a", samples.opening(50))])[0].broken is None
        facts = moment.copy(tmp_path / "copy", no_rest)
    groups = {group.group_id: group for group in store.live_groups()}
    assert facts.installation_id == store.boot.installation_id
    assert facts.last_sequence > 0
    assert facts.audit_hash
    assert PostgresSnapshotter(url).size_bytes() > 0
    store.close()
    (tmp_path / "there").mkdir()
    (tmp_path / "copy").rename(tmp_path / "there" / "terrace.db")
    with closing(sqlite3.connect(tmp_path / "there" / "terrace.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("PRAGMA foreign_key_check").fetchall() == []
    there = samples.opened(tmp_path / "there")
    found = {group.group_id: group for group in there.live_groups()}
    there.close()
    assert len(found) == 7
    assert found == {name: group for name, group in groups.items() if name in found}


@needs_server
def test_a_whole_backup_of_it_verifies_and_restores(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from daemon.store.postgres_backup import PostgresSnapshotter

    (tmp_path / "pg").mkdir()
    url = stores.new_postgres()
    store = open_store(url, "full", tmp_path / "pg")
    assert isinstance(store, SqlStore), store
    store.apply([("a", samples.opening(1))])
    source = replace(house.source(), snapshotter=PostgresSnapshotter(url))
    monkeypatch.setattr(house, "source", lambda: source)
    path = house.make(T0).path
    store.close()
    found = verify(path, no_keys)
    assert isinstance(found, Verified)
    assert found.problems == ()
    assert isinstance(restore(path, tmp_path / "new", no_keys, now_ms=T0), Restored)


def test_the_stores_kind_decides_what_copies_it(tmp_path: Path) -> None:
    assert isinstance(snapshotter_of("sqlite:///terrace.db", tmp_path / "x"), SqliteSnapshotter)


@pytest.mark.rule("LOG-4")
def test_a_server_that_is_away_is_told_without_the_password() -> None:
    pytest.importorskip("psycopg")
    snapshotter = snapshotter_of("postgresql://terrace:hush-hush@127.0.0.1:1/terrace", Path("x"))
    with pytest.raises(CopyFailed) as failed:
        snapshotter.begin()
    assert "hush-hush" not in str(failed.value)
