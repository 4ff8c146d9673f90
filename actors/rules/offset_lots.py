"""Which lots of a group an offset may count on, and what they have cost (RISK-6, PNL-1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from actors.rules import profit
from actors.rules.model import CutPart, Group, Leg, Lot, Role
from actors.rules.money import ZERO
from actors.rules.position_orders import Place
from actors.rules.takeprofit import Holding

_LOOSE: Place = (None, None)


def without_closing(group: Group) -> Group:
    """The group without what closes that are under way, or a watched target that was hit, are selling already."""
    closes = [order for order in group.orders.values() if order.role is Role.CLOSE and not order.is_final]
    going = {pyramid.index for pyramid in group.pyramids if pyramid.watch_hit}
    if not closes and not going:
        return group
    going |= {order.pyramid for order in closes if order.pyramid is not None and order.leg is None}
    is_all = any(order.pyramid is None for order in closes)
    bound: dict[Place, Decimal] = {}
    for order in closes:
        place = (order.pyramid, order.leg)
        bound[place] = bound.get(place, ZERO) + order.remaining
    pyramids = tuple(
        replace(
            pyramid,
            legs=tuple(
                _without(
                    leg,
                    leg.lot.quantity if is_all or leg.pyramid in going else bound.get((leg.pyramid, leg.index), ZERO),
                )
                for leg in pyramid.legs
            ),
        )
        for pyramid in group.pyramids
    )
    return replace(group, pyramids=pyramids, loose=Lot() if is_all or going else group.loose)


def _without(leg: Leg, quantity: Decimal) -> Leg:
    taken = min(quantity, leg.lot.quantity)
    return replace(leg, lot=profit.take(leg.lot, taken).lot) if taken else leg


def cost_of(group: Holding, parts: Iterable[CutPart]) -> Decimal:
    """Cost of what the parts take: each from its own leg, what that lacks from what is loose, then from the others."""
    lots: dict[Place, Lot] = {(leg.pyramid, leg.index): leg.lot for leg in group.legs()}
    lots[_LOOSE] = group.loose
    total = ZERO
    for part in parts:
        left = part.quantity
        for place in _pots(lots, (part.pyramid, part.leg)):
            lot = lots[place]
            share = min(left, lot.quantity)
            taken = profit.take(lot, share)
            lots[place] = taken.lot
            total += taken.cost
            left -= share
            if left <= 0:
                break
    return total


def _pots(lots: Mapping[Place, Lot], own: Place) -> Iterator[Place]:
    yield own
    yield _LOOSE
    yield from [place for place in lots if place not in (own, _LOOSE)]
