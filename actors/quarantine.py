"""Messages that killed twice are kept from the actors (REC-2).

What counts as the same message:

- One that carries a signal is known by the signal's idempotency key, for every actor of that kind: a poisoned alert
  is sent again with other ids, and each `OpenGroup` for it goes to another group.
- Any other is the same if it is equal apart from its reply address and goes to the same actor.
- What belongs to one life of an actor (it carries an incarnation) is never kept away: without it the actor would wait
  for ever. There the restart intensity ends it.

A person may let one pass again. Then one more death is enough.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace

from actors.facts import signal_of
from actors.messages import Start, Stopped
from actors.runtime import kind_of

MAX_SUSPECTS = 256
"""Messages remembered that killed once."""

SUSPECT_MS = 3_600_000
"""A second death counts if it follows the first within this time."""

MAX_POISONED = 64
"""Messages kept away; beyond it the oldest may pass again."""

MAX_LETTERS = 512
"""Messages whose dead letter is remembered: the next death of the same one is written there, too."""


class Quarantine:
    """Written by the supervisor alone; `holds` is asked by every actor's thread and reads one immutable value."""

    def __init__(self) -> None:
        self._suspects: deque[tuple[int, object]] = deque(maxlen=MAX_SUSPECTS)
        self._poisoned: tuple[object, ...] = ()
        self._letters: deque[tuple[object, str]] = deque(maxlen=MAX_LETTERS)
        self._retried: dict[str, str] = {}
        """By the idempotency key of a retried signal: whatever dies of it from now on, this is its letter."""

    def killed(self, name: str, message: object, now_ms: int) -> bool:
        """This actor died of this message, or of one in this batch. True: it is poisoned from now on."""
        poisoned = False
        for one in message if isinstance(message, tuple) else (message,):
            poisoned |= self._killed_by(name, one, now_ms)
        return poisoned

    def holds(self, name: str, message: object) -> bool:
        """Must it be kept from this actor?"""
        essence = _essence(name, message)
        return essence is not None and _has(self._poisoned, essence)

    # --- dead letters -----------------------------------------------------------------------------

    def letter_of(self, name: str, message: object, new_id: str) -> str:
        """The dead letter of this message: the one it has, or the new one, which it has from now on.

        A batch, and what is never the same, always gets the new one.
        """
        essence = None if isinstance(message, tuple) else _essence(name, message)
        if essence is None:
            return new_id
        retried = self._retried.get(essence[2]) if isinstance(essence, tuple) and len(essence) == 3 else None
        if retried is not None:
            return retried
        for known, letter_id in self._letters:
            if _has((known,), essence):
                return letter_id
        self._letters.append((essence, new_id))
        return new_id

    def let_pass(self, name: str, message: object, letter_id: str, now_ms: int) -> None:
        """This message may reach this actor again; if it kills once more it is poisoned, and that is its letter."""
        essence = _essence(name, message)
        if essence is not None:
            self._forgive(lambda known: _has((known,), essence), essence, letter_id, now_ms)

    def let_signal_pass(self, old_key: str, new_key: str, actor: str, kind: str, letter_id: str, now_ms: int) -> None:
        """The same for all that is about a signal, which is handed out under `new_key`. `actor` died of a `kind`."""
        essence = (kind_of(actor), kind, new_key)
        self._retried[new_key] = letter_id
        if len(self._retried) > MAX_LETTERS:
            del self._retried[next(iter(self._retried))]
        self._forgive(lambda known: _is_signal(known, old_key), essence, letter_id, now_ms)

    def let_kind_pass(self, actor: str, kind: str) -> None:
        """Every message of this type may reach this actor again: they are asked for anew and may differ a little."""
        self._poisoned = tuple(known for known in self._poisoned if not _is_of(known, actor, kind))

    def _forgive(self, matches: Callable[[object], bool], essence: object, letter_id: str, now_ms: int) -> None:
        self._poisoned = tuple(known for known in self._poisoned if not matches(known))
        self._suspects.append((now_ms, essence))
        self._letters = deque(
            ((known, its) for known, its in self._letters if not _has((known,), essence)), MAX_LETTERS
        )
        self._letters.append((essence, letter_id))

    def _killed_by(self, name: str, message: object, now_ms: int) -> bool:
        essence = _essence(name, message)
        if essence is None:
            return False
        suspects = tuple(suspect for time_ms, suspect in self._suspects if now_ms - time_ms <= SUSPECT_MS)
        if not _has(suspects, essence):
            self._suspects.append((now_ms, essence))
            return False
        if not _has(self._poisoned, essence):
            self._poisoned = (*self._poisoned, essence)[-MAX_POISONED:]
        return True


def _essence(name: str, message: object) -> object:
    """What makes two messages the same to an actor; None: never the same."""
    if hasattr(message, "incarnation") or isinstance(message, (Start, Stopped)):
        return None
    signal = signal_of(message)
    if signal is not None:
        return (kind_of(name), type(message).__name__, signal.idempotency_key)
    if not is_dataclass(message) or isinstance(message, type):
        return (name, message)
    addressed = any(field.name == "reply_to" for field in fields(message))
    return (name, replace(message, reply_to=None) if addressed else message)


def _is_signal(essence: object, key: str) -> bool:
    return isinstance(essence, tuple) and len(essence) == 3 and essence[2] == key


def _is_of(essence: object, actor: str, kind: str) -> bool:
    return (
        isinstance(essence, tuple) and len(essence) == 2 and essence[0] == actor and type(essence[1]).__name__ == kind
    )


def _has(known: tuple[object, ...], essence: object) -> bool:
    """Equality of a damaged message may itself fail; then it is a message of its own."""
    for one in known:
        try:
            if one == essence:
                return True
        except Exception:
            continue
    return False
