"""Which beats of the periodic looks come, and which are left out (see `actors.needs` and `runtime`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from actors.needs import Needs, soonest
from daemon.replay.runtime import Look, Replayed
from daemon.replay.tape import FOREVER_MS, Tape


@dataclass(slots=True)
class _Planned:
    look: Look
    needs: Needs
    due_ms: int


class Looks:
    """The looks of all that live, each with the next beat that may find something."""

    def __init__(self, system: Replayed, tapes: Iterable[Tape], *, takes_all: bool) -> None:
        self._system = system
        self._tapes = tuple(tapes)
        self._takes_all = takes_all
        self._planned: list[_Planned] = []
        self._next_ms = FOREVER_MS

    def next_ms(self) -> int:
        return self._next_ms

    def needs(self) -> Iterator[Needs]:
        return (planned.needs for planned in self._planned)

    def heard_news(self) -> None:
        """Something has happened: everybody may find something."""
        self._planned = [self._plan(look, is_news=True) for look in self._system.looks.values()]
        self._arm()

    def take_due(self) -> bool:
        """Takes every look that is due now, one after the other.

        True: something came of one, or other prices matter now.
        """
        now_ms, system = self._system.now_ms(), self._system
        is_news = False
        while self._next_ms <= now_ms:
            planned = min(self._planned, key=lambda each: each.due_ms)
            before, look = system.steps, planned.look
            look.beat_ms = planned.due_ms
            system.look(look)
            system.settle()
            again = system.looks.get((look.cell, look.name))
            if system.steps - before > 1 or again is None:
                is_news = True
                self.heard_news()
            else:
                at, planned_anew = self._planned.index(planned), self._plan(again, is_news=False)
                is_news = is_news or planned_anew.needs.levels != planned.needs.levels
                self._planned[at] = planned_anew
                self._arm()
        return is_news

    def _arm(self) -> None:
        self._next_ms = min((planned.due_ms for planned in self._planned), default=FOREVER_MS)

    def _plan(self, look: Look, *, is_news: bool) -> _Planned:
        now_ms = self._system.now_ms()
        needs = look.needs(is_news=is_news)
        if self._takes_all or needs.always or (is_news and (needs.prices or needs.levels)):
            return _Planned(look, needs, look.at_or_after(now_ms))
        wanted_ms = needs.at_ms
        if needs.prices:
            wanted_ms = soonest((wanted_ms, min(tape.next_close_ms(now_ms) for tape in self._tapes)))
        due_ms = FOREVER_MS if wanted_ms in (None, FOREVER_MS) else look.at_or_after(max(now_ms, wanted_ms))
        return _Planned(look, needs, due_ms)
