"""The log of slow operations is bounded, its numbers are not; numbers of accounts keep their bound."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actors.rules.rates import Ask
from daemon.api import roles
from daemon.exchanges.venue_request import VenueRequest
from daemon.observe import metrics as module
from daemon.observe.metrics import Metrics
from daemon.observe.slow import LIMITS_S, PATIENT, SlowLog


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    told: list[dict[str, object]] = []

    class Told:
        def warning(self, message: str, **facts: object) -> None:
            told.append({"message": message, **facts})

    monkeypatch.setattr("daemon.observe.slow._LOG", Told())
    return told


def test_one_line_with_numbers_then_silence_then_a_count_of_what_was_left_out(lines: list[dict[str, object]]) -> None:
    metrics, clock = Metrics(), Clock()
    slow = SlowLog(metrics, clock)
    slow.took("commit", LIMITS_S["commit"] - 0.001, commits=1)
    assert lines == []
    for _ in range(50):
        slow.took("commit", 1.5, commits=7, first_author="group/g1")
    expected = {"message": "slow", "operation": "commit", "took_ms": 1500, "limit_ms": 200, "commits": 7}
    assert lines == [{**expected, "first_author": "group/g1"}]
    slow.took("loop", 0.3)
    assert len(lines) == 2
    clock.now_s += 10
    slow.took("commit", 0.2, commits=1)
    assert lines[2]["left_out"] == 49
    text = metrics.text().decode()
    assert 'terrace_slow_operations_total{operation="commit"} 51.0' in text
    assert 'terrace_slow_operations_total{operation="decision"} 0.0' in text


def test_calls_and_requests_are_told_with_what_they_were_about(lines: list[dict[str, object]]) -> None:
    slow = SlowLog(Metrics(), Clock())
    slow.called("SubmitSignal", 0.6, "OK")
    slow.called("Backup", 60, "OK")
    slow.called("ListGroups", 1.2, "STORE_FAILED")
    slow.requested(VenueRequest(account="main", ask=Ask.CANCEL, time_ms=0, latency_ms=2_500, status=200))
    assert [(line["operation"], line.get("method"), line.get("account")) for line in lines] == [
        ("decision", None, None),
        ("api_call", "ListGroups", None),
        ("exchange_request", None, "main"),
    ]


def test_patient_calls_are_calls_of_the_api() -> None:
    known = {path.rpartition("/")[2] for path in roles.ROLE_OF}
    assert known >= PATIENT


def test_a_loop_that_comes_late_is_measured(lines: list[dict[str, object]]) -> None:
    async def run() -> None:
        task = asyncio.create_task(slow.watch_loop())
        await asyncio.sleep(0.05)
        time.sleep(0.8)  # Somebody holds the loop up.
        await asyncio.sleep(0.05)
        task.cancel()

    slow = SlowLog(Metrics(), Clock())
    asyncio.run(run())
    assert [line["operation"] for line in lines] == ["loop"]
    assert 300 < float(str(lines[0]["took_ms"])) < 5_000


def test_accounts_that_many_reloads_bring_share_one_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ACCOUNTS", 3)
    metrics = Metrics()
    for number in range(50):
        metrics.requested(
            VenueRequest(account=f"a{number}", ask=Ask.SUBMIT, time_ms=0, latency_ms=1, status=200, fate="answered")
        )
    series = [line for line in metrics.text().decode().splitlines() if line.startswith("terrace_exchange_requests_to")]
    assert len(series) == 4
    assert any('account="other"' in line and line.endswith(" 47.0") for line in series)


def test_a_forwarder_without_traces_does_not_load_them() -> None:
    code = "import sys, control.forwarder.process; print([name for name in sys.modules if 'opentelemetry' in name])"
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout == "[]\n"
