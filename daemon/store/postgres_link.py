"""The writer's connection to PostgreSQL.

A batch is sent in one go (a pipeline) and committed in a second: two round trips, however many rows it has. If a row of
it breaks a constraint, or hits nothing where it had to, the transaction is taken back and the batch is done over
statement by statement, each commit in a savepoint: that tells which one it was, and refuses it alone (rule 11).

A connection that is lost before COMMIT was sent has changed nothing: the batch is done over on a new one. Lost while
COMMIT was under way, the server is asked on a new connection what became of that transaction; whoever is let in there
holds the store's lock, so the lost session has ended, and the answer is final (rule 9).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import psycopg
from psycopg import errors as pg

from actors.ports import StoreFault
from daemon.store import postgres
from daemon.store.dialect import to_postgres
from daemon.store.leadership import Fenced
from daemon.store.link import Cursor, RowBroken, Unstorable, Values
from daemon.store.lock import DirectoryLock
from daemon.store.postgres import Connection
from daemon.store.postgres_lead import FENCE

T = TypeVar("T")

_LAST_SEQUENCE = (
    "SELECT greatest((SELECT coalesce(max(sequence), 0) FROM events), "
    "(SELECT coalesce(max(CAST(value AS bigint)), 0) FROM meta WHERE name = 'last_sequence'))"
)
_TRANSACTION = "SELECT CAST(pg_current_xact_id_if_assigned() AS text)"
_STATUS = "SELECT pg_xact_status(CAST($1 AS xid8))"
_BOOT_COUNT = "SELECT value FROM meta WHERE name = 'boot_count'"


_OF_ROWS = (psycopg.IntegrityError, psycopg.DataError, psycopg.ProgrammingError, pg.ProgramLimitExceeded)
"""Errors of a row rather than of the device."""


class _Again(Exception):
    """The quick way does not do: the batch must be done step by step."""


def _told(error: psycopg.Error, unique: Mapping[str, str]) -> Exception:
    """The error as `link` knows it; itself where it is the device's."""
    table, column = error.diag.table_name, error.diag.column_name
    if isinstance(error, pg.UniqueViolation):
        name = error.diag.constraint_name or ""
        return RowBroken(f"UNIQUE constraint failed: {unique.get(name, name)}")
    if isinstance(error, pg.ForeignKeyViolation):
        return RowBroken("FOREIGN KEY constraint failed")
    if isinstance(error, pg.NotNullViolation):
        return RowBroken(f"NOT NULL constraint failed: {table}.{column}")
    if isinstance(error, psycopg.IntegrityError):
        return RowBroken(postgres.words_of(error))
    is_drivers = error.sqlstate is None and isinstance(error, psycopg.ProgrammingError | psycopg.NotSupportedError)
    if is_drivers or isinstance(error, psycopg.DataError | pg.ProgramLimitExceeded):
        return Unstorable(f"{type(error).__name__}: {postgres.words_of(error)}")
    return error


class StepCursor:
    """See `link.Cursor`. One statement, one answer."""

    def __init__(self, connection: Connection, unique: Mapping[str, str]) -> None:
        self._cursor = connection.cursor()
        self._unique = unique
        self._count = 0

    def execute(self, sql: str, parameters: Any = (), /) -> StepCursor:
        statement = to_postgres(sql)
        try:
            self._cursor.execute(statement.sql, statement.values(parameters))
        except psycopg.Error as error:
            raise _told(error, self._unique) from error
        self._count = self._cursor.rowcount
        return self

    def executemany(self, sql: str, parameters: Iterable[Values], /) -> StepCursor:
        count = 0
        for values in parameters:
            self.execute(sql, values)
            count += self._count
        self._count = count
        return self

    def hits(self, wanted: int) -> bool:
        return self._count == wanted

    def changes(self, sql: str, parameters: Any, /) -> int:
        self.execute(sql, parameters)
        return self._count

    def fetchone(self) -> Any:
        return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    def begin_one(self) -> None:
        self._cursor.execute("SAVEPOINT one")

    def keep_one(self) -> None:
        self._cursor.execute("RELEASE one")

    def take_back_one(self) -> None:
        self._cursor.execute("ROLLBACK TO one")
        self._cursor.execute("RELEASE one")


class QuickCursor:
    """See `link.Cursor`. Statements are sent without waiting; what they were to hit is looked at in the end."""

    def __init__(self, connection: Connection, pipeline: psycopg.Pipeline) -> None:
        self._connection = connection
        self._pipeline = pipeline
        self._run: list[psycopg.Cursor[tuple[Any, ...]]] = []
        self._wanted: list[tuple[list[psycopg.Cursor[tuple[Any, ...]]], int]] = []

    def execute(self, sql: str, parameters: Any = (), /) -> QuickCursor:
        statement = to_postgres(sql)
        self._run = [self._send(statement.sql, statement.values(parameters))]
        return self

    def executemany(self, sql: str, parameters: Iterable[Values], /) -> QuickCursor:
        text = to_postgres(sql).sql
        self._run = [self._send(text, values) for values in parameters]
        return self

    def _send(self, sql: str, values: Values) -> psycopg.Cursor[tuple[Any, ...]]:
        try:
            return self._connection.cursor().execute(sql, values)
        except psycopg.Error as error:
            if error.sqlstate is None and isinstance(error, psycopg.DataError | psycopg.ProgrammingError):
                raise Unstorable(str(error)) from error  # Of the value; nothing was sent.
            raise

    def hits(self, wanted: int) -> bool:
        self._wanted.append((self._run, wanted))
        return True

    def changes(self, sql: str, parameters: Any, /) -> int:
        """The answer is needed at once: what was sent is waited for."""
        self.execute(sql, parameters)
        self._pipeline.sync()
        return self._run[0].rowcount

    def fetchone(self) -> Any:
        return self._run[0].fetchone()

    def fetchall(self) -> list[Any]:
        return self._run[0].fetchall()

    def begin_one(self) -> None:
        """A batch that has to be taken back in part is done over."""

    def keep_one(self) -> None:
        """See `begin_one`."""

    def take_back_one(self) -> None:
        raise _Again

    def check(self) -> None:
        """After everything was answered."""
        for cursors, wanted in self._wanted:
            if sum(cursor.rowcount for cursor in cursors) != wanted:
                raise _Again


class PostgresLink:
    """See `link.Link`."""

    errors: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(
        self,
        connection: Connection,
        *,
        url: str,
        name: str,
        schema: str,
        durability: str,
        boot_count: int,
        epoch: int,
        lock: DirectoryLock,
    ) -> None:
        """`connection` holds the store's lock as `name`, and its schema is this program's. It leads as `epoch`."""
        self._connection: Connection | None = connection
        self._url = url
        self._name = name
        self._schema = schema
        self._durability = durability
        self._boot_count = boot_count
        self._epoch = epoch
        self._directory_lock = lock
        self._unique = postgres.unique_columns(connection)

    def connected(self) -> Connection:
        """The connection, made anew if it was lost. StoreFault where that cannot be."""
        if self._connection is None:
            try:
                self._connection = self._connect()
            except psycopg.Error as error:
                raise StoreFault(f"the store cannot be reached: {postgres.words_of(error)}") from error
        return self._connection

    def _connect(self) -> Connection:
        connection = postgres.connect(self._url, self._name, durability=self._durability)
        try:
            if postgres.schema_of(connection) != self._schema:
                raise StoreFault(f"the schema {self._schema} of the store is gone")
            held = postgres.take_lock(connection, self._schema, self._name)
            if held is not None and held.name == self._name:
                raise StoreFault(f"the server has not ended the lost session of this daemon yet: {held}")
            if held is not None:
                raise Fenced(f"another daemon has taken the store: {held}")
            boot = connection.execute(_BOOT_COUNT).fetchone()
            if boot is None or int(boot[0]) != self._boot_count:
                raise Fenced("another daemon has used the store since: stop this one")
        except BaseException:
            connection.close()
            raise
        return connection

    # --- writing ----------------------------------------------------------------------------------

    def write(self, work: Callable[[Cursor], T]) -> T:
        """See `link.Link`. `Fenced` where another daemon leads: nothing of the batch is written."""

        def fenced(cursor: Cursor) -> T:
            cursor.execute(FENCE, (self._epoch,))
            if not cursor.hits(1):
                raise Fenced(f"another daemon leads: this one's epoch {self._epoch} is over")
            return work(cursor)

        try:
            return self._write(fenced)
        except Fenced:
            self.drop()
            raise

    def _write(self, work: Callable[[Cursor], T]) -> T:
        for is_last in (False, True):
            connection = self.connected()
            try:
                answer, transaction = self._run(connection, work)
            except psycopg.Error:
                if is_last or not postgres.is_lost(connection):
                    raise
                self.drop()  # It was lost before COMMIT was sent: nothing has changed.
                continue
            if self._commit(connection, transaction):
                return answer
        raise StoreFault("the connection to the store was lost twice in a row; the batch was not committed")

    def _run(self, connection: Connection, work: Callable[[Cursor], T]) -> tuple[T, str]:
        """Everything but the commit; the transaction's id too, empty if it wrote nothing."""
        done = self._quickly(connection, work)
        if done is None:
            connection.execute("ROLLBACK")
            connection.execute("BEGIN")
            answer = work(StepCursor(connection, self._unique))
            done = answer, connection.execute(_TRANSACTION)
        answer, transaction = done
        row = transaction.fetchone()
        return answer, "" if row is None else row[0] or ""

    def _quickly(
        self, connection: Connection, work: Callable[[Cursor], T]
    ) -> tuple[T, psycopg.Cursor[tuple[Any, ...]]] | None:
        """None where it must be done step by step: that will tell which row it was."""
        done: tuple[T, psycopg.Cursor[tuple[Any, ...]]] | None = None
        first: psycopg.Error | None = None
        try:
            with connection.pipeline() as pipeline:
                try:
                    quick = QuickCursor(connection, pipeline)
                    quick.execute("BEGIN")
                    done = work(quick), connection.cursor().execute(_TRANSACTION)
                except psycopg.Error as error:
                    first = error
                except _Again:
                    done = None
            quick.check()
        except psycopg.Error as error:
            first = first or error
        except _Again:
            return None
        if first is None:
            return done
        if not postgres.is_lost(connection) and isinstance(first, _OF_ROWS):
            return None
        raise first

    def _commit(self, connection: Connection, transaction: str) -> bool:
        """False: the connection was lost and the transaction with it. StoreFault where nobody can say."""
        try:
            said = connection.execute("COMMIT").statusmessage
        except psycopg.Error:
            if not postgres.is_lost(connection):
                raise
            self.drop()
            return self._became_of(transaction) == "committed"
        if said != "COMMIT":
            raise psycopg.OperationalError(f"the server answered COMMIT with {said}")
        return True

    def _became_of(self, transaction: str) -> str:
        """Of a transaction whose session is over: `committed` or `aborted`. StoreFault if nobody can say."""
        if not transaction:
            return "committed"  # It wrote nothing.
        row = self.connected().execute(_STATUS, (transaction,)).fetchone()
        status = "" if row is None else row[0] or ""
        if status not in ("committed", "aborted"):
            raise StoreFault(f"the connection was lost with a commit under way, which is {status or 'forgotten'}")
        return status

    def rows(self, sql: str, parameters: Values) -> list[tuple[Any, ...]]:
        statement = to_postgres(sql)
        connection = self.connected()
        try:
            return connection.execute(statement.sql, statement.values(parameters)).fetchall()
        except psycopg.Error:
            if not postgres.is_lost(connection):
                raise
        self.drop()
        return self.connected().execute(statement.sql, statement.values(parameters)).fetchall()

    def last_sequence(self) -> int:
        found: int = self.rows(_LAST_SEQUENCE, ())[0][0]
        return found

    # --- the rest ---------------------------------------------------------------------------------

    @property
    def on_reserve(self) -> bool:
        """The server's disk is its own care: when it is full, commits fail."""
        return False

    def committed(self) -> None:
        """Nothing is kept back here."""

    def fault(self, error: Exception) -> StoreFault:
        self.drop()
        name = type(error).__name__
        return StoreFault(f"{name}: {postgres.words_of(error)}")

    def drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                connection.close()

    def close(self) -> None:
        self.drop()
        self._directory_lock.release()
