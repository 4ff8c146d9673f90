"""One paper account as a venue: requests and time in, answers and streams out, books kept durable in between.

Works on one thread and knows no clock; `paper.py` gives it both. Invariants:

1. What leaves is durable: a batch is applied, saved with one fsync, and only then answered (PAPER-3).
2. Where saving fails nothing is answered but "unknown", and the books are read again before the next request.
3. Fills a price caused are told before that price.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import groupby

from actors.messages import (
    Answered,
    AnsweredAll,
    BalancesFetched,
    Fate,
    InstrumentsFetched,
    LookedUp,
    OpenOrdersFetched,
    Quoted,
    Streamed,
)
from actors.rules.choices import PaperPrices
from actors.rules.model import Balance, Instrument, Order, OrderReport, Quote, Reason, Refused
from actors.rules.money import COST_PLACES, ZERO, round_cost
from actors.rules.settings import AccountSettings
from daemon.exchanges import order_checks as checks
from daemon.exchanges.candle_path import run_candle
from daemon.exchanges.live_prices import LiveSource, is_price
from daemon.exchanges.matching import Book, BookState, Changes
from daemon.exchanges.order_checks import MAX_NUMBER
from daemon.exchanges.paper_books import Books, BooksFault
from daemon.exchanges.paper_instruments import (
    live_instruments,
    paper_instruments,
    stand_ins,
    unified_symbol,
    wanted_symbols,
)
from daemon.exchanges.paper_order import PaperOrder
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
from daemon.exchanges.prices import CandleMove, PriceMaker, QuoteMove
from daemon.exchanges.swap_settlement import venue_position

QUOTE_REFRESH_MS = 5_000
"""A price made here that does not move is told again this often: it is still the price, and must not look stale.

A real exchange's is not: if no new one comes, nobody knows whether it still holds (ORD-10).
"""
MAX_PRICE_AGE_MS = 30_000
"""A real exchange's price that nothing has confirmed for so long is none: no order takes it."""
SAVE_PRICES_MS = 10_000
"""Made-up prices are saved with the next fill, or after this long."""
MAX_FINISHED_ORDERS = 5_000
"""Finished orders kept in memory for look-ups; older ones are read from the file."""

_log = logging.getLogger("terrace.exchange")

MakePrices = Callable[[Sequence[Instrument], BookState, dict[str, str]], PriceMaker]
"""(the catalogue, the book as saved, the facts saved with it) -> the prices to go on with."""


class PaperVenue:
    """`incarnation` of a call is the gateway's life that streams go to."""

    def __init__(
        self,
        account: AccountSettings,
        books: Books,
        make_prices: MakePrices,
        live: LiveSource | None = None,
        *,
        refreshes: bool = True,
        instruments: Sequence[Instrument] = (),
    ) -> None:
        """`live`: where prices and instruments come from if they are a real exchange's. `refreshes`: prices that do not
        move are told again now and then; not where they are read without being told. `instruments`: rules that are not
        the paper exchange's own.
        """
        self.account = account
        self.live = live
        self._refreshes = refreshes
        self._books = books
        state, facts = self._load()
        needed = _needed(state)
        self.symbols = wanted_symbols(account, needed)
        """All it is about."""
        self.instruments = (
            paper_instruments(account, needed) if live is None else live_instruments(account, live.known, needed)
        )
        """What the gateway is told there is."""
        if instruments:
            self.instruments = list(instruments)
        others = () if live is None else stand_ins(account, self.instruments, needed)
        self._symbols = {instrument.symbol: instrument for instrument in (*self.instruments, *others)}
        self._book = Book(account, self._symbols.values(), state)
        self._prices = make_prices(self.instruments, state, facts)
        self._in_doubt = False
        self._finished: OrderedDict[str, OrderReport] = OrderedDict()
        self._wanted: frozenset[str] = frozenset()
        self._quoted_ms = 0
        self._saved_prices_ms = 0
        self._moved: set[str] = set()
        """Symbols whose price is not saved yet. A real exchange's never is."""
        self._senseless: dict[str, Quote] = {}
        """What the real exchange said that is no price; the gateway says so (ORD-10)."""

    def _load(self) -> tuple[BookState, dict[str, str]]:
        state, facts = self._books.load()
        if state is None:
            self._books.open_account(
                Balance(asset=asset, free=amount, locked=ZERO) for asset, amount in self.account.balances.items()
            )
            state, facts = self._books.load()
        assert state is not None
        return self._without_prices(state), facts

    def _without_prices(self, state: BookState) -> BookState:
        """What a real exchange's price was in the last run, or a made-up one, is no price to trade at."""
        return state if self.live is None else replace(state, prices={})

    @property
    def book(self) -> Book:
        """As it is now. Not for changing, but for a market's price where a recording has gone on without a trade."""
        return self._book

    # --- requests ---------------------------------------------------------------------------------

    def handle(self, requests: Sequence[Request], incarnation: int, now_ms: int) -> list[Outgoing]:
        """Applies the requests in order, saves, and returns what may leave now, in order."""
        if self._in_doubt and not self._recover():
            return [out for request in requests for out in no_answer(request, Fate.TEMPORARY, "The books are away.")]
        out: list[Outgoing] = []
        done = _Done()
        try:
            for request in requests:
                self._apply(request, incarnation, now_ms, out, done)
            self._save(done, now_ms)
        except BooksFault as fault:
            self._lost(fault)
            return [answer for request in requests for answer in no_answer(request, Fate.UNKNOWN, str(fault))]
        out.extend(self._stream_balances(done, incarnation))
        return _coalesced(out)

    def _apply(self, request: Request, incarnation: int, now_ms: int, out: list[Outgoing], done: _Done) -> None:
        """Applies one request; its answers go to `out`, what must be saved to `done`."""
        if isinstance(request, Submit | Cancel | Amend):
            one = self._submit if isinstance(request, Submit) else self._cancel
            one = self._amend if isinstance(request, Amend) else one
            for order in request.orders:
                out.append(Outgoing(one(order, request, now_ms), request.incarnation))
                out.extend(self._stream(done, incarnation, besides=order.client_order_id))
        elif isinstance(request, SetPrice):
            answer = self._set_price(request, now_ms)
            out.extend(self._stream(done, incarnation))
            if isinstance(answer, Quote):
                symbol = unified_symbol(request.symbol, self.account.market)
                out.extend(self._stream_quotes((symbol,), incarnation, now_ms))
            out.append(Outgoing(answer, request.incarnation, request.reply_to))
        elif isinstance(request, SubscribePrices):
            self._wanted = frozenset(request.symbols)
            young = [symbol for symbol in self._wanted & self._symbols.keys() if self._is_young(symbol, now_ms)]
            out.extend(self._stream_quotes(young, incarnation, now_ms))
        elif isinstance(request, TakeInstruments):
            out.append(Outgoing(self._take_instruments(request), request.incarnation))
        else:
            out.append(Outgoing(self._look(request), request.incarnation))

    def _submit(self, order: Order, request: Request, now_ms: int) -> Answered:
        self._forget_old_price(order.symbol, now_ms)
        result = self._book.place(order, now_ms, request.asked_ms)
        return _answer("submit", order, request, result)

    def _forget_old_price(self, symbol: str, now_ms: int) -> None:
        market = self._book.markets.get(symbol)
        if market is not None and market.seen_ms is not None and now_ms - market.seen_ms > MAX_PRICE_AGE_MS:
            market.forget_price()

    def _cancel(self, order: Order, request: Request, now_ms: int) -> Answered:
        return _answer("cancel", order, request, self._book.cancel(order.client_order_id, now_ms))

    def _amend(self, order: Order, request: Request, now_ms: int) -> Answered:
        price = order.price if order.wanted_price is None else order.wanted_price
        quantity = order.quantity if order.wanted_quantity is None else order.wanted_quantity
        name = order.client_order_id
        self._forget_old_price(order.symbol, now_ms)
        amended = (
            checks.NOT_FOUND if price is None else self._book.amend(name, price, quantity, now_ms, request.asked_ms)
        )
        return _answer("amend", order, request, amended)

    def _set_price(self, request: SetPrice, now_ms: int) -> Quote | Refused:
        if self.account.prices is not PaperPrices.MANUAL:
            words = f"the prices of account {self.account.name} are {self.account.prices}; only manual ones can be set"
            return Refused(reason=Reason.EXCHANGE_REFUSED, detail=words)
        symbol = unified_symbol(request.symbol, self.account.market)
        if symbol not in self._symbols:
            return Refused(reason=Reason.UNKNOWN_SYMBOL, detail=f"{request.symbol} is not a symbol of this account")
        if not request.price.is_finite() or not 0 < request.price < MAX_NUMBER:
            return Refused(reason=Reason.BAD_PRICE, detail="a price must be above zero and below 10^18")
        if round_cost(request.price) != request.price:
            return Refused(reason=Reason.BAD_PRICE, detail=f"a price has at most {COST_PLACES} decimal places")
        self._book.move(symbol, request.price, now_ms)
        self._moved.add(symbol)
        quote = self._book.markets[symbol].quote(now_ms)
        assert quote is not None
        return quote

    def _take_instruments(self, request: TakeInstruments) -> InstrumentsFetched:
        """A symbol that the real exchange does not list any more keeps its market: its orders can be cancelled."""
        if not request.instruments:
            return InstrumentsFetched(incarnation=request.incarnation, fate=Fate.TEMPORARY, words=request.words)
        self.instruments = list(request.instruments)
        self._symbols |= {instrument.symbol: instrument for instrument in self.instruments}
        self._book.learn(self.instruments)
        return InstrumentsFetched(
            incarnation=request.incarnation, fate=Fate.ACCEPTED, instruments=tuple(self.instruments)
        )

    def _look(self, request: Request) -> object:
        life = request.incarnation
        if isinstance(request, LookUp):
            return LookedUp(
                incarnation=life,
                client_order_id=request.client_order_id,
                fate=Fate.ACCEPTED,
                report=self._find(request.client_order_id),
                asked_ms=request.asked_ms,
            )
        if isinstance(request, FetchOpenOrders):
            reports = tuple(order.report() for order in self._book.orders.values())
            return OpenOrdersFetched(incarnation=life, fate=Fate.ACCEPTED, reports=reports, asked_ms=request.asked_ms)
        if isinstance(request, FetchBalances):
            return self._balances(life)
        if isinstance(request, FetchInstruments):
            return InstrumentsFetched(incarnation=life, fate=Fate.ACCEPTED, instruments=tuple(self.instruments))
        raise TypeError(f"a paper account cannot be asked {type(request).__name__}")

    def _find(self, client_order_id: str) -> OrderReport | None:
        order = self._book.orders.get(client_order_id)
        if order is not None:
            return order.report()
        report = self._finished.get(client_order_id)
        if report is None:
            found = self._books.find(client_order_id)
            report = None if found is None else found.report()
        return report

    # --- time -------------------------------------------------------------------------------------

    def due_ms(self, now_ms: int) -> int:
        """When `tick` has something to do next. At once if the clock was set back."""
        refresh_ms = self._quoted_ms + QUOTE_REFRESH_MS if self._quoted_ms <= now_ms else now_ms
        next_ms = None if self._in_doubt else self._prices.next_ms()
        return max(now_ms, refresh_ms if next_ms is None else min(next_ms, refresh_ms))

    def tick(self, incarnation: int, now_ms: int) -> list[Outgoing]:
        """Moves the prices that are due and returns what came of it."""
        if self._in_doubt and not self._recover():
            self._quoted_ms = now_ms  # Tried again at the next refresh.
            return []
        moved = self._move_prices(now_ms)
        out: list[Outgoing] = []
        done = _Done()
        out.extend(self._stream(done, incarnation))
        try:
            if done or abs(now_ms - self._saved_prices_ms) >= SAVE_PRICES_MS:
                self._save(done, now_ms)
        except BooksFault as fault:
            self._lost(fault)
            return []
        out.extend(self._stream_balances(done, incarnation))
        if self._refreshes and not 0 <= now_ms - self._quoted_ms < QUOTE_REFRESH_MS:
            moved = set(self._symbols) if self.live is None else moved
            self._quoted_ms = now_ms
        out.extend(self._stream_quotes(moved, incarnation, now_ms))
        out.extend(self._stream_senseless(incarnation))
        return out

    def _move_prices(self, now_ms: int) -> set[str]:
        moved = set()
        for move in self._prices.moves(now_ms):
            if move.symbol not in self._symbols:
                continue
            if isinstance(move, CandleMove):
                run_candle(self._book, move.symbol, move.candle, made_by_ms=move.made_by_ms, now_ms=now_ms)
            elif isinstance(move, QuoteMove):
                if not is_price(move.quote):
                    self._senseless[move.symbol] = move.quote
                    continue
                self._book.move_to(move.symbol, move.quote, now_ms)
            else:
                self._book.move(move.symbol, move.price, now_ms)
            moved.add(move.symbol)
        if self.live is None:
            self._moved |= moved
        return moved

    # --- what leaves ------------------------------------------------------------------------------

    def _stream(self, done: _Done, incarnation: int, besides: str = "") -> Iterable[Outgoing]:
        """Orders changed just now, but for the one that is answered itself; everything changed goes to `done`."""
        changes = self._book.take_changes()
        done.add(changes)
        reports = []
        for order in changes.orders:
            if order.state.is_final:
                self._remember(order)
            if order.client_order_id != besides:
                reports.append(order.report())
        if reports:
            yield Outgoing(Streamed(incarnation=incarnation, reports=tuple(reports)), incarnation)

    def _remember(self, order: PaperOrder) -> None:
        self._finished[order.client_order_id] = order.report()
        if len(self._finished) > MAX_FINISHED_ORDERS:
            self._finished.popitem(last=False)

    def _stream_balances(self, done: _Done, incarnation: int) -> Iterable[Outgoing]:
        if done.money_moved:
            yield Outgoing(self._balances(incarnation), incarnation)

    def _balances(self, incarnation: int) -> BalancesFetched:
        return BalancesFetched(
            incarnation=incarnation,
            fate=Fate.ACCEPTED,
            balances=self._book.funds.balances(),
            positions=tuple(
                venue_position(position, self._symbols[position.symbol])
                for position in self._book.settlement.positions()
                if position.quantity
            ),
        )

    def _stream_quotes(self, symbols: Iterable[str], incarnation: int, now_ms: int) -> Iterable[Outgoing]:
        quotes = {}
        for symbol in sorted(self._wanted.intersection(symbols, self._symbols)):
            quote = self._book.markets[symbol].quote(now_ms)
            if quote is not None:
                quotes[symbol] = quote
        if quotes:
            yield Outgoing(Quoted(incarnation=incarnation, quotes=quotes), incarnation)

    def _stream_senseless(self, incarnation: int) -> Iterable[Outgoing]:
        told, self._senseless = self._senseless, {}
        quotes = {symbol: quote for symbol, quote in told.items() if symbol in self._wanted}
        if quotes:
            yield Outgoing(Quoted(incarnation=incarnation, quotes=quotes), incarnation)

    def _is_young(self, symbol: str, now_ms: int) -> bool:
        """A price seen long ago is not told as news."""
        quote = self._book.markets[symbol].quote(now_ms)
        return quote is not None and now_ms - quote.time_ms < QUOTE_REFRESH_MS

    # --- the file ---------------------------------------------------------------------------------

    def _save(self, done: _Done, now_ms: int) -> None:
        if not done and not self._moved:
            return
        prices: dict[str, Decimal] = {}
        for symbol in self._moved:
            price = self._book.markets[symbol].price
            assert price is not None
            prices[symbol] = price
        self._books.save(done.changes(), prices, self._prices.facts())
        self._moved = set()
        self._saved_prices_ms = now_ms

    def _lost(self, fault: BooksFault) -> None:
        """What was to be saved may be durable or not: the books are read again before the next request."""
        _log.error("the books of the paper account %s take no writes: %s", self.account.name, fault)
        self._in_doubt = True

    def _recover(self) -> bool:
        """Reads the books again after a failed save, which may have been durable or not."""
        try:
            state, _ = self._books.load()
        except BooksFault:
            return False
        assert state is not None
        book = Book(self.account, self._symbols.values(), self._without_prices(state))
        for symbol, market in self._book.markets.items():
            if market.seen_ms is not None and (seen := market.quote(market.seen_ms)) is not None:
                book.markets[symbol].set_quote(seen)
        self._book = book
        self._finished.clear()
        self._moved = set()
        self._in_doubt = False
        return True

    def doubt(self) -> None:
        """Somebody failed in the middle of something: read the books again before the next request."""
        self._in_doubt = True

    def save_prices(self, now_ms: int) -> None:
        """At the end: made-up prices go on where they were."""
        if not self._in_doubt:
            self._save(_Done(), now_ms)

    def close(self) -> None:
        self._books.close()


class _Done:
    """Changes of one batch, newest state of each thing once."""

    def __init__(self) -> None:
        self._parts: list[Changes] = []

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, changes: Changes) -> None:
        if changes:
            self._parts.append(changes)

    @property
    def money_moved(self) -> bool:
        return any(part.balances or part.positions for part in self._parts)

    def changes(self) -> Changes:
        return Changes(
            orders=tuple({order.number: order for part in self._parts for order in part.orders}.values()),
            trades=tuple(trade for part in self._parts for trade in part.trades),
            balances=tuple({balance.asset: balance for part in self._parts for balance in part.balances}.values()),
            positions=tuple(
                {
                    (position.symbol, position.side): position for part in self._parts for position in part.positions
                }.values()
            ),
        )


def _needed(state: BookState) -> list[str]:
    """Symbols the account has orders or positions of, also where the config names them no longer."""
    return [order.symbol for order in state.orders] + [position.symbol for position in state.positions]


def _answer(name: str, order: Order, request: Request, result: PaperOrder | Refused) -> Answered:
    is_refused = isinstance(result, Refused)
    return Answered(
        incarnation=request.incarnation,
        request=name,
        client_order_id=order.client_order_id,
        fate=Fate.REFUSED if is_refused else Fate.ACCEPTED,
        report=None if isinstance(result, Refused) else result.report(),
        reason=result.reason if isinstance(result, Refused) else None,
        words=result.detail if isinstance(result, Refused) else "",
        asked_ms=request.asked_ms,
    )


def _coalesced(out: list[Outgoing]) -> list[Outgoing]:
    """Runs of answers to one life become one message each."""
    joined: list[Outgoing] = []
    for (is_answer, life), run in groupby(out, lambda item: (isinstance(item.message, Answered), item.incarnation)):
        items = list(run)
        if is_answer and len(items) > 1:
            answers = tuple(item.message for item in items if isinstance(item.message, Answered))
            joined.append(Outgoing(AnsweredAll(incarnation=life, answers=answers), life))
        else:
            joined.extend(items)
    return joined
