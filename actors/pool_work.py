"""A piece of work on a key's lane: a signal, a promotion, a removal. One draft at a time per key (rule 3)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from actors.messages import Draft, ReplyTo
from actors.rules.model import Key, Queued, Signal

MAX_TRIES = 4
"""How often one piece of work is begun anew before its caller is refused."""


class Kind(StrEnum):
    SIGNAL = "signal"
    PROMOTION = "promotion"
    """The Queue offered this entry for a free slot."""
    MANUAL_PROMOTION = "manual_promotion"
    OWN_SLOT = "own_slot"
    """The new side of a reverse, for the slot kept for it."""
    REMOVAL = "removal"


@dataclass(slots=True, kw_only=True)
class Work:
    kind: Kind
    key: Key
    signal: Signal | None = None
    reply_to: ReplyTo | None = None
    joined: list[ReplyTo] = field(default_factory=list)
    """Copies of the same signal that came while this was under way (SIG-7)."""
    who: str = ""
    force: bool = False
    ignore_exposure: bool = False
    ignore_limits: bool = False
    signal_id: str = ""
    """Of the queued signal a person named."""
    offer_id: str = ""

    tries: int = 0
    draft: Draft | None = None
    group_id: str = ""
    """The group the draft was sent to."""
    slot_token: str = ""
    """Taken for this draft, given back if it comes to nothing."""
    leaving: Queued | None = None
    """The queue entry held for this draft."""
    opens_next: Queued | None = None
    """What a reverse puts into the queue."""
    settling: bool = False
    is_outdated: bool = False
    """An exit or reverse older than the queued signal of its key."""
    reverses: bool = False
    """It closes a group, and the other side opens in its slot."""


@dataclass(slots=True)
class Lane:
    current: Work
    backlog: deque[Work] = field(default_factory=deque)
