"""The order requests a Gateway has in hand, from the group's wish to the exchange's certain answer.

Invariants:

1. A client order id is sent at most once per life (rule 16), but for repeats of a request that is known to have had
   no effect (ORD-4).
2. An unknown fate is looked up until certain. "Not found" counts only if asked later than the order, and this life,
   plus the exchange's acceptance window (rule 17, ORD-3).
3. What is sent next is the most urgent: closes, cancels, targets, entries. Nothing leaves before the request budget
   has room for it (REC-4), nor while the circuit is open (REC-3); what waits for that can still be taken back.
4. A group hears every change, and an answer to everything it asked (rule 15).
5. A cancel is pursued until the order is known to be final (ORD-8).
6. While an amend is under way nothing is said of price and quantity: what streams and lists show may be older than it.
   Its end is told: as wanted, refused, or uncertain, and then with what the exchange shows (ORD-9).
7. That a target rests otherwise than its group knows is told only once a later question has shown it: a stream, or a
   list, may be older than the last amend.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from actors.due import Due
from actors.gateway_hand import (
    CancelStage,
    Hand,
    Stage,
    has_more,
    is_done,
    is_same_wish,
    is_strange,
    leaves_open,
    merged,
    reshaped,
)
from actors.gateway_sending import Kind, SendQueue, work_of
from actors.messages import Answered, Fate, LookedUp, OpenOrdersFetched, OrdersReported
from actors.ports import Exchange
from actors.rules.model import Order, OrderReport, OrderState, Reason, Role
from actors.rules.naming import is_ours, parse_client_order_id
from actors.rules.rates import Ask, Work
from actors.rules.settings import ExecutionSettings
from actors.steady import Steady

MAX_LOOK_UPS = 32
"""Look-ups that may be under way at once: beside `MAX_IN_FLIGHT` orders, still a handful of connections."""
MAX_REMEMBERED = 50_000
"""Final orders kept, so that an id is not sent twice and a late question has its answer."""
ANSWER_TIMEOUT_MS = 19_000
"""An answer that takes longer, counted from when the request left, is taken for lost. Longer than an adapter waits."""
ABSENT_MS = 10_000
"""For so long the exchange must say again and again that it knows no order that it had acknowledged: one such answer
may come from a part of it that lags behind."""
MAX_HELD = 1_000
"""Entries that wait for their instrument, beyond which those taken back meanwhile are forgotten."""
REFUSED_CANCELS = 3
"""Refused cancels of one order from which on it is said so; before that its end may just not be known yet."""
MAX_BACK_OFF_MS = 30_000
FRESH_MS = 500
"""An order last heard of this shortly before a list was asked for may be missing from it without meaning anything: the
two crossed. Shorter than any pause between sweeps, so that what filled after one is looked up at the next (ORD-5)."""

STRANGE_MS = 300
"""A target that is shown otherwise than its group knows it is asked for after this: what was on its way has come."""

PRECISION_REASONS = frozenset(
    {
        Reason.BAD_PRICE,
        Reason.BAD_QUANTITY,
        Reason.BELOW_MIN_QUANTITY,
        Reason.ABOVE_MAX_QUANTITY,
        Reason.BELOW_MIN_NOTIONAL,
        Reason.OUTSIDE_PRICE_BAND,
        Reason.TOO_MANY_OPEN_ORDERS,
    }
)
"""Refusals that a newer catalogue may explain (PRC-1, PRC-7)."""


@dataclass(slots=True, kw_only=True)
class Desk:
    """What the order desk needs of the gateway around it."""

    exchange: Exchange
    due: Due
    now_ms: Callable[[], int]
    """By the clock: for wake-ups, the budget and what others read."""
    steady: Steady
    """For what must really have lasted so long (rule 17)."""
    fraction: Callable[[], float]
    """In [0, 1), for jitter."""
    execution: ExecutionSettings
    unknown_after_ms: int
    installation: str = ""
    """Empty: every order named in Terrace's way is ours."""
    lets_through: Callable[[], bool] = lambda: True
    """Whether anything may leave at all (REC-3)."""
    judge: Callable[[bool], None] = lambda _is_well: None
    """Told of every request whether the exchange answered it, be it by a refusal."""


class OrderDesk:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._start_ms = desk.steady.now_ms()
        self.is_trading = False
        """False: only cancels and look-ups leave, orders wait (ORD-7)."""
        self._hands: dict[str, Hand] = {}
        self._open: dict[str, Hand] = {}
        self._done: OrderedDict[str, None] = OrderedDict()
        self._queue = SendQueue()
        self._looks = 0
        self._to_look: tuple[dict[str, None], dict[str, None]] = ({}, {})
        """Exits first: nothing else can be sold again before their fate is known."""
        self._go_on_ms: int | None = None
        """When the budget has room again for what is held."""
        self._looking: dict[str, int] = {}
        """Look-ups under way, each with its own number."""
        self._held_symbols: frozenset[str] = frozenset()
        self._held: list[Hand] = []
        """Entries that wait because the store and the exchange differ about their instrument."""
        self._has_list = False
        """Whether the open orders were listed once in this life."""
        self._reports: dict[str, dict[str, OrderReport]] = {}
        self.overdue: set[str] = set()
        """Orders whose fate has been unknown for too long."""
        self.refused_cancels: dict[str, str] = {}
        """Open orders whose cancel the exchange keeps refusing, and its words: nothing that waits for it goes on."""
        self.strange: set[str] = set()
        """Targets that were shown otherwise than their groups know them, and will be asked for."""
        self.precision_refusals: list[tuple[Order, Reason, str]] = []
        """Refused for precision since somebody last cleared this (PRC-7)."""

    def __len__(self) -> int:
        """Orders that are not final."""
        return len(self._hands) - len(self._done)

    @property
    def waiting(self) -> int:
        """Requests that have not left yet."""
        return self._queue.waiting

    def symbols(self) -> frozenset[str]:
        """Symbols of orders that are not final."""
        return frozenset(
            hand.order.symbol for hand in self._hands.values() if hand.order and hand.stage is not Stage.DONE
        )

    # --- what groups want -------------------------------------------------------------------------

    def submit(self, orders: Iterable[Order]) -> None:
        for order in orders:
            hand = self._hands.get(order.client_order_id)
            if hand is not None:  # Rule 16: once is enough. Its fate is what the group wants to know.
                hand.order = hand.order or order
                self._answer_about(hand)
                continue
            hand = self._take(order, Stage.QUEUED)
            hand.asked_ms = self.desk.steady.now_ms()
            if self._queue.is_full and order.role is Role.ENTRY:
                self._reject(hand, Reason.OVERLOADED, "too many orders wait to be sent")
            else:
                self._queue.submit(hand)

    def cancel(self, orders: Iterable[Order]) -> None:
        for order in orders:
            hand = self._hands.get(order.client_order_id)
            if hand is None:
                # Asked of an earlier life. To cancel is harmless whatever its fate, and saves a round trip.
                hand = self._take(order, Stage.LOOKING)
                hand.is_awaited = True
                self._doubt(hand)
                self._queue.cancel(hand)
            elif hand.stage in (Stage.QUEUED, Stage.WAITING):
                self._take_back(hand)
            elif hand.stage is Stage.DONE:
                self._answer_about(hand)
            elif hand.cancel is CancelStage.NONE:
                hand.order = order
                hand.cancel = CancelStage.WANTED
                if hand.amend is not CancelStage.SENT:
                    self._drop_amend(hand)
                if hand.stage is Stage.OPEN:
                    self._queue.cancel(hand)

    def amend(self, orders: Iterable[Order]) -> None:
        """ORD-9. What has not left is changed here; an exchange that cannot amend is not asked."""
        for order in orders:
            hand = self._hands.get(order.client_order_id) or self._adopt(order)
            if hand.stage in (Stage.QUEUED, Stage.WAITING):
                self._amend_at_home(hand, order)
            elif hand.stage is Stage.DONE or hand.cancel is not CancelStage.NONE:
                self._answer_about(hand)
            elif not self.desk.exchange.can_amend:
                self._refuse_amend(hand, Reason.EXCHANGE_REFUSED, "cannot amend")
            else:
                hand.wanted = order
                if hand.amend is CancelStage.NONE:
                    hand.amend, hand.amend_tries = CancelStage.WANTED, 0
                    if hand.stage is Stage.OPEN:
                        self._queue.amend(hand)

    def _amend_at_home(self, hand: Hand, order: Order) -> None:
        """One that waited for the order to be open, which was not taken after all, has nothing left to ask for."""
        self._drop_amend(hand)
        hand.order = changed = reshaped(order)
        last = hand.last or self._blank(hand)
        self._report(hand, replace(last, price=changed.price, quantity=changed.quantity))

    def _refuse_amend(self, hand: Hand, reason: Reason, words: str) -> None:
        """The group hears at once, with whatever is known of the order; a question of its own stays open."""
        is_awaited = hand.is_awaited
        hand.fault = (reason, words)
        self._report(hand, hand.last or self._blank(hand))
        hand.is_awaited = is_awaited

    @staticmethod
    def _doubt_amend(hand: Hand, sent: Order, words: str, reason: Reason = Reason.OUTCOME_UNKNOWN) -> None:
        """To be told with the next report, unless that shows the order as wanted all the same."""
        hand.fault, hand.doubted = (reason, words), sent

    def _drop_amend(self, hand: Hand) -> None:
        if hand.amend is CancelStage.SENT:
            hand.shape_ms = self.desk.steady.now_ms()
        hand.amend, hand.wanted, hand.amend_sent = CancelStage.NONE, None, None

    def resolve(self, orders: Iterable[Order]) -> None:
        for order in orders:
            hand = self._hands.get(order.client_order_id)
            if hand is None:
                self._adopt(order)
                continue
            hand.order = hand.order or order
            if hand.stage is Stage.DONE and leaves_open(hand.last, order):
                self._ask_for_the_rest(hand)
            else:
                self._answer_about(hand)

    def retell(self, orders: Iterable[Order]) -> None:
        """Of orders that have ended for their group: executions it has not booked. Nothing is asked for."""
        for order in orders:
            hand = self._hands.get(order.client_order_id)
            if hand is not None and hand.last is not None and has_more(hand.last, order):
                self._report(hand, hand.last)

    def _ask_for_the_rest(self, hand: Hand) -> None:
        """Its end is known, but does not fit what its group has of it, which heard all there is. To say it again would
        have it ask again at once, for ever: so the exchange is asked, with growing pauses."""
        now_ms = self.desk.steady.now_ms()
        hand.is_awaited = True
        hand.rest_asks += 1
        if hand.rest_since_ms is None:
            hand.rest_since_ms = now_ms
        elif now_ms - hand.rest_since_ms >= self.desk.unknown_after_ms:
            self.overdue.add(hand.client_order_id)
        pause_ms = self._back_off_ms(hand.rest_asks)
        self._at(self.desk.now_ms() + pause_ms, self._look_for_the_rest, hand, hand.rest_asks)

    def _look_for_the_rest(self, hand: Hand, asks: int) -> None:
        if hand.rest_asks == asks and hand.is_awaited and hand.stage is Stage.DONE:
            self._look(hand)

    def _adopt(self, order: Order) -> Hand:
        """An order of an earlier life: its fate has to be found out."""
        hand = self._take(order, Stage.LOOKING)
        hand.is_awaited = True
        self._doubt(hand)
        if self._has_list:
            self._look(hand)
        return hand

    def _take(self, order: Order, stage: Stage) -> Hand:
        hand = Hand(client_order_id=order.client_order_id, group_id=order.group_id, order=order, stage=stage)
        hand.is_acknowledged = order.state is not OrderState.PENDING  # In an earlier life.
        self._hands[order.client_order_id] = hand
        return hand

    def _answer_about(self, hand: Hand) -> None:
        """Say what is certain now, or as soon as it is."""
        if hand.last is not None and hand.stage in (Stage.OPEN, Stage.DONE):
            self._report(hand, hand.last)
        else:
            hand.is_awaited = True

    def _take_back(self, hand: Hand) -> None:
        """It never left, or is known to have had no effect: nothing needs to be asked."""
        self._settle(hand, OrderState.CANCELLED, None, "taken back before it was sent")

    # --- differences (ORD-7) ----------------------------------------------------------------------

    def hold(self, symbols: frozenset[str]) -> None:
        """Entries of these instruments wait from here on; those of the others go again."""
        if symbols == self._held_symbols:
            return
        self._held_symbols = symbols
        held, self._held = self._held, []
        for hand in held:
            if hand.stage is Stage.QUEUED:
                self._queue.submit(hand)

    def assign(self, order: Order) -> None:
        """An order nobody asked for belongs to this group now."""
        hand = self._hands.get(order.client_order_id)
        if hand is not None:
            hand.order, hand.group_id = order, order.group_id
            self._answer_about(hand)

    def _is_held(self, hand: Hand) -> bool:
        return hand.order is not None and hand.order.role is Role.ENTRY and hand.order.symbol in self._held_symbols

    # --- sending ----------------------------------------------------------------------------------

    def pump(self) -> None:
        """Lets out what may leave now, in batches that keep the order of urgency."""
        if self.desk.lets_through():
            if self._queue.waiting:
                self._send_requests()
            self._send_look_ups()

    def _send_requests(self) -> None:
        now_ms = self.desk.now_ms()
        held: set[Kind] = set() if self.is_trading else {Kind.SUBMIT, Kind.AMEND}
        batch: list[Order] = []
        batched = Kind.SUBMIT
        while (found := self._queue.next(held)) is not None:
            hand, kind = found
            if kind is Kind.SUBMIT and self._is_held(hand):
                self._queue.take(kind)
                self._queue.sent.discard(hand.client_order_id)
                self._hold_back(hand)
                continue
            if kind is Kind.SUBMIT and self._is_stale(hand):
                self._reject(hand, Reason.STALE_ENTRY, "waited too long to be sent")
                continue
            wait_ms = self.desk.exchange.budget.take(kind.value, work_of(hand, kind), now_ms)
            if wait_ms:
                held.add(kind)
                self._go_on_after(wait_ms)
                continue
            self._queue.take(kind)
            if batch and kind is not batched:
                self._send(batch, batched)
                batch = []
            batched = kind
            order = hand.wanted if kind is Kind.AMEND else hand.order
            assert order is not None
            batch.append(order)
            self._note_sent(hand, kind)
        if batch:
            self._send(batch, batched)

    def _hold_back(self, hand: Hand) -> None:
        if len(self._held) >= MAX_HELD:
            self._held = [each for each in self._held if each.stage is Stage.QUEUED]
        self._held.append(hand)

    def _is_stale(self, hand: Hand) -> bool:
        """An entry that an outage has held up for so long is not wanted any more (ORD-7)."""
        limit_ms = self.desk.execution.stale_entry_after_s * 1000
        return hand.work is Work.ENTRY and self.desk.steady.now_ms() - hand.asked_ms > limit_ms

    def _go_on_after(self, wait_ms: int) -> None:
        """Wakes the gateway when the budget has room again; every message it gets pumps."""
        now_ms = self.desk.now_ms()
        if self._go_on_ms is None or not now_ms < self._go_on_ms <= now_ms + wait_ms:
            self._go_on_ms = now_ms + wait_ms
            self.desk.due.at(self._go_on_ms, lambda: None)

    def _note_sent(self, hand: Hand, kind: Kind) -> None:
        lost_ms, now_ms = self.desk.now_ms() + ANSWER_TIMEOUT_MS, self.desk.steady.now_ms()
        if kind is Kind.CANCEL:
            hand.cancel = CancelStage.SENT
            hand.cancel_tries += 1
            self._at(lost_ms, self._cancel_lost, hand, hand.cancel_tries)
        elif kind is Kind.AMEND:
            hand.amend, hand.amend_sent, hand.amend_ms = CancelStage.SENT, hand.wanted, now_ms
            hand.shape_ms = now_ms
            hand.amend_tries += 1
            self._at(lost_ms, self._amend_lost, hand, hand.amend_tries)
        else:
            hand.stage = Stage.SENT
            hand.sent_ms = hand.shape_ms = now_ms
            hand.turn += 1
            self._at(lost_ms, self._answer_lost, hand)

    def _send(self, orders: Sequence[Order], kind: Kind) -> None:
        if kind is Kind.CANCEL:
            self.desk.exchange.cancel(orders)
        elif kind is Kind.AMEND:
            self.desk.exchange.amend(orders)
        else:
            self.desk.exchange.submit(orders)

    def _send_look_ups(self) -> None:
        for urgent, waiting in enumerate(self._to_look):
            work = Work.LOOK_UP if urgent else Work.CANCEL
            while waiting and len(self._looking) < MAX_LOOK_UPS:
                client_order_id = next(iter(waiting))
                hand = self._hands.get(client_order_id)
                if hand is not None and self._is_askable(hand):
                    wait_ms = self.desk.exchange.budget.take(Ask.LOOK_UP, work, self.desk.now_ms())
                    if wait_ms:
                        self._go_on_after(wait_ms)
                        break
                    self._look_now(hand)
                del waiting[client_order_id]

    # --- what the exchange answers ----------------------------------------------------------------

    def answered(self, message: Answered) -> None:
        hand = self._hands.get(message.client_order_id)
        if hand is not None:
            if message.request == "cancel":
                self._cancel_answered(hand, message)
            elif message.request == "amend":
                self._amend_answered(hand, message)
            else:
                self._submit_answered(hand, message)
        if not _was_never_tried(message):
            self.desk.judge(message.fate in (Fate.ACCEPTED, Fate.REFUSED))

    def _submit_answered(self, hand: Hand, message: Answered) -> None:
        is_late = self._was_asked_before(message, hand.sent_ms)  # To an earlier try: only an acceptance still counts.
        is_expected = hand.stage is Stage.SENT and not is_late
        if is_expected:
            self._queue.sent.discard(hand.client_order_id)
        if message.fate == Fate.ACCEPTED:
            self._accepted(hand, message, is_expected)
        elif is_late or hand.stage not in (Stage.SENT, Stage.LOOKING) or hand.sent_ms == 0:
            return  # A copy, or about something older: what is known already is more.
        elif message.fate == Fate.REFUSED:
            self._refused(hand, message)
        elif is_expected and message.fate == Fate.TEMPORARY:
            self._failed_without_effect(hand, message)
        elif is_expected:
            self._doubt_and_look(hand)

    def _accepted(self, hand: Hand, message: Answered, is_expected: bool) -> None:
        if message.report is not None:
            self._learn(hand, message.report)
        elif is_expected:  # Acknowledged is not open: some venues tell the state only when asked.
            hand.is_acknowledged = True
            self._doubt_and_look(hand)

    def _refused(self, hand: Hand, message: Answered) -> None:
        reason = message.reason or Reason.EXCHANGE_REFUSED
        if reason is Reason.DUPLICATE_CLIENT_ORDER_ID:
            self._doubt_and_look(hand)  # So an earlier copy of it is there.
            return
        if reason in PRECISION_REASONS and hand.order is not None:
            self.precision_refusals.append((hand.order, reason, message.words))
        self._reject(hand, reason, message.words)

    def _failed_without_effect(self, hand: Hand, message: Answered) -> None:
        hand.tries += not _was_never_tried(message)
        if hand.tries > self.desk.execution.retries:
            self._reject(hand, Reason.RETRIES_EXHAUSTED, message.words)
            return
        if hand.cancel is CancelStage.WANTED:
            self._take_back(hand)
            return
        hand.stage = Stage.WAITING
        hand.turn += 1
        pause_ms = max(self._back_off_ms(hand.tries), message.retry_after_ms)
        self._at(self.desk.now_ms() + pause_ms, self._retry, hand)

    def _cancel_answered(self, hand: Hand, message: Answered) -> None:
        self._queue.cancelling.discard(hand.client_order_id)
        if hand.cancel is CancelStage.SENT:
            hand.cancel = CancelStage.WANTED
        if message.fate == Fate.ACCEPTED and message.report is not None:
            self._learn(hand, message.report)
        if hand.stage is Stage.DONE:
            hand.cancel = CancelStage.NONE
        elif message.fate == Fate.TEMPORARY:
            pause_ms = max(self._back_off_ms(hand.cancel_tries), message.retry_after_ms)
            self._at(self.desk.now_ms() + pause_ms, self._cancel_again, hand, hand.cancel_tries)
        else:  # Gone already, unknown, or acknowledged without a state: the truth is asked for (ORD-8).
            if message.fate == Fate.REFUSED and hand.cancel_tries >= REFUSED_CANCELS:
                self.refused_cancels[hand.client_order_id] = message.words
            hand.is_awaited = True
            self._doubt_and_look(hand)

    def _amend_answered(self, hand: Hand, message: Answered) -> None:
        sent, is_late = hand.amend_sent, self._was_asked_before(message, hand.amend_ms)
        if hand.amend is not CancelStage.SENT or sent is None or is_late:
            if message.fate == Fate.ACCEPTED and message.report is not None:
                self._learn(hand, message.report)
            return
        self._queue.amending.discard(hand.client_order_id)
        if message.fate == Fate.TEMPORARY and hand.amend_tries <= self.desk.execution.retries:
            hand.amend = CancelStage.WANTED
            pause_ms = max(self._back_off_ms(hand.amend_tries), message.retry_after_ms)
            self._at(self.desk.now_ms() + pause_ms, self._amend_again, hand, hand.amend_tries)
            return
        if is_same_wish(hand.wanted, sent):
            self._drop_amend(hand)
        else:  # Its group has changed its mind meanwhile.
            hand.amend, hand.amend_tries = CancelStage.WANTED, 0
        if message.fate == Fate.ACCEPTED and message.report is not None:
            self._amended(hand, sent, message.report)
            return
        if hand.amend is CancelStage.NONE:
            is_refused = message.fate in (Fate.REFUSED, Fate.TEMPORARY)
            reason = (message.reason or Reason.EXCHANGE_REFUSED) if is_refused else Reason.OUTCOME_UNKNOWN
            self._doubt_amend(hand, sent, message.words, reason)
            if reason in PRECISION_REASONS:
                self.precision_refusals.append((reshaped(sent), reason, message.words))
        hand.is_awaited = True  # Refused, unknown, or acknowledged without a word: what holds now is asked for.
        if hand.stage is not Stage.DONE:
            self._doubt_and_look(hand)

    def _amended(self, hand: Hand, sent: Order, report: OrderReport) -> None:
        hand.order = done = reshaped(sent)
        price = done.price if report.price is None else report.price
        quantity = done.quantity if report.quantity is None else report.quantity
        hand.shape = price, quantity
        if (price, quantity) != (done.price, done.quantity):
            self._doubt_amend(hand, sent, "the exchange amended it otherwise than asked")
        hand.is_awaited = True  # A stream may have shown it already, when nothing was said of it.
        self._learn(hand, replace(report, price=price, quantity=quantity))

    # --- looking up -------------------------------------------------------------------------------

    def _doubt(self, hand: Hand) -> None:
        """From here on its fate is unknown."""
        self._queue.sent.discard(hand.client_order_id)
        self._open.pop(hand.client_order_id, None)
        hand.stage = Stage.LOOKING
        hand.turn += 1
        hand.looks = 0
        if hand.unknown_since_ms is None:
            hand.unknown_since_ms = since_ms = self.desk.steady.now_ms()
            self._at(self.desk.now_ms() + self.desk.unknown_after_ms, self._unknown_too_long, hand, since_ms)

    def _doubt_and_look(self, hand: Hand) -> None:
        self._doubt(hand)
        self._look(hand)

    def _look(self, hand: Hand) -> None:
        if hand.client_order_id not in self._looking and hand.order is not None:
            self._to_look[0 if hand.is_exit else 1][hand.client_order_id] = None

    def _is_askable(self, hand: Hand) -> bool:
        is_asked, is_open = hand.client_order_id in self._looking, hand.stage is not Stage.DONE or hand.is_awaited
        return hand.order is not None and is_open and not is_asked

    def _look_now(self, hand: Hand) -> None:
        assert hand.order is not None
        self._looks += 1
        self._looking[hand.client_order_id] = self._looks
        hand.looks += 1
        self._at(self.desk.now_ms() + ANSWER_TIMEOUT_MS, self._look_lost, hand, self._looks)
        self.desk.exchange.look_up(hand.order)

    def looked_up(self, message: LookedUp) -> None:
        self._looking.pop(message.client_order_id, None)
        hand = self._hands.get(message.client_order_id)
        if hand is not None:
            self._found(hand, message)
        self.desk.judge(message.fate != Fate.TEMPORARY)

    def _found(self, hand: Hand, message: LookedUp) -> None:
        self._judge_whole(hand, message)
        if message.fate == Fate.ACCEPTED and message.report is not None:
            asked_ms = self.desk.steady.when(message.asked_ms)
            hand.is_sure = asked_ms is not None and asked_ms > hand.shape_ms
            self._learn(hand, message.report)
            hand.is_sure = False
        elif hand.stage in (Stage.LOOKING, Stage.OPEN):
            if message.fate == Fate.ACCEPTED:
                self._not_found(hand, message.asked_ms)
            else:
                self._look_later(hand, self._back_off_ms(hand.looks))
        elif hand.stage is Stage.DONE and hand.is_awaited:
            self._ask_for_the_rest(hand)

    def _judge_whole(self, hand: Hand, message: LookedUp) -> None:
        """Found, but not with all its executions: that may pass for a while, then somebody must know."""
        if message.fate != Fate.UNKNOWN:
            if message.fate == Fate.ACCEPTED:
                hand.incomplete_since_ms = None
            return
        now_ms = self.desk.steady.now_ms()
        if hand.incomplete_since_ms is None:
            hand.incomplete_since_ms = now_ms
        elif hand.stage is not Stage.DONE and now_ms - hand.incomplete_since_ms >= self.desk.unknown_after_ms:
            self.overdue.add(hand.client_order_id)

    @staticmethod
    def _doubtful_ms(hand: Hand, asked_ms: int) -> int:
        """For how long yet the exchange must say that it is gone."""
        if hand.absent_ms is None or asked_ms < hand.absent_ms:
            hand.absent_ms = asked_ms
        return max(0, hand.absent_ms + ABSENT_MS - asked_ms)

    def _not_found(self, hand: Hand, asked_clock_ms: int) -> None:
        """Rule 17. Whatever was done to the clock, it must have been asked for after its time."""
        asked_ms = self.desk.steady.when(asked_clock_ms)
        certain_ms = max(hand.sent_ms, self._start_ms) + self.desk.exchange.acceptance_window_ms
        if asked_ms is None:
            self._look_later(hand, self._back_off_ms(hand.looks))
        elif asked_ms <= certain_ms:
            pause_ms = min(self._back_off_ms(hand.looks), max(1, certain_ms + 1 - self.desk.steady.now_ms()))
            self._look_later(hand, pause_ms)
        elif hand.is_acknowledged and (doubtful_ms := self._doubtful_ms(hand, asked_ms)):
            self._look_later(hand, min(self._back_off_ms(hand.looks), doubtful_ms))
        elif hand.is_acknowledged:
            self._settle(hand, OrderState.CANCELLED, Reason.ORDER_NOT_FOUND, "the exchange no longer knows this order")
        else:
            self._reject(hand, Reason.NEVER_ACCEPTED, "the exchange never got it")

    def _was_asked_before(self, message: Answered, time_ms: int) -> bool:
        """Whether this may be about something older than what left then."""
        if not message.asked_ms:
            return False
        asked_ms = self.desk.steady.when(message.asked_ms)
        return asked_ms is None or asked_ms < time_ms

    def _look_later(self, hand: Hand, pause_ms: int) -> None:
        if hand.stage is Stage.OPEN:
            self._doubt(hand)
        hand.turn += 1
        self._at(self.desk.now_ms() + pause_ms, self._look_again, hand)

    # --- news -------------------------------------------------------------------------------------

    def streamed(self, reports: Iterable[OrderReport]) -> None:
        for report in reports:
            hand = self._hands.get(report.client_order_id) or self._stranger(report)
            if hand is not None:
                self._learn(hand, report)

    def _stranger(self, report: OrderReport) -> Hand | None:
        """An order nobody here has asked for: ours by its name, then its group hears of it (ORD-7), else nothing."""
        name = parse_client_order_id(report.client_order_id)
        if name is None or (self.desk.installation and not is_ours(report.client_order_id, self.desk.installation)):
            return None
        hand = Hand(client_order_id=report.client_order_id, group_id=name.group_id, order=None, stage=Stage.LOOKING)
        self._hands[report.client_order_id] = hand
        return hand

    def listed(self, message: OpenOrdersFetched) -> None:
        """Every open order of the account: what is believed open but not in it is looked up (ORD-5)."""
        self.streamed(message.reports)
        listed = {report.client_order_id for report in message.reports}
        asked_ms = self.desk.steady.when(message.asked_ms) or 0
        for client_order_id, hand in list(self._open.items()):
            if client_order_id in listed or hand.known_ms + FRESH_MS >= asked_ms:
                continue
            if hand.order is None:
                del self._open[client_order_id], self._hands[client_order_id]
            else:
                self._look(hand)
        if not self._has_list:
            self._has_list = True
            self.look_at_all_unknown()

    def look_at_all_unknown(self) -> None:
        """For those that waited for the first list of open orders."""
        self._has_list = True
        for hand in self._hands.values():
            if hand.stage is Stage.LOOKING and not hand.looks and hand.cancel is not CancelStage.SENT:
                self._look(hand)

    def look_again(self) -> None:
        """The exchange answers again: whatever is unknown is asked at once (REC-3).

        Not after its pause, nor once it is certain that an earlier question was lost.
        """
        for hand in self._hands.values():
            if hand.stage is Stage.LOOKING and hand.cancel in (CancelStage.NONE, CancelStage.WANTED):
                hand.turn += 1
                self._looking.pop(hand.client_order_id, None)
                self._look(hand)

    def _learn(self, hand: Hand, report: OrderReport) -> None:
        """The exchange told of this order."""
        now_ms = self.desk.steady.now_ms()
        was_lost = hand.last is not None and hand.last.reason in (Reason.NEVER_ACCEPTED, Reason.RETRIES_EXHAUSTED)
        if was_lost:  # Against the venue's word it came to be. Its group went on without it, so it must go.
            hand.last = None
            self._done.pop(hand.client_order_id, None)
            hand.stage = Stage.LOOKING
            hand.cancel = CancelStage.WANTED
        news = merged(hand.last, report)
        hand.is_acknowledged, hand.known_ms, hand.absent_ms = True, now_ms, None
        if news is not None:
            hand.last = news
            if hand.rest_since_ms is not None:
                hand.rest_since_ms, hand.rest_asks = None, 0
                self.overdue.discard(hand.client_order_id)
        if (news is not None or hand.is_awaited) and hand.last is not None:
            self._report(hand, hand.last)
        self._move_on(hand)

    def _move_on(self, hand: Hand) -> None:
        """Its fate is known now."""
        assert hand.last is not None
        if hand.stage is Stage.DONE or hand.last.state is None:
            return
        if hand.last.state.is_final:
            self._finish(hand)
            return
        self._certain(hand)
        hand.stage = Stage.OPEN
        self._open[hand.client_order_id] = hand
        if hand.cancel is CancelStage.WANTED and hand.order is not None:
            if hand.cancel_tries:
                self._at(
                    self.desk.now_ms() + self._back_off_ms(hand.cancel_tries),
                    self._cancel_again,
                    hand,
                    hand.cancel_tries,
                )
            else:
                self._queue.cancel(hand)
        elif hand.amend is CancelStage.WANTED and hand.cancel is CancelStage.NONE and not hand.amend_tries:
            self._queue.amend(hand)  # One that failed before has its own pause.

    def _certain(self, hand: Hand) -> None:
        self._queue.sent.discard(hand.client_order_id)
        hand.turn += 1
        hand.looks = 0
        hand.unknown_since_ms = None
        if hand.incomplete_since_ms is None:
            self.overdue.discard(hand.client_order_id)

    def _finish(self, hand: Hand) -> None:
        hand.incomplete_since_ms = None
        self._certain(hand)
        self._queue.cancelling.discard(hand.client_order_id)
        self._queue.amending.discard(hand.client_order_id)
        self.refused_cancels.pop(hand.client_order_id, None)
        hand.stage, hand.cancel = Stage.DONE, CancelStage.NONE
        self._drop_amend(hand)
        self._open.pop(hand.client_order_id, None)
        self._done[hand.client_order_id] = None
        while len(self._done) > MAX_REMEMBERED:
            del self._hands[self._done.popitem(last=False)[0]]

    def _reject(self, hand: Hand, reason: Reason, words: str) -> None:
        self._settle(hand, OrderState.REJECTED, reason, words)

    def _settle(self, hand: Hand, state: OrderState, reason: Reason | None, words: str) -> None:
        """The end of an order as the gateway concludes it."""
        last = hand.last or self._blank(hand)
        hand.last = replace(last, state=state, reason=reason, words=words, time_ms=self.desk.now_ms())
        self._report(hand, hand.last)
        self._finish(hand)

    @staticmethod
    def _blank(hand: Hand) -> OrderReport:
        return OrderReport(client_order_id=hand.client_order_id, state=None, time_ms=0)

    # --- time -------------------------------------------------------------------------------------

    def _at(self, time_ms: int, call: Callable[[Hand, int], None], hand: Hand, turn: int | None = None) -> None:
        """`call` gets the turn of now, or the given one: what has moved on since then it leaves alone."""
        self.desk.due.at(time_ms, partial(call, hand, hand.turn if turn is None else turn))

    def _unknown_too_long(self, hand: Hand, since_ms: int) -> None:
        if hand.unknown_since_ms == since_ms:
            self.overdue.add(hand.client_order_id)

    def _retry(self, hand: Hand, turn: int) -> None:
        if hand.turn == turn and hand.stage is Stage.WAITING:
            self._queue.submit(hand)

    def _answer_lost(self, hand: Hand, turn: int) -> None:
        if hand.turn == turn and hand.stage is Stage.SENT:
            self._doubt_and_look(hand)
            self.desk.judge(False)

    def _look_again(self, hand: Hand, turn: int) -> None:
        if hand.turn == turn and hand.stage is Stage.LOOKING:
            self._look(hand)

    def _look_lost(self, hand: Hand, number: int) -> None:
        if self._looking.get(hand.client_order_id) != number:
            return
        del self._looking[hand.client_order_id]
        if hand.stage in (Stage.LOOKING, Stage.OPEN):
            self._look_later(hand, self._back_off_ms(hand.looks))
        elif hand.is_awaited:
            self._ask_for_the_rest(hand)
        self.desk.judge(False)

    def _amend_again(self, hand: Hand, tries: int) -> None:
        if hand.amend_tries != tries or hand.amend is not CancelStage.WANTED:
            return
        if hand.cancel is not CancelStage.NONE:
            self._drop_amend(hand)
        elif hand.stage is Stage.OPEN:
            self._queue.amend(hand)
        else:
            hand.amend_tries = 0  # Goes out as soon as the order's own fate is known.

    def _amend_lost(self, hand: Hand, tries: int) -> None:
        if hand.amend_tries == tries and hand.amend is CancelStage.SENT:
            self._queue.amending.discard(hand.client_order_id)
            assert hand.amend_sent is not None
            self._doubt_amend(hand, hand.amend_sent, "its answer was lost")
            self._drop_amend(hand)
            hand.is_awaited = True
            self._doubt_and_look(hand)
            self.desk.judge(False)

    def _cancel_again(self, hand: Hand, tries: int) -> None:
        if hand.cancel_tries == tries and hand.cancel is CancelStage.WANTED and hand.stage is not Stage.DONE:
            self._queue.cancel(hand)

    def _cancel_lost(self, hand: Hand, tries: int) -> None:
        if hand.cancel_tries == tries and hand.cancel is CancelStage.SENT:
            self._queue.cancelling.discard(hand.client_order_id)
            hand.cancel = CancelStage.WANTED
            self._doubt_and_look(hand)
            self.desk.judge(False)

    def _back_off_ms(self, tries: int) -> int:
        """Doubling from `retry_base_ms`, with up to half of it as jitter, so that many do not come back together."""
        base_ms = min(self.desk.execution.retry_base_ms << min(max(tries, 1) - 1, 16), MAX_BACK_OFF_MS)
        return max(1, base_ms + int(base_ms * self.desk.fraction() / 2))

    # --- what groups hear -------------------------------------------------------------------------

    def _report(self, hand: Hand, report: OrderReport) -> None:
        hand.is_awaited = False
        if report.state is None or not report.state.is_final:
            report = self._certain_shape(hand, self._with_amend(hand, report))
        hand.fault = hand.doubted = None
        self._reports.setdefault(hand.group_id, {})[hand.client_order_id] = report

    def _certain_shape(self, hand: Hand, report: OrderReport) -> OrderReport:
        """Without price and quantity where these are to be asked for first."""
        if report.reason is None and not is_done(hand, report) and is_strange(hand, report):
            if hand.is_sure:
                return replace(report, shape_ms=self.desk.now_ms())
            if hand.client_order_id not in self.strange:
                self.strange.add(hand.client_order_id)
                self._at(self.desk.now_ms() + STRANGE_MS, self._look_at_shape, hand)
            return replace(report, price=None, quantity=None)
        if hand.order is not None and report.state is not None and None not in (report.price, report.quantity):
            hand.shape = report.price, report.quantity
        return report

    def _look_at_shape(self, hand: Hand, _turn: int) -> None:
        self.strange.discard(hand.client_order_id)
        if hand.stage is not Stage.DONE:
            hand.is_awaited = True
            self._look(hand)

    @staticmethod
    def _with_amend(hand: Hand, report: OrderReport) -> OrderReport:
        """What may be said of an open order that is, or was, being amended."""
        if hand.amend is not CancelStage.NONE:
            return replace(report, price=None, quantity=None)
        if hand.fault is None or report.reason is not None or is_done(hand, report):
            return report
        return replace(report, reason=hand.fault[0], words=hand.fault[1])

    def take_reports(self) -> list[OrdersReported]:
        """What the groups must hear since this was last asked, one message each."""
        reports, self._reports = self._reports, {}
        return [OrdersReported(group_id=group_id, reports=tuple(by_id.values())) for group_id, by_id in reports.items()]


def _was_never_tried(message: Answered) -> bool:
    """Something of ours was not ready for it: that is no failure of the exchange's, nor a try."""
    return message.fate == Fate.TEMPORARY and message.reason is Reason.ACCOUNT_NOT_READY
