"""Every fault at every step of an order's life at every venue, judged against the venue's own ledger.

Each run takes a fixed share of the matrix; TERRACE_TEST_MATRIX=all takes the whole of it, as `make faults` does, which
writes docs/faults.md besides. Every case is a test, though many are lived side by side by one engine.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.wire.engine import DESKS
from tests.wire.fault_cases import DEAF, ORDINARY, SOCKETS, STEPS, STREAM, WIDE, Result, cases_of, share
from tests.wire.fault_table import read_results, run_all, write_results

IS_WHOLE = os.environ.get("TERRACE_TEST_MATRIX") == "all"
IDS = [case.id for name in DESKS for case in (cases_of(name) if IS_WHOLE else share(name))]

Results = Mapping[str, Result]


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Results:
    """Run once, whichever worker of the test run asks first."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent
    folder = folder / "fault_matrix"
    folder.mkdir(exist_ok=True)
    done = folder / "results.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            write_results(done, *run_all(folder, is_whole=IS_WHOLE))
    return {result.case: result for result in read_results(done)[0]}


@pytest.mark.rule("ORD-3", "ORD-4", "ORD-5", "ORD-8", "ORD-9", "TP-7", "REC-4")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("case", IDS)
def test_a_fault_neither_doubles_nor_loses_nor_oversells(results: Results, case: str) -> None:
    assert not results[case].problems, "\n".join(results[case].problems)


def test_every_days_share_has_each_fault_and_each_step() -> None:
    cases = [case for name in DESKS for case in share(name)]
    assert {case.fault for case in cases} == {*ORDINARY, *WIDE, *SOCKETS}
    assert {case.step for case in cases} == {*STEPS, STREAM}
    assert {case.fault for case in cases if case.is_deaf} == set(DEAF)
    assert {case.desk for case in cases} == set(DESKS)


def test_the_page_about_faults_tells_of_every_case_and_none_failed() -> None:
    page = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
    assert f"\n{sum(len(cases_of(name)) for name in DESKS)} cases, 0 failed." in page
