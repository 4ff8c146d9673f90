"""Create, amend and cancel. The answers carry ids only: what became of an order is for the streams and look-ups."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from actors.rules.model import OrderSide, Reason
from tests.wire.bybit.errors import Fault, fault, of_reason, parameter
from tests.wire.bybit.intake import check_filters, number, read_order
from tests.wire.bybit.records import OrderRecord
from tests.wire.bybit.replies import Json
from tests.wire.bybit.state import State

MAX_BATCH = {"spot": 10, "linear": 20}


def create(state: State, body: Json) -> Json | Fault:
    read = read_order(state, body)
    if isinstance(read, Fault):
        return read
    record, quantity = read
    if record.trigger_price is not None:
        record.leaves = quantity
        state.hold(record)
        return _ids(record)
    reason = state.place(record, quantity)
    if reason is not None:
        return of_reason(record.category, reason, OrderSide.BUY if record.side == "Buy" else OrderSide.SELL)
    return _ids(record)


def cancel(state: State, body: Json) -> Json | Fault:
    found = _find(state, body)
    if isinstance(found, Fault):
        return found
    wanted = str(body.get("orderFilter") or "")
    is_other = found.status == "Untriggered" and wanted not in ("", found.order_filter)
    if found.is_spot and is_other:
        return _unknown(found.category)
    if not found.is_open:
        return _finished(state, found)
    state.cancel(found)
    return _ids(found)


def amend(state: State, body: Json) -> Json | Fault:
    found = _find(state, body)
    if isinstance(found, Fault):
        return found
    if not found.is_open:
        return _finished(state, found)
    given = {name: number(body[name]) for name in ("qty", "price", "triggerPrice") if body.get(name)}
    if not given or None in given.values():
        return parameter("params error: nothing to amend")
    qty, price, trigger = given.get("qty") or found.qty, given.get("price") or found.price, given.get("triggerPrice")
    if (qty, price, trigger or found.trigger_price) == (found.qty, found.price, found.trigger_price):
        return parameter("The order remains unchanged as the parameters entered match the existing ones.")
    instrument = state.accounts[found.category].instruments[found.symbol]
    said = check_filters(found, instrument, price, qty)
    if said is not None:
        return said
    if found.status == "Untriggered":
        found.qty = found.leaves = qty
        found.price, found.trigger_price = price, trigger or found.trigger_price
        state.touch(found)
        return _ids(found)
    return _amend_resting(state, found, price, qty)


def _amend_resting(state: State, found: OrderRecord, price: Decimal | None, qty: Decimal) -> Json | Fault:
    if qty <= found.cum_qty:
        return fault(170136) if found.is_spot else fault(110064)
    rejected = state.amend(found, price, qty)
    if rejected is None:
        return _ids(found)
    if rejected.reason is Reason.ORDER_NOT_FOUND:
        return _unknown(found.category)
    return of_reason(found.category, rejected.reason, OrderSide.BUY if found.side == "Buy" else OrderSide.SELL)


def cancel_all(state: State, body: Json) -> Json | Fault:
    category, symbol = str(body.get("category", "")), str(body.get("symbol") or "")
    account = state.accounts.get(category)
    if account is None:
        return parameter("Illegal category")
    coins = (str(body.get("baseCoin") or ""), str(body.get("settleCoin") or ""))
    if category == "linear" and not symbol and not any(coins):
        return parameter("params error: symbol, baseCoin or settleCoin is required")
    wanted = str(body.get("orderFilter") or ("Order" if category == "spot" else ""))
    gone = []
    for record in state.listed(category):
        instrument = account.instruments[record.symbol]
        is_meant = symbol in ("", record.symbol) and (symbol or coins[0] in ("", instrument.base))
        is_meant = is_meant and (symbol or coins[1] in ("", instrument.quote))
        kind = record.order_filter if record.status == "Untriggered" else "Order"
        if record.is_open and is_meant and wanted in ("", kind):
            state.cancel(record)
            gone.append(_ids(record))
    return {"list": gone, "success": "1"}


def batch(
    state: State, body: Json, one: Callable[[State, Json], Json | Fault], *, creates: bool
) -> tuple[Json, Json] | Fault:
    """Result and extension, row by row as asked: a refused row has no order id, its code is in the extension."""
    category, requests = str(body.get("category", "")), body.get("request")
    if category not in state.accounts:
        return parameter("Illegal category")
    if not isinstance(requests, list) or not 1 <= len(requests) <= MAX_BATCH[category]:
        return parameter("params error: the number of requests is wrong")
    rows, codes = [], []
    for request in requests:
        asked = {**request, "category": category}
        answer = one(state, asked)
        row = {"category": category, "symbol": asked.get("symbol", ""), "orderId": str(asked.get("orderId") or "")}
        row |= {"orderLinkId": str(asked.get("orderLinkId") or "")}
        if isinstance(answer, Fault):
            codes.append({"code": answer.code, "msg": answer.words})
        else:
            row |= answer
            codes.append({"code": 0, "msg": "OK"})
        rows.append(row | ({"createAt": str(state.clock())} if creates else {}))
    return {"list": rows}, {"list": codes}


def _find(state: State, body: Json) -> OrderRecord | Fault:
    category = str(body.get("category", ""))
    if category not in state.accounts:
        return parameter("Illegal category")
    order_id, link_id = str(body.get("orderId") or ""), str(body.get("orderLinkId") or "")
    if not order_id and not link_id:
        return parameter("params error: orderId or orderLinkId is required")
    return state.find(category, order_id, link_id, str(body.get("symbol") or "")) or _unknown(category)


def _unknown(category: str) -> Fault:
    return of_reason(category, Reason.ORDER_NOT_FOUND, OrderSide.BUY)


def _finished(state: State, record: OrderRecord) -> Fault:
    """Why it can no longer be changed. Forgotten with the short memory for finished orders."""
    if record.order_id not in state.recent[record.category]:
        return _unknown(record.category)
    is_filled = record.status == "Filled"
    if record.is_spot:
        return fault(170139 if is_filled else 170142)
    return fault(110008 if is_filled else 110010)


def _ids(record: OrderRecord) -> Json:
    return {"orderId": record.order_id, "orderLinkId": record.order_link_id}
