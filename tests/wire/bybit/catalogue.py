"""The instruments of the venue: a few of its own, or those of a file with the venue's own answers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

from actors.rules.choices import Market
from actors.rules.model import Instrument
from tests.wire.bybit.replies import Json

MAX_OPEN_ORDERS = 500
_SPOT = (
    # base, tick, step, least quantity, price
    ("BTC", "0.1", "0.000001", "0.000011", "60000"),
    ("ETH", "0.01", "0.00001", "0.00018", "3000"),
    ("SOL", "0.01", "0.001", "0.004", "150"),
    ("XRP", "0.0001", "0.01", "1", "0.6"),
    ("DOGE", "0.00001", "0.1", "1", "0.15"),
    ("ADA", "0.0001", "0.01", "0.98", "0.5"),
    ("LINK", "0.001", "0.001", "0.1", "15"),
    ("LTC", "0.01", "0.00001", "0.01", "80"),
)
_LINEAR = (
    ("BTC", "0.1", "0.001", "0.001", "60000"),
    ("ETH", "0.01", "0.01", "0.01", "3000"),
    ("SOL", "0.01", "0.1", "0.1", "150"),
    ("XRP", "0.0001", "0.1", "0.1", "0.6"),
    ("DOGE", "0.00001", "1", "1", "0.15"),
    ("ADA", "0.0001", "1", "1", "0.5"),
    ("LINK", "0.001", "0.1", "0.1", "15"),
    ("LTC", "0.01", "0.1", "0.1", "80"),
)
START_PRICES = {f"{row[0]}USDT": Decimal(row[4]) for row in _SPOT}
_BAND = Decimal("0.5")
"""Wide, so that a ladder far below the market is taken; the real one is a few percent above the mark for buys."""


def own_instruments(category: str) -> list[Instrument]:
    rows = _SPOT if category == "spot" else _LINEAR
    return [_made(category, base, Decimal(tick), Decimal(step), Decimal(least)) for base, tick, step, least, _ in rows]


def _made(category: str, base: str, tick: Decimal, step: Decimal, least: Decimal) -> Instrument:
    return Instrument(
        account="bybit",
        symbol=f"{base}/USDT" if category == "spot" else f"{base}/USDT:USDT",
        venue_symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        market=Market.SPOT if category == "spot" else Market.SWAP,
        tick_size=tick,
        step_size=step,
        min_quantity=least,
        min_notional=Decimal(5),
        max_quantity=Decimal(1_000_000_000),
        market_max_quantity=Decimal(100_000_000),
        band_up=1 + _BAND,
        max_open_orders=MAX_OPEN_ORDERS,
    )


def read_instruments(file: Path, category: str) -> list[Instrument]:
    """`file`: one answer of `market/instruments-info` or a list of them; the rows of the category are used."""
    raw = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    answers = json.loads(raw)
    rows = [row for answer in (answers if isinstance(answers, list) else [answers]) for row in _rows(answer, category)]
    return [_read(category, row) for row in rows]


def _rows(answer: Json, category: str) -> Iterable[Json]:
    result = answer.get("result", answer)
    rows = result.get("list", ())
    for row in rows:
        is_linear = row.get("contractType") == "LinearPerpetual"
        if is_linear is (category == "linear") and ("contractType" in row) is (category == "linear"):
            yield row


def _read(category: str, row: Json) -> Instrument:
    lots, prices = row["lotSizeFilter"], row["priceFilter"]
    made = _made(
        category,
        row["baseCoin"],
        Decimal(prices["tickSize"]),
        Decimal(lots["basePrecision" if category == "spot" else "qtyStep"]),
        Decimal(lots["minOrderQty"]),
    )
    quote, most = row["quoteCoin"], Decimal(lots["maxOrderQty"])
    market_most = lots.get("maxMarketOrderQty") or lots.get("maxMktOrderQty")
    return Instrument(
        account=made.account,
        symbol=f"{made.base}/{quote}" if category == "spot" else f"{made.base}/{quote}:{row['settleCoin']}",
        venue_symbol=row["symbol"],
        base=made.base,
        quote=quote,
        market=made.market,
        tick_size=made.tick_size,
        step_size=made.step_size,
        min_quantity=made.min_quantity,
        min_notional=Decimal(lots.get("minOrderAmt") or lots.get("minNotionalValue") or 0),
        max_quantity=most,
        market_max_quantity=Decimal(market_most) if market_most else most,
        band_up=made.band_up,
        max_open_orders=MAX_OPEN_ORDERS,
        active=row["status"] == "Trading",
    )
