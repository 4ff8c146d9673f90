"""Decimals as people read them: thousands apart, a sign where it means gain or loss, a dash where there is none.

Values come as plain decimal strings and leave as text; nothing becomes a float.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

NONE = "\N{EN DASH}"
THIN = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


def number(text: str, places: int | None = None) -> str:
    """`1234.5` as `1 234.5`; with `places`, rounded to so many."""
    value = _decimal(text)
    if value is None:
        return NONE
    if places is not None:
        value = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    plain = f"{value:,f}".replace(",", THIN)
    return plain.replace("-", MINUS)


def signed(text: str, places: int = 2, unit: str = "") -> tuple[str, str, str]:
    """A profit or loss: text with sign, tone, and what it is sorted by."""
    value = _decimal(text)
    if value is None:
        return NONE, "dim", ""
    shown = number(text, places) + unit
    if value > 0:
        return f"+{shown}", "gain", text
    return shown, "loss" if value < 0 else "", text


def percent(text: str, places: int = 2) -> str:
    return NONE if _decimal(text) is None else f"{number(text, places)}{THIN}%"


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return None
