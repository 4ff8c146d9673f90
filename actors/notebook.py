"""The supervisor's own lines in the store: events, alerts, dead letters.

They are sent like anybody's commits, but their author outlives a refusal: a supervisor loads nothing from the store,
so where another actor would be restarted it goes on under a new number. What was not confirmed is sent again, so after
a crash of the Journal an event may stand there twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from actors.children import JOURNAL
from actors.messages import Commit, Participant, Recorded, Send
from actors.rules.records import Row
from actors.runtime import SUPERVISOR, Life

MAX_PENDING = 256
"""Notes kept while the store takes none; beyond it the oldest are lost to the store, though not to the log."""

MAX_TRIES = 5
"""A note that a working store refuses this often is dropped."""


@dataclass(slots=True)
class _Pending:
    rows: tuple[Row, ...]
    tries: int = 0


class Notebook:
    """After a refusal only the oldest note is sent, and the next one when it is confirmed: so one that the store
    refuses for its own sake cannot take others along."""

    def __init__(self, life: Life, new_number: Callable[[], int]) -> None:
        self._life = life
        self._new_number = new_number
        self._author = Participant(SUPERVISOR, life.incarnation)
        self._pending: dict[int, _Pending] = {}
        self._last = 0
        self._halted = False
        self.lost = 0

    def write(self, *rows: Row) -> None:
        self._last += 1
        self._pending[self._last] = _Pending(rows)
        if len(self._pending) > MAX_PENDING:
            del self._pending[next(iter(self._pending))]
            self.lost += 1
        if not self._halted:
            self._send(self._last)

    def recorded(self, number: int) -> None:
        """That note is durable."""
        self._pending.pop(number, None)
        if self._halted:
            self._halted = bool(self._pending)
            self._send_oldest()

    def fenced(self, incarnation: int) -> bool:
        """The Journal takes nothing more under this number. True: it is the present one, `send_again` after a pause."""
        if incarnation != self._author.incarnation:
            return False
        self._author = Participant(SUPERVISOR, self._new_number())
        self._halted = True
        return True

    def send_again(self, *, store_ok: bool) -> None:
        """The oldest note that is not confirmed. While the store fails, tries do not count."""
        if not self._pending:
            self._halted = False
            return
        self._halted = True
        oldest = next(iter(self._pending))
        if self._pending[oldest].tries >= MAX_TRIES and store_ok:
            del self._pending[oldest]
            self.lost += 1
            self._halted = bool(self._pending)
        elif not store_ok:
            self._pending[oldest].tries = 0
        self._send_oldest()

    def _send_oldest(self) -> None:
        if self._pending:
            self._send(next(iter(self._pending)))

    def _send(self, number: int) -> None:
        note = self._pending[number]
        note.tries += 1
        sent = Send(SUPERVISOR, Recorded(number=number))
        self._life.tell(JOURNAL, Commit(author=self._author, rows=note.rows, then=(sent,)))
