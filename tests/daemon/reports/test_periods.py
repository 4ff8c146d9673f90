"""Days, weeks and months of a time zone, the odd days of the clock among them (PNL-3)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.reports import periods
from daemon.reports.periods import Period

HOUR_MS = 3_600_000
BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana")


def ms(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1000  # type: ignore[misc,arg-type]


@pytest.mark.rule("PNL-3")
@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2025, 3, 30), 23),
        ("Europe/Berlin", date(2025, 10, 26), 25),
        ("Europe/Berlin", date(2025, 6, 1), 24),
        ("Australia/Lord_Howe", date(2025, 4, 6), 24.5),
        ("America/Havana", date(2025, 3, 9), 23),  # Midnight itself is skipped.
        ("America/Havana", date(2025, 11, 2), 25),  # The hour from midnight on comes twice.
        ("UTC", date(2025, 3, 30), 24),
    ],
)
def test_a_day_on_which_clocks_change_is_as_long_as_it_was(zone: str, day: date, hours: float) -> None:
    at = ZoneInfo(zone)
    start_ms, end_ms = periods.day_start_ms(day, at), periods.day_end_ms(day, at)
    assert (end_ms - start_ms) / HOUR_MS == hours
    assert periods.day_of(start_ms, at) == day
    assert periods.day_of(start_ms - 1, at) == day - timedelta(days=1)
    assert periods.day_of(end_ms - 1, at) == day


@pytest.mark.rule("PNL-3")
def test_day_week_and_month_begin_in_the_reporting_time_zone() -> None:
    # 2025-06-01 00:30 in Berlin is a Sunday; in UTC it is still Saturday, 31 May.
    starts = periods.starts(ms(2025, 5, 31, 22, 30), BERLIN)
    assert starts.day_ms == ms(2025, 5, 31, 22)
    assert starts.week_ms == ms(2025, 5, 25, 22)  # Monday, 26 May.
    assert starts.month_ms == ms(2025, 5, 31, 22)


def named(period: Period, at: ZoneInfo, *times: int) -> list[str]:
    """Name of the period that each time is in."""
    found = periods.split(period, at, min(times), max(times))
    return [next(name for name, start_ms, end_ms in found if start_ms <= time_ms < end_ms) for time_ms in times]


@pytest.mark.rule("PNL-3")
def test_periods_are_named_by_their_first_day() -> None:
    moments = (ms(2024, 12, 30, 12), ms(2025, 1, 1, 12), ms(2025, 2, 28, 23, 30))
    assert named(Period.DAY, BERLIN, *moments) == ["2024-12-30", "2025-01-01", "2025-03-01"]
    assert named(Period.WEEK, BERLIN, *moments) == ["2024-12-30", "2024-12-30", "2025-02-24"]
    assert named(Period.MONTH, BERLIN, *moments) == ["2024-12", "2025-01", "2025-03"]
    assert periods.split(Period.DAY, BERLIN, 0, -1) == []


@pytest.mark.rule("PNL-3")
@given(
    zone=st.sampled_from(ZONES),
    period=st.sampled_from(Period),
    first_ms=st.integers(ms(2015, 1, 1), ms(2027, 1, 1)),
    length_ms=st.integers(0, 200 * 24 * HOUR_MS),
)
def test_periods_follow_each_other_without_a_gap_and_say_what_the_calendar_says(
    zone: str, period: Period, first_ms: int, length_ms: int
) -> None:
    at, last_ms = ZoneInfo(zone), first_ms + length_ms
    found = periods.split(period, at, first_ms, last_ms)
    assert found[0][1] <= first_ms < found[0][2]
    assert found[-1][1] <= last_ms < found[-1][2]
    assert [start_ms for _, start_ms, _ in found[1:]] == [end_ms for *_, end_ms in found[:-1]]
    for name, start_ms, end_ms in found:
        for time_ms in (start_ms, end_ms - 1):
            first = periods.first_day(period, periods.day_of(time_ms, at))
            assert name == periods.period_name(period, first)


def test_more_periods_than_the_limit_are_one_earlier_part() -> None:
    at, first_ms, last_ms = ZoneInfo("UTC"), ms(1990, 1, 1), ms(2025, 1, 1)
    found = periods.split(Period.DAY, at, first_ms, last_ms)
    assert len(found) == periods.MAX_PERIODS
    assert found[0][:2] == (periods.EARLIER, first_ms)
    assert found[0][2] == found[1][1]
    assert found[-1][0] == "2025-01-01"
