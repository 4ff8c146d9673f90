"""Where an account's requests go: the venue's own addresses, or a proxy's or simulator's instead of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit


def moved(addresses: Any, rest: str, ws: str) -> Any:
    """A nest of addresses with scheme and host of every string replaced; paths and queries stay.

    `rest` and `ws` may carry a path, which then comes first. Empty: addresses of that kind stay as they are.
    """
    if isinstance(addresses, dict):
        return {key: moved(value, rest, ws) for key, value in addresses.items()}
    if isinstance(addresses, list):
        return [moved(value, rest, ws) for value in addresses]
    if not isinstance(addresses, str):
        return addresses
    parts = urlsplit(addresses)
    base = ws if parts.scheme in ("ws", "wss") else rest
    if not base:
        return addresses
    query = f"?{parts.query}" if parts.query else ""
    return base.rstrip("/") + parts.path + query
