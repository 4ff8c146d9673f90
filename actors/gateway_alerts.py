"""Alerts of one gateway: each raised once until its cause is gone (LOG-5)."""

from __future__ import annotations

from collections.abc import Iterable

from actors.messages import Commit, Participant
from actors.rules.choices import World
from actors.rules.records import AddEvent, RaiseAlert, ResolveAlert, Row
from actors.runtime import Life


class GatewayAlerts:
    def __init__(self, life: Life, journal_name: str, account: str, world: World) -> None:
        self._life = life
        self._journal = journal_name
        self._account = account
        self._world = world
        self._standing: set[str] = set()

    def name_of(self, kind: str, symbol: str = "") -> str:
        """The alert's key."""
        return f"{kind}:{self._account}:{symbol}" if symbol else f"{kind}:{self._account}"

    def stands(self, kind: str, symbol: str = "") -> bool:
        return self.name_of(kind, symbol) in self._standing

    def raise_(self, kind: str, severity: str, category: str, words: str, symbol: str = "") -> None:
        """Nothing happens while it stands."""
        name = self.name_of(kind, symbol)
        if name in self._standing:
            return
        self._standing.add(name)
        self.raise_again(kind, severity, category, words, symbol)

    def raise_again(self, kind: str, severity: str, category: str, words: str, symbol: str = "") -> None:
        """Counts up if it stands. What is raised only so stands until a person acknowledges it."""
        now_ms = self._life.now_ms()
        alert = RaiseAlert(
            alert_key=self.name_of(kind, symbol),
            time_ms=now_ms,
            severity=severity,
            category=category,
            message=words,
            account=self._account,
            symbol=symbol,
        )
        event = AddEvent(
            time_ms=now_ms,
            severity=severity,
            category=category,
            type=f"gateway.{kind}",
            message=words,
            world=self._world,
            account=self._account,
            symbol=symbol,
        )
        self.commit(alert, event)

    def resolve(self, kind: str, symbol: str = "") -> None:
        if not self._standing:
            return  # As nearly always, and this is asked with every message.
        name = self.name_of(kind, symbol)
        if name in self._standing:
            self._standing.discard(name)
            self.commit(ResolveAlert(alert_key=name, time_ms=self._life.now_ms()))

    def resolve_of_earlier_lives(self, names: Iterable[str]) -> None:
        """What still holds is raised again by who sees it."""
        now_ms = self._life.now_ms()
        self.commit(*(ResolveAlert(alert_key=name, time_ms=now_ms) for name in names if name not in self._standing))

    def commit(self, *rows: Row) -> None:
        if rows:
            author = Participant(self._life.name, self._life.incarnation)
            self._life.tell(self._journal, Commit(author=author, rows=rows))
