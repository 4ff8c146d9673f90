"""Topic `risk-plan`: what an offset would do now, for the engine's choice or for one group (RISK-6, RISK-11)."""

from __future__ import annotations

from gui.live.topics import Reading, Row, Snapshot
from gui.show.amounts import gain, lost, money
from gui.show.numbers import NONE, number
from gui.show.obstacles import WORDS, in_words, meaning
from protos.terrace.v1 import risk_pb2 as pb

BY_HAND = "`terrace risk run`"
"""Where there is no loser, the engine names this if a run by hand, without the timer, would still take one."""


async def read_plan(reading: Reading) -> Snapshot:
    """`` the sum, then a row for each winner by its group. Raises ClientError."""
    request = pb.PreviewOffsetRequest(world=reading.world, group_id=reading.argument)
    answer = await reading.client.call(request, pb.PreviewOffsetResponse)
    return plan_rows(answer.plan)


def plan_rows(plan: pb.OffsetPlan, loser: str = "") -> Snapshot:
    """`loser`: what it is, where that is known."""
    rows: dict[str, Row] = {"": sum_row(plan, loser)}
    for place, winner in enumerate(plan.winners, start=1):
        rows[winner.group_id] = {
            "place": str(place),
            "pair": winner.symbol,
            "account": winner.account,
            "quantity": (number(winner.quantity), "", winner.quantity),
            "profit": gain(winner.expected_profit, plan.quote),
            "whole": "all it holds" if winner.full_close else "a part",
        }
    return rows


def sum_row(plan: pb.OffsetPlan, loser: str = "") -> Row:
    """Required = loss + fee + buffer, against what the winners bring."""
    quote = plan.quote
    has_sum = plan.required not in ("", "0")
    return {
        "loser": plan.loser_group_id,
        "loser_name": loser,
        "loss": lost(plan.loss, quote) if has_sum else (NONE, "dim", ""),
        "fee": money(plan.loser_fee, quote) if has_sum else NONE,
        "buffer": money(plan.buffer, quote) if has_sum else NONE,
        "required": money(plan.required, quote) if has_sum else NONE,
        "expected": gain(plan.expected_profit, quote) if has_sum else (NONE, "dim", ""),
        "closes": share(plan),
        "quantity": number(plan.loser_quantity) if plan.loser_quantity not in ("", "0") else NONE,
        "verdict": verdict(plan),
        "runs": "yes" if plan.loser_group_id or BY_HAND in plan.reason_detail else "",
        "obstacles": in_words(plan.obstacles),
        "meaning": meaning(plan.obstacles),
        "why": plan_why(plan),
    }


def verdict(plan: pb.OffsetPlan) -> tuple[str, str]:
    """One word on the arithmetic, and its tone."""
    if not plan.loser_group_id:
        return "no loser", "dim"
    if plan.sufficient:
        return "sufficient", "good"
    if plan.loser_percent not in ("", "0"):
        return "a part is covered", "warn"
    return "not sufficient", "bad"


def plan_why(plan: pb.OffsetPlan) -> str:
    """Why nothing, or only a part, would be done. What stands in the way of the loser is said on its own."""
    if plan.obstacles:
        return "" if plan.sufficient else plan.reason_detail.partition("; ")[2]
    if not plan.reason:
        return ""
    detail = plan.reason_detail.replace("`terrace risk show` says why", "the candidates say why")
    detail = detail.replace(f"{BY_HAND}, which skips the timer,", "a run by hand, which skips the timer,")
    return ": ".join(filter(None, [WORDS.get(plan.reason, plan.reason), detail]))


def share(plan: pb.OffsetPlan) -> str:
    """How much of the loser is closed, in words."""
    if not plan.loser_group_id or plan.loser_percent in ("", "0"):
        return "nothing"
    if plan.loser_percent == "100":
        return "all of the loser"
    return f"{number(plan.loser_percent, 2)} % of the loser"
