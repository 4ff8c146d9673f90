"""What `terraced db` does to a store in PostgreSQL: look it through, bring its schema up, take it one back.

The server keeps its own pages whole and its references true; looked at are rows that cannot be read, and the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import psycopg

from daemon.store import checks, postgres, postgres_migrate
from daemon.store.migrate import HISTORY
from daemon.store.postgres import Connection
from daemon.store.postgres_open import Place, check_server, connection_refusal, place_of, refuse_held, use_refusal
from daemon.store.postgres_read import PostgresSnapshot
from daemon.store.refused import Refuse, StoreRefused
from daemon.store.tools import Changed, Checked, Rollback, taken_back

T = TypeVar("T")

_SIZE = (
    "SELECT CAST(coalesce(sum(pg_total_relation_size(quote_ident(schemaname) || '.' || quote_ident(tablename))), 0) "
    "AS bigint) FROM pg_tables WHERE schemaname = current_schema()"
)


def check(url: str, *, full: bool, limit_s: float, migrations: Path) -> Checked | StoreRefused:
    """See `tools.check`."""

    def look(connection: Connection, place: Place, name: str) -> Checked:
        connection.answer_limit_s = None
        connection.execute(f"SET statement_timeout = {max(1, int(limit_s * 1000))}".encode())
        schema = check_server(connection, place)
        done = postgres_migrate.applied(connection)
        if not done:
            raise Refuse(f"there is no store in {place}", "It is made by the first start of the daemon")
        problems, finished = _problems(connection, full)
        return Checked(
            path=str(place),
            problems=problems,
            finished=finished,
            schema=done[-1],
            pending=postgres_migrate.pending(connection, migrations),
            unknown=postgres_migrate.unknown(connection, migrations),
            size_bytes=int(_one(connection, _SIZE)),
            engine="PostgreSQL",
            engine_version=str(connection.info.parameter_status("server_version")),
            in_use=_in_use(connection, schema, name),
        )

    return _with(url, look, read_only=True)


def migrate_store(url: str, migrations: Path) -> Changed | StoreRefused:
    """Runs the pending migrations. No copy is made: that is the server's to do, before."""

    def run(connection: Connection, place: Place, name: str) -> Changed:
        _alone(connection, place, name)
        return Changed(migrations=postgres_migrate.migrate(connection, migrations))

    return _with(url, run)


def look_at_rollback(url: str) -> Rollback | StoreRefused:
    """See `tools.look_at_rollback`."""

    def look(connection: Connection, place: Place, _: str) -> Rollback:
        done = postgres_migrate.applied(connection)
        names = sorted(postgres_migrate.tables(connection) - {HISTORY}) if len(done) == 1 else []
        counts = [(name, int(_one(connection, f'SELECT count(*) FROM "{name}"'))) for name in names]
        return Rollback(
            path=str(place),
            migration=(done or ("",))[-1],
            is_first=len(done) == 1,
            rows=tuple((name, count) for name, count in counts if count),
            is_copied=False,
        )

    return _with(url, look, read_only=True)


def rollback_store(url: str, migrations: Path, *, empty: bool, to: str = "") -> Changed | StoreRefused:
    """See `tools.rollback_store`. No copy is made."""

    def run(connection: Connection, place: Place, name: str) -> Changed:
        _alone(connection, place, name)
        done = postgres_migrate.applied(connection)
        back = taken_back(done, to)
        if isinstance(back, StoreRefused):
            raise Refuse(back.problem, back.remedy)
        if not back:
            return Changed(migrations=())
        strange = [name for name in back if name in postgres_migrate.unknown(connection, migrations)]
        if strange:
            raise Refuse(
                f"only the Terrace that ran {strange[0]} can take it back", "Run terraced db rollback of that version"
            )
        if len(back) == len(done) and not empty:
            raise Refuse(f"{done[0]} is the first migration: without it {place} is empty", "Say --yes if that is meant")
        for _ in back:
            postgres_migrate.rollback(connection, migrations)
        return Changed(migrations=back)

    return _with(url, run)


def _with(url: str, run: Callable[[Connection, Place, str], T], *, read_only: bool = False) -> T | StoreRefused:
    """What `run` does on a connection of its own; it is told the name the connection has at the server."""
    place = place_of(url)
    if place is None:
        return StoreRefused(
            problem="storage.url is no URL of PostgreSQL (value not shown)",
            remedy="Write it as postgresql://user@host:5432/database",
        )
    name = postgres.new_session_name()
    try:
        connection = postgres.connect(url, name, read_only=read_only)
    except (psycopg.Error, UnicodeError) as error:
        return connection_refusal(place, error).refused
    try:
        return run(connection, place, name)
    except Refuse as refuse:
        return refuse.refused
    except psycopg.Error as error:
        return use_refusal(place, error).refused
    finally:
        connection.close()


def _alone(connection: Connection, place: Place, name: str) -> None:
    """Takes the store for this connection, as a daemon would."""
    held = postgres.take_lock(connection, check_server(connection, place), name)
    if held is not None:
        raise refuse_held(place, held)


def _in_use(connection: Connection, schema: str, name: str) -> str:
    """Words about a daemon that has the store."""
    held = postgres.take_lock(connection, schema, name)
    return "" if held is None else f"it is in use by {held}"


def _problems(connection: Connection, full: bool) -> tuple[tuple[str, ...], bool]:
    """What is wrong, and whether everything was looked at."""
    if not full:
        return (), True
    try:
        with connection.transaction():
            for table in sorted(postgres_migrate.tables(connection)):
                connection.execute(f'SELECT count(t.*) FROM "{table}" t'.encode())
            return tuple(checks.ledger_differences(PostgresSnapshot(connection).execute)), True
    except psycopg.errors.QueryCanceled:
        return (), False
    except (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted) as error:
        return (postgres.words_of(error),), True


def _one(connection: Connection, sql: str) -> int:
    row = connection.execute(sql.encode()).fetchone()
    return 0 if row is None else int(row[0])
