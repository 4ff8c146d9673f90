"""Prices a group wants to be told of: watched targets (TP-4, TP-6), stops and trails (TP-9), a ladder's end (DCA-6).

The set follows from the group alone: it is set again whenever it changes and after every load, and stored nowhere.

Fills and prices come by different streams. A fill that moves a target can overtake the price that caused it, and the
price from before may lie beyond the new target. So for a moment after a fill only a newer price counts (ORD-10).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from actors.rules import precision, profit, stops, takeprofit
from actors.rules.events import Direction, Watch
from actors.rules.model import Group, GroupState, Order, OrderState, Pyramid, Quote, Role, Side
from actors.rules.money import ceil_to, floor_to
from actors.rules.position_entries import beyond_bound, is_given_up
from actors.rules.settings import FeeSettings
from actors.rules.stops import AFTER_TARGET, BREAK_EVEN, STOP
from actors.rules.takeprofit import Target

BEYOND = "beyond:"
BEST, FALL = "best", "fall"
"""`best:<trail>`: the price from which on the trail moves. `fall:<trail>`: the one at which what trails is closed."""
PRICE_LAG_MS = 1_000
"""How long a price stream may be behind the fills; after that the newest price is the newest there is."""


def watches(group: Group, fees: FeeSettings) -> tuple[Watch, ...]:
    """Every threshold of the group as it is now."""
    if group.state in (GroupState.CLOSING, GroupState.CLOSED):
        return ()
    return (*_stops(group, fees), *_targets(group, fees), *_ends(group))


def is_reached(watch: Watch, quote: Quote) -> bool:
    price = quote.bid if watch.book_side == "bid" else quote.ask
    return price >= watch.price if watch.direction is Direction.AT_OR_ABOVE else price <= watch.price


def is_believable(watch: Watch, quote: Quote, now_ms: int) -> bool:
    """Whether the price may answer the watch: seen since the fills it follows from, or not overtaken for a while."""
    return is_recent(watch.since_ms, quote, now_ms)


def is_recent(since_ms: int, quote: Quote, now_ms: int) -> bool:
    """A fill that lies ahead of now is from before the clock was set back."""
    return quote.time_ms >= since_ms or not 0 <= now_ms - since_ms < PRICE_LAG_MS


def last_entry_ms(group: Group) -> int:
    """When the group last learnt of an entry fill; 0: never."""
    return max((order.update_time_ms for order in group.orders.values() if _is_filled_entry(order)), default=0)


def _is_filled_entry(order: Order) -> bool:
    return order.role is Role.ENTRY and bool(order.trades)


def last_fill_ms(orders: Iterable[Order]) -> int:
    """The same of any fill: a target's, too, moves the stop (TP-9)."""
    return max((order.update_time_ms for order in orders if order.trades), default=0)


# --- what earns ---


def _targets(group: Group, fees: FeeSettings) -> list[Watch]:
    """What could be sold if it were reached: a threshold nothing can follow from is none."""
    units = [] if group.hybrid_hit else takeprofit.watched(group, fees)
    if not units:
        return []
    hit: set[tuple[int | None, int | None]] = {(p.index, None) for p in group.pyramids if p.watch_hit}
    hit.update(stops.leg_hits(group.trails))
    since_ms = last_entry_ms(group)
    found: list[Watch] = []
    for unit in units:
        is_hit = (unit.pyramid, None) in hit or (unit.pyramid, unit.leg) in hit
        if not is_hit and precision.max_sendable(unit.quantity, unit.price, group.instrument, market=True) > 0:
            found += _of_target(group, unit, since_ms)
    return found


def _of_target(group: Group, unit: Target, since_ms: int) -> list[Watch]:
    """The target itself, or where its trail moves and where it closes once that is armed."""
    name, percent = stops.name_of(unit), group.settings.tp_trail_percent
    best = group.trails.get(name)
    if percent is None or best is None:
        return [_that_earns(group, name, unit.price, since_ms)]
    further = stops.next_best(group.side, best, percent, group.instrument)
    return [
        _that_loses(group, f"{FALL}:{name}", stops.fall_price(group, best, percent), since_ms),
        _that_earns(group, f"{BEST}:{name}", further, since_ms),
    ]


def _that_earns(group: Group, name: str, price: Decimal, since_ms: int) -> Watch:
    is_long = group.side is Side.LONG
    return Watch(
        watch_id=name,
        direction=Direction.AT_OR_ABOVE if is_long else Direction.AT_OR_BELOW,
        price=price,
        book_side="bid" if is_long else "ask",
        since_ms=since_ms,
    )


def _that_loses(group: Group, name: str, price: Decimal, since_ms: int) -> Watch:
    is_long = group.side is Side.LONG
    return Watch(
        watch_id=name,
        direction=Direction.AT_OR_BELOW if is_long else Direction.AT_OR_ABOVE,
        price=price,
        book_side="bid" if is_long else "ask",
        since_ms=since_ms,
    )


# --- what protects ---


def _stops(group: Group, fees: FeeSettings) -> list[Watch]:
    """The stop in force, a little later where one rests at the venue; and where trails move."""
    if group.stop_price is None and not group.trails:
        return []
    found: list[Watch] = []
    since_ms = last_fill_ms(group.orders.values())
    if group.stop_price is not None:
        price = group.stop_price
        if is_resting(group):
            price = stops.cover_price(group.side, price, group.instrument)
        found.append(_that_loses(group, STOP, price, since_ms))
    if not stops.is_open(group):
        return found
    trail = group.settings.stop_trail_percent
    if trail is not None and STOP in group.trails:
        further = stops.next_best(group.side, group.trails[STOP], trail, group.instrument)
        found.append(_that_earns(group, f"{BEST}:{STOP}", further, since_ms))
    if AFTER_TARGET in group.trails and BREAK_EVEN not in group.flags:
        beyond = stops.entry_price(group, fees) + group.side.sign * group.instrument.tick_size
        found.append(_that_earns(group, f"{BEST}:{AFTER_TARGET}", beyond, since_ms))
    return found


def is_resting(group: Group) -> bool:
    """Whether a stop for all that is held is surely at the venue, at the price in force."""
    quantity = precision.round_quantity(profit.held(group), group.instrument, market=True)
    return any(
        order.role is Role.STOP
        and order.state is OrderState.OPEN
        and not order.cancel_requested
        and order.trigger_price == group.stop_price
        and order.remaining >= quantity
        for order in group.orders.values()
    )


# --- the end of a ladder ---


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
