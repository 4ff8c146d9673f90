"""The durable, bounded store of alerts the daemon has not acknowledged.

An own SQLite file (WAL, synchronous FULL). One thread does everything: it takes whatever waits (at most BATCH_MOST
jobs), runs it in one transaction, and answers after the commit, so that a burst costs few fsyncs. Nothing in here is
answered before it is durable (SIG-9).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from control.forwarder.alert import Alert

BATCH_MOST = 256
MAX_REFUSED = 1000
"""Alerts the daemon refused for good; the oldest give way."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS spooled (
    arrival INTEGER PRIMARY KEY, source TEXT NOT NULL, body BLOB NOT NULL, receive_time_ns INTEGER NOT NULL,
    request_id TEXT NOT NULL, sender_address TEXT NOT NULL, size_bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS spooled_by_source ON spooled (source, arrival);
CREATE TABLE IF NOT EXISTS refused (
    arrival INTEGER PRIMARY KEY, source TEXT NOT NULL, body BLOB NOT NULL, receive_time_ns INTEGER NOT NULL,
    request_id TEXT NOT NULL, sender_address TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL,
    refuse_time_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS signed (digest BLOB PRIMARY KEY, until_s INTEGER NOT NULL, answer TEXT NOT NULL) STRICT;
"""
_COLUMNS = "source, body, receive_time_ns, arrival, request_id, sender_address"


class SpoolFull(Exception):
    """The bound of the spool is reached."""


class SpoolBroken(Exception):
    """The spool cannot be written or read: disk full, file gone, permissions."""


class SpoolInUse(Exception):
    """Another forwarder has this spool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An alert the daemon refused for good."""

    alert: Alert
    reason: str
    message: str
    refuse_time_ns: int


@dataclass(slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    done: asyncio.Future[Any]


class Spool:
    """Used from one event loop; the file is touched by the spool's own thread only."""

    def __init__(self, path: Path, *, max_alerts: int, max_bytes: int) -> None:
        self.path = path
        self.max_alerts = max_alerts
        self.max_bytes = max_bytes
        self.length = 0
        """Alerts held, those being written included."""
        self.size_bytes = 0
        self.refused = 0
        self.moved_aside: Path | None = None
        """Where an unreadable spool file was put at the start, if it was."""
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock: IO[str] | None = None
        self._arrival = 0

    async def open(self) -> dict[str, int]:
        """Opens or makes the file; how many alerts each source has waiting. Raises SpoolBroken, SpoolInUse."""
        self._loop = asyncio.get_running_loop()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = self._take_lock()
            connection = self._connect()
            counts = dict(connection.execute("SELECT source, count(*) FROM spooled GROUP BY source"))
            self.length, self.size_bytes = connection.execute(
                "SELECT count(*), coalesce(sum(size_bytes), 0) FROM spooled"
            ).fetchone()
            self.refused = connection.execute("SELECT count(*) FROM refused").fetchone()[0]
            self._arrival = connection.execute(
                "SELECT max(coalesce((SELECT max(arrival) FROM spooled), 0),"
                " coalesce((SELECT max(arrival) FROM refused), 0))"
            ).fetchone()[0]
        except (OSError, sqlite3.Error) as error:
            self._drop_lock()
            raise SpoolBroken(f"{self.path}: {error}") from None
        self._thread = threading.Thread(target=self._work, args=(connection,), name="spool", daemon=True)
        self._thread.start()
        return counts

    def next_arrival(self) -> int:
        """A number above all before it; close to the clock, so that it keeps rising over restarts."""
        self._arrival = max(self._arrival + 1, time.time_ns())
        return self._arrival

    async def put(self, alert: Alert) -> None:
        """Returns once the alert is on disk. Raises SpoolFull, SpoolBroken; then it is not in the spool."""
        if self.length >= self.max_alerts or self.size_bytes + alert.size_bytes > self.max_bytes:
            raise SpoolFull
        self.length += 1
        self.size_bytes += alert.size_bytes
        row = (*_values(alert), alert.size_bytes)
        try:
            await self._do(
                lambda db: db.execute(f"INSERT INTO spooled ({_COLUMNS}, size_bytes) VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            )
        except SpoolBroken:
            self._forget(alert)
            raise

    async def waiting(self, source: str, most: int) -> list[Alert]:
        """The first `most` alerts of a source in the order of their arrival. Raises SpoolBroken."""
        sql = f"SELECT {_COLUMNS} FROM spooled WHERE source = ? ORDER BY arrival LIMIT ?"
        rows = await self._do(lambda db: db.execute(sql, (source, most)).fetchall())
        return [_alert(row) for row in rows]

    async def remove(self, alert: Alert) -> None:
        """Takes an acknowledged alert out. Raises SpoolBroken; then it will be delivered again."""
        await self._do(lambda db: db.execute("DELETE FROM spooled WHERE arrival = ?", (alert.arrival,)))
        self._forget(alert)

    async def refuse(self, refused: Refused) -> None:
        """Moves an alert from the spool to the refused ones. Raises SpoolBroken."""
        alert = refused.alert
        row = (*_values(alert), refused.reason, refused.message, refused.refuse_time_ns)

        def move(db: sqlite3.Connection) -> int:
            db.execute(
                f"INSERT OR REPLACE INTO refused ({_COLUMNS}, reason, message, refuse_time_ns)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                row,
            )
            db.execute("DELETE FROM spooled WHERE arrival = ?", (alert.arrival,))
            db.execute(
                "DELETE FROM refused WHERE arrival NOT IN (SELECT arrival FROM refused ORDER BY arrival DESC LIMIT ?)",
                (MAX_REFUSED,),
            )
            return int(db.execute("SELECT count(*) FROM refused").fetchone()[0])

        self.refused = await self._do(move)
        self._forget(alert)

    async def remember(self, digest: bytes, until_s: int, answer: str, now_s: int) -> None:
        """Keeps the answer to a signed alert until its signature is out of date. Raises SpoolBroken."""

        def keep(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM signed WHERE until_s < ?", (now_s,))
            db.execute(
                "INSERT OR REPLACE INTO signed (digest, until_s, answer) VALUES (?, ?, ?)", (digest, until_s, answer)
            )

        await self._do(keep)

    async def remembered(self, now_s: int, most: int) -> list[tuple[bytes, int, str]]:
        """The answers that still count, oldest first. Raises SpoolBroken."""
        sql = "SELECT digest, until_s, answer FROM signed WHERE until_s >= ? ORDER BY until_s DESC LIMIT ?"
        rows = await self._do(lambda db: db.execute(sql, (now_s, most)).fetchall())
        return [(bytes(digest), int(until_s), str(answer)) for digest, until_s, answer in reversed(rows)]

    async def oldest_ns(self) -> int | None:
        """When the oldest waiting alert arrived; None where none waits. Raises SpoolBroken."""
        if not self.length:
            return None
        row = await self._do(lambda db: db.execute("SELECT min(receive_time_ns) FROM spooled").fetchone())
        return None if row[0] is None else int(row[0])

    async def close(self) -> None:
        """Finishes what is under way and closes the file."""
        if self._thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        self._drop_lock()

    def _forget(self, alert: Alert) -> None:
        self.length -= 1
        self.size_bytes -= alert.size_bytes

    async def _do(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        if self._thread is None:
            raise SpoolBroken(f"{self.path} is closed")
        done: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.put(_Job(work, done))
        # Shielded: a sender that hangs up must not undo the count of what is being written.
        return await asyncio.shield(done)

    # --- the spool's own thread

    def _work(self, connection: sqlite3.Connection) -> None:
        is_open = True
        while is_open:
            job = self._jobs.get()
            batch: list[_Job] = []
            while job is not None:
                batch.append(job)
                if len(batch) == BATCH_MOST:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            is_open = job is not None
            if batch:
                self._answer(batch, _commit(connection, batch))
        connection.close()

    def _answer(self, batch: list[_Job], results: list[Any] | Exception) -> None:
        def settle() -> None:
            for index, job in enumerate(batch):
                if job.done.done():
                    continue
                if isinstance(results, Exception):
                    job.done.set_exception(SpoolBroken(f"{self.path}: {results}"))
                else:
                    job.done.set_result(results[index])

        self._loop.call_soon_threadsafe(settle)

    # --- opening

    def _take_lock(self) -> IO[str]:
        path = self.path.with_name(self.path.name + ".lock")
        opened = os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600), "r+")
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            opened.close()
            raise SpoolInUse(f"another forwarder uses {self.path}") from None
        return opened

    def _drop_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _connect(self) -> sqlite3.Connection:
        """The open file. One that is no database, or a broken one, is put aside: taking alerts goes before it."""
        try:
            return _open(self.path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
        aside = self.path.with_name(f"{self.path.name}.broken-{time.time_ns()}")
        self.path.rename(aside)
        for suffix in ("-wal", "-shm"):
            left = self.path.with_name(self.path.name + suffix)
            if left.exists():
                left.rename(aside.with_name(aside.name + suffix))
        self.moved_aside = aside
        return _open(self.path)


def read_spool(path: Path, *, most: int) -> tuple[list[Alert], list[Refused]]:
    """What waits and what was refused, oldest first, also while a forwarder runs. Raises SpoolBroken."""
    if not path.is_file():
        return [], []
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2.0)
        try:
            waiting = connection.execute(f"SELECT {_COLUMNS} FROM spooled ORDER BY arrival LIMIT ?", (most,)).fetchall()
            refused = connection.execute(
                f"SELECT {_COLUMNS}, reason, message, refuse_time_ns FROM refused ORDER BY arrival LIMIT ?", (most,)
            ).fetchall()
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise SpoolBroken(f"{path}: {error}") from None
    return [_alert(row) for row in waiting], [
        Refused(alert=_alert(row[:6]), reason=row[6], message=row[7], refuse_time_ns=row[8]) for row in refused
    ]


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2.0)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_SCHEMA)
        check = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if check != "ok":
            raise sqlite3.DatabaseError(check)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _commit(connection: sqlite3.Connection, batch: list[_Job]) -> list[Any] | Exception:
    """Runs the batch in one transaction: all of it is durable, or none and the error is returned."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        results = [job.work(connection) for job in batch]
        connection.execute("COMMIT")
    except Exception as error:  # Whatever it is: the jobs are answered and the thread lives on.
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        return error
    return results


def _values(alert: Alert) -> tuple[Any, ...]:
    return (
        alert.source,
        alert.body,
        alert.receive_time_ns,
        alert.arrival,
        alert.request_id,
        alert.sender_address,
    )


def _alert(row: tuple[Any, ...]) -> Alert:
    source, body, receive_time_ns, arrival, request_id, sender_address = row
    return Alert(
        source=source,
        body=body,
        receive_time_ns=receive_time_ns,
        arrival=arrival,
        request_id=request_id,
        sender_address=sender_address,
    )
