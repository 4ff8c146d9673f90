"""A copy of a store in PostgreSQL, written as a store in SQLite of the same schema: one file that any installation can
verify, look into and start on.

It is read in one repeatable-read transaction, so it is one moment's state; writers neither wait for it nor break it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from itertools import islice
from pathlib import Path

import psycopg
from peewee import PeeweeException

from daemon.store import migrate, postgres, postgres_migrate
from daemon.store.backup import CopyFailed, Moment, Rest, StoreFacts, facts_of
from daemon.store.database import open_writer, raw
from daemon.store.postgres import Connection

PORTION = 500
"""Rows that are fetched and written between two rests."""
ROW_BYTES = 300
"""About what a row takes, for who rests by size."""

_UNTIMED = (
    b"SELECT set_config('statement_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false)"
)
_BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SIZE = (
    b"SELECT CAST(coalesce(sum(pg_total_relation_size(quote_ident(schemaname) || '.' || quote_ident(tablename))), 0) "
    b"AS bigint) FROM pg_tables WHERE schemaname = current_schema()"
)


class PostgresSnapshotter:
    """Of the store `url` names."""

    engine = "sqlite"
    """What is written, whatever it was read from."""

    def __init__(self, url: str) -> None:
        self._url = url

    def size_bytes(self) -> int:
        with contextlib.closing(self._connect()) as connection:
            row = connection.execute(_SIZE).fetchone()
            return int(row[0]) if row else 0

    def begin(self) -> Moment:
        connection = self._connect()
        try:
            connection.answer_limit_s = None
            connection.execute(_UNTIMED)
            connection.execute(_BEGIN)
            return _PostgresMoment(connection, postgres_migrate.applied(connection))  # It is decided by this read.
        except psycopg.Error as error:
            connection.close()
            raise _failed(error) from None

    def _connect(self) -> Connection:
        try:
            return postgres.connect(self._url, postgres.new_session_name(), read_only=True)
        except (psycopg.Error, UnicodeError) as error:
            raise _failed(error) from None


class _PostgresMoment:
    def __init__(self, connection: Connection, applied: tuple[str, ...]) -> None:
        self._connection = connection
        self._applied = applied

    def copy(self, target: Path, rest: Rest) -> StoreFacts:
        if self._applied != migrate.known():
            raise CopyFailed("the store in PostgreSQL has another schema than this program")
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            _make_schema(target)
            with closing(sqlite3.connect(target, isolation_level=None)) as writing:
                writing.execute("PRAGMA journal_mode = DELETE")
                writing.execute("PRAGMA synchronous = OFF")
                writing.execute("BEGIN")
                for table in sorted(postgres_migrate.tables(self._connection) - {migrate.HISTORY}):
                    self._copy_table(table, writing, rest)
                writing.execute("COMMIT")
        except psycopg.Error as error:
            raise _failed(error) from None
        except (PeeweeException, sqlite3.Error) as error:
            raise CopyFailed(f"the copy of the store cannot be written: {error}") from error
        return facts_of(target)

    def _copy_table(self, table: str, writing: sqlite3.Connection, rest: Rest) -> None:
        names = [row[1] for row in writing.execute("SELECT * FROM pragma_table_info(?)", (table,))]
        if not names:
            raise CopyFailed(f"the store in PostgreSQL has a table of another program ({table})")
        columns = ", ".join(f'"{name}"' for name in names)
        marks = ", ".join("?" for _ in names)
        writing.execute(f'DELETE FROM "{table}"')
        with self._connection.cursor() as cursor:
            rows = cursor.stream(f'SELECT {columns} FROM "{table}"'.encode())
            while portion := list(islice(rows, PORTION)):
                writing.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', portion)
                rest(len(portion) * ROW_BYTES)

    def close(self) -> None:
        with contextlib.suppress(psycopg.Error):
            self._connection.close()


def _make_schema(target: Path) -> None:
    database = open_writer(target, "normal")
    try:
        migrate.migrate(database)
        raw(database).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        database.close()


def _failed(error: BaseException) -> CopyFailed:
    return CopyFailed(f"the store in PostgreSQL cannot be copied: {postgres.words_of(error)}")
