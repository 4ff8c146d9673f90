"""The audit trail in SQL: its marks, the events to check, and what happens to it when old events are deleted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from actors.rules.records import AddEvent
from daemon.store import record_rows
from daemon.store.audit import KEY_CHANGED, KEY_ID, MARKS, PRUNED, AuditKeys, Chain, Mark, Stored, next_key
from daemon.store.link import Cursor

_MARKS = f"SELECT name, value FROM meta WHERE name IN ({', '.join('?' for _ in MARKS)})"
_EVENTS = (
    f"SELECT sequence, {record_rows.EVENT.select()}, hash FROM events "
    "WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?"
)
_KEY_BEFORE = (
    "SELECT attributes FROM events WHERE category = 'security' AND type = ? AND sequence <= ? "
    "ORDER BY sequence DESC LIMIT 1"
)
_DELETE = "DELETE FROM events WHERE sequence <= ?"
_FIRST = "SELECT min(sequence) FROM events"
_SEALED_BEFORE = "SELECT sequence FROM events WHERE sequence <= ? AND hash <> '' ORDER BY sequence LIMIT 1"
SAVE_MARK = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
MAX_SEQUENCE = 2**63 - 1

Execute = Callable[[str, tuple[Any, ...]], Iterable[tuple[Any, ...]]]


def load_chain(execute: Execute, keys: AuditKeys, last_sequence: int) -> Chain:
    """For the writer. `last_sequence`: the newest event's, also of one that is deleted."""
    return Chain.load(keys, read_marks(execute), last_sequence)


def key_changed(chain: Chain, time_ms: int) -> AddEvent:
    """The event after which the newest key is used."""
    words = f"the audit trail goes on under the key {chain.keys.newest}"
    return AddEvent(
        time_ms=time_ms,
        severity="info",
        category="security",
        type=KEY_CHANGED,
        message=words,
        attributes={KEY_ID: chain.keys.newest},
    )


def broken_off(time_ms: int) -> AddEvent:
    """The first event of a trail that had to begin anew."""
    words = (
        "the audit trail begins anew: secrets/audit.key does not fit what was written before, which cannot be checked "
        "with it. If the file was lost or is another machine's, keep the one that fits for `terraced audit verify`"
    )
    return AddEvent(time_ms=time_ms, severity="error", category="security", type="audit.broken_off", message=words)


def read_marks(execute: Execute) -> dict[str, str]:
    return dict(execute(_MARKS, MARKS))


def events_behind(execute: Execute, sequence: int, last: int, limit: int) -> list[Stored]:
    """In order."""
    return [_stored(row) for row in execute(_EVENTS, (sequence, last, limit))]


def _stored(row: tuple[Any, ...]) -> Stored:
    return row[0], tuple(row[1:-1]), row[-1]


def hash_at(execute: Execute, sequence: int) -> str | None:
    """None if there is no such event."""
    rows = events_behind(execute, sequence - 1, sequence, 1)
    return rows[0][2] if rows else None


def key_at(execute: Execute, sequence: int, otherwise: str) -> str:
    """The id of the key of the events behind this one."""
    for (attributes,) in execute(_KEY_BEFORE, (KEY_CHANGED, sequence)):
        return str(json.loads(attributes).get(KEY_ID, otherwise))
    return otherwise


def sealed_before(execute: Execute, sequence: int) -> int:
    """An event up to this one that has a hash; 0 for none."""
    return next((found for (found,) in execute(_SEALED_BEFORE, (sequence,))), 0)


def first_sequence(execute: Execute) -> int:
    """Of the oldest event that is stored; 0: there is none."""
    return next((found or 0 for (found,) in execute(_FIRST, ())), 0)


def prune(cursor: Cursor, chain: Chain, before_ms: int, limit: int) -> int:
    """Deletes the oldest events that are all from before a time, and moves the beginning of the trail behind them."""
    cursor.execute(_EVENTS, (0, MAX_SEQUENCE, limit))
    rows = map(_stored, cursor.fetchall())
    base, place = chain.base, None
    key_id = base.key_id
    for sequence, values, digest in rows:
        if values[0] >= before_ms:
            break
        if sequence > base.sequence:
            key_id = next_key(values) or key_id
        place = Mark(sequence, digest, key_id, PRUNED)
    if place is None:
        return 0
    if place.sequence > base.sequence:
        chain.begin_behind(place)
    return cursor.changes(_DELETE, (place.sequence,))
