"""Swap positions: contracts are only a unit, and nothing but an entry ever builds a position."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.rules import ladder, profit
from actors.rules.choices import BelowMinimum, EntryOrder, FeePaidIn, SizingSource, TpExecution, TpMode
from actors.rules.events import PriceCrossed
from actors.rules.model import Instrument, LadderPlan, OrderState, Reason, Role, Side, SizeType
from actors.rules.position_exit import least_sendable
from actors.rules.reserve import planned, reserved
from actors.rules.settings import FeeSettings, SizingSettings, StrategySettings
from tests.rules.builders import D, levels, quote, signal, spot, swap
from tests.rules.test_position_machine import MODES
from tests.rules.venue import TWO, WORKED, Story, bounded, closed
from tests.rules.venue import ladder as made_ladder

CONTRACT_SIZES = [D("0.0001"), D("0.01"), D(1), D(10)]
STEP = D("0.05")
"""In base, whatever the contracts are."""
FEE_PERCENT = "0.05"


def contracts(size: Decimal, **changes: Any) -> Instrument:
    """The same market in contracts of `size` base."""
    given: dict[str, Any] = {"contract_size": size, "step_size": STEP / size, "min_quantity": STEP / size}
    return swap(**{**given, **changes})


def planned_ladder(instrument: Instrument, side: Side, capital: str = "10000") -> LadderPlan:
    """By the rule that plans real ones."""
    strategy = StrategySettings(
        levels=levels(*WORKED), sizing=SizingSettings(capital_per_pyramid=D(capital)), entry_order=EntryOrder.LIMIT
    )
    plan = ladder.plan(
        side=side,
        index=0,
        signal=signal(side=side),
        settings=strategy,
        instrument=instrument,
        quote=quote("100"),
        entry_price=D(100),
        below_minimum=BelowMinimum.REJECT,
        fees=FeeSettings(maker_percent=D(FEE_PERCENT), taker_percent=D(FEE_PERCENT), paid_in=FeePaidIn.QUOTE),
        max_slippage_percent=D(1),
    )
    assert isinstance(plan, LadderPlan), plan
    return plan


@dataclass
class Told:
    """One telling of a story in contracts of its own size."""

    size: Decimal
    story: Story

    def fill(self, number: int, steps: int) -> None:
        """A part of some order that may fill, in steps; the next amend and cancel come through behind it."""
        orders = [order for order in self.story.venue.orders.values() if not order.is_final]
        if orders:
            order = orders[number % len(orders)]
            self.story.fill(order.client_order_id, str(min(order.remaining, steps * STEP / self.size)))
        self.answer()

    def answer(self) -> None:
        for order in self.story.group.open_orders():
            if order.is_amending and not order.cancel_requested:
                self.story.amended(order.client_order_id)
        self.story.confirm_cancels()

    def move(self, ticks: int) -> None:
        self.story.price(str(D(100) + D(ticks) / 100))
        assert self.story.quote is not None
        for watch in self.story.watches:
            self.story.step(PriceCrossed(watch_id=watch.watch_id, quote=self.story.quote))
        self.answer()

    def wait(self) -> None:
        self.story.wait("1")
        self.answer()

    def end(self) -> None:
        self.story.price("97.53")
        self.story.close()
        self.answer()
        while orders := self.story.orders(Role.CLOSE):
            self.story.fill(orders[0].client_order_id)
            self.answer()
        assert closed(self.story)

    def money(self) -> tuple[object, ...]:
        """Everything in quote or base."""
        group, size = self.story.group, self.size
        assert self.story.quote is not None
        orders = sorted(group.orders.values(), key=lambda order: order.client_order_id)
        return (
            group.state,
            group.realized,
            group.fees,
            group.dust * size,
            group.dust_value,
            profit.invested(group),
            profit.held(group) * size,
            profit.unrealized(group, self.story.quote),
            profit.average_entry(profit.lots(group), size),
            reserved(group),
            planned(group),
            self.story.venue.quote,
            self.story.venue.base * size,
            tuple((order.role, order.price, order.quantity * size, order.state) for order in orders),
            tuple(order.filled_notional for order in orders),
            tuple((leg.bought_quantity * size, leg.bought_cost, leg.sold_proceeds) for leg in group.legs()),
        )


def rounded(money: object) -> object:
    """A sale taken from several legs is split at 18 places of its own unit, so the last digits may differ (PNL-1)."""
    if isinstance(money, tuple):
        return tuple(rounded(each) for each in money)
    return round(money, 12) if isinstance(money, Decimal) else money


ACTIONS = st.one_of(
    st.tuples(st.just("fill"), st.integers(0, 9), st.integers(1, 500)),
    st.tuples(st.just("fill"), st.integers(0, 9), st.integers(1, 500)),
    st.tuples(st.just("move"), st.integers(-300, 300)),
    st.tuples(st.just("wait")),
)


@pytest.mark.rule("PNL-1", "PNL-2", "DCA-3", "PRC-1", "TP-1", "EXIT-1")
@settings(max_examples=30, deadline=None)
@given(
    side=st.sampled_from(Side),
    mode=st.sampled_from(MODES),
    net=st.booleans(),
    can_amend=st.booleans(),
    actions=st.lists(ACTIONS, min_size=4, max_size=14),
)
def test_a_whole_story_is_the_same_money_in_contracts_of_any_size(
    side: Side, mode: tuple[TpMode, TpExecution], net: bool, can_amend: bool, actions: list[tuple[Any, ...]]
) -> None:
    told = []
    for size in CONTRACT_SIZES:
        instrument = contracts(size)
        story = Story(
            planned_ladder(instrument, side),
            side=side,
            instrument=instrument,
            fee_percent=FEE_PERCENT,
            fee_in=FeePaidIn.QUOTE,
            can_amend=can_amend,
            tp_mode=mode[0],
            tp_execution=mode[1],
            tp_net_of_fees=net,
        )
        told.append(Told(size, story))
    for name, *arguments in [*actions, ("end",)]:
        for one in told:
            getattr(one, name)(*arguments)
        assert len({rounded(one.money()) for one in told}) == 1
    for one in told:
        cost = side.sign * profit.invested(one.story.group)
        assert one.story.venue.quote == one.story.group.realized - cost, "what changed in the account is the profit"


@pytest.mark.rule("DCA-3", "PRC-1", "PRC-3")
@pytest.mark.parametrize("size", CONTRACT_SIZES)
def test_capital_signals_and_minimums_count_a_contract_as_what_it_holds(size: Decimal) -> None:
    plan = planned_ladder(contracts(size), Side.LONG)
    assert sum(leg.price * leg.quantity * size for leg in plan.legs) <= 10_000
    assert [leg.quantity * size for leg in plan.legs] == [
        leg.quantity for leg in planned_ladder(contracts(D(1)), Side.LONG).legs
    ]
    assert least_sendable(D(100), contracts(size, min_notional=D(20)), market=False) * size == D("0.2")
    for kind, amount in ((SizeType.CONTRACTS, D(20) / size), (SizeType.BASE, D(20)), (SizeType.QUOTE, D(2000))):
        strategy = StrategySettings(
            levels=levels(("0", "100", "1")),
            sizing=SizingSettings(source=SizingSource.SIGNAL),
            entry_order=EntryOrder.LIMIT,
        )
        made = ladder.plan(
            side=Side.LONG,
            index=0,
            signal=signal(order_size=amount, size_type=kind),
            settings=strategy,
            instrument=contracts(size),
            quote=quote("100"),
            entry_price=D(100),
            below_minimum=BelowMinimum.REJECT,
            fees=FeeSettings(),
            max_slippage_percent=D(1),
        )
        assert isinstance(made, LadderPlan), made
        assert [leg.quantity * size for leg in made.legs] == [20]


@pytest.mark.rule("TP-2", "EXIT-1", "EXIT-4")
@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("is_bounded", [False, True], ids=["market", "bounded"])
@pytest.mark.parametrize("instrument", [spot(), swap()], ids=["spot", "swap"])
def test_exits_on_swaps_only_reduce_and_entries_never(instrument: Instrument, is_bounded: bool, side: Side) -> None:
    execution = bounded() if is_bounded else None
    story = Story(made_ladder(*TWO, side=side), side=side, instrument=instrument, can_amend=True, execution=execution)
    story.fill(story.entry(0), "2")
    story.wait("1")
    story.fill(story.entry(0), "1")
    story.amended(story.target(0))
    story.close()
    story.confirm_cancels()
    story.end(story.closing(), OrderState.EXPIRED)
    story.wait("61")
    assert len(story.orders(Role.CLOSE, live=False)) == 2
    for order in story.venue.orders.values():
        assert order.reduce_only is (instrument == swap() and order.role is not Role.ENTRY)


@pytest.mark.rule("ORD-13", "GRP-6")
def test_a_reduce_only_target_the_venue_ended_is_placed_again_for_what_is_held() -> None:
    """A one-way account nets: the venue cancels what has nothing left to reduce."""
    story = Story(made_ladder(*TWO, side=Side.SHORT), side=Side.SHORT, instrument=swap(), can_amend=True)
    story.fill(story.entry(0))
    story.end(story.target(0), OrderState.EXPIRED, Reason.NOTHING_TO_REDUCE)
    story.wait("1")
    (order,) = story.orders(Role.TAKE_PROFIT)
    assert (order.attempt, order.reduce_only, order.quantity) == (2, True, profit.held(story.group))
