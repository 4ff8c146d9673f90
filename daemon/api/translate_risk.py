"""The risk engine's values as messages: plans, actions, and how groups stand (RISK-10, RISK-11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from actors.risk_messages import GroupStanding, RiskDescription
from actors.rules.choices import World
from actors.rules.model import Group
from actors.rules.money import ZERO
from actors.rules.risk_model import OffsetPlan, OffsetWinner, RiskAction, RiskActionState, RiskStep, RiskStepKind
from daemon.api.translate import WORLD, decimal, optional_timestamp, reason, timestamp
from protos.terrace.v1 import risk_pb2 as pb
from protos.terrace.v1 import types_pb2

STATE: Mapping[RiskActionState, pb.RiskActionState] = {
    RiskActionState.PLANNED: pb.RISK_ACTION_STATE_PLANNED,
    RiskActionState.RUNNING: pb.RISK_ACTION_STATE_RUNNING,
    RiskActionState.DONE: pb.RISK_ACTION_STATE_DONE,
    RiskActionState.PARTIAL: pb.RISK_ACTION_STATE_PARTIAL,
    RiskActionState.SKIPPED: pb.RISK_ACTION_STATE_SKIPPED,
    RiskActionState.STOPPED: pb.RISK_ACTION_STATE_STOPPED,
}
STATE_OF: Mapping[int, RiskActionState] = {number: state for state, number in STATE.items()}
STEP_KIND: Mapping[RiskStepKind, pb.RiskStepKind] = {
    RiskStepKind.CANCEL_TARGETS: pb.RISK_STEP_KIND_CANCEL_TARGETS,
    RiskStepKind.CLOSE_WINNER: pb.RISK_STEP_KIND_CLOSE_WINNER,
    RiskStepKind.RESTORE_TARGETS: pb.RISK_STEP_KIND_RESTORE_TARGETS,
    RiskStepKind.CLOSE_LOSER: pb.RISK_STEP_KIND_CLOSE_LOSER,
}


def status(described: RiskDescription, trouble: str, find: Callable[[str], Group | None]) -> pb.RiskStatus:
    """`trouble`: why the engine cannot act now, in words; empty: it can."""
    state, why = state_of(described, trouble)
    return pb.RiskStatus(
        state=state,
        state_reason=why,
        world=WORLD[described.world],
        evaluate_time=optional_timestamp(described.evaluate_time_ms),
        next_evaluate_time=optional_timestamp(described.next_evaluate_time_ms),
        running_actions=[action(one) for one in described.running],
        groups=[
            group_risk(group, standing)
            for standing in described.groups
            if (group := find(standing.group_id)) is not None
        ],
    )


def state_of(described: RiskDescription, trouble: str) -> tuple[types_pb2.RiskState, str]:
    if trouble:
        return types_pb2.RISK_STATE_HELD, trouble
    if described.is_running:
        return types_pb2.RISK_STATE_OFFSETTING, ""
    if not described.settings.enabled:
        return types_pb2.RISK_STATE_DISABLED, "switched off by risk.enabled; a run by hand still works"
    return types_pb2.RISK_STATE_IDLE, ""


def group_risk(group: Group, standing: GroupStanding) -> pb.GroupRisk:
    return pb.GroupRisk(
        group_id=group.group_id,
        account=group.account,
        symbol=group.symbol,
        timeframe=group.key.timeframe,
        eligible=not standing.obstacles,
        obstacles=[reason(obstacle) for obstacle in standing.obstacles],
        unrealized_pnl_percent=decimal(standing.unrealized_percent),
        unrealized_pnl=decimal(standing.unrealized),
        timer_start_time=optional_timestamp(standing.timer_start_ms),
        timer_expire_time=optional_timestamp(standing.timer_expire_ms),
        blocked=group.risk_blocked,
        skipped=group.risk_skip,
    )


def plan(found: OffsetPlan, world: World) -> pb.OffsetPlan:
    return pb.OffsetPlan(
        loser_group_id=found.loser_group_id,
        required=decimal(found.required),
        winners=[_winner(one) for one in found.winners],
        sufficient=found.is_sufficient,
        reason=reason(found.reason),
        reason_detail=found.detail,
        world=WORLD[world],
        quote=found.quote,
        expected_profit=decimal(found.expected_profit),
        loser_percent=decimal(found.loser_percent),
        loser_quantity=decimal(found.loser_quantity),
        obstacles=[reason(obstacle) for obstacle in found.obstacles],
        loss=decimal(found.loss),
        loser_fee=decimal(found.required - found.loss - found.buffer if found.required else ZERO),
        buffer=decimal(found.buffer),
    )


def _winner(winner: OffsetWinner) -> pb.OffsetWinner:
    return pb.OffsetWinner(
        group_id=winner.group_id,
        quantity=decimal(winner.quantity),
        expected_profit=decimal(winner.expected_profit),
        full_close=winner.is_whole,
        account=winner.account,
        symbol=winner.symbol,
    )


def action(found: RiskAction) -> pb.RiskAction:
    return pb.RiskAction(
        risk_action_id=found.action_id,
        world=WORLD[found.world],
        state=STATE[found.state],
        state_reason=reason(found.reason),
        plan=plan(found.plan, found.world),
        steps=[_step(step) for step in found.steps],
        realized_profit=decimal(found.realized_profit),
        realized_loss=decimal(found.realized_loss),
        manual=found.is_manual,
        create_time=timestamp(found.create_time_ms),
        end_time=optional_timestamp(found.end_time_ms),
        inputs={**found.inputs, **({"reason_detail": found.detail} if found.detail else {})},
    )


def _step(step: RiskStep) -> pb.RiskStep:
    return pb.RiskStep(
        index=step.index,
        kind=STEP_KIND[step.kind],
        group_id=step.group_id,
        quantity=decimal(step.quantity),
        done=step.is_done,
        result=step.result,
    )
