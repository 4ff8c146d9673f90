"""A real exchange behind `actors.ports.Exchange`: ccxt on the exchange loop, answers to the gateway that lives now."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from actors.account_messages import StreamChanged
from actors.budget import Budget
from actors.messages import Quoted, ReplyTo
from actors.ports import Clock, Sink
from actors.rules.model import Instrument, Order, Reason, Refused
from actors.rules.rates import Ask, Work
from daemon.exchanges import convert
from daemon.exchanges.ccxt_account import CcxtAccount
from daemon.exchanges.ccxt_orders import SEND_WITHIN_MS, CcxtOrders, OrdersContext
from daemon.exchanges.connection import Connection, VenueFault
from daemon.exchanges.convert import TradeView
from daemon.exchanges.loop import ExchangeLoop
from daemon.exchanges.price_feed import PriceFeed
from daemon.exchanges.streams import StreamItem, Streams, Tickers
from daemon.exchanges.venue_request import VenueRequest
from daemon.exchanges.venues.venue import Credentials, Raw, SetupFault, Venue

CLOCK_MARGIN_MS = 2_000
"""Added to the venue's receive window: how wrong our idea of its clock may be."""
BALANCES_PAUSE_S = 0.3
"""Changes of balances within this time are asked for together."""
FOREIGN_EVERY_S = 2.0
STOP_TIMEOUT_S = 5.0


class CcxtExchange:
    """One account. Its methods may be called from any thread and return at once."""

    def __init__(
        self,
        venue: Venue,
        *,
        clock: Clock,
        loop: ExchangeLoop,
        budget: Budget,
        instruments: Sequence[Instrument] = (),
    ) -> None:
        """`instruments`: the catalogue of the last run, until a newer one is fetched (PRC-1)."""
        self.acceptance_window_ms = SEND_WITHIN_MS + venue.recv_window_ms + CLOCK_MARGIN_MS
        self.budget = budget
        self.can_amend = venue.can_amend
        self.can_stop = venue.can_stop and venue.is_swap
        self._venue = venue
        self._clock = clock
        self._loop = loop
        self._connection = Connection(venue, clock, budget)
        self._account = CcxtAccount(self._connection)
        self._account.instruments = {instrument.symbol: instrument for instrument in instruments}
        self._orders = CcxtOrders(
            OrdersContext(
                connection=self._connection,
                spawn=loop.spawn,
                instrument=self._account.instrument,
                prepare=self._account.prepare,
                is_prepared=self._account.is_prepared,
                window_ms=lambda: self.acceptance_window_ms,
            )
        )
        self._streams: Streams | None = None
        self._prices: PriceFeed | None = None
        self._states: dict[str, StreamChanged] = {}
        self._is_running = False
        self._balances_asked = False

    # --- life -------------------------------------------------------------------------------------

    def start(self, sink: Sink, incarnation: int) -> None:
        self._connection.bind(sink, incarnation)
        self._loop.post(self._begin)

    def stop(self) -> None:
        """For good. Requests under way are abandoned: their fate is found out at the next start."""
        self._connection.bind(lambda _message: None, -1)
        try:
            self._loop.run(self._end(), STOP_TIMEOUT_S)
        except TimeoutError:
            return

    def change_credentials(self, credentials: Credentials) -> None:
        """Signs with this key from now on; the account's own streams begin afresh. Any thread."""
        self._loop.post(lambda: self._venue.change_credentials(credentials))
        self._spawn(self._venue.renew_streams)

    def record_requests(self, record: Callable[[VenueRequest], None]) -> None:
        """`record` is told of each request once it is over, in the exchange loop. Before `start`."""
        self._connection.on_request = record

    def guard_sending(self, may_send: Callable[[], str]) -> None:
        """`may_send` is asked right before each request that changes something leaves. Before `start`."""
        self._connection.may_send = may_send

    def _begin(self) -> None:
        for state in list(self._states.values()):
            self._tell_stream(state)
        if self._is_running:
            return
        self._is_running = True
        self._loop.spawn(self._account.keep_time())
        if self._venue.keep_streams_s:
            self._loop.spawn(self._keep_streams())
        if self._venue.is_swap:
            self._loop.spawn(self._watch_foreign())
            self._loop.spawn(self._account.keep_funding())
        self._streams = Streams(self._venue, self._take)
        self._prices = PriceFeed(self._venue, self._take, fetch=self._fetch_prices)
        self._streams.start()

    async def _end(self) -> None:
        if self._streams is not None:
            await self._streams.stop()
        if self._prices is not None:
            await self._prices.stop()
        await self._venue.close()

    # --- the port ---------------------------------------------------------------------------------

    def submit(self, orders: Sequence[Order]) -> None:
        self._for_each(orders, self._orders.submit)

    def cancel(self, orders: Sequence[Order]) -> None:
        self._for_each(orders, self._orders.cancel)

    def amend(self, orders: Sequence[Order]) -> None:
        self._for_each(orders, self._orders.amend)

    def look_up(self, order: Order) -> None:
        self._for_each((order,), self._orders.look_up)

    def fetch_open_orders(self) -> None:
        life, asked_ms = self._connection.life, self._clock.now_ms()
        self._spawn(lambda: self._orders.open_orders(life, asked_ms))

    def fetch_balances(self) -> None:
        life = self._connection.life
        self._spawn(lambda: self._account.fetch_balances(life))

    def fetch_instruments(self) -> None:
        life = self._connection.life
        self._spawn(lambda: self._account.fetch_instruments(life))

    def subscribe(self, symbols: Sequence[str]) -> None:
        wanted = tuple(symbols)
        self._loop.post(lambda: self._subscribe(wanted))

    def probe(self) -> None:
        life = self._connection.life
        self._spawn(lambda: self._account.probe(life))

    def trades_since(self, symbol: str, since_ms: int, timeout_s: float) -> tuple[TradeView, ...]:
        """The account's executions of an instrument, fees in third assets not valued. Blocks; not on the loop.

        VenueFault where the venue does not tell them, TimeoutError where it takes too long.
        """
        found: list[Raw] = []

        async def ask() -> None:
            found.extend(
                await self._connection.draw_and_call(
                    Ask.TRADES, Work.LOOK_UP, lambda: self._venue.trades(symbol, since_ms)
                )
            )

        self._loop.run(ask(), timeout_s)
        instrument = self._account.instrument(symbol)
        if instrument is None:
            return ()
        views = (
            convert.trade_view(raw, self._venue.client_order_id(raw), instrument, lambda _asset, _quote: None)
            for raw in found
        )
        return tuple(view for view in views if view is not None)

    def set_price(self, symbol: str, price: Decimal, reply_to: ReplyTo) -> None:
        words = f"prices are made by {self._venue.exchange}; {symbol} cannot be set to {price}"
        reply_to.reply(Refused(reason=Reason.EXCHANGE_REFUSED, detail=words))

    # --- inside -----------------------------------------------------------------------------------

    def _for_each(self, orders: Sequence[Order], work: Callable[[Order, int, int], Coroutine[Any, Any, None]]) -> None:
        life, asked_ms, wanted = self._connection.life, self._clock.now_ms(), tuple(orders)

        async def begin() -> None:
            for order in wanted:
                self._loop.spawn(work(order, life, asked_ms))
                await asyncio.sleep(0)  # Its bytes leave before the next one is signed.

        self._spawn(begin)

    def _spawn(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._loop.post(lambda: self._loop.spawn(work()))

    def _subscribe(self, symbols: Sequence[str]) -> None:
        if self._prices is not None:
            self._prices.want(symbols)
        if self._venue.is_swap:
            for symbol in symbols:
                self._loop.spawn(self._prepare_early(symbol))

    async def _prepare_early(self, symbol: str) -> None:
        """So that the first order of a symbol need not wait for it. A failure is told by the order."""
        try:
            await self._account.prepare(symbol)
        except (SetupFault, VenueFault):
            return

    async def _fetch_prices(self, symbols: Sequence[str]) -> Mapping[str, Raw]:
        return await self._connection.draw_and_call(Ask.PRICES, Work.POLL, lambda: self._venue.fetch_prices(symbols))

    # --- what the streams bring -------------------------------------------------------------------

    def _take(self, item: StreamItem) -> None:
        if isinstance(item, StreamChanged):
            self._tell_stream(item)
        elif isinstance(item, Tickers):
            quotes = convert.quotes(item.tickers, self._clock.now_ms())
            self._connection.deliver(Quoted(incarnation=self._connection.life, quotes=quotes))
        elif item.stream == "orders":
            self._orders.streamed_orders(item.rows)
        elif item.stream == "trades":
            self._loop.spawn(self._orders.streamed_trades(item.rows))
        else:
            self._ask_balances()

    def _tell_stream(self, changed: StreamChanged) -> None:
        self._states[changed.stream] = changed
        self._connection.deliver(replace(changed, incarnation=self._connection.life))

    def _ask_balances(self) -> None:
        if not self._balances_asked:
            self._balances_asked = True
            self._loop.spawn(self._balances_soon())

    async def _balances_soon(self) -> None:
        await asyncio.sleep(BALANCES_PAUSE_S)
        await self._connection.draw(Ask.BALANCES, Work.SWEEP)
        self._balances_asked = False
        await self._account.fetch_balances(self._connection.life)

    async def _keep_streams(self) -> None:
        while True:
            await asyncio.sleep(self._venue.keep_streams_s)
            with contextlib.suppress(VenueFault):
                await self._connection.draw_and_call(Ask.TIME, Work.LOOK_UP, self._venue.keep_streams)

    async def _watch_foreign(self) -> None:
        while True:
            await asyncio.sleep(FOREIGN_EVERY_S)
            self._orders.report_foreign()
