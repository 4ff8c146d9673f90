"""The live runtime: real threads, real time, questions from outside."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from actors.messages import ReplyTo, Undeliverable
from actors.runtime import Actor
from actors.threaded import SWITCH_INTERVAL_S, Threaded
from tests.actors.small import Echo, Hold, Little, LittleBatch, Pass, Tape, ThreadedFace


@pytest.fixture
def tape(threaded: ThreadedFace) -> Tape:
    tape = Tape()
    threaded.system.register("little", lambda life: Little(life, tape))
    threaded.system.register("batch", lambda life: LittleBatch(life, tape))
    return tape


def test_each_life_runs_on_a_thread_with_its_name(threaded: ThreadedFace) -> None:
    class Who(Actor):
        def receive(self, message: object) -> None:
            assert isinstance(message, Echo)
            self.life.tell(message.reply_to, threading.current_thread().name)

    threaded.system.register("who", Who)
    for number in range(20):
        threaded.system.spawn(f"who/{number}")
    names = [threaded.system.ask(f"who/{number}", Echo, 5) for number in range(20)]
    assert names == [f"who/{number}" for number in range(20)]


def test_spawning_never_waits_for_a_thread(threaded: ThreadedFace, tape: Tape) -> None:
    begun = time.perf_counter()
    for number in range(200):
        threaded.system.spawn(f"little/{number}")
    spawned_s = time.perf_counter() - begun
    threaded.until(lambda: len(tape.seen) == 200)
    assert spawned_s < 0.1


def test_stopping_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    face, tape = ThreadedFace(), Tape()
    face.system.register("little", lambda life: Little(life, tape))
    for number in range(50):
        face.system.spawn(f"little/{number}")
    face.until(lambda: len(tape.seen) == 50)
    face.system.stop_all()
    deadline_s = time.monotonic() + 5
    while set(threading.enumerate()) - before and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert set(threading.enumerate()) - before == set()


def test_a_busy_thread_gives_way_soon(threaded: ThreadedFace) -> None:
    assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)


def test_a_recursion_through_c_ends_one_life_and_not_the_process(threaded: ThreadedFace, tape: Tape) -> None:
    class Nested:
        def __init__(self) -> None:
            self.inner: object = self

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Nested) and [self.inner] == [other.inner]

        __hash__ = None  # type: ignore[assignment]

    class Deep(Actor):
        def receive(self, message: object) -> None:
            assert Nested() == message

    threaded.system.register("deep", Deep)
    threaded.system.spawn("deep")
    threaded.system.tell("deep", Nested())
    threaded.until(lambda: threaded.system.incarnation("deep") == 0)
    threaded.system.spawn("little/a")
    assert threaded.system.ask("little/a", Echo, 5) == "echo"


def test_what_waits_is_drained_into_one_batch(threaded: ThreadedFace, tape: Tape) -> None:
    entered, gate = threading.Event(), threading.Event()
    threaded.system.spawn("batch")
    threaded.system.tell("batch", Hold(entered, gate))
    assert entered.wait(5)
    for number in range(300):
        threaded.system.tell("batch", number)
    gate.set()
    threaded.until(lambda: sum(len(batch) for batch in tape.batches()) == 301)
    assert [len(batch) for batch in tape.batches()] == [1, 256, 44]


def test_order_of_each_sender_holds_with_many_threads(threaded: ThreadedFace, tape: Tape) -> None:
    threaded.system.spawn("batch")

    def send(sender: int) -> None:
        for number in range(1_000):
            threaded.system.tell("batch", (sender, number))

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    threaded.until(lambda: sum(len(batch) for batch in tape.batches()) == 8_000)
    told = [message for batch in tape.batches() for message in batch]
    for sender in range(8):
        assert [number for one, number in told if one == sender] == list(range(1_000))


def test_every_message_told_around_a_stop_is_handled_or_comes_back(threaded: ThreadedFace, tape: Tape) -> None:
    threaded.system.register("supervisor", lambda life: Little(life, tape))
    threaded.system.spawn("supervisor")
    threaded.system.spawn("little/a")
    sent = 5_000

    def send() -> None:
        for number in range(sent):
            threaded.system.tell("little/a", number)
            if number == sent // 2:
                threaded.system.stop("little/a")

    sender = threading.Thread(target=send)
    sender.start()
    sender.join()

    def all_seen() -> list[Any]:
        handled = [what for what in tape.messages("little/a") if isinstance(what, int)]
        return handled + [what.message for what in tape.of_type(Undeliverable)]

    threaded.until(lambda: len(all_seen()) >= sent)
    assert sorted(all_seen()) == list(range(sent))


def test_a_question_gets_the_first_answer(threaded: ThreadedFace) -> None:
    class Twice(Actor):
        def receive(self, message: object) -> None:
            assert isinstance(message, Echo)
            self.life.tell(message.reply_to, 1)
            self.life.tell(message.reply_to, 2)

    threaded.system.register("twice", Twice)
    threaded.system.spawn("twice")
    assert threaded.system.ask("twice", Echo, 5) == 1


def test_a_question_without_an_answer_times_out(threaded: ThreadedFace, tape: Tape) -> None:
    threaded.system.spawn("little/a")
    with pytest.raises(TimeoutError):
        threaded.system.ask("little/a", lambda reply_to: "no question", 0.02)


def test_a_coroutine_asks_without_blocking_its_loop(threaded: ThreadedFace, tape: Tape) -> None:
    for number in range(10):
        threaded.system.spawn(f"little/{number}")

    async def ask_all() -> list[object]:
        def make(number: int) -> Callable[[ReplyTo], object]:
            return lambda reply_to: Pass(f"little/{(number + 1) % 10}", Echo(reply_to, number))

        questions = [threaded.system.ask_async(f"little/{n % 10}", make(n), 5) for n in range(200)]
        return await asyncio.gather(*questions)

    assert asyncio.run(ask_all()) == list(range(200))


def test_a_coroutine_hears_of_silence_and_a_late_answer_hurts_nobody(threaded: ThreadedFace, tape: Tape) -> None:
    threaded.system.spawn("little/a")
    kept: list[ReplyTo] = []

    def make(reply_to: ReplyTo) -> object:
        kept.append(reply_to)
        return "no question"

    async def ask() -> None:
        with pytest.raises(TimeoutError):
            await threaded.system.ask_async("little/a", make, 0.02)
        kept[0].reply("late")
        await asyncio.sleep(0.01)

    asyncio.run(ask())
    kept[0].reply("after the loop is gone")
    assert threaded.system.ask("little/a", Echo, 5) == "echo"


def test_a_clock_set_forward_is_noticed() -> None:
    class Leaping:
        def __init__(self) -> None:
            self.ahead_ms = 0

        def now_ms(self) -> int:
            return time.time_ns() // 1_000_000 + self.ahead_ms

    clock, tape = Leaping(), Tape()
    system = Threaded(clock, spare_shells=1)
    try:
        system.register("little", lambda life: Little(life, tape))
        system.spawn("little/a")
        system.call_at(clock.now_ms() + 3_600_000, lambda: system.tell("little/a", "an hour later"))
        clock.ahead_ms = 3_600_000
        deadline_s = time.monotonic() + 5
        while "an hour later" not in tape.messages("little/a") and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert "an hour later" in tape.messages("little/a")
    finally:
        system.stop_all()
