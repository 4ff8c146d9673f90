"""kill -9 of the real daemon under load, a few for every day; `make kills` runs hundreds.

A run's seed decides configuration, alerts, moments and what else goes wrong. In the end the checks compare what senders
were told, the store and the venue (checks.py says what must hold).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes.run import Plan, Result, Run
from tests.simulation.promise import Promise

KILLS = 2
SEED = 20260
"""Another one is another story; `make kills` takes fresh ones."""


def kept(result: Result) -> None:
    """No promise was broken, and the run was worth its while."""
    told = "\n".join((result.words, *result.story, *map(str, result.violations[:10])))
    print(told)
    assert not result.violations, told
    assert result.kills == result.plan.kills
    assert result.acknowledged > 20, told
    assert result.fills > 5, told


@pytest.mark.rule("REC-1", "SIG-9", "SIG-12", "ORD-3", "ORD-2", "ORD-5", "POOL-2", "GRP-1", "TP-7", "PNL-2", "QUE-5")
@pytest.mark.parametrize("is_swap", [False, True], ids=["spot", "swap"])
def test_kills_under_load_break_no_promise(tmp_path: Path, is_swap: bool) -> None:
    kept(Run(Plan(seed=SEED + is_swap, kills=KILLS, is_swap=is_swap), tmp_path).run())


@pytest.mark.rule("REC-1", "ORD-3", "ORD-7")
def test_kills_while_the_exchange_fails_break_no_promise(tmp_path: Path) -> None:
    kept(Run(Plan(seed=SEED + 9, kills=1, venue=1), tmp_path).run())


def test_a_daemon_with_a_deliberate_bug_is_found_out(tmp_path: Path) -> None:
    """It answers before its commit is durable; `make kills SEED=1 BUG=...` tries any other."""
    result = Run(Plan(seed=SEED, kills=1, troubles=0, bug="acknowledged_at_once"), tmp_path).run()
    print(result.words, *map(str, result.violations[:5]), sep="\n")
    assert Promise.ONE_OUTCOME in {violation.promise for violation in result.violations}
