"""kill -9 of the daemon between a request to the exchange and its answer, at every point of an order's life.

One kill meets many groups, each of which waits for another answer at that moment. After the restart the comparison with
the exchange puts everything right: nothing is there twice, no fill is lost, every group goes on to its end.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from protos.terrace.v1 import signal_pb2
from protos.terrace.v1 import types_pb2 as t
from tests.system.stack import until
from tests.system.venues import Place, VenueStack, trading

D = Decimal
KILLS = int(os.environ.get("TERRACE_TEST_KILLS", "1"))
"""How many kills each venue sees; more for a full run, one in every day's CI."""
PLACES = (Place(venue="binance", market="spot"), Place(venue="bybit", market="swap"))
HELD_MS = 60_000
"""Longer than the daemon lives."""
LATE_MS = 4_000
"""The request arrives after the daemon has died, and is still valid: the next one must not take it for lost."""
ONE_LEG = {
    "strategy": {
        "default": {
            "levels": [{"gap_percent": "0", "weight_percent": "100", "tp_percent": "1"}],
            "sizing": {"capital_per_pyramid": "300"},
        }
    },
    "pool": {"max_open_groups": 1000},
    "execution": {"sweep_interval_s": 2},
}
PATHS = {
    "binance": {
        "place": ("POST", "/api/v3/order"),
        "cancel": ("DELETE", "/api/v3/order"),
        "look_up": ("GET", "/api/v3/order"),
        "stream": ("", "/ws-api/v3"),
    },
    "bybit": {
        "place": ("POST", "/v5/order/create"),
        "cancel": ("POST", "/v5/order/cancel"),
        "look_up": ("GET", "/v5/order/realtime"),
        "stream": ("", "/v5/private"),
    },
}


class Moment:
    """Groups that are brought to the points where the daemon will die."""

    def __init__(self, stack: VenueStack, numbers: Iterator[int]) -> None:
        self.stack = stack
        self.numbers = numbers
        self.groups: dict[str, str] = {}
        """By the point's name."""
        self.price = D(stack.venue_ledger()["prices"]["ETHUSDT"])
        self.timeframes: dict[str, str] = {}

    # --- steps ------------------------------------------------------------------------------------

    def signal(self, timeframe: str, **more: object) -> signal_pb2.Signal:
        body = json.dumps(self.stack.alert("ETH", timeframe, **more)).encode()  # type: ignore[arg-type]
        request = signal_pb2.SubmitSignalRequest(source="tradingview", body=body)
        return self.stack.client.call(request, signal_pb2.SubmitSignalResponse).signal

    def open(self, point: str) -> str:
        timeframe = str(next(self.numbers))
        signal = self.signal(timeframe, price=f"{self.price * D('0.995'):.2f}")
        assert signal.outcome == t.OUTCOME_OPENED, signal
        self.groups[point], self.timeframes[signal.group_id] = signal.group_id, timeframe
        return signal.group_id

    def exit(self, group_id: str) -> None:
        signal = self.signal(self.timeframes[group_id], action="sell", execution_intent={"type": "exit"})
        assert signal.outcome == t.OUTCOME_EXITED, signal

    def meet(self, kind: str, step: str, do: Callable[[], object], **more: object) -> None:
        """The next request of that step meets the fault; returns once it has."""
        admin = self.stack.admin
        method, path = PATHS[self.stack.place.venue][step]
        since = admin.status()["requests"]
        admin.fault(kind, method=method, path=path, **more)
        do()
        word = kind.partition(":")[0]
        until(lambda: any(entry["fault"] == word for entry in admin.requests(since)), failure=f"{kind}: nobody met it")

    def bought(self, point: str) -> str:
        """A group whose target rests, known to be there."""
        group_id = self.open(point)
        entry = self.stack.order(group_id, "e")
        until(lambda: self.is_known_open(entry.client_order_id))
        self.stack.fill(entry, entry.left)
        target = self.stack.order(group_id, "t")
        until(lambda: self.is_known_open(target.client_order_id))
        return group_id

    def is_known_open(self, client_order_id: str) -> bool:
        return bool(
            self.stack.rows("SELECT 1 FROM orders WHERE client_order_id = ? AND state = 'open'", client_order_id)
        )

    # --- points -----------------------------------------------------------------------------------

    def come(self) -> None:
        stack, held = self.stack, {"ms": HELD_MS}
        for point in ("target", "target, not taken"):
            group_id = self.open(point)
            entry = stack.order(group_id, "e")
            until(lambda name=entry.client_order_id: self.is_known_open(name))
            kind = "timeout_before_accept" if "not" in point else "accept_then_timeout"
            self.meet(kind, "place", lambda entry=entry: stack.fill(entry, entry.left), **held)  # type: ignore[misc]
        for point in ("cancel", "cancel, not taken", "close", "close, not taken"):
            group_id = self.bought(point)
            kind = "timeout_before_accept" if "not" in point else "accept_then_timeout"
            step = "cancel" if point.startswith("cancel") else "place"
            self.meet(kind, step, lambda group_id=group_id: self.exit(group_id), **held)  # type: ignore[misc]
        half, whole = self.open("fill of an entry"), self.bought("fill of a target")
        entry, target = stack.order(half, "e"), stack.order(whole, "t")
        until(lambda: self.is_known_open(entry.client_order_id))
        stack.admin.fault("ws_drop:100", path=PATHS[stack.place.venue]["stream"][1], count=0)
        self.meet("accept_then_drop", "place", lambda: self.meet_look_up(held))
        self.meet("accept_then_timeout", "place", lambda: self.open("entry"), **held)
        self.meet("timeout_before_accept", "place", lambda: self.open("entry, not taken"), **held)
        stack.fill(entry, (entry.left / 2).quantize(D("0.001")))
        stack.fill(target, target.left)
        self.meet(f"delay:{LATE_MS}", "place", lambda: self.open("entry, late"))

    def meet_look_up(self, held: dict[str, int]) -> None:
        self.meet("timeout_before_accept", "look_up", lambda: self.open("look-up"), **held)

    # --- afterwards -------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Every group is brought to its end, and has bought once."""
        for group_id in self.groups.values():
            if not self.stack.is_closed(group_id):
                self.fill_up(group_id)
        for point, group_id in self.groups.items():
            closed = self.stack.wait_closed(group_id)
            entries = self.stack.orders(group_id, "e")
            assert len(entries) == 1, f"{point}: {entries}"
            assert entries[0].filled, f"{point}: nothing was bought, {closed}"

    def fill_up(self, group_id: str) -> None:
        """Whatever rests is filled; a group that closes needs nothing."""

        def filled() -> bool:
            if self.stack.is_closed(group_id):
                return True
            for order in self.stack.orders(group_id):
                if order.is_open and self.is_known(order.client_order_id):
                    self.stack.fill(order, order.left)
            return False

        until(filled, failure=lambda: f"{self.stack.shown(group_id)} {self.stack.orders(group_id)}")

    def is_known(self, client_order_id: str) -> bool:
        sql = "SELECT 1 FROM orders WHERE client_order_id = ? AND state IN ('open', 'partially_filled')"
        return bool(self.stack.rows(sql, client_order_id))


@pytest.mark.rule("ORD-3", "ORD-7", "REC-1", "ORD-5", "TP-7")
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_kill_between_request_and_answer_is_put_right(tmp_path: Path, place: Place) -> None:
    with trading(tmp_path, place, ONE_LEG) as stack:
        started_with, numbers = stack.quote_balance(), itertools.count(61)
        for _ in range(KILLS):
            moment = Moment(stack, numbers)
            moment.come()
            stack.kill("daemon")
            stack.admin.reset_faults()
            stack.start("daemon")
            moment.go_on()
            stack.settle(started_with)
            assert not stack.rows("SELECT 1 FROM orders WHERE state = 'pending'")
