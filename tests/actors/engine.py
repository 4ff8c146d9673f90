"""A little engine around the real supervisor: a journal that keeps what it is told, and actors that only write down."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from actors.children import Child, engine_children
from actors.lives import Lives
from actors.messages import Commit, RestartAsked
from actors.rules.events import Note
from actors.rules.records import AddDeadLetter, AddEvent, RaiseAlert, Row
from actors.runtime import Actor, Batching, Life
from actors.supervisor import Supervisor
from tests.actors.small import Boom, Echo, Face, Hold, Little, Tape


class CountingIds:
    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def signal_id(self) -> str:
        return f"signal-{next(self._numbers)}"

    def group_id(self) -> str:
        return f"group{next(self._numbers):07}"

    def token(self) -> str:
        return f"token-{next(self._numbers)}"

    def fraction(self) -> float:
        return 0.0


class Worker(Little):
    """Dies of whatever the engine calls poison, and when told to."""

    def __init__(self, life: Life, engine: Engine) -> None:
        super().__init__(life, engine.tape)
        self.engine = engine

    def start(self) -> None:
        self.tape.add(self.life, "fresh start" if self.life.fresh else "start")
        hold = self.engine.slow_starts.pop(self.life.name, None)
        if hold is not None:
            hold.entered.set()
            hold.gate.wait(5)
        if self.life.name in self.engine.stillborn:
            raise RuntimeError("cannot start")

    def receive(self, message: object) -> None:
        super().receive(message)
        signal = getattr(message, "signal", None)
        if signal is not None and signal.idempotency_key in self.engine.poison:
            raise RuntimeError("poison")


class ToyJournal(Batching):
    """Keeps commits and releases them, unless told to refuse."""

    def __init__(self, life: Life, engine: Engine) -> None:
        super().__init__(life)
        self.engine = engine

    def start(self) -> None:
        self.engine.tape.add(self.life, "start")

    def stopped(self) -> None:
        self.engine.tape.add(self.life, "stopped")

    def receive_batch(self, messages: list[object]) -> None:
        for message in messages:
            if isinstance(message, Boom):
                raise message.error(message.number)
            if isinstance(message, Commit):
                self._commit(message)

    def _commit(self, commit: Commit) -> None:
        if self.engine.refused_authors.get(commit.author.name, -1) >= commit.author.incarnation:
            return
        if self.engine.refuses(commit):
            self.engine.refused_authors[commit.author.name] = commit.author.incarnation
            self.life.tell("supervisor", RestartAsked(who=commit.author, error="refused"))
            return
        self.engine.rows.extend(commit.rows)
        for send in commit.then:
            self.life.tell(send.to, send.message)


class Engine:
    """Accounts `one` and `two` in world `paper`."""

    def __init__(self, face: Face, *, children: tuple[Child, ...] = (), expected: Iterable[str] = ()) -> None:
        self.face = face
        self.system: Lives = face.system
        self.tape = Tape()
        self.rows: list[Row] = []
        self.notes: list[Note] = []
        self.store_states: list[bool] = []
        self.poison: set[str] = set()
        self.stillborn: set[str] = set()
        self.slow_starts: dict[str, Hold] = {}
        self.expected = list(expected)
        self.refuse_all = False
        self.refuse_types: set[str] = set()
        self.refused_authors: dict[str, int] = {}
        self.supervisors: list[Supervisor] = []
        self.crash_supervisor_on: type | None = None
        ids = CountingIds()
        chosen = children or engine_children(["one", "two"], ["paper"])

        def supervisor(life: Life) -> Actor:
            made = FragileSupervisor(
                life,
                system=face.system,
                children=chosen,
                ids=ids,
                expected=lambda: tuple(self.expected),
                observe=self.notes.append,
                store_state=lambda ok, error: self.store_states.append(ok),
            )
            made.engine = self
            self.supervisors.append(made)
            return made

        self.system.register("supervisor", supervisor)
        self.system.register("journal", lambda life: ToyJournal(life, self))
        for kind in ("feed", "gateway", "queue", "pool", "group", "risk"):
            self.system.register(kind, lambda life: Worker(life, self))

    def refuses(self, commit: Commit) -> bool:
        events = {row.type for row in commit.rows if isinstance(row, AddEvent)}
        return self.refuse_all or bool(events & self.refuse_types)

    def begin(self) -> Engine:
        self.system.spawn("supervisor")
        static = {"journal", "feed", "gateway/one", "gateway/two", "queue/paper", "pool/paper", "risk/paper"}
        self.face.until(lambda: static <= {name for name, _, what in self.tape.seen if what == "start"})
        self.face.settle()
        return self

    # --- what happened ----------------------------------------------------------------------------

    def starts(self) -> list[str]:
        return [name for name, _, what in self.tape.seen if what in ("start", "fresh start")]

    def steps_of(self, *names: str) -> list[str]:
        """`name start` and `name stopped`, in order."""
        return [f"{name} {what}" for name, _, what in self.tape.seen if name in names and what in ("start", "stopped")]

    def alive(self, name: str) -> bool:
        return self.system.incarnation(name) != 0

    def told(self, name: str, cls: type) -> list[object]:
        return [message for message in self.tape.messages(name) if isinstance(message, cls)]

    def events(self) -> list[str]:
        return [row.type for row in self.rows if isinstance(row, AddEvent)]

    def alerts(self) -> list[str]:
        return [row.alert_key for row in self.rows if isinstance(row, RaiseAlert)]

    def letters(self) -> list[AddDeadLetter]:
        return [row for row in self.rows if isinstance(row, AddDeadLetter)]

    def ask(self, to: str) -> object:
        """An echo of a living actor."""
        box: list[object] = []

        class Box:
            def reply(self, answer: object) -> None:
                box.append(answer)

        self.system.tell(to, Echo(Box()))
        self.face.until(lambda: bool(box))
        return box[0]


class FragileSupervisor(Supervisor):
    """The real one, which can be made to die over a kind of message once."""

    engine: Engine

    def receive(self, message: object) -> None:
        if self.engine.crash_supervisor_on is not None and isinstance(message, self.engine.crash_supervisor_on):
            self.engine.crash_supervisor_on = None
            raise RuntimeError("the supervisor dies")
        super().receive(message)
