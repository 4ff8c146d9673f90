"""Prices by chance: calm walks, gaps, crashes and what comes after, and candles as they really were."""

from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from functools import cache
from pathlib import Path

from tests.simulation.configuration import Chance

D = Decimal
REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "candles"
LONGEST_PAST = 3_000
"""Candles of a real past that are kept."""


@cache
def real_pasts() -> tuple[tuple[tuple[Decimal, ...], ...], ...]:
    """Open, high, low and close of recorded minutes, by market. Empty where nothing was recorded."""
    return tuple(_candles(path) for path in sorted(REAL.glob("*-1m*.csv.gz")))


def _candles(path: Path) -> tuple[tuple[Decimal, ...], ...]:
    with gzip.open(path, "rt", newline="") as file:
        rows = csv.reader(file)
        candles = (tuple(D(text) for text in row[1:5]) for row in rows if row and row[0].isdigit())
        return tuple(candle for candle, _ in zip(candles, range(LONGEST_PAST), strict=False))


class Walker:
    """The price of one symbol. It is drawn back to where it began, so that no run is at zero for ever."""

    def __init__(self, chance: Chance, start: Decimal, tick: Decimal) -> None:
        self.price = self._start = start
        self._tick = tick
        self._chance = chance
        self._swing_percent = chance.of(0.2, 0.5, 1.0, 2.0)
        self._past = chance.one_of(real_pasts()) if real_pasts() and chance.random() < 0.4 else ()
        self._minute = chance.randrange(max(1, len(self._past)))

    def next(self) -> Decimal:
        """The next price."""
        chance = self._chance.random()
        if chance < 0.01:
            return self._to(self.price * self._chance.of(D("0.7"), D("0.7"), D("1.3")))
        if chance < 0.05:
            return self._to(self.price * (1 + D(self._chance.randint(-60, 60)) / 1000))
        drawn = float((self._start - self.price) / self._start)
        percent = self._chance.gauss(drawn * 8, self._swing_percent)
        return self._to(self.price * (1 + D(round(percent * 1000)) / 100_000))

    def candle(self) -> tuple[Decimal, ...]:
        """The next few prices: a recorded minute, scaled to where this market is, or a walk."""
        if not self._past:
            return tuple(self.next() for _ in range(self._chance.randint(2, 4)))
        begins, *rest = self._past[self._minute % len(self._past)]
        self._minute += 1
        return tuple(self._to(self.price * price / begins) for price in (begins, *rest))

    def near(self, percent: Decimal) -> Decimal:
        """A price so far from the market's."""
        return self._rounded(self.price * (1 + percent / 100))

    def _to(self, price: Decimal) -> Decimal:
        self.price = self._rounded(price)
        return self.price

    def _rounded(self, price: Decimal) -> Decimal:
        return max(self._tick, D(f"{(price / self._tick).to_integral_value() * self._tick:f}"))
