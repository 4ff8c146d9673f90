"""A group against an exchange that does whatever exchanges do, in any order; the promises must hold at every step.

The exchange accepts late or never, fills in awkward pieces, fills what is being cancelled, cancels and refuses on its
own; its reports are lost, doubled and reordered. `Story` checks the group's promises after each event, this machine
the truth at the exchange: never more is sold than was bought.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.rules import precision, profit, stops, takeprofit
from actors.rules.choices import FeePaidIn, LimitCloseFallback, Market, OnFlat, SlippageAction, TpExecution, TpMode
from actors.rules.events import AmendOrders, CancelOrders, Decision, OrdersReported, PriceCrossed, SubmitOrders
from actors.rules.model import GroupState, Order, OrderReport, OrderState, Reason, Role, Side
from actors.rules.position_amend import MAX_PARTS
from actors.rules.settings import ExecutionSettings
from tests.rules.builders import D, spot, swap
from tests.rules.venue import ONE, TWO, WORKED, Story, closed, ladder

REFUSALS = [Reason.EXCHANGE_REFUSED, Reason.INSUFFICIENT_FUNDS, Reason.OUTSIDE_PRICE_BAND, Reason.RETRIES_EXHAUSTED]
MODES = [(mode, TpExecution.RESTING) for mode in TpMode] + [
    (TpMode.AGGREGATE, TpExecution.WATCHED),
    (TpMode.PYRAMID_AGGREGATE, TpExecution.WATCHED),
]


STOPS: list[dict[str, Any]] = [
    {},
    {"stop_loss_percent": D(3)},
    {"stop_trail_percent": D(2)},
    {"tp_trail_percent": D("0.5")},
    {"accept_signal_stops": True, "break_even_after_first_tp": True},
    {
        "stop_loss_percent": D(4),
        "stop_trail_percent": D(3),
        "break_even_after_first_tp": True,
        "tp_trail_percent": D("0.3"),
        "accept_signal_stops": True,
    },
]
AMENDS = ["done", "done", "lost", "refused", "uncertain", "uncertain but done"]
DONE = ("done", "lost", "uncertain but done")


def without_shape(report: OrderReport) -> OrderReport:
    """An overtaken report: a gateway knows that its price and quantity are no news, and why an amend was refused is
    told once.
    """
    is_final = report.state is not None and report.state.is_final
    return replace(report, price=None, quantity=None, reason=report.reason if is_final else None)


class LazyStory(Story):
    """Orders and cancels are on their way until the machine lets them arrive."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.unsent: dict[str, Order] = {}
        self.uncancelled: set[str] = set()
        self.unamended: dict[str, Order] = {}
        super().__init__(*args, **kwargs)

    def _carry(self, decision: Decision) -> None:
        for effect in decision.effects:
            if isinstance(effect, SubmitOrders):
                for name in effect.client_order_ids:
                    assert name not in self.unsent
                    assert name not in self.venue.orders, "an order was sent twice"
                    self.unsent[name] = decision.group.orders[name]
            elif isinstance(effect, CancelOrders):
                self.uncancelled.update(effect.client_order_ids)
            elif isinstance(effect, AmendOrders):
                self.unamended.update((name, decision.group.orders[name]) for name in effect.client_order_ids)
        rest = tuple(effect for effect in decision.effects if not isinstance(effect, SubmitOrders))
        super()._carry(replace(decision, effects=rest))


class GroupMachine(RuleBasedStateMachine):
    story: LazyStory
    make_story: ClassVar[type[LazyStory]] = LazyStory

    @initialize(
        rows=st.sampled_from([ONE, TWO, WORKED]),
        side=st.sampled_from(Side),
        mode=st.sampled_from(MODES),
        on_flat=st.sampled_from(OnFlat),
        action=st.sampled_from(SlippageAction),
        fallback=st.sampled_from(LimitCloseFallback),
        market=st.booleans(),
        fee_percent=st.sampled_from(["0", "0.1", "0.37"]),
        fee_in=st.sampled_from(FeePaidIn),
        net=st.booleans(),
        most=st.sampled_from([None, D("2.5")]),
        market_step=st.sampled_from([None, D("0.01")]),
        can_amend=st.booleans(),
        stop=st.sampled_from(STOPS),
        can_stop=st.booleans(),
    )
    def begin(
        self,
        rows: Any,
        side: Side,
        mode: tuple[TpMode, TpExecution],
        on_flat: OnFlat,
        action: SlippageAction,
        fallback: LimitCloseFallback,
        market: bool,
        fee_percent: str,
        fee_in: FeePaidIn,
        net: bool,
        most: Decimal | None,
        market_step: Decimal | None,
        can_amend: bool,
        stop: dict[str, Any],
        can_stop: bool,
    ) -> None:
        make = spot if side is Side.LONG else swap
        instrument = make(max_quantity=most, market_max_quantity=most, market_step_size=market_step)
        self.reports: list[OrderReport] = []
        self.pyramids = 1
        self.story = self.make_story(
            ladder(*rows, side=side, instrument=instrument, market=market, capital="240"),
            side=side,
            instrument=instrument,
            fee_percent=fee_percent,
            fee_in=fee_in,
            execution=ExecutionSettings(slippage_action=action, limit_close_fallback=fallback),
            tp_mode=mode[0],
            tp_execution=mode[1],
            tp_net_of_fees=net,
            on_flat=on_flat,
            entry_ttl_s=600,
            cancel_beyond_percent=D(20),
            can_amend=can_amend,
            can_stop=can_stop,
            signal_stop="97" if side is Side.LONG else "103",
            **stop,
        )
        self.everything_arrives()

    # --- the exchange ---

    def _pick(self, names: list[str], number: int) -> str:
        return sorted(names)[number % len(names)]

    def _tell(self, name: str, reason: Reason | None = None) -> None:
        """The exchange makes a report; it arrives at once, and again whenever the machine likes."""
        report = self.story.venue.report(name, reason)
        self.reports.append(report)
        self.story.step(OrdersReported(reports=(report,)))

    def _open(self) -> list[str]:
        return [name for name, order in self.story.venue.orders.items() if not order.is_final]

    @precondition(lambda self: self.story.unsent)
    @rule(number=st.integers(0, 99), told=st.booleans())
    def an_order_arrives(self, number: int, told: bool) -> None:
        name = self._pick(list(self.story.unsent), number)
        self.story.venue.receive(self.story.unsent.pop(name))
        if told:
            self._tell(name)

    @precondition(lambda self: self.story.unsent)
    @rule()
    def everything_arrives(self) -> None:
        for name in list(self.story.unsent):
            self.story.venue.receive(self.story.unsent.pop(name))
            self._tell(name)

    @precondition(lambda self: self.story.uncancelled)
    @rule()
    def every_cancel_succeeds(self) -> None:
        for name in sorted(self.story.uncancelled):
            self._cancel(name)

    @precondition(lambda self: self.story.unsent)
    @rule(number=st.integers(0, 99), reason=st.sampled_from([*REFUSALS, Reason.NEVER_ACCEPTED]))
    def an_order_is_refused(self, number: int, reason: Reason) -> None:
        name = self._pick(list(self.story.unsent), number)
        self.story.venue.receive(self.story.unsent.pop(name))
        self.story.venue.end(name, OrderState.REJECTED)
        self._tell(name, reason)

    @precondition(lambda self: self._open())
    @rule(number=st.integers(0, 99), steps=st.integers(1, 3000), ticks=st.integers(-40, 40), told=st.booleans())
    def an_order_fills(self, number: int, steps: int, ticks: int, told: bool) -> None:
        name = self._pick(self._open(), number)
        order = self.story.venue.orders[name]
        if self._only_reduces(order):
            self._reduce(name, D(steps) / 1000)
            return
        price = (order.price or order.expected_price or D(100)) + D(ticks) / 100
        self.story.venue.fill(name, min(order.remaining, D(steps) / 1000), price)
        if told:
            self._tell(name)
        else:
            self.reports.append(self.story.venue.report(name))

    @precondition(lambda self: self._open())
    @rule(numbers=st.lists(st.integers(0, 99), min_size=1, max_size=4))
    def orders_fill_wholly(self, numbers: list[int]) -> None:
        for number in numbers:
            if self._open():
                name = self._pick(self._open(), number)
                if self._only_reduces(self.story.venue.orders[name]):
                    self._reduce(name)
                    continue
                self.story.venue.fill(name)
                self._tell(name)

    def _only_reduces(self, order: Order) -> bool:
        """A stop, and what rests beside one that has filled."""
        return order.role is Role.STOP or (order.reduce_only and self._has_stopped())

    def _has_stopped(self) -> bool:
        return any(order.role is Role.STOP and order.trades for order in self.story.venue.orders.values())

    def _reduce(self, name: str, most: Decimal | None = None) -> None:
        """Nothing is sold beyond what the position is."""
        venue, side = self.story.venue, self.story.group.side
        known = profit.held(self.story.group)  # The venue tells what happened in the order in which it did.
        quantity = min(venue.orders[name].remaining, venue.base * side.sign, known)
        if quantity <= 0:
            venue.end(name, OrderState.EXPIRED)
        else:
            venue.fill(name, quantity if most is None else min(quantity, most))
        self._tell(name)

    @precondition(lambda self: self.story.uncancelled)
    @rule(number=st.integers(0, 99))
    def a_cancel_succeeds(self, number: int) -> None:
        self._cancel(self._pick(list(self.story.uncancelled), number))

    def _cancel(self, name: str) -> None:
        self.story.uncancelled.discard(name)
        if name in self.story.unsent:
            self.story.venue.receive(self.story.unsent.pop(name))
        self.story.venue.end(name)
        self._tell(name)

    @precondition(lambda self: self.story.unamended)
    @rule(number=st.integers(0, 99), how=st.sampled_from(AMENDS))
    def an_amend_arrives(self, number: int, how: str) -> None:
        self._amend(self._pick(list(self.story.unamended), number), how)

    def _amend(self, name: str, how: str) -> None:
        wish = self.story.unamended[name]
        assert wish.wanted_price is not None
        assert wish.wanted_quantity is not None
        if name in self.story.unsent:  # It has not left: the gateway changes it there.
            del self.story.unamended[name]
            price, quantity = wish.wanted_price, wish.wanted_quantity
            self.story.unsent[name] = replace(self.story.unsent[name], price=price, quantity=quantity)
            told = OrderReport(client_order_id=name, state=None, time_ms=0, price=price, quantity=quantity)
            self.story.step(OrdersReported(reports=(told,)))
            return
        is_done = how in DONE and self.story.venue.amend(name, wish.wanted_price, wish.wanted_quantity)
        if how == "lost":  # The answer; it is asked for again.
            return
        del self.story.unamended[name]
        there = self.story.venue.orders[name]
        if there.is_final or is_done or (there.price, there.quantity) == (wish.wanted_price, wish.wanted_quantity):
            self._tell(name)
        else:
            self._tell(name, Reason.OUTCOME_UNKNOWN if how == "uncertain" else Reason.EXCHANGE_REFUSED)

    @precondition(lambda self: self._open())
    @rule(number=st.integers(0, 99), state=st.sampled_from([OrderState.CANCELLED, OrderState.EXPIRED]))
    def an_order_ends_on_its_own(self, number: int, state: OrderState) -> None:
        name = self._pick(self._open(), number)
        self.story.venue.end(name, state)
        self._tell(name)

    @precondition(lambda self: self.reports)
    @rule(numbers=st.lists(st.integers(0, 999), min_size=1, max_size=4))
    def old_reports_come_again(self, numbers: list[int]) -> None:
        chosen = tuple(self.reports[number % len(self.reports)] for number in numbers)
        self.story.step(OrdersReported(reports=tuple(map(without_shape, chosen))))

    # --- the world ---

    @rule(ticks=st.integers(-1500, 1500), spread=st.integers(0, 5))
    def the_price_moves(self, ticks: int, spread: int) -> None:
        self.story.price(str(D(100) + D(ticks) / 100), ask=str(D(100) + D(ticks + spread) / 100))

    @precondition(lambda self: self.story.watches)
    @rule(number=st.integers(0, 99))
    def a_watched_price_is_crossed(self, number: int) -> None:
        watch = self.story.watches[number % len(self.story.watches)]
        self.story.price(str(watch.price))
        assert self.story.quote is not None
        self.story.step(PriceCrossed(watch_id=watch.watch_id, quote=self.story.quote))

    @rule(seconds=st.sampled_from(["0.25", "0.5", "5", "40"]), fresh=st.booleans())
    def time_passes(self, seconds: str, fresh: bool) -> None:
        self.story.wait(seconds, same_price=fresh)

    @rule()
    def the_group_is_loaded_again(self) -> None:
        self.story.load()

    # --- people and signals ---

    @precondition(lambda self: self.pyramids < 3)
    @rule(rows=st.sampled_from([ONE, TWO]), entry=st.sampled_from(["98", "100", "103.33"]))
    def a_pyramid_is_added(self, rows: Any, entry: str) -> None:
        group = self.story.group
        if group.state in (GroupState.CLOSING, GroupState.CLOSED) or group.hybrid_hit:
            return
        self.pyramids += 1
        plan = ladder(*rows, entry=entry, side=group.side, instrument=self.story.instrument, capital="170")
        self.story.pyramid(plan, signal_id=f"signal-{self.pyramids}")

    @rule(sure=st.integers(0, 14))
    def an_exit_is_asked(self, sure: int) -> None:
        if sure == 0:
            self.story.close()

    @rule(sure=st.integers(0, 9))
    def the_entries_are_cancelled(self, sure: int) -> None:
        if sure == 0:
            self.story.cancel_entries()

    # --- what must hold ---

    @invariant()
    def never_more_is_sold_than_was_bought(self) -> None:
        venue = self.story.venue
        assert venue.base * self.story.group.side.sign >= 0
        assert "oversold" not in self.story.group.flags

    @invariant()
    def the_exchange_can_never_sell_more_than_there_is(self) -> None:
        venue, side = self.story.venue, self.story.group.side
        exits = (order for order in venue.orders.values() if order.side is side.exit and order.role is not Role.STOP)
        if self._has_stopped():
            return
        assert sum((order.remaining for order in exits), D(0)) <= venue.base * side.sign

    def teardown(self) -> None:
        """The exchange calms down: all arrives, cancels succeed, nothing fills. Then an exit, and that fills."""
        if not hasattr(self, "story"):
            return
        self._calm()
        self._is_covered()
        was_closed = closed(self.story)
        self.story.close()
        self._calm(fill=Role.CLOSE)
        story = self.story
        assert closed(story)
        assert profit.held(story.group) == story.venue.base * story.group.side.sign == story.group.dust
        assert story.quote is not None
        market = precision.max_sendable(story.group.dust, story.quote.bid, story.instrument, market=True)
        assert was_closed or not market or story.execution.slippage_action is SlippageAction.LIMIT

    def _calm(self, fill: Role | None = None) -> None:
        story = self.story
        for _ in range(60):
            for name in list(story.unsent):
                story.venue.receive(story.unsent.pop(name))
            for name in list(story.uncancelled):
                story.venue.end(name)
            story.uncancelled.clear()
            for name in list(story.unamended):
                self._amend(name, "done")
            for name, order in list(story.venue.orders.items()):
                if order.role is fill and not order.is_final:
                    story.venue.fill(name)
            story.step(OrdersReported(reports=tuple(story.venue.report(name) for name in story.venue.orders)))
            story.price("100")
            before = story.group
            story.wait("61")
            if story.group is before and not (story.unsent or story.uncancelled or story.unamended):
                return
        raise AssertionError("the group never came to rest")

    def _is_covered(self) -> None:
        """Everything sellable has its target, resting or watched, unless it is being closed."""
        story, group = self.story, self.story.group
        if group.state in (GroupState.CLOSING, GroupState.CLOSED):
            return
        stop = stops.in_force(group, story.fees)
        rests = stop is not None and story.can_stop and story.instrument.market is Market.SWAP and not group.hybrid_hit
        if stop is not None and rests and stops.is_beyond(group.side, D(100), stop.price):
            (order,) = story.orders(Role.STOP)
            most = precision.max_sendable(profit.held(group), stop.price, story.instrument, market=True)
            assert (order.trigger_price, order.remaining) == (stop.price, most)
        watched = takeprofit.is_watched(group.settings)
        for unit in takeprofit.targets(group, story.fees):
            sendable = precision.round_quantity(unit.quantity, story.instrument)
            if precision.max_sendable(sendable, unit.price, story.instrument) == 0:
                continue
            if watched:
                name = stops.name_of(unit)
                small = precision.max_sendable(unit.quantity, unit.price, story.instrument, market=True) == 0
                names = {watch.watch_id for watch in story.watches}
                assert small or names & {name, f"fall:{name}"} or story.orders(Role.CLOSE) or group.hybrid_hit
                continue
            orders = [
                order
                for order in story.orders(Role.TAKE_PROFIT)
                if (order.pyramid, order.leg) == (unit.pyramid, unit.leg)
            ]
            if not group.hybrid_hit:
                assert sum(order.remaining for order in orders) >= sendable
                assert {order.price for order in orders} == {unit.price}
                assert len(orders) <= MAX_PARTS


GroupMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestGroupMachine = GroupMachine.TestCase
