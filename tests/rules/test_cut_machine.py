"""Cuts while the exchange does whatever exchanges do (EXIT-6, RISK-7, RISK-8, TP-7).

The machine of `test_position_machine` with cuts asked for, repeated and stopped at any moment. Beside its promises: a
cut has sold what its sales say and realised what the books say; what it sells itself is never more than it was asked
for; and once the exchange is calm every cut has ended, exactly or with a reason, and the targets are whole again.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from actors.rules import position, profit
from actors.rules.events import CutAsked, CutStopped, Decision, Event
from actors.rules.model import Cut, CutState, Group, Order, OrderState, Reason, Refused, Role
from actors.rules.money import ZERO
from actors.rules.position_cut_books import MAX_ENDED_CUTS, is_cut_order
from tests.rules.builders import D
from tests.rules.test_position_machine import GroupMachine, LazyStory


def running(group: Group) -> list[Cut]:
    return [cut for cut in group.cuts if cut.state is CutState.RUNNING]


def trades_of(group: Group, *, entries: bool) -> dict[tuple[str, str], Any]:
    return {
        (order.client_order_id, trade.trade_id): trade
        for order in group.orders.values()
        if (order.role is Role.ENTRY) is entries
        for trade in order.trades
    }


class CutStory(LazyStory):
    """Counts by itself what each cut has sold and realised: from trades and what the lots cost."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sold: dict[str, Decimal] = {}
        self.realized: dict[str, Decimal] = {}
        self.own: dict[str, str] = {}
        super().__init__(*args, **kwargs)

    def step(self, event: Event, *, again: bool = True) -> Decision:
        before = self.group
        decision = super().step(event, again=again)
        self._count(before, self.group)
        return decision

    def load(self) -> Decision:
        before = self.group
        decision = super().load()
        self._count(before, self.group)
        return decision

    def _count(self, before: Group, after: Group) -> None:
        was_running = running(before)
        if was_running:
            name = was_running[0].cut_id
            fresh = trades_of(after, entries=False).keys() - trades_of(before, entries=False).keys()
            sales = [trade for key, trade in trades_of(after, entries=False).items() if key in fresh]
            self.sold[name] = self.sold.get(name, ZERO) + sum((trade.quantity for trade in sales), ZERO)
            self.realized[name] = self.realized.get(name, ZERO) + self._realized_by(before, after, sales)
        now = running(after)
        for order in after.orders.values():
            if is_cut_order(order) and order.client_order_id not in before.orders:
                assert now, "a cut's order without a cut"
                self.own[order.client_order_id] = now[0].cut_id

    def _realized_by(self, before: Group, after: Group, sales: list[Any]) -> Decimal:
        """Proceeds less fees less what the sold cost: what the lots cost before, and what was bought, less what they do
        now.
        """
        size, sign = self.instrument.contract_size, after.side.sign
        new = trades_of(after, entries=True).keys() - trades_of(before, entries=True).keys()
        bought = sum(
            (
                trade.price * (trade.quantity - profit.base_fee(trade, self.instrument)) * size
                for key, trade in trades_of(after, entries=True).items()
                if key in new
            ),
            ZERO,
        )
        gone = profit.invested(before) + bought - profit.invested(after)
        proceeds = sum((trade.price * trade.quantity * size for trade in sales), ZERO)
        return (proceeds - gone) * sign - sum((trade.fee_value for trade in sales), ZERO)


class CutMachine(GroupMachine):
    story: CutStory
    make_story: ClassVar[type[LazyStory]] = CutStory
    asked: int = 0

    def _ask(self, event: CutAsked | CutStopped) -> None:
        decision = position.step(self.story.group, event, self.story.context())
        if not isinstance(decision, Refused):
            self.story.step(event)

    @precondition(lambda self: profit.held(self.story.group) > 0)
    @rule(
        share=st.sampled_from(["0.01", "0.2", "0.5", "0.7", "0.97", "1"]),
        reason=st.sampled_from([Reason.RISK_OFFSET, Reason.REDUCE_SIGNAL, Reason.MANUAL]),
        worst=st.sampled_from([None, None, "95", "105"]),
    )
    def a_cut_is_asked(self, share: str, reason: Reason, worst: str | None) -> None:
        self.asked += 1
        quantity = profit.held(self.story.group) * D(share)
        worst_price = None if worst is None else D(worst)
        event = CutAsked(cut_id=f"c:{self.asked}", quantity=quantity, reason=reason, worst_price=worst_price)
        self._ask(event)

    @precondition(lambda self: self.story.group.cuts)
    @rule(number=st.integers(0, 99), quantity=st.sampled_from([None, D(1)]))
    def a_cut_is_asked_again(self, number: int, quantity: Decimal | None) -> None:
        before = self.story.group
        cut = before.cuts[number % len(before.cuts)]
        self._ask(CutAsked(cut_id=cut.cut_id, quantity=quantity, reason=Reason.RISK_OFFSET))
        assert [each.quantity for each in self.story.group.cuts] == [each.quantity for each in before.cuts]

    @precondition(lambda self: bool(running(self.story.group)))
    @rule(number=st.integers(0, 99))
    def a_cut_is_stopped(self, number: int) -> None:
        cuts = running(self.story.group)
        self._ask(CutStopped(cut_id=cuts[number % len(cuts)].cut_id, reason=Reason.STOPPED_BY_USER))

    @rule(sure=st.integers(0, 14))
    def a_whole_cut_is_asked(self, sure: int) -> None:
        if sure == 0:
            self.asked += 1
            self._ask(CutAsked(cut_id=f"c:{self.asked}", quantity=None, reason=Reason.RISK_OFFSET))

    # --- what would be rare otherwise ---

    @precondition(lambda self: any(order.role is Role.ENTRY for order in self.story.group.open_orders()))
    @rule(count=st.integers(1, 5))
    def entries_fill(self, count: int) -> None:
        self.everything_arrives()
        entries = [order for order in self.story.venue.orders.values() if order.role is Role.ENTRY]
        for order in [order for order in entries if not order.is_final][:count]:
            self.story.venue.fill(order.client_order_id)
            self._tell(order.client_order_id)

    @precondition(lambda self: bool(running(self.story.group)))
    @rule(steps=st.sampled_from([1, 100, 500, 99999]), ends=st.booleans())
    def the_cut_goes_on(self, steps: int, ends: bool) -> None:
        """Cancels succeed, and what is being closed fills, or a part of it and the rest expires."""
        self.everything_arrives()
        self.every_cancel_succeeds()
        self.everything_arrives()
        for name in self._open():
            order = self.story.venue.orders[name]
            if order.role is Role.CLOSE:
                self.story.venue.fill(name, min(order.remaining, D(steps) / 1000))
                if ends:
                    self.story.venue.end(name, OrderState.EXPIRED)
                self._tell(name)

    # --- what must hold ---

    @invariant()
    def a_cut_has_sold_and_realised_what_the_books_say(self) -> None:
        for cut in self.story.group.cuts:
            assert cut.sold == self.story.sold.get(cut.cut_id, ZERO)
            assert cut.realized == self.story.realized.get(cut.cut_id, ZERO)

    @invariant()
    def a_cut_sells_no_more_than_it_was_asked_for(self) -> None:
        for cut in self.story.group.cuts:
            own = [self._order(name) for name, cut_id in self.story.own.items() if cut_id == cut.cut_id]
            promised = sum((order.filled_quantity + order.remaining for order in own), ZERO)
            assert promised <= cut.quantity or cut.is_whole
            if cut.state is not CutState.RUNNING:
                assert all(order.is_final for order in own), "a cut has ended, its order has not"

    def _order(self, name: str) -> Order:
        return self.story.group.orders[name]

    @invariant()
    def the_parts_of_a_running_cut_are_what_it_has_to_sell(self) -> None:
        for cut in running(self.story.group)[:1]:
            parts = sum((part.quantity for part in cut.parts), ZERO)
            assert cut.is_whole or parts == max(cut.quantity - cut.sold, ZERO)

    @invariant()
    def a_finished_cut_sold_its_quantity_or_says_why(self) -> None:
        for cut in self.story.group.cuts:
            if cut.state is not CutState.RUNNING and cut.sold < cut.quantity:
                assert cut.stop_reason is not None
        assert len(self.story.group.cuts) - len(running(self.story.group)) <= MAX_ENDED_CUTS

    def teardown(self) -> None:
        if hasattr(self, "story"):
            self._calm(fill=Role.CLOSE)
            assert running(self.story.group) == [], "the exchange is calm and fills, but a cut does not end"
        super().teardown()


CutMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCutMachine = pytest.mark.rule("EXIT-6", "RISK-7", "RISK-8", "TP-7")(CutMachine.TestCase)
