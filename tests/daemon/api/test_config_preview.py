"""What a preview says is what then happens, on a running daemon."""

from __future__ import annotations

import time
from collections.abc import Callable

import grpc
import pytest

from protos.terrace.v1 import account_pb2, config_pb2, engine_pb2, group_pb2, queue_pb2, types_pb2
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.api.conftest import Serve, Served

pytestmark = pytest.mark.rule("CFG-4")

ONE_LEG = {
    "levels": [{"gap_percent": "0", "weight_percent": "100", "tp_percent": "50"}],
    "max_pyramids": 1,
    "entry_order": "market",
}


def until(true: Callable[[], bool], limit_s: float = 15.0) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.05)


def edits(**values: str) -> list[config_pb2.ConfigEdit]:
    """`risk__enabled="true"` is an edit of `risk.enabled`."""
    return [config_pb2.ConfigEdit(path=name.replace("__", "."), value=value) for name, value in values.items()]


def preview(client: Client, **values: str) -> dict[str, str]:
    request = config_pb2.ApplyConfigRequest(edits=edits(**values), validate_only=True)
    return {each.path: " | ".join(each.effects) for each in client.config.ApplyConfig(request).changes}


def apply(client: Client, **values: str) -> None:
    client.config.ApplyConfig(config_pb2.ApplyConfigRequest(edits=edits(**values)))


def price(client: Client, symbol: str, amount: str) -> None:
    client.accounts.SetPaperPrice(account_pb2.SetPaperPriceRequest(symbol=symbol, price=amount))


def groups(client: Client) -> dict[str, group_pb2.Group]:
    found = client.groups.ListGroups(group_pb2.ListGroupsRequest()).groups
    return {group.symbol: group for group in found}


def status(client: Client) -> engine_pb2.Status:
    return client.engine.GetStatus(engine_pb2.GetStatusRequest()).status


def held(client: Client, symbol: str) -> bool:
    found = groups(client).get(symbol)
    return found is not None and found.state == types_pb2.GROUP_STATE_ACTIVE


@pytest.fixture
def holding(serve: Serve) -> Served:
    """Two filled groups: BTC loses ten per cent, ETH wins twenty."""
    served = serve({"strategy": {"default": ONE_LEG}, "risk": {"enabled": False, "post_full_wait_s": 0}})
    client = served.client()
    for symbol in ("BTC", "ETH"):
        assert client.send(alert(f"{symbol}USDT")).outcome == types_pb2.OUTCOME_OPENED
    until(lambda: held(client, "BTC/USDT") and held(client, "ETH/USDT"))
    price(client, "BTC/USDT", "90")
    price(client, "ETH/USDT", "120")
    return served


@pytest.mark.rule("RISK-1")
def test_the_loser_and_the_winner_that_are_named_are_those_that_close(holding: Served) -> None:
    client = holding.client()
    loser, winner = groups(client)["BTC/USDT"], groups(client)["ETH/USDT"]
    words = preview(client, risk__enabled="true")["risk.enabled"]
    assert "1 losing group may be closed at once" in words
    assert f"the first would be {loser.group_id}, paid for by {winner.group_id}" in words
    assert held(client, "BTC/USDT"), "a preview does nothing"
    apply(client, risk__enabled="true")
    until(lambda: "BTC/USDT" not in groups(client))
    assert groups(client)["ETH/USDT"].group_id == winner.group_id


@pytest.mark.rule("POOL-2")
def test_the_waiting_signal_that_is_named_is_the_one_that_opens(serve: Serve) -> None:
    client = serve({"pool": {"max_open_groups": 1}}).client()
    assert client.send(alert("BTCUSDT")).outcome == types_pb2.OUTCOME_OPENED
    for symbol in ("ETHUSDT", "SOLUSDT"):
        assert client.send(alert(symbol)).outcome == types_pb2.OUTCOME_QUEUED
    words = preview(client, pool__max_open_groups="2")["pool.max_open_groups"]
    assert words == "in paper 1 waiting signal would be offered a place: paper ETH/USDT 15m long"
    apply(client, pool__max_open_groups="2")
    until(lambda: "ETH/USDT" in groups(client))
    (left,) = client.queue.ListQueuedSignals(queue_pb2.ListQueuedSignalsRequest()).queued_signals
    assert left.symbol == "SOL/USDT"


@pytest.mark.rule("POOL-4")
def test_the_limit_that_is_said_to_be_breached_is_breached(holding: Served) -> None:
    client = holding.client()
    loser = groups(client)["BTC/USDT"].group_id
    client.groups.CloseGroup(group_pb2.CloseGroupRequest(group_id=loser))
    until(lambda: "BTC/USDT" not in groups(client))
    for path, bound in (("limits.max_realized_loss_per_day", "10"), ("limits.max_consecutive_losses", "1")):
        words = preview(client, **{path.replace(".", "__"): bound})[path]
        assert "is breached at once: no new group would open" in words
    assert "limits.max_realized_loss_per_day" not in {
        path for path, words in preview(client, limits__max_realized_loss_per_day="1000").items() if words
    }
    assert status(client).limit_state == types_pb2.LIMIT_STATE_NONE
    apply(client, limits__max_realized_loss_per_day="10")
    until(lambda: status(client).limit_state == types_pb2.LIMIT_STATE_NO_NEW_GROUPS)
    harder = preview(client, limits__on_breach="close_all")["limits.on_breach"]
    assert "stands already: EVERY live group would be closed at once" in harder


@pytest.mark.rule("GRP-3")
def test_a_live_group_keeps_what_it_was_said_to_keep(holding: Served) -> None:
    client = holding.client()
    words = preview(client, strategy__default__tp_mode="aggregate")["strategy.default.tp_mode"]
    assert words.startswith("2 live groups keep the settings they were opened with")
    apply(client, strategy__default__tp_mode="aggregate")
    assert {group.tp_mode for group in groups(client).values()} == {types_pb2.TAKE_PROFIT_MODE_PER_LEG}


def test_a_secret_that_is_not_there_is_told_and_one_that_will_be_made_is_not(served: Served) -> None:
    client = served.client()

    def said(text: str) -> str:
        request = config_pb2.ValidateConfigRequest(edits=edits(sources=text))
        answer = client.config.ValidateConfig(request)
        assert answer.valid, answer.problems
        return " | ".join(words for change in answer.changes for words in change.effects)

    assert "env:NOT_THERE cannot be read: the variable is not set" in said("{tv: {secret: env:NOT_THERE}}")
    assert "cannot be read" not in said("{tv: {secret: file:secrets/tv}}")
    assert "file:/nowhere/tv cannot be read" in said("{tv: {secret: file:/nowhere/tv}}")


def test_keys_are_described_over_the_api(served: Served) -> None:
    client = served.client("viewer")

    def keys(path: str) -> list[config_pb2.ConfigKey]:
        return list(client.config.DescribeConfig(config_pb2.DescribeConfigRequest(path=path)).keys)

    (mode,) = keys("queue.overflow")
    assert (mode.kind, mode.value, list(mode.allowed)) == ("WORD", "reject_new", ["reject_new", "evict_lowest"])
    assert len(keys("")) > 200
    for wrong in ("queue.overflw", "x" * 10_000, "..", "[0]", "\n"):
        told = refusal(lambda wrong=wrong: keys(wrong))  # type: ignore[misc]
        assert told.code is grpc.StatusCode.NOT_FOUND
        assert len(told.message) < 1_000
    assert "did you mean queue.overflow?" in refusal(lambda: keys("queue.overflw")).message
