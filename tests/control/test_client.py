"""Finding the daemon, calling it, and telling its errors apart, with both faces of the client."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import grpc
import pytest

from control.client import (
    AioClient,
    Client,
    ClientError,
    ConfigFault,
    Invalid,
    NotBuilt,
    NotFound,
    NotPermitted,
    Refused,
    TargetFlags,
    Unavailable,
    Unknown,
    find_target,
    read_config,
)
from control.target import FORWARDER, normal_address
from protos.terrace.v1 import engine_pb2, group_pb2, risk_pb2
from tests.control.conftest import Home
from tests.control.fake_daemon import FakeDaemon, Refusal, a_group
from tests.processes.proxy import Link, Proxy

Code = grpc.StatusCode
Ask = Callable[..., group_pb2.CloseGroupResponse]


@pytest.fixture(params=["blocking", "asyncio"])
def close(request: pytest.FixtureRequest, daemon: FakeDaemon, home: Home) -> Ask:
    """Asks to close a group, with one face or the other."""

    def ask(timeout_s: float | None = None) -> group_pb2.CloseGroupResponse:
        target = find_target(TargetFlags(config=str(home.config)), environ={})
        wanted = group_pb2.CloseGroupRequest(group_id="g1")

        async def asynchronously() -> group_pb2.CloseGroupResponse:
            async with AioClient(target) as client:
                return await client.call(wanted, group_pb2.CloseGroupResponse, timeout_s=timeout_s)

        if request.param == "asyncio":
            return asyncio.run(asynchronously())
        with Client(target) as client:
            return client.call(wanted, group_pb2.CloseGroupResponse, timeout_s=timeout_s)

    return ask


def test_a_daemon_that_takes_a_while_to_shake_hands_is_reached_all_the_same(
    daemon: FakeDaemon, home: Home, close: Ask
) -> None:
    with Proxy(daemon.port) as slow:
        slow.set(Link.SLOW)
        home.write(f"config_version: 1\napi: {{address: '127.0.0.1:{slow.port}'}}\n")
        with pytest.raises(NotFound, match="g1"):
            close(10)
    assert slow.connections == 1


def test_an_answer_that_cannot_be_read_is_said_to_be_so(daemon: FakeDaemon, home: Home) -> None:
    def spoil(_text: bytes) -> None:
        raise ValueError("no such thing")

    target = find_target(TargetFlags(config=str(home.config)), environ={})

    async def ask() -> None:
        async with AioClient(target) as client:
            unreadable = cast(type[group_pb2.CloseGroupResponse], SimpleNamespace(FromString=spoil))
            await client.call(group_pb2.CloseGroupRequest(group_id="g1"), unreadable)

    daemon.groups = [a_group()]
    with pytest.raises(ClientError, match="cannot be read"):
        asyncio.run(ask())


def test_both_faces_answer(daemon: FakeDaemon, close: Ask) -> None:
    daemon.groups = [a_group()]
    assert close().group.group_id == "g1"


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (Code.NOT_FOUND, "NOT_FOUND", NotFound),
        (Code.PERMISSION_DENIED, "PERMISSION_DENIED", NotPermitted),
        (Code.FAILED_PRECONDITION, "GROUP_CLOSING", Refused),
        (Code.RESOURCE_EXHAUSTED, "OVERLOADED", Refused),
        (Code.UNAVAILABLE, "STOPPING", Unavailable),
        (Code.DEADLINE_EXCEEDED, "OUTCOME_UNKNOWN", Unknown),
        (Code.INTERNAL, "INTERNAL", ClientError),
        (Code.INTERNAL, "", Unknown),
        (Code.UNKNOWN, "", Unknown),
        (Code.UNAVAILABLE, "", Unknown),
        (Code.UNIMPLEMENTED, "NOT_BUILT", NotBuilt),
    ],
)
def test_errors_are_told_apart(
    daemon: FakeDaemon, close: Ask, code: Code, reason: str, kind: type[ClientError]
) -> None:
    daemon.refusals["CloseGroup"] = Refusal(code, "words", reason)
    with pytest.raises(kind) as told:
        close()
    assert told.value.reason == reason
    assert told.value.code == code.name
    assert "words" in told.value.message


def test_faulty_fields_are_listed(daemon: FakeDaemon, close: Ask) -> None:
    fields = (("group_id", "is missing"), ("", "and more"))
    daemon.refusals["CloseGroup"] = Refusal(Code.INVALID_ARGUMENT, "faulty", "INVALID_ARGUMENT", fields)
    with pytest.raises(Invalid) as told:
        close()
    assert [(fault.path, fault.message) for fault in told.value.violations] == list(fields)


def test_a_lost_answer_to_a_change_is_unknown_and_a_daemon_never_reached_is_not(daemon: FakeDaemon, close: Ask) -> None:
    daemon.delay_s = 5
    with pytest.raises(Unknown):
        close(timeout_s=0.2)
    daemon.stop()
    with pytest.raises((Unavailable, Unknown)):
        close()  # The connection may still look alive, and then nobody knows whether the request got through.
    with pytest.raises(Unavailable):
        close()
    daemon.start()


def test_where_the_daemon_says_why_it_is_not_said_that_it_may_not_run(daemon: FakeDaemon, close: Ask) -> None:
    daemon.refusals["CloseGroup"] = Refusal(Code.UNAVAILABLE, "account a: no key", "ACCOUNT_NOT_READY")
    with pytest.raises(Unavailable) as failed:
        close()
    assert (failed.value.message, failed.value.remedy) == ("account a: no key", "")


def test_a_daemon_that_dies_in_the_middle_of_a_change_leaves_it_unknown(daemon: FakeDaemon, close: Ask) -> None:
    daemon.delay_s = 5
    killer = threading.Timer(0.5, daemon.stop)
    killer.start()
    with pytest.raises(Unknown):
        close()
    killer.join()
    daemon.start()


def test_a_service_that_is_not_served_is_not_built(daemon: FakeDaemon, home: Home) -> None:
    target = find_target(TargetFlags(config=str(home.config)), environ={})
    with Client(target) as client, pytest.raises(NotBuilt):
        client.call(risk_pb2.GetRiskStateRequest(), risk_pb2.GetRiskStateResponse)


def test_health_is_asked_without_generated_code(daemon: FakeDaemon, home: Home) -> None:
    with Client(find_target(TargetFlags(config=str(home.config)), environ={})) as client:
        assert client.is_serving()


def test_a_new_token_needs_no_new_client(daemon: FakeDaemon, home: Home) -> None:
    right = (home.data / "secrets" / "admin.token").read_text().strip()
    home.write_secret("admin.token", "old")
    with Client(find_target(TargetFlags(config=str(home.config)), environ={})) as client:
        with pytest.raises(NotPermitted):
            client.call(engine_pb2.GetStatusRequest(), engine_pb2.GetStatusResponse)
        home.write_secret("admin.token", right)
        assert client.call(engine_pb2.GetStatusRequest(), engine_pb2.GetStatusResponse).status.max_open_groups == 10


# --- where the daemon is


def test_address_and_token_come_from_the_config_and_its_data_directory(home: Home) -> None:
    home.write("api: {address: '127.0.0.1:7777'}\ndata_dir: ./data\n")
    target = find_target(TargetFlags(config=str(home.config)), environ={})
    assert target.address == "127.0.0.1:7777"
    assert target.token.path == home.data / "secrets" / "admin.token"
    ingest = find_target(TargetFlags(config=str(home.config)), role=FORWARDER, environ={})
    assert ingest.token.path == home.data / "secrets" / "forwarder.token"


def test_who_is_in_another_folder_is_told_that_there_is_no_config(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.write("config_version: 1\n")
    (elsewhere := tmp_path / "empty").mkdir()
    monkeypatch.chdir(elsewhere)
    guessed = find_target(environ={}).token
    assert (guessed.read(), "no config.yaml here" in guessed.fault) == ("", True)
    (home.data / "secrets" / "admin.token").unlink()
    for flags, environ in (
        (TargetFlags(config=str(home.config)), {}),
        (TargetFlags(token_file="missing"), {}),
        (TargetFlags(), {"TERRACE_DATA_DIR": str(home.data)}),
    ):
        named = find_target(flags, environ=environ).token
        assert (named.read(), named.fault) == ("", f"{named.path}: No such file or directory")


def test_environment_overrides_the_file_and_flags_override_both(home: Home, tmp_path: Path) -> None:
    home.write("api: {address: '127.0.0.1:7777'}\n")
    environ = {"TERRACE_CONFIG": str(home.config), "TERRACE_API__ADDRESS": "127.0.0.1:8888"}
    environ["TERRACE_DATA_DIR"] = str(tmp_path / "elsewhere")
    target = find_target(environ=environ)
    assert target.address == "127.0.0.1:8888"
    assert target.token.path == tmp_path / "elsewhere" / "secrets" / "admin.token"
    flags = TargetFlags(address="127.0.0.1:9999", token_file="/t", timeout_s=3)
    flagged = find_target(flags, environ={"TERRACE_CONFIG": "/no/such/file"})  # Not even looked at.
    assert (flagged.address, flagged.token.path, flagged.timeout_s) == ("127.0.0.1:9999", Path("/t"), 3)


def test_the_socket_helps_where_the_port_is_left_to_chance(home: Home) -> None:
    home.write("api: {address: '127.0.0.1:0'}\n")
    flags = TargetFlags(config=str(home.config))
    assert find_target(flags, environ={}).address == "127.0.0.1:0"
    (home.data / "terrace.sock").touch()
    assert find_target(flags, environ={}).address == f"unix:{home.data}/terrace.sock"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("0.0.0.0:7461", "127.0.0.1:7461"),
        ("[::]:7461", "[::1]:7461"),
        ("localhost:7461", "localhost:7461"),
        ("unix:/run/t.sock", "unix:/run/t.sock"),
        ("http://10.0.0.1:7461", "10.0.0.1:7461"),
    ],
)
def test_an_address_to_listen_on_becomes_one_to_connect_to(given: str, found: str) -> None:
    assert normal_address(given) == found


# --- the config reader


def test_a_config_is_read_with_the_environment_over_it(home: Home) -> None:
    home.write("sources:\n  Desk: {max_age_s: 5, allow_addresses: [1.2.3.4]}\non: off\n")
    environ = {"TERRACE_SOURCES__DESK__MAX_AGE_S": "7", "TERRACE_FORWARDER__TRUSTED_PROXIES": "[10.0.0.0/8]"}
    config = read_config(home.config, environ)
    assert config.whole("sources.Desk.max_age_s", 0) == 7
    assert config.texts("forwarder.trusted_proxies") == ("10.0.0.0/8",)
    assert config.text("on") == "off"
    assert config.text("forwarder.address", "default") == "default"


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: [b", "not valid YAML line"), ("- a", "not a map"), ("a: *b", "not valid YAML"), ("a: \x01", "YAML")],
)
def test_a_config_that_is_none_is_told_in_one_line(home: Home, text: str, words: str) -> None:
    home.write(text)
    with pytest.raises(ConfigFault, match=words):
        read_config(home.config, {})


def test_a_config_that_is_missing_is_told(home: Home) -> None:
    with pytest.raises(ConfigFault, match="No such file"):
        read_config(home.folder / "nope.yaml", {})
