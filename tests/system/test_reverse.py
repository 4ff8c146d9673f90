"""Reduce and reverse alerts through a real daemon on a swap account, with the pool full and others waiting."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.system.conftest import Starter
from tests.system.stack import Plain, Stack, alert, until

D = Decimal
BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
ROUND = {"tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}
ONE_SLOT = {
    "accounts": {
        "perp": {
            "exchange": "paper",
            "market": "swap",
            "prices": "manual",
            "symbols": [BTC, ETH],
            "start_prices": {BTC: "100", ETH: "100"},
            "instruments": {BTC: ROUND, ETH: ROUND},
            "balances": {"USDT": "100000"},
            "fill": "touch",
            "spread_percent": "0",
            "latency_ms": 150,
        }
    },
    "routes": {"*": "perp"},
    "pool": {"max_open_groups": 1},
}


def wants(intent: str, action: str, **more: Any) -> Plain:
    return alert("BTCUSDT.P", action=action, execution_intent={"type": intent}, **more)


def only_group(stack: Stack, side: str) -> Plain:
    """The one live group, once it is of this side and its first leg has filled."""

    def found() -> Plain | None:
        groups = stack.groups()
        right = len(groups) == 1 and groups[0]["side"] == side and groups[0]["symbol"] == BTC
        return stack.group(groups[0]["group_id"]) if right and D(groups[0]["quantity"]) else None

    group: Plain = until(found, failure=lambda: f"no {side}: {stack.groups()}")
    return group


def targets(group: Plain) -> Decimal:
    """What the group's open targets would close."""
    orders = [order for pyramid in group["pyramids"] for leg in pyramid["legs"] for order in leg["orders"]]
    orders += group.get("orders", [])
    resting = [o for o in orders if o["role"] == "TAKE_PROFIT" and o["state"] in ("OPEN", "PARTIALLY_FILLED")]
    return sum((D(order["quantity"]) - D(order["filled_quantity"]) for order in resting), D(0))


@pytest.mark.rule("SIG-6", "EXIT-6", "POOL-2", "REC-1", "QUE-5")
def test_reverses_keep_their_slot_through_a_kill_and_a_reduce_halves_the_position(start: Starter) -> None:
    stack = start(ONE_SLOT)
    opened = stack.send(alert("BTCUSDT.P", price="100"))
    assert opened["outcome"] == "OPENED"
    only_group(stack, "LONG")
    assert stack.send(alert("ETHUSDT.P", price="140"))["outcome"] == "QUEUED"  # Deep in loss: first among entries.

    reversed_once = stack.send(wants("reverse", "sell", price="100"))
    assert (reversed_once["outcome"], reversed_once["group_id"]) == ("REVERSED", opened["group_id"])
    short = only_group(stack, "SHORT")
    story = [(e["type"], e["group_id"]) for e in stack.json("signal", "show", reversed_once["signal_id"])["timeline"]]
    assert [told for told in story if told[1]] == [
        ("SIGNAL_REVERSED", opened["group_id"]),
        ("REVERSE_OPENED", short["group_id"]),
    ]

    stack.terrace("paper", "price", BTC, "101", "--account", "perp")
    held = until(lambda: D(full["quantity"]) if (full := stack.group(short["group_id"]))["legs_filled"] == 3 else None)
    assert (
        stack.send(wants("reduce", "buy", tv={"order_size": "5", "prev_market_position_size": "10"}))["outcome"]
        == "REDUCED"
    )

    def is_halved() -> bool:
        group = stack.group(short["group_id"])
        return abs(D(group["quantity"]) - held / 2) <= D("0.001") and targets(group) == D(group["quantity"])

    until(is_halved, failure=lambda: str(stack.group(short["group_id"])))

    assert stack.send(wants("reverse", "buy", price="101"))["outcome"] == "REVERSED"
    stack.kill("daemon")
    stack.start("daemon")
    only_group(stack, "LONG")
    assert len(stack.groups(closed=True)) == 3
    (waiting,) = stack.json("queue", "list")["queued_signals"]
    assert (waiting["symbol"], waiting["wait_reason"]) == (ETH, "POOL_FULL")
    assert [row[0] for row in stack.rows("SELECT outcome FROM signals ORDER BY id")] == [
        *("opened", "queued", "reversed", "reduced", "reversed"),
    ]


@pytest.mark.rule("SIG-6", "QUE-7", "POOL-3")
def test_while_the_engine_is_paused_a_reverse_closes_and_its_new_side_waits_visibly(start: Starter) -> None:
    stack = start(ONE_SLOT)
    stack.send(alert("BTCUSDT.P", price="100"))
    only_group(stack, "LONG")
    stack.terrace("engine", "pause", "--yes")
    assert stack.send(wants("reverse", "sell", price="100"))["outcome"] == "REVERSED"
    until(lambda: not stack.groups())
    (waiting,) = until(
        lambda: [q for q in stack.json("queue", "list")["queued_signals"] if q["wait_reason"] != "REVERSING"]
    )
    assert (waiting["wait_reason"], waiting["side"], waiting["intent"]) == ("ENGINE_PAUSED", "SHORT", "REVERSE")
    assert waiting["rank_reasons"][0] == {"rule": "reverse", "value": "yes"}
    stack.terrace("engine", "resume")
    only_group(stack, "SHORT")
