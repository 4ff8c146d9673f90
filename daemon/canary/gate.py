"""The gate in front of an account's exchange: questions pass, and nothing that changes anything ever does.

What the engine wants to send is answered as certainly not sent, and kept: it is what this program would do now. What
the exchange answers is kept too, on its way to the gateway.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from actors.messages import Answered, AnsweredAll, Fate, LookedUp, OpenOrdersFetched, ReplyTo, Streamed
from actors.ports import Clock, Exchange, Sink
from actors.rules.model import Order, OrderReport, Reason, Refused

WORDS = "a canary sends nothing"
NOT_AGAIN_MS = 24 * 3_600_000
"""So far off is the next try of what was held back: no canary lives to see it."""
MAX_HELD = 1_000
"""What would be sent, of one account; beyond that it is only counted."""
MAX_SEEN = 50_000
"""Orders of one account whose newest report is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the engine wanted to send. `what`: `submit`, `cancel` or `amend`."""

    what: str
    order: Order


@dataclass(slots=True)
class Seen:
    """What passed the gate of one account. Read under the gate's lock, or after the end."""

    held: dict[tuple[str, str], Held] = field(default_factory=dict)
    held_more: int = 0
    """Beyond `MAX_HELD`."""
    reports: dict[str, OrderReport] = field(default_factory=dict)
    """The newest by client order id."""
    absent: set[str] = field(default_factory=set)
    """Orders the exchange says it does not know, when it was last asked."""
    listed: tuple[OrderReport, ...] = ()
    """The newest whole list of open orders."""
    turns: int = 0
    """Counts what happened, but for prices and balances."""


class GatedExchange:
    """`actors.ports.Exchange` around another one. Any thread."""

    def __init__(self, inner: Exchange, clock: Clock) -> None:
        self.acceptance_window_ms = inner.acceptance_window_ms
        self.budget = inner.budget
        self.can_amend = inner.can_amend
        self.can_stop = inner.can_stop
        self.inner = inner
        self.seen = Seen()
        self._clock = clock
        self._lock = threading.Lock()
        self._sink: Sink = lambda _message: None
        self._incarnation = 0

    # --- questions --------------------------------------------------------------------------------

    def start(self, sink: Sink, incarnation: int) -> None:
        with self._lock:
            self._sink, self._incarnation = sink, incarnation
        self.inner.start(lambda message: self._passed(sink, message), incarnation)

    def stop(self) -> None:
        self.inner.stop()

    def look_up(self, order: Order) -> None:
        self.inner.look_up(order)

    def fetch_open_orders(self) -> None:
        self.inner.fetch_open_orders()

    def fetch_balances(self) -> None:
        self.inner.fetch_balances()

    def fetch_instruments(self) -> None:
        self.inner.fetch_instruments()

    def subscribe(self, symbols: Sequence[str]) -> None:
        self.inner.subscribe(symbols)

    def probe(self) -> None:
        self.inner.probe()

    # --- what does not pass -----------------------------------------------------------------------

    def submit(self, orders: Sequence[Order]) -> None:
        self._hold("submit", orders)

    def cancel(self, orders: Sequence[Order]) -> None:
        self._hold("cancel", orders)

    def amend(self, orders: Sequence[Order]) -> None:
        self._hold("amend", orders)

    def set_price(self, symbol: str, price: Decimal, reply_to: ReplyTo) -> None:
        reply_to.reply(Refused(reason=Reason.EXCHANGE_REFUSED, detail=f"{symbol} is not set to {price}: {WORDS}"))

    def _hold(self, what: str, orders: Sequence[Order]) -> None:
        now_ms = self._clock.now_ms()
        with self._lock:
            sink, incarnation, seen = self._sink, self._incarnation, self.seen
            for order in orders:
                seen.turns += 1
                key = (what, order.client_order_id)
                if key in seen.held or len(seen.held) < MAX_HELD:
                    seen.held[key] = Held(what=what, order=order)
                else:
                    seen.held_more += 1
        answers = tuple(
            Answered(
                incarnation=incarnation,
                request=what,
                client_order_id=order.client_order_id,
                fate=Fate.TEMPORARY,
                reason=Reason.ACCOUNT_NOT_READY,
                words=WORDS,
                retry_after_ms=NOT_AGAIN_MS,
                asked_ms=now_ms,
            )
            for order in orders
        )
        sink(AnsweredAll(incarnation=incarnation, answers=answers))

    # --- what comes back --------------------------------------------------------------------------

    def _passed(self, sink: Sink, message: object) -> None:
        with self._lock:
            self._keep(message)
        sink(message)

    def _keep(self, message: object) -> None:
        seen = self.seen
        if isinstance(message, LookedUp):
            seen.turns += 1
            if message.report is not None:
                self._keep_report(message.report)
            elif message.fate == Fate.ACCEPTED and len(seen.absent) < MAX_SEEN:
                seen.absent.add(message.client_order_id)
        elif isinstance(message, OpenOrdersFetched) and message.fate == Fate.ACCEPTED:
            seen.listed = message.reports
            for report in message.reports:
                self._keep_report(report)
        elif isinstance(message, Streamed):
            seen.turns += 1
            for report in message.reports:
                self._keep_report(report)

    def _keep_report(self, report: OrderReport) -> None:
        seen = self.seen
        seen.absent.discard(report.client_order_id)
        if report.client_order_id in seen.reports or len(seen.reports) < MAX_SEEN:
            seen.reports[report.client_order_id] = report

    def look(self) -> Seen:
        """What has passed so far, as a copy."""
        with self._lock:
            seen = self.seen
            return Seen(
                held=dict(seen.held),
                held_more=seen.held_more,
                reports=dict(seen.reports),
                absent=set(seen.absent),
                listed=seen.listed,
                turns=seen.turns,
            )
