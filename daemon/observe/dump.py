"""What every thread does at this moment, and what waits in every mailbox (SIGUSR1)."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Mapping

MAX_STACK_CHARS = 4_000
MAX_THREADS = 500


def threads() -> dict[str, str]:
    """Stacks by thread name, at most `MAX_THREADS`."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    found = {}
    for ident, frame in list(sys._current_frames().items())[:MAX_THREADS]:
        found[names.get(ident, str(ident))] = "".join(traceback.format_stack(frame))[-MAX_STACK_CHARS:]
    return found


def waiting(depths: Mapping[str, int]) -> dict[str, int]:
    """Mailboxes that are not empty, fullest first."""
    return dict(sorted(((name, depth) for name, depth in depths.items() if depth), key=lambda item: -item[1]))
