"""The stop of a group: which price is in force, and the order that rests for it (TP-9, ORD-13, GRP-6).

The daemon watches every stop. On swaps whose exchange can, a stop also rests there, so that a position is protected
while the daemon is down; the watch beside it is set a little later, and at the stop itself wherever the resting one is
missing, refused, on its way or not for all that is held.

Nothing is sold twice:
1. A resting stop promises nothing of what is held (`Desk.bound`): targets rest for the same quantity. It only reduces,
   so the venue sells no more than the position is.
2. That protects a group from itself, not its neighbours: where a target fills and the price comes back before the stop
   is made smaller, or while the daemon is down, the stop would sell what others hold. So it rests only as long as no
   other group trades the same position of the account; else it is watched (`Context.shares_position`). A newcomer's
   entries wait until the stop's cancel is certain (`Context.is_held_by_stop`).
3. Whoever sells all that is held waits until the cancel of a stop that is there is certain. One of which that is not
   known does not hold up a close, and a part is sold beside it: see 1.
4. One stop rests at a time. It is moved by a cancel, at most once per `tp_reprice_ms`, and placed anew when that is
   certain; meanwhile the watch stands at the stop's own price.
5. A stop that fills begins the close of the rest.
"""

from __future__ import annotations

from decimal import Decimal

from actors.rules import precision, stops
from actors.rules.choices import Market
from actors.rules.model import GroupState, Order, OrderState, Quote, Reason, Role, Signal
from actors.rules.money import plain
from actors.rules.position_close import begin_close
from actors.rules.position_desk import Desk
from actors.rules.position_orders import Place
from actors.rules.position_retry import failures, pause_end_ms, retry_time_ms
from actors.rules.stops import Stop

STOP_FAILING = "stop_failing"
GROUP: Place = (None, None)


# --- what signals ask for ---


def take_levels(desk: Desk, signal: Signal, entry_price: Decimal) -> None:
    """Takes over the stop and target a signal names, where they are accepted. The newest that names one counts, for the
    whole group. One on the wrong side of the signal's own entry would close at once: it is not taken.
    """
    if not desk.settings.accept_signal_stops:
        return
    if signal.stop_loss is not None:
        if signal.stop_loss > 0 and stops.is_beyond(desk.side, entry_price, signal.stop_loss):
            desk.stop_loss = signal.stop_loss
        else:
            _say_wrong(desk, "stop", signal.stop_loss, entry_price)
    if signal.take_profit is not None:
        if signal.take_profit > 0 and stops.is_beyond(desk.side, signal.take_profit, entry_price):
            desk.take_profit = signal.take_profit
        else:
            _say_wrong(desk, "target", signal.take_profit, entry_price)


def _say_wrong(desk: Desk, what: str, price: Decimal, entry_price: Decimal) -> None:
    text = f"the signal's {what} {plain(price)} is on the wrong side of its entry {plain(entry_price)}: it is not taken"
    desk.alert(f"signal.{what}", text, category="signal")


# --- a stop is reached ---


def stop_reached(desk: Desk, quote: Quote) -> None:
    """The watched price is there: the whole group closes."""
    if desk.stop_price is None:
        return
    reason = desk.stop_reason or Reason.STOP_LOSS
    text = f"the stop {plain(desk.stop_price)} was reached at {plain(quote.closing(desk.side))}: {reason}"
    desk.note("stop.reached", text, "warning")
    begin_close(desk, reason)


def close_after_fill(desk: Desk) -> None:
    """A resting stop has filled, if only in part: the rest goes, too."""
    if desk.stop_filled is not None and desk.state not in (GroupState.CLOSING, GroupState.CLOSED):
        begin_close(desk, desk.stop_filled)


# --- what should be ---


def settle_stops(desk: Desk) -> None:
    """The stop in force, and the order for it, of a group that is not closing."""
    if desk.stop_price is None and not desk.stops and not stops.are_asked_for(desk.settings, desk.stop_loss):
        desk.flag(STOP_FAILING, False)
        return
    stop = stops.in_force(desk, desk.context.fees)
    _show(desk, stop)
    if stop is None or not _may_rest(desk):
        desk.cancel_all(desk.stops)
        desk.flag(STOP_FAILING, False)
        return
    rules = precision.for_exits(desk.instrument)
    quantity = precision.max_sendable(desk.held(), stop.price, rules, market=True)
    orders = [order for shelf in desk.stops.values() for order in shelf.values()]
    if not quantity:
        desk.cancel_all(desk.stops)
    elif orders:
        _adjust(desk, orders, stop, quantity)
    else:
        desk.flag(STOP_FAILING, _place(desk, stop, quantity))


def end_stops(desk: Desk) -> None:
    """A group that is closing has no stop: it is sold as it is."""
    desk.stop_price = desk.stop_reason = None
    if desk.trails:
        desk.trails = {}
    desk.flag(STOP_FAILING, False)
    desk.cancel_all(desk.stops)


def _show(desk: Desk, stop: Stop | None) -> None:
    if stop is not None and stop.reason is not desk.stop_reason:
        desk.note("stop.set", f"the stop in force is {plain(stop.price)}, {stop.reason}")
    price, reason = (None, None) if stop is None else (stop.price, stop.reason)
    if price != desk.stop_price:
        desk.stop_price = price
    desk.stop_reason = reason


def _may_rest(desk: Desk) -> bool:
    is_swap = desk.instrument.market is Market.SWAP
    if not desk.context.can_stop or not is_swap or desk.hybrid_hit:
        return False
    if desk.context.shares_position:
        desk.wake_at(desk.now_ms + desk.context.execution.sweep_interval_s * 1000)
        return False
    return True


def _adjust(desk: Desk, orders: list[Order], stop: Stop, quantity: Decimal) -> None:
    """Cancels what rests otherwise than it should; what is wanted follows when that is certain."""
    if any(order.cancel_requested for order in orders):
        return
    if len(orders) == 1 and (orders[0].trigger_price, orders[0].remaining) == (stop.price, quantity):
        desk.flag(STOP_FAILING, STOP_FAILING in desk.flags and orders[0].state is OrderState.PENDING)
        return
    if _is_reached(desk, stop):
        return  # It is being reached: better at an earlier price than not at all.
    placed_ms = max(order.create_time_ms for order in orders)
    ready_ms = pause_end_ms(desk, placed_ms, desk.settings.tp_reprice_ms)
    if desk.now_ms < ready_ms:
        desk.wake_at(ready_ms)
        return
    desk.cancel_all(desk.stops)


def _place(desk: Desk, stop: Stop, quantity: Decimal) -> bool:
    """Places the stop. True if the exchange refuses it and it is only watched until the next try."""
    failed = failures(desk, Role.STOP, GROUP)
    refused = bool(failed) and failed[0].state is OrderState.REJECTED
    ready_ms = retry_time_ms(desk, failed)
    if desk.now_ms < ready_ms:
        desk.wake_at(ready_ms)
        return refused
    if _is_reached(desk, stop):  # The exchange would refuse it; the watch closes.
        desk.wake_at(desk.now_ms + desk.context.execution.sweep_interval_s * 1000)
        return refused
    if failed and not refused:
        text = f"the stop was {failed[0].state} from outside, replacing it"
        desk.alert("stop.lost", text, order=failed[0])
    desk.place(
        Role.STOP,
        GROUP,
        quantity,
        price=None,
        trigger_price=stop.price,
        expected_price=stop.price,
        reason=stop.reason,
    )
    return refused


def _is_reached(desk: Desk, stop: Stop) -> bool:
    return desk.fresh is not None and not stops.is_beyond(desk.side, desk.fresh.closing(desk.side), stop.price)
