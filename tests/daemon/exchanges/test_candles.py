"""Candle files: what is read, and how faults are named."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from daemon.exchanges.candles import Candle, CandleFault, candle_files, series

ROWS = "timestamp_ms,open,high,low,close,volume\n60000,1.5,2,1,1.25,10\n120000,1.25,1.25,1.25,1.25,0\n"
SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "candles"


def read(path: Path) -> dict[str, list[Candle]]:
    return {symbol: list(candles) for symbol, candles in series(candle_files(path)).items()}


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_read_exactly_plain_or_packed(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("BTCUSDT-1m.csv.gz" if packed else "BTCUSDT-1m.csv")
    path.write_bytes(gzip.compress(ROWS.encode()) if packed else ROWS.encode())
    (first, second) = read(path)["BTCUSDT"]
    assert first == Candle(60_000, 120_000, *map(Decimal, ("1.5", "2", "1", "1.25", "10")))
    assert (second.open_ms, second.volume) == (120_000, Decimal(0))


def test_a_header_and_a_volume_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1h.csv"
    path.write_text("60000,1,2,1,2\n3660000,2,2,1,1,\n")
    assert [(candle.close_ms, candle.volume) for candle in read(path)["BTCUSDT"]] == [
        (3_660_000, None),
        (7_260_000, None),
    ]


def test_a_folder_gives_every_symbol_its_finest_timeframe_and_joins_its_files(tmp_path: Path) -> None:
    for name, start in (("BTCUSDT-1m-2", 120_000), ("BTCUSDT-1m-1", 0), ("BTCUSDT-1h", 0), ("ETHUSDT-4h", 0)):
        (tmp_path / f"{name}.csv").write_text(f"{start},1,1,1,1,1\n{start + 60_000},1,1,1,1,1\n")
    (tmp_path / "notes.txt").write_text("not a candle")
    (tmp_path / "XRPETH-trades.csv").write_text("1,2,3,buy\n")
    found = read(tmp_path)
    assert [candle.open_ms for candle in found["BTCUSDT"]] == [0, 60_000, 120_000, 180_000]
    assert sorted(found) == ["BTCUSDT", "ETHUSDT"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("x,1,1,1,1,1", "'x' is no timestamp"),
        ("1,1,1,1", "found 4 cells"),
        ("1,1,1,1,1,1,1", "found 7 cells"),
        ("1,one,1,1,1,1", "must be numbers above zero"),
        ("1,1,1,0,1,1", "must be numbers above zero"),
        ("1,NaN,1,1,1,1", "must be numbers above zero"),
        ("1,1,1,1,2,1", "must lie between low and high"),
        ("1,1,0.5,1,1,1", "must lie between low and high"),
        ("1,1,1,1,1,-1", "'-1' is no volume"),
        ("1,1,1,1,1,lots", "'lots' is no volume"),
        ("0,1,1,1,1,1", "0 does not come after 0"),
    ],
)
def test_a_bad_line_is_named_by_file_and_number(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "BTCUSDT-1m.csv"
    path.write_text(f"timestamp_ms,open,high,low,close,volume\n0,1,1,1,1,1\n\n{line}\n")
    with pytest.raises(CandleFault, match=r"BTCUSDT-1m\.csv:4: ") as fault:
        read(path)
    assert words in str(fault.value)


def test_files_that_overlap_are_a_fault(tmp_path: Path) -> None:
    for name in ("1", "2"):
        (tmp_path / f"BTCUSDT-1m-{name}.csv").write_text("0,1,1,1,1,1\n")
    with pytest.raises(CandleFault, match="overlaps"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["missing-1m.csv", "BTCUSDT.csv", "empty"])
def test_what_is_not_there_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CandleFault, match=name):
        candle_files(tmp_path / name)


def test_a_damaged_archive_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1m.csv.gz"
    path.write_bytes(gzip.compress((ROWS * 1_000).encode())[:-20])
    with pytest.raises(CandleFault, match=r"BTCUSDT-1m\.csv\.gz"):
        read(path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="recorded candles are not there")
def test_recorded_candles_are_read_to_the_end() -> None:
    found = series(candle_files(SHARED))
    assert sorted(found) == ["ADAUSDT", "BTCUSDT", "DOGEUSDT", "ETHUSDT", "LTCUSDT"]
    assert sum(1 for _ in found["BTCUSDT"]) > 43_000
