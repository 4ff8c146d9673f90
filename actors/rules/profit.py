"""Realised and unrealised profit, averages, what is held (PNL-1).

Convention. A lot holds a positive quantity for both sides. Entry fills *build* it, exit fills *take* it down. `cost`
is price x quantity x contract size of the entry fills, fees excluded: for a long what was paid, for a short what was
received. Realised profit of a part is proceeds - cost for a long and cost - proceeds for a short, where proceeds are
price x quantity x contract size of the exit fills; fees are taken from it.

So on spot, to the last decimal (PNL-2): change of quote = realised - cost of what is still held.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from actors.rules.choices import Market
from actors.rules.model import Group, Instrument, Lot, Quote, Side, Trade
from actors.rules.money import CONTEXT, HUNDRED, ZERO, round_cost
from actors.rules.precision import usable


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A lot after an entry fill. `realized` is what the fill cost at once (its fee, negative); `fee` is that fee."""

    lot: Lot
    realized: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What stays of a lot, and the cost that left it."""

    lot: Lot
    cost: Decimal


def build(lot: Lot, trade: Trade, instrument: Instrument) -> Built:
    """Adds an entry fill to a lot.

    A fee in the base asset on spot reduces what was received (PRC-5): that part leaves with its cost and is realised
    at once at the fill price. Any other fee is realised and leaves the lot as it is.
    """
    received = trade.quantity - base_fee(trade, instrument)
    cost = trade.price * received * instrument.contract_size
    fee = fee_in_quote(trade, instrument)
    grown = Lot(quantity=lot.quantity + received, cost=lot.cost + cost)
    return Built(lot=grown, realized=-fee, fee=fee)


def take(lot: Lot, quantity: Decimal) -> Taken:
    """Takes a quantity out of a lot at average cost, rounded to 18 places; the whole lot gives its whole cost.

    ValueError if the lot has less, or the quantity is negative: never more leaves than is held.
    """
    if quantity < 0 or quantity > lot.quantity:
        raise ValueError(f"cannot take {quantity} of {lot.quantity}")
    if quantity == lot.quantity:
        return Taken(lot=Lot(), cost=lot.cost)
    cost = round_cost(CONTEXT.divide(CONTEXT.multiply(lot.cost, quantity), lot.quantity))
    return Taken(lot=Lot(quantity=lot.quantity - quantity, cost=lot.cost - cost), cost=cost)


def realized(side: Side, proceeds: Decimal, cost: Decimal) -> Decimal:
    """Profit of what was taken down, in quote, before the exit's fee."""
    return proceeds - cost if side is Side.LONG else cost - proceeds


def fee_in_quote(trade: Trade, instrument: Instrument) -> Decimal:
    """The fee's value in quote: base fees at the fill price, quote fees as they are, others as valued when paid."""
    if trade.fee_asset == instrument.quote:
        return trade.fee
    if trade.fee_asset == instrument.base and instrument.market is Market.SPOT:
        return trade.fee * trade.price * instrument.contract_size
    return trade.fee_value


def base_fee(trade: Trade, instrument: Instrument) -> Decimal:
    """Quantity of the coin itself that the fee took, on spot; zero for other fees and on swaps.

    On an entry it is missing from what was received. On an exit it left the account besides what was sold: taking
    quantity + base fee from the lot, and subtracting no fee from the profit, keeps the books exact.
    """
    return trade.fee if instrument.market is Market.SPOT and trade.fee_asset == instrument.base else ZERO


def lots(group: Group) -> tuple[Lot, ...]:
    """Everything the group holds: its legs' lots and what rounding left over."""
    return (*[leg.lot for pyramid in group.pyramids for leg in pyramid.legs], group.loose)


def held(group: Group) -> Decimal:
    """Quantity the group holds, loose remainder included."""
    return sum([lot.quantity for lot in lots(group)], ZERO)


def invested(group: Group) -> Decimal:
    """Cost of the quantity still held, in quote."""
    return sum([lot.cost for lot in lots(group)], ZERO)


def average_entry(lots: Iterable[Lot], contract_size: Decimal) -> Decimal | None:
    """Average entry price of these lots, quote per base, fees excluded; None if they are empty."""
    quantity, cost = ZERO, ZERO
    for lot in lots:
        quantity += lot.quantity
        cost += lot.cost
    return CONTEXT.divide(cost, CONTEXT.multiply(quantity, contract_size)) if quantity else None


def unrealized(group: Group, quote: Quote | None) -> Decimal | None:
    """Profit at the mark (mid) of what is held, in quote, before fees; None without a usable price.

    Whether the price is fresh enough is the caller's question (ORD-10).
    """
    quote = usable(quote)
    if quote is None:
        return None
    value = quote.mid * held(group) * group.instrument.contract_size
    return realized(group.side, value, invested(group))


def unrealized_percent(group: Group, quote: Quote | None) -> Decimal | None:
    """Unrealised profit in per cent of the invested cost; None without a price or when nothing is held."""
    profit, cost = unrealized(group, quote), invested(group)
    return None if profit is None or not cost else CONTEXT.divide(profit * HUNDRED, cost)
