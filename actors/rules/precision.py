"""Prices and quantities an exchange accepts (PRC).

Every rounding goes one way, and never the way that costs: entries are not worse than planned, targets are met or
beaten, stops fire rather early, quantities are never more than asked for.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from actors.rules.model import Instrument, OrderSide, Quote, Reason, Side
from actors.rules.money import CONTEXT, ZERO, ceil_to, floor_to

EDGE_SHARE = Decimal("0.25")
"""An order that must not fail for its price keeps this share of the way to the edge of the price band free."""


def usable(quote: Quote | None) -> Quote | None:
    """The quote if both sides of it are prices, else None: nothing is decided by a nonsensical one (ORD-10)."""
    if quote is None or not (quote.bid.is_finite() and quote.ask.is_finite()):
        return None
    return quote if quote.bid > 0 and quote.ask > 0 else None


def is_recent(quote: Quote, now_ms: int, max_age_s: int) -> bool:
    """Whether a price is young enough to decide by (ORD-10). One from the future is from before the clock was set back:
    nobody knows how old it is.
    """
    most_ms = max_age_s * 1000
    return -most_ms <= now_ms - quote.time_ms <= most_ms


def entry_price(side: Side, price: Decimal, instrument: Instrument) -> Decimal:
    """Entry price on the tick, to the passive side: a buy (long) down, a sell (short) up (PRC-2). May be zero."""
    return _down(price, instrument) if side is Side.LONG else _up(price, instrument)


def target_price(side: Side, price: Decimal, instrument: Instrument) -> Decimal:
    """Take-profit price on the tick, so that the target is met or beaten: long up, short down (PRC-2)."""
    return _up(price, instrument) if side is Side.LONG else _down(price, instrument)


def stop_price(side: Side, price: Decimal, instrument: Instrument) -> Decimal:
    """Stop price on the tick, toward the earlier trigger: long up, short down (PRC-2)."""
    return _up(price, instrument) if side is Side.LONG else _down(price, instrument)


def _down(price: Decimal, instrument: Instrument) -> Decimal:
    return floor_to(price, instrument.tick_size)


def _up(price: Decimal, instrument: Instrument) -> Decimal:
    return ceil_to(price, instrument.tick_size)


def quantity_step(instrument: Instrument, *, market: bool = False) -> Decimal:
    """Step of an order's quantity. Venues hold market orders to both rules, so the coarser one counts."""
    if market and instrument.market_step_size is not None:
        return max(instrument.step_size, instrument.market_step_size)
    return instrument.step_size


def min_quantity(instrument: Instrument, *, market: bool = False) -> Decimal:
    """Least quantity of one order."""
    if market and instrument.market_min_quantity is not None:
        return max(instrument.min_quantity, instrument.market_min_quantity)
    return instrument.min_quantity


def max_quantity(instrument: Instrument, *, market: bool = False, price: Decimal | None = None) -> Decimal | None:
    """Most one order may have, on the step, at this price if one is given; None: no such rule."""
    bounds = [instrument.max_quantity, instrument.market_max_quantity if market else None]
    most = instrument.market_max_notional if market else instrument.max_notional
    if most is not None and price is not None and price > 0:
        bounds.append(CONTEXT.divide(most, price * instrument.contract_size))
    known = [bound for bound in bounds if bound is not None]
    return round_quantity(min(known), instrument, market=market) if known else None


def min_notional(instrument: Instrument, *, market: bool = False) -> Decimal:
    """Least value of one order, in quote."""
    if market and instrument.market_min_notional is not None:
        return instrument.market_min_notional
    return instrument.min_notional


def for_exits(instrument: Instrument) -> Instrument:
    """The rules of what only reduces: some venues take any value of it, so that a position can always be closed."""
    least = instrument.exit_min_notional
    if least is None or least == instrument.min_notional:
        return instrument
    return replace(instrument, min_notional=least, market_min_notional=None)


def round_quantity(quantity: Decimal, instrument: Instrument, *, market: bool = False) -> Decimal:
    """Down to the step, of market orders if `market` (PRC-3)."""
    return floor_to(quantity, quantity_step(instrument, market=market))


def notional(quantity: Decimal, price: Decimal, instrument: Instrument) -> Decimal:
    """Quote value of a quantity: price x quantity x contract size."""
    return price * quantity * instrument.contract_size


def refusal(quantity: Decimal, price: Decimal, instrument: Instrument, *, market: bool = False) -> Reason | None:
    """Why the exchange would refuse an order of this (rounded) quantity and price; None: it is sendable (PRC-3).

    `price` of a market order is the mark its value is judged at. Price bands and order counts are not judged here:
    they pass (PRC-1).
    """
    if price <= 0:
        return Reason.BAD_PRICE
    if quantity <= 0 or quantity < min_quantity(instrument, market=market):
        return Reason.BELOW_MIN_QUANTITY
    most = max_quantity(instrument, market=market, price=price)
    if most is not None and quantity > most:
        return Reason.ABOVE_MAX_QUANTITY
    if notional(quantity, price, instrument) < min_notional(instrument, market=market):
        return Reason.BELOW_MIN_NOTIONAL
    return None


def is_sendable(quantity: Decimal, price: Decimal, instrument: Instrument, *, market: bool = False) -> bool:
    """Whether the exchange takes an order of this (rounded) quantity and price."""
    return refusal(quantity, price, instrument, market=market) is None


def max_sendable(quantity: Decimal, price: Decimal, instrument: Instrument, *, market: bool = False) -> Decimal:
    """The most of `quantity` one order can carry: rounded down, not above the maximum; zero if that is too small."""
    rounded = round_quantity(quantity, instrument, market=market)
    most = max_quantity(instrument, market=market, price=price)
    if most is not None:
        rounded = min(rounded, most)
    return rounded if is_sendable(rounded, price, instrument, market=market) else ZERO


def in_range(price: Decimal, instrument: Instrument) -> bool:
    """Whether a price lies between the least and the greatest the venue takes at all, bounds included (PRC-1)."""
    low, high = instrument.min_price, instrument.max_price
    return (low is None or price >= low) and (high is None or price <= high)


def in_band(price: Decimal, mark: Decimal | None, instrument: Instrument, side: OrderSide | None = None) -> bool:
    """Whether a price lies in the band the venue keeps around the mark, bounds included (PRC-1).

    `side` None: in that of buys and of sells. Without a mark only the venue's absolute bounds are judged.
    """
    low, high = price_bounds(mark, instrument, side)
    return (low is None or price >= low) and (high is None or price <= high)


def price_bounds(
    mark: Decimal | None, instrument: Instrument, side: OrderSide | None = None
) -> tuple[Decimal | None, Decimal | None]:
    """Lowest and highest price of a limit order of that side; None: no such rule."""
    lows, highs = [instrument.min_price], [instrument.max_price]
    if mark is not None:
        downs, ups = [instrument.band_down], [instrument.band_up]
        if side is not OrderSide.SELL:
            downs, ups = [*downs, instrument.buy_band_down], [*ups, instrument.buy_band_up]
        if side is not OrderSide.BUY:
            downs, ups = [*downs, instrument.sell_band_down], [*ups, instrument.sell_band_up]
        lows += [mark * factor for factor in downs if factor is not None]
        highs += [mark * factor for factor in ups if factor is not None]
    return (
        max((bound for bound in lows if bound is not None), default=None),
        min((bound for bound in highs if bound is not None), default=None),
    )


def within_bounds(price: Decimal, mark: Decimal, instrument: Instrument, side: OrderSide) -> Decimal:
    """The price on the tick that is nearest to this one and that the venue surely takes from that side: it keeps away
    from the edges of the band, because the venue's mark is not quite ours. For orders that are to fill at once.
    """
    low, high = price_bounds(mark, instrument, side)
    price = _into(price, _off_the_edge(low, mark), _off_the_edge(high, mark), instrument)
    return _into(price, instrument.min_price, instrument.max_price, instrument)


def _off_the_edge(bound: Decimal | None, mark: Decimal) -> Decimal | None:
    return None if bound is None else bound + (mark - bound) * EDGE_SHARE


def _into(price: Decimal, low: Decimal | None, high: Decimal | None, instrument: Instrument) -> Decimal:
    if high is not None and price > high:
        price = _down(high, instrument)
    return _up(low, instrument) if low is not None and price < low else price
