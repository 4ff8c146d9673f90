"""Orders of one account on their way to the venue and back: place, cancel, amend, look up, and what the streams say."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

from actors.account_messages import ForeignTraded
from actors.messages import Answered, Fate, LookedUp, OpenOrdersFetched, Streamed
from actors.rules.model import Instrument, Order, OrderReport, OrderSide, Reason, Role, Side
from actors.rules.rates import Ask, Work
from daemon.exchanges import convert
from daemon.exchanges.connection import Connection, NotSent, VenueFault
from daemon.exchanges.convert import OrderView, TradeView
from daemon.exchanges.errors import Verdict, is_created, judge_created, reason_of_update
from daemon.exchanges.fee_prices import FeePrices
from daemon.exchanges.tracking import Tracker
from daemon.exchanges.venues.venue import Found, Raw, SetupFault

SEND_WITHIN_MS = 2_000
"""A request for an order leaves within this time of being asked for, or not at all: later it could meet one that was
sent in its place (rule 17)."""
SETUP_WAIT_S = 1.5
"""How long an entry waits for its symbol to be set up; then it is tried again."""
SETUP_PAUSE_MS = 1_000
MAX_SENT = 10_000
"""Orders whose time of leaving is remembered."""
ACK_WAIT_S = 0.5
"""How long an acknowledgement without a state waits for the stream to tell it."""
TOGETHER_S = 0.005
"""How long the news of an order that was filled waits for the execution itself."""
TRADES_WAIT_S = 1.0
"""How long executions that are missing may still come by the stream before they are asked for."""
TRADES_MARGIN_MS = 120_000
"""Executions are asked for from this long before their order was first heard of: clocks differ."""
MAX_TOLD_FOREIGN = 10_000
"""Foreign executions remembered, so that each is told once."""
FOREIGN_AFTER_MS = 5_000
"""Executions nobody has claimed by then belong to orders that are not Terrace's."""

Spawn = Callable[[Coroutine[Any, Any, None]], Any]


@dataclass(slots=True, kw_only=True)
class OrdersContext:
    connection: Connection
    spawn: Spawn
    instrument: Callable[[str], Instrument | None]
    prepare: Callable[[str], Coroutine[Any, Any, None]]
    """Sets a symbol up before its first order; `SetupFault` or `VenueFault` where that fails."""
    is_prepared: Callable[[str], bool]
    """Nothing is left to set up: an order need not go the long way through tasks that wait for it."""
    window_ms: Callable[[], int]
    """How long after its leaving the venue may still accept an order."""


class CcxtOrders:
    """On the exchange loop only."""

    def __init__(self, context: OrdersContext) -> None:
        self._context = context
        self._connection = context.connection
        self._venue = context.connection.venue
        self._fee_prices = FeePrices(context.connection)
        self._tracker = Tracker()
        self._news: dict[str, asyncio.Event] = {}
        """Who waits for the first word of an order's state."""
        self._start_ms = self._now_ms()
        self._told_foreign: dict[tuple[str, str], None] = {}
        self._seeking: set[str] = set()
        """Symbols whose executions are being asked for."""
        self._seeking_foreign: set[str] = set()
        """Symbols where orders that are not ours have filled, until that is asked for."""
        self._sent_s: OrderedDict[str, float] = OrderedDict()
        """When orders left, by a clock that nobody sets."""

    def _now_ms(self) -> int:
        return self._connection.clock.now_ms()

    # --- what the gateway asks --------------------------------------------------------------------

    async def submit(self, order: Order, life: int, asked_ms: int) -> None:
        may_leave = self._last_look(life, asked_ms, order)
        instrument = self._context.instrument(order.symbol)
        if instrument is None:
            self._not_ready("submit", order, life, asked_ms, f"{order.symbol}: the instrument is not known yet")
            return
        if order.role is Role.ENTRY and not await self._is_fit_to_enter(order, life, asked_ms):
            return
        if words := may_leave():
            self._not_sent("submit", order, life, asked_ms, words)
            return
        self._tracker.expect(order, self._now_ms())
        raw = await self._created(order, instrument, life, asked_ms, may_leave)
        if raw is not None:
            await self._learn_answer(order, raw)
            await self._answer_when_known("submit", order, life, asked_ms)

    async def _created(
        self, order: Order, instrument: Instrument, life: int, asked_ms: int, may_leave: Callable[[], str]
    ) -> Raw | None:
        """None: it was not accepted, as far as is known, and that was answered."""
        try:
            raw = await self._connection.call(
                Ask.SUBMIT, lambda: self._venue.create(order, instrument), may_leave=may_leave, about=order
            )
        except NotSent as stopped:
            self._not_sent("submit", order, life, asked_ms, str(stopped))
            return None
        except VenueFault as fault:
            if fault.verdict.fate == Fate.REFUSED:
                self._tracker.forget_unheard(order.client_order_id)
            self._answer_fault("submit", order, life, asked_ms, fault.verdict)
            return None
        if is_created(raw):
            return raw
        verdict = judge_created(self._venue.exchange, raw)
        self._answer("submit", order, life, asked_ms, verdict.fate, verdict.reason, verdict.words)
        return None

    async def _is_fit_to_enter(self, order: Order, life: int, asked_ms: int) -> bool:
        """Else that was answered. What closes a position is never held up by either."""
        if not await self._is_set_up(order, life, asked_ms):
            return False
        reason = self._venue.misfit(order)
        if reason is not None:
            words = f"{order.symbol}: the exchange's price or quantity steps have changed"
            self._answer("submit", order, life, asked_ms, Fate.REFUSED, reason, words)
        return reason is None

    async def _is_set_up(self, order: Order, life: int, asked_ms: int) -> bool:
        """Else that was answered: nothing has been sent. What closes a position never waits for its settings."""
        if self._context.is_prepared(order.symbol):
            return True
        try:
            await asyncio.wait_for(self._context.prepare(order.symbol), SETUP_WAIT_S)
        except TimeoutError:
            words = f"{order.symbol} is still being set up at the exchange"
            self._not_ready("submit", order, life, asked_ms, words)
        except SetupFault as fault:
            self._answer("submit", order, life, asked_ms, Fate.REFUSED, Reason.ACCOUNT_NOT_READY, str(fault))
        except VenueFault as fault:
            verdict = fault.verdict
            fate = Fate.REFUSED if verdict.fate == Fate.REFUSED else Fate.TEMPORARY
            self._answer_fault("submit", order, life, asked_ms, replace(verdict, fate=fate))
        else:
            return True
        return False

    def _last_look(self, life: int, asked_ms: int, order: Order) -> Callable[[], str]:
        """For the moment before the bytes leave: words if they must not (rule 7)."""
        limit_s = time.monotonic() + (SEND_WITHIN_MS - max(0, self._now_ms() - asked_ms)) / 1000

        def look() -> str:
            if life != self._connection.life:
                return "asked by an earlier life"
            if time.monotonic() > limit_s:
                return "it was held up; nothing was sent"
            self._sent_s[order.client_order_id] = time.monotonic()
            self._sent_s.move_to_end(order.client_order_id)
            while len(self._sent_s) > MAX_SENT:
                self._sent_s.popitem(last=False)
            return ""

        return look

    def _not_sent(self, request: str, order: Order, life: int, asked_ms: int, words: str) -> None:
        """To an earlier life this is not told, like everything else."""
        self._tracker.forget_unheard(order.client_order_id)
        self._not_ready(request, order, life, asked_ms, words)

    def _not_ready(self, request: str, order: Order, life: int, asked_ms: int, words: str) -> None:
        """No fault of the exchange's, and nothing has left."""
        self._answer(request, order, life, asked_ms, Fate.TEMPORARY, Reason.ACCOUNT_NOT_READY, words, SETUP_PAUSE_MS)

    async def cancel(self, order: Order, life: int, asked_ms: int) -> None:
        self._tracker.expect(order, self._now_ms())
        try:
            raw = await self._connection.call(Ask.CANCEL, lambda: self._venue.cancel(order), about=order)
        except VenueFault as fault:
            self._answer_fault("cancel", order, life, asked_ms, fault.verdict)
            return
        await self._learn_answer(order, raw)
        await self._answer_when_known("cancel", order, life, asked_ms, is_final_wanted=True)

    async def amend(self, order: Order, life: int, asked_ms: int) -> None:
        price, quantity = order.wanted_price or order.price, order.wanted_quantity or order.quantity
        if not self._venue.can_amend or price is None:
            words = f"{self._venue.exchange} cannot amend this order"
            self._answer("amend", order, life, asked_ms, Fate.REFUSED, Reason.EXCHANGE_REFUSED, words)
            return
        self._tracker.expect(order, self._now_ms())
        try:
            raw = await self._connection.call(
                Ask.AMEND,
                lambda: self._venue.amend(order, price, quantity),
                may_leave=self._last_look(life, asked_ms, order),
                about=order,
            )
        except NotSent as stopped:
            self._not_ready("amend", order, life, asked_ms, str(stopped))
            return
        except VenueFault as fault:
            self._answer_fault("amend", order, life, asked_ms, fault.verdict)
            return
        await self._learn_answer(order, {**raw, "price": str(price), "amount": str(quantity)})
        report = self._tracker.report(order.client_order_id)
        self._answer("amend", order, life, asked_ms, Fate.ACCEPTED, report=report)

    async def look_up(self, order: Order, life: int, asked_ms: int) -> None:
        asked_s = time.monotonic()
        try:
            found = await self._connection.call(Ask.LOOK_UP, lambda: self._venue.find(order))
        except VenueFault as fault:
            self._looked_up(order, life, asked_ms, fault.verdict.fate if _is_no_answer(fault.verdict) else Fate.UNKNOWN)
            return
        if found.order is None and not found.trades:
            is_certain = self._is_surely_absent(order.client_order_id, asked_s)
            if is_certain:
                self._tracker.forget_unheard(order.client_order_id)
            self._looked_up(order, life, asked_ms, Fate.ACCEPTED if is_certain else Fate.UNKNOWN)
            return
        self._tracker.expect(order, self._now_ms())
        await self._learn_found(order, found)
        if order.client_order_id in self._tracker.missing:
            await self._seek(order.symbol, since_ms=order.create_time_ms - TRADES_MARGIN_MS)
        report = self._tracker.report(order.client_order_id)
        is_whole = order.client_order_id not in self._tracker.missing
        self._looked_up(order, life, asked_ms, Fate.ACCEPTED if is_whole else Fate.UNKNOWN, report)
        if report is not None and not is_whole:
            self._stream([order.client_order_id])

    def _is_surely_absent(self, client_order_id: str, asked_s: float) -> bool:
        """Not if it may still be accepted, whatever has become of the machine's clock since it left, and not against
        the venue's own word of executions that are still to come.
        """
        sent_s = self._sent_s.get(client_order_id)
        is_too_young = sent_s is not None and asked_s - sent_s <= self._context.window_ms() / 1000
        return not is_too_young and client_order_id not in self._tracker.missing

    async def open_orders(self, life: int, asked_ms: int) -> None:
        wanted = sorted(self._tracker.symbols())
        try:
            raws = await self._list(wanted)
        except VenueFault as fault:
            fate = Fate.REFUSED if fault.verdict.is_auth else Fate.TEMPORARY
            words = fault.verdict.words
            self._connection.deliver(OpenOrdersFetched(incarnation=life, fate=fate, asked_ms=asked_ms, words=words))
            return
        reports = []
        for raw in raws:
            view = self._view(raw)
            self._saw(view, raw)
            known = self._tracker.report(view.client_order_id)
            reports.append(known or _foreign_report(view))
        self._connection.deliver(
            OpenOrdersFetched(incarnation=life, fate=Fate.ACCEPTED, reports=tuple(reports), asked_ms=asked_ms)
        )
        self._seek_soon(wait_s=0)

    async def _list(self, symbols: Sequence[str]) -> list[Raw]:
        """The budget was drawn on for one request."""
        if not self._venue.lists_by_symbol:
            return await self._connection.call(Ask.OPEN_ORDERS, lambda: self._venue.open_orders(symbols))
        raws: list[Raw] = []
        for number, symbol in enumerate(symbols):
            ask = partial(self._venue.open_orders, [symbol])
            if number:
                raws += await self._connection.draw_and_call(Ask.OPEN_ORDERS, Work.LOOK_UP, ask)
            else:
                raws += await self._connection.call(Ask.OPEN_ORDERS, ask)
        return raws

    # --- what the streams say ---------------------------------------------------------------------

    def streamed_orders(self, raws: Iterable[Raw]) -> None:
        news = []
        for raw in raws:
            view = self._view(raw)
            if (":" in view.symbol) is not self._venue.is_swap:
                continue  # One stream for spot and swaps: this is an order of the other account on the same key.
            if self._saw(view, raw):
                news.append(view.client_order_id or self._tracker_name(view))
            elif self._venue.is_swap and view.filled and self._tracker.track(view.client_order_id) is None:
                # Of a liquidation some streams tell the order alone.
                self._seek_foreign(view.symbol)
        lacking = [name for name in news if name in self._tracker.missing]
        self._stream(name for name in news if name not in lacking)
        if lacking:
            self._context.spawn(self._stream_what_lacks(lacking))
        self._seek_soon(TRADES_WAIT_S)

    async def _stream_what_lacks(self, names: Sequence[str]) -> None:
        """Executions come right behind the order they are of, most often: then both have left as one piece of news."""
        await asyncio.sleep(TOGETHER_S)
        self._stream(name for name in names if name in self._tracker.missing)

    async def streamed_trades(self, raws: Sequence[Raw]) -> None:
        self._stream(await self._saw_trades(raws))

    def report_foreign(self) -> None:
        """Executions on a swap account that no order of ours explains (ORD-13)."""
        for view in self._tracker.foreign(self._now_ms() - FOREIGN_AFTER_MS):
            side = Side.LONG if view.side is OrderSide.SELL else Side.SHORT
            if view.position_side not in (None, side):
                continue  # It adds to a position: nothing that groups hold went by it.
            if not self._is_new_foreign(view):
                continue
            self._connection.deliver(
                ForeignTraded(
                    incarnation=self._connection.life,
                    symbol=view.symbol,
                    side=side,
                    cause=view.cause,
                    trades=(view.trade,),
                    words=f"order {view.exchange_order_id} is not Terrace's",
                )
            )

    def _is_new_foreign(self, view: TradeView) -> bool:
        """Told once, and only if it happened in this life: what came before shows as a shortfall (ORD-7)."""
        name = (view.symbol, view.trade.trade_id)
        if view.trade.time_ms < self._start_ms or name in self._told_foreign:
            return False
        self._told_foreign[name] = None
        if len(self._told_foreign) > MAX_TOLD_FOREIGN:
            del self._told_foreign[next(iter(self._told_foreign))]
        return True

    # --- learning ---------------------------------------------------------------------------------

    def _view(self, raw: Raw) -> OrderView:
        return convert.order_view(raw, self._venue.client_order_id(raw))

    def _tracker_name(self, view: OrderView) -> str:
        return self._tracker.name_of(view.symbol, view.exchange_order_id)

    def _saw(self, view: OrderView, raw: Raw) -> bool:
        is_news = self._tracker.saw_order(view, self._now_ms(), reason_of_update(self._venue.exchange, raw))
        waiting = self._news.get(view.client_order_id or self._tracker_name(view))
        if waiting is not None and view.state is not None:
            waiting.set()
        return is_news

    async def _saw_trades(self, raws: Sequence[Raw]) -> list[str]:
        await self._fee_prices.learn(raws, self._context.instrument)
        views: list[TradeView] = []
        for raw in raws:
            instrument = self._context.instrument(convert.text(raw.get("symbol")))
            if instrument is None:
                continue
            view = convert.trade_view(raw, self._venue.client_order_id(raw), instrument, self._fee_prices.value_of)
            if view is not None:
                views.append(view)
        return self._tracker.saw_trades(views, self._now_ms())

    async def _learn_answer(self, order: Order, raw: Raw) -> None:
        """A reply to a request about this very order, whatever ids it names.

        Executions that it tells of without showing them may come by the stream. A deaf one never brings them, and a
        sweep may have to wait for the request budget, so they are asked for here too.
        """
        if raw.get("trades"):
            await self._saw_trades(
                [{"order": raw.get("id"), "symbol": order.symbol, **trade} for trade in raw["trades"]]
            )
        self._saw(convert.order_view(raw, order.client_order_id), raw)
        self._seek_soon(TRADES_WAIT_S)

    async def _learn_found(self, order: Order, found: Found) -> None:
        if found.order is not None:
            self._saw(convert.order_view(found.order, order.client_order_id), found.order)
        if found.trades:
            await self._saw_trades(found.trades)

    def _stream(self, client_order_ids: Iterable[str]) -> None:
        reports = [self._tracker.report(name) for name in dict.fromkeys(client_order_ids) if name]
        told = tuple(report for report in reports if report is not None)
        if told:
            self._connection.deliver(Streamed(incarnation=self._connection.life, reports=told))

    # --- executions that did not come -------------------------------------------------------------

    def _seek_soon(self, wait_s: float) -> None:
        for name in self._tracker.missing:
            track = self._tracker.track(name)
            if track is not None and track.symbol not in self._seeking:
                self._seeking.add(track.symbol)
                self._context.spawn(self._seek_later(track.symbol, wait_s))

    def _seek_foreign(self, symbol: str) -> None:
        if symbol not in self._seeking_foreign:
            self._seeking_foreign.add(symbol)
            self._context.spawn(self._seek_foreign_soon(symbol))

    async def _seek_foreign_soon(self, symbol: str) -> None:
        """Soon, for many at once: a busy stranger must not use up the budget."""
        try:
            since_ms = self._now_ms() - TRADES_MARGIN_MS
            await asyncio.sleep(TRADES_WAIT_S)
        finally:
            self._seeking_foreign.discard(symbol)
        await self._seek(symbol, since_ms, is_foreign=True)

    async def _seek_later(self, symbol: str, wait_s: float) -> None:
        try:
            if wait_s:
                await asyncio.sleep(wait_s)
            asked_for = self._lacking(symbol)
            await self._seek(symbol)
        finally:
            self._seeking.discard(symbol)
        if self._lacking(symbol).items() - asked_for.items():  # Filled while that was under way: it may be too old.
            self._seek_soon(TRADES_WAIT_S)

    def _lacking(self, symbol: str) -> dict[str, Decimal]:
        """Orders whose executions are missing, and what the venue calls filled of each."""
        tracks = (self._tracker.track(name) for name in self._tracker.missing)
        return {each.client_order_id: each.filled for each in tracks if each is not None and each.symbol == symbol}

    async def _seek(self, symbol: str, since_ms: int | None = None, *, is_foreign: bool = False) -> None:
        """Asks for the executions of a symbol that are missing. A failure leaves them missing: the sweep asks again."""
        tracks = [self._tracker.track(name) for name in self._tracker.missing]
        wanted = [track for track in tracks if track is not None and track.symbol == symbol]
        if not wanted and not is_foreign:
            return
        if since_ms is None:
            since_ms = min(track.first_ms for track in wanted) - TRADES_MARGIN_MS
        first_ms = since_ms
        try:
            raws = await self._connection.draw_and_call(
                Ask.TRADES, Work.LOOK_UP, lambda: self._venue.trades(symbol, first_ms)
            )
        except VenueFault:
            return
        self._stream(await self._saw_trades(raws))

    # --- answers ----------------------------------------------------------------------------------

    async def _answer_when_known(
        self, request: str, order: Order, life: int, asked_ms: int, *, is_final_wanted: bool = False
    ) -> None:
        """Some venues acknowledge and tell the state by the stream alone: that is waited for, but not long."""
        report = self._tracker.report(order.client_order_id)
        if not _says_enough(report, is_final_wanted):
            waiting = self._news.setdefault(order.client_order_id, asyncio.Event())
            waiting.clear()
            try:
                await asyncio.wait_for(waiting.wait(), ACK_WAIT_S)
            except TimeoutError:
                pass
            finally:
                self._news.pop(order.client_order_id, None)
            report = self._tracker.report(order.client_order_id)
        if not _says_enough(report, is_final_wanted):
            report = None  # The gateway looks it up.
        self._answer(request, order, life, asked_ms, Fate.ACCEPTED, report=report)

    def _answer_fault(self, request: str, order: Order, life: int, asked_ms: int, verdict: Verdict) -> None:
        self._answer(
            request, order, life, asked_ms, verdict.fate, verdict.reason, verdict.words, verdict.retry_after_ms
        )

    def _answer(
        self,
        request: str,
        order: Order,
        life: int,
        asked_ms: int,
        fate: str,
        reason: Reason | None = None,
        words: str = "",
        retry_after_ms: int = 0,
        report: OrderReport | None = None,
    ) -> None:
        self._connection.deliver(
            Answered(
                incarnation=life,
                request=request,
                client_order_id=order.client_order_id,
                fate=fate,
                report=report,
                reason=reason,
                words=words,
                retry_after_ms=retry_after_ms,
                asked_ms=asked_ms,
            )
        )

    def _looked_up(self, order: Order, life: int, asked_ms: int, fate: str, report: OrderReport | None = None) -> None:
        self._connection.deliver(
            LookedUp(
                incarnation=life,
                client_order_id=order.client_order_id,
                fate=fate,
                report=report if fate == Fate.ACCEPTED else None,
                asked_ms=asked_ms,
            )
        )


def _says_enough(report: OrderReport | None, is_final_wanted: bool) -> bool:
    if report is None or report.state is None:
        return False
    return report.state.is_final or not is_final_wanted


def _is_no_answer(verdict: Verdict) -> bool:
    return verdict.fate in (Fate.TEMPORARY, Fate.UNKNOWN)


def _foreign_report(view: OrderView) -> OrderReport:
    return OrderReport(
        client_order_id=view.client_order_id,
        exchange_order_id=view.exchange_order_id,
        state=view.state,
        time_ms=view.time_ms,
        price=view.price,
        quantity=view.quantity,
        symbol=view.symbol,
        side=view.side,
    )
