"""The risk engine on simulated venues: offsets, reduces and reverses with stops that rest beside them, while replies
are lost, cancels are late, targets fill meanwhile, the account's stream is deaf, and the daemon is killed.

In the end every order and execution of the venue is in the store, alike, and nothing is held (RISK-7, TP-7, REC-1).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from protos.terrace.v1 import signal_pb2
from protos.terrace.v1 import types_pb2 as t
from tests.system.stack import Plain, until
from tests.system.test_venues import awkward
from tests.system.venues import Place, VenueOrder, VenueStack, trading
from tests.wire.engine import DESKS
from tests.wire.engine import Desk as Routes

D = Decimal
BINANCE = Place(venue="binance", market="spot")
BINANCE_USDM = Place(venue="binanceusdm", market="swap")
BYBIT_LINEAR = Place(venue="bybit", market="swap")
BYBIT_HEDGE = Place(venue="bybit", market="swap", position_mode="hedge")
ROUTES = {BINANCE: "binance", BINANCE_USDM: "binanceusdm", BYBIT_LINEAR: "bybit_linear", BYBIT_HEDGE: "bybit_linear"}
STARTS = {"BTC": D(60000), "ETH": D(3000), "SOL": D(150)}
LATE_MS = 500
"""How long requests are held up, so that fills overtake them."""
HELD_MS = 60_000
"""Longer than the daemon lives."""
KILLED_AT = [BYBIT_HEDGE, BINANCE, BINANCE_USDM][: int(os.environ.get("TERRACE_TEST_KILLS", "1"))]
"""More for a full run, one in every day's CI."""
CONFIG: Plain = {
    "strategy": {
        "default": {
            "levels": [
                {"gap_percent": "0", "weight_percent": "60", "tp_percent": "15"},
                {"gap_percent": "1", "weight_percent": "40", "tp_percent": "25"},
            ],
            "sizing": {"capital_per_pyramid": "3001.7"},
            "stop_loss_percent": "30",
            "max_pyramids": 1,
            "tp_reprice_ms": 100,
        }
    },
    "pool": {"max_open_groups": 20},
    "execution": {"sweep_interval_s": 1},
    "risk": {"post_full_wait_s": 1, "evaluate_interval_s": 1, "min_close_notional": "10"},
}


class Stage:
    """Groups by a name, on a venue. `more`: what tells groups of one instrument apart is the timeframe."""

    def __init__(self, stack: VenueStack) -> None:
        self.stack = stack
        self.place = stack.place
        self.routes: Routes = DESKS[ROUTES[stack.place]]
        self.began_with = stack.quote_balance()
        self.steps = {base: stack.step(base)[1] for base in STARTS}
        self.prices: dict[str, D] = {}
        for base in STARTS:
            self.move(base, 0)

    # --- doing ------------------------------------------------------------------------------------

    def move(self, base: str, percent: int | str) -> None:
        """So many percent from where it began."""
        self.prices[base] = STARTS[base] * (100 + D(percent)) / 100
        self.stack.move(base, self.prices[base])

    def signal(self, base: str, timeframe: str, action: str, **more: object) -> signal_pb2.Signal:
        body = json.dumps(self.stack.alert(base, timeframe, action, **more)).encode()
        request = signal_pb2.SubmitSignalRequest(source="tradingview", body=body)
        return self.stack.client.call(request, signal_pb2.SubmitSignalResponse).signal

    def open(self, base: str, timeframe: str = "60", sign: int = 1) -> str:
        """A group that has bought everything, in odd parts, whose exits rest."""
        price = self.prices[base] * (1 - sign * D("0.001"))
        signal = self.signal(base, timeframe, "buy" if sign > 0 else "sell", price=f"{price:.2f}")
        assert signal.outcome == t.OUTCOME_OPENED, signal
        self.fill_entries(signal.group_id, base)
        return signal.group_id

    def fill_entries(self, group_id: str, base: str) -> None:
        for leg in (0, 1):
            entry = self.known(group_id, "e", leg)
            part = awkward(entry, self.steps[base])
            self.stack.fill(entry, part)
            if entry.left > part:
                self.stack.fill(entry, entry.left - part)
        until(lambda: self.is_whole(group_id), 15, lambda: self.words(group_id))

    def known(self, group_id: str, role: str, leg: int) -> VenueOrder:
        """The one open order of the place, of which the engine knows that it is open."""

        def found() -> VenueOrder | None:
            for order in self.stack.orders(group_id, role, leg=leg):
                sql = "SELECT 1 FROM orders WHERE client_order_id = ? AND state IN ('open', 'partially_filled')"
                if order.is_open and self.stack.rows(sql, order.client_order_id):
                    return order
            return None

        order: VenueOrder = until(found, 15, lambda: self.words(group_id))
        return order

    def exit(self, base: str, timeframe: str = "60", action: str = "sell") -> None:
        signal = self.signal(base, timeframe, action, execution_intent={"type": "exit"})
        assert signal.outcome == t.OUTCOME_EXITED, signal

    # --- what goes wrong --------------------------------------------------------------------------

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """The account's stream says nothing; only answers and sweeps do."""
        self.stack.admin.fault("ws_drop:100", path=self.routes.user_stream, count=0)
        yield
        self.stack.admin.reset_faults()

    def lose_replies(self, count: int = 1, ms: int = LATE_MS) -> None:
        """What is placed next is taken, and no answer says so; after that time the connection is cut."""
        method, path = self.routes.place
        self.stack.admin.fault("accept_then_timeout", method=method, path=path, count=count, ms=ms)

    def hold_up(self, orders: Iterable[VenueOrder]) -> None:
        """The next cancel and the next amend of each comes late."""
        for order in orders:
            for method, path in filter(None, (self.routes.cancel, self.routes.amend)):
                name = order.client_order_id
                self.stack.admin.fault(f"delay:{LATE_MS}", method=method, path=path, client_order_id=name)

    def meets(self, kind: str, before: int = 0) -> None:
        until(lambda: self.met(kind) > before, 15, lambda: f"{kind}: nobody met it")

    def met(self, kind: str) -> int:
        return sum(fault["hits"] for fault in self.stack.admin.status()["faults"] if fault["kind"] == kind)

    def fill_odd(self, orders: Iterable[VenueOrder], base: str) -> None:
        for order in orders:
            self.stack.fill(order, awkward(order, self.steps[base]))

    # --- looking ----------------------------------------------------------------------------------

    def targets(self, group_id: str) -> list[VenueOrder]:
        return [self.known(group_id, "t", leg) for leg in (0, 1)]

    def held(self, group_id: str) -> D:
        sql = "SELECT lot_quantity FROM legs WHERE group_id = ? UNION ALL SELECT loose_quantity FROM position_groups "
        return sum((D(row[0]) for row in self.stack.rows(sql + "WHERE group_id = ?", group_id, group_id)), D(0))

    def is_whole(self, group_id: str) -> bool:
        """All that can be sold is in targets at the venue, and on a swap in one stop, too."""
        symbol, state = self.stack.rows("SELECT symbol, state FROM position_groups WHERE group_id = ?", group_id)[0]
        step = self.steps[symbol.partition("/")[0]]
        resting = [order.left for order in self.stack.orders(group_id, "t") if order.is_open]
        held = self.held(group_id)
        sums = sum(resting, D(0))
        is_covered = held - 2 * step < sums <= held and state == "active"
        sql = "SELECT quantity FROM orders WHERE group_id = ? AND role = 'stop' AND state = 'open'"
        stops = [D(row[0]) for row in self.stack.rows(sql, group_id)]
        return is_covered and (stops == [held] if self.place.is_swap else not stops)

    def words(self, group_id: str) -> str:
        sql = "SELECT client_order_id, quantity, filled_quantity, price, state, cancel_requested, reason, words"
        rows = self.stack.rows(f"{sql} FROM orders WHERE group_id = ?", group_id)
        lines = [*rows, *self.stack.orders(group_id), self.held(group_id)]
        state = self.stack.rows("SELECT state, close_reason, flags FROM position_groups WHERE group_id = ?", group_id)
        return "\n".join(map(str, [*state, *lines]))

    def ended(self, loser: str) -> Plain:
        """The offset that was begun for this loser, when it has ended."""
        sql = "SELECT action FROM risk_actions WHERE loser_group_id = ? AND state <> 'skipped' AND end_time_ms > 0"
        every = "SELECT state, action FROM risk_actions"
        rows = until(lambda: self.stack.rows(sql, loser), 30, lambda: str(self.stack.rows(every)))
        assert len(rows) == 1, rows
        action: Plain = json.loads(rows[0][0])
        return action

    def agree(self) -> None:
        """Orders, executions and holdings are the same here and there."""
        until(lambda: not self.differences(), 15, lambda: "\n".join(self.differences()))

    def differences(self) -> list[str]:
        stack, ledger = self.stack, self.stack.venue_ledger()
        found = [*stack._trades_that_differ(ledger), *stack._holdings_that_differ(ledger)]
        is_stop = {row[0] for row in stack.rows("SELECT client_order_id FROM orders WHERE type LIKE '%stop%'")}
        return found + [line for line in stack._orders_that_differ(ledger) if not any(n in line for n in is_stop)]

    def is_oversold(self) -> list[str]:
        """Groups that sold more than they bought, by the venue's own trades (TP-7)."""
        sums: dict[str, D] = {}
        for row in self.stack.venue_ledger()["trades"]:
            name = row["client_order_id"]
            order = self.stack.rows("SELECT group_id, role FROM orders WHERE client_order_id = ?", name)
            group_id, role = order[0]
            sums[group_id] = sums.get(group_id, D(0)) + (1 if role == "entry" else -1) * D(row["quantity"])
        return [group_id for group_id, left in sums.items() if left < 0]


@contextmanager
def staged(folder: Path, place: Place) -> Iterator[Stage]:
    with trading(folder, place, CONFIG) as stack:
        yield Stage(stack)


def far_and_near(stage: Stage, group_id: str) -> list[VenueOrder]:
    return sorted(stage.targets(group_id), key=lambda order: order.name.leg or 0, reverse=True)


def offset(stage: Stage, winner: str, loser: str, cross: Callable[[], None]) -> Plain:
    """ETH pays for BTC; `cross` is what happens meanwhile."""
    stage.move("ETH", 12)
    stage.move("BTC", -8)
    cross()
    action = stage.ended(loser)
    stage.stack.wait_closed(loser)
    until(lambda: stage.is_whole(winner), 15, lambda: stage.words(winner))
    return action


@pytest.mark.rule("RISK-1", "RISK-6", "RISK-7", "RISK-8", "TP-7", "TP-9", "EXIT-6", "ORD-3", "ORD-5", "ORD-8", "PNL-2")
@pytest.mark.parametrize("place", [BINANCE, BINANCE_USDM, BYBIT_LINEAR, BYBIT_HEDGE], ids=str)
def test_offsets_reduces_and_reverses_meet_fills_and_lost_replies_and_venue_and_store_agree(
    tmp_path: Path, place: Place
) -> None:
    with staged(tmp_path, place) as stage:
        stack = stage.stack
        loser, winner = stage.open("BTC"), stage.open("ETH")
        other = stage.open("SOL", sign=place.signs[-1])
        beside = stage.open("BTC", "15", -1) if place.is_hedge else ""

        # The winner's targets fill in odd parts while their cancels are on the way; the replies of its close and of
        # what is placed next are lost.
        stage.hold_up(far_and_near(stage, winner))
        stage.lose_replies(3)

        def cross() -> None:
            stage.meets("delay")
            far, near = far_and_near(stage, winner)
            stage.fill_odd([far, near], "ETH")
            stage.meets("accept_then_timeout")

        held = stage.held(winner)
        action = offset(stage, winner, loser, cross)
        stack.admin.reset_faults()
        assert action["state"] in ("done", "partial"), action
        assert 0 < stage.held(winner) < held
        assert not stage.is_oversold()
        stage.agree()
        if beside:
            until(lambda: stage.is_whole(beside), 15, lambda: stage.words(beside))

        # A reduce of the winner, while the account's stream is deaf.
        before = stage.held(winner)
        with stage.deaf():
            stage.hold_up(far_and_near(stage, winner)[:1])
            sizes = {"order_size": "3", "prev_market_position_size": "7"}
            signal = stage.signal("ETH", "60", "sell", execution_intent={"type": "reduce"}, tv=sizes)
            assert signal.outcome == t.OUTCOME_REDUCED, signal
            until(lambda: stage.held(winner) < before, 15, lambda: stage.words(winner))
            until(lambda: stage.is_whole(winner), 15, lambda: stage.words(winner))
        stage.agree()

        reverse(stage, other, place.signs[-1])
        stage.agree()
        leave(stage)


def reverse(stage: Stage, group_id: str, sign: int) -> None:
    """SOL is reversed while a target fills and the reply of the close is lost; on spot that is an exit."""
    stack = stage.stack
    target = stage.known(group_id, "t", 0)
    stage.hold_up([target])
    stage.lose_replies()
    before = stage.met("delay")
    signal = stage.signal(
        "SOL", "60", "sell" if sign > 0 else "buy", price="149.5", execution_intent={"type": "reverse"}
    )
    assert signal.outcome == (t.OUTCOME_REVERSED if stage.place.is_swap else t.OUTCOME_EXITED), signal
    stage.meets("delay", before)
    stack.fill(target, awkward(target, stage.steps["SOL"]))
    stack.wait_closed(group_id)
    stack.admin.reset_faults()
    assert not stage.is_oversold()
    if stage.place.is_swap:
        symbol = stage.place.symbol("SOL")
        found = until(lambda: [group for group in stack.live() if group.symbol == symbol], 15)
        assert [group.side for group in found] == [t.SIDE_LONG if sign < 0 else t.SIDE_SHORT]
        stage.fill_entries(found[0].group_id, "SOL")


def leave(stage: Stage) -> None:
    """Everything ends, and not a coin that could be sold is left."""
    stack = stage.stack
    for group in stack.live():
        base, minutes = group.symbol.partition("/")[0], "15" if group.timeframe == "15m" else "60"
        stage.exit(base, minutes, "sell" if group.side == t.SIDE_LONG else "buy")
    until(lambda: not stack.live(), 30, lambda: str(stack.live()))
    stack.settle(stage.began_with)
    assert not stage.is_oversold()
    for (group_id,) in stack.rows("SELECT group_id FROM position_groups"):
        booked = stack.rows("SELECT realized FROM profits WHERE group_id = ?", group_id)
        [(realized,)] = stack.rows("SELECT realized FROM position_groups WHERE group_id = ?", group_id)
        assert sum((D(row[0]) for row in booked), D(0)) == D(realized)
    if stage.place.is_swap:
        assert stack.venue_ledger()["positions"] == []
    assert not stack.rows("SELECT 1 FROM risk_actions WHERE end_time_ms IS NULL")


@pytest.mark.rule("RISK-7", "REC-1", "ORD-3", "TP-7")
@pytest.mark.parametrize("place", KILLED_AT, ids=str)
def test_an_offset_that_a_kill_meets_goes_on_and_sells_nothing_twice(tmp_path: Path, place: Place) -> None:
    with staged(tmp_path, place) as stage:
        stack = stage.stack
        loser, winner = stage.open("BTC"), stage.open("ETH")
        held = stage.held(winner)

        def cross() -> None:
            """The daemon dies when the winner's close is at the venue and it does not know; a target fills then."""
            stage.meets("accept_then_timeout")
            stack.kill("daemon")
            stack.admin.reset_faults()
            resting = [order for order in stack.orders(winner, "t") if order.is_open]
            stage.fill_odd(resting[:1], "ETH")
            stack.start("daemon")

        stage.lose_replies(ms=HELD_MS)
        action = offset(stage, winner, loser, cross)
        assert action["state"] in ("done", "partial"), action
        assert 0 < stage.held(winner) < held
        [(count,)] = stack.rows("SELECT count(*) FROM risk_actions WHERE state <> 'skipped'")
        assert count == 1
        stage.agree()
        leave(stage)
