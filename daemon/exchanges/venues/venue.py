"""What every exchange behind ccxt has in common, and where they differ. One subclass a file beside this one.

Everything here speaks ccxt's unified dicts with `number=str`; `daemon.exchanges.convert` turns them into values. Calls
raise what ccxt raises; `daemon.exchanges.errors` says what that means for the fate of a request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from actors.rules.choices import Market, PositionMode
from actors.rules.model import Instrument, Order, OrderType, Reason, Role, TimeInForce
from actors.rules.rates import RateRules
from actors.rules.settings import AccountSettings
from daemon.exchanges.venues.client import REQUEST_TIMEOUT_MS, make_client
from daemon.exchanges.venues.orders import (
    common_params,
    may_have_fills,
    newest,
    plain,
    position_side,
    wire_price,
    wire_type,
)
from daemon.exchanges.venues.pages import all_pages
from daemon.exchanges.venues.settling import SetupFault

Raw = dict[str, Any]
"""One of ccxt's unified structures: order, trade, market, ..."""

TRADE_PAGE = 500
"""Executions asked for at once, where the venue does not want another number."""
LOOK_BACK_MS = 60_000
"""How much earlier than an order's own time its executions are looked for: clocks differ."""


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
    """One account at one exchange, as ccxt speaks to it. Made and used on the exchange loop only."""

    exchange: ClassVar[str]
    """The config's name of it."""
    ccxt_id: ClassVar[str]
    market_types: ClassVar[frozenset[Market]] = frozenset({Market.SPOT})
    recv_window_ms: ClassVar[int] = 5_000
    """How long after its timestamp the venue may still accept a request."""
    can_amend: ClassVar[bool] = False
    """Whether an open order's price and quantity can change while it keeps its id (ORD-9)."""
    can_stop: ClassVar[bool] = False
    """Whether reduce-only stop orders can rest (TP-9)."""
    has_testnet: ClassVar[bool] = False
    needs_passphrase: ClassVar[bool] = False
    names_trades: ClassVar[bool] = False
    """Whether executions carry the client order id; else they are found by the exchange's order id."""
    keep_streams_s: ClassVar[float] = 0.0
    """How often `keep_streams` must be called; 0: never."""
    lists_by_symbol = False
    """Whether open orders are listed by a request for each symbol."""

    def __init__(self, account: AccountSettings, credentials: Credentials, connect: Callable[[], Any] | None) -> None:
        """`connect` makes the aiohttp session that ccxt uses, for a resolver or certificates of one's own."""
        self.account = account
        self._session = connect() if connect is not None else None
        self.client = self._make_client(account, credentials)
        self._has_listed = False
        self._position_mode: PositionMode | None = None

    @property
    def is_swap(self) -> bool:
        return self.account.market is Market.SWAP

    @property
    def wants_hedge(self) -> bool:
        """By the config."""
        return self.is_swap and self.account.position_mode is PositionMode.HEDGE

    @property
    def is_hedged(self) -> bool:
        """As the exchange was last read to keep positions, until then as the config wants it.

        Where the two differ no entry leaves, but what closes a position must name it the exchange's way (EXIT-5).
        """
        return self.is_swap and (self._position_mode or self.account.position_mode) is PositionMode.HEDGE

    def read_mode(self, mode: PositionMode) -> str:
        """The exchange says that this is the account's. Its word in the config."""
        self._position_mode = mode
        return mode.value

    # --- construction -----------------------------------------------------------------------------

    def options(self) -> Raw:
        """ccxt's `options` for this venue."""
        return {"defaultType": "swap" if self.is_swap else "spot", "adjustForTimeDifference": True}

    def to_testnet(self, client: Any) -> None:
        """Points a fresh client at the venue's testnet."""
        client.set_sandbox_mode(True)

    def rules(self) -> RateRules:
        """Published limits. `learn_rules` may know better after the instruments came."""
        raise NotImplementedError

    def learn_rules(self, url: str, body: str) -> RateRules | None:
        """Limits the venue itself lists in an answer; None where it says nothing new. Called with every answer."""
        del url, body
        return None

    def used(self, headers: Mapping[str, str]) -> Mapping[str, int]:
        """Window name -> weight used, from an answer's headers; empty where the venue does not say."""
        del headers
        return {}

    def correct_clock(self, offset_ms: int) -> None:
        """The venue's clock less ours: requests are stamped with its time from now on."""
        self.client.options["timeDifference"] = -offset_ms

    # --- orders -----------------------------------------------------------------------------------

    def order_params(self, order: Order, instrument: Instrument) -> Raw:
        """ccxt's parameters of a new order. Hedge mode: ccxt derives the position's side from `reduceOnly`."""
        del instrument
        params = self.common_params(order)
        if self.is_hedged:
            params["hedged"] = True
        return params

    def common_params(self, order: Order) -> Raw:
        """What all venues share. An order made for hedge mode says nothing of reducing: one-way it must."""
        params = common_params(order, self.account.market)
        if self.wants_hedge and not self.is_hedged and order.role is not Role.ENTRY:
            params["reduceOnly"] = True
        return params

    def misfit(self, order: Order) -> Reason | None:
        """Whether ccxt would round the order to what it knows of the market, so that another one left than stored."""
        market: Raw = (self.client.markets or {}).get(order.symbol) or {}
        precision: Raw = market.get("precision") or {}
        if not _is_multiple(order.quantity, precision.get("amount")):
            return Reason.BAD_QUANTITY
        price = order.price if order.type is OrderType.LIMIT else None
        return None if price is None or _is_multiple(price, precision.get("price")) else Reason.BAD_PRICE

    async def create(self, order: Order, instrument: Instrument) -> Raw:
        """Places the order under its client order id. Never retries.

        An answer whose `id` is None is no acceptance: the caller looks the order up.
        """
        if order.type is OrderType.STOP and not self.is_swap:
            from ccxt.base.errors import NotSupported

            raise NotSupported(f"{self.exchange}: stop orders on spot are not offered")
        answer: Raw = await self.client.create_order(
            order.symbol,
            wire_type(order),
            order.side.value,
            plain(order.quantity),
            wire_price(order),
            self.order_params(order, instrument),
        )
        return answer

    async def cancel(self, order: Order) -> Raw:
        """Cancels by client order id."""
        params = {"clientOrderId": order.client_order_id}
        answer: Raw = await self.client.cancel_order("", order.symbol, params)
        return answer

    async def amend(self, order: Order, price: Decimal, quantity: Decimal) -> Raw:
        """Changes price and total quantity of an open order in place. Wants the exchange's order id."""
        answer: Raw = await self.client.edit_order(
            order.exchange_order_id, order.symbol, wire_type(order), order.side.value, plain(quantity), plain(price)
        )
        return answer

    async def find(self, order: Order) -> Found:
        """The venue's whole sequence of look-ups by client order id: open, history, executions.

        Every order that comes back is compared with the id that was asked for: some venues answer with another one.
        """
        raw = await self.find_order(order)
        if raw is None and await self.has_executions(order):
            from ccxt.base.errors import OperationFailed

            words = f"executions of {order.client_order_id} exist, the order is not listed"
            raise OperationFailed(f"{self.exchange}: {words}")
        if raw is None:
            return Found(order=None)
        trades = await self.order_trades(order, raw) if may_have_fills(raw) else []
        return Found(order=raw, trades=tuple(trades))

    async def find_order(self, order: Order) -> Raw | None:
        """The order by its client order id, open or finished; None where the venue surely knows none."""
        return await self.fetch_by_client_id(order, {"clientOrderId": order.client_order_id})

    async def fetch_by_client_id(self, order: Order, params: Raw) -> Raw | None:
        """One `fetch_order` without an exchange id; None if not found or if another order came back."""
        from ccxt.base.errors import OperationFailed, OrderNotFound

        try:
            raw: Raw = await self.client.fetch_order("", order.symbol, params)
        except OrderNotFound:
            return None
        if not raw.get("id"):  # No order at all: that says nothing about this one.
            raise OperationFailed(f"{self.exchange}: the answer to a look-up holds no order")
        return raw if self.is_of(raw, order) else None

    async def has_executions(self, order: Order) -> bool:
        """Whether an order nobody lists has executions, as far as these name it: then it is no order that never was."""
        if order.type is OrderType.STOP:  # Its number may not be that of an order.
            return False
        if order.exchange_order_id:
            return bool(await self.order_trades(order, {"id": order.exchange_order_id}))
        if not self.names_trades:
            return False
        rows = await self.trades(order.symbol, order.create_time_ms - LOOK_BACK_MS)
        return any(self.is_of(row, order) for row in rows)

    async def order_trades(self, order: Order, raw: Raw) -> list[Raw]:
        """Executions of an order that was found."""
        rows = await self.trades(order.symbol, order.create_time_ms - LOOK_BACK_MS)
        return [row for row in rows if row.get("order") == raw.get("id")]

    async def open_orders(self, symbols: Sequence[str]) -> list[Raw]:
        """Every open order of the account, in as few requests as the venue allows; `symbols` where it wants them."""
        del symbols
        rows: list[Raw] = await self.client.fetch_open_orders()
        return rows

    async def trades(self, symbol: str, since_ms: int) -> list[Raw]:
        """Executions of the account since then, all pages."""

        async def page(since: int) -> tuple[list[Raw], int | None]:
            rows: list[Raw] = await self.client.fetch_my_trades(symbol, since, TRADE_PAGE)
            last = max((int(row.get("timestamp") or 0) for row in rows), default=0)
            # Of executions in one millisecond some may be on the next page: it starts with that millisecond again.
            return rows, (last if len(rows) >= TRADE_PAGE and last > since else None)

        return await all_pages(page, since_ms)

    def client_order_id(self, raw: Raw) -> str:
        """Our id of an order or trade; empty where the venue does not say."""
        return str(raw.get("clientOrderId") or "")

    def is_of(self, raw: Raw, order: Order) -> bool:
        """Whether a raw order is this one."""
        return self.client_order_id(raw) == order.client_order_id

    def newest_of(self, rows: Sequence[Raw], order: Order) -> Raw | None:
        """The latest raw order that is this one: some venues let a finished order's id be used again."""
        return newest(row for row in rows if self.is_of(row, order))

    # --- the account ------------------------------------------------------------------------------

    async def balances(self) -> Raw:
        answer: Raw = await self.client.fetch_balance()
        return answer

    async def positions(self) -> list[Raw]:
        """Open positions of a swap account."""
        rows: list[Raw] = await self.client.fetch_positions()
        return [row for row in rows if Decimal(str(row.get("contracts") or 0)) != 0]

    async def funding(self, since_ms: int) -> list[Raw]:
        """Funding payments of a swap account since then, all pages, as ccxt's incomes; `amount` > 0 was received."""
        del since_ms
        return []

    async def instruments(self) -> list[Raw]:
        """All markets of the account's type, fetched anew, as ccxt's unified markets.

        Not by ccxt's reload: what needs markets, look-ups too, would wait for its end, and fail with it. A list without
        any is none: ccxt keeps what it knows, else it could not read what the streams say any more.
        """
        if self._has_listed:
            return self.renewed(await self.client.fetch_markets())
        await self.client.load_markets()  # The streams begin with the same: once is enough.
        self._has_listed = True
        return self.offered()

    def renewed(self, fetched: list[Raw]) -> list[Raw]:
        """What is offered of a list that was fetched just now, which ccxt knows from here on unless nothing is."""
        if not any(self.is_offered(market) for market in fetched):
            return []
        self.client.set_markets(fetched)
        return self.offered()

    def offered(self) -> list[Raw]:
        return [market for market in self.client.markets.values() if self.is_offered(market)]

    def is_offered(self, market: Raw) -> bool:
        """Spot, or swaps that are settled in their quote."""
        if not self.is_swap:
            return bool(market.get("spot"))
        return bool(market.get("swap") and market.get("linear") and market.get("settle") == market.get("quote"))

    async def server_time_ms(self) -> int:
        return int(await self.client.fetch_time())

    async def prepare(self, symbol: str) -> None:
        """Leverage and margin mode of a swap symbol, set and read back. `SetupFault` where that fails."""

    async def prepare_account(self) -> None:
        """Position mode of a swap account, set and read back. `SetupFault` where that fails."""

    async def permissions(self) -> Mapping[str, bool | None]:
        """`read`, `trade`, `withdraw`: may this key do that; None: the venue does not say."""
        return {"read": None, "trade": None, "withdraw": None}

    # --- streams ----------------------------------------------------------------------------------

    async def watch_orders(self) -> list[Raw]:
        rows: list[Raw] = await self.client.watch_orders()
        return rows

    async def watch_trades(self) -> list[Raw]:
        rows: list[Raw] = await self.client.watch_my_trades()
        return rows

    async def watch_balances(self) -> Raw:
        """A hint that balances changed; the truth is asked for."""
        answer: Raw = await self.client.watch_balance()
        return answer

    async def watch_prices(self, symbols: Sequence[str]) -> Mapping[str, Raw]:
        """Best bid and ask by symbol, as tickers."""
        watch = self.client.watch_bids_asks if self.client.has.get("watchBidsAsks") else self.client.watch_tickers
        return by_symbol(await watch(list(symbols)))

    def kept_prices(self) -> Mapping[str, Raw] | None:
        """The newest price of each symbol that `watch_prices` ever brought, every one a dict of its own.

        None: ccxt does not keep them here, or changes them in place.
        """
        return None

    async def fetch_prices(self, symbols: Sequence[str]) -> Mapping[str, Raw]:
        """The same by request, where the stream is down."""
        fetch = self.client.fetch_bids_asks if self.client.has.get("fetchBidsAsks") else self.client.fetch_tickers
        return by_symbol(await fetch(list(symbols)))

    def is_user_stream(self, url: str) -> bool:
        """Whether a socket's address is that of the account's own events."""
        del url
        return True

    async def renew_streams(self) -> None:
        """Forgets sockets and listen keys of the user streams, so that the next watch starts afresh.

        A watch that hangs on one of them ends with `CancelledError`.
        """
        for url in [url for url in self.client.clients if self.is_user_stream(url)]:
            await self.client.clients.pop(url).close()

    async def keep_streams(self) -> None:
        """What the venue wants to hear now and then so that its user streams go on; see `keep_streams_s`."""

    def change_credentials(self, credentials: Credentials) -> None:
        """What is asked from here on is signed with this key."""
        self.client.apiKey = credentials.api_key
        self.client.secret = credentials.secret
        self.client.password = credentials.passphrase

    async def close(self) -> None:
        await self.client.close()
        if self._session is not None:
            await self._session.close()

    def _make_client(self, account: AccountSettings, credentials: Credentials) -> Any:
        return make_client(
            self.ccxt_id,
            keys={"apiKey": credentials.api_key, "secret": credentials.secret, "password": credentials.passphrase},
            options=self.options(),
            session=self._session,
            urls=account.urls,
            to_testnet=self.to_testnet if account.testnet else None,
        )


def _is_multiple(value: Decimal, step: Any) -> bool:
    """True where there is no such step."""
    size = Decimal(str(step)) if step not in (None, "") else Decimal(0)
    return not size or value % size == 0


def by_symbol(answer: Raw) -> dict[str, Raw]:
    """Tickers by symbol, of one ticker or of many."""
    if isinstance(answer.get("symbol"), str):
        return {answer["symbol"]: answer}
    return {symbol: ticker for symbol, ticker in answer.items() if isinstance(ticker, dict) and "symbol" in ticker}


__all__ = [
    "LOOK_BACK_MS",
    "REQUEST_TIMEOUT_MS",
    "TRADE_PAGE",
    "Credentials",
    "Found",
    "OrderType",
    "Raw",
    "SetupFault",
    "TimeInForce",
    "Venue",
    "by_symbol",
    "position_side",
]
