"""The venue's clock.

clock = SimClock()          # real time; `clock()` -> ms since the epoch, as the venue believes it to be
clock.offset_ms = -3000     # the venue is 3 s behind (admin: POST /_admin/clock {"offset_ms": -3000})
clock = SimClock(start_ms=1_700_000_000_000); clock.advance(250)     # stands still but for `advance`
"""

from __future__ import annotations

import time


class SimClock:
    def __init__(self, start_ms: int | None = None, offset_ms: int = 0) -> None:
        self._standing_ms = start_ms
        self.offset_ms = offset_ms

    def __call__(self) -> int:
        true_ms = time.time_ns() // 1_000_000 if self._standing_ms is None else self._standing_ms
        return true_ms + self.offset_ms

    def advance(self, ms: int) -> None:
        """Lets time pass; on a clock that follows real time the venue runs ahead by that much."""
        if self._standing_ms is None:
            self.offset_ms += ms
        else:
            self._standing_ms += ms
