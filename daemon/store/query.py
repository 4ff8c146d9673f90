"""Small parts that the reader's queries are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from peewee import SQL, ColumnBase, Expression, Field, ModelSelect

from daemon.store.pages import Place
from daemon.store.tables import Table

RunQuery = Callable[["ModelSelect[Any]"], list[tuple[Any, ...]]]
"""Runs a query, in the same snapshot each time, and answers the rows as they are stored."""


def columns(table: type[Table], names: Iterable[str]) -> list[Field[Any]]:
    return [getattr(table, name) for name in names]


def older_than(time: Field[Any], row_id: Field[Any] | SQL, place: Place) -> Expression:
    """What comes behind a place when the newest is first. Written so that an index on the time is entered there."""
    return (time <= place.time_ms) & ((time < place.time_ms) | (row_id < place.row_id))


def matching(pairs: Sequence[tuple[Field[Any], str]]) -> list[ColumnBase]:
    """One condition for each pair whose value is not empty."""
    return [field == value for field, value in pairs if value]


def within(time: Field[Any], start_ms: int | None, end_ms: int | None) -> list[ColumnBase]:
    """From `start_ms` on, before `end_ms`."""
    conditions: list[ColumnBase] = [] if start_ms is None else [time >= start_ms]
    return conditions if end_ms is None else [*conditions, time < end_ms]
