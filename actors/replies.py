"""Where answers go to those who ask from outside. The first answer counts, later ones are dropped."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque


class ReplyBox:
    """An answer to be looked at later. `Stepped.ask` gives one."""

    def __init__(self) -> None:
        self.done = False
        self._answer: object = None

    def reply(self, answer: object) -> None:
        if not self.done:
            self._answer = answer
            self.done = True

    @property
    def answer(self) -> object:
        """LookupError: nobody has answered yet."""
        if not self.done:
            raise LookupError("not answered yet")
        return self._answer


class WaitingReply:
    """An answer a thread waits for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._answer: object = None

    def reply(self, answer: object) -> None:
        with self._lock:
            if not self._done.is_set():
                self._answer = answer
                self._done.set()

    def wait(self, timeout_s: float) -> object:
        """TimeoutError if nobody answers in time."""
        if not self._done.wait(timeout_s):
            raise TimeoutError(f"no answer within {timeout_s} s")
        return self._answer


class LoopBridge:
    """Carries answers from actors' threads into one asyncio loop, many with one wake-up of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._lock = threading.Lock()
        self._waiting: deque[tuple[asyncio.Future[object], object]] = deque()
        self._woken = False

    def carry(self, future: asyncio.Future[object], answer: object) -> None:
        """Any thread. A loop that is closed has nobody left who waits."""
        with self._lock:
            self._waiting.append((future, answer))
            if self._woken:
                return
            self._woken = True
        loop = self._loop()
        try:
            if loop is not None:
                loop.call_soon_threadsafe(self._drain)
        except RuntimeError:
            self._waiting.clear()

    def _drain(self) -> None:
        with self._lock:
            arrived = list(self._waiting)
            self._waiting.clear()
            self._woken = False
        for future, answer in arrived:
            if not future.done():
                future.set_result(answer)


class LoopReply:
    """An answer a coroutine awaits."""

    __slots__ = ("_bridge", "_future")

    def __init__(self, bridge: LoopBridge, future: asyncio.Future[object]) -> None:
        self._bridge = bridge
        self._future = future

    def reply(self, answer: object) -> None:
        self._bridge.carry(self._future, answer)
