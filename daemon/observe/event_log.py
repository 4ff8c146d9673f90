"""The event log's lines in the log: one subscriber of the Feed, so that log and events agree (LOG-1)."""

from __future__ import annotations

import structlog

from actors.feed import Subscriber, Subscribers
from actors.messages import EventStored, FeedGap
from actors.rules.model import Outcome
from actors.rules.records import AddEvent
from daemon.observe.metrics import Metrics

SUBSCRIBER = "log"

_OUTCOMES = frozenset(outcome.value for outcome in Outcome)
_IDS = ("signal_id", "group_id", "client_order_id", "account", "symbol", "timeframe")
_LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})


class EventLog:
    """`put` is the Feed's end: it only hands lines to the log's own thread."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def join(self, subscribers: Subscribers, last_sequence: int) -> None:
        """Before the Feed starts, so that not one event is missed."""
        subscribers.put(SUBSCRIBER, Subscriber(sink=self.put, wanted=None, last_sequence=last_sequence))

    def put(self, items: list[object]) -> None:
        for item in items:
            if isinstance(item, EventStored) and isinstance(item.event, AddEvent):
                self._line(item.sequence, item.event)
            elif isinstance(item, FeedGap):
                missing = item.resume_sequence - item.after_sequence - 1
                structlog.stdlib.get_logger("terrace.system").warning("events_not_logged", events=missing)

    def _line(self, sequence: int, event: AddEvent) -> None:
        level = event.severity if event.severity in _LEVELS else "info"
        self._metrics.events.labels(event.category, level).inc()
        kind, _, outcome = event.type.partition(".")
        if kind == "signal" and outcome in _OUTCOMES:
            self._metrics.signals.labels(outcome).inc()
        fields = {name: getattr(event, name) for name in _IDS if getattr(event, name)}
        if event.world is not None:
            fields["world"] = event.world.value
        if event.attributes:
            fields["attributes"] = dict(event.attributes)
        log = structlog.stdlib.get_logger(f"terrace.{event.category}")
        getattr(log, level)(event.message, type=event.type, sequence=sequence, **fields)
