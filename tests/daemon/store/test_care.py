"""The store is looked after: what is old goes, what is needed stays, the space comes back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from actors.rules.model import GroupState
from actors.rules.records import AddConfigVersion, DriftState, MarkBooked, changes
from daemon.__main__ import main
from daemon.store import store as store_module
from daemon.store import tools
from daemon.store.lock import holder
from daemon.store.open import open_store
from daemon.store.read import Reader
from daemon.store.refused import StoreRefused
from daemon.store.store import BOOKINGS_KEPT_MS, SqliteStore
from daemon.store.vacuum import Room, Vacuumed, look, vacuum
from tests import stores
from tests.daemon.store import samples
from tests.daemon.store.test_drifts import ACCOUNT, DRIFT, booking

pytestmark = pytest.mark.store("sqlite")

URL = "sqlite:///terrace.db"
T0 = samples.T0


def test_differences_resolved_long_ago_are_pruned_and_standing_ones_never(store: SqliteStore, reader: Reader) -> None:
    def drift(name: str, resolved_ms: int | None) -> None:
        state = DriftState.OPEN if resolved_ms is None else DriftState.RESOLVED
        row = replace(DRIFT, drift_id=name, subject=name, create_time_ms=T0, state=state, resolve_time_ms=resolved_ms)
        assert store.apply([("a", (row,))])[0].broken is None

    drift("standing", None)
    drift("long ago", T0 + 5)
    drift("lately", T0 + 100)
    assert store.prune(0, T0 + 50) == 1
    assert store.prune(0, T0 + 50) == 0
    left = [name for name in ("standing", "long ago", "lately") if reader.get_drift(name) is not None]
    assert left == ["standing", "lately"]


@pytest.mark.rule("PNL-2")
def test_bookings_are_pruned_only_of_closed_groups_and_never_before_ninety_days(store: SqliteStore) -> None:
    """One that is reported again must still be known, or it would be booked twice."""
    live, done = samples.group(1), samples.group(2)
    closed = replace(done, state=GroupState.CLOSED, close_time_ms=T0)
    for group in (live, done):
        store.apply([("a", tuple(changes(None, group)))])
    rows = [replace(booking(number, f"trade:{number}"), time_ms=T0) for number in (1, 2)]
    marks = [MarkBooked(account=ACCOUNT, booking_id=row.booking_id, group_id=row.group_id, time_ms=T0) for row in rows]
    store.apply([("b", (*rows, *marks))])
    assert store.apply([("c", tuple(changes(done, closed)))])[0].broken is None
    assert store.prune(T0 + BOOKINGS_KEPT_MS, 2 * T0) == 0
    assert set(store.load_account(ACCOUNT).booked_ids) == {"trade:1", "trade:2"}
    assert store.prune(T0 + BOOKINGS_KEPT_MS + 1, 2 * T0) == 1
    assert store.load_account(ACCOUNT).booked_ids == ("trade:1",)


@pytest.mark.rule("CFG-3")
@pytest.mark.parametrize("is_postgres", [False, pytest.param(True, marks=pytest.mark.store("postgres"))])
def test_versions_of_the_config_are_bounded_but_those_live_groups_were_opened_under_stay(
    tmp_path: Path, is_postgres: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "CONFIG_VERSIONS_KEPT", 3)
    store = open_store(stores.url_of(tmp_path), "normal", tmp_path)
    assert not isinstance(store, StoreRefused), store
    versions = [
        AddConfigVersion(version=number, time_ms=T0 + number * 10, author="a", source="file", text=f"text {number}")
        for number in range(1, 11)
    ]
    live, done = samples.group(1), samples.group(2)
    live = replace(live, create_time_ms=T0 + 45)
    done = replace(done, create_time_ms=T0 + 25)
    store.apply([("a", tuple(versions)), ("b", tuple(changes(None, live))), ("c", tuple(changes(None, done)))])
    closed = replace(done, state=GroupState.CLOSED, close_time_ms=T0 + 99)
    assert store.apply([("d", tuple(changes(done, closed)))])[0].broken is None
    assert is_postgres is stores.IS_POSTGRES
    assert store.prune(0, T0) == 6
    assert store.prune(0, T0) == 0
    left = stores.rows(tmp_path, "SELECT version FROM config_versions ORDER BY version")
    assert [version for (version,) in left] == [4, 8, 9, 10]
    store.close()


# --- vacuum ---------------------------------------------------------------------------------------------


def emptied(folder: Path, groups: int = 300) -> Path:
    """A store that is mostly the space of deleted rows, closed."""
    store = samples.opened(folder)
    for number in range(1, groups):
        store.apply([("a", samples.opening(number))])
    store.close()
    with closing(sqlite3.connect(folder / "terrace.db", isolation_level=None)) as connection:
        for table in ("orders", "legs", "pyramids"):
            connection.execute(f"DELETE FROM {table}")
    return folder / "terrace.db"


def contents(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@pytest.mark.rule("REC-5")
def test_vacuum_gives_the_space_back_and_changes_no_row(tmp_path: Path) -> None:
    path = emptied(tmp_path)
    before, size = contents(path), path.stat().st_size
    room = look(URL, tmp_path)
    assert isinstance(room, Room)
    assert room.free_bytes > size // 4
    done = vacuum(URL, tmp_path, tell=lambda _written, _whole: None)
    assert isinstance(done, Vacuumed)
    assert done.after_bytes == path.stat().st_size < size - room.free_bytes // 2
    assert contents(path) == before
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.glob("*vacuum*")) == []
    store = samples.opened(tmp_path)
    assert store.boot.was_clean
    store.close()


@pytest.mark.rule("REC-5")
def test_vacuum_is_refused_where_the_disk_has_no_room_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = emptied(tmp_path, 20)
    before = path.read_bytes()
    monkeypatch.setattr("daemon.store.vacuum.ROOM_BYTES", 2**60)
    refused = vacuum(URL, tmp_path, tell=lambda _written, _whole: None)
    assert isinstance(refused, StoreRefused)
    assert "are needed" in refused.problem
    assert path.read_bytes()[100:] == before[100:]


def test_vacuum_of_a_store_in_use_is_refused(store: SqliteStore, tmp_path: Path) -> None:
    refused = vacuum(URL, tmp_path, tell=lambda _written, _whole: None)
    assert isinstance(refused, StoreRefused)
    assert "in use" in refused.problem
    store.apply([("a", samples.opening(1))])


def test_a_vacuum_that_fails_half_way_leaves_the_store_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = emptied(tmp_path, 20)
    before = contents(path)

    def fail(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("daemon.store.vacuum.os.replace", fail)
    assert isinstance(vacuum(URL, tmp_path, tell=lambda _written, _whole: None), StoreRefused)
    assert contents(path) == before
    assert sorted(each.name for each in tmp_path.glob(".*")) == []


# --- terraced db ----------------------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text("config_version: 1\ndata_dir: .\n")
    return tmp_path / "config.yaml"


def test_a_store_of_a_newer_terrace_is_refused_in_words(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples.opened(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "terrace.db")) as connection:
        connection.execute("INSERT INTO migratehistory (name, migrated_at) VALUES ('999_future', 'now')")
        connection.commit()
    assert main(["--config", str(config)]) == 1
    told = capsys.readouterr().err
    assert "was written by a newer Terrace (its schema is 999_future" in told
    assert "Install that version" in told
    assert "Traceback" not in told
    assert main(["db", "check", "--config", str(config)]) == 0
    assert "migration of a newer Terrace: 999_future" in capsys.readouterr().out
    assert main(["db", "downgrade", "--yes", "--config", str(config)]) == 1
    assert "999_future" in capsys.readouterr().err


def test_a_check_beside_a_running_daemon_says_so(
    store: SqliteStore, config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    store.apply([("a", samples.opening(1))])
    assert main(["db", "check", "--config", str(config)]) == 0
    assert "uses the store at this moment" in capsys.readouterr().err
    store.close()
    assert holder(tmp_path) is None
    assert main(["db", "check", "--config", str(config)]) == 0
    assert "uses the store" not in capsys.readouterr().err


def test_vacuum_tells_what_it_would_do_and_what_it_did(
    tmp_path: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = emptied(tmp_path)
    size = path.stat().st_size
    assert main(["db", "vacuum", "--dry-run", "--config", str(config)]) == 0
    assert "would be given back" in capsys.readouterr().out
    assert path.stat().st_size == size
    assert main(["db", "vacuum", "--config", str(config)]) == 0
    assert "MB before" in capsys.readouterr().out
    assert path.stat().st_size < size
    checked = tools.check(URL, tmp_path)
    assert isinstance(checked, tools.Checked)


@pytest.mark.parametrize("words", [["check", "--yes"], ["migrate", "--dry-run"], ["vacuum", "--yes"]])
def test_an_option_of_another_action_is_a_usage_fault(config: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["db", *words, "--config", str(config)])
    assert ended.value.code == 2
