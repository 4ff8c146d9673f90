"""How long a fill stays unknown when the account's stream fails: from the venue's execution to the durable row.

`dropped`: 80 % of the account's frames are lost. `killed`: its sockets break at random. `zombie`: they stay open and
say nothing any more. `mixed`: one after the other.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.wire.engine import Engine
from tests.wire.fault_cases import STREAM, Case, Life, group_of, judge, shown_id

MODES = ("dropped", "killed", "zombie")
GROUPS = 20
PARTS = 4
"""Fills an order takes."""
ROUND_S = 60.0
CHANGE_S = 2.5
"""How long `mixed` stays with one of them."""
POLL_S = 0.05
SWEEP_S = 3
GRACE_MS = 2_000
"""Beside the pause between two sweeps: the requests themselves, and a busy machine."""
BOUND_MS = SWEEP_S * 1000 + GRACE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    venue: str
    mode: str
    fills: int
    median_ms: int
    slowest_ms: int
    problems: tuple[str, ...]


def measure(desk_name: str, mode: str, folder: Path) -> Figures:
    """Lives 20 groups through it; each of their fills is timed."""
    changes = {"execution": {"sweep_interval_s": SWEEP_S, "retry_base_ms": 200}}
    with Engine(folder, desk_name, changes=changes) as engine:
        case = Case(desk=desk_name, step=STREAM, fault=mode)
        lives = [
            Life(engine, case, number, f"g{number:011d}", exits=number % 4 == 3, parts=PARTS)
            for number in range(GROUPS)
        ]
        trouble = _trouble(engine, mode)
        for one in lives:
            one.begin()
        seen_ms: dict[str, int] = {}
        end = time.monotonic() + ROUND_S
        while time.monotonic() < end and not all(one.is_over for one in lives):
            trouble()
            _note(engine, lives, seen_ms)
            resting: dict[str, list[Any]] = defaultdict(list)
            for row in engine.ledger()["orders"]:
                if row["state"] in ("open", "partially_filled"):
                    resting[group_of(row["client_order_id"])].append(row)
            for one in lives:
                if not one.is_over:
                    one.tick(resting[one.group_id])
            time.sleep(POLL_S)
        _note(engine, lives, seen_ms)
        engine.venue.admin.reset_faults()
        problems = [problem for result in judge(engine, lives) for problem in result.problems]
        trades = engine.ledger()["trades"]
        took = []
        for trade in trades:
            name = shown_id(engine.desk, trade["trade_id"])
            if name in seen_ms:
                took.append(seen_ms[name] - trade["time_ms"])
            else:
                problems.append(f"trade {name} of {trade['client_order_id']} was never stored")
    took.sort()
    return Figures(
        venue=desk_name,
        mode=mode,
        fills=len(trades),
        median_ms=took[len(took) // 2] if took else 0,
        slowest_ms=took[-1] if took else 0,
        problems=tuple(problems),
    )


def _note(engine: Engine, lives: list[Life], seen_ms: dict[str, int]) -> None:
    """When each trade was first seen in what is committed. The View shows it once it is durable."""
    now_ms = int(time.time() * 1000)
    for one in lives:
        for order in engine.orders(one.group_id):
            for trade in order.trades:
                seen_ms.setdefault(trade.trade_id, now_ms)


def _trouble(engine: Engine, mode: str) -> Callable[[], None]:
    admin, path, chance = engine.venue.admin, engine.desk.user_stream, random.Random(7)
    began_s, current = time.monotonic(), ""

    def turn() -> None:
        nonlocal current
        passed = int((time.monotonic() - began_s) / CHANGE_S)
        wanted = MODES[passed % len(MODES)] if mode == "mixed" else mode
        if wanted != current:
            current = wanted
            admin.reset_faults()
            if wanted == "dropped":
                admin.fault("ws_drop:80", path=path, count=0)
            elif wanted == "zombie":
                admin.fault("ws_no_pong", path=path, count=0)
        if wanted == "killed" and chance.random() < 0.1:
            admin.fault(f"ws_close:{chance.choice((1001, 1006))}", path=path)

    return turn
