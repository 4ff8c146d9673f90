"""Where a gateway must not believe too early, give up too soon, or blame the exchange for something of ours."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors import messages as m
from actors.budget import LimitedBudget
from actors.gateway_orders import ABSENT_MS, ANSWER_TIMEOUT_MS
from actors.messages import Fate
from actors.rules.model import OrderState, Reason
from actors.rules.rates import Ask, RateRules, Window, Work
from tests.actors.gateway_world import START_MS, WINDOW_MS, World, order, report, trade


def look_ups_of(world: World, milliseconds: int, fate: str = Fate.ACCEPTED) -> int:
    """Time goes by; every look-up says that there is no such order. How many there were."""
    count = 0
    for _ in range(milliseconds // 250):
        world.pass_answering_ms(250, 250)
        for _ in world.exchange.take("look_up"):
            count += 1
            world.looked_up(order(), None, asked_ms=world.now_ms, fate=fate)
    return count


@pytest.mark.rule("ORD-3")
def test_an_order_the_exchange_had_acknowledged_is_gone_only_when_it_says_so_again_and_again() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    world.reports()
    world.pass_ms(WINDOW_MS * 4)
    world.listed()
    world.exchange.take("look_up")
    world.looked_up(order(), None, asked_ms=world.now_ms)
    assert world.reports() == []
    assert look_ups_of(world, ABSENT_MS - 1_000) > 2
    assert world.reports() == []
    look_ups_of(world, 10_000)
    assert [(each.state, each.reason) for each in world.reports()] == [(OrderState.CANCELLED, Reason.ORDER_NOT_FOUND)]


@pytest.mark.rule("ORD-3")
def test_an_acknowledged_order_that_shows_up_again_was_never_gone() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    world.pass_ms(WINDOW_MS * 4)
    world.listed()
    world.looked_up(order(), None, asked_ms=world.now_ms)
    world.looked_up(order(), report(order()), asked_ms=world.now_ms)
    world.reports()
    world.pass_ms(ABSENT_MS)
    world.looked_up(order(), None, asked_ms=world.now_ms)
    assert world.reports() == []


@pytest.mark.rule("ORD-3", "REC-1")
def test_an_order_an_earlier_life_knew_to_be_open_is_not_declared_never_accepted() -> None:
    world = World().settle()
    known = replace(order(), state=OrderState.OPEN, exchange_order_id="1")
    world.tell(m.ResolveOrders(orders=(known,)))
    world.exchange.take("look_up")
    world.looked_up(known, None, asked_ms=START_MS + WINDOW_MS + 1)
    assert world.reports() == []
    look_ups_of(world, WINDOW_MS + ABSENT_MS + 10_000)
    assert [each.reason for each in world.reports()] == [Reason.ORDER_NOT_FOUND]


@pytest.mark.rule("REC-3", "ORD-4")
def test_what_was_never_tried_is_neither_a_failure_of_the_exchange_nor_a_try() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    for _ in range(20):
        assert world.exchange.take("submit")
        world.answer(order(), Fate.TEMPORARY, reason=Reason.ACCOUNT_NOT_READY, asked_ms=world.now_ms)
        world.pass_ms(1_000)
    assert world.reports() == []
    world.answer(order())
    assert [each.state for each in world.reports()] == [OrderState.OPEN]


@pytest.mark.rule("ORD-4")
def test_an_entry_that_waits_for_ever_to_be_tried_grows_stale() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    while world.now_ms < START_MS + 400_000 and world.exchange.take("submit"):
        world.answer(order(), Fate.TEMPORARY, reason=Reason.ACCOUNT_NOT_READY, asked_ms=world.now_ms)
        world.pass_answering_ms(1_000)
    assert [each.reason for each in world.reports()] == [Reason.STALE_ENTRY]


@pytest.mark.rule("ORD-5", "LOG-5")
def test_an_order_whose_executions_the_exchange_never_tells_raises_an_alert() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    part = report(order(), OrderState.PARTIALLY_FILLED, (trade(1, "0.5"),))
    for _ in range(400):
        world.listed()  # It is not open any more.
        world.pass_ms(1_000)
        for _ in world.exchange.take("look_up"):
            world.looked_up(order(), None, asked_ms=world.now_ms, fate=Fate.UNKNOWN)
            world.stream(part)
    assert order().client_order_id in world.gateway._orders.overdue
    world.looked_up(order(), report(order(), OrderState.FILLED, (trade(1, "0.5"), trade(2, "0.5"))), asked_ms=1)
    assert not world.gateway._orders.overdue


@pytest.mark.rule("REC-5", "ORD-3")
def test_a_clock_that_is_set_back_does_not_put_off_what_is_due() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.pass_ms(1_000)
    world.quote("99", "101")
    world.life.set_clock(-600_000)
    world.quote("99", "101")  # Anything that comes shows it.
    world.pass_ms(ANSWER_TIMEOUT_MS - 1_001)
    assert world.exchange.take("look_up") == []
    world.pass_ms(1)
    assert world.exchange.take("look_up") == [order().client_order_id]
    world.looked_up(order(), None, asked_ms=world.now_ms)
    assert [each.reason for each in world.reports()] == [Reason.NEVER_ACCEPTED]


@pytest.mark.rule("REC-5")
def test_threads_that_read_the_clock_at_slightly_different_moments_move_nothing() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.life.set_clock(-900)
    world.quote("99", "101")
    world.pass_ms(ANSWER_TIMEOUT_MS + 899)
    assert world.exchange.take("look_up") == []
    world.pass_ms(1)
    assert world.exchange.take("look_up") == [order().client_order_id]


@pytest.mark.rule("REC-3", "REC-4")
def test_the_question_that_closes_the_circuit_finds_room_where_entries_of_others_fill_the_window() -> None:
    window = Window(name="weight", limit=100, period_ms=600_000)
    budget = LimitedBudget(RateRules(windows=(window,), costs={Ask.BALANCES: {"weight": 1}, Ask.PRICES: {"weight": 1}}))
    world = World(budget=budget).settle()
    for _ in range(6):
        world.answer(order(leg=8), Fate.UNKNOWN)
        world.pass_ms(250)
    budget.take(Ask.PRICES, Work.CLOSE, world.now_ms, 79)
    world.exchange.asked.clear()
    world.pass_ms(4_000)
    assert world.exchange.take("fetch_balances") == [None]
