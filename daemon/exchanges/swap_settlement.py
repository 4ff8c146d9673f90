"""Swaps: margin is bound and profit realised, in quote."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from actors.rules.choices import PositionMode
from actors.rules.model import Instrument, OrderSide, Position, Quote, Refused, Side
from actors.rules.money import CONTEXT, COST_PLACES, HUNDRED, ZERO, round_cost
from actors.rules.settings import AccountSettings
from daemon.exchanges import order_checks as checks
from daemon.exchanges.funds import Funds
from daemon.exchanges.paper_order import PaperOrder
from daemon.exchanges.settlement import Fee, PaperPosition, Settlement

MAINTENANCE_PERCENT = Decimal("0.5")
"""A position whose margin and profit are worth less than this share of its value is liquidated."""
_QUANTUM = Decimal(1).scaleb(-COST_PLACES)


class SwapSettlement:
    """Positions with isolated margin, whatever `margin_mode` says: a loss is never more than what was put in."""

    def __init__(self, account: AccountSettings, funds: Funds, positions: Iterable[PaperPosition] = ()) -> None:
        self._account = account
        self._funds = funds
        self._hedge = account.position_mode is PositionMode.HEDGE
        self._leverage = Decimal(account.leverage)
        self._fee_share = max(account.fees.maker_percent, account.fees.taker_percent, ZERO) / HUNDRED
        costs = account.slippage_percent + max(account.fees.taker_percent, ZERO)
        # With very high leverage the maintenance would eat the margin at once: half of it is the most.
        most = CONTEXT.divide(HUNDRED / 2, self._leverage)
        self._maintenance_share = min(max(MAINTENANCE_PERCENT, costs), most) / HUNDRED
        self._positions = {(position.symbol, position.side): position for position in positions}
        self.touched: set[tuple[str, Side]] = set()

    @property
    def maintenance_share(self) -> Decimal:
        """Of a position's value: with no more than that left of its margin it is taken away."""
        return self._maintenance_share

    def position(self, symbol: str, side: Side) -> PaperPosition:
        """The position, empty if there is none."""
        key = (symbol, side)
        if key not in self._positions:
            self._positions[key] = PaperPosition(symbol=symbol, side=side)
        return self._positions[key]

    def _reduced_by(self, order: PaperOrder) -> PaperPosition | None:
        """The position this order takes down; None if it only builds one."""
        if self._hedge and not order.reduce_only:
            return None
        return self.position(order.symbol, Side.SHORT if order.side is OrderSide.BUY else Side.LONG)

    def admit(self, order: PaperOrder) -> Refused | None:
        return checks.NOTHING_TO_REDUCE if order.reduce_only and self.is_flat(order) else None

    def lock_of(self, order: PaperOrder, instrument: Instrument, price: Decimal) -> tuple[str, Decimal]:
        if order.reduce_only:
            return instrument.quote, ZERO
        value = price * instrument.contract_size
        margin = (value / self._leverage).quantize(_QUANTUM, rounding=ROUND_UP, context=CONTEXT)
        return instrument.quote, margin + value * self._fee_share

    def fillable(self, order: PaperOrder, quantity: Decimal) -> Decimal:
        if not order.reduce_only:
            return quantity
        position = self._reduced_by(order)
        return quantity if position is None else min(quantity, position.quantity)

    def settle(
        self, order: PaperOrder, instrument: Instrument, quantity: Decimal, price: Decimal, percent: Decimal
    ) -> Fee:
        value = price * quantity * instrument.contract_size
        fee = Fee(value * percent / HUNDRED, instrument.quote, value * percent / HUNDRED)
        position, closed = self._reduced_by(order), ZERO
        if position is not None and position.quantity:
            closed = min(quantity, position.quantity)
            self._reduce(position, instrument, closed, price)
        if quantity > closed:
            self._build(order, instrument, quantity - closed, price)
        self._funds.change(instrument.quote, -fee.amount)
        return fee

    def _reduce(self, position: PaperPosition, instrument: Instrument, quantity: Decimal, price: Decimal) -> None:
        cost, margin = position.cost, position.margin
        if quantity < position.quantity:
            cost = round_cost(CONTEXT.divide(cost * quantity, position.quantity))
            margin = round_cost(CONTEXT.divide(margin * quantity, position.quantity))
        position.quantity -= quantity
        position.cost -= cost
        position.margin -= margin
        self._funds.unlock(instrument.quote, margin)
        self._funds.change(instrument.quote, (price * quantity * instrument.contract_size - cost) * position.side.sign)
        self.touched.add((position.symbol, position.side))

    def _build(self, order: PaperOrder, instrument: Instrument, quantity: Decimal, price: Decimal) -> None:
        position = self.position(order.symbol, Side.LONG if order.side is OrderSide.BUY else Side.SHORT)
        cost = price * quantity * instrument.contract_size
        margin = (cost / self._leverage).quantize(_QUANTUM, rounding=ROUND_DOWN, context=CONTEXT)
        self._funds.lock(instrument.quote, margin)
        position.quantity += quantity
        position.cost += cost
        position.margin += margin
        self.touched.add((position.symbol, position.side))

    def is_flat(self, order: PaperOrder) -> bool:
        position = self._reduced_by(order)
        return position is None or not position.quantity

    def liquidate(self, instrument: Instrument, quote: Quote) -> list[PaperPosition]:
        lost = []
        for side in Side:
            position = self._positions.get((instrument.symbol, side))
            if position is None or not position.quantity:
                continue
            value = quote.closing(side) * position.quantity * instrument.contract_size
            if position.margin + (value - position.cost) * side.sign > value * self._maintenance_share:
                continue
            lost.append(position.copy())
            self._funds.unlock(instrument.quote, position.margin)
            self._funds.change(instrument.quote, -position.margin)
            position.quantity = position.cost = position.margin = ZERO
            self.touched.add((position.symbol, position.side))
        return lost

    def positions(self) -> Iterable[PaperPosition]:
        return self._positions.values()

    def copy(self, funds: Funds) -> Settlement:
        return SwapSettlement(self._account, funds, [position.copy() for position in self._positions.values()])


def venue_position(position: PaperPosition, instrument: Instrument) -> Position:
    """As a venue shows it: average entry is quote per base."""
    return Position(
        symbol=position.symbol,
        side=position.side,
        quantity=position.quantity,
        average_entry=CONTEXT.divide(position.cost, position.quantity * instrument.contract_size),
    )
