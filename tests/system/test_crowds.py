"""Many alerts at once, through the webhook."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from tests.system.conftest import Starter
from tests.system.stack import Stack, alert, until

D = Decimal
TIMEFRAMES = [str(minutes) for minutes in range(1, 51)]
BASES = ["BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "DOGE", "LINK", "AVAX", "LTC"]
SYMBOLS = [f"{base}/USDT" for base in BASES]
ROUND = {"tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}
TEN_SYMBOLS = {
    "accounts": {
        "paper": {
            "symbols": SYMBOLS,
            "start_prices": dict.fromkeys(SYMBOLS, "100"),
            "instruments": dict.fromkeys(SYMBOLS, ROUND),
            "balances": {"USDT": "1000000"},
        }
    }
}


def settle_spool(stack: Stack) -> None:
    """Until the forwarder has nothing left to deliver."""
    until(lambda: not stack.rows("SELECT 1 FROM spooled LIMIT 1", file="spool.db"), failure="the spool does not drain")


@pytest.mark.rule("GRP-1", "SIG-7", "SIG-9")
def test_200_threads_with_the_same_alert_open_one_group(start: Starter) -> None:
    stack = start(None, "daemon", "forwarder")
    body = alert(price="100")
    with ThreadPoolExecutor(200) as crowd:
        answers = list(crowd.map(lambda _: stack.post(body), range(200)))
    settle_spool(stack)
    assert {status for status, _ in answers} <= {200, 202}
    told = Counter(answer["outcome"] for _, answer in answers)
    assert told["OPENED"] + told["DUPLICATE"] + told["SPOOLED"] == 200
    assert told["OPENED"] <= 1
    assert len(stack.groups(closed=True)) == 1
    assert [row[0] for row in stack.rows("SELECT outcome FROM signals")] == ["opened"]


@pytest.mark.rule("POOL-1", "POOL-2", "QUE-4", "QUE-2", "QUE-3", "SIG-10")
def test_500_alerts_for_500_keys_fill_pool_and_queue_and_no_more(start: Starter) -> None:
    stack = start({**TEN_SYMBOLS, "pool": {"max_open_groups": 10}, "queue": {"max_size": 100}}, "daemon", "forwarder")
    bodies = [
        alert(f"{base}USDT", timeframe, price=f"{100 + number / 100:.2f}")
        for number, (base, timeframe) in enumerate((b, t) for b in BASES for t in TIMEFRAMES)
    ]
    with ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(stack.post, bodies))
    settle_spool(stack)
    assert len(bodies) == 500
    assert {status for status, _ in answers} <= {200, 202}
    stored = Counter(row[0] for row in stack.rows("SELECT outcome FROM signals"))
    assert stored == {"opened": 10, "queued": 100, "rejected": 390}
    refused = {row[0] for row in stack.rows("SELECT reason FROM signals WHERE outcome = 'rejected'")}
    assert refused == {"QUEUE_FULL"}
    assert len(stack.groups()) == 10
    closing_promotes_by_rank(stack)


def closing_promotes_by_rank(stack: Stack) -> None:
    queued = stack.json("queue", "list")["queued_signals"]
    assert [entry["rank"] for entry in queued] == list(range(1, 101))
    losses = [D(entry["loss_percent"]) for entry in queued]
    assert losses == sorted(losses)
    best = queued[0]
    closing = stack.groups()[0]["group_id"]
    stack.terrace("group", "close", closing, "--yes")
    promoted: list[dict[str, Any]] = until(lambda: [g for g in stack.groups() if same_key(g, best)])
    assert len(promoted) == 1
    assert len(stack.groups()) == 10
    left = stack.json("queue", "list")["queued_signals"]
    assert len(left) == 99
    assert best["signal_id"] not in {entry["signal_id"] for entry in left}


def same_key(group: dict[str, Any], entry: dict[str, Any]) -> bool:
    return (group["symbol"], group["timeframe"]) == (entry["symbol"], entry["timeframe"])


@pytest.mark.rule("GRP-6", "PRC-6", "PNL-2")
def test_ten_groups_on_one_symbol_keep_their_coins_apart(start: Starter) -> None:
    stack = start(
        {"pool": {"max_open_groups": 20}, "strategy": {"default": {"sizing": {"capital_per_pyramid": "1000"}}}}
    )
    opened = []
    for number in range(10):
        entry = f"{100 - number * 0.05:.2f}"
        signal = stack.send(alert(timeframe=str(number + 1), price=entry))
        assert signal["outcome"] == "OPENED"
        opened.append(signal["group_id"])
    stack.price("BTC/USDT", "98.5")
    until(lambda: all(group["legs_filled"] >= 3 for group in stack.groups()))
    held = {group["group_id"]: D(group["quantity"]) for group in stack.groups()}
    assert sum(held.values()) == stack.balances()["BTC"]
    stack.price("BTC/USDT", "99.6")
    groups = until(lambda: targets_hit(stack))
    balances = stack.balances()
    assert sum(coins(group) for group in groups) == balances["BTC"]
    for group in groups:
        legs = [leg for pyramid in group["pyramids"] for leg in pyramid["legs"]]
        bought = sum(D(o["filled_quantity"]) for leg in legs for o in leg["orders"] if o["side"] == "BUY")
        sold = sum(D(o["filled_quantity"]) for leg in legs for o in leg["orders"] if o["side"] == "SELL")
        assert coins(group) == bought * D("0.999") - sold >= 0
    for group_id in opened:
        stack.terrace("group", "close", group_id, "--yes")
    until(lambda: not stack.groups())
    closed = stack.groups(closed=True)
    dust = sum((D(group["dust"]) for group in closed), D(0))
    assert dust == stack.balances().get("BTC", D(0))


def coins(group: dict[str, Any]) -> Decimal:
    """What of the account's coins is this group's: what it holds, or what it left as dust."""
    return D(group["quantity"]) + D(group["dust"])


def targets_hit(stack: Stack) -> list[dict[str, Any]]:
    """All groups, once those with a target at or below 99.6 have sold for it."""
    groups = stack.groups(closed=True)
    legs = [leg for group in groups for pyramid in group["pyramids"] for leg in pyramid["legs"]]
    due = [leg for leg in legs if D(leg["filled_quantity"]) and D(leg["tp_price"]) <= D("99.6")]
    return groups if due and all(leg["state"] in ("TP_HIT", "CLOSED") for leg in due) else []
