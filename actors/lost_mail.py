"""Mail to nobody: who must hear of it (rule 14), and reports that bring a closed group back (rule 19)."""

from __future__ import annotations

from collections import deque

from actors.messages import Commit, Draft, ReplyTo
from actors.runtime import kind_of

LATE_LIMIT = 3
LATE_WINDOW_MS = 60_000
"""A group is brought back for late reports at most so often within this time: each time it found nothing to do. Another
report waits for the end of it, for it may be the one that tells of an execution."""

MAX_LATE_GROUPS = 1_000
"""Groups whose late reports are looked after at once; those of others are dropped."""

MAX_LATE_REPORTS = 16
"""Different reports kept for one group while it is brought back. They are cumulative, so the newest matter."""

MAX_TRIES = 6
"""A report that its group did not take so often is dropped: that group has no rows. What it decided was never
committed, so each time it is brought back it ends at once, its mail unread."""


class LateReports:
    """Reports for groups that are not alive, until they are."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[object]] = {}
        self._starts: dict[str, deque[int]] = {}
        self._tried: dict[str, deque[tuple[object, int]]] = {}
        """By group: the newest reports, each with how often it was kept."""

    def hold(self, name: str, report: object, now_ms: int) -> int | None:
        """Keep it; in how many ms the group is to be brought back: 0 for at once, more where that was for nothing too
        often. None: it is dropped, there are too many or it came back too often. One that says the same again is kept
        once."""
        waiting = self._waiting.get(name)
        if waiting is not None and report in waiting:
            return max(0, self._due_ms(name) - now_ms)
        if self._tries(name, report) > MAX_TRIES:
            return None
        if waiting is None:
            if len(self._waiting) >= MAX_LATE_GROUPS:
                return None
            waiting = self._waiting[name] = []
            self._start_later(name, now_ms)
        waiting.append(report)
        del waiting[:-MAX_LATE_REPORTS]
        return max(0, self._due_ms(name) - now_ms)

    def shift(self, by_ms: int) -> None:
        """The clock was set: what was or is due moves with it."""
        for name, starts in self._starts.items():
            self._starts[name] = deque((start + by_ms for start in starts), maxlen=LATE_LIMIT)

    @property
    def count(self) -> int:
        """Groups that are waited for."""
        return len(self._waiting)

    def take(self, name: str) -> list[object]:
        """What waits for this group, which is alive now."""
        return self._waiting.pop(name, [])

    def _tries(self, name: str, report: object) -> int:
        """This one counted in."""
        if name not in self._starts and len(self._starts) >= MAX_LATE_GROUPS:
            return 1
        tried = self._tried.setdefault(name, deque(maxlen=MAX_LATE_REPORTS))
        before = next((each for each in tried if each[0] == report), None)
        if before is not None:
            tried.remove(before)
        tried.append((report, 1 if before is None else before[1] + 1))
        return tried[-1][1]

    def _due_ms(self, name: str) -> int:
        """When the group's newest start is, or was."""
        starts = self._starts.get(name)
        return starts[-1] if starts else 0

    def _start_later(self, name: str, now_ms: int) -> None:
        starts = self._starts.pop(name, None) or deque(maxlen=LATE_LIMIT)
        self._starts[name] = starts
        if len(self._starts) > MAX_LATE_GROUPS:
            oldest = next(iter(self._starts))
            del self._starts[oldest]
            self._tried.pop(oldest, None)
        is_often = len(starts) == LATE_LIMIT and now_ms - starts[0] < LATE_WINDOW_MS
        starts.append(starts[0] + LATE_WINDOW_MS if is_often else now_ms)


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
