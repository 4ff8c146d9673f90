"""What the venue remembers of an order and of an execution, and the rows it shows of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from actors.rules.money import CONTEXT, ZERO
from tests.wire.bybit.replies import Json, plain, text

OPEN = frozenset({"New", "PartiallyFilled", "Untriggered"})
NO_ERROR = "EC_NoError"


@dataclass(slots=True, kw_only=True)
class OrderRecord:
    """One order under its venue names. Changed in place; `status` is the venue's word."""

    category: str
    order_id: str
    order_link_id: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str
    qty: Decimal
    """As it was asked: in quote on spot market orders by value."""
    price: Decimal | None
    market_unit: str = ""
    order_filter: str = "Order"
    trigger_price: Decimal | None = None
    trigger_direction: int = 0
    trigger_by: str = ""
    reduce_only: bool = False
    close_on_trigger: bool = False
    position_idx: int = 0
    create_type: str = "CreateByUser"
    created_ms: int
    updated_ms: int
    status: str = "New"
    leaves: Decimal = ZERO
    cum_qty: Decimal = ZERO
    cum_value: Decimal = ZERO
    cum_fee: Decimal = ZERO
    fee_currency: str = ""
    reject_reason: str = NO_ERROR
    cancel_type: str = "UNKNOWN"
    last_price: Decimal | None = None
    """The last price when it was placed."""

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def is_spot(self) -> bool:
        return self.category == "spot"

    def row(self) -> Json:
        """As the order endpoints list it. Spot rows have no `tpslMode` and no `createType`."""
        average = text(_cut(CONTEXT.divide(self.cum_value, self.cum_qty))) if self.cum_qty else ""
        leaves = self.leaves if self.is_open else ZERO
        row: Json = {
            "orderId": self.order_id,
            "orderLinkId": self.order_link_id,
            "blockTradeId": "",
            "symbol": self.symbol,
            "price": "0" if self.price is None else text(self.price),
            "qty": text(self.qty),
            "side": self.side,
            "isLeverage": "0" if self.is_spot else "",
            "positionIdx": self.position_idx,
            "orderStatus": self.status,
            "cancelType": self.cancel_type,
            "rejectReason": self.reject_reason,
            "avgPrice": average,
            "leavesQty": text(leaves),
            "leavesValue": plain(leaves * (self.price or self.trigger_price or ZERO)),
            "cumExecQty": text(self.cum_qty),
            "cumExecValue": plain(self.cum_value),
            "cumExecFee": plain(self.cum_fee),
            "timeInForce": self.time_in_force,
            "orderType": self.order_type,
            "stopOrderType": self._stop_type(),
            "orderIv": "",
            "marketUnit": self.market_unit,
            "triggerPrice": text(self.trigger_price) or "0.00",
            "takeProfit": "",
            "stopLoss": "",
            "tpTriggerBy": "",
            "slTriggerBy": "",
            "triggerDirection": self.trigger_direction,
            "triggerBy": self.trigger_by,
            "lastPriceOnCreated": text(self.last_price),
            "reduceOnly": self.reduce_only,
            "closeOnTrigger": self.close_on_trigger,
            "smpType": "None",
            "smpGroup": 0,
            "smpOrderId": "",
            "tpLimitPrice": "",
            "slLimitPrice": "",
            "placeType": "",
            "slippageToleranceType": "UNKNOWN",
            "slippageTolerance": "",
            "createdTime": str(self.created_ms),
            "updatedTime": str(self.updated_ms),
            "extraFees": "",
            "rpiTakerAccess": False,
            "rpiMatchedQty": "0",
            "cumFeeDetail": {self.fee_currency: plain(self.cum_fee)} if self.cum_qty else {},
        }
        if not self.is_spot:
            row |= {"tpslMode": "", "createType": self.create_type}
        return row

    def event(self) -> Json:
        """As the private stream tells it."""
        return {**self.row(), "category": self.category, "feeCurrency": self.fee_currency, "closedPnl": "0"}

    def _stop_type(self) -> str:
        if self.trigger_price is None:
            return "" if self.is_spot else "UNKNOWN"
        return "tpslOrder" if self.order_filter == "tpslOrder" else "Stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One fill, funding payment or take-over. `fee` is negative when it is a rebate or received funding."""

    order: OrderRecord
    exec_id: str
    exec_type: str
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_currency: str
    maker: bool
    time_ms: int
    leaves: Decimal
    closed: Decimal = ZERO
    seq: int
    rate: Decimal | None = field(default=None)

    def row(self) -> Json:
        """As `execution/list` shows it. Perpetuals have a create type and no fee currency."""
        order, value = self.order, self.price * self.qty
        rate = self.rate if self.rate is not None else (CONTEXT.divide(self.fee, self._fee_base(value)))
        row: Json = {
            "symbol": order.symbol,
            "orderId": order.order_id,
            "orderLinkId": order.order_link_id,
            "side": order.side,
            "orderPrice": "0" if order.price is None else text(order.price),
            "orderQty": text(order.qty),
            "leavesQty": text(self.leaves),
            "orderType": order.order_type,
            "stopOrderType": "UNKNOWN" if order.trigger_price is None else "Stop",
            "execFee": plain(self.fee),
            "execId": self.exec_id,
            "execPrice": text(self.price),
            "execQty": text(self.qty),
            "execType": self.exec_type,
            "execValue": plain(value),
            "execTime": str(self.time_ms),
            "feeCurrency": self.fee_currency if order.is_spot else "",
            "isMaker": self.maker,
            "feeRate": plain(_cut(rate)),
            "tradeIv": "",
            "markIv": "",
            "markPrice": text(self.price),
            "indexPrice": "",
            "underlyingPrice": "",
            "blockTradeId": "",
            "closedSize": text(self.closed),
            "seq": self.seq,
            "extraFees": "",
        }
        if not order.is_spot:
            row["createType"] = order.create_type
        return row

    def event(self) -> Json:
        """As the private stream tells it."""
        row = {**self.row(), "category": self.order.category, "isLeverage": "0", "marketUnit": self.order.market_unit}
        return {**row, "feeCurrency": self.fee_currency, "execPnl": "0"}

    def _fee_base(self, value: Decimal) -> Decimal:
        """What the fee is a share of: the coins of a spot buy, else the value."""
        in_coins = self.order.is_spot and self.order.side == "Buy" and not self.order.symbol.endswith(self.fee_currency)
        return (self.qty if in_coins else value) or Decimal(1)


def _cut(value: Decimal) -> Decimal:
    """At most twelve decimals."""
    exponent = value.as_tuple().exponent
    return value if isinstance(exponent, int) and exponent >= -12 else value.quantize(Decimal("1e-12"))
