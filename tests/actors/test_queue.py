"""The Queue alone: who waits, who goes next, who leaves and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actors import messages as m
from actors.board import MarksBoard
from actors.queue import CHECK_MS, Queue
from actors.replies import ReplyBox
from actors.risk_messages import Requeued
from actors.rules.choices import Overflow, RankRule
from actors.rules.model import Key, Outcome, Queued, Reason, Side
from actors.rules.records import AddEvent, DeleteQueued, RaiseAlert, SaveQueued, SaveSignal, SetOutcome
from actors.rules.settings import QueueSettings, Settings
from tests.actors.fake_life import FakeLife, released, rows_of
from tests.rules.builders import NOW_MS, queued, quote

D = Decimal
ACCOUNT, SYMBOL = "paper", "BTC/USDT"


class QueueAlone:
    """`queue/paper`, loaded with these entries. Its commits become durable at once unless `releases` is off."""

    def __init__(self, *entries: Queued, **settings: Any) -> None:
        self.settings = Settings(queue=QueueSettings(**settings))
        self.life = FakeLife("queue/paper")
        self.marks = MarksBoard()
        self.queue = Queue(self.life, marks=self.marks, settings=lambda: self.settings)
        self.queue.start()
        self.life.one(m.Load)
        self.drafts = 0
        self.take(m.Loaded(incarnation=1, state=m.QueueState(entries=entries)))

    def take(self, message: object) -> None:
        self.queue.receive(message)

    def draft(self, entry: Queued, reply_to: ReplyBox | None = None) -> m.Draft:
        self.drafts += 1
        return m.Draft(
            draft_id=f"draft-{self.drafts}",
            key=entry.key,
            signal_id=entry.signal.signal_id,
            participants=(m.Participant("pool/paper", 1),),
            reply_to=reply_to,
        )

    def enqueue(self, entry: Queued) -> m.Answer:
        """What the newcomer's sender will hear once it is durable."""
        self.take(m.Enqueue(draft=self.draft(entry), queued=entry))
        return self.answer(self.life.of(m.Commit)[-1])

    @staticmethod
    def answer(commit: m.Commit) -> m.Answer:
        done = [message for message in released(commit, "pool/paper") if isinstance(message, m.DraftDone)]
        assert len(done) == 1
        return done[0].answer

    def offer(
        self,
        *,
        free: int = 1,
        blocked: Sequence[Queued] = (),
        continuing: Sequence[Queued] = (),
        blocked_accounts: frozenset[str] = frozenset(),
        offer_id: str = "offer-1",
    ) -> Queued | None:
        """The entry the Queue names."""
        offer = m.Offer(
            offer_id=offer_id,
            incarnation=1,
            free_slots=free,
            blocked=keys(blocked),
            continuing=keys(continuing),
            blocked_accounts=blocked_accounts,
        )
        self.take(offer)
        offered = self.life.one(m.Offered)
        assert (offered.offer_id, offered.incarnation) == (offer_id, 1)
        return offered.queued

    def take_out(self, entry: Queued, side: Side | None = None) -> tuple[m.Draft, Queued | None]:
        draft = self.draft(entry)
        self.take(m.TakeOut(draft=draft, side=side))
        taken = self.life.one(m.TakenOut)
        assert taken.draft_id == draft.draft_id
        return draft, taken.queued

    def price(self, price: str) -> None:
        self.marks.put(ACCOUNT, {SYMBOL: quote(price, time_ms=self.life.time_ms)})

    def look(self) -> None:
        """The time to look at the ages has come."""
        self.take(self.life.fire("ages"))

    @property
    def names(self) -> list[str]:
        return [entry.signal.signal_id for entry in self.queue._entries]


def keys(entries: Sequence[Queued]) -> frozenset[Key]:
    return frozenset(entry.key for entry in entries)


def names(commit: m.Commit, outcome: Outcome) -> list[str]:
    """Signals that get this final outcome in the commit."""
    return [row.signal_id for row in rows_of(commit, SetOutcome) if row.outcome is outcome]


# --- in -------------------------------------------------------------------------------------------


@pytest.mark.rule("QUE-1", "SIG-10")
def test_an_entry_is_queued_in_one_commit_with_its_signal() -> None:
    alone = QueueAlone()
    entry = queued(1)
    box = ReplyBox()
    draft = alone.draft(entry, box)
    alone.take(m.Enqueue(draft=draft, queued=entry))
    commit = alone.life.one(m.Commit)
    assert (commit.draft_id, commit.participants) == (draft.draft_id, draft.participants)
    assert rows_of(commit, SaveQueued)[0].queued == entry
    saved = rows_of(commit, SaveSignal)[0]
    assert (saved.signal, saved.outcome, saved.reason) == (entry.signal, Outcome.QUEUED, Reason.POOL_FULL)
    pool = released(commit, "pool/paper")
    assert m.WaitingChanged(key=entry.key, side=Side.LONG, wait_reason=Reason.POOL_FULL) in pool
    assert isinstance(pool[-1], m.DraftDone)
    assert [send.message for send in commit.then if send.to is box] == [pool[-1].answer]


@pytest.mark.rule("QUE-1", "SIG-10")
def test_a_newer_signal_takes_the_place_of_the_queued_one_and_keeps_its_turn() -> None:
    old = queued(1, timeframe="1h", replacement_count=2)
    alone = QueueAlone(old)
    new = queued(2, timeframe="1h", entry="99")
    assert alone.enqueue(new).outcome is Outcome.REPLACED
    commit = alone.life.one(m.Commit)
    assert names(commit, Outcome.SUPERSEDED) == [old.signal.signal_id]
    saved = rows_of(commit, SaveQueued)[0].queued
    assert (saved.signal, saved.entry_price, saved.queue_time_ms) == (new.signal, D(99), new.queue_time_ms)
    assert (saved.replacement_count, saved.first_queue_time_ms) == (3, old.first_queue_time_ms)
    assert alone.names == [new.signal.signal_id]


@pytest.mark.rule("QUE-1")
def test_without_replacement_the_newcomer_is_ignored() -> None:
    old = queued(1, timeframe="1h")
    alone = QueueAlone(old, allow_replacement=False)
    ignored = alone.enqueue(queued(2, timeframe="1h"))
    assert (ignored.outcome, ignored.reason) == (Outcome.IGNORED, Reason.REPLACEMENT_OFF)
    assert alone.names == [old.signal.signal_id]


@pytest.mark.rule("QUE-1")
def test_an_older_signal_that_comes_late_does_not_replace_a_newer_one() -> None:
    new = queued(2, timeframe="1h")
    alone = QueueAlone(new)
    old = queued(1, timeframe="1h")
    late = replace(old, signal=replace(old.signal, sent_time_ms=NOW_MS - 1))
    ignored = alone.enqueue(late)
    assert (ignored.outcome, ignored.reason) == (Outcome.IGNORED, Reason.NEWER_SIGNAL)


@pytest.mark.rule("QUE-4")
def test_a_full_queue_refuses_the_newcomer_with_an_alert() -> None:
    alone = QueueAlone(queued(1), queued(2), max_size=2)
    refused = alone.enqueue(queued(3))
    assert (refused.outcome, refused.reason) == (Outcome.REJECTED, Reason.QUEUE_FULL)
    commit = alone.life.one(m.Commit)
    assert rows_of(commit, RaiseAlert)[0].alert_key == "queue_overflow/paper"
    assert rows_of(commit, SaveQueued) == []
    assert len(alone.names) == 2


@pytest.mark.rule("QUE-1", "QUE-4")
def test_in_a_full_queue_a_key_that_waits_already_may_be_replaced() -> None:
    alone = QueueAlone(queued(1, timeframe="1h"), max_size=1)
    assert alone.enqueue(queued(2, timeframe="1h")).outcome is Outcome.REPLACED


@pytest.mark.rule("QUE-4", "QUE-2", "SIG-10")
def test_a_full_queue_may_evict_the_lowest_instead() -> None:
    """At 99 the one that entered at 100 is down 1 %, the one at 98 is up."""
    deep, shallow = queued(1, entry="100"), queued(2, entry="98")
    alone = QueueAlone(deep, shallow, max_size=2, overflow=Overflow.EVICT_LOWEST)
    alone.price("99")
    newcomer = queued(3, entry="99.5")
    assert alone.enqueue(newcomer).outcome is Outcome.QUEUED
    commit = alone.life.one(m.Commit)
    assert names(commit, Outcome.EVICTED) == [shallow.signal.signal_id]
    assert [row.signal_id for row in rows_of(commit, DeleteQueued)] == [shallow.signal.signal_id]
    assert rows_of(commit, RaiseAlert)
    assert m.WaitingChanged(key=shallow.key, side=None) in released(commit, "pool/paper")
    assert sorted(alone.names) == [deep.signal.signal_id, newcomer.signal.signal_id]


@pytest.mark.rule("QUE-4")
def test_the_newcomer_is_refused_if_it_is_the_lowest_itself() -> None:
    alone = QueueAlone(queued(1, entry="100"), max_size=1, overflow=Overflow.EVICT_LOWEST)
    alone.price("99")
    refused = alone.enqueue(queued(2, entry="98"))
    assert (refused.outcome, refused.reason) == (Outcome.REJECTED, Reason.QUEUE_FULL)
    assert names(alone.life.one(m.Commit), Outcome.EVICTED) == []


@pytest.mark.rule("QUE-4")
def test_an_entry_that_is_being_promoted_is_not_evicted() -> None:
    first, second = queued(1, entry="100"), queued(2, entry="98")
    alone = QueueAlone(first, second, max_size=2, overflow=Overflow.EVICT_LOWEST)
    alone.price("99")
    assert alone.offer(blocked=[first]) == second
    alone.enqueue(queued(3, entry="99"))
    commit = alone.life.one(m.Commit)
    assert names(commit, Outcome.EVICTED) == []
    assert alone.answer(commit).outcome is Outcome.REJECTED


# --- out ------------------------------------------------------------------------------------------


@pytest.mark.rule("QUE-2", "QUE-3")
def test_the_deepest_loss_at_the_marks_of_now_goes_first() -> None:
    high, low = queued(1, entry="100"), queued(2, entry="98", symbol=SYMBOL)
    alone = QueueAlone(low, high)
    alone.price("99")
    assert alone.offer() == high
    alone.take(m.PutBack(draft_id="offer-1", key=high.key))
    short = queued(3, entry="90", side=Side.SHORT)
    alone.enqueue(short)
    assert alone.offer() == short


@pytest.mark.rule("QUE-2")
def test_a_continuation_goes_before_all_others_and_needs_no_slot() -> None:
    first, second = queued(1, entry="110"), queued(2, entry="99")
    alone = QueueAlone(first, second)
    alone.price("99")
    assert alone.offer(continuing=[second]) == second
    alone.take(m.PutBack(draft_id="offer-1", key=second.key))
    assert alone.offer(free=0, continuing=[second]) == second
    alone.take(m.PutBack(draft_id="offer-1", key=second.key))
    assert alone.offer(free=0) is None


@pytest.mark.rule("QUE-2")
def test_a_change_of_the_rules_ranks_anew() -> None:
    first, second = queued(1, entry="98"), queued(2, entry="100")
    alone = QueueAlone(first, second)
    alone.price("99")
    assert alone.offer() == second
    alone.take(m.PutBack(draft_id="offer-1", key=second.key))
    alone.settings = Settings(queue=QueueSettings(rank=(RankRule.FIRST_IN,)))
    alone.take(m.SettingsChanged(settings=alone.settings))
    assert alone.offer() == first


@pytest.mark.rule("QUE-8")
def test_what_is_blocked_does_not_hold_up_the_others() -> None:
    first, second = queued(1), queued(2)
    alone = QueueAlone(first, second)
    assert alone.offer(blocked=[first]) == second


@pytest.mark.rule("QUE-8")
def test_entries_of_a_blocked_account_do_not_hold_up_the_others() -> None:
    first, second = queued(1), queued(2)
    other = replace(second, signal=replace(second.signal, key=replace(second.key, account="second")))
    alone = QueueAlone(first, other)
    assert alone.offer(blocked_accounts=frozenset({ACCOUNT})) == other
    assert alone.offer(blocked_accounts=frozenset({"second"}), offer_id="offer-2") == first


def test_an_entry_is_held_until_it_is_put_back_or_gone() -> None:
    entry = queued(1)
    alone = QueueAlone(entry)
    assert alone.offer() == entry
    assert alone.offer(offer_id="offer-2") is None
    alone.take(m.PutBack(draft_id="another", key=entry.key))
    assert alone.offer(offer_id="offer-3") is None
    alone.take(m.PutBack(draft_id="offer-1", key=entry.key))
    assert alone.offer(offer_id="offer-4") == entry
    alone.take(m.QueueChanged(key=entry.key, signal_id=entry.signal.signal_id, gone=True))
    assert alone.names == []
    alone.take(m.PutBack(draft_id="offer-4", key=entry.key, wait_reason=Reason.PRICE_STALE))
    assert alone.life.of(m.Commit) == []


def test_only_the_signal_that_was_meant_leaves() -> None:
    entry = queued(2, timeframe="1h")
    alone = QueueAlone(entry)
    alone.take(m.QueueChanged(key=entry.key, signal_id="an earlier one", gone=True))
    assert alone.names == [entry.signal.signal_id]


@pytest.mark.rule("QUE-7")
def test_an_entry_put_back_for_another_reason_shows_it_durably() -> None:
    entry = queued(1)
    alone = QueueAlone(entry)
    alone.offer()
    alone.take(m.PutBack(draft_id="offer-1", key=entry.key, wait_reason=Reason.INSUFFICIENT_BALANCE, detail="poor"))
    saved = rows_of(alone.life.one(m.Commit), SaveQueued)[0].queued
    assert (saved.wait_reason, saved.detail) == (Reason.INSUFFICIENT_BALANCE, "poor")
    assert (saved.queue_time_ms, saved.signal) == (entry.queue_time_ms, entry.signal)


@pytest.mark.rule("QUE-7")
def test_an_entry_put_back_for_the_same_reason_writes_nothing() -> None:
    entry = queued(1)
    alone = QueueAlone(entry)
    alone.offer()
    alone.take(m.PutBack(draft_id="offer-1", key=entry.key, wait_reason=Reason.POOL_FULL))
    assert alone.life.of(m.Commit) == []


def test_an_entry_can_be_taken_out_for_a_draft_by_its_side() -> None:
    entry = queued(1)
    alone = QueueAlone(entry)
    assert alone.take_out(entry, Side.SHORT)[1] is None
    assert alone.offer() == entry, "it was not held for nothing"
    draft, taken = alone.take_out(entry, Side.LONG)
    assert taken == entry
    alone.take(m.PutBack(draft_id="offer-1", key=entry.key))
    assert alone.offer(offer_id="offer-2") is None, "the draft holds it, whatever becomes of the offer"
    alone.take(m.PutBack(draft_id=draft.draft_id, key=entry.key))
    assert alone.offer(offer_id="offer-3") == entry
    assert alone.take_out(queued(9))[1] is None


@pytest.mark.rule("QUE-6", "SIG-10")
def test_a_discarded_entry_leaves_with_its_outcome_and_the_exit_gets_its_own() -> None:
    entry = queued(1)
    alone = QueueAlone(entry)
    draft, _ = alone.take_out(entry)
    leave = replace(entry.signal, signal_id="exit")
    alone.take(
        m.Discard(
            draft=draft,
            outcome=Outcome.REMOVED,
            reason=Reason.EXIT_SIGNAL,
            by=leave,
            by_outcome=Outcome.DEQUEUED,
        )
    )
    commit = alone.life.one(m.Commit)
    assert names(commit, Outcome.REMOVED) == [entry.signal.signal_id]
    assert [(row.signal.signal_id, row.outcome) for row in rows_of(commit, SaveSignal)] == [("exit", Outcome.DEQUEUED)]
    assert alone.answer(commit).outcome is Outcome.DEQUEUED
    assert alone.names == []


# --- age ------------------------------------------------------------------------------------------


@pytest.mark.rule("QUE-3", "SIG-10")
def test_an_entry_that_has_waited_too_long_expires() -> None:
    alone = QueueAlone(queued(1), max_age_s=60)
    alone.life.time_ms = NOW_MS + 1 + 60_000
    alone.look()
    assert alone.life.of(m.Commit) == []
    alone.look()
    commit = alone.life.one(m.Commit)
    assert names(commit, Outcome.EXPIRED) == ["signal-00001"]
    assert [row.reason for row in rows_of(commit, SetOutcome)] == [Reason.WAITED_TOO_LONG]
    assert released(commit, "pool/paper") == [m.WaitingChanged(key=queued(1).key, side=None)]
    assert alone.names == []


@pytest.mark.rule("QUE-3", "QUE-8")
def test_one_that_waits_for_the_other_side_has_an_age_limit_of_its_own() -> None:
    alone = QueueAlone(queued(1, wait_reason=Reason.OPPOSITE_SIDE), queued(2), opposite_max_age_s=60)
    alone.life.time_ms = NOW_MS + 120_000
    alone.look()
    assert alone.names == ["signal-00002"]


@pytest.mark.rule("QUE-3")
def test_an_entry_that_is_being_promoted_does_not_expire() -> None:
    alone = QueueAlone(queued(1), max_age_s=60)
    alone.offer()
    alone.life.time_ms = NOW_MS + 120_000
    alone.look()
    assert alone.names == ["signal-00001"]
    assert alone.life.wakes["ages"] == alone.life.time_ms + CHECK_MS


@pytest.mark.rule("QUE-3")
def test_a_price_that_ran_away_ends_an_entry_at_its_promotion_and_not_before() -> None:
    alone = QueueAlone(queued(1, entry="100"), queued(2, entry="96"), max_deviation_percent=D(3), max_age_s=3600)
    alone.price("95")
    alone.look()
    assert len(alone.names) == 2
    chosen = alone.offer()
    assert chosen is not None
    assert chosen.entry_price == D(96)
    commit = alone.life.one(m.Commit)
    assert names(commit, Outcome.EXPIRED) == ["signal-00001"]
    assert [row.reason for row in rows_of(commit, SetOutcome)] == [Reason.PRICE_DEVIATED]


@pytest.mark.rule("QUE-3", "ORD-10")
def test_a_stale_price_judges_nothing() -> None:
    alone = QueueAlone(queued(1, entry="100"), max_deviation_percent=D(3))
    alone.price("105")
    alone.life.time_ms += 31_000
    assert alone.offer() is not None


# --- the new side of a reverse --------------------------------------------------------------------


def reversing(number: int = 9, **changes: Any) -> Queued:
    plain: dict[str, Any] = {"wait_reason": Reason.REVERSING, "is_reverse": True, "is_decided": True}
    return queued(number, **{**plain, **changes})


def alone_with(entry: Queued, *others: Queued, **settings: Any) -> QueueAlone:
    """It came with the commit of the group that closes; the others were there."""
    alone = QueueAlone(*others, **settings)
    alone.take(Requeued(queued=entry))
    assert alone.life.of(m.Commit) == [], "it is in the store already"
    return alone


def told_of(commit: m.Commit, entry: Queued) -> list[str]:
    return [row.type for row in rows_of(commit, AddEvent) if row.signal_id == entry.signal.signal_id]


@pytest.mark.rule("SIG-6", "QUE-2", "QUE-4")
def test_the_new_side_of_a_reverse_comes_in_over_the_size_and_goes_first() -> None:
    entry = reversing()
    alone = alone_with(entry, queued(1, entry="200"), max_size=1)
    alone.take(Requeued(queued=entry))
    assert sorted(alone.names) == ["signal-00001", "signal-00009"], "told twice it is there once"
    alone.price("100")
    assert alone.offer() == entry


@pytest.mark.rule("SIG-6", "QUE-4", "QUE-3")
def test_while_a_slot_is_kept_for_it_it_is_neither_evicted_nor_too_old() -> None:
    entry = reversing(entry="1")
    alone = alone_with(entry, max_size=1, overflow=Overflow.EVICT_LOWEST, max_age_s=60)
    assert alone.enqueue(queued(1, entry="50")).reason is Reason.QUEUE_FULL
    alone.life.take(m.Commit)
    alone.life.time_ms += 10**8
    alone.look()
    assert alone.names == [entry.signal.signal_id]


@pytest.mark.rule("SIG-6", "QUE-4")
def test_a_reverse_on_a_closing_key_finds_a_place_in_a_full_queue() -> None:
    alone = QueueAlone(queued(1), max_size=1)
    newcomer = reversing(is_decided=False)
    assert alone.enqueue(newcomer).outcome is Outcome.QUEUED
    assert len(alone.names) == 2


@pytest.mark.rule("SIG-6", "SIG-10", "QUE-4")
def test_one_that_lost_its_slot_may_be_evicted_with_an_alert_and_its_outcome_stands() -> None:
    entry = reversing(wait_reason=Reason.POOL_FULL)
    alone = alone_with(entry, max_size=1, overflow=Overflow.EVICT_LOWEST)
    newcomer = queued(1, entry="50", is_reverse=True, first_queue_time_ms=NOW_MS)
    assert alone.enqueue(newcomer).outcome is Outcome.QUEUED
    commit = alone.life.one(m.Commit)
    assert rows_of(commit, SetOutcome) == []
    assert told_of(commit, entry) == ["reverse.evicted"]
    alerts = {row.alert_key for row in rows_of(commit, RaiseAlert)}
    assert alerts == {f"reverse_not_opened/{ACCOUNT}/{SYMBOL}/9m", "queue_overflow/paper"}


@pytest.mark.rule("SIG-6", "SIG-10", "QUE-3")
def test_one_that_grew_too_old_without_its_slot_expires_with_an_alert() -> None:
    entry = reversing(wait_reason=Reason.OPPOSITE_ON_INSTRUMENT)
    alone = alone_with(entry, opposite_max_age_s=60)
    alone.life.time_ms += 120_000
    alone.look()
    commit = alone.life.one(m.Commit)
    assert rows_of(commit, SetOutcome) == []
    assert told_of(commit, entry) == ["reverse.expired"]
    assert len(rows_of(commit, RaiseAlert)) == len(rows_of(commit, DeleteQueued)) == 1


@pytest.mark.rule("SIG-6", "QUE-1", "SIG-10")
def test_what_replaces_it_takes_its_rank_and_gets_an_outcome_of_its_own() -> None:
    old = reversing(timeframe="1h")
    alone = alone_with(old)
    new = queued(10, timeframe="1h", wait_reason=Reason.REVERSING)
    assert alone.enqueue(new).outcome is Outcome.REPLACED
    commit = alone.life.one(m.Commit)
    saved = rows_of(commit, SaveQueued)[0].queued
    assert (saved.is_reverse, saved.is_decided, saved.replacement_count) == (True, False, 1)
    assert rows_of(commit, SetOutcome) == []
    assert told_of(commit, old) == ["reverse.superseded"]
    assert rows_of(commit, RaiseAlert) == [], "somebody wanted it so"
    waits = m.WaitingChanged(key=new.key, side=Side.LONG, wait_reason=Reason.REVERSING)
    assert waits in released(commit, "pool/paper")


@pytest.mark.rule("SIG-6", "SIG-10", "QUE-6")
@pytest.mark.parametrize(("outcome", "is_lost"), [(Outcome.REMOVED, False), (Outcome.REJECTED, True)])
def test_a_discarded_one_keeps_its_outcome(outcome: Outcome, is_lost: bool) -> None:
    entry = reversing()
    alone = alone_with(entry)
    draft, _ = alone.take_out(entry)
    alone.take(m.Discard(draft=draft, outcome=outcome, reason=Reason.BELOW_MIN_NOTIONAL))
    commit = alone.life.one(m.Commit)
    assert rows_of(commit, SetOutcome) == []
    assert told_of(commit, entry) == [f"reverse.{outcome.value}"]
    assert bool(rows_of(commit, RaiseAlert)) is is_lost
    assert alone.answer(commit).outcome is outcome


# --- loading --------------------------------------------------------------------------------------


@pytest.mark.rule("QUE-5")
def test_what_was_queued_before_a_restart_waits_on_in_the_same_order() -> None:
    entries = [queued(number) for number in (3, 1, 2)]
    alone = QueueAlone(*entries)
    went = [alone.offer(offer_id=f"offer-{number}") for number in range(3)]
    assert [entry.signal.signal_id for entry in went if entry] == ["signal-00001", "signal-00002", "signal-00003"]


def test_what_arrives_before_the_state_waits_for_it() -> None:
    life = FakeLife("queue/paper")
    queue = Queue(life, marks=MarksBoard(), settings=Settings)
    queue.start()
    life.one(m.Load)
    queue.receive(
        m.Offer(offer_id="o", incarnation=1, free_slots=1, blocked=frozenset(), continuing=frozenset()),
    )
    queue.receive(m.Loaded(incarnation=0, state=m.QueueState(entries=(queued(9),))))
    assert life.told == []
    queue.receive(m.Loaded(incarnation=1, state=m.QueueState(entries=(queued(1),))))
    assert life.one(m.Offered).queued == queued(1)


def test_what_the_queue_does_not_know_ends_it() -> None:
    with pytest.raises(TypeError, match="MayStop"):
        QueueAlone().take(m.MayStop(group_id="g"))
