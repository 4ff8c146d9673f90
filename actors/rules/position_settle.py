"""What should be true of a group now, and the difference to what is. The one mechanism behind every event.

Running it twice without anything happening in between does nothing the second time.
"""

from __future__ import annotations

from dataclasses import replace

from actors.rules import position_cuts, position_exit, risk_timer, stops
from actors.rules.lifecycle import GroupEvent
from actors.rules.model import GroupState, Reason
from actors.rules.money import ZERO, plain
from actors.rules.position_close import begin_close, close_reason, finish, is_flat
from actors.rules.position_cut_books import end_stopped
from actors.rules.position_desk import Desk
from actors.rules.position_entries import cancel_given_up, expire, give_up_all, is_finished, place_entries
from actors.rules.position_retry import PRICE_STALE, pause_end_ms
from actors.rules.position_stops import close_after_fill, end_stops, settle_stops
from actors.rules.position_targets import Wanted, plan, settle_targets
from actors.rules.position_trails import end_leg_hit, settle_trails


def settle(desk: Desk) -> None:
    if desk.fresh is not None:
        desk.flag(PRICE_STALE, False)
    close_after_fill(desk)
    if desk.state not in (GroupState.CLOSING, GroupState.CLOSED):
        _manage(desk)
    if desk.state is GroupState.CLOSING:
        _close(desk)
    _cut_excess(desk)
    _repeat_requests(desk)


def _manage(desk: Desk) -> None:
    """A group that is not closing: hits, targets, entries, state; or the reason why it closes from now on."""
    expire(desk)
    cancel_given_up(desk)
    _sell_hits(desk)
    position_cuts.run(desk)
    if desk.state is GroupState.CLOSING:  # A cut whose turn came takes everything.
        return
    wanted = [] if desk.hybrid_hit else plan(desk)
    reason = close_reason(desk, wanted)
    if reason is None and not desk.hybrid_hit:
        settle_targets(desk, wanted)
        if place_entries(desk):  # A leg was given up, it may have been the last one.
            reason = close_reason(desk, wanted)
    if reason is None:
        _derive_state(desk, wanted)
        settle_trails(desk)
        settle_stops(desk)
        risk_timer.start(desk)
    else:
        begin_close(desk, reason)


def _sell_hits(desk: Desk) -> None:
    """Sells what a watched target has released; once that is done, the part may have a target again."""
    if desk.hybrid_hit and position_exit.sell(desk, None, Reason.TAKE_PROFIT):
        desk.hybrid_hit = False
    for pyramid in list(desk.pyramids.values()):
        if pyramid.watch_hit and position_exit.sell(desk, pyramid.index, Reason.TAKE_PROFIT):
            desk.put_pyramid(replace(pyramid, watch_hit=False))
    for index, leg in stops.leg_hits(desk.trails):
        if position_exit.sell(desk, index, Reason.TAKE_PROFIT, leg=leg):
            end_leg_hit(desk, index, leg)


def _close(desk: Desk) -> None:
    """Cancels what rests, sells what is free, and closes the group when nothing can happen any more (EXIT-1)."""
    give_up_all(desk, desk.close_reason or Reason.LATE_FILL)
    end_stops(desk)
    desk.cancel_all(desk.entries)
    end_stopped(desk)
    done = position_exit.sell(desk, None, desk.close_reason or Reason.LATE_FILL)
    if done and not desk.entries and not desk.stops:
        finish(desk)


def _derive_state(desk: Desk, wanted: list[Wanted]) -> None:
    """live, partially_filled or active (GRP-2)."""
    bought = any(leg.bought_quantity for leg in desk.legs())
    finished = all(is_finished(desk, leg) for leg in desk.legs())
    if not bought or (is_flat(desk, wanted) and not finished):
        state = GroupState.LIVE
    else:
        state = GroupState.ACTIVE if finished else GroupState.PARTIALLY_FILLED
    if state is desk.state:
        return
    if state is GroupState.LIVE:
        desk.move(GroupEvent.LADDER_KEPT, "flat, the unfilled entries wait")
    elif state is GroupState.ACTIVE:
        desk.move(GroupEvent.ENTRIES_FINISHED, "every entry is filled or finished")
    elif desk.state is GroupState.ACTIVE:
        desk.move(GroupEvent.PYRAMID_ADDED, "a new pyramid")
    else:
        desk.move(GroupEvent.ENTRY_FILLED, "an entry filled")


def _cut_excess(desk: Desk) -> None:
    """Cancels orders on the exit side that promise more than is held: a fill after a certain cancel, or a fee that a
    sale paid in the coin itself, can do that.
    """
    shelves = (*desk.targets.values(), *desk.closes.values())
    orders = [order for shelf in shelves for order in shelf.values() if not order.cancel_requested]
    excess = sum((order.remaining for order in orders), ZERO) - desk.held()
    if excess <= 0:
        return
    desk.alert("order.exits_exceed_held", f"open exits promise {plain(excess)} more than is held, cancelling")
    for order in sorted(orders, key=lambda order: -order.create_time_ms):
        if excess > 0:
            desk.cancel(order)
            excess -= order.remaining


def _repeat_requests(desk: Desk) -> None:
    """A cancel or an amend that has had no answer for a sweep's time is asked for again: a request may be lost, an
    order not.
    """
    pause_ms = desk.context.execution.sweep_interval_s * 1000
    for order in desk.open_orders():
        if order.cancel_requested or order.is_amending:
            due_ms = pause_end_ms(desk, order.update_time_ms, pause_ms)
            if desk.now_ms < due_ms:
                desk.wake_at(due_ms)
            else:
                desk.put_order(replace(order, update_time_ms=desk.now_ms))
                asked = desk.cancels if order.cancel_requested else desk.amends
                asked.append(order.client_order_id)
                desk.wake_at(desk.now_ms + pause_ms)
