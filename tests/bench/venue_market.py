"""A Binance spot market of the real one's size: exchangeInfo in its form, with made-up coins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MARKETS = 2_000
"""About what the real list holds, those at rest included."""
PRICE, ENTRY = "100", "99.5"
"""The mark stands above all entries and below all targets."""
_PERMISSIONS = [f"TRD_GRP_{number:03}" for number in range(2, 27)]
"""Every symbol of the real list carries some such names."""
_ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def base(number: int) -> str:
    """Name of a made-up coin: four letters."""
    first, rest = divmod(number, 26 * 26)
    second, third = divmod(rest, 26)
    return "C" + _LETTERS[first] + _LETTERS[second] + _LETTERS[third]


def venue_symbol(number: int) -> str:
    return base(number) + "USDT"


def symbol(number: int) -> str:
    return base(number) + "/USDT"


def write(path: Path, count: int) -> None:
    """A file for the simulator's `--instruments`."""
    info = {"timezone": "UTC", "rateLimits": [], "symbols": [_raw(number) for number in range(count)]}
    path.write_text(json.dumps(info), encoding="utf-8")


def _raw(number: int) -> dict[str, Any]:
    tick, step, digits = "0.01000000", "0.00100000", 8
    return {
        "symbol": venue_symbol(number),
        "status": "TRADING",
        "baseAsset": base(number),
        "baseAssetPrecision": digits,
        "quoteAsset": "USDT",
        "quotePrecision": digits,
        "quoteAssetPrecision": digits,
        "baseCommissionPrecision": digits,
        "quoteCommissionPrecision": digits,
        "orderTypes": _ORDER_TYPES,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "1000000.00000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": step, "maxQty": "900000.00000000", "stepSize": step},
            {"filterType": "ICEBERG_PARTS", "limit": 10},
            {
                "filterType": "MARKET_LOT_SIZE",
                "minQty": "0.00000000",
                "maxQty": "100000.00000000",
                "stepSize": "0.00000000",
            },
            {
                "filterType": "TRAILING_DELTA",
                "minTrailingAboveDelta": 10,
                "maxTrailingAboveDelta": 2000,
                "minTrailingBelowDelta": 10,
                "maxTrailingBelowDelta": 2000,
            },
            {
                "filterType": "PERCENT_PRICE_BY_SIDE",
                "bidMultiplierUp": "5",
                "bidMultiplierDown": "0.2",
                "askMultiplierUp": "5",
                "askMultiplierDown": "0.2",
                "avgPriceMins": 5,
            },
            {
                "filterType": "NOTIONAL",
                "minNotional": "5.00000000",
                "applyMinToMarket": True,
                "maxNotional": "9000000.00000000",
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        ],
        "permissions": [],
        "permissionSets": [["SPOT", *_PERMISSIONS]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }
