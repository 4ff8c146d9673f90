"""Refusals as strict as a spot venue's, in the words Binance uses for them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Protocol

from actors.rules import precision
from actors.rules.choices import Market
from actors.rules.model import Instrument, OrderSide, OrderType, Reason, Refused, TimeInForce

MAX_NUMBER = Decimal(10) ** 18
"""Prices and quantities are below this; beyond it money would no longer be exact."""
_CLIENT_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")


class Form(Protocol):
    """What an order asks for, on its way or resting."""

    @property
    def client_order_id(self) -> str: ...
    @property
    def side(self) -> OrderSide: ...
    @property
    def type(self) -> OrderType: ...
    @property
    def time_in_force(self) -> TimeInForce: ...
    @property
    def reduce_only(self) -> bool: ...
    @property
    def price(self) -> Decimal | None: ...
    @property
    def trigger_price(self) -> Decimal | None: ...
    @property
    def quantity(self) -> Decimal: ...


def refused(reason: Reason, words: str) -> Refused:
    return Refused(reason=reason, detail=words)


UNKNOWN_SYMBOL = refused(Reason.UNKNOWN_SYMBOL, "Invalid symbol.")
MARKET_CLOSED = refused(Reason.INSTRUMENT_INACTIVE, "Market is closed.")
BAD_CLIENT_ORDER_ID = refused(
    Reason.EXCHANGE_REFUSED,
    "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[a-zA-Z0-9-_]{1,36}$'.",
)
DUPLICATE = refused(Reason.DUPLICATE_CLIENT_ORDER_ID, "Duplicate order sent.")
NO_REDUCE_ON_SPOT = refused(Reason.EXCHANGE_REFUSED, "Parameter 'reduceOnly' sent when not required.")
NEEDLESS_PRICE = refused(Reason.BAD_PRICE, "Parameter 'price' sent when not required.")
MISSING_PRICE = refused(Reason.BAD_PRICE, "Mandatory parameter 'price' was not sent, was empty/null, or malformed.")
MISSING_TRIGGER = refused(
    Reason.BAD_PRICE, "Mandatory parameter 'stopPrice' was not sent, was empty/null, or malformed."
)
BAD_TIME_IN_FORCE = refused(Reason.EXCHANGE_REFUSED, "Parameter 'timeInForce' sent when not required.")
PRICE_FILTER = refused(Reason.BAD_PRICE, "Filter failure: PRICE_FILTER")
PRICE_BAND = refused(Reason.OUTSIDE_PRICE_BAND, "Filter failure: PERCENT_PRICE_BY_SIDE")
LOT_STEP = refused(Reason.BAD_QUANTITY, "Filter failure: LOT_SIZE")
LOT_MINIMUM = refused(Reason.BELOW_MIN_QUANTITY, "Filter failure: LOT_SIZE")
LOT_MAXIMUM = refused(Reason.ABOVE_MAX_QUANTITY, "Filter failure: LOT_SIZE")
NOTIONAL = refused(Reason.BELOW_MIN_NOTIONAL, "Filter failure: NOTIONAL")
MAX_ORDERS = refused(Reason.TOO_MANY_OPEN_ORDERS, "Filter failure: MAX_NUM_ORDERS")
NO_PRICE = refused(Reason.PRICE_MISSING, "There is no price of this market yet.")
INSUFFICIENT = refused(Reason.INSUFFICIENT_FUNDS, "Account has insufficient balance for requested action.")
WOULD_TAKE = refused(Reason.WOULD_TAKE, "Order would immediately match and take.")
WOULD_TRIGGER = refused(Reason.WOULD_TAKE, "Stop price would trigger immediately.")
NOTHING_TO_REDUCE = refused(Reason.NOTHING_TO_REDUCE, "ReduceOnly Order is rejected.")
NOTHING_LEFT_TO_FILL = refused(Reason.BAD_QUANTITY, "Quantity must be more than what is filled already.")
NOT_FOUND = refused(Reason.ORDER_NOT_FOUND, "Unknown order sent.")


def check_form(order: Form, instrument: Instrument, open_orders: int) -> Refused | None:
    """What can be said of an order without knowing price and funds. None: nothing speaks against it."""
    if not instrument.active:
        return MARKET_CLOSED
    if not _CLIENT_ORDER_ID.fullmatch(order.client_order_id):
        return BAD_CLIENT_ORDER_ID
    if order.reduce_only and instrument.market is Market.SPOT:
        return NO_REDUCE_ON_SPOT
    if instrument.max_open_orders is not None and open_orders >= instrument.max_open_orders:
        return MAX_ORDERS
    return _check_prices(order, instrument) or _check_quantity(order, instrument)


def check_value(order: Form, instrument: Instrument, mark: Decimal | None) -> Refused | None:
    """Price band, and minimum notional at the mark. Reduce-only orders may be small: a position must be closable."""
    price = order.trigger_price if order.type is OrderType.STOP else order.price
    if order.price is not None and not precision.in_band(order.price, mark, instrument, order.side):
        return PRICE_BAND
    if price is None:
        price = mark
    if price is None:
        return NO_PRICE
    if not order.reduce_only and precision.notional(order.quantity, price, instrument) < instrument.min_notional:
        return NOTIONAL
    return None


def _check_prices(order: Form, instrument: Instrument) -> Refused | None:
    if order.type is OrderType.LIMIT:
        return MISSING_PRICE if order.price is None else _check_tick(order.price, instrument)
    if order.time_in_force is not TimeInForce.GTC:
        return BAD_TIME_IN_FORCE
    if order.price is not None:
        return NEEDLESS_PRICE
    if order.type is OrderType.STOP:
        return MISSING_TRIGGER if order.trigger_price is None else _check_tick(order.trigger_price, instrument)
    return None


def _check_tick(price: Decimal, instrument: Instrument) -> Refused | None:
    if not price.is_finite() or not 0 < price < MAX_NUMBER or price % instrument.tick_size:
        return PRICE_FILTER
    return None


def _check_quantity(order: Form, instrument: Instrument) -> Refused | None:
    quantity, market = order.quantity, order.type is not OrderType.LIMIT
    if not quantity.is_finite() or quantity < precision.min_quantity(instrument, market=market) or quantity <= 0:
        return LOT_MINIMUM
    most = precision.max_quantity(instrument, market=market)
    if quantity >= MAX_NUMBER or (most is not None and quantity > most):
        return LOT_MAXIMUM
    if quantity % precision.quantity_step(instrument, market=market):
        return LOT_STEP
    return None
