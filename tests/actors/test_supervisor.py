"""Starting, restarting, giving up, stopping: the supervisor over a toy engine."""

from __future__ import annotations

import threading

import pytest

from actors import supervisor as module
from actors.messages import Crashed, GatewayStarted, Participant, Reloaded, RestartAsked, Shutdown, StoreFailed
from actors.replies import ReplyBox
from actors.rules.model import Reason, Refused
from actors.stepped import Stepped
from tests.actors.engine import Engine
from tests.actors.small import Boom, Face, Fatal, Hold, SteppedFace, ThreadedFace

POOL, QUEUE, RISK = "pool/paper", "queue/paper", "risk/paper"


@pytest.fixture
def engine(face: Face) -> Engine:
    return Engine(face).begin()


@pytest.fixture
def stepped() -> Engine:
    return Engine(SteppedFace()).begin()


def crash(engine: Engine, name: str, number: int = 0) -> None:
    """Ends this life and waits until the supervisor has done what it does at once."""
    incarnation = engine.system.incarnation(name)
    engine.system.tell(name, Boom(number))
    engine.face.until(lambda: engine.system.incarnation(name) != incarnation)
    engine.face.settle()


# --- start and stop -------------------------------------------------------------------------------


def test_the_engine_starts_in_order(engine: Engine) -> None:
    assert engine.starts() == ["journal", "feed", "gateway/one", "gateway/two", QUEUE, POOL, RISK]


def test_the_next_one_waits_until_the_one_before_has_started() -> None:
    face = ThreadedFace()
    try:
        engine = Engine(face)
        hold = engine.slow_starts["feed"] = Hold(threading.Event(), threading.Event())
        engine.system.spawn("supervisor")
        assert hold.entered.wait(5)
        face.settle()
        assert engine.starts() == ["journal", "feed"]
        hold.gate.set()
        face.until(lambda: engine.alive(POOL))
    finally:
        face.system.stop_all()


def test_an_actor_that_does_not_start_in_time_is_given_up_on_and_started_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "START_LIMIT_MS", 50)
    face = ThreadedFace()
    hold = Hold(threading.Event(), threading.Event())
    try:
        engine = Engine(face)
        engine.slow_starts["feed"] = hold
        engine.begin()
        face.until(lambda: engine.starts().count("feed") == 2)
        assert engine.ask("feed") == "echo"
        assert [letter.actor for letter in engine.letters()] == ["feed"]
    finally:
        hold.gate.set()
        face.system.stop_all()


@pytest.mark.rule("REC-1")
def test_groups_that_are_not_closed_start_behind_their_pool(face: Face) -> None:
    engine = Engine(face, expected=["group/a", "group/b"]).begin()
    face.until(lambda: {"group/a", "group/b", RISK} <= set(engine.starts()))
    assert engine.starts()[:6] == ["journal", "feed", "gateway/one", "gateway/two", QUEUE, POOL]
    assert set(engine.starts()[6:]) == {"group/a", "group/b", RISK}


def test_shutdown_stops_everybody_in_reverse_order_the_journal_last(engine: Engine) -> None:
    for name in ("group/a", "group/b"):
        engine.system.spawn(name, fresh=True)
    engine.face.settle()
    box = ReplyBox()
    engine.system.tell("supervisor", Shutdown(reply_to=box))
    engine.face.until(lambda: box.done and not engine.system.names())
    order = [name for name, _, what in engine.tape.seen if what == "stopped"]
    assert order[0] == RISK
    assert set(order[1:3]) == {"group/a", "group/b"}
    assert order[3:5] == [POOL, QUEUE]
    assert set(order[5:7]) == {"gateway/one", "gateway/two"}
    assert order[7:] == ["feed", "journal"]


def test_one_that_does_not_stop_in_time_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_LIMIT_MS", 50)
    face = ThreadedFace()
    hold = Hold(threading.Event(), threading.Event())
    try:
        engine = Engine(face).begin()
        engine.system.tell(POOL, hold)
        assert hold.entered.wait(5)
        box = ReplyBox()
        engine.system.tell("supervisor", Shutdown(reply_to=box))
        face.until(lambda: box.done and not engine.system.names())
    finally:
        hold.gate.set()
        face.system.stop_all()


# --- one for one ----------------------------------------------------------------------------------


@pytest.mark.rule("REC-2")
def test_a_crashed_actor_is_back_at_once_and_its_message_is_kept(engine: Engine) -> None:
    crash(engine, "feed", 7)
    engine.face.until(lambda: engine.starts().count("feed") == 2 and bool(engine.letters()))
    letter = engine.letters()[0]
    assert (letter.actor, letter.message_type) == ("feed", "Boom")
    assert '"number": 7' in letter.message
    assert "ValueError" in letter.error
    assert "actor.crashed" in engine.events()
    assert "crashed/feed" in engine.alerts()
    assert [note.type for note in engine.notes] == ["actor.crashed"]
    assert engine.starts().count("gateway/one") == 1


def test_pools_hear_of_every_new_life(engine: Engine) -> None:
    crash(engine, "gateway/one")
    incarnation = engine.system.incarnation("gateway/one")
    engine.face.until(lambda: Reloaded(name="gateway/one", incarnation=incarnation) in engine.tape.messages(POOL))


@pytest.mark.rule("REC-2")
def test_each_further_crash_waits_longer_and_too_many_are_the_end_of_that_part_only(stepped: Engine) -> None:
    system = stepped.system
    waits = []
    for number in range(20):
        crash(stepped, "feed", number)
        begun_ms = system.now_ms()
        for _ in range(2_000):
            if stepped.alive("feed"):
                break
            stepped.face.pass_time(10)
        if not stepped.alive("feed"):
            break
        waits.append(system.now_ms() - begun_ms)
    assert waits[0] == 0
    assert waits == sorted(waits)
    assert waits[1] > 0
    assert len(waits) == 5
    assert stepped.alerts()[-1] == "given_up/feed"
    stepped.face.pass_time(3_600_000)
    assert not stepped.alive("feed")
    assert stepped.ask(POOL) == "echo"


@pytest.mark.rule("REC-2", "REC-5")
def test_crashes_of_before_the_clock_was_set_back_fade_as_any_others(stepped: Engine) -> None:
    for number in range(8):
        if number == 4:
            assert isinstance(stepped.system, Stepped)
            stepped.system.set_clock(stepped.system.now_ms() - 3_600_000)
            stepped.face.pass_time(300_000)
        crash(stepped, "feed", number)
        stepped.face.pass_time(10_000)
        assert stepped.alive("feed"), f"given up after {number + 1} crashes"


def test_crashes_that_lie_far_apart_are_each_followed_at_once(stepped: Engine) -> None:
    for number in range(20):
        crash(stepped, "feed", number)
        assert stepped.alive("feed")
        stepped.face.pass_time(600_000)


def test_an_actor_that_ends_in_peace_is_back_if_it_is_permanent(engine: Engine) -> None:
    engine.system.tell("feed", "stop")
    engine.face.until(lambda: engine.starts().count("feed") == 2)


def test_a_group_that_crashed_loads_itself_in_its_next_life(engine: Engine) -> None:
    engine.system.spawn("group/a", fresh=True)
    engine.face.settle()
    crash(engine, "group/a")
    engine.face.until(lambda: engine.tape.messages("group/a")[-1] == "start")
    assert engine.tape.messages("group/a")[0] == "fresh start"


def test_a_group_that_ends_in_peace_is_gone_and_the_pool_hears_it(engine: Engine) -> None:
    engine.system.spawn("group/a")
    engine.system.tell("group/a", "stop")
    engine.face.until(lambda: Reloaded(name="group/a", incarnation=0) in engine.tape.messages(POOL))
    engine.face.settle()
    assert not engine.alive("group/a")
    assert engine.starts().count("group/a") == 1


def test_while_a_group_waits_for_its_restart_the_pool_knows_it_is_down(stepped: Engine) -> None:
    stepped.system.spawn("group/a")
    crash(stepped, "group/a", 1)
    crash(stepped, "group/a", 2)
    assert not stepped.alive("group/a")
    assert stepped.tape.messages(POOL)[-1] == Reloaded(name="group/a", incarnation=0)
    stepped.face.pass_time(10_000)
    incarnation = stepped.system.incarnation("group/a")
    assert stepped.tape.messages(POOL)[-1] == Reloaded(name="group/a", incarnation=incarnation)


def test_one_that_cannot_start_does_not_keep_the_others_from_starting(face: Face) -> None:
    engine = Engine(face)
    engine.stillborn.add("gateway/one")
    engine.begin()
    face.until(lambda: engine.alive(POOL))
    face.pass_time(0)
    assert engine.starts().count("gateway/one") >= 2


# --- units and the Journal ------------------------------------------------------------------------


@pytest.mark.parametrize(("first", "other"), [(POOL, QUEUE), (QUEUE, POOL)])
def test_a_unit_ends_wholly_before_any_of_it_starts(face: Face, first: str, other: str) -> None:
    engine = Engine(face).begin()
    crash(engine, first)
    engine.face.until(lambda: engine.starts().count(POOL) == 2)
    assert engine.steps_of(POOL, QUEUE)[2:] == [f"{other} stopped", f"{QUEUE} start", f"{POOL} start"]


def test_a_unit_does_not_wait_for_ever_for_one_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_LIMIT_MS", 50)
    face = ThreadedFace()
    hold = Hold(threading.Event(), threading.Event())
    try:
        engine = Engine(face).begin()
        engine.system.tell(POOL, hold)
        assert hold.entered.wait(5)
        engine.system.tell(QUEUE, Boom())
        face.until(lambda: engine.starts().count(QUEUE) == engine.starts().count(POOL) == 2)
        assert engine.ask(POOL) == "echo"
    finally:
        hold.gate.set()
        face.system.stop_all()


@pytest.mark.parametrize("seed", range(10))
def test_a_unit_that_fails_at_both_ends_starts_once(seed: int) -> None:
    engine = Engine(SteppedFace(seed)).begin()
    engine.system.tell(POOL, Boom(1))
    engine.system.tell(QUEUE, Boom(2))
    engine.face.settle()
    engine.face.pass_time(10_000)
    assert engine.alive(POOL)
    assert engine.alive(QUEUE)
    assert engine.starts().count(POOL) == engine.starts().count(QUEUE) == 2


def test_a_dead_journal_takes_everybody_along_who_decides(engine: Engine) -> None:
    for name in ("group/a", "group/b"):
        engine.system.spawn(name)
    engine.face.until(lambda: {"group/a", "group/b"} <= set(engine.starts()))
    engine.face.settle()
    mark = len(engine.tape.seen)
    crash(engine, "journal")
    engine.face.until(lambda: all(engine.starts().count(name) == 2 for name in ("group/a", "group/b", RISK)))
    later = [(name, what) for name, _, what in engine.tape.seen[mark:] if what in ("start", "stopped")]
    stops = [name for name, what in later if what == "stopped"]
    starts = [name for name, what in later if what == "start"]
    assert set(stops) == {POOL, QUEUE, RISK, "group/a", "group/b"}
    assert starts[:3] == ["journal", QUEUE, POOL]
    assert set(starts[3:]) == {RISK, "group/a", "group/b"}
    assert [what for _, what in later] == ["stopped"] * 5 + ["start"] * 6


@pytest.mark.parametrize("seed", range(20))
def test_nobody_who_decides_starts_while_the_journal_is_down(seed: int) -> None:
    engine = Engine(SteppedFace(seed)).begin()
    engine.system.spawn("group/a")
    engine.face.settle()
    for number in range(3):
        mark = len(engine.tape.seen)
        engine.system.tell(POOL, Boom(2 * number))
        engine.system.tell("group/a", Boom(2 * number + 1))
        engine.system.tell("journal", Boom(number))
        engine.face.settle()
        engine.face.pass_time(30_000)
        starts = [name for name, _, what in engine.tape.seen[mark:] if what == "start"]
        assert starts[-5:-2] == ["journal", QUEUE, POOL]
        assert set(starts[-2:]) == {RISK, "group/a"}


def test_what_the_supervisor_writes_while_the_journal_is_down_is_written_later(stepped: Engine) -> None:
    crash(stepped, "journal")
    stepped.face.pass_time(10_000)
    assert [letter.actor for letter in stepped.letters()] == ["journal"]
    crash(stepped, "feed")
    assert [letter.actor for letter in stepped.letters()] == ["journal", "feed"]


# --- fences ---------------------------------------------------------------------------------------


def fence(engine: Engine, name: str) -> None:
    who = Participant(name, engine.system.incarnation(name))
    engine.system.tell("supervisor", RestartAsked(who=who, error="refused"))
    engine.face.until(lambda: engine.system.incarnation(name) != who.incarnation)
    engine.face.settle()


def test_a_fenced_life_is_followed_by_a_new_one(engine: Engine) -> None:
    engine.system.spawn("group/a")
    engine.face.until(lambda: "group/a" in engine.starts())
    fence(engine, "group/a")
    engine.face.until(lambda: engine.steps_of("group/a") == ["group/a start", "group/a stopped", "group/a start"])
    assert "actor.fenced" in engine.events()


def test_a_fence_of_an_earlier_life_changes_nothing(stepped: Engine) -> None:
    first = stepped.system.spawn("group/a")
    fence(stepped, "group/a")
    second = stepped.system.incarnation("group/a")
    stepped.system.tell("supervisor", RestartAsked(who=Participant("group/a", first), error="late"))
    stepped.face.settle()
    assert stepped.system.incarnation("group/a") == second


@pytest.mark.rule("REC-4")
def test_a_failing_store_makes_everybody_wait_but_ends_nobody(stepped: Engine) -> None:
    stepped.system.spawn("group/a")
    stepped.system.tell("supervisor", StoreFailed(ok=False, error="disk full"))
    stepped.face.settle()
    assert stepped.store_states == [False]
    assert StoreFailed(ok=False, error="disk full") in stepped.tape.messages(POOL)
    for _ in range(30):
        fence(stepped, "group/a")
        stepped.face.pass_time(10_000)
        assert stepped.alive("group/a")
    stepped.system.tell("supervisor", StoreFailed(ok=True))
    stepped.face.settle()
    assert stepped.store_states == [False, True]
    assert StoreFailed(ok=True) in stepped.tape.messages(POOL)
    assert stepped.events()[-1] == "store.recovered"


def test_a_pool_that_comes_back_while_the_store_fails_is_told(stepped: Engine) -> None:
    stepped.system.tell("supervisor", StoreFailed(ok=False, error="disk full"))
    crash(stepped, POOL)
    own = [
        what for name, number, what in stepped.tape.seen if (name, number) == (POOL, stepped.system.incarnation(POOL))
    ]
    assert StoreFailed(ok=False) in own


def test_a_refused_note_is_sent_again_under_a_new_number(stepped: Engine) -> None:
    stepped.refuse_all = True
    crash(stepped, "feed", 1)
    crash(stepped, "gateway/one", 2)
    stepped.face.pass_time(2_500)
    assert stepped.letters() == []
    stepped.refuse_all = False
    stepped.face.pass_time(2_500)
    assert [letter.actor for letter in stepped.letters()] == ["feed", "gateway/one"]
    crash(stepped, "gateway/two", 3)
    assert [letter.actor for letter in stepped.letters()] == ["feed", "gateway/one", "gateway/two"]


def test_a_note_the_store_will_never_take_does_not_hold_up_the_others(stepped: Engine) -> None:
    stepped.refuse_types = {"message.unknown"}
    stepped.system.tell("supervisor", "nonsense")
    crash(stepped, "feed", 1)
    stepped.face.pass_time(60_000)
    assert [letter.actor for letter in stepped.letters()] == ["feed"]


# --- announcements --------------------------------------------------------------------------------


def test_a_new_gateway_is_announced_to_every_group(engine: Engine) -> None:
    for name in ("group/a", "group/b"):
        engine.system.spawn(name)
    engine.system.tell("supervisor", GatewayStarted(account="one"))
    for name in ("group/a", "group/b"):
        engine.face.until(lambda name=name: GatewayStarted(account="one") in engine.tape.messages(name))  # type: ignore[misc]


def test_whoever_asked_for_what_crashed_an_actor_hears_that_the_outcome_is_unknown(engine: Engine) -> None:
    box = ReplyBox()
    engine.system.tell("feed", Fatal(box))
    engine.face.until(lambda: box.done)
    assert isinstance(box.answer, Refused)
    assert box.answer.reason is Reason.OUTCOME_UNKNOWN


# --- the supervisor's own end ---------------------------------------------------------------------


def test_the_engine_survives_its_supervisor(engine: Engine) -> None:
    engine.system.spawn("group/a")
    engine.face.settle()
    before = {name: engine.system.incarnation(name) for name in engine.system.names() if name != "supervisor"}
    engine.crash_supervisor_on = GatewayStarted
    engine.system.tell("supervisor", GatewayStarted(account="one"))
    engine.face.until(lambda: GatewayStarted(account="one") in engine.tape.messages("group/a"))
    engine.face.until(lambda: [letter.actor for letter in engine.letters()] == ["supervisor"])
    after = {name: engine.system.incarnation(name) for name in engine.system.names() if name != "supervisor"}
    assert after == before
    told = Reloaded(name="group/a", incarnation=before["group/a"])
    engine.face.until(lambda: told in engine.tape.messages(POOL))


@pytest.mark.parametrize("victim", ["journal", POOL, "group/a", "feed"])
def test_a_crash_the_supervisor_died_over_is_not_forgotten(face: Face, victim: str) -> None:
    engine = Engine(face, expected=["group/a"]).begin()
    engine.crash_supervisor_on = Crashed
    mark = len(engine.tape.seen)
    engine.system.tell(victim, Boom())
    engine.face.until(lambda: victim in [name for name, _, what in engine.tape.seen[mark:] if what == "start"])
    engine.face.settle()
    engine.face.until(lambda: all(engine.alive(name) for name in ("journal", "feed", POOL, QUEUE, RISK, "group/a")))
    starts = [name for name, _, what in engine.tape.seen[mark:] if what == "start"]
    expected = {
        "journal": ["journal", QUEUE, POOL, "group/a"],
        POOL: [QUEUE, POOL],
        "group/a": ["group/a"],
        "feed": ["feed"],
    }
    assert [name for name in starts if name != RISK] == expected[victim]
    assert (RISK in starts) == (victim == "journal")
