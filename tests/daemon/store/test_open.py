"""Opening: what is made, what is repaired, what is refused and with which words."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from actors.ports import Store, StoreFault
from actors.rules.naming import is_installation_id
from daemon.store import checks
from daemon.store.checks import library_warning
from daemon.store.database import database_path, raw
from daemon.store.lock import Held, take_lock
from daemon.store.open import StoreRefused, new_installation_id, open_store
from daemon.store.read import Reader
from daemon.store.sqlite_link import SqliteSource
from daemon.store.store import SqliteStore
from tests.daemon.store import samples

pytestmark = pytest.mark.store("sqlite")

URL = "sqlite:///terrace.db"


def refused(url: str, data_dir: Path) -> StoreRefused:
    answer = open_store(url, "normal", data_dir)
    assert isinstance(answer, StoreRefused)
    assert answer.remedy
    return answer


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- what is made ---------------------------------------------------------------------------------


def test_a_first_start_makes_a_private_store(tmp_path: Path) -> None:
    data_dir = tmp_path / "new" / "data"
    store = samples.opened(data_dir)
    try:
        names = {path.name for path in data_dir.iterdir()}
        assert {"terrace.db", "terrace.lock", "reserve.bin"} <= names
        assert {mode(path) for path in data_dir.rglob("*") if path.is_file()} == {0o600}
        assert mode(data_dir / "secrets") == 0o700
        assert mode(data_dir) == 0o700
    finally:
        store.close()


@pytest.mark.rule("ORD-2")
def test_the_installation_keeps_its_name_and_counts_its_starts(tmp_path: Path) -> None:
    boots = []
    for now_ms in (111, 222):
        store = open_store(URL, "normal", tmp_path, now_ms=lambda now_ms=now_ms: now_ms)  # type: ignore[misc]
        assert isinstance(store, SqliteStore)
        boots.append(store.boot)
        store.close()
    assert is_installation_id(boots[0].installation_id)
    assert boots[0].installation_id == boots[1].installation_id
    assert [boot.boot_count for boot in boots] == [1, 2]
    assert [boot.create_time_ms for boot in boots] == [111, 111]


def test_installation_ids_are_fit_for_client_order_ids() -> None:
    assert all(is_installation_id(new_installation_id()) for _ in range(500))


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1)])
@pytest.mark.rule("SIG-9")
def test_the_writer_works_as_the_design_says(tmp_path: Path, durability: str, synchronous: int) -> None:
    store = samples.opened(tmp_path, durability)
    pragmas = {
        "journal_mode": "wal",
        "synchronous": synchronous,
        "wal_autocheckpoint": 1000,
        "foreign_keys": 1,
        "busy_timeout": 5000,
    }
    found = {name: store._connected().execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas}
    store.close()
    assert found == pragmas


def test_a_store_that_others_may_read_is_made_private(tmp_path: Path) -> None:
    samples.opened(tmp_path).close()
    (tmp_path / "terrace.db").chmod(0o644)
    samples.opened(tmp_path).close()
    assert mode(tmp_path / "terrace.db") == 0o600


def test_the_url_names_a_file_in_the_data_directory_or_anywhere(tmp_path: Path) -> None:
    assert database_path("sqlite:///x/y.db", tmp_path) == tmp_path / "x" / "y.db"
    assert database_path(f"sqlite:///{tmp_path}/z.db", Path("/nowhere")) == tmp_path / "z.db"
    assert database_path("sqlite:///:memory:", tmp_path) is None
    assert database_path("sqlite:///a.db?mode=ro", tmp_path) is None


# --- one daemon per directory ---------------------------------------------------------------------


def test_a_second_daemon_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from daemon.store.lock import take_lock; "
    code += "lock = take_lock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        answer = refused(URL, tmp_path)
        assert str(first.pid) in answer.problem
        assert str(tmp_path) in answer.problem
        assert not (tmp_path / "terrace.db").exists()
    finally:
        first.kill()
        first.communicate()
    samples.opened(tmp_path).close()


def test_a_store_that_is_open_cannot_be_opened_again_and_can_after_it_is_closed(
    store: SqliteStore, tmp_path: Path
) -> None:
    assert f"process {os.getpid()}" in refused(URL, tmp_path).problem
    store.close()
    store.close()
    samples.opened(tmp_path).close()


def test_two_data_directories_do_not_mind_each_other(tmp_path: Path) -> None:
    stores = [samples.opened(tmp_path / name) for name in ("a", "b")]
    for store in stores:
        store.close()


def test_a_refused_start_gives_the_lock_back(tmp_path: Path) -> None:
    (tmp_path / "terrace.db").write_bytes(b"not a database at all")
    refused(URL, tmp_path)
    lock = take_lock(tmp_path)
    assert not isinstance(lock, Held)
    lock.release()


# --- what is refused ------------------------------------------------------------------------------


def test_another_url_is_refused_without_repeating_it(tmp_path: Path) -> None:
    assert "hunter2" not in str(refused("mysql://hunter2@db/terrace", tmp_path))


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "terrace.db").write_bytes(b"my other notes")
    assert "not a SQLite file" in refused(URL, tmp_path).problem
    assert (tmp_path / "terrace.db").read_bytes() == b"my other notes"


def test_a_folder_in_the_place_of_the_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "terrace.db").mkdir()
    assert "terrace.db" in refused(URL, tmp_path).problem


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "terrace.db")
    other.execute("CREATE TABLE songs (name TEXT)")
    other.close()
    assert "another program" in refused(URL, tmp_path).problem


# --- after a crash --------------------------------------------------------------------------------


def crash(data_dir: Path) -> None:
    """A start that ends without closing: the file says so."""
    store = samples.opened(data_dir)
    store.apply([("a", samples.opening(1))])
    store.close()
    connection = sqlite3.connect(data_dir / "terrace.db", isolation_level=None)
    connection.execute("UPDATE meta SET value = '0' WHERE name = 'clean'")
    connection.close()


@pytest.mark.rule("REC-5")
def test_a_store_that_was_not_closed_in_peace_is_checked_and_opens(tmp_path: Path) -> None:
    crash(tmp_path)
    store = samples.opened(tmp_path)
    assert not store.boot.was_clean
    assert any("is well" in warning for warning in store.boot.warnings)
    assert store.live_group_ids() == ["g00000000001"]
    store.close()
    store = samples.opened(tmp_path)
    assert store.boot.was_clean
    store.close()


@pytest.mark.rule("REC-5")
def test_a_damaged_store_is_refused_with_the_way_back(tmp_path: Path) -> None:
    crash(tmp_path)
    path = tmp_path / "terrace.db"
    content = bytearray(path.read_bytes())
    for page in range(2, len(content) // 4096, 2):
        content[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(content)
    answer = refused(URL, tmp_path)
    assert "backup restore" in answer.remedy


def test_a_check_stops_when_its_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_STEPS_BETWEEN_LOOKS", 1)
    store = samples.opened(tmp_path)
    health = checks.look_through(store._connected(), full=True, limit_s=-1.0)
    assert (health.finished, health.problems) == (False, ())
    assert checks.look_through(store._connected(), full=True, limit_s=60.0).finished
    store.close()


def test_an_old_sqlite_is_named_once_with_what_is_wrong(tmp_path: Path) -> None:
    assert library_warning((3, 51, 3)) is None
    assert library_warning((3, 52, 0)) is None
    old = library_warning((3, 40, 1))
    assert old is not None
    assert "3.40.1" in old
    assert "3.51.3" in old
    store = samples.opened(tmp_path)
    assert sum("write-ahead" in warning for warning in store.boot.warnings) == (library_warning() is not None)
    store.close()


# --- after the end --------------------------------------------------------------------------------


def test_a_closed_store_says_so(store: SqliteStore) -> None:
    port: Store = store
    store.close()
    with pytest.raises(StoreFault, match="closed"):
        port.apply([("a", samples.opening(1))])
    with pytest.raises(StoreFault, match="closed"):
        port.live_groups()


def test_a_reader_never_writes(store: SqliteStore, tmp_path: Path) -> None:
    reader = Reader(tmp_path / "terrace.db")
    assert isinstance(reader._source, SqliteSource)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        raw(reader._source.database).execute("DELETE FROM events")
    reader.close()
