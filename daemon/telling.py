"""What the daemon tells people outside: alerts and events over channels, the daily summary, the heartbeat (LOG-5).

One object for the composition root: made before the store is in use, since each commit passes its outbox, and joined
with the engine once that is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import date
from typing import Any

import structlog

from actors.messages import AccountChanged, DescribeAccount
from actors.ports import Clock
from actors.rules.choices import World
from actors.rules.events import Note
from actors.rules.notifying import Notice, type_of_alert, type_of_event
from actors.rules.records import AddEvent
from actors.rules.settings import Settings
from actors.view import Alert
from daemon.api.condition import SERVING
from daemon.api.engine import Engine
from daemon.api.errors import Failed
from daemon.api.report_service import ReportService
from daemon.api.translate import WORLD
from daemon.notes import Notes
from daemon.observe.alerts import HOUR_MS, AlertWatch, SignalTap
from daemon.observe.daily import DailySummary
from daemon.observe.health import silent_ones
from daemon.observe.heartbeat import Heartbeat
from daemon.observe.notify import Notifier
from daemon.observe.outbox import Outbox
from daemon.secrets import Secret, Unresolved
from daemon.store.found import EventFilter
from daemon.store.pages import Page
from daemon.store.read import Reader
from protos.terrace.v1 import report_pb2

_LOG = structlog.stdlib.get_logger("terrace.system")

ROUND_S = 1.0
ANSWER_LIMIT_S = 5.0
"""An engine that takes longer to answer is not well."""
STOP_PAUSE_S = 0.2
"""For the last words to be committed, before what is due is sent."""
STARTED, STOPPED, UPDATED = "daemon.started", "daemon.stopped", "daemon.updated"


class Telling:
    """Made in the loop it is used in."""

    def __init__(
        self,
        *,
        settings: Callable[[], Settings],
        reader: Reader,
        clock: Clock,
        boot_count: int,
        was_clean: bool,
        resolve: Callable[[str], Secret | Unresolved],
        know_secrets: Callable[[Iterable[str]], None],
        mask: Callable[[str], str],
    ) -> None:
        self._mask = mask
        self._settings = settings
        self._reader = reader
        self._clock = clock
        self._was_clean = was_clean or boot_count == 1
        self._resolve = resolve
        self._know_secrets = know_secrets
        self._notifier: Notifier | None = None
        self._notes: Notes | None = None
        self._watch: AlertWatch
        self._engine: Engine
        self.outbox = Outbox(settings, prefix=f"n{boot_count}", wake=self._wake)
        self.tap = SignalTap(self._heard())

    def join(self, engine: Engine, notes: Notes, alerts: Iterable[Alert]) -> None:
        """Before the first commit. `alerts`: those that stand."""
        self._engine, self._notes = engine, notes
        self.outbox.stands(_as_notice(alert) for alert in alerts)
        self._notifier = Notifier(
            settings=self._settings,
            reader=self._reader,
            notes=notes,
            clock=self._clock,
            resolve=self._resolve,
            know_secrets=self._know_secrets,
            mask=self._mask,
        )
        start_ms = engine.condition.start_time_ms
        self._watch = AlertWatch(self.tap, notes, self._settings, start_ms, self._clock.now_ms)

    def start(self, version: str) -> list[asyncio.Task[None]]:
        """The daemon is ready. The tasks are the caller's to cancel."""
        assert self._notifier is not None
        assert self._notes is not None
        self._watch.begin()
        reports = ReportService(self._engine)
        heartbeat = Heartbeat(
            settings=self._settings,
            resolve=self._resolve,
            know_secrets=self._know_secrets,
            why_unwell=self.why_unwell,
        )
        daily = DailySummary(
            settings=self._settings,
            worlds=self._engine.worlds(),
            ask=lambda world, day: _summary(reports, world, day),
            reader=self._reader,
            notes=self._notes,
            clock=self._clock,
        )
        jobs: tuple[Coroutine[Any, Any, None], ...] = (
            self._say_started(version),
            self._notifier.run(),
            self._run_watch(),
            heartbeat.run(),
            daily.run(),
        )
        return [asyncio.create_task(job) for job in jobs]

    async def stop(self) -> None:
        """The daemon is told to stop: the last words, and what is due, leave if they can."""
        if self._notifier is None or self._notes is None or not self._settings().notifications:
            return
        await asyncio.sleep(STOP_PAUSE_S)
        await self._notifier.flush()

    def say_stopping(self) -> None:
        """Before the engine stops."""
        if self._notes is not None:
            words = "Terrace stops; no signal is taken until it runs again"
            self._notes.commit(self._notes.event("system", "warning", STOPPED, words))

    def urgent(self, note: Note) -> None:
        """What the supervisor says while the store takes nothing. Any thread."""
        if self._notifier is not None and (note.alert or note.severity == "critical"):
            self._notifier.urgent(
                Notice(
                    type=type_of_alert(note.alert) if note.alert else type_of_event(note.type),
                    severity=note.severity,
                    category=note.category,
                    message=note.message,
                    time_ms=self._clock.now_ms(),
                    alert_key=note.alert or note.type,
                )
            )

    async def test(self, channel: str, text: str) -> list[tuple[str, str]]:
        """See `Notifier.test`."""
        return [] if self._notifier is None else await self._notifier.test(channel, text)

    async def why_unwell(self) -> str:
        """Empty while all is well: serving, the store takes writes, every account is reconciled and answers."""
        engine, snapshot = self._engine, self._engine.view.current
        if engine.condition.phase != SERVING:
            return f"the daemon is {engine.condition.phase}"
        for account in (*engine.broken, *engine.unbuilt):
            return f"account {account} is not traded"
        if not snapshot.store_ok:
            return f"the store takes no writes: {snapshot.store_error}"
        return await self._why_silent()

    async def _why_silent(self) -> str:
        engine = self._engine
        if await silent_ones(engine.system, ("journal",), ANSWER_LIMIT_S):
            return "the engine does not answer"
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                for account in engine.settings().accounts:
                    answer = await engine.ask(f"gateway/{account}", lambda to: DescribeAccount(reply_to=to))
                    if not isinstance(answer, AccountChanged) or not answer.ready:
                        return f"account {account} is not ready"
        except (TimeoutError, Failed):
            return "the engine does not answer"
        return ""

    # --- inside -----------------------------------------------------------------------------------

    def _wake(self) -> None:
        if self._notifier is not None:
            self._notifier.wake()

    def _heard(self) -> dict[str, int]:
        hours = self._settings().alerts.silence_hours
        if hours is None:
            return {}
        return self._reader.heard_since(self._clock.now_ms() - hours * HOUR_MS)

    async def _run_watch(self) -> None:
        while True:
            try:
                self._watch.look()
            except Exception:
                _LOG.exception("alert_watch_failed")
            await asyncio.sleep(ROUND_S)

    async def _say_started(self, version: str) -> None:
        assert self._notes is not None
        before = await asyncio.to_thread(self._version_before)
        if before and before != version:
            words = f"Terrace was updated from {before} to {version}"
            self._notes.commit(self._notes.event("system", "info", UPDATED, words))
        live = len(self._engine.view.current.groups)
        words = f"Terrace {version} started, {live} group{'' if live == 1 else 's'} known"
        if not self._was_clean:
            words += "; it did not stop in peace before"
        severity = "info" if self._was_clean else "warning"
        event = self._notes.event("system", severity, STARTED, words, {"version": version})
        self._notes.commit(event)

    def _version_before(self) -> str:
        found = self._reader.list_events(EventFilter(types=(STARTED,)), size=1)
        newest = found.items[0].event if isinstance(found, Page) and found.items else None
        return newest.attributes.get("version", "") if isinstance(newest, AddEvent) else ""


def _as_notice(alert: Alert) -> Notice:
    return Notice(
        type=type_of_alert(alert.alert_key),
        severity=alert.severity,
        category=alert.category,
        message=alert.message,
        time_ms=alert.last_time_ms,
        account=alert.account,
        symbol=alert.symbol,
        group_id=alert.group_id,
        alert_key=alert.alert_key,
    )


async def _summary(reports: ReportService, world: World, day: date) -> report_pb2.DailySummary:
    request = report_pb2.GetDailySummaryRequest(world=WORLD[world], date=day.isoformat())
    context: Any = None  # Not looked at: the gate judges callers before.
    answer = await reports.GetDailySummary(request, context)
    return answer.summary
