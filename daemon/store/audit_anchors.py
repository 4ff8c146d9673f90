"""Hashes of the audit trail kept outside of the store: `<data_dir>/audit.anchors`, one `TIME SEQUENCE HASH` per line.

By itself a store cannot tell that its newest events were cut off together with the mark of its end, or that somebody
with the key wrote it anew. An anchor from before can; the same lines are in the log, which may be kept elsewhere.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from daemon.secrets import write_draft

FILE = "audit.anchors"
MAX_LINES = 10_000
"""When there are more every second one of the older half is left out."""
MAX_BYTES = 4 * 1024 * 1024
FILE_MODE = 0o600


def anchor_file(data_dir: Path) -> Path:
    return data_dir / FILE


def add_anchor(path: Path, now_ms: int, sequence: int, digest: str) -> None:
    """Durable when it returns. OSError where the file cannot be written."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FILE_MODE)
    try:
        os.write(handle, f"{_time(now_ms)} {sequence} {digest}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def read_anchors(path: Path) -> Mapping[int, str]:
    """Hash by sequence. Lines that are none, a torn last one say, are left out; no file: nothing."""
    found: dict[int, str] = {}
    for line in _lines(path):
        parts = line.split()
        if len(parts) == 3 and parts[1].isdigit() and len(parts[2]) == 64:
            found[int(parts[1])] = parts[2]
    return found


def thin_out(path: Path) -> bool:
    """Keeps the file within its bounds; whether there was anything to do."""
    lines = _lines(path)
    if len(lines) <= MAX_LINES:
        return False
    half = len(lines) // 2
    os.replace(write_draft(path, "\n".join([*lines[:half:2], *lines[half:]])), path)
    return True


def _lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("ascii", "replace").splitlines()
    except OSError:
        return []


def _time(now_ms: int) -> str:
    return datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


class Anchors:
    """Writes one down whenever it is asked to and the trail has grown."""

    def __init__(
        self,
        path: Path,
        head: Callable[[], tuple[int, str]],
        now_ms: Callable[[], int],
        log: Callable[[int, str], None],
    ) -> None:
        """`head`: sequence and hash of the newest event, as committed. `log`: writes the same to the log."""
        self._path = path
        self._head = head
        self._now_ms = now_ms
        self._log = log
        self._last = 0

    def write(self) -> None:
        """OSError or StoreFault where it cannot be done."""
        sequence, digest = self._head()
        if sequence == self._last or not digest:
            return
        self._log(sequence, digest)
        add_anchor(self._path, self._now_ms(), sequence, digest)
        self._last = sequence
        with contextlib.suppress(OSError):
            thin_out(self._path)
