"""What `terraced db` does."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from daemon.store import migrate
from daemon.store.open import StoreRefused
from daemon.store.store import SqliteStore
from daemon.store.tools import Changed, Checked, check, migrate_store, rollback_store
from tests.daemon.store import samples
from tests.daemon.store.test_schema import SECOND

URL = "sqlite:///terrace.db"


@pytest.fixture
def later(tmp_path: Path) -> Path:
    folder = tmp_path / "later"
    shutil.copytree(migrate.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "999_colour.py").write_text(SECOND)
    return folder


def test_a_store_in_use_can_be_checked(store: SqliteStore, tmp_path: Path) -> None:
    store.apply([("a", samples.opening(1))])
    checked = check(URL, tmp_path)
    assert isinstance(checked, Checked)
    assert checked.is_well
    assert (checked.schema, checked.pending, checked.unknown) == ("001_initial", (), ())
    assert checked.size_bytes == (tmp_path / "terrace.db").stat().st_size
    assert checked.engine_version == sqlite3.sqlite_version


def test_a_check_names_what_is_damaged(tmp_path: Path) -> None:
    store = samples.opened(tmp_path)
    store.apply([("a", samples.opening(1))])
    store.close()
    connection = sqlite3.connect(tmp_path / "terrace.db", isolation_level=None)
    connection.execute("DELETE FROM position_groups")
    connection.close()
    checked = check(URL, tmp_path)
    assert isinstance(checked, Checked)
    assert not checked.is_well
    assert any("position_groups" in problem for problem in checked.problems)


def test_nothing_to_check_is_said(tmp_path: Path) -> None:
    for answer in (check(URL, tmp_path), migrate_store(URL, tmp_path), rollback_store(URL, tmp_path)):
        assert isinstance(answer, StoreRefused)
        assert "no store" in answer.problem
    assert isinstance(check("postgresql://db/terrace", tmp_path), StoreRefused)


def test_the_schema_goes_up_and_down_with_a_copy_kept_each_time(tmp_path: Path, later: Path) -> None:
    store = samples.opened(tmp_path)
    store.apply([("a", samples.opening(1))])
    store.close()
    checked = check(URL, tmp_path, migrations=later)
    assert isinstance(checked, Checked)
    assert checked.pending == ("999_colour",)
    up = migrate_store(URL, tmp_path, migrations=later)
    assert up == Changed(migrations=("999_colour",), kept=tmp_path / "terrace.db.001_initial.bak")
    assert migrate_store(URL, tmp_path, migrations=later) == Changed(migrations=())
    down = rollback_store(URL, tmp_path, migrations=later)
    assert down == Changed(migrations=("999_colour",), kept=tmp_path / "terrace.db.999_colour.bak")
    store = samples.opened(tmp_path)
    assert store.live_group_ids() == ["g00000000001"]
    store.close()


def test_an_older_program_cannot_take_back_what_it_does_not_know(tmp_path: Path, later: Path) -> None:
    samples.opened(tmp_path).close()
    migrate_store(URL, tmp_path, migrations=later)
    answer = rollback_store(URL, tmp_path)
    assert isinstance(answer, StoreRefused)
    assert "999_colour" in answer.problem
    checked = check(URL, tmp_path)
    assert isinstance(checked, Checked)
    assert checked.unknown == ("999_colour",)


def test_a_store_in_use_is_not_changed(store: SqliteStore, tmp_path: Path, later: Path) -> None:
    for answer in (migrate_store(URL, tmp_path, migrations=later), rollback_store(URL, tmp_path)):
        assert isinstance(answer, StoreRefused)
        assert "in use" in answer.problem
