"""The boards: current prices and catalogues, written by the gateways and read by whoever decides.

Readable from any thread without a lock: every value is immutable and replaced whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from actors.rules.model import Instrument, Quote

_NOTHING: Mapping[str, Instrument] = MappingProxyType({})


class MarksBoard:
    """`ports.Marks`. One entry per account and symbol that ever had a price."""

    def __init__(self) -> None:
        self._quotes: dict[tuple[str, str], Quote] = {}

    def quote(self, account: str, symbol: str) -> Quote | None:
        return self._quotes.get((account, symbol))

    def put(self, account: str, quotes: Mapping[str, Quote]) -> None:
        for symbol, quote in quotes.items():
            self._quotes[account, symbol] = quote


class CatalogueBoard:
    """`ports.Catalogue`."""

    def __init__(self) -> None:
        self._catalogues: dict[str, Mapping[str, Instrument]] = {}

    def instrument(self, account: str, symbol: str) -> Instrument | None:
        return self._catalogues.get(account, _NOTHING).get(symbol)

    def instruments(self, account: str) -> Mapping[str, Instrument]:
        return self._catalogues.get(account, _NOTHING)

    def put(self, account: str, instruments: Sequence[Instrument]) -> None:
        by_symbol = {instrument.symbol: instrument for instrument in instruments}
        self._catalogues[account] = MappingProxyType(by_symbol)
