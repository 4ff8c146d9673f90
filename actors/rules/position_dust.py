"""What is left of a part and is too small to be sold, also where no price says so (PRC-6, ORD-10)."""

from __future__ import annotations

from decimal import Decimal

from actors.rules import precision
from actors.rules.position_desk import Desk
from actors.rules.position_retry import PRICE_POLL_MS, pause_end_ms

DUST_WAIT_MS = 60_000
"""How long a rest that is dust by the last price known waits for a fresh one, from when its orders last changed."""


def last_price(desk: Desk) -> Decimal | None:
    """The newest price known, however old: the mark, else that of the group's last execution."""
    if desk.quote is not None:
        return desk.quote.mid
    trades = [trade for order in desk.orders.values() for trade in order.trades]
    return max(trades, key=lambda trade: trade.time_ms).price if trades else None


def is_left_as_dust(desk: Desk, quantity: Decimal) -> bool | None:
    """Whether this rest is left, as far as that can be said without a fresh price. None: it may have to be sold.
    False: it is dust by the last price known, but a fresh one is looked for a while longer.
    """
    rounded = precision.round_quantity(quantity, desk.instrument)
    if rounded <= 0 or rounded < precision.min_quantity(desk.instrument):
        return True
    price = None if desk.fresh is not None else last_price(desk)
    if price is None or precision.max_sendable(quantity, price, precision.for_exits(desk.instrument)) > 0:
        return None
    changed_ms = max((order.update_time_ms for order in desk.orders.values()), default=0)
    due_ms = pause_end_ms(desk, changed_ms, DUST_WAIT_MS)
    if desk.now_ms < due_ms:
        desk.wake_at(min(due_ms, desk.now_ms + PRICE_POLL_MS))
    return desk.now_ms >= due_ms
