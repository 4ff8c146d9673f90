"""Watches the lead of another daemon: is it still there, and may it be taken over?

No clock of another machine is believed. A lease has run out when it was not renewed for `TAKEOVER_AFTER_S` by our own
clock; while the store cannot be asked nothing runs out.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from daemon.store import audit_rows, postgres, postgres_lead
from daemon.store.audit import BASE, HEAD, AuditKeys, Mark
from daemon.store.dialect import to_postgres
from daemon.store.leadership import TAKEOVER_AFTER_S, Seen
from daemon.store.postgres import Connection, HeldBy
from daemon.store.postgres_migrate import has_table
from daemon.store.postgres_open import check_server, connection_refusal, place_of, use_refusal
from daemon.store.refused import Refuse, StoreRefused

NAME = "terraced standby"
ANSWER_LIMIT_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen. `is_free`: the store may be taken; `claim` says from whom, where a lease has run out."""

    is_free: bool
    seen: Seen | None = None
    holder: HeldBy | None = None
    claim: Seen | None = None
    trouble: StoreRefused | None = None
    """The store could not be asked."""


class Watch:
    """Used by one thread at a time. Blocks for as long as the server takes."""

    def __init__(self, url: str, seconds: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._place = place_of(url)
        self._seconds = seconds
        self._connection: Connection | None = None
        self._schema = ""
        self._newest: tuple[int, int] | None = None
        self._since_s = 0.0

    def look(self) -> Look:
        try:
            return self._look(self._connected())
        except Refuse as refuse:
            trouble = refuse.refused
        except (psycopg.Error, UnicodeError) as error:
            assert self._place is not None
            is_of_use = self._connection is not None and isinstance(error, psycopg.Error)
            made = use_refusal(self._place, error) if is_of_use else connection_refusal(self._place, error)  # type: ignore[arg-type]
            trouble = made.refused
        self.close()
        self._newest = None
        return Look(is_free=False, trouble=trouble)

    def fits(self, keys: AuditKeys) -> bool:
        """Whether the audit trail in the store was written under these keys, or there is none yet."""
        connection = self._connected()
        if not has_table(connection, "meta"):
            return True
        marks = audit_rows.read_marks(lambda sql, values: connection.execute(to_postgres(sql).sql, values).fetchall())
        return not marks or all(Mark.read(marks.get(name), keys) is not None for name in (HEAD, BASE))

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                connection.close()

    def _connected(self) -> Connection:
        if self._place is None:
            raise Refuse("storage.url is no URL of PostgreSQL (value not shown)", "storage.standby needs one")
        if self._connection is None:
            connection = postgres.connect(self._url, NAME, read_only=True)
            connection.answer_limit_s = ANSWER_LIMIT_S
            try:
                self._schema = check_server(connection, self._place)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _look(self, connection: Connection) -> Look:
        seen, holder = postgres_lead.look(connection), postgres.holder(connection, self._schema)
        if seen is None or not seen.is_given:
            self._newest = None
            return Look(is_free=holder is None, seen=seen, holder=holder)
        now_s, newest = self._seconds(), (seen.lead.epoch, seen.beat)
        if newest != self._newest:
            self._newest, self._since_s = newest, now_s
        has_run_out = now_s - self._since_s >= TAKEOVER_AFTER_S
        return Look(is_free=has_run_out, seen=seen, holder=holder, claim=seen if has_run_out else None)
