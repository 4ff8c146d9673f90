"""Where the paper exchange's prices come from: made up, set by hand, or recorded. (Live ones: `live_prices.py`.)

A maker says when it has something next and what it is. It reads no clock; what it must remember over a restart it
gives away as `facts` and gets back. Times are those of the caller's clock.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Protocol

from actors.rules.model import Quote
from actors.rules.money import floor_to
from daemon.exchanges.candles import Candle

TICK_MS = 500
"""How often a made-up price moves."""
MAX_CATCH_UP_TICKS = 20
"""Ticks made up for after a pause; what is missing beyond that is skipped."""
REACTION_MS = 250
"""Live replay: an order that arrives this soon after a candle is taken for one made at its very end."""

_MOVE_UNIT = Decimal("0.00001")
_MAX_MOVE_UNITS = 150
"""A tick moves a price by at most 0.15 %, evenly spread: about 2 % in five minutes."""
_PULL = Decimal("0.0002")
"""Share of its distance from the start that a price falls back per tick; it keeps within some 10 % for good."""


@dataclass(frozen=True, slots=True)
class Tick:
    symbol: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class CandleMove:
    symbol: str
    candle: Candle
    made_by_ms: int
    """Orders let go by then were there when the candle opened."""


@dataclass(frozen=True, slots=True)
class QuoteMove:
    """What a real exchange said. It may be no price at all."""

    symbol: str
    quote: Quote


Move = Tick | CandleMove | QuoteMove


class PriceMaker(Protocol):
    def next_ms(self) -> int | None:
        """When the next move is due; None: never."""

    def moves(self, now_ms: int) -> list[Move]:
        """What is due, oldest first."""

    def facts(self) -> Mapping[str, str]:
        """What it needs to go on after a restart. Saved with the fills its moves caused."""


class ManualPrices:
    """Prices move only when somebody says so. `start_prices` are the first ones."""

    def __init__(self, start_prices: Mapping[str, Decimal], known: Mapping[str, Decimal], now_ms: int) -> None:
        self._first: list[Move] = [Tick(symbol, price) for symbol, price in start_prices.items() if symbol not in known]
        self._now_ms = now_ms

    def next_ms(self) -> int | None:
        return self._now_ms if self._first else None

    def moves(self, now_ms: int) -> list[Move]:  # noqa: ARG002
        moves, self._first = self._first, []
        return moves

    def facts(self) -> Mapping[str, str]:
        return {}


@dataclass(frozen=True, slots=True)
class Walk:
    """One made-up price: where it began and how fine it is."""

    start: Decimal
    tick_size: Decimal


class SyntheticPrices:
    """Random walks that depend on seed, symbol and number of the tick only, pulled back toward where they began."""

    STEP = "synthetic_step"

    def __init__(
        self, seed: int, walks: Mapping[str, Walk], known: Mapping[str, Decimal], facts: Mapping[str, str], now_ms: int
    ) -> None:
        self._seed = seed
        self._walks = walks
        self._prices = {symbol: known.get(symbol, walk.start) for symbol, walk in walks.items()}
        self._step = int(facts.get(self.STEP, "0"))
        self._next_ms = now_ms

    def next_ms(self) -> int | None:
        return self._next_ms if self._walks else None

    def moves(self, now_ms: int) -> list[Move]:
        moves: list[Move] = []
        self._next_ms = min(self._next_ms, now_ms + TICK_MS)  # The clock may have been set back.
        for _ in range(MAX_CATCH_UP_TICKS):
            if now_ms < self._next_ms:
                break
            self._next_ms += TICK_MS
            moves.extend(self._tick())
        self._next_ms = max(self._next_ms, now_ms + 1)
        return moves

    def _tick(self) -> Iterator[Move]:
        for symbol, walk in self._walks.items():
            if self._step:  # The first tick shows the price as it is.
                self._prices[symbol] = self._moved(symbol, self._prices[symbol], walk)
            yield Tick(symbol, self._prices[symbol])
        self._step += 1

    def _moved(self, symbol: str, price: Decimal, walk: Walk) -> Decimal:
        digest = blake2b(f"{self._seed}/{symbol}/{self._step}".encode(), digest_size=8).digest()
        units = int.from_bytes(digest, "big") % (2 * _MAX_MOVE_UNITS + 1) - _MAX_MOVE_UNITS
        moved = price + price * units * _MOVE_UNIT + (walk.start - price) * _PULL
        return max(walk.tick_size, floor_to(moved + walk.tick_size / 2, walk.tick_size))

    def facts(self) -> Mapping[str, str]:
        return {self.STEP: str(self._step)}


@dataclass(order=True, slots=True)
class _Due:
    time_ms: int
    symbol: str
    candle: Candle = field(compare=False)
    is_open: bool = field(compare=False)
    """Only the first price of a symbol; the candle itself follows at its close."""


class ReplayPrices:
    """Recorded candles, each when it closes.

    `virtual`: the caller's clock is the recording's own. Else the first candle opens at `now_ms`, and time runs
    `speed` times as fast as it did.
    """

    DONE = "replayed_ms"

    def __init__(
        self,
        series: Mapping[str, Iterator[Candle]],
        facts: Mapping[str, str],
        *,
        now_ms: int,
        speed: Decimal = Decimal(1),
        virtual: bool = False,
    ) -> None:
        self._done_ms = int(facts.get(self.DONE, "-1"))
        self._speed, self._virtual = speed, virtual
        self._stream = heapq.merge(*(self._of_symbol(symbol, candles) for symbol, candles in series.items()))
        self._next = next(self._stream, None)
        self._start_ms = self._last_ms = now_ms
        self._origin_ms = self._next.candle.open_ms if self._next else 0
        self._shown_ms: dict[str, int] = {}
        """When the last candle of a symbol was handed out."""

    def _of_symbol(self, symbol: str, candles: Iterator[Candle]) -> Iterator[_Due]:
        is_first = True
        for candle in candles:
            if candle.close_ms <= self._done_ms:
                continue
            if is_first:
                yield _Due(candle.open_ms, symbol, candle, True)
                is_first = False
            yield _Due(candle.close_ms, symbol, candle, False)

    def _when(self, time_ms: int) -> int:
        """A time of the recording on the caller's clock."""
        if self._virtual:
            return time_ms
        return self._start_ms + int((time_ms - self._origin_ms) / self._speed)

    def next_ms(self) -> int | None:
        return None if self._next is None else self._when(self._next.time_ms)

    def moves(self, now_ms: int) -> list[Move]:
        if now_ms < self._last_ms:  # The clock was set back: the recording goes on where it was.
            self._start_ms -= self._last_ms - now_ms
        self._last_ms = now_ms
        moves: list[Move] = []
        while self._next is not None and self._when(self._next.time_ms) <= now_ms:
            due, self._next = self._next, next(self._stream, None)
            moves.append(self._move(due, now_ms))
        return moves

    def _move(self, due: _Due, now_ms: int) -> Move:
        if due.is_open:
            self._shown_ms[due.symbol] = now_ms
            return Tick(due.symbol, due.candle.open)
        made_by_ms = self._when(due.candle.open_ms)
        if not self._virtual:
            made_by_ms = max(made_by_ms, self._shown_ms.get(due.symbol, 0)) + REACTION_MS
        self._shown_ms[due.symbol] = now_ms
        self._done_ms = max(self._done_ms, due.candle.close_ms)
        return CandleMove(due.symbol, due.candle, made_by_ms)

    def facts(self) -> Mapping[str, str]:
        return {self.DONE: str(self._done_ms)}
