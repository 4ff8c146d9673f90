"""Steps of an offset, in words (RISK-7)."""

from __future__ import annotations

from gui.live.topics import Cell, Row
from protos.terrace.v1 import risk_pb2 as pb

STEP_WORDS = {
    pb.RISK_STEP_KIND_CANCEL_TARGETS: "cancel the targets in the way",
    pb.RISK_STEP_KIND_CLOSE_WINNER: "sell from the winner",
    pb.RISK_STEP_KIND_RESTORE_TARGETS: "put the winner's targets back",
    pb.RISK_STEP_KIND_CLOSE_LOSER: "close the loser",
}


def step_rows(action: pb.RiskAction) -> dict[str, Row]:
    """Steps of an action, in order. The first that is not done is the one under way, while the action runs."""
    names = {winner.group_id: winner.symbol for winner in action.plan.winners}
    names[action.plan.loser_group_id] = action.inputs.get("loser", "").partition(" on ")[0] or "the loser"
    is_running = not action.HasField("end_time") and action.state != pb.RISK_ACTION_STATE_SKIPPED
    rows: dict[str, Row] = {}
    for step in action.steps:
        mark: Cell = ("done", "good") if step.done else ("waits", "dim")
        if not step.done and is_running:
            mark, is_running = ("under way", "warn"), False
        rows[f"{action.risk_action_id}/{step.index}"] = {
            "step": str(step.index + 1),
            "what": STEP_WORDS.get(step.kind, "not known"),
            "group": names.get(step.group_id, step.group_id),
            "quantity": step.quantity if step.quantity not in ("", "0") else "",
            "mark": mark,
            "result": step.result,
        }
    return rows
