"""What a running cut has sold, and what targets leave to it (EXIT-6, RISK-7, RISK-8).

Invariants:
1. Every sale while a cut runs counts as sold for it, whichever order made it, with what the books realised by it.
2. The parts of a running cut sum to what it still has to sell, never less than zero.
3. Only the oldest cut that runs counts and takes; the others wait for it to end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from actors.rules.cutting import unit_place
from actors.rules.model import Cut, CutPart, CutState, Order, Reason, Role
from actors.rules.money import ZERO, plain
from actors.rules.position_desk import Desk
from actors.rules.position_orders import Place
from actors.rules.position_retry import CLOSE_FAILING

MAX_ENDED_CUTS = 20
"""Ended cuts a group remembers, the newest: one of these asked for again changes nothing. A plan asks a group for two
at most."""


def active(desk: Desk) -> Cut | None:
    """The cut that is being sold now: the oldest that runs."""
    return next((cut for cut in desk.cuts if cut.state is CutState.RUNNING), None)


def put(desk: Desk, cut: Cut) -> None:
    """Replaces the cut of that id, or adds it; the oldest of too many ended ones are forgotten."""
    if any(each.cut_id == cut.cut_id for each in desk.cuts):
        cuts = tuple(cut if each.cut_id == cut.cut_id else each for each in desk.cuts)
    else:
        cuts = (*desk.cuts, cut)
    surplus = sum(each.state is not CutState.RUNNING for each in cuts) - MAX_ENDED_CUTS
    kept: list[Cut] = []
    for each in cuts:
        if surplus > 0 and each.state is not CutState.RUNNING:
            surplus -= 1
        else:
            kept.append(each)
    desk.cuts = tuple(kept)


def is_cut_order(order: Order) -> bool:
    """Closes at a leg's place are a cut's, unless a target of the leg was reached."""
    return order.role is Role.CLOSE and order.leg is not None and order.reason is not Reason.TAKE_PROFIT


def under_way(desk: Desk) -> list[Order]:
    """A cut's orders that may still fill."""
    return [order for shelf in desk.closes.values() for order in shelf.values() if is_cut_order(order)]


# --- ends ---


def end(desk: Desk, cut: Cut, state: CutState, reason: Reason | None) -> None:
    """Nothing is sold for it any more; targets are whole again from now on."""
    put(desk, replace(cut, state=state, stop_reason=reason, end_time_ms=desk.now_ms))
    if not cut.is_whole:
        desk.flag(CLOSE_FAILING, False)
    words = f"{plain(cut.sold)} of {plain(cut.quantity)} sold, {plain(cut.realized)} {desk.instrument.quote} realized"
    why = "" if reason is None else f", {reason}"
    note(desk, cut, state.value, f"is {state}{why}: {words}")


def note(desk: Desk, cut: Cut, what: str, words: str) -> None:
    category = "risk" if cut.reason is Reason.RISK_OFFSET else "order"
    desk.note(f"cut.{what}", f"cut {cut.cut_id} {words}", category=category, attributes={"cut_id": cut.cut_id})


def ask_to_stop(desk: Desk, cut: Cut, reason: Reason, *, take_back: bool = False) -> None:
    """No more is sold for it. It ends when none of its orders can fill any more; `take_back`: they are cancelled."""
    if cut.is_whole or cut.state is not CutState.RUNNING:
        return
    is_selling = cut is active(desk) and bool(under_way(desk))
    if not is_selling:
        is_done = ZERO < cut.quantity <= cut.sold
        end(desk, cut, CutState.DONE if is_done else CutState.STOPPED, None if is_done else cut.stop_reason or reason)
    elif cut.stop_reason is None:
        put(desk, replace(cut, stop_reason=reason))
        for order in under_way(desk) if take_back else ():
            desk.cancel(order)


def end_stopped(desk: Desk) -> None:
    """Ends the cut that was asked to stop, once that can be."""
    cut = active(desk)
    if cut is not None and cut.stop_reason is not None and not cut.is_whole:
        ask_to_stop(desk, cut, cut.stop_reason)


def stop_all(desk: Desk, reason: Reason) -> None:
    """The group begins to close for another reason than these cuts."""
    for cut in desk.cuts:
        ask_to_stop(desk, cut, reason)


def end_whole(desk: Desk) -> None:
    """The group is closed: what it was closed for is done."""
    for cut in desk.cuts:
        if cut.state is CutState.RUNNING:
            end(desk, cut, CutState.DONE, Reason.BELOW_MIN_QUANTITY if cut.sold < cut.quantity else None)


# --- sales ---


def part_lots(desk: Desk) -> dict[Place, Decimal]:
    """What the legs hold that the running cut takes from."""
    cut = active(desk)
    parts = cut.parts if cut is not None else ()
    return {(part.pyramid, part.leg): desk.leg_at((part.pyramid, part.leg)).lot.quantity for part in parts}


def count_sale(desk: Desk, quantity: Decimal, realized: Decimal, lots: Mapping[Place, Decimal]) -> None:
    """Counts a sale that has been booked for the cut that runs. `lots`: `part_lots` from before it was."""
    cut = active(desk)
    if cut is None:
        return
    sold = cut.sold + quantity
    left = max(cut.quantity - sold, ZERO) if cut.parts else ZERO
    put(
        desk,
        replace(
            cut, sold=sold, realized=cut.realized + realized, parts=_fitted(cut.parts, left, lots, part_lots(desk))
        ),
    )


def _fitted(
    parts: tuple[CutPart, ...], left: Decimal, before: Mapping[Place, Decimal], after: Mapping[Place, Decimal]
) -> tuple[CutPart, ...]:
    """The parts once their sum is `left`: first less of the legs that were sold from, then of the innermost."""
    surplus = sum((part.quantity for part in parts), ZERO) - left
    quantities: list[Decimal] = []
    for part in parts:
        place = (part.pyramid, part.leg)
        less = min(max(before[place] - after[place], ZERO), part.quantity, surplus)
        quantities.append(part.quantity - less)
        surplus -= less
    for index in range(len(parts) - 1, -1, -1):
        less = min(quantities[index], surplus)
        quantities[index] -= less
        surplus -= less
    return tuple(
        part if part.quantity == quantity else replace(part, quantity=quantity)
        for part, quantity in zip(parts, quantities, strict=True)
        if quantity
    )


# --- what targets leave to it ---


def takes(desk: Desk) -> tuple[dict[Place, Decimal], Decimal]:
    """What the running cut still takes from each leg, and what of the loose remainder."""
    cut = active(desk)
    found: dict[Place, Decimal] = {}
    beyond = ZERO
    for part in cut.parts if cut is not None else ():
        place = (part.pyramid, part.leg)
        found[place] = min(part.quantity, desk.leg_at(place).lot.quantity)
        beyond += part.quantity - found[place]
    return found, min(beyond, desk.loose.quantity)


def available(desk: Desk) -> Decimal:
    """How much the running cut can sell now: no target counts on it any more, and it is certainly free (TP-7)."""
    cut = active(desk)
    if cut is None:
        return ZERO
    by_leg, loose = takes(desk)
    kept: dict[Place, Decimal] = {}
    taken: dict[Place, Decimal] = {}
    mode = desk.settings.tp_mode
    for leg in desk.legs():
        unit = unit_place(mode, leg)
        take = by_leg.get((leg.pyramid, leg.index), ZERO)
        kept[unit] = kept.get(unit, ZERO) + leg.lot.quantity - take
        taken[unit] = taken.get(unit, ZERO) + take
    in_the_way = ZERO
    for unit, take in taken.items():
        bound = sum((order.remaining for order in desk.targets.get(unit, {}).values()), ZERO)
        in_the_way += min(take, max(bound - kept[unit], ZERO))
    in_the_way = max(in_the_way - (desk.loose.quantity - loose), ZERO)  # A target may carry what is loose along.
    left = sum((part.quantity for part in cut.parts), ZERO)
    return max(min(left - in_the_way, desk.free()), ZERO)
