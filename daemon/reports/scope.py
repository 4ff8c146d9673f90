"""What a report counts, and what its amounts are worth in the reporting currency."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from actors.rules.choices import World
from actors.rules.model import Group, Side
from actors.rules.money import CONTEXT, ZERO, plain

AMOUNT_PLACES = 8
"""Places of an amount that had to be rounded: an average, or one valued in another currency. Others are exact."""
RATIO_PLACES = 4
"""Places of ratios and percentages."""

PIECE_CHARS = 10_000
"""How much text is turned into numbers at once: some tenths of a millisecond."""

Amounts = Mapping[str, Decimal]
"""Money by the currency it is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Empty filters match everything. Times bound when a trade closed, or when profit was realised."""

    world: World
    account: str = ""
    symbol: str = ""
    timeframe: str = ""
    strategy: str = ""
    side: Side | None = None
    start_ms: int | None = None
    end_ms: int | None = None

    @property
    def is_whole(self) -> bool:
        """Every trade of the world counts, so its equity snapshots tell of the same."""
        return not (self.account or self.symbol or self.timeframe or self.strategy or self.side)

    def covers(self, group: Group) -> bool:
        """Whether a group is in it, whenever it closes."""
        return (
            group.world is self.world
            and self.account in ("", group.account)
            and self.symbol in ("", group.symbol)
            and self.timeframe in ("", group.key.timeframe)
            and self.strategy in ("", group.strategy)
            and self.side in (None, group.side)
        )

    def holds(self, time_ms: int) -> bool:
        """Whether a time is within its bounds."""
        return (self.start_ms is None or time_ms >= self.start_ms) and (self.end_ms is None or time_ms < self.end_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What one unit of each currency is worth now. None: its price is missing."""

    currency: str
    by_currency: Mapping[str, Decimal | None]

    def of(self, currency: str) -> Decimal | None:
        return Decimal(1) if currency == self.currency else self.by_currency.get(currency)

    def value(self, amounts: Amounts) -> Decimal | None:
        """Their sum in the reporting currency; None where the price of one that is not zero is missing.

        Exact where all of it is in that currency already; else rounded to `AMOUNT_PLACES`.
        """
        total, is_exact = ZERO, True
        for currency, amount in amounts.items():
            if currency == self.currency:
                total = CONTEXT.add(total, amount)
            elif amount:
                rate = self.of(currency)
                if rate is None:
                    return None
                total = CONTEXT.add(total, CONTEXT.multiply(amount, rate))
                is_exact = False
        return total if is_exact else rounded(total, AMOUNT_PLACES)

    def note(self, currencies: Iterable[str]) -> str:
        """How amounts in these currencies were valued; empty where there was nothing to value."""
        others = sorted(set(currencies) - {self.currency})
        if not others:
            return ""
        parts = []
        for currency in others:
            rate = self.of(currency)
            parts.append(f"{currency} at {plain(rate)}" if rate is not None else f"{currency} without a price")
        missing = any(self.of(currency) is None for currency in others)
        words = f"valued in {self.currency} at the marks of now, whenever it was realised: {', '.join(parts)}"
        return f"{words}; sums with it are left empty" if missing else words


def summed(amounts: Iterable[Decimal]) -> Decimal:
    """Exact. The built-in sum is three times as fast as one addition after the other, in the engine's precision."""
    with localcontext(CONTEXT):
        return sum(amounts, ZERO)


def pieces(text: str) -> Iterator[list[str]]:
    """The words of a text, some at a time: a call on a hundred thousand would keep the interpreter from all others."""
    start = 0
    while start < len(text):
        end = text.find(" ", start + PIECE_CHARS)
        end = len(text) if end < 0 else end
        yield text[start:end].split()
        start = end


def summed_text(text: str) -> Decimal:
    """Of decimals with spaces between; exact."""
    return summed(summed(map(Decimal, words)) for words in pieces(text))


def rounded(value: Decimal, places: int) -> Decimal:
    """Half to even."""
    return CONTEXT.quantize(value, Decimal(1).scaleb(-places))


def quotient(value: Decimal, by: Decimal, places: int) -> Decimal | None:
    """None where the divisor is zero: such a ratio is not a number."""
    return rounded(CONTEXT.divide(value, by), places) if by else None


def percent_of(part: Decimal, whole: Decimal) -> Decimal | None:
    return quotient(part * 100, whole, RATIO_PLACES)
