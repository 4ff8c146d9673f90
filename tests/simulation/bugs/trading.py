"""Bugs of trading programs, one at a time: sent twice, sold too much, counted wrongly, forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import actors.position
from actors import messages as m
from actors.gateway import Gateway
from actors.gateway_hand import Stage
from actors.gateway_orders import OrderDesk
from actors.journal import Journal
from actors.pool import Pool
from actors.pool_work import Work
from actors.position import PositionGroup
from actors.queue import Queue
from actors.rules import events, position_close, position_reports, position_settle, profit, takeprofit
from actors.rules.model import Order, OrderState, Outcome, Queued, Reason, Role
from actors.rules.money import ZERO, floor_to
from actors.rules.position_desk import Desk
from actors.rules.records import SetOutcome
from tests.simulation.bugs.bug import STUCK, TRADES, Bug, Swap, nothing
from tests.simulation.promise import Promise

Right = Any


def _resend_on_timeout() -> tuple[Swap, ...]:
    def answer_lost(desk: OrderDesk, hand: Any, turn: int) -> None:
        if hand.turn == turn and hand.stage is Stage.SENT:
            desk._queue.sent.discard(hand.client_order_id)
            desk._queue.submit(hand)

    return ((OrderDesk, "_answer_lost", lambda _right: answer_lost),)


def _unknown_is_sent_again() -> tuple[Swap, ...]:
    """Unknown is taken for a failure without effect."""

    def doubt_and_look(desk: OrderDesk, hand: Any) -> None:
        if hand.stage is Stage.SENT and not hand.is_acknowledged:
            desk._queue.sent.discard(hand.client_order_id)
            desk._queue.submit(hand)
        else:
            desk._doubt(hand)
            desk._look(hand)

    return ((OrderDesk, "_doubt_and_look", lambda _right: doubt_and_look),)


def _drop_a_fill() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        def count(desk: Desk, order: Order, trades: Any) -> Any:
            return right(desk, order, tuple(trade for trade in trades if int(trade.trade_id) % 11))

        return count

    return ((position_reports, "_count", make),)


def _planned_for_filled() -> tuple[Swap, ...]:
    """Targets sell what a leg was to buy, whatever it has bought, and nothing looks at what is held."""

    def make(right: Right) -> Right:
        def targets(holding: Any, fees: Any) -> Any:
            planned = {(leg.pyramid, leg.index): leg.quantity for leg in holding.legs()}
            found = right(holding, fees)
            return [
                replace(each, quantity=planned.get((each.pyramid, each.leg), each.quantity) or each.quantity)
                for each in found
            ]

        return targets

    def free(desk: Desk) -> Decimal:
        planned = sum((leg.quantity or ZERO for leg in desk.legs()), ZERO)
        return max(ZERO, floor_to(planned - desk.bound(), desk.instrument.step_size))

    return (
        (takeprofit, "targets", make),
        (Desk, "free", lambda _right: free),
        (position_settle, "_cut_excess", nothing),
    )


def _sells_beside_targets() -> tuple[Swap, ...]:
    """A close does not wait for the targets in its way."""

    def free(desk: Desk) -> Decimal:
        closing = sum((order.remaining for shelf in desk.closes.values() for order in shelf.values()), ZERO)
        return max(ZERO, floor_to(desk.held() - closing, desk.instrument.step_size))

    return (
        (Desk, "free", lambda _right: free),
        (Desk, "free_beside_stops", lambda _right: free),
        (position_settle, "_cut_excess", nothing),
    )


def _closed_with_open_entries() -> tuple[Swap, ...]:
    """A group counts as closed when it holds nothing, whatever still rests."""

    def make(right: Right) -> Right:
        def close(desk: Desk) -> None:
            if not desk.held():
                position_close.finish(desk)
            else:
                right(desk)

        return close

    return ((position_settle, "_close", make),)


def _release_before_commit() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        def commit(journal: Journal, run: Sequence[m.Commit]) -> None:
            for each in run:
                for send in each.then:
                    journal.life.tell(send.to, send.message)
            right(journal, [replace(each, then=()) for each in run])

        return commit

    return ((Journal, "_commit", make),)


def _acknowledged_at_once() -> tuple[Swap, ...]:
    """The sender is told "opened" when the draft leaves, not when it is durable."""

    def make(right: Right) -> Right:
        def draft(pool: Pool, work: Work, signal: Any) -> m.Draft:
            made: m.Draft = right(pool, work, signal)
            if work.reply_to is not None and work.signal is not None and work.group_id:
                answer = m.Answer(
                    signal_id=work.signal.signal_id, outcome=Outcome.OPENED, reason=Reason.OK, group_id=work.group_id
                )
                pool.life.tell(work.reply_to, answer)
            return made

        return draft

    return ((Pool, "_draft", make),)


def _skip_reconciliation() -> tuple[Swap, ...]:
    """Neither sweeps nor comparisons: what the streams missed is never asked for."""
    return ((Gateway, "_sweep", nothing), (Gateway, "_compare", nothing))


def _lists_are_believed() -> tuple[Swap, ...]:
    """What an open orders list does not show has been cancelled."""

    def make(right: Right) -> Right:
        def look(desk: OrderDesk, hand: Any) -> None:
            if hand.stage is Stage.OPEN:
                desk._settle(hand, OrderState.CANCELLED, None, "not in the list")
            else:
                right(desk, hand)

        return look

    return ((OrderDesk, "_look", make),)


def _asked_is_cancelled() -> tuple[Swap, ...]:
    """An order counts as cancelled when that was asked for."""

    def make(right: Right) -> Right:
        def cancel(desk: OrderDesk, orders: Any) -> None:
            orders = tuple(orders)
            right(desk, orders)
            for order in orders:
                hand = desk._hands.get(order.client_order_id)
                if hand is not None and hand.stage is Stage.OPEN:
                    desk._settle(hand, OrderState.CANCELLED, None, "cancelled")

        return cancel

    return ((OrderDesk, "cancel", make),)


def _replaced_without_outcome() -> tuple[Swap, ...]:
    """A queued signal that another one replaces is never told of again."""

    def make(right: Right) -> Right:
        def commit(queue: Queue, rows: Any, draft: Any = None, then: Any = ()) -> None:
            kept = tuple(row for row in rows if not (isinstance(row, SetOutcome) and row.outcome is Outcome.SUPERSEDED))
            right(queue, kept, draft, then)

        return commit

    return ((Queue, "_commit", make),)


def _last_comes_first() -> tuple[Swap, ...]:
    """The queue serves whoever came last."""

    def best(queue: Queue, offer: m.Offer) -> Queued | None:
        if offer.free_slots <= 0:
            return None
        out = offer.blocked | queue._held.keys() | queue._of_accounts(offer.blocked_accounts)
        waiting = [queued for queued in queue._entries if queued.key not in out]
        return max(waiting, key=lambda queued: queued.first_queue_time_ms, default=None)

    return ((Queue, "_best", lambda _right: best),)


def _one_target_missing() -> tuple[Swap, ...]:
    """The last leg that filled gets no target."""

    def make(right: Right) -> Right:
        def targets(holding: Any, fees: Any) -> Any:
            found = right(holding, fees)
            return found[:-1] if len(found) > 1 else found

        return targets

    return ((takeprofit, "targets", make),)


def _no_targets() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        def place(desk: Desk, role: Role, *args: Any, **named: Any) -> None:
            if role is not Role.TAKE_PROFIT:
                right(desk, role, *args, **named)

        return place

    return ((Desk, "place", make),)


def _fees_forgotten() -> tuple[Swap, ...]:
    def make(right: Right) -> Right:
        return lambda trade, instrument: ZERO if int(trade.trade_id) % 2 else right(trade, instrument)

    return ((profit, "fee_in_quote", make),)


def _cost_of_planned_price() -> tuple[Swap, ...]:
    """Proceeds are booked at the order's price, not at the price of its executions."""

    def make(right: Right) -> Right:
        def count_trade(desk: Desk, order: Order, trade: Any) -> None:
            right(desk, order, trade if order.price is None else replace(trade, price=order.price + 1))

        return count_trade

    return ((position_reports, "count_trade", make),)


def _slot_leaks() -> tuple[Swap, ...]:
    """A draft that is given up keeps its slot."""

    def make(right: Right) -> Right:
        def give_back(pool: Pool, work: Work) -> None:
            work.slot_token = ""
            right(pool, work)

        return give_back

    return ((Pool, "_give_back", make),)


def _wakes_are_forgotten() -> tuple[Swap, ...]:
    """A group that asked to be woken is not."""

    def make(right: Right) -> Right:
        def carry(group: PositionGroup, decision: events.Decision, **named: Any) -> None:
            effects = tuple(effect for effect in decision.effects if not isinstance(effect, events.WakeAt))
            right(group, replace(decision, effects=effects), **named)

        return carry

    return ((PositionGroup, "_carry", make),)


def _closes_take_what_was_planned() -> tuple[Swap, ...]:
    """A close sells a little more than is held: the fee in the coin is forgotten."""

    def make(right: Right) -> Right:
        return lambda desk: right(desk) * Decimal("1.002")

    return ((Desk, "held", make),)


def _exit_leaves_entries() -> tuple[Swap, ...]:
    """An exit sells, and the entries stay."""

    def make(right: Right) -> Right:
        def cancel(desk: Desk, order: Order) -> None:
            if order.role is not Role.ENTRY:
                right(desk, order)

        return cancel

    return ((Desk, "cancel", make),)


def _exits_are_ignored() -> tuple[Swap, ...]:
    """Every third exit is answered and not carried out."""

    def make(right: Right) -> Right:
        count = 0

        def exit_group(group: PositionGroup, state: Any, message: m.ExitGroup) -> None:
            nonlocal count
            count += 1
            if count % 3 == 0:
                stays = events.Decision(group=state)
                group._carry_draft(stays, message.draft, message.signal, Outcome.EXITED, message.leaving)
            else:
                right(group, state, message)

        return exit_group

    return ((PositionGroup, "_exit", make),)


def _queue_row_stays() -> tuple[Swap, ...]:
    """A promoted signal stays in the queue's table."""

    def make(right: Right) -> Right:
        return lambda **named: replace(right(**named), signal_id=named["signal_id"] + "?")

    return ((actors.position, "DeleteQueued", make),)


BUGS = (
    Bug(
        name="resend_on_timeout",
        rule="ORD-3",
        words="an order whose answer is lost is sent again",
        expects=(*TRADES, *STUCK),
        swaps=_resend_on_timeout,
    ),
    Bug(
        name="unknown_is_sent_again",
        rule="ORD-3",
        words="an order of unknown fate is sent again",
        expects=(*TRADES, *STUCK),
        swaps=_unknown_is_sent_again,
    ),
    Bug(
        name="drop_a_fill",
        rule="ORD-5",
        words="one trade in eleven is not counted",
        expects=(*TRADES, *STUCK),
        swaps=_drop_a_fill,
    ),
    Bug(
        name="planned_for_filled",
        rule="TP-7, ORD-6",
        words="targets sell what was planned instead of what has filled",
        expects=(*TRADES, *STUCK),
        swaps=_planned_for_filled,
    ),
    Bug(
        name="sells_beside_targets",
        rule="TP-7, EXIT-1",
        words="a close does not wait until the targets in its way are gone",
        expects=(*TRADES, *STUCK),
        swaps=_sells_beside_targets,
    ),
    Bug(
        name="closed_with_open_entries",
        rule="EXIT-1",
        words="a group is closed while its entries still rest",
        expects=(*TRADES, *STUCK),
        swaps=_closed_with_open_entries,
    ),
    Bug(
        name="release_before_commit",
        rule="ORD-2, SIG-9",
        words="orders and replies leave before the commit is durable",
        expects=(*TRADES, Promise.ONE_OUTCOME, Promise.POOL_LIMIT, Promise.ONE_GROUP_PER_KEY, *STUCK),
        swaps=_release_before_commit,
    ),
    Bug(
        name="acknowledged_at_once",
        rule="SIG-9",
        words="a signal is acknowledged before it is durable",
        expects=(Promise.ONE_OUTCOME, Promise.NO_CRASH),
        swaps=_acknowledged_at_once,
    ),
    Bug(
        name="skip_reconciliation",
        rule="ORD-5, ORD-7",
        words="what the streams missed is never asked for",
        expects=(*STUCK, Promise.FILLS_AGREE),
        swaps=_skip_reconciliation,
    ),
    Bug(
        name="lists_are_believed",
        rule="ORD-3",
        words="an open order that a list does not show counts as cancelled",
        expects=(*TRADES, *STUCK),
        swaps=_lists_are_believed,
    ),
    Bug(
        name="asked_is_cancelled",
        rule="ORD-8",
        words="an order counts as cancelled once that was asked for",
        expects=(*TRADES, *STUCK),
        swaps=_asked_is_cancelled,
    ),
    Bug(
        name="replaced_without_outcome",
        rule="SIG-10, QUE-4",
        words="a queued signal that is replaced gets no final outcome",
        expects=(Promise.ONE_OUTCOME, Promise.SETTLES),
        swaps=_replaced_without_outcome,
    ),
    Bug(
        name="last_comes_first",
        rule="QUE-2",
        words="the queue serves whoever came last",
        expects=(Promise.QUEUE_RANKED,),
        swaps=_last_comes_first,
    ),
    Bug(
        name="one_target_missing",
        rule="TP-2",
        words="of several targets the last is not placed",
        expects=(Promise.PROTECTED, Promise.SETTLES),
        swaps=_one_target_missing,
    ),
    Bug(
        name="no_targets",
        rule="TP-1",
        words="no target is placed",
        expects=(Promise.PROTECTED, Promise.SETTLES),
        swaps=_no_targets,
    ),
    Bug(
        name="fees_forgotten",
        rule="PNL-1",
        words="half of the fees are not booked",
        expects=(Promise.MONEY,),
        swaps=_fees_forgotten,
    ),
    Bug(
        name="cost_of_planned_price",
        rule="PNL-1",
        words="executions are booked at the price that was asked",
        expects=(Promise.MONEY, Promise.FILLS_AGREE),
        swaps=_cost_of_planned_price,
    ),
    Bug(
        name="slot_leaks",
        rule="POOL-2",
        words="a draft that came to nothing keeps its slot",
        expects=(Promise.SETTLES, Promise.POOL_LIMIT),
        swaps=_slot_leaks,
    ),
    Bug(
        name="wakes_are_forgotten",
        rule="EXIT-5, DCA-5",
        words="a group that wants to be woken is not",
        expects=STUCK,
        swaps=_wakes_are_forgotten,
    ),
    Bug(
        name="sells_the_fee_too",
        rule="PRC-5, TP-7",
        words="what a fee took of the coin counts as held",
        expects=(*TRADES, *STUCK),
        swaps=_closes_take_what_was_planned,
    ),
    Bug(
        name="exit_leaves_entries",
        rule="EXIT-1",
        words="an exit leaves the entries where they are",
        expects=(*TRADES, *STUCK),
        swaps=_exit_leaves_entries,
    ),
    Bug(
        name="exits_are_ignored",
        rule="EXIT-1",
        words="every third exit is answered and not carried out",
        expects=(Promise.ONE_OUTCOME, Promise.SETTLES, Promise.PROTECTED),
        swaps=_exits_are_ignored,
    ),
    Bug(
        name="queue_row_stays",
        rule="QUE-3",
        words="a promoted signal stays in the queue's table",
        expects=(Promise.QUEUE_RANKED, Promise.ONE_OUTCOME, Promise.SETTLES, Promise.NO_CRASH),
        swaps=_queue_row_stays,
    ),
)
