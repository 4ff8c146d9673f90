"""Reports over 100,000 closed trades in a real daemon, and what a fill feels of a report that runs beside it.

One trade is really made; the store is then filled with copies of it, three rows of the ledger each, on forty symbols
and four timeframes over a year, with an equity snapshot every ten minutes.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from protos.terrace.v1 import account_pb2, engine_pb2, group_pb2
from protos.terrace.v1 import report_pb2 as pb
from protos.terrace.v1 import types_pb2 as t
from tests.bench.rows import Row, short
from tests.daemon.api.calls import Client, alert
from tests.daemon.daemon_process import DaemonProcess

NAME = "report_100000_trades"
GOAL_MS = 300.0
TRADES = 100_000
ROUNDS = 5
FILLS = 40
SYMBOLS, TIMEFRAMES = 40, ("15m", "1h", "4h", "1d")
YEAR_MS = 365 * 86_400_000
SNAPSHOT_MS = 600_000
CONFIG: dict[str, Any] = {"pool": {"max_open_groups": 1000}, "strategy": {"default": {"unfilled_group_ttl_s": 0}}}

Ask = Callable[[Client], object]
QUESTIONS: dict[str, Ask] = {
    "profit": lambda client: client.reports.GetProfit(pb.GetProfitRequest()),
    "profit_by_symbol": lambda client: client.reports.GetProfit(pb.GetProfitRequest(breakdown=pb.BREAKDOWN_SYMBOL)),
    "profit_by_day": lambda client: client.reports.GetProfit(pb.GetProfitRequest(breakdown=pb.BREAKDOWN_DAY)),
    "statistics": lambda client: client.reports.GetStatistics(pb.GetStatisticsRequest()),
    "equity": lambda client: client.reports.GetEquityCurve(pb.GetEquityCurveRequest()),
    "equity_of_symbol": lambda client: client.reports.GetEquityCurve(
        pb.GetEquityCurveRequest(scope=pb.ReportScope(symbol="C1/USDT"))
    ),
    "daily": lambda client: client.reports.GetDailySummary(pb.GetDailySummaryRequest()),
    "export_page": lambda client: client.reports.ExportTrades(pb.ExportTradesRequest()),
}


def row(folder: Path, trades: int, rounds: int, fills: int) -> Row:
    daemon = DaemonProcess(folder / "reports", CONFIG)
    with daemon:
        _trade_once(daemon.client())
    fill_store(daemon.data_dir / "terrace.db", trades)
    with daemon:
        client = daemon.client()
        cold_ms = _median_ms(QUESTIONS["statistics"], client, 1)
        took = {name: _median_ms(ask, client, rounds) for name, ask in QUESTIONS.items()}
        calm = _fills(client, "ETHUSDT", fills)
        with _reporting(daemon.client()):
            busy = _fills(client, "SOLUSDT", fills)
        floor = _median_ms(_look, client, rounds)
    details: dict[str, Any] = {name: short(value) for name, value in took.items()}
    details |= {"trades": trades, "statistics_first": short(cold_ms), "worst": max(took, key=took.__getitem__)}
    for name, found in (("fill", calm), ("fill_beside_report", busy)):
        details |= {f"{name}_median": short(median(found)), f"{name}_p90": short(quantiles(found, n=10)[-1])}
    return Row(name=NAME, value=max(took.values()), unit="ms", floor=floor, goal=GOAL_MS, details=details)


def _ms(ask: Ask, client: Client) -> float:
    started = time.perf_counter_ns()
    ask(client)
    return (time.perf_counter_ns() - started) / 1e6


def _median_ms(ask: Ask, client: Client, rounds: int) -> float:
    return median([_ms(ask, client) for _ in range(rounds)])


def _look(client: Client) -> object:
    """A call that asks the store for one row."""
    return client.engine.ListDeadLetters(engine_pb2.ListDeadLettersRequest())


def _trade_once(client: Client) -> None:
    group_id = client.send(alert()).group_id
    _wait(client, group_id, lambda group: group.legs_filled == 1)
    client.accounts.SetPaperPrice(account_pb2.SetPaperPriceRequest(symbol="BTC/USDT", price="101"))
    _wait(client, group_id, lambda group: group.state == t.GROUP_STATE_CLOSED)


def _wait(client: Client, group_id: str, is_so: Callable[[group_pb2.Group], bool]) -> None:
    limit_s = time.monotonic() + 30
    while not is_so(client.groups.GetGroup(group_pb2.GetGroupRequest(group_id=group_id)).group):
        assert time.monotonic() < limit_s, "it did not come true"
        time.sleep(0.0005)


def _fills(client: Client, symbol: str, count: int) -> list[float]:
    """From an alert until its first entry is seen filled, in ms."""
    found = []
    for number in range(count):
        started = time.perf_counter_ns()
        group_id = client.send(alert(symbol=symbol, timeframe=str(number + 1))).group_id
        _wait(client, group_id, lambda group: group.legs_filled == 1)
        found.append((time.perf_counter_ns() - started) / 1e6)
        time.sleep(0.01)
    return found


@contextlib.contextmanager
def _reporting(client: Client) -> Iterator[None]:
    """One report after the other, all the time."""
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            QUESTIONS["statistics"](client)
            QUESTIONS["profit_by_symbol"](client)

    thread = threading.Thread(target=ask, name="reporting")
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def fill_store(path: Path, trades: int) -> None:
    """Copies of the one closed trade, spread over a year, with their ledger; and equity snapshots of that year."""
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        columns = [name for _, name, *_ in store.execute("PRAGMA table_info(position_groups)") if name != "id"]
        found = store.execute(f"SELECT {', '.join(columns)} FROM position_groups WHERE state = 'closed'").fetchone()
        model = dict(zip(columns, found, strict=True))
        marks = ", ".join("?" * len(columns))
        insert = f"INSERT INTO position_groups ({', '.join(columns)}) VALUES ({marks})"
        copies = [_copy(model, number, trades) for number in range(trades)]
        store.executemany(insert, ([copy[name] for name in columns] for copy in copies))
        names = ("world", "group_id", "account", "symbol", "timeframe", "strategy", "side", "quote")
        ledger = f"INSERT INTO profits (time_ms, {', '.join(names)}, realized, fees) VALUES ({', '.join('?' * 11)})"
        for share in range(3):
            store.executemany(ledger, (_ledger_row(copy, names, share) for copy in copies))
        first_ms = model["close_time_ms"] - YEAR_MS
        snapshots = (
            ("paper", first_ms + number * SNAPSHOT_MS, f"{100_000 + number}", f"{number}.25", "1.5")
            for number in range(YEAR_MS // SNAPSHOT_MS if trades == TRADES else 100)
        )
        store.executemany(
            "INSERT INTO equity (world, time_ms, equity, realized, unrealized) VALUES (?, ?, ?, ?, ?)", snapshots
        )


def _copy(model: dict[str, Any], number: int, trades: int) -> dict[str, Any]:
    close_ms = model["close_time_ms"] - YEAR_MS + number * (YEAR_MS // trades)
    cents = number * 7919 % 5000 - 2200
    return {
        **model,
        "group_id": f"copy{number:012d}",
        "symbol": f"C{number % SYMBOLS}/USDT",
        "timeframe": TIMEFRAMES[number // SYMBOLS % len(TIMEFRAMES)],
        "strategy": f"strategy {number % 5}",
        "create_time_ms": close_ms - 3_600_000,
        "update_time_ms": close_ms,
        "close_time_ms": close_ms,
        "realized": f"{cents / 100:.8f}",
        "fees": "0.40200000",
        "invested": "200.00000000",
    }


def _ledger_row(copy: dict[str, Any], names: tuple[str, ...], share: int) -> tuple[Any, ...]:
    """Entry fee, a partial close, the rest."""
    realized = ("-0.20100000", "1.00000000", f"{float(copy['realized']) - 0.799:.8f}")[share]
    fees = ("0.20100000", "0.10050000", "0.10050000")[share]
    time_ms = copy["create_time_ms"] + share * 1_800_000
    return (time_ms, *(copy[name] for name in names), realized, fees)
