"""What these venues refuse by themselves, before anything is sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from actors.rules.model import Order, OrderType


def refuse_stops(exchange: str, order: Order) -> None:
    """Trigger orders live elsewhere on these venues and are not found by client order id: they are not offered."""
    if order.type is OrderType.STOP:
        from ccxt.base.errors import NotSupported

        raise NotSupported(f"{exchange}: stop orders are not offered")


def told_number(value: Any) -> str:
    """A venue's number as the config would write it: `3.0` and 3 are `3`. Empty: it told none."""
    try:
        return format(Decimal(str(value)).normalize(), "f")
    except ArithmeticError:
        return ""
