"""Timeframes as TradingView names them, and the one form each has here (SIG-3)."""

from __future__ import annotations

import re

_GIVEN = re.compile(r"([1-9][0-9]{0,5})?([SDWM]|[smhdw])?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "M": 2_592_000}
_LARGER = {"s": ("m", 60), "m": ("h", 60), "h": ("d", 24)}
"""A whole number of the larger unit is written in it. Days stay days: `7d` and `1w` begin at different times."""


def normal_timeframe(text: str) -> str | None:
    """`15` is `15m`, `240` is `4h`, `30S` is `30s`, `D` is `1d`, `1M` is one month; None if it is no timeframe.

    A bare number is minutes. `m` is minutes and `M` months; the count may be left out only before `S D W M`.
    """
    match = _GIVEN.fullmatch(text.strip())
    if match is None:
        return None
    count_text, unit = match.groups()
    if unit is None:
        unit = "m"
    elif unit in "SDW":
        unit, count_text = unit.lower(), count_text or "1"
    elif unit == "M":
        count_text = count_text or "1"
    return _in_largest_unit(int(count_text), unit) if count_text else None


def _in_largest_unit(count: int, unit: str) -> str:
    while unit in _LARGER and count % _LARGER[unit][1] == 0:
        unit, size = _LARGER[unit]
        count //= size
    return f"{count}{unit}"


def timeframe_s(timeframe: str) -> int:
    """Seconds of a normalised timeframe; a month counts 30 days. ValueError if it is none."""
    if normal_timeframe(timeframe) != timeframe:
        raise ValueError(f"{timeframe!r} is not a normalised timeframe")
    return int(timeframe[:-1]) * _SECONDS[timeframe[-1]]
