"""A clock that somebody sets: what waits goes on waiting for as long as it was to wait, and no longer (REC-5)."""

from __future__ import annotations

import random
import time

import pytest

from actors import messages as m
from actors.messages import Fate
from actors.pool_books import PoolBooks
from actors.pool_own_slots import OWN_SLOT_RETRY_MS, OwnSlots
from actors.rules.model import Key
from actors.runtime import Actor, Life
from actors.stepped import Stepped
from actors.threaded import Threaded
from actors.timers import SET_BACK_MS, Flow, Timers
from tests.actors.gateway_world import WINDOW_MS, World, order

HOUR_MS = 3_600_000


class SetClock:
    """The wall clock, some ms off."""

    def __init__(self) -> None:
        self.by_ms = 0

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000 + self.by_ms


class Sleeper(Actor):
    """Wakes up once, so long after it began."""

    woken: list[int]
    pause_ms = 1_000

    def start(self) -> None:
        self.life.wake_at(self.life.now_ms() + self.pause_ms, "morning")

    def receive(self, message: object) -> None:
        assert isinstance(message, m.TimerFired)
        self.woken.append(self.life.now_ms())


def sleeper(life: Life) -> Sleeper:
    return Sleeper(life)


def test_shifted_timers_come_in_the_same_order_each_once() -> None:
    timers: Timers[str] = Timers()
    for time_ms, name in ((500, "b"), (100, "a"), (500, "c"), (900, "d")):
        timers.wake_at(time_ms, "owner", name)
    timers.wake_at(700, "owner", "d")
    timers.cancel("owner", "c")
    timers.shift(-400)
    assert timers.next_ms() == -300
    assert timers.pop_due(99) == [("owner", "a")]
    assert timers.pop_due(300) == [("owner", "b"), ("owner", "d")]
    assert len(timers) == 0


def test_a_shifted_wake_up_can_be_replaced_and_cancelled() -> None:
    timers: Timers[str] = Timers()
    timers.wake_at(1_000, "owner", "a")
    timers.wake_at(1_000, "owner", "b")
    timers.shift(-500)
    timers.wake_at(700, "owner", "a")
    timers.cancel("owner", "b")
    assert timers.pop_due(699) == []
    assert timers.pop_due(700) == [("owner", "a")]
    assert len(timers) == 0


def test_a_clock_that_flows_or_stumbles_was_not_set() -> None:
    flow = Flow(10_000)
    assert [flow.set_back_by(now) for now in (10_000, 20_000, 20_000 - SET_BACK_MS, 19_500, 20_001)] == [0] * 5
    assert flow.set_back_by(15_000) == 5_001
    assert flow.set_back_by(15_000) == 0
    assert flow.set_back_by(15_001) == 0


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize("ms", [-HOUR_MS, -5_000, 5_000, HOUR_MS])
def test_a_stepped_wake_up_comes_in_time_though_the_clock_was_set(ms: int) -> None:
    system = Stepped(random.Random(1), start_ms=10 * HOUR_MS)
    Sleeper.woken = []
    system.register("sleeper", sleeper)
    system.spawn("sleeper")
    calls: list[int] = []
    system.run_until_idle()
    system.call_at(system.now_ms() + 1_000, lambda: calls.append(system.now_ms()))
    system.advance(400)
    set_ms = system.now_ms() + ms
    system.set_clock(set_ms)
    system.advance(600)
    assert len(Sleeper.woken) == len(calls) == 1
    if ms < 0:
        assert Sleeper.woken == calls == [set_ms + 600]


@pytest.mark.rule("REC-5")
def test_a_live_wake_up_comes_in_time_though_the_clock_was_set_back() -> None:
    clock = SetClock()
    system = Threaded(clock, spare_shells=1)
    Sleeper.woken = []
    system.register("sleeper", sleeper)
    try:
        system.spawn("sleeper")
        time.sleep(0.2)
        clock.by_ms = -HOUR_MS
        deadline_s = time.monotonic() + 10
        while not Sleeper.woken and time.monotonic() < deadline_s:
            time.sleep(0.01)
        assert Sleeper.woken
    finally:
        system.stop_all()


@pytest.mark.rule("ORD-3", "REC-5")
def test_not_found_counts_from_the_leap_of_the_clock_on() -> None:
    """It may have been sent just now."""
    world = World().settle()
    world.pass_ms(10_000)
    sent_ms = world.now_ms
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    world.exchange.take("look_up")
    world.life.set_clock(HOUR_MS)
    leapt_ms = sent_ms + HOUR_MS
    world.looked_up(order(), None, asked_ms=leapt_ms)
    world.looked_up(order(), None, asked_ms=leapt_ms + WINDOW_MS)
    assert world.reports() == []
    world.looked_up(order(), None, asked_ms=leapt_ms + WINDOW_MS + 1)
    assert len(world.reports()) == 1


@pytest.mark.rule("REC-5")
def test_a_kept_slot_is_tried_again_though_the_clock_was_set_back() -> None:
    key = Key(account="paper", symbol="BTC/USDT", timeframe="1h")

    class Books(PoolBooks):
        def kept(self) -> list[Key]:
            return [key]

    books = Books()
    books.reversing = {key}
    slots = OwnSlots(books)
    assert slots.due(HOUR_MS, ()) == [key]
    assert slots.due(HOUR_MS + OWN_SLOT_RETRY_MS - 1, ()) == []
    assert slots.due(1_000, ()) == [key]
    assert slots.due(1_001, ()) == []
    assert not slots.is_in_vain(key, 1_001)
