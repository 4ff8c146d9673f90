"""Two configurations over the same past."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from daemon.replay import pair
from daemon.replay.compare import comparison, shown_comparison
from daemon.replay.model import Progress, ReplayFault
from daemon.replay.pair import run_pair
from daemon.replay.report import Report
from tests.daemon.replay.past import Past, body

TIGHT = {"strategy": {"default": {"tp_mode": "aggregate", "tp_percent": "0.5"}}}
ONE_SLOT = {"pool": {"max_open_groups": 1}}


def silent(_index: int) -> object:
    return lambda _progress: None


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair, "cores", lambda: 1)


def compared(past: Past, other: Path) -> Report:
    return comparison(past.report(), past.report(config=other))


def test_a_config_compared_with_itself_differs_in_nothing(past: Past) -> None:
    found = compared(past, past.config)
    assert found["groups_that_differ"] == 0
    assert found["signals"] == []
    assert set(found["totals"][0]["difference"].values()) <= {0, "0", ""}
    assert "no group differs" in shown_comparison(found)


def test_groups_are_matched_by_the_alert_that_opened_them(past: Past) -> None:
    found = compared(past, past.write_config(TIGHT, "tight.yaml"))
    rows = {row["number"]: row for row in found["groups"]}
    assert set(rows) == {1, 2}
    first = rows[1]
    assert (first["symbol"], first["a"]["tp_mode"], first["b"]["tp_mode"]) == ("BTC/USDT", "PER_LEG", "AGGREGATE")
    gained = Decimal(first["b"]["realized_pnl"]) - Decimal(first["a"]["realized_pnl"])
    assert Decimal(first["difference"]["realized_pnl"]) == gained != 0


def test_the_difference_in_total_is_the_sum_of_those_of_the_groups(past: Past) -> None:
    found = compared(past, past.write_config(TIGHT, "tight.yaml"))
    by_group = sum(Decimal(row["difference"]["realized_pnl"]) for row in found["groups"])
    assert Decimal(found["totals"][0]["difference"]["realized"]) == by_group


def test_a_group_that_only_one_of_them_opens_is_shown_against_nothing(past: Past) -> None:
    past.write_signals([(1.5, body()), (2.5, body(symbol="ETHUSDT", price="10"))])
    past.write_candles(["100"] * 11)
    found = compared(past, past.write_config(ONE_SLOT, "one.yaml"))
    missing = next(row for row in found["groups"] if row["number"] == 2)
    assert (missing["a"]["state"], missing["b"], missing["differs"]) == ("PARTIALLY_FILLED", None, True)
    assert [(row["number"], row["a"]["outcome"], row["b"]["outcome"]) for row in found["signals"]] == [
        (2, "OPENED", "QUEUED")
    ]
    assert "not opened" in shown_comparison(found)
    assert found["totals"][0]["difference"]["groups"] == -1


def test_two_processes_say_what_one_says_and_tell_how_far_they_are(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [past.job(), past.job(config=past.write_config(TIGHT, "tight.yaml"))]
    told: set[int] = set()

    def on_progress(index: int) -> object:
        def take(progress: Progress) -> None:
            assert isinstance(progress, Progress)
            told.add(index)

        return take

    monkeypatch.setattr(pair, "cores", lambda: 2)
    apart = run_pair(jobs, {}, on_progress)  # type: ignore[arg-type]
    monkeypatch.setattr(pair, "cores", lambda: 1)
    assert run_pair(jobs, {}, silent) == apart  # type: ignore[arg-type]
    assert told == {0, 1}


def test_a_fault_in_one_process_ends_both_and_is_told(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair, "cores", lambda: 2)
    jobs = [past.job(), past.job(config=past.folder / "none.yaml")]
    with pytest.raises(ReplayFault, match=r"none\.yaml"):
        run_pair(jobs, {}, silent)  # type: ignore[arg-type]


def test_compare_at_the_command_line_writes_one_file_with_both(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    tight, out, again = past.write_config(TIGHT, "tight.yaml"), past.folder / "one.json", past.folder / "again.json"
    pair_of = ("--compare", str(past.config), str(tight))
    assert past.main(*pair_of, "--out", str(out)) == 0
    assert "groups and 0 signals differ" in capsys.readouterr().out
    found = json.loads(out.read_text(encoding="utf-8"))
    files = [found[name]["input"]["config"]["file"] for name in ("a", "b")]
    assert files == ["config.yaml", "tight.yaml"]
    assert str(past.folder) not in out.read_text(encoding="utf-8")
    assert past.terraced(*pair_of, "--out", str(again)).returncode == 0
    assert again.read_bytes() == out.read_bytes()


def test_configs_that_take_different_lines_are_not_compared(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    other = past.write_config({"sources": {"bots": {"secret": "file:secrets/bots"}}}, "two.yaml")
    lines = past.signals.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[0] = lines[0].replace("{", '{"source": "tradingview", ', 1)
    past.signals.write_text("".join(lines), encoding="utf-8")
    assert past.main("--compare", str(past.config), str(other), "--skip-bad") == 2
    assert "do not take the same lines" in capsys.readouterr().err


def test_configs_that_take_other_candles_are_compared_with_a_note(past: Past) -> None:
    past.write_candles(["1", "2", "3"], "XRPUSDT")
    symbols = {"accounts": {"paper": {"symbols": ["BTC/USDT", "ETH/USDT", "XRP/USDT"]}}}
    found = compared(past, past.write_config(symbols, "more.yaml"))
    assert found["notes"] == ["the two configs do not take the same candles: their accounts have other symbols"]
    assert f"note: {found['notes'][0]}" in shown_comparison(found)
    assert compared(past, past.config)["notes"] == []
