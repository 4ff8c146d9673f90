"""Ports for programs that a test starts.

A port asked of the system (`bind` to 0) and given back is anybody's until the program listens: another worker's
question, or the near end of any connection, takes it now and then. These come from below the system's own range, and
each is handed out once on this machine before any is again.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path

FIRST, AFTER = 20_000, 32_000
"""Below what systems take for the near ends of connections (Linux from 32,768, macOS from 49,152)."""


def free_ports(count: int) -> list[int]:
    """Loopback ports nobody listens on and no other test was given lately."""
    with _turn().open("a+") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        turn.seek(0)
        last = int(turn.read() or AFTER)
        found: list[int] = []
        for _ in range(AFTER - FIRST):
            last = last + 1 if FIRST <= last + 1 < AFTER else FIRST
            if _is_free(last):
                found.append(last)
            if len(found) == count:
                break
        else:
            raise AssertionError(f"no {count} free ports from {FIRST} to {AFTER}")
        turn.truncate(0)
        turn.write(str(last))
        turn.flush()
    return found


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]


def _turn() -> Path:
    """Where the last port given stands, one file for all runs of this person."""
    return Path(tempfile.gettempdir()) / f"terrace-test-ports-{os.getuid()}"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
