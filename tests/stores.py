"""Which database the stores of the tests are in: SQLite, or PostgreSQL with `TERRACE_TEST_STORE=postgres`.

A store is named by its folder. In PostgreSQL the folder's store is a database of its own, on the server that the tests
start; its URL is kept in the folder, so that another process finds the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon.store.dialect import to_postgres
from daemon.store.read import Reader

KIND = os.environ.get("TERRACE_TEST_STORE", "sqlite")
IS_POSTGRES = KIND == "postgres"
"""Of the test that runs: the mark `store` can choose otherwise."""
SQLITE_URL = "sqlite:///terrace.db"
_URL_FILE = "store.url"
_made: list[str] = []
"""Databases of this process, oldest first."""
_emptied: list[str] = []
"""Those that were used and can be used again: to make one takes ten times as long as to empty it."""


def url_of(folder: Path) -> str:
    """The `storage.url` of the store in this data directory."""
    if not IS_POSTGRES:
        return SQLITE_URL
    file = folder / _URL_FILE
    if file.exists():
        return file.read_text()
    url = new_postgres()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.write_text(url)
    file.chmod(0o600)
    return url


def new_postgres() -> str:
    """The URL of a new, empty database. Skips the test where there is no server."""
    from tests import postgres

    server = postgres.server()
    name = _emptied.pop() if _emptied else server.new_database()
    _made.append(name)
    return server.url(name)


def count_made() -> int:
    return len(_made)


def give_back(first: int) -> None:
    """The databases this process uses, from the place `first` on, are not needed any more."""
    _end(_made[first:])
    del _made[first:]


@contextmanager
def outliving() -> Iterator[Callable[[], None]]:
    """Databases made within outlive the test that made them, as what several tests share must. They are given back by
    a call of what is yielded, after it.
    """
    first, names = len(_made), list[str]()
    yield lambda: _end(names)
    names += _made[first:]
    del _made[first:]


def _end(names: Sequence[str]) -> None:
    if names:
        from tests import postgres

        for name in names:
            if postgres.server().emptied(name):
                _emptied.append(name)
            else:
                postgres.server().drop_database(name)


def rows(folder: Path, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """What the folder's store answers to a question in SQL, over a connection of its own."""
    with Opened(folder) as connection:
        return connection.rows(sql, parameters)


@contextmanager
def snapshot(folder: Path) -> Iterator[Callable[[str], Iterable[dict[str, Any]]]]:
    """Asks the folder's store, as it is at one moment; rows by the names of their columns."""
    with Opened(folder) as connection:
        connection.rows("BEGIN ISOLATION LEVEL REPEATABLE READ" if IS_POSTGRES else "BEGIN")
        yield connection.named


def is_made(folder: Path) -> bool:
    """Whether a daemon has made the folder's store."""
    if IS_POSTGRES:
        return rows(folder, "SELECT to_regclass('meta')") != [(None,)] and bool(rows(folder, "SELECT 1 FROM meta"))
    return (folder / "terrace.db").exists()


def refer(folder: Path, other: Path) -> None:
    """The store of `folder` is also that of `other`, where it is on a server."""
    if IS_POSTGRES:
        (other / _URL_FILE).write_text(url_of(folder))


def reader_of(folder: Path) -> Reader:
    """Reads the folder's store, which a daemon or another has open."""
    if IS_POSTGRES:
        from daemon.store.postgres_open import source_of

        return Reader(source_of(url_of(folder)))
    return Reader(folder / "terrace.db")


class Opened:
    """A connection to the folder's store past all that guards it; what is done is committed at once."""

    def __init__(self, folder: Path) -> None:
        self._connection: Any
        if IS_POSTGRES:
            import psycopg

            self._connection = psycopg.connect(url_of(folder), autocommit=True, cursor_factory=psycopg.RawCursor)
        else:
            import sqlite3

            self._connection = sqlite3.connect(folder / "terrace.db", isolation_level=None, timeout=30)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        cursor = self._connection.execute(to_postgres(sql).sql if IS_POSTGRES else sql, tuple(parameters))
        found: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
        return found

    def named(self, sql: str) -> list[dict[str, Any]]:
        cursor = self._connection.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]
