"""Asks the process that computes ratios. It is started by the first question and ended when nobody asks any more.

The library that computes them takes 1 s to load, 150 MiB, and the interpreter's lock for tens of milliseconds at a
time; so it is never loaded where orders are on their way. Without it everything but the two ratios is answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal

from daemon.reports.ratio_worker import PERIODS_PER_YEAR
from daemon.reports.scope import RATIO_PLACES, rounded

ANSWER_LIMIT_S = 60.0
"""How long one answer may take, the start of the process included."""
WAIT_S = 4.0
"""How long a question waits for it; on a busy machine the start takes longer, and the next question has the answer."""
IDLE_S = 300.0
"""The process ends when it was not asked for this long."""
MAX_KEPT = 64
"""Answers that are remembered: a day's returns do not change any more once it is over."""
_PASSED_ON = ("PATH", "HOME", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "SYSTEMROOT")
"""What the process gets of the environment, where secrets may stand."""

Returns = tuple[Decimal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioPair:
    """None: cannot be computed."""

    sharpe: Decimal | None = None
    sortino: Decimal | None = None


class RatioFault(Exception):
    """The process could not be started, died, or took too long."""


class Ratios:
    """Made anywhere, used in one loop."""

    def __init__(self, answer_limit_s: float = ANSWER_LIMIT_S, idle_s: float = IDLE_S, wait_s: float = WAIT_S) -> None:
        self._answer_limit_s = answer_limit_s
        self._wait_s = wait_s
        self._idle_s = idle_s
        self._lock = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._kept: OrderedDict[Returns, RatioPair] = OrderedDict()
        self._running: dict[Returns, asyncio.Task[RatioPair]] = {}

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return self._process.pid if self._process is not None else None

    async def of(self, returns: Sequence[Decimal]) -> RatioPair:
        """Of daily returns as fractions, oldest first. RatioFault if there is no answer, or none in time."""
        key = tuple(returns)
        if len(key) < 2:
            return RatioPair()
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self._found(key))
            task.add_done_callback(lambda done: self._over(key, done))
        await asyncio.wait({task}, timeout=self._wait_s)
        if not task.done():
            raise RatioFault("the ratios are still being computed, ask again")
        return task.result()

    def _over(self, key: Returns, done: asyncio.Task[RatioPair]) -> None:
        self._running.pop(key, None)
        if not done.cancelled():
            done.exception()  # Somebody may have stopped waiting for it.

    async def _found(self, key: Returns) -> RatioPair:
        async with self._lock:
            if key not in self._kept:
                self._kept[key] = await self._asked(key)
                if len(self._kept) > MAX_KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]

    async def close(self) -> None:
        """Ends the process, and with it what waits for it."""
        for task in (running := list(self._running.values())):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        async with self._lock:
            await self._end()

    async def _asked(self, returns: Returns) -> RatioPair:
        line = json.dumps([float(value) for value in returns]).encode() + b"\n"
        try:
            async with asyncio.timeout(self._answer_limit_s):
                answer = json.loads(await self._exchange(line))
        except (OSError, TimeoutError, ValueError) as error:
            await self._end()
            raise RatioFault(f"the ratios could not be computed: {str(error) or type(error).__name__}") from error
        except asyncio.CancelledError:
            await self._end()  # Else the next question would get this one's answer.
            raise
        self._idle = asyncio.get_running_loop().call_later(self._idle_s, self._stop_idle)
        return RatioPair(sharpe=_decimal(answer["sharpe"]), sortino=_decimal(answer["sortino"]))

    async def _exchange(self, line: bytes) -> bytes:
        if self._idle is not None:
            self._idle.cancel()
        if self._process is None or self._process.returncode is not None:
            self._process = await _started()
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(line)
        await process.stdin.drain()
        return await process.stdout.readline()

    def _stop_idle(self) -> None:
        """Closing its input is enough."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    async def _end(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def inherited() -> dict[str, str]:
    """What the process sees of the environment."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


async def _started() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "daemon.reports.ratio_worker"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**inherited(), "POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"},
    )


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else rounded(Decimal(repr(value)), RATIO_PLACES)


def basis(zone_name: str, what: str) -> str:
    """Period, annualisation and risk-free rate in words. `what`: the equity the returns are of."""
    return (
        f"daily returns, {PERIODS_PER_YEAR} periods a year (times the square root), risk-free rate 0; a return is the "
        f"day's change of {what} over the equity at its start; complete days only, from 00:00 to 00:00 {zone_name}"
    )
