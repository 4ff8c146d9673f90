"""Binance's own list of its limits, and what its answers say of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from actors.budget import LimitedBudget
from actors.rules.choices import Market
from actors.rules.rates import Ask, RateRules, Window, Work
from actors.rules.settings import AccountSettings
from daemon.exchanges.venues.binance import BinanceSpot
from daemon.exchanges.venues.binance_base import BinanceVenue
from daemon.exchanges.venues.binance_limits import told_rules, used_windows
from daemon.exchanges.venues.binanceusdm import BinanceUsdm

URL = "http://127.0.0.1:1/api/v3/exchangeInfo"


def published(kind: type[BinanceVenue] = BinanceSpot) -> RateRules:
    return kind.rules(kind.__new__(kind))


def told(*limits: tuple[str, int, str, int]) -> str:
    rows = [
        {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}
        for kind, count, interval, limit in limits
    ]
    return json.dumps({"timezone": "UTC", "rateLimits": rows, "symbols": [{"symbol": "BTCUSDT", "filters": []}]})


@pytest.mark.rule("REC-4", "PRC-1")
def test_the_limits_of_the_venues_own_list_replace_the_published_ones() -> None:
    body = told(
        ("REQUEST_WEIGHT", 1, "MINUTE", 1200),
        ("ORDERS", 10, "SECOND", 50),
        ("ORDERS", 1, "DAY", 160_000),
        ("RAW_REQUESTS", 5, "MINUTE", 6100),
    )
    rules = told_rules(published(), body, "spot")
    assert rules is not None
    assert rules.windows == (
        Window(name="spot_weight_1m", limit=1080, period_ms=60_000, is_shared=True),
        Window(name="spot_orders_10s", limit=45, period_ms=10_000),
        Window(name="spot_orders_1d", limit=144_000, period_ms=86_400_000),
    )
    assert rules.costs == published().costs


@pytest.mark.rule("REC-4")
def test_a_window_nobody_published_counts_what_the_others_of_its_kind_count() -> None:
    body = told(("REQUEST_WEIGHT", 1, "MINUTE", 2400), ("ORDERS", 3, "SECOND", 30))
    rules = told_rules(published(BinanceUsdm), body, "usdm")
    assert rules is not None
    assert rules.costs[Ask.SUBMIT] == {"usdm_weight_1m": 1, "usdm_orders_3s": 1}
    assert rules.costs[Ask.CANCEL] == {"usdm_weight_1m": 1}
    budget = LimitedBudget(published(BinanceUsdm))
    budget.change(rules)
    taken = [budget.take(Ask.SUBMIT, Work.CLOSE, 1_000_000) for _ in range(28)]
    assert taken[:27] == [0] * 27
    assert 0 < taken[27] <= 3_100


@pytest.mark.rule("REC-4")
@pytest.mark.parametrize(
    "body",
    [
        "",
        "{}",
        '{"rateLimits": []}',
        '{"rateLimits": [{"rateLimitType": "ORDERS"',
        '{"rateLimits": [1, 2]}',
        told(("ORDERS", 10, "SECOND", 50)),
        told(("REQUEST_WEIGHT", 1, "MINUTE", 0), ("ORDERS", 10, "SECOND", 50)),
        told(("REQUEST_WEIGHT", 1, "FORTNIGHT", 10), ("ORDERS", 10, "SECOND", 50)),
    ],
)
def test_a_list_that_is_not_understood_changes_nothing(body: str) -> None:
    assert told_rules(published(), body, "spot") is None


def test_only_the_list_of_instruments_is_read_for_limits() -> None:
    venue = BinanceSpot(AccountSettings(name="a", exchange="binance", market=Market.SPOT), credentials(), session)
    body = told(("REQUEST_WEIGHT", 1, "MINUTE", 1200), ("ORDERS", 10, "SECOND", 50))
    assert venue.learn_rules(URL, body) is not None
    assert venue.learn_rules("http://127.0.0.1:1/api/v3/order", body) is None


def test_headers_tell_what_is_used_by_the_same_names() -> None:
    headers = {"X-MBX-USED-WEIGHT": "9", "X-MBX-USED-WEIGHT-1M": "12", "x-mbx-order-count-10s": "3", "Date": "x"}
    assert used_windows(headers, "spot") == {"spot_weight_1m": 12, "spot_orders_10s": 3}
    assert used_windows({"X-MBX-ORDER-COUNT-1D": "none"}, "usdm") == {}


def credentials() -> Any:
    from daemon.exchanges.venues.venue import Credentials

    return Credentials()


def session() -> Any:
    return object()
