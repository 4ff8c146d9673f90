"""Binance futures' own error codes and words; what they share with spot is in `binance_common`."""

from __future__ import annotations

from dataclasses import dataclass

from tests.wire.core.server import Fail, Reply


@dataclass(frozen=True, slots=True)
class Fault:
    """What the venue answers instead of a result: `{"code": …, "msg": …}`."""

    code: int
    words: str
    status: int = 400

    @property
    def body(self) -> dict[str, object]:
        return {"code": self.code, "msg": self.words}


class Refuse(Fail):
    """Ends the handling of one request with a fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(Reply(fault.body, fault.status))
        self.fault = fault


def missing(name: str) -> Fault:
    return Fault(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def not_required(name: str) -> Fault:
    return Fault(-1106, f"Parameter '{name}' sent when not required.")


def bad_data(name: str) -> Fault:
    return Fault(-1130, f"Data sent for parameter '{name}' is not valid.")


def notional_too_small(least: str) -> Fault:
    return Fault(-4164, f"Order's notional must be no smaller than {least} (unless you choose reduce only)")


def price_too_high(cap: str) -> Fault:
    return Fault(-4016, f"Limit price can't be higher than {cap}.")


def price_too_low(floor: str) -> Fault:
    return Fault(-4024, f"Limit price can't be lower than {floor}.")


def bad_leverage(leverage: str) -> Fault:
    return Fault(-4028, f"Leverage {leverage} is not valid")


UNKNOWN = Fault(-1000, "An unknown error occurred while processing the request.", 503)
BATCH_SIZE = Fault(-4082, "Invalid number of batch place orders.")
OVERLOADED = Fault(
    -1008,
    "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. Please try again.",
    503,
)
PRECISION = Fault(-1111, "Precision is over the maximum defined for this asset.")
BAD_TIME_IN_FORCE = Fault(-1115, "Invalid timeInForce.")
BAD_TYPE = Fault(-1116, "Invalid orderType.")
BAD_SIDE = Fault(-1117, "Invalid side.")
BAD_SYMBOL = Fault(-1121, "Invalid symbol.")
NO_LISTEN_KEY = Fault(-1125, "This listenKey does not exist.")
UNKNOWN_ORDER = Fault(-2011, "Unknown order sent.")
NO_SUCH_ORDER = Fault(-2013, "Order does not exist.")
NO_MARGIN = Fault(-2019, "Margin is insufficient.")
WOULD_TRIGGER = Fault(-2021, "Order would immediately trigger.")
REDUCE_ONLY = Fault(-2022, "ReduceOnly Order is rejected.")
MAX_POSITION = Fault(-2027, "Exceeded the maximum allowable position at current leverage.")
LEVERAGE_MARGIN = Fault(-2028, "Leverage is smaller than permitted: insufficient margin balance.")
NO_QUANTITY = Fault(-4003, "Quantity less than or equal to zero.")
QUANTITY_MINIMUM = Fault(-4004, "Quantity less than min quantity.")
QUANTITY_MAXIMUM = Fault(-4005, "Quantity greater than max quantity.")
PRICE_MAXIMUM = Fault(-4002, "Price greater than max price.")
PRICE_MINIMUM = Fault(-4013, "Price less than min price.")
PRICE_TICK = Fault(-4014, "Price not increased by tick size.")
BAD_CLIENT_ID = Fault(-4015, "Client order id is not valid.")
QUANTITY_STEP = Fault(-4023, "Qty not increased by step size.")
MAX_ORDERS = Fault(-2025, "Reach max open order limit.")
MAX_ALGO_ORDERS = Fault(-4045, "Reach max stop order limit.")
MARGIN_TYPE_SAME = Fault(-4046, "No need to change margin type.")
MARGIN_TYPE_ORDERS = Fault(-4047, "Margin type cannot be changed if there exists open orders.")
MARGIN_TYPE_POSITION = Fault(-4048, "Margin type cannot be changed if there exists position.")
POSITION_MODE_SAME = Fault(-4059, "No need to change position side.")
POSITION_SIDE = Fault(-4061, "Order's position side does not match user's setting.")
POSITION_MODE_ORDERS = Fault(-4067, "Position side cannot be changed if there exists open orders.")
POSITION_MODE_POSITION = Fault(-4068, "Position side cannot be changed if there exists position.")
DUPLICATE_CLIENT_ID = Fault(-4116, "ClientOrderId is duplicated.")
USE_ALGO = Fault(-4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.")
NO_BEST_PRICE = Fault(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")
BAD_STRATEGY = Fault(-4136, "Target strategy invalid for orderType")
CLOSE_WITH_QUANTITY = Fault(-4137, "Quantity must be zero with closePosition equals true.")
CLOSE_WITH_REDUCE_ONLY = Fault(-4138, "Reduce only must be true with closePosition equals true.")
SYMBOL_CLOSED = Fault(-4141, "Symbol is closed.")
LEVERAGE_ISOLATED = Fault(-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions.")
MULTI_ASSETS_SAME = Fault(-4171, "No need to change Multi-Assets mode.")
FILL_OR_KILL = Fault(
    -5021,
    "Due to the order could not be filled immediately, the FOK order has been rejected. "
    "The order will not be recorded in the order history",
)
POST_ONLY = Fault(
    -5022,
    "Due to the order could not be executed as maker, the Post Only order will be rejected. "
    "The order will not be recorded in the order history",
)
ONLY_LIMIT = Fault(-5025, "Only limit order is supported.")
NO_CHANGE = Fault(-5027, "No need to modify the order.")


def by_code(code: int) -> Fault | None:
    """The fault of that code, for making it happen on demand."""
    made = (notional_too_small("5"), price_too_high("1"), price_too_low("1"), bad_leverage("126"))
    known = (each for each in (*globals().values(), *made) if isinstance(each, Fault))
    return next((each for each in known if each.code == code), None)
