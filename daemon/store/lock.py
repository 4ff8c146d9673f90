"""One daemon per data directory: an advisory lock on `<data_dir>/terrace.lock`, held as long as the process lives."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

LOCK_FILE = "terrace.lock"


@dataclass(frozen=True, slots=True)
class Held:
    """The lock is another process's. `pid` None: the file does not say whose."""

    path: Path
    pid: int | None


class DirectoryLock:
    """A lock that is held. The kernel frees it when the process ends, however it ends."""

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle

    def release(self) -> None:
        """The file stays: deleting it would let two processes lock two files of one name."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def take_lock(data_dir: Path) -> DirectoryLock | Held:
    """Locks the directory, or says who holds it. OSError where the file cannot be made."""
    path = data_dir / LOCK_FILE
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(handle, 32).decode("ascii", "replace").strip()
        os.close(handle)
        return Held(path, int(text) if text.isdecimal() else None)
    except OSError:
        os.close(handle)
        raise
    try:
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
    except OSError:
        pass  # A full disk must not keep the daemon from starting; the lock itself is held.
    return DirectoryLock(handle)


def holder(data_dir: Path) -> Held | None:
    """Who holds the lock at this moment; None: nobody. Makes no file."""
    if not (data_dir / LOCK_FILE).exists():
        return None
    try:
        lock = take_lock(data_dir)
    except OSError:
        return None
    if isinstance(lock, Held):
        return lock
    lock.release()
    return None
