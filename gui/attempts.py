"""How often one address may try a wrong token. The daemon counts too, but sees only the panel's own address."""

from __future__ import annotations

from collections import OrderedDict

MAX_WRONG = 8
"""Wrong tokens an address may send within WINDOW_S; then it waits."""
WINDOW_S = 60.0
MAX_ADDRESSES = 4096
"""Beyond this the one heard of longest ago is forgotten."""


class Attempts:
    """Wrong logins per address. Times come from a clock that never goes back."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def wait_s(self, address: str, now_s: float) -> float:
        """How long this address has to wait before it may try again; 0: it may."""
        recent = self._recent(address, now_s)
        return max(recent[0] + WINDOW_S - now_s, 0.0) if len(recent) >= MAX_WRONG else 0.0

    def failed(self, address: str, now_s: float) -> None:
        self._wrong[address] = [*self._recent(address, now_s), now_s][-MAX_WRONG:]
        self._wrong.move_to_end(address)
        while len(self._wrong) > MAX_ADDRESSES:
            self._wrong.popitem(last=False)

    def succeeded(self, address: str) -> None:
        self._wrong.pop(address, None)

    def __len__(self) -> int:
        return len(self._wrong)

    def _recent(self, address: str, now_s: float) -> list[float]:
        return [at for at in self._wrong.get(address, ()) if now_s - at < WINDOW_S]
