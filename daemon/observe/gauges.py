"""The numbers that are looked at when `/metrics` is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from actors.rules.choices import World
from actors.runtime import System, kind_of
from actors.view import View

Gauge = tuple[str, str, Mapping[str, str], float]
"""Name, help, labels, value. A name may come several times with other labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """`counts`: further numbers by name, with their help."""

    system: System
    view: View
    worlds: Sequence[World]
    counts: Mapping[str, tuple[str, Callable[[], float]]]

    def __call__(self) -> Iterator[Gauge]:
        yield from self._actors()
        snapshot = self.view.current
        for world in self.worlds:
            labels = {"world": world.value}
            yield "terrace_live_groups", "Groups that are not closed", labels, snapshot.live_count.get(world, 0)
            queued = sum(its is world for its, _ in snapshot.queued)
            yield "terrace_queued_signals", "Signals that wait", labels, queued
        yield "terrace_store_ok", "1 while the store takes writes", {}, float(snapshot.store_ok)
        yield "terrace_last_sequence", "Sequence of the newest event", {}, snapshot.last_sequence
        for name, (words, look) in self.counts.items():
            yield name, words, {}, look()

    def _actors(self) -> Iterator[Gauge]:
        kinds: dict[str, list[int]] = {}
        for name, depth in self.system.depths().items():
            kinds.setdefault(kind_of(name), []).append(depth)
        for kind, depths in kinds.items():
            labels = {"actor": kind}
            yield "terrace_actors", "Actors alive, by kind", labels, len(depths)
            yield "terrace_mailbox_depth", "Messages waiting, by kind of actor", labels, sum(depths)
            yield "terrace_mailbox_depth_max", "Messages waiting in the fullest mailbox", labels, max(depths)
