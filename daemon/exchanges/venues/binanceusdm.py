"""Binance USDT-M perpetual swaps. Stop orders are a kind of their own there, `algo` orders with ids of their own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from actors.rules.choices import Market
from actors.rules.model import Instrument, Order, OrderType
from actors.rules.rates import Ask, RateRules, Window
from actors.rules.settings import AccountSettings
from daemon.exchanges.venues.binance_base import PAGE, BinanceVenue
from daemon.exchanges.venues.binanceusdm_setup import set_position_mode, set_symbol
from daemon.exchanges.venues.orders import plain, refuse_stop_amends
from daemon.exchanges.venues.pages import all_pages
from daemon.exchanges.venues.venue import LOOK_BACK_MS, Credentials, Raw, position_side

WEIGHT, FAST, MINUTE = "usdm_weight_1m", "usdm_orders_10s", "usdm_orders_1m"
MAX_STOPS = 10_000
"""Triggered stops whose market order is remembered."""


class BinanceUsdm(BinanceVenue):
    exchange = "binanceusdm"
    ccxt_id = "binanceusdm"
    market_types = frozenset({Market.SWAP})
    can_amend = True
    can_stop = True
    keep_streams_s = 20 * 60.0
    trade_window_ms = 7 * 86_400_000
    trade_permission = "enableFutures"
    family = "usdm"

    def __init__(self, account: AccountSettings, credentials: Credentials, connect: Callable[[], Any] | None) -> None:
        super().__init__(account, credentials, connect)
        self._stops: OrderedDict[tuple[str, str], str] = OrderedDict()
        """Symbol and order a stop became when it was triggered -> client order id of the stop."""

    def options(self) -> Raw:
        """ccxt would ask for the positions at each start of a stream, and trip over their numbers being text."""
        return {
            **super().options(),
            "fetchMarkets": {"types": ["linear"]},
            "watchPositions": {"fetchPositionsSnapshot": False},
        }

    def to_testnet(self, client: Any) -> None:
        """The futures testnet was replaced by demo trading."""
        client.enable_demo_trading(True)

    def rules(self) -> RateRules:
        """Nine tenths of 2400 weight a minute, 300 orders in 10 s and 1200 a minute. Amends count as orders."""
        return RateRules(
            windows=(
                Window(name=WEIGHT, limit=2_160, period_ms=60_000, is_shared=True),
                Window(name=FAST, limit=270, period_ms=10_000),
                Window(name=MINUTE, limit=1_080, period_ms=60_000),
            ),
            costs={
                Ask.SUBMIT: {WEIGHT: 1, FAST: 1, MINUTE: 1},
                Ask.CANCEL: {WEIGHT: 1},
                Ask.AMEND: {WEIGHT: 1, FAST: 1, MINUTE: 1},
                Ask.LOOK_UP: {WEIGHT: 7},  # By id 1, its market order 1, the history or the executions 5.
                Ask.OPEN_ORDERS: {WEIGHT: 80},  # 40 for orders, 40 for stops.
                Ask.BALANCES: {WEIGHT: 5},
                Ask.TRADES: {WEIGHT: 10},
                Ask.INSTRUMENTS: {WEIGHT: 2},
                Ask.PRICES: {WEIGHT: 5},
                Ask.SETUP: {WEIGHT: 31},
                Ask.TIME: {WEIGHT: 1},
            },
        )

    # --- orders -----------------------------------------------------------------------------------

    def order_params(self, order: Order, instrument: Instrument) -> Raw:
        """Hedge mode: the position's side says what reduces, and `reduceOnly` with it is refused."""
        del instrument
        params = self.common_params(order)
        if self.is_hedged:
            params.pop("reduceOnly", None)
            params["positionSide"] = position_side(order).value.upper()
        return params

    def kind_params(self, order: Order) -> Raw:
        return {"trigger": True} if order.type is OrderType.STOP else {}

    async def amend(self, order: Order, price: Decimal, quantity: Decimal) -> Raw:
        """By the exchange's id, or by ours as long as that is not known. Limit orders only."""
        refuse_stop_amends(self.exchange, order)
        if order.exchange_order_id:
            return await super().amend(order, price, quantity)
        await self.client.load_markets()
        market = self.client.market(order.symbol)
        answer = await self.client.fapiPrivatePutOrder(
            {
                "symbol": market["id"],
                "side": order.side.value.upper(),
                "origClientOrderId": order.client_order_id,
                "quantity": self.client.amount_to_precision(order.symbol, plain(quantity)),
                "price": self.client.price_to_precision(order.symbol, plain(price)),
            }
        )
        raw: Raw = self.client.parse_order(answer, market)
        return raw

    async def find_order(self, order: Order) -> Raw | None:
        """A triggered stop is the market order it became, under the stop's name."""
        found = await super().find_order(order)
        if found is None or order.type is not OrderType.STOP:
            return found
        actual = self._became(found)
        if not actual:
            return stop_state(found)
        real: Raw = await self.client.fetch_order(actual, order.symbol)
        return {**real, "clientOrderId": order.client_order_id}

    async def order_trades(self, order: Order, raw: Raw) -> list[Raw]:
        """A stop that rests has none: its number is not that of an order."""
        return [] if "algoId" in (raw.get("info") or {}) else await super().order_trades(order, raw)

    async def trades(self, symbol: str, since_ms: int) -> list[Raw]:
        """Named by the orders of that time: that tells liquidations from manual trades.

        The stream does not tell executions of a liquidation at all, as ccxt reads it.
        """
        rows = await super().trades(symbol, since_ms)
        if not rows:
            return rows
        orders = await self.client.fetch_orders(symbol, since_ms - LOOK_BACK_MS, PAGE)
        names = {raw["id"]: super(BinanceUsdm, self).client_order_id(raw) for raw in orders}
        return [named_by(row, names.get(row.get("order"), "")) for row in rows]

    async def open_orders(self, symbols: Sequence[str]) -> list[Raw]:
        orders = await super().open_orders(symbols)
        stops = await self.client.fetch_open_orders(None, None, None, {"trigger": True})
        return orders + [stop_state(stop) for stop in stops]

    async def watch_orders(self) -> list[Raw]:
        return [self._named(raw) for raw in await super().watch_orders()]

    def client_order_id(self, raw: Raw) -> str:
        stop = self._stops.get((str(raw.get("symbol")), str(raw.get("order") or raw.get("id") or "")))
        return stop or super().client_order_id(raw)

    def _became(self, stop: Raw) -> str:
        """The exchange's id of the order a stop became; empty as long as it rests."""
        info = stop.get("info") or {}
        actual = str(info.get("actualOrderId") or info.get("ai") or "")
        if actual in ("", "0"):
            return ""
        self._stops[str(stop.get("symbol")), actual] = super().client_order_id(stop)
        while len(self._stops) > MAX_STOPS:
            self._stops.popitem(last=False)
        return actual

    def _named(self, raw: Raw) -> Raw:
        """An update of a stop, as one of the order it became; other updates as they are."""
        if "aid" not in (raw.get("info") or {}):
            return raw
        actual = self._became(raw)
        # What became of that order its own updates say.
        return {**raw, "id": actual, "status": "open", "filled": None} if actual else stop_state(raw)

    # --- the account ------------------------------------------------------------------------------

    async def funding(self, since_ms: int) -> list[Raw]:
        async def page(since: int) -> tuple[list[Raw], int | None]:
            rows: list[Raw] = await self.client.fetch_funding_history(None, since, PAGE)
            last = max((int(row["timestamp"]) for row in rows), default=0)
            return rows, (last if len(rows) >= PAGE and last > since else None)

        return await all_pages(page, since_ms)

    async def prepare(self, symbol: str) -> None:
        await set_symbol(self.client, self.account, symbol)

    async def prepare_account(self) -> None:
        await set_position_mode(self.client, self.account, self.read_mode)

    # --- streams ----------------------------------------------------------------------------------

    def is_user_stream(self, url: str) -> bool:
        return "listenKey=" in url or "/private/" in url

    async def keep_streams(self) -> None:
        """A listen key lives for an hour. ccxt renews it once and never again."""
        await self.client.fapiPrivatePutListenKey()

    async def renew_streams(self) -> None:
        """ccxt would use an expired listen key again for minutes: it is forgotten with the socket."""
        self.client.options["linear"] = {}
        await super().renew_streams()


def stop_state(raw: Raw) -> Raw:
    """A stop without its market order: ccxt calls a triggered one closed, which says nothing of what filled.

    Of any other nothing filled; the stream does not say so.
    """
    info: Mapping[str, Any] = raw.get("info") or {}
    status = info.get("algoStatus") or info.get("X")
    if status in ("TRIGGERED", "FINISHED"):
        return {**raw, "status": "open", "filled": None}
    return raw if raw.get("filled") is not None else {**raw, "filled": "0"}


def named_by(row: Raw, client_order_id: str) -> Raw:
    """An execution with its order's client id; as it is where that is not known."""
    if not client_order_id:
        return row
    info = {**(row.get("info") or {}), "clientOrderId": client_order_id}
    return {**row, "clientOrderId": client_order_id, "info": info}
