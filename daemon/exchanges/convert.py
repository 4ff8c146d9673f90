"""ccxt's unified structures as values, Decimal at the border. Numbers come as the venue's own text (`number=str`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from actors.account_messages import ForeignCause, FundingPaid
from actors.rules.model import Balance, Instrument, OrderSide, OrderState, Position, Quote, Side, Trade
from actors.rules.money import ZERO

FeeValue = Callable[[str, str], Decimal | None]
"""(asset, quote) -> quote per asset, None where no price is known."""

_STATES = {
    "open": OrderState.OPEN,
    "canceling": OrderState.OPEN,
    "PENDING_NEW": OrderState.OPEN,
    "PENDING_CANCEL": OrderState.OPEN,
    "closed": OrderState.FILLED,
    "canceled": OrderState.CANCELLED,
    "rejected": OrderState.REJECTED,
    "expired": OrderState.EXPIRED,
    "expired_in_match": OrderState.EXPIRED,
}
_LIQUIDATION_IDS = {"autoclose-": ForeignCause.LIQUIDATION, "adl_autoclose": ForeignCause.AUTO_DELEVERAGING}
_BYBIT_CAUSES = {"BustTrade": ForeignCause.LIQUIDATION, "AdlTrade": ForeignCause.AUTO_DELEVERAGING}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """What an answer or an update says of an order. None: it does not say."""

    client_order_id: str
    exchange_order_id: str
    symbol: str
    state: OrderState | None
    filled: Decimal | None
    price: Decimal | None = None
    quantity: Decimal | None = None
    side: OrderSide | None = None
    time_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeView:
    """An execution, its fee valued. Venues that name no client order id in it leave that empty."""

    client_order_id: str
    exchange_order_id: str
    symbol: str
    side: OrderSide
    trade: Trade
    cause: ForeignCause = ForeignCause.MANUAL
    """Why, if the order turns out not to be ours."""
    position_side: Side | None = None
    """Of a hedge account, where the venue says it."""


def number(value: Any) -> Decimal | None:
    """None for what is no finite number, empty text too."""
    if value is None or value == "":
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def order_view(raw: Mapping[str, Any], client_order_id: str) -> OrderView:
    """A unified order. A `closed` one that is not wholly filled was cancelled: some venues call it so.

    An end that does not say how much was filled is none yet: executions may be missing, and nobody would ask for them.
    """
    filled, quantity = number(raw.get("filled")), number(raw.get("amount"))
    state = _STATES.get(str(raw.get("status")))
    if state is OrderState.FILLED and filled is not None and quantity is not None and filled < quantity:
        state = OrderState.CANCELLED
    elif filled is None and state in (OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED):
        filled, state = (quantity, state) if state is OrderState.FILLED and quantity else (None, None)
    elif state is OrderState.OPEN and filled:
        state = OrderState.PARTIALLY_FILLED
    elif state in (OrderState.CANCELLED, OrderState.EXPIRED) and quantity and filled == quantity:
        state = OrderState.FILLED
    return OrderView(
        client_order_id=client_order_id,
        exchange_order_id=text(raw.get("id")),
        symbol=text(raw.get("symbol")),
        state=state,
        filled=filled,
        price=number(raw.get("price")) or None,
        quantity=quantity or None,
        side=OrderSide(raw["side"]) if raw.get("side") in ("buy", "sell") else None,
        time_ms=milliseconds(raw.get("lastUpdateTimestamp") or raw.get("lastTradeTimestamp") or raw.get("timestamp")),
    )


def trade_view(
    raw: Mapping[str, Any], client_order_id: str, instrument: Instrument, value_of: FeeValue
) -> TradeView | None:
    """A unified trade; None if it lacks what a trade must have. Fees in third assets are valued by `value_of`."""
    price, quantity, trade_id = number(raw.get("price")), number(raw.get("amount")), text(raw.get("id"))
    if price is None or not quantity or not trade_id or raw.get("side") not in ("buy", "sell"):
        return None
    fee, asset, value = _fee(raw, instrument, price, value_of)
    return TradeView(
        client_order_id=client_order_id,
        exchange_order_id=text(raw.get("order")),
        symbol=text(raw.get("symbol")),
        side=OrderSide(raw["side"]),
        trade=Trade(
            trade_id=trade_id,
            quantity=abs(quantity),
            price=price,
            fee=fee,
            fee_asset=asset,
            fee_value=value,
            time_ms=milliseconds(raw.get("timestamp")),
            maker=raw.get("takerOrMaker") == "maker",
        ),
        cause=_cause(raw),
        position_side=_position_side(raw),
    )


def _fee(
    raw: Mapping[str, Any], instrument: Instrument, price: Decimal, value_of: FeeValue
) -> tuple[Decimal, str, Decimal]:
    """(amount, asset, value in quote). Of several fees the one in base counts as amount, all count in the value."""
    fees = [each for each in (raw.get("fees") or [raw.get("fee")]) if each]
    amount, asset, value = ZERO, instrument.quote, ZERO
    for each in fees:
        cost, currency = number(each.get("cost")), text(each.get("currency")) or instrument.quote
        if not cost:
            continue
        value += cost * _rate(currency, instrument, price, value_of)
        if amount == ZERO or currency == instrument.base:
            amount, asset = cost, currency
    return amount, asset, value


def _rate(currency: str, instrument: Instrument, price: Decimal, value_of: FeeValue) -> Decimal:
    if currency == instrument.quote:
        return Decimal(1)
    if currency == instrument.base:
        return price
    return value_of(currency, instrument.quote) or ZERO


def fee_assets(raws: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Assets these trades were charged in, for whoever must find their prices first."""
    return frozenset(
        text(fee.get("currency"))
        for raw in raws
        for fee in (raw.get("fees") or [raw.get("fee")])
        if fee and number(fee.get("cost"))
    ) - {""}


def _cause(raw: Mapping[str, Any]) -> ForeignCause:
    info = raw.get("info") or {}
    client_id = text(raw.get("clientOrderId") or info.get("c") or info.get("clientOrderId"))
    for beginning, cause in _LIQUIDATION_IDS.items():
        if client_id.startswith(beginning):
            return cause
    return _BYBIT_CAUSES.get(text(info.get("execType")), ForeignCause.MANUAL)


def _position_side(raw: Mapping[str, Any]) -> Side | None:
    info = raw.get("info") or {}
    named = text(info.get("ps") or info.get("positionSide") or info.get("posSide")).lower()
    return Side(named) if named in ("long", "short") else None


def balances(raw: Mapping[str, Any]) -> dict[str, Balance]:
    """Unified balances that are not zero. Where only a total is told, all of it counts as free."""
    found = {}
    totals = raw.get("total") or {}
    for asset, told in totals.items():
        total = number(told) or ZERO
        part = raw.get(asset) or {}
        free, used = number(part.get("free")), number(part.get("used"))
        if free is None:
            free = total - (used or ZERO)
        locked = total - free if used is None else used
        if free or locked:
            found[asset] = Balance(asset=asset, free=free, locked=locked)
    return found


def positions(raws: Iterable[Mapping[str, Any]]) -> tuple[Position, ...]:
    """Unified positions that are open, quantities in contracts."""
    found = []
    for raw in raws:
        contracts = number(raw.get("contracts"))
        side = text(raw.get("side"))
        if not contracts or side not in ("long", "short"):
            continue
        found.append(
            Position(
                symbol=text(raw.get("symbol")),
                side=Side(side),
                quantity=abs(contracts),
                average_entry=number(raw.get("entryPrice")) or ZERO,
                liquidation_price=number(raw.get("liquidationPrice")) or None,
            )
        )
    return tuple(found)


def funding(raws: Iterable[Mapping[str, Any]], incarnation: int) -> list[FundingPaid]:
    """Unified incomes of funding, what was received above zero. Those without a time or an amount are left out."""
    found = []
    for raw in raws:
        amount, time_ms, symbol = number(raw.get("amount")), milliseconds(raw.get("timestamp")), text(raw.get("symbol"))
        if amount and time_ms and symbol:
            found.append(
                FundingPaid(
                    incarnation=incarnation,
                    funding_id=text(raw.get("id")) or f"{symbol}-{time_ms}",
                    symbol=symbol,
                    side=_position_side(raw),
                    amount=amount,
                    time_ms=time_ms,
                )
            )
    return found


def quotes(tickers: Mapping[str, Mapping[str, Any]], now_ms: int) -> dict[str, Quote]:
    """Tickers as quotes of now; the last trade stands for a side that is missing."""
    found = {}
    for symbol, raw in tickers.items():
        last = number(raw.get("last"))
        bid, ask = number(raw.get("bid")) or last, number(raw.get("ask")) or last
        if bid is not None and ask is not None:
            found[symbol] = Quote(bid=bid, ask=ask, time_ms=now_ms)
    return found


def text(value: Any) -> str:
    return "" if value is None else str(value)


def milliseconds(value: Any) -> int:
    found = number(value)
    return 0 if found is None else int(found)
