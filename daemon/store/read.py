"""What the API asks the store. Read-only connections of its own: a question never makes the writer wait.

Every method sees one snapshot of what is committed, and raises `StoreFault` where the store cannot be read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from actors.messages import Answer, EventStored
from actors.rules.choices import World
from actors.rules.model import Group, Instrument
from actors.rules.records import AddEquity, DriftState, NotificationState, SaveDrift
from actors.rules.risk_model import RiskAction
from daemon.store import load, read_groups, read_notifications, read_records, read_reports, read_signals
from daemon.store.audit import AuditKeys
from daemon.store.audit_verify import Check, Verified, verify
from daemon.store.found import (
    AlertFilter,
    ClosedGroup,
    Counts,
    EventBounds,
    EventFilter,
    GroupFill,
    GroupFilter,
    RealizedTotal,
    RiskActionFilter,
    SignalFilter,
    StoredAlert,
    StoredConfig,
    StoredDeadLetter,
    StoredSignal,
    Timeline,
    Volume,
)
from daemon.store.link import Snapshot, Source
from daemon.store.notification_rows import StoredNotification
from daemon.store.pages import BadPageToken, Page, cut, page_size, read_token
from daemon.store.sqlite_link import SqliteSource

T = TypeVar("T")

ALL_SIGNALS = SignalFilter()
ALL_GROUPS = GroupFilter()
ALL_EVENTS = EventFilter()
STANDING_ALERTS = AlertFilter()
ALL_RISK_ACTIONS = RiskActionFilter()


class Reader:
    """Thread-safe: each question leases a connection for as long as it takes. Sizes of 0 mean the default."""

    def __init__(self, source: Path | Source) -> None:
        """`source`: the path of an open SQLite store, or where snapshots come from (`SqlStore.source`)."""
        self._source = SqliteSource(source) if isinstance(source, Path) else source

    def close(self) -> None:
        self._source.close()

    def _snapshot(self) -> AbstractContextManager[Snapshot]:
        return self._source.snapshot()

    # --- signals ----------------------------------------------------------------------------------

    def get_signal(self, signal_id: str) -> StoredSignal | None:
        with self._snapshot() as snapshot:
            return read_signals.get_signal(snapshot.rows, signal_id)

    def list_signals(
        self, wanted: SignalFilter = ALL_SIGNALS, *, size: int = 0, token: str = ""
    ) -> Page[StoredSignal] | BadPageToken:
        """Newest first by time of arrival, bodies left out."""
        after = read_token(token)
        if isinstance(after, BadPageToken):
            return after
        with self._snapshot() as snapshot:
            return read_signals.list_signals(snapshot.rows, wanted, after, page_size(size))

    def first_answer(self, idempotency_key: str, now_ms: int) -> Answer | None:
        """What became of the signal that holds this idempotency key; None if nobody does any more (SIG-7)."""
        with self._snapshot() as snapshot:
            return read_signals.first_answer(snapshot.rows, idempotency_key, now_ms)

    def answers_around(self, idempotency_key: str, start_ms: int, end_ms: int) -> tuple[Answer, ...]:
        """What became of the signals with this key that arrived then, oldest first; also once the key is free again."""
        with self._snapshot() as snapshot:
            return read_signals.answers_around(snapshot.rows, idempotency_key, start_ms, end_ms)

    def timeline(self, signal_id: str) -> Timeline | None:
        with self._snapshot() as snapshot:
            return read_signals.timeline(snapshot.rows, signal_id)

    def last_signal_time_ms(self, accounts: tuple[str, ...] = ()) -> int | None:
        with self._snapshot() as snapshot:
            return read_signals.last_signal_time_ms(snapshot.rows, accounts)

    def heard_since(self, since_ms: int) -> dict[str, int]:
        """When each source was heard last, of those heard since then."""
        with self._snapshot() as snapshot:
            return read_signals.heard_since(snapshot.rows, since_ms)

    # --- groups -----------------------------------------------------------------------------------

    def get_group(self, group_id: str) -> Group | None:
        """Live or closed, as committed."""
        with self._snapshot() as snapshot:
            return next(iter(load.load_groups(snapshot.execute, [group_id])), None)

    def list_groups(
        self, wanted: GroupFilter = ALL_GROUPS, *, size: int = 0, token: str = ""
    ) -> Page[Group] | BadPageToken:
        """Newest first by time of opening, or of closing where `wanted.by_close`; closed ones included unless
        `wanted.states` says otherwise."""
        after = read_token(token)
        if isinstance(after, BadPageToken):
            return after
        with self._snapshot() as snapshot:
            places = cut(read_groups.group_places(snapshot.rows, wanted, after, page_size(size)), page_size(size))
            groups = load.load_groups(snapshot.execute, places.items)
        return Page(items=tuple(groups), next_token=places.next_token)

    def fills_of_group(self, group_id: str) -> tuple[GroupFill, ...]:
        with self._snapshot() as snapshot:
            return read_groups.fills_of_group(snapshot.rows, group_id)

    def closed_groups(
        self,
        world: World,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = read_groups.MAX_CLOSED,
    ) -> tuple[ClosedGroup, ...]:
        """Groups closed from `start_ms` on and before `end_ms`, oldest close first."""
        with self._snapshot() as snapshot:
            return read_groups.closed_groups(snapshot.rows, world, start_ms, end_ms, limit)

    def realized_totals(
        self, world: World, *, start_ms: int | None = None, end_ms: int | None = None
    ) -> dict[str, RealizedTotal]:
        """By quote currency, over the groups closed in that time."""
        with self._snapshot() as snapshot:
            return read_groups.realized_totals(snapshot.rows, world, start_ms, end_ms)

    def counts(self, world: World) -> Counts:
        with self._snapshot() as snapshot:
            return read_groups.counts(snapshot.rows, world)

    def switches(self) -> dict[tuple[World, str], str]:
        """Durable switches by world and name."""
        with self._snapshot() as snapshot:
            return read_records.switches(snapshot.rows)

    # --- reports ----------------------------------------------------------------------------------

    def report(self, question: Callable[[load.Execute], T]) -> T:
        """The answer to a question with SQL of its own, which may take several queries: all of one snapshot."""
        with self._snapshot() as snapshot:
            return question(snapshot.execute)

    def equity(
        self,
        world: World,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        points: int = read_reports.MAX_EQUITY_POINTS,
    ) -> tuple[AddEquity, ...]:
        """Snapshots from `start_ms` on and before `end_ms`, oldest first, the newest always among them.

        Where there are more than `points` it is the last of each of as many equal spans of time.
        """
        with self._snapshot() as snapshot:
            return read_reports.equity(snapshot.rows, world, start_ms, end_ms, points)

    def volumes(self, world: World, *, edges_ms: Sequence[int]) -> tuple[Volume, ...]:
        """What orders of ours traded, by period and quote; periods without a fill are left out (PNL-4).

        The rising `edges_ms` bound the periods: `edges_ms[i] <= time < edges_ms[i + 1]`. Shares of trades that were not
        ours (ORD-13) are no volume. Meant for days rather than years: it reads every fill between.
        """
        with self._snapshot() as snapshot:
            return read_reports.volumes(snapshot.stream, world, edges_ms)

    def list_risk_actions(
        self, wanted: RiskActionFilter = ALL_RISK_ACTIONS, *, size: int = 0, token: str = ""
    ) -> Page[RiskAction] | BadPageToken:
        """Newest first (RISK-10)."""
        after = read_token(token)
        if isinstance(after, BadPageToken):
            return after
        with self._snapshot() as snapshot:
            return read_reports.list_risk_actions(snapshot.rows, wanted, after, page_size(size))

    # --- records ----------------------------------------------------------------------------------

    def events_after(
        self, sequence: int, limit: int = read_records.MAX_EVENTS, wanted: EventFilter = ALL_EVENTS
    ) -> tuple[EventStored, ...]:
        """Oldest first, at most `limit` and never more than `MAX_EVENTS`."""
        with self._snapshot() as snapshot:
            return read_records.events_after(snapshot.rows, sequence, limit, wanted)

    def list_events(
        self, wanted: EventFilter = ALL_EVENTS, *, size: int = 0, token: str = ""
    ) -> Page[EventStored] | BadPageToken:
        """Newest first."""
        after = read_token(token)
        if isinstance(after, BadPageToken):
            return after
        with self._snapshot() as snapshot:
            return read_records.list_events(snapshot.rows, wanted, after, page_size(size))

    def verify_audit(
        self, keys: AuditKeys, check: Check, after_page: Callable[[int, int], None] = lambda *_: None
    ) -> Verified:
        """LOG-3. Takes as long as it takes, in many short snapshots; `after_page`: see `audit_verify.verify`."""
        return verify(self._snapshot, keys, check, after_page)

    def event_bounds(self) -> EventBounds:
        with self._snapshot() as snapshot:
            return read_records.event_bounds(snapshot.rows)

    def get_alert(self, alert_key: str) -> StoredAlert | None:
        with self._snapshot() as snapshot:
            return read_records.get_alert(snapshot.rows, alert_key)

    def list_alerts(
        self, wanted: AlertFilter = STANDING_ALERTS, *, size: int = 0, token: str = ""
    ) -> Page[StoredAlert] | BadPageToken:
        """The latest change first; resolved ones only if asked for."""
        after = read_token(token)
        if isinstance(after, BadPageToken):
            return after
        with self._snapshot() as snapshot:
            return read_records.list_alerts(snapshot.rows, wanted, after, page_size(size))

    def list_drifts(
        self, account: str = "", states: tuple[DriftState, ...] = (), *, size: int = 0, token: str = ""
    ) -> Page[SaveDrift] | BadPageToken:
        """Newest first; of every account and state unless told otherwise."""
        after = read_token(token)
        if isinstance(after, BadPageToken):
            return after
        with self._snapshot() as snapshot:
            return read_records.list_drifts(snapshot.rows, account, states, after, page_size(size))

    def get_drift(self, drift_id: str) -> SaveDrift | None:
        with self._snapshot() as snapshot:
            return read_records.get_drift(snapshot.rows, drift_id)

    def list_dead_letters(
        self, *, resolved_too: bool = False, size: int = 0, token: str = ""
    ) -> Page[StoredDeadLetter] | BadPageToken:
        """Newest first."""
        after = read_token(token)
        if isinstance(after, BadPageToken):
            return after
        with self._snapshot() as snapshot:
            return read_records.list_dead_letters(snapshot.rows, resolved_too, after, page_size(size))

    def list_notifications(
        self, states: tuple[NotificationState, ...] = (), channel: str = "", *, size: int = 0, token: str = ""
    ) -> Page[StoredNotification] | BadPageToken:
        """Newest first. No states: all."""
        after = read_token(token)
        if isinstance(after, BadPageToken):
            return after
        with self._snapshot() as snapshot:
            return read_notifications.list_notifications(snapshot.rows, states, channel, after, page_size(size))

    def pending_notifications(self, channel: str, due_ms: int, most: int) -> tuple[StoredNotification, ...]:
        """Those of a channel that are due: the most serious first, then the oldest."""
        with self._snapshot() as snapshot:
            return read_notifications.pending(snapshot.rows, channel, due_ms, most)

    def least_notifications(self, channel: str, most: int) -> tuple[StoredNotification, ...]:
        """Pending ones of a channel that can best be done without, those first."""
        with self._snapshot() as snapshot:
            return read_notifications.least(snapshot.rows, channel, most)

    def pending_by_channel(self) -> dict[str, tuple[int, int]]:
        """How many wait for each channel, and when the first of them is due."""
        with self._snapshot() as snapshot:
            return read_notifications.pending_by_channel(snapshot.rows)

    def sent_times(self, channel: str, since_ms: int, most: int) -> tuple[int, ...]:
        """When messages were sent over a channel, oldest first."""
        with self._snapshot() as snapshot:
            return read_notifications.sent_times(snapshot.rows, channel, since_ms, most)

    def switch_times(self, world: World) -> dict[str, int]:
        """When each switch of a world that is set was set."""
        with self._snapshot() as snapshot:
            return read_records.switch_times(snapshot.rows, world)

    def get_dead_letter(self, dead_letter_id: str) -> StoredDeadLetter | None:
        with self._snapshot() as snapshot:
            return read_records.get_dead_letter(snapshot.rows, dead_letter_id)

    def list_config_versions(self, *, size: int = 0, token: str = "") -> Page[StoredConfig] | BadPageToken:
        """Newest first, texts left out."""
        after = read_token(token)
        if isinstance(after, BadPageToken):
            return after
        with self._snapshot() as snapshot:
            return read_records.list_config_versions(snapshot.rows, after, page_size(size))

    def config_version(self, version: int = 0) -> StoredConfig | None:
        """0: the newest."""
        with self._snapshot() as snapshot:
            return read_records.config_version(snapshot.rows, version)

    def instruments(self, account: str) -> tuple[Instrument, ...]:
        """The last stored catalogue of an account, by symbol."""
        with self._snapshot() as snapshot:
            return read_records.instruments(snapshot.rows, account)
