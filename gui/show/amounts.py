"""Amounts of money with their currency, rounded to what a person reads. Pure."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from gui.show.numbers import NONE, THIN, number, signed

_TWO_PLACES = frozenset(("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "DAI", "USD", "EUR", "GBP", "TRY", "BRL"))
COIN_PLACES = 8
Amount = tuple[str, str, str]
"""Text, tone, and what it is sorted by."""


def places_of(currency: str) -> int:
    """Places an amount in this currency is rounded to."""
    return 2 if currency in _TWO_PLACES else COIN_PLACES


def money(text: str, currency: str) -> str:
    """`1234.567` and `USDT` as `1 234.57 USDT`; a dash where there is no amount."""
    shown = number(text, places_of(currency))
    return shown if shown == NONE or not currency else f"{shown}{THIN}{currency}"


def gain(text: str, currency: str) -> Amount:
    """A profit or loss with its sign and currency."""
    return signed(text, places_of(currency), f"{THIN}{currency}" if currency else "")


def lost(text: str, currency: str) -> Amount:
    """A loss that is told as a positive amount, shown as the negative one it is."""
    try:
        value = Decimal(text) if text else None
    except InvalidOperation:
        value = None
    return gain("" if value is None else f"{-value:f}" if value else "0", currency)
