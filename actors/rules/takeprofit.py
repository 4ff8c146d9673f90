"""Where a group's targets are (TP-1 to TP-5). Pure arithmetic on what has filled; nothing is placed here.

A target belongs to a leg, a pyramid or the whole group, by `tp_mode`. Its price comes from actual average fill prices.
With `tp_net_of_fees` the percentage is what remains of the invested cost after the fees of entry and exit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from actors.rules import precision, profit
from actors.rules.choices import TpExecution, TpMode
from actors.rules.model import Instrument, Leg, Lot, Order, Role, Side
from actors.rules.money import CONTEXT, HUNDRED, ZERO
from actors.rules.settings import FeeSettings, StrategySettings

_NOISE_PLACES = 9
"""A target is rounded to a billionth of a tick before it goes up to the tick: the last digit of a cost that was split
(PNL-1) must not move a target that lies exactly on a tick to the next one."""


class Holding(Protocol):
    """What the arithmetic needs of a group."""

    @property
    def side(self) -> Side: ...
    @property
    def settings(self) -> StrategySettings: ...
    @property
    def instrument(self) -> Instrument: ...
    @property
    def loose(self) -> Lot: ...
    @property
    def orders(self) -> Mapping[str, Order]: ...
    @property
    def take_profit(self) -> Decimal | None: ...
    def legs(self) -> Iterable[Leg]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is to be sold of one part of a group and at which price, on the tick. `quantity` is not yet on the step."""

    pyramid: int | None
    leg: int | None
    price: Decimal
    quantity: Decimal


def is_watched(settings: StrategySettings) -> bool:
    """Whether the targets of this strategy are watched by the daemon instead of resting (TP-6). Those that trail are:
    reached, they do not close yet (TP-9).
    """
    if settings.tp_trail_percent is not None:
        return True
    by_unit = settings.tp_mode in (TpMode.AGGREGATE, TpMode.PYRAMID_AGGREGATE)
    return by_unit and settings.tp_execution is TpExecution.WATCHED


def targets(holding: Holding, fees: FeeSettings) -> list[Target]:
    """One target for each part that holds something. The loose remainder counts only into the aggregate one."""
    costs = _Costs(holding, fees)
    mode = holding.settings.tp_mode
    legs = [leg for leg in holding.legs() if leg.lot.quantity]
    if mode is TpMode.AGGREGATE:
        target = aggregate(holding, fees)
        return [target] if target else []
    if mode is TpMode.PYRAMID_AGGREGATE:
        return [_of_pyramid(costs, index, legs) for index in dict.fromkeys(leg.pyramid for leg in legs)]
    return [
        Target(pyramid=leg.pyramid, leg=leg.index, price=costs.price([leg], leg.tp_percent), quantity=leg.lot.quantity)
        for leg in legs
    ]


def watched(holding: Holding, fees: FeeSettings) -> list[Target]:
    """The targets the daemon watches for: all of them, or the aggregate one of hybrid mode (TP-4, TP-6, TP-9)."""
    found = targets(holding, fees) if is_watched(holding.settings) else []
    if holding.settings.tp_mode is TpMode.HYBRID:
        whole = aggregate(holding, fees)
        found = [whole, *found] if whole else found
    return found


def aggregate(holding: Holding, fees: FeeSettings) -> Target | None:
    """The whole position at its average entry and `tp_percent` (TP-3), or at the signal's own price where that is
    accepted (TP-9); None if nothing is held.
    """
    legs = [leg for leg in holding.legs() if leg.lot.quantity]
    if not legs:
        return loose_target(holding, fees)
    quantity = sum((leg.lot.quantity for leg in legs), holding.loose.quantity)
    if holding.settings.accept_signal_stops and holding.take_profit is not None:
        price = precision.target_price(holding.side, holding.take_profit, holding.instrument)
        return Target(pyramid=None, leg=None, price=price, quantity=quantity)
    price = _Costs(holding, fees).price(legs, holding.settings.tp_percent)
    return Target(pyramid=None, leg=None, price=price, quantity=quantity)


def loose_target(holding: Holding, fees: FeeSettings) -> Target | None:
    """The loose remainder alone, when no part is left that could take it along (PRC-6): it goes at the smallest
    percentage the group asks for anywhere.
    """
    if not holding.loose.quantity:
        return None
    settings = holding.settings
    percent = settings.tp_percent
    if settings.tp_mode in (TpMode.PER_LEG, TpMode.HYBRID):
        percent = min((leg.tp_percent for leg in holding.legs()), default=percent)
    elif settings.tp_mode is TpMode.PYRAMID_AGGREGATE:
        percent = min(settings.tp_percent_of(index) for index in {leg.pyramid for leg in holding.legs()})
    price = _Costs(holding, fees).price_of_lots([holding.loose], percent, ZERO)
    return Target(pyramid=None, leg=None, price=price, quantity=holding.loose.quantity)


def break_even(holding: Holding, fees: FeeSettings) -> Decimal:
    """The price at which what is held closes without profit or loss, not on the tick: its average entry, with
    `tp_net_of_fees` what its entry cost and a close by market order costs on top.
    """
    return _Costs(holding, fees).break_even()


def leg_target_price(holding: Holding, leg: Leg, fees: FeeSettings) -> Decimal:
    """A leg's own target from its actual average fill price (TP-2). The leg must have filled."""
    return _Costs(holding, fees).price([leg], leg.tp_percent)


def planned_target_price(side: Side, price: Decimal, percent: Decimal, instrument: Instrument) -> Decimal:
    """The target of something that fills at exactly `price`, fees left out."""
    return precision.target_price(side, quiet(_beyond(side, price, percent), instrument), instrument)


def _of_pyramid(costs: _Costs, index: int, legs: list[Leg]) -> Target:
    own = [leg for leg in legs if leg.pyramid == index]
    return Target(
        pyramid=index,
        leg=None,
        price=costs.price(own, costs.holding.settings.tp_percent_of(index)),
        quantity=sum((leg.lot.quantity for leg in own), ZERO),
    )


def _beyond(side: Side, price: Decimal, percent: Decimal) -> Decimal:
    """`price` moved by `percent` in the direction that earns."""
    return CONTEXT.divide(price * (HUNDRED + side.sign * percent), HUNDRED)


def quiet(price: Decimal, instrument: Instrument) -> Decimal:
    """The price without the noise of splitting costs."""
    return CONTEXT.quantize(price, instrument.tick_size.scaleb(-_NOISE_PLACES))


class _Costs:
    """Averages of a group's legs, and what their entries and exits cost in fees if targets are to be net of them."""

    __slots__ = ("_fees", "_paid", "holding")

    def __init__(self, holding: Holding, fees: FeeSettings) -> None:
        self.holding = holding
        self._fees = fees
        self._paid = entry_fees(holding) if holding.settings.tp_net_of_fees else {}

    def price(self, legs: list[Leg], percent: Decimal) -> Decimal:
        """Target price of these legs together: one leg by all its fills, several by what each still holds."""
        if len(legs) == 1:
            leg = legs[0]
            lots = [Lot(quantity=leg.bought_quantity, cost=leg.bought_cost)]
        else:
            lots = [leg.lot for leg in legs]
        fee = self._entry_fee(legs) if self.holding.settings.tp_net_of_fees else ZERO
        return self.price_of_lots(lots, percent, fee)

    def price_of_lots(self, lots: list[Lot], percent: Decimal, entry_fee: Decimal) -> Decimal:
        """`entry_fee` is in quote per base still held."""
        holding = self.holding
        average = profit.average_entry(lots, holding.instrument.contract_size)
        assert average is not None, "only what is held has a target"
        raw = _beyond(holding.side, average, percent)
        if holding.settings.tp_net_of_fees:
            sign = holding.side.sign
            kept = HUNDRED - sign * self._exit_percent()
            raw = CONTEXT.divide((raw + sign * entry_fee) * HUNDRED, kept)
        return precision.target_price(holding.side, quiet(raw, holding.instrument), holding.instrument)

    def break_even(self) -> Decimal:
        holding = self.holding
        legs = [leg for leg in holding.legs() if leg.lot.quantity]
        lots = [*(leg.lot for leg in legs), holding.loose]
        average = profit.average_entry(lots, holding.instrument.contract_size)
        assert average is not None, "only what is held has an entry"
        if not holding.settings.tp_net_of_fees:
            return average
        sign = holding.side.sign
        return CONTEXT.divide(
            (average + sign * self._entry_fee(legs)) * HUNDRED, HUNDRED - sign * self._fees.taker_percent
        )

    def _exit_percent(self) -> Decimal:
        return self._fees.taker_percent if is_watched(self.holding.settings) else self._fees.maker_percent

    def _entry_fee(self, legs: list[Leg]) -> Decimal:
        """Entry fees per base that is held, weighted by what each leg holds."""
        total, quantity = ZERO, ZERO
        for leg in legs:
            total += leg.lot.quantity * self._fee_per_base(leg)
            quantity += leg.lot.quantity
        return CONTEXT.divide(total, quantity) if quantity else ZERO

    def _fee_per_base(self, leg: Leg) -> Decimal:
        """Fees actually paid if the trades are all known, else by the account's rates."""
        size = self.holding.instrument.contract_size
        paid = self._paid.get((leg.pyramid, leg.index))
        if paid is not None and paid.quantity == leg.bought_quantity and paid.received > 0:
            return CONTEXT.divide(paid.fee, paid.received * size)
        average = profit.average_entry([Lot(quantity=leg.bought_quantity, cost=leg.bought_cost)], size) or ZERO
        rate = self._fees.taker_percent if leg.market else self._fees.maker_percent
        return CONTEXT.divide(average * rate, HUNDRED)


@dataclass(slots=True)
class EntryFees:
    """What the entry fills of a leg cost in quote; `received` is their quantity less fees in the coin itself."""

    quantity: Decimal = ZERO
    received: Decimal = ZERO
    fee: Decimal = ZERO


def entry_fees(holding: Holding) -> dict[tuple[int | None, int | None], EntryFees]:
    """Entry fees by pyramid and leg, as far as the orders are still known."""
    paid: dict[tuple[int | None, int | None], EntryFees] = {}
    for order in holding.orders.values():
        if order.role is Role.ENTRY and order.trades:
            fees = paid.setdefault((order.pyramid, order.leg), EntryFees())
            for trade in order.trades:
                fees.quantity += trade.quantity
                fees.received += trade.quantity - profit.base_fee(trade, holding.instrument)
                fees.fee += profit.fee_in_quote(trade, holding.instrument)
    return paid
