"""Exits, closes that fail, and when and how a group ends."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import precision, profit, states
from actors.rules.choices import LimitCloseFallback, OnFlat, TpExecution, TpMode
from actors.rules.events import PriceCrossed, SetWatches
from actors.rules.model import (
    GroupState,
    Instrument,
    LegState,
    OrderState,
    OrderType,
    Quote,
    Reason,
    Role,
    TimeInForce,
)
from actors.rules.position_exit import chunk, least_sendable
from actors.rules.position_watches import PRICE_LAG_MS
from tests.rules.builders import D, spot, swap
from tests.rules.venue import ONE, TWO, Story, bounded, closed, ladder

# --- exit ---


@pytest.mark.rule("EXIT-1")
def test_an_exit_cancels_entries_and_targets_and_sells_what_its_cancels_set_free() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0))
    story.close()
    assert story.state() is GroupState.CLOSING
    assert story.group.close_reason is Reason.EXIT_SIGNAL
    assert set(story.cancels) == {story.entry(1), story.target(0)}
    assert story.orders(Role.CLOSE) == [], "all of it is bound in the target"
    story.end(story.target(0))
    order = story.order(story.closing())
    assert (order.type, order.quantity) == (OrderType.MARKET, D("5"))
    story.end(story.entry(1))
    story.fill(story.closing())
    assert closed(story)
    assert story.group.close_reason is Reason.EXIT_SIGNAL
    assert story.group.close_time_ms == story.now_ms
    assert story.venue.base == 0


@pytest.mark.rule("EXIT-1")
def test_what_is_certainly_free_is_sold_at_once_and_what_is_bound_when_that_is_certain() -> None:
    story = Story(ladder(*TWO), tp_reprice_ms=10_000)
    story.fill(story.entry(0), "2")
    story.fill(story.entry(0), "3")
    assert story.order(story.target(0)).quantity == 2
    story.close()
    assert story.order(story.closing()).quantity == 3
    story.fill(story.closing())
    assert [order.quantity for order in story.orders(Role.CLOSE)] == []
    story.confirm_cancels()
    assert story.order(story.closing()).quantity == 2
    story.fill(story.closing())
    assert closed(story)


@pytest.mark.rule("EXIT-2", "TP-7")
def test_fills_that_arrive_during_the_cancel_are_part_of_what_is_closed() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0))
    story.close()
    story.venue.fill(story.entry(1), D("1.05"))
    story.end(story.entry(1))
    story.fill(story.target(0), "2")
    story.end(story.target(0))
    sold = [order.quantity for order in story.orders(Role.CLOSE, live=False)]
    story.fill(story.closing())
    if not closed(story):
        sold.append(story.order(story.closing()).quantity)
        story.fill(story.closing())
    assert sum(sold) == D("4.05")
    assert closed(story)
    assert story.venue.base == 0


@pytest.mark.rule("EXIT-3")
def test_an_exit_before_the_first_fill_closes_the_group_at_zero() -> None:
    story = Story()
    story.close()
    assert story.state() is GroupState.CLOSING
    story.confirm_cancels()
    assert closed(story)
    assert story.orders(Role.CLOSE, live=False) == []
    assert story.group.realized == 0
    assert {states.leg_state(story.group, leg) for leg in story.group.legs()} == {LegState.CANCELLED}


@pytest.mark.rule("EXIT-1")
def test_a_second_exit_changes_nothing() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    story.close()
    before = story.group
    story.close(Reason.MANUAL)
    assert story.group is before


@pytest.mark.rule("TP-7")
@pytest.mark.parametrize("first", ["target", "cancel"])
def test_a_target_and_an_exit_that_race_sell_what_is_held_once(first: str) -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    story.close()
    target = story.target(0)
    if first == "target":
        story.fill(target)
        assert closed(story)
        assert states.leg_state(story.group, story.leg(0)) is LegState.TP_HIT
    else:
        story.fill(target, "4")
        story.end(target)
        assert story.order(story.closing()).quantity == 6
        story.fill(story.closing())
        assert states.leg_state(story.group, story.leg(0)) is LegState.CLOSED
    assert closed(story)
    assert story.venue.base == 0


@pytest.mark.rule("EXIT-1")
def test_a_close_above_the_market_maximum_is_split() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    story.instrument = spot(market_max_quantity=D("4"))
    story.close()
    story.confirm_cancels()
    sold = []
    while not closed(story):
        sold.append(story.order(story.closing()).quantity)
        story.fill(story.closing())
    assert sold == [4, 4, 2]


# --- slippage and failing closes ---


@pytest.mark.rule("EXIT-4")
def test_a_bounded_close_is_repeated_and_then_goes_by_market_if_told_so() -> None:
    story = Story(ladder(*ONE), execution=bounded(limit_close_fallback=LimitCloseFallback.MARKET))
    story.fill(story.entry(0))
    story.close()
    story.confirm_cancels()
    for pause in ("0.25", "0.5", "1"):
        order = story.order(story.closing())
        assert (order.price, order.time_in_force, order.expected_price) == (D("99.00"), TimeInForce.IOC, D("100"))
        story.end(story.closing(), OrderState.EXPIRED)
        story.wait(pause)
    order = story.order(story.closing())
    assert (order.type, order.attempt) == (OrderType.MARKET, 4)
    assert "close_failing" in story.alerts()
    story.fill(story.closing())
    assert closed(story)
    assert story.group.flags == ()


@pytest.mark.rule("EXIT-4", "EXIT-5")
def test_a_bounded_close_goes_on_for_ever_with_an_alert_if_told_so() -> None:
    story = Story(ladder(*ONE), execution=bounded(limit_close_attempts=2))
    story.fill(story.entry(0))
    story.close()
    story.confirm_cancels()
    for attempt in range(1, 15):
        assert story.state() is GroupState.CLOSING
        assert story.order(story.closing()).attempt == attempt
        assert story.order(story.closing()).type is OrderType.LIMIT
        story.end(story.closing(), OrderState.EXPIRED)
        assert ("close_failing" in story.group.flags) is (attempt >= 2)
        story.wait("60")
    assert story.alerts().count("close_failing") == 13


@pytest.mark.rule("EXIT-5")
def test_a_refused_close_is_tried_again_with_growing_pauses_and_shown() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    story.close()
    story.confirm_cancels()
    pauses = []
    for _ in range(10):
        story.reject(story.closing())
        assert "close_failing" in story.group.flags
        assert story.wake_ms is not None
        pauses.append(story.wake_ms - story.now_ms)
        story.wait(str(D(pauses[-1]) / 1000))
        assert [order.role for order in story.submitted()] == [Role.CLOSE]
    assert pauses == [250, 500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]
    story.fill(story.closing())
    assert closed(story)
    assert "close_failing" not in story.group.flags


@pytest.mark.rule("EXIT-4")
@pytest.mark.parametrize(("price", "warned"), [("99.00", False), ("98.99", True)])
def test_a_close_that_came_out_beyond_the_bound_is_warned_about_afterwards(price: str, warned: bool) -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    story.close()
    story.confirm_cancels()
    story.fill(story.closing(), price=price)
    assert ("order_slippage" in story.alerts()) is warned


@pytest.mark.rule("ORD-10")
def test_a_close_waits_for_a_fresh_price_and_says_so_once() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    story.close()
    story.now_ms += 31_000
    story.confirm_cancels()
    assert story.orders(Role.CLOSE) == []
    assert "price_stale" in story.group.flags
    assert story.wake_ms == story.now_ms + 1000
    story.wait("1", same_price=False)
    assert story.alerts().count("price_stale") == 1
    story.wait("1")
    assert story.order(story.closing()).quantity == 10
    assert "price_stale" not in story.group.flags


@pytest.mark.rule("ORD-10", "LOG-5")
def test_a_close_on_an_account_that_is_not_traded_waits_and_names_that_not_the_price() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    story.is_traded, story.quote = False, None
    story.close()
    story.confirm_cancels()
    (note,) = (note for note in story.notes if note.alert.startswith("price_stale/"))
    assert note.message.endswith(f"waits: account {story.group.account} is not traded")
    assert "PRICE_MISSING" not in note.message


def dust_without_price(instrument: Instrument, sold: str, price: str = "100") -> Story:
    """A group whose target sold all but a rest, and that has not had a price since it opened."""
    story = Story(ladder(*ONE), instrument=instrument, on_flat=OnFlat.CLOSE)
    story.quote = None
    story.fill(story.entry(0))
    story.fill(story.target(0), sold, price=price)
    story.end(story.target(0))
    return story


@pytest.mark.rule("PRC-6", "EXIT-5", "ORD-10")
def test_a_rest_below_the_least_quantity_needs_no_price_to_be_dust() -> None:
    story = dust_without_price(spot(min_quantity=D("0.1")), "9.95", price="104")
    assert closed(story)
    assert (story.group.dust, story.group.dust_value) == (D("0.05"), D("0.05") * 104)
    assert "price_stale" not in story.alerts()


@pytest.mark.rule("PRC-6", "EXIT-5", "ORD-10")
def test_a_rest_of_too_little_value_waits_a_while_for_a_price_and_then_closes_at_the_last_fill() -> None:
    story = dust_without_price(spot(), "9.96", price="104")
    assert story.state() is GroupState.CLOSING
    assert "price_stale" not in story.alerts()
    story.wait("59")
    assert story.state() is GroupState.CLOSING
    story.wait("1")
    assert closed(story)
    assert (story.group.dust, story.group.dust_value) == (D("0.04"), D("0.04") * 104)


@pytest.mark.rule("PRC-6", "EXIT-5")
@pytest.mark.parametrize(("price", "is_dust"), [("90", True), ("130", False)])
def test_a_rest_is_judged_by_a_fresh_price_as_soon_as_there_is_one(price: str, is_dust: bool) -> None:
    story = dust_without_price(spot(), "9.96")
    story.price(price)
    story.wait("1")
    assert closed(story) is is_dust
    if is_dust:
        assert story.group.dust_value == D("0.04") * D(price)
    else:
        assert story.order(story.closing()).quantity == D("0.04")


@pytest.mark.rule("ORD-10", "EXIT-5")
def test_a_rest_that_could_be_sold_at_the_last_price_waits_for_a_fresh_one_however_long() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    story.quote = None
    story.close()
    story.confirm_cancels()
    story.wait("600")
    assert story.state() is GroupState.CLOSING
    assert story.alerts() == ["price_stale"]


@pytest.mark.rule("ORD-10", "EXIT-4")
@pytest.mark.parametrize("seconds", ["31", "-31"])
def test_the_expected_price_of_a_market_order_is_never_of_a_quote_too_old_or_of_the_future(seconds: str) -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    assert story.quote is not None
    story.quote = Quote(bid=D(77), ask=D(77), time_ms=story.now_ms - int(D(seconds) * 1000))
    story.close()
    story.confirm_cancels()
    assert story.orders(Role.CLOSE) == []
    story.price("99", ask="99.5")
    story.wait("1")
    assert story.order(story.closing()).expected_price == 99


# --- flat ---


@pytest.mark.rule("GRP-4")
def test_a_flat_group_cancels_its_unfilled_entries_and_closes() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0))
    story.fill(story.target(0))
    assert story.state() is GroupState.CLOSING
    assert story.cancels == [story.entry(1)]
    story.confirm_cancels()
    assert closed(story)
    assert story.group.close_reason is Reason.FLAT
    assert story.group.realized == D("5")


@pytest.mark.rule("GRP-4")
def test_a_flat_group_keeps_its_ladder_if_told_so() -> None:
    story = Story(ladder(*TWO), on_flat=OnFlat.KEEP)
    story.fill(story.entry(0))
    story.fill(story.target(0))
    assert story.state() is GroupState.LIVE
    assert story.cancels == []
    story.fill(story.entry(1))
    assert story.state() is GroupState.ACTIVE
    story.fill(story.target(1))
    assert closed(story)


@pytest.mark.rule("GRP-4")
def test_a_group_is_not_flat_while_an_entry_is_partially_filled() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0), "2")
    story.fill(story.target(0))
    assert story.state() is GroupState.PARTIALLY_FILLED
    assert story.cancels == []
    story.fill(story.entry(0))
    assert [order.remaining for order in story.orders(Role.TAKE_PROFIT)] == [3]


@pytest.mark.rule("GRP-4", "TP-3")
def test_an_aggregate_target_that_fills_leaves_a_flat_group_whose_ladder_is_cancelled() -> None:
    story = Story(ladder(*TWO), tp_mode=TpMode.AGGREGATE)
    story.fill(story.entry(0))
    story.fill(story.group_target())
    assert story.cancels == [story.entry(1)]
    story.confirm_cancels()
    assert closed(story)


@pytest.mark.rule("GRP-4", "TP-3")
def test_a_kept_aggregate_ladder_does_not_average_in_what_was_sold() -> None:
    story = Story(ladder(*TWO), tp_mode=TpMode.AGGREGATE, on_flat=OnFlat.KEEP, fee_percent="0.1")
    story.fill(story.entry(0))
    story.fill(story.group_target())
    assert story.state() is GroupState.LIVE
    story.fill(story.entry(1))
    assert story.order(story.group_target()).price == D("99.99")  # 99 x 1.01, untouched by the rest of leg 0.


def test_a_group_whose_entries_end_with_nothing_sellable_closes_with_its_dust() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0), "0.01")
    story.cancel_entries()
    story.confirm_cancels()
    assert closed(story)
    assert story.group.close_reason is Reason.ENTRIES_FINISHED
    assert (story.group.dust, story.group.dust_value) == (D("0.01"), D("1"))


def test_a_group_whose_unfilled_entries_are_cancelled_closes() -> None:
    story = Story(ladder(*TWO))
    story.cancel_entries()
    story.confirm_cancels()
    assert closed(story)
    assert story.group.close_reason is Reason.ENTRIES_FINISHED


@pytest.mark.rule("PRC-6")
def test_dust_is_recorded_with_its_value_and_never_sold() -> None:
    story = Story(ladder(*ONE), fee_percent="0.1")
    story.fill(story.entry(0), "9.9999")
    story.fill(story.entry(0))
    story.price("120")
    story.close()
    story.confirm_cancels()
    story.fill(story.closing())
    assert closed(story)
    assert story.group.dust == D("9.99") - D("9.990")
    story = Story(ladder(*ONE), fee_percent="0.13")
    story.fill(story.entry(0))
    story.close()
    story.confirm_cancels()
    assert story.order(story.closing()).quantity == D("9.987")
    story.fill(story.closing())
    assert closed(story)
    assert story.group.dust == 0
    story = Story(ladder(("0", "100", "1"), capital="123.4"), fee_percent="0.1")
    story.fill(story.entry(0))
    story.price("120")
    story.close()
    story.confirm_cancels()
    story.fill(story.closing())
    assert story.group.dust == D("1.234") * D("0.999") - D("1.232")
    assert story.group.dust_value == story.group.dust * 120


# --- late fills ---


@pytest.mark.rule("ORD-1", "GRP-2")
def test_a_late_entry_fill_brings_a_closed_group_back_and_is_flattened() -> None:
    story = Story(ladder(*TWO))
    late = story.entry(0)
    story.close()
    story.confirm_cancels()
    assert closed(story)
    story.fill(late, "3")
    assert story.state() is GroupState.CLOSING
    assert "late_fill" in story.group.flags
    assert [story.group.close_time_ms] == [None]
    assert story.order(late).state is OrderState.CANCELLED
    assert story.order(story.closing()).quantity == 3
    story.now_ms += 1000
    story.fill(story.closing())
    assert closed(story)
    assert story.group.close_reason is Reason.EXIT_SIGNAL
    assert story.group.close_time_ms == story.now_ms
    assert story.venue.base == 0


@pytest.mark.rule("TP-7")
def test_more_sold_than_held_is_flagged_and_never_a_negative_lot() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    story.close()
    target = story.target(0)
    story.confirm_cancels()
    story.fill(story.closing())
    assert closed(story)
    story.venue.fill(target)  # The exchange fills what it had confirmed as cancelled.
    story.report(target)
    assert "oversold" in story.group.flags
    assert "group_oversold" in story.alerts()
    assert all(leg.lot.quantity >= 0 for leg in story.group.legs())
    assert closed(story)
    assert story.order(target).state is OrderState.FILLED
    assert story.group.realized == story.venue.quote, "what was sold too much is profit without cost"
    assert story.group.oversold.quantity > 0, "it is remembered"


@pytest.mark.rule("TP-7")
@pytest.mark.rule("ORD-5")
def test_a_purchase_heard_of_after_its_sale_is_not_claimed_again() -> None:
    story = Story(ladder(*ONE))
    late = story.entry(0)
    story.venue.fill(late, quantity=D("0.4"))
    story.report(late)
    story.close()
    target = story.target(0)
    story.confirm_cancels()
    story.fill(story.closing())
    story.venue.fill(late)  # Everything else of it, which nobody hears of yet.
    story.venue.fill(target)  # And the venue sells what it had confirmed as cancelled.
    story.report(target)
    assert story.group.oversold.quantity == D("0.4")
    story.report(late)
    assert "oversold" not in story.group.flags
    assert story.group.oversold.quantity == 0
    assert profit.held(story.group) == story.venue.base, "what had been sold already is not there"


@pytest.mark.rule("TP-7")
def test_exits_that_promise_more_than_is_held_after_a_late_fill_are_cut_at_once() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0))
    first = story.target(0)
    story.end(first)
    story.wait("1")
    second = story.target(0)
    assert second != first
    story.fill(first, "2")
    assert story.order(second).cancel_requested
    assert "order_exits_exceed_held" in story.alerts()
    story.end(second)
    assert story.order(story.target(0)).quantity == 3


# --- how much at once ---


@pytest.mark.rule("EXIT-1", "PRC-6", "PRC-3")
@given(
    free=st.integers(0, 400),
    bound=st.integers(0, 400),
    most=st.none() | st.integers(20, 100),
    least=st.integers(1, 10),
    notional=st.integers(0, 8),
)
def test_no_sale_leaves_a_rest_that_could_not_be_sold(
    free: int, bound: int, most: int | None, least: int, notional: int
) -> None:
    instrument = spot(
        step_size=D(1), min_quantity=D(least), min_notional=D(notional), max_quantity=None if most is None else D(most)
    )
    total = D(free + bound)
    taken = chunk(D(free), total, D(1), instrument, market=False)
    assert taken <= free
    smallest = least_sendable(D(1), instrument, market=False)
    assert precision.is_sendable(smallest, D(1), instrument)
    assert not precision.is_sendable(smallest - 1, D(1), instrument)
    if taken:
        assert precision.is_sendable(taken, D(1), instrument)
        rest = total - taken
        assert rest == 0 or rest >= smallest
    else:
        assert free < smallest or (bound and free - smallest < smallest), "what could go was kept back for no reason"


@pytest.mark.rule("PRC-6")
def test_what_is_free_waits_if_what_is_bound_could_not_be_sold_alone() -> None:
    instrument = spot(step_size=D(1), min_quantity=D(5), min_notional=D(0))
    assert chunk(D(5), D(8), D(1), instrument, market=False) == 0
    assert chunk(D(9), D(12), D(1), instrument, market=False) == 7
    assert chunk(D(9), D(14), D(1), instrument, market=False) == 9


def test_the_price_of_a_crossing_counts_if_it_is_the_newer_one() -> None:
    story = Story(ladder(*ONE), cancel_beyond_percent=D(1))
    now = story.now_ms
    story.quote = Quote(bid=D(100), ask=D(100), time_ms=now)
    story.step(PriceCrossed(watch_id="beyond:0", quote=Quote(bid=D(98), ask=D(98), time_ms=now - 1)))
    assert story.cancels == []
    story.step(PriceCrossed(watch_id="beyond:0", quote=Quote(bid=D(98), ask=D(98), time_ms=now)))
    assert story.cancels == [story.entry(0)]


@pytest.mark.rule("ORD-10", "TP-3", "TP-6")
def test_a_price_that_a_fill_has_overtaken_reaches_no_watched_target() -> None:
    """Seen: the fills of a falling market came before its price, and the price from above them sold all at a loss."""
    story = Story(ladder(*TWO), tp_mode=TpMode.AGGREGATE, tp_execution=TpExecution.WATCHED, tp_percent=D("0.4"))
    story.fill(story.entry(0))
    old = story.quote
    assert old is not None
    story.now_ms += 5
    story.venue.fill(story.entry(1))
    story.report(story.entry(1))
    (watch,) = story.watches
    assert old.bid >= watch.price, "the price from before lies beyond the target that the fill has moved"
    story.step(PriceCrossed(watch_id=watch.watch_id, quote=old))
    assert story.orders(Role.CLOSE) == []
    assert story.effects(SetWatches), "it is watched on"
    story.cross(watch.watch_id, "99.95")
    assert story.orders(Role.CLOSE) != []


@pytest.mark.rule("ORD-10", "TP-6")
def test_the_newest_price_counts_once_none_newer_has_come_for_a_while() -> None:
    story = Story(ladder(*TWO), tp_mode=TpMode.AGGREGATE, tp_execution=TpExecution.WATCHED, tp_percent=D("0.4"))
    story.fill(story.entry(0))
    old = story.quote
    assert old is not None
    story.now_ms += 5
    story.fill(story.entry(1))
    assert story.wake_ms == story.now_ms + PRICE_LAG_MS
    story.wait("1", same_price=False)
    assert story.effects(SetWatches)
    (watch,) = story.watches
    story.step(PriceCrossed(watch_id=watch.watch_id, quote=old))
    assert story.orders(Role.CLOSE) != []


def test_a_short_group_is_closed_by_a_reduce_only_buy_at_the_ask() -> None:
    from actors.rules.model import OrderSide, Side

    story = Story(
        ladder(*ONE, side=Side.SHORT, instrument=swap()), side=Side.SHORT, instrument=swap(), fee_percent="0.1"
    )
    story.fill(story.entry(0))
    story.price("90", ask="91")
    story.close()
    story.confirm_cancels()
    order = story.order(story.closing())
    assert (order.side, order.reduce_only, order.expected_price) == (OrderSide.BUY, True, D("91"))
    story.fill(story.closing())
    assert closed(story)
    assert story.group.realized == D("1000") - D("910") - D("1") - Decimal("0.91")


@pytest.mark.parametrize("flag", ["price_stale", "close_failing"])
def test_an_alert_whose_cause_is_gone_is_named_by_the_flag_that_was_lowered(flag: str) -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    story.close()
    if flag == "price_stale":
        story.now_ms += 31_000
    story.confirm_cancels()
    if flag == "close_failing":
        story.reject(story.closing())
    before = story.group
    assert flag in before.flags
    assert flag in story.alerts()
    story.wait("1")
    if flag == "close_failing":
        story.fill(story.closing())
    lost = [f"{name}/{before.group_id}" for name in states.LOST_ALERTS] if story.group.is_closed else []
    assert states.ended_alerts(before, story.group) == (f"{flag}/{before.group_id}", *lost)
    assert states.ended_alerts(story.group, before) == ()


@pytest.mark.rule("TP-8", "EXIT-1")
def test_a_leg_whose_target_was_hit_stays_so_when_an_exit_closes_the_rest() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0))
    story.fill(story.entry(1))
    story.fill(story.target(1))
    story.close()
    story.confirm_cancels()
    story.fill(story.closing())
    assert closed(story)
    assert states.leg_state(story.group, story.leg(1)) is LegState.TP_HIT
    assert states.leg_state(story.group, story.leg(0)) is LegState.CLOSED


@pytest.mark.rule("TP-7", "EXIT-1")
def test_a_leg_whose_target_sold_a_part_and_an_exit_the_rest_is_closed() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0))
    story.fill(story.entry(1))
    story.fill(story.target(1), "1")
    story.close()
    story.confirm_cancels()
    while not closed(story):
        story.fill(story.closing())
    assert {states.leg_state(story.group, leg) for leg in story.group.legs()} == {LegState.CLOSED}


@pytest.mark.rule("LOG-5", "ORD-13")
def test_with_a_groups_end_nothing_is_lost_any_more() -> None:
    """Seen: a resting stop sold everything, the venue ended the target first, and the alert of that stood for ever."""
    story = Story(ladder(*ONE), instrument=swap())
    story.fill(story.entry(0))
    story.end(story.target(0), OrderState.EXPIRED)
    assert "target_lost" in story.alerts()
    before = story.group
    story.close()
    story.confirm_cancels()
    story.fill(story.closing())
    assert story.group.is_closed
    assert states.ended_alerts(before, story.group) == tuple(f"{name}/{before.group_id}" for name in states.LOST_ALERTS)


@pytest.mark.rule("ORD-13")
def test_a_target_that_ends_while_its_group_is_closing_is_not_missed() -> None:
    story = Story(ladder(*ONE), instrument=swap())
    story.fill(story.entry(0))
    target = story.target(0)
    story.quote = None
    story.close()
    story.group = replace(
        story.group, orders={**story.group.orders, target: replace(story.order(target), cancel_requested=False)}
    )
    story.end(target, OrderState.EXPIRED)
    assert "target_lost" not in story.alerts()
