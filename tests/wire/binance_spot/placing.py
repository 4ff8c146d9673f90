"""A new order's parameters, checked in the order the venue does: form, then filters. Funds are the book's."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from actors.rules.model import OrderSide, OrderType, Reason, TimeInForce
from actors.rules.money import CONTEXT, ZERO, floor_to
from tests.wire.binance_common import amount, decimal_parameter, failure, made_up_id
from tests.wire.binance_spot.filters import Facts, check_filters
from tests.wire.binance_spot.markets import PLACES, RawSymbol, filters_of
from tests.wire.core.account import Rejected, SimOrder
from tests.wire.core.server import Call, Fail

if TYPE_CHECKING:
    from tests.wire.binance_spot.venue import BinanceSpot

CLIENT_ORDER_ID = "^[a-zA-Z0-9-_]{1,36}$"
_CLIENT_ORDER_ID = re.compile(r"[a-zA-Z0-9_-]{1,36}")
_TIMES = {"GTC": TimeInForce.GTC, "IOC": TimeInForce.IOC, "FOK": TimeInForce.IOC}
_NEEDED = {
    "LIMIT": ("timeInForce", "quantity", "price"),
    "LIMIT_MAKER": ("quantity", "price"),
    "MARKET": (),
    "STOP_LOSS": ("quantity", "stopPrice"),
}
_NEEDLESS = {
    "LIMIT": ("quoteOrderQty",),
    "LIMIT_MAKER": ("timeInForce", "quoteOrderQty"),
    "MARKET": ("price", "timeInForce", "stopPrice"),
    "STOP_LOSS": ("price", "timeInForce", "quoteOrderQty"),
}
_NOT_SIMULATED = frozenset({"STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_REJECTIONS = {
    Reason.INSUFFICIENT_FUNDS: (-2010, "Account has insufficient balance for requested action."),
    Reason.DUPLICATE_CLIENT_ORDER_ID: (-2010, "Duplicate order sent."),
    Reason.WOULD_TAKE: (-2010, "Order would immediately match and take."),
    Reason.PRICE_MISSING: (-1112, "No orders on book for symbol."),
    Reason.UNKNOWN_SYMBOL: (-1121, "Invalid symbol."),
}


def symbol_of(venue: BinanceSpot, call: Call) -> RawSymbol:
    symbol = venue.markets.symbols.get(call.params.get("symbol", ""))
    if symbol is None:
        raise failure(-1121)
    return symbol


def check_client_id(call: Call, name: str) -> str:
    """The parameter, empty if it was not sent."""
    text = call.params.get(name, "")
    if text and not _CLIENT_ORDER_ID.fullmatch(text):
        raise failure(-1100, name=name, range=CLIENT_ORDER_ID)
    return text


def order_of(venue: BinanceSpot, call: Call) -> SimOrder:
    """The order as it is asked for. Raises `Fail`."""
    symbol = symbol_of(venue, call)
    kind, side = call.params["type"], _side(call)
    _check_kind(symbol, call, kind)
    client_order_id = check_client_id(call, "newClientOrderId") or made_up_id("order", venue.next_number())
    time_in_force = call.params.get("timeInForce", "GTC")
    if time_in_force not in _TIMES:
        raise failure(-1115)
    price = decimal_parameter(call, "price", places=symbol["quotePrecision"])
    trigger = decimal_parameter(call, "stopPrice", places=symbol["quotePrecision"])
    quantity, extra = _quantity(venue, call, symbol), {"type": kind, "timeInForce": time_in_force}
    if "quoteOrderQty" in call.params:
        extra["quoteOrderQty"] = amount(Decimal(call.params["quoteOrderQty"]))
    order = SimOrder(
        symbol=symbol["symbol"],
        side=side,
        type={"MARKET": OrderType.MARKET, "STOP_LOSS": OrderType.STOP}.get(kind, OrderType.LIMIT),
        quantity=quantity,
        price=price,
        trigger_price=trigger,
        time_in_force=TimeInForce.POST_ONLY if kind == "LIMIT_MAKER" else _TIMES[time_in_force],
        client_order_id=client_order_id,
        extra=extra,
    )
    if symbol["status"] != "TRADING":
        raise failure(-1013, "Market is closed.")
    check_filters(symbol, order, facts_of(venue, symbol, order))
    return order


def rejected(answer: Rejected) -> Fail:
    """What the venue says when the book refuses."""
    code, words = _REJECTIONS.get(answer.reason, (-2010, answer.words))
    if answer.words == "Stop price would trigger immediately.":
        words = answer.words
    return failure(code, words)


def facts_of(venue: BinanceSpot, symbol: RawSymbol, order: SimOrder) -> Facts:
    account, name = venue.account, symbol["symbol"]
    resting = account.orders(name, open_only=True)
    coming = sum((each.remaining for each in resting if each.side is OrderSide.BUY), ZERO)
    return Facts(
        average_price=venue.average_price(name),
        open_orders=len(resting),
        open_stops=sum(1 for each in resting if each.trigger_price is not None),
        position=account.book.funds.total(symbol["baseAsset"]) + coming,
        is_market=order.type is not OrderType.LIMIT,
    )


def _side(call: Call) -> OrderSide:
    side = call.params["side"]
    if side not in ("BUY", "SELL"):
        raise failure(-1117)
    return OrderSide(side.lower())


def _check_kind(symbol: RawSymbol, call: Call, kind: str) -> None:
    if kind not in _NEEDED and kind not in _NOT_SIMULATED:
        raise failure(-1116)
    if kind not in symbol["orderTypes"] or kind in _NOT_SIMULATED:
        raise failure(-1020)
    for name in _NEEDED[kind]:
        if name not in call.params:
            raise failure(-1102, name=name)
    for name in _NEEDLESS[kind]:
        if name in call.params:
            raise failure(-1106, name=name)


def _quantity(venue: BinanceSpot, call: Call, symbol: RawSymbol) -> Decimal:
    quantity = decimal_parameter(call, "quantity", places=symbol["baseAssetPrecision"])
    if quantity is not None:
        if "quoteOrderQty" in call.params:
            raise failure(-1106, name="quoteOrderQty")
        if not quantity:
            raise failure(-1013, "Invalid quantity.")
        return quantity
    money = decimal_parameter(call, "quoteOrderQty", places=PLACES)
    if money is None:
        raise failure(-1102, name="quantity")
    prices = venue.account.bid_ask(symbol["symbol"])
    if prices is None:
        raise failure(-1112)
    price = prices[1] if call.params["side"] == "BUY" else prices[0]
    return floor_to(CONTEXT.divide(money, price), Decimal(filters_of(symbol)["LOT_SIZE"]["stepSize"]))
