"""Rounding against the instrument lists of real exchanges: whatever is planned passes their filters (PRC-7)."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from actors.rules import ladder, precision
from actors.rules.choices import BelowMinimum, FeePaidIn, Market
from actors.rules.ladder import PlanRefused
from actors.rules.model import Instrument, Side
from actors.rules.settings import FeeSettings
from tests.rules.builders import DATA, D, needs_data, signal, spot, strategy

pytestmark = needs_data
FEES = FeeSettings(maker_percent=D("0.1"), taker_percent=D("0.1"), paid_in=FeePaidIn.BASE)


def listed(name: str) -> Any:
    with gzip.open(DATA / "exchange" / name, "rt") as file:
        return json.load(file)


def _set(text: str | None) -> Decimal | None:
    """Zero means that the venue has no such rule."""
    return D(text) if text and D(text) else None


def binance(name: str, market: Market) -> Iterator[Instrument]:
    for one in listed(name)["symbols"]:
        filters = {rule["filterType"]: rule for rule in one["filters"]}
        lots, market_lots = filters["LOT_SIZE"], filters.get("MARKET_LOT_SIZE", {})
        notional = filters.get("MIN_NOTIONAL") or filters.get("NOTIONAL") or {}
        band = filters.get("PERCENT_PRICE") or filters.get("PERCENT_PRICE_BY_SIDE") or {}
        yield spot(
            symbol=f"{one['baseAsset']}/{one['quoteAsset']}",
            venue_symbol=one["symbol"],
            base=one["baseAsset"],
            quote=one["quoteAsset"],
            market=market,
            tick_size=D(filters["PRICE_FILTER"]["tickSize"]),
            step_size=D(lots["stepSize"]),
            min_quantity=D(lots["minQty"]),
            max_quantity=_set(lots["maxQty"]),
            min_notional=D(notional.get("minNotional") or notional.get("notional") or 0),
            market_min_quantity=_set(market_lots.get("minQty")),
            market_max_quantity=_set(market_lots.get("maxQty")),
            market_step_size=_set(market_lots.get("stepSize")),
            band_down=_set(band.get("multiplierDown")),
            band_up=_set(band.get("multiplierUp")),
        )


def okx() -> Iterator[Instrument]:
    for one in listed("okx-spot-instruments.json.gz")["data"]:
        yield spot(
            symbol=f"{one['baseCcy']}/{one['quoteCcy']}",
            venue_symbol=one["instId"],
            base=one["baseCcy"],
            quote=one["quoteCcy"],
            tick_size=D(one["tickSz"]),
            step_size=D(one["lotSz"]),
            min_quantity=D(one["minSz"]),
            max_quantity=_set(one["maxLmtSz"]),  # maxMktSz is in quote there.
            min_notional=D(0),
        )


VENUES: dict[str, Callable[[], list[Instrument]]] = {
    "binance spot": lambda: list(binance("binance-spot-exchangeInfo.json.gz", Market.SPOT)),
    "binance usdm": lambda: list(binance("binance-usdm-exchangeInfo.json.gz", Market.SWAP)),
    "okx spot": lambda: list(okx()),
}


@pytest.mark.rule("PRC-1", "PRC-2", "PRC-3", "PRC-7")
@pytest.mark.parametrize(("venue", "at_least"), [("binance spot", 1000), ("binance usdm", 100), ("okx spot", 500)])
def test_every_planned_leg_passes_the_venues_own_filters(venue: str, at_least: int) -> None:
    """A ladder at a price of some thousand ticks, with capital that is small for some and enough for others."""
    instruments = VENUES[venue]()
    assert len(instruments) >= at_least
    planned = 0
    for number, instrument in enumerate(instruments):
        price = instrument.tick_size * (3_333 + 7 * number) + instrument.tick_size / 3
        for side, capital in ((Side.LONG, "60"), (Side.SHORT, "1234.5")):
            if side is Side.SHORT and instrument.market is Market.SPOT:
                continue
            made = ladder.plan(
                side=side,
                index=0,
                signal=signal(),
                settings=strategy(capital),
                instrument=instrument,
                quote=None,
                entry_price=price,
                below_minimum=BelowMinimum.SKIP,
                fees=FEES,
                max_slippage_percent=D(1),
            )
            if isinstance(made, PlanRefused):
                assert made.legs, instrument.symbol
                continue
            planned += 1
            for leg in made.legs:
                assert leg.price > 0
                assert leg.price % instrument.tick_size == 0
                assert leg.quantity % instrument.step_size == 0
                assert leg.quantity >= instrument.min_quantity
                assert instrument.max_quantity is None or leg.quantity <= instrument.max_quantity
                assert leg.price * leg.quantity >= instrument.min_notional
    assert planned > at_least / 10, "most ladders of some venue were refused"


@pytest.mark.rule("PRC-1", "PRC-7")
def test_the_most_a_market_order_may_have_is_on_the_step_of_every_real_instrument() -> None:
    for instruments in VENUES.values():
        for instrument in instruments():
            most = precision.max_quantity(instrument, market=True)
            if most is not None:
                assert most % precision.quantity_step(instrument, market=True) == 0
                assert precision.refusal(most, D(10**9), instrument, market=True) is None, instrument.symbol
