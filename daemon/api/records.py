"""What RecordService shows beside the store: the running log, and whether the audit trail is whole (LOG-2, LOG-3)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from daemon.api import translate_log
from daemon.api.engine import Engine
from daemon.api.errors import ApiReason, Failed, faulty_field
from daemon.api.translate import optional_timestamp
from daemon.observe.tail import LogTail
from daemon.store.audit import AuditKeys
from daemon.store.audit_verify import Check, Verified
from protos.terrace.v1 import record_pb2 as pb

MAX_BACKLOG = 1_000
LINES_PER_ANSWER = 200
SILENCE_S = 15.0
"""After this an empty answer is sent, so that both ends notice a dead connection."""
MAX_CHECKS = 1
"""Checks of the trail at the same time; the others wait. A long one keeps a thread and a reader of the store, of which
there are few."""
BREATH_S = 0.002
"""Between two pages of a check: it shares the interpreter with the engine."""


class _HungUp(Exception):
    """The caller of a check is gone."""


def _no_anchors() -> Mapping[int, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """`anchors` reads the hashes kept outside of the store."""

    keys: AuditKeys
    tail: LogTail = field(default_factory=LogTail)
    anchors: Callable[[], Mapping[int, str]] = _no_anchors
    checking: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_CHECKS))


async def tail_logs(records: Records, request: pb.TailLogsRequest) -> AsyncIterator[pb.TailLogsResponse]:
    if not 0 <= request.backlog <= MAX_BACKLOG:
        raise faulty_field("backlog", f"must be 0 to {MAX_BACKLOG}")
    wanted = translate_log.wanted(request)
    reader = records.tail.open(asyncio.get_running_loop(), wanted, request.backlog)
    if reader is None:
        raise Failed(ApiReason.TOO_MANY_STREAMS, "too many follow the log already: end one of them first")
    try:
        while True:
            lines, gap = await reader.next(LINES_PER_ANSWER, SILENCE_S)
            yield pb.TailLogsResponse(entries=[translate_log.entry(line) for line in lines], gap=gap)
    finally:
        reader.close()


async def verify_audit_trail(
    engine: Engine, records: Records, request: pb.VerifyAuditTrailRequest
) -> pb.VerifyAuditTrailResponse:
    start, end = request.start_sequence, request.end_sequence
    if start < 0 or end < 0:
        raise faulty_field("start_sequence" if start < 0 else "end_sequence", "must not be negative")
    if end and start > end:
        raise faulty_field("end_sequence", "must not be before start_sequence")
    hung_up = False

    def after_page(_done: int, _last: int) -> None:
        if hung_up:
            raise _HungUp
        time.sleep(BREATH_S)

    async with records.checking:
        check = Check(start=start, end=end, anchors=await asyncio.to_thread(records.anchors))
        try:
            found = await engine.read(engine.reader.verify_audit, records.keys, check, after_page)
        finally:
            hung_up = True
    return _answer(found)


def _answer(found: Verified) -> pb.VerifyAuditTrailResponse:
    words = found.words
    if found.broken_time_ms is not None:
        words = f"{words}; it says it is from {optional_timestamp(found.broken_time_ms).ToJsonString()}"  # type: ignore[union-attr]
    return pb.VerifyAuditTrailResponse(
        valid=found.valid,
        checked_count=found.checked,
        broken_sequence=found.broken_at,
        message=words,
        last_hash=found.last_hash,
    )
