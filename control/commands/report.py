"""`terrace report`: profit, equity, stats, daily, export."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control.exits import ExitCode
from control.options import Account, Output, Symbol, Timeframe, World, noun
from control.printer import Column, Format, amount, pairs, say, table, when, write
from control.repeat import watchable
from control.session import Stop, session, world_value
from control.times import point_in_time

if TYPE_CHECKING:
    from protos.terrace.v1 import report_pb2

app = noun("Profit, statistics, exports.")


class Part(StrEnum):
    SYMBOL = "symbol"
    TIMEFRAME = "timeframe"
    ACCOUNT = "account"
    STRATEGY = "strategy"
    SIDE = "side"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class SideName(StrEnum):
    LONG = "long"
    SHORT = "short"


class ExportName(StrEnum):
    CSV = "csv"
    JSON = "json"


Strategy = Annotated[str, typer.Option(metavar="STRATEGY", help="Only this strategy (alert name).")]
Side = Annotated[SideName | None, typer.Option(help="Only this side.")]
Since = Annotated[str, typer.Option(metavar="TIME", help="From this time on: ISO 8601, or an age such as 30d.")]
Until = Annotated[str, typer.Option(metavar="TIME", help="Before this time.")]


@app.command("profit")
@watchable
def profit(
    ctx: typer.Context,
    by: Annotated[Part | None, typer.Option(help="Split up by this.")] = None,
    account: Account = "",
    symbol: Symbol = "",
    timeframe: Timeframe = "",
    strategy: Strategy = "",
    side: Side = None,
    since: Since = "",
    until: Until = "",
    world: World = None,
    output: Output = Format.TABLE,
) -> None:
    """Show realised and unrealised profit.

    \b
    Examples:
      terrace report profit
      terrace report profit --by symbol --since 30d
    """
    from protos.terrace.v1 import report_pb2 as pb

    run = session(ctx)
    request = pb.GetProfitRequest(
        scope=_scope(account, symbol, timeframe, strategy, side, since, until, world),
        breakdown=f"BREAKDOWN_{by.name}" if by else "BREAKDOWN_UNSPECIFIED",
    )
    answer = run.call(request, pb.GetProfitResponse)
    run.emit(answer, output, lambda: _profit(answer.profit))


@app.command("equity")
@watchable
def equity(
    ctx: typer.Context,
    points: Annotated[int, typer.Option(min=0, metavar="N", help="Most points; 0: the daemon's choice.")] = 0,
    account: Account = "",
    since: Since = "",
    until: Until = "",
    world: World = None,
    output: Output = Format.TABLE,
) -> None:
    """Show the equity curve.

    \b
    Examples:
      terrace report equity --since 30d --points 30
    """
    from protos.terrace.v1 import report_pb2 as pb

    run = session(ctx)
    request = pb.GetEquityCurveRequest(scope=_scope(account, "", "", "", None, since, until, world), max_points=points)
    answer = run.call(request, pb.GetEquityCurveResponse)
    run.emit(answer, output, lambda: _equity(answer))


@app.command("stats")
@watchable
def stats(
    ctx: typer.Context,
    account: Account = "",
    symbol: Symbol = "",
    timeframe: Timeframe = "",
    strategy: Strategy = "",
    side: Side = None,
    since: Since = "",
    until: Until = "",
    world: World = None,
    output: Output = Format.TABLE,
) -> None:
    """Show statistics of closed trades.

    \b
    Examples:
      terrace report stats
      terrace report stats --symbol BTC/USDT -o json
    """
    from protos.terrace.v1 import report_pb2 as pb

    run = session(ctx)
    scope = _scope(account, symbol, timeframe, strategy, side, since, until, world)
    answer = run.call(pb.GetStatisticsRequest(scope=scope), pb.GetStatisticsResponse)
    run.emit(answer, output, lambda: _statistics(answer.statistics))


@app.command("daily")
@watchable
def daily(
    ctx: typer.Context,
    date: Annotated[str, typer.Argument(metavar="[DATE]", help="The day, YYYY-MM-DD; today if left out.")] = "",
    world: World = None,
    output: Output = Format.TABLE,
) -> None:
    """Show one day in one view.

    \b
    Examples:
      terrace report daily
      terrace report daily 2025-06-01
    """
    from protos.terrace.v1 import report_pb2 as pb

    run = session(ctx)
    request = pb.GetDailySummaryRequest(date=date, world=world_value(world))
    answer = run.call(request, pb.GetDailySummaryResponse)
    run.emit(answer, output, lambda: _daily(answer.summary))


@app.command("export")
def export(
    ctx: typer.Context,
    form: Annotated[ExportName, typer.Option("--format", help="Form of the export.")] = ExportName.CSV,
    file: Annotated[str, typer.Option(metavar="FILE", help="Write here instead of standard output.")] = "",
    account: Account = "",
    symbol: Symbol = "",
    timeframe: Timeframe = "",
    strategy: Strategy = "",
    side: Side = None,
    since: Since = "",
    until: Until = "",
    world: World = None,
    output: Output = Format.TABLE,
) -> None:
    """Export closed trades, oldest first, as CSV or as one JSON object a line.

    \b
    Examples:
      terrace report export > trades.csv
      terrace report export --format json --since 2025-01-01 --file trades.json
    """
    from protos.terrace.v1 import report_pb2 as pb

    run = session(ctx)
    if output is Format.YAML:
        raise Stop("trades are exported as CSV or JSON: --format csv or --format json", ExitCode.USAGE)
    form = ExportName.JSON if output is Format.JSON else form
    request = pb.ExportTradesRequest(
        scope=_scope(account, symbol, timeframe, strategy, side, since, until, world),
        format=f"EXPORT_FORMAT_{form.name}",
    )
    pages = []
    while True:
        answer = run.call(request, pb.ExportTradesResponse)
        pages.append(answer.content)
        if not answer.next_page_token:
            break
        request.page_token = answer.next_page_token
    text = b"".join(pages).decode()
    if not file:
        write(text)
        return
    try:
        Path(file).write_text(text)
    except OSError as error:
        raise Stop(f"{file}: {error.strerror or error}", ExitCode.FAILED) from None
    say(f"written to {file}")


def _scope(
    account: str,
    symbol: str,
    timeframe: str,
    strategy: str,
    side: SideName | None,
    since: str,
    until: str,
    world: str | None,
) -> report_pb2.ReportScope:
    from protos.terrace.v1 import report_pb2 as pb

    return pb.ReportScope(
        account=account,
        symbol=symbol,
        timeframe=timeframe,
        strategy=strategy,
        side=f"SIDE_{side.name}" if side else "SIDE_UNSPECIFIED",
        start_time=point_in_time(since, "--since"),
        end_time=point_in_time(until, "--until"),
        world=world_value(world),
    )


def _profit(profit: report_pb2.Profit) -> str:
    facts = pairs(
        [
            ("realized today", profit.realized_day),
            ("this week", profit.realized_week),
            ("this month", profit.realized_month),
            ("all time", profit.realized_total),
            ("unrealized", profit.unrealized),
            ("fees", profit.fees),
            ("currency", profit.currency),
            ("periods", profit.period_basis),
            *_note(profit.valuation_note),
        ]
    )
    return _blocks(facts, table(profit.parts, PART_COLUMNS) if profit.parts else "")


def _equity(answer: report_pb2.GetEquityCurveResponse) -> str:
    facts = pairs([("currency", answer.currency), ("basis", answer.basis), *_note(answer.valuation_note)])
    return _blocks(table(answer.points, EQUITY_COLUMNS), facts)


def _daily(summary: report_pb2.DailySummary) -> str:
    return pairs(
        [
            ("date", summary.date),
            ("trades", summary.trades),
            ("volume", summary.volume),
            ("net profit", amount(summary.net_profit, summary.currency)),
            ("fees", summary.fees),
            ("best", summary.best_symbol),
            ("worst", summary.worst_symbol),
            ("periods", summary.period_basis),
            *_note(summary.valuation_note),
        ]
    )


def _statistics(found: report_pb2.Statistics) -> str:
    facts = pairs(
        [
            ("trades", found.trades),
            ("realized", amount(found.realized, found.currency)),
            ("win rate %", found.win_rate),
            ("average win", found.average_win),
            ("average loss", found.average_loss),
            ("reward/risk", found.reward_risk),
            ("profit factor", found.profit_factor),
            ("sharpe", found.sharpe),
            ("sortino", found.sortino),
            ("ratios", found.ratio_basis),
            ("max drawdown %", found.max_drawdown_percent),
            ("drawdown %", found.current_drawdown_percent),
            ("percentages", found.percent_basis),
            ("pool used %", found.pool_used_percent),
            ("locked %", found.locked_percent),
            ("deployed", found.deployed_capital),
            ("free", found.free_capital),
            *_note(found.valuation_note),
        ]
    )
    bars = [bar for bar in found.histogram if bar.trades]
    return _blocks(
        facts,
        _titled("best trades", found.best, RESULT_COLUMNS),
        _titled("worst trades", found.worst, RESULT_COLUMNS),
        _titled("returns", bars, BAR_COLUMNS),
        _titled("by symbol and timeframe", found.heat_map, CELL_COLUMNS),
        _titled("exposure", found.exposures, EXPOSURE_COLUMNS),
    )


def _note(text: str) -> list[tuple[str, object]]:
    return [("valued", text)] if text else []


def _titled(title: str, rows: Sequence[Any], columns: list[Column[Any]]) -> str:
    return f"{title}\n{table(rows, columns)}" if rows else ""


def _blocks(*blocks: str) -> str:
    """One below the other, with a line between; those without text left out."""
    return "\n\n".join(filter(None, blocks))


PART_COLUMNS: list[Column[Any]] = [
    Column(title="PART", value=lambda row: row.name),
    Column(title="REALIZED", value=lambda row: row.realized, right=True),
    Column(title="UNREALIZED", value=lambda row: row.unrealized, right=True),
    Column(title="FEES", value=lambda row: row.fees, right=True),
    Column(title="TRADES", value=lambda row: row.trades, right=True),
]
EQUITY_COLUMNS: list[Column[Any]] = [
    Column(title="TIME", value=lambda row: when(row, "time")),
    Column(title="REALIZED", value=lambda row: row.realized, right=True),
    Column(title="TOTAL", value=lambda row: row.total, right=True),
    Column(title="DRAWDOWN %", value=lambda row: row.drawdown_percent, right=True),
]
RESULT_COLUMNS: list[Column[Any]] = [
    Column(title="GROUP", value=lambda row: row.group_id),
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="TF", value=lambda row: row.timeframe),
    Column(title="REALIZED", value=lambda row: row.realized_pnl, right=True),
    Column(title="% OF INVESTED", value=lambda row: row.realized_pnl_percent, right=True),
    Column(title="CLOSED", value=lambda row: when(row, "close_time")),
]
BAR_COLUMNS: list[Column[Any]] = [
    Column(title="FROM % OF INVESTED", value=lambda row: row.from_percent, right=True),
    Column(title="TO", value=lambda row: row.to_percent, right=True),
    Column(title="TRADES", value=lambda row: row.trades, right=True),
]
CELL_COLUMNS: list[Column[Any]] = [
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="TF", value=lambda row: row.timeframe),
    Column(title="REALIZED", value=lambda row: row.realized_pnl, right=True),
    Column(title="TRADES", value=lambda row: row.trades, right=True),
]
EXPOSURE_COLUMNS: list[Column[Any]] = [
    Column(title="SYMBOL", value=lambda row: row.symbol),
    Column(title="EXPOSURE", value=lambda row: row.exposure, right=True),
    Column(title="% OF ALL", value=lambda row: row.percent, right=True),
]
