"""What ccxt wants to hear of an order, and which of its answers speak of it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from actors.rules.choices import Market
from actors.rules.model import Order, OrderSide, OrderType, Role, Side, TimeInForce


def plain(value: Decimal) -> str:
    """As venues read it: never with an exponent."""
    return format(value, "f")


def position_side(order: Order) -> Side:
    """The side of the position an order belongs to: what hedge mode asks for."""
    is_long = (order.side is OrderSide.BUY) == (order.role is Role.ENTRY)
    return Side.LONG if is_long else Side.SHORT


def wire_type(order: Order) -> str:
    """ccxt's order type: a stop is a market order with a trigger."""
    return "limit" if order.type is OrderType.LIMIT else "market"


def wire_price(order: Order) -> str | None:
    """None for market orders: with a price, venues would read their quantity as money (wire guide 0.8)."""
    return plain(order.price) if order.type is OrderType.LIMIT and order.price is not None else None


def common_params(order: Order, market: Market) -> dict[str, Any]:
    """ccxt's unified parameters that all venues share. Reduce-only and triggers exist on swaps alone."""
    params: dict[str, Any] = {"clientOrderId": order.client_order_id}
    if order.type is OrderType.LIMIT:
        if order.time_in_force is TimeInForce.POST_ONLY:
            params["postOnly"] = True
        elif order.time_in_force is TimeInForce.IOC:
            params["timeInForce"] = "IOC"
    if market is Market.SWAP:
        if order.reduce_only:
            params["reduceOnly"] = True
        if order.type is OrderType.STOP and order.trigger_price is not None:
            params["stopLossPrice"] = plain(order.trigger_price)
    return params


def newest(rows: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The row with the latest time; the last of those that share it."""
    found: dict[str, Any] | None = None
    for row in rows:
        if found is None or int(row.get("timestamp") or 0) >= int(found.get("timestamp") or 0):
            found = row
    return found


def may_have_fills(raw: dict[str, Any]) -> bool:
    """False only where the venue says that nothing filled."""
    filled = raw.get("filled")
    return filled in (None, "") or Decimal(str(filled)) != 0


def refuse_stop_amends(exchange: str, order: Order) -> None:
    """Before anything is sent: only what rests at a price of its own can be moved."""
    if order.type is not OrderType.LIMIT:
        from ccxt.base.errors import NotSupported

        raise NotSupported(f"{exchange}: amends of {order.type.value} orders are not offered")
