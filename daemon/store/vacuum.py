"""Gives the space of deleted rows back to the disk (VACUUM): offline, with a look at the room it takes first.

A whole second copy is written beside the file, looked through, then put in its place by one rename: whatever stops it
half way, the store is as it was.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from peewee import PeeweeException, SqliteDatabase

from daemon.secrets import sync_folder
from daemon.store.checks import look_through
from daemon.store.database import open_readers, raw
from daemon.store.refused import StoreRefused
from daemon.store.tools import CHECK_LIMIT_S, change, existing, unusable

ROOM_BYTES = 32 * 1024 * 1024
"""Left free beside the copy, for whatever else writes to the disk."""
LOOK_S = 0.5
"""Between two words about how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a vacuum would do."""

    path: Path
    size_bytes: int
    free_bytes: int
    """Of the file: what vacuum would give back, about."""
    needed_bytes: int
    """Of the disk, while it runs."""
    disk_bytes: int
    """What the disk has free."""

    @property
    def fits(self) -> bool:
        return self.disk_bytes >= self.needed_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacuumed:
    path: Path
    before_bytes: int
    after_bytes: int


def look(url: str, data_dir: Path) -> Room | StoreRefused:
    """What it would give back and what it takes, changing nothing."""
    path = existing(url, data_dir)
    if isinstance(path, StoreRefused):
        return path
    database = open_readers(path)
    try:
        return _room(database, path)
    except (PeeweeException, sqlite3.Error, OSError) as error:
        return unusable(path, error)
    finally:
        database.close_all()


def vacuum(url: str, data_dir: Path, *, tell: Callable[[int, int], None]) -> Vacuumed | StoreRefused:
    """Does it. Refused while a daemon uses the store, or with too little room. `tell`: bytes written so far, of how
    many; called from another thread."""

    def run(database: SqliteDatabase, path: Path) -> Vacuumed | StoreRefused:
        room = _room(database, path)
        if not room.fits:
            return StoreRefused(
                problem=f"{room.disk_bytes} bytes are free where {path} lies, {room.needed_bytes} are needed",
                remedy="Free some space; nothing was changed",
            )
        draft = path.with_name(f".{path.name}.vacuum")
        draft.unlink(missing_ok=True)
        try:
            with _Progress(draft, room.size_bytes - room.free_bytes, tell):
                problems = _rewrite(database, draft)
            if problems:
                return StoreRefused(
                    problem=f"the new file would be damaged ({problems[0]})",
                    remedy="Check the store (terraced db check); it was left as it is",
                )
            _put_in_place(database, path, draft)
        finally:
            draft.unlink(missing_ok=True)
        return Vacuumed(path=path, before_bytes=room.size_bytes, after_bytes=path.stat().st_size)

    return change(url, data_dir, run)


def _rewrite(database: SqliteDatabase, draft: Path) -> tuple[str, ...]:
    """What is wrong with the new file; nothing, if all is well."""
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    raw(database).execute("VACUUM INTO ?", (str(draft),))
    with closing(sqlite3.connect(f"file:{quote(str(draft))}?mode=ro", uri=True)) as copy:
        return look_through(copy, full=False, limit_s=CHECK_LIMIT_S).problems


def _put_in_place(database: SqliteDatabase, path: Path, draft: Path) -> None:
    """The old file's log must be empty and gone before: it would be played into the new one."""
    busy, _, _ = raw(database).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    database.close()
    wal = path.with_name(f"{path.name}-wal")
    if busy or (wal.exists() and wal.stat().st_size):
        raise OSError(f"another program reads {path}; close it and try again")
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(draft, path)
    sync_folder(path.parent)


def _room(database: SqliteDatabase, path: Path) -> Room:
    connection = raw(database)
    page, pages, unused = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_size", "page_count", "freelist_count")
    )
    disk = os.statvfs(path.parent)
    kept = (pages - unused) * page
    return Room(
        path=path,
        size_bytes=pages * page,
        free_bytes=unused * page,
        needed_bytes=kept + ROOM_BYTES,
        disk_bytes=disk.f_bavail * disk.f_frsize,
    )


class _Progress:
    """Tells now and then how large the copy has become."""

    def __init__(self, draft: Path, whole_bytes: int, tell: Callable[[int, int], None]) -> None:
        self._draft = draft
        self._whole_bytes = whole_bytes
        self._tell = tell
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="vacuum-progress", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_S):
            try:
                written = self._draft.stat().st_size
            except OSError:
                written = 0
            self._tell(min(written, self._whole_bytes), self._whole_bytes)
