"""What a person's repairs need: how the parts of the engine are, starting one again, retrying a dead letter (REC-2)."""

from __future__ import annotations

from dataclasses import dataclass

from actors.messages import ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class PartNow:
    """A part of the engine as the supervisor sees it."""

    key: str
    names: tuple[str, ...]
    """Actors it is made of."""
    state: str
    """`running`, `ending`, `waiting` or `given_up`."""
    error: str = ""
    """What went wrong last; empty while it runs."""
    since_ms: int = 0
    """When it went down; 0 while it runs."""
    restart_ms: int = 0
    """When it is started again by itself; 0: it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreNow:
    """The store as the Journal told it last."""

    ok: bool = True
    on_reserve: bool = False
    is_slow: bool = False
    error: str = ""
    since_ms: int = 0
    """Since when it is so; 0: since the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsNow:
    parts: tuple[PartNow, ...]
    """Those that do not run, in the order of their start."""
    store: StoreNow


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeParts:
    """API -> Supervisor. Answered with `PartsNow`."""

    reply_to: ReplyTo


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPart:
    """API -> Supervisor: begin anew what was given up, or waits for its next start. Answered with `PartNow`, or
    `Refused` NOT_FOUND.

    What runs, or is about to, is left as it is and told so. `name`: the part's key or one of its actors.
    """

    name: str
    who: str
    why: str
    reply_to: ReplyTo
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLetter:
    """API -> Supervisor: the quarantine lets it pass once more, and `message` goes to `to`, whose answer is the answer.

    If it kills again the letter counts one attempt more, and the quarantine closes at that one death. A message with
    an `incarnation` gets that of the life it is handed to; nobody alive: `Refused`, if it names who asks.
    """

    dead_letter_id: str
    actor: str
    """Who died of it."""
    message_type: str
    old_key: str = ""
    """Of a signal: its idempotency key."""
    new_key: str = ""
    """Of a signal: the key it is handed out under, the same or a new one."""
    to: str
    message: object
