"""Prices of a real exchange for a paper account: what the matching thread sees of them.

They are heard on the exchange loop (`live_feed.py`) and met on the venue's thread. In between lies the newest price of
each symbol, no more: a slow matcher misses prices, as a slow trader does, and never holds the loop up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Protocol

from actors.account_messages import StreamChanged
from actors.rules.model import Instrument, Quote
from actors.rules.money import round_cost
from daemon.exchanges.order_checks import MAX_NUMBER
from daemon.exchanges.prices import Move, QuoteMove

InstrumentsAnswer = Callable[[tuple[Instrument, ...], str], None]
"""(the instruments, "") or ((), why there are none in words). Called on any thread."""


class LivePrices:
    """A `PriceMaker` that is fed. A price keeps the time at which it was seen, however late it is taken."""

    def __init__(self) -> None:
        self.on_news: Callable[[], None] = lambda: None
        """Called when there is something again, on the thread that put it."""
        self._lock = Lock()
        self._news: dict[str, Quote] = {}

    def put(self, quotes: Mapping[str, Quote]) -> None:
        """From any thread. What was not taken yet gives way to what is newer."""
        with self._lock:
            is_first = bool(quotes) and not self._news
            self._news.update(quotes)
        if is_first:
            self.on_news()

    def next_ms(self) -> int | None:
        """At once if there is anything; else nobody knows."""
        return 0 if self._news else None

    def moves(self, now_ms: int) -> list[Move]:  # noqa: ARG002
        with self._lock:
            news, self._news = self._news, {}
        return [QuoteMove(symbol, quote) for symbol, quote in news.items()]

    def facts(self) -> Mapping[str, str]:
        """Nothing: after a restart only a new price counts."""
        return {}


class LiveSource(Protocol):
    """The public side of a real exchange, for one paper account. Its methods return at once."""

    exchange: str
    prices: LivePrices
    known: tuple[Instrument, ...]
    """The catalogue of the last run, until a newer one is asked for (PRC-1)."""

    def start(self, symbols: Sequence[str], tell: Callable[[StreamChanged], None]) -> None:
        """Begins. Again: a new gateway listens, which is told how the stream is."""

    def ask_instruments(self, answer: InstrumentsAnswer) -> None:
        """Asks for those of the symbols it was started with, and streams their prices from then on."""

    def stop(self) -> None:
        """For good."""


def is_price(quote: Quote) -> bool:
    """Whether anything can be matched with it (ORD-10)."""
    bid, ask = quote.bid, quote.ask
    return bid.is_finite() and ask.is_finite() and bid <= ask < MAX_NUMBER and round_cost(bid) > 0
