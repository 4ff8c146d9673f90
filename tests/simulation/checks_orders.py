"""Orders at the venue: committed under their own group before they were sent, as they were committed, and each once
(ORD-2, ORD-3).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from actors.gateway_hand import reshaped
from actors.rules.model import Order, OrderSide, OrderState, OrderType
from daemon.exchanges.paper_order import PaperOrder
from tests.simulation.checks_books import Books, GroupBook
from tests.simulation.checks_world import group_named, is_ours
from tests.simulation.promise import Promise, Violation


@dataclass(frozen=True, slots=True)
class Accepted:
    """An order as the venue took it."""

    account: str
    client_order_id: str
    symbol: str
    side: OrderSide
    type: OrderType
    quantity: Decimal
    price: Decimal | None
    reduce_only: bool

    @classmethod
    def of(cls, account: str, order: PaperOrder) -> Accepted:
        return cls(
            account,
            order.client_order_id,
            order.symbol,
            order.side,
            order.type,
            order.quantity,
            order.price,
            order.reduce_only,
        )

    def __str__(self) -> str:
        price = "the market" if self.price is None else self.price
        return f"order {self.client_order_id}: {self.side} {self.quantity} {self.symbol} at {price} on {self.account}"


class OrderChecks:
    def __init__(self, books: Books) -> None:
        self._books = books
        self.accepted: dict[tuple[str, str], PaperOrder] = {}
        """Every order of the engine that a venue ever took, by account and client order id, as it is there now."""

    def commit_ends(self) -> None:
        """An order ends in the store only when it has ended at the venue."""
        for known in self._books.touched_orders:
            order = known.order
            there = self.accepted.get((order.account, order.client_order_id)) if known.is_final else None
            if there is not None and there.state in (OrderState.OPEN, OrderState.PARTIALLY_FILLED):
                words = f"order {order.client_order_id} is stored as {order.state} ({order.reason})"
                raise Violation(Promise.ORDER_KNOWN, f"{words}, at the venue it is {there.state}")

    def accept(self, order: Accepted, there: PaperOrder) -> None:
        """The venue has taken it. `there` changes with what becomes of it."""
        if not is_ours(order.client_order_id):
            return
        place = (order.account, order.client_order_id)
        if place in self.accepted:
            raise Violation(Promise.ORDER_ONCE, f"{order} was accepted twice")
        self.accepted[place] = there
        group_id = group_named(order.client_order_id)
        owner = self._books.order_group.get(order.client_order_id)
        if owner is None:
            raise Violation(Promise.ORDER_KNOWN, f"{order} is at the venue, but was never committed")
        book = self._books.groups[owner]
        if owner != group_id:
            words = f"{order} names group {group_id}, but was committed by {book.name}"
            raise Violation(Promise.ORDER_KNOWN, words)
        self._compare(order, book)

    @staticmethod
    def _compare(order: Accepted, book: GroupBook) -> None:
        known = book.orders[order.client_order_id]
        stored = known.order
        if known.is_final:
            words = f"{order} was accepted after {book.name} had stored it as {stored.state} ({stored.reason})"
            raise Violation(Promise.ORDER_KNOWN, words)
        there = (order.account, order.symbol, order.side, order.type, order.reduce_only)
        here = (stored.account, stored.symbol, stored.side, stored.type, stored.reduce_only)
        if there != here or not any(_has_shape(order, each) for each in (stored, reshaped(stored))):
            words = f"{order} was committed as {stored.side} {stored.quantity} {stored.symbol} at {stored.price}"
            raise Violation(Promise.ORDER_KNOWN, f"{words} by {book.name}")


def _has_shape(order: Accepted, stored: Order) -> bool:
    """One that was changed before it left is committed with what it is to be."""
    return order.quantity == stored.quantity and (order.type is not OrderType.LIMIT or order.price == stored.price)
