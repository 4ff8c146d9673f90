"""Prices of one account on their way to the board, and the thresholds they cross (ORD-10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from actors.account_messages import WantPrices
from actors.gateway_alerts import GatewayAlerts
from actors.messages import Quoted, SetWatches
from actors.needs import Level
from actors.ports import Exchange, Marks
from actors.rules.model import Quote
from actors.runtime import Life
from actors.watches import Watches

CLOCK_SLACK_MS = 1_000
"""A price this far ahead of our clock is from before the clock was set back."""
MAX_OWNERS = 100_000
"""Groups and others that may want prices; each that has no use for them any more says so."""
BAD_QUOTE = "quote"
OLD_QUOTE = "quote_age"


class GatewayPrices:
    def __init__(self, life: Life, *, account: str, exchange: Exchange, marks: Marks, alerts: GatewayAlerts) -> None:
        self._life = life
        self._account = account
        self._exchange = exchange
        self._marks = marks
        self._alerts = alerts
        self._watches = Watches()
        self._wanted: dict[str, frozenset[str]] = {}
        """Symbols by who needs their prices without a threshold."""
        self._owners: Counter[str] = Counter()
        """How many need each symbol's."""
        self.subscribed: tuple[str, ...] = ()

    def quoted(self, message: Quoted) -> None:
        good = {symbol: quote for symbol, quote in message.quotes.items() if self._is_sensible(symbol, quote)}
        self._marks.put(self._account, good)
        for symbol, quote in good.items():
            self._tell_crossed(symbol, quote)

    def set_watches(self, message: SetWatches, max_age_ms: int) -> None:
        """What the newest price has reached already is told at once, if that is no older than `max_age_ms`."""
        if not self._watches.set(message):
            return
        quote = self._marks.quote(self._account, message.symbol)
        if quote is not None and self._life.now_ms() - quote.time_ms <= max_age_ms:
            self._tell_crossed(message.symbol, quote)

    def _tell_crossed(self, symbol: str, quote: Quote) -> None:
        for crossed in self._watches.crossed(symbol, quote, self._life.now_ms()):
            self._life.tell(f"group/{crossed.group_id}", crossed)

    def _is_sensible(self, symbol: str, quote: Quote) -> bool:
        """What is no price is dropped, and the last good one grows old (ORD-10)."""
        known = self._marks.quote(self._account, symbol)
        if known is not None and quote.time_ms < known.time_ms <= self._life.now_ms() + CLOCK_SLACK_MS:
            return False  # Overtaken by a newer one.
        if quote.bid.is_finite() and quote.ask.is_finite() and 0 < quote.bid <= quote.ask:
            self._alerts.resolve(BAD_QUOTE, symbol)
            return True
        words = f"{symbol}: bid {quote.bid} and ask {quote.ask} are no prices"
        self._alerts.raise_(BAD_QUOTE, "warning", "exchange", words, symbol)
        return False

    def judge_age(self, max_age_ms: int) -> None:
        """Prices that no longer come."""
        now_ms = self._life.now_ms()
        for symbol in self.subscribed:
            quote = self._marks.quote(self._account, symbol)
            if quote is None:
                continue
            if now_ms - quote.time_ms <= max_age_ms:
                self._alerts.resolve(OLD_QUOTE, symbol)
            else:
                words = f"{symbol}: the last price is {(now_ms - quote.time_ms) // 1000} s old"
                self._alerts.raise_(OLD_QUOTE, "warning", "exchange", words, symbol)

    def want(self, message: WantPrices) -> bool:
        """Repeating it is harmless. Whether a symbol came or went: groups are many, symbols few."""
        before = self._wanted.get(message.owner, frozenset())
        wanted = message.symbols if message.is_whole else message.symbols | before
        if wanted and not before and len(self._wanted) >= MAX_OWNERS:
            return False
        if wanted:
            self._wanted[message.owner] = wanted
        else:
            self._wanted.pop(message.owner, None)
        came, gone = wanted - before, before - wanted
        self._owners.update(came)
        self._owners.subtract(gone)
        return any(self._owners[symbol] == 1 for symbol in came) or any(not self._owners[symbol] for symbol in gone)

    def levels(self) -> Iterable[Level]:
        """Prices somebody is told of."""
        return self._watches.levels(self._account)

    def watched(self) -> frozenset[str]:
        """Symbols somebody watches or wants."""
        return self._watches.symbols().union(symbol for symbol, count in self._owners.items() if count)

    def subscribe(self, wanted: Iterable[str]) -> None:
        """Streams exactly these symbols from now on."""
        symbols = tuple(sorted(wanted))
        if symbols != self.subscribed:
            self.subscribed = symbols
            self._exchange.subscribe(symbols)
