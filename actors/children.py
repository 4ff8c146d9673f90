"""Whom the supervisor looks after, and what it knows of each part of the engine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, StrEnum

JOURNAL = "journal"


class Policy(StrEnum):
    """When an actor that ended is started again (OTP's words)."""

    PERMANENT = "permanent"
    """Always."""
    TRANSIENT = "transient"
    """After a crash, not after a peaceful end."""
    TEMPORARY = "temporary"
    """Never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One actor, or with `many` every actor of a kind: those come and go, and others start them."""

    name: str
    """The actor's name; with `many` the kind, `group` for every `group/...`."""
    policy: Policy = Policy.PERMANENT
    order: int
    """Started from low to high, stopped from high to low."""
    unit: str = ""
    """Actors of one unit stop wholly before any of it starts (rule 6)."""
    decides: bool = False
    """Sends commits it builds on: restarted when the Journal dies (rule 8)."""
    many: bool = False


def engine_children(accounts: Iterable[str], worlds: Iterable[str]) -> tuple[Child, ...]:
    """The engine's own, for these accounts and worlds: store, Feed, gateways, Queue with Pool, groups, Risk.

    Risk starts last, so that the groups it asks are there, and stops first, so that nothing new is begun.
    """
    worlds = tuple(worlds)
    children = [Child(name=JOURNAL, order=0), Child(name="feed", order=1)]
    children += [Child(name=f"gateway/{account}", order=2) for account in accounts]
    for world in worlds:
        unit = f"world/{world}"
        children.append(Child(name=f"queue/{world}", order=3, unit=unit, decides=True))
        children.append(Child(name=f"pool/{world}", order=4, unit=unit, decides=True))
    children.append(Child(name="group", policy=Policy.TRANSIENT, order=5, decides=True, many=True))
    children += [Child(name=f"risk/{world}", order=6, decides=True) for world in worlds]
    return tuple(children)


class PartState(Enum):
    RUNNING = "running"
    """Alive, or waiting in the line of those to be started."""
    ENDING = "ending"
    """Something failed; the others that must go down with it are on their way."""
    WAITING = "waiting"
    """Down, and will be started after a pause."""
    GIVEN_UP = "given_up"
    """Failed too often. Stays down until a person starts it again, or the daemon is."""


@dataclass(slots=True)
class Part:
    """What fails and restarts together: one actor, or a unit."""

    key: str
    names: tuple[str, ...]
    since: int = 0
    """Lives with a lower incarnation are from before its last start: what is heard of their end is old news."""
    state: PartState = PartState.RUNNING
    failures: tuple[int, ...] = ()
    """Times of crashes and of commits refused by a store that works."""
    fences: tuple[int, ...] = ()
    """Times of commits lost to a store that fails: a pause follows, but no giving up."""
    fenced: bool = False
    """What the present ending is for: a fence."""
    ending: set[str] = field(default_factory=set)
    """Who has not ended yet."""
    along: tuple[str, ...] = ()
    """Others that were stopped because of it and start again behind it."""
    error: str = ""
    """What went wrong last."""
    down_ms: int = 0
    """Since when it does not run."""
    restart_ms: int = 0
    """When it is started again, while it waits for that."""

    def shift(self, by_ms: int) -> None:
        """The clock was set: what has been moves with it, or failures of before it would not fade until it is there
        again.
        """
        self.failures = tuple(failed_ms + by_ms for failed_ms in self.failures)
        self.fences = tuple(failed_ms + by_ms for failed_ms in self.fences)
        self.down_ms += by_ms if self.down_ms else 0
        self.restart_ms += by_ms if self.restart_ms else 0
