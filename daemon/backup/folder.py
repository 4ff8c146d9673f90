"""The folder backups are kept in: their names, what lies there, what is too old, and leftovers of a death half way."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from daemon.backup.archive import no_rest, opened, peek, unpack
from daemon.backup.manifest import NotABackup
from daemon.backup.sealing import Keys, WrongKey, read_header

SUFFIX = ".backup"
MAX_LISTED = 10_000
"""More files than that in the folder are not looked at."""
_NAME = re.compile(r"terrace-(\d{8}T\d{6}(?:\d{3})?Z)-([A-Za-z0-9_\-]{1,80})\.backup")
_DRAFT = re.compile(r"\.terrace-([a-z0-9]{1,16})-[0-9a-f]{1,32}\.draft")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file of the folder whose name is a backup's."""

    path: Path
    size_bytes: int
    create_time_ms: int
    is_encrypted: bool
    schema: str
    version: str
    """Of the daemon that wrote it; empty where that cannot be told without its key."""
    installation_id: str
    """Empty where the file is no backup or a damaged one."""


def name_of(create_time_ms: int, schema: str) -> str:
    time = datetime.fromtimestamp(create_time_ms // 1000, UTC)
    return f"terrace-{time:%Y%m%dT%H%M%S}{create_time_ms % 1000:03d}Z-{schema}{SUFFIX}"


def is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def draft_name(installation_id: str, unique: str) -> str:
    return f".terrace-{installation_id}-{unique}.draft"


def list_folder(folder: Path) -> list[Found]:
    """Backups in the folder, newest first; none where there is no folder. OSError where it cannot be read."""
    if not folder.is_dir():
        return []
    found = [_look(path, match) for path, match in _named(folder)]
    return sorted(found, key=lambda each: (each.create_time_ms, each.path.name), reverse=True)


def _named(folder: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    for count, path in enumerate(folder.iterdir()):
        if count >= MAX_LISTED:
            return
        match = _NAME.fullmatch(path.name)
        if match is not None and path.is_file() and not path.is_symlink():
            yield path, match


def _look(path: Path, match: re.Match[str]) -> Found:
    create_time_ms, schema, version, installation_id, is_encrypted = _time_of(match[1]), match[2], "", "", False
    try:
        with path.open("rb") as file:
            sealed = read_header(file)
        if sealed is not None:
            is_encrypted, installation_id = True, str(sealed[0].get("installation_id", ""))
        else:
            with opened(path, lambda _kind, _id: None) as backup:
                manifest = peek(backup.stream)
            version, installation_id = manifest.version, manifest.installation_id
    except (NotABackup, WrongKey, OSError):
        pass  # It is listed as it is named; verify says what is wrong with it.
    return Found(
        path=path,
        size_bytes=path.stat().st_size,
        create_time_ms=create_time_ms,
        is_encrypted=is_encrypted,
        schema=schema,
        version=version,
        installation_id=installation_id,
    )


def _time_of(text: str) -> int:
    seconds, fraction = text[:15], text[15:-1]
    try:
        time = datetime.strptime(seconds, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return 0
    return int(time.timestamp()) * 1000 + int(fraction or 0)


def is_whole(found: Found, keys: Keys) -> bool | None:
    """Whether all of it is as it was written; None where that cannot be told without its key."""
    try:
        with opened(found.path, keys) as backup:
            unpack(backup.stream, None, no_rest)
    except WrongKey:
        return None
    except (NotABackup, OSError):
        return False
    return True


def delete_old(folder: Path, installation_id: str, keep: int, keys: Keys) -> list[Path]:
    """Deletes what is older than the newest `keep` backups; the files deleted.

    Only files of this installation count, and only whole ones, so that a damaged one never takes a good one's place.
    One that is damaged stays for a person to look at, as does whatever else lies there.
    """
    kept, deleted = 0, []
    for found in list_folder(folder):
        if found.installation_id != installation_id:
            continue
        if kept >= keep:
            found.path.unlink(missing_ok=True)
            deleted.append(found.path)
        elif is_whole(found, keys) is not False:
            kept += 1
    return deleted


def clear_drafts(folder: Path, installation_id: str) -> list[Path]:
    """Removes what a backup of this installation left that died half way. Only while none is being made."""
    cleared = []
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _DRAFT.fullmatch(path.name)
        if match is not None and match[1] == installation_id and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
            cleared.append(path)
    return cleared
