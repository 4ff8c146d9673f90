"""Signals per second that the daemon keeps up, every one durable and answered, its ladder at the exchange.

Half of them open a group, half add a pyramid; each sends five orders. The clock runs from the first call until the
paper exchange has accepted the last order.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from tests.bench import floor
from tests.bench.rows import Row, short
from tests.bench.senders import send
from tests.bench.world import LEGS, World, world

NAME = "signals_per_second"
GOAL = 300.0
SENDERS = 16
WARM_UP_GROUPS = 50
MAX_GROUPS = 9_000
LAST_ORDER_S = 60.0
FLOOR_POSTS = 4_000


def row(directory: Path, seconds: float) -> Row:
    with floor.server(directory) as port:
        base = asyncio.run(floor.per_second(port, FLOOR_POSTS, SENDERS))
    with world(directory / "throughput") as running:
        send(running.config_file, senders=SENDERS, pyramids=1, seconds=60, groups=WARM_UP_GROUPS)
        _wait_for_orders(running, WARM_UP_GROUPS * 2 * LEGS)
        used_s = running.cpu_s()
        sent = send(
            running.config_file,
            senders=SENDERS,
            pyramids=1,
            seconds=seconds,
            groups=MAX_GROUPS,
            first=WARM_UP_GROUPS,
        )
        outcomes, signals = sent["outcomes"], sent["sent"]
        assert outcomes == {"OPENED": signals // 2, "PYRAMIDED": signals // 2}, outcomes
        _wait_for_orders(running, (WARM_UP_GROUPS * 2 + signals) * LEGS)
        used_s = running.cpu_s() - used_s
        stored = running.rows("SELECT count(*) FROM signals")[0][0]
        assert stored == signals + WARM_UP_GROUPS * 2, stored
        rss = running.rss_mib()
    taken_s = (max(sent["last_ns"], running.trace.last_ns) - sent["first_ns"]) / 1e9
    details = {
        "signals": signals,
        "orders": signals * LEGS,
        "seconds": short(taken_s),
        "senders": SENDERS,
        "last_order_after_last_answer_ms": short((running.trace.last_ns - sent["last_ns"]) / 1e6),
        "daemon_cpu_ms_per_signal": short(used_s * 1000 / signals),
        "rss_mib": short(rss),
    }
    value = signals / taken_s
    return Row(name=NAME, value=value, unit="1/s", floor=base, goal=GOAL, at_least=True, details=details)


def _wait_for_orders(running: World, wanted: int) -> None:
    end_s = time.monotonic() + LAST_ORDER_S
    while running.trace.orders < wanted:
        assert time.monotonic() < end_s, f"{running.trace.orders} of {wanted} orders were accepted"
        time.sleep(0.05)
        running.trace.read()
    assert running.trace.orders == wanted, f"{running.trace.orders} orders instead of {wanted}"
