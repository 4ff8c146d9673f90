"""Follows `config.yaml` while the daemon runs: applies what is valid, tells what is not (CFG-2, CFG-3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from actors.ports import Clock
from actors.rules.records import AddConfigVersion
from actors.rules.settings import Settings
from daemon.config.fault import ConfigFaults
from daemon.config.load import LoadedConfig
from daemon.config.watcher import ConfigChange, ConfigWatcher
from daemon.notes import Notes
from daemon.store.found import StoredConfig

_LOG = structlog.stdlib.get_logger("terrace.config")

INVALID = "config_invalid"
"""Key of the alert about a file that cannot be used."""
FILE = "file"
"""Author and source of a version that was read from the file."""


def version_of(text: str, newest: StoredConfig | None) -> int:
    """The number a config is applied under: that of the same text, else the next one."""
    if newest is None:
        return 1
    return newest.version if newest.text == text else newest.version + 1


class ConfigFollower:
    """`apply` puts settings in force. Called back on the watcher's thread."""

    def __init__(
        self,
        running: LoadedConfig,
        environ: Mapping[str, str],
        *,
        apply: Callable[[Settings], None],
        notes: Notes,
        clock: Clock,
    ) -> None:
        self._apply = apply
        self._notes = notes
        self._clock = clock
        self._running = running
        self._watcher = ConfigWatcher(running, environ, on_change=self._changed, on_faults=self._faulty)

    def start(self, newest: StoredConfig | None) -> None:
        """Begins to watch. `newest`: the version that was stored last."""
        version = self._running.settings.version
        if newest is None or newest.version < version:
            self._notes.commit(self._row(version, self._running.text), self._notes.resolved(INVALID))
        self._watcher.start()

    def stop(self) -> None:
        self._watcher.stop()

    def read_again(self) -> None:
        """SIGHUP. Blocks while the file is read."""
        self._watcher.check_now()

    def _changed(self, change: ConfigChange) -> None:
        self._apply(change.settings)
        now = [key for key in change.changed if key not in change.restart]
        words = f"config version {change.settings.version} is in force: {', '.join(now) or 'nothing changes yet'}"
        if change.restart:
            words += f"; only after a restart: {', '.join(change.restart)}"
        for warning in change.loaded.warnings:
            _LOG.warning(warning)
        self._notes.commit(
            self._row(change.settings.version, change.loaded.text),
            self._notes.event("config", "warning" if change.restart else "info", "config.applied", words),
            self._notes.resolved(INVALID),
        )

    def _faulty(self, faults: ConfigFaults) -> None:
        first, more = faults.faults[0], len(faults.faults) - 1
        words = f"the changed config is not used: {first}" + (
            f" and {more} more fault{'s' * (more > 1)}" if more else ""
        )
        for fault in faults.faults[1:]:  # The first is logged with the alert.
            _LOG.error(str(fault))
        self._notes.raise_alert(INVALID, "error", "config", words)

    def _row(self, version: int, text: str) -> AddConfigVersion:
        return AddConfigVersion(version=version, time_ms=self._clock.now_ms(), author=FILE, source=FILE, text=text)
