"""Targets changed in place where the exchange can (ORD-9), and what its answers mean.

Invariants:
1. Until an amend is certain its order may have either quantity: the larger one counts as bound (TP-7).
2. An amend is certain when the exchange reports the order as wanted, refuses, or the order is final. A report that
   shows the earlier price and quantity says nothing: it may be older than the request.
3. An open target that the exchange, asked since its last change, shows otherwise than it was brought there was changed
   by somebody else: it is asked to be as it was, and the larger quantity is bound.
4. An order whose amend was refused, or whose fate nobody knows, is cancelled and placed anew. A late amend then finds
   no order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from actors.rules import precision
from actors.rules.model import Order, OrderReport, OrderState, Reason, Role
from actors.rules.money import ZERO, plain
from actors.rules.position_desk import Desk
from actors.rules.position_exit import chunk
from actors.rules.position_orders import where

_RESTING = frozenset({OrderState.OPEN, OrderState.PARTIALLY_FILLED})
MAX_PARTS = 20
"""Most orders one target is split into (TP-10). What is beyond follows when they have filled."""


def parts(desk: Desk, quantity: Decimal, price: Decimal) -> list[Decimal]:
    """Quantities of the orders that carry a target of this quantity, each one sendable."""
    found: list[Decimal] = []
    left = quantity
    for _ in range(MAX_PARTS):
        part = chunk(left, left, price, precision.for_exits(desk.instrument), market=False)
        if not part:
            break
        found.append(part)
        left -= part
    return found


def last_change_ms(order: Order) -> int:
    """When it was made, or last asked to be amended (TP-10)."""
    return order.create_time_ms if order.amend_time_ms is None else order.amend_time_ms


def was_refused(desk: Desk, orders: Sequence[Order]) -> bool:
    """Whether the exchange has just refused to amend one of these."""
    return any(order.client_order_id in desk.unamendable for order in orders)


def amend(desk: Desk, orders: Sequence[Order], price: Decimal, quantity: Decimal) -> bool:
    """Asks to bring a target's orders to `price`, and together to `quantity` that can still fill. False: that cannot
    be done in place, nothing was asked.
    """
    if not desk.context.can_amend or was_refused(desk, orders):
        return False
    mark = None if desk.fresh is None else desk.fresh.mid
    if not precision.in_band(price, mark, desk.instrument, desk.side.exit):
        return False
    wanted = sorted(parts(desk, quantity, price), reverse=True)
    if len(wanted) != len(orders):
        return False
    by_size = sorted(orders, key=lambda order: -order.remaining)
    shapes = [(order, order.filled_quantity + part) for order, part in zip(by_size, wanted, strict=True)]
    most = precision.max_quantity(desk.instrument, price=price)
    if most is not None and any(whole > most for _, whole in shapes):
        return False
    growth = sum((max(whole - order.quantity, ZERO) for order, whole in shapes), ZERO)
    if growth > desk.free():
        return False
    for order, whole in shapes:
        if (order.price, order.quantity) != (price, whole):
            desk.amend(order, price, whole)
    return True


# --- what the exchange says -----------------------------------------------------------------------


def take_shape(desk: Desk, order: Order, report: OrderReport) -> Order:
    """The order with the price and quantity that are certain after this report. Only targets are ever amended."""
    if order.role is not Role.TAKE_PROFIT or order.price is None or order.is_final:
        return order
    price, quantity = _told(order, report)
    if report.state is not None and report.state.is_final:
        return _ended(order, report.state, price, quantity)
    if order.is_amending:
        return _answered(desk, order, report, price, quantity)
    is_certain = report.shape_ms is not None and report.shape_ms > last_change_ms(order)
    if is_certain and report.state in _RESTING and order.state in _RESTING:
        return _brought_back(desk, order, price or order.price, quantity or order.quantity)
    return order


def _answered(desk: Desk, order: Order, report: OrderReport, price: Decimal | None, quantity: Decimal | None) -> Order:
    if (price, quantity) == (order.wanted_price, order.wanted_quantity):
        return _certain(order, price, quantity)
    if report.reason is Reason.OUTCOME_UNKNOWN:
        return _given_up(desk, order)
    if report.reason is not None:
        _say_refused(desk, order, report)
        desk.unamendable.add(order.client_order_id)
        return _certain(order, price, quantity)
    return order


def last_shape(order: Order, report: OrderReport) -> Order:
    """An order that ended while it was being amended, with the price and quantity it ended with as far as that shows:
    one that filled with the quantity it was to have, and not with the one it had, has been amended.
    """
    price, quantity = order.price, order.quantity
    if order.state is OrderState.FILLED and order.filled_quantity == order.wanted_quantity != order.quantity:
        price, quantity = order.wanted_price or order.price, order.filled_quantity
    if order.state is OrderState.FILLED and report.quantity == quantity and report.price:
        price = report.price
    return replace(order, price=price, quantity=quantity, wanted_price=None, wanted_quantity=None)


def _told(order: Order, report: OrderReport) -> tuple[Decimal | None, Decimal | None]:
    """What the report says of price and quantity, as far as it can be."""
    price, quantity = report.price, report.quantity
    is_possible = quantity is not None and quantity > 0 and quantity >= order.filled_quantity
    return (price if price is not None and price > 0 else None, quantity if is_possible else None)


def _certain(order: Order, price: Decimal | None, quantity: Decimal | None) -> Order:
    """None: as it was."""
    return replace(
        order,
        price=order.price if price is None or price == order.price else price,
        quantity=order.quantity if quantity is None or quantity == order.quantity else quantity,
        wanted_price=None,
        wanted_quantity=None,
    )


def _ended(order: Order, state: OrderState, price: Decimal | None, quantity: Decimal | None) -> Order:
    """A filled order has the quantity it was filled with, though not all its trades may be known. Of one that ended
    otherwise nothing is certain before it counts as ended.
    """
    if state is OrderState.FILLED and quantity is None and order.filled_quantity == order.wanted_quantity:
        quantity = order.filled_quantity
    shaped = _certain(order, price, quantity)
    if state is not OrderState.FILLED or (quantity is None and order.is_amending):
        shaped = replace(shaped, wanted_price=order.wanted_price, wanted_quantity=order.wanted_quantity)
    return order if shaped == order else shaped


def _brought_back(desk: Desk, order: Order, price: Decimal, quantity: Decimal) -> Order:
    """What rests at the exchange is Terrace's to change: a target for less, or at another price, would leave what the
    group holds without its own.
    """
    if order.cancel_requested or (price, quantity) == (order.price, order.quantity):
        return order
    assert order.price is not None
    place, found = where((order.pyramid, order.leg)), f"{plain(quantity)} at {plain(price)}"
    text = f"the target of {place} is {found} at the exchange: asked back to {plain(order.quantity)} at "
    desk.note("target.changed_outside", text + plain(order.price), "warning", order=order)
    desk.amends.append(order.client_order_id)
    return replace(
        order,
        price=price,
        quantity=quantity,
        wanted_price=order.price,
        wanted_quantity=order.quantity,
        amend_time_ms=desk.now_ms,
    )


def _given_up(desk: Desk, order: Order) -> Order:
    """Whether the amend took effect is not known, nor whether it still may."""
    if order.cancel_requested:
        return order
    place = where((order.pyramid, order.leg))
    text = f"whether the target of {place} was amended is uncertain: it is cancelled and placed anew"
    desk.note("target.amend_uncertain", text, "warning", order=order)
    desk.cancels.append(order.client_order_id)
    return replace(order, cancel_requested=True)


def _say_refused(desk: Desk, order: Order, report: OrderReport) -> None:
    assert order.wanted_price is not None
    assert order.wanted_quantity is not None
    wish = f"{plain(order.wanted_quantity)} at {plain(order.wanted_price)}"
    words = f": {report.words}" if report.words else ""
    text = f"amending the target of {where((order.pyramid, order.leg))} to {wish} was refused, {report.reason}{words}"
    desk.note("target.amend_refused", text, "warning", order=order)
