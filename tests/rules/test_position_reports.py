"""What the exchange says: counted once, in any order, contradictions alerted. And what it does to the books."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import position_orders, profit, states
from actors.rules.choices import FeePaidIn, TpMode
from actors.rules.events import CancelOrders, OrdersReported, SubmitOrders
from actors.rules.model import GroupState, LegState, Order, OrderReport, OrderState, Reason, Role
from actors.rules.position_books import split
from actors.rules.position_orders import MAX_FINAL_ORDERS, trim
from actors.rules.records import AddTrade, changes
from tests.rules.builders import D, spot
from tests.rules.venue import ONE, TWO, Story, closed, ladder


@pytest.mark.rule("ORD-5", "ORD-1")
def test_a_report_that_says_nothing_new_changes_nothing_and_writes_no_rows() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0), "1")
    before = story.group
    story.report(story.entry(0))
    assert story.group is before
    assert list(changes(before, story.group)) == []


@pytest.mark.rule("ORD-5")
def test_reports_count_each_trade_once_in_whatever_order_and_number_they_come() -> None:
    story = Story(ladder(*ONE))
    name = story.entry(0)
    reports = [story.venue.report(name)]
    for quantity in ("1", "2", "7"):
        story.venue.fill(name, D(quantity))
        reports.append(story.venue.report(name))
    ends = set()
    for order in itertools.permutations(reports):
        fresh = Story(ladder(*ONE))
        for report in (*order, *order):
            fresh.step(OrdersReported(reports=(report,)))
        got = fresh.order(name)
        ends.add((got.state, got.filled_quantity, len(got.trades), fresh.leg(0).lot, fresh.leg(0).bought_cost))
    assert ends == {(OrderState.FILLED, D(10), 3, fresh.leg(0).lot, D(1000))}


@pytest.mark.rule("ORD-5")
def test_a_doubled_trade_inside_one_report_counts_once_and_makes_one_row() -> None:
    story = Story(ladder(*ONE))
    name = story.entry(0)
    story.venue.fill(name, D(1))
    report = story.venue.report(name)
    before = story.group
    story.step(OrdersReported(reports=(replace(report, trades=report.trades * 3), report)))
    assert story.order(name).filled_quantity == 1
    assert len([row for row in changes(before, story.group) if isinstance(row, AddTrade)]) == 1


@pytest.mark.rule("ORD-1", "ORD-5")
def test_a_fill_before_the_acknowledgement_counts() -> None:
    story = Story(ladder(*ONE))
    name = story.entry(0)
    ack = story.venue.report(name)
    story.fill(name, "4")
    assert story.order(name).state is OrderState.PARTIALLY_FILLED
    story.step(OrdersReported(reports=(ack,)))
    assert story.order(name).state is OrderState.PARTIALLY_FILLED
    assert story.order(name).exchange_order_id == f"x{name}"


@pytest.mark.rule("ORD-8")
def test_a_cancel_that_meets_a_filled_order_takes_the_fill() -> None:
    story = Story(ladder(*TWO))
    story.cancel_entries()
    name = story.entry(1)
    story.venue.fill(name)
    report = replace(story.venue.report(name), state=OrderState.CANCELLED)
    story.step(OrdersReported(reports=(report,)))
    assert story.order(name).state is OrderState.FILLED
    assert story.leg(1).lot.quantity == D("5.05")
    assert "order_contradiction" not in story.alerts()


@pytest.mark.rule("ORD-1")
def test_a_fill_after_a_cancel_still_counts() -> None:
    story = Story(ladder(*TWO))
    name = story.entry(1)
    story.end(name)
    story.fill(name, "1")
    assert story.order(name).state is OrderState.CANCELLED
    assert story.leg(1).lot.quantity == 1
    assert "late_fill" in story.group.flags
    assert not closed(story)
    assert story.order(story.target(1)).quantity == 1
    story.fill(name)
    assert story.order(name).state is OrderState.FILLED


@pytest.mark.rule("ORD-3")
def test_an_order_said_to_be_filled_without_all_its_trades_stays_open_and_is_looked_up() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    story.close()
    target = story.target(0)
    story.venue.fill(target, D(4))
    story.step(OrdersReported(reports=(replace(story.venue.report(target), state=OrderState.FILLED),)))
    assert story.order(target).state is OrderState.PARTIALLY_FILLED
    assert story.resolves[-1] == target
    assert story.orders(Role.CLOSE) == [], "what its missing trades may have sold is not sold again"
    story.fill(target)
    assert closed(story)


@pytest.mark.rule("ORD-1")
def test_a_contradiction_raises_an_alert_and_changes_nothing() -> None:
    story = Story(ladder(*TWO))
    name = story.entry(0)
    story.fill(name)
    before = story.group
    rejected = OrderReport(client_order_id=name, state=OrderState.REJECTED, time_ms=0)
    story.step(OrdersReported(reports=(rejected,)))
    assert story.group is before
    assert "order_contradiction" in story.alerts()


@pytest.mark.rule("ORD-1")
def test_a_partly_filled_order_called_rejected_is_looked_up() -> None:
    story = Story(ladder(*ONE))
    name = story.entry(0)
    story.fill(name, "1")
    rejected = OrderReport(client_order_id=name, state=OrderState.REJECTED, time_ms=0)
    story.step(OrdersReported(reports=(rejected,)))
    assert story.order(name).state is OrderState.PARTIALLY_FILLED
    assert story.resolves == [name]


@pytest.mark.rule("ORD-1", "ORD-3")
def test_an_order_that_lives_after_its_rejection_is_cancelled_and_its_fills_count() -> None:
    story = Story(ladder(*TWO))
    name = story.entry(0)
    story.reject(name)
    alive = OrderReport(client_order_id=name, state=OrderState.OPEN, time_ms=0)
    before = story.group
    story.step(OrdersReported(reports=(alive,)), again=False)
    assert story.effects(CancelOrders) == [CancelOrders(client_order_ids=(name,))]
    assert story.group is before
    story.fill(name, "2")
    assert story.leg(0).lot.quantity == 2
    assert story.order(name).state is OrderState.REJECTED


def test_a_report_of_an_order_the_group_does_not_know_is_alerted_and_not_counted() -> None:
    story = Story(ladder(*ONE))
    before = story.group
    report = OrderReport(client_order_id="abcd000123456789ab000e00z", state=OrderState.OPEN, time_ms=0)
    story.step(OrdersReported(reports=(report,)))
    assert story.group is before
    assert story.alerts() == ["order_unknown"]


def test_a_trade_of_no_quantity_is_no_trade() -> None:
    story = Story(ladder(*ONE))
    name = story.entry(0)
    story.venue.fill(name, D(1))
    report = story.venue.report(name)
    empty = replace(report.trades[0], quantity=D(0))
    before = story.group
    story.step(OrdersReported(reports=(replace(report, trades=(empty,)),)))
    assert story.group.orders[name].trades == before.orders[name].trades


# --- books ---


@pytest.mark.rule("PRC-5")
def test_a_fee_taken_in_the_coin_reduces_what_can_be_sold() -> None:
    story = Story(ladder(*ONE), fee_percent="0.1")
    story.fill(story.entry(0))
    assert story.leg(0).lot.quantity == D("9.99")
    assert story.order(story.target(0)).quantity == D("9.990")
    assert story.leg(0).bought_quantity == 10
    assert (story.group.fees, story.group.realized) == (D(1), D(-1))


@pytest.mark.rule("PNL-1")
def test_realised_profit_is_proceeds_less_cost_less_fees() -> None:
    story = Story(ladder(*ONE), fee_percent="0.1", fee_in=FeePaidIn.QUOTE)
    story.fill(story.entry(0))
    story.fill(story.target(0), "4")
    assert story.group.realized == 404 - 400 - 1 - D("0.404")
    story.fill(story.target(0))
    assert closed(story)
    assert story.group.realized == 1010 - 1000 - 1 - D("1.01")
    assert story.group.fees == 1 + D("1.01")
    assert story.group.realized == story.venue.quote


@pytest.mark.rule("PNL-1", "PRC-5")
def test_a_sale_whose_fee_is_taken_in_the_coin_balances() -> None:
    story = Story(ladder(*ONE), strict=False)
    story.fill(story.entry(0))
    name = story.target(0)
    story.venue.fill(name, D(4))
    report = story.venue.report(name)
    trade = replace(report.trades[0], fee=D("0.004"), fee_asset="BTC", fee_value=D("0.404"))
    story.step(OrdersReported(reports=(replace(report, trades=(trade,)),)))
    assert profit.held(story.group) == 10 - 4 - D("0.004")
    assert story.group.realized == 404 - D("400.4")
    assert story.group.fees == D("0.404")
    assert story.order(name).cancel_requested, "the rest of the target is more than is left"


@pytest.mark.rule("PNL-1", "TP-7")
def test_a_fee_in_the_coin_that_the_group_does_not_hold_is_an_expense_and_no_oversale() -> None:
    story = Story(ladder(*ONE), strict=False)
    story.fill(story.entry(0))
    name = story.target(0)
    story.venue.fill(name)
    report = story.venue.report(name)
    trade = replace(report.trades[0], fee=D("0.01"), fee_asset="BTC", fee_value=D("1.01"))
    story.step(OrdersReported(reports=(replace(report, trades=(trade,)),)))
    assert closed(story)
    assert story.group.flags == ()
    assert story.group.realized == 1010 - 1000 - D("1.01")


@pytest.mark.rule("TP-7")
def test_a_fill_beyond_its_leg_is_taken_from_the_loose_rest_and_then_from_other_legs() -> None:
    story = Story(ladder(*TWO), tp_reprice_ms=0)
    story.fill(story.entry(0), "0.04")
    story.fill(story.entry(1))
    story.end(story.entry(0))  # 0.04 joins the loose remainder, and the target of leg 1 takes it along.
    story.confirm_cancels()
    assert story.group.loose.quantity == D("0.04")
    story.fill(story.target(1), "5.07")
    assert story.leg(1).lot.quantity == 0
    assert story.group.loose.quantity == D("0.02")


@given(
    wanted=st.decimals(0, 10**6, places=18),
    rooms=st.lists(st.decimals(0, 10**5, places=18), min_size=1, max_size=8),
)
@pytest.mark.rule("PNL-1", "TP-7")
def test_a_split_adds_up_exactly_and_takes_no_more_than_there_is(wanted: Decimal, rooms: list[Decimal]) -> None:
    shares = split(wanted, rooms)
    assert sum(shares) == min(wanted, sum(rooms))
    assert all(0 <= share <= room for share, room in zip(shares, rooms, strict=True))


@given(
    wanted=st.integers(1, 999),
    rooms=st.lists(st.integers(1, 1000), min_size=2, max_size=6),
)
@pytest.mark.rule("PNL-1")
def test_a_split_is_in_proportion_to_a_quintillionth(wanted: int, rooms: list[int]) -> None:
    total = sum(rooms)
    if wanted >= total:
        return
    for share, room in zip(split(D(wanted), [D(room) for room in rooms]), rooms, strict=True):
        assert abs(share - D(wanted) * room / total) < len(rooms) * D("1e-18")


# --- memory ---


@pytest.mark.rule("ORD-2")
def test_a_group_forgets_its_oldest_finished_orders_but_never_one_that_may_fill_or_the_last_of_a_place() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0))
    kept = dict(story.group.orders)
    base = story.order(story.target(0))
    many: dict[str, Order] = dict(kept)
    for attempt in range(2, MAX_FINAL_ORDERS + 100):
        name = f"{base.client_order_id}-{attempt}"
        many[name] = replace(base, client_order_id=name, attempt=attempt, state=OrderState.CANCELLED)
    trimmed = trim(many)
    assert len([order for order in trimmed.values() if order.is_final]) <= MAX_FINAL_ORDERS + 1
    assert all(name in trimmed for name in kept), "open ones, and the entry that is the last of its place"
    assert max(order.attempt for order in trimmed.values()) == MAX_FINAL_ORDERS + 99
    assert trim(kept) is kept


def test_a_group_that_has_forgotten_orders_goes_on_counting_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(position_orders, "MAX_FINAL_ORDERS", 3)
    story = Story(ladder(*ONE))
    story.fill(story.entry(0))
    for attempt in range(1, 9):
        assert story.order(story.target(0)).attempt == attempt
        story.reject(story.target(0))
        story.wait("60")
    assert len(story.group.orders) <= 5


# --- what is shown ---


def test_a_leg_shows_what_became_of_it() -> None:
    story = Story(ladder(*TWO))

    def state(index: int) -> LegState:
        return states.leg_state(story.group, story.leg(index))

    assert state(0) is LegState.PENDING
    story.report(story.entry(0))
    assert state(0) is LegState.OPEN
    story.fill(story.entry(0), "1")
    assert state(0) is LegState.PARTIALLY_FILLED
    story.fill(story.entry(0))
    assert state(0) is LegState.FILLED
    story.reject(story.entry(1))
    assert state(1) is LegState.REJECTED
    assert states.legs_filled(story.group) == 1
    story.close()
    story.confirm_cancels()
    while not closed(story):
        story.fill(story.closing())
    assert state(0) is LegState.CLOSED
    assert states.legs_filled(story.group) == 1


def test_an_event_log_tells_the_story_in_a_trader_s_words() -> None:
    story = Story(ladder(*TWO), fee_percent="0.1")
    story.fill(story.entry(0))
    story.fill(story.target(0))
    story.confirm_cancels()
    assert [note.message.removeprefix("BTC/USDT 1h long: ") for note in story.notes] == [
        "opened at 100 with 2 legs, 1000",
        "pyramid 0 leg 0 bought 5 at 100",
        "live -> partially_filled: an entry filled",
        "pyramid 0 leg 0 sold 4.995 at 101",
        "partially_filled -> closing: FLAT",
        "closing -> closed: FLAT",
        "closed, FLAT: realized 3.990505 USDT",
    ]


@pytest.mark.rule("PNL-1")
def test_contracts_are_counted_with_their_size() -> None:
    from tests.rules.builders import swap

    instrument = swap(contract_size=D("0.1"), step_size=D(1), min_quantity=D(1))
    story = Story(ladder(*ONE, instrument=instrument), instrument=instrument, fee_percent="0.1")
    assert story.leg(0).quantity == 100
    story.fill(story.entry(0))
    assert story.leg(0).lot.cost == 1000
    assert story.order(story.target(0)).price == D("101.00")
    story.fill(story.target(0))
    assert closed(story)
    assert story.group.realized == 10 - 1 - D("1.01")


@pytest.mark.rule("GRP-2")
def test_a_group_is_the_same_value_whatever_was_asked_of_it() -> None:
    story = Story(ladder(*TWO), tp_mode=TpMode.AGGREGATE)
    before = story.group
    copy = replace(before)
    story.fill(story.entry(0))
    story.reject(story.entry(1), Reason.EXCHANGE_REFUSED)
    assert before == copy
    assert story.state() is GroupState.ACTIVE
    assert story.effects(SubmitOrders) == []
    assert spot() == story.group.instrument
