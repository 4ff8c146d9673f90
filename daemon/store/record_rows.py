"""Events, alerts, dead letters, switches, instruments, config versions: columns and values to parameters."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from actors.rules.choices import Market
from actors.rules.model import Instrument
from actors.rules.records import (
    AcknowledgeAlert,
    AddConfigVersion,
    AddDeadLetter,
    AddEvent,
    RaiseAlert,
    ResolveAlert,
    ResolveDeadLetter,
    SaveEngineState,
)
from daemon.store.signal_rows import WORLDS
from daemon.store.statements import Columns
from daemon.store.text import json_object, number, number_or_null, read_json_object, read_number_or_null, words

MARKETS = words(Market)

EVENT = Columns.of(
    "events",
    "time_ms severity category type message world account symbol timeframe signal_id group_id client_order_id",
    "attributes",
)
SAVED_EVENT = Columns("events", ("sequence", *EVENT.names))
SEALED_EVENT = Columns("events", ("sequence", *EVENT.names, "hash"))
ALERT = Columns.of(
    "alerts", "alert_key severity category message account symbol group_id count create_time_ms update_time_ms"
)
DEAD_LETTER = Columns.of("dead_letters", "dead_letter_id create_time_ms actor message_type message error attempts fact")
ENGINE_STATE = Columns.of("engine_state", "world name value who time_ms")
CONFIG_VERSION = Columns.of("config_versions", "version time_ms author source text changed")
INSTRUMENT = Columns.of(
    "instruments",
    "account symbol venue_symbol base quote market tick_size step_size min_quantity min_notional",
    "max_quantity market_min_quantity market_max_quantity market_step_size contract_size band_down band_up",
    "max_open_orders active",
    "min_price max_price buy_band_down buy_band_up sell_band_down sell_band_up",
    "max_notional market_min_notional market_max_notional exit_min_notional",
)
SAVED_INSTRUMENT = Columns("instruments", (*INSTRUMENT.names, "time_ms"))

_UNRESOLVED = "CASE WHEN alerts.resolve_time_ms IS NULL THEN {then} ELSE {otherwise} END"
_RANK = (
    "CASE {0}.severity WHEN 'critical' THEN 4 WHEN 'error' THEN 3 WHEN 'warning' THEN 2 WHEN 'info' THEN 1 ELSE 0 END"
)
_NOTED = (
    "CASE WHEN alerts.resolve_time_ms IS NULL "
    f"AND {_RANK.format('excluded')} <= {_RANK.format('alerts')} THEN alerts.{{name}} ELSE {{otherwise}} END"
)
"""What somebody said of it stands until it is resolved or gets worse."""
RAISE_ALERT = (
    f"{ALERT.insert()} ON CONFLICT (alert_key) DO UPDATE SET "
    "severity = excluded.severity, category = excluded.category, message = excluded.message, "
    "account = excluded.account, symbol = excluded.symbol, group_id = excluded.group_id, "
    f"count = {_UNRESOLVED.format(then='alerts.count + 1', otherwise='1')}, "
    f"create_time_ms = {_UNRESOLVED.format(then='alerts.create_time_ms', otherwise='excluded.create_time_ms')}, "
    f"acknowledge_time_ms = {_NOTED.format(name='acknowledge_time_ms', otherwise='NULL')}, "
    f"""acknowledged_by = {_NOTED.format(name="acknowledged_by", otherwise="''")}, """
    f"""comment = {_NOTED.format(name="comment", otherwise="''")}, """
    "resolve_time_ms = NULL, update_time_ms = excluded.update_time_ms"
)
RESOLVE_ALERT = "UPDATE alerts SET resolve_time_ms = ? WHERE alert_key = ? AND resolve_time_ms IS NULL"
ACKNOWLEDGE_ALERT = (
    "UPDATE alerts SET acknowledge_time_ms = ?, acknowledged_by = ?, comment = ? "
    "WHERE alert_key = ? AND resolve_time_ms IS NULL AND acknowledge_time_ms IS NULL"
)
ADD_DEAD_LETTER = (
    f"{DEAD_LETTER.insert()} ON CONFLICT (dead_letter_id) DO UPDATE SET attempts = dead_letters.attempts + 1, "
    "error = excluded.error, retry_time_ms = excluded.create_time_ms, resolve_time_ms = NULL, "
    "result = 'it stopped ' || excluded.actor || ' again'"
)
RESOLVE_DEAD_LETTER = (
    "UPDATE dead_letters SET attempts = attempts + 1, retry_time_ms = ?1, resolve_time_ms = ?1, result = ?2 "
    "WHERE dead_letter_id = ?3 AND resolve_time_ms IS NULL"
)


def event(row: AddEvent) -> tuple[Any, ...]:
    """Parameters in the order of `EVENT`."""
    return (
        *(row.time_ms, row.severity, row.category, row.type, row.message),
        *(None if row.world is None else row.world.value, row.account, row.symbol, row.timeframe),
        *(row.signal_id, row.group_id, row.client_order_id, json_object(row.attributes)),
    )


def read_event(row: tuple[Any, ...]) -> AddEvent:
    """From a row in the order of `EVENT`."""
    time_ms, severity, category, type_, message, world, account, symbol, timeframe = row[:9]
    signal_id, group_id, client_order_id, attributes = row[9:]
    return AddEvent(
        time_ms=time_ms,
        severity=severity,
        category=category,
        type=type_,
        message=message,
        world=None if world is None else WORLDS[world],
        account=account,
        symbol=symbol,
        timeframe=timeframe,
        signal_id=signal_id,
        group_id=group_id,
        client_order_id=client_order_id,
        attributes=read_json_object(attributes),
    )


def raised_alert(row: RaiseAlert) -> tuple[Any, ...]:
    """Parameters in the order of `ALERT`, of an alert that is raised for the first time."""
    return (
        *(row.alert_key, row.severity, row.category, row.message, row.account, row.symbol, row.group_id),
        *(1, row.time_ms, row.time_ms),
    )


def resolved_alert(row: ResolveAlert) -> tuple[Any, ...]:
    return (row.time_ms, row.alert_key)


def acknowledged_alert(row: AcknowledgeAlert) -> tuple[Any, ...]:
    return (row.time_ms, row.who, row.comment, row.alert_key)


def dead_letter(row: AddDeadLetter) -> tuple[Any, ...]:
    """Parameters in the order of `DEAD_LETTER`."""
    return (row.dead_letter_id, row.time_ms, row.actor, row.message_type, row.message, row.error, 1, row.fact)


def resolved_dead_letter(row: ResolveDeadLetter) -> tuple[Any, ...]:
    return (row.time_ms, row.result, row.dead_letter_id)


def engine_state(row: SaveEngineState) -> tuple[Any, ...]:
    """Parameters in the order of `ENGINE_STATE`."""
    return (row.world.value, row.name, row.value, row.who, row.time_ms)


def config_version(row: AddConfigVersion) -> tuple[Any, ...]:
    """Parameters in the order of `CONFIG_VERSION`."""
    return (row.version, row.time_ms, row.author, row.source, row.text, "\n".join(row.changed))


def instrument(value: Instrument, time_ms: int) -> tuple[Any, ...]:
    """Parameters in the order of `SAVED_INSTRUMENT`."""
    return (
        *(value.account, value.symbol, value.venue_symbol, value.base, value.quote, value.market.value),
        *(number(value.tick_size), number(value.step_size), number(value.min_quantity), number(value.min_notional)),
        *(number_or_null(value.max_quantity), number_or_null(value.market_min_quantity)),
        *(number_or_null(value.market_max_quantity), number_or_null(value.market_step_size)),
        *(number(value.contract_size), number_or_null(value.band_down), number_or_null(value.band_up)),
        *(value.max_open_orders, int(value.active), number_or_null(value.min_price), number_or_null(value.max_price)),
        *(number_or_null(value.buy_band_down), number_or_null(value.buy_band_up)),
        *(number_or_null(value.sell_band_down), number_or_null(value.sell_band_up)),
        *(number_or_null(value.max_notional), number_or_null(value.market_min_notional)),
        *(number_or_null(value.market_max_notional), number_or_null(value.exit_min_notional)),
        time_ms,
    )


def read_instrument_row(row: tuple[Any, ...]) -> Instrument:
    """From a row in the order of `INSTRUMENT`."""
    account, symbol, venue_symbol, base, quote, market, tick_size, step_size, min_quantity, min_notional = row[:10]
    max_quantity, market_min_quantity, market_max_quantity, market_step_size = row[10:14]
    contract_size, band_down, band_up, max_open_orders, active = row[14:19]
    min_price, max_price, buy_band_down, buy_band_up, sell_band_down, sell_band_up = row[19:25]
    max_notional, market_min_notional, market_max_notional, exit_min_notional = row[25:]
    return Instrument(
        account=account,
        symbol=symbol,
        venue_symbol=venue_symbol,
        base=base,
        quote=quote,
        market=MARKETS[market],
        tick_size=Decimal(tick_size),
        step_size=Decimal(step_size),
        min_quantity=Decimal(min_quantity),
        min_notional=Decimal(min_notional),
        max_quantity=read_number_or_null(max_quantity),
        market_min_quantity=read_number_or_null(market_min_quantity),
        market_max_quantity=read_number_or_null(market_max_quantity),
        market_step_size=read_number_or_null(market_step_size),
        contract_size=Decimal(contract_size),
        band_down=read_number_or_null(band_down),
        band_up=read_number_or_null(band_up),
        max_open_orders=max_open_orders,
        active=bool(active),
        min_price=read_number_or_null(min_price),
        max_price=read_number_or_null(max_price),
        buy_band_down=read_number_or_null(buy_band_down),
        buy_band_up=read_number_or_null(buy_band_up),
        sell_band_down=read_number_or_null(sell_band_down),
        sell_band_up=read_number_or_null(sell_band_up),
        max_notional=read_number_or_null(max_notional),
        market_min_notional=read_number_or_null(market_min_notional),
        market_max_notional=read_number_or_null(market_max_notional),
        exit_min_notional=read_number_or_null(exit_min_notional),
    )
