"""From the body of a create request to an order: what is wrong with it, in the venue's words, or the record of it."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from actors.rules.model import Instrument, OrderSide, Reason
from actors.rules.money import CONTEXT, ZERO
from tests.wire.bybit.errors import Fault, fault, of_reason, parameter
from tests.wire.bybit.records import OrderRecord
from tests.wire.bybit.replies import Json
from tests.wire.bybit.state import State

MAX_STOPS = 10
"""Open conditional orders of a perpetual."""
MAX_SPOT_STOPS = 30
_LINK = re.compile(r"[A-Za-z0-9_-]{1,36}")
_SIDES = {"Buy": OrderSide.BUY, "Sell": OrderSide.SELL}
_TIMES = ("GTC", "IOC", "FOK", "PostOnly")
_UNSUPPORTED = ("takeProfit", "stopLoss", "slippageTolerance", "orderIv", "mmp")


def read_order(state: State, body: Json) -> tuple[OrderRecord, Decimal] | Fault:
    """The record and its quantity in base. Fields the venue does not know are ignored."""
    category = str(body.get("category", ""))
    account = state.accounts.get(category)
    if account is None:
        return parameter("Illegal category")
    if any(body.get(name) for name in _UNSUPPORTED):
        return parameter("This simulator knows no attached stops: " + ", ".join(n for n in _UNSUPPORTED if body.get(n)))
    instrument = account.instrument(str(body.get("symbol", "")))
    if instrument is None:
        return of_reason(category, Reason.UNKNOWN_SYMBOL, OrderSide.BUY)
    record = _record(state, category, body)
    if isinstance(record, Fault):
        return record
    said = _check_links(state, record) or _check_position(state, record, body)
    if said is not None:
        return said
    quantity = _quantity(state, record, instrument)
    if isinstance(quantity, Fault):
        return quantity
    if record.trigger_price is not None:
        said = _check_trigger(state, record, instrument, quantity)
    return (record, quantity) if said is None else said


def number(value: object) -> Decimal | None:
    """Of a string; the venue takes nothing else."""
    if not isinstance(value, str):
        return None
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        return None
    return parsed if parsed.is_finite() and "e" not in value.lower() else None


def check_filters(record: OrderRecord, instrument: Instrument, price: Decimal | None, qty: Decimal) -> Fault | None:
    """Tick, step, least quantity and value of what an order is to be; what only reduces may be worth little."""
    reason = None
    if price is not None and (price <= 0 or price % instrument.tick_size):
        reason = Reason.BAD_PRICE
    elif qty % instrument.step_size:
        reason = Reason.BAD_QUANTITY
    elif qty < instrument.min_quantity or qty <= 0:
        reason = Reason.BELOW_MIN_QUANTITY
    elif price is not None and not record.reduce_only and price * qty < instrument.min_notional:
        reason = Reason.BELOW_MIN_NOTIONAL
    return None if reason is None else of_reason(record.category, reason, _SIDES[record.side])


def _record(state: State, category: str, body: Json) -> OrderRecord | Fault:
    is_spot = category == "spot"
    side, kind = str(body.get("side", "")), str(body.get("orderType", ""))
    if side not in _SIDES:
        return fault(170117) if is_spot else parameter("Side invalid")
    if kind not in ("Limit", "Market"):
        return fault(170116) if is_spot else parameter("OrderType invalid")
    times = str(body.get("timeInForce") or "GTC")
    if times not in _TIMES:
        return fault(170115) if is_spot else parameter("timeInForce invalid")
    qty, price = number(body.get("qty")), number(body.get("price"))
    if qty is None:
        return parameter("json: cannot unmarshal into Go struct field .qty of type string")
    if kind == "Limit" and price is None:
        return parameter("Price invalid")
    trigger = number(body.get("triggerPrice"))
    now_ms = state.clock()
    return OrderRecord(
        category=category,
        order_id=state.new_id(category),
        order_link_id=str(body.get("orderLinkId") or ""),
        symbol=str(body["symbol"]),
        side=side,
        order_type=kind,
        time_in_force="IOC" if kind == "Market" else times,
        qty=qty,
        price=price if kind == "Limit" else None,
        market_unit=_unit(body, side) if is_spot and kind == "Market" else "",
        order_filter=str(body.get("orderFilter") or ("Order" if trigger is None else "StopOrder")),
        trigger_price=trigger or None,
        trigger_direction=_whole(body.get("triggerDirection")),
        trigger_by="" if not trigger else str(body.get("triggerBy") or ("" if is_spot else "LastPrice")),
        reduce_only=not is_spot and body.get("reduceOnly") is True,
        close_on_trigger=not is_spot and body.get("closeOnTrigger") is True,
        position_idx=0 if is_spot else _whole(body.get("positionIdx")),
        create_type="CreateByUser" if not trigger else "CreateByStopOrder",
        created_ms=now_ms,
        updated_ms=now_ms,
        leaves=qty,
        last_price=state.accounts[category].price(str(body["symbol"])),
    )


def _unit(body: Json, side: str) -> str:
    """A market buy is by value unless it says otherwise."""
    return str(body.get("marketUnit") or ("quoteCoin" if side == "Buy" else "baseCoin"))


def _whole(value: object) -> int:
    return int(str(value)) if str(value).isdigit() else 0


def _check_links(state: State, record: OrderRecord) -> Fault | None:
    link = record.order_link_id
    if link and not _LINK.fullmatch(link):
        return parameter("params error: OrderLinkId format error")
    if link and state.is_taken(record.category, link):
        return of_reason(record.category, Reason.DUPLICATE_CLIENT_ORDER_ID, _SIDES[record.side])
    return None


def _check_position(state: State, record: OrderRecord, body: Json) -> Fault | None:
    if record.is_spot:
        return None
    wanted = (1, 2) if state.hedged else (0,)
    if record.position_idx not in wanted or (state.hedged and "positionIdx" not in body):
        return parameter("position idx not match position mode")
    return None


def _quantity(state: State, record: OrderRecord, instrument: Instrument) -> Decimal | Fault:
    if record.market_unit == "quoteCoin":
        quotes = state.accounts["spot"].bid_ask(record.symbol)
        if quotes is None:
            return of_reason("spot", Reason.PRICE_MISSING, _SIDES[record.side])
        if record.qty < instrument.min_notional:
            return of_reason("spot", Reason.BELOW_MIN_NOTIONAL, _SIDES[record.side])
        price = quotes[1] if record.side == "Buy" else quotes[0]
        steps = CONTEXT.divide(record.qty, price * instrument.step_size) // 1
        return steps * instrument.step_size
    if not record.is_spot and record.reduce_only and record.close_on_trigger and not record.qty:
        held = state.accounts["linear"].positions(record.symbol)
        return held[0].quantity if held else ZERO
    return record.qty


def _check_trigger(state: State, record: OrderRecord, instrument: Instrument, qty: Decimal) -> Fault | None:
    trigger, last = record.trigger_price, record.last_price
    assert trigger is not None
    if trigger % instrument.tick_size:
        return of_reason(record.category, Reason.BAD_PRICE, _SIDES[record.side])
    if last is None:
        return of_reason(record.category, Reason.PRICE_MISSING, _SIDES[record.side])
    said = check_filters(record, instrument, record.price, qty)
    if said is not None:
        return said
    waiting = [each for each in state.records.values() if each.status == "Untriggered" and each.symbol == record.symbol]
    waiting = [each for each in waiting if each.category == record.category]
    if record.is_spot:
        record.trigger_direction = 1 if trigger > last else 2
        return fault(170810) if len(waiting) >= MAX_SPOT_STOPS else None
    if len(waiting) >= MAX_STOPS:
        return fault(110009)
    if record.trigger_direction not in (1, 2):
        return parameter("TriggerDirection invalid")
    if record.trigger_direction == 1 and trigger <= last:
        return fault(110092, f"expect Rising, but trigger_price[{trigger}] <= current[{last}]??LastPrice")
    if record.trigger_direction == 2 and trigger >= last:
        return fault(110093, f"expect Falling, but trigger_price[{trigger}] >= current[{last}]??LastPrice")
    return None
