"""Orders through a gateway whose exchange answers late, twice, wrongly or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors import account_messages as am
from actors import messages as m
from actors.gateway_orders import ANSWER_TIMEOUT_MS, FRESH_MS, REFUSED_CANCELS
from actors.gateway_sending import MAX_IN_FLIGHT, PLACES_FOR_EXITS
from actors.gateway_streams import SWEEP_WHILE_DOWN_MS
from actors.messages import Fate
from actors.rules.model import OrderState, Reason, Role
from actors.rules.records import AddEvent, RaiseAlert, ResolveAlert
from actors.rules.settings import ExecutionSettings
from tests.actors.gateway_world import START_MS, WINDOW_MS, World, ids, order, report, trade


def test_a_ladder_is_sent_as_one_request_and_its_answers_are_one_report() -> None:
    world = World().settle()
    ladder = [order(leg=leg) for leg in range(5)]
    world.tell(m.SubmitOrders(orders=tuple(ladder)))
    assert world.exchange.take("submit") == [ids(ladder)]
    answers = tuple(
        m.Answered(
            incarnation=7,
            request="submit",
            client_order_id=each.client_order_id,
            fate=Fate.ACCEPTED,
            report=report(each),
        )
        for each in ladder
    )
    world.tell(m.AnsweredAll(incarnation=7, answers=answers))
    (reported,) = world.told(m.OrdersReported, "group/" + "g" * 12)
    assert [each.client_order_id for each in reported.reports] == list(ids(ladder))


@pytest.mark.rule("ORD-3")
def test_a_client_order_id_is_sent_once_in_a_life() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    world.tell(m.SubmitOrders(orders=(order(),)))
    assert len(world.exchange.take("submit")) == 1
    # The one who asked again is told what is known.
    assert [each.state for each in world.reports()] == [OrderState.OPEN, OrderState.OPEN]


@pytest.mark.rule("ORD-1")
def test_a_refusal_is_reported_with_the_exchanges_words() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.REFUSED, reason=Reason.INSUFFICIENT_FUNDS, words="not enough")
    (told,) = world.reports()
    assert (told.state, told.reason, told.words) == (OrderState.REJECTED, Reason.INSUFFICIENT_FUNDS, "not enough")


@pytest.mark.rule("ORD-4")
def test_a_temporary_failure_is_retried_with_growing_pauses_and_then_given_up() -> None:
    world = World(execution=ExecutionSettings(retries=3, retry_base_ms=100)).settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    for pause_ms in (100, 200, 400):
        world.answer(order(), Fate.TEMPORARY, words="busy")
        assert len(world.exchange.take("submit")) == 1
        world.pass_ms(pause_ms - 1)
        assert world.exchange.take("submit") == []
        world.pass_ms(1)
        world.exchange.asked = [entry for entry in world.exchange.asked if entry[0] == "submit"]
    assert world.reports() == []
    world.answer(order(), Fate.TEMPORARY, words="busy")
    (told,) = world.reports()
    assert (told.state, told.reason, told.words) == (OrderState.REJECTED, Reason.RETRIES_EXHAUSTED, "busy")


@pytest.mark.rule("ORD-4")
def test_an_exchange_that_names_a_pause_gets_it() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.tell(
        m.Answered(
            incarnation=7,
            request="submit",
            client_order_id=order().client_order_id,
            fate=Fate.TEMPORARY,
            retry_after_ms=9_000,
        )
    )
    world.exchange.asked.clear()
    world.pass_ms(8_999)
    assert world.exchange.take("submit") == []
    world.pass_ms(1)
    assert len(world.exchange.take("submit")) == 1


@pytest.mark.rule("ORD-4", "ORD-3")
def test_a_late_copy_of_a_temporary_failure_does_not_send_the_order_a_third_time() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.TEMPORARY, asked_ms=START_MS)
    world.pass_ms(300)
    assert len(world.exchange.take("submit")) == 2
    world.answer(order(), Fate.TEMPORARY, asked_ms=START_MS)
    world.pass_ms(2_000)
    assert world.exchange.take("submit") == []


@pytest.mark.rule("ORD-3")
def test_an_unknown_fate_is_looked_up_and_the_order_adopted() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    assert world.exchange.take("look_up") == [order().client_order_id]
    world.looked_up(order(), report(order(), OrderState.FILLED, (trade(1),)), asked_ms=world.now_ms)
    (told,) = world.reports()
    assert (told.state, len(told.trades)) == (OrderState.FILLED, 1)
    assert len(world.exchange.take("submit")) == 1


@pytest.mark.rule("ORD-3")
def test_an_answer_that_never_comes_is_an_unknown_fate() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.pass_ms(ANSWER_TIMEOUT_MS - 1)
    assert world.exchange.take("look_up") == []
    world.pass_ms(1)
    assert world.exchange.take("look_up") == [order().client_order_id]


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize("asked_after_ms", [0, 1, WINDOW_MS])
def test_not_found_inside_the_acceptance_window_proves_nothing(asked_after_ms: int) -> None:
    world = World().settle()
    world.pass_ms(10_000)
    sent_ms = world.now_ms
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    world.exchange.take("look_up")
    world.looked_up(order(), None, asked_ms=sent_ms + asked_after_ms)
    assert world.reports() == []
    world.pass_ms(WINDOW_MS + 1)
    assert set(world.exchange.take("look_up")) == {order().client_order_id}


@pytest.mark.rule("ORD-3")
def test_not_found_after_the_window_is_final_and_only_then() -> None:
    world = World().settle()
    world.pass_ms(10_000)
    sent_ms = world.now_ms
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    world.looked_up(order(), None, asked_ms=sent_ms + WINDOW_MS + 1)
    (told,) = world.reports()
    assert (told.state, told.reason) == (OrderState.REJECTED, Reason.NEVER_ACCEPTED)


@pytest.mark.rule("ORD-3")
def test_the_window_of_an_order_of_an_earlier_life_begins_with_this_one() -> None:
    world = World().settle()
    world.tell(m.ResolveOrders(orders=(order(),)))
    assert world.exchange.take("look_up") == [order().client_order_id]
    world.looked_up(order(), None, asked_ms=START_MS + WINDOW_MS)
    assert world.reports() == []
    world.looked_up(order(), None, asked_ms=START_MS + WINDOW_MS + 1)
    assert [each.reason for each in world.reports()] == [Reason.NEVER_ACCEPTED]
    # Whoever releases it now comes too late: its group went on without it.
    world.tell(m.SubmitOrders(orders=(order(),)))
    assert world.exchange.take("submit") == []


@pytest.mark.rule("ORD-3")
def test_an_order_declared_lost_that_turns_up_all_the_same_is_reported_and_cancelled() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    world.looked_up(order(), None, asked_ms=START_MS + WINDOW_MS + 1)
    world.reports()
    world.stream(report(order()))
    assert [each.state for each in world.reports()] == [OrderState.OPEN]
    assert world.exchange.take("cancel") == [(order().client_order_id,)]


def test_a_look_up_that_fails_or_gets_lost_is_repeated_until_it_is_certain() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    world.exchange.take("look_up")
    world.looked_up(order(), None, asked_ms=world.now_ms, fate=Fate.TEMPORARY)
    world.pass_ms(1_000)
    assert len(world.exchange.take("look_up")) == 1
    world.pass_ms(ANSWER_TIMEOUT_MS + 2_000)  # No answer at all.
    assert len(world.exchange.take("look_up")) == 1
    world.looked_up(order(), report(order()), asked_ms=world.now_ms)
    assert [each.state for each in world.reports()] == [OrderState.OPEN]


@pytest.mark.rule("ORD-3")
def test_a_duplicate_refusal_means_an_earlier_copy_is_there() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.REFUSED, reason=Reason.DUPLICATE_CLIENT_ORDER_ID)
    assert world.reports() == []
    assert world.exchange.take("look_up") == [order().client_order_id]


def test_an_acknowledgement_without_a_state_is_looked_up() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.ACCEPTED, None)
    assert world.exchange.take("look_up") == [order().client_order_id]


@pytest.mark.rule("ORD-5")
def test_a_fill_that_overtakes_the_acknowledgement_counts_and_the_answer_takes_nothing_back() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.stream(report(order(), OrderState.FILLED, (trade(1),)))
    world.answer(order())
    told = world.reports()
    assert [(each.state, len(each.trades)) for each in told] == [(OrderState.FILLED, 1)]


@pytest.mark.rule("ORD-5")
def test_doubled_and_overtaken_reports_say_nothing_new_but_their_trades_add_up() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    partial = report(order(), OrderState.PARTIALLY_FILLED, (trade(1, "0.4"),))
    world.stream(partial)
    world.stream(partial)
    world.stream(report(order()))
    world.reports()
    world.stream(report(order(), OrderState.PARTIALLY_FILLED, (trade(2, "0.1"),)))
    (told,) = world.reports()
    assert [each.trade_id for each in told.trades] == ["1", "2"]


@pytest.mark.rule("ORD-5", "REC-1")
def test_executions_that_a_loaded_group_has_not_booked_are_told_again_and_only_those() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    world.stream(report(order(), OrderState.CANCELLED, (trade(1, "0.4"), trade(2, "0.1"))))
    world.reports()
    short = replace(order(), state=OrderState.CANCELLED, trades=(trade(1, "0.4"),))
    world.tell(am.RetellOrders(orders=(short, order(attempt=2))))
    (told,) = world.reports()
    assert (told.client_order_id, [each.trade_id for each in told.trades]) == (order().client_order_id, ["1", "2"])
    world.tell(am.RetellOrders(orders=(replace(short, trades=(trade(1, "0.4"), trade(2, "0.1"))),)))
    assert world.reports() == []
    assert world.exchange.take("look_up") == []


# --- urgency ---------------------------------------------------------------------------------------


def test_what_waits_leaves_by_urgency_closes_cancels_targets_entries() -> None:
    world = World().settle()
    places = MAX_IN_FLIGHT - PLACES_FOR_EXITS
    filler = [order(attempt=attempt) for attempt in range(1, places + 2)]
    exits = [order(attempt=attempt, role=Role.CLOSE) for attempt in range(1, PLACES_FOR_EXITS + 1)]
    world.tell(m.SubmitOrders(orders=tuple(filler)))
    assert world.exchange.take("submit") == [ids(filler[:places])]
    world.answer(filler[0])  # One is open and can be cancelled; the freed place is taken at once.
    world.tell(m.SubmitOrders(orders=tuple(exits)))
    assert world.exchange.take("submit") == [ids(filler[places:]), ids(exits)]
    entry, target, close = (order(role=role, leg=9) for role in (Role.ENTRY, Role.TAKE_PROFIT, Role.CLOSE))
    world.tell(m.SubmitOrders(orders=(entry, target)))
    world.tell(m.CancelOrders(orders=(filler[0],)))
    world.tell(m.SubmitOrders(orders=(close,)))
    assert world.exchange.take("submit") == []
    for each in (*exits, *filler[1:5]):
        world.answer(each, state=OrderState.FILLED)
    assert [entry for entry in world.exchange.asked if entry[0] in ("submit", "cancel")] == [
        ("submit", ids([close])),
        ("cancel", ids([filler[0]])),
        ("submit", ids([target])),
        ("submit", ids([entry])),
    ]


@pytest.mark.rule("ORD-7")
def test_orders_wait_until_the_comparison_at_the_start_is_done_but_cancels_do_not() -> None:
    world = World()
    world.exchange.asked.clear()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.tell(m.CancelOrders(orders=(order(leg=1),)))
    assert world.exchange.take("submit") == []
    assert world.exchange.take("cancel") == [ids([order(leg=1)])]
    world.settle()
    world.tell(m.SubmitOrders(orders=(order(leg=2),)))
    assert world.exchange.take("submit") == [ids([order(leg=2)])]


def test_held_orders_leave_once_the_account_is_ready() -> None:
    world = World()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED))
    world.tell(m.BalancesFetched(incarnation=7, fate=Fate.ACCEPTED))
    assert world.exchange.take("submit") == []
    world.listed()
    assert world.exchange.take("submit") == [ids([order()])]


def test_too_many_waiting_orders_refuse_entries_and_never_exits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.gateway_sending.MAX_QUEUED", 2)
    world = World()
    world.tell(m.SubmitOrders(orders=tuple(order(attempt) for attempt in (1, 2, 3))))
    assert [(each.client_order_id, each.reason) for each in world.reports()] == [
        (order(3).client_order_id, Reason.OVERLOADED)
    ]
    world.tell(m.SubmitOrders(orders=(order(role=Role.CLOSE),)))
    assert world.reports() == []


# --- cancels ---------------------------------------------------------------------------------------


def test_a_cancel_of_an_order_under_way_waits_for_its_fate() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.tell(m.CancelOrders(orders=(order(),)))
    assert world.exchange.take("cancel") == []
    world.answer(order())
    assert world.exchange.take("cancel") == [ids([order()])]
    world.answer(order(), state=OrderState.CANCELLED, request="cancel")
    assert [each.state for each in world.reports()] == [OrderState.OPEN, OrderState.CANCELLED]


def test_an_order_that_has_not_left_is_taken_back_without_asking_the_exchange() -> None:
    world = World()
    world.exchange.asked.clear()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.tell(m.CancelOrders(orders=(order(),)))
    assert world.exchange.asked == []
    assert [each.state for each in world.reports()] == [OrderState.CANCELLED]
    world.settle()
    world.pass_ms(1_000)
    assert world.exchange.take("submit") == []


@pytest.mark.rule("ORD-8")
def test_a_cancel_that_met_a_fill_reports_the_fill() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    world.tell(m.CancelOrders(orders=(order(),)))
    world.reports()
    world.answer(order(), Fate.REFUSED, request="cancel", reason=Reason.ORDER_NOT_FOUND)
    assert world.exchange.take("look_up") == [order().client_order_id]
    world.looked_up(order(), report(order(), OrderState.FILLED, (trade(1),)), asked_ms=world.now_ms)
    assert [each.state for each in world.reports()] == [OrderState.FILLED]


@pytest.mark.parametrize("fate", [Fate.UNKNOWN, Fate.TEMPORARY, Fate.REFUSED])
def test_a_cancel_is_pursued_until_the_order_is_final(fate: str) -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    world.tell(m.CancelOrders(orders=(order(),)))
    pauses_ms = []
    for _ in range(8):
        begin_ms = world.now_ms
        while not (cancels := world.exchange.take("cancel")):
            world.pass_answering_ms(50, 50)
            assert world.now_ms - begin_ms < 60_000
        assert len(cancels) == 1
        pauses_ms.append(world.now_ms - begin_ms)
        world.answer(order(), fate, request="cancel")
        for _ in world.exchange.take("look_up"):
            world.looked_up(order(), report(order()), asked_ms=world.now_ms)
    assert pauses_ms == [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000]
    world.pass_ms(20_000)
    world.exchange.take("cancel")
    world.answer(order(), state=OrderState.CANCELLED, request="cancel")
    assert world.reports()[-1].state is OrderState.CANCELLED
    world.pass_ms(60_000)
    assert world.exchange.take("cancel") == []


def test_a_cancel_whose_answer_is_lost_is_cleared_up() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    world.tell(m.CancelOrders(orders=(order(),)))
    world.pass_ms(ANSWER_TIMEOUT_MS)
    assert world.exchange.take("look_up") == [order().client_order_id]


def test_a_cancel_of_an_order_of_an_earlier_life_leaves_at_once() -> None:
    world = World().settle()
    world.tell(m.CancelOrders(orders=(order(),)))
    assert world.exchange.take("cancel") == [ids([order()])]
    world.answer(order(), state=OrderState.CANCELLED, request="cancel")
    assert [each.state for each in world.reports()] == [OrderState.CANCELLED]


# --- resolving and sweeping ------------------------------------------------------------------------


@pytest.mark.rule("ORD-7")
def test_orders_asked_about_before_the_first_list_are_answered_from_it_and_only_the_rest_is_looked_up() -> None:
    world = World()
    there, gone = order(leg=0), order(leg=1)
    world.tell(m.ResolveOrders(orders=(there, gone)))
    assert world.exchange.take("look_up") == []
    world.listed(report(there))
    assert [each.client_order_id for each in world.reports()] == [there.client_order_id]
    assert world.exchange.take("look_up") == [gone.client_order_id]


def test_an_order_in_hand_is_answered_about_when_it_is_done() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.tell(m.ResolveOrders(orders=(order(),)))
    assert (world.reports(), world.exchange.take("look_up")) == ([], [])
    world.answer(order())
    assert [each.state for each in world.reports()] == [OrderState.OPEN]
    world.tell(m.ResolveOrders(orders=(order(),)))
    assert [each.state for each in world.reports()] == [OrderState.OPEN]


@pytest.mark.rule("ORD-5")
def test_the_sweep_looks_up_what_is_believed_open_but_missing_unless_it_is_fresh() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    world.reports()
    world.listed(asked_ms=world.now_ms + FRESH_MS)
    assert world.exchange.take("look_up") == []
    world.listed(asked_ms=world.now_ms + FRESH_MS + 1)
    assert world.exchange.take("look_up") == [order().client_order_id]
    world.looked_up(order(), report(order(), OrderState.FILLED, (trade(1),)), asked_ms=world.now_ms)
    assert [each.state for each in world.reports()] == [OrderState.FILLED]


@pytest.mark.rule("ORD-5")
def test_what_filled_after_one_sweep_is_looked_up_at_the_next_however_short_the_pause() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    world.listed(report(order(), OrderState.OPEN))
    assert SWEEP_WHILE_DOWN_MS >= 1_000
    world.listed(asked_ms=world.now_ms + 1_000)
    assert world.exchange.take("look_up") == [order().client_order_id]


@pytest.mark.rule("ORD-5")
def test_the_sweep_passes_on_what_the_stream_missed() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    world.reports()
    world.listed(report(order()))
    assert world.reports() == []
    world.listed(report(order(), OrderState.PARTIALLY_FILLED, (trade(1, "0.5"),)))
    assert [each.state for each in world.reports()] == [OrderState.PARTIALLY_FILLED]


@pytest.mark.rule("ORD-5")
def test_the_sweep_comes_round_by_itself() -> None:
    world = World(execution=ExecutionSettings(sweep_interval_s=15)).settle()
    world.pass_ms(14_999)
    assert world.exchange.take("fetch_open_orders") == []
    world.pass_ms(1)
    assert len(world.exchange.take("fetch_open_orders")) == 1
    world.listed()
    world.pass_ms(15_000)
    assert len(world.exchange.take("fetch_open_orders")) == 1


@pytest.mark.rule("ORD-7")
def test_an_order_with_our_name_goes_to_its_group_and_a_strangers_is_left_alone() -> None:
    world = World().settle()
    ours = order(group_id="h" * 12)
    world.listed(report(ours), report("web_12345"))
    (reported,) = world.told(m.OrdersReported)
    assert (reported.group_id, len(reported.reports)) == ("h" * 12, 1)
    world.listed(report(ours), report("web_12345"))
    assert len(world.told(m.OrdersReported)) == 1


def test_an_answer_to_an_earlier_life_is_ignored() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.tell(
        m.Answered(
            incarnation=6,
            request="submit",
            client_order_id=order().client_order_id,
            fate=Fate.REFUSED,
            reason=Reason.EXCHANGE_REFUSED,
        )
    )
    assert world.reports() == []


# --- alerts ----------------------------------------------------------------------------------------


@pytest.mark.rule("LOG-5")
def test_an_order_of_unknown_fate_raises_an_alert_after_a_while_and_it_goes_when_it_is_known() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    world.pass_ms(29_999)
    assert world.rows(RaiseAlert) == []
    world.pass_ms(1)
    (alert,) = world.rows(RaiseAlert)
    assert order().client_order_id in alert.message
    assert len(world.rows(AddEvent)) == 1
    world.stream(report(order()))
    assert [row.alert_key for row in world.rows(ResolveAlert)] == [alert.alert_key]


@pytest.mark.rule("PRC-7", "PRC-1")
def test_a_refusal_for_precision_raises_an_alert_and_fetches_the_catalogue() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.REFUSED, reason=Reason.BAD_PRICE, words="Filter failure: PRICE_FILTER")
    (alert,) = world.rows(RaiseAlert)
    assert "PRICE_FILTER" in alert.message
    assert len(world.exchange.take("fetch_instruments")) == 1


@pytest.mark.rule("EXIT-5")
def test_cancels_that_are_refused_again_and_again_are_said_until_the_order_is_gone() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order())
    world.tell(m.CancelOrders(orders=(order(),)))
    for _ in range(REFUSED_CANCELS):
        assert world.rows(RaiseAlert) == []
        while not world.exchange.take("cancel"):
            world.pass_answering_ms(50, 50)
        world.answer(
            order(), Fate.REFUSED, request="cancel", reason=Reason.AUTHENTICATION_FAILED, words="may not trade"
        )
        world.looked_up(order(), report(order()), asked_ms=world.now_ms)
    (alert,) = world.rows(RaiseAlert)
    assert (alert.alert_key, alert.severity) == ("cancels_refused:paper", "error")
    assert "may not trade" in alert.message
    world.answer(order(), state=OrderState.CANCELLED, request="cancel")
    assert "cancels_refused:paper" in [row.alert_key for row in world.rows(ResolveAlert)]
