"""Opens a store in PostgreSQL for the daemon: connection, version, lock, schema. What stands in the way is a value."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict

from daemon.store import migrate, postgres, postgres_lead, postgres_migrate
from daemon.store.audit import AuditKeys
from daemon.store.leadership import BEAT_S, TAKEOVER_AFTER_S, Lead, Wish
from daemon.store.link import Source
from daemon.store.lock import DirectoryLock
from daemon.store.postgres import Connection, HeldBy
from daemon.store.postgres_link import PostgresLink
from daemon.store.postgres_read import PostgresSource
from daemon.store.refused import Refuse, StoreRefused
from daemon.store.store import Boot, SqlStore

READERS_NAME = "terraced reader"
_SAVE_FACT = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the store is, in words without a password."""

    host: str
    database: str
    user: str

    def __str__(self) -> str:
        return f"{self.database} at {self.host}"


class PostgresStore(SqlStore):
    """On a PostgreSQL server."""

    _link: PostgresLink

    def __init__(self, link: PostgresLink, *, boot: Boot, keys: AuditKeys, url: str, lead: Lead) -> None:
        super().__init__(link, boot=boot, keys=keys)
        self._url = url
        self.lead = lead

    def source(self) -> Source:
        return source_of(self._url)

    def _connected(self) -> Connection:
        self._open_link()
        return self._link.connected()


def source_of(url: str) -> Source:
    """The reader's snapshots of the store at this URL."""
    return PostgresSource(lambda: postgres.connect(url, READERS_NAME, read_only=True))


def place_of(url: str) -> Place | None:
    """What the URL says, completed as the driver would; None: it is no URL of PostgreSQL."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return None
    host = str(given.get("host") or given.get("hostaddr") or "the local socket")
    port = given.get("port")
    user = str(given.get("user") or "")
    return Place(f"{host}:{port}" if port else host, str(given.get("dbname") or user or "?"), user)


def open_postgres(
    url: str,
    durability: str,
    lock: DirectoryLock,
    keys: AuditKeys,
    now_ms: int,
    installation_id: Callable[[], str],
    migrations: Path,
    wish: Wish | None = None,
) -> PostgresStore:
    """The store at `url`, brought to this program's schema, locked for this process. Raises `Refuse`.

    With a `wish` to lead that holds a claim, what the claim names is taken over; without, the store must be free.

    `lock` is that of the data directory; it is the store's from here, or stays the caller's after `Refuse`.
    """
    place = place_of(url)
    if place is None:
        raise Refuse(
            "storage.url is no URL of PostgreSQL (value not shown)", "Write it as postgresql://user@host:5432/database"
        )
    name = postgres.new_session_name()
    try:
        connection = postgres.connect(url, name, durability=durability)
    except (psycopg.Error, UnicodeError) as error:
        raise connection_refusal(place, error) from error
    try:
        schema = check_server(connection, place)
        wish = wish or Wish(address="")
        lead = _take(connection, place, schema, name, wish, now_ms)
        boot = _bring_up(connection, place, now_ms, installation_id, migrations)
        lead = lead or postgres_lead.begin(connection, name, wish, now_ms)
        link = PostgresLink(
            connection,
            url=url,
            name=name,
            schema=schema,
            durability=durability,
            boot_count=boot.boot_count,
            epoch=lead.epoch,
            lock=lock,
        )
    except psycopg.Error as error:
        connection.close()
        raise use_refusal(place, error) from error
    except BaseException:
        connection.close()
        raise
    return PostgresStore(link, boot=replace(boot, epoch=lead.epoch), keys=keys, url=url, lead=lead)


def _take(connection: Connection, place: Place, schema: str, name: str, wish: Wish, now_ms: int) -> Lead | None:
    """Takes the store's lock; the lead, too, where one is taken over. Raises `Refuse`."""
    if wish.claim is not None:
        lead = postgres_lead.take_over(connection, schema, name, wish, now_ms)
        if isinstance(lead, Lead):
            return lead
        raise refuse_held(place, lead or HeldBy(0, wish.claim.lead.leader, ""))
    held = postgres.take_lock(connection, schema, name)
    if held is None:
        held = _still_leading(connection)
    if held is not None:
        raise refuse_held(place, held)
    return None


def _still_leading(connection: Connection) -> HeldBy | None:
    """The lock is free and yet a lease may run: its leader lost its session, not its life. Waits until that is told."""
    seen = postgres_lead.look(connection)
    limit_s = time.monotonic() + TAKEOVER_AFTER_S
    while seen is not None and seen.is_given and time.monotonic() < limit_s:
        time.sleep(BEAT_S)
        now = postgres_lead.look(connection)
        if now != seen and now is not None and now.is_given:
            return HeldBy(0, now.lead.leader, "")
        seen = now
    return None


def connection_refusal(place: Place, error: BaseException) -> Refuse:
    """Why there is no connection. The driver tells these apart by nothing but the server's words."""
    words = postgres.words_of(error)
    said = words.rpartition("FATAL:")[2].strip()
    if "password" in said:
        return Refuse(
            f"PostgreSQL at {place.host} did not take the password of {place.user or 'the user'}: {said}",
            "Check the URL that storage.url refers to; it holds the password",
        )
    if "role" in said and "does not exist" in said:
        return Refuse(
            f"PostgreSQL at {place.host} knows no such user: {said}",
            f"Create it there: CREATE ROLE {place.user} LOGIN PASSWORD '...'",
        )
    if "database" in said and "does not exist" in said:
        return Refuse(
            f"PostgreSQL at {place.host} has no database {place.database}",
            f"Create it there: CREATE DATABASE {place.database} OWNER {place.user or 'terrace'} ENCODING 'UTF8' "
            "TEMPLATE template0",
        )
    if "pg_hba.conf" in said:
        return Refuse(
            f"PostgreSQL at {place.host} does not let this machine in: {said}",
            "Add a line for this user and address to its pg_hba.conf, then reload it",
        )
    if "too many" in said or "connection slots" in said:
        return Refuse(f"PostgreSQL at {place.host} has no room for another connection: {said}", "Raise max_connections")
    return Refuse(
        f"PostgreSQL at {place.host} cannot be reached: {words}",
        "Start the server, or check host and port of storage.url",
    )


def use_refusal(place: Place, error: psycopg.Error) -> Refuse:
    """Why the store cannot be used although there is a connection."""
    words = postgres.words_of(error)
    if isinstance(error, pg.InsufficientPrivilege):
        who = place.user or "its user"
        return Refuse(
            f"{who} may not do everything in {place}: {words}",
            f"Make it the owner: ALTER DATABASE {place.database} OWNER TO {who}; GRANT ALL ON SCHEMA public TO {who}",
        )
    if isinstance(error, pg.DiskFull):
        return Refuse(f"the disk of {place} is full: {words}", "Free some space there; nothing of the store is lost")
    if isinstance(error, pg.LockNotAvailable):
        return Refuse(f"another program keeps tables of {place} locked: {words}", "Close it and start again")
    return Refuse(f"{place} cannot be used: {words}", "Look into the log of the server; terraced db check tells more")


def refuse_held(place: Place, held: HeldBy) -> Refuse:
    return Refuse(
        f"the store {place} is in use by {held}",
        "Stop that daemon, or give this one a database of its own; storage.standby: true waits to take over",
        is_held=True,
    )


def check_server(connection: Connection, place: Place) -> str:
    """The schema the store is in. Raises `Refuse` where this server or database does not do."""
    version = connection.info.server_version // 10_000
    if version < postgres.LEAST_SERVER:
        raise Refuse(
            f"PostgreSQL at {place.host} is version {version}, Terrace needs {postgres.LEAST_SERVER} or newer",
            "Upgrade the server",
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise Refuse(
            f"the database {place} keeps its texts in {encoding}",
            f"Create one for Terrace: CREATE DATABASE {place.database} ENCODING 'UTF8' TEMPLATE template0",
        )
    if connection.info.parameter_status("in_hot_standby") == "on":
        raise Refuse(f"{place} is a copy that cannot be written to", "Name the primary server in storage.url")
    schema = postgres.schema_of(connection)
    if schema is None:
        raise Refuse(f"no schema of the search path is there in {place}", "Create it there: CREATE SCHEMA ...")
    return schema


def _bring_up(
    connection: Connection, place: Place, now_ms: int, installation_id: Callable[[], str], migrations: Path
) -> Boot:
    warnings: list[str] = []
    done = postgres_migrate.applied(connection)
    strange = postgres_migrate.tables(connection) - {migrate.HISTORY}
    if not done and strange:
        raise Refuse(
            f"the database {place} holds tables of another program ({min(strange)})",
            "Give Terrace a database of its own",
        )
    newer = postgres_migrate.unknown(connection, migrations)
    if newer:
        ours = migrate.known(migrations)[-1]
        raise Refuse(
            f"{place} was written by a newer Terrace (its schema is {newer[-1]}, this one knows {ours})",
            "Install that version or a later one, take the migration back with it (terraced db rollback), "
            "or restore a backup of before",
        )
    if done and postgres_migrate.pending(connection, migrations):
        warnings.append("the schema was changed; PostgreSQL keeps no copy of before: backups are yours to make")
    postgres_migrate.migrate(connection, migrations)
    return _boot(connection, now_ms, installation_id, not done, warnings)


def _boot(
    connection: Connection, now_ms: int, installation_id: Callable[[], str], is_new: bool, warnings: list[str]
) -> Boot:
    """Counts the start and marks the store as in use, in one commit."""
    known: dict[str, str] = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    was_clean = is_new or known.get("clean", "1") == "1"
    facts = {
        "installation_id": known.get("installation_id") or installation_id(),
        "create_time_ms": known.get("create_time_ms") or str(now_ms),
        "boot_count": str(int(known.get("boot_count", "0")) + 1),
        "clean": "0",
    }
    with connection.transaction():
        for fact in facts.items():
            connection.execute(_SAVE_FACT, fact)
    if not was_clean:
        warnings.append("the store was not closed in peace the last time; PostgreSQL has repaired what it had to")
    for name in ("fsync", "full_page_writes"):
        row = connection.execute(f"SHOW {name}".encode()).fetchone()
        if row is not None and row[0] == "off":
            warnings.append(f"the server runs with {name} off: a power cut can damage the store")
    return Boot(
        installation_id=facts["installation_id"],
        boot_count=int(facts["boot_count"]),
        create_time_ms=int(facts["create_time_ms"]),
        was_clean=was_clean,
        warnings=tuple(warnings),
    )


__all__ = ["PostgresStore", "StoreRefused", "open_postgres", "place_of"]
