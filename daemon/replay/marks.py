"""The board of prices in a replay: nobody writes it, it says what the recording says at the virtual now."""

from __future__ import annotations

from collections.abc import Mapping

from actors.rules.model import Quote
from daemon.replay.exchange import ReplayExchange


class VenueMarks:
    """`ports.Marks`. A price holds until the next candle closes, and is as fresh as the moment it is asked for."""

    def __init__(self, exchanges: Mapping[str, ReplayExchange]) -> None:
        self._exchanges = exchanges

    def quote(self, account: str, symbol: str) -> Quote | None:
        exchange = self._exchanges.get(account)
        return None if exchange is None else exchange.quote(symbol)

    def put(self, account: str, quotes: Mapping[str, Quote]) -> None:
        """What a gateway heard of the venue is what the venue says anyway."""
