"""Opens the store for the daemon: lock, permissions, version, health, schema. What stands in the way is a value."""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import string
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from peewee import PeeweeException, SqliteDatabase

from daemon.store import checks, migrate
from daemon.store.audit import AuditKeys
from daemon.store.audit_keys import NoKeys, ensure_keys
from daemon.store.backup import COPY_OF, RESTORED_FROM
from daemon.store.database import database_path, open_writer, raw
from daemon.store.leadership import Wish, epoch_after_restore
from daemon.store.lock import DirectoryLock, Held, take_lock
from daemon.store.refused import Refuse as _Refuse
from daemon.store.refused import StoreRefused
from daemon.store.reserve import RESERVE_BYTES, Reserve, is_full
from daemon.store.store import Boot, SqliteStore, SqlStore
from daemon.store.trouble import RESTORE, refusal_of, sqlite_codes

__all__ = ["StoreRefused", "is_postgres", "new_installation_id", "open_store", "refuse_held", "refuse_url"]

RESERVE_FILE = "reserve.bin"
CHECK_LIMIT_S = 10.0
"""Longest check of a file that was not closed in peace; a bigger one is looked through as far as time allows."""
_INSTALLATION_LETTERS = string.ascii_lowercase.replace("t", "")
_INSTALLATION_CHARS = string.ascii_lowercase + string.digits


def new_installation_id() -> str:
    """Four letters and digits that begin the client order ids of this installation, never with `t` (ORD-2)."""
    rest = (secrets.choice(_INSTALLATION_CHARS) for _ in range(3))
    return secrets.choice(_INSTALLATION_LETTERS) + "".join(rest)


def open_store(
    url: str,
    durability: str,
    data_dir: Path,
    *,
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    installation_id: Callable[[], str] = new_installation_id,
    migrations: Path = migrate.MIGRATIONS,
    reserve_bytes: int = RESERVE_BYTES,
    wish: Wish | None = None,
) -> SqlStore | StoreRefused:
    """The store at `url`, made if it is not there, brought to this program's schema, locked for this process.

    `durability` is `full` or `normal`. Of an older store a copy is kept beside the file before its schema is changed.
    Blocks for the check of a file that was not closed in peace, at most `CHECK_LIMIT_S`. `wish`: of a daemon that would
    lead among several; PostgreSQL only.
    """
    path = database_path(url, data_dir)
    if path is None and not is_postgres(url):
        return refuse_url(url)
    lock = lock_directory(data_dir)
    if isinstance(lock, StoreRefused):
        return lock
    reserve = Reserve(data_dir / RESERVE_FILE, reserve_bytes)
    try:
        keys = audit_keys(data_dir)
        if path is None:
            return _open_postgres(url, durability, lock, keys, now_ms(), installation_id, migrations, wish)
        try:
            return _open(path, durability, lock, reserve, keys, now_ms(), installation_id, migrations)
        except _NoRoom:
            if not reserve.release():  # It was given up before, and there is still no room.
                raise
            return _open(path, durability, lock, reserve, keys, now_ms(), installation_id, migrations)
    except _Refuse as refuse:
        lock.release()
        return refuse.refused
    except BaseException:
        lock.release()
        raise


def lock_directory(data_dir: Path) -> DirectoryLock | StoreRefused:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = take_lock(data_dir)
    except OSError as error:
        return StoreRefused(
            problem=f"the data directory {data_dir} cannot be used: {error.strerror}",
            remedy="Make it a directory this user may write to, or set data_dir to another",
        )
    return refuse_held(lock, data_dir) if isinstance(lock, Held) else lock


def is_postgres(url: str) -> bool:
    return url.startswith(("postgres://", "postgresql://"))


def _open_postgres(
    url: str,
    durability: str,
    lock: DirectoryLock,
    keys: AuditKeys,
    now_ms: int,
    installation_id: Callable[[], str],
    migrations: Path,
    wish: Wish | None,
) -> SqlStore:
    try:
        from daemon.store.postgres_open import open_postgres
    except ImportError as error:
        raise _Refuse(
            f"storage.url names a PostgreSQL server, and the driver for it is not installed ({error.name or error})",
            "Install Terrace once more, with [postgres] behind its name",
        ) from error
    store = open_postgres(url, durability, lock, keys, now_ms, installation_id, migrations, wish)
    store.go_on_under_newest_key(now_ms)
    return store


class _NoRoom(_Refuse):
    """The disk is full."""


def _open(
    path: Path,
    durability: str,
    lock: DirectoryLock,
    reserve: Reserve,
    keys: AuditKeys,
    now_ms: int,
    installation_id: Callable[[], str],
    migrations: Path,
) -> SqliteStore:
    _make_private(path)
    database = open_writer(path, durability)
    try:
        database.connect()
        boot = _bring_up(database, path, now_ms, installation_id, migrations)
    except (PeeweeException, sqlite3.Error) as error:
        database.close()
        raise _sqlite_refusal(path, error) from error
    except BaseException:
        database.close()
        raise
    warning = None
    if not reserve.released and not reserve.allocate():
        warning = "there is no room for the reserve that keeps exits going when the disk is full"
    found = (checks.library_warning(), *boot.warnings, warning)
    boot = replace(boot, warnings=tuple(text for text in found if text))
    store = SqliteStore(database, boot=boot, lock=lock, reserve=reserve, keys=keys)
    store.go_on_under_newest_key(now_ms)
    return store


def audit_keys(data_dir: Path) -> AuditKeys:
    """The keys of the audit trail, made if there are none."""
    keys = ensure_keys(data_dir)
    if isinstance(keys, NoKeys):
        raise _Refuse(keys.problem, keys.remedy)
    return keys


def refuse_url(url: str) -> StoreRefused:
    """Of a URL that names no SQLite file. It is not repeated: it may hold a password."""
    if is_postgres(url):
        return StoreRefused(
            problem="this is done to a store in a SQLite file, and storage.url names a PostgreSQL server",
            remedy="Use the server's own tools (pg_dump, psql)",
        )
    return StoreRefused(
        problem="storage.url is neither a SQLite file nor a PostgreSQL server (value not shown)",
        remedy="Set storage.url to sqlite:///terrace.db or postgresql://user@host/database",
    )


def refuse_held(held: Held, data_dir: Path) -> StoreRefused:
    """Of a data directory another process has locked."""
    who = f"process {held.pid}" if held.pid else "another process"
    return StoreRefused(
        problem=f"{data_dir} is in use by {who} ({held.path.name} is locked)",
        remedy="Stop that daemon, or give this one another data_dir",
    )


def _make_private(path: Path) -> None:
    """The file exists, is a regular one, and nobody else may read it (0600)."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        mode = path.stat().st_mode
        if stat.S_IMODE(mode) & 0o077:
            path.chmod(stat.S_IMODE(mode) & ~0o077)
        fits = stat.S_ISREG(mode) and checks.is_database(path)
    except OSError as error:
        raise _Refuse(
            f"{path} cannot be opened for writing: {error.strerror}",
            "Give the file and its directory to the user the daemon runs as",
        ) from error
    if not fits:
        raise _Refuse(f"{path} is not a SQLite file", "Move it away, or name another file in storage.url")


def _bring_up(
    database: SqliteDatabase, path: Path, now_ms: int, installation_id: Callable[[], str], migrations: Path
) -> Boot:
    warnings: list[str] = []
    done = migrate.applied(database)
    if not done and _holds_strange_tables(database):
        raise _Refuse(f"{path} holds tables of another program", "Name another file in storage.url")
    newer = migrate.unknown(database, migrations)
    if newer:
        ours = migrate.known(migrations)[-1]
        raise _Refuse(
            f"{path} was written by a newer Terrace (its schema is {newer[-1]}, this one knows {ours})",
            "Install that version or a later one, take the migration back with it (terraced db rollback), "
            "or restore a backup of before",
        )
    was_clean = not done or _meta(database).get("clean") == "1"
    if not was_clean:
        warnings += _check(database, path)
    if migrate.pending(database, migrations):
        if done:
            kept = migrate.keep_copy(database, path)
            warnings.append(f"the schema was changed; the store as it was is kept in {kept.name}")
        migrate.migrate(database, migrations)
    if database.pragma("journal_mode") != "wal":
        warnings.append(f"{path} cannot be kept in WAL mode on this file system: commits are slower")
    return _boot(database, now_ms, installation_id, was_clean, tuple(warnings))


def _holds_strange_tables(database: SqliteDatabase) -> bool:
    return any(table != migrate.HISTORY and not table.startswith("sqlite_") for table in database.get_tables())


def _check(database: SqliteDatabase, path: Path) -> list[str]:
    health = checks.look_through(raw(database), full=False, limit_s=CHECK_LIMIT_S)
    if health.problems:
        raise _Refuse(
            f"{path} is damaged: {'; '.join(health.problems[:3])}",
            RESTORE,
        )
    seen = "is well" if health.finished else f"is too big to be checked in {CHECK_LIMIT_S:.0f} s"
    return [f"the store was not closed in peace the last time; it {seen}"]


def _boot(
    database: SqliteDatabase,
    now_ms: int,
    installation_id: Callable[[], str],
    was_clean: bool,
    warnings: tuple[str, ...],
) -> Boot:
    """Counts the start and marks the file as in use, in one commit."""
    known = _meta(database)
    epoch = int(known.get("epoch", "0"))
    if RESTORED_FROM in known:
        epoch = epoch_after_restore(now_ms, epoch)
    facts = {
        "installation_id": known.get("installation_id") or installation_id(),
        "create_time_ms": known.get("create_time_ms") or str(now_ms),
        "boot_count": str(int(known.get("boot_count", "0")) + 1),
        "clean": "0",
        "epoch": str(epoch),
    }
    with database.atomic("IMMEDIATE"):
        for name, value in facts.items():
            raw(database).execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))
        raw(database).execute("DELETE FROM meta WHERE name = ?", (RESTORED_FROM,))
    return Boot(
        installation_id=facts["installation_id"],
        boot_count=int(facts["boot_count"]),
        create_time_ms=int(facts["create_time_ms"]),
        was_clean=was_clean,
        warnings=warnings,
        restored_from=known.get(RESTORED_FROM, ""),
        copy_of=known.get(COPY_OF, ""),
        epoch=epoch,
    )


def _meta(database: SqliteDatabase) -> dict[str, str]:
    if not database.table_exists("meta"):
        return {}
    return dict(raw(database).execute("SELECT name, value FROM meta").fetchall())


def _sqlite_refusal(path: Path, error: Exception) -> _Refuse:
    codes = sqlite_codes(error)
    failed = {code & 0xFF for code in codes}
    if sqlite3.SQLITE_FULL in failed or (sqlite3.SQLITE_IOERR in failed and is_full(path.parent)):
        return _NoRoom(f"the disk of {path} is full", "Free some space; nothing of the store is lost")
    if sqlite3.SQLITE_BUSY in failed:
        return _Refuse(f"another program keeps {path} locked", "Close it and start again")
    refused = refusal_of(path, error)
    return _Refuse(refused.problem, refused.remedy)
