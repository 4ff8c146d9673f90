"""The leader's lease: without it nothing is sent to an exchange.

A thread of its own renews it in the store. What counts is when the newest renewal that succeeded was begun, by a clock
that runs on while the process or the machine stands still: so a leader that was frozen finds its lease run out at the
first look, before anything leaves.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Protocol

import psycopg
import structlog

from daemon.store import postgres, postgres_lead
from daemon.store.leadership import BEAT_S, LEASE_S
from daemon.store.postgres import Connection

_LOG = structlog.stdlib.get_logger("terrace.system")

ANSWER_LIMIT_S = 2.0
"""A renewal that takes longer is given up and begun anew on another connection."""
STOP_LIMIT_S = 6.0


def standing_clock_s() -> float:
    """Seconds that nobody sets, and that pass while the machine sleeps, where the system counts those."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Renewal(Protocol):
    """How a lease is renewed in the store. Used by one thread."""

    def beat(self) -> bool:
        """False: another daemon leads. OSError where the store does not answer."""

    def hand_back(self) -> None: ...

    def close(self) -> None: ...


class PostgresRenewal:
    """Over a connection of its own, so that no long batch holds it up."""

    def __init__(self, url: str, epoch: int) -> None:
        self._url = url
        self._epoch = epoch
        self._connection: Connection | None = None

    def beat(self) -> bool:
        try:
            return postgres_lead.beat(self._connected(), self._epoch)
        except psycopg.Error as error:
            self.close()
            raise OSError(postgres.words_of(error)) from error

    def hand_back(self) -> None:
        with contextlib.suppress(psycopg.Error):
            postgres_lead.hand_back(self._connected(), self._epoch)

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error):
                connection.close()

    def _connected(self) -> Connection:
        if self._connection is None:
            name = f"terraced lease {self._epoch}"
            connection = postgres.connect(self._url, name, durability="normal")
            connection.answer_limit_s = ANSWER_LIMIT_S
            self._connection = connection
        return self._connection


class Lease:
    """`may_send` from any thread. `on_lost` is called once, from the lease's thread, when another daemon leads;
    `on_change` with words when the lease cannot be renewed, with none when it can again."""

    def __init__(
        self,
        renewal: Renewal,
        *,
        on_lost: Callable[[], None],
        on_change: Callable[[str], None] = lambda _words: None,
        seconds: Callable[[], float] = standing_clock_s,
    ) -> None:
        self._renewal = renewal
        self._on_lost = on_lost
        self._on_change = on_change
        self._seconds = seconds
        self._until_s = float("-inf")
        self._is_lost = False
        self._is_troubled = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def start(self) -> None:
        """Gives the lease and keeps it. Blocks for the first beat: what begins now need not find it missing."""
        self.renew()
        self._thread.start()

    def may_send(self) -> str:
        """Empty: something may leave now. Else why not."""
        if self._is_lost:
            return "another daemon leads; nothing was sent"
        if self._seconds() >= self._until_s:
            return "the lead was not confirmed by the store in time; nothing was sent"
        return ""

    def renew(self) -> None:
        """One beat."""
        start_s = self._seconds()
        try:
            is_ours = self._renewal.beat()
        except OSError as error:
            self._note(str(error))
            return
        if not is_ours:
            self._is_lost = True
            return
        self._until_s = start_s + LEASE_S
        self._note("")

    def _note(self, problem: str) -> None:
        words = problem if problem and self._seconds() >= self._until_s else ""
        if bool(words) == self._is_troubled:
            return
        self._is_troubled = bool(words)
        if words:
            words = f"the store does not confirm the lead ({words}): no order is sent until it does"
            _LOG.error(words)
        else:
            _LOG.info("the store confirms the lead again")
        self._on_change(words)

    def _run(self) -> None:
        while not self._ending.is_set():
            self.renew()
            if self._is_lost:
                _LOG.critical("another daemon has taken the lead")
                self._on_lost()
                return
            self._ending.wait(BEAT_S)

    def stop(self) -> None:
        """Nothing is sent any more, and nothing will be written: who waits may take over at once."""
        self._ending.set()
        self._until_s = float("-inf")
        if self._thread.ident is not None:
            self._thread.join(STOP_LIMIT_S)
        if not self._thread.is_alive():
            if not self._is_lost:
                self._renewal.hand_back()
            self._renewal.close()
