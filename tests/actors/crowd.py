"""Many signals at once on few keys, prices that move meanwhile, and failures: what holds of it whatever happens.

Nobody waits for anybody here, so what becomes of a signal is a matter of luck. What is promised of every run:
`Town.check`, no broken limit on the way, one outcome per signal, and money to the last digit.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from actors.messages import Answer
from actors.replies import ReplyBox
from actors.rules.choices import Market, PositionMode, TpMode
from actors.rules.model import Intent, Side, Signal
from actors.rules.settings import QueueSettings
from tests.actors.havoc import Havoc
from tests.actors.town import ACCOUNT, BTC, ETH, MAX_SENDS, ROUND, Town, account_settings, town_settings

D = Decimal
LIMIT = 2
TIMEFRAMES = ("1m", "5m", "1h")
STEPS = 14
TP_MODES = (TpMode.PER_LEG, TpMode.AGGREGATE, TpMode.PYRAMID_AGGREGATE)
"""In turn by seed: targets of whole pyramids are amended with each fill (ORD-9)."""
MARKETS = (Market.SPOT, Market.SWAP)
"""In turn by seed: on a swap both sides are traded, and reversed."""
SYMBOLS = {Market.SPOT: (BTC, ETH), Market.SWAP: (f"{BTC}:USDT", f"{ETH}:USDT")}


@dataclass(slots=True)
class Sent:
    """A signal and what its sender has heard so far."""

    signal: Signal
    boxes: list[ReplyBox] = field(default_factory=list)

    @property
    def is_answered(self) -> bool:
        return any(box.done and isinstance(box.answer, Answer) for box in self.boxes)


class Crowd:
    def __init__(self, town: Town, seed: int) -> None:
        self.town = town
        self.rng = random.Random(seed)
        self.sent: list[Sent] = []
        self.market = MARKETS[seed % len(MARKETS)]
        self.symbols: tuple[str, ...] = SYMBOLS[self.market]
        self.prices = dict.fromkeys(self.symbols, D(100))

    def go(self) -> None:
        for _ in range(STEPS):
            self.step()
        self.answer_all()
        self.leave_all()

    def step(self) -> None:
        chance = self.rng.random()
        for _ in range(self.rng.randint(1, 3)):
            self.send(self.signal())
        if chance < 0.5:
            self.move()
        if chance < 0.3:
            self.copy()
        if chance < 0.15:
            self.town.settle()
        else:
            self.town.run_a_while(self.rng.randint(0, 60))

    def signal(self) -> Signal:
        symbol = self.rng.choice(self.symbols)
        timeframe = self.rng.choice(TIMEFRAMES)
        chance = self.rng.random()
        if chance < 0.2:
            return self.town.signal(symbol, None, Intent.EXIT, timeframe=timeframe, side=None)
        if chance < 0.3:
            share = {"order_size": D(self.rng.randint(1, 4)), "prev_market_position_size": D(4)}
            return self.town.signal(symbol, None, Intent.REDUCE, timeframe=timeframe, side=None, **share)
        side = self.rng.choice(list(Side)) if self.market is Market.SWAP else Side.LONG
        intent = Intent.REVERSE if chance < 0.5 else Intent.ENTRY
        price = self.prices[symbol] * (1 + side.sign * D(self.rng.randint(-20, 5)) / 1000)
        return self.town.signal(symbol, str(round(price, 2)), intent, timeframe=timeframe, side=side)

    def send(self, signal: Signal) -> None:
        self.sent.append(Sent(signal))
        self.say_again(self.sent[-1])

    def copy(self) -> None:
        self.say_again(self.rng.choice(self.sent))

    def say_again(self, sent: Sent) -> None:
        self.town.revive()
        sent.boxes.append(self.town.send(sent.signal))

    def move(self) -> None:
        symbol = self.rng.choice(self.symbols)
        self.prices[symbol] = round(self.prices[symbol] * (1 + D(self.rng.randint(-25, 25)) / 1000), 2)
        self.town.revive()
        self.town.exchange.set_price(symbol, self.prices[symbol], ReplyBox())

    def answer_all(self) -> None:
        """Each sender goes on until he has an answer."""
        for _ in range(MAX_SENDS):
            self.town.settle()
            open_ones = [sent for sent in self.sent if not sent.is_answered]
            if not open_ones:
                return
            for sent in open_ones:
                self.say_again(sent)
        raise AssertionError("somebody is never answered")

    def leave_all(self) -> None:
        """Everything ends, so that the money can be counted."""
        town = self.town
        for symbol, price in self.prices.items():
            town.price(symbol, price)
        for _ in range(10):
            keys = {group.key for group in town.view.current.live()}
            keys |= {queued.key for queued in town.view.current.waiting()}
            if not keys:
                return
            town.pass_time(1)
            for key in sorted(keys):
                town.submit(town.signal(key.symbol, None, Intent.EXIT, timeframe=key.timeframe, side=None))
            town.pass_time(1)
        raise AssertionError(f"still there: {keys}")


def crowd_run(folder: Path, seed: int, faults: int) -> Town:
    """One run. The town is the caller's to close."""
    tp_mode = TP_MODES[seed % len(TP_MODES)]
    market = MARKETS[seed % len(MARKETS)]
    account = account_settings(
        market=market,
        position_mode=PositionMode.HEDGE if seed % 4 == 3 else PositionMode.ONE_WAY,
        symbols=SYMBOLS[market],
        start_prices=dict.fromkeys(SYMBOLS[market], D(100)),
        instruments=dict.fromkeys(SYMBOLS[market], ROUND),
    )
    settings = town_settings(
        max_open_groups=LIMIT,
        capital="500",
        tp_mode=tp_mode,
        queue=QueueSettings(max_size=4),
        accounts={ACCOUNT: account},
    )
    town = Town(folder, settings=settings, seed=seed, rush=0.02)
    try:
        town.settle()
        Havoc(seed, faults)(town)
        crowd = Crowd(town, seed)
        crowd.go()
        books = town.books()
        town.check_profit()
        assert (books.slots, books.waiting, books.open_orders) == (0, (), ())
        assert set(books.outcomes) == {sent.signal.idempotency_key for sent in crowd.sent} | left(books.outcomes)
        assert "queued" not in books.outcomes.values()
        assert "replaced" not in books.outcomes.values()
    except BaseException:
        town.close()
        raise
    return town


def left(outcomes: object) -> set[str]:
    """Keys of the exits at the end; those are answered by `submit` itself."""
    assert isinstance(outcomes, dict)
    return {key for key, outcome in outcomes.items() if outcome in ("exited", "dequeued", "ignored")}
