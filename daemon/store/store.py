"""The one writer: `ports.Store` on a database.

A batch of commits is one transaction with one savepoint per commit. A row that breaks a constraint takes back its
commit alone; a fault of the device takes back the batch and is a `StoreFault`, after which the connection is made anew.
Which database it is, SQLite or PostgreSQL, only the link knows.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from peewee import SqliteDatabase

from actors.account_messages import AccountState
from actors.messages import RECENT_CLOSED, Answer, EventStored, PoolState, QueueState, Settle
from actors.ports import Applied, ConstraintBroken, StoreFault
from actors.risk_messages import RiskState
from actors.rules.choices import World
from actors.rules.model import Group, Key, Reason, Side
from actors.rules.records import AddEvent, Row
from actors.told import group_changed
from daemon.store import audit_rows, drift_rows, ledger, load, record_rows, risk_rows, signal_rows
from daemon.store.audit import AuditKeys, Chain, Mark
from daemon.store.link import Cursor, Link, RowBroken, Source, Unstorable
from daemon.store.lock import DirectoryLock
from daemon.store.reserve import Reserve
from daemon.store.rows import ADD_EVENT, WRITERS
from daemon.store.sqlite_link import DiskFull, SqliteLink, SqliteSource
from daemon.store.tables import RISK_RUNNING
from daemon.store.text import json_list

__all__ = ["Boot", "DiskFull", "SqlStore", "SqliteStore"]

UNSTORABLE = (ValueError, TypeError, AttributeError, KeyError, OverflowError)
"""What a value raises that no column can hold. Its commit is refused; the store goes on."""

MAX_DRIFTS = 10_000
"""Most standing differences of one account that are loaded."""
MAX_BOOKINGS = 10_000
"""Most shares of one account that are loaded, those not yet in their groups' books."""
MAX_BOOKED = 2_000
"""Ids of bookings by which what is reported again is told."""
MAX_SWITCHES = 10_000
"""Most durable switches of one world that are loaded."""
MAX_RISK_ACTIONS = 1_000
"""Most risk actions of one world that are loaded as running; there is at most one per quote currency."""
PROFITS_MS = 7 * 86_400_000
"""The ledger is read from so long before the time Pool asks with, which lies a day back: eight days."""
PRUNE_ROWS = 2000
"""Most rows one call of `prune` deletes of each table."""
NOTIFICATIONS_KEPT = 10_000
"""Messages that were sent or given up; the oldest beyond are deleted."""
DEAD_LETTERS_KEPT = 1000
CONFIG_VERSIONS_KEPT = 1000
"""The newest, the one in force among them; and, however old, those that groups were opened under which still live."""
BOOKINGS_KEPT_MS = 90 * 86_400_000
"""However short events are kept: far longer than any exchange repeats an execution or a payment, so that none is booked
twice."""
EQUITY_SPAN_MS = 3_600_000
"""Of equity as old as events that are deleted, the last snapshot of each such span stays, for the curve of years; and
the first that is complete, since the curve starts from it."""

T = TypeVar("T")

_SEQUENCE_TAKEN = "events.sequence"
"""In the words of a row that would be the second one with its sequence."""
KEEP_SEQUENCE = (
    "INSERT INTO meta (name, value) VALUES ('last_sequence', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
"""So that no sequence is used twice, also when the newest event is deleted."""
_ANSWER_OF_DRAFT = (
    f"SELECT {signal_rows.ANSWER.select()}, draft_id, final_draft_id, first_outcome, first_reason "
    "FROM signals WHERE signal_id = ?"
)
_QUEUE = (
    f"SELECT {signal_rows.WAITING.select('q')}, {signal_rows.SIGNAL.select('s')} FROM queued_signals q "
    "JOIN signals s ON s.signal_id = q.signal_id WHERE q.world = ? ORDER BY q.first_queue_time_ms, q.id"
)
_WAITING = (
    "SELECT account, symbol, timeframe, key_strategy, key_source, side, wait_reason FROM queued_signals "
    "WHERE world = ? ORDER BY first_queue_time_ms, id"
)
_RECENT = (
    f"SELECT i.idempotency_key, i.expire_time_ms, {signal_rows.ANSWER.select('s')} FROM idempotency i "
    "JOIN signals s ON s.signal_id = i.signal_id WHERE i.expire_time_ms > ? "
    "ORDER BY i.create_time_ms DESC, s.id DESC LIMIT ?"
)
_STANDING_DRIFTS = (
    f"SELECT {drift_rows.DRIFT.select()} FROM drifts WHERE account = ? AND state <> 'resolved' ORDER BY id LIMIT ?"
)
_OPEN_BOOKINGS = (
    f"SELECT {drift_rows.BOOKING.select('b')} FROM bookings b JOIN position_groups g ON g.group_id = b.group_id "
    "WHERE b.account = ? AND b.booked_time_ms IS NULL AND g.state <> 'closed' "
    "ORDER BY b.time_ms, b.booking_id, b.group_id LIMIT ?"
)
_BOOKED = (
    "SELECT booking_id FROM bookings WHERE account = ? GROUP BY booking_id "
    "ORDER BY max(time_ms) DESC, booking_id LIMIT ?"
)
_KNOWN = "SELECT client_order_id FROM orders WHERE client_order_id IN (SELECT value FROM json_each(?))"
_SWITCHES = "SELECT name, value FROM engine_state WHERE world = ? ORDER BY name LIMIT ?"
_RISK_RUNNING = (
    "SELECT action FROM risk_actions INDEXED BY risk_actions_running "
    f"WHERE world = ? AND {RISK_RUNNING} ORDER BY create_time_ms, id LIMIT ?"
)
_RISK_LAST = (
    "SELECT action FROM risk_actions INDEXED BY risk_actions_time "
    f"WHERE world = ? AND NOT {RISK_RUNNING} ORDER BY create_time_ms DESC, id DESC LIMIT 1"
)
_PRUNE = (
    (
        "DELETE FROM idempotency WHERE idempotency_key IN "
        "(SELECT idempotency_key FROM idempotency WHERE expire_time_ms <= :now_ms LIMIT :rows)"
    ),
    (
        "DELETE FROM alerts WHERE alert_key IN "
        "(SELECT alert_key FROM alerts WHERE resolve_time_ms < :events_before_ms LIMIT :rows)"
    ),
    (
        "DELETE FROM notifications WHERE notification_id IN (SELECT notification_id FROM notifications "
        "WHERE state <> 'pending' ORDER BY create_time_ms DESC LIMIT :rows OFFSET :notifications)"
    ),
    (
        "DELETE FROM dead_letters WHERE id IN "
        "(SELECT id FROM dead_letters ORDER BY id DESC LIMIT :rows OFFSET :dead_letters)"
    ),
    (
        "DELETE FROM equity WHERE (world, time_ms) IN (SELECT e.world, e.time_ms FROM equity e "
        "WHERE e.time_ms < :events_before_ms AND EXISTS (SELECT 1 FROM equity l WHERE l.world = e.world "
        "AND l.time_ms > e.time_ms AND l.time_ms < (e.time_ms / :span_ms + 1) * :span_ms) "
        "AND EXISTS (SELECT 1 FROM equity f WHERE f.world = e.world AND f.time_ms < e.time_ms "
        "AND f.equity IS NOT NULL AND f.unrealized IS NOT NULL) LIMIT :rows)"
    ),
    (
        "DELETE FROM drifts WHERE drift_id IN (SELECT drift_id FROM drifts "
        "WHERE create_time_ms < :events_before_ms AND state = 'resolved' AND resolve_time_ms < :events_before_ms "
        "ORDER BY create_time_ms LIMIT :rows)"
    ),
    (
        "DELETE FROM bookings WHERE (account, booking_id, group_id) IN (SELECT b.account, b.booking_id, b.group_id "
        "FROM bookings b JOIN position_groups g ON g.group_id = b.group_id "
        "WHERE b.time_ms < :bookings_before_ms AND g.state = 'closed' LIMIT :rows)"
    ),
    (
        "DELETE FROM config_versions WHERE version IN (SELECT c.version FROM config_versions c WHERE c.version <= "
        "(SELECT version FROM config_versions ORDER BY version DESC LIMIT 1 OFFSET :config_versions) "
        "AND NOT EXISTS (SELECT 1 FROM position_groups g WHERE g.state <> 'closed' AND c.version = "
        "(SELECT max(v.version) FROM config_versions v WHERE v.time_ms <= g.create_time_ms)) "
        "ORDER BY c.version LIMIT :rows)"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """Facts about the store as it was opened."""

    installation_id: str
    """Part of every client order id (ORD-2)."""
    boot_count: int
    """How often this store was opened; 1 the first time. What is made anew at each start can be told apart by it."""
    create_time_ms: int
    was_clean: bool
    """It was closed in peace the last time."""
    warnings: tuple[str, ...] = ()
    """What a person should know, once."""
    restored_from: str = ""
    """Name of the backup this store was restored from, at its first start; empty at every other."""
    epoch: int = 0
    """Number of this lead among daemons that share a store; 0 where there can be but one, and it was never restored."""
    copy_of: str = ""
    """Installation this store is a copy of, for a look only: it trades no real money. Empty: it is none."""


class SqlStore(ABC):
    """See `ports.Store`. Thread-safe; meant for one writer."""

    def __init__(self, link: Link, *, boot: Boot, keys: AuditKeys) -> None:
        """`link` is connected and its schema this program's; the store owns it from here. `keys`: the audit trail's."""
        self.boot = boot
        self._link = link
        self._mutex = threading.RLock()
        self._keys = keys
        self._chain: Chain | None = None
        """The audit trail's end, as committed. None: to be read from the store."""
        self._closed = False

    @property
    def on_reserve(self) -> bool:
        """The disk is full and the reserve is in use: take exits, no entries (REC-4, REC-5)."""
        return self._link.on_reserve

    # --- writing ----------------------------------------------------------------------------------

    def apply(self, batch: Sequence[tuple[str, Sequence[Row]]]) -> list[Applied]:
        with self._mutex:
            applied = self._write(lambda cursor, chain: _apply_all(cursor, batch, chain))
            self._link.committed()
            return applied

    @property
    def keys(self) -> AuditKeys:
        """Of the audit trail."""
        return self._keys

    def audit_head(self) -> Mark:
        """The audit trail's end, as committed."""
        with self._mutex:
            return self._write(lambda _, chain: chain.head)

    def go_on_under_newest_key(self, now_ms: int) -> None:
        """Before anything is committed: the audit trail names the newest key if it was written under another. Where the
        store takes no writes now the next start does it."""
        with self._mutex, contextlib.suppress(StoreFault):
            chain = self._write(lambda _, chain: chain)
            if chain.needs_new_key:
                self.apply([("audit", (audit_rows.key_changed(chain, now_ms),))])
            elif chain.begins_anew:
                event = audit_rows.broken_off(now_ms)
                self.boot = replace(self.boot, warnings=(*self.boot.warnings, event.message))
                self.apply([("audit", (event,))])

    def prune(self, now_ms: int, events_before_ms: int) -> int:
        """Deletes idempotency keys that have expired, events, resolved alerts and resolved differences from before a
        time, bookings of closed groups as old, the oldest dead letters and versions of the config over their limits,
        and thins equity from before that time: at most `PRUNE_ROWS` of each. Answers how many; call again while it is
        not 0."""
        parameters = {
            "now_ms": now_ms,
            "events_before_ms": events_before_ms,
            "rows": PRUNE_ROWS,
            "dead_letters": DEAD_LETTERS_KEPT,
            "config_versions": CONFIG_VERSIONS_KEPT,
            "notifications": NOTIFICATIONS_KEPT,
            "span_ms": EQUITY_SPAN_MS,
            "bookings_before_ms": min(events_before_ms, now_ms - BOOKINGS_KEPT_MS),
        }

        def delete(cursor: Cursor, chain: Chain) -> int:
            cursor.execute(KEEP_SEQUENCE, (str(chain.head.sequence),))
            events = audit_rows.prune(cursor, chain, events_before_ms, PRUNE_ROWS)
            return events + sum(cursor.changes(statement, parameters) for statement in _PRUNE)

        with self._mutex:
            return self._write(delete)

    def close(self) -> None:
        """Ends in peace: the next start will not have to check the file. Harmless to repeat."""
        with self._mutex:
            if self._closed:
                return
            try:
                self._write(lambda cursor, _: cursor.execute("UPDATE meta SET value = '1' WHERE name = 'clean'"))
            except StoreFault:
                pass  # The store stays marked as not closed in peace, and the next start checks it.
            finally:
                self._closed = True
                self._link.close()

    def _write(self, work: Callable[[Cursor, Chain], T]) -> T:
        """Runs `work` in one transaction; it gets the audit trail's end, which gives events their sequences."""
        link = self._open_link()
        try:
            if self._chain is None:
                self._chain = audit_rows.load_chain(link.rows, self._keys, link.last_sequence())
            before = self._chain

            def sealed(cursor: Cursor) -> tuple[T, Chain]:
                chain = before.copy()
                answer = work(cursor, chain)
                for mark in chain.unwritten():
                    cursor.execute(audit_rows.SAVE_MARK, mark)
                return answer, chain

            answer, self._chain = link.write(sealed)
            return answer
        except link.errors as error:
            self._chain = None
            raise link.fault(error) from error
        except RowBroken as error:
            self._chain = None
            raise link.fault(error) from error
        except StoreFault:
            self._chain = None
            raise
        except BaseException:  # An unforeseen error must not leave a transaction behind.
            self._chain = None
            link.drop()
            raise

    # --- loading ----------------------------------------------------------------------------------

    def load_group(self, group_id: str) -> Group | None:
        with self._mutex:
            return next(iter(load.load_groups(self._rows, [group_id])), None)

    def live_group_ids(self, world: World | None = None) -> list[str]:
        with self._mutex:
            return load.live_group_ids(self._rows, world)

    def live_groups(self) -> list[Group]:
        with self._mutex:
            return load.load_groups(self._rows, load.live_group_ids(self._rows))

    def load_pool(self, world: World, recent_limit: int, now_ms: int) -> PoolState:
        with self._mutex:
            groups = load.load_groups(self._rows, load.live_group_ids(self._rows, world), open_only=True)
            recent = list(self._rows(_RECENT, (now_ms, recent_limit)))
            return PoolState(
                groups=tuple(group_changed(group) for group in groups),
                settings_of={group.group_id: group.settings for group in groups},
                instrument_of={group.group_id: group.instrument for group in groups},
                waiting=dict(_read_waiting(row) for row in self._rows(_WAITING, (world.value,))),
                recent=tuple((row[0], signal_rows.read_answer(row[2:]), row[1]) for row in reversed(recent)),
                switches=dict(self._rows(_SWITCHES, (world.value, MAX_SWITCHES))),
                profits=ledger.profits(self._rows, world, now_ms - PROFITS_MS),
                realized=ledger.realized_by_quote(self._rows, world),
                recent_closed=ledger.recent_closed(self._rows, world, RECENT_CLOSED),
            )

    def load_account(self, account: str, client_order_ids: Sequence[str] = ()) -> AccountState:
        with self._mutex:
            group_ids = load.live_group_ids_of_account(self._rows, account)
            known = self._rows(_KNOWN, (json_list(client_order_ids),)) if client_order_ids else ()
            booked = [name for (name,) in self._rows(_BOOKED, (account, MAX_BOOKED))]
            return AccountState(
                account=account,
                groups=tuple(load.load_groups(self._rows, group_ids, open_only=True)),
                drifts=tuple(map(drift_rows.read_drift, self._rows(_STANDING_DRIFTS, (account, MAX_DRIFTS)))),
                bookings=tuple(map(drift_rows.read_booking, self._rows(_OPEN_BOOKINGS, (account, MAX_BOOKINGS)))),
                booked_ids=tuple(reversed(booked)),
                known_ids=frozenset(name for (name,) in known),
            )

    def load_queue(self, world: World) -> QueueState:
        with self._mutex:
            return QueueState(entries=tuple(signal_rows.read_queued(row) for row in self._rows(_QUEUE, (world.value,))))

    def load_risk(self, world: World) -> RiskState:
        with self._mutex:
            running = self._rows(_RISK_RUNNING, (world.value, MAX_RISK_ACTIONS))
            last = next(iter(self._rows(_RISK_LAST, (world.value,))), None)
            return RiskState(
                actions=tuple(risk_rows.read_action(text) for (text,) in running),
                last=None if last is None else risk_rows.read_action(last[0]),
            )

    def draft_answer(self, settle: Settle) -> Answer | None:
        """A signal may have been decided twice, first to wait and then for good: each draft gets its own answer."""
        with self._mutex:
            row = next(iter(self._rows(_ANSWER_OF_DRAFT, (settle.signal_id,))), None)
        if row is None or not settle.draft_id:
            return None
        *answer, draft_id, final_draft_id, first_outcome, first_reason = row
        decided_later = answer[1] != first_outcome
        if settle.draft_id == final_draft_id or (settle.draft_id == draft_id and not decided_later):
            return signal_rows.read_answer(tuple(answer))
        if settle.draft_id == draft_id:
            return signal_rows.read_answer((settle.signal_id, first_outcome, first_reason, "", ""))
        return None

    # --- the connection ---------------------------------------------------------------------------

    @abstractmethod
    def source(self) -> Source:
        """Where a reader beside this store has its snapshots from. For the caller to close."""

    def _rows(self, sql: str, parameters: tuple[Any, ...]) -> Iterable[tuple[Any, ...]]:
        link = self._open_link()
        try:
            return link.rows(sql, parameters)
        except link.errors as error:
            raise link.fault(error) from error

    def _open_link(self) -> Link:
        if self._closed:
            raise StoreFault("the store is closed")
        return self._link


class SqliteStore(SqlStore):
    """On a SQLite file."""

    _link: SqliteLink

    def __init__(
        self, database: SqliteDatabase, *, boot: Boot, lock: DirectoryLock, reserve: Reserve, keys: AuditKeys
    ) -> None:
        """`database` is connected, migrated and WAL. The store owns all of them from here."""
        super().__init__(SqliteLink(database, lock, reserve), boot=boot, keys=keys)

    def source(self) -> Source:
        return SqliteSource(self._link.path)

    def _connected(self) -> sqlite3.Connection:
        self._open_link()
        return self._link.connected()


def _apply_all(cursor: Cursor, batch: Sequence[tuple[str, Sequence[Row]]], chain: Chain) -> list[Applied]:
    """One savepoint per commit (rule 11). Behind a broken commit nothing of its author is taken (rule 4)."""
    applied: list[Applied] = []
    fenced: set[str] = set()
    for author, rows in batch:
        if author in fenced:
            applied.append(Applied(broken=ConstraintBroken("fenced", f"an earlier commit of {author} was refused")))
            continue
        one = _apply_one(cursor, rows, chain)
        if one.broken is not None:
            fenced.add(author)
        applied.append(one)
    return applied


def _apply_one(cursor: Cursor, rows: Sequence[Row], chain: Chain) -> Applied:
    head = chain.head
    cursor.begin_one()
    try:
        events = _write(cursor, rows, chain)
    except ConstraintBroken as error:
        broken = error
    except RowBroken as error:
        if _SEQUENCE_TAKEN in str(error):
            raise  # The trail's end is another than we know: it has to be read anew.
        broken = ConstraintBroken("row", str(error))
    except Unstorable as error:
        broken = ConstraintBroken("value", str(error))
    except UNSTORABLE as error:
        broken = ConstraintBroken("value", f"{type(error).__name__}: {error}")
    else:
        cursor.keep_one()
        return Applied(events=events)
    chain.take_back(head)
    cursor.take_back_one()
    return Applied(broken=broken)


def _write(cursor: Cursor, rows: Sequence[Row], chain: Chain) -> tuple[EventStored, ...]:
    """Writes rows in order, runs of one type together. Events get their sequences of the audit trail: one is never used
    twice, also after old events are deleted."""
    events: list[EventStored] = []
    start, count = 0, len(rows)
    while start < count:
        kind = type(rows[start])
        end = start + 1
        while end < count and type(rows[end]) is kind:
            end += 1
        run = rows[start:end]
        if kind is AddEvent:
            for row in run:
                values = record_rows.event(row)  # type: ignore[arg-type]
                sequence, digest = chain.seal(values)
                cursor.execute(ADD_EVENT, (sequence, *values, digest))
                events.append(EventStored(sequence=sequence, event=row))
        else:
            WRITERS[kind](cursor, run)
        start = end
    return tuple(events)


def _read_waiting(row: tuple[Any, ...]) -> tuple[Key, tuple[Side, Reason]]:
    account, symbol, timeframe, strategy, source, side, wait_reason = row
    key = Key(account=account, symbol=symbol, timeframe=timeframe, strategy=strategy, source=source)
    return key, (signal_rows.SIDES[side], signal_rows.REASONS[wait_reason])
