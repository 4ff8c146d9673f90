"""What a Gateway holds of one order: how far its request is, and what the exchange said last."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from actors.rules.model import Order, OrderReport, OrderState, Reason, Role
from actors.rules.rates import Work

PRIORITY = {Role.CLOSE: 0, Role.STOP: 0, Role.TAKE_PROFIT: 2, Role.ENTRY: 3}
CANCEL_PRIORITY = 1
"""Exits before cancels before targets before entries (SPEC REC-4, ORD-12)."""
WORK = {Role.CLOSE: Work.CLOSE, Role.STOP: Work.CLOSE, Role.TAKE_PROFIT: Work.TARGET, Role.ENTRY: Work.ENTRY}
"""What sending an order of this role is to the request budget."""


class Stage(Enum):
    """How far the order itself is."""

    QUEUED = "queued"
    """Waits for its turn to be sent."""
    SENT = "sent"
    """Left, no answer yet."""
    WAITING = "waiting"
    """Failed without effect, will be sent again."""
    LOOKING = "looking"
    """Its fate is unknown; it is looked up until that is certain."""
    OPEN = "open"
    """Known to be at the exchange."""
    DONE = "done"
    """Final and reported."""


class CancelStage(Enum):
    """How far its cancel, or its amend, is."""

    NONE = "none"
    WANTED = "wanted"
    """As soon as the order's own fate is known, or the pause is over."""
    QUEUED = "queued"
    SENT = "sent"


@dataclass(slots=True, kw_only=True)
class Hand:
    client_order_id: str
    group_id: str
    order: Order | None
    """None: ours by its name, but nobody here has asked for it (ORD-7)."""
    stage: Stage
    cancel: CancelStage = CancelStage.NONE
    asked_ms: int = 0
    """When its group wanted it sent."""
    sent_ms: int = 0
    """When it last left in this life of the gateway; 0: never."""
    known_ms: int = 0
    """When the exchange last told of it."""
    is_acknowledged: bool = False
    is_awaited: bool = False
    """A group asked for its fate: the next answer goes out even if it is no news."""
    tries: int = 0
    """Times it was sent without effect."""
    looks: int = 0
    """Look-ups since its fate became unknown."""
    cancel_tries: int = 0
    amend: CancelStage = CancelStage.NONE
    wanted: Order | None = None
    """What the order shall become (`wanted_price`, `wanted_quantity`), while an amend is pursued."""
    amend_sent: Order | None = None
    """The newest of these that left."""
    amend_ms: int = 0
    amend_tries: int = 0
    fault: tuple[Reason, str] | None = None
    """Why an amend was refused, or that its fate is unknown; goes out with the next report."""
    doubted: Order | None = None
    """The amend `fault` is about: a report that shows it done says enough."""
    shape: tuple[Decimal | None, Decimal | None] = (None, None)
    """Price and quantity its group goes by, as far as it was told; none yet: those of `order`."""
    shape_ms: int = 0
    """When it was last sent, amended, or an amend ended: what was asked before may show it as it was."""
    is_sure: bool = False
    """What is told now was asked for after that."""
    turn: int = 0
    """Changes with every step; a timer set for an earlier one means nothing."""
    unknown_since_ms: int | None = None
    incomplete_since_ms: int | None = None
    """Since when the exchange tells of it, but not of all its executions."""
    rest_since_ms: int | None = None
    """Since when its end leaves its group asking, see `leaves_open`."""
    rest_asks: int = 0
    """Times it was asked for because of that."""
    absent_ms: int | None = None
    """When an exchange that had acknowledged it was first asked in vain."""
    last: OrderReport | None = None

    @property
    def priority(self) -> int:
        return PRIORITY[self.order.role] if self.order else PRIORITY[Role.ENTRY]

    @property
    def work(self) -> Work:
        return WORK[self.order.role] if self.order else Work.ENTRY

    @property
    def is_exit(self) -> bool:
        return self.work is Work.CLOSE


def reshaped(order: Order) -> Order:
    """An `AmendOrders` order as it is once that is done."""
    return replace(
        order,
        price=order.price if order.wanted_price is None else order.wanted_price,
        quantity=order.quantity if order.wanted_quantity is None else order.wanted_quantity,
        wanted_price=None,
        wanted_quantity=None,
    )


def is_same_wish(one: Order | None, other: Order) -> bool:
    """Whether two `AmendOrders` of an order ask for the same: a group that was reloaded asks again."""
    if one is None:
        return False
    return (one.wanted_price, one.wanted_quantity) == (other.wanted_price, other.wanted_quantity)


def is_strange(hand: Hand, report: OrderReport) -> bool:
    """Whether an open target is shown otherwise than its group knows it."""
    order, shown = hand.order, (report.price, report.quantity)
    if order is None or order.role is not Role.TAKE_PROFIT or order.is_amending or None in shown:
        return False
    return shown != ((order.price, order.quantity) if hand.shape == (None, None) else hand.shape)


def is_shaped(report: OrderReport, order: Order) -> bool:
    """Whether the exchange shows the order with this price and quantity."""
    return (report.price, report.quantity) == (order.price, order.quantity)


def has_more(last: OrderReport, order: Order) -> bool:
    """Whether this tells of executions that are not booked."""
    return not {trade.trade_id for trade in last.trades} <= {trade.trade_id for trade in order.trades}


def is_done(hand: Hand, report: OrderReport) -> bool:
    """Whether the exchange shows the order as an amend of unknown fate was to make it."""
    return hand.doubted is not None and is_shaped(report, reshaped(hand.doubted))


def leaves_open(last: OrderReport | None, order: Order) -> bool:
    """Whether this end tells a group nothing that it has not booked, and yet cannot be the whole of it: said to be
    filled with less than was ordered, or refused after a part of it had filled.
    """
    if last is None or has_more(last, order):
        return False
    if last.state is OrderState.FILLED:
        return order.filled_quantity < order.quantity
    return last.state is OrderState.REJECTED and order.state is OrderState.PARTIALLY_FILLED


def merged(last: OrderReport | None, new: OrderReport) -> OrderReport | None:
    """What is known of an order after another report; None if that is nothing new.

    Trades only ever add up, a final state is not taken back by an overtaken report, `None` is no state, and a price or
    quantity that is not told is the one known before.
    """
    if last is None:
        return new
    price, quantity = _shape(last, new)
    is_same_shape = (price, quantity) == (last.price, last.quantity)
    if new.state is last.state and new.trades == last.trades and is_same_shape:
        return None
    trades = {trade.trade_id: trade for trade in last.trades}
    trades.update((trade.trade_id, trade) for trade in new.trades)
    state = last.state if new.state is None or _is_overtaken(last, new) else new.state
    if len(trades) == len(last.trades) and state is last.state and is_same_shape:
        return None
    source = new if state is new.state else last
    return replace(
        source,
        state=state,
        trades=tuple(trades.values()),
        time_ms=max(last.time_ms, new.time_ms),
        price=price,
        quantity=quantity,
    )


def _shape(last: OrderReport, new: OrderReport) -> tuple[Decimal | None, Decimal | None]:
    """Price and quantity after an amend, by the newer of the two. Without a time it is news."""
    if 0 < new.time_ms < last.time_ms:
        new, last = last, new
    return (
        last.price if new.price is None else new.price,
        last.quantity if new.quantity is None else new.quantity,
    )


def _is_overtaken(last: OrderReport, new: OrderReport) -> bool:
    if last.state is None or new.state is None:
        return False
    if last.state.is_final:
        return not new.state.is_final or last.state is OrderState.FILLED
    return last.state is OrderState.PARTIALLY_FILLED and new.state is OrderState.OPEN
