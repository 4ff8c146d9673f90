"""Handing alerts to the daemon: at once where it answers, from the spool until it does.

Each source has a lane. While alerts of a source wait in the spool, newer ones queue behind them, and the lane delivers
one after the other in the order of arrival. An alert leaves the spool when the daemon has acknowledged it, or when it
says that the body itself is faulty: then it is kept among the refused for the user to see.

Where the daemon answers but sheds entries (REC-4), the lane looks past the one it stands at: alerts of other
instruments are offered too, so that exits go on. Alerts of one instrument keep their order (order.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from control.client import ClientError, Invalid, NotFound, NotPermitted, Target, Unavailable
from control.forwarder.alert import Alert
from control.forwarder.leaders import Leaders
from control.forwarder.limits import TokenBucket
from control.forwarder.log import Log
from control.forwarder.order import instrument_of
from control.forwarder.spool import Refused, Spool, SpoolBroken
from control.forwarder.tracing import Tracing
from protos.terrace.v1 import signal_pb2 as pb

BACKOFF_FIRST_S = 0.1
BACKOFF_MOST_S = 5.0
SPOOLED_TIMEOUT_S = 10.0
"""Nobody waits for a spooled delivery: the daemon gets time to answer."""
READ_MOST = 64
NOT_THE_BODY = frozenset({"UNKNOWN_SOURCE"})
"""Invalid for a reason that passes: the daemon has not read the configuration with this source yet."""
SHEDDING = frozenset({"STORE_FAILED", "STORE_SLOW", "OVERLOADED"})
"""The daemon is there and does not take this one now: it may take an exit behind it."""
LOOK_PAST_MOST = 1000
"""Alerts looked through for one that the daemon may take."""
SHED_PAUSE_S = 1.0
"""An exit that comes while entries are shed waits at most so long."""
CLOSE_OLD_AFTER_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """The daemon has it, durably."""

    signal: pb.Signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Faulty:
    """The daemon will never take this body."""

    error: Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class NotYet:
    """No acknowledgement: down, slow, overloaded, or it does not know us."""

    error: ClientError


@dataclass(slots=True)
class _Lane:
    source: str
    waiting: int = 0
    """Alerts in the spool, those being written included."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    read: set[int] = field(default_factory=set)
    """Arrivals it has read out of the spool and not delivered yet; at most `READ_MOST`."""


def backoff_s(attempt: int, chance: float) -> float:
    """Pause before the next try: doubling up to a limit, by `chance` (0 to 1) shortened to as little as half."""
    most: float = min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2 ** min(attempt, 20))
    return most * (0.5 + chance / 2)


class Deliverer:
    """Owns the client and the lanes."""

    def __init__(self, target: Target, spool: Spool, bucket_of: Callable[[str], TokenBucket | None], log: Log) -> None:
        self._client = Leaders(target)
        self._old: set[asyncio.Task[None]] = set()
        self._spool = spool
        self._bucket_of = bucket_of
        self._log = log
        self._lanes: dict[str, _Lane] = {}
        self.tracing = Tracing()
        self._answered = asyncio.Event()
        self._trouble: dict[str, str] = {}

    @property
    def target(self) -> Target:
        return self._client.target

    def start(self, waiting: dict[str, int]) -> None:
        """Begins with what the spool held at the start."""
        for source, count in waiting.items():
            self.expect(source, count)
            self.wake(source)

    def retarget(self, target: Target) -> None:
        """From now on alerts go to another address; calls under way end where they began."""
        old, self._client = self._client, Leaders(target)
        task = asyncio.ensure_future(_close_later(old))
        self._old.add(task)
        task.add_done_callback(self._old.discard)
        self._answered.set()

    def must_queue(self, source: str) -> bool:
        """Whether older alerts of this source wait."""
        lane = self._lanes.get(source)
        return lane is not None and lane.waiting > 0

    def expect(self, source: str, count: int = 1) -> None:
        """Alerts are on their way into the spool: newer ones queue behind them from now on. Negative: they are not."""
        lane = self._lanes.get(source)
        if lane is None:
            lane = self._lanes[source] = _Lane(source)
        lane.waiting += count

    def wake(self, source: str) -> None:
        """What was expected is in the spool."""
        lane = self._lanes[source]
        if lane.task is None:
            lane.task = asyncio.ensure_future(self._run(lane))
        lane.wake.set()

    async def submit(self, alert: Alert, timeout_s: float) -> Acknowledged | Faulty | NotYet:
        """One try to hand it over."""
        request = pb.SubmitSignalRequest(
            source=alert.source,
            body=alert.body,
            request_id=alert.request_id,
            sender_address=alert.sender_address,
        )
        request.receive_time.FromNanoseconds(alert.receive_time_ns)
        try:
            with self.tracing.step("forwarder.deliver", alert.arrival) as metadata:
                answer = await self._client.call(
                    request, pb.SubmitSignalResponse, timeout_s=timeout_s, metadata=metadata
                )
        except ClientError as error:
            if isinstance(error, Invalid) and error.reason not in NOT_THE_BODY:
                self._note_answer(alert.source)
                self.tracing.over(alert.arrival)
                return Faulty(error=error)
            self._note_trouble(alert.source, error)
            return NotYet(error=error)
        self._note_answer(alert.source)
        self.tracing.over(alert.arrival)
        return Acknowledged(signal=answer.signal)

    async def is_daemon_ready(self) -> bool:
        """Whether the daemon answers now and says that it serves."""
        try:
            return await self._client.is_serving(timeout_s=0.5)
        except ClientError as error:
            return error.code in ("UNIMPLEMENTED", "UNAUTHENTICATED", "PERMISSION_DENIED")

    async def stop(self) -> None:
        """Ends the lanes; what is not acknowledged stays in the spool."""
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None] + list(self._old)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()

    # --- one lane

    async def _run(self, lane: _Lane) -> None:
        while True:
            await lane.wake.wait()
            lane.wake.clear()
            delivered = 0
            attempt = 0
            while True:
                try:
                    alerts = await self._spool.waiting(lane.source, READ_MOST)
                    lane.read = {alert.arrival for alert in alerts}
                    if not alerts:
                        break
                    for alert in alerts:
                        if alert.arrival in lane.read:  # Else it went past the one before it.
                            await self._deliver(lane, alert)
                        delivered += 1
                    attempt = 0
                except SpoolBroken as error:
                    self._log.error("spool cannot be read or written", error=str(error))
                    await asyncio.sleep(backoff_s(attempt, random.random()))
                    attempt += 1
                except Exception:  # The lane goes on: nobody else would deliver what waits in it.
                    self._log.exception("a bug in the delivery: tried again", source=lane.source)
                    await asyncio.sleep(BACKOFF_MOST_S)
            if delivered:
                self._log.info("spooled alerts delivered", source=lane.source, count=delivered)

    async def _deliver(self, lane: _Lane, alert: Alert) -> None:
        """Tries until the daemon has it or will never have it, then takes it out of the spool."""
        attempt = 0
        while True:
            bucket = self._bucket_of(alert.source)
            while bucket is not None and not bucket.take(time.monotonic()):
                await asyncio.sleep(bucket.wait_s(time.monotonic()))
            error = await self._offer(lane, alert)
            if error is None:
                return
            pause_s = backoff_s(attempt, random.random())
            if error.reason in SHEDDING:
                await self._look_past(lane, alert)
                pause_s = min(pause_s, SHED_PAUSE_S)
            await self._pause(error, pause_s)
            attempt += 1

    async def _offer(self, lane: _Lane, alert: Alert) -> ClientError | None:
        """One try. None: it is out of the spool, taken or refused for good."""
        self._answered.clear()
        outcome = await self.submit(alert, SPOOLED_TIMEOUT_S)
        if isinstance(outcome, NotYet):
            return outcome.error
        if isinstance(outcome, Faulty):
            await self._keep_refused(alert, outcome.error)
        else:
            await self._spool.remove(alert)
        lane.waiting -= 1
        lane.read.discard(alert.arrival)
        return None

    async def _look_past(self, lane: _Lane, first: Alert) -> None:
        """Offers what waits behind an alert the daemon sheds, but nothing of an instrument that was shed."""
        held = {instrument_of(first.body)}
        for alert in await self._spool.waiting(lane.source, LOOK_PAST_MOST):
            name = instrument_of(alert.body)
            if None in held or name is None:
                return
            if name in held or alert.arrival == first.arrival:
                continue
            bucket = self._bucket_of(alert.source)
            if bucket is not None and not bucket.take(time.monotonic()):
                return
            error = await self._offer(lane, alert)
            if error is not None and error.reason not in SHEDDING:
                return
            if error is not None:
                held.add(name)

    async def _pause(self, error: ClientError, pause_s: float) -> None:
        """Waits. Where the daemon was unreachable, another lane's answer ends the wait: it is back."""
        if not isinstance(error, Unavailable):
            await asyncio.sleep(pause_s)
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._answered.wait(), pause_s)
            await asyncio.sleep(BACKOFF_FIRST_S)

    async def _keep_refused(self, alert: Alert, error: Invalid) -> None:
        fields = "; ".join(f"{fault.path or 'body'}: {fault.message}" for fault in error.violations)
        message = f"{error.message}{': ' if fields else ''}{fields}"[:2000]
        await self._spool.refuse(
            Refused(alert=alert, reason=error.reason, message=message, refuse_time_ns=time.time_ns())
        )
        self._log.error(
            "the daemon refused a spooled alert for good",
            source=alert.source,
            spool_id=alert.spool_id,
            reason=error.reason,
            message=message,
            remedy="terrace forward --show-spool",
        )

    # --- one line when the daemon stops taking a source's alerts, one when it takes them again

    def _note_answer(self, source: str) -> None:
        self._answered.set()
        if self._trouble.pop(source, None) is not None:
            self._log.info("the daemon takes alerts again", source=source, address=self.target.address)

    def _note_trouble(self, source: str, error: ClientError) -> None:
        if self._trouble.get(source) == error.code:
            return
        self._trouble[source] = error.code
        remedy = error.remedy
        if isinstance(error, NotPermitted):
            remedy = f"Check the token in {self.target.token.path}. {error.remedy}".strip()
        elif isinstance(error, NotFound | Invalid):
            remedy = "Do the daemon and the forwarder use the same configuration?"
        self._log.error(
            "the daemon does not take alerts: they are spooled",
            source=source,
            error=error.message,
            reason=error.reason,
            code=error.code,
            remedy=remedy,
        )


async def _close_later(client: Leaders) -> None:
    try:
        await asyncio.sleep(CLOSE_OLD_AFTER_S)
    finally:
        await client.close()
