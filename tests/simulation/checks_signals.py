"""Each acknowledged signal has exactly one outcome, and it is the one its sender heard (SIG-7, SIG-9, SIG-10, QUE-1).

What waits in the store's queue is what has no final outcome yet, one per key. An answer must be true when it is heard:
from then on nothing may undo it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from actors.messages import Answer
from actors.rules.choices import World
from actors.rules.model import GroupState, Key, Outcome, Queued, Signal
from actors.rules.records import ClaimIdempotency, DeleteQueued, SaveQueued, SaveSignal, SetOutcome
from tests.simulation.checks_books import Books, is_waiting, worded
from tests.simulation.checks_world import Seen
from tests.simulation.promise import Promise, Violation


@dataclass(slots=True)
class SignalBook:
    signal: Signal
    outcome: Outcome
    first: Outcome
    group_id: str


class SignalChecks:
    def __init__(self, world: Seen, books: Books) -> None:
        self._world = world
        self._books = books
        self.signals: dict[str, SignalBook] = {}
        self.by_idempotency: dict[str, str] = {}
        """Idempotency key to the signal that holds it."""
        self.queue: dict[tuple[World, Key], Queued] = {}
        self._in_queue: dict[str, Queued] = {}
        """The same by signal, but for those that have their outcome already."""
        self._touched: set[str] = set()
        self._new: list[SignalBook] = []
        self._dequeued: dict[Key, str] = {}
        self._blocked: list[tuple[SignalBook, Queued]] = []
        self.rows: Mapping[type, Callable[[Any], None]] = {
            SaveSignal: self._saved,
            SetOutcome: self._decided,
            ClaimIdempotency: self._claimed,
            SaveQueued: self._queued,
            DeleteQueued: self._deleted,
        }

    # --- rows -------------------------------------------------------------------------------------

    def _saved(self, row: SaveSignal) -> None:
        signal = row.signal
        known = self.signals.get(signal.signal_id)
        if known is not None:
            words = (
                f"signal {signal.signal_id} ({worded(signal.key)}) was stored as {known.outcome} and as {row.outcome}"
            )
            raise Violation(Promise.ONE_OUTCOME, words)
        book = SignalBook(signal, row.outcome, row.outcome, row.group_id)
        self.signals[signal.signal_id] = book
        self._touched.add(signal.signal_id)
        self._new.append(book)
        if row.outcome in _ENTERS:
            waits = self._own_queued(signal)
            if waits is not None:
                self._blocked.append((book, waits))

    def _own_queued(self, signal: Signal) -> Queued | None:
        return next((queued for (_, key), queued in self.queue.items() if key == signal.key), None)

    def _decided(self, row: SetOutcome) -> None:
        known = self.signals.get(row.signal_id)
        if known is None:
            raise Violation(Promise.ONE_OUTCOME, f"signal {row.signal_id} is {row.outcome}, but was never stored")
        if not is_waiting(known.outcome):
            words = f"signal {row.signal_id} ({worded(known.signal.key)}) ended {known.outcome}, then {row.outcome}"
            raise Violation(Promise.ONE_OUTCOME, words)
        known.outcome, known.group_id = row.outcome, row.group_id
        self._touched.add(row.signal_id)
        self._new.append(known)

    def _claimed(self, row: ClaimIdempotency) -> None:
        holder = self.by_idempotency.get(row.idempotency_key)
        if holder is not None and holder != row.signal_id and not self._is_expired(holder, row.now_ms):
            words = f"alert {row.idempotency_key} was taken twice, as signal {holder} and as signal {row.signal_id}"
            raise Violation(Promise.ONE_OUTCOME, words)
        self.by_idempotency[row.idempotency_key] = row.signal_id

    def _is_expired(self, signal_id: str, now_ms: int) -> bool:
        book = self.signals.get(signal_id)
        if book is None:
            return False
        return book.signal.receive_time_ms + book.signal.idempotency_window_s * 1000 <= now_ms

    def _queued(self, row: SaveQueued) -> None:
        queued, place = row.queued, (row.world, row.queued.key)
        old = self.queue.get(place)
        self.queue[place] = queued
        if old is not None and old.signal.signal_id != queued.signal.signal_id:
            self._leaves(old)
            self._replaces(old, queued)
        if not queued.is_decided:
            self._in_queue[queued.signal.signal_id] = queued
        self._touched.add(queued.signal.signal_id)

    def _replaces(self, old: Queued, new: Queued) -> None:
        """QUE-1: the count goes up, the first-queued time stays."""
        if new.replacement_count != old.replacement_count + 1:
            words = f"{worded(new.key)}: replaced once more, the count went from {old.replacement_count}"
            raise Violation(Promise.QUEUE_RANKED, f"{words} to {new.replacement_count}")
        if new.first_queue_time_ms != old.first_queue_time_ms:
            words = f"{worded(new.key)}: its first-queued time moved with a replacement"
            raise Violation(Promise.QUEUE_RANKED, f"{words}, {old.first_queue_time_ms} to {new.first_queue_time_ms}")

    def _deleted(self, row: DeleteQueued) -> None:
        old = self.queue.get((row.world, row.key))
        if old is None or old.signal.signal_id != row.signal_id:
            words = f"signal {row.signal_id} left the queue on {worded(row.key)}, where it does not wait"
            raise Violation(Promise.ONE_OUTCOME, words)
        del self.queue[(row.world, row.key)]
        self._dequeued[row.key] = row.signal_id
        self._leaves(old)

    def _leaves(self, old: Queued) -> None:
        self._in_queue.pop(old.signal.signal_id, None)
        self._touched.add(old.signal.signal_id)

    def commit_ends(self) -> None:
        if not self._touched:
            return
        for signal_id in self._touched:
            self._judge(signal_id)
        for book in self._new:
            if book.outcome in _ENTERS:
                self._judge_group(book)
            elif book.outcome in _ENDS:
                self._judge_end(book)
        for book, waits in self._blocked:
            gone = self._dequeued.get(book.signal.key)
            if gone is None:
                words = f"{worded(book.signal.key)}: signal {book.signal.signal_id} was {book.outcome} past "
                raise Violation(Promise.QUEUE_RANKED, words + f"signal {waits.signal.signal_id}, which waits there")
        self._touched, self._new = set(), []
        self._blocked, self._dequeued = [], {}

    def _judge(self, signal_id: str) -> None:
        book = self.signals.get(signal_id)
        if book is None:
            raise Violation(Promise.ONE_OUTCOME, f"signal {signal_id} waits in the queue, but is not stored")
        waits = signal_id in self._in_queue
        if waits is not is_waiting(book.outcome):
            where = "stands in the queue" if waits else "is not in the queue"
            words = f"signal {signal_id} ({worded(book.signal.key)}) is {book.outcome} and {where}"
            raise Violation(Promise.ONE_OUTCOME, words)

    def _judge_group(self, book: SignalBook) -> None:
        """Who opened or joined a group is in it."""
        signal_id, group = book.signal.signal_id, self._books.groups.get(book.group_id)
        is_in = group is not None and (group.group.signal_id == signal_id or signal_id in group.pyramids.values())
        if not is_in:
            words = f"signal {signal_id} ({worded(book.signal.key)}) was {book.outcome}, but group {book.group_id}"
            raise Violation(Promise.ONE_OUTCOME, f"{words} {'is not stored' if group is None else 'is not of it'}")

    def _judge_end(self, book: SignalBook) -> None:
        """What an exit, a reverse or a reduce is told to have done is in the same commit. An exit never closes a group
        that a later signal opened (SIG-12).
        """
        signal, found = book.signal, self._books.groups.get(book.group_id)
        words = f"signal {signal.signal_id} ({worded(signal.key)}) was {book.outcome}, but"
        if found is None:
            raise Violation(Promise.ONE_OUTCOME, f"{words} group {book.group_id} is not stored")
        group = found.group
        if book.outcome is Outcome.REDUCED:
            if all(cut.cut_id != f"signal:{signal.signal_id}" for cut in group.cuts):
                raise Violation(Promise.ONE_OUTCOME, f"{words} {found.name} cuts nothing for it")
        elif group.state not in (GroupState.CLOSING, GroupState.CLOSED):
            raise Violation(Promise.ONE_OUTCOME, f"{words} {found.name} goes on as {group.state}")
        elif book.outcome is Outcome.EXITED and group.opened_stamp_ms > signal.stamp_ms:
            raise Violation(Promise.ONE_OUTCOME, f"{words} a later signal had opened {found.name}")

    # --- answers ----------------------------------------------------------------------------------

    def sees(self, sent: Any, answer: object) -> Violation | None:
        """At the very moment a sender hears it he can see what he was told (rule 12)."""
        if not isinstance(answer, Answer) or answer.outcome is not Outcome.OPENED:
            return None
        known = self._books.groups.get(answer.group_id)
        is_over = known is not None and known.group.is_closed
        if is_over or self._world.view.current.find(answer.group_id) is not None:
            return None
        words = (
            f"alert {sent.signal.idempotency_key} was acknowledged as opened, group {answer.group_id} is not shown yet"
        )
        return Violation(Promise.ONE_OUTCOME, words)

    def hear(self, sent: Any, answer: object) -> None:
        """A sender has heard this. A refusal acknowledges nothing: he sends again."""
        signal: Signal = sent.signal
        if not isinstance(answer, Answer):
            return
        name = f"alert {signal.idempotency_key} ({worded(signal.key)})"
        told = answer.first_outcome or answer.outcome
        stored = self.signals.get(answer.signal_id)
        if stored is None:
            raise Violation(Promise.ONE_OUTCOME, f"{name} was acknowledged as {told}, but is not stored")
        if stored.signal.idempotency_key != signal.idempotency_key:
            words = f"{name} was acknowledged as signal {answer.signal_id}, which is another alert"
            raise Violation(Promise.ONE_OUTCOME, words)
        if told not in (stored.first, stored.outcome):
            words = f"{name} was acknowledged as {told}, the store says {stored.first}, then {stored.outcome}"
            raise Violation(Promise.ONE_OUTCOME, words)

    def at_rest(self) -> None:
        """Every acknowledged alert is one signal; what is shown as waiting is what is stored."""
        for sent in self._world.alerts.values():
            key = sent.signal.idempotency_key
            if sent.is_acknowledged and key not in self.by_idempotency:
                words = f"alert {key} ({worded(sent.signal.key)}) was acknowledged and is lost"
                raise Violation(Promise.ONE_OUTCOME, words)
        shown = {place: queued.signal.signal_id for place, queued in self._world.view.current.queued.items()}
        mine = {place: queued.signal.signal_id for place, queued in self.queue.items()}
        for place in shown.keys() | mine.keys():
            if shown.get(place) != mine.get(place):
                words = f"{worded(place[1])}: {shown.get(place)} is shown as waiting, {mine.get(place)} is stored"
                raise Violation(Promise.ONE_OUTCOME, words)


_ENTERS = (Outcome.OPENED, Outcome.PYRAMIDED)
_ENDS = (Outcome.EXITED, Outcome.REVERSED, Outcome.REDUCED)
