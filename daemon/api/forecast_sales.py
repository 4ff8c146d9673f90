"""What follows a decision that must wait: sales that begin when the cancels it asks for are certain (TP-7)."""

from __future__ import annotations

from actors.rules import position
from actors.rules.events import CancelOrders, Context, Decision, OrdersReported, SubmitOrders
from actors.rules.model import Order, OrderReport, OrderState, Refused, Role


def sold_after_cancels(decision: Decision, context: Context) -> tuple[Order, ...]:
    """The closes the group would send at the prices of now, if all that is being cancelled filled no further."""
    if not any(isinstance(effect, CancelOrders) for effect in decision.effects):
        return ()
    gone = tuple(
        OrderReport(client_order_id=order.client_order_id, state=OrderState.CANCELLED, time_ms=context.now_ms)
        for order in decision.group.open_orders()
        if order.cancel_requested
    )
    later = position.step(decision.group, OrdersReported(reports=gone), context)
    if isinstance(later, Refused):
        return ()
    sent = [name for effect in later.effects if isinstance(effect, SubmitOrders) for name in effect.client_order_ids]
    orders = (later.group.orders[name] for name in sent)
    return tuple(order for order in orders if order.role is Role.CLOSE)
