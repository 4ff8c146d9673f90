"""What keeps a gateway from sending: the request budget, an open circuit, a ban."""

from __future__ import annotations

import pytest

from actors import account_messages as am
from actors import messages as m
from actors.budget import LimitedBudget
from actors.gateway_circuit import WORDS
from actors.gateway_orders import ANSWER_TIMEOUT_MS
from actors.gateway_sending import MAX_IN_FLIGHT, PLACES_FOR_EXITS
from actors.messages import Fate
from actors.rules.model import OrderState, Reason, Refused, Role
from actors.rules.rates import TRAVEL_MS, Ask, RateRules, Window, Work
from actors.rules.records import RaiseAlert, ResolveAlert
from actors.rules.settings import ExecutionSettings
from tests.actors.gateway_world import START_MS, Box, World, balances, ids, instrument, order, report

PERIOD_MS = 1_000


def limited(limit: int, execution: ExecutionSettings | None = None) -> World:
    """Settled, in front of a venue where every request costs one of `limit` a second."""
    made = World(execution=execution).settle()
    window = Window(name="orders", limit=limit, period_ms=PERIOD_MS)
    made.exchange.budget = LimitedBudget(RateRules(windows=(window,), costs={ask: {"orders": 1} for ask in Ask}))
    return made


def standing(world: World, kind: str) -> bool:
    """Whether the newest word about this alert is that it stands."""
    name = f"{kind}:paper"
    told = [
        isinstance(row, RaiseAlert)
        for commit in world.told(m.Commit, "journal")
        for row in commit.rows
        if isinstance(row, RaiseAlert | ResolveAlert) and row.alert_key == name
    ]
    return bool(told) and told[-1]


# --- the budget ------------------------------------------------------------------------------------


@pytest.mark.rule("REC-4")
def test_a_burst_of_entries_leaves_as_the_budget_allows_and_never_too_many_at_once() -> None:
    world = limited(10)
    burst = [order(attempt=attempt) for attempt in range(1, 101)]
    world.tell(m.SubmitOrders(orders=tuple(burst)))
    sent: list[str] = []
    for _ in range(60):
        world.pass_ms(250)
        now = [name for batch in world.exchange.take("submit") for name in batch]
        assert len(now) <= 8
        sent += now
        for name in now:
            world.answer(burst[int(name[-3:], 36) - 1])
    assert sent == list(ids(burst))
    assert len({each.client_order_id for each in world.reports()}) == 100


@pytest.mark.rule("REC-4")
def test_exits_and_cancels_overtake_entries_that_wait_for_the_budget() -> None:
    world = limited(100)
    resting = order(leg=5)
    world.tell(m.SubmitOrders(orders=(resting,)))
    world.answer(resting)
    entries = [order(attempt=attempt) for attempt in range(1, 200)]
    for number in range(0, 199, 40):  # Answered at once, so that only the budget holds them up.
        world.tell(m.SubmitOrders(orders=tuple(entries[number : number + 40])))
        for each in entries[number : number + 40]:
            world.answer(each)
    assert sum(len(batch) for batch in world.exchange.take("submit")) == 80
    close = order(role=Role.CLOSE)
    world.tell(m.SubmitOrders(orders=(close,)))
    world.tell(m.CancelOrders(orders=(resting,)))
    assert world.exchange.take("submit") == [ids([close])]
    assert world.exchange.take("cancel") == [ids([resting])]


@pytest.mark.rule("REC-4")
def test_cancels_go_while_submits_wait_for_a_window_of_their_own() -> None:
    world = World().settle()
    window = Window(name="orders", limit=1, period_ms=PERIOD_MS)
    world.exchange.budget = LimitedBudget(RateRules(windows=(window,), costs={Ask.SUBMIT: {"orders": 1}}))
    first, second = order(leg=1), order(leg=2)
    world.tell(m.SubmitOrders(orders=(first, second)))
    world.answer(first)
    world.tell(m.CancelOrders(orders=(first,)))
    assert world.exchange.take("submit") == [ids([first])]
    assert world.exchange.take("cancel") == [ids([first])]
    world.pass_ms(PERIOD_MS + TRAVEL_MS)
    assert world.exchange.take("submit") == [ids([second])]


def test_what_waits_for_the_budget_can_be_taken_back_and_its_answer_is_not_missed() -> None:
    world = World().settle()
    window = Window(name="orders", limit=1, period_ms=PERIOD_MS)
    world.exchange.budget = LimitedBudget(RateRules(windows=(window,), costs={Ask.SUBMIT: {"orders": 1}}))
    first, second, third = (order(leg=leg) for leg in (1, 2, 3))
    world.tell(m.SubmitOrders(orders=(first, second, third)))
    assert world.exchange.take("submit") == [ids([first])]
    world.answer(first)
    world.tell(m.CancelOrders(orders=(second,)))
    assert [each.state for each in world.reports()] == [OrderState.OPEN, OrderState.CANCELLED]
    world.exchange.budget.block(START_MS + 2 * ANSWER_TIMEOUT_MS)
    world.pass_ms(2 * ANSWER_TIMEOUT_MS - 1)
    assert (world.exchange.take("submit"), world.exchange.take("look_up")) == ([], [])
    world.pass_ms(1)
    assert world.exchange.take("submit") == [ids([third])]


@pytest.mark.rule("ORD-7")
def test_an_entry_held_up_for_too_long_is_dropped_and_an_exit_is_not() -> None:
    world = limited(100, execution=ExecutionSettings(stale_entry_after_s=300))
    world.exchange.budget.block(START_MS + 301_000)
    entry, close = order(), order(role=Role.CLOSE)
    world.tell(m.SubmitOrders(orders=(entry, close)))
    world.pass_ms(301_000)
    assert world.exchange.take("submit") == [ids([close])]
    assert [(each.client_order_id, each.reason) for each in world.reports()] == [
        (entry.client_order_id, Reason.STALE_ENTRY)
    ]


@pytest.mark.rule("REC-4")
def test_look_ups_and_sweeps_wait_for_the_budget_and_the_fate_of_an_exit_is_asked_first() -> None:
    world = limited(100)
    entry, close = order(), order(role=Role.CLOSE)
    world.tell(m.SubmitOrders(orders=(entry, close)))
    world.exchange.take("submit")
    world.exchange.budget.block(world.now_ms + 500)
    world.answer(entry, Fate.UNKNOWN)
    world.answer(close, Fate.UNKNOWN)
    world.tell(am.StreamChanged(incarnation=7, stream="orders", is_up=True))
    assert world.exchange.asked == []
    world.pass_ms(500)
    assert world.exchange.take("look_up") == [close.client_order_id, entry.client_order_id]
    assert len(world.exchange.take("fetch_open_orders")) == len(world.exchange.take("fetch_balances")) == 1


@pytest.mark.rule("REC-4")
def test_entries_without_answers_leave_room_for_the_way_out() -> None:
    world = World().settle()
    entries = [order(attempt=attempt) for attempt in range(1, 500)]
    world.tell(m.SubmitOrders(orders=tuple(entries)))
    assert sum(len(batch) for batch in world.exchange.take("submit")) == MAX_IN_FLIGHT - PLACES_FOR_EXITS
    close = order(role=Role.CLOSE)
    world.tell(m.SubmitOrders(orders=(close,)))
    assert world.exchange.take("submit") == [ids([close])]


@pytest.mark.rule("LOG-5")
def test_a_budget_that_is_nearly_used_up_is_said_until_it_is_not() -> None:
    world = limited(100)
    for used, is_said in ((89, False), (91, True), (75, True), (0, False)):
        world.pass_answering_ms(14_000)
        world.exchange.budget.learn({"orders": used}, world.now_ms)
        world.pass_answering_ms(1_000)
        assert standing(world, "rate") is is_said


@pytest.mark.rule("LOG-5", "PRC-1")
def test_rules_of_instruments_that_no_refresh_renews_are_said_until_one_does() -> None:
    world = World().settle()
    world.pass_answering_ms(43_200_000, 60_000)
    assert not standing(world, "precision_stale"), "half a day is allowed"
    world.pass_answering_ms(43_500_000, 60_000)
    assert standing(world, "precision_stale")
    world.tell(m.InstrumentsFetched(incarnation=7, fate=Fate.ACCEPTED, instruments=(instrument(),)))
    world.pass_answering_ms(60_000, 15_000)
    assert not standing(world, "precision_stale")


def test_an_account_that_starts_is_not_kept_waiting_by_less_than_the_traffic_of_others() -> None:
    busy = LimitedBudget(
        RateRules(
            windows=(Window(name="weight", limit=100, period_ms=600_000),),
            costs={ask: {"weight": 1} for ask in Ask},
        )
    )
    busy.take(Ask.SUBMIT, Work.ENTRY, START_MS, 75)
    world = World(budget=busy)
    assert [name for name, _ in world.exchange.asked if name.startswith("fetch")] == [
        "fetch_instruments",
        "fetch_balances",
        "fetch_open_orders",
    ]
    world.settle()
    world.tell(m.RefreshInstruments(reply_to=None))
    assert world.exchange.take("fetch_instruments") == []


# --- the circuit -----------------------------------------------------------------------------------


def opened(world: World | None = None) -> World:
    """A world whose exchange has failed until the circuit opened; what was told and asked is forgotten."""
    world = world or World().settle()
    for _ in range(5):
        world.answer(order(leg=8), Fate.UNKNOWN)
        world.pass_ms(250)
    assert standing(world, "circuit")
    world.exchange.asked.clear()
    return world


def answer_probe(world: World, fate: str = Fate.ACCEPTED) -> None:
    world.exchange.take("fetch_balances")
    world.tell(m.BalancesFetched(incarnation=7, fate=fate, balances=balances("100") if fate == Fate.ACCEPTED else {}))


@pytest.mark.rule("REC-3")
def test_while_the_circuit_is_open_nothing_leaves_and_the_account_is_not_ready() -> None:
    world = opened()
    newest = world.told(m.AccountChanged)[-1]
    assert (newest.ready, newest.detail) == (False, WORDS)
    world.tell(m.SubmitOrders(orders=(order(role=Role.CLOSE), order())))
    world.tell(m.CancelOrders(orders=(order(leg=3),)))
    world.tell(m.RefreshInstruments(reply_to=None))
    assert world.exchange.asked == []


def test_a_person_who_asks_for_a_refresh_meanwhile_is_told_so_at_once() -> None:
    world, box = opened(), Box()
    world.tell(m.RefreshInstruments(reply_to=box))
    [refused] = world.told(Refused, box)
    assert (refused.reason, refused.detail) == (Reason.ACCOUNT_NOT_READY, WORDS)


def test_questions_that_fail_for_the_same_reason_are_told_together() -> None:
    world = World()
    for _ in range(3):
        world.tell(m.BalancesFetched(incarnation=7, fate=Fate.TEMPORARY, words="no route"))
        world.tell(m.OpenOrdersFetched(incarnation=7, fate=Fate.TEMPORARY, words="no route", asked_ms=world.now_ms))
    world.pass_ms(1_000)
    assert "instruments: not known yet; balances, open orders: no route" in world.told(m.AccountChanged)[-1].detail


@pytest.mark.rule("REC-3")
def test_refusals_do_not_open_it() -> None:
    world = World().settle()
    for _ in range(50):
        world.answer(order(leg=8), Fate.REFUSED, reason=Reason.INSUFFICIENT_FUNDS)
        world.pass_ms(250)
    assert not standing(world, "circuit")


@pytest.mark.rule("REC-3")
@pytest.mark.parametrize(("fate", "opens"), [(Fate.TEMPORARY, True), (Fate.UNKNOWN, True), (Fate.REFUSED, False)])
def test_questions_that_fail_open_it_unless_the_exchange_says_no_to_them(fate: str, opens: bool) -> None:
    world = World().settle()
    for _ in range(5):
        world.tell(m.BalancesFetched(incarnation=7, fate=fate, words="Invalid API-key"))
        world.pass_ms(250)
    assert standing(world, "circuit") is opens
    assert standing(world, "unreachable") is opens
    assert standing(world, "key_refused") is not opens
    assert "Invalid API-key" in world.told(m.AccountChanged)[-1].detail


@pytest.mark.rule("REC-3")
def test_look_ups_that_fail_open_it() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.answer(order(), Fate.UNKNOWN)
    for _ in range(4):
        world.pass_ms(300)
        assert not standing(world, "circuit")
        world.looked_up(order(), None, asked_ms=world.now_ms, fate=Fate.TEMPORARY)
    assert standing(world, "circuit")


@pytest.mark.rule("REC-3")
def test_answers_that_never_come_open_it() -> None:
    world = World().settle()
    for leg in range(10):
        world.tell(m.SubmitOrders(orders=(order(leg=leg),)))
        world.pass_ms(1_000)
    world.pass_ms(ANSWER_TIMEOUT_MS)
    assert standing(world, "circuit")


@pytest.mark.rule("REC-3")
def test_one_cheap_question_goes_out_and_a_good_answer_lets_exits_go_first_and_unknown_orders_be_looked_up() -> None:
    world = World().settle()
    lost = order(leg=7)
    world.tell(m.SubmitOrders(orders=(lost,)))
    world.answer(lost, Fate.UNKNOWN)
    world.looked_up(lost, None, asked_ms=world.now_ms, fate=Fate.TEMPORARY)
    opened(world)
    entry, close, gone = order(), order(role=Role.CLOSE), order(leg=3)
    world.tell(m.SubmitOrders(orders=(entry, close)))
    world.tell(m.CancelOrders(orders=(gone,)))
    world.pass_ms(3_000)
    assert world.exchange.asked == [("fetch_balances", None)]
    answer_probe(world)
    asked = [entry for entry in world.exchange.asked if entry[0] in ("submit", "cancel", "look_up")]
    assert asked == [
        ("submit", ids([close])),
        ("cancel", ids([gone])),
        ("submit", ids([entry])),
        ("look_up", lost.client_order_id),
    ]
    assert len(world.exchange.take("fetch_open_orders")) == 1
    assert world.told(m.AccountChanged)[-1].ready
    assert not standing(world, "circuit")


@pytest.mark.rule("REC-3")
def test_a_probe_that_fails_or_is_not_answered_is_repeated_with_growing_pauses() -> None:
    world = opened()
    world.pass_ms(2_000)
    assert len(world.exchange.take("fetch_balances")) == 1
    answer_probe(world, Fate.TEMPORARY)
    world.pass_ms(3_999)
    assert world.exchange.asked == []
    world.pass_ms(1)
    assert world.exchange.asked == [("fetch_balances", None)]
    world.exchange.asked.clear()
    world.pass_ms(20_000 + 7_999)  # No answer at all.
    assert world.exchange.asked == []
    world.pass_ms(1)
    assert world.exchange.asked == [("fetch_balances", None)]


def test_an_entry_that_waits_behind_an_open_circuit_is_taken_back_without_a_request() -> None:
    world = opened()
    world.tell(m.SubmitOrders(orders=(order(),)))
    world.tell(m.CancelOrders(orders=(order(),)))
    assert [each.state for each in world.reports()] == [OrderState.CANCELLED]
    assert world.exchange.asked == []


def test_news_from_streams_counts_while_the_circuit_is_open() -> None:
    world = World().settle()
    world.tell(m.SubmitOrders(orders=(order(),)))
    opened(world)
    world.reports()
    world.stream(report(order(), OrderState.CANCELLED))
    assert [each.state for each in world.reports()] == [OrderState.CANCELLED]


# --- bans ------------------------------------------------------------------------------------------


@pytest.mark.rule("REC-4", "LOG-5")
def test_a_ban_stops_all_traffic_until_its_end_and_says_when_that_is() -> None:
    world = limited(100)
    world.tell(am.Banned(incarnation=7, for_ms=60_000, words="Way too much request weight used"))
    (alert,) = world.rows(RaiseAlert)
    assert "1970-01-01 00:17:40 UTC" in alert.message
    assert "Way too much" in alert.message
    assert not world.told(m.AccountChanged)[-1].ready
    world.tell(m.SubmitOrders(orders=(order(role=Role.CLOSE),)))
    world.pass_ms(59_999)
    assert world.exchange.asked == []
    world.pass_ms(1)
    assert world.exchange.take("submit") == [ids([order(role=Role.CLOSE)])]
    assert not standing(world, "ban")
    assert world.told(m.AccountChanged)[-1].ready


def test_a_longer_ban_takes_the_place_of_a_shorter_one() -> None:
    world = limited(100)
    world.tell(am.Banned(incarnation=7, for_ms=1_000, words=""))
    world.tell(am.Banned(incarnation=7, for_ms=5_000, words=""))
    world.tell(am.Banned(incarnation=7, for_ms=2_000, words=""))
    world.pass_ms(4_999)
    assert standing(world, "ban")
    world.pass_ms(1)
    assert not standing(world, "ban")
