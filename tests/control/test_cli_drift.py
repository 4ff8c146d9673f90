"""`terrace account drift` and `resolve`: what is printed, asked and sent."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from control.exits import ExitCode
from protos.terrace.v1 import account_pb2
from tests.control.conftest import Ran
from tests.control.fake_daemon import FakeDaemon

Cli = Callable[..., Ran]

DRIFT = account_pb2.Drift(
    drift_id="3f9a01bc",
    account="paper",
    symbol="BTC/USDT",
    kind="DRIFT_KIND_UNCOVERED",
    expected="2 BTC",
    actual="1.5 BTC",
    message="BTC/USDT long: the groups hold 2 BTC, the exchange has 1.5 BTC",
)


def sent(daemon: FakeDaemon) -> list[account_pb2.ResolveDriftRequest]:
    return [each for each in daemon.requests if isinstance(each, account_pb2.ResolveDriftRequest)]


@pytest.mark.rule("ORD-7")
def test_differences_are_listed_with_their_ids_and_words(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.drifts = [DRIFT]
    ran = cli("account", "drift", "paper")
    assert ran.code == 0
    assert "3f9a01bc" in ran.out
    assert "the exchange has 1.5 BTC" in ran.out
    shown = json.loads(cli("account", "drift", "-o", "json").out)["drifts"][0]
    assert (shown["kind"], shown["resolution"], shown["resolve_time"]) == ("UNCOVERED", "UNSPECIFIED", None)


@pytest.mark.rule("ORD-7")
def test_what_touches_the_books_is_asked_about_and_ignoring_is_not(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.drifts = [DRIFT]
    refused = cli("account", "resolve", "3f9a01bc", "flatten", stdin="n\n")
    assert refused.code == ExitCode.CANCELLED
    assert "on paper (PAPER)" in refused.err
    assert sent(daemon) == []
    assert cli("account", "resolve", "3f9a01bc", "ignore").code == 0
    assert cli("account", "resolve", "3f9a01bc", "adopt", "--group", "g1", "--yes").code == 0
    first, second = sent(daemon)
    assert first.resolution == account_pb2.DRIFT_RESOLUTION_IGNORE
    assert (second.resolution, second.group_id) == (account_pb2.DRIFT_RESOLUTION_ADOPT, "g1")
    assert len(second.request_id) == 32


@pytest.mark.rule("ORD-7")
def test_a_dry_run_says_so_and_does_not_ask(daemon: FakeDaemon, cli: Cli) -> None:
    daemon.drifts = [DRIFT]
    ran = cli("account", "resolve", "3f9a01bc", "flatten", "--dry-run")
    assert ran.code == 0
    assert "nothing was done" in ran.err
    assert [each.validate_only for each in sent(daemon)] == [True]


@pytest.mark.rule("ORD-7")
def test_a_difference_that_is_not_there_is_3(daemon: FakeDaemon, cli: Cli) -> None:
    ran = cli("account", "resolve", "nobody", "flatten")
    assert ran.code == ExitCode.NOT_FOUND
    assert "nobody" in ran.err
