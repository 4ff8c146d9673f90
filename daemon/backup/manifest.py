"""What a backup says of itself: `manifest.json`, its first member."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

FORMAT = 1
MANIFEST = "manifest.json"
CONFIG = "config.yaml"
DATA = "data/"
"""Members below this lie in the data directory."""
MAX_MANIFEST_BYTES = 1024 * 1024
MAX_MEMBERS = 2_000
MAX_NAME_CHARS = 300

_PART = r"[A-Za-z0-9_\-][A-Za-z0-9_.\-]*"
_NAME = re.compile(rf"(?:config\.yaml|data/{_PART}(?:/{_PART}){{0,7}})")
_HASH = re.compile(r"[0-9a-f]{64}")


class NotABackup(Exception):
    """The file is no backup, or a damaged one. Words for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    name: str
    """`config.yaml`, or below `data/` where it lies in the data directory."""
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    create_time_ms: int
    version: str
    """Of the daemon that wrote it."""
    engine: str
    """Kind of database: `sqlite`."""
    store: str
    """Name of the member that is the store."""
    schema: str
    installation_id: str
    last_sequence: int
    """Of the newest event in the store; 0: none."""
    audit_hash: str
    """Last link of the audit chain; empty: none."""
    members: tuple[Member, ...]
    format: int = FORMAT

    @property
    def size_bytes(self) -> int:
        return sum(member.size_bytes for member in self.members)

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=1, sort_keys=True).encode()


def is_member_name(name: str) -> bool:
    """Whether a file of this name may come out of a backup: nothing leads outside or is hidden (SEC-4)."""
    return len(name) <= MAX_NAME_CHARS and _NAME.fullmatch(name) is not None


def read_manifest(data: bytes) -> Manifest:
    """NotABackup if it is not a manifest this program can read."""
    try:
        found = json.loads(data)
        if not isinstance(found, dict):
            raise ValueError
        if found.get("format") != FORMAT:
            newer = isinstance(found.get("format"), int) and found["format"] > FORMAT
            raise NotABackup("it was made by a newer Terrace: use that version" if newer else "its manifest is damaged")
        members = tuple(_member(each) for each in _list(found.pop("members")))
        manifest = Manifest(**{**found, "members": members})
        _check(manifest)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise NotABackup("its manifest is damaged") from None
    return manifest


def _list(found: object) -> Sequence[Any]:
    if not isinstance(found, list) or len(found) > MAX_MEMBERS:
        raise ValueError
    return found


def _member(found: Any) -> Member:
    member = Member(**found)
    is_sized = isinstance(member.size_bytes, int) and member.size_bytes >= 0
    if not is_sized or not is_member_name(member.name) or not _HASH.fullmatch(member.sha256):
        raise ValueError
    return member


def _check(manifest: Manifest) -> None:
    names = [member.name for member in manifest.members]
    texts = (manifest.version, manifest.engine, manifest.schema, manifest.installation_id, manifest.audit_hash)
    numbers = (manifest.create_time_ms, manifest.last_sequence)
    if len(set(names)) != len(names) or manifest.store not in names:
        raise ValueError
    if not all(isinstance(text, str) for text in texts) or not all(isinstance(number, int) for number in numbers):
        raise ValueError
