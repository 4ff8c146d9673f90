"""Which alerts may pass each other: only those of different instruments, as far as a forwarder can tell.

While the daemon takes no entries but goes on with exits (REC-4), an exit must not wait behind the entry of another
instrument. Two alerts of one instrument never change places: an entry that came before an exit would open again what
the exit has closed.
"""

from __future__ import annotations

import json
import re

PAIR = 2
"""Coins in a name; a venue's own name may have more parts, as `BTC-USDT-SWAP`."""


def instrument_of(body: bytes) -> str | None:
    """A rough name, the same for TradingView's spellings of it and the unified one. None: it cannot be told, or is
    spelled in a venue's own way, which only a catalogue can match with the others; then nothing may pass.
    """
    try:
        symbol = json.loads(body)["tv"]["symbol"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(symbol, str):
        return None
    parts = [part.strip() for part in symbol.upper().split(":")]
    pair = next((part for part in parts if "/" in part), parts[-1])  # `BTC/USDT:USDT`: what settles it comes last.
    coins = re.split("[-/_]", pair.removesuffix(".P"))
    name = "".join(coins)
    return name if len(coins) <= PAIR and name.isascii() and name.isalnum() else None
