"""What the API itself commits: signals that never reach the engine, and who called what (LOG-3).

Each commit has an author of its own. A refused commit fences its author (rule 4), and one caller's broken row must
not silence the next caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

from actors.messages import Commit, Participant, ReplyTo, Send
from actors.rules.records import AddEvent, Row
from daemon.api.engine import ASK_TIMEOUT_S, Engine
from daemon.api.kinds import Context
from daemon.store.text import every_store_takes

AUTHOR_NAMES = 1024
"""Names that take turns: more than one batch holds, few enough to be remembered."""
MAX_EVENT_CHARS = 500


class Recorder:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._numbers = count()

    async def record(self, rows: Sequence[Row], answer: object, context: Context | None = None) -> object:
        """Commits the rows; answers once they are durable. OUTCOME_UNKNOWN if that is not heard of in time."""
        return await self._engine.ask(
            "journal", lambda reply_to: self._commit(rows, reply_to, answer), context, ASK_TIMEOUT_S
        )

    def commit(self, rows: Sequence[Row]) -> None:
        """Commits the rows and does not wait for it. Any thread."""
        self._engine.system.tell("journal", self._commit(rows, None, None))

    def standing_alerts(self) -> tuple[str, ...]:
        """Keys of the alerts that stand, as committed."""
        return tuple(self._engine.view.current.alerts)

    def event(self, type: str, message: str, attributes: Mapping[str, str]) -> AddEvent:
        """A line about a caller's doing."""
        return AddEvent(
            time_ms=self._engine.clock.now_ms(),
            severity="info",
            category="security",
            type=type,
            message=every_store_takes(message[:MAX_EVENT_CHARS]),
            attributes={name: every_store_takes(value) for name, value in attributes.items()},
        )

    def security(self, severity: str, type: str, message: str, attributes: Mapping[str, str]) -> None:
        """Records what the gate saw, and does not wait for it (LOG-3)."""
        self.commit((replace(self.event(type, message, attributes), severity=severity),))

    def _commit(self, rows: Sequence[Row], reply_to: ReplyTo | None, answer: object) -> Commit:
        name = f"api/{next(self._numbers) % AUTHOR_NAMES}"
        return Commit(
            author=Participant(name, self._engine.system.next_incarnation()),
            rows=tuple(rows),
            then=() if reply_to is None else (Send(reply_to, answer),),
        )
