"""The checker's own books: what the rows of durable commits say, folded one by one.

Kept apart from the product's: sums are made here from trades and rows, never taken from a group's own figures. The
checks compare these with what groups, orders and queue claim. Everything costs as much as the rows of the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from actors.rules.choices import Market
from actors.rules.model import Group, Instrument, Key, Leg, Order, OrderSide, OrderState, Outcome, Role, Trade
from actors.rules.records import (
    AddBooking,
    AddProfit,
    AddTrade,
    BookingKind,
    DriftState,
    MarkBooked,
    RaiseAlert,
    ResolveAlert,
    SaveDrift,
    SaveGroup,
    SaveLeg,
    SaveOrder,
    SavePyramid,
)
from tests.simulation.promise import Promise, Violation

ZERO = Decimal(0)
EXTERNAL = "ext-"
"""How made-up orders are called: shares of what somebody else did to a position (ORD-13)."""
_FINAL = (OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.EXPIRED)


@dataclass(slots=True)
class OrderBook:
    """An order as last stored, and what was filled of it by its trades."""

    order: Order
    filled: Decimal = ZERO
    trades: dict[str, Trade] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        return self.order.state in _FINAL

    @property
    def open_quantity(self) -> Decimal:
        """What could still fill, by its trades; of one that is being amended the larger of both sizes."""
        if self.order.state in _FINAL:
            return ZERO
        wanted = self.order.wanted_quantity
        most = self.order.quantity if wanted is None or wanted < self.order.quantity else wanted
        return most - self.filled


@dataclass(slots=True)
class GroupBook:
    """A group by its rows. Quantities are in the instrument's unit, money in quote."""

    group: Group
    legs: dict[tuple[int, int], Leg] = field(default_factory=dict)
    pyramids: dict[int, str] = field(default_factory=dict)
    """Index to the signal that added it."""
    lots: Decimal = ZERO
    """Sum of what its stored legs hold."""
    cost: Decimal = ZERO
    orders: dict[str, OrderBook] = field(default_factory=dict)
    bought: Decimal = ZERO
    """Received by entry trades, fees in the coin itself taken off."""
    sold: Decimal = ZERO
    """Given by exit trades, with fees in the coin itself."""
    cash: Decimal = ZERO
    """Quote that its trades and its funding brought in, less what they cost."""
    funding: Decimal = ZERO
    fees: Decimal = ZERO
    profit: Decimal = ZERO
    """Sum of its rows in the ledger."""
    profit_fees: Decimal = ZERO
    has_bought: bool = False
    """An entry has filled in the present commit."""
    exits: Decimal = ZERO
    """What its open targets and closes may still sell."""
    is_external: bool = False
    """Something outside changed what it holds."""
    may_promise_more: bool = False
    """Its open exits may be for more than it holds, for the time being: something outside sold for it, its resting stop
    did, which promises nothing of what is held (TP-9), or a fill came after its order was final."""
    may_oversell: Decimal = ZERO
    """Something outside sold for it while exits were out already: by so much they may sell more than is left, if the
    position of a neighbour lets them. Nobody could have known."""

    @property
    def net(self) -> Decimal:
        """By its trades; negative: more was sold than is known to be bought."""
        return self.bought - self.sold

    @property
    def held(self) -> Decimal:
        return max(self.net, ZERO)

    @property
    def claimed(self) -> Decimal:
        """By its own rows."""
        return self.lots + self.group.loose.quantity - self.group.oversold.quantity

    @property
    def may_cross(self) -> Decimal:
        """What a stop and targets that all rested have sold together at most: where the price crosses both before a
        cancel can arrive, what the account holds beside the group may be sold (docs/promises.md).
        """
        return min(self._sold_by(Role.STOP), self._sold_by(Role.TAKE_PROFIT))

    def _sold_by(self, role: Role) -> Decimal:
        return sum((known.filled for known in self.orders.values() if known.order.role is role), ZERO)

    @property
    def name(self) -> str:
        return named(self.group)


def n(number: Decimal) -> str:
    """For words: without exponent and needless zeros."""
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def named(group: Group) -> str:
    key = group.key
    return f"{key.symbol} {key.timeframe} {group.side} on {key.account} (group {group.group_id})"


def value(trade: Trade, instrument: Instrument) -> Decimal:
    return trade.price * trade.quantity * instrument.contract_size


def coin_fee(trade: Trade, instrument: Instrument) -> Decimal:
    """What the fee took of the coin itself."""
    in_coin = instrument.market is Market.SPOT and trade.fee_asset == instrument.base
    return trade.fee if in_coin else ZERO


def paid_fee(trade: Trade, instrument: Instrument) -> Decimal:
    """What the fee took of the quote, third assets at their value when paid."""
    if trade.fee_asset == instrument.quote:
        return trade.fee
    return ZERO if coin_fee(trade, instrument) else trade.fee_value


class Books:
    """Groups with their orders, bookings and alerts that stand."""

    def __init__(self) -> None:
        self.groups: dict[str, GroupBook] = {}
        self.order_group: dict[str, str] = {}
        self.live: dict[str, GroupBook] = {}
        self.alerts: dict[str, RaiseAlert] = {}
        self.drifts: dict[str, SaveDrift] = {}
        """Differences that stand, those a person accepted included."""
        self.bookings: dict[tuple[str, str, str], AddBooking] = {}
        self.booked: set[tuple[str, str, str]] = set()
        self.touched: dict[str, GroupBook] = {}
        """Groups that the present commit says something of."""
        self.reopened: set[str] = set()
        """Groups that were closed before the present commit and are not any more."""
        self.touched_orders: list[OrderBook] = []
        self.opened: list[GroupBook] = []
        """Groups that are new in the present commit."""
        self.rows: Mapping[type, Callable[[Any], None]] = {
            SaveGroup: self._group,
            SavePyramid: self._pyramid,
            SaveLeg: self._leg,
            SaveOrder: self._order,
            AddTrade: self._trade,
            AddProfit: self._profit,
            AddBooking: self._booking,
            MarkBooked: self._mark,
            RaiseAlert: self._raise,
            ResolveAlert: self._resolve,
            SaveDrift: self._drift,
        }

    def begin(self) -> None:
        """A new commit begins."""
        if self.touched:
            self.touched = {}
        if self.touched_orders:
            self.touched_orders = []
        if self.opened:
            self.opened = []
        if self.reopened:
            self.reopened = set()

    def _group(self, row: SaveGroup) -> None:
        group = row.group
        group_id = group.group_id
        book = self.groups.get(group_id)
        if book is None:
            book = self.groups[group_id] = GroupBook(group=group)
            self.opened.append(book)
        else:
            _same_group(book.group, group)
            if book.group.is_closed and not group.is_closed:
                self.reopened.add(group_id)
            book.group = group
        if group.is_closed:
            self.live.pop(group_id, None)
        else:
            self.live[group_id] = book
        self.touched[group_id] = book

    def _of(self, group_id: str, what: str) -> GroupBook:
        book = self.groups.get(group_id)
        if book is None:
            raise Violation(Promise.HOLDS_ITS_FILLS, f"{what} was stored for group {group_id}, which is not stored")
        self.touched[group_id] = book
        return book

    def _pyramid(self, row: SavePyramid) -> None:
        book = self._of(row.group_id, "a pyramid")
        book.pyramids[row.pyramid.index] = row.pyramid.signal_id

    def _leg(self, row: SaveLeg) -> None:
        book, leg = self._of(row.group_id, "a leg"), row.leg
        place = (leg.pyramid, leg.index)
        old = book.legs.get(place)
        if old is None:
            book.lots += leg.lot.quantity
            book.cost += leg.lot.cost
        elif old.lot is not leg.lot:
            book.lots += leg.lot.quantity - old.lot.quantity
            book.cost += leg.lot.cost - old.lot.cost
        book.legs[place] = leg

    def _order(self, row: SaveOrder) -> None:
        order = row.order
        book = self._of(order.group_id, f"order {order.client_order_id}")
        known = book.orders.get(order.client_order_id)
        if known is None:
            owner = self.order_group.setdefault(order.client_order_id, order.group_id)
            if owner != order.group_id:
                words = f"order {order.client_order_id} was stored for group {owner} and for group {order.group_id}"
                raise Violation(Promise.ORDER_ONCE, words)
            known = book.orders[order.client_order_id] = OrderBook(order=order)
        else:
            if order.role in _SELLING:
                book.exits -= known.open_quantity
            if known.is_final and order.filled_quantity > known.filled:
                book.may_promise_more = True
            known.order = order
        if order.role in _SELLING:
            book.exits += known.open_quantity
        self.touched_orders.append(known)

    def _trade(self, row: AddTrade) -> None:
        book, trade = self._of(row.group_id, f"trade {row.trade.trade_id}"), row.trade
        known = book.orders.get(row.client_order_id)
        if known is None:
            words = (
                f"{book.name}: trade {trade.trade_id} counts for order {row.client_order_id}, which it does not have"
            )
            raise Violation(Promise.FILLS_AGREE, words)
        if trade.trade_id in known.trades:
            words = f"{book.name}: trade {trade.trade_id} of order {row.client_order_id} was counted twice"
            raise Violation(Promise.FILLS_AGREE, words)
        order, instrument = known.order, book.group.instrument
        known.trades[trade.trade_id] = trade
        if order.role in _SELLING:
            book.exits -= known.open_quantity
        known.filled += trade.quantity
        if order.role in _SELLING:
            book.exits += known.open_quantity
        coins, paid = coin_fee(trade, instrument), paid_fee(trade, instrument)
        if order.role is Role.ENTRY:
            book.bought += trade.quantity - coins
            book.has_bought = True
        else:
            book.sold += trade.quantity + coins
        worth = value(trade, instrument)
        book.cash += (worth if order.side is OrderSide.SELL else -worth) - paid
        book.fees += paid + coins * trade.price * instrument.contract_size
        if order.role is Role.STOP:
            book.may_promise_more = True
        elif row.client_order_id.startswith(EXTERNAL):
            book.is_external = book.may_promise_more = True
            book.may_oversell = max(book.may_oversell, book.exits - book.held)

    def _profit(self, row: AddProfit) -> None:
        book = self._of(row.group_id, "profit")
        book.profit += row.realized
        book.profit_fees += row.fees

    def _booking(self, row: AddBooking) -> None:
        place = (row.account, row.booking_id, row.group_id)
        if place in self.bookings:
            words = f"{row.booking_id} of {row.symbol} on {row.account} was split twice for group {row.group_id}"
            raise Violation(Promise.FILLS_AGREE, words)
        self.bookings[place] = row

    def _mark(self, row: MarkBooked) -> None:
        place = (row.account, row.booking_id, row.group_id)
        booking = self.bookings.get(place)
        if booking is None or place in self.booked:
            what = "twice" if booking is not None else "though it is not stored"
            raise Violation(Promise.FILLS_AGREE, f"{row.booking_id} was booked {what} in group {row.group_id}")
        self.booked.add(place)
        book = self._of(row.group_id, f"booking {row.booking_id}")
        book.is_external = book.may_promise_more = True
        if booking.kind is BookingKind.FUNDING:
            book.cash += booking.amount
            book.funding += booking.amount

    def _raise(self, row: RaiseAlert) -> None:
        self.alerts.pop(row.alert_key, None)
        self.alerts[row.alert_key] = row

    def _resolve(self, row: ResolveAlert) -> None:
        self.alerts.pop(row.alert_key, None)

    def _drift(self, row: SaveDrift) -> None:
        if row.state is DriftState.RESOLVED:
            self.drifts.pop(row.drift_id, None)
        else:
            self.drifts[row.drift_id] = row


_SELLING = (Role.TAKE_PROFIT, Role.CLOSE)
"""Roles that promise what is held. A stop does not: it only reduces."""


def _same_group(old: Group, new: Group) -> None:
    """What a group is never changes."""
    if (old.key, old.side, old.slot_token, old.signal_id) != (new.key, new.side, new.slot_token, new.signal_id):
        raise Violation(Promise.ONE_GROUP_PER_KEY, f"{named(old)} became {named(new)}")


def is_waiting(outcome: Outcome) -> bool:
    return outcome is Outcome.QUEUED or outcome is Outcome.REPLACED


def worded(key: Key) -> str:
    return f"{key.symbol} {key.timeframe} on {key.account}"
