"""What a replay earned, by world: equity curve and statistics (PNL-4), by the code that makes the daemon's reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

from actors.rules import profit
from actors.rules.choices import World
from actors.rules.model import Group, Quote
from actors.rules.money import CONTEXT, ZERO, plain
from actors.rules.records import AddEquity
from actors.rules.reserve import reserved
from actors.rules.settings import Settings
from daemon.api import translate_report
from daemon.api.report_curve import Curve
from daemon.exchanges.paper_books import Ledger
from daemon.reports import equity, ratio_worker, ratios
from daemon.reports.capital import capital
from daemon.reports.equity import Points
from daemon.reports.queries import MAX_SNAPSHOTS
from daemon.reports.scope import RATIO_PLACES, Rates, percent_of, rounded
from daemon.reports.statistics import Trades, statistics
from protos.terrace.v1 import report_pb2

MAX_POINTS = 1_000
"""Most points of a curve in a report."""
Marks = Mapping[tuple[str, str], Quote]
"""The last prices, by account and symbol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one world, in the reporting currency. None: a price is missing."""

    world: World
    realized: Decimal | None
    """Net of fees, what open groups have realised so far included."""
    unrealized: Decimal | None
    fees: Decimal | None
    start_equity: Decimal | None
    end_equity: Decimal | None
    statistics: report_pb2.Statistics
    curve: report_pb2.GetEquityCurveResponse


def figures(
    world: World,
    groups: Sequence[Group],
    snapshots: Iterable[AddEquity],
    ledgers: Mapping[str, Ledger],
    marks: Marks,
    settings: Settings,
    end_ms: int,
) -> Figures:
    """`groups`: all of the world, ever. `snapshots` of all worlds, by time."""
    rates = _rates(groups, marks, settings)
    live = [group for group in groups if not group.is_closed]
    own = [row for row in snapshots if row.world is world]
    curve = _curve(own, rates)
    found = translate_report.statistics(
        statistics(trades_of(groups), rates), capital(live, rates), curve, rates, groups
    )
    slots = Decimal(settings.pool.max_open_groups)
    found.pool_used_percent = translate_report.decimal(percent_of(Decimal(len(live)), slots))
    found.free_capital = translate_report.decimal(_free(world, live, ledgers, settings))
    found.world = translate_report.WORLD[world]
    _put_ratios(found, curve, settings.engine.reporting_timezone, end_ms)
    return Figures(
        world=world,
        realized=rates.value(_summed(groups, lambda group: group.realized)),
        unrealized=_unrealized(live, marks, rates),
        fees=rates.value(_summed(groups, lambda group: group.fees)),
        start_equity=curve.before,
        end_equity=curve.points[-1].level if curve.points else None,
        statistics=found,
        curve=translate_report.curve(curve, MAX_POINTS),
    )


def trades_of(groups: Iterable[Group]) -> list[Trades]:
    """Closed groups that had a fill, as the reports take them; by symbol, timeframe and currency."""
    places: dict[tuple[str, str, str], list[Group]] = {}
    for group in groups:
        if group.is_closed and group.close_time_ms is not None and _bought(group):
            place = (group.symbol, group.key.timeframe, group.instrument.quote)
            places.setdefault(place, []).append(group)
    return [
        Trades(
            symbol=symbol,
            timeframe=timeframe,
            quote=quote,
            group_ids=[group.group_id for group in own],
            realized=[plain(group.realized) for group in own],
            invested=[plain(_bought(group)) for group in own],
            close_times_ms=[str(group.close_time_ms) for group in own],
        )
        for (symbol, timeframe, quote), own in sorted(places.items())
    ]


def _bought(group: Group) -> Decimal:
    """What its entry fills cost in quote, fees excluded."""
    return sum((leg.bought_cost for leg in group.legs()), ZERO)


def _summed(groups: Iterable[Group], amount: Callable[[Group], Decimal]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for group in groups:
        quote = group.instrument.quote
        sums[quote] = CONTEXT.add(sums.get(quote, ZERO), amount(group))
    return sums


def _unrealized(live: Iterable[Group], marks: Marks, rates: Rates) -> Decimal | None:
    sums: dict[str, Decimal] = {}
    for group in live:
        if profit.held(group):
            gain = profit.unrealized(group, marks.get((group.account, group.symbol)))
            if gain is None:
                return None
            quote = group.instrument.quote
            sums[quote] = CONTEXT.add(sums.get(quote, ZERO), gain)
    return rates.value(sums)


def _rates(groups: Iterable[Group], marks: Marks, settings: Settings) -> Rates:
    """At the last prices of any account."""
    currency = settings.engine.reporting_currency
    quotes = {group.instrument.quote for group in groups} - {currency}
    found: dict[str, Decimal | None] = {}
    for quote in sorted(quotes):
        priced = (marks.get((account, f"{quote}/{currency}")) for account in settings.accounts)
        found[quote] = next((mark.mid for mark in priced if mark is not None), None)
    return Rates(currency=currency, by_currency=found)


def _free(world: World, live: Iterable[Group], ledgers: Mapping[str, Ledger], settings: Settings) -> Decimal | None:
    """Reporting currency on the accounts less what is reserved for unfilled legs."""
    currency = settings.engine.reporting_currency
    names = [account.name for account in settings.accounts.values() if account.world is world]
    if not all(name in ledgers for name in names):
        return None
    balances = [ledgers[name].balances.get(currency) for name in names]
    cash = sum((balance.total for balance in balances if balance is not None), ZERO)
    return cash - sum((reserved(group) for group in live if group.instrument.quote == currency), ZERO)


# --- the curve ------------------------------------------------------------------------------------


def _curve(rows: Sequence[AddEquity], rates: Rates) -> Curve:
    """Of the snapshots that have a price for everything. It starts from the equity of the first."""
    first = next((row for row in rows if row.equity is not None and row.unrealized is not None), None)
    start = None
    if first is not None and first.equity is not None and first.unrealized is not None:
        start = CONTEXT.subtract(CONTEXT.subtract(first.equity, first.realized), first.unrealized)
    texts = [
        (row.time_ms, plain(row.realized), plain(row.unrealized))
        for row in _thinned(rows)
        if row.unrealized is not None
    ]
    points = Points() if start is None else equity.from_snapshots(texts, start)
    what = "total equity (realised and unrealised)"
    basis = (
        "there is no curve: equity was never known"
        if start is None
        else f"starts from the equity of the world at its first snapshot ({plain(start)}), profit is added; drawdown "
        f"in percent of the highest {what} so far"
    )
    return Curve(
        points=points,
        shares=equity.drawdown_shares(points, start),
        before=start,
        of_what=what,
        basis=basis,
        currency=rates.currency,
        note=rates.note(()),
    )


def _thinned(rows: Sequence[AddEquity]) -> Iterable[AddEquity]:
    """Beyond `MAX_SNAPSHOTS` the last of each of as many equal spans of time, as the daemon does."""
    if len(rows) <= MAX_SNAPSHOTS:
        return rows
    width_ms = (rows[-1].time_ms - rows[0].time_ms) // MAX_SNAPSHOTS + 1
    return {row.time_ms // width_ms: row for row in rows if row.unrealized is not None}.values()


def _put_ratios(message: report_pb2.Statistics, curve: Curve, zone_name: str, end_ms: int) -> None:
    message.ratio_basis = ratios.basis(zone_name, curve.of_what)
    returns = curve.daily_returns(ZoneInfo(zone_name), end_ms)
    if returns is None:
        message.ratio_basis += "; not known: the equity at the start of a day is not above zero or not known"
        return
    message.ratio_basis += f"; {len(returns)} returns"
    found = ratio_worker.ratios([float(value) for value in returns])
    message.sharpe, message.sortino = _ratio(found["sharpe"]), _ratio(found["sortino"])


def _ratio(value: float | None) -> str:
    return "" if value is None else translate_report.decimal(rounded(Decimal(repr(value)), RATIO_PLACES))
