"""Events, alerts and dead letters as messages."""

from __future__ import annotations

from collections.abc import Mapping

from actors.messages import EventStored
from actors.rules.choices import World
from actors.rules.notifying import type_of_alert
from actors.rules.records import AddEvent
from daemon.api.letters import remedy_of
from daemon.api.translate import WORLD, category, code, optional_timestamp, severity, timestamp
from daemon.store.found import AlertState, StoredAlert, StoredDeadLetter
from protos.terrace.v1 import common_pb2, engine_pb2, record_pb2, types_pb2


def event(stored: EventStored) -> common_pb2.Event:
    """A line of the event log. Its type is a stable code: `order.filled` is `ORDER_FILLED`."""
    line = stored.event
    assert isinstance(line, AddEvent)
    message = common_pb2.Event(
        sequence=stored.sequence,
        time=timestamp(line.time_ms),
        category=category(line.category),
        severity=severity(line.severity),
        type=code(line.type),
        message=line.message,
        signal_id=line.signal_id,
        group_id=line.group_id,
        client_order_id=line.client_order_id,
        account=line.account,
        symbol=line.symbol,
        timeframe=line.timeframe,
        attributes=dict(line.attributes),
    )
    if line.world is not None:
        message.world = WORLD[line.world]
    return message


def alert(stored: StoredAlert, world: World | None) -> record_pb2.Alert:
    """An alert by its key: `queue_overflow/paper` and `unreachable:binance` are QUEUE_OVERFLOW and UNREACHABLE."""
    message = record_pb2.Alert(
        alert_id=stored.alert_key,
        type=type_of_alert(stored.alert_key),
        severity=severity(stored.severity),
        category=category(stored.category),
        state=_ALERT_STATES[stored.state],
        message=stored.message,
        account=stored.account,
        symbol=stored.symbol,
        group_id=stored.group_id,
        count=stored.count,
        create_time=timestamp(stored.create_time_ms),
        update_time=timestamp(stored.update_time_ms),
        acknowledge_time=optional_timestamp(stored.acknowledge_time_ms),
        acknowledged_by=stored.acknowledged_by,
        resolve_time=optional_timestamp(stored.resolve_time_ms),
        comment=stored.comment,
    )
    if world is not None:
        message.world = WORLD[world]
    return message


_ALERT_STATES = {
    AlertState.ACTIVE: types_pb2.ALERT_STATE_ACTIVE,
    AlertState.ACKNOWLEDGED: types_pb2.ALERT_STATE_ACKNOWLEDGED,
    AlertState.RESOLVED: types_pb2.ALERT_STATE_RESOLVED,
}
ALERT_STATE_OF: Mapping[int, str] = {number: state for state, number in _ALERT_STATES.items()}


def dead_letter(stored: StoredDeadLetter) -> engine_pb2.DeadLetter:
    remedy = remedy_of(stored)
    return engine_pb2.DeadLetter(
        dead_letter_id=stored.dead_letter_id,
        actor=stored.actor,
        message_type=stored.message_type,
        content=stored.message,
        error=stored.error,
        attempts=stored.attempts,
        create_time=timestamp(stored.create_time_ms),
        retry_time=optional_timestamp(stored.retry_time_ms),
        resolved=stored.resolve_time_ms is not None,
        remedy="" if stored.resolve_time_ms is not None else remedy.words,
        retryable=remedy.is_possible and stored.resolve_time_ms is None,
        resolve_time=optional_timestamp(stored.resolve_time_ms),
        result=stored.result,
    )
