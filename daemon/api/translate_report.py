"""Reports as messages. What is not known, or cannot be computed, is empty: never a zero and never NaN."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from actors.rules.model import Group
from actors.rules.money import CONTEXT, ZERO
from daemon.api.report_curve import Curve
from daemon.api.translate import WORLD, decimal, timestamp
from daemon.reports import equity
from daemon.reports.capital import Capital
from daemon.reports.profit import Part, PartSum, Totals, totals
from daemon.reports.scope import Rates
from daemon.reports.statistics import PERCENT_BASIS, Bar, Cell, Result, TradeStatistics
from protos.terrace.v1 import report_pb2 as pb

__all__ = ["WORLD", "curve", "daily", "decimal", "profit", "statistics"]

DEFAULT_POINTS = 500
MAX_POINTS = 5_000


def _quotes(groups: Iterable[Group]) -> set[str]:
    return {group.instrument.quote for group in groups}


def profit(
    found: Totals, parts: Sequence[Part], unrealized: Decimal | None, rates: Rates, groups: Iterable[Group]
) -> pb.Profit:
    return pb.Profit(
        realized_day=decimal(found.day),
        realized_week=decimal(found.week),
        realized_month=decimal(found.month),
        realized_total=decimal(found.all_time),
        unrealized=decimal(unrealized),
        fees=decimal(found.fees),
        currency=rates.currency,
        parts=[_part(part) for part in parts],
        valuation_note=rates.note({*found.quotes, *_quotes(groups)}),
    )


def _part(part: Part) -> pb.ProfitPart:
    return pb.ProfitPart(
        name=part.name,
        realized=decimal(part.realized),
        unrealized=decimal(part.unrealized),
        fees=decimal(part.fees),
        trades=part.trades,
    )


def curve(found: Curve, max_points: int) -> pb.GetEquityCurveResponse:
    """Thinned evenly; 0: `DEFAULT_POINTS`."""
    kept = equity.thinned(len(found.points), min(max_points or DEFAULT_POINTS, MAX_POINTS))
    return pb.GetEquityCurveResponse(
        points=[
            pb.EquityPoint(
                time=timestamp(found.points[index].time_ms),
                realized=decimal(found.points[index].realized),
                total=decimal(found.points[index].total),
                drawdown_percent=decimal(equity.share_percent(found.shares[index])),
            )
            for index in kept
        ],
        currency=found.currency,
        basis=found.basis,
        valuation_note=found.note,
    )


def statistics(
    found: TradeStatistics, capital: Capital, curve: Curve, rates: Rates, groups: Iterable[Group]
) -> pb.Statistics:
    """All but the ratios and what the whole world shares."""
    return pb.Statistics(
        trades=found.trades,
        win_rate=decimal(found.win_rate),
        realized=decimal(found.realized),
        average_win=decimal(found.average_win),
        average_loss=decimal(found.average_loss),
        profit_factor=decimal(found.profit_factor),
        reward_risk=decimal(found.reward_risk),
        max_drawdown_percent=decimal(equity.share_percent(equity.deepest(curve.shares))),
        current_drawdown_percent=decimal(equity.share_percent(curve.shares[-1] if curve.shares else None)),
        best=[_result(result) for result in found.best],
        worst=[_result(result) for result in found.worst],
        histogram=[_bar(bar) for bar in found.histogram],
        heat_map=[_cell(cell) for cell in found.heat_map],
        exposures=[
            pb.SymbolExposure(symbol=each.symbol, exposure=decimal(each.amount), percent=decimal(each.percent))
            for each in capital.exposures
        ],
        locked_percent=decimal(capital.locked_percent),
        deployed_capital=decimal(capital.deployed),
        currency=rates.currency,
        percent_basis=f"{PERCENT_BASIS}; drawdowns are of the highest {curve.of_what} before",
        valuation_note=rates.note({*found.quotes, *_quotes(groups)}),
    )


def _result(result: Result) -> pb.TradeResult:
    return pb.TradeResult(
        group_id=result.group_id,
        symbol=result.symbol,
        timeframe=result.timeframe,
        realized_pnl=decimal(result.realized),
        realized_pnl_percent=decimal(result.percent),
        close_time=timestamp(result.close_time_ms),
    )


def _bar(bar: Bar) -> pb.ReturnBucket:
    return pb.ReturnBucket(from_percent=decimal(bar.low), to_percent=decimal(bar.high), trades=bar.trades)


def _cell(cell: Cell) -> pb.HeatCell:
    return pb.HeatCell(
        symbol=cell.symbol, timeframe=cell.timeframe, realized_pnl=decimal(cell.realized), trades=cell.trades
    )


def daily(sums: Sequence[PartSum], traded: Mapping[str, Decimal], rates: Rates) -> pb.DailySummary:
    """`sums` of one day, by symbol."""
    found = totals((), sums, rates)
    by_symbol: dict[str, dict[str, Decimal]] = {}
    for row in sums:
        if row.quote:
            amounts = by_symbol.setdefault(row.name, {})
            amounts[row.quote] = CONTEXT.add(amounts.get(row.quote, ZERO), row.realized)
    worth = {symbol: rates.value(amounts) for symbol, amounts in by_symbol.items()}
    ranked = sorted((amount, symbol) for symbol, amount in worth.items() if amount is not None)
    is_known = len(ranked) == len(worth)
    return pb.DailySummary(
        trades=sum(row.trades for row in sums),
        volume=decimal(rates.value(traded)),
        net_profit=decimal(found.all_time),
        fees=decimal(found.fees),
        best_symbol=ranked[-1][1] if ranked and is_known else "",
        worst_symbol=ranked[0][1] if ranked and is_known else "",
        currency=rates.currency,
        valuation_note=rates.note({*found.quotes, *traded}),
    )
