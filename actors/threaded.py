"""The live runtime: every life has a thread, inside a pykka actor that knows nothing but to give its cell its turns.

The pykka inbox holds at most one wake-up per life; the mail itself waits in the cell. So a sender pays for waking a
thread only when that thread sleeps, a `Batching` actor can take all there is at once, and what a crashed life had
not handled is still at hand.

Making a thread takes about a millisecond, so a few shells stand ready and are replaced off the path.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable

import pykka

from actors.lives import Cell, Lives, Turn
from actors.messages import Crashed, ReplyTo, Stopped
from actors.ports import Clock
from actors.replies import LoopBridge, LoopReply, WaitingReply
from actors.runtime import BATCH_LIMIT, SUPERVISOR

SPARE_SHELLS = 8
"""Threads that stand ready for new lives."""

REFILL_AFTER_S = 0.02
"""How long the making of new spares waits, so that it does not compete with the life that took one."""

SWITCH_INTERVAL_S = 0.0005
"""How soon a busy thread must give way. Python's default of 5 ms makes every hop wait that long."""

STACK_BYTES = 4 * 1024 * 1024
"""Stack of an actor's thread. Only touched pages cost memory. On 1 MiB a recursion through C overruns the stack, and
the process dies, before Python's own limit is reached; on this the limit comes first and one life ends."""

TIMER_NAP_S = 1.0
"""Longest sleep of the timer thread, so that a clock that was set forward is noticed."""

STOP_LIMIT_S = 10.0
"""How long `stop_all` waits for everybody together."""


class _Wake:
    """To a shell: its cell has something to do."""


_WAKE = _Wake()


class _Shell(pykka.ThreadingActor):
    """A thread for one life. It gets its cell with the first message and stops with it."""

    use_daemon_thread = True

    def __init__(self, gone: Callable[[], None]) -> None:
        super().__init__()
        self._gone = gone
        self._cell: Cell | None = None

    def on_receive(self, message: object) -> None:
        if isinstance(message, Cell):
            self._cell = message
            threading.current_thread().name = message.name
        cell = self._cell
        if cell is None:
            return
        while (turn := cell.turn()) is Turn.MORE:
            pass
        if turn is Turn.OVER:
            self._cell = None
            self.stop()

    def on_stop(self) -> None:
        self._gone()


class _ThreadedCell(Cell):
    __slots__ = ("shell",)

    shell: pykka.ActorRef[_Shell] | None


class Threaded(Lives):
    """`runtime.System` on threads. Times are those of `clock`. `on_fatal` is called if there can be no supervisor."""

    def __init__(
        self, clock: Clock, *, spare_shells: int = SPARE_SHELLS, on_fatal: Callable[[str], None] | None = None
    ) -> None:
        super().__init__(on_fatal)
        self._clock = clock
        self._spare_limit = spare_shells
        self._spares: deque[pykka.ActorRef[_Shell]] = deque()
        self._unhoused: deque[_ThreadedCell] = deque()
        self._shells = 0
        self._ended = False
        self._timer_change = threading.Condition(self.lock)
        self._shell_change = threading.Condition(self.lock)
        self._bridges: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopBridge] = weakref.WeakKeyDictionary()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._helpers = [
            threading.Thread(target=self._keep_time, name="timers", daemon=True),
            threading.Thread(target=self._keep_spares, name="spares", daemon=True),
        ]
        for helper in self._helpers:
            helper.start()

    # --- Lives ------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        return self._clock.now_ms()

    def flow_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def make_cell(self, name: str, incarnation: int, *, fresh: bool, announce: bool) -> Cell:
        cell = _ThreadedCell(self, name, incarnation, fresh=fresh, announce=announce)
        cell.shell = None
        return cell

    def rouse(self, cell: Cell) -> None:
        assert isinstance(cell, _ThreadedCell)
        shell = cell.shell
        if shell is not None:
            shell.tell(_WAKE)
            return
        with self.lock:
            if self._spares:
                self._house(cell, self._spares.popleft())
            else:
                self._unhoused.append(cell)
            self._shell_change.notify_all()

    def batch_size(self, waiting: int) -> int:
        return min(waiting, BATCH_LIMIT)

    def timers_changed(self) -> None:
        self._timer_change.notify()

    def over(self, cell: Cell, last: Crashed | Stopped) -> None:
        super().over(cell, last)
        with self._shell_change:
            self._shell_change.notify_all()

    # --- asking from outside ----------------------------------------------------------------------

    def ask(self, to: str, make: Callable[[ReplyTo], object], timeout_s: float) -> object:
        """Tell `to` the message made around a reply address and wait for the first answer. TimeoutError if none comes.

        Never from an actor: actors do not ask.
        """
        reply = WaitingReply()
        self.tell(to, make(reply))
        return reply.wait(timeout_s)

    async def ask_async(self, to: str, make: Callable[[ReplyTo], object], timeout_s: float) -> object:
        """The same for a coroutine; its loop is never blocked."""
        loop = asyncio.get_running_loop()
        with self.lock:
            bridge = self._bridges.get(loop)
            if bridge is None:
                bridge = self._bridges[loop] = LoopBridge(loop)
        future: asyncio.Future[object] = loop.create_future()
        self.tell(to, make(LoopReply(bridge, future)))
        async with asyncio.timeout(timeout_s):
            return await future

    # --- the end ----------------------------------------------------------------------------------

    def stop_all(self) -> None:
        """As `System.stop_all`. Waits until all have ended, at most `STOP_LIMIT_S`. Not from an actor's own thread."""
        deadline_s = time.monotonic() + STOP_LIMIT_S
        with self.lock:
            self._stopping = True
            order = [name for name in reversed(self._cells) if name != SUPERVISOR]
        for name in (SUPERVISOR, *order):
            self.stop(name)
            self._wait_until_gone(name, deadline_s)
        with self.lock:
            self._ended = True
            self._timer_change.notify_all()
            self._shell_change.notify_all()
            spares = list(self._spares)
            self._spares.clear()
        for shell in spares:
            shell.stop(block=False)
        for helper in self._helpers:
            helper.join(max(0.0, deadline_s - time.monotonic()))
        with self._shell_change:
            self._shell_change.wait_for(lambda: self._shells == 0, max(0.0, deadline_s - time.monotonic()))

    def _wait_until_gone(self, name: str, deadline_s: float) -> None:
        with self._shell_change:
            gone = self._shell_change.wait_for(lambda: name not in self._cells, max(0.0, deadline_s - time.monotonic()))
        if not gone:
            self.abandon(name, "did not stop in time")

    # --- threads of the runtime -------------------------------------------------------------------

    def _house(self, cell: _ThreadedCell, shell: pykka.ActorRef[_Shell]) -> None:
        cell.shell = shell
        shell.tell(cell)

    def _keep_spares(self) -> None:
        while True:
            with self._shell_change:
                self._shell_change.wait_for(lambda: self._ended or self._short_of_shells())
                if not (self._ended or self._unhoused or not self._spares):
                    self._shell_change.wait_for(lambda: self._ended or bool(self._unhoused), REFILL_AFTER_S)
                if self._ended and not self._unhoused:
                    return
                self._shells += 1
            shell = self._make_shell()
            with self.lock:
                if self._unhoused:
                    self._house(self._unhoused.popleft(), shell)
                elif self._ended:
                    shell.stop(block=False)
                else:
                    self._spares.append(shell)

    def _short_of_shells(self) -> bool:
        return bool(self._unhoused) or len(self._spares) < self._spare_limit

    def _make_shell(self) -> pykka.ActorRef[_Shell]:
        before = threading.stack_size(STACK_BYTES)
        try:
            return _Shell.start(self._shell_gone)
        finally:
            threading.stack_size(before)

    def _shell_gone(self) -> None:
        with self._shell_change:
            self._shells -= 1
            self._shell_change.notify_all()

    def _keep_time(self) -> None:
        while True:
            with self._timer_change:
                self.look_at_clock()
                due = self._timers.pop_due(self.now_ms())
                if not due:
                    if self._ended:
                        return
                    self._timer_change.wait(self._nap_s())
            self.fire(due)

    def _nap_s(self) -> float:
        next_ms = self._timers.next_ms()
        return TIMER_NAP_S if next_ms is None else min(TIMER_NAP_S, (next_ms - self.now_ms()) / 1000)
