"""A made-up recording for replays: minutes of ten markets, and alerts. The same seed gives the same files."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from daemon.replay.model import TimedAlert

START_MS = 1_704_067_200_000
MINUTE_MS = 60_000
MINUTES_A_DAY = 1_440
SOURCE = "tradingview"
MARKETS = {
    "BTCUSDT": (60_000, 2),
    "ETHUSDT": (3_000, 2),
    "SOLUSDT": (150, 2),
    "BNBUSDT": (600, 2),
    "XRPUSDT": (0.6, 4),
    "ADAUSDT": (0.5, 4),
    "DOGEUSDT": (0.15, 5),
    "LINKUSDT": (15, 3),
    "AVAXUSDT": (30, 3),
    "LTCUSDT": (80, 2),
}
"""Where each begins, and its decimal places."""
TIMEFRAMES = ("15", "60", "240")
_MOVE = 0.0006
"""A minute's move, standard deviation: about 44 % a year."""
_PULL = 0.00002
"""Share of the way back to the start that a price is pulled in a minute: a year of chance must not run to nothing."""


def write_candles(folder: Path, days: int, *, seed: int = 1, markets: int = len(MARKETS)) -> dict[str, Any]:
    """`<SYMBOL>-1m.csv` of each market. Closes by symbol, as text, minute by minute."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(seed)
    closes = {}
    for symbol, (start, places) in list(MARKETS.items())[:markets]:
        table = _minutes(chance, days * MINUTES_A_DAY, start, places)
        table.write_csv(folder / f"{symbol}-1m.csv", float_precision=places)
        closes[symbol] = [f"{close:.{places}f}" for close in table["close"]]
    return closes


def _minutes(chance: Any, count: int, start: float, places: int) -> pl.DataFrame:
    shocks = chance.normal(0, _MOVE, count)
    logs, level = np.empty(count), 0.0
    for index, shock in enumerate(shocks.tolist()):
        level += shock - level * _PULL
        logs[index] = level
    close = np.round(start * np.exp(logs), places)
    opened = np.concatenate(([start], close[:-1]))
    reach = np.abs(chance.normal(0, _MOVE / 2, (2, count)))
    high = np.round(np.maximum(opened, close) * (1 + reach[0]), places)
    low = np.round(np.minimum(opened, close) * (1 - reach[1]), places)
    return pl.DataFrame(
        {
            "timestamp_ms": START_MS + MINUTE_MS * np.arange(count),
            "open": opened,
            "high": np.maximum(high, np.maximum(opened, close)),
            "low": np.minimum(low, np.minimum(opened, close)),
            "close": close,
            "volume": np.round(200_000 / close * chance.exponential(1, count), 2),
        }
    )


def alerts(closes: dict[str, list[str]], count: int, *, seed: int = 1) -> list[TimedAlert]:
    """So many, spread evenly by chance: two of three enter or add, the rest ends a trade."""
    return sorted(_alerts(closes, count, random.Random(seed)), key=lambda alert: alert.time_ms)


def _alerts(closes: dict[str, list[str]], count: int, chance: random.Random) -> Iterator[TimedAlert]:
    for _ in range(count):
        symbol = chance.choice(list(closes))
        minute = chance.randrange(1, len(closes[symbol]))
        time_ms = START_MS + minute * MINUTE_MS + chance.randrange(MINUTE_MS)
        body = {
            "source": SOURCE,
            "timestamp": time_ms,
            "tv": {
                "exchange": "BINANCE",
                "symbol": symbol,
                "timeframe": chance.choice(TIMEFRAMES),
                "action": "buy" if chance.random() < 2 / 3 else "sell",
                "entry_price": closes[symbol][minute - 1],
            },
        }
        yield TimedAlert(time_ms, SOURCE, json.dumps(body).encode())


def write_signals(path: Path, found: list[TimedAlert]) -> None:
    """As `terrace replay` reads them."""
    lines = (json.dumps({"time": alert.time_ms, "body": json.loads(alert.body)}) for alert in found)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
