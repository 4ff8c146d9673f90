"""A part of a group is closed: targets give way, it is sold, targets are whole again (EXIT-6, RISK-7, RISK-8)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from actors.rules import drifts, position_cuts, precision, profit, takeprofit
from actors.rules.choices import FeePaidIn, SlippageAction, TpExecution, TpMode
from actors.rules.events import CutAsked, CutStopped, ShareTaken
from actors.rules.model import Cut, CutState, GroupState, OrderState, Reason, Role, Side
from actors.rules.money import floor_to
from actors.rules.position_cut_books import MAX_ENDED_CUTS
from actors.rules.position_cuts import MAX_RUNNING_CUTS
from actors.rules.settings import ExecutionSettings
from tests.rules.builders import D, spot, swap, trade
from tests.rules.venue import TWO, WORKED, Story, bounded, ladder

MODES = [(mode, TpExecution.RESTING) for mode in TpMode] + [
    (TpMode.AGGREGATE, TpExecution.WATCHED),
    (TpMode.PYRAMID_AGGREGATE, TpExecution.WATCHED),
]


class CutStory(Story):
    """A group all of whose entries have filled."""

    def __init__(self, *rows: Any, pyramids: int = 1, **changes: Any) -> None:
        side, instrument = changes.get("side", Side.LONG), changes.get("instrument") or spot()
        super().__init__(ladder(*(rows or WORKED), side=side, instrument=instrument), **changes)
        for number in range(1, pyramids):
            plan = ladder(*(rows or WORKED), side=side, instrument=instrument, entry="98")
            self.pyramid(plan, f"signal-{number + 1}")
        for order in self.orders(Role.ENTRY):
            self.fill(order.client_order_id)
        self.wait("1")

    def ask(
        self,
        quantity: str | None,
        cut_id: str = "a:1",
        reason: Reason = Reason.RISK_OFFSET,
        worst: str | None = None,
    ) -> Cut:
        worst_price = None if worst is None else D(worst)
        asked = CutAsked(
            cut_id=cut_id, quantity=None if quantity is None else D(quantity), reason=reason, worst_price=worst_price
        )
        self.step(asked)
        return self.cut(cut_id)

    def stop_cut(self, cut_id: str = "a:1") -> Cut:
        self.step(CutStopped(cut_id=cut_id, reason=Reason.STOPPED_BY_USER))
        return self.cut(cut_id)

    def cut(self, cut_id: str = "a:1") -> Cut:
        return next(cut for cut in self.group.cuts if cut.cut_id == cut_id)

    def closes(self) -> list[str]:
        return [order.client_order_id for order in self.orders(Role.CLOSE)]

    def sell(self, price: str | None = None) -> None:
        """Cancels succeed and what is being closed fills, until nothing is being closed any more."""
        for _ in range(30):
            self.confirm_cancels()
            for order in self.orders(Role.TAKE_PROFIT):
                if order.is_amending:
                    self.amended(order.client_order_id)
            if not self.closes() and any(cut.state is CutState.RUNNING for cut in self.group.cuts):
                self.wait("1")
            elif not self.closes():
                return
            for name in self.closes():
                self.fill(name, price=price)
        raise AssertionError("it goes on closing")

    def held(self) -> Decimal:
        return profit.held(self.group)

    def are_targets_whole(self) -> None:
        """Every target covers exactly what is left of its part, on the step, the loose remainder with one of them."""
        self.wait("1")
        self.sell()
        resting = sum((order.remaining for order in self.orders(Role.TAKE_PROFIT)), D(0))
        if takeprofit.is_watched(self.group.settings):
            assert resting == 0
            assert self.watches
            return
        wanted = [unit.quantity for unit in takeprofit.targets(self.group, self.fees)]
        least = sum((floor_to(quantity, self.instrument.step_size) for quantity in wanted), D(0))
        assert least <= resting <= self.held()
        assert self.held() - resting < self.instrument.step_size * (len(wanted) + 1)


# --- in every mode --------------------------------------------------------------------------------


@pytest.mark.rule("EXIT-6", "RISK-8", "TP-7")
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: f"{mode[0]}-{mode[1]}")
@pytest.mark.parametrize("kind", ["long", "short", "contracts", "base fees"])
@pytest.mark.parametrize("can_amend", [False, True])
def test_a_cut_sells_exactly_its_quantity_and_targets_cover_what_is_left(
    mode: tuple[TpMode, TpExecution], kind: str, can_amend: bool
) -> None:
    side = Side.SHORT if kind == "short" else Side.LONG
    instrument = spot()
    if kind in ("short", "contracts"):
        instrument = swap() if kind == "short" else swap(contract_size=D("0.1"), step_size=D("0.1"))
    fee = "0.1" if kind == "base fees" else "0"
    story = CutStory(
        pyramids=2,
        side=side,
        instrument=instrument,
        fee_percent=fee,
        fee_in=FeePaidIn.BASE,
        can_amend=can_amend,
        tp_mode=mode[0],
        tp_execution=mode[1],
    )
    held, realized, others = story.held(), story.group.realized, len(story.group.pyramids)
    quantity = precision.round_quantity(held / 3, instrument)
    cut = story.ask(str(quantity))
    assert (cut.quantity, cut.is_whole, sum(part.quantity for part in cut.parts)) == (quantity, False, quantity)
    story.sell()
    cut = story.cut()
    assert (cut.state, cut.sold, cut.stop_reason) == (CutState.DONE, quantity, None)
    assert held - story.held() == quantity
    assert cut.realized == story.group.realized - realized
    assert story.state() is GroupState.ACTIVE
    assert len(story.group.pyramids) == others
    story.are_targets_whole()


@pytest.mark.rule("EXIT-6", "RISK-8")
def test_targets_of_other_legs_are_not_touched() -> None:
    story = CutStory()
    others = {leg: story.order(story.target(leg)) for leg in (1, 3, 4)}
    story.ask("3")
    assert {order.leg for order in story.orders(Role.TAKE_PROFIT) if order.cancel_requested} == {0, 2}
    story.sell(price="100")
    assert {leg: story.order(story.target(leg)) for leg in (1, 3, 4)} == others
    assert story.order(story.target(2)).quantity == D("1.020")
    assert [str(leg.lot.quantity) for leg in story.group.legs()] == ["0", "2.010", "1.020", "2.030", "2.040"]


@pytest.mark.rule("EXIT-6", "PNL-1")
def test_each_leg_is_sold_at_its_own_average_cost() -> None:
    """2.000 bought at 100 and 1.000 bought at 99, sold at 100.5: 1.00 and 1.50."""
    story = CutStory()
    story.price("100.5")
    story.ask("3")
    story.sell(price="100.5")
    assert story.cut().realized == D("2.5")


@pytest.mark.rule("RISK-8")
def test_the_parts_left_are_told_while_it_runs() -> None:
    story = CutStory()
    story.ask("3")
    story.end(story.target(0))
    assert [order.quantity for order in story.orders(Role.CLOSE)] == [D(2)], "what is certainly free goes at once"
    story.fill(story.closes()[0], "0.5")
    assert [(part.leg, str(part.quantity)) for part in story.cut().parts] == [(0, "1.500"), (2, "1.000")]


@pytest.mark.rule("TP-7", "RISK-7")
def test_what_a_target_sells_meanwhile_counts_and_is_not_sold_again() -> None:
    story = CutStory()
    story.ask("1.5")
    story.fill(story.target(0), "1.2")
    assert (story.cut().sold, story.cut().realized) == (D("1.2"), D("1.2"))
    story.sell(price="100")
    assert (story.cut().state, story.cut().sold) == (CutState.DONE, D("1.5"))
    assert story.leg(0).lot.quantity == D("0.5")
    story.are_targets_whole()


@pytest.mark.rule("TP-7", "RISK-7")
def test_a_target_that_sells_more_than_was_to_be_cut_ends_the_cut() -> None:
    story = CutStory()
    story.ask("1.5")
    story.fill(story.target(0))
    assert (story.cut().state, story.cut().sold) == (CutState.DONE, D(2))
    assert story.closes() == []
    story.are_targets_whole()


@pytest.mark.rule("RISK-7")
def test_a_target_of_another_leg_counts_too_and_the_innermost_part_is_spared() -> None:
    story = CutStory()
    story.ask("3")
    story.fill(story.target(4), "0.8")
    assert [(part.leg, str(part.quantity)) for part in story.cut().parts] == [(0, "2.000"), (2, "0.200")]
    story.sell(price="100")
    assert (story.cut().sold, story.leg(2).lot.quantity) == (D(3), D("1.820"))


@pytest.mark.rule("ORD-13", "RISK-7")
def test_what_somebody_else_takes_away_counts_as_sold() -> None:
    story = CutStory(strict=False)  # Open exits promise more than is held until they are cancelled.
    story.ask("3")
    story.step(ShareTaken(trade=trade("1", "99"), cause="manual"), again=False)
    assert story.cut().sold == D(1)
    story.sell(price="100")
    assert (story.cut().state, story.cut().sold) == (CutState.DONE, D(3))
    story.are_targets_whole()


# --- asked again, and one after the other ---------------------------------------------------------


@pytest.mark.rule("RISK-7")
def test_a_cut_asked_for_again_changes_nothing_also_after_it_has_ended() -> None:
    story = CutStory()
    story.ask("1")
    before = story.group
    story.ask("5")
    assert story.group is before
    story.sell(price="100")
    before = story.group
    story.ask("1")
    assert story.group is before


@pytest.mark.rule("EXIT-6", "RISK-7")
def test_a_second_cut_waits_for_the_first_and_none_is_lost() -> None:
    story = CutStory()
    story.ask("3")
    story.ask("1", "signal:2", Reason.REDUCE_SIGNAL)
    assert (story.cut("signal:2").parts, story.cut("signal:2").state) == ((), CutState.RUNNING)
    story.sell(price="100")
    assert [(cut.state, cut.sold) for cut in story.group.cuts] == [(CutState.DONE, D(3)), (CutState.DONE, D(1))]
    assert story.held() == D("6.1")
    story.are_targets_whole()


def test_a_cut_takes_only_what_those_before_it_leave() -> None:
    story = CutStory()
    story.ask("6")
    assert position_cuts.uncut(story.group) == D("4.1")
    story.ask("9", "b:1")
    assert story.cut("b:1").quantity == D("4.1")
    story.sell(price="100")
    assert story.cut("b:1").is_whole
    assert (story.state(), story.group.close_reason) == (GroupState.CLOSED, Reason.RISK_OFFSET)


@pytest.mark.rule("ORD-6", "EXIT-6")
def test_a_target_that_rests_for_what_another_part_lacks_gives_way_though_its_own_part_is_too_small() -> None:
    """It was placed for the whole leg while a sale of that leg was under way which the cut no longer needed."""
    rows = (("0", "25", "1"), ("0.5", "25", "1.5"), ("1", "25", "2"), ("1.5", "25", "2.5"))
    story = CutStory(*rows, instrument=spot(min_notional=D(15)))
    story.ask("4.925")
    first, second = story.target(0), story.target(1)
    story.fill(story.target(2))
    story.end(first)
    story.fill(story.target(3))
    story.end(second)
    (close,) = story.closes()
    story.fill(close)
    assert [(leg.index, leg.lot.quantity) for leg in story.group.legs()][:2] == [(0, D("0.1")), (1, D("2.512"))]
    story.are_targets_whole()
    assert {order.leg: order.remaining for order in story.orders(Role.TAKE_PROFIT)} == {1: D("2.612")}


def test_a_waiting_cut_can_be_stopped_before_its_turn() -> None:
    story = CutStory()
    story.ask("3")
    story.ask("1", "b:1")
    assert story.stop_cut("b:1").state is CutState.STOPPED
    story.sell(price="100")
    assert (story.cut().sold, story.cut("b:1").sold, story.held()) == (D(3), D(0), D("7.1"))


def test_cuts_under_way_and_cuts_remembered_are_bounded() -> None:
    story = CutStory(*TWO)
    for number in range(MAX_RUNNING_CUTS):
        story.ask("0.1", f"c:{number}", Reason.MANUAL)
    asked = CutAsked(cut_id="one too many", quantity=D("0.1"), reason=Reason.MANUAL)
    assert story.refused(asked).reason is Reason.OVERLOADED
    story.sell(price="100")
    for number in range(30):
        story.ask("0.1", f"d:{number}", Reason.MANUAL)
        story.wait("1")
        story.sell(price="100")
    assert [cut.cut_id for cut in story.group.cuts] == [f"d:{number}" for number in range(30 - MAX_ENDED_CUTS, 30)]


# --- everything -----------------------------------------------------------------------------------


@pytest.mark.rule("RISK-8", "EXIT-6")
@pytest.mark.parametrize("quantity", [None, "10.1", "99", "10.06"])
def test_a_cut_of_everything_or_of_all_but_an_unsellable_rest_closes_the_group(quantity: str | None) -> None:
    story = CutStory()
    cut = story.ask(quantity)
    assert (cut.is_whole, cut.quantity, cut.parts) == (True, D("10.1"), ())
    assert (story.state(), story.group.close_reason) == (GroupState.CLOSING, Reason.RISK_OFFSET)
    before = story.group
    story.stop_cut()
    assert story.group is before, "a whole one cannot be stopped"
    story.fill(story.target(4))
    story.sell(price="100")
    cut = story.cut()
    assert story.state() is GroupState.CLOSED
    assert (cut.state, cut.sold, cut.realized, cut.stop_reason) == (
        *(CutState.DONE, D("10.1"), story.group.realized),
        None,
    )


@pytest.mark.rule("EXIT-6")
def test_unfilled_entries_stay_when_a_part_is_cut_and_go_with_a_whole_cut() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0))
    story.wait("1")
    story.step(CutAsked(cut_id="c", quantity=D(2), reason=Reason.MANUAL))
    assert [order.leg for order in story.orders(Role.ENTRY)] == [1]
    story.step(CutAsked(cut_id="d", quantity=None, reason=Reason.MANUAL))
    assert all(order.cancel_requested for order in story.orders(Role.ENTRY))
    assert story.group.cuts[0].stop_reason is Reason.MANUAL, "the first gives way to the close"


# --- ends early -----------------------------------------------------------------------------------


@pytest.mark.rule("RISK-7", "RISK-8")
def test_a_stopped_cut_sells_no_more_and_targets_are_whole_again() -> None:
    story = CutStory()
    story.ask("3")
    story.end(story.target(0))
    story.fill(story.closes()[0], "0.5", "100")
    cut = story.stop_cut()
    assert (cut.state, cut.stop_reason) == (CutState.RUNNING, Reason.STOPPED_BY_USER), "its order may still fill"
    story.fill(story.closes()[0], "0.25", "100")
    story.confirm_cancels()
    assert (story.cut().state, story.cut().sold) == (CutState.STOPPED, D("0.75"))
    assert story.closes() == []
    story.are_targets_whole()


def test_a_stop_for_a_cut_that_is_not_known_keeps_it_from_beginning() -> None:
    story = CutStory()
    assert story.stop_cut("late").state is CutState.STOPPED
    assert story.ask("1", "late").sold == 0
    assert story.closes() == []


@pytest.mark.rule("EXIT-1", "RISK-7", "TP-7")
def test_an_exit_in_the_middle_stops_the_cut_and_sells_the_rest_once() -> None:
    story = CutStory()
    story.ask("3")
    story.end(story.target(0))
    story.close()
    assert story.cut().state is CutState.RUNNING, "its order may still fill"
    story.sell(price="100")
    cut = story.cut()
    assert (cut.state, cut.stop_reason, cut.sold) == (CutState.STOPPED, Reason.EXIT_SIGNAL, D(2))
    assert (story.state(), story.venue.base) == (GroupState.CLOSED, D(0))


@pytest.mark.rule("RISK-7")
@pytest.mark.parametrize("side", list(Side))
def test_a_price_worse_than_the_worst_stops_the_cut(side: Side) -> None:
    story = CutStory(side=side, instrument=spot() if side is Side.LONG else swap())
    story.ask("3", worst="99.5" if side is Side.LONG else "100.5")
    story.price("99.49" if side is Side.LONG else "100.51")
    story.confirm_cancels()
    cut = story.cut()
    assert (cut.state, cut.stop_reason, cut.sold) == (CutState.STOPPED, Reason.NOT_PROFITABLE, D(0))
    assert story.closes() == []
    story.are_targets_whole()


@pytest.mark.rule("RISK-7", "EXIT-4")
@pytest.mark.parametrize("action", list(SlippageAction))
def test_a_cut_with_a_worst_price_never_gets_a_worse_one(action: SlippageAction) -> None:
    story = CutStory(execution=ExecutionSettings(slippage_action=action))
    story.ask("2", worst="99.8")
    story.confirm_cancels()
    order = story.orders(Role.CLOSE)[0]
    assert order.price is not None
    assert order.price >= D("99.8")
    story.price("99")
    story.end(order.client_order_id, OrderState.EXPIRED)
    assert story.cut().stop_reason is Reason.NOT_PROFITABLE


@pytest.mark.rule("RISK-7")
def test_a_cut_the_risk_engine_cannot_have_is_kept_as_stopped_so_that_a_late_repetition_does_not_begin_it() -> None:
    story = CutStory()
    cut = story.ask("3", worst="100.5")
    assert (cut.state, cut.stop_reason, cut.sold) == (CutState.STOPPED, Reason.NOT_PROFITABLE, D(0))
    story.price("101")
    before = story.group
    story.ask("3", worst="100.5")
    assert story.group is before


@pytest.mark.rule("EXIT-6")
def test_a_reduce_that_is_too_small_is_refused() -> None:
    story = CutStory()
    asked = CutAsked(cut_id="c", quantity=D("0.04"), reason=Reason.REDUCE_SIGNAL)
    assert story.refused(asked).reason is Reason.BELOW_MIN_QUANTITY


def test_a_closing_group_begins_no_cut() -> None:
    story = CutStory()
    story.close()
    asked = CutAsked(cut_id="c", quantity=D(1), reason=Reason.RISK_OFFSET)
    assert story.refused(asked).reason is Reason.GROUP_CLOSING


@pytest.mark.rule("EXIT-6", "PRC-3")
def test_a_rest_of_a_cut_that_is_too_small_to_be_sold_ends_it_and_says_why() -> None:
    story = CutStory()
    story.ask("2")
    story.confirm_cancels()
    story.fill(story.closes()[0], "1.97", "100")
    story.end(story.closes()[0])
    cut = story.cut()
    assert (cut.state, cut.sold, cut.stop_reason) == (CutState.DONE, D("1.97"), Reason.BELOW_MIN_NOTIONAL)
    story.are_targets_whole()


# --- how it is sold -------------------------------------------------------------------------------


@pytest.mark.rule("EXIT-4", "EXIT-5", "EXIT-6")
def test_a_bounded_cut_is_tried_again_with_growing_pauses() -> None:
    story = CutStory(execution=bounded())
    story.ask("2")
    story.confirm_cancels()
    first = story.orders(Role.CLOSE)[0]
    assert first.price is not None
    story.fill(first.client_order_id, "0.5", "100")
    story.end(first.client_order_id, OrderState.EXPIRED)
    assert story.closes() == [], "not before the pause is over"
    story.wait("1")
    assert [order.quantity for order in story.orders(Role.CLOSE)] == [D("1.5")]
    story.sell(price="100")
    assert (story.cut().state, story.cut().sold) == (CutState.DONE, D(2))


@pytest.mark.rule("PRC-1", "EXIT-6")
def test_a_cut_above_the_maximum_of_a_market_order_goes_in_pieces_each_sendable() -> None:
    story = CutStory(instrument=spot(market_max_quantity=D("0.4")))
    story.ask("2.01")
    sizes: list[Decimal] = []
    story.confirm_cancels()
    while names := story.closes():
        sizes.append(story.order(names[0]).quantity)
        story.fill(names[0], price="100")
        story.confirm_cancels()
    assert sum(sizes) == story.cut().sold == D("2.01")
    assert min(sizes) >= D("0.05")


@pytest.mark.rule("ORD-10", "EXIT-6")
def test_a_cut_waits_for_a_fresh_price() -> None:
    story = CutStory()
    story.now_ms += 3_600_000
    story.ask("2", reason=Reason.REDUCE_SIGNAL)
    story.confirm_cancels()
    assert story.closes() == []
    assert "price_stale" in story.alerts()
    story.wait("1", same_price=False)
    story.price("100")
    story.wait("1")
    story.sell(price="100")
    assert story.cut().sold == D(2)


@pytest.mark.rule("RISK-7", "REC-1")
def test_a_running_cut_goes_on_after_loading() -> None:
    story = CutStory()
    story.ask("3")
    story.load()
    story.end(story.target(0))
    story.load()
    assert story.cut().state is CutState.RUNNING
    story.sell(price="100")
    story.load()
    assert (story.cut().state, story.cut().sold, story.held()) == (CutState.DONE, D(3), D("7.1"))
    story.are_targets_whole()


@pytest.mark.rule("TP-4", "TP-7")
def test_a_watched_target_reached_during_a_cut_sells_all_and_counts_for_it() -> None:
    story = CutStory(tp_mode=TpMode.HYBRID)
    story.ask("3")
    watch = next(watch for watch in story.watches if watch.watch_id == "aggregate")
    story.cross("aggregate", str(watch.price))
    story.sell(price=str(watch.price))
    assert (story.cut().state, story.venue.base) == (CutState.DONE, D(0))
    assert story.state() is GroupState.CLOSED


@pytest.mark.rule("PYR-1", "RISK-7")
def test_a_pyramid_that_comes_during_a_cut_gets_its_targets_and_gives_nothing() -> None:
    story = CutStory()
    story.ask("3")
    story.pyramid(ladder(*TWO, entry="120"))
    story.fill(story.entry(0, 1), price="120")
    story.sell(price="100")
    assert (story.cut().sold, story.leg(0, 1).lot.quantity) == (D(3), story.leg(0, 1).bought_quantity)
    story.are_targets_whole()


@pytest.mark.rule("TP-10", "EXIT-6")
def test_a_target_that_was_just_replaced_gives_way_after_its_pause() -> None:
    story = Story(ladder(*TWO))
    story.fill(story.entry(0), "4")
    story.wait("0.1")
    story.step(CutAsked(cut_id="c", quantity=D(1), reason=Reason.MANUAL))
    assert not story.order(story.target(0)).cancel_requested
    story.wait("0.5")
    assert story.order(story.target(0)).cancel_requested


@pytest.mark.rule("TP-9", "RISK-8", "GRP-6")
@pytest.mark.parametrize("shares_position", [False, True])
def test_a_stop_protects_what_is_left_while_and_after_a_part_is_cut(shares_position: bool) -> None:
    story = CutStory(instrument=swap(), can_stop=True, shares_position=shares_position, stop_loss_percent=D(10))
    story.ask("3")
    for _ in range(5):
        story.sell(price="100")
        story.wait("1")
    assert (story.cut().state, story.cut().sold) == (CutState.DONE, D(3))
    assert [order.remaining for order in story.orders(Role.STOP)] == ([] if shares_position else [D("7.1")])
    assert story.group.stop_price is not None


@pytest.mark.rule("TP-9", "RISK-7")
def test_a_stop_that_fills_during_a_cut_counts_and_closes_the_rest() -> None:
    story = CutStory(instrument=swap(), can_stop=True, stop_loss_percent=D(10), strict=False)
    story.ask("3")
    story.fill(story.orders(Role.STOP)[0].client_order_id, "1", "88")
    cut = story.cut()
    assert (cut.state, cut.sold, cut.stop_reason) == (CutState.STOPPED, D(1), Reason.STOP_LOSS)
    story.sell(price="88")
    assert (story.state(), story.venue.base) == (GroupState.CLOSED, D(0))


@pytest.mark.rule("ORD-7", "RISK-8")
def test_a_group_whose_targets_give_way_to_a_cut_is_not_called_unprotected() -> None:
    story = CutStory(execution=bounded())
    story.ask("2")
    story.confirm_cancels()
    story.end(story.closes()[0], OrderState.EXPIRED)
    assert story.closes() == []
    assert drifts.unprotected(story.group, story.quote, story.fees) is None


# --- how it stands --------------------------------------------------------------------------------


@pytest.mark.rule("RISK-7")
def test_who_asked_can_see_when_targets_are_free_and_when_they_are_whole() -> None:
    story = CutStory()

    def stands() -> tuple[bool, bool]:
        found = position_cuts.standing(story.group, "a:1", story.context())
        return found.targets_free, found.targets_whole

    assert position_cuts.standing(story.group, "a:1", story.context()).cut is None
    story.ask("3")
    assert stands() == (False, False)
    story.confirm_cancels()
    assert stands() == (True, False)
    story.fill(story.closes()[0], price="100")
    while story.closes():
        story.fill(story.closes()[0], price="100")
    story.wait("1")
    story.confirm_cancels()
    assert (story.cut().state, stands()) == (CutState.DONE, (True, True))
    story.ask("1", "b:1")
    story.stop_cut("b:1")
    assert position_cuts.standing(story.group, "b:1", story.context()).targets_whole is False, "one is being cancelled"
    story.confirm_cancels()
    story.wait("1")
    assert position_cuts.standing(story.group, "b:1", story.context()).targets_whole


@pytest.mark.rule("RISK-7")
def test_of_a_whole_cut_targets_are_free_when_none_rests() -> None:
    story = CutStory()
    story.ask(None)
    assert not position_cuts.standing(story.group, "a:1", story.context()).targets_free
    story.confirm_cancels()
    assert position_cuts.standing(story.group, "a:1", story.context()).targets_free
    story.sell(price="100")
    stands = position_cuts.standing(story.group, "a:1", story.context())
    assert (stands.targets_whole, story.group.is_closed) == (True, True)


@pytest.mark.rule("RISK-7", "RISK-8")
@pytest.mark.parametrize(("side", "dear", "price"), [(Side.LONG, "110", "104"), (Side.SHORT, "90", "96")])
def test_a_cut_with_a_worst_price_does_not_lose_by_a_leg_it_was_not_reckoned_with(
    side: Side, dear: str, price: str
) -> None:
    """A pyramid has filled between the plan and the cut: its leg has the farthest target, so it would give first."""
    story = CutStory(("0", "100", "1"), side=side, instrument=swap(contract_size=D("0.1")))
    story.pyramid(ladder(("0", "100", "1"), entry=dear, side=side, instrument=story.instrument), "signal-2")
    story.fill(story.entry(0, 1))
    story.price(price)
    cut = story.ask("5", worst="100")
    assert (cut.state, cut.stop_reason, cut.sold) == (CutState.STOPPED, Reason.NOT_PROFITABLE, D(0))
    assert not story.orders(Role.CLOSE)
    story.price(dear)
    story.wait("1")
    cut = story.ask("5", "a:4", worst="100")
    assert (cut.state, cut.worst_price) == (CutState.RUNNING, D(dear)), "as soon as it is no loss it may go on"
