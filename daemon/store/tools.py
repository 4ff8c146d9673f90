"""What `terraced db` does to a store no daemon is using: look it through, bring its schema up, take it one back.

Vacuum has a file of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from peewee import PeeweeException, SqliteDatabase

from daemon.store import checks, migrate
from daemon.store.database import database_path, open_readers, open_writer, raw
from daemon.store.lock import Held, holder, take_lock
from daemon.store.open import StoreRefused, is_postgres, refuse_held, refuse_url
from daemon.store.trouble import refusal_of

CHECK_LIMIT_S = 3600.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was found in a store. It is well if there are no problems and the check came to its end."""

    path: Path | str
    """Its file; database and server in words where it is on one."""
    problems: tuple[str, ...]
    finished: bool
    schema: str
    """Newest migration it has had; empty for none."""
    pending: tuple[str, ...]
    """Migrations this program would run."""
    unknown: tuple[str, ...]
    """Migrations of a newer program."""
    size_bytes: int
    engine_version: str
    engine: str = "SQLite"
    warning: str = ""
    in_use: str = ""
    """That a daemon uses it at this moment; empty: nobody does."""

    @property
    def is_well(self) -> bool:
        return self.finished and not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Migrations that were run, or taken back; none: there was nothing to do. `kept`: the store as it was before."""

    migrations: tuple[str, ...]
    kept: Path | None = None


def check(
    url: str,
    data_dir: Path,
    *,
    full: bool = True,
    limit_s: float = CHECK_LIMIT_S,
    migrations: Path = migrate.MIGRATIONS,
) -> Checked | StoreRefused:
    """Looks a store through without changing it, also while a daemon uses it. `full`: every index and reference too."""
    if is_postgres(url):
        from daemon.store import postgres_tools

        return postgres_tools.check(url, full=full, limit_s=limit_s, migrations=migrations)
    path = existing(url, data_dir)
    if isinstance(path, StoreRefused):
        return path
    database = open_readers(path)
    try:
        health = checks.look_through(raw(database), full=full, limit_s=limit_s)
        return Checked(
            path=path,
            problems=health.problems,
            finished=health.finished,
            schema=(migrate.applied(database) or ("",))[-1],
            pending=migrate.pending(database, migrations),
            unknown=migrate.unknown(database, migrations),
            size_bytes=path.stat().st_size,
            engine_version=sqlite3.sqlite_version,
            warning=checks.library_warning() or "",
            in_use=_in_use(data_dir),
        )
    except (PeeweeException, sqlite3.Error) as error:
        return unusable(path, error)
    finally:
        database.close_all()


def migrate_store(url: str, data_dir: Path, *, migrations: Path = migrate.MIGRATIONS) -> Changed | StoreRefused:
    """Runs the pending migrations. A copy of a file is kept first."""
    if is_postgres(url):
        from daemon.store import postgres_tools

        return postgres_tools.migrate_store(url, migrations)

    def run(database: SqliteDatabase, path: Path) -> Changed:
        if not migrate.pending(database, migrations):
            return Changed(migrations=())
        kept = migrate.keep_copy(database, path) if migrate.applied(database) else None
        return Changed(migrations=migrate.migrate(database, migrations), kept=kept)

    return change(url, data_dir, run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """What taking the newest migration back would do. Without a migration: nothing."""

    path: Path | str
    migration: str
    is_first: bool
    """The first one holds all tables: nothing is left in the store."""
    rows: tuple[tuple[str, int], ...]
    """What is stored now: rows by table, empty tables left out. The first migration takes all of it along."""
    is_copied: bool = True
    """A copy of the store is kept before it is changed."""

    @property
    def loss(self) -> str:
        if not self.is_first:
            return f"what only {self.migration} stores is lost in {self.path}"
        counts = ", ".join(f"{count} of {table}" for table, count in self.rows) or "it is empty"
        return f"{self.migration} is the first migration: everything in {self.path} is lost ({counts})"


def look_at_rollback(url: str, data_dir: Path) -> Rollback | StoreRefused:
    """What `rollback_store` would take back, changing nothing."""
    if is_postgres(url):
        from daemon.store import postgres_tools

        return postgres_tools.look_at_rollback(url)
    path = existing(url, data_dir)
    if isinstance(path, StoreRefused):
        return path
    database = open_readers(path)
    try:
        done = migrate.applied(database)
        tables = [name for name in database.get_tables() if name != migrate.HISTORY] if len(done) == 1 else []
        counts = ((name, raw(database).execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in tables)
        return Rollback(
            path=path,
            migration=(done or ("",))[-1],
            is_first=len(done) == 1,
            rows=tuple((name, count) for name, count in counts if count),
        )
    except (PeeweeException, sqlite3.Error) as error:
        return unusable(path, error)
    finally:
        database.close_all()


def rollback_store(
    url: str, data_dir: Path, *, migrations: Path = migrate.MIGRATIONS, empty: bool = False, to: str = ""
) -> Changed | StoreRefused:
    """Takes the newest migration back, or all that are newer than `to`. A copy is kept first: what only they stored is
    lost in the store.

    `empty`: also the first one, which leaves nothing in the store; refused otherwise.
    """
    if is_postgres(url):
        from daemon.store import postgres_tools

        return postgres_tools.rollback_store(url, migrations, empty=empty, to=to)

    def run(database: SqliteDatabase, path: Path) -> Changed | StoreRefused:
        done = migrate.applied(database)
        back = taken_back(done, to)
        if isinstance(back, StoreRefused) or not back:
            return back if isinstance(back, StoreRefused) else Changed(migrations=())
        strange = [name for name in back if name not in migrate.known(migrations)]
        if strange:
            return StoreRefused(
                problem=f"only the Terrace that ran {strange[0]} can take it back",
                remedy="Run terraced db rollback of that version",
            )
        if len(back) == len(done) and not empty:
            return StoreRefused(
                problem=f"{done[0]} is the first migration: without it {path} is empty",
                remedy="Say --yes if that is meant",
            )
        kept = migrate.keep_copy(database, path)
        for _ in back:
            migrate.rollback(database, migrations)
        return Changed(migrations=back, kept=kept)

    return change(url, data_dir, run)


def taken_back(done: tuple[str, ...], to: str) -> tuple[str, ...] | StoreRefused:
    """Of the migrations a store has had those to take back, newest first: the newest, or all newer than `to`."""
    if not to:
        return done[-1:]
    if to not in done:
        return StoreRefused(problem=f"the store never had {to}", remedy="terraced db check says what it has")
    return tuple(reversed(done[done.index(to) + 1 :]))


def change(url: str, data_dir: Path, run: Callable[[SqliteDatabase, Path], T | StoreRefused]) -> T | StoreRefused:
    """Runs something that writes, with the directory locked as a daemon would lock it."""
    path = existing(url, data_dir)
    if isinstance(path, StoreRefused):
        return path
    try:
        lock = take_lock(data_dir)
    except OSError as error:
        return unusable(path, error)
    if isinstance(lock, Held):
        return refuse_held(lock, data_dir)
    database = open_writer(path, "full")
    try:
        return run(database, path)
    except (PeeweeException, sqlite3.Error, OSError) as error:
        return unusable(path, error)
    finally:
        database.close()
        lock.release()


def _in_use(data_dir: Path) -> str:
    """Words about a daemon that runs on the directory."""
    held = holder(data_dir)
    if held is None:
        return ""
    who = f"process {held.pid}" if held.pid else "another process"
    return f"{who} uses the store at this moment: it was looked at as of now and goes on changing"


def existing(url: str, data_dir: Path) -> Path | StoreRefused:
    path = database_path(url, data_dir)
    if path is None:
        return refuse_url(url)
    if not path.is_file():
        return StoreRefused(
            problem=f"there is no store at {path}", remedy="It is made by the first start of the daemon"
        )
    return path


def unusable(path: Path, error: Exception) -> StoreRefused:
    return refusal_of(path, error)
