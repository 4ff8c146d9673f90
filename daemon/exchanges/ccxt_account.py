"""What an account owns and may do at its venue: balances, instruments, set-up, clock, funding, the check on demand."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping

from actors.account_messages import ClockMeasured
from actors.messages import BalancesFetched, Fate, InstrumentsFetched
from actors.rules.choices import Market
from actors.rules.model import Instrument, Position
from actors.rules.rates import Ask, Work
from daemon.exchanges import convert
from daemon.exchanges.account_probe import AccountProbe
from daemon.exchanges.connection import Connection, VenueFault
from daemon.exchanges.instruments import instruments_of
from daemon.exchanges.venues.venue import SetupFault, Venue

CLOCK_EVERY_S = 300.0
CLOCK_AFTER_FAULT_S = 1.0
"""A timestamp was refused: the clock is measured again, but not more often than this."""
MAX_ROUND_TRIP_MS = 2_000
"""A measurement that took longer may be off by more than what it is to mend: it corrects only what is surely wrong."""
FUNDING_FIRST_S = 5.0
FUNDING_EVERY_S = 300.0
FUNDING_BACK_MS = 3 * 86_400_000
"""How far back payments are asked for at the start: a daemon may have been away for a weekend."""
FUNDING_MARGIN_MS = 3_600_000
"""Payments show up late in a venue's list."""


class CcxtAccount:
    """On the exchange loop only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._venue = connection.venue
        self._account = connection.venue.account
        kind = type(connection.venue)
        self._needs_set_up = kind.prepare is not Venue.prepare or kind.prepare_account is not Venue.prepare_account
        self.instruments: Mapping[str, Instrument] = {}
        self._left: dict[str, Instrument] = {}
        """Those the venue lists no more: executions on them still count, and what is held must be closed."""
        self._prepared: dict[str, asyncio.Task[None]] = {}
        self._account_prepared: asyncio.Task[None] | None = None
        self._offset_ms = 0
        """By which requests are corrected."""
        self._measure_now = asyncio.Event()
        connection.on_clock_fault = self._measure_now.set

    def instrument(self, symbol: str) -> Instrument | None:
        return self.instruments.get(symbol) or self._left.get(symbol)

    # --- questions of the gateway -----------------------------------------------------------------

    async def fetch_balances(self, life: int) -> None:
        try:
            raw = await self._connection.call(Ask.BALANCES, self._venue.balances)
            positions: tuple[Position, ...] = ()
            if self._account.market is Market.SWAP:
                # The second half of one question: with half of an answer it would only be asked again.
                asked = self._connection.draw_and_call(Ask.BALANCES, Work.LOOK_UP, self._venue.positions)
                positions = convert.positions(await asked)
        except VenueFault as fault:
            fate, words = _fate(fault), fault.verdict.words
            self._connection.deliver(BalancesFetched(incarnation=life, fate=fate, words=words))
            return
        self._connection.deliver(
            BalancesFetched(incarnation=life, fate=Fate.ACCEPTED, balances=convert.balances(raw), positions=positions)
        )

    async def fetch_instruments(self, life: int) -> None:
        try:
            raws = await self._connection.call(Ask.INSTRUMENTS, self._venue.instruments)
        except VenueFault as fault:
            fate, words = _fate(fault), fault.verdict.words
            self._connection.deliver(InstrumentsFetched(incarnation=life, fate=fate, words=words))
            return
        found = await asyncio.to_thread(instruments_of, self._venue.exchange, self._account, raws)
        self._left |= self.instruments
        self.instruments = {instrument.symbol: instrument for instrument in found}
        self._connection.deliver(InstrumentsFetched(incarnation=life, fate=Fate.ACCEPTED, instruments=found))

    # --- set-up of swaps --------------------------------------------------------------------------

    def is_prepared(self, symbol: str) -> bool:
        """Whether nothing needs to be set up, or all of it has been."""
        if not self._needs_set_up:
            return True
        task = self._prepared.get(symbol)
        return task is not None and task.done() and not task.cancelled() and task.exception() is None

    async def prepare(self, symbol: str) -> None:
        """Position mode, leverage and margin mode, before a symbol's first order. Once; again after a failure."""
        task = self._prepared.get(symbol)
        if task is None:
            task = asyncio.ensure_future(self._prepare(symbol))
            self._prepared[symbol] = task
        try:
            await asyncio.shield(task)
        except (SetupFault, VenueFault):
            self._prepared.pop(symbol, None)
            raise

    async def _prepare(self, symbol: str) -> None:
        if self._account_prepared is None:
            self._account_prepared = asyncio.ensure_future(
                self._connection.draw_and_call(Ask.SETUP, Work.ENTRY, self._venue.prepare_account)
            )
        try:
            await asyncio.shield(self._account_prepared)
        except (SetupFault, VenueFault):
            self._account_prepared = None
            raise
        await self._connection.draw_and_call(Ask.SETUP, Work.ENTRY, lambda: self._venue.prepare(symbol))

    # --- the clock --------------------------------------------------------------------------------

    async def keep_time(self) -> None:
        """Measures the venue's clock now and then, and at once when a timestamp was refused."""
        while True:
            with contextlib.suppress(VenueFault):
                await self.measure(Work.POLL)
            await asyncio.sleep(CLOCK_AFTER_FAULT_S)
            self._measure_now.clear()
            try:
                await asyncio.wait_for(self._measure_now.wait(), CLOCK_EVERY_S)
            except TimeoutError:
                continue

    async def measure(self, work: Work) -> int:
        """The venue's clock less ours, in ms; from here on requests are stamped by it."""
        await self._room_to_measure(work)
        began_s, began_ms = time.monotonic(), self._connection.clock.now_ms()
        theirs_ms = await self._connection.call(Ask.TIME, self._venue.server_time_ms)
        took_ms = int((time.monotonic() - began_s) * 1000)
        offset_ms = theirs_ms - (began_ms + took_ms // 2)
        if took_ms <= MAX_ROUND_TRIP_MS or abs(offset_ms - self._offset_ms) > took_ms // 2:
            self._offset_ms = offset_ms
            self._venue.correct_clock(offset_ms)
        self._connection.deliver(
            ClockMeasured(incarnation=self._connection.life, offset_ms=offset_ms, round_trip_ms=took_ms)
        )
        return offset_ms

    async def _room_to_measure(self, work: Work) -> None:
        """As long as timestamps are refused nothing else gets through: then this is urgent, however it began."""
        while True:
            is_urgent = self._measure_now.is_set()
            wait_ms = self._connection.budget.take(
                Ask.TIME, Work.CANCEL if is_urgent else work, self._connection.clock.now_ms()
            )
            if not wait_ms:
                return
            if is_urgent:
                await asyncio.sleep(wait_ms / 1000)
            else:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._measure_now.wait(), wait_ms / 1000)

    # --- funding ----------------------------------------------------------------------------------

    async def keep_funding(self) -> None:
        """Asks for funding payments now and then (PNL-1). Told again and again: groups count each id once."""
        since_ms = self._connection.clock.now_ms() - FUNDING_BACK_MS
        await asyncio.sleep(FUNDING_FIRST_S)
        while True:
            asked_ms = self._connection.clock.now_ms()
            with contextlib.suppress(VenueFault):
                await self._fetch_funding(since_ms)
                since_ms = asked_ms - FUNDING_MARGIN_MS
            await asyncio.sleep(FUNDING_EVERY_S)

    async def _fetch_funding(self, since_ms: int) -> None:
        asked = self._connection.draw_and_call(Ask.TRADES, Work.POLL, lambda: self._venue.funding(since_ms))
        for paid in convert.funding(await asked, self._connection.life):
            self._connection.deliver(paid)

    async def probe(self, life: int) -> None:
        """What a person asks by `terrace account check`, and the gateway now and then."""
        probe = AccountProbe(self._connection, measure=self.measure, has_instruments=lambda: len(self.instruments))
        self._connection.deliver(await probe.run(life))


def _fate(fault: VenueFault) -> str:
    """Of a question: refused where the venue did answer, and will say the same again."""
    return Fate.REFUSED if fault.verdict.is_auth else Fate.TEMPORARY
