"""What a commit may not do, and that a refused commit leaves nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from actors.messages import Answer
from actors.ports import ConstraintBroken
from actors.rules.choices import World
from actors.rules.model import GroupState, Outcome, Reason
from actors.rules.records import AddTrade, DeleteQueued, Row, SaveLeg, SaveOrder, SaveQueued, SetOutcome, changes
from daemon.store.read import Reader
from daemon.store.store import SqliteStore
from tests.daemon.store import samples
from tests.daemon.store.samples import T0


def apply(store: SqliteStore, rows: Sequence[Row], author: str = "author") -> ConstraintBroken | None:
    return store.apply([(author, rows)])[0].broken


def must_break(store: SqliteStore, rows: Sequence[Row], constraint: str) -> ConstraintBroken:
    broken = apply(store, rows)
    assert broken is not None
    assert broken.constraint == constraint, broken
    return broken


def must_hold(store: SqliteStore, rows: Sequence[Row]) -> None:
    broken = apply(store, rows)
    assert broken is None, broken


# --- one commit among others ----------------------------------------------------------------------


def test_a_broken_commit_leaves_nothing_and_the_others_of_its_batch_stand(store: SqliteStore, reader: Reader) -> None:
    new = samples.opening(1)
    broken = (*samples.opening(2), samples.save(samples.signal(1)))
    first, second, third = store.apply([("a", new), ("b", broken), ("c", samples.opening(3))])
    assert (first.broken, third.broken) == (None, None)
    assert second.broken is not None
    assert second.broken.constraint == "signal"
    assert "signal-1" in str(second.broken)
    assert second.events == ()
    assert store.live_group_ids() == [samples.group(1).group_id, samples.group(3).group_id]
    assert reader.get_signal("signal-2") is None
    assert [stored.sequence for stored in (*first.events, *third.events)] == [1, 2]


@pytest.mark.rule("REC-2")
def test_behind_a_broken_commit_nothing_of_its_author_is_taken(store: SqliteStore) -> None:
    twice = (samples.save(samples.signal(1)), samples.save(samples.signal(1)))
    results = store.apply([("a", twice), ("a", samples.opening(2)), ("b", samples.opening(3))])
    assert [result.broken.constraint if result.broken else None for result in results] == ["signal", "fenced", None]
    assert store.live_group_ids() == [samples.group(3).group_id]
    assert apply(store, samples.opening(2), "a") is None, "the next batch is the Journal's to judge"


def test_a_value_no_column_can_hold_refuses_its_commit_alone(store: SqliteStore) -> None:
    lone_surrogate = samples.save(samples.signal(1, alert_message="\ud800"))
    not_money = changes(None, replace(samples.group(2), realized=Decimal("NaN")))
    too_long = samples.save(samples.signal(4, receive_time_ms=2**64))
    unknown: Row = object()  # type: ignore[assignment]
    unstorable: list[Sequence[Row]] = [[lone_surrogate], [*not_money], [unknown], [too_long]]
    results = store.apply([*((str(number), rows) for number, rows in enumerate(unstorable)), ("e", samples.opening(3))])
    assert [result.broken.constraint if result.broken else None for result in results] == ["value"] * 4 + [None]
    assert store.live_group_ids() == [samples.group(3).group_id]


def test_an_empty_batch_and_an_empty_commit_are_no_errors(store: SqliteStore) -> None:
    assert store.apply([]) == []
    assert store.apply([("a", ())])[0].broken is None


# --- idempotency ----------------------------------------------------------------------------------


@pytest.mark.rule("SIG-7")
def test_a_taken_key_is_answered_with_what_became_of_the_first(store: SqliteStore, reader: Reader) -> None:
    first = samples.signal(1)
    must_hold(store, (samples.save(first, Outcome.OPENED, group_id="g1"), samples.claim(first)))
    copy = samples.signal(2, idempotency_key=first.idempotency_key)
    broken = must_break(store, (samples.save(copy), samples.claim(copy)), "idempotency")
    assert broken.first == Answer(signal_id="signal-1", outcome=Outcome.OPENED, reason=Reason.OK, group_id="g1")
    assert reader.get_signal("signal-2") is None


@pytest.mark.rule("SIG-7")
def test_two_copies_in_one_batch_give_one_signal(store: SqliteStore) -> None:
    first = samples.signal(1)
    copy = samples.signal(2, idempotency_key=first.idempotency_key)
    results = store.apply(
        [(name, (samples.save(one), samples.claim(one))) for name, one in (("a", first), ("b", copy))]
    )
    assert [result.broken is None for result in results] == [True, False]


@pytest.mark.rule("SIG-7")
@pytest.mark.parametrize(("later_ms", "taken"), [(999, True), (1000, False)])
def test_a_key_is_free_again_when_it_has_expired(store: SqliteStore, later_ms: int, taken: bool) -> None:
    first = samples.signal(1)
    must_hold(store, (samples.save(first), samples.claim(first, window_ms=1000)))
    again = samples.signal(2, idempotency_key=first.idempotency_key)
    broken = apply(store, (samples.save(again), samples.claim(again, now_ms=T0 + later_ms)))
    assert (broken is not None) == taken


def test_a_signal_may_claim_its_own_key_again(store: SqliteStore) -> None:
    first = samples.signal(1)
    must_hold(store, (samples.save(first), samples.claim(first)))
    must_hold(store, (samples.claim(first),))


# --- outcomes and the queue -----------------------------------------------------------------------


def outcome(signal_id: str, outcome: Outcome = Outcome.OPENED, draft_id: str = "later") -> SetOutcome:
    return SetOutcome(
        signal_id=signal_id,
        outcome=outcome,
        reason=Reason.OK,
        detail="",
        group_id="g",
        draft_id=draft_id,
        time_ms=T0 + 5,
    )


@pytest.mark.rule("SIG-10")
def test_a_waiting_signal_gets_one_final_outcome(store: SqliteStore, reader: Reader) -> None:
    must_hold(store, samples.enqueue(samples.waiting(1)))
    must_hold(store, (outcome("signal-1"),))
    must_break(store, (outcome("signal-1", Outcome.EXPIRED),), "outcome")
    stored = reader.get_signal("signal-1")
    assert stored is not None
    assert (stored.first_outcome, stored.outcome, stored.group_id) == (Outcome.QUEUED, Outcome.OPENED, "g")


@pytest.mark.rule("SIG-10")
def test_a_signal_that_was_decided_at_once_or_is_unknown_gets_no_second_outcome(store: SqliteStore) -> None:
    must_hold(store, (samples.save(samples.signal(1), Outcome.IGNORED),))
    must_break(store, (outcome("signal-1"),), "outcome")
    must_break(store, (outcome("nobody"),), "outcome")


def test_of_several_outcomes_in_a_row_one_that_fails_refuses_all(store: SqliteStore, reader: Reader) -> None:
    must_hold(store, samples.enqueue(samples.waiting(1)))
    must_break(store, (outcome("signal-1"), outcome("nobody")), "outcome")
    stored = reader.get_signal("signal-1")
    assert stored is not None
    assert stored.outcome is Outcome.QUEUED


@pytest.mark.rule("QUE-1")
def test_one_signal_waits_per_key(store: SqliteStore) -> None:
    old, new = samples.waiting(1), samples.waiting(1, replacement_count=1)
    new = replace(new, signal=samples.signal(2, key=old.key, entry_price=Decimal(99)))
    must_hold(store, samples.enqueue(old))
    must_hold(store, (samples.save(new.signal, Outcome.REPLACED), SaveQueued(world=World.PAPER, queued=new)))
    assert store.load_queue(World.PAPER).entries == (new,)


@pytest.mark.rule("QUE-1")
def test_a_queued_signal_leaves_once_and_only_as_itself(store: SqliteStore) -> None:
    queued = samples.waiting(1)
    must_hold(store, samples.enqueue(queued))
    must_break(store, (DeleteQueued(world=World.PAPER, key=queued.key, signal_id="another"),), "queued")
    must_break(store, (DeleteQueued(world=World.LIVE, key=queued.key, signal_id="signal-1"),), "queued")
    leave = DeleteQueued(world=World.PAPER, key=queued.key, signal_id="signal-1")
    must_hold(store, (leave,))
    must_break(store, (leave,), "queued")


def test_a_queue_row_needs_its_signal(store: SqliteStore) -> None:
    must_break(store, (SaveQueued(world=World.PAPER, queued=samples.waiting(1)),), "reference")


# --- groups and orders ----------------------------------------------------------------------------


@pytest.mark.rule("GRP-1")
def test_a_key_has_one_live_group_in_a_world(store: SqliteStore) -> None:
    first = samples.group(1)
    second = replace(samples.group(2), key=first.key)
    must_hold(store, tuple(changes(None, first)))
    must_break(store, tuple(changes(None, second)), "live_group")
    must_hold(store, tuple(changes(None, replace(second, world=World.TESTNET))))


@pytest.mark.rule("GRP-1", "GRP-2")
def test_a_closed_group_makes_room_and_may_come_back_beside_its_successor_when_flagged(store: SqliteStore) -> None:
    first = samples.group(1)
    closed = replace(first, state=GroupState.CLOSED)
    second = replace(samples.group(2), key=first.key)
    must_hold(store, tuple(changes(None, first)))
    must_hold(store, tuple(changes(first, closed)))
    must_hold(store, tuple(changes(None, second)))
    back = replace(closed, state=GroupState.CLOSING)
    must_break(store, tuple(changes(closed, back)), "live_group")
    must_hold(store, tuple(changes(closed, replace(back, flags=("late_fill",)))))
    assert store.live_group_ids() == [first.group_id, second.group_id]


def test_a_group_id_is_never_given_to_a_second_group(store: SqliteStore) -> None:
    first = samples.group(1)
    must_hold(store, tuple(changes(None, first)))
    other = replace(samples.group(2), group_id=first.group_id, pyramids=(), orders={})
    must_break(store, tuple(changes(None, other)), "live_group")
    assert store.load_group(first.group_id) == first


@pytest.mark.rule("ORD-2", "ORD-3")
def test_a_client_order_id_is_never_given_to_a_second_order(store: SqliteStore) -> None:
    group = samples.group(1)
    must_hold(store, tuple(changes(None, group)))
    order = next(iter(group.orders.values()))
    must_break(store, (SaveOrder(order=replace(order, create_time_ms=T0 + 9)),), "order")
    must_hold(store, tuple(changes(None, samples.group(2))))
    must_break(store, (SaveOrder(order=replace(order, group_id=samples.group(2).group_id)),), "order")
    assert store.load_group(group.group_id) == group


@pytest.mark.rule("ORD-5")
def test_an_execution_is_counted_once_per_trade_id(store: SqliteStore) -> None:
    group = samples.group(1)
    must_hold(store, tuple(changes(None, group)))
    order, other = list(group.orders.values())[:2]
    trade = samples.trade(1)
    add = AddTrade(
        account="paper",
        symbol="BTC/USDT",
        group_id=group.group_id,
        client_order_id=order.client_order_id,
        trade=trade,
    )
    must_hold(store, (add,))
    broken = must_break(store, (replace(add, trade=samples.trade(2)), add), "trade")
    assert "trade-1" in str(broken)
    must_hold(store, (replace(add, client_order_id=other.client_order_id),))
    loaded = store.load_group(group.group_id)
    assert loaded is not None
    assert loaded.orders[order.client_order_id].trades == (trade,)


def test_parts_need_what_they_are_parts_of(store: SqliteStore) -> None:
    must_break(store, (SaveOrder(order=samples.order("nobody", 0)),), "reference")
    must_break(store, (SaveLeg(group_id="nobody", leg=samples.leg(0)),), "reference")


# --- a reverse ------------------------------------------------------------------------------------


@pytest.mark.rule("SIG-6", "QUE-5")
def test_a_reverse_goes_from_the_group_that_closes_to_the_queue_in_one_commit(store: SqliteStore) -> None:
    old = samples.group(1)
    must_hold(store, tuple(changes(None, old)))
    signal = samples.signal(7, key=old.key)
    closing = replace(old, state=GroupState.CLOSING, reverse=signal)
    must_hold(store, (samples.save(signal, Outcome.REVERSED, group_id=old.group_id), *changes(old, closing)))
    assert store.load_group(old.group_id) == closing
    assert store.live_groups() == [closing]
    closed = replace(closing, state=GroupState.CLOSED, close_time_ms=T0 + 9)
    waiting = samples.waiting(7, signal=signal, wait_reason=Reason.REVERSING, is_reverse=True, is_decided=True)
    must_hold(store, (*changes(closing, closed), SaveQueued(world=World.PAPER, queued=waiting)))
    assert store.live_groups() == []
    assert store.load_queue(World.PAPER).entries == (waiting,)
    decided = SetOutcome(
        signal_id=signal.signal_id,
        outcome=Outcome.OPENED,
        reason=Reason.OK,
        detail="",
        group_id="",
        draft_id="later",
        time_ms=T0 + 10,
    )
    must_break(store, (decided,), "outcome")
    must_hold(store, (DeleteQueued(world=World.PAPER, key=signal.key, signal_id=signal.signal_id),))
    assert store.load_queue(World.PAPER).entries == ()
