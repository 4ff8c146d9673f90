"""Reports as rows. What a chart draws stands beside what is read, as the plain decimal it came as. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from gui.live.topics import Cell, Row
from gui.show.amounts import gain, money
from gui.show.numbers import NONE, THIN, number, signed
from gui.show.numbers import percent as share
from gui.show.profit import exact
from gui.show.times import ms_of, time_cell
from protos.terrace.v1 import report_pb2 as pb

RATIO_PLACES = 2


def figures_row(profit: pb.Profit, found: pb.Statistics, curve: pb.GetEquityCurveResponse, now_ms: int) -> Row:
    """Everything that is one figure."""
    unit = profit.currency
    return {
        "as_of": str(now_ms),
        "currency": unit,
        "day": gain(profit.realized_day, unit),
        "week": gain(profit.realized_week, unit),
        "month": gain(profit.realized_month, unit),
        "total": gain(profit.realized_total, unit),
        "unrealized": gain(profit.unrealized, unit),
        "fees": money(profit.fees, unit),
        "scope_realized": gain(found.realized, unit),
        "trades": str(found.trades),
        "win_rate": share(found.win_rate, 1),
        "average_win": gain(found.average_win, unit),
        "average_loss": gain(found.average_loss, unit),
        "reward_risk": number(found.reward_risk, RATIO_PLACES),
        "profit_factor": number(found.profit_factor, RATIO_PLACES),
        "sharpe": number(found.sharpe, RATIO_PLACES),
        "sortino": number(found.sortino, RATIO_PLACES),
        "max_drawdown": share(found.max_drawdown_percent),
        "drawdown": share(found.current_drawdown_percent),
        "pool_used": share(found.pool_used_percent, 1),
        "locked": share(found.locked_percent, 1),
        "deployed": money(found.deployed_capital, unit),
        "free": money(found.free_capital, unit),
        "period_basis": profit.period_basis,
        "ratio_basis": found.ratio_basis,
        "percent_basis": found.percent_basis,
        "curve_basis": curve.basis,
        "valuation_note": profit.valuation_note or found.valuation_note,
    }


def summary_row(day: pb.DailySummary) -> Row:
    return {
        "date": day.date,
        "trades": str(day.trades),
        "volume": money(day.volume, day.currency),
        "net": gain(day.net_profit, day.currency),
        "fees": money(day.fees, day.currency),
        "best": day.best_symbol or NONE,
        "worst": day.worst_symbol or NONE,
        "basis": day.period_basis,
    }


def period_rows(profit: pb.Profit) -> dict[str, Row]:
    return {f"period:{at:05}": _part(part, profit.currency) for at, part in enumerate(profit.parts)}


def part_rows(profit: pb.Profit) -> dict[str, Row]:
    return {f"part:{part.name}": _part(part, profit.currency) for part in profit.parts}


def _part(part: pb.ProfitPart, currency: str) -> dict[str, Cell]:
    return {
        "name": part.name or "none named",
        "realized": gain(part.realized, currency),
        "unrealized": gain(part.unrealized, currency),
        "fees": (money(part.fees, currency), "", part.fees),
        "trades": (str(part.trades), "", str(part.trades)),
    }


def curve_rows(curve: pb.GetEquityCurveResponse) -> dict[str, Row]:
    """By time, so that a point that stays is not told again."""
    return {
        f"point:{ms_of(point.time):013}:{at:05}": {
            "ms": str(ms_of(point.time)),
            "realized": point.realized,
            "total": point.total,
            "drawdown": point.drawdown_percent,
        }
        for at, point in enumerate(curve.points)
    }


def returns_rows(found: pb.Statistics) -> dict[str, Row]:
    return {
        f"bucket:{at:03}": {
            "name": _between(one),
            "from": one.from_percent,
            "to": one.to_percent,
            "sign": "loss" if one.to_percent and Decimal(one.to_percent) <= 0 else "gain",
            "trades": (str(one.trades), "", str(one.trades)),
        }
        for at, one in enumerate(found.histogram)
    }


def _between(one: pb.ReturnBucket) -> str:
    """The outer bars are open."""
    if not one.from_percent:
        return f"below {number(one.to_percent)}{THIN}%"
    if not one.to_percent:
        return f"{number(one.from_percent)}{THIN}% and more"
    return f"{number(one.from_percent)} to {number(one.to_percent)}{THIN}%"


def heat_rows(found: pb.Statistics) -> dict[str, Row]:
    return {
        f"heat:{one.symbol}:{one.timeframe}": {
            "symbol": one.symbol,
            "timeframe": one.timeframe,
            "realized": gain(one.realized_pnl, found.currency),
            "trades": (str(one.trades), "", str(one.trades)),
        }
        for one in found.heat_map
    }


def best_rows(trades: Iterable[pb.TradeResult]) -> dict[str, Row]:
    """Those that brought a profit: with few trades the best ones may be losses, which are none."""
    return _trade_rows("best", (one for one in trades if (exact(one.realized_pnl) or 0) > 0))


def worst_rows(trades: Iterable[pb.TradeResult]) -> dict[str, Row]:
    """Those that lost."""
    return _trade_rows("worst", (one for one in trades if (exact(one.realized_pnl) or 0) < 0))


def _trade_rows(kind: str, trades: Iterable[pb.TradeResult]) -> dict[str, Row]:
    return {
        f"{kind}:{at:02}:{one.group_id}": {
            "group": one.group_id,
            "pair": one.symbol,
            "timeframe": one.timeframe,
            "realized": signed(one.realized_pnl),
            "percent": signed(one.realized_pnl_percent, 2, f"{THIN}%"),
            "closed": time_cell(one.close_time),
        }
        for at, one in enumerate(trades)
    }


def capital_rows(found: pb.Statistics) -> dict[str, Row]:
    return {
        f"exposure:{one.symbol}": {
            "name": one.symbol,
            "exposure": (money(one.exposure, found.currency), "", one.exposure),
            "percent": (share(one.percent, 1), "", one.percent),
        }
        for one in found.exposures
    }
