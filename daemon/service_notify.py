"""What the daemon tells the service manager that started it: datagrams to `$NOTIFY_SOCKET`, as systemd defines them.

Telling is never an obstacle: without a socket, or with one that is gone or full, nothing happens.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

MAX_STATUS_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceNotify:
    """Any thread."""

    address: str = ""
    """Path of a socket, or `@` and an abstract name; empty: nobody wants to be told."""
    watchdog_s: float = 0.0
    """A `watchdog` must come more often than this; 0: nobody waits for one."""

    def tell(self, *assignments: str) -> None:
        """`tell("READY=1", "MAINPID=7")`: together in one datagram."""
        if not self.address:
            return
        name = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            told.setblocking(False)
            told.sendto("\n".join(assignments).encode("utf-8", "replace"), name)


def status(words: str) -> str:
    """`STATUS=...`, one bounded line."""
    line = " ".join(words.split())
    return f"STATUS={line if len(line) <= MAX_STATUS_CHARS else line[: MAX_STATUS_CHARS - 1] + '…'}"


def from_environ(environ: Mapping[str, str], pid: int | None = None) -> ServiceNotify:
    """What the manager has passed to this process. A watchdog that is meant for another process is not fed."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return ServiceNotify()
    meant = environ.get("WATCHDOG_PID", "")
    usec = environ.get("WATCHDOG_USEC", "")
    is_ours = meant in ("", str(os.getpid() if pid is None else pid))
    return ServiceNotify(address=address, watchdog_s=int(usec) / 1e6 if is_ours and usec.isdecimal() else 0.0)
