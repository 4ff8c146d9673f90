"""What a fill does to money and positions: coins change hands on spot, margin and profit move on swaps.

Invariants:
1. Free money is never negative: the most an order can cost is locked before it can fill.
2. What is locked is the sum over open orders of `lock_unit` x what can still fill, plus the margin of positions.
3. Nothing is rounded but the shares of cost and margin of a position that is closed in parts, and those move whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from actors.rules.model import Instrument, Quote, Refused, Side
from actors.rules.money import ZERO
from daemon.exchanges.funds import Funds
from daemon.exchanges.paper_order import PaperOrder


@dataclass(frozen=True, slots=True)
class Fee:
    amount: Decimal
    asset: str
    value: Decimal
    """In quote at the fill price."""


@dataclass(slots=True, kw_only=True)
class PaperPosition:
    """A swap position. `cost` is price x quantity x contract size of what opened it; `margin` is locked quote."""

    symbol: str
    side: Side
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    margin: Decimal = ZERO

    def copy(self) -> PaperPosition:
        return PaperPosition(
            symbol=self.symbol, side=self.side, quantity=self.quantity, cost=self.cost, margin=self.margin
        )


class Settlement(Protocol):
    """The difference between spot and swap. All money moves through the book's `Funds`."""

    touched: set[tuple[str, Side]]
    """Positions changed since somebody last cleared this."""

    def admit(self, order: PaperOrder) -> Refused | None:
        """Why such an order makes no sense now."""

    def lock_of(self, order: PaperOrder, instrument: Instrument, price: Decimal) -> tuple[str, Decimal]:
        """Asset and amount per unit of quantity that must be locked for it to fill at up to this price."""

    def fillable(self, order: PaperOrder, quantity: Decimal) -> Decimal:
        """How much of the quantity it may fill: reduce-only orders shrink to the position."""

    def settle(
        self, order: PaperOrder, instrument: Instrument, quantity: Decimal, price: Decimal, percent: Decimal
    ) -> Fee:
        """Books a fill whose lock has been undone. `percent` is the fee's."""

    def is_flat(self, order: PaperOrder) -> bool:
        """Whether there is nothing for this reduce-only order to reduce."""

    def liquidate(self, instrument: Instrument, quote: Quote) -> list[PaperPosition]:
        """Takes positions that are lost away, with their margin, and returns what they were."""

    def positions(self) -> Iterable[PaperPosition]: ...

    def copy(self, funds: Funds) -> Settlement:
        """The same on other funds."""
