"""A crowd of signals at once while actors crash, processes are killed and the store fails (see `crowd`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.actors.crowd import crowd_run

CHUNKS = 4
"""Parts, for test processes that share the work."""
SEEDS = 100
FAULTS = 20


@pytest.mark.rule("GRP-1", "POOL-2", "SIG-10", "PNL-2", "QUE-1")
def test_a_crowd_keeps_every_promise(tmp_path: Path) -> None:
    for seed in range(20):
        crowd_run(tmp_path / str(seed), seed, faults=0).close()


@pytest.mark.rule("REC-1", "REC-2", "REC-4", "SIG-9", "ORD-2", "ORD-3", "ORD-5", "GRP-1", "POOL-2", "SIG-10", "PNL-2")
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_crowd_keeps_every_promise_whatever_fails(tmp_path: Path, chunk: int) -> None:
    for seed in range(chunk, SEEDS, CHUNKS):
        try:
            crowd_run(tmp_path / str(seed), seed, FAULTS).close()
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
