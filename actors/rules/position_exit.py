"""Selling what is held at once: an exit, a flat group's rest, a watched target that was hit (EXIT-1 to EXIT-5).

Invariants:
1. A close sells only what is certainly free: held less everything that could still fill on the exit side (TP-7). What
   closes the whole group counts a resting stop among that (`position_stops`).
2. One close is in flight per part. What a target still binds follows when its cancel is certain.
3. No sale leaves a rest behind that could not be sold on its own, as far as the exchange's limits allow.
4. A close that fails is tried again for ever, with growing pauses.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from actors.rules import precision
from actors.rules.choices import LimitCloseFallback, SlippageAction
from actors.rules.model import Instrument, Quote, Reason, Role, Side
from actors.rules.money import CONTEXT, ZERO, ceil_to
from actors.rules.position_desk import Desk
from actors.rules.position_dust import is_left_as_dust
from actors.rules.position_orders import Place, where
from actors.rules.position_retry import failures, price_or_wait, retry_time_ms, slippage_bound


def sell(desk: Desk, pyramid: int | None, reason: Reason, *, leg: int | None = None) -> bool:
    """Goes on selling one pyramid, one leg of it, or the whole group if None, with the loose remainder. True when it is
    done: no order of it can fill any more and what is left cannot be sold.
    """
    place = (pyramid, leg)
    in_the_way = [order for at, shelf in desk.targets.items() if _covers(place, at) for order in shelf.values()]
    if pyramid is None:
        in_the_way += [order for shelf in desk.stops.values() for order in shelf.values()]
    for order in in_the_way:
        desk.cancel(order)
    if any(pyramid in (None, at[0]) or at[1] is not None for at in desk.closes):
        return False  # A cut may be selling of any pyramid.
    total = _held(desk, place)
    is_left = is_left_as_dust(desk, total)
    if is_left is not None:
        return is_left and not in_the_way
    quote = price_or_wait(desk, f"the close of {where(place)}")
    if quote is None:
        return False
    failed = failures(desk, Role.CLOSE, place)
    expected = quote.closing(desk.side)
    price = closing_price(desk, quote, len(failed))
    if not is_sendable(desk, total, expected, price):
        price = last_resort(desk, quote, total)
        if price is None:
            return not in_the_way
    ready_ms = retry_time_ms(desk, failed)
    if desk.now_ms < ready_ms:
        desk.wake_at(ready_ms)
        return False
    is_beside = pyramid is not None and not desk.context.shares_position
    free = desk.free() if is_beside else desk.free_beside_stops()
    send(desk, place, total, free=free, price=price, expected=expected, reason=reason)
    return False


def _covers(part: Place, at: Place) -> bool:
    """Whether what is for `at` belongs to this part."""
    return part[0] is None or (part[0] == at[0] and part[1] in (None, at[1]))


def _held(desk: Desk, place: Place) -> Decimal:
    """What is to be sold of a part; it takes the loose remainder along unless another close does already."""
    pyramid, index = place
    if pyramid is None:
        return desk.held()
    loose = ZERO if desk.closes else desk.loose.quantity
    return sum((leg.lot.quantity for leg in desk.legs_of(pyramid) if index in (None, leg.index)), loose)


def closing_price(desk: Desk, quote: Quote, tries: int) -> Decimal | None:
    """Price of the next close: None is a market order, else an immediate order at the slippage bound (EXIT-4)."""
    execution = desk.context.execution
    if execution.slippage_action is SlippageAction.WARN:
        return None
    if tries >= execution.limit_close_attempts and execution.limit_close_fallback is LimitCloseFallback.MARKET:
        return None
    bound = slippage_bound(desk, desk.side.exit, quote.closing(desk.side))
    price = precision.target_price(desk.side, bound, desk.instrument)
    return precision.within_bounds(price, quote.mid, desk.instrument, desk.side.exit)


def last_resort(desk: Desk, quote: Quote, total: Decimal) -> Decimal | None:
    """Price of an immediate order for what neither a market order nor one at the bound can carry: as far from the
    expected price as its value allows. None: not even at the expected price is it worth enough.
    """
    instrument, expected = precision.for_exits(desk.instrument), quote.closing(desk.side)
    bound = slippage_bound(desk, desk.side.exit, expected)
    if desk.side is Side.LONG:
        size = precision.round_quantity(total, instrument) * instrument.contract_size
        bound = max(bound, CONTEXT.divide(instrument.min_notional, size))
        if bound > expected:
            return None
    price = precision.target_price(desk.side, bound, instrument)
    price = precision.within_bounds(price, quote.mid, instrument, desk.side.exit)
    return price if is_sendable(desk, total, expected, price) else None


def is_sendable(desk: Desk, total: Decimal, expected: Decimal, price: Decimal | None) -> bool:
    """Whether a part of `total` could be sold."""
    market, judged_at = price is None, expected if price is None else price
    return precision.max_sendable(total, judged_at, precision.for_exits(desk.instrument), market=market) > 0


def send(
    desk: Desk,
    place: Place,
    total: Decimal,
    *,
    free: Decimal,
    price: Decimal | None,
    expected: Decimal,
    reason: Reason,
) -> None:
    """Sells as much of `total` as is free and one order can carry; what follows can be sold, too (invariant 3)."""
    market, judged_at = price is None, expected if price is None else price
    instrument = precision.for_exits(desk.instrument)
    quantity = chunk(min(free, total), total, judged_at, instrument, market=market)
    if quantity:
        desk.place(
            Role.CLOSE,
            place,
            quantity,
            price=price,
            immediate=price is not None,
            expected_price=expected,
            reason=reason,
        )


def chunk(free: Decimal, total: Decimal, price: Decimal, instrument: Instrument, *, market: bool) -> Decimal:
    """How much of `total` the next order takes, with only `free` of it available: as much as possible, but so that the
    rest can be sold, too. Zero: not sendable now; wait until more is free.
    """
    quantity = precision.max_sendable(free, price, instrument, market=market)
    if not quantity:
        return ZERO
    rest = precision.round_quantity(total, instrument, market=market) - quantity
    least = least_sendable(price, instrument, market=market)
    if rest <= 0 or rest >= least:
        return quantity
    shorter = precision.max_sendable(quantity - (least - rest), price, instrument, market=market)
    if shorter:
        return shorter
    # All of it is free, so waiting changes nothing; what is bound, though, will come and join the free part.
    return quantity if total - free < instrument.step_size else ZERO


def least_sendable(price: Decimal, instrument: Instrument, *, market: bool) -> Decimal:
    """The smallest quantity the exchange takes at this price."""
    step = precision.quantity_step(instrument, market=market)
    least = precision.min_quantity(instrument, market=market)
    per_step = precision.notional(step, price, instrument)
    worth = precision.min_notional(instrument, market=market)
    steps = CONTEXT.divide(worth, per_step).to_integral_value(ROUND_CEILING)
    return max(ceil_to(least, step), steps * step)
