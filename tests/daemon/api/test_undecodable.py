"""Bytes that are no message: the caller is told so, and nothing is logged as a mistake of the daemon's."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from tests.daemon.api.conftest import Served

METHODS = ("SignalService/SubmitSignal", "EngineService/WatchEvents", "GroupService/ListGroups")


def ask_with(served: Served, method: str, data: bytes) -> Any:
    with grpc.insecure_channel(f"127.0.0.1:{served.daemon.port}") as channel:
        streams = method.endswith("WatchEvents")
        make = channel.unary_stream if streams else channel.unary_unary
        ask: Any = make(f"/terrace.v1.{method}", request_serializer=bytes, response_deserializer=bytes)
        answer = ask(data, timeout=10, metadata=(("authorization", "Bearer token-of-admin"),))
        return next(answer) if streams else answer


@pytest.mark.parametrize("method", METHODS)
def test_bytes_that_are_no_request_are_an_invalid_argument(
    served: Served, method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        ask_with(served, method, b"\xff\xff\xff")
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "no message" in str(failure.value.details())
    served.stop()
    assert "Traceback" not in capfd.readouterr().err
