"""An unmodified gRPC client with a token, and what an error of the API holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from protos.terrace.v1 import (
    account_pb2_grpc,
    config_pb2_grpc,
    engine_pb2_grpc,
    group_pb2_grpc,
    maintenance_pb2_grpc,
    queue_pb2_grpc,
    record_pb2_grpc,
    report_pb2_grpc,
    risk_pb2_grpc,
    secret_pb2_grpc,
    signal_pb2,
    signal_pb2_grpc,
)

TIMEOUT_S = 30.0


class _Token(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    def __init__(self, token: str) -> None:
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._with_token(details), request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(self._with_token(details), request)

    def _with_token(self, details: Any) -> Any:
        timeout = TIMEOUT_S if details.timeout is None else details.timeout
        return details._replace(metadata=(*(details.metadata or ()), *self._metadata), timeout=timeout)


class Client:
    """Stubs of every service. The channel is closed with it."""

    def __init__(self, channel: grpc.Channel, token: str) -> None:
        self._channel = channel
        with_token = grpc.intercept_channel(channel, _Token(token))
        self.signals = signal_pb2_grpc.SignalServiceStub(with_token)
        self.groups = group_pb2_grpc.GroupServiceStub(with_token)
        self.queue = queue_pb2_grpc.QueueServiceStub(with_token)
        self.engine = engine_pb2_grpc.EngineServiceStub(with_token)
        self.accounts = account_pb2_grpc.AccountServiceStub(with_token)
        self.records = record_pb2_grpc.RecordServiceStub(with_token)
        self.risk = risk_pb2_grpc.RiskServiceStub(with_token)
        self.reports = report_pb2_grpc.ReportServiceStub(with_token)
        self.config = config_pb2_grpc.ConfigServiceStub(with_token)
        self.secrets = secret_pb2_grpc.SecretServiceStub(with_token)
        self.maintenance = maintenance_pb2_grpc.MaintenanceServiceStub(with_token)
        self.channel = with_token

    def close(self) -> None:
        self._channel.close()

    def send(self, body: dict[str, Any] | bytes, source: str = "tradingview", **more: Any) -> signal_pb2.Signal:
        """SubmitSignal; the signal of the answer."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = signal_pb2.SubmitSignalRequest(source=source, body=data, **more)
        return self.signals.SubmitSignal(request).signal


@dataclass(frozen=True)
class Refusal:
    """An error as a client sees it."""

    code: grpc.StatusCode
    message: str
    reason: str
    metadata: dict[str, str]
    fields: dict[str, str]
    resource: tuple[str, str] | None
    retry_after_s: float | None


def refusal(call: Callable[[], Any]) -> Refusal:
    """The error a call ends with; the test fails if it does not."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return read_error(error)
    raise AssertionError(f"the call was answered: {answer}")


def read_error(error: Any) -> Refusal:
    status = rpc_status.from_call(error)
    found: dict[str, Any] = {}
    for detail in status.details if status is not None else ():
        for kind in (
            error_details_pb2.ErrorInfo,
            error_details_pb2.BadRequest,
            error_details_pb2.ResourceInfo,
            error_details_pb2.RetryInfo,
        ):
            if detail.Is(kind.DESCRIPTOR):
                found[kind.DESCRIPTOR.name] = kind.FromString(detail.value)
    assert "ErrorInfo" in found, f"no ErrorInfo: {error.code()} {error.details()}"
    info, bad = found["ErrorInfo"], found.get("BadRequest")
    assert info.domain == "terrace"
    resource, retry = found.get("ResourceInfo"), found.get("RetryInfo")
    return Refusal(
        code=error.code(),
        message=error.details(),
        reason=info.reason,
        metadata=dict(info.metadata),
        fields={each.field: each.description for each in bad.field_violations} if bad else {},
        resource=(resource.resource_type, resource.resource_name) if resource else None,
        retry_after_s=retry.retry_delay.ToMilliseconds() / 1000 if retry else None,
    )


_SECTIONS = ("strategy_info", "execution_intent", "risk")


def alert(symbol: str = "BTCUSDT", timeframe: str = "15", action: str = "buy", **more: Any) -> dict[str, Any]:
    """A well-formed alert; `more` are further fields of `tv`, or whole sections by name."""
    sections: dict[str, Any] = {name: more.pop(name) for name in _SECTIONS if name in more}
    tv = {"exchange": "BINANCE", "symbol": symbol, "timeframe": timeframe, "action": action, "close_price": "100"}
    return {"source": "tradingview", "tv": {**tv, **more}, **sections}
