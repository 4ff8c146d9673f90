"""The event log: sequences without a hole, lines never changed or lost (LOG-3)."""

from __future__ import annotations

from collections.abc import Sequence

from actors.messages import EventStored
from actors.ports import Applied
from daemon.store.audit import Mark, Verifier
from daemon.store.audit_verify import Check
from daemon.store.memory import MemoryStore
from daemon.store.read import Reader
from daemon.store.store import SqlStore
from tests.simulation.checks_world import Seen
from tests.simulation.durable import KEYS
from tests.simulation.promise import Promise, Violation


class EventChecks:
    def __init__(self, world: Seen) -> None:
        self._world = world
        self._events: list[EventStored] = []
        self._compared = 0
        self._verifier = Verifier(KEYS, Mark(0, "", KEYS.newest))
        """Of a trail in memory, which is looked at as it grows."""

    def applied(self, results: Sequence[Applied]) -> None:
        for result in results:
            for stored in result.events:
                last = self._events[-1].sequence if self._events else 0
                if stored.sequence != last + 1:
                    words = f"event {stored.sequence} ({_words(stored)}) follows on event {last}"
                    raise Violation(Promise.AUDIT_CHAIN, words)
                self._events.append(stored)

    def at_rest(self) -> None:
        """The store has the same lines. Those that were compared before are compared by their number alone."""
        self._look_at_trail()
        stored = _stored_events(self._world)
        if stored is None:
            return
        if len(stored) != len(self._events):
            words = f"{len(self._events)} events were written, the store has {len(stored)}"
            raise Violation(Promise.AUDIT_CHAIN, words)
        for mine, its in zip(self._events[self._compared :], stored[self._compared :], strict=True):
            if mine != its:
                words = f"event {mine.sequence} was written as {_words(mine)!r}, it is {_words(its)!r} now"
                raise Violation(Promise.AUDIT_CHAIN, words)
        self._compared = len(self._events)

    def _look_at_trail(self) -> None:
        """Every line is chained to the one before it, on a file and in memory."""
        inner = getattr(self._world.store, "inner", self._world.store)
        words = ""
        if isinstance(inner, MemoryStore):
            broken = inner.audit(self._verifier)
            words = "" if broken is None else f"event {broken.sequence}: {broken.words}"
        elif isinstance(inner, SqlStore) and isinstance(reader := getattr(self._world, "reader", None), Reader):
            found = reader.verify_audit(inner.keys, Check())
            words = "" if found.valid else f"event {found.broken_at}: {found.words}"
        if words:
            raise Violation(Promise.AUDIT_CHAIN, f"the audit trail is broken at {words}")


def _words(stored: EventStored) -> str:
    return str(getattr(stored.event, "message", stored.event))


def _stored_events(world: Seen) -> Sequence[EventStored] | None:
    """All of them; None where the store does not keep them as values."""
    inner = getattr(world.store, "inner", world.store)
    events = getattr(inner, "events", None)
    return events if isinstance(events, Sequence) else None
