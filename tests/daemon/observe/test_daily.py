"""The daily summary: at its time, once, and of the right day."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from actors.rules.choices import World
from actors.rules.records import AddEvent
from actors.rules.settings import AlertSettings, EngineSettings, Settings
from daemon.notes import Notes
from daemon.observe.daily import DailySummary, due_before
from daemon.store.pages import Page
from daemon.store.read import Reader
from protos.terrace.v1 import report_pb2 as pb
from tests.daemon.store import samples
from tests.daemon.test_watch import Recorded


class Scene:
    def __init__(self, folder: Path, at: str) -> None:
        self.store = samples.chosen(folder)
        self.reader = Reader(self.store.source())
        self.time_ms = 0
        self.recorded = Recorded()
        self.days: list[date] = []
        self.settings = Settings(
            engine=EngineSettings(reporting_timezone="Europe/Berlin"), alerts=AlertSettings(daily_summary_at=at)
        )
        self.start()

    def start(self) -> None:
        recorder: Any = self.recorded
        clock: Any = self
        self.daily = DailySummary(
            settings=lambda: self.settings,
            worlds=(World.PAPER,),
            ask=self.ask,
            reader=self.reader,
            notes=Notes(recorder, clock),
            clock=clock,
        )

    def now_ms(self) -> int:
        return self.time_ms

    async def ask(self, _world: World, day: date) -> pb.DailySummary:
        self.days.append(day)
        return pb.DailySummary(
            date=day.isoformat(), trades=2, net_profit="12.5", volume="800", fees="0.8", currency="USDT"
        )

    def look(self, *local: int) -> list[date]:
        """Days told by looking at that local time."""
        before = len(self.days)
        self.time_ms = int(datetime(*local, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]
        asyncio.run(self.daily.look())
        if self.recorded.rows:
            self.store.apply([("a", tuple(self.recorded.rows))])
            self.recorded.rows.clear()
        return self.days[before:]

    def close(self) -> None:
        self.reader.close()
        self.store.close()


@pytest.mark.rule("LOG-5")
def test_in_the_evening_the_day_so_far_is_told_once_also_over_a_restart(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "21:00")
    assert scene.look(2026, 3, 1, 20, 59) == []
    assert scene.look(2026, 3, 1, 21, 0) == [date(2026, 3, 1)]
    assert scene.look(2026, 3, 1, 21, 1) == []
    scene.start()
    assert scene.look(2026, 3, 1, 21, 2) == []
    assert scene.look(2026, 3, 2, 21, 5) == [date(2026, 3, 2)]
    scene.close()


def test_in_the_morning_the_day_before_is_told_and_late_but_not_too_late(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "07:00")
    assert scene.look(2026, 3, 1, 13, 1) == [], "more than six hours late"
    assert scene.look(2026, 3, 2, 12, 0) == [date(2026, 3, 1)]
    scene.close()


def test_its_words_are_the_numbers_of_the_report(tmp_path: Path) -> None:
    scene = Scene(tmp_path, "21:00")
    scene.look(2026, 3, 1, 21, 0)
    found = scene.reader.list_events()
    assert isinstance(found, Page)
    (row,) = [stored.event for stored in found.items]
    assert isinstance(row, AddEvent)
    assert row.message == ("paper 2026-03-01: net profit 12.5 USDT, 2 trades closed, volume 800 USDT, fees 0.8 USDT")
    assert row.type == "daily.summary"
    scene.close()


@pytest.mark.parametrize(
    ("local", "due"),
    [
        (datetime(2026, 3, 1, 21, 0, tzinfo=UTC), datetime(2026, 3, 1, 21, 0, tzinfo=UTC)),
        (datetime(2026, 3, 1, 20, 59, tzinfo=UTC), datetime(2026, 2, 28, 21, 0, tzinfo=UTC)),
    ],
)
def test_the_last_time_of_a_clock_time(local: datetime, due: datetime) -> None:
    assert due_before(local, "21:00") == due
