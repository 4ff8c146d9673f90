"""What the exchange says of a group's orders, taken into the books.

Reports are cumulative and may be lost, doubled and reordered (ORD-5): trades are counted by id, states move by the
table of `lifecycle`, and a report that says nothing new changes nothing. A contradiction leaves the order as it is, but
its trades always count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from actors.rules.choices import LimitCloseFallback
from actors.rules.lifecycle import EVENT_OF_STATE, GroupEvent, IllegalMove, OrderEvent, move_order
from actors.rules.model import GroupState, Order, OrderReport, OrderState, OrderType, Reason, Role, Trade
from actors.rules.money import ZERO, plain
from actors.rules.position_amend import last_shape, take_shape
from actors.rules.position_books import count_trade
from actors.rules.position_desk import Desk
from actors.rules.position_entries import WAIT_REASONS, after_entry_ended
from actors.rules.position_orders import where
from actors.rules.position_retry import CLOSE_FAILING, beyond_slippage, failures
from actors.rules.position_trails import target_filled

LATE_FILL = "late_fill"

_REFUSED = {Role.ENTRY: "entry.refused", Role.STOP: "stop.failing"}
_FILLED = {Role.ENTRY: "entry.filled", Role.TAKE_PROFIT: "target.filled", Role.STOP: "stop.filled"}
_ENDING = frozenset({GroupState.CLOSING, GroupState.CLOSED})

PRECISION_REASONS = frozenset(
    {
        *(Reason.BAD_PRICE, Reason.BAD_QUANTITY, Reason.BELOW_MIN_QUANTITY, Reason.ABOVE_MAX_QUANTITY),
        *(Reason.BELOW_MIN_NOTIONAL,),
    }
)
"""Refusals Terrace's own checks must make impossible (PRC-7)."""


def take_reports(desk: Desk, reports: Iterable[OrderReport]) -> None:
    for report in reports:
        order = desk.orders.get(report.client_order_id)
        if order is None:
            _unknown(desk, report)
        else:
            _take(desk, order, report)


def _unknown(desk: Desk, report: OrderReport) -> None:
    desk.note(
        "order.unknown",
        f"a report about {report.client_order_id}, which is not among the group's orders, was not counted",
        "warning",
        alert=f"order_unknown/{report.client_order_id}",
    )


def _take(desk: Desk, before: Order, report: OrderReport) -> None:
    after, fills = _count(desk, before, report.trades)
    moved = _move(desk, _shaped(desk, after, report), report)
    if moved.is_final and moved.is_amending:
        moved = last_shape(moved, report)
    if moved is not before:
        if moved.update_time_ms != desk.now_ms:
            moved = replace(moved, update_time_ms=desk.now_ms)
        desk.put_order(moved)
    if fills:
        _after_fills(desk, before, moved, fills)
    if moved.is_final and not before.is_final:
        _after_end(desk, moved)
    if report.state is OrderState.FILLED and moved.filled_quantity < moved.quantity:
        desk.resolves.append(moved.client_order_id)  # Said to be filled, but not all its trades are known yet.


# --- trades and states ---


def _count(desk: Desk, order: Order, reported: tuple[Trade, ...]) -> tuple[Order, list[Trade]]:
    """Books what is new of the reported trades."""
    seen = {trade.trade_id for trade in order.trades}
    fills: list[Trade] = []
    for trade in reported:
        if trade.trade_id not in seen and trade.quantity > 0:
            seen.add(trade.trade_id)
            fills.append(trade)
    if not fills:
        return order, fills
    if desk.state is GroupState.CLOSED:
        _reopen(desk, order)
    for trade in fills:
        count_trade(desk, order, trade)
    quantity = sum((trade.quantity for trade in fills), order.filled_quantity)
    value = sum((trade.price * trade.quantity for trade in fills), ZERO) * desk.instrument.contract_size
    counted = replace(
        order,
        trades=(*order.trades, *fills),
        filled_quantity=quantity,
        filled_notional=order.filled_notional + value,
    )
    event = OrderEvent.FILLED if quantity >= order.most else OrderEvent.PARTLY_FILLED
    return _moved(desk, counted, event), fills


def _shaped(desk: Desk, order: Order, report: OrderReport) -> Order:
    """The order with what the report says of an amend; that may make what has filled of it all there is."""
    shaped = take_shape(desk, order, report)
    if shaped is order or shaped.is_final or not 0 < shaped.most <= shaped.filled_quantity:
        return shaped
    return _moved(desk, shaped, OrderEvent.FILLED)


def _move(desk: Desk, order: Order, report: OrderReport) -> Order:
    """The order with the reported state, id and words."""
    if report.exchange_order_id and report.exchange_order_id != order.exchange_order_id:
        order = replace(order, exchange_order_id=report.exchange_order_id)
    event = EVENT_OF_STATE[report.state] if report.state is not None else None
    if event is None:
        return order
    moved = _moved(desk, order, event)
    if moved.is_final and not order.is_final:
        reason = report.reason or (Reason.EXCHANGE_REFUSED if moved.state is OrderState.REJECTED else None)
        if reason is not None:
            moved = replace(moved, reason=reason, words=report.words)
    return moved


def _moved(desk: Desk, order: Order, event: OrderEvent) -> Order:
    state = move_order(order.state, event)
    if isinstance(state, IllegalMove):
        _contradiction(desk, order, state)
        return order
    return order if state is order.state else replace(order, state=state, update_time_ms=desk.now_ms)


def _contradiction(desk: Desk, order: Order, illegal: IllegalMove) -> None:
    """An order called dead that lives on is cancelled; of one that still counts as open the truth is asked again."""
    desk.alert(
        "order.contradiction",
        f"the exchange reports {order.client_order_id} as {illegal.event} after it was {illegal.state}",
        "error",
        order=order,
    )
    if illegal.state is OrderState.REJECTED:
        desk.cancels.append(order.client_order_id)
    elif not order.is_final:
        desk.resolves.append(order.client_order_id)


def _reopen(desk: Desk, order: Order) -> None:
    """A late fill on a closed group brings it back, flagged, to be flattened. Why it closed first is kept."""
    desk.move(GroupEvent.LATE_FILL, f"late fill of {order.client_order_id}")
    desk.close_time_ms = None
    desk.dust = desk.dust_value = ZERO


# --- what follows ---


def _after_fills(desk: Desk, before: Order, order: Order, fills: list[Trade]) -> None:
    quantity = sum((trade.quantity for trade in fills), ZERO)
    value = sum((trade.quantity * trade.price for trade in fills), ZERO)
    verb = "bought" if order.side.value == "buy" else "sold"
    place = where((order.pyramid, order.leg))
    done = "" if order.state is OrderState.FILLED else f", {plain(order.filled_quantity)} of {plain(order.quantity)}"
    text = f"{place} {verb} {plain(quantity)} at {_short(value / quantity)}{done}"
    kind = _FILLED.get(order.role, "close.filled")
    if kind == "target.filled" and order.state is OrderState.FILLED:
        kind = "target.hit"
    desk.note(kind, text, order=order)
    target_filled(desk, order, fills)
    if order.role is Role.STOP:
        desk.stop_filled = order.reason or Reason.STOP_LOSS
    if before.is_final:
        desk.flag(LATE_FILL)
        desk.alert("order.late_fill", f"{order.client_order_id} filled after it was {before.state}", order=order)


def _after_end(desk: Desk, order: Order) -> None:
    if order.type is not OrderType.LIMIT and beyond_slippage(desk, order):
        average = order.filled_notional / (order.filled_quantity * desk.instrument.contract_size)
        text = f"a market order got {_short(average)}, expected {order.expected_price}: beyond the bound"
        desk.alert("order.slippage", text, order=order)
    if order.role is Role.ENTRY:
        if order.state is OrderState.REJECTED:
            _refused(desk, order)
        after_entry_ended(desk, order)
    elif order.role is Role.CLOSE:
        _after_close_ended(desk, order)
    elif order.state is OrderState.REJECTED:
        _refused(desk, order)
    elif order.role is Role.STOP:
        pass  # Whether it is missed shows when everything that was reported is in the books (`position_stops`).
    elif order.state is not OrderState.FILLED and not order.cancel_requested and desk.state not in _ENDING:
        place = where((order.pyramid, order.leg))
        desk.alert("target.lost", f"the target of {place} was {order.state} from outside, replacing it", order=order)


def _refused(desk: Desk, order: Order) -> None:
    """Says that the exchange refused an order; of a precision refusal that it must not happen (PRC-7)."""
    place = where((order.pyramid, order.leg))
    words = f": {order.words}" if order.words else ""
    text = f"{order.role} order of {place} was refused, {order.reason or Reason.EXCHANGE_REFUSED}{words}"
    if order.reason in PRECISION_REASONS:
        desk.alert("order.precision", text, "error", category="precision", order=order)
    elif order.role is Role.ENTRY and order.reason in WAIT_REASONS:
        desk.note("entry.waits", text, "warning", order=order)
    elif order.reason is Reason.NEVER_ACCEPTED:
        desk.note("order.never_arrived", f"{order.role} order of {place} never reached the exchange", order=order)
    elif order.role is Role.CLOSE:
        desk.note("close.refused", text, "error", order=order)  # The alert is that of the failing close.
    else:
        desk.alert(_REFUSED.get(order.role, "target.failing"), text, "error", order=order)


def _after_close_ended(desk: Desk, order: Order) -> None:
    """A close that did not fill is tried again; from the last bounded attempt on, or after a refusal, it is failing
    and says so (EXIT-4, EXIT-5).
    """
    if order.state is OrderState.FILLED:
        desk.flag(CLOSE_FAILING, False)
        return
    if order.cancel_requested and order.state is not OrderState.REJECTED:
        return
    if order.state is OrderState.REJECTED:
        _refused(desk, order)
    execution = desk.context.execution
    tries = len(failures(desk, Role.CLOSE, (order.pyramid, order.leg)))
    refused = order.state is OrderState.REJECTED and order.reason is not Reason.NEVER_ACCEPTED
    if not refused and tries < execution.limit_close_attempts:
        desk.note("close.unfilled", f"close attempt {tries} ended {order.state}, trying again", "warning", order=order)
        return
    desk.flag(CLOSE_FAILING)
    by_market = not refused and execution.limit_close_fallback is LimitCloseFallback.MARKET
    then = "a market order follows" if by_market else "it is tried again until it succeeds"
    desk.alert("close.failing", f"closing failed {tries} times, {then}", "error", order=order)


def _short(price: Decimal) -> str:
    """An average for the eye: at most ten places."""
    return plain(round(price, 10))
