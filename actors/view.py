"""The View: committed state for everybody who only reads (panel, CLI, API), without locks and without asking actors.

A `Snapshot` is immutable. The Journal builds the next one from what a batch made durable and puts it in the place of
the last one in a single assignment, before anything of the batch is released (rule 12): so whoever got an answer sees
at least what the answer says, and nobody ever sees half a commit. Deciding actors must survive being told otherwise
by the authority (rule 20).

Maps that did not change are shared with the snapshot before; the others are copied once per batch.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from actors.messages import Commit, EventStored
from actors.rules.choices import World
from actors.rules.model import ZERO, Group, Key, Queued
from actors.rules.notifying import severity_rank
from actors.rules.records import (
    AcknowledgeAlert,
    DeleteQueued,
    DriftState,
    RaiseAlert,
    ResolveAlert,
    SaveDrift,
    SaveEngineState,
    SaveGroup,
    SaveQueued,
    SaveSignal,
    SetOutcome,
)

MAX_RECENT_CLOSED = 200
"""Closed groups that stay in sight; older ones are in the store."""

MAX_RECENT_SIGNALS = 500
"""Signals and their outcomes that stay in sight."""

MAX_ALERTS = 1_000
"""Alerts in sight; beyond it those that were raised longest ago leave it."""

MAX_COUNTED = 100_000
"""Closed groups whose share in the totals is remembered, in case a late fill opens them again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert that stands (LOG-5)."""

    alert_key: str
    severity: str
    category: str
    message: str
    first_time_ms: int
    last_time_ms: int
    count: int = 1
    acknowledged_by: str = ""
    acknowledge_time_ms: int | None = None
    account: str = ""
    symbol: str = ""
    group_id: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Profit of closed groups, in quote: net of fees, and the fees."""

    realized: Decimal = ZERO
    fees: Decimal = ZERO

    def plus(self, other: Totals) -> Totals:
        return Totals(self.realized + other.realized, self.fees + other.fees)

    def minus(self, other: Totals) -> Totals:
        return Totals(self.realized - other.realized, self.fees - other.fees)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentSignal:
    """A signal and the newest of its outcomes."""

    saved: SaveSignal
    changed: SetOutcome | None = None
    """Its final outcome, if it had waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The engine's committed state at one moment. Maps must not be changed by those who read them."""

    version: int = 0
    """Counts up with every change, so a reader can tell whether there is anything new."""
    groups: Mapping[str, Group] = field(default_factory=dict)
    """Every group that is not closed."""
    closed: Mapping[str, Group] = field(default_factory=dict)
    """The newest closed ones, the last to close at the end."""
    by_key: Mapping[tuple[World, Key], tuple[str, ...]] = field(default_factory=dict)
    """Ids of the groups that are not closed on a key: one, and those a late fill brought back before it."""
    live_count: Mapping[World, int] = field(default_factory=dict)
    queued: Mapping[tuple[World, Key], Queued] = field(default_factory=dict)
    signals: Mapping[str, RecentSignal] = field(default_factory=dict)
    """By signal id, oldest first."""
    last_signal_time_ms: Mapping[World, int] = field(default_factory=dict)
    alerts: Mapping[str, Alert] = field(default_factory=dict)
    drifts: Mapping[str, SaveDrift] = field(default_factory=dict)
    """Differences that are open, by id (ORD-7)."""
    switches: Mapping[tuple[World, str], str] = field(default_factory=dict)
    """`SaveEngineState` by world and name."""
    closed_totals: Mapping[World, Totals] = field(default_factory=dict)
    last_sequence: int = 0
    """Of the newest stored event."""
    store_ok: bool = True
    store_error: str = ""

    def find(self, group_id: str) -> Group | None:
        """A group in sight, closed or not."""
        return self.groups.get(group_id) or self.closed.get(group_id)

    def on_key(self, world: World, key: Key) -> tuple[Group | None, Queued | None]:
        """What is not closed on this key, and what waits on it."""
        ids = self.by_key.get((world, key))
        return self.groups[ids[-1]] if ids else None, self.queued.get((world, key))

    def live(self, world: World | None = None) -> Iterator[Group]:
        """Groups that are not closed, of one world or of all, oldest first."""
        return (group for group in self.groups.values() if world in (None, group.world))

    def waiting(self, world: World | None = None) -> Iterator[Queued]:
        return (queued for (its, _), queued in self.queued.items() if world in (None, its))

    def totals(self, world: World) -> Totals:
        """Realised profit and fees of a world, those of groups that are still open included."""
        totals = self.closed_totals.get(world, Totals())
        for group in self.live(world):
            totals = totals.plus(Totals(group.realized, group.fees))
        return totals


WorldOf = Callable[[str], World | None]
"""Account name to its world; None for an account the config no longer has."""
Stored = Callable[[], tuple[Snapshot, Iterable[tuple[str, Totals]]]]
"""What the store holds now, as `start` and `counted` of a View."""


class View:
    """Implements `ports.Viewer`. Writers (`swap`, `mark_store`) exclude each other, `current` is read by everybody."""

    def __init__(
        self,
        *,
        world_of: WorldOf,
        start: Snapshot | None = None,
        counted: Iterable[tuple[str, Totals]] = (),
        stored: Stored | None = None,
    ) -> None:
        """`start`: what the store holds at start; `live_count` and `by_key` follow from its groups.
        `counted`: the share of closed groups in its `closed_totals`.

        A late fill on a closed group that is not among `counted` (`MAX_COUNTED` of the newest suffice) would count its
        earlier profit twice until the next start. `stored` reads both anew.
        """
        self.current = _complete(start or Snapshot())
        self.in_doubt = False
        self._lock = threading.Lock()
        self._world_of = world_of
        self._counted: OrderedDict[str, Totals] = OrderedDict(counted)
        self._stored = stored

    def swap(self, commits: Sequence[Commit], events: Sequence[EventStored]) -> None:
        """Everything these made durable, in order, as one new snapshot."""
        with self._lock:
            change = _Change(self.current, self._world_of, self._counted)
            for commit in commits:
                change.commit(commit)
            if events:
                change.last_sequence = max(change.last_sequence, events[-1].sequence)
            self.current = change.snapshot()

    def renew(self) -> None:
        """What the store holds now, in the place of what is known of it: a batch that failed may be durable (rule 9).

        Signals and closed groups in sight stay. Raises `StoreFault` where the store cannot be read.
        """
        if self._stored is None:
            return
        start, counted = self._stored()
        with self._lock:
            old = self.current
            self._counted = OrderedDict(counted)
            self.current = replace(
                _complete(start),
                version=old.version + 1,
                closed={group_id: group for group_id, group in old.closed.items() if group_id not in start.groups},
                signals=old.signals,
                store_ok=old.store_ok,
                store_error=old.store_error,
            )

    def mark_store(self, ok: bool, error: str = "") -> None:
        """The store begins or ceases to fail."""
        with self._lock:
            self.current = replace(self.current, version=self.current.version + 1, store_ok=ok, store_error=error)


_NOTHING = Totals()


def _complete(start: Snapshot) -> Snapshot:
    """With what follows from its groups."""
    live_count = Counter(group.world for group in start.live())
    return replace(start, live_count=live_count, by_key=_by_key(start.live()))


def _by_key(groups: Iterable[Group]) -> Mapping[tuple[World, Key], tuple[str, ...]]:
    ids: dict[tuple[World, Key], tuple[str, ...]] = {}
    for group in groups:
        ids[(group.world, group.key)] = (*ids.get((group.world, group.key), ()), group.group_id)
    return ids


class _Change:
    """The next snapshot while it is built. Each map is copied when it first changes."""

    def __init__(self, old: Snapshot, world_of: WorldOf, counted: OrderedDict[str, Totals]) -> None:
        self._old = old
        self._world_of = world_of
        self._counted = counted
        self._maps: dict[str, Any] = {}
        self.last_sequence = old.last_sequence

    def snapshot(self) -> Snapshot:
        return replace(self._old, version=self._old.version + 1, last_sequence=self.last_sequence, **self._maps)

    def commit(self, commit: Commit) -> None:
        for row in commit.rows:
            handler = _ROWS.get(type(row))
            if handler is not None:
                handler(self, row)
        for group in commit.groups:
            self.group(group)

    def _now(self, name: str) -> Mapping[Any, Any]:
        """This map as it is so far, to look something up."""
        changed = self._maps.get(name)
        so_far: Mapping[Any, Any] = getattr(self._old, name) if changed is None else changed
        return so_far

    def _map(self, name: str) -> dict[Any, Any]:
        """This map, to change it."""
        changed = self._maps.get(name)
        if changed is None:
            changed = self._maps[name] = dict(getattr(self._old, name))
        copied: dict[Any, Any] = changed
        return copied

    def group(self, group: Group) -> None:
        old = self._now("groups").get(group.group_id)
        if old is group:
            return
        if not group.is_closed:
            self._map("groups")[group.group_id] = group
            if old is None:
                self._opened(group)
        elif old is not None or self._now("closed").get(group.group_id) is not group:
            self._closed(group, was_live=old is not None)

    def _opened(self, group: Group) -> None:
        """New, or opened again by a late fill: then it is not counted among the closed ones any more."""
        late = group.group_id in self._now("closed")
        by_key, key = self._map("by_key"), (group.world, group.key)
        known = by_key.get(key, ())
        by_key[key] = (group.group_id, *known) if late else (*known, group.group_id)
        counts = self._map("live_count")
        counts[group.world] = counts.get(group.world, 0) + 1
        if late:
            self._map("closed").pop(group.group_id, None)
        self._count(group, _NOTHING)

    def _closed(self, group: Group, *, was_live: bool) -> None:
        if was_live:
            del self._map("groups")[group.group_id]
            counts = self._map("live_count")
            counts[group.world] -= 1
            by_key, key = self._map("by_key"), (group.world, group.key)
            by_key[key] = tuple(known for known in by_key[key] if known != group.group_id)
            if not by_key[key]:
                del by_key[key]
        closed = self._map("closed")
        closed.pop(group.group_id, None)
        closed[group.group_id] = group
        if len(closed) > MAX_RECENT_CLOSED:
            del closed[next(iter(closed))]
        self._count(group, Totals(group.realized, group.fees))
        self._counted[group.group_id] = Totals(group.realized, group.fees)
        if len(self._counted) > MAX_COUNTED:
            self._counted.popitem(last=False)

    def _count(self, group: Group, share: Totals) -> None:
        """Its share in the totals of closed groups is this from now on."""
        before = self._counted.pop(group.group_id, _NOTHING)
        if before is not share:
            totals = self._map("closed_totals")
            totals[group.world] = totals.get(group.world, _NOTHING).plus(share).minus(before)

    def save_group(self, row: SaveGroup) -> None:
        self.group(row.group)

    def save_signal(self, row: SaveSignal) -> None:
        signals = self._map("signals")
        signals[row.signal.signal_id] = RecentSignal(saved=row)
        if len(signals) > MAX_RECENT_SIGNALS:
            del signals[next(iter(signals))]
        world = self._world_of(row.signal.key.account)
        if world is not None:
            times = self._map("last_signal_time_ms")
            times[world] = max(times.get(world, 0), row.signal.receive_time_ms)

    def set_outcome(self, row: SetOutcome) -> None:
        known = self._now("signals").get(row.signal_id)
        if known is not None:
            self._map("signals")[row.signal_id] = replace(known, changed=row)

    def save_queued(self, row: SaveQueued) -> None:
        self._map("queued")[(row.world, row.queued.key)] = row.queued

    def delete_queued(self, row: DeleteQueued) -> None:
        self._map("queued").pop((row.world, row.key), None)

    def raise_alert(self, row: RaiseAlert) -> None:
        """Raised again it counts up and says the newest; an acknowledgement stands until it is over, or worse."""
        alerts = self._map("alerts")
        old = alerts.pop(row.alert_key, None)
        noted = old if old is not None and severity_rank(row.severity) <= severity_rank(old.severity) else None
        alerts[row.alert_key] = Alert(
            alert_key=row.alert_key,
            severity=row.severity,
            category=row.category,
            message=row.message,
            first_time_ms=old.first_time_ms if old else row.time_ms,
            last_time_ms=row.time_ms,
            count=old.count + 1 if old else 1,
            acknowledged_by=noted.acknowledged_by if noted else "",
            acknowledge_time_ms=noted.acknowledge_time_ms if noted else None,
            account=row.account,
            symbol=row.symbol,
            group_id=row.group_id,
        )
        if len(alerts) > MAX_ALERTS:
            del alerts[next(iter(alerts))]

    def resolve_alert(self, row: ResolveAlert) -> None:
        if row.alert_key in self._now("alerts"):
            del self._map("alerts")[row.alert_key]

    def acknowledge_alert(self, row: AcknowledgeAlert) -> None:
        old = self._now("alerts").get(row.alert_key)
        if old is not None and old.acknowledge_time_ms is None:
            acknowledged = replace(old, acknowledged_by=row.who, acknowledge_time_ms=row.time_ms)
            self._map("alerts")[row.alert_key] = acknowledged

    def save_drift(self, row: SaveDrift) -> None:
        if row.state is DriftState.OPEN:
            self._map("drifts")[row.drift_id] = row
        elif row.drift_id in self._now("drifts"):
            del self._map("drifts")[row.drift_id]

    def save_engine_state(self, row: SaveEngineState) -> None:
        switches = self._map("switches")
        if row.value:
            switches[(row.world, row.name)] = row.value
        else:
            switches.pop((row.world, row.name), None)


_ROWS: Mapping[type, Callable[[_Change, Any], None]] = {
    SaveGroup: _Change.save_group,
    SaveSignal: _Change.save_signal,
    SetOutcome: _Change.set_outcome,
    SaveQueued: _Change.save_queued,
    DeleteQueued: _Change.delete_queued,
    RaiseAlert: _Change.raise_alert,
    ResolveAlert: _Change.resolve_alert,
    AcknowledgeAlert: _Change.acknowledge_alert,
    SaveEngineState: _Change.save_engine_state,
    SaveDrift: _Change.save_drift,
}
"""Rows the View shows. Parts of a group come with the whole group, events with their sequence."""
