"""Who is next: requests to an exchange by urgency, and how many may be under way."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from enum import Enum
from heapq import heappop, heappush

from actors.gateway_hand import CANCEL_PRIORITY, PRIORITY, CancelStage, Hand, Stage
from actors.rules.model import Role
from actors.rules.rates import Ask, Work

MAX_IN_FLIGHT = 64
"""Requests for orders that may wait for their answers at once; the rest queue by urgency. Each is a connection and a
task of the adapter. At 50 ms an answer this is more than a thousand a second, beyond what any venue takes."""
PLACES_FOR_EXITS = 16
"""Of these only closes and cancels may take: entries that hang at a silent venue must not block the way out."""
MAX_QUEUED = 50_000
"""Orders waiting to be sent. Entries beyond that are refused, exits never."""


class Kind(Enum):
    """What is asked of the exchange about one order."""

    SUBMIT = Ask.SUBMIT
    CANCEL = Ask.CANCEL
    AMEND = Ask.AMEND


AMEND_PRIORITY = PRIORITY[Role.TAKE_PROFIT]
"""What is amended are targets."""


class SendQueue:
    """Closes, cancels, targets, entries; the oldest first among equals. What was dropped meanwhile is passed over."""

    def __init__(self) -> None:
        self._submits: list[tuple[int, int, Hand]] = []
        self._cancels: deque[Hand] = deque()
        self._amends: deque[Hand] = deque()
        self._number = 0
        self.sent: set[str] = set()
        """Submits that wait for their answers."""
        self.cancelling: set[str] = set()
        """Cancels that do."""
        self.amending: set[str] = set()
        """Amends that do."""

    @property
    def is_full(self) -> bool:
        return len(self._submits) >= MAX_QUEUED

    @property
    def waiting(self) -> int:
        """Requests that have not left, those dropped meanwhile included."""
        return len(self._submits) + len(self._cancels) + len(self._amends)

    def submit(self, hand: Hand) -> None:
        hand.stage = Stage.QUEUED
        self._number += 1
        heappush(self._submits, (hand.priority, self._number, hand))

    def cancel(self, hand: Hand) -> None:
        hand.cancel = CancelStage.QUEUED
        self._cancels.append(hand)

    def amend(self, hand: Hand) -> None:
        hand.amend = CancelStage.QUEUED
        self._amends.append(hand)

    def next(self, held: Container[Kind]) -> tuple[Hand, Kind] | None:
        """The most urgent request that may leave, but for the kinds that are held. It stays queued until `take`."""
        self._pass_over()
        room = MAX_IN_FLIGHT - len(self.sent) - len(self.cancelling) - len(self.amending)
        found: list[tuple[int, Hand, Kind]] = []
        if self._cancels and Kind.CANCEL not in held:
            found.append((CANCEL_PRIORITY, self._cancels[0], Kind.CANCEL))
        if self._amends and Kind.AMEND not in held:
            found.append((AMEND_PRIORITY, self._amends[0], Kind.AMEND))
        if self._submits and Kind.SUBMIT not in held:
            priority, _, hand = self._submits[0]
            found.append((priority, hand, Kind.SUBMIT))
        if not found:
            return None
        priority, hand, kind = min(found, key=lambda each: each[0])
        return (hand, kind) if room > (0 if priority <= CANCEL_PRIORITY else PLACES_FOR_EXITS) else None

    def take(self, kind: Kind) -> None:
        """The one `next` named counts as under way from here on."""
        if kind is Kind.SUBMIT:
            self.sent.add(heappop(self._submits)[2].client_order_id)
        elif kind is Kind.CANCEL:
            self.cancelling.add(self._cancels.popleft().client_order_id)
        else:
            self.amending.add(self._amends.popleft().client_order_id)

    def _pass_over(self) -> None:
        while self._cancels and not _is_due(self._cancels[0], self._cancels[0].cancel):
            self._cancels.popleft()
        while self._amends and not _is_due(self._amends[0], self._amends[0].amend):
            self._amends.popleft()
        while self._submits and self._submits[0][2].stage is not Stage.QUEUED:
            heappop(self._submits)


def work_of(hand: Hand, kind: Kind) -> Work:
    """What the request is to the budget."""
    return Work.CANCEL if kind is Kind.CANCEL else hand.work


def _is_due(hand: Hand, stage: CancelStage) -> bool:
    return stage is CancelStage.QUEUED and hand.stage is not Stage.DONE
