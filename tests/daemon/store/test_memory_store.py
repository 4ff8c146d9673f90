"""A store in memory says and keeps what a store on a file does, whatever it is given.

Every test of the real store's constraints, loads and records runs here once more, on both side by side (`Twins`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.messages import Settle
from actors.rules.choices import World
from actors.rules.model import Group, GroupState, OrderState, Outcome, Reason, Trade
from actors.rules.records import (
    AcknowledgeAlert,
    AddBooking,
    AddDeadLetter,
    AddNotification,
    AddTrade,
    BookingKind,
    DeleteQueued,
    DriftKind,
    DriftState,
    MarkBooked,
    MarkNotification,
    NotificationState,
    RaiseAlert,
    ResolveAlert,
    ResolveDeadLetter,
    Row,
    SaveDrift,
    SaveEngineState,
    SaveGroup,
    SaveInstruments,
    SaveLeg,
    SaveOrder,
    SavePyramid,
    SaveQueued,
    SetOutcome,
    changes,
)
from daemon.store.memory import MemoryStore
from daemon.store.memory_rows import ALONE, WRITES
from daemon.store.read import Reader
from daemon.store.rows import WRITERS
from tests.actors import town as towns
from tests.actors.crowd import crowd_run
from tests.daemon.store import samples, test_constraints, test_drifts, test_ledger, test_loads, test_risk_records
from tests.daemon.store.samples import T0, chosen
from tests.daemon.store.twins import Twins

_OF_FILES_ALONE = (
    "test_a_full_check_finds_a_group_whose_ledger_does_not_add_up",
    "test_a_thousand_groups_are_loaded_in_less_than_a_second",
)


def of_the_real_store() -> dict[str, Callable[..., None]]:
    found: dict[str, Callable[..., None]] = {}
    for module in (test_constraints, test_drifts, test_ledger, test_loads, test_risk_records):
        for name, test in vars(module).items():
            if name.startswith("test_") and "store" in inspect.signature(test).parameters:
                assert name not in found, "two tests of one name"
                found[name] = test
    for name in _OF_FILES_ALONE:
        del found[name]
    return found


globals().update(of_the_real_store())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Twins]:
    real = chosen(tmp_path)
    reader = Reader(real.source())
    twins = Twins(real, reader)
    yield twins
    twins.compare(T0)
    twins.close()


def test_every_row_has_its_place_in_memory() -> None:
    assert set(WRITES) | set(ALONE) == set(WRITERS)


# --- rows of every kind, also those that no engine would write ---------------------------------------

few = st.integers(1, 3)
amounts = st.sampled_from([Decimal(number) for number in ("0", "1.50", "-2", "0.000000000000000001", "1E+3", "NaN")])
words = st.sampled_from(["", "one", "two", "\ud800"])
moments = st.integers(T0, T0 + 3)
keys = few.map(samples.key)
signals = st.builds(
    lambda number, name, key, time_ms: samples.signal(
        number, idempotency_key=f"key-{name}", key=key, receive_time_ms=time_ms
    ),
    *(few, few, keys, moments),
)
trades = st.builds(
    Trade,
    trade_id=st.sampled_from(["1", "2"]),
    quantity=amounts,
    price=amounts,
    fee=amounts,
    fee_asset=st.just("USDT"),
    fee_value=amounts,
    time_ms=moments,
    maker=st.booleans(),
)


@st.composite
def groups(draw: st.DrawFn) -> Group:
    """One of few, at some time of its life, with some of its parts."""
    group = samples.group(draw(few), legs=draw(few))
    state = draw(st.sampled_from(GroupState))
    orders = {
        name: replace(order, state=draw(st.sampled_from(OrderState)), trades=tuple(draw(st.lists(trades, max_size=1))))
        for name, order in group.orders.items()
        if draw(st.booleans())
    }
    return replace(
        group,
        state=state,
        key=draw(keys),
        world=draw(st.sampled_from([World.LIVE, World.PAPER])),
        flags=draw(st.sampled_from([(), ("late_fill",)])),
        create_time_ms=group.create_time_ms + draw(st.sampled_from([0, 0, 0, 1])),
        realized=draw(amounts),
        fees=draw(amounts),
        update_time_ms=draw(moments),
        close_time_ms=draw(moments) if state is GroupState.CLOSED else None,
        orders=orders,
    )


def group_ids() -> st.SearchStrategy[str]:
    return st.builds(lambda number: samples.group(number).group_id, few)


@st.composite
def opening(draw: st.DrawFn) -> tuple[Row, ...]:
    """What belongs together: most of these are taken."""
    number = draw(few)
    return tuple(samples.opening(number))


@st.composite
def change(draw: st.DrawFn) -> tuple[Row, ...]:
    return tuple(changes(None, draw(groups())))


@st.composite
def waiting(draw: st.DrawFn) -> tuple[Row, ...]:
    queued = replace(samples.waiting(draw(few)), first_queue_time_ms=draw(moments))
    return tuple(samples.enqueue(queued))


def alone() -> st.SearchStrategy[tuple[Row, ...]]:
    """One row, whether or not it has what it needs."""
    plain_orders = st.builds(samples.order, group_ids(), few, attempt=few, create_time_ms=moments, quantity=amounts)
    worlds = st.sampled_from([World.LIVE, World.PAPER])
    names = few.map(lambda number: f"signal-{number}")
    letters = st.builds(lambda number: f"letter-{number}", few)
    instruments = st.lists(st.sampled_from(["BTC/USDT", "ETH/USDT"]), max_size=2).map(
        lambda symbols: tuple(replace(samples.INSTRUMENT, symbol=symbol) for symbol in symbols)
    )
    row: st.SearchStrategy[Row] = st.one_of(
        st.builds(samples.save, signals, st.sampled_from([Outcome.QUEUED, Outcome.OPENED]), draft_id=words),
        st.builds(samples.claim, signals, now_ms=moments, window_ms=few),
        st.builds(
            SetOutcome,
            signal_id=names,
            outcome=st.sampled_from([Outcome.OPENED, Outcome.REPLACED]),
            reason=st.just(Reason.OK),
            detail=words,
            group_id=words,
            draft_id=words,
            time_ms=moments,
        ),
        groups().map(lambda group: SaveGroup(group=group)),
        st.builds(
            lambda group_id, group: SavePyramid(group_id=group_id, pyramid=group.pyramids[0]), group_ids(), groups()
        ),
        st.builds(lambda group_id, place: SaveLeg(group_id=group_id, leg=samples.leg(place)), group_ids(), few),
        plain_orders.map(lambda order: SaveOrder(order=order)),
        st.builds(
            lambda order, trade: AddTrade(
                account="paper",
                symbol=order.symbol,
                group_id=order.group_id,
                client_order_id=order.client_order_id,
                trade=trade,
            ),
            *(plain_orders, trades),
        ),
        st.builds(
            lambda world, number, time_ms: SaveQueued(
                world=world, queued=replace(samples.waiting(number), first_queue_time_ms=time_ms)
            ),
            *(worlds, few, moments),
        ),
        st.builds(DeleteQueued, world=worlds, key=keys, signal_id=names),
        st.builds(samples.event, words, time_ms=moments),
        st.builds(
            RaiseAlert,
            alert_key=words,
            time_ms=moments,
            severity=st.one_of(words, st.sampled_from(["warning", "critical"])),
            category=words,
            message=words,
            account=words,
        ),
        st.builds(ResolveAlert, alert_key=words, time_ms=moments),
        st.builds(AcknowledgeAlert, alert_key=words, who=words, time_ms=moments, comment=words),
        st.builds(
            AddNotification,
            notification_id=letters,
            channel=words,
            type=words,
            severity=words,
            title=words,
            message=words,
            create_time_ms=moments,
            due_time_ms=moments,
            alert_key=words,
        ),
        st.builds(
            MarkNotification,
            notification_id=letters,
            state=st.sampled_from(NotificationState),
            title=words,
            message=words,
            attempt_count=few,
            error=words,
            send_time_ms=st.one_of(st.none(), moments),
            suppressed_count=few,
        ),
        st.builds(
            AddDeadLetter,
            dead_letter_id=letters,
            time_ms=moments,
            actor=words,
            message_type=words,
            message=words,
            error=words,
            fact=words,
        ),
        st.builds(ResolveDeadLetter, dead_letter_id=letters, time_ms=moments, result=words),
        st.builds(SaveEngineState, world=worlds, name=words, value=words, who=words, time_ms=moments),
        st.builds(
            SaveInstruments, account=st.sampled_from(["paper", "other"]), instruments=instruments, time_ms=moments
        ),
        st.builds(
            SaveDrift,
            drift_id=few.map(str),
            account=st.just("paper"),
            symbol=words,
            kind=st.sampled_from(DriftKind),
            subject=words,
            message=words,
            create_time_ms=moments,
            state=st.sampled_from(DriftState),
            shortfall=amounts,
        ),
        st.builds(
            AddBooking,
            account=st.just("paper"),
            booking_id=few.map(str),
            group_id=group_ids(),
            symbol=words,
            kind=st.sampled_from(BookingKind),
            cause=words,
            trade=st.none() | trades,
            amount=amounts,
            time_ms=moments,
        ),
        st.builds(MarkBooked, account=st.just("paper"), booking_id=few.map(str), group_id=group_ids(), time_ms=moments),
    )
    return row.map(lambda one: (one,))


commits = st.lists(st.one_of(opening(), change(), waiting(), alone(), alone(), alone()), max_size=4).map(
    lambda parts: tuple(row for part in parts for row in part)
)
batches = st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), commits), max_size=4)


@pytest.mark.rule("REC-2")
@settings(max_examples=60, deadline=None)
@given(st.lists(batches, min_size=1, max_size=5))
def test_both_take_and_refuse_the_same_rows_and_load_the_same(
    run: list[list[tuple[str, tuple[Row, ...]]]],
) -> None:
    with TemporaryDirectory() as folder:
        real = towns.opened(Path(folder))
        reader = Reader(real.source())
        try:
            twins = Twins(real, reader)
            for batch in run:
                twins.apply(batch)
            twins.compare(T0 + 2)
            for number in range(4):
                for draft_id in ("", "draft", "one", "two"):
                    twins.draft_answer(
                        Settle(
                            draft_id=draft_id,
                            signal_id=f"signal-{number}",
                            incarnation=1,
                            reply_to="pool/paper",
                        )
                    )
        finally:
            reader.close()
            real.close()


@pytest.mark.rule("REC-1", "REC-2")
@pytest.mark.parametrize("seed", [4, 5, 9])
def test_an_engine_disturbed_in_every_way_cannot_tell_the_two_apart(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch of the run goes to both, and each load of a new process is made from both."""
    twins: list[Twins] = []

    def both(folder: Path) -> Twins:
        real = opened_town(folder)
        twins.append(Twins(real, Reader(real.source())))
        return twins[-1]

    opened_town = towns.opened
    monkeypatch.setattr(towns, "opened", both)
    with crowd_run(tmp_path, seed, faults=12) as town:
        twins[0].compare(town.system.now_ms())
        assert len(twins[0].memory.signals) > 10
        assert twins[0].memory.trades
    twins[0].reader.close()


def test_a_copy_goes_its_own_way() -> None:
    store = MemoryStore()
    store.apply([("a", samples.opening(1))])
    other = store.copy()
    other.apply([("a", samples.opening(2))])
    store.apply([("a", samples.opening(3))])
    ids = [samples.group(number).group_id for number in range(4)]
    assert store.live_group_ids() == [ids[1], ids[3]]
    assert other.live_group_ids() == [ids[1], ids[2]]
    assert [stored.sequence for stored in other.events] == [1, 2]
    assert other.load_group(ids[1]) is store.load_group(ids[1])


def test_what_was_saved_is_loaded_as_the_very_value_it_was() -> None:
    store, group = MemoryStore(), samples.group(1)
    store.apply([("a", tuple(changes(None, group)))])
    assert store.load_group(group.group_id) is group


def test_a_row_of_a_part_that_was_forgotten_is_missing_when_the_group_is_loaded() -> None:
    """The rows are what is stored, not the value that the group's own row carries."""
    store, group = MemoryStore(), samples.group(1)
    rows = [row for row in changes(None, group) if not isinstance(row, SaveOrder)]
    store.apply([("a", rows)])
    assert store.load_group(group.group_id) == replace(group, orders={})


def test_an_unforeseen_error_leaves_nothing_of_its_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()

    def fail(*_: object) -> bool:
        raise RuntimeError("unforeseen")

    monkeypatch.setitem(WRITES, SaveOrder, fail)
    with pytest.raises(RuntimeError):
        store.apply([("a", (samples.event(),)), ("b", samples.opening(1))])
    assert (list(store.groups), list(store.events), dict(store.signals)) == ([], [], {})
