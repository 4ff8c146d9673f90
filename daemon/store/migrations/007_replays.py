"""Which stored signal a signal is a repetition of, sent by a person (SIG-11)."""

from __future__ import annotations

from typing import Any


def migrate(migrator: Any, _database: Any, **_: Any) -> None:
    migrator.sql("ALTER TABLE signals ADD COLUMN replay_of TEXT NOT NULL DEFAULT ''")


def rollback(migrator: Any, _database: Any, **_: Any) -> None:
    migrator.sql("ALTER TABLE signals DROP COLUMN replay_of")
