"""What goes wrong inside the engine's process: actors end, the process is killed, mailboxes flood, the clock is set.

Each comes when its op is armed and its message is there. Two things are held back, because they are the supervisor's
design and no recovery from them is promised: a message that has ended an actor before ends none again (it would be put
aside), and no more crashes come in a while than a part is borne with (REC-2); what is held back waits for a later
message. `is_harsh` holds nothing back.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from typing import Any, Protocol

from actors import messages as m
from actors.quarantine import _essence
from actors.replies import ReplyBox
from actors.rules.restarts import intensity, remember
from actors.runtime import kind_of
from actors.stepped import Stepped
from tests.simulation.ops import (
    BreakStore,
    BreakVenue,
    CrashActor,
    Flood,
    JumpClock,
    KillProcess,
    Moment,
    Op,
)
from tests.simulation.store_faults import FaultyStore
from tests.simulation.venue import SimExchange

MAX_INTENSITY = 2.0
"""Faded number of crashes (`rules.restarts`) beyond which further ones wait. A part is given up above 5, and a crash
costs others of the same part a refused commit each."""
REPEATABLE = frozenset(
    {
        m.SubmitSignal,
        m.Streamed,
        m.Quoted,
        m.Answered,
        m.AnsweredAll,
        m.LookedUp,
        m.OpenOrdersFetched,
        m.OrdersReported,
        m.GatewayStarted,
        m.AccountChanged,
        m.InstrumentsChanged,
        m.DescribeAccount,
        m.SetWatches,
        m.ResolveOrders,
        m.Settle,
    }
)
"""What may come more than once by the protocol, because it comes from outside or is sent again until it is answered."""


class Injected(Exception):
    """An actor ends of this."""


class Patient(Protocol):
    """What faults need of a world."""

    system: Stepped
    store: FaultyStore
    exchanges: dict[str, SimExchange]
    is_dead: bool

    def kill(self, down_ms: int) -> None:
        """kill -9 now; the next process starts so much later."""


@dataclass(slots=True)
class _Armed:
    op: CrashActor | KillProcess
    left: int
    """Messages that still pass."""


class Faults:
    def __init__(self, rng: random.Random | None = None, *, is_harsh: bool = False) -> None:
        self.rng = rng or random.Random(0)
        self.is_harsh = is_harsh
        self.injected: list[str] = []
        """What was done, in words."""
        self._world: Any = None
        self._armed: list[_Armed] = []
        self._jumped_ms = 0
        self._crashes: tuple[int, ...] = ()
        self._killers: list[object] = []
        self._last: dict[str, tuple[str, object]] = {}
        """Kind of actor -> who of it was last told something that may be repeated, and what."""

    @property
    def system(self) -> Stepped:
        system: Stepped = self._world.system
        return system

    def now_ms(self) -> int:
        """Time as it would be if nobody had set the clock."""
        return self.system.now_ms() - self._jumped_ms

    # --- the world --------------------------------------------------------------------------------

    def attach(self, world: Any) -> None:
        """A new process is there. Hooks that it has already are called first."""
        self._world = world
        self._crashes, self._killers, self._last = (), [], {}
        system = self.system
        before, tells, after = system.before_message, system.before_tell, system.after_message
        system.before_message = partial(self._before, before)
        system.before_tell = partial(self._telling, tells)
        system.after_message = partial(self._after, after)
        world.store.now_ms = self.now_ms
        world.store.pass_time = self._pass_time
        for exchange in world.exchanges.values():
            exchange.venue.clock_offset_ms = -self._jumped_ms
            exchange.clock_was_set()

    def arm(self, op: Op) -> None:
        if isinstance(op, BreakVenue):
            self._world.exchanges[op.account].breaks(op)
        elif isinstance(op, BreakStore):
            self._world.store.arm(op)
        elif isinstance(op, CrashActor | KillProcess):
            self._armed.append(_Armed(op, op.messages))
        elif isinstance(op, JumpClock):
            self._jump(op.ms)
        elif isinstance(op, Flood):
            self._flood(op)

    def stop(self) -> None:
        """From now on nothing goes wrong any more. The clock is right again, which is a jump of its own."""
        self._armed.clear()
        self._world.store.stop()
        for exchange in self._world.exchanges.values():
            exchange.calm()
        self._jump(-self._jumped_ms)

    # --- the clock --------------------------------------------------------------------------------

    def _jump(self, ms: int) -> None:
        ms = max(ms, 1 - self.system.now_ms())
        if ms == 0:
            return
        self.system.set_clock(self.system.now_ms() + ms)
        self._jumped_ms += ms
        self.injected.append(f"the clock is set by {ms} ms")
        for exchange in self._world.exchanges.values():
            exchange.venue.clock_offset_ms = -self._jumped_ms
            exchange.clock_was_set()

    def _pass_time(self, ms: int) -> None:
        """The process was busy for so long."""
        self.system._now_ms += ms

    # --- floods -----------------------------------------------------------------------------------

    def _flood(self, op: Flood) -> None:
        last = self._last.get(op.kind)
        if last is None or self._world.is_dead:
            return
        name, message = last
        for _ in range(op.count):
            self.system.tell(name, _copy(message))
        self.injected.append(f"{op.count} times {type(message).__name__} to {name}")

    # --- ends -------------------------------------------------------------------------------------

    def _before(self, hook: Callable[[str, object], None] | None, name: str, message: object) -> None:
        if hook is not None:
            hook(name, message)
        if type(message) in REPEATABLE:
            self._last[kind_of(name)] = (name, message)
        if self._armed:
            for armed in self._armed:
                if armed.left > 0 and self._is_for(armed.op, name) and _counts(armed.op, message):
                    armed.left -= 1
            self._looks(name, Moment.BEFORE, type(message).__name__)

    def _telling(self, hook: Callable[..., None] | None, name: str, to: object, message: object) -> None:
        if hook is not None:
            hook(name, to, message)
        if self._armed:
            self._looks(name, Moment.TELLING, type(message).__name__)

    def _after(self, hook: Callable[[str, object], None] | None, name: str, handled: object) -> None:
        if hook is not None:
            hook(name, handled)
        if self._armed:
            self._looks(name, Moment.AFTER, type(handled).__name__)

    @staticmethod
    def _is_for(op: CrashActor | KillProcess, name: str) -> bool:
        return isinstance(op, KillProcess) or not op.kind or kind_of(name) == op.kind

    def _looks(self, name: str, moment: Moment, what: str) -> None:
        if self._world.is_dead:
            return
        for armed in self._armed:
            op = armed.op
            if armed.left > 0 or op.moment is not moment or not self._is_for(op, name):
                continue
            if isinstance(op, KillProcess):
                self._armed.remove(armed)
                self.injected.append(f"the process is killed at {name} {moment} {what}")
                self._world.kill(op.down_ms)
                raise Injected("killed")
            if self._may_crash(name):
                self._armed.remove(armed)
                self.injected.append(f"{name} ends {moment} {what}")
                raise Injected(f"{name} {moment} {what}")

    def _may_crash(self, name: str) -> bool:
        if self.is_harsh:
            return True
        now_ms = self.now_ms()
        if intensity(self._crashes, now_ms) > MAX_INTENSITY - 1:
            return False
        handled = self.system._cells[name].current
        essences = [
            essence
            for one in (handled if isinstance(handled, tuple) else (handled,))
            if (essence := _essence(name, one)) is not None
        ]
        if any(essence in self._killers for essence in essences):
            return False
        self._killers.extend(essences)
        self._crashes = remember(self._crashes, now_ms)
        return True


def _counts(op: CrashActor | KillProcess, message: object) -> bool:
    return isinstance(op, KillProcess) or op.message in ("", type(message).__name__)


def _copy(message: object) -> object:
    """Whoever asked has been given an answer of his own."""
    has_reply = is_dataclass(message) and any(each.name == "reply_to" for each in fields(message))
    if not has_reply or getattr(message, "reply_to", None) is None:
        return message
    return replace(message, reply_to=ReplyBox())  # type: ignore[type-var]
