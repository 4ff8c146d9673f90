"""What a channel sends next of the messages that wait for it (LOG-5). Pure.

Invariants:

1. In quiet hours only what is severe enough leaves; the rest leaves together when they are over.
2. Over the hourly rate nothing leaves; critical messages have as many again for themselves.
3. What waited long, or is many, leaves as one message. A message that failed gives way to those that did not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from actors.rules import notifying
from actors.rules.settings import NotificationSettings

HOUR_MS = 3_600_000
LATE_MS = 120_000
"""Two or more that waited so long leave together."""
MANY = 4
"""So many leave together however new they are."""
MAX_TOGETHER = 100
WAIT_MS = 60_000
"""When to look again where nothing says it exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message that is due."""

    notification_id: str
    severity: str
    title: str
    text: str
    due_ms: int
    attempts: int
    left_out: int
    """How many like it were left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One message to send now; `together`: those it stands for, the first under its own name."""

    together: tuple[Waiting, ...]
    severity: str
    title: str
    text: str


def next_message(
    channel: NotificationSettings, waiting: Sequence[Waiting], minute: int, now_ms: int, sent_ms: Sequence[int]
) -> Sending | None:
    """What leaves now; None: nothing. `minute`: of its local day; `sent_ms`: when messages were sent of late."""
    of_late = sum(1 for time_ms in sent_ms if 0 <= now_ms - time_ms < HOUR_MS)
    free = [
        item
        for item in waiting
        if not notifying.is_quiet(channel.quiet_hours, minute, item.severity)
        and notifying.may_send(item.severity, of_late, channel.rate_per_hour)
    ]
    if not free:
        return None
    is_fresh = [item for item in free if not item.attempts]
    critical = [item for item in is_fresh if item.severity == notifying.CRITICAL]
    candidates = is_fresh or free
    if critical and len(critical) < MANY:
        return _alone(critical[0])
    first = min(candidates, key=lambda item: (item.attempts, item.due_ms))
    is_late = now_ms - first.due_ms >= LATE_MS and not first.attempts
    if len(candidates) >= MANY or (len(candidates) > 1 and is_late):
        return _together(sorted(candidates[:MAX_TOGETHER], key=lambda item: item.due_ms))
    return _alone(first)


def _alone(item: Waiting) -> Sending:
    text = notifying.with_suppressed(item.text, item.left_out)
    return Sending(together=(item,), severity=item.severity, title=item.title, text=text)


def _together(items: Sequence[Waiting]) -> Sending:
    worst = max(items, key=lambda item: notifying.severity_rank(item.severity)).severity
    title, text = notifying.digest([(item.title, item.text, item.left_out) for item in items], "together")
    return Sending(together=tuple(items), severity=worst, title=title, text=text)
