"""Both sides of one instrument: what a one-way account must wait for and a hedge account may do (GRP-6)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from actors import messages as m
from actors.rules.choices import Market, PositionMode, TpMode
from actors.rules.model import Group, Intent, Outcome, Reason, Role, Side
from actors.rules.profit import held
from actors.rules.settings import AccountSettings, LimitSettings
from daemon.exchanges.settlement import PaperPosition
from tests.actors.pool_alone import PoolAlone, entry
from tests.actors.town import ACCOUNT, ROUND, Town, account_settings, town_settings
from tests.rules.builders import swap

D = Decimal
PERP = "BTC/USDT:USDT"
BOTH = list(PositionMode)


def pool(mode: PositionMode, **limits: Any) -> PoolAlone:
    account = AccountSettings(name=ACCOUNT, market=Market.SWAP, position_mode=mode)
    settings = replace(town_settings(), accounts={ACCOUNT: account}, limits=LimitSettings(**limits))
    return PoolAlone(settings=settings, instruments=(swap(account=ACCOUNT),))


@pytest.mark.rule("GRP-6")
@pytest.mark.parametrize("is_live", [False, True], ids=["draft", "live"])
@pytest.mark.parametrize("first", list(Side))
def test_a_hedge_account_opens_both_sides_of_an_instrument(first: Side, is_live: bool) -> None:
    alone = pool(PositionMode.HEDGE)
    alone.submit(entry("15m", symbol=PERP, side=first))
    if is_live:
        alone.opened(alone.life.one(m.OpenGroup))
    else:
        alone.life.one(m.OpenGroup)
    alone.submit(entry("4h", symbol=PERP, side=first.opposite))
    assert alone.life.one(m.OpenGroup).side is first.opposite


@pytest.mark.rule("GRP-6", "QUE-8")
def test_on_one_key_the_other_side_waits_in_hedge_mode_too() -> None:
    alone = pool(PositionMode.HEDGE)
    alone.live(entry("1h", symbol=PERP))
    alone.submit(entry("1h", symbol=PERP, side=Side.SHORT))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.OPPOSITE_SIDE


@pytest.mark.rule("GRP-6", "POOL-3")
@pytest.mark.parametrize("mode", BOTH)
def test_groups_of_both_sides_count_for_the_symbol(mode: PositionMode) -> None:
    alone = pool(mode, max_groups_per_symbol=1)
    alone.live(entry("1h", symbol=PERP))
    alone.submit(entry("4h", symbol=PERP, side=Side.SHORT))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.MAX_GROUPS_PER_SYMBOL


def swap_town(folder: Path, mode: PositionMode) -> Town:
    account = account_settings(
        market=Market.SWAP,
        position_mode=mode,
        symbols=(PERP,),
        start_prices={PERP: D(100)},
        instruments={PERP: ROUND},
    )
    settings = town_settings(max_open_groups=5, tp_mode=TpMode.AGGREGATE)
    town = Town(folder, settings=replace(settings, accounts={ACCOUNT: account}), rush=0.01)
    town.settle()
    return town


def open_group(town: Town, side: Side, timeframe: str) -> Group:
    sent = town.signal(PERP, "100", side=side, timeframe=timeframe)
    assert town.submit(sent).outcome is Outcome.OPENED
    return town.group_of(sent.key)


def at_venue(town: Town) -> dict[Side, Decimal]:
    positions: list[PaperPosition] = list(town.venue._book.settlement.positions())
    return {position.side: position.quantity for position in positions if position.quantity}


def held_by(town: Town, side: Side) -> Decimal:
    return sum((held(group) for group in town.groups().values() if group.side is side), D(0))


@pytest.mark.rule("GRP-6", "TP-7", "PNL-2", "ORD-9")
def test_in_hedge_mode_each_side_fills_is_protected_and_ends_by_itself(tmp_path: Path) -> None:
    with swap_town(tmp_path, PositionMode.HEDGE) as town:
        long, short = open_group(town, Side.LONG, "1h"), open_group(town, Side.SHORT, "4h")
        town.price(PERP, "99.5")
        assert at_venue(town) == {Side.LONG: D("4.010"), Side.SHORT: D("2.000")}
        town.price(PERP, "100.5")
        assert {side: held_by(town, side) for side in Side} == at_venue(town)
        for group in (town.group_of(long.key), town.group_of(short.key)):
            for order in group.open_orders():
                assert order.reduce_only is (order.role is not Role.ENTRY)
                assert order.side is (group.side.entry if order.role is Role.ENTRY else group.side.exit)
        town.submit(town.signal(PERP, None, Intent.EXIT, side=Side.LONG, timeframe="1h"))
        town.pass_time(2_000)
        assert Side.LONG not in at_venue(town)
        assert at_venue(town)[Side.SHORT] == held_by(town, Side.SHORT) > 0
        town.submit(town.signal(PERP, None, Intent.EXIT, side=Side.SHORT, timeframe="4h"))
        town.pass_time(2_000)
        assert at_venue(town) == {}
        town.books()
        town.check_profit()


@pytest.mark.rule("GRP-6", "TP-7", "PNL-2")
@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("mode", BOTH)
def test_two_groups_of_one_side_share_a_position_and_never_each_others_part(
    tmp_path: Path, side: Side, mode: PositionMode
) -> None:
    with swap_town(tmp_path, mode) as town:
        first, second = open_group(town, side, "15m"), open_group(town, side, "4h")
        town.price(PERP, "99.5" if side is Side.LONG else "100.5")
        mine = held(town.group_of(second.key))
        assert at_venue(town) == {side: held_by(town, side)}
        town.submit(town.signal(PERP, None, Intent.EXIT, side=side, timeframe="15m"))
        town.pass_time(2_000)
        assert at_venue(town) == {side: mine}
        assert held(town.group_of(second.key)) == mine
        town.price(PERP, "110" if side is Side.LONG else "90")
        town.pass_time(2_000)
        assert at_venue(town) == {}
        assert {group.group_id for group in town.groups().values()} >= {first.group_id, second.group_id}
        town.books()
        town.check_profit()


@pytest.mark.rule("GRP-6", "QUE-8")
def test_on_a_one_way_account_the_other_side_opens_when_the_last_group_of_this_side_is_gone(tmp_path: Path) -> None:
    with swap_town(tmp_path, PositionMode.ONE_WAY) as town:
        open_group(town, Side.LONG, "15m")
        open_group(town, Side.LONG, "1h")
        sent = town.signal(PERP, "100", side=Side.SHORT, timeframe="4h")
        answer = town.submit(sent)
        assert (answer.outcome, answer.reason) == (Outcome.QUEUED, Reason.OPPOSITE_ON_INSTRUMENT)
        for timeframe in ("15m", "1h"):
            assert at_venue(town).keys() == {Side.LONG}
            town.submit(town.signal(PERP, None, Intent.EXIT, side=Side.LONG, timeframe=timeframe))
            town.pass_time(2_000)
        assert town.outcomes()[sent.idempotency_key] == "opened"
        assert at_venue(town).keys() == {Side.SHORT}
        town.check()
