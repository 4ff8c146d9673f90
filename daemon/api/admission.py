"""How much is let in at once: signals under way, and a token bucket per source (SIG-8)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from actors.rules.model import Reason
from actors.rules.settings import SourceSettings
from daemon.api.errors import ApiReason, Failed

_LOG = structlog.stdlib.get_logger("terrace.signal")

MAX_SIGNALS_IN_FLIGHT = 2_000
"""Signals the API has taken on and not answered. The engine's mailboxes are unbounded; this is what bounds them."""
MAX_BUCKETS = 1_000


class Admission:
    """Lets signals in, or says when to come again."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()
        self.in_flight = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Counts a signal while it is under way. OVERLOADED if there are too many."""
        if self.in_flight >= MAX_SIGNALS_IN_FLIGHT:
            words = f"{MAX_SIGNALS_IN_FLIGHT} signals are under way; send it again later"
            raise Failed(Reason.OVERLOADED, words, retry_after_s=1.0)
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def spend(self, source: SourceSettings) -> None:
        """Takes one token of the source's bucket. RATE_LIMITED if it is empty; one log line per burst."""
        bucket = self._buckets.get(source.name)
        if bucket is None:
            bucket = self._buckets[source.name] = Bucket(self._monotonic_s())
            while len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        wait_s = bucket.spend(self._monotonic_s(), source.rate_per_minute, source.burst)
        if wait_s <= 0:
            return
        if not bucket.is_told:
            bucket.is_told = True
            _LOG.warning("rate_limited", source=source.name, rate_per_minute=source.rate_per_minute)
        words = f"the source {source.name} sends more than {source.rate_per_minute} signals a minute"
        raise Failed(ApiReason.RATE_LIMITED, words, retry_after_s=wait_s)


class Bucket:
    """A token bucket that begins full. Rate and size are given with each call: they may change with the config."""

    def __init__(self, now_s: float) -> None:
        self._spent = 0.0
        self._since_s = now_s
        self.is_told = False
        """A line about the burst that is going on was logged."""

    def spend(self, now_s: float, rate_per_minute: int, size: int) -> float:
        """0: a token was taken. Else how many seconds until there is one."""
        per_s = rate_per_minute / 60
        self._spent = max(0.0, self._spent - (now_s - self._since_s) * per_s)
        self._since_s = now_s
        if self._spent <= size - 1:
            if self._spent <= size / 2:
                self.is_told = False
            self._spent += 1
            return 0.0
        return (self._spent - (size - 1)) / per_s if per_s > 0 else 60.0
