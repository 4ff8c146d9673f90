"""The keys of the audit trail: `<data_dir>/secrets/audit.key`, one `ID HEX` per line, the newest last (LOG-3).

Made at the first start. A key is never taken out: what was written under it could not be checked any more.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from daemon.secrets import Unresolved, read_secret_file, sync_folder, write_draft, write_new_secret
from daemon.store.audit import AuditKeys

FILE = "secrets/audit.key"
KEY_BYTES = 32
MAX_KEYS = 50
_LINE = re.compile(r"(k[0-9]{1,6}-[0-9a-f]{8}) ([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class NoKeys:
    """The file cannot be used. `problem` and `remedy` are for a person."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem}. {self.remedy}"


def key_file(data_dir: Path) -> Path:
    return data_dir / FILE


def load_keys(data_dir: Path) -> AuditKeys | NoKeys:
    """The keys as they are; nothing is made."""
    path = key_file(data_dir)
    found = read_secret_file(path)
    if isinstance(found, Unresolved):
        return NoKeys(f"the audit trail's key {path} {found.problem}", f"{found.remedy[0].upper()}{found.remedy[1:]}")
    keys: dict[str, bytes] = {}
    for line in found.reveal().splitlines():
        parts = _LINE.fullmatch(line.strip())
        if parts is None:
            return NoKeys(f"{path} holds a line that is no key (not shown)", "Restore the file from a backup")
        keys[parts[1]] = bytes.fromhex(parts[2])
    return AuditKeys(keys)


def ensure_keys(data_dir: Path) -> AuditKeys | NoKeys:
    """The keys; the first one is made where there is no file."""
    path = key_file(data_dir)
    try:
        write_new_secret(path, _new_line(1))
    except OSError as error:
        return NoKeys(f"{path} cannot be made: {error.strerror}", "Give the directory to the user the daemon runs as")
    return load_keys(data_dir)


def rotate_keys(data_dir: Path) -> str | NoKeys:
    """Adds a key, the newest from the daemon's next start on. Its id."""
    known = ensure_keys(data_dir)
    if isinstance(known, NoKeys):
        return known
    if len(known.keys) >= MAX_KEYS:
        return NoKeys(f"there are {MAX_KEYS} keys already", "Keep the file, and begin a new data directory")
    path, line = key_file(data_dir), _new_line(len(known.keys) + 1)
    lines = [*(f"{name} {key.hex()}" for name, key in known.keys.items()), line]
    try:
        os.replace(write_draft(path, "\n".join(lines)), path)
        sync_folder(path.parent)
    except OSError as error:
        return NoKeys(f"{path} cannot be written: {error.strerror}", "Free some space, or mend its permissions")
    return line.partition(" ")[0]


def _new_line(number: int) -> str:
    return f"k{number}-{secrets.token_hex(4)} {secrets.token_hex(KEY_BYTES)}"
