"""A paper account of the copy with its market standing still: no price moves, so nothing fills that did not fill.

The books are the copy's. Prices of a real exchange are not asked for: what such an account holds needs none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from actors.ports import Clock
from actors.rules.choices import PaperPrices
from actors.rules.model import Instrument
from actors.rules.settings import AccountSettings
from daemon.exchanges.paper import PaperExchange, PaperFault
from daemon.exchanges.paper_books import BooksFault, PaperBooks, books_path
from daemon.exchanges.paper_instruments import live_instruments, stand_ins
from daemon.exchanges.paper_venue import PaperVenue
from daemon.exchanges.prices import Move


class StillPrices:
    """`prices.PriceMaker` that makes none. Those saved with the books stand."""

    def next_ms(self) -> int | None:
        return None

    def moves(self, now_ms: int) -> list[Move]:  # noqa: ARG002
        return []

    def facts(self) -> Mapping[str, str]:
        return {}


def open_frozen(
    account: AccountSettings, folder: Path, clock: Clock, cached: Sequence[Instrument], needed: Iterable[str]
) -> PaperExchange:
    """`cached`: the catalogue of the last run; `needed`: symbols the books have orders or positions of. PaperFault
    where the books cannot be opened."""
    instruments: list[Instrument] = []
    if account.prices is PaperPrices.LIVE:
        wanted = tuple(needed)
        instruments = live_instruments(account, cached, wanted)
        instruments += stand_ins(account, instruments, wanted)
    try:
        books = PaperBooks(books_path(folder, account.name))
        venue = PaperVenue(account, books, lambda *_: StillPrices(), instruments=instruments)
    except BooksFault as fault:
        raise PaperFault(str(fault)) from fault
    return PaperExchange(venue, clock)
