"""CFG-6: while `engine.mode` is read_only no command is taken over the API, whatever the role. The file ends it."""

from __future__ import annotations

import time
from collections.abc import Callable

import grpc
import pytest

from daemon.api import roles
from daemon.tokens import TokenRole
from protos.terrace.v1 import config_pb2, engine_pb2, group_pb2, signal_pb2, types_pb2
from tests.daemon.api.calls import Client, alert, read_error, refusal
from tests.daemon.api.conftest import Serve, Served
from tests.daemon.api.test_roles import _call

SYMBOLS = ["BTC/USDT:USDT", "ETH/USDT:USDT"]
ROUND = {"tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}
PERP = {
    "exchange": "paper",
    "market": "swap",
    "prices": "manual",
    "symbols": SYMBOLS,
    "start_prices": dict.fromkeys(SYMBOLS, "100"),
    "instruments": dict.fromkeys(SYMBOLS, ROUND),
    "balances": {"USDT": "100000"},
    "fill": "touch",
    "spread_percent": "0",
}
ALLOWED = {
    "RefreshInstruments",
    "CheckAccount",
    "AcknowledgeAlert",
    "Backup",
}
"""Changes that neither trade nor touch the configuration."""


def until(true: Callable[[], bool], limit_s: float = 15.0) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


def reason_of(client: Client, method: str) -> str:
    try:
        _call(client, method)
    except grpc.RpcError as error:
        return read_error(error).reason
    return ""


def is_read_only(client: Client) -> bool:
    return bool(client.engine.GetStatus(engine_pb2.GetStatusRequest()).status.read_only)


@pytest.mark.rule("CFG-6")
def test_every_method_that_changes_something_is_refused_to_everybody_while_read_only(serve: Serve) -> None:
    served = serve({"engine": {"mode": "read_only"}})
    admin, operator = served.client("admin"), served.client("operator")
    for method in sorted(roles.CHANGES):
        name = method.rpartition("/")[2]
        if name == "ReplaySignal":  # Without `submit` it only looks.
            submit = signal_pb2.ReplaySignalRequest(signal_id="x", submit=True)
            assert refusal(lambda: admin.signals.ReplaySignal(submit)).reason == "READ_ONLY"  # noqa: B023
            continue
        found = reason_of(admin, method)
        assert (found == "READ_ONLY") == (name not in ALLOWED), f"{name}: {found or 'done'}"
        if roles.ROLE_OF[method] is TokenRole.OPERATOR:
            assert reason_of(operator, method) == found, name


@pytest.mark.rule("CFG-6")
def test_looking_works_a_signal_is_refused_and_only_the_file_ends_it(serve: Serve) -> None:
    served = serve({"engine": {"mode": "read_only"}})
    admin = served.client("admin")
    assert admin.groups.ListGroups(group_pb2.ListGroupsRequest()).groups == []
    assert is_read_only(admin)
    assert admin.send(alert()).reason == "READ_ONLY"
    config = admin.config.GetConfig(config_pb2.GetConfigRequest()).config
    edit = config_pb2.ConfigEdit(path="engine.mode", value="normal")
    for request in (
        config_pb2.ApplyConfigRequest(edits=[edit]),
        config_pb2.ApplyConfigRequest(edits=[edit], validate_only=True),
        config_pb2.ApplyConfigRequest(yaml="config_version: 1\n", etag=config.etag),
    ):
        assert refusal(lambda request=request: admin.config.ApplyConfig(request)).reason == "READ_ONLY"  # type: ignore[misc]
    restore = config_pb2.RestoreConfigRequest(defaults=True, etag=config.etag)
    assert refusal(lambda: admin.config.RestoreConfig(restore)).reason == "READ_ONLY"
    assert served.config_file.read_text(encoding="utf-8") == config.yaml
    served.write_config({"engine": {"mode": "normal"}})
    until(lambda: not is_read_only(admin))
    assert admin.send(alert("ETHUSDT")).group_id
    entered = admin.config.ApplyConfig(
        config_pb2.ApplyConfigRequest(edits=[config_pb2.ConfigEdit(path="engine.mode", value="read_only")])
    )
    assert entered.config.version == 3
    assert is_read_only(admin)
    assert refusal(lambda: admin.config.ApplyConfig(config_pb2.ApplyConfigRequest(edits=[edit]))).reason == "READ_ONLY"


@pytest.mark.rule("SIG-7", "CFG-6")
def test_the_same_alert_is_decided_anew_once_the_engine_is_not_read_only_any_more(serve: Serve) -> None:
    served = serve({"engine": {"mode": "read_only"}})
    admin = served.client("admin")
    for _ in range(2):
        assert admin.send(alert(), request_id="same").reason == "READ_ONLY"
    served.write_config({"engine": {"mode": "normal"}})
    until(lambda: not is_read_only(admin))
    opened = admin.send(alert(), request_id="same")
    assert opened.group_id
    assert admin.send(alert(), request_id="same").outcome == types_pb2.OUTCOME_DUPLICATE


def live(client: Client) -> list[group_pb2.Group]:
    return list(client.groups.ListGroups(group_pb2.ListGroupsRequest()).groups)


def turn_read_only(served: Served, admin: Client) -> None:
    served.write_config({"engine": {"mode": "read_only"}})
    until(lambda: is_read_only(admin))


@pytest.mark.rule("CFG-6", "EXIT-1")
def test_an_exit_alert_closes_its_group_also_while_read_only(serve: Serve) -> None:
    served = serve({})
    admin = served.client("admin")
    opened = [admin.send(alert(symbol)).group_id for symbol in ("BTCUSDT", "ETHUSDT")]
    until(lambda: all(group.legs_filled for group in live(admin)))
    turn_read_only(served, admin)
    leaves = alert("BTCUSDT", action="sell", execution_intent={"type": "exit"})
    looked = admin.send(leaves, validate_only=True)
    assert (looked.outcome, looked.group_id) == (types_pb2.OUTCOME_EXITED, opened[0])
    less = alert(
        "ETHUSDT", action="sell", market_position="long", prev_market_position="long", market_position_size="1",
        prev_market_position_size="2", order_size="1",
    )  # fmt: skip
    assert admin.send(leaves).outcome == types_pb2.OUTCOME_EXITED
    assert admin.send(less).outcome == types_pb2.OUTCOME_REDUCED
    until(lambda: [group.group_id for group in live(admin)] == opened[1:])
    assert admin.send(alert("ETHUSDT", close_price="99")).reason == "READ_ONLY"
    assert refusal(lambda: admin.groups.CloseAllGroups(group_pb2.CloseAllGroupsRequest())).reason == "READ_ONLY"


@pytest.mark.rule("CFG-6", "SIG-6")
def test_of_a_reverse_only_its_end_is_left_while_read_only(serve: Serve) -> None:
    served = serve({"accounts": {"perp": PERP}, "routes": {"*": "perp"}})
    admin = served.client("admin")
    opened = admin.send(alert("BTCUSDT.P")).group_id
    until(lambda: all(group.legs_filled for group in live(admin)))
    turn_read_only(served, admin)
    turn = {"market_position": "short", "prev_market_position": "long", "action": "sell"}
    assert admin.send(alert("ETHUSDT.P", **turn)).outcome == types_pb2.OUTCOME_IGNORED
    assert admin.send(alert("BTCUSDT.P", **turn), validate_only=True).outcome == types_pb2.OUTCOME_EXITED
    closed = admin.send(alert("BTCUSDT.P", **turn))
    assert (closed.outcome, closed.group_id) == (types_pb2.OUTCOME_EXITED, opened)
    until(lambda: live(admin) == [])
    served.write_config({"engine": {"mode": "normal"}})
    until(lambda: not is_read_only(admin))
    assert live(admin) == []


@pytest.mark.rule("REC-4", "CFG-6")
def test_the_status_says_since_when_it_is_read_only(serve: Serve) -> None:
    served = serve({})
    admin = served.client("admin")
    before = time.time()
    turn_read_only(served, admin)
    (found,) = admin.engine.GetStatus(engine_pb2.GetStatusRequest()).status.degraded
    assert found.code == "READ_ONLY"
    assert before - 1 <= found.since_time.ToSeconds() <= time.time() + 1
