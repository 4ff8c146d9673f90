"""Little actors, and both runtimes behind one face so that a test can be run on either."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from actors.messages import ReplyTo
from actors.runtime import Actor, Batching, Life
from actors.stepped import Stepped
from actors.threaded import Threaded

PATIENCE_S = 10.0
T = TypeVar("T")


class WallClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class SteppedFace:
    name = "stepped"

    def __init__(self, seed: int = 1) -> None:
        self.system = Stepped(random.Random(seed))

    def until(self, condition: Callable[[], bool]) -> None:
        self.system.run_until_idle()
        assert condition()

    def settle(self) -> None:
        """Nothing is under way any more."""
        self.system.run_until_idle()

    def pass_time(self, ms: int) -> None:
        self.system.advance(ms)


class ThreadedFace:
    name = "threaded"

    def __init__(self) -> None:
        self.system = Threaded(WallClock(), spare_shells=2)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline_s, "it did not come about"
            time.sleep(0.001)

    def settle(self) -> None:
        time.sleep(0.05)

    def pass_time(self, ms: int) -> None:
        time.sleep(ms / 1000 + 0.03)


Face = SteppedFace | ThreadedFace


@dataclass(frozen=True, slots=True)
class Boom:
    """An actor that gets it fails."""

    number: int = 0
    error: type[BaseException] = ValueError


@dataclass(frozen=True, slots=True)
class Pass:
    """Tell this on."""

    to: str
    message: object


@dataclass(frozen=True, slots=True)
class Hold:
    """Handle nothing else until the gate opens. On a thread only."""

    entered: threading.Event
    gate: threading.Event


@dataclass(frozen=True, slots=True)
class Echo:
    reply_to: ReplyTo
    answer: object = "echo"


@dataclass(frozen=True, slots=True)
class Fatal:
    """An actor that gets this question fails before it answers."""

    reply_to: ReplyTo


class Tape:
    """What was seen, by all lives of an actor, in order."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, object]] = []

    def add(self, life: Life, what: object) -> None:
        self.seen.append((life.name, life.incarnation, what))

    def messages(self, name: str) -> list[object]:
        return [what for actor, _, what in self.seen if actor == name]

    def of_type(self, cls: type[T]) -> list[T]:
        return [what for _, _, what in self.seen if isinstance(what, cls)]

    def batches(self) -> list[tuple[Any, ...]]:
        return self.of_type(tuple)


class Little(Actor):
    """Writes down what it gets, and does what the message says."""

    def __init__(self, life: Life, tape: Tape) -> None:
        super().__init__(life)
        self.tape = tape

    def start(self) -> None:
        self.tape.add(self.life, "start")

    def stopped(self) -> None:
        self.tape.add(self.life, "stopped")

    def receive(self, message: object) -> None:
        self.tape.add(self.life, message)
        if isinstance(message, Boom):
            raise message.error(message.number)
        if isinstance(message, Fatal):
            raise RuntimeError("no answer")
        if isinstance(message, Pass):
            self.life.tell(message.to, message.message)
        elif isinstance(message, Hold):
            message.entered.set()
            message.gate.wait(PATIENCE_S)
        elif isinstance(message, Echo):
            self.life.tell(message.reply_to, message.answer)
        elif message == "stop":
            self.life.stop()


class LittleBatch(Batching):
    def __init__(self, life: Life, tape: Tape) -> None:
        super().__init__(life)
        self.tape = tape

    def receive_batch(self, messages: list[object]) -> None:
        self.tape.add(self.life, tuple(messages))
        for message in messages:
            if isinstance(message, Boom):
                raise message.error(message.number)
            if isinstance(message, Hold):
                message.entered.set()
                message.gate.wait(PATIENCE_S)


def numbers(items: Iterable[object]) -> list[int]:
    return [item for item in items if isinstance(item, int)]
