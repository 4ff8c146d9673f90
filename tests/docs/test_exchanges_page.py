"""The table in docs/exchanges.md of what Terrace can do at each exchange is what the code can do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from actors.rules.choices import Market
from daemon.exchanges.venues import _VENUES, venue_class
from daemon.exchanges.venues.venue import Venue
from tests.docs.links import DOCS, prose

HEAD = "| exchange | market | a target is amended in place |"
NAMES = {"Gate.io": "gate"}


def _rows() -> Iterator[tuple[str, Market, list[str]]]:
    """Each market of the table by itself, with what its columns say."""
    lines = [line for _, line in prose(DOCS / "exchanges.md")]
    start = next(number for number, line in enumerate(lines) if line.startswith(HEAD))
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            return
        name, markets, *said = (cell.strip() for cell in line.strip("|").split("|"))
        for market in markets.split(", "):
            kind = Market.SPOT if market == "spot" else Market.SWAP
            yield NAMES.get(name, name.lower()), kind, said


ROWS = list(_rows())


@pytest.mark.parametrize(("exchange", "market", "said"), ROWS)
def test_what_the_table_says_of_an_exchange_is_what_its_venue_can(
    exchange: str, market: Market, said: list[str]
) -> None:
    found = venue_class(exchange, market)
    assert not isinstance(found, str), found
    tells = found.permissions is not Venue.permissions
    stops = found.can_stop and market is Market.SWAP
    can = [found.can_amend, stops, found.has_testnet, tells]
    assert [word.startswith("yes") for word in said] == can


def test_every_exchange_and_market_is_in_the_table() -> None:
    listed = {(exchange, market) for exchange, market, _ in ROWS}
    assert listed == set(_VENUES) - {("binanceusdm", Market.SWAP)}  # The older name of Binance's swaps.
