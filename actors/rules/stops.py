"""Where a group's stop is, and how trails follow the price (TP-9). Pure arithmetic; nothing is placed here.

Several stops can be asked for: a percentage from the average entry of what is held, the signal's own price, the entry
itself after the first target, a distance from the best price since the position opened. The one nearest to the price,
which is reached first, is in force.

A trail keeps the best price seen: the highest bid for a long, the lowest ask for a short. It moves in steps of a tenth
of its distance, so that a price that wanders costs no commit per tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from actors.rules import precision, profit, takeprofit
from actors.rules.model import Instrument, Lot, Reason, Side
from actors.rules.money import CONTEXT, HUNDRED, ceil_to, percent
from actors.rules.settings import FeeSettings, StrategySettings

STOP = "stop"
"""The trail of the stop."""
AFTER_TARGET = "break_even"
"""The best price since the first target was filled; from it follows when the stop moves to the entry."""
BREAK_EVEN = "break_even"
"""The flag of a group whose stop has been moved to the entry."""
AGGREGATE, PYRAMID, LEG = "aggregate", "pyramid:", "leg:"
"""Trails of targets, and the watches that arm them."""
HIT = "hit:"
"""Before the name of a leg whose trail has fallen back: it is being closed. Kept among the trails."""
STEPS = 10
"""Steps in the distance of a trail."""
COVER_PERCENT = Decimal("0.1")
"""How much later than a stop that rests the watch beside it closes: the venue's own comes first."""


class Holding(takeprofit.Holding, Protocol):
    """What the arithmetic needs of a group."""

    @property
    def trails(self) -> Mapping[str, Decimal]: ...
    @property
    def flags(self) -> tuple[str, ...]: ...
    @property
    def stop_loss(self) -> Decimal | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """`price` is on the tick, toward the earlier trigger (PRC-2)."""

    price: Decimal
    reason: Reason


def are_asked_for(settings: StrategySettings, stop_loss: Decimal | None) -> bool:
    """Whether these settings want a stop of any kind; `stop_loss`: the signal's own."""
    return (
        settings.stop_loss_percent is not None
        or settings.stop_trail_percent is not None
        or settings.break_even_after_first_tp
        or (settings.accept_signal_stops and stop_loss is not None)
    )


def average_entry(holding: takeprofit.Holding) -> Decimal | None:
    """Of everything that is held; None: nothing is."""
    return profit.average_entry(_lots(holding), holding.instrument.contract_size)


def held(holding: takeprofit.Holding) -> Decimal:
    return sum((lot.quantity for lot in _lots(holding)), Decimal(0))


def _lots(holding: takeprofit.Holding) -> list[Lot]:
    return [*(leg.lot for leg in holding.legs()), holding.loose]


def is_open(holding: takeprofit.Holding) -> bool:
    """Whether there is a position: more is held than dust, judged at what it cost."""
    average = average_entry(holding)
    if average is None or average <= 0:
        return False
    rules = precision.for_exits(holding.instrument)
    return precision.max_sendable(held(holding), average, rules, market=True) > 0


def in_force(holding: Holding, fees: FeeSettings) -> Stop | None:
    """The tightest of all stops that are asked for; of equal ones the first named here. None: there is none."""
    if not are_asked_for(holding.settings, holding.stop_loss) or not is_open(holding):
        return None
    found = [stop for stop in _all(holding, fees) if stop.price > 0]
    return max(found, key=lambda stop: holding.side.sign * stop.price, default=None)


def _all(holding: Holding, fees: FeeSettings) -> list[Stop]:
    settings, side = holding.settings, holding.side
    average = average_entry(holding)
    assert average is not None, "only what is held has a stop"
    found: list[tuple[Decimal, Reason]] = []
    if settings.stop_loss_percent is not None:
        found.append((_against(side, average, settings.stop_loss_percent), Reason.STOP_LOSS))
    if settings.accept_signal_stops and holding.stop_loss is not None:
        found.append((holding.stop_loss, Reason.STOP_LOSS))
    if settings.break_even_after_first_tp and BREAK_EVEN in holding.flags:
        found.append((takeprofit.break_even(holding, fees), Reason.BREAK_EVEN))
    if settings.stop_trail_percent is not None and STOP in holding.trails:
        found.append((_against(side, holding.trails[STOP], settings.stop_trail_percent), Reason.TRAILING_STOP))
    return [Stop(price=_on_tick(holding, price), reason=reason) for price, reason in found]


def entry_price(holding: takeprofit.Holding, fees: FeeSettings) -> Decimal:
    """Where a stop at the entry stands, on the tick."""
    return _on_tick(holding, takeprofit.break_even(holding, fees))


def _against(side: Side, price: Decimal, percent: Decimal) -> Decimal:
    """`price` moved by `percent` in the direction that loses."""
    return CONTEXT.divide(price * (HUNDRED - side.sign * percent), HUNDRED)


def _on_tick(holding: takeprofit.Holding, price: Decimal) -> Decimal:
    return precision.stop_price(holding.side, takeprofit.quiet(price, holding.instrument), holding.instrument)


# --- trails ---


def name_of(target: takeprofit.Target) -> str:
    if target.pyramid is None:
        return AGGREGATE
    return f"{PYRAMID}{target.pyramid}" if target.leg is None else f"{LEG}{target.pyramid}:{target.leg}"


def leg_hits(trails: Mapping[str, Decimal]) -> list[tuple[int, int]]:
    """Pyramid and leg of those that are being closed because their trail fell back."""
    if not trails:
        return []
    found = [name.removeprefix(HIT + LEG).split(":") for name in trails if name.startswith(HIT)]
    return [(int(pyramid), int(leg)) for pyramid, leg in found]


def is_beyond(side: Side, price: Decimal, other: Decimal) -> bool:
    """Whether `price` earns more than `other`."""
    return price > other if side is Side.LONG else price < other


def reaches(side: Side, price: Decimal, other: Decimal) -> bool:
    """Whether `price` earns as much as `other`, or more."""
    return price == other or is_beyond(side, price, other)


def next_best(side: Side, best: Decimal, trail_percent: Decimal, instrument: Instrument) -> Decimal:
    """The price from which on a trail moves: a step beyond its best."""
    step = ceil_to(percent(best, trail_percent) / STEPS, instrument.tick_size)
    return best + side.sign * max(step, instrument.tick_size)


def fall_price(holding: takeprofit.Holding, best: Decimal, trail_percent: Decimal) -> Decimal:
    """Where a target whose trail has come to `best` is closed, on the tick, toward the earlier trigger."""
    return _on_tick(holding, _against(holding.side, best, trail_percent))


def cover_price(side: Side, price: Decimal, instrument: Instrument) -> Decimal:
    """Where the watch beside a resting stop closes: a little later."""
    later = max(ceil_to(percent(price, COVER_PERCENT), instrument.tick_size), instrument.tick_size)
    return max(price - side.sign * later, instrument.tick_size)
