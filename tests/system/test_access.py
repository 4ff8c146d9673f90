"""SEC-1 on a running daemon: every method, every role, over TCP, the socket and TLS, by token and by certificate.

The table is the one that docs/access.md shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2

from control.client import Client, NotPermitted, TargetFlags, Unavailable, find_target
from daemon.api import roles
from daemon.tokens import Token, TokenRole, token_hash, write_tokens
from protos.terrace.v1 import engine_pb2, group_pb2
from tests.daemon.api.calls import read_error
from tests.daemon.api.certificates import HERE, Made, authority, make
from tests.daemon.api.test_roles import services
from tests.system.stack import Stack

QUIET_STREAM_S = 0.4
"""A stream that was let in and has nothing to say is known by its silence."""
CALL_S = 60.0
METHODS = [(service, method) for service in services() for method in service.methods]


def write_callers(stack: Stack) -> None:
    """A token and a certificate's name for each role."""
    entries = [
        entry
        for role in TokenRole
        for entry in (
            Token(name=role.value, role=role, sha256=token_hash(f"token-of-{role.value}")),
            Token(name=f"{role.value}-by-certificate", role=role, certificate=f"name:{role.value}.example"),
        )
    ]
    write_tokens(stack.data_dir / "secrets" / "tokens.yaml", entries)


@contextmanager
def running(folder: Path, config: dict[str, Any] | None = None) -> Iterator[Stack]:
    folder.mkdir()
    stack = Stack(folder, config)
    write_callers(stack)
    token = stack.data_dir / "secrets" / "admin.token"
    token.touch(mode=0o600)
    token.write_text("token-of-admin")
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def outcome(channel: grpc.Channel, service: Any, method: Any, token: str | None, *, may: bool) -> str:
    """What a call with an empty request comes to: a reason, or `ANSWERED`."""
    request_type: Any = GetMessageClass(method.input_type)
    kind: Any = channel.unary_stream if method.server_streaming else channel.unary_unary
    call = kind(
        f"/{service.full_name}/{method.name}",
        request_serializer=request_type.SerializeToString,
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    metadata = () if token is None else (("authorization", f"Bearer {token}"),)
    limit_s = QUIET_STREAM_S if method.server_streaming and may else CALL_S
    try:
        answer = call(request_type(), timeout=limit_s, metadata=metadata)
        if method.server_streaming:
            next(iter(answer), None)
            answer.cancel()
    except grpc.RpcError as error:
        if method.server_streaming and may and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return "ANSWERED"
        return read_error(error).reason
    return "ANSWERED"


def check_all(channel: grpc.Channel, role: TokenRole | None, token: str | None) -> None:
    for service, method in METHODS:
        path = f"/{service.full_name}/{method.name}"
        may = role is not None and roles.may(role, path)
        found = outcome(channel, service, method, token, may=may)
        if may:
            assert found not in ("UNAUTHENTICATED", "PERMISSION_DENIED", "LOGIN_THROTTLED", "INTERNAL"), (path, role)
        else:
            assert found == ("UNAUTHENTICATED" if role is None else "PERMISSION_DENIED"), (path, role, found)
    listing: Any = channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    metadata = () if token is None else (("authorization", f"Bearer {token}"),)
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    try:
        reflected = "ANSWERED" if list(listing(asked, metadata=metadata, timeout=CALL_S)) else ""
    except grpc.RpcError as error:
        reflected = read_error(error).reason
    sees = role in (TokenRole.VIEWER, TokenRole.OPERATOR, TokenRole.ADMIN)
    refused = "UNAUTHENTICATED" if role is None else "PERMISSION_DENIED"
    assert reflected == ("ANSWERED" if sees else refused)


def each_by_token(target: str, credentials: grpc.ChannelCredentials | None = None) -> None:
    for role in (None, *TokenRole):
        channel = grpc.insecure_channel(target) if credentials is None else grpc.secure_channel(target, credentials)
        with channel:
            check_all(channel, role, None if role is None else f"token-of-{role.value}")


@pytest.mark.rule("SEC-1", "SEC-2")
def test_every_method_and_every_role_over_tcp_and_the_unix_socket(tmp_path: Path) -> None:
    with running(tmp_path / "plain") as stack:
        each_by_token(f"127.0.0.1:{stack.ports[0]}")
        each_by_token(f"unix:{stack.data_dir / 'terrace.sock'}")
        assert "Traceback" not in stack.log("daemon")


@pytest.mark.rule("SEC-1", "SEC-2")
def test_every_method_and_every_role_over_tls_by_token_and_by_certificate(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tmp_path = tmp_path_factory.mktemp("tls")  # A short name: the path of a unix socket has a limit.
    ca, files = authority(), tmp_path / "tls"
    server, key = make("terrace", by=ca, names=(HERE,)).write(files, "server")
    authority_file, _ = ca.write(files, "ca")
    tls = {"certificate": str(server), "key": str(key), "client_ca": str(authority_file)}
    with running(tmp_path / "tls_daemon", {"api": {"tls": tls}}) as stack:
        target = f"127.0.0.1:{stack.ports[0]}"
        each_by_token(target, _shown(ca, make("nobody.example", by=ca)))
        for role in TokenRole:
            made = make(f"{role.value}.example", by=ca)
            with grpc.secure_channel(target, _shown(ca, made), _OWN_CONNECTION) as channel:
                check_all(channel, role, None)
        assert "Traceback" not in stack.log("daemon")
        _clients(stack, ca, files)


_OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1),)


def _shown(ca: Made, made: Made) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(ca.pem, made.key, made.pem)


def _clients(stack: Stack, ca: Made, files: Path) -> None:
    """The CLI's own client, and the CLI, with their options."""
    address = f"127.0.0.1:{stack.ports[0]}"
    viewer, viewer_key = make("viewer.example", by=ca).write(files, "viewer")
    ca_file = str(files / "ca.pem")
    named = TargetFlags(address=address, tls_ca=ca_file, tls_cert=str(viewer), tls_key=str(viewer_key))
    with Client(find_target(named, environ={})) as client:
        client.call(group_pb2.ListGroupsRequest(), group_pb2.ListGroupsResponse)
        with pytest.raises(NotPermitted, match="viewer"):
            client.call(engine_pb2.PauseEngineRequest(), engine_pb2.PauseEngineResponse)
    without = TargetFlags(address=address, tls_ca=ca_file, token_file=str(stack.data_dir / "secrets" / "admin.token"))
    with Client(find_target(without, environ={})) as client, pytest.raises(Unavailable):
        client.call(group_pb2.ListGroupsRequest(), group_pb2.ListGroupsResponse, timeout_s=3)
    options = ["--address", address, "--tls-ca", ca_file, "--tls-cert", str(viewer), "--tls-key", str(viewer_key)]
    assert stack.terrace(*options, "group", "list", "-o", "json")
    assert stack.terrace(*options, "engine", "pause", "--yes", code=None) == ""
    assert stack.terrace("status")  # On the machine itself the unix socket is found, and needs no certificate.
