"""What the daemon notices about itself all the time: too much to do, and a clock that jumps (REC-4, REC-5).

Each is shown in the status, raised as an alert with a line in the event log, and resolved when it has passed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog

from actors.ports import Clock
from actors.runtime import kind_of
from daemon.api.admission import Admission
from daemon.api.condition import Condition
from daemon.notes import Notes

_LOG = structlog.stdlib.get_logger("terrace.system")

ROUND_S = 0.5
OVERLOAD, MAILBOX, CLOCK = "overload", "mailbox", "clock_jumped"
CALM_MS = 10_000
"""Overload is over when so long nothing was turned away."""
DEEP_MESSAGES = 5_000
"""A mailbox with so many messages is an alarm: its actor does not keep up."""
SHALLOW_MESSAGES = 500
"""It is over when no mailbox has more than these."""
BEHIND_MESSAGES = 2_000
"""With so many in the mailbox of a Pool, a Queue or the Journal no entry is let in: exits wait behind them all."""
BEHIND_MS = 500
"""The same where an alert waits so long at the door."""
FAR_BEHIND_MS = 1_500
"""With so long it is at once; with less, three times in a row: the alerts at the close of a bar are no flood."""
BEHIND_ROUNDS = 3
CAUGHT_UP_MS = 100
ON_THE_WAY = frozenset({"pool", "queue", "journal"})
"""Whom every signal passes."""
JUMP_MS = 2_000
"""The clock jumped if it went so much further than time did, or so much less."""
JUMP_SHOWN_MS = 600_000
"""A jump is shown for so long."""


class OverloadWatch:
    """Told every round: what admission has turned away, and how deep the mailboxes are."""

    def __init__(self, admission: Admission, condition: Condition, notes: Notes, now_ms: Callable[[], int]) -> None:
        self._admission = admission
        self._condition = condition
        self._notes = notes
        self._now_ms = now_ms
        self._seen = 0
        self._first = 0
        self._last_ms = 0
        self._is_shedding = False
        self._is_deep = False
        self._late_rounds = 0

    def look(self, depths: Mapping[str, int], door_ms: int = 0) -> None:
        """`door_ms`: what a call waits before it is looked at."""
        self._judge_entries(depths, door_ms)
        self._judge_shedding()
        self._judge_mailboxes(depths)

    def _judge_entries(self, depths: Mapping[str, int], door_ms: int) -> None:
        self._admission.door_s = door_ms / 1000
        deepest, depth = _deepest({name: depth for name, depth in depths.items() if kind_of(name) in ON_THE_WAY})
        self._late_rounds = self._late_rounds + 1 if door_ms >= BEHIND_MS else 0
        if depth >= BEHIND_MESSAGES:
            self._admission.behind = f"{deepest} has {depth} messages before it"
        elif self._late_rounds >= BEHIND_ROUNDS or door_ms >= FAR_BEHIND_MS:
            self._admission.behind = f"calls wait {door_ms} ms before they are looked at"
        elif depth <= SHALLOW_MESSAGES and door_ms <= CAUGHT_UP_MS:
            self._admission.behind = ""

    def _judge_shedding(self) -> None:
        admission, now_ms = self._admission, self._now_ms()
        if admission.shed > self._seen:
            if not self._is_shedding:
                self._first = self._seen
            self._seen, self._last_ms = admission.shed, now_ms
            turned_away = admission.shed - self._first
            words = (
                f"too much to do: {turned_away} signals were turned away since it began, entries before exits; "
                "nothing of them is stored, their senders repeat them"
            )
            self._condition.trouble(OVERLOAD, words)
            if not self._is_shedding:
                self._is_shedding = True
                _LOG.warning("overloaded", in_flight=admission.in_flight, behind=admission.behind)
                self._notes.raise_alert(OVERLOAD, "error", "system", words)
        elif self._is_shedding and not 0 <= now_ms - self._last_ms < CALM_MS:
            self._is_shedding = False
            self._condition.mended(OVERLOAD)
            words = f"overload is over: {admission.shed - self._first} signals were turned away"
            _LOG.info("overload_over", turned_away=admission.shed - self._first)
            self._notes.commit(
                self._notes.resolved(OVERLOAD), self._notes.event("system", "info", "system.overload_over", words)
            )

    def _judge_mailboxes(self, depths: Mapping[str, int]) -> None:
        name, depth = _deepest(depths)
        if depth >= DEEP_MESSAGES:
            words = f"{name} does not keep up: {depth} messages wait in its mailbox"
            self._condition.trouble(f"{MAILBOX}/{kind_of(name)}", words)
            if not self._is_deep:
                self._is_deep = True
                _LOG.warning("mailbox_deep", actor=name, waiting=depth)
                self._notes.raise_alert(MAILBOX, "warning", "system", words)
        elif self._is_deep and depth <= SHALLOW_MESSAGES:
            self._is_deep = False
            for trouble in self._condition.broken:
                if trouble.name.startswith(f"{MAILBOX}/"):
                    self._condition.mended(trouble.name)
            self._notes.commit(self._notes.resolved(MAILBOX))


def _deepest(depths: Mapping[str, int]) -> tuple[str, int]:
    return max(depths.items(), key=lambda item: item[1], default=("", 0))


class ClockWatch:
    """Told every round: the clock of the day beside one that cannot be set."""

    def __init__(self, condition: Condition, notes: Notes) -> None:
        self._condition = condition
        self._notes = notes
        self._ahead_ms: int | None = None
        self._shown_until_ms = 0

    def look(self, wall_ms: int, steady_ms: int) -> None:
        ahead_ms, before = wall_ms - steady_ms, self._ahead_ms
        self._ahead_ms = ahead_ms
        if before is not None and abs(ahead_ms - before) >= JUMP_MS:
            self._jumped(ahead_ms - before, steady_ms)
        elif self._shown_until_ms and steady_ms >= self._shown_until_ms:
            self._shown_until_ms = 0
            self._condition.mended(CLOCK_TROUBLE)
            self._notes.commit(self._notes.resolved(CLOCK))

    def _jumped(self, by_ms: int, steady_ms: int) -> None:
        way = "was set forward" if by_ms > 0 else "was set back"
        slept = ", or it slept" if by_ms > 0 else ""
        words = f"this machine's clock {way} by {abs(by_ms) / 1000:.1f} s{slept}: timers and ages follow it"
        self._shown_until_ms = steady_ms + JUMP_SHOWN_MS
        _LOG.warning("clock_jumped", by_ms=by_ms)
        self._condition.mended(CLOCK_TROUBLE)
        self._condition.trouble(CLOCK_TROUBLE, words)
        self._notes.raise_alert(CLOCK, "warning", "system", words)


CLOCK_TROUBLE = "clock/"


class Watch:
    """Both, every round, until it is cancelled."""

    def __init__(
        self,
        *,
        admission: Admission,
        condition: Condition,
        notes: Notes,
        clock: Clock,
        depths: Callable[[], Mapping[str, int]],
        door_ms: Callable[[], Awaitable[int]],
    ) -> None:
        """`door_ms`: what a call waits before it is looked at, found out by trying."""
        self._clock = clock
        self._door_ms = door_ms
        self._depths = depths
        self._notes = notes
        self._overload = OverloadWatch(admission, condition, notes, clock.now_ms)
        self._time = ClockWatch(condition, notes)

    async def run(self) -> None:
        # Whoever raised these has died.
        self._notes.commit(*(self._notes.resolved(name) for name in (OVERLOAD, MAILBOX, CLOCK)))
        while True:
            try:
                self._overload.look(self._depths(), await self._door_ms())
                self._time.look(self._clock.now_ms(), time.monotonic_ns() // 1_000_000)
            except Exception:
                _LOG.exception("watch_failed")
            await asyncio.sleep(ROUND_S)
