"""The orders of a group as values: what a new one looks like, and which old ones are kept."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from actors.rules.choices import Market
from actors.rules.model import Group, Instrument, Order, OrderState, OrderType, Reason, Role, TimeInForce
from actors.rules.naming import make_client_order_id

Place = tuple[int | None, int | None]
"""Pyramid and leg an order is for; None: not of one of them."""

MAX_FINAL_ORDERS = 500
"""Finished orders a group keeps in memory, the newest. Older ones stay in the store. The books do not need them: their
trades are in the lots. Only a fill reported later still of such an order could not be counted; it is alerted."""

_FINAL_STATES = frozenset(state for state in OrderState if state.is_final)


def where(place: Place) -> str:
    """A place in words."""
    pyramid, leg = place
    if pyramid is None:
        return "the group"
    return f"pyramid {pyramid}" if leg is None else f"pyramid {pyramid} leg {leg}"


def new_order(
    group: Group,
    instrument: Instrument,
    *,
    prefix: str,
    role: Role,
    place: Place,
    attempt: int,
    quantity: Decimal,
    price: Decimal | None,
    immediate: bool,
    expected_price: Decimal | None,
    reason: Reason | None,
    now_ms: int,
    trigger_price: Decimal | None = None,
) -> Order:
    """A pending order. Price None: a market order, at once or when the trigger is reached. Exits on a swap only ever
    reduce.
    """
    pyramid, leg = place
    is_entry = role is Role.ENTRY
    return Order(
        client_order_id=make_client_order_id(
            prefix=prefix, group_id=group.group_id, pyramid=pyramid, leg=leg, role=role, attempt=attempt
        ),
        group_id=group.group_id,
        account=group.account,
        symbol=group.symbol,
        pyramid=pyramid,
        leg=leg,
        role=role,
        attempt=attempt,
        side=group.side.entry if is_entry else group.side.exit,
        type=_type(price, trigger_price),
        time_in_force=TimeInForce.IOC if immediate else TimeInForce.GTC,
        reduce_only=not is_entry and instrument.market is Market.SWAP,
        price=price,
        trigger_price=trigger_price,
        quantity=quantity,
        expected_price=expected_price,
        reason=reason,
        create_time_ms=now_ms,
        update_time_ms=now_ms,
    )


def _type(price: Decimal | None, trigger_price: Decimal | None) -> OrderType:
    if trigger_price is not None:
        return OrderType.STOP
    return OrderType.MARKET if price is None else OrderType.LIMIT


def trim(orders: Mapping[str, Order]) -> Mapping[str, Order]:
    """The orders a group keeps: all that may still fill, the newest `MAX_FINAL_ORDERS` others, and of each place the
    last one, because the next attempt counts on from it. Stops that were only moved are the first to go.
    """
    if len(orders) <= MAX_FINAL_ORDERS:
        return orders
    final = [order for order in orders.values() if order.state in _FINAL_STATES]
    surplus = len(final) - MAX_FINAL_ORDERS
    if surplus <= 0:
        return orders
    last: dict[tuple[Role, Place], int] = {}
    for order in orders.values():
        at = (order.role, (order.pyramid, order.leg))
        last[at] = max(last.get(at, 0), order.attempt)
    idle_stops_first = sorted(final, key=lambda order: order.role is not Role.STOP or bool(order.trades))
    dropped = {
        order.client_order_id
        for order in idle_stops_first[:surplus]
        if last[order.role, (order.pyramid, order.leg)] != order.attempt
    }
    return {name: order for name, order in orders.items() if name not in dropped}
