"""Requests whose bytes are no message: read without raising, since what is raised while reading leaves as UNKNOWN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError

from daemon.api.errors import ApiReason, Failed
from daemon.api.kinds import Handler


class _Unreadable:
    """Stands for a request whose bytes are no message of its type."""


def reader(handler: Handler) -> Callable[[bytes], Any]:
    """Reads a request without raising."""

    deserialize: Any = handler.request_deserializer

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return _Unreadable()

    return read


def readable(request: Any) -> Any:
    """The request as it was read. Failed if it could not be."""
    if isinstance(request, _Unreadable):
        raise Failed(ApiReason.INVALID_ARGUMENT, "the bytes of the request are no message of the method's type")
    return request
