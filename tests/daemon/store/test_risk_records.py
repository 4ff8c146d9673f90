"""Risk actions and equity: stored whole, loaded, listed, thinned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.rules.choices import World
from actors.rules.records import AddEquity, AddProfit, SaveRiskAction, changes
from actors.rules.risk_model import (
    OffsetPlan,
    OffsetWinner,
    RiskAction,
    RiskActionState,
    RiskStep,
    RiskStepKind,
)
from daemon.store import risk_rows
from daemon.store.found import RiskActionFilter
from daemon.store.pages import BadPageToken, Page
from daemon.store.read import Reader
from daemon.store.store import EQUITY_SPAN_MS, SqliteStore
from tests.daemon.store import samples, strategies
from tests.daemon.store.samples import T0
from tests.daemon.store.test_read import all_pages

ALWAYS = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqliteStore, Reader]]:
    data_dir = tmp_path_factory.mktemp("store")
    store = samples.opened(data_dir)
    reader = Reader(data_dir / "terrace.db")
    yield store, reader
    reader.close()
    store.close()


def winner(group_id: str) -> OffsetWinner:
    return OffsetWinner(
        group_id=group_id,
        account="paper",
        symbol="ETH/USDT",
        quantity=Decimal("20.0"),
        expected_profit=Decimal(80),
        is_whole=False,
        worst_price=Decimal("101.5"),
    )


def action(number: int = 0, state: RiskActionState = RiskActionState.RUNNING, **changed: object) -> RiskAction:
    plain = RiskAction(
        action_id=f"a{number:03}",
        world=World.PAPER,
        quote="USDT",
        state=state,
        plan=OffsetPlan(loser_group_id="loser", quote="USDT", required=Decimal(120), winners=(winner("winner"),)),
        steps=(RiskStep(index=0, kind=RiskStepKind.CLOSE_WINNER, group_id="winner", quantity=Decimal("20.0")),),
        create_time_ms=T0 + number,
        end_time_ms=T0 + number + 5 if state.is_final else None,
        inputs={"mark of loser": "97.25"},
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def save(store: SqliteStore, *actions: RiskAction) -> None:
    rows = tuple(SaveRiskAction(action=one) for one in actions)
    assert store.apply([("risk/paper", rows)])[0].broken is None


# --- risk actions ---------------------------------------------------------------------------------


@ALWAYS
@given(drawn=strategies.any_of(RiskAction))
@pytest.mark.rule("RISK-10")
def test_a_risk_action_is_read_as_it_was_saved(shared: tuple[SqliteStore, Reader], drawn: RiskAction) -> None:
    store, reader = shared
    connection = store._connected()
    connection.execute("DELETE FROM risk_action_groups")
    connection.execute("DELETE FROM risk_actions")
    save(store, drawn)
    listed = reader.list_risk_actions(RiskActionFilter(world=drawn.world))
    assert isinstance(listed, Page)
    assert listed.items == (drawn,)
    state = store.load_risk(drawn.world)
    assert (state.actions, state.last) == (((), drawn) if drawn.state.is_final else ((drawn,), None))


@pytest.mark.rule("RISK-7", "RISK-10")
def test_the_risk_engine_gets_what_has_not_ended_and_the_newest_that_has(store: SqliteStore) -> None:
    assert store.load_risk(World.PAPER).actions == ()
    assert store.load_risk(World.PAPER).last is None
    done, stopped = action(1, RiskActionState.DONE), action(2, RiskActionState.STOPPED)
    planned, running = action(4, RiskActionState.PLANNED), action(3)
    elsewhere = action(9, RiskActionState.DONE, world=World.LIVE)
    save(store, planned, done, running, stopped, elsewhere)
    state = store.load_risk(World.PAPER)
    assert state.actions == (running, planned)
    assert state.last == stopped
    ended = replace(running, state=RiskActionState.PARTIAL, end_time_ms=T0 + 99, realized_profit=Decimal("119.5"))
    save(store, ended)
    state = store.load_risk(World.PAPER)
    assert state.actions == (planned,)
    assert state.last == ended


@pytest.mark.rule("RISK-10")
def test_actions_are_listed_newest_first_by_group_state_and_time(store: SqliteStore, reader: Reader) -> None:
    other = OffsetPlan(loser_group_id="else", quote="USDT", winners=(winner("winner"), winner("third")))
    actions = [
        action(1, RiskActionState.DONE),
        action(2, RiskActionState.SKIPPED, plan=other, steps=()),
        action(3, RiskActionState.DONE, plan=OffsetPlan(loser_group_id="", quote="USDT"), steps=()),
        action(4),
        action(5, world=World.LIVE),
    ]
    save(store, *actions)
    first, second, third, fourth, live = actions

    def listed(size: int = 0, **wanted: object) -> list[RiskAction]:
        chosen = RiskActionFilter(**wanted)  # type: ignore[arg-type]
        return all_pages(lambda token: reader.list_risk_actions(chosen, size=size, token=token), size or 100)

    assert listed() == [live, fourth, third, second, first]
    assert listed(size=2, world=World.PAPER) == [fourth, third, second, first]
    assert listed(group_id="winner", world=World.PAPER) == [fourth, second, first]
    assert listed(group_id="loser") == [live, fourth, first]
    assert listed(group_id="third") == [second]
    assert listed(group_id="nobody") == []
    assert listed(states=(RiskActionState.DONE,)) == [third, first]
    assert listed(start_ms=T0 + 2, end_ms=T0 + 4) == [third, second]
    assert isinstance(reader.list_risk_actions(token="no token"), BadPageToken)


def test_a_group_that_takes_part_later_is_found_too(store: SqliteStore, reader: Reader) -> None:
    first = action(1)
    save(store, first)
    more = RiskStep(index=1, kind=RiskStepKind.CLOSE_LOSER, group_id="late")
    save(store, replace(first, steps=(*first.steps, more)))
    found = reader.list_risk_actions(RiskActionFilter(group_id="late"))
    assert isinstance(found, Page)
    assert [one.action_id for one in found.items] == ["a001"]
    assert risk_rows.groups_of(first) == {"loser", "winner"}


# --- the ledger and equity ------------------------------------------------------------------------


@ALWAYS
@given(row=strategies.any_of(AddProfit))
def test_a_row_of_the_ledger_is_read_as_it_was_saved(shared: tuple[SqliteStore, Reader], row: AddProfit) -> None:
    assert risk_rows.read_profit(risk_rows.saved_profit(row)) == row
    store = shared[0]
    group = samples.group(1)
    row = replace(row, group_id=group.group_id)
    store._connected().execute("DELETE FROM profits")
    assert store.apply([("g", (*changes(None, group), row))])[0].broken is None
    names = risk_rows.PROFIT.select()
    (stored,) = store._connected().execute(f"SELECT {names} FROM profits").fetchall()
    assert risk_rows.read_profit(stored) == row


def test_profit_of_a_group_that_is_not_there_is_a_broken_constraint(store: SqliteStore) -> None:
    (row,) = (row for row in changes(None, samples.group(1, realized=Decimal(1))) if isinstance(row, AddProfit))
    broken = store.apply([("g", (row,))])[0].broken
    assert broken is not None
    assert broken.constraint == "reference"


@ALWAYS
@given(rows=st.lists(strategies.any_of(AddEquity), max_size=4))
@pytest.mark.rule("PNL-4")
def test_equity_is_read_as_it_was_saved_oldest_first(shared: tuple[SqliteStore, Reader], rows: list[AddEquity]) -> None:
    store, reader = shared
    store._connected().execute("DELETE FROM equity")
    assert store.apply([("pool", tuple(rows))])[0].broken is None
    for world in World:
        newest = {row.time_ms: row for row in rows if row.world is world}
        assert reader.equity(world) == tuple(newest[time_ms] for time_ms in sorted(newest))


def snapshot(time_ms: int, world: World = World.PAPER) -> AddEquity:
    return AddEquity(
        time_ms=time_ms, world=world, equity=Decimal(time_ms), realized=Decimal(1), unrealized=Decimal("-0.5")
    )


@pytest.mark.rule("PNL-4")
def test_a_long_curve_is_thinned_evenly_and_keeps_its_newest_point(store: SqliteStore, reader: Reader) -> None:
    rows = tuple(snapshot(T0 + 100 * number) for number in range(1000))
    store.apply([("pool", (*rows, snapshot(T0 + 5, World.LIVE)))])
    assert reader.equity(World.PAPER) == rows
    thin = reader.equity(World.PAPER, points=10)
    assert thin == rows[99::100]
    assert thin[-1] == rows[-1]
    assert reader.equity(World.PAPER, points=1) == rows[-1:]
    some = reader.equity(World.PAPER, start_ms=T0 + 150, end_ms=T0 + 400, points=100)
    assert some == rows[2:4]
    assert reader.equity(World.PAPER, start_ms=T0 * 2) == ()


def test_old_equity_is_thinned_to_the_last_of_each_hour_and_new_is_left_alone(
    store: SqliteStore, reader: Reader, tmp_path: Path
) -> None:
    hour = T0 - T0 % EQUITY_SPAN_MS
    times = [hour + minutes * 60_000 for minutes in (0, 20, 40, 60, 70, 120, 130, 140)]
    rows = [snapshot(time_ms) for time_ms in times]
    incomplete = replace(rows[0], time_ms=hour - 1, equity=None)
    other = snapshot(hour + 1, World.LIVE)
    store.apply([("pool", (incomplete, *rows, other))])
    limit_ms = hour + 130 * 60_000
    assert store.prune(0, limit_ms) == 3
    assert store.prune(0, limit_ms) == 0
    kept = [incomplete, rows[0], rows[2], rows[4], rows[6], rows[7]]
    assert list(reader.equity(World.PAPER)) == kept, "the curve starts from the first that is complete"
    assert reader.equity(World.LIVE) == (other,)
