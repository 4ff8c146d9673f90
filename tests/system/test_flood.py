"""Far more alerts than the daemon can take: exits pass, entries are shed, memory stays bounded (REC-4).

Not only on a machine of its own: the first flood has a process beside it that takes all the processor it gets.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from control.client import Client, ClientError, TargetFlags, find_target
from control.printer import plain
from protos.terrace.v1 import engine_pb2, signal_pb2
from tests.system.conftest import Starter
from tests.system.stack import Plain, Stack, alert, until

GROUPS = 20
CONNECTIONS, CALLS = 20, 50
SECONDS = 6.0
PADDING = 4_000
WATCHERS = 5
CALL_KB = 64 + 8 + 32
"""What a call under way may cost: the window of its stream, its body, its objects."""
ROOM_MB = 64
"""Rings, caches and what the allocator keeps, filled once: 10,000 events and as many remembered answers."""
GROWTH_MB = CONNECTIONS * CALLS * CALL_KB // 1024 + ROOM_MB
AGAIN_MB = 48
"""A second flood of the same size adds little: what of the rings the first has not filled."""
ROUND_S = 1.5
"""With so long between two answers to one sender, calls have stood at the door for longer than the daemon allows."""
EXIT_LIMIT_S = 20.0
FLOODED = {
    "pool": {"max_open_groups": GROUPS + 10},
    "queue": {"max_size": 50},
    "accounts": {"paper": {"balances": {"USDT": "1000000"}}},
}


@contextmanager
def flood(stack: Stack, name: str, *more: str, seconds: float = SECONDS) -> Iterator[Plain]:
    """Runs beside the body; the dict holds what was answered once it is over."""
    command = [sys.executable, "-m", "tests.system.flooder", "--name", name, "--seconds", str(seconds), *more]
    command += ["--address", f"127.0.0.1:{stack.ports[0]}"]
    token = (stack.data_dir / "secrets" / ("forwarder.token" if "--forwarded" in more else "admin.token")).read_text()
    told: Plain = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_root()) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(token.encode() + b"\n")
        process.stdin.close()
        try:
            yield told
            told.update(json.loads(process.stdout.read()))
        finally:
            process.kill()


@contextmanager
def busy_neighbour() -> Iterator[None]:
    """A process that does nothing, as fast as it can."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


def _root() -> Path:
    return Path(__file__).parent.parent.parent


def rss_mb(stack: Stack) -> float:
    status = Path(f"/proc/{stack.processes['daemon'].pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


@dataclass(frozen=True)
class Sent:
    outcome: str
    took_s: float


def send(stack: Stack, timeframe: str, **more: Any) -> Sent:
    body = json.dumps(alert("BTCUSDT", timeframe, **more)).encode()
    request = signal_pb2.SubmitSignalRequest(source="tradingview", body=body)
    start_s = time.monotonic()
    try:
        outcome = plain(stack.client.call(request, signal_pb2.SubmitSignalResponse))["signal"]["outcome"]
    except ClientError as error:
        outcome = error.reason
    return Sent(str(outcome), time.monotonic() - start_s)


def degraded(stack: Stack) -> dict[str, Plain]:
    found = plain(stack.client.call(engine_pb2.GetStatusRequest(), engine_pb2.GetStatusResponse))["status"]
    return {one["code"]: one for one in found["degraded"]}


def round_of(told: Plain) -> float:
    """Seconds a call took. As many are under way all the time, so it follows from how many were answered."""
    return float(CONNECTIONS * CALLS * told["took_s"] / told["sent"])


def leave_one_by_one(stack: Stack, timeframes: list[str], over_s: float) -> list[Sent]:
    """Exits, begun at even distances: none waits for the one before."""

    def leave(index: int) -> Sent:
        time.sleep(over_s * index / len(timeframes))
        return send(stack, timeframes[index], execution_intent={"type": "exit"})

    with ThreadPoolExecutor(len(timeframes)) as crowd:
        return list(crowd.map(leave, range(len(timeframes))))


@contextmanager
def slow_watchers(stack: Stack, count: int) -> Iterator[None]:
    """Streams of events that nobody reads, on a connection of their own: what fills it must hold up nobody else."""
    client = Client(find_target(TargetFlags(config=str(stack.config_file))))
    streams = [
        iter(client.stream(engine_pb2.WatchEventsRequest(), engine_pb2.WatchEventsResponse)) for _ in range(count)
    ]
    for stream in streams:
        next(stream)
    yield
    for stream in streams:
        stream.close()  # type: ignore[attr-defined]
    client.close()


@pytest.mark.rule("REC-4", "SIG-9", "EXIT-1")
def test_under_a_flood_entries_are_shed_exits_pass_and_memory_stays_bounded(
    start: Starter, record_property: Any
) -> None:
    stack = start(FLOODED)
    timeframes = [str(number) for number in range(1, GROUPS + 1)]
    assert {send(stack, timeframe, price="100").outcome for timeframe in timeframes} == {"OPENED"}
    calm = send(stack, "999", execution_intent={"type": "exit"}).took_s
    size = ["--connections", str(CONNECTIONS), "--calls", str(CALLS), "--padding", str(PADDING), "--forwarded"]
    before_mb = rss_mb(stack)
    seen: list[Plain] = []
    with slow_watchers(stack, WATCHERS):
        with busy_neighbour(), flood(stack, "first", *size) as told:
            time.sleep(1.5)
            looker = threading.Thread(
                target=lambda: seen.append(until(lambda: degraded(stack).get("OVERLOADED"), 2 * SECONDS))
            )
            looker.start()
            exits = leave_one_by_one(stack, timeframes, SECONDS - 2.5)
            looker.join()
        first_mb = rss_mb(stack)
        with flood(stack, "second", *size) as again:
            pass
        second_mb = rss_mb(stack)

    answers = Counter(told["answers"])
    slowest, median = max(one.took_s for one in exits), sorted(one.took_s for one in exits)[GROUPS // 2]
    words = (
        f"{told['sent'] / told['took_s']:.0f} alerts/s beside a busy process, {again['sent'] / again['took_s']:.0f} "
        f"without; {answers['OVERLOADED']} of {told['sent']} shed, a round took {round_of(told):.2f} s; "
        f"exits: calm {calm * 1000:.0f} ms, flood median {median:.2f} s, slowest {slowest:.2f} s; "
        f"RSS {before_mb:.0f} -> {first_mb:.0f} -> {second_mb:.0f} MB"
    )
    record_property("flood", words)
    print(words)

    # Every exit is acknowledged and done; what was shed was an entry, with a reason that says so.
    assert Counter(one.outcome for one in exits) == {"EXITED": GROUPS}, words
    assert slowest < EXIT_LIMIT_S, words
    assert answers["OVERLOADED"] > 0, words
    assert again["answers"].get("OVERLOADED", 0) > 0 or round_of(again) < ROUND_S, words
    assert set(answers) - {"OVERLOADED"} <= {f"OUTCOME_{name}" for name in _OUTCOMES}, answers
    # Nothing shed is stored, everything acknowledged is.
    stored = {row[0] for row in stack.rows("SELECT signal_id FROM signals")}
    acknowledged = set(told["acknowledged"]) | set(again["acknowledged"])
    assert acknowledged <= stored
    assert len(stored) == len(acknowledged) + 2 * GROUPS + 1
    # It was seen while it lasted, and it passes by itself.
    assert "entries before exits" in seen[0]["message"]
    assert seen[0]["since_time"]
    until(lambda: "OVERLOADED" not in degraded(stack))
    assert send(stack, "500", price="100").outcome in ("OPENED", "QUEUED", "REPLACED", "REJECTED", "PYRAMIDED")
    alerts = stack.rows("SELECT alert_key, resolve_time_ms IS NOT NULL FROM alerts WHERE alert_key = 'overload'")
    assert alerts == [("overload", 1)]
    # Memory: what is under way at once, each with its body, and what is filled once.
    assert first_mb - before_mb < GROWTH_MB, words
    assert second_mb - first_mb < AGAIN_MB, words


_OUTCOMES = ("OPENED", "PYRAMIDED", "QUEUED", "REPLACED", "REJECTED", "IGNORED", "EVICTED", "DUPLICATE")


@pytest.mark.rule("REC-4", "SIG-8")
def test_a_source_over_its_rate_loses_its_entries_and_none_of_its_exits(start: Starter) -> None:
    rate = {"sources": {"tradingview": {"rate_per_minute": 60, "burst": 30}}}
    stack = start({**FLOODED, **rate})
    timeframes = [str(number) for number in range(1, GROUPS + 1)]
    assert {send(stack, timeframe, price="100").outcome for timeframe in timeframes} == {"OPENED"}
    with flood(stack, "direct", "--connections", "5", "--calls", "10", seconds=2.0) as told:
        time.sleep(0.5)
        exits = leave_one_by_one(stack, timeframes, 1.0)
    answers = Counter(told["answers"])
    assert answers["RATE_LIMITED"] > 0.9 * told["sent"], answers
    assert Counter(one.outcome for one in exits) == {"EXITED": GROUPS}
