"""How much is let in at once: signals under way, and token buckets per source (SIG-8). Entries are shed before exits.

What can only add to a position (`may_be_shed`) has less room than the rest: where that is full, exits, reduces and
reverses still pass (REC-4). What is turned away here is neither stored nor acknowledged: its sender repeats it.
"""

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
MAX_ENTRIES_IN_FLIGHT = 500
"""Of them those that may be shed: the rest of the room is for exits. An exit waits behind so many at most, about a
millisecond for each."""
MAX_BUCKETS = 1_000
RETRY_S = 1.0


class Admission:
    """Lets signals in, or says when to come again."""

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._buckets: OrderedDict[tuple[str, bool], Bucket] = OrderedDict()
        self.in_flight = 0
        self.entries_in_flight = 0
        self.shed = 0
        """Signals turned away because there was too much to do, since the start."""
        self.shed_exits = 0
        """Of them those that were no entries: only where all the room was taken by such."""
        self.limited = 0
        """Signals turned away because their source sent too many."""
        self.behind = ""
        """Set while the engine is behind, in words: no entry is let in then."""
        self.door_s = 0.0
        """How long calls wait at the door before they come here, as it was last found."""

    def check(self) -> None:
        """Before a signal is even read: OVERLOADED where there is no room at all."""
        if self.in_flight >= MAX_SIGNALS_IN_FLIGHT:
            self.shed += 1
            self.shed_exits += 1
            raise _overloaded(f"{MAX_SIGNALS_IN_FLIGHT} signals are under way")

    @contextmanager
    def one(self, may_be_shed: bool = True) -> Iterator[None]:
        """Counts a signal while it is under way. OVERLOADED if there are too many."""
        self.check()
        if may_be_shed and (self.behind or self.entries_in_flight >= MAX_ENTRIES_IN_FLIGHT):
            self.shed += 1
            why = self.behind or f"{MAX_ENTRIES_IN_FLIGHT} entries are under way"
            raise _overloaded(f"{why}; exits are still taken")
        self.in_flight += 1
        self.entries_in_flight += may_be_shed
        try:
            yield
        finally:
            self.in_flight -= 1
            self.entries_in_flight -= may_be_shed

    def spend(self, source: SourceSettings, may_be_shed: bool = True) -> None:
        """Takes one token of the source's bucket. RATE_LIMITED if it is empty; one log line per burst.

        Exits have a bucket of their own, of the same size: a flood of entries takes nothing from them.
        """
        name = (source.name, may_be_shed)
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = Bucket(self._monotonic_s())
            while len(self._buckets) > MAX_BUCKETS:
                self._buckets.popitem(last=False)
        wait_s = bucket.spend(self._monotonic_s(), source.rate_per_minute, source.burst)
        if wait_s <= 0:
            return
        self.limited += 1
        if not bucket.is_told:
            bucket.is_told = True
            _LOG.warning("rate_limited", source=source.name, rate_per_minute=source.rate_per_minute)
        words = f"the source {source.name} sends more than {source.rate_per_minute} signals a minute"
        raise Failed(ApiReason.RATE_LIMITED, words, retry_after_s=wait_s)


def _overloaded(why: str) -> Failed:
    return Failed(Reason.OVERLOADED, f"{why}; send it again later", retry_after_s=RETRY_S)


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
