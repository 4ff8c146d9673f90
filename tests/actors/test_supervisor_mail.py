"""Mail to nobody, late reports, and messages that kill: what the supervisor does with each."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from actors import lost_mail
from actors.letters import TEXT_LIMIT, readable
from actors.messages import (
    Answer,
    CancelEntries,
    CloseGroup,
    Commit,
    DescribeAccount,
    Draft,
    DraftDone,
    DraftRefused,
    Enqueue,
    ExitGroup,
    Loaded,
    NotLive,
    OpenGroup,
    OrdersReported,
    Participant,
    Send,
    Shutdown,
    Start,
    SubmitSignal,
    TimerFired,
)
from actors.quarantine import MAX_POISONED, SUSPECT_MS, Quarantine
from actors.replies import ReplyBox
from actors.risk_messages import CutGroup, CutReported
from actors.rules.choices import World
from actors.rules.model import ZERO, LadderPlan, Outcome, Reason, Refused, Side
from actors.rules.settings import StrategySettings
from actors.stepped import Stepped
from tests.actors.engine import Engine
from tests.actors.small import Boom, Face, SteppedFace
from tests.rules.builders import queued, signal, spot

POOL, QUEUE = "pool/paper", "queue/paper"


@dataclass(frozen=True)
class Order:
    """Some message."""

    text: str


@pytest.fixture
def engine(face: Face) -> Engine:
    return Engine(face).begin()


@pytest.fixture
def stepped() -> Engine:
    return Engine(SteppedFace()).begin()


def draft(number: int = 1, box: ReplyBox | None = None) -> Draft:
    return Draft(
        draft_id=f"draft-{number}",
        key=signal().key,
        signal_id=f"signal-{number}",
        participants=(Participant(POOL, 1),),
        reply_to=box,
    )


def opening(number: int, idempotency_key: str = "id-1") -> OpenGroup:
    alert = signal(idempotency_key=idempotency_key, signal_id=f"signal-{number}")
    return OpenGroup(
        draft=draft(number),
        group_id=f"g{number}",
        world=World.PAPER,
        side=Side.LONG,
        signal=alert,
        plan=LadderPlan(entry_price=ZERO, capital=ZERO, legs=(), notional=ZERO),
        settings=StrategySettings(),
        instrument=spot(),
        slot_token=f"slot-{number}",
    )


def refusal(engine: Engine, box: ReplyBox) -> Reason:
    engine.face.until(lambda: box.done)
    assert isinstance(box.answer, Refused)
    return box.answer.reason


# --- mail to nobody -------------------------------------------------------------------------------


def test_a_draft_for_a_group_that_is_gone_comes_back_to_its_pool(engine: Engine) -> None:
    for number, message in enumerate((opening(1), ExitGroup(draft=draft(2), signal=signal()))):
        engine.system.tell("group/gone", message)
        told = NotLive(draft_id=f"draft-{number + 1}", group_id="gone")
        engine.face.until(lambda told=told: told in engine.tape.messages(POOL))  # type: ignore[misc]


def test_a_command_for_a_group_that_is_gone_is_refused(engine: Engine) -> None:
    box = ReplyBox()
    engine.system.tell("group/gone", CloseGroup(group_id="gone", who="me", reply_to=box))
    assert refusal(engine, box) is Reason.NOT_FOUND


def test_a_command_for_an_account_that_is_not_there_is_refused(engine: Engine) -> None:
    box = ReplyBox()
    engine.system.tell("nobody/x", DescribeAccount(reply_to=box))
    assert refusal(engine, box) is Reason.NOT_FOUND


def test_a_signal_for_a_pool_that_is_down_may_be_sent_again(stepped: Engine) -> None:
    box, waiting = ReplyBox(), ReplyBox()
    for number in range(2):
        stepped.system.tell(POOL, Boom(number))
        if number == 1:
            stepped.system.tell(POOL, SubmitSignal(signal=signal(), reply_to=waiting))
        stepped.face.settle()
    assert not stepped.alive(POOL)
    stepped.system.tell(POOL, SubmitSignal(signal=signal(), reply_to=box))
    assert refusal(stepped, waiting) is Reason.OVERLOADED
    assert refusal(stepped, box) is Reason.OVERLOADED


def test_a_draft_on_its_way_to_a_queue_that_is_down_is_refused(stepped: Engine) -> None:
    box = ReplyBox()
    for number in range(2):
        stepped.system.tell(QUEUE, Boom(number))
        stepped.face.settle()
    stepped.system.tell(QUEUE, Enqueue(draft=draft(1, box), queued=queued()))
    assert refusal(stepped, box) is Reason.OVERLOADED


def test_whoever_a_lost_commit_would_have_answered_is_refused(stepped: Engine) -> None:
    for number in range(2):
        stepped.system.tell("journal", Boom(number))
        stepped.face.settle()
    box = ReplyBox()
    commit = Commit(author=Participant("group/a", 1), rows=(), then=(Send(POOL, "told"), Send(box, "done")))
    stepped.system.tell("journal", commit)
    assert refusal(stepped, box) is Reason.STORE_FAILED


def test_whoever_a_commit_would_have_answered_hears_that_the_outcome_is_unknown_when_the_journal_dies(
    stepped: Engine,
) -> None:
    def die(name: str, message: object) -> None:
        if name == "journal" and isinstance(message, Commit):
            raise RuntimeError("injected")

    box = ReplyBox()
    stepped.face.system.before_message = die  # type: ignore[union-attr]
    stepped.system.tell("journal", Commit(author=Participant("group/a", 1), rows=(), then=(Send(box, "done"),)))
    stepped.system.step()  # type: ignore[attr-defined]
    stepped.face.system.before_message = None  # type: ignore[union-attr]
    assert refusal(stepped, box) is Reason.OUTCOME_UNKNOWN


def test_what_comes_while_the_engine_stops_is_refused_as_such(stepped: Engine) -> None:
    box = ReplyBox()
    stepped.system.tell("supervisor", Shutdown(reply_to=None))
    stepped.system.tell(POOL, "stop")
    stepped.system.tell(POOL, SubmitSignal(signal=signal(), reply_to=box))
    assert refusal(stepped, box) is Reason.STOPPING


def test_other_mail_to_nobody_is_counted(engine: Engine) -> None:
    answer = Answer(signal_id="s", outcome=Outcome.OPENED, reason=Reason.OK)
    engine.system.tell("group/gone", DraftDone(draft_id="d", answer=answer))
    engine.system.tell("group/gone", CancelEntries(group_id="gone", who="me", reply_to=None))
    engine.face.until(lambda: engine.supervisors[-1].unrouted == 2)


# --- late reports ---------------------------------------------------------------------------------


def test_a_late_report_brings_its_group_back(engine: Engine) -> None:
    report = OrdersReported(group_id="a", reports=())
    engine.system.tell("group/a", report)
    engine.face.until(lambda: engine.tape.messages("group/a") == ["start", report])


def test_a_group_that_has_nothing_to_do_with_late_reports_is_left_alone_after_a_few(stepped: Engine) -> None:
    for number in range(10):
        stepped.system.tell("group/a", OrdersReported(group_id=str(number), reports=()))
        stepped.face.settle()
        stepped.system.tell("group/a", "stop")
        stepped.face.settle()
    assert stepped.starts().count("group/a") == lost_mail.LATE_LIMIT
    stepped.face.pass_time(lost_mail.LATE_WINDOW_MS)
    stepped.system.tell("group/a", OrdersReported(group_id="a", reports=()))
    stepped.face.settle()
    assert stepped.starts().count("group/a") == lost_mail.LATE_LIMIT + 1


@pytest.mark.rule("ORD-5")
def test_the_report_that_came_once_too_often_is_kept_until_its_group_is_brought_back(stepped: Engine) -> None:
    for number in range(lost_mail.LATE_LIMIT):
        stepped.system.tell("group/a", OrdersReported(group_id=str(number), reports=()))
        stepped.face.settle()
        stepped.system.tell("group/a", "stop")
        stepped.face.settle()
    last = OrdersReported(group_id="the fill", reports=())
    for _ in range(lost_mail.MAX_LATE_REPORTS):
        stepped.system.tell("group/a", last)
        stepped.system.tell("group/a", OrdersReported(group_id="nothing new", reports=()))
    stepped.face.settle()
    assert not stepped.alive("group/a")
    stepped.face.pass_time(lost_mail.LATE_WINDOW_MS)
    assert stepped.tape.messages("group/a").count(last) == 1


@pytest.mark.rule("ORD-5", "REC-5")
def test_a_report_that_waits_comes_though_the_clock_is_set_back(stepped: Engine) -> None:
    for number in range(lost_mail.LATE_LIMIT):
        stepped.system.tell("group/a", OrdersReported(group_id=str(number), reports=()))
        stepped.face.settle()
        stepped.system.tell("group/a", "stop")
        stepped.face.settle()
    assert isinstance(stepped.system, Stepped)
    stepped.system.set_clock(stepped.system.now_ms() - 3_600_000)
    last = OrdersReported(group_id="the fill", reports=())
    stepped.system.tell("group/a", last)
    stepped.face.settle()
    stepped.face.pass_time(lost_mail.LATE_WINDOW_MS)
    assert stepped.tape.messages("group/a").count(last) == 1


def test_a_report_that_its_group_never_takes_is_dropped_in_the_end() -> None:
    """A group whose opening was never committed has no rows: brought back it ends at once, and its mail comes back."""
    late, now_ms = lost_mail.LateReports(), 0
    for _ in range(lost_mail.MAX_TRIES):
        wait_ms = late.hold("group/a", "a fill", now_ms)
        assert wait_ms is not None
        now_ms += wait_ms
        assert late.take("group/a") == ["a fill"]
    assert now_ms == lost_mail.LATE_WINDOW_MS, "after three at once it waits"
    assert late.hold("group/a", "a fill", now_ms) is None
    assert late.count == 0
    assert late.hold("group/a", "another fill", now_ms) is not None


def test_a_late_report_waits_for_the_journal(stepped: Engine) -> None:
    report = OrdersReported(group_id="a", reports=())
    for number in range(2):
        stepped.system.tell("journal", Boom(number))
        stepped.face.settle()
    stepped.system.tell("group/a", report)
    stepped.face.settle()
    assert not stepped.alive("group/a")
    stepped.face.pass_time(10_000)
    assert stepped.tape.messages("group/a") == ["start", report]


def test_a_failed_group_keeps_its_pause_whatever_is_reported(stepped: Engine) -> None:
    stepped.system.spawn("group/a")
    for number in range(2):
        stepped.system.tell("group/a", Boom(number))
        stepped.face.settle()
    assert not stepped.alive("group/a")
    stepped.system.tell("group/a", OrdersReported(group_id="a", reports=()))
    stepped.face.settle()
    assert not stepped.alive("group/a")


def _cut() -> CutGroup:
    return CutGroup(
        group_id="a",
        cut_id="act:1",
        quantity=None,
        reason=Reason.RISK_OFFSET,
        worst_price=None,
        report_to="risk/paper",
    )


@pytest.mark.rule("RISK-7")
def test_a_group_that_is_gone_is_brought_back_to_answer_for_a_cut(engine: Engine) -> None:
    engine.system.tell("group/a", _cut())
    engine.face.until(lambda: engine.tape.messages("group/a") == ["start", _cut()])


@pytest.mark.rule("RISK-7")
def test_nobody_answers_for_a_cut_of_a_group_that_is_down(stepped: Engine) -> None:
    """It may have begun it: only its rows say. The risk engine asks again."""
    stepped.system.spawn("group/a")
    for number in range(2):
        stepped.system.tell("group/a", Boom(number))
        stepped.face.settle()
    stepped.system.tell("group/a", _cut())
    stepped.face.settle()
    assert not stepped.alive("group/a")
    assert stepped.told("risk/paper", CutReported) == []


# --- quarantine -----------------------------------------------------------------------------------


@pytest.mark.rule("REC-2")
def test_an_alert_that_stopped_the_pool_twice_is_put_aside_and_others_pass(engine: Engine) -> None:
    engine.poison = {"bad"}
    reasons = []
    for number in range(4):
        box = ReplyBox()
        bad = signal(idempotency_key="bad", signal_id=f"signal-{number}", receive_time_ms=number)
        engine.face.until(lambda: engine.alive(POOL))
        engine.system.tell(POOL, SubmitSignal(signal=bad, reply_to=box))
        reasons.append(refusal(engine, box))
        engine.face.settle()
        engine.face.pass_time(300)
    unknown, poisoned = Reason.OUTCOME_UNKNOWN, Reason.POISONED
    assert reasons == [unknown, unknown, poisoned, poisoned]
    good = SubmitSignal(signal=signal(idempotency_key="good"), reply_to=None)
    engine.system.tell(POOL, good)
    engine.face.until(lambda: good in engine.tape.messages(POOL))
    assert "message.poisoned" in engine.events()


def test_an_alert_that_stopped_two_groups_is_refused_to_its_pool_before_a_third(stepped: Engine) -> None:
    stepped.poison = {"bad"}
    for number in (1, 2, 3):
        stepped.system.spawn(f"group/g{number}", fresh=True)
        stepped.system.tell(f"group/g{number}", opening(number, "bad"))
        stepped.face.settle()
    refused = [message for message in stepped.tape.messages(POOL) if isinstance(message, DraftRefused)]
    assert [(message.draft_id, message.refused.reason) for message in refused] == [("draft-3", Reason.POISONED)]
    assert not stepped.alive("group/g3")
    assert opening(3, "bad") not in stepped.tape.messages("group/g3")


def test_equal_messages_are_put_aside_for_that_actor_only() -> None:
    quarantine = Quarantine()
    message = Order("x")
    assert not quarantine.killed("gateway/one", message, 0)
    assert quarantine.killed("gateway/one", message, 1)
    assert quarantine.holds("gateway/one", message)
    assert not quarantine.holds("gateway/two", message)
    assert not quarantine.holds("gateway/one", Order("y"))


def test_a_question_is_known_by_what_it_asks_and_not_by_who_asks() -> None:
    quarantine = Quarantine()
    for _ in range(2):
        quarantine.killed("gateway/one", DescribeAccount(reply_to=ReplyBox()), 0)
    assert quarantine.holds("gateway/one", DescribeAccount(reply_to=ReplyBox()))


def test_what_belongs_to_one_life_is_never_put_aside() -> None:
    quarantine = Quarantine()
    for message in (TimerFired(incarnation=1, name="wake"), Loaded(incarnation=1, state=None), Start()):
        for _ in range(3):
            assert not quarantine.killed("group/a", message, 0)
        assert not quarantine.holds("group/a", message)


def test_each_message_of_a_batch_is_under_suspicion() -> None:
    quarantine = Quarantine()
    assert not quarantine.killed("journal", (Order("a"), Order("b")), 0)
    assert quarantine.killed("journal", (Order("c"), Order("b")), 0)
    assert [quarantine.holds("journal", Order(text)) for text in "abc"] == [False, True, False]


def test_suspicion_fades_and_the_list_is_bounded() -> None:
    quarantine = Quarantine()
    quarantine.killed("a", Order("x"), 0)
    assert not quarantine.killed("a", Order("x"), SUSPECT_MS + 1)
    for number in range(MAX_POISONED + 10):
        for _ in range(2):
            quarantine.killed("a", Order(str(number)), 0)
    assert not quarantine.holds("a", Order("0"))
    assert quarantine.holds("a", Order(str(MAX_POISONED + 9)))


def test_a_message_that_cannot_be_compared_is_one_of_its_own() -> None:
    class Odd:
        def __eq__(self, other: object) -> bool:
            raise ValueError("no")

        __hash__ = None  # type: ignore[assignment]

    quarantine = Quarantine()
    for _ in range(3):
        assert not quarantine.killed("a", Odd(), 0)
    assert not quarantine.holds("a", Odd())


# --- letters --------------------------------------------------------------------------------------


def test_a_letter_shows_decimals_plainly_and_names_what_it_cannot_show() -> None:
    text = readable(SubmitSignal(signal=signal(), reply_to=ReplyBox()))
    assert '"entry_price": "100"' in text
    assert '"reply_to": "<ReplyBox>"' in text
    assert '"_": "SubmitSignal"' in text


def test_a_letter_is_short_enough_to_keep_and_never_fails() -> None:
    assert len(readable("x" * 2 * TEXT_LIMIT)) <= TEXT_LIMIT + 4
    endless: list[object] = []
    endless.append(endless)
    assert "..." in readable(endless)

    class Broken(dict[str, object]):
        def items(self) -> object:  # type: ignore[override]
            raise ValueError("no")

    assert readable(Broken()) == "Broken that cannot be shown: ValueError"
