"""What an account owns and may do at its venue: balances, instruments, set-up, clock, funding, the check on demand."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from actors.account_messages import AccountProbed, ClockMeasured
from actors.messages import BalancesFetched, Fate, InstrumentsFetched
from actors.rules.choices import Market
from actors.rules.model import Instrument, Position
from actors.rules.rates import Ask, Work
from daemon.exchanges import convert
from daemon.exchanges.connection import Connection, VenueFault
from daemon.exchanges.errors import Verdict
from daemon.exchanges.instruments import instruments_of
from daemon.exchanges.venues.venue import SetupFault

CLOCK_EVERY_S = 300.0
CLOCK_AFTER_FAULT_S = 1.0
"""A timestamp was refused: the clock is measured again, but not more often than this."""
FAR_OFF_MS = 1_000
"""A clock this far off is named in the check; requests are corrected all the same."""
FUNDING_FIRST_S = 5.0
FUNDING_EVERY_S = 300.0
FUNDING_BACK_MS = 3 * 86_400_000
"""How far back payments are asked for at the start: a daemon may have been away for a weekend."""
FUNDING_MARGIN_MS = 3_600_000
"""Payments show up late in a venue's list."""
Result = TypeVar("Result")
Check = tuple[str, bool, str]


class CcxtAccount:
    """On the exchange loop only."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._venue = connection.venue
        self._account = connection.venue.account
        self.instruments: Mapping[str, Instrument] = {}
        self._prepared: dict[str, asyncio.Task[None]] = {}
        self._account_prepared: asyncio.Task[None] | None = None
        self._measure_now = asyncio.Event()
        connection.on_clock_fault = self._measure_now.set

    def instrument(self, symbol: str) -> Instrument | None:
        return self.instruments.get(symbol)

    # --- questions of the gateway -----------------------------------------------------------------

    async def fetch_balances(self, life: int) -> None:
        try:
            raw = await self._connection.call(Ask.BALANCES, self._venue.balances)
            positions: tuple[Position, ...] = ()
            if self._account.market is Market.SWAP:
                asked = self._connection.draw_and_call(Ask.BALANCES, Work.SWEEP, self._venue.positions)
                positions = convert.positions(await asked)
        except VenueFault as fault:
            self._connection.deliver(BalancesFetched(incarnation=life, fate=Fate.TEMPORARY, words=fault.verdict.words))
            return
        self._connection.deliver(
            BalancesFetched(incarnation=life, fate=Fate.ACCEPTED, balances=convert.balances(raw), positions=positions)
        )

    async def fetch_instruments(self, life: int) -> None:
        try:
            raws = await self._connection.call(Ask.INSTRUMENTS, self._venue.instruments)
        except VenueFault as fault:
            self._connection.deliver(
                InstrumentsFetched(incarnation=life, fate=Fate.TEMPORARY, words=fault.verdict.words)
            )
            return
        found = await asyncio.to_thread(instruments_of, self._venue.exchange, self._account, raws)
        self.instruments = {instrument.symbol: instrument for instrument in found}
        self._connection.deliver(InstrumentsFetched(incarnation=life, fate=Fate.ACCEPTED, instruments=found))

    # --- set-up of swaps --------------------------------------------------------------------------

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
        while wait_ms := self._connection.budget.take(Ask.TIME, work, self._connection.clock.now_ms()):
            await asyncio.sleep(wait_ms / 1000)
        began_s, began_ms = time.monotonic(), self._connection.clock.now_ms()
        theirs_ms = await self._connection.call(Ask.TIME, self._venue.server_time_ms)
        took_ms = int((time.monotonic() - began_s) * 1000)
        offset_ms = theirs_ms - (began_ms + took_ms // 2)
        self._venue.correct_clock(offset_ms)
        self._connection.deliver(
            ClockMeasured(incarnation=self._connection.life, offset_ms=offset_ms, round_trip_ms=took_ms)
        )
        return offset_ms

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

    # --- the check --------------------------------------------------------------------------------

    async def probe(self, life: int) -> None:
        """Everything a first order needs, one after the other; what failed says what to do."""
        checks: list[Check] = []
        may_withdraw: bool | None = None
        if await self._check_reach(checks) and await self._check_key(checks):
            may_withdraw = await self._check_permissions(checks)
            await self._check_market(checks)
        self._connection.deliver(AccountProbed(incarnation=life, checks=tuple(checks), may_withdraw=may_withdraw))

    async def _check_reach(self, checks: list[Check]) -> bool:
        try:
            offset_ms = await self.measure(Work.LOOK_UP)
        except VenueFault as fault:
            checks.append(("connection", False, remedy(fault.verdict, self._venue.exchange)))
            return False
        checks.append(("connection", True, f"{self._venue.exchange} answers"))
        is_well = abs(offset_ms) <= FAR_OFF_MS
        words = f"our clock is {-offset_ms} ms ahead of the venue's" if offset_ms < 0 else f"{offset_ms} ms behind"
        if not is_well:
            words += ": requests are corrected, but set this machine's clock (chrony, systemd-timesyncd)"
        checks.append(("clock", is_well, words))
        return True

    async def _check_key(self, checks: list[Check]) -> bool:
        try:
            await self._ask(Ask.BALANCES, self._venue.balances)
        except VenueFault as fault:
            checks.append(("key", False, remedy(fault.verdict, self._venue.exchange)))
            return False
        checks.append(("key", True, "the venue takes it"))
        return True

    async def _check_permissions(self, checks: list[Check]) -> bool | None:
        try:
            allowed = await self._ask(Ask.SETUP, self._venue.permissions)
        except VenueFault as fault:
            checks.append(("permissions", False, remedy(fault.verdict, self._venue.exchange)))
            return None
        may_trade, may_withdraw = allowed.get("trade"), allowed.get("withdraw")
        if may_trade is None:
            checks.append(("permissions", True, "the venue does not say; the first order will tell"))
        elif may_trade:
            checks.append(("permissions", True, "the key may trade"))
        else:
            kind = "futures" if self._account.market is Market.SWAP else "spot"
            words = f"the key may not trade: allow {kind} trading for it at {self._venue.exchange}"
            checks.append(("permissions", False, words))
        if may_withdraw:
            words = "THE KEY MAY WITHDRAW: take that permission away at the venue; Terrace never needs it"
            checks.append(("withdrawal", False, words))
        return may_withdraw

    async def _check_market(self, checks: list[Check]) -> None:
        market = self._account.market.value
        try:
            if self._account.market is Market.SWAP:
                await self._ask(Ask.BALANCES, self._venue.positions)
            await self._connection.draw_and_call(Ask.SETUP, Work.LOOK_UP, self._venue.prepare_account)
        except SetupFault as fault:
            checks.append(("market", False, str(fault)))
            return
        except VenueFault as fault:
            words = f"market: {market} does not work with this key: {remedy(fault.verdict, self._venue.exchange)}"
            checks.append(("market", False, words))
            return
        count = len(self.instruments)
        words = f"{count} {market} instruments" if count else f"no {market} instruments: is market: {market} right?"
        checks.append(("market", bool(count), words))

    async def _ask(self, ask: Ask, call: Callable[[], Awaitable[Result]]) -> Result:
        return await self._connection.draw_and_call(ask, Work.LOOK_UP, call)


def remedy(verdict: Verdict, exchange: str) -> str:
    """The venue's words and what to do about them."""
    if verdict.is_ban or verdict.is_rate_limit:
        wait_s = verdict.retry_after_ms // 1000
        return f"{verdict.words}: too many requests from this address; wait {wait_s or 'some'} s, stop other programs"
    if verdict.is_clock:
        return f"{verdict.words}: the clocks differ too much; set this machine's clock"
    if verdict.is_auth:
        return (
            f"{verdict.words}: check api_key, api_secret (and passphrase), that the key is for {exchange}, for testnet "
            "or live as configured, and that this machine's address is on its list"
        )
    return f"{verdict.words}: check the network, the address in urls and the venue's status page"
