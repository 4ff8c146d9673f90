"""Each fault of the simulated venue does what it says, and the engine comes to rest rightly after it."""

from __future__ import annotations

import random
from decimal import Decimal
from pathlib import Path

import pytest

from actors import messages as m
from actors.account_messages import Banned, ClockMeasured, ForeignTraded, StreamChanged
from actors.gateway import Gateway
from actors.gateway_orders import ANSWER_TIMEOUT_MS
from actors.messages import Fate
from actors.rules.model import Group, GroupState, Intent, Order, OrderState, Outcome, Reason, Role, Side
from actors.rules.naming import parse_client_order_id
from tests.actors.town import ACCOUNT, BTC, town_settings
from tests.simulation.broken_crowd import Trouble, broken_run
from tests.simulation.broken_town import SWAP, BrokenTown, broken, swap_account
from tests.simulation.ops import (
    BreakVenue,
    CancelByHand,
    ChangeByHand,
    FillPart,
    ForeignOrder,
    ManualTrade,
    StoreFault,
    VenueFault,
)
from tests.simulation.venue import CLOCK_MARGIN_MS, WINDOW_MS
from tests.simulation.venue_books import BY_HAND
from tests.simulation.venue_trouble import WHOLE

D = Decimal
F = VenueFault
GATEWAY = f"gateway/{ACCOUNT}"


class Heard:
    """What the gateway was told, in order."""

    def __init__(self, town: BrokenTown) -> None:
        self.messages: list[object] = []
        town.on_message = self._hear

    def _hear(self, name: str, message: object) -> None:
        if name == GATEWAY:
            self.messages.append(message)

    def of(self, kind: type) -> list[object]:
        return [message for message in self.messages if isinstance(message, kind)]

    def answers(self, request: str = "submit") -> list[m.Answered]:
        found: list[m.Answered] = []
        for message in self.messages:
            parts = message.answers if isinstance(message, m.AnsweredAll) else (message,)
            found += [part for part in parts if isinstance(part, m.Answered) and part.request == request]
        return found


def enter(town: BrokenTown) -> None:
    """An entry below the market arrives; nothing has answered it yet but what comes at once."""
    town.send(town.signal(price="99"))
    town.run_for(10)


def group(town: BrokenTown) -> Group:
    (found,) = town.view.current.live()
    return found


def at_rest(town: BrokenTown) -> Group:
    """Faults end, everything is checked, and a ladder of five orders stands at the venue."""
    town.calm()
    town.check()
    town.check_no_order_twice()
    assert len(town.open_at_venue()) == 5
    return group(town)


def states(town: BrokenTown) -> list[OrderState]:
    return [order.state for order in group(town).orders.values()]


@pytest.mark.rule("ORD-3")
def test_a_lost_request_never_arrives_and_is_sent_under_a_new_name(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.breaks(F.REQUEST_LOST)
        enter(town)
        assert len(town.ours()) == 4
        lost = [order for order in group(town).orders.values() if not town.sim.named(order.client_order_id)]
        after = at_rest(town)
        assert [after.orders[order.client_order_id].reason for order in lost] == [Reason.NEVER_ACCEPTED]


@pytest.mark.rule("ORD-3")
def test_an_order_whose_answer_is_lost_is_there_and_is_found(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.sim.streams_own = False
        heard = Heard(town)
        town.breaks(F.REPLY_LOST)
        enter(town)
        assert len(town.ours()) == 5
        assert len(heard.answers()) == 4
        assert states(town).count(OrderState.PENDING) == 1
        at_rest(town)
        assert len(town.ours()) == 5


@pytest.mark.rule("ORD-3")
def test_an_unknown_answer_to_what_was_carried_out_is_looked_up(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.sim.streams_own = False
        heard = Heard(town)
        town.breaks(F.REPLY_UNKNOWN, count=3)
        enter(town)
        assert [answer.fate for answer in heard.answers()].count(Fate.UNKNOWN) == 3
        at_rest(town)
        assert len(heard.of(m.LookedUp)) >= 3
        assert len(town.ours()) == 5


@pytest.mark.rule("ORD-3")
def test_a_late_answer_comes_after_the_rest_and_harms_nothing(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.sim.streams_own = False
        heard = Heard(town)
        town.breaks(F.REPLY_LATE, count=5)
        enter(town)
        assert len(town.ours()) == 5
        assert len(heard.answers()) < 5
        town.run_for(30_000)
        assert len(heard.answers()) == 5
        assert any(answer.asked_ms + ANSWER_TIMEOUT_MS / 4 < town.system.now_ms() for answer in heard.answers())
        at_rest(town)


def test_an_answer_may_come_twice(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        heard = Heard(town)
        town.breaks(F.REPLY_TWICE, count=2)
        enter(town)
        town.run_for(5_000)
        named = [answer.client_order_id for answer in heard.answers()]
        assert len(named) == 7
        assert len(set(named)) == 5
        at_rest(town)


def test_answers_may_overtake_each_other(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        heard = Heard(town)
        town.breaks(F.REPLIES_SHUFFLED, count=5)
        enter(town)
        town.run_for(5_000)
        asked = [order.client_order_id for order in town.ours()]
        answered = [answer.client_order_id for answer in heard.answers()]
        assert sorted(asked) == sorted(answered)
        assert asked != answered
        at_rest(town)


@pytest.mark.rule("ORD-5")
def test_a_cancelled_order_may_be_told_without_its_last_execution_which_follows(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        heard = Heard(town)
        enter(town)
        town.run_for(1_000)
        town.breaks(F.STREAM_LOST, count=5)
        town.breaks(F.FILL_LATE)
        town.sim.happens(FillPart(account=ACCOUNT, pick=0, share=D("0.5")))
        town.send(town.signal(price=None, intent=Intent.EXIT, side=None))
        town.run_for(500)
        told = [answer.report for answer in heard.answers("cancel") if answer.report is not None]
        ((order, trade),) = town.sim.trades
        (short,) = [report for report in told if report.client_order_id == order.client_order_id]
        assert (short.state, short.trades) == (OrderState.CANCELLED, ())
        town.calm()
        town.pass_time(60_000)
        town.check()
        assert trade.trade_id in {each.trade_id for _, each in town.sim.trades}
        assert not list(town.view.current.live())


@pytest.mark.rule("ORD-5", "REC-1")
@pytest.mark.parametrize("fails", [1, 2])
def test_an_execution_told_after_the_end_is_told_again_where_its_commit_was_not_taken(
    tmp_path: Path, fails: int
) -> None:
    with broken(tmp_path) as town:
        enter(town)
        town.run_for(1_000)
        town.breaks(F.STREAM_LOST, count=5)
        town.breaks(F.FILL_LATE)
        town.sim.happens(FillPart(account=ACCOUNT, pick=0, share=D("0.5")))
        ((order, trade),) = town.sim.trades
        name = order.client_order_id

        def fail_then(actor: str, message: object) -> None:
            """When the whole of it is on its way to its group, which has booked the end without it."""
            if isinstance(message, m.OrdersReported) and actor.startswith("group/"):
                told = [report for report in message.reports if report.client_order_id == name]
                if any(report.trades for report in told) and not failed:
                    failed.append(actor)
                    town.fails(StoreFault.FAIL, count=fails)

        failed: list[str] = []
        town.on_message = fail_then
        town.send(town.signal(price=None, intent=Intent.EXIT, side=None))
        town.run_for(60_000)
        assert failed, "nobody was told late"
        town.calm()
        town.pass_time(120_000)
        town.check()
        booked = town.store.load_group(order_group(name))
        assert booked is not None
        assert [each.trade_id for each in booked.orders[name].trades] == [trade.trade_id]


def order_group(client_order_id: str) -> str:
    name = parse_client_order_id(client_order_id)
    assert name is not None
    return name.group_id


def test_a_refused_order_never_was_at_the_venue(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.breaks(F.REFUSED, count=2)
        enter(town)
        town.calm()
        town.check()
        refused = [order for order in group(town).orders.values() if order.state is OrderState.REJECTED]
        assert [order.reason for order in refused] == [Reason.EXCHANGE_REFUSED] * 2
        assert not any(town.sim.named(order.client_order_id) for order in refused)


@pytest.mark.rule("ORD-8")
def test_a_refused_cancel_is_looked_into_and_asked_again(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        heard = Heard(town)
        town.breaks(F.REFUSED)
        town.send(town.signal(intent=Intent.EXIT, price=None, side=None))
        town.run_for(10)
        town.calm()
        assert [answer.fate for answer in heard.answers("cancel")].count(Fate.REFUSED) == 1
        assert town.open_at_venue() == []
        assert not list(town.view.current.live())


@pytest.mark.rule("ORD-4")
def test_a_temporary_failure_had_no_effect_and_the_same_name_is_sent_again(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        heard = Heard(town)
        town.breaks(F.TEMPORARY)
        enter(town)
        assert len(town.ours()) == 4
        at_rest(town)
        fates = [answer.fate for answer in heard.answers()]
        assert fates.count(Fate.TEMPORARY) == 1
        assert len({answer.client_order_id for answer in heard.answers()}) == 5


@pytest.mark.rule("ORD-3")
def test_a_late_request_arrives_within_the_window_though_its_sender_has_given_it_up(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        arrived: list[int] = []
        town.sim.on_accepted.append(lambda _account, order: arrived.append(order.create_ms))
        town.breaks(F.LATE_ARRIVAL, count=5)
        begin_ms = town.sim.now_ms()
        enter(town)
        assert len(arrived) < 5
        town.run_for(WINDOW_MS)
        assert len(arrived) == 5
        assert max(arrived) - begin_ms > 1_000
        assert max(arrived) - begin_ms <= WINDOW_MS
        at_rest(town)
        assert len(town.ours()) == 5, "all five were awaited, none was sent anew"


@pytest.mark.rule("ORD-3")
def test_an_order_nobody_can_see_yet_is_not_sent_again(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.sim.streams_own = False
        heard = Heard(town)
        town.breaks(F.INVISIBLE, count=5)
        town.breaks(F.REPLY_LOST, count=5)
        enter(town)
        town.run_for(WINDOW_MS + CLOCK_MARGIN_MS)
        town.run_for(ANSWER_TIMEOUT_MS)
        assert len(town.ours()) == 5
        assert town.sim.road.invisible == {} or max(town.sim.road.invisible.values()) <= town.sim.now_ms()
        at_rest(town)
        assert len(town.ours()) == 5
        assert not heard.answers()


def test_a_hidden_order_is_in_no_list_and_in_no_look_up(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.sim.streams_own = False
        heard = Heard(town)
        town.breaks(F.INVISIBLE, count=5)
        town.breaks(F.REPLY_UNKNOWN, count=5)
        enter(town)
        looked = heard.of(m.LookedUp)
        assert len(town.ours()) == 5
        assert looked
        assert all(isinstance(found, m.LookedUp) and found.report is None for found in looked)
        town.exchange.fetch_open_orders()
        town.run_for(10)
        (listed,) = heard.of(m.OpenOrdersFetched)[-1:]
        assert isinstance(listed, m.OpenOrdersFetched)
        assert listed.reports == ()
        at_rest(town)


@pytest.mark.rule("ORD-5")
def test_a_fill_whose_frame_is_lost_is_found_by_the_sweep(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        town.breaks(F.STREAM_LOST, ms=1_000)
        town.sim.move(BTC, D("98.9"))
        town.run_for(900)
        assert town.sim.trades
        assert not any(order.trades for order in group(town).orders.values())
        town.run_for(60_000)
        assert sum(len(order.trades) for order in group(town).orders.values()) == len(town.sim.trades)
        town.calm()
        town.check()


@pytest.mark.rule("ORD-5")
def test_a_frame_that_comes_twice_counts_once(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        heard = Heard(town)
        town.breaks(F.STREAM_TWICE, ms=1_000)
        town.sim.move(BTC, D("98.9"))
        town.run_for(5_000)
        told = [r for f in heard.of(m.Streamed) if isinstance(f, m.Streamed) for r in f.reports if r.trades]
        assert len(told) > len({r.client_order_id for r in told})
        town.calm()
        town.check()
        assert sum(len(order.trades) for order in group(town).orders.values()) == len(town.sim.trades)


@pytest.mark.rule("ORD-5")
def test_a_late_frame_is_news_of_before(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        heard = Heard(town)
        town.breaks(F.STREAM_LATE, ms=10)
        town.sim.move(BTC, D("98.9"))
        traded_ms = town.sim.now_ms()
        when: list[int] = []
        town.on_handled = lambda name, message: (
            when.append(town.sim.now_ms()) if name == GATEWAY and isinstance(message, m.Streamed) else None
        )
        town.run_for(15_000)
        assert any(at_ms - traded_ms > 100 for at_ms in when)
        assert heard.of(m.Streamed)
        town.calm()
        town.check()


def test_prices_of_a_late_stream_keep_their_order(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        heard = Heard(town)
        town.breaks(F.STREAM_LATE, ms=50)
        for price in ("101", "102", "103", "104"):
            town.sim.move(BTC, D(price))
            town.run_for(20)
        town.run_for(30_000)
        bids = [f.quotes[BTC].bid for f in heard.of(m.Quoted) if isinstance(f, m.Quoted) and BTC in f.quotes]
        assert bids == sorted(bids)
        assert bids[-1] == D(104)


@pytest.mark.rule("ORD-5", "REC-4")
def test_a_stream_that_is_down_says_so_and_what_it_missed_is_found(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        heard = Heard(town)
        town.breaks(F.STREAM_DOWN, ms=8_000)
        town.sim.move(BTC, D("98.9"))
        town.run_for(20_000)
        changes = [change for change in heard.of(StreamChanged) if isinstance(change, StreamChanged)]
        assert {change.stream for change in changes if not change.is_up} == {"orders", "trades", "balances", "prices"}
        assert {change.stream for change in changes if change.is_up} == {"orders", "trades", "balances", "prices"}
        assert sum(len(order.trades) for order in group(town).orders.values()) == len(town.sim.trades) > 0
        town.calm()
        town.check()


@pytest.mark.rule("REC-3")
def test_nothing_reaches_a_venue_that_is_down_and_everything_does_afterwards(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.breaks(F.DOWN, ms=20_000)
        enter(town)
        town.run_for(15_000)
        assert town.ours() == []
        at_rest(town)


@pytest.mark.rule("REC-3")
def test_a_circuit_opens_at_a_venue_that_stays_down_and_closes_behind_it(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.breaks(F.DOWN, ms=60_000)
        enter(town)
        town.run_for(55_000)
        gateway = town.actor(GATEWAY, Gateway)
        assert gateway is not None
        assert not gateway._circuit.lets_through
        at_rest(town)


def test_a_ban_is_told_and_nothing_is_asked_until_its_end(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        heard = Heard(town)
        town.breaks(F.BANNED, ms=30_000)
        enter(town)
        assert heard.of(Banned)
        asked = len(heard.messages)
        town.run_for(25_000)
        assert town.ours() == []
        assert not [one for one in heard.messages[asked:] if isinstance(one, m.Answered | m.OpenOrdersFetched)]
        at_rest(town)


def test_a_slow_venue_takes_its_time_and_loses_nothing(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        heard = Heard(town)
        town.breaks(F.SLOW, ms=20_000)
        enter(town)
        assert len(heard.answers()) < 5
        town.run_for(14_000)
        assert len(heard.answers()) == 5
        at_rest(town)
        assert len(town.ours()) == 5


def _armed(fault: VenueFault) -> Trouble:
    def arm(town: BrokenTown, rng: random.Random) -> None:
        if fault in WHOLE:
            town.breaks(fault, ms=rng.randint(100, 10_000))
        else:
            town.breaks(fault, count=rng.randint(1, 3))

    return arm


@pytest.mark.rule("ORD-3", "ORD-5", "TP-7", "REC-3")
@pytest.mark.parametrize("seed", [1, 4])
@pytest.mark.parametrize("fault", VenueFault)
def test_a_crowd_comes_through_each_fault_to_the_last_digit(tmp_path: Path, fault: VenueFault, seed: int) -> None:
    broken_run(tmp_path, seed, _armed(fault)).close()


@pytest.mark.rule("ORD-3", "ORD-5", "TP-7", "REC-3")
@pytest.mark.parametrize("seed", range(6))
def test_a_crowd_comes_through_all_of_them_at_once(tmp_path: Path, seed: int) -> None:
    broken_run(tmp_path, seed, *map(_armed, VenueFault), share=0.15).close()


# --- people on the same account --------------------------------------------------------------------


@pytest.mark.rule("ORD-6")
def test_an_awkward_part_of_an_order_fills_at_its_own_price(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        town.sim.happens(FillPart(account=ACCOUNT, pick=0, share=D("0.37")))
        town.settle()
        order, trade = town.sim.trades[0]
        assert (trade.quantity, trade.price) == (D("0.747"), D(99))
        assert order.remaining == D("1.273")
        assert group(town).orders[order.client_order_id].filled_quantity == D("0.747")
        town.check()


def test_a_person_cancels_an_order_and_it_is_replaced_or_said(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        town.sim.happens(CancelByHand(account=ACCOUNT, pick=2))
        town.settle()
        assert OrderState.CANCELLED in [report.state for report in town.ours()]
        town.check()


def shapes_of_targets(town: BrokenTown) -> set[tuple[Decimal | None, Decimal]]:
    """At the venue."""
    found = group(town).orders.values()
    names = {order.client_order_id for order in found if order.role is Role.TAKE_PROFIT}
    return {(order.price, order.quantity) for name, order in town.sim.open_orders().items() if name in names}


@pytest.mark.rule("ORD-9", "TP-7")
@pytest.mark.parametrize("by_stream", [True, False], ids=["told by the stream", "seen in the list"])
@pytest.mark.parametrize(("percent", "share"), [("0", "0.5"), ("3", "1"), ("-0.4", "0.37")])
def test_a_target_that_a_person_changes_at_the_exchange_is_brought_back(
    tmp_path: Path, percent: str, share: str, by_stream: bool
) -> None:
    with broken(tmp_path) as town:
        town.submit(town.signal(price="99"))
        town.price(BTC, "98.9")
        before = shapes_of_targets(town)
        assert len(before) == 1
        if not by_stream:
            town.breaks(F.STREAM_LOST, count=1)
        words = town.sim.happens(ChangeByHand(account=ACCOUNT, pick=0, percent=D(percent), share=D(share)))
        assert words.startswith("by hand: ")
        assert shapes_of_targets(town) != before
        town.settle()
        town.run_for(60_000)
        assert shapes_of_targets(town) == before
        at_rest(town)


def test_a_foreign_order_is_left_alone(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.sim.happens(ForeignOrder(account=ACCOUNT, symbol=BTC, side=Side.LONG, price=D(90), quantity=D(1)))
        town.submit(town.signal(price="99"))
        town.run_for(60_000)
        town.submit(town.signal(intent=Intent.EXIT, price=None, side=None))
        town.settle()
        assert list(town.sim.open_orders()) == [f"{BY_HAND}1"]
        assert not list(town.view.current.live())


@pytest.mark.rule("ORD-13")
def test_a_manual_trade_that_takes_from_a_position_is_booked_to_its_group(tmp_path: Path) -> None:
    with broken(tmp_path, settings=town_settings(accounts={ACCOUNT: swap_account()})) as town:
        heard = Heard(town)
        town.submit(town.signal(SWAP, price="99"))
        town.price(SWAP, "98.9")
        held = town.bought()
        town.sim.happens(ManualTrade(account=ACCOUNT, symbol=SWAP, side=Side.SHORT, quantity=D("0.5")))
        town.run_for(30_000)
        assert heard.of(ForeignTraded)
        assert held - town.bought() == 0
        (position,) = town.sim.positions()
        bought = sum(order.filled_quantity for order in group(town).orders.values() if order.side.value == "buy")
        sold = sum(order.filled_quantity for order in group(town).orders.values() if order.side.value == "sell")
        assert position.quantity == held - D("0.5")
        assert bought - sold == position.quantity
        assert group(town).state is not GroupState.CLOSED


# --- the venue itself ------------------------------------------------------------------------------


def _again(order: Order, town: BrokenTown) -> m.Answered:
    heard = Heard(town)
    town.exchange.submit((order,))
    town.run_for(10)
    return heard.answers()[-1]


@pytest.mark.rule("ORD-3")
@pytest.mark.parametrize("ids_once", [True, False])
def test_some_venues_take_a_second_order_with_the_name_of_a_filled_one(tmp_path: Path, ids_once: bool) -> None:
    with broken(tmp_path) as town:
        town.sim.ids_once = ids_once
        town.submit(town.signal(price="99"))
        first = next(order for order in group(town).orders.values() if order.price == 99)
        town.price(BTC, "98.9")
        assert town.sim.named(first.client_order_id)[0].state is OrderState.FILLED
        answer = _again(first, town)
        assert len(town.sim.named(first.client_order_id)) == (1 if ids_once else 2)
        expected = (Fate.REFUSED, Reason.DUPLICATE_CLIENT_ORDER_ID) if ids_once else (Fate.ACCEPTED, None)
        assert (answer.fate, answer.reason) == expected


def test_the_venues_clock_goes_on_where_the_engines_is_set(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        venue_ms = town.sim.now_ms()
        town.jump(3_600_000)
        assert town.sim.now_ms() == venue_ms
        assert town.system.now_ms() == venue_ms + 3_600_000
        town.run_for(500)
        assert 500 <= town.sim.now_ms() - venue_ms <= 1_500
        town.jump(-7_200_000)
        assert town.sim.now_ms() - venue_ms <= 1_500


def test_the_same_seed_is_the_same_run(tmp_path: Path) -> None:
    def run(folder: Path) -> list[object]:
        folder.mkdir()
        with broken(folder, seed=5) as town:
            for fault in VenueFault:
                town.breaks(fault, count=1)
            enter(town)
            town.run_for(60_000)
            return [town.system.log, [(o.client_order_id, o.state, o.filled) for o in town.sim.orders.values()]]

    assert run(tmp_path / "a") == run(tmp_path / "b")


def test_a_fault_that_is_counted_waits_for_its_occasion(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        trouble = town.sim.trouble
        trouble.arm(BreakVenue(account=ACCOUNT, fault=F.REFUSED, count=1))
        assert trouble.strikes(F.TEMPORARY) is None
        assert trouble.strikes(F.REFUSED) is F.REFUSED
        assert trouble.strikes(F.REFUSED) is None


@pytest.mark.rule("REC-5")
def test_a_venue_that_measures_the_clock_says_how_far_it_is_off_and_no_entry_is_taken_then(tmp_path: Path) -> None:
    with broken(tmp_path) as town:
        town.sim.measures_clock = True
        heard = Heard(town)
        town.jump(-3_600_000)
        town.run_for(61_000)
        (measured,) = heard.of(ClockMeasured)
        assert isinstance(measured, ClockMeasured)
        assert measured.offset_ms == 3_600_000
        box = town.send(town.signal(price="99"))
        town.run_for(1_000)
        assert isinstance(box.answer, m.Answer)
        assert (box.answer.outcome, box.answer.reason) == (Outcome.QUEUED, Reason.ACCOUNT_NOT_READY)
        town.calm()
        town.run_for(61_000)
        (again,) = heard.of(ClockMeasured)[1:]
        assert isinstance(again, ClockMeasured)
        assert again.offset_ms == 0
        at_rest(town)
