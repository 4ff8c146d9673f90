"""The symbol's filters, in its own order and with the venue's own words. Zero switches a bound off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from actors.rules.model import OrderSide
from actors.rules.money import ZERO
from tests.wire.binance_common import failure
from tests.wire.binance_spot.markets import RawSymbol
from tests.wire.core.account import SimOrder

Filter = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What filters look at besides the order."""

    average_price: Decimal | None
    open_orders: int
    open_stops: int
    position: Decimal
    """Base held plus base that open buys may still bring."""
    is_market: bool


def check_filters(symbol: RawSymbol, order: SimOrder, facts: Facts) -> None:
    """Raises `Fail` -1013 for the first filter that is not met."""
    for each in symbol["filters"]:
        check = _CHECKS.get(each["filterType"])
        if check is not None and not check(each, order, facts):
            raise failure(-1013, f"Filter failure: {each['filterType']}")


def _is_between(value: Decimal, least: str, most: str) -> bool:
    low, high = Decimal(least), Decimal(most)
    return (not low or value >= low) and (not high or value <= high)


def _is_on(value: Decimal, least: str, step: str) -> bool:
    return not Decimal(step) or not (value - Decimal(least)) % Decimal(step)


def _price(each: Filter, order: SimOrder, facts: Facts) -> bool:
    return all(
        _is_between(price, each["minPrice"], each["maxPrice"]) and _is_on(price, "0", each["tickSize"])
        for price in (order.price, order.trigger_price)
        if price is not None
    )


def _lot(each: Filter, order: SimOrder, facts: Facts) -> bool:
    return _is_between(order.quantity, each["minQty"], each["maxQty"]) and _is_on(
        order.quantity, each["minQty"], each["stepSize"]
    )


def _market_lot(each: Filter, order: SimOrder, facts: Facts) -> bool:
    return not facts.is_market or _lot(each, order, facts)


def _percent(each: Filter, order: SimOrder, facts: Facts) -> bool:
    return _in_band(order, facts, each["multiplierDown"], each["multiplierUp"])


def _percent_by_side(each: Filter, order: SimOrder, facts: Facts) -> bool:
    side = "bid" if order.side is OrderSide.BUY else "ask"
    return _in_band(order, facts, each[f"{side}MultiplierDown"], each[f"{side}MultiplierUp"])


def _in_band(order: SimOrder, facts: Facts, down: str, up: str) -> bool:
    average = facts.average_price
    if average is None or order.price is None:
        return True
    return average * Decimal(down) <= order.price <= average * Decimal(up)


def _value(order: SimOrder, facts: Facts) -> Decimal | None:
    price = order.price if order.price is not None else facts.average_price
    return None if price is None else price * order.quantity


def _min_notional(each: Filter, order: SimOrder, facts: Facts) -> bool:
    value = _value(order, facts)
    if value is None or (facts.is_market and not each["applyToMarket"]):
        return True
    return value >= Decimal(each["minNotional"])


def _notional(each: Filter, order: SimOrder, facts: Facts) -> bool:
    value = _value(order, facts)
    if value is None:
        return True
    enough = value >= Decimal(each["minNotional"]) or (facts.is_market and not each["applyMinToMarket"])
    return enough and (value <= Decimal(each["maxNotional"]) or (facts.is_market and not each["applyMaxToMarket"]))


def _max_orders(each: Filter, order: SimOrder, facts: Facts) -> bool:
    return facts.is_market or facts.open_orders < int(each["maxNumOrders"])


def _max_stops(each: Filter, order: SimOrder, facts: Facts) -> bool:
    return order.trigger_price is None or facts.open_stops < int(each["maxNumAlgoOrders"])


def _max_position(each: Filter, order: SimOrder, facts: Facts) -> bool:
    buys = order.quantity if order.side is OrderSide.BUY else ZERO
    return not buys or facts.position + buys <= Decimal(each["maxPosition"])


_CHECKS: Mapping[str, Callable[[Filter, SimOrder, Facts], bool]] = {
    "PRICE_FILTER": _price,
    "PERCENT_PRICE": _percent,
    "PERCENT_PRICE_BY_SIDE": _percent_by_side,
    "LOT_SIZE": _lot,
    "MARKET_LOT_SIZE": _market_lot,
    "MIN_NOTIONAL": _min_notional,
    "NOTIONAL": _notional,
    "MAX_NUM_ORDERS": _max_orders,
    "MAX_NUM_ALGO_ORDERS": _max_stops,
    "MAX_POSITION": _max_position,
}
