"""How big a pyramid is (DCA-3)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from actors.rules.choices import SizingSource
from actors.rules.model import Instrument, Intent, Reason, Refused, Signal, SizeType
from actors.rules.money import CONTEXT, HUNDRED, ZERO, percent
from actors.rules.settings import SizingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Size of a whole pyramid, split among its legs by weight.

    Either an amount of quote, of which a deeper leg buys more, or a fixed quantity in the instrument's own unit, which
    is what a signal's contracts or coins are: the legs then add up to just that.
    """

    capital: Decimal
    """Notional in quote; with a fixed quantity its value at the entry price."""
    quantity: Decimal | None = None

    def leg_quantity(self, weight_percent: Decimal, price: Decimal, instrument: Instrument) -> Decimal:
        """Quantity of a leg before rounding, in the instrument's own unit. `price` must be above zero."""
        if self.quantity is not None:
            return percent(self.quantity, weight_percent)
        worth = CONTEXT.multiply(price * instrument.contract_size, HUNDRED)
        return CONTEXT.divide(CONTEXT.multiply(self.capital, weight_percent), worth)


def size_of(
    sizing: SizingSettings,
    *,
    index: int,
    signal: Signal,
    instrument: Instrument,
    entry_price: Decimal,
    equity: Decimal | None = None,
) -> Size | Refused:
    """Size of the pyramid with this index. `equity` is the account's, in the instrument's quote.

    SIZE_MISSING if the signal or the account does not say what the configuration asks it for. Leverage plays no part.
    """
    if sizing.source is SizingSource.CONFIG:
        return Size(capital=sizing.capital_of(index))
    if sizing.source is SizingSource.SIGNAL:
        return _signal_size(signal, instrument, entry_price)
    if sizing.equity_percent is None or equity is None or equity <= 0:
        return _missing("the account's equity is not known, or sizing.equity_percent is not set")
    return Size(capital=percent(equity, sizing.equity_percent))


def _signal_size(signal: Signal, instrument: Instrument, entry_price: Decimal) -> Size | Refused:
    size = _own_size(signal)
    if size is None or size <= 0:
        return _missing("the signal has no order_size, and sizing.source is signal")
    if signal.size_type is SizeType.QUOTE:
        return Size(capital=size)
    # Contracts on spot are base, and so are its quantities: its contract size is 1.
    by_contract = signal.size_type is SizeType.CONTRACTS
    quantity = size if by_contract else CONTEXT.divide(size, instrument.contract_size)
    return Size(capital=quantity * instrument.contract_size * entry_price, quantity=quantity)


def _own_size(signal: Signal) -> Decimal | None:
    """The size of the new position alone: the order of a reverse also buys or sells what closes the old one."""
    size, new = signal.order_size, abs(signal.market_position_size or ZERO)
    if signal.intent is not Intent.REVERSE or not new or size is None:
        return size
    old = abs(signal.prev_market_position_size or ZERO)
    if old:
        return CONTEXT.divide(CONTEXT.multiply(size, new), old + new)
    return size if signal.size_type is SizeType.QUOTE else min(size, new)


def _missing(detail: str) -> Refused:
    return Refused(reason=Reason.SIZE_MISSING, detail=detail)
