"""The way to the simulated venue, with everything that goes wrong on it: `ports.Exchange` of one process.

What an engine may rely on holds all the same, as it does of real exchanges:

1. A request that left longer than `acceptance_window_ms` ago is never carried out.
2. An accepted order can be found at the latest when its request could no longer be accepted.
3. An answer carries the incarnation that asked and the time when it asked; a new gateway hears nothing of an earlier
   one's answers.
4. Prices of one stream keep their order. Frames about orders may not.
5. What is answered as refused or temporary had no effect.

Latency is counted on the venue's clock, so that a clock of the engine that is set moves nothing on the way.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import heappop, heappush
from typing import Any

from actors.account_messages import AccountProbed, Banned, ClockMeasured, ForeignTraded, StreamChanged
from actors.budget import LimitedBudget
from actors.messages import (
    Answered,
    BalancesFetched,
    Fate,
    LookedUp,
    OpenOrdersFetched,
    Quoted,
    Streamed,
)
from actors.ports import Sink
from actors.rules.model import OrderReport, OrderState, Quote, Reason, Role
from actors.rules.naming import parse_client_order_id
from actors.rules.rates import RateRules
from actors.stepped import Stepped
from daemon.exchanges.paper import _Port
from daemon.exchanges.paper_requests import (
    Amend,
    Cancel,
    FetchBalances,
    Outgoing,
    Request,
    SetPrice,
    Submit,
    SubscribePrices,
    no_answer,
)
from tests.simulation.ops import BreakVenue, VenueFault
from tests.simulation.venue_books import SimVenue, Travelling, is_foreign
from tests.simulation.venue_trouble import OF_ORDERS

__all__ = ["SimExchange", "SimVenue", "is_foreign"]

F = VenueFault
WINDOW_MS = 5_000
"""How old a request may be that a venue takes."""
CLOCK_MARGIN_MS = 2_500
"""What adapters add to that, for clocks that are set by a little."""
LONGEST_REPLY_MS = 25_000
"""A late answer comes within this time. That is later than the gateway waits for one (19 s)."""
LONGEST_FETCH_MS = 8_000
"""Answers to questions that carry no time of their own come before they are asked again."""
LONGEST_FRAME_MS = 10_000
LONGEST_MEASURE_MS = 60_000
"""Within this time an adapter notices that the clock was set."""
SHUFFLE_MS = 1_500
BEHIND_MS = 1_000
"""Within this time a restored stream is noticed, and a broken one."""
STREAMS = ("balances", "orders", "prices", "trades")


@dataclass(order=True, slots=True)
class _Delivery:
    due_ms: int
    number: int
    out: Outgoing = field(compare=False)
    is_stream: bool = field(compare=False)


class SimExchange(_Port):
    """One process's connection to a venue. `rng` is for what is left to chance on this way."""

    def __init__(self, venue: SimVenue, system: Stepped, rng: random.Random) -> None:
        super().__init__(venue, system)
        self.acceptance_window_ms = WINDOW_MS + CLOCK_MARGIN_MS
        self.budget = LimitedBudget(RateRules())
        self.venue = venue
        self.road = venue.road
        self.trouble = venue.trouble
        self.latency_ms = venue.account.latency_ms
        self._rng = rng
        self._system = system
        self._deliveries: list[_Delivery] = []
        self._measured_ms = 0
        """How far the engine's clock was behind when that was last told."""
        self._armed_ms: int | None = None
        self._alarm = 0
        """The newest call that was asked for; those before it mean nothing."""
        self._prices_ms = self._frames_ms = 0
        """Streams keep their order: nothing arrives before these."""
        self._is_over = False
        venue.clock = system
        venue.stream = self._streams
        self._arm()

    # --- the process ------------------------------------------------------------------------------

    def start(self, sink: Sink, incarnation: int) -> None:
        super().start(sink, incarnation)
        self._tell_streams()
        for report in self.venue.told_late:  # Its adapter asks for the recent executions, too.
            self._tell_whole(report)

    def stop(self) -> None:
        self._is_over = True

    def lost(self) -> None:
        """The process was killed. What is under way arrives or not, by chance; nobody hears an answer."""
        self._is_over = True
        self._sink = None
        self._deliveries.clear()
        self.venue.stream = lambda _news: None
        self.road.arrivals = [one for one in sorted(self.road.arrivals) if self._rng.random() < 0.5]
        for one in self.road.arrivals:
            one.is_mute = True

    def clock_was_set(self) -> None:
        """The engine's clock is another now: what is due is due at another time of it. Some adapters measure how far it
        is off and say so."""
        self._armed_ms = None
        if self.venue.measures_clock and self.venue.clock_offset_ms != self._measured_ms:
            measured = ClockMeasured(incarnation=0, offset_ms=0, round_trip_ms=self.latency_ms)
            due_ms = self.venue.now_ms() + self._chance_ms(LONGEST_MEASURE_MS)
            self._deliver_at(due_ms, Outgoing(measured, 0), is_stream=True)
        self._arm()

    @property
    def is_busy(self) -> bool:
        """Something is under way besides prices."""
        return bool(self.road.arrivals) or any(
            not isinstance(one.out.message, Quoted)
            and (not isinstance(one.out.message, ClockMeasured) or self._measured_ms)
            for one in self._deliveries
        )

    # --- what goes wrong --------------------------------------------------------------------------

    def breaks(self, op: BreakVenue) -> None:
        self.trouble.arm(op)
        if op.fault in (F.STREAM_DOWN, F.DOWN):
            self.road.streams_until_ms = max(self.road.streams_until_ms, self.trouble.until_ms(op.fault))
            self._cut()

    def calm(self) -> None:
        """From now on everything works. What is late still arrives, what is lost stays lost."""
        self.trouble.stop()
        self.road.invisible.clear()
        self.road.streams_until_ms = 0
        self._restore()
        self._arm()

    def _cut(self) -> None:
        if not self.road.are_streams_up:
            return
        self.road.are_streams_up = False
        self._tell_streams(self._delay_ms(BEHIND_MS))
        self._arm()

    def _restore(self) -> None:
        if not self.road.are_streams_up:
            self.road.are_streams_up = True
            self._tell_streams(self._delay_ms(BEHIND_MS))

    def _tell_streams(self, after_ms: int = 0) -> None:
        words = "" if self.road.are_streams_up else "the connection is gone"
        for stream in STREAMS:
            changed = StreamChanged(incarnation=0, stream=stream, is_up=self.road.are_streams_up, words=words)
            self._frames_ms = max(self._frames_ms, self.venue.now_ms() + after_ms)
            self._deliver_at(self._frames_ms, Outgoing(changed, 0), is_stream=True)

    # --- requests ---------------------------------------------------------------------------------

    def probe(self) -> None:
        probed = AccountProbed(incarnation=self._incarnation, checks=(("connection", True, "simulated"),))
        if not self.trouble.is_on(F.DOWN):
            self._deliver_at(self.venue.now_ms() + self._delay_ms(), Outgoing(probed, self._incarnation))

    def _post(self, request: Request) -> None:
        """Each order of a batch is a request of its own."""
        if isinstance(request, Submit | Cancel | Amend) and len(request.orders) > 1:
            for order in request.orders:
                self._post(replace(request, orders=(order,)))
        elif isinstance(request, SubscribePrices | SetPrice):
            self._send(request, self._delay_ms())
        else:
            self._leaves(request)
        self._arm()

    def _leaves(self, request: Request) -> None:
        """Through the network, or what becomes of it instead."""
        is_order = isinstance(request, OF_ORDERS)
        strikes = self.trouble.strikes
        if self.trouble.is_on(F.BANNED):
            self._tell_banned()
            self._answer_soon(self._failed(request, Fate.TEMPORARY, "banned"))
        elif self.trouble.is_on(F.DOWN):
            self._meets_nobody(request)
        elif strikes(F.REQUEST_LOST, request=request):
            return
        elif is_order and strikes(F.REFUSED):
            self._answer_soon(_refused(request))
        elif strikes(F.TEMPORARY, request=request):
            self._answer_soon(self._failed(request, Fate.TEMPORARY, "not now"))
        elif is_order and strikes(F.LATE_ARRIVAL):
            self._send(request, self._chance_ms(WINDOW_MS - 1), is_mute=True)
            if self._rng.random() < 0.5:
                self._answer_soon(self._failed(request, Fate.UNKNOWN, "the connection broke"))
        elif strikes(F.SLOW, request=request):
            self._send(request, self._chance_ms(WINDOW_MS - 1))
        else:
            self._send(request, self._delay_ms())

    def _meets_nobody(self, request: Request) -> None:
        chance = self._rng.random()
        if chance < 0.3:
            return
        is_unknown = chance < 0.6 and isinstance(request, OF_ORDERS)
        self._answer_soon(self._failed(request, Fate.UNKNOWN if is_unknown else Fate.TEMPORARY, "the exchange is down"))

    def _failed(self, request: Request, fate: str, words: str) -> list[Outgoing]:
        return list(no_answer(request, fate, words))

    def _tell_banned(self) -> None:
        """For how long is worked out when the engine hears of it."""
        banned = Banned(incarnation=self._incarnation, for_ms=0, words="too many requests")
        self._answer_soon([Outgoing(banned, self._incarnation)])

    def _answer_soon(self, out: Iterable[Outgoing]) -> None:
        due_ms = self.venue.now_ms() + self._delay_ms()
        for item in out:
            self._deliver_at(due_ms, item)

    def _send(self, request: Request, delay_ms: int, *, is_mute: bool = False) -> None:
        left_ms = self.venue.now_ms()
        travelling = Travelling(left_ms + delay_ms, self.road.next_number(), request, left_ms, is_mute)
        heappush(self.road.arrivals, travelling)

    # --- arrival ----------------------------------------------------------------------------------

    def _arrives(self, one: Travelling) -> None:
        if one.due_ms - one.left_ms > WINDOW_MS:
            return
        out = self.venue.carry_out(one.request, one.request.incarnation)
        own = [item for item in out if _is_answer(item, one.request)]
        if isinstance(one.request, Submit) and _is_accepted(own) and self.trouble.strikes(F.INVISIBLE):
            self._hide(one)
        self._streams([item for item in out if not _is_answer(item, one.request)])
        if isinstance(one.request, Cancel):
            own = [self._behind(item) for item in own]
        if not one.is_mute:
            self._replies(one.request, [self._seen(item) for item in own])

    def _behind(self, item: Outgoing) -> Outgoing:
        """The end of an entry, told before its last execution is known there (rule 19). Of an exit nobody could tell:
        what it is said to have left is sold again (docs/promises.md).
        """
        message = item.message
        report = message.report if isinstance(message, Answered) else None
        if report is None or report.state is not OrderState.CANCELLED or not report.trades:
            return item
        name = parse_client_order_id(report.client_order_id)
        if name is None or name.role is not Role.ENTRY:
            return item
        assert isinstance(message, Answered)
        if not self.trouble.strikes(F.FILL_LATE):
            return item
        self.venue.told_late.append(report)
        self._tell_whole(report)
        return replace(item, message=replace(message, report=replace(report, trades=report.trades[:-1])))

    def _tell_whole(self, report: OrderReport) -> None:
        whole = Outgoing(Streamed(incarnation=0, reports=(report,)), 0)
        self._deliver_at(self.venue.now_ms() + self._chance_ms(LONGEST_FRAME_MS), whole, is_stream=True)

    def _hide(self, one: Travelling) -> None:
        assert isinstance(one.request, Submit)
        last_ms = one.left_ms + WINDOW_MS - 1
        now_ms = self.venue.now_ms()
        until_ms = now_ms + self._rng.randint(0, max(0, last_ms - now_ms))
        self.road.invisible[one.request.orders[0].client_order_id] = until_ms

    def _is_hidden(self, client_order_id: str) -> bool:
        until_ms = self.road.invisible.get(client_order_id)
        if until_ms is None:
            return False
        if until_ms <= self.venue.now_ms():
            del self.road.invisible[client_order_id]
            return False
        return True

    def _seen(self, item: Outgoing) -> Outgoing:
        """What a part of the venue that lags behind shows."""
        message = item.message
        if not self.road.invisible:
            return item
        if isinstance(message, LookedUp) and self._is_hidden(message.client_order_id):
            return replace(item, message=replace(message, report=None))
        if isinstance(message, OpenOrdersFetched):
            return replace(item, message=replace(message, reports=self._visible(message.reports)))
        return item

    def _visible(self, reports: Iterable[OrderReport]) -> tuple[OrderReport, ...]:
        return tuple(report for report in reports if not self._is_hidden(report.client_order_id))

    # --- the way back -----------------------------------------------------------------------------

    def _replies(self, request: Request, own: list[Outgoing]) -> None:
        strikes, now_ms = self.trouble.strikes, self.venue.now_ms()
        if strikes(F.REPLY_LOST, request=request):
            return
        if strikes(F.REPLY_UNKNOWN, request=request):
            own = self._failed(request, Fate.UNKNOWN, "the connection broke")
        due_ms = now_ms + self._delay_ms()
        longest_ms = LONGEST_FETCH_MS if isinstance(request, FetchBalances) else LONGEST_REPLY_MS
        if strikes(F.REPLY_LATE, request=request):
            due_ms = now_ms + self._chance_ms(longest_ms)
        elif strikes(F.SLOW, request=request):
            due_ms = now_ms + self._chance_ms(LONGEST_FETCH_MS)
        elif strikes(F.REPLIES_SHUFFLED, request=request):
            due_ms = now_ms + self._chance_ms(SHUFFLE_MS)
        again = strikes(F.REPLY_TWICE, request=request)
        for item in own:
            self._deliver_at(due_ms, item)
            if again and item.reply_to is None:
                later_ms = 0 if isinstance(request, FetchBalances) else self._chance_ms(SHUFFLE_MS)
                self._deliver_at(due_ms + later_ms, item)

    def _streams(self, news: Sequence[Outgoing]) -> None:
        """Frames of the streams: to whoever is the gateway when they arrive."""
        if not self.road.are_streams_up:
            return
        now_ms = self.venue.now_ms()
        for item in map(self._shown, news):
            message = item.message
            fault = self.trouble.strikes(F.STREAM_LOST, F.STREAM_LATE, F.STREAM_TWICE)
            if fault is F.STREAM_LOST:
                continue
            due_ms = self._frame_due_ms(message, now_ms + self._delay_ms(), is_late=fault is F.STREAM_LATE)
            self._deliver_at(due_ms, item, is_stream=True)
            if fault is F.STREAM_TWICE:
                again_ms = due_ms if isinstance(message, Quoted) else due_ms + self._chance_ms(SHUFFLE_MS)
                self._deliver_at(again_ms, item, is_stream=True)
        self._arm()

    def _shown(self, item: Outgoing) -> Outgoing:
        """A frame without the orders that are not visible yet."""
        message = item.message
        if not self.road.invisible or not isinstance(message, Streamed):
            return item
        return replace(item, message=replace(message, reports=self._visible(message.reports)))

    def _frame_due_ms(self, message: object, due_ms: int, *, is_late: bool) -> int:
        late_ms = self._chance_ms(LONGEST_FRAME_MS) if is_late else 0
        if isinstance(message, Quoted):  # The stream itself is late: what follows waits behind it.
            self._prices_ms = max(self._prices_ms, due_ms + late_ms)
            return self._prices_ms
        if is_late:
            return due_ms + late_ms
        self._frames_ms = max(self._frames_ms, due_ms)
        return self._frames_ms

    def _deliver_at(self, due_ms: int, out: Outgoing, *, is_stream: bool = False) -> None:
        heappush(self._deliveries, _Delivery(due_ms, self.road.next_number(), out, is_stream))
        if self._armed_ms is None or due_ms < self._armed_ms + self.venue.clock_offset_ms:
            self._arm()

    def _hand_over(self, one: _Delivery) -> None:
        out = one.out
        if isinstance(out.message, Banned):
            left_ms = max(0, self.trouble.until_ms(F.BANNED) - self.venue.now_ms())
            out = replace(out, message=replace(out.message, for_ms=left_ms))
        if not one.is_stream:
            self._deliver((out,))
        elif self._sink is not None:
            heard = False
            try:
                self._sink(self._fresh(out.message))
                heard = True
            finally:
                if not heard and self._is_told_late(out.message):  # Nobody would ever ask for it: told until heard.
                    self._deliver_at(self.venue.now_ms() + LONGEST_FRAME_MS, out, is_stream=True)

    def _is_told_late(self, message: object) -> bool:
        return isinstance(message, Streamed) and any(report in self.venue.told_late for report in message.reports)

    def _fresh(self, message: Any) -> object:
        """As the adapter passes a frame on: to the gateway of now, prices stamped by the engine's clock, balances asked
        for anew because streams tell of them in pieces."""
        life = self._incarnation
        if isinstance(message, Quoted):
            now_ms = self._clock.now_ms()
            quotes = {
                symbol: Quote(bid=quote.bid, ask=quote.ask, time_ms=now_ms) for symbol, quote in message.quotes.items()
            }
            return Quoted(incarnation=life, quotes=quotes)
        if isinstance(message, BalancesFetched):
            return self.venue._balances(life)
        if isinstance(message, ClockMeasured):
            self._measured_ms = self.venue.clock_offset_ms
            return replace(message, incarnation=life, offset_ms=self._measured_ms)
        assert isinstance(message, Streamed | StreamChanged | ForeignTraded)
        return replace(message, incarnation=life)

    # --- time -------------------------------------------------------------------------------------

    def _delay_ms(self, most_ms: int | None = None) -> int:
        most_ms = self.latency_ms if most_ms is None else most_ms
        return self._rng.randint(0, most_ms) if most_ms else 0

    def _chance_ms(self, most_ms: int) -> int:
        return self._rng.randint(1, most_ms)

    def _wake(self) -> None:
        self._arm()

    def next_ms(self) -> int:
        """When something is due next, by the venue's clock."""
        due_ms = self.venue.due_ms(self.venue.now_ms())
        if self.road.arrivals:
            due_ms = min(due_ms, self.road.arrivals[0].due_ms)
        if self._deliveries:
            due_ms = min(due_ms, self._deliveries[0].due_ms)
        if not self.road.are_streams_up:
            due_ms = min(due_ms, self.road.streams_until_ms)
        return due_ms

    def _arm(self) -> None:
        if self._is_over:
            return
        due_ms = max(self.next_ms() - self.venue.clock_offset_ms, self._clock.now_ms())
        if self._armed_ms is None or due_ms < self._armed_ms:
            self._armed_ms = due_ms
            self._alarm += 1
            self._system.call_at(due_ms, partial(self._turn, self._alarm))

    def _turn(self, alarm: int) -> None:
        if self._is_over or alarm != self._alarm:
            return
        self._armed_ms = None
        self.poll()
        self._arm()

    def poll(self) -> None:
        """Everything that is due by now, in the order of time."""
        now_ms = self.venue.now_ms()
        if not self.road.are_streams_up and self.road.streams_until_ms <= now_ms:
            self._restore()
        while self.road.arrivals and self.road.arrivals[0].due_ms <= now_ms:
            self._arrives(heappop(self.road.arrivals))
        if self.venue.due_ms(now_ms) <= now_ms:
            self._streams(self.venue.tick(0, now_ms))
        while self._deliveries and self._deliveries[0].due_ms <= now_ms:
            self._hand_over(heappop(self._deliveries))


def _is_answer(item: Outgoing, request: Request) -> bool:
    if isinstance(item.message, BalancesFetched):
        return isinstance(request, FetchBalances)
    return not isinstance(item.message, Streamed | Quoted | ForeignTraded)


def _is_accepted(own: Sequence[Outgoing]) -> bool:
    return any(isinstance(item.message, Answered) and item.message.fate == Fate.ACCEPTED for item in own)


def _refused(request: Request) -> list[Outgoing]:
    """A new or amended order is refused; a cancel hears that there is no such order, which is not certain yet."""
    reason = Reason.ORDER_NOT_FOUND if isinstance(request, Cancel) else Reason.EXCHANGE_REFUSED
    refused = []
    for item in no_answer(request, Fate.REFUSED, "refused for no reason of ours"):
        assert isinstance(item.message, Answered)
        refused.append(replace(item, message=replace(item.message, reason=reason)))
    return refused
