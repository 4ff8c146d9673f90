"""Stored rows -> groups, many at once with few queries.

Of its final orders a group keeps in memory the newest `FINAL_ORDERS_KEPT`, and beyond those the newest of every place
(pyramid, leg, role), so that attempts are still counted on and no client order id is made twice (ORD-2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any

import orjson

from actors.rules.choices import World
from actors.rules.model import Group, Leg, Order, Pyramid, Trade
from daemon.store import group_rows
from daemon.store.tables import NOT_CLOSED, NOT_FINAL_STATES

FINAL_ORDERS_KEPT = 500
GROUPS_AT_ONCE = 500

Row = tuple[Any, ...]
Execute = Callable[[str, tuple[Any, ...]], Iterable[Row]]
"""Runs one SELECT on a connection whose snapshot does not move between calls."""

_IDS = "(SELECT value FROM json_each(?))"
_LIVE = f"SELECT group_id FROM position_groups INDEXED BY position_groups_live WHERE {NOT_CLOSED}"
"""Named, so that the closed groups of years are never walked through."""
_OLDEST_FIRST = "ORDER BY create_time_ms, id"
_ALL_LIVE = f"{_LIVE} {_OLDEST_FIRST}"
_LIVE_OF_WORLD = f"{_LIVE} AND world = ? {_OLDEST_FIRST}"
_LIVE_OF_ACCOUNT = f"{_LIVE} AND account = ? {_OLDEST_FIRST}"
_GROUPS = f"SELECT {group_rows.GROUP.select()} FROM position_groups WHERE group_id IN {_IDS}"
_PYRAMIDS = f"SELECT {group_rows.PYRAMID.select()} FROM pyramids WHERE group_id IN {_IDS} ORDER BY group_id, pyramid"
_LEGS = f"SELECT {group_rows.LEG.select()} FROM legs WHERE group_id IN {_IDS} ORDER BY group_id, pyramid, leg"
_OPEN_ORDERS = (
    f"SELECT id, {group_rows.ORDER.select()} FROM orders WHERE group_id IN {_IDS} AND state IN ({NOT_FINAL_STATES})"
)
_ORDERS = f"SELECT id, {group_rows.ORDER.select()} FROM orders WHERE group_id IN {_IDS}"
_MANY_ORDERS = f"SELECT group_id FROM orders WHERE group_id IN {_IDS} GROUP BY group_id HAVING count(*) > ?"
_KEPT_ORDERS = (
    f"SELECT id, {group_rows.ORDER.select()} FROM orders "
    f"WHERE group_id = ?1 AND (state IN ({NOT_FINAL_STATES}) "
    f"OR id >= (SELECT min(id) FROM (SELECT id FROM orders WHERE group_id = ?1 AND state NOT IN ({NOT_FINAL_STATES}) "
    "ORDER BY id DESC LIMIT ?2) AS kept) "
    "OR id IN (SELECT max(id) FROM orders WHERE group_id = ?1 GROUP BY pyramid, leg, role))"
)
_TRADES = f"SELECT id, client_order_id, {group_rows.TRADE.select()} FROM fills WHERE group_id IN {_IDS}"


def live_group_ids(execute: Execute, world: World | None = None) -> list[str]:
    """Ids of the groups that are not closed, oldest first."""
    rows = execute(_ALL_LIVE, ()) if world is None else execute(_LIVE_OF_WORLD, (world.value,))
    return [group_id for (group_id,) in rows]


def live_group_ids_of_account(execute: Execute, account: str) -> list[str]:
    """The same of one account."""
    return [group_id for (group_id,) in execute(_LIVE_OF_ACCOUNT, (account,))]


def load_groups(
    execute: Execute, group_ids: Sequence[str], *, final_limit: int = FINAL_ORDERS_KEPT, open_only: bool = False
) -> list[Group]:
    """The groups with these ids (letters and digits, ORD-2) in this order, unknown ids left out.

    `open_only`: with their open orders alone and without trades, for who counts reservations.
    """
    found: list[Group] = []
    for start in range(0, len(group_ids), GROUPS_AT_ONCE):
        found += _load_some(execute, group_ids[start : start + GROUPS_AT_ONCE], final_limit, open_only)
    return found


def _load_some(execute: Execute, group_ids: Sequence[str], final_limit: int, open_only: bool) -> list[Group]:
    ids = orjson.dumps(list(group_ids)).decode()
    legs = _legs(execute, ids)
    pyramids = _pyramids(execute, ids, legs)
    rows = list(execute(_OPEN_ORDERS, (ids,))) if open_only else _order_rows(execute, group_ids, ids, final_limit)
    trades = {} if open_only else _trades(execute, ids)
    orders = _orders(rows, trades)
    groups = {
        row[0]: group_rows.read_group(row, tuple(pyramids.get(row[0], ())), orders.get(row[0], {}))
        for row in execute(_GROUPS, (ids,))
    }
    return [groups[group_id] for group_id in group_ids if group_id in groups]


def _legs(execute: Execute, ids: str) -> dict[tuple[str, int], list[Leg]]:
    legs: dict[tuple[str, int], list[Leg]] = {}
    for row in execute(_LEGS, (ids,)):
        legs.setdefault(row[:2], []).append(group_rows.read_leg(row))
    return legs


def _pyramids(execute: Execute, ids: str, legs: dict[tuple[str, int], list[Leg]]) -> dict[str, list[Pyramid]]:
    pyramids: dict[str, list[Pyramid]] = {}
    for row in execute(_PYRAMIDS, (ids,)):
        pyramid = group_rows.read_pyramid(row, tuple(legs.get(row[:2], ())))
        pyramids.setdefault(row[0], []).append(pyramid)
    return pyramids


def _order_rows(execute: Execute, group_ids: Sequence[str], ids: str, final_limit: int) -> list[Row]:
    """Rows `(id, *ORDER)` of the orders that are kept in memory."""
    many = {group_id for (group_id,) in execute(_MANY_ORDERS, (ids, final_limit))}
    if many:
        ids = orjson.dumps([group_id for group_id in group_ids if group_id not in many]).decode()
    rows = list(execute(_ORDERS, (ids,)))
    for group_id in many:
        rows += execute(_KEPT_ORDERS, (group_id, final_limit))
    return rows


def _trades(execute: Execute, ids: str) -> dict[str, tuple[Trade, ...]]:
    trades: dict[str, list[Trade]] = {}
    for row in sorted(execute(_TRADES, (ids,)), key=itemgetter(0)):
        trades.setdefault(row[1], []).append(group_rows.read_trade(row[2:]))
    return {client_order_id: tuple(some) for client_order_id, some in trades.items()}


def _orders(rows: list[Row], trades: dict[str, tuple[Trade, ...]]) -> dict[str, dict[str, Order]]:
    """By group and client order id, in the order in which they were made."""
    rows.sort(key=itemgetter(0))
    orders: dict[str, dict[str, Order]] = {}
    for row in rows:
        client_order_id, group_id = row[1], row[2]
        order = group_rows.read_order(row[1:], trades.get(client_order_id, ()))
        orders.setdefault(group_id, {})[client_order_id] = order
    return orders
