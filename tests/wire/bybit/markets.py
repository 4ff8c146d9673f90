"""Instruments, tickers and books as the venue shows them."""

from __future__ import annotations

from decimal import Decimal

from actors.rules.model import Instrument, Quote
from tests.wire.bybit.replies import Json, plain, text

_LAUNCH_MS = "1585526400000"
_TOP_SIZE = Decimal(1000)
"""What rests at the best prices, in steps' own unit: more than any test takes."""
_FUNDING_MS = 8 * 3_600_000
MAX_LEVERAGE = Decimal(100)


def instrument_row(instrument: Instrument, category: str) -> Json:
    return _spot(instrument) if category == "spot" else _linear(instrument)


def _spot(instrument: Instrument) -> Json:
    most = instrument.max_quantity or Decimal(10_000_000)
    return {
        "symbolId": 1 + sum(map(ord, instrument.venue_symbol)),
        "symbol": instrument.venue_symbol,
        "baseCoin": instrument.base,
        "quoteCoin": instrument.quote,
        "innovation": "0",
        "status": "Trading" if instrument.active else "Closed",
        "marginTrading": "none",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": plain(instrument.step_size),
            "quotePrecision": "0.00000001",
            "minOrderQty": plain(instrument.min_quantity),
            "maxOrderQty": plain(most),
            "minOrderAmt": plain(instrument.min_notional),
            "maxOrderAmt": "8000000",
            "maxLimitOrderQty": plain(most),
            "maxMarketOrderQty": plain(instrument.market_max_quantity or most),
            "postOnlyMaxLimitOrderSize": plain(most),
        },
        "priceFilter": {"tickSize": plain(instrument.tick_size)},
        "riskParameters": {
            "priceLimitRatioX": plain(_band(instrument)),
            "priceLimitRatioY": plain(_band(instrument)),
        },
        "symbolType": "",
    }


def _linear(instrument: Instrument) -> Json:
    most = instrument.max_quantity or Decimal(10_000_000)
    exponent = instrument.tick_size.normalize().as_tuple().exponent
    return {
        "symbol": instrument.venue_symbol,
        "contractType": "LinearPerpetual",
        "status": "Trading" if instrument.active else "Closed",
        "baseCoin": instrument.base,
        "quoteCoin": instrument.quote,
        "settleCoin": instrument.quote,
        "launchTime": _LAUNCH_MS,
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(max(0, -exponent)) if isinstance(exponent, int) else "0",
        "leverageFilter": {"minLeverage": "1", "maxLeverage": plain(MAX_LEVERAGE), "leverageStep": "0.01"},
        "priceFilter": {
            "minPrice": plain(instrument.tick_size),
            "maxPrice": "199999980",
            "tickSize": plain(instrument.tick_size),
        },
        "lotSizeFilter": {
            "maxOrderQty": plain(most),
            "minOrderQty": plain(instrument.min_quantity),
            "qtyStep": plain(instrument.step_size),
            "postOnlyMaxOrderQty": plain(most),
            "maxMktOrderQty": plain(instrument.market_max_quantity or most),
            "minNotionalValue": plain(instrument.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": 480,
        "copyTrading": "none",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {"priceLimitRatioX": plain(_band(instrument)), "priceLimitRatioY": plain(_band(instrument))},
        "symbolType": "",
    }


def _band(instrument: Instrument) -> Decimal:
    return Decimal("0.01") if instrument.band_up is None else instrument.band_up - 1


def ticker_row(instrument: Instrument, quote: Quote, last: Decimal, category: str) -> Json:
    """As `market/tickers` shows it. Perpetuals have a mark, an index and funding besides."""
    row: Json = {
        "symbol": instrument.venue_symbol,
        "bid1Price": text(quote.bid),
        "bid1Size": text(_TOP_SIZE),
        "ask1Price": text(quote.ask),
        "ask1Size": text(_TOP_SIZE),
        "lastPrice": text(last),
        "prevPrice24h": text(last),
        "price24hPcnt": "0",
        "highPrice24h": text(last),
        "lowPrice24h": text(last),
        "turnover24h": text(last * _TOP_SIZE),
        "volume24h": text(_TOP_SIZE),
    }
    if category == "spot":
        return {**row, "usdIndexPrice": text(last)}
    return {
        **row,
        "markPrice": text(last),
        "indexPrice": text(last),
        "prevPrice1h": text(last),
        "openInterest": text(_TOP_SIZE),
        "openInterestValue": text(last * _TOP_SIZE),
        "fundingRate": "0.0001",
        "nextFundingTime": str((quote.time_ms // _FUNDING_MS + 1) * _FUNDING_MS),
        "fundingIntervalHour": "8",
        "predictedDeliveryPrice": "",
        "basisRate": "",
        "basisRateYear": "",
        "fundingCap": "0.00375",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
        "basis": "",
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
    }


def stream_ticker(row: Json, category: str) -> Json:
    """The ticker of the public stream: on spot it has no bid and ask."""
    if category != "spot":
        return {**row, "tickDirection": "ZeroPlusTick"}
    return {name: value for name, value in row.items() if not name.startswith(("bid1", "ask1"))}


def book(instrument: Instrument, quote: Quote, update: int) -> Json:
    """The best level of both sides."""
    return {
        "s": instrument.venue_symbol,
        "b": [[text(quote.bid), text(_TOP_SIZE)]],
        "a": [[text(quote.ask), text(_TOP_SIZE)]],
        "u": update,
        "seq": update,
    }
