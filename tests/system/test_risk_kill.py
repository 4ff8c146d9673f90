"""kill -9 of the daemon in an offset, after each step and between ask and answer: the same offset goes on, nothing is
sold twice, and in the end everything is as if nobody had been killed (RISK-7).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest

from tests.system import offset_stage as stage
from tests.system.conftest import Starter
from tests.system.offset_stage import BTC, ETH, SOL, WINNERS, XRP, D
from tests.system.stack import EVENTUALLY_S, Plain, Stack, merged, until

KILLS = int(os.environ.get("TERRACE_TEST_RISK_KILLS", "4"))
"""How many in all; 23 for each moment once. More come a little after the moments."""
KILLS_PER_OFFSET = 4
LATENCY_MS = 80
"""An order takes so long to the exchange: what is under way then is lost with the process."""
SLOW: Plain = merged(stage.STAGE, {"accounts": {"paper": {"latency_ms": LATENCY_MS}}})
SOLD = {ETH: "20.181", SOL: "8.992", XRP: "1.755", BTC: "20.393"}
"""What an offset that nobody disturbs sells."""


@dataclass(frozen=True, slots=True)
class Moment:
    name: str
    has_come: Callable[[], bool]


def moments(stack: Stack, groups: dict[str, str]) -> list[Moment]:
    """In the order in which they come."""

    def step(index: int, fact: str) -> Callable[[], bool]:
        return lambda: any(action["steps"][index][fact] for action in stage.actions(stack))

    def selling(symbol: str) -> Callable[[], bool]:
        sql = "SELECT 1 FROM orders WHERE group_id = ? AND role = 'close'"
        return lambda: bool(stack.rows(sql, groups[symbol]))

    def sold(symbol: str) -> Callable[[], bool]:
        return lambda: bool(stage.sales(stack, groups[symbol]))

    found = [Moment("planned", lambda: bool(stage.actions(stack)))]
    for number, symbol in enumerate(WINNERS):
        at = 3 * number
        found += [
            Moment(f"{symbol} asked", step(at + 1, "is_asked")),
            Moment(f"{symbol}: targets out of the way", step(at, "is_done")),
            Moment(f"{symbol}: sale on its way", selling(symbol)),
            Moment(f"{symbol}: sold at the exchange", sold(symbol)),
            Moment(f"{symbol} answered", step(at + 1, "is_done")),
            Moment(f"{symbol}: targets restored", step(at + 2, "is_done")),
        ]
    return [
        *found,
        Moment("loser asked", step(9, "is_asked")),
        Moment("loser: sale on its way", selling(BTC)),
        Moment("loser: sold at the exchange", sold(BTC)),
        Moment("ended", lambda: any(action["end_time_ms"] for action in stage.actions(stack))),
    ]


@pytest.mark.rule("RISK-7", "RISK-8", "RISK-10", "REC-1", "ORD-2", "PNL-2")
@pytest.mark.parametrize("offset", range(-(-KILLS // KILLS_PER_OFFSET)))
def test_a_kill_at_any_moment_of_an_offset_doubles_and_loses_nothing(start: Starter, offset: int) -> None:
    offsets = -(-KILLS // KILLS_PER_OFFSET)
    stack = start(SLOW)
    groups = stage.open_all(stack)
    all_moments = moments(stack, groups)
    for symbol, value in stage.FALLEN.items():
        stage.price(stack, symbol, value)
    killed: list[str] = []
    ids: set[str] = set()
    for kill in range(offset, KILLS, offsets):
        moment, later = divmod(kill * len(all_moments), KILLS)
        wait_for(stack, all_moments[moment])
        if len(all_moments) < KILLS:
            time.sleep(later / KILLS * LATENCY_MS / 1000)
        stack.kill("daemon")
        [action] = stage.actions(stack)
        ids.add(action["action_id"])
        done = [step["is_done"] for step in action["steps"]]
        killed.append(f"{all_moments[moment].name}, {sum(done)} steps done")
        assert moment >= len(all_moments) - 2 or not all(done), f"it was over before: {killed}"
        stack.spawn("daemon", [sys.executable, "-m", "daemon", "--config", str(stack.config_file)])
    stack.wait_daemon()
    print(f"killed at: {killed}")
    try:
        check(stack, groups, ids)
    except BaseException as error:
        error.add_note(f"killed at: {killed}")
        raise


def wait_for(stack: Stack, moment: Moment) -> None:
    """Without the pauses of `until`: a moment is short. The daemon may be starting meanwhile."""
    deadline = time.monotonic() + EVENTUALLY_S
    while not moment.has_come():
        assert stack.processes["daemon"].poll() is None, f"it ended before {moment.name}: {stack.log('daemon')[-4000:]}"
        assert time.monotonic() < deadline, f"{moment.name} does not come: {stage.actions(stack)}"


def check(stack: Stack, groups: dict[str, str], ids: set[str]) -> None:
    action = stage.ended(stack)
    assert action["state"] == "DONE", action
    assert ids == {action["risk_action_id"]}, "it is the same all the time"
    for symbol, quantity in SOLD.items():
        assert stage.sold(stack, groups[symbol]) == D(quantity), f"{symbol} was sold once"
    closes = [step for step in action["steps"] if step["kind"].startswith("CLOSE")]
    for step, symbol in zip(closes, (ETH, SOL, XRP, BTC), strict=True):
        assert step["group_id"] == groups[symbol]
        assert step["result"].split(",")[0].split()[1] == SOLD[symbol]
    profit, loss = realized(stack, groups)
    assert (D(action["realized_profit"]), D(action["realized_loss"])) == (profit, loss)
    until(lambda: stage.resting(stack, ETH) == {D("129.80"): D("4.237")}, 20, lambda: str(stage.resting(stack, ETH)))
    until(lambda: stage.resting(stack, XRP) == {D(150): D("5.239")}, 20, lambda: str(stage.resting(stack, XRP)))
    assert stage.resting(stack, SOL) == stage.resting(stack, BTC) == {}
    states = {row["symbol"]: row["state"] for row in stack.groups(closed=True)}
    assert states == {ETH: "ACTIVE", XRP: "ACTIVE", SOL: "CLOSED", BTC: "CLOSED"}
    stage.check_books(stack)


def realized(stack: Stack, groups: dict[str, str]) -> tuple[Decimal, Decimal]:
    """By the cuts of the groups: what winners brought and the loser lost."""
    found = {
        symbol: [D(cut["realized_pnl"]) for cut in stage.group(stack, groups[symbol])["cuts"]] for symbol in groups
    }
    assert [len(cuts) for cuts in found.values()] == [1] * 4, "each was cut once"
    return sum((found[symbol][0] for symbol in WINNERS), D(0)), -found[BTC][0]
