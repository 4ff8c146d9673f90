"""Best prices a group keeps, and what follows from them: trailing stops, break-even, trailing targets (TP-9).

Invariants:
1. A trail only ever moves the way that earns, as long as the position is open. With the position it ends.
2. It moves in steps (`stops.next_best`), and only by a price that may be believed (ORD-10).
3. A target that trails is armed by the price that reaches it. One that has moved beyond its best since is not armed.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from actors.rules import stops, takeprofit
from actors.rules.events import Watch
from actors.rules.model import Order, Quote, Reason, Role, Trade
from actors.rules.money import ZERO, plain
from actors.rules.position_desk import Desk
from actors.rules.position_orders import where
from actors.rules.position_watches import BEST, FALL, is_recent, last_fill_ms
from actors.rules.stops import AFTER_TARGET, AGGREGATE, BREAK_EVEN, HIT, LEG, PYRAMID, STOP


def settle_trails(desk: Desk) -> None:
    """Begins trails, moves them by the newest price, ends those that have lost their meaning."""
    settings = desk.settings
    if not desk.trails and settings.stop_trail_percent is None:
        return
    if not stops.is_open(desk):
        _put(desk, {name: best for name, best in desk.trails.items() if name.startswith(HIT)})
        desk.flag(BREAK_EVEN, False)
        return
    trails = dict(desk.trails)
    if settings.stop_trail_percent is not None and STOP not in trails:
        average = stops.average_entry(desk)
        assert average is not None, "a position has an entry"
        trails[STOP] = average
    armed = {stops.name_of(unit): unit.price for unit in takeprofit.watched(desk, desk.context.fees)}
    for name in [name for name in trails if _is_of_target(name)]:
        if name not in armed or not stops.reaches(desk.side, trails[name], armed[name]):
            del trails[name]
    price = _believed(desk)
    if price is not None:
        trails = {name: _moved(desk, name, best, price) for name, best in trails.items()}
    _put(desk, trails)
    _move_to_entry(desk)


def _is_of_target(name: str) -> bool:
    return name == AGGREGATE or name.startswith((PYRAMID, LEG))


def _put(desk: Desk, trails: dict[str, Decimal]) -> None:
    if trails != desk.trails:
        desk.trails = trails


def _believed(desk: Desk) -> Decimal | None:
    """What a close would get now; None: nobody knows, or the price may be from before the last fill."""
    if desk.fresh is None or not is_recent(last_fill_ms(desk.orders.values()), desk.fresh, desk.now_ms):
        return None
    return desk.fresh.closing(desk.side)


def _moved(desk: Desk, name: str, best: Decimal, price: Decimal) -> Decimal:
    percent = desk.settings.stop_trail_percent if name == STOP else desk.settings.tp_trail_percent
    if name.startswith(HIT) or name == AFTER_TARGET or percent is None:
        return best
    return (
        price if stops.reaches(desk.side, price, stops.next_best(desk.side, best, percent, desk.instrument)) else best
    )


# --- break-even ---


def target_filled(desk: Desk, order: Order, fills: list[Trade]) -> None:
    """A target has sold something: from now on the stop may move to the entry."""
    if not desk.settings.break_even_after_first_tp or AFTER_TARGET in desk.trails:
        return
    if order.role is Role.TAKE_PROFIT or (order.role is Role.CLOSE and order.reason is Reason.TAKE_PROFIT):
        prices = [trade.price for trade in fills]
        best = max(prices) if desk.side.sign > 0 else min(prices)
        desk.trails = {**desk.trails, AFTER_TARGET: best}


def _move_to_entry(desk: Desk) -> None:
    """Once the price is beyond the entry of what is held: a stop at or behind the price would close at once."""
    if AFTER_TARGET not in desk.trails or BREAK_EVEN in desk.flags:
        return
    entry = stops.entry_price(desk, desk.context.fees)
    seen = [price for price in (desk.trails[AFTER_TARGET], _believed(desk)) if price is not None]
    if any(stops.is_beyond(desk.side, price, entry) for price in seen):
        desk.flag(BREAK_EVEN)
        desk.note("stop.break_even", f"a target was filled: the stop moves to the entry, {plain(entry)}")


# --- what a price does ---


def take_crossing(desk: Desk, watch: Watch, quote: Quote) -> None:
    """A threshold of a target or of a trail was reached by a price that may be believed."""
    kind, _, name = watch.watch_id.partition(":")
    price = quote.closing(desk.side)
    if kind == BEST:
        known = desk.trails.get(name)
        if known is None or stops.is_beyond(desk.side, price, known):
            desk.trails = {**desk.trails, name: price}
    elif kind == FALL:
        best = desk.trails[name]
        desk.trails = {key: value for key, value in desk.trails.items() if key != name}
        _close_part(desk, name, f"has come back to {plain(watch.price)} from {plain(best)}")
    elif desk.settings.tp_trail_percent is not None:
        desk.trails = {**desk.trails, watch.watch_id: price}
        desk.note("target.armed", f"the target {plain(watch.price)} of {_words(watch.watch_id)} was reached, it trails")
    else:
        _close_part(desk, watch.watch_id, f"was reached: {plain(watch.price)}")


def _close_part(desk: Desk, name: str, what: str) -> None:
    desk.note("target.hit", f"the watched target of {_words(name)} {what}")
    if name == AGGREGATE:
        desk.hybrid_hit = True
    elif name.startswith(PYRAMID):
        pyramid = desk.pyramids[int(name.removeprefix(PYRAMID))]
        desk.put_pyramid(replace(pyramid, watch_hit=True))
    else:
        desk.trails = {**desk.trails, HIT + name: ZERO}


def end_leg_hit(desk: Desk, pyramid: int, leg: int) -> None:
    gone = f"{HIT}{LEG}{pyramid}:{leg}"
    desk.trails = {name: best for name, best in desk.trails.items() if name != gone}


def _words(name: str) -> str:
    if name == AGGREGATE:
        return "the group"
    pyramid, _, leg = name.partition(":")[2].partition(":")
    return where((int(pyramid), int(leg) if leg else None))
