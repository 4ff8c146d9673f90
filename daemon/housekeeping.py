"""What is done again and again beside the engine: old rows are deleted, the disk is looked at (LOG-5)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import structlog

from actors.journal import SPOOL_MS
from actors.ports import Clock
from actors.rules.settings import Settings
from daemon.api.condition import Condition
from daemon.leftovers import clear_leftovers
from daemon.notes import Notes
from daemon.store.store import SqlStore

_LOG = structlog.stdlib.get_logger("terrace.system")

ROUND_S = 60.0
PRUNE_EVERY = 60
"""Old rows are deleted every so many rounds."""
PRUNE_PAUSE_S = 0.05
"""Between two portions, so that commits come between them."""
DISK_LOW = "disk_low"
STORE = "store"
"""The supervisor's alert that the store takes no writes."""
ENDED_WITH_IT = ("given_up/", "store_slow", "store_reserve")
"""Other alerts that are about one life of the daemon."""
MB = 1024 * 1024
DAY_MS = 86_400_000


class Housekeeping:
    def __init__(
        self,
        store: SqlStore,
        data_dir: Path,
        keep_events_days: int,
        *,
        settings: Callable[[], Settings],
        condition: Condition,
        notes: Notes,
        clock: Clock,
    ) -> None:
        self._store = store
        self._data_dir = data_dir
        self._keep_events_days = keep_events_days
        self._settings = settings
        self._condition = condition
        self._notes = notes
        self._clock = clock
        self._is_low: bool | None = None
        """None: not looked yet, an alert of an earlier process may stand."""

    async def run(self) -> None:
        """Until it is cancelled."""
        # Whoever raised them died; what gets through is over, and what was given up began anew.
        self._notes.commit(self._notes.resolved(STORE), *self._notes.resolved_of_dead(ENDED_WITH_IT))
        rounds = 0
        while True:
            try:
                await asyncio.to_thread(self.look_at_disk)
                if rounds % PRUNE_EVERY == 0:
                    await self.prune()
            except Exception:
                _LOG.exception("housekeeping_failed")
            rounds += 1
            await asyncio.sleep(ROUND_S)

    def look_at_disk(self) -> None:
        """Raises the alert while too little is free, resolves it once there is more."""
        least_mb = self._settings().alerts.disk_free_mb
        free_mb = shutil.disk_usage(self._data_dir).free // MB
        if free_mb < least_mb:
            words = f"{free_mb} MB are free where the data lies, less than alerts.disk_free_mb ({least_mb})"
            self._condition.trouble(DISK_LOW, words)
            self._notes.raise_alert(DISK_LOW, "error", "system", words)
            self._is_low = True
        elif self._is_low is not False:
            self._condition.mended(DISK_LOW)
            self._notes.commit(self._notes.resolved(DISK_LOW))
            self._is_low = False

    async def prune(self) -> None:
        """Deletes what has outlived its use: expired idempotency keys, old events, resolved alerts and differences,
        most old equity, and drafts that a death half way left."""
        now_ms = self._clock.now_ms()
        folders = (self._data_dir, self._data_dir / "secrets")
        for path in await asyncio.to_thread(clear_leftovers, folders, now_ms / 1000):
            _LOG.info("draft_deleted", file=str(path))
        oldest_ms = now_ms - self._keep_events_days * DAY_MS
        while await asyncio.to_thread(self._store.prune, now_ms - SPOOL_MS, oldest_ms):
            await asyncio.sleep(PRUNE_PAUSE_S)
