"""Row type -> SQL: what each row of a commit does to the tables. The meaning of a row is in `records.py`.

A commit's rows are written in their order; a run of rows of one type goes to the database in one call. A row that
breaks a constraint raises `ConstraintBroken`; what was written before it is the caller's to take back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actors.ports import ConstraintBroken
from actors.rules.records import (
    AcknowledgeAlert,
    AddBooking,
    AddConfigVersion,
    AddDeadLetter,
    AddEquity,
    AddNotification,
    AddProfit,
    AddTrade,
    ClaimIdempotency,
    DeleteQueued,
    MarkBooked,
    MarkNotification,
    RaiseAlert,
    ResolveAlert,
    ResolveDeadLetter,
    SaveDrift,
    SaveEngineState,
    SaveGroup,
    SaveInstruments,
    SaveLeg,
    SaveOrder,
    SavePyramid,
    SaveQueued,
    SaveRiskAction,
    SaveSignal,
    SetOutcome,
)
from daemon.store import drift_rows, group_rows, notification_rows, record_rows, risk_rows, signal_rows
from daemon.store.link import Cursor, RowBroken
from daemon.store.tables import NOT_FINAL_OUTCOMES

MAX_NAMED = 5
"""Most rows of a broken run that are named in the error."""

MISSED = "no such row, or it is another's or final already"

Writer = Callable[[Cursor, Sequence[Any]], None]
"""Writes a run of rows of one type."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement per row. `must_hit`: each row has to change exactly one row of the table."""

    sql: str
    params: Callable[[Any], tuple[Any, ...]]
    constraint: str
    name: Callable[[Any], str]
    must_hit: bool = False

    def __call__(self, cursor: Cursor, run: Sequence[Any]) -> None:
        try:
            if len(run) == 1:
                cursor.execute(self.sql, self.params(run[0]))
            else:
                cursor.executemany(self.sql, [self.params(row) for row in run])
        except RowBroken as error:
            raise self.broken(run, str(error)) from error
        if self.must_hit and not cursor.hits(len(run)):
            raise self.broken(run, MISSED)

    def broken(self, run: Sequence[Any], error: str) -> ConstraintBroken:
        """The refusal of a run of rows, in SQLite's words."""
        constraint = "reference" if error.startswith("FOREIGN KEY") else self.constraint
        names = ", ".join(self.name(row) for row in run[:MAX_NAMED])
        return ConstraintBroken(constraint, f"{names}{' ...' if len(run) > MAX_NAMED else ''}: {error}")


_CLAIM = (
    "INSERT INTO idempotency (idempotency_key, signal_id, create_time_ms, expire_time_ms) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (idempotency_key) DO UPDATE SET signal_id = excluded.signal_id, "
    "create_time_ms = excluded.create_time_ms, expire_time_ms = excluded.expire_time_ms "
    "WHERE idempotency.expire_time_ms <= excluded.create_time_ms OR idempotency.signal_id = excluded.signal_id"
)
_HOLDER = (
    f"SELECT i.signal_id, {signal_rows.ANSWER.select('s')} "
    "FROM idempotency i LEFT JOIN signals s ON s.signal_id = i.signal_id WHERE i.idempotency_key = ?"
)


def claim(cursor: Cursor, run: Sequence[ClaimIdempotency]) -> None:
    """SIG-7: the key is taken unless another signal holds it; then that one's answer comes with the error."""
    for row in run:
        cursor.execute(_CLAIM, (row.idempotency_key, row.signal_id, row.now_ms, row.expire_time_ms))
        if cursor.hits(1):
            continue
        cursor.execute(_HOLDER, (row.idempotency_key,))
        holder, *answer = cursor.fetchone()
        first = None if answer[0] is None else signal_rows.read_answer(tuple(answer))
        raise ConstraintBroken("idempotency", f"{row.idempotency_key} is held by signal {holder}", first)


_SAVE_ENGINE_STATE = record_rows.ENGINE_STATE.upsert(("world", "name"))
_DELETE_ENGINE_STATE = "DELETE FROM engine_state WHERE world = ? AND name = ?"


def save_engine_state(cursor: Cursor, run: Sequence[SaveEngineState]) -> None:
    for row in run:
        if row.value:
            cursor.execute(_SAVE_ENGINE_STATE, record_rows.engine_state(row))
        else:
            cursor.execute(_DELETE_ENGINE_STATE, (row.world.value, row.name))


_DELETE_INSTRUMENTS = "DELETE FROM instruments WHERE account = ?"
_INSERT_INSTRUMENT = record_rows.SAVED_INSTRUMENT.insert()


def save_instruments(cursor: Cursor, run: Sequence[SaveInstruments]) -> None:
    """The account's catalogue is replaced whole."""
    for row in run:
        cursor.execute(_DELETE_INSTRUMENTS, (row.account,))
        values = [record_rows.instrument(instrument, row.time_ms) for instrument in row.instruments]
        try:
            cursor.executemany(_INSERT_INSTRUMENT, values)
        except RowBroken as error:
            raise ConstraintBroken("instrument", f"catalogue of {row.account}: {error}") from error


def _outcome(row: SetOutcome) -> tuple[Any, ...]:
    return (
        *(row.outcome.value, row.reason.value, row.detail, row.group_id, row.time_ms, row.draft_id),
        row.signal_id,
    )


def _queued_row(row: DeleteQueued) -> tuple[Any, ...]:
    key = row.key
    return (row.world.value, key.account, key.symbol, key.timeframe, key.strategy, key.source, row.signal_id)


_SET_OUTCOME = (
    "UPDATE signals SET outcome = ?, reason = ?, detail = ?, group_id = ?, outcome_time_ms = ?, final_draft_id = ? "
    f"WHERE signal_id = ? AND outcome IN ({NOT_FINAL_OUTCOMES})"
)
_DELETE_QUEUED = (
    f"DELETE FROM queued_signals WHERE {' AND '.join(f'{name} = ?' for name in ('world', *signal_rows.KEY))} "
    "AND signal_id = ?"
)
_SAVE_GROUP = group_rows.SAVED_GROUP.upsert(
    ("group_id",),
    kept=group_rows.GROUP_KEPT,
    where="position_groups.create_time_ms = excluded.create_time_ms",
)
"""An id that two groups share is a broken constraint, not a change."""
_SAVE_ORDER = group_rows.ORDER.upsert(
    ("client_order_id",),
    kept=("group_id", "create_time_ms"),
    where="orders.group_id = excluded.group_id AND orders.create_time_ms = excluded.create_time_ms",
)
"""A second order under a used client order id is a broken constraint: nothing is ever sent twice (ORD-3)."""

WRITERS: Mapping[type, Writer] = {
    SaveSignal: Statement(
        signal_rows.SAVED_SIGNAL.insert(),
        signal_rows.saved_signal,
        "signal",
        lambda row: f"signal {row.signal.signal_id}",
    ),
    SetOutcome: Statement(
        _SET_OUTCOME, _outcome, "outcome", lambda row: f"outcome of signal {row.signal_id}", must_hit=True
    ),
    ClaimIdempotency: claim,
    SaveGroup: Statement(
        _SAVE_GROUP, group_rows.saved_group, "live_group", lambda row: f"group {row.group.group_id}", must_hit=True
    ),
    SavePyramid: Statement(
        group_rows.PYRAMID.upsert(("group_id", "pyramid")),
        group_rows.saved_pyramid,
        "pyramid",
        lambda row: f"pyramid {row.pyramid.index} of group {row.group_id}",
    ),
    SaveLeg: Statement(
        group_rows.LEG.upsert(("group_id", "pyramid", "leg")),
        group_rows.saved_leg,
        "leg",
        lambda row: f"leg {row.leg.pyramid}/{row.leg.index} of group {row.group_id}",
    ),
    SaveOrder: Statement(
        _SAVE_ORDER, group_rows.saved_order, "order", lambda row: f"order {row.order.client_order_id}", must_hit=True
    ),
    AddTrade: Statement(
        group_rows.SAVED_TRADE.insert(),
        group_rows.saved_trade,
        "trade",
        lambda row: f"trade {row.trade.trade_id} of order {row.client_order_id}",
    ),
    SaveQueued: Statement(
        signal_rows.QUEUED.upsert(("world", *signal_rows.KEY)),
        signal_rows.queued,
        "queued",
        lambda row: f"queued signal {row.queued.signal.signal_id}",
    ),
    DeleteQueued: Statement(
        _DELETE_QUEUED, _queued_row, "queued", lambda row: f"queued signal {row.signal_id}", must_hit=True
    ),
    RaiseAlert: Statement(
        record_rows.RAISE_ALERT, record_rows.raised_alert, "alert", lambda row: f"alert {row.alert_key}"
    ),
    ResolveAlert: Statement(
        record_rows.RESOLVE_ALERT, record_rows.resolved_alert, "alert", lambda row: f"alert {row.alert_key}"
    ),
    AcknowledgeAlert: Statement(
        record_rows.ACKNOWLEDGE_ALERT, record_rows.acknowledged_alert, "alert", lambda row: f"alert {row.alert_key}"
    ),
    AddNotification: Statement(
        notification_rows.ADD,
        notification_rows.added,
        "notification",
        lambda row: f"notification {row.notification_id}",
    ),
    MarkNotification: Statement(
        notification_rows.MARK,
        notification_rows.marked,
        "notification",
        lambda row: f"notification {row.notification_id}",
    ),
    AddDeadLetter: Statement(
        record_rows.ADD_DEAD_LETTER,
        record_rows.dead_letter,
        "dead_letter",
        lambda row: f"dead letter {row.dead_letter_id}",
    ),
    ResolveDeadLetter: Statement(
        record_rows.RESOLVE_DEAD_LETTER,
        record_rows.resolved_dead_letter,
        "dead_letter",
        lambda row: f"dead letter {row.dead_letter_id}",
    ),
    SaveEngineState: save_engine_state,
    SaveInstruments: save_instruments,
    AddConfigVersion: Statement(
        record_rows.CONFIG_VERSION.insert(),
        record_rows.config_version,
        "config_version",
        lambda row: f"config version {row.version}",
    ),
    SaveDrift: Statement(
        drift_rows.DRIFT.upsert(("drift_id",), kept=drift_rows.DRIFT_KEPT),
        drift_rows.saved_drift,
        "drift",
        lambda row: f"difference {row.drift_id}",
    ),
    AddBooking: Statement(
        drift_rows.BOOKING.insert(),
        drift_rows.saved_booking,
        "booking",
        lambda row: f"booking {row.booking_id} of group {row.group_id}",
    ),
    MarkBooked: Statement(
        drift_rows.MARK_BOOKED,
        drift_rows.marked,
        "booking",
        lambda row: f"booking {row.booking_id} of group {row.group_id}",
        must_hit=True,
    ),
    AddProfit: Statement(
        risk_rows.PROFIT.insert(),
        risk_rows.saved_profit,
        "profit",
        lambda row: f"profit of group {row.group_id}",
    ),
    AddEquity: Statement(
        risk_rows.EQUITY.upsert(("world", "time_ms")),
        risk_rows.saved_equity,
        "equity",
        lambda row: f"equity at {row.time_ms}",
    ),
    SaveRiskAction: risk_rows.save_actions,
}
"""Every row type but `AddEvent`, whose sequence goes back to the caller."""

ADD_EVENT = record_rows.SEALED_EVENT.insert()
