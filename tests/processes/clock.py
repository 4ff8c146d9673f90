"""A wall clock for a process that a test sets while it runs: one number in a small file, mapped into both."""

from __future__ import annotations

import mmap
import struct
import time
from pathlib import Path

_FORMAT = struct.Struct("=q")


class ClockFile:
    """How far the process's clock is off, in milliseconds. A jump is there with the next look at the time."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_FORMAT.pack(0))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _FORMAT.size)

    @property
    def offset_ms(self) -> int:
        found: int = _FORMAT.unpack_from(self._shared)[0]
        return found

    @offset_ms.setter
    def offset_ms(self, value: int) -> None:
        _FORMAT.pack_into(self._shared, 0, value)

    def close(self) -> None:
        self._shared.close()


def skew(clock: ClockFile) -> None:
    """`time.time` and `time.time_ns` of this process follow the file from now on; the monotonic clock does not jump."""
    true_ns = time.time_ns

    def time_ns() -> int:
        return true_ns() + clock.offset_ms * 1_000_000

    time.time_ns = time_ns
    time.time = lambda: time_ns() / 1e9
