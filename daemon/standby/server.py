"""What a waiting daemon answers: that it waits, and for whom. Everything else is refused with the leader's address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from actors.rules.choices import World
from daemon.api import roles
from daemon.api.auth import Gate, Identities, refusing
from daemon.api.doors import Doors
from daemon.api.errors import ApiReason, Failed, abort
from daemon.api.kinds import Context, Handler
from daemon.api.server import OPTIONS, PACKAGE, SERVICES
from daemon.api.translate import WORLD, timestamp
from daemon.store.leadership import Lead
from protos.terrace.v1 import engine_pb2
from protos.terrace.v1 import types_pb2 as pb

STATUS = f"/{PACKAGE}.EngineService/GetStatus"
RETRY_AFTER_S = 1.0
STOP_GRACE_S = 0.2


def leadership(lead: Lead, *, leads: bool) -> engine_pb2.Leadership:
    """Who leads, as a message."""
    where = f"{lead.who}, {lead.address}" if lead.address else lead.who
    return engine_pb2.Leadership(leads=leads, epoch=lead.epoch, leader=where, since_time=timestamp(lead.since_ms))


class WaitingServer(Doors):
    """On the addresses of the API, until this daemon leads. Its health says not serving."""

    def __init__(
        self,
        identities: Identities,
        *,
        version: str,
        start_ms: int,
        worlds: tuple[World, ...],
        lead: Callable[[], Lead | None],
        trouble: Callable[[], str],
    ) -> None:
        """`lead`, `trouble`: what was last seen of the leader, and why nothing can be seen; empty: it can."""
        self._version, self._start_ms, self._worlds = version, start_ms, worlds
        self._lead, self._trouble = lead, trouble
        self._health = health.aio.HealthServicer()
        server = grpc.aio.server(interceptors=(Gate(identities, self._guard),), options=OPTIONS)
        super().__init__(server)
        server.add_generic_rpc_handlers((_Everything(self._answer),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)

    async def start(self) -> None:
        for name in ("", *(f"{PACKAGE}.{service}" for service in SERVICES)):
            await self._health.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(STOP_GRACE_S)
        self.leave()

    def words(self) -> str:
        """What this daemon does, for a person."""
        lead = self._lead()
        whose = f"epoch {lead.epoch} of {lead.who}" if lead is not None else "the daemon that has the store"
        seen = f"; but {self._trouble()}" if self._trouble() else ""
        return f"this daemon is the standby: it waits to take over from {whose}{seen}"

    def _guard(self, handler: Handler, method: str) -> Handler:
        return handler if method == STATUS else refusing(self._refuse)

    async def _refuse(self, context: Context) -> None:
        lead = self._lead()
        address = lead.address if lead is not None else ""
        where = f"Ask the leader at {address}" if address else "Ask the leader"
        metadata = {"leader": address, "epoch": str(lead.epoch)} if lead is not None else {}
        words = f"{self.words()}. {where}"
        await abort(context, Failed(ApiReason.STANDBY, words, retry_after_s=RETRY_AFTER_S, metadata=metadata))

    async def _answer(self, request: engine_pb2.GetStatusRequest, _context: Context) -> engine_pb2.GetStatusResponse:
        lead = self._lead()
        status = engine_pb2.Status(
            state=pb.ENGINE_STATE_RECOVERING,
            state_reason=self.words(),
            version=self._version,
            start_time=timestamp(self._start_ms),
            world=request.world or (WORLD[self._worlds[0]] if self._worlds else pb.WORLD_UNSPECIFIED),
            worlds=[WORLD[each] for each in self._worlds],
            leadership=None if lead is None else leadership(lead, leads=False),
        )
        return engine_pb2.GetStatusResponse(status=status)


class _Everything(grpc.GenericRpcHandler):
    """A handler for each method there is, so that none is said to be unknown. Only one is ever asked."""

    def __init__(self, answer: Any) -> None:
        self._answer = grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=engine_pb2.GetStatusRequest.FromString,
            response_serializer=engine_pb2.GetStatusResponse.SerializeToString,
        )

    def service(self, handler_call_details: Any) -> Handler | None:
        return self._answer if handler_call_details.method in roles.ROLE_OF else None
