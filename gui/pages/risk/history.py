"""Topics `risk-history` and `risk-action`: what was decided and what came of it, plan against result (RISK-10)."""

from __future__ import annotations

from decimal import Decimal

from google.protobuf.timestamp_pb2 import Timestamp

from gui.live.topics import Cell, Reading, Row, Snapshot
from gui.pages.risk.plan import plan_rows, share
from gui.pages.risk.steps import step_rows
from gui.show.amounts import gain, lost, money
from gui.show.moments import moment_ms
from gui.show.numbers import NONE
from gui.show.obstacles import in_words, meaning
from protos.terrace.v1 import risk_pb2 as pb

MAX_SHOWN = 100
"""Newest actions on the page; the command line shows all (`terrace risk history`)."""
STATES: dict[int, tuple[str, str]] = {
    pb.RISK_ACTION_STATE_PLANNED: ("planned", "warn"),
    pb.RISK_ACTION_STATE_RUNNING: ("running", "warn"),
    pb.RISK_ACTION_STATE_DONE: ("done", "good"),
    pb.RISK_ACTION_STATE_PARTIAL: ("partial", "warn"),
    pb.RISK_ACTION_STATE_SKIPPED: ("skipped", "dim"),
    pb.RISK_ACTION_STATE_STOPPED: ("stopped", "bad"),
}
NOT_BEGUN = (pb.RISK_ACTION_STATE_PLANNED, pb.RISK_ACTION_STATE_SKIPPED)


async def read_history(reading: Reading) -> Snapshot:
    """Newest first. Raises ClientError."""
    request = pb.ListRiskActionsRequest(world=reading.world, page_size=MAX_SHOWN)
    answer = await reading.client.call(request, pb.ListRiskActionsResponse)
    return {action.risk_action_id: action_row(action) for action in answer.risk_actions}


def action_row(action: pb.RiskAction) -> Row:
    """One line: who, why, and what was planned beside what was realised."""
    plan, is_begun = action.plan, action.state not in NOT_BEGUN
    quote = plan.quote
    codes = [action.state_reason] if action.state_reason else []
    return {
        "time": ("", "", moment_ms(action, "create_time")),
        "ended": moment_ms(action, "end_time"),
        "state": STATES.get(action.state, ("not known", "bad")),
        "loser": action.inputs.get("loser", "").partition(" on ")[0] or plan.loser_group_id or NONE,
        "account": action.inputs.get("loser", "").partition(" on ")[2],
        "why": why(action),
        "meaning": meaning(codes),
        "winners": ", ".join(winner.symbol for winner in plan.winners) or NONE,
        "required": (money(plan.required, quote), "", plan.required),
        "expected": (money(plan.expected_profit, quote), "", plan.expected_profit),
        "realized": gain(action.realized_profit, quote) if is_begun else (NONE, "dim", ""),
        "planned_loss": lost(planned_loss(plan), quote),
        "loss": lost(action.realized_loss, quote) if is_begun else (NONE, "dim", ""),
        "net": net(action) if is_begun else (NONE, "dim", ""),
        "manual": "by hand" if action.manual else "by itself",
        "share": share(plan),
    }


def planned_loss(plan: pb.OffsetPlan) -> str:
    """What closing the loser was to cost, the fee of its close with it: as it is realised."""
    if not plan.loss:
        return ""
    return f"{Decimal(plan.loss) + Decimal(plan.loser_fee or 0):f}"


def net(action: pb.RiskAction) -> Cell:
    """What the offset brought in all: profit taken less loss taken."""
    if not action.realized_profit or not action.realized_loss:
        return NONE, "dim", ""
    return gain(f"{Decimal(action.realized_profit) - Decimal(action.realized_loss):f}", action.plan.quote)


def why(action: pb.RiskAction) -> str:
    codes = [action.state_reason] if action.state_reason else []
    detail = action.inputs.get("reason_detail", "")
    return ": ".join(filter(None, [in_words(codes) if codes else "", detail]))


# --- one action -----------------------------------------------------------------------------------


async def read_action(reading: Reading) -> Snapshot:
    """The action named `ID~MILLISECONDS`, when it was decided: its line, plan, steps, inputs. Raises ClientError."""
    name, _, moment = reading.argument.partition("~")
    if not moment.isdecimal() or len(moment) > 15:
        return {}
    start, end = Timestamp(), Timestamp()
    start.FromMilliseconds(int(moment))
    end.FromMilliseconds(int(moment) + 1)
    request = pb.ListRiskActionsRequest(world=reading.world, start_time=start, end_time=end)
    answer = await reading.client.call(request, pb.ListRiskActionsResponse)
    found = next((action for action in answer.risk_actions if action.risk_action_id == name), None)
    return {} if found is None else action_rows(found)


def action_rows(action: pb.RiskAction) -> Snapshot:
    """`` the line; `winner/N` each winner as planned; `step/...` each step; `input/NAME` what it was made from."""
    rows: dict[str, Row] = {"": action_row(action)}
    rows.update({f"plan/{name}": row for name, row in plan_rows(action.plan, action.inputs.get("loser", "")).items()})
    rows.update({f"step/{name}": row for name, row in step_rows(action).items()})
    for name, value in sorted(action.inputs.items()):
        rows[f"input/{name}"] = {"name": name.replace("_", " "), "value": value}
    return rows
