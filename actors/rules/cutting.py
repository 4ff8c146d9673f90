"""Which legs a part of a group is taken from, and how much of a group can be taken (EXIT-6, RISK-6, RISK-8).

Pure arithmetic on what is held. Quantities are in the instrument's own unit, on its step.
"""

from __future__ import annotations

from decimal import Decimal

from actors.rules import precision, takeprofit
from actors.rules.choices import TpMode
from actors.rules.model import CutPart, Leg, Side
from actors.rules.money import CONTEXT, ZERO, ceil_to, floor_to, percent
from actors.rules.position_exit import least_sendable
from actors.rules.position_orders import Place
from actors.rules.settings import FeeSettings
from actors.rules.takeprofit import Holding


def unit_place(mode: TpMode, leg: Leg) -> Place:
    """Where the target stands that covers this leg."""
    if mode is TpMode.AGGREGATE:
        return (None, None)
    return (leg.pyramid, None if mode is TpMode.PYRAMID_AGGREGATE else leg.index)


def held(holding: Holding) -> Decimal:
    """Everything that is held, the loose remainder included. Not on the step."""
    return sum((leg.lot.quantity for leg in holding.legs()), holding.loose.quantity)


def farthest_first(holding: Holding, fees: FeeSettings) -> list[tuple[Leg, Decimal]]:
    """The legs that hold something with the price of the target that covers each, farthest target first.

    Legs of one target go by the targets they would have of their own, then by their place.
    """
    mode, sign = holding.settings.tp_mode, holding.side.sign
    prices = {(unit.pyramid, unit.leg): unit.price for unit in takeprofit.targets(holding, fees)}
    found: list[tuple[Decimal, Decimal, int, int, Leg, Decimal]] = []
    for leg in holding.legs():
        if leg.lot.quantity:
            own = takeprofit.leg_target_price(holding, leg, fees)
            price = prices.get(unit_place(mode, leg), own)
            found.append((-sign * price, -sign * own, leg.pyramid, leg.index, leg, price))
    return [(row[4], row[5]) for row in sorted(found, key=lambda row: row[:4])]


def parts_of(holding: Holding, quantity: Decimal, fees: FeeSettings) -> tuple[CutPart, ...]:
    """What each leg gives to a cut of `quantity`, from the leg with the farthest target inward (EXIT-6).

    `quantity`: on the step, at most what is held. Parts are on the step and sum to it. A leg keeps nothing or enough to
    be sold at its target, as far as that can be; what is loose goes with the last part.
    """
    return parts_along(holding, farthest_first(holding, fees), quantity)


def parts_along(holding: Holding, legs: list[tuple[Leg, Decimal]], quantity: Decimal) -> tuple[CutPart, ...]:
    """`parts_of` along legs that are in order already: `farthest_first` of this holding."""
    instrument = precision.for_exits(holding.instrument)
    rooms = [floor_to(leg.lot.quantity, instrument.step_size) for leg, _ in legs]
    takes = [ZERO] * len(legs)
    need = quantity
    for index, (_, price) in enumerate(legs):
        room = rooms[index]
        take = min(need, room)
        if ZERO < take < room:
            least = least_sendable(price, instrument, market=False)
            if room - take < least:
                take = max(room - least, ZERO)
        takes[index] = take
        need -= take
    for index, room in enumerate(rooms):  # No way to leave every leg enough: what is left of one becomes loose.
        more = min(need, room - takes[index])
        takes[index] += more
        need -= more
    return _parts(holding, legs, takes, need)


def _parts(
    holding: Holding, legs: list[tuple[Leg, Decimal]], takes: list[Decimal], loose: Decimal
) -> tuple[CutPart, ...]:
    parts = [
        CutPart(pyramid=leg.pyramid, leg=leg.index, quantity=take)
        for (leg, _), take in zip(legs, takes, strict=True)
        if take
    ]
    if loose > 0 and parts:
        last = parts.pop()
        parts.append(CutPart(pyramid=last.pyramid, leg=last.leg, quantity=last.quantity + loose))
    elif loose > 0:
        first = legs[0][0] if legs else next(iter(holding.legs()))
        parts.append(CutPart(pyramid=first.pyramid, leg=first.index, quantity=loose))
    return tuple(parts)


def no_loss_price(holding: Holding, quantity: Decimal, cost: Decimal, fees: FeeSettings) -> Decimal:
    """The last price, on the tick, at which selling so much that has cost so much is no loss yet, taker fee included.
    `quantity` above zero.
    """
    instrument, side = holding.instrument, holding.side
    kept = 1 - side.sign * percent(Decimal(1), fees.taker_percent)
    raw = CONTEXT.divide(cost, quantity * instrument.contract_size * kept)
    return ceil_to(raw, instrument.tick_size) if side is Side.LONG else floor_to(raw, instrument.tick_size)


def cuttable(holding: Holding, quantity: Decimal, price: Decimal | None) -> Decimal:
    """How much a cut of `quantity` takes: on the step, at most what is held; everything on the step if what would stay
    could not be sold; zero if the exchange would not take it. `price`: what a close would get now; None: not known,
    then only quantities are judged.
    """
    instrument = precision.for_exits(holding.instrument)
    everything = floor_to(held(holding), instrument.step_size)
    asked = min(floor_to(quantity, instrument.step_size), everything)
    least = precision.min_quantity(instrument)
    if price is not None and price > 0:
        least = least_sendable(price, instrument, market=False)
    if asked <= 0 or asked < least:
        return ZERO
    return everything if everything - asked < least else asked
