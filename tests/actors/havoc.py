"""Failures by chance, at any place of the engine."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence

from actors.ports import Applied, StoreFault
from actors.rules.records import Row
from tests.actors.story import Injected
from tests.actors.town import Apply, Town

Batch = Sequence[tuple[str, Sequence[Row]]]
EVERY_PLACE = "TERRACE_TEST_EVERY_PLACE"
"""Set by `make crashes`: stories are disturbed at every place. Otherwise at a share of them, always the same."""


def places(chunk: int, count: int, chunks: int, share: int) -> range:
    """Where one of `chunks` tests disturbs a story of `count` places, numbered from 1: every `share`-th of its own."""
    return range(1 + chunk, count + 1, chunks * (1 if os.environ.get(EVERY_PLACE) else share))


class Havoc:
    """Crashes, kills and store faults by chance.

    Few in each process's life, so that no part is given up on; and no message kills twice, or it would be put aside.
    """

    def __init__(self, seed: int, faults: int = 12) -> None:
        self.rng = random.Random(seed)
        self.left = faults
        self.this_life = 0
        self.killers: list[object] = []

    def __call__(self, town: Town) -> None:
        self.town = town
        town.on_message = town.on_tell = town.on_handled = self.looks
        town.store.around = self.apply

    def is_time(self, chance: float) -> bool:
        if self.this_life != self.town.starts:
            self.this_life, self.budget = self.town.starts, 3
        return self.left > 0 and self.budget > 0 and self.rng.random() < chance

    def count(self) -> None:
        self.left -= 1
        self.budget -= 1

    def looks(self, name: str, message: object) -> None:
        if self.town.is_dead or not self.is_time(0.02):
            return
        if self.rng.random() < 0.2:
            self.count()
            self.town.kill()
        elif not self.has_killed(name):
            self.count()
        else:
            return
        raise Injected(f"{name}: {type(message).__name__}")

    def has_killed(self, name: str) -> bool:
        """Whether what this actor handles has been its end before."""
        handled = self.town.system._cells[name].current
        for one in handled if isinstance(handled, tuple) else (handled,):
            essence = _essence(name, one)
            if essence in self.killers:
                return True
            self.killers.append(essence)
        return False

    def apply(self, go_on: Apply, batch: Batch) -> list[Applied]:
        if not self.is_time(0.05):
            return go_on(batch)
        self.count()
        if self.rng.random() < 0.3:
            go_on(batch)
        raise StoreFault("injected")


def _essence(name: str, message: object) -> object:
    """By what a message is known that killed before."""
    carrier = getattr(message, "queued", message)
    signal = getattr(carrier, "signal", None)
    return (name, message) if signal is None else (type(message), signal.idempotency_key)
