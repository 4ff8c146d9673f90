"""`terraced` on a clock of its own.

python -m tests.processes.skewed_daemon --clock-file FILE --config FILE
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.processes.clock import ClockFile, skew


def main() -> int:
    parser = argparse.ArgumentParser(prog="skewed_daemon", description="The daemon on a clock that a test sets")
    parser.add_argument("--clock-file", type=Path, required=True)
    chosen, rest = parser.parse_known_args()
    skew(ClockFile(chosen.clock_file))
    from daemon.__main__ import main as terraced  # Only now: nobody may have kept the true clock.

    return terraced(rest)


if __name__ == "__main__":
    sys.exit(main())
