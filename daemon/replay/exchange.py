"""The paper venue on a tape: requests at their time, candles that matter when they close, prices when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from actors.needs import Level
from actors.ports import Clock
from actors.rules.model import Instrument, Quote
from actors.rules.settings import AccountSettings
from daemon.exchanges.matching import BookState
from daemon.exchanges.memory_books import MemoryBooks
from daemon.exchanges.paper import SteppedPaperExchange
from daemon.exchanges.paper_requests import Amend, Cancel, Request, Submit
from daemon.exchanges.paper_venue import PaperVenue
from daemon.exchanges.swap_settlement import SwapSettlement
from daemon.replay.horizon import EVERYTHING, Reach
from daemon.replay.reach import Scale
from daemon.replay.tape import Tape

CallAt = Callable[[int, Callable[[], None]], None]


class ReplayExchange(SteppedPaperExchange):
    """Who drives it says when: `play` at each `next_ms`, `wait_for` after whatever happened. Requests come by
    themselves. At one instant candles come first: what is asked at the minute meets the price of that minute.
    """

    def __init__(
        self,
        account: AccountSettings,
        tape: Tape,
        clock: Clock,
        call_at: CallAt,
        instruments: Sequence[Instrument] = (),
    ) -> None:
        """`instruments`: rules of its markets that are not the paper exchange's own."""
        self.books = MemoryBooks()

        def make_prices(_instruments: object, _state: BookState, _facts: dict[str, str]) -> Tape:
            return tape

        super().__init__(PaperVenue(account, self.books, make_prices, refreshes=False, instruments=instruments), clock)
        self.tape = tape
        self._call_at = call_at
        self._armed_ms: int | None = None
        self._scales = {symbol: Scale(account, track.columns.places) for symbol, track in tape.tracks.items()}
        self.on_work = self._arm

    # --- requests ---------------------------------------------------------------------------------

    def _arm(self) -> None:
        if not self._travelling:
            return
        due_ms = max(self._travelling[0][0], self._clock.now_ms())
        if self._armed_ms is None or due_ms < self._armed_ms:
            self._armed_ms = due_ms
            self._call_at(due_ms, self._arrived)

    def _arrived(self) -> None:
        self._armed_ms = None
        self.poll(self._clock.now_ms())
        self._arm()

    def poll(self, now_ms: int) -> bool:
        """Only requests: prices come by `play`."""
        due: list[Request] = []
        while self._travelling and self._travelling[0][0] <= now_ms:
            due.append(self._travelling.popleft()[1])
        if due:
            for symbol in {order.symbol for one in due if isinstance(one, _ABOUT_ORDERS) for order in one.orders}:
                self._bring_up(symbol, now_ms)
            self._deliver(self._venue.handle(due, self._incarnation, now_ms))
        return bool(due)

    # --- prices -----------------------------------------------------------------------------------

    def next_ms(self) -> int:
        raise AssertionError("who drives it asks the tape")

    def play(self) -> None:
        """The candles that matter and have closed."""
        self._deliver(self._venue.tick(self._incarnation, self._clock.now_ms()))

    def quote(self, symbol: str) -> Quote | None:
        """The price as it is now: the close of the last candle, with bid and ask around it."""
        market = self._venue.book.markets.get(symbol)
        if market is None:
            return None
        now_ms = self._clock.now_ms()
        self._bring_up(symbol, now_ms)
        return market.quote(now_ms)

    def _bring_up(self, symbol: str, now_ms: int) -> None:
        """Candles that did not matter have moved the price all the same."""
        track = self.tape.tracks.get(symbol)
        price = None if track is None else track.newest(now_ms)
        if price is not None:
            self._venue.book.markets[symbol].set_price(price)

    def wait_for(self, levels: Mapping[str, Sequence[Level]]) -> None:
        """From now on candles matter that reach one of these levels, or something at the venue."""
        self.tape.pass_over(self._clock.now_ms())
        self.tape.wait_for({symbol: self._reach(symbol, levels.get(symbol, ())) for symbol in self.tape.tracks})

    def _reach(self, symbol: str, levels: Sequence[Level]) -> Reach:
        if self.tape.plays_all:
            return EVERYTHING
        book, scale = self._venue.book, self._scales[symbol]
        market = book.markets[symbol]
        found = scale.of_market(market)
        if isinstance(book.settlement, SwapSettlement):
            found = found.wider(scale.of_positions(book.settlement, market))
        return found.wider(scale.of_levels(levels)) if levels else found


_ABOUT_ORDERS = (Submit, Cancel, Amend)
