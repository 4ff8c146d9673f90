"""Names by chance that can be repeated."""

from __future__ import annotations

import random


class SeededIds:
    """`ports.Ids`. Unique over all lives of a run, as random ones are."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._count = 0

    def signal_id(self) -> str:
        return f"signal-{self._next():05d}"

    def group_id(self) -> str:
        return f"{self._next():05d}{self._rng.randrange(10**7):07d}"

    def token(self) -> str:
        return f"token-{self._next():06d}-{self._rng.randrange(10**6):06d}"

    def fraction(self) -> float:
        return self._rng.random()

    def _next(self) -> int:
        self._count += 1
        return self._count
