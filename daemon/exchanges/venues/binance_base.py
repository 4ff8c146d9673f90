"""What Binance's spot and USDT-M sides share: look-ups, executions in windows of time, headers, key permissions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar

from actors.rules.model import Order
from actors.rules.rates import RateRules
from daemon.exchanges.venues.binance_limits import told_rules, used_windows
from daemon.exchanges.venues.orders import plain
from daemon.exchanges.venues.pages import TooManyPages, all_pages
from daemon.exchanges.venues.venue import LOOK_BACK_MS, Raw, Venue

PAGE = 1_000
"""Most orders or executions one request lists."""
ARCHIVED = re.compile(r'"code"\s*:\s*-2026\b')
"""Cancelled or expired without an execution more than 90 days ago."""
MANY = 1_000_000
"""Of subscriptions on one market socket: the venue's own limit is 1024 streams, ccxt counts every list anew."""
MAX_WINDOWS = 500
"""Requests for the executions of one symbol, before it is called endless."""


class BinanceVenue(Venue):
    recv_window_ms = 5_000
    has_testnet = True

    trade_window_ms: ClassVar[int]
    """Longest span of time that one request for executions may cover."""
    family: ClassVar[str]
    """What names of its rate windows begin with."""
    trade_permission: ClassVar[str]

    def options(self) -> Raw:
        """One market socket for all symbols: ccxt would dial another one for every new list of symbols, and each of
        them would bring the prices of the whole list once more."""
        return {
            **super().options(),
            "streamLimits": {"spot": 1, "linear": 1},
            "subscriptionLimitByStream": {"spot": MANY, "linear": MANY},
            "fetchMargins": False,
            "recvWindow": self.recv_window_ms,
            "warnOnFetchOpenOrdersWithoutSymbol": False,
        }

    def used(self, headers: Mapping[str, str]) -> Mapping[str, int]:
        return used_windows(headers, self.family)

    def learn_rules(self, url: str, body: str) -> RateRules | None:
        return told_rules(self.rules(), body, self.family) if "/exchangeInfo" in url else None

    # --- instruments ------------------------------------------------------------------------------

    async def instruments(self) -> list[Raw]:
        """ccxt holds all that the venue says of a symbol, twice, and looks at the types of orders alone again."""
        offered = [dict(market) for market in await super().instruments()]
        types: dict[tuple[str, ...], Raw] = {}
        for market in (*self.client.markets.values(), *chain.from_iterable(self.client.markets_by_id.values())):
            named = tuple(market["info"].get("orderTypes", ()))
            market["info"] = types.setdefault(named, {"orderTypes": list(named)})
        return offered

    # --- orders -----------------------------------------------------------------------------------

    async def find_order(self, order: Order) -> Raw | None:
        """By client id; else the newest with that id in the history.

        An id is unique among open orders only, and the look-up by id may lag behind the history or the other way
        round: only where both know nothing there is none.
        """
        found = await self.fetch_by_client_id(order, self.client_params(order))
        if found is not None:
            return found
        since = order.create_time_ms - LOOK_BACK_MS
        rows = await self.client.fetch_orders(order.symbol, since, PAGE, self.kind_params(order))
        return self.newest_of(rows, order)

    async def fetch_by_client_id(self, order: Order, params: Raw) -> Raw | None:
        """An order that ended unfilled so long ago that it is archived is told by an error of its own."""
        from ccxt.base.errors import InvalidOrder

        try:
            return await super().fetch_by_client_id(order, params)
        except InvalidOrder as error:
            if ARCHIVED.search(str(error)) is None:
                raise
            return {
                "info": {},
                "id": order.exchange_order_id or None,
                "clientOrderId": order.client_order_id,
                "symbol": order.symbol,
                "status": "canceled",
                "filled": "0",
                "amount": plain(order.quantity),
            }

    def kind_params(self, order: Order) -> Raw:
        """What tells ccxt which of the venue's kinds of order this is."""
        del order
        return {}

    def client_params(self, order: Order) -> Raw:
        return {"clientOrderId": order.client_order_id, **self.kind_params(order)}

    async def cancel(self, order: Order) -> Raw:
        answer: Raw = await self.client.cancel_order("", order.symbol, self.client_params(order))
        return {**answer, "clientOrderId": self.client_order_id(answer) or None}

    async def order_trades(self, order: Order, raw: Raw) -> list[Raw]:
        """Executions of one order, by the exchange's id of it: they do not carry ours."""
        order_id = str(raw["id"])

        async def page(from_id: int) -> tuple[list[Raw], int | None]:
            params: Raw = {"orderId": order_id} | ({"fromId": from_id} if from_id else {})
            rows: list[Raw] = await self.client.fetch_my_trades(order.symbol, None, PAGE, params)
            following = max((int(row["id"]) for row in rows), default=0) + 1
            return rows, (following if len(rows) >= PAGE else None)

        return await all_pages(page, 0)

    async def trades(self, symbol: str, since_ms: int) -> list[Raw]:
        """In windows of time, each halved until it fits a page: which end of a longer list comes is not published."""
        rows: list[Raw] = []
        start, span = since_ms, self.trade_window_ms
        now = int(self.client.milliseconds()) + LOOK_BACK_MS
        for _ in range(MAX_WINDOWS):
            page = await self.client.fetch_my_trades(symbol, start, PAGE, {"endTime": start + span - 1})
            if len(page) >= PAGE and span > 1:
                span //= 2
                continue
            rows += page
            start += span
            if start > now:
                return rows
            span = self.trade_window_ms
        raise TooManyPages(f"{symbol}: executions since {since_ms} do not end")

    def client_order_id(self, raw: Raw) -> str:
        """Executions carry it in the user stream only. Answers to a cancel name the order's own id apart."""
        info: Any = raw.get("info") or {}
        own = info.get("origClientOrderId") or raw.get("clientOrderId")
        if not own and info.get("x") == "TRADE":
            own = info.get("c")
        return str(own or "")

    # --- the account ------------------------------------------------------------------------------

    async def permissions(self) -> Mapping[str, bool | None]:
        if self.account.testnet:  # The testnets do not have this request.
            return await super().permissions()
        answer = await self.client.sapiGetAccountApiRestrictions()
        return {
            "read": bool(answer.get("enableReading")),
            "trade": bool(answer.get(self.trade_permission)),
            "withdraw": bool(answer.get("enableWithdrawals")),
        }

    def kept_prices(self) -> Mapping[str, Raw] | None:
        kept: Mapping[str, Raw] = self.client.bidsasks
        return kept

    async def fetch_prices(self, symbols: Sequence[str]) -> Mapping[str, Raw]:
        if not symbols:
            return {}
        return await super().fetch_prices(symbols)
