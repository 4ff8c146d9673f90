"""What both runtimes promise (the numbered list of `actors.runtime`), on each of them."""

from __future__ import annotations

import random
import threading

import pytest

from actors.messages import Crashed, Quarantined, Start, Started, Stopped, TimerFired, Undeliverable
from actors.runtime import MAX_WAKES_PER_LIFE, SUPERVISOR_CRASHES, Actor, Life
from actors.stepped import Stepped
from tests.actors.small import Boom, Echo, Face, Hold, Little, LittleBatch, Pass, SteppedFace, Tape, numbers


@pytest.fixture
def tape(face: Face) -> Tape:
    """`little/...` and `batch/...` actors, and a supervisor that only writes down what it hears."""
    tape = Tape()
    face.system.register("little", lambda life: Little(life, tape))
    face.system.register("batch", lambda life: LittleBatch(life, tape))
    face.system.register("supervisor", lambda life: Little(life, tape))
    face.system.spawn("supervisor")
    return tape


def ends(tape: Tape) -> list[str]:
    return [type(message).__name__ for message in tape.messages("supervisor")]


def test_an_actor_starts_before_it_gets_its_first_message(face: Face, tape: Tape) -> None:
    face.system.spawn("little/a")
    face.system.tell("little/a", 1)
    face.until(lambda: tape.messages("little/a") == ["start", 1])


def test_ten_thousand_tells_arrive_in_the_order_of_each_sender(face: Face, tape: Tape) -> None:
    for name in ("to", "one", "two"):
        face.system.spawn(f"little/{name}")
    for number in range(5_000):
        face.system.tell("little/one", Pass("little/to", number))
        face.system.tell("little/two", Pass("little/to", 10_000 + number))
    face.until(lambda: len(tape.messages("little/to")) == 10_001)
    told = numbers(tape.messages("little/to"))
    assert [number for number in told if number < 10_000] == list(range(5_000))
    assert [number for number in told if number >= 10_000] == list(range(10_000, 15_000))


def test_a_batching_actor_gets_everything_once_and_in_order(face: Face, tape: Tape) -> None:
    face.system.spawn("batch/a")
    for number in range(2_000):
        face.system.tell("batch/a", number)

    def got() -> list[int]:
        return [number for batch in tape.batches() for number in numbers(batch)]

    face.until(lambda: len(got()) == 2_000)
    assert got() == list(range(2_000))
    assert max(len(batch) for batch in tape.batches()) <= 256


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_a_failure_ends_one_life_and_nobody_else(face: Face, tape: Tape, error: type[BaseException]) -> None:
    first = face.system.spawn("little/a")
    face.system.spawn("little/b")
    face.system.tell("little/a", Boom(7, error))
    face.until(lambda: ends(tape) == ["Crashed"] or bool(tape.of_type(Crashed)))
    crashed = tape.of_type(Crashed)[0]
    assert (crashed.who.name, crashed.who.incarnation, crashed.message) == ("little/a", first, Boom(7, error))
    assert error.__name__ in crashed.error
    assert face.system.incarnation("little/a") == 0
    face.system.tell("little/b", 1)
    face.until(lambda: tape.messages("little/b") == ["start", 1])


def test_a_crash_while_starting_is_a_crash(face: Face, tape: Tape) -> None:
    class Stillborn(Actor):
        def start(self) -> None:
            raise ValueError("no")

    face.system.register("stillborn", Stillborn)
    face.system.spawn("stillborn", announce=True)
    face.until(lambda: bool(tape.of_type(Crashed)))
    assert tape.of_type(Crashed)[0].message == Start()
    face.settle()
    assert tape.of_type(Started) == []


def test_a_life_is_announced_where_it_was_asked_for(face: Face, tape: Tape) -> None:
    incarnation = face.system.spawn("little/a", announce=True)
    face.system.spawn("little/b")
    face.until(lambda: len(tape.of_type(Started)) == 1)
    face.settle()
    started = tape.of_type(Started)
    assert len(started) == 1
    assert started[0].who.incarnation == incarnation


def test_mail_behind_a_crash_comes_back_before_the_crash_is_told(face: Face, tape: Tape) -> None:
    entered, gate = threading.Event(), threading.Event()
    face.system.spawn("little/a")
    if isinstance(face, SteppedFace):
        face.until(lambda: True)
    else:
        face.system.tell("little/a", Hold(entered, gate))
        assert entered.wait(5)
    face.system.tell("little/a", Boom())
    face.system.tell("little/a", "lost 1")
    face.system.tell("little/a", "lost 2")
    gate.set()
    face.until(lambda: bool(tape.of_type(Crashed)))
    heard = tape.messages("supervisor")[1:]
    assert [type(message) for message in heard] == [Undeliverable, Undeliverable, Crashed]
    assert [message.message for message in tape.of_type(Undeliverable)] == ["lost 1", "lost 2"]


def test_a_peaceful_end_is_told_too_and_its_mail_comes_back(face: Face, tape: Tape) -> None:
    entered, gate = threading.Event(), threading.Event()
    face.system.spawn("little/a")
    if isinstance(face, SteppedFace):
        face.until(lambda: True)
    else:
        face.system.tell("little/a", Hold(entered, gate))
        assert entered.wait(5)
    face.system.tell("little/a", "stop")
    face.system.tell("little/a", "lost")
    gate.set()
    face.until(lambda: bool(tape.of_type(Stopped)))
    assert [type(message) for message in tape.messages("supervisor")[1:]] == [Undeliverable, Stopped]
    assert tape.messages("little/a")[-2:] == ["stop", "stopped"]


def test_mail_to_nobody_reaches_the_supervisor(face: Face, tape: Tape) -> None:
    face.system.tell("little/none", "hello")
    face.until(lambda: tape.of_type(Undeliverable) == [Undeliverable(to="little/none", message="hello")])


def test_mail_to_nobody_is_counted_where_there_is_no_supervisor(face: Face) -> None:
    face.system.tell("little/none", "hello")
    assert face.system.dropped == 1


def test_incarnations_only_grow_and_a_living_actor_is_not_started_twice(face: Face, tape: Tape) -> None:
    first = face.system.spawn("little/a")
    assert face.system.spawn("little/a") == first
    face.system.stop("little/a")
    face.until(lambda: face.system.incarnation("little/a") == 0)
    second = face.system.spawn("little/a")
    assert second > first > 0
    assert face.system.incarnation("little/a") == second


def test_an_unknown_kind_is_an_error_for_whoever_spawns_it(face: Face) -> None:
    with pytest.raises(KeyError):
        face.system.spawn("unknown/a")


class Timed(Actor):
    """Sets the timers it is told to: (name, delay), None cancels."""

    def __init__(self, life: Life, tape: Tape) -> None:
        super().__init__(life)
        self.tape = tape

    def receive(self, message: object) -> None:
        self.tape.add(self.life, message)
        if isinstance(message, tuple):
            name, delay_ms = message
            if delay_ms is None:
                self.life.cancel_wake(name)
            else:
                self.life.wake_at(self.life.now_ms() + delay_ms, name)
        elif isinstance(message, Boom):
            raise ValueError


def fired(tape: Tape) -> list[str]:
    return [what.name for what in tape.of_type(TimerFired) if isinstance(what, TimerFired)]


@pytest.fixture
def timed(face: Face, tape: Tape) -> Tape:
    face.system.register("timed", lambda life: Timed(life, tape))
    face.system.spawn("timed")
    return tape


def test_timers_fire_in_the_order_of_their_times(face: Face, timed: Tape) -> None:
    for name, delay_ms in (("c", 60), ("a", 20), ("b", 40)):
        face.system.tell("timed", (name, delay_ms))
    face.settle()
    face.pass_time(120)
    assert fired(timed) == ["a", "b", "c"]


def test_the_same_name_replaces_and_a_cancelled_one_never_comes(face: Face, timed: Tape) -> None:
    face.system.tell("timed", ("again", 10_000))
    face.system.tell("timed", ("again", 80))
    face.system.tell("timed", ("gone", 80))
    face.system.tell("timed", ("gone", None))
    face.settle()
    face.pass_time(200)
    assert fired(timed) == ["again"]


@pytest.mark.parametrize("end", ["crash", "stop"])
def test_timers_of_an_earlier_life_never_reach_a_later_one(face: Face, timed: Tape, end: str) -> None:
    face.system.tell("timed", ("old", 150))
    face.settle()
    if end == "crash":
        face.system.tell("timed", Boom())
    else:
        face.system.stop("timed")
    face.until(lambda: face.system.incarnation("timed") == 0)
    second = face.system.spawn("timed")
    face.system.tell("timed", ("new", 250))
    face.settle()
    face.pass_time(300)
    fires = [what for what in timed.of_type(TimerFired) if isinstance(what, TimerFired)]
    assert [(what.incarnation, what.name) for what in fires] == [(second, "new")]


def test_too_many_timers_end_the_life_that_sets_them(face: Face, timed: Tape) -> None:
    for number in range(MAX_WAKES_PER_LIFE + 1):
        face.system.tell("timed", (f"t{number}", 60_000))
    face.until(lambda: bool(timed.of_type(Crashed)))


def test_what_the_quarantine_holds_goes_to_the_supervisor_instead(face: Face, tape: Tape) -> None:
    face.system.set_quarantine(lambda name, message: message == "poison")
    face.system.spawn("little/a")
    face.system.spawn("batch/a")
    for name in ("little/a", "batch/a"):
        for message in ("one", "poison", "two"):
            face.system.tell(name, message)
    face.until(lambda: len(tape.of_type(Quarantined)) == 2 and "two" in tape.messages("little/a"))
    face.settle()
    assert tape.messages("little/a") == ["start", "one", "two"]
    assert [one for batch in tape.batches() for one in batch] == ["one", "two"]


def test_an_abandoned_life_counts_as_crashed_and_is_heard_no_more(face: Face, tape: Tape) -> None:
    entered, gate = threading.Event(), threading.Event()

    class Late(Actor):
        def receive(self, message: object) -> None:
            if isinstance(message, Hold):
                message.entered.set()
                message.gate.wait(5)
            self.life.tell("little/b", "from beyond")

    face.system.register("late", Late)
    face.system.spawn("late")
    face.system.spawn("little/b")
    if isinstance(face, SteppedFace):
        face.settle()
        face.system.abandon("late", "took too long")
    else:
        face.system.tell("late", Hold(entered, gate))
        assert entered.wait(5)
        face.system.tell("late", "waits")
        face.system.abandon("late", "took too long")
    face.until(lambda: bool(tape.of_type(Crashed)))
    assert tape.of_type(Crashed)[0].error == "took too long"
    assert face.system.incarnation("late") == 0
    gate.set()
    face.settle()
    assert tape.messages("little/b") == ["start"]


def test_an_answer_that_cannot_be_given_does_not_end_the_actor(face: Face, tape: Tape) -> None:
    class Gone:
        def reply(self, answer: object) -> None:
            raise RuntimeError("the caller is gone")

    face.system.spawn("little/a")
    face.system.tell("little/a", Echo(Gone()))
    face.system.tell("little/a", "still here")
    face.until(lambda: "still here" in tape.messages("little/a"))


def test_a_crashed_supervisor_comes_back_with_the_rest_of_its_mail(face: Face, tape: Tape) -> None:
    face.settle()
    first = face.system.incarnation("supervisor")
    entered, gate = threading.Event(), threading.Event()
    if not isinstance(face, SteppedFace):
        face.system.tell("supervisor", Hold(entered, gate))
        assert entered.wait(5)
    face.system.tell("supervisor", Boom())
    face.system.tell("supervisor", "not lost")
    gate.set()
    face.until(lambda: "not lost" in tape.messages("supervisor"))
    second = face.system.incarnation("supervisor")
    assert second > first
    later = [what for name, incarnation, what in tape.seen if incarnation == second]
    assert later[0] == "start"
    assert isinstance(later[1], Crashed)
    assert later[1].who.incarnation == first
    assert later[2] == "not lost"


def test_a_supervisor_that_fails_again_and_again_is_fatal() -> None:
    fatal: list[str] = []
    system = Stepped(random.Random(1), on_fatal=fatal.append)
    tape = Tape()
    system.register("supervisor", lambda life: Little(life, tape))
    system.spawn("supervisor")
    for number in range(20):
        system.tell("supervisor", Boom(number))
    system.run_until_idle()
    assert len(fatal) == 1
    assert len(tape.of_type(Boom)) == SUPERVISOR_CRASHES
    assert system.incarnation("supervisor") == 0


def test_everybody_stops_in_reverse_order_the_supervisor_first(face: Face, tape: Tape) -> None:
    for name in ("little/a", "little/b", "little/c"):
        face.system.spawn(name)
    face.settle()
    face.system.stop_all()
    stopped = [name for name, _, what in tape.seen if what == "stopped"]
    assert stopped == ["supervisor", "little/c", "little/b", "little/a"]
    assert face.system.spawn("little/d") == 0
    assert face.system.names() == ()


def test_depths_count_what_waits(face: Face, tape: Tape) -> None:
    entered, gate = threading.Event(), threading.Event()
    face.system.spawn("little/a")
    if isinstance(face, SteppedFace):
        face.settle()
    else:
        face.system.tell("little/a", Hold(entered, gate))
        assert entered.wait(5)
    for number in range(3):
        face.system.tell("little/a", number)
    assert face.system.depths()["little/a"] == 3
    gate.set()
