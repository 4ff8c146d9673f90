"""What the page counts, as the API's scope. Pure."""

from __future__ import annotations

from gui.pages.asked import Asked
from protos.terrace.v1.report_pb2 import Breakdown, ReportScope
from protos.terrace.v1.types_pb2 import Side

PERIODS = ("BREAKDOWN_DAY", "BREAKDOWN_WEEK", "BREAKDOWN_MONTH")


def scope_of(asked: Asked, world: str) -> ReportScope:
    """`account`, `symbol`, `timeframe`, `strategy`, `side`, `from` and `to` (milliseconds)."""
    sides = asked.texts("side", Side.keys())
    return ReportScope(
        world=world,
        account=asked.text("account"),
        symbol=asked.text("symbol"),
        timeframe=asked.text("timeframe"),
        strategy=asked.text("strategy"),
        side=sides[-1] if sides else "SIDE_UNSPECIFIED",
        start_time=asked.time("from"),
        end_time=asked.time("to"),
    )


def period_of(asked: Asked) -> str:
    found = asked.texts("period", PERIODS)
    return found[-1] if found else "BREAKDOWN_DAY"


def part_of(asked: Asked) -> str:
    found = [one for one in asked.texts("by", Breakdown.keys()) if one not in PERIODS]
    return found[-1] if found else "BREAKDOWN_SYMBOL"
