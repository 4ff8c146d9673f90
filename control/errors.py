"""What a call to the daemon can end in besides its answer, one class per way of dealing with it.

`decode` reads them from a gRPC status: the code, and the `google.rpc.Status` details beside it (`ErrorInfo.reason`,
the field violations of `BadRequest`). Programs tell errors apart by class and `reason`, never by text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from control.exits import ExitCode
from control.tls_faults import tls_fault

DETAILS_KEY = "grpc-status-details-bin"
UNKNOWN_REASONS = frozenset({"OUTCOME_UNKNOWN", "UNKNOWN_OUTCOME"})
_NEVER_SENT = (
    "failed to connect to all addresses",
    "connections to all backends failing",
    "dns resolution failed",
    "name resolution fail",
)
"""How gRPC begins its words for "no connection was made": the request cannot have had an effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One faulty field of a request. `path` is empty where the whole is meant."""

    path: str
    reason: str
    message: str


class ClientError(Exception):
    """A call that brought no answer.

    `reason` is the daemon's stable UPPER_SNAKE_CASE code (empty where it gave none), `code` the name of the gRPC code
    (empty where the call never left this process), `remedy` what the user can do, if that is plain.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        code: str = "",
        violations: tuple[Violation, ...] = (),
        remedy: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.code = code
        self.violations = violations
        self.remedy = remedy


class Failed(ClientError):
    """The daemon could not do it, and nothing below says more."""


class NotBuilt(ClientError):
    """The daemon does not offer this yet."""


class Invalid(ClientError):
    """The request itself is faulty; `violations` says where."""

    exit_code = ExitCode.USAGE


class NotFound(ClientError):
    """What was named does not exist."""

    exit_code = ExitCode.NOT_FOUND


class NotPermitted(ClientError):
    """The token is missing, unknown, expired, or its role may not do this."""

    exit_code = ExitCode.NOT_PERMITTED


class Unavailable(ClientError):
    """The daemon cannot be reached or is not ready. Nothing was done."""

    exit_code = ExitCode.UNAVAILABLE


class Refused(ClientError):
    """The engine understood and said no; `reason` says why."""

    exit_code = ExitCode.REFUSED


class Unknown(ClientError):
    """A change was sent and no answer came: it may or may not have been done."""

    exit_code = ExitCode.UNKNOWN


class RpcFailure(Protocol):
    """What the sync and the asyncio face of gRPC have in common in their errors."""

    def code(self) -> Any: ...

    def details(self) -> str | None: ...

    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...


_BY_CODE: dict[str, type[ClientError]] = {
    "INVALID_ARGUMENT": Invalid,
    "OUT_OF_RANGE": Invalid,
    "NOT_FOUND": NotFound,
    "UNAUTHENTICATED": NotPermitted,
    "PERMISSION_DENIED": NotPermitted,
    "FAILED_PRECONDITION": Refused,
    "ALREADY_EXISTS": Refused,
    "ABORTED": Refused,
    "RESOURCE_EXHAUSTED": Refused,
    "UNIMPLEMENTED": NotBuilt,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": Unavailable,
}
_NO_GRPC = "Received http2 header with status"
"""What gRPC says of a web server that knows no gRPC."""
_UNSURE = frozenset({"UNKNOWN", "INTERNAL", "CANCELLED", "UNAVAILABLE", "DEADLINE_EXCEEDED", "DATA_LOSS"})
"""Codes that gRPC itself may give, at any moment of a call."""


def decode(failure: RpcFailure, *, is_change: bool) -> ClientError:
    """The typed error of a failed call. `is_change`: the call was to change something, so a lost answer matters."""
    code: str = failure.code().name
    reason, violations = _details(failure)
    kind = _BY_CODE.get(code, Failed)
    text = failure.details() or ""
    was_sent = not text.lower().startswith(_NEVER_SENT)
    if reason in UNKNOWN_REASONS or (is_change and not reason and code in _UNSURE and was_sent):
        kind = Unknown
    return kind(
        _message(kind, code, text), reason=reason, code=code, violations=violations, remedy=_remedy(kind, reason, text)
    )


def _message(kind: type[ClientError], code: str, text: str) -> str:
    if kind is Unavailable and code == "DEADLINE_EXCEEDED":
        return "the daemon did not answer in time"
    if kind is Unavailable and text.lower().startswith(_NEVER_SENT):
        fault = tls_fault(text)
        return fault.message if fault is not None else "the daemon cannot be reached"
    if kind is NotBuilt and text.startswith(_NO_GRPC):
        return "what answers there is no Terrace daemon"
    if kind is NotBuilt:
        return "the daemon does not offer this yet" + (f": {text}" if text else "")
    if kind is Unknown:
        return "no answer came, so it is not known whether this was done" + (f": {text}" if text else "")
    return text or f"the daemon answered {code}"


def _remedy(kind: type[ClientError], reason: str, text: str) -> str:
    if kind is NotBuilt and text.startswith(_NO_GRPC):
        return "Is the address right? `terrace context show` tells which one is meant."
    if kind is Unavailable and not reason:  # With a reason the daemon has spoken.
        fault = tls_fault(text) if text.lower().startswith(_NEVER_SENT) else None
        return fault.remedy if fault is not None else "Is it running? `terrace doctor` tells more."
    return ""


def _details(failure: RpcFailure) -> tuple[str, tuple[Violation, ...]]:
    """Reason and field violations of the status; empty where there are none or they cannot be read."""
    raw = next((value for key, value in failure.trailing_metadata() or () if key == DETAILS_KEY), None)
    if not isinstance(raw, bytes):
        return "", ()
    from google.protobuf.message import DecodeError
    from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

    reason, violations = "", []
    try:
        for detail in status_pb2.Status.FromString(raw).details:
            info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
            if detail.Unpack(info):
                reason = info.reason
            elif detail.Unpack(bad):
                violations += [
                    Violation(path=found.field, reason=found.reason, message=found.description)
                    for found in bad.field_violations
                ]
    except DecodeError:
        return "", ()
    return reason, tuple(violations)
