"""What must have lasted for a time has done so, whatever was done to the clock meanwhile (rule 17, REC-5)."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors import messages as m
from actors.messages import Fate
from actors.rules.model import Reason
from actors.steady import MAX_SETTINGS, OLDEST_MS, SLACK_MS, Steady
from tests.actors.gateway_world import START_MS, WINDOW_MS, FakeLife, World, order

DAYS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.integers(0, 20_000)),
        st.tuples(st.just("set"), st.integers(-40_000, 40_000) | st.sampled_from((-3_600_000, 3_600_000, -90_000))),
        st.tuples(st.just("ask"), st.just(0)),
    ),
    max_size=40,
)
"""What happens to a machine, in order: so many ms pass, its clock is set by so many ms, something is asked."""
HOUR_MS = 3_600_000


def steady_of(life: FakeLife) -> Steady:
    return Steady(life.now_ms, life.flow_ms)


def test_steady_time_flows_on_while_the_clock_is_set() -> None:
    life = FakeLife()
    steady = steady_of(life)
    for by_ms in (HOUR_MS, -2 * HOUR_MS, -30_000):
        life.set_clock(by_ms)
    life.time_ms += 700
    assert steady.now_ms() == START_MS + 700


def test_a_clock_that_is_corrected_a_little_takes_steady_time_with_it() -> None:
    life = FakeLife()
    steady = steady_of(life)
    life.set_clock(SLACK_MS)
    assert steady.now_ms() == START_MS + SLACK_MS
    life.set_clock(1)
    assert steady.now_ms() == START_MS


@given(DAYS)
def test_what_was_asked_is_never_taken_for_younger_than_it_is(day: list[tuple[str, int]]) -> None:
    """Whenever its answer comes: what it may prove it does prove. Nor is anything ever put off for good."""
    life = FakeLife()
    steady = steady_of(life)
    asked: list[tuple[int, int]] = []
    for what, ms in day:
        if what == "pass":
            life.time_ms += ms
        elif what == "set":
            life.set_clock(max(ms, 1 - life.time_ms))
        else:
            steady.now_ms()
            asked.append((life.time_ms, life.flow_ms()))
        for clock_ms, flow_ms in asked:
            when_ms = steady.when(clock_ms)
            if life.flow_ms() - flow_ms <= OLDEST_MS - SLACK_MS:
                assert when_ms is None or when_ms <= flow_ms + SLACK_MS
    steady.now_ms()
    life.time_ms += OLDEST_MS + 2 * SLACK_MS
    when_ms = steady.when(life.time_ms)
    assert when_ms is not None
    assert abs(when_ms - life.flow_ms()) <= SLACK_MS


def test_a_clock_that_is_set_too_often_makes_nobody_sure_until_it_is_left_alone() -> None:
    life = FakeLife()
    steady = steady_of(life)
    for turn in range(MAX_SETTINGS + 1):
        life.time_ms += 10
        life.set_clock(10_000 * (-1) ** turn)
        steady.now_ms()
    assert steady.when(life.time_ms) is None
    life.time_ms += OLDEST_MS + SLACK_MS
    assert steady.when(life.time_ms) == life.flow_ms()


@pytest.mark.rule("ORD-3", "REC-5")
def test_not_found_that_was_asked_at_once_proves_nothing_however_often_the_clock_is_set() -> None:
    """Back, on and on again between the question and its answer, with the gateway at work all the while."""
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    for by_ms in (-HOUR_MS, HOUR_MS, 500, -500, HOUR_MS, 90_000, -60_000):
        asked_ms = world.now_ms
        world.life.set_clock(by_ms)
        world.tell(m.TimerFired(incarnation=world.incarnation, name="due"))
        world.looked_up(order(), None, asked_ms=asked_ms)
        world.looked_up(order(), None, asked_ms=world.now_ms)
    assert world.reports() == []
    world.pass_ms(WINDOW_MS + 60_000)
    world.looked_up(order(), None, asked_ms=world.now_ms)
    assert [told.reason for told in world.reports()] == [Reason.NEVER_ACCEPTED]


@pytest.mark.rule("ORD-3", "REC-5")
@example(day=[("pass", 4_901), ("ask", 0), ("set", 1), ("ask", 0)])
@given(DAYS)
def test_no_order_is_given_up_within_its_window_whatever_is_done_to_the_clock(day: list[tuple[str, int]]) -> None:
    """The exchange answers every question about it, at once or later, truly: not there yet. A clock that is corrected a
    little takes steady time with it: the exchanges' windows have room for that.
    """
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    sent_ms = world.life.flow_ms()
    asked: list[int] = []

    def went_on() -> bool:
        asked.extend(world.now_ms for _ in world.exchange.take("look_up"))
        return world.life.flow_ms() - sent_ms <= WINDOW_MS - SLACK_MS

    for what, ms in day:
        for _ in range(0, min(ms, WINDOW_MS), 100) if what == "pass" else ():
            world.pass_ms(100)
            went_on()
        if what == "set":
            world.life.set_clock(max(ms, 1 - world.now_ms))
            world.tell(m.TimerFired(incarnation=world.incarnation, name="due"))
        went_on()
        if what == "ask":
            for asked_ms in asked:
                world.looked_up(order(), None, asked_ms=asked_ms)
        if not went_on():
            return
        assert world.reports() == []


@pytest.mark.rule("ORD-3", "REC-5")
def test_a_clock_set_forward_and_part_of_the_way_back_does_not_shorten_the_window() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    world.pass_ms(1)
    world.life.set_clock(90_000)
    world.listed()
    world.life.set_clock(-60_000)
    world.tell(m.TimerFired(incarnation=world.incarnation, name="due"))
    world.pass_ms(5)
    world.looked_up(order(), None, asked_ms=world.now_ms)
    assert world.reports() == [], "asked 6 ms after it was sent"


@pytest.mark.rule("ORD-4", "REC-5")
def test_an_answer_to_an_earlier_try_is_known_as_such_though_the_clock_was_set_back() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    first_ms = world.now_ms
    world.answer(order(), Fate.TEMPORARY, asked_ms=first_ms)
    world.life.set_clock(-HOUR_MS)
    world.tell(m.TimerFired(incarnation=world.incarnation, name="due"))
    world.pass_ms(5_000)
    assert len(world.exchange.take("submit")) == 2
    for _ in range(10):
        world.answer(order(), Fate.TEMPORARY, asked_ms=first_ms)
    world.pass_ms(10_000)
    assert (world.reports(), world.exchange.take("submit")) == ([], []), "copies of the first answer"
