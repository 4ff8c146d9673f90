"""The audit trail: each event's hash, chained to the one before it.

Events from before have none and are not chained afterwards: there was no key when they were written, and a hash made
now would say nothing about what was done to them. The trail begins with the first event behind them.
"""

from __future__ import annotations

from typing import Any


def migrate(migrator: Any, _database: Any, **_: Any) -> None:
    migrator.sql("ALTER TABLE events ADD COLUMN hash TEXT NOT NULL DEFAULT ''")


def rollback(migrator: Any, _database: Any, **_: Any) -> None:
    migrator.sql("ALTER TABLE events DROP COLUMN hash")
    migrator.sql("DELETE FROM meta WHERE name IN ('audit_head', 'audit_base')")
