"""What a venue's bounds of price and value do to ladders, targets and closes (PRC-1, PRC-7)."""

from __future__ import annotations

import pytest

from actors.rules import ladder as ladders
from actors.rules.choices import BelowMinimum
from actors.rules.ladder import PlanRefused
from actors.rules.model import GroupState, Instrument, OrderType, Reason, Role, Side, TimeInForce
from actors.rules.settings import FeeSettings, StrategySettings
from tests.rules.builders import D, levels, quote, signal, spot, strategy, swap
from tests.rules.venue import Story, bounded, closed, ladder


def plan(settings: StrategySettings, instrument: Instrument) -> object:
    return ladders.plan(
        side=Side.LONG,
        index=0,
        signal=signal(),
        settings=settings,
        instrument=instrument,
        quote=quote("100"),
        entry_price=D(100),
        below_minimum=BelowMinimum.SKIP,
        fees=FeeSettings(),
        max_slippage_percent=D(1),
    )


@pytest.mark.rule("POOL-5", "PRC-7")
@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"min_price": D(99)}, "leg 1 at 98: the price is below the lowest the venue takes, 99"),
        ({"max_price": D(99)}, "leg 0 at 100: the price is above the highest the venue takes, 99"),
    ],
)
def test_a_leg_beyond_the_venues_prices_is_refused_before_anything_is_sent(
    bounds: dict[str, object], words: str
) -> None:
    answer = plan(strategy(levels=levels(("0", "50", "1"), ("2", "50", "1"))), spot(**bounds))
    assert isinstance(answer, PlanRefused)
    assert (answer.reason, answer.detail) == (Reason.BAD_PRICE, words)


@pytest.mark.rule("PRC-7", "TP-2")
def test_a_target_above_the_venues_greatest_price_waits_and_its_group_lives_on() -> None:
    story = Story(ladder(("0", "100", "10")), instrument=spot(max_price=D(105)))
    story.fill(story.entry(0))
    assert story.orders(Role.TAKE_PROFIT) == []
    assert story.state() is GroupState.ACTIVE
    story.close()
    story.fill(story.closing())
    assert closed(story)


@pytest.mark.rule("PRC-1", "TP-6")
def test_a_long_target_rests_far_above_a_band_that_binds_buys_only() -> None:
    story = Story(ladder(("0", "100", "30")), instrument=swap(buy_band_up=D("1.15"), sell_band_down=D("0.85")))
    story.fill(story.entry(0))
    assert story.order(story.target(0)).price == D(130)


@pytest.mark.rule("EXIT-4", "PRC-7")
def test_a_bounded_close_stays_inside_the_band_however_much_slippage_is_allowed() -> None:
    story = Story(
        ladder(("0", "100", "10")),
        instrument=swap(sell_band_down=D("0.8")),
        execution=bounded(max_slippage_percent=D(60)),
    )
    story.fill(story.entry(0))
    story.close()
    story.confirm_cancels()
    order = story.order(story.closing())
    assert (order.type, order.time_in_force, order.price) == (OrderType.LIMIT, TimeInForce.IOC, D(85))


@pytest.mark.rule("EXIT-1", "PRC-6")
def test_what_a_market_order_may_not_carry_is_sold_by_an_immediate_one() -> None:
    """Worth 5.2, of which a market order must have 5.25; a limit order takes it from 5 on."""
    story = Story(ladder(("0", "100", "10"), capital="5.2"), instrument=spot(market_min_notional=D("5.25")))
    story.fill(story.entry(0))
    story.close()
    story.confirm_cancels()
    order = story.order(story.closing())
    assert (order.type, order.time_in_force) == (OrderType.LIMIT, TimeInForce.IOC)
    assert order.price is not None
    assert D(5) <= order.price * order.quantity <= D("5.2")
    story.fill(story.closing())
    assert closed(story)
    assert story.group.dust == 0


@pytest.mark.rule("EXIT-4", "PRC-6")
def test_a_bound_below_the_least_value_gives_way_to_it() -> None:
    """At the slippage bound of 99 it would be worth 4.95: it is not dust for that."""
    story = Story(ladder(("0", "100", "10"), capital="5"), execution=bounded(max_slippage_percent=D(1)))
    story.fill(story.entry(0))
    story.close()
    story.confirm_cancels()
    assert story.order(story.closing()).price == D(100)


@pytest.mark.rule("PRC-6", "EXIT-1")
@pytest.mark.parametrize(("least", "is_sold"), [(D(0), True), (None, False)])
def test_a_small_rest_of_a_swap_is_closed_where_orders_that_reduce_may_be_small(least: object, is_sold: bool) -> None:
    story = Story(ladder(("0", "100", "10")), instrument=swap(exit_min_notional=least))
    story.fill(story.entry(0), "0.002")
    assert bool(story.orders(Role.TAKE_PROFIT)) is is_sold
    story.close()
    story.confirm_cancels()
    if is_sold:
        assert story.order(story.closing()).quantity == D("0.002")
        story.fill(story.closing())
    assert closed(story)
    assert story.group.dust == (0 if is_sold else D("0.002"))


@pytest.mark.rule("TP-10", "PRC-7")
def test_a_target_worth_more_than_one_order_may_be_is_split() -> None:
    story = Story(ladder(("0", "100", "10")), instrument=spot(max_notional=D(1000)))
    story.fill(story.entry(0), "10")
    assert [order.quantity for order in story.orders(Role.TAKE_PROFIT)] == [D("9.090"), D("0.910")]
