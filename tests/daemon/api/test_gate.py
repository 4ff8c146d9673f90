"""The gate of a running daemon: throttling, what is recorded of logins, streams of callers that are let in no more."""

from __future__ import annotations

import os
import socket
import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from daemon.api import auth
from daemon.app import StartRefused
from daemon.tokens import Token, TokenRole, load_tokens, token_hash, write_tokens
from protos.terrace.v1 import engine_pb2, group_pb2, record_pb2
from tests.daemon.api.calls import Client, refusal
from tests.daemon.api.conftest import Serve, Served

LIST = group_pb2.ListGroupsRequest()


def with_token(served: Served, token: str, target: str = "") -> Client:
    client = Client(grpc.insecure_channel(target or f"127.0.0.1:{served.daemon.port}"), token)
    served._clients.append(client)
    return client


def events(served: Served, type: str) -> list[Any]:
    """Events of one type, once there is one."""
    admin, limit_s = served.client("admin"), time.monotonic() + 10
    while True:
        found = [e for e in admin.records.ListEvents(record_pb2.ListEventsRequest()).events if e.type == type]
        if found or time.monotonic() > limit_s:
            return found
        time.sleep(0.05)


def until_refused(client: Client, limit_s: float = 10.0) -> str:
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        try:
            client.groups.ListGroups(LIST)
        except grpc.RpcError:
            return refusal(lambda: client.groups.ListGroups(LIST)).reason
        time.sleep(0.1)
    raise AssertionError("it is let in")


@pytest.mark.rule("SEC-1", "LOG-3", "LOG-4")
def test_after_some_wrong_tokens_the_address_is_told_to_wait_and_valid_tokens_of_this_machine_pass(
    served: Served,
) -> None:
    guesser, viewer = with_token(served, "guess-of-a-thief"), served.client("viewer")
    reasons = [refusal(lambda: guesser.groups.ListGroups(LIST)).reason for _ in range(14)]
    assert reasons[:10] == ["UNAUTHENTICATED"] * 10
    assert set(reasons[10:]) == {"LOGIN_THROTTLED"}
    told = refusal(lambda: guesser.groups.ListGroups(LIST))
    assert told.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert told.retry_after_s is not None
    assert 0 < told.retry_after_s <= 2
    viewer.groups.ListGroups(LIST)
    time.sleep(told.retry_after_s + 0.1)
    assert refusal(lambda: guesser.groups.ListGroups(LIST)).reason == "UNAUTHENTICATED"
    (burst,) = events(served, "API_LOGIN_REFUSED")
    assert "127.0.0.1" in burst.message
    assert served.daemon._server.gate.throttled_calls >= 5
    served.stop()
    for file in (path for path in served.data_dir.rglob("*") if path.is_file()):
        assert b"guess-of-a-thief" not in file.read_bytes(), file


@pytest.mark.rule("LOG-3")
def test_the_first_call_of_each_token_since_the_start_is_recorded_and_no_other(served: Served) -> None:
    for role in ("viewer", "operator", "viewer"):
        served.client(role).groups.ListGroups(LIST)
    events(served, "API_LOGIN")
    time.sleep(0.2)
    all_of_them = events(served, "API_LOGIN")
    found = {event.attributes["who"]: event for event in all_of_them}
    assert len(all_of_them) == len(found) == 3
    viewer = found["viewer"].attributes
    assert (viewer["role"], viewer["address"], viewer["by"]) == ("viewer", "127.0.0.1", "token")


@pytest.mark.rule("LOG-3")
def test_changes_of_the_token_file_are_recorded_with_names_and_roles(served: Served) -> None:
    path = served.data_dir / "secrets" / "tokens.yaml"
    table: Any = load_tokens(path)
    new = Token(name="grafana", role=TokenRole.VIEWER, sha256=token_hash("g"))
    write_tokens(path, [*(token for token in table.tokens if token.name != "operator"), new])
    time.sleep(2.1)
    (event,) = events(served, "API_TOKENS_CHANGED")
    assert event.attributes["changed"] == "grafana (viewer) is new, operator is gone"


@pytest.mark.rule("SEC-1")
def test_an_expired_token_is_told_so_and_a_rotated_one_works_until_its_time_is_over(served: Served) -> None:
    path = served.data_dir / "secrets" / "tokens.yaml"
    table: Any = load_tokens(path)
    now = datetime.now(UTC)
    late = Token(name="late", role=TokenRole.ADMIN, sha256=token_hash("late"), expires=now - timedelta(days=1))
    both = Token(
        name="both",
        role=TokenRole.VIEWER,
        sha256=token_hash("new"),
        previous_sha256=token_hash("old"),
        previous_until=now + timedelta(seconds=4),
    )
    write_tokens(path, [*table.tokens, late, both])
    time.sleep(2.1)
    expired = refusal(lambda: with_token(served, "late").groups.ListGroups(LIST))
    assert (expired.reason, "late expired" in expired.message) == ("UNAUTHENTICATED", True)
    old, new = with_token(served, "old"), with_token(served, "new")
    old.groups.ListGroups(LIST)
    new.groups.ListGroups(LIST)
    assert until_refused(old) == "UNAUTHENTICATED"
    new.groups.ListGroups(LIST)


@pytest.mark.rule("SEC-1")
def test_a_stream_ends_soon_after_its_token_is_revoked(served: Served) -> None:
    stream = served.client("viewer").engine.WatchEvents(engine_pb2.WatchEventsRequest())
    assert next(stream) is not None
    path = served.data_dir / "secrets" / "tokens.yaml"
    table: Any = load_tokens(path)
    write_tokens(path, [token for token in table.tokens if token.name != "viewer"])
    operator, limit_s = served.client("operator"), time.monotonic() + 15

    def listen() -> None:
        while time.monotonic() < limit_s:
            operator.engine.PauseEngine(engine_pb2.PauseEngineRequest())  # So that there is something to hear.
            operator.engine.ResumeEngine(engine_pb2.ResumeEngineRequest())
            time.sleep(0.1)
            next(stream)

    assert refusal(listen).reason == "UNAUTHENTICATED"


@pytest.mark.rule("SEC-1")
def test_a_call_that_is_refused_is_ended_before_its_request_has_come(served: Served) -> None:
    """Whoever opens calls and sends nothing must not make the daemon wait for him."""
    with grpc.insecure_channel(f"127.0.0.1:{served.daemon.port}") as channel:
        call: Any = channel.stream_unary("/terrace.v1.GroupService/ListGroups")

        def nothing() -> Any:
            time.sleep(5)
            yield b""

        began_s = time.monotonic()
        assert refusal(lambda: call(nothing(), timeout=10)).reason == "UNAUTHENTICATED"
        assert time.monotonic() - began_s < 3


@pytest.mark.rule("SEC-1")
def test_streams_without_a_token_are_so_many_and_no_more(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "MAX_OPEN_STREAMS", 3)
    served = serve()
    with grpc.insecure_channel(f"127.0.0.1:{served.daemon.port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        held = [stub.Watch(health_pb2.HealthCheckRequest()) for _ in range(3)]
        assert [next(stream).status for stream in held] == [health_pb2.HealthCheckResponse.SERVING] * 3
        told = refusal(lambda: next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=5)))
        assert told.reason == "TOO_MANY_STREAMS"
        assert stub.Check(health_pb2.HealthCheckRequest(), timeout=5).status
        held.pop().cancel()
        limit_s = time.monotonic() + 5
        while True:
            again = stub.Watch(health_pb2.HealthCheckRequest(), timeout=5)
            try:
                assert next(again).status
                break
            except grpc.RpcError:
                assert time.monotonic() < limit_s


def test_bytes_that_are_no_message_are_told_so_by_the_open_methods_too(served: Served) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{served.daemon.port}") as channel:
        check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        watch: Any = channel.unary_stream("/grpc.health.v1.Health/Watch")
        assert refusal(lambda: check(b"\xff\xff", timeout=5)).reason == "INVALID_ARGUMENT"
        assert refusal(lambda: next(watch(b"\xff\xff", timeout=5))).reason == "INVALID_ARGUMENT"


# --- the unix socket


@pytest.mark.rule("SEC-2")
def test_the_socket_is_open_to_its_owner_only_and_wants_a_token_too(served: Served) -> None:
    path = served.data_dir / "terrace.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_uid == os.geteuid()
    nobody, viewer = with_token(served, "", f"unix:{path}"), with_token(served, "token-of-viewer", f"unix:{path}")
    assert refusal(lambda: nobody.groups.ListGroups(LIST)).reason == "UNAUTHENTICATED"
    viewer.groups.ListGroups(LIST)
    assert refusal(lambda: viewer.engine.PauseEngine(engine_pb2.PauseEngineRequest())).reason == "PERMISSION_DENIED"


@pytest.mark.rule("SEC-2")
def test_the_daemon_does_not_put_its_socket_where_everybody_may_write(serve: Serve) -> None:
    made: list[Served] = []

    def open_to_all(served: Served) -> None:
        made.append(served)
        served.data_dir.chmod(0o777)

    with pytest.raises(AssertionError, match="chmod o-w"):
        serve(before=open_to_all)
    assert isinstance(made[0]._failure, StartRefused)
    assert not (made[0].data_dir / "terrace.sock").exists()
    made[0]._failure = None


@pytest.mark.rule("SEC-2")
def test_a_file_that_lies_where_the_socket_belongs_is_not_removed(serve: Serve) -> None:
    made: list[Served] = []

    def put_a_file(served: Served) -> None:
        made.append(served)
        (served.data_dir / "terrace.sock").write_text("mine")

    with pytest.raises(AssertionError):
        serve(before=put_a_file)
    assert (made[0].data_dir / "terrace.sock").read_text() == "mine"
    made[0]._failure = None


@pytest.mark.rule("SEC-2")
def test_a_socket_left_by_a_daemon_that_died_is_taken_over(serve: Serve) -> None:
    def leave_one(served: Served) -> None:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(served.data_dir / "terrace.sock"))

    served = serve(before=leave_one)
    path: Path = served.data_dir / "terrace.sock"
    with_token(served, "token-of-viewer", f"unix:{path}").groups.ListGroups(LIST)
