"""The writer's connection to a SQLite file, and the reader's snapshots of it."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from peewee import ModelSelect, PeeweeException, SqliteDatabase
from playhouse.pool import MaxConnectionsExceeded

from actors.ports import StoreFault
from daemon.store.database import open_readers, raw
from daemon.store.link import Cursor, RowBroken, Unstorable, Values
from daemon.store.lock import DirectoryLock
from daemon.store.reserve import Reserve

T = TypeVar("T")

_LAST_SEQUENCE = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'"


class DiskFull(StoreFault):
    """No room for the batch. The reserve is given up: the same batch, or an exit, fits when it is tried again."""


class SqliteCursor(sqlite3.Cursor):
    """See `link.Cursor`."""

    def execute(self, sql: str, parameters: Any = (), /) -> SqliteCursor:
        try:
            super().execute(sql, parameters)
        except sqlite3.IntegrityError as error:
            raise RowBroken(str(error)) from error
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError) as error:
            raise Unstorable(f"{type(error).__name__}: {error}") from error
        return self

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> SqliteCursor:
        try:
            super().executemany(sql, parameters)
        except sqlite3.IntegrityError as error:
            raise RowBroken(str(error)) from error
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.DataError) as error:
            raise Unstorable(f"{type(error).__name__}: {error}") from error
        return self

    def hits(self, wanted: int) -> bool:
        return self.rowcount == wanted

    def changes(self, sql: str, parameters: Any, /) -> int:
        return self.execute(sql, parameters).rowcount

    def begin_one(self) -> None:
        self.execute("SAVEPOINT one")

    def keep_one(self) -> None:
        self.execute("RELEASE one")

    def take_back_one(self) -> None:
        self.execute("ROLLBACK TO one")
        self.execute("RELEASE one")


class SqliteLink:
    """See `link.Link`."""

    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, database: SqliteDatabase, lock: DirectoryLock, reserve: Reserve) -> None:
        """`database` is connected, migrated and WAL. All three are the link's from here."""
        self._database = database
        self._directory_lock = lock
        self._reserve = reserve
        self._connection: sqlite3.Connection | None = None

    @property
    def path(self) -> Path:
        """Of the file."""
        return Path(self._database.database)

    def connected(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = raw(self._database)
            except (PeeweeException, sqlite3.Error) as error:
                raise StoreFault(f"the store cannot be opened again: {error}") from error
        return self._connection

    def write(self, work: Callable[[Cursor], T]) -> T:
        cursor = self.connected().cursor(SqliteCursor)
        cursor.execute("BEGIN IMMEDIATE")
        answer = work(cursor)
        cursor.execute("COMMIT")
        cursor.close()
        return answer

    def rows(self, sql: str, parameters: Values) -> list[tuple[Any, ...]]:
        return self.connected().execute(sql, parameters).fetchall()

    def last_sequence(self) -> int:
        found: int = self.rows(_LAST_SEQUENCE, ())[0][0]
        return found

    @property
    def on_reserve(self) -> bool:
        return self._reserve.released

    def committed(self) -> None:
        self._reserve.renew()

    def fault(self, error: Exception) -> StoreFault:
        """A full disk costs the reserve."""
        self.drop()
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and self._reserve.is_needed):
            self._reserve.release()
            return DiskFull(f"the disk is full: {error}")
        return StoreFault(f"{getattr(error, 'sqlite_errorname', type(error).__name__)}: {error}")

    def drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        try:
            self._database.close()
        except (PeeweeException, sqlite3.Error):
            self._database.dispose()

    def close(self) -> None:
        self.drop()
        self._directory_lock.release()


class SqliteSnapshot:
    """See `link.Snapshot`. One connection inside one read transaction."""

    def __init__(self, connection: sqlite3.Connection, compile_query: Any) -> None:
        self._connection = connection
        self._compile = compile_query

    def execute(self, sql: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, parameters).fetchall()

    def rows(self, query: ModelSelect[Any]) -> list[tuple[Any, ...]]:
        return self.stream(query).fetchall()

    def stream(self, query: ModelSelect[Any]) -> sqlite3.Cursor:
        sql, parameters = self._compile().sql(query).query()
        return self._connection.execute(sql, parameters)


class SqliteSource:
    """See `link.Source`. Leases a read-only connection for each snapshot."""

    def __init__(self, path: Path) -> None:
        """`path` is that of an open store."""
        self.path = path
        self.database = open_readers(path)

    def close(self) -> None:
        self.database.close_all()

    @contextmanager
    def snapshot(self) -> Iterator[SqliteSnapshot]:
        try:
            with self.database.connection_context():
                connection = raw(self.database)
                connection.execute("BEGIN")
                try:
                    yield SqliteSnapshot(connection, self.database.get_sql_context)
                finally:
                    connection.execute("ROLLBACK")
        except (sqlite3.Error, PeeweeException, MaxConnectionsExceeded) as error:
            raise StoreFault(f"the store cannot be read: {error}") from error
