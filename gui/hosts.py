"""Under which names browsers may reach the panel.

A page elsewhere can have its own name resolve to this machine; to a browser it is then of one origin with the panel
(DNS rebinding). What it cannot do is to ask under a name that is not its own (SEC-2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{1,5})?", re.ASCII)


class Hosts:
    """`names`: those configured. Any IP address will do: no name was resolved to get there."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {"localhost"} | {_plain(name) for name in names if name}

    def knows(self, header: str) -> bool:
        """Whether a `Host` header names this panel."""
        found = _HOST.fullmatch(header)
        if found is None:
            return False
        name = found[1].strip("[]")
        try:
            ip_address(name)
        except ValueError:
            return _plain(name) in self._names
        return True


def _plain(name: str) -> str:
    return name.lower().rstrip(".")
