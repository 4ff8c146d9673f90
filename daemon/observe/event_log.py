"""The event log's lines in the log: one subscriber of the Feed, so that log and events agree (LOG-1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from prometheus_client import Counter

from actors.feed import Subscriber, Subscribers
from actors.messages import EventStored, FeedGap
from actors.rules.model import Outcome
from actors.rules.records import AddEvent
from daemon.observe.logging import Line, Log, iso
from daemon.observe.metrics import Metrics

SUBSCRIBER = "log"

_OUTCOMES = frozenset(outcome.value for outcome in Outcome)
_IDS = ("signal_id", "group_id", "client_order_id", "account", "symbol", "timeframe")


class EventLog:
    """`put` is the Feed's end: it hands the events to the log's own thread, which does the rest."""

    def __init__(self, log: Log, metrics: Metrics, trace_of: Callable[[str], str] = lambda _signal_id: "") -> None:
        """`trace_of`: the trace of a signal; empty where there is none."""
        self._trace_of = trace_of
        self._log = log
        self._metrics = metrics
        self._counters: dict[tuple[str, str, str], tuple[Counter, ...]] = {}

    def join(self, subscribers: Subscribers, last_sequence: int) -> None:
        """Before the Feed starts, so that not one event is missed."""
        subscribers.put(SUBSCRIBER, Subscriber(sink=self.put, wanted=None, last_sequence=last_sequence))

    def put(self, items: list[object]) -> None:
        self._log.put(lambda: self._lines(items))

    def _lines(self, items: list[object]) -> Iterator[Line]:
        for item in items:
            if isinstance(item, EventStored) and isinstance(item.event, AddEvent):
                self._count(item.event)
                if self._log.takes(item.event.severity):
                    yield self._line(item.sequence, item.event)
            elif isinstance(item, FeedGap):
                missing = item.resume_sequence - item.after_sequence - 1
                now = iso(time.time())
                words = "events_not_logged"
                yield {"time": now, "severity": "warning", "category": "system", "message": words, "events": missing}

    def _line(self, sequence: int, event: AddEvent) -> Line:
        line = _line(sequence, event)
        trace_id = self._trace_of(event.signal_id) if event.signal_id else ""
        return {**line, "trace_id": trace_id} if trace_id else line

    def _count(self, event: AddEvent) -> None:
        kind = (event.category, event.severity, event.type)
        counters = self._counters.get(kind)
        if counters is None:
            counters = self._counters[kind] = tuple(self._counters_of(event))
        for counter in counters:
            counter.inc()

    def _counters_of(self, event: AddEvent) -> Iterator[Counter]:
        yield self._metrics.events.labels(event.category, event.severity)
        kind, _, outcome = event.type.partition(".")
        if kind == "signal" and outcome in _OUTCOMES:
            yield self._metrics.signals.labels(outcome)


def _line(sequence: int, event: AddEvent) -> Line:
    line: Line = {
        "time": iso(event.time_ms / 1000),
        "severity": event.severity,
        "category": event.category,
        "message": event.message,
        "type": event.type,
        "sequence": sequence,
    }
    for name in _IDS:
        value = getattr(event, name)
        if value:
            line[name] = value
    if event.world is not None:
        line["world"] = event.world.value
    if event.attributes:
        line["attributes"] = dict(event.attributes)
    return line
