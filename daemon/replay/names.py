"""Fresh names in a replay (`ports.Ids`): counted, so that the same input gives the same names."""

from __future__ import annotations

import random


class CountedIds:
    """Signals and groups are numbered as they come. Tokens and jitter have a chance of their own each: how many are
    drawn depends on how often the engine looks around, and must not show in any name that a report has.
    """

    def __init__(self, seed: int) -> None:
        self._tokens = random.Random(f"{seed}/tokens")
        self._jitter = random.Random(f"{seed}/jitter")
        self._signals = self._groups = 0

    def signal_id(self) -> str:
        self._signals += 1
        return f"s{self._signals:07d}"

    def group_id(self) -> str:
        self._groups += 1
        return f"g{self._groups:011d}"

    def token(self) -> str:
        return f"{self._tokens.getrandbits(96):024x}"

    def fraction(self) -> float:
        return self._jitter.random()
