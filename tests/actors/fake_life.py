"""A life that only writes down what its actor does, for tests of one actor alone."""

from __future__ import annotations

from typing import Any, TypeVar

from actors.messages import Commit, Participant, ReplyTo, Send, TimerFired
from actors.replies import ReplyBox
from tests.rules.builders import NOW_MS

T = TypeVar("T")


class FakeLife:
    """`runtime.Life`. What was told is in `told`, oldest first, until a test takes it out."""

    def __init__(self, name: str, incarnation: int = 1, *, fresh: bool = False) -> None:
        self.name = name
        self.incarnation = incarnation
        self.fresh = fresh
        self.time_ms = NOW_MS
        self.set_by_ms = 0
        self.told: list[tuple[str | ReplyTo, object]] = []
        self.wakes: dict[str, int] = {}
        self.spawned: list[str] = []
        self.is_stopped = False

    # --- Life -------------------------------------------------------------------------------------

    def tell(self, to: str | ReplyTo, message: object) -> None:
        if isinstance(to, str):
            self.told.append((to, message))
        else:
            to.reply(message)

    def now_ms(self) -> int:
        return self.time_ms

    def flow_ms(self) -> int:
        return self.time_ms - self.set_by_ms

    def wake_at(self, time_ms: int, name: str) -> None:
        self.wakes[name] = time_ms

    def cancel_wake(self, name: str) -> None:
        self.wakes.pop(name, None)

    def spawn(self, name: str, *, fresh: bool = False) -> int:
        self.spawned.append(name)
        return len(self.spawned)

    def stop(self) -> None:
        self.is_stopped = True

    # --- for tests --------------------------------------------------------------------------------

    @property
    def me(self) -> Participant:
        return Participant(self.name, self.incarnation)

    def of(self, kind: type[T]) -> list[T]:
        """Messages of this kind that wait to be taken out."""
        return [message for _, message in self.told if isinstance(message, kind)]

    def take(self, kind: type[T]) -> list[T]:
        """The same, taken out."""
        found = self.of(kind)
        self.told = [entry for entry in self.told if not isinstance(entry[1], kind)]
        return found

    def one(self, kind: type[T]) -> T:
        """The only message of this kind, taken out."""
        found = self.take(kind)
        assert len(found) == 1, f"{len(found)} of {kind.__name__}: {self.told}"
        return found[0]

    def to(self, name: str) -> list[object]:
        return [message for to, message in self.told if to == name]

    def fire(self, name: str) -> TimerFired:
        """The wake-up of this name, its time having come."""
        self.time_ms = max(self.time_ms, self.wakes.pop(name))
        return TimerFired(incarnation=self.incarnation, name=name)


def rows_of(commit: Commit, kind: type[T]) -> list[T]:
    return [row for row in commit.rows if isinstance(row, kind)]


def released(commit: Commit, to: str) -> list[Any]:
    """What a commit's release tells this actor."""
    return [send.message for send in commit.then if send.to == to]


def replies(commit: Commit) -> list[Send]:
    """What its release answers to callers."""
    return [send for send in commit.then if not isinstance(send.to, str)]


def box() -> ReplyBox:
    return ReplyBox()
