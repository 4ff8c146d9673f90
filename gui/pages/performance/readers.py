"""What the page asks the daemon for: five reports at once, of what is shown and nothing else."""

from __future__ import annotations

import asyncio

from gui.live.topics import Reading, Snapshot
from gui.pages.asked import Asked
from gui.pages.performance.rows import (
    best_rows,
    capital_rows,
    curve_rows,
    figures_row,
    heat_rows,
    part_rows,
    period_rows,
    returns_rows,
    summary_row,
    worst_rows,
)
from gui.pages.performance.scope import part_of, period_of, scope_of
from protos.terrace.v1 import report_pb2 as pb

MAX_POINTS = 500


async def read_performance(reading: Reading) -> Snapshot:
    """Figures in the row ``, then rows by kind: `period:`, `part:`, `point:`, `bucket:`, `heat:`, `best:`, `worst:`,
    `exposure:`, `day`. Raises ClientError."""
    asked = Asked(reading.argument)
    scope = scope_of(asked, reading.world)
    call = reading.client.call
    periods, parts, curve, statistics, day = await asyncio.gather(
        call(pb.GetProfitRequest(scope=scope, breakdown=period_of(asked)), pb.GetProfitResponse),
        call(pb.GetProfitRequest(scope=scope, breakdown=part_of(asked)), pb.GetProfitResponse),
        call(pb.GetEquityCurveRequest(scope=scope, max_points=MAX_POINTS), pb.GetEquityCurveResponse),
        call(pb.GetStatisticsRequest(scope=scope), pb.GetStatisticsResponse),
        call(pb.GetDailySummaryRequest(world=reading.world, date=asked.text("date")), pb.GetDailySummaryResponse),
    )
    found = statistics.statistics
    return {
        "": figures_row(periods.profit, found, curve, reading.now_ms),
        "day": summary_row(day.summary),
        **period_rows(periods.profit),
        **part_rows(parts.profit),
        **curve_rows(curve),
        **returns_rows(found),
        **heat_rows(found),
        **best_rows(found.best),
        **worst_rows(found.worst),
        **capital_rows(found),
    }
