"""QueueService: shows the signals that wait, and lets a person steer them (QUE-6)."""

from __future__ import annotations

import asyncio

from actors.messages import Answer, PromoteQueued, RemoveQueued, ReplyTo
from actors.rules.choices import World
from actors.rules.model import Outcome, Queued
from daemon.api.auth import caller
from daemon.api.engine import Engine
from daemon.api.errors import not_found
from daemon.api.kinds import Context
from daemon.api.pages import slice_of
from daemon.api.translate_queue import queued_signal, ranked
from daemon.api.translate_signal import facts, put_answer
from protos.terrace.v1 import queue_pb2 as pb
from protos.terrace.v1 import queue_pb2_grpc, signal_pb2


class QueueService(queue_pb2_grpc.QueueServiceServicer):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ListQueuedSignals(
        self, request: pb.ListQueuedSignalsRequest, _context: Context
    ) -> pb.ListQueuedSignalsResponse:
        # Off the loop: a long queue takes a while to rank, and alerts must not wait for a list.
        return await asyncio.to_thread(self._listed, request, self._engine.world(request.world))

    def _listed(self, request: pb.ListQueuedSignalsRequest, world: World) -> pb.ListQueuedSignalsResponse:
        found = [
            place
            for place in ranked(self._engine, world)
            if request.account in ("", place.queued.key.account) and request.symbol in ("", place.queued.key.symbol)
        ]
        page, next_token = slice_of(request, found)
        groups = {group.key: group.group_id for group in self._engine.view.current.live(world)}
        shown = [queued_signal(self._engine, world, place, groups.get(place.queued.key, "")) for place in page]
        return pb.ListQueuedSignalsResponse(queued_signals=shown, next_page_token=next_token)

    async def PromoteQueuedSignal(
        self, request: pb.PromoteQueuedSignalRequest, context: Context
    ) -> pb.PromoteQueuedSignalResponse:
        world, queued = self._find(request.signal_id)
        if request.validate_only:
            return pb.PromoteQueuedSignalResponse(signal=self._as_it_waits(queued))
        signal = await self._promote(world, queued, context, force=False)
        return pb.PromoteQueuedSignalResponse(signal=signal)

    async def ForceAddQueuedSignal(
        self, request: pb.ForceAddQueuedSignalRequest, context: Context
    ) -> pb.ForceAddQueuedSignalResponse:
        world, queued = self._find(request.signal_id)
        if request.validate_only:
            return pb.ForceAddQueuedSignalResponse(signal=self._as_it_waits(queued))
        signal = await self._promote(
            world,
            queued,
            context,
            force=True,
            ignore_exposure=request.ignore_exposure,
            ignore_limits=request.ignore_limits,
        )
        return pb.ForceAddQueuedSignalResponse(signal=signal)

    async def RemoveQueuedSignal(
        self, request: pb.RemoveQueuedSignalRequest, context: Context
    ) -> pb.RemoveQueuedSignalResponse:
        world, queued = self._find(request.signal_id)
        if request.validate_only:
            return pb.RemoveQueuedSignalResponse(signal=self._as_it_waits(queued))
        who = caller().name

        def remove(reply_to: ReplyTo) -> RemoveQueued:
            return RemoveQueued(signal_id=queued.signal.signal_id, key=queued.key, who=who, reply_to=reply_to)

        answer = await self._engine.ask(f"pool/{world.value}", remove, context)
        return pb.RemoveQueuedSignalResponse(signal=self._answered(queued, answer))

    async def _promote(
        self,
        world: World,
        queued: Queued,
        context: Context,
        *,
        force: bool,
        ignore_exposure: bool = False,
        ignore_limits: bool = False,
    ) -> signal_pb2.Signal:
        who = caller().name

        def promote(reply_to: ReplyTo) -> PromoteQueued:
            return PromoteQueued(
                signal_id=queued.signal.signal_id,
                key=queued.key,
                who=who,
                force=force,
                ignore_exposure=ignore_exposure,
                ignore_limits=ignore_limits,
                reply_to=reply_to,
            )

        return self._answered(queued, await self._engine.ask(f"pool/{world.value}", promote, context))

    def _find(self, signal_id: str) -> tuple[World, Queued]:
        """The entry with this signal. NOT_FOUND if it does not wait."""
        for (world, _), queued in self._engine.view.current.queued.items():
            if queued.signal.signal_id == signal_id:
                return world, queued
        raise not_found("queued signal", signal_id)

    def _answered(self, queued: Queued, answer: object) -> signal_pb2.Signal:
        assert isinstance(answer, Answer), answer
        message = self._facts(queued)
        put_answer(message, answer)
        return message

    def _as_it_waits(self, queued: Queued) -> signal_pb2.Signal:
        waits = Answer(
            signal_id=queued.signal.signal_id,
            outcome=Outcome.REPLACED if queued.replacement_count else Outcome.QUEUED,
            reason=queued.wait_reason,
            detail=queued.detail,
        )
        return self._answered(queued, waits)

    def _facts(self, queued: Queued) -> signal_pb2.Signal:
        return facts(queued.signal, self._engine.settings().accounts.get(queued.key.account))
