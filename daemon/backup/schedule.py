"""Backups by the clock: one soon after the start if the last is too old, then one every so often; LOG-5 if it fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from actors.ports import Clock
from daemon.backup.keeper import Backups, Stopped
from daemon.backup.making import BackupFailed, Made
from daemon.notes import Notes

_LOG = structlog.stdlib.get_logger("terrace.system")

FAILED = "backup_failed"
FIRST_S = 30.0
"""After the start: whoever starts a daemon wants it to trade first."""
LOOK_S = 60.0
AGAIN_MS = 15 * 60_000
"""A failed one is tried again after so long."""


class Schedule:
    def __init__(self, backups: Backups, notes: Notes, clock: Clock, *, first_s: float = FIRST_S) -> None:
        self._backups = backups
        self._notes = notes
        self._clock = clock
        self._first_s = first_s
        self._tried_ms: int | None = None
        self.on_done: Callable[[Made | BackupFailed], None] = lambda _done: None
        """Told of each backup that was tried. Any thread."""

    async def run(self) -> None:
        """Until it is cancelled."""
        await asyncio.sleep(self._first_s)
        loop = asyncio.get_running_loop()
        while True:
            try:
                if await asyncio.to_thread(self.is_due):
                    await loop.run_in_executor(self._backups.executor, self.make_one)
            except OSError as error:
                self.tell(BackupFailed(problem=str(error), remedy="Set backup.directory to a folder that can be read"))
            except Exception:
                _LOG.exception("backup_schedule_failed")
            await asyncio.sleep(LOOK_S)

    def is_due(self) -> bool:
        """OSError where the folder cannot be read."""
        every_ms, now_ms = self._backups.terms.every_ms, self._clock.now_ms()
        if not every_ms or (self._tried_ms is not None and 0 <= now_ms - self._tried_ms < min(AGAIN_MS, every_ms)):
            return False
        newest_ms = self._backups.newest_ms()
        return newest_ms is None or not 0 <= now_ms - newest_ms < every_ms

    def make_one(self) -> None:
        """Blocks for as long as it takes."""
        self._tried_ms = self._clock.now_ms()
        key = self._backups.key(encrypt=None)
        try:
            self.tell(key if isinstance(key, BackupFailed) else self._backups.make(key))
        except Stopped:
            _LOG.info("backup_given_up")

    def tell(self, done: Made | BackupFailed) -> None:
        """In the event log, and as the alert that stands while no backup can be made."""
        self.on_done(done)
        if isinstance(done, Made):
            words = f"backup {done.path.name} was made: {done.size_bytes} bytes"
            self._notes.commit(self._notes.resolved(FAILED), self._notes.event("system", "info", "backup.made", words))
        else:
            _LOG.error("backup_failed", problem=done.problem)
            self._notes.raise_alert(FAILED, "error", "system", f"no backup was made: {done}")
