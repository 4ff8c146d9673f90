"""A ladder that filled at once because the market was already past its prices when it was placed (DCA-5).

Nothing is wrong with the orders: each filled at its price or better. But a ladder that is bought in one second is one
large entry, and that is mostly an alert with a stale or mistaken price. So the signal's story says it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from actors.rules.model import Group, Order, OrderSide, Pyramid, Role, Trade
from actors.rules.money import CONTEXT, HUNDRED

AT_ONCE_MS = 10_000
"""A leg fills at once within this after it was decided."""
LEAST_LEGS = 2
"""A single leg at a better price is what any limit order may get."""
FLAG = "LADDER_AT_ONCE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtOnce:
    pyramid: int
    time_ms: int
    """Of the last of these fills."""
    words: str


def ladder_at_once(group: Group, pyramid: Pyramid) -> AtOnce | None:
    """None: fewer than two of its legs found the market past their price."""
    entries = [order for order in group.orders.values() if _is_leg(order, pyramid.index)]
    legs = len(pyramid.legs)
    firsts = {order.leg: trade for order in entries if (trade := _past(order)) is not None}
    if len(firsts) < LEAST_LEGS:
        return None
    best = [trade.price for trade in firsts.values()]
    market = max(best) if entries[0].side is OrderSide.BUY else min(best)
    away = CONTEXT.divide((pyramid.entry_price - market) * HUNDRED, market).copy_abs()
    above = "above" if pyramid.entry_price > market else "below"
    whole = "its whole ladder" if len(firsts) == legs else f"{len(firsts)} of the {legs} legs of its ladder"
    words = (
        f"{whole} filled at once: the market stood at {_plain(market)} already, the alert's price "
        f"{_plain(pyramid.entry_price)} is {away.quantize(Decimal('0.01'))} % {above} it"
    )
    return AtOnce(pyramid=pyramid.index, time_ms=max(trade.time_ms for trade in firsts.values()), words=words)


def _is_leg(order: Order, pyramid: int) -> bool:
    return order.role is Role.ENTRY and order.pyramid == pyramid and order.leg is not None


def _past(order: Order) -> Trade | None:
    """The first execution of a limit order that the market was past when it came."""
    first = min(order.trades, key=lambda trade: trade.time_ms, default=None)
    if first is None or order.price is None or first.time_ms - order.create_time_ms > AT_ONCE_MS:
        return None
    is_better = first.price < order.price if order.side is OrderSide.BUY else first.price > order.price
    return first if is_better else None


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
