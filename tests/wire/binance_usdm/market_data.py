"""Prices by request: the one price of a contract, in every shape the venue has for it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.wire.binance_usdm import errors
from tests.wire.binance_usdm.desk import Desk
from tests.wire.binance_usdm.errors import Refuse
from tests.wire.binance_usdm.market_stream import next_funding_ms
from tests.wire.core.ledger import text
from tests.wire.core.server import Call

Json = Any

DAY_MS = 86_400_000


class MarketData:
    def __init__(self, desk: Desk) -> None:
        self._desk, self._account = desk, desk.account

    def per_symbol(self, row: Callable[[str, Decimal, int], Json]) -> Callable[[Call], Json]:
        """One object with a symbol, a list without; only contracts that have a price."""

        def handler(call: Call) -> Json:
            wanted = self._desk.instrument(call.params).venue_symbol if "symbol" in call.params else None
            symbols = [wanted] if wanted else list(self._account.instruments)
            prices = {symbol: self._account.price(symbol) for symbol in symbols}
            rows = [row(symbol, price, call.now_ms) for symbol, price in prices.items() if price is not None]
            if wanted is None:
                return rows
            if not rows:
                raise Refuse(errors.BAD_SYMBOL)
            return rows[0]

        return handler

    @staticmethod
    def ticker(symbol: str, price: Decimal, now_ms: int) -> Json:
        still = text(price)
        return {
            "symbol": symbol,
            "priceChange": "0",
            "priceChangePercent": "0.000",
            "weightedAvgPrice": still,
            "lastPrice": still,
            "lastQty": "1",
            "openPrice": still,
            "highPrice": still,
            "lowPrice": still,
            "volume": "1000",
            "quoteVolume": text(price * 1000),
            "openTime": now_ms - DAY_MS,
            "closeTime": now_ms,
            "firstId": 1,
            "lastId": 1000,
            "count": 1000,
        }

    def book_ticker(self, symbol: str, price: Decimal, now_ms: int) -> Json:
        bid, ask = self._account.bid_ask(symbol) or (price, price)
        return {
            "symbol": symbol,
            "bidPrice": text(bid),
            "bidQty": "10",
            "askPrice": text(ask),
            "askQty": "10",
            "time": now_ms,
            "lastUpdateId": now_ms,
        }

    @staticmethod
    def price(symbol: str, price: Decimal, now_ms: int) -> Json:
        return {"symbol": symbol, "price": text(price), "time": now_ms}

    @staticmethod
    def premium_index(symbol: str, price: Decimal, now_ms: int) -> Json:
        return {
            "symbol": symbol,
            "markPrice": text(price),
            "indexPrice": text(price),
            "estimatedSettlePrice": text(price),
            "lastFundingRate": "0.00010000",
            "interestRate": "0.00010000",
            "nextFundingTime": next_funding_ms(now_ms),
            "time": now_ms,
        }

    def depth(self, call: Call) -> Json:
        sides = self._account.bid_ask(self._desk.instrument(call.params).venue_symbol)
        bids, asks = ([], []) if sides is None else ([[text(sides[0]), "10"]], [[text(sides[1]), "10"]])
        return {"lastUpdateId": call.now_ms, "E": call.now_ms, "T": call.now_ms, "bids": bids, "asks": asks}
