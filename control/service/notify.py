"""What a program around the daemon tells the service manager that started it (`$NOTIFY_SOCKET`)."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping


def tell_manager(environ: Mapping[str, str], *assignments: str) -> None:
    """`tell_manager(os.environ, "READY=1")`. Without a manager, or with one that is gone, nothing happens."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.setblocking(False)
        told.sendto("\n".join(assignments).encode(), name)
