"""The full story on simulated venues, with the real daemon and an unmodified ccxt.

Alert, ladder, awkward partial fills, targets, a pyramid, hit targets, an exit that meets fills: in the end venue and
store agree to the last unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

import pytest

from protos.terrace.v1 import types_pb2 as t
from tests import stores
from tests.system.stack import Plain, until
from tests.system.venues import Place, VenueOrder, VenueStack, leaks, trading

D = Decimal
GAPS = ["0", "0.5", "1", "1.5", "2"]
TARGETS = ["1", "0.5", "2", "1.5", "1"]
CAPITAL = D("3001.7")
SLOW_CANCEL_MS = 1_000
"""How long a cancel is held up, so that a fill overtakes it."""

BINANCE = Place(venue="binance", market="spot")
BINANCE_USDM = Place(venue="binanceusdm", market="swap")
BYBIT = Place(venue="bybit", market="spot")
BYBIT_LINEAR = Place(venue="bybit", market="swap")
BYBIT_HEDGE = Place(venue="bybit", market="swap", position_mode="hedge")


MODES: dict[Place, Plain] = {
    BINANCE: {"tp_mode": "aggregate"},
    BINANCE_USDM: {"tp_mode": "hybrid", "tp_percent": "0.3"},
    BYBIT: {"tp_mode": "pyramid_aggregate"},
    BYBIT_LINEAR: {"tp_mode": "aggregate", "tp_execution": "watched"},
    BYBIT_HEDGE: {"tp_mode": "aggregate"},
}
"""What SOL does at each place, with a market entry; all other symbols have a target for each leg."""
BASES = {1: "ETH", -1: "BTC"}
"""What is traded long and short."""
LIMITED = frozenset({BINANCE_USDM, BYBIT})
"""Where market orders go out as immediate-or-cancel limits at the slippage bound (EXIT-4); over TLS it is elsewhere."""


at_each_place = pytest.mark.parametrize("place", [BINANCE, BINANCE_USDM, BYBIT, BYBIT_LINEAR], ids=str, scope="module")
"""The scope lets tests of one place follow each other: they share a daemon."""


def is_limited(place: Place, *, tls: bool) -> bool:
    return (place in LIMITED) is not tls


def config(place: Place, *, tls: bool = False) -> Plain:
    strategy = {"tp_reprice_ms": 100, "sizing": {"capital_per_pyramid": str(CAPITAL)}, "max_pyramids": 3}
    other = {"match": {"symbol": place.symbol("SOL")}, "set": {"entry_order": "market", **MODES[place]}}
    return {
        "strategy": {"default": strategy, "overrides": [other]},
        "pool": {"max_open_groups": 50},
        "execution": {
            "slippage_action": "limit" if is_limited(place, tls=tls) else "warn",
            "max_slippage_percent": "0.8",
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Trading:
    """A running stack and what the account began with."""

    stack: VenueStack
    began_with: D
    tick: D
    step: D

    @property
    def fee_of_buys(self) -> D:
        """What a buy loses in base."""
        return D("0") if self.stack.place.is_swap else D("0.001")


@dataclass(slots=True, kw_only=True)
class Ladder:
    """What a ladder must look like at the venue, worked out by hand's rules."""

    trading: Trading
    entry: D
    sign: int = 1
    capital: D = CAPITAL
    legs: list[tuple[D, D]] = field(init=False)

    def __post_init__(self) -> None:
        self.legs = []
        for gap in map(D, GAPS):
            price = self.away(self.entry * (1 - self.sign * gap / 100), -self.sign)
            quantity = (self.capital / 5 / price // self.trading.step) * self.trading.step
            self.legs.append((price, quantity))

    def away(self, price: D, direction: int) -> D:
        """On the tick; direction 1: up, -1: down."""
        rounding = ROUND_CEILING if direction > 0 else ROUND_FLOOR
        return (price / self.trading.tick).quantize(D(1), rounding) * self.trading.tick

    def target(self, leg: int) -> D:
        """Its take-profit, filled at its price."""
        return self.away(self.legs[leg][0] * (1 + self.sign * D(TARGETS[leg]) / 100), self.sign)


@pytest.fixture(scope="module")
def begin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Trading]]:
    """One venue and daemon at a time; the one before is ended when another is asked for."""
    open_now: dict[str, Any] = {}

    def end() -> None:
        if open_now:
            open_now.pop("context").__exit__(None, None, None)
            open_now.pop("give_back")()
            open_now.clear()

    def opened(place: Place, base: str = "ETH", *, tls: bool = False) -> Trading:
        key = f"{place}{tls}"
        if open_now.get("key") != key:
            end()
            folder: Path = tmp_path_factory.mktemp(str(place))
            context = trading(folder, place, config(place, tls=tls), tls=tls)
            with stores.outliving() as give_back:
                stack = context.__enter__()
            open_now.update(key=key, context=context, stack=stack, began_with=stack.quote_balance())
            open_now["give_back"] = give_back
        stack = open_now["stack"]
        tick, step = stack.step(base)
        return Trading(stack=stack, began_with=open_now["began_with"], tick=tick, step=step)

    yield opened
    end()


# --- the story ------------------------------------------------------------------------------------------


@pytest.mark.rule("DCA-2", "DCA-3", "PRC-2", "PRC-3", "PRC-5", "PRC-7", "ORD-2", "ORD-6", "ORD-8", "TP-1", "TP-2")
@pytest.mark.rule("TP-8", "EXIT-1", "EXIT-2", "PNL-1", "PNL-2", "PYR-1", "LOG-4")
@at_each_place
def test_the_full_story_ends_with_venue_and_store_in_agreement(begin: Callable[..., Trading], place: Place) -> None:
    for sign in place.signs:
        tell(begin(place, BASES[sign]), BASES[sign], sign)
    agree_and_keep_secrets(begin(place))


@pytest.mark.rule("PNL-2", "LOG-4")
@pytest.mark.parametrize("place", [BINANCE, BINANCE_USDM, BYBIT], ids=str)
def test_the_full_story_over_tls_at_the_venue_s_own_addresses(begin: Callable[..., Trading], place: Place) -> None:
    sign = place.signs[-1]
    trading = begin(place, BASES[sign], tls=True)
    assert "urls" not in trading.stack.config["accounts"]["venue"]
    tell(trading, BASES[sign], sign)
    if place is BYBIT:  # The one spot venue whose market buys could be taken for amounts of money.
        tell_of_another_mode(begin(place, "SOL", tls=True), 1)
    agree_and_keep_secrets(trading)


def agree_and_keep_secrets(trading: Trading) -> None:
    stack = trading.stack
    stack.settle(trading.began_with)
    secrets = [stack.endpoints.api_key, stack.endpoints.api_secret]
    assert not leaks(stack.folder, secrets, stack.terrace("account", "show", "venue"))


def tell(trading: Trading, base: str, sign: int, timeframe: str = "60") -> None:
    """The whole story of one group, from the alert to its close."""
    stack = trading.stack
    start = D(3000) if base == "ETH" else D(60000)
    stack.move(base, start * (1 + sign * D("0.002")))
    action, entry_side, exit_side = ("buy", "buy", "sell") if sign > 0 else ("sell", "sell", "buy")
    first = Ladder(trading=trading, entry=start, sign=sign)
    opened = stack.tell(stack.alert(base, timeframe, action, price=str(start)))
    assert opened["outcome"] == "OPENED", opened
    group_id = opened["group_id"]
    check_ladder(stack, group_id, 0, first, entry_side)

    # Partial fills of awkward sizes: targets appear, and grow.
    entries = stack.orders(group_id, "e", pyramid=0)
    part = awkward(entries[0], trading.step)
    stack.fill(entries[0], part)
    check_target(stack, group_id, 0, 0, first, part, exit_side)
    stack.fill(entries[0], trading.step)
    check_target(stack, group_id, 0, 0, first, part + trading.step, exit_side)
    stack.fill(entries[0], entries[0].quantity - part - trading.step)
    check_target(stack, group_id, 0, 0, first, entries[0].quantity, exit_side)
    stack.move(base, start * (1 - sign * D("0.004")))
    most = entries[1].quantity - 3 * trading.step
    stack.fill(entries[1], most)
    check_target(stack, group_id, 0, 1, first, most, exit_side)

    # A pyramid beside it, whose first leg the price takes.
    second = Ladder(trading=trading, entry=first.away(start * (1 - sign * D("0.0045")), sign), sign=sign)
    again = stack.tell(stack.alert(base, timeframe, action, price=str(second.entry)))
    assert (again["outcome"], again["group_id"]) == ("PYRAMIDED", group_id)
    check_ladder(stack, group_id, 1, second, entry_side)
    stack.move(base, second.entry)
    check_target(stack, group_id, 1, 0, second, second.legs[0][1], exit_side)

    # One target is hit, of another somebody takes a part.
    stack.move(base, first.target(1))
    until(lambda: D(stack.shown(group_id).pyramids[0].legs[1].closed_quantity) > 0)
    target = stack.order(group_id, "t", 0, 0)
    stack.fill(target, awkward(target, trading.step))
    assert stack.shown(group_id).state == t.GROUP_STATE_PARTIALLY_FILLED

    # The exit meets two fills on their way: one leaves something to cancel, one does not.
    partly, wholly = stack.order(group_id, "e", 0, 2), stack.order(group_id, "e", 1, 1)
    for order in (partly, wholly):
        hold_cancel(stack, order)
    sent = stack.tell(stack.alert(base, timeframe, action, execution_intent={"type": "exit"}))
    assert sent["outcome"] == "EXITED", sent
    until(lambda: "delay" not in stack.admin.status()["waiting_faults"], failure="the cancels did not come")
    stack.fill(partly, awkward(partly, trading.step))
    stack.fill(wholly, wholly.quantity)
    group = stack.wait_closed(group_id)
    assert D(group.quantity) == 0
    closes = stack.orders(group_id, "c")
    assert closes, "the exit sold nothing"
    for order in closes:
        check_exit(stack, order, exit_side)
    assert not [order for order in stack.orders(group_id) if order.is_open]


def check_ladder(stack: VenueStack, group_id: str, pyramid: int, ladder: Ladder, side: str) -> None:
    """All legs rest at the venue as they must, under the ids that say so."""
    until(lambda: len(stack.orders(group_id, "e", pyramid=pyramid)) == len(ladder.legs))
    orders = sorted(stack.orders(group_id, "e", pyramid=pyramid), key=lambda order: order.name.leg or 0)
    assert [(order.price, order.quantity) for order in orders] == ladder.legs
    for leg, order in enumerate(orders):
        assert (order.name.leg, order.name.attempt, order.side, order.type) == (leg, 1, side, "limit")
        assert not order.reduce_only
        assert len(order.client_order_id) == 25
        assert order.position_side == expected_position_side(stack.place, side)


def check_target(
    stack: VenueStack, group_id: str, pyramid: int, leg: int, ladder: Ladder, bought: D, side: str
) -> VenueOrder:
    """The leg's target covers what can be sold of what was bought, at the price that follows from the fills."""
    trading = ladder.trading
    sellable = bought - bought * trading.fee_of_buys
    quantity = sellable // trading.step * trading.step
    price = ladder.target(leg)

    def resting() -> list[VenueOrder]:
        found = stack.orders(group_id, "t", pyramid=pyramid, leg=leg)
        return [order for order in found if order.is_open and (order.price, order.quantity) == (price, quantity)]

    until(resting, failure=lambda: f"no target {quantity} at {price}: {stack.orders(group_id, 't')}")
    [order] = resting()
    assert len([each for each in stack.orders(group_id, "t", pyramid=pyramid, leg=leg) if each.is_open]) == 1
    check_exit(stack, order, side)
    return order


def check_exit(stack: VenueStack, order: VenueOrder, side: str) -> None:
    place = stack.place
    assert order.side == side
    if place.is_swap:
        assert order.reduce_only or place.is_hedge, "it could open a position"
        assert order.position_side == expected_position_side(place, "buy" if side == "sell" else "sell")
    else:
        assert not order.reduce_only
    if order.role == "c":
        expected = ("limit", "ioc") if stack.is_limited else ("market", "gtc")
        assert (order.type, order.time_in_force) == expected


def expected_position_side(place: Place, entry_side: str) -> str:
    if not place.is_hedge:
        return "both"
    return "long" if entry_side == "buy" else "short"


def awkward(order: VenueOrder, step: D) -> D:
    """About three eighths of what is left, on the step."""
    return max(order.left * D("0.371") // step, D(1)) * step


def hold_cancel(stack: VenueStack, order: VenueOrder) -> None:
    path = {"binance": "/api/v3/order", "binanceusdm": "/fapi/v1/order", "bybit": "/v5/order/cancel"}[stack.place.venue]
    method = "POST" if stack.place.venue == "bybit" else "DELETE"
    name = order.client_order_id
    stack.admin.fault(f"delay:{SLOW_CANCEL_MS}", path=path, method=method, client_order_id=name)


# --- other modes, market entries, closes at a bound ------------------------------------------------------


@pytest.mark.rule("DCA-4", "TP-3", "TP-4", "TP-5", "TP-6", "EXIT-4", "PNL-2")
@at_each_place
def test_other_modes_close_what_they_hold_and_venue_and_store_agree(
    begin: Callable[..., Trading], place: Place
) -> None:
    trading = begin(place, "SOL")
    tell_of_another_mode(trading, -1 if place is BINANCE_USDM else 1)
    trading.stack.settle(trading.began_with)


def tell_of_another_mode(trading: Trading, sign: int) -> None:
    """A market entry, a ladder that fills, and the target of the place's mode."""
    stack, place = trading.stack, trading.stack.place
    group_id = fill_ladder(trading, sign)
    entries = stack.orders(group_id, "e")
    first = next(order for order in entries if order.name.leg == 0)
    expected = ("limit", "ioc", bound(trading, sign)) if stack.is_limited else ("market", "gtc", None)
    assert (first.type, first.time_in_force, first.price) == expected
    mode = MODES[place]["tp_mode"]
    if mode == "hybrid":  # The last leg's own target comes first; the average is then that of the others.
        last = stack.order(group_id, "t", 0, 4)
        stack.move("SOL", last.price or D(0))
        until(lambda: stack.orders(group_id, "t", leg=4)[-1].state == "filled")
        entries = [order for order in entries if order.name.leg != 4]
    goal = aggregate_target(trading, entries, sign, D(MODES[place].get("tp_percent", "1")))
    if mode == "hybrid" or MODES[place].get("tp_execution") == "watched":
        until(lambda: stack.shown(group_id).tp_price, failure=lambda: str(stack.shown(group_id)))
        assert not stack.orders(group_id, "c")
    else:
        held = sum((order.filled for order in entries), D(0)) * (1 - trading.fee_of_buys)
        wanted = (goal, held // trading.step * trading.step)
        where = 0 if mode == "pyramid_aggregate" else None

        def resting() -> list[VenueOrder]:
            found = stack.orders(group_id, "t", pyramid=where, leg=None)
            return [order for order in found if order.is_open and (order.price, order.quantity) == wanted]

        until(resting, failure=lambda: f"no target {wanted}: {stack.orders(group_id, 't')}")
        check_exit(stack, resting()[0], "sell" if sign > 0 else "buy")
    stack.move("SOL", goal)
    stack.wait_closed(group_id)
    for order in stack.orders(group_id, "c"):
        check_exit(stack, order, "sell" if sign > 0 else "buy")


def fill_ladder(trading: Trading, sign: int) -> str:
    """A group whose first leg is bought at the market and the others as the price comes to them."""
    stack = trading.stack
    stack.move("SOL", "150")
    sent = stack.tell(stack.alert("SOL", "60", "buy" if sign > 0 else "sell", price="150"))
    assert sent["outcome"] in ("OPENED", "QUEUED"), sent  # Without a price it waits until one has come.
    symbol = stack.place.symbol("SOL")
    group_id: str = until(lambda: [group for group in stack.live() if group.symbol == symbol])[0].group_id
    until(lambda: stack.shown(group_id).legs_filled == 1)
    until(lambda: len(stack.orders(group_id, "e")) == 5)
    stack.move("SOL", D(150) * (1 - sign * D("0.02")))
    until(lambda: stack.shown(group_id).legs_filled == 5)
    return group_id


def bound(trading: Trading, sign: int) -> D:
    """The worst price of a market order at 150."""
    price = D(150) * (1 + sign * D("0.008"))
    rounding = ROUND_FLOOR if sign > 0 else ROUND_CEILING
    return (price / trading.tick).quantize(D(1), rounding) * trading.tick


def aggregate_target(trading: Trading, entries: list[VenueOrder], sign: int, percent: D) -> D:
    """From what the venue says was paid."""
    names = {order.client_order_id for order in entries}
    trades = [row for row in trading.stack.venue_ledger()["trades"] if row["client_order_id"] in names]
    cost = sum((D(row["price"]) * D(row["quantity"]) for row in trades), D(0))
    average = cost / sum((D(row["quantity"]) for row in trades), D(0))
    rounding = ROUND_CEILING if sign > 0 else ROUND_FLOOR
    return (average * (1 + sign * percent / 100) / trading.tick).quantize(D(1), rounding) * trading.tick


# --- hedge mode -----------------------------------------------------------------------------------------


@pytest.mark.rule("GRP-6", "TP-2", "EXIT-1", "PNL-2")
def test_in_hedge_mode_a_long_and_a_short_group_of_one_instrument_leave_each_other_alone(
    begin: Callable[..., Trading],
) -> None:
    trading = begin(BYBIT_HEDGE, "ETH")
    stack = trading.stack
    stack.move("ETH", "3000")
    long = stack.tell(stack.alert("ETH", "60", "buy", price="2990"))["group_id"]
    short = stack.tell(stack.alert("ETH", "15", "sell", price="3010"))["group_id"]
    above, below = (
        Ladder(trading=trading, entry=D(3010), sign=-1),
        Ladder(trading=trading, entry=D(2990), sign=1),
    )
    check_ladder(stack, long, 0, below, "buy")
    check_ladder(stack, short, 0, above, "sell")
    parts = {}
    for group_id, ladder, side in ((long, below, "sell"), (short, above, "buy")):
        first = stack.order(group_id, "e", 0, 0)
        parts[group_id] = awkward(first, trading.step) if group_id == long else first.quantity
        stack.fill(first, parts[group_id])
        check_target(stack, group_id, 0, 0, ladder, parts[group_id], side)
    assert {(row["side"], D(row["quantity"])) for row in stack.venue_ledger()["positions"]} == {
        ("long", parts[long]),
        ("short", parts[short]),
    }
    stack.settle(trading.began_with)
    stack.tell(stack.alert("ETH", "60", "buy", execution_intent={"type": "exit"}))
    stack.wait_closed(long)
    assert D(stack.shown(short).quantity) == parts[short]
    assert [order.is_open for order in stack.orders(short, "t")] == [True]
    assert len([order for order in stack.orders(short, "e") if order.is_open]) == 4
    stack.settle(trading.began_with)
    stack.move("ETH", above.target(0))
    stack.wait_closed(short)
    for order in (*stack.orders(long, "c"), *stack.orders(long, "t")):
        check_exit(stack, order, "sell")
    stack.settle(trading.began_with)
