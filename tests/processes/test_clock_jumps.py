"""The daemon's wall clock jumps while it works, forwards and back: no promise breaks, nothing is stuck (REC-5)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.processes.stage import loaded, settle_and_check
from tests.processes.works import Works, paper_config

JUMPS_MS = (3_600_000, 0, -3_600_000, 0, 700, -900, 0)
STAYS_S = 0.8


@pytest.mark.rule("REC-5", "SIG-9", "SIG-10")
@pytest.mark.parametrize("is_killed", [False, True], ids=["alive", "killed"])
def test_a_clock_that_jumps_breaks_no_promise(tmp_path: Path, is_killed: bool) -> None:
    """Killed: in the wrong time, and started again in the right one."""
    with Works(tmp_path, paper_config({"accounts": {"paper": {"latency_ms": 20}}})) as works:
        works.begin()
        with loaded(works) as load:
            time.sleep(0.5)
            for jump_ms in JUMPS_MS:
                works.clock.offset_ms = jump_ms
                time.sleep(STAYS_S)
                if is_killed and abs(jump_ms) > 1000:
                    works.kill("daemon")
                    works.clock.offset_ms = 0
                    works.spawn_daemon()
                    works.wait_ready()
            settle_and_check(works, load)
        assert len([item for item in load.sent if item.is_acknowledged]) > 20
