"""A flood of alerts from many connections, as a process of its own: `python -m tests.system.flooder`.

Each connection keeps so many calls under way and sends the next as soon as one is answered, for some seconds. Printed
as JSON: answers by outcome or error reason, the ids of what was acknowledged, how long it took. Loopback only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from protos.terrace.v1 import signal_pb2, signal_pb2_grpc
from protos.terrace.v1 import types_pb2 as t


class Flood:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.answers: Counter[str] = Counter()
        self.acknowledged: list[str] = []
        self.sent = 0
        self.end_s = 0.0

    async def run(self) -> None:
        self.end_s = time.monotonic() + self.options.seconds
        async with asyncio.TaskGroup() as connections:
            for number in range(self.options.connections):
                connections.create_task(self._connection(number))

    async def _connection(self, number: int) -> None:
        options = [("grpc.use_local_subchannel_pool", 1)]  # Else all channels of a process share one connection.
        async with grpc.aio.insecure_channel(self.options.address, options=options) as channel:
            stub: Any = signal_pb2_grpc.SignalServiceStub(channel)
            async with asyncio.TaskGroup() as calls:
                for _ in range(self.options.calls):
                    calls.create_task(self._sender(stub))

    async def _sender(self, stub: Any) -> None:
        metadata = (("authorization", f"Bearer {self.options.token}"),)
        while time.monotonic() < self.end_s:
            number, self.sent = self.sent, self.sent + 1
            request = signal_pb2.SubmitSignalRequest(source="tradingview", body=self._body(number))
            if self.options.forwarded:
                request.receive_time.GetCurrentTime()
            try:
                answer = await stub.SubmitSignal(request, metadata=metadata, timeout=30)
            except grpc.aio.AioRpcError as error:
                self.answers[reason_of(error)] += 1
                continue
            self.answers[t.Outcome.Name(answer.signal.outcome)] += 1
            self.acknowledged.append(answer.signal.signal_id)

    def _body(self, number: int) -> bytes:
        tv = {
            "exchange": "BINANCE",
            "symbol": "ETHUSDT",
            "timeframe": str(number % self.options.keys + 1),
            "action": "buy",
            "entry_price": "100",
        }
        info = {"trade_id": f"{self.options.name}-{number}", "alert_message": "x" * self.options.padding}
        return json.dumps({"source": "tradingview", "tv": tv, "strategy_info": info}).encode()


def reason_of(error: Any) -> str:
    """`OVERLOADED`, or the code where the answer names no reason."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                    return str(error_details_pb2.ErrorInfo.FromString(detail.value).reason)
    return str(error.code().name)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--name", default="flood")
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--calls", type=int, default=50, help="under way on each connection")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--keys", type=int, default=500)
    parser.add_argument("--padding", type=int, default=0, help="characters that make each body longer")
    parser.add_argument("--forwarded", action="store_true", help="as a forwarder sends: no rate of its source counts")
    options = parser.parse_args()
    options.token = sys.stdin.readline().strip()
    flood = Flood(options)
    start_s = time.monotonic()
    asyncio.run(flood.run())
    took_s = time.monotonic() - start_s
    print(
        json.dumps({"sent": flood.sent, "took_s": took_s, "answers": flood.answers, "acknowledged": flood.acknowledged})
    )


if __name__ == "__main__":
    main()
