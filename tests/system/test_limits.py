"""Each loss limit through a real daemon, with each consequence: who waits and why, what still works, what lifts it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from control.printer import plain
from protos.terrace.v1 import account_pb2, engine_pb2, group_pb2, queue_pb2, signal_pb2
from tests.system.conftest import Starter
from tests.system.stack import Plain, Stack, alert, merged, until

D = Decimal
SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
ROUND = {"tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}
LADDER = [
    {"gap_percent": "0", "weight_percent": "50", "tp_percent": "1"},
    {"gap_percent": "20", "weight_percent": "50", "tp_percent": "1"},
]
BASE = {
    "accounts": {
        "paper": {
            "symbols": SYMBOLS,
            "start_prices": dict.fromkeys(SYMBOLS, "100"),
            "instruments": dict.fromkeys(SYMBOLS, ROUND),
            "balances": {"USDT": "10000"},
        }
    },
    "strategy": {"default": {"levels": LADDER, "sizing": {"capital_per_pyramid": "1000"}}},
}
LIMITS: dict[str, Plain] = {
    "MAX_REALIZED_LOSS_PER_DAY": {"max_realized_loss_per_day": "10"},
    "MAX_CONSECUTIVE_LOSSES": {"max_consecutive_losses": 1},
    "MAX_DRAWDOWN_PERCENT": {"max_drawdown_percent": "0.15"},
}


class Calls:
    """The daemon by gRPC: faster than a process for every word."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def send(self, symbol: str, timeframe: str, **more: Any) -> Plain:
        body = alert(symbol, timeframe, **more)
        request = signal_pb2.SubmitSignalRequest(source="tradingview", body=json.dumps(body).encode())
        found: Plain = plain(self.stack.client.call(request, signal_pb2.SubmitSignalResponse))["signal"]
        return found

    def open(self, symbol: str, timeframe: str) -> str:
        """A group whose first leg has filled."""
        opened = self.send(symbol, timeframe, price="100")
        assert opened["outcome"] == "OPENED", opened
        group_id: str = opened["group_id"]
        until(lambda: self.group(group_id)["legs_filled"] == 1)
        return group_id

    def leave(self, symbol: str, timeframe: str, group_id: str) -> Plain:
        sent = self.send(symbol, timeframe, execution_intent={"type": "exit"})
        assert sent["outcome"] == "EXITED", sent
        return self.closed(group_id)

    def closed(self, group_id: str) -> Plain:
        found: Plain = until(lambda: (g := self.group(group_id))["state"] == "CLOSED" and g)
        return found

    def group(self, group_id: str) -> Plain:
        request = group_pb2.GetGroupRequest(group_id=group_id)
        found: Plain = plain(self.stack.client.call(request, group_pb2.GetGroupResponse))["group"]
        return found

    def price(self, symbol: str, price: str) -> None:
        request = account_pb2.SetPaperPriceRequest(account="paper", symbol=symbol, price=price)
        self.stack.client.call(request, account_pb2.SetPaperPriceResponse)

    def status(self) -> Plain:
        found: Plain = plain(self.stack.client.call(engine_pb2.GetStatusRequest(), engine_pb2.GetStatusResponse))
        status: Plain = found["status"]
        return status

    def waits_for(self) -> dict[str, str]:
        """Timeframe to reason of everything that waits."""
        request = queue_pb2.ListQueuedSignalsRequest()
        found = plain(self.stack.client.call(request, queue_pb2.ListQueuedSignalsResponse))
        return {row["timeframe"]: row["wait_reason"] for row in found["queued_signals"]}

    def until_state(self, state: str) -> Plain:
        found: Plain = until(
            lambda: (s := self.status())["limit_state"] == state and s, failure=lambda: f"{self.status()}"
        )
        return found

    def limits(self, **limits: Any) -> None:
        """Another config, read by the running daemon (CFG-2)."""
        self.stack.write_config({"limits": limits})


def breach(calls: Calls, reason: str, loser: str) -> None:
    """SOL falls. The drawdown sees it as it is, the others when it is realised."""
    calls.price("SOL/USDT", "97")
    if reason != "MAX_DRAWDOWN_PERCENT":
        assert D(calls.leave("SOLUSDT", "60", loser)["realized_pnl"]) < -10


@pytest.mark.rule("POOL-3", "POOL-4", "CFG-2", "EXIT-1", "TP-2", "REC-1")
@pytest.mark.parametrize("reason", LIMITS)
def test_a_breached_limit_holds_entries_back_by_its_consequence_until_it_is_lifted(start: Starter, reason: str) -> None:
    stack = start(merged(BASE, {"limits": {**LIMITS[reason], "on_breach": "no_new_groups"}}))
    calls = Calls(stack)
    target, exit_, kept = calls.open("BTCUSDT", "60"), calls.open("ETHUSDT", "60"), calls.open("ETHUSDT", "240")
    loser = calls.open("SOLUSDT", "60")
    breach(calls, reason, loser)

    # no_new_groups: a new group waits, a pyramid goes in.
    status = calls.until_state("NO_NEW_GROUPS")
    assert status["limit_reason"].startswith(reason)
    assert "a person" in status["limit_lift"]
    waits = calls.send("ETHUSDT", "15", price="100")
    assert (waits["outcome"], waits["reason"]) == ("QUEUED", reason)
    assert calls.send("BTCUSDT", "60", price="99.5")["outcome"] == "PYRAMIDED"
    assert f"limit/paper/{reason}" in [row[0] for row in stack.rows("SELECT alert_key FROM alerts")]

    # no_new_entries: neither does a pyramid.
    calls.limits(on_breach="no_new_entries")
    calls.until_state("NO_NEW_ENTRIES")
    waits = calls.send("BTCUSDT", "60", price="99")
    assert (waits["outcome"], waits["reason"]) == ("QUEUED", reason)

    # reduce_only: unfilled entries go, targets and what is held stay; so does the state, through a crash.
    calls.limits(on_breach="reduce_only")
    calls.until_state("REDUCE_ONLY")
    until(lambda: all(not resting(calls.group(one), "ENTRY") for one in (target, exit_, kept)))
    stack.kill("daemon")
    stack.start()
    status = calls.until_state("REDUCE_ONLY")
    assert status["limit_reason"].startswith(reason)
    held = calls.group(target)
    assert D(held["quantity"]) > 0
    assert resting(held, "TAKE_PROFIT")
    assert calls.waits_for() == {"15m": reason, "1h": reason}
    assert calls.leave("ETHUSDT", "60", exit_)["close_reason"] == "EXIT_SIGNAL"
    calls.price("BTC/USDT", "101.5")
    calls.closed(target)

    # close_all: what is left is closed, and entries wait on.
    calls.limits(on_breach="close_all")
    calls.until_state("CLOSE_ALL")
    assert calls.closed(kept)["close_reason"] == "LIMIT_BREACHED"
    assert reason in set(calls.waits_for().values())

    assert f"{reason}: " in stack.terrace("status")

    # A person lifts it, and what waits goes in by itself.
    lifted = stack.json("engine", "lift-limit", "--reason", "looked at it", "--yes")["status"]
    assert (lifted["limit_state"], lifted["limit_reason"]) == ("NONE", "")
    until(lambda: not calls.waits_for())
    assert calls.status()["limit_state"] == "NONE"
    audit = stack.rows("SELECT message, attributes FROM events WHERE type = 'limit.lifted'")
    assert [(reason in row[0], "looked at it" in row[0], '"who":"admin"' in row[1]) for row in audit] == [(True,) * 3]
    assert stack.rows("SELECT count(*) FROM equity")[0][0] > 0


def resting(group: Plain, role: str) -> list[Plain]:
    orders = [order for pyramid in group["pyramids"] for leg in pyramid["legs"] for order in leg["orders"]]
    return [one for one in orders if one["role"] == role and one["state"] in ("PENDING", "OPEN", "PARTIALLY_FILLED")]


@pytest.mark.rule("POOL-3", "RISK-12")
def test_the_other_limits_hold_back_what_they_say_and_no_more(start: Starter) -> None:
    limits = {"cooldown_after_loss_s": 3, "max_groups_per_symbol": 2, "max_total_exposure": "3500"}
    calls = Calls(start(merged(BASE, {"limits": limits})))
    loser = calls.open("SOLUSDT", "60")
    calls.price("SOL/USDT", "97")
    calls.leave("SOLUSDT", "60", loser)
    rests = calls.send("SOLUSDT", "60", price="97")
    assert (rests["outcome"], rests["reason"]) == ("QUEUED", "COOLDOWN_AFTER_LOSS")
    assert calls.send("BTCUSDT", "60", price="100")["outcome"] == "OPENED"
    assert calls.send("BTCUSDT", "240", price="100")["outcome"] == "OPENED"
    third = calls.send("BTCUSDT", "15", price="100")
    assert (third["outcome"], third["reason"]) == ("QUEUED", "MAX_GROUPS_PER_SYMBOL")
    until(lambda: "1h" not in calls.waits_for(), failure="the key has rested long enough")
    assert calls.status()["live_groups"] == 3
    over = calls.send("ETHUSDT", "60", price="100")
    assert (over["outcome"], over["reason"]) == ("QUEUED", "MAX_TOTAL_EXPOSURE")
    assert calls.status()["limit_state"] == "NONE"
