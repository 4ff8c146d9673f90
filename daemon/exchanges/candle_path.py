"""One candle against a book (PAPER-2).

The price jumps to the open, then goes to both extremes and to the close. Of the two ways through the candle the one
that leaves the account poorer is taken. Orders made after the candle opened wait for the next one. Resting limit
orders together get at most the candle's volume; stops are market orders and take what they need.
"""

from __future__ import annotations

from decimal import Decimal

from actors.rules.model import OrderType
from actors.rules.money import ZERO, floor_to
from daemon.exchanges.candles import Candle
from daemon.exchanges.matching import Book, BookState
from daemon.exchanges.paper_market import PaperMarket
from daemon.exchanges.paper_order import PaperOrder


def run_candle(book: Book, symbol: str, candle: Candle, *, made_by_ms: int, now_ms: int) -> None:
    """Orders let go by `made_by_ms` can fill. `now_ms` becomes the time of the trades."""
    low_first = _low_first(book, symbol, candle, made_by_ms)
    _Run(book, symbol, candle, made_by_ms, now_ms).go(low_first)


def _low_first(book: Book, symbol: str, candle: Candle, made_by_ms: int) -> bool:
    market = book.markets[symbol]
    if not (_anything_below(market, candle.low) and _anything_above(market, candle.high)):
        return True  # Only one extreme reaches orders: both ways end the same.
    worth = []
    for low_first in (True, False):
        trial = _trial_book(book, symbol, candle, made_by_ms)
        _Run(trial, symbol, candle, made_by_ms, now_ms=0).go(low_first)
        worth.append(trial.equity(symbol))
    return worth[0] <= worth[1]


def _anything_below(market: PaperMarket, price: Decimal) -> bool:
    buy, stop = market.buys.first(), market.sell_stops.first()
    return (buy is not None and market.is_reached(buy, price)) or (
        stop is not None and market.is_triggered(stop, price)
    )


def _anything_above(market: PaperMarket, price: Decimal) -> bool:
    sell, stop = market.sells.first(), market.buy_stops.first()
    return (sell is not None and market.is_reached(sell, price)) or (
        stop is not None and market.is_triggered(stop, price)
    )


def _trial_book(book: Book, symbol: str, candle: Candle, made_by_ms: int) -> Book:
    """The same account with only the orders this candle reaches."""
    market = book.markets[symbol]
    reached = [
        order.copy() for order in market.orders() if order.made_ms <= made_by_ms and _spans(market, order, candle)
    ]
    state = BookState(
        balances=tuple(book.funds.balances().values()),
        positions=tuple(position.copy() for position in book.settlement.positions()),
        orders=tuple(reached),
        prices={} if market.price is None else {symbol: market.price},
        next_order=book.next_order,
        next_trade=book.next_trade,
    )
    return Book(book.account, [market.instrument], state)


def _spans(market: PaperMarket, order: PaperOrder, candle: Candle) -> bool:
    meets = market.is_triggered if order.type is OrderType.STOP else market.is_reached
    return meets(order, candle.low) or meets(order, candle.high)


class _Run:
    def __init__(self, book: Book, symbol: str, candle: Candle, made_by_ms: int, now_ms: int) -> None:
        self._book = book
        self._market = book.markets[symbol]
        self._candle = candle
        self._made_by_ms = made_by_ms
        self._now_ms = now_ms
        self._left = candle.volume
        self._aside: list[PaperOrder] = []
        """Taken from the market for this candle: made too late, or without volume."""

    def go(self, low_first: bool) -> None:
        candle = self._candle
        self._jump(candle.open)
        for price in (candle.low, candle.high) if low_first else (candle.high, candle.low):
            self._sweep(price)
        self._sweep(candle.close)
        for order in self._aside:
            if not order.state.is_final:
                self._market.rest(order)

    def _jump(self, price: Decimal) -> None:
        market = self._market
        market.set_price(price)
        self._book.liquidate(market, self._now_ms)
        for falling in (True, False):
            while (stop := self._stop(falling, price)) is not None:
                self._trigger(stop, market.taking_price(stop.side))
            while (order := self._limit(falling, price)) is not None:
                self._fill(order)

    def _sweep(self, price: Decimal) -> None:
        """Through every level between here and `price`, in the order they are met."""
        market = self._market
        assert market.price is not None
        falling = price < market.price
        while True:
            stop, limit = self._stop(falling, price), self._limit(falling, price)
            if stop is not None and (limit is None or market.stop_comes_first(stop, limit)):
                assert stop.trigger_price is not None
                self._trigger(stop, market.slipped(stop.side, stop.trigger_price))
            elif limit is not None:
                self._fill(limit)
            else:
                break
        market.set_price(price)
        self._book.liquidate(market, self._now_ms)

    def _stop(self, falling: bool, price: Decimal) -> PaperOrder | None:
        heap = self._market.sell_stops if falling else self._market.buy_stops
        while (order := heap.first()) is not None and self._market.is_triggered(order, price):
            if order.made_ms <= self._made_by_ms:
                return order
            self._aside.append(heap.pop())
        return None

    def _limit(self, falling: bool, price: Decimal) -> PaperOrder | None:
        heap = self._market.buys if falling else self._market.sells
        while (order := heap.first()) is not None and self._market.is_reached(order, price):
            if order.made_ms <= self._made_by_ms:
                return order
            self._aside.append(heap.pop())
        return None

    def _trigger(self, stop: PaperOrder, price: Decimal) -> None:
        self._book.trigger(stop, self._market, price, self._now_ms)
        if self._left is not None:
            self._left = max(ZERO, self._left - stop.filled)

    def _fill(self, order: PaperOrder) -> None:
        """As much as the volume that is left allows; what stays waits for the next candle."""
        assert order.price is not None
        quantity = order.remaining
        if self._left is not None:
            quantity = min(quantity, floor_to(self._left, self._market.instrument.step_size))
            self._left -= quantity
        if quantity:
            self._book.fill(order, self._market, quantity, order.price, maker=True, now_ms=self._now_ms)
        if not order.state.is_final:
            self._aside.append(self._market.heap_of(order).pop())
