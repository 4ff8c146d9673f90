"""Messages for channels: columns, statements, values to parameters and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.rules.records import AddNotification, MarkNotification, NotificationState
from daemon.store.statements import Columns
from daemon.store.text import words

STATES = words(NotificationState)

ADDED = Columns.of(
    "notifications",
    "notification_id channel type severity title message create_time_ms due_time_ms alert_key",
)
NOTIFICATION = Columns(
    "notifications", (*ADDED.names, "state", "attempt_count", "error", "send_time_ms", "suppressed_count")
)

_UNTRIED = (
    "CASE WHEN notifications.state = 'pending' AND notifications.attempt_count = 0 "
    "THEN excluded.{0} ELSE notifications.{0} END"
)
ADD = (
    f"{ADDED.insert()} ON CONFLICT (notification_id) DO UPDATE SET "
    f"title = {_UNTRIED.format('title')}, message = {_UNTRIED.format('message')}, "
    f"alert_key = {_UNTRIED.format('alert_key')}, suppressed_count = notifications.suppressed_count + 1"
)
"""What is sent already is not changed but for the count: its words stand as they were sent."""
MARK = (
    "UPDATE notifications SET state = ?, title = ?, message = ?, attempt_count = ?, error = ?, send_time_ms = ?, "
    "suppressed_count = ? WHERE notification_id = ? AND state = 'pending'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNotification:
    notification_id: str
    channel: str
    type: str
    severity: str
    title: str
    message: str
    create_time_ms: int
    due_time_ms: int
    alert_key: str
    state: NotificationState = NotificationState.PENDING
    attempt_count: int = 0
    error: str = ""
    send_time_ms: int | None = None
    suppressed_count: int = 0


def added(row: AddNotification) -> tuple[Any, ...]:
    """Parameters in the order of `ADDED`."""
    return (
        *(row.notification_id, row.channel, row.type, row.severity, row.title, row.message),
        *(row.create_time_ms, row.due_time_ms, row.alert_key),
    )


def marked(row: MarkNotification) -> tuple[Any, ...]:
    return (
        *(row.state.value, row.title, row.message, row.attempt_count, row.error, row.send_time_ms),
        *(row.suppressed_count, row.notification_id),
    )


def read(row: tuple[Any, ...]) -> StoredNotification:
    """From a row in the order of `NOTIFICATION`."""
    notification_id, channel, type_, severity, title, message, create_time_ms, due_time_ms, alert_key = row[:9]
    state, attempt_count, error, send_time_ms, suppressed_count = row[9:]
    return StoredNotification(
        notification_id=notification_id,
        channel=channel,
        type=type_,
        severity=severity,
        title=title,
        message=message,
        create_time_ms=create_time_ms,
        due_time_ms=due_time_ms,
        alert_key=alert_key,
        state=STATES[state],
        attempt_count=attempt_count,
        error=error,
        send_time_ms=send_time_ms,
        suppressed_count=suppressed_count,
    )
