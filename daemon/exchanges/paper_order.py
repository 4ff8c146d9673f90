"""One order as the paper exchange keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from actors.rules.model import OrderReport, OrderSide, OrderState, OrderType, Reason, TimeInForce, Trade
from actors.rules.money import ZERO


@dataclass(slots=True, kw_only=True)
class PaperOrder:
    """Changed in place by the matching core alone; everybody else gets an `OrderReport`."""

    number: int
    """The exchange's own id. Later orders have higher ones."""
    client_order_id: str
    symbol: str
    side: OrderSide
    type: OrderType
    time_in_force: TimeInForce
    reduce_only: bool
    price: Decimal | None
    trigger_price: Decimal | None
    quantity: Decimal
    made_ms: int
    """When its sender let it go; a candle that opened earlier cannot fill it (PAPER-2)."""
    create_ms: int
    update_ms: int
    state: OrderState = OrderState.OPEN
    filled: Decimal = ZERO
    trades: list[Trade] = field(default_factory=list)
    lock_asset: str = ""
    lock_unit: Decimal = ZERO
    """Locked per unit of quantity that can still fill."""
    reason: Reason | None = None
    words: str = ""
    amend_number: int = 0
    """From the same count as `number`: an amend has cost it its place among equals. 0: none has."""

    @property
    def place(self) -> int:
        """Among equal prices the lower one fills first."""
        return self.amend_number or self.number

    @property
    def remaining(self) -> Decimal:
        return self.quantity - self.filled

    def report(self) -> OrderReport:
        return OrderReport(
            client_order_id=self.client_order_id,
            exchange_order_id=str(self.number),
            state=self.state,
            trades=tuple(self.trades),
            reason=self.reason,
            words=self.words,
            time_ms=self.update_ms,
            price=self.price,
            quantity=self.quantity,
            symbol=self.symbol,
            side=self.side,
        )

    def copy(self) -> PaperOrder:
        other = object.__new__(PaperOrder)
        for name in PaperOrder.__slots__:
            setattr(other, name, getattr(self, name))
        other.trades = list(self.trades)
        return other
