"""The order requests a Gateway has in hand, from the group's wish to the exchange's certain answer.

Invariants:

1. A client order id is sent at most once per life (rule 16), but for repeats of a request that is known to have had
   no effect (ORD-4).
2. An unknown fate is looked up until certain. "Not found" counts only if asked later than the order, and this life,
   plus the exchange's acceptance window (rule 17, ORD-3).
3. What is sent next is the most urgent: closes, cancels, targets, entries.
4. A group hears every change, and an answer to everything it asked (rule 15).
5. A cancel is pursued until the order is known to be final (ORD-8).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from actors.due import Due
from actors.gateway_hand import CancelStage, Hand, Stage, merged
from actors.gateway_sending import SendQueue
from actors.messages import Answered, Fate, LookedUp, OpenOrdersFetched, OrdersReported
from actors.ports import Exchange
from actors.rules.model import Order, OrderReport, OrderState, Reason, Role
from actors.rules.naming import is_ours, parse_client_order_id
from actors.rules.settings import ExecutionSettings

MAX_LOOK_UPS = 64
"""Look-ups that may be under way at once."""
MAX_REMEMBERED = 50_000
"""Final orders kept, so that an id is not sent twice and a late question has its answer."""
ANSWER_TIMEOUT_MS = 15_000
"""An answer that takes longer is taken for lost. Longer than any venue's own limit."""
MAX_BACK_OFF_MS = 30_000
FRESH_MS = 5_000
"""An order this young may be missing from a list of open orders without meaning anything."""

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
    fraction: Callable[[], float]
    """In [0, 1), for jitter."""
    execution: ExecutionSettings
    unknown_after_ms: int
    installation: str = ""
    """Empty: every order named in Terrace's way is ours."""


class OrderDesk:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._start_ms = desk.now_ms()
        self.is_trading = False
        """False: only cancels and look-ups leave, orders wait (ORD-7)."""
        self._hands: dict[str, Hand] = {}
        self._open: dict[str, Hand] = {}
        self._done: OrderedDict[str, None] = OrderedDict()
        self._queue = SendQueue()
        self._looks = 0
        self._to_look: dict[str, None] = {}
        self._looking: dict[str, int] = {}
        """Look-ups under way, each with its own number."""
        self._has_list = False
        """Whether the open orders were listed once in this life."""
        self._reports: dict[str, dict[str, OrderReport]] = {}
        self.overdue: set[str] = set()
        """Orders whose fate has been unknown for too long."""
        self.precision_refusals: list[tuple[Order, Reason, str]] = []
        """Refused for precision since somebody last cleared this (PRC-7)."""

    def __len__(self) -> int:
        """Orders that are not final."""
        return len(self._hands) - len(self._done)

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
                if hand.stage is Stage.OPEN:
                    self._queue.cancel(hand)

    def resolve(self, orders: Iterable[Order]) -> None:
        for order in orders:
            hand = self._hands.get(order.client_order_id)
            if hand is None:
                hand = self._take(order, Stage.LOOKING)
                hand.is_awaited = True
                self._doubt(hand)
                if self._has_list:
                    self._look(hand)
            else:
                hand.order = hand.order or order
                self._answer_about(hand)

    def _take(self, order: Order, stage: Stage) -> Hand:
        hand = Hand(client_order_id=order.client_order_id, group_id=order.group_id, order=order, stage=stage)
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

    # --- sending ----------------------------------------------------------------------------------

    def pump(self) -> None:
        """Lets out what may leave now, in batches that keep the order of urgency."""
        now_ms = self.desk.now_ms()
        batch: list[Order] = []
        is_cancels = False
        while (taken := self._queue.take(can_submit=self.is_trading)) is not None:
            hand, is_cancel = taken
            assert hand.order is not None
            if batch and is_cancel is not is_cancels:
                self._send(batch, is_cancels)
                batch = []
            is_cancels = is_cancel
            batch.append(hand.order)
            self._note_sent(hand, is_cancel, now_ms)
        if batch:
            self._send(batch, is_cancels)
        while self._to_look and len(self._looking) < MAX_LOOK_UPS:
            client_order_id = next(iter(self._to_look))
            del self._to_look[client_order_id]
            self._look_now(self._hands.get(client_order_id))

    def _note_sent(self, hand: Hand, is_cancel: bool, now_ms: int) -> None:
        if is_cancel:
            hand.cancel = CancelStage.SENT
            hand.cancel_tries += 1
            self._at(now_ms + ANSWER_TIMEOUT_MS, self._cancel_lost, hand, hand.cancel_tries)
        else:
            hand.stage = Stage.SENT
            hand.sent_ms = now_ms
            hand.turn += 1
            self._at(now_ms + ANSWER_TIMEOUT_MS, self._answer_lost, hand)

    def _send(self, orders: Sequence[Order], is_cancels: bool) -> None:
        if is_cancels:
            self.desk.exchange.cancel(orders)
        else:
            self.desk.exchange.submit(orders)

    # --- what the exchange answers ----------------------------------------------------------------

    def answered(self, message: Answered) -> None:
        hand = self._hands.get(message.client_order_id)
        if hand is None:
            return
        if message.request == "cancel":
            self._cancel_answered(hand, message)
        else:
            self._submit_answered(hand, message)

    def _submit_answered(self, hand: Hand, message: Answered) -> None:
        is_late = 0 < message.asked_ms < hand.sent_ms  # To an earlier try: only an acceptance still counts.
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
        hand.tries += 1
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
            hand.is_awaited = True
            self._doubt_and_look(hand)

    # --- looking up -------------------------------------------------------------------------------

    def _doubt(self, hand: Hand) -> None:
        """From here on its fate is unknown."""
        self._queue.sent.discard(hand.client_order_id)
        self._open.pop(hand.client_order_id, None)
        hand.stage = Stage.LOOKING
        hand.turn += 1
        hand.looks = 0
        if hand.unknown_since_ms is None:
            hand.unknown_since_ms = self.desk.now_ms()
            self._at(
                hand.unknown_since_ms + self.desk.unknown_after_ms, self._unknown_too_long, hand, hand.unknown_since_ms
            )

    def _doubt_and_look(self, hand: Hand) -> None:
        self._doubt(hand)
        self._look(hand)

    def _look(self, hand: Hand) -> None:
        if hand.client_order_id not in self._looking and hand.order is not None:
            self._to_look[hand.client_order_id] = None

    def _look_now(self, hand: Hand | None) -> None:
        if hand is None or hand.order is None or hand.stage is Stage.DONE or hand.client_order_id in self._looking:
            return
        self._looks += 1
        self._looking[hand.client_order_id] = self._looks
        hand.looks += 1
        self._at(self.desk.now_ms() + ANSWER_TIMEOUT_MS, self._look_lost, hand, self._looks)
        self.desk.exchange.look_up(hand.order)

    def looked_up(self, message: LookedUp) -> None:
        self._looking.pop(message.client_order_id, None)
        hand = self._hands.get(message.client_order_id)
        if hand is None:
            return
        if message.fate == Fate.ACCEPTED and message.report is not None:
            self._learn(hand, message.report)
        elif hand.stage in (Stage.LOOKING, Stage.OPEN):
            if message.fate == Fate.ACCEPTED:
                self._not_found(hand, message.asked_ms)
            else:
                self._look_later(hand, self._back_off_ms(hand.looks))

    def _not_found(self, hand: Hand, asked_ms: int) -> None:
        """Rule 17."""
        certain_ms = max(hand.sent_ms, self._start_ms) + self.desk.exchange.acceptance_window_ms
        if asked_ms <= certain_ms:
            pause_ms = min(self._back_off_ms(hand.looks), max(1, certain_ms + 1 - self.desk.now_ms()))
            self._look_later(hand, pause_ms)
        elif hand.is_acknowledged:
            self._settle(hand, OrderState.CANCELLED, Reason.ORDER_NOT_FOUND, "the exchange no longer knows this order")
        else:
            self._reject(hand, Reason.NEVER_ACCEPTED, "the exchange never got it")

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
        for client_order_id, hand in list(self._open.items()):
            if client_order_id in listed or hand.known_ms + FRESH_MS >= message.asked_ms:
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

    def _learn(self, hand: Hand, report: OrderReport) -> None:
        """The exchange told of this order."""
        now_ms = self.desk.now_ms()
        was_lost = hand.last is not None and hand.last.reason in (Reason.NEVER_ACCEPTED, Reason.RETRIES_EXHAUSTED)
        if was_lost:  # Against the venue's word it came to be. Its group went on without it, so it must go.
            hand.last = None
            self._done.pop(hand.client_order_id, None)
            hand.stage = Stage.LOOKING
            hand.cancel = CancelStage.WANTED
        news = merged(hand.last, report)
        hand.is_acknowledged, hand.known_ms = True, now_ms
        if news is not None:
            hand.last = news
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

    def _certain(self, hand: Hand) -> None:
        self._queue.sent.discard(hand.client_order_id)
        hand.turn += 1
        hand.looks = 0
        hand.unknown_since_ms = None
        self.overdue.discard(hand.client_order_id)

    def _finish(self, hand: Hand) -> None:
        self._certain(hand)
        self._queue.cancelling.discard(hand.client_order_id)
        hand.stage, hand.cancel = Stage.DONE, CancelStage.NONE
        self._open.pop(hand.client_order_id, None)
        self._done[hand.client_order_id] = None
        while len(self._done) > MAX_REMEMBERED:
            del self._hands[self._done.popitem(last=False)[0]]

    def _reject(self, hand: Hand, reason: Reason, words: str) -> None:
        self._settle(hand, OrderState.REJECTED, reason, words)

    def _settle(self, hand: Hand, state: OrderState, reason: Reason | None, words: str) -> None:
        """The end of an order as the gateway concludes it."""
        last = hand.last or OrderReport(client_order_id=hand.client_order_id, state=None, time_ms=0)
        hand.last = replace(last, state=state, reason=reason, words=words, time_ms=self.desk.now_ms())
        self._report(hand, hand.last)
        self._finish(hand)

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

    def _look_again(self, hand: Hand, turn: int) -> None:
        if hand.turn == turn and hand.stage is Stage.LOOKING:
            self._look(hand)

    def _look_lost(self, hand: Hand, number: int) -> None:
        if self._looking.get(hand.client_order_id) != number:
            return
        del self._looking[hand.client_order_id]
        if hand.stage in (Stage.LOOKING, Stage.OPEN):
            self._look_later(hand, self._back_off_ms(hand.looks))

    def _cancel_again(self, hand: Hand, tries: int) -> None:
        if hand.cancel_tries == tries and hand.cancel is CancelStage.WANTED and hand.stage is not Stage.DONE:
            self._queue.cancel(hand)

    def _cancel_lost(self, hand: Hand, tries: int) -> None:
        if hand.cancel_tries == tries and hand.cancel is CancelStage.SENT:
            self._queue.cancelling.discard(hand.client_order_id)
            hand.cancel = CancelStage.WANTED
            self._doubt_and_look(hand)

    def _back_off_ms(self, tries: int) -> int:
        """Doubling from `retry_base_ms`, with up to half of it as jitter, so that many do not come back together."""
        base_ms = min(self.desk.execution.retry_base_ms << min(max(tries, 1) - 1, 16), MAX_BACK_OFF_MS)
        return max(1, base_ms + int(base_ms * self.desk.fraction() / 2))

    # --- what groups hear -------------------------------------------------------------------------

    def _report(self, hand: Hand, report: OrderReport) -> None:
        hand.is_awaited = False
        self._reports.setdefault(hand.group_id, {})[hand.client_order_id] = report

    def take_reports(self) -> list[OrdersReported]:
        """What the groups must hear since this was last asked, one message each."""
        reports, self._reports = self._reports, {}
        return [OrdersReported(group_id=group_id, reports=tuple(by_id.values())) for group_id, by_id in reports.items()]
