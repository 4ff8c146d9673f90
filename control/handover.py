"""Work that needs the engine but no daemon is handed to the engine's own program."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

DAEMON = "terraced"
CALLED_AS = "TERRACE_CALLED_AS"
"""Variable by which `terraced replay` and its like speak of themselves as `terrace replay`."""

NOTHING_FROM_HERE = {"PYTHONSAFEPATH": "1"}
"""For a child started by `-m`: a `signal.py` in the folder one stands in must not be taken for Python's own."""


def daemon_command() -> list[str]:
    """How to start the engine's program: the script beside this Python, else its module."""
    script = Path(sys.executable).parent / DAEMON
    return [str(script)] if script.is_file() else [sys.executable, "-m", "daemon"]


def hand_over(arguments: Sequence[str]) -> None:
    """Becomes `terraced` with these arguments. Does not return; its exit code is ours."""
    command = [*daemon_command(), *arguments]
    if arguments and not arguments[0].startswith("-"):
        os.environ[CALLED_AS] = "terrace"
    if arguments[:1] == ["replay"]:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # It waits until there is somebody to take it.
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(command[0], command)
