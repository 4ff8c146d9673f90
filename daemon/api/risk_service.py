"""RiskService: shows the risk engine and steers it (RISK-11, RISK-12)."""

from __future__ import annotations

from collections.abc import Callable

from actors.messages import ReplyTo
from actors.risk_judge import Judge
from actors.risk_messages import DescribeRisk, MarkRisk, PreviewOffset, RiskDescription, RunOffset
from actors.rules.choices import World
from actors.rules.model import Group, Reason
from actors.rules.risk_model import OffsetPlan, RiskAction
from daemon.api import translate_risk as to
from daemon.api.auth import caller
from daemon.api.engine import Engine
from daemon.api.errors import Failed, faulty_field, not_found
from daemon.api.kinds import Context
from daemon.api.translate import known, milliseconds
from daemon.store.found import RiskActionFilter
from protos.terrace.v1 import risk_pb2 as pb
from protos.terrace.v1 import risk_pb2_grpc, types_pb2

MAX_REASON_CHARS = 500
BRIEF_TIMEOUT_S = 1.0
"""How long the engine's status waits for the risk engine before it is shown as held."""


class RiskService(risk_pb2_grpc.RiskServiceServicer):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def GetRiskState(self, request: pb.GetRiskStateRequest, context: Context) -> pb.GetRiskStateResponse:
        world = self._engine.world(request.world)
        described = await self._ask(world, lambda reply_to: DescribeRisk(reply_to=reply_to), context)
        assert isinstance(described, RiskDescription), described
        status = to.status(described, trouble_of(self._engine), self._engine.view.current.find)
        return pb.GetRiskStateResponse(risk=status)

    async def PreviewOffset(self, request: pb.PreviewOffsetRequest, context: Context) -> pb.PreviewOffsetResponse:
        world = self._world_of(request.world, request.group_id)
        plan = await self._ask(
            world, lambda reply_to: PreviewOffset(group_id=request.group_id, reply_to=reply_to), context
        )
        assert isinstance(plan, OffsetPlan), plan
        return pb.PreviewOffsetResponse(plan=to.plan(plan, world))

    async def RunOffset(self, request: pb.RunOffsetRequest, context: Context) -> pb.RunOffsetResponse:
        world, who = self._world_of(request.world, request.group_id), caller().name

        def run(reply_to: ReplyTo) -> RunOffset:
            return RunOffset(group_id=request.group_id, who=who, reply_to=reply_to, is_dry_run=request.validate_only)

        action = await self._ask(world, run, context)
        assert isinstance(action, RiskAction), action
        return pb.RunOffsetResponse(risk_action=to.action(action))

    async def SkipGroup(self, request: pb.SkipGroupRequest, context: Context) -> pb.SkipGroupResponse:
        return pb.SkipGroupResponse(group_risk=await self._mark(request.group_id, context, skip=True))

    async def BlockGroup(self, request: pb.BlockGroupRequest, context: Context) -> pb.BlockGroupResponse:
        if len(request.reason) > MAX_REASON_CHARS:
            raise faulty_field("reason", f"has more than {MAX_REASON_CHARS} characters")
        marked = await self._mark(request.group_id, context, blocked=True, why=request.reason)
        return pb.BlockGroupResponse(group_risk=marked)

    async def UnblockGroup(self, request: pb.UnblockGroupRequest, context: Context) -> pb.UnblockGroupResponse:
        return pb.UnblockGroupResponse(group_risk=await self._mark(request.group_id, context, blocked=False))

    async def ListRiskActions(
        self, request: pb.ListRiskActionsRequest, _context: Context
    ) -> pb.ListRiskActionsResponse:
        wanted = RiskActionFilter(
            world=self._engine.world_or_all(request.world),
            group_id=request.group_id,
            states=tuple(sorted(known(request.states, to.STATE_OF, "states"))),
            start_ms=milliseconds(request.start_time) if request.HasField("start_time") else None,
            end_ms=milliseconds(request.end_time) if request.HasField("end_time") else None,
        )
        found = await self._engine.page(self._engine.reader.list_risk_actions, request, wanted)
        return pb.ListRiskActionsResponse(
            risk_actions=[to.action(one) for one in found.items], next_page_token=found.next_token
        )

    # --- helpers ----------------------------------------------------------------------------------

    async def _ask(self, world: World, make: Callable[[ReplyTo], object], context: Context) -> object:
        return await self._engine.ask(f"risk/{world.value}", make, context)

    def _world_of(self, number: int, group_id: str) -> World:
        """The group's own world where the request names a group and no world."""
        group = self._engine.view.current.groups.get(group_id) if group_id else None
        return group.world if group is not None and not number else self._engine.world(number)

    async def _mark(
        self, group_id: str, context: Context, *, blocked: bool | None = None, skip: bool | None = None, why: str = ""
    ) -> pb.GroupRisk:
        who = caller().name
        if self._engine.view.current.groups.get(group_id) is None:
            raise not_found("live group", group_id)

        def mark(reply_to: ReplyTo) -> MarkRisk:
            return MarkRisk(group_id=group_id, who=who, reply_to=reply_to, blocked=blocked, skip=skip, why=why)

        try:
            group = await self._engine.ask(f"group/{group_id}", mark, context)
        except Failed as failed:
            if failed.reason is Reason.NOT_FOUND and group_id in self._engine.view.current.groups:
                raise Failed(Reason.OVERLOADED, "the group is being restarted; send again") from None
            raise
        assert isinstance(group, Group), group
        return to.group_risk(group, self._judge(group).standing(group))

    def _judge(self, group: Group) -> Judge:
        engine = self._engine
        return Judge(group.world, engine.view.current, engine.marks, engine.settings(), engine.clock.now_ms())


def trouble_of(engine: Engine) -> str:
    """Why no offset can be stored now, in words; empty: nothing stands in the way."""
    snapshot = engine.view.current
    return "" if snapshot.store_ok else f"the store takes no writes: {snapshot.store_error}"


async def risk_state(engine: Engine, world: World) -> types_pb2.RiskState:
    """The risk engine's state for the engine's status. One that does not answer is held."""
    try:
        described = await engine.ask(
            f"risk/{world.value}",
            lambda reply_to: DescribeRisk(reply_to=reply_to, is_brief=True),
            None,
            BRIEF_TIMEOUT_S,
        )
    except Failed:
        return types_pb2.RISK_STATE_HELD
    assert isinstance(described, RiskDescription), described
    return to.state_of(described, trouble_of(engine))[0]
