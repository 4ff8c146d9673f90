"""Prices of the symbols that are wanted, and no others: streamed, and asked for where the stream is down or quiet."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from actors.account_messages import StreamChanged
from actors.rules.rates import Ask
from daemon.exchanges.errors import judge
from daemon.exchanges.refusal_text import clean
from daemon.exchanges.sockets import Sockets
from daemon.exchanges.streams import Put, Tickers
from daemon.exchanges.venues.venue import Raw, Venue

GROUP_SYMBOLS = 100
"""Most symbols of one watch, and of one request. Within every venue's limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTimes:
    """Seconds. Tests make them short."""

    batch_s: float = 0.1
    """At most one batch in this time, the newest price of each symbol."""
    tick_s: float = 0.25
    settle_s: float = 1.5
    """How long a subscription must have stood before the stream is called up."""
    grace_s: float = 1.0
    """How long a newly wanted symbol waits for its first streamed price before it is asked for."""
    stale_s: float = 8.0
    """A symbol without a new price for so long is asked for."""
    poll_s: float = 5.0
    """At least so long between two rounds of requests."""
    max_poll_s: float = 60.0
    """The longest pause between rounds that fail."""
    silence_s: float = 60.0
    """No frame on a socket for so long: it is dropped and dialled anew."""
    back_off_s: float = 0.5
    max_back_off_s: float = 30.0


class PriceFeed:
    """Prices of one account's exchange. All on the exchange loop."""

    def __init__(
        self,
        venue: Venue,
        put: Put,
        *,
        fetch: Callable[[Sequence[str]], Awaitable[Mapping[str, Raw]]] | None = None,
        times: PriceTimes | None = None,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        """`fetch`: instead of `venue.fetch_prices`, within the request budget."""
        self._venue = venue
        self._put = put
        self._fetch = fetch or venue.fetch_prices
        self._times = times or PriceTimes()
        self._fraction = fraction
        self._sockets = Sockets(venue.client)
        self._groups: list[_Group] = []
        self._heard_s: dict[str, float] = {}
        """When each wanted symbol had its newest price; the keys are what is wanted."""
        self._seen: dict[str, Raw | None] = {}
        """The price of each wanted symbol that was kept when it was last looked at."""
        self._news: dict[str, Raw] = {}
        self._has_news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._told: bool | None = None
        self._poll_at_s = 0.0
        self._poll_faults = 0

    def want(self, symbols: Sequence[str]) -> None:
        """All symbols that are wanted from now on."""
        wanted = set(symbols)
        new = sorted(wanted - self._heard_s.keys())
        for gone in self._heard_s.keys() - wanted:
            del self._heard_s[gone]
            self._news.pop(gone, None)
            self._seen.pop(gone, None)
        first_s = _now_s() - self._times.stale_s + self._times.grace_s
        self._heard_s.update(dict.fromkeys(new, first_s))
        kept = self._venue.kept_prices() or {}
        self._seen.update({symbol: kept.get(symbol) for symbol in new})  # Of an earlier watch: old by now.
        self._regroup(new)
        if wanted and not self._tasks:
            work = (self._hand_on, self._watch_over, self._ask_for_stale)
            self._tasks = [asyncio.ensure_future(each()) for each in work]

    async def stop(self) -> None:
        tasks = [*self._tasks, *(group.task for group in self._groups if group.task is not None)]
        self._tasks, self._groups = [], []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- groups -----------------------------------------------------------------------------------

    def _regroup(self, new: Sequence[str]) -> None:
        """Old symbols stay where they are. A group watches no longer wanted ones on until it changes anyway."""
        for group in list(self._groups):
            if not any(symbol in self._heard_s for symbol in group.symbols):
                self._groups.remove(group)
                group.cancel()
        waiting = list(new)
        for group in self._groups:
            kept = [symbol for symbol in group.symbols if symbol in self._heard_s]
            if waiting and len(kept) < GROUP_SYMBOLS:
                taken, waiting = waiting[: GROUP_SYMBOLS - len(kept)], waiting[GROUP_SYMBOLS - len(kept) :]
                self._begin(group, (*kept, *taken))
        while waiting:
            taken, waiting = waiting[:GROUP_SYMBOLS], waiting[GROUP_SYMBOLS:]
            group = _Group()
            self._groups.append(group)
            self._begin(group, tuple(taken))

    def _begin(self, group: _Group, symbols: tuple[str, ...]) -> None:
        group.cancel()
        group.symbols = symbols
        group.task = asyncio.ensure_future(self._read(group))

    async def _read(self, group: _Group) -> None:
        while True:
            try:
                while True:
                    await self._read_once(group)
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
                words = "the stream is begun afresh"  # Somebody has closed the socket under us.
            except Exception as error:
                words = judge(self._venue.exchange, error, ask=Ask.PRICES).words or type(error).__name__
            group.has_heard, group.standing_since_s = False, None
            self._tell(is_up=False, words=words)
            # What nobody wants any more may be what the venue refuses: a symbol it has taken away.
            group.symbols = tuple(symbol for symbol in group.symbols if symbol in self._heard_s) or group.symbols
            pause_s = min(self._times.back_off_s * 2.0 ** min(group.tries, 16), self._times.max_back_off_s)
            group.tries += 1
            await asyncio.sleep(pause_s * (0.5 + self._fraction() / 2))

    async def _read_once(self, group: _Group) -> None:
        """One watch costs as much as its symbols are many: where ccxt keeps what comes meanwhile, it is not hurried."""
        self._look_at_kept(group.symbols)
        answer = await self._venue.watch_prices(group.symbols)
        group.has_heard, group.tries = True, 0
        if self._venue.kept_prices() is None:  # Then nothing is awaited between two waits, or a price is left behind.
            self._heard(answer)
            return
        self._look_at_kept(group.symbols)
        await asyncio.sleep(self._times.batch_s)

    # --- prices -----------------------------------------------------------------------------------

    def _look_at_kept(self, symbols: Sequence[str]) -> None:
        kept = self._venue.kept_prices() or {}
        news = {}
        for symbol in symbols:
            ticker = kept.get(symbol)
            if ticker is not None and symbol in self._seen and ticker is not self._seen[symbol]:
                news[symbol] = self._seen[symbol] = ticker
        self._heard(news)

    def _heard(self, tickers: Mapping[str, Raw]) -> None:
        now_s = _now_s()
        for symbol, ticker in tickers.items():
            if symbol in self._heard_s:
                self._heard_s[symbol] = now_s
                self._news[symbol] = dict(ticker)
                self._has_news.set()

    async def _hand_on(self) -> None:
        while True:
            await self._has_news.wait()
            self._has_news.clear()
            news, self._news = self._news, {}
            if news:
                try:
                    self._put(Tickers(tickers=news))
                except Exception as error:
                    self._tell(is_up=False, words=f"a price could not be read: {clean(str(error))}")
            await asyncio.sleep(self._times.batch_s)

    # --- looking after it -------------------------------------------------------------------------

    async def _watch_over(self) -> None:
        while True:
            await asyncio.sleep(self._times.tick_s)
            now_s = _now_s()
            await self._drop_silent(now_s)
            self._look(now_s)

    def _look(self, now_s: float) -> None:
        """Up: every group has brought a price, or its subscription has stood for a moment."""
        is_standing = bool(self._sockets.of("prices"))
        for group in self._groups:
            group.standing_since_s = (group.standing_since_s or now_s) if is_standing else None
        if self._groups and all(group.is_up(now_s, self._times.settle_s) for group in self._groups):
            self._tell(is_up=True)

    async def _drop_silent(self, now_s: float) -> None:
        for socket in self._sockets.of("prices"):
            pulse = self._sockets.pulse(socket, now_s)
            if pulse.silent_s(socket, now_s) >= self._times.silence_s:
                await self._sockets.drop(socket)
            else:
                pulse.ping(socket, now_s, self._times.silence_s / 2)

    async def _ask_for_stale(self) -> None:
        while True:
            await asyncio.sleep(self._times.tick_s)
            await self._poll(_now_s())

    async def _poll(self, now_s: float) -> None:
        late_s = now_s - (self._times.poll_s if self._told is False else self._times.stale_s)
        stale = sorted(symbol for symbol, heard_s in self._heard_s.items() if heard_s <= late_s)
        if not stale or now_s < self._poll_at_s:
            return
        try:
            for start in range(0, len(stale), GROUP_SYMBOLS):
                self._heard(await self._fetch(stale[start : start + GROUP_SYMBOLS]))
            self._poll_faults = 0
        except Exception:
            self._poll_faults += 1  # Prices grow old, which everybody sees (ORD-10).
        pause_s = self._times.poll_s * 2.0 ** min(self._poll_faults, 8)
        self._poll_at_s = _now_s() + min(pause_s, self._times.max_poll_s)

    def _tell(self, *, is_up: bool, words: str = "") -> None:
        if self._told is not is_up:
            self._told = is_up
            self._put(StreamChanged(incarnation=0, stream="prices", is_up=is_up, words=words))


class _Group:
    """Symbols that are watched together."""

    def __init__(self) -> None:
        self.symbols: tuple[str, ...] = ()
        self.task: asyncio.Task[None] | None = None
        self.tries = 0
        self.has_heard = False
        self.standing_since_s: float | None = None

    def cancel(self) -> None:
        if self.task is not None:
            self.task.cancel()

    def is_up(self, now_s: float, settle_s: float) -> bool:
        if self.has_heard:
            return True
        return self.standing_since_s is not None and now_s - self.standing_since_s >= settle_s


def _now_s() -> float:
    return asyncio.get_running_loop().time()
