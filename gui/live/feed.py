"""The rows of one topic as one caller sees them, and the changes that led there."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import orjson

from gui.callers import Caller
from gui.live.frames import Change, added_up, difference
from gui.live.topics import Snapshot, Topic

KEPT_CHANGES = 64
"""Changes a tab may have missed and still be told singly; beyond that it is told everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a topic cannot be followed, readable."""

    why: str
    remedy: str

    def frame(self, name: str, now_ms: int) -> dict[str, Any]:
        """What a tab is told in place of rows."""
        return {"topic": name, "v": 0, "at": 0, "stale": {"since": now_ms, "why": self.why, "remedy": self.remedy}}


def first_version() -> int:
    """Where a feed's versions begin: somewhere else for each, so that no other one's are taken for its own."""
    return (secrets.randbits(30) + 1) << 20


@dataclass(slots=True, eq=False)
class Feed:
    """One topic, read for one caller in one world."""

    topic: Topic
    argument: str
    caller: Caller
    world: str
    rows: Snapshot = field(default_factory=dict)
    version: int = 0
    """Rises by one with each change, from a random start; 0 before the first reading."""
    read_ms: int = 0
    stale_since_ms: int = 0
    """Since when it could not be read; 0 while it can."""
    reason: str = ""
    """Why it cannot be read, readable."""
    remedy: str = ""
    changes: deque[tuple[int, Change]] = field(default_factory=lambda: deque(maxlen=KEPT_CHANGES))
    tabs: set[Any] = field(default_factory=set)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it was read or could not be."""
    task: asyncio.Task[None] | None = None
    looked_s: float = 0.0
    _encoded: dict[int, orjson.Fragment] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.topic.name}:{self.argument}" if self.argument else self.topic.name

    def frame(self, since: int) -> dict[str, Any]:
        """What a tab is told that has seen version `since`; all of it where the way from there is not known."""
        told = {"topic": self.name, "v": self.version, "at": self.read_ms}
        if self.stale_since_ms:
            told["stale"] = {"since": self.stale_since_ms, "why": self.reason, "remedy": self.remedy}
        if not self.version:
            return told
        known = [change for version, change in self.changes if version > since]
        if since and len(known) == self.version - since:
            change = added_up(known)
            parts = {"set": change.cells, "gone": change.gone, "order": change.order}
            return told | {key: part for key, part in parts.items() if part or (key == "order" and part is not None)}
        return told | {"full": True, "set": self.rows, "order": list(self.rows)}

    def encoded(self, since: int) -> orjson.Fragment:
        """The same as JSON; made once for all tabs that have seen the same."""
        found = self._encoded.get(since)
        if found is None:
            found = self._encoded[since] = orjson.Fragment(orjson.dumps(self.frame(since)))
        return found

    def take(self, rows: Snapshot, now_ms: int) -> None:
        """A reading came."""
        change = difference(self.rows, rows)
        is_news = bool(change) or not self.version
        if is_news:
            self.version = self.version + 1 if self.version else first_version()
            self.changes.append((self.version, change))
        was_stale = self.stale_since_ms > 0
        self.rows, self.read_ms = rows, now_ms
        self.stale_since_ms, self.reason, self.remedy = 0, "", ""
        if is_news or was_stale:  # That it was read and is the same need not be told: the stream's sign of life does.
            self._is_told()

    def fail(self, reason: str, remedy: str, now_ms: int) -> None:
        """A reading did not come; what was read before it is stale."""
        is_same = self.stale_since_ms > 0 and (self.reason, self.remedy) == (reason, remedy)
        self.stale_since_ms = self.stale_since_ms or self.read_ms or now_ms
        self.reason, self.remedy = reason, remedy
        if not is_same:
            self._is_told()

    def _is_told(self) -> None:
        self._encoded.clear()
        self.told.set()
        for tab in self.tabs:
            tab.tell(self)
