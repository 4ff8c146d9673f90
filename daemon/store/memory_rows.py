"""Row type -> what it does to the tables in memory: the same, refusals included, that `rows` has SQLite do.

A run of rows of one type is one statement, as there: every row must have its columns, then each is written in order if
its values can be stored, and rows that had to hit something and did not are refused together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from actors.messages import EventStored
from actors.ports import ConstraintBroken
from actors.rules.model import Instrument
from actors.rules.notifying import severity_rank
from actors.rules.records import (
    AcknowledgeAlert,
    AddBooking,
    AddConfigVersion,
    AddDeadLetter,
    AddEquity,
    AddEvent,
    AddNotification,
    AddProfit,
    AddTrade,
    ClaimIdempotency,
    DeleteQueued,
    DriftState,
    MarkBooked,
    MarkNotification,
    NotificationState,
    RaiseAlert,
    ResolveAlert,
    ResolveDeadLetter,
    Row,
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
from daemon.store import notification_rows, record_rows, risk_rows
from daemon.store.found import AlertState, StoredAlert, StoredDeadLetter
from daemon.store.group_rows import LATE_FILL
from daemon.store.memory_tables import KeptAction, KeptBooking, KeptGroup, KeptQueued, KeptSignal, Tables
from daemon.store.rows import MISSED, WRITERS, Statement

NO_PARENT = "FOREIGN KEY constraint failed"
_MOST = 2**63


class Clash(Exception):
    """A row that a table does not take, in the words SQLite has for it."""


# --- values that no column can hold -----------------------------------------------------------------


def storable(values: Iterable[object]) -> None:
    """Raises what SQLite would: a whole number of more than 64 bits, a text that is no text."""
    for value in values:
        if type(value) is str:
            if not value.isascii():
                value.encode()
        elif type(value) is int and not -_MOST <= value < _MOST:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")


def finite(values: Iterable[Decimal | None]) -> None:
    for value in values:
        if value is not None and not value.is_finite():
            raise ValueError(f"{value} cannot be stored")


def _check_group(row: SaveGroup) -> None:
    group = row.group
    finite((group.loose.quantity, group.loose.cost, group.realized, group.fees, group.dust, group.dust_value))
    finite((group.funding, group.max_slippage_percent, group.stop_loss, group.take_profit, group.stop_price))
    finite((group.oversold.quantity, group.oversold.cost))
    finite(group.trails.values())
    for cut in group.cuts:
        finite((cut.quantity, cut.worst_price, cut.sold, cut.realized))


def _check_pyramid(row: SavePyramid) -> None:
    finite((row.pyramid.entry_price, row.pyramid.capital))


def _check_leg(row: SaveLeg) -> None:
    leg = row.leg
    finite((leg.gap_percent, leg.weight_percent, leg.tp_percent, leg.price, leg.quantity, leg.lot.quantity))
    finite((leg.lot.cost, leg.bought_quantity, leg.bought_cost, leg.sold_quantity, leg.sold_proceeds))


def _check_order(row: SaveOrder) -> None:
    order = row.order
    finite((order.price, order.trigger_price, order.quantity, order.expected_price, order.filled_quantity))
    finite((order.filled_notional, order.wanted_price, order.wanted_quantity))
    if not order.words.isascii():
        order.words.encode()


def _check_trade(row: AddTrade) -> None:
    trade = row.trade
    finite((trade.quantity, trade.price, trade.fee, trade.fee_value))


_QUICK_CHECKS: Mapping[type, Callable[[Any], None]] = {
    SaveGroup: _check_group,
    SavePyramid: _check_pyramid,
    SaveLeg: _check_leg,
    SaveOrder: _check_order,
    AddTrade: _check_trade,
}
"""What is written all the time is not turned into columns to see whether it could be."""


# --- signals and the queue --------------------------------------------------------------------------


def _save_signal(tables: Tables, row: SaveSignal) -> bool:
    signal = row.signal
    if signal.signal_id in tables.signals:
        raise Clash("UNIQUE constraint failed: signals.signal_id")
    tables.put(tables.signals, signal.signal_id, KeptSignal.of(tables.next_number(), row))
    account, time_ms = signal.key.account, signal.receive_time_ms
    if time_ms > tables.last_signal_ms.get(account, time_ms - 1):
        tables.put(tables.last_signal_ms, account, time_ms)
    return True


def _set_outcome(tables: Tables, row: SetOutcome) -> bool:
    known = tables.signals.get(row.signal_id)
    if known is None or (known.final or known.saved).outcome.is_final:
        return False
    tables.put(tables.signals, row.signal_id, KeptSignal.of(known.number, known.saved, row))
    return True


def _claim(tables: Tables, row: ClaimIdempotency) -> None:
    """SIG-7: the key is taken unless another signal holds it; then that one's answer comes with the error."""
    storable((row.idempotency_key, row.signal_id, row.now_ms, row.expire_time_ms))
    held = tables.claims.get(row.idempotency_key)
    if held is None or held.expire_time_ms <= row.now_ms or held.signal_id == row.signal_id:
        tables.put(tables.claims, row.idempotency_key, row)
        return
    first = tables.signals.get(held.signal_id)
    detail = f"{row.idempotency_key} is held by signal {held.signal_id}"
    raise ConstraintBroken("idempotency", detail, None if first is None else first.answer)


def _save_queued(tables: Tables, row: SaveQueued) -> bool:
    place = (row.world, row.queued.key)
    known = tables.queued.get(place)
    if row.queued.signal.signal_id not in tables.signals:
        raise Clash(NO_PARENT)
    tables.put(tables.queued, place, KeptQueued(tables.next_number() if known is None else known.number, row))
    return True


def _delete_queued(tables: Tables, row: DeleteQueued) -> bool:
    known = tables.queued.get((row.world, row.key))
    if known is None or known.row.queued.signal.signal_id != row.signal_id:
        return False
    tables.drop(tables.queued, (row.world, row.key))
    return True


# --- groups -----------------------------------------------------------------------------------------

_ONE_LIVE = "UNIQUE constraint failed: " + ", ".join(
    f"position_groups.{name}" for name in ("world", "account", "symbol", "timeframe", "key_strategy", "key_source")
)


def _save_group(tables: Tables, row: SaveGroup) -> bool:
    group, known = row.group, tables.groups.get(row.group.group_id)
    if known is not None:
        first = known.group
        if first.create_time_ms != group.create_time_ms:
            return False
        if first.key is not group.key or first.world is not group.world:
            group = replace(group, key=first.key, world=first.world)
    place, group_id = (group.world, group.key), group.group_id
    holder = tables.one_live.get(place)
    if not group.is_closed and LATE_FILL not in group.flags:
        if holder is None:
            tables.put(tables.one_live, place, group_id)
        elif holder != group_id:
            raise Clash(_ONE_LIVE)
    elif holder == group_id:
        tables.drop(tables.one_live, place)
    kept = KeptGroup(tables.next_number() if known is None else known.number, group)
    tables.put(tables.groups, group_id, kept)
    if group.is_closed:
        tables.drop(tables.live, group_id)
    else:
        tables.put(tables.live, group_id, kept)
    tables.fresh.pop(group_id, None)
    return True


def _save_pyramid(tables: Tables, row: SavePyramid) -> bool:
    if row.group_id not in tables.groups:
        raise Clash(NO_PARENT)
    tables.put(tables.parts_of(row.group_id).pyramids, row.pyramid.index, row.pyramid)
    return True


def _save_leg(tables: Tables, row: SaveLeg) -> bool:
    if row.group_id not in tables.groups:
        raise Clash(NO_PARENT)
    tables.put(tables.parts_of(row.group_id).legs, (row.leg.pyramid, row.leg.index), row.leg)
    return True


def _save_order(tables: Tables, row: SaveOrder) -> bool:
    order, name = row.order, row.order.client_order_id
    known = tables.orders.get(name)
    if known is None:
        if order.group_id not in tables.groups:
            raise Clash(NO_PARENT)
    elif known.group_id != order.group_id or known.create_time_ms != order.create_time_ms:
        return False
    tables.put(tables.orders, name, order)
    tables.put(tables.parts_of(order.group_id).orders, name, order)
    return True


def _add_trade(tables: Tables, row: AddTrade) -> bool:
    place = (row.account, row.symbol, row.client_order_id, row.trade.trade_id)
    if place in tables.trades:
        names = ("account", "symbol", "client_order_id", "trade_id")
        raise Clash("UNIQUE constraint failed: " + ", ".join(f"fills.{name}" for name in names))
    if row.client_order_id not in tables.orders:
        raise Clash(NO_PARENT)
    tables.put(tables.trades, place, row)
    trades = tables.parts_of(row.group_id).trades
    tables.put(trades, row.client_order_id, (*trades.get(row.client_order_id, ()), row.trade))
    return True


def _add_profit(tables: Tables, row: AddProfit) -> bool:
    if row.group_id not in tables.groups:
        raise Clash(NO_PARENT)
    tables.profits.append(row)
    return True


# --- differences and bookings -----------------------------------------------------------------------


def _save_drift(tables: Tables, row: SaveDrift) -> bool:
    known = tables.drifts.get(row.drift_id)
    if known is not None:
        kept = {"account": known.account, "kind": known.kind, "subject": known.subject}
        row = replace(row, create_time_ms=known.create_time_ms, **kept)  # type: ignore[arg-type]
    place = (row.account, row.kind.value, row.subject)
    holder = tables.standing_drifts.get(place)
    if row.state is not DriftState.RESOLVED:
        if holder not in (None, row.drift_id):
            names = ("account", "kind", "subject")
            raise Clash("UNIQUE constraint failed: " + ", ".join(f"drifts.{name}" for name in names))
        tables.put(tables.standing_drifts, place, row.drift_id)
    elif holder == row.drift_id:
        tables.drop(tables.standing_drifts, place)
    tables.put(tables.drifts, row.drift_id, row)
    return True


def _add_booking(tables: Tables, row: AddBooking) -> bool:
    place = (row.account, row.booking_id, row.group_id)
    if place in tables.bookings:
        names = ("account", "booking_id", "group_id")
        raise Clash("UNIQUE constraint failed: " + ", ".join(f"bookings.{name}" for name in names))
    if row.group_id not in tables.groups:
        raise Clash(NO_PARENT)
    if row.trade is not None and row.trade.maker:  # Not stored of a share.
        row = replace(row, trade=replace(row.trade, maker=False))
    tables.put(tables.bookings, place, KeptBooking(row))
    return True


def _mark_booked(tables: Tables, row: MarkBooked) -> bool:
    place = (row.account, row.booking_id, row.group_id)
    known = tables.bookings.get(place)
    if known is None or known.booked_time_ms is not None:
        return False
    tables.put(tables.bookings, place, KeptBooking(known.row, row.time_ms))
    return True


# --- records ----------------------------------------------------------------------------------------


def _raise_alert(tables: Tables, row: RaiseAlert) -> bool:
    """Raised again it counts up and says the newest; after it was resolved it starts over."""
    old = tables.alerts.get(row.alert_key)
    if old is not None and old.resolve_time_ms is not None:
        old = None
    noted = old if old is not None and severity_rank(row.severity) <= severity_rank(old.severity) else None
    state = AlertState.ACTIVE if noted is None else noted.state
    raised = StoredAlert(
        alert_key=row.alert_key,
        state=state,
        severity=row.severity,
        category=row.category,
        message=row.message,
        account=row.account,
        symbol=row.symbol,
        group_id=row.group_id,
        count=1 if old is None else old.count + 1,
        create_time_ms=row.time_ms if old is None else old.create_time_ms,
        update_time_ms=row.time_ms,
        acknowledge_time_ms=None if noted is None else noted.acknowledge_time_ms,
        acknowledged_by="" if noted is None else noted.acknowledged_by,
        resolve_time_ms=None,
        comment="" if noted is None else noted.comment,
    )
    tables.put(tables.alerts, row.alert_key, raised)
    return True


def _resolve_alert(tables: Tables, row: ResolveAlert) -> bool:
    old = tables.alerts.get(row.alert_key)
    if old is not None and old.resolve_time_ms is None:
        resolved = replace(old, state=AlertState.RESOLVED, resolve_time_ms=row.time_ms)
        tables.put(tables.alerts, row.alert_key, resolved)
    return True


def _acknowledge_alert(tables: Tables, row: AcknowledgeAlert) -> bool:
    old = tables.alerts.get(row.alert_key)
    if old is not None and old.state == AlertState.ACTIVE:
        done = replace(
            old,
            state=AlertState.ACKNOWLEDGED,
            acknowledge_time_ms=row.time_ms,
            acknowledged_by=row.who,
            comment=row.comment,
        )
        tables.put(tables.alerts, row.alert_key, done)
    return True


def _add_notification(tables: Tables, row: AddNotification) -> bool:
    old = tables.notifications.get(row.notification_id)
    values = (row.notification_id, row.channel, row.type, row.severity, row.title, row.message)
    if old is None:
        times = (row.create_time_ms, row.due_time_ms, row.alert_key)
        new = notification_rows.read((*values, *times, "pending", 0, "", None, 0))
    elif old.state is NotificationState.PENDING and not old.attempt_count:
        left_out = old.suppressed_count + 1
        new = replace(old, title=row.title, message=row.message, alert_key=row.alert_key, suppressed_count=left_out)
    else:
        new = replace(old, suppressed_count=old.suppressed_count + 1)
    tables.put(tables.notifications, row.notification_id, new)
    return True


def _mark_notification(tables: Tables, row: MarkNotification) -> bool:
    old = tables.notifications.get(row.notification_id)
    if old is not None and old.state is NotificationState.PENDING:
        done = replace(
            old,
            state=row.state,
            title=row.title,
            message=row.message,
            attempt_count=row.attempt_count,
            error=row.error,
            send_time_ms=row.send_time_ms,
            suppressed_count=row.suppressed_count,
        )
        tables.put(tables.notifications, row.notification_id, done)
    return True


def _add_dead_letter(tables: Tables, row: AddDeadLetter) -> bool:
    old = tables.dead_letters.get(row.dead_letter_id)
    if old is None:
        letter = StoredDeadLetter(
            dead_letter_id=row.dead_letter_id,
            actor=row.actor,
            message_type=row.message_type,
            message=row.message,
            error=row.error,
            attempts=1,
            create_time_ms=row.time_ms,
            retry_time_ms=None,
            resolve_time_ms=None,
            fact=row.fact,
        )
    else:
        letter = replace(
            old,
            attempts=old.attempts + 1,
            error=row.error,
            retry_time_ms=row.time_ms,
            resolve_time_ms=None,
            result=f"it stopped {row.actor} again",
        )
    tables.put(tables.dead_letters, row.dead_letter_id, letter)
    return True


def _resolve_dead_letter(tables: Tables, row: ResolveDeadLetter) -> bool:
    old = tables.dead_letters.get(row.dead_letter_id)
    if old is not None and old.resolve_time_ms is None:
        resolved = replace(
            old,
            attempts=old.attempts + 1,
            retry_time_ms=row.time_ms,
            resolve_time_ms=row.time_ms,
            result=row.result,
        )
        tables.put(tables.dead_letters, row.dead_letter_id, resolved)
    return True


def _add_config(tables: Tables, row: AddConfigVersion) -> bool:
    if row.version in tables.configs:
        raise Clash("UNIQUE constraint failed: config_versions.version")
    tables.put(tables.configs, row.version, row)
    return True


def _add_equity(tables: Tables, row: AddEquity) -> bool:
    tables.put(tables.equity, (row.world, row.time_ms), row)
    return True


def _save_switch(tables: Tables, row: SaveEngineState) -> None:
    if row.value:
        storable(record_rows.engine_state(row))
        tables.put(tables.switches, (row.world, row.name), row)
    else:
        storable((row.name,))
        tables.drop(tables.switches, (row.world, row.name))


def _save_instruments(tables: Tables, row: SaveInstruments) -> None:
    """The account's catalogue is replaced whole."""
    changed: dict[str, dict[str, Instrument]] = {row.account: {}}
    for instrument in row.instruments:
        storable(record_rows.instrument(instrument, row.time_ms))
        account = instrument.account
        catalogue = changed.setdefault(account, dict(tables.instruments.get(account, {})))
        if instrument.symbol in catalogue:
            words = "UNIQUE constraint failed: instruments.account, instruments.symbol"
            raise ConstraintBroken("instrument", f"catalogue of {row.account}: {words}")
        catalogue[instrument.symbol] = instrument
    for account, catalogue in changed.items():
        tables.put(tables.instruments, account, catalogue)


def _save_action(tables: Tables, row: SaveRiskAction) -> None:
    action = row.action
    storable(risk_rows.saved_action(row))
    known = tables.actions.get(action.action_id)
    if known is None:
        kept = KeptAction(tables.next_number(), action.world, action.create_time_ms, action)
    else:
        kept = replace(known, action=action)
    tables.put(tables.actions, action.action_id, kept)


WRITES: Mapping[type, Callable[[Tables, Any], bool]] = {
    SaveSignal: _save_signal,
    SetOutcome: _set_outcome,
    SaveGroup: _save_group,
    SavePyramid: _save_pyramid,
    SaveLeg: _save_leg,
    SaveOrder: _save_order,
    AddTrade: _add_trade,
    SaveQueued: _save_queued,
    DeleteQueued: _delete_queued,
    RaiseAlert: _raise_alert,
    ResolveAlert: _resolve_alert,
    AcknowledgeAlert: _acknowledge_alert,
    AddNotification: _add_notification,
    MarkNotification: _mark_notification,
    AddDeadLetter: _add_dead_letter,
    ResolveDeadLetter: _resolve_dead_letter,
    AddConfigVersion: _add_config,
    SaveDrift: _save_drift,
    AddBooking: _add_booking,
    MarkBooked: _mark_booked,
    AddProfit: _add_profit,
    AddEquity: _add_equity,
}
"""Those that are one statement in SQLite. False: the row it must change is not there."""

ALONE: Mapping[type, Callable[[Tables, Any], None]] = {
    ClaimIdempotency: _claim,
    SaveEngineState: _save_switch,
    SaveInstruments: _save_instruments,
    SaveRiskAction: _save_action,
}
"""Those that are written one by one."""


def write(tables: Tables, rows: Sequence[Row]) -> tuple[EventStored, ...]:
    """Writes the rows of one commit in order. ConstraintBroken, or what a value raises that no column can hold; what
    was written before is the caller's to take back."""
    events: list[EventStored] = []
    start, count = 0, len(rows)
    while start < count:
        kind = type(rows[start])
        end = start + 1
        while end < count and type(rows[end]) is kind:
            end += 1
        if kind is AddEvent:
            for row in rows[start:end]:
                values = record_rows.event(row)  # type: ignore[arg-type]
                storable(values)
                events.append(tables.add_event(row, values))
        elif kind in WRITES:
            _write_run(tables, kind, rows[start:end])
        else:
            alone = ALONE[kind]
            for row in rows[start:end]:
                alone(tables, row)
        start = end
    return tuple(events)


def _write_run(tables: Tables, kind: type, run: Sequence[Row]) -> None:
    check, one = _QUICK_CHECKS.get(kind), WRITES[kind]
    columns: list[tuple[Any, ...]] | None = None
    if check is not None:
        for row in run:
            check(row)
    else:
        params = _statement(kind).params
        columns = [params(row) for row in run]
    is_missed = False
    try:
        for number, row in enumerate(run):
            if columns is not None:
                storable(columns[number])
            if not one(tables, row):
                is_missed = True
    except Clash as clash:
        raise _statement(kind).broken(run, str(clash)) from clash
    if is_missed:
        raise _statement(kind).broken(run, MISSED)


def _statement(kind: type) -> Statement:
    statement = WRITERS[kind]
    assert isinstance(statement, Statement)
    return statement
