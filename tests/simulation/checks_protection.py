"""Every open position at rest has its targets and, where one is asked for, its stop; or it is closing, or an alert or a
flag of its group says why not (TP-2 to TP-9, ORD-6).

What must be covered is worked out from the fills of each part: legs, pyramids or the whole, by the mode of the group.
What cannot be sold for its size is left out; close to the minimum either is right.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from actors.rules.choices import TpExecution, TpMode
from actors.rules.model import GroupState, Role
from tests.simulation.checks_books import ZERO, Books, GroupBook, n
from tests.simulation.checks_world import Seen, actor_of, book_of
from tests.simulation.promise import Promise, Violation

Place = tuple[int | None, int | None]
SAFELY = Decimal("1.25")
"""What is worth so many times the least notional is surely sendable, whatever price it is judged at."""
EXCUSES = ("target_failing", "stop_failing", "price_stale", "close_failing", "external_change")
"""Flags by which a group says that it lacks something and why."""


class ProtectionChecks:
    def __init__(self, world: Seen, books: Books) -> None:
        self._world = world
        self._books = books

    def at_rest(self) -> None:
        for book in self._books.live.values():
            group = book.group
            if group.state is GroupState.CLOSING or any(flag in group.flags for flag in EXCUSES):
                continue
            watches = self._watches(group.group_id, group.account)
            self._has_targets(book, watches)
            self._has_stop(book, watches)

    def _watches(self, group_id: str, account: str) -> dict[str, Decimal]:
        """The thresholds that the account's gateway keeps for the group, by name."""
        gateway = actor_of(self._world, f"gateway/{account}")
        if gateway is None:
            return {}
        known: Any = gateway._prices._watches._groups.get(group_id)
        if known is None:
            return {}
        return {each.watch.watch_id: each.watch.price for each in known.thresholds.values()}

    # --- targets ----------------------------------------------------------------------------------

    def _has_targets(self, book: GroupBook, watches: dict[str, Decimal]) -> None:
        resting = self._resting(book)
        watched = is_watched(book)
        parts = list(parts_of(book))
        for place, quantity, cost in parts:
            if not is_sendable(book, quantity, cost, market=watched):
                continue
            if watched:
                self._is_watched_for(book, place, watches)
                continue
            step = book.group.instrument.step_size
            floor = quantity - quantity % step
            there = resting.get(place, ZERO)
            if there < floor and not is_capped(book):
                words = (
                    f"{book.name} holds {n(quantity)} {words_of(place)}, its targets at the venue are for {n(there)}"
                )
                raise Violation(Promise.PROTECTED, words)
        if book.group.settings.tp_mode is TpMode.HYBRID and not watched:
            whole = sum((quantity for _, quantity, _ in parts), book.group.loose.quantity)
            cost = book.cost + book.group.loose.cost
            if is_sendable(book, whole, cost, market=True):
                self._is_watched_for(book, (None, None), watches)

    def _resting(self, book: GroupBook) -> dict[Place, Decimal]:
        """What still rests at the venue of each part's targets."""
        there = book_of(self._world.venues[book.group.account]).orders
        found: dict[Place, Decimal] = defaultdict(lambda: ZERO)
        for name, known in book.orders.items():
            if known.order.role is Role.TAKE_PROFIT and name in there:
                found[(known.order.pyramid, known.order.leg)] += there[name].remaining
        return found

    @staticmethod
    def _is_watched_for(book: GroupBook, place: Place, watches: dict[str, Decimal]) -> None:
        name = _watch_name(place)
        if name not in watches and f"fall:{name}" not in watches:
            words = f"{book.name} holds something {words_of(place)}, and nobody watches for its target {name}"
            raise Violation(Promise.PROTECTED, f"{words}; watched: {sorted(watches)}")

    # --- stops ------------------------------------------------------------------------------------

    def _has_stop(self, book: GroupBook, watches: dict[str, Decimal]) -> None:
        group = book.group
        asks = group.settings.stop_loss_percent is not None or (
            group.settings.accept_signal_stops and group.stop_loss is not None
        )
        cost = book.cost + group.loose.cost
        if asks and group.stop_price is None and is_sendable(book, book.held, cost, market=True):
            raise Violation(Promise.PROTECTED, f"{book.name} holds {n(book.held)} and has no stop")
        if group.stop_price is None or "stop" in watches:
            return
        there = book_of(self._world.venues[group.account]).orders
        rests = any(
            known.order.role is Role.STOP and known.order.trigger_price == group.stop_price and name in there
            for name, known in book.orders.items()
        )
        if not rests:
            words = f"{book.name} has its stop at {n(group.stop_price)}, nobody watches it and none rests"
            raise Violation(Promise.PROTECTED, words)


def is_capped(book: GroupBook) -> bool:
    """Whether one order may be too small for all of a part."""
    instrument = book.group.instrument
    return instrument.max_quantity is not None or instrument.max_notional is not None


def is_watched(book: GroupBook) -> bool:
    settings = book.group.settings
    if settings.tp_trail_percent is not None:
        return True
    by_unit = settings.tp_mode in (TpMode.AGGREGATE, TpMode.PYRAMID_AGGREGATE)
    return by_unit and settings.tp_execution is TpExecution.WATCHED


def parts_of(book: GroupBook) -> Iterator[tuple[Place, Decimal, Decimal]]:
    """What each part holds and what that cost. A part that is still buying in part is one all the same."""
    mode = book.group.settings.tp_mode
    if mode is TpMode.AGGREGATE:
        yield (None, None), book.lots + book.group.loose.quantity, book.cost + book.group.loose.cost
        return
    sums: dict[Place, tuple[Decimal, Decimal]] = {}
    for (pyramid, index), leg in book.legs.items():
        place: Place = (pyramid, None if mode is TpMode.PYRAMID_AGGREGATE else index)
        quantity, cost = sums.get(place, (ZERO, ZERO))
        sums[place] = (quantity + leg.lot.quantity, cost + leg.lot.cost)
    for place, (quantity, cost) in sums.items():
        yield place, quantity, cost


def is_sendable(book: GroupBook, quantity: Decimal, cost: Decimal, *, market: bool) -> bool:
    """Whether the venue surely takes it as one order."""
    instrument = book.group.instrument
    step, least = instrument.step_size, instrument.min_quantity
    notional = instrument.min_notional if instrument.exit_min_notional is None else instrument.exit_min_notional
    if market:
        step = max(step, instrument.market_step_size or step)
        least = max(least, instrument.market_min_quantity or least)
        notional = max(notional, instrument.market_min_notional or notional)
    floor = quantity - quantity % step
    return floor > 0 and floor >= least and cost * floor >= notional * SAFELY * quantity


def _watch_name(place: Place) -> str:
    pyramid, leg = place
    if pyramid is None:
        return "aggregate"
    return f"pyramid:{pyramid}" if leg is None else f"leg:{pyramid}:{leg}"


def words_of(place: Place) -> str:
    pyramid, leg = place
    if pyramid is None:
        return "in all"
    return f"of pyramid {pyramid}" if leg is None else f"of leg {leg} of pyramid {pyramid}"
