"""Stops that rest at the venue, with a real daemon: placed, moved, cancelled by somebody else, kept through kill -9,
triggered while the daemon lives and while it is dead (TP-9, ORD-13, REC-1).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors.rules.choices import Market
from actors.rules.model import OrderType, Role
from actors.rules.settings import AccountSettings
from daemon.exchanges.venues import venue_class
from daemon.exchanges.venues.venue import Credentials, Venue
from tests.daemon.exchanges.venues.wire_kit import order as order_like
from tests.system.conftest import Starter
from tests.system.stack import Plain, Stack, alert, until
from tests.system.venues import Place, VenueStack, trading

D = Decimal
PLACES = (Place(venue="binanceusdm", market="swap"), Place(venue="bybit", market="swap"))
TRAILED: Plain = {
    "levels": [{"gap_percent": "0", "weight_percent": "100", "tp_percent": "30"}],
    "sizing": {"capital_per_pyramid": "300"},
    "stop_trail_percent": "2",
    "tp_reprice_ms": 100,
}
CONFIG: Plain = {"strategy": {"default": TRAILED}, "execution": {"sweep_interval_s": 2}}
BTC = "BTC/USDT:USDT"
PAPER: Plain = {
    **CONFIG,
    "accounts": {
        "perp": {
            "exchange": "paper",
            "market": "swap",
            "prices": "manual",
            "symbols": [BTC],
            "start_prices": {BTC: "100"},
            "instruments": {
                BTC: {"tick_size": "0.01", "step_size": "0.001", "min_quantity": "0.001", "min_notional": "5"}
            },
            "balances": {"USDT": "100000"},
            "fill": "touch",
            "spread_percent": "0",
        }
    },
    "routes": {"*": "perp"},
}


def stops(stack: Stack, group_id: str) -> list[tuple[str, D, str]]:
    """Client id, trigger and state of every stop the group ever had, oldest first."""
    sql = (
        "SELECT client_order_id, trigger_price, state FROM orders WHERE group_id = ? AND role = 'stop' ORDER BY attempt"
    )
    return [(name, D(price), state) for name, price, state in stack.rows(sql, group_id)]


def in_force(stack: Stack, group_id: str) -> D | None:
    [(price,)] = stack.rows("SELECT stop_price FROM position_groups WHERE group_id = ?", group_id)
    return None if price is None else D(price)


def resting(stack: Stack, group_id: str, but: str = "") -> tuple[str, D]:
    """The stop that is known to rest, at the price in force; `but`: not that one. Waited for."""

    def found() -> tuple[str, D] | None:
        known = [(name, price) for name, price, state in stops(stack, group_id) if state == "open" and name != but]
        return known[0] if len(known) == 1 and known[0][1] == in_force(stack, group_id) else None

    there: tuple[str, D] = until(found, 15, lambda: f"{stops(stack, group_id)} {in_force(stack, group_id)}")
    return there


def closed_by(stack: Stack, group_id: str) -> str:
    """Why the group was closed. Waited for."""
    sql = "SELECT close_reason FROM position_groups WHERE group_id = ? AND state = 'closed'"
    rows = until(lambda: stack.rows(sql, group_id), 15, lambda: str(stack.group(group_id)))
    return str(rows[0][0])


def elsewhere(stack: VenueStack, work: Callable[[Venue], Awaitable[Any]]) -> Any:
    """Somebody else with the same key."""
    found = venue_class(stack.place.venue, Market.SWAP)
    assert isinstance(found, type), found
    ends = stack.endpoints
    urls = {"rest": ends.rest, "ws": ends.ws}
    settings = AccountSettings(name="a", exchange=stack.place.venue, market=Market.SWAP, urls=urls)

    async def whole() -> Any:
        venue = found(settings, Credentials(api_key=ends.api_key, secret=ends.api_secret), None)
        try:
            await venue.instruments()
            return await work(venue)
        finally:
            await venue.close()

    return asyncio.run(whole())


def at_the_venue(stack: VenueStack) -> list[str]:
    """Client ids of the stops that rest there."""

    async def ask(venue: Venue) -> list[str]:
        rows = await venue.open_orders([stack.place.symbol("ETH")])
        return [name for name in map(venue.client_order_id, rows) if name[-4:-3] == "s"]

    found: list[str] = elsewhere(stack, ask)
    return found


def cancel_there(stack: VenueStack, name: str) -> None:
    given = order_like(
        stack.place.symbol("ETH"),
        client_order_id=name,
        type=OrderType.STOP,
        role=Role.STOP,
        price=None,
        trigger_price=D(1),
        create_time_ms=int(time.time() * 1000),
    )
    elsewhere(stack, lambda venue: venue.cancel(given))


def bought(stack: VenueStack, timeframe: str) -> tuple[str, D]:
    """A group that holds something, and what it was bought for."""
    price = D(stack.venue_ledger()["prices"]["ETHUSDT"])
    signal = stack.send(stack.alert("ETH", timeframe, price=f"{price * D('0.999'):.2f}"))
    assert signal["outcome"] == "OPENED", signal
    entry = stack.order(signal["group_id"], "e")
    stack.fill(entry, entry.left)
    assert entry.price is not None
    return signal["group_id"], entry.price


@pytest.mark.rule("TP-9", "ORD-13", "REC-1", "ORD-7", "PNL-2")
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_stop_rests_at_the_venue_moves_is_replaced_and_triggers_with_and_without_the_daemon(
    tmp_path: Path, place: Place
) -> None:
    with trading(tmp_path, place, CONFIG) as stack:
        started_with = stack.quote_balance()
        group_id, entry = bought(stack, "60")
        resting(stack, group_id)
        high = (entry * D("1.05")).quantize(D("0.01"))
        stack.move("ETH", high)
        until(lambda: (in_force(stack, group_id) or 0) > entry, failure=lambda: "the stop does not follow the price")
        name, price = resting(stack, group_id)
        assert high * D("0.98") <= price + D("0.3")
        assert at_the_venue(stack) == [name]

        cancel_there(stack, name)
        name, again = resting(stack, group_id, but=name)
        assert again == price
        assert stack.rows("SELECT 1 FROM events WHERE type = 'stop.lost' AND group_id = ?", group_id)

        stack.kill("daemon")
        stack.start("daemon")
        until(lambda: resting(stack, group_id) == (name, price))
        assert at_the_venue(stack) == [name]
        stack.move("ETH", price * D("0.99"))
        assert closed_by(stack, group_id) == "TRAILING_STOP"
        assert [state for *_, state in stops(stack, group_id)][-1] == "filled"
        assert not stack.orders(group_id, "c"), "the venue's stop sold it, nothing else"

        group_id, entry = bought(stack, "240")
        name, price = resting(stack, group_id)
        stack.kill("daemon")
        stack.move("ETH", price * D("0.99"))
        stack.start("daemon")
        assert closed_by(stack, group_id) == "TRAILING_STOP"
        assert [state for *_, state in stops(stack, group_id)][-1] == "filled"
        stack.settle(started_with)


@pytest.mark.rule("TP-9", "GRP-6")
def test_on_a_shared_position_stops_are_watched_and_each_sells_its_own(tmp_path: Path) -> None:
    with trading(tmp_path, PLACES[0], CONFIG) as stack:
        started_with = stack.quote_balance()
        first, _ = bought(stack, "60")
        resting(stack, first)
        second, _ = bought(stack, "240")
        until(lambda: all(state == "cancelled" for *_, state in stops(stack, first)))
        until(lambda: in_force(stack, second) is not None)
        assert not stops(stack, second)
        assert at_the_venue(stack) == []
        stack.terrace("group", "close", second, "--yes")
        stack.wait_closed(second)
        resting(stack, first)
        lowest = in_force(stack, first)
        assert lowest is not None
        stack.move("ETH", lowest * D("0.99"))
        assert closed_by(stack, first) == "TRAILING_STOP"
        stack.settle(started_with)


@pytest.mark.rule("TP-9", "REC-1", "PNL-2")
def test_on_a_paper_swap_a_stop_rests_follows_the_price_and_survives_a_kill(start: Starter) -> None:
    stack = start(PAPER)

    def price(value: str) -> None:
        stack.terrace("paper", "price", BTC, value, "--account", "perp")

    group_id = stack.send(alert("BTCUSDT.P", price="100"))["group_id"]
    assert resting(stack, group_id)[1] == 98
    price("110")
    until(lambda: in_force(stack, group_id) == D("107.8"))
    name, _ = resting(stack, group_id)
    stack.kill("daemon")
    stack.start("daemon")
    assert resting(stack, group_id) == (name, D("107.8"))
    price("107")
    assert closed_by(stack, group_id) == "TRAILING_STOP"
    assert stops(stack, group_id)[-1] == (name, D("107.8"), "filled")
    fees = D(stack.group(group_id)["fees"])

    def balance() -> D:
        [row] = stack.json("account", "show", "perp")["account"]["balances"]
        return D(row["total"])

    held = D(300) / 100
    until(lambda: balance() == 100_000 + held * 7 - fees, failure=lambda: f"{balance()} {fees}")


@pytest.mark.rule("TP-9", "TP-7", "REC-1")
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_target_that_fills_while_the_daemon_is_dead_leaves_nothing_for_the_stop_to_sell(
    tmp_path: Path, place: Place
) -> None:
    with trading(tmp_path, place, CONFIG) as stack:
        started_with = stack.quote_balance()
        group_id, entry = bought(stack, "60")
        _, price = resting(stack, group_id)
        target = stack.order(group_id, "t")
        until(lambda: stack.rows("SELECT 1 FROM orders WHERE role = 'take_profit' AND state = 'open'"))
        stack.kill("daemon")
        stack.fill(target, target.left)
        stack.move("ETH", price * D("0.99"))
        stack.start("daemon")
        # The price may be there before the news of the target: then it closes for the stop, with nothing left to sell.
        assert closed_by(stack, group_id) in ("FLAT", "TRAILING_STOP")
        assert D(stack.group(group_id)["realized_pnl"]) > entry * target.quantity * D("0.2")
        assert at_the_venue(stack) == []
        stack.settle(started_with)
