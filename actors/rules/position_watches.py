"""Prices a group wants to be told of: watched targets (TP-4, TP-6) and the far end of a ladder (DCA-6).

The set follows from the group alone: it is set again whenever it changes and after every load, and stored nowhere.

Fills and prices come by different streams. A fill that moves a target can overtake the price that caused it, and the
price from before may lie beyond the new target. So for a moment after a fill only a newer price counts (ORD-10).
"""

from __future__ import annotations

from actors.rules import precision, takeprofit
from actors.rules.choices import TpMode
from actors.rules.events import Direction, Watch
from actors.rules.model import Group, GroupState, Order, Pyramid, Quote, Role, Side
from actors.rules.money import ceil_to, floor_to
from actors.rules.position_entries import beyond_bound, is_given_up
from actors.rules.settings import FeeSettings

AGGREGATE = "aggregate"
PYRAMID = "pyramid:"
BEYOND = "beyond:"
PRICE_LAG_MS = 1_000
"""How long a price stream may be behind the fills; after that the newest price is the newest there is."""


def watches(group: Group, fees: FeeSettings) -> tuple[Watch, ...]:
    """Every threshold of the group as it is now."""
    if group.state in (GroupState.CLOSING, GroupState.CLOSED):
        return ()
    return (*_targets(group, fees), *_ends(group))


def is_reached(watch: Watch, quote: Quote) -> bool:
    price = quote.bid if watch.book_side == "bid" else quote.ask
    return price >= watch.price if watch.direction is Direction.AT_OR_ABOVE else price <= watch.price


def is_believable(watch: Watch, quote: Quote, now_ms: int) -> bool:
    """Whether the price may answer the watch: seen since the fills it follows from, or not overtaken for a while."""
    return quote.time_ms >= watch.since_ms or now_ms >= watch.since_ms + PRICE_LAG_MS


def last_entry_ms(group: Group) -> int:
    """When the group last learnt of an entry fill; 0: never."""
    return max((order.update_time_ms for order in group.orders.values() if _is_filled_entry(order)), default=0)


def _is_filled_entry(order: Order) -> bool:
    return order.role is Role.ENTRY and bool(order.trades)


def _targets(group: Group, fees: FeeSettings) -> list[Watch]:
    """What could be sold if it were reached: a threshold nothing can follow from is none."""
    settings = group.settings
    hybrid = settings.tp_mode is TpMode.HYBRID
    if group.hybrid_hit or not (hybrid or takeprofit.is_watched(settings)):
        return []
    aggregate = takeprofit.aggregate(group, fees) if hybrid else None
    units = [aggregate] if aggregate else [] if hybrid else takeprofit.targets(group, fees)
    hit = {pyramid.index for pyramid in group.pyramids if pyramid.watch_hit}
    is_long = group.side is Side.LONG
    since_ms = last_entry_ms(group)
    return [
        Watch(
            watch_id=AGGREGATE if unit.pyramid is None else f"{PYRAMID}{unit.pyramid}",
            direction=Direction.AT_OR_ABOVE if is_long else Direction.AT_OR_BELOW,
            price=unit.price,
            book_side="bid" if is_long else "ask",
            since_ms=since_ms,
        )
        for unit in units
        if unit.pyramid not in hit
        and precision.max_sendable(unit.quantity, unit.price, group.instrument, market=True) > 0
    ]


def _ends(group: Group) -> list[Watch]:
    if group.settings.cancel_beyond_percent is None:
        return []
    unfinished = [pyramid for pyramid in group.pyramids if any(not is_given_up(leg) for leg in pyramid.legs)]
    return [_end(group, pyramid) for pyramid in unfinished]


def _end(group: Group, pyramid: Pyramid) -> Watch:
    """The first tick beyond the ladder's end, told when the far side of the book is there: then the mark is, too."""
    tick = group.instrument.tick_size
    bound = beyond_bound(group.side, pyramid, group.settings.cancel_beyond_percent)
    assert bound is not None, "asked for only where it is set"
    if group.side is Side.LONG:
        return Watch(
            watch_id=f"{BEYOND}{pyramid.index}",
            direction=Direction.AT_OR_BELOW,
            price=ceil_to(bound, tick) - tick,
            book_side="ask",
        )
    return Watch(
        watch_id=f"{BEYOND}{pyramid.index}",
        direction=Direction.AT_OR_ABOVE,
        price=floor_to(bound, tick) + tick,
        book_side="bid",
    )
