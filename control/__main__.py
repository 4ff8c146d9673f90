"""`terrace`: the entry. Whoever presses Ctrl-C while code is still being loaded gets a word, not a traceback."""

from __future__ import annotations

import os
import signal
import sys

CANCELLED = 8
"""`ExitCode.CANCELLED`, before there is time to load it."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line, by default this process's; ends in SystemExit with one of ExitCode."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:  # Else somebody has reasons of his own, a shell's `&` for example.
        signal.signal(signal.SIGINT, _leave)
    from control.cli import main as run

    signal.signal(signal.SIGINT, before)
    return run(arguments)


def _leave(*_: object) -> None:
    """Nothing has begun that had to be ended."""
    os.write(2, b"interrupted\n")
    os._exit(CANCELLED)


if __name__ == "__main__":
    sys.exit(main())
