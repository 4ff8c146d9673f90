"""PositionGroup and cuts: what it commits, whom it tells, what a reduce signal and a person's reduce become."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors import messages as m
from actors import risk_messages as rm
from actors.replies import ReplyBox
from actors.rules.model import (
    CutState,
    Group,
    GroupState,
    Intent,
    OrderState,
    Outcome,
    Reason,
    Refused,
    Role,
    Side,
    Signal,
    SizeType,
)
from actors.rules.records import SaveGroup, SaveOrder, SaveSignal
from tests.actors.fake_life import released, rows_of
from tests.actors.test_group import GROUP_ID, D, GroupAlone, done, draft, leave, reported, trade
from tests.rules.builders import quote, signal

RISK = "risk/paper"


def held(**changes: Any) -> GroupAlone:
    """A group whose first entry has filled, 2 at 100, with its target, a moment ago."""
    alone = GroupAlone(**changes)
    alone.opened()
    alone.filled()
    alone.life.time_ms += 1_000
    return alone


def cutting(quantity: str | None = "1", cut_id: str = "act:1", worst: str | None = None) -> rm.CutGroup:
    return rm.CutGroup(
        group_id=GROUP_ID,
        cut_id=cut_id,
        quantity=None if quantity is None else D(quantity),
        reason=Reason.RISK_OFFSET,
        worst_price=None if worst is None else D(worst),
        report_to=RISK,
    )


def reduce_signal(**changes: Any) -> Signal:
    sizes = {"order_size": D(1), "prev_market_position_size": D(2)}
    return signal(Intent.REDUCE, **{"signal_id": "signal-r", "idempotency_key": "r", **sizes, **changes})


def asked_by_signal(sent: Signal, reply_to: ReplyBox | None = None) -> rm.ReduceBySignal:
    return rm.ReduceBySignal(draft=draft(sent, 7, reply_to), signal=sent)


def reduce_asked(box: ReplyBox, **changes: Any) -> rm.ReduceGroup:
    asked = rm.ReduceGroup(
        group_id=GROUP_ID, cut_id="manual:1", percent=None, quantity=D(1), who="kim", reply_to=box, is_dry_run=False
    )
    return replace(asked, **changes)


def ended(alone: GroupAlone, role: Role, state: OrderState, *fills: Any) -> list[m.Commit]:
    """What the open orders of a role came to; the commits that followed, taken out."""
    for order in list(alone.group.open_orders()):
        if order.role is role:
            alone.take(reported(order.client_order_id, state, *fills))
    return alone.life.take(m.Commit)


def reports(commits: list[m.Commit]) -> list[rm.CutReported]:
    return [report for commit in commits for report in released(commit, RISK) if isinstance(report, rm.CutReported)]


def newest(alone: GroupAlone) -> rm.CutReported:
    return reports(alone.life.take(m.Commit))[-1]


# --- the risk engine's cuts -----------------------------------------------------------------------


@pytest.mark.rule("RISK-7", "ORD-2")
def test_a_cut_is_committed_before_anything_leaves_and_told_with_the_commit() -> None:
    alone = held()
    alone.take(cutting())
    commit = alone.commit()
    assert [row.group.cuts[0].cut_id for row in rows_of(commit, SaveGroup)] == ["act:1"]
    report = released(commit, RISK)[0]
    assert (report.cut.state, report.targets_free, report.targets_whole) == (CutState.RUNNING, False, False)
    assert alone.life.told == [], "nothing is told beside the commit"


@pytest.mark.rule("RISK-7")
def test_every_commit_that_changes_the_cut_tells_who_asked_until_targets_are_whole() -> None:
    alone = held()
    alone.take(cutting())
    alone.life.take(m.Commit)
    told = reports(ended(alone, Role.TAKE_PROFIT, OrderState.CANCELLED))
    assert [(report.cut is not None and report.cut.sold, report.targets_free) for report in told] == [(D(0), True)]
    told = reports(ended(alone, Role.CLOSE, OrderState.FILLED, trade("1", "101")))
    assert told[-1].cut is not None
    assert (told[-1].cut.state, told[-1].cut.sold, told[-1].cut.realized) == (CutState.DONE, D(1), D(1))
    assert told[-1].targets_whole, "the target for what is left was placed when its quantity was free"
    alone.life.time_ms += 60_000
    alone.marks.put("paper", {"BTC/USDT": quote("100", time_ms=alone.life.time_ms)})
    alone.take(m.TimerFired(incarnation=3, name="wake"))
    assert reports(alone.life.take(m.Commit)) == [], "after the last word nobody is told any more"


@pytest.mark.rule("RISK-7")
def test_rule_18_a_repeated_step_is_recognised_and_answered_at_once() -> None:
    alone = held()
    alone.take(cutting())
    alone.life.take(m.Commit)
    before = alone.group
    alone.take(cutting("2"))
    assert alone.group is before
    commit = alone.commit()
    assert rows_of(commit, SaveOrder) == []
    assert released(commit, RISK)[0].cut.quantity == D(1)


def test_a_closing_group_answers_that_it_knows_no_such_cut() -> None:
    alone = held()
    alone.take(leave())
    alone.life.take(m.Commit)
    alone.take(cutting())
    report = newest(alone)
    assert (report.cut, report.closed) == (None, False)


@pytest.mark.rule("RISK-7")
def test_a_cut_that_cannot_be_profitable_is_answered_as_stopped() -> None:
    alone = held()
    alone.take(cutting(worst="100.01"))
    report = newest(alone)
    assert report.cut is not None
    assert (report.cut.state, report.cut.stop_reason) == (CutState.STOPPED, Reason.NOT_PROFITABLE)
    assert report.targets_whole


@pytest.mark.rule("RISK-7")
def test_a_stopped_cut_says_when_its_targets_are_whole_again() -> None:
    alone = held()
    alone.take(cutting())
    alone.life.take(m.Commit)
    alone.take(rm.StopCut(group_id=GROUP_ID, cut_id="act:1", reason=Reason.RECOVERED, report_to=RISK))
    report = newest(alone)
    assert report.cut is not None
    assert (report.cut.state, report.cut.stop_reason, report.targets_whole) == (
        *(CutState.STOPPED, Reason.RECOVERED),
        False,
    )
    assert reports(ended(alone, Role.TAKE_PROFIT, OrderState.CANCELLED))[-1].targets_whole


@pytest.mark.rule("RISK-7", "REC-1")
def test_a_loaded_group_goes_on_with_its_cut_and_tells_the_risk_engine() -> None:
    first = held()
    first.take(cutting())
    first.life.take(m.Commit)
    again = GroupAlone(fresh=False)
    again.take(m.Loaded(incarnation=3, state=first.group))
    report = newest(again)
    assert report.cut is not None
    assert (report.cut.cut_id, report.cut.state) == ("act:1", CutState.RUNNING)
    ended(again, Role.TAKE_PROFIT, OrderState.CANCELLED)
    told = reports(ended(again, Role.CLOSE, OrderState.FILLED, trade("1", "101")))
    assert told[-1].cut is not None
    assert told[-1].cut.state is CutState.DONE


@pytest.mark.rule("RISK-8")
def test_a_whole_cut_reports_until_the_group_is_closed() -> None:
    alone = held()
    alone.take(cutting(None))
    alone.life.take(m.Commit)
    ended(alone, Role.ENTRY, OrderState.CANCELLED)
    ended(alone, Role.TAKE_PROFIT, OrderState.CANCELLED)
    report = reports(ended(alone, Role.CLOSE, OrderState.FILLED, trade("2", "99")))[-1]
    assert report.cut is not None
    assert (report.closed, report.cut.state, report.cut.sold, report.cut.realized) == (
        *(True, CutState.DONE, D(2)),
        D(-2),
    )


# --- a reduce signal ------------------------------------------------------------------------------


@pytest.mark.rule("EXIT-6", "SIG-10")
def test_a_reduce_signal_is_one_commit_of_signal_outcome_and_cut() -> None:
    alone, box = held(), ReplyBox()
    alone.take(asked_by_signal(reduce_signal(), box))
    commit = alone.commit()
    saved = rows_of(commit, SaveSignal)[0]
    assert (saved.outcome, saved.reason, saved.group_id) == (Outcome.REDUCED, Reason.OK, GROUP_ID)
    cut = commit.groups[0].cuts[0]
    assert (cut.cut_id, cut.quantity, cut.reason) == ("signal:signal-r", D(1), Reason.REDUCE_SIGNAL)
    assert done(commit).answer.outcome is Outcome.REDUCED
    assert [send.to for send in commit.then if isinstance(send.message, m.Answer)] == [box]


@pytest.mark.rule("EXIT-6")
def test_a_reduce_by_more_than_everything_closes_the_group() -> None:
    alone = held()
    alone.take(asked_by_signal(reduce_signal(order_size=D(9))))
    commit = alone.commit()
    assert rows_of(commit, SaveSignal)[0].outcome is Outcome.REDUCED
    assert (alone.group.state, alone.group.close_reason) == (GroupState.CLOSING, Reason.REDUCE_SIGNAL)
    told = done(commit).told
    assert told is not None
    assert told.closing


@pytest.mark.rule("EXIT-6", "SIG-10")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"order_size": None}, Reason.SIZE_MISSING),
        ({"prev_market_position_size": None}, Reason.SIZE_MISSING),
        ({"order_size": D("0.01")}, Reason.BELOW_MIN_QUANTITY),
    ],
)
def test_a_reduce_that_cannot_be_done_is_rejected_and_the_group_stays(changes: dict[str, Any], reason: Reason) -> None:
    alone = held()
    before = alone.group
    alone.take(asked_by_signal(reduce_signal(**changes)))
    commit = alone.commit()
    saved = rows_of(commit, SaveSignal)[0]
    assert (saved.outcome, saved.reason) == (Outcome.REJECTED, reason)
    assert saved.detail
    assert alone.group is before
    assert done(commit).answer.outcome is Outcome.REJECTED


@pytest.mark.rule("EXIT-6")
def test_an_amount_of_quote_is_valued_at_what_a_close_would_get() -> None:
    alone = held()
    alone.marks.put("paper", {"BTC/USDT": quote("125")})
    sizes = {"order_size": D(50), "prev_market_position_size": None, "size_type": SizeType.QUOTE}
    alone.take(asked_by_signal(reduce_signal(**sizes)))
    assert alone.group.cuts[0].quantity == D("0.4")


def test_a_reduce_for_a_group_that_began_to_close_goes_back_to_the_pool() -> None:
    alone = held()
    alone.take(leave())
    alone.life.take(m.Commit)
    alone.take(asked_by_signal(reduce_signal()))
    assert alone.life.one(m.DraftRefused).refused.reason is Reason.GROUP_CLOSING
    assert alone.life.of(m.Commit) == []


@pytest.mark.rule("EXIT-6", "RISK-7")
def test_a_reduce_during_an_offset_is_not_lost_and_takes_its_share_of_what_the_offset_leaves() -> None:
    alone = held()
    alone.take(cutting("1"))
    alone.life.take(m.Commit)
    alone.take(asked_by_signal(reduce_signal()))
    assert rows_of(alone.commit(), SaveSignal)[0].outcome is Outcome.REDUCED
    assert [(cut.quantity, cut.state) for cut in alone.group.cuts] == [
        (D(1), CutState.RUNNING),
        (D("0.5"), CutState.RUNNING),
    ]


# --- a person's reduce ----------------------------------------------------------------------------


@pytest.mark.rule("EXIT-6")
def test_a_person_reduces_by_percent_and_the_command_is_on_record() -> None:
    alone, box = held(), ReplyBox()
    alone.take(reduce_asked(box, percent=D(25), quantity=None))
    commit = alone.commit()
    assert [send.to for send in commit.then if isinstance(send.message, Group)] == [box]
    assert alone.group.cuts[0].quantity == D("0.5")
    assert any("kim asked to reduce" in row.message for row in commit.rows if hasattr(row, "message"))
    before = alone.group
    alone.take(reduce_asked(box, percent=D(25), quantity=None))
    assert alone.group is before, "the same request again changes nothing"


@pytest.mark.rule("EXIT-6")
def test_a_dry_run_shows_the_parts_and_does_nothing() -> None:
    alone, box = held(), ReplyBox()
    before = alone.group
    alone.take(reduce_asked(box, is_dry_run=True))
    shown = box.answer
    assert isinstance(shown, Group)
    assert [(part.leg, part.quantity) for part in shown.cuts[0].parts] == [(0, D(1))]
    assert alone.group is before
    assert alone.life.of(m.Commit) == []


@pytest.mark.parametrize("is_dry_run", [False, True])
def test_a_reduce_too_small_to_be_sold_is_refused(is_dry_run: bool) -> None:
    alone, box = held(), ReplyBox()
    alone.take(reduce_asked(box, quantity=D("0.01"), is_dry_run=is_dry_run))
    assert isinstance(box.answer, Refused)
    assert box.answer.reason is Reason.BELOW_MIN_QUANTITY


def test_a_short_is_not_reduced_by_a_message_without_an_amount() -> None:
    """The API lets none through; if one came it must not mean everything."""
    alone, box = held(), ReplyBox()
    alone.take(reduce_asked(box, quantity=None))
    assert isinstance(box.answer, Refused)
    assert alone.group.side is Side.LONG
    assert alone.group.cuts == ()
