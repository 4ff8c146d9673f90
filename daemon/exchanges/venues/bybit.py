"""Bybit's unified trading account, spot and USDT or USDC perpetual swaps (v5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from actors.rules.choices import Market
from actors.rules.model import Instrument, Order, Side
from actors.rules.rates import RateRules
from actors.rules.settings import AccountSettings
from daemon.exchanges.venues.bybit_limits import rules_of
from daemon.exchanges.venues.bybit_setup import set_margin_mode, set_position_mode, set_symbol
from daemon.exchanges.venues.orders import may_have_fills, plain, refuse_stop_amends, wire_type
from daemon.exchanges.venues.pages import all_pages
from daemon.exchanges.venues.venue import LOOK_BACK_MS, Credentials, Raw, Venue, position_side

ORDER_PAGE, EXECUTION_PAGE, POSITION_PAGE = 50, 100, 200
"""The most one request lists."""
TOPICS = 10
"""The most one request subscribes to on spot."""
WINDOW_MS = 7 * 86_400_000
"""Longest span of time one request for executions may cover."""
MOVES = frozenset({"Trade", "AdlTrade", "BustTrade", "BlockTrade", "MovePosition", "Settle", "Delivery"})
"""Kinds of execution that change what is held. The others are payments."""
POSITION_INDEX = {Side.LONG: 1, Side.SHORT: 2}


class Bybit(Venue):
    exchange = "bybit"
    ccxt_id = "bybit"
    market_types = frozenset({Market.SPOT, Market.SWAP})
    recv_window_ms = 5_000
    can_amend = True
    can_stop = True
    has_testnet = True
    names_trades = True

    def __init__(self, account: AccountSettings, credentials: Credentials, connect: Callable[[], Any] | None) -> None:
        super().__init__(account, credentials, connect)
        self._subscribing: set[asyncio.Future[Any]] = set()

    def options(self) -> Raw:
        """What kind of account it is is said here, so that ccxt need not ask before its first private request."""
        return {
            **super().options(),
            "fetchMarkets": {"types": ["linear" if self.is_swap else "spot"]},
            "enableUnifiedAccount": True,
            "enableUnifiedMargin": False,
            "unifiedMarginStatus": 5,
            "recvWindow": self.recv_window_ms,
            "watchMyTrades": {"execType": sorted(MOVES)},
        }

    def rules(self) -> RateRules:
        return rules_of(self.category)

    # --- orders -----------------------------------------------------------------------------------

    def order_params(self, order: Order, instrument: Instrument) -> Raw:
        """Hedge mode: the index says which position; ccxt's `hedged` would drop `reduceOnly`."""
        del instrument
        params = self.common_params(order)
        if self.is_hedged:
            params["positionIdx"] = POSITION_INDEX[position_side(order)]
        return params

    async def cancel(self, order: Order) -> Raw:
        # No exchange id: even an empty one would be sent, and it ranks before ours.
        answer: Raw = await self.client.cancel_order(None, order.symbol, {"orderLinkId": order.client_order_id})
        return answer

    async def amend(self, order: Order, price: Decimal, quantity: Decimal) -> Raw:
        """By the exchange's id, or by ours as long as that is not known. Limit orders only."""
        refuse_stop_amends(self.exchange, order)
        params = {} if order.exchange_order_id else {"orderLinkId": order.client_order_id}
        answer: Raw = await self.client.edit_order(
            order.exchange_order_id or None,
            order.symbol,
            wire_type(order),
            order.side.value,
            plain(quantity),
            plain(price),
            params,
        )
        return answer

    async def find_order(self, order: Order) -> Raw | None:
        """Open and recent orders by our id, else the history of all that finished, cancelled ones too.

        An order nobody lists, though executions name it, is not there yet: that is no answer, and it raises.
        """
        by_id = {"orderLinkId": order.client_order_id}
        found = self.newest_of(await self.client.fetch_open_orders(order.symbol, None, None, by_id), order)
        return await self._find_finished(order) if found is None else found

    async def has_executions(self, order: Order) -> bool:
        return bool(await self._executions(order))

    async def _find_finished(self, order: Order) -> Raw | None:
        """The last week at first, then week by week back to when the order was made."""
        by_id = {"orderLinkId": order.client_order_id}
        fetch = self.client.fetch_canceled_and_closed_orders
        found = self.newest_of(await fetch(order.symbol, None, None, by_id), order)
        end = int(self.client.milliseconds()) - WINDOW_MS
        while found is None and end > order.create_time_ms - LOOK_BACK_MS:
            start = end - WINDOW_MS
            found = self.newest_of(await fetch(order.symbol, start, None, {**by_id, "endTime": end}), order)
            end = start
        return found

    async def order_trades(self, order: Order, raw: Raw) -> list[Raw]:
        return await self._executions(order) if may_have_fills(raw) else []

    async def _executions(self, order: Order) -> list[Raw]:
        since = order.create_time_ms - LOOK_BACK_MS
        rows = await self._read_executions(order.symbol, since, {"orderLinkId": order.client_order_id})
        return [row for row in rows if self.is_of(row, order)]

    async def trades(self, symbol: str, since_ms: int) -> list[Raw]:
        """Of every kind that changes what is held: liquidations and deleveraging too."""
        return await self._read_executions(symbol, since_ms, {})

    async def _read_executions(self, symbol: str, since_ms: int, params: Raw) -> list[Raw]:
        await self.client.load_markets()
        market = self.client.market(symbol)
        now = int(self.client.milliseconds()) + LOOK_BACK_MS
        request = {"category": self.category, "symbol": market["id"], "limit": EXECUTION_PAGE, **params}

        async def page(mark: tuple[int, str]) -> tuple[list[Raw], tuple[int, str] | None]:
            start, cursor = mark
            span = {"startTime": start, "endTime": start + WINDOW_MS - 1}
            answer = await self.client.privateGetV5ExecutionList(
                {**request, **span} | ({"cursor": cursor} if cursor else {})
            )
            rows = [row for row in answer["result"]["list"] if row.get("execType") in MOVES]
            following = str(answer["result"].get("nextPageCursor") or "")
            ahead = None if start + WINDOW_MS > now else (start + WINDOW_MS, "")
            return [self.client.parse_trade(row, market) for row in rows], ((start, following) if following else ahead)

        rows = await all_pages(page, (since_ms, ""))
        return sorted(rows, key=lambda row: int(row.get("timestamp") or 0))

    async def open_orders(self, symbols: Sequence[str]) -> list[Raw]:
        async def page(mark: tuple[Raw, str]) -> tuple[list[Raw], tuple[Raw, str] | None]:
            params, cursor = mark
            asked = {**params, "cursor": cursor} if cursor else params
            rows = await self.client.fetch_open_orders(None, None, ORDER_PAGE, asked)
            following = next_cursor(rows)
            return rows, ((params, following) if following and following != cursor else None)

        found: list[Raw] = []
        for coin in self._settle_coins(symbols):
            found += await all_pages(page, ({"settleCoin": coin} if coin else {}, ""))
        return found

    def client_order_id(self, raw: Raw) -> str:
        info: Any = raw.get("info") or {}
        return str(raw.get("clientOrderId") or info.get("orderLinkId") or "")

    # --- the account ------------------------------------------------------------------------------

    @property
    def category(self) -> str:
        return "linear" if self.is_swap else "spot"

    def _settle_coins(self, symbols: Sequence[str]) -> tuple[str, ...]:
        """Swaps are listed by the coin they settle in; USDC is asked for where it may be traded."""
        if not self.is_swap:
            return ("",)
        return ("USDT", "USDC") if not symbols or any(symbol.endswith(":USDC") for symbol in symbols) else ("USDT",)

    async def positions(self) -> list[Raw]:
        async def page(mark: tuple[str, str]) -> tuple[list[Raw], tuple[str, str] | None]:
            coin, cursor = mark
            params = {"settleCoin": coin, "limit": POSITION_PAGE} | ({"cursor": cursor} if cursor else {})
            rows = await self.client.fetch_positions(None, params)
            following = next_cursor(rows)
            return rows, ((coin, following) if following and following != cursor else None)

        rows: list[Raw] = []
        for coin in self._settle_coins(()):
            rows += await all_pages(page, (coin, ""))
        return [row for row in rows if Decimal(str(row.get("contracts") or 0)) != 0]

    async def funding(self, since_ms: int) -> list[Raw]:
        """ccxt gives what was paid as the amount: turned round here."""

        async def page(mark: tuple[int, str]) -> tuple[list[Raw], tuple[int, str] | None]:
            start, cursor = mark
            params = {"limit": EXECUTION_PAGE, "endTime": start + WINDOW_MS - 1} | (
                {"cursor": cursor} if cursor else {}
            )
            rows = await self.client.fetch_funding_history(None, start, None, params)
            following = next_cursor(rows)
            ahead = None if start + WINDOW_MS > now else (start + WINDOW_MS, "")
            return rows, ((start, following) if following and following != cursor else ahead)

        now = int(self.client.milliseconds()) + LOOK_BACK_MS
        rows = await all_pages(page, (since_ms, ""))
        return [{**row, "amount": plain(-Decimal(str(row.get("amount") or 0)))} for row in rows]

    async def prepare(self, symbol: str) -> None:
        await set_symbol(self.client, self.account, symbol)

    async def prepare_account(self) -> None:
        if self.is_swap:
            await set_margin_mode(self.client, self.account)
            await set_position_mode(self.client, self.account, self.read_mode)

    async def permissions(self) -> Mapping[str, bool | None]:
        answer = await self.client.privateGetV5UserQueryApi()
        result = answer["result"]
        allowed: Any = result.get("permissions") or {}
        writes = str(result.get("readOnly")) == "0"
        kind, word = ("ContractTrade", "Order") if self.is_swap else ("Spot", "SpotTrade")
        return {
            "read": True,
            "trade": writes and word in (allowed.get(kind) or ()),
            "withdraw": writes and "Withdraw" in (allowed.get("Wallet") or ()),
        }

    # --- streams ----------------------------------------------------------------------------------

    def kept_prices(self) -> Mapping[str, Raw] | None:
        kept: Mapping[str, Raw] = self.client.bidsasks
        return kept

    async def watch_prices(self, symbols: Sequence[str]) -> Mapping[str, Raw]:
        """One request may subscribe to ten books: where more are new, the rest is subscribed to beforehand."""
        if self.client.markets:
            url = await self.client.get_url_by_market_type(symbols[0], False, "watchBidsAsks")
            known = self.client.client(url).subscriptions
            new = [symbol for symbol in symbols if f"bidask:{symbol}" not in known]
            for first in range(TOPICS, len(new), TOPICS):
                self._subscribe(new[first : first + TOPICS])
            if len(new) > TOPICS:
                await asyncio.sleep(0)
        return await super().watch_prices(symbols)

    def _subscribe(self, symbols: Sequence[str]) -> None:
        """Its first price ends the task; prices reach whoever watches these symbols all the same."""
        task = asyncio.ensure_future(self.client.watch_bids_asks(list(symbols)))
        self._subscribing.add(task)
        task.add_done_callback(self._subscribed)

    def _subscribed(self, task: asyncio.Future[Any]) -> None:
        self._subscribing.discard(task)
        if not task.cancelled():
            task.exception()  # Whoever watches hears of it too.

    def is_user_stream(self, url: str) -> bool:
        return "/private" in url


def next_cursor(rows: Sequence[Raw]) -> str:
    """ccxt leaves the venue's cursor in one of the rows of a page."""
    for row in rows:
        cursor = (row.get("info") or {}).get("nextPageCursor")
        if cursor:
            return str(cursor)
    return ""
