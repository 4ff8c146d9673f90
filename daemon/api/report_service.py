"""ReportService: profit, equity, statistics, one day, exports (PNL-3, PNL-4).

Whatever walks through the store or many groups runs off the loop, in short read transactions that nobody waits for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from zoneinfo import ZoneInfo

from actors.rules import profit as books
from actors.rules.choices import World
from actors.rules.model import Group, Side
from actors.rules.money import CONTEXT, ZERO
from daemon.api import status, valuing
from daemon.api import translate_report as to
from daemon.api.account_states import describe_all
from daemon.api.engine import Engine
from daemon.api.errors import faulty_field
from daemon.api.kinds import Context
from daemon.api.pages import start_of, token
from daemon.api.report_curve import Curve, curve_of
from daemon.api.translate import SIDE, milliseconds
from daemon.reports import export, periods, profit, queries, ratios, statistics
from daemon.reports.capital import capital
from daemon.reports.scope import Amounts, Rates, Scope, percent_of
from protos.terrace.v1 import report_pb2 as pb
from protos.terrace.v1 import report_pb2_grpc

DEFAULT_EXPORT = 1_000
MAX_EXPORT = 10_000
MAX_NAME_CHARS = 256
"""Longest filter: nothing stored is longer."""

_SIDE_OF: Mapping[int, Side] = {number: side for side, number in SIDE.items()}
_BY: Mapping[int, str] = {
    pb.BREAKDOWN_UNSPECIFIED: "",
    pb.BREAKDOWN_SYMBOL: "symbol",
    pb.BREAKDOWN_TIMEFRAME: "timeframe",
    pb.BREAKDOWN_ACCOUNT: "account",
    pb.BREAKDOWN_STRATEGY: "strategy",
    pb.BREAKDOWN_SIDE: "side",
}
_PERIOD: Mapping[int, periods.Period] = {
    pb.BREAKDOWN_DAY: periods.Period.DAY,
    pb.BREAKDOWN_WEEK: periods.Period.WEEK,
    pb.BREAKDOWN_MONTH: periods.Period.MONTH,
}


class ReportService(report_pb2_grpc.ReportServiceServicer):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ratios = ratios.Ratios()

    async def close(self) -> None:
        """Ends the process that computes ratios, if there is one."""
        await self._ratios.close()

    async def GetProfit(self, request: pb.GetProfitRequest, _context: Context) -> pb.GetProfitResponse:
        engine, scope = self._engine, self._scope(request.scope)
        period = _PERIOD.get(request.breakdown)
        if period is None and request.breakdown not in _BY:
            raise faulty_field("breakdown", "is not one of the contract's")
        by, zone = _BY.get(request.breakdown, ""), self._zone()
        starts = periods.starts(engine.clock.now_ms(), zone)

        def ask(run: queries.Run) -> _Sums:
            recent = queries.recent_sums(run, scope, starts)
            has_times = scope.start_ms is not None or scope.end_ms is not None
            periodic = () if period is None else queries.period_sums(run, scope, period, zone)
            if period is not None and not has_times:  # They are all of the ledger.
                return _Sums(recent=recent, ever=periodic, parts=periodic)
            ever = queries.group_sums(run, scope, "" if has_times else by)
            if period is not None:
                return _Sums(recent=recent, ever=ever, parts=periodic)
            if not by:
                return _Sums(recent=recent, ever=ever, parts=())
            return _Sums(recent=recent, ever=ever, parts=queries.ledger_sums(run, scope, by) if has_times else ever)

        sums: _Sums = await engine.read(engine.reader.report, ask)
        return await asyncio.to_thread(self._profit, scope, sums, by)

    def _profit(self, scope: Scope, sums: _Sums, by: str) -> pb.GetProfitResponse:
        groups = self._live(scope)
        rates = self._rates(scope.world, [row.quote for row in sums.ever if row.quote], groups)
        unrealized = _unrealized_by(self._engine, groups, by) if by else None
        parts = profit.parts(sums.parts, unrealized, rates)
        found = profit.totals(sums.recent, sums.ever, rates)
        message = to.profit(found, parts, valuing.unrealized(self._engine, groups), rates, groups)
        message.world = to.WORLD[scope.world]
        message.period_basis = periods.basis(self._zone_name())
        return pb.GetProfitResponse(profit=message)

    async def GetEquityCurve(self, request: pb.GetEquityCurveRequest, _context: Context) -> pb.GetEquityCurveResponse:
        if request.max_points < 0:
            raise faulty_field("max_points", "must not be negative")
        scope = self._scope(request.scope)
        curve = await curve_of(self._engine, scope, lambda quotes: self._rates(scope.world, quotes, ()))
        return await asyncio.to_thread(to.curve, curve, request.max_points)

    async def GetStatistics(self, request: pb.GetStatisticsRequest, _context: Context) -> pb.GetStatisticsResponse:
        engine, scope = self._engine, self._scope(request.scope)
        accounts = [each for each in engine.accounts(scope.world) if scope.account in ("", each.name)]
        found, curve, known = await asyncio.gather(
            engine.read(engine.reader.report, lambda run: queries.trades(run, scope)),
            curve_of(engine, scope, lambda quotes: self._rates(scope.world, quotes, ())),
            describe_all(engine, accounts),
        )

        def compute() -> pb.Statistics:
            groups = self._live(scope)
            rates = self._rates(scope.world, [trades.quote for trades in found], groups)
            message = to.statistics(statistics.statistics(found, rates), capital(groups, rates), curve, rates, groups)
            live = list(engine.view.current.live(scope.world))
            slots = engine.settings().pool.max_open_groups
            message.pool_used_percent = to.decimal(percent_of(Decimal(len(live)), Decimal(slots)))
            in_accounts = [group for group in live if scope.account in ("", group.account)]
            message.free_capital = to.decimal(status.free_capital(engine, known, in_accounts))
            message.world = to.WORLD[scope.world]
            return message

        message = await asyncio.to_thread(compute)
        await self._put_ratios(message, curve)
        return pb.GetStatisticsResponse(statistics=message)

    async def _put_ratios(self, message: pb.Statistics, curve: Curve) -> None:
        message.ratio_basis = ratios.basis(self._zone_name(), curve.of_what)
        returns = await asyncio.to_thread(curve.daily_returns, self._zone(), self._engine.clock.now_ms())
        if returns is None:
            message.ratio_basis += "; not known: the equity at the start of a day is not above zero or not known"
            return
        message.ratio_basis += f"; {len(returns)} returns"
        try:
            pair = await self._ratios.of(returns)
        except ratios.RatioFault as fault:
            message.ratio_basis += f"; {fault}"
            return
        message.sharpe, message.sortino = to.decimal(pair.sharpe), to.decimal(pair.sortino)

    async def GetDailySummary(
        self, request: pb.GetDailySummaryRequest, _context: Context
    ) -> pb.GetDailySummaryResponse:
        engine, world, zone = self._engine, self._engine.world(request.world), self._zone()
        day = _date(request.date) if request.date else periods.day_of(engine.clock.now_ms(), zone)
        scope = Scope(world=world, start_ms=periods.day_start_ms(day, zone), end_ms=periods.day_end_ms(day, zone))
        edges_ms = (scope.start_ms, scope.end_ms)

        sums, volumes = await asyncio.gather(
            engine.read(engine.reader.report, lambda run: queries.ledger_sums(run, scope, "symbol")),
            engine.read(engine.reader.volumes, world, edges_ms=edges_ms),
        )
        traded = {volume.quote: volume.notional for volume in volumes}
        rates = self._rates(world, [*traded, *(row.quote for row in sums if row.quote)], ())
        summary = to.daily(sums, traded, rates)
        summary.date, summary.world = day.isoformat(), to.WORLD[world]
        summary.period_basis = periods.basis(self._zone_name())
        return pb.GetDailySummaryResponse(summary=summary)

    async def ExportTrades(self, request: pb.ExportTradesRequest, _context: Context) -> pb.ExportTradesResponse:
        if request.page_size < 0:
            raise faulty_field("page_size", "must not be negative")
        engine, scope = self._engine, self._scope(request.scope)
        size = min(request.page_size or DEFAULT_EXPORT, MAX_EXPORT)
        after = _place(start_of(request))
        is_json = request.format == pb.EXPORT_FORMAT_JSON

        def ask(run: queries.Run) -> tuple[bytes, list[export.Exported]]:
            found = queries.exported(run, scope, after, size + 1)
            page = found[:size]
            return export.as_json(page) if is_json else export.as_csv(page, with_header=after is None), found

        content, found = await engine.read(engine.reader.report, ask)
        last = found[size - 1] if len(found) > size else None
        return pb.ExportTradesResponse(
            content=content,
            content_type=export.JSON_TYPE if is_json else export.CSV_TYPE,
            next_page_token=token(request, f"{last.close_time_ms}.{last.group_id}") if last is not None else "",
        )

    # --- helpers ----------------------------------------------------------------------------------

    def _scope(self, asked: pb.ReportScope) -> Scope:
        for name in ("account", "symbol", "timeframe", "strategy"):
            if len(getattr(asked, name)) > MAX_NAME_CHARS:
                raise faulty_field(f"scope.{name}", f"is longer than {MAX_NAME_CHARS} characters")
        side: Side | None = _SIDE_OF.get(asked.side)
        if asked.side and side is None:
            raise faulty_field("scope.side", "is not one of the contract's")
        start_ms = milliseconds(asked.start_time) if asked.HasField("start_time") else None
        end_ms = milliseconds(asked.end_time) if asked.HasField("end_time") else None
        if start_ms is not None and end_ms is not None and end_ms < start_ms:
            raise faulty_field("scope.end_time", "is before the start")
        return Scope(
            world=self._engine.world(asked.world),
            account=asked.account,
            symbol=asked.symbol,
            timeframe=asked.timeframe,
            strategy=asked.strategy,
            side=side,
            start_ms=start_ms,
            end_ms=end_ms,
        )

    def _live(self, scope: Scope) -> list[Group]:
        return [group for group in self._engine.view.current.live(scope.world) if scope.covers(group)]

    def _rates(self, world: World, quotes: Iterable[str], groups: Iterable[Group]) -> Rates:
        engine = self._engine
        accounts = engine.accounts(world)
        account = accounts[0].name if accounts else ""
        wanted = {*quotes, *(group.instrument.quote for group in groups)}
        found = {quote: valuing.rate(engine, account, quote) for quote in wanted}
        return Rates(currency=engine.settings().engine.reporting_currency, by_currency=found)

    def _zone_name(self) -> str:
        return self._engine.settings().engine.reporting_timezone

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._zone_name())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """What the store says for one GetProfit, all of one moment."""

    recent: Sequence[profit.Recent]
    ever: Sequence[profit.PartSum]
    parts: Sequence[profit.PartSum]


def _unrealized_by(engine: Engine, groups: Iterable[Group], by: str) -> dict[str, Amounts | None]:
    """In quote, by the value of that column; None where the price of a group is missing."""
    found: dict[str, dict[str, Decimal] | None] = {}
    for group in groups:
        name = _column(group, by)
        amounts = found.setdefault(name, {})
        gain = books.unrealized(group, engine.fresh_quote(group.account, group.symbol)) if books.held(group) else ZERO
        if amounts is None or gain is None:
            found[name] = None
        else:
            quote = group.instrument.quote
            amounts[quote] = CONTEXT.add(amounts.get(quote, ZERO), gain)
    return dict(found)


def _column(group: Group, by: str) -> str:
    columns = {
        "symbol": group.symbol,
        "timeframe": group.key.timeframe,
        "account": group.account,
        "strategy": group.strategy,
        "side": group.side.value,
    }
    return columns[by]


def _date(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or len(text) != 10 or not 1970 < day.year < 9999:
        raise faulty_field("date", "is not a day as YYYY-MM-DD") from None
    return day


def _place(text: str) -> tuple[int, str] | None:
    """Where a page of an export begins."""
    time, _, group_id = text.partition(".")
    if not text:
        return None
    if not time.isdecimal() or len(time) > 18:
        raise faulty_field("page_token", "is not a token of this list")
    return int(time), group_id
