"""Buttons of the page `Risk` (RISK-12, POOL-4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gui.pages.risk.history import STATES
from gui.pages.risk.plan import plan_why, share
from gui.show.amounts import money
from gui.show.numbers import number
from gui.show.obstacles import in_words
from gui.verbs import Press, Verb
from protos.terrace.v1 import engine_pb2
from protos.terrace.v1 import risk_pb2 as pb
from protos.terrace.v1.types_pb2 import World


async def run(press: Press) -> Mapping[str, Any]:
    """Values: `group`, empty for the engine's choice. Raises ClientError."""
    request = pb.RunOffsetRequest(
        world=press.world,
        group_id=press.text("group", needed=False),
        request_id=press.request_id,
        validate_only=press.is_preview,
    )
    action = (await press.client.call(request, pb.RunOffsetResponse)).risk_action
    if press.is_preview:
        return would(action)
    state, _ = STATES.get(action.state, ("begun", ""))
    return {"said": f"Offset of {loser_of(action)}: {state}. It is followed under Running and in the history."}


def would(action: pb.RiskAction) -> dict[str, Any]:
    """What a run would close, a line each, in the order in which it is closed."""
    plan = action.plan
    lines = [
        f"Sell {number(winner.quantity)} of {winner.symbol} on {winner.account}"
        f"{' (all it holds)' if winner.full_close else ''}: profit {money(winner.expected_profit, plan.quote)}"
        for winner in plan.winners
    ]
    lines.append(f"Then close {share(plan)}, {loser_of(action)}: loss {money(plan.loss, plan.quote)}")
    world = World.Name(plan.world).removeprefix("WORLD_").lower()
    return {
        "said": f"World: {world}. Required {money(plan.required, plan.quote)}, "
        f"the winners bring {money(plan.expected_profit, plan.quote)}.",
        "lines": lines,
        "note": plan_why(plan)
        or (f"In the way, and passed over: {in_words(plan.obstacles)}" if plan.obstacles else ""),
    }


def loser_of(action: pb.RiskAction) -> str:
    return action.inputs.get("loser", "") or action.plan.loser_group_id


async def skip(press: Press) -> Mapping[str, Any]:
    """Values: `group`. Raises ClientError."""
    request = pb.SkipGroupRequest(group_id=press.text("group"), request_id=press.request_id)
    found = (await press.client.call(request, pb.SkipGroupResponse)).group_risk
    return {"said": f"{found.symbol} {found.timeframe} is passed over the next time it would be taken."}


async def block(press: Press) -> Mapping[str, Any]:
    """Values: `group`, `reason`. Raises ClientError."""
    request = pb.BlockGroupRequest(
        group_id=press.text("group"), reason=press.text("reason", needed=False), request_id=press.request_id
    )
    found = (await press.client.call(request, pb.BlockGroupResponse)).group_risk
    return {"said": f"{found.symbol} {found.timeframe} is blocked: neither loser nor winner until it is unblocked."}


async def unblock(press: Press) -> Mapping[str, Any]:
    """Values: `group`. Raises ClientError."""
    request = pb.UnblockGroupRequest(group_id=press.text("group"), request_id=press.request_id)
    found = (await press.client.call(request, pb.UnblockGroupResponse)).group_risk
    return {"said": f"{found.symbol} {found.timeframe} takes part in offsets again."}


async def lift(press: Press) -> Mapping[str, Any]:
    """Values: `reason`. Raises ClientError."""
    request = engine_pb2.LiftLimitRequest(
        world=press.world,
        reason=press.text("reason", needed=False),
        request_id=press.request_id,
        validate_only=press.is_preview,
    )
    status = (await press.client.call(request, engine_pb2.LiftLimitResponse)).status
    if press.is_preview:
        return {"said": f"Breached now: {status.limit_reason or 'nothing'}. What was counted until now counts no more."}
    return {"said": "Lifted: new entries are let in again."}


VERBS = {
    "risk-run": Verb(method="RiskService/RunOffset", do=run),
    "risk-skip": Verb(method="RiskService/SkipGroup", do=skip),
    "risk-block": Verb(method="RiskService/BlockGroup", do=block),
    "risk-unblock": Verb(method="RiskService/UnblockGroup", do=unblock),
    "limit-lift": Verb(method="EngineService/LiftLimit", do=lift),
}
