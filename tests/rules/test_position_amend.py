"""Targets that are amended in place: what is asked, what counts until the answer is certain, and what follows it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from actors.rules import position
from actors.rules.choices import FeePaidIn, LimitCloseFallback, OnFlat, SlippageAction, TpExecution, TpMode
from actors.rules.events import AmendOrders, OrdersReported, ResolveOrders, SubmitOrders
from actors.rules.model import Order, OrderReport, OrderState, Reason, Role, Side
from tests.rules.builders import NOW_MS, D, spot
from tests.rules.test_position_machine import GroupMachine
from tests.rules.test_position_storm import Storm
from tests.rules.venue import ONE, TWO, WORKED, Story, closed, ladder

AGGREGATE: dict[str, Any] = {"tp_mode": TpMode.AGGREGATE}


def amending(**strategy: Any) -> tuple[Story, str]:
    """A story with one leg of 10 at 100, of which 4 have filled, and its target, resting at 101 since half a second."""
    story = Story(ladder(*ONE), can_amend=True, **strategy)
    story.fill(story.entry(0), "4")
    target = story.target(0)
    story.report(target)
    story.wait("0.5")
    return story, target


def shape(order: Order) -> tuple[Decimal | None, Decimal]:
    return order.price, order.quantity


@pytest.mark.rule("ORD-9", "ORD-6", "ORD-2")
def test_a_target_grows_in_place_and_the_wish_is_stored_before_it_is_asked() -> None:
    story, target = amending()
    decision = story.fill(story.entry(0), "3")
    assert story.effects(AmendOrders) == [AmendOrders(client_order_ids=(target,))]
    order = decision.group.orders[target]
    assert (shape(order), order.wanted_price, order.wanted_quantity) == ((D(101), D(4)), D(101), D(7))
    assert order.remaining == 7
    story.amended(target)
    assert shape(story.order(target)) == (D(101), D(7))
    assert not story.order(target).is_amending
    assert (story.cancels, len(story.orders(Role.TAKE_PROFIT, live=False))) == ([], 1)


@pytest.mark.rule("ORD-9", "TP-3")
def test_price_and_quantity_change_in_one_amend() -> None:
    story = Story(ladder(*TWO), can_amend=True, tp_percent=D(1), **AGGREGATE)
    story.fill(story.entry(0))
    target = story.group_target()
    story.wait("0.5")
    story.fill(story.entry(1))
    order = story.order(target)
    assert (order.wanted_price, order.wanted_quantity) == (D("100.50"), D("10.050"))
    story.amended(target)
    assert shape(story.order(target)) == (D("100.50"), D("10.050"))


@pytest.mark.rule("ORD-9")
def test_an_exchange_that_cannot_amend_gets_a_cancel_and_a_new_order() -> None:
    story = Story(ladder(*ONE))
    story.fill(story.entry(0), "4")
    story.wait("0.5")
    story.fill(story.entry(0), "3")
    assert (story.amends, story.cancels) == ([], [story.target(0)])


@pytest.mark.rule("TP-10", "ORD-9")
def test_an_amend_keeps_the_pace_and_counts_from_the_one_before() -> None:
    story, target = amending()
    story.fill(story.entry(0), "1")
    story.amended(target)
    story.wait("0.3")
    story.fill(story.entry(0), "1")
    assert story.amends == [target]
    assert story.wake_ms == story.now_ms + 200
    story.wait("0.2")
    assert story.amends == [target, target]
    assert story.order(target).wanted_quantity == 6


@pytest.mark.rule("TP-10", "ORD-9")
def test_one_amend_is_in_flight_and_the_next_follows_its_answer() -> None:
    story, target = amending()
    story.fill(story.entry(0), "1")
    story.wait("1")
    story.fill(story.entry(0), "1")
    story.wait("1")
    assert story.amends == [target]
    story.amended(target)
    assert (story.amends, story.order(target).wanted_quantity) == ([target, target], D(6))
    story.amended(target)
    assert shape(story.order(target)) == (D(101), D(6))


@pytest.mark.rule("ORD-9", "TP-10")
def test_a_refused_amend_is_followed_by_a_cancel_at_once_and_a_new_order() -> None:
    story, target = amending()
    story.fill(story.entry(0), "3")
    story.report(target, reason=Reason.EXCHANGE_REFUSED)
    assert "target.amend_refused" in story.note_types()
    assert (story.cancels, story.order(target).is_amending) == ([target], False)
    assert story.order(target).remaining == 4
    story.confirm_cancels()
    (order,) = story.orders(Role.TAKE_PROFIT)
    assert (order.attempt, shape(order)) == (2, (D(101), D(7)))


@pytest.mark.rule("ORD-9", "TP-7")
def test_an_uncertain_amend_is_cancelled_and_the_larger_quantity_stays_bound_until_that_is_certain() -> None:
    story, target = amending()
    story.fill(story.entry(0), "3")
    story.report(target, reason=Reason.OUTCOME_UNKNOWN)
    assert story.cancels == [target]
    assert story.order(target).remaining == 7
    story.close()
    assert story.orders(Role.CLOSE) == [], "the amend may still arrive, and all of it could be sold"
    story.confirm_cancels()
    assert story.order(story.closing()).quantity == 7
    assert not story.order(target).is_amending


@pytest.mark.rule("ORD-9")
def test_what_is_reported_as_wanted_is_done_whatever_else_is_said() -> None:
    story, target = amending()
    story.fill(story.entry(0), "3")
    story.venue.amend(target, D(101), D(7))
    story.report(target, reason=Reason.EXCHANGE_REFUSED)
    assert (shape(story.order(target)), story.cancels) == ((D(101), D(7)), [])


@pytest.mark.rule("ORD-9", "TP-7")
@pytest.mark.parametrize("later_ms", [None, 0, 1])
def test_a_target_that_was_certainly_changed_after_its_last_change_is_asked_back(later_ms: int | None) -> None:
    story, target = amending()
    order = story.order(target)
    shape_ms = None if later_ms is None else order.create_time_ms + later_ms
    changed = OrderReport(
        client_order_id=target,
        state=OrderState.OPEN,
        time_ms=story.now_ms,
        price=D(103),
        quantity=D(2),
        shape_ms=shape_ms,
    )
    decision = story.step(OrdersReported(reports=(changed,)))
    if later_ms != 1:
        assert (story.order(target), story.amends) == (order, [])
        return
    assert story.amends == [target]
    asked = decision.group.orders[target]
    assert (shape(asked), asked.wanted_price, asked.wanted_quantity) == ((D(103), D(2)), D(101), D(4))
    assert asked.remaining == 4
    assert "target.changed_outside" in story.note_types()
    story.amended(target)
    assert shape(story.order(target)) == (D(101), D(4))


@pytest.mark.rule("ORD-9")
def test_a_report_of_the_earlier_shape_says_nothing_of_the_amend() -> None:
    story, target = amending()
    story.fill(story.entry(0), "3")
    before = story.group
    story.report(target)
    assert story.group is before
    assert story.cancels == []


@pytest.mark.rule("ORD-9", "ORD-5", "TP-7")
def test_a_fill_of_the_old_quantity_during_the_amend_does_not_end_the_order() -> None:
    story, target = amending()
    story.fill(story.entry(0), "3")
    story.venue.amend(target, D(101), D(7))
    story.venue.fill(target, D(4))
    trades = story.venue.report(target).trades
    story.step(
        OrdersReported(reports=(OrderReport(client_order_id=target, state=None, trades=trades, time_ms=NOW_MS),))
    )
    assert (story.order(target).state, story.order(target).remaining) == (OrderState.PARTIALLY_FILLED, D(3))
    assert len(story.orders(Role.TAKE_PROFIT)) == 1, "what the amend binds has no second target"
    story.report(target)
    assert (shape(story.order(target)), story.order(target).remaining) == ((D(101), D(7)), D(3))


@pytest.mark.rule("ORD-9", "ORD-8")
def test_an_amend_that_came_too_late_leaves_the_fill_and_the_rest_gets_a_target_of_its_own() -> None:
    story, target = amending()
    story.fill(story.entry(0), "3")
    story.fill(target)
    assert (story.order(target).state, story.order(target).is_amending) == (OrderState.FILLED, False)
    (rest,) = story.orders(Role.TAKE_PROFIT)
    assert (rest.attempt, shape(rest)) == (2, (D(101), D(3)))


@pytest.mark.rule("ORD-9", "ORD-5")
def test_a_filled_report_whose_trades_are_not_all_known_keeps_what_was_amended() -> None:
    story, target = amending()
    story.fill(story.entry(0), "3")
    story.venue.amend(target, D(101), D(7))
    story.venue.fill(target, D(4))
    first = story.venue.report(target).trades
    story.venue.fill(target)
    told = story.venue.report(target)
    partial = OrderReport(
        client_order_id=target, state=told.state, trades=first, time_ms=NOW_MS, price=D(101), quantity=D(7)
    )
    story.step(OrdersReported(reports=(partial,)))
    assert (story.order(target).state, story.order(target).remaining) == (OrderState.PARTIALLY_FILLED, D(3))
    assert target in story.resolves
    story.report(target)
    assert story.order(target).state is OrderState.FILLED


@pytest.mark.rule("ORD-9", "EXIT-1", "TP-7")
def test_an_exit_during_an_amend_sells_only_what_neither_quantity_binds() -> None:
    story, target = amending()
    story.fill(story.entry(0), "3")
    story.venue.fill(story.entry(0), D(2))
    story.report(story.entry(0))
    story.close()
    assert set(story.cancels) == {target, story.entry(0)}
    assert [order.quantity for order in story.orders(Role.CLOSE)] == [2]
    story.fill(story.closing())
    story.confirm_cancels()
    story.fill(story.closing())
    assert closed(story)
    assert story.venue.base == 0


@pytest.mark.rule("ORD-9", "REC-1")
def test_a_group_that_is_loaded_asks_again_for_its_amend_and_takes_what_stands() -> None:
    story, target = amending()
    story.fill(story.entry(0), "3")
    story.venue.amend(target, D(101), D(7))
    decision = story.load()
    assert AmendOrders(client_order_ids=(target,)) in decision.effects
    assert any(isinstance(effect, ResolveOrders) and target in effect.client_order_ids for effect in decision.effects)
    assert not any(isinstance(effect, SubmitOrders) for effect in decision.effects)
    story.report(target)
    assert shape(story.order(target)) == (D(101), D(7))


@pytest.mark.rule("ORD-9")
def test_an_amend_without_an_answer_is_asked_for_again_after_a_sweep() -> None:
    story, target = amending()
    story.fill(story.entry(0), "3")
    story.wait(str(story.execution.sweep_interval_s))
    assert story.amends == [target, target]
    assert position.under_way(story.group)[1] == AmendOrders(client_order_ids=(target,))


@pytest.mark.rule("ORD-9", "TP-10")
def test_a_split_target_is_amended_part_by_part_as_long_as_it_has_as_many() -> None:
    story = Story(ladder(*TWO), can_amend=True, tp_percent=D(1), **AGGREGATE)
    story.instrument = spot(max_quantity=D(3))
    story.fill(story.entry(0), "4.5")
    assert sorted(order.quantity for order in story.orders(Role.TAKE_PROFIT)) == [D("1.5"), D(3)]
    story.wait("0.5")
    story.fill(story.entry(1), "0.5")
    assert len(story.amends) == 2
    for name in list(story.amends):
        story.amended(name)
    orders = story.orders(Role.TAKE_PROFIT)
    assert sorted(order.quantity for order in orders) == [D(2), D(3)]
    assert {order.price for order in orders} == {D("100.90")}
    assert story.cancels == []
    story.wait("0.5")
    story.fill(story.entry(1), "2")
    assert len(story.cancels) == 2, "three parts cannot be made of two"


@pytest.mark.rule("ORD-9", "PRC-7")
@pytest.mark.parametrize(("most", "amends"), [("10", 1), ("9", 0)])
def test_a_partly_filled_target_is_not_amended_beyond_the_largest_quantity(most: str, amends: int) -> None:
    story = Story(ladder(*ONE), can_amend=True)
    story.instrument = spot(max_quantity=D(most))
    story.fill(story.entry(0), "6")
    target = story.target(0)
    story.fill(target, "5")
    story.wait("0.5")
    story.fill(story.entry(0), "4")
    assert (len(story.amends), len(story.cancels)) == (amends, 1 - amends)
    assert story.order(target).wanted_quantity == (10 if amends else None)


@pytest.mark.rule("ORD-9", "PRC-1")
def test_a_target_whose_new_price_lies_outside_the_band_stays_where_it_is() -> None:
    story = Story(ladder(*TWO), instrument=spot(band_up=D("1.008")), can_amend=True, tp_percent=D(1), **AGGREGATE)
    story.price("101")
    story.fill(story.entry(0))
    target = story.group_target()
    story.wait("0.5")
    story.price("99")
    story.fill(story.entry(1))
    assert (story.amends, story.cancels) == ([], [])
    story.price("100")
    story.wait("5")
    assert story.amends == [target]


class AmendStorm(Storm):
    """Ladders that fill in pieces under targets of whole pyramids: hardly anything but amends."""

    def _begin(self) -> None:
        pick = self.random.choice
        self.machine = GroupMachine()
        self.machine.begin(
            rows=pick([WORKED, TWO]),
            side=pick(list(Side)),
            mode=(pick([TpMode.AGGREGATE, TpMode.PYRAMID_AGGREGATE, TpMode.PER_LEG]), TpExecution.RESTING),
            on_flat=pick(list(OnFlat)),
            action=SlippageAction.WARN,
            fallback=LimitCloseFallback.MARKET,
            market=False,
            fee_percent=pick(["0", "0.1"]),
            fee_in=pick(list(FeePaidIn)),
            net=False,
            most=pick([None, None, D("2.5")]),
            market_step=None,
            can_amend=True,
            stop={},
            can_stop=False,
        )
        self.amends = 0

    def _actions(self) -> dict[str, Any]:
        actions = super()._actions()
        for name in ("refuse", "end", "price", "cross", "rules", "fill wholly"):
            actions[name] = (0.05, actions[name][1])
        return {**actions, "fill": (6, self._fill_entry), "sell": (0.7, self._fill), "amend": (6, self._amend)}

    def _fill_entry(self) -> None:
        venue = self.machine.story.venue
        names = [name for name in self.machine._open() if venue.orders[name].role is Role.ENTRY]
        if names:
            name = self.random.choice(names)
            venue.fill(name, min(venue.orders[name].remaining, D(self.random.choice([60, 77, 150])) / 1000))
            self.machine._tell(name)

    def _amend(self) -> None:
        self.amends += bool(self.machine.story.unamended)
        super()._amend()


@pytest.mark.rule("ORD-9", "TP-7", "TP-10", "ORD-5")
@pytest.mark.parametrize("seed", range(12))
def test_whatever_becomes_of_amends_nothing_is_oversold_and_everything_has_its_target(seed: int) -> None:
    storm = AmendStorm(seed)
    storm.run(200)


@pytest.mark.rule("ORD-9", "TP-7")
def test_parts_that_would_together_be_more_than_is_free_while_under_way_are_placed_anew() -> None:
    story = Story(ladder(*TWO), can_amend=True, tp_percent=D(1), **AGGREGATE)
    story.instrument = spot(max_quantity=D(2))
    story.fill(story.entry(0), "4")
    story.wait("0.5")
    story.instrument = spot(max_quantity=D(3))
    story.fill(story.entry(0), "0.5")
    assert story.amends == []
    assert len(story.cancels) == 2, "2 and 2 could be 3 and 2 for a moment, of 4.5"
