"""What a plan expects of a winner and what its group really books when it is cut so: the same (RISK-6, RISK-8)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import profit
from actors.rules.choices import FeePaidIn, TpMode
from actors.rules.events import CutAsked
from actors.rules.model import CutState, Reason, Role, Side
from actors.rules.offset import Member, take
from actors.rules.risk_model import OffsetWinner
from actors.rules.settings import RiskSettings
from tests.rules.builders import D, swap
from tests.rules.venue import WORKED, Story, ladder

SETTINGS = RiskSettings(min_close_notional=D(20))
A_STEP_OF_EACH_LEG = D("0.01")
"""Legs a fee in the coin has left off the step lend each other less than a step (0.001); their costs differ by 2."""


def bought(fills: list[str], *, price: str, fee: str, fee_in: FeePaidIn, side: Side, mode: TpMode) -> Story:
    """A worked ladder whose legs have bought these shares of themselves, now at another price."""
    market = swap() if side is Side.SHORT else None
    story = Story(
        ladder(*WORKED, side=side, instrument=market),
        side=side,
        instrument=market,
        fee_percent=fee,
        fee_in=fee_in,
        tp_mode=mode,
        max_pyramids=1,
    )
    for index, share in enumerate(fills):
        name = story.entry(index)
        quantity = (story.order(name).quantity * D(share)).quantize(D("0.001"))
        if quantity:
            story.fill(name, str(quantity))
    story.price(price)
    story.wait("0")
    return story


def cut(story: Story, winner: OffsetWinner) -> None:
    """As the risk engine asks for it; cancels succeed and orders fill at the price of the plan."""
    quantity = None if winner.is_whole else winner.quantity
    asked = CutAsked(cut_id="a:1", quantity=quantity, reason=Reason.RISK_OFFSET, worst_price=winner.worst_price)
    story.step(asked)
    assert story.quote is not None
    price = story.quote.closing(story.group.side)
    while story.group.cuts[0].state is CutState.RUNNING:
        story.confirm_cancels()
        for order in story.orders(Role.CLOSE):
            story.fill(order.client_order_id, price=str(price))
        if not story.orders(Role.CLOSE) and story.group.cuts[0].state is CutState.RUNNING:
            story.wait("1")


@pytest.mark.rule("RISK-6", "RISK-8", "EXIT-6")
@given(
    fills=st.lists(st.sampled_from(["0", "0.3", "1"]), min_size=5, max_size=5),
    gain=st.integers(-1, 8),
    fee=st.sampled_from(["0", "0.1"]),
    fee_in=st.sampled_from(FeePaidIn),
    side=st.sampled_from(Side),
    mode=st.sampled_from([TpMode.PER_LEG, TpMode.AGGREGATE, TpMode.PYRAMID_AGGREGATE]),
    needed=st.integers(1, 60),
)
def test_a_winner_brings_what_was_expected_of_it(
    fills: list[str], gain: int, fee: str, fee_in: FeePaidIn, side: Side, mode: TpMode, needed: int
) -> None:
    price = str(100 + side.sign * gain)
    story = bought(fills, price=price, fee=fee, fee_in=fee_in, side=side, mode=mode)
    member = Member(group=story.group, quote=story.quote, fees=story.fees)
    winner = take(member, Decimal(needed), settings=SETTINGS, execution=story.execution, now_ms=story.now_ms)
    if not isinstance(winner, OffsetWinner):
        return
    held = profit.held(story.group)
    cut(story, winner)
    story.confirm_cancels()
    done = story.group.cuts[0]
    assert done.state is CutState.DONE
    assert done.sold == winner.quantity
    has_rests = fee != "0" and fee_in is FeePaidIn.BASE and side is Side.LONG
    assert abs(done.realized - winner.expected_profit) < (A_STEP_OF_EACH_LEG if has_rests else D("1e-12"))
    assert story.group.is_closed == winner.is_whole
    assert profit.held(story.group) == held - winner.quantity
