"""Whether a store that takes writes has become too slow to trade on (REC-4). Pure: durations come from outside."""

from __future__ import annotations

SLOW_COMMIT_MS = 200
"""A batch that takes at least so long is slow; one takes half a millisecond on a healthy disk."""
QUICK_COMMIT_MS = 100
"""One that takes less is quick; those between the two count for neither."""
OWN_WORK_MS = 5
"""For each commit in a batch this is taken off: it is work of our own under load, and not the disk."""
SLOW_COMMITS = 5
SLOW_FOR_MS = 2_000
"""So many slow ones in a row, over at least so long: one hiccup of a disk is none."""
QUICK_COMMITS = 3
"""So many quick ones in a row end it."""
CALM_COMMITS = 10
"""So many in a row of which none is slow end it too: a disk that is never quick must not hold entries back for ever."""


class Slowness:
    """Fed with every batch, in order."""

    def __init__(self) -> None:
        self.is_slow = False
        self._slow = 0
        self._quick = 0
        self._calm = 0
        self._since_ms = 0

    def committed(self, commits: int, start_ms: int, end_ms: int) -> bool:
        """Whether the store is slow after this batch of so many. A clock that was set back makes one quick at most."""
        took_ms = end_ms - start_ms - OWN_WORK_MS * commits
        if took_ms >= SLOW_COMMIT_MS:
            if self._slow == 0:
                self._since_ms = start_ms
            self._slow, self._quick, self._calm = self._slow + 1, 0, 0
        else:
            self._quick, self._calm = self._quick + 1 if took_ms < QUICK_COMMIT_MS else 0, self._calm + 1
        if self._quick or self._calm >= CALM_COMMITS:
            self._slow = 0
        if self._slow >= SLOW_COMMITS and end_ms - self._since_ms >= SLOW_FOR_MS:
            self.is_slow = True
        elif self._quick >= QUICK_COMMITS or self._calm >= CALM_COMMITS:
            self.is_slow = False
        return self.is_slow
