"""What is shown of a group that is not stored: states of legs, target prices, progress. For display only."""

from __future__ import annotations

from decimal import Decimal

from actors.rules import profit, takeprofit
from actors.rules.choices import TpMode
from actors.rules.model import Group, Leg, LegState, Lot, Order, OrderState, Quote, Reason, Role, Side
from actors.rules.money import CONTEXT, HUNDRED, ZERO
from actors.rules.position_entries import is_complete
from actors.rules.position_reports import PRECISION_REASONS
from actors.rules.position_retry import CLOSE_FAILING, PRICE_STALE
from actors.rules.position_stops import STOP_FAILING
from actors.rules.position_targets import TARGET_FAILING
from actors.rules.settings import FeeSettings

LOST_ALERTS = ("target_lost", "stop_lost")
"""Where a stop sold everything, the venue ends the targets first and tells of the stop afterwards."""
PASSING_FLAGS = frozenset({CLOSE_FAILING, PRICE_STALE, STOP_FAILING, TARGET_FAILING})
"""Flags that are lowered again when their cause is gone. Each has an alert of the same name: `<flag>/<group id>`."""


def leg_state(group: Group, leg: Leg) -> LegState:
    """What has become of a leg. `tp_hit`: a target sold it; `closed`: anything else did."""
    entries = [order for order in orders_of_leg(group, leg) if order.role is Role.ENTRY]
    open_entries = [order for order in entries if not order.is_final]
    if not leg.bought_quantity:
        return _unfilled(leg, entries, open_entries)
    if not is_complete(leg) and (open_entries or leg.cancel_reason is None):
        return LegState.PARTIALLY_FILLED
    if not group.is_closed and not (leg.sold_quantity and leg.lot.quantity < group.instrument.step_size):
        return LegState.FILLED
    return LegState.TP_HIT if _sold_by_target(group, leg) else LegState.CLOSED


def _unfilled(leg: Leg, entries: list[Order], open_entries: list[Order]) -> LegState:
    if open_entries:
        waiting = all(order.state is OrderState.PENDING for order in open_entries)
        return LegState.PENDING if waiting else LegState.OPEN
    if leg.cancel_reason is None:
        return LegState.PENDING
    newest = max(entries, key=lambda order: order.attempt, default=None)
    if newest is None:
        return LegState.REJECTED if leg.cancel_reason in PRECISION_REASONS else LegState.CANCELLED
    return LegState.REJECTED if newest.state is OrderState.REJECTED else LegState.CANCELLED


def _sold_by_target(group: Group, leg: Leg) -> bool:
    """Whether the last sale that sold of the leg was a target, resting or watched."""
    sales = _sales_of(group, leg)
    if not sales:
        return False
    last = max(sales, key=lambda order: max(trade.time_ms for trade in order.trades))
    return last.role is Role.TAKE_PROFIT or last.reason is Reason.TAKE_PROFIT


def _sales_of(group: Group, leg: Leg) -> list[Order]:
    """Orders that sold of the leg. Where its own have sold all of it, or those of its pyramid all of the pyramid,
    wider ones sold of others only: an exit that closes the rest of the group is none of this leg's.
    """
    sales = [
        order
        for order in group.orders.values()
        if order.trades
        and order.role is not Role.ENTRY
        and order.pyramid in (None, leg.pyramid)
        and order.leg in (None, leg.index)
    ]
    own = [order for order in sales if order.leg is not None]
    if own and _sold_all(group, own, [leg]):
        return own
    pyramid = [
        order for order in group.orders.values() if order.role is not Role.ENTRY and order.pyramid == leg.pyramid
    ]
    if _sold_all(group, pyramid, [each for each in group.legs() if each.pyramid == leg.pyramid]):
        return [order for order in sales if order.pyramid is not None]
    return sales


def _sold_all(group: Group, orders: list[Order], legs: list[Leg]) -> bool:
    """Whether these orders account for what was sold of these legs, to less than a step."""
    left = sum((leg.sold_quantity for leg in legs), ZERO)
    for order in orders:
        left -= sum((trade.quantity + profit.base_fee(trade, group.instrument) for trade in order.trades), ZERO)
    return left < group.instrument.step_size


def orders_of_leg(group: Group, leg: Leg) -> list[Order]:
    """Orders of this leg alone, oldest first."""
    return [order for order in group.orders.values() if order.leg == leg.index and order.pyramid == leg.pyramid]


def is_leg_filled(leg: Leg) -> bool:
    """Whether a leg has bought and buys no more."""
    return bool(leg.bought_quantity) and (is_complete(leg) or leg.cancel_reason is not None)


def legs_filled(group: Group) -> int:
    """How many legs have filled, whatever became of them since."""
    return sum(is_leg_filled(leg) for leg in group.legs())


def leg_tp_price(group: Group, leg: Leg, fees: FeeSettings | None = None) -> Decimal:
    """Target of a leg: planned from its price until it has filled, then from the actual average of what its target
    covers (TP-1). `fees` matter only to targets net of fees.
    """
    fees = fees or FeeSettings()
    mode, settings = group.settings.tp_mode, group.settings
    if mode in (TpMode.PER_LEG, TpMode.HYBRID):
        if leg.bought_quantity:
            return takeprofit.leg_target_price(group, leg, fees)
        return takeprofit.planned_target_price(group.side, leg.price, leg.tp_percent, group.instrument)
    if leg.lot.quantity:
        wanted = None if mode is TpMode.AGGREGATE else leg.pyramid
        return next(unit.price for unit in takeprofit.targets(group, fees) if unit.pyramid == wanted)
    percent = settings.tp_percent if mode is TpMode.AGGREGATE else settings.tp_percent_of(leg.pyramid)
    price = profit.average_entry([_bought(leg)], group.instrument.contract_size) or leg.price
    return takeprofit.planned_target_price(group.side, price, percent, group.instrument)


def _bought(leg: Leg) -> Lot:
    return Lot(quantity=leg.bought_quantity, cost=leg.bought_cost)


def uncovered(group: Group, leg: Leg) -> Decimal:
    """What a leg holds beyond what its own target rests for: it waits to add up to a sendable quantity (ORD-6)."""
    resting = sum(
        (
            order.remaining
            for order in orders_of_leg(group, leg)
            if order.role is Role.TAKE_PROFIT and not order.is_final
        ),
        ZERO,
    )
    return max(leg.lot.quantity - resting, ZERO)


def ended_alerts(before: Group, after: Group) -> tuple[str, ...]:
    """Keys of the group's alerts whose cause is gone between two values of it: flags lowered since, and with its close
    a target or a stop that was lost.
    """
    names = [flag for flag in before.flags if flag in PASSING_FLAGS and flag not in after.flags]
    if after.is_closed and not before.is_closed:
        names += LOST_ALERTS
    return tuple(f"{name}/{after.group_id}" for name in names)


def progress_percent(group: Group, quote: Quote, fees: FeeSettings | None = None) -> Decimal | None:
    """How far the price has come from the average entry (0) to the nearest target (100), at the side a close would
    hit. Negative on the losing side; None if nothing is held.
    """
    targets = takeprofit.targets(group, fees or FeeSettings())
    average = profit.average_entry(profit.lots(group), group.instrument.contract_size)
    if not targets or average is None:
        return None
    prices = [target.price for target in targets]
    nearest = min(prices) if group.side is Side.LONG else max(prices)
    if nearest == average:
        return None
    return CONTEXT.divide((quote.closing(group.side) - average) * HUNDRED, nearest - average)
