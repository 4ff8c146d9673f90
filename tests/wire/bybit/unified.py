"""Spot and perpetuals as one account, for whoever knows only one: the server, its faults and its admin.

Order ids of the two books never meet. A symbol means the default category's where both have it; `spot:BTCUSDT` or
`linear:BTCUSDT` says which. Prices move on both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from actors.rules.model import Balance, Instrument
from tests.wire.core.account import Changed, Placed, Rejected, SimAccount, SimOrder, SimPosition, SimTrade

SECOND_IDS = 900_000_001
"""Where the perpetuals' order numbers begin."""


class UnifiedAccount(SimAccount):
    """Has no book of its own: everything goes to the two."""

    def __init__(self, accounts: Mapping[str, SimAccount], default: str, clock: Callable[[], int]) -> None:
        self.accounts, self.default, self.clock = accounts, default, clock
        first = accounts[default]
        self.exchange, self.market, self.fees, self.settings = first.exchange, first.market, first.fees, first.settings
        self.instruments = first.instruments
        self.book, self.leverages = first.book, first.leverages

    def of_symbol(self, symbol: str) -> tuple[SimAccount, str]:
        """KeyError for a symbol that neither has."""
        category, colon, name = symbol.partition(":")
        if colon:
            return self.accounts[category], name
        for account in (self.accounts[self.default], *self.accounts.values()):
            if symbol in account.instruments:
                return account, symbol
        raise KeyError(symbol)

    def of_order(self, order_id: str) -> SimAccount:
        for account in self.accounts.values():
            if any(order.order_id == order_id for order in account.all_orders()):
                return account
        return self.accounts[self.default]

    # --- looking ----------------------------------------------------------------------------------

    def instrument(self, venue_symbol: str) -> Instrument | None:
        try:
            account, name = self.of_symbol(venue_symbol)
        except KeyError:
            return None
        return account.instrument(name)

    def price(self, venue_symbol: str) -> Decimal | None:
        account, name = self.of_symbol(venue_symbol)
        return account.price(name)

    def bid_ask(self, venue_symbol: str) -> tuple[Decimal, Decimal] | None:
        account, name = self.of_symbol(venue_symbol)
        return account.bid_ask(name)

    def order(self, *, order_id: str = "", client_order_id: str = "", symbol: str = "") -> SimOrder | None:
        found = (
            account.order(order_id=order_id, client_order_id=client_order_id, symbol=symbol)
            for account in self.accounts.values()
        )
        return next((order for order in found if order is not None), None)

    def orders(self, symbol: str | None = None, *, open_only: bool) -> list[SimOrder]:
        return [each for account in self.accounts.values() for each in account.orders(symbol, open_only=open_only)]

    def all_orders(self) -> list[SimOrder]:
        return [order for account in self.accounts.values() for order in account.all_orders()]

    def trades(self, symbol: str | None = None, *, since_ms: int = 0, order_id: str = "") -> list[SimTrade]:
        return [
            trade
            for account in self.accounts.values()
            for trade in account.trades(symbol, since_ms=since_ms, order_id=order_id)
        ]

    def all_trades(self) -> list[SimTrade]:
        return [trade for account in self.accounts.values() for trade in account.all_trades()]

    def balances(self) -> list[Balance]:
        return self.accounts[self.default].balances()

    def positions(self, symbol: str | None = None) -> list[SimPosition]:
        return self.accounts["linear"].positions(symbol)

    def leverage(self, venue_symbol: str) -> int:
        return self.accounts["linear"].leverage(venue_symbol)

    # --- doing ------------------------------------------------------------------------------------

    def place(self, order: SimOrder) -> Placed | Rejected:
        try:
            account, name = self.of_symbol(order.symbol)
        except KeyError:
            account, name = self.accounts[self.default], order.symbol
        return account.place(replace(order, symbol=name))

    def cancel(self, *, order_id: str = "", client_order_id: str = "", symbol: str = "") -> SimOrder | None:
        found = (
            account.cancel(order_id=order_id, client_order_id=client_order_id, symbol=symbol)
            for account in self.accounts.values()
        )
        return next((order for order in found if order is not None), None)

    def fill(self, order_id: str, quantity: Decimal) -> SimOrder:
        return self.of_order(order_id).fill(order_id, quantity)

    def expire(self, order_id: str, words: str = "") -> SimOrder | None:
        return self.of_order(order_id).expire(order_id, words)

    def hide(self, order_id: str, ms: int) -> None:
        self.of_order(order_id).hide(order_id, ms)

    def set_price(self, venue_symbol: str, price: Decimal) -> None:
        account, name = self.of_symbol(venue_symbol)
        only = ":" in venue_symbol
        for each in [account] if only else list(self.accounts.values()):
            if name in each.instruments:
                each.set_price(name, price)

    def liquidate(self, venue_symbol: str) -> int:
        return self.accounts["linear"].liquidate(venue_symbol.rpartition(":")[2])

    def pay_funding(self, venue_symbol: str, amount: Decimal) -> None:
        self.accounts["linear"].pay_funding(venue_symbol.rpartition(":")[2], amount)

    def change_balance(self, asset: str, amount: Decimal) -> None:
        self.accounts[self.default].change_balance(asset, amount)

    def on_change(self, call: Callable[[Changed], None]) -> Callable[[], None]:
        stops = [account.on_change(call) for account in self.accounts.values()]

        def stop() -> None:
            for each in stops:
                each()

        return stop
