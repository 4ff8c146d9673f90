"""`terrace engine dead-letters`, `retry`, `restart`, and degraded states on the screen (REC-2, REC-4)."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from control.exits import ExitCode
from protos.terrace.v1 import engine_pb2
from tests.control.conftest import Ran
from tests.control.fake_daemon import FakeDaemon

Cli = Callable[..., Ran]


@pytest.fixture
def letter(daemon: FakeDaemon) -> engine_pb2.DeadLetter:
    found = engine_pb2.DeadLetter(
        dead_letter_id="l1",
        actor="pool/paper",
        message_type="SubmitSignal",
        content='{"signal": {"symbol": "BTC/USDT"}}',
        error="Traceback (most recent call last):\n  File\nValueError: \x1b[31mno price",
        attempts=2,
        remedy="submits the alert again; nothing is done twice",
        retryable=True,
    )
    daemon.letters["l1"] = found
    return found


@pytest.mark.rule("REC-2")
def test_dead_letters_are_listed_with_what_a_retry_does(
    daemon: FakeDaemon, cli: Cli, letter: engine_pb2.DeadLetter
) -> None:
    ran = cli("engine", "dead-letters")
    assert ran.code == 0
    for words in ("l1", "pool/paper", "SubmitSignal", "open", "no price", "submits the alert again"):
        assert words in ran.out
    assert "Traceback" not in ran.out
    letter.resolved = True
    assert "l1" not in cli("engine", "dead-letters").out
    found = json.loads(cli("engine", "dead-letters", "--all", "-o", "json").out)["dead_letters"]
    assert (found[0]["dead_letter_id"], found[0]["resolved"], found[0]["attempts"]) == ("l1", True, 2)


@pytest.mark.rule("REC-2")
def test_one_is_shown_whole_and_cannot_steer_the_terminal(cli: Cli, letter: engine_pb2.DeadLetter) -> None:
    ran = cli("engine", "dead-letters", "show", letter.dead_letter_id)
    assert "Traceback (most recent call last):" in ran.out
    assert "BTC/USDT" in ran.out
    assert "\x1b" not in ran.out


@pytest.mark.rule("REC-2")
@pytest.mark.parametrize("words", [("dead-letters", "retry"), ("retry",)])
def test_a_retry_asks_first_and_says_what_came_of_it(
    daemon: FakeDaemon, cli: Cli, letter: engine_pb2.DeadLetter, words: tuple[str, ...]
) -> None:
    refused = cli("engine", *words, "l1", stdin="n\n")
    assert refused.code == ExitCode.CANCELLED
    assert "SubmitSignal for pool/paper: a retry submits the alert again" in refused.err
    assert letter.attempts == 2
    ran = cli("engine", *words, "l1", "--yes")
    assert (ran.code, "the alert was taken: opened" in ran.err) == (0, True)
    asked = [each for each in daemon.requests if isinstance(each, engine_pb2.RetryDeadLetterRequest)]
    assert [each.dead_letter_id for each in asked] == ["l1"]
    assert asked[0].request_id


@pytest.mark.rule("REC-2")
def test_a_retry_that_kills_again_fails(cli: Cli, letter: engine_pb2.DeadLetter) -> None:
    letter.retryable = False
    ran = cli("engine", "dead-letters", "retry", "l1", "--yes")
    assert ran.code == ExitCode.FAILED
    assert "it stopped pool/paper again and stays a dead letter" in ran.err


@pytest.mark.rule("REC-2")
def test_a_part_is_started_again_by_its_name(daemon: FakeDaemon, cli: Cli) -> None:
    ran = cli("engine", "restart", "world/paper", "--reason", "mended")
    assert ran.code == 0
    assert "queue/paper, pool/paper" in ran.out
    (asked,) = (each for each in daemon.requests if isinstance(each, engine_pb2.RestartPartRequest))
    assert (asked.part, asked.reason, asked.validate_only, bool(asked.request_id)) == (
        "world/paper",
        "mended",
        False,
        True,
    )
    assert cli("engine", "restart").code == ExitCode.USAGE


@pytest.mark.rule("REC-4")
@pytest.mark.parametrize("words", [("engine", "status"), ("status",)])
def test_degraded_states_are_shown_with_reason_time_and_remedy(
    daemon: FakeDaemon, cli: Cli, words: tuple[str, ...]
) -> None:
    one = engine_pb2.Degradation(
        code="PART_DOWN",
        subject="gateway/binance",
        message="gateway/binance failed too often and is down",
        remedy="`terrace engine restart gateway/binance`",
    )
    one.since_time.FromJsonString("2026-01-02T03:04:05Z")
    daemon.degraded = [one]
    out = cli(*words).out
    for shown in ("PART_DOWN", "gateway/binance", "2026-01-02 03:04:05", one.message, one.remedy):
        assert shown in out
    found = json.loads(cli("engine", "status", "-o", "json").out)["status"]["degraded"]
    assert [(each["code"], each["since_time"]) for each in found] == [("PART_DOWN", "2026-01-02T03:04:05Z")]
