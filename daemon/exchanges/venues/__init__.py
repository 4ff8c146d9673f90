"""One small file per exchange: what differs from the others."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from actors.rules.choices import Market

if TYPE_CHECKING:
    from daemon.exchanges.venues.venue import Venue

_VENUES = {
    ("binance", Market.SPOT): ("binance", "BinanceSpot"),
    ("binance", Market.SWAP): ("binanceusdm", "BinanceUsdm"),
    ("binanceusdm", Market.SWAP): ("binanceusdm", "BinanceUsdm"),
    **{
        (exchange, market): (exchange, name)
        for exchange, name in (
            ("bybit", "Bybit"),
            ("okx", "Okx"),
            ("kucoin", "Kucoin"),
            ("mexc", "Mexc"),
            ("gate", "Gate"),
        )
        for market in Market
    },
}
"""(exchange, market) of the config -> module beside this one and the class in it, loaded when asked for."""


def venue_class(exchange: str, market: Market) -> type[Venue] | str:
    """The class behind an account's exchange and market; or, in words, why there is none."""
    place = _VENUES.get((exchange, market))
    if place is None:
        known = sorted({name for name, offered in _VENUES if offered is market})
        return f"exchange {exchange} is not supported for market {market.value}; supported are {', '.join(known)}"
    found: type[Venue] = getattr(import_module(f"{__name__}.{place[0]}"), place[1])
    if market not in found.market_types:
        return f"exchange {exchange} is not supported for market {market.value}"
    return found
