"""What is known of who leads, as values. How it is kept is the database's (`postgres_lead`)."""

from __future__ import annotations

from dataclasses import dataclass

from actors.ports import StoreFault
from actors.rules.naming import EPOCH_CHARS

LEASE_S = 3.0
"""A leader sends nothing once its newest beat began longer ago than this."""
TAKEOVER_AFTER_S = 5.0
"""A lease that was not renewed for so long, as the one who waits has seen it, has run out. The difference to `LEASE_S`
is for a request that had just been let through."""
BEAT_S = 0.5
"""A leader renews its lease this often."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Fenced(StoreFault):
    """Another daemon leads: nothing of this one is written any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """One lead. `leader`: what its session calls itself; `address`: where its API listens."""

    epoch: int
    leader: str
    address: str
    since_ms: int

    @property
    def who(self) -> str:
        """Machine and process, without what only the server needs."""
        parts = self.leader.split()
        return parts[1] if len(parts) > 1 else self.leader


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The lead and its lease at one moment."""

    lead: Lead
    beat: int
    is_given: bool
    """A lease was given and not handed back. False: it ended in peace, or leads without a lease (no standby)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How a store is to be opened: as whose lead.

    `claim`: what was seen to have run out, and may be taken over; None: only what is free.
    """

    address: str
    claim: Seen | None = None


def epoch_chars(epoch: int) -> str:
    """The epoch in client order ids (ORD-2). After 1,296 leads they begin anew: an id stays unique by its attempt."""
    high, low = divmod(epoch % 36**EPOCH_CHARS, 36)
    return _DIGITS[high] + _DIGITS[low]


def epoch_after_restore(now_ms: int, last: int) -> int:
    """For a SQLite store that was put back to an earlier state (ORD-2): ids of attempts made since then must not come
    up again. Taken from the clock, because the store cannot know which epochs it has had since; two restores get
    the same one by a chance of 1 in 1,295.
    """
    most: int = 36**EPOCH_CHARS - 1
    found = 1 + now_ms // 1000 % most
    return found if found != last else 1 + found % most
