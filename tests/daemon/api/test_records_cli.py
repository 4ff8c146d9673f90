"""Records as a user sees them at the command line, against a real daemon (LOG-2, LOG-3, SIG-10)."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys

import pytest

from tests.daemon.api.calls import alert
from tests.daemon.api.conftest import Served


def terrace(served: Served, *arguments: str) -> subprocess.CompletedProcess[str]:
    token = served.folder / "token"
    token.write_text("token-of-viewer")
    token.chmod(0o600)
    where = ("--address", f"127.0.0.1:{served.daemon.port}", "--token-file", str(token))
    return subprocess.run(
        [sys.executable, "-m", "control", *where, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "HOME": str(served.folder)},
        timeout=60,
        check=False,
    )


@pytest.mark.rule("LOG-2", "LOG-3", "SIG-10")
def test_a_person_finds_out_what_happened_why_and_that_nobody_changed_it(served: Served) -> None:
    client = served.client()
    opened = client.send(alert())
    unknown = client.send(alert("NOPEUSDT"))
    told = terrace(served, "signal", "show", unknown.signal_id, "--story")
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("Nothing was traded, because the account's exchange has no such symbol")
    story = json.loads(terrace(served, "signal", "show", opened.signal_id, "--story", "-o", "json").stdout)
    assert story["entries"][0]["kind"] == "RECEIVED"
    facts = json.loads(terrace(served, "signal", "show", opened.signal_id, "-o", "json").stdout)
    assert "timeline" in facts, "what scripts got before"
    found = json.loads(terrace(served, "log", "search", "OPENED", "signal", "--pair", "BTC/USDT", "-o", "json").stdout)
    assert [event["signal_id"] for event in found["events"]] == [opened.signal_id]
    assert "opened" in terrace(served, "log", "tail", "--all", "-n", "500", "--no-follow").stdout
    verified = terrace(served, "audit", "verify")
    assert verified.returncode == 0, verified.stdout
    assert "yes" in verified.stdout


@pytest.mark.rule("LOG-2")
def test_an_export_is_whole_private_and_writes_over_nothing_unasked(served: Served) -> None:
    client = served.client()
    signal = client.send(alert(strategy_info={"trade_id": "a", "alert_name": '=HYPERLINK("http://x")'}))
    path = served.folder / "events.csv"
    done = terrace(served, "log", "export", str(path))
    assert done.returncode == 0, done.stderr
    assert path.stat().st_mode & 0o077 == 0
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert signal.signal_id in {row["signal_id"] for row in rows}
    assert not any(cell[:1] in ("=", "@", "+") for row in rows for cell in row.values())
    again = terrace(served, "log", "export", str(path))
    assert again.returncode == 2
    assert "--force" in again.stderr
    lines = terrace(served, "log", "export", "--format", "json", "--signal", signal.signal_id).stdout.splitlines()
    assert {json.loads(line)["signal_id"] for line in lines} == {signal.signal_id}
    nowhere = terrace(served, "log", "export", str(served.folder / "no" / "such" / "folder.txt"))
    assert nowhere.returncode == 1
    assert "Traceback" not in nowhere.stderr
