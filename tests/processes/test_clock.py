"""A process on a clock of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from tests.processes.clock import ClockFile

SHOW = """
import sys, time
from pathlib import Path
from tests.processes.clock import ClockFile, skew
skew(ClockFile(Path(sys.argv[1])))
for _ in sys.stdin:
    print(time.time_ns() // 1_000_000, int(time.time() * 1000), flush=True)
"""


def test_a_jump_of_the_clock_is_there_with_the_next_look(tmp_path: Path) -> None:
    clock = ClockFile(tmp_path / "clock")
    command = [sys.executable, "-c", SHOW, str(tmp_path / "clock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for offset_ms in (0, 3_600_000, -600_000):
            clock.offset_ms = offset_ms
            print("look", file=process.stdin, flush=True)
            for shown in process.stdout.readline().split():
                assert abs(int(shown) - (time.time() * 1000 + offset_ms)) < 5000
        process.stdin.close()
    clock.close()
