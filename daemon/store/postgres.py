"""Connections to PostgreSQL: how they are made and set up, what their errors mean, who holds the store.

A store is a schema of a database (the first of the connection's search path). Whoever writes to it holds an advisory
lock of its session, so the lock is gone exactly when the server has ended that session, and with it whatever it had
under way: who gets the lock after a lost connection finds every outcome settled.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
import zlib
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import RawCursor
from psycopg.abc import RV, Buffer, PQGen
from psycopg.adapt import Dumper
from psycopg.conninfo import conninfo_to_dict, make_conninfo

LEAST_SERVER = 14
"""Oldest major version that is taken."""
CONNECT_TIMEOUT_S = 5
LINK_TIMEOUT_MS = 10_000
"""After so long without a word from the server's machine a connection over the network is given up."""
LOCK_TIMEOUT_MS = 5000
"""How long the writer waits for another session that locks tables or rows of the store."""
STATEMENT_TIMEOUT_MS = 30_000
"""No statement of the writer takes nearly so long."""
READ_TIMEOUT_MS = 60_000
ANSWER_LIMIT_S = 12.0
"""A server whose network lives and that yet says nothing for so long is given up: it hangs. Longer than any lock."""
READ_ANSWER_LIMIT_S = 65.0
IDLE_IN_TRANSACTION_MS = 60_000
"""A session that fell silent inside a transaction is ended by the server: its machine is gone."""
STATEMENTS_PREPARED = 512
LOCK_CLASS = 0x54525243
"""Of our advisory locks, so that they are told from another program's."""
OLD_SESSION_LIMIT_S = 5.0
"""How long the end of our own lost session is waited for."""
GONE_WITHIN_S = 1.0
"""The session of a process that has just ended is gone by then: a start at once after a kill is not refused."""
_LOOK_S = 0.02
_LOOK_AGAIN_S = 0.1
_MOST = 2**63

_HOLDER = (
    "SELECT l.pid, coalesce(a.application_name, ''), coalesce(host(a.client_addr), '') FROM pg_locks l "
    "LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' AND l.granted "
    "AND l.classid = CAST($1 AS bigint) AND l.objid = CAST($2 AS bigint) AND l.objsubid = 2 "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
_LOCK = "SELECT pg_try_advisory_lock(CAST($1 AS int), CAST($2 AS int))"


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """Waits for an answer of the server no longer than it was told. After that it is lost like one that was cut."""

    answer_limit_s: float | None = None

    def wait(self, gen: PQGen[RV], interval: float = _LOOK_AGAIN_S, timeout: float | None = None) -> RV:
        if timeout is not None or self.answer_limit_s is None:
            return super().wait(gen, interval, timeout)
        deadline_s = time.monotonic() + self.answer_limit_s
        try:
            return super().wait(gen, interval, self.answer_limit_s)
        except psycopg.OperationalError as error:
            if error.sqlstate is not None or time.monotonic() < deadline_s:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"the server did not answer for {self.answer_limit_s:g} s") from None


class _Whole(Dumper):
    """Every whole number travels as one of 64 bits, so that a statement has one form, and none that is longer."""

    oid = 20

    def dump(self, obj: int) -> Buffer:
        if not -_MOST <= obj < _MOST:
            raise OverflowError("Python int too large to convert to SQLite INTEGER")  # One word for all stores.
        return b"%d" % obj


@dataclass(frozen=True, slots=True)
class HeldBy:
    """Another session has the store. `name` is what it calls itself: program, machine, process."""

    pid: int
    name: str
    address: str

    def __str__(self) -> str:
        where = f" from {self.address}" if self.address else ""
        return f"{self.name or 'a session without a name'}{where} (server process {self.pid})"


def new_session_name() -> str:
    """How this process calls itself at the server: for a person, and to know its own lost session again."""
    return f"terraced {socket.gethostname()[:24]}:{os.getpid()} {secrets.token_hex(6)}"


def connect(url: str, name: str, *, read_only: bool = False, durability: str = "full") -> Connection:
    """A connection that is set up, in autocommit. psycopg.Error where there can be none.

    It waits for an answer for `answer_limit_s` at most; where more is meant, set it to None.
    """
    given = conninfo_to_dict(url)
    ours: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": name,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": LINK_TIMEOUT_MS,
    }
    ours = {key: value for key, value in ours.items() if key not in given or key == "application_name"}
    connection = Connection.connect(
        make_conninfo(url, client_encoding="UTF8", **ours),
        autocommit=True,
        cursor_factory=RawCursor,
        prepare_threshold=2 if read_only else 0,
    )
    try:
        connection.answer_limit_s = READ_ANSWER_LIMIT_S if read_only else ANSWER_LIMIT_S
        connection.prepared_max = STATEMENTS_PREPARED
        connection.adapters.register_dumper(int, _Whole)
        settings = {
            "lock_timeout": LOCK_TIMEOUT_MS,
            "statement_timeout": READ_TIMEOUT_MS if read_only else STATEMENT_TIMEOUT_MS,
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_MS,
            "client_connection_check_interval": 2000,
            "default_transaction_read_only": "on" if read_only else "off",
            "default_transaction_isolation": "read committed",
            "synchronous_commit": "on" if durability == "full" else "off",
            "tcp_keepalives_idle": 5,
            "tcp_keepalives_interval": 2,
            "tcp_keepalives_count": 3,
            "client_min_messages": "warning",
            "TimeZone": "UTC",
        }
        if connection.info.server_version >= LEAST_SERVER * 10_000:
            chosen = ", ".join(f"set_config('{key}', '{value}', false)" for key, value in settings.items())
            connection.execute(f"SELECT {chosen}".encode(), prepare=False)
    except BaseException:
        connection.close()
        raise
    return connection


def schema_of(connection: Connection) -> str | None:
    """The schema the store is in; None: the search path names none that there is."""
    row = connection.execute("SELECT current_schema()").fetchone()
    found: str | None = None if row is None else row[0]
    return found


def take_lock(connection: Connection, schema: str, name: str, ending: str = "") -> HeldBy | None:
    """Takes the store for this session, or says who has it. A lost session of our own `name` is ended first, and so is
    one called `ending`."""
    key = _key(schema)
    deadline_s = time.monotonic() + OLD_SESSION_LIMIT_S
    gone_s = time.monotonic() + GONE_WITHIN_S
    while True:
        row = connection.execute(_LOCK, (LOCK_CLASS, key)).fetchone()
        if row is not None and row[0]:
            return None
        held = connection.execute(_HOLDER, (LOCK_CLASS, key % 2**32)).fetchone()
        if held is None:  # It was given back between the two questions.
            held = (0, "another session", "")
        elif held[1] in (name, ending):
            connection.execute("SELECT pg_terminate_backend(CAST($1 AS int))", (held[0],))
        elif time.monotonic() > gone_s:
            return HeldBy(*held)
        if time.monotonic() > deadline_s:
            return HeldBy(*held)
        time.sleep(_LOOK_S)


def holder(connection: Connection, schema: str) -> HeldBy | None:
    """Who has the store now; nothing is taken."""
    found = connection.execute(_HOLDER, (LOCK_CLASS, _key(schema) % 2**32)).fetchone()
    return None if found is None else HeldBy(*found)


def give_lock_back(connection: Connection, schema: str) -> None:
    """The store is free again, if this session had it."""
    connection.execute("SELECT pg_advisory_unlock(CAST($1 AS int), CAST($2 AS int))", (LOCK_CLASS, _key(schema)))


def _key(schema: str) -> int:
    return zlib.crc32(schema.encode()) - 2**31


def unique_columns(connection: Connection) -> dict[str, str]:
    """The columns of each unique index, as SQLite names them in an error: `table.a, table.b`."""
    rows = connection.execute(
        "SELECT i.relname, string_agg(t.relname || '.' || a.attname, ', ' ORDER BY k.place) FROM pg_index x "
        "JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid "
        "CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS k (attnum, place) "
        "JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum "
        "WHERE x.indisunique AND i.relnamespace = CAST(current_schema() AS regnamespace) GROUP BY i.relname"
    )
    return dict(rows.fetchall())


def is_lost(connection: Connection) -> bool:
    """Whether nothing can be said over this connection any more."""
    return connection.closed or connection.info.status != psycopg.pq.ConnStatus.OK


def words_of(error: BaseException) -> str:
    """What the server or the driver said, in one line."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return " ".join((primary or str(error) or type(error).__name__).split())
