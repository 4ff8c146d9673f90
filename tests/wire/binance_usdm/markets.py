"""Which contracts the venue lists: a small made-up list, or a recorded exchangeInfo."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.rules.choices import Market
from actors.rules.model import Instrument

Json = dict[str, Any]

WEIGHT_LIMIT = 2_400
ORDERS_10S_LIMIT = 300
ORDERS_MINUTE_LIMIT = 1_200
_FOREVER_MS = 4_133_404_800_000
_ORDER_TYPES = ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"]

_MADE_UP = (
    # base, price, tick, price decimals, step, quantity decimals, most
    ("BTC", "50000", "0.10", 2, "0.001", 3, "1000"),
    ("ETH", "3000", "0.01", 2, "0.001", 3, "10000"),
    ("BNB", "500", "0.010", 3, "0.01", 3, "20000"),
    ("SOL", "150", "0.0100", 4, "1", 0, "100000"),
    ("XRP", "0.6", "0.0001", 4, "0.1", 1, "10000000"),
    ("ADA", "0.4", "0.00010", 5, "1", 0, "20000000"),
    ("DOGE", "0.1", "0.000010", 6, "1", 0, "50000000"),
)


def start_prices() -> dict[str, Decimal]:
    """Of the made-up list, by venue symbol."""
    return {f"{base}USDT": Decimal(price) for base, price, *_ in _MADE_UP}


def made_up() -> Json:
    """An exchangeInfo of our own."""
    return _whole([_symbol(*row) for row in _MADE_UP])


def load(path: Path) -> Json:
    """A recorded exchangeInfo, gzipped or not."""
    data = path.read_bytes()
    info: Json = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    return _whole(info["symbols"]) | info


def instruments(info: Json) -> list[Instrument]:
    """The perpetual contracts among them; delivery contracts are listed but not traded here."""
    return [_instrument(row) for row in info["symbols"] if row["contractType"] == "PERPETUAL"]


def filters_of(row: Mapping[str, Any]) -> Mapping[str, Json]:
    found: Iterable[Json] = row["filters"]
    return {rule["filterType"]: rule for rule in found}


def _whole(symbols: list[Json]) -> Json:
    return {
        "timezone": "UTC",
        "serverTime": 0,
        "futuresType": "U_MARGINED",
        "rateLimits": [],
        "exchangeFilters": [],
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "-10000"}],
        "symbols": symbols,
    }


def _symbol(base: str, price: str, tick: str, price_places: int, step: str, places: int, most: str) -> Json:
    lot = {"stepSize": step, "minQty": step, "maxQty": most}
    return {
        "symbol": f"{base}USDT",
        "pair": f"{base}USDT",
        "contractType": "PERPETUAL",
        "deliveryDate": _FOREVER_MS,
        "onboardDate": 1_569_398_400_000,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": base,
        "quoteAsset": "USDT",
        "marginAsset": "USDT",
        "pricePrecision": price_places,
        "quantityPrecision": places,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.30",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": str(Decimal(price) * 100), "tickSize": tick},
            {"filterType": "LOT_SIZE", **lot},
            {"filterType": "MARKET_LOT_SIZE", **lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": 10},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": "1.1500",
                "multiplierDown": "0.8500",
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": _ORDER_TYPES,
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def _instrument(row: Json) -> Instrument:
    rules = filters_of(row)
    lot, market_lot = rules["LOT_SIZE"], rules["MARKET_LOT_SIZE"]
    base, quote = row["baseAsset"], row["quoteAsset"]
    return Instrument(
        account="",
        symbol=f"{base}/{quote}:{row['marginAsset']}",
        venue_symbol=row["symbol"],
        base=base,
        quote=quote,
        market=Market.SWAP,
        tick_size=Decimal(rules["PRICE_FILTER"]["tickSize"]),
        step_size=Decimal(lot["stepSize"]),
        min_quantity=Decimal(lot["minQty"]),
        min_notional=Decimal(rules["MIN_NOTIONAL"]["notional"]),
        max_quantity=Decimal(lot["maxQty"]),
        market_min_quantity=Decimal(market_lot["minQty"]),
        market_max_quantity=Decimal(market_lot["maxQty"]),
        market_step_size=Decimal(market_lot["stepSize"]),
        band_down=Decimal(rules["PERCENT_PRICE"]["multiplierDown"]),
        band_up=Decimal(rules["PERCENT_PRICE"]["multiplierUp"]),
        max_open_orders=rules["MAX_NUM_ORDERS"]["limit"],
        active=row["status"] == "TRADING",
    )
