"""Alerts that stand as long as the daemon is in a trouble that a person has to mend (LOG-5).

What the status shows of an account that is not traded, a key that is stored no more or a vault that stays shut is
raised as an alert too: nobody looks at a status by night.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

import structlog

from actors.rules.records import RaiseAlert
from daemon.api.condition import Condition
from daemon.notes import Notes
from daemon.store.text import every_store_takes

_LOG = structlog.stdlib.get_logger("terrace.system")

ROUND_S = 1.0


class _Kind(NamedTuple):
    alert: str
    severity: str
    category: str


_KINDS = {
    "account": _Kind("account_not_traded", "error", "exchange"),
    "stored_key": _Kind("stored_key", "warning", "security"),
    "vault": _Kind("vault_shut", "error", "security"),
    "certificate": _Kind("certificate", "error", "security"),
    "certificate_ends": _Kind("certificate_ends", "warning", "security"),
}
"""By the name of the trouble before its `/`."""
CERTIFICATES = ("certificate", "certificate_ends")
WITH_GROUPS = "critical"
"""Severity of an account that is not traded while groups are live on it: nothing is sold, no stop is placed."""


class StandingTroubles:
    """Told every round what the daemon's troubles are. Raises an alert when one comes or gets worse, resolves it when
    it has gone; one that stands from an earlier process and holds no more ends at the first look.
    """

    def __init__(
        self,
        condition: Condition,
        notes: Notes,
        accounts_with_groups: Callable[[], Collection[str]],
        certificates: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """`certificates`: what is wrong with the API's, in words, by the names of `CERTIFICATES`."""
        self._condition = condition
        self._certificates = certificates
        self._notes = notes
        self._accounts_with_groups = accounts_with_groups
        self._raised: dict[str, tuple[str, str]] = {}
        """Severity and words, by alert."""
        self._is_first = True

    def look(self) -> None:
        self._look_at_certificates()
        holding = self._accounts_with_groups()
        now: dict[str, tuple[_Kind, str, str, str]] = {}
        for trouble in self._condition.broken:
            name, _, account = trouble.name.partition("/")
            kind = _KINDS.get(name)
            if kind is None:
                continue
            is_held = name == "account" and account in holding
            words = f"{trouble.words}. Groups are live on it: no exit, target or stop of theirs is sent"
            key = f"{kind.alert}:{account}" if account else kind.alert
            severity = WITH_GROUPS if is_held or self._raised.get(key, ("",))[0] == WITH_GROUPS else kind.severity
            now[key] = kind, severity, words if is_held else trouble.words, account
        for key, (kind, severity, words, account) in now.items():
            if self._raised.get(key) != (severity, words):
                self._raise(key, kind, severity, words, account)
        self._end(now)
        self._raised = {key: (severity, words) for key, (_, severity, words, _) in now.items()}

    def _look_at_certificates(self) -> None:
        found = self._certificates()
        for name in CERTIFICATES:
            if name in found:
                self._condition.trouble(name, found[name])
            else:
                self._condition.mended(name)

    def _raise(self, key: str, kind: _Kind, severity: str, words: str, account: str) -> None:
        event = self._notes.event(kind.category, severity, f"{kind.category}.{kind.alert}", words)
        alert = RaiseAlert(
            alert_key=key,
            time_ms=event.time_ms,
            severity=severity,
            category=kind.category,
            message=every_store_takes(words),
            account=account,
        )
        self._notes.commit(alert, event)

    def _end(self, now: Collection[str]) -> None:
        gone = [self._notes.resolved(key) for key in self._raised if key not in now]
        if self._is_first:
            self._is_first = False
            before = self._notes.resolved_of_dead(tuple(kind.alert for kind in _KINDS.values()))
            gone += [row for row in before if row.alert_key not in now]
        if gone:
            self._notes.commit(*gone)

    async def run(self) -> None:
        """Every second, until it is cancelled."""
        while True:
            try:
                self.look()
            except Exception:
                _LOG.exception("standing_troubles_failed")
            await asyncio.sleep(ROUND_S)
