"""A part of what is held is closed: by a reduce, or by the risk engine (EXIT-6, RISK-7, RISK-8).

A cut is sold in turn, one order at a time, at the place of the leg it takes from first; the books take from its legs in
its own order. Targets of these legs give way meanwhile, everything else of the group stays.

Invariants:
1. Only what no target counts on any more is sold, and never more than is certainly free (TP-7).
2. A cut sells what it was asked for, not more. Others may: what a target sells meanwhile counts. One that was given a
   worst price does not sell at a loss, whatever its legs are by then.
3. No sale is smaller than the exchange takes. A rest of a cut that is too small ends it, and it says so.
4. A cut asked for again, running or ended, changes nothing (rule 18).
5. Cuts run one after the other, in the order they were asked for. None is lost because another runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from actors.rules import cutting, precision, stops
from actors.rules.events import Context, CutAsked, CutStopped
from actors.rules.model import Cut, CutPart, CutState, Group, GroupState, Order, Quote, Reason, Refused, Role, Side
from actors.rules.money import ZERO, floor_to, plain
from actors.rules.offset_lots import cost_of
from actors.rules.position_close import begin_close
from actors.rules.position_cut_books import active, ask_to_stop, available, end, end_stopped, note, put, under_way
from actors.rules.position_desk import Desk
from actors.rules.position_dust import last_price
from actors.rules.position_exit import closing_price, is_sendable, last_resort, send
from actors.rules.position_orders import Place, where
from actors.rules.position_retry import failures, price_or_wait, retry_time_ms
from actors.rules.position_targets import Wanted, is_resting, plan

MAX_RUNNING_CUTS = 8
"""Cuts of one group that may be under way or wait their turn."""


# --- what is asked ---


def ask(desk: Desk, event: CutAsked) -> Refused | None:
    """Begins a cut, or lets it wait for the one that runs. What the risk engine asks for and cannot be is kept as
    stopped, so that a late repetition of the step does not begin it after all.
    """
    if any(cut.cut_id == event.cut_id for cut in desk.cuts):
        return None
    if desk.state in (GroupState.CLOSING, GroupState.CLOSED):
        return Refused(reason=Reason.GROUP_CLOSING, detail="the group is being closed")
    refused = _begin(desk, event)
    if refused is None or event.reason is not Reason.RISK_OFFSET:
        return refused
    _keep_as_stopped(desk, event.cut_id, event.reason, event.quantity or desk.held(), refused.reason)
    return None


def stop(desk: Desk, event: CutStopped) -> None:
    """Sells no more for a cut. One that is not known is kept as stopped: its asking may still be on the way."""
    cut = next((cut for cut in desk.cuts if cut.cut_id == event.cut_id), None)
    if cut is not None:
        ask_to_stop(desk, cut, event.reason, take_back=True)
    elif desk.state not in (GroupState.CLOSING, GroupState.CLOSED):
        _keep_as_stopped(desk, event.cut_id, Reason.RISK_OFFSET, ZERO, event.reason)


def _keep_as_stopped(desk: Desk, cut_id: str, why: Reason, quantity: Decimal, reason: Reason) -> None:
    cut = Cut(cut_id=cut_id, reason=why, quantity=quantity, create_time_ms=desk.now_ms)
    end(desk, cut, CutState.STOPPED, reason)


def _begin(desk: Desk, event: CutAsked) -> Refused | None:
    running = [cut for cut in desk.cuts if cut.state is CutState.RUNNING]
    if len(running) >= MAX_RUNNING_CUTS:
        return Refused(reason=Reason.OVERLOADED, detail=f"{len(running)} cuts of the group are under way")
    left = uncut(desk)
    if left <= 0:
        return Refused(reason=Reason.NOTHING_TO_REDUCE, detail="the group holds nothing that could be closed")
    if desk.fresh is not None and _is_worse(desk, desk.fresh.closing(desk.side), event.worst_price):
        text = f"the price is worse than {plain(event.worst_price or ZERO)}"
        return Refused(reason=Reason.NOT_PROFITABLE, detail=text)
    asked = left if event.quantity is None else event.quantity
    quantity = cutting.cuttable(desk, asked, _price(desk))
    if running:
        quantity = min(quantity, left)
    if event.quantity is not None and not quantity:
        text = f"{plain(asked)} is less than the exchange takes in one order" if asked else "that is less than one step"
        return Refused(reason=Reason.BELOW_MIN_QUANTITY, detail=text)
    cut = Cut(
        cut_id=event.cut_id,
        reason=event.reason,
        quantity=quantity,
        worst_price=event.worst_price,
        create_time_ms=desk.now_ms,
    )
    if event.quantity is None or not running:
        _start(desk, cut, is_whole=event.quantity is None)
    else:
        put(desk, cut)
        note(desk, cut, "waits", f"of {plain(quantity)} waits for {running[0].cut_id} to end")
    return None


def uncut(holding: Group | Desk) -> Decimal:
    """What is held and no cut that is under way is going to take, on the step."""
    running = (cut for cut in holding.cuts if cut.state is CutState.RUNNING)
    spoken_for = sum((max(cut.quantity - cut.sold, ZERO) for cut in running), ZERO)
    return floor_to(max(cutting.held(holding) - spoken_for, ZERO), holding.instrument.step_size)


def _price(desk: Desk) -> Decimal | None:
    """What minimums are judged at: the price a close would get, else the newest known, however old."""
    return desk.fresh.closing(desk.side) if desk.fresh is not None else last_price(desk)


def _start(desk: Desk, cut: Cut, *, is_whole: bool = False) -> None:
    """It is this cut's turn. Where nothing sellable would stay the group closes with it (RISK-6, EXIT-6): at once, or
    where a worst price must be kept, which a close does not, when all of it is sold.
    """
    everything = floor_to(desk.held(), desk.instrument.step_size)
    quantity = everything if is_whole else cutting.cuttable(desk, cut.quantity, _price(desk))
    if not quantity and not is_whole:
        end(desk, cut, CutState.STOPPED, Reason.BELOW_MIN_QUANTITY)
        return
    note(desk, cut, "began", f"of {plain(quantity)} of {plain(desk.held())} begins, {cut.reason}")
    if cut.worst_price is None and (is_whole or quantity >= everything):
        put(desk, replace(cut, quantity=everything, is_whole=True))
        begin_close(desk, cut.reason)
    else:
        parts = cutting.parts_of(desk, quantity, desk.context.fees)
        worst_price = _earning(desk, parts, quantity, cut.worst_price)
        put(desk, replace(cut, quantity=quantity, parts=parts, worst_price=worst_price))


def _earning(desk: Desk, parts: tuple[CutPart, ...], quantity: Decimal, worst: Decimal | None) -> Decimal | None:
    """The worst price that was asked for, or a better one where these parts would lose by it: what was asked for is
    reckoned from what the group held a moment ago, and a fill since may have put a dearer leg first.
    """
    if worst is None:
        return None
    least = cutting.no_loss_price(desk, quantity, cost_of(desk, parts), desk.context.fees)
    return least if _is_worse(desk, worst, least) else worst


# --- what follows ---


def run(desk: Desk) -> None:
    """Goes on with the cut that runs, and with the next when it has ended. May begin to close the group."""
    end_stopped(desk)
    while (cut := active(desk)) is not None and not cut.is_whole:
        if cut.parts or cut.sold:
            _go_on(desk, cut)
        else:
            _start(desk, cut)
        if active(desk) is cut:
            return


def _go_on(desk: Desk, cut: Cut) -> None:
    if under_way(desk) or cut.stop_reason is not None:
        return
    if cut.sold >= cut.quantity:
        end(desk, cut, CutState.DONE, None)
        if cut.worst_price is not None and not floor_to(desk.held(), desk.instrument.step_size):
            begin_close(desk, cut.reason)
    elif not _is_selling_otherwise(desk):
        _sell_on(desk, cut)


def _is_selling_otherwise(desk: Desk) -> bool:
    """A watched target was reached: what is sold for it may be all that this cut needs."""
    hit = desk.hybrid_hit or any(pyramid.watch_hit for pyramid in desk.pyramids.values())
    return hit or bool(desk.closes) or bool(stops.leg_hits(desk.trails))


def _sell_on(desk: Desk, cut: Cut) -> None:
    """Sells what is free of the cut's rest, or ends it if no more of it can be sold."""
    left = min(cut.quantity - cut.sold, floor_to(desk.held(), desk.instrument.step_size))
    if left <= 0 or left < precision.min_quantity(desk.instrument):
        end(desk, cut, CutState.DONE, Reason.BELOW_MIN_QUANTITY)
        return
    place = _place(cut)
    quote = price_or_wait(desk, f"the cut of {where(place)}")
    if quote is None:
        return
    expected = quote.closing(desk.side)
    if _is_worse(desk, expected, cut.worst_price):
        end(desk, cut, CutState.STOPPED, Reason.NOT_PROFITABLE)
        return
    failed = _failures(desk, cut, place)
    price = _no_worse(desk, quote, closing_price(desk, quote, len(failed)), cut.worst_price)
    if not is_sendable(desk, left, expected, price):
        resort = last_resort(desk, quote, left)
        price = None if resort is None else _no_worse(desk, quote, resort, cut.worst_price)
        if price is None or not is_sendable(desk, left, expected, price):
            end(desk, cut, CutState.DONE, Reason.BELOW_MIN_NOTIONAL)
            return
    ready_ms = retry_time_ms(desk, failed)
    if desk.now_ms < ready_ms:
        desk.wake_at(ready_ms)
        return
    free = available(desk)
    if desk.context.shares_position:
        free = min(free, desk.free_beside_stops())
    send(desk, place, left, free=free, price=price, expected=expected, reason=cut.reason)


def _place(cut: Cut) -> Place:
    first = cut.parts[0]
    return (first.pyramid, first.leg)


def _failures(desk: Desk, cut: Cut, place: Place) -> list[Order]:
    """This cut's own."""
    return [order for order in failures(desk, Role.CLOSE, place) if order.create_time_ms >= cut.create_time_ms]


def _is_worse(desk: Desk, price: Decimal, worst: Decimal | None) -> bool:
    if worst is None:
        return False
    return price < worst if desk.side is Side.LONG else price > worst


def _no_worse(desk: Desk, quote: Quote, price: Decimal | None, worst: Decimal | None) -> Decimal | None:
    """The price of an order that must not get a worse one: then it is an immediate order at that price at most."""
    if worst is None:
        return price
    worst = precision.target_price(desk.side, worst, desk.instrument)
    if price is None or _is_worse(desk, price, worst):
        return precision.within_bounds(worst, quote.mid, desk.instrument, desk.side.exit)
    return price


# --- how it stands ---


@dataclass(frozen=True, slots=True, kw_only=True)
class CutStanding:
    """A cut and the targets of its group. `cut` None: the group knows none of that id."""

    cut: Cut | None
    targets_free: bool = False
    """No target counts on what is still to be cut."""
    targets_whole: bool = False
    """The cut has ended and what rests is as it should be, or cannot be better now."""


def standing(group: Group, cut_id: str, context: Context) -> CutStanding:
    cut = next((cut for cut in group.cuts if cut.cut_id == cut_id), None)
    if cut is None:
        return CutStanding(cut=None)
    desk = Desk(group, context, context.quote)
    is_running = cut.state is CutState.RUNNING
    if group.state in (GroupState.CLOSING, GroupState.CLOSED):
        return CutStanding(cut=cut, targets_free=not desk.targets, targets_whole=not (is_running or desk.targets))
    if not is_running:
        return CutStanding(cut=cut, targets_free=True, targets_whole=_are_whole(desk))
    is_free = cut is active(desk) and bool(cut.parts) and (bool(under_way(desk)) or _is_all_free(desk, cut))
    return CutStanding(cut=cut, targets_free=is_free)


def _is_all_free(desk: Desk, cut: Cut) -> bool:
    return available(desk) >= sum((part.quantity for part in cut.parts), ZERO)


def _are_whole(desk: Desk) -> bool:
    orders = [order for shelf in desk.targets.values() for order in shelf.values()]
    if any(order.cancel_requested or order.is_amending for order in orders):
        return False
    if desk.hybrid_hit:
        return True
    wanted: list[Wanted] = plan(desk)
    return is_resting(desk, wanted)
