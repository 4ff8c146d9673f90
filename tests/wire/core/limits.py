"""Request limits as venues keep them: weight per calendar window, and a ban for those who do not listen.

limits = Limits({"REQUEST_WEIGHT_1M": Limit(6000, 60_000), "ORDERS_10S": Limit(100, 10_000)})
over = limits.draw({"REQUEST_WEIGHT_1M": 4}, now_ms)      # None, or Over(window, retry_after_s, is_ban)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class Limit:
    limit: int
    period_ms: int
    used: int = 0
    window: int = -1
    refused: int = 0
    """Requests refused in the current window."""


@dataclass(frozen=True, slots=True)
class Over:
    window: str
    retry_after_s: int
    is_ban: bool = False


@dataclass(slots=True)
class Limits:
    windows: dict[str, Limit]
    ban_after: int = 10
    """Requests in a window that is used up before the address is banned; 0: never."""
    ban_s: int = 120
    banned_until_ms: int = 0
    bans: int = field(default=0, init=False)

    def set(self, limits: Mapping[str, int]) -> None:
        """New limits of windows by name. KeyError for a window that is none."""
        for name, limit in limits.items():
            self.windows[name].limit = limit

    def ban(self, seconds: int, now_ms: int) -> None:
        self.banned_until_ms = now_ms + seconds * 1000
        self.bans += 1

    def banned_s(self, now_ms: int) -> int:
        """Seconds a ban still lasts, 0 without one."""
        return max(0, -(-(self.banned_until_ms - now_ms) // 1000))

    def draw(self, weights: Mapping[str, int], now_ms: int) -> Over | None:
        """Counts a request. None: it may go on."""
        if left_s := self.banned_s(now_ms):
            return Over("", left_s, is_ban=True)
        for name, weight in weights.items():
            window = self._current(name, now_ms)
            window.used += weight
        for name in weights:
            window = self.windows[name]
            if window.used > window.limit:
                return self._refuse(name, window, now_ms)
        return None

    def used(self, name: str, now_ms: int) -> int:
        return self._current(name, now_ms).used

    def _current(self, name: str, now_ms: int) -> Limit:
        window = self.windows[name]
        number = now_ms // window.period_ms
        if number != window.window:
            window.window, window.used, window.refused = number, 0, 0
        return window

    def _refuse(self, name: str, window: Limit, now_ms: int) -> Over:
        window.refused += 1
        if self.ban_after and window.refused > self.ban_after:
            self.ban(self.ban_s, now_ms)
            return Over(name, self.ban_s, is_ban=True)
        left_ms = window.period_ms - now_ms % window.period_ms
        return Over(name, -(-left_ms // 1000))
