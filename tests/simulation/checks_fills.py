"""Fills: those of the store are those of the venue, each once; a group holds what they say, sells no more than that,
and has realised what they brought (ORD-5, TP-7, PNL-1, PNL-2).

After every commit, for the groups it touched. The venue knows of an execution before the engine does, so while
something is under way the store may lack some; at rest it has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from actors.rules.model import GroupState, OrderState, Role, Trade
from actors.rules.records import AddTrade, BookingKind
from tests.simulation.checks_books import EXTERNAL, Books, GroupBook, coin_fee, n
from tests.simulation.checks_world import is_ours
from tests.simulation.promise import Promise, Violation

NOISE = Decimal("1e-15")
"""Shares of what happened to a whole position are cut at 18 places: sums of a few may differ by that."""


class FillChecks:
    def __init__(self, books: Books) -> None:
        self._books = books
        self.venue: dict[tuple[str, str, str], Trade] = {}
        """Every execution of an order of the engine, by account, client order id and trade id."""
        self._missing: dict[tuple[str, str, str], Trade] = {}
        """Those that the store does not have yet."""
        self.rows: Mapping[type, Callable[[Any], None]] = {AddTrade: self._stored}

    def traded(self, account: str, client_order_id: str, trade: Trade) -> None:
        """The venue has executed something."""
        if not is_ours(client_order_id):
            return
        place = (account, client_order_id, trade.trade_id)
        self.venue[place] = self._missing[place] = trade

    def _stored(self, row: AddTrade) -> None:
        trade = row.trade
        if row.client_order_id.startswith(EXTERNAL):
            self._share(row)
            return
        place = (row.account, row.client_order_id, trade.trade_id)
        there = self.venue.get(place)
        words = f"trade {trade.trade_id} of order {row.client_order_id} on {row.account}"
        if there is None:
            raise Violation(Promise.FILLS_AGREE, f"{words} is stored, the venue has none such")
        if (there.quantity, there.price, there.fee, there.fee_asset) != (
            trade.quantity,
            trade.price,
            trade.fee,
            trade.fee_asset,
        ):
            words += f" is stored as {n(trade.quantity)} at {n(trade.price)}, fee {n(trade.fee)} {trade.fee_asset}"
            words += f"; the venue has {n(there.quantity)} at {n(there.price)}, fee {n(there.fee)} {there.fee_asset}"
            raise Violation(Promise.FILLS_AGREE, words)
        self._missing.pop(place, None)

    def _share(self, row: AddTrade) -> None:
        """A made-up order is a share that was decided, at most as much of it."""
        shares = (
            booking.trade
            for booking in self._books.bookings.values()
            if booking.group_id == row.group_id and booking.kind is BookingKind.TRADE and booking.trade is not None
        )
        share = next((trade for trade in shares if trade.trade_id == row.trade.trade_id), None)
        if share is None or row.trade.quantity > share.quantity:
            words = f"{n(row.trade.quantity)} {row.symbol} was booked away from group {row.group_id}"
            raise Violation(Promise.FILLS_AGREE, f"{words}, decided was {share.quantity if share else 'nothing'}")

    # --- after every commit -----------------------------------------------------------------------

    def commit_ends(self) -> None:
        for known in self._books.touched_orders:
            if known.order.filled_quantity != known.filled:
                words = f"order {known.order.client_order_id} claims {n(known.order.filled_quantity)} filled"
                raise Violation(Promise.FILLS_AGREE, f"{words}, its stored trades are {n(known.filled)}")
            if known.order.state is OrderState.FILLED and known.filled < known.order.quantity:
                words = f"order {known.order.client_order_id} is stored as filled"
                raise Violation(Promise.FILLS_AGREE, f"{words} with {n(known.filled)} of {n(known.order.quantity)}")
        for book in self._books.touched.values():
            if book.net < 0:
                self._look_at_oversold(book)
            _look_at(book)

    def _look_at_oversold(self, book: GroupBook) -> None:
        """News of a sale may come before that of the purchase: what counts is what the venue has done by now."""
        bought = book.bought
        for (account, client_order_id, _), trade in self._missing.items():
            known = book.orders.get(client_order_id)
            if known is not None and account == book.group.account and known.order.role is Role.ENTRY:
                bought += trade.quantity - coin_fee(trade, book.group.instrument)
        if book.sold > bought + max(book.may_oversell, book.may_cross):
            words = f"{book.name} sold {n(book.sold)} and had bought {n(bought)}"
            raise Violation(Promise.NEVER_OVERSOLD, words)

    def at_rest(self) -> None:
        for (account, client_order_id, trade_id), trade in self._missing.items():
            words = f"trade {trade_id} of order {client_order_id} on {account}, {n(trade.quantity)} at {n(trade.price)}"
            raise Violation(Promise.FILLS_AGREE, f"{words}: the venue has it and the store does not")
        for (account, booking_id, group_id), booking in self._books.bookings.items():
            if (account, booking_id, group_id) not in self._books.booked and group_id in self._books.live:
                words = f"{booking.symbol}: {booking_id} was split, its share is not booked in group {group_id}"
                raise Violation(Promise.FILLS_AGREE, words)


def _look_at(book: GroupBook) -> None:
    group = book.group
    if book.claimed != book.net:
        words = f"{book.name} says it holds {n(book.claimed)}, its fills say {n(book.net)}"
        raise Violation(Promise.HOLDS_ITS_FILLS, words)
    if group.state is GroupState.CLOSED and group.dust != book.held:
        words = f"{book.name} closed with dust of {n(group.dust)}, its fills leave {n(book.held)}"
        raise Violation(Promise.HOLDS_ITS_FILLS, words)
    if group.state is GroupState.CLOSED:
        for name, known in book.orders.items():
            if not known.is_final:
                raise Violation(Promise.SETTLES, f"{book.name} closed while its order {name} was {known.order.state}")
    if book.exits > book.held and not book.may_promise_more:
        words = f"{book.name} holds {n(book.held)}, its open exits may still sell {n(book.exits)}"
        raise Violation(Promise.NEVER_OVERSOLD, words)
    _look_at_money(book)


def _look_at_money(book: GroupBook) -> None:
    """What its trades brought in is what it realised, less the cost of what it holds (PNL-2, mirrored for a short)."""
    group = book.group
    claimed = group.realized - group.side.sign * (book.cost + group.loose.cost)
    if book.cash != claimed and not (book.is_external and abs(book.cash - claimed) < NOISE):
        cost = n(book.cost + group.loose.cost)
        words = f"{book.name}: its trades brought in {n(book.cash)}, it claims {n(claimed)}"
        raise Violation(Promise.MONEY, f"{words}: realised {n(group.realized)}, cost of what it holds {cost}")
    if book.fees != group.fees and not (book.is_external and abs(book.fees - group.fees) < NOISE):
        words = f"{book.name}: its trades cost {n(book.fees)} in fees"
        raise Violation(Promise.MONEY, f"{words}, it claims {n(group.fees)}")
    if (book.profit, book.profit_fees) != (group.realized, group.fees):
        words = f"{book.name}: its ledger says {n(book.profit)} and fees of {n(book.profit_fees)}"
        raise Violation(Promise.MONEY, f"{words}, the group {n(group.realized)} and {n(group.fees)}")
