"""What leaves the API as an error: one table from reasons to gRPC codes, one shape for all of them (AIP-193).

Every error carries a `google.rpc.ErrorInfo` with a stable reason; faulty fields come as `BadRequest`, things that are
not there as `ResourceInfo`. Clients of gRPC take 8 KiB of trailers by default, so what is long is cut here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from actors.rules.model import Reason, Refused
from daemon.api.kinds import Context

DOMAIN = "terrace"
DETAILS_KEY = "grpc-status-details-bin"
MAX_MESSAGE_BYTES = 1_800
"""As it travels: everything but plain ASCII is percent-encoded, three bytes for one."""
MAX_DETAILS_BYTES = 4_200
"""Both together stay below 8 KiB, with the details as base64."""

_Code = grpc.StatusCode


@unique
class ApiReason(StrEnum):
    """Reasons only the API gives; the engine's own are `Reason`."""

    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    LOGIN_THROTTLED = "LOGIN_THROTTLED"
    SENDER_REFUSED = "SENDER_REFUSED"
    """A program may not send for this source (SIG-5)."""
    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    UNKNOWN_SOURCE = "UNKNOWN_SOURCE"
    UNKNOWN_METHOD = "UNKNOWN_METHOD"
    RATE_LIMITED = "RATE_LIMITED"
    TOO_MANY_STREAMS = "TOO_MANY_STREAMS"
    ALREADY_CLOSED = "ALREADY_CLOSED"
    SOURCE_GONE = "SOURCE_GONE"
    NO_BODY = "NO_BODY"
    ALREADY_RESOLVED = "ALREADY_RESOLVED"
    NOT_RETRYABLE = "NOT_RETRYABLE"
    RETRY_RUNNING = "RETRY_RUNNING"
    PROFILE_RUNNING = "PROFILE_RUNNING"
    PART_DOWN = "PART_DOWN"
    ETAG_MISMATCH = "ETAG_MISMATCH"
    """The configuration was changed since the caller read it (CFG-7)."""
    INVALID_CONFIG = "INVALID_CONFIG"
    CONFIG_NOT_WRITABLE = "CONFIG_NOT_WRITABLE"
    BACKUP_FAILED = "BACKUP_FAILED"
    VAULT_LOCKED = "VAULT_LOCKED"
    VAULT_DAMAGED = "VAULT_DAMAGED"
    VAULT_FULL = "VAULT_FULL"
    VAULT_NOT_WRITTEN = "VAULT_NOT_WRITTEN"
    STANDBY = "STANDBY"
    """This daemon waits to take over; another leads."""
    INTERNAL = "INTERNAL"


AnyReason = Reason | ApiReason

CODE_OF: Mapping[AnyReason, grpc.StatusCode] = {
    ApiReason.UNAUTHENTICATED: _Code.UNAUTHENTICATED,
    ApiReason.PERMISSION_DENIED: _Code.PERMISSION_DENIED,
    ApiReason.LOGIN_THROTTLED: _Code.RESOURCE_EXHAUSTED,
    ApiReason.SENDER_REFUSED: _Code.PERMISSION_DENIED,
    ApiReason.INVALID_ARGUMENT: _Code.INVALID_ARGUMENT,
    ApiReason.BODY_TOO_LARGE: _Code.INVALID_ARGUMENT,
    ApiReason.UNKNOWN_SOURCE: _Code.INVALID_ARGUMENT,
    ApiReason.UNKNOWN_METHOD: _Code.UNIMPLEMENTED,
    ApiReason.RATE_LIMITED: _Code.RESOURCE_EXHAUSTED,
    ApiReason.TOO_MANY_STREAMS: _Code.RESOURCE_EXHAUSTED,
    ApiReason.ALREADY_CLOSED: _Code.FAILED_PRECONDITION,
    ApiReason.ALREADY_RESOLVED: _Code.FAILED_PRECONDITION,
    ApiReason.NOT_RETRYABLE: _Code.FAILED_PRECONDITION,
    ApiReason.RETRY_RUNNING: _Code.ABORTED,
    ApiReason.PROFILE_RUNNING: _Code.ABORTED,
    ApiReason.PART_DOWN: _Code.UNAVAILABLE,
    ApiReason.INVALID_CONFIG: _Code.INVALID_ARGUMENT,
    ApiReason.BACKUP_FAILED: _Code.FAILED_PRECONDITION,
    ApiReason.VAULT_FULL: _Code.RESOURCE_EXHAUSTED,
    ApiReason.VAULT_NOT_WRITTEN: _Code.UNAVAILABLE,
    ApiReason.STANDBY: _Code.UNAVAILABLE,
    ApiReason.INTERNAL: _Code.INTERNAL,
    Reason.INVALID_BODY: _Code.INVALID_ARGUMENT,
    Reason.BAD_PRICE: _Code.INVALID_ARGUMENT,
    Reason.BAD_QUANTITY: _Code.INVALID_ARGUMENT,
    Reason.NOT_BUILT: _Code.UNIMPLEMENTED,
    Reason.NOT_FOUND: _Code.NOT_FOUND,
    Reason.UNKNOWN_SYMBOL: _Code.NOT_FOUND,
    Reason.ORDER_NOT_FOUND: _Code.NOT_FOUND,
    Reason.STORE_FAILED: _Code.UNAVAILABLE,
    Reason.STORE_SLOW: _Code.UNAVAILABLE,
    Reason.STOPPING: _Code.UNAVAILABLE,
    Reason.ACCOUNT_NOT_READY: _Code.UNAVAILABLE,
    Reason.OVERLOADED: _Code.RESOURCE_EXHAUSTED,
    Reason.OUTCOME_UNKNOWN: _Code.DEADLINE_EXCEEDED,  # It may have happened: whoever repeats names the same request.
    Reason.POISONED: _Code.INTERNAL,
}
"""Reasons that are not refusals of the engine. Every other one is FAILED_PRECONDITION: the engine said no."""


def code_of(reason: AnyReason) -> grpc.StatusCode:
    return CODE_OF.get(reason, _Code.FAILED_PRECONDITION)


@dataclass(frozen=True, slots=True)
class FieldFault:
    """A faulty field of a request: its path and what is wrong with it."""

    path: str
    problem: str


class Failed(Exception):
    """Ends a call with an error. Raised anywhere under a servicer; the gate turns it into a status."""

    def __init__(
        self,
        reason: AnyReason,
        message: str,
        *,
        faults: Sequence[FieldFault] = (),
        resource: tuple[str, str] | None = None,
        retry_after_s: float | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """`resource`: type and name of what is not there. `metadata`: further facts for programs, never secrets."""
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.faults = tuple(faults)
        self.resource = resource
        self.retry_after_s = retry_after_s
        self.metadata = dict(metadata or {})


def refused(refusal: Refused) -> Failed:
    """A refusal of the engine as an error."""
    return Failed(refusal.reason, refusal.detail or refusal.reason.value)


def invalid(*faults: FieldFault) -> Failed:
    """A request whose fields are faulty."""
    return Failed(ApiReason.INVALID_ARGUMENT, _listed(faults), faults=faults)


def faulty_field(path: str, problem: str) -> Failed:
    return invalid(FieldFault(path, problem))


def not_found(kind: str, name: str) -> Failed:
    """`kind` is the word for a person: group, signal, account, ..."""
    return Failed(Reason.NOT_FOUND, f"there is no {kind} {_cut(name, 100)}", resource=(kind, name[:100]))


def not_built(what: str) -> Failed:
    return Failed(Reason.NOT_BUILT, f"{what} is not possible in this version")


async def not_built_stream(what: str) -> AsyncIterator[Any]:
    """A stream that only says so."""
    if what:
        raise not_built(what)
    yield None


def invalid_body(faults: Sequence[FieldFault], signal_id: str) -> Failed:
    """An alert's body that is none: one message that lists every faulty field (SIG-2)."""
    metadata = {"signal_id": signal_id} if signal_id else {}
    return Failed(Reason.INVALID_BODY, _listed(faults), faults=faults, metadata=metadata)


def to_status(failed: Failed) -> tuple[grpc.StatusCode, str, bytes]:
    """Code, message and serialised `google.rpc.Status` of an error."""
    code = code_of(failed.reason)
    message = _cut_to_travel(failed.message, MAX_MESSAGE_BYTES)
    status = status_pb2.Status(code=code.value[0], message=message)
    info = error_details_pb2.ErrorInfo(reason=failed.reason.value, domain=DOMAIN, metadata=failed.metadata)
    status.details.append(_packed(info))
    if failed.resource is not None:
        kind, name = failed.resource
        status.details.append(_packed(error_details_pb2.ResourceInfo(resource_type=kind, resource_name=name)))
    if failed.retry_after_s is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(failed.retry_after_s * 1000))
        status.details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    if failed.faults:
        status.details.append(_packed(_bad_request(failed.faults, MAX_DETAILS_BYTES - status.ByteSize())))
    return code, message, status.SerializeToString()


async def abort(context: Context, failed: Failed) -> NoReturn:
    """Ends the call with this error."""
    code, message, details = to_status(failed)
    await context.abort(code, message, trailing_metadata=((DETAILS_KEY, details),))
    raise AssertionError("abort returned")


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _bad_request(faults: Sequence[FieldFault], room: int) -> error_details_pb2.BadRequest:
    """As many violations as fit; a last one says how many do not."""
    bad, left = error_details_pb2.BadRequest(), room - 100
    for index, fault in enumerate(faults):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=_cut(fault.path, 200), description=_cut(fault.problem, 400)
        )
        left -= violation.ByteSize() + 4
        if left < 0:
            rest = f"and {len(faults) - index} more faulty fields"
            bad.field_violations.append(error_details_pb2.BadRequest.FieldViolation(field="", description=rest))
            break
        bad.field_violations.append(violation)
    return bad


def _listed(faults: Sequence[FieldFault]) -> str:
    """`tv.symbol: is missing; tv.action: ...`; without the words where they would not fit, so that every path does."""
    text = "; ".join(f"{fault.path or 'body'}: {fault.problem}" for fault in faults)
    if _travelling_bytes(text) <= MAX_MESSAGE_BYTES:
        return text
    return f"{len(faults)} faulty fields: {', '.join(fault.path or 'body' for fault in faults)}"


def _travelling_bytes(text: str) -> int:
    """Length of a message in the trailers: printable ASCII but `%` as it is, every other byte as `%XX`."""
    data = text.encode("utf-8", "replace")
    return sum(1 if 32 <= byte < 127 and byte != 37 else 3 for byte in data)


def _cut_to_travel(text: str, limit: int) -> str:
    if _travelling_bytes(text) <= limit:
        return text.encode("utf-8", "replace").decode()
    left, kept = limit - 3, []
    for char in text:
        left -= _travelling_bytes(char)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept).encode("utf-8", "replace").decode() + "..."


def _cut(text: str, limit: int) -> str:
    data = text.encode("utf-8", "replace")
    return data.decode() if len(data) <= limit else data[: limit - 3].decode("utf-8", "ignore") + "..."


__all__ = [
    "CODE_OF",
    "ApiReason",
    "Failed",
    "FieldFault",
    "abort",
    "code_of",
    "faulty_field",
    "invalid",
    "invalid_body",
    "not_built",
    "not_built_stream",
    "not_found",
    "refused",
    "to_status",
]
