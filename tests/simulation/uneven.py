"""The engine on one thread, some of it slow: for a while one kind of actor hardly gets its turn.

Messages that are nearly always fast enough are what hides a race: a commit that is still on its way when its author is
loaded anew, an answer that finds nobody any more. On a busy machine any thread may be the one that waits.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from actors.runtime import SUPERVISOR, kind_of
from actors.stepped import Stepped

KINDS = ("group", "group", "journal", "journal", "pool", "queue", "gateway", "risk", "supervisor")
"""Who may be slow, the more often named the more often."""
SLOW_STEPS = 60
"""The longest that somebody is slow at a stretch."""
EVEN_STEPS = 120
"""The longest pause before the next one is."""
WAITS = 0.95
"""How likely somebody slow is passed over while others have something to do."""


class Uneven(Stepped):
    """`pace` is the chance of who is slow, and when. Not `is_uneven`: nobody is but by `slow`."""

    def __init__(
        self,
        rng: random.Random,
        *,
        pace: random.Random,
        is_uneven: bool,
        start_ms: int = 0,
        rush: float = 0.0,
        on_fatal: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(rng, start_ms=start_ms, rush=rush, on_fatal=on_fatal)
        self._pace = pace
        self._is_uneven = is_uneven
        self._slow = ""
        self._changes_at = 0
        self._held_kind = ""
        self._held: list[Any] = []
        self._even_turn = super()._turn

    def step(self) -> bool:
        """Whoever is roused while it stands still has no turn then: time goes on."""
        while not super().step():
            if not self._held or self._timers.next_ms() is None:
                return False
        return True

    def slow(self, kind: str, steps: int) -> None:
        """This kind is, from now on and for so many steps."""
        self._slow, self._changes_at = kind, self.steps + steps

    def hold(self, kind: str, ms: int) -> None:
        """This kind does nothing at all for so long, as on a machine that is out of breath; its mail waits."""
        self._let_go()
        self._held_kind = kind
        self.call_at(self.now_ms() + ms, self._let_go)

    def _let_go(self) -> None:
        self._runnable.extend(cell for cell in self._held if not cell.closed)
        self._held_kind, self._held = "", []

    def _change(self) -> None:
        self._slow = "" if self._slow or not self._is_uneven else self._pace.choice(KINDS)
        self._changes_at = self.steps + self._pace.randint(1, SLOW_STEPS if self._slow else EVEN_STEPS)

    def _turn(self) -> bool:
        if self._held_kind:
            changing = self._changing()
            self._runnable.extend(cell for cell in self._held if cell.name in changing and not cell.closed)
            self._held = [cell for cell in self._held if cell.name not in changing]
            self._held += [cell for cell in self._runnable if self._is_held(cell, changing)]
            self._runnable[:] = [cell for cell in self._runnable if not self._is_held(cell, changing)]
        if self.steps >= self._changes_at and (self._slow or self._is_uneven):
            self._change()
        if not self._slow or len(self._runnable) < 2 or self._pace.random() >= WAITS:
            return self._even_turn()
        slow: list[Any] = [cell for cell in self._runnable if kind_of(cell.name) == self._slow]
        if not slow or len(slow) == len(self._runnable):
            return self._even_turn()
        self._runnable[:] = [cell for cell in self._runnable if kind_of(cell.name) != self._slow]
        worked = self._even_turn()
        self._runnable.extend(cell for cell in slow if not cell.closed)
        return worked or self._even_turn()

    def _jump(self) -> bool:
        """Time does not run ahead of a part that starts or ends: it would be given up though nobody let it do so."""
        return not (self._runnable and self._is_changing()) and super()._jump()

    def _is_held(self, cell: Any, changing: set[str]) -> bool:
        return kind_of(cell.name) == self._held_kind and cell.name not in changing

    def _changing(self) -> set[str]:
        """Who starts or ends, and would be given up if it took long."""
        supervisor: Any = self._cells[SUPERVISOR].actor if SUPERVISOR in self._cells else None
        if supervisor is None:
            return set()
        return {supervisor._awaited, *(name for part in supervisor._ending.values() for name in part.ending)}

    def _is_changing(self) -> bool:
        supervisor: Any = self._cells[SUPERVISOR].actor if SUPERVISOR in self._cells else None
        return supervisor is not None and bool(supervisor._awaited or supervisor._ending)
