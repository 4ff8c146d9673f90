"""The two tables of movements."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.lifecycle import (
    EVENT_OF_STATE,
    GROUP_MOVES,
    ORDER_MOVES,
    GroupEvent,
    IllegalMove,
    OrderEvent,
    move_group,
    move_order,
)
from actors.rules.model import GroupState, OrderState

FINAL = [state for state in OrderState if state.is_final]
FILLS = {OrderEvent.PARTLY_FILLED, OrderEvent.FILLED}


@pytest.mark.rule("ORD-1")
@pytest.mark.parametrize(("state", "event"), list(product(FINAL, OrderEvent)))
def test_nothing_leaves_a_final_state_but_a_late_fill_that_completes_it(state: OrderState, event: OrderEvent) -> None:
    moved = move_order(state, event)
    if isinstance(moved, OrderState) and moved is not state:
        assert moved is OrderState.FILLED
        assert event is OrderEvent.FILLED


@pytest.mark.rule("ORD-1")
@given(st.lists(st.sampled_from(OrderEvent), max_size=12))
def test_an_order_once_final_stays_so_whatever_is_reported(events: list[OrderEvent]) -> None:
    state = OrderState.PENDING
    for event in events:
        moved = move_order(state, event)
        following = state if isinstance(moved, IllegalMove) else moved
        assert following.is_final or not state.is_final
        assert state is not OrderState.FILLED or following is OrderState.FILLED
        state = following


@pytest.mark.rule("ORD-1")
@pytest.mark.parametrize("state", OrderState)
def test_a_fill_is_legal_in_every_state(state: OrderState) -> None:
    for event in FILLS:
        assert isinstance(move_order(state, event), OrderState)


@pytest.mark.rule("ORD-1")
@pytest.mark.parametrize(
    ("state", "event"),
    [
        (OrderState.FILLED, OrderEvent.REJECTED),
        (OrderState.FILLED, OrderEvent.EXPIRED),
        (OrderState.PARTIALLY_FILLED, OrderEvent.REJECTED),
        (OrderState.REJECTED, OrderEvent.ACCEPTED),
        (OrderState.REJECTED, OrderEvent.EXPIRED),
        (OrderState.EXPIRED, OrderEvent.REJECTED),
    ],
)
def test_a_contradiction_is_said_and_not_swallowed(state: OrderState, event: OrderEvent) -> None:
    assert move_order(state, event) == IllegalMove(state=state, event=event)


@pytest.mark.rule("ORD-8")
def test_a_cancel_that_meets_a_filled_order_is_no_error() -> None:
    assert move_order(OrderState.FILLED, OrderEvent.CANCELLED) is OrderState.FILLED


@pytest.mark.rule("ORD-1")
@pytest.mark.parametrize("state", [state for state in OrderState if state is not OrderState.PENDING])
def test_nothing_goes_back_to_pending(state: OrderState) -> None:
    assert state in ORDER_MOVES.values()
    assert OrderState.PENDING not in ORDER_MOVES.values()


def test_every_state_an_exchange_reports_has_a_meaning_and_none_of_them_claims_a_fill() -> None:
    assert set(EVENT_OF_STATE) == set(OrderState)
    assert not FILLS & set(EVENT_OF_STATE.values())


def reachable(state: GroupState) -> Iterator[GroupState]:
    yield from (after for (before, _), after in GROUP_MOVES.items() if before is state)


@pytest.mark.rule("GRP-2")
def test_a_group_moves_forward_except_by_a_pyramid_a_kept_ladder_and_a_late_fill() -> None:
    forward = list(GroupState)
    back = {
        (before, event, after)
        for (before, event), after in GROUP_MOVES.items()
        if forward.index(after) < forward.index(before)
    }
    assert back == {
        (GroupState.ACTIVE, GroupEvent.PYRAMID_ADDED, GroupState.PARTIALLY_FILLED),
        (GroupState.PARTIALLY_FILLED, GroupEvent.LADDER_KEPT, GroupState.LIVE),
        (GroupState.CLOSED, GroupEvent.LATE_FILL, GroupState.CLOSING),
    }


@pytest.mark.rule("GRP-2")
def test_a_group_closes_only_by_way_of_closing() -> None:
    assert [state for state in GroupState if GroupState.CLOSED in reachable(state)] == [GroupState.CLOSING]
    with pytest.raises(KeyError):
        move_group(GroupState.LIVE, GroupEvent.CLOSE_DONE)
