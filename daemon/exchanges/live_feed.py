"""The public side of a real exchange, on the exchange loop: instruments and prices for a paper account. No keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from actors.account_messages import StreamChanged
from actors.budget import Budget
from actors.ports import Clock
from actors.rules.model import Instrument
from actors.rules.rates import Ask, Work
from actors.rules.settings import AccountSettings
from daemon.exchanges import convert
from daemon.exchanges.connection import Connection, VenueFault
from daemon.exchanges.instruments import instruments_of
from daemon.exchanges.live_prices import InstrumentsAnswer, LivePrices
from daemon.exchanges.loop import ExchangeLoop
from daemon.exchanges.paper_instruments import overridden
from daemon.exchanges.price_feed import PriceFeed, PriceTimes
from daemon.exchanges.streams import StreamItem, Tickers
from daemon.exchanges.venues.venue import Raw, Venue

STOP_TIMEOUT_S = 5.0
MAX_NAMED = 20
"""Missing symbols named in one warning."""

_log = logging.getLogger("terrace.exchange")


class LiveFeed:
    """A `LiveSource`. `venue` is the real exchange's, without credentials; `account` the paper account."""

    def __init__(
        self,
        venue: Venue,
        account: AccountSettings,
        *,
        clock: Clock,
        loop: ExchangeLoop,
        budget: Budget,
        known: Sequence[Instrument] = (),
        times: PriceTimes | None = None,
    ) -> None:
        self.exchange = venue.exchange
        self.prices = LivePrices()
        self.known = tuple(known)
        self._venue = venue
        self._account = account
        self._clock = clock
        self._loop = loop
        self._budget = budget
        self._connection = Connection(venue, clock, budget)
        self._times = times
        self._feed: PriceFeed | None = None
        self._symbols: frozenset[str] = frozenset()
        self._missing: tuple[str, ...] = ()
        self._tell: Callable[[StreamChanged], None] = lambda _changed: None
        self._state: StreamChanged | None = None
        self._answer: InstrumentsAnswer | None = None
        self._is_asking = False

    # --- from any thread --------------------------------------------------------------------------

    def start(self, symbols: Sequence[str], tell: Callable[[StreamChanged], None]) -> None:
        self._loop.post(lambda: self._begin(frozenset(symbols), tell))

    def ask_instruments(self, answer: InstrumentsAnswer) -> None:
        self._loop.post(lambda: self._ask(answer))

    def stop(self) -> None:
        try:
            self._loop.run(self._end(), STOP_TIMEOUT_S)
        except TimeoutError:
            return

    # --- on the loop ------------------------------------------------------------------------------

    def _begin(self, symbols: frozenset[str], tell: Callable[[StreamChanged], None]) -> None:
        self._symbols, self._tell = symbols, tell
        if self._feed is None:
            self._feed = PriceFeed(self._venue, self._take, fetch=self._fetch_prices, times=self._times)
        if self._state is not None:
            tell(self._state)

    async def _end(self) -> None:
        if self._feed is not None:
            await self._feed.stop()
        await self._venue.close()

    def _ask(self, answer: InstrumentsAnswer) -> None:
        """Who asks while a question is under way takes its answer: who asked before has given up, or is gone."""
        self._answer = answer
        if not self._is_asking:
            self._is_asking = True
            self._loop.spawn(self._ask_venue())

    async def _ask_venue(self) -> None:
        try:
            instruments, words = await self._instruments()
        finally:
            self._is_asking = False
        if self._feed is not None and instruments:
            self._feed.want([instrument.symbol for instrument in instruments if instrument.active])
        if self._answer is not None:
            self._answer(instruments, words)

    async def _instruments(self) -> tuple[tuple[Instrument, ...], str]:
        blocked_ms = self._budget.blocked_until_ms() - self._clock.now_ms()
        if blocked_ms > 0:
            return (), f"{self.exchange} takes no requests from this address for {blocked_ms // 1000 + 1} s"
        try:
            raws = await self._connection.draw_and_call(Ask.INSTRUMENTS, Work.POLL, self._venue.instruments)
        except VenueFault as fault:
            return (), f"{self.exchange}: {fault.verdict.words}"
        wanted = [raw for raw in raws if raw.get("symbol") in self._symbols]
        read = await asyncio.to_thread(instruments_of, self.exchange, self._account, wanted)
        found = overridden(self._account, read)
        self._name_missing(self._symbols.difference(instrument.symbol for instrument in found))
        return tuple(found), "" if found else f"{self.exchange} has none of the account's symbols"

    def _name_missing(self, symbols: frozenset[str]) -> None:
        missing = tuple(sorted(symbols))
        if missing and missing != self._missing:
            named = ", ".join(missing[:MAX_NAMED])
            words = f"{self._account.name}: {self.exchange} has no usable market of {len(missing)} symbols: {named}"
            _log.warning(words)
        self._missing = missing

    async def _fetch_prices(self, symbols: Sequence[str]) -> Mapping[str, Raw]:
        return await self._connection.draw_and_call(Ask.PRICES, Work.POLL, lambda: self._venue.fetch_prices(symbols))

    def _take(self, item: StreamItem) -> None:
        if isinstance(item, Tickers):
            self.prices.put(convert.quotes(item.tickers, self._clock.now_ms()))
        elif isinstance(item, StreamChanged):
            self._state = item
            self._tell(item)


def public_account(account: AccountSettings) -> AccountSettings:
    """The paper account as one of the exchange whose prices it uses, without anything private."""
    return replace(account, exchange=account.price_source, api_key=None, api_secret=None, passphrase=None)
