"""A burst of new groups on a venue that keeps its real request limits: no ban, nothing lost, exits overtake.

`TERRACE_TEST_BURST_GROUPS=100` sends the whole burst of 500 orders to each venue under its usual limits, and once more
beside a client that uses up half of a small one (minutes of waiting for the venue's windows). Otherwise a burst is just
large enough to run into the limit, on Binance that of the recorded list: 50 orders in 10 s and 1200 weight a minute.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

import pytest

from actors.rules.naming import parse_client_order_id
from protos.terrace.v1 import signal_pb2, types_pb2
from tests.system.stack import Plain, until
from tests.system.venues import Place, VenueStack
from tests.wire.binance_common import signature_of
from tests.wire.run import Running

D = Decimal
GROUPS = int(os.environ.get("TERRACE_TEST_BURST_GROUPS", "0"))
LEGS = 5
TIMEFRAMES = [str(minutes) for minutes in range(1, 41)]
OVERTAKE_MS = 2_000
"""An exit's close is on the wire this soon, whatever is queued."""
SPOT = Place(venue="binance", market="spot")
LINEAR = Place(venue="bybit", market="swap")
PRICES = {"BTC": "60000", "ETH": "3000", "SOL": "150", "XRP": "0.6"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where a venue takes and cancels orders, and the most orders it takes in how many ms."""

    create: tuple[str, str]
    cancel: tuple[str, str]
    most: int
    period_ms: int


PATHS = {
    SPOT: Paths(create=("POST", "/api/v3/order"), cancel=("DELETE", "/api/v3/order"), most=100, period_ms=10_000),
    LINEAR: Paths(create=("POST", "/v5/order/create"), cancel=("POST", "/v5/order/cancel"), most=10, period_ms=1_000),
}
RECORDED = {"ORDERS_10S": 50, "REQUEST_WEIGHT_1M": 1200}
SMALL_WEIGHT = {"REQUEST_WEIGHT_1M": 1200}


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What the venue's own log says of a burst and of the exit in the middle of it."""

    log: list[Plain]
    began_ms: int
    exit_ms: int
    exiting: str
    """The group that was closed meanwhile."""
    held: set[str]
    """Ids of its orders before the exit."""

    def of(self, path: tuple[str, str]) -> list[Plain]:
        return [entry for entry in self.log if (entry["method"], entry["path"]) == path]

    @property
    def refused(self) -> list[Plain]:
        """Answers that say "too many"."""
        return [entry for entry in self.log if entry["status"] in (403, 418, 429) or entry["code"] == "10006"]

    def figures(self, paths: Paths) -> str:
        sent = self.of(paths.create)
        took_s = (max(entry["time_ms"] for entry in sent) - self.began_ms) / 1000
        close = self.close(paths)
        weight = sum(entry["weight"].get("REQUEST_WEIGHT_1M", 0) for entry in self.log)
        return (
            f"{len(sent)} orders in {took_s:.1f} s, {len(self.log)} requests, weight {weight}, "
            f"{len(self.refused)} refused, the exit's close {close['time_ms'] - self.exit_ms} ms after its signal"
        )

    def close(self, paths: Paths) -> Plain:
        [found] = [entry for entry in self.of(paths.create) if _role(entry) == ("c", self.exiting)]
        return found


def _role(entry: Plain) -> tuple[str, str]:
    name = parse_client_order_id(entry["client_order_id"])
    return ("", "") if name is None else (entry["client_order_id"][-4], name.group_id)


def config(groups: int) -> Plain:
    return {
        "pool": {"max_open_groups": groups + 5},
        "strategy": {"default": {"sizing": {"capital_per_pyramid": "500"}}},
    }


@contextmanager
def limited(folder: Path, place: Place, groups: int, limits: Mapping[str, int]) -> Iterator[VenueStack]:
    """A daemon on a venue with other limits than usual, as its list of instruments says."""
    with Running(place.venue, process=True) as venue:
        if limits:
            venue.admin.limits(**limits)
        stack = VenueStack(folder, place, venue.endpoints, config(groups))
        try:
            stack.start("daemon")
            yield stack
        finally:
            stack.stop()


def burst(stack: VenueStack, groups: int, paths: Paths) -> Burst:
    """One group that holds something; then all the others at once, and its exit while they are queued."""
    for base, price in PRICES.items():
        stack.move(base, price)
    exiting = _submit(stack, "BTC", "1440", PRICES["BTC"])
    until(lambda: len(stack.orders(exiting, "e")) == LEGS)
    stack.order(exiting, "t")  # The first leg has filled at once: its target rests.
    held = {each.client_order_id for each in stack.orders(exiting)}
    keys = [(base, timeframe) for timeframe in TIMEFRAMES for base in PRICES][:groups]
    first = stack.admin.status()["requests"]
    began_ms = _now_ms()
    with ThreadPoolExecutor(16) as crowd:
        futures = [
            crowd.submit(_submit, stack, base, timeframe, str(D(PRICES[base]) * D("0.97"))) for base, timeframe in keys
        ]
        until(lambda: len(_entries(stack, paths, first)) >= paths.most // 2)
        until(lambda: all(future.done() for future in futures))
        exit_ms = _now_ms()
        _exit(stack)
        opened = {future.result() for future in futures}
    assert len(opened) == groups
    until(lambda: stack.is_closed(exiting), 20, lambda: f"not closed: {stack.shown(exiting)}")
    wanted = groups * LEGS
    until(
        lambda: len(_entries(stack, paths, first)) >= wanted,
        120 + wanted * paths.period_ms / paths.most / 1000 * 3,
        lambda: f"{len(_entries(stack, paths, first))} of {wanted} orders are on the wire",
    )
    until(lambda: sum(len(names) for names in _placed(stack, opened).values()) >= wanted)
    log = [entry for entry in stack.admin.requests(first) if entry["headers"].get("user-agent") != EATER]
    return Burst(log=log, began_ms=began_ms, exit_ms=exit_ms, exiting=exiting, held=held)


def _submit(stack: VenueStack, base: str, timeframe: str, price: str) -> str:
    """The group that was opened."""
    body = json.dumps(stack.alert(base, timeframe, price=price)).encode()
    request = signal_pb2.SubmitSignalRequest(source="tradingview", body=body)
    signal = stack.client.call(request, signal_pb2.SubmitSignalResponse, timeout_s=60).signal
    assert signal.outcome == types_pb2.OUTCOME_OPENED, signal
    return signal.group_id


def _exit(stack: VenueStack) -> None:
    body = stack.alert("BTC", "1440", "sell", price=PRICES["BTC"], execution_intent={"type": "exit"})
    request = signal_pb2.SubmitSignalRequest(source="tradingview", body=json.dumps(body).encode())
    signal = stack.client.call(request, signal_pb2.SubmitSignalResponse, timeout_s=60).signal
    assert signal.outcome == types_pb2.OUTCOME_EXITED, signal


def _entries(stack: VenueStack, paths: Paths, first: int) -> list[Plain]:
    """Entries that were sent since that request."""
    sent = stack.admin.requests(first, paths.create[1])
    return [entry for entry in sent if entry["method"] == paths.create[0] and _role(entry)[0] == "e"]


def _placed(stack: VenueStack, groups: set[str]) -> dict[str, list[str]]:
    """Open entries in the store, by group."""
    found: dict[str, list[str]] = {group: [] for group in groups}
    for group_id, name in stack.rows("SELECT group_id, client_order_id FROM orders WHERE state = 'open'"):
        if group_id in found:
            found[group_id].append(name)
    return found


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def check(found: Burst, stack: VenueStack, groups: int, paths: Paths, *, refusals: int = 0) -> None:
    print(f"\n{stack.place}: {found.figures(paths)}")
    assert stack.admin.status()["bans"] == 0
    assert len(found.refused) <= refusals, found.refused
    names = Counter(entry["client_order_id"] for entry in found.of(paths.create))
    assert max(names.values()) == 1 or refusals, "an order was sent twice"
    ledger = Counter(row["client_order_id"] for row in stack.venue_ledger()["orders"])
    assert max(ledger.values()) == 1
    entries = [entry for entry in found.of(paths.create) if _role(entry)[0] == "e"]
    taken = [entry for entry in entries if entry["status"] == 200]
    assert len(taken) == len({entry["client_order_id"] for entry in taken}) == groups * LEGS
    assert len(entries) - len(taken) <= refusals
    check_limits(entries, paths)
    check_overtaking(found, entries, paths)


def check_limits(entries: list[Plain], paths: Paths) -> None:
    """No period, wherever it begins, holds more than the venue takes."""
    times = sorted(entry["time_ms"] for entry in entries)
    for index, begin in enumerate(times):
        inside = sum(1 for moment in times[index:] if moment < begin + paths.period_ms)
        assert inside <= paths.most, f"{inside} orders within {paths.period_ms} ms"


def check_overtaking(found: Burst, entries: list[Plain], paths: Paths) -> None:
    """At the exit entries are queued; its cancels and its close are on the wire before the rest of them."""
    close = found.close(paths)
    after = [entry for entry in entries if entry["time_ms"] > found.exit_ms + OVERTAKE_MS]
    assert after, "nothing was queued any more when the exit came: the burst is too small to show anything"
    assert close["status"] == 200
    assert close["time_ms"] - found.exit_ms <= OVERTAKE_MS
    cancels = [entry for entry in found.of(paths.cancel) if entry["client_order_id"] in found.held]
    assert len(cancels) >= LEGS - 1, "the other four legs and the target are cancelled"
    assert max(entry["time_ms"] for entry in cancels) - found.exit_ms <= OVERTAKE_MS
    last = max(entry["number"] for entry in [*cancels, close])
    assert sum(1 for entry in entries if entry["number"] > last) >= len(after)


@pytest.mark.rule("REC-4", "ORD-2", "EXIT-1")
@pytest.mark.parametrize("place", [SPOT, LINEAR], ids=str)
def test_a_burst_of_groups_keeps_the_venues_limits_and_lets_an_exit_pass(tmp_path: Path, place: Place) -> None:
    groups = GROUPS or (10 if place is SPOT else 6)
    limits = RECORDED if place is SPOT and not GROUPS else {}
    paths = replace(PATHS[place], most=limits.get("ORDERS_10S", PATHS[place].most))
    with limited(tmp_path, place, groups, limits) as stack:
        with eater(stack, 3_000 if GROUPS else 600) if place is SPOT else nobody() as ate:
            found = burst(stack, groups, paths)
        check(found, stack, groups, paths)
        assert all(status == 200 for status in ate)


@pytest.mark.rule("REC-4", "ORD-2", "EXIT-1")
@pytest.mark.skipif(not GROUPS, reason="minutes of waiting: set TERRACE_TEST_BURST_GROUPS")
def test_beside_a_client_that_eats_half_of_a_small_limit_there_is_no_storm(tmp_path: Path) -> None:
    """Here the weight is what is scarce. What the other one uses is only known when an answer tells it."""
    with limited(tmp_path, SPOT, GROUPS, SMALL_WEIGHT) as stack:
        with eater(stack, SMALL_WEIGHT["REQUEST_WEIGHT_1M"] // 2) as ate:
            found = burst(stack, GROUPS, PATHS[SPOT])
        check(found, stack, GROUPS, PATHS[SPOT], refusals=5)
        print(f"the other client: {Counter(ate)}")


# --- somebody else behind the same address --------------------------------------------------------

EATER = "somebody-else"
EATEN_WEIGHT = 80
"""Of listing all open orders."""


@contextmanager
def nobody() -> Iterator[list[int]]:
    yield []


@contextmanager
def eater(stack: VenueStack, per_minute: int = 3_000) -> Iterator[list[int]]:
    """A second client that uses up half of the address's weight; the statuses it got."""
    statuses: list[int] = []
    over = threading.Event()

    def eat() -> None:
        while not over.wait(60 * EATEN_WEIGHT / per_minute):
            fields = urlencode({"timestamp": _now_ms(), "recvWindow": 5000})
            fields += "&signature=" + signature_of(stack.endpoints.api_secret, fields)
            request = urllib.request.Request(f"{stack.endpoints.rest}/api/v3/openOrders?{fields}")
            request.add_header("X-MBX-APIKEY", stack.endpoints.api_key)
            request.add_header("User-Agent", EATER)
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    statuses.append(answer.status)
            except urllib.error.HTTPError as error:
                statuses.append(error.code)

    thread = threading.Thread(target=eat, name=EATER)
    thread.start()
    try:
        yield statuses
    finally:
        over.set()
        thread.join(timeout=15)
