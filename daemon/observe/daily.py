"""The daily summary: the numbers of a day, told at a time of one's own (LOG-5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from actors.ports import Clock
from actors.rules.choices import World
from actors.rules.records import AddEvent
from actors.rules.settings import Settings
from daemon.notes import Notes
from daemon.store.found import EventFilter
from daemon.store.pages import Page
from daemon.store.read import Reader
from protos.terrace.v1 import report_pb2 as pb

_LOG = structlog.stdlib.get_logger("terrace.system")

ROUND_S = 20.0
TYPE = "daily.summary"
LATE_H = 6
"""A summary that was missed is still told for so long."""
NOON_H = 12
"""Before noon the day before is told, which is over; from noon on the day so far."""


class DailySummary:
    def __init__(
        self,
        *,
        settings: Callable[[], Settings],
        worlds: Sequence[World],
        ask: Callable[[World, date], Awaitable[pb.DailySummary]],
        reader: Reader,
        notes: Notes,
        clock: Clock,
    ) -> None:
        """`ask`: the summary of a world's day."""
        self._settings = settings
        self._worlds = worlds
        self._ask = ask
        self._reader = reader
        self._notes = notes
        self._clock = clock
        self._told_ms: int | None = None
        """When it was told last; None: not looked yet."""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                _LOG.exception("daily_summary_failed")
            await asyncio.sleep(ROUND_S)

    async def look(self) -> None:
        """Tells it if it is due and was not told."""
        at = self._settings().alerts.daily_summary_at
        if at is None:
            return
        local = self._local(self._clock.now_ms())
        due = due_before(local, at)
        if local - due > timedelta(hours=LATE_H):
            return
        due_ms = int(due.timestamp() * 1000)
        if self._told_ms is None:
            self._told_ms = await asyncio.to_thread(self._told_before)
        if self._told_ms >= due_ms:
            return
        day = due.date() - timedelta(days=1) if due.hour < NOON_H else due.date()
        rows = [self._row(world, await self._ask(world, day)) for world in self._worlds]
        self._notes.commit(*rows)
        self._told_ms = self._clock.now_ms()

    def _told_before(self) -> int:
        found = self._reader.list_events(EventFilter(types=(TYPE,)), size=1)
        newest = found.items[0].event if isinstance(found, Page) and found.items else None
        return newest.time_ms if isinstance(newest, AddEvent) else 0

    def _local(self, now_ms: int) -> datetime:
        zone = ZoneInfo(self._settings().engine.reporting_timezone)
        return datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)

    def _row(self, world: World, summary: pb.DailySummary) -> AddEvent:
        return AddEvent(
            time_ms=self._clock.now_ms(),
            severity="info",
            category="engine",
            type=TYPE,
            message=words(world, summary),
            world=world,
            attributes={"date": summary.date},
        )


def due_before(local: datetime, at: str) -> datetime:
    """The last time of that clock time up to now. Where the clocks change, the time the day has."""
    hours, _, minutes = at.partition(":")
    due = local.replace(hour=int(hours), minute=int(minutes), second=0, microsecond=0, fold=0)
    return due if due <= local else due - timedelta(days=1)


def words(world: World, summary: pb.DailySummary) -> str:
    """One line that can be read on a phone."""
    money = summary.currency
    parts = [
        f"{world.value} {summary.date}: net profit {summary.net_profit} {money}",
        f"{summary.trades} trade{'' if summary.trades == 1 else 's'} closed",
        f"volume {summary.volume} {money}",
        f"fees {summary.fees} {money}",
    ]
    if summary.best_symbol:
        parts.append(f"best {summary.best_symbol}, worst {summary.worst_symbol}")
    return ", ".join(parts)
