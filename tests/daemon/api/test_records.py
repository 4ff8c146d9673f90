"""The audit trail, the log's tail and a signal's story of a running daemon (LOG-1, LOG-2, LOG-3, SIG-10)."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from actors.rules.model import Outcome, Reason
from daemon.api.story_words import LEAD, TRADED, WHY, summary
from daemon.store.audit_anchors import anchor_file, read_anchors
from protos.terrace.v1 import engine_pb2, types_pb2
from protos.terrace.v1 import record_pb2 as pb
from protos.terrace.v1 import signal_pb2 as s
from tests import stores
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.api.conftest import Served
from tests.daemon.api.test_group_service import until

WAIT_S = 10.0


def story(client: Client, signal_id: str) -> s.GetSignalStoryResponse:
    answer: s.GetSignalStoryResponse = client.signals.GetSignalStory(s.GetSignalStoryRequest(signal_id=signal_id))
    return answer


def kinds(told: s.GetSignalStoryResponse) -> list[str]:
    return [entry.kind for entry in told.entries]


# --- the audit trail ------------------------------------------------------------------------------


def verified(client: Client, **request: Any) -> pb.VerifyAuditTrailResponse:
    answer: pb.VerifyAuditTrailResponse = client.records.VerifyAuditTrail(pb.VerifyAuditTrailRequest(**request))
    return answer


@pytest.mark.rule("LOG-3")
def test_the_trail_of_a_running_daemon_is_whole_and_what_somebody_does_to_the_file_is_found(
    served: Served, admin: Client
) -> None:
    admin.send(alert())
    found = verified(admin)
    assert found.valid, found.message
    assert found.checked_count >= 1
    assert len(found.last_hash) == 64
    with stores.Opened(served.data_dir) as store:
        ((sequence,),) = store.rows("SELECT min(sequence) FROM events WHERE type = 'signal.opened'")
        store.rows("UPDATE events SET message = 'nothing happened' WHERE sequence = ?", (sequence,))
    found = verified(admin)
    assert (found.valid, found.broken_sequence) == (False, sequence)
    assert "changed" in found.message
    assert "20" in found.message, "the time is told"
    assert verified(admin, start_sequence=sequence + 1).valid
    assert verified(admin, end_sequence=sequence - 1).valid or sequence == 1


@pytest.mark.rule("LOG-3")
def test_faulty_bounds_of_a_check_are_named(admin: Client) -> None:
    assert refusal(lambda: verified(admin, start_sequence=-1)).reason == "INVALID_ARGUMENT"
    assert refusal(lambda: verified(admin, start_sequence=5, end_sequence=4)).reason == "INVALID_ARGUMENT"


@pytest.mark.rule("LOG-3")
def test_the_end_of_the_trail_is_written_down_outside_the_store_at_the_stop_too(served: Served, admin: Client) -> None:
    admin.send(alert())
    command = [sys.executable, "-m", "daemon", "--config", str(served.config_file), "audit", "verify"]
    beside = subprocess.run(command, capture_output=True, text=True, check=False)
    assert beside.returncode == 0, beside.stderr + beside.stdout
    served.stop()
    anchors = read_anchors(anchor_file(served.data_dir))
    newest = max(anchors)
    assert anchor_file(served.data_dir).stat().st_mode & 0o777 == 0o600
    ((last,),) = stores.rows(served.data_dir, "SELECT max(sequence) FROM events")
    assert newest == last
    offline = subprocess.run(command, capture_output=True, text=True, check=False)
    assert offline.returncode == 0, offline.stderr + offline.stdout
    assert "whole" in offline.stdout
    wrong = subprocess.run([*command, "--anchor", f"{newest}:{'0' * 64}"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert f"BROKEN at event {newest}" in wrong.stdout


# --- the log's tail -------------------------------------------------------------------------------


class Follower:
    """Reads a tail in a thread."""

    def __init__(self, client: Client, **request: Any) -> None:
        self.entries: list[pb.LogEntry] = []
        self._call = client.records.TailLogs(pb.TailLogsRequest(**request))
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for answer in self._call:
                self.entries += answer.entries
        except Exception:  # Cancelled by the test.
            return

    def wait_for(self, word: str) -> pb.LogEntry:
        end_s = time.monotonic() + WAIT_S
        while time.monotonic() < end_s:
            for entry in list(self.entries):
                if word in entry.message:
                    return entry
            time.sleep(0.02)
        raise AssertionError(f"no line with {word} among {[entry.message for entry in self.entries]}")

    def stop(self) -> None:
        self._call.cancel()
        self._thread.join(WAIT_S)


@pytest.mark.rule("LOG-2")
def test_lines_of_the_log_come_as_they_are_written_with_what_was_there_before(admin: Client) -> None:
    follower = Follower(admin, backlog=1000)
    assert follower.wait_for("ready").category == types_pb2.CATEGORY_SYSTEM
    signal = admin.send(alert())
    opened = follower.wait_for("opened")
    assert opened.signal_id == signal.signal_id
    assert opened.attributes["type"] == "signal.opened"
    follower.stop()


@pytest.mark.rule("LOG-2")
def test_a_tail_shows_only_what_was_asked_for(admin: Client) -> None:
    request = {"min_severity": "SEVERITY_WARNING", "categories": ["CATEGORY_ENGINE"], "text": "PAUSED"}
    loud = Follower(admin, **request)
    every = Follower(admin)
    admin.send(alert())
    admin.engine.PauseEngine(engine_pb2.PauseEngineRequest(reason="to see"))
    every.wait_for("PauseEngine")
    assert all("paused" in entry.message.lower() for entry in loud.entries)
    loud.stop()
    every.stop()
    assert refusal(lambda: list(admin.records.TailLogs(pb.TailLogsRequest(backlog=1001)))).reason == "INVALID_ARGUMENT"
    odd = pb.TailLogsRequest(categories=[99])  # type: ignore[list-item]
    assert refusal(lambda: list(admin.records.TailLogs(odd))).reason == "INVALID_ARGUMENT"


# --- a signal's story -----------------------------------------------------------------------------


@pytest.mark.rule("SIG-10", "LOG-1")
def test_the_story_of_a_trade_goes_from_the_alert_to_the_close(served: Served, admin: Client) -> None:
    first = admin.send(alert())
    told = story(admin, first.signal_id)
    assert kinds(told)[:3] == ["RECEIVED", "CHECKED", "DECIDED"]
    assert "ORDER" in kinds(told)
    assert told.signal.signal_id == first.signal_id
    assert told.summary.startswith("It opened a group")
    decided_ms = told.entries[2].time.ToMilliseconds()
    times = [max(entry.time.ToMilliseconds(), decided_ms) for entry in told.entries]
    assert times == sorted(times)
    out = admin.send(alert(action="sell", market_position="flat", prev_market_position="long"))
    assert out.outcome == types_pb2.OUTCOME_EXITED
    end_s = time.monotonic() + WAIT_S
    while "CLOSED" not in kinds(story(admin, first.signal_id)) and time.monotonic() < end_s:
        time.sleep(0.05)
    assert "CLOSED" in kinds(story(admin, first.signal_id))
    assert story(admin, out.signal_id).summary.startswith("It closed a group")


@pytest.mark.rule("SIG-10")
def test_a_story_says_why_nothing_was_traded_and_what_helps(admin: Client) -> None:
    unknown = admin.send(alert(symbol="NOSUCHUSDT"))
    told = story(admin, unknown.signal_id)
    assert told.summary.startswith("Nothing was traded, because the account's exchange has no such symbol")
    assert "Check the ticker" in told.summary
    assert kinds(told)[:3] == ["RECEIVED", "CHECKED", "DECIDED"]
    assert told.entries[2].reason == "UNKNOWN_SYMBOL"
    assert {"ORDER", "FILL", "GROUP"}.isdisjoint(kinds(told))
    assert refusal(lambda: admin.send(b'{"tv": {"symbol": ""}}')).reason == "INVALID_BODY"
    broken = admin.signals.ListSignals(s.ListSignalsRequest(page_size=1)).signals[0]
    faulty = story(admin, broken.signal_id)
    assert "terrace signal check" in faulty.summary
    assert refusal(lambda: story(admin, "nobody")).reason == "NOT_FOUND"


SENTENCE = re.compile(r"[A-Z][^\n]*\.")


@pytest.mark.rule("SIG-10")
@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_gives_a_whole_sentence_with_a_remedy(reason: Reason) -> None:
    why, remedy = WHY[reason]
    assert SENTENCE.fullmatch(remedy) or re.fullmatch(r"`terrace [^\n]*\.", remedy), remedy
    assert why
    assert why[0].islower()
    assert not why.endswith(".")
    for outcome in Outcome:
        told = summary(outcome, reason, "7 of 7 slots are taken.", "0.5 BTC entered")
        assert SENTENCE.fullmatch(told), told
        assert ".." not in told
        if reason is not Reason.OK:
            assert why in told
            assert "7 of 7 slots are taken" in told
            assert (remedy in told) == (outcome not in TRADED)


def test_every_outcome_has_words_and_says_whether_something_was_traded() -> None:
    assert set(LEAD) == set(Outcome)
    for outcome, words in LEAD.items():
        waits = outcome in (Outcome.QUEUED, Outcome.REPLACED)
        assert words.startswith("Nothing was traded") == (outcome not in TRADED and not waits)


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`(terrace [A-Za-z -]+)", str(WHY.values())))))
def test_every_command_a_remedy_names_exists(command: str) -> None:
    from typer.testing import CliRunner

    from control.cli import app

    words = shlex.split(command)[1:]
    done = CliRunner().invoke(app, [*words, "--help"])
    assert done.exit_code == 0, command


@pytest.mark.parametrize("key", sorted(set(re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)`", str(WHY.values())))))
def test_every_key_a_remedy_names_is_in_the_configuration(key: str) -> None:
    found: Any = yaml.safe_load(Path("config.yaml").read_text(encoding="utf-8"))
    for name in key.split("."):
        assert name in found, key
        found = found[name]


@pytest.mark.rule("DCA-5", "SIG-10")
def test_a_story_says_when_an_alert_far_above_the_market_filled_its_whole_ladder_at_once(admin: Client) -> None:
    usual = admin.send(alert("BTCUSDT"))
    far = admin.send(alert("ETHUSDT", close_price="150"))
    until(lambda: [entry.kind for entry in story(admin, far.signal_id).entries].count("FILL") >= 6)
    told = story(admin, far.signal_id)
    (note,) = (entry for entry in told.entries if entry.attributes["flag"] == "LADDER_AT_ONCE")
    words = (
        "its whole ladder filled at once: the market stood at 100 already, the alert's price 150 is 50.00 % above it"
    )
    assert (note.kind, note.message) == ("FILL", f"note: {words}")
    assert words in told.summary
    until(lambda: "FILL" in kinds(story(admin, usual.signal_id)))
    assert "at once" not in str(story(admin, usual.signal_id))
