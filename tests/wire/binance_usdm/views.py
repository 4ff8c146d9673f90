"""The venue's JSON of orders, trades, balances and positions, field for field."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from actors.rules.choices import PositionMode
from actors.rules.model import OrderSide, OrderState, OrderType, Side, TimeInForce
from actors.rules.money import CONTEXT, ZERO
from tests.wire.binance_usdm.modes import BRACKETS, ISOLATED, Income, Modes, max_notional, sides
from tests.wire.core.account import SimAccount, SimOrder, SimPosition, SimTrade
from tests.wire.core.ledger import text

Json = dict[str, Any]

STATUS = {
    OrderState.OPEN: "NEW",
    OrderState.PARTIALLY_FILLED: "PARTIALLY_FILLED",
    OrderState.FILLED: "FILLED",
    OrderState.CANCELLED: "CANCELED",
    OrderState.EXPIRED: "EXPIRED",
    OrderState.REJECTED: "REJECTED",
}
TIME_IN_FORCE = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.POST_ONLY: "GTX"}
_CENT = Decimal(1).scaleb(-8)


def rounded(value: Decimal) -> str:
    """To 8 places, for what does not come out even."""
    return text(value.quantize(_CENT, rounding=ROUND_HALF_EVEN, context=CONTEXT))


# --- orders -------------------------------------------------------------------------------------------


def client_id(order: SimOrder) -> str:
    if order.client_order_id:
        return order.client_order_id
    if "autoclose" in order.extra:
        return order.extra["autoclose"]
    return f"autoclose-{order.order_id}" if "liquidation" in order.extra else f"web_{order.order_id}"


def order_type(order: SimOrder) -> str:
    return "MARKET" if order.type is OrderType.MARKET else "LIMIT"


def time_in_force(order: SimOrder) -> str:
    return order.extra.get("timeInForce", TIME_IN_FORCE[order.time_in_force])


def position_side(order: SimOrder) -> str:
    if order.extra.get("position_mode") == PositionMode.HEDGE.value:
        return order.extra["closes"].upper()  # A liquidation: nobody sent it with a side.
    return order.extra.get("positionSide", "BOTH")


def order(one: SimOrder) -> Json:
    """As placing, changing and cancelling answer; looking up adds `time`."""
    return {
        "orderId": int(one.order_id),
        "symbol": one.symbol,
        "status": STATUS[one.state],
        "clientOrderId": client_id(one),
        "price": text(one.price or ZERO),
        "avgPrice": rounded(one.average_price),
        "origQty": text(one.quantity),
        "executedQty": text(one.filled),
        "cumQty": text(one.filled),
        "cumQuote": text(one.notional),
        "timeInForce": time_in_force(one),
        "type": order_type(one),
        "reduceOnly": one.reduce_only,
        "closePosition": one.extra.get("closePosition") == "true",
        "side": one.side.value.upper(),
        "positionSide": position_side(one),
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": one.extra.get("origType", order_type(one)),
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "updateTime": one.update_ms,
    }


def found_order(one: SimOrder) -> Json:
    body = order(one)
    del body["cumQty"]
    return body | {"time": one.create_ms}


def acknowledged(one: SimOrder) -> Json:
    """newOrderRespType=ACK: accepted, nothing said of what it filled at once."""
    return order(one) | {
        "status": "NEW",
        "avgPrice": "0.00",
        "executedQty": "0",
        "cumQty": "0",
        "cumQuote": "0",
        "updateTime": one.create_ms,
    }


def trade(one: SimTrade, account: SimAccount) -> Json:
    placed = account.order(order_id=one.order_id)
    return {
        "symbol": one.symbol,
        "id": int(one.trade_id),
        "orderId": int(one.order_id),
        "side": one.side.value.upper(),
        "price": text(one.price),
        "qty": text(one.quantity),
        "realizedPnl": text(one.realized),
        "quoteQty": text(one.notional),
        "commission": text(one.fee),
        "commissionAsset": one.fee_asset,
        "marginAsset": account.instruments[one.symbol].quote,
        "time": one.time_ms,
        "positionSide": "BOTH" if placed is None else position_side(placed),
        "buyer": one.side is OrderSide.BUY,
        "maker": one.maker,
    }


def income(one: Income) -> Json:
    return {
        "symbol": one.symbol,
        "incomeType": one.kind,
        "income": text(one.amount),
        "asset": one.asset,
        "time": one.time_ms,
        "info": one.kind,
        "tranId": one.transfer_id,
        "tradeId": one.trade_id,
    }


# --- positions ----------------------------------------------------------------------------------------


def maintenance_share(notional: Decimal) -> Decimal:
    return next((Decimal(share) for _, cap, share in BRACKETS if notional <= cap), Decimal(BRACKETS[-1][2]))


def maintenance(position: SimPosition) -> Decimal:
    notional = position.mark * position.quantity
    return notional * maintenance_share(notional)


def liquidation_price(position: SimPosition) -> Decimal:
    """Where margin and profit are worth the maintenance margin; 0: nowhere."""
    value, size = position.entry_price * position.quantity, position.quantity
    share = maintenance_share(position.mark * position.quantity)
    if position.side is Side.LONG:
        return max(ZERO, CONTEXT.divide(value - position.margin, size * (1 - share)))
    return CONTEXT.divide(value + position.margin, size * (1 + share))


def amount(position: SimPosition) -> Decimal:
    return position.quantity * position.side.sign


def open_orders_margin(account: SimAccount, symbol: str) -> Decimal:
    unified = account.instruments[symbol].symbol
    return sum(
        (each.lock_unit * each.remaining for each in account.book.orders.values() if each.symbol == unified), ZERO
    )


def position_v3(position: SimPosition, modes: Modes, updated_ms: int) -> Json:
    isolated = modes.margin_type(position.symbol) == ISOLATED
    opening = open_orders_margin(modes.account, position.symbol)
    return {
        "symbol": position.symbol,
        "positionSide": modes.position_side(position),
        "positionAmt": text(amount(position)),
        "entryPrice": rounded(position.entry_price),
        "breakEvenPrice": rounded(position.entry_price),
        "markPrice": text(position.mark),
        "unRealizedProfit": rounded(position.unrealized),
        "liquidationPrice": rounded(liquidation_price(position)),
        "isolatedMargin": rounded(position.margin + position.unrealized) if isolated else "0",
        "notional": text(position.mark * amount(position)),
        "marginAsset": modes.account.instruments[position.symbol].quote,
        "isolatedWallet": rounded(position.margin) if isolated else "0",
        "initialMargin": rounded(position.margin + opening),
        "maintMargin": rounded(maintenance(position)),
        "positionInitialMargin": rounded(position.margin),
        "openOrderInitialMargin": rounded(opening),
        "adl": 1,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": updated_ms,
    }


def position_v2(position: SimPosition, modes: Modes, updated_ms: int) -> Json:
    isolated = modes.margin_type(position.symbol) == ISOLATED
    body = position_v3(position, modes, updated_ms)
    for name in ("marginAsset", "initialMargin", "maintMargin", "positionInitialMargin", "openOrderInitialMargin"):
        del body[name]
    return body | {
        "leverage": str(position.leverage),
        "maxNotionalValue": text(max_notional(position.leverage)),
        "marginType": "isolated" if isolated else "cross",
        "isAutoAddMargin": "false",
        "isolated": isolated,
        "adlQuantile": 1,
    }


def flat_v2(symbol: str, side: str, modes: Modes) -> Json:
    """v2 lists every symbol, held or not."""
    leverage = modes.account.leverage(symbol)
    isolated = modes.margin_type(symbol) == ISOLATED
    return {
        "symbol": symbol,
        "positionSide": side,
        "positionAmt": "0",
        "entryPrice": "0.0",
        "breakEvenPrice": "0.0",
        "markPrice": text(modes.account.price(symbol) or ZERO),
        "unRealizedProfit": "0.00000000",
        "liquidationPrice": "0",
        "leverage": str(leverage),
        "maxNotionalValue": text(max_notional(leverage)),
        "marginType": "isolated" if isolated else "cross",
        "isolatedMargin": "0.00000000",
        "isAutoAddMargin": "false",
        "isolated": isolated,
        "adlQuantile": 0,
        "notional": "0",
        "isolatedWallet": "0",
        "updateTime": 0,
    }


def positions_v2(symbols: list[str], modes: Modes, now_ms: int) -> list[Json]:
    rows = []
    for symbol in symbols:
        held = {modes.position_side(each): each for each in modes.account.positions(symbol)}
        for side in sides(modes.is_hedge):
            rows.append(position_v2(held[side], modes, now_ms) if side in held else flat_v2(symbol, side, modes))
    return rows


def account_position(position: SimPosition, modes: Modes, updated_ms: int) -> Json:
    """In v3/account."""
    row = position_v3(position, modes, updated_ms)
    names = ("symbol", "positionSide", "positionAmt", "isolatedMargin", "notional", "isolatedWallet", "initialMargin")
    return {name: row[name] for name in names} | {
        "unrealizedProfit": row["unRealizedProfit"],
        "maintMargin": row["maintMargin"],
        "updateTime": updated_ms,
    }


# --- money --------------------------------------------------------------------------------------------


def asset(name: str, modes: Modes, updated_ms: int) -> Json:
    """One row of v3/account's assets: the wallet is what was put in and realised; free money is what is not bound."""
    account = modes.account
    funds = account.book.funds
    held = [each for each in account.positions() if account.instruments[each.symbol].quote == name]
    wallet, free = funds.total(name), funds.free(name)
    margins = sum((each.margin for each in held), ZERO)
    profit = sum((each.unrealized for each in held), ZERO)
    isolated = [each for each in held if modes.margin_type(each.symbol) == ISOLATED]
    crossed_profit = profit - sum((each.unrealized for each in isolated), ZERO)
    return {
        "asset": name,
        "walletBalance": text(wallet),
        "unrealizedProfit": rounded(profit),
        "marginBalance": rounded(wallet + profit),
        "maintMargin": rounded(sum((maintenance(each) for each in held), ZERO)),
        "initialMargin": rounded(wallet - free),
        "positionInitialMargin": rounded(margins),
        "openOrderInitialMargin": rounded(wallet - free - margins),
        "crossWalletBalance": rounded(wallet - sum((each.margin for each in isolated), ZERO)),
        "crossUnPnl": rounded(crossed_profit),
        "availableBalance": rounded(free),
        "maxWithdrawAmount": rounded(free),
        "marginAvailable": True,
        "updateTime": updated_ms,
    }


def whole_account(modes: Modes, updated_ms: int) -> Json:
    """v3/account; the totals are USDT's."""
    assets = [asset(balance.asset, modes, updated_ms) for balance in modes.account.balances()]
    main = next((row for row in assets if row["asset"] == "USDT"), None)

    def total(name: str) -> str:
        return "0.00000000" if main is None else str(main[name])

    return {
        "totalInitialMargin": total("initialMargin"),
        "totalMaintMargin": total("maintMargin"),
        "totalWalletBalance": total("walletBalance"),
        "totalUnrealizedProfit": total("unrealizedProfit"),
        "totalMarginBalance": total("marginBalance"),
        "totalPositionInitialMargin": total("positionInitialMargin"),
        "totalOpenOrderInitialMargin": total("openOrderInitialMargin"),
        "totalCrossWalletBalance": total("crossWalletBalance"),
        "totalCrossUnPnl": total("crossUnPnl"),
        "availableBalance": total("availableBalance"),
        "maxWithdrawAmount": total("maxWithdrawAmount"),
        "assets": assets,
        "positions": [account_position(each, modes, updated_ms) for each in modes.account.positions()],
    }


def balance_row(name: str, modes: Modes, updated_ms: int) -> Json:
    row = asset(name, modes, updated_ms)
    return {
        "accountAlias": "SgsR",
        "asset": name,
        "balance": row["walletBalance"],
        "crossWalletBalance": row["crossWalletBalance"],
        "crossUnPnl": row["crossUnPnl"],
        "availableBalance": row["availableBalance"],
        "maxWithdrawAmount": row["maxWithdrawAmount"],
        "marginAvailable": True,
        "updateTime": updated_ms,
    }


def symbol_config(symbol: str, modes: Modes) -> Json:
    leverage = modes.account.leverage(symbol)
    return {
        "symbol": symbol,
        "marginType": modes.margin_type(symbol),
        "isAutoAddMargin": False,
        "leverage": leverage,
        "maxNotionalValue": text(max_notional(leverage)),
    }


def leverage_bracket(symbol: str) -> Json:
    brackets, floor = [], 0
    for number, (leverage, cap, share) in enumerate(BRACKETS, start=1):
        brackets.append(
            {
                "bracket": number,
                "initialLeverage": leverage,
                "notionalCap": cap,
                "notionalFloor": floor,
                "maintMarginRatio": float(share),
                "cum": 0.0,
            }
        )
        floor = cap
    return {"symbol": symbol, "notionalCoef": 1.0, "brackets": brackets}
