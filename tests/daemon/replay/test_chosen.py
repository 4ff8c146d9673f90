"""Only candles of symbols an account has are replayed; the rest of a folder is named and changes no figure."""

from __future__ import annotations

import json

import pytest

from daemon.replay.chosen import MAX_NAMED
from daemon.replay.report import Report
from tests.daemon.replay.past import START_MS, Past

YEAR_MS = 365 * 86_400_000
DAY_MS = 86_400_000


def figures_of(report: Report) -> Report:
    """All of it but what is said of the files that were left out."""
    left_out = report["input"].pop("left_out")
    report["notes"] = [note for note in report["notes"] if note not in left_out]
    return report


def test_candles_of_symbols_no_account_has_change_nothing_but_a_note(past: Past) -> None:
    alone = past.report()
    past.write_candles(["1", "2", "3"], "XRPUSDT", START_MS - YEAR_MS)
    past.write_candles(["1", "2", "3"], "DOGEUSDT", START_MS + YEAR_MS)
    (past.candles / "ADAUSDT-1m.csv").write_text("no candles at all\n", encoding="utf-8")
    report = past.report()
    words = (
        "3 files of the candles left out: no account of the config has the symbol "
        "(ADAUSDT-1m.csv, DOGEUSDT-1m.csv, XRPUSDT-1m.csv)"
    )
    assert report["notes"] == [words]
    assert figures_of(report) == figures_of(alone)


def test_files_that_are_no_candles_are_named_and_said_on_stderr(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("notes.txt", "BTCUSDT.csv", ".hidden"):
        (past.candles / name).write_text("x", encoding="utf-8")
    assert past.main("--out", "-") == 0
    said = capsys.readouterr()
    words = "2 files of the candles left out: not named like BTCUSDT-1m.csv (BTCUSDT.csv, notes.txt)"
    assert f"note: {words}\n" in said.err
    report = json.loads(said.out)
    assert (report["notes"], report["input"]["left_out"]) == ([words], [words])


def test_of_many_files_the_first_are_named(past: Past) -> None:
    for number in range(MAX_NAMED + 2):
        (past.candles / f"X{number:02d}-1m.csv").write_text("x", encoding="utf-8")
    assert past.report()["notes"][0].endswith("X09-1m.csv and 2 more)")


def test_a_long_time_without_candles_between_used_symbols_is_a_note(past: Past) -> None:
    past.write_candles(["10", "11"], "ETHUSDT", START_MS + 3 * DAY_MS)
    assert not any(note.startswith("no file has candles") for note in past.report()["notes"])
    past.write_candles(["10", "11"], "ETHUSDT", START_MS + 4 * DAY_MS)
    notes = [note for note in past.report()["notes"] if note.startswith("no file has candles")]
    assert notes == [
        "no file has candles from 2025-06-01 00:11 to 2025-06-05 00:00 UTC, where ETHUSDT-1m.csv begins: "
        "figures by the day count this time, too"
    ]
