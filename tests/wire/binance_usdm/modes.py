"""What a futures account has set by symbol and for all symbols, beyond what the account behind it knows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal

from actors.rules.choices import MarginMode, PositionMode
from actors.rules.model import OrderSide, Side
from actors.rules.money import CONTEXT, ZERO
from tests.wire.binance_usdm import errors
from tests.wire.binance_usdm.errors import Refuse
from tests.wire.core.account import SimAccount, SimPosition

MAX_INCOME = 10_000
_CENT = Decimal(1).scaleb(-8)
BOTH, LONG, SHORT = "BOTH", "LONG", "SHORT"
ISOLATED, CROSSED = "ISOLATED", "CROSSED"

BRACKETS: tuple[tuple[int, int, str], ...] = (
    # initial leverage, notional cap, maintenance share
    (125, 50_000, "0.004"),
    (100, 250_000, "0.005"),
    (50, 3_000_000, "0.01"),
    (20, 15_000_000, "0.025"),
    (10, 30_000_000, "0.05"),
    (5, 80_000_000, "0.1"),
    (2, 200_000_000, "0.25"),
    (1, 500_000_000, "0.5"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    symbol: str
    kind: str
    amount: Decimal
    asset: str
    time_ms: int
    transfer_id: int
    trade_id: str = ""


@dataclass(slots=True)
class Modes:
    """Margin types, multi-asset mode and the income that was booked. Leverage and position mode are the account's."""

    account: SimAccount
    margin_types: dict[str, str] = field(default_factory=dict)
    """By venue symbol, where set."""
    is_multi_assets: bool = False
    incomes: deque[Income] = field(default_factory=lambda: deque(maxlen=MAX_INCOME))
    _next_transfer: int = 9_000_000_001

    @property
    def is_hedge(self) -> bool:
        return self.account.settings.position_mode is PositionMode.HEDGE

    def margin_type(self, symbol: str) -> str:
        default = ISOLATED if self.account.settings.margin_mode is MarginMode.ISOLATED else CROSSED
        return self.margin_types.get(symbol, default)

    def position_side(self, position: SimPosition) -> str:
        return position.side.value.upper() if self.is_hedge else BOTH

    def book_income(
        self, symbol: str, kind: str, amount: Decimal, asset: str, time_ms: int, trade_id: str = ""
    ) -> None:
        self.incomes.append(
            Income(
                symbol=symbol,
                kind=kind,
                amount=amount,
                asset=asset,
                time_ms=time_ms,
                transfer_id=self._next_transfer,
                trade_id=trade_id,
            )
        )
        self._next_transfer += 1

    # --- changing them ----------------------------------------------------------------------------

    def set_margin_type(self, symbol: str, margin_type: str) -> None:
        if margin_type == self.margin_type(symbol):
            raise Refuse(errors.MARGIN_TYPE_SAME)
        if self.account.orders(symbol, open_only=True):
            raise Refuse(errors.MARGIN_TYPE_ORDERS)
        if self.account.positions(symbol):
            raise Refuse(errors.MARGIN_TYPE_POSITION)
        self.margin_types[symbol] = margin_type

    def set_hedge(self, is_hedge: bool) -> None:
        if is_hedge == self.is_hedge:
            raise Refuse(errors.POSITION_MODE_SAME)
        if self.account.orders(open_only=True):
            raise Refuse(errors.POSITION_MODE_ORDERS)
        if self.account.positions():
            raise Refuse(errors.POSITION_MODE_POSITION)
        self.account.set_position_mode(PositionMode.HEDGE if is_hedge else PositionMode.ONE_WAY)

    def set_leverage(self, symbol: str, leverage: int) -> None:
        """Also of what is open: its margin moves with it."""
        positions = self.account.positions(symbol)
        before = self.account.leverage(symbol)
        if not 1 <= leverage <= BRACKETS[0][0]:
            raise Refuse(errors.bad_leverage(str(leverage)))
        if positions and leverage < before and self.margin_type(symbol) == ISOLATED:
            raise Refuse(errors.LEVERAGE_ISOLATED)
        cap = max_notional(leverage)
        if any(position.mark * position.quantity > cap for position in positions):
            raise Refuse(errors.MAX_POSITION)
        self._move_margin(symbol, leverage)
        self.account.set_leverage(symbol, leverage)

    def _move_margin(self, symbol: str, leverage: int) -> None:
        """Binds as much for positions and resting orders as the new leverage wants; refused where money lacks."""
        instrument, book = self.account.instruments[symbol], self.account.book
        held = [each for each in book.settlement.positions() if each.symbol == instrument.symbol and each.quantity]
        resting = [each for each in book.orders.values() if each.symbol == instrument.symbol and each.lock_unit]
        before = self.account.leverage(symbol)
        book.set_leverage(instrument.symbol, leverage)
        market = book.markets[instrument.symbol]
        units = [book.settlement.lock_of(each, instrument, book._worst_price(each, market))[1] for each in resting]
        margins = [_margin(each.cost, leverage) for each in held]
        more = sum((new - old.margin for old, new in zip(held, margins, strict=True)), ZERO)
        more += sum(((new - old.lock_unit) * old.remaining for old, new in zip(resting, units, strict=True)), ZERO)
        if more > book.funds.free(instrument.quote):
            book.set_leverage(instrument.symbol, before)
            raise Refuse(errors.LEVERAGE_MARGIN)
        book.funds.unlock(instrument.quote, -more)
        for position, margin in zip(held, margins, strict=True):
            position.margin = margin
        for order, unit in zip(resting, units, strict=True):
            order.lock_unit = unit


def _margin(cost: Decimal, leverage: int) -> Decimal:
    return CONTEXT.divide(cost, Decimal(leverage)).quantize(_CENT, rounding=ROUND_DOWN, context=CONTEXT)


def max_notional(leverage: int) -> Decimal:
    """The largest position at this leverage."""
    return Decimal(max(cap for initial, cap, _ in BRACKETS if initial >= leverage))


def reduces(position_side: str, side: OrderSide) -> bool:
    """Whether an order of that side takes a hedged position down."""
    return side is (Side.LONG if position_side == LONG else Side.SHORT).exit


def sides(is_hedge: bool) -> tuple[str, ...]:
    return (LONG, SHORT) if is_hedge else (BOTH,)
