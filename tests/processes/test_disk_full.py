"""The disk full for ten seconds under load: what is acknowledged stays, entries are refused with the reason, exits go
on, and afterwards everything is as before by itself (REC-4, REC-5).

Store, spool and log lie on a small disk of their own; the paper venue's file does not, as a real venue does not.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from control.client import ClientError
from protos.terrace.v1 import engine_pb2, signal_pb2
from protos.terrace.v1 import types_pb2 as t
from tests.processes.disk import NoDisk, fill_up, make_room, small_disk
from tests.processes.stage import TICKERS, loaded, settle_and_check
from tests.processes.works import Works, paper_config
from tests.system.stack import Plain, alert, until

pytestmark = pytest.mark.store("sqlite")
D = Decimal
BALANCE = "1000000"
FULL_S = 10.0
DISK_MB = 40
MINUTES = (5, 10, 30, 45)
"""Timeframes of the groups that are open when the disk fills up and are to be closed while it is full; there are two
of each, on instruments for which nobody sends entries: alerts of one instrument keep their order (SIG-12)."""
HELD = 2 * len(MINUTES)
FAR: Plain = {"levels": [{"gap_percent": "0", "weight_percent": "100", "tp_percent": "50"}]}
"""Targets that the market does not reach, for the groups that are to be closed by an exit."""
CLOSES_WITHIN_S = 5.0
NORMAL_WITHIN_S = 30.0


@pytest.fixture
def works(tmp_path: Path) -> Iterator[Works]:
    """Ready, on a small disk."""
    outside = tmp_path / "venue"
    outside.mkdir()
    try:
        with small_disk(tmp_path / "data", DISK_MB) as data_dir:
            (data_dir / "paper").symlink_to(outside)
            changes: Plain = {
                "pool": {"max_open_groups": 2 * HELD},
                "risk": {"enabled": False},
                "strategy": {"overrides": [{"match": {"timeframe": f"{each}m"}, "set": FAR} for each in MINUTES]},
                "accounts": {"paper": {"balances": {"USDT": BALANCE}}},
            }
            with Works(tmp_path, paper_config(changes)) as works:
                works.begin()
                yield works
    except NoDisk as why:
        pytest.skip(str(why))


def send(works: Works, body: Plain) -> signal_pb2.Signal:
    request = signal_pb2.SubmitSignalRequest(source="tradingview", body=json.dumps(body).encode())
    return works.stack.client.call(request, signal_pb2.SubmitSignalResponse, timeout_s=5.0).signal


def status(works: Works) -> Any:
    return works.stack.client.call(engine_pb2.GetStatusRequest(), engine_pb2.GetStatusResponse).status


@pytest.mark.rule("REC-5", "REC-4", "SIG-9", "SIG-12")
def test_a_disk_full_for_ten_seconds_loses_nothing_and_keeps_exits_going(works: Works) -> None:
    keys = [(ticker, str(minutes)) for minutes in MINUTES for ticker in (*TICKERS,)[2:]]
    for ticker, timeframe in keys:
        assert send(works, alert(ticker, timeframe, price="100")).outcome == t.OUTCOME_OPENED
    with loaded(works, traded=(*TICKERS,)[:2]) as load:
        time.sleep(1.5)
        before = Counter(load.refusals)
        closed_s, reasons = full(works, keys)
        normal_s = back_to_normal(works)
        time.sleep(1)
        settle_and_check(works, load)
    acknowledged = sum(item.is_acknowledged for item in load.sent)
    print(f"exits while full: {len(closed_s)}, closed after {max(closed_s):.2f} s at most; {dict(reasons)}")
    print(f"refused: {dict(load.refusals - before)}; normal {normal_s:.1f} s after there was room")
    print(f"{len(load.sent)} alerts, {acknowledged} acknowledged, {len(works.store().signals)} in the store")
    assert any("the disk is full" in words for words in reasons), reasons


def back_to_normal(works: Works) -> float:
    """Seconds from now until the engine runs and takes entries."""
    began = time.monotonic()
    until(lambda: status(works).state == t.ENGINE_STATE_RUNNING, NORMAL_WITHIN_S, lambda: str(status(works)))
    until(lambda: opens(works), NORMAL_WITHIN_S, "no entry is taken after there is room again")
    return time.monotonic() - began


def full(works: Works, keys: list[tuple[str, str]]) -> tuple[list[float], Counter[str]]:
    """Ten seconds without room. How long each exit took to close its group, and what entries were answered."""
    data_dir = works.stack.data_dir
    ends = time.monotonic() + FULL_S
    fill_up(data_dir)
    reasons: Counter[str] = Counter()
    until(lambda: not takes_entries(works, reasons), FULL_S / 2, "entries are still taken on a full disk")
    shown = status(works)
    reasons[f"shown: {t.EngineState.Name(shown.state)} {shown.state_reason}"] += 1
    closed_s = []
    for number, (ticker, timeframe) in enumerate(keys):
        time.sleep(max(0.0, ends - FULL_S * (len(keys) - number) / (len(keys) + 1) - time.monotonic()))
        began = time.monotonic()
        body = alert(ticker, timeframe, "sell", execution_intent={"type": "exit"})
        if number % 2:
            assert send(works, body).outcome == t.OUTCOME_EXITED
        else:
            code, answer = works.stack.post(body)
            assert code in (200, 202), answer
            reasons[f"webhook: exit {answer['outcome']}"] += 1
        where = (TICKERS[ticker], f"{timeframe}m")
        until(lambda where=where: is_closed(works, *where), CLOSES_WITHIN_S, f"an exit does not close {where}")
        closed_s.append(time.monotonic() - began)
        takes_entries(works, reasons)
    time.sleep(max(0.0, ends - time.monotonic()))
    make_room(data_dir)
    return closed_s, reasons


def takes_entries(works: Works, reasons: Counter[str]) -> bool:
    try:
        found = send(works, alert("BTCUSDT", "120", price="90", strategy_info={"trade_id": f"probe{time.time_ns()}"}))
    except ClientError as error:
        reasons[f"{error.code} {error.reason}: {error.message}"] += 1
        return False
    reasons[t.Outcome.Name(found.outcome)] += 1
    return True


def opens(works: Works) -> bool:
    return takes_entries(works, Counter())


def is_closed(works: Works, symbol: str, timeframe: str) -> bool:
    sql = "SELECT DISTINCT state FROM position_groups WHERE symbol = ? AND timeframe = ?"
    return works.stack.rows(sql, symbol, timeframe) == [("closed",)]
