"""What is looked after beside the engine: alerts about disk and store end with their cause, also over a restart."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from actors.rules.records import RaiseAlert, ResolveAlert, Row
from actors.rules.settings import AlertSettings, Settings
from daemon.api.condition import Condition
from daemon.clock import SystemClock
from daemon.housekeeping import DISK_LOW, STORE, Housekeeping
from daemon.notes import Notes


class Written:
    """Stands for the recorder."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.standing: tuple[str, ...] = ()

    def standing_alerts(self) -> tuple[str, ...]:
        return self.standing

    def commit(self, rows: tuple[Row, ...]) -> None:
        self.rows.extend(rows)

    def raised(self) -> list[str]:
        return [row.alert_key for row in self.rows if isinstance(row, RaiseAlert)]

    def resolved(self) -> list[str]:
        return [row.alert_key for row in self.rows if isinstance(row, ResolveAlert)]


class NothingOld:
    def prune(self, now_ms: int, events_before_ms: int) -> int:
        return 0


class House:
    """A process's housekeeping over a data directory."""

    def __init__(self, data_dir: Path, *, least_mb: int) -> None:
        self.written = Written()
        self.condition = Condition(0)
        self.settings = Settings(alerts=AlertSettings(disk_free_mb=least_mb))
        self.keeping = Housekeeping(
            cast(Any, NothingOld()),
            data_dir,
            365,
            settings=lambda: self.settings,
            condition=self.condition,
            notes=Notes(cast(Any, self.written), SystemClock()),
            clock=SystemClock(),
        )

    def wants(self, least_mb: int) -> None:
        self.settings = replace(self.settings, alerts=AlertSettings(disk_free_mb=least_mb))

    def run_a_round(self) -> None:
        async def first() -> None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.keeping.run(), 0.2)

        asyncio.run(first())


@pytest.mark.rule("LOG-5")
def test_the_alert_of_a_low_disk_stands_while_it_is_low(tmp_path: Path) -> None:
    house = House(tmp_path, least_mb=10**9)
    house.keeping.look_at_disk()
    assert (house.written.raised(), house.written.resolved()) == ([DISK_LOW], [])
    assert house.condition.broken
    house.wants(0)
    house.keeping.look_at_disk()
    house.keeping.look_at_disk()
    assert house.written.resolved() == [DISK_LOW]
    assert not house.condition.broken


@pytest.mark.rule("LOG-5")
def test_alerts_of_an_earlier_process_about_disk_and_store_end_when_all_is_well(tmp_path: Path) -> None:
    house = House(tmp_path, least_mb=0)
    house.run_a_round()
    assert sorted(house.written.resolved()) == sorted([DISK_LOW, STORE])
    assert house.written.raised() == []


@pytest.mark.rule("REC-2", "LOG-5")
def test_alerts_about_one_life_of_the_daemon_end_with_it(tmp_path: Path) -> None:
    house = House(tmp_path, least_mb=0)
    house.written.standing = ("given_up/feed", "store_slow", "crashed/pool", "limit/paper/X")
    house.run_a_round()
    assert {"given_up/feed", "store_slow"} <= set(house.written.resolved())
    assert not {"crashed/pool", "limit/paper/X"} & set(house.written.resolved())
