"""What the Journal called lost stays lost (rule 2): whoever was told so has begun anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from actors.messages import Settled
from actors.rules.records import SaveSignal, SetOutcome
from tests.simulation.promise import Promise, Violation


class DraftChecks:
    """`found` takes what is seen while an actor runs."""

    def __init__(self, found: Callable[[Violation], None]) -> None:
        self._found = found
        self._durable: set[str] = set()
        self._lost: set[str] = set()
        self.looks: Mapping[type, Callable[[str, object], None]] = {Settled: self._settled}
        self.rows: Mapping[type, Callable[[Any], None]] = {SaveSignal: self._decided, SetOutcome: self._decided}

    def _settled(self, name: str, message: object) -> None:
        assert isinstance(message, Settled)
        if message.done is not None:
            return
        self._lost.add(message.draft_id)
        if message.draft_id in self._durable:
            self._found(_broken(message.draft_id, f"{name} was told that it is lost"))

    def _decided(self, row: SaveSignal | SetOutcome) -> None:
        if not row.draft_id:
            return
        self._durable.add(row.draft_id)
        if row.draft_id in self._lost:
            raise _broken(
                row.draft_id, f"signal {row.signal_id if isinstance(row, SetOutcome) else row.signal.signal_id}"
            )


def _broken(draft_id: str, words: str) -> Violation:
    return Violation(
        Promise.LOST_STAYS_LOST, f"draft {draft_id} was settled as lost and is committed all the same: {words}"
    )
