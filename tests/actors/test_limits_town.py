"""Loss limits in a whole engine on a virtual clock: time lifts them, crashes lose nothing of them."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pytest

from actors.pool import Pool
from actors.rules.choices import OnBreach
from actors.rules.limit_states import LEAST_TIME_MS, LimitLevel, from_switches
from actors.rules.model import GroupState, Intent, Outcome, Reason
from actors.rules.settings import EngineSettings, ExecutionSettings, LimitSettings, Settings
from tests.actors.town import BTC, ETH, POOL, SOL, WORLD, Town, town_settings

D = Decimal
LATE = "Australia/Eucla"
"""Where towns begin eight minutes before midnight, 8:45 ahead of UTC."""
TO_MIDNIGHT_MS = 501_000
SEEDS = range(6)


def settings(**limits: object) -> Settings:
    """Prices stay fresh for as long as a test needs, and it is late in the evening."""
    return town_settings(
        limits=LimitSettings(**limits),  # type: ignore[arg-type]
        execution=ExecutionSettings(max_quote_age_s=86_400),
        engine=EngineSettings(reporting_timezone=LATE),
    )


def level(town: Town) -> LimitLevel:
    return from_switches(town.store.load_pool(WORLD, 1, 0).switches).level


def agrees_with_the_ledger(town: Town) -> None:
    """What Pool has counted in this life, by what groups told it, is what the store holds."""
    pool, stored = town.actor(POOL, Pool), town.store.load_pool(WORLD, 1, town.system.now_ms())
    assert pool is not None
    counted = pool._limits
    assert {quote: sum_ for quote, sum_ in counted._realized.items() if sum_} == dict(stored.realized)
    in_order = sorted(stored.recent_closed, key=lambda each: (each.close_time_ms, each.group_id))
    assert list(counted._closed.values()) == in_order
    sums: dict[str, Decimal] = {}
    for _, quote, amount in stored.profits:
        sums[quote] = sums.get(quote, D(0)) + amount
    assert counted._day_profits(0) == sums


def lose(town: Town, symbol: str = SOL, price: str = "97") -> None:
    """A group of this symbol opens at 100 and leaves here."""
    town.price(symbol, "100")
    town.submit(town.signal(symbol))
    town.price(symbol, price)
    town.submit(town.signal(symbol, None, Intent.EXIT))


@pytest.mark.rule("POOL-3", "POOL-4")
def test_a_days_loss_keeps_signals_waiting_over_a_restart_and_the_next_day_lets_them_in(tmp_path: Path) -> None:
    with Town(tmp_path, settings=settings(max_realized_loss_per_day=D(15))) as town:
        lose(town)
        assert town.submit(town.signal(BTC)).reason is Reason.MAX_REALIZED_LOSS_PER_DAY
        town.kill()
        town.settle()
        assert level(town) is LimitLevel.NO_NEW_GROUPS
        assert len(town.store.load_queue(WORLD).entries) == 1
        town.pass_time(TO_MIDNIGHT_MS)
        assert level(town) is LimitLevel.NONE
        assert town.store.load_queue(WORLD).entries == ()
        assert [group.symbol for group in town.groups().values() if not group.is_closed] == [BTC]


@pytest.mark.rule("POOL-4")
def test_a_drawdown_that_recovers_lets_entries_in_again_after_some_time(tmp_path: Path) -> None:
    with Town(tmp_path, settings=settings(max_drawdown_percent=D("0.01"))) as town:
        town.pass_time(5_000)
        town.submit(town.signal(BTC))
        town.price(BTC, "97.99")
        town.pass_time(2_000)
        assert level(town) is LimitLevel.NO_NEW_GROUPS
        assert town.submit(town.signal(ETH)).outcome is Outcome.QUEUED
        town.price(BTC, "99.9")
        town.pass_time(60_000)
        assert level(town) is LimitLevel.NO_NEW_GROUPS
        town.pass_time(LEAST_TIME_MS)
        assert level(town) is LimitLevel.NONE
        assert town.store.load_queue(WORLD).entries == ()
        agrees_with_the_ledger(town)


@pytest.mark.rule("POOL-4", "ORD-12", "REC-1")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("on_breach", [OnBreach.REDUCE_ONLY, OnBreach.CLOSE_ALL])
def test_what_a_limit_asks_of_groups_is_done_though_the_process_is_killed_meanwhile(
    tmp_path: Path, seed: int, on_breach: OnBreach
) -> None:
    rng = random.Random(seed)
    with Town(tmp_path, settings=settings(max_consecutive_losses=1, on_breach=on_breach), seed=seed) as town:
        for symbol in (BTC, ETH):
            town.submit(town.signal(symbol))
        lose_and_be_killed(town, rng)
        town.pass_time(15_000)
        live = [group for group in town.groups().values() if not group.is_closed]
        assert level(town).name == on_breach.name
        agrees_with_the_ledger(town)
        if on_breach is OnBreach.CLOSE_ALL:
            assert live == []
            closed = [group for group in town.groups().values() if group.symbol != SOL]
            assert {group.close_reason for group in closed} == {Reason.LIMIT_BREACHED}
        else:
            assert len(live) == 2
            assert {order.role.value for group in live for order in group.open_orders()} == {"take_profit"}
            assert {group.state for group in live} == {GroupState.ACTIVE}


def lose_and_be_killed(town: Town, rng: random.Random) -> None:
    """The loss is made; the process dies a few times while its consequence is carried out."""
    town.submit(town.signal(SOL))
    town.price(SOL, "97")
    leaves = town.signal(SOL, None, Intent.EXIT)
    town.send(leaves)
    for _ in range(3):
        town.run_a_while(rng.randrange(5, 60))
        town.kill()
    town.submit(leaves)
    town.settle()
