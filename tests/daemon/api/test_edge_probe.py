"""What the daemon finds out about the wait at its door, where alerts come in."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from daemon.api import edge_probe
from daemon.api.edge_probe import EdgeProbe, Knock
from protos.terrace.v1 import signal_pb2
from tests.daemon.api.calls import refusal
from tests.daemon.api.conftest import Serve, Served
from tests.daemon.api.loops import in_loop
from tests.daemon.api.test_gate import with_token

ROOT = Path(__file__).parents[3]
CONNECTIONS, CALLS = 5, 100


class Door(grpc.aio.ServerInterceptor):
    """Hears a knock after a while, or turns it away."""

    def __init__(self, knock: Knock) -> None:
        self._knock = knock
        self.after_s = 0.0
        self.is_full = False
        self.knocks = 0

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        metadata = dict(handler_call_details.invocation_metadata)
        assert handler_call_details.method == "/terrace.v1.SignalService/SubmitSignal"
        assert metadata["authorization"] == f"Bearer {self._knock.token}"
        self.knocks += 1
        await asyncio.sleep(self.after_s)
        if not self.is_full:
            self._knock.hear()

        async def end(_request: Any, context: Any) -> None:
            await context.abort(grpc.StatusCode.CANCELLED if self.is_full else grpc.StatusCode.UNAUTHENTICATED)

        return grpc.unary_unary_rpc_method_handler(end)


@asynccontextmanager
async def standing() -> AsyncIterator[tuple[Door, EdgeProbe]]:
    knock = Knock()
    door = Door(knock)
    server = grpc.aio.server(interceptors=(door,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    probe = EdgeProbe(f"127.0.0.1:{port}", knock)
    try:
        yield door, probe
    finally:
        await probe.close()
        await server.stop(0)


@pytest.mark.rule("REC-4")
@in_loop
async def test_a_knock_that_is_heard_at_once_tells_no_wait_and_a_late_one_how_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edge_probe, "PATIENCE_S", 5.0)
    async with standing() as (door, probe):
        await probe.wait_ms()  # The connection is made.
        assert await probe.wait_ms() < 200
        door.after_s = 0.4
        assert 400 <= await probe.wait_ms() < 2_000


@pytest.mark.rule("REC-4")
@in_loop
async def test_a_knock_nobody_has_heard_yet_tells_its_age_and_stays_the_only_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edge_probe, "PATIENCE_S", 0.05)
    async with standing() as (door, probe):
        door.after_s = 0.6
        seen = [await probe.wait_ms() for _ in range(5)]
        assert seen == sorted(seen)
        assert 200 <= seen[-1] < 600
        assert door.knocks == 1
        await asyncio.sleep(0.5)
        last = await probe.wait_ms()
        assert 600 <= last < 2_000
        # The next one goes unheard for now: until it is heard the one before it stands.
        assert await probe.wait_ms() == last
        assert door.knocks == 2


@pytest.mark.rule("REC-4")
@in_loop
async def test_a_knock_grpc_turns_away_is_the_longest_wait_and_a_door_that_is_not_there_is_none() -> None:
    async with standing() as (door, probe):
        door.is_full = True
        assert await probe.wait_ms() == edge_probe.LIMIT_S * 1000
    nowhere = EdgeProbe("unix:/nonexistent/terrace.sock", Knock())
    nothing = EdgeProbe("", Knock())
    assert (await nowhere.wait_ms(), await nothing.wait_ms()) == (0, 0)
    await nowhere.close()
    await nothing.close()


@pytest.mark.rule("REC-4", "SEC-1")
def test_the_gate_hears_the_knock_and_nothing_else_and_counts_no_refusal(served: Served) -> None:
    knock, gate = served.daemon._server.gate.knock, served.daemon._server.gate
    before = gate.refused_calls
    request = signal_pb2.SubmitSignalRequest(source="tradingview", body=b"{}")
    with_own = with_token(served, knock.token)
    start_s = time.monotonic()
    assert refusal(lambda: with_own.signals.SubmitSignal(request)).reason == "UNAUTHENTICATED"
    assert knock.heard_s is not None
    assert knock.heard_s >= start_s
    assert gate.refused_calls == before
    assert refusal(lambda: with_token(served, f"{knock.token}x").signals.SubmitSignal(request)).reason
    assert gate.refused_calls == before + 1


@pytest.mark.rule("REC-4")
def test_the_daemon_knows_how_long_alerts_wait_at_the_door_although_calls_of_other_methods_go_past(
    serve: Serve,
) -> None:
    served = serve()
    admission = served.daemon._server.intake.admission
    command = [sys.executable, "-m", "tests.system.flooder", "--seconds", "3", "--padding", "2000", "--forwarded"]
    command += ["--address", f"127.0.0.1:{served.daemon.port}"]
    command += ["--connections", str(CONNECTIONS), "--calls", str(CALLS)]
    longest_s = 0.0
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as flood:
        assert flood.stdin is not None
        assert flood.stdout is not None
        flood.stdin.write(b"token-of-ingest\n")
        flood.stdin.close()
        while flood.poll() is None:
            longest_s = max(longest_s, admission.door_s)
            time.sleep(0.05)
        told = json.loads(flood.stdout.read())
    # So many calls are under way all the time: what one takes follows from how many were answered. Some of it may be
    # spent on this side of the door.
    call_s = CONNECTIONS * CALLS * told["took_s"] / told["sent"]
    assert longest_s > call_s / 6, (longest_s, call_s, told["answers"])
