"""A consistent copy of a store in use, and the port for it: what a backup is made of.

The copy is taken inside one read transaction, so it is one moment's state however long it takes, and the writer, whose
commits go to the log, neither waits for it nor makes it begin anew. It goes in small steps with rests between.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

STEP_PAGES = 128
"""Pages of one step: half a megabyte of the usual ones."""
SYNC_BYTES = 8 * 1024 * 1024
"""The copy is brought to disk every so often, so that no commit has to wait behind all of it."""
BUSY_TIMEOUT_S = 5.0

RESTORED_FROM = "restored_from"
"""In the store's `meta`, until the first start: the name of the backup it was restored from."""
COPY_OF = "copy_of"
"""In the store's `meta`, for good: the installation this store is a copy of. It trades no real money."""

Rest = Callable[[int], None]
"""Called with the bytes just handled; may sleep, and raises to give up."""


class CopyFailed(Exception):
    """The copy cannot be taken. Words for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What a store's copy says of itself."""

    schema: str
    installation_id: str
    last_sequence: int
    """Of the newest event; 0: none."""
    audit_hash: str
    """Of the newest link of the audit chain; empty where there is none."""


class Moment(Protocol):
    """The store as it is at one moment, held until it is closed. Used by one thread."""

    def copy(self, target: Path, rest: Rest) -> StoreFacts:
        """Writes the copy to a new file. CopyFailed or OSError if it cannot; what `rest` raises comes through."""
        ...

    def close(self) -> None: ...


class Snapshotter(Protocol):
    """Takes copies of the store of one kind of database."""

    @property
    def engine(self) -> str:
        """What a manifest names it: `sqlite`."""
        ...

    def size_bytes(self) -> int:
        """About what a copy takes on disk."""
        ...

    def begin(self) -> Moment:
        """From here on the copy is decided, however late it is taken. CopyFailed if it cannot be."""
        ...


class SqliteSnapshotter:
    """Of the SQLite file at `path`."""

    engine = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path

    def size_bytes(self) -> int:
        wal = self._path.with_name(f"{self._path.name}-wal")
        return self._path.stat().st_size + (wal.stat().st_size if wal.exists() else 0)

    def begin(self) -> Moment:
        return _StoreMoment(self._path)


class SqliteMoment:
    """Of any SQLite file in use: a read transaction that is held."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._reading = _reading(path)
            self._reading.execute("BEGIN")
            self._reading.execute("SELECT count(*) FROM sqlite_master").fetchone()  # From here on it is one moment's.
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def write(self, target: Path, rest: Rest) -> None:
        """The copy, as a new private file."""
        handle = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        unsynced = 0

        def progress(_status: int, remaining: int, total: int) -> None:
            nonlocal unsynced
            step_bytes = min(STEP_PAGES, total) * page_bytes
            unsynced += step_bytes
            if unsynced >= SYNC_BYTES or not remaining:
                os.fsync(handle)
                unsynced = 0
            rest(step_bytes)

        try:
            page_bytes = int(self._reading.execute("PRAGMA page_size").fetchone()[0])
            with closing(sqlite3.connect(target)) as writing:
                writing.execute("PRAGMA synchronous = OFF")
                self._reading.backup(writing, pages=STEP_PAGES, progress=progress)
                writing.execute("PRAGMA journal_mode = DELETE")  # One file, readable where nothing can be written.
        except sqlite3.Error as error:
            raise self._failed(error) from error
        finally:
            os.close(handle)

    def close(self) -> None:
        self._reading.close()

    def _failed(self, error: sqlite3.Error) -> CopyFailed:
        return CopyFailed(f"{self._path.name} cannot be copied: {error}")


class _StoreMoment(SqliteMoment):
    def copy(self, target: Path, rest: Rest) -> StoreFacts:
        self.write(target, rest)
        return facts_of(target)


def facts_of(path: Path) -> StoreFacts:
    """Of a SQLite store that nobody writes to. CopyFailed if it is none of ours."""
    try:
        with closing(_reading(path)) as connection:
            schema = connection.execute("SELECT name FROM migratehistory ORDER BY id DESC LIMIT 1").fetchone()
            meta = dict(connection.execute("SELECT name, value FROM meta").fetchall())
            last = connection.execute("SELECT max(sequence) FROM events").fetchone()[0]
            columns = {row[1] for row in connection.execute("PRAGMA table_info(events)")}
            audit = None
            if "hash" in columns:
                audit = connection.execute("SELECT hash FROM events ORDER BY sequence DESC LIMIT 1").fetchone()
    except sqlite3.Error as error:
        raise CopyFailed(f"{path.name} is not a store of Terrace: {error}") from error
    hashed = audit[0] if audit else ""
    return StoreFacts(
        schema=schema[0] if schema else "",
        installation_id=str(meta.get("installation_id", "")),
        last_sequence=int(last or 0),
        audit_hash=hashed.hex() if isinstance(hashed, bytes) else str(hashed or ""),
    )


def _reading(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)
