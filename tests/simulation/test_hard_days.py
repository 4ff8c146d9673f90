"""Faults that come together as they do in real life: each day is told by hand, and ends with the books in order."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors import messages as m
from actors.rules.choices import TpExecution, TpMode
from actors.rules.model import GroupState, Intent, OrderState, Outcome, Reason, Refused, Role
from actors.rules.settings import SizingSettings, StrategyBook, StrategySettings
from tests.actors.town import ACCOUNT, BTC, ETH, POOL, town_settings
from tests.simulation.broken_town import SWAP, BrokenTown, broken, swap_account
from tests.simulation.ops import BreakVenue, CrashActor, KillProcess, Moment, StoreFault, VenueFault

D = Decimal
F, S = VenueFault, StoreFault
HOUR_MS = 3_600_000


def exit_of(town: BrokenTown, symbol: str = BTC, **changes: Any) -> m.Answer:
    return town.submit(town.signal(symbol, intent=Intent.EXIT, price=None, side=None, **changes))


def in_order(town: BrokenTown) -> None:
    """Nothing is live, nothing rests, and the money is right to the last digit."""
    town.check()
    town.check_profit()
    town.check_no_order_twice()
    assert not list(town.view.current.live())
    assert town.open_at_venue() == []


def strategy(**changes: Any) -> StrategyBook:
    return StrategyBook(default=StrategySettings(sizing=SizingSettings(capital_per_pyramid=D(1000)), **changes))


@pytest.mark.rule("REC-1", "REC-3", "ORD-3", "ORD-5")
@pytest.mark.parametrize("seed", range(4))
def test_the_market_crashes_while_the_venue_is_down_and_the_process_is_killed(tmp_path: Path, seed: int) -> None:
    with broken(tmp_path, seed=seed) as town:
        town.submit(town.signal(price="99"))
        town.submit(town.signal(ETH, price="99"))
        town.breaks(F.DOWN, ms=40_000)
        town.sim.move(BTC, D("98.4"))
        town.send(town.signal(price=None, intent=Intent.EXIT, side=None))
        town.arm(KillProcess(messages=3, moment=Moment.TELLING, down_ms=2_000))
        town.run_for(5_000)
        assert town.starts == 2
        town.sim.move(BTC, D("71"))
        town.sim.move(ETH, D("60"))
        town.run_for(60_000)
        town.calm()
        town.check()
        exit_of(town)
        exit_of(town, ETH)
        town.pass_time(120_000)
        in_order(town)
        assert sum(group.realized for group in town.groups().values()) < 0


@pytest.mark.rule("REC-4", "REC-5", "ORD-12")
def test_the_disk_is_full_and_everybody_wants_out(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        for symbol in (BTC, ETH):
            town.submit(town.signal(symbol, price="99"))
            town.price(symbol, "98.9")
        town.fails(S.FULL, ms=60_000)
        for symbol in (BTC, ETH):
            assert exit_of(town, symbol).outcome is Outcome.EXITED
        town.run_for(5_000)
        assert town.store.on_reserve
        assert town.open_at_venue() == []
        assert not list(town.view.current.live())
        box = town.send(town.signal(price="99"))
        town.run_for(100)
        assert isinstance(box.answer, Refused)
        assert box.answer.reason is Reason.STORE_FAILED
        town.calm()
        town.run_for(20_000)
        in_order(town)
        assert town.submit(town.signal(price="98")).outcome is Outcome.OPENED


@pytest.mark.rule("REC-1", "REC-5")
def test_the_disk_is_full_and_the_process_is_killed_in_the_middle_of_an_exit(tmp_path: Path) -> None:
    for messages in range(2, 60, 8):
        with broken(tmp_path / str(messages), seed=messages) as town:
            town.submit(town.signal(price="99"))
            town.price(BTC, "98.9")
            town.fails(S.FULL, ms=3_000)
            town.arm(KillProcess(messages=messages, moment=Moment.AFTER))
            signal = town.signal(price=None, intent=Intent.EXIT, side=None)
            town.send(signal)
            town.run_for(5_000)
            town.calm()
            town.submit(signal)
            town.pass_time(60_000)
            in_order(town)


@pytest.mark.rule("REC-5")
@pytest.mark.parametrize("ms", [-HOUR_MS, -10_000, HOUR_MS])
def test_timers_go_on_where_the_clock_is_set(tmp_path: Path, ms: int) -> None:
    """A part that waits to be started again, a store that is tried again, a close that is repeated: none of them waits
    for the clock to get where it was."""
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        town.price(BTC, "98.9")
        town.breaks(F.REFUSED, count=3)
        town.arm(CrashActor(kind="pool", moment=Moment.BEFORE))
        town.send(town.signal(price=None, intent=Intent.EXIT, side=None))
        town.run_for(30)
        town.faults.arm(CrashActor(kind="queue", moment=Moment.BEFORE))
        town.fails(S.FAIL, count=2)
        town.jump(ms)
        town.run_for(120_000)
        exit_of(town)
        assert not list(town.view.current.live()), "two minutes are enough, whatever the clock says"
        town.calm()
        in_order(town)


def refuse_closes(town: BrokenTown) -> None:
    """From now on each order that closes is refused, and nothing else."""

    def told(_name: str, message: object) -> None:
        if isinstance(message, m.SubmitOrders):
            count = sum(order.role is Role.CLOSE for order in message.orders)
            town.sim.trouble.arm(BreakVenue(account=ACCOUNT, fault=F.REFUSED, count=count))

    town.on_tell = told


@pytest.mark.rule("REC-5", "EXIT-5")
@pytest.mark.parametrize("is_new_process", [True, False])
def test_what_could_not_be_closed_is_tried_again_though_the_clock_is_an_hour_behind(
    tmp_path: Path, is_new_process: bool
) -> None:
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        town.price(BTC, "98.9")
        refuse_closes(town)
        town.send(town.signal(price=None, intent=Intent.EXIT, side=None))
        town.run_for(20_000)
        (group,) = town.view.current.live()
        assert group.state is GroupState.CLOSING
        assert [order.state for order in group.orders.values()].count(OrderState.REJECTED) > 3
        if is_new_process:
            town.kill()
            town.revive()
        town.jump(-HOUR_MS)
        town.on_tell = None
        town.run_for(30_000)
        assert not list(town.view.current.live())
        town.calm()
        in_order(town)


@pytest.mark.rule("REC-2", "REC-5")
def test_a_part_that_waits_to_be_started_again_starts_though_the_clock_was_set_back(tmp_path: Path) -> None:
    with broken(tmp_path, is_harsh=True) as town:
        for _ in range(3):
            town.arm(CrashActor(kind="pool", moment=Moment.BEFORE))
            town.send(town.signal(price="99"))
            town.run_for(1)
        assert not town.system.incarnation(POOL)
        town.jump(-HOUR_MS)
        town.run_for(15_000)
        assert town.system.incarnation(POOL)
        town.calm()
        town.check()


@pytest.mark.rule("REC-5", "TP-9", "ORD-10")
@pytest.mark.parametrize("ms", [-HOUR_MS, HOUR_MS])
def test_a_watched_stop_still_works_when_the_clock_is_set(tmp_path: Path, ms: int) -> None:
    settings = town_settings(strategy=strategy(stop_loss_percent=D(5)))
    with broken(tmp_path, settings=settings) as town:
        town.submit(town.signal(price="99"))
        town.price(BTC, "98.9")
        town.jump(ms)
        town.run_for(30_000)
        town.sim.move(BTC, D("80"))
        town.run_for(30_000)
        assert not list(town.view.current.live())
        town.calm()
        in_order(town)


@pytest.mark.rule("ORD-5", "REC-5")
def test_a_half_open_socket_says_nothing_and_the_sweep_sees_everything(tmp_path: Path) -> None:
    """The stream counts as up all the time, but no frame comes."""
    settings = town_settings(strategy=strategy(tp_mode=TpMode.AGGREGATE))
    with broken(tmp_path, settings=settings) as town:
        town.submit(town.signal(price="99"))
        town.breaks(F.STREAM_LOST, ms=300_000)
        town.sim.move(BTC, D("98.4"))
        town.run_for(60_000)
        (group,) = town.view.current.live()
        assert sum(len(order.trades) for order in group.orders.values()) == 2
        targets = [report for report in town.open_at_venue() if report.side is not None and report.side.value == "sell"]
        assert len(targets) == 1
        assert targets[0].price is not None
        town.sim.move(BTC, targets[0].price + D("0.01"))
        town.run_for(120_000)
        town.calm()
        exit_of(town)
        town.pass_time(60_000)
        in_order(town)


@pytest.mark.rule("ORD-3", "REC-1")
@pytest.mark.parametrize("seed", range(6))
def test_orders_that_arrive_late_meet_a_new_process(tmp_path: Path, seed: int) -> None:
    with broken(tmp_path, seed=seed) as town:
        town.breaks(F.LATE_ARRIVAL, count=3)
        town.breaks(F.INVISIBLE, count=2)
        town.arm(KillProcess(messages=14 + 3 * seed, moment=Moment.AFTER, down_ms=100))
        signal = town.signal(price="99")
        town.send(signal)
        town.run_for(10_000)
        town.calm()
        town.submit(signal)
        town.check()
        town.check_no_order_twice()
        assert len(town.open_at_venue()) == 5


@pytest.mark.rule("ORD-3", "REC-5")
@pytest.mark.parametrize("seed", range(6))
def test_a_clock_set_forward_does_not_end_the_wait_for_a_late_order(tmp_path: Path, seed: int) -> None:
    """By the clock the request is an hour old, in truth it is on its way (rule 17)."""
    with broken(tmp_path, seed=seed) as town:
        town.breaks(F.LATE_ARRIVAL, count=5)
        town.send(town.signal(price="99"))
        town.run_for(5)
        town.jump(HOUR_MS)
        town.run_for(60_000)
        assert len(town.ours()) == 5
        town.calm()
        town.check()
        lost = [order for order in next(iter(town.view.current.live())).orders.values() if order.is_final]
        assert lost == []


@pytest.mark.rule("ORD-3", "TP-7", "REC-1")
@pytest.mark.parametrize("seed", range(6))
def test_an_exit_and_its_target_race_while_answers_are_lost_and_the_gateway_dies(tmp_path: Path, seed: int) -> None:
    settings = town_settings(accounts={ACCOUNT: swap_account()})
    with broken(tmp_path, settings=settings, seed=seed) as town:
        town.submit(town.signal(SWAP, price="99"))
        town.price(SWAP, "98.4")
        town.breaks(F.REPLY_LOST, count=2)
        town.breaks(F.STREAM_LATE, count=4)
        town.breaks(F.REPLIES_SHUFFLED, ms=5_000)
        town.arm(CrashActor(kind="gateway", moment=Moment.TELLING, messages=2 + seed))
        town.send(town.signal(SWAP, intent=Intent.EXIT, price=None, side=None))
        town.run_for(2)
        town.sim.move(SWAP, D("99.99"))
        town.run_for(60_000)
        town.calm()
        town.pass_time(60_000)
        in_order(town)
        assert town.sim.positions() == []
        assert town.bought() == 0


@pytest.mark.rule("REC-3", "ORD-7")
def test_a_ban_a_restart_and_fills_meanwhile(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        town.arm(BreakVenue(account=ACCOUNT, fault=F.BANNED, ms=60_000))
        town.breaks(F.STREAM_DOWN, ms=60_000)
        town.kill()
        town.run_for(10_000)
        town.sim.move(BTC, D("97.6"))
        town.run_for(80_000)
        (group,) = town.view.current.live()
        filled = [order for order in group.orders.values() if order.state is OrderState.FILLED]
        assert len(filled) == 3
        town.calm()
        exit_of(town)
        town.pass_time(60_000)
        in_order(town)


@pytest.mark.rule("TP-6", "ORD-10", "REC-4")
def test_a_watched_target_waits_for_a_price_of_now(tmp_path: Path) -> None:
    """The price stream is down while the target is passed and left again: nothing is sold on a price of before."""
    settings = town_settings(strategy=strategy(tp_mode=TpMode.AGGREGATE, tp_execution=TpExecution.WATCHED))
    with broken(tmp_path, settings=settings) as town:
        town.submit(town.signal(price="99"))
        town.price(BTC, "98.9")
        town.breaks(F.STREAM_DOWN, ms=30_000)
        town.run_for(2_000)
        town.sim.move(BTC, D("110"))
        town.run_for(5_000)
        town.sim.move(BTC, D("99.2"))
        town.run_for(40_000)
        assert not [trade for order, trade in town.sim.trades if order.side.value == "sell"]
        town.calm()
        town.price(BTC, "105")
        town.pass_time(60_000)
        exit_of(town)
        town.pass_time(60_000)
        in_order(town)
