"""What an actor's periodic look depends on, for a runtime that leaves out looks which cannot find anything.

Live, the pool looks around every second, the queue too, the risk engine every ten. Over a recorded year that is more
than a hundred million looks, nearly all of which find what the last one found. An actor that is asked for its needs
says when the next look of its own accord may do something, as long as nobody tells it anything: at a time, at a price,
at any price, or always. To need too much costs time only; to need too little would change what the engine does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from actors.rules.events import Direction


@dataclass(frozen=True, slots=True)
class Level:
    """A price of an instrument that matters once bid or ask (`book_side`) is there or beyond."""

    account: str
    symbol: str
    book_side: str
    direction: Direction
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Of one actor, as of now. Nothing set: it may sleep until it is told something."""

    always: bool = False
    """Every look may do something."""
    prices: bool = False
    """The first look after any new price may."""
    at_ms: int | None = None
    """The first look at or after this time may. It lies after the last look, perhaps before now."""
    levels: tuple[Level, ...] = ()
    """The first look after such a price may."""


ALWAYS = Needs(always=True)
ASLEEP = Needs()


def soonest(times_ms: Iterable[int | None]) -> int | None:
    """The earliest of those that are known."""
    return min((time_ms for time_ms in times_ms if time_ms is not None), default=None)
