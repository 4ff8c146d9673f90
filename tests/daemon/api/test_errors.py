"""The one error table, and what of an error reaches a client."""

from __future__ import annotations

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.model import Reason, Refused
from daemon.api import errors
from daemon.api.errors import ApiReason, Failed, FieldFault

CLIENT_LIMIT_BYTES = 8 * 1024
"""Trailers a gRPC client takes unless it is told otherwise."""


@pytest.mark.parametrize("reason", [*Reason, *ApiReason])
def test_every_reason_has_a_code_and_none_is_ok(reason: Reason | ApiReason) -> None:
    code = errors.code_of(reason)
    assert isinstance(code, grpc.StatusCode)
    assert code not in (grpc.StatusCode.OK, grpc.StatusCode.UNKNOWN)


def test_a_refusal_of_the_engine_is_a_failed_precondition_and_keeps_its_reason() -> None:
    failed = errors.refused(Refused(reason=Reason.POOL_FULL, detail="all 10 slots are taken"))
    code, message, _ = errors.to_status(failed)
    assert (code, message, failed.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "all 10 slots are taken",
        Reason.POOL_FULL,
    )


def test_silence_of_the_engine_can_be_told_from_a_refusal() -> None:
    assert errors.code_of(Reason.OUTCOME_UNKNOWN) is grpc.StatusCode.DEADLINE_EXCEEDED
    assert errors.code_of(Reason.STORE_FAILED) is grpc.StatusCode.UNAVAILABLE
    assert errors.code_of(Reason.OVERLOADED) is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert errors.code_of(Reason.STOPPING) is grpc.StatusCode.UNAVAILABLE


texts = st.text(max_size=300)


@given(st.lists(st.builds(FieldFault, texts, texts), min_size=1, max_size=120))
def test_however_many_faults_there_are_the_error_fits_a_client_s_trailers(faults: list[FieldFault]) -> None:
    _, message, data = errors.to_status(errors.invalid_body(faults, "x" * 20))
    encoded_message = sum(1 if 32 <= byte < 127 and byte != 37 else 3 for byte in message.encode())
    assert encoded_message + len(data) * 4 // 3 < CLIENT_LIMIT_BYTES - 256
    status = status_pb2.Status.FromString(data)
    bad = next(
        error_details_pb2.BadRequest.FromString(detail.value)
        for detail in status.details
        if detail.Is(error_details_pb2.BadRequest.DESCRIPTOR)
    )
    shown = len(bad.field_violations)
    assert shown == len(faults) or "more faulty fields" in bad.field_violations[-1].description


def test_where_the_words_do_not_fit_every_path_still_does() -> None:
    faults = [FieldFault(f"tv.field_{number}", "x" * 100) for number in range(50)]
    message = errors.invalid_body(faults, "").message
    assert all(f"tv.field_{number}" in message for number in range(50))


def test_something_that_is_not_there_is_named() -> None:
    code, _, data = errors.to_status(errors.not_found("group", "abc"))
    assert code is grpc.StatusCode.NOT_FOUND
    info = error_details_pb2.ResourceInfo()
    details = status_pb2.Status.FromString(data).details
    assert any(detail.Unpack(info) for detail in details)
    assert (info.resource_type, info.resource_name) == ("group", "abc")


def test_a_failure_can_say_when_to_come_again() -> None:
    _, _, data = errors.to_status(Failed(Reason.OVERLOADED, "full", retry_after_s=1.5))
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in status_pb2.Status.FromString(data).details)
    assert retry.retry_delay.ToMilliseconds() == 1500
