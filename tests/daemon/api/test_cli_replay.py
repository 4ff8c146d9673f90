"""`terrace signal replay` as a user runs it, against a real daemon (SIG-11)."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from tests.daemon.api.calls import alert
from tests.daemon.api.conftest import Served


def terrace(served: Served, *arguments: str, role: str = "operator") -> subprocess.CompletedProcess[str]:
    token = served.folder / "token"
    token.write_text(f"token-of-{role}")
    token.chmod(0o600)
    where = ("--address", f"127.0.0.1:{served.daemon.port}", "--token-file", str(token))
    return subprocess.run(
        [sys.executable, "-m", "control", *where, "signal", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "HOME": str(served.folder)},
        timeout=60,
        check=False,
    )


@pytest.mark.rule("SIG-11")
def test_a_replay_at_the_command_line_looks_submits_and_shows_what_it_repeats(served: Served) -> None:
    first = served.client().send(alert())
    looked = terrace(served, "replay", first.signal_id)
    assert looked.returncode == 0, looked.stderr
    assert "(dry run)" in looked.stdout
    assert "LEG_PLANNED" in looked.stdout
    assert "leg 1: 0.402 at 99.5, target 100" in looked.stdout
    found = json.loads(terrace(served, "replay", first.signal_id, "-o", "json").stdout)
    assert (found["signal"]["outcome"], found["signal"]["replay_of_signal_id"]) == ("PYRAMIDED", first.signal_id)
    assert [event["type"] for event in found["decisions"]].count("LEG_PLANNED") == 5
    as_yaml = yaml.safe_load(terrace(served, "replay", first.signal_id, "-o", "yaml").stdout)
    assert as_yaml["signal"]["outcome"] == "PYRAMIDED"
    sent = json.loads(terrace(served, "replay", first.signal_id, "--submit", "-o", "json").stdout)["signal"]
    assert (sent["outcome"], sent["replay_of_signal_id"]) == ("PYRAMIDED", first.signal_id)
    shown = json.loads(terrace(served, "show", sent["signal_id"], "-o", "json").stdout)["signal"]
    assert shown["replay_of_signal_id"] == first.signal_id


@pytest.mark.rule("SIG-11")
def test_exit_codes_tell_scripts_how_it_went(served: Served) -> None:
    client = served.client()
    first = client.send(alert())
    rejected = client.send(alert("NOPEUSDT"))
    assert terrace(served, "replay", "nope").returncode == 3
    assert terrace(served, "replay", first.signal_id, role="viewer").returncode == 4
    assert terrace(served, "replay", rejected.signal_id).returncode == 0
    assert terrace(served, "replay", rejected.signal_id, "--submit").returncode == 6
