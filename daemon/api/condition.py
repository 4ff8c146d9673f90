"""How the daemon as a whole is doing, as the application tells it and the API shows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

STARTING, SERVING, STOPPING = "starting", "serving", "stopping"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is broken: its name, what is shown of it, and since when."""

    name: str
    words: str
    since_ms: int


class Condition:
    """Written by the application and supervision from any thread, read by the API."""

    def __init__(self, start_time_ms: int, now_ms: Callable[[], int] = _now_ms) -> None:
        self.start_time_ms = start_time_ms
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._phase = STARTING
        self._troubles: dict[str, Trouble] = {}
        self.read_only_since_ms: int | None = None
        """When this process was first told to take no commands (CFG-6); None: it takes them."""

    def see_mode(self, *, is_read_only: bool) -> None:
        """The mode of the config in force, each time one is."""
        with self._lock:
            if not is_read_only:
                self.read_only_since_ms = None
            elif self.read_only_since_ms is None:
                self.read_only_since_ms = self._now_ms()

    @property
    def phase(self) -> str:
        return self._phase

    def serve(self) -> None:
        """Everything is loaded; stopping is never taken back."""
        with self._lock:
            if self._phase == STARTING:
                self._phase = SERVING

    def stop(self) -> None:
        with self._lock:
            self._phase = STOPPING

    @property
    def is_stopping(self) -> bool:
        return self._phase == STOPPING

    def trouble(self, name: str, words: str) -> None:
        """Something is broken. `name` says what, so that it can be mended; `words` are shown."""
        with self._lock:
            old = self._troubles.get(name)
            self._troubles[name] = Trouble(name, words, old.since_ms if old else self._now_ms())

    def mended(self, name: str) -> None:
        with self._lock:
            self._troubles.pop(name, None)

    @property
    def broken(self) -> tuple[Trouble, ...]:
        """What is broken now: names, words and since when."""
        with self._lock:
            return tuple(self._troubles.values())
