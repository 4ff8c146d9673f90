"""The forwarder's log on standard error: one JSON object a line, readable lines on a terminal.

Its names are those of the daemon's log: time, severity, category, message. Bodies and secrets never go in.
"""

from __future__ import annotations

import sys
import traceback
from datetime import UTC, datetime
from typing import Any

import structlog

from control.forwarder.limits import Bursts
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
    """One line when a burst of something begins, one with the count when it is over."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._bursts = Bursts(self._over)

    def note(self, kind: str, now_s: float, **facts: Any) -> None:
        """`kind` tells bursts apart; it is the first word of the line together with the facts."""
        key = " ".join([kind, *(str(value) for value in facts.values())])
        if self._bursts.is_first(key, now_s):
            self._log.warning(kind, **facts)

    def settle(self, now_s: float) -> None:
        self._bursts.settle(now_s)

    def _over(self, kind: str, count: int) -> None:
        self._log.warning("burst over", of=kind, count=count)
