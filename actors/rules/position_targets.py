"""The targets that should rest at the exchange, and the difference to those that do (TP-2, TP-3, TP-5, TP-10, ORD-6).

Invariants:
1. A new target is never larger than what is certainly free (TP-7).
2. One replacement is in flight per target, an amend or a cancel with new orders placed when that is certain; at most
   once per `tp_reprice_ms`.
3. What is too small for an order of its own waits in its leg while the leg still buys, then joins the loose
   remainder, and that goes along with the next sale (PRC-6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from actors.rules import position_cut_books as cut_books
from actors.rules import precision, stops, takeprofit
from actors.rules.choices import TpMode
from actors.rules.model import Leg, Order, OrderState, Role
from actors.rules.money import ZERO
from actors.rules.position_amend import MAX_PARTS, amend, last_change_ms, parts, was_refused
from actors.rules.position_books import move_to_loose
from actors.rules.position_desk import Desk
from actors.rules.position_entries import is_finished
from actors.rules.position_orders import Place
from actors.rules.position_retry import failures, pause_end_ms, retry_time_ms
from actors.rules.takeprofit import Target

TARGET_FAILING = "target_failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A sendable target: `quantity` is on the step."""

    place: Place
    price: Decimal
    quantity: Decimal
    gives_way: bool = False
    """A cut takes of what it covers: it must not rest for more."""


def plan(desk: Desk) -> list[Wanted]:
    """Every target the group should have now, watched ones included. Leftovers of finished parts become loose."""
    units = _units(desk)
    if [unit for unit in units if _sweep(desk, unit)]:
        units = _units(desk)
    if desk.settings.tp_mode is not TpMode.AGGREGATE:
        units = _with_loose(desk, units)
    wanted = (
        Wanted(
            place=(unit.pyramid, unit.leg),
            price=unit.price,
            quantity=precision.round_quantity(unit.quantity, desk.instrument),
            gives_way=is_less,
        )
        for unit, is_less in _beside_cut(desk, units)
    )
    return [want for want in wanted if want.place in desk.targets or _is_sendable(desk, want)]


def _units(desk: Desk) -> list[Target]:
    hit: set[Place] = {(index, None) for index, pyramid in desk.pyramids.items() if pyramid.watch_hit}
    hit.update(stops.leg_hits(desk.trails))
    units = takeprofit.targets(desk, desk.context.fees)
    return [unit for unit in units if (unit.pyramid, None) not in hit and (unit.pyramid, unit.leg) not in hit]


def _is_sendable(desk: Desk, want: Wanted) -> bool:
    return precision.max_sendable(want.quantity, want.price, precision.for_exits(desk.instrument)) > 0


# --- what rounding leaves over (PRC-6) ---


def _sweep(desk: Desk, unit: Target) -> bool:
    """Makes what a finished part still holds loose, if it cannot be sold on its own. True if something became loose."""
    place = (unit.pyramid, unit.leg)
    if place in desk.targets or place in desk.closes or (unit.pyramid, None) in desk.closes:
        return False
    if precision.max_sendable(unit.quantity, unit.price, precision.for_exits(desk.instrument)) > 0:
        return False
    legs = _legs_of(desk, unit)
    if unit.pyramid is None:  # The aggregate keeps what was never sold: later fills make it sendable.
        legs = [leg for leg in legs if leg.sold_quantity and is_finished(desk, leg)]
    elif not all(is_finished(desk, leg) for leg in legs):
        return False
    leftovers = [leg for leg in legs if leg.lot.quantity]
    for leg in leftovers:
        move_to_loose(desk, leg)
    return bool(leftovers)


def _legs_of(desk: Desk, unit: Target) -> list[Leg]:
    if unit.pyramid is None:
        return list(desk.legs())
    return desk.legs_of(unit.pyramid) if unit.leg is None else [desk.leg_at((unit.pyramid, unit.leg))]


def _with_loose(desk: Desk, units: list[Target]) -> list[Target]:
    """The loose remainder joins one target: the one that carries it already, else the first to be reached that is
    sendable with it. Without any it becomes a target of its own.
    """
    if not desk.loose.quantity:
        return units
    if not units:
        alone = takeprofit.loose_target(desk, desk.context.fees)
        return [alone] if alone else []
    nearest_first = sorted(units, key=lambda unit: desk.side.sign * unit.price)
    carrier = next((unit for unit in nearest_first if _carries(desk, unit)), None)
    carrier = carrier or next((unit for unit in nearest_first if _could_carry(desk, unit)), None)
    if carrier is None:
        return units
    more = replace(carrier, quantity=carrier.quantity + desk.loose.quantity)
    return [more if unit is carrier else unit for unit in units]


def _carries(desk: Desk, unit: Target) -> bool:
    resting = desk.targets.get((unit.pyramid, unit.leg), {})
    return _remaining(list(resting.values())) > unit.quantity


def _could_carry(desk: Desk, unit: Target) -> bool:
    quantity = unit.quantity + desk.loose.quantity
    return precision.max_sendable(quantity, unit.price, precision.for_exits(desk.instrument)) > 0


# --- what a cut takes (RISK-8) ---


def _beside_cut(desk: Desk, units: list[Target]) -> Iterator[tuple[Target, bool]]:
    """The targets while a cut takes a part of what they cover, and whether it does. One that would be too small to rest
    meanwhile is left out.
    """
    takes, loose = cut_books.takes(desk) if desk.cuts else ({}, ZERO)
    for unit in units:
        if not takes and not loose:
            yield unit, False
            continue
        legs = _legs_of(desk, unit)
        take = sum((takes.get((leg.pyramid, leg.index), ZERO) for leg in legs), ZERO)
        if loose and unit.quantity > sum((leg.lot.quantity for leg in legs), ZERO):
            take, loose = take + loose, ZERO
        if not take:
            yield unit, False
            continue
        less = replace(unit, quantity=unit.quantity - take)
        if precision.max_sendable(less.quantity, less.price, precision.for_exits(desk.instrument)) > 0:
            yield less, True


# --- the difference ---


def settle_targets(desk: Desk, wanted: list[Wanted]) -> None:
    """Cancels what should not rest, replaces what should rest differently, places what is missing."""
    resting = [] if takeprofit.is_watched(desk.settings) else wanted
    places = {want.place for want in resting}
    for place in [place for place in desk.targets if place not in places]:
        for order in list(desk.targets[place].values()):
            desk.cancel(order)
    failing = False
    for want in resting:
        orders = list(desk.targets.get(want.place, {}).values())
        if orders:
            _adjust(desk, want, orders)
            failing |= TARGET_FAILING in desk.flags and all(order.state is OrderState.PENDING for order in orders)
        else:
            failing |= _place(desk, want)
    desk.flag(TARGET_FAILING, failing)


def _adjust(desk: Desk, want: Wanted, orders: list[Order]) -> None:
    """Replaces orders that differ by at least a tick or a step from what is wanted and can be had (TP-10): in place
    where the exchange can (ORD-9), else they are cancelled and placed anew when that is certain. One whose amend was
    refused is cancelled at once: that is still the same replacement.
    """
    if any(order.cancel_requested or order.is_amending for order in orders):
        return
    remaining = _remaining(orders)
    possible = _capped(desk, min(want.quantity, remaining + desk.free()), want.price)
    same_price = all(order.price == want.price for order in orders)
    if same_price and remaining in (want.quantity, possible):
        return
    if want.quantity and not precision.max_sendable(possible, want.price, precision.for_exits(desk.instrument)):
        if remaining <= want.quantity:
            return  # The rest of a target that is partly filled can stay, but could not be placed anew.
        want = replace(want, quantity=ZERO)  # It rests for what other targets lack. Its own part becomes loose.
    if want.quantity and not same_price and not want.gives_way and not _is_in_band(desk, want):
        desk.wake_at(desk.now_ms + desk.context.execution.sweep_interval_s * 1000)
        return  # Better where it was than nowhere.
    changed_ms = max(last_change_ms(order) for order in orders)
    ready_ms = pause_end_ms(desk, changed_ms, desk.settings.tp_reprice_ms)
    if desk.now_ms < ready_ms and not was_refused(desk, orders):
        desk.wake_at(ready_ms)
        return
    if want.quantity and amend(desk, orders, want.price, possible):
        return
    for order in orders:
        desk.cancel(order)


def _place(desk: Desk, want: Wanted) -> bool:
    """Places a target that does not rest. True if the exchange refuses it and it waits for the next try."""
    if not want.quantity:
        return False
    failed = failures(desk, Role.TAKE_PROFIT, want.place)
    refused = bool(failed) and failed[0].state is OrderState.REJECTED
    ready_ms = retry_time_ms(desk, failed)
    if desk.now_ms < ready_ms:
        desk.wake_at(ready_ms)
        return refused
    if not _is_in_band(desk, want):
        desk.wake_at(desk.now_ms + desk.context.execution.sweep_interval_s * 1000)
        return refused
    quantity = _capped(desk, min(want.quantity, desk.free()), want.price)
    for part in parts(desk, quantity, want.price):
        desk.place(Role.TAKE_PROFIT, want.place, part, price=want.price)
    return refused


def is_resting(desk: Desk, wanted: list[Wanted]) -> bool:
    """Whether what rests is as it should be, as far as the exchange takes it now."""
    if takeprofit.is_watched(desk.settings):
        return not desk.targets
    places = {want.place for want in wanted}
    return all(place in places for place in desk.targets) and all(_is_met(desk, want) for want in wanted)


def _is_met(desk: Desk, want: Wanted) -> bool:
    orders = list(desk.targets.get(want.place, {}).values())
    if not orders:
        return not want.quantity or TARGET_FAILING in desk.flags or not _is_in_band(desk, want)
    remaining = _remaining(orders)
    possible = _capped(desk, min(want.quantity, remaining + desk.free()), want.price)
    if remaining in (want.quantity, possible):
        return True
    if want.quantity and not precision.max_sendable(possible, want.price, precision.for_exits(desk.instrument)):
        return remaining <= want.quantity
    return not _is_in_band(desk, want)


def _is_in_band(desk: Desk, want: Wanted) -> bool:
    mark = None if desk.fresh is None else desk.fresh.mid
    return precision.in_band(want.price, mark, desk.instrument, desk.side.exit)


def _remaining(orders: list[Order]) -> Decimal:
    return sum((order.remaining for order in orders), ZERO)


def _capped(desk: Desk, quantity: Decimal, price: Decimal) -> Decimal:
    """At most what all parts of one target can carry."""
    most = precision.max_quantity(desk.instrument, price=price)
    return quantity if most is None else min(quantity, most * MAX_PARTS)
