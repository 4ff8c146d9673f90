"""An end that leaves its group asking: the exchange is asked again in peace, not the group answered in circles."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors import messages as m
from actors.messages import Fate
from actors.rules.model import Order, OrderState
from tests.actors.gateway_world import World, order, report, trade


def _ended(state: OrderState, told: tuple[str, ...] = ("0.4",)) -> tuple[World, Order]:
    """A world whose exchange has ended an order with less than was ordered, and the order as its group has it then."""
    world = World().settle()
    sent = order()
    world.tell(m.SubmitOrders(orders=(sent,)))
    trades = tuple(trade(number, quantity) for number, quantity in enumerate(told, 1))
    world.answer(sent, state=state, trades=trades)
    assert [each.state for each in world.reports()] == [state]
    filled = sum(map(Decimal, told), Decimal(0))
    return world, replace(sent, state=OrderState.PARTIALLY_FILLED, trades=trades, filled_quantity=filled)


@pytest.mark.rule("ORD-5")
@pytest.mark.parametrize("state", [OrderState.FILLED, OrderState.REJECTED])
def test_a_group_that_misses_trades_of_an_ended_order_is_not_answered_in_circles(state: OrderState) -> None:
    world, known = _ended(state)
    asked = 0
    for _ in range(60):
        world.tell(m.ResolveOrders(orders=(known,)))  # As a group does upon each such report.
        assert world.reports() == []
        while not world.exchange.take("look_up"):
            world.pass_ms(1_000)
            asked += 1_000
        world.looked_up(known, report(known, state, known.trades), asked_ms=world.now_ms)
        assert [each.state for each in world.reports()] == [state]
    assert asked > 20 * 30_000


@pytest.mark.rule("ORD-5")
def test_what_was_missing_is_told_when_the_exchange_shows_it() -> None:
    world, known = _ended(OrderState.FILLED)
    world.tell(m.ResolveOrders(orders=(known,)))
    world.pass_ms(1_000)
    whole = (*known.trades, trade(2, "0.6"))
    assert world.exchange.take("look_up") == [known.client_order_id]
    world.looked_up(known, report(known, OrderState.FILLED, whole), asked_ms=world.now_ms)
    (told,) = world.reports()
    assert told.trades == whole


@pytest.mark.rule("ORD-3")
def test_it_is_asked_again_where_the_answer_is_lost_or_says_nothing() -> None:
    world, known = _ended(OrderState.FILLED)
    world.tell(m.ResolveOrders(orders=(known,)))
    for fate in (Fate.UNKNOWN, Fate.TEMPORARY, Fate.ACCEPTED):
        world.pass_ms(3_000)
        assert world.exchange.take("look_up") == [known.client_order_id]
        world.looked_up(known, None, asked_ms=world.now_ms, fate=fate)
    world.pass_ms(3_000)
    assert world.exchange.take("look_up") == [known.client_order_id]
    world.pass_ms(40_000)  # No answer at all.
    assert world.exchange.take("look_up")
    world.stream(report(known, OrderState.FILLED, (*known.trades, trade(2, "0.6"))))
    assert len(world.reports()) == 1


def test_a_group_that_has_not_booked_an_end_is_told_of_it_at_once() -> None:
    world, known = _ended(OrderState.FILLED)
    world.tell(m.ResolveOrders(orders=(replace(known, trades=(), filled_quantity=Decimal(0)),)))
    assert [each.trades for each in world.reports()] == [known.trades]


@pytest.mark.rule("LOG-5")
def test_what_stays_missing_for_long_is_said_and_forgotten_when_it_comes() -> None:
    world, known = _ended(OrderState.FILLED)
    for _ in range(40):
        world.tell(m.ResolveOrders(orders=(known,)))
        world.pass_ms(60_000)
        world.looked_up(known, report(known, OrderState.FILLED, known.trades), asked_ms=world.now_ms)
    assert known.client_order_id in world.gateway._orders.overdue
    world.stream(report(known, OrderState.FILLED, (*known.trades, trade(2, "0.6"))))
    assert not world.gateway._orders.overdue
