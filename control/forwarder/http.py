"""`POST /hook/<source>` and `GET /healthz`: from a request to an answer, in milliseconds.

Answers (all JSON):
  200 the daemon's own outcome, also REJECTED · 202 durable in the spool · 400 faulty, every fault listed ·
  401 not authentic, without saying why · 413 too large · 429 too many failed attempts · 503 not durable, send again
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from control.errors import Invalid
from control.forwarder.alert import Alert, FieldFault
from control.forwarder.answers import SERVER, answer
from control.forwarder.attempts import NOBODYS, Attempts, group_of
from control.forwarder.body import MAX_BODY_BYTES, Body, cut_secrets, read_body
from control.forwarder.checks import authenticate, check_age, is_in, sender_of, signed_at
from control.forwarder.connections import Known, is_local
from control.forwarder.deliver import Acknowledged, Deliverer, Faulty, NotYet
from control.forwarder.limits import FailedAttempts, TokenBucket
from control.forwarder.log import BurstLog, Log
from control.forwarder.replays import MAX_KEPT, Replays, Values, digest_of, duplicate_of
from control.forwarder.settings import ForwarderSettings, SourceSettings
from control.forwarder.shown import source_name, without_secrets
from control.forwarder.spool import Spool, SpoolBroken, SpoolFull
from control.forwarder.tracing import Tracing
from control.printer import enum_name
from protos.terrace.v1 import signal_pb2 as pb

BODY_TIMEOUT_S = 5.0
MAX_REQUEST_ID = 128
FAILURES_PER_MINUTE = 60
FAILURE_BURST = 100
UNREADABLE_PER_MINUTE = 6000
"""A body that is no JSON is mostly a slip in somebody's alert text, which sends many of them at a bar's close."""
UNREADABLE_BURST = 1000
LINES_PER_MINUTE = 60
LINES_BURST = 100
"""Lines about senders nobody knows."""
SHOWN_ATTEMPTS = 20
RETRY_AFTER_S = 5
"""What a sender is told to wait when an alert could not be made durable; TradingView waits as long by itself."""
SIGNATURE_HEADER = "X-Terrace-Signature"
IDEMPOTENCY_HEADER = "Idempotency-Key"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Forwarder:
    """Judges alerts and finds them a durable place: the daemon's store, else the spool."""

    def __init__(self, settings: ForwarderSettings, spool: Spool, log: Log) -> None:
        self.settings = settings
        self.spool = spool
        self.deliverer: Deliverer | None = None
        self.tracing = Tracing()
        self._log = log
        self._bursts = BurstLog(log)
        self._strange = BurstLog(log, TokenBucket(LINES_PER_MINUTE, LINES_BURST, time.monotonic()))
        self._known = Known()
        self._replays = Replays()
        self._attempts = Attempts()
        self._failed = FailedAttempts(FAILURES_PER_MINUTE, FAILURE_BURST)
        self._unreadable = FailedAttempts(UNREADABLE_PER_MINUTE, UNREADABLE_BURST)
        self._buckets: dict[str, TokenBucket] = {}
        self.counts = {"received": 0, "delivered": 0, "spooled": 0, "refused": 0, "failed_attempts": 0, "replayed": 0}

    def app(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[self._as_json])
        app.router.add_post("/hook/{source}", self.hook)
        app.router.add_get("/healthz", self.healthz)
        app.on_response_prepare.append(_as_ours)
        return app

    def apply(self, settings: ForwarderSettings) -> None:
        """New settings for what comes from now on. Buckets of sources whose rate did not change keep their level."""
        self.settings = settings
        now_s = time.monotonic()
        for name in list(self._buckets):
            source = settings.sources.get(name)
            bucket = self._buckets[name]
            if source is None:
                del self._buckets[name]
            elif (bucket.rate_s, bucket.burst) != (source.rate_per_minute / 60, float(source.burst)):
                self._buckets[name] = TokenBucket(source.rate_per_minute, source.burst, now_s)

    def bucket_of(self, name: str) -> TokenBucket | None:
        """The source's token bucket; None for a source the configuration no longer has."""
        source = self.settings.sources.get(name)
        if source is None:
            return None
        if name not in self._buckets:
            self._buckets[name] = TokenBucket(source.rate_per_minute, source.burst, time.monotonic())
        return self._buckets[name]

    def settle(self) -> None:
        """Writes the log lines of bursts that are over."""
        self._bursts.settle(time.monotonic())
        self._strange.settle(time.monotonic())

    async def recall(self) -> None:
        """Takes up the signatures that were let through before the restart. Raises SpoolBroken."""
        now_s = time.time()
        for digest, until_s, first in await self.spool.remembered(int(now_s), MAX_KEPT):
            self._replays.keep(digest, until_s, json.loads(first), now_s)

    def is_known(self, peer: str) -> bool:
        """Whether something good is known of who connects: it may use the room that is kept from strangers."""
        return (
            peer in self._known
            or is_in(peer, self.settings.trusted_proxies)
            or any(is_in(peer, source.allow_addresses) for source in self.settings.sources.values())
        )

    def no_request(self, peer: str, error: BaseException | None) -> None:
        """What came is no HTTP, or an answer failed: one line."""
        if error is not None and not isinstance(error, HttpProcessingError):
            self._log.error("a bug in the forwarder", error=f"{type(error).__name__}: {error}"[:500])
        self._strange.note("no HTTP request", time.monotonic(), (group_of(peer),), sender=peer)

    # --- requests

    async def hook(self, request: web.Request) -> web.StreamResponse:
        """One alert."""
        receive_time_ns = time.time_ns()
        self.counts["received"] += 1
        sender = sender_of(
            request.remote or "",
            ",".join(request.headers.getall("X-Forwarded-For", [])),
            self.settings.trusted_proxies,
        )
        source = self.settings.sources.get(request.match_info["source"])
        raw = await self._read(request)
        if isinstance(raw, web.Response):
            return raw
        found = read_body(raw)
        body = found if isinstance(found, Body) else None
        fault = authenticate(
            source,
            raw=raw,
            body=body,
            signature=request.headers.get(SIGNATURE_HEADER, ""),
            sender=sender,
            now_s=receive_time_ns / 1e9,
        )
        if fault is not None or source is None:
            cause = fault.cause if fault is not None else "unknown source"
            name = source_name(request.match_info["source"], self.settings.sources)
            return self._turn_away(name, sender, cause, found)
        self._known.note(request.remote or "")
        if not isinstance(found, Body):
            return self._faulty(source.name, found)
        return await self._take(request, source, found, raw, receive_time_ns, sender)

    async def healthz(self, request: web.Request) -> web.StreamResponse:
        """How it stands: 200 while alerts can be taken, 503 when they cannot be made durable."""
        assert self.deliverer is not None
        trouble = ""
        oldest_ns: int | None = None
        try:
            oldest_ns = await self.spool.oldest_ns()
        except SpoolBroken as error:
            trouble = str(error)
        if self.spool.length >= self.spool.max_alerts:
            trouble = "the spool is full"
        is_ready = await self.deliverer.is_daemon_ready()
        values: Values = {
            "status": "failed" if trouble else "ok" if is_ready else "degraded",
            "reason": trouble or ("" if is_ready else "the daemon does not answer"),
            "daemon_reachable": is_ready,
            "spool_length": self.spool.length,
            "spool_bytes": self.spool.size_bytes,
            "oldest_age_s": 0 if oldest_ns is None else max(0, round(time.time() - oldest_ns / 1e9, 3)),
            "refused_kept": self.spool.refused,
            **self.counts,
        }
        if is_local(request.remote or "") and "X-Forwarded-For" not in request.headers:  # Not for strangers' eyes.
            values["attempts"] = self._attempts.shown(SHOWN_ATTEMPTS)
        return answer(503 if trouble else 200, values)

    async def _read(self, request: web.Request) -> bytes | web.Response:
        too_large = {"error": f"larger than {MAX_BODY_BYTES} bytes", "reason": "TOO_LARGE"}
        if request.content_length is not None and request.content_length > MAX_BODY_BYTES:
            return answer(413, too_large, close=True)
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                return await request.read()
        except web.HTTPRequestEntityTooLarge:
            return answer(413, too_large, close=True)
        except TimeoutError:
            return answer(408, {"error": "the body did not come in time", "reason": "TIMEOUT"}, close=True)

    async def _take(
        self,
        request: web.Request,
        source: SourceSettings,
        body: Body,
        raw: bytes,
        receive_time_ns: int,
        sender: str,
    ) -> web.Response:
        """An authentic alert."""
        request_id = request.headers.get(IDEMPOTENCY_HEADER, "")
        if len(request_id) > MAX_REQUEST_ID or not request_id.isprintable() or not request_id.isascii():
            message = f"must be up to {MAX_REQUEST_ID} printable ASCII characters"
            return self._faulty(
                source.name, (FieldFault(path=IDEMPOTENCY_HEADER, reason="WRONG_TYPE", message=message),)
            )
        age = check_age(source, body, receive_time_ns / 1e9)
        if age is not None:
            self._bursts.note("alert of the wrong age", time.monotonic(), source=source.name, reason=age.reason)
            fault = FieldFault(path=source.timestamp_path, reason=age.reason, message=age.message)
            return self._faulty(source.name, (fault,), reason=age.reason)
        alert = Alert(
            source=source.name,
            body=cut_secrets(
                body,
                source.all_secrets,
                mapped=(source.secret, source.previous_secret) if source.secret_path != "secret" else (),
            ),
            receive_time_ns=receive_time_ns,
            arrival=self.spool.next_arrival(),
            request_id=request_id,
            sender_address=sender,
        )
        stamp_s = signed_at(source, request.headers.get(SIGNATURE_HEADER, ""), receive_time_ns / 1e9)
        with self.tracing.received(request.headers, source.name, alert.arrival):
            if stamp_s is None:
                return await self._place(alert)
            return await self._once(digest_of(source.name, str(stamp_s), raw), stamp_s + source.max_age_s, alert)

    async def _once(self, digest: bytes, until_s: int, alert: Alert) -> web.Response:
        """A signed alert, whose copies get the first answer."""
        first = await self._replays.first(digest, time.time())
        if first is not None:
            self.counts["replayed"] += 1
            self._bursts.note("signed alert again", time.monotonic(), source=alert.source, sender=alert.sender_address)
            return answer(200, duplicate_of(first))
        return await self._replays.alone(digest, lambda: self._place_signed(digest, until_s, alert))

    async def _place_signed(self, digest: bytes, until_s: int, alert: Alert) -> web.Response:
        response = await self._place(alert)
        if response.status not in (200, 202) or not isinstance(response.body, bytes):
            return response
        first: Values = json.loads(response.body)
        now_s = time.time()
        self._replays.keep(digest, until_s, first, now_s)
        try:
            await self.spool.remember(digest, until_s, json.dumps(first), int(now_s))
        except SpoolBroken as error:
            self._bursts.note("a signature cannot be written down", time.monotonic(), error=str(error))
        return response

    async def _place(self, alert: Alert) -> web.Response:
        """To the daemon where it may go at once, else to the spool."""
        assert self.deliverer is not None
        bucket = self.bucket_of(alert.source)
        if bucket is not None and not bucket.take(time.monotonic()):
            self._bursts.note("over the rate: alerts are spooled", time.monotonic(), source=alert.source)
        elif not self.deliverer.must_queue(alert.source):
            outcome = await self._deliver(alert)
            if isinstance(outcome, Acknowledged):
                self.counts["delivered"] += 1
                return answer(200, _outcome(outcome.signal))
            if isinstance(outcome, Faulty):
                return self._refused_by_daemon(alert.source, outcome.error)
        return await self._spool(alert)

    async def _deliver(self, alert: Alert) -> Acknowledged | Faulty | NotYet | None:
        """One try. A bug on the way costs a delay, not the alert: it goes to the spool like any other."""
        assert self.deliverer is not None
        try:
            return await self.deliverer.submit(alert, self.settings.deliver_timeout_s)
        except Exception:
            self._log.exception("a bug in the delivery: the alert is spooled", source=alert.source)
            return None

    async def _spool(self, alert: Alert) -> web.Response:
        assert self.deliverer is not None
        self.deliverer.expect(alert.source)
        try:
            with self.tracing.step("forwarder.spool", alert.arrival):
                await self.spool.put(alert)
        except (SpoolFull, SpoolBroken) as error:
            self.deliverer.expect(alert.source, -1)
            is_full = isinstance(error, SpoolFull)
            why = "the spool is full" if is_full else "the spool cannot be written"
            self._bursts.note(why, time.monotonic(), source=alert.source, error=str(error))
            values = {"error": f"{why}: send again later", "reason": "SPOOL_FULL" if is_full else "SPOOL_BROKEN"}
            return answer(503, values, retry_after_s=RETRY_AFTER_S)
        self.counts["spooled"] += 1
        self.deliverer.wake(alert.source)
        return answer(202, {"outcome": "SPOOLED", "spool_id": alert.spool_id})

    # --- refusals

    def _turn_away(self, name: str, sender: str, cause: str, found: Body | tuple[FieldFault, ...]) -> web.Response:
        """A failed attempt: counted, logged without the secret, answered without the cause.

        A body that is no JSON is told so: that depends on nothing but the body.
        """
        self.counts["failed_attempts"] += 1
        now_s = time.monotonic()
        counted = name if name in self.settings.sources else NOBODYS
        group = group_of(sender)
        self._attempts.note(counted, sender, time.time())
        key = (counted, group, cause)
        self._strange.note("alert turned away", now_s, key, source=name[:64], sender=sender, cause=cause)
        attempts = self._failed if isinstance(found, Body) else self._unreadable
        wait_s = attempts.wait_s(group, now_s)
        if wait_s:
            values = {"error": "too many failed attempts", "reason": "TOO_MANY_ATTEMPTS"}
            return answer(429, values, retry_after_s=math.ceil(wait_s), close=True)
        if not isinstance(found, Body):
            return self._faulty(counted, found, log=self._strange)
        return answer(401, {"error": "not authenticated", "reason": "UNAUTHENTICATED"})

    def _faulty(
        self, source: str, faults: tuple[FieldFault, ...], *, reason: str = "INVALID_BODY", log: BurstLog | None = None
    ) -> web.Response:
        self.counts["refused"] += 1
        now_s = time.monotonic()
        path = without_secrets(faults[0].path, self.settings.sources)
        (log or self._bursts).note(
            "faulty alert", now_s, (source, reason), source=source, reason=faults[0].reason, path=path
        )
        message = "; ".join(_line(fault) for fault in faults)
        return answer(400, {"error": message, "reason": reason, "problems": [fault.plain() for fault in faults]})

    def _refused_by_daemon(self, source: str, error: Invalid) -> web.Response:
        faults = tuple(
            FieldFault(path=fault.path, reason=fault.reason or "INVALID", message=fault.message)
            for fault in error.violations
        ) or (FieldFault(path="", reason=error.reason or "INVALID", message=error.message),)
        return self._faulty(source, faults, reason=error.reason or "INVALID_BODY")

    @web.middleware
    async def _as_json(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Errors of the HTTP layer (no such path, wrong method) as JSON too; a bug is logged and tells nothing."""
        try:
            return await handler(request)
        except web.HTTPException as error:
            values = {"error": error.reason.lower(), "reason": error.reason.upper().replace(" ", "_")}
            return answer(error.status, values, allow=error.headers.get("Allow", ""))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:
            self._log.exception("a bug in the forwarder")
            return answer(500, {"error": "internal error", "reason": "INTERNAL"})


async def _as_ours(_request: web.Request, response: web.StreamResponse) -> None:
    """Answers of the HTTP library do not tell its name either."""
    response.headers["Server"] = SERVER


def _line(fault: FieldFault) -> str:
    place = f" (line {fault.line}, column {fault.column})" if fault.line else ""
    return f"{fault.path or 'body'}: {fault.message}{place}"


def _outcome(signal: pb.Signal) -> dict[str, Any]:
    enum = pb.Signal.DESCRIPTOR.fields_by_name["outcome"].enum_type
    values: dict[str, Any] = {
        "outcome": enum_name(enum, signal.outcome),
        "signal_id": signal.signal_id,
        "reason": signal.reason,
        "reason_detail": signal.reason_detail,
        "group_id": signal.group_id,
    }
    if signal.first_outcome:
        values["first_outcome"] = enum_name(enum, signal.first_outcome)
    if signal.problems:
        values["problems"] = [
            {"path": fault.path, "reason": fault.reason, "message": fault.message} for fault in signal.problems
        ]
    return values
