"""What an order is being amended to, until that is certain (ORD-9)."""

from __future__ import annotations

from typing import Any

COLUMNS = ("wanted_price TEXT", "wanted_quantity TEXT", "amend_time_ms INTEGER")


def migrate(migrator: Any, _database: Any, **_: Any) -> None:
    for column in COLUMNS:
        migrator.sql(f"ALTER TABLE orders ADD COLUMN {column}")


def rollback(migrator: Any, _database: Any, **_: Any) -> None:
    for column in reversed(COLUMNS):
        migrator.sql(f"ALTER TABLE orders DROP COLUMN {column.partition(' ')[0]}")
