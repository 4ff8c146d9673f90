"""Each fault of the store does what it says, and nothing acknowledged is missing after it."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pytest

from actors.messages import Answer
from actors.ports import StoreFault as Fault
from actors.rules.model import Intent, OrderState, Outcome, Reason, Refused
from tests.actors.town import BTC
from tests.simulation.broken_crowd import broken_run
from tests.simulation.broken_town import BrokenTown, broken
from tests.simulation.ops import BreakStore, StoreFault
from tests.simulation.store_faults import Batch, FaultyStore

D = Decimal
S = StoreFault


class Inner:
    """A store that counts."""

    on_reserve = False

    def __init__(self) -> None:
        self.applied: list[Batch] = []

    def apply(self, batch: Batch) -> list[object]:
        self.applied.append(batch)
        return []


def alone() -> tuple[FaultyStore, Inner, list[bool]]:
    inner, told = Inner(), list[bool]()
    store = FaultyStore(inner, random.Random(1))
    store.on_applied.append(lambda _batch, _results, is_durable: told.append(is_durable))
    return store, inner, told


def broke(fault: StoreFault, count: int = 1, ms: int = 0) -> BreakStore:
    return BreakStore(fault=fault, count=count, ms=ms)


def test_a_batch_that_fails_is_not_durable() -> None:
    store, inner, told = alone()
    store.arm(broke(S.FAIL, 2))
    for _ in range(2):
        with pytest.raises(Fault):
            store.apply(())
    assert (inner.applied, told) == ([], [False, False])
    store.apply(())
    assert (len(inner.applied), told) == (1, [False, False, True])


def test_a_batch_that_fails_behind_the_write_is_durable() -> None:
    store, inner, told = alone()
    store.arm(broke(S.FAIL_DURABLE))
    with pytest.raises(Fault):
        store.apply(())
    assert (len(inner.applied), told) == (1, [True])


def test_a_full_disk_costs_one_batch_and_the_reserve_until_there_is_room() -> None:
    store, inner, told = alone()
    now = [0]
    store.now_ms = lambda: now[0]
    store.arm(broke(S.FULL, ms=1_000))
    seen = [store.on_reserve]
    with pytest.raises(Fault):
        store.apply(())
    seen.append(store.on_reserve)
    store.apply(())
    seen.append(store.on_reserve)
    now[0] = 1_000
    store.apply(())
    seen.append(store.on_reserve)
    assert seen == [False, True, True, False]
    assert told == [False, True, True]
    assert len(inner.applied) == 2


def test_a_slow_store_lets_time_pass() -> None:
    store, _, told = alone()
    passed: list[int] = []
    store.pass_time = passed.append
    store.arm(broke(S.SLOW, ms=100))
    store.apply(())
    assert [ms > 0 for ms in passed] == told == [True]


def test_what_was_armed_is_forgotten_when_faults_stop() -> None:
    store, inner, _ = alone()
    for fault in S:
        store.arm(broke(fault, ms=1_000))
    store.stop()
    store.apply(())
    assert len(inner.applied) == 1
    assert not store.on_reserve


def enter(town: BrokenTown, **changes: object) -> object:
    """What the first try of an entry hears."""
    box = town.send(town.signal(price="99", **changes))
    town.run_for(100)
    return box.answer if box.done else None


@pytest.mark.rule("SIG-9", "REC-1")
@pytest.mark.parametrize("fault", [S.FAIL, S.FAIL_DURABLE])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_an_entry_whose_commit_failed_is_opened_once_or_not_at_all(
    tmp_path: Path, fault: StoreFault, count: int
) -> None:
    with broken(tmp_path) as town:
        signal = town.signal(price="99")
        town.fails(fault, count=count)
        box = town.send(signal)
        town.run_for(100)
        if box.done and isinstance(box.answer, Answer):
            assert town.outcomes() == {signal.idempotency_key: "opened"}
        town.calm()
        was_opened = box.done and isinstance(box.answer, Answer)
        assert was_opened == (len(town.open_at_venue()) == 5)
        assert town.submit(signal).outcome is (Outcome.DUPLICATE if was_opened else Outcome.OPENED)
        town.check()
        assert town.outcomes() == {signal.idempotency_key: "opened"}
        assert len(town.open_at_venue()) == 5


@pytest.mark.rule("REC-4", "REC-5")
def test_on_a_full_disk_entries_are_refused_and_exits_go_on_until_there_is_room(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        town.fails(S.FULL, ms=10_000)
        enter(town, timeframe="2h")  # It finds the disk full.
        refused = enter(town, timeframe="4h")
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.STORE_FAILED
        exited = town.submit(town.signal(intent=Intent.EXIT, price=None, side=None))
        assert exited.outcome is Outcome.EXITED
        closed = town.store.inner.load_group(exited.group_id)
        assert closed is not None
        assert closed.is_closed
        assert all(order.state is OrderState.CANCELLED for order in closed.orders.values())
        assert town.store.on_reserve
        town.run_for(20_000)
        assert not town.store.on_reserve, "nobody but the engine itself has committed anything"
        assert isinstance(enter(town, timeframe="6h"), Answer)
        town.calm()
        town.check()


@pytest.mark.rule("REC-4")
def test_a_slow_store_loses_nothing(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.fails(S.SLOW, ms=20_000)
        town.submit(town.signal(price="99"))
        town.price(BTC, "98.9")
        town.submit(town.signal(intent=Intent.EXIT, price=None, side=None))
        town.calm()
        town.pass_time(60_000)
        town.check()
        town.check_profit()
        assert town.sim.trades
        assert all(report.state in (OrderState.FILLED, OrderState.CANCELLED) for report in town.ours())


@pytest.mark.rule("REC-1", "SIG-9", "REC-4", "REC-5")
@pytest.mark.parametrize("seed", [1, 4, 9])
@pytest.mark.parametrize("fault", StoreFault)
def test_a_crowd_comes_through_each_fault_to_the_last_digit(tmp_path: Path, fault: StoreFault, seed: int) -> None:
    def fails(town: BrokenTown, rng: random.Random) -> None:
        town.fails(fault, count=rng.randint(1, 2), ms=rng.randint(100, 5_000))

    broken_run(tmp_path, seed, fails).close()
