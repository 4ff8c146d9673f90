"""Who leads among daemons that share a store, and its lease. One row each; in SQLite none: one file, one daemon."""

from __future__ import annotations

from typing import Any

STATEMENTS = (
    """
    CREATE TABLE leadership (
        place INTEGER NOT NULL PRIMARY KEY CHECK (place = 1),
        epoch INTEGER NOT NULL,
        leader TEXT NOT NULL,
        address TEXT NOT NULL,
        since_ms INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE leases (
        place INTEGER NOT NULL PRIMARY KEY CHECK (place = 1),
        epoch INTEGER NOT NULL,
        beat INTEGER NOT NULL,
        is_given INTEGER NOT NULL
    )
    """,
)


def migrate(migrator: Any, _database: Any, **_: Any) -> None:
    for statement in STATEMENTS:
        migrator.sql(statement)


def rollback(migrator: Any, _database: Any, **_: Any) -> None:
    migrator.sql("DROP TABLE leases")
    migrator.sql("DROP TABLE leadership")
