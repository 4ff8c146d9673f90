"""An account at rest: what groups hold together it has, and what they earned is what it gained (COVERED, MONEY).

What people and the venue itself did on the account is told apart by its orders. On spot they may have sold coins of the
groups; then the shortfall must stand as a difference (ORD-7) once a comparison could have seen it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from actors.rules.choices import Market, PositionMode
from actors.rules.model import Instrument, OrderSide, Side, Trade
from actors.rules.records import DriftKind
from daemon.exchanges.matching import LIQUIDATION, Book
from daemon.exchanges.paper_order import PaperOrder
from tests.simulation.checks_books import EXTERNAL, ZERO, Books, GroupBook, coin_fee, n, paid_fee, value
from tests.simulation.checks_world import Seen, book_of, is_ours
from tests.simulation.promise import Promise, Violation

NOISE = Decimal("1e-12")
"""A liquidation's price is a quotient, and shares of a position's trade are cut at 18 places."""
SEEN_MS = 60_000
"""By then two comparisons have seen what a person did."""


@dataclass(slots=True)
class Foreign:
    """What others than the engine traded of one symbol on an account."""

    quantity: Decimal = ZERO
    """Bought less sold, fees in the coin taken off."""
    cash: Decimal = ZERO
    """Quote received less paid."""
    last_ms: int = 0
    is_exact: bool = True

    def add(self, side: OrderSide, trade: Trade, instrument: Instrument) -> None:
        coins = coin_fee(trade, instrument)
        self.quantity += (trade.quantity if side is OrderSide.BUY else -trade.quantity) - coins
        worth = value(trade, instrument)
        self.cash += (worth if side is OrderSide.SELL else -worth) - paid_fee(trade, instrument)


class AccountChecks:
    def __init__(self, world: Seen, books: Books) -> None:
        self._world = world
        self._books = books
        self.foreign: dict[tuple[str, str], Foreign] = defaultdict(Foreign)
        """By account and symbol."""
        self._start = {name: dict(account.balances) for name, account in world.settings.accounts.items()}

    def traded(self, account: str, order: PaperOrder, trade: Trade) -> None:
        if is_ours(order.client_order_id):
            return
        instrument = book_of(self._world.venues[account]).markets[order.symbol].instrument
        found = self.foreign[(account, order.symbol)]
        found.add(order.side, trade, instrument)
        found.last_ms = self._world.system.now_ms()
        found.is_exact = found.is_exact and not order.client_order_id.startswith(LIQUIDATION)

    def at_rest(self) -> None:
        for account, venue in self._world.venues.items():
            book = book_of(venue)
            groups = self._groups_by_symbol(account)
            for symbol, here in groups.items():
                self._covered(account, symbol, here, book)
            self._earned(account, groups, book)

    def _groups_by_symbol(self, account: str) -> dict[str, list[GroupBook]]:
        found: dict[str, list[GroupBook]] = defaultdict(list)
        for book in self._books.groups.values():
            if book.group.account == account:
                found[book.group.symbol].append(book)
        return found

    # --- holdings ---------------------------------------------------------------------------------

    def _covered(self, account: str, symbol: str, groups: list[GroupBook], book: Book) -> None:
        instrument = book.markets[symbol].instrument
        foreign = self.foreign[(account, symbol)]
        by_hand = foreign.quantity - self._booked(groups).quantity
        if instrument.market is Market.SPOT:
            held = sum((group.claimed for group in groups), ZERO)
            start = self._start[account].get(instrument.base, ZERO)
            there = book.funds.total(instrument.base) - start
            if held != there - by_hand:
                words = f"groups hold {n(held)} {instrument.base}, account {account} has {n(there)}"
                raise Violation(Promise.COVERED, f"{words}, {n(by_hand)} of it by hand")
            self._explained(account, symbol, start + there, foreign)
            return
        held = sum((group.group.side.sign * group.claimed for group in groups), ZERO)
        there = sum((each.side.sign * each.quantity for each in _positions(book, symbol)), ZERO)
        if held != there - by_hand and abs(held - there + by_hand) >= NOISE:
            words = f"groups hold {n(held)} of {symbol}, the position on {account} is {n(there)}"
            raise Violation(Promise.COVERED, f"{words}, {n(by_hand)} of it by hand")
        if self._world.settings.accounts[account].position_mode is PositionMode.HEDGE and not foreign.last_ms:
            self._sides(account, symbol, groups, book)

    def _sides(self, account: str, symbol: str, groups: list[GroupBook], book: Book) -> None:
        """With hedging each side stands for itself, as long as nothing is done by hand."""
        for side in Side:
            held = sum((group.claimed for group in groups if group.group.side is side), ZERO)
            there = sum((each.quantity for each in _positions(book, symbol) if each.side is side), ZERO)
            if held != there:
                words = f"{side} groups hold {n(held)} of {symbol}, the {side} position on {account} is {n(there)}"
                raise Violation(Promise.COVERED, words)

    def _explained(self, account: str, symbol: str, there: Decimal, foreign: Foreign) -> None:
        """What live groups lack because somebody sold it must be known as a difference (ORD-7)."""
        live = (
            book for book in self._books.live.values() if (book.group.account, book.group.symbol) == (account, symbol)
        )
        missing = sum((book.claimed for book in live), ZERO) - there
        if missing <= 0 or self._world.system.now_ms() - foreign.last_ms <= SEEN_MS:
            return
        stands = any(
            drift.kind is DriftKind.UNCOVERED and drift.account == account and drift.symbol == symbol
            for drift in self._books.drifts.values()
        )
        if not stands:
            words = f"groups hold {n(missing)} {symbol} more than account {account} has, and no difference is shown"
            raise Violation(Promise.COVERED, words)

    @staticmethod
    def _booked(groups: list[GroupBook]) -> Foreign:
        """What of the foreign trades is in groups' books."""
        booked = Foreign()
        for group in groups:
            for name, order in group.orders.items():
                if name.startswith(EXTERNAL):
                    for trade in order.trades.values():
                        booked.add(order.order.side, trade, group.group.instrument)
        return booked

    # --- money ------------------------------------------------------------------------------------

    def _earned(self, account: str, groups: dict[str, list[GroupBook]], book: Book) -> None:
        """Realised and unrealised profit of its groups, at the venue's prices, are what the account gained."""
        by_quote: dict[str, list[str]] = defaultdict(list)
        for symbol, market in book.markets.items():
            by_quote[market.instrument.quote].append(symbol)
        for quote, symbols in by_quote.items():
            gained = book.funds.total(quote) - self._start[account].get(quote, ZERO)
            claimed, by_hand, is_exact = ZERO, ZERO, True
            for symbol in symbols:
                here, foreign = groups.get(symbol, []), self.foreign[(account, symbol)]
                gained += self._worth(account, symbol, book)
                price, size = book.markets[symbol].price or ZERO, book.markets[symbol].instrument.contract_size
                claimed += sum((_profit(group, price) for group in here), ZERO)
                booked = self._booked(here)
                by_hand += foreign.cash - booked.cash + (foreign.quantity - booked.quantity) * price * size
                is_exact = is_exact and foreign.is_exact and not booked.quantity
            difference = gained - by_hand - claimed
            if difference and (is_exact or abs(difference) >= NOISE):
                words = f"account {account} gained {n(gained - by_hand)} {quote}, its groups say {n(claimed)}"
                raise Violation(Promise.MONEY, f"{words}: {n(difference)} is not accounted for")

    def _worth(self, account: str, symbol: str, book: Book) -> Decimal:
        """What the account has of a symbol beyond its quote, at the price."""
        market = book.markets[symbol]
        price, instrument = market.price or ZERO, market.instrument
        if instrument.market is Market.SPOT:
            start = self._start[account].get(instrument.base, ZERO)
            return (book.funds.total(instrument.base) - start) * price
        worth = ZERO
        for each in _positions(book, symbol):
            worth += (price * each.quantity * instrument.contract_size - each.cost) * each.side.sign
        return worth


@dataclass(frozen=True, slots=True)
class _Held:
    side: Side
    quantity: Decimal
    cost: Decimal


def _positions(book: Book, symbol: str) -> Iterator[_Held]:
    for each in book.settlement.positions():
        if each.symbol == symbol and each.quantity:
            yield _Held(each.side, each.quantity, each.cost)


def _profit(book: GroupBook, price: Decimal) -> Decimal:
    """What the group claims: realised, and what it holds at this price."""
    group = book.group
    worth = price * book.claimed * group.instrument.contract_size - (book.cost + group.loose.cost)
    return group.realized + group.side.sign * worth - book.funding
