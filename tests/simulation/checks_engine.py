"""Actors end only by injected faults, nothing is given up, mailboxes and books stay small (REC-2, NO_CRASH)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from typing import Any

from actors.messages import Crashed
from actors.rules.records import AddEvent
from tests.simulation.checks_world import INJECTED, Seen
from tests.simulation.promise import Promise, Violation

MAX_MAIL = 20_000
"""Most messages that may wait for one actor, floods included."""
MAX_HELD = 60_000
"""Most things one actor may keep of a kind: just above the largest limit that has a name."""
MAX_HELD_AT_REST = {"_lanes": 0, "_drafts": 0, "_in_flight": 0, "_retries": 0, "_waiting": 0, "_held": 0}
"""What nobody may keep once everything has come to rest, by the attribute's name."""


class EngineChecks:
    def __init__(self, world: Seen, found: Callable[[Violation], None]) -> None:
        self._world = world
        self._found = found
        self.looks: Mapping[type, Callable[[str, object], None]] = {Crashed: self._crashed}
        self.rows: Mapping[type, Callable[[Any], None]] = {AddEvent: self._event}

    def _crashed(self, _name: str, message: object) -> None:
        assert isinstance(message, Crashed)
        if not is_injected(message.error):
            self._found(Violation(Promise.NO_CRASH, f"{message.who.name} crashed by itself: {_last(message.error)}"))

    def _event(self, row: AddEvent) -> None:
        if row.type == "actor.given_up":
            raise Violation(Promise.NO_CRASH, f"the supervisor gave up: {row.message}")

    def fatal(self, error: str) -> Violation:
        """The supervisor itself is gone."""
        return Violation(Promise.NO_CRASH, f"the supervisor is gone: {_last(error)}")

    def look(self) -> None:
        """Now and then: how much mail waits."""
        for name, depth in self._world.system.depths().items():
            if depth > MAX_MAIL:
                raise Violation(Promise.MEMORY_BOUNDED, f"{depth} messages wait for {name}")

    def at_rest(self) -> None:
        """What every actor keeps: at most so much, and nothing of what is only there while something is under way."""
        self.look()
        for name, cell in self._world.system._cells.items():
            for what, kept in getattr(cell.actor, "__dict__", {}).items():
                most = MAX_HELD_AT_REST.get(what, MAX_HELD)
                if isinstance(kept, Sized) and len(kept) > most:
                    raise Violation(Promise.MEMORY_BOUNDED, f"{name} keeps {len(kept)} things in {what}")


def is_injected(error: str) -> bool:
    """Whether the last exception of a traceback is one that a fault raised."""
    return INJECTED in _last(error)


def _last(error: str) -> str:
    return error.strip().rpartition("\n")[2]
