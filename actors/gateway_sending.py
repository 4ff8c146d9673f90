"""Who is next: requests to an exchange by urgency, and how many may be under way."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from actors.gateway_hand import CANCEL_PRIORITY, CancelStage, Hand, Stage

MAX_IN_FLIGHT = 256
"""Submits and cancels that may wait for their answers at once; the rest queue by urgency."""
MAX_QUEUED = 50_000
"""Orders waiting to be sent. Entries beyond that are refused, exits never."""


class SendQueue:
    """Closes, cancels, targets, entries; the oldest first among equals. What was dropped meanwhile is passed over."""

    def __init__(self) -> None:
        self._submits: list[tuple[int, int, Hand]] = []
        self._cancels: deque[Hand] = deque()
        self._number = 0
        self.sent: set[str] = set()
        """Submits that wait for their answers."""
        self.cancelling: set[str] = set()
        """Cancels that do."""

    @property
    def is_full(self) -> bool:
        return len(self._submits) >= MAX_QUEUED

    def submit(self, hand: Hand) -> None:
        hand.stage = Stage.QUEUED
        self._number += 1
        heappush(self._submits, (hand.priority, self._number, hand))

    def cancel(self, hand: Hand) -> None:
        hand.cancel = CancelStage.QUEUED
        self._cancels.append(hand)

    def take(self, *, can_submit: bool) -> tuple[Hand, bool] | None:
        """The most urgent request that may leave, and whether it is a cancel; it counts as under way from here on."""
        if len(self.sent) + len(self.cancelling) >= MAX_IN_FLIGHT:
            return None
        self._pass_over()
        is_submit = can_submit and bool(self._submits)
        if self._cancels and not (is_submit and self._submits[0][0] < CANCEL_PRIORITY):
            hand = self._cancels.popleft()
            self.cancelling.add(hand.client_order_id)
            return hand, True
        if is_submit:
            hand = heappop(self._submits)[2]
            self.sent.add(hand.client_order_id)
            return hand, False
        return None

    def _pass_over(self) -> None:
        while self._cancels and not _is_cancel_due(self._cancels[0]):
            self._cancels.popleft()
        while self._submits and self._submits[0][2].stage is not Stage.QUEUED:
            heappop(self._submits)


def _is_cancel_due(hand: Hand) -> bool:
    return hand.cancel is CancelStage.QUEUED and hand.stage is not Stage.DONE
