"""How a group opens, scales, and what becomes of its entries."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.rules import position
from actors.rules.choices import EntryOrder, OnFlat
from actors.rules.events import PyramidAdded, SetWatches, TimeReached
from actors.rules.model import (
    GroupState,
    OrderSide,
    OrderState,
    OrderType,
    Reason,
    Role,
    Side,
    TimeInForce,
)
from actors.rules.naming import parse_client_order_id
from actors.rules.settings import ExecutionSettings
from tests.rules.builders import D, quote, signal, spot, swap
from tests.rules.venue import GROUP_ID, ONE, TWO, Story, bounded, closed, ladder


@pytest.mark.rule("DCA-4", "ORD-2")
def test_every_leg_goes_out_at_once_as_a_pending_limit_order_with_its_own_id() -> None:
    story = Story()
    orders = story.submitted()
    assert [(order.price, order.quantity) for order in orders] == [
        (D("100.00"), D("2.000")),
        (D("99.50"), D("2.010")),
        (D("99.00"), D("2.020")),
        (D("98.50"), D("2.030")),
        (D("98.00"), D("2.040")),
    ]
    assert {(o.type, o.side, o.state, o.role) for o in orders} == {
        (OrderType.LIMIT, OrderSide.BUY, OrderState.PENDING, Role.ENTRY)
    }
    names = [parse_client_order_id(order.client_order_id) for order in orders]
    assert [(n.group_id, n.pyramid, n.leg, n.attempt) for n in names if n] == [
        (GROUP_ID, 0, leg, 1) for leg in range(5)
    ]
    assert story.state() is GroupState.LIVE
    assert "group.opened" in story.note_types()


@pytest.mark.rule("DCA-4")
def test_a_short_ladder_sells_upwards_and_its_exits_only_reduce() -> None:
    story = Story(ladder(*TWO, side=Side.SHORT, instrument=swap()), side=Side.SHORT, instrument=swap())
    assert [(o.side, o.price, o.reduce_only) for o in story.submitted()] == [
        (OrderSide.SELL, D("100.00"), False),
        (OrderSide.SELL, D("101.00"), False),
    ]
    story.fill(story.entry(0))
    target = story.order(story.target(0))
    assert (target.side, target.price, target.reduce_only) == (OrderSide.BUY, D("99.00"), True)


@pytest.mark.rule("DCA-5")
def test_a_leg_the_mark_is_past_already_goes_out_as_a_limit_order_at_its_price() -> None:
    story = Story(price="98.70")
    assert [order.price for order in story.submitted()] == [D(p) for p in ("100", "99.5", "99", "98.5", "98")]


@pytest.mark.rule("DCA-4", "EXIT-4")
def test_a_market_entry_takes_the_expected_price_before_it_is_sent() -> None:
    story = Story(ladder(*TWO, market=True), entry_order=EntryOrder.MARKET)
    story.price("100", ask="100.1")
    first, second = story.orders(Role.ENTRY)
    assert (first.type, first.price, first.expected_price) == (OrderType.MARKET, None, D("100"))
    assert second.type is OrderType.LIMIT


@pytest.mark.rule("EXIT-4")
def test_a_bounded_market_entry_is_an_immediate_order_at_the_bound_and_is_not_chased() -> None:
    story = Story(ladder(*TWO, market=True), execution=bounded(max_slippage_percent=D("0.5")))
    first = story.orders(Role.ENTRY)[0]
    assert (first.type, first.price, first.time_in_force) == (OrderType.LIMIT, D("100.50"), TimeInForce.IOC)
    story.end(story.entry(0), OrderState.EXPIRED)
    assert story.leg(0).cancel_reason is Reason.PRICE_DEVIATED
    assert story.submitted() == []
    assert "entry.not_chased" in story.note_types()
    assert [order.leg for order in story.orders(Role.ENTRY)] == [1]


@pytest.mark.rule("EXIT-4")
def test_the_signal_s_own_slippage_bound_goes_before_the_config_s() -> None:
    story = Story(ladder(*ONE, market=True), execution=bounded(max_slippage_percent=D("5")), slippage="0.2")
    assert story.orders(Role.ENTRY)[0].price == D("100.20")


@pytest.mark.rule("EXIT-4")
@pytest.mark.parametrize(("average", "warned"), [("101.00", False), ("101.01", True)])
def test_a_market_entry_that_came_out_beyond_the_bound_is_warned_about_afterwards(average: str, warned: bool) -> None:
    story = Story(ladder(*ONE, market=True))
    story.fill(story.entry(0), price=average)
    assert ("order_slippage" in story.alerts()) is warned


@pytest.mark.rule("ORD-10")
@pytest.mark.parametrize(("has_quote", "reason"), [(False, Reason.PRICE_MISSING), (True, Reason.PRICE_STALE)])
def test_a_market_entry_waits_for_a_fresh_price_while_limit_entries_go_out(has_quote: bool, reason: Reason) -> None:
    story = Story(ladder(*TWO, market=True), quote=False)
    if has_quote:
        story.quote = quote("100", time_ms=story.now_ms - 31_000)
        story.step(TimeReached())
    assert [order.leg for order in story.orders(Role.ENTRY)] == [1]
    assert story.leg(0).wait_reason in (reason, Reason.PRICE_MISSING)
    assert "price_stale" in story.group.flags
    assert story.alerts() == ["price_stale"]
    assert story.wake_ms == story.now_ms + 1000
    story.price("100")
    story.wait("1")
    assert story.order(story.entry(0)).type is OrderType.MARKET
    assert story.leg(0).wait_reason is None
    assert story.group.flags == ()


@pytest.mark.rule("ORD-10")
@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_no_market_order_goes_out_on_a_nonsensical_price(price: str) -> None:
    story = Story(ladder(*TWO, market=True), quote=False)
    bad = Decimal(price)
    story.quote = replace(quote("1", time_ms=story.now_ms), bid=bad, ask=bad)
    story.step(TimeReached())
    assert [order.leg for order in story.orders(Role.ENTRY)] == [1]


@pytest.mark.rule("PRC-1")
def test_a_leg_outside_the_price_band_waits_visibly_until_it_is_inside() -> None:
    story = Story(instrument=spot(band_down=D("0.985")))
    assert [order.leg for order in story.orders(Role.ENTRY)] == [0, 1, 2, 3]
    assert story.leg(4).wait_reason is Reason.OUTSIDE_PRICE_BAND
    story.price("99.40")
    story.wait("15")
    assert story.leg(4).wait_reason is None
    assert story.order(story.entry(4)).price == D("98.00")


@pytest.mark.rule("PRC-1")
def test_legs_over_the_open_order_count_wait_until_there_is_room() -> None:
    story = Story(instrument=spot(max_open_orders=3), on_flat=OnFlat.KEEP)
    assert [order.leg for order in story.orders(Role.ENTRY)] == [0, 1, 2]
    assert story.leg(3).wait_reason is Reason.TOO_MANY_OPEN_ORDERS
    story.fill(story.entry(0))
    assert story.leg(3).wait_reason is Reason.TOO_MANY_OPEN_ORDERS, "the target took the room"
    story.fill(story.target(0))
    assert [order.leg for order in story.orders(Role.ENTRY)] == [1, 2, 3]


@pytest.mark.rule("PRC-1")
def test_a_refusal_that_passes_makes_the_leg_wait_with_growing_pauses() -> None:
    story = Story(ladder(*TWO))
    story.reject(story.entry(1), Reason.OUTSIDE_PRICE_BAND)
    assert story.leg(1).wait_reason is Reason.OUTSIDE_PRICE_BAND
    assert story.leg(1).cancel_reason is None
    story.wait("0.249")
    assert story.submitted() == []
    story.wait("0.001")
    assert [(order.leg, order.attempt) for order in story.submitted()] == [(1, 2)]
    story.reject(story.entry(1), Reason.OUTSIDE_PRICE_BAND)
    story.wait("0.499")
    assert story.submitted() == []
    story.wait("0.001")
    assert [(order.leg, order.attempt) for order in story.submitted()] == [(1, 3)]


@pytest.mark.rule("GRP-5")
def test_refused_legs_are_rejected_and_the_others_stand() -> None:
    story = Story(ladder(*TWO))
    story.reject(story.entry(0), Reason.INSUFFICIENT_FUNDS)
    assert story.leg(0).cancel_reason is Reason.INSUFFICIENT_FUNDS
    assert story.state() is GroupState.LIVE
    assert [order.leg for order in story.orders(Role.ENTRY)] == [1]
    assert "entry_refused" in story.alerts()


@pytest.mark.rule("GRP-5")
def test_a_group_whose_first_legs_are_all_refused_closes_with_an_alert() -> None:
    story = Story(ladder(*TWO))
    story.reject(story.entry(0))
    story.reject(story.entry(1))
    assert closed(story)
    assert story.group.close_reason is Reason.ENTRIES_REFUSED
    assert "group_refused" in story.alerts()
    assert story.group.dust == 0


@pytest.mark.rule("GRP-5")
def test_refused_first_legs_close_the_group_though_a_pyramid_waits_unfilled() -> None:
    story = Story(ladder(*ONE))
    story.pyramid(ladder(*ONE, entry="99"))
    story.reject(story.entry(0))
    assert story.state() is GroupState.CLOSING
    story.confirm_cancels()
    assert closed(story)


@pytest.mark.rule("PRC-7")
def test_a_refusal_for_precision_is_an_error_with_an_alert() -> None:
    story = Story(ladder(*TWO))
    story.reject(story.entry(0), Reason.BAD_PRICE)
    note = next(note for note in story.notes if note.type == "order.precision")
    assert (note.severity, note.category) == ("error", "precision")


@pytest.mark.rule("ORD-3")
def test_an_entry_that_never_arrived_is_sent_again_under_a_new_attempt_while_it_is_young() -> None:
    story = Story(ladder(*ONE))
    story.now_ms += 299_000
    story.reject(story.entry(0), Reason.NEVER_ACCEPTED)
    assert [(order.leg, order.attempt) for order in story.submitted()] == [(0, 2)]
    story.now_ms += 2_000
    story.reject(story.entry(0), Reason.NEVER_ACCEPTED)
    assert story.leg(0).cancel_reason is Reason.STALE_ENTRY
    assert closed(story)


@pytest.mark.rule("ORD-1")
def test_an_entry_cancelled_from_outside_ends_its_leg_with_a_warning() -> None:
    story = Story(ladder(*TWO))
    story.end(story.entry(0))
    assert story.leg(0).cancel_reason is Reason.MANUAL
    assert story.submitted() == []
    assert [note.severity for note in story.notes if note.type == "entry.lost"] == ["warning"]


@pytest.mark.rule("DCA-7")
def test_unfilled_entries_expire_and_what_has_filled_stays() -> None:
    story = Story(ladder(*TWO), entry_ttl_s=60)
    story.fill(story.entry(0))
    assert story.wake_ms == story.now_ms + 60_000
    story.wait("59.999")
    assert not story.order(story.entry(1)).cancel_requested
    story.wait("0.001")
    assert story.order(story.entry(1)).cancel_requested
    assert story.leg(1).cancel_reason is Reason.ENTRY_TTL
    story.confirm_cancels()
    assert story.state() is GroupState.ACTIVE
    assert not story.order(story.target(0)).is_final


@pytest.mark.rule("DCA-7")
def test_entries_do_not_expire_by_default() -> None:
    story = Story(ladder(*TWO), unfilled_group_ttl_s=0)
    story.wait("86400000")
    assert len(story.orders(Role.ENTRY)) == 2
    assert not any(order.cancel_requested for order in story.orders(Role.ENTRY))


@pytest.mark.rule("DCA-6")
def test_unfilled_legs_are_cancelled_when_the_mark_runs_beyond_the_last_one() -> None:
    story = Story(ladder(*TWO), cancel_beyond_percent=D("1"))
    watch = story.watches[0]
    assert (watch.watch_id, watch.price, watch.book_side) == ("beyond:0", D("98.00"), "ask")  # Bound 98.01.
    story.cross("beyond:0", "98.00")
    assert {leg.cancel_reason for leg in story.group.legs()} == {Reason.BEYOND_LADDER}
    story.confirm_cancels()
    assert closed(story)
    assert story.watches == ()


@pytest.mark.rule("DCA-6")
def test_the_last_leg_stays_at_the_bound_itself_and_when_the_rule_is_off() -> None:
    story = Story(ladder(*TWO), cancel_beyond_percent=D("1"))
    story.price("98.01")
    story.step(TimeReached())
    assert not any(order.cancel_requested for order in story.orders(Role.ENTRY))
    off = Story(ladder(*TWO))
    off.price("50")
    off.step(TimeReached())
    assert not any(order.cancel_requested for order in off.orders(Role.ENTRY))


@pytest.mark.rule("GRP-7")
@pytest.mark.parametrize(("ttl_s", "after_s"), [(None, 4 * 3600), (120, 120)])
def test_a_group_none_of_whose_entries_filled_closes_after_its_time(ttl_s: int | None, after_s: int) -> None:
    story = Story(unfilled_group_ttl_s=ttl_s)
    assert story.wake_ms == story.now_ms + after_s * 1000
    story.wait(str(after_s - 1))
    assert story.state() is GroupState.LIVE
    story.wait("1")
    assert story.state() is GroupState.CLOSING
    story.confirm_cancels()
    assert closed(story)
    assert story.group.close_reason is Reason.UNFILLED_TTL


@pytest.mark.rule("GRP-7")
def test_a_group_with_a_fill_is_not_bound_by_that_time() -> None:
    story = Story(unfilled_group_ttl_s=120)
    story.fill(story.entry(0), "0.5")
    story.wait("600")
    assert story.state() is GroupState.PARTIALLY_FILLED


@pytest.mark.rule("PYR-1", "GRP-2")
def test_a_pyramid_adds_its_ladder_and_takes_an_active_group_back() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    assert story.state() is GroupState.ACTIVE
    story.pyramid(ladder(*TWO, entry="101"))
    assert story.state() is GroupState.PARTIALLY_FILLED
    assert [(o.pyramid, o.leg, o.price) for o in story.submitted()] == [(1, 0, D("101.00")), (1, 1, D("99.99"))]
    assert story.group.pyramids[1].entry_price == 101


@pytest.mark.rule("PYR-1")
def test_a_pyramid_of_a_signal_that_is_in_already_changes_nothing() -> None:
    story = Story(ladder(*ONE))
    story.pyramid(ladder(*ONE, entry="101"))
    before = story.group
    story.pyramid(ladder(*ONE, entry="101"))
    assert story.group is before


@pytest.mark.rule("PYR-2")
def test_a_pyramid_at_the_limit_is_refused_and_counted_as_a_replacement() -> None:
    story = Story(ladder(*ONE), max_pyramids=2)
    story.pyramid(ladder(*ONE))
    event = PyramidAdded(signal=signal(signal_id="signal-3"), plan=ladder(*ONE))
    assert story.refused(event).reason is Reason.MAX_PYRAMIDS
    counted = position.ignore_pyramid(story.group, story.context()).group
    assert counted.ignored_pyramids == 1
    assert len(counted.pyramids) == 2


@pytest.mark.rule("PYR-1")
@pytest.mark.parametrize(
    ("side", "close", "reason"), [(Side.LONG, True, Reason.GROUP_CLOSING), (Side.SHORT, False, Reason.SIDE_MISMATCH)]
)
def test_a_pyramid_is_refused_by_a_closing_group_and_on_the_other_side(side: Side, close: bool, reason: Reason) -> None:
    story = Story(ladder(*ONE))
    if close:
        story.close()
    event = PyramidAdded(signal=signal(signal_id="signal-3", side=side), plan=ladder(*ONE))
    assert story.refused(event).reason is reason


@pytest.mark.rule("GRP-2")
def test_a_group_is_live_then_partially_filled_then_active() -> None:
    story = Story(ladder(*TWO))
    assert story.state() is GroupState.LIVE
    story.fill(story.entry(0), "1")
    assert story.state() is GroupState.PARTIALLY_FILLED
    story.fill(story.entry(0))
    assert story.state() is GroupState.PARTIALLY_FILLED
    story.fill(story.entry(1))
    assert story.state() is GroupState.ACTIVE
    changes = [note.attributes for note in story.notes if note.type == "group.state"]
    assert [(change["from"], change["to"]) for change in changes] == [
        ("live", "partially_filled"),
        ("partially_filled", "active"),
    ]
    assert all(change["cause"] for change in changes)


@pytest.mark.rule("GRP-2")
def test_entries_given_up_by_command_leave_targets_and_holdings() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0))
    story.cancel_entries()
    assert story.order(story.entry(1)).cancel_requested
    story.confirm_cancels()
    assert story.state() is GroupState.ACTIVE
    assert not story.order(story.target(0)).cancel_requested


@pytest.mark.rule("ORD-3")
def test_a_loaded_group_asks_for_the_fate_of_its_orders_and_sends_nothing_new() -> None:
    story = Story(ladder(*TWO), cancel_beyond_percent=D("1"))
    story.fill(story.entry(0))
    decision = position.resume(story.group, story.context())
    assert decision.group is story.group
    kinds = [type(effect).__name__ for effect in decision.effects]
    assert kinds == ["ResolveOrders", "SetWatches"]
    asked = decision.effects[0]
    assert asked.client_order_ids == tuple(o.client_order_id for o in story.group.open_orders())  # type: ignore[union-attr]
    assert next(e for e in decision.effects if isinstance(e, SetWatches)).watches == story.watches


@pytest.mark.rule("ORD-3")
def test_a_loaded_group_asks_again_for_the_cancels_it_had_asked_for() -> None:
    story = Story(ladder(*TWO))
    story.close()
    decision = position.resume(story.group, story.context())
    kinds = {type(effect).__name__: effect for effect in decision.effects}
    assert kinds["CancelOrders"].client_order_ids == (story.entry(0), story.entry(1))  # type: ignore[union-attr]
    assert "SubmitOrders" not in kinds


def test_a_cancel_without_an_answer_is_asked_for_again_after_a_sweep() -> None:
    story = Story(ladder(*ONE), execution=ExecutionSettings(sweep_interval_s=15))
    story.close()
    assert story.cancels == [story.entry(0)]
    assert story.wake_ms == story.now_ms + 15_000
    story.wait("14.999")
    assert len(story.cancels) == 1
    story.wait("0.001")
    assert story.cancels == [story.entry(0)] * 2
