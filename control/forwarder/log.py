"""The forwarder's log: one JSON object a line on standard error. Bodies and secrets never go in."""

from __future__ import annotations

import sys
from typing import Any

import structlog

from control.forwarder.limits import Bursts

Log = Any
"""A structlog logger."""

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def make_log(level: str = "info") -> Log:
    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS.get(level, 20)),
        category="signal",
        program="forwarder",
    )


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
