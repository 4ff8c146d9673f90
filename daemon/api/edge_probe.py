"""How long a call waits before anybody looks at it: asked of the daemon's own door, like any caller (REC-4).

Calls that wait there are seen by nobody: neither admission nor a mailbox counts them. So one harmless call goes the
same way every second, and the time it takes is the time an exit would lose.
"""

from __future__ import annotations

import time
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

LIMIT_S = 1.5
"""A call that takes longer is given up; then it waits at least so long."""
OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))


class EdgeProbe:
    """Made and used in one loop. `target` is an address without TLS that the server listens on."""

    def __init__(self, target: str) -> None:
        self._channel = grpc.aio.insecure_channel(target, options=OPTIONS)
        self._stub: Any = health_pb2_grpc.HealthStub(self._channel)

    async def wait_ms(self) -> int:
        """What one call takes now."""
        start_s = time.monotonic()
        try:
            await self._stub.Check(health_pb2.HealthCheckRequest(), timeout=LIMIT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.DEADLINE_EXCEEDED:
                return 0  # Refused rather than late: the daemon is starting or stopping.
        return int((time.monotonic() - start_s) * 1000)

    async def close(self) -> None:
        await self._channel.close()
