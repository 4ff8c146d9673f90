"""Differences between accounts and the store, shares of what happened to whole positions, funding of groups."""

from __future__ import annotations

from typing import Any

STATEMENTS = (
    "ALTER TABLE position_groups ADD COLUMN funding TEXT NOT NULL DEFAULT '0'",
    """
    CREATE TABLE drifts (
        id INTEGER NOT NULL PRIMARY KEY,
        drift_id TEXT NOT NULL,
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        group_id TEXT NOT NULL,
        client_order_id TEXT NOT NULL,
        expected TEXT NOT NULL,
        actual TEXT NOT NULL,
        shortfall TEXT NOT NULL,
        message TEXT NOT NULL,
        create_time_ms INTEGER NOT NULL,
        state TEXT NOT NULL,
        resolution TEXT,
        who TEXT NOT NULL,
        resolve_time_ms INTEGER
    )
    """,
    "CREATE UNIQUE INDEX drifts_drift_id ON drifts (drift_id)",
    "CREATE UNIQUE INDEX drifts_standing ON drifts (account, kind, subject) WHERE state <> 'resolved'",
    "CREATE INDEX drifts_time ON drifts (create_time_ms)",
    """
    CREATE TABLE bookings (
        account TEXT NOT NULL,
        booking_id TEXT NOT NULL,
        group_id TEXT NOT NULL REFERENCES position_groups (group_id),
        symbol TEXT NOT NULL,
        kind TEXT NOT NULL,
        cause TEXT NOT NULL,
        amount TEXT NOT NULL,
        trade_id TEXT NOT NULL,
        quantity TEXT NOT NULL,
        price TEXT NOT NULL,
        fee TEXT NOT NULL,
        fee_asset TEXT NOT NULL,
        fee_value TEXT NOT NULL,
        trade_time_ms INTEGER NOT NULL,
        time_ms INTEGER NOT NULL,
        booked_time_ms INTEGER,
        PRIMARY KEY (account, booking_id, group_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX bookings_time ON bookings (account, time_ms)",
    "CREATE INDEX bookings_open ON bookings (account) WHERE booked_time_ms IS NULL",
)


def migrate(migrator: Any, _database: Any, **_: Any) -> None:
    for statement in STATEMENTS:
        migrator.sql(statement)


def rollback(migrator: Any, _database: Any, **_: Any) -> None:
    migrator.sql("DROP TABLE bookings")
    migrator.sql("DROP TABLE drifts")
    migrator.sql("ALTER TABLE position_groups DROP COLUMN funding")
