"""What the venue says when it refuses: return codes with its words, and which code a refusal of the book becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from actors.rules.model import OrderSide, Reason

WORDS: Mapping[int, str] = {
    10000: "Server Timeout",
    10001: "Request parameter error.",
    10002: "invalid request, please check your server timestamp or recv_window param.",
    10003: "API key is invalid.",
    10004: "Error sign, please check your signature generation algorithm.",
    10005: "Permission denied, please check your API key permissions.",
    10006: "Too many visits. Exceeded the API Rate Limit.",
    10010: "Unmatched IP, please check your API key's bound IP addresses.",
    10016: "Internal System Error.",
    10017: "Route not found.",
    110001: "order not exists or too late to cancel",
    110003: "Order price is out of permissible range",
    110004: "Insufficient wallet balance",
    110007: "ab not enough for new order",
    110008: "Order has been finished or canceled",
    110009: "The number of stop orders exceeds maximum limit allowed",
    110010: "Order already cancelled",
    110012: "Insufficient available balance.",
    110017: "current position is zero, cannot fix reduce-only order qty",
    110020: "Cannot have more than 500 active orders.",
    110024: "You have an existing position, so position mode cannot be switched",
    110025: "Position mode is not modified",
    110026: "Cross/isolated margin mode is not modified",
    110028: "Open orders exist, so you cannot change position mode",
    110043: "leverage not modified",
    110063: "Settlement in progress! not available for trades.",
    110064: "The number of contracts modified cannot be less than or equal to the filled quantity",
    110066: "No trading is allowed at the current time",
    110072: "OrderLinkedID is duplicate",
    110079: "The order is processing and can not be operated, please try again later",
    110092: "expect Rising, but trigger_price <= current",
    110093: "expect Falling, but trigger_price >= current",
    110094: "Order does not meet minimum order value",
    170001: "Internal error.",
    170007: "Timeout waiting for response from backend server.",
    170115: "Invalid timeInForce.",
    170116: "Invalid orderType.",
    170117: "Invalid side.",
    170121: "Invalid symbol.",
    170131: "Insufficient balance.",
    170134: "Order price has too many decimals.",
    170135: "Order quantity too large.",
    170136: "Order quantity exceeded lower limit.",
    170137: "Order quantity has too many decimals.",
    170139: "Order has been filled.",
    170140: "Order value exceeded lower limit.",
    170141: "Duplicate clientOrderId",
    170142: "Order has been cancelled.",
    170151: "The trading pair is not open yet",
    170193: "Buy order price cannot be higher than the limit.",
    170194: "Sell order price cannot be lower than the limit.",
    170202: "Please enter the TP/SL price.",
    170213: "Order does not exist.",
    170218: "The LIMIT-MAKER order is rejected due to invalid price.",
    170222: "Too many requests in this time frame.",
    170810: "Cannot exceed maximum of 500 conditional, TP/SL and active orders.",
    3400214: "Server error, please try again later",
}

SPOT: Mapping[Reason, int] = {
    Reason.UNKNOWN_SYMBOL: 170121,
    Reason.INSTRUMENT_INACTIVE: 170151,
    Reason.INSUFFICIENT_FUNDS: 170131,
    Reason.BELOW_MIN_NOTIONAL: 170140,
    Reason.BELOW_MIN_QUANTITY: 170136,
    Reason.ABOVE_MAX_QUANTITY: 170135,
    Reason.BAD_QUANTITY: 170137,
    Reason.BAD_PRICE: 170134,
    Reason.DUPLICATE_CLIENT_ORDER_ID: 170141,
    Reason.TOO_MANY_OPEN_ORDERS: 170810,
    Reason.PRICE_MISSING: 170151,
    Reason.ORDER_NOT_FOUND: 170213,
}

LINEAR: Mapping[Reason, int] = {
    Reason.INSTRUMENT_INACTIVE: 110066,
    Reason.INSUFFICIENT_FUNDS: 110007,
    Reason.BELOW_MIN_NOTIONAL: 110094,
    Reason.BAD_PRICE: 110003,
    Reason.OUTSIDE_PRICE_BAND: 110003,
    Reason.DUPLICATE_CLIENT_ORDER_ID: 110072,
    Reason.TOO_MANY_OPEN_ORDERS: 110020,
    Reason.NOTHING_TO_REDUCE: 110017,
    Reason.PRICE_MISSING: 110066,
    Reason.ORDER_NOT_FOUND: 110001,
}

_QTY = frozenset({Reason.BAD_QUANTITY, Reason.BELOW_MIN_QUANTITY, Reason.ABOVE_MAX_QUANTITY})


@dataclass(frozen=True, slots=True)
class Fault:
    """A refusal: the return code and the message that goes with it."""

    code: int
    words: str


def fault(code: int, words: str | None = None) -> Fault:
    """The code with the venue's own words, or with these."""
    return Fault(code, WORDS.get(code, "error") if words is None else words)


def parameter(words: str) -> Fault:
    """10001 with its specific message."""
    return Fault(10001, words)


def of_reason(category: str, reason: Reason, side: OrderSide) -> Fault:
    """How a refusal of the book is said on this category."""
    if category == "spot":
        if reason is Reason.OUTSIDE_PRICE_BAND:
            return fault(170193 if side is OrderSide.BUY else 170194)
        return fault(SPOT[reason]) if reason in SPOT else parameter(f"Request parameter error: {reason.lower()}.")
    if reason in _QTY:
        return parameter("Qty invalid")
    if reason is Reason.UNKNOWN_SYMBOL:
        return parameter("Not supported symbols")
    return fault(LINEAR[reason]) if reason in LINEAR else parameter(f"Request parameter error: {reason.lower()}.")
