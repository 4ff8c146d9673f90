"""The one gRPC client of CLI, panel and forwarder, with a blocking and an asyncio face.

A call is its request: the method is found from the request's own type (`GetGroupRequest` is `GetGroup` of the service
in its file), so nothing but that one generated module is imported. Errors are those of `control.errors`.

    with Client(find_target()) as client:
        answer = client.call(GetGroupRequest(group_id="..."), GetGroupResponse)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from control import alert_message
from control.config_file import ConfigFault, ConfigFile, load_yaml, read_config
from control.errors import (
    ClientError,
    Failed,
    Invalid,
    NotBuilt,
    NotFound,
    NotPermitted,
    Refused,
    Unavailable,
    Unknown,
    Violation,
    decode,
)
from control.source_secret import SecretFault, read_source_secret
from control.target import ADMIN, FORWARDER, Target, TargetFlags, TokenFile, find_target

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = [
    "ADMIN",
    "FORWARDER",
    "AioClient",
    "Client",
    "ClientError",
    "ConfigFault",
    "ConfigFile",
    "Failed",
    "Invalid",
    "NotBuilt",
    "NotFound",
    "NotPermitted",
    "Refused",
    "SecretFault",
    "Target",
    "TargetFlags",
    "TokenFile",
    "Unavailable",
    "Unknown",
    "Violation",
    "alert_message",
    "find_target",
    "load_yaml",
    "read_config",
    "read_source_secret",
]

Answer = TypeVar("Answer", bound="Message")

MAX_ANSWER_BYTES = 128 * 1024 * 1024
RECONNECT_MIN_MS = 100
RECONNECT_MAX_MS = 1000
CONNECT_WITHIN_MS = 3000
"""One try to connect, handshakes included: over a long way, or where a machine is busy, they take their time."""
LOOK_AFTER_MS = 5000
"""While a call is under way and nothing comes, the other end is asked for a sign of life this often ..."""
SIGN_WITHIN_MS = 5000
"""... and without one within this the connection is given up: one that is half open would be waited on for ever."""
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_ANSWER_BYTES),
    ("grpc.enable_http_proxy", 0),  # The daemon is near; a proxy of the environment is for the internet.
    ("grpc.initial_reconnect_backoff_ms", RECONNECT_MIN_MS),
    ("grpc.min_reconnect_backoff_ms", CONNECT_WITHIN_MS),  # Its name misleads: it bounds one try.
    ("grpc.max_reconnect_backoff_ms", RECONNECT_MAX_MS),
    ("grpc.keepalive_time_ms", LOOK_AFTER_MS),
    ("grpc.keepalive_timeout_ms", SIGN_WITHIN_MS),
    ("grpc.http2.ping_timeout_ms", SIGN_WITHIN_MS),  # Of a ping gRPC sends for itself; none is sent beside that.
    ("grpc.http2.max_pings_without_data", 0),
)
_READS = ("Get", "List", "Check", "Preview", "Validate", "Diff", "Watch", "Tail", "Verify", "Export", "Dump", "Profile")
_HEALTH = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"
_UNREADABLE = "the daemon's answer cannot be read"
"""gRPC hands over nothing in its place."""
_IS_IT_A_DAEMON = "Is it a daemon, and of this version?"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Method:
    path: str
    changes: bool
    """False: the method only reads, so a lost answer leaves nothing open."""


_methods: dict[str, _Method] = {}


def _method_of(request_type: type[Message]) -> _Method:
    descriptor = request_type.DESCRIPTOR
    known = _methods.get(descriptor.full_name)
    if known is None:
        known = _methods[descriptor.full_name] = _find_method(descriptor)
    return known


def _find_method(descriptor: Any) -> _Method:
    name = descriptor.name.removesuffix("Request")
    for service in descriptor.file.services_by_name.values():
        if name in service.methods_by_name:
            return _Method(path=f"/{service.full_name}/{name}", changes=not name.startswith(_READS))
    raise TypeError(f"{descriptor.full_name} is not the request of a method")


class _Face:
    """What both faces share: the target, who asks, and how an error is read."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def _credentials(self) -> grpc.ChannelCredentials | None:
        ca, certificate = self.target.tls_ca, self.target.tls_cert
        if ca is None and certificate is None:
            return None
        try:
            return grpc.ssl_channel_credentials(
                root_certificates=None if ca is None else ca.read_bytes(),
                private_key=None if certificate is None else (self.target.tls_key or certificate).read_bytes(),
                certificate_chain=None if certificate is None else certificate.read_bytes(),
            )
        except OSError as error:
            raise ConfigFault(f"{error.filename}: {error.strerror or error}") from None

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        token = self.target.token.read()
        return (("authorization", f"Bearer {token}"),) if token else ()

    def _error(self, failure: Any, request: Message) -> ClientError:
        dry = getattr(request, "validate_only", False)
        error = decode(failure, is_change=_method_of(type(request)).changes and not dry)
        if isinstance(error, NotPermitted) and error.code == "UNAUTHENTICATED":
            error.remedy = self.target.token.fault or f"Is {self.target.token.path} this daemon's token?"
        if isinstance(error, Unavailable) and not error.reason:
            error.message += f" at {self.target.address}"
        return error


class Client(_Face):
    """The blocking face. Safe to use from several threads."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        credentials = self._credentials()
        if credentials is None:
            self._channel = grpc.insecure_channel(target.address, options=_OPTIONS)
        else:
            self._channel = grpc.secure_channel(target.address, credentials, options=_OPTIONS)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._channel.close()

    def call(self, request: Message, answer: type[Answer], *, timeout_s: float | None = None) -> Answer:
        """The daemon's answer. Raises ClientError; Unknown also where the user interrupts a change."""
        method = _method_of(type(request))
        ask = self._channel.unary_unary(
            method.path, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString
        )
        try:
            found: Answer = ask(request, timeout=timeout_s or self.target.timeout_s, metadata=self._metadata())
        except grpc.RpcError as failure:
            raise self._error(failure, request) from None
        except KeyboardInterrupt:
            if method.changes and not getattr(request, "validate_only", False):
                raise Unknown("interrupted before the answer came: it may or may not have been done") from None
            raise
        return found

    def stream(self, request: Message, answer: type[Answer], *, timeout_s: float | None = None) -> Iterator[Answer]:
        """The daemon's answers as they come, without end or for `timeout_s`. Raises ClientError when it breaks off."""
        ask = self._channel.unary_stream(
            _method_of(type(request)).path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        running = ask(request, timeout=timeout_s, metadata=self._metadata())
        try:
            yield from running
        except grpc.RpcError as failure:
            raise self._error(failure, request) from None
        finally:
            running.cancel()

    def is_serving(self, *, timeout_s: float = 2.0) -> bool:
        """Whether the daemon says it is ready. Raises ClientError where it says nothing."""
        ask = self._channel.unary_unary(_HEALTH, request_serializer=bytes, response_deserializer=bytes)
        try:
            return bool(ask(b"", timeout=timeout_s, metadata=self._metadata()) == _SERVING)
        except grpc.RpcError as failure:
            raise decode(failure, is_change=False) from None  # type: ignore[arg-type]


class AioClient(_Face):
    """The asyncio face. Made inside a running loop and used only there."""

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        credentials = self._credentials()
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(target.address, options=_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(target.address, credentials, options=_OPTIONS)
        self._asks: dict[str, Any] = {}

    async def __aenter__(self) -> AioClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._channel.close()

    async def call(
        self,
        request: Message,
        answer: type[Answer],
        *,
        timeout_s: float | None = None,
        metadata: tuple[tuple[str, str], ...] = (),
    ) -> Answer:
        """The daemon's answer. Raises ClientError. `metadata`: carried along, besides the token."""
        path = _method_of(type(request)).path
        ask = self._asks.get(path)
        if ask is None:
            ask = self._channel.unary_unary(
                path,
                request_serializer=type(request).SerializeToString,
                response_deserializer=answer.FromString,
            )
            self._asks[path] = ask
        try:
            found: Answer | None = await ask(
                request, timeout=timeout_s or self.target.timeout_s, metadata=(*self._metadata(), *metadata)
            )
        except grpc.aio.AioRpcError as failure:
            raise self._error(failure, request) from None
        if found is None:
            raise Failed(_UNREADABLE, remedy=_IS_IT_A_DAEMON)
        return found

    async def stream(self, request: Message, answer: type[Answer]) -> AsyncIterator[Answer]:
        """The daemon's answers as they come, without end. Raises ClientError when the stream breaks."""
        ask = self._channel.unary_stream(
            _method_of(type(request)).path,
            request_serializer=type(request).SerializeToString,
            response_deserializer=answer.FromString,
        )
        running = ask(request, metadata=self._metadata())
        try:
            async for found in running:
                if found is None:
                    raise Failed(_UNREADABLE, remedy=_IS_IT_A_DAEMON)
                yield found
        except grpc.aio.AioRpcError as failure:
            raise self._error(failure, request) from None
        finally:
            running.cancel()

    async def is_serving(self, *, timeout_s: float = 2.0) -> bool:
        """Whether the daemon says it is ready. Raises ClientError where it says nothing."""
        ask = self._channel.unary_unary(_HEALTH, request_serializer=bytes, response_deserializer=bytes)
        try:
            return bool(await ask(b"", timeout=timeout_s, metadata=self._metadata()) == _SERVING)
        except grpc.aio.AioRpcError as failure:
            raise decode(failure, is_change=False) from None
