"""Binance spot."""

from __future__ import annotations

from actors.rules.choices import Market
from actors.rules.rates import Ask, RateRules, Window
from daemon.exchanges.venues.binance_base import BinanceVenue
from daemon.exchanges.venues.venue import Raw

WEIGHT, FAST, DAILY = "spot_weight_1m", "spot_orders_10s", "spot_orders_1d"
DAY_MS = 86_400_000


class BinanceSpot(BinanceVenue):
    exchange = "binance"
    ccxt_id = "binance"
    market_types = frozenset({Market.SPOT})
    trade_window_ms = DAY_MS
    trade_permission = "enableSpotAndMarginTrading"
    family = "spot"

    def options(self) -> Raw:
        return {**super().options(), "fetchMarkets": {"types": ["spot"]}}

    def rules(self) -> RateRules:
        """Nine tenths of 6000 weight a minute, 100 orders in 10 s and 200000 a day.

        Placing a new order is what counts as an order; cancels count weight alone.
        """
        return RateRules(
            windows=(
                Window(name=WEIGHT, limit=5_400, period_ms=60_000, is_shared=True),
                Window(name=FAST, limit=90, period_ms=10_000),
                Window(name=DAILY, limit=180_000, period_ms=DAY_MS),
            ),
            costs={
                Ask.SUBMIT: {WEIGHT: 1, FAST: 1, DAILY: 1},
                Ask.CANCEL: {WEIGHT: 1},
                Ask.LOOK_UP: {WEIGHT: 24},  # By id 4, then the history 20 or the order's executions 5.
                Ask.OPEN_ORDERS: {WEIGHT: 80},
                Ask.BALANCES: {WEIGHT: 20},
                Ask.TRADES: {WEIGHT: 20},
                Ask.INSTRUMENTS: {WEIGHT: 21},  # The clock is asked with them.
                Ask.PRICES: {WEIGHT: 4},
                Ask.SETUP: {WEIGHT: 1},
                Ask.TIME: {WEIGHT: 1},
            },
        )

    def is_user_stream(self, url: str) -> bool:
        return "/ws-api/" in url
