"""Events that the table does not take: their commit is refused alone, and the audit trail goes on behind the others."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from actors.ports import StoreFault
from actors.rules.records import AddEvent
from daemon.api.recorder import Recorder
from daemon.notes import Notes
from daemon.store.audit_verify import Check, verify
from daemon.store.found import EventFilter
from daemon.store.pages import Page
from daemon.store.read import Reader
from daemon.store.store import SqlStore
from tests.daemon.store import samples


def without_words() -> AddEvent:
    """What a bug could make."""
    nothing: Any = None
    return replace(samples.event("x"), message=nothing)


def check(store: SqlStore) -> tuple[bool, int]:
    source = store.source()
    found = verify(source.snapshot, store.keys, Check())
    source.close()
    return found.valid, found.checked


@pytest.mark.rule("LOG-3", "REC-2")
def test_an_event_with_nothing_where_something_must_be_refuses_its_own_commit_alone(store: SqlStore) -> None:
    batch = [("a", samples.opening(1)), ("b", (samples.event("b"), without_words())), ("c", samples.opening(2))]
    first, second, third = store.apply(batch)
    assert (first.broken, third.broken) == (None, None)
    assert second.broken is not None
    assert store.live_group_ids() == [samples.group(1).group_id, samples.group(2).group_id]
    assert check(store) == (True, len(first.events) + len(third.events))


@pytest.mark.rule("LOG-3", "REC-4")
def test_a_row_that_took_the_next_sequence_costs_one_batch_and_not_every_one_after_it(store: SqlStore) -> None:
    store.apply([("a", samples.opening(1))])
    columns = "time_ms, severity, category, type, message, world, account, symbol, timeframe, signal_id, group_id"
    columns += ", client_order_id, attributes"
    taken = "SELECT max(sequence) + 1, " + columns + " FROM events GROUP BY " + columns + " LIMIT 1"
    store._link.connected().execute(f"INSERT INTO events (sequence, {columns}) {taken}")  # type: ignore[attr-defined]
    with pytest.raises(StoreFault):
        store.apply([("b", samples.opening(2))])
    assert store.live_group_ids() == [samples.group(1).group_id]
    (again,) = store.apply([("b", samples.opening(2))])
    assert again.broken is None
    assert not check(store)[0], "what was put in is found"


@pytest.mark.rule("LOG-3")
def test_no_letter_of_a_caller_keeps_a_line_out_of_the_trail(store: SqlStore) -> None:
    """Whoever could have it refused would leave no trace."""
    engine: Any = SimpleNamespace(clock=SimpleNamespace(now_ms=lambda: samples.T0))
    recorder = Recorder(engine)
    notes = Notes(recorder, engine.clock)
    for odd in ("a\0b", "a\ud800b", "\0"):
        called = recorder.event("api.call", f"operator called X ({odd})", {"who": "operator", "comment": odd})
        noted = notes.event("exchange", "info", "odd", f"operator: {odd}", {"comment": odd})
        (applied,) = store.apply([("a", (called, noted))])
        assert applied.broken is None, (odd, applied)
    assert check(store) == (True, 6)
    reader = Reader(store.source())
    found = reader.list_events(EventFilter(text="operator"))
    reader.close()
    assert isinstance(found, Page)
    assert len(found.items) == 6
