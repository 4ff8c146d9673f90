"""Which candle matters next: a search over columns, in blocks.

Between two events of the engine a market is asked one thing only: when is it at or below this price, or at or above
that one, the next time? A candle whose low and high reach neither changes nothing but the last price, and is passed
over unseen. To stop at one too many is harmless; to pass over one that matters is not, so whoever makes a `Reach`
rounds away from the market.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from daemon.replay.columns import Columns, Ints

BLOCK = 512
"""Candles whose lowest and highest price are known in advance."""
FIRST_LOOK = 64
"""Candles looked at one by one before whole blocks are: what matters next is often near."""
NEVER_BELOW = -1
NEVER_ABOVE = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Reach:
    """Prices of a market, as numbers of its columns, that something waits for: at or below, at or above."""

    below: int = NEVER_BELOW
    above: int = NEVER_ABOVE

    def wider(self, other: Reach) -> Reach:
        """What waits for either."""
        return Reach(max(self.below, other.below), min(self.above, other.above))


NOTHING = Reach()
EVERYTHING = Reach(NEVER_ABOVE, NEVER_BELOW)
"""Every candle matters."""


class Search:
    """One market's candles, ready to be searched."""

    def __init__(self, columns: Columns) -> None:
        self._low, self._high = columns.low, columns.high
        self._count = len(columns)
        starts = np.arange(0, self._count, BLOCK)
        self._lows: Ints = np.minimum.reduceat(columns.low, starts)
        self._highs: Ints = np.maximum.reduceat(columns.high, starts)

    def next(self, start: int, reach: Reach) -> int:
        """The first candle from `start` on that reaches; the number of candles if none does."""
        if start >= self._count or reach == NOTHING:
            return self._count
        if reach.below >= NEVER_ABOVE:
            return start
        end = min(start + FIRST_LOOK, self._count)
        found = self._among(start, end, reach)
        if found < end:
            return found
        return self._onward(end, reach)

    def _onward(self, start: int, reach: Reach) -> int:
        end = min(-(-start // BLOCK) * BLOCK, self._count)
        found = self._among(start, end, reach)
        if found < end or end == self._count:
            return found
        block = end // BLOCK
        hits = (self._lows[block:] <= reach.below) | (self._highs[block:] >= reach.above)
        first = int(hits.argmax())
        if not hits[first]:
            return self._count
        start = (block + first) * BLOCK
        return self._among(start, min(start + BLOCK, self._count), reach)

    def _among(self, start: int, end: int, reach: Reach) -> int:
        """`end` if none of these does."""
        if start >= end:
            return end
        hits = (self._low[start:end] <= reach.below) | (self._high[start:end] >= reach.above)
        first = int(hits.argmax())
        return start + first if hits[first] else end
