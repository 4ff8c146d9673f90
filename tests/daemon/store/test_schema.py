"""The schema: made by migrations, described by models, written by name."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from peewee import SqliteDatabase

from actors.rules.model import Outcome, Queued
from actors.rules.records import SaveGroup, changes
from daemon.store import drift_rows, group_rows, migrate, record_rows, risk_rows, signal_rows, tables
from daemon.store.database import open_writer, raw
from daemon.store.open import StoreRefused, open_store
from daemon.store.statements import Columns
from daemon.store.store import SqliteStore
from tests.daemon.store import samples

pytestmark = pytest.mark.store("sqlite")

SECOND = '''
"""A second migration, for the tests."""


def migrate(migrator, database, **_):
    migrator.sql("ALTER TABLE position_groups ADD COLUMN colour TEXT NOT NULL DEFAULT 'green'")


def rollback(migrator, database, **_):
    migrator.sql("ALTER TABLE position_groups DROP COLUMN colour")
'''


@pytest.fixture
def later(tmp_path: Path) -> Path:
    """A folder of migrations that is one ahead of the program's."""
    folder = tmp_path / "later"
    shutil.copytree(migrate.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "999_colour.py").write_text(SECOND)
    return folder


def described(connection: sqlite3.Connection) -> dict[str, Any]:
    """Every table and index: columns, order, uniqueness, conditions, references."""
    found: dict[str, Any] = {}
    names = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    for name, sql in names:
        if name.startswith("sqlite_") or name == migrate.HISTORY:
            continue
        indexes = {}
        for _, index, unique, origin, partial in connection.execute(f"PRAGMA index_list({name})"):
            made = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (index,)).fetchone()
            where = " ".join(made[0].split("WHERE")[1].split()) if partial else ""
            parts = [row[2] for row in connection.execute(f"PRAGMA index_info({index})")]
            indexes[index] = (unique, origin, where, parts)
        found[name] = (
            [tuple(row)[1:] for row in connection.execute(f"PRAGMA table_info({name})")],
            sorted(tuple(row)[2:5] for row in connection.execute(f"PRAGMA foreign_key_list({name})")),
            "WITHOUT ROWID" in sql,
            "AUTOINCREMENT" in sql,
            indexes,
        )
    return found


def test_the_migrations_lead_to_the_tables_that_the_models_describe(store: SqliteStore) -> None:
    database = SqliteDatabase(":memory:")
    with database.bind_ctx(tables.TABLES):
        database.create_tables(tables.TABLES)
        assert described(raw(database)) == described(store._connected())
    database.close()


@pytest.mark.parametrize(
    "columns",
    [
        *(signal_rows.SAVED_SIGNAL, signal_rows.QUEUED, group_rows.SAVED_GROUP, group_rows.PYRAMID, group_rows.LEG),
        *(group_rows.ORDER, group_rows.SAVED_TRADE, record_rows.EVENT, record_rows.ALERT, record_rows.DEAD_LETTER),
        *(record_rows.ENGINE_STATE, record_rows.CONFIG_VERSION, record_rows.SAVED_INSTRUMENT),
        *(drift_rows.DRIFT, drift_rows.BOOKING, risk_rows.PROFIT, risk_rows.EQUITY, risk_rows.RISK_ACTION),
    ],
    ids=lambda columns: columns.table,
)
def test_every_column_without_a_default_is_written(store: SqliteStore, columns: Columns) -> None:
    info = store._connected().execute(f"PRAGMA table_info({columns.table})").fetchall()
    needed = {name for _, name, _, required, default, key in info if required and default is None and not key}
    assert needed <= set(columns.names)
    assert set(columns.names) <= {row[1] for row in info}


def test_a_column_holds_the_field_of_its_name(store: SqliteStore) -> None:
    group = samples.group(1)
    order = replace(samples.filled(next(iter(group.orders.values())), samples.trade(1)), words="w", attempt=7)
    group = samples.with_order(group, order)
    queued: Queued = samples.waiting(2)
    rows = (samples.save(samples.signal(1)), *changes(None, group), *samples.enqueue(queued), samples.event())
    assert store.apply([("a", rows)])[0].broken is None
    connection = store._connected()
    connection.row_factory = sqlite3.Row
    values: list[tuple[str, object]] = [
        ("signals WHERE signal_id = 'signal-1'", samples.signal(1)),
        ("queued_signals", queued),
        ("position_groups", group),
        ("legs WHERE leg = 3", group.pyramids[0].legs[3]),
        (f"orders WHERE client_order_id = '{order.client_order_id}'", order),
        ("fills", order.trades[0]),
        ("events", samples.event()),
    ]
    for where, value in values:
        row = dict(connection.execute(f"SELECT * FROM {where}").fetchone())
        fields = {name: getattr(value, name, None) for name in row if name not in ("pyramid", "leg")}
        compared = {
            name: str(field) if isinstance(field, Decimal) else field
            for name, field in fields.items()
            if isinstance(field, str | int | Decimal)
        }
        assert len(compared) >= 5
        assert {name: row[name] for name in compared} == compared
    connection.row_factory = None


# --- up and down ----------------------------------------------------------------------------------


def test_up_down_up_on_a_file_with_data(tmp_path: Path, later: Path) -> None:
    store = samples.opened(tmp_path)
    assert store.apply([("a", samples.opening(1))])[0].broken is None
    store.close()
    database = open_writer(tmp_path / "terrace.db", "full")
    columns = "SELECT name FROM pragma_table_info('position_groups') WHERE name = 'colour'"
    try:
        assert migrate.pending(database, later) == ("999_colour",)
        assert migrate.migrate(database, later) == ("999_colour",)
        assert raw(database).execute("SELECT colour FROM position_groups").fetchall() == [("green",)]
        assert migrate.rollback(database, later) == "999_colour"
        assert raw(database).execute(columns).fetchall() == []
        assert migrate.migrate(database, later) == ("999_colour",)
        assert raw(database).execute("SELECT group_id FROM position_groups").fetchall() == [("g00000000001",)]
        assert migrate.pending(database, later) == ()
    finally:
        database.close()


def test_every_migration_can_be_taken_back_and_run_again(tmp_path: Path) -> None:
    samples.opened(tmp_path).close()
    database = open_writer(tmp_path / "terrace.db", "full")
    try:
        before = described(raw(database))
        names = migrate.applied(database)
        assert names == migrate.known()
        assert [migrate.rollback(database) for _ in names] == list(reversed(names))
        assert described(raw(database)) == {}
        assert migrate.rollback(database) is None
        assert migrate.migrate(database) == names
        assert described(raw(database)) == before
    finally:
        database.close()
    samples.opened(tmp_path).close()


def test_a_store_whose_migrations_were_all_taken_back_is_made_anew(tmp_path: Path) -> None:
    samples.opened(tmp_path).close()
    database = open_writer(tmp_path / "terrace.db", "full")
    while migrate.rollback(database) is not None:
        pass
    database.close()
    store = samples.opened(tmp_path)
    assert store.live_groups() == []
    store.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, later: Path) -> None:
    (later / "999_colour.py").write_text(
        SECOND.replace(
            'migrator.sql("ALTER TABLE position_groups ADD',
            'migrator.sql("DELETE FROM events")\n    migrator.sql("ALTER TABLE nobody ADD',
        )
    )
    store = samples.opened(tmp_path)
    store.apply([("a", samples.opening(1))])
    store.close()
    refused = open_store("sqlite:///terrace.db", "full", tmp_path, migrations=later)
    assert isinstance(refused, StoreRefused)
    assert "nobody" in refused.problem
    store = samples.opened(tmp_path)
    assert store._connected().execute("SELECT count(*) FROM events").fetchone() == (1,)
    store.close()


def test_a_store_of_the_first_schema_keeps_its_groups_and_gets_the_new_columns(tmp_path: Path) -> None:
    """A real file as the first version of the program left it."""
    first = tmp_path / "first"
    first.mkdir()
    shutil.copy(migrate.MIGRATIONS / "001_initial.py", first)
    folder = tmp_path / "store"
    folder.mkdir()
    samples.opened(folder).close()
    database = open_writer(folder / "terrace.db", "full")
    while len(migrate.applied(database)) > 1:
        migrate.rollback(database)
    then = {row[1] for row in raw(database).execute("PRAGMA table_info(position_groups)")}
    columns = [name for name in group_rows.SAVED_GROUP.names if name in then]
    group = samples.group(1)
    values = dict(zip(group_rows.SAVED_GROUP.names, group_rows.saved_group(SaveGroup(group=group)), strict=True))
    raw(database).execute(
        f"INSERT INTO position_groups ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        [values[name] for name in columns],
    )
    tables_now = {row[0] for row in raw(database).execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert not {"drifts", "bookings"} & tables_now
    assert migrate.pending(database, first) == ()
    database.close()
    store = samples.opened(folder)
    try:
        assert (folder / "terrace.db.001_initial.bak").exists()
        found = store.load_group(group.group_id)
        assert found is not None
        assert (found.group_id, found.funding) == (group.group_id, Decimal(0))
        assert store.apply([("g", (SaveGroup(group=replace(found, funding=Decimal("-1.25"))),))])[0].broken is None
        again = store.load_group(group.group_id)
        assert again is not None
        assert again.funding == Decimal("-1.25")
    finally:
        store.close()


# --- versions -------------------------------------------------------------------------------------


def test_an_older_store_is_brought_up_and_a_copy_is_kept(tmp_path: Path, later: Path) -> None:
    store = samples.opened(tmp_path)
    store.apply([("a", samples.opening(1))])
    store.close()
    newer = open_store("sqlite:///terrace.db", "full", tmp_path, migrations=later)
    assert isinstance(newer, SqliteStore)
    assert newer.live_group_ids() == ["g00000000001"]
    kept = tmp_path / f"terrace.db.{migrate.known()[-1]}.bak"
    assert any(kept.name in warning for warning in newer.boot.warnings)
    newer.close()
    assert kept.stat().st_mode & 0o777 == 0o600
    copy = sqlite3.connect(kept)
    assert copy.execute("SELECT group_id FROM position_groups").fetchall() == [("g00000000001",)]
    assert "colour" not in {row[1] for row in copy.execute("PRAGMA table_info(position_groups)")}
    copy.close()


def test_a_newer_store_is_refused_with_the_remedy_and_left_alone(tmp_path: Path, later: Path) -> None:
    newer = open_store("sqlite:///terrace.db", "full", tmp_path, migrations=later)
    assert isinstance(newer, SqliteStore)
    newer.close()
    before = (tmp_path / "terrace.db").read_bytes()
    refused = open_store("sqlite:///terrace.db", "full", tmp_path)
    assert isinstance(refused, StoreRefused)
    assert "newer Terrace" in refused.problem
    assert "999_colour" in refused.problem
    assert "db rollback" in refused.remedy
    assert (tmp_path / "terrace.db").read_bytes() == before


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_is_either_final_or_open_in_the_table_too(store: SqliteStore, outcome: Outcome) -> None:
    assert (repr(outcome.value) in tables.NOT_FINAL_OUTCOMES) == (not outcome.is_final)
