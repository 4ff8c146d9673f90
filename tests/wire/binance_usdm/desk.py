"""Placing, changing, cancelling and finding plain orders, with the venue's own checks in its own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from actors.rules.model import Instrument, OrderSide, OrderType, Reason, TimeInForce
from actors.rules.money import ZERO
from tests.wire.binance_usdm import errors
from tests.wire.binance_usdm.errors import Fault, Refuse
from tests.wire.binance_usdm.markets import filters_of
from tests.wire.binance_usdm.modes import BOTH, LONG, SHORT, Modes, max_notional, reduces
from tests.wire.core.account import Rejected, SimAccount, SimOrder
from tests.wire.core.ledger import text

Params = Mapping[str, str]

CLIENT_ID = re.compile(r"[.A-Za-z0-9:/_-]{1,36}")
CONDITIONAL = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"})
_TIMES = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.IOC,
    "GTX": TimeInForce.POST_ONLY,
}
_REASONS: dict[Reason, Fault] = {
    Reason.INSUFFICIENT_FUNDS: errors.NO_MARGIN,
    Reason.WOULD_TAKE: errors.POST_ONLY,
    Reason.NOTHING_TO_REDUCE: errors.REDUCE_ONLY,
    Reason.PRICE_MISSING: errors.NO_BEST_PRICE,
    Reason.DUPLICATE_CLIENT_ORDER_ID: errors.DUPLICATE_CLIENT_ID,
    Reason.UNKNOWN_SYMBOL: errors.BAD_SYMBOL,
}


class Desk:
    """Everything refused is a `Refuse`, and leaves no trace."""

    def __init__(self, account: SimAccount, modes: Modes, info: Mapping[str, Any]) -> None:
        self.account, self.modes = account, modes
        self.rows: dict[str, Mapping[str, Any]] = {row["symbol"]: row for row in info["symbols"]}

    # --- requests ---------------------------------------------------------------------------------

    def place(self, params: Params) -> SimOrder:
        instrument = self.open_instrument(params)
        kind = params.get("type", "")
        if kind in CONDITIONAL:
            raise Refuse(errors.USE_ALGO)
        if kind not in ("LIMIT", "MARKET"):
            raise Refuse(errors.BAD_TYPE if kind else errors.missing("type"))
        side = side_of(params)
        position_side, reduce_only = self.direction(params, side)
        if params.get("closePosition") == "true":
            raise Refuse(errors.BAD_STRATEGY)
        quantity = decimal_of(params, "quantity")
        price, time_in_force = self._limit_terms(params, kind)
        self.check_quantity(instrument, quantity, is_market=kind == "MARKET")
        if price is not None:
            self.check_price(instrument, side, price)
        self._check_client_id(params.get("newClientOrderId", ""))
        self._check_size(instrument, quantity, price, reduce_only)
        self._check_position(instrument, position_side, side, quantity, reduce_only, price)
        if time_in_force == "FOK" and price is not None and not self._is_marketable(instrument, side, price):
            raise Refuse(errors.FILL_OR_KILL)
        return self.submit(
            SimOrder(
                symbol=instrument.venue_symbol,
                side=side,
                type=OrderType.MARKET if price is None else OrderType.LIMIT,
                quantity=quantity,
                price=price,
                time_in_force=_TIMES[time_in_force],
                reduce_only=reduce_only,
                client_order_id=params.get("newClientOrderId", ""),
                extra={"positionSide": position_side, "timeInForce": time_in_force},
            )
        )

    def submit(self, order: SimOrder) -> SimOrder:
        """Into the book, as it is after what it filled at once."""
        placed = self.account.place(order)
        if isinstance(placed, Rejected):
            raise Refuse(_REASONS.get(placed.reason, Fault(-2020, placed.words or "Unable to fill.")))
        return placed.order

    def cancel(self, params: Params) -> SimOrder:
        order_id, client_order_id = ids_of(params)
        symbol = self.instrument(params).venue_symbol
        done = self.account.cancel(order_id=order_id, client_order_id=client_order_id, symbol=symbol)
        if done is None:
            raise Refuse(errors.UNKNOWN_ORDER)
        return done

    def cancel_all(self, params: Params) -> None:
        symbol = self.instrument(params).venue_symbol
        for order in self.account.orders(symbol, open_only=True):
            self.account.cancel(order_id=order.order_id)

    def amend(self, params: Params) -> SimOrder:
        """Price and quantity of an open limit order, which keeps its ids.

        It is cancelled instead where the new quantity has filled already, or a post-only order would take.
        """
        order_id, client_order_id = ids_of(params)
        instrument, side = self.instrument(params), side_of(params)
        quantity, price = decimal_of(params, "quantity"), decimal_of(params, "price")
        order = self._open_order(order_id, client_order_id, instrument.venue_symbol)
        if order.type is not OrderType.LIMIT:
            raise Refuse(errors.ONLY_LIMIT)
        if side is not order.side:
            raise Refuse(errors.bad_data("side"))
        self.check_quantity(instrument, quantity, is_market=False)
        self.check_price(instrument, side, price)
        self._check_size(instrument, quantity, price, order.reduce_only)
        if price == order.price and quantity == order.quantity:
            raise Refuse(errors.NO_CHANGE)
        takes = order.time_in_force is TimeInForce.POST_ONLY and self._is_marketable(instrument, side, price)
        if quantity <= order.filled or takes:
            return self.account.cancel(order_id=order.order_id) or order
        answer = self.account.amend(order, price, quantity)
        if isinstance(answer, Rejected):
            raise Refuse(_REASONS.get(answer.reason, errors.UNKNOWN))
        return answer

    def find(self, params: Params) -> SimOrder:
        """Open or finished."""
        order_id, client_order_id = ids_of(params)
        symbol = self.instrument(params).venue_symbol
        found = self.account.order(order_id=order_id, client_order_id=client_order_id, symbol=symbol)
        if found is None:
            raise Refuse(errors.NO_SUCH_ORDER)
        return found

    def find_open(self, params: Params) -> SimOrder:
        return self._open_order(*ids_of(params), self.instrument(params).venue_symbol)

    def _open_order(self, order_id: str, client_order_id: str, symbol: str) -> SimOrder:
        found = self.account.order(order_id=order_id, client_order_id=client_order_id, symbol=symbol)
        if found is None or not found.is_open:
            raise Refuse(errors.NO_SUCH_ORDER)
        return found

    # --- checks -----------------------------------------------------------------------------------

    def instrument(self, params: Params) -> Instrument:
        symbol = params.get("symbol", "")
        found = self.account.instruments.get(symbol)
        if found is None:
            raise Refuse(errors.BAD_SYMBOL if symbol else errors.missing("symbol"))
        return found

    def open_instrument(self, params: Params) -> Instrument:
        """One that may be traded now."""
        found = self.instrument(params)
        if not found.active:
            raise Refuse(errors.SYMBOL_CLOSED)
        return found

    def direction(self, params: Params, side: OrderSide) -> tuple[str, bool]:
        """Position side, and whether the order can only reduce it."""
        position_side = params.get("positionSide", BOTH)
        if position_side not in ((LONG, SHORT) if self.modes.is_hedge else (BOTH,)):
            raise Refuse(errors.POSITION_SIDE)
        if not self.modes.is_hedge:
            return position_side, flag_of(params, "reduceOnly")
        if "reduceOnly" in params:
            raise Refuse(errors.not_required("reduceonly"))
        return position_side, reduces(position_side, side)

    def check_quantity(self, instrument: Instrument, quantity: Decimal, *, is_market: bool) -> None:
        row = self.rows[instrument.venue_symbol]
        rules = filters_of(row)["MARKET_LOT_SIZE" if is_market else "LOT_SIZE"]
        if quantity <= 0:
            raise Refuse(errors.NO_QUANTITY)
        if places_of(quantity) > row["quantityPrecision"]:
            raise Refuse(errors.PRECISION)
        if quantity < Decimal(rules["minQty"]):
            raise Refuse(errors.QUANTITY_MINIMUM)
        if quantity > Decimal(rules["maxQty"]):
            raise Refuse(errors.QUANTITY_MAXIMUM)
        if quantity % Decimal(rules["stepSize"]):
            raise Refuse(errors.QUANTITY_STEP)

    def check_price(self, instrument: Instrument, side: OrderSide, price: Decimal, *, band: bool = True) -> None:
        row = self.rows[instrument.venue_symbol]
        rules = filters_of(row)["PRICE_FILTER"]
        if price <= 0 or price < Decimal(rules["minPrice"]):
            raise Refuse(errors.PRICE_MINIMUM)
        if price > Decimal(rules["maxPrice"]):
            raise Refuse(errors.PRICE_MAXIMUM)
        if places_of(price) > row["pricePrecision"]:
            raise Refuse(errors.PRECISION)
        if price % Decimal(rules["tickSize"]):
            raise Refuse(errors.PRICE_TICK)
        mark = self.account.price(instrument.venue_symbol)
        if not band or mark is None or instrument.band_up is None or instrument.band_down is None:
            return
        if side is OrderSide.BUY and price > mark * instrument.band_up:
            raise Refuse(errors.price_too_high(text(mark * instrument.band_up)))
        if side is OrderSide.SELL and price < mark * instrument.band_down:
            raise Refuse(errors.price_too_low(text(mark * instrument.band_down)))

    @staticmethod
    def _limit_terms(params: Params, kind: str) -> tuple[Decimal | None, str]:
        """Price and time in force; a market order has neither."""
        if kind == "MARKET":
            for name in ("price", "timeInForce"):
                if name in params:
                    raise Refuse(errors.not_required(name))
            return None, "GTC"
        time_in_force = params.get("timeInForce", "")
        if time_in_force not in _TIMES:
            raise Refuse(errors.BAD_TIME_IN_FORCE if time_in_force else errors.missing("timeInForce"))
        return decimal_of(params, "price"), time_in_force

    @staticmethod
    def _check_client_id(client_order_id: str) -> None:
        if client_order_id and not CLIENT_ID.fullmatch(client_order_id):
            raise Refuse(errors.BAD_CLIENT_ID)

    def _check_size(self, instrument: Instrument, quantity: Decimal, price: Decimal | None, reduce_only: bool) -> None:
        """Minimum notional, and how many orders may be open."""
        if price is None:
            price = self.account.price(instrument.venue_symbol)
        if price is not None and not reduce_only and price * quantity < instrument.min_notional:
            raise Refuse(errors.notional_too_small(text(instrument.min_notional)))
        most = instrument.max_open_orders
        if most is not None and len(self.account.orders(instrument.venue_symbol, open_only=True)) >= most:
            raise Refuse(errors.MAX_ORDERS)

    def _check_position(
        self,
        instrument: Instrument,
        position_side: str,
        side: OrderSide,
        quantity: Decimal,
        reduce_only: bool,
        price: Decimal | None,
    ) -> None:
        symbol = instrument.venue_symbol
        held = {each.side.value.upper(): each.quantity for each in self.account.positions(symbol)}
        if reduce_only:
            if self.modes.is_hedge and quantity > held.get(position_side, ZERO):
                raise Refuse(errors.REDUCE_ONLY)
            return
        building = LONG if side is OrderSide.BUY else SHORT
        price = price or self.account.price(symbol) or ZERO
        if (held.get(building, ZERO) + quantity) * price > max_notional(self.account.leverage(symbol)):
            raise Refuse(errors.MAX_POSITION)

    def _is_marketable(self, instrument: Instrument, side: OrderSide, price: Decimal) -> bool:
        return self.account.book.markets[instrument.symbol].is_marketable(side, price)


# --- parameters -----------------------------------------------------------------------------------------


def side_of(params: Params) -> OrderSide:
    side = params.get("side", "")
    if side not in ("BUY", "SELL"):
        raise Refuse(errors.BAD_SIDE if side else errors.missing("side"))
    return OrderSide.BUY if side == "BUY" else OrderSide.SELL


def flag_of(params: Params, name: str) -> bool:
    value = params.get(name, "false").lower()
    if value not in ("true", "false"):
        raise Refuse(errors.bad_data(name))
    return value == "true"


def decimal_of(params: Params, name: str) -> Decimal:
    try:
        value = Decimal(params[name])
    except (KeyError, InvalidOperation):
        raise Refuse(errors.missing(name)) from None
    if not value.is_finite():
        raise Refuse(errors.missing(name))
    return value


def whole_of(params: Params, name: str, otherwise: int | None = None) -> int:
    value = params.get(name)
    if value is None:
        if otherwise is None:
            raise Refuse(errors.missing(name))
        return otherwise
    if not re.fullmatch(r"-?\d{1,19}", value):
        raise Refuse(errors.missing(name))
    return int(value)


def ids_of(params: Params) -> tuple[str, str]:
    """Order id and client order id; the first prevails. One of them must be there."""
    if "orderId" in params:
        return str(whole_of(params, "orderId")), ""
    if "origClientOrderId" not in params:
        words = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"
        raise Refuse(Fault(-1102, words))
    return "", params["origClientOrderId"]


def places_of(value: Decimal) -> int:
    """Decimals after the point, needless zeros not counted."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -int(exponent))
