"""What the actors and the View get from the store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from actors.messages import Answer, Settle
from actors.rules.choices import World
from actors.rules.model import Group, GroupState, OrderState, Outcome, Reason, Role
from actors.rules.records import Row, SaveEngineState, SaveOrder, SaveQueued, SetOutcome, changes
from actors.rules.reserve import planned, reserved
from daemon.store import load
from daemon.store.store import SqliteStore
from tests.daemon.store import samples
from tests.daemon.store.samples import T0


def apply(store: SqliteStore, *commits: Sequence[Row]) -> None:
    results = store.apply([(str(number), rows) for number, rows in enumerate(commits)])
    assert [result.broken for result in results if result.broken] == []


def save(store: SqliteStore, *groups: Group) -> None:
    apply(store, *(tuple(changes(None, group)) for group in groups))


# --- groups ---------------------------------------------------------------------------------------


@pytest.mark.rule("REC-1")
def test_groups_that_are_not_closed_are_found_oldest_first_and_by_world(store: SqliteStore) -> None:
    closed = replace(samples.group(0), state=GroupState.CLOSED)
    closing = replace(samples.group(1), state=GroupState.CLOSING)
    other_world = replace(samples.group(2), world=World.LIVE)
    live = samples.group(3)
    save(store, live, other_world, closing, closed)
    assert store.live_group_ids() == [closing.group_id, other_world.group_id, live.group_id]
    assert store.live_group_ids(World.PAPER) == [closing.group_id, live.group_id]
    assert store.live_groups() == [closing, other_world, live]
    assert store.load_group(closed.group_id) == closed
    assert store.load_group("nobody") is None


def final_orders(group: Group, count: int, *, place: int = 1, first: int = 1) -> Group:
    """The group with that many cancelled targets more, each a new attempt at one place."""
    more = [
        samples.order(
            group.group_id, place, role=Role.TAKE_PROFIT, attempt=attempt, state=OrderState.CANCELLED, words="moved"
        )
        for attempt in range(first, first + count)
    ]
    return replace(group, orders={**group.orders, **{order.client_order_id: order for order in more}})


def test_of_many_final_orders_the_newest_are_kept_with_every_open_one(store: SqliteStore) -> None:
    limit = load.FINAL_ORDERS_KEPT
    group = final_orders(samples.group(1), limit + 20)
    save(store, group, samples.group(2))
    loaded = store.load_group(group.group_id)
    assert loaded is not None
    orders = list(group.orders.values())
    assert list(loaded.orders.values()) == [*orders[:5], *orders[-limit:]]
    assert store.live_groups() == [loaded, samples.group(2)]


@pytest.mark.rule("ORD-2")
def test_the_newest_order_of_every_place_is_kept_so_that_attempts_are_counted_on(store: SqliteStore) -> None:
    entry = samples.order("g00000000001", 0)
    old = [
        replace(entry, client_order_id=f"old-{attempt}", attempt=attempt, state=OrderState.REJECTED)
        for attempt in (1, 2, 3)
    ]
    group = replace(samples.group(1), orders={order.client_order_id: order for order in old})
    group = final_orders(group, load.FINAL_ORDERS_KEPT + 5)
    save(store, group)
    loaded = store.load_group(group.group_id)
    assert loaded is not None
    assert [order.attempt for order in loaded.orders.values() if order.role is Role.ENTRY] == [3]
    assert len(loaded.orders) == load.FINAL_ORDERS_KEPT + 1


def test_a_thousand_groups_are_loaded_in_less_than_a_second(store: SqliteStore) -> None:
    groups = []
    for number in range(1000):
        group = samples.group(number)
        target = samples.filled(
            samples.order(group.group_id, 0, role=Role.TAKE_PROFIT), samples.trade(1), samples.trade(2)
        )
        groups.append(samples.with_order(group, target))
    for start in range(0, 1000, 100):
        save(store, *groups[start : start + 100])
    started_s = time.process_time()
    assert store.live_groups() == groups
    assert time.process_time() - started_s < 1.0


@pytest.mark.store("sqlite")
@pytest.mark.parametrize("name", ["_ALL_LIVE", "_LIVE_OF_WORLD", "_GROUPS", "_PYRAMIDS", "_LEGS", "_OPEN_ORDERS"])
def test_loading_never_walks_through_a_whole_table(store: SqliteStore, name: str) -> None:
    sql = getattr(load, name)
    plan = store._connected().execute(f"EXPLAIN QUERY PLAN {sql}", ("[]",) * sql.count("?")).fetchall()
    scans = [step[3] for step in plan if step[3].startswith("SCAN") and "json_each" not in step[3]]
    assert scans in ([], ["SCAN position_groups USING INDEX position_groups_live"])


# --- Pool -----------------------------------------------------------------------------------------


@pytest.mark.rule("POOL-3")
def test_pool_gets_every_group_of_its_world_that_is_not_closed_with_what_it_binds(store: SqliteStore) -> None:
    group = samples.group(1)
    entry = next(iter(group.orders.values()))
    bought = samples.filled(entry, samples.trade(1))
    ladder = group.pyramids[0]
    legs = (replace(ladder.legs[0], bought_quantity=Decimal("0.1")), *ladder.legs[1:])
    group = samples.with_order(replace(group, pyramids=(replace(ladder, legs=legs),)), bought)
    closing = replace(samples.group(2), state=GroupState.CLOSING, orders={}, slot_token="slot-2")
    save(store, group, closing, replace(samples.group(3), state=GroupState.CLOSED))
    save(store, replace(samples.group(4), world=World.LIVE))
    state = store.load_pool(World.PAPER, 10, T0)
    first, second = state.groups
    assert (first.group_id, first.key, first.side) == (group.group_id, group.key, group.side)
    assert (first.slot_token, first.closing, first.closed) == ("slot-1", False, False)
    assert (first.pyramid_count, first.opened_stamp_ms) == (1, T0)
    assert first.reserved == reserved(group) == Decimal("0.3") * 100 + Decimal("0.4") * (99 + 98 + 97 + 96)
    assert first.planned == planned(group) == 200
    assert second.closing
    assert second.reserved == 0
    assert state.settings_of == {group.group_id: group.settings, closing.group_id: closing.settings}
    assert state.instrument_of[group.group_id] == group.instrument


@pytest.mark.rule("SIG-7")
def test_pool_gets_the_keys_that_are_still_taken_newest_last(store: SqliteStore) -> None:
    for number, window_ms in enumerate((10, 1000, 1000, 1000)):
        signal = samples.signal(number)
        apply(store, (samples.save(signal), samples.claim(signal, now_ms=T0 + number, window_ms=window_ms)))
    recent = store.load_pool(World.PAPER, 2, T0 + 100).recent
    assert [(key, answer.signal_id, expire_ms) for key, answer, expire_ms in recent] == [
        ("idempotency-2", "signal-2", T0 + 1002),
        ("idempotency-3", "signal-3", T0 + 1003),
    ]
    assert len(store.load_pool(World.PAPER, 10, T0 + 100).recent) == 3


def test_pool_gets_the_switches_of_its_world(store: SqliteStore) -> None:
    def switch(name: str, value: str, world: World = World.PAPER) -> SaveEngineState:
        return SaveEngineState(world=world, name=name, value=value, who="operator", time_ms=T0)

    apply(store, (switch("paused", "1"), switch("paused:paper", "1"), switch("paused", "1", World.LIVE)))
    apply(store, (switch("paused", "2"), switch("paused:paper", ""), switch("never set", "")))
    assert store.load_pool(World.PAPER, 10, T0).switches == {"paused": "2"}
    assert store.load_pool(World.LIVE, 10, T0).switches == {"paused": "1"}


# --- Queue ----------------------------------------------------------------------------------------


@pytest.mark.rule("QUE-5")
def test_the_queue_keeps_its_order_counts_and_times(store: SqliteStore) -> None:
    late, early = samples.waiting(1, first_queue_time_ms=T0 + 50), samples.waiting(2, first_queue_time_ms=T0 + 10)
    same = [samples.waiting(number, first_queue_time_ms=T0 + 30) for number in (5, 4, 3)]
    apply(store, *(samples.enqueue(queued) for queued in (late, early, *same)))
    apply(store, samples.enqueue(samples.waiting(6)) and (samples.save(samples.signal(6), Outcome.QUEUED),))
    newer = replace(same[0], signal=samples.signal(7, key=same[0].key), replacement_count=4, queue_time_ms=T0 + 99)
    apply(store, (samples.save(newer.signal, Outcome.REPLACED), SaveQueued(world=World.PAPER, queued=newer)))
    assert store.load_queue(World.PAPER).entries == (early, newer, *same[1:], late)
    assert store.load_queue(World.LIVE).entries == ()


# --- drafts ---------------------------------------------------------------------------------------


def settle(draft_id: str, signal_id: str = "signal-1") -> Settle:
    return Settle(draft_id=draft_id, signal_id=signal_id, reply_to="pool/paper", incarnation=1)


def test_a_draft_is_answered_with_what_it_committed(store: SqliteStore) -> None:
    apply(store, (samples.save(samples.signal(1), Outcome.OPENED, "draft-1", "g1"),))
    opened = Answer(signal_id="signal-1", outcome=Outcome.OPENED, reason=Reason.OK, group_id="g1")
    assert store.draft_answer(settle("draft-1")) == opened
    assert store.draft_answer(settle("draft-2")) is None
    assert store.draft_answer(settle("draft-1", "signal-2")) is None


def test_two_drafts_of_one_signal_each_get_their_own_answer(store: SqliteStore) -> None:
    queued = samples.waiting(1)
    apply(store, (samples.save(queued.signal, Outcome.QUEUED, "first"), *samples.enqueue(queued)[1:]))
    asked = store.draft_answer(settle("first"))
    assert asked is not None
    assert asked.outcome is Outcome.QUEUED
    later = SetOutcome(
        signal_id="signal-1",
        outcome=Outcome.OPENED,
        reason=Reason.OK,
        detail="promoted",
        group_id="g1",
        draft_id="second",
        time_ms=T0,
    )
    apply(store, (later,))
    assert store.draft_answer(settle("first")) == Answer(signal_id="signal-1", outcome=Outcome.QUEUED, reason=Reason.OK)
    assert store.draft_answer(settle("second")) == Answer(
        signal_id="signal-1", outcome=Outcome.OPENED, reason=Reason.OK, detail="promoted", group_id="g1"
    )


def test_an_outcome_without_a_draft_is_nobodys_answer(store: SqliteStore) -> None:
    apply(store, (samples.save(samples.signal(1), Outcome.QUEUED, draft_id=""),))
    assert store.draft_answer(settle("")) is None


def test_an_order_saved_again_keeps_its_place(store: SqliteStore) -> None:
    group = samples.group(1)
    save(store, group)
    first = next(iter(group.orders.values()))
    changed = replace(first, state=OrderState.OPEN, exchange_order_id="x-1", price=Decimal("99.5"))
    apply(store, (SaveOrder(order=changed),))
    loaded = store.load_group(group.group_id)
    assert loaded is not None
    assert list(loaded.orders.values()) == [changed, *list(group.orders.values())[1:]]
