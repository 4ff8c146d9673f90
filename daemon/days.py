"""Where a day starts and ends in the reporting time zone, for rules that may not know zones (POOL-3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from actors.rules.limit_states import Day
from actors.rules.settings import Settings


def reporting_days(settings: Callable[[], Settings]) -> Callable[[int], Day]:
    """The day a time falls in, by the zone that is configured at that moment."""
    return lambda now_ms: day_of(now_ms, settings().engine.reporting_timezone)


def day_of(now_ms: int, zone_name: str) -> Day:
    """(start of the day `now_ms` falls in, start of the next day), in ms. Days of 23 and 25 hours included.

    Where a clock change skips or repeats midnight, the day starts with the first moment that bears its date.
    """
    zone = ZoneInfo(zone_name)
    today = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone).date()
    return _start_ms(today, zone), _start_ms(today + timedelta(days=1), zone)


def _start_ms(day: date, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, time.min, zone).timestamp() * 1000)
