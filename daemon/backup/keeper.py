"""The running daemon's backups: one at a time, on a thread of low priority that rests as long as it works."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from daemon.backup import folder as folders
from daemon.backup.folder import Found
from daemon.backup.making import BackupFailed, Made, Source, make_backup
from daemon.backup.sealing import PASSPHRASE, SealKey

LOW_PRIORITY = 10
MOST_REST_S = 0.1
"""Longest rest after one step of work."""


class Stopped(Exception):
    """The daemon is stopping: the backup was given up."""


class Pace:
    """Rests after each step as long as the step took, so that at most half a processor is used."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._began = time.monotonic()

    def __call__(self, _size: int) -> None:
        took_s = time.monotonic() - self._began
        if self._stop.wait(min(took_s, MOST_REST_S)):
            raise Stopped
        self._began = time.monotonic()


KeyFinder = Callable[[], SealKey | str | None]
"""What backups are sealed with where nothing else is said. None: nothing is; words: why it cannot be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the config says of backups."""

    folder: Path
    every_ms: int
    """0: never by itself."""
    keep: int


class Backups:
    """Makes, lists and thins out backups. Any thread; `make` blocks."""

    def __init__(
        self,
        source: Source,
        terms: Terms,
        *,
        installation_id: str,
        now_ms: Callable[[], int],
        configured_key: KeyFinder = lambda: None,
        vault_key: KeyFinder = lambda: "the vault is not in use",
    ) -> None:
        """`configured_key`: what `backup.passphrase` names; `vault_key`: the vault's own."""
        self.terms = terms
        self._source = source
        self._installation_id = installation_id
        self._now_ms = now_ms
        self._configured_key = configured_key
        self._vault_key = vault_key
        self._stop = threading.Event()
        self._busy = threading.Lock()
        self.executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="backup", initializer=_step_back)
        """Where `make` belongs."""
        self.last: Made | None = None
        """The newest one of this process."""

    def stop(self) -> None:
        """Gives up the one that is being made; nothing of it is left."""
        self._stop.set()
        self.executor.shutdown(wait=True, cancel_futures=True)

    def clear(self) -> list[Path]:
        """Removes what an earlier process left half done."""
        with contextlib.suppress(OSError):
            return folders.clear_drafts(self.terms.folder, self._installation_id)
        return []

    def list(self) -> list[Found]:
        """Newest first. OSError where the folder cannot be read."""
        return folders.list_folder(self.terms.folder)

    def newest_ms(self) -> int | None:
        """When this installation's newest backup was made. One from the future does not count: the clock was wrong."""
        now_ms = self._now_ms()
        ours = (found.create_time_ms for found in self.list() if found.installation_id == self._installation_id)
        return next((time_ms for time_ms in ours if time_ms <= now_ms), None)

    def key(self, *, encrypt: bool | None, passphrase: str = "") -> SealKey | BackupFailed | None:
        """What the next one is sealed with. `encrypt` None: as the config says."""
        if passphrase:
            return SealKey(PASSPHRASE, passphrase.encode())
        found = self._configured_key()
        if found is None and encrypt:
            found = self._vault_key()
        if isinstance(found, str):
            return BackupFailed(
                problem=f"the key for the backup cannot be had: {found}",
                remedy="Give a passphrase, or set backup.passphrase to a reference that can be read",
            )
        return found

    def make(self, key: SealKey | None) -> Made | BackupFailed:
        """One backup, then the oldest beyond `keep` are deleted. Stopped if the daemon ends first."""
        if not self._busy.acquire(blocking=False):
            return BackupFailed(problem="a backup is being made already", remedy="Wait for its end")
        try:
            made = make_backup(
                self._source,
                self.terms.folder,
                installation_id=self._installation_id,
                now_ms=self._now_ms(),
                key=key,
                rest=Pace(self._stop),
            )
            if isinstance(made, Made):
                self.last = made
                with contextlib.suppress(OSError):
                    folders.delete_old(
                        self.terms.folder, self._installation_id, self.terms.keep, lambda _kind, _id: key
                    )
            return made
        finally:
            self._busy.release()


def _step_back() -> None:
    """Where the system lets one thread have less priority than the others."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOW_PRIORITY)
