"""ReportService on a real daemon: every figure of a small day, worked by hand (PNL-3, PNL-4)."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import grpc
import pytest

from protos.terrace.v1 import report_pb2 as pb
from protos.terrace.v1 import types_pb2 as t
from tests.daemon.api.calls import Client, refusal
from tests.daemon.api.conftest import Serve
from tests.daemon.reports import day


@pytest.fixture
def traded(serve: Serve) -> tuple[Client, dict[str, str]]:
    client = serve(day.CONFIG).client("admin")
    return client, day.trade(client)


def profit(client: Client, breakdown: pb.Breakdown = pb.BREAKDOWN_UNSPECIFIED, **scope: object) -> pb.Profit:
    request = pb.GetProfitRequest(scope=pb.ReportScope(**scope), breakdown=breakdown)  # type: ignore[arg-type]
    return client.reports.GetProfit(request).profit


def parts(found: pb.Profit) -> dict[str, tuple[str, str, str, int]]:
    return {part.name: (part.realized, part.unrealized, part.fees, part.trades) for part in found.parts}


@pytest.mark.rule("PNL-3", "PNL-4")
def test_every_figure_of_a_day_is_what_its_fills_come_to(traded: tuple[Client, dict[str, str]]) -> None:
    client, ids = traded
    _profit_is_right(client)
    _statistics_are_right(client, ids)
    _equity_is_right(client)
    _day_is_right(client)
    _export_is_right(client, ids)


def _profit_is_right(client: Client) -> None:
    found = profit(client, pb.BREAKDOWN_SYMBOL)
    periods = (found.realized_day, found.realized_week, found.realized_month, found.realized_total)
    assert periods == (day.REALIZED,) * 4
    assert (found.unrealized, found.fees, found.currency) == (day.UNREALIZED, day.FEES, "USDT")
    assert found.world == t.WORLD_PAPER
    assert "00:00 UTC" in found.period_basis
    assert parts(found) == {
        "BTC/USDT": (day.WIN, "0", "0.402", 1),
        "ETH/USDT": (day.LOSS, "0", "0.3996", 1),
        "SOL/USDT": (day.OPEN_FEE, "1", "0.2", 0),
    }
    for breakdown, name in (
        (pb.BREAKDOWN_TIMEFRAME, "15m"),
        (pb.BREAKDOWN_ACCOUNT, "paper"),
        (pb.BREAKDOWN_STRATEGY, ""),
        (pb.BREAKDOWN_SIDE, "long"),
    ):
        assert parts(profit(client, breakdown)) == {name: (day.REALIZED, day.UNREALIZED, day.FEES, 2)}
    today = datetime.now(UTC)
    for breakdown, name in ((pb.BREAKDOWN_DAY, f"{today:%Y-%m-%d}"), (pb.BREAKDOWN_MONTH, f"{today:%Y-%m}")):
        assert parts(profit(client, breakdown)) == {name: (day.REALIZED, "", day.FEES, 2)}
    assert profit(client, symbol="BTC/USDT").realized_total == day.WIN
    assert profit(client, side=t.SIDE_SHORT).realized_total == "0"


def _statistics_are_right(client: Client, ids: dict[str, str]) -> None:
    found = client.reports.GetStatistics(pb.GetStatisticsRequest()).statistics
    assert (found.trades, found.win_rate, found.realized) == (2, "50", "0.7984")
    assert (found.average_win, found.average_loss) == (day.WIN, day.LOSS)
    assert (found.profit_factor, found.reward_risk) == ("1.9985", "1.9985")
    assert (found.sharpe, found.sortino) == ("", "")  # No complete day yet.
    assert "365" in found.ratio_basis
    assert "risk-free rate 0" in found.ratio_basis
    assert "cost invested" in found.percent_basis
    assert [(each.group_id, each.realized_pnl, each.realized_pnl_percent) for each in found.best] == [
        (ids["BTC"], day.WIN, "0.799"),
        (ids["ETH"], day.LOSS, "-0.3998"),
    ]
    assert [each.group_id for each in found.worst] == [ids["ETH"], ids["BTC"]]
    bars = {(bar.from_percent, bar.to_percent): bar.trades for bar in found.histogram if bar.trades}
    assert bars == {("-0.5", "0"): 1, ("0.5", "1"): 1}
    cells = [(cell.symbol, cell.timeframe, cell.realized_pnl, cell.trades) for cell in found.heat_map]
    assert cells == [("BTC/USDT", "15m", day.WIN, 1), ("ETH/USDT", "15m", day.LOSS, 1)]
    assert [(each.symbol, each.exposure, each.percent) for each in found.exposures] == [("SOL/USDT", "1000", "100")]
    # Legs 1 to 4 of SOL: 2.01 x 99.5 + 2.02 x 99 + 2.03 x 98.5 + 2.04 x 98 = 799.85 of 1000.
    assert (found.pool_used_percent, found.locked_percent, found.deployed_capital) == ("10", "79.985", "200")
    # 100000 + 1.598 - 0.7996 - 200.2 in cash, less what the legs lock.
    assert found.free_capital == "99000.7484"
    assert (found.currency, found.valuation_note) == ("USDT", "")


def _equity_is_right(client: Client) -> None:
    found = client.reports.GetEquityCurve(pb.GetEquityCurveRequest())
    assert found.currency == "USDT"
    assert "deposits" in found.basis
    last = found.points[-1]
    assert (last.realized, last.total, last.drawdown_percent) == ("100000.5984", "100001.5984", "0")
    narrow = client.reports.GetEquityCurve(
        pb.GetEquityCurveRequest(scope=pb.ReportScope(symbol="ETH/USDT"), max_points=2)
    )
    assert [(point.realized, point.total) for point in narrow.points][-1] == ("99999.2004", "99999.2004")
    assert len(narrow.points) == 2
    # 0.7996 below the 100000 it began with.
    assert narrow.points[-1].drawdown_percent == "0.0008"


def _day_is_right(client: Client) -> None:
    found = client.reports.GetDailySummary(pb.GetDailySummaryRequest()).summary
    assert found.date == f"{datetime.now(UTC):%Y-%m-%d}"
    assert (found.trades, found.volume, found.net_profit, found.fees) == (2, day.VOLUME, day.REALIZED, day.FEES)
    assert (found.best_symbol, found.worst_symbol) == ("BTC/USDT", "ETH/USDT")
    empty = client.reports.GetDailySummary(pb.GetDailySummaryRequest(date="2020-02-29")).summary
    assert (empty.date, empty.trades, empty.volume, empty.net_profit) == ("2020-02-29", 0, "0", "0")
    assert (empty.best_symbol, empty.worst_symbol) == ("", "")


def _export_is_right(client: Client, ids: dict[str, str]) -> None:
    pages, request = [], pb.ExportTradesRequest(page_size=1)
    while True:
        answer = client.reports.ExportTrades(request)
        pages.append(answer.content)
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    assert len(pages) == 2
    rows = list(csv.DictReader(io.StringIO(b"".join(pages).decode())))
    assert {row["group_id"]: row["realized_pnl"] for row in rows} == {ids["BTC"]: day.WIN, ids["ETH"]: day.LOSS}
    assert {row["realized_pnl_percent_of_invested"] for row in rows} == {"0.799", "-0.3998"}
    assert {row["invested"] for row in rows} == {"200"}
    assert {(row["symbol"], row["close_reason"]) for row in rows} == {("BTC/USDT", "FLAT"), ("ETH/USDT", "EXIT_SIGNAL")}
    answer = client.reports.ExportTrades(pb.ExportTradesRequest(format=pb.EXPORT_FORMAT_JSON))
    assert [json.loads(line)["group_id"] for line in answer.content.splitlines()] == [row["group_id"] for row in rows]


@pytest.mark.rule("PNL-3")
def test_faulty_requests_are_refused_with_the_field(serve: Serve) -> None:
    client = serve().client()
    late, early = datetime(2025, 2, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    scope = pb.ReportScope()
    scope.start_time.FromDatetime(late)
    scope.end_time.FromDatetime(early)
    calls = {
        "scope.end_time": lambda: client.reports.GetProfit(pb.GetProfitRequest(scope=scope)),
        "scope.side": lambda: client.reports.GetProfit(pb.GetProfitRequest(scope=pb.ReportScope(side=9))),  # type: ignore[arg-type]
        "breakdown": lambda: client.reports.GetProfit(pb.GetProfitRequest(breakdown=99)),  # type: ignore[arg-type]
        "scope.symbol": lambda: client.reports.GetStatistics(
            pb.GetStatisticsRequest(scope=pb.ReportScope(symbol="x" * 300))
        ),
        "world": lambda: client.reports.GetDailySummary(pb.GetDailySummaryRequest(world=t.WORLD_LIVE)),
        "date": lambda: client.reports.GetDailySummary(pb.GetDailySummaryRequest(date="yesterday")),
        "max_points": lambda: client.reports.GetEquityCurve(pb.GetEquityCurveRequest(max_points=-1)),
        "page_size": lambda: client.reports.ExportTrades(pb.ExportTradesRequest(page_size=-1)),
        "page_token": lambda: client.reports.ExportTrades(pb.ExportTradesRequest(page_token="none of ours")),
    }
    for field, call in calls.items():
        refused = refusal(call)
        assert (refused.code, field in refused.message) == (grpc.StatusCode.INVALID_ARGUMENT, True), field


def test_an_empty_daemon_answers_with_zeros_and_empty_ratios(serve: Serve) -> None:
    client = serve().client()
    found = profit(client, pb.BREAKDOWN_SYMBOL)
    assert (found.realized_total, found.unrealized, found.fees, list(found.parts)) == ("0", "0", "0", [])
    statistics = client.reports.GetStatistics(pb.GetStatisticsRequest()).statistics
    assert (statistics.trades, statistics.win_rate, statistics.profit_factor, statistics.sharpe) == (0, "", "", "")
    assert client.reports.ExportTrades(pb.ExportTradesRequest()).content.count(b"\n") == 1
