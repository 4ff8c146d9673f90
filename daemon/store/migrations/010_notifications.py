"""Messages that wait for a channel or were sent over one, and what somebody wrote who acknowledged an alert."""

from __future__ import annotations

from typing import Any

STATEMENTS = (
    """
    CREATE TABLE notifications (
        notification_id TEXT NOT NULL PRIMARY KEY,
        channel TEXT NOT NULL,
        type TEXT NOT NULL,
        severity TEXT NOT NULL,
        title TEXT NOT NULL,
        message TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'pending',
        attempt_count INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT '',
        create_time_ms INTEGER NOT NULL,
        due_time_ms INTEGER NOT NULL,
        send_time_ms INTEGER,
        alert_key TEXT NOT NULL DEFAULT '',
        suppressed_count INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX notifications_time ON notifications (create_time_ms)",
    "CREATE INDEX notifications_pending ON notifications (channel, due_time_ms) WHERE state = 'pending'",
    "ALTER TABLE alerts ADD COLUMN comment TEXT NOT NULL DEFAULT ''",
)


def migrate(migrator: Any, _database: Any, **_: Any) -> None:
    for statement in STATEMENTS:
        migrator.sql(statement)


def rollback(migrator: Any, _database: Any, **_: Any) -> None:
    migrator.sql("DROP TABLE notifications")
    migrator.sql("ALTER TABLE alerts DROP COLUMN comment")
