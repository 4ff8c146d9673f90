"""The daemon's wall clock jumps while it works, forwards and back: no promise breaks, nothing is stuck (REC-5)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.processes.stage import loaded, settle_and_check
from tests.processes.works import Works, paper_config

JUMPS_MS = (3_600_000, 0, -3_600_000, 700, -900)
STAYS_S = 0.6


@pytest.mark.rule("REC-5", "REC-1", "SIG-9", "SIG-10")
def test_a_clock_that_jumps_breaks_no_promise(tmp_path: Path) -> None:
    """In the end it is killed in a wrong time, too, and started again in the right one."""
    with Works(tmp_path, paper_config({"accounts": {"paper": {"latency_ms": 20}}})) as works:
        works.begin()
        with loaded(works) as load:
            for jump_ms in (0, *JUMPS_MS, 7_200_000):
                works.clock.offset_ms = jump_ms
                time.sleep(STAYS_S)
            works.kill("daemon")
            works.clock.offset_ms = 0
            works.spawn_daemon()
            works.wait_ready()
            settle_and_check(works, load)
        assert len([item for item in load.sent if item.is_acknowledged]) > 20
