"""Which symbols there are: the venue's own exchangeInfo from a file, or a small list made up in today's form."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from actors.rules.choices import Market
from actors.rules.model import Instrument
from actors.rules.money import ZERO

RawSymbol = dict[str, Any]
PLACES = 8
ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]


@dataclass(frozen=True, slots=True)
class _Coin:
    base: str
    quote: str
    tick: str
    step: str
    min_notional: str
    price: str


_COINS: Sequence[_Coin] = (
    _Coin("BTC", "USDT", "0.01", "0.00001", "5", "60000"),
    _Coin("ETH", "USDT", "0.01", "0.0001", "5", "3000"),
    _Coin("SOL", "USDT", "0.01", "0.001", "5", "150"),
    _Coin("BNB", "USDT", "0.01", "0.001", "5", "600"),
    _Coin("XRP", "USDT", "0.0001", "0.1", "5", "0.6"),
    _Coin("ADA", "USDT", "0.0001", "0.1", "5", "0.5"),
    _Coin("DOGE", "USDT", "0.00001", "1", "1", "0.15"),
    _Coin("LINK", "USDT", "0.01", "0.01", "5", "15"),
    _Coin("AVAX", "USDT", "0.01", "0.01", "5", "30"),
    _Coin("LTC", "USDT", "0.01", "0.001", "5", "80"),
    _Coin("ETH", "BTC", "0.00001", "0.0001", "0.0001", "0.05"),
)


@dataclass(frozen=True, slots=True)
class Markets:
    symbols: Mapping[str, RawSymbol]
    """By name, in the list's order, as exchangeInfo has them."""
    limits: Mapping[str, int]
    """Request limits by window name; empty: the venue's usual ones."""
    prices: Mapping[str, Decimal]
    """Where prices begin."""

    def instruments(self, account: str) -> list[Instrument]:
        return [_instrument(symbol, account) for symbol in self.symbols.values()]


def load_markets(file: Path | None) -> Markets:
    """From an exchangeInfo file (plain or gzip, whole or only its list of symbols), else the made-up list."""
    if file is None:
        return _made_up()
    data = json.loads(gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes())
    info: dict[str, Any] = {"symbols": data} if isinstance(data, list) else data
    limits = {
        f"{each['rateLimitType']}_{each['intervalNum']}{each['interval'][0]}": int(each["limit"])
        for each in info.get("rateLimits", [])
    }
    return Markets({symbol["symbol"]: symbol for symbol in info["symbols"]}, limits, {})


def filters_of(symbol: RawSymbol) -> dict[str, dict[str, Any]]:
    """By type, in the symbol's order."""
    return {each["filterType"]: each for each in symbol["filters"]}


def _made_up() -> Markets:
    symbols = [_symbol(coin) for coin in _COINS]
    prices = {coin.base + coin.quote: Decimal(coin.price) for coin in _COINS}
    return Markets({symbol["symbol"]: symbol for symbol in symbols}, {}, prices)


def _text(value: str) -> str:
    return f"{Decimal(value):.8f}"


def _symbol(coin: _Coin) -> RawSymbol:
    return {
        "symbol": coin.base + coin.quote,
        "status": "TRADING",
        "baseAsset": coin.base,
        "baseAssetPrecision": PLACES,
        "quoteAsset": coin.quote,
        "quotePrecision": PLACES,
        "quoteAssetPrecision": PLACES,
        "baseCommissionPrecision": PLACES,
        "quoteCommissionPrecision": PLACES,
        "orderTypes": ORDER_TYPES,
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
        "isMarginTradingAllowed": True,
        "filters": _filters(coin),
        "permissions": [],
        "permissionSets": [["SPOT", "MARGIN"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }


def _filters(coin: _Coin) -> list[dict[str, Any]]:
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": _text(coin.tick),
            "maxPrice": "1000000.00000000",
            "tickSize": _text(coin.tick),
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": _text(coin.step),
            "maxQty": "900000.00000000",
            "stepSize": _text(coin.step),
        },
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": "100000.00000000",
            "stepSize": "0.00000000",
        },
        {"filterType": "TRAILING_DELTA", "minTrailingAboveDelta": 10, "maxTrailingAboveDelta": 2000},
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
            "minNotional": _text(coin.min_notional),
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    ]


def _instrument(symbol: RawSymbol, account: str) -> Instrument:
    """What the book needs; the filters are checked by `filters.py`."""
    filters = filters_of(symbol)
    lot = filters["LOT_SIZE"]
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    return Instrument(
        account=account,
        symbol=f"{symbol['baseAsset']}/{symbol['quoteAsset']}",
        venue_symbol=symbol["symbol"],
        base=symbol["baseAsset"],
        quote=symbol["quoteAsset"],
        market=Market.SPOT,
        tick_size=Decimal(filters["PRICE_FILTER"]["tickSize"]),
        step_size=Decimal(lot["stepSize"]),
        min_quantity=Decimal(lot["minQty"]),
        max_quantity=Decimal(lot["maxQty"]),
        min_notional=Decimal(notional.get("minNotional", ZERO)),
        active=symbol["status"] == "TRADING",
    )
