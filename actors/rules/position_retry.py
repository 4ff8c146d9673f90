"""When something is tried again, and how far a market order may go (EXIT-4, EXIT-5, ORD-10)."""

from __future__ import annotations

from decimal import Decimal

from actors.rules.model import Order, OrderSide, OrderState, Quote, Reason, Role
from actors.rules.money import percent
from actors.rules.position_desk import Desk
from actors.rules.position_orders import Place

MAX_BACKOFF_MS = 60_000
"""Longest pause between two tries."""
PRICE_POLL_MS = 1_000
"""How often a missing or stale price is looked at again."""
PRICE_STALE = "price_stale"
CLOSE_FAILING = "close_failing"


def backoff_ms(desk: Desk, tries: int) -> int:
    """Pause after the n-th failed try: doubling from `retry_base_ms`, capped."""
    doubled: int = desk.context.execution.retry_base_ms * 2 ** min(tries - 1, 20)
    return min(doubled, MAX_BACKOFF_MS)


def failures(desk: Desk, role: Role, place: Place) -> list[Order]:
    """The newest orders of a place that ended without filling wholly and without being asked to, newest first."""
    failed: list[Order] = []
    for order in desk.orders_at(role, place):
        if not order.is_final:
            continue
        if order.state is OrderState.FILLED or (order.cancel_requested and order.state is not OrderState.REJECTED):
            break
        failed.append(order)
    return failed


def retry_time_ms(desk: Desk, failed: list[Order]) -> int:
    """When the place of these failures may be tried again; 0: at once."""
    return pause_end_ms(desk, failed[0].update_time_ms, backoff_ms(desk, len(failed))) if failed else 0


def pause_end_ms(desk: Desk, since_ms: int, pause_ms: int) -> int:
    """When a pause is over that began then; 0: it is. It is no longer one that began after now: the clock was set back,
    and nobody waits for it to get there again (REC-5)."""
    return 0 if since_ms > desk.now_ms else since_ms + pause_ms


def slippage_percent(desk: Desk) -> Decimal:
    """The signal's own bound, else the config's."""
    own = desk.before.max_slippage_percent
    return desk.context.execution.max_slippage_percent if own is None else own


def slippage_bound(desk: Desk, side: OrderSide, expected: Decimal) -> Decimal:
    """Worst price a market order may get: above the expected for a buy, below it for a sale."""
    slip = percent(expected, slippage_percent(desk))
    return expected + slip if side is OrderSide.BUY else expected - slip


def beyond_slippage(desk: Desk, order: Order) -> bool:
    """Whether an order's average came out worse than the bound around its expected price (EXIT-4)."""
    if order.expected_price is None or not order.filled_quantity:
        return False
    average = order.filled_notional / (order.filled_quantity * desk.instrument.contract_size)
    bound = slippage_bound(desk, order.side, order.expected_price)
    return average > bound if order.side is OrderSide.BUY else average < bound


def price_or_wait(desk: Desk, purpose: str) -> Quote | None:
    """The fresh quote, or None: then the group is flagged, an alert raised and the price looked at again (ORD-10)."""
    if desk.fresh is None:
        desk.wake_at(desk.now_ms + PRICE_POLL_MS)
        if desk.flag(PRICE_STALE):
            desk.alert("price.stale", f"{purpose} waits: {_why_waiting(desk)}", category="exchange")
    return desk.fresh


def _why_waiting(desk: Desk) -> str:
    """For people. The price of an account that is not traded is missing for that alone."""
    return str(price_fault(desk)) if desk.context.is_traded else f"account {desk.before.key.account} is not traded"


def price_fault(desk: Desk) -> Reason:
    return Reason.PRICE_MISSING if desk.quote is None else Reason.PRICE_STALE
