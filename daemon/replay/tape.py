"""The recorded prices of one account's markets as the venue plays them: what has closed by now, and what comes next.

A `PriceMaker` that hands out only the candles that matter. The others are passed over: the market's price becomes the
close of the last one when somebody looks at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from daemon.exchanges.prices import CandleMove, Move, Tick
from daemon.replay.columns import Columns
from daemon.replay.horizon import NOTHING, Reach, Search

FOREVER_MS = 2**63 - 1


@dataclass(slots=True)
class Track:
    """One market. Candles before `played` have closed and have been played or passed over."""

    symbol: str
    """Unified."""
    columns: Columns
    search: Search
    played: int = 0
    is_open_shown: bool = False
    reach: Reach = NOTHING
    stop: int = 0
    """The next candle that matters by `reach`; those before it do not."""
    priced: int = -2
    """The candle whose close the venue's price is; -1: the open of the first one; -2: none yet."""
    closes_ms: int = field(init=False)
    """When candle `priced + 1` closes."""

    def __post_init__(self) -> None:
        self.closes_ms = int(self.columns.open_ms[0])

    def close_ms(self, index: int) -> int:
        return int(self.columns.open_ms[index]) + self.columns.timeframe_ms

    @property
    def next_ms(self) -> int:
        """When it has something to do next: to show its first price, or to play a candle that matters."""
        if not self.is_open_shown:
            return int(self.columns.open_ms[0])
        return self.close_ms(self.stop) if self.stop < len(self.columns) else FOREVER_MS

    def wait_for(self, reach: Reach) -> None:
        if reach != self.reach or self.stop < self.played:
            self.reach = reach
            self.stop = self.search.next(self.played, reach)

    def newest(self, now_ms: int) -> Decimal | None:
        """The price that has become true since this was last asked; None: it is still the same."""
        if now_ms < self.closes_ms:
            return None
        columns, count = self.columns, len(self.columns)
        if now_ms < self.close_ms(0):
            self.priced = -1
        else:
            closed = int(columns.open_ms.searchsorted(now_ms - columns.timeframe_ms, side="right"))
            self.priced = min(closed, count) - 1
        self.closes_ms = self.close_ms(self.priced + 1) if self.priced + 1 < count else FOREVER_MS
        return columns.price(columns.open[0] if self.priced < 0 else columns.close[self.priced])


class Tape:
    """A `PriceMaker`. `plays_all`: every candle is played, for comparison."""

    def __init__(self, columns: Mapping[str, Columns], *, plays_all: bool = False) -> None:
        """`columns` by unified symbol."""
        self.tracks = {symbol: Track(symbol, found, Search(found)) for symbol, found in columns.items()}
        self.plays_all = plays_all
        self._in_order = [self.tracks[symbol] for symbol in sorted(self.tracks)]
        self._next_close_ms = -1
        self._soonest_ms: int | None = None
        """Of `next_ms`, as long as nothing has moved and nobody waits for other prices."""
        self.moved = 0
        """Candles that were played."""

    def next_ms(self) -> int | None:
        if self._soonest_ms is None:
            self._soonest_ms = min((track.next_ms for track in self._in_order), default=FOREVER_MS)
        return None if self._soonest_ms == FOREVER_MS else self._soonest_ms

    def wait_for(self, reaches: Mapping[str, Reach]) -> None:
        """From now on candles matter that reach these prices, by symbol; of all tracks."""
        self._soonest_ms = None
        for track in self._in_order:
            track.wait_for(reaches[track.symbol])

    def moves(self, now_ms: int) -> list[Move]:
        """In the order of time and symbol. Candles up to now are gone by after that."""
        self._soonest_ms = None
        due: list[tuple[int, str, Move]] = []
        for track in self._in_order:
            while track.next_ms <= now_ms:
                due.append((track.next_ms, track.symbol, self._move(track, now_ms)))
        due.sort(key=lambda move: move[:2])
        return [move for _, _, move in due]

    def _move(self, track: Track, now_ms: int) -> Move:
        track.newest(now_ms)  # The venue gets it with the move itself.
        if not track.is_open_shown:
            track.is_open_shown = True
            return Tick(track.symbol, track.columns.price(track.columns.open[0]))
        candle = track.columns.candle(track.stop)
        track.played = track.stop + 1
        track.stop = track.search.next(track.played, track.reach)
        self.moved += 1
        return CandleMove(track.symbol, candle, candle.open_ms)

    def pass_over(self, now_ms: int) -> None:
        """What has closed by now without mattering is gone by: whoever waits for a price from now on waits for later
        candles."""
        for track in self._in_order:
            columns = track.columns
            if track.played < len(columns) and track.close_ms(track.played) <= now_ms:
                closed = int(columns.open_ms.searchsorted(now_ms - columns.timeframe_ms, side="right"))
                track.played = max(track.played, closed)

    def next_close_ms(self, now_ms: int) -> int:
        """When a price changes next, whether that matters or not."""
        if now_ms >= self._next_close_ms:
            self._next_close_ms = min((_next_close_ms(track, now_ms) for track in self._in_order), default=FOREVER_MS)
        return self._next_close_ms

    def facts(self) -> Mapping[str, str]:
        """It is played once and whole."""
        return {}


def _next_close_ms(track: Track, now_ms: int) -> int:
    columns = track.columns
    closed = int(columns.open_ms.searchsorted(now_ms - columns.timeframe_ms, side="right"))
    return track.close_ms(closed) if closed < len(columns) else FOREVER_MS
