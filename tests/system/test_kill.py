"""kill -9 of the daemon in the middle of a burst: nothing acknowledged is missing, nothing is doubled."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from tests.system.conftest import Starter
from tests.system.stack import Stack, alert, until
from tests.system.test_crowds import BASES, TEN_SYMBOLS, TIMEFRAMES, settle_spool

D = Decimal
MOMENTS = int(os.environ.get("TERRACE_TEST_KILLS", "5"))
"""How many kills; 20 for a full run, fewer in every day's CI."""
SIGNALS = 200


def bodies(round_number: int) -> list[dict[str, object]]:
    """200 alerts for 200 keys; some keys come again in later rounds as pyramids."""
    keys = [(base, timeframe) for base in BASES for timeframe in TIMEFRAMES[:20]]
    return [
        alert(
            f"{base}USDT",
            timeframe,
            price=f"{100 - round_number * 0.1:.2f}",
            strategy_info={"trade_id": f"{round_number}-{n}"},
        )
        for n, (base, timeframe) in enumerate(keys)
    ]


@pytest.mark.rule("REC-1", "SIG-9", "SIG-12", "ORD-3", "PAPER-3", "ORD-7")
def test_kills_in_a_burst_of_200_alerts_lose_and_double_nothing(start: Starter) -> None:
    rng = random.Random(7)
    limits = {"pool": {"max_open_groups": 1000}, "queue": {"max_size": 1000}}
    stack = start({**TEN_SYMBOLS, **limits, "strategy": {"default": {"max_pyramids": 100}}}, "daemon", "forwarder")
    for moment in range(MOMENTS):
        burst = bodies(moment)
        killer = threading.Thread(target=kill_soon, args=(stack, rng.uniform(0.02, 0.8)))
        killer.start()
        with ThreadPoolExecutor(20) as crowd:
            answers = list(crowd.map(stack.post, burst))
        killer.join()
        assert {status for status, _ in answers} <= {200, 202}, Counter(status for status, _ in answers)
        stack.start("daemon")
        settle_spool(stack)
        check(stack, (moment + 1) * SIGNALS)


def kill_soon(stack: Stack, after_s: float) -> None:
    time.sleep(after_s)
    stack.kill("daemon")


def check(stack: Stack, signals: int) -> None:
    """Every alert has its one outcome, every group its orders, and the venue agrees with the store."""
    outcomes = Counter(row[0] for row in stack.rows("SELECT outcome FROM signals"))
    assert sum(outcomes.values()) == signals
    assert set(outcomes) <= {"opened", "pyramided"}, outcomes
    assert outcomes["opened"] == SIGNALS
    until(lambda: not pending(stack), failure=lambda: f"orders of unknown fate: {pending(stack)[:3]}")
    ours = stored_orders(stack)
    venue = dict(stack.rows("SELECT client_order_id, quantity FROM orders", file="paper/paper.db"))
    assert set(venue) <= set(ours)
    entries = Counter((group, pyramid, leg) for group, pyramid, leg, role in ours.values() if role == "entry")
    legs = stack.rows("SELECT group_id, pyramid, leg FROM legs")
    assert len(legs) == 5 * signals
    sent = Counter(ours[name][:3] for name in venue if ours[name][3] == "entry")
    assert all(sent[leg] == 1 for leg in legs), "every leg is at the exchange exactly once"
    assert all(entries[leg] >= 1 for leg in legs)
    held = sum((D(group["quantity"]) for group in stack.json("group", "list")["groups"]), D(0))
    coins = sum((total for asset, total in stack.balances().items() if asset != "USDT"), D(0))
    assert held == coins


def pending(stack: Stack) -> list[tuple[object, ...]]:
    return stack.rows("SELECT client_order_id FROM orders WHERE state = 'pending'")


def stored_orders(stack: Stack) -> dict[str, tuple[object, ...]]:
    rows = stack.rows("SELECT client_order_id, group_id, pyramid, leg, role FROM orders")
    return {row[0]: row[1:] for row in rows}
