"""Gate: spot and USDT swaps, v4 API. Client order ids travel in `text` with `t-` before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from actors.rules.choices import MarginMode, Market, PositionMode
from actors.rules.model import Instrument, Order, OrderSide, OrderType
from actors.rules.money import ceil_to
from actors.rules.rates import Ask, RateRules, Window
from daemon.exchanges.venues.faults import refuse_stops, told_number
from daemon.exchanges.venues.orders import plain, position_side, wire_type
from daemon.exchanges.venues.pages import all_pages
from daemon.exchanges.venues.settling import settle
from daemon.exchanges.venues.venue import LOOK_BACK_MS, Raw, Venue

PREFIX = "t-"
UNIFIED = "2"
"""Of a key's `mode`."""
PAGE = 100
MARKET_BUY_ROOM = Decimal("1.01")
"""A spot market buy goes out as an immediate-or-cancel limit this far above the expected price."""

_TEN_SECONDS_MS = 10_000
_FINISHED = frozenset({"finished", "closed", "cancelled"})
_RULES_SPOT = RateRules(
    windows=(
        Window(name="place", limit=9, period_ms=1_000),
        Window(name="cancel", limit=180, period_ms=1_000),
        Window(name="private", limit=180, period_ms=_TEN_SECONDS_MS),
        Window(name="public", limit=180, period_ms=_TEN_SECONDS_MS, is_shared=True),
    ),
    costs={
        Ask.SUBMIT: {"place": 1},
        Ask.CANCEL: {"cancel": 1},
        Ask.AMEND: {"place": 1},
        Ask.LOOK_UP: {"private": 3},
        Ask.OPEN_ORDERS: {"private": 1},
        Ask.BALANCES: {"private": 1},
        Ask.TRADES: {"private": 1},
        Ask.SETUP: {"private": 2},
        Ask.INSTRUMENTS: {"public": 2},
        Ask.PRICES: {"public": 1},
        Ask.TIME: {"public": 1},
    },
)
_RULES_SWAP = RateRules(
    windows=(Window(name="place", limit=90, period_ms=1_000), *_RULES_SPOT.windows[1:]), costs=_RULES_SPOT.costs
)
"""Nine tenths of what is published; spot's ten orders a second are per market, here they count for all of them."""


class Gate(Venue):
    exchange: ClassVar[str] = "gate"
    ccxt_id: ClassVar[str] = "gate"
    market_types: ClassVar[frozenset[Market]] = frozenset({Market.SPOT, Market.SWAP})
    recv_window_ms: ClassVar[int] = 60_000
    """Gate refuses what is older than a minute."""
    can_amend: ClassVar[bool] = True
    has_testnet: ClassVar[bool] = True
    names_trades: ClassVar[bool] = True

    def options(self) -> Raw:
        """The preset `unifiedAccount` keeps ccxt from asking for it, which takes any failure for a no."""
        options = super().options()
        return {
            **options,
            "fetchMarkets": {"types": [options["defaultType"]]},
            "swap": {"fetchMarkets": {"settlementCurrencies": ["usdt"]}},
            "unifiedAccount": False,
        }

    def rules(self) -> RateRules:
        return _RULES_SWAP if self.is_swap else _RULES_SPOT

    # --- orders -----------------------------------------------------------------------------------

    def order_params(self, order: Order, instrument: Instrument) -> Raw:
        """Whatever closes is reduce-only, in hedge mode too: that is how Gate tells the two sides apart."""
        del instrument
        params = self.common_params(order)
        if self.is_hedged and position_side(order).entry is not order.side:
            params["reduceOnly"] = True
        return params

    async def create(self, order: Order, instrument: Instrument) -> Raw:
        """A market buy on spot would be an amount of quote: it goes out as a limit order for just the quantity."""
        refuse_stops(self.exchange, order)
        if self.is_swap or order.type is not OrderType.MARKET or order.side is not OrderSide.BUY:
            return _settled(await super().create(order, instrument))
        expected = order.expected_price or await self._best_ask(order.symbol)
        price = ceil_to(expected * MARKET_BUY_ROOM, instrument.tick_size)
        params = {"clientOrderId": order.client_order_id, "timeInForce": "IOC"}
        answer = await self.client.create_order(
            order.symbol, "limit", order.side.value, plain(order.quantity), plain(price), params
        )
        return _settled(answer)

    async def _best_ask(self, symbol: str) -> Decimal:
        from ccxt.base.errors import InvalidOrder

        told = (await self.client.fetch_ticker(symbol)).get("ask")
        if told in (None, ""):
            raise InvalidOrder(f"gate: a market buy of {symbol} needs a price and there is none")
        return Decimal(str(told))

    async def cancel(self, order: Order) -> Raw:
        """The client order id stands where an exchange's would; as a parameter it would be ignored."""
        answer: Raw = await self.client.cancel_order(PREFIX + order.client_order_id, order.symbol)
        return _settled(answer)

    async def amend(self, order: Order, price: Decimal, quantity: Decimal) -> Raw:
        name = order.exchange_order_id or PREFIX + order.client_order_id
        answer: Raw = await self.client.edit_order(
            name, order.symbol, wire_type(order), order.side.value, plain(quantity), plain(price)
        )
        return _settled(answer)

    async def find_order(self, order: Order) -> Raw | None:
        """By `text` Gate knows open orders and, for a while, finished ones; then the list of the finished ones."""
        raw = await super().find_order(order)
        if raw is None:
            raw = self.newest_of(await self._finished(order), order)
        return None if raw is None else _settled(raw)

    async def _finished(self, order: Order) -> list[Raw]:
        """Newest first: read until one is older than the order can be."""
        since = order.create_time_ms - LOOK_BACK_MS

        async def page(number: int) -> tuple[list[Raw], int | None]:
            place = {"offset": (number - 1) * PAGE} if self.is_swap else {"page": number}
            rows = await self.client.fetch_closed_orders(order.symbol, None, PAGE, place)
            oldest = min((int(row.get("timestamp") or 0) for row in rows), default=0)
            return rows, (number + 1 if len(rows) >= PAGE and oldest >= since else None)

        return await all_pages(page, 1)

    async def open_orders(self, symbols: Sequence[str]) -> list[Raw]:
        """Spot lists pages of at most `PAGE` orders of each pair; a page without a full pair is the last."""
        del symbols
        await self.client.load_markets()

        async def page(number: int) -> tuple[list[Raw], int | None]:
            place = {"offset": (number - 1) * PAGE} if self.is_swap else {"page": number}
            rows = await self.client.fetch_open_orders(None, None, PAGE, place)
            counts: dict[str, int] = {}
            for row in rows:
                name = "" if self.is_swap else str(row.get("symbol"))
                counts[name] = counts.get(name, 0) + 1
            return [_settled(row) for row in rows], (number + 1 if max(counts.values(), default=0) >= PAGE else None)

        return await all_pages(page, 1)

    async def trades(self, symbol: str, since_ms: int) -> list[Raw]:
        size = 1_000

        async def page(number: int) -> tuple[list[Raw], int | None]:
            place = {"offset": (number - 1) * size} if self.is_swap else {"page": number}
            rows = await self.client.fetch_my_trades(symbol, since_ms, size, place)
            return rows, (number + 1 if len(rows) >= size else None)

        return await all_pages(page, 1)

    def client_order_id(self, raw: Raw) -> str:
        """Without `t-`; empty for what was placed elsewhere (`text` is then `web`, `apiv4`, ...)."""
        told = str(raw.get("clientOrderId") or (raw.get("info") or {}).get("text") or "")
        return told.removeprefix(PREFIX) if told.startswith(PREFIX) else ""

    # --- the account ------------------------------------------------------------------------------

    async def funding(self, since_ms: int) -> list[Raw]:
        """Gate numbers these payments only sometimes: contract and second name one, it is paid once for each."""
        await self.client.load_markets()

        async def page(offset: int) -> tuple[list[Raw], int | None]:
            rows = await self.client.fetch_funding_history(None, since_ms, PAGE, {"offset": offset})
            return [_named_payment(row, self.client) for row in rows], (offset + PAGE if len(rows) >= PAGE else None)

        return await all_pages(page, 0)

    async def instruments(self) -> list[Raw]:
        await self._know_account()
        return await super().instruments()

    async def _know_account(self) -> None:
        """The user's number, which streams of swaps want, and whether the account is a unified one.

        A key that may not read that is taken for a classic account's.
        """
        from ccxt.base.errors import ExchangeError

        if self.client.uid or not self.client.check_required_credentials(False):
            return
        try:
            detail = await self.client.privateAccountGetDetail()
        except ExchangeError:
            return
        self.client.uid = str(detail.get("user_id") or "")
        self.client.options["unifiedAccount"] = str((detail.get("key") or {}).get("mode")) == UNIFIED

    async def prepare_account(self) -> None:
        if not self.is_swap:
            return
        await self.client.load_markets()

        async def read() -> str:
            answer = await self.client.privateFuturesGetSettleAccounts({"settle": "usdt"})
            is_hedged = str(answer.get("in_dual_mode")).lower() == "true"
            return self.read_mode(PositionMode.HEDGE if is_hedged else PositionMode.ONE_WAY)

        async def write() -> None:
            await self.client.set_position_mode(self.wants_hedge)

        remedy = "Close all positions and orders first."
        await settle("Gate's position mode", self.account.position_mode.value, read, write, remedy)

    async def prepare(self, symbol: str) -> None:
        """Leverage zero is Gate's word for cross margin; how much that is then stands in another field."""
        if not self.is_swap:
            return
        await self.client.load_markets()
        place = {"settle": "usdt", "contract": self.client.market_id(symbol)}
        is_cross, leverage = self.account.margin_mode is MarginMode.CROSS, str(self.account.leverage)
        wanted = f"cross {leverage}" if is_cross else leverage

        async def read() -> str:
            ask = self.client.privateFuturesGetSettlePositionsContract
            if self.is_hedged:
                ask = self.client.privateFuturesGetSettleDualCompPositionsContract
            told = await ask(place)
            return " and ".join(sorted({_leverage(row) for row in (told if isinstance(told, list) else [told])}))

        async def write() -> None:
            tell = self.client.privateFuturesPostSettlePositionsContractLeverage
            if self.is_hedged:
                tell = self.client.privateFuturesPostSettleDualCompPositionsContractLeverage
            amounts = {"leverage": "0", "cross_leverage_limit": leverage} if is_cross else {"leverage": leverage}
            await tell({**place, **amounts})

        await settle(f"Gate's leverage of {symbol}", wanted, read, write, "Set it on Gate.")

    # --- streams ----------------------------------------------------------------------------------

    async def watch_orders(self) -> list[Raw]:
        await self._know_account()
        return [_settled(row) for row in await super().watch_orders()]

    async def watch_trades(self) -> list[Raw]:
        await self._know_account()
        return await super().watch_trades()

    async def watch_balances(self) -> Raw:
        await self._know_account()
        return await super().watch_balances()


def _leverage(position: Raw) -> str:
    isolated = told_number(position.get("leverage"))
    return isolated if isolated != "0" else f"cross {told_number(position.get('cross_leverage_limit'))}"


def _named_payment(row: Raw, client: Any) -> Raw:
    info = row.get("info") or {}
    contract = str(info.get("contract") or str(info.get("text") or "").partition(":")[0])
    symbol = client.safe_symbol(contract, None, "_", "swap")
    return {**row, "id": f"{contract}:{info.get('time')}", "symbol": symbol}


def _settled(raw: Raw) -> Raw:
    """ccxt does not know every word for why an order is finished: `poc`, `stp`, `small`, `reduce_only`, ..."""
    info: Mapping[str, Any] = raw.get("info") or {}
    is_finished = str(info.get("status")) in _FINISHED or info.get("event") == "finish"
    if not is_finished or raw.get("status") in ("closed", "canceled", "rejected", "expired"):
        return raw
    left = Decimal(str(info.get("left") or 0))
    return {**raw, "status": "closed" if left == 0 else "canceled"}
