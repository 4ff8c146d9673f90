"""The reader's snapshots of a PostgreSQL store: a small pool of read-only connections."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from peewee import ModelSelect, SqliteDatabase

from actors.ports import StoreFault
from daemon.store import postgres
from daemon.store.database import MAX_READERS, READER_WAIT_S
from daemon.store.dialect import to_postgres
from daemon.store.postgres import Connection

IDLE_LIMIT_S = 300.0
"""A connection that was not used for so long is closed rather than used again."""
_COMPILER = SqliteDatabase(None)
"""Turns the reader's queries into text, which `dialect` then puts into PostgreSQL's words. Never connected."""
_NOBODY = "\U0010ffff"
"""No text holds it. PostgreSQL takes no NUL, so what is asked for with one is not there."""
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class PostgresSnapshot:
    """See `link.Snapshot`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        statement = to_postgres(sql)
        values = [_asked(value) for value in statement.values(parameters)]
        return self._connection.execute(statement.sql, values).fetchall()

    def rows(self, query: ModelSelect[Any]) -> list[tuple[Any, ...]]:
        sql, parameters = _compiled(query)
        return self.execute(sql, tuple(parameters))

    def stream(self, query: ModelSelect[Any]) -> Iterable[tuple[Any, ...]]:
        sql, parameters = _compiled(query)
        with self._connection.cursor() as cursor:
            yield from cursor.stream(to_postgres(sql).sql, [_asked(value) for value in parameters])


def _compiled(query: ModelSelect[Any]) -> tuple[str, list[Any]]:
    context: Any = _COMPILER.get_sql_context()
    sql, parameters = context.sql(query).query()
    return sql, parameters


def _asked(value: Any) -> Any:
    return value.replace("\0", _NOBODY) if isinstance(value, str) and "\0" in value else value


class PostgresSource:
    """See `link.Source`."""

    def __init__(self, connect: Callable[[], Connection], *, size: int = MAX_READERS, wait_s: float = READER_WAIT_S):
        """`connect` makes a read-only connection."""
        self._connect = connect
        self._wait_s = wait_s
        self._places = threading.BoundedSemaphore(size)
        self._mutex = threading.Lock()
        self._idle: list[tuple[float, Connection]] = []
        """Since when, the longest idle first."""
        self._closed = False

    @contextmanager
    def snapshot(self) -> Iterator[PostgresSnapshot]:
        if not self._places.acquire(timeout=self._wait_s):
            raise StoreFault(f"the store cannot be read: every reader was busy for {self._wait_s:g} s")
        connection: Connection | None = None
        try:
            connection = self._begin()
            yield PostgresSnapshot(connection)
        except psycopg.Error as error:
            raise StoreFault(f"the store cannot be read: {postgres.words_of(error)}") from error
        finally:
            if connection is not None:
                self._give_back(connection)
            self._places.release()

    def close(self) -> None:
        with self._mutex:
            self._closed = True
            idle, self._idle = self._idle, []
        for _, connection in idle:
            _close(connection)

    def _begin(self) -> Connection:
        """A connection inside a snapshot: one that was used before if there is one that still lives."""
        while True:
            with self._mutex:
                since_s, connection = self._idle.pop() if self._idle else (0.0, None)
            if connection is None:
                connection = self._connect()
                connection.execute(_BEGIN)
                return connection
            if time.monotonic() - since_s < IDLE_LIMIT_S:
                try:
                    connection.execute(_BEGIN)
                    return connection
                except psycopg.Error:
                    pass  # The server was restarted, or ended it.
            _close(connection)

    def _give_back(self, connection: Connection) -> None:
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            _close(connection)
            return
        old: list[Connection] = []
        now_s = time.monotonic()
        with self._mutex:
            if self._closed:
                old.append(connection)
            else:
                self._idle.append((now_s, connection))
                while self._idle and now_s - self._idle[0][0] > IDLE_LIMIT_S:
                    old.append(self._idle.pop(0)[1])
        for each in old:
            _close(each)


def _close(connection: Connection) -> None:
    with contextlib.suppress(psycopg.Error):
        connection.close()
