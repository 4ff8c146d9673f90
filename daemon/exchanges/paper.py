"""The paper exchange behind `actors.ports.Exchange`: on a thread of its own, or step by step on a virtual clock.

Both have the same books and the same matching core; they differ in who calls the venue and when.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from queue import Empty, SimpleQueue

from actors.account_messages import AccountProbed, StreamChanged
from actors.budget import Budget
from actors.messages import Fate, ReplyTo
from actors.ports import Clock, Sink
from actors.rules.choices import Market, PaperPrices
from actors.rules.model import Instrument, Order
from actors.rules.settings import AccountSettings
from daemon.exchanges.candles import CandleFault, candle_files, series
from daemon.exchanges.live_prices import LiveSource
from daemon.exchanges.matching import BookState
from daemon.exchanges.memory_books import MemoryBooks
from daemon.exchanges.paper_books import Books, BooksFault, PaperBooks, books_path
from daemon.exchanges.paper_instruments import given_start_prices, start_price
from daemon.exchanges.paper_requests import (
    Amend,
    Cancel,
    FetchBalances,
    FetchInstruments,
    FetchOpenOrders,
    LookUp,
    Outgoing,
    Request,
    SetPrice,
    Submit,
    SubscribePrices,
    TakeInstruments,
    no_answer,
)
from daemon.exchanges.paper_venue import PaperVenue
from daemon.exchanges.prices import ManualPrices, PriceMaker, ReplayPrices, SyntheticPrices, Walk
from daemon.exchanges.venues import venue_class

MAX_WAITING_REQUESTS = 10_000
"""Requests on their way to the venue. More are answered at once as without effect."""
MAX_BATCH = 256
"""Most requests that share one fsync."""
ACCEPTANCE_MARGIN_MS = 1_000
"""How long a request may lie in front of the venue, besides its latency."""
PAUSE_AFTER_FAULT_S = 1.0
STOP_TIMEOUT_S = 10.0

_log = logging.getLogger("terrace.exchange")


class PaperFault(Exception):
    """This account cannot be opened. Words for a person."""


def unsupported(account: AccountSettings) -> str | None:
    """What of an account's settings this version cannot do, in words; None: nothing."""
    if account.prices is PaperPrices.LIVE:
        found = venue_class(account.price_source, account.market)
        return f"price_source: {found}" if isinstance(found, str) else None
    return None


def open_venue(
    account: AccountSettings,
    data_dir: Path | None,
    now_ms: int,
    *,
    virtual: bool = False,
    live: LiveSource | None = None,
) -> PaperVenue:
    """The account's venue on its own file, or in memory without a `data_dir`. PaperFault where that cannot be.

    `virtual`: the clock is the recording's own, for prices that are replayed. `live`: for prices of a real exchange.
    """
    words = unsupported(account)
    if words is not None:
        raise PaperFault(f"account {account.name}: {words}")
    if account.prices is PaperPrices.LIVE and live is None:
        raise PaperFault(f"account {account.name}: prices: live needs the exchange; nobody is connected to it here")

    def make_prices(instruments: Sequence[Instrument], state: BookState, facts: dict[str, str]) -> PriceMaker:
        return live.prices if live is not None else _prices(account, instruments, state, facts, now_ms, virtual)

    try:
        books: Books = MemoryBooks() if data_dir is None else PaperBooks(books_path(data_dir, account.name))
        return PaperVenue(account, books, make_prices, live)
    except (BooksFault, CandleFault) as fault:
        raise PaperFault(f"account {account.name}: {fault}") from fault


def _prices(
    account: AccountSettings,
    instruments: Sequence[Instrument],
    state: BookState,
    facts: dict[str, str],
    now_ms: int,
    virtual: bool,
) -> PriceMaker:
    if account.prices is PaperPrices.MANUAL:
        return ManualPrices(given_start_prices(account), state.prices, now_ms)
    if account.prices is PaperPrices.SYNTHETIC:
        walks = {
            instrument.symbol: Walk(start_price(account, instrument), instrument.tick_size)
            for instrument in instruments
        }
        return SyntheticPrices(account.seed, walks, state.prices, facts, now_ms)
    if account.candles is None:
        raise CandleFault("prices: replay needs candles: FILE_OR_DIR")
    names = {instrument.venue_symbol: instrument.symbol for instrument in instruments}
    found = {
        names[name]: candles for name, candles in series(candle_files(Path(account.candles))).items() if name in names
    }
    if not found:
        raise CandleFault(f"{account.candles}: no candles of any symbol of this account")
    return ReplayPrices(found, facts, now_ms=now_ms, speed=account.speed, virtual=virtual)


class _Port(ABC):
    """What both faces share: requests in, answers to the gateway that lives now."""

    can_amend = True

    def __init__(self, venue: PaperVenue, clock: Clock) -> None:
        self.budget = Budget()
        self.can_stop = venue.account.market is Market.SWAP
        self.acceptance_window_ms = venue.account.latency_ms + ACCEPTANCE_MARGIN_MS
        self._venue = venue
        self._clock = clock
        self._sink: Sink | None = None
        self._incarnation = 0
        self._sink_lock = threading.Lock()

    def start(self, sink: Sink, incarnation: int) -> None:
        with self._sink_lock:  # When this returns, the old sink gets nothing more.
            self._sink, self._incarnation = sink, incarnation
        if self._venue.live is not None:
            self._venue.live.prices.on_news = self._wake
            self._venue.live.start(self._venue.symbols, self._tell_stream)

    def submit(self, orders: Sequence[Order]) -> None:
        self._post(Submit(orders=tuple(orders), incarnation=self._incarnation, asked_ms=self._clock.now_ms()))

    def cancel(self, orders: Sequence[Order]) -> None:
        self._post(Cancel(orders=tuple(orders), incarnation=self._incarnation, asked_ms=self._clock.now_ms()))

    def amend(self, orders: Sequence[Order]) -> None:
        self._post(Amend(orders=tuple(orders), incarnation=self._incarnation, asked_ms=self._clock.now_ms()))

    def probe(self) -> None:
        words = f"the paper exchange in this process, prices {self._venue.account.prices}"
        if self._venue.live is not None:
            words += f" from {self._venue.live.exchange}"
        probed = AccountProbed(incarnation=self._incarnation, checks=(("connection", True, words),), may_withdraw=False)
        self._deliver((Outgoing(probed, self._incarnation),))

    def look_up(self, order: Order) -> None:
        self._post(
            LookUp(
                client_order_id=order.client_order_id,
                incarnation=self._incarnation,
                asked_ms=self._clock.now_ms(),
            )
        )

    def fetch_open_orders(self) -> None:
        self._post(FetchOpenOrders(incarnation=self._incarnation, asked_ms=self._clock.now_ms()))

    def fetch_balances(self) -> None:
        self._post(FetchBalances(incarnation=self._incarnation, asked_ms=self._clock.now_ms()))

    def fetch_instruments(self) -> None:
        life, asked_ms = self._incarnation, self._clock.now_ms()
        if self._venue.live is None:
            self._post(FetchInstruments(incarnation=life, asked_ms=asked_ms))
            return

        def answer(found: tuple[Instrument, ...], words: str) -> None:
            self._post(TakeInstruments(instruments=found, words=words, incarnation=life, asked_ms=asked_ms))

        self._venue.live.ask_instruments(answer)

    def subscribe(self, symbols: Sequence[str]) -> None:
        self._post(
            SubscribePrices(symbols=tuple(symbols), incarnation=self._incarnation, asked_ms=self._clock.now_ms())
        )

    def set_price(self, symbol: str, price: Decimal, reply_to: ReplyTo) -> None:
        self._post(
            SetPrice(
                symbol=symbol,
                price=price,
                reply_to=reply_to,
                incarnation=self._incarnation,
                asked_ms=self._clock.now_ms(),
            )
        )

    @abstractmethod
    def _post(self, request: Request) -> None:
        """Sends a request on its way to the venue; answers at once where there is no room."""

    @abstractmethod
    def _wake(self) -> None:
        """There are new prices. From any thread."""

    def _tell_stream(self, changed: StreamChanged) -> None:
        life = self._incarnation
        self._deliver((Outgoing(replace(changed, incarnation=life), life),))

    def _refuse(self, request: Request, words: str) -> None:
        self._deliver(no_answer(request, Fate.TEMPORARY, words))

    def _deliver(self, out: Iterable[Outgoing]) -> None:
        with self._sink_lock:
            for item in out:
                if item.reply_to is not None:
                    item.reply_to.reply(item.message)
                elif item.incarnation == self._incarnation and self._sink is not None:
                    self._sink(item.message)


class PaperExchange(_Port):
    """On its own thread, in batches of what has come in: apply, one fsync, answer in order."""

    def __init__(self, venue: PaperVenue, clock: Clock) -> None:
        super().__init__(venue, clock)
        self._inbox: SimpleQueue[Request | None] = SimpleQueue()
        self._travelling: deque[tuple[float, Request]] = deque()
        """Requests under way, with the monotonic second of their arrival at the venue."""
        self._thread: threading.Thread | None = None
        self._stopping = False

    def start(self, sink: Sink, incarnation: int) -> None:
        super().start(sink, incarnation)
        if self._thread is None:
            name = f"paper-{self._venue.account.name}"
            self._thread = threading.Thread(target=self._run, name=name, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finishes what was asked before and closes the books. For good."""
        if self._venue.live is not None:
            self._venue.live.stop()
        self._stopping = True
        self._inbox.put(None)
        if self._thread is None:
            self._venue.close()
        elif self._thread is not threading.current_thread():
            self._thread.join(STOP_TIMEOUT_S)

    def _post(self, request: Request) -> None:
        if self._stopping:
            self._refuse(request, "The exchange is stopping.")
        elif self._inbox.qsize() >= MAX_WAITING_REQUESTS:
            self._refuse(request, "Too many requests; current limit is exceeded.")
        else:
            self._inbox.put(request)

    def _wake(self) -> None:
        self._inbox.put(None)

    def _run(self) -> None:
        is_running = True
        while is_running:
            try:
                is_running = self._turn()
            except Exception:
                self._failed()
                time.sleep(PAUSE_AFTER_FAULT_S)
        self._close()

    def _turn(self) -> bool:
        """Waits for a request or the next price, handles what is there. False: it was the last turn."""
        is_running = self._receive(self._wait_s())
        now_ms, now_s = self._clock.now_ms(), time.monotonic()
        due: list[Request] = []
        while self._travelling and len(due) < MAX_BATCH and (self._travelling[0][0] <= now_s or not is_running):
            due.append(self._travelling.popleft()[1])
        if due:
            self._deliver(self._handled(due, now_ms))
        if self._venue.due_ms(now_ms) <= now_ms:
            self._deliver(self._venue.tick(self._incarnation, now_ms))
        return is_running or bool(self._travelling)

    def _handled(self, due: list[Request], now_ms: int) -> Iterable[Outgoing]:
        try:
            return self._venue.handle(due, self._incarnation, now_ms)
        except Exception:
            self._failed()
            return [out for request in due for out in no_answer(request, Fate.UNKNOWN, "The exchange failed.")]

    def _failed(self) -> None:
        """The books in memory may be half changed; the file is not. The gateway finds out by asking."""
        _log.exception("the paper exchange of %s failed and reads its books again", self._venue.account.name)
        self._venue.doubt()

    def _wait_s(self) -> float:
        if self._stopping:
            return 0
        now_ms = self._clock.now_ms()
        wait_s = (self._venue.due_ms(now_ms) - now_ms) / 1000
        if self._travelling:
            wait_s = min(wait_s, self._travelling[0][0] - time.monotonic())
        return max(0.0, wait_s)

    def _receive(self, wait_s: float) -> bool:
        """Moves what has come in, at most a batch, under way. False: it is to stop and nothing waits any more."""
        latency_s = self._venue.account.latency_ms / 1000
        try:
            request = self._inbox.get(timeout=wait_s)
            for _ in range(MAX_BATCH):
                if request is not None:
                    self._travelling.append((time.monotonic() + latency_s, request))
                request = self._inbox.get_nowait()
            if request is not None:
                self._travelling.append((time.monotonic() + latency_s, request))
        except Empty:
            return not self._stopping
        return True

    def _close(self) -> None:
        try:
            self._venue.save_prices(self._clock.now_ms())
        except BooksFault as fault:
            _log.warning("the prices of %s are not saved: %s", self._venue.account.name, fault)
        self._venue.close()


class SteppedPaperExchange(_Port):
    """On the caller's thread and clock: `poll` handles what is due. `on_work` is called when something was asked."""

    def __init__(self, venue: PaperVenue, clock: Clock) -> None:
        super().__init__(venue, clock)
        self._travelling: deque[tuple[int, Request]] = deque()
        self.on_work: Callable[[], None] | None = None

    def stop(self) -> None:
        self._venue.save_prices(self._clock.now_ms())
        self._venue.close()

    def _post(self, request: Request) -> None:
        if len(self._travelling) >= MAX_WAITING_REQUESTS:
            self._refuse(request, "Too many requests; current limit is exceeded.")
            return
        self._travelling.append((request.asked_ms + self._venue.account.latency_ms, request))
        if self.on_work is not None:
            self.on_work()

    def _wake(self) -> None:
        if self.on_work is not None:
            self.on_work()

    def next_ms(self) -> int:
        """When `poll` has something to do; in the past or now: at once."""
        due_ms = self._venue.due_ms(self._clock.now_ms())
        return min(due_ms, self._travelling[0][0]) if self._travelling else due_ms

    def poll(self, now_ms: int) -> bool:
        """Handles what is due by now: requests first, in one batch, then prices. False: nothing was."""
        due: list[Request] = []
        while self._travelling and len(due) < MAX_BATCH and self._travelling[0][0] <= now_ms:
            due.append(self._travelling.popleft()[1])
        if due:
            self._deliver(self._venue.handle(due, self._incarnation, now_ms))
        is_tick = self._venue.due_ms(now_ms) <= now_ms
        if is_tick:
            self._deliver(self._venue.tick(self._incarnation, now_ms))
        return is_tick or bool(due)


def drive(exchange: SteppedPaperExchange, clock: Clock, call_at: Callable[[int, Callable[[], None]], None]) -> None:
    """Has the exchange polled whenever it has something to do, by a runtime's `call_at(time_ms, call)`."""
    armed_ms: int | None = None

    def arm() -> None:
        nonlocal armed_ms
        due_ms = max(exchange.next_ms(), clock.now_ms())
        if armed_ms is None or due_ms < armed_ms:
            armed_ms = due_ms
            call_at(due_ms, lambda: turn(due_ms))

    def turn(due_ms: int) -> None:
        nonlocal armed_ms
        if due_ms != armed_ms:
            return  # An earlier one has come in its place, and has seen to the next.
        armed_ms = None
        exchange.poll(clock.now_ms())
        arm()

    exchange.on_work = arm
    arm()
