"""Makes one backup: copies, then one file, written beside under another name, on disk, read back, then named.

The moment that is copied is the same for the store and, right behind it, the paper accounts' books: like a real
exchange they may know a little more than the store, which reconciling mends, but never less.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from daemon.backup import folder as folders
from daemon.backup.archive import BLOCK_BYTES, Draft, opened, unpack, write_archive
from daemon.backup.manifest import CONFIG, DATA, Manifest, Member, NotABackup, is_member_name
from daemon.backup.sealing import Sealing, SealKey
from daemon.secrets import make_private_folder, sync_folder
from daemon.store.backup import CopyFailed, Rest, Snapshotter, SqliteMoment, StoreFacts

ROOM_BYTES = 64 * 1024 * 1024
"""Left free beside all that a backup writes: trading needs the disk more than a backup does."""
MAX_SMALL_BYTES = 16 * 1024 * 1024
"""Largest config, tokens or vault that is taken along."""
MAX_BOOKS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFailed:
    """No backup was made, and nothing of it is left."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}. {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    path: Path
    size_bytes: int
    sha256: str
    manifest: Manifest
    is_encrypted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is backed up. Files that are not there are left out, but for the store."""

    snapshotter: Snapshotter
    data_dir: Path
    store_path: Path
    """Where the store's file lies, or would."""
    config_path: Path
    tokens_path: Path
    vault_path: Path
    version: str


def make_backup(
    source: Source, folder: Path, *, installation_id: str, now_ms: int, key: SealKey | None, rest: Rest
) -> Made | BackupFailed:
    """One backup in `folder`. Whatever `rest` raises comes through, with nothing left behind."""
    draft = folder / folders.draft_name(installation_id, secrets.token_hex(8))
    try:
        make_private_folder(folder)
        refused = _refuse_room(source, folder)  # CopyFailed where the store cannot even be asked for its size.
        if refused is not None:
            return refused
        draft.mkdir(mode=0o700)
        return _make(source, folder, draft, now_ms, key, rest)
    except OSError as error:
        return BackupFailed(
            problem=f"the backup could not be written to {folder}: {error.strerror or error}",
            remedy="Free some space there or set backup.directory to another folder",
        )
    except CopyFailed as error:
        return BackupFailed(problem=str(error), remedy="Check the store (terrace db check)")
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _make(source: Source, folder: Path, draft: Path, now_ms: int, key: SealKey | None, rest: Rest) -> Made:
    files, facts, store = _copies(source, draft, rest)
    manifest = _manifest_of(source, files, facts, store, now_ms, rest)
    whole = draft / "whole"
    with Draft(whole) as out:
        target = cast(BinaryIO, out)
        if key is None:
            write_archive(target, manifest, files, rest)
        else:
            sealing = Sealing(target, key, {"installation_id": facts.installation_id, "create_time_ms": now_ms})
            write_archive(cast(BinaryIO, sealing), manifest, files, rest)
            sealing.finish()
        out.sync()
        size_bytes, sha256 = out.size_bytes, out.hash.hexdigest()
    _read_back(whole, key, rest)
    path = folder / folders.name_of(now_ms, facts.schema)
    os.rename(whole, path)  # The name holds the millisecond: nothing is there.
    sync_folder(folder)
    return Made(path=path, size_bytes=size_bytes, sha256=sha256, manifest=manifest, is_encrypted=key is not None)


def _read_back(whole: Path, key: SealKey | None, rest: Rest) -> None:
    try:
        with opened(whole, lambda _kind, _id: key) as backup:
            unpack(backup.stream, None, rest)
    except NotABackup as damaged:
        raise OSError(f"what was read back differs from what was written: {damaged}") from damaged


def _refuse_room(source: Source, folder: Path) -> BackupFailed | None:
    """Before anything is written: both copies of the store and the books must fit with room to spare."""
    books = sum(path.stat().st_size for path in _books(source.data_dir))
    needed = 2 * (source.snapshotter.size_bytes() + books) + ROOM_BYTES
    disk = os.statvfs(folder)
    free = disk.f_bavail * disk.f_frsize
    if free >= needed:
        return None
    return BackupFailed(
        problem=f"{free // 2**20} MB are free in {folder}, a backup needs up to {needed // 2**20} MB for a while",
        remedy="Free some space there or set backup.directory to another disk",
    )


# --- what goes into it ----------------------------------------------------------------------------------


def _copies(source: Source, draft: Path, rest: Rest) -> tuple[dict[str, Path], StoreFacts, str]:
    """Member name -> where its copy lies; what the store says of itself; the store's member."""
    store = _member_name(source, source.store_path, "terrace.db")
    files = {store: draft / "store"}
    with ExitStack() as held:
        moment = held.enter_context(closing(source.snapshotter.begin()))
        books = [(path, held.enter_context(closing(SqliteMoment(path)))) for path in _books(source.data_dir)]
        facts = moment.copy(files[store], rest)
        for number, (path, book) in enumerate(books):
            name = f"{DATA}paper/{path.name}"
            files[name] = draft / f"books-{number}"
            book.write(files[name], rest)
    small = {
        CONFIG: source.config_path,
        _member_name(source, source.tokens_path, "secrets/tokens.yaml"): source.tokens_path,
        _member_name(source, source.vault_path, "secrets/vault.json"): source.vault_path,
    }
    for number, (name, path) in enumerate(small.items()):
        if _copy_small(path, draft / f"small-{number}"):
            files[name] = draft / f"small-{number}"
    return files, facts, store


def _member_name(source: Source, path: Path, otherwise: str) -> str:
    """Where it lies in the data directory; `otherwise` for a file that lies elsewhere or is strangely named."""
    if path.is_relative_to(source.data_dir):
        name = DATA + path.relative_to(source.data_dir).as_posix()
        if is_member_name(name):
            return name
    return DATA + otherwise


def _books(data_dir: Path) -> list[Path]:
    return sorted((data_dir / "paper").glob("*.db"))[:MAX_BOOKS]


def _copy_small(path: Path, target: Path) -> bool:
    """A file that is replaced whole when it changes, so that one read is one state."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SMALL_BYTES + 1)
    except FileNotFoundError:
        return False
    if len(data) > MAX_SMALL_BYTES:
        raise OSError(f"{path} is too large to be what it should be")
    with Draft(target) as out:
        out.write(data)
    return True


def _manifest_of(
    source: Source, files: Mapping[str, Path], facts: StoreFacts, store: str, now_ms: int, rest: Rest
) -> Manifest:
    parts: dict[str, Any] = {"version": source.version, "engine": source.snapshotter.engine, "store": store}
    return Manifest(
        **parts,
        create_time_ms=now_ms,
        schema=facts.schema,
        installation_id=facts.installation_id,
        last_sequence=facts.last_sequence,
        audit_hash=facts.audit_hash,
        members=tuple(_member(name, path, rest) for name, path in files.items()),
    )


def _member(name: str, path: Path, rest: Rest) -> Member:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(BLOCK_BYTES):
            hashed.update(data)
            rest(len(data))
    return Member(name=name, size_bytes=path.stat().st_size, sha256=hashed.hexdigest())
