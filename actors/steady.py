"""Time that nobody sets, for what must really have lasted so long (rule 17).

The machine's clock may be set, forwards and back, any number of times. What has lasted is measured by another one that
only flows on; times that somebody else read from the clock are found again in it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

SLACK_MS = 500
"""By so much the two may drift apart before that counts as the clock having been set. Exchanges add several times as
much to their acceptance windows."""
OLDEST_MS = 57_000
"""Nothing that was stamped longer ago than this is still to come; if it does come nobody knows of when it is. Three
times as long as an answer is waited for."""
MAX_SETTINGS = 64
"""Times that the clock was set within `OLDEST_MS` that can be told apart."""


class _Setting(NamedTuple):
    """How far the clock was ahead, from when to when at most."""

    ahead_ms: int
    begin_ms: int
    end_ms: int


class Steady:
    """Steady time begins as the clock's and goes on evenly. `flow_ms` only flows on, from wherever it began."""

    def __init__(self, clock_ms: Callable[[], int], flow_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._flow_ms = flow_ms
        self._base_ms = clock_ms() - flow_ms()
        self._ahead_ms = 0
        self._begin_ms = self._seen_ms = clock_ms()
        self._past: deque[_Setting] = deque()
        self._forgotten_ms = 0
        """Until when there were settings that are not remembered though something of then may still come."""

    def now_ms(self) -> int:
        clock_ms = self._clock_ms()
        steady_ms = self._base_ms + self._flow_ms()
        if abs(clock_ms - self._ahead_ms - steady_ms) > SLACK_MS:
            self._was_set(clock_ms - steady_ms, steady_ms)
        self._seen_ms = steady_ms
        return clock_ms - self._ahead_ms

    def when(self, clock_ms: int) -> int | None:
        """The earliest steady time at which the clock may have said this; None: that cannot be known.

        For times that were read right after `now_ms` was called, and no later than now.
        """
        oldest_ms = self.now_ms() - OLDEST_MS
        if oldest_ms <= self._forgotten_ms:
            return None
        found = [
            time_ms
            for ahead_ms, begin_ms, end_ms in self._past
            if begin_ms - SLACK_MS <= (time_ms := clock_ms - ahead_ms) <= end_ms + SLACK_MS
        ]
        if clock_ms - self._ahead_ms >= self._begin_ms - SLACK_MS:
            found.append(clock_ms - self._ahead_ms)
        return min((time_ms for time_ms in found if time_ms >= oldest_ms), default=None)

    def _was_set(self, ahead_ms: int, steady_ms: int) -> None:
        """Somewhen since the last look."""
        self._past.append(_Setting(self._ahead_ms, self._begin_ms, steady_ms))
        self._ahead_ms, self._begin_ms = ahead_ms, self._seen_ms
        while self._past and self._past[0].end_ms + SLACK_MS < steady_ms - OLDEST_MS:
            self._past.popleft()
        if len(self._past) > MAX_SETTINGS:
            self._forgotten_ms = self._past.popleft().end_ms + SLACK_MS
