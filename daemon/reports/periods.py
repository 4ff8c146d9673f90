"""Days, weeks and months of the reporting time zone (PNL-3). Weeks begin on Monday.

A day begins at the first moment that a calendar in the zone shows its date, also where a clock change leaves out or
repeats midnight; so a day has 23, 24 or 25 hours, or whatever the zone makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

MAX_PERIODS = 4_000
"""Most days, weeks or months one report is split into; eleven years of days."""
EARLIER = "(earlier)"


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def day_of(time_ms: int, zone: ZoneInfo) -> date:
    """The date a calendar in the zone shows at this time."""
    return datetime.fromtimestamp(time_ms // 1000, zone).date()


def day_start_ms(day: date, zone: ZoneInfo) -> int:
    """The day's first moment: where the clock skips midnight what it skips to, where it repeats it the first."""
    return int(datetime.combine(day, time(), zone).timestamp()) * 1000


def day_end_ms(day: date, zone: ZoneInfo) -> int:
    """The first moment that is not the day's any more."""
    return day_start_ms(day + timedelta(days=1), zone)


def first_day(period: Period, day: date) -> date:
    """The first day of the period that `day` is in."""
    if period is Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if period is Period.MONTH else day


def next_first_day(period: Period, first: date) -> date:
    """The first day of the period behind the one that begins on `first`."""
    if period is Period.DAY:
        return first + timedelta(days=1)
    if period is Period.WEEK:
        return first + timedelta(days=7)
    return (first + timedelta(days=32)).replace(day=1)


def period_name(period: Period, first: date) -> str:
    """`2025-06-01` for a day and for a week, whose Monday it is; `2025-06` for a month."""
    return first.isoformat()[:7] if period is Period.MONTH else first.isoformat()


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """When the current day, week and month began."""

    day_ms: int
    week_ms: int
    month_ms: int


def starts(now_ms: int, zone: ZoneInfo) -> Starts:
    today = day_of(now_ms, zone)
    day, week, month = (day_start_ms(first_day(period, today), zone) for period in Period)
    return Starts(day_ms=day, week_ms=week, month_ms=month)


def split(period: Period, zone: ZoneInfo, first_ms: int, last_ms: int) -> list[tuple[str, int, int]]:
    """(name, start, end) of the periods that the times from `first_ms` to `last_ms` are in, oldest first.

    What lies before the newest `MAX_PERIODS` is one part named `EARLIER`. Nothing where the last is before the first.
    """
    if last_ms < first_ms:
        return []
    first = first_day(period, day_of(first_ms, zone))
    start, found = first_day(period, day_of(last_ms, zone)), list[tuple[str, int, int]]()
    end_ms = day_start_ms(next_first_day(period, start), zone)
    while start >= first:
        if len(found) == MAX_PERIODS - 1 and start > first:
            found.append((EARLIER, day_start_ms(first, zone), end_ms))
            break
        begin_ms = day_start_ms(start, zone)
        found.append((period_name(period, start), begin_ms, end_ms))
        start, end_ms = first_day(period, start - timedelta(days=1)), begin_ms
    return found[::-1]


def basis(zone_name: str) -> str:
    """Where periods begin, in words."""
    return f"days begin at 00:00 {zone_name}, weeks on Monday; profit counts when it was realised"
