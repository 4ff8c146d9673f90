"""What is stored comes back as it was, whatever the values."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.rules.choices import World
from actors.rules.model import Group, Outcome, Queued, Signal
from actors.rules.records import AddEvent, SaveInstruments, SaveQueued, changes
from daemon.store import tables
from daemon.store.read import Reader
from daemon.store.store import SqliteStore
from tests.daemon.store import samples, strategies

ALWAYS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqliteStore, Reader]]:
    data_dir = tmp_path_factory.mktemp("store")
    store = samples.opened(data_dir)
    reader = Reader(data_dir / "terrace.db")
    yield store, reader
    reader.close()
    store.close()


def emptied(store: SqliteStore) -> SqliteStore:
    """The same store with nothing in it."""
    connection = store._connected()
    for table in reversed(tables.TABLES):
        if table is not tables.Meta:
            connection.execute(f"DELETE FROM {table._meta.table_name}")
    return store


def save(store: SqliteStore, old: Group | None, new: Group) -> None:
    assert store.apply([("group", tuple(changes(old, new)))])[0].broken is None


@ALWAYS
@given(data=st.data(), group=strategies.groups())
@pytest.mark.rule("REC-1")
def test_a_group_is_loaded_as_it_was_saved(
    shared: tuple[SqliteStore, Reader], data: st.DataObject, group: Group
) -> None:
    store, reader = emptied(shared[0]), shared[1]
    save(store, None, group)
    assert store.load_group(group.group_id) == group
    changed = data.draw(strategies.later(group))
    save(store, group, changed)
    assert store.load_group(group.group_id) == changed
    assert reader.get_group(group.group_id) == changed
    assert store.live_groups() == ([] if changed.is_closed else [changed])


@ALWAYS
@given(group=strategies.groups())
def test_orders_come_back_in_the_order_they_were_made(shared: tuple[SqliteStore, Reader], group: Group) -> None:
    store = emptied(shared[0])
    save(store, None, group)
    loaded = store.load_group(group.group_id)
    assert loaded is not None
    assert list(loaded.orders) == list(group.orders)


@ALWAYS
@given(signal=strategies.signals, outcome=st.sampled_from(Outcome), text=strategies.texts)
@pytest.mark.rule("SIG-9", "SIG-10")
def test_a_signal_is_read_as_it_was_saved(
    shared: tuple[SqliteStore, Reader], signal: Signal, outcome: Outcome, text: str
) -> None:
    store, reader = emptied(shared[0]), shared[1]
    row = replace(samples.save(signal, outcome, group_id=text), detail=text)
    assert store.apply([("pool", (row,))])[0].broken is None
    stored = reader.get_signal(signal.signal_id)
    assert stored is not None
    assert (stored.signal, stored.outcome, stored.detail, stored.group_id) == (signal, outcome, text, text)


@ALWAYS
@given(queued=strategies.queued, world=st.sampled_from(World))
@pytest.mark.rule("QUE-5")
def test_a_queued_signal_is_loaded_as_it_was_saved(
    shared: tuple[SqliteStore, Reader], queued: Queued, world: World
) -> None:
    store = emptied(shared[0])
    rows = (samples.save(queued.signal, Outcome.QUEUED), SaveQueued(world=world, queued=queued))
    assert store.apply([("queue", rows)])[0].broken is None
    assert store.load_queue(world).entries == (queued,)
    assert store.load_pool(world, 10, 0).waiting == {queued.key: (queued.side, queued.wait_reason)}


@ALWAYS
@given(event=strategies.any_of(AddEvent))
def test_an_event_is_read_as_it_was_saved(shared: tuple[SqliteStore, Reader], event: AddEvent) -> None:
    store, reader = emptied(shared[0]), shared[1]
    (applied,) = store.apply([("pool", (event,))])
    assert [stored.event for stored in applied.events] == [event]
    assert reader.events_after(applied.events[0].sequence - 1) == applied.events


@ALWAYS
@given(rows=st.lists(strategies.any_of(SaveInstruments), min_size=1, max_size=2))
@pytest.mark.rule("PRC-1")
def test_a_catalogue_is_replaced_whole(shared: tuple[SqliteStore, Reader], rows: list[SaveInstruments]) -> None:
    store, reader = emptied(shared[0]), shared[1]
    for row in rows:
        unique = {instrument.symbol: replace(instrument, account="paper") for instrument in row.instruments}
        saved = SaveInstruments(account="paper", instruments=tuple(unique.values()), time_ms=row.time_ms)
        assert store.apply([("gateway", (saved,))])[0].broken is None
    by_bytes = sorted(unique.values(), key=lambda instrument: instrument.symbol.encode())
    assert reader.instruments("paper") == tuple(by_bytes)


@pytest.mark.store("sqlite")
def test_decimals_are_stored_as_plain_text_with_every_digit(store: SqliteStore, tmp_path: Path) -> None:
    group = replace(samples.group(), realized=Decimal("1E+3"), fees=Decimal("0.10000000"), dust=Decimal("1E-20"))
    save(store, None, group)
    row = (
        sqlite3.connect(tmp_path / "terrace.db")
        .execute("SELECT realized, fees, dust, typeof(realized), typeof(create_time_ms) FROM position_groups")
        .fetchone()
    )
    assert row == ("1000", "0.10000000", "0.00000000000000000001", "text", "integer")


def test_groups_of_one_strategy_share_its_settings_in_memory(store: SqliteStore) -> None:
    for number in range(2):
        save(store, None, samples.group(number))
    first, second = store.live_groups()
    assert first.settings is second.settings
    assert first.instrument is second.instrument
