"""A crowd of signals on a `BrokenTown`, with faults by chance: everything must be right once they stop."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from actors.rules.choices import PositionMode
from actors.rules.settings import QueueSettings
from tests.actors.crowd import MARKETS, SYMBOLS, TP_MODES, Crowd
from tests.actors.town import ACCOUNT, MAX_SENDS, ROUND, account_settings, town_settings
from tests.simulation.broken_town import BrokenTown

D = Decimal
STEPS = 14
TRY_AGAIN_MS = 1_000
Trouble = Callable[[BrokenTown, random.Random], None]


class BrokenCrowd(Crowd):
    """`troubles` come now and then, each by itself or together."""

    town: BrokenTown

    def __init__(self, town: BrokenTown, seed: int, troubles: Sequence[Trouble], share: float = 0.35) -> None:
        super().__init__(town, seed)
        self.troubles = troubles
        self.share = share

    def go(self) -> None:
        for _ in range(STEPS):
            self.step()
        self.town.calm()
        self.answer_all()
        self.leave_all()

    def step(self) -> None:
        for trouble in self.troubles:
            if self.rng.random() < self.share:
                self.town.revive()
                trouble(self.town, self.rng)
        chance = self.rng.random()
        for _ in range(self.rng.randint(1, 3)):
            self.send(self.signal())
        if chance < 0.5:
            self.move()
        if chance < 0.3:
            self.copy()
        self.town.run_a_while(self.rng.randint(0, 60))
        if self.rng.random() < 0.4:
            self.town.run_for(self.rng.randint(1, 8_000))

    def move(self) -> None:
        symbol = self.rng.choice(self.symbols)
        self.prices[symbol] = round(self.prices[symbol] * (1 + D(self.rng.randint(-25, 25)) / 1000), 2)
        self.town.sim.move(symbol, self.prices[symbol])

    def answer_all(self) -> None:
        """As the forwarder does: after a pause."""
        for _ in range(MAX_SENDS):
            self.town.settle()
            open_ones = [sent for sent in self.sent if not sent.is_answered]
            if not open_ones:
                return
            for sent in open_ones:
                self.say_again(sent)
            self.town.pass_time(TRY_AGAIN_MS)
        raise AssertionError("somebody is never answered")


def broken_run(folder: Path, seed: int, *troubles: Trouble, share: float = 0.35) -> BrokenTown:
    """One run, checked at its end to the last digit. The town is the caller's to close."""
    market = MARKETS[seed % len(MARKETS)]
    account = account_settings(
        market=market,
        position_mode=PositionMode.HEDGE if seed % 4 == 3 else PositionMode.ONE_WAY,
        symbols=SYMBOLS[market],
        start_prices=dict.fromkeys(SYMBOLS[market], D(100)),
        instruments=dict.fromkeys(SYMBOLS[market], ROUND),
        latency_ms=30 if seed % 5 > 2 else 0,
    )
    settings = town_settings(
        max_open_groups=2,
        capital="500",
        tp_mode=TP_MODES[seed % len(TP_MODES)],
        queue=QueueSettings(max_size=4),
        accounts={ACCOUNT: account},
    )
    town = BrokenTown(folder, settings=settings, seed=seed, rush=0.02)
    try:
        town.settle()
        BrokenCrowd(town, seed, troubles, share).go()
        books = town.books()
        town.check_profit()
        assert (books.slots, books.waiting, books.open_orders) == (0, (), ())
        assert "queued" not in books.outcomes.values()
        town.check_no_order_twice()
    except BaseException:
        town.close()
        raise
    return town
