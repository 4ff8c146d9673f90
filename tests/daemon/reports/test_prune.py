"""Deleting old events takes nothing from the reports (LOG-2, PNL-3, PNL-4)."""

from __future__ import annotations

import time

import pytest

from protos.terrace.v1 import record_pb2
from protos.terrace.v1 import report_pb2 as pb
from tests.daemon.api.calls import Client
from tests.daemon.api.conftest import Serve
from tests.daemon.reports import day

YEARS_MS = 20 * 365 * 86_400_000
BREAKDOWNS = (pb.BREAKDOWN_SYMBOL, pb.BREAKDOWN_DAY, pb.BREAKDOWN_MONTH, pb.BREAKDOWN_ACCOUNT, pb.BREAKDOWN_SIDE)


def figures(client: Client) -> dict[str, object]:
    """Everything reports say that does not move with the clock."""
    reports = client.reports
    statistics = reports.GetStatistics(pb.GetStatisticsRequest()).statistics
    # Old equity keeps one point an hour, so a dip within an hour is smoothed away, in the curve as in its drawdown.
    for field in [each.name for each in statistics.DESCRIPTOR.fields if "drawdown" in each.name]:
        statistics.ClearField(field)
    curve = reports.GetEquityCurve(pb.GetEquityCurveRequest())
    return {
        "profit": [reports.GetProfit(pb.GetProfitRequest(breakdown=each)).profit for each in BREAKDOWNS],
        "statistics": statistics,
        "last": (curve.points[-1].realized, curve.points[-1].total, curve.points[-1].drawdown_percent),
        "first": (curve.points[0].realized, curve.points[0].total),
        "basis": curve.basis,
        "day": reports.GetDailySummary(pb.GetDailySummaryRequest()).summary,
        "trades": reports.ExportTrades(pb.ExportTradesRequest(format=pb.EXPORT_FORMAT_CSV)).content,
    }


@pytest.mark.rule("PNL-3", "PNL-4", "LOG-2")
def test_reports_are_the_same_before_and_after_everything_old_was_deleted(serve: Serve) -> None:
    served = serve(day.CONFIG)
    client = served.client("admin")
    day.trade(client)
    before = figures(client)
    events = len(client.records.ListEvents(record_pb2.ListEventsRequest()).events)
    later_ms = int(time.time() * 1000) + YEARS_MS
    store = served.daemon._store
    while store.prune(later_ms, later_ms):
        pass
    assert len(client.records.ListEvents(record_pb2.ListEventsRequest()).events) < events
    assert figures(client) == before
