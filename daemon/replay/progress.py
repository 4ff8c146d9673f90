"""A bar on a terminal: how far a replay is, how fast, and how long it will still take. Silent anywhere else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from daemon.replay.model import Progress

EVERY_S = 0.2
"""How often the bar is drawn."""
WIDTH_CHARS = 24
ASSUMED_COLUMNS = 80


class Bar:
    """Takes every `Progress`, draws some of them. `clock`: seconds of any monotonic clock."""

    def __init__(self, out: TextIO, clock: Callable[[], float], columns: Callable[[], int], label: str = "") -> None:
        self._out = out
        self._clock = clock
        self._columns = columns
        self._label = f"{label}: " if label else ""
        self._is_on = out.isatty()
        self._drawn_s = -EVERY_S
        self._start: tuple[float, int] | None = None
        """When candles began to be replayed, and how many were done then."""
        self._is_shown = False

    def __call__(self, progress: Progress) -> None:
        if not self._is_on:
            return
        now_s = self._clock()
        if self._start is None and progress.now_ms:
            self._start = (now_s, progress.candles)
        if now_s - self._drawn_s < EVERY_S and progress.candles < progress.total_candles:
            return
        self._drawn_s = now_s
        self._draw(self._line(progress, now_s))

    def close(self) -> None:
        """Leaves an empty line for whatever is said next."""
        if self._is_shown:
            self._draw("")
            self._out.write("\r")
            self._out.flush()
            self._is_shown = False

    def _draw(self, line: str) -> None:
        self._is_shown = True
        width = max(self._columns() - 1, 1)
        self._out.write("\r" + line[:width].ljust(width))
        self._out.flush()

    def _line(self, progress: Progress, now_s: float) -> str:
        if self._start is None or not progress.total_candles:
            return f"{self._label}{progress.step}  {progress.candles:,} candles"
        share = min(progress.candles / progress.total_candles, 1.0)
        full = int(share * WIDTH_CHARS)
        bar = "#" * full + "." * (WIDTH_CHARS - full)
        speed = self._speed(progress, now_s)
        left_s = (progress.total_candles - progress.candles) / speed if speed else None
        day = datetime.fromtimestamp(progress.now_ms // 1000, UTC).strftime("%Y-%m-%d")
        return (
            f"{self._label}[{bar}] {int(share * 100):3d} %  {day}  {speed:,.0f} candles/s  ETA {_minutes(left_s)}  "
            f"{progress.alerts} alerts  {progress.live_groups} groups"
        )

    def _speed(self, progress: Progress, now_s: float) -> float:
        assert self._start is not None
        seconds, done = now_s - self._start[0], progress.candles - self._start[1]
        return done / seconds if seconds > 0 else 0.0


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
