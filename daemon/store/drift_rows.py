"""Differences and bookings: columns, values to parameters, rows to values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from actors.rules.model import Trade
from actors.rules.money import ZERO
from actors.rules.records import (
    AddBooking,
    BookingKind,
    DriftKind,
    DriftResolution,
    DriftState,
    MarkBooked,
    SaveDrift,
)
from daemon.store.statements import Columns
from daemon.store.text import number, words

KINDS = words(DriftKind)
STATES = words(DriftState)
RESOLUTIONS = words(DriftResolution)
BOOKING_KINDS = words(BookingKind)

DRIFT = Columns.of(
    "drifts",
    "drift_id account symbol kind subject group_id client_order_id expected actual shortfall message",
    "create_time_ms state resolution who resolve_time_ms",
)
DRIFT_KEPT = ("account", "kind", "subject", "create_time_ms")
BOOKING = Columns.of(
    "bookings",
    "account booking_id group_id symbol kind cause amount",
    "trade_id quantity price fee fee_asset fee_value trade_time_ms time_ms",
)
MARK_BOOKED = (
    "UPDATE bookings SET booked_time_ms = ? WHERE account = ? AND booking_id = ? AND group_id = ? "
    "AND booked_time_ms IS NULL"
)
"""A share that is in the group's books already is a broken constraint: nothing is booked twice."""


def saved_drift(row: SaveDrift) -> tuple[Any, ...]:
    """Parameters in the order of `DRIFT`."""
    return (
        *(row.drift_id, row.account, row.symbol, row.kind.value, row.subject, row.group_id, row.client_order_id),
        *(row.expected, row.actual, number(row.shortfall), row.message, row.create_time_ms, row.state.value),
        *(None if row.resolution is None else row.resolution.value, row.who, row.resolve_time_ms),
    )


def read_drift(row: tuple[Any, ...]) -> SaveDrift:
    """From a row in the order of `DRIFT`."""
    drift_id, account, symbol, kind, subject, group_id, client_order_id, expected, actual, shortfall = row[:10]
    message, create_time_ms, state, resolution, who, resolve_time_ms = row[10:]
    return SaveDrift(
        drift_id=drift_id,
        account=account,
        symbol=symbol,
        kind=KINDS[kind],
        subject=subject,
        group_id=group_id,
        client_order_id=client_order_id,
        expected=expected,
        actual=actual,
        shortfall=Decimal(shortfall),
        message=message,
        create_time_ms=create_time_ms,
        state=STATES[state],
        resolution=None if resolution is None else RESOLUTIONS[resolution],
        who=who,
        resolve_time_ms=resolve_time_ms,
    )


_NO_TRADE = Trade(trade_id="", quantity=ZERO, price=ZERO, fee=ZERO, fee_asset="", fee_value=ZERO, time_ms=0)


def saved_booking(row: AddBooking) -> tuple[Any, ...]:
    """Parameters in the order of `BOOKING`."""
    trade = row.trade or _NO_TRADE
    return (
        *(row.account, row.booking_id, row.group_id, row.symbol, row.kind.value, row.cause, number(row.amount)),
        *(trade.trade_id, number(trade.quantity), number(trade.price), number(trade.fee), trade.fee_asset),
        *(number(trade.fee_value), trade.time_ms, row.time_ms),
    )


def read_booking(row: tuple[Any, ...]) -> AddBooking:
    """From a row in the order of `BOOKING`."""
    account, booking_id, group_id, symbol, kind, cause, amount = row[:7]
    trade_id, quantity, price, fee, fee_asset, fee_value, trade_time_ms, time_ms = row[7:]
    trade = Trade(
        trade_id=trade_id,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal(fee),
        fee_asset=fee_asset,
        fee_value=Decimal(fee_value),
        time_ms=trade_time_ms,
    )
    return AddBooking(
        account=account,
        booking_id=booking_id,
        group_id=group_id,
        symbol=symbol,
        kind=BOOKING_KINDS[kind],
        cause=cause,
        trade=trade if trade_id else None,
        amount=Decimal(amount),
        time_ms=time_ms,
    )


def marked(row: MarkBooked) -> tuple[Any, ...]:
    """Parameters of `MARK_BOOKED`."""
    return (row.time_ms, row.account, row.booking_id, row.group_id)
