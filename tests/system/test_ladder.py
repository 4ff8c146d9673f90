"""The worked ladder and the ways out of it, through the real daemon and the CLI."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.system.conftest import Starter
from tests.system.stack import Stack, alert, until

D = Decimal
SIZED = {"strategy": {"default": {"sizing": {"capital_per_pyramid": "1000"}}}}
PRICES = ["100", "99.5", "99", "98.5", "98"]
QUANTITIES = ["2", "2.01", "2.02", "2.03", "2.04"]
TARGETS = ["101", "100", "100.98", "99.98", "98.98"]
FEE = D("0.001")


def with_mode(mode: str, **more: Any) -> dict[str, Any]:
    return {"strategy": {"default": {"sizing": {"capital_per_pyramid": "1000"}, "tp_mode": mode, **more}}}


def fill_whole_ladder(stack: Stack) -> str:
    """Opens at 100 and lets the price fall through every leg; the group's id once all are filled."""
    opened = stack.send(alert(price="100"))
    assert opened["outcome"] == "OPENED"
    stack.price("BTC/USDT", "98")
    group_id: str = opened["group_id"]
    until(lambda: stack.group(group_id)["legs_filled"] == 5)
    return group_id


def wait_closed(stack: Stack, group_id: str) -> dict[str, Any]:
    found: dict[str, Any] = until(lambda: (g := stack.group(group_id))["state"] == "CLOSED" and g)
    return found


def bought() -> tuple[D, D]:
    """Cost of the whole ladder, and coins left of it after the buy fees."""
    legs = list(zip(map(D, PRICES), map(D, QUANTITIES), strict=True))
    return sum((p * q for p, q in legs), D(0)), sum((q - q * FEE for _, q in legs), D(0))


@pytest.mark.rule("DCA-1", "DCA-2", "DCA-3", "DCA-4", "PRC-2", "PRC-3", "TP-1")
def test_the_worked_ladder_comes_out_as_specified(start: Starter) -> None:
    stack = start(SIZED)
    opened = stack.send(alert(price="100"))
    group = stack.group(opened["group_id"])
    legs = group["pyramids"][0]["legs"]
    assert [D(leg["price"]) for leg in legs] == list(map(D, PRICES))
    assert [D(leg["quantity"]) for leg in legs] == list(map(D, QUANTITIES))
    assert [D(leg["tp_price"]) for leg in legs] == list(map(D, TARGETS))
    assert (group["side"], group["legs_total"]) == ("LONG", 5)


@pytest.mark.rule("TP-2", "TP-8", "PRC-5", "PRC-6", "PNL-1", "PNL-2", "GRP-2", "GRP-4")
def test_per_leg_targets_close_leg_by_leg_and_the_balance_is_the_arithmetic(start: Starter) -> None:
    stack = start(with_mode("per_leg"))
    group_id = fill_whole_ladder(stack)
    stack.price("BTC/USDT", "98.98")
    until(lambda: stack.group(group_id)["pyramids"][0]["legs"][4]["state"] == "TP_HIT")
    assert stack.group(group_id)["state"] == "ACTIVE"
    stack.price("BTC/USDT", "101")
    group = wait_closed(stack, group_id)
    cost, _ = bought()
    sold = [order for leg in group["pyramids"][0]["legs"] for order in leg["orders"] if order["side"] == "SELL"]
    proceeds = sum((D(o["average_price"]) * D(o["filled_quantity"]) for o in sold if D(o["filled_quantity"])), D(0))
    balances = stack.balances()
    assert balances["USDT"] == D(100000) - cost + proceeds * (1 - FEE)
    assert balances.get("BTC", D(0)) == D(group["dust"])
    assert D(group["dust"]) * 101 < 5, "what is left is too small to be sold"
    assert sorted(D(o["price"]) for o in sold if D(o["filled_quantity"])) == sorted(map(D, TARGETS))


@pytest.mark.rule("TP-3", "TP-6")
def test_an_aggregate_target_closes_the_whole_position_at_its_average(start: Starter) -> None:
    stack = start(with_mode("aggregate", tp_percent="1"))
    group_id = fill_whole_ladder(stack)
    cost, coins = bought()
    average = cost / sum(map(D, QUANTITIES))
    target = (average * D("1.01")).quantize(D("0.01"), rounding="ROUND_CEILING")
    until(lambda: [o for o in resting(stack, group_id) if D(o["price"]) == target])
    stack.price("BTC/USDT", str(target))
    group = wait_closed(stack, group_id)
    sold = coins.quantize(D("0.001"), rounding="ROUND_DOWN")
    assert stack.balances()["USDT"] == D(100000) - cost + sold * target * (1 - FEE)
    assert D(group["dust"]) == coins - sold


@pytest.mark.rule("TP-4")
def test_the_watched_aggregate_of_hybrid_mode_takes_what_the_legs_have_left(start: Starter) -> None:
    stack = start(with_mode("hybrid", tp_percent="0.3"))
    group_id = fill_whole_ladder(stack)
    cost, coins = bought()
    # The last leg's own target, 98.98, comes first; the average of the rest is then 99.2467..., its target 99.55.
    stack.price("BTC/USDT", "99.55")
    group = wait_closed(stack, group_id)
    assert D(group["quantity"]) == 0
    first = D("2.037") * D("98.98")
    rest = (coins - D("2.037")).quantize(D("0.001"), rounding="ROUND_DOWN") * D("99.55")
    assert stack.balances()["USDT"] == D(100000) - cost + (first + rest) * (1 - FEE)


@pytest.mark.rule("TP-5")
def test_each_pyramid_closes_at_its_own_average(start: Starter) -> None:
    stack = start(with_mode("pyramid_aggregate", tp_percent="1", levels=one_leg()))
    opened = stack.send(alert(price="100"))
    group_id = opened["group_id"]
    until(lambda: stack.group(group_id)["legs_filled"] == 1)
    stack.price("BTC/USDT", "98")
    assert stack.send(alert(price="98"))["outcome"] == "PYRAMIDED"
    until(lambda: stack.group(group_id)["legs_filled"] == 2)
    stack.price("BTC/USDT", "98.98")
    until(lambda: stack.group(group_id)["pyramids"][1]["legs"][0]["state"] == "TP_HIT")
    assert stack.group(group_id)["state"] == "ACTIVE"
    stack.price("BTC/USDT", "101")
    wait_closed(stack, group_id)
    # 10 at 100 leave 9.990 after the fee, 10.204 at 98 leave 10.193796; what the second left over, 0.000796, is dust.
    cost = D(10) * 100 + D("10.204") * 98
    proceeds = D("10.193") * D("98.98") + D("9.990") * 101
    assert stack.balances()["USDT"] == D(100000) - cost + proceeds * (1 - FEE)


@pytest.mark.rule("EXIT-1", "EXIT-4")
def test_an_exit_cancels_the_ladder_and_sells_what_is_held(start: Starter) -> None:
    stack = start(SIZED)
    opened = stack.send(alert(price="100"))
    group_id = opened["group_id"]
    stack.price("BTC/USDT", "99.5")
    until(lambda: stack.group(group_id)["legs_filled"] == 2)
    exited = stack.send(alert(action="sell", execution_intent={"type": "exit"}))
    assert (exited["outcome"], exited["group_id"]) == ("EXITED", group_id)
    group = wait_closed(stack, group_id)
    held = (D(2) + D("2.01")) * (1 - FEE)
    sold = held.quantize(D("0.001"), rounding="ROUND_DOWN")
    cost = D(200) + D("2.01") * D("99.5")
    balances = stack.balances()
    assert balances["USDT"] == D(100000) - cost + sold * D("99.5") * (1 - FEE)
    assert balances["BTC"] == held - sold == D(group["dust"])
    account = stack.json("account", "show", "paper")["account"]
    assert all(D(row["locked"]) == 0 for row in account["balances"])


@pytest.mark.rule("EXIT-3")
def test_an_exit_before_the_first_fill_closes_at_zero(start: Starter) -> None:
    stack = start(SIZED)
    opened = stack.send(alert(price="99"))
    assert stack.group(opened["group_id"])["state"] == "LIVE"
    assert stack.send(alert(action="sell", execution_intent={"type": "exit"}))["outcome"] == "EXITED"
    group = wait_closed(stack, opened["group_id"])
    assert D(group["realized_pnl"]) == 0
    assert group["legs_filled"] == 0
    assert stack.balances() == {"USDT": D(100000)}


def resting(stack: Stack, group_id: str) -> list[dict[str, Any]]:
    """Open orders that belong to the group as a whole."""
    return [order for order in stack.group(group_id)["orders"] if order["state"] in ("OPEN", "PARTIALLY_FILLED")]


def one_leg() -> list[dict[str, str]]:
    return [{"gap_percent": "0", "weight_percent": "100", "tp_percent": "1"}]
