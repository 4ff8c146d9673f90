"""When the new side of a reverse is tried for the slot kept for it, and how long that goes on (section 9)."""

from __future__ import annotations

from collections.abc import Collection

from actors.pool_books import PoolBooks
from actors.rules.model import Key, Reason

OWN_SLOT_MS = 30_000
"""How long the new side of a reverse is tried again for its own slot while what it meets may pass at any moment."""
OWN_SLOT_RETRY_MS = 250

_MAY_PASS = frozenset(
    {
        Reason.INSUFFICIENT_BALANCE,
        Reason.ACCOUNT_NOT_READY,
        Reason.INSTRUMENT_HELD,
        Reason.PRICE_MISSING,
        Reason.PRICE_STALE,
        Reason.PRECISION_MISSING,
        Reason.GROUP_CLOSING,
        Reason.OPPOSITE_SIDE,
        Reason.OVERLOADED,
    }
)
"""What it may meet in the moment its old group has closed: the account does not say yet that the position is flat and
its margin free, there is no price for a moment, a late fill is still being sold."""


class OwnSlots:
    """The tries of one life of Pool. Which slots are kept is the books' (`PoolBooks.kept`)."""

    def __init__(self, books: PoolBooks) -> None:
        self._books = books
        self._tries: dict[Key, tuple[int, int]] = {}
        """Keys that were tried: when first, and when to try again."""

    def due(self, now_ms: int, busy: Collection[Key]) -> list[Key]:
        """Keys to try now, those of `busy` lanes left out; it counts as done."""
        reversing = self._books.reversing
        if not reversing and not self._tries:
            return []
        self._tries = {key: times for key, times in self._tries.items() if key in reversing}
        found = [key for key in sorted(self._books.kept()) if key not in busy and self._is_due(key, now_ms)]
        for key in found:
            self._tries[key] = (self._first_ms(key, now_ms), now_ms + OWN_SLOT_RETRY_MS)
        return found

    @property
    def is_trying(self) -> bool:
        """A slot is kept for somebody, who is tried again and again."""
        return bool(self._tries or self._books.kept())

    def keeps(self, key: Key, reason: Reason, now_ms: int) -> bool:
        """Whether the slot stays kept for what is being put back for this reason. If it was tried for that slot, it is
        tried again `OWN_SLOT_RETRY_MS` from now."""
        if key not in self._books.reversing:
            return False
        if key not in self._books.kept():
            return True  # Its group has it still.
        first_ms = self._first_ms(key, now_ms)
        if reason not in _MAY_PASS or now_ms - first_ms >= OWN_SLOT_MS:
            return False
        self._tries[key] = (first_ms, now_ms + OWN_SLOT_RETRY_MS)
        return True

    def is_in_vain(self, key: Key, now_ms: int) -> bool:
        """Whether it has been tried for so long that not even a reason has come back."""
        return now_ms - self._first_ms(key, now_ms) >= 2 * OWN_SLOT_MS

    def _is_due(self, key: Key, now_ms: int) -> bool:
        """A pause that is longer than any began before the clock was set back."""
        left_ms = self._tries[key][1] - now_ms if key in self._tries else 0
        return not 0 < left_ms <= OWN_SLOT_RETRY_MS

    def _first_ms(self, key: Key, now_ms: int) -> int:
        return min(self._tries[key][0], now_ms) if key in self._tries else now_ms
