"""SIGTERM under load: what is under way is finished, the store is closed, exit code 0, and the next start goes on.

As with kills, the checks then compare what senders were told, the store and the venue (checks.py).
"""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from daemon.app import STOP_BOUND_S
from tests.processes.run import Plan, Run
from tests.simulation.promise import Promise

STOPS = 2
SEED = 20270


class StopRun(Run):
    """Stops in place of kills."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        super().__init__(plan, folder)
        self.took_s: list[float] = []

    def kill_once(self) -> None:
        self.works.wait_ready()
        time.sleep(self.rng.uniform(0.5, 1.5))
        process = self.works.stack.processes["daemon"]
        began, asked_ms = time.monotonic(), time.time() * 1000
        process.send_signal(signal.SIGTERM)
        code = process.wait(2 * STOP_BOUND_S)
        self.took_s.append(time.monotonic() - began)
        self.result.kills += 1
        self.tell(f"stop {self.result.kills}: {self.took_s[-1]:.2f} s, exit code {code}")
        if code:
            self.note(Promise.NO_CRASH, f"stopped in peace it exits with {code}")
        self.look_at_the_corpse()
        pending = [order for order in self.works.store().orders if order["state"] == "pending"]
        self.tell(f"{len(pending)} orders of the last moment are left to the next start")
        if any(order["create_time_ms"] < asked_ms for order in pending):
            self.note(Promise.SETTLES, "an order from before the stop is left without an answer of the exchange")
        self.works.spawn_daemon()


@pytest.mark.rule("REC-1", "SIG-9", "SIG-12", "ORD-3", "ORD-2")
@pytest.mark.parametrize("venue", [None, 1], ids=["paper", "exchange"])
def test_stops_under_load_lose_nothing_and_keep_their_bound(tmp_path: Path, venue: int | None) -> None:
    run = StopRun(Plan(seed=SEED, kills=STOPS, troubles=0, venue=venue), tmp_path)
    result = run.run()
    told = "\n".join((result.words, *result.story, *map(str, result.violations[:10])))
    print(told)
    assert not result.violations, told
    assert result.kills == STOPS
    assert result.acknowledged > 20, told
    assert max(run.took_s) < STOP_BOUND_S, told
