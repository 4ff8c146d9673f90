"""A canary at a simulated venue that writes down every request: it asks, and changes nothing."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.daemon.canary import stage
from tests.daemon.canary.stage import Ran, canary, restored, rows, write
from tests.system.stack import Plain, until
from tests.system.venues import Place, VenueStack, trading

pytestmark = pytest.mark.store("sqlite")
SPOT = Place(venue="binance", market="spot")
LIMIT_S = 150
"""Daemon and canaries share the venue's limits: where they are near, questions wait for the next minute."""
SWAP = Place(venue="binanceusdm", market="swap")
"""Here position mode and leverage are set before an entry, and a stream's key is asked for by POST."""


@dataclass(kw_only=True)
class Venue:
    stack: VenueStack
    backup: Path
    group_id: str
    folder: Path
    count: int = 0

    def copy(self) -> Path:
        self.count += 1
        return restored(self.backup, self.folder / f"copy-{self.count}")

    def canary(self, data: Path) -> Ran:
        return canary(self.stack.config_file, data, self.stack.environ, LIMIT_S)

    def requests(self, since: int) -> list[Plain]:
        """Those of accounts, with what the venue calls them; prices are asked for without a key."""
        return self.stack.admin.requests(since)


@pytest.fixture(scope="module", params=[SPOT, SWAP], ids=str)
def venue(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """With a group whose first leg has filled and whose target rests."""
    place: Place = request.param
    folder = tmp_path_factory.mktemp(str(place))
    (folder / "real").mkdir()
    sizing = {"strategy": {"default": {"sizing": {"capital_per_pyramid": "3000"}}}}
    with trading(folder / "real", place, sizing) as stack:
        stack.move("ETH", "3006")
        opened = stack.send(stack.alert("ETH", price="3000"))
        group_id = opened["group_id"]
        until(lambda: len(stack.orders(group_id, "e")) == 5)
        first = stack.order(group_id, "e", 0, 0)
        stack.fill(first, first.quantity)
        until(lambda: [order for order in stack.orders(group_id, "t") if order.is_open])
        until(lambda: stack.rows("SELECT 1 FROM orders WHERE role = 'take_profit' AND state = 'open'"))
        name = stack.json("backup", "create")["name"]
        backup = stack.data_dir / "backups" / name
        yield Venue(stack=stack, backup=backup, group_id=group_id, folder=folder)


@pytest.mark.rule("ORD-7")
def test_a_canary_asks_and_changes_nothing_at_the_exchange(venue: Venue) -> None:
    data = venue.copy()
    daemon = venue.stack.processes["daemon"]
    ledger = venue.stack.venue_ledger()
    daemon.send_signal(signal.SIGSTOP)  # Every request from here on is the canary's.
    try:
        since = max(entry["number"] for entry in venue.requests(0)) + 1
        ran = venue.canary(data)
        asked = venue.requests(since)
    finally:
        daemon.send_signal(signal.SIGCONT)
    assert (ran.code, ran.said) == (0, ""), ran.answer
    assert ran.answer["accounts"] == [{"account": "venue", "state": "ready", "why": ""}]
    assert (ran.answer["differences"], ran.answer["would_send"]) == ([], [])
    assert {entry["method"] for entry in asked} == {"GET"}
    assert (ran.answer["blocked_requests"] > 0) is (venue.stack.place == SWAP)
    assert len([entry for entry in asked if "penOrders" in entry["path"]]) > 0
    assert venue.stack.venue_ledger() == ledger
    [group] = ran.answer["groups"]
    shown = venue.stack.shown(venue.group_id)
    assert (group["group_id"], group["quantity"], group["average_entry"]) == (
        venue.group_id,
        shown.quantity,
        shown.average_entry,
    )


@pytest.mark.parametrize("venue", [SPOT], ids=str, indirect=True, scope="module")
def test_a_fill_that_the_copy_lacks_is_found_at_the_exchange(venue: Venue) -> None:
    data = venue.copy()
    store = data / "terrace.db"
    stage.made_later(store, 600)
    [(name, trade_id)] = rows(store, "SELECT client_order_id, trade_id FROM fills LIMIT 1")
    write(store, "DELETE FROM fills")
    write(store, "UPDATE orders SET filled_quantity = '0', filled_notional = '0' WHERE client_order_id = ?", name)
    write(store, "UPDATE legs SET lot_quantity = '0', lot_cost = '0', bought_quantity = '0', bought_cost = '0'")
    ran = venue.canary(data)
    assert ran.code == 6
    where = f"account venue: order {name}, trade {trade_id}"
    assert where in [each["where"] for each in ran.answer["differences"] if each["what"] == "fill"]


@pytest.mark.parametrize("venue", [SPOT], ids=str, indirect=True, scope="module")
def test_a_key_that_is_refused_ends_it_at_once(venue: Venue) -> None:
    begun_s = time.monotonic()
    ran = canary(venue.stack.config_file, venue.copy(), {**venue.stack.environ, "VENUE_API_KEY": "no-such-key"})
    assert (ran.code, ran.answer["ready"], ran.answer["differences"]) == (5, False, [])
    assert time.monotonic() - begun_s < stage.LIMIT_S
    [account] = ran.answer["accounts"]
    assert account["state"] == "not_ready"
    assert account["why"] in ran.said
    assert "fills of ETH/USDT" in ran.answer["not_compared"][0]


def test_what_happened_since_the_copy_is_later_and_no_difference(venue: Venue) -> None:
    """The last one here: another leg fills, all is sold by an order the copy has not, and another group opens."""
    stack = venue.stack
    stack.move("ETH", "2988")  # Below the target of the second leg.
    second = stack.order(venue.group_id, "e", 0, 1)
    stack.fill(second, second.quantity)
    until(lambda: len([order for order in stack.orders(venue.group_id, "t") if order.is_open]) == 2)
    sent = stack.tell(stack.alert("ETH", execution_intent={"type": "exit"}))
    assert sent["outcome"] == "EXITED"
    stack.wait_closed(venue.group_id)
    stack.move("BTC", "60100")
    opened = stack.send(stack.alert("BTC", price="60000"))
    until(lambda: len(stack.orders(opened["group_id"], "e")) == 5)
    ledger = stack.venue_ledger()
    ran = venue.canary(venue.copy())
    assert (ran.code, ran.answer["differences"]) == (0, []), ran.said
    assert {"fill", "order state", "uncovered"} <= {each["what"] for each in ran.answer["later"]}
    unknown = {each["client_order_id"]: each["is_later"] for each in ran.answer["unknown_orders"]}
    assert unknown == {order.client_order_id: True for order in stack.orders(opened["group_id"])}
    assert stack.venue_ledger() == ledger
