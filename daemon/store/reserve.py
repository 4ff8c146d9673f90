"""The space kept back for a full disk (REC-5).

`reserve.bin` holds a few megabytes of the store's own file system. When SQLite finds the disk full, the file is given
up, so that cancels and closes can still be committed; it is made again when there is room.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

RESERVE_BYTES = 8 * 1024 * 1024
FREE_BYTES_TO_RENEW = 4 * RESERVE_BYTES
"""The reserve is made again only with this much free, so that it does not fill the disk itself."""
LEAST_ROOM_BYTES = 64 * 1024
"""With less than this free, what SQLite calls a fault of the device is the full disk: it found no room for the index of
its log."""
RENEW_INTERVAL_S = 5.0
_CHUNK = bytes(1024 * 1024)


def is_full(directory: Path) -> bool:
    """Whether there is next to no room on the disk of a directory."""
    try:
        room = os.statvfs(directory)
    except OSError:
        return False
    return room.f_bavail * room.f_frsize < LEAST_ROOM_BYTES


class Reserve:
    """Used by the store under its lock."""

    def __init__(self, path: Path, size_bytes: int = RESERVE_BYTES, free_bytes: int = FREE_BYTES_TO_RENEW) -> None:
        self._path = path
        self._size_bytes = size_bytes
        self._free_bytes = free_bytes
        self._next_look_s = 0.0
        self.released = False
        """The disk was found full and the reserve is given up: no new entries should be taken."""

    @property
    def is_needed(self) -> bool:
        """The disk is full."""
        return is_full(self._path.parent)

    @property
    def is_whole(self) -> bool:
        try:
            return self._path.stat().st_blocks * 512 >= self._size_bytes
        except OSError:
            return False

    def allocate(self) -> bool:
        """Makes the file as large as it should be, its blocks really taken. False where the disk has no room."""
        if self.is_whole:
            self.released = False
            return True
        try:
            self._write()
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        self.released = False
        return True

    def release(self) -> bool:
        """Gives the space up. False if there was none to give."""
        self.released = True
        self._next_look_s = time.monotonic() + RENEW_INTERVAL_S
        if not self._path.exists():
            return False
        self._path.unlink()
        return True

    def renew(self) -> None:
        """Makes a released reserve again if there is room by now; looks only every few seconds."""
        if not self.released:
            return
        now_s = time.monotonic()
        if now_s < self._next_look_s:
            return
        self._next_look_s = now_s + RENEW_INTERVAL_S
        room = os.statvfs(self._path.parent)
        if room.f_bavail * room.f_frsize >= self._free_bytes:
            self.allocate()

    def _write(self) -> None:
        handle = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(handle, 0, self._size_bytes)
            else:  # macOS has no such call: zeros do the same.
                for _ in range(0, self._size_bytes, len(_CHUNK)):
                    os.write(handle, _CHUNK)
            os.fsync(handle)
        finally:
            os.close(handle)
