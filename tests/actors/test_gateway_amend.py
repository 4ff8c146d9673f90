"""Amends through a gateway: in place where the exchange can, told as refused where it cannot, looked up in doubt."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors import account_messages as am
from actors import messages as m
from actors.gateway_orders import ANSWER_TIMEOUT_MS, STRANGE_MS
from actors.messages import Fate
from actors.rules.model import Order, OrderReport, OrderState, Reason, Role
from actors.rules.records import RaiseAlert
from actors.rules.settings import ExecutionSettings
from tests.actors.gateway_world import START_MS, World, ids, order, report, trade

TARGET = order(role=Role.TAKE_PROFIT)


def wanting(price: str | None = "101", quantity: str | None = "2", of: Order = TARGET) -> Order:
    return replace(
        of,
        wanted_price=None if price is None else Decimal(price),
        wanted_quantity=None if quantity is None else Decimal(quantity),
    )


def shaped(price: str, quantity: str, time_ms: int = START_MS) -> OrderReport:
    return replace(report(TARGET), price=Decimal(price), quantity=Decimal(quantity), time_ms=time_ms)


def resting(world: World | None = None) -> World:
    """A target rests at the exchange; what was told and asked so far is forgotten."""
    world = world or World().settle()
    world.tell(m.SubmitOrders(orders=(TARGET,)))
    world.answer(TARGET)
    world.reports()
    world.exchange.asked.clear()
    return world


def sent(world: World) -> list[tuple[Decimal | None, Decimal | None]]:
    """Price and quantity of the amends asked since the last look."""
    return [(price, quantity) for batch in world.exchange.take("amend") for _, price, quantity in batch]


def shape(told: OrderReport) -> tuple[Decimal | None, Decimal | None]:
    return told.price, told.quantity


@pytest.mark.rule("ORD-9")
def test_an_amend_goes_out_and_its_group_hears_the_new_price_and_quantity() -> None:
    world = resting()
    world.tell(am.AmendOrders(orders=(wanting(),)))
    assert sent(world) == [(Decimal(101), Decimal(2))]
    world.answer(TARGET, request="amend")
    (told,) = world.reports()
    assert (told.state, told.reason, shape(told)) == (OrderState.OPEN, None, (Decimal(101), Decimal(2)))
    world.listed(report(TARGET))  # Says nothing of the price: that is no news.
    assert world.reports() == []


@pytest.mark.rule("ORD-9")
def test_what_an_amend_does_not_change_is_told_as_it_was() -> None:
    world = resting()
    world.tell(am.AmendOrders(orders=(wanting(quantity=None),)))
    world.answer(TARGET, request="amend")
    assert [shape(told) for told in world.reports()] == [(Decimal(101), Decimal(1))]


@pytest.mark.rule("ORD-9")
def test_an_exchange_that_cannot_amend_is_not_asked_and_the_group_hears_at_once() -> None:
    world = resting()
    world.exchange.can_amend = False
    world.tell(am.AmendOrders(orders=(wanting(),)))
    assert world.exchange.asked == []
    (told,) = world.reports()
    assert (told.state, told.reason, told.words) == (OrderState.OPEN, Reason.EXCHANGE_REFUSED, "cannot amend")
    world.stream(report(TARGET, OrderState.PARTIALLY_FILLED, (trade(1, "0.5"),)))
    assert [told.reason for told in world.reports()] == [None]


@pytest.mark.rule("ORD-9")
@pytest.mark.parametrize("fate", [Fate.REFUSED, Fate.UNKNOWN])
def test_a_refused_or_uncertain_amend_is_looked_up_and_the_exchanges_price_is_told(fate: str) -> None:
    world = resting()
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.answer(TARGET, fate, request="amend", reason=Reason.BAD_PRICE, words="no such price")
    assert world.reports() == []
    assert world.exchange.take("look_up") == [TARGET.client_order_id]
    world.looked_up(TARGET, shaped("100", "1"), asked_ms=world.now_ms)
    (told,) = world.reports()
    assert (told.state, shape(told)) == (OrderState.OPEN, (Decimal(100), Decimal(1)))
    assert (told.reason, told.words) == (
        Reason.BAD_PRICE if fate == Fate.REFUSED else Reason.OUTCOME_UNKNOWN,
        "no such price",
    )
    assert sent(world) == [(Decimal(101), Decimal(2))]  # Once, not again.


@pytest.mark.rule("ORD-9")
def test_an_uncertain_amend_that_was_done_is_told_as_done() -> None:
    world = resting()
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.answer(TARGET, Fate.UNKNOWN, request="amend", words="timed out")
    world.looked_up(TARGET, shaped("101", "2"), asked_ms=world.now_ms)
    (told,) = world.reports()
    assert (told.reason, shape(told)) == (None, (Decimal(101), Decimal(2)))


@pytest.mark.rule("ORD-9")
def test_an_amend_done_otherwise_than_asked_is_told_as_uncertain() -> None:
    world = resting()
    world.tell(am.AmendOrders(orders=(wanting(),)))
    answer = m.Answered(
        incarnation=world.incarnation,
        request="amend",
        client_order_id=TARGET.client_order_id,
        fate=Fate.ACCEPTED,
        report=shaped("101", "1.5"),
    )
    world.tell(answer)
    (told,) = world.reports()
    assert (told.reason, shape(told)) == (Reason.OUTCOME_UNKNOWN, (Decimal(101), Decimal("1.5")))


@pytest.mark.rule("ORD-9", "TP-7")
def test_while_an_amend_is_under_way_nothing_is_said_of_price_and_quantity() -> None:
    world = resting()
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.stream(replace(shaped("101", "2"), trades=(trade(1, "0.5"),)))
    (told,) = world.reports()
    assert (shape(told), len(told.trades)) == ((None, None), 1)
    world.tell(m.ResolveOrders(orders=(TARGET,)))
    assert [shape(each) for each in world.reports()] == [(None, None)]
    world.answer(TARGET, request="amend")
    assert [shape(each) for each in world.reports()] == [(Decimal(101), Decimal(2))]


@pytest.mark.rule("ORD-9", "REC-2")
def test_a_group_that_asks_again_for_the_same_amend_is_answered_once_by_the_first() -> None:
    world = resting()
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.tell(am.AmendOrders(orders=(replace(wanting(), update_time_ms=START_MS + 1),)))
    world.answer(TARGET, request="amend")
    assert len(sent(world)) == 1
    assert [shape(told) for told in world.reports()] == [(Decimal(101), Decimal(2))]


@pytest.mark.rule("PRC-7", "ORD-9")
def test_an_amend_refused_for_precision_is_an_error_of_ours() -> None:
    world = resting()
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.answer(TARGET, Fate.REFUSED, request="amend", reason=Reason.BAD_PRICE, words="no such price")
    assert any("no such price" in raised.message for raised in world.rows(RaiseAlert))


@pytest.mark.rule("ORD-9")
def test_an_acknowledgement_without_a_state_or_none_at_all_is_looked_up() -> None:
    for answers in (True, False):
        world = resting()
        world.tell(am.AmendOrders(orders=(wanting(),)))
        if answers:
            world.answer(TARGET, state=None, request="amend")
        else:
            world.pass_answering_ms(ANSWER_TIMEOUT_MS)
        assert world.exchange.take("look_up") == [TARGET.client_order_id]
        world.looked_up(TARGET, shaped("101", "2"), asked_ms=world.now_ms)
        assert [shape(told) for told in world.reports()] == [(Decimal(101), Decimal(2))]


@pytest.mark.rule("ORD-9", "ORD-8")
def test_an_amend_that_met_a_fill_reports_the_fill() -> None:
    world = resting()
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.answer(TARGET, Fate.REFUSED, request="amend", reason=Reason.ORDER_NOT_FOUND)
    world.looked_up(TARGET, report(TARGET, OrderState.FILLED, (trade(1),)), asked_ms=world.now_ms)
    (told,) = world.reports()
    assert (told.state, len(told.trades)) == (OrderState.FILLED, 1)
    world.tell(am.AmendOrders(orders=(wanting(),)))
    assert [told.state for told in world.reports()] == [OrderState.FILLED]
    assert len(sent(world)) == 1


@pytest.mark.rule("ORD-4", "ORD-9")
def test_a_temporary_failure_is_tried_again_and_then_told_as_refused() -> None:
    world = resting(World(execution=ExecutionSettings(retries=2, retry_base_ms=100)).settle())
    world.tell(am.AmendOrders(orders=(wanting(),)))
    for pause_ms in (100, 200):
        assert len(sent(world)) == 1
        world.answer(TARGET, Fate.TEMPORARY, request="amend")
        world.pass_ms(pause_ms - 1)
        assert sent(world) == []
        world.pass_ms(1)
    assert len(sent(world)) == 1
    world.answer(TARGET, Fate.TEMPORARY, request="amend", words="busy")
    world.looked_up(TARGET, shaped("100", "1"), asked_ms=world.now_ms)
    (told,) = world.reports()
    assert (told.reason, told.words) == (Reason.EXCHANGE_REFUSED, "busy")
    world.pass_answering_ms(5_000)
    assert sent(world) == []


def test_an_order_that_has_not_left_is_changed_before_it_does() -> None:
    world = World()
    world.tell(m.SubmitOrders(orders=(TARGET,)))
    world.tell(am.AmendOrders(orders=(wanting(),)))
    assert [shape(told) for told in world.reports()] == [(Decimal(101), Decimal(2))]
    taken: list[Order] = []
    world.exchange.submit = taken.extend  # type: ignore[method-assign, assignment]
    world.settle()
    assert [(each.price, each.quantity, each.wanted_price) for each in taken] == [(Decimal(101), Decimal(2), None)]
    assert sent(world) == []


def test_an_amend_of_an_order_under_way_waits_for_its_fate() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(TARGET,)))
    world.tell(am.AmendOrders(orders=(wanting(),)))
    assert sent(world) == []
    world.answer(TARGET)
    assert sent(world) == [(Decimal(101), Decimal(2))]


def test_a_wish_that_waited_for_a_target_that_was_not_taken_is_done_before_that_leaves_again_and_told() -> None:
    world = World(execution=ExecutionSettings(retries=5, retry_base_ms=1_000)).settle()
    world.tell(m.SubmitOrders(orders=(TARGET,)))
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.answer(TARGET, Fate.TEMPORARY)
    world.reports()
    taken: list[Order] = []
    world.exchange.submit = taken.extend  # type: ignore[method-assign, assignment]
    world.tell(am.AmendOrders(orders=(wanting(),)))
    assert [shape(told) for told in world.reports()] == [(Decimal(101), Decimal(2))]
    world.pass_ms(2_000)
    assert [(each.price, each.quantity) for each in taken] == [(Decimal(101), Decimal(2))]
    world.answer(TARGET)
    assert sent(world) == []


def test_the_newest_wish_follows_the_one_that_is_under_way() -> None:
    world = resting()
    world.tell(am.AmendOrders(orders=(wanting("101"),)))
    world.tell(am.AmendOrders(orders=(wanting("102"),)))
    world.tell(am.AmendOrders(orders=(wanting("103"),)))
    assert sent(world) == [(Decimal(101), Decimal(2))]
    world.answer(TARGET, request="amend")
    assert sent(world) == [(Decimal(103), Decimal(2))]
    world.answer(TARGET, request="amend")
    assert [told.price for told in world.reports()] == [None, Decimal(103)]


def test_a_cancel_takes_the_place_of_an_amend_that_waits() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(TARGET,)))
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.tell(m.CancelOrders(orders=(TARGET,)))
    world.answer(TARGET)
    assert (sent(world), world.exchange.take("cancel")) == ([], [ids([TARGET])])
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.answer(TARGET, state=OrderState.CANCELLED, request="cancel")
    assert sent(world) == []
    assert world.reports()[-1].state is OrderState.CANCELLED


@pytest.mark.rule("ORD-7")
def test_an_order_of_an_earlier_life_is_found_before_it_is_amended() -> None:
    world = World().settle()
    world.tell(am.AmendOrders(orders=(wanting(),)))
    assert (sent(world), world.exchange.take("look_up")) == ([], [TARGET.client_order_id])
    world.looked_up(TARGET, shaped("100", "1"), asked_ms=world.now_ms)
    assert sent(world) == [(Decimal(101), Decimal(2))]


def test_an_overtaken_report_does_not_take_the_new_price_back() -> None:
    world = resting()
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.answer(TARGET, request="amend")
    world.stream(replace(shaped("101", "2", time_ms=START_MS + 50), trades=(trade(2, "0.5"),)))
    world.reports()
    world.stream(replace(shaped("100", "1", time_ms=START_MS + 10), trades=(trade(1, "0.5"),)))
    assert [shape(told) for told in world.reports()] == [(Decimal(101), Decimal(2))]


@pytest.mark.rule("ORD-9", "TP-7")
@pytest.mark.parametrize("found", [("101", "2"), ("100", "1")], ids=["it was an old one", "somebody changed it"])
def test_a_target_shown_otherwise_than_its_group_knows_it_is_asked_for_before_that_is_told(
    found: tuple[str, str],
) -> None:
    world = resting()
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.answer(TARGET, request="amend")
    assert [shape(told) for told in world.reports()] == [(Decimal(101), Decimal(2))]
    world.stream(shaped("100", "1", time_ms=0))
    assert [shape(told) for told in world.reports()] == [(None, None)]
    assert world.exchange.take("look_up") == []
    world.pass_ms(STRANGE_MS)
    assert world.exchange.take("look_up") == [TARGET.client_order_id]
    world.looked_up(TARGET, shaped(*found, time_ms=0), asked_ms=world.now_ms)
    assert [shape(told) for told in world.reports()] == [(Decimal(found[0]), Decimal(found[1]))]
    world.pass_ms(10 * STRANGE_MS)
    assert world.exchange.take("look_up") == []


@pytest.mark.rule("ORD-9")
def test_an_answer_that_was_asked_for_before_an_amend_ended_does_not_tell_either() -> None:
    world = resting()
    before_ms = world.now_ms
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.pass_ms(10)
    world.answer(TARGET, request="amend")
    world.reports()
    world.looked_up(TARGET, shaped("100", "1", time_ms=0), asked_ms=before_ms)
    assert [shape(told) for told in world.reports()] == [(None, None)]
    world.pass_ms(STRANGE_MS)
    assert world.exchange.take("look_up") == [TARGET.client_order_id]


def test_a_late_answer_to_an_earlier_try_decides_nothing() -> None:
    world = resting(World(execution=ExecutionSettings(retry_base_ms=100)).settle())
    world.tell(am.AmendOrders(orders=(wanting(),)))
    world.answer(TARGET, Fate.TEMPORARY, request="amend", asked_ms=START_MS)
    world.pass_ms(100)
    assert len(sent(world)) == 2
    world.answer(TARGET, Fate.REFUSED, request="amend", asked_ms=START_MS)
    assert (world.reports(), world.exchange.take("look_up")) == ([], [])
    world.answer(TARGET, request="amend", asked_ms=world.now_ms)
    assert [told.price for told in world.reports()] == [Decimal(101)]


@pytest.mark.rule("ORD-7", "TP-7")
def test_a_target_of_an_earlier_life_that_somebody_changed_meanwhile_is_asked_for_too() -> None:
    """The list of open orders comes before its group has told what the order should be."""
    world = World().settle()
    world.listed(shaped("100", "0.5"))
    world.reports()
    world.tell(m.ResolveOrders(orders=(TARGET,)))
    assert [shape(told) for told in world.reports()] == [(None, None)]
    world.pass_ms(STRANGE_MS)
    assert world.exchange.take("look_up") == [TARGET.client_order_id]
    world.looked_up(TARGET, shaped("100", "0.5"), asked_ms=world.now_ms)
    (told,) = world.reports()
    assert (shape(told), told.shape_ms is not None) == ((Decimal(100), Decimal("0.5")), True)
