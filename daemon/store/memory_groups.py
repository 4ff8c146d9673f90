"""A group put together from its rows in memory, the way `load` does it from a file.

Usually nothing is made anew: the group its author saved last is what its rows say, and is given back as it is.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from actors.rules.model import Group, Order, Pyramid
from daemon.store.load import FINAL_ORDERS_KEPT
from daemon.store.memory_tables import GroupParts

_NONE = GroupParts()


def whole(group: Group, parts: GroupParts | None, final_limit: int = FINAL_ORDERS_KEPT) -> Group:
    """`group` with the parts that are stored."""
    parts = parts or _NONE
    if len(parts.orders) <= final_limit and _is_whole(group, parts):
        return group
    return replace(group, pyramids=_pyramids(parts), orders=_orders(parts, final_limit))


def open_only(group: Group) -> Group:
    """The group with its open orders alone and without trades, for who counts reservations."""
    orders = {
        order.client_order_id: order if not order.trades else replace(order, trades=()) for order in group.open_orders()
    }
    return replace(group, orders=orders)


def _is_whole(group: Group, parts: GroupParts) -> bool:
    if len(group.pyramids) != len(parts.pyramids) or len(group.orders) != len(parts.orders):
        return False
    count, last = 0, -1
    for pyramid in group.pyramids:
        if parts.pyramids.get(pyramid.index) is not pyramid or pyramid.index <= last:
            return False
        last, last_leg = pyramid.index, -1
        for leg in pyramid.legs:
            count += 1
            if parts.legs.get((leg.pyramid, leg.index)) is not leg or leg.index <= last_leg:
                return False
            last_leg = leg.index
    return count == len(parts.legs) and all(
        mine is stored and mine.trades == parts.trades.get(mine.client_order_id, ())
        for mine, stored in zip(group.orders.values(), parts.orders.values(), strict=True)
    )


def _pyramids(parts: GroupParts) -> tuple[Pyramid, ...]:
    ordered = sorted(parts.legs.items())
    legs = {index: tuple(leg for _, leg in some) for index, some in groupby(ordered, key=lambda item: item[0][0])}
    return tuple(replace(pyramid, legs=legs.get(index, ())) for index, pyramid in sorted(parts.pyramids.items()))


def _orders(parts: GroupParts, final_limit: int) -> dict[str, Order]:
    orders = parts.orders if len(parts.orders) <= final_limit else _kept(parts.orders, final_limit)
    found: dict[str, Order] = {}
    for name, order in orders.items():
        trades = parts.trades.get(name, ())
        found[name] = order if order.trades == trades else replace(order, trades=trades)
    return found


def _kept(orders: dict[str, Order], final_limit: int) -> dict[str, Order]:
    """All that are open, the newest final ones, everything after the oldest of those, and the newest of every place."""
    names = list(orders)
    final = [at for at, name in enumerate(names) if orders[name].is_final]
    since = final[-final_limit] if len(final) >= final_limit else (final[0] if final else len(names))
    newest = {(order.pyramid, order.leg, order.role): at for at, order in enumerate(orders.values())}
    at_least = set(newest.values())
    return {
        name: orders[name]
        for at, name in enumerate(names)
        if at >= since or at in at_least or not orders[name].is_final
    }
