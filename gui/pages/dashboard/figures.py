"""Profit by period and the risk engine's last action."""

from __future__ import annotations

import asyncio

from gui.live.topics import Cell, Reading, Snapshot, Topic
from gui.show.numbers import NONE, number, signed
from gui.show.times import time_cell
from gui.show.words import word
from protos.terrace.v1 import report_pb2, risk_pb2
from protos.terrace.v1.types_pb2 import RiskState

EVERY_MS = 2000


async def read_figures(reading: Reading) -> Snapshot:
    """One row. Raises ClientError."""
    scope = report_pb2.ReportScope(world=reading.world)
    profit, risk, actions = await asyncio.gather(
        reading.client.call(report_pb2.GetProfitRequest(scope=scope), report_pb2.GetProfitResponse),
        reading.client.call(risk_pb2.GetRiskStateRequest(world=reading.world), risk_pb2.GetRiskStateResponse),
        reading.client.call(
            risk_pb2.ListRiskActionsRequest(world=reading.world, page_size=1), risk_pb2.ListRiskActionsResponse
        ),
    )
    last = actions.risk_actions[0] if actions.risk_actions else None
    return {"": {**_profit(profit.profit), **_risk(risk), **_action(last)}}


def _profit(profit: report_pb2.Profit) -> dict[str, Cell]:
    return {
        "day": signed(profit.realized_day),
        "week": signed(profit.realized_week),
        "month": signed(profit.realized_month),
        "fees": number(profit.fees, 2),
        "profit_currency": profit.currency,
        "period_basis": profit.period_basis[:1].upper() + profit.period_basis[1:],
        "valuation_note": profit.valuation_note,
    }


def _risk(answer: risk_pb2.GetRiskStateResponse) -> dict[str, Cell]:
    risk = answer.risk
    return {
        "risk_state": word(RiskState.Name(risk.state), "RISK_STATE_"),
        "risk_reason": risk.state_reason,
        "risk_next": time_cell(risk.next_evaluate_time),
        "risk_eligible": str(sum(1 for group in risk.groups if group.eligible)),
        "risk_watched": str(len(risk.groups)),
    }


def _action(action: risk_pb2.RiskAction | None) -> dict[str, Cell]:
    if action is None:
        return {"action": "", "action_reason": "", "action_time": ("", "", ""), "action_result": NONE}
    state = word(risk_pb2.RiskActionState.Name(action.state), "RISK_ACTION_STATE_")
    brought = number(action.realized_profit, 2) if action.realized_profit else NONE
    cost = number(action.realized_loss, 2) if action.realized_loss else NONE
    return {
        "action": (state, {"done": "good", "partial": "warn", "stopped": "bad"}.get(state, "")),
        "action_reason": word(action.state_reason, ""),
        "action_time": time_cell(action.create_time),
        "action_result": f"winners {brought}, loser {cost} {action.plan.quote}".rstrip(),
    }


FIGURES = Topic(name="figures", read=read_figures, every_ms=EVERY_MS)
