"""The request budget of one account: its own windows and those it shares with others behind one address.

Safe from any thread: gateways draw on it, exchange adapters correct it by what the venue answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from actors.rules.rates import Ask, RateRules, Work


class Budget:
    """Unlimited. `LimitedBudget` counts."""

    def take(self, ask: Ask, work: Work, now_ms: int, count: int = 1) -> int:
        """0: drawn. Else nothing was drawn and it may be tried again in so many ms."""
        del ask, work, now_ms, count
        return 0

    def learn(self, used: Mapping[str, int], now_ms: int) -> None:
        """What the venue says is used, by window name."""

    def block(self, until_ms: int) -> None:
        """The venue takes nothing from this address before then."""

    def blocked_until_ms(self) -> int:
        """0: not blocked."""
        return 0


class LimitedBudget(Budget):
    """Counts by `rules`. `shared`: budgets of one address count windows that are shared together."""

    def __init__(self, rules: RateRules) -> None:
        self.rules = rules
