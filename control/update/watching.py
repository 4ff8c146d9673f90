"""Watches a daemon that was just started until it is as well as the one before it, and for a while longer."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from control.config_file import ConfigFault
from control.errors import ClientError
from control.session import Session
from control.target import TargetFlags
from control.update import seen
from control.update.hands import Hands
from control.update.refused import StepFailed

PAUSE_S = 0.25
SETTLES_S = 45.0
"""So long after the daemon serves, with no account on its way any more, all must be as it was."""
STAYS_BAD_S = 5.0
"""What is amiss for a moment only, once it was well, is no reason to go back."""
SPOOL_S = 60.0
"""Alerts that waited are handed over within this."""


class HasEnded(StepFailed):
    """The process that was started is gone."""


class Watch:
    """Of one start. `look_now` answers the engine as plain values, or raises ClientError."""

    def __init__(
        self,
        config: str,
        hands: Hands,
        before: Mapping[str, Any],
        *,
        version: str = "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._config, self._hands, self._before = config, hands, before
        self._version = version
        """That must be the one that answers; empty: whichever."""
        self._clock, self._sleep = clock, sleep
        self._is_serving = self._is_under_way = False

    def until_ready(self, limit_s: float) -> None:
        """StepFailed with what is amiss; HasEnded at once where the process has ended."""
        deadline = self._clock() + limit_s
        while True:
            amiss = self._amiss()
            if not amiss:
                return
            if self._is_serving and not self._is_under_way:
                deadline = min(deadline, self._clock() + SETTLES_S)
            if trouble := self._hands.trouble():
                raise HasEnded(trouble)
            if self._clock() > deadline:
                raise StepFailed(f"it does not become well: {'; '.join(amiss)}")
            self._sleep(PAUSE_S)

    def for_a_while(self, span_s: float) -> None:
        """StepFailed if it does not stay well."""
        end, bad_since = self._clock() + span_s, None
        while True:
            if trouble := self._hands.trouble():
                raise HasEnded(trouble)
            amiss, now = self._amiss(), self._clock()
            bad_since = (now if bad_since is None else bad_since) if amiss else None
            if bad_since is not None and now - bad_since > STAYS_BAD_S:
                raise StepFailed(f"no longer well: {'; '.join(amiss)}")
            if now > end and not amiss:
                return
            self._sleep(PAUSE_S)

    def _amiss(self) -> list[str]:
        """What is not as it was; empty: all is well."""
        run = Session(flags=TargetFlags(config=self._config))
        try:
            self._is_serving = run.client.is_serving()
            if not self._is_serving:
                return ["the daemon is not ready yet"]
            return self._compared(run)
        except ClientError as error:
            return [error.message]
        except ConfigFault as fault:
            return [str(fault)]
        finally:
            run.close()

    def _compared(self, run: Session) -> list[str]:
        if not self._before and not self._version:
            return []
        now = seen.look(run)
        self._is_under_way = seen.is_under_way(now)
        if self._version and now["version"] != self._version:
            return [f"a daemon of version {now['version'] or 'unknown'} answers, not of {self._version}"]
        if not self._before:
            return []
        found = seen.worse(self._before, now)
        for name, group in self._before["groups"].items():
            other = now["groups"].get(name) or seen.one_group(run, name)
            found += seen.group_faults(name, group, other)
            if len(found) > seen.MAX_NAMED:
                break
        return found

    def until_drained(self, spool: Path, limit_s: float = SPOOL_S) -> None:
        """Until what waited in the forwarder's spool at this moment has been handed over."""
        newest = _bound(spool, "max")
        deadline = self._clock() + limit_s
        while newest is not None:
            oldest = _bound(spool, "min")
            if oldest is None or oldest > newest:
                return
            if trouble := self._hands.trouble():
                raise HasEnded(trouble)
            if self._clock() > deadline:
                raise StepFailed(f"alerts still wait in {spool}: they are not taken")
            self._sleep(PAUSE_S)


def _bound(spool: Path, which: str) -> int | None:
    """The first or last arrival that waits; None: nothing does, or there is no forwarder here. StepFailed where that
    cannot be read.
    """
    if not spool.is_file():
        return None
    try:
        with closing(sqlite3.connect(f"{spool.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'spooled'").fetchone() is None:
                return None
            row = connection.execute(f"SELECT {which}(arrival) FROM spooled").fetchone()
    except sqlite3.Error as error:
        raise StepFailed(f"the forwarder's spool {spool} cannot be read: {error}") from None
    return None if row is None or row[0] is None else int(row[0])
