"""The account's own streams: orders, trades and balances, each read by one task that does nothing but put aside.

ccxt's `watch_*` does not queue: an event that comes while nobody waits lies in a cache until the next one. So a reader
waits again in the same breath, and another task hands on what it put aside. Nothing that was missed is replayed by any
venue: whenever something may have been lost the stream is told as up anew, and the gateway compares (ORD-7).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from actors.account_messages import StreamChanged
from actors.rules.rates import Ask
from daemon.exchanges.errors import Verdict, judge
from daemon.exchanges.refusal_text import clean
from daemon.exchanges.sockets import Sockets
from daemon.exchanges.venues.venue import Raw, Venue

QUEUE_ROWS = 20_000
"""Rows put aside of one stream. What comes beyond that is dropped, and the stream told as up anew."""
BATCH_ROWS = 500
"""Most rows handed on at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRows:
    """What a stream brought, in order of arrival: ccxt's unified dicts, copies of its own."""

    stream: str
    """`orders`, `trades` or `balances`."""
    rows: tuple[Raw, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tickers:
    """The newest price of each symbol that has a new one."""

    tickers: Mapping[str, Raw]


StreamItem = StreamRows | Tickers | StreamChanged
"""`StreamChanged` comes with incarnation 0: whoever hands it on knows the life."""
Put = Callable[[StreamItem], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTimes:
    """Seconds. Tests make them short."""

    tick_s: float = 0.25
    """How often the streams are looked at."""
    settle_s: float = 1.5
    """How long a subscription must have stood before the stream is called up."""
    lost_s: float = 30.0
    """How long a reader may wait without a subscription that stands, before everything is begun afresh."""
    silence_s: float = 60.0
    """No frame on a socket for so long, and no answer to a ping: it is dead. Pings leave at half of it."""
    renew_s: float = 60.0
    """At least so long between two fresh beginnings, but for those that the venue announces."""
    again_s: float = 300.0
    """How long what was given up rests: a key may be mended at the venue."""
    back_off_s: float = 0.5
    max_back_off_s: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shared:
    put: Put
    times: StreamTimes
    sockets: Sockets
    fraction: Callable[[], float]
    verdict: Callable[[BaseException], Verdict]
    failed: Callable[[], None]
    give_up: Callable[[str], None]
    auth_tries: int


class Reader:
    """One stream: a task that waits, one that hands on, and what is known of the subscription."""

    def __init__(self, stream: str, watch: Callable[[], Awaitable[Any]], shared: _Shared) -> None:
        self.stream = stream
        self._watch = watch
        self._shared = shared
        self._queue: asyncio.Queue[Raw] = asyncio.Queue(QUEUE_ROWS)
        self._reading: asyncio.Task[None] | None = None
        self._handing: asyncio.Task[None] | None = None
        self._told: bool | None = None
        self._tries = 0
        self._auth_faults = 0
        self._is_waiting = False
        self._is_restarting = False
        self._is_given_up = False
        self._has_lost = False
        self._waiting_since_s = 0.0
        self._standing_since_s: float | None = None
        self._has_stood = False

    # --- life -------------------------------------------------------------------------------------

    def start(self) -> None:
        if self._reading is None or self._reading.done() or self._is_given_up:
            self._is_given_up = False
            self._tries = self._auth_faults = 0
            self._reading = asyncio.ensure_future(self._read())
        if self._handing is None or self._handing.done():
            self._handing = asyncio.ensure_future(self._hand_on())

    def cancel(self) -> list[asyncio.Task[None]]:
        tasks = [task for task in (self._reading, self._handing) if task is not None]
        for task in tasks:
            task.cancel()
        return tasks

    def end(self, words: str) -> None:
        """Gives up; `start` begins anew."""
        self._is_given_up, self._told = True, False
        if self._reading is not None and self._reading is not asyncio.current_task():
            self._reading.cancel()
        self._tell(is_up=False, words=words)

    def restart(self) -> None:
        """Leaves a watch that hangs."""
        if self._is_waiting and self._reading is not None:
            self._is_restarting = True
            self._reading.cancel()

    # --- reading ----------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            try:
                await self._read_on()
            except asyncio.CancelledError:
                self._is_waiting = False
                if self._is_told_to_stop():
                    raise
                self._went("the stream is begun afresh")
                await asyncio.sleep(self._shared.times.tick_s)
            except Exception as error:  # Anything: ccxt raises KeyError for a refused subscription.
                if not await self._failed(error):
                    return
            finally:
                self._is_waiting = False

    def _is_told_to_stop(self) -> bool:
        """Else the cancellation was our own restart, or somebody has closed the socket under us."""
        task = asyncio.current_task()
        assert task is not None
        if self._is_restarting:
            self._is_restarting = False
            task.uncancel()
        return task.cancelling() > 0

    async def _read_on(self) -> None:
        """Until it fails. Between two waits nothing may be awaited, or an event is left behind."""
        self._waiting_since_s = _now_s()
        self._standing_since_s, self._has_stood = None, False
        self._is_waiting = True
        while True:
            rows = await self._watch()
            self._put_aside(rows)

    def _put_aside(self, rows: Any) -> None:
        try:
            # Copies: ccxt goes on changing the dicts in its cache.
            for row in [rows] if isinstance(rows, dict) else rows:
                self._queue.put_nowait(dict(row))
        except asyncio.QueueFull:
            self._has_lost = True
        if not self._told:
            self._came()

    async def _failed(self, error: Exception) -> bool:
        """Whether to try again, after a pause."""
        self._is_waiting = False
        verdict = self._shared.verdict(error)
        words = verdict.words or clean(str(error)) or type(error).__name__
        self._auth_faults = self._auth_faults + 1 if verdict.is_auth else 0
        if self._auth_faults >= self._shared.auth_tries:
            self._shared.give_up(f"given up after {self._auth_faults} refusals of the key: {words}")
            return False
        self._went(words)
        self._shared.failed()
        await asyncio.sleep(max(self._pause_s(), verdict.retry_after_ms / 1000))
        return True

    def _pause_s(self) -> float:
        times = self._shared.times
        pause_s = min(times.back_off_s * 2.0 ** min(self._tries, 16), times.max_back_off_s)
        self._tries += 1
        return pause_s * (0.5 + self._shared.fraction() / 2)

    # --- handing on -------------------------------------------------------------------------------

    async def _hand_on(self) -> None:
        while True:
            rows = [await self._queue.get()]
            while len(rows) < BATCH_ROWS and not self._queue.empty():
                rows.append(self._queue.get_nowait())
            words = self._hand(rows)
            if self._has_lost and self._queue.empty():
                self._has_lost = False
                words = words or f"more than {QUEUE_ROWS} updates at once"
            if words and self._told:
                self._went(words)
                self._came()
            await asyncio.sleep(0)

    def _hand(self, rows: list[Raw]) -> str:
        """What went wrong, in words; the stream goes on."""
        try:
            self._shared.put(StreamRows(stream=self.stream, rows=tuple(rows)))
        except Exception as error:
            return f"an update could not be read: {type(error).__name__}: {clean(str(error))}"
        return ""

    # --- what is told -----------------------------------------------------------------------------

    def look(self, now_s: float) -> str:
        """Tells that the stream is up once its subscription stands. Words, if a fresh beginning is needed."""
        if not self._is_waiting:
            return ""
        times = self._shared.times
        if self._shared.sockets.standing(self.stream):
            if self._standing_since_s is None:
                self._standing_since_s = now_s
            self._has_stood = True
            if not self._told and now_s - self._standing_since_s >= times.settle_s:
                self._came()
            return ""
        if self._standing_since_s is not None:
            self._standing_since_s, self._waiting_since_s = None, now_s
        is_hanging = self._has_stood or not self._told
        if is_hanging and now_s - self._waiting_since_s >= times.lost_s:
            return f"nothing stands for {times.lost_s:g} s"
        return ""

    def _came(self) -> None:
        self._told = True
        self._tries = self._auth_faults = 0
        self._tell(is_up=True)

    def _went(self, words: str) -> None:
        if self._told is not False:
            self._told = False
            self._tell(is_up=False, words=words)

    def _tell(self, *, is_up: bool, words: str = "") -> None:
        self._shared.put(StreamChanged(incarnation=0, stream=self.stream, is_up=is_up, words=words))


class Streams:
    """The three streams of an account. All on the exchange loop."""

    def __init__(
        self,
        venue: Venue,
        put: Put,
        *,
        times: StreamTimes | None = None,
        fraction: Callable[[], float] = random.random,
        auth_tries: int = 5,
    ) -> None:
        """`put` must not block. After `auth_tries` refusals of the key in a row all is given up; see `start`."""
        self._venue = venue
        self._times = times or StreamTimes()
        self._sockets = Sockets(venue.client)
        shared = _Shared(
            put=put,
            times=self._times,
            sockets=self._sockets,
            fraction=fraction,
            verdict=self._verdict,
            failed=self._note_failure,
            give_up=self._give_up,
            auth_tries=auth_tries,
        )
        self._readers = (
            Reader("orders", venue.watch_orders, shared),
            Reader("trades", venue.watch_trades, shared),
            Reader("balances", venue.watch_balances, shared),
        )
        self._watching: asyncio.Task[None] | None = None
        self._renewed_s = float("-inf")
        self._given_up_s: float | None = None
        self._has_failed = False

    def start(self) -> None:
        """Begins, or begins again what was given up."""
        self._given_up_s = None
        for reader in self._readers:
            reader.start()
        if self._watching is None or self._watching.done():
            self._watching = asyncio.ensure_future(self._watch_over())

    async def stop(self) -> None:
        tasks = [task for reader in self._readers for task in reader.cancel()]
        if self._watching is not None:
            self._watching.cancel()
            tasks.append(self._watching)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def renew(self) -> None:
        """Begins all three afresh: sockets, listen keys, subscriptions. Each is told as up when it stands."""
        self._renewed_s, self._has_failed = _now_s(), False
        try:
            await self._venue.renew_streams()
        except Exception:
            await asyncio.sleep(0)  # The old sockets are left to ccxt; the readers wait anew in any case.
        await asyncio.sleep(0)
        for reader in self._readers:
            reader.restart()

    async def _watch_over(self) -> None:
        while True:
            await asyncio.sleep(self._times.tick_s)
            now_s = _now_s()
            if self._given_up_s is not None and now_s - self._given_up_s >= self._times.again_s:
                self.start()
            lost = [words for reader in self._readers if (words := reader.look(now_s))]
            has_ended, is_silent = self._look_at_sockets(now_s)
            # A refused sign-in may have left the others waiting for its answer.
            is_stuck = self._has_failed and self._sockets.is_signing_in()
            self._has_failed = is_stuck
            pause_s = self._times.back_off_s if has_ended or is_stuck else self._times.renew_s
            if (has_ended or is_stuck or is_silent or lost) and now_s - self._renewed_s >= pause_s:
                await self.renew()

    def _note_failure(self) -> None:
        self._has_failed = True

    def _give_up(self, words: str) -> None:
        """They share one key."""
        self._given_up_s = _now_s()
        for reader in self._readers:
            reader.end(words)

    def _look_at_sockets(self, now_s: float) -> tuple[bool, bool]:
        """Whether a stream was said to be over, and whether a socket is silent. Pings those that are quiet."""
        has_ended = is_silent = False
        for socket in {socket for reader in self._readers for socket in self._sockets.of(reader.stream)}:
            pulse = self._sockets.pulse(socket, now_s)
            has_ended = has_ended or pulse.has_ended
            is_silent = is_silent or pulse.silent_s(socket, now_s) >= self._times.silence_s
            pulse.ping(socket, now_s, self._times.silence_s / 2)
        return has_ended, is_silent

    def _verdict(self, error: BaseException) -> Verdict:
        """ccxt's Binance loses a refused subscription's error in a KeyError that it runs into while it cleans up."""
        cause = error.__context__ if isinstance(error, KeyError) and error.__context__ is not None else error
        verdict = judge(self._venue.exchange, cause, ask=Ask.SETUP)
        is_refused = verdict.is_auth or any(kind.__name__ == "AuthenticationError" for kind in type(cause).__mro__)
        if is_refused and not verdict.is_auth and not verdict.is_clock:
            return Verdict(fate=verdict.fate, words=verdict.words, code=verdict.code, is_auth=True)
        return verdict


def _now_s() -> float:
    return asyncio.get_running_loop().time()
