"""The engine's runtime for replay: `Stepped` whose clock is moved from outside, first come first served.

Two kinds of wake-ups are kept apart. Those an actor needs at their time come at their time. Periodic *looks* (Pool,
Queue, Risk: `LOOKS`) keep their beat, but beats are left out while the actor's needs (`actors.needs`) say that nothing
can be found. Which beats are left out changes how long a replay takes and nothing else. Looks come last in an instant.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from actors.lives import Cell
from actors.messages import Crashed, Stopped
from actors.needs import Needs
from actors.runtime import BATCH_LIMIT, Actor, kind_of
from actors.stepped import Stepped

MAX_STEPS_AT_ONCE = 5_000_000
"""Steps within one instant after which the engine is taken for one that never rests."""


class Looker(Protocol):
    def needs(self, looked_ms: int, *, is_news: bool) -> Needs:
        """See `actors.needs`. `looked_ms`: when it last looked; what fell due since then was not seen yet.

        `is_news`: something has happened since, so that it looks anyway unless only a time is needed.
        """


@dataclass(slots=True)
class Look:
    """One periodic wake-up of one life."""

    cell: Cell
    name: str
    beat_ms: int
    """Its next beat; those before are over or left out."""
    period_ms: int

    def at_or_after(self, time_ms: int) -> int:
        """The first beat from then on."""
        late_ms = time_ms - self.beat_ms
        return self.beat_ms if late_ms <= 0 else self.beat_ms + -(-late_ms // self.period_ms) * self.period_ms

    def needs(self, *, is_news: bool) -> Needs:
        return cast(Looker, self.cell.actor).needs(self.beat_ms - self.period_ms, is_news=is_news)


class Replayed(Stepped):
    """`Stepped` without its log and hooks, in the order of arrival: nothing here is left to chance."""

    def __init__(
        self, *, start_ms: int, periods_ms: Mapping[tuple[str, str], int], on_fatal: Callable[[str], None]
    ) -> None:
        """`periods_ms`: of the looks, by kind of actor and name of the wake-up."""
        super().__init__(random.Random(0), start_ms=start_ms, on_fatal=on_fatal)
        self.looks: dict[tuple[Cell, str], Look] = {}
        self._periods_ms = periods_ms
        self._ready: deque[Cell] = deque()

    # --- Lives ------------------------------------------------------------------------------------

    def make_cell(self, name: str, incarnation: int, *, fresh: bool, announce: bool) -> Cell:
        return Cell(self, name, incarnation, fresh=fresh, announce=announce)

    def rouse(self, cell: Cell) -> None:
        self._ready.append(cell)

    def batch_size(self, waiting: int) -> int:
        return min(waiting, BATCH_LIMIT)

    def wake_at(self, cell: Cell, time_ms: int, name: str) -> None:
        period_ms = self._periods_ms.get((kind_of(cell.name), name))
        if period_ms is None:
            super().wake_at(cell, time_ms, name)
        elif not cell.closed:
            self.looks[cell, name] = Look(cell, name, time_ms, period_ms)

    def cancel_wake(self, cell: Cell, name: str) -> None:
        self.looks.pop((cell, name), None)
        super().cancel_wake(cell, name)

    def over(self, cell: Cell, last: Crashed | Stopped) -> None:
        for key in [key for key in self.looks if key[0] is cell]:
            del self.looks[key]
        super().over(cell, last)

    def note(self, actor: str, message: str) -> None:
        """A year has too many steps to be told of each."""

    def actor(self, name: str) -> Actor | None:
        """The living actor of this name, to be looked at."""
        cell = self._cells.get(name)
        return None if cell is None else cell.actor

    # --- moved from outside -----------------------------------------------------------------------

    def next_timer_ms(self) -> int | None:
        return self._timers.next_ms()

    def arrive(self, time_ms: int) -> None:
        """It is so late now. Nothing that is due has happened yet."""
        self._now_ms = max(self._now_ms, time_ms)

    def settle(self) -> None:
        """Everything that is due by now but looks, with all that follows from it."""
        self.run_until_idle(MAX_STEPS_AT_ONCE)
        while (next_ms := self._timers.next_ms()) is not None and next_ms <= self._now_ms:
            self.fire(self._timers.pop_due(self._now_ms))
            self.steps += 1
            self.run_until_idle(MAX_STEPS_AT_ONCE)

    def look(self, look: Look) -> None:
        """Let this beat come."""
        del self.looks[look.cell, look.name]
        self.fire([(look.cell, look.name)])

    def _turn(self) -> bool:
        ready = self._ready
        while ready:
            cell = ready[0]
            worked = cell.has_work
            if worked:
                self.steps += 1
                cell.turn()
            ready.popleft()
            cell.awake = cell.has_work
            if cell.awake:
                ready.append(cell)
            if worked:
                return True
        return False
