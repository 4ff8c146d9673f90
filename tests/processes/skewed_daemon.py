"""`terraced` on a clock of its own, and with a deliberate bug where one is named.

python -m tests.processes.skewed_daemon --clock-file FILE [--bug NAME] --config FILE
"""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from tests.processes.clock import ClockFile, skew


def main() -> int:
    parser = argparse.ArgumentParser(prog="skewed_daemon", description="The daemon on a clock that a test sets")
    parser.add_argument("--clock-file", type=Path, required=True)
    parser.add_argument("--bug", help="one of tests/simulation/bugs")
    chosen, rest = parser.parse_known_args()
    skew(ClockFile(chosen.clock_file))
    from daemon.__main__ import main as terraced  # Only now: nobody may have kept the true clock.

    with bug_called(chosen.bug):
        return terraced(rest)


def bug_called(name: str | None) -> AbstractContextManager[None]:
    """StopIteration where there is none of that name."""
    if name is None:
        return nullcontext()
    from tests.simulation.bugs import ALL

    return next(bug for bug in ALL if bug.name == name).on()


if __name__ == "__main__":
    sys.exit(main())
