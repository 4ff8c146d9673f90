"""What changes a group from outside: positions taken away, funding, orders adopted (ORD-13, ORD-7, PNL-1).

Invariants:
1. A share of an execution is booked once: the made-up order it becomes has an id made of the group and the trade.
2. Never more is booked away than is held; what is beyond is named and left out.
3. An order is adopted only where the group's books stay sound: an entry fits a leg that has none, an exit sells no
   more than is free.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal

from actors.rules import precision
from actors.rules.events import FundingBooked, OrderAdopted, ShareTaken
from actors.rules.model import (
    GroupState,
    Leg,
    Order,
    OrderState,
    OrderType,
    Reason,
    Refused,
    Role,
    Trade,
)
from actors.rules.money import ZERO, plain
from actors.rules.position_books import count_trade
from actors.rules.position_close import begin_close
from actors.rules.position_desk import Desk
from actors.rules.position_entries import is_complete
from actors.rules.position_orders import where
from actors.rules.shares import cut

EXTERNAL_CHANGE = "external_change"
"""The flag of a group whose books were changed by something that is not an order of ours."""
LIQUIDATION = "liquidation"
_ID_CHARS = 21


def external_order_id(group_id: str, trade_id: str) -> str:
    """The id of a made-up order. With its dash it can be no order of Terrace's at an exchange."""
    return "ext-" + hashlib.sha256(f"{group_id}/{trade_id}".encode()).hexdigest()[:_ID_CHARS]


# --- a part of the position went (ORD-13) ---


def take_share(desk: Desk, event: ShareTaken) -> None:
    """Books the group's share of an execution as a close that is not of an order of ours; targets shrink with it."""
    name = external_order_id(desk.before.group_id, event.trade.trade_id)
    if name in desk.orders:
        return
    trade = _at_most(event.trade, desk.held())
    left_out = event.trade.quantity - trade.quantity
    desk.flag(EXTERNAL_CHANGE)
    if not trade.quantity:
        desk.alert("external.change", _words(event, trade, left_out), "error")
        return
    order = _made_up(desk, name, event, trade)
    desk.put_order(order)
    count_trade(desk, order, trade)
    desk.alert("external.change", _words(event, trade, left_out), "error", order=order)
    if desk.state is GroupState.CLOSED:
        _take_of_dust(desk)
    else:
        _close_if_gone(desk, trade, event.cause)


def _take_of_dust(desk: Desk) -> None:
    """What it was left with when it closed went too: the record of that is of what is there now (PRC-6)."""
    if desk.dust:
        desk.dust_value = cut(desk.dust_value, desk.held(), desk.dust)
    desk.dust = desk.held()


def _at_most(trade: Trade, held: Decimal) -> Trade:
    if trade.quantity <= held:
        return trade
    fee, value = (cut(amount, held, trade.quantity) for amount in (trade.fee, trade.fee_value))
    return replace(trade, quantity=held, fee=fee, fee_value=value)


def _made_up(desk: Desk, name: str, event: ShareTaken, trade: Trade) -> Order:
    group = desk.before
    return Order(
        client_order_id=name,
        group_id=group.group_id,
        account=group.account,
        symbol=group.symbol,
        pyramid=None,
        leg=None,
        role=Role.CLOSE,
        attempt=0,
        side=desk.side.exit,
        type=OrderType.MARKET,
        price=None,
        quantity=trade.quantity,
        state=OrderState.FILLED,
        trades=(trade,),
        reason=_reason(event.cause),
        words=event.cause,
        create_time_ms=desk.now_ms,
        update_time_ms=desk.now_ms,
        filled_quantity=trade.quantity,
        filled_notional=trade.price * trade.quantity * desk.instrument.contract_size,
    )


def _reason(cause: str) -> Reason:
    return Reason.LIQUIDATED if cause == LIQUIDATION else Reason.EXTERNAL_CLOSE


def _words(event: ShareTaken, trade: Trade, left_out: Decimal) -> str:
    cause = event.cause.replace("_", " ")
    text = f"{plain(trade.quantity)} went without an order of ours ({cause}), booked at {plain(trade.price)}"
    return f"{text}; {plain(left_out)} more than it holds is not booked" if left_out else text


def _close_if_gone(desk: Desk, trade: Trade, cause: str) -> None:
    """Nothing sellable is left: the group closes, and the rest of its ladder buys no more."""
    if desk.state is GroupState.CLOSING:
        return
    if not precision.max_sendable(desk.held(), trade.price, desk.instrument):
        begin_close(desk, _reason(cause))


# --- funding (PNL-1) ---


def take_funding(desk: Desk, event: FundingBooked) -> None:
    desk.funding += event.amount
    desk.realized += event.amount
    verb = "received" if event.amount >= 0 else "paid"
    desk.note(
        "group.funding",
        f"funding {verb}: {plain(abs(event.amount))} {desk.instrument.quote}",
        attributes={"funding_id": event.funding_id},
    )


# --- an order of ours that the group does not know (ORD-7) ---


def adopt(desk: Desk, event: OrderAdopted) -> Refused | None:
    """Puts the order into the group's books. What was filled of it comes with its report."""
    order = event.order
    if order.client_order_id in desk.orders:
        return _no("the group has had this order and holds it for final; flatten it")
    if desk.state in (GroupState.CLOSING, GroupState.CLOSED):
        return _no("the group is closing; flatten the order")
    if order.symbol != desk.before.symbol:
        return _no(f"the order is on {order.symbol}, the group on {desk.before.symbol}")
    is_entry = order.role is Role.ENTRY
    if order.side is not (desk.side.entry if is_entry else desk.side.exit):
        return _no(f"the order's side is {order.side}, which is not what a {order.role} of a {desk.side} group is")
    refused = _entry_fits(desk, order) if is_entry else _exit_fits(desk, order)
    if refused is None:
        desk.put_order(order)
        desk.flag(EXTERNAL_CHANGE)
        desk.note("order.adopted", f"{order.client_order_id} was taken into the books", "warning", order=order)
    return refused


def _entry_fits(desk: Desk, order: Order) -> Refused | None:
    leg = _leg(desk, order)
    place = where((order.pyramid, order.leg))
    if leg is None:
        return _no(f"the group has no {place}; flatten the order")
    if (order.pyramid, order.leg) in desk.entries:
        return _no(f"{place} has an open entry of its own; flatten this one")
    if leg.cancel_reason is not None or is_complete(leg):
        return _no(f"{place} buys no more; flatten the order")
    if order.quantity > leg.quantity - leg.bought_quantity:
        missing = plain(leg.quantity - leg.bought_quantity)
        return _no(f"{place} lacks {missing} only, the order is for {plain(order.quantity)}; flatten it")
    return None


def _exit_fits(desk: Desk, order: Order) -> Refused | None:
    free = desk.held() - (ZERO if order.role is Role.STOP else desk.bound())
    if order.role is Role.STOP and desk.stops:
        return _no("the group has a stop of its own; flatten this one")
    if order.quantity > free:
        return _no(f"the order sells {plain(order.quantity)}, {plain(max(free, ZERO))} is free to be sold; flatten it")
    return None


def _leg(desk: Desk, order: Order) -> Leg | None:
    return next((leg for leg in desk.legs() if (leg.pyramid, leg.index) == (order.pyramid, order.leg)), None)


def _no(detail: str) -> Refused:
    return Refused(reason=Reason.NOT_ADOPTABLE, detail=detail)
