"""Seeded runs of the whole engine with every kind of fault: no promise may break. The seeds are printed."""

from __future__ import annotations

import random

import pytest

from tests.simulation.run import explore

STEPS = 5_000
SEEDS_A_TEST = 6
FIXED = range(10)
"""Always the same ones: what they found once must not come back."""
FRESH = range(8)
"""Other ones each time; the name of a failing test says which."""

EVERY_RULE = pytest.mark.rule(
    *("REC-1", "REC-2", "REC-5", "SIG-7", "SIG-9", "SIG-10", "ORD-2", "ORD-3", "ORD-5", "ORD-7", "TP-7"),
    *("GRP-1", "GRP-6", "POOL-1", "POOL-2", "QUE-1", "QUE-5", "RISK-7", "EXIT-1", "EXIT-2", "PNL-2"),
)


def keep_every_promise(seeds: list[int]) -> None:
    print(f"seeds {seeds}")
    broken = []
    for seed in seeds:
        _, result = explore(seed, STEPS)
        if result.violation is not None:
            broken.append(f"make simulate SEED={seed}: {result.violation}")
    assert not broken, "\n".join(broken)


@EVERY_RULE
@pytest.mark.parametrize("chunk", FIXED)
def test_the_seeds_of_every_time_keep_every_promise(chunk: int) -> None:
    keep_every_promise(list(range(1 + chunk * SEEDS_A_TEST, 1 + (chunk + 1) * SEEDS_A_TEST)))


@EVERY_RULE
@pytest.mark.parametrize("chunk", FRESH)
def test_fresh_seeds_keep_every_promise(chunk: int) -> None:
    keep_every_promise([random.SystemRandom().randrange(10**9) for _ in range(SEEDS_A_TEST)])
