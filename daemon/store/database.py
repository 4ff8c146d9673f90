"""How the SQLite file is opened: by the one writer, and by readers that can never write or wait for it."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from peewee import SqliteDatabase
from playhouse.pool import PooledSqliteDatabase

BUSY_TIMEOUT_MS = 5000
"""How long the writer waits for another process that writes to the file (a shell, a restore)."""
WAL_PAGES = 1000
"""Pages after which the log is written back; measured, more or a thread of its own is slower."""
WAL_BYTES_KEPT = 16 * 1024 * 1024
WRITER_CACHE_KIB = 32 * 1024
READER_CACHE_KIB = 8 * 1024
MAX_READERS = 8
READER_WAIT_S = 10
STATEMENTS_CACHED = 256

_SCHEME = "sqlite:///"


def database_path(url: str, data_dir: Path) -> Path | None:
    """The file a `sqlite:///` URL names, relative to the data directory; None for any other URL."""
    if not url.startswith(_SCHEME) or re.search(r"[\x00?#]", url) or url[len(_SCHEME) :] in ("", ":memory:"):
        return None
    return data_dir / url[len(_SCHEME) :]


def raw(database: SqliteDatabase) -> sqlite3.Connection:
    """The connection under peewee's database, opened if it is not."""
    connection: sqlite3.Connection = database.connection()  # type: ignore[no-untyped-call]
    return connection


def open_writer(path: Path, durability: str) -> SqliteDatabase:
    """The writer's database. One connection, usable from any thread; the store's lock lets one in at a time.

    `durability` `full`: a commit survives a power cut; `normal`: it survives the death of the process.
    ANALYZE is never run: figures of a young store would have SQLite walk through the tables of an old one.
    """
    pragmas: dict[str, Any] = {
        "busy_timeout": BUSY_TIMEOUT_MS,
        "journal_mode": "wal",
        "synchronous": "FULL" if durability == "full" else "NORMAL",
        "fullfsync": int(durability == "full"),  # macOS: fsync alone leaves data in the disk's cache.
        "checkpoint_fullfsync": int(durability == "full"),
        "wal_autocheckpoint": WAL_PAGES,
        "journal_size_limit": WAL_BYTES_KEPT,
        "foreign_keys": 1,
        "cache_size": -WRITER_CACHE_KIB,
        "temp_store": "MEMORY",
        "trusted_schema": 0,
    }
    return SqliteDatabase(
        str(path),
        pragmas=pragmas,
        timeout=BUSY_TIMEOUT_MS / 1000,
        check_same_thread=False,
        thread_safe=False,
        cached_statements=STATEMENTS_CACHED,
    )


def open_readers(path: Path) -> PooledSqliteDatabase:
    """Read-only connections, leased by one thread at a time. In WAL mode they neither wait nor make the writer wait."""
    pragmas: dict[str, Any] = {
        "busy_timeout": BUSY_TIMEOUT_MS,
        "query_only": 1,
        "cache_size": -READER_CACHE_KIB,
        "temp_store": "MEMORY",
        "trusted_schema": 0,
    }
    return PooledSqliteDatabase(
        f"file:{quote(str(path))}?mode=ro",
        uri=True,
        pragmas=pragmas,
        max_connections=MAX_READERS,
        timeout=READER_WAIT_S,
        check_same_thread=False,
    )
