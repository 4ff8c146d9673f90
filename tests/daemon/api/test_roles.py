"""SEC-1: who may call what."""

from __future__ import annotations

import time
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from daemon.api import roles
from daemon.api.server import PACKAGE, SERVICES
from daemon.tokens import Token, TokenRole, load_tokens, token_hash, write_tokens
from protos.terrace.v1 import (
    account_pb2,
    config_pb2,
    engine_pb2,
    group_pb2,
    maintenance_pb2,
    queue_pb2,
    record_pb2,
    report_pb2,
    risk_pb2,
    secret_pb2,
    signal_pb2,
)
from tests.daemon.api.calls import Client, alert, read_error, refusal
from tests.daemon.api.conftest import Served

FILES = (
    account_pb2,
    config_pb2,
    engine_pb2,
    group_pb2,
    maintenance_pb2,
    queue_pb2,
    record_pb2,
    report_pb2,
    risk_pb2,
    secret_pb2,
    signal_pb2,
)


def services() -> list[ServiceDescriptor]:
    return [service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()]


def methods() -> list[str]:
    return [f"/{service.full_name}/{method.name}" for service in services() for method in service.methods]


@pytest.mark.rule("SEC-1")
def test_every_method_of_the_contract_has_a_role_and_the_table_names_no_other() -> None:
    own = {method for method in roles.ROLE_OF if method.startswith(f"/{PACKAGE}.")}
    assert own == set(methods())


def test_every_proto_file_with_a_service_is_looked_at() -> None:
    assert {service.full_name for service in services()} == {f"{PACKAGE}.{name}" for name in SERVICES}


@pytest.mark.rule("SEC-1")
def test_a_method_that_is_not_in_the_table_is_denied_to_everybody() -> None:
    assert not any(roles.may(role, "/terrace.v1.GroupService/DoAnything") for role in TokenRole)


@pytest.mark.rule("SEC-1")
def test_the_forwarder_may_only_send_alerts_and_a_viewer_may_not() -> None:
    allowed = {method for method in methods() if roles.may(TokenRole.INGEST, method)}
    assert allowed == {"/terrace.v1.SignalService/SubmitSignal"}
    assert not roles.may(TokenRole.VIEWER, "/terrace.v1.SignalService/SubmitSignal")


@pytest.mark.rule("SEC-1")
def test_an_operator_may_what_a_viewer_may_and_an_admin_may_everything() -> None:
    viewer, operator, admin = (
        {method for method in methods() if roles.may(role, method)}
        for role in (TokenRole.VIEWER, TokenRole.OPERATOR, TokenRole.ADMIN)
    )
    assert viewer < operator < admin == set(methods())
    assert not viewer & roles.CHANGES
    assert not any("SecretService" in method for method in operator)


def _call(client: Client, method: str) -> Any:
    """Calls a method with an empty request, whatever it is."""
    service, name = next(
        (service, each)
        for service in services()
        for each in service.methods
        if f"/{service.full_name}/{each.name}" == method
    )
    request_type: Any = GetMessageClass(name.input_type)
    response_type: Any = GetMessageClass(name.output_type)
    kind: Any = client.channel.unary_stream if name.server_streaming else client.channel.unary_unary
    call = kind(
        f"/{service.full_name}/{name.name}",
        request_serializer=request_type.SerializeToString,
        response_deserializer=response_type.FromString,
    )
    answer = call(request_type(), timeout=20)
    return next(iter(answer)) if name.server_streaming else answer


@pytest.mark.rule("SEC-1")
@pytest.mark.parametrize("role", [None, "ingest", "viewer", "operator", "admin"])
def test_every_method_is_refused_or_not_as_the_table_says_and_every_error_has_a_reason(
    served: Served, role: str | None
) -> None:
    client = served.client(role)
    for method in methods():
        reason = ""
        try:
            _call(client, method)
        except grpc.RpcError as error:
            reason = read_error(error).reason
        if role is None:
            assert reason == "UNAUTHENTICATED", method
        elif roles.may(TokenRole(role), method):
            assert reason not in ("UNAUTHENTICATED", "PERMISSION_DENIED", "INTERNAL"), (method, reason)
        else:
            assert reason == "PERMISSION_DENIED", method


@pytest.mark.rule("SEC-1")
@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Bearer "),),
        (("authorization", "Bearer wrong"),),
        (("authorization", "Basic token-of-admin"),),
        (("authorization", "token-of-admin"),),
    ],
)
def test_a_call_without_a_valid_bearer_token_is_not_answered(served: Served, metadata: tuple[Any, ...]) -> None:
    client = served.client(None)
    refused = refusal(lambda: client.groups.ListGroups(group_pb2.ListGroupsRequest(), metadata=metadata))
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


def test_a_method_that_does_not_exist_is_told_so_with_a_reason(admin: Client) -> None:
    call: Any = admin.channel.unary_unary("/terrace.v1.GroupService/Explode")
    refused = refusal(lambda: call(b"", timeout=10))
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNIMPLEMENTED, "UNKNOWN_METHOD")


def test_health_is_open_to_everybody_and_says_serving_for_each_service(served: Served) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{served.daemon.port}") as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", *(f"{PACKAGE}.{service}" for service in SERVICES)):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.rule("SEC-1")
def test_reflection_needs_a_viewer_and_names_every_service(served: Served) -> None:
    def ask(role: str | None) -> set[str]:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(grpc.insecure_channel(f"127.0.0.1:{served.daemon.port}"))
        metadata = (("authorization", f"Bearer token-of-{role}"),) if role else ()
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        answers = list(stub.ServerReflectionInfo(asked, metadata=metadata, timeout=10))
        return {service.name for service in answers[0].list_services_response.service}

    assert ask("viewer") >= {f"{PACKAGE}.{service}" for service in SERVICES}
    assert refusal(lambda: ask(None)).reason == "UNAUTHENTICATED"
    assert refusal(lambda: ask("ingest")).reason == "PERMISSION_DENIED"


@pytest.mark.rule("SEC-1")
def test_a_token_that_is_taken_out_of_the_file_is_refused_soon_and_a_faulty_file_changes_nothing(
    served: Served,
) -> None:
    path = served.data_dir / "secrets" / "tokens.yaml"
    viewer = served.client("viewer")
    request = group_pb2.ListGroupsRequest()
    viewer.groups.ListGroups(request)
    path.write_text("tokens: [nonsense", encoding="utf-8")
    time.sleep(2.2)
    viewer.groups.ListGroups(request)
    write_tokens(path, [Token(name="new", role=TokenRole.ADMIN, expires=None, sha256=token_hash("token-of-admin"))])
    assert not hasattr(load_tokens(path), "faults")
    limit_s = time.monotonic() + 10
    while time.monotonic() < limit_s:
        try:
            viewer.groups.ListGroups(request)
        except grpc.RpcError:
            break
        time.sleep(0.1)
    assert refusal(lambda: viewer.groups.ListGroups(request)).reason == "UNAUTHENTICATED"


def test_a_refused_call_is_logged_without_its_token(served: Served) -> None:
    client = Client(grpc.insecure_channel(f"127.0.0.1:{served.daemon.port}"), "a-stolen-token-nobody-has")
    refusal(lambda: client.send(alert()))
    client.close()
    served.stop()
    log = (served.data_dir / "logs" / "terrace.jsonl").read_text(encoding="utf-8")
    assert "call_refused" in log
    assert "stolen" not in log
