"""Fresh names in a live daemon (`ports.Ids`): random, and where people read them, in the order of time."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TIME_CHARS = 9
"""Milliseconds in base 36: enough until the year 5188."""
_SECONDS_CHARS = 6
"""Seconds since 2020 in base 36: enough until 2089."""
_EPOCH_S = 1_577_836_800
_SIGNAL_RANDOM_CHARS = 11
TOKEN_BYTES = 12


class RandomIds:
    """Ids begin with the time, so that they sort by it, and end with chance. Safe from any thread.

    A group id has 12 characters by contract (ORD-2), which leaves 31 random bits for the groups of one second; a
    counter in their upper part makes two of one process never equal.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._chance = random.Random(os.urandom(32))
        """Names are no secrets. Asking the system for chance each time would give up the interpreter in between."""
        self._group_count = self._chance.randrange(36**3)

    def signal_id(self) -> str:
        """20 characters."""
        chance = self._chance.randrange(36**_SIGNAL_RANDOM_CHARS)
        return _base36(self._now_ms(), _TIME_CHARS) + _base36(chance, _SIGNAL_RANDOM_CHARS)

    def group_id(self) -> str:
        with self._lock:
            self._group_count = (self._group_count + 1) % 36**3
            count = self._group_count
        seconds = max(0, self._now_ms() // 1000 - _EPOCH_S)
        return _base36(seconds, _SECONDS_CHARS) + _base36(count, 3) + _base36(self._chance.randrange(36**3), 3)

    def token(self) -> str:
        return self._chance.randbytes(TOKEN_BYTES).hex()

    def fraction(self) -> float:
        return self._chance.random()


def _base36(number: int, width: int) -> str:
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text
