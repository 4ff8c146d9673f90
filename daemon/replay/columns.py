"""Candles as columns of whole numbers: a year of minutes of one market is half a million rows, read in a blink.

A file is read twice over in this project, by the same rules. `exchanges.candles` reads row by row and has the words for
whatever is wrong; here a file is taken as a whole, but only if it is plainly good: digits, dots and commas, no number
longer than a binary float carries exactly. Anything else is left to the other reader, so that there is one judge of
what a candle is, and one set of words (a `CandleFault` names file and line). Prices are exact: whole numbers times
10^-places.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from actors.rules.money import CONTEXT
from daemon.exchanges.candles import MAX_LINE_CHARS, Candle, CandleFault, CandleFile
from daemon.replay.model import CandleFacts

MAX_CELL_CHARS = 16
"""15 digits and a dot: so many a binary float gives back exactly."""
MAX_VOLUME_CHARS = 18
"""A volume stays text; so long it is a number below 10^18, whatever its digits."""
MAX_PLACES = 12
"""Decimal places of prices that are looked for in floats; finer ones are read row by row."""
MAX_EXACT = 2**51
"""Whole numbers up to here survive being multiplied out of a float."""
_PLAIN = b"0123456789.,\r\n"
_NAMES = ("open_ms", "open", "high", "low", "close", "volume")
_PRICES = _NAMES[1:5]

Ints = np.ndarray[Any, np.dtype[Any]]
"""int64 where the numbers fit, else Python's own whole numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """One market's candles in the order of time. A price is its number x 10^-`places`."""

    symbol: str
    """As in the files' names, upper case: the venue's own."""
    timeframe_ms: int
    places: int
    open_ms: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    volumes: tuple[pl.Series, ...]
    """Text as it stands in the files, one after another; null: not recorded. Few are ever looked at."""
    starts: tuple[int, ...]
    """Where each of `volumes` begins."""
    files: tuple[str, ...]
    """Paths, in the same order."""

    def __len__(self) -> int:
        return len(self.open_ms)

    def facts(self) -> Iterator[CandleFacts]:
        """What each file held."""
        for file, start, volumes in zip(self.files, self.starts, self.volumes, strict=True):
            yield CandleFacts(
                name=Path(file).name,
                symbol=self.symbol,
                timeframe_ms=self.timeframe_ms,
                candles=len(volumes),
                start_ms=int(self.open_ms[start]),
                end_ms=int(self.open_ms[start + len(volumes) - 1]) + self.timeframe_ms,
            )

    def price(self, number: int) -> Decimal:
        return Decimal(int(number)).scaleb(-self.places, CONTEXT)

    def candle(self, index: int) -> Candle:
        """One of them as the venue takes it."""
        open_ms = int(self.open_ms[index])
        return Candle(
            open_ms,
            open_ms + self.timeframe_ms,
            self.price(self.open[index]),
            self.price(self.high[index]),
            self.price(self.low[index]),
            self.price(self.close[index]),
            self._volume(index),
        )

    def _volume(self, index: int) -> Decimal | None:
        file = next(number for number in range(len(self.starts) - 1, -1, -1) if self.starts[number] <= index)
        text = self.volumes[file][index - self.starts[file]]
        return Decimal(text) if text else None


def read_columns(
    files: Iterable[CandleFile], on_file: Callable[[CandleFile], None] = lambda _file: None
) -> dict[str, Columns]:
    """Columns by the symbol of the file names: the finest timeframe there is, its files one after another.

    CandleFault where a file cannot be read, is wrong, or overlaps with another of its market. Symbols without a single
    candle are left out.
    """
    by_symbol: dict[str, list[CandleFile]] = {}
    for file in files:
        by_symbol.setdefault(file.symbol, []).append(file)
    found: dict[str, Columns] = {}
    for symbol, group in sorted(by_symbol.items()):
        finest = min(file.timeframe_ms for file in group)
        parts = []
        for file in group:
            if file.timeframe_ms == finest:
                on_file(file)
                parts.append(_read(file))
        joined = _joined([part for part in parts if len(part)])
        if joined is not None:
            found[symbol] = joined
    return found


def _joined(parts: list[Columns]) -> Columns | None:
    if len(parts) <= 1:
        return parts[0] if parts else None
    parts.sort(key=lambda part: (int(part.open_ms[0]), part.files))
    last_ms = -1
    for part in parts:
        if int(part.open_ms[0]) <= last_ms:
            at_ms = int(part.open_ms[0])
            raise CandleFault(f"{part.files[0]}: overlaps with another file of {part.symbol} at {at_ms}")
        last_ms = int(part.open_ms[-1])
    places = max(part.places for part in parts)
    columns = {name: np.concatenate([_finer(part, name, places) for part in parts]) for name in _PRICES}
    lengths = [len(part) for part in parts]
    return Columns(
        symbol=parts[0].symbol,
        timeframe_ms=parts[0].timeframe_ms,
        places=places,
        open_ms=np.concatenate([part.open_ms for part in parts]),
        **columns,
        volumes=tuple(part.volumes[0] for part in parts),
        starts=tuple(sum(lengths[:number]) for number in range(len(parts))),
        files=tuple(part.files[0] for part in parts),
    )


def _finer(part: Columns, name: str, places: int) -> Ints:
    column: Ints = getattr(part, name)
    factor = 10 ** (places - part.places)
    if factor == 1:
        return column
    if int(part.high.max()) * factor >= 2**63:
        column = column.astype(object)
    finer: Ints = column * factor
    return finer


def _read(file: CandleFile) -> Columns:
    found = _read_whole(file)
    return _read_by_row(file) if found is None else found


# --- a whole file at once -------------------------------------------------------------------------


def _read_whole(file: CandleFile) -> Columns | None:
    """None: it is not plainly good, which is for the other reader to judge."""
    try:
        data = _bytes(file.path)
    except (OSError, EOFError):
        return None
    data = _without_header(data)
    if not data or data.translate(None, _PLAIN):
        return None
    cells = data[: data.find(b"\n")].count(b",") + 1 if b"\n" in data else data.count(b",") + 1
    if cells not in (5, 6):
        return None
    try:
        return _columns(file, data, cells)
    except (pl.exceptions.PolarsError, OverflowError, ValueError):
        return None


def _without_header(data: bytes) -> bytes:
    """Whatever the first line says, if it does not begin with a digit. What is odd about it, the other reader sees."""
    if data[:1].isdigit():
        return data
    end = data.find(b"\n")
    first = data[:end].strip()
    return data[end + 1 :] if 0 < end < MAX_LINE_CHARS and first and not first[:1].isdigit() else b""


def _bytes(path: Path) -> bytes:
    if path.suffix == ".gz":
        with gzip.open(path, "rb") as packed:
            return packed.read()
    return path.read_bytes()


def _columns(file: CandleFile, data: bytes, cells: int) -> Columns | None:
    names = _NAMES[:cells]
    table = pl.read_csv(
        data,
        has_header=False,
        schema=dict.fromkeys(names, pl.String),
        quote_char=None,
    )
    if table.width != cells or any(table[name].null_count() for name in names[:5]):
        return None
    if max(table[name].str.len_bytes().max() or 0 for name in names[:5]) > MAX_CELL_CHARS:
        return None
    volume = table["volume"] if cells == 6 else pl.Series("volume", [None] * table.height, dtype=pl.String)
    open_ms = table["open_ms"].cast(pl.Int64).to_numpy()
    numbers, places = _numbers({name: table[name].cast(pl.Float64).to_numpy() for name in _PRICES})
    if not (numbers and _are_volumes(volume) and bool((open_ms[1:] > open_ms[:-1]).all()) and _are_candles(numbers)):
        return None
    return Columns(
        symbol=file.symbol,
        timeframe_ms=file.timeframe_ms,
        places=places,
        open_ms=open_ms,
        **numbers,
        volumes=(volume,),
        starts=(0,),
        files=(str(file.path),),
    )


def _numbers(prices: Mapping[str, Ints]) -> tuple[dict[str, Ints], int]:
    """Prices as whole numbers, and their places. Empty: they cannot be had from floats."""
    places = _places(prices.values())
    if places is None:
        return {}, 0
    return {name: np.rint(column * 10.0**places).astype(np.int64) for name, column in prices.items()}, places


def _are_volumes(volume: pl.Series) -> bool:
    """Digits and dots they are; whether each is one number a float parser says. Nothing stands for not recorded."""
    if volume.null_count() == len(volume):
        return True
    if (volume.str.len_bytes().max() or 0) > MAX_VOLUME_CHARS:
        return False
    recorded = volume.filter(volume.is_not_null() & (volume.str.len_bytes() > 0))
    return bool(recorded.cast(pl.Float64).null_count() == 0)


def _places(columns: Iterable[Ints]) -> int | None:
    """The fewest decimal places that give every price back exactly."""
    columns = list(columns)
    places = 0
    for column in columns:
        while not _fits(column, places):
            places += 1
            if places > MAX_PLACES:
                return None
    most = max(float(column.max()) for column in columns)
    return places if most * 10.0**places < MAX_EXACT else None


def _fits(column: Ints, places: int) -> bool:
    """A float of at most 15 digits is a number of so many places if that number, divided again, is the same float."""
    power = 10.0**places
    head = column[:1000]
    if not bool((np.rint(head * power) / power == head).all()):
        return False
    return bool((np.rint(column * power) / power == column).all())


def _are_candles(columns: dict[str, Ints]) -> bool:
    low, high = columns["low"], columns["high"]
    inside = (
        (low <= columns["open"]) & (columns["open"] <= high) & (low <= columns["close"]) & (columns["close"] <= high)
    )
    return bool(inside.all()) and bool((low > 0).all())


# --- row by row -----------------------------------------------------------------------------------


def _read_by_row(file: CandleFile) -> Columns:
    """Slow, for what is not plain, and to say what is wrong."""
    candles = list(file.candles())
    prices = {
        "open": [candle.open for candle in candles],
        "high": [candle.high for candle in candles],
        "low": [candle.low for candle in candles],
        "close": [candle.close for candle in candles],
    }
    places = max((_places_of(price) for column in prices.values() for price in column), default=0)
    numbers = {name: _ints([int(price.scaleb(places, CONTEXT)) for price in column]) for name, column in prices.items()}
    texts = [None if candle.volume is None else format(candle.volume, "f") for candle in candles]
    return Columns(
        symbol=file.symbol,
        timeframe_ms=file.timeframe_ms,
        places=places,
        open_ms=np.array([candle.open_ms for candle in candles], dtype=np.int64),
        **numbers,
        volumes=(pl.Series("volume", texts, dtype=pl.String),),
        starts=(0,),
        files=(str(file.path),),
    )


def _places_of(price: Decimal) -> int:
    exponent = price.as_tuple().exponent
    assert isinstance(exponent, int), "a price is a number"
    return max(0, -exponent)


def _ints(numbers: list[int]) -> Ints:
    fits = all(number < 2**63 for number in numbers)
    return np.array(numbers, dtype=np.int64 if fits else object)
