"""What a person can mend: parts that were given up, messages that were put aside, and what is said of both (REC-2)."""

from __future__ import annotations

import pytest

from actors import supervisor as module
from actors.facts import FACT_LIMIT, OrdersFact, SignalFact, fact_text, read_fact
from actors.messages import (
    Answered,
    AnsweredAll,
    CloseGroup,
    Commit,
    Fate,
    Loaded,
    OrdersReported,
    Participant,
    StoreFailed,
    SubmitSignal,
)
from actors.quarantine import MAX_LETTERS, Quarantine
from actors.repair_messages import DescribeParts, PartNow, PartsNow, RestartPart, RetryLetter
from actors.replies import ReplyBox
from actors.rules.model import Reason, Refused
from actors.rules.records import AddEvent, ResolveAlert
from tests.actors.engine import Engine
from tests.actors.small import Boom, SteppedFace
from tests.rules.builders import signal

POOL = "pool/paper"


@pytest.fixture
def engine() -> Engine:
    return Engine(SteppedFace()).begin()


def ask(engine: Engine, make: object) -> object:
    box = ReplyBox()
    engine.system.tell("supervisor", make(box))  # type: ignore[operator]
    engine.face.until(lambda: box.done)
    return box.answer


def parts(engine: Engine) -> PartsNow:
    told = ask(engine, lambda box: DescribeParts(reply_to=box))
    assert isinstance(told, PartsNow)
    return told


def restart(engine: Engine, name: str, *, dry: bool = False) -> object:
    return ask(engine, lambda box: RestartPart(name=name, who="mia", why="", reply_to=box, is_dry_run=dry))


def give_up(engine: Engine, name: str) -> None:
    for number in range(50):
        if parts(engine).parts and parts(engine).parts[0].state == "given_up":
            return
        engine.face.until(lambda: engine.alive(name))
        engine.system.tell(name, Boom(number))
        engine.face.settle()
        engine.face.pass_time(1_500)
    raise AssertionError(f"{name} was never given up")


@pytest.mark.rule("REC-2", "REC-4")
def test_a_part_that_was_given_up_is_told_of_and_begins_anew_when_a_person_says_so(engine: Engine) -> None:
    give_up(engine, "feed")
    (part,) = parts(engine).parts
    assert (part.key, part.names, part.state) == ("feed", ("feed",), "given_up")
    assert part.since_ms > 0
    assert "ValueError" in part.error
    assert restart(engine, "feed", dry=True) == part
    assert not engine.alive("feed")
    assert restart(engine, "feed") == PartNow(key="feed", names=("feed",), state="running")
    engine.face.until(lambda: engine.alive("feed"))
    assert parts(engine).parts == ()
    assert ResolveAlert(alert_key="given_up/feed", time_ms=engine.system.now_ms()) in engine.rows
    # Its failures are forgotten: the next one is followed at once.
    lives = engine.starts().count("feed")
    engine.system.tell("feed", Boom())
    engine.face.until(lambda: engine.starts().count("feed") == lives + 1)


@pytest.mark.rule("REC-2")
def test_a_unit_is_named_by_any_of_its_actors_and_starts_as_a_whole(engine: Engine) -> None:
    give_up(engine, POOL)
    told = restart(engine, "queue/paper")
    assert isinstance(told, PartNow)
    assert (told.key, told.names) == ("world/paper", ("queue/paper", POOL))
    engine.face.until(lambda: engine.alive(POOL) and engine.alive("queue/paper"))


def test_what_runs_is_left_alone_and_nobody_is_not_found(engine: Engine) -> None:
    before = engine.system.incarnation("feed")
    told = restart(engine, "feed")
    assert isinstance(told, PartNow)
    assert (told.state, engine.system.incarnation("feed")) == ("running", before)
    refused = restart(engine, "gateway/nobody")
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.NOT_FOUND


@pytest.mark.rule("REC-2")
def test_a_message_that_kills_again_is_the_same_letter(engine: Engine) -> None:
    engine.poison = {"bad"}
    bad = SubmitSignal(signal=signal(idempotency_key="bad"), reply_to=None)
    for _ in range(2):
        engine.face.until(lambda: engine.alive(POOL))
        engine.system.tell(POOL, bad)
        engine.face.settle()
        engine.face.pass_time(1_000)
    first, second = engine.letters()
    assert first.dead_letter_id == second.dead_letter_id
    assert read_fact(first.fact) == SignalFact(bad.signal)


@pytest.mark.rule("REC-2")
def test_a_retried_alert_passes_once_and_one_more_death_puts_it_aside_again(engine: Engine) -> None:
    engine.poison = {"bad"}
    for _ in range(2):
        engine.face.until(lambda: engine.alive(POOL))
        engine.system.tell(POOL, SubmitSignal(signal=signal(idempotency_key="bad"), reply_to=None))
        engine.face.settle()
        engine.face.pass_time(1_000)
    letter_id = engine.letters()[0].dead_letter_id

    def retry(new_key: str) -> object:
        return ask(
            engine,
            lambda box: RetryLetter(
                dead_letter_id=letter_id,
                actor=POOL,
                message_type="SubmitSignal",
                old_key="bad",
                new_key=new_key,
                to=POOL,
                message=SubmitSignal(signal=signal(idempotency_key=new_key), reply_to=box),
            ),
        )

    engine.poison = {"bad", "new"}
    engine.face.until(lambda: engine.alive(POOL))
    killed = retry("new")
    assert isinstance(killed, Refused)
    assert killed.reason is Reason.OUTCOME_UNKNOWN
    engine.face.pass_time(10_000)
    assert [letter.dead_letter_id for letter in engine.letters()] == [letter_id] * 3
    box = ReplyBox()
    engine.face.until(lambda: engine.alive(POOL))
    engine.system.tell(POOL, SubmitSignal(signal=signal(idempotency_key="new"), reply_to=box))
    engine.face.until(lambda: box.done)
    assert isinstance(box.answer, Refused)
    assert box.answer.reason is Reason.POISONED


def test_what_is_put_aside_all_day_does_not_fill_the_event_log(engine: Engine) -> None:
    engine.poison = {"bad"}
    for _ in range(2):
        engine.face.until(lambda: engine.alive(POOL))
        engine.system.tell(POOL, SubmitSignal(signal=signal(idempotency_key="bad"), reply_to=None))
        engine.face.settle()
        engine.face.pass_time(1_000)
    for _ in range(500):
        engine.system.tell(POOL, SubmitSignal(signal=signal(idempotency_key="bad"), reply_to=None))
    engine.face.settle()
    assert engine.events().count("message.quarantined") == 1
    engine.face.pass_time(module.QUIET_MS)
    engine.system.tell(POOL, SubmitSignal(signal=signal(idempotency_key="bad"), reply_to=None))
    engine.face.settle()
    told = [row.message for row in engine.rows if isinstance(row, AddEvent) and row.type == "message.quarantined"]
    assert told[1:] == [f"SubmitSignal for {POOL} was put aside, 499 more before it"]


@pytest.mark.rule("REC-4")
def test_a_slow_store_is_told_to_pools_and_looked_at_until_it_is_quick(engine: Engine) -> None:
    engine.system.tell("supervisor", StoreFailed(ok=True, is_slow=True))
    engine.face.settle()
    assert StoreFailed(ok=True, is_slow=True) in engine.tape.messages(POOL)
    since_ms = parts(engine).store.since_ms
    assert (parts(engine).store.is_slow, since_ms) == (True, engine.system.now_ms())
    raised = engine.alerts().count("store_slow")
    engine.face.pass_time(3 * module.PROBE_MS)
    assert engine.alerts().count("store_slow") == raised + 3
    assert parts(engine).store.since_ms == since_ms
    # A pool that begins anew hears of it, too.
    engine.system.tell(POOL, Boom())
    engine.face.until(lambda: engine.starts().count(POOL) == 2)
    engine.face.settle()
    assert engine.tape.messages(POOL).count(StoreFailed(ok=True, is_slow=True)) == 2
    engine.system.tell("supervisor", StoreFailed(ok=True))
    engine.face.settle()
    assert engine.events()[-1] == "store.quick"
    raised = engine.alerts().count("store_slow")
    engine.face.pass_time(3 * module.PROBE_MS)
    assert engine.alerts().count("store_slow") == raised


# --- facts ----------------------------------------------------------------------------------------


def test_what_is_kept_of_a_message_is_read_back_as_it_was() -> None:
    answered = Answered(incarnation=3, request="submit", client_order_id="c1", fate=Fate.UNKNOWN)
    other = Answered(incarnation=3, request="submit", client_order_id="c2", fate=Fate.UNKNOWN)
    assert read_fact(fact_text(answered)) == OrdersFact(("c1",))
    assert read_fact(fact_text(AnsweredAll(incarnation=3, answers=(answered, other, answered)))) == OrdersFact(
        ("c1", "c2")
    )
    assert fact_text(OrdersReported(group_id="g", reports=())) == ""
    assert fact_text(Loaded(incarnation=1, state=None)) == ""
    commit = Commit(author=Participant("a", 1), rows=())
    assert fact_text((commit, commit)) == ""
    assert fact_text(object()) == ""


def test_what_is_too_large_or_damaged_is_not_taken_for_whole() -> None:
    large = SubmitSignal(signal=signal(body="x" * FACT_LIMIT), reply_to=None)
    assert fact_text(large) == ""
    close = fact_text(CloseGroup(group_id="g", who="mia", reply_to=None))
    for damaged in (close[:-5], close.replace("CloseGroup", "Exec"), "[]", '{"type":"CloseGroup","message":{}}', "7"):
        with pytest.raises(ValueError):  # noqa: PT011 Which word of the reader's it is does not matter.
            read_fact(damaged)


def test_the_letters_a_quarantine_remembers_are_bounded() -> None:
    quarantine = Quarantine()
    for number in range(MAX_LETTERS + 10):
        told = SubmitSignal(signal=signal(idempotency_key=str(number)), reply_to=None)
        assert quarantine.letter_of(POOL, told, f"letter-{number}") == f"letter-{number}"
    first = SubmitSignal(signal=signal(idempotency_key="0"), reply_to=None)
    newest = SubmitSignal(signal=signal(idempotency_key=str(MAX_LETTERS + 9)), reply_to=None)
    assert quarantine.letter_of(POOL, first, "new") == "new"
    assert quarantine.letter_of(POOL, newest, "new") == f"letter-{MAX_LETTERS + 9}"
