"""Queries about groups, their fills and what they earned."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from peewee import SQL, fn

from actors.rules.choices import World
from actors.rules.model import GroupState
from actors.rules.money import CONTEXT, ZERO
from daemon.store import group_rows
from daemon.store.found import ClosedGroup, Counts, GroupFill, GroupFilter, RealizedTotal
from daemon.store.pages import Place
from daemon.store.query import RunQuery, columns, matching, older_than, within
from daemon.store.signal_rows import SIDES
from daemon.store.tables import CLOSED, NOT_CLOSED, Alert, DeadLetter, QueuedSignal
from daemon.store.tables import Fill as FillTable
from daemon.store.tables import Group as GroupTable

MAX_FILLS = 10_000
MAX_CLOSED = 100_000
"""Most closed groups of one answer."""


def group_places(rows: RunQuery, wanted: GroupFilter, after: Place | None, size: int) -> list[tuple[Place, str]]:
    """Places and ids of the groups of a page and one more, newest first."""
    table = GroupTable
    time_ms = table.close_time_ms if wanted.by_close else table.create_time_ms
    query = table.select(time_ms, table.id, table.group_id)
    conditions = matching(
        [
            (table.world, wanted.world.value if wanted.world else ""),
            (table.account, wanted.account),
            (table.symbol, wanted.symbol),
            (table.timeframe, wanted.timeframe),
            (table.side, wanted.side.value if wanted.side else ""),
        ]
    )
    if wanted.by_close:
        conditions += [SQL(CLOSED), table.close_time_ms.is_null(False)]  # Lets the index of closed groups be used.
    if wanted.states:
        conditions.append(table.state.in_([state.value for state in wanted.states]))
        if GroupState.CLOSED not in wanted.states:
            conditions.append(SQL(NOT_CLOSED))  # Lets the index of live groups be used.
    conditions += within(table.close_time_ms, wanted.close_start_ms, wanted.close_end_ms)
    if wanted.is_gain is not None:
        conditions.append(SQL("CAST(realized AS REAL) > 0" if wanted.is_gain else "CAST(realized AS REAL) < 0"))
    if after is not None:
        conditions.append(older_than(time_ms, table.id, after))
    if conditions:
        query = query.where(*conditions)
    found = rows(query.order_by(time_ms.desc(), table.id.desc()).limit(size + 1))
    return [(Place(at_ms, row_id), group_id) for at_ms, row_id, group_id in found]


def fills_of_group(rows: RunQuery, group_id: str) -> tuple[GroupFill, ...]:
    """In the order in which they were stored, at most `MAX_FILLS`."""
    table = FillTable
    query = table.select(table.client_order_id, *columns(table, group_rows.TRADE.names))
    found = rows(query.where(table.group_id == group_id).order_by(table.id).limit(MAX_FILLS))
    return tuple(GroupFill(client_order_id=row[0], trade=group_rows.read_trade(row[1:])) for row in found)


def closed_groups(
    rows: RunQuery, world: World, start_ms: int | None, end_ms: int | None, limit: int
) -> tuple[ClosedGroup, ...]:
    """Groups closed in this time, oldest close first."""
    table = GroupTable
    names = "group_id account symbol timeframe strategy side quote realized fees create_time_ms close_time_ms"
    query = table.select(*columns(table, names.split())).where(
        table.world == world.value,
        SQL(CLOSED),
        *within(table.close_time_ms, start_ms, end_ms),
    )
    query = query.order_by(table.close_time_ms, table.group_id).limit(min(limit, MAX_CLOSED))
    return tuple(_read_closed(row) for row in rows(query))


def _read_closed(row: tuple[Any, ...]) -> ClosedGroup:
    group_id, account, symbol, timeframe, strategy, side, quote, realized, fees, create_time_ms, close_time_ms = row
    return ClosedGroup(
        group_id=group_id,
        account=account,
        symbol=symbol,
        timeframe=timeframe,
        strategy=strategy,
        side=SIDES[side],
        quote=quote,
        realized=Decimal(realized),
        fees=Decimal(fees),
        create_time_ms=create_time_ms,
        close_time_ms=close_time_ms,
    )


def realized_totals(rows: RunQuery, world: World, start_ms: int | None, end_ms: int | None) -> dict[str, RealizedTotal]:
    """By quote currency, over the groups closed in this time. Added up exactly, which SQL could not do."""
    table = GroupTable
    query = table.select(table.quote, table.realized, table.fees).where(
        table.world == world.value,
        SQL(CLOSED),
        *within(table.close_time_ms, start_ms, end_ms),
    )
    totals: dict[str, RealizedTotal] = {}
    for quote, realized, fees in rows(query):
        before = totals.get(quote) or RealizedTotal(realized=ZERO, fees=ZERO, groups=0)
        totals[quote] = RealizedTotal(
            realized=CONTEXT.add(before.realized, Decimal(realized)),
            fees=CONTEXT.add(before.fees, Decimal(fees)),
            groups=before.groups + 1,
        )
    return totals


def counts(rows: RunQuery, world: World) -> Counts:
    live = GroupTable.select(GroupTable.account, fn.COUNT(GroupTable.id), fn.SUM(GroupTable.forced)).where(
        GroupTable.world == world.value, SQL(NOT_CLOSED)
    )
    by_account = rows(live.group_by(GroupTable.account))
    queued = QueuedSignal.select(fn.COUNT(QueuedSignal.id)).where(QueuedSignal.world == world.value)
    active = Alert.select(fn.COUNT(Alert.alert_key)).where(
        Alert.resolve_time_ms.is_null(), Alert.acknowledge_time_ms.is_null()
    )
    letters = DeadLetter.select(fn.COUNT(DeadLetter.id)).where(DeadLetter.resolve_time_ms.is_null())
    return Counts(
        live_groups=sum(row[1] for row in by_account),
        forced_groups=int(sum(row[2] for row in by_account)),
        queued_signals=rows(queued)[0][0],
        active_alerts=rows(active)[0][0],
        dead_letters=rows(letters)[0][0],
        live_by_account={row[0]: row[1] for row in by_account},
    )
