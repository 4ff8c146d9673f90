"""Every symbol of the real lists through ladder, targets and closes at awkward prices and sizes (PRC-7).

Straight into the simulators' order intake for all symbols, through HTTP and unmodified ccxt for some. OKX has no
simulator: there a strict reading of its own list stands in for it. `TERRACE_TEST_SYMBOL_VARIANTS=20` walks each symbol
that often.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from actors.rules.choices import Market
from actors.rules.model import Instrument, Reason
from actors.rules.money import floor_to
from tests.wire.binance_common import BinanceSimulator
from tests.wire.every_symbol import Intake, PriceRange, Tally, edges, walk
from tests.wire.run import Running, make_simulator
from tests.wire.simulated_intake import (
    SHARED,
    DirectIntake,
    HttpIntake,
    OkxIntake,
    listed,
    price_ranges,
    read,
    renewed,
)

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the recorded lists are not here")
VARIANTS = int(os.environ.get("TERRACE_TEST_SYMBOL_VARIANTS", "1"))
SPOT, USDM, OKX = (
    "binance-spot-exchangeInfo.json.gz",
    "binance-usdm-exchangeInfo.json.gz",
    "okx-spot-instruments.json.gz",
)
MAX_USDM_CAPITAL = Decimal(50_000_000)
"""Five pyramids of it stay below the largest position the venue allows without leverage: a rule about risk."""
MAX_OKX_CAPITAL = Decimal(10) ** 12
"""Its greatest sizes are beyond all money."""
EVERY_KIND = {"entry gtc", "entry ioc", "entry market", "take_profit gtc", "close ioc", "close market"}
OF_SIZE = {Reason.BELOW_MIN_NOTIONAL, Reason.BELOW_MIN_QUANTITY, Reason.ABOVE_MAX_QUANTITY}


def simulated(venue: str, file: Path) -> BinanceSimulator:
    simulator = make_simulator(venue, file)
    assert isinstance(simulator, BinanceSimulator)
    return simulator


def everything(
    intake: Intake,
    instruments: Sequence[Instrument],
    prices: Callable[[Instrument], PriceRange],
    *,
    variants: int,
    max_capital: Decimal | None = None,
) -> Tally:
    tally = Tally()
    for instrument in instruments:
        if instrument.active:
            for variant in range(variants):
                dice = Random(f"{instrument.symbol} {variant}")
                walk(intake, instrument, prices(instrument), dice, tally, max_capital=max_capital)
    return tally


def is_well(tally: Tally, orders: int) -> None:
    assert not tally.refusals, tally.problems()
    assert not tally.unsold, tally.problems()
    assert sum(tally.orders.values()) >= orders, tally.orders
    assert set(tally.orders) - {"amend"} == EVERY_KIND
    assert set(tally.turned_down) >= OF_SIZE, "nothing was too small or too large: the sizes are not awkward"


@pytest.mark.rule("PRC-7", "PRC-1", "PRC-3", "PRC-5", "PRC-6", "POOL-5")
def test_binance_spot_refuses_nothing_of_any_symbol() -> None:
    info = listed(SPOT)
    intake = DirectIntake(simulated("binance", SHARED / SPOT), "/api/v3/order", "FULL")
    instruments, ranges = read("binance", Market.SPOT, info["symbols"]), price_ranges(info)
    tally = everything(intake, instruments, lambda each: ranges[each.venue_symbol], variants=VARIANTS)
    assert tally.walks == 1_222 * VARIANTS
    is_well(tally, 2_000)


@pytest.mark.rule("PRC-7", "PRC-1", "PRC-3", "PRC-5", "PRC-6")
def test_binance_spot_refuses_nothing_with_filters_of_todays_form(tmp_path: Path) -> None:
    """Bands that differ by side, a greatest value of orders, market orders that are exempt from a rule."""
    info = renewed(listed(SPOT), Random(20_251_122))
    file = tmp_path / "exchangeInfo.json"
    file.write_text(json.dumps(info), encoding="utf-8")
    intake = DirectIntake(simulated("binance", file), "/api/v3/order", "FULL")
    instruments, ranges = read("binance", Market.SPOT, info["symbols"]), price_ranges(info)
    is_well(everything(intake, instruments, lambda each: ranges[each.venue_symbol], variants=VARIANTS), 1_000)


@pytest.mark.rule("PRC-7", "PRC-1", "PRC-3", "PRC-6", "POOL-5")
def test_binance_usdm_refuses_nothing_of_any_symbol() -> None:
    info = listed(USDM)
    intake = DirectIntake(simulated("binanceusdm", SHARED / USDM), "/fapi/v1/order", "RESULT")
    instruments, ranges = read("binanceusdm", Market.SWAP, info["symbols"]), price_ranges(info)
    tally = everything(
        intake,
        instruments,
        lambda each: ranges[each.venue_symbol],
        variants=8 * VARIANTS,
        max_capital=MAX_USDM_CAPITAL,
    )
    assert tally.walks == 119 * 8 * VARIANTS
    assert tally.orders["amend"] > 20
    is_well(tally, 1_000)


@pytest.mark.rule("PRC-7", "PRC-1", "PRC-3", "PRC-5", "PRC-6", "POOL-5")
def test_okx_spot_would_refuse_nothing_of_any_symbol() -> None:
    rows = listed(OKX)["data"]
    instruments = read("okx", Market.SPOT, rows)
    tally = everything(
        OkxIntake(rows, instruments), instruments, _any_price, variants=VARIANTS, max_capital=MAX_OKX_CAPITAL
    )
    assert tally.walks == 513 * VARIANTS
    assert not tally.refusals + tally.unsold, tally.problems()
    assert set(tally.orders) - {"amend"} == EVERY_KIND
    assert sum(tally.orders.values()) > 1_000


def _any_price(instrument: Instrument) -> PriceRange:
    """OKX names no bounds."""
    return PriceRange(least=instrument.tick_size, most=instrument.tick_size * 10**9)


@pytest.mark.rule("PRC-7", "PRC-3", "POOL-5")
def test_the_least_and_the_most_the_rules_send_are_just_the_venues_own() -> None:
    """One step less or more is refused by both: the preflight is as strict as the venue, and no stricter."""
    spot, usdm = listed(SPOT), listed(USDM)
    wrong = []
    for name, path, market, info, file in (
        ("binance", "/api/v3/order", Market.SPOT, spot, SPOT),
        ("binanceusdm", "/fapi/v1/order", Market.SWAP, usdm, USDM),
    ):
        intake = DirectIntake(simulated(name, SHARED / file), path, "RESULT")
        ranges = price_ranges(info)
        for number, instrument in enumerate(read(name, market, info["symbols"])):
            if not instrument.active:
                continue
            within = ranges[instrument.venue_symbol]
            price = max(instrument.tick_size * (101 + number), within.least + instrument.tick_size * 7)
            if market is Market.SWAP:  # The most there would be more than the venue lets one hold.
                price = min(price, floor_to(MAX_USDM_CAPITAL / (instrument.max_quantity or 1), instrument.tick_size))
                if price < within.least:
                    continue
            intake.set_price(instrument, price + instrument.tick_size)
            wrong += edges(instrument, price, intake, number)
    assert not wrong, f"{len(wrong)}: " + "\n".join(wrong[:10])


@pytest.mark.rule("PRC-7", "PRC-1", "PRC-5")
@pytest.mark.parametrize(
    ("exchange", "market", "file"), [("binance", Market.SPOT, SPOT), ("binanceusdm", Market.SWAP, USDM)]
)
def test_some_symbols_through_http_and_unmodified_ccxt(exchange: str, market: Market, file: str) -> None:
    ranges = price_ranges(listed(file))
    with Running(exchange, instruments=SHARED / file) as running, asyncio.Runner() as runner:
        intake = HttpIntake(running, exchange, market, runner)
        try:
            active = [each for each in intake.instruments if each.active]
            renamed = [each for each in active if each.base + each.quote not in each.venue_symbol]
            tally = everything(
                intake,
                Random(3).sample(active, 30) + renamed[:5],
                lambda each: ranges[each.venue_symbol],
                variants=2 * VARIANTS,
                max_capital=MAX_USDM_CAPITAL,
            )
        finally:
            intake.close()
    assert not tally.refusals + tally.unsold, tally.problems()
    assert sum(tally.orders.values()) > 60
