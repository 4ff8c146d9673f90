"""`terrace report ...` as a user runs it, against a real daemon: the day worked by hand (PNL-3, PNL-4)."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.api.conftest import Serve, Served
from tests.daemon.reports import day


def terrace(served: Served, *arguments: str) -> str:
    """What it prints; the test fails if it does not end with 0."""
    token = served.folder / "token"
    token.write_text("token-of-viewer")
    token.chmod(0o600)
    where = ("--address", f"127.0.0.1:{served.daemon.port}", "--token-file", str(token))
    done = subprocess.run(
        [sys.executable, "-m", "control", *where, "report", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "HOME": str(served.folder)},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_json(served: Served, *arguments: str) -> Any:
    return json.loads(terrace(served, *arguments, "-o", "json"))


def facts(text: str) -> dict[str, str]:
    rows = (line.split("  ", 1) for line in text.partition("\n\n")[0].splitlines())
    return {row[0].strip(): row[1].strip() for row in rows if len(row) == 2}


@pytest.mark.rule("PNL-3", "PNL-4")
def test_every_report_shows_the_figures_of_a_day(serve: Serve, tmp_path: Path) -> None:
    served = serve(day.CONFIG)
    ids = day.trade(served.client())
    _profit(served)
    _stats(served)
    _equity_and_daily(served)
    _export(served, ids, tmp_path / "trades.csv")


def _profit(served: Served) -> None:
    found = as_json(served, "profit", "--by", "symbol")["profit"]
    names = ("realized_day", "realized_week", "realized_month", "realized_total", "unrealized", "fees")
    assert [found[name] for name in names] == [*[day.REALIZED] * 4, day.UNREALIZED, day.FEES]
    assert [part["realized"] for part in found["parts"]] == [day.WIN, day.LOSS, day.OPEN_FEE]
    shown = terrace(served, "profit", "--by", "side", "--since", "1d")
    assert facts(shown)["all time"] == day.REALIZED
    assert "weeks on Monday" in facts(shown)["periods"]
    assert shown.splitlines()[-1].split() == ["long", day.REALIZED, day.UNREALIZED, day.FEES, "2"]
    assert as_json(served, "profit", "--by", "day", "--until", "1d")["profit"]["parts"] == []


def _stats(served: Served) -> None:
    found = as_json(served, "stats")["statistics"]
    assert (found["trades"], found["win_rate"], found["profit_factor"]) == (2, "50", "1.9985")
    assert (found["sharpe"], found["sortino"]) == ("", "")
    shown = terrace(served, "stats")
    assert facts(shown)["average win"] == day.WIN
    assert "cost invested" in facts(shown)["percentages"]
    assert "% OF INVESTED" in shown
    assert "365 periods a year" in facts(shown)["ratios"]
    assert facts(terrace(served, "stats", "--symbol", "BTC/USDT"))["win rate %"] == "100"


def _equity_and_daily(served: Served) -> None:
    last = as_json(served, "equity")["points"][-1]
    assert (last["realized"], last["total"]) == ("100000.5984", "100001.5984")
    assert "deposits and withdrawals are not" in terrace(served, "equity", "--points", "2")
    summary = as_json(served, "daily")["summary"]
    assert (summary["trades"], summary["volume"], summary["net_profit"]) == (2, day.VOLUME, day.REALIZED)
    assert facts(terrace(served, "daily"))["best"] == "BTC/USDT"
    assert facts(terrace(served, "daily", "2020-02-29"))["trades"] == "0"


def _export(served: Served, ids: dict[str, str], file: Path) -> None:
    terrace(served, "export", "--file", str(file))
    with file.open(encoding="utf-8", newline="") as lines:
        rows = {row["group_id"]: row["realized_pnl"] for row in csv.DictReader(lines)}
    assert rows == {ids["BTC"]: day.WIN, ids["ETH"]: day.LOSS}
    assert next(csv.reader(io.StringIO(terrace(served, "export"))))[0] == "group_id"
    found = terrace(served, "export", "-o", "json", "--symbol", "ETH/USDT").splitlines()
    assert [json.loads(line)["realized_pnl"] for line in found] == [day.LOSS]
