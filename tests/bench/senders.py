"""Many gRPC senders in one process of their own.

Each coroutine opens a group, adds pyramids to it, then takes the next key; nobody waits for anybody else.
Prints one JSON object: what was sent, the outcomes, and the first and last moment in `time.monotonic_ns`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from control.client import FORWARDER, AioClient, TargetFlags, find_target
from protos.terrace.v1.signal_pb2 import SubmitSignalRequest, SubmitSignalResponse
from protos.terrace.v1.types_pb2 import Outcome
from tests.bench.world import alert

TIMEOUT_S = 60.0


def send(config: Path, *, senders: int, pyramids: int, seconds: float, groups: int, first: int = 0) -> dict[str, Any]:
    """Runs the process until `seconds` are over or so many groups are open."""
    command = [sys.executable, "-m", "tests.bench.senders", str(config)]
    command += [f"--senders={senders}", f"--pyramids={pyramids}", f"--seconds={seconds}"]
    command += [f"--groups={groups}", f"--first={first}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def _run(asked: argparse.Namespace) -> dict[str, Any]:
    outcomes: Counter[str] = Counter()
    keys = iter(range(asked.first, asked.first + asked.groups))
    async with AioClient(find_target(TargetFlags(config=asked.config), role=FORWARDER)) as client:
        await client.is_serving()
        first_ns = time.monotonic_ns()
        end_ns = first_ns + int(asked.seconds * 1e9)
        await asyncio.gather(*(_sender(client, keys, asked.pyramids, end_ns, outcomes) for _ in range(asked.senders)))
    return {"sent": outcomes.total(), "outcomes": outcomes, "first_ns": first_ns, "last_ns": time.monotonic_ns()}


async def _sender(client: AioClient, keys: Iterator[int], pyramids: int, end_ns: int, outcomes: Counter[str]) -> None:
    for key in keys:
        for trade in range(1 + pyramids):
            body = json.dumps(alert(key, trade)).encode()
            request = SubmitSignalRequest(source="tradingview", body=body)
            answer = await client.call(request, SubmitSignalResponse, timeout_s=TIMEOUT_S)
            outcomes[Outcome.Name(answer.signal.outcome).removeprefix("OUTCOME_")] += 1
        if time.monotonic_ns() >= end_ns:
            return


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    for name in ("senders", "pyramids", "groups", "first"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    print(json.dumps(asyncio.run(_run(parser.parse_args()))))
