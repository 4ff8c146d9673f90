"""What keeps a SQLite store from being used, told by its true cause: the file, its place, or this user's permission.

Only of a file that is damaged is the restore of a backup the remedy. A store that lies on a file system that is
read-only, or where this user may not write, is whole: SQLite just says that it cannot open it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from actors.ports import StoreFault
from daemon.config.daemon_settings import StorageSettings
from daemon.store.refused import StoreRefused

RESTORE = "Restore the newest backup (terraced backup restore); keep the damaged file for a look"
LOOK_THROUGH = f"Look the store through (terraced db check). If it is damaged: {RESTORE[0].lower()}{RESTORE[1:]}"
MIGRATE = "Bring the store up to this version first: terraced db migrate"
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_OF_THE_PLACE = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_AUTH,
)


def refusal_of(path: Path, error: BaseException) -> StoreRefused:
    """Of whatever was raised over the store at `path`: the cause, and what helps against that one."""
    failed = {code & 0xFF for code in sqlite_codes(error)}
    if failed.intersection(_DAMAGED):
        return StoreRefused(problem=f"{path} is damaged: {error}", remedy=RESTORE)
    if isinstance(error, OSError) or failed.intersection(_OF_THE_PLACE):
        return about_place(path, error) or StoreRefused(
            problem=f"{path} cannot be used: {_words(error)}",
            remedy="Look at its disk and folder, and whether this user may write there",
        )
    if sqlite3.SQLITE_BUSY in failed:
        return StoreRefused(problem=f"another program keeps {path} locked", remedy="Close it and try again")
    if sqlite3.SQLITE_FULL in failed:
        return StoreRefused(problem=f"the disk of {path} is full", remedy="Free some space; nothing of it is lost")
    return StoreRefused(problem=f"{path} cannot be used: {error}", remedy=LOOK_THROUGH)


def words_of_fault(fault: StoreFault, storage: StorageSettings) -> str:
    """Why a start cannot read the store it has opened, and what helps."""
    if not storage.url.startswith("sqlite:"):
        return f"{fault}. Look at the server and its log (terraced db check), then start again"
    return str(refusal_of(storage.path, fault))


def about_place(path: Path, error: BaseException | None = None) -> StoreRefused | None:
    """What is wrong with where the file lies; None: nothing that can be seen."""
    folder = path.parent
    whole = "the store itself is not damaged"
    if getattr(error, "errno", None) == errno.EROFS or is_read_only(folder):
        return StoreRefused(
            problem=f"{folder} is on a read-only file system; {whole}",
            remedy="Make it writable again (mount it read-write), or work on a copy of the folder",
        )
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return StoreRefused(
            problem=f"this user may not write to {folder} (permission denied); {whole}",
            remedy="Run it as the user of the daemon, or give the folder to this one",
        )
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        return StoreRefused(
            problem=f"this user may not read and write {path} (permission denied); {whole}",
            remedy="Run it as the user of the daemon, or give the file to this one",
        )
    return None


def is_read_only(folder: Path) -> bool:
    try:
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    except OSError:
        return False


def sqlite_codes(error: BaseException) -> set[int]:
    """Of everything that led to an error: peewee wraps SQLite's, and SQLite, which takes a transaction back by itself
    when the disk is full, then complains that there is none to be rolled back."""
    codes: set[int] = set()
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            codes.add(getattr(one, "sqlite_errorcode", 0) or 0)
            waiting += (getattr(one, "orig", None), one.__cause__, one.__context__)
    return codes


def _words(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)
