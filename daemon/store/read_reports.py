"""Queries of reports that are the same for all of them: equity over time, volume; and of risk actions.

Sums are exact, which those of SQLite would not be, so every row that counts is walked through once, one by one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from peewee import SQL, ModelSelect, fn

from actors.rules.choices import World
from actors.rules.money import CONTEXT, ZERO
from actors.rules.records import AddEquity
from actors.rules.risk_model import RiskAction
from daemon.store import risk_rows
from daemon.store.found import RiskActionFilter, Volume
from daemon.store.pages import Page, Place, cut
from daemon.store.query import RunQuery, columns, matching, older_than, within
from daemon.store.tables import Equity as EquityTable
from daemon.store.tables import Fill as FillTable
from daemon.store.tables import Group as GroupTable
from daemon.store.tables import RiskAction as RiskActionTable
from daemon.store.tables import RiskActionGroup as RiskActionGroupTable

Stream = Callable[["ModelSelect[Any]"], Iterable[tuple[Any, ...]]]
"""Runs a query and gives its rows one by one."""

MAX_EQUITY_POINTS = 100_000


def equity(
    rows: RunQuery, world: World, start_ms: int | None, end_ms: int | None, points: int
) -> tuple[AddEquity, ...]:
    """Oldest first. Where there are more than `points`, the last of each of as many equal spans of time."""
    table = EquityTable
    chosen = (table.world == world.value, *within(table.time_ms, start_ms, end_ms))
    edges = table.select(fn.MIN(table.time_ms), fn.MAX(table.time_ms), fn.COUNT(table.time_ms)).where(*chosen)
    first_ms, last_ms, count = rows(edges)[0]
    most = min(max(points, 1), MAX_EQUITY_POINTS)
    query = table.select(*columns(table, risk_rows.EQUITY.names)).where(*chosen)
    if count > most:
        span = SQL("(time_ms - ?) / ?", (first_ms, (last_ms - first_ms) // most + 1))
        query = query.where(table.time_ms.in_(table.select(fn.MAX(table.time_ms)).where(*chosen).group_by(span)))
    return tuple(risk_rows.read_equity(row) for row in rows(query.order_by(table.time_ms)))


def volumes(stream: Stream, world: World, edges_ms: Sequence[int]) -> tuple[Volume, ...]:
    """By period and quote, in the order of the periods."""
    fill, group = FillTable, GroupTable
    size = fn.json_extract(group.instrument, "$.contract_size")
    query = (
        fill.select(fill.time_ms, fill.quantity, fill.price, size, group.quote)
        .join(group, on=(group.group_id == fill.group_id))
        .where(group.world == world.value, *within(fill.time_ms, edges_ms[0], edges_ms[-1]))
    )
    sums: dict[tuple[int, str], tuple[Decimal, int]] = {}
    for time_ms, quantity, price, contract_size, quote in stream(query):
        value = CONTEXT.multiply(CONTEXT.multiply(Decimal(quantity), Decimal(price)), Decimal(contract_size))
        key = (bisect_right(edges_ms, time_ms) - 1, quote)
        notional, fills = sums.get(key, (ZERO, 0))
        sums[key] = (CONTEXT.add(notional, value), fills + 1)
    return tuple(
        Volume(period=period, quote=quote, notional=notional, fills=fills)
        for (period, quote), (notional, fills) in sorted(sums.items())
    )


def list_risk_actions(rows: RunQuery, wanted: RiskActionFilter, after: Place | None, size: int) -> Page[RiskAction]:
    """Newest first."""
    table, part = RiskActionTable, RiskActionGroupTable
    query = table.select(table.create_time_ms, table.id, table.action)
    conditions = matching([(table.world, wanted.world.value if wanted.world else "")])
    conditions += within(table.create_time_ms, wanted.start_ms, wanted.end_ms)
    if wanted.states:
        conditions.append(table.state.in_([state.value for state in wanted.states]))
    if wanted.group_id:
        conditions.append(table.action_id.in_(part.select(part.action_id).where(part.group_id == wanted.group_id)))
    if after is not None:
        conditions.append(older_than(table.create_time_ms, table.id, after))
    if conditions:
        query = query.where(*conditions)
    found = rows(query.order_by(table.create_time_ms.desc(), table.id.desc()).limit(size + 1))
    return cut([(Place(time_ms, row_id), risk_rows.read_action(text)) for time_ms, row_id, text in found], size)
