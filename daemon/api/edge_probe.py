"""How long an alert waits before anybody looks at it: asked of the daemon's own door, like any caller (REC-4).

gRPC keeps a queue of its own for each method, and calls that wait there are seen by nobody: neither admission nor a
mailbox counts them, and a call of another method goes past them. So the daemon knocks where alerts come in: with a
call of the method they use, which the gate knows by its token and ends as soon as it sees it. The time until then is
the time an exit would lose.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

import grpc

from protos.terrace.v1 import signal_pb2, signal_pb2_grpc

LIMIT_S = 30.0
"""A knock nobody has heard for so long is given up, and the next one made."""
PATIENCE_S = 0.25
"""Who asks waits so long for an exact answer; then the last one stands until there is a worse or a newer one."""
OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))


class Knock:
    """Between the probe, which knocks, and the gate, which hears it. One at a time."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        """What the call brings as its bearer token. It opens nothing."""
        self.heard_s: float | None = None
        """When the gate saw the newest call, by the monotonic clock; None: not yet."""

    def begin(self) -> None:
        """A new call is made now."""
        self.heard_s = None

    def hear(self) -> None:
        """The gate sees the call now."""
        self.heard_s = time.monotonic()


class EdgeProbe:
    """Made and used in one loop. `target` is an address without TLS that the server listens on; without one nothing
    is known."""

    def __init__(self, target: str, knock: Knock) -> None:
        self._knock = knock
        self._channel = grpc.aio.insecure_channel(target, options=OPTIONS) if target else None
        self._begin_s = 0.0
        self._last_ms = 0
        self._under_way: asyncio.Task[int] | None = None

    async def wait_ms(self) -> int:
        """How long a call waits at the door. Answers within `PATIENCE_S`, where the knock has not been heard by then
        with how long it stands there, or the one before it stood if that is longer.

        0 where the door cannot be reached at all: the daemon is starting or stopping.
        """
        if self._channel is None:
            return 0
        if self._under_way is None:
            self._begin_s = time.monotonic()
            self._under_way = asyncio.create_task(self._ask(self._channel))
        await asyncio.wait({self._under_way}, timeout=PATIENCE_S)
        if not self._under_way.done():
            return max(self._last_ms, _ms(time.monotonic() - self._begin_s))
        task, self._under_way = self._under_way, None
        self._last_ms = task.result()
        return self._last_ms

    async def _ask(self, channel: grpc.aio.Channel) -> int:
        self._knock.begin()
        begin_s = self._begin_s
        stub: Any = signal_pb2_grpc.SignalServiceStub(channel)
        unreachable = False
        try:
            metadata = (("authorization", f"Bearer {self._knock.token}"),)
            await stub.SubmitSignal(signal_pb2.SubmitSignalRequest(), metadata=metadata, timeout=LIMIT_S)
        except grpc.aio.AioRpcError as error:
            unreachable = error.code() is grpc.StatusCode.UNAVAILABLE
        heard_s = self._knock.heard_s
        if heard_s is not None:
            return _ms(heard_s - begin_s)
        # Not heard: given up, or turned away by gRPC because so many stand there already.
        return 0 if unreachable else _ms(LIMIT_S)

    async def close(self) -> None:
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.gather(self._under_way, return_exceptions=True)
        if self._channel is not None:
            await self._channel.close()


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
