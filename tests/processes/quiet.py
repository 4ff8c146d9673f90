"""When an installation is at rest: nothing is under way, and nothing changes any more."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.processes.books import Store, Venue
from tests.processes.checks import Terms, unsettled

QUIET_S = 0.6
"""Nothing has changed for so long: at rest. Longer than a target waits for its next replacement (TP-10), which no row
tells."""


class Quiet:
    """Asked again and again with what is there now. Only what it has seen unchanged for `QUIET_S` is at rest: else a
    check that reads the store and then the venue may find the two on either side of a change.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._seen: object = None
        self._since_s = now_s()

    def busy(self, store: Store, venue: Venue, terms: Terms, spooled: int) -> list[str]:
        """What keeps it from being at rest, in words; empty: it is."""
        newest = store.events[-1]["sequence"] if store.events else 0
        seen = (newest, store.orders, venue.orders)
        words = list(unsettled(store, venue, terms, spooled))
        if words or seen != self._seen:
            self._seen, self._since_s = seen, self._now_s()
        is_quiet = self._now_s() - self._since_s >= QUIET_S
        return words or ([] if is_quiet else [f"something changed less than {QUIET_S} s ago"])
