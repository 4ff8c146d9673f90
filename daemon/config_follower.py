"""The config while the daemon runs: follows the file, takes changes of the API, stores each version (CFG-2, CFG-3).

What is in force is never undone by a store that fails: a version that was not stored is stored again until it is there.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from actors.ports import Clock, StoreFault
from actors.rules.records import AddConfigVersion, AddEvent, Row
from actors.rules.settings import Settings
from daemon.config import apply as writing
from daemon.config.fault import ConfigFaults
from daemon.config.load import LoadedConfig
from daemon.config.versions import named
from daemon.config.watcher import BY_FILE, ConfigChange, ConfigWatcher, Origin
from daemon.notes import Notes
from daemon.store.found import StoredConfig

_LOG = structlog.stdlib.get_logger("terrace.config")

INVALID = "config_invalid"
"""Key of the alert about a file that cannot be used."""
MAX_UNSTORED = 1_000
"""Versions kept while the store takes nothing. Beyond that the oldest are not stored any more."""
MAX_LOGGED_FAULTS = 50
MAX_SHOWN_KEYS = 20


def version_of(text: str, newest: StoredConfig | None) -> int:
    """The number a config is applied under: that of the same text, else the next one."""
    if newest is None:
        return 1
    return newest.version if newest.text == text else newest.version + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The version in force. Replaced whole, read from any thread."""

    loaded: LoadedConfig
    """The file's config. What of it waits for a restart is not in force yet."""
    version: int
    time_ms: int
    origin: Origin


class ConfigFollower:
    """`apply` puts settings in force; it is called by one thread at a time, the watcher's or a caller's of `change`."""

    def __init__(
        self,
        running: LoadedConfig,
        environ: Mapping[str, str],
        *,
        apply: Callable[[Settings], None],
        notes: Notes,
        clock: Clock,
        is_stored: Callable[[int], bool] = lambda _version: True,
    ) -> None:
        """`is_stored`: whether the version is in the store; StoreFault while that cannot be told."""
        self._apply = apply
        self._notes = notes
        self._clock = clock
        self._is_stored = is_stored
        self._unstored: OrderedDict[int, tuple[Row, ...]] = OrderedDict()
        self._unstored_lock = threading.Lock()
        self._in_force = InForce(
            loaded=running, version=running.settings.version, time_ms=clock.now_ms(), origin=BY_FILE
        )
        self.is_started = False
        """Changes are only taken from then on."""
        self._watcher = ConfigWatcher(
            running,
            environ,
            on_change=self._changed,
            on_faults=self._faulty,
            on_mended=self._mended,
            on_look=self._store_again,
        )

    @property
    def in_force(self) -> InForce:
        return self._in_force

    @property
    def environ(self) -> Mapping[str, str]:
        return self._watcher.environ

    def start(self, newest: StoredConfig | None) -> None:
        """Begins to watch. `newest`: the version that was stored last."""
        now = self._in_force
        if newest is None or newest.version < now.version:
            self._store(now.version, (self._row(now, ()), self._notes.resolved(INVALID)))
        else:
            origin = Origin(author=newest.author, source=newest.source)
            self._in_force = InForce(loaded=now.loaded, version=now.version, time_ms=newest.time_ms, origin=origin)
            self._mended()  # Whatever an earlier life found wrong: this one could read the file.
        self._watcher.start()
        self.is_started = True

    def stop(self) -> None:
        self._watcher.stop()

    def read_again(self) -> None:
        """SIGHUP. Blocks while the file is read."""
        self._watcher.check_now()

    def judge(self, make: writing.Make, etag: str = "") -> writing.Judged | writing.Stale | ConfigFaults:
        """What would come of a change. Blocks for as long as a config takes to be read."""
        return writing.judge(self._watcher, make, etag)

    def change(self, wanted: writing.Wanted) -> writing.Written | writing.Stale | ConfigFaults | writing.NotWritable:
        """Writes the file and puts it in force, or says why not. Blocks."""
        return writing.change(self._watcher, wanted)

    # --- what happened ----------------------------------------------------------------------------

    def _changed(self, change: ConfigChange) -> None:
        self._apply(change.settings)
        now = InForce(
            loaded=change.loaded,
            version=change.settings.version,
            time_ms=self._clock.now_ms(),
            origin=change.origin,
        )
        self._in_force = now
        for warning in change.loaded.warnings:
            _LOG.warning(warning)
        self._store(now.version, (self._row(now, change.changed), self._event(change), self._notes.resolved(INVALID)))

    def _faulty(self, faults: ConfigFaults) -> None:
        first, more = faults.faults[0], len(faults.faults) - 1
        words = f"the changed config is not used: {first}" + (
            f" and {more} more fault{'s' * (more > 1)}" if more else ""
        )
        for fault in faults.faults[1:MAX_LOGGED_FAULTS]:  # The first is logged with the alert.
            _LOG.error(str(fault))
        self._notes.raise_alert(INVALID, "error", "config", words)

    def _mended(self) -> None:
        self._notes.commit(self._notes.resolved(INVALID))

    def _event(self, change: ConfigChange) -> AddEvent:
        now = [key for key in change.changed if key not in change.restart]
        version, origin = change.settings.version, change.origin
        by = "" if origin == BY_FILE else f" by {origin.author} ({origin.source})"
        words = f"config version {version} is in force{by}: {_listed(now) or 'nothing changes yet'}"
        if change.restart:
            words += f"; only after a restart: {_listed(change.restart)}"
        return AddEvent(
            time_ms=self._clock.now_ms(),
            severity="warning" if change.restart else "info",
            category="config",
            type="config.applied",
            message=words,
            attributes={"version": str(version), "who": origin.author, "source": origin.source},
        )

    def _row(self, now: InForce, changed: tuple[str, ...]) -> AddConfigVersion:
        return AddConfigVersion(
            version=now.version,
            time_ms=now.time_ms,
            author=now.origin.author,
            source=now.origin.source,
            text=now.loaded.text,
            changed=named(changed),
        )

    # --- the store --------------------------------------------------------------------------------

    def _store(self, version: int, rows: tuple[Row, ...]) -> None:
        with self._unstored_lock:
            self._unstored[version] = rows
            while len(self._unstored) > MAX_UNSTORED:
                self._unstored.popitem(last=False)
        self._notes.commit(*rows)

    def _store_again(self) -> None:
        """Looks whether the versions are in the store, and gives it those that are not. On the watcher's thread."""
        with self._unstored_lock:
            waiting = list(self._unstored.items())
        for version, rows in waiting:
            try:
                is_stored = self._is_stored(version)
            except StoreFault:
                return
            if is_stored:
                with self._unstored_lock:
                    self._unstored.pop(version, None)
            else:
                self._notes.commit(*rows)


def _listed(keys: list[str] | tuple[str, ...]) -> str:
    more = len(keys) - MAX_SHOWN_KEYS
    return ", ".join(keys[:MAX_SHOWN_KEYS]) + (f" and {more} more" if more > 0 else "")
