"""What reports ask the store: what was invested, volume, narrow indexes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actors.rules.choices import World
from actors.rules.model import Group, GroupState
from actors.rules.records import changes
from daemon.store import read_groups, read_reports
from daemon.store.found import Volume
from daemon.store.read import Reader
from daemon.store.store import SqliteStore
from tests.daemon.store import samples
from tests.daemon.store.samples import T0

DAY_MS = 86_400_000


def save(store: SqliteStore, *groups: Group) -> None:
    for group in groups:
        assert store.apply([("group", tuple(changes(None, group)))])[0].broken is None


def invested(store: SqliteStore) -> str:
    (found,) = store._connected().execute("SELECT invested FROM position_groups").fetchone()
    return str(found)


@pytest.mark.rule("PNL-4")
def test_what_all_legs_of_a_group_cost_is_kept_beside_it_once_it_is_closed(store: SqliteStore) -> None:
    live = samples.group(1)
    legs = tuple(replace(leg, bought_cost=Decimal("0.000000000000000001") + leg.index) for leg in live.legs())
    live = replace(live, pyramids=(replace(live.pyramids[0], legs=legs),))
    save(store, live)
    assert invested(store) == "0"
    done = replace(live, state=GroupState.CLOSED, close_time_ms=T0)
    assert store.apply([("group", tuple(changes(live, done)))])[0].broken is None
    assert invested(store) == "10.000000000000000005"


@pytest.mark.rule("PNL-4")
def test_volume_counts_every_fill_of_ours_in_quote(store: SqliteStore, reader: Reader) -> None:
    def filled(number: int, *times_ms: int, **changed: object) -> Group:
        group = samples.group(number, legs=1, **changed)
        order = next(iter(group.orders.values()))
        trades = (samples.trade(place, time_ms=time_ms) for place, time_ms in enumerate(times_ms))
        return samples.with_order(group, samples.filled(order, *trades))

    contracts = replace(samples.INSTRUMENT, contract_size=Decimal("0.01"), quote="EUR")
    save(store, filled(1, T0, T0 + DAY_MS), filled(2, T0 + 1, instrument=contracts), filled(3, T0, world=World.LIVE))
    edges = (T0, T0 + DAY_MS, T0 + 2 * DAY_MS)
    assert reader.volumes(World.PAPER, edges_ms=edges) == (
        Volume(period=0, quote="EUR", notional=Decimal("0.09999"), fills=1),
        Volume(period=0, quote="USDT", notional=Decimal("9.999"), fills=1),
        Volume(period=1, quote="USDT", notional=Decimal("9.999"), fills=1),
    )
    (one,) = reader.volumes(World.PAPER, edges_ms=(T0 - 1, T0 + 1))
    assert (one.notional, one.fills) == (Decimal("9.999"), 1)
    assert reader.volumes(World.PAPER, edges_ms=(T0 + 2, T0 + DAY_MS)) == ()


@pytest.mark.store("sqlite")
def test_reports_enter_narrow_indexes(store: SqliteStore, reader: Reader) -> None:
    """A hundred thousand closed groups are read off one index, never off their wide rows."""
    plans: list[str] = []

    with reader._snapshot() as snapshot:

        def explain(query: Any) -> list[tuple[Any, ...]]:
            sql, parameters = snapshot._compile().sql(query).query()  # type: ignore[attr-defined]
            plans.append("; ".join(row[3] for row in snapshot.execute(f"EXPLAIN QUERY PLAN {sql}", tuple(parameters))))
            return []

        read_groups.closed_groups(explain, World.PAPER, T0, None, 10)
        read_groups.realized_totals(explain, World.PAPER, None, None)
        read_reports.volumes(explain, World.PAPER, (T0, T0 + 1))
    wanted = ("COVERING INDEX position_groups_closed", "COVERING INDEX position_groups_closed", "INDEX fills_time")
    for plan, index in zip(plans, wanted, strict=True):
        assert plan.startswith("SEARCH"), plan
        assert index in plan, plan
        assert "TEMP B-TREE" not in plan
