"""Free and locked money of one paper account."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from actors.rules.model import Balance
from actors.rules.money import ZERO


class Funds:
    """What is locked is bound to open orders (spot) or to orders and positions (swap)."""

    def __init__(self, balances: Iterable[Balance]) -> None:
        self._free: dict[str, Decimal] = {}
        self._locked: dict[str, Decimal] = {}
        for balance in balances:
            self._free[balance.asset] = balance.free
            self._locked[balance.asset] = balance.locked
        self.touched: set[str] = set()
        """Assets changed since somebody last cleared this."""

    def free(self, asset: str) -> Decimal:
        return self._free.get(asset, ZERO)

    def total(self, asset: str) -> Decimal:
        return self._free.get(asset, ZERO) + self._locked.get(asset, ZERO)

    def balance(self, asset: str) -> Balance:
        return Balance(asset=asset, free=self.free(asset), locked=self._locked.get(asset, ZERO))

    def balances(self) -> dict[str, Balance]:
        """Every asset that was ever held, by name."""
        return {asset: self.balance(asset) for asset in self._free}

    def lock(self, asset: str, amount: Decimal) -> bool:
        """Moves from free to locked. False, and nothing moves, where free does not suffice."""
        free = self._free.get(asset, ZERO)
        if amount > free:
            return False
        self._free[asset] = free - amount
        self._locked[asset] = self._locked.get(asset, ZERO) + amount
        self.touched.add(asset)
        return True

    def unlock(self, asset: str, amount: Decimal) -> None:
        self._locked[asset] = self._locked.get(asset, ZERO) - amount
        self._free[asset] = self._free.get(asset, ZERO) + amount
        self.touched.add(asset)

    def change(self, asset: str, amount: Decimal) -> None:
        """Adds to free what came in, or takes from it what went out."""
        self._free[asset] = self._free.get(asset, ZERO) + amount
        self.touched.add(asset)
