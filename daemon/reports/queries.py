"""Queries of reports that touch many rows: the ledger and closed trades (PNL-3, PNL-4).

They ask for few columns, from a narrow table and a covering index, and leave grouping to SQL. Decimals are text, which
SQL cannot add up exactly: a group comes with its amounts side by side in one text, which is what Python reads fastest,
and what SQLite puts together without the interpreter's lock. Only constants are put into the SQL; values are
parameters (SEC-4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from actors.rules.choices import World
from actors.rules.money import CONTEXT, ZERO
from daemon.reports.equity import Snapshot
from daemon.reports.export import Exported
from daemon.reports.periods import Period, Starts, split
from daemon.reports.profit import PartSum, Recent
from daemon.reports.scope import Scope, summed_text
from daemon.reports.statistics import Trades
from daemon.store.tables import CLOSED, NOT_CLOSED

Run = Callable[[str, tuple[Any, ...]], Iterable[tuple[Any, ...]]]
"""Runs SQL with parameters, in one snapshot of the store."""

NAMED = ("symbol", "timeframe", "account", "strategy", "side")
"""Columns a report can be broken down by."""
MAX_SNAPSHOTS = 60_000
"""Most equity snapshots a curve is made of."""

_CLOSED = f"FROM position_groups INDEXED BY position_groups_closed WHERE world = ? AND {CLOSED}"
_LEDGER = "FROM profits INDEXED BY profits_time WHERE world = ?"
_AMOUNTS = "group_concat(realized, ' '), group_concat(fees, ' ')"
_HAD_FILL = "invested <> '0' AND close_time_ms IS NOT NULL"
_EXPORTED = ", ".join(Exported._fields)

Condition = tuple[str, tuple[Any, ...]]
"""SQL with `AND` in front, or nothing, and its parameters."""


def _filters(scope: Scope) -> Condition:
    """Conditions besides the world and the times."""
    pairs = (
        ("account", scope.account),
        ("symbol", scope.symbol),
        ("timeframe", scope.timeframe),
        ("strategy", scope.strategy),
        ("side", scope.side.value if scope.side else ""),
    )
    used = [(column, value) for column, value in pairs if value]
    return "".join(f" AND {column} = ?" for column, _ in used), tuple(value for _, value in used)


def _times(column: str, scope: Scope) -> Condition:
    used = [(f" AND {column} >= ?", scope.start_ms), (f" AND {column} < ?", scope.end_ms)]
    given = [(words, value) for words, value in used if value is not None]
    return "".join(words for words, _ in given), tuple(value for _, value in given)


def _until(column: str, scope: Scope) -> Condition:
    return ("", ()) if scope.end_ms is None else (f" AND {column} < ?", (scope.end_ms,))


def _by_quote(run: Run, columns: str, source: str, parameters: tuple[Any, ...]) -> Iterable[tuple[Any, ...]]:
    """Rows of a quote and these aggregates. Mostly there is one quote, and nothing has to be sorted for it."""
    for first, last, *found in run(f"SELECT min(quote), max(quote), {columns} {source}", parameters):
        if first == last:
            return [] if first is None else [(first, *found)]
    return run(f"SELECT quote, {columns} {source} GROUP BY quote", parameters)


def recent_sums(run: Run, scope: Scope, starts: Starts) -> list[Recent]:
    """The ledger of the filters since the current week and month began."""
    words, values = _filters(scope)
    sql = (
        "SELECT quote, time_ms >= ?, time_ms >= ?, time_ms >= ?, group_concat(realized, ' ') "
        f"{_LEDGER} AND time_ms >= ?{words} GROUP BY 1, 2, 3, 4"
    )
    since_ms = min(starts.week_ms, starts.month_ms)
    parameters = (starts.day_ms, starts.week_ms, starts.month_ms, scope.world.value, since_ms, *values)
    return [
        Recent(quote=quote, in_day=bool(day), in_week=bool(week), in_month=bool(month), realized=summed_text(amounts))
        for quote, day, week, month, amounts in run(sql, parameters)
    ]


def group_sums(run: Run, scope: Scope, by: str = "") -> list[PartSum]:
    """Of all time, by one of `NAMED` or not at all: what the ledger adds up to, from the groups, which are fewer rows.

    The times of the scope do not count.
    """
    words, values = _filters(scope)
    found: list[PartSum] = []
    for index, condition in (("position_groups_closed", CLOSED), ("position_groups_live", NOT_CLOSED)):
        trades = f"sum(CASE WHEN {_HAD_FILL} THEN 1 ELSE 0 END)" if condition == CLOSED else "0"
        columns = f"{_AMOUNTS}, {trades}"
        source = f"FROM position_groups INDEXED BY {index} WHERE world = ? AND {condition}{words}"
        parameters = (scope.world.value, *values)
        if by in NAMED:
            found += _part_sums(run(f"SELECT {by}, quote, {columns} {source} GROUP BY 1, 2", parameters))
        else:
            found += _part_sums(("", *row) for row in _by_quote(run, columns, source, parameters))
    return found


def realized_now(run: Run, world: World, account: str = "") -> dict[str, Decimal]:
    """Realised profit of all time by currency, of an account or of all."""
    words, values = (" AND account = ?", (account,)) if account else ("", ())
    sums: dict[str, Decimal] = {}
    for index, condition in (("position_groups_closed", CLOSED), ("position_groups_live", NOT_CLOSED)):
        source = f"FROM position_groups INDEXED BY {index} WHERE world = ? AND {condition}{words}"
        for quote, amounts in _by_quote(run, "group_concat(realized, ' ')", source, (world.value, *values)):
            sums[quote] = CONTEXT.add(sums.get(quote, ZERO), summed_text(amounts))
    return sums


def ledger_sums(run: Run, scope: Scope, by: str) -> list[PartSum]:
    """The ledger within the times of the scope, by one of `NAMED`, and the trades that closed in them."""
    words, values = _filters(scope)
    bounds, limits = _times("time_ms", scope)
    sql = f"SELECT {by}, quote, {_AMOUNTS}, 0 FROM profits WHERE world = ?{bounds}{words} GROUP BY 1, 2"
    found = _part_sums(run(sql, (scope.world.value, *limits, *values)))
    bounds, limits = _times("close_time_ms", scope)
    sql = f"SELECT {by}, count(*) {_CLOSED}{bounds}{words} AND {_HAD_FILL} GROUP BY 1"
    counts = run(sql, (scope.world.value, *limits, *values))
    return [*found, *(PartSum(name=name, trades=count) for name, count in counts)]


def period_sums(run: Run, scope: Scope, period: Period, zone: ZoneInfo) -> list[PartSum]:
    """The same by days, weeks or months of a time zone: one short walk along the index for each."""
    words, values = _filters(scope)
    found: list[PartSum] = []
    for name, start_ms, end_ms in split(period, zone, *_extent(run, scope)):
        within = replace(scope, start_ms=max(start_ms, scope.start_ms or 0), end_ms=_earlier(end_ms, scope.end_ms))
        bounds, limits = _times("time_ms", within)
        rows = _by_quote(run, _AMOUNTS, f"{_LEDGER}{bounds}{words}", (scope.world.value, *limits, *values))
        found += _part_sums((name, *row, 0) for row in rows)
        found.append(PartSum(name=name, trades=trade_count(run, within)))
    return [each for each in found if each.quote or each.trades]


def _extent(run: Run, scope: Scope) -> tuple[int, int]:
    """The first and the last time, within those of the scope, of the ledger and of closes: a group may close after the
    last that it realised. The last is before the first if there is nothing.
    """
    ends: list[int] = []
    for column, source in (("time_ms", _LEDGER), ("close_time_ms", f"{_CLOSED} AND close_time_ms IS NOT NULL")):
        bounds, limits = _times(column, scope)
        for function in ("min", "max"):  # One by one, each is the end of an index.
            found = run(f"SELECT {function}({column}) {source}{bounds}", (scope.world.value, *limits))
            ends += [time_ms for (time_ms,) in found if time_ms is not None]
    return (min(ends), max(ends)) if ends else (0, -1)


def _earlier(one: int, other: int | None) -> int:
    return one if other is None else min(one, other)


def trade_count(run: Run, scope: Scope) -> int:
    """Trades closed within the scope."""
    words, values = _filters(scope)
    bounds, limits = _times("close_time_ms", scope)
    sql = f"SELECT count(*) {_CLOSED}{bounds}{words} AND {_HAD_FILL}"
    return sum(count for (count,) in run(sql, (scope.world.value, *limits, *values)))


def _part_sums(rows: Iterable[tuple[Any, ...]]) -> list[PartSum]:
    """Parts in which nothing happened are left out."""
    found = (
        PartSum(name=str(name), quote=quote, realized=summed_text(realized), fees=summed_text(fees), trades=trades)
        for name, quote, realized, fees, trades in rows
    )
    return [part for part in found if part.realized or part.fees or part.trades]


def trades(run: Run, scope: Scope) -> list[Trades]:
    """Closed within the scope."""
    words, values = _filters(scope)
    bounds, limits = _times("close_time_ms", scope)
    lists = ", ".join(
        f"group_concat({column}, ' ')" for column in ("group_id", "realized", "invested", "close_time_ms")
    )
    sql = f"SELECT symbol, timeframe, quote, {lists} {_CLOSED}{bounds}{words} AND {_HAD_FILL} GROUP BY 1, 2, 3"
    return [
        Trades(
            symbol=symbol,
            timeframe=timeframe,
            quote=quote,
            group_ids=group_ids.split(),
            realized=realized.split(),
            invested=invested.split(),
            close_times_ms=close_times_ms.split(),
        )
        for symbol, timeframe, quote, group_ids, realized, invested, close_times_ms in run(
            sql, (scope.world.value, *limits, *values)
        )
    ]


def exported(run: Run, scope: Scope, after: tuple[int, str] | None, size: int) -> list[Exported]:
    """At most `size` trades behind `after` (close time, group id), oldest close first."""
    words, values = _filters(scope)
    bounds, limits = _times("close_time_ms", scope)
    behind: Condition = ("", ())
    if after is not None:
        behind = (" AND close_time_ms >= ? AND (close_time_ms > ? OR group_id > ?)", (after[0], *after))
    chosen = f"{_CLOSED}{bounds}{behind[0]}{words} AND {_HAD_FILL}"
    sql = f"SELECT {_EXPORTED} {chosen} ORDER BY close_time_ms, group_id LIMIT ?"
    found = run(sql, (scope.world.value, *limits, *behind[1], *values, size))
    return list(map(Exported._make, found))


def ledger_changes(run: Run, scope: Scope) -> list[tuple[int, str, str]]:
    """Time, currency and realised profit of each ledger row of the filters before the scope's end, oldest first."""
    words, values = _filters(scope)
    end, limits = _until("time_ms", scope)
    sql = f"SELECT time_ms, quote, realized FROM profits WHERE world = ?{end}{words} ORDER BY time_ms, id"
    return [(time_ms, quote, text) for time_ms, quote, text in run(sql, (scope.world.value, *limits, *values))]


def first_equity(run: Run, world: World) -> Snapshot | None:
    """The first snapshot that has everything: a world's curve starts from it."""
    sql = (
        "SELECT time_ms, equity, realized, unrealized FROM equity "
        "WHERE world = ? AND equity IS NOT NULL AND unrealized IS NOT NULL ORDER BY time_ms LIMIT 1"
    )
    for time_ms, equity, realized, unrealized in run(sql, (world.value,)):
        return Snapshot(time_ms, Decimal(equity), Decimal(realized), Decimal(unrealized))
    return None


def equity(run: Run, scope: Scope) -> list[tuple[int, str, str]]:
    """Time, realised and unrealised of the world's snapshots that have a price for everything, before the scope's end,
    oldest first.

    Where they are more than `MAX_SNAPSHOTS` it is the last of each of as many equal spans of time.
    """
    end, limits = _until("time_ms", scope)
    chosen = f"FROM equity WHERE world = ?{end} AND unrealized IS NOT NULL"
    parameters = (scope.world.value, *limits)
    source = chosen
    for count, first_ms, last_ms in run(f"SELECT count(*), min(time_ms), max(time_ms) {chosen}", parameters):
        if not count:
            return []
        if count > MAX_SNAPSHOTS:
            width_ms = (last_ms - first_ms) // MAX_SNAPSHOTS + 1
            source = f"{chosen} AND time_ms IN (SELECT max(time_ms) {chosen} GROUP BY time_ms / ?)"
            parameters = (*parameters, *parameters, width_ms)
    lists = "group_concat(time_ms, ' '), group_concat(realized, ' '), group_concat(unrealized, ' ')"
    found: list[tuple[int, str, str]] = []
    for times_ms, realized, unrealized in run(f"SELECT {lists} {source}", parameters):
        found += zip(map(int, times_ms.split()), realized.split(), unrealized.split(), strict=True)
    return sorted(found)
