"""What a group binds of the pool's capital (POOL-3). Pool and the store count it with the same functions.

Both amounts are quote and notional: price x quantity x contract size. Fees are not in them: a buy fee on spot is taken
from the coins bought, and fees in quote are small change the balance check allows for by itself.
"""

from __future__ import annotations

from decimal import Decimal

from actors.rules.model import Group, GroupState, Leg, Order, Role
from actors.rules.money import ZERO

_NOTHING_MORE_IS_PLACED = frozenset({GroupState.CLOSING, GroupState.CLOSED})


def reserved(group: Group) -> Decimal:
    """Quote that its unfilled entries may still cost: what is open at the exchange, and legs that are not placed yet.

    A leg whose entry is given up counts only as far as an order of it could still fill; so does every leg of a group
    that closes. A market order counts at its expected price or its leg's, whichever is higher.
    """
    legs = {(leg.pyramid, leg.index): leg for leg in group.legs()}
    open_quantity = dict.fromkeys(legs, ZERO)
    cost = ZERO
    for order in group.open_orders():
        if order.role is not Role.ENTRY:
            continue
        place = (order.pyramid or 0, order.leg or 0)
        remaining = max(order.remaining, ZERO)
        cost += remaining * _worst_price(order, legs.get(place))
        open_quantity[place] = open_quantity.get(place, ZERO) + remaining
    if group.state not in _NOTHING_MORE_IS_PLACED:
        for place, leg in legs.items():
            if leg.cancel_reason is None:
                cost += max(leg.quantity - leg.bought_quantity - open_quantity[place], ZERO) * leg.price
    return cost * group.instrument.contract_size


def planned(group: Group) -> Decimal:
    """Capital of its whole ladders, filled or not, in quote: what the exposure limit counts."""
    return sum((pyramid.capital for pyramid in group.pyramids), ZERO)


def _worst_price(order: Order, leg: Leg | None) -> Decimal:
    if order.price is not None:
        return order.price
    return max(order.expected_price or ZERO, leg.price if leg else ZERO)
