"""What a group sold beyond all that it knew to be bought, and what that brought."""

from __future__ import annotations

from typing import Any

COLUMNS = ("oversold_quantity", "oversold_proceeds")


def migrate(migrator: Any, _database: Any, **_: Any) -> None:
    for column in COLUMNS:
        migrator.sql(f"ALTER TABLE position_groups ADD COLUMN {column} TEXT NOT NULL DEFAULT '0'")


def rollback(migrator: Any, _database: Any, **_: Any) -> None:
    for column in COLUMNS:
        migrator.sql(f"ALTER TABLE position_groups DROP COLUMN {column}")
