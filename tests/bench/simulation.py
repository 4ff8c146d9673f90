"""Steps a second of the simulation on one core: the whole engine, its venues with faults, and the checker after each.

Floor: the same runtime with actors that only pass a message on. Both are processor time: nothing in there waits.
"""

from __future__ import annotations

import random
import time

from actors.runtime import Actor, Life
from actors.stepped import Stepped
from tests.bench.rows import Row, short
from tests.simulation.run import STEPS, calm_collector, explore

NAME = "simulated_steps_per_second"
GOAL = 20_000
SEEDS = 40
FLOOR_STEPS = 200_000
ACTORS = 8


class _PassOn(Actor):
    def __init__(self, life: Life) -> None:
        super().__init__(life)
        self._next = f"ring/{(int(life.name.partition('/')[2]) + 1) % ACTORS}"

    def receive(self, message: object) -> None:
        self.life.tell(self._next, message)


def row(seeds: int = SEEDS) -> Row:
    calm_collector()
    steps, seconds, slowest = 0, 0.0, float("inf")
    for seed in range(1, seeds + 1):
        begun = time.process_time()
        _, result = explore(seed, STEPS)
        took = time.process_time() - begun
        steps += result.steps
        seconds += took
        slowest = min(slowest, result.steps / took)
    return Row(
        name=NAME,
        value=steps / seconds,
        unit="steps/s",
        floor=_floor(),
        goal=GOAL,
        at_least=True,
        details={"seeds": seeds, "steps": steps, "slowest_seed": short(slowest)},
    )


def _floor() -> float:
    system = Stepped(random.Random(1))
    system.register("ring", _PassOn)
    for number in range(ACTORS):
        system.spawn(f"ring/{number}")
    system.run_until_idle()
    for number in range(ACTORS):
        system.tell(f"ring/{number}", "go on")
    begun = time.process_time()
    system.run(FLOOR_STEPS)
    return FLOOR_STEPS / (time.process_time() - begun)
