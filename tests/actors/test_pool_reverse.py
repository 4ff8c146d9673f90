"""The Pool alone with reduces and reverses: the draft to the group, and the slot that is kept (SIG-6, section 9)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from actors import messages as m
from actors.pool_own_slots import OWN_SLOT_MS, OWN_SLOT_RETRY_MS
from actors.risk_messages import ReduceBySignal, Requeued, ReverseGroup
from actors.rules.choices import Market
from actors.rules.model import Intent, Outcome, Queued, Reason, Refused, Side, Signal
from actors.rules.settings import QueueSettings
from tests.actors.pool_alone import PoolAlone, answer, empty, entry
from tests.actors.town import ACCOUNT, account_settings, town_settings
from tests.rules.builders import NOW_MS, queued, swap

D = Decimal
PERP = "BTC/USDT:USDT"
LONG, SHORT = Side.LONG, Side.SHORT


def pool(limit: int = 1, *, state: m.PoolState | None = None, own: int | None = None, **changes: Any) -> PoolAlone:
    account = account_settings(market=Market.SWAP, symbols=(PERP,), max_open_groups=own)
    settings = replace(town_settings(max_open_groups=limit, **changes), accounts={ACCOUNT: account})
    return PoolAlone(settings=settings, state=state, instruments=(swap(account=ACCOUNT),))


def on(timeframe: str = "1h", side: Side = LONG, **changes: Any) -> Signal:
    return entry(timeframe, symbol=PERP, side=side, **changes)


def turn(timeframe: str = "1h", side: Side = SHORT, **changes: Any) -> Signal:
    return on(timeframe, side, intent=Intent.REVERSE, **{"sent_time_ms": NOW_MS + 1, **changes})


def reversing(alone: PoolAlone, told: m.GroupChanged) -> Queued:
    """The group of a reverse has committed: it is closing, and its new side waits."""
    asked = alone.life.one(ReverseGroup)
    alone.waits(asked.queued)
    alone.done(asked.draft, Outcome.REVERSED, told=replace(told, closing=True))
    return asked.queued


def closed(alone: PoolAlone, told: m.GroupChanged) -> None:
    alone.take(replace(told, closing=False, closed=True))


def kept(limit: int = 1, **changes: Any) -> tuple[PoolAlone, Queued, m.Draft]:
    """The old group is closed. The new side, and the draft that asks the Queue for it."""
    alone = pool(limit, **changes)
    told = alone.live(on())
    alone.submit(turn())
    entry_ = reversing(alone, told)
    closed(alone, told)
    return alone, entry_, alone.life.one(m.TakeOut).draft


def taken(alone: PoolAlone, draft: m.Draft, entry_: Queued | None) -> None:
    alone.take(m.TakenOut(draft_id=draft.draft_id, incarnation=1, queued=entry_))


# --- drafts ---------------------------------------------------------------------------------------


@pytest.mark.rule("EXIT-6", "SIG-10")
def test_a_reduce_goes_to_its_group_and_keeps_the_slot() -> None:
    alone = pool()
    told = alone.live(on())
    box = alone.submit(on(intent=Intent.REDUCE, sent_time_ms=NOW_MS + 1))
    asked = alone.life.one(ReduceBySignal)
    assert alone.life.to(f"group/{told.group_id}") == []
    alone.done(asked.draft, Outcome.REDUCED, told=told)
    assert answer(box).outcome is Outcome.REDUCED
    assert dict(alone.slots) == {told.slot_token: told.group_id}


@pytest.mark.rule("EXIT-6", "SIG-10")
def test_a_reduce_its_group_refuses_is_rejected_with_the_reason() -> None:
    alone = pool()
    alone.live(on())
    box = alone.submit(on(intent=Intent.REDUCE, sent_time_ms=NOW_MS + 1))
    draft = alone.life.one(ReduceBySignal).draft
    alone.take(m.DraftRefused(draft_id=draft.draft_id, refused=Refused(reason=Reason.SIZE_MISSING)))
    alone.committed()
    assert (answer(box).outcome, answer(box).reason) == (Outcome.REJECTED, Reason.SIZE_MISSING)
    assert alone.is_at_rest()


@pytest.mark.rule("SIG-6")
def test_a_reverse_carries_the_new_side_as_it_is_going_to_wait() -> None:
    alone = pool()
    told = alone.live(on())
    sent = turn(price="99")
    alone.submit(sent)
    asked = alone.life.one(ReverseGroup)
    new = asked.queued
    assert (asked.signal, asked.leaving, new.signal, new.side) == (sent, None, sent, SHORT)
    assert (new.wait_reason, new.is_reverse, new.is_decided) == (Reason.REVERSING, True, True)
    assert new.expected_profit is not None
    assert told.group_id == alone.pool._drafts[asked.draft.draft_id].group_id


@pytest.mark.rule("SIG-6", "QUE-1")
def test_the_queued_signal_of_the_key_is_held_first_and_leaves_with_the_draft() -> None:
    alone = pool()
    alone.live(on())
    old = queued(1, symbol=PERP, timeframe="1h", side=SHORT, replacement_count=3, wait_reason=Reason.OPPOSITE_SIDE)
    alone.waits(old)
    alone.submit(turn())
    alone.taken_out(old)
    asked = alone.life.one(ReverseGroup)
    assert asked.leaving == old
    assert (asked.queued.replacement_count, asked.queued.first_queue_time_ms) == (4, old.first_queue_time_ms)


@pytest.mark.rule("SIG-6", "SIG-12")
def test_a_later_queued_signal_stays_and_the_reverse_only_closes() -> None:
    alone = pool()
    alone.live(on())
    old = queued(1, symbol=PERP, timeframe="1h", side=SHORT, wait_reason=Reason.OPPOSITE_SIDE)
    later = replace(old, signal=replace(old.signal, sent_time_ms=NOW_MS + 2))
    alone.waits(later)
    alone.submit(turn())
    alone.taken_out(later)
    assert alone.life.one(m.ExitGroup).leaving is None
    assert alone.life.of(m.PutBack) != []


@pytest.mark.rule("SIG-6")
def test_a_reverse_whose_group_has_gone_in_the_meantime_is_routed_anew() -> None:
    alone = pool()
    told = alone.live(on())
    old = queued(1, symbol=PERP, timeframe="1h", side=SHORT, wait_reason=Reason.OPPOSITE_SIDE)
    alone.waits(old)
    alone.submit(turn())
    asked = alone.life.one(m.TakeOut)
    closed(alone, told)
    taken(alone, asked.draft, old)
    assert alone.life.of(m.PutBack)[-1].key == old.key, "what was queued is not withdrawn by it"
    alone.take(alone.life.fire("retry"))
    assert alone.life.one(m.Enqueue).queued.side is SHORT


@pytest.mark.rule("SIG-6")
def test_a_reverse_its_group_refuses_because_it_closes_waits_for_that_slot() -> None:
    alone = pool()
    told = alone.live(on())
    alone.submit(turn())
    draft = alone.life.one(ReverseGroup).draft
    alone.take(replace(told, closing=True))
    alone.take(m.DraftRefused(draft_id=draft.draft_id, refused=Refused(reason=Reason.GROUP_CLOSING)))
    alone.take(alone.life.fire("retry"))
    enqueue = alone.life.one(m.Enqueue).queued
    assert (enqueue.wait_reason, enqueue.is_reverse, enqueue.is_decided) == (Reason.REVERSING, True, False)


@pytest.mark.rule("SIG-6", "REC-1")
def test_what_the_lost_release_of_a_reverse_would_have_told_is_made_up_for() -> None:
    alone = pool()
    told = alone.live(on())
    alone.submit(turn())
    asked = alone.life.one(ReverseGroup)
    alone.take(m.Reloaded(name=f"group/{told.group_id}", incarnation=2))
    settle = alone.life.one(m.Settle)
    done = m.Answer(signal_id=settle.signal_id, outcome=Outcome.REVERSED, reason=Reason.OK, group_id=told.group_id)
    closing = replace(told, closing=True)
    alone.take(m.Settled(incarnation=1, draft_id=asked.draft.draft_id, done=done, told=closing))
    assert alone.life.one(Requeued).queued == asked.queued
    assert alone.pool._books.waiting[asked.queued.key] == (SHORT, Reason.REVERSING)
    closed(alone, closing)
    assert alone.pool._books.taken() == 1


# --- the slot that is kept ------------------------------------------------------------------------


@pytest.mark.rule("SIG-6", "POOL-2")
def test_when_the_old_group_has_closed_its_slot_is_kept_and_the_new_side_is_tried_at_once() -> None:
    alone, entry_, draft = kept()
    alone.submit(on("4h"))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.POOL_FULL
    assert alone.slots == {}
    taken(alone, draft, entry_)
    opening = alone.life.one(m.OpenGroup)
    assert (opening.side, opening.leaving, opening.forced) == (SHORT, entry_, False)
    assert opening.draft.signal_id == entry_.signal.signal_id
    alone.submit(on("2h"))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.POOL_FULL
    alone.gone(entry_)
    alone.opened(opening)
    assert alone.pool._books.taken() == len(alone.slots) == 1


@pytest.mark.rule("SIG-6", "POOL-2")
def test_it_is_kept_on_its_account_as_well() -> None:
    alone, _, _ = kept(10, own=1)
    alone.submit(on("4h"))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.ACCOUNT_POOL_FULL


@pytest.mark.rule("SIG-6", "POOL-2")
def test_while_the_old_group_has_its_slot_none_is_kept_besides() -> None:
    alone = pool(2)
    told = alone.live(on())
    alone.submit(turn())
    reversing(alone, told)
    assert alone.pool._books.taken() == 1
    alone.submit(on("4h"))
    alone.life.one(m.OpenGroup)


@pytest.mark.rule("SIG-6", "POOL-2", "QUE-3")
def test_nobody_is_offered_a_kept_slot() -> None:
    alone, entry_, draft = kept()
    alone.waits(queued(2, symbol=PERP, timeframe="4h"))
    assert alone.life.of(m.Offer) == []
    taken(alone, draft, entry_)
    assert alone.life.of(m.Offer) == []


@pytest.mark.rule("SIG-6", "REC-1", "QUE-5")
def test_after_a_load_the_slot_is_kept_before_anybody_comes() -> None:
    new = queued(1, symbol=PERP, timeframe="1h", side=SHORT, wait_reason=Reason.REVERSING, is_reverse=True)
    alone = pool(state=empty(waiting={new.key: (SHORT, Reason.REVERSING)}))
    alone.submit(on("4h"))
    assert alone.life.one(m.Enqueue).queued.wait_reason is Reason.POOL_FULL
    taken(alone, alone.life.one(m.TakeOut).draft, new)
    alone.life.one(m.OpenGroup)


@pytest.mark.rule("SIG-6", "POOL-2")
def test_a_draft_that_comes_to_nothing_gives_the_slot_back_to_the_same_key() -> None:
    alone, entry_, draft = kept()
    taken(alone, draft, entry_)
    opening = alone.life.one(m.OpenGroup)
    alone.take(m.NotLive(draft_id=opening.draft.draft_id, group_id=opening.group_id))
    settle = alone.life.one(m.Settle)
    assert settle.opens == opening.group_id, "its signal has its outcome: only the group tells"
    alone.take(m.Settled(incarnation=1, draft_id=opening.draft.draft_id, done=None))
    assert (alone.slots, alone.pool._books.taken()) == ({}, 1)
    alone.take(alone.life.fire("retry"))
    taken(alone, alone.life.one(m.TakeOut).draft, entry_)
    alone.life.one(m.OpenGroup)


@pytest.mark.rule("SIG-6", "REC-2", "POOL-2")
def test_a_group_that_ends_whenever_it_is_opened_does_not_keep_the_slot_for_ever() -> None:
    alone, entry_, draft = kept()
    back: list[m.PutBack] = []
    while alone.pool._books.taken():
        taken(alone, draft, entry_)
        if alone.life.of(m.OpenGroup):
            opening = alone.life.one(m.OpenGroup)
            alone.take(m.NotLive(draft_id=opening.draft.draft_id, group_id=opening.group_id))
            alone.life.one(m.Settle)
            alone.take(m.Settled(incarnation=1, draft_id=opening.draft.draft_id, done=None))
        back = [*back, *alone.life.take(m.PutBack)]
        assert len(back) < 1_000
        alone.life.time_ms += 1_000
        alone.take(alone.life.fire("retry" if "retry" in alone.life.wakes else "tick"))
        asked = alone.life.take(m.TakeOut)
        draft = asked[0].draft if asked else draft
    assert back[-1].wait_reason is Reason.OVERLOADED
    assert alone.slots == {}


@pytest.mark.rule("SIG-6", "POOL-3")
def test_what_may_pass_in_a_moment_costs_no_place_but_not_for_ever() -> None:
    alone, entry_, draft = kept()
    alone.account("10")
    taken(alone, draft, entry_)
    assert alone.life.one(m.PutBack).wait_reason is None
    tries = 0
    while alone.pool._books.taken():
        tries += 1
        alone.take(alone.life.fire("own_slot"))
        taken(alone, alone.life.one(m.TakeOut).draft, entry_)
        back = alone.life.one(m.PutBack)
    assert tries == OWN_SLOT_MS // OWN_SLOT_RETRY_MS
    assert back.wait_reason is Reason.INSUFFICIENT_BALANCE
    assert alone.is_at_rest()


@pytest.mark.rule("SIG-6", "POOL-3")
def test_the_margin_that_is_free_a_moment_later_lets_it_in() -> None:
    alone, entry_, draft = kept()
    alone.account("10")
    taken(alone, draft, entry_)
    alone.life.take(m.PutBack)
    alone.account("100000")
    alone.take(alone.life.fire("own_slot"))
    taken(alone, alone.life.one(m.TakeOut).draft, entry_)
    alone.life.one(m.OpenGroup)


@pytest.mark.rule("SIG-6", "POOL-3", "POOL-4")
def test_a_pause_gives_the_slot_free_and_the_new_side_waits_with_the_reason() -> None:
    alone = pool()
    told = alone.live(on())
    alone.submit(turn())
    entry_ = reversing(alone, told)
    alone.take(m.PauseEngine(accounts=(), cancel_entries=False, who="ann", reply_to=_Nobody()))
    closed(alone, told)
    taken(alone, alone.life.one(m.TakeOut).draft, entry_)
    assert alone.life.one(m.PutBack).wait_reason is Reason.ENGINE_PAUSED
    assert alone.pool._books.taken() == 0
    assert alone.pool._books.waiting[entry_.key] == (SHORT, Reason.ENGINE_PAUSED)


class _Nobody:
    def reply(self, answer: object) -> None:
        """Not looked at."""


@pytest.mark.rule("SIG-6", "QUE-3")
def test_a_price_that_ran_away_ends_it() -> None:
    alone, entry_, draft = kept(queue=QueueSettings(max_deviation_percent=D(2)))
    alone.price("110")
    taken(alone, draft, entry_)
    leaves = alone.life.one(m.Discard)
    assert (leaves.outcome, leaves.reason) == (Outcome.EXPIRED, Reason.PRICE_DEVIATED)


@pytest.mark.rule("SIG-6", "QUE-1")
def test_a_newer_signal_of_the_key_keeps_the_slot() -> None:
    alone, entry_, draft = kept()
    alone.submit(on(side=LONG, sent_time_ms=NOW_MS + 5))
    taken(alone, draft, None)  # It is on its way to the Queue, say.
    enqueue = alone.life.one(m.Enqueue)
    assert enqueue.queued.wait_reason is Reason.REVERSING
    assert alone.pool._books.taken() == 1
    alone.gone(entry_)
    assert alone.pool._books.taken() == 1, "for the newer one, which is on its way"
    ignored = m.Answer(signal_id=enqueue.draft.signal_id, outcome=Outcome.IGNORED, reason=Reason.REPLACEMENT_OFF)
    alone.take(m.DraftDone(draft_id=enqueue.draft.draft_id, answer=ignored))
    assert alone.pool._books.taken() == 0, "it does not wait after all"


@pytest.mark.rule("SIG-6", "SIG-10")
def test_an_exit_gives_the_slot_to_who_waits() -> None:
    alone, entry_, draft = kept()
    taken(alone, draft, None)
    alone.life.take(m.PutBack)
    alone.submit(on(intent=Intent.EXIT, side=SHORT, sent_time_ms=NOW_MS + 5))
    taken(alone, alone.life.one(m.TakeOut).draft, entry_)
    leaves = alone.life.one(m.Discard)
    assert (leaves.outcome, leaves.by_outcome) == (Outcome.REMOVED, Outcome.DEQUEUED)
    alone.waits(queued(2, symbol=PERP, timeframe="4h"))
    alone.gone(entry_)
    alone.done(leaves.draft, Outcome.DEQUEUED)
    assert alone.life.one(m.Offer).free_slots == 1


@pytest.mark.rule("REC-1", "SIG-6")
def test_while_the_daemon_stops_a_reverse_closes_and_its_new_side_waits() -> None:
    alone = pool()
    told = alone.live(on())
    alone.take(m.EndEntries())
    alone.submit(turn())
    reversing(alone, told)
    closed(alone, told)
    alone.take(m.StoreFailed(ok=True))  # Whatever else is well again.
    assert alone.life.of(m.TakeOut) == []


@pytest.mark.rule("REC-5", "SIG-6")
def test_on_the_reserve_of_a_full_disk_a_reverse_closes_and_its_new_side_waits() -> None:
    alone = pool()
    told = alone.live(on())
    alone.take(m.StoreFailed(ok=True, on_reserve=True))
    alone.submit(turn())
    entry_ = reversing(alone, told)
    closed(alone, told)
    assert alone.life.of(m.TakeOut) == []
    alone.take(m.StoreFailed(ok=True))
    taken(alone, alone.life.one(m.TakeOut).draft, entry_)
    alone.life.one(m.OpenGroup)
