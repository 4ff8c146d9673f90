"""Crowds with the risk engine, stops, cuts, limits and people at work, while everything fails (see `risk_crowd`)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.actors.risk_crowd import risk_crowd_run

SEEDS = int(os.environ.get("TERRACE_TEST_RISK_CROWDS", "12"))
"""Runs of each kind; hundreds for a full look."""


@pytest.mark.rule("GRP-1", "POOL-2", "SIG-10", "PNL-2", "TP-7", "TP-9", "EXIT-6", "RISK-7", "RISK-8", "POOL-4")
def test_a_crowd_with_offsets_stops_and_limits_keeps_every_promise(tmp_path: Path) -> None:
    for seed in range(SEEDS):
        _run(tmp_path, seed, faults=0)


@pytest.mark.rule("REC-1", "REC-2", "REC-4", "ORD-2", "ORD-3", "ORD-5", "GRP-1", "POOL-2", "SIG-10", "PNL-2", "TP-7")
@pytest.mark.rule("TP-9", "EXIT-6", "RISK-7", "RISK-8", "RISK-12", "POOL-4")
def test_a_crowd_with_offsets_stops_and_limits_keeps_every_promise_whatever_fails(tmp_path: Path) -> None:
    for seed in (100, 60436, *range(200, 200 + SEEDS)):
        _run(tmp_path, seed, faults=40)


def _run(folder: Path, seed: int, faults: int) -> None:
    try:
        risk_crowd_run(folder / str(seed), seed, faults).close()
    except BaseException as error:
        error.add_note(f"seed {seed}")
        raise
