"""How many requests an exchange takes: windows of weight, and the share of them each kind of work may use.

A request costs weight in one or more windows. Urgent work may fill a window, less urgent work must leave a share of
it free, so that an exit never waits behind polling (SPEC REC-4).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

BUCKETS = 50
"""A window is counted in this many parts, so its memory does not grow with the requests."""
TRAVEL_MS = 100
"""Requests travel unevenly: two that left a period apart may arrive closer together by this much."""


class Work(IntEnum):
    """What a request is for, the most urgent first."""

    CLOSE = 0
    CANCEL = 1
    TARGET = 2
    LOOK_UP = 3
    ENTRY = 4
    SWEEP = 5
    POLL = 6


SHARE_PERCENT: Mapping[Work, int] = {
    Work.CLOSE: 100,  # Getting out may use everything there is.
    Work.CANCEL: 95,  # A close often needs its cancels first, and then some room for itself.
    Work.TARGET: 90,  # Realises profit; a storm of fills must still leave room to get out.
    Work.LOOK_UP: 85,  # An order of unknown fate blocks its group, but asking must not hold up acting.
    Work.ENTRY: 80,  # A fifth is kept for what happens to the positions entries make.
    Work.SWEEP: 60,  # Finds what streams missed; late is better than in the way.
    Work.POLL: 40,  # Prices, catalogues, clocks: there is always a next time.
}
"""How much of a window may be in use, by whomever, after a request of this kind was drawn (SPEC REC-4)."""


class Ask(StrEnum):
    """Requests an exchange can be asked, as far as they cost."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    AMEND = "amend"
    LOOK_UP = "look_up"
    OPEN_ORDERS = "open_orders"
    BALANCES = "balances"
    TRADES = "trades"
    INSTRUMENTS = "instruments"
    PRICES = "prices"
    SETUP = "setup"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """At most `limit` weight in any `period_ms`."""

    name: str
    limit: int
    period_ms: int
    is_shared: bool = False
    """Counted per address: all accounts behind one address draw on it. Else per account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRules:
    """What a venue publishes. A request whose kind is not in `costs` is free."""

    windows: tuple[Window, ...] = ()
    costs: Mapping[Ask, Mapping[str, int]] = field(default_factory=dict)
    """Kind of request -> window name -> weight of one request."""


class Meter:
    """What one window has in use. Never more than `window.limit` within any `window.period_ms` is let through.

    Told times must not run backwards; `LimitedBudget` sees to that.
    """

    __slots__ = ("_buckets", "used", "window")

    def __init__(self, window: Window) -> None:
        self.window = window
        self.used = 0
        self._buckets: deque[_Bucket] = deque()

    def allowance(self, work: Work, weight: int) -> int:
        """Most weight that may be in use after such a request; one alone always fits into an empty window."""
        share = self.window.limit * SHARE_PERCENT[work] // 100
        return max(share, min(weight, self.window.limit))

    def wait_ms(self, work: Work, weight: int, now_ms: int) -> int:
        """0: it fits now. Else the time until it would, if nothing else is drawn. Never for ever: what is heavier than
        the whole window fits as soon as the window is empty."""
        self.forget(now_ms)
        surplus = self.used + min(weight, self.window.limit) - self.allowance(work, weight)
        if surplus <= 0:
            return 0
        freed = 0
        for bucket in self._buckets:
            freed += bucket.weight
            if freed >= surplus:
                return max(1, self._end_ms(bucket) - now_ms)
        raise AssertionError("an empty window refuses nothing")

    def add(self, weight: int, now_ms: int) -> None:
        if weight <= 0:
            return
        self.used += weight
        part_ms = max(1, self.window.period_ms // BUCKETS)
        if self._buckets and now_ms - self._buckets[-1].first_ms < part_ms:
            self._buckets[-1].weight += weight
            self._buckets[-1].last_ms = now_ms
        else:
            self._buckets.append(_Bucket(now_ms, now_ms, weight))

    def raise_to(self, used: int, now_ms: int) -> None:
        """The venue counts this much: more than ours is somebody else's, from now on."""
        self.forget(now_ms)
        self.add(used - self.used, now_ms)

    def forget(self, now_ms: int) -> None:
        """Drops what is older than the period."""
        while self._buckets and self._end_ms(self._buckets[0]) <= now_ms:
            self.used -= self._buckets.popleft().weight

    def shift(self, by_ms: int) -> None:
        """The clock was set: everything happened that much later."""
        for bucket in self._buckets:
            bucket.first_ms += by_ms
            bucket.last_ms += by_ms

    def __len__(self) -> int:
        """Parts that are remembered."""
        return len(self._buckets)

    def _end_ms(self, bucket: _Bucket) -> int:
        return bucket.last_ms + self.window.period_ms + TRAVEL_MS


@dataclass(slots=True)
class _Bucket:
    first_ms: int
    last_ms: int
    weight: int
