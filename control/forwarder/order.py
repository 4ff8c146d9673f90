"""Which alerts may pass each other: only those of different instruments, as far as a forwarder can tell.

While the daemon takes no entries but goes on with exits (REC-4), an exit must not wait behind the entry of another
instrument. Two alerts of one instrument never change places: an entry that came before an exit would open again what
the exit has closed.
"""

from __future__ import annotations

import json


def instrument_of(body: bytes) -> str | None:
    """A rough name, the same for every spelling of it. None: it cannot be told; then nothing may pass."""
    try:
        symbol = json.loads(body)["tv"]["symbol"]
    except (ValueError, KeyError, TypeError):
        return None
    if not isinstance(symbol, str):
        return None
    bare = symbol.upper().rpartition(":")[2].strip().removesuffix(".P")
    name = "".join(letter for letter in bare if letter.isalnum())
    return name or None
