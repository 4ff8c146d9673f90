"""What stands in the way of an offset, for people: the engine's stable codes in words (RISK-11)."""

from __future__ import annotations

from collections.abc import Iterable

WORDS = {
    "RISK_DISABLED": "risk engine switched off",
    "NO_LOSER": "no group can be taken as loser",
    "NOT_FILLED": "nothing filled yet",
    "NOT_ENOUGH_PYRAMIDS": "not all pyramids there",
    "TIMER_NOT_STARTED": "timer not started",
    "TIMER_RUNNING": "timer running",
    "ABOVE_LOSS_THRESHOLD": "loss not deep enough",
    "TOO_YOUNG": "too young",
    "BLOCKED": "blocked by a user",
    "INSTRUMENT_HELD": "its account does not hold what its groups do",
    "SKIPPED": "passed over once",
    "OFFSET_RUNNING": "an offset is under way",
    "GROUP_CLOSING": "closing",
    "PRICE_STALE": "no fresh price",
    "BELOW_MIN_QUANTITY": "too small to be closed",
    "BELOW_MIN_NOTIONAL": "worth too little to be closed",
    "NO_WINNERS": "no winners",
    "INSUFFICIENT_PROFIT": "winners cannot cover it",
    "SHORTFALL": "winners brought less than needed",
    "RECOVERED": "no loss any more",
    "NOT_PROFITABLE": "selling brings no profit now",
    "STOPPED_BY_USER": "stopped by a user",
}


def in_words(codes: Iterable[str]) -> str:
    """Codes as words; one that is newer than this table as it stands."""
    return ", ".join(WORDS.get(code, code) for code in codes)


def remaining(seconds: float) -> str:
    """A time to go as a person says it: `1h 05m`, `12m 30s`, `45s`; `over` once it is."""
    left = int(seconds)
    if left <= 0:
        return "over"
    if left >= 86_400:
        return f"{left // 86_400}d {left % 86_400 // 3_600:02}h"
    if left >= 3_600:
        return f"{left // 3_600}h {left % 3_600 // 60:02}m"
    return f"{left // 60}m {left % 60:02}s" if left >= 60 else f"{left}s"
