"""MEXC: spot and USDT swaps. Its batch calls and ccxt's way of editing an order are not used (wire guide 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from actors.rules.choices import MarginMode, Market, PositionMode
from actors.rules.model import Instrument, Order, OrderSide, OrderType, Side, TimeInForce
from actors.rules.rates import Ask, RateRules, Window
from daemon.exchanges.venues.faults import refuse_stops, told_number
from daemon.exchanges.venues.orders import plain, wire_price
from daemon.exchanges.venues.pages import all_pages
from daemon.exchanges.venues.settling import SetupFault, settle
from daemon.exchanges.venues.venue import LOOK_BACK_MS, Raw, Venue, by_symbol, position_side

SPOT_PAGE, SWAP_PAGE = 1_000, 100
SPOT_SPAN_MS = 7 * 86_400_000 - 1_000
"""Longest span of one request for finished spot orders."""
SWAP_SPAN_MS = 90 * 86_400_000 - 1_000
MAX_STREAMED = 30
"""Price channels one socket takes; the prices of further symbols are asked for."""
TICKERS = "spot@public.aggre.bookTicker.v3.api.pb@100ms@"

_NO_ORDER = ('"code":-2013', '"code":2040')
"""In MEXC's words: it knows no such order. ccxt has no class for that."""
_SIDES = {"1": "buy", "2": "buy", "3": "sell", "4": "sell"}
"""Of swaps: open long, close short, open short, close long. ccxt takes 2 for a sell and 3 and 4 for nothing."""
_LIMIT, _POST_ONLY, _IOC, _MARKET = 1, 2, 3, 5
_ISOLATED, _CROSS = 1, 2
_INVALID = "5"

_TEN_SECONDS_MS, _TWO_SECONDS_MS = 10_000, 2_000
_SPOT_RULES = RateRules(
    windows=(
        Window(name="orders", limit=4, period_ms=1_000),
        Window(name="uid", limit=450, period_ms=_TEN_SECONDS_MS),
        Window(name="ip", limit=270, period_ms=_TEN_SECONDS_MS, is_shared=True),
    ),
    costs={
        Ask.SUBMIT: {"orders": 1, "uid": 1},
        Ask.CANCEL: {"uid": 1},
        Ask.LOOK_UP: {"ip": 22},
        Ask.OPEN_ORDERS: {"ip": 3},
        Ask.BALANCES: {"ip": 10},
        Ask.TRADES: {"ip": 10},
        Ask.INSTRUMENTS: {"ip": 10},
        Ask.PRICES: {"ip": 2},
        Ask.SETUP: {"ip": 10},
        Ask.TIME: {"ip": 1},
    },
)
_SWAP_RULES = RateRules(
    windows=(Window(name="requests", limit=18, period_ms=_TWO_SECONDS_MS),),
    costs={ask: {"requests": 4 if ask is Ask.LOOK_UP else 1} for ask in Ask},
)
"""Nine tenths of the twenty requests in two seconds that each endpoint takes, as if all were one."""


class Mexc(Venue):
    exchange: ClassVar[str] = "mexc"
    ccxt_id: ClassVar[str] = "mexc"
    market_types: ClassVar[frozenset[Market]] = frozenset({Market.SPOT, Market.SWAP})
    recv_window_ms: ClassVar[int] = 10_000
    """Five seconds are asked for on spot; ccxt names none on swaps, where ten are the rule."""

    @property
    def lists_by_symbol(self) -> bool:  # type: ignore[override]
        return not self.is_swap

    def to_testnet(self, client: Any) -> None:
        del client
        raise SetupFault("MEXC has no testnet: remove `testnet: true`, or use the paper exchange.")

    def rules(self) -> RateRules:
        return _SWAP_RULES if self.is_swap else _SPOT_RULES

    # --- orders -----------------------------------------------------------------------------------

    async def create(self, order: Order, instrument: Instrument) -> Raw:
        """The answer does not name the client order id: it is put there, the exchange's id is MEXC's own word."""
        refuse_stops(self.exchange, order)
        answer = await (self._create_swap(order) if self.is_swap else super().create(order, instrument))
        return {**answer, "clientOrderId": order.client_order_id} if answer.get("id") else answer

    async def _create_swap(self, order: Order) -> Raw:
        """The side says whether it opens or closes, in both position modes; ccxt's own would be wrong in hedge mode."""
        is_isolated = self.account.margin_mode is MarginMode.ISOLATED
        params: Raw = {
            "clientOrderId": order.client_order_id,
            "side": _side(
                order, closes=order.reduce_only or ((self.is_hedged or self.wants_hedge) and not _opens(order))
            ),
            "type": _type(order),
            "openType": _ISOLATED if is_isolated else _CROSS,
            "leverage": self.account.leverage,
            "positionMode": 1 if self.is_hedged else 2,
        }
        kind = "market" if order.type is not OrderType.LIMIT else "limit"
        answer: Raw = await self.client.create_order(
            order.symbol, kind, order.side.value, plain(order.quantity), wire_price(order), params
        )
        return answer

    async def cancel(self, order: Order) -> Raw:
        if not self.is_swap:
            return await super().cancel(order)
        await self.client.load_markets()
        asked = {"symbol": self.client.market_id(order.symbol), "externalOid": order.client_order_id}
        answer = await self.client.contractPrivatePostOrderCancelWithExternal(asked)
        return {"id": None, "clientOrderId": order.client_order_id, "symbol": order.symbol, "info": answer}

    async def find_order(self, order: Order) -> Raw | None:
        """By client order id, live and finished; all orders since it was made are the second witness."""
        from ccxt.base.errors import ExchangeError

        await self.client.load_markets()
        raw: Raw | None = None
        try:
            raw = await (self._by_external_id(order) if self.is_swap else super().find_order(order))
        except ExchangeError as error:
            if not any(words in str(error).replace(" ", "") for words in _NO_ORDER):
                raise
        if raw is not None and self.is_of(raw, order):
            return raw
        since = order.create_time_ms - LOOK_BACK_MS
        rows = await (self._swap_history(order.symbol, since) if self.is_swap else self._all_spot(order.symbol, since))
        return self.newest_of(rows, order)

    async def _by_external_id(self, order: Order) -> Raw | None:
        market = self.client.market(order.symbol)
        asked = {"symbol": market["id"], "external_oid": order.client_order_id}
        data = (await self.client.contractPrivateGetOrderExternalSymbolExternalOid(asked)).get("data")
        return self._swap_order(data, market) if isinstance(data, dict) else None

    async def _all_spot(self, symbol: str, since_ms: int) -> list[Raw]:
        """Open and finished ones, span by span."""
        now = int(self.client.milliseconds())
        rows: list[Raw] = []
        for start in range(min(since_ms, now), now + 1, SPOT_SPAN_MS):

            async def page(until: int, start: int = start) -> tuple[list[Raw], int | None]:
                found = await self.client.fetch_orders(symbol, start, SPOT_PAGE, {"endTime": until})
                oldest = min((int(row.get("timestamp") or 0) for row in found), default=0)
                return found, (oldest if len(found) >= SPOT_PAGE and start < oldest < until else None)

            rows += await all_pages(page, min(start + SPOT_SPAN_MS, now))
        return rows

    async def _swap_history(self, symbol: str, since_ms: int) -> list[Raw]:
        market = self.client.market(symbol)

        async def page(number: int) -> tuple[list[Raw], int | None]:
            asked = {"symbol": market["id"], "start_time": since_ms, "page_num": number, "page_size": SWAP_PAGE}
            data = (await self.client.contractPrivateGetOrderListHistoryOrders(asked)).get("data") or []
            return [self._swap_order(each, market) for each in data], _next(data, number)

        return await all_pages(page, 1)

    async def order_trades(self, order: Order, raw: Raw) -> list[Raw]:
        market = self.client.market(order.symbol)
        if not self.is_swap:
            rows: list[Raw] = await self.client.fetch_my_trades(order.symbol, None, SPOT_PAGE, {"orderId": raw["id"]})
            return [row for row in rows if row.get("order") == raw.get("id")]
        data = (await self.client.contractPrivateGetOrderDealDetailsOrderId({"order_id": raw["id"]})).get("data") or []
        return [self._swap_trade(each, market) for each in data]

    async def open_orders(self, symbols: Sequence[str]) -> list[Raw]:
        """Spot wants a symbol; swaps are listed at once."""
        await self.client.load_markets()
        if self.is_swap:
            return await all_pages(self._open_swap_page, 1)
        rows: list[Raw] = []
        for symbol in symbols:
            rows += await self.client.fetch_open_orders(symbol)
        return rows

    async def _open_swap_page(self, number: int) -> tuple[list[Raw], int | None]:
        asked = {"page_num": number, "page_size": SWAP_PAGE}
        data = (await self.client.contractPrivateGetOrderListOpenOrders(asked)).get("data") or []
        return [self._swap_order(each, None) for each in data], _next(data, number)

    async def trades(self, symbol: str, since_ms: int) -> list[Raw]:
        await self.client.load_markets()
        market = self.client.market(symbol)
        if not self.is_swap:
            return await all_pages(lambda until: self._spot_trades(symbol, since_ms, until), 0)
        now = int(self.client.milliseconds())
        rows: list[Raw] = []
        for start in range(min(since_ms, now), now + 1, SWAP_SPAN_MS):

            async def page(number: int, start: int = start) -> tuple[list[Raw], int | None]:
                span = {"start_time": start, "end_time": min(start + SWAP_SPAN_MS, now)}
                asked = {"symbol": market["id"], **span, "page_num": number, "page_size": SWAP_PAGE}
                data = (await self.client.contractPrivateGetOrderListOrderDeals(asked)).get("data") or []
                return [self._swap_trade(each, market) for each in data], _next(data, number)

            rows += await all_pages(page, 1)
        return rows

    async def _spot_trades(self, symbol: str, since_ms: int, until_ms: int) -> tuple[list[Raw], int | None]:
        """Newest first: the next page ends where this one begins."""
        params = {"endTime": until_ms} if until_ms else {}
        rows: list[Raw] = await self.client.fetch_my_trades(symbol, since_ms, SPOT_PAGE, params)
        oldest = min((int(row.get("timestamp") or 0) for row in rows), default=0)
        return rows, (oldest if len(rows) >= SPOT_PAGE and oldest != until_ms else None)

    def client_order_id(self, raw: Raw) -> str:
        info = raw.get("info") or {}
        return str(raw.get("clientOrderId") or info.get("externalOid") or info.get("clientOrderId") or "")

    def _swap_order(self, data: Raw, market: Raw | None) -> Raw:
        return _mended(self.client.parse_order(data, market))

    def _swap_trade(self, data: Raw, market: Raw | None) -> Raw:
        """ccxt knows a swap's execution by its position mode, which some answers leave out."""
        return _mended(self.client.parse_trade({"positionMode": None, **data}, market))

    # --- the account ------------------------------------------------------------------------------

    async def balances(self) -> Raw:
        """A swap account's collateral: ccxt leaves the margin of its positions out of what is used."""
        answer: Raw = await super().balances()
        if not self.is_swap:
            return answer
        for entry in (answer.get("info") or {}).get("data") or []:
            code = self.client.safe_currency_code(entry.get("currency"))
            account = {"free": entry.get("availableBalance"), "total": entry.get("equity"), "used": None}
            if code and entry.get("equity") is not None:
                answer[code] = account
                answer["total"][code] = account["total"]
        return answer

    async def instruments(self) -> list[Raw]:
        """ccxt would fetch spot and swaps alike; an account has one of them."""
        await self.client.load_time_difference()
        fetch = self.client.fetch_swap_markets if self.is_swap else self.client.fetch_spot_markets
        return self.renewed(await fetch())

    async def funding(self, since_ms: int) -> list[Raw]:
        """Newest first; ccxt leaves the symbol out where none was asked for."""
        await self.client.load_markets()

        async def page(number: int) -> tuple[list[Raw], int | None]:
            rows = await self.client.fetch_funding_history(None, None, SWAP_PAGE, {"page_num": number})
            named = [{**row, "symbol": self.client.safe_symbol(row["info"].get("symbol"))} for row in rows]
            oldest = min((int(row["timestamp"]) for row in rows), default=0)
            return named, (number + 1 if len(rows) >= SWAP_PAGE and oldest >= since_ms else None)

        return [row for row in await all_pages(page, 1) if int(row["timestamp"]) >= since_ms]

    async def prepare_account(self) -> None:
        if not self.is_swap:
            return

        async def read() -> str:
            is_hedged = (await self.client.fetch_position_mode())["hedged"]
            return self.read_mode(PositionMode.HEDGE if is_hedged else PositionMode.ONE_WAY)

        async def write() -> None:
            await self.client.set_position_mode(self.wants_hedge)

        remedy = "Close all positions and orders first."
        await settle("MEXC's position mode", self.account.position_mode.value, read, write, remedy)

    async def prepare(self, symbol: str) -> None:
        """Leverage of both sides; the margin mode goes with each order."""
        if not self.is_swap:
            return
        await self.client.load_markets()
        leverage = self.account.leverage
        kind = _ISOLATED if self.account.margin_mode is MarginMode.ISOLATED else _CROSS

        async def read() -> str:
            asked = {"symbol": self.client.market_id(symbol)}
            rows = (await self.client.contractPrivateGetPositionLeverage(asked)).get("data") or []
            mine = [row for row in rows if str(row.get("openType") or kind) == str(kind)]
            return " and ".join(sorted({told_number(row.get("leverage")) for row in mine}))

        async def write() -> None:
            for side in (1, 2):
                await self.client.set_leverage(leverage, symbol, {"openType": kind, "positionType": side})

        await settle(f"MEXC's leverage of {symbol}", str(leverage), read, write, "Set it on MEXC.")

    # --- streams ----------------------------------------------------------------------------------

    async def watch_orders(self) -> list[Raw]:
        rows = await super().watch_orders()
        return [_mended(row) for row in rows] if self.is_swap else rows

    async def watch_trades(self) -> list[Raw]:
        """ccxt calls every streamed spot execution a taker's, and may not know a swap's for one: that is read anew."""
        rows = await super().watch_trades()
        if not self.is_swap:
            return [_with_maker(row) for row in rows]
        return [self._swap_trade(row["info"], self.client.market(row["symbol"])) for row in rows]

    async def watch_prices(self, symbols: Sequence[str]) -> Mapping[str, Raw]:
        """ccxt's `watch_bids_asks` never answers here: it does not read MEXC's binary frames. Its tickers do."""
        if self.is_swap:
            return by_symbol(await self.client.watch_tickers(list(symbols)))
        await self.client.load_markets()
        streamed = list(symbols)[:MAX_STREAMED]
        topics = [TICKERS + self.client.market_id(symbol) for symbol in streamed]
        names = [f"ticker:{symbol}" for symbol in streamed]
        asked = {"method": "SUBSCRIPTION", "params": topics}
        return by_symbol(await self.client.watch_multiple(self.client.urls["api"]["ws"]["spot"], names, asked, names))

    async def fetch_prices(self, symbols: Sequence[str]) -> Mapping[str, Raw]:
        """All best prices at once: ccxt's `fetch_bids_asks` fails for a single symbol and for swaps."""
        if self.is_swap:
            return by_symbol(await self.client.fetch_tickers(list(symbols)))
        await self.client.load_markets()
        rows = await self.client.spotPublicGetTickerBookTicker()
        return by_symbol(self.client.parse_tickers(rows, list(symbols)))

    def is_user_stream(self, url: str) -> bool:
        return self.is_swap or "listenKey=" in url

    async def renew_streams(self) -> None:
        self.client.options["listenKey"] = None
        await super().renew_streams()


def _opens(order: Order) -> bool:
    return (position_side(order) is Side.LONG) == (order.side is OrderSide.BUY)


def _side(order: Order, *, closes: bool) -> int:
    if order.side is OrderSide.BUY:
        return 2 if closes else 1
    return 4 if closes else 3


def _type(order: Order) -> int:
    if order.type is not OrderType.LIMIT:
        return _MARKET
    return {TimeInForce.POST_ONLY: _POST_ONLY, TimeInForce.IOC: _IOC}.get(order.time_in_force, _LIMIT)


def _next(data: Sequence[Any], number: int) -> int | None:
    return number + 1 if len(data) >= SWAP_PAGE else None


def _mended(raw: Raw) -> Raw:
    """A swap's order or execution with the side and state that MEXC means."""
    info = raw.get("info") or {}
    side = _SIDES.get(str(info.get("side")), raw.get("side"))
    if "status" not in raw:
        return {**raw, "side": side}
    status = "rejected" if str(raw["status"]) == _INVALID else raw["status"]
    return {**raw, "side": side, "status": status, "clientOrderId": info.get("externalOid") or None}


def _with_maker(trade: Raw) -> Raw:
    is_maker = (trade.get("info") or {}).get("isMaker")
    return {**trade, "takerOrMaker": "maker" if is_maker in (True, 1, "1", "true") else "taker"}
