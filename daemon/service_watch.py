"""Keeps the service manager told: ready once the accounts are reconciled, alive while every actor answers.

- `READY=1` is told when each account has been compared with its exchange, or has failed at it: one whose key is refused
  holds up nobody. Until then the manager is asked for more time, as long as the actors answer.
- `WATCHDOG=1` is told only after every actor has answered a `Ping`. One that hangs cannot be ended from inside; the
  manager ends the process, and the next one goes on from the store. Before that the stacks of all threads are logged.
  While the store is known to fail only the supervisor must answer: others wait for the store, which no restart mends.
- `STATUS=` is a line for `systemctl status`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass

import structlog

from actors.runtime import SUPERVISOR
from daemon.api.engine import Asking
from daemon.observe.health import MAX_NAMED, silent_ones
from daemon.service_notify import ServiceNotify, status

_LOG = structlog.stdlib.get_logger("terrace.system")

ROUND_S = 5.0
"""Between two looks, at most; a short watchdog makes them more frequent."""
ANSWER_LIMIT_S = 20.0
"""For every actor to answer, at most."""
LOOK_S = 0.2
"""Between two looks at accounts that are not reconciled yet."""
MORE_TIME_S = 60.0
"""Asked for with each look before it is ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What is looked at."""

    system: Asking
    names: Callable[[], Sequence[str]]
    """Actors that are alive."""
    is_store_well: Callable[[], bool]
    unreconciled: Callable[[], Awaitable[Collection[str]]]
    """Accounts that are still being compared with their exchange."""
    words: Callable[[], str]
    """How it is doing, without secrets."""
    dump: Callable[[], None]
    """Writes the stacks to the log."""


class ServiceWatch:
    """Belongs to one loop. `run` ends when it is cancelled."""

    def __init__(self, notify: ServiceNotify, watched: Watched) -> None:
        self._notify = notify
        self._watched = watched
        self._round_s = min(ROUND_S, notify.watchdog_s / 4) if notify.watchdog_s else ROUND_S
        self._answer_s = min(ANSWER_LIMIT_S, notify.watchdog_s / 2) if notify.watchdog_s else ANSWER_LIMIT_S
        self._silent: list[str] = []
        self.is_ready = False

    async def run(self) -> None:
        if not self._notify.address:
            return
        while True:
            try:
                pause_s = await self._look()
            except Exception:
                _LOG.exception("service_watch_failed")
                pause_s = self._round_s
            await asyncio.sleep(pause_s)

    def reloading(self) -> None:
        """The config is read again. Not told before it is ready: `reloaded` would make it so."""
        if self.is_ready:
            self._notify.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def reloaded(self) -> None:
        """Any thread."""
        if self.is_ready:
            self._notify.tell("READY=1", status(self._watched.words()))

    async def _look(self) -> float:
        """One round; how long to wait for the next."""
        silent = await self._silent_actors()
        self._judge(silent)
        if silent:
            words = f"hangs: no answer within {self._answer_s:.0f} s from {_listed(silent)}"
            self._notify.tell(status(words))
            return self._round_s / 2
        feed = ["WATCHDOG=1"] if self._notify.watchdog_s else []
        if self.is_ready:
            self._notify.tell(*feed, status(self._watched.words()))
            return self._round_s
        waiting = await self._watched.unreconciled()
        if waiting:
            words = f"starting: waits for {_listed(sorted(waiting))} to be reconciled"
            self._notify.tell(*feed, f"EXTEND_TIMEOUT_USEC={MORE_TIME_S * 1e6:.0f}", status(words))
            return LOOK_S
        self.is_ready = True
        self._notify.tell("READY=1", f"MAINPID={os.getpid()}", *feed, status(self._watched.words()))
        return self._round_s

    async def _silent_actors(self) -> list[str]:
        names = list(self._watched.names()) if self._watched.is_store_well() else [SUPERVISOR]
        silent = await silent_ones(self._watched.system, names, self._answer_s)
        if not self._watched.is_store_well():
            return [name for name in silent if name == SUPERVISOR]
        alive = set(self._watched.names())  # Who came to an end meanwhile is not there to answer.
        return [name for name in silent if name in alive]

    def _judge(self, silent: list[str]) -> None:
        if silent and not self._silent:
            _LOG.error("watchdog_not_fed", silent=silent[:MAX_NAMED], actors=len(silent), answer_s=self._answer_s)
            self._watched.dump()
        elif self._silent and not silent:
            _LOG.info("watchdog_fed_again")
        self._silent = silent


async def keep_standby(notify: ServiceNotify, is_waiting: Callable[[], bool]) -> None:
    """For a daemon that waits for the lead: it is started as far as it can be, and lives. Until it is cancelled."""
    pause_s = min(ROUND_S, notify.watchdog_s / 4) if notify.watchdog_s else ROUND_S
    feed = ["WATCHDOG=1"] if notify.watchdog_s else []
    is_told = False
    while notify.address:
        if is_waiting():
            ready = [] if is_told else ["READY=1", f"MAINPID={os.getpid()}", status("standby: another daemon leads")]
            notify.tell(*ready, *feed)
            is_told = True
        await asyncio.sleep(pause_s if is_told else LOOK_S)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
