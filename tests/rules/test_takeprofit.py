"""Where targets are, and how they rest, move and are hit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import states, takeprofit
from actors.rules.choices import FeePaidIn, Market, OnFlat, TpExecution, TpMode
from actors.rules.events import Direction, PriceCrossed, SetWatches, WakeAt
from actors.rules.model import (
    GroupState,
    LegState,
    OrderSide,
    OrderState,
    OrderType,
    Quote,
    Reason,
    Role,
    Side,
)
from tests.rules.builders import D, spot, swap
from tests.rules.venue import ONE, TWO, Story, closed, ladder

AGGREGATE: dict[str, Any] = {"tp_mode": TpMode.AGGREGATE}
WATCHED: dict[str, Any] = {"tp_mode": TpMode.AGGREGATE, "tp_execution": TpExecution.WATCHED}
BY_PYRAMID: dict[str, Any] = {"tp_mode": TpMode.PYRAMID_AGGREGATE}
HYBRID: dict[str, Any] = {"tp_mode": TpMode.HYBRID}


def resting(story: Story) -> list[tuple[int | None, int | None, str, str]]:
    """Pyramid, leg, price and remaining quantity of every target that is not final."""
    return [(o.pyramid, o.leg, str(o.price), str(o.remaining)) for o in story.orders(Role.TAKE_PROFIT)]


# --- per leg ---


@pytest.mark.rule("TP-2", "TP-1", "PRC-2")
def test_the_worked_ladder_has_the_targets_of_the_table() -> None:
    story = Story()
    for leg in range(5):
        story.fill(story.entry(leg))
    assert resting(story) == [
        (0, 0, "101.00", "2.000"),
        (0, 1, "100.00", "2.010"),
        (0, 2, "100.98", "2.020"),
        (0, 3, "99.98", "2.030"),
        (0, 4, "98.98", "2.040"),
    ]
    assert {(o.side, o.type) for o in story.orders(Role.TAKE_PROFIT)} == {(OrderSide.SELL, OrderType.LIMIT)}


@pytest.mark.rule("TP-1")
def test_a_target_comes_from_the_actual_average_not_from_the_planned_price() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0), "4", "99.00")
    story.fill(story.entry(0), "6", "98.00")
    story.wait("0.5")
    story.confirm_cancels()
    assert resting(story) == [(0, 0, "99.39", "10.000")]  # 98.4 x 1.01 = 99.384, rounded up.


@pytest.mark.rule("TP-2")
def test_a_target_rests_reduce_only_on_a_swap_and_plainly_on_spot() -> None:
    for instrument in (swap(), spot()):
        story = Story(ladder(*ONE), instrument=instrument)
        story.fill(story.entry(0))
        assert story.order(story.target(0)).reduce_only is (instrument.market is Market.SWAP)


@pytest.mark.rule("TP-8")
def test_a_hit_target_closes_its_own_leg_only_and_the_group_goes_on() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0))
    story.fill(story.entry(1))
    story.fill(story.target(1))
    assert story.leg(1).lot.quantity == 0
    assert story.leg(0).lot.quantity == 5
    assert story.state() is GroupState.ACTIVE
    assert states.leg_state(story.group, story.leg(1)) is LegState.TP_HIT
    assert states.leg_state(story.group, story.leg(0)) is LegState.FILLED
    assert "target.hit" in story.note_types()
    story.fill(story.target(0))
    assert closed(story)
    assert story.group.close_reason is Reason.FLAT


@pytest.mark.rule("ORD-6")
def test_a_partial_fill_gets_its_target_as_soon_as_it_is_sendable() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0), "0.049")  # 4.95 at the target, below the minimum of 5.
    assert resting(story) == []
    assert states.uncovered(story.group, story.leg(0)) == D("0.049")
    story.fill(story.entry(0), "0.001")
    assert resting(story) == [(0, 0, "101.00", "0.050")]
    assert states.uncovered(story.group, story.leg(0)) == 0


@pytest.mark.rule("ORD-6", "TP-10")
def test_further_fills_resize_the_target_by_one_replacement_that_waits_for_the_certain_cancel() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0), "1")
    first = story.target(0)
    story.fill(story.entry(0), "1")
    assert not story.order(first).cancel_requested, "at most once per tp_reprice_ms"
    assert story.wake_ms == story.now_ms + 500
    story.wait("0.5")
    assert story.cancels == [first]
    story.fill(story.entry(0), "1")
    assert resting(story) == [(0, 0, "101.00", "1.000")], "one replacement in flight"
    story.end(first)
    assert resting(story) == [(0, 0, "101.00", "3.000")]


@pytest.mark.rule("TP-7", "ORD-8")
def test_a_target_that_fills_while_its_cancel_is_under_way_is_taken_as_filled() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0), "1")
    story.fill(story.entry(0), "1")
    story.wait("0.5")
    story.fill(story.target(0))
    assert story.leg(0).lot.quantity == 1
    assert resting(story) == [(0, 0, "101.00", "1.000")]


@pytest.mark.rule("TP-10")
def test_nothing_is_replaced_for_less_than_a_step_or_a_tick() -> None:
    story = Story(ladder(*TWO), fee_percent="0.1")
    story.fill(story.entry(0), "1")  # Holds 0.999.
    story.fill(story.entry(0), "0.0009")
    story.wait("60")
    assert story.cancels == []
    assert resting(story) == [(0, 0, "101.00", "0.999")]


@pytest.mark.rule("TP-10")
def test_a_target_above_the_maximum_quantity_is_split_with_no_part_too_small() -> None:
    story = Story(ladder(("0", "100", "1"), capital="300.2"))
    story.instrument = spot(max_quantity=D("1"))
    story.fill(story.entry(0))
    assert [quantity for _, _, _, quantity in resting(story)] == ["1.000", "1.000", "0.952", "0.050"]
    for order in story.orders(Role.TAKE_PROFIT):
        story.fill(order.client_order_id)
    assert closed(story)


@pytest.mark.rule("PRC-1")
def test_a_target_outside_the_price_band_is_placed_when_the_band_has_moved() -> None:
    story = Story(ladder(("0", "100", "10")), instrument=spot(band_up=D("1.05")))
    story.fill(story.entry(0))
    assert resting(story) == []
    story.price("106")
    story.wait("15")
    assert resting(story) == [(0, 0, "110.00", "10.000")]


# --- fees ---


@pytest.mark.rule("TP-1")
@pytest.mark.parametrize("fee_in", FeePaidIn)
@pytest.mark.parametrize("side", Side)
def test_net_of_fees_the_percentage_is_what_remains_of_the_invested_cost(fee_in: FeePaidIn, side: Side) -> None:
    instrument = spot(step_size=D("0.000000001"), tick_size=D("0.00000001"), min_notional=D(0))
    if side is Side.SHORT:
        instrument = swap(step_size=D("0.000000001"), tick_size=D("0.00000001"), min_notional=D(0))
    plan = ladder(*ONE, instrument=instrument, side=side)
    story = Story(plan, instrument=instrument, side=side, fee_percent="0.1", fee_in=fee_in, tp_net_of_fees=True)
    story.fill(story.entry(0))
    invested = story.leg(0).lot.cost
    story.fill(story.target(0))
    assert closed(story)
    assert abs(story.group.realized / invested * 100 - 1) < D("0.00001")


@pytest.mark.rule("TP-1")
def test_without_it_the_percentage_is_on_the_price() -> None:
    story = Story(ladder(*ONE), fee_percent="0.1")
    story.fill(story.entry(0))
    assert story.order(story.target(0)).price == D("101.00")


# --- rounding and what it leaves over ---


@pytest.mark.rule("PRC-6", "PRC-5")
def test_what_rounding_leaves_over_goes_into_the_next_sale_and_the_last_sale_is_everything() -> None:
    story = Story(fee_percent="0.1")
    for leg in range(5):
        story.fill(story.entry(leg))
    assert resting(story) == [
        (0, 0, "101.00", "1.998"),
        (0, 1, "100.00", "2.007"),
        (0, 2, "100.98", "2.017"),
        (0, 3, "99.98", "2.027"),
        (0, 4, "98.98", "2.037"),
    ]
    story.fill(story.target(4))
    assert story.group.loose.quantity == D("0.00096")
    story.wait("0.5")
    story.confirm_cancels()
    assert (0, 3, "99.98", "2.028") in resting(story), "2.02797 + 0.00096"
    for leg in (3, 1, 2, 0):
        story.wait("0.5")
        story.confirm_cancels()
        story.fill(story.target(leg))
    bought = D("10.1") * D("0.999")
    assert closed(story)
    assert story.group.dust == bought - D("10.089")
    assert 0 < story.group.dust < D("0.001")
    assert story.group.dust_value == story.group.dust * 100


@pytest.mark.rule("PRC-6")
def test_a_leftover_that_is_sendable_alone_gets_a_target_of_its_own() -> None:
    story = Story(instrument=spot(min_notional=D("0.05")), fee_percent="0.1")
    for leg in range(5):
        story.fill(story.entry(leg))
    for leg in range(5):
        story.venue.fill(story.target(leg))
    story.report(*(story.target(leg) for leg in range(5)))
    loose = story.group.loose
    assert loose.quantity == D("0.0039")
    assert [(p, leg, quantity) for p, leg, _, quantity in resting(story)] == [(None, None, "0.003")]
    story.fill(story.group_target())
    assert closed(story)
    assert story.group.dust == D("0.0009")


@pytest.mark.rule("PRC-6")
def test_a_part_too_small_to_sell_alone_joins_the_next_target_when_its_entry_is_over() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0), "0.04")
    story.fill(story.entry(1))
    story.end(story.entry(0))
    assert story.leg(0).lot.quantity == 0
    story.wait("0.5")
    story.confirm_cancels()
    assert resting(story) == [(0, 1, "100.98", "5.090")]


# --- aggregate ---


@pytest.mark.rule("TP-3", "TP-6")
def test_the_aggregate_target_rests_at_the_average_and_moves_with_each_fill() -> None:
    story = Story(ladder(*TWO), **AGGREGATE)
    story.fill(story.entry(0))
    assert resting(story) == [(None, None, "101.00", "5.000")]
    story.wait("1")
    story.fill(story.entry(1))
    story.confirm_cancels()
    assert resting(story) == [(None, None, "100.50", "10.050")]  # (500 + 499.95) / 10.05 x 1.01, rounded up.
    story.pyramid(ladder(*ONE, entry="110"))
    story.wait("1")
    story.fill(story.entry(0, pyramid=1))
    story.confirm_cancels()
    assert resting(story) == [(None, None, "105.54", "19.140")]
    story.fill(story.group_target())
    assert closed(story)
    assert {states.leg_state(story.group, leg) for leg in story.group.legs()} == {LegState.TP_HIT}


@pytest.mark.rule("TP-3")
def test_a_partly_filled_aggregate_target_takes_from_all_legs_and_keeps_its_price() -> None:
    story = Story(ladder(*TWO), **AGGREGATE)
    story.fill(story.entry(0))
    story.fill(story.entry(1))
    story.wait("1")
    story.confirm_cancels()
    price = story.order(story.group_target()).price
    story.fill(story.group_target(), "3.333")
    story.wait("1")
    assert story.cancels == [story.group_target()[:-1] + "1"]
    assert story.order(story.group_target()).price == price
    shares = [leg.sold_quantity for leg in story.group.legs()]
    assert sum(shares) == D("3.333")
    assert all(share > 1 for share in shares)


@given(
    fills=st.lists(st.tuples(st.integers(1, 5000), st.integers(-300, 300)), min_size=1, max_size=6),
    sold=st.integers(1, 4999),
)
@pytest.mark.rule("TP-3", "PNL-1")
def test_selling_a_part_never_moves_the_aggregate_target(fills: list[tuple[int, int]], sold: int) -> None:
    story = Story(ladder(("0", "100", "1"), capital="100000"), **AGGREGATE)
    for quantity, ticks in fills:
        story.fill(story.entry(0), str(D(quantity) / 1000), str(100 + D(ticks) / 100))
    story.wait("1")
    story.confirm_cancels()
    orders = story.orders(Role.TAKE_PROFIT)
    if not orders or orders[0].remaining * 1000 <= sold:
        return
    before = takeprofit.targets(story.group, story.fees)[0].price
    story.fill(orders[0].client_order_id, str(D(sold) / 1000))
    assert takeprofit.targets(story.group, story.fees)[0].price == before


@pytest.mark.rule("TP-6", "TP-3", "ORD-10")
def test_a_watched_aggregate_target_closes_the_position_by_market_when_it_is_crossed() -> None:
    story = Story(ladder(*ONE), **WATCHED)
    story.fill(story.entry(0))
    assert resting(story) == []
    watch = story.watches[0]
    assert (watch.watch_id, watch.direction, watch.price, watch.book_side) == (
        "aggregate",
        Direction.AT_OR_ABOVE,
        D("101.00"),
        "bid",
    )
    story.cross("aggregate", "101")
    order = story.order(story.closing())
    assert (order.type, order.quantity, order.expected_price) == (OrderType.MARKET, D("10"), D("101"))
    assert story.watches == ()
    story.fill(story.closing())
    assert closed(story)
    assert story.group.close_reason is Reason.FLAT
    assert states.leg_state(story.group, story.leg(0)) is LegState.TP_HIT


@pytest.mark.rule("TP-6")
def test_a_watched_short_target_looks_at_the_ask_from_above() -> None:
    story = Story(ladder(*ONE, side=Side.SHORT, instrument=swap()), side=Side.SHORT, instrument=swap(), **WATCHED)
    story.fill(story.entry(0))
    watch = story.watches[0]
    assert (watch.direction, watch.price, watch.book_side) == (Direction.AT_OR_BELOW, D("99.00"), "ask")
    story.cross("aggregate", "99")
    assert story.order(story.closing()).side is OrderSide.BUY


@pytest.mark.rule("ORD-10")
def test_a_watched_target_is_not_acted_on_at_a_stale_price_but_looked_at_again() -> None:
    story = Story(ladder(*ONE), **WATCHED)
    story.fill(story.entry(0))
    old = Quote(bid=D(101), ask=D(101), time_ms=story.now_ms - 31_000)
    story.quote = None
    story.step(PriceCrossed(watch_id="aggregate", quote=old))
    assert story.orders(Role.CLOSE) == []
    assert "price_stale" in story.group.flags
    assert story.effects(SetWatches) == []
    story.price("100")
    story.wait("1")
    assert story.effects(SetWatches)[0].watches == story.watches
    assert story.group.flags == ()


@pytest.mark.rule("TP-3")
def test_a_crossing_that_the_target_has_moved_away_from_sets_the_watch_again() -> None:
    story = Story(ladder(*ONE), **WATCHED)
    story.fill(story.entry(0))
    before = story.group
    story.cross("aggregate", "100.99")
    assert story.group is before
    assert [effect.watches for effect in story.effects(SetWatches)] == [story.watches]


def test_a_crossing_of_a_watch_the_group_does_not_have_does_nothing() -> None:
    story = Story(ladder(*ONE), **WATCHED)
    before = story.group
    story.cross("aggregate", "200")
    assert story.group is before
    assert {type(effect) for effect in story.decision.effects} == {WakeAt}


# --- hybrid ---


@pytest.mark.rule("TP-4")
def test_hybrid_rests_leg_targets_and_an_aggregate_trigger_cancels_them_and_closes_the_rest() -> None:
    story = Story(ladder(("0", "50", "5"), ("1", "50", "0.5")), **HYBRID)
    story.fill(story.entry(0))
    story.fill(story.entry(1))
    assert resting(story) == [(0, 0, "105.00", "5.000"), (0, 1, "99.50", "5.050")]
    story.fill(story.target(1))
    assert story.watches[0].price == D("101.00"), "the average covers what is still open"
    story.cross("aggregate", "101")
    assert story.group.hybrid_hit
    assert story.cancels == [story.target(0)]
    assert story.orders(Role.CLOSE) == [], "nothing is certainly free yet"
    story.end(story.target(0))
    assert story.order(story.closing()).quantity == 5
    story.fill(story.closing())
    assert closed(story)
    assert not story.group.hybrid_hit


@pytest.mark.rule("TP-4", "TP-7")
def test_a_leg_target_that_fills_during_the_trigger_is_not_sold_twice() -> None:
    story = Story(ladder(*TWO), **HYBRID)
    story.fill(story.entry(0))
    story.fill(story.entry(1))
    story.cross("aggregate", "102")
    story.fill(story.target(0))
    assert story.orders(Role.CLOSE) == []
    story.end(story.target(1))
    assert story.order(story.closing()).quantity == D("5.05")
    story.fill(story.closing())
    assert closed(story)
    assert story.venue.base == 0


@pytest.mark.rule("TP-4", "GRP-4")
def test_after_a_trigger_a_kept_ladder_goes_on_waiting() -> None:
    story = Story(ladder(*TWO), on_flat=OnFlat.KEEP, **HYBRID)
    story.fill(story.entry(0))
    story.cross("aggregate", "101")
    story.confirm_cancels()
    story.fill(story.closing())
    assert story.state() is GroupState.LIVE
    assert not story.group.hybrid_hit
    assert not story.order(story.entry(1)).cancel_requested
    story.fill(story.entry(1))
    assert resting(story) == [(0, 1, "100.98", "5.050")]


@pytest.mark.rule("TP-4")
def test_no_pyramid_joins_a_position_that_is_being_closed_by_its_target() -> None:
    from actors.rules.events import PyramidAdded
    from tests.rules.builders import signal

    story = Story(ladder(*ONE), **HYBRID)
    story.fill(story.entry(0))
    story.cross("aggregate", "101")
    event = PyramidAdded(signal=signal(signal_id="signal-2"), plan=ladder(*ONE))
    assert story.refused(event).reason is Reason.GROUP_CLOSING


# --- per pyramid ---


@pytest.mark.rule("TP-5")
def test_each_pyramid_closes_as_one_unit_at_its_own_average_and_percentage() -> None:
    story = Story(ladder(*TWO), tp_by_pyramid={0: D("0.8")}, tp_percent=D(3), **BY_PYRAMID)
    story.pyramid(ladder(*ONE, entry="110"))
    story.fill(story.entry(0))
    story.fill(story.entry(0, pyramid=1))
    assert resting(story) == [(0, None, "100.80", "5.000"), (1, None, "113.30", "9.090")]
    story.wait("1")
    story.fill(story.entry(1))
    story.confirm_cancels()
    assert resting(story) == [(1, None, "113.30", "9.090"), (0, None, "100.30", "10.050")]
    story.fill(story.target(pyramid=0))
    assert story.state() is GroupState.ACTIVE
    assert [leg.lot.quantity for leg in story.group.legs()] == [0, 0, D("9.09")]


@pytest.mark.rule("TP-5", "TP-6", "TP-8")
def test_a_watched_pyramid_target_closes_that_pyramid_only() -> None:
    story = Story(ladder(*ONE), tp_execution=TpExecution.WATCHED, **BY_PYRAMID)
    story.pyramid(ladder(*TWO, entry="90"))
    story.fill(story.entry(0))
    story.fill(story.entry(0, pyramid=1))
    assert [(watch.watch_id, watch.price) for watch in story.watches] == [
        ("pyramid:0", D("101.00")),
        ("pyramid:1", D("90.90")),
    ]
    story.cross("pyramid:1", "90.90")
    order = story.order(story.closing(pyramid=1))
    assert (order.pyramid, order.quantity) == (1, story.leg(0, pyramid=1).lot.quantity)
    assert [pyramid.watch_hit for pyramid in story.group.pyramids] == [False, True]
    assert [watch.watch_id for watch in story.watches] == ["pyramid:0"]
    story.fill(story.closing(pyramid=1))
    assert [pyramid.watch_hit for pyramid in story.group.pyramids] == [False, False]
    assert story.leg(0).lot.quantity == 10
    assert story.state() is GroupState.PARTIALLY_FILLED
    assert not story.order(story.entry(1, pyramid=1)).cancel_requested


@pytest.mark.rule("TP-5", "TP-7", "PRC-6")
def test_two_pyramids_that_are_closed_at_once_take_the_loose_remainder_along_once() -> None:
    story = Story(ladder(*ONE), tp_execution=TpExecution.WATCHED, **BY_PYRAMID)
    story.pyramid(ladder(*ONE), "signal-2")
    story.pyramid(ladder(*ONE), "signal-3")
    story.fill(story.entry(0))
    story.fill(story.entry(0, pyramid=1))
    story.fill(story.entry(0, pyramid=2), "0.04")
    story.end(story.entry(0, pyramid=2))
    assert story.group.loose.quantity == D("0.04")
    story.cross("pyramid:0", "101")
    story.cross("pyramid:1", "101")
    assert [order.quantity for order in story.orders(Role.CLOSE)] == [D("10.04"), D("10")]
    story.fill(story.closing(pyramid=0))
    story.fill(story.closing(pyramid=1))
    assert closed(story)
    assert story.group.dust == 0


# --- refused, lost, replaced ---


@pytest.mark.rule("ORD-13")
@pytest.mark.parametrize("state", [OrderState.CANCELLED, OrderState.EXPIRED])
def test_a_target_lost_from_outside_is_replaced_with_an_alert(state: OrderState) -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    story.end(story.target(0), state)
    assert "target_lost" in story.alerts()
    story.wait("0.25")
    assert resting(story) == [(0, 0, "101.00", "10.000")]


def test_a_refused_target_is_flagged_and_tried_again_with_growing_pauses() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    for pause_ms in (250, 500, 1000):
        story.reject(story.target(0))
        assert story.group.flags == ("target_failing",)
        assert story.wake_ms == story.now_ms + pause_ms
        story.wait(str(D(pause_ms) / 1000))
        assert len(story.submitted()) == 1
    assert "target_failing" in story.alerts()
    story.report(story.target(0))
    assert story.group.flags == ()


@pytest.mark.rule("TP-10")
def test_a_target_is_placed_as_a_limit_order_also_where_the_price_is_past_it() -> None:
    story = Story(ladder(*ONE), price="105")
    story.fill(story.entry(0))
    assert resting(story) == [(0, 0, "101.00", "10.000")]


@pytest.mark.rule("PRC-2")
def test_a_short_target_rounds_down() -> None:
    story = Story(ladder(("0", "100", "0.5"), side=Side.SHORT, instrument=swap()), side=Side.SHORT, instrument=swap())
    story.fill(story.entry(0), price="99.99")
    assert story.order(story.target(0)).price == D("99.49")  # 99.49005


@given(
    price=st.integers(1, 10**9),
    tp=st.integers(0, 10_000),
    tick=st.sampled_from(["0.00000001", "0.01", "0.5", "1", "10"]),
    side=st.sampled_from(Side),
)
@pytest.mark.rule("PRC-2", "TP-1")
def test_a_target_is_on_the_tick_and_met_or_beaten_by_less_than_a_tick(
    price: int, tp: int, tick: str, side: Side
) -> None:
    instrument = spot(tick_size=Decimal(tick))
    percent = D(tp) / 100
    target = takeprofit.planned_target_price(side, D(price), percent, instrument)
    exact = D(price) * (100 + side.sign * percent) / 100
    beaten = side.sign * (target - exact)
    assert target % instrument.tick_size == 0
    assert 0 <= beaten < instrument.tick_size


# --- what is shown ---


def test_a_leg_shows_its_planned_target_until_it_has_filled_then_the_actual_one() -> None:
    story = Story(ladder(*TWO))
    assert states.leg_tp_price(story.group, story.leg(0)) == D("101.00")
    story.fill(story.entry(0), price="99")
    assert states.leg_tp_price(story.group, story.leg(0)) == D("99.99")
    assert states.leg_tp_price(story.group, story.leg(1)) == D("100.98")


@pytest.mark.parametrize("mode", [AGGREGATE, BY_PYRAMID])
def test_a_filled_leg_shows_the_target_that_covers_it(mode: dict[str, Any]) -> None:
    story = Story(ladder(*TWO), **mode)
    story.fill(story.entry(0))
    story.fill(story.entry(1))
    assert {states.leg_tp_price(story.group, leg) for leg in story.group.legs()} == {D("100.50")}


def test_progress_is_the_way_from_the_average_to_the_nearest_target() -> None:
    story = Story(ladder(*ONE))
    story.price("100")
    assert story.quote is not None
    assert states.progress_percent(story.group, story.quote) is None
    story.fill(story.entry(0))
    for price, progress in (("100", 0), ("100.5", 50), ("101", 100), ("99", -100)):
        story.price(price)
        assert states.progress_percent(story.group, story.quote) == progress
