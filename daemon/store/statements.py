"""Constant SQL from column names. Everything here runs once, at import; values travel as parameters only (SEC-4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table in the order in which values are written and read."""

    table: str
    names: tuple[str, ...]

    @classmethod
    def of(cls, table: str, *lines: str) -> Columns:
        """From lines of names with spaces between, the way the reading functions unpack them."""
        return cls(table, tuple(name for line in lines for name in line.split()))

    def insert(self) -> str:
        marks = ", ".join("?" for _ in self.names)
        return f"INSERT INTO {self.table} ({self.select()}) VALUES ({marks})"

    def upsert(self, key: Sequence[str], *, kept: Sequence[str] = (), where: str = "") -> str:
        """Insert, or update the row with the same `key`. `kept` columns keep their first value; an update happens
        only `where` that holds (the stored row by its table's name, the new one as `excluded`)."""
        changed = [name for name in self.names if name not in key and name not in kept]
        settings = ", ".join(f"{name} = excluded.{name}" for name in changed)
        condition = f" WHERE {where}" if where else ""
        return f"{self.insert()} ON CONFLICT ({', '.join(key)}) DO UPDATE SET {settings}{condition}"

    def select(self, alias: str = "") -> str:
        """The names with commas between, each behind the table's `alias` if there is one."""
        prefix = f"{alias}." if alias else ""
        return ", ".join(prefix + name for name in self.names)
