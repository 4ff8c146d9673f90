"""A thousand live groups of five legs: what they weigh, and how soon a daemon that starts with them trades.

The groups are made by the daemon itself; the first leg of each is filled, so its target rests. Floor is the same
daemon, started again before there is any group.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from protos.terrace.v1.account_pb2 import SetPaperPriceRequest, SetPaperPriceResponse
from tests.bench.rows import Row, short
from tests.bench.senders import send
from tests.bench.world import ENTRY, SYMBOLS, World, world

RSS, READY = "groups_1000_rss", "groups_1000_ready"
GROUPS = 1000
MAX_RSS_MIB = 350.0
MAX_READY_S = 4.0
STARTS = 3
SENDERS = 16
SETTLE_S = 1.0
"""What a start leaves to be done is done after this."""
FILLED_S = 60.0
_BELOW_ENTRY = "99.90"


def rows(names: list[str], directory: Path, groups: int = GROUPS, starts: int = STARTS) -> Iterator[Row]:
    with world(directory / "crowd") as crowd:
        base = _starts(crowd, starts)
        _fill(crowd, groups)
        found = _starts(crowd, starts)
        live = crowd.rows("SELECT count(*) FROM position_groups WHERE state != 'closed'")[0][0]
        assert live == groups, live
    details = {"groups": groups, "open_orders": found.open_orders, "starts": starts}
    made = (
        Row(
            name=RSS,
            value=max(found.rss_mib),
            unit="MiB",
            floor=max(base.rss_mib),
            goal=MAX_RSS_MIB,
            details=details,
        ),
        Row(
            name=READY,
            value=max(found.ready_s),
            unit="s",
            floor=max(base.ready_s),
            goal=MAX_READY_S,
            details={**details, "each": [short(taken) for taken in found.ready_s]},
        ),
    )
    yield from (row for row in made if row.name in names)


def _fill(crowd: World, groups: int) -> None:
    """Opens the groups, then lets the price touch the first leg of each and waits for the targets."""
    sent = send(crowd.config_file, senders=SENDERS, pyramids=0, seconds=600, groups=groups)
    assert sent["outcomes"] == {"OPENED": groups}, sent
    for symbol in SYMBOLS:
        request = SetPaperPriceRequest(account="paper", symbol=symbol, price=_BELOW_ENTRY)
        crowd.client.call(request, SetPaperPriceResponse)
    end_s = time.monotonic() + FILLED_S
    while _targets(crowd) < groups:
        assert time.monotonic() < end_s, f"{_targets(crowd)} of {groups} targets rest"
        time.sleep(0.2)
    assert float(_BELOW_ENTRY) < float(ENTRY)


def _targets(crowd: World) -> int:
    found = crowd.rows("SELECT count(*) FROM orders WHERE role = 'take_profit' AND state = 'open'")
    return int(found[0][0])


@dataclass(frozen=True, slots=True)
class Starts:
    """What several starts of a daemon were like, one after the other."""

    ready_s: list[float]
    rss_mib: list[float]
    open_orders: int


def _starts(running: World, count: int) -> Starts:
    ready_s, rss_mib = [], []
    for _ in range(count):
        running.kill("daemon", signal.SIGTERM)
        running.start_daemon()
        ready_s.append(running.wait_ready_s())
        time.sleep(SETTLE_S)
        rss_mib.append(running.rss_mib())
    return Starts(ready_s, rss_mib, int(running.rows("SELECT count(*) FROM orders WHERE state = 'open'")[0][0]))
