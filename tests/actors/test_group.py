"""PositionGroup alone, by the protocol's rules: what it commits, what it releases, and when it comes and goes.

What a group decides is tested under `tests/rules`; here only how decisions travel.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actors import messages as m
from actors.account_messages import AmendOrders, RetellOrders, WantPrices
from actors.board import CatalogueBoard, MarksBoard
from actors.position import OPEN_LIMIT_MS, TELL_AGAIN_MS, GroupPorts, PositionGroup
from actors.replies import ReplyBox
from actors.rules import ladder
from actors.rules.choices import BelowMinimum, TpExecution, TpMode, World
from actors.rules.model import (
    Group,
    GroupState,
    Instrument,
    LadderPlan,
    OrderReport,
    OrderState,
    Outcome,
    Queued,
    Reason,
    Role,
    Side,
    Signal,
    Trade,
)
from actors.rules.records import AddEvent, ClaimIdempotency, DeleteQueued, SaveGroup, SaveOrder, SaveSignal, SetOutcome
from actors.rules.settings import FeeSettings, RiskSettings, Settings, StrategySettings
from actors.told import group_changed
from tests.actors.fake_life import FakeLife, released, rows_of
from tests.rules.builders import NOW_MS, queued, quote, signal, spot, strategy

D = Decimal
GROUP_ID = "g00000000001"
NAME, POOL, GATEWAY = f"group/{GROUP_ID}", "pool/paper", "gateway/paper"


class GroupAlone:
    def __init__(
        self,
        *,
        fresh: bool = True,
        instrument: Instrument | None = None,
        can_amend: frozenset[str] = frozenset(),
        settings: Settings | None = None,
    ) -> None:
        self.marks, self.catalogue = MarksBoard(), CatalogueBoard()
        self.catalogue.put("paper", [spot() if instrument is None else instrument])
        self.marks.put("paper", {"BTC/USDT": quote("100")})
        ports = GroupPorts(
            marks=self.marks,
            catalogue=self.catalogue,
            settings=lambda: settings or Settings(),
            prefix="abcd00",
            can_amend=lambda account: account in can_amend,
        )
        self.life = FakeLife(NAME, 3, fresh=fresh)
        self.actor = PositionGroup(self.life, ports=ports)
        self.actor.start()

    def take(self, message: object) -> None:
        self.actor.receive(message)

    def commit(self) -> m.Commit:
        return self.life.one(m.Commit)

    def opened(self, **changes: Any) -> m.Commit:
        self.take(opening(**changes))
        return self.commit()

    @property
    def group(self) -> Group:
        assert self.actor._group is not None
        return self.actor._group

    def filled(self, quantity: str = "2", price: str = "100") -> None:
        """The first entry has filled; its commit is taken out."""
        first = next(iter(self.group.orders.values()))
        self.take(reported(first.client_order_id, OrderState.FILLED, trade(quantity, price)))
        self.life.take(m.Commit)


def plan(sent: Signal, settings: StrategySettings, index: int = 0) -> LadderPlan:
    made = ladder.plan(
        side=Side.LONG,
        index=index,
        signal=sent,
        settings=settings,
        instrument=spot(),
        quote=quote("100"),
        entry_price=sent.entry_price or D(100),
        below_minimum=BelowMinimum.REJECT,
        fees=FeeSettings(),
        max_slippage_percent=D(1),
        equity=None,
    )
    assert isinstance(made, LadderPlan)
    return made


def draft(sent: Signal, number: int = 1, reply_to: ReplyBox | None = None) -> m.Draft:
    return m.Draft(
        draft_id=f"draft-{number}",
        key=sent.key,
        signal_id=sent.signal_id,
        participants=(m.Participant(POOL, 5),),
        reply_to=reply_to,
    )


def opening(
    sent: Signal | None = None,
    settings: StrategySettings | None = None,
    leaving: Queued | None = None,
    reply_to: ReplyBox | None = None,
    instrument: Instrument | None = None,
) -> m.OpenGroup:
    sent, settings = sent or signal(), settings or strategy()
    return m.OpenGroup(
        draft=draft(sent, reply_to=reply_to),
        group_id=GROUP_ID,
        world=World.PAPER,
        side=Side.LONG,
        signal=sent,
        plan=plan(sent, settings),
        settings=settings,
        instrument=instrument or spot(),
        slot_token="slot-1",
        leaving=leaving,
    )


def pyramid(number: int, leaving: Queued | None = None) -> m.AddPyramid:
    sent = signal(signal_id=f"signal-p{number}", idempotency_key=f"p{number}", entry_price=D(100 - number))
    return m.AddPyramid(
        draft=draft(sent, 10 + number), signal=sent, plan=plan(sent, strategy(), number), leaving=leaving
    )


def leave(leaving: Queued | None = None) -> m.ExitGroup:
    sent = signal(signal_id="signal-exit", idempotency_key="exit")
    return m.ExitGroup(draft=draft(sent, 2), signal=sent, leaving=leaving)


def trade(quantity: str, price: str) -> Trade:
    return Trade(
        trade_id=f"t-{quantity}-{price}",
        quantity=D(quantity),
        price=D(price),
        fee=D(0),
        fee_asset="USDT",
        fee_value=D(0),
        time_ms=NOW_MS,
    )


def reported(client_order_id: str, state: OrderState, *trades: Trade) -> m.OrdersReported:
    report = OrderReport(client_order_id=client_order_id, state=state, trades=trades, time_ms=NOW_MS)
    return m.OrdersReported(group_id=GROUP_ID, reports=(report,))


def done(commit: m.Commit) -> m.DraftDone:
    found = [message for message in released(commit, POOL) if isinstance(message, m.DraftDone)]
    assert len(found) == 1
    return found[0]


# --- opening --------------------------------------------------------------------------------------


@pytest.mark.rule("ORD-2", "SIG-9", "SIG-10")
def test_opening_is_one_commit_of_signal_group_and_orders() -> None:
    alone = GroupAlone()
    box = ReplyBox()
    commit = alone.opened(reply_to=box)
    assert (commit.draft_id, commit.participants, commit.author) == (
        *("draft-1", (m.Participant(POOL, 5),)),
        m.Participant(NAME, 3),
    )
    saved = rows_of(commit, SaveSignal)[0]
    assert (saved.outcome, saved.group_id, saved.draft_id) == (Outcome.OPENED, GROUP_ID, "draft-1")
    assert len(rows_of(commit, ClaimIdempotency)) == len(rows_of(commit, SaveGroup)) == 1
    assert [row.order.state for row in rows_of(commit, SaveOrder)] == [OrderState.PENDING] * 5
    assert not box.done, "nothing leaves before the commit's release"
    assert alone.life.told == []


def test_the_release_sends_the_orders_first_and_then_answers() -> None:
    box = ReplyBox()
    commit = GroupAlone().opened(reply_to=box)
    submit, wanted, answer, finished = (send.message for send in commit.then)
    assert isinstance(submit, m.SubmitOrders)
    assert len(submit.orders) == 5
    assert isinstance(answer, m.Answer)
    assert finished == m.DraftDone(draft_id="draft-1", answer=answer, told=group_changed(commit.groups[0]))
    assert wanted == WantPrices(owner=f"group/{GROUP_ID}", symbols=frozenset({"BTC/USDT"}))
    assert [send.to for send in commit.then] == [GATEWAY, GATEWAY, box, POOL]


def test_the_release_tells_the_pool_the_group_own_figures_with_the_end_of_the_draft() -> None:
    told = done(GroupAlone().opened()).told
    assert told is not None
    assert (told.slot_token, told.closed, told.closing, told.pyramid_count) == ("slot-1", False, False, 1)
    assert (told.planned, told.reserved) == (D(1000), D("999.85"))


@pytest.mark.rule("QUE-3", "SIG-10")
def test_a_promoted_signal_keeps_its_row_and_leaves_the_queue_in_the_same_commit() -> None:
    entry = queued(1, timeframe="1h")
    commit = GroupAlone().opened(sent=entry.signal, leaving=entry)
    assert (rows_of(commit, SaveSignal), rows_of(commit, ClaimIdempotency)) == ([], [])
    assert [(row.signal_id, row.outcome) for row in rows_of(commit, SetOutcome)] == [
        (entry.signal.signal_id, Outcome.OPENED)
    ]
    assert [row.signal_id for row in rows_of(commit, DeleteQueued)] == [entry.signal.signal_id]
    gone = m.QueueChanged(key=entry.key, signal_id=entry.signal.signal_id, gone=True)
    assert released(commit, "queue/paper") == [gone]
    assert m.WaitingChanged(key=entry.key, side=None) in released(commit, POOL)


def test_a_new_group_that_never_hears_what_it_is_to_be_ends() -> None:
    alone = GroupAlone()
    assert alone.life.wakes["unopened"] == NOW_MS + OPEN_LIMIT_MS
    alone.take(alone.life.fire("unopened"))
    assert alone.life.is_stopped


def test_a_new_group_that_was_opened_in_time_stays() -> None:
    alone = GroupAlone()
    fired = m.TimerFired(incarnation=3, name="unopened")
    alone.opened()
    assert "unopened" not in alone.life.wakes
    alone.take(fired)
    assert not alone.life.is_stopped


@pytest.mark.rule("PRC-4")
def test_where_the_catalogue_has_no_precision_rules_those_the_group_was_opened_with_stand() -> None:
    bare = spot(tick_size=D(0), step_size=D(0))
    alone = GroupAlone(instrument=bare)
    alone.opened()
    alone.filled()
    assert alone.group.instrument == spot()


# --- drafts ---------------------------------------------------------------------------------------


@pytest.mark.rule("PYR-1", "SIG-10")
def test_a_pyramid_is_one_commit_of_signal_legs_and_orders() -> None:
    alone = GroupAlone()
    alone.opened()
    alone.take(pyramid(1))
    commit = alone.commit()
    assert rows_of(commit, SaveSignal)[0].outcome is Outcome.PYRAMIDED
    assert len(rows_of(commit, SaveOrder)) == 5
    told = done(commit).told
    assert told is not None
    assert (told.pyramid_count, told.planned) == (2, D(2000))


@pytest.mark.rule("PYR-2", "SIG-10")
def test_a_pyramid_too_many_is_ignored_and_counted() -> None:
    alone = GroupAlone()
    alone.opened()
    for number in range(1, 6):
        alone.take(pyramid(number))
    last = alone.life.take(m.Commit)[-1]
    saved = rows_of(last, SaveSignal)[0]
    assert (saved.outcome, saved.reason) == (Outcome.IGNORED, Reason.MAX_PYRAMIDS)
    assert rows_of(last, SaveOrder) == []
    assert (len(alone.group.pyramids), alone.group.ignored_pyramids) == (5, 1)


@pytest.mark.rule("RISK-2", "RISK-3")
def test_a_full_group_starts_its_risk_timer_and_a_replacement_pyramid_begins_it_anew() -> None:
    alone = GroupAlone(settings=Settings(risk=RiskSettings(reset_timer_on_replacement=True)))
    alone.opened()
    for number in range(1, 5):
        assert alone.group.risk_timer_start_ms is None
        alone.take(pyramid(number))
    assert alone.group.risk_timer_start_ms == NOW_MS
    alone.life.take(m.Commit)
    alone.life.time_ms += 60_000
    alone.take(pyramid(5))
    assert alone.group.risk_timer_start_ms == NOW_MS + 60_000
    commit = alone.commit()
    assert rows_of(commit, SaveGroup)[0].group.risk_timer_start_ms == NOW_MS + 60_000
    assert "risk.timer_reset" in [row.type for row in rows_of(commit, AddEvent)]


def test_a_pyramid_for_a_closing_group_goes_back_to_the_pool() -> None:
    alone = GroupAlone()
    alone.opened()
    alone.filled()
    alone.take(leave())
    alone.life.take(m.Commit)
    alone.take(pyramid(1))
    assert alone.life.one(m.DraftRefused).refused.reason is Reason.GROUP_CLOSING
    assert alone.life.of(m.Commit) == []


@pytest.mark.rule("EXIT-1", "SIG-10")
def test_an_exit_closes_and_takes_the_queued_signal_of_its_key_along() -> None:
    alone = GroupAlone()
    alone.opened()
    alone.filled()
    entry = queued(7, timeframe="1h")
    alone.take(leave(entry))
    commit = alone.commit()
    assert rows_of(commit, SaveSignal)[0].outcome is Outcome.EXITED
    assert [(row.signal_id, row.outcome, row.reason) for row in rows_of(commit, SetOutcome)] == [
        (entry.signal.signal_id, Outcome.REMOVED, Reason.EXIT_SIGNAL)
    ]
    assert rows_of(commit, DeleteQueued)
    events = {(row.type, row.signal_id) for row in rows_of(commit, AddEvent) if row.signal_id}
    assert {("signal.exited", "signal-exit"), ("signal.removed", entry.signal.signal_id)} <= events
    told = done(commit).told
    assert told is not None
    assert told.closing


# --- reports (rule 15) ----------------------------------------------------------------------------


@pytest.mark.rule("ORD-5")
def test_rule_15_a_doubled_report_changes_nothing_and_commits_nothing() -> None:
    alone = GroupAlone()
    alone.opened()
    first = next(iter(alone.group.orders.values()))
    report = reported(first.client_order_id, OrderState.FILLED, trade("2", "100"))
    alone.take(report)
    commit = alone.commit()
    assert [type(message) for message in released(commit, POOL)] == [m.GroupChanged]
    before = alone.group
    alone.take(report)
    assert alone.group is before
    assert alone.life.told == []


def test_what_the_pool_knows_already_is_not_told_again() -> None:
    alone = GroupAlone()
    alone.opened()
    second = list(alone.group.orders.values())[1]
    alone.take(reported(second.client_order_id, OrderState.OPEN))
    assert released(alone.commit(), POOL) == []


def test_rule_7_a_price_that_was_watched_for_an_earlier_life_means_nothing() -> None:
    alone = GroupAlone()
    watched = strategy(tp_mode=TpMode.AGGREGATE, tp_execution=TpExecution.WATCHED)
    alone.opened(settings=watched)
    alone.filled()
    alone.marks.put("paper", {"BTC/USDT": quote("105")})
    crossed = m.PriceCrossed(group_id=GROUP_ID, incarnation=2, watch_id="aggregate", quote=quote("105"))
    alone.take(crossed)
    assert alone.life.of(m.Commit) == []
    alone.take(replace(crossed, incarnation=3))
    assert rows_of(alone.commit(), SaveOrder)


# --- commands of a person -------------------------------------------------------------------------


@pytest.mark.rule("EXIT-3")
def test_a_person_who_closes_a_group_hears_it_when_it_is_durable() -> None:
    alone = GroupAlone()
    alone.opened()
    box = ReplyBox()
    alone.take(m.CloseGroup(group_id=GROUP_ID, who="ann", reply_to=box))
    commit = alone.commit()
    assert not box.done
    assert [send.message for send in commit.then if send.to is box] == [alone.group]
    assert alone.group.state is GroupState.CLOSING
    assert any(row.attributes.get("who") == "ann" for row in rows_of(commit, AddEvent))


def test_to_close_a_closed_group_again_answers_with_it() -> None:
    alone = closed_group()
    box = ReplyBox()
    alone.take(m.CloseGroup(group_id=GROUP_ID, who="ann", reply_to=box))
    assert [send.message for send in alone.commit().then if send.to is box] == [alone.group]


# --- loading (rule 15), gateways (rule 16), the end (rules 8 and 14) ------------------------------


def loaded(state: Group | None, *held: object) -> GroupAlone:
    alone = GroupAlone(fresh=False)
    alone.life.one(m.Load)
    for message in held:
        alone.take(message)
    assert alone.life.told == []
    alone.take(m.Loaded(incarnation=2, state=None))
    assert not alone.life.is_stopped, "that was for an earlier life"
    alone.take(m.Loaded(incarnation=3, state=state))
    return alone


def live_group() -> Group:
    alone = GroupAlone()
    alone.opened()
    alone.filled()
    return alone.group


def closed_group() -> GroupAlone:
    alone = GroupAlone()
    alone.opened()
    alone.take(leave())
    for order in list(alone.group.orders.values()):
        alone.take(reported(order.client_order_id, OrderState.CANCELLED))
    assert alone.group.is_closed
    alone.life.take(m.Commit)
    return alone


@pytest.mark.rule("ORD-7")
def test_rule_15_a_loaded_group_asks_for_the_fate_of_every_order_that_is_not_final() -> None:
    stored = live_group()
    alone = loaded(stored)
    commit = alone.commit()
    resolve = [message for message in released(commit, GATEWAY) if isinstance(message, m.ResolveOrders)]
    asked = {order.client_order_id for order in resolve[0].orders}
    assert asked == {order.client_order_id for order in stored.open_orders()}
    assert group_changed(stored) in released(commit, POOL)
    assert commit.groups == (stored,)


def test_rule_15_what_arrives_while_it_loads_is_handled_behind() -> None:
    stored = live_group()
    second = list(stored.orders.values())[1]
    alone = loaded(stored, reported(second.client_order_id, OrderState.FILLED, trade("2.01", "99.5")))
    assert [leg.bought_quantity for leg in alone.group.legs()][:2] == [D(2), D("2.01")]


def test_rule_14_a_group_that_was_never_committed_sends_its_mail_on_its_way_and_ends() -> None:
    lost = opening()
    alone = loaded(None, lost)
    assert alone.life.is_stopped
    assert alone.life.told == [(NAME, lost)]


def test_rule_16_a_new_gateway_is_asked_again_for_everything_that_was_in_its_hands() -> None:
    alone = GroupAlone()
    alone.opened()
    alone.take(m.GatewayStarted(account="another"))
    assert alone.life.told == []
    alone.take(m.GatewayStarted(account="paper"))
    assert len(alone.life.one(m.ResolveOrders).orders) == 5
    assert alone.life.of(m.Commit) == []


@pytest.mark.rule("ORD-9", "ORD-2")
@pytest.mark.parametrize("accounts", [{"paper"}, {"another"}], ids=["can amend", "cannot"])
def test_an_amend_leaves_behind_the_commit_that_holds_it_and_is_asked_again_of_a_new_gateway(
    accounts: set[str],
) -> None:
    alone = GroupAlone(can_amend=frozenset(accounts))
    alone.opened()
    first = next(iter(alone.group.orders))
    alone.take(reported(first, OrderState.PARTIALLY_FILLED, trade("0.5", "100")))
    (target,) = (order for order in alone.group.orders.values() if order.role is Role.TAKE_PROFIT)
    alone.take(reported(target.client_order_id, OrderState.OPEN))
    alone.life.time_ms += 500
    alone.life.take(m.Commit)
    alone.take(reported(first, OrderState.PARTIALLY_FILLED, trade("0.5", "100"), trade("0.7", "100")))
    commit = alone.commit()
    asked = [message for message in released(commit, GATEWAY) if isinstance(message, AmendOrders)]
    if "paper" not in accounts:
        assert asked == []
        return
    (order,) = asked[0].orders
    assert order.client_order_id == target.client_order_id
    assert (order.quantity, order.wanted_quantity) == (D("0.5"), D("1.2"))
    assert order in [row.order for row in rows_of(commit, SaveOrder)]
    alone.take(m.GatewayStarted(account="paper"))
    assert alone.life.of(AmendOrders) == [], "the commit that holds it may not be durable yet"
    assert released(alone.commit(), GATEWAY) == [AmendOrders(orders=(order,))]


def test_rule_8_a_closed_group_says_so_again_until_it_may_stop() -> None:
    alone = closed_group()
    told = group_changed(alone.group)
    for _ in range(3):
        assert alone.life.wakes["closed"] == alone.life.time_ms + TELL_AGAIN_MS
        alone.life.take(m.Commit)
        alone.take(alone.life.fire("closed"))
        assert alone.life.of(m.GroupChanged) == [], "the close may not be durable yet"
        assert released(alone.commit(), POOL) == [told]
    alone.take(m.MayStop(group_id=GROUP_ID))
    assert alone.life.is_stopped


def test_rule_8_a_group_that_is_loaded_closed_tells_the_pool_and_wants_no_prices() -> None:
    stored = closed_group().group
    alone = loaded(stored)
    assert alone.life.told == [
        (GATEWAY, WantPrices(owner=NAME, symbols=frozenset())),
        (POOL, group_changed(stored)),
        (GATEWAY, RetellOrders(orders=tuple(stored.orders.values()))),
    ]
    assert "closed" in alone.life.wakes


def test_rule_14_a_group_that_is_not_closed_does_not_stop() -> None:
    alone = GroupAlone()
    alone.opened()
    alone.take(m.MayStop(group_id=GROUP_ID))
    assert not alone.life.is_stopped


def test_rule_19_a_late_fill_brings_a_closed_group_back_to_be_flattened() -> None:
    alone = closed_group()
    first = next(iter(alone.group.orders.values()))
    alone.take(reported(first.client_order_id, OrderState.FILLED, trade("2", "100")))
    commit = alone.commit()
    assert alone.group.state is GroupState.CLOSING
    assert [message.closing for message in released(commit, POOL)] == [True]
    assert [message for message in released(commit, GATEWAY) if isinstance(message, m.SubmitOrders)]
    alone.take(m.MayStop(group_id=GROUP_ID))
    assert not alone.life.is_stopped


@pytest.mark.rule("PNL-1", "ORD-10")
def test_a_group_wants_its_price_for_as_long_as_it_is_not_closed_though_it_watches_nothing() -> None:
    wanted = WantPrices(owner=NAME, symbols=frozenset({"BTC/USDT"}))
    unwanted = WantPrices(owner=NAME, symbols=frozenset())

    def told(commit: m.Commit) -> list[object]:
        return [message for message in released(commit, GATEWAY) if isinstance(message, WantPrices)]

    alone = GroupAlone()
    assert told(alone.opened()) == [wanted]
    alone.take(m.GatewayStarted(account="paper"))
    assert alone.life.take(WantPrices) == [wanted]
    again = loaded(alone.group)
    assert again.life.take(WantPrices) == [wanted]
    alone.take(leave())
    for order in list(alone.group.orders.values()):
        alone.take(reported(order.client_order_id, OrderState.CANCELLED))
    assert [message for commit in alone.life.take(m.Commit) for message in told(commit)] == [unwanted]
    first = next(iter(alone.group.orders.values()))
    alone.take(reported(first.client_order_id, OrderState.FILLED, trade("2", "100")))
    assert told(alone.commit()) == [wanted], "a late fill brings it back"


def test_what_a_group_does_not_know_ends_it() -> None:
    alone = GroupAlone()
    alone.opened()
    with pytest.raises(TypeError, match="StoreFailed"):
        alone.take(m.StoreFailed(ok=True))
