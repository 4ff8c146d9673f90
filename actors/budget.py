"""The request budget of one account: its own windows and those it shares with others behind one address.

Safe from any thread: gateways draw on it, exchange adapters correct it by what the venue answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock

from actors.rules.rates import Ask, Meter, RateRules, Work

SET_BACK_MS = 1_000
"""Threads read the clock at slightly different moments; a time further back than this means that it was set."""
MAX_BLOCK_MS = 3 * 86_400_000
"""The longest ban a venue is known to speak out. What claims to be longer is tried again after this."""


class Budget:
    """Unlimited. `LimitedBudget` counts."""

    def take(self, ask: Ask, work: Work, now_ms: int, count: int = 1) -> int:
        """0: drawn. Else nothing was drawn and it may be tried again in so many ms."""
        del ask, work, now_ms, count
        return 0

    def learn(self, used: Mapping[str, int], now_ms: int) -> None:
        """What the venue says is used, by window name."""

    def change(self, rules: RateRules) -> None:
        """New limits, once the venue has told them."""

    def block(self, until_ms: int) -> None:
        """The venue takes nothing from this address before then."""

    def blocked_until_ms(self) -> int:
        """0: not blocked."""
        return 0

    def used(self, now_ms: int) -> Mapping[str, tuple[int, int]]:
        """Window name -> (weight in use, limit)."""
        del now_ms
        return {}


class SharedWindows:
    """What all accounts behind one address have in common: its shared windows, its ban, and the sense of time."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.meters: dict[str, Meter] = {}
        self.blocked_until_ms = 0
        self._newest_ms: int | None = None
        self._owned: list[dict[str, Meter]] = [self.meters]

    def join(self, meters: dict[str, Meter]) -> None:
        """Windows of one account, for when the clock is set. Call with the lock held, like everything here."""
        self._owned.append(meters)

    def flowing(self, now_ms: int) -> int:
        """`now_ms`, but never earlier than before; if the clock was set back, everything known moves with it."""
        newest_ms = self._newest_ms
        if newest_ms is None or now_ms >= newest_ms:
            self._newest_ms = now_ms
            return now_ms
        if now_ms > newest_ms - SET_BACK_MS:
            return newest_ms
        for meters in self._owned:
            for meter in meters.values():
                meter.shift(now_ms - newest_ms)
        if self.blocked_until_ms:
            self.blocked_until_ms += now_ms - newest_ms
        self._newest_ms = now_ms
        return now_ms


class SharedBudgets:
    """`SharedWindows` by address (the venue's host as this machine reaches it), made on the first use."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._by_address: dict[str, SharedWindows] = {}

    def of(self, address: str) -> SharedWindows:
        with self._lock:
            return self._by_address.setdefault(address, SharedWindows())


class LimitedBudget(Budget):
    """Counts by `rules`. `shared`: budgets of one address count windows that are shared together."""

    def __init__(self, rules: RateRules, shared: SharedWindows | None = None) -> None:
        self._shared = SharedWindows() if shared is None else shared
        self._own: dict[str, Meter] = {}
        with self._shared.lock:
            self._shared.join(self._own)
        self.change(rules)

    def change(self, rules: RateRules) -> None:
        """What is in use stays counted where a window keeps its period."""
        with self._shared.lock:
            self.rules = rules
            for window in rules.windows:
                meters = self._shared.meters if window.is_shared else self._own
                known = meters.get(window.name)
                if known is None or known.window.period_ms != window.period_ms:
                    meters[window.name] = Meter(window)
                else:
                    known.window = window
            names = {window.name for window in rules.windows if not window.is_shared}
            for name in self._own.keys() - names:
                del self._own[name]

    def take(self, ask: Ask, work: Work, now_ms: int, count: int = 1) -> int:
        with self._shared.lock:
            told_ms, now_ms = now_ms, self._shared.flowing(now_ms)
            wait_ms = self._blocked_ms(now_ms)
            costs = [
                (meter, weight * count)
                for name, weight in self.rules.costs.get(ask, {}).items()
                if (meter := self._meter(name)) is not None
            ]
            for meter, weight in costs:
                wait_ms = max(wait_ms, meter.wait_ms(work, weight, now_ms))
            if wait_ms:
                return wait_ms + (now_ms - told_ms)
            for meter, weight in costs:
                meter.add(weight, now_ms)
            return 0

    def learn(self, used: Mapping[str, int], now_ms: int) -> None:
        with self._shared.lock:
            now_ms = self._shared.flowing(now_ms)
            for name, weight in used.items():
                meter = self._meter(name)
                if meter is not None:
                    meter.raise_to(weight, now_ms)

    def block(self, until_ms: int) -> None:
        with self._shared.lock:
            self._shared.blocked_until_ms = max(self._shared.blocked_until_ms, until_ms)

    def blocked_until_ms(self) -> int:
        with self._shared.lock:
            return self._shared.blocked_until_ms

    def used(self, now_ms: int) -> Mapping[str, tuple[int, int]]:
        with self._shared.lock:
            now_ms = self._shared.flowing(now_ms)
            for meter in self._meters():
                meter.forget(now_ms)
            return {meter.window.name: (meter.used, meter.window.limit) for meter in self._meters()}

    def _blocked_ms(self, now_ms: int) -> int:
        shared = self._shared
        if shared.blocked_until_ms <= now_ms:
            shared.blocked_until_ms = 0
            return 0
        shared.blocked_until_ms = min(shared.blocked_until_ms, now_ms + MAX_BLOCK_MS)
        return shared.blocked_until_ms - now_ms

    def _meter(self, name: str) -> Meter | None:
        own = self._own.get(name)
        return self._shared.meters.get(name) if own is None else own

    def _meters(self) -> Iterator[Meter]:
        for window in self.rules.windows:
            meter = self._meter(window.name)
            if meter is not None:
                yield meter
