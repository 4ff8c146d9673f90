"""The benchmark works from end to end; what it measures in so short a run means nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.bench import venue
from tests.bench.__main__ import NAMES, ROOT
from tests.bench.rows import Row

ENGINE = tuple(name for name in NAMES if name not in venue.NAMES)


@pytest.mark.parametrize("names", [pytest.param(ENGINE, id="engine"), pytest.param(venue.NAMES, id="venue")])
def test_a_quick_run_measures_every_row_and_writes_them_down(names: Sequence[str], tmp_path: Path) -> None:
    out = tmp_path / "bench.json"
    command = [sys.executable, "-m", "tests.bench", "--quick", "--out", str(out), "--directory", str(tmp_path)]
    command += [f"--only={name}" for name in names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["quick"] is True
    assert written["machine"]["cores"] >= 1
    assert [row["name"] for row in written["rows"]] == list(names)
    for row in written["rows"]:
        assert row["name"] in done.stdout
        assert row["value"] > 0, row
        assert row["floor"] > 0, row
        assert row["goal"] > 0, row
        assert row["unit"], row
        assert abs(row["ratio"] - row["value"] / row["floor"]) <= 0.01 * row["ratio"], row


def test_a_goal_is_judged_by_the_value_or_by_the_ratio_and_from_the_right_side() -> None:
    at_most = Row(name="a", value=4, unit="ms", floor=2, goal=3)
    assert not at_most.is_met
    assert Row(name="a", value=4, unit="ms", floor=2, goal=2, goal_of="ratio").is_met
    assert Row(name="a", value=4, unit="1/s", floor=2, goal=4, at_least=True).is_met
    assert not Row(name="a", value=4, unit="1/s", floor=2, goal=5, at_least=True).is_met
