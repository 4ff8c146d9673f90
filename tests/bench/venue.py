"""The daemon on a simulated Binance spot: from an alert to the wire, from a fill to the wire, and what it weighs.

Daemon, venue and floor are processes of their own; the floor trades at a second venue of the same kind, because the
daemon counts foreign orders of its account against its request budget. One round is one alert on a symbol of its own,
which opens a ladder of five legs; then the first leg is filled and its target must come. The floors follow in the
same round, so all see the same machine. What the rounds leave behind are the positions whose weight is measured.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl

from actors.rules.model import Role
from actors.rules.naming import OrderName, parse_client_order_id
from control import client as terrace
from protos.terrace.v1.signal_pb2 import SubmitSignalRequest, SubmitSignalResponse
from tests.bench import venue_floor, venue_market
from tests.bench.rows import Row, short
from tests.bench.world import LEGS, process_cpu_s, process_rss_mib
from tests.system.stack import alert
from tests.system.venues import Place, VenueStack
from tests.wire.run import Admin, Running

SIGNAL, FILL, RSS, CPU = "signal_to_wire", "fill_to_wire", "positions_100_rss", "positions_100_idle_cpu"
NAMES = (SIGNAL, FILL, RSS, CPU)
MAX_SIGNAL_FLOORS = 4.0
MAX_FILL_MS = 5.0
MAX_RSS_MIB = 200.0
MAX_CPU = 0.05
ROUND_S = 0.9
"""Six orders a round: as fast as a venue that takes 100 orders in ten seconds lets entries through (REC-4)."""
TICK_S = 1.0
BATCH_MS = 50
WAIT_S = 20.0
LOOK_S = 0.02
ORDER_PATH = "/api/v3/order"

Wanted = str | Callable[[OrderName], bool]
"""A client order id, or what must be true of the place it names."""

CONFIG: dict[str, Any] = {
    "sources": {"tradingview": {"rate_per_minute": 10_000_000, "burst": 1_000_000}},
    "strategy": {"default": {"unfilled_group_ttl_s": 0}},
    "pool": {"max_open_groups": 1_000},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is done. `positions` is the number of rounds, too."""

    positions: int = 100
    markets: int = venue_market.MARKETS
    idle_s: float = 20.0
    settle_s: float = 5.0
    round_s: float = ROUND_S
    pause_s: float = 0.2
    """So that one thing is over before the next is measured."""
    warm_up: int = 5
    """Rounds that are not counted."""


QUICK = Size(positions=2, markets=50, idle_s=0.5, settle_s=0, round_s=0, pause_s=0, warm_up=1)


@dataclass(slots=True)
class Taken:
    """Milliseconds."""

    signal: list[float] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)
    """Until SubmitSignal was answered."""
    fill: list[float] = field(default_factory=list)
    signal_floor: list[float] = field(default_factory=list)
    ccxt_floor: list[float] = field(default_factory=list)
    fill_floor: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Weight:
    """Of a process over some seconds in which nothing is traded."""

    rss_mib: float
    cpu: float
    """Cores."""


def rows(names: list[str], directory: Path, size: Size) -> Iterator[Row]:
    folder = directory / "venue"
    folder.mkdir()
    venue_market.write(folder / "market.json", size.markets)
    with Bench(folder, size) as bench:
        before = bench.weigh(size.idle_s / 20)[0]
        taken = bench.trade()
        found = _latencies(taken, size)
        if RSS in names or CPU in names:
            with bench.ticking():
                time.sleep(size.settle_s)
                worked, floor = bench.weigh(size.idle_s)
                bench.restart()
                time.sleep(size.settle_s)
                restarted, _ = bench.weigh(size.idle_s / 2)
            found += _weights(before, worked, restarted, floor, size)
    yield from (row for row in found if row.name in names)


def _latencies(taken: Taken, size: Size) -> list[Row]:
    shared = {"samples": len(taken.signal), "markets": size.markets, "legs": LEGS}
    signal_details = {
        **shared,
        **_spread(taken.signal),
        "answered_ms": short(median(taken.answer)),
        "floor_p99": short(_p99(taken.signal_floor)),
        "ccxt_create_order_ms": short(median(taken.ccxt_floor)),
    }
    fill_details = {**shared, **_spread(taken.fill), "floor_p99": short(_p99(taken.fill_floor))}
    return [
        Row(
            name=SIGNAL,
            value=median(taken.signal),
            unit="ms",
            floor=median(taken.signal_floor),
            goal=MAX_SIGNAL_FLOORS,
            goal_of="ratio",
            details=signal_details,
        ),
        Row(
            name=FILL,
            value=median(taken.fill),
            unit="ms",
            floor=median(taken.fill_floor),
            goal=MAX_FILL_MS,
            details=fill_details,
        ),
    ]


def _weights(before: Weight, worked: Weight, restarted: Weight, floor: Weight, size: Size) -> list[Row]:
    shared = {"positions": size.positions, "markets": size.markets}
    ticks = {"ticks_per_s": round(2 * (size.positions + size.warm_up) / TICK_S), "seconds": size.idle_s}
    return [
        Row(
            name=RSS,
            value=max(worked.rss_mib, restarted.rss_mib),
            unit="MiB",
            floor=floor.rss_mib,
            goal=MAX_RSS_MIB,
            details={
                **shared,
                "before_any": short(before.rss_mib),
                "worked": short(worked.rss_mib),
                "restarted": short(restarted.rss_mib),
            },
        ),
        Row(
            name=CPU,
            value=max(worked.cpu, restarted.cpu),
            unit="cores",
            floor=floor.cpu,
            goal=MAX_CPU,
            details={**shared, **ticks, "worked": short(worked.cpu), "restarted": short(restarted.cpu)},
        ),
    ]


def _spread(values: list[float]) -> dict[str, float]:
    tenths = quantiles(values, n=10, method="inclusive") if len(values) > 1 else values * 9
    return {"p10": short(tenths[0]), "p90": short(tenths[-1]), "p99": short(_p99(values)), "most": short(max(values))}


def _p99(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, round(len(values) * 0.99))]


class Bench:
    """Two venues, a daemon and a floor."""

    def __init__(self, folder: Path, size: Size) -> None:
        self._folder, self._size = folder, size
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Bench:
        with contextlib.ExitStack() as held:
            market = self._folder / "market.json"
            self._venue, self._other = (
                held.enter_context(Running("binance", instruments=market, process=True)) for _ in range(2)
            )
            self._prices(dict.fromkeys(range(self._watched), venue_market.PRICE))
            place = Place(venue="binance", market="spot")
            self.stack = VenueStack(self._folder, place, self._venue.endpoints, CONFIG)
            self.stack.folder = self._folder / "logs"  # Beside its config every line would rouse the daemon.
            self.stack.folder.mkdir()
            held.callback(self.stack.stop)
            self.stack.start("daemon")
            flags = terrace.TargetFlags(config=str(self.stack.config_file))
            self._source = terrace.Client(terrace.find_target(flags, role=terrace.FORWARDER))
            held.callback(self._source.close)
            self._floor = held.enter_context(venue_floor.floor(self._folder, self._other.endpoints, self._watched))
            self._held = held.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        unlisted = self._venue.admin.status()["unlisted"]
        self._held.close()
        assert not unlisted, f"the simulator does not have {unlisted}"

    @property
    def _watched(self) -> int:
        return self._size.positions + self._size.warm_up

    def _prices(self, prices: dict[int, str]) -> None:
        named = {venue_market.venue_symbol(number): price for number, price in prices.items()}
        for venue in (self._venue, self._other):
            venue.admin.post("price", prices=named)

    # --- rounds -----------------------------------------------------------------------------------

    def trade(self) -> Taken:
        """One round for each position."""
        taken = Taken()
        for number in range(self._watched):
            end_s = time.monotonic() + self._size.round_s
            self._round(number, Taken() if number < self._size.warm_up else taken)
            time.sleep(max(0.0, end_s - time.monotonic()))
        return taken

    def _round(self, number: int, taken: Taken) -> None:
        venue = self._venue.admin
        since = venue.status()["requests"]
        started_ns, group_id = self._alert(number)
        taken.answer.append((time.monotonic_ns() - started_ns) / 1e6)
        entries = _posts(venue, since, LEGS, lambda name: name.group_id == group_id)
        taken.signal.append((min(entry["arrived_ns"] for entry in entries) - started_ns) / 1e6)
        [first] = _posts(venue, since, 1, lambda name: name.group_id == group_id and name.leg == 0)
        time.sleep(self._size.pause_s)
        is_target: Wanted = lambda name: name.group_id == group_id and name.role is Role.TAKE_PROFIT  # noqa: E731
        taken.fill.append(_filled(venue, first, is_target))
        time.sleep(self._size.pause_s)
        self._floors(number, taken)

    def _alert(self, number: int) -> tuple[int, str]:
        """As a source does, with the token that may only bring signals in. When it began, and the group."""
        body = alert(venue_market.venue_symbol(number), price=venue_market.ENTRY)
        request = SubmitSignalRequest(source="tradingview", body=json.dumps(body).encode())
        started_ns = time.monotonic_ns()
        found = self._source.call(request, SubmitSignalResponse).signal
        assert found.group_id, found
        return started_ns, found.group_id

    def _floors(self, number: int, taken: Taken) -> None:
        venue = self._other.admin
        since = venue.status()["requests"]
        started_ns = time.monotonic_ns()
        self._floor.ask("raw", f"r{number}")
        [raw] = _posts(venue, since, 1, f"r{number}")
        taken.signal_floor.append((raw["arrived_ns"] - started_ns) / 1e6)
        started_ns = int(self._floor.ask("ccxt", f"f{number}")["started_ns"])
        [bought] = _posts(venue, since, 1, f"f{number}")
        taken.ccxt_floor.append((bought["arrived_ns"] - started_ns) / 1e6)
        taken.fill_floor.append(_filled(venue, bought, f"g{number}"))

    # --- weight -----------------------------------------------------------------------------------

    def weigh(self, seconds: float) -> tuple[Weight, Weight]:
        """Daemon and floor over the same seconds."""
        pid = self.stack.processes["daemon"].pid
        began_s, used_s, floor_used_s = time.monotonic(), process_cpu_s(pid), self._floor.ask("usage")["cpu_s"]
        time.sleep(seconds)
        taken_s = time.monotonic() - began_s
        used_s, usage = process_cpu_s(pid) - used_s, self._floor.ask("usage")
        daemon = Weight(process_rss_mib(pid), used_s / taken_s)
        return daemon, Weight(usage["rss_mib"], (usage["cpu_s"] - floor_used_s) / taken_s)

    def restart(self) -> None:
        """The daemon finds all its positions again."""
        self.stack.kill("daemon", signal.SIGTERM)
        self.stack.start("daemon")

    @contextlib.contextmanager
    def ticking(self) -> Iterator[None]:
        """Every price moves once in `TICK_S`, a few at a time, too little to fill anything.

        The venue repeats each once in the same time.
        """
        ended = Event()
        symbols = range(self._watched)
        batch = -(-len(symbols) * BATCH_MS // int(TICK_S * 1000))

        def tick() -> None:
            for turn in itertools.count():
                moved = str(Decimal(venue_market.PRICE) + Decimal(turn % 5 - 2) / 20)
                for at in range(0, len(symbols), batch):
                    if ended.wait(BATCH_MS / 1000):
                        return
                    self._prices(dict.fromkeys(symbols[at : at + batch], moved))

        thread = Thread(target=tick, name="prices")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _filled(venue: Admin, order: Any, wanted: Wanted) -> float:
    """Fills a resting order; ms from when the news of it left the venue until the order that answers it arrived."""
    status, name = venue.status(), order["client_order_id"]
    venue.fill(name, dict(parse_qsl(order["body"] or order["query"]))["quantity"])
    [answer] = _posts(venue, status["requests"], 1, wanted)
    for row in venue.frames(status["frames"], "ws-api"):
        event = json.loads(row["frame"]).get("event", {})
        if event.get("x") == "TRADE" and event.get("c") == name:
            return int(answer["arrived_ns"] - row["left_ns"]) / 1e6
    raise AssertionError(f"no frame told of {name}")


def _posts(venue: Admin, since: int, count: int, wanted: Wanted) -> list[Any]:
    """New orders that have arrived since that request, once there are so many."""
    end_s = time.monotonic() + WAIT_S
    while True:
        found = [
            entry
            for entry in venue.requests(since, ORDER_PATH)
            if entry["method"] == "POST" and _is(entry["client_order_id"], wanted)
        ]
        if len(found) >= count:
            assert all(entry["status"] == 200 for entry in found), found
            return found
        assert time.monotonic() < end_s, f"{len(found)} of {count} orders: {venue.requests(since)}"
        time.sleep(LOOK_S)


def _is(client_order_id: str, wanted: Wanted) -> bool:
    if isinstance(wanted, str):
        return client_order_id == wanted
    name = parse_client_order_id(client_order_id)
    return name is not None and wanted(name)
