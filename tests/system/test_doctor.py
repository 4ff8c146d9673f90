"""`terrace doctor` beside a real daemon and a real forwarder: well, standing still, dead."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.stack import Stack, until


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path)
    yield made
    made.stop()


def examined(stack: Stack) -> tuple[int, dict[str, str]]:
    """Its exit code, and the worst result of each check."""
    done = subprocess.run(
        [sys.executable, "-m", "control", "--config", str(stack.config_file), "doctor", "-o", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    worst: dict[str, str] = {}
    for one in json.loads(done.stdout)["checks"]:
        worst[one["name"]] = max(one["result"], worst.get(one["name"], ""), key=("", "OK", "WARNING", "FAILED").index)
    return done.returncode, worst


def test_doctor_tells_a_daemon_that_is_well_from_one_that_stands_still_and_one_that_is_dead(stack: Stack) -> None:
    stack.start("daemon", "forwarder")
    code, found = examined(stack)
    clock = found.pop("clock")  # Of the machine that runs the tests.
    assert clock in ("OK", "WARNING")
    assert set(found.values()) == {"OK"}, found
    assert {"config", "engine paper", "accounts", "backup", "forwarder", "spool", "version"} <= set(found)
    assert code == 0

    daemon = stack.processes["daemon"]
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        code, found = examined(stack)
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    assert (code, found["daemon"]) == (1, "FAILED")
    until(lambda: examined(stack)[1]["daemon"] == "OK")

    stack.kill("daemon")
    code, found = examined(stack)
    assert (code, found["daemon"], found["config"]) == (1, "FAILED", "OK")
