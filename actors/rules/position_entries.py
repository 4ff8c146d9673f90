"""The entries of a group: which are to be placed now, which wait, which are given up (DCA-4 to DCA-7, GRP-5, PRC-1).

A leg is *finished* when it has filled wholly, or was given up (`cancel_reason`) and no order of it can fill any more.
A given-up leg never gets another order; what it has bought stays.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from actors.rules import precision
from actors.rules.choices import SlippageAction
from actors.rules.model import Leg, Order, OrderState, Pyramid, Reason, Role, Side
from actors.rules.money import percent
from actors.rules.position_desk import Desk
from actors.rules.position_orders import where
from actors.rules.position_retry import (
    failures,
    price_fault,
    price_or_wait,
    retry_time_ms,
    slippage_bound,
)

WAIT_REASONS = frozenset({Reason.OUTSIDE_PRICE_BAND, Reason.TOO_MANY_OPEN_ORDERS})
"""Refusals that pass: the leg waits and is placed when it is allowed (PRC-1)."""

NEIGHBOUR_PAUSE_MS = 100
"""How often an entry that a neighbour's stop holds back is looked at again."""


def is_complete(leg: Leg) -> bool:
    return leg.bought_quantity >= leg.quantity


def is_given_up(leg: Leg) -> bool:
    return leg.cancel_reason is not None or is_complete(leg)


def is_finished(desk: Desk, leg: Leg) -> bool:
    return is_given_up(leg) and (leg.pyramid, leg.index) not in desk.entries


# --- giving up ---


def give_up(desk: Desk, leg: Leg, reason: Reason) -> None:
    """Nothing more is placed for this leg; what rests of it is cancelled by `cancel_given_up`."""
    if not is_given_up(leg):
        desk.put_leg(replace(leg, cancel_reason=reason, wait_reason=None))


def give_up_all(desk: Desk, reason: Reason) -> int:
    """Gives up every leg that may still buy; how many there were."""
    unfinished = [leg for leg in desk.legs() if not is_given_up(leg)]
    for leg in unfinished:
        give_up(desk, leg, reason)
    return len(unfinished)


def cancel_given_up(desk: Desk) -> None:
    """Asks to cancel what rests of legs that shall not buy any more."""
    for place in list(desk.entries):
        if is_given_up(desk.leg_at(place)):
            for order in list(desk.entries[place].values()):
                desk.cancel(order)


def expire(desk: Desk) -> None:
    """Gives up entries that are too old (DCA-7), or from which the mark has run away downwards (DCA-6)."""
    if desk.settings.entry_ttl_s is None and desk.settings.cancel_beyond_percent is None:
        return
    for pyramid in list(desk.pyramids.values()):
        unfinished = [leg for leg in desk.legs_of(pyramid.index) if not is_given_up(leg)]
        if unfinished:
            reason = _overdue(desk, pyramid) or _left_behind(desk, pyramid)
            if reason is not None:
                desk.note("entry.given_up", f"unfilled entries of pyramid {pyramid.index} are cancelled: {reason}")
                for leg in unfinished:
                    give_up(desk, leg, reason)


def _overdue(desk: Desk, pyramid: Pyramid) -> Reason | None:
    if desk.settings.entry_ttl_s is None:
        return None
    due_ms = pyramid.create_time_ms + desk.settings.entry_ttl_s * 1000
    if desk.now_ms >= due_ms:
        return Reason.ENTRY_TTL
    desk.wake_at(due_ms)
    return None


def _left_behind(desk: Desk, pyramid: Pyramid) -> Reason | None:
    bound = beyond_bound(desk.side, pyramid, desk.settings.cancel_beyond_percent)
    if bound is None or desk.fresh is None:
        return None
    gone = desk.fresh.mid < bound if desk.side is Side.LONG else desk.fresh.mid > bound
    return Reason.BEYOND_LADDER if gone else None


def beyond_bound(side: Side, pyramid: Pyramid, cancel_beyond_percent: Decimal | None) -> Decimal | None:
    """The mark beyond which a ladder is given up (DCA-6); None: it never is. Not on the tick."""
    if cancel_beyond_percent is None:
        return None
    prices = [leg.price for leg in pyramid.legs]
    last = min(prices) if side is Side.LONG else max(prices)
    return last - side.sign * percent(last, cancel_beyond_percent)


# --- placing ---


def place_entries(desk: Desk) -> bool:
    """Places every entry that may go out now; the others show why they wait. True if one had to be given up."""
    given_up = False
    for leg in list(desk.legs()):
        if is_given_up(leg) or (leg.pyramid, leg.index) in desk.entries:
            continue
        if desk.context.is_held_by_stop:
            reason: Reason | None = Reason.NEIGHBOUR_STOP
            desk.wake_at(desk.now_ms + NEIGHBOUR_PAUSE_MS)
        else:
            reason = _place_market(desk, leg) if leg.market else _place_limit(desk, leg)
        if is_given_up(desk.leg_at((leg.pyramid, leg.index))):
            given_up = True
        elif reason is not leg.wait_reason:
            desk.put_leg(replace(leg, wait_reason=reason))
            if reason is not None:
                desk.note("entry.waits", f"{where((leg.pyramid, leg.index))} waits: {reason}")
    return given_up


def _place_limit(desk: Desk, leg: Leg) -> Reason | None:
    """Sends a limit entry at its price, also where the mark is past it already (DCA-5). The reason if it must wait."""
    instrument = desk.instrument
    reason = _must_wait(desk, leg)
    if reason is not None:
        return reason
    price = precision.entry_price(desk.side, leg.price, instrument)
    mark = desk.fresh.mid if desk.fresh else desk.pyramids[leg.pyramid].entry_price
    if not precision.in_band(price, mark, instrument, desk.side.entry):
        reason = Reason.OUTSIDE_PRICE_BAND
    elif instrument.max_open_orders is not None and len(desk.open_orders()) >= instrument.max_open_orders:
        reason = Reason.TOO_MANY_OPEN_ORDERS
    if reason is not None:
        desk.wake_at(desk.now_ms + desk.context.execution.sweep_interval_s * 1000)
        return reason
    _send(desk, leg, price=price, judged_at=price)
    return None


def _must_wait(desk: Desk, leg: Leg) -> Reason | None:
    """The exchange refused it for a reason that passes: not before its pause is over."""
    if leg.wait_reason not in WAIT_REASONS:
        return None
    ready_ms = retry_time_ms(desk, failures(desk, Role.ENTRY, (leg.pyramid, leg.index)))
    if desk.now_ms >= ready_ms:
        return None
    desk.wake_at(ready_ms)
    return leg.wait_reason


def _place_market(desk: Desk, leg: Leg) -> Reason | None:
    """Sends the first leg as a market order, or as one bounded immediate order (DCA-4, EXIT-4)."""
    quote = price_or_wait(desk, f"the market entry of {where((leg.pyramid, leg.index))}")
    if quote is None:
        return price_fault(desk)
    expected = quote.closing(desk.side.opposite)
    if desk.context.execution.slippage_action is SlippageAction.WARN:
        _send(desk, leg, price=None, judged_at=expected, expected_price=expected)
    else:
        bound = slippage_bound(desk, desk.side.entry, expected)
        price = precision.entry_price(desk.side, bound, desk.instrument)
        price = precision.within_bounds(price, quote.mid, desk.instrument, desk.side.entry)
        _send(desk, leg, price=price, judged_at=price, expected_price=expected, immediate=True)
    return None


def _send(
    desk: Desk,
    leg: Leg,
    *,
    price: Decimal | None,
    judged_at: Decimal,
    expected_price: Decimal | None = None,
    immediate: bool = False,
) -> None:
    is_market = price is None
    quantity = leg.quantity - leg.bought_quantity
    quantity = precision.round_quantity(quantity, desk.instrument, market=is_market)
    refusal = precision.refusal(quantity, judged_at, desk.instrument, market=is_market)
    place = (leg.pyramid, leg.index)
    if refusal is not None:  # The instrument's rules changed since the preflight (POOL-5).
        give_up(desk, leg, refusal)
        desk.alert("entry.unsendable", f"{where(place)} cannot be sent: {refusal}", category="precision")
        return
    desk.place(Role.ENTRY, place, quantity, price=price, immediate=immediate, expected_price=expected_price)


# --- after an order has ended ---


def after_entry_ended(desk: Desk, order: Order) -> None:
    """What an entry that ended otherwise than by filling means for its leg."""
    leg = desk.leg_at((order.pyramid, order.leg))
    if order.state is OrderState.FILLED or is_given_up(leg):
        return
    if order.state is OrderState.REJECTED:
        _after_refusal(desk, order, leg)
    elif order.expected_price is not None:
        give_up(desk, leg, Reason.PRICE_DEVIATED)
        text = f"the entry of {where((leg.pyramid, leg.index))} did not fill within its bound and is not chased"
        desk.note("entry.not_chased", text, "warning", order=order)
    else:
        give_up(desk, leg, order.reason or Reason.MANUAL)
        text = f"the entry of {where((leg.pyramid, leg.index))} was {order.state} from outside"
        desk.note("entry.lost", text, "warning", order=order)


def _after_refusal(desk: Desk, order: Order, leg: Leg) -> None:
    """A refusal ends the leg, unless it passes, or the order never arrived and is young enough to be sent again."""
    if order.reason in WAIT_REASONS:
        desk.put_leg(replace(leg, wait_reason=order.reason))
    elif order.reason is Reason.NEVER_ACCEPTED:
        first = min(made.create_time_ms for made in desk.orders_at(Role.ENTRY, (leg.pyramid, leg.index)))
        if desk.now_ms - first > desk.context.execution.stale_entry_after_s * 1000:
            give_up(desk, leg, Reason.STALE_ENTRY)
    else:
        give_up(desk, leg, order.reason or Reason.EXCHANGE_REFUSED)


def all_refused(desk: Desk) -> bool:
    """Whether the exchange has refused every leg of the first pyramid for good and nothing was ever bought (GRP-5)."""
    first = desk.legs_of(0)
    if any(leg.bought_quantity for leg in desk.legs()) or not all(is_finished(desk, leg) for leg in first):
        return False
    return all(was_refused(desk, leg) for leg in first)


def was_refused(desk: Desk, leg: Leg) -> bool:
    orders = desk.orders_at(Role.ENTRY, (leg.pyramid, leg.index))
    return bool(orders) and orders[0].state is OrderState.REJECTED
