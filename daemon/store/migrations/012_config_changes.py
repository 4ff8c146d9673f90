"""Which keys a version of the config changed, so that a list of versions need not read their texts."""

from __future__ import annotations

from typing import Any


def migrate(migrator: Any, _database: Any, **_: Any) -> None:
    migrator.sql("ALTER TABLE config_versions ADD COLUMN changed TEXT NOT NULL DEFAULT ''")


def rollback(migrator: Any, _database: Any, **_: Any) -> None:
    migrator.sql("ALTER TABLE config_versions DROP COLUMN changed")
