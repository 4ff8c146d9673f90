"""The View as the store has it, at start and after a batch of unknown outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from actors.ports import Store
from actors.rules.choices import World
from actors.rules.model import Group, Key, Queued
from actors.rules.records import DriftState, SaveDrift
from actors.rules.settings import Settings
from actors.view import MAX_ALERTS, Alert, Snapshot, Totals, View
from daemon.store.found import ClosedGroup, EventBounds, RealizedTotal, StoredAlert
from daemon.store.pages import BadPageToken, Page

MAX_DRIFTS = 1_000
"""Open differences in sight at the start, the newest."""
COUNTED_MS = 7 * 86_400_000
"""Groups closed this recently are known by name, so that a late fill does not count them twice."""


class ViewReader(Protocol):
    """What is asked for the View. `read.Reader`, or `memory.MemoryStore`; all raise `StoreFault`."""

    def last_signal_time_ms(self, accounts: tuple[str, ...] = ()) -> int | None: ...

    def closed_groups(self, world: World, *, start_ms: int | None = None) -> tuple[ClosedGroup, ...]: ...

    def realized_totals(self, world: World) -> dict[str, RealizedTotal]: ...

    def switches(self) -> dict[tuple[World, str], str]: ...

    def event_bounds(self) -> EventBounds: ...

    def list_alerts(self, *, size: int = 0) -> Page[StoredAlert] | BadPageToken: ...

    def list_drifts(self, *, states: tuple[DriftState, ...] = (), size: int = 0) -> Page[SaveDrift] | BadPageToken: ...


def first_view(settings: Settings, store: Store, reader: ViewReader, groups: Sequence[Group], now_ms: int) -> View:
    """`groups`: all that are not closed. Raises `StoreFault` where the store cannot be read."""
    accounts = {account.name: account.world for account in settings.accounts.values()}
    start, counted = _stored(settings, store, reader, groups, now_ms)
    return View(
        world_of=accounts.get,
        start=start,
        counted=counted,
        stored=lambda: _stored(settings, store, reader, store.live_groups(), now_ms),
    )


def _stored(
    settings: Settings, store: Store, reader: ViewReader, groups: Sequence[Group], now_ms: int
) -> tuple[Snapshot, list[tuple[str, Totals]]]:
    worlds = sorted({account.world for account in settings.accounts.values()} | {group.world for group in groups})
    queued: dict[tuple[World, Key], Queued] = {}
    for world in worlds:
        queued.update({(world, entry.key): entry for entry in store.load_queue(world).entries})
    start = Snapshot(
        groups={group.group_id: group for group in groups},
        queued=queued,
        last_signal_time_ms=_last_signals(settings, reader, worlds),
        alerts=_alerts(reader),
        drifts=_drifts(reader),
        switches=reader.switches(),
        closed_totals={world: _totals(reader, world) for world in worlds},
        last_sequence=reader.event_bounds().last,
    )
    counted = [
        (closed.group_id, Totals(closed.realized, closed.fees))
        for world in worlds
        for closed in reader.closed_groups(world, start_ms=now_ms - COUNTED_MS)
    ]
    return start, counted


def _last_signals(settings: Settings, reader: ViewReader, worlds: Sequence[World]) -> Mapping[World, int]:
    times = {}
    for world in worlds:
        names = tuple(account.name for account in settings.accounts.values() if account.world is world)
        time_ms = reader.last_signal_time_ms(names) if names else None
        if time_ms is not None:
            times[world] = time_ms
    return times


def _totals(reader: ViewReader, world: World) -> Totals:
    total = Totals()
    for closed in reader.realized_totals(world).values():
        total = total.plus(Totals(closed.realized, closed.fees))
    return total


def _alerts(reader: ViewReader) -> Mapping[str, Alert]:
    page = reader.list_alerts(size=MAX_ALERTS)
    assert isinstance(page, Page)
    return {stored.alert_key: _alert(stored) for stored in reversed(page.items)}


def _drifts(reader: ViewReader) -> Mapping[str, SaveDrift]:
    page = reader.list_drifts(states=(DriftState.OPEN,), size=MAX_DRIFTS)
    assert isinstance(page, Page)
    return {drift.drift_id: drift for drift in reversed(page.items)}


def _alert(stored: StoredAlert) -> Alert:
    return Alert(
        alert_key=stored.alert_key,
        severity=stored.severity,
        category=stored.category,
        message=stored.message,
        first_time_ms=stored.create_time_ms,
        last_time_ms=stored.update_time_ms,
        count=stored.count,
        acknowledged_by=stored.acknowledged_by,
        acknowledge_time_ms=stored.acknowledge_time_ms,
        account=stored.account,
        symbol=stored.symbol,
        group_id=stored.group_id,
    )
