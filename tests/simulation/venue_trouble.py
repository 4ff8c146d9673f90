"""What is wrong at a venue, or on the way there, at the moment. It outlives the engine's processes."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from daemon.exchanges.paper_requests import Amend, Cancel, Request, Submit
from tests.simulation.ops import BreakVenue, VenueFault

SHARE_OF_QUESTIONS = 0.3
"""How likely a fault that is armed for one occasion hits a mere question rather than waits for an order's request."""
OF_ORDERS = (Submit, Cancel, Amend)
WHOLE = frozenset({VenueFault.DOWN, VenueFault.BANNED, VenueFault.SLOW, VenueFault.STREAM_DOWN})
"""Faults that are there for a while and cannot be counted."""
A_WHILE_MS = 3_000
"""How long one of those lasts for which no time is given."""


class Trouble:
    """`now_ms` is the venue's clock. `rng` decides what an op leaves open."""

    def __init__(self, rng: random.Random, now_ms: Callable[[], int]) -> None:
        self.rng = rng
        self._now_ms = now_ms
        self._left: Counter[VenueFault] = Counter()
        self._until_ms: dict[VenueFault, int] = {}

    def arm(self, op: BreakVenue) -> None:
        ms = op.ms or (A_WHILE_MS if op.fault in WHOLE else 0)
        if ms:
            self._until_ms[op.fault] = max(self._until_ms.get(op.fault, 0), self._now_ms() + ms)
        else:
            self._left[op.fault] += op.count

    def stop(self) -> None:
        self._left.clear()
        self._until_ms.clear()

    def is_on(self, fault: VenueFault) -> bool:
        """One of those that last."""
        return self._until_ms.get(fault, 0) > self._now_ms()

    def until_ms(self, fault: VenueFault) -> int:
        return self._until_ms.get(fault, 0)

    def strikes(self, *faults: VenueFault, request: Request | None = None) -> VenueFault | None:
        """The first of these that hits this occasion; it is used up by that."""
        if not self._left and not self._until_ms:
            return None
        is_question = request is not None and not isinstance(request, OF_ORDERS)
        for fault in faults:
            if fault in self._until_ms and self.is_on(fault):
                return fault
            if self._left.get(fault, 0) > 0 and not (is_question and self.rng.random() > SHARE_OF_QUESTIONS):
                self._left[fault] -= 1
                if not self._left[fault]:
                    del self._left[fault]
                return fault
        return None
