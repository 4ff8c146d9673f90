"""The stepped runtime: one thread, a seed, a virtual clock, and crashes wherever a test wants them."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.messages import Crashed, ReplyTo, TimerFired
from actors.runtime import Actor, Life
from actors.stepped import Line, Stepped
from tests.actors.small import Boom, Echo, Little, LittleBatch, Pass, Tape


class Gossip(Actor):
    """Passes a number on to its neighbours until it is used up."""

    def receive(self, message: object) -> None:
        if isinstance(message, TimerFired):
            self.life.tell("gossip/0", 3)
        elif isinstance(message, int) and message > 0:
            own = int(self.life.name.partition("/")[2])
            self.life.tell(f"gossip/{(own + 1) % 5}", message - 1)
            self.life.tell(f"gossip/{(own + 3) % 5}", message - 1)
            self.life.wake_at(self.life.now_ms() + message, "more")


def gossip(seed: int, steps: int) -> Stepped:
    system = Stepped(random.Random(seed), start_ms=1_000)
    system.register("gossip", Gossip)
    for number in range(5):
        system.spawn(f"gossip/{number}")
    system.tell("gossip/0", 5)
    system.run(steps)
    return system


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 400))
def test_the_same_seed_makes_the_same_run(seed: int, steps: int) -> None:
    first, second = gossip(seed, steps), gossip(seed, steps)
    assert first.log == second.log
    assert first.now_ms() == second.now_ms()
    assert len(first.log) == steps


def test_other_seeds_make_other_runs() -> None:
    assert len({gossip(seed, 100).log for seed in range(5)}) == 5


@pytest.fixture
def system() -> Stepped:
    return Stepped(random.Random(1), start_ms=1_000)


@pytest.fixture
def tape(system: Stepped) -> Tape:
    tape = Tape()
    system.register("little", lambda life: Little(life, tape))
    system.register("batch", lambda life: LittleBatch(life, tape))
    system.register("supervisor", lambda life: Little(life, tape))
    for name in ("supervisor", "little/a", "little/b"):
        system.spawn(name)
    system.run_until_idle()
    return tape


def test_one_step_handles_one_message_of_one_actor(system: Stepped, tape: Tape) -> None:
    system.tell("little/a", 1)
    system.tell("little/b", 2)
    before = len(tape.seen)
    assert system.step()
    assert len(tape.seen) == before + 1
    assert system.step()
    assert not system.step()


def test_the_log_tells_step_actor_and_message(system: Stepped, tape: Tape) -> None:
    steps = system.steps
    system.tell("little/a", Boom())
    system.run_until_idle()
    assert system.log[-2:] == (Line(steps + 1, "little/a", "Boom"), Line(steps + 2, "supervisor", "Crashed"))


def test_time_stands_still_while_there_is_mail_and_jumps_when_there_is_none(system: Stepped) -> None:
    seen: list[tuple[int, object]] = []

    class Clocked(Actor):
        def start(self) -> None:
            self.life.wake_at(5_000, "later")
            self.life.wake_at(2_000, "soon")

        def receive(self, message: object) -> None:
            seen.append((self.life.now_ms(), message))

    system.register("clocked", Clocked)
    system.spawn("clocked")
    system.tell("clocked", "now")
    system.run(10)
    assert [time_ms for time_ms, _ in seen] == [1_000, 2_000, 5_000]
    assert system.now_ms() == 5_000


def test_advance_lets_everything_happen_in_its_own_time(system: Stepped, tape: Tape) -> None:
    seen: list[int] = []

    class Ticking(Actor):
        def start(self) -> None:
            self.life.wake_at(self.life.now_ms() + 100, "tick")

        def receive(self, message: object) -> None:
            seen.append(self.life.now_ms())
            self.life.wake_at(self.life.now_ms() + 100, "tick")

    system.register("ticking", Ticking)
    system.spawn("ticking")
    system.advance(350)
    assert seen == [1_100, 1_200, 1_300]
    assert system.now_ms() == 1_350
    assert system.run_until_idle() == 0


def test_calls_of_adapters_come_at_their_time_and_a_failing_one_is_told(system: Stepped, tape: Tape) -> None:
    def fail() -> None:
        raise ValueError("adapter")

    system.call_at(1_200, lambda: system.tell("little/a", system.now_ms()))
    system.call_at(1_100, fail)
    system.advance(500)
    assert tape.messages("little/a") == ["start", 1_200]
    crashed = tape.of_type(Crashed)
    assert len(crashed) == 1
    assert "adapter" in crashed[0].error


def test_rush_lets_timers_come_before_the_mail_that_waits() -> None:
    class Sleeper(Actor):
        def start(self) -> None:
            self.life.wake_at(1_000, "timer")

    def mail_was_last(seed: int, rush: float) -> bool:
        system, tape = Stepped(random.Random(seed), rush=rush), Tape()
        system.register("sleeper", Sleeper)
        system.register("little", lambda life: Little(life, tape))
        system.spawn("sleeper")
        for number in range(5):
            system.spawn(f"little/{number}")
        system.run(50)
        return system.log[-1].message != "TimerFired"

    assert not any(mail_was_last(seed, rush=0.0) for seed in range(30))
    assert any(mail_was_last(seed, rush=0.5) for seed in range(30))


def test_a_hook_crashes_an_actor_before_a_message(system: Stepped, tape: Tape) -> None:
    def hook(name: str, message: object) -> None:
        if name == "little/a":
            raise RuntimeError("injected")

    system.before_message = hook
    system.tell("little/a", Pass("little/b", 1))
    system.run_until_idle()
    assert tape.messages("little/a") == ["start"]
    assert tape.messages("little/b") == ["start"]
    assert len(tape.of_type(Crashed)) == 1


def test_a_hook_crashes_an_actor_in_the_middle_of_a_message(system: Stepped, tape: Tape) -> None:
    def hook(name: str, to: str | ReplyTo, message: object) -> None:
        if name == "little/a":
            raise RuntimeError("injected")

    system.before_tell = hook
    system.tell("little/a", Pass("little/b", 1))
    system.run_until_idle()
    assert tape.messages("little/a") == ["start", Pass("little/b", 1)]
    assert tape.messages("little/b") == ["start"]
    assert len(tape.of_type(Crashed)) == 1


def test_a_hook_crashes_an_actor_after_a_message(system: Stepped, tape: Tape) -> None:
    def hook(name: str, message: object) -> None:
        if name == "little/a":
            raise RuntimeError("injected")

    system.after_message = hook
    system.tell("little/a", Pass("little/b", 1))
    system.run_until_idle()
    assert tape.messages("little/b") == ["start", 1]
    assert len(tape.of_type(Crashed)) == 1


def test_a_kill_forgets_everything_at_once(system: Stepped, tape: Tape) -> None:
    class Killed(BaseException):
        pass

    def hook(name: str, to: str | ReplyTo, message: object) -> None:
        system.kill()
        raise Killed

    system.before_tell = hook
    system.call_at(2_000, lambda: system.tell("little/a", "adapter"))
    system.tell("little/a", Pass("little/b", 1))
    system.tell("little/a", 2)
    system.run(100)
    assert system.names() == ()
    assert tape.messages("little/a") == ["start", Pass("little/b", 1)]
    assert tape.of_type(Crashed) == []
    assert not system.step()
    system.before_tell = None
    system.spawn("little/a")
    system.tell("little/a", 3)
    system.run_until_idle()
    assert tape.messages("little/a")[-2:] == ["start", 3]


def test_a_batch_is_a_seeded_prefix_of_what_waits() -> None:
    def batches(seed: int) -> list[int]:
        system, tape = Stepped(random.Random(seed)), Tape()
        system.register("batch", lambda life: LittleBatch(life, tape))
        system.spawn("batch")
        system.run_until_idle()
        for number in range(40):
            system.tell("batch", number)
        system.run_until_idle()
        return [len(batch) for batch in tape.batches()]

    assert batches(1) == batches(1)
    assert all(sum(batches(seed)) == 40 for seed in range(5))
    assert len({tuple(batches(seed)) for seed in range(5)}) > 1


def test_a_question_from_outside_is_answered_while_it_is_stepped(system: Stepped, tape: Tape) -> None:
    box = system.ask("little/a", Echo)
    assert not box.done
    with pytest.raises(LookupError):
        _ = box.answer
    system.run_until_idle()
    assert box.answer == "echo"
    box.reply("later")
    assert box.answer == "echo"


def test_a_system_that_never_rests_is_noticed(system: Stepped) -> None:
    class Restless(Actor):
        def __init__(self, life: Life) -> None:
            super().__init__(life)

        def receive(self, message: object) -> None:
            self.life.tell(self.life.name, message)

    system.register("restless", Restless)
    system.spawn("restless")
    system.tell("restless", "again")
    with pytest.raises(RuntimeError, match="still busy"):
        system.run_until_idle(1_000)
