"""The Pool alone, by the protocol's rules: lanes, slots, reserved capital, drafts and what becomes of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actors import messages as m
from actors import pool as module
from actors.pool_work import MAX_TRIES
from actors.replies import ReplyBox
from actors.rules.choices import Market
from actors.rules.model import Intent, Outcome, Queued, Reason, Refused, Side
from actors.rules.records import ClaimIdempotency, RaiseAlert, SaveEngineState, SaveSignal
from actors.rules.settings import AccountSettings, LimitSettings, PoolSettings
from tests.actors.fake_life import rows_of
from tests.actors.pool_alone import (
    PoolAlone,
    answer,
    empty,
    entry,
    group_told,
    leave,
    refusal,
    stored_group,
    waiting,
)
from tests.actors.town import ACCOUNT, account_settings, town_settings
from tests.rules.builders import NOW_MS, key, spot, swap

D = Decimal


def limited(limit: int = 1) -> PoolAlone:
    return PoolAlone(settings=town_settings(max_open_groups=limit))


# --- lanes (rule 3) -------------------------------------------------------------------------------


@pytest.mark.rule("GRP-1")
def test_rule_3_a_second_signal_of_a_key_waits_until_the_first_is_decided() -> None:
    alone = PoolAlone()
    alone.submit(entry())
    second = alone.submit(entry(price="99"))
    opening = alone.life.one(m.OpenGroup)
    assert alone.life.of(m.AddPyramid) == []
    alone.opened(opening)
    adding = alone.life.one(m.AddPyramid)
    assert adding.signal.entry_price == D(99)
    assert not second.done


def test_rule_3_other_keys_do_not_wait() -> None:
    alone = PoolAlone()
    for timeframe in ("1m", "5m", "1h"):
        alone.submit(entry(timeframe))
    assert len(alone.life.of(m.OpenGroup)) == 3


@pytest.mark.rule("SIG-7")
def test_rule_3_copies_of_a_signal_under_way_join_its_draft() -> None:
    alone = PoolAlone()
    sent = entry()
    first = alone.submit(sent)
    copies = [alone.submit(replace(sent, signal_id=f"copy-{number}")) for number in range(199)]
    opening = alone.life.one(m.OpenGroup)
    assert not any(box.done for box in copies)
    alone.opened(opening)
    assert answer(first).outcome is Outcome.OPENED
    assert {answer(box).outcome for box in copies} == {Outcome.DUPLICATE}
    assert {(answer(box).first_outcome, answer(box).signal_id) for box in copies} == {(Outcome.OPENED, sent.signal_id)}
    assert alone.life.of(m.OpenGroup) == []


@pytest.mark.rule("SIG-7")
def test_a_signal_decided_before_gets_that_outcome_without_a_draft() -> None:
    alone = PoolAlone()
    sent = entry()
    alone.live(sent)
    again = alone.submit(replace(sent, signal_id="another"))
    assert (answer(again).outcome, answer(again).first_outcome) == (Outcome.DUPLICATE, Outcome.OPENED)
    assert alone.life.of(m.AddPyramid) == []


@pytest.mark.rule("SIG-7")
def test_after_its_window_the_same_alert_is_a_new_one() -> None:
    alone = PoolAlone()
    sent = entry(idempotency_window_s=60)
    alone.live(sent)
    later = replace(sent, signal_id="another", receive_time_ms=sent.receive_time_ms + 60_000)
    alone.submit(later)
    assert alone.life.one(m.AddPyramid).signal.signal_id == "another"


@pytest.mark.rule("SIG-7")
def test_what_was_answered_before_a_restart_is_known() -> None:
    sent = entry()
    first = m.Answer(signal_id="old", outcome=Outcome.EXITED, reason=Reason.OK, group_id="g")
    alone = PoolAlone(state=empty(recent=((sent.idempotency_key, first, NOW_MS + 1000),)))
    assert answer(alone.submit(sent)) == m.as_duplicate(first)


@pytest.mark.rule("SIG-7")
def test_a_duplicate_the_store_found_is_answered_and_gives_everything_back() -> None:
    alone = limited()
    first = m.Answer(signal_id="old", outcome=Outcome.EXPIRED, reason=Reason.TOO_OLD)
    box = alone.submit(entry())
    opening = alone.life.one(m.OpenGroup)
    alone.take(m.DraftDuplicate(draft_id=opening.draft.draft_id, first=first))
    assert answer(box) == m.as_duplicate(first)
    assert (alone.slots, alone.is_at_rest()) == ({}, True)


def test_too_many_signals_under_way_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_IN_FLIGHT", 3)
    alone = PoolAlone()
    boxes = [alone.submit(entry(f"{number}m")) for number in range(1, 5)]
    assert refusal(boxes[3]) is Reason.OVERLOADED
    assert not boxes[2].done


@pytest.mark.rule("REC-4")
def test_entries_are_shed_before_exits_where_too_much_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_IN_FLIGHT", 5)
    monkeypatch.setattr(module, "MAX_ENTRIES_IN_FLIGHT", 3)
    alone = PoolAlone()
    boxes = [alone.submit(entry(f"{number}m")) for number in range(1, 6)]
    assert [box.done for box in boxes] == [False, False, False, True, True]
    assert {refusal(box) for box in boxes[3:]} == {Reason.OVERLOADED}
    exits = [alone.submit(leave(f"{number}m")) for number in (1, 2)]
    assert not any(box.done and isinstance(box.answer, Refused) for box in exits)
    assert refusal(alone.submit(leave("3m"))) is Reason.OVERLOADED  # Only where nothing is left at all.


@pytest.mark.rule("REC-4")
def test_while_the_store_is_slow_entries_are_refused_and_exits_are_taken() -> None:
    alone = PoolAlone()
    alone.take(m.StoreFailed(ok=True, is_slow=True))
    assert refusal(alone.submit(entry())) is Reason.STORE_SLOW
    box = alone.submit(leave())
    assert not (box.done and isinstance(box.answer, Refused))
    alone.take(m.StoreFailed(ok=True))
    alone.submit(entry("5m"))
    assert len(alone.life.of(m.OpenGroup)) == 1


@pytest.mark.rule("REC-1")
def test_while_the_daemon_stops_nobody_is_taken_from_the_queue() -> None:
    alone = limited()
    told = alone.live(entry("1m"))
    alone.waits(waiting("5m"))
    alone.take(m.EndEntries())
    alone.take(replace(told, closed=True))
    assert alone.life.of(m.Offer) == []


@pytest.mark.rule("REC-4")
def test_while_the_store_takes_no_writes_nothing_new_is_taken_on() -> None:
    alone = PoolAlone()
    alone.take(m.StoreFailed(ok=False))
    assert refusal(alone.submit(entry())) is Reason.STORE_FAILED
    alone.take(m.StoreFailed(ok=True))
    alone.submit(entry())
    assert len(alone.life.of(m.OpenGroup)) == 1


@pytest.mark.rule("REC-5")
def test_on_the_reserve_of_a_full_disk_exits_are_taken_and_entries_are_not() -> None:
    alone = PoolAlone()
    alone.take(m.StoreFailed(ok=True, on_reserve=True))
    assert refusal(alone.submit(entry())) is Reason.STORE_FAILED
    alone.submit(leave())
    assert alone.life.of(m.Commit)
    alone.take(m.StoreFailed(ok=True))
    alone.submit(entry("4h"))
    assert len(alone.life.of(m.OpenGroup)) == 1


def test_what_arrives_before_the_state_waits_for_it() -> None:
    alone = PoolAlone(ready=False)
    box = alone.submit(entry())
    assert alone.life.told == []
    alone.load(empty())
    queued = alone.life.one(m.Enqueue)
    assert queued.queued.wait_reason is Reason.ACCOUNT_NOT_READY
    assert not box.done


def test_only_so_many_signals_wait_for_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_IN_FLIGHT", 2)
    alone = PoolAlone(ready=False)
    boxes = [alone.submit(entry(f"{number}m")) for number in range(1, 4)]
    assert [box.done for box in boxes] == [False, False, True]
    assert refusal(boxes[2]) is Reason.OVERLOADED


# --- slots (rules 10 and 20) ----------------------------------------------------------------------


@pytest.mark.rule("POOL-2")
def test_a_slot_is_taken_with_the_draft_so_that_signals_arriving_together_never_pass_the_limit() -> None:
    alone = limited(3)
    for number in range(10):
        alone.submit(entry(f"{number + 1}m"))
    assert len(alone.life.of(m.OpenGroup)) == 3
    waits = alone.life.take(m.Enqueue)
    assert {enqueue.queued.wait_reason for enqueue in waits} == {Reason.POOL_FULL}
    assert len(waits) == 7


@pytest.mark.rule("POOL-2")
def test_an_account_has_a_limit_of_its_own() -> None:
    settings = town_settings(max_open_groups=10)
    settings = replace(settings, accounts={ACCOUNT: account_settings(max_open_groups=1)})
    alone = PoolAlone(settings=settings)
    alone.submit(entry("1m"))
    alone.submit(entry("5m"))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.ACCOUNT_POOL_FULL


@pytest.mark.rule("POOL-1", "PYR-1")
def test_a_pyramid_takes_no_slot() -> None:
    alone = limited()
    told = alone.live(entry())
    alone.submit(entry(price="99"))
    adding = alone.life.one(m.AddPyramid)
    assert dict(alone.slots) == {told.slot_token: told.group_id}
    alone.done(adding.draft, Outcome.PYRAMIDED, told=replace(told, pyramid_count=2))
    assert dict(alone.slots) == {told.slot_token: told.group_id}


@pytest.mark.rule("PYR-1")
def test_without_the_bypass_a_pyramid_needs_a_free_slot_or_waits() -> None:
    settings = replace(town_settings(), pool=PoolSettings(max_open_groups=1, pyramids_bypass=False))
    alone = PoolAlone(settings=settings)
    alone.live(entry())
    alone.submit(entry(price="99"))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.POOL_FULL


@pytest.mark.rule("PYR-2")
def test_at_the_limit_of_pyramids_the_group_itself_ignores_the_entry() -> None:
    alone = PoolAlone()
    told = alone.live(entry())
    alone.take(replace(told, pyramid_count=5))
    alone.submit(entry(price="99"))
    assert alone.life.one(m.AddPyramid).plan.legs == ()


@pytest.mark.rule("POOL-1")
def test_rule_10_a_full_close_frees_the_slot_and_starts_a_promotion() -> None:
    alone = limited()
    told = alone.live(entry("1m"))
    alone.waits(waiting("5m"))
    assert alone.life.of(m.Offer) == []
    alone.take(replace(told, closing=True))
    assert alone.life.of(m.Offer) == []
    alone.take(replace(told, closed=True))
    assert alone.slots == {}
    assert alone.life.one(m.Offer).free_slots == 1


def test_rule_10_a_slot_is_released_by_its_token_and_group_so_that_repeating_is_harmless() -> None:
    alone = limited()
    told = alone.live(entry("1m"))
    alone.take(replace(told, closed=True))
    other = alone.live(entry("5m"))
    alone.take(replace(told, closed=True))
    alone.take(replace(told, slot_token=other.slot_token, closed=True))
    assert dict(alone.slots) == {other.slot_token: other.group_id}


def test_rule_14_a_closed_group_may_stop_each_time_it_says_so() -> None:
    alone = PoolAlone()
    told = alone.live(entry())
    for _ in range(2):
        alone.take(replace(told, closed=True))
        assert alone.life.to(f"group/{told.group_id}") == [m.MayStop(group_id=told.group_id)]
        alone.life.take(m.MayStop)


@pytest.mark.rule("POOL-2")
def test_rule_20_a_lower_limit_evicts_nobody() -> None:
    alone = limited(3)
    groups = [alone.live(entry(f"{number}m")) for number in range(1, 4)]
    alone.settings = town_settings(max_open_groups=1)
    alone.take(m.SettingsChanged(settings=alone.settings))
    assert [to for to, _ in alone.life.told if to.startswith("group/")] == []  # type: ignore[union-attr]
    assert len(alone.slots) == 3
    for number, told in enumerate(groups[:2]):
        alone.take(replace(told, closed=True))
        alone.submit(entry(f"{number + 10}m"))
        assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.POOL_FULL
    alone.take(replace(groups[2], closed=True))
    alone.submit(entry("1d"))
    alone.life.one(m.OpenGroup)


def test_rule_20_a_draft_names_the_config_it_was_judged_by() -> None:
    alone = PoolAlone(settings=replace(town_settings(), version=7))
    alone.submit(entry())
    alone.settings = replace(alone.settings, version=8)
    assert alone.life.one(m.OpenGroup).draft.config_version == 7


@pytest.mark.rule("POOL-2")
def test_a_higher_limit_starts_promotions_at_once() -> None:
    alone = limited(1)
    alone.live(entry("1m"))
    alone.waits(waiting("5m"))
    alone.settings = town_settings(max_open_groups=4)
    alone.take(m.SettingsChanged(settings=alone.settings))
    assert alone.life.one(m.Offer).free_slots == 3


def test_rule_13_free_slots_are_offered_after_every_load() -> None:
    queued = waiting("5m")
    alone = PoolAlone(state=empty(waiting={queued.key: (queued.side, queued.wait_reason)}))
    assert alone.life.one(m.Offer).free_slots == 10


# --- reserved capital, limits ---------------------------------------------------------------------


@pytest.mark.rule("POOL-3")
def test_capital_is_reserved_with_the_draft() -> None:
    alone = PoolAlone()
    alone.account("1500")
    alone.submit(entry("1m"))
    alone.submit(entry("5m"))
    assert len(alone.life.of(m.OpenGroup)) == 1
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.INSUFFICIENT_BALANCE


@pytest.mark.rule("POOL-3")
def test_the_group_own_figure_takes_the_place_of_the_draft_in_one_step() -> None:
    alone = PoolAlone(settings=replace(town_settings(), limits=LimitSettings(max_total_exposure=D(2000))))
    alone.live(entry("1m"))
    alone.live(entry("5m"))
    assert alone.pool._books.planned() == {"USDT": D(2000)}
    alone.submit(entry("1h"))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.MAX_TOTAL_EXPOSURE


@pytest.mark.rule("POOL-3")
def test_what_a_draft_had_reserved_is_free_again_when_it_comes_to_nothing() -> None:
    alone = PoolAlone()
    alone.submit(entry())
    opening = alone.life.one(m.OpenGroup)
    alone.take(m.NotLive(draft_id=opening.draft.draft_id, group_id=opening.group_id))
    alone.life.one(m.Settle)
    alone.take(m.Settled(incarnation=1, draft_id=opening.draft.draft_id, done=None))
    assert alone.slots == {}
    assert alone.pool._books.reserved(ACCOUNT, "USDT") == 0
    assert alone.pool._books.planned() == {"USDT": 0}


@pytest.mark.rule("POOL-3")
def test_groups_per_symbol_count_from_the_draft_on() -> None:
    alone = PoolAlone(settings=replace(town_settings(), limits=LimitSettings(max_groups_per_symbol=2)))
    for timeframe in ("1m", "5m", "15m"):
        alone.submit(entry(timeframe))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.MAX_GROUPS_PER_SYMBOL
    first, second = alone.life.take(m.OpenGroup)
    told = alone.opened(first)
    alone.opened(second)
    alone.take(replace(told, closed=True))
    alone.submit(entry("1h"))
    alone.life.one(m.OpenGroup)


def swap_pool() -> PoolAlone:
    account = AccountSettings(name=ACCOUNT, market=Market.SWAP)
    settings = replace(town_settings(), accounts={ACCOUNT: account})
    return PoolAlone(settings=settings, instruments=(swap(account=ACCOUNT),))


PERP = "BTC/USDT:USDT"


@pytest.mark.rule("GRP-6")
@pytest.mark.parametrize("is_live", [False, True], ids=["draft", "live"])
def test_on_a_one_way_account_the_other_side_of_an_instrument_waits(is_live: bool) -> None:
    alone = swap_pool()
    alone.submit(entry("15m", symbol=PERP))
    if is_live:
        alone.opened(alone.life.one(m.OpenGroup))
    alone.submit(entry("4h", symbol=PERP, side=Side.SHORT))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.OPPOSITE_ON_INSTRUMENT


@pytest.mark.rule("QUE-8")
def test_an_entry_against_its_live_group_waits_for_its_end_and_is_not_offered_before() -> None:
    alone = swap_pool()
    told = alone.live(entry("1h", symbol=PERP))
    alone.submit(entry("1h", symbol=PERP, side=Side.SHORT))
    enqueue = alone.life.one(m.Enqueue)
    assert enqueue.queued.wait_reason is Reason.OPPOSITE_SIDE
    alone.done(enqueue.draft, Outcome.QUEUED)
    alone.waits(enqueue.queued)
    assert alone.life.one(m.Offer).blocked == {enqueue.queued.key}
    alone.take(m.Offered(offer_id="another", incarnation=1, queued=None))
    alone.pool._offer_id = ""
    alone.take(replace(told, closed=True))
    assert alone.life.one(m.Offer).blocked == set()


def test_a_hopeless_ladder_is_rejected_at_once() -> None:
    alone = PoolAlone(settings=town_settings(capital="1"))
    box = alone.submit(entry())
    alone.committed()
    assert (answer(box).outcome, answer(box).reason) == (Outcome.REJECTED, Reason.BELOW_MIN_NOTIONAL)


@pytest.mark.rule("POOL-2", "QUE-6")
def test_a_forced_add_over_an_account_own_limit_is_marked_as_forced() -> None:
    settings = replace(town_settings(), accounts={ACCOUNT: account_settings(max_open_groups=1)})
    alone = PoolAlone(settings=settings)
    alone.live(entry("1m"))
    queued = waiting("5m")
    alone.waits(queued)
    alone.life.take(m.Offer)
    alone.pool._offer_id = ""
    ask = m.PromoteQueued(signal_id=queued.signal.signal_id, key=queued.key, who="ann", force=True, reply_to=ReplyBox())
    alone.take(ask)
    alone.taken_out(queued)
    assert alone.life.one(m.OpenGroup).forced


# --- drafts and what becomes of them (rules 2 and 14) ---------------------------------------------


def test_rule_2_when_a_group_was_reloaded_its_draft_is_settled_once() -> None:
    alone = PoolAlone()
    alone.submit(entry())
    opening = alone.life.one(m.OpenGroup)
    for _ in range(3):
        alone.take(m.Reloaded(name=f"group/{opening.group_id}", incarnation=2))
    asked = alone.life.one(m.Settle)
    assert (asked.draft_id, asked.signal_id) == (opening.draft.draft_id, opening.draft.signal_id)


def test_rule_2_when_the_supervisor_was_reloaded_every_draft_is_settled() -> None:
    """Of an actor that was gone when it died nobody else will tell."""
    alone = PoolAlone()
    for timeframe in ("1m", "5m"):
        alone.submit(entry(timeframe))
    alone.submit(leave("1h"))
    alone.take(m.Reloaded(name="supervisor", incarnation=9))
    drafts = {opening.draft.draft_id for opening in alone.life.of(m.OpenGroup)}
    assert {asked.draft_id for asked in alone.life.of(m.Settle)} == drafts
    assert len(drafts) == 2


def test_rule_2_a_draft_that_was_committed_counts_as_done() -> None:
    """Also if its release never came: Pool knows the group before the key is free again."""
    alone = PoolAlone()
    box = alone.submit(entry())
    opening = alone.life.one(m.OpenGroup)
    alone.take(m.Reloaded(name=f"group/{opening.group_id}", incarnation=2))
    asked = alone.life.one(m.Settle)
    done = m.Answer(signal_id=asked.signal_id, outcome=Outcome.OPENED, reason=Reason.OK, group_id=opening.group_id)
    told = group_told(opening)
    next_one = alone.submit(entry(price="99"))
    alone.take(m.Settled(incarnation=1, draft_id=asked.draft_id, done=done, told=told))
    assert answer(box) == done
    assert dict(alone.slots) == {opening.slot_token: opening.group_id}
    assert alone.life.one(m.AddPyramid).signal.entry_price == D(99)
    assert not next_one.done


def test_rule_2_a_promotion_that_was_committed_takes_its_entry_out_of_the_queue() -> None:
    alone = PoolAlone()
    queued = waiting("5m")
    alone.waits(queued)
    alone.offered(queued)
    opening = alone.life.one(m.OpenGroup)
    alone.take(m.NotLive(draft_id=opening.draft.draft_id, group_id=opening.group_id))
    done = m.Answer(signal_id="s", outcome=Outcome.OPENED, reason=Reason.OK, group_id=opening.group_id)
    alone.take(
        m.Settled(incarnation=1, draft_id=opening.draft.draft_id, done=done, told=group_told(opening)),
    )
    gone = m.QueueChanged(key=queued.key, signal_id=queued.signal.signal_id, gone=True)
    assert gone in alone.life.to("queue/paper")
    assert alone.pool._books.waiting == {}
    assert alone.is_at_rest()


def test_rule_2_a_draft_that_was_not_committed_is_begun_anew_for_another_group() -> None:
    alone = limited()
    box = alone.submit(entry())
    first = alone.life.one(m.OpenGroup)
    alone.take(m.NotLive(draft_id=first.draft.draft_id, group_id=first.group_id))
    alone.take(m.Settled(incarnation=1, draft_id=first.draft.draft_id, done=None))
    assert not box.done
    alone.take(alone.life.fire("retry"))
    second = alone.life.one(m.OpenGroup)
    assert second.group_id != first.group_id
    assert second.draft.draft_id != first.draft.draft_id
    assert dict(alone.slots) == {second.slot_token: second.group_id}
    alone.take(m.DraftDone(draft_id=first.draft.draft_id, answer=answer_of(first)))
    assert not box.done, "the buried draft means nothing any more"


def test_after_so_many_tries_the_caller_is_told_to_come_again() -> None:
    alone = PoolAlone()
    box = alone.submit(entry())
    for _ in range(MAX_TRIES):
        opening = alone.life.one(m.OpenGroup)
        alone.take(m.NotLive(draft_id=opening.draft.draft_id, group_id=opening.group_id))
        alone.life.one(m.Settle)
        alone.take(m.Settled(incarnation=1, draft_id=opening.draft.draft_id, done=None))
        alone.take(alone.life.fire("retry"))
    assert refusal(box) is Reason.OVERLOADED
    assert (alone.slots, alone.is_at_rest()) == ({}, True)


def test_a_later_failure_does_not_put_off_the_retry_of_an_earlier_one() -> None:
    alone = PoolAlone()
    alone.submit(entry("1m"))
    alone.submit(entry("5m"))
    openings = alone.life.take(m.OpenGroup)
    fail(alone, openings[0])
    due_ms = alone.life.wakes["retry"]
    alone.life.time_ms += 40
    fail(alone, openings[1])
    assert alone.life.wakes["retry"] == due_ms


def fail(alone: PoolAlone, opening: m.OpenGroup) -> None:
    alone.take(m.NotLive(draft_id=opening.draft.draft_id, group_id=opening.group_id))
    alone.take(m.Settled(incarnation=1, draft_id=opening.draft.draft_id, done=None))


def test_what_an_earlier_life_asked_to_settle_means_nothing() -> None:
    alone = PoolAlone()
    alone.submit(entry())
    opening = alone.life.one(m.OpenGroup)
    alone.take(m.Settled(incarnation=0, draft_id=opening.draft.draft_id, done=None))
    assert len(alone.slots) == 1


def test_a_group_that_closes_meanwhile_sends_the_entry_back_and_it_waits() -> None:
    alone = PoolAlone()
    told = alone.live(entry())
    box = alone.submit(entry(price="99"))
    adding = alone.life.one(m.AddPyramid)
    closing = Refused(reason=Reason.GROUP_CLOSING)
    alone.take(m.DraftRefused(draft_id=adding.draft.draft_id, refused=closing))
    alone.take(replace(told, closing=True))
    alone.take(alone.life.fire("retry"))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.GROUP_CLOSING
    assert not box.done


def test_what_a_group_refuses_otherwise_is_rejected_with_its_reason() -> None:
    alone = PoolAlone()
    told = alone.live(entry())
    box = alone.submit(entry(price="99"))
    adding = alone.life.one(m.AddPyramid)
    poisoned = Refused(reason=Reason.POISONED, detail="put aside")
    alone.take(m.DraftRefused(draft_id=adding.draft.draft_id, refused=poisoned))
    alone.committed()
    assert (answer(box).outcome, answer(box).reason) == (Outcome.REJECTED, Reason.POISONED)
    assert alone.pool._books.reserved(ACCOUNT, "USDT") == told.reserved


def answer_of(opening: m.OpenGroup) -> m.Answer:
    return m.Answer(
        signal_id=opening.signal.signal_id, outcome=Outcome.OPENED, reason=Reason.OK, group_id=opening.group_id
    )


# --- exits, late and outdated signals -------------------------------------------------------------


@pytest.mark.rule("EXIT-1", "SIG-10")
def test_an_exit_goes_straight_to_the_live_group() -> None:
    alone = PoolAlone()
    told = alone.live(entry())
    alone.submit(leave())
    exiting = alone.life.one(m.ExitGroup)
    assert (exiting.leaving, alone.life.of(m.TakeOut)) == (None, [])
    assert exiting.draft.key == told.key


@pytest.mark.rule("EXIT-1")
def test_an_exit_takes_the_queued_signal_of_its_key_along() -> None:
    alone = PoolAlone()
    alone.live(entry())
    queued = waiting("1h", Reason.INSUFFICIENT_BALANCE)
    alone.waits(queued)
    alone.offered(None)
    alone.submit(leave())
    alone.taken_out(queued)
    assert alone.life.one(m.ExitGroup).leaving == queued


@pytest.mark.rule("SIG-10", "QUE-8")
def test_an_exit_of_the_live_side_leaves_what_waits_for_the_other_side() -> None:
    alone = swap_pool()
    alone.live(entry("1h", symbol=PERP))
    short = waiting("1h", Reason.OPPOSITE_SIDE, symbol=PERP, side=Side.SHORT)
    alone.waits(short)
    alone.submit(leave("1h", symbol=PERP, side=Side.LONG))
    assert alone.life.of(m.TakeOut) == []
    assert alone.life.one(m.ExitGroup).leaving is None


@pytest.mark.rule("SIG-10")
def test_an_exit_of_a_key_that_only_waits_withdraws_its_signal() -> None:
    alone = limited()
    alone.live(entry("1m"))
    queued = waiting("5m")
    alone.waits(queued)
    sent = leave("5m")
    alone.submit(sent)
    draft = alone.taken_out(queued)
    discard = alone.life.one(m.Discard)
    assert (discard.draft, discard.by, discard.by_outcome) == (draft, sent, Outcome.DEQUEUED)
    assert (discard.outcome, discard.reason) == (Outcome.REMOVED, Reason.EXIT_SIGNAL)


@pytest.mark.rule("SIG-10")
def test_an_exit_with_nothing_there_is_ignored_and_recorded() -> None:
    alone = PoolAlone()
    sent = leave()
    box = alone.submit(sent)
    commit = alone.life.of(m.Commit)[0]
    saved = rows_of(commit, SaveSignal)[0]
    assert (saved.signal, saved.outcome, saved.reason) == (sent, Outcome.IGNORED, Reason.NO_POSITION)
    assert rows_of(commit, ClaimIdempotency)[0].idempotency_key == sent.idempotency_key
    assert not box.done, "nobody hears of it before it is durable"
    alone.committed()
    assert answer(box).outcome is Outcome.IGNORED


@pytest.mark.rule("SIG-12")
def test_an_exit_never_closes_a_group_opened_by_a_later_signal() -> None:
    alone = PoolAlone()
    alone.live(entry(sent_time_ms=NOW_MS + 5))
    box = alone.submit(leave(sent_time_ms=NOW_MS + 4))
    alone.committed()
    assert (answer(box).outcome, answer(box).reason) == (Outcome.IGNORED, Reason.OLDER_THAN_GROUP)
    alone.submit(leave(sent_time_ms=NOW_MS + 5))
    alone.life.one(m.ExitGroup)


@pytest.mark.rule("SIG-12")
@pytest.mark.parametrize("is_live", [False, True])
def test_an_exit_says_nothing_of_a_queued_signal_that_is_later(is_live: bool) -> None:
    alone = PoolAlone()
    if is_live:
        alone.live(entry(sent_time_ms=NOW_MS - 10))
    queued = waiting("1h", Reason.INSUFFICIENT_BALANCE)
    alone.waits(queued)
    alone.offered(None)
    box = alone.submit(leave(sent_time_ms=queued.signal.stamp_ms - 1))
    draft = alone.taken_out(queued)
    assert alone.life.one(m.PutBack).draft_id == draft.draft_id
    if is_live:
        assert alone.life.one(m.ExitGroup).leaving is None
    else:
        alone.committed()
        assert (answer(box).outcome, answer(box).reason) == (Outcome.IGNORED, Reason.OLDER_THAN_GROUP)


@pytest.mark.rule("SIG-12")
def test_an_entry_delivered_too_late_expires_with_an_alert() -> None:
    alone = PoolAlone()
    box = alone.submit(entry(receive_time_ms=NOW_MS - 300_001))
    assert rows_of(alone.life.of(m.Commit)[0], RaiseAlert)
    alone.committed()
    assert (answer(box).outcome, answer(box).reason) == (Outcome.EXPIRED, Reason.TOO_OLD)
    alone.submit(entry("5m", receive_time_ms=NOW_MS - 300_000))
    alone.life.one(m.OpenGroup)


@pytest.mark.rule("SIG-12")
def test_an_exit_delivered_late_goes_its_way() -> None:
    alone = PoolAlone()
    alone.live(entry(sent_time_ms=NOW_MS - 7_200_000))
    alone.submit(leave(sent_time_ms=NOW_MS - 3_600_000, receive_time_ms=NOW_MS - 3_600_000))
    alone.life.one(m.ExitGroup)


@pytest.mark.rule("SIG-12")
def test_of_a_reverse_delivered_late_only_the_exit_is_left() -> None:
    alone = swap_pool()
    alone.live(entry("1h", symbol=PERP, sent_time_ms=NOW_MS - 7_200_000))
    late: dict[str, Any] = {"sent_time_ms": NOW_MS - 3_600_000, "receive_time_ms": NOW_MS - 3_600_000}
    sent = entry("1h", symbol=PERP, intent=Intent.REVERSE, side=Side.SHORT, **late)
    alone.submit(sent)
    assert alone.life.one(m.ExitGroup).signal == sent


@pytest.mark.rule("SIG-12")
def test_a_late_reverse_opens_nothing_and_leaves_its_own_side_alone() -> None:
    alone = swap_pool()
    late: dict[str, Any] = {"sent_time_ms": NOW_MS - 3_600_000, "receive_time_ms": NOW_MS - 3_600_000}
    nothing = alone.submit(entry("5m", symbol=PERP, intent=Intent.REVERSE, **late))
    alone.committed()
    assert (answer(nothing).outcome, answer(nothing).reason) == (Outcome.IGNORED, Reason.NO_POSITION)
    alone.live(entry("1h", symbol=PERP, sent_time_ms=NOW_MS - 7_200_000))
    same = alone.submit(entry("1h", symbol=PERP, intent=Intent.REVERSE, **late))
    alone.committed()
    assert (answer(same).outcome, answer(same).reason) == (Outcome.IGNORED, Reason.SAME_POSITION)


# --- the queue (rule 13) and promotions -----------------------------------------------------------


@pytest.mark.rule("QUE-1")
def test_rule_13_no_newcomer_passes_the_queued_signal_of_its_own_key() -> None:
    alone = limited(2)
    queued = waiting("5m")
    alone.waits(queued)
    alone.offered(None)
    alone.submit(entry("5m"))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.POOL_FULL
    assert alone.life.of(m.OpenGroup) == []


def test_while_a_group_closes_entries_of_its_key_wait() -> None:
    alone = PoolAlone()
    told = alone.live(entry())
    alone.take(replace(told, closing=True))
    alone.submit(entry())
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.GROUP_CLOSING


@pytest.mark.rule("QUE-3")
def test_a_promotion_opens_at_the_queued_price_and_takes_the_entry_along() -> None:
    alone = limited()
    queued = waiting("5m", entry="99")
    alone.waits(queued)
    alone.offered(queued)
    opening = alone.life.one(m.OpenGroup)
    assert (opening.leaving, opening.plan.entry_price, opening.signal) == (queued, D(99), queued.signal)
    alone.opened(opening)
    alone.gone(queued)
    assert alone.is_at_rest()


@pytest.mark.rule("QUE-3")
def test_several_free_slots_are_filled_side_by_side() -> None:
    alone = limited(3)
    entries = [waiting(f"{number}m") for number in range(1, 6)]
    for queued in entries:
        alone.pool._books.wait(queued.key, queued.side, queued.wait_reason)
    alone.waits(entries[0])
    for queued in entries[:3]:
        alone.offered(queued)
    assert len(alone.life.of(m.OpenGroup)) == 3
    assert alone.life.of(m.Offer) == [], "no slot is left to offer"


def test_an_offer_is_asked_one_at_a_time() -> None:
    alone = limited(3)
    alone.waits(waiting("1m"))
    alone.waits(waiting("5m"))
    assert len(alone.life.of(m.Offer)) == 1


@pytest.mark.rule("QUE-3")
def test_what_cannot_go_is_put_back_with_the_new_reason_and_the_next_one_is_asked_for() -> None:
    alone = PoolAlone()
    alone.account("10")
    queued = waiting("5m")
    alone.waits(queued)
    offer = alone.offered(queued)
    back = alone.life.one(m.PutBack)
    assert (back.draft_id, back.key, back.wait_reason) == (offer.offer_id, queued.key, Reason.INSUFFICIENT_BALANCE)
    assert alone.life.one(m.Offer).blocked == {queued.key}
    assert alone.is_at_rest()


@pytest.mark.rule("QUE-3")
def test_a_queued_ladder_that_has_become_hopeless_is_rejected() -> None:
    alone = PoolAlone(settings=town_settings(capital="1"))
    queued = waiting("5m")
    alone.waits(queued)
    alone.offered(queued)
    discard = alone.life.one(m.Discard)
    assert (discard.outcome, discard.reason) == (Outcome.REJECTED, Reason.BELOW_MIN_NOTIONAL)


@pytest.mark.rule("PYR-1")
def test_a_waiting_continuation_is_promoted_as_a_pyramid_and_takes_no_slot() -> None:
    alone = limited()
    alone.live(entry("1h"))
    queued = waiting("1h", Reason.INSUFFICIENT_BALANCE)
    alone.waits(queued)
    offer = alone.offered(queued)
    assert (offer.free_slots, set(offer.continuing)) == (0, {queued.key})
    adding = alone.life.one(m.AddPyramid)
    assert adding.leaving == queued
    assert len(alone.slots) == 1


def test_an_offer_for_a_key_whose_lane_is_taken_meanwhile_is_given_back() -> None:
    alone = limited()
    queued = waiting("5m")
    alone.waits(queued)
    alone.submit(leave("5m"))
    offer = alone.offered(queued)
    assert alone.life.one(m.PutBack).draft_id == offer.offer_id
    alone.life.one(m.TakeOut)


def test_a_promotion_that_fails_keeps_the_entry_and_gives_the_slot_back() -> None:
    alone = limited()
    queued = waiting("5m")
    alone.waits(queued)
    offer = alone.offered(queued)
    for _ in range(MAX_TRIES):
        fail(alone, alone.life.one(m.OpenGroup))
        alone.life.take(m.Settle)
        alone.take(alone.life.fire("retry"))
    assert alone.life.take(m.PutBack)[-1].draft_id == offer.offer_id
    assert (alone.slots, alone.is_at_rest()) == ({}, True)


def crowded(count: int) -> tuple[PoolAlone, list[Queued]]:
    """Every one of those that wait is too dear for the account."""
    alone = PoolAlone(settings=town_settings(max_open_groups=1000))
    alone.account("10")
    entries = [waiting(f"{number}m") for number in range(1, count + 1)]
    for queued in entries:
        alone.pool._books.wait(queued.key, queued.side, queued.wait_reason)
    return alone, entries


def answer_offers(alone: PoolAlone, entries: list[Queued]) -> list[Queued]:
    """As the Queue does, the first one first, until no more is asked."""
    named = []
    while offers := alone.life.of(m.Offer):
        best = next((queued for queued in entries if queued.key not in offers[0].blocked), None)
        alone.offered(best)
        named += [best] if best else []
    return named


def test_only_so_many_that_cannot_go_are_tried_at_once() -> None:
    alone, entries = crowded(200)
    alone.take(m.InstrumentsChanged(account=ACCOUNT))
    assert answer_offers(alone, entries) == entries[: module.MAX_DECLINED_AT_ONCE]


@pytest.mark.rule("QUE-8")
def test_many_that_cannot_go_do_not_keep_those_behind_them_from_their_turn() -> None:
    alone, entries = crowded(200)
    named = []
    for _ in range(4):
        alone.take(alone.life.fire("tick"))
        named += answer_offers(alone, entries)
    assert named == entries


def test_after_a_while_the_first_are_tried_again() -> None:
    alone, entries = crowded(2000)
    alone.take(alone.life.fire("tick"))
    answer_offers(alone, entries)
    alone.life.time_ms += module.ROUND_MS
    alone.take(m.InstrumentsChanged(account=ACCOUNT))
    assert answer_offers(alone, entries)[0] == entries[0]


def test_a_change_while_the_queue_is_asked_leads_to_another_question() -> None:
    """The answer was about what could go before the change."""
    alone = PoolAlone()
    alone.waits(waiting("5m"))
    alone.account("200000")
    alone.offered(None)
    alone.life.one(m.Offer)
    alone.pool._offer_id = ""
    alone.waits(waiting("5m"))
    alone.offered(None)
    assert alone.life.of(m.Offer) == []


@pytest.mark.rule("QUE-8")
def test_nothing_is_offered_of_an_account_that_is_not_ready() -> None:
    alone = PoolAlone()
    alone.waits(waiting("5m"))
    assert alone.life.one(m.Offer).blocked_accounts == set()
    alone.pool._offer_id = ""
    alone.account(ready=False)
    assert alone.life.one(m.Offer).blocked_accounts == {ACCOUNT}


# --- commands of a person -------------------------------------------------------------------------


def asked(alone: PoolAlone, timeframe: str = "5m", **changes: bool) -> ReplyBox:
    queued = waiting(timeframe)
    box = ReplyBox()
    ask = m.PromoteQueued(signal_id=queued.signal.signal_id, key=queued.key, who="ann", reply_to=box, **changes)
    alone.take(ask)
    return box


@pytest.mark.rule("QUE-6")
def test_a_promotion_by_hand_needs_a_slot() -> None:
    alone = limited()
    alone.live(entry("1m"))
    box = asked(alone)
    alone.taken_out(waiting("5m"))
    assert refusal(box) is Reason.POOL_FULL
    assert alone.life.one(m.PutBack).wait_reason is Reason.POOL_FULL
    assert alone.is_at_rest()


@pytest.mark.rule("QUE-6", "POOL-2")
def test_a_forced_add_passes_the_pool_limit_and_is_marked() -> None:
    alone = limited()
    alone.live(entry("1m"))
    box = asked(alone, force=True)
    queued = waiting("5m")
    alone.taken_out(queued)
    opening = alone.life.one(m.OpenGroup)
    assert (opening.forced, opening.who, opening.leaving) == (True, "ann", queued)
    alone.opened(opening)
    assert answer(box).outcome is Outcome.OPENED
    assert len(alone.slots) == 2


@pytest.mark.rule("QUE-6")
def test_a_forced_add_with_a_free_slot_is_an_ordinary_one() -> None:
    alone = limited()
    asked(alone, force=True)
    alone.taken_out(waiting("5m"))
    assert not alone.life.one(m.OpenGroup).forced


@pytest.mark.rule("QUE-6", "POOL-3")
def test_a_forced_add_minds_the_exposure_limit_unless_told_otherwise() -> None:
    settings = replace(town_settings(max_open_groups=1), limits=LimitSettings(max_total_exposure=D(1500)))
    alone = PoolAlone(settings=settings)
    alone.live(entry("1m"))
    box = asked(alone, force=True)
    alone.taken_out(waiting("5m"))
    assert refusal(box) is Reason.MAX_TOTAL_EXPOSURE
    asked(alone, force=True, ignore_exposure=True)
    alone.taken_out(waiting("5m"))
    alone.life.one(m.OpenGroup)


@pytest.mark.rule("QUE-6")
def test_a_removal_by_hand_ends_the_entry_as_removed() -> None:
    alone = limited()
    queued = waiting("5m")
    box = ReplyBox()
    alone.take(m.RemoveQueued(signal_id=queued.signal.signal_id, key=queued.key, who="ann", reply_to=box))
    alone.taken_out(queued)
    discard = alone.life.one(m.Discard)
    assert (discard.outcome, discard.reason, discard.by) == (Outcome.REMOVED, Reason.REMOVED_BY_USER, None)
    assert discard.draft.reply_to is box


@pytest.mark.rule("QUE-6")
@pytest.mark.parametrize("found", [None, "another"])
def test_what_does_not_wait_any_more_cannot_be_moved_by_hand(found: str | None) -> None:
    alone = PoolAlone()
    box = asked(alone)
    other = waiting("5m")
    alone.taken_out(None if found is None else replace(other, signal=replace(other.signal, signal_id=found)))
    assert refusal(box) is Reason.NOT_FOUND
    assert alone.is_at_rest()


@pytest.mark.rule("POOL-3")
def test_a_paused_engine_opens_nothing_and_says_so_after_the_commit() -> None:
    alone = PoolAlone()
    box = ReplyBox()
    alone.take(m.PauseEngine(accounts=(), cancel_entries=False, who="ann", reply_to=box))
    commit = alone.life.one(m.Commit)
    saved = rows_of(commit, SaveEngineState)
    assert [(row.name, row.value, row.who) for row in saved] == [("paused", "yes", "ann")]
    assert not box.done
    assert [send.message for send in commit.then] == [m.EngineState(paused=True, paused_accounts=())]
    alone.submit(entry())
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.ENGINE_PAUSED
    alone.waits(waiting("1h", Reason.ENGINE_PAUSED))
    assert alone.life.of(m.Offer) == []
    alone.take(m.ResumeEngine(accounts=(), who="ann", reply_to=ReplyBox()))
    alone.life.one(m.Offer)


@pytest.mark.rule("POOL-3", "POOL-4")
def test_pausing_with_cancelled_entries_reaches_every_group_once_it_is_durable() -> None:
    """Also the one that is just being opened, whose draft was judged before."""
    alone = PoolAlone()
    told = alone.live(entry("1m"))
    alone.submit(entry("5m"))
    opening = alone.life.one(m.OpenGroup)
    alone.take(m.PauseEngine(accounts=(), cancel_entries=True, who="ann", reply_to=ReplyBox()))
    assert alone.life.of(m.CancelEntries) == []
    commit = alone.life.one(m.Commit)
    cancelled = {send.to for send in commit.then if isinstance(send.message, m.CancelEntries)}
    assert cancelled == {f"group/{told.group_id}", f"group/{opening.group_id}"}


@pytest.mark.rule("POOL-3")
def test_a_paused_account_stops_only_itself() -> None:
    alone = PoolAlone()
    other = replace(alone.settings.accounts[ACCOUNT], name="second")
    alone.settings = replace(alone.settings, accounts={**alone.settings.accounts, "second": other})
    alone.account(name="second")
    alone.catalogue.put("second", (spot(account="second"),))
    alone.take(m.PauseEngine(accounts=(ACCOUNT,), cancel_entries=False, who="ann", reply_to=ReplyBox()))
    assert alone.life.one(m.Commit).then[-1].message == m.EngineState(paused=False, paused_accounts=(ACCOUNT,))
    alone.submit(entry())
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.ACCOUNT_PAUSED
    alone.submit(replace(entry(), key=key(account="second")))
    alone.life.one(m.OpenGroup)


@pytest.mark.rule("POOL-3")
def test_a_pause_survives_a_restart() -> None:
    alone = PoolAlone(state=empty(switches={"paused": "yes"}))
    alone.submit(entry())
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.ENGINE_PAUSED


@pytest.mark.rule("EXIT-1")
def test_exits_pass_while_the_engine_is_paused() -> None:
    alone = PoolAlone(state=replace(stored_group(key()), switches={"paused": "yes"}))
    alone.submit(leave(sent_time_ms=NOW_MS + 1))
    alone.life.one(m.ExitGroup)


# --- groups brought back by a late fill (rule 19) -------------------------------------------------


def test_rule_19_a_group_brought_back_has_its_slot_again_beside_a_newer_one_of_its_key() -> None:
    alone = limited()
    old = alone.live(entry())
    alone.take(replace(old, closed=True))
    new = alone.live(entry())
    alone.take(replace(old, closing=True))
    assert dict(alone.slots) == {new.slot_token: new.group_id, old.slot_token: old.group_id}
    alone.submit(entry())
    alone.life.one(m.AddPyramid)
    assert alone.pool._books.by_key[new.key] == new.group_id


@pytest.mark.rule("GRP-1")
def test_rule_19_while_it_closes_its_key_is_not_free_even_if_the_newer_one_has_gone() -> None:
    alone = limited(5)
    old = alone.live(entry())
    alone.take(replace(old, closed=True))
    new = alone.live(entry())
    alone.take(replace(old, closing=True))
    alone.take(replace(new, closed=True))
    alone.submit(entry())
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.GROUP_CLOSING
    alone.take(replace(old, closed=True))
    assert alone.slots == {}
    assert alone.pool._books.by_key == {}


def test_what_the_pool_does_not_know_ends_it() -> None:
    with pytest.raises(TypeError, match="MayStop"):
        PoolAlone().take(m.MayStop(group_id="g"))
