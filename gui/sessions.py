"""Logins: which browser is which caller, and for how long.

The cookie holds a random number that means nothing elsewhere; the token stays in this process's memory. A login ends by
itself when it is idle or old, when its person logs out, and when the daemon does not know its token any more.
"""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from gui.callers import Caller
from gui.options import Options

MAX_SESSIONS = 64
"""With more, one of whoever has the most of them ends: the one that was idle longest."""


@dataclass(slots=True, eq=False)
class Session:
    """One login of one browser."""

    session_id: str
    guard: str
    """What a request that changes something must bring in its `X-Terrace` header: pages elsewhere cannot read it."""
    caller: Caller
    start_s: float
    used_s: float

    def allows(self, guard: str) -> bool:
        return hmac.compare_digest(self.guard.encode(), guard.encode())


class Sessions:
    """The logins there are. `now_s` is a clock that never goes back, `new_id` gives unguessable text."""

    def __init__(self, options: Options, *, now_s: Callable[[], float], new_id: Callable[[], str]) -> None:
        self._options = options
        self._now_s = now_s
        self._new_id = new_id
        self._by_id: dict[str, Session] = {}
        self._callers: dict[str, Caller] = {}
        self.on_end: Callable[[Caller], None] = lambda _caller: None
        """Told of a caller that has no login left."""

    def __len__(self) -> int:
        return len(self._by_id)

    def open(self, caller: Caller) -> Session:
        """A new login. A caller with the same token is taken again; compare `session.caller` with what was given."""
        self.sweep()
        while len(self._by_id) >= MAX_SESSIONS:
            self.end(self._least().session_id)
        caller = self._callers.setdefault(caller.key, caller)
        now_s = self._now_s()
        session = Session(self._new_id(), self._new_id(), caller, now_s, now_s)
        self._by_id[session.session_id] = session
        return session

    def _least(self) -> Session:
        """So that one token cannot log everybody else out."""
        counts = Counter(one.caller.key for one in self._by_id.values())
        return min(self._by_id.values(), key=lambda one: (-counts[one.caller.key], one.used_s))

    def find(self, session_id: str | None, *, is_use: bool = True) -> Session | None:
        """The login of this cookie; None where it has ended. `is_use`: false for what a browser does by itself."""
        session = self._by_id.get(session_id or "")
        if session is None:
            return None
        if self._is_over(session):
            self.end(session.session_id)
            return None
        if is_use:
            session.used_s = self._now_s()
        return session

    def end(self, session_id: str) -> None:
        """Ends a login; the last one of a caller ends its client too."""
        session = self._by_id.pop(session_id, None)
        if session is None:
            return
        if not any(other.caller is session.caller for other in self._by_id.values()):
            self._callers.pop(session.caller.key, None)
            self.on_end(session.caller)

    def end_caller(self, caller: Caller) -> None:
        """The daemon does not know this token any more."""
        for session in [one for one in self._by_id.values() if one.caller is caller]:
            self.end(session.session_id)

    def sweep(self) -> None:
        """Ends what is over."""
        for session in [one for one in self._by_id.values() if self._is_over(one)]:
            self.end(session.session_id)

    def _is_over(self, session: Session) -> bool:
        now_s = self._now_s()
        return (
            now_s - session.used_s > self._options.session_idle_s
            or now_s - session.start_s > self._options.session_max_s
        )
