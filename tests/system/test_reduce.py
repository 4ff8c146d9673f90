"""A part of a group is closed through the real daemon: by the command line and by a signal (EXIT-6)."""

from __future__ import annotations

from decimal import ROUND_DOWN
from typing import Any

import pytest

from tests.system.conftest import Starter
from tests.system.stack import Stack, alert, until
from tests.system.test_ladder import FEE, D, bought, fill_whole_ladder, wait_closed, with_mode

STEP = D("0.001")


def cut_of(stack: Stack, group_id: str, number: int = 0) -> dict[str, Any]:
    """The group's cut once it has ended."""
    found: dict[str, Any] = until(
        lambda: (
            len(cuts := stack.group(group_id)["cuts"]) > number and cuts[number]["state"] != "RUNNING" and cuts[number]
        )
    )
    return found


def targets(group: dict[str, Any]) -> dict[int | None, Any]:
    """What rests as targets, by leg; None: of the whole group."""
    resting: dict[int | None, Any] = {}
    places = [(None, group["orders"])] + [(leg["index"], leg["orders"]) for leg in group["pyramids"][0]["legs"]]
    for place, orders in places:
        for order in orders:
            if order["role"] == "TAKE_PROFIT" and order["state"] in ("PENDING", "OPEN", "PARTIALLY_FILLED"):
                resting[place] = resting.get(place, D(0)) + D(order["quantity"]) - D(order["filled_quantity"] or 0)
    return resting


def on_step(quantity: Any) -> Any:
    return quantity.quantize(STEP, rounding=ROUND_DOWN)


@pytest.mark.rule("EXIT-6", "RISK-8", "POOL-1")
def test_a_reduce_by_the_command_line_moves_exactly_its_part_and_resizes_the_targets(start: Starter) -> None:
    stack = start(with_mode("per_leg"))
    group_id = fill_whole_ladder(stack)
    cost, coins = bought()
    shown = stack.json("group", "reduce", group_id, "--percent", "30", "--dry-run")["group"]["cuts"][0]
    assert [part["leg"] for part in shown["parts"]] == [0, 2], "targets at 101 and 100.98 are the farthest"
    assert stack.group(group_id)["cuts"] == []
    stack.terrace("group", "reduce", group_id, "--percent", "30", code=8, text="n\n")
    stack.terrace("group", "reduce", group_id, "--percent", "30", "--yes")
    cut = cut_of(stack, group_id)
    sold = on_step(coins * D("0.3"))
    assert (cut["state"], D(cut["sold_quantity"]), cut["reason"]) == ("DONE", sold, "MANUAL")
    assert stack.balances()["USDT"] == D(100000) - cost + sold * 98 * (1 - FEE)
    assert stack.balances()["BTC"] == coins - sold
    until(lambda: 0 <= coins - sold - sum(targets(stack.group(group_id)).values(), D(0)) < 4 * STEP)
    group = stack.group(group_id)
    assert sorted(leg for leg in targets(group) if leg is not None) == [1, 2, 3, 4]
    assert (group["state"], D(group["quantity"])) == ("ACTIVE", coins - sold)
    assert stack.json("engine", "status")["status"]["live_groups"] == 1, "the slot stays"
    stack.terrace("group", "reduce", group_id, "--quantity", "0.001", "--yes", code=6)
    stack.terrace("group", "reduce", group_id, "--percent", "100", "--yes")
    group = wait_closed(stack, group_id)
    assert (group["close_reason"], stack.json("engine", "status")["status"]["live_groups"]) == ("MANUAL", 0)


@pytest.mark.rule("EXIT-6", "SIG-6", "SIG-10", "REC-1")
def test_a_reduce_signal_closes_its_share_once_also_when_the_daemon_is_killed_over_it(start: Starter) -> None:
    stack = start(with_mode("aggregate", tp_percent="5"))
    group_id = fill_whole_ladder(stack)
    _, coins = bought()
    sizes = {"order_size": "4", "market_position_size": "6", "prev_market_position_size": "10"}
    body = alert(action="sell", tv={"market_position": "long", "prev_market_position": "long", **sizes})
    answer = stack.send(body)
    assert (answer["outcome"], answer["group_id"]) == ("REDUCED", group_id)
    stack.kill("daemon")
    stack.start("daemon")
    cut = cut_of(stack, group_id)
    sold = on_step(coins * D("0.4"))
    assert (cut["state"], D(cut["sold_quantity"]), cut["reason"]) == ("DONE", sold, "REDUCE_SIGNAL")
    assert stack.balances()["BTC"] == coins - sold
    assert stack.send(body)["outcome"] == "DUPLICATE"
    until(lambda: targets(stack.group(group_id)) == {None: on_step(coins - sold)})
    assert len(stack.group(group_id)["cuts"]) == 1
    small = alert(action="sell", tv={"market_position": "long", "prev_market_position": "long", "order_size": "1"})
    small["execution_intent"] = {"type": "reduce"}
    refused = stack.send(small, code=6)
    assert (refused["outcome"], refused["reason"]) == ("REJECTED", "SIZE_MISSING")
