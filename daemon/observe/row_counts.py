"""Counts what became durable, and how long signals took to become orders. Sees each batch in the Journal's thread."""

from __future__ import annotations

from collections.abc import Iterable

from actors.rules.records import AddDeadLetter, AddNotification, AddTrade, MarkNotification, NotificationState, Row
from daemon.observe.metrics import Metrics


class RowCounts:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        for state in NotificationState:
            metrics.notifications.labels(state.value)

    def committed(self, rows: Iterable[Row]) -> None:
        """Rows of one commit that is durable."""
        metrics = self._metrics
        for row in rows:
            if isinstance(row, AddTrade):
                metrics.fills.labels(metrics.account(row.account)).inc()
            elif isinstance(row, AddNotification):
                metrics.notifications.labels(NotificationState.PENDING.value).inc()
            elif isinstance(row, MarkNotification):
                metrics.notifications.labels(row.state.value).inc()
            elif isinstance(row, AddDeadLetter):
                metrics.dead_letters.inc()

    def ordered(self, took_ms: int) -> None:
        """A signal's first order is at the exchange."""
        self._metrics.signal_to_order.observe(took_ms / 1000)
