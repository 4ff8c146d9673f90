"""Recorded candles: CSV files `timestamp_ms,open,high,low,close,volume`, also gzipped, `<SYMBOL>-<timeframe>.csv`.

Files are read row by row, never whole. What is wrong in one is a `CandleFault` that names file and line.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO

from actors.rules.money import parse_decimal

MAX_LINE_CHARS = 1024
_NAME = re.compile(r"(?P<symbol>[A-Za-z0-9.]+)-(?P<count>[1-9][0-9]{0,4})(?P<unit>[smhdw])(?:-[^.]+)?\.csv(?:\.gz)?")
"""What follows the timeframe after a dash tells files of one market apart, a month or a year."""
_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


class CandleFault(Exception):
    """Words for a person: which file, which line, what is wrong."""


@dataclass(frozen=True, slots=True)
class Candle:
    open_ms: int
    close_ms: int
    """When the next one opens."""
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None
    """In base. None: not recorded, so nothing limits a fill."""


@dataclass(frozen=True, slots=True)
class CandleFile:
    path: Path
    symbol: str
    """As in the file's name, upper case: the venue's own, `BTCUSDT`."""
    timeframe_ms: int

    def candles(self) -> Iterator[Candle]:
        """In the order of time. CandleFault at the first bad line."""
        last_ms = -1
        for number, line in enumerate(_lines(self.path), 1):
            text = line.strip()
            if not text or (number == 1 and not text[0].isdigit()):
                continue
            candle = _parse(text, self.timeframe_ms)
            if isinstance(candle, str):
                raise CandleFault(f"{self.path}:{number}: {candle}")
            if candle.open_ms <= last_ms:
                raise CandleFault(f"{self.path}:{number}: {candle.open_ms} does not come after {last_ms}")
            last_ms = candle.open_ms
            yield candle


def candle_files(path: Path) -> list[CandleFile]:
    """The file, or every candle file of the folder by name. CandleFault if there is none."""
    if path.is_dir():
        found = [file for file in map(_candle_file, sorted(path.iterdir())) if file is not None]
        if not found:
            raise CandleFault(f"{path}: no file named like BTCUSDT-1m.csv or BTCUSDT-1m.csv.gz")
        return found
    file = _candle_file(path)
    if file is None:
        raise CandleFault(f"{path}: a candle file is named like BTCUSDT-1m.csv or BTCUSDT-1m.csv.gz")
    if not path.is_file():
        raise CandleFault(f"{path}: there is no such file")
    return [file]


def series(files: Iterable[CandleFile]) -> dict[str, Iterator[Candle]]:
    """Candles by the symbol of the file names: the finest timeframe there is, its files one after another."""
    by_symbol: dict[str, list[CandleFile]] = {}
    for file in files:
        by_symbol.setdefault(file.symbol, []).append(file)
    return {symbol: _joined(group) for symbol, group in sorted(by_symbol.items())}


def _joined(files: list[CandleFile]) -> Iterator[Candle]:
    finest = min(file.timeframe_ms for file in files)
    starts = []
    for file in files:
        if file.timeframe_ms == finest:
            first = next(file.candles(), None)
            if first is not None:
                starts.append((first.open_ms, file))
    last_ms = -1
    for _, file in sorted(starts, key=lambda start: (start[0], start[1].path)):
        for candle in file.candles():
            if candle.open_ms <= last_ms:
                raise CandleFault(f"{file.path}: overlaps with another file of {file.symbol} at {candle.open_ms}")
            last_ms = candle.open_ms
            yield candle


def _candle_file(path: Path) -> CandleFile | None:
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    return CandleFile(path, match["symbol"].upper(), int(match["count"]) * _UNIT_MS[match["unit"]])


def _lines(path: Path) -> Iterator[str]:
    try:
        with _opened(path) as file:
            while line := file.readline(MAX_LINE_CHARS):
                yield line
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise CandleFault(f"{path}: {error}") from error


def _opened(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open("r", encoding="utf-8")


def _parse(text: str, timeframe_ms: int) -> Candle | str:
    """The candle of one line, or what is wrong with it."""
    cells = text.split(",")
    if len(cells) not in (5, 6):
        return f"expected timestamp_ms,open,high,low,close,volume, found {len(cells)} cells"
    if not (cells[0].isascii() and cells[0].isdigit()):
        return f"{cells[0]!r} is no timestamp in milliseconds"
    opened, high, low, close = (parse_decimal(cell) for cell in cells[1:5])
    if opened is None or high is None or low is None or close is None or low <= 0:
        return "open, high, low and close must be numbers above zero"
    if not (low <= opened <= high and low <= close <= high):
        return "open and close must lie between low and high"
    volume = None
    if len(cells) == 6 and cells[5].strip():
        volume = parse_decimal(cells[5])
        if volume is None or volume < 0:
            return f"{cells[5]!r} is no volume"
    open_ms = int(cells[0])
    return Candle(open_ms, open_ms + timeframe_ms, opened, high, low, close, volume)
