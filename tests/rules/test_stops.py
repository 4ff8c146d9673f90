"""Stops of a group: where they are, what reaches them, the order that rests for them (TP-9, PRC-2, ORD-10, ORD-13)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import stops
from actors.rules.choices import TpExecution, TpMode
from actors.rules.drifts import unprotected
from actors.rules.events import CancelOrders, PriceCrossed, PyramidAdded, SetWatches
from actors.rules.model import Group, GroupState, OrderState, OrderType, Quote, Reason, Role, Side
from actors.rules.position_orders import MAX_FINAL_ORDERS, trim
from actors.rules.position_watches import PRICE_LAG_MS
from tests.rules.builders import NOW_MS, D, signal, spot, swap
from tests.rules.venue import ONE, TWO, Story, ladder


def opened(*rows: tuple[str, str, str], side: Side = Side.LONG, is_swap: bool = False, **given: Any) -> Story:
    """A group of which every entry has filled at its price, 10 for a leg of the whole capital."""
    instrument = swap() if is_swap else spot()
    story = Story(ladder(*(rows or ONE), side=side, instrument=instrument), side=side, instrument=instrument, **given)
    for leg in range(len(rows or ONE)):
        story.fill(story.entry(leg))
    return story


def resting(**given: Any) -> Story:
    """The same on a swap whose exchange takes stops, with the stop at 98 acknowledged."""
    story = opened(is_swap=True, can_stop=True, **{"stop_loss_percent": D(2), **given})
    story.report(story.stop())
    return story


def moved(group: Group) -> tuple[Decimal | None, Reason | None]:
    return group.stop_price, group.stop_reason


# --- where it is ---


@pytest.mark.rule("TP-9", "PRC-2")
@pytest.mark.parametrize(("side", "price"), [(Side.LONG, "97.99"), (Side.SHORT, "102.01")])
def test_a_stop_is_a_percentage_from_the_average_entry_toward_the_earlier_trigger(side: Side, price: str) -> None:
    story = opened(side=side, is_swap=True, stop_loss_percent=D("2.013"))
    assert story.group.stop_price == D(price)
    assert story.group.stop_reason is Reason.STOP_LOSS
    assert story.watch("stop") == D(price)


@pytest.mark.rule("TP-9")
def test_the_stop_follows_the_average_of_all_legs_and_pyramids_that_are_held() -> None:
    story = Story(ladder(*TWO), stop_loss_percent=D(10))
    assert story.group.stop_price is None
    story.fill(story.entry(0))
    assert story.group.stop_price == D(90)
    story.fill(story.entry(1))
    assert story.group.stop_price == D("89.55")  # 5 at 100 and 5.05 at 99: 99.4975.
    story.pyramid(ladder(*ONE, entry="110"))
    story.fill(story.entry(0, pyramid=1))
    average = stops.average_entry(story.group)
    assert average is not None
    assert story.group.stop_price == (average * D("0.9")).quantize(D("0.01"), rounding="ROUND_CEILING")


@pytest.mark.rule("TP-9")
def test_of_several_stops_the_one_that_is_reached_first_is_in_force() -> None:
    story = opened(
        stop_loss_percent=D(5), stop_trail_percent=D(3), accept_signal_stops=True, signal_stop="96", tp_mode="aggregate"
    )
    assert (story.group.stop_price, story.group.stop_reason) == (D(97), Reason.TRAILING_STOP)
    story = opened(stop_loss_percent=D(5), accept_signal_stops=True, signal_stop="96")
    assert (story.group.stop_price, story.group.stop_reason) == (D(96), Reason.STOP_LOSS)


@pytest.mark.rule("TP-9")
def test_a_group_without_a_stop_setting_has_none() -> None:
    story = opened(signal_stop="96")
    assert story.group.stop_price is None
    assert story.watches == ()


# --- the signal's own ---


@pytest.mark.rule("TP-9")
def test_a_later_signal_brings_a_newer_stop_and_target_for_the_whole_group() -> None:
    story = opened(accept_signal_stops=True, signal_stop="96", signal_target="120", tp_mode=TpMode.AGGREGATE)
    assert story.order(story.group_target()).price == D(120)
    plan = ladder(*ONE, entry="105")
    story.step(PyramidAdded(signal=signal(signal_id="s2", stop_loss=D(101), take_profit=D(130)), plan=plan))
    assert story.group.stop_price == D(101)
    story.wait("1")
    story.confirm_cancels()
    assert story.order(story.group_target()).price == D(130)
    story.step(PyramidAdded(signal=signal(signal_id="s3"), plan=ladder(*ONE, entry="106")))
    assert story.group.stop_price == D(101), "a signal without a stop leaves the one that stands"


@pytest.mark.rule("TP-9")
@pytest.mark.parametrize(("stop", "target"), [("100", "100"), ("104", "99")])
def test_a_stop_or_target_on_the_wrong_side_of_its_entry_is_not_taken(stop: str, target: str) -> None:
    story = opened(accept_signal_stops=True, signal_stop=stop, signal_target=target, tp_mode=TpMode.AGGREGATE)
    assert story.group.stop_price is None
    assert story.order(story.group_target()).price == D(101)
    assert {"signal_stop", "signal_target"} <= set(story.alerts())


@pytest.mark.rule("TP-9")
def test_the_signals_target_replaces_the_aggregate_one_only_where_it_is_accepted() -> None:
    assert opened(signal_target="120", tp_mode=TpMode.AGGREGATE).group.orders
    story = opened(signal_target="120", tp_mode=TpMode.AGGREGATE)
    assert story.order(story.group_target()).price == D(101)
    story = opened(signal_target="120", tp_mode=TpMode.HYBRID, accept_signal_stops=True)
    assert story.watch("aggregate") == D(120)
    assert story.order(story.target(0)).price == D(101)


# --- reached ---


@pytest.mark.rule("TP-9")
@pytest.mark.parametrize("side", list(Side))
def test_a_watched_stop_closes_the_whole_group_with_its_reason(side: Side) -> None:
    story = opened(side=side, is_swap=True, stop_loss_percent=D(2))
    story.cross("stop", "98" if side is Side.LONG else "102")
    assert (story.state(), story.group.close_reason) == (GroupState.CLOSING, Reason.STOP_LOSS)
    story.confirm_cancels()
    story.fill(story.closing())
    assert story.state() is GroupState.CLOSED
    assert story.group.stop_price is None


@pytest.mark.rule("TP-9", "ORD-10")
def test_a_stale_price_reaches_no_stop_and_the_watch_is_set_again() -> None:
    story = opened(stop_loss_percent=D(2))
    story.now_ms += 60_000
    old = Quote(bid=D(90), ask=D(90), time_ms=NOW_MS)
    story.step(PriceCrossed(watch_id="stop", quote=old))
    assert story.state() is GroupState.ACTIVE
    assert "price_stale" in story.alerts()
    story.wait("1")
    assert [watch.watch_id for effect in story.effects(SetWatches) for watch in effect.watches] == ["stop"]


@pytest.mark.rule("TP-9", "ORD-10")
def test_a_price_from_before_the_fill_does_not_reach_the_stop_that_follows_from_it() -> None:
    story = Story(ladder(*ONE), stop_loss_percent=D(2))
    before = Quote(bid=D(97), ask=D(97), time_ms=story.now_ms)
    story.now_ms += 500
    story.fill(story.entry(0))
    story.step(PriceCrossed(watch_id="stop", quote=before))
    assert story.state() is GroupState.ACTIVE
    story.now_ms += PRICE_LAG_MS
    story.step(PriceCrossed(watch_id="stop", quote=before))
    assert story.state() is GroupState.CLOSING, "no newer price has come: that one is the newest there is"


@pytest.mark.rule("TP-9", "GRP-4")
def test_a_stop_also_gives_up_the_unfilled_rest_of_the_ladder() -> None:
    story = Story(ladder(*TWO), stop_loss_percent=D("0.5"))
    story.fill(story.entry(0))
    story.cross("stop", "99.5")
    assert story.order(story.entry(1)).cancel_requested


# --- break-even ---


@pytest.mark.rule("TP-9")
def test_after_the_first_target_the_stop_moves_to_the_entry_of_what_is_held() -> None:
    story = opened(*TWO, stop_loss_percent=D(5), break_even_after_first_tp=True)
    assert story.group.stop_reason is Reason.STOP_LOSS
    story.fill(story.target(1))  # At 100.98, the other leg is held at 100.
    assert (story.group.stop_price, story.group.stop_reason) == (D(100), Reason.BREAK_EVEN)
    assert "break_even" in story.group.flags
    story.now_ms += 10
    story.cross("stop", "100")
    assert story.group.close_reason is Reason.BREAK_EVEN


@pytest.mark.rule("TP-9", "TP-1")
def test_break_even_is_net_of_the_fees_of_entry_and_close() -> None:
    story = opened(
        *TWO,
        is_swap=True,
        fee_percent="0.1",
        break_even_after_first_tp=True,
        tp_net_of_fees=True,
    )
    story.fill(story.target(1))
    assert story.group.stop_price == D("100.21")  # 100.1 / 0.999, rounded up.


@pytest.mark.rule("TP-9")
def test_a_target_at_the_entry_of_what_is_left_does_not_close_it_at_once() -> None:
    rows = (("0", "50", "1"), ("0.5", "50", "0.5"))
    story = opened(*rows, break_even_after_first_tp=True)
    story.fill(story.target(1))  # At 100: the price is not beyond the other leg's entry.
    assert story.group.stop_price is None
    assert story.watch("best:break_even") == D("100.01")
    story.now_ms += 10
    story.cross("best:break_even", "100.2")
    assert moved(story.group) == (D(100), Reason.BREAK_EVEN)


# --- trailing ---


@pytest.mark.rule("TP-9")
@pytest.mark.parametrize(("side", "way"), [(Side.LONG, 1), (Side.SHORT, -1)])
def test_a_trailing_stop_follows_the_best_price_in_steps_and_never_back(side: Side, way: int) -> None:
    story = opened(side=side, is_swap=True, stop_trail_percent=D(2), tp_mode=TpMode.AGGREGATE, tp_percent=D(50))
    assert story.group.stop_price == 100 - way * 2
    assert story.watch("best:stop") == 100 + way * D("0.2"), "a tenth of the distance"
    story.now_ms += 10
    story.cross("best:stop", str(100 + way * 10))
    best = D(100 + way * 10)
    assert story.group.stop_price == best * (100 - way * 2) / 100
    before = story.group
    story.price(str(100 + way * 5))
    story.wait("1")
    assert story.group is before, "neither back"
    story.price(str(best + way * D("0.1")))
    story.wait("1")
    assert story.group is before, "nor for less than a step"
    story.cross("stop", str(best * (100 - way * 2) / 100))
    assert story.group.close_reason is Reason.TRAILING_STOP


@pytest.mark.rule("TP-9")
def test_a_trail_ends_with_the_position_and_the_next_round_of_the_ladder_has_its_own() -> None:
    story = Story(ladder(*TWO), stop_trail_percent=D(5), on_flat="keep")
    story.fill(story.entry(0))
    story.price("100.9")
    story.wait("2")
    assert story.group.trails["stop"] == D("100.9")
    story.fill(story.target(0))
    assert (story.group.trails, story.group.stop_price) == ({}, None)
    story.price("99")
    story.fill(story.entry(1))
    assert story.group.trails["stop"] == D(99)


TRAILED = [
    (TpMode.AGGREGATE, "aggregate"),
    (TpMode.PYRAMID_AGGREGATE, "pyramid:0"),
    (TpMode.HYBRID, "aggregate"),
    (TpMode.PER_LEG, "leg:0:0"),
]


@pytest.mark.rule("TP-9", "TP-8")
@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize(("mode", "name"), TRAILED)
def test_a_trailing_target_is_armed_by_its_price_and_closes_when_that_falls_back(
    mode: TpMode, name: str, side: Side
) -> None:
    way = side.sign
    story = opened(side=side, is_swap=True, tp_mode=mode, tp_trail_percent=D(1), tp_execution=TpExecution.RESTING)
    assert not story.orders(Role.TAKE_PROFIT), "it does not rest"
    assert story.watch(name) == 100 + way
    story.cross(name, str(100 + way))
    assert story.state() is GroupState.ACTIVE
    story.cross(f"best:{name}", str(100 + way * 20))
    fall = (100 + way * 20) * (1 - way * D("0.01"))
    assert story.watch(f"fall:{name}") == fall
    story.cross(f"fall:{name}", str(fall))
    order = story.orders(Role.CLOSE)[0]
    assert (order.reason, order.quantity) == (Reason.TAKE_PROFIT, D(10))
    story.fill(order.client_order_id)
    assert (story.state(), story.group.close_reason) == (GroupState.CLOSED, Reason.FLAT)


@pytest.mark.rule("TP-9", "TP-8", "TP-2")
def test_a_trailing_leg_closes_only_its_own_part() -> None:
    story = opened(*TWO, tp_trail_percent=D("0.5"))
    story.cross("leg:0:1", "100.98")
    story.cross("fall:leg:0:1", "100.4")
    (order,) = story.orders(Role.CLOSE)
    assert (order.pyramid, order.leg, order.quantity) == (0, 1, story.leg(1).bought_quantity)
    story.fill(order.client_order_id)
    assert story.leg(1).lot.quantity == 0
    assert story.leg(0).lot.quantity == 5
    assert story.state() is GroupState.ACTIVE
    assert story.group.trails == {}
    assert story.watch("leg:0:0") == D(101)


@pytest.mark.rule("TP-9")
def test_a_target_that_moves_beyond_its_best_price_is_not_armed_any_more() -> None:
    story = opened(tp_mode=TpMode.AGGREGATE, tp_trail_percent=D(1))
    story.cross("aggregate", "101")
    story.pyramid(ladder(*ONE, entry="101"))
    story.now_ms += 10
    story.fill(story.entry(0, pyramid=1), price="101")
    assert story.group.trails == {}
    assert story.watch("aggregate") is not None


# --- resting ---


@pytest.mark.rule("TP-9")
def test_a_stop_rests_on_a_swap_whose_exchange_can_and_binds_nothing() -> None:
    story = resting()
    order = story.order(story.stop())
    assert (order.role, order.type, order.reduce_only) == (Role.STOP, OrderType.STOP, True)
    assert (order.trigger_price, order.price, order.quantity) == (D(98), None, D(10))
    assert story.order(story.target(0)).quantity == 10, "the target rests for the same quantity"
    assert story.watch("stop") == D("97.90"), "the watch beside it is a little later"


@pytest.mark.rule("TP-9")
def test_on_spot_the_target_rests_and_the_stop_is_watched() -> None:
    story = opened(stop_loss_percent=D(2), can_stop=True)
    assert not story.orders(Role.STOP)
    assert story.watch("stop") == D(98)


@pytest.mark.rule("GRP-6", "TP-9")
@pytest.mark.parametrize("market", [False, True])
def test_entries_wait_for_the_end_of_a_neighbours_stop(market: bool) -> None:
    """Seen: the stop of another group filled behind the entries and sold what they had bought."""
    story = Story(ladder(*ONE, market=market, instrument=swap()), instrument=swap(), is_held_by_stop=True)
    assert (story.leg(0).wait_reason, story.submitted()) == (Reason.NEIGHBOUR_STOP, [])
    assert story.wake_ms is not None
    assert story.wake_ms <= story.now_ms + 100
    story.is_held_by_stop = False
    story.wait("0.1")
    assert [order.role for order in story.submitted()] == [Role.ENTRY]


@pytest.mark.rule("TP-9", "GRP-6")
def test_a_stop_does_not_rest_where_it_could_sell_what_another_group_holds() -> None:
    story = resting()
    story.shares_position = True
    story.wait("1")
    assert story.order(story.stop()).cancel_requested
    assert story.watch("stop") == D(98)
    story.confirm_cancels()
    assert not story.orders(Role.STOP)
    story.shares_position = False
    story.wait("1")
    assert story.orders(Role.STOP)


@pytest.mark.rule("TP-9", "TP-10")
def test_a_resting_stop_is_moved_by_a_cancel_with_the_watch_as_cover_meanwhile() -> None:
    story = resting(stop_loss_percent=None, stop_trail_percent=D(2), tp_mode=TpMode.AGGREGATE, tp_percent=D(50))
    first = story.stop()
    story.now_ms += 100
    story.cross("best:stop", "110")
    assert not story.order(first).cancel_requested, "at most once per tp_reprice_ms"
    story.wait("0.5")
    assert story.order(first).cancel_requested
    assert len(story.orders(Role.STOP)) == 1, "the new one comes when the cancel is certain"
    assert story.watch("stop") == D("107.8")
    story.confirm_cancels()
    assert story.order(story.stop()).trigger_price == D("107.8")
    story.report(story.stop())
    assert story.watch("stop") == D("107.69")


@pytest.mark.rule("TP-9", "TP-7")
def test_a_stop_that_fills_in_part_begins_the_close_of_the_rest() -> None:
    story = resting()
    stop = story.stop()
    story.price("98")
    story.fill(stop, "4", "97.9")
    assert (story.state(), story.group.close_reason) == (GroupState.CLOSING, Reason.STOP_LOSS)
    assert not story.orders(Role.CLOSE), "what the stop may still sell is not sold beside it"
    story.fill(stop, "6", "97.8")
    story.confirm_cancels()
    assert story.state() is GroupState.CLOSED
    assert story.group.realized == 10 * D("-2.2") + 4 * D("0.1")


@pytest.mark.rule("TP-9", "TP-7", "EXIT-1")
def test_an_exit_sells_when_the_cancel_of_the_stop_is_certain() -> None:
    story = resting()
    story.close()
    story.end(story.target(0))
    assert not story.orders(Role.CLOSE)
    story.end(story.stop())
    assert story.order(story.closing()).quantity == 10


@pytest.mark.rule("TP-9", "EXIT-1")
def test_a_stop_that_is_not_known_to_be_there_holds_up_no_close() -> None:
    story = opened(is_swap=True, can_stop=True, stop_loss_percent=D(2))
    story.cross("stop", "98")
    story.end(story.target(0))
    assert story.order(story.stop()).cancel_requested
    assert story.order(story.closing()).quantity == 10
    story.fill(story.closing())
    assert story.state() is GroupState.CLOSING, "until the stop's fate is certain"
    story.end(story.stop())
    assert story.state() is GroupState.CLOSED


@pytest.mark.rule("TP-9")
def test_a_stop_that_moved_a_thousand_times_pushes_no_fill_out_of_the_group() -> None:
    story = resting(stop_loss_percent=None, stop_trail_percent=D(2), tp_mode=TpMode.AGGREGATE, tp_percent=D(99))
    stop = story.order(story.stop())
    moves = {
        f"old{number}": replace(stop, client_order_id=f"old{number}", state=OrderState.CANCELLED)
        for number in range(MAX_FINAL_ORDERS + 5)
    }
    kept = trim({**story.group.orders, **moves})
    assert story.entry(0) in kept
    assert stop.client_order_id in kept


@pytest.mark.rule("TP-9", "ORD-8", "TP-7")
def test_a_stop_that_fills_though_an_exit_cancels_it_is_what_the_exit_sold() -> None:
    story = resting()
    story.close()
    story.end(story.target(0))
    story.fill(story.stop(), price="98")
    assert story.state() is GroupState.CLOSED
    assert story.group.close_reason is Reason.EXIT_SIGNAL
    assert not [order for order in story.group.orders.values() if order.role is Role.CLOSE]


@pytest.mark.rule("ORD-13", "TP-9")
@pytest.mark.parametrize("state", [OrderState.CANCELLED, OrderState.EXPIRED])
def test_a_stop_that_ends_from_outside_is_replaced_with_an_alert(state: OrderState) -> None:
    story = resting()
    first = story.stop()
    story.end(first, state)
    assert story.watch("stop") == D(98), "watched at its own price meanwhile"
    story.wait("0.25")
    assert story.stop() != first
    assert story.order(story.stop()).trigger_price == D(98)
    assert "stop_lost" in story.alerts()


@pytest.mark.rule("TP-9", "EXIT-5")
def test_a_refused_stop_is_watched_and_tried_again() -> None:
    story = opened(is_swap=True, can_stop=True, stop_loss_percent=D(2))
    first = story.stop()
    story.reject(first)
    assert "stop_failing" in story.alerts()
    assert "stop_failing" in story.group.flags
    assert story.watch("stop") == D(98)
    story.wait("0.25")
    assert story.stop() != first
    story.report(story.stop())
    assert "stop_failing" not in story.group.flags


@pytest.mark.rule("TP-9", "TP-8")
def test_a_target_that_fills_makes_the_stop_smaller() -> None:
    story = opened(*TWO, is_swap=True, can_stop=True, stop_loss_percent=D(5))
    story.now_ms += 1000
    story.confirm_cancels()
    story.wait("1")
    story.confirm_cancels()
    held = sum((leg.lot.quantity for leg in story.group.legs()), D(0))
    assert story.order(story.stop()).quantity == held
    story.wait("1")
    story.fill(story.target(1))
    story.confirm_cancels()
    assert story.order(story.stop()).quantity == story.leg(0).lot.quantity == 5


@pytest.mark.rule("TP-9", "GRP-4")
def test_a_group_that_is_flat_cancels_its_stop_before_it_is_closed() -> None:
    story = resting()
    story.fill(story.target(0))
    assert story.state() is GroupState.CLOSING
    assert [name for effect in story.effects(CancelOrders) for name in effect.client_order_ids] == [story.stop()]
    story.confirm_cancels()
    assert (story.state(), story.group.close_reason) == (GroupState.CLOSED, Reason.FLAT)


@pytest.mark.rule("TP-9", "REC-1")
def test_a_group_that_is_loaded_has_its_stop_as_before() -> None:
    story = resting()
    story.load()
    assert len(story.orders(Role.STOP)) == 1
    assert story.resolves[-2:] == [story.target(0), story.stop()]
    assert story.watch("stop") == D("97.90")


@pytest.mark.rule("TP-9")
def test_a_stop_the_price_has_passed_is_not_placed_but_watched() -> None:
    story = Story(ladder(*ONE, instrument=swap()), instrument=swap(), can_stop=True, stop_loss_percent=D(2))
    story.price("97")
    story.fill(story.entry(0))
    assert not story.orders(Role.STOP)
    assert story.watch("stop") == D(98)


@pytest.mark.rule("ORD-7", "TP-9")
def test_a_group_that_wants_a_stop_and_has_none_is_named_as_unprotected() -> None:
    story = resting()
    assert unprotected(story.group, story.quote, story.fees) is None
    bare = {name: order for name, order in story.group.orders.items() if order.role is not Role.STOP}
    found = unprotected(replace(story.group, stop_price=None, orders=bare), story.quote, story.fees)
    assert found is not None
    assert found.expected == "a stop at 98"


# --- arithmetic ---


@pytest.mark.rule("TP-9", "PRC-2")
@given(
    side=st.sampled_from(Side),
    ticks=st.integers(100, 10**9),
    percent=st.integers(1, 9_900),
)
def test_steps_and_covers_always_move_and_stay_on_the_right_side(side: Side, ticks: int, percent: int) -> None:
    best = D(ticks) / 100
    share = D(percent) / 100
    further = stops.next_best(side, best, share, spot())
    assert (further - best) * side.sign >= spot().tick_size
    cover = stops.cover_price(side, best, spot())
    assert cover > 0
    assert cover % spot().tick_size == 0
    assert (best - cover) * side.sign >= 0
