"""Where a day starts and ends in the reporting time zone, for rules that may not know zones (POOL-3)."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from actors.rules.limit_states import Day
from actors.rules.settings import Settings
from daemon.reports import periods


def reporting_days(settings: Callable[[], Settings]) -> Callable[[int], Day]:
    """The day a time falls in, by the zone that is configured at that moment."""
    return lambda now_ms: day_of(now_ms, settings().engine.reporting_timezone)


def day_of(now_ms: int, zone_name: str) -> Day:
    """(start of the day `now_ms` falls in, start of the next day), in ms. Days of 23 and 25 hours included.

    Where a clock change skips or repeats midnight, the day starts with the first moment that bears its date.
    """
    zone = ZoneInfo(zone_name)
    today = periods.day_of(now_ms, zone)
    return periods.day_start_ms(today, zone), periods.day_end_ms(today, zone)
