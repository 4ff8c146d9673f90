"""What an actor is, whatever runs it.

An actor is plain Python: a subclass of `Actor` (or `Batching`) that knows nothing of threads, mailboxes or pykka.
`threaded.Threaded` runs it live, `stepped.Stepped` runs the same class one message at a time on a virtual clock.
Both keep these promises:

1. One life of an actor handles one message (or batch) at a time, first `start()`, then its mail in order of arrival;
   what one sender tells one actor arrives in the order it was told.
2. A tell never blocks and never fails. Names are looked up when the message is told. What nobody can receive goes
   to the supervisor as `Undeliverable` (counted if there is no supervisor).
3. An exception, `SystemExit` included, ends that life only. What was left in its mailbox goes to the supervisor as
   `Undeliverable`, then `Crashed` follows. A life that ends in peace does the same with `Stopped`.
4. Incarnations only ever grow. They are drawn from one counter for the whole system, so two lives never share one
   and nothing must be remembered of names that are gone.
5. Timers of a life that ended are never delivered. What an ended life still tells is dropped.
6. A supervisor that crashed is started again by the runtime itself and finds the rest of its mail in its mailbox,
   behind the `Crashed` of its own earlier life.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from actors.messages import ReplyTo

SUPERVISOR = "supervisor"

BATCH_LIMIT = 256
"""Most messages a `Batching` actor is handed at once."""

MAX_WAKES_PER_LIFE = 64
"""Most timers one life may have waiting. More is a bug of that actor and ends the life."""

SUPERVISOR_CRASHES = 10
SUPERVISOR_CRASHES_WINDOW_MS = 60_000
"""A supervisor that crashes this often within this time is not started again."""


class Life(Protocol):
    """What an actor is given: its name, its number, and all it can do to the rest of the system."""

    @property
    def name(self) -> str: ...

    @property
    def incarnation(self) -> int: ...

    @property
    def fresh(self) -> bool:
        """True: spawned for something new, nothing can be stored of it yet."""

    def tell(self, to: str | ReplyTo, message: object) -> None:
        """Send and forget. To a `ReplyTo` it is the answer; a caller that is gone changes nothing."""

    def now_ms(self) -> int: ...

    def flow_ms(self) -> int:
        """Time that only flows on, from wherever it began: nobody can set it, a machine that sleeps may stop it."""

    def wake_at(self, time_ms: int, name: str) -> None:
        """`TimerFired(incarnation, name)` at that time or right after. The same name replaces the earlier wake-up.

        One that had already fired may still be in the mailbox: judge by the time, not by the message.
        """

    def cancel_wake(self, name: str) -> None: ...

    def spawn(self, name: str, *, fresh: bool = False) -> int:
        """Start the actor `name` by the factory of its kind, the text before `/`. Returns its incarnation.

        Never waits: the actor's own thread makes and starts it. One that is alive is left as it is.
        """

    def stop(self) -> None:
        """End this life in peace after the current message."""


class Actor:
    """The behaviour of one life. A new life is a new object: what must survive is in the store."""

    def __init__(self, life: Life) -> None:
        self.life = life

    def start(self) -> None:
        """The first thing that runs, before any message. Made and started on the actor's own thread."""

    def receive(self, message: object) -> None:
        """Handle one message. An exception ends this life."""

    def stopped(self) -> None:
        """The last thing that runs when the life ends in peace; not after a crash. It may still tell."""


class Batching(Actor):
    """An actor that takes what has come in at once, at most `BATCH_LIMIT`, in order. Used where one fsync pays for all.

    A crash ends the life with the whole batch: `Crashed.message` is the tuple of it.
    """

    def receive(self, message: object) -> None:
        self.receive_batch([message])

    def receive_batch(self, messages: list[object]) -> None:
        """Handle these, in order. Never empty."""


Factory = Callable[[Life], Actor]
Quarantine = Callable[[str, object], bool]
"""(actor's name, message) -> must it be kept from the actor?"""


class System(Protocol):
    """What runs the actors. `Threaded` and `Stepped`; may be used from any thread."""

    def register(self, kind: str, factory: Factory) -> None:
        """Actors named `kind` or `kind/...` are made by this."""

    def spawn(self, name: str, *, fresh: bool = False, announce: bool = False) -> int:
        """As `Life.spawn`. `announce`: tell the supervisor `Started` when `start()` has returned.

        0 and nothing happens once `stop_all` was called. KeyError: no such kind.
        """

    def tell(self, to: str | ReplyTo, message: object) -> None: ...

    def stop(self, name: str) -> None:
        """Let this life end in peace after its current message. Nothing happens if it is not alive."""

    def abandon(self, name: str, error: str) -> None:
        """Give a life up that does not come to an end: it counts as crashed from now on, whatever its thread does."""

    def stop_all(self) -> None:
        """The supervisor first, then everybody in reverse order of their start. Nothing is started any more."""

    def incarnation(self, name: str) -> int:
        """0: not alive."""

    def next_incarnation(self) -> int:
        """A number no life has, for who must not speak under its own any more."""

    def names(self) -> tuple[str, ...]:
        """Who is alive, in the order of their start."""

    def depths(self) -> Mapping[str, int]:
        """Messages waiting, by actor."""

    def set_quarantine(self, quarantine: Quarantine | None) -> None:
        """Messages it says yes to reach the supervisor as `Quarantined` instead of their actor. None: all may pass."""

    def now_ms(self) -> int: ...


def kind_of(name: str) -> str:
    """`group` of `group/abc`, `journal` of `journal`."""
    return name.partition("/")[0]
