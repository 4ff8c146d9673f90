"""The ledger of profit: what commits put into it, what Pool gets of it, that it adds up, what an old store gets."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.messages import RECENT_CLOSED, ClosedGroup
from actors.rules.choices import World
from actors.rules.model import Group, GroupState, Side
from actors.rules.money import CONTEXT, ZERO
from actors.rules.records import AddProfit, SaveGroup, changes
from daemon.store import group_rows, ledger, migrate, tools
from daemon.store.database import open_writer, raw
from daemon.store.store import PROFITS_MS, SqliteStore
from daemon.store.tools import Checked
from tests.daemon.store import samples
from tests.daemon.store.samples import T0

URL = "sqlite:///terrace.db"
QUARTER_MS = ledger.BUCKET_MS


def save(store: SqliteStore, old: Group | None, new: Group) -> None:
    assert store.apply([("group", tuple(changes(old, new)))])[0].broken is None


def earned(group: Group, realized: str, fees: str, time_ms: int) -> Group:
    return replace(group, realized=Decimal(realized), fees=Decimal(fees), update_time_ms=time_ms)


def closed(number: int, realized: str, time_ms: int, **changed: object) -> Group:
    """A group that closed then, without its ladder's rows."""
    group = replace(samples.group(number), pyramids=(), orders={}, state=GroupState.CLOSED)
    group = replace(group, realized=Decimal(realized), update_time_ms=time_ms, close_time_ms=time_ms)
    return replace(group, **changed)  # type: ignore[arg-type]


def rows_of(store: SqliteStore, group_id: str) -> list[tuple[int, str, str]]:
    sql = "SELECT time_ms, realized, fees FROM profits WHERE group_id = ? ORDER BY id"
    return list(store._rows(sql, (group_id,)))


# --- what a commit adds ---------------------------------------------------------------------------


@pytest.mark.rule("PNL-3")
def test_a_commit_adds_what_it_changed_of_profit_and_fees_and_nothing_where_it_changed_neither() -> None:
    group = samples.group(1)
    assert [row for row in changes(None, group) if isinstance(row, AddProfit)] == []
    first = earned(group, "-0.5", "0.5", T0 + 10)
    (bought,) = (row for row in changes(group, first) if isinstance(row, AddProfit))
    assert (bought.time_ms, bought.realized, bought.fees) == (T0 + 10, Decimal("-0.5"), Decimal("0.5"))
    assert (bought.group_id, bought.account, bought.symbol) == (group.group_id, "paper", "BTC/USDT")
    assert (bought.timeframe, bought.quote, bought.side, bought.world) == ("2m", "USDT", Side.LONG, World.PAPER)
    second = earned(first, "12.25", "1.75", T0 + 20)
    (sold,) = (row for row in changes(first, second) if isinstance(row, AddProfit))
    assert (sold.time_ms, sold.realized, sold.fees) == (T0 + 20, Decimal("12.75"), Decimal("1.25"))
    quiet = replace(second, update_time_ms=T0 + 30, risk_skip=True)
    assert [type(row) for row in changes(second, quiet)] == [SaveGroup]
    (whole,) = (row for row in changes(None, second) if isinstance(row, AddProfit))
    assert (whole.realized, whole.fees) == (second.realized, second.fees), "a new group brings all of it"


amounts = st.decimals(-(10**12), 10**12, places=18, allow_nan=False)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(st.tuples(amounts, amounts), max_size=8))
@pytest.mark.rule("PNL-3")
def test_the_rows_of_a_group_add_up_to_what_it_realised_and_paid(steps: list[tuple[Decimal, Decimal]]) -> None:
    groups: list[Group] = [samples.group(1)]
    rows = list(changes(None, groups[0]))
    for realized, fees in steps:
        groups.append(replace(groups[-1], realized=realized, fees=fees))
        rows += changes(groups[-2], groups[-1])
    profits = [row for row in rows if isinstance(row, AddProfit)]
    assert sum((row.realized for row in profits), ZERO) == groups[-1].realized
    assert sum((row.fees for row in profits), ZERO) == groups[-1].fees


# --- what Pool gets -------------------------------------------------------------------------------


@pytest.mark.rule("POOL-3")
def test_pool_gets_the_profit_of_the_last_days_by_the_quarter_and_quote(store: SqliteStore) -> None:
    noon = T0 - T0 % 86_400_000
    euro = replace(samples.INSTRUMENT, quote="EUR")
    group, other = samples.group(1), samples.group(2, instrument=euro)
    save(store, None, group)
    save(store, None, other)
    save(store, None, samples.group(3, world=World.LIVE, realized=Decimal(1000), update_time_ms=noon))
    before = group
    for realized, time_ms in (
        ("-100", noon - PROFITS_MS - 1),
        ("-90", noon - PROFITS_MS),
        ("-90.5", noon + 1),
        ("-91", noon + QUARTER_MS - 1),
        ("-80", noon + QUARTER_MS),
    ):
        after = earned(before, realized, "0", time_ms)
        save(store, before, after)
        before = after
    save(store, other, earned(other, "3", "0", noon + 2))
    state = store.load_pool(World.PAPER, 10, noon)
    assert state.profits == (
        (noon - PROFITS_MS, "USDT", Decimal(10)),
        (noon, "USDT", Decimal(-1)),
        (noon, "EUR", Decimal(3)),
        (noon + QUARTER_MS, "USDT", Decimal(11)),
    )
    assert state.realized == {"USDT": Decimal(-80), "EUR": Decimal(3)}
    assert store.load_pool(World.LIVE, 10, noon).realized == {"USDT": Decimal(1000)}


@pytest.mark.rule("POOL-3")
def test_pool_s_sums_of_all_time_are_those_of_live_and_closed_groups(store: SqliteStore) -> None:
    save(store, None, closed(1, "-7.000000000000000001", T0))
    save(store, None, closed(2, "5", T0 + 1))
    save(store, None, samples.group(3, realized=Decimal("0.5")))
    save(store, None, samples.group(4, realized=Decimal("0.25"), state=GroupState.CLOSING))
    expected = Decimal("-1.250000000000000001")
    assert store.load_pool(World.PAPER, 10, T0).realized == {"USDT": expected}
    rows = store._connected().execute("SELECT realized FROM profits").fetchall()
    assert sum((Decimal(text) for (text,) in rows), ZERO) == expected


@pytest.mark.rule("POOL-3")
def test_pool_gets_the_newest_closed_groups_the_last_to_close_at_the_end(store: SqliteStore) -> None:
    for number, time_ms in ((1, T0 + 30), (2, T0 + 10), (3, T0 + 20)):
        save(store, None, closed(number, f"-{number}", time_ms))
    save(store, None, closed(4, "1", T0 + 99, world=World.LIVE))
    save(store, None, samples.group(5))
    found = store.load_pool(World.PAPER, 10, T0).recent_closed
    assert found[0] == ClosedGroup(
        group_id="g00000000002", key=samples.key(2), quote="USDT", realized=Decimal(-2), close_time_ms=T0 + 10
    )
    assert [group.close_time_ms for group in found] == [T0 + 10, T0 + 20, T0 + 30]
    newest = ledger.recent_closed(store._rows, World.PAPER, 2)
    assert [group.group_id for group in newest] == ["g00000000003", "g00000000001"]
    assert RECENT_CLOSED >= 1_000


@pytest.mark.store("sqlite")
@pytest.mark.parametrize("name", ["_PROFITS", "_OF_CLOSED", "_OF_LIVE", "_RECENT_CLOSED"])
def test_pool_s_sums_read_narrow_rows_only(store: SqliteStore, name: str) -> None:
    sql = getattr(ledger, name)
    plan = store._connected().execute(f"EXPLAIN QUERY PLAN {sql}", ("paper", 1)[: sql.count("?")]).fetchall()
    step = plan[0][3]
    assert step.startswith("SEARCH")
    assert ("COVERING INDEX" in step) == (name != "_OF_LIVE")


# --- the check ------------------------------------------------------------------------------------


def checked(data_dir: Path, *, full: bool = True) -> Checked:
    found = tools.check(URL, data_dir, full=full)
    assert isinstance(found, Checked)
    return found


@pytest.mark.store("sqlite")
@pytest.mark.rule("PNL-3")
def test_a_full_check_finds_a_group_whose_ledger_does_not_add_up(store: SqliteStore, tmp_path: Path) -> None:
    group = samples.group(1)
    save(store, None, group)
    save(store, group, earned(group, "10.0", "1", T0 + 1))
    save(store, None, closed(2, "5", T0))
    assert checked(tmp_path).is_well
    store._connected().execute("UPDATE profits SET realized = '9.99' WHERE group_id = 'g00000000001'")
    assert checked(tmp_path, full=False).is_well
    (problem,) = checked(tmp_path).problems
    assert "g00000000001 realised 10.0 and paid 1, its ledger says 9.99 and 1" in problem
    store._connected().execute("DELETE FROM profits WHERE group_id = 'g00000000002'")
    assert len(checked(tmp_path).problems) == 2


# --- an old store ---------------------------------------------------------------------------------


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder whose store has the schema of before the ledger, with groups in it."""
    folder = tmp_path / "old"
    folder.mkdir()
    samples.opened(folder).close()
    database = open_writer(folder / "terrace.db", "full")
    while migrate.applied(database)[-1] >= "005":
        migrate.rollback(database)
    ladder = samples.group(1).pyramids[0]
    legs = tuple(replace(leg, bought_cost=Decimal(cost)) for leg, cost in zip(ladder.legs, COSTS, strict=True))
    done = closed(1, "12.5", T0 + 500, fees=Decimal("0.75"), pyramids=(replace(ladder, legs=legs),))
    live = replace(samples.group(2), realized=Decimal("-0.25"), fees=Decimal("0.25"), update_time_ms=T0 + 400)
    for group in (done, live, samples.group(3), closed(4, "0.00", T0 + 600)):
        insert(raw(database), group)
    database.close()
    return folder


COSTS = ("100", "99.5", "0.000000000000000001", "0", "0")


def insert(connection: sqlite3.Connection, group: Group) -> None:
    """The group's rows, with the columns its table has."""
    for row in changes(None, group):
        written = {
            "SaveGroup": (group_rows.SAVED_GROUP, group_rows.saved_group),
            "SavePyramid": (group_rows.PYRAMID, group_rows.saved_pyramid),
            "SaveLeg": (group_rows.LEG, group_rows.saved_leg),
            "SaveOrder": (group_rows.ORDER, group_rows.saved_order),
        }.get(type(row).__name__)
        if written is None:
            continue
        columns, params = written
        values = dict(zip(columns.names, params(row), strict=True))  # type: ignore[operator]
        names = [info[1] for info in connection.execute(f"PRAGMA table_info({columns.table})") if info[1] in values]
        marks = ", ".join("?" * len(names))
        sql = f"INSERT INTO {columns.table} ({', '.join(names)}) VALUES ({marks})"
        connection.execute(sql, [values[name] for name in names])


@pytest.mark.rule("PNL-3")
def test_an_old_store_gets_one_row_per_group_that_earned_or_paid_and_adds_up(old: Path) -> None:
    store = samples.opened(old)
    try:
        assert rows_of(store, "g00000000001") == [(T0 + 500, "12.5", "0.75")]
        assert rows_of(store, "g00000000002") == [(T0 + 400, "-0.25", "0.25")]
        assert rows_of(store, "g00000000003") == rows_of(store, "g00000000004") == []
        row = (
            store._connected()
            .execute("SELECT account, symbol, timeframe, quote, side FROM profits ORDER BY id DESC")
            .fetchone()
        )
        assert row == ("paper", "BTC/USDT", "2m", "USDT", "long")
        invested = store._connected().execute("SELECT invested FROM position_groups ORDER BY id").fetchall()
        assert invested == [("199.500000000000000001",), ("0",), ("0",), ("0",)]
        assert checked(old).is_well
        assert store.load_pool(World.PAPER, 10, T0).realized == {"USDT": Decimal("12.25")}
        live = store.load_group("g00000000002")
        assert live is not None
        assert (live.trails, live.cuts, live.stop_price, live.reverse, live.risk_blocked) == ({}, (), None, None, False)
        save(store, live, earned(live, "1", "0.5", T0 + 900))
        assert checked(old).is_well
    finally:
        store.close()


def test_the_schema_goes_down_and_up_again_and_loses_only_what_it_added(old: Path) -> None:
    samples.opened(old).close()
    database = open_writer(old / "terrace.db", "full")
    before = dump(raw(database), "position_groups")
    assert migrate.rollback(database) == "012_config_changes"
    assert migrate.rollback(database) == "011_epoch"
    assert migrate.rollback(database) == "010_notifications"
    assert migrate.rollback(database) == "009_audit"
    assert migrate.rollback(database) == "008_oversold"
    assert migrate.rollback(database) == "007_replays"
    assert migrate.rollback(database) == "006_dead_letters"
    assert migrate.rollback(database) == "005_risk"
    names = {name for (name,) in raw(database).execute("SELECT name FROM sqlite_master")}
    assert {"profits", "equity", "risk_action_groups"} & names == set()
    assert {"equity_snapshots", "risk_actions", "position_groups_closed"} <= names
    columns = {row[1] for row in raw(database).execute("PRAGMA table_info(position_groups)")}
    assert {"trails", "reverse", "invested"} & columns == set()
    database.close()
    samples.opened(old).close()
    database = open_writer(old / "terrace.db", "full")
    assert dump(raw(database), "position_groups") == before
    assert len(dump(raw(database), "profits")) == 2
    database.close()


def dump(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


# --- retention ------------------------------------------------------------------------------------


def test_the_ledger_is_never_pruned(store: SqliteStore) -> None:
    group = samples.group(1)
    save(store, None, group)
    save(store, group, earned(group, "1", "0", 1))
    assert store.prune(T0 * 2, T0 * 2) == 0
    assert rows_of(store, group.group_id) == [(1, "1", "0")]


def test_exact_sums_of_the_migration_keep_every_place() -> None:
    from importlib import import_module

    total = import_module("daemon.store.migrations.005_risk").ExactSum()
    parts = ("123456789012345678", "0.00000000000000000000000000000001", "-1")
    for text in parts:
        total.step(text)
    expected = ZERO
    for text in parts:
        expected = CONTEXT.add(expected, Decimal(text))
    assert Decimal(total.finalize()) == expected == Decimal("123456789012345677.00000000000000000000000000000001")
