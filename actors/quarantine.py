"""Messages that killed twice are kept from the actors (REC-2).

What counts as the same message:

- One that carries a signal is known by the signal's idempotency key, for every actor of that kind: a poisoned alert
  is sent again with other ids, and each `OpenGroup` for it goes to another group.
- Any other is the same if it is equal apart from its reply address and goes to the same actor.
- What belongs to one life of an actor (it carries an incarnation) is never kept away: without it the actor would wait
  for ever. There the restart intensity ends it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import fields, is_dataclass, replace

from actors.messages import Start, Stopped
from actors.rules.model import Queued, Signal
from actors.runtime import kind_of

MAX_SUSPECTS = 256
"""Messages remembered that killed once."""

SUSPECT_MS = 3_600_000
"""A second death counts if it follows the first within this time."""

MAX_POISONED = 64
"""Messages kept away; beyond it the oldest may pass again."""


class Quarantine:
    """Written by the supervisor alone; `holds` is asked by every actor's thread and reads one immutable value."""

    def __init__(self) -> None:
        self._suspects: deque[tuple[int, object]] = deque(maxlen=MAX_SUSPECTS)
        self._poisoned: tuple[object, ...] = ()

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
    signal = _signal_of(message)
    if signal is not None:
        return (kind_of(name), type(message).__name__, signal.idempotency_key)
    if not is_dataclass(message) or isinstance(message, type):
        return (name, message)
    addressed = any(field.name == "reply_to" for field in fields(message))
    return (name, replace(message, reply_to=None) if addressed else message)


def _signal_of(message: object) -> Signal | None:
    signal = getattr(message, "signal", None)
    if isinstance(signal, Signal):
        return signal
    queued = getattr(message, "queued", None)
    return queued.signal if isinstance(queued, Queued) else None


def _has(known: tuple[object, ...], essence: object) -> bool:
    """Equality of a damaged message may itself fail; then it is a message of its own."""
    for one in known:
        try:
            if one == essence:
                return True
        except Exception:
            continue
    return False
