"""Watches `config.yaml` and hands over what changed (CFG-2).

The folder is watched, not the file: editors and deployments replace files by renaming. A burst of events is read once,
`debounce_s` after the last of them. What decides is the text: an event without a change of it is nothing. File systems
that tell of no events are looked at every `LOOK_S` all the same.

Whoever else changes the config does so while it holds the watch (`hold`), so there is one order of versions, whichever
way they came (CFG-7).
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from actors.rules.settings import Settings
from daemon.config.fault import ConfigFaults
from daemon.config.file import Standing, standing_in
from daemon.config.load import LoadedConfig, load_config
from daemon.config.reload import applicable, changed_keys, needs_restart

_LOG = logging.getLogger("terrace.config")
_WRITES = frozenset({"created", "modified", "moved", "deleted", "closed"})
"""Event types that may mean new text. Reading the file raises events too; following those would never end."""

_STOP_TIMEOUT_S = 5.0
LOOK_S = 5.0
_LONGEST_WAIT_S = 5.0
"""A file that never stops changing is read after this long all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who changed the config, and which way: `file`, `cli`, `panel`, `api`."""

    author: str
    source: str


BY_FILE = Origin(author="file", source="file")
"""The file was edited: by whom is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigChange:
    """A valid config that differs from the running one."""

    loaded: LoadedConfig
    """The new file, whole."""
    settings: Settings
    """What can be applied now: `loaded.settings`, with what needs a restart as it runs."""
    changed: tuple[str, ...]
    """Dotted keys that differ from the running config."""
    restart: tuple[str, ...]
    """Those of `changed` that are only taken at the next start."""
    origin: Origin = BY_FILE


Checked: TypeAlias = ConfigChange | ConfigFaults | None


class ConfigWatcher:
    """Tells `on_change` of a valid change and `on_faults` of an invalid one, which changes nothing.

    Both are called from the watcher's thread, or from the caller of `check_now`, never two at a time.
    """

    def __init__(
        self,
        running: LoadedConfig,
        environ: Mapping[str, str],
        *,
        on_change: Callable[[ConfigChange], None],
        on_faults: Callable[[ConfigFaults], None],
        on_mended: Callable[[], None] = lambda: None,
        on_look: Callable[[], None] = lambda: None,
        debounce_s: float = 0.3,
    ) -> None:
        """`on_mended`: after faults the file says again what is in force. `on_look` is called about every
        `LOOK_S`."""
        self.path = running.daemon.config_path
        self.environ: Mapping[str, str] = dict(environ)
        self._on_change = on_change
        self._on_faults = on_faults
        self._on_mended = on_mended
        self._on_look = on_look
        self._is_faulty = False
        self._debounce_s = debounce_s
        self._lock = threading.Lock()
        self._latest = running
        """The newest config that held, restart or not."""
        self._applied = running.settings
        self._seen: bytes | None = hashlib.sha256(running.text.encode()).digest()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="config-watcher", daemon=True)
        self._observer = Observer()

    @property
    def latest(self) -> LoadedConfig:
        """The newest config that held."""
        return self._latest

    def start(self) -> None:
        """Begins to watch the file's folder, and that of the file it links to."""
        handler = _Waker(self._wake, {str(self.path), str(self.path.resolve())})
        for folder in sorted({self.path.parent, self.path.resolve().parent}):
            self._observer.schedule(handler, str(folder), recursive=False)
        self._observer.start()
        self._wake.set()  # The file may have changed since it was loaded.
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch; does nothing when it was never begun."""
        self._stopping.set()
        self._wake.set()
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join(_STOP_TIMEOUT_S)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_STOP_TIMEOUT_S)

    @property
    def applied(self) -> Settings:
        """What of it is in force now."""
        return self._applied

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Nobody else reads or changes the config meanwhile. Not to be entered twice."""
        with self._lock:
            yield

    def look(self) -> Standing:
        """While held: takes up what the file says now and answers it."""
        if _digest(self.path) != self._seen:
            self._check()
        return standing_in(self.path)

    def wrote(self, text: str) -> None:
        """While held: this is what the file says now, and it is known already."""
        self._seen = hashlib.sha256(text.encode()).digest()

    def take(self, loaded: LoadedConfig, origin: Origin) -> ConfigChange | None:
        """While held: puts a config in force whose text the file has by now. None if it is the one in force."""
        changed = changed_keys(self._latest.effective, loaded.effective)
        if not changed and loaded.text == self._latest.text:
            return None
        loaded = replace(loaded, settings=replace(loaded.settings, version=self._applied.version + 1))
        change = ConfigChange(
            loaded=loaded,
            settings=applicable(self._applied, loaded.settings),
            changed=changed,
            restart=tuple(key for key in changed if needs_restart(key)),
            origin=origin,
        )
        self._on_change(change)
        self._latest, self._applied = loaded, change.settings
        return change

    def check_now(self) -> Checked:
        """Reads the file whether or not anything was noticed (SIGHUP). Answers what was handed over, if anything."""
        with self._lock:
            return self._check()

    def _run(self) -> None:
        next_look_s = time.monotonic() + LOOK_S
        while not self._stopping.is_set():
            is_told = self._wake.wait(LOOK_S)
            if is_told:
                self._let_it_settle()
            if self._stopping.is_set():
                return
            try:
                self._check_if_new()
                if time.monotonic() >= next_look_s:
                    next_look_s = time.monotonic() + LOOK_S
                    self._on_look()
            except Exception:  # A fault of the receiver must not end the watch.
                _LOG.exception("a config change could not be handed over")

    def _let_it_settle(self) -> None:
        """Returns once no event has come for `debounce_s`."""
        waited_s = 0.0
        while self._wake.is_set() and waited_s < _LONGEST_WAIT_S and not self._stopping.is_set():
            self._wake.clear()
            self._stopping.wait(self._debounce_s)
            waited_s += self._debounce_s
        self._wake.clear()

    def _check_if_new(self) -> None:
        with self._lock:
            if _digest(self.path) != self._seen:
                self._check()

    def _check(self) -> Checked:
        self._seen = _digest(self.path)
        loaded = load_config(self.path, self.environ)
        was_faulty, self._is_faulty = self._is_faulty, isinstance(loaded, ConfigFaults)
        if isinstance(loaded, ConfigFaults):
            self._on_faults(loaded)
            return loaded
        change = self.take(loaded, BY_FILE)
        if change is None and was_faulty:
            self._on_mended()
        return change


class _Waker(FileSystemEventHandler):
    """A file beside the config that is written all the time, a log say, must not put off the reading. Renames of
    others count: a folder above may be a link that is swapped."""

    def __init__(self, wake: threading.Event, own: set[str]) -> None:
        self._wake = wake
        self._own = own

    def on_any_event(self, event: FileSystemEvent) -> None:
        is_inside = event.event_type in ("modified", "closed") and not event.is_directory
        if event.event_type in _WRITES and (not is_inside or os.fsdecode(event.src_path) in self._own):
            self._wake.set()


def _digest(path: Path) -> bytes | None:
    """What stands in the file, to compare; None while it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return None
