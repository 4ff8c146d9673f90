"""Is a backup whole, and can it be started on: every checksum, the store's integrity, its schema, its config."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daemon.backup.archive import no_rest, opened, peek, unpack
from daemon.backup.manifest import CONFIG, Manifest, NotABackup
from daemon.backup.sealing import Keys, WrongKey
from daemon.config.load import ConfigFaults, load_text
from daemon.store import tools
from daemon.store.backup import CopyFailed, facts_of
from daemon.store.refused import StoreRefused

ROOM_BYTES = 32 * 1024 * 1024
_OF_WRITING = (errno.EROFS, errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """It cannot be read, or not be restored. Words for a person."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}. {self.remedy}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found in a backup that could be read. It is well if there are no problems."""

    manifest: Manifest
    is_encrypted: bool
    problems: tuple[str, ...]
    pending: tuple[str, ...]
    """Migrations the first start would run."""
    notes: tuple[str, ...]
    """What could not be looked at, or what a person should know."""


AuditCheck = Callable[[Path], tuple[tuple[str, ...], tuple[str, ...]]]
"""Of a store's file: problems of its audit chain, and notes."""


def read_about(path: Path, keys: Keys) -> tuple[Manifest, bool] | Refused:
    """The manifest, and whether the file is encrypted."""
    try:
        with opened(path, keys) as backup:
            return peek(backup.stream), backup.is_encrypted
    except (NotABackup, WrongKey, OSError) as error:
        return refuse_unreadable(path, error)


def verify(
    path: Path, keys: Keys, *, scratch: Path | None = None, audit: AuditCheck | None = None
) -> Verified | Refused:
    """Reads all of it, unpacked for the while into a folder of its own below `scratch` (else the system's)."""
    about = read_about(path, keys)
    if isinstance(about, Refused):
        return about
    manifest, is_encrypted = about
    try:
        with tempfile.TemporaryDirectory(prefix="terrace-verify-", dir=scratch) as folder:
            short = refuse_room(Path(folder), manifest)
            if short is not None:
                return short
            with opened(path, keys) as backup:
                unpack(backup.stream, Path(folder), no_rest)
            return _look_through(Path(folder), manifest, is_encrypted, audit)
    except (NotABackup, WrongKey, OSError) as error:
        return refuse_unwritable(path, scratch or Path(tempfile.gettempdir()), error)


def _look_through(folder: Path, manifest: Manifest, is_encrypted: bool, audit: AuditCheck | None) -> Verified:
    problems, notes = list(config_problems(folder)), list[str]()
    pending: tuple[str, ...] = ()
    store = folder / manifest.store
    if manifest.engine == "sqlite":
        checked = tools.check(f"sqlite:///{store.name}", store.parent)
        if isinstance(checked, StoreRefused):
            problems.append(checked.problem)
        else:
            problems += checked.problems
            problems += [f"its store was written by a newer Terrace ({name})" for name in checked.unknown[-1:]]
            pending = checked.pending
            problems += _other_facts(store, manifest)
            if audit is not None and not checked.unknown:
                found, said = audit(store)
                problems += found
                notes += said
    else:
        notes.append(f"its store is a copy out of {manifest.engine}: only its checksums were looked at")
    return Verified(
        manifest=manifest, is_encrypted=is_encrypted, problems=tuple(problems), pending=pending, notes=tuple(notes)
    )


def _other_facts(store: Path, manifest: Manifest) -> list[str]:
    try:
        facts = facts_of(store)
    except CopyFailed as failed:
        return [str(failed)]
    said = (manifest.schema, manifest.installation_id, manifest.last_sequence, manifest.audit_hash)
    found = (facts.schema, facts.installation_id, facts.last_sequence, facts.audit_hash)
    return [] if said == found else [f"the store says {found} of itself, the manifest {said}"]


def config_problems(folder: Path) -> tuple[str, ...]:
    """What is wrong with the config of an unpacked backup."""
    path = folder / CONFIG
    if not path.is_file():
        return ("it holds no config.yaml",)
    config = load_text(path.read_text(encoding="utf-8", errors="replace"), path, {})
    return (f"its config has faults: {config}",) if isinstance(config, ConfigFaults) else ()


def refuse_room(folder: Path, manifest: Manifest) -> Refused | None:
    disk = os.statvfs(folder)
    free, needed = disk.f_bavail * disk.f_frsize, manifest.size_bytes + ROOM_BYTES
    if free >= needed:
        return None
    return Refused(
        problem=f"{free // 2**20} MB are free in {folder}, {needed // 2**20} MB are needed to unpack it",
        remedy="Free some space there or name another folder",
    )


def refuse_unwritable(path: Path, folder: Path, error: Exception) -> Refused:
    """Of what went wrong while the backup at `path` was unpacked below `folder`: which of the two it was."""
    if not isinstance(error, OSError) or (error.errno not in _OF_WRITING and error.filename in (None, str(path))):
        return refuse_unreadable(path, error)
    return Refused(
        problem=f"{folder} cannot be written to: {error.strerror}; the backup itself was read",
        remedy="Name a folder where this user may write and that has room, or make this one so",
    )


def refuse_unreadable(path: Path, error: Exception) -> Refused:
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    remedy = {
        WrongKey: "Give the passphrase it was made with (--passphrase-file FILE, or answer the question)",
        NotABackup: "Take another backup (terrace backup list)",
    }.get(type(error), "Name a file that can be read")
    return Refused(problem=f"{path}: {words}", remedy=remedy)
