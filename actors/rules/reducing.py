"""How much a reduce signal closes (EXIT-6)."""

from __future__ import annotations

from decimal import Decimal

from actors.rules.model import Instrument, Reason, Refused, Signal, SizeType
from actors.rules.money import CONTEXT, HUNDRED, floor_to


def reduce_quantity(signal: Signal, held: Decimal, instrument: Instrument, price: Decimal | None) -> Decimal | Refused:
    """What is to be closed of `held`, in the instrument's own unit, on the step, at most what is held.

    The share is order size / previous position size, else order size / (position size + order size), else the order
    size as an amount of base or quote. Without an order size it is what the position became smaller by. Anything else
    cannot be read as a share of this position and is refused.
    `price`: what a close would get; needed for an amount in quote only.
    """
    if held <= 0:
        return Refused(reason=Reason.NOTHING_TO_REDUCE, detail="the group holds nothing that could be closed")
    size = _size(signal)
    if size is None or size <= 0:
        return Refused(reason=Reason.SIZE_MISSING, detail="a reduce must name its order size")
    wanted = _share_of(signal, size, held)
    if wanted is None:
        wanted_or_refused = _amount(signal, size, instrument, price)
        if isinstance(wanted_or_refused, Refused):
            return wanted_or_refused
        wanted = wanted_or_refused
    quantity = floor_to(min(wanted, held), instrument.step_size)
    if quantity <= 0:
        return Refused(reason=Reason.BELOW_MIN_QUANTITY, detail="the part to be closed is less than one step")
    return quantity


def _size(signal: Signal) -> Decimal | None:
    """Without an order size it is what the position became smaller by."""
    before, now = signal.prev_market_position_size, signal.market_position_size
    if signal.order_size is not None or before is None or now is None:
        return signal.order_size
    return abs(before) - abs(now)


def _share_of(signal: Signal, size: Decimal, held: Decimal) -> Decimal | None:
    """None: the signal does not say what it is a share of."""
    if signal.prev_market_position_size:
        whole = abs(signal.prev_market_position_size)
    elif signal.market_position_size is not None:
        whole = abs(signal.market_position_size) + size
    else:
        return None
    return held if size >= whole else CONTEXT.divide(CONTEXT.multiply(held, size), whole)


def _amount(signal: Signal, size: Decimal, instrument: Instrument, price: Decimal | None) -> Decimal | Refused:
    if signal.size_type is SizeType.BASE:
        return CONTEXT.divide(size, instrument.contract_size)
    if signal.size_type is SizeType.QUOTE:
        if price is None or price <= 0:
            return Refused(reason=Reason.PRICE_MISSING, detail="an amount of quote cannot be valued without a price")
        return CONTEXT.divide(size, price * instrument.contract_size)
    detail = "contracts say nothing without the position's size: send it, or an amount of base or quote"
    return Refused(reason=Reason.SIZE_MISSING, detail=detail)


def percent_quantity(percent: Decimal, held: Decimal, instrument: Instrument) -> Decimal:
    """A share of what is held, in the instrument's own unit, down to the step. `percent` is above 0, at most 100."""
    wanted = CONTEXT.divide(CONTEXT.multiply(held, min(percent, HUNDRED)), HUNDRED)
    return floor_to(wanted, instrument.step_size)
