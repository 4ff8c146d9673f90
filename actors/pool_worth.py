"""A world's worth in the reporting currency, at fresh marks. None where a price is missing; nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from actors.messages import AccountChanged
from actors.pool_books import PoolBooks
from actors.ports import Catalogue, Marks
from actors.rules import profit
from actors.rules.choices import Market, World
from actors.rules.model import ZERO, Quote
from actors.rules.money import round_cost
from actors.rules.precision import is_recent, usable
from actors.rules.settings import AccountSettings, Settings

_ONE = Decimal(1)


class Worth:
    """Pool's groups and accounts of one world, valued by the boards."""

    def __init__(
        self, books: PoolBooks, world: World, marks: Marks, catalogue: Catalogue, settings: Callable[[], Settings]
    ) -> None:
        self._books = books
        self._world = world
        self._marks = marks
        self._catalogue = catalogue
        self._settings = settings

    def accounts(self) -> Iterable[AccountSettings]:
        return (account for account in self._settings().accounts.values() if account.world is self._world)

    def in_reporting(self, amounts: Mapping[str, Decimal], now_ms: int, account: str = "") -> Decimal | None:
        """Amounts by asset as one sum."""
        total = ZERO
        for asset, amount in amounts.items():
            if not amount:
                continue
            price = self.rate(asset, now_ms, account)
            if price is None:
                return None
            total += amount * price
        return total

    def rate(self, asset: str, now_ms: int, account: str = "") -> Decimal | None:
        """One unit of an asset, at a mark of this account, else of any other."""
        currency = self._settings().engine.reporting_currency
        if asset == currency:
            return _ONE
        for name in (account, *self._settings().accounts):
            quote = self.fresh(name, f"{asset}/{currency}", now_ms)
            if quote is not None:
                return quote.mid
        return None

    def fresh(self, account: str, symbol: str, now_ms: int) -> Quote | None:
        """The mark, unless it is too old to decide by, or no price at all (ORD-10)."""
        quote = usable(self._marks.quote(account, symbol))
        most_s = self._settings().execution.max_quote_age_s
        return quote if quote is not None and is_recent(quote, now_ms, most_s) else None

    def unrealized(self, now_ms: int, market: Market | None = None) -> Decimal | None:
        """Of all groups that hold something, or of those on one kind of market."""
        total = ZERO
        prices: dict[tuple[str, str, str], tuple[Decimal, Decimal] | None] = {}
        for live in self._books.groups.values():
            if live.told.held and market in (None, live.instrument.market):
                told, instrument = live.told, live.instrument
                place = (told.key.account, told.key.symbol, instrument.quote)
                if place not in prices:  # Many groups share a symbol: its price is asked for once.
                    prices[place] = self._mid_and_rate(*place, now_ms)
                price = prices[place]
                if price is None:
                    return None
                value = price[0] * told.held * instrument.contract_size
                total += profit.realized(told.side, value, told.cost) * price[1]
        return total

    def _mid_and_rate(self, account: str, symbol: str, asset: str, now_ms: int) -> tuple[Decimal, Decimal] | None:
        """The mark of a symbol, and what one unit of its quote asset is worth."""
        quote = self.fresh(account, symbol, now_ms)
        rate = self.rate(asset, now_ms, account)
        return None if quote is None or rate is None else (quote.mid, rate)

    def equity(self, now_ms: int) -> Decimal | None:
        """Of all accounts of the world: what lies on them, on swaps with the unrealised profit of their positions."""
        total = ZERO
        for account in self.accounts():
            known = self._books.accounts.get(account.name)
            worth = None if known is None or not known.ready else self._account(account, known, now_ms)
            if worth is None:
                return None
            total += worth
        return total

    def _account(self, account: AccountSettings, known: AccountChanged, now_ms: int) -> Decimal | None:
        balances = {asset: balance.total for asset, balance in known.balances.items()}
        total = self.in_reporting(balances, now_ms, account.name)
        if total is None or account.market is not Market.SWAP:
            return total
        for position in known.positions:
            quote = self.fresh(account.name, position.symbol, now_ms)
            instrument = self._catalogue.instrument(account.name, position.symbol)
            rate = self.rate(instrument.quote, now_ms, account.name) if instrument else None
            if quote is None or instrument is None or rate is None:
                return None
            # A venue tells an average entry, not the cost: rounded, so that the average's last digit does not show.
            amount = position.quantity * instrument.contract_size
            cost = round_cost(position.average_entry * amount)
            total += profit.realized(position.side, quote.mid * amount, cost) * rate
        return total

    def balances(self, now_ms: int, *, only_priced: bool) -> Decimal | None:
        """What lies on all accounts, positions not counted. `only_priced`: coins without a price count as nothing."""
        total = ZERO
        for account in self.accounts():
            known = self._books.accounts.get(account.name)
            if known is None or not known.ready:
                return None
            for asset, balance in known.balances.items():
                price = self.rate(asset, now_ms, account.name) if balance.total else ZERO
                if price is None and not only_priced:
                    return None
                total += balance.total * (price or ZERO)
        return total
