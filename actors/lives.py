"""What both runtimes share: a life with its mailbox, the book of who is alive, and where mail goes when nobody is.

`Cell` is one life seen from the runtime, and the `Life` its actor is given. `Lives` is the book. A runtime adds who
calls `Cell.turn` and when: `Threaded` a thread per cell, `Stepped` a scheduler.
"""

from __future__ import annotations

import threading
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum

from actors.messages import (
    Crashed,
    Participant,
    Ping,
    Pong,
    Quarantined,
    ReplyTo,
    Start,
    Started,
    Stopped,
    TimerFired,
    Undeliverable,
)
from actors.runtime import (
    SUPERVISOR,
    SUPERVISOR_CRASHES,
    SUPERVISOR_CRASHES_WINDOW_MS,
    Actor,
    Batching,
    Factory,
    Quarantine,
    kind_of,
)
from actors.timers import Call, Flow, Timers

ERROR_LIMIT = 8_000
"""Most characters of a traceback that are kept; its end says more than its beginning."""

TIMER = "timer"
"""Who `Crashed` names when a call of an adapter fails."""


class Turn(Enum):
    """What is left to do after a turn of a cell."""

    MORE = "more"
    """Call again."""
    IDLE = "idle"
    """Nothing in the mailbox; the cell is roused when something arrives."""
    OVER = "over"
    """The life has ended."""


class Cell:
    """One life. `awake` says that somebody will call `turn`; whoever sets it calls `Lives.rouse`."""

    __slots__ = (
        "_lives",
        "_stop_asked",
        "actor",
        "announce",
        "awake",
        "batching",
        "closed",
        "current",
        "fresh",
        "incarnation",
        "lock",
        "mail",
        "name",
    )

    def __init__(self, lives: Lives, name: str, incarnation: int, *, fresh: bool, announce: bool) -> None:
        self._lives = lives
        self.name = name
        self.incarnation = incarnation
        self.fresh = fresh
        self.announce = announce
        self.lock = threading.Lock()
        self.mail: deque[object] = deque()
        self.awake = True
        self.closed = False
        self._stop_asked = False
        self.actor: Actor | None = None
        self.batching: Batching | None = None
        """The actor, if it takes what has come in at once."""
        self.current: object = Start()

    @property
    def who(self) -> Participant:
        return Participant(self.name, self.incarnation)

    # --- Life -------------------------------------------------------------------------------------

    def tell(self, to: str | ReplyTo, message: object) -> None:
        if self.closed:
            self._lives.drop()
        else:
            self._lives.tell(to, message)

    def now_ms(self) -> int:
        return self._lives.now_ms()

    def flow_ms(self) -> int:
        return self._lives.flow_ms()

    def wake_at(self, time_ms: int, name: str) -> None:
        self._lives.wake_at(self, time_ms, name)

    def cancel_wake(self, name: str) -> None:
        self._lives.cancel_wake(self, name)

    def spawn(self, name: str, *, fresh: bool = False) -> int:
        return 0 if self.closed else self._lives.spawn(name, fresh=fresh)

    def stop(self) -> None:
        self.ask_to_stop()

    # --- for the runtime --------------------------------------------------------------------------

    def put(self, message: object) -> bool:
        """Any thread. False: this life is over, the message was not taken."""
        with self.lock:
            if self.closed:
                return False
            self.mail.append(message)
            if self.awake:
                return True
            self.awake = True
        self._lives.rouse(self)
        return True

    def ask_to_stop(self) -> None:
        """Any thread."""
        with self.lock:
            if self.closed:
                return
            self._stop_asked = True
            if self.awake:
                return
            self.awake = True
        self._lives.rouse(self)

    def close(self) -> list[object] | None:
        """The life is over from here on. What was left in the mailbox; None: it was over already."""
        with self.lock:
            if self.closed:
                return None
            self.closed = True
            rest = list(self.mail)
            self.mail.clear()
            return rest

    @property
    def has_work(self) -> bool:
        return not self.closed and (self.actor is None or self._stop_asked or bool(self.mail))

    def turn(self) -> Turn:
        """Do one thing: come to life, handle a message or a batch, or end. Called by one thread at a time."""
        with self.lock:
            if self.closed:
                return Turn.OVER
            ending = self._stop_asked
            beginning = not ending and self.actor is None
            messages = [] if ending or beginning else self._take()
            if not (messages or ending or beginning):
                self.awake = False
                return Turn.IDLE
        try:
            if beginning:
                self._begin()
            elif ending:
                self._end()
            else:
                self._handle(messages)
        except BaseException:
            # SystemExit and the like too: one actor's end must not be the others'.
            self._lives.over(self, Crashed(who=self.who, message=self.current, error=_error()))
        return Turn.OVER if self.closed else Turn.MORE

    def _take(self) -> list[object]:
        mail = self.mail
        if not mail:
            return []
        if self.batching is None or len(mail) == 1:
            return [mail.popleft()]
        return [mail.popleft() for _ in range(self._lives.batch_size(len(mail)))]

    def _begin(self) -> None:
        self._before(self.current)
        self.actor = self._lives.factory(self.name)(self)
        self.batching = self.actor if isinstance(self.actor, Batching) else None
        self.actor.start()
        self._after(self.current)
        if self.announce and not self.closed:
            self._lives.tell(SUPERVISOR, Started(who=self.who))

    def _end(self) -> None:
        self.current = Stopped(who=self.who)
        if self.actor is not None:
            self.actor.stopped()
        self._lives.over(self, Stopped(who=self.who))

    def _handle(self, messages: list[object]) -> None:
        if self._lives.quarantine is not None:
            messages = [message for message in messages if not self._kept_away(message)]
            if not messages:
                return
        if Ping in map(type, messages):  # Every message passes here: a look, and no more.
            messages = [message for message in messages if not self._ponged(message)]
            if not messages:
                return
        actor = self.actor
        assert actor is not None
        if self.batching is not None:
            self.current = tuple(messages)
            for message in messages:
                self._before(message)
            if not self.closed:
                self.batching.receive_batch(messages)
        else:
            self.current = messages[0]
            self._before(self.current)
            if not self.closed:
                actor.receive(self.current)
        self._after(self.current)
        self.current = None

    def _kept_away(self, message: object) -> bool:
        quarantine = self._lives.quarantine
        if quarantine is None or self.name == SUPERVISOR or not quarantine(self.name, message):
            return False
        self._lives.tell(SUPERVISOR, Quarantined(who=self.who, message=message))
        return True

    def _ponged(self, message: object) -> bool:
        if not isinstance(message, Ping):
            return False
        self._lives.tell(message.reply_to, Pong(who=self.who))
        return True

    def _before(self, message: object) -> None:
        """For a runtime that looks at each message before it is handled."""

    def _after(self, handled: object) -> None:
        """For a runtime that looks at what was done."""


def _error() -> str:
    return traceback.format_exc()[-ERROR_LIMIT:]


class Lives(ABC):
    """Who is alive. A runtime derives from it and says what rousing a cell means.

    Locks are taken in the order `Lives.lock`, `Cell.lock`; neither is held while an actor runs.
    """

    def __init__(self, on_fatal: Callable[[str], None] | None = None) -> None:
        self.lock = threading.RLock()
        self.quarantine: Quarantine | None = None
        self._on_fatal = on_fatal
        self._factories: dict[str, Factory] = {}
        self._cells: dict[str, Cell] = {}
        self._timers: Timers[Cell] = Timers()
        self._flow: Flow | None = None
        self._last_incarnation = 0
        self._dropped = 0
        self._stopping = False
        self._supervisor_crashes: deque[int] = deque(maxlen=SUPERVISOR_CRASHES)

    # --- to be said by the runtime ----------------------------------------------------------------

    @abstractmethod
    def now_ms(self) -> int: ...

    @abstractmethod
    def flow_ms(self) -> int:
        """As `Life.flow_ms`."""

    @abstractmethod
    def rouse(self, cell: Cell) -> None:
        """See to it that `cell.turn` is called until it is idle. The first time, the cell has not begun yet."""

    @abstractmethod
    def batch_size(self, waiting: int) -> int:
        """How many of these a `Batching` actor gets at once, at least 1."""

    @abstractmethod
    def timers_changed(self) -> None:
        """There may be an earlier one now. Called with the lock held."""

    def make_cell(self, name: str, incarnation: int, *, fresh: bool, announce: bool) -> Cell:
        return Cell(self, name, incarnation, fresh=fresh, announce=announce)

    # --- System -----------------------------------------------------------------------------------

    def register(self, kind: str, factory: Factory) -> None:
        self._factories[kind] = factory

    def factory(self, name: str) -> Factory:
        return self._factories[kind_of(name)]

    def spawn(self, name: str, *, fresh: bool = False, announce: bool = False) -> int:
        self.factory(name)
        with self.lock:
            if self._stopping:
                return 0
            alive = self._cells.get(name)
            if alive is not None:
                return alive.incarnation
            cell = self._cells[name] = self.make_cell(name, self.next_incarnation(), fresh=fresh, announce=announce)
        self.rouse(cell)
        return cell.incarnation

    def tell(self, to: str | ReplyTo, message: object) -> None:
        if isinstance(to, str):
            cell = self._cells.get(to)
            if (cell is None or not cell.put(message)) and not self._tell_again(to, message):
                self._undeliverable(to, message)
        else:
            self._answer(to, message)

    def stop(self, name: str) -> None:
        cell = self._cells.get(name)
        if cell is not None:
            cell.ask_to_stop()

    def abandon(self, name: str, error: str) -> None:
        cell = self._cells.get(name)
        if cell is not None:
            self.over(cell, Crashed(who=cell.who, message=cell.current, error=error))

    def incarnation(self, name: str) -> int:
        cell = self._cells.get(name)
        return 0 if cell is None else cell.incarnation

    def next_incarnation(self) -> int:
        with self.lock:
            self._last_incarnation += 1
            return self._last_incarnation

    def names(self) -> tuple[str, ...]:
        with self.lock:
            return tuple(self._cells)

    def depths(self) -> Mapping[str, int]:
        with self.lock:
            return {name: len(cell.mail) for name, cell in self._cells.items()}

    def set_quarantine(self, quarantine: Quarantine | None) -> None:
        self.quarantine = quarantine

    @property
    def dropped(self) -> int:
        """Messages nobody got: told by an ended life, or undeliverable with no supervisor to hear of it."""
        return self._dropped

    def drop(self) -> None:
        with self.lock:
            self._dropped += 1

    # --- timers -----------------------------------------------------------------------------------

    def wake_at(self, cell: Cell, time_ms: int, name: str) -> None:
        with self.lock:
            if not cell.closed:
                self.look_at_clock()
                self._timers.wake_at(time_ms, cell, name)
                self.timers_changed()

    def cancel_wake(self, cell: Cell, name: str) -> None:
        with self.lock:
            self._timers.cancel(cell, name)

    def call_at(self, time_ms: int, call: Call) -> None:
        """Run this at that time: for adapters. Live it runs on the timer thread and must be brief."""
        with self.lock:
            self.look_at_clock()
            self._timers.call_at(time_ms, call)
            self.timers_changed()

    def look_at_clock(self) -> None:
        """With the lock held. What waits for a clock that was set back comes as much earlier."""
        if self._flow is None:
            self._flow = Flow(self.now_ms())
        back_ms = self._flow.set_back_by(self.now_ms())
        if back_ms:
            self._timers.shift(-back_ms)

    def fire(self, due: list[tuple[Cell, str] | Call]) -> None:
        """Wake-ups go straight to the life that asked, so no later life can get them."""
        for what in due:
            if isinstance(what, tuple):
                cell, name = what
                cell.put(TimerFired(incarnation=cell.incarnation, name=name))
            else:
                self._call(what)

    def _call(self, call: Call) -> None:
        try:
            call()
        except Exception:
            self._tell_supervisor(Crashed(who=Participant(TIMER, 0), message=call, error=_error()))

    # --- the end of a life ------------------------------------------------------------------------

    def over(self, cell: Cell, last: Crashed | Stopped) -> None:
        """End this life, once. Its mail is looked after first, then the supervisor hears of it."""
        with self.lock:
            rest = cell.close()
            if rest is None:
                return
            del self._cells[cell.name]
            self._timers.forget(cell)
            heir = self._heir(cell, last, rest)
        if heir is not None:
            self.rouse(heir)
            return
        for message in rest:
            self._undeliverable(cell.name, message)
        if cell.name != SUPERVISOR:
            self._tell_supervisor(last)
        elif isinstance(last, Crashed) and not self._stopping and self._on_fatal is not None:
            self._on_fatal(last.error)

    def _heir(self, cell: Cell, last: Crashed | Stopped, rest: list[object]) -> Cell | None:
        """The next life of a crashed supervisor, with the mail of the earlier one; None: there is none."""
        if cell.name != SUPERVISOR or not isinstance(last, Crashed) or self._stopping:
            return None
        crashes = self._supervisor_crashes
        crashes.append(self.now_ms())
        if len(crashes) == SUPERVISOR_CRASHES and crashes[-1] - crashes[0] < SUPERVISOR_CRASHES_WINDOW_MS:
            return None
        heir = self.make_cell(SUPERVISOR, self.next_incarnation(), fresh=False, announce=False)
        heir.mail.append(last)
        heir.mail.extend(rest)
        self._cells[SUPERVISOR] = heir
        return heir

    def _tell_again(self, to: str, message: object) -> bool:
        """With the lock held, the book cannot change between looking a life up and putting mail into it."""
        with self.lock:
            cell = self._cells.get(to)
            return cell is not None and cell.put(message)

    def _undeliverable(self, to: str, message: object) -> None:
        if isinstance(message, TimerFired):
            return
        if to == SUPERVISOR:
            self.drop()
        else:
            self._tell_supervisor(Undeliverable(to=to, message=message))

    def _tell_supervisor(self, message: object) -> None:
        if not self._tell_again(SUPERVISOR, message):
            self.drop()

    def _answer(self, to: ReplyTo, message: object) -> None:
        try:
            to.reply(message)
        except Exception:
            # A caller that went away must not end the actor that answers.
            self.drop()
