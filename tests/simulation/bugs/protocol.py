"""Every numbered rule of the protocol (docs/architecture.md), switched off alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import actors.pool
import actors.position
import actors.queue
import daemon.assembly
from actors import messages as m
from actors import risk_messages as rm
from actors.gateway import Gateway
from actors.gateway_hand import Stage
from actors.gateway_orders import OrderDesk
from actors.journal import Journal
from actors.lives import Lives
from actors.pool import Pool
from actors.pool_books import PoolBooks
from actors.pool_work import Lane, Work
from actors.ports import Applied, StoreFault
from actors.position import PositionGroup
from actors.risk import Risk
from actors.rules import position, position_books, position_reports
from actors.rules.model import GroupState, Order, Reason, Refused, Signal
from actors.rules.records import ClaimIdempotency
from actors.supervisor import Supervisor
from tests.simulation.bugs.bug import STUCK, TRADES, Bug, Swap, nothing
from tests.simulation.promise import Promise

Right = Any


def _no_incarnations() -> tuple[Swap, ...]:
    return ((Journal, "_is_over", lambda _right: lambda _journal, _who: False),)


def _no_tombstones() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        def settle(journal: Journal, message: m.Settle) -> None:
            right(journal, message)
            journal._tombstones.pop(message.draft_id, None)

        return settle

    return ((Journal, "_settle", make),)


def _drafts_not_settled() -> tuple[Swap, ...]:
    return ((Pool, "_reloaded", nothing),)


def _no_lanes() -> tuple[Swap, ...]:
    def enter(pool: Pool, work: Work) -> None:
        pool._lanes.setdefault(work.key, Lane(work))
        pool._begin(work)

    def free_lane(pool: Pool, key: Any) -> None:
        pool._lanes.pop(key, None)
        pool._maybe_offer()

    return ((Pool, "_enter", lambda _: enter), (Pool, "_free_lane", lambda _: free_lane))


def _copies_are_new() -> tuple[Swap, ...]:
    """Neither what is in flight, nor what was answered, nor the unique index knows a copy."""

    def make_submit(right: Right) -> Right:
        def submit(pool: Pool, message: m.SubmitSignal) -> None:
            signal = message.signal
            unlike = replace(signal, idempotency_key=f"{signal.idempotency_key}/{signal.signal_id}")
            right(pool, replace(message, signal=unlike))

        return submit

    return ((Pool, "_submit", make_submit),)


def _no_fence() -> tuple[Swap, ...]:
    return ((Journal, "_fence", nothing),)


def _load_overtakes() -> tuple[Swap, ...]:
    """State is read from the store at once, past the Journal's mailbox, so that the Journal does not hear of it."""

    def make(right: Right) -> Right:
        def tell(lives: Lives, to: Any, message: object) -> None:
            journal = lives._cells.get("journal")
            if to == "journal" and isinstance(message, m.Load) and journal is not None and journal.actor is not None:
                with suppress(StoreFault):
                    cast(Journal, journal.actor)._load(message)
                    return
            right(lives, to, message)

        return tell

    return ((Lives, "tell", make),)


def _unit_in_parts() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        return lambda *args: tuple(replace(child, unit="") for child in right(*args))

    return ((daemon.assembly, "engine_children", make),)


def _answers_of_earlier_lives() -> tuple[Swap, ...]:
    """A gateway takes what was meant for the one before it, and its own requests go out under that one's name."""

    def make(right: Right) -> Right:
        def receive(gateway: Gateway, message: Any) -> None:
            if getattr(message, "incarnation", gateway.life.incarnation) != gateway.life.incarnation:
                message = replace(message, incarnation=gateway.life.incarnation)
            right(gateway, message)

        return receive

    return ((Gateway, "receive", make),)


def _closed_says_it_once() -> tuple[Swap, ...]:
    return ((PositionGroup, "_tell_pool_again", nothing),)


def _deciders_survive_the_journal() -> tuple[Swap, ...]:
    def make(_right: Right) -> Right:
        return lambda supervisor, part: [name for name in part.names if supervisor._system.incarnation(name)]

    return ((Supervisor, "_who_goes_down", make),)


def _pending_is_forgotten() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        return lambda group, context: replace(right(group, context), effects=())

    return ((position, "resume", make),)


def _failed_is_taken_as_undone() -> tuple[Swap, ...]:
    """A commit that reports an error is taken for one that certainly had no effect: Pool begins its draft anew."""

    def make(right: Right) -> Right:
        def commit(journal: Journal, run: Sequence[m.Commit]) -> None:
            known = journal._fenced.copy()
            right(journal, run)
            for each in run if journal._view.in_doubt else ():
                pool = next((who.name for who in each.participants if who.name.startswith("pool/")), None)
                if pool is not None and journal._fenced.get(each.author.name) != known.get(each.author.name):
                    undone = Refused(reason=Reason.GROUP_CLOSING, detail="the store failed")
                    journal.life.tell(pool, m.DraftRefused(draft_id=each.draft_id, refused=undone))

        return commit

    return ((Journal, "_commit", make),)


def _view_is_not_renewed() -> tuple[Swap, ...]:
    return ((Journal, "_renew_view", nothing),)


def _slots_are_counted() -> tuple[Swap, ...]:
    """A slot is released without saying which: a repeated release takes somebody else's."""

    def make(right: Right) -> Right:
        def remove(books: PoolBooks, told: m.GroupChanged) -> None:
            is_repeated = told.group_id not in books.groups
            right(books, told)
            if is_repeated and books.slots:
                books.free(next(iter(books.slots)))

        return remove

    return ((PoolBooks, "remove", make),)


def _broken_is_released() -> tuple[Swap, ...]:
    """A commit whose constraint broke lets its effects out like any other. Pool's memory of what was answered, which
    keeps nearly every such commit from being made, is off as well.
    """

    def make(right: Right) -> Right:
        def release(journal: Journal, batch: Sequence[m.Commit], applied: Sequence[Applied]) -> None:
            right(journal, batch, [replace(result, broken=None) for result in applied])

        return release

    return ((Journal, "_release", make), (PoolBooks, "first_answer", lambda _right: lambda *_args: None))


def _replies_before_the_view() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        def release(journal: Journal, batch: Sequence[m.Commit], applied: Sequence[Applied]) -> None:
            view, late = journal._view, []

            class Late:
                def swap(self, commits: Any, events: Any) -> None:
                    late.append((commits, events))

                def __getattr__(self, name: str) -> Any:
                    return getattr(view, name)

            waiting = getattr(journal, "_late_swaps", [])
            for commits, events in waiting:
                view.swap(commits, events)
            journal._view = Late()
            try:
                right(journal, batch, applied)
            finally:
                journal._view = view
            journal.__dict__["_late_swaps"] = late

        return release

    return ((Journal, "_release", make),)


def _newcomers_pass() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        return lambda signal, **known: right(signal, **{**known, "waiting_side": None, "waiting_reason": None})

    return ((actors.pool, "route", make),)


def _no_offer_after_load() -> tuple[Swap, ...]:
    """Neither a load, nor what accounts and instruments tell behind it, nor the time of day makes Pool look for
    somebody who could go.
    """

    def only_told(pool: Pool, message: m.AccountChanged) -> None:
        pool._books.accounts[message.account] = message

    return (
        (Pool, "_tick", nothing),
        (Pool, "_account_changed", lambda _right: only_told),
        (Pool, "_instruments_changed", nothing),
    )


def _not_live_is_not_told() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        def undeliverable(supervisor: Supervisor, message: m.Undeliverable) -> None:
            if not isinstance(getattr(message.message, "draft", None), m.Draft):
                right(supervisor, message)

        return undeliverable

    return ((Supervisor, "_undeliverable", make), (Pool, "_reloaded", nothing))


def _never_may_stop() -> tuple[Swap, ...]:
    """Pool hears that a group is closed and does not tell it that it may stop."""

    def make(right: Right) -> Right:
        def put_in_books(pool: Pool, told: m.GroupChanged) -> None:
            if told.closed:
                pool._books.remove(told)
            else:
                right(pool, told)

        return put_in_books

    return ((Pool, "_put_in_books", make),)


def _trades_are_not_told_apart() -> tuple[Swap, ...]:
    """A trade that is reported again counts again in the books."""

    def make(right: Right) -> Right:
        seen: set[str] = set()

        def count(desk: Any, order: Order, trades: Any) -> Any:
            for trade in trades:
                name = f"{order.client_order_id}/{trade.trade_id}"
                if name in seen and any(known.trade_id == trade.trade_id for known in order.trades):
                    position_books.count_trade(desk, order, trade)
                seen.add(name)
            return right(desk, order, trades)

        return count

    return ((position_reports, "_count", make),)


def _gateway_is_silent() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        def started(supervisor: Supervisor, message: m.GatewayStarted) -> None:
            """Nobody hears that a new one is there."""

        return started

    return ((Supervisor, "_gateway_started", make),)


def _sent_again_when_asked_again() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        def submit(desk: OrderDesk, orders: Any) -> None:
            for order in orders:
                hand = desk._hands.get(order.client_order_id)
                if hand is not None and hand.stage is not Stage.QUEUED:
                    desk._queue.submit(hand)
                else:
                    right(desk, (order,))

        return submit

    def resolve(desk: OrderDesk, orders: Any) -> None:
        """What an earlier life had in hand is sent, instead of asked for."""
        desk.submit(orders)

    return ((OrderDesk, "submit", make), (OrderDesk, "resolve", lambda _right: resolve))


def _not_found_is_final() -> tuple[Swap, ...]:
    def not_found(desk: OrderDesk, hand: Any, _asked_ms: int) -> None:
        desk._reject(hand, Reason.NEVER_ACCEPTED, "the exchange never got it")

    return ((OrderDesk, "_not_found", lambda _right: not_found),)


def _steps_have_new_names() -> tuple[Swap, ...]:
    """A step of a plan that is asked for again has another id, so the group takes it for a new one."""

    def make(right: Right) -> Right:
        count = 0

        def question(risk: Risk, ask: Any) -> rm.CutGroup | rm.StopCut:
            nonlocal count
            count += 1
            asked = right(risk, ask)
            return replace(asked, cut_id=f"{asked.cut_id}.{count}") if isinstance(asked, rm.CutGroup) else asked

        return question

    return ((Risk, "_question", make),)


def _steps_are_asked_once() -> tuple[Swap, ...]:
    return ((Risk, "_watch", nothing),)


def _late_fills_are_dropped() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        return lambda desk, order, trades: right(desk, order, () if desk.state is GroupState.CLOSED else trades)

    return ((position_reports, "_count", make),)


def _drafts_hold_no_slot() -> tuple[Swap, ...]:
    """Whether there is room is judged by what is committed alone."""
    return (
        (
            PoolBooks,
            "taken",
            lambda _right: lambda books, asking=None: len(books.groups),
        ),
    )


def _claim_alone() -> tuple[Swap, ...]:
    """The unique index holds nothing: a copy that Pool has forgotten is a new signal."""

    def make(right: Right) -> Right:
        def claim(signal: Signal) -> ClaimIdempotency:
            made: ClaimIdempotency = right(signal)
            return replace(made, idempotency_key=f"{made.idempotency_key}/{signal.signal_id}")

        return claim

    return (
        *((module, "claim", make) for module in (actors.pool, actors.position, actors.queue)),
        (PoolBooks, "first_answer", lambda _right: lambda *_args: None),
    )


_SLOTS = (Promise.POOL_LIMIT, Promise.ONE_GROUP_PER_KEY, Promise.SETTLES)
_SIGNALS = (Promise.ONE_OUTCOME, Promise.ONE_GROUP_PER_KEY, Promise.SETTLES, Promise.QUEUE_RANKED)

BUGS = (
    Bug(
        name="no_incarnations",
        rule="1",
        words="a commit is taken though its author or a participant was reloaded since",
        expects=(*_SLOTS, *_SIGNALS, *TRADES, Promise.NO_CRASH),
        swaps=_no_incarnations,
    ),
    Bug(
        name="no_tombstones",
        rule="2",
        words="a draft that was settled as lost may still be committed",
        expects=(*_SLOTS, *_SIGNALS, Promise.LOST_STAYS_LOST, Promise.NO_CRASH),
        net="a draft begun anew meets the unique index, and a group that opened all the same tells Pool",
        swaps=_no_tombstones,
    ),
    Bug(
        name="drafts_not_settled",
        rule="2",
        words="nobody asks what became of the drafts of a group that was reloaded",
        expects=(*_SIGNALS, *_SLOTS),
        swaps=_drafts_not_settled,
    ),
    Bug(
        name="no_lanes",
        rule="3",
        words="several drafts of one key at a time",
        expects=(*_SIGNALS, *_SLOTS, Promise.NO_CRASH, Promise.PROTECTED),
        swaps=_no_lanes,
    ),
    Bug(
        name="copies_are_new",
        rule="3, SIG-7",
        words="a copy of an alert is another alert",
        expects=(Promise.ONE_OUTCOME,),
        swaps=_copies_are_new,
    ),
    Bug(
        name="claims_nothing",
        rule="3, SIG-7",
        words="neither Pool's memory nor the unique index knows an alert that was answered",
        expects=(Promise.ONE_OUTCOME,),
        swaps=_claim_alone,
    ),
    Bug(
        name="no_fence",
        rule="4",
        words="an author whose commit was not taken goes on",
        expects=(*TRADES, *_SIGNALS, *STUCK, Promise.POOL_LIMIT),
        swaps=_no_fence,
    ),
    Bug(
        name="load_overtakes",
        rule="5",
        words="state is loaded past the Journal's mailbox, before the commits that were told earlier",
        expects=(*_SLOTS, *_SIGNALS, *TRADES, *STUCK),
        swaps=_load_overtakes,
    ),
    Bug(
        name="unit_in_parts",
        rule="6",
        words="Pool and Queue are restarted one without the other",
        expects=(*STUCK, *_SIGNALS, Promise.POOL_LIMIT),
        swaps=_unit_in_parts,
    ),
    Bug(
        name="answers_of_earlier_lives",
        rule="7",
        words="a gateway takes answers that were meant for the one before it",
        expects=(*TRADES, *STUCK),
        swaps=_answers_of_earlier_lives,
    ),
    Bug(
        name="closed_says_it_once",
        rule="8",
        words="a closed group does not repeat that it is",
        expects=(*STUCK, Promise.POOL_LIMIT, Promise.MEMORY_BOUNDED),
        swaps=_closed_says_it_once,
    ),
    Bug(
        name="deciders_survive_the_journal",
        rule="8",
        words="the Journal's death leaves everybody who decides as they were",
        expects=(*_SLOTS, *_SIGNALS, *TRADES, *STUCK),
        swaps=_deciders_survive_the_journal,
    ),
    Bug(
        name="pending_is_forgotten",
        rule="8, 15",
        words="a loaded group does not ask for the fate of its orders",
        expects=(*STUCK, *TRADES),
        swaps=_pending_is_forgotten,
    ),
    Bug(
        name="failed_is_done_again",
        rule="9",
        words="a commit that reported an error is taken for undone, and its draft begun anew",
        expects=(*_SIGNALS, *TRADES, *STUCK, Promise.AUDIT_CHAIN),
        net="the unique index refuses the second of a draft, and the group that was loaded tells Pool",
        swaps=_failed_is_taken_as_undone,
    ),
    Bug(
        name="view_is_not_renewed",
        rule="9",
        words="the View is not read anew after a batch of unknown outcome",
        expects=(*STUCK, *_SLOTS, Promise.ONE_OUTCOME, Promise.QUEUE_RANKED),
        swaps=_view_is_not_renewed,
    ),
    Bug(
        name="slots_are_counted",
        rule="10",
        words="slots are a number: releasing one twice gives two away",
        expects=(Promise.POOL_LIMIT, Promise.SETTLES, Promise.NO_CRASH),
        swaps=_slots_are_counted,
    ),
    Bug(
        name="broken_is_released",
        rule="11",
        words="a commit that was refused lets its effects out; Pool forgets what it has answered",
        expects=(*_SIGNALS, *TRADES, *STUCK, Promise.POOL_LIMIT),
        swaps=_broken_is_released,
    ),
    Bug(
        name="replies_before_the_view",
        rule="12",
        words="replies and effects leave before the View shows what they tell",
        expects=(*_SIGNALS, *STUCK),
        swaps=_replies_before_the_view,
    ),
    Bug(
        name="newcomers_pass",
        rule="13",
        words="a newcomer passes the signal of its own key that waits",
        expects=(*_SIGNALS, Promise.NO_CRASH),
        swaps=_newcomers_pass,
    ),
    Bug(
        name="no_offer_after_load",
        rule="13",
        words="Pool does not offer its free slots after a load, nor when an account is back",
        expects=STUCK,
        net="whatever a group, a signal or the store tells makes Pool look, too",
        swaps=_no_offer_after_load,
    ),
    Bug(
        name="not_live_is_not_told",
        rule="14",
        words="who told a group that is gone hears nothing, nor that it was reloaded",
        expects=(*_SIGNALS, Promise.POOL_LIMIT),
        swaps=_not_live_is_not_told,
    ),
    Bug(
        name="never_may_stop",
        rule="14",
        words="a closed group is never told that it may stop",
        expects=(*STUCK, Promise.MEMORY_BOUNDED),
        swaps=_never_may_stop,
    ),
    Bug(
        name="trades_are_not_told_apart",
        rule="15, ORD-5",
        words="a trade that is reported again counts again",
        expects=(*TRADES, *STUCK),
        swaps=_trades_are_not_told_apart,
    ),
    Bug(
        name="gateway_is_silent",
        rule="16",
        words="nobody hears that a new gateway is there",
        expects=(*STUCK, *TRADES),
        swaps=_gateway_is_silent,
    ),
    Bug(
        name="sent_again_when_asked_again",
        rule="16",
        words="an order that is asked for again is sent again",
        expects=(*TRADES, *STUCK),
        swaps=_sent_again_when_asked_again,
    ),
    Bug(
        name="not_found_is_final",
        rule="17, ORD-3",
        words="an order that is not found once counts as never accepted",
        expects=(*TRADES, *STUCK),
        swaps=_not_found_is_final,
    ),
    Bug(
        name="steps_have_new_names",
        rule="18, RISK-7",
        words="a step of an offset that is asked for again has a new id",
        expects=(*TRADES, *STUCK),
        swaps=_steps_have_new_names,
    ),
    Bug(
        name="steps_are_asked_once",
        rule="18, RISK-7",
        words="a step of an offset is asked for once",
        expects=STUCK,
        swaps=_steps_are_asked_once,
    ),
    Bug(
        name="late_fills_are_dropped",
        rule="19",
        words="a fill that comes when the group has closed is dropped",
        expects=(*TRADES, *STUCK),
        swaps=_late_fills_are_dropped,
    ),
    Bug(
        name="drafts_hold_no_slot",
        rule="20, POOL-2",
        words="whether there is room is judged by the committed groups alone",
        expects=(Promise.POOL_LIMIT,),
        swaps=_drafts_hold_no_slot,
    ),
)
