"""A decision in the making: the group as it was, what has changed so far, and what is to be sent.

The rules of a group (`position_*.py`) work on a Desk inside one call of `position.step`; nobody else sees one. It
starts from an immutable group and ends in another (`decision`), the very same object if nothing changed, so a repeated
report writes no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from operator import attrgetter
from typing import Any

from actors.rules import precision
from actors.rules.events import (
    AmendOrders,
    CancelOrders,
    Context,
    Decision,
    Effect,
    Note,
    ResolveOrders,
    SubmitOrders,
    WakeAt,
)
from actors.rules.lifecycle import GroupEvent, move_group
from actors.rules.model import Cut, Group, GroupState, Leg, Lot, Order, OrderState, Pyramid, Quote, Reason, Role, Signal
from actors.rules.money import ZERO, floor_to
from actors.rules.naming import MAX_ATTEMPT, next_attempt
from actors.rules.position_orders import Place, new_order, trim, where

_TRACKED = (
    *("state", "instrument", "loose", "oversold", "realized", "fees", "funding", "dust", "dust_value"),
    *("close_reason", "close_time_ms", "flags", "hybrid_hit", "stop_loss", "take_profit"),
    *("trails", "stop_price", "stop_reason", "cuts", "risk_timer_start_ms", "risk_blocked", "risk_skip", "reverse"),
)
_tracked_of = attrgetter(*_TRACKED)


class Desk:
    """Mutable inside one decision. Read its attributes freely; orders, legs and flags change through its methods."""

    __slots__ = (
        *("before", "context", "now_ms", "quote", "fresh", "side", "settings", "pyramids", "orders"),
        *("entries", "targets", "closes", "stops", "stop_filled", "submits", "cancels", "resolves"),
        *("notes", "wake", "rearm"),
        *("amends", "unamendable"),
        *("_legs", "_dirty", "_orders_changed"),
        *_TRACKED,
    )

    def __init__(self, group: Group, context: Context, quote: Quote | None) -> None:  # noqa: PLR0915 - one line per field
        self.before = group
        self.context = context
        self.now_ms = context.now_ms
        self.quote = precision.usable(quote)
        self.fresh = self.quote if is_fresh(self.quote, context) else None
        """The quote if it may be decided on (ORD-10)."""
        self.side = group.side
        self.settings = group.settings
        own, newest = group.instrument, context.instrument
        self.instrument = own if newest is own or newest == own else newest
        self.state: GroupState = group.state
        self.loose: Lot = group.loose
        self.oversold: Lot = group.oversold
        self.realized: Decimal = group.realized
        self.fees: Decimal = group.fees
        self.funding: Decimal = group.funding
        self.dust: Decimal = group.dust
        self.dust_value: Decimal = group.dust_value
        self.close_reason: Reason | None = group.close_reason
        self.close_time_ms: int | None = group.close_time_ms
        self.flags: tuple[str, ...] = group.flags
        self.hybrid_hit: bool = group.hybrid_hit
        self.stop_loss: Decimal | None = group.stop_loss
        self.take_profit: Decimal | None = group.take_profit
        """What the newest signal that named one asks for (TP-9)."""
        self.trails: Mapping[str, Decimal] = group.trails
        """Replaced whole, like the values below, never edited in place."""
        self.stop_price: Decimal | None = group.stop_price
        self.stop_reason: Reason | None = group.stop_reason
        self.cuts: tuple[Cut, ...] = group.cuts
        self.risk_timer_start_ms: int | None = group.risk_timer_start_ms
        self.risk_blocked: bool = group.risk_blocked
        self.risk_skip: bool = group.risk_skip
        self.reverse: Signal | None = group.reverse
        self.pyramids: dict[int, Pyramid] = {pyramid.index: pyramid for pyramid in group.pyramids}
        self._legs: dict[Place, Leg] = {(leg.pyramid, leg.index): leg for leg in group.legs()}
        self._dirty: set[int] = set()
        self.orders: dict[str, Order] = dict(group.orders)
        self._orders_changed = False
        self.entries: dict[Place, dict[str, Order]] = {}
        self.targets: dict[Place, dict[str, Order]] = {}
        self.closes: dict[Place, dict[str, Order]] = {}
        """Orders that are not final, by role and place."""
        self.stops: dict[Place, dict[str, Order]] = {}
        """Likewise. They promise nothing of what is held: at the venue they only reduce (`position_stops`)."""
        self.stop_filled: Reason | None = None
        """A stop has filled in this decision, and what kind of stop it was."""
        for order in self.orders.values():
            if not order.is_final:
                self._shelve(order)
        self.submits: list[str] = []
        self.cancels: list[str] = []
        self.amends: list[str] = []
        self.unamendable: set[str] = set()
        """Orders whose amend the exchange has just refused."""
        self.resolves: list[str] = []
        self.notes: list[Note] = []
        self.wake: int | None = None
        self.rearm = False
        """The price watches must be set again though they are the same: one was used up without effect."""

    # --- legs and pyramids ---

    def legs(self) -> Iterable[Leg]:
        """Every leg, oldest pyramid first."""
        return self._legs.values()

    def leg_at(self, place: Place) -> Leg:
        return self._legs[place]

    def legs_of(self, pyramid: int) -> list[Leg]:
        return [leg for leg in self._legs.values() if leg.pyramid == pyramid]

    def put_leg(self, leg: Leg) -> None:
        self._legs[leg.pyramid, leg.index] = leg
        self._dirty.add(leg.pyramid)

    def put_pyramid(self, pyramid: Pyramid) -> None:
        """Takes the pyramid's own fields; of a new one its legs, too."""
        if pyramid.index not in self.pyramids:
            self._legs.update({(leg.pyramid, leg.index): leg for leg in pyramid.legs})
        self.pyramids[pyramid.index] = pyramid
        self._dirty.add(pyramid.index)

    # --- quantities ---

    def held(self) -> Decimal:
        """Everything the group holds, the loose remainder included."""
        return sum((leg.lot.quantity for leg in self._legs.values()), self.loose.quantity)

    def bound(self) -> Decimal:
        """What orders that may still fill could sell, resting stops left out."""
        shelves = (*self.targets.values(), *self.closes.values())
        return sum((order.remaining for shelf in shelves for order in shelf.values()), ZERO)

    def free(self) -> Decimal:
        """What is certainly free to be sold: no order that may still fill counts on it (TP-7). On the step, >= 0."""
        free = self.held() - self.bound()
        return floor_to(free, self.instrument.step_size) if free > 0 else ZERO

    def free_beside_stops(self) -> Decimal:
        """What is free even if every stop at the venue were to fill. On the step, >= 0.

        One that is not known to be there holds up no close, unless others trade the position too: it only reduces.
        """
        stopped = sum(
            (
                order.remaining
                for shelf in self.stops.values()
                for order in shelf.values()
                if order.state is not OrderState.PENDING or self.context.shares_position
            ),
            ZERO,
        )
        free = self.held() - self.bound() - stopped
        return floor_to(free, self.instrument.step_size) if free > 0 else ZERO

    # --- orders ---

    def put_order(self, order: Order) -> None:
        self.orders[order.client_order_id] = order
        self._orders_changed = True
        self._shelve(order)

    def _shelve(self, order: Order) -> None:
        shelves = self._shelves_of(order.role)
        place = (order.pyramid, order.leg)
        if not order.is_final:
            shelves.setdefault(place, {})[order.client_order_id] = order
        elif place in shelves:
            shelves[place].pop(order.client_order_id, None)
            if not shelves[place]:
                del shelves[place]

    def _shelves_of(self, role: Role) -> dict[Place, dict[str, Order]]:
        match role:
            case Role.ENTRY:
                return self.entries
            case Role.TAKE_PROFIT:
                return self.targets
            case Role.STOP:
                return self.stops
            case Role.CLOSE:
                return self.closes

    def open_orders(self) -> list[Order]:
        shelves = (*self.entries.values(), *self.targets.values(), *self.closes.values(), *self.stops.values())
        return [order for shelf in shelves for order in shelf.values()]

    def orders_at(self, role: Role, place: Place) -> list[Order]:
        """Every order kept of that role and place, the newest attempt first."""
        pyramid, leg = place
        found = [
            order
            for order in self.orders.values()
            if order.leg == leg and order.pyramid == pyramid and order.role is role
        ]
        return sorted(found, key=lambda order: -order.attempt)

    def place(
        self,
        role: Role,
        place: Place,
        quantity: Decimal,
        *,
        price: Decimal | None,
        immediate: bool = False,
        expected_price: Decimal | None = None,
        reason: Reason | None = None,
        trigger_price: Decimal | None = None,
    ) -> None:
        """Adds a new order under the next attempt. Price None: a market order, with a trigger a stop; `immediate`: what
        cannot fill at once expires. `reason` says why a close or a stop is made.
        """
        attempt = next_attempt(self.orders.values(), *place, role)
        if attempt > MAX_ATTEMPT:
            self.alert("order.attempts_exhausted", f"no more {role} orders can be named for {where(place)}", "error")
            return
        order = new_order(
            self.before,
            self.instrument,
            prefix=self.context.prefix,
            role=role,
            place=place,
            attempt=attempt,
            quantity=quantity,
            price=price,
            immediate=immediate,
            expected_price=expected_price,
            reason=reason,
            trigger_price=trigger_price,
            now_ms=self.now_ms,
        )
        self.put_order(order)
        self.submits.append(order.client_order_id)

    def cancel(self, order: Order) -> None:
        """Asks for a cancel, once."""
        if not order.cancel_requested and not order.is_final:
            self.put_order(replace(order, cancel_requested=True, update_time_ms=self.now_ms))
            self.cancels.append(order.client_order_id)

    def amend(self, order: Order, price: Decimal, quantity: Decimal) -> None:
        """Asks to bring an open order to this price and whole quantity. Until that is certain it may have either."""
        changed = replace(order, wanted_price=price, wanted_quantity=quantity, amend_time_ms=self.now_ms)
        self.put_order(replace(changed, update_time_ms=self.now_ms))
        self.amends.append(order.client_order_id)

    def cancel_all(self, shelves: dict[Place, dict[str, Order]]) -> None:
        for shelf in list(shelves.values()):
            for order in list(shelf.values()):
                self.cancel(order)

    # --- state, flags, words ---

    def move(self, event: GroupEvent, cause: str) -> None:
        """Moves the group by its table and notes the change (GRP-2)."""
        earlier, self.state = self.state, move_group(self.state, event)
        self.note(
            "group.state",
            f"{earlier} -> {self.state}: {cause}",
            attributes={"from": earlier.value, "to": self.state.value, "event": event.value, "cause": str(cause)},
        )

    def flag(self, name: str, raised: bool = True) -> bool:
        """Raises or lowers a flag; True if that changed it."""
        if (name in self.flags) == raised:
            return False
        self.flags = (*self.flags, name) if raised else tuple(flag for flag in self.flags if flag != name)
        return True

    def wake_at(self, time_ms: int) -> None:
        """Asks to be woken; the earliest time asked for counts."""
        self.wake = time_ms if self.wake is None else min(self.wake, time_ms)

    def note(
        self,
        type: str,
        message: str,
        severity: str = "info",
        *,
        category: str = "order",
        alert: str = "",
        order: Order | None = None,
        attributes: dict[str, str] | None = None,
    ) -> None:
        group = self.before
        key = group.key
        self.notes.append(
            Note(
                severity=severity,
                category=category,
                type=type,
                message=f"{key.symbol} {key.timeframe} {self.side}: {message}",
                alert=alert,
                client_order_id=order.client_order_id if order else "",
                attributes=attributes or {},
            )
        )

    def alert(
        self,
        type: str,
        message: str,
        severity: str = "warning",
        *,
        category: str = "order",
        order: Order | None = None,
    ) -> None:
        """A note that also raises the group's alert of that type."""
        key = f"{type.replace('.', '_')}/{self.before.group_id}"
        self.note(type, message, severity, category=category, alert=key, order=order)

    # --- the end ---

    def decision(self, group: Group) -> Decision:
        """What has become of the group, with its orders and notes as effects. Watches are the caller's."""
        return Decision(group=group, effects=tuple(self._effects()))

    def group(self) -> Group:
        """What has become of the group; the very same object if nothing has."""
        before = self.before
        changes: dict[str, Any] = {}
        for name, value, was in zip(_TRACKED, _tracked_of(self), _tracked_of(before), strict=True):
            if value is not was and value != was:
                changes[name] = value
        if self._dirty:
            changes["pyramids"] = tuple(self._rebuilt(pyramid) for pyramid in self.pyramids.values())
        if self._orders_changed:
            changes["orders"] = trim(self.orders)
        return replace(before, update_time_ms=self.now_ms, **changes) if changes else before

    def _rebuilt(self, pyramid: Pyramid) -> Pyramid:
        if pyramid.index not in self._dirty:
            return pyramid
        return replace(pyramid, legs=tuple(self.legs_of(pyramid.index)))

    def _effects(self) -> Iterable[Effect]:
        if self.cancels:
            yield CancelOrders(client_order_ids=tuple(self.cancels))
        if self.amends:
            yield AmendOrders(client_order_ids=tuple(self.amends))
        if self.submits:
            yield SubmitOrders(client_order_ids=tuple(self.submits))
        if self.resolves:
            yield ResolveOrders(client_order_ids=tuple(self.resolves))
        if self.wake is not None:
            yield WakeAt(time_ms=self.wake)
        yield from self.notes


def is_fresh(quote: Quote | None, context: Context) -> bool:
    """Whether a price may be decided on: usable and not older than `max_quote_age_s` (ORD-10)."""
    quote = precision.usable(quote)
    return quote is not None and precision.is_recent(quote, context.now_ms, context.execution.max_quote_age_s)
