"""Wrong tokens, slowed down per address (SEC-1). No clock and no socket: time is an argument, in seconds.

A few failures are free. Then the address is closed for a while, and each failure after that closes it for twice as
long, up to a minute. While it is closed nothing is tried, so a right guess cannot be told from a wrong one. Callers who
have proved themselves at that address before go on, and so does this machine with a valid token: a program with an
outdated token must not lock a person out. Nor a forwarder behind the same address: a valid token that has waited as
long as it was told goes on, however often others have failed there since.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import unquote

FREE_FAILURES = 10
FIRST_PAUSE_S = 1.0
MOST_PAUSE_S = 60.0
FORGET_AFTER_S = 900.0
MAX_ADDRESSES = 4_096
"""Addresses remembered; beyond, the one whose last failure is longest ago is forgotten."""
MAX_KNOWN = 8_192
LOCAL = "local"
"""What callers over the unix socket count as."""


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last_s: float = 0.0
    closed_until_s: float = 0.0


class Throttle:
    """Used in one loop."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._told_s: OrderedDict[tuple[str, str], float] = OrderedDict()
        """Until when a valid token was told to wait there."""

    def wait_s(self, address: str, now_s: float) -> float:
        """How long the address is closed yet; 0: it is open."""
        found = self._failures.get(address)
        return 0.0 if found is None else max(0.0, found.closed_until_s - now_s)

    def holds_back(self, address: str, name: str, now_s: float) -> float:
        """How long the valid token of `name` has to wait there; 0 where it was good before, and on this machine."""
        wait_s = self.wait_s(address, now_s)
        if not wait_s or is_this_machine(address) or (address, name) in self._known:
            return 0.0
        told_s = self._told_s.setdefault((address, name), now_s + wait_s)
        while len(self._told_s) > MAX_KNOWN:
            self._told_s.popitem(last=False)
        return max(0.0, told_s - now_s)

    def failed(self, address: str, now_s: float) -> int:
        """A wrong token came from an open address. Answers the failures so far where they begin a burst, else 0."""
        found = self._failures.get(address)
        if found is None or now_s - found.last_s > FORGET_AFTER_S:
            found = self._failures[address] = _Failures()
        self._failures.move_to_end(address)
        found.count, found.last_s = found.count + 1, now_s
        over = found.count - FREE_FAILURES
        if over >= 0:
            found.closed_until_s = now_s + min(MOST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(over, 30))
        while len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)
        return found.count if over == 0 else 0

    def proved(self, address: str, name: str) -> None:
        """A valid token of `name` was let in from there."""
        self._told_s.pop((address, name), None)
        self._known[address, name] = None
        self._known.move_to_end((address, name))
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)

    def knows(self, address: str, name: str) -> bool:
        return (address, name) in self._known

    def is_quiet(self, now_s: float) -> bool:
        """Whether nobody failed lately, so that there is nothing to look up. Forgets those whose time is over."""
        while self._failures:
            address, oldest = next(iter(self._failures.items()))
            if now_s - oldest.last_s <= FORGET_AFTER_S:
                return False
            del self._failures[address]
        return True


def address_of(peer: str) -> str:
    """Who a peer of gRPC (`ipv4:10.0.0.1:5000`, `ipv6:%5B::1%5D:5000`, `unix:`) counts as: its address without port.

    Of IPv6 the network of 64 bits, which is what one host is given; IPv4 within IPv6 is IPv4.
    """
    kind, _, rest = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return LOCAL
    text = unquote(rest).rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        if not address.is_loopback:
            return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def is_this_machine(address: str) -> bool:
    """Whether what `address_of` answered is this machine."""
    if address == LOCAL:
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
