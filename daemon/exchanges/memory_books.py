"""A paper account's books in memory: what `PaperBooks` keeps in a file, for replay, simulation and tests.

They last as long as the object. What was saved is a value: the book goes on changing its own orders and positions, and
what it has not saved is not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from actors.rules.model import Balance, Side
from daemon.exchanges.matching import BookState, Changes
from daemon.exchanges.paper_books import OPENED, Ledger
from daemon.exchanges.paper_order import PaperOrder
from daemon.exchanges.settlement import PaperPosition


class MemoryBooks:
    """`paper_books.Books`. Used by one thread at a time; grows with the orders, as a file does."""

    def __init__(self) -> None:
        self._facts: dict[str, str] = {}
        self._prices: dict[str, Decimal] = {}
        self._balances: dict[str, Balance] = {}
        self._positions: dict[tuple[str, Side], PaperPosition] = {}
        self._orders: dict[int, PaperOrder] = {}
        self._open: dict[int, PaperOrder] = {}
        self._newest: dict[str, int] = {}
        """By client order id: the number of the newest order of that name."""
        self._last_order = 0
        self._last_trade = 0

    def load(self) -> tuple[BookState | None, dict[str, str]]:
        if OPENED not in self._facts:
            return None, dict(self._facts)
        state = BookState(
            balances=self._sorted_balances(),
            positions=self._sorted_positions(),
            orders=tuple(order.copy() for _, order in sorted(self._open.items())),
            prices=dict(self._prices),
            next_order=self._last_order + 1,
            next_trade=self._last_trade + 1,
        )
        return state, dict(self._facts)

    def open_account(self, balances: Iterable[Balance]) -> None:
        self.save(Changes(orders=(), trades=(), balances=tuple(balances), positions=()), {}, {OPENED: "1"})

    def save(self, changes: Changes, prices: Mapping[str, Decimal], facts: Mapping[str, str]) -> None:
        for order in changes.orders:
            self._save_order(order)
        if changes.trades:
            self._last_trade = max(self._last_trade, *(int(trade.trade_id) for _, trade in changes.trades))
        for balance in changes.balances:
            self._balances[balance.asset] = balance
        for position in changes.positions:
            self._positions[position.symbol, position.side] = position.copy()
        self._prices.update(prices)
        self._facts.update(facts)

    def _save_order(self, order: PaperOrder) -> None:
        """A finished order does not change any more and is kept as it is."""
        number = order.number
        if order.state.is_final:
            kept = order
            self._open.pop(number, None)
        else:
            kept = self._open[number] = order.copy()
        self._orders[number] = kept
        self._last_order = max(self._last_order, number, order.amend_number)
        if number >= self._newest.get(order.client_order_id, number):
            self._newest[order.client_order_id] = number

    def find(self, client_order_id: str) -> PaperOrder | None:
        number = self._newest.get(client_order_id)
        return None if number is None else self._orders[number]

    def ledger(self) -> Ledger:
        """Everything, as `paper_books.ledger` reads it from a file. Orders are not for changing."""
        return Ledger(
            balances={balance.asset: balance for balance in self._sorted_balances()},
            positions=self._sorted_positions(),
            orders=tuple(order for _, order in sorted(self._orders.items())),
        )

    def close(self) -> None:
        """Nothing is held that could be given back."""

    def _sorted_balances(self) -> tuple[Balance, ...]:
        return tuple(balance for _, balance in sorted(self._balances.items()))

    def _sorted_positions(self) -> tuple[PaperPosition, ...]:
        return tuple(position.copy() for _, position in sorted(self._positions.items()))
