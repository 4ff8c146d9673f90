"""The store's files at rest: copied beside, and put back. Only while nobody uses them."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from control.config_file import ConfigFile
from control.update.home import sync
from control.update.refused import StepFailed

LOCK_FILE = "terrace.lock"
LOCK_WAIT_S = 10.0
ROOM_BYTES = 64 * 1024 * 1024
VERSION_BYTES = 700 * 1024 * 1024
"""What a version with all it needs takes."""
DEFAULT_URL = "sqlite:///terrace.db"
CONFIG = "config.yaml"
STORE = "store.db"
WHOLE = "whole"
WORLDS = ("paper", "testnet", "live")
BY_USER = "yes"
"""What the engine keeps as its switch `paused` where a person has set it."""
_PARTS = ("", "-wal")
"""Of a SQLite file. The index of its log is made anew."""
_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Where an installation keeps what an update has to be able to take back."""

    config: Path
    data_dir: Path
    store: Path | None
    """None: on a server."""
    spool: Path

    @classmethod
    def of(cls, config: ConfigFile) -> Files:
        assert config.path is not None
        url = config.text("storage.url", DEFAULT_URL)
        name = url.removeprefix("sqlite:").removeprefix("///")
        store = config.data_dir / name if url.startswith("sqlite:") else None
        spool = config.file("forwarder.spool", "spool.db")
        return cls(config=config.path, data_dir=config.data_dir, store=store, spool=spool)

    def books(self) -> list[Path]:
        """Of paper accounts."""
        return sorted((self.data_dir / "paper").glob("*.db"))

    def size_bytes(self) -> int:
        files = [*([self.store] if self.store is not None else []), *self.books()]
        return sum(_size(path.with_name(path.name + part)) for path in files for part in _PARTS)

    def members(self) -> dict[str, Path]:
        """Name in a copy -> where it lies. The store comes last: while it is not back, no older program starts."""
        found = {f"paper/{path.name}": path for path in self.books()}
        return found if self.store is None else {**found, STORE: self.store}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def holder(data_dir: Path) -> int | None:
    """The process that uses the data directory, 0 where it does not say its number; None: nobody."""
    try:
        handle = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        words = f"{data_dir / LOCK_FILE} cannot be opened: {error.strerror}; run this as the daemon's user"
        raise StepFailed(words) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(handle, 32).decode("ascii", "replace").strip()
        return int(text) if text.isdecimal() else 0
    finally:
        os.close(handle)
    return None


@contextmanager
def nobody_else(data_dir: Path) -> Iterator[None]:
    """Holds the directory as a daemon would: none can start meanwhile. StepFailed if one runs."""
    deadline = time.monotonic() + LOCK_WAIT_S
    handle = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StepFailed(f"a daemon still uses {data_dir}") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def refuse_room(files: Files, home: Path) -> str:
    """Words where there is too little room; empty: it will do."""
    size = files.size_bytes()
    needed = {home: VERSION_BYTES + 5 * size + ROOM_BYTES, files.data_dir: 2 * size + ROOM_BYTES}
    if files.data_dir.exists() and files.data_dir.stat().st_dev == home.stat().st_dev:
        needed = {home: sum(needed.values())}
    for folder, bytes_needed in needed.items():
        free = shutil.disk_usage(folder).free
        if free < bytes_needed:
            return f"{free // 2**20} MB are free in {folder}, an update needs up to {bytes_needed // 2**20} MB"
    return ""


def copy_at_rest(files: Files, into: Path) -> None:
    """Store, paper books and config as they are, durable and compared. Nobody may use them. A whole copy is kept."""
    if is_whole(into):
        return
    shutil.rmtree(into, ignore_errors=True)
    try:
        into.mkdir(mode=0o700, parents=True)
        _copy(files.config, into / CONFIG)
        for name, path in files.members().items():
            for part in _PARTS:
                found = path.with_name(path.name + part)
                if found.exists():
                    _copy(found, into / f"{name}{part}")
        (into / WHOLE).write_text("", encoding="utf-8")
        sync(into / WHOLE)
        for folder in (into, *(path for path in into.iterdir() if path.is_dir())):
            sync(folder)
        sync(into.parent)
    except OSError as error:
        shutil.rmtree(into, ignore_errors=True)
        raise StepFailed(f"the store at rest could not be copied to {into}: {error.strerror or error}") from None


def is_whole(copy: Path) -> bool:
    return (copy / WHOLE).is_file()


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    read = hashlib.sha256()
    with source.open("rb") as given, os.fdopen(handle, "wb") as out:
        while block := given.read(_BLOCK):
            read.update(block)
            out.write(block)
        out.flush()
        os.fsync(out.fileno())
    written = hashlib.sha256()
    with target.open("rb") as back:
        while block := back.read(_BLOCK):
            written.update(block)
    if written.digest() != read.digest():
        raise OSError(None, f"what was read back from {target.name} differs from what was written")


def put_back(files: Files, copy: Path) -> None:
    """The files as they were copied, in place of those that are there. The same again after a death half way.

    The log of a store goes before the store does, and the store goes last: what lies there meanwhile was written by the
    newer program, which the older one does not open.
    """
    if not is_whole(copy):
        raise StepFailed(f"there is no whole copy in {copy}")
    try:
        for name, path in files.members().items():
            if (copy / name).exists():
                _put_one(copy, name, path)
        for path in files.books():
            if not (copy / "paper" / path.name).exists():
                path.unlink()
    except OSError as error:
        raise StepFailed(f"{copy} could not be put back: {error.strerror or error}") from None


def _put_one(copy: Path, name: str, path: Path) -> None:
    draft = path.with_name(f".{path.name}.back")
    draft.unlink(missing_ok=True)
    _copy(copy / name, draft)
    log = copy / f"{name}-wal"
    if log.exists():  # The store was not closed: its log belongs to it, and is taken in before it is put in its place.
        _copy(log, draft.with_name(f"{draft.name}-wal"))
        with closing(sqlite3.connect(draft)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    if name == STORE:
        _mark(draft)
    _give(draft, path)
    for part in ("-wal", "-shm"):
        path.with_name(path.name + part).unlink(missing_ok=True)
        draft.with_name(draft.name + part).unlink(missing_ok=True)
    sync(path.parent)
    os.replace(draft, path)
    sync(path.parent)


def _mark(store: Path) -> None:
    """As one that is restored from a backup: entries wait for a person, the daemon looks it through and tells."""
    facts = {"restored_from": "the copy an update made", "clean": "0"}
    paused = [(world, "paused", BY_USER, "update", time.time_ns() // 1_000_000) for world in WORLDS]
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        try:
            with connection:
                connection.executemany("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", facts.items())
                connection.executemany(
                    "INSERT OR REPLACE INTO engine_state (world, name, value, who, time_ms) VALUES (?, ?, ?, ?, ?)",
                    paused,
                )
        except sqlite3.OperationalError as error:
            raise OSError(None, f"it cannot be marked as put back: {error}") from None


def _give(draft: Path, to: Path) -> None:
    """To the owner of what it takes the place of: root updates what another account runs."""
    there = to if to.exists() else to.parent
    owner = there.stat()
    if (owner.st_uid, owner.st_gid) != (draft.stat().st_uid, draft.stat().st_gid):
        os.chown(draft, owner.st_uid, owner.st_gid)


def put_config(files: Files, copy: Path, aside: str) -> Path | None:
    """The config as it was, where it differs; the other is kept beside it under `aside`. Where it is kept."""
    before = (copy / CONFIG).read_bytes()
    if files.config.read_bytes() == before:
        return None
    kept = files.config.with_name(f"{files.config.name}.{aside}")
    shutil.copy2(files.config, kept)
    draft = files.config.with_name(f".{files.config.name}.back")
    draft.unlink(missing_ok=True)
    shutil.copy2(files.config, draft)  # With its mode.
    draft.write_bytes(before)
    _give(draft, files.config)
    sync(draft)
    os.replace(draft, files.config)
    sync(files.config.parent)
    return kept
