"""The forwarder's log on standard error: one JSON object a line, readable lines on a terminal.

Its names are those of the daemon's log: time, severity, category, message. Bodies and secrets never go in.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog

from control.forwarder.limits import Bursts, TokenBucket
from control.readable import readable

Log = Any
"""A structlog logger."""


def make_log() -> Log:
    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[_in_our_names, _readable if sys.stderr.isatty() else structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(20),
    )


def _in_our_names(_logger: Any, severity: str, entry: Any) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = entry.pop("event", "")
    if entry.pop("exc_info", None):
        entry["traceback"] = traceback.format_exc()
    severity = "error" if severity == "exception" else severity
    return {
        "time": now,
        "severity": severity,
        "category": "signal",
        "message": message,
        "program": "forwarder",
        **entry,
    }


def _readable(_logger: Any, _severity: str, entry: Any) -> str:
    return readable(entry)


class BurstLog:
    """One line when a burst of something begins, one with the count when it is over.

    `lines`: how many lines may be written at all: strangers could begin bursts without end. Those left out are counted.
    """

    def __init__(self, log: Log, lines: TokenBucket | None = None) -> None:
        self._log = log
        self._lines = lines
        self._left_out = 0
        self._bursts = Bursts(self._over)
        self._now_s = 0.0

    def note(self, kind: str, now_s: float, key: tuple[str, ...] | None = None, **facts: Any) -> None:
        """`kind` tells bursts apart; it is the first word of the line together with `key`, or with the facts."""
        self._now_s = now_s
        told = " ".join([kind, *((str(value) for value in facts.values()) if key is None else key)])
        if self._bursts.is_first(told, now_s):
            self._write(kind, facts)

    def settle(self, now_s: float) -> None:
        self._now_s = now_s
        self._bursts.settle(now_s)
        if self._left_out and self._lines is not None and self._lines.take(now_s):
            count, self._left_out = self._left_out, 0
            self._log.warning("lines of this kind were left out", count=count)

    def _over(self, kind: str, count: int) -> None:
        self._write("burst over", {"of": kind, "count": count})

    def _write(self, message: str, facts: Mapping[str, Any]) -> None:
        if self._lines is not None and not self._lines.take(self._now_s):
            self._left_out += 1
            return
        self._log.warning(message, **facts)
