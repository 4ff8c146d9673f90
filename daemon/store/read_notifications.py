"""Queries about messages for channels."""

from __future__ import annotations

from typing import Any

from peewee import SQL, Case, fn

from actors.rules.records import NotificationState
from daemon.store import notification_rows
from daemon.store.notification_rows import NOTIFICATION, StoredNotification
from daemon.store.pages import Page, Place, cut
from daemon.store.query import RunQuery, columns, matching, older_than
from daemon.store.tables import Notification as Table

_COLUMNS = columns(Table, list(NOTIFICATION.names))
_RANK = Case(Table.severity, [("critical", 4), ("error", 3), ("warning", 2)], 1)
_PENDING = Table.state == NotificationState.PENDING.value


def list_notifications(
    rows: RunQuery, states: tuple[NotificationState, ...], channel: str, after: Place | None, size: int
) -> Page[StoredNotification]:
    """Newest first. No states: all."""
    row_id = SQL("rowid")
    query = Table.select(row_id, *_COLUMNS)
    for condition in matching([(Table.channel, channel)]):
        query = query.where(condition)
    if states:
        query = query.where(Table.state.in_([state.value for state in states]))
    if after is not None:
        query = query.where(older_than(Table.create_time_ms, row_id, after))
    found = rows(query.order_by(Table.create_time_ms.desc(), SQL("rowid DESC")).limit(size + 1))
    read = [(row[0], notification_rows.read(row[1:])) for row in found]
    return cut([(Place(item.create_time_ms, number), item) for number, item in read], size)


def pending(rows: RunQuery, channel: str, due_ms: int, most: int) -> tuple[StoredNotification, ...]:
    """Those of a channel that are due: the most serious first, then the oldest."""
    query = Table.select(*_COLUMNS).where(_PENDING, Table.channel == channel, Table.due_time_ms <= due_ms)
    found = rows(query.order_by(_RANK.desc(), Table.due_time_ms, SQL("rowid")).limit(most))
    return tuple(notification_rows.read(row) for row in found)


def least(rows: RunQuery, channel: str, most: int) -> tuple[StoredNotification, ...]:
    """Those of a channel that can best be done without: the least serious first, then the oldest."""
    query = Table.select(*_COLUMNS).where(_PENDING, Table.channel == channel)
    found = rows(query.order_by(_RANK, Table.due_time_ms, SQL("rowid")).limit(most))
    return tuple(notification_rows.read(row) for row in found)


def pending_by_channel(rows: RunQuery) -> dict[str, tuple[int, int]]:
    """How many wait for each channel, and when the first of them is due."""
    query = Table.select(Table.channel, fn.COUNT(Table.notification_id), fn.MIN(Table.due_time_ms))
    found: list[tuple[Any, ...]] = rows(query.where(_PENDING).group_by(Table.channel))
    return {channel: (count, due_ms) for channel, count, due_ms in found}


def sent_times(rows: RunQuery, channel: str, since_ms: int, most: int) -> tuple[int, ...]:
    """When messages were sent over a channel, the latest `most` of them, oldest first."""
    query = Table.select(Table.send_time_ms).where(
        Table.channel == channel, Table.create_time_ms >= since_ms - 86_400_000, Table.send_time_ms >= since_ms
    )
    found = rows(query.order_by(Table.send_time_ms.desc()).limit(most))
    return tuple(sorted(row[0] for row in found))
