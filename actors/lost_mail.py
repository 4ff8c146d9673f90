"""Mail to nobody: who must hear of it (rule 14), and reports that bring a closed group back (rule 19)."""

from __future__ import annotations

from collections import deque

from actors.messages import Commit, Draft, ReplyTo
from actors.runtime import kind_of

LATE_LIMIT = 3
LATE_WINDOW_MS = 60_000
"""A group is brought back for late reports at most so often within this time: each time it found nothing to do."""

MAX_LATE_GROUPS = 1_000
"""Groups whose late reports are looked after at once; those of others are dropped."""

MAX_LATE_REPORTS = 16
"""Reports kept for one group while it is brought back. They are cumulative, so the newest matter."""


class LateReports:
    """Reports for groups that are not alive, until they are."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[object]] = {}
        self._starts: dict[str, deque[int]] = {}

    def hold(self, name: str, report: object, now_ms: int) -> bool:
        """Keep it. False: it is dropped, this group was brought back for nothing too often or there are too many."""
        waiting = self._waiting.get(name)
        if waiting is None:
            if len(self._waiting) >= MAX_LATE_GROUPS or not self._may_start(name, now_ms):
                return False
            waiting = self._waiting[name] = []
        waiting.append(report)
        del waiting[:-MAX_LATE_REPORTS]
        return True

    def take(self, name: str) -> list[object]:
        """What waits for this group, which is alive now."""
        return self._waiting.pop(name, [])

    def _may_start(self, name: str, now_ms: int) -> bool:
        starts = self._starts.pop(name, None) or deque(maxlen=LATE_LIMIT)
        self._starts[name] = starts
        if len(self._starts) > MAX_LATE_GROUPS:
            del self._starts[next(iter(self._starts))]
        if len(starts) == LATE_LIMIT and now_ms - starts[0] < LATE_WINDOW_MS:
            return False
        starts.append(now_ms)
        return True


def pool_of(draft: Draft) -> str:
    """The Pool a draft belongs to: one of its participants."""
    return next((who.name for who in draft.participants if kind_of(who.name) == "pool"), "pool/unknown")


def callers_of(message: object, draft: object = None) -> list[ReplyTo]:
    """Who waits outside for an answer to this message, or to the draft; for commits who would have been answered."""
    if isinstance(message, tuple):
        return [caller for one in message for caller in callers_of(one)]
    if isinstance(message, Commit):
        return [send.to for send in message.then if not isinstance(send.to, str)]
    direct = (getattr(message, "reply_to", None), getattr(draft, "reply_to", None))
    return [reply_to for reply_to in direct if reply_to is not None and not isinstance(reply_to, str)]
