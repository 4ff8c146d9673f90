"""The one way by which a config is changed while the daemon runs, whoever asks: CLI, panel or another client (CFG-7).

Under the watcher's hold: look at the file as it is now, make the new text, judge it, write the file, put it in force.
A write over something its author has not seen is refused; what is refused changes nothing. The file is replaced before
the version is stored: after a crash in between the file is what the next start finds, and it becomes that version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from daemon.config.fault import ConfigFaults, Fault
from daemon.config.file import ChangedMeanwhile, Standing, etag_of, replace_file, standing_in
from daemon.config.load import LoadedConfig, load_text
from daemon.config.watcher import ConfigChange, ConfigWatcher, Origin

Make: TypeAlias = Callable[[str], str | ConfigFaults]
"""The wanted text, from the one that stands in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    make: Make
    etag: str
    """Of the text its author has seen; empty: whatever is there."""
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A text that holds, and what it would be put in the place of."""

    loaded: LoadedConfig
    running: LoadedConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """It is in force. `change` is None if it was already."""

    change: ConfigChange | None
    before: LoadedConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """The config was changed since its author saw it. `etag` is that of what stands in the file now."""

    etag: str
    version: int
    """In force."""
    faults: ConfigFaults | None
    """Why what stands in the file is not in force, if so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotWritable:
    """The file cannot be replaced; nothing was changed."""

    problem: str


def judge(watcher: ConfigWatcher, make: Make, etag: str = "") -> Judged | Stale | ConfigFaults:
    """What would come of a change. Changes nothing and waits for nobody. `etag`: as of `Wanted`."""
    running, standing = watcher.latest, standing_in(watcher.path)
    if etag and etag not in (etag_of(running.text), standing.etag):
        return _stale(watcher, standing)
    return _judged(watcher, make, standing, running)


def change(watcher: ConfigWatcher, wanted: Wanted) -> Written | Stale | ConfigFaults | NotWritable:
    """Makes the change, or says why not. Blocks while files are read and written."""
    with watcher.hold():
        standing = watcher.look()
        before = watcher.latest
        judged = _judged(watcher, wanted.make, standing, before)
        if isinstance(judged, ConfigFaults):
            return judged
        text = judged.loaded.text
        if text == standing.text == before.text:
            return Written(change=None, before=before)
        if text != standing.text and not _has_seen(wanted, standing, before):
            return _stale(watcher, standing)
        try:
            replace_file(watcher.path, text, standing)
        except ChangedMeanwhile:
            return _stale(watcher, watcher.look())
        except OSError as error:
            return NotWritable(problem=error.strerror or str(error))
        watcher.wrote(text)
        return Written(change=watcher.take(judged.loaded, wanted.origin), before=before)


def _has_seen(wanted: Wanted, standing: Standing, before: LoadedConfig) -> bool:
    """Whether nothing gets lost: the author saw what is there, or changes it as it is. A missing file was the last."""
    if standing.data is None and not standing.problem:
        return wanted.etag in ("", etag_of(before.text))
    return wanted.etag == standing.etag or (not wanted.etag and not standing.problem)


def _judged(watcher: ConfigWatcher, make: Make, standing: Standing, running: LoadedConfig) -> Judged | ConfigFaults:
    text = make(running.text if standing.text is None else standing.text)
    if isinstance(text, ConfigFaults):
        return text
    loaded = load_text(text, watcher.path, watcher.environ)
    return loaded if isinstance(loaded, ConfigFaults) else Judged(loaded=loaded, running=running)


def _stale(watcher: ConfigWatcher, standing: Standing) -> Stale:
    path = watcher.path
    if standing.problem:
        fault = Fault(path="", line=0, message=standing.problem, source=path.name)
        faults: ConfigFaults | None = ConfigFaults(faults=(fault,))
    else:
        loaded = load_text(standing.text or watcher.latest.text, path, watcher.environ)
        faults = loaded if isinstance(loaded, ConfigFaults) else None
    etag = standing.etag or ("" if standing.problem else etag_of(watcher.latest.text))
    return Stale(etag=etag, version=watcher.applied.version, faults=faults)
