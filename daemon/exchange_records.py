"""Requests to exchanges as lines of the event log: each that changes something, the rest counted (LOG-3).

What has gathered goes into one commit now and then, so that a request costs the engine nothing and the store little.
The orders themselves are committed before they are sent (ORD-2): what a process that dies had not written yet is what
was said about them, nothing of theirs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from actors.rules.model import Order
from actors.rules.rates import Ask
from actors.rules.records import AddEvent, Row
from daemon.exchanges.venue_request import ABANDONED, ANSWERED, CHANGING, VenueRequest
from daemon.store.text import every_store_takes

_LOG = structlog.stdlib.get_logger("terrace.exchange")

EVERY_S = 0.5
MAX_WAITING = 5_000
"""Records that wait; beyond it they are counted only."""
MAX_AT_ONCE = 500
READS_EVERY_MS = 600_000
MAX_WORDS = 300
REQUEST, READS, LEFT_OUT = "exchange.request", "exchange.reads", "exchange.requests_left_out"


@dataclass(slots=True)
class _Reads:
    count: int = 0
    failed: int = 0
    latency_ms: int = 0
    slowest_ms: int = 0


class ExchangeRecords:
    """`put` may be called from any thread. `mask` keeps secrets out (LOG-4)."""

    def __init__(
        self, commit: Callable[[Sequence[Row]], None], now_ms: Callable[[], int], mask: Callable[[str], str]
    ) -> None:
        self._commit = commit
        self._now_ms = now_ms
        self._mask = mask
        self._lock = threading.Lock()
        self._waiting: list[VenueRequest] = []
        self._left_out = 0
        self._reads: dict[tuple[str, Ask], _Reads] = {}
        self._reads_since_ms = now_ms()

    def put(self, request: VenueRequest) -> None:
        with self._lock:
            if request.ask not in CHANGING:
                self._count(request)
            elif len(self._waiting) < MAX_WAITING:
                self._waiting.append(request)
            else:
                self._left_out += 1

    def _count(self, request: VenueRequest) -> None:
        reads = self._reads.setdefault((request.account, request.ask), _Reads())
        reads.count += 1
        reads.failed += request.fate != ANSWERED
        reads.latency_ms += request.latency_ms
        reads.slowest_ms = max(reads.slowest_ms, request.latency_ms)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                self.flush()
            except Exception:
                _LOG.exception("exchange_records_failed")

    def flush(self, *, reads_too: bool = False) -> None:
        """Hands over what has gathered. `reads_too`: also what is counted, before its time."""
        while rows := self._taken(reads_too):
            self._commit(rows)
            reads_too = False

    def _taken(self, reads_too: bool) -> list[AddEvent]:
        now_ms = self._now_ms()
        with self._lock:
            taken, self._waiting = self._waiting[:MAX_AT_ONCE], self._waiting[MAX_AT_ONCE:]
            left_out, self._left_out = self._left_out, 0
            reads: dict[tuple[str, Ask], _Reads] = {}
            if reads_too or not 0 <= now_ms - self._reads_since_ms < READS_EVERY_MS:
                reads, self._reads = self._reads, {}
                self._reads_since_ms = now_ms
        rows = [self._request(request) for request in taken]
        rows += [_counted(account, ask, found, now_ms) for (account, ask), found in reads.items()]
        if left_out:
            words = f"{left_out} requests to exchanges came faster than they could be written down"
            rows.append(_event(now_ms, "warning", LEFT_OUT, words, {"requests": str(left_out)}))
        return rows

    def _request(self, request: VenueRequest) -> AddEvent:
        order = request.order
        result = request.fate if not request.code else f"{request.fate} ({request.code})"
        words = every_store_takes(self._mask(request.words))[:MAX_WORDS]
        about = "" if order is None else f" {_what(order)}"
        message = f"{request.ask.value}{about}: {result} after {request.latency_ms} ms{f': {words}' if words else ''}"
        facts = {
            "request": request.ask.value,
            "result": request.fate,
            "status": str(request.status),
            "latency_ms": str(request.latency_ms),
            "code": request.code,
            "words": words,
        }
        severity = "info" if request.fate in (ANSWERED, ABANDONED, "accepted") else "warning"
        return AddEvent(
            time_ms=request.time_ms,
            severity=severity,
            category="exchange",
            type=REQUEST,
            message=message,
            account=request.account,
            symbol="" if order is None else order.symbol,
            group_id="" if order is None else order.group_id,
            client_order_id="" if order is None else order.client_order_id,
            attributes={name: value for name, value in facts.items() if value},
        )


def _what(order: Order) -> str:
    price = "at the market" if order.price is None else f"at {order.price:f}"
    return f"{order.symbol} {order.side.value} {order.quantity:f} {price}"


def _counted(account: str, ask: Ask, reads: _Reads, now_ms: int) -> AddEvent:
    average_ms = round(reads.latency_ms / reads.count)
    words = f"{account}: {reads.count} times {ask.value.replace('_', ' ')}, {reads.failed} failed, "
    facts = {
        "request": ask.value,
        "count": str(reads.count),
        "failed": str(reads.failed),
        "average_ms": str(average_ms),
        "slowest_ms": str(reads.slowest_ms),
    }
    words += f"{average_ms} ms on average, {reads.slowest_ms} ms at most"
    return _event(now_ms, "info", READS, words, facts, account)


def _event(time_ms: int, severity: str, type: str, message: str, facts: dict[str, str], account: str = "") -> AddEvent:
    return AddEvent(
        time_ms=time_ms,
        severity=severity,
        category="exchange",
        type=type,
        message=message,
        account=account,
        attributes=facts,
    )
