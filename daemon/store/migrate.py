"""The schema's versions: which migrations are known, which a store has had, one step up or down (peewee-migrate).

Each migration runs in a transaction of its own: it is there wholly or not at all.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from functools import cached_property
from pathlib import Path

from peewee import SqliteDatabase
from peewee_migrate import Migrator, Router

from daemon.store.database import raw

MIGRATIONS = Path(__file__).parent / "migrations"
HISTORY = "migratehistory"

_log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()
"""peewee-migrate keeps the database of its history in a global."""


class _Router(Router):
    """Our migrations are plain SQL, so what was done before need not be acted out again to know the models."""

    @cached_property
    def migrator(self) -> Migrator:
        return Migrator(self.database)


def known(directory: Path = MIGRATIONS) -> tuple[str, ...]:
    """Names of the migrations this program has, oldest first."""
    return tuple(sorted(path.stem for path in directory.glob("[0-9][0-9][0-9]_*.py")))


def applied(database: SqliteDatabase) -> tuple[str, ...]:
    """Names of the migrations this store has had, oldest first. Empty for a new file."""
    if not database.table_exists(HISTORY):
        return ()
    return tuple(name for (name,) in raw(database).execute(f"SELECT name FROM {HISTORY} ORDER BY id"))


def unknown(database: SqliteDatabase, directory: Path = MIGRATIONS) -> tuple[str, ...]:
    """Migrations the store has had and this program has not: a newer program wrote it."""
    ours = set(known(directory))
    return tuple(name for name in applied(database) if name not in ours)


def pending(database: SqliteDatabase, directory: Path = MIGRATIONS) -> tuple[str, ...]:
    """Migrations the store has not had yet."""
    done = set(applied(database))
    return tuple(name for name in known(directory) if name not in done)


def migrate(database: SqliteDatabase, directory: Path = MIGRATIONS) -> tuple[str, ...]:
    """Runs what is pending; the names of what ran. Whatever a failing migration raises comes through."""
    with _one_at_a_time:
        return tuple(_Router(database, migrate_dir=directory, logger=_log).run())


def keep_copy(database: SqliteDatabase, path: Path) -> Path:
    """A consistent copy of the store beside its file, private, named for the schema it has."""
    copy = path.with_name(f"{path.name}.{applied(database)[-1]}.bak")
    copy.unlink(missing_ok=True)
    os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    target = sqlite3.connect(copy)
    try:
        raw(database).backup(target)
    finally:
        target.close()
    return copy


def rollback(database: SqliteDatabase, directory: Path = MIGRATIONS) -> str | None:
    """Takes the newest migration back; its name, or None if there is none. What only it stored is lost."""
    done = applied(database)
    if not done:
        return None
    with _one_at_a_time:
        _Router(database, migrate_dir=directory, logger=_log).rollback()  # type: ignore[no-untyped-call]
    return done[-1]
