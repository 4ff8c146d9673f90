"""Programs that send alerts to the daemon by themselves, without the forwarder: the same rules by source (SIG-5).

Their token says who they are. What the forwarder would ask of the source holds for them too: a source without a secret
accepts nothing, and the allow list is looked at. Persons (operator, admin) send for any source; that is recorded.
"""

from __future__ import annotations

import ipaddress
import time
from urllib.parse import unquote

import structlog

from actors.rules.settings import SourceSettings
from daemon.api.errors import ApiReason, Failed

_LOG = structlog.stdlib.get_logger("terrace.security")

LOG_EVERY_S = 10.0
_UNIX = "unix:"


class _Lines:
    """One line about refused senders in so many seconds."""

    def __init__(self) -> None:
        self._next_s = float("-inf")
        self._count = 0

    def due(self, now_s: float) -> int:
        """Counts one; how many the line that is due speaks of, 0 for none."""
        self._count += 1
        if now_s < self._next_s:
            return 0
        self._next_s = now_s + LOG_EVERY_S
        count, self._count = self._count, 0
        return count


_lines = _Lines()


def check_sender(source: SourceSettings, peer: str) -> None:
    """SENDER_REFUSED, which does not say what was wrong; the log does. The unix socket is this machine's own."""
    cause = ""
    if source.secret is None and source.hmac_secret is None:
        cause = "the source has no secret"
    elif source.allow_addresses and not peer.startswith(_UNIX) and not _is_in(peer, source.allow_addresses):
        cause = "address not allowed"
    if not cause:
        return
    count = _lines.due(time.monotonic())
    if count:
        _LOG.warning("sender_refused", source=source.name, sender=peer[:64], cause=cause, calls=count)
    raise Failed(ApiReason.SENDER_REFUSED, f"the source {source.name} takes no alerts from you this way")


def _is_in(peer: str, networks: tuple[str, ...]) -> bool:
    text = unquote(peer.partition(":")[2]).rpartition(":")[0].strip("[]").partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    candidates = [address, getattr(address, "ipv4_mapped", None) or address]
    return any(one in ipaddress.ip_network(network, strict=False) for network in networks for one in candidates)
