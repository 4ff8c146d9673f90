"""The log of slow operations: one line with numbers for whatever takes longer than its limit, bounded in rate."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping

import structlog

from daemon.exchanges.venue_request import VenueRequest
from daemon.observe.metrics import Metrics

_LOG = structlog.stdlib.get_logger("terrace.system")

LIMITS_S: Mapping[str, float] = {
    "commit": 0.2,
    "decision": 0.5,
    "api_call": 1.0,
    "exchange_request": 2.0,
    "loop": 0.25,
}
"""By operation. `decision`: a signal from the API to its committed outcome; `loop`: how late the API's loop came."""
PATIENT = frozenset(
    {
        "Backup",
        "CheckAccount",
        "CheckStore",
        "DumpDiagnostics",
        "ProfileMemory",
        "ReplaySignal",
        "RotateKeys",
        "SetSecret",
        "TestNotifications",
        "VerifyAuditTrail",
    }
)
"""Calls that take long by their nature."""
LINE_EVERY_S = 10.0
"""Of each operation one line within so long; what was left out is counted in the next one."""
LOOP_ROUND_S = 0.25


class SlowLog:
    """Any thread. What is quick costs one comparison."""

    def __init__(self, metrics: Metrics, seconds: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._seconds = seconds
        self._lock = threading.Lock()
        self._next_s = dict.fromkeys(LIMITS_S, 0.0)
        self._left_out = dict.fromkeys(LIMITS_S, 0)
        for operation in LIMITS_S:
            metrics.slow.labels(operation)

    def took(self, operation: str, seconds: float, **facts: object) -> None:
        """`operation`: one of `LIMITS_S`. `facts`: what the line names, ids among them; no secrets."""
        if seconds < LIMITS_S[operation]:
            return
        self._metrics.slow.labels(operation).inc()
        now_s = self._seconds()
        with self._lock:
            if now_s < self._next_s[operation]:
                self._left_out[operation] += 1
                return
            self._next_s[operation] = now_s + LINE_EVERY_S
            left_out, self._left_out[operation] = self._left_out[operation], 0
        known = {name: value for name, value in facts.items() if value not in ("", None)}
        if left_out:
            known["left_out"] = left_out
        took_ms, limit_ms = round(seconds * 1000), round(LIMITS_S[operation] * 1000)
        _LOG.warning("slow", operation=operation, took_ms=took_ms, limit_ms=limit_ms, **known)

    def called(self, method: str, seconds: float, result: str) -> None:
        """A call of the API is over."""
        self._metrics.call_seconds.labels(method).observe(seconds)
        self._metrics.calls.labels(method, result).inc()
        if method == "SubmitSignal":
            self.took("decision", seconds, result=result)
        elif method not in PATIENT:
            self.took("api_call", seconds, method=method, result=result)

    def requested(self, request: VenueRequest) -> None:
        """A request to an exchange is over."""
        order = request.order
        self.took(
            "exchange_request",
            request.latency_ms / 1000,
            account=request.account,
            request=request.ask.value,
            result=request.fate,
            client_order_id="" if order is None else order.client_order_id,
            group_id="" if order is None else order.group_id,
        )

    async def watch_loop(self) -> None:
        """Measures how late the loop comes. Until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due_s = loop.time() + LOOP_ROUND_S
            await asyncio.sleep(LOOP_ROUND_S)
            late_s = max(0.0, loop.time() - due_s)
            self._metrics.loop_lag.observe(late_s)
            self.took("loop", late_s)
