"""Candles as columns: the same as row by row, to the last digit and the last word of a fault."""

from __future__ import annotations

import gzip
import random
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.exchanges.candles import Candle, CandleFault, CandleFile, candle_files, series
from daemon.replay import columns
from daemon.replay.columns import Columns, read_columns

HEADER = "timestamp_ms,open,high,low,close,volume\n"
DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "candles"
MINUTE_MS = 60_000


def written(folder: Path, text: str, name: str = "BTCUSDT-1m.csv") -> CandleFile:
    path = folder / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_bytes(text.encode())
    return candle_files(path)[0]


def read(*files: CandleFile) -> Columns:
    found = read_columns(files)
    assert len(found) == 1
    return next(iter(found.values()))


def candles_of(found: Columns) -> list[Candle]:
    return [found.candle(index) for index in range(len(found))]


def test_a_plain_file_is_read_as_a_whole_and_gives_the_candles_of_the_other_reader(tmp_path: Path) -> None:
    chance = random.Random(1)
    lines = []
    for minute in range(500):
        low, high = sorted(Decimal(chance.randrange(1, 10**9)).scaleb(-chance.randrange(0, 6)) for _ in range(2))
        lines.append(f"{minute * MINUTE_MS},{low:f},{high:f},{low:f},{high:f},{chance.randrange(10**6)}.5")
    file = written(tmp_path, HEADER + "\n".join(lines) + "\n")
    assert columns._read_whole(file) is not None
    assert candles_of(read(file)) == list(file.candles())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("0,1,2,1,2,3\n60000,2,2,1,1,\n", id="a volume that was not recorded"),
        pytest.param("0,1,2,1,2\n60000,2,2,1,1\n", id="no volumes at all"),
        pytest.param("0,1,2,1,2,3\r\n60000,2,2,1,1,3\r\n", id="lines of another system"),
        pytest.param("0,1,2,1,2,3\n60000,2,2,1,1,3", id="no end of the last line"),
        pytest.param("0,1,2,1,2,3\n\n60000,2,2,1,1,3\n", id="an empty line"),
        pytest.param("time,o,h,l,c\n0,1,2,1,2,3\n", id="another header"),
        pytest.param(" 0,1,2,1,2,3\n60000,2,2,1,1,3\n", id="a space before the first number"),
        pytest.param("0,1e0,2,1,2,3\n", id="an exponent"),
        pytest.param("0, 1,2,1,2,3\n", id="a space"),
        pytest.param("0,1.000000000000000001,2,1,2,3\n", id="more digits than a float has"),
        pytest.param("0,0.000000000000000001,2,0.000000000000000001,2,3\n", id="a very small price"),
        pytest.param("0,100000000000000000,100000000000000000,1,2,123456789.123456789\n", id="a very large price"),
        pytest.param("0,1,2,1,2,0.00\n60000,001.10,2,1,2,0\n", id="zeros"),
    ],
)
def test_what_is_odd_but_right_gives_the_candles_of_the_other_reader(tmp_path: Path, text: str) -> None:
    file = written(tmp_path, text)
    assert candles_of(read(file)) == list(file.candles())


@pytest.mark.parametrize(
    "line",
    [
        "60000,1,2,1,2,3,4",
        "60000,1,2,1",
        "60000,,2,1,2,3",
        "60000,1,2,0,2,3",
        "60000,3,2,1,2,3",
        "60000,1,2,1,3,3",
        "60000,1,2,1,2,-1",
        "60000,1,2,1,2,1.2.3",
        "60000,1,2,1,2,x",
        "60000,nan,2,1,2,3",
        "60000,inf,inf,1,2,3",
        "60000.5,1,2,1,2,3",
        "x,1,2,1,2,3",
        "-5,1,2,1,2,3",
        "0,1,2,1,2,3",
        "60000,1,2,1,2,1234567890123456789012",
        "60000,1,2,1,2," + "3" * 2000,
    ],
)
def test_a_faulty_line_is_named_in_the_words_of_the_other_reader(tmp_path: Path, line: str) -> None:
    file = written(tmp_path, f"{HEADER}0,1,2,1,2,3\n{line}\n120000,1,2,1,2,3\n")
    with pytest.raises(CandleFault) as told:
        list(file.candles())
    with pytest.raises(CandleFault) as found:
        read_columns([file])
    assert str(found.value) == str(told.value)
    assert f"{file.path}:" in str(found.value)


def test_a_file_that_is_no_gzip_is_a_fault_in_words(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-1m.csv.gz"
    path.write_bytes(b"0,1,2,1,2,3\n")
    with pytest.raises(CandleFault, match=r"BTCUSDT-1m\.csv\.gz"):
        read_columns(candle_files(path))


number = st.from_regex(r"[0-9]{1,4}(\.[0-9]{1,4})?", fullmatch=True)
cell = number | st.sampled_from(["", "0", "x", "1e3", "-1", " 2 ", "1_000", ".5", "5.", "1.2.3", "٣"])


@given(st.lists(st.lists(cell, min_size=4, max_size=7).map(",".join), min_size=1, max_size=5))
def test_both_readers_agree_about_any_text(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    folder = tmp_path_factory.mktemp("any")
    text = "".join(f"{number * MINUTE_MS},{line}\n" for number, line in enumerate(lines))
    file = written(folder, text)
    try:
        expected: list[Candle] | str = list(file.candles())
    except CandleFault as fault:
        expected = str(fault)
    try:
        found = read_columns([file]).get("BTCUSDT")
        got: list[Candle] | str = [] if found is None else candles_of(found)
    except CandleFault as fault:
        got = str(fault)
    assert got == expected


def test_files_of_one_market_follow_each_other_and_coarser_ones_are_left_out(tmp_path: Path) -> None:
    written(tmp_path, "120000,3,3.25,3,3.25,1\n180000,4,4,4,4,1\n", "BTCUSDT-1m-02.csv")
    written(tmp_path, "0,1,1.5,1,1.5,1\n60000,2,2,2,2,\n", "BTCUSDT-1m-01.csv.gz")
    written(tmp_path, "0,9,9,9,9,9\n", "BTCUSDT-1h.csv")
    written(tmp_path, "0,7,7,7,7,7\n", "ETHUSDT-1h.csv")
    written(tmp_path, "", "LTCUSDT-1m.csv")
    files = candle_files(tmp_path)
    found = read_columns(files)
    expected = {symbol: list(candles) for symbol, candles in series(files).items()}
    assert {symbol: candles_of(column) for symbol, column in found.items()} == {
        symbol: candles for symbol, candles in expected.items() if candles
    }
    facts = list(found["BTCUSDT"].facts())
    assert [(each.name, each.candles, each.start_ms, each.end_ms) for each in facts] == [
        ("BTCUSDT-1m-01.csv.gz", 2, 0, 120_000),
        ("BTCUSDT-1m-02.csv", 2, 120_000, 240_000),
    ]


def test_files_that_overlap_are_a_fault_in_the_words_of_the_other_reader(tmp_path: Path) -> None:
    written(tmp_path, "0,1,1,1,1,1\n60000,1,1,1,1,1\n", "BTCUSDT-1m-01.csv")
    written(tmp_path, "60000,1,1,1,1,1\n", "BTCUSDT-1m-02.csv")
    files = candle_files(tmp_path)
    with pytest.raises(CandleFault) as told:
        list(series(files)["BTCUSDT"])
    with pytest.raises(CandleFault) as found:
        read_columns(files)
    assert str(found.value) == str(told.value)


@pytest.mark.skipif(not DATA.is_dir(), reason="the recorded data is not here")
@pytest.mark.parametrize("name", ["BTCUSDT-1m.csv.gz", "DOGEUSDT-1m.csv.gz"])
def test_recorded_candles_are_read_as_a_whole_and_are_the_same(name: str) -> None:
    file = candle_files(DATA / name)[0]
    assert columns._read_whole(file) is not None
    found = read(file)
    some = random.Random(1).sample(range(len(found)), 500)
    expected = list(file.candles())
    assert len(found) == len(expected)
    assert [found.candle(index) for index in some] == [expected[index] for index in some]
