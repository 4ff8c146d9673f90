"""How the daemon as a whole is doing, as the application tells it and the API shows it."""

from __future__ import annotations

import threading

STARTING, SERVING, STOPPING = "starting", "serving", "stopping"


class Condition:
    """Written by the application and supervision from any thread, read by the API."""

    def __init__(self, start_time_ms: int) -> None:
        self.start_time_ms = start_time_ms
        self._lock = threading.Lock()
        self._phase = STARTING
        self._troubles: dict[str, str] = {}

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
            self._troubles[name] = words

    def mended(self, name: str) -> None:
        with self._lock:
            self._troubles.pop(name, None)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What is broken now, one line each."""
        with self._lock:
            return tuple(self._troubles.values())
