"""What every exchange behind ccxt has in common, and where they differ. One subclass a file beside this one.

Everything here speaks ccxt's unified dicts with `number=str`; `daemon.exchanges.convert` turns them into values. Calls
raise what ccxt raises; `daemon.exchanges.errors` says what that means for the fate of a request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from actors.rules.choices import Market
from actors.rules.model import Instrument, Order, OrderSide, OrderType, Role, Side, TimeInForce
from actors.rules.rates import RateRules
from actors.rules.settings import AccountSettings

Raw = dict[str, Any]
"""One of ccxt's unified structures: order, trade, market, ..."""

REQUEST_TIMEOUT_MS = 15_000
"""Longer than any venue's own limit for matching, so that its own words about a timeout arrive first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """In clear: never logged, never shown."""

    api_key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look-up found: the order, and its trades where the venue was asked for them. `order` None: none such."""

    order: Raw | None
    trades: tuple[Raw, ...] = ()


class Venue:
    """One account at one exchange, as ccxt speaks to it. Used on the exchange loop only."""

    exchange: ClassVar[str]
    """The config's name of it."""
    ccxt_id: ClassVar[str]
    market_types: ClassVar[frozenset[Market]] = frozenset({Market.SPOT})
    recv_window_ms: ClassVar[int] = 5_000
    """How long after its timestamp the venue may still accept a request."""
    can_amend: ClassVar[bool] = False
    """Whether an open order's price and quantity can change while it keeps its id (ORD-9)."""
    has_testnet: ClassVar[bool] = False
    needs_passphrase: ClassVar[bool] = False
    names_trades: ClassVar[bool] = False
    """Whether executions carry the client order id; else they are found by the exchange's order id."""
    order_page: ClassVar[int] = 0
    """Most open orders one request lists; 0: all."""

    def __init__(self, account: AccountSettings, credentials: Credentials, connect: Callable[[], Any] | None) -> None:
        """`connect` makes the aiohttp session that ccxt uses, for a resolver or certificates of one's own."""
        self.account = account
        self.client = self._make_client(account, credentials, connect)

    # --- construction -----------------------------------------------------------------------------

    def options(self) -> Raw:
        """ccxt's `options` for this venue."""
        raise NotImplementedError

    def rules(self) -> RateRules:
        """Published limits. `learn_rules` may know better after the instruments came."""
        raise NotImplementedError

    def used(self, headers: Mapping[str, str]) -> Mapping[str, int]:
        """Window name -> weight used, from an answer's headers; empty where the venue does not say."""
        raise NotImplementedError

    # --- orders -----------------------------------------------------------------------------------

    async def create(self, order: Order, instrument: Instrument) -> Raw:
        """Places the order under its client order id. Never retries."""
        raise NotImplementedError

    async def cancel(self, order: Order) -> Raw:
        """Cancels by client order id."""
        raise NotImplementedError

    async def amend(self, order: Order, price: Decimal, quantity: Decimal) -> Raw:
        """Changes price and total quantity of an open order in place."""
        raise NotImplementedError

    async def find(self, order: Order) -> Found:
        """The venue's whole sequence of look-ups by client order id: open, history, executions.

        Every order that comes back is compared with the id that was asked for: some venues answer with another one.
        """
        raise NotImplementedError

    async def open_orders(self, symbols: Sequence[str]) -> list[Raw]:
        """Every open order of the account, in as few requests as the venue allows; `symbols` where it wants them."""
        raise NotImplementedError

    async def trades(self, symbol: str, since_ms: int) -> list[Raw]:
        """Executions of the account since then, all pages."""
        raise NotImplementedError

    def client_order_id(self, raw: Raw) -> str:
        """Our id of an order or trade; empty where the venue does not say."""
        raise NotImplementedError

    # --- the account ------------------------------------------------------------------------------

    async def balances(self) -> Raw:
        raise NotImplementedError

    async def positions(self) -> list[Raw]:
        """Open positions of a swap account."""
        raise NotImplementedError

    async def instruments(self) -> list[Raw]:
        """All markets of the account's type, fetched anew, as ccxt's unified markets."""
        raise NotImplementedError

    async def server_time_ms(self) -> int:
        raise NotImplementedError

    async def prepare(self, symbol: str) -> None:
        """Leverage and margin mode of a swap symbol, set and read back. `SetupFault` where that fails."""

    async def prepare_account(self) -> None:
        """Position mode of a swap account, set and read back. `SetupFault` where that fails."""

    async def permissions(self) -> Mapping[str, bool | None]:
        """`read`, `trade`, `withdraw`: may this key do that; None: the venue does not say."""
        raise NotImplementedError

    # --- streams ----------------------------------------------------------------------------------

    async def watch_orders(self) -> list[Raw]:
        raise NotImplementedError

    async def watch_trades(self) -> list[Raw]:
        raise NotImplementedError

    async def watch_balances(self) -> Raw:
        """A hint that balances changed; the truth is asked for."""
        raise NotImplementedError

    async def watch_prices(self, symbols: Sequence[str]) -> Mapping[str, Raw]:
        """Best bid and ask by symbol, as tickers."""
        raise NotImplementedError

    async def fetch_prices(self, symbols: Sequence[str]) -> Mapping[str, Raw]:
        """The same by request, where the stream is down."""
        raise NotImplementedError

    async def renew_streams(self) -> None:
        """Forgets sockets and listen keys of the user streams, so that the next watch starts afresh."""

    async def close(self) -> None:
        await self.client.close()

    def _make_client(self, account: AccountSettings, credentials: Credentials, connect: Callable[[], Any] | None) -> Any:
        raise NotImplementedError


class SetupFault(Exception):
    """The account is not set up as the config wants it. Words for a person, with the remedy."""


def position_side(order: Order) -> Side:
    """The side of the position an order belongs to: what hedge mode asks for."""
    is_long = (order.side is OrderSide.BUY) == (order.role is Role.ENTRY)
    return Side.LONG if is_long else Side.SHORT


__all__ = ["Credentials", "Found", "OrderType", "Raw", "SetupFault", "TimeInForce", "Venue", "position_side"]
