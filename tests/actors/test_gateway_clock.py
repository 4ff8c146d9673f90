"""Clocks that are set while the fate of an order is open (rule 17, REC-5)."""

from __future__ import annotations

import pytest

from actors import account_messages as am
from actors import messages as m
from actors.budget import LimitedBudget
from actors.gateway_health import BAN
from actors.messages import Fate
from actors.rules.model import Reason
from actors.rules.rates import RateRules
from tests.actors.gateway_world import WINDOW_MS, World, order
from tests.actors.test_gateway_health import is_ready
from tests.actors.test_gateway_limits import standing

BACK_MS = 90_000


@pytest.mark.rule("ORD-3", "REC-5")
@pytest.mark.parametrize("back_ms", [2_000, BACK_MS])
def test_not_found_that_was_asked_before_the_clock_was_set_back_proves_nothing(back_ms: int) -> None:
    world = World().settle()
    world.pass_ms(100_000)
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    asked_ms = world.now_ms
    world.life.set_clock(-back_ms)
    world.looked_up(order(), None, asked_ms=asked_ms)
    world.looked_up(order(), None, asked_ms=asked_ms)
    assert world.reports() == [], "asked in the same moment it was sent, whatever the clock says now"


@pytest.mark.rule("ORD-3", "REC-5")
def test_after_the_clock_was_set_back_the_window_is_as_long_as_ever() -> None:
    world = World().settle()
    world.pass_ms(100_000)
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    world.life.set_clock(-BACK_MS)
    world.tell(m.TimerFired(incarnation=world.incarnation, name="due"))
    sent_ms = world.now_ms
    world.pass_ms(WINDOW_MS)
    world.looked_up(order(), None, asked_ms=sent_ms + WINDOW_MS)
    assert world.reports() == []
    world.pass_ms(1)
    world.looked_up(order(), None, asked_ms=sent_ms + WINDOW_MS + 1)
    assert [told.reason for told in world.reports()] == [Reason.NEVER_ACCEPTED]


@pytest.mark.rule("REC-3", "REC-5")
def test_a_ban_ends_in_its_time_although_the_clock_was_set_back_meanwhile() -> None:
    world = World().settle()
    world.pass_ms(100_000)
    world.exchange.budget = LimitedBudget(RateRules())
    world.tell(am.Banned(incarnation=7, for_ms=30_000, words="banned"))
    assert (standing(world, BAN), is_ready(world)) == (True, False)
    world.life.set_clock(-BACK_MS)
    world.tell(m.TimerFired(incarnation=world.incarnation, name="due"))
    world.pass_ms(29_000)
    assert standing(world, BAN)
    world.pass_ms(2_000)
    assert not standing(world, BAN)
