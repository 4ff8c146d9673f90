"""The clock of a live daemon (`ports.Clock`)."""

from __future__ import annotations

import time


class SystemClock:
    """UTC milliseconds of the machine. May jump when the machine's clock is set: nothing is ordered by it alone."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000
