"""The one asyncio thread on which every ccxt exchange lives."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

STOP_TIMEOUT_S = 10.0

Result = TypeVar("Result")

_log = logging.getLogger("terrace.exchange")


class ExchangeLoop:
    """Started with its first use, stopped for good."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = threading.Lock()

    def post(self, call: Callable[[], object]) -> None:
        """Calls it on the loop's thread, in the order of posting. From any thread; nothing happens after `stop`."""
        loop = self._running()
        try:
            loop.call_soon_threadsafe(call)
        except RuntimeError:  # It was stopped meanwhile: who asks then is on the way out too.
            return

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs it as a task. On the loop's thread only."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def call(self, make: Callable[[], Result], timeout_s: float) -> Result:
        """Calls it on the loop's thread and waits for what it answers or raises. TimeoutError where it takes longer."""

        async def called() -> Result:
            return make()

        return asyncio.run_coroutine_threadsafe(called(), self._running()).result(timeout_s)

    def run(self, work: Coroutine[Any, Any, None], timeout_s: float) -> None:
        """Waits for it from another thread. TimeoutError where it takes longer."""
        asyncio.run_coroutine_threadsafe(work, self._running()).result(timeout_s)

    def stop(self) -> None:
        """Cancels what runs and ends the thread."""
        with self._lock:
            loop, thread = self._loop, self._thread
        if loop is None or thread is None or not thread.is_alive():
            return
        loop.call_soon_threadsafe(self._cancel_all)
        thread.join(STOP_TIMEOUT_S)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a task of the exchange loop failed", exc_info=error)

    def _cancel_all(self) -> None:
        loop = asyncio.get_running_loop()
        for task in list(self._tasks):
            task.cancel()
        loop.call_soon(self._finish_when_idle, loop)

    def _finish_when_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._tasks:
            loop.call_later(0.02, self._finish_when_idle, loop)
        else:
            loop.stop()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._loop.set_exception_handler(_quietly)
                self._thread = threading.Thread(target=self._run, args=(self._loop,), name="exchanges", daemon=True)
                self._thread.start()
            return self._loop

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()


def _quietly(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """ccxt leaves futures of lost sockets behind whose errors nobody takes; the streams notice by themselves."""
    _log.debug("exchange loop: %s", context.get("message"), exc_info=context.get("exception"))
