"""No dump of the process's memory on disk: it would hold every key in clear (SEC-3)."""

from __future__ import annotations

import contextlib
import resource


def forbid_core_dumps() -> None:
    """For this process and those it starts. A systemd that collects dumps keeps to it, too."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
