"""Failed attempts, counted by source and address (SIG-5). Nothing of what was sent is kept.

An IPv6 sender owns a network of 64 bits at least: its addresses there count as one.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

MAX_COUNTED = 10_000
"""Pairs of source and address; beyond, the one quiet for longest is forgotten."""
NOBODYS = "?"
"""Stands for every source that does not exist: their names are the attacker's to choose."""
_PREFIX = 64


@lru_cache(4096)
def group_of(address: str) -> str:
    """What an address counts as: IPv4 as itself, also where it is written as IPv6; IPv6 as its network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return NOBODYS
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), _PREFIX), strict=False))


@dataclass(slots=True)
class _Count:
    attempts: int = 0
    last_s: float = 0.0


class Attempts:
    """Used from one loop."""

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, str], _Count] = OrderedDict()
        self.total = 0

    def note(self, source: str, address: str, now_s: float) -> None:
        """One more. `now_s` counts from 1970."""
        self.total += 1
        key = (source, group_of(address))
        count = self._counts.setdefault(key, _Count())
        count.attempts, count.last_s = count.attempts + 1, now_s
        self._counts.move_to_end(key)
        if len(self._counts) > MAX_COUNTED:
            self._counts.popitem(last=False)

    def shown(self, most: int) -> list[dict[str, object]]:
        """The latest first."""
        latest = list(self._counts.items())[-most:]
        return [
            {
                "source": source,
                "address": address,
                "attempts": count.attempts,
                "last": datetime.fromtimestamp(count.last_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            }
            for (source, address), count in reversed(latest)
        ]
