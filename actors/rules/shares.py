"""Splits what happened to a whole position between the groups that make it up (ORD-13, PNL-1).

Invariants:
1. Shares sum exactly to what was split, or to all rooms where those are less.
2. No share is below zero, and none of a quantity is above its room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

from actors.rules.model import Trade
from actors.rules.money import CONTEXT, ZERO, floor_to

_QUANTUM = Decimal("1e-18")
"""Shares of money are cut here."""


def split_quantity(quantity: Decimal, rooms: Mapping[str, Decimal], step: Decimal) -> dict[str, Decimal]:
    """Pro rata by rooms, each on the step; the remainder goes to the largest room, and on to the next where it does
    not fit. Those that get nothing are left out.
    """
    rooms = {name: room for name, room in rooms.items() if room > 0}
    total = sum(rooms.values(), ZERO)
    if quantity >= total:
        return rooms
    if quantity <= 0:
        return {}
    shares = {
        name: min(room, floor_to(CONTEXT.divide(CONTEXT.multiply(quantity, room), total), step))
        for name, room in rooms.items()
    }
    rest = quantity - sum(shares.values(), ZERO)
    for name in largest_first(rooms):
        more = min(rest, rooms[name] - shares[name])
        shares[name] += more
        rest -= more
    return {name: share for name, share in shares.items() if share}


def split_amount(amount: Decimal, weights: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """An amount of money of either sign, pro rata by weights, the remainder to the largest weight."""
    weights = {name: weight for name, weight in weights.items() if weight > 0}
    total = sum(weights.values(), ZERO)
    if not total:
        return {}
    shares = {name: cut(amount, weight, total) for name, weight in weights.items()}
    shares[largest_first(weights)[0]] += amount - sum(shares.values(), ZERO)
    return {name: share for name, share in shares.items() if share}


def split_trade(trade: Trade, quantities: Mapping[str, Decimal]) -> dict[str, Trade]:
    """The execution in parts of these quantities, which sum to at most its own; fees go with them."""
    parts = {
        name: replace(
            trade,
            quantity=quantity,
            fee=cut(trade.fee, quantity, trade.quantity),
            fee_value=cut(trade.fee_value, quantity, trade.quantity),
        )
        for name, quantity in quantities.items()
    }
    if parts and sum(quantities.values(), ZERO) == trade.quantity:
        name = largest_first(quantities)[0]
        fee = trade.fee - sum((part.fee for part in parts.values()), ZERO)
        value = trade.fee_value - sum((part.fee_value for part in parts.values()), ZERO)
        parts[name] = replace(parts[name], fee=parts[name].fee + fee, fee_value=parts[name].fee_value + value)
    return parts


def cut(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`amount` x part / whole, toward zero at 18 places."""
    return CONTEXT.divide(CONTEXT.multiply(amount, part), whole).quantize(_QUANTUM, ROUND_DOWN, CONTEXT)


def largest_first(rooms: Mapping[str, Decimal]) -> list[str]:
    """Names by falling room, by name among equals."""
    return sorted(rooms, key=lambda name: (-rooms[name], name))
