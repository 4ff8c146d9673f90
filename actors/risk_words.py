"""What the risk engine says of its actions, for a person."""

from __future__ import annotations

from actors.rules.model import Reason
from actors.rules.money import plain
from actors.rules.risk_model import OffsetPlan, RiskAction, RiskActionState
from actors.view import Snapshot

_TYPES = {
    RiskActionState.DONE: "risk.done",
    RiskActionState.PARTIAL: "risk.partial",
    RiskActionState.SKIPPED: "risk.skipped",
    RiskActionState.STOPPED: "risk.stopped",
}


IN_THE_WAY = {
    Reason.NOT_FILLED: "nothing of it is filled",
    Reason.NOT_ENOUGH_PYRAMIDS: "not all the pyramids that are required are there",
    Reason.ABOVE_LOSS_THRESHOLD: "its loss is not deep enough (risk.loss_threshold_percent)",
    Reason.TOO_YOUNG: "it is too young (risk.age_threshold_s)",
    Reason.BLOCKED: "it is blocked; `terrace risk unblock {group_id}` lifts that",
    Reason.SKIPPED: "it is to be passed over once",
    Reason.OFFSET_RUNNING: "an offset of its quote currency is under way; `terrace risk show` has it",
    Reason.GROUP_CLOSING: "it is being closed",
    Reason.PRICE_STALE: "it has no fresh price",
    Reason.BELOW_MIN_QUANTITY: "it is too small to be sold",
    Reason.BELOW_MIN_NOTIONAL: "it is worth too little to be sold",
}
"""Why a group cannot be taken as loser by hand, with what a person can do about it."""


def refusal(snapshot: Snapshot, plan: OffsetPlan) -> str:
    """Why a run by hand is refused: everything that stands in its way."""
    group_id = plan.loser_group_id
    why = [IN_THE_WAY.get(reason, str(reason)).format(group_id=group_id) for reason in plan.obstacles]
    return f"{named(snapshot, group_id)} cannot be taken as loser: {'; '.join(why)}"


def named(snapshot: Snapshot, group_id: str) -> str:
    """A group as a trader calls it; its id where it is not in sight any more."""
    group = snapshot.find(group_id)
    return group_id if group is None else f"{group.symbol} {group.key.timeframe} {group.side}"


def planned(snapshot: Snapshot, action: RiskAction) -> str:
    plan = action.plan
    winners = ", ".join(
        f"{'all of' if winner.is_whole else plain(winner.quantity) + ' of'} {named(snapshot, winner.group_id)}"
        for winner in plan.winners
    )
    whole = "" if plan.loser_percent >= 100 else f"{plain(plan.loser_percent)} % of "
    by = f", asked by {action.who}" if action.who else ""
    return (
        f"offset planned{by}: {whole}{named(snapshot, plan.loser_group_id)} "
        f"at a loss of {plain(plan.loss)} {plan.quote} is closed with profit from {winners} "
        f"(needs {plain(plan.required)}, expects {plain(plan.expected_profit)})"
    )


def ended(snapshot: Snapshot, action: RiskAction) -> tuple[str, str]:
    """Type and words of the event that ends an action."""
    loser, plan = named(snapshot, action.plan.loser_group_id), action.plan
    why = f"{action.reason}: {action.detail}" if action.detail else str(action.reason)
    profit, loss = plain(action.realized_profit), plain(action.realized_loss)
    if action.state is RiskActionState.SKIPPED:
        words = f"no offset for {loser} at a loss of {plain(plan.loss)} {plan.quote}: {why}"
    elif action.state is RiskActionState.DONE:
        words = f"offset done: {loser} closed with a loss of {loss}, paid by a profit of {profit} {action.quote}"
    elif action.state is RiskActionState.PARTIAL:
        words = f"part of {loser} closed with a loss of {loss}, paid by a profit of {profit} {action.quote} ({why})"
    else:
        words = f"offset for {loser} stopped, {why}; profit of {profit} {action.quote} was taken, the loser is kept"
    return _TYPES[action.state], words


def stands_still(snapshot: Snapshot, action: RiskAction) -> str:
    front = next((step for step in action.steps if not step.is_done), None)
    where = "" if front is None else f" at {front.kind.replace('_', ' ')} of {named(snapshot, front.group_id)}"
    return f"the offset for {named(snapshot, action.plan.loser_group_id)} does not get on{where}; it goes on by itself"
