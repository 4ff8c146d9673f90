"""Queries about events, alerts, dead letters, config versions and instruments."""

from __future__ import annotations

from typing import Any

from peewee import SQL, ModelSelect

from actors.messages import EventStored
from actors.rules.choices import World
from actors.rules.model import Instrument
from actors.rules.records import DriftState, SaveDrift
from daemon.store import drift_rows, record_rows
from daemon.store.found import (
    SEVERITIES,
    AlertFilter,
    AlertState,
    EventBounds,
    EventFilter,
    StoredAlert,
    StoredConfig,
    StoredDeadLetter,
)
from daemon.store.pages import Page, Place, cut
from daemon.store.query import RunQuery, columns, matching, older_than, within
from daemon.store.tables import Alert as AlertTable
from daemon.store.tables import ConfigVersion as ConfigTable
from daemon.store.tables import DeadLetter as DeadLetterTable
from daemon.store.tables import Drift as DriftTable
from daemon.store.tables import EngineState as EngineStateTable
from daemon.store.tables import Event as EventTable
from daemon.store.tables import Instrument as InstrumentTable

MAX_EVENTS = 1000
"""Most events of one answer."""
MAX_WORDS = 20
"""Words of a search that are looked for; more say nothing new."""
MAX_SWITCHES = 10_000
MAX_SWITCHES = 10_000
"""Most durable switches of one answer."""

_EVENT = columns(EventTable, ["sequence", *record_rows.EVENT.names])
_ALERT = columns(
    AlertTable, [*record_rows.ALERT.names, "acknowledge_time_ms", "acknowledged_by", "resolve_time_ms", "comment"]
)
_INSTRUMENT = columns(InstrumentTable, record_rows.INSTRUMENT.names)


# --- events ---------------------------------------------------------------------------------------


def events_after(rows: RunQuery, sequence: int, limit: int, wanted: EventFilter) -> tuple[EventStored, ...]:
    """Oldest first."""
    table = EventTable
    query = _chosen(wanted).where(table.sequence > sequence).order_by(table.sequence)
    return tuple(_read_event(row) for row in rows(query.limit(min(max(limit, 0), MAX_EVENTS))))


def list_events(rows: RunQuery, wanted: EventFilter, after: Place | None, size: int) -> Page[EventStored]:
    """Newest first."""
    table = EventTable
    query = _chosen(wanted)
    if after is not None:
        query = query.where(table.sequence < after.row_id)
    found = rows(query.order_by(table.sequence.desc()).limit(size + 1))
    return cut([(Place(0, row[0]), _read_event(row)) for row in found], size)


def events_of_signal(rows: RunQuery, signal_id: str) -> tuple[EventStored, ...]:
    """Oldest first."""
    query = _chosen(EventFilter(signal_id=signal_id)).order_by(EventTable.sequence).limit(MAX_EVENTS)
    return tuple(_read_event(row) for row in rows(query))


def event_bounds(rows: RunQuery) -> EventBounds:
    table = EventTable
    edges = [
        next((sequence for (sequence,) in rows(table.select(table.sequence).order_by(order).limit(1))), 0)
        for order in (table.sequence.asc(), table.sequence.desc())
    ]
    return EventBounds(earliest=edges[0], last=edges[1])


def _chosen(wanted: EventFilter) -> ModelSelect[Any]:
    table = EventTable
    conditions = matching(
        [
            (table.world, wanted.world.value if wanted.world else ""),
            (table.account, wanted.account),
            (table.symbol, wanted.symbol),
            (table.timeframe, wanted.timeframe),
            (table.signal_id, wanted.signal_id),
            (table.group_id, wanted.group_id),
        ]
    )
    conditions += within(table.time_ms, wanted.start_ms, wanted.end_ms)
    if wanted.signal_id:
        conditions.append(SQL("signal_id <> ''"))  # The index has only those, and must be told so.
    if wanted.group_id:
        conditions.append(SQL("group_id <> ''"))
    if wanted.categories:
        conditions.append(table.category.in_(wanted.categories))
    if wanted.types:
        conditions.append(table.type.in_(wanted.types))
    if wanted.min_severity:
        conditions.append(table.severity.in_(at_least(wanted.min_severity)))
    conditions += [table.message.contains(word) for word in wanted.text.split()[:MAX_WORDS]]
    query = table.select(*_EVENT)
    return query.where(*conditions) if conditions else query


def at_least(severity: str) -> tuple[str, ...]:
    """The severities from this one on; all for a word that is none."""
    return SEVERITIES[SEVERITIES.index(severity) :] if severity in SEVERITIES else SEVERITIES


def _read_event(row: tuple[Any, ...]) -> EventStored:
    return EventStored(sequence=row[0], event=record_rows.read_event(row[1:]))


# --- alerts ---------------------------------------------------------------------------------------


def list_alerts(rows: RunQuery, wanted: AlertFilter, after: Place | None, size: int) -> Page[StoredAlert]:
    """The latest change first."""
    table, row_id = AlertTable, SQL("rowid")
    query = table.select(row_id, *_ALERT).where(_in_state(wanted.states))
    for condition in matching([(table.account, wanted.account)]):
        query = query.where(condition)
    if wanted.min_severity:
        query = query.where(table.severity.in_(at_least(wanted.min_severity)))
    if after is not None:
        query = query.where(older_than(table.update_time_ms, row_id, after))
    found = rows(query.order_by(table.update_time_ms.desc(), SQL("rowid DESC")).limit(size + 1))
    alerts = [(row[0], _read_alert(row[1:])) for row in found]
    return cut([(Place(alert.update_time_ms, row_id), alert) for row_id, alert in alerts], size)


def get_alert(rows: RunQuery, alert_key: str) -> StoredAlert | None:
    query = AlertTable.select(*_ALERT).where(AlertTable.alert_key == alert_key)
    return next((_read_alert(row) for row in rows(query)), None)


def _in_state(states: tuple[str, ...]) -> Any:
    table = AlertTable
    standing, acknowledged = table.resolve_time_ms.is_null(), table.acknowledge_time_ms.is_null(False)
    tests = {
        AlertState.ACTIVE: standing & ~acknowledged,
        AlertState.ACKNOWLEDGED: standing & acknowledged,
        AlertState.RESOLVED: ~standing,
    }
    chosen: Any = SQL("(1 = 0)")
    for state in states or tuple(tests):
        chosen = tests[state] | chosen
    return chosen


def _read_alert(row: tuple[Any, ...]) -> StoredAlert:
    alert_key, severity, category, message, account, symbol, group_id, count, create_time_ms, update_time_ms = row[:10]
    acknowledge_time_ms, acknowledged_by, resolve_time_ms, comment = row[10:]
    state = AlertState.ACTIVE if acknowledge_time_ms is None else AlertState.ACKNOWLEDGED
    return StoredAlert(
        alert_key=alert_key,
        state=state if resolve_time_ms is None else AlertState.RESOLVED,
        severity=severity,
        category=category,
        message=message,
        account=account,
        symbol=symbol,
        group_id=group_id,
        count=count,
        create_time_ms=create_time_ms,
        update_time_ms=update_time_ms,
        acknowledge_time_ms=acknowledge_time_ms,
        acknowledged_by=acknowledged_by,
        resolve_time_ms=resolve_time_ms,
        comment=comment,
    )


# --- differences ----------------------------------------------------------------------------------


def list_drifts(
    rows: RunQuery, account: str, states: tuple[DriftState, ...], after: Place | None, size: int
) -> Page[SaveDrift]:
    """Newest first. No states: all."""
    table = DriftTable
    query = table.select(table.id, *columns(table, drift_rows.DRIFT.names))
    for condition in matching([(table.account, account)]):
        query = query.where(condition)
    if states:
        query = query.where(table.state.in_([state.value for state in states]))
    if after is not None:
        query = query.where(table.id < after.row_id)
    found = rows(query.order_by(table.id.desc()).limit(size + 1))
    return cut([(Place(0, row[0]), drift_rows.read_drift(row[1:])) for row in found], size)


def get_drift(rows: RunQuery, drift_id: str) -> SaveDrift | None:
    table = DriftTable
    query = table.select(*columns(table, drift_rows.DRIFT.names)).where(table.drift_id == drift_id)
    return next((drift_rows.read_drift(row) for row in rows(query)), None)


# --- dead letters, config, instruments ------------------------------------------------------------


def list_dead_letters(rows: RunQuery, resolved_too: bool, after: Place | None, size: int) -> Page[StoredDeadLetter]:
    """Newest first."""
    table = DeadLetterTable
    query = _dead_letters()
    if not resolved_too:
        query = query.where(table.resolve_time_ms.is_null())
    if after is not None:
        query = query.where(table.id < after.row_id)
    found = rows(query.order_by(table.id.desc()).limit(size + 1))
    return cut([(Place(0, row[0]), _read_dead_letter(row[1:])) for row in found], size)


def get_dead_letter(rows: RunQuery, dead_letter_id: str) -> StoredDeadLetter | None:
    query = _dead_letters().where(DeadLetterTable.dead_letter_id == dead_letter_id)
    return next((_read_dead_letter(row[1:]) for row in rows(query)), None)


def _dead_letters() -> Any:
    table = DeadLetterTable
    return table.select(
        table.id,
        *columns(table, record_rows.DEAD_LETTER.names),
        table.retry_time_ms,
        table.resolve_time_ms,
        table.result,
    )


def _read_dead_letter(row: tuple[Any, ...]) -> StoredDeadLetter:
    dead_letter_id, create_time_ms, actor, message_type, message, error, attempts, fact, *later = row
    retry_ms, resolve_ms, result = later
    return StoredDeadLetter(
        dead_letter_id=dead_letter_id,
        actor=actor,
        message_type=message_type,
        message=message,
        error=error,
        attempts=attempts,
        create_time_ms=create_time_ms,
        retry_time_ms=retry_ms,
        resolve_time_ms=resolve_ms,
        fact=fact,
        result=result,
    )


def list_config_versions(rows: RunQuery, after: Place | None, size: int) -> Page[StoredConfig]:
    """Newest first, texts left out."""
    table = ConfigTable
    query = table.select(table.version, table.time_ms, table.author, table.source, table.changed)
    if after is not None:
        query = query.where(table.version < after.row_id)
    found = rows(query.order_by(table.version.desc()).limit(size + 1))
    return cut([(Place(0, row[0]), _read_config((*row[:4], "", row[4]))) for row in found], size)


def config_version(rows: RunQuery, version: int) -> StoredConfig | None:
    """0: the newest."""
    table = ConfigTable
    query = table.select(*columns(table, record_rows.CONFIG_VERSION.names))
    query = query.where(table.version == version) if version else query.order_by(table.version.desc()).limit(1)
    return next((_read_config(row) for row in rows(query)), None)


def _read_config(row: tuple[Any, ...]) -> StoredConfig:
    version, time_ms, author, source, text, changed = row
    return StoredConfig(
        version=version,
        time_ms=time_ms,
        author=author,
        source=source,
        text=text,
        changed=tuple(changed.split("\n")) if changed else (),
    )


def instruments(rows: RunQuery, account: str) -> tuple[Instrument, ...]:
    """The last stored catalogue of an account, by symbol."""
    query = InstrumentTable.select(*_INSTRUMENT).where(InstrumentTable.account == account)
    return tuple(record_rows.read_instrument_row(row) for row in rows(query.order_by(InstrumentTable.symbol)))


def switches(rows: RunQuery) -> dict[tuple[World, str], str]:
    """By world and name."""
    table = EngineStateTable
    found = rows(table.select(table.world, table.name, table.value).limit(MAX_SWITCHES))
    return {(World(world), name): value for world, name, value in found}


def switch_times(rows: RunQuery, world: World) -> dict[str, int]:
    table = EngineStateTable
    return dict(rows(table.select(table.name, table.time_ms).where(table.world == world.value)))
