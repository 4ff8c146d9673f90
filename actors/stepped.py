"""The engine on one thread: same actors, one message at a time, a seeded choice of who is next, a virtual clock.

The same seed, start and tells from outside give the same run, message for message (`log`). It uses mailboxes of its
own instead of pykka's private hooks: the behaviour of an actor is the same class either way, and nothing here depends
on how pykka is built inside.

Time stands still while anybody has mail. When nobody has, it jumps to the next timer. `rush` lets it run ahead of the
mail now and then, as it does on a busy machine.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from actors.lives import TIMER, Cell, Lives
from actors.messages import ReplyTo
from actors.replies import ReplyBox
from actors.runtime import BATCH_LIMIT, SUPERVISOR
from actors.timers import Timers

LOG_LIMIT = 200_000
"""Lines of the log that are kept, the newest."""

IDLE_LIMIT = 1_000_000
"""Steps after which `run_until_idle` takes the system for one that never rests."""


class Line(NamedTuple):
    """One step: `message` is the name of its type, of all of them for a batch."""

    step: int
    actor: str
    message: str


class _SteppedCell(Cell):
    __slots__ = ()

    _lives: Stepped

    def tell(self, to: str | ReplyTo, message: object) -> None:
        hook = self._lives.before_tell
        if hook is not None and not self.closed:
            hook(self.name, to, message)
        super().tell(to, message)

    def now_ms(self) -> int:
        return self._lives._now_ms

    def _begin(self) -> None:
        self._lives.note(self.name, "Start")
        super()._begin()

    def _handle(self, messages: list[object]) -> None:
        self._lives.note(self.name, "+".join([type(message).__name__ for message in messages]))
        super()._handle(messages)

    def _end(self) -> None:
        self._lives.note(self.name, "Stop")
        super()._end()

    def _before(self, message: object) -> None:
        hook = self._lives.before_message
        if hook is not None:
            hook(self.name, message)

    def _after(self, handled: object) -> None:
        hook = self._lives.after_message
        if hook is not None:
            hook(self.name, handled)


class Stepped(Lives):
    """`runtime.System` and `ports.Clock` in one.

    The hooks may raise, which crashes the actor at that point, or call `kill` (and raise, to end the handler too):
    `before_message(name, message)` with nothing done yet, `before_tell(name, to, message)` in the middle of it,
    `after_message(name, message)` with everything done and told. A batch comes to `after_message` as a tuple.
    """

    def __init__(
        self,
        rng: random.Random,
        *,
        start_ms: int = 0,
        rush: float = 0.0,
        on_fatal: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(on_fatal)
        self.before_message: Callable[[str, object], None] | None = None
        self.before_tell: Callable[[str, str | ReplyTo, object], None] | None = None
        self.after_message: Callable[[str, object], None] | None = None
        self.steps = 0
        self._rng = rng
        self._now_ms = start_ms
        self._set_by_ms = 0
        """By how much the clock was set, all together."""
        self._rush = rush
        self._log: deque[tuple[int, str, str]] = deque(maxlen=LOG_LIMIT)
        """As `Line`s, which are made when somebody looks."""
        self._runnable: list[Cell] = []

    @property
    def log(self) -> tuple[Line, ...]:
        return tuple(map(Line._make, self._log))

    # --- Lives ------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        return self._now_ms

    def flow_ms(self) -> int:
        return self._now_ms - self._set_by_ms

    def make_cell(self, name: str, incarnation: int, *, fresh: bool, announce: bool) -> Cell:
        return _SteppedCell(self, name, incarnation, fresh=fresh, announce=announce)

    def rouse(self, cell: Cell) -> None:
        self._runnable.append(cell)

    def batch_size(self, waiting: int) -> int:
        return self._rng.randint(1, min(waiting, BATCH_LIMIT))

    def timers_changed(self) -> None:
        """Looked at when nobody has mail."""

    def ask(self, to: str, make: Callable[[ReplyTo], object]) -> ReplyBox:
        """Tell `to` the message made around a reply address. The box is filled while the system is stepped."""
        box = ReplyBox()
        self.tell(to, make(box))
        return box

    # --- going on ---------------------------------------------------------------------------------

    def step(self) -> bool:
        """Let one actor handle one message, or one instant's calls of adapters; if nobody has any, time jumps first.

        False: nothing is left to do, neither mail nor timers.
        """
        if self._rush and self._rng.random() < self._rush:
            self._jump()
        if self._turn():
            return True
        before = self.steps
        if not self._jump():
            return False
        return self.steps > before or self._turn()

    def run(self, max_steps: int) -> int:
        """Steps until nothing is left to do, at most so many. How many were made."""
        for done in range(max_steps):
            if not self.step():
                return done
        return max_steps

    def run_until_idle(self, max_steps: int = IDLE_LIMIT) -> int:
        """Steps until nobody has mail; time stands still. How many were made. RuntimeError if it never rests."""
        for done in range(max_steps):
            if not self._turn():
                return done
        raise RuntimeError(f"still busy after {max_steps} steps")

    def advance(self, ms: int) -> None:
        """Let so much time pass, see `advance_to`."""
        self.advance_to(self._now_ms + ms)

    def advance_to(self, time_ms: int) -> None:
        """Everything due by then happens in its time, with all that follows from it."""
        self.run_until_idle()
        while (next_ms := self._timers.next_ms()) is not None and next_ms <= time_ms:
            self._jump()
            self.run_until_idle()
        self._now_ms = max(self._now_ms, time_ms)

    def set_clock(self, time_ms: int) -> None:
        """As when somebody sets the machine's clock, forwards or back."""
        with self.lock:
            self.look_at_clock()
            self._set_by_ms += time_ms - self._now_ms
            self._now_ms = time_ms
            self.look_at_clock()

    def stop_all(self) -> None:
        """Everybody ends at once, in peace, without another message handled; the rest of the mail is lost."""
        self._stopping = True
        for name in (SUPERVISOR, *(name for name in reversed(self.names()) if name != SUPERVISOR)):
            cell = self._cells.get(name)
            if cell is not None:
                cell.ask_to_stop()
                cell.turn()
        self._runnable.clear()

    def kill(self) -> None:
        """kill -9: every life, message and timer is gone at once, nobody hears of it. Factories stay registered."""
        for cell in self._cells.values():
            cell.close()
        self._cells.clear()
        self._timers = Timers()
        self._runnable.clear()
        self._supervisor_crashes.clear()
        self.quarantine = None

    # --- inside -----------------------------------------------------------------------------------

    def note(self, actor: str, message: str) -> None:
        self._log.append((self.steps, actor, message))

    def _turn(self) -> bool:
        """One turn of somebody who has something to do; False: nobody has."""
        while self._runnable:
            at = int(self._rng.random() * len(self._runnable))
            cell = self._runnable[at]
            worked = bool(cell.mail) or cell.has_work
            if worked:
                self.steps += 1
                cell.turn()
            if not (cell.mail or cell.has_work):
                self._rest(cell, at)
            if worked:
                return True
        return False

    def _rest(self, cell: Cell, at: int) -> None:
        """No more turns for this cell until it is roused. `kill` may have emptied the list in the meantime."""
        cell.awake = False
        waiting = self._runnable
        if at < len(waiting) and waiting[at] is cell:
            waiting[at] = waiting[-1]
            waiting.pop()

    def _jump(self) -> bool:
        next_ms = self._timers.next_ms()
        if next_ms is None:
            return False
        self._now_ms = max(self._now_ms, next_ms)
        due = self._timers.pop_due(self._now_ms)
        if not all(isinstance(what, tuple) for what in due):
            self.steps += 1
            self.note(TIMER, "call")
        self.fire(due)
        return True
