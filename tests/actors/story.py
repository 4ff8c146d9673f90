"""The main story of two and a half trades, told to a town the same way however often it is disturbed.

The pool holds one group. A opens, fills on the way down, is doubled by a pyramid, and goes flat on the way up. B waits
meanwhile, is replaced once, and takes A's slot; it fills in part and is closed by an exit. C waits and is withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from actors.rules.model import Intent, Outcome, Signal
from actors.rules.settings import Settings
from tests.actors.town import BTC, ETH, SOL, Books, Town, town_settings

LIMIT = 1


class Injected(Exception):
    """The failure a test asks for."""


def settings() -> Settings:
    return town_settings(max_open_groups=LIMIT)


class Story:
    """Signals keep their identity however often they are sent, so they are made once per telling."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.signals: dict[str, Signal] = {}

    def tell(self) -> None:
        town = self.town
        town.settle()
        self.submit("A opens", BTC, "100")
        self.repeat("A opens")
        town.price(BTC, "99")
        self.submit("A's pyramid", BTC, "98.5")
        self.submit("B waits", ETH, "100")
        self.submit("C waits", SOL, "100")
        self.submit("B is newer", ETH, "99.5")
        self.submit("C is withdrawn", SOL, None, Intent.EXIT)
        town.price(BTC, "98")
        town.price(BTC, "110")
        town.price(ETH, "99")
        self.submit("B ends", ETH, None, Intent.EXIT)
        self.submit("nothing there", BTC, None, Intent.EXIT)

    def submit(self, name: str, symbol: str, price: str | None, intent: Intent = Intent.ENTRY) -> None:
        signal = self.signals[name] = self.town.signal(symbol, price, intent)
        self.town.submit(signal)
        # Virtual time may stand still: the next signal of a key is a later one all the same.
        self.town.pass_time(1)

    def repeat(self, name: str) -> None:
        self.town.submit(self.signals[name])


@contextmanager
def told(
    folder: Path, *, seed: int = 1, rush: float = 0.0, prepare: Callable[[Town], None] | None = None
) -> Iterator[Town]:
    """A town in which the story has come to its end."""
    with Town(folder, settings=settings(), seed=seed, rush=rush) as town:
        if prepare is not None:
            prepare(town)
        Story(town).tell()
        town.settle()
        yield town


OUTCOMES = {
    "alert-0001": Outcome.OPENED,
    "alert-0002": Outcome.PYRAMIDED,
    "alert-0003": Outcome.SUPERSEDED,
    "alert-0004": Outcome.REMOVED,
    "alert-0005": Outcome.OPENED,
    "alert-0006": Outcome.DEQUEUED,
    "alert-0007": Outcome.EXITED,
    "alert-0008": Outcome.IGNORED,
}


def arithmetic() -> tuple[Decimal, Decimal, Decimal]:
    """USDT, BTC and ETH at the venue in the end, worked out by hand from prices and quantities.

    A: 1000 in five legs from 100, and 1000 in five from 98.5, of which the mark reaches two at 98. Buys pay 0.1 % in
    coins, what can be sold is what is left, rounded down to 0.001; sells pay 0.1 % in USDT.
    """
    d = Decimal
    fee = d("0.001")
    bought_a = [("100", "2.000"), ("99.50", "2.010"), ("99", "2.020"), ("98.50", "2.030"), ("98", "2.040")]
    bought_a += [("98.50", "2.030"), ("98", "2.040")]
    sold_a = [("101", "1.998"), ("100", "2.007"), ("100.98", "2.017"), ("99.98", "2.027"), ("98.98", "2.037")]
    sold_a += [("99.49", "2.027"), ("98.49", "2.037")]
    bought_b = [("99.50", "2.010"), ("99", "2.020")]
    sold_b = [("99", "4.025")]  # 4.030 less 0.1 % is 4.02597.
    quote = d(100000)
    quote -= sum((d(price) * d(quantity) for price, quantity in (*bought_a, *bought_b)), d(0))
    quote += sum((d(price) * d(quantity) * (1 - fee) for price, quantity in (*sold_a, *sold_b)), d(0))

    def left(bought: list[tuple[str, str]], sold: list[tuple[str, str]]) -> Decimal:
        held = sum((d(quantity) * (1 - fee) for _, quantity in bought), d(0))
        return held - sum((d(quantity) for _, quantity in sold), d(0))

    return quote, left(bought_a, sold_a), left(bought_b, sold_b)


def expected_balances(books: Books) -> dict[str, Decimal]:
    return {asset: free + locked for asset, (free, locked) in books.balances.items()}
