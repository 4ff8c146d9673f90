"""What a group binds of the pool's capital (POOL-3)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.rules.choices import Market, World
from actors.rules.model import (
    Group,
    GroupState,
    Instrument,
    Key,
    Leg,
    Order,
    OrderSide,
    OrderState,
    OrderType,
    Pyramid,
    Reason,
    Role,
    Side,
)
from actors.rules.reserve import planned, reserved
from actors.rules.settings import StrategySettings

pytestmark = pytest.mark.rule("POOL-3")


def leg(index: int, **changed: object) -> Leg:
    plain = Leg(
        pyramid=0,
        index=index,
        gap_percent=Decimal(index),
        weight_percent=Decimal(50),
        tp_percent=Decimal(1),
        price=Decimal(100 - index),
        quantity=Decimal(2),
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def entry(index: int, **changed: object) -> Order:
    plain = Order(
        client_order_id=f"entry-{index}",
        group_id="g",
        account="paper",
        symbol="BTC/USDT",
        pyramid=0,
        leg=index,
        role=Role.ENTRY,
        attempt=1,
        side=OrderSide.BUY,
        type=OrderType.LIMIT,
        price=Decimal(100 - index),
        quantity=Decimal(2),
        create_time_ms=0,
        update_time_ms=0,
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def group(legs: tuple[Leg, ...], *orders: Order, contract_size: str = "1", **changed: object) -> Group:
    instrument = Instrument(
        account="paper",
        symbol="BTC/USDT",
        venue_symbol="BTCUSDT",
        base="BTC",
        quote="USDT",
        market=Market.SPOT,
        tick_size=Decimal("0.01"),
        step_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(5),
        contract_size=Decimal(contract_size),
    )
    ladder = Pyramid(
        index=0, signal_id="s", entry_price=Decimal(100), capital=Decimal(400), legs=legs, create_time_ms=0
    )
    plain = Group(
        group_id="g",
        world=World.PAPER,
        key=Key(account="paper", symbol="BTC/USDT", timeframe="1h"),
        side=Side.LONG,
        state=GroupState.LIVE,
        instrument=instrument,
        settings=StrategySettings(),
        slot_token="slot",
        forced=False,
        signal_id="s",
        opened_stamp_ms=0,
        create_time_ms=0,
        update_time_ms=0,
        pyramids=(ladder,),
        orders={order.client_order_id: order for order in orders},
    )
    return replace(plain, **changed)  # type: ignore[arg-type]


def test_open_entries_bind_what_could_still_fill() -> None:
    part = entry(0, state=OrderState.PARTIALLY_FILLED, filled_quantity=Decimal("0.5"))
    bought = leg(0, bought_quantity=Decimal("0.5"))
    assert reserved(group((bought, leg(1)), part, entry(1))) == Decimal("1.5") * 100 + 2 * 99


def test_legs_that_are_not_placed_yet_bind_their_whole_cost() -> None:
    assert reserved(group((leg(0), leg(1)))) == 200 + 198
    assert reserved(group((leg(0), leg(1)), entry(0))) == 200 + 198


def test_an_entry_that_was_refused_and_will_be_tried_again_still_binds() -> None:
    assert reserved(group((leg(0),), entry(0, state=OrderState.REJECTED))) == 200


def test_a_filled_leg_binds_nothing() -> None:
    filled = entry(0, state=OrderState.FILLED, filled_quantity=Decimal(2))
    assert reserved(group((leg(0, bought_quantity=Decimal(2)),), filled)) == 0


def test_a_leg_that_was_given_up_binds_only_what_its_order_could_still_buy() -> None:
    given_up = leg(0, cancel_reason=Reason.ENTRY_TTL)
    assert reserved(group((given_up,), entry(0, cancel_requested=True))) == 200
    assert reserved(group((given_up,), entry(0, state=OrderState.CANCELLED))) == 0


@pytest.mark.parametrize("state", [GroupState.CLOSING, GroupState.CLOSED])
def test_a_group_that_closes_places_nothing_more(state: GroupState) -> None:
    assert reserved(group((leg(0), leg(1)), state=state)) == 0
    assert reserved(group((leg(0), leg(1)), entry(0), state=state)) == 200


def test_a_market_entry_counts_at_the_worse_of_its_expected_and_its_planned_price() -> None:
    market = entry(0, type=OrderType.MARKET, price=None, expected_price=Decimal(103))
    assert reserved(group((leg(0),), market)) == 206
    assert reserved(group((leg(0),), replace(market, expected_price=Decimal(90)))) == 200
    assert reserved(group((leg(0),), replace(market, expected_price=None))) == 200


def test_targets_and_closes_bind_nothing() -> None:
    filled = leg(0, bought_quantity=Decimal(2))
    target = entry(0, client_order_id="target", role=Role.TAKE_PROFIT, side=OrderSide.SELL)
    assert reserved(group((filled,), target)) == 0


def test_contracts_count_by_their_size() -> None:
    assert reserved(group((leg(0), leg(1)), entry(0), contract_size="0.01")) == Decimal("3.98")


def test_planned_is_the_capital_of_every_ladder_filled_or_not() -> None:
    one = group((leg(0, bought_quantity=Decimal(2)),))
    second = replace(one.pyramids[0], index=1, capital=Decimal("150.5"))
    assert planned(one) == 400
    assert planned(replace(one, pyramids=(*one.pyramids, second))) == Decimal("550.5")
    assert planned(replace(one, pyramids=())) == 0
