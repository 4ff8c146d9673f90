"""Rates: a token bucket per source, one per address for failed attempts, and one log line per burst (SIG-8).

Times are seconds of a monotonic clock, given as arguments.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MAX_ADDRESSES = 10_000
QUIET_S = 10.0
"""A burst is over when nothing of its kind came for this long."""
MAX_BURSTS = 1000


class TokenBucket:
    """So many at once, so many a minute after that."""

    def __init__(self, rate_per_minute: float, burst: float, now_s: float) -> None:
        self.rate_s = rate_per_minute / 60
        self.burst = float(burst)
        self._tokens = self.burst
        self._at_s = now_s

    def take(self, now_s: float) -> bool:
        """Takes one token; False if there is none."""
        self._fill(now_s)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def wait_s(self, now_s: float) -> float:
        """How long until there is one; 0 if there is one now."""
        self._fill(now_s)
        return max(0.0, (1 - self._tokens) / self.rate_s)

    def _fill(self, now_s: float) -> None:
        self._tokens = min(self.burst, self._tokens + max(0.0, now_s - self._at_s) * self.rate_s)
        self._at_s = now_s


class FailedAttempts:
    """Failed attempts by address. The longest quiet are forgotten first when there are too many addresses."""

    def __init__(self, rate_per_minute: float, burst: float) -> None:
        self._rate_per_minute = rate_per_minute
        self._burst = burst
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def wait_s(self, address: str, now_s: float) -> float:
        """Counts one failed attempt; how long the address has to wait if that was one too many, else 0."""
        bucket = self._buckets.pop(address, None) or TokenBucket(self._rate_per_minute, self._burst, now_s)
        self._buckets[address] = bucket
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return 0.0 if bucket.take(now_s) else max(bucket.wait_s(now_s), 1.0)


class Bursts:
    """Lets the first of a kind through to the log, counts the rest, and says how many there were when it is over."""

    def __init__(self, over: Callable[[str, int], None]) -> None:
        self._over = over
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def is_first(self, kind: str, now_s: float) -> bool:
        """Whether this one begins a burst."""
        self.settle(now_s)
        count, _ = self._counts.pop(kind, (0, 0.0))
        self._counts[kind] = (count + 1, now_s)
        while len(self._counts) > MAX_BURSTS:
            self._end(next(iter(self._counts)))
        return count == 0

    def settle(self, now_s: float) -> None:
        """Ends the bursts that went quiet."""
        while self._counts:
            kind, (_, last_s) = next(iter(self._counts.items()))
            if now_s - last_s < QUIET_S:
                return
            self._end(kind)

    def _end(self, kind: str) -> None:
        count, _ = self._counts.pop(kind)
        if count > 1:
            self._over(kind, count)
