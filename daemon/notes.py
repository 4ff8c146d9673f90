"""What the daemon itself has to say, beside the engine: lines of the event log and alerts. Safe from any thread."""

from __future__ import annotations

from collections.abc import Mapping

from actors.ports import Clock
from actors.rules.records import AddEvent, RaiseAlert, ResolveAlert, Row
from daemon.api.recorder import Recorder
from daemon.store.text import every_store_takes


class Notes:
    def __init__(self, recorder: Recorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock

    def commit(self, *rows: Row) -> None:
        """Does not wait for the rows to be durable."""
        self._recorder.commit(rows)

    def event(
        self, category: str, severity: str, type: str, words: str, attributes: Mapping[str, str] | None = None
    ) -> AddEvent:
        return AddEvent(
            time_ms=self._clock.now_ms(),
            severity=severity,
            category=category,
            type=type,
            message=every_store_takes(words),
            attributes={name: every_store_takes(value) for name, value in (attributes or {}).items()},
        )

    def raise_alert(self, alert_key: str, severity: str, category: str, words: str) -> None:
        """Raises the alert, or again, with a line of the event log beside it: `config_invalid` is `config.invalid`."""
        alert = RaiseAlert(
            alert_key=alert_key,
            time_ms=self._clock.now_ms(),
            severity=severity,
            category=category,
            message=every_store_takes(words),
        )
        self.commit(
            alert, self.event(category, severity, f"{category}.{alert_key.removeprefix(f'{category}_')}", words)
        )

    def resolved_of_dead(self, prefixes: tuple[str, ...]) -> tuple[ResolveAlert, ...]:
        """Alerts that stand from an earlier process, whose cause ended with it."""
        return tuple(self.resolved(key) for key in self._recorder.standing_alerts() if key.startswith(prefixes))

    def resolved(self, alert_key: str) -> ResolveAlert:
        return ResolveAlert(alert_key=alert_key, time_ms=self._clock.now_ms())
