"""What the status takes from the store, and what it goes by while that cannot be read: what was known last (REC-4).

A status is asked for most when something is wrong. It must come then, and say what is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from actors.rules.choices import World
from daemon.api.errors import Failed
from daemon.store.found import Counts

if TYPE_CHECKING:
    from daemon.api.engine import Engine

READ_LIMIT_S = 2.0
"""A store that takes longer is passed over: the one who asks has a few seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Of one world."""

    alerts: int = 0
    """Raised and not acknowledged."""
    dead_letters: int = 0
    switch_times: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""
    """Why it is not what the store says now; empty: it is."""


class StatusCounts:
    """Belongs to one loop. At most one look per world outlives its limit: a store that hangs is not asked again and
    again."""

    def __init__(self) -> None:
        self._last: dict[World, Stored] = {}
        self._stuck: dict[World, asyncio.Task[Stored]] = {}

    async def look(self, engine: Engine, world: World) -> Stored:
        """What the store says; with `problem` set, what it said last and what the View knows."""
        stuck = self._stuck.get(world)
        if stuck is not None and not stuck.done():
            return self._known(engine, world, f"the store has not answered for more than {READ_LIMIT_S:g} s")
        self._stuck.pop(world, None)
        task = asyncio.ensure_future(_read(engine, world))
        await asyncio.wait({task}, timeout=READ_LIMIT_S)
        if not task.done():
            task.add_done_callback(_heard)
            self._stuck[world] = task
            return self._known(engine, world, f"the store has not answered within {READ_LIMIT_S:g} s")
        try:
            found = self._last[world] = task.result()
        except Failed as failed:
            return self._known(engine, world, failed.message)
        return found

    def _known(self, engine: Engine, world: World, problem: str) -> Stored:
        standing = engine.view.current.alerts.values()
        alerts = sum(not alert.acknowledged_by for alert in standing)
        return replace(self._last.get(world, Stored()), alerts=alerts, problem=problem)


async def _read(engine: Engine, world: World) -> Stored:
    def ask() -> tuple[Counts, Mapping[str, int]]:
        return engine.reader.counts(world), engine.reader.switch_times(world)

    counts, times = await engine.read(ask)
    return Stored(alerts=counts.active_alerts, dead_letters=counts.dead_letters, switch_times=times)


def _heard(task: asyncio.Task[Stored]) -> None:
    """Its outcome is nobody's any more."""
    if not task.cancelled():
        task.exception()
