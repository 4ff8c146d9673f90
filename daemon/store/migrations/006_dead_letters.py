"""What a dead letter needs to be handed out once more, and what came of that (REC-2)."""

from __future__ import annotations

from typing import Any

COLUMNS = ("fact TEXT NOT NULL DEFAULT ''", "result TEXT NOT NULL DEFAULT ''")


def migrate(migrator: Any, _database: Any, **_: Any) -> None:
    for column in COLUMNS:
        migrator.sql(f"ALTER TABLE dead_letters ADD COLUMN {column}")


def rollback(migrator: Any, _database: Any, **_: Any) -> None:
    for column in reversed(COLUMNS):
        migrator.sql(f"ALTER TABLE dead_letters DROP COLUMN {column.partition(' ')[0]}")
