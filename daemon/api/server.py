"""The gRPC server: every service behind the gate, health and reflection, TCP and the unix socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from daemon.api.account_service import AccountService
from daemon.api.auth import Gate, Identities
from daemon.api.doors import Doors
from daemon.api.engine import Engine
from daemon.api.engine_service import EngineService
from daemon.api.group_service import GroupService
from daemon.api.guard import Guard
from daemon.api.intake import Intake
from daemon.api.queue_service import QueueService
from daemon.api.record_service import RecordService
from daemon.api.recorder import Recorder
from daemon.api.records import Records
from daemon.api.report_service import ReportService
from daemon.api.risk_service import RiskService
from daemon.api.signal_service import SignalService
from protos.terrace.v1 import (
    account_pb2_grpc,
    engine_pb2_grpc,
    group_pb2_grpc,
    queue_pb2_grpc,
    record_pb2_grpc,
    report_pb2_grpc,
    risk_pb2_grpc,
    signal_pb2_grpc,
)

MAX_REQUEST_BYTES = 1024 * 1024
MAX_RESPONSE_BYTES = 16 * 1024 * 1024
MAX_STREAMS_PER_CONNECTION = 1_000
MAX_PENDING_CALLS = 6_000
"""Calls of all connections that nobody has looked at yet. gRPC cancels those beyond, whatever is in them: so memory has
a bound however many connections there are, and it is far enough away that entries are shed before it (REC-4)."""
STOP_GRACE_S = 2.0

PACKAGE = "terrace.v1"
SERVICES = (
    "SignalService",
    "GroupService",
    "QueueService",
    "RiskService",
    "EngineService",
    "AccountService",
    "SecretService",
    "ConfigService",
    "RecordService",
    "ReportService",
    "MaintenanceService",
)

OPTIONS = (
    ("grpc.so_reuseport", 0),  # Else a second daemon would bind the same port, and each get half of the calls.
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", MAX_RESPONSE_BYTES),
    ("grpc.max_concurrent_streams", MAX_STREAMS_PER_CONNECTION),
    ("grpc.server.max_pending_requests", MAX_PENDING_CALLS),
    ("grpc.server.max_pending_requests_hard_limit", MAX_PENDING_CALLS),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 0),
)


class ApiServer(Doors):
    """Made and used in one loop."""

    def __init__(
        self, engine: Engine, identities: Identities, health_servicer: health.aio.HealthServicer, records: Records
    ) -> None:
        self._engine = engine
        self._health = health_servicer
        recorder = Recorder(engine)
        self.guard = Guard(engine, recorder)
        self.gate = Gate(identities, self.guard.wrap, recorder.security)
        self.intake = Intake(engine, recorder)
        self._reports = ReportService(engine)
        self._records = records
        super().__init__(grpc.aio.server(interceptors=(self.gate,), options=OPTIONS))
        self.is_serving = False
        self._add_services(recorder)

    def _add_services(self, recorder: Recorder) -> None:
        engine, server = self._engine, self._server
        signal_pb2_grpc.add_SignalServiceServicer_to_server(SignalService(engine, self.intake), server)
        group_pb2_grpc.add_GroupServiceServicer_to_server(GroupService(engine), server)
        queue_pb2_grpc.add_QueueServiceServicer_to_server(QueueService(engine), server)
        engine_pb2_grpc.add_EngineServiceServicer_to_server(EngineService(engine, recorder), server)
        account_pb2_grpc.add_AccountServiceServicer_to_server(AccountService(engine), server)
        record_pb2_grpc.add_RecordServiceServicer_to_server(RecordService(engine, recorder, self._records), server)
        risk_pb2_grpc.add_RiskServiceServicer_to_server(RiskService(engine), server)
        report_pb2_grpc.add_ReportServiceServicer_to_server(self._reports, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = tuple(f"{PACKAGE}.{service}" for service in SERVICES)
        reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)

    def add(self, register: Callable[[Any], None]) -> None:
        """One service more, made by the application. Before `start`."""
        register(self._server)

    async def start(self) -> None:
        """Answers calls from here on; its health says not serving until `serve`."""
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._server.start()

    async def serve(self) -> None:
        """The daemon is ready."""
        self.is_serving = True
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)

    async def refuse_new(self) -> None:
        """Tells those who look at its health to go elsewhere; calls under way go on."""
        self.is_serving = False
        await self._health.enter_graceful_shutdown()

    async def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        await self._server.stop(grace_s)
        await self._reports.close()
        self.leave()

    async def _set_health(self, state: Any) -> None:
        for name in ("", *(f"{PACKAGE}.{service}" for service in SERVICES)):
            await self._health.set(name, state)
