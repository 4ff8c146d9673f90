"""Odd requests to the real forwarder before a real daemon: nothing but clear refusals, and real alerts pass in between.

A share of seconds runs with the suite; `make fuzz` (TERRACE_TEST_FUZZ_S=600) takes its time.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.system.conftest import Starter
from tests.system.odd_http import requests
from tests.system.stack import Stack, alert

SECONDS = float(os.environ.get("TERRACE_TEST_FUZZ_S", "12"))
KEY = "correct horse battery staple"
GENUINE_EVERY = 25
ANSWER_S = 3.0
FIRST_S, MORE_S = 0.2, 0.02
"""How long an answer is waited for: the first, which an unfinished request never gets, and another."""
MAX_GROWTH_KB = 40_000
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3}) ")
_NEVER = (b"Traceback", b'File "', b".py", b"aiohttp", b"Python/")


def rss_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])  # type: ignore[index]


def answer_to(port: int, raw: bytes) -> bytes:
    """Everything that comes back until the other side has nothing more to say."""
    found = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, contextlib.suppress(OSError):
        connection.sendall(raw)
        connection.settimeout(FIRST_S)
        with contextlib.suppress(TimeoutError):
            while piece := connection.recv(65_536):
                found += piece
                connection.settimeout(MORE_S)
        connection.shutdown(socket.SHUT_WR)
    return found


def genuine(stack: Stack, number: int) -> None:
    """A real alert, within the time TradingView waits."""
    began = time.monotonic()
    status, answer = stack.post(alert(strategy_info={"trade_id": f"genuine {number}"}))
    assert status in (200, 202), answer
    assert time.monotonic() - began < ANSWER_S


@pytest.mark.timeout(300 + int(SECONDS))
@pytest.mark.rule("SIG-2", "SIG-5", "SIG-8", "SIG-12")
def test_odd_requests_get_clear_refusals_and_real_alerts_pass(start: Starter, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY, encoding="utf-8")
    file.chmod(0o600)
    stack = start({"sources": {"tradingview": {"hmac_secret": f"file:{file}"}}}, "daemon", "forwarder")
    pids = {name: process.pid for name, process in stack.processes.items()}
    secret, port, until = stack.secret(), stack.ports[1], time.monotonic() + SECONDS
    statuses: dict[int, int] = {}
    memory: list[dict[str, int]] = []
    bad: list[tuple[bytes, bytes]] = []
    """Requests that got what nobody should, and what they got."""
    done = 0

    @settings(
        max_examples=1_000_000,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests(secret, KEY))
    def attack(raw: bytes) -> None:
        nonlocal done
        if time.monotonic() > until:
            raise _Over
        if done % GENUINE_EVERY == 0:
            genuine(stack, done)
        if done % 200 == 100:
            memory.append({name: rss_kb(pid) for name, pid in pids.items()})
        done += 1
        found = answer_to(port, raw)
        for each in _STATUS.findall(found):
            status = int(each)
            statuses[status] = statuses.get(status, 0) + 1
            if status >= 500:
                bad.append((raw[:1000], found[:1000]))
        if any(word in found for word in _NEVER):
            bad.append((raw[:1000], found[:1000]))
        if bad:
            raise _Over

    with contextlib.suppress(_Over):
        attack()
    genuine(stack, -1)
    memory.append({name: rss_kb(pid) for name, pid in pids.items()})
    print(f"{done} odd requests, answers {dict(sorted(statuses.items()))}, memory {memory[0]} to {memory[-1]}")
    assert bad == []
    assert done >= 100
    assert {200, 400, 401} <= statuses.keys()
    for name in pids:
        assert memory[-1][name] - memory[0][name] < MAX_GROWTH_KB, memory
        log = stack.log(name)
        assert "Traceback" not in log
        assert secret not in log
        assert KEY not in log
    assert '"call_failed"' not in stack.log("daemon")


class _Over(BaseException):
    """The time is up."""
