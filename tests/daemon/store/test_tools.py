"""What `terraced db` does."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from daemon.__main__ import main
from daemon.commands import db
from daemon.commands.db import confirmed
from daemon.store import migrate
from daemon.store.open import StoreRefused
from daemon.store.store import SqliteStore
from daemon.store.tools import Changed, Checked, Rollback, check, look_at_rollback, migrate_store, rollback_store
from tests.daemon.store import samples
from tests.daemon.store.test_schema import SECOND

pytestmark = pytest.mark.store("sqlite")

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
    assert (checked.schema, checked.pending, checked.unknown) == (migrate.known()[-1], (), ())
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
    assert up == Changed(migrations=("999_colour",), kept=tmp_path / f"terrace.db.{migrate.known()[-1]}.bak")
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


def back_to_the_first(folder: Path) -> None:
    for _ in migrate.known()[1:]:
        assert isinstance(rollback_store(URL, folder), Changed)


def test_the_first_migration_is_taken_back_only_where_an_empty_store_is_meant(tmp_path: Path) -> None:
    store = samples.opened(tmp_path)
    store.apply([("a", samples.opening(1))])
    store.close()
    back_to_the_first(tmp_path)
    refused = rollback_store(URL, tmp_path)
    assert isinstance(refused, StoreRefused)
    assert "first migration" in refused.problem
    found = look_at_rollback(URL, tmp_path)
    assert isinstance(found, Rollback)
    assert (found.migration, found.is_first) == ("001_initial", True)
    assert dict(found.rows)["position_groups"] == 1
    assert str(tmp_path / "terrace.db") in found.loss
    assert "1 of position_groups" in found.loss
    done = rollback_store(URL, tmp_path, empty=True)
    assert done == Changed(migrations=("001_initial",), kept=tmp_path / "terrace.db.001_initial.bak")


def test_a_look_at_a_later_migration_says_that_only_its_own_is_lost(tmp_path: Path, later: Path) -> None:
    samples.opened(tmp_path).close()
    migrate_store(URL, tmp_path, migrations=later)
    found = look_at_rollback(URL, tmp_path)
    assert isinstance(found, Rollback)
    assert (found.migration, found.is_first) == ("999_colour", False)
    assert "what only 999_colour stores" in found.loss


@pytest.mark.parametrize(("given", "code", "is_kept"), [([], 8, True), (["--dry-run"], 0, True), (["--yes"], 0, False)])
def test_terraced_db_rollback_empties_a_store_only_when_it_is_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], code: int, is_kept: bool
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("config_version: 1\ndata_dir: ./data\n")
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    store = samples.opened(data_dir)
    store.apply([("a", samples.opening(1))])
    store.close()
    back_to_the_first(data_dir)
    assert main(["--config", str(config), "db", "rollback", *given]) == code
    told = "".join(capsys.readouterr())
    checked = check(URL, data_dir)
    assert isinstance(checked, Checked)
    assert checked.schema == ("001_initial" if is_kept else "")
    if is_kept:
        assert str(data_dir / "terrace.db") in told
        assert "1 of position_groups" in told


@pytest.mark.parametrize(
    ("is_first", "is_terminal", "reply", "agreed"),
    [(False, True, "y", True), (False, True, "", False), (False, False, "y", False), (True, True, "y", False)],
)
def test_a_rollback_goes_on_only_after_a_yes_and_never_so_for_the_first_migration(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_first: bool, is_terminal: bool, reply: str, agreed: bool
) -> None:
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return reply

    monkeypatch.setattr("sys.stdin.isatty", lambda: is_terminal, raising=False)
    monkeypatch.setattr("builtins.input", answer)
    found = Rollback(path=tmp_path / "terrace.db", migration="002_more", is_first=is_first, rows=())
    assert confirmed(found) is agreed
    assert [str(found.path) in question for question in asked] == ([True] if is_terminal and not is_first else [])


def test_a_rollback_that_was_not_confirmed_ends_as_a_question_that_was_declined(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = Rollback(path=tmp_path / "terrace.db", migration="002_more", is_first=False, rows=())
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert db._before_rollback(found, yes=False, dry_run=False, is_json=False) == 8
    assert db._before_rollback(found, yes=True, dry_run=False, is_json=False) is None
