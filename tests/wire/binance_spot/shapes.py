"""Orders, trades and events as Binance spot writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from actors.rules.model import Balance, OrderSide, OrderState, OrderType
from actors.rules.money import ZERO
from tests.wire.binance_common import amount
from tests.wire.core.account import Changed, SimOrder, SimTrade

Json = dict[str, Any]
NO_LIST = -1
_STATUS = {
    OrderState.OPEN: "NEW",
    OrderState.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderState.FILLED: "FILLED",
    OrderState.CANCELLED: "CANCELED",
    OrderState.REJECTED: "REJECTED",
    OrderState.EXPIRED: "EXPIRED",
}
_TYPE = {OrderType.LIMIT: "LIMIT", OrderType.MARKET: "MARKET", OrderType.STOP: "STOP_LOSS"}
_EXECUTION = {"new": "NEW", "trade": "TRADE", "canceled": "CANCELED", "expired": "EXPIRED", "amended": "REPLACED"}


def status_of(order: SimOrder) -> str:
    return _STATUS[order.state]


def type_of(order: SimOrder) -> str:
    return order.extra.get("type", _TYPE[order.type])


def time_in_force_of(order: SimOrder) -> str:
    return order.extra.get("timeInForce", "GTC")


def maybe(value: Decimal | None) -> str:
    return amount(ZERO if value is None else value)


def state_json(order: SimOrder) -> Json:
    """What placing, cancelling and looking up have in common."""
    found = {
        "price": maybe(order.price),
        "origQty": amount(order.quantity),
        "executedQty": amount(order.filled),
        "origQuoteOrderQty": order.extra.get("quoteOrderQty", amount(ZERO)),
        "cummulativeQuoteQty": amount(order.notional),
        "status": status_of(order),
        "timeInForce": time_in_force_of(order),
        "type": type_of(order),
        "side": order.side.value.upper(),
    }
    if order.trigger_price is not None:
        found["stopPrice"] = amount(order.trigger_price)
    return found


def acknowledged_json(order: SimOrder, kind: str) -> Json:
    """The answer to a new order: ACK, RESULT or FULL."""
    found: Json = {
        "symbol": order.symbol,
        "orderId": int(order.order_id),
        "orderListId": NO_LIST,
        "clientOrderId": order.client_order_id,
        "transactTime": order.update_ms,
    }
    if kind == "ACK":
        return found
    found |= state_json(order) | {"workingTime": order.create_ms, "selfTradePreventionMode": "EXPIRE_MAKER"}
    if kind == "FULL":
        found["fills"] = [
            {
                "price": amount(trade.price),
                "qty": amount(trade.quantity),
                "commission": amount(trade.fee),
                "commissionAsset": trade.fee_asset,
                "tradeId": int(trade.trade_id),
            }
            for trade in order.trades
        ]
    return found


def cancelled_json(order: SimOrder, cancel_id: str) -> Json:
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": int(order.order_id),
        "orderListId": NO_LIST,
        "clientOrderId": cancel_id,
        "transactTime": order.update_ms,
        **state_json(order),
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def order_json(order: SimOrder) -> Json:
    """As it is looked up."""
    return {
        "symbol": order.symbol,
        "orderId": int(order.order_id),
        "orderListId": NO_LIST,
        "clientOrderId": order.client_order_id,
        **state_json(order),
        "stopPrice": maybe(order.trigger_price),
        "icebergQty": amount(ZERO),
        "time": order.create_ms,
        "updateTime": order.update_ms,
        "isWorking": True,
        "workingTime": order.create_ms,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def trade_json(trade: SimTrade) -> Json:
    return {
        "symbol": trade.symbol,
        "id": int(trade.trade_id),
        "orderId": int(trade.order_id),
        "orderListId": NO_LIST,
        "price": amount(trade.price),
        "qty": amount(trade.quantity),
        "quoteQty": amount(trade.notional),
        "commission": amount(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time_ms,
        "isBuyer": trade.side is OrderSide.BUY,
        "isMaker": trade.maker,
        "isBestMatch": True,
    }


def execution_json(changed: Changed, cancel_id: str) -> Json:
    """`executionReport`. A cancel has its own id in `c` and the order's in `C`."""
    order, trade = changed.order, changed.trade
    assert order is not None
    is_cancel = changed.kind == "canceled"
    return {
        "e": "executionReport",
        "E": changed.time_ms,
        "s": order.symbol,
        "c": cancel_id if is_cancel else order.client_order_id,
        "S": order.side.value.upper(),
        "o": type_of(order),
        "f": time_in_force_of(order),
        "q": amount(order.quantity),
        "p": maybe(order.price),
        "P": maybe(order.trigger_price),
        "F": amount(ZERO),
        "g": NO_LIST,
        "C": order.client_order_id if is_cancel else "",
        "x": _EXECUTION[changed.kind],
        "X": "NEW" if changed.kind == "new" else status_of(order),
        "r": "NONE",
        "i": int(order.order_id),
        "l": maybe(None if trade is None else trade.quantity),
        "z": amount(order.filled),
        "L": maybe(None if trade is None else trade.price),
        "n": "0" if trade is None else amount(trade.fee),
        "N": None if trade is None else trade.fee_asset,
        "T": changed.time_ms,
        "t": -1 if trade is None else int(trade.trade_id),
        "v": 0,
        "I": int(order.order_id) * 2,
        "w": order.is_open,
        "m": False if trade is None else trade.maker,
        "M": False,
        "O": order.create_ms,
        "Z": amount(order.notional),
        "Y": maybe(None if trade is None else trade.notional),
        "Q": order.extra.get("quoteOrderQty", amount(ZERO)),
        "W": order.create_ms,
        "V": "EXPIRE_MAKER",
    }


def position_json(balances: tuple[Balance, ...], time_ms: int) -> Json:
    """`outboundAccountPosition`: the assets that changed."""
    return {
        "e": "outboundAccountPosition",
        "E": time_ms,
        "u": time_ms,
        "B": [{"a": balance.asset, "f": amount(balance.free), "l": amount(balance.locked)} for balance in balances],
    }
