"""Where memory is held, on demand. Nothing is watched before somebody asks, and for no longer than asked."""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import threading
import tracemalloc
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

MAX_WATCH_S = 60.0
DEFAULT_PLACES = 25
MAX_PLACES = 200
_PAGE_BYTES = resource.getpagesize()
_ROOTS = ("site-packages/", "lib-dynload/")


class Busy(Exception):
    """Somebody else profiles at this moment."""


@dataclass(frozen=True, slots=True)
class Place:
    """A file and line, or a kind of object, with what it holds."""

    name: str
    size_bytes: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    resident_bytes: int
    places: tuple[Place, ...]
    """Those that hold most, most first."""


class MemoryProfiler:
    """One profile at a time: two would see each other's work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def profile(self, watch_s: float = 0.0, most: int = DEFAULT_PLACES) -> Profile:
        """`watch_s` 0: kinds of objects that the collector knows of and that were made since the start. Else places
        that were given memory within that time, at most `MAX_WATCH_S`, and hold it at its end. Busy if one runs.

        While it watches every allocation takes several times as long: ask when little is traded.
        """
        if not self._lock.acquire(blocking=False):
            raise Busy
        try:
            places = await _watched(min(watch_s, MAX_WATCH_S)) if watch_s > 0 else await asyncio.to_thread(_held)
        finally:
            self._lock.release()
        places.sort(key=lambda place: -place.size_bytes)
        return Profile(resident_bytes=resident_bytes(), places=tuple(places[: min(most, MAX_PLACES)]))


async def _watched(watch_s: float) -> list[Place]:
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start(1)
    try:
        before = await asyncio.to_thread(tracemalloc.take_snapshot) if was_tracing else None
        await asyncio.sleep(watch_s)
        snapshot = await asyncio.to_thread(tracemalloc.take_snapshot)
    finally:
        if not was_tracing:
            tracemalloc.stop()
    return await asyncio.to_thread(_by_line, snapshot, before)


def _by_line(snapshot: tracemalloc.Snapshot, before: tracemalloc.Snapshot | None) -> list[Place]:
    own = (tracemalloc.Filter(False, tracemalloc.__file__), tracemalloc.Filter(False, __file__))
    snapshot = snapshot.filter_traces(own)
    if before is not None:
        grown = snapshot.compare_to(before.filter_traces(own), "lineno")
        return [Place(_place(row.traceback[0]), row.size_diff, row.count_diff) for row in grown if row.size_diff > 0]
    return [Place(_place(row.traceback[0]), row.size, row.count) for row in snapshot.statistics("lineno")]


def _place(frame: tracemalloc.Frame) -> str:
    """Without where on this machine it is installed."""
    name = frame.filename
    for root in _ROOTS:
        _, found, rest = name.rpartition(root)
        if found:
            return f"{rest}:{frame.lineno}"
    return f"{'/'.join(Path(name).parts[-3:])}:{frame.lineno}"


def _held() -> list[Place]:
    sizes: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for found in gc.get_objects():
        kind = type(found)
        name = f"{kind.__module__}.{kind.__qualname__}"
        counts[name] += 1
        try:
            sizes[name] += sys.getsizeof(found)
        except Exception:  # A class may answer whatever it likes, also nothing.
            continue
    return [Place(name, size, counts[name]) for name, size in sizes.items()]


def resident_bytes() -> int:
    """Memory of the process now; its peak where the system does not tell that."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
