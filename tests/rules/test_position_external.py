"""What changes a group from outside: booked once, never more than it holds, and its exits go with it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import position
from actors.rules.events import Decision, FundingBooked, OrderAdopted, ShareTaken
from actors.rules.model import (
    ZERO,
    GroupState,
    Order,
    OrderReport,
    OrderSide,
    OrderState,
    OrderType,
    Reason,
    Refused,
    Role,
    Trade,
)
from actors.rules.naming import make_client_order_id, parse_client_order_id
from actors.rules.position_external import EXTERNAL_CHANGE, external_order_id
from actors.rules.profit import held
from tests.rules.builders import NOW_MS, D
from tests.rules.venue import GROUP_ID, ONE, PREFIX, TWO, Story, ladder


def share(quantity: str | Decimal, price: str = "90", name: str = "t1", fee: str = "0") -> Trade:
    return Trade(
        trade_id=name,
        quantity=D(quantity),
        price=D(price),
        fee=D(fee),
        fee_asset="USDT",
        fee_value=D(fee),
        time_ms=NOW_MS,
    )


def filled() -> Story:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0))
    return story


def outside(story: Story, event: ShareTaken | FundingBooked) -> None:
    """Not by `story.step`: what happens outside is not in the books of the story's venue."""
    decided = position.step(story.group, event, story.context())
    assert isinstance(decided, Decision)
    story.group = decided.group


@pytest.mark.rule("ORD-13", "TP-7")
@given(parts=st.lists(st.decimals("0.001", "20", places=3), min_size=1, max_size=5))
def test_never_more_is_booked_away_than_is_held(parts: list[Decimal]) -> None:
    story = filled()
    before = held(story.group)
    for number, part in enumerate(parts):
        outside(story, ShareTaken(trade=share(part, name=f"t{number}"), cause="manual"))
        assert held(story.group) == max(before - sum(parts[: number + 1], D(0)), D(0))
        assert story.group.loose.quantity >= 0
        assert all(leg.lot.quantity >= 0 and leg.lot.cost >= 0 for leg in story.group.legs())
        free = [order for order in story.group.open_orders() if not order.cancel_requested]
        exits = sum((order.remaining for order in free if order.side is OrderSide.SELL), ZERO)
        assert exits <= held(story.group)


@pytest.mark.rule("ORD-13")
def test_a_share_told_twice_changes_nothing_the_second_time() -> None:
    story = filled()
    outside(story, ShareTaken(trade=share("1"), cause="manual"))
    once = story.group
    assert EXTERNAL_CHANGE in once.flags
    outside(story, ShareTaken(trade=share("1"), cause="manual"))
    assert story.group is once


@pytest.mark.rule("ORD-13", "GRP-4")
@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("liquidation", Reason.LIQUIDATED),
        ("auto_deleveraging", Reason.EXTERNAL_CLOSE),
        ("manual", Reason.EXTERNAL_CLOSE),
        ("adopted", Reason.EXTERNAL_CLOSE),
    ],
)
def test_a_group_at_zero_closes_with_the_reason_and_gives_up_its_ladder(cause: str, reason: Reason) -> None:
    story = filled()
    outside(story, ShareTaken(trade=share(held(story.group)), cause=cause))
    assert (story.group.state, story.group.close_reason) == (GroupState.CLOSING, reason)
    assert all(order.cancel_requested for order in story.group.open_orders())


@pytest.mark.rule("ORD-13", "PRC-6")
def test_dust_that_goes_after_the_close_is_no_longer_recorded() -> None:
    story = filled()
    whole = held(story.group)
    outside(story, ShareTaken(trade=share(whole - D("0.002")), cause="manual"))
    closed = replace(story.group, state=GroupState.CLOSED, dust=D("0.002"), dust_value=D("0.2"))
    story.group = replace(closed, orders={})
    outside(story, ShareTaken(trade=share("0.0005", name="t2"), cause="manual"))
    assert (story.group.state, story.group.dust, story.group.dust_value) == (GroupState.CLOSED, D("0.0015"), D("0.15"))
    outside(story, ShareTaken(trade=share("1", name="t3"), cause="manual"))
    assert (story.group.dust, story.group.dust_value, held(story.group)) == (ZERO, ZERO, ZERO)


def test_the_id_of_a_made_up_order_is_none_of_terraces_and_the_same_every_time() -> None:
    name = external_order_id(GROUP_ID, "t1")
    assert name == external_order_id(GROUP_ID, "t1")
    assert len({name, external_order_id(GROUP_ID, "t2"), external_order_id("zzzzzzzzzzzz", "t1")}) == 3
    assert parse_client_order_id(name) is None


@pytest.mark.rule("PNL-1")
def test_funding_is_part_of_what_is_realized_and_no_fee() -> None:
    story = filled()
    before = story.group
    outside(story, FundingBooked(funding_id="f1", amount=D("-1.5")))
    outside(story, FundingBooked(funding_id="f2", amount=D("0.25")))
    assert story.group.funding == D("-1.25")
    assert story.group.realized - before.realized == D("-1.25")
    assert story.group.fees == before.fees


# --- adopting -------------------------------------------------------------------------------------


def strange(role: Role = Role.ENTRY, leg: int | None = 0, quantity: str = "1", **changes: object) -> Order:
    name = make_client_order_id(prefix=PREFIX, group_id=GROUP_ID, pyramid=0, leg=leg, role=role, attempt=30)
    made = Order(
        client_order_id=name,
        group_id=GROUP_ID,
        account="paper",
        symbol="BTC/USDT",
        pyramid=0,
        leg=leg,
        role=role,
        attempt=30,
        side=OrderSide.BUY if role is Role.ENTRY else OrderSide.SELL,
        type=OrderType.LIMIT,
        price=D(95),
        quantity=D(quantity),
        create_time_ms=NOW_MS,
        update_time_ms=NOW_MS,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def adopted(story: Story, order: Order, *trades: Trade) -> Refused | None:
    report = OrderReport(client_order_id=order.client_order_id, state=OrderState.OPEN, trades=trades, time_ms=NOW_MS)
    decided = position.step(story.group, OrderAdopted(order=order, report=report), story.context())
    if isinstance(decided, Refused):
        return decided
    assert decided.group.orders[order.client_order_id].state in (OrderState.OPEN, OrderState.PARTIALLY_FILLED)
    assert EXTERNAL_CHANGE in decided.group.flags
    assert held(decided.group) == held(story.group) + sum((each.quantity for each in trades), ZERO)
    return None


@pytest.mark.rule("ORD-7")
@pytest.mark.parametrize(
    ("order", "why"),
    [
        (strange(leg=1), "open entry of its own"),
        (strange(leg=0), "buys no more"),
        (strange(leg=9), "has no pyramid 0 leg 9"),
        (strange(symbol="ETH/USDT"), "the group on BTC/USDT"),
        (strange(side=OrderSide.SELL), "side"),
        (strange(Role.CLOSE), "is free to be sold"),
    ],
)
def test_an_order_that_would_upset_the_books_is_not_adopted(order: Order, why: str) -> None:
    refused = adopted(filled(), order)
    assert refused is not None
    assert refused.reason is Reason.NOT_ADOPTABLE
    assert why in refused.detail


@pytest.mark.rule("ORD-7")
def test_an_entry_of_a_leg_that_has_none_is_adopted_with_its_fills() -> None:
    story = Story(ladder(*ONE))
    group = story.group
    story.group = replace(group, orders={})
    leg = group.legs()[0]
    assert adopted(story, strange(quantity=str(leg.quantity)), share("1", "95")) is None
    too_much = adopted(story, strange(quantity=str(leg.quantity + 1)))
    assert too_much is not None
    assert "lacks" in too_much.detail
