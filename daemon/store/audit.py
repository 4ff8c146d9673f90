"""The audit trail: every event is chained to the one before it with a keyed hash (LOG-3).

    hash = HMAC-SHA256(key, hash of the event before || canonical bytes of the event and its sequence)

Whoever changes, removes, inserts or moves a stored event without the key breaks the chain at that place. Two marks
beside the events say where the chain begins and where it ends; each is signed with the key, so that neither a cut tail
nor a cut beginning passes for the whole. Deleting old events moves the beginning (`Chain.begin_behind`).

Pure but for the hash: rows come in and go out as values, so the store on a file and the one in memory share it.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

HEAD: Final = "audit_head"
BASE: Final = "audit_base"
"""Names of the two marks in the table of facts about the store."""
MARKS = (BASE, HEAD)

STARTED: Final = "started"
"""Nothing before it was chained: the store is new, or from before there was a trail."""
PRUNED: Final = "pruned"
"""What was before it was deleted because of its age."""
BROKEN_OFF: Final = "broken_off"
"""What is before it ended in a mark that the keys at hand do not fit: it cannot be checked with them."""

KEY_CHANGED = "audit.key_changed"
"""Type of the event that names the key of all that follow; it is the last one under the key before."""
KEY_ID = "key_id"
_TYPE, _ATTRIBUTES = 3, 12
"""Places in the values of an event, in the order of `record_rows.EVENT`."""


_canonical = json.JSONEncoder(separators=(",", ":"), default=str).encode


@dataclass(frozen=True, slots=True)
class AuditKeys:
    """Keys by id, each 32 bytes; the last is the one to write under. The others are kept to check what is older."""

    keys: Mapping[str, bytes]

    @property
    def newest(self) -> str:
        return list(self.keys)[-1]

    def __repr__(self) -> str:
        return f"AuditKeys({', '.join(self.keys)})"


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the chain: the event with this sequence has this hash, the next is written under this key."""

    sequence: int
    hash: str
    key_id: str
    why: str = ""

    def text(self, keys: AuditKeys) -> str:
        """As it is stored, signed."""
        facts = [self.sequence, self.hash, self.key_id, self.why]
        return json.dumps([*facts, _sign(keys.keys[self.key_id], facts)])

    @classmethod
    def read(cls, text: str | None, keys: AuditKeys) -> Mark | None:
        """None if there is none, or it was not signed with one of these keys."""
        try:
            *facts, signature = json.loads(text or "")
            sequence, digest, key_id, why = facts
            key = keys.keys[key_id]
        except (ValueError, TypeError, KeyError):
            return None
        if not isinstance(signature, str) or not hmac.compare_digest(signature.encode(), _sign(key, facts).encode()):
            return None
        return cls(int(sequence), str(digest), str(key_id), str(why))


def _sign(key: bytes, facts: list[Any]) -> str:
    return hmac.digest(key, b"mark\n" + json.dumps(facts).encode(), "sha256").hex()


def link(key: bytes, before: str, sequence: int, values: tuple[Any, ...]) -> str:
    """The hash of an event behind one with the hash `before`. `values` are its columns as they are stored."""
    return hmac.digest(key, f"{before}\n{_canonical((sequence, *values))}".encode(), "sha256").hex()


def next_key(values: tuple[Any, ...]) -> str:
    """The id of the key behind this event; empty: it goes on."""
    if values[_TYPE] != KEY_CHANGED:
        return ""
    try:
        return str(json.loads(values[_ATTRIBUTES]).get(KEY_ID, ""))
    except (ValueError, AttributeError):
        return ""


class Chain:
    """The writing end. Each transaction has a `copy`, which takes the original's place once it is durable.

    `seal` gives out the next link, `take_back` returns to a `head` of before, `unwritten` is to be stored with them.
    """

    def __init__(self, keys: AuditKeys, base: Mark, head: Mark, *, is_new: bool = False) -> None:
        """`is_new`: its marks are not stored yet."""
        self.keys = keys
        self.base = base
        """Behind it the trail begins."""
        self.head = head
        """The newest event's place."""
        self._written = (None, None) if is_new else (base, head)

    @classmethod
    def load(cls, keys: AuditKeys, marks: Mapping[str, str], last_sequence: int) -> Chain:
        """`marks` as stored, `last_sequence` of the newest event there ever was, 0 for none.

        Where the marks do not fit the keys the trail begins anew, and says so for ever (`BROKEN_OFF`).
        """
        head, base = Mark.read(marks.get(HEAD), keys), Mark.read(marks.get(BASE), keys)
        if head is None or base is None:
            begin = Mark(last_sequence, "", keys.newest, BROKEN_OFF if marks else STARTED)
            return cls(keys, begin, begin, is_new=True)
        # Behind rows that do not belong here, a number of one's own: a clash would refuse every commit.
        return cls(keys, base, Mark(max(head.sequence, last_sequence), head.hash, head.key_id))

    def copy(self) -> Chain:
        other = Chain(self.keys, self.base, self.head)
        other._written = self._written
        return other

    def seal(self, values: tuple[Any, ...]) -> tuple[int, str]:
        """Sequence and hash of the next event."""
        before = self.head
        sequence = before.sequence + 1
        digest = link(self.keys.keys[before.key_id], before.hash, sequence, values)
        self.head = Mark(sequence, digest, next_key(values) or before.key_id)
        return sequence, digest

    def take_back(self, head: Mark) -> None:
        """To where it was: the events behind it were rolled back."""
        self.head = head

    @property
    def needs_new_key(self) -> bool:
        """There is a newer key than the one the trail is written under."""
        return self.head.key_id != self.keys.newest

    @property
    def begins_anew(self) -> bool:
        """It broke off, and nothing has been written since."""
        return self.base.why == BROKEN_OFF and self.base.sequence == self.head.sequence

    def begin_behind(self, mark: Mark) -> None:
        """What is up to this mark is deleted because of its age."""
        self.base = mark

    def unwritten(self) -> list[tuple[str, str]]:
        """Names and texts of the marks that have moved, to be stored in the same transaction. Asked for once."""
        base, head = self._written
        self._written = (self.base, self.head)
        moved = [(BASE, self.base)] if base != self.base else []
        if head != self.head:
            moved.append((HEAD, self.head))
        return [(name, mark.text(self.keys)) for name, mark in moved]


@dataclass(frozen=True, slots=True)
class Break:
    """The first event that does not fit. `time_ms`: its own word about when; None if it is not there."""

    sequence: int
    words: str
    time_ms: int | None = None


Stored = tuple[int, tuple[Any, ...], str]
"""Sequence, values and hash of an event as stored."""


class Verifier:
    """Walks along the chain, event by event, from a mark that is trusted."""

    def __init__(self, keys: AuditKeys, start: Mark) -> None:
        self._keys = keys
        self.place = start
        self.checked = 0

    def feed(self, rows: Iterable[Stored], anchors: Mapping[int, str] | None = None) -> Break | None:
        """The next events in order. `anchors`: hashes by sequence as they were written down elsewhere."""
        sequence, digest, key_id = self.place.sequence, self.place.hash, self.place.key_id
        key = self._keys.keys.get(key_id)
        try:
            for found, values, its_hash in rows:
                if found != sequence + 1:
                    return Break(sequence + 1, _missing(sequence + 1, found - 1))
                if key is None:
                    return Break(found, f"it was written under the key {key_id}, which is not here", values[0])
                if not hmac.compare_digest(link(key, digest, found, values), str(its_hash)):
                    words = "it does not fit the one before it: it was changed, put in or moved"
                    return Break(found, words if its_hash else f"{words} (it has no hash)", _time(values))
                if anchors and anchors.get(found, its_hash) != its_hash:
                    words = "its hash is another than was written down when it was new: the trail was written anew"
                    return Break(found, words, _time(values))
                sequence, digest = found, its_hash
                self.checked += 1
                new_key = next_key(values)
                if new_key:
                    key_id, key = new_key, self._keys.keys.get(new_key)
        finally:
            self.place = Mark(sequence, digest, key_id)
        return None

    def end(self, head: Mark | None, anchors: Mapping[int, str] | None = None) -> Break | None:
        """Nothing is stored behind the last event: is that the end? `head`: the mark as stored, None if it is false."""
        place = self.place
        if head is None:
            return Break(place.sequence + 1, "the mark of the trail's end is missing or was not signed with its key")
        if (head.sequence, head.hash) != (place.sequence, place.hash):
            return Break(place.sequence + 1, _missing(place.sequence + 1, head.sequence))
        beyond = [sequence for sequence in anchors or () if sequence > place.sequence]
        if beyond:
            words = f"{_missing(place.sequence + 1, max(beyond))}, as an anchor outside the store says"
            return Break(place.sequence + 1, f"{words}; or an older backup was restored")
        return None


def _missing(first: int, last: int) -> str:
    if last < first:
        return "the mark of the trail's end does not fit its last event"
    return f"event {first} is missing" if last == first else f"events {first} to {last} are missing"


def _time(values: tuple[Any, ...]) -> int | None:
    return values[0] if isinstance(values[0], int) else None
