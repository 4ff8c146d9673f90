"""Prices, quantities and amounts of a pair as they are read: as many places as matter, none that are noise. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from functools import lru_cache

from gui.live.topics import Cell
from gui.show.numbers import NONE, THIN, number, signed

DIGITS = 7
"""Significant digits of a figure that was worked out, an average say. What was ordered is shown whole."""
MONEY_PLACES = 2
_KEPT = 8192
_WIDE = Context(prec=60)
_PERCENT = f"{THIN}%"


def exact(text: str) -> Decimal | None:
    """The decimal; None where there is none."""
    try:
        found = Decimal(text) if text else None
    except InvalidOperation:
        return None
    return found if found is None or found.is_finite() else None


def base_of(symbol: str) -> str:
    """`BTC/USDT:USDT` is in `BTC`."""
    return symbol.partition("/")[0]


def quote_of(symbol: str) -> str:
    """`BTC/USDT:USDT` costs `USDT`."""
    return symbol.partition("/")[2].partition(":")[0]


@lru_cache(maxsize=_KEPT)
def price(text: str) -> Cell:
    """An average or a mark: `DIGITS` digits or two places, whichever is more; at least two places are shown."""
    value = exact(text)
    if value is None:
        return NONE, "dim", ""
    places = max(DIGITS - 1 - value.adjusted(), MONEY_PLACES) if value else MONEY_PLACES
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, _WIDE)
    return number(_short(rounded, MONEY_PLACES)), "", text


@lru_cache(maxsize=_KEPT)
def whole(text: str, places: int = 0) -> Cell:
    """A price or quantity as it was ordered: every digit that says something, and at least so many places."""
    value = exact(text)
    return (NONE, "dim", "") if value is None else (number(_short(value, places)), "", text)


def places_of(texts: Iterable[str]) -> int:
    """Places that show all of these whole: they stand below each other."""
    return max((len(_short(value).partition(".")[2]) for value in map(exact, texts) if value is not None), default=0)


@lru_cache(maxsize=_KEPT)
def money(text: str) -> Cell:
    """An amount in quote."""
    value = exact(text)
    return (NONE, "dim", "") if value is None else (number(text, money_places(value)), "", text)


@lru_cache(maxsize=_KEPT)
def gain(text: str) -> Cell:
    """A profit or loss in quote, with its sign and tone."""
    value = exact(text)
    return (NONE, "dim", "") if value is None else signed(text, money_places(value))


@lru_cache(maxsize=_KEPT)
def gain_percent(text: str) -> Cell:
    """The same in percent."""
    return (NONE, "dim", "") if exact(text) is None else signed(text, 2, _PERCENT)


@lru_cache(maxsize=_KEPT)
def percent(text: str) -> Cell:
    """A share or distance in percent, as it stands."""
    value = exact(text)
    return (NONE, "dim", "") if value is None else (number(_short(value)) + _PERCENT, "", text)


def money_places(value: Decimal) -> int:
    """Two places; more where those would be nothing but zeros (amounts in coins, a fee)."""
    return MONEY_PLACES if not value or value.adjusted() >= -2 else 1 - value.adjusted()


def progress(start: Decimal | None, now: Decimal | None, target: Decimal | None) -> Decimal | None:
    """How far the price has come from `start` to `target`, in percent: below 0 where it went the other way."""
    if start is None or now is None or target is None or start == target:
        return None
    way = _WIDE.divide(_WIDE.subtract(now, start), _WIDE.subtract(target, start))
    return _WIDE.multiply(way, Decimal(100)).quantize(Decimal("0.1"), ROUND_HALF_EVEN)


def _short(value: Decimal, places: int = 0) -> str:
    """Without zeros at its end, but for those that fill up `places`."""
    text = f"{value:f}"
    shown, _, part = text.partition(".")
    part = part.rstrip("0").ljust(places, "0")
    return f"{shown}.{part}" if part else shown
