"""The truth of an account as JSON, for tests that compare it with what the daemon believes.

`ledger(account)` -> {"balances": {asset: {"free", "locked"}}, "orders": [...], "trades": [...], "positions": [...],
"prices": {symbol: price}}; decimals are plain strings, times are ms. Hidden orders are in it, too.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.wire.core.account import SimAccount, SimOrder, SimPosition, SimTrade

Json = Any


def text(value: Decimal) -> str:
    """A plain decimal without needless zeros at its end."""
    plain = format(value, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("", "-0") else plain


def ledger(account: SimAccount) -> dict[str, Json]:
    prices = {symbol: account.price(symbol) for symbol in account.instruments}
    return {
        "balances": {
            balance.asset: {"free": text(balance.free), "locked": text(balance.locked)}
            for balance in account.balances()
        },
        "orders": [order_json(order) for order in account.all_orders()],
        "trades": [trade_json(trade) for trade in account.all_trades()],
        "positions": [position_json(position) for position in account.positions()],
        "prices": {symbol: text(price) for symbol, price in prices.items() if price is not None},
    }


def order_json(order: SimOrder) -> dict[str, Json]:
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side.value,
        "type": order.type.value,
        "time_in_force": order.time_in_force.value,
        "reduce_only": order.reduce_only,
        "price": None if order.price is None else text(order.price),
        "trigger_price": None if order.trigger_price is None else text(order.trigger_price),
        "quantity": text(order.quantity),
        "filled": text(order.filled),
        "notional": text(order.notional),
        "state": order.state.value,
        "create_ms": order.create_ms,
        "update_ms": order.update_ms,
        "words": order.words,
        "extra": dict(order.extra),
    }


def trade_json(trade: SimTrade) -> dict[str, Json]:
    return {
        "trade_id": trade.trade_id,
        "order_id": trade.order_id,
        "client_order_id": trade.client_order_id,
        "symbol": trade.symbol,
        "side": trade.side.value,
        "price": text(trade.price),
        "quantity": text(trade.quantity),
        "fee": text(trade.fee),
        "fee_asset": trade.fee_asset,
        "realized": text(trade.realized),
        "maker": trade.maker,
        "time_ms": trade.time_ms,
    }


def position_json(position: SimPosition) -> dict[str, Json]:
    return {
        "symbol": position.symbol,
        "side": position.side.value,
        "quantity": text(position.quantity),
        "entry_price": text(position.entry_price),
        "margin": text(position.margin),
        "mark": text(position.mark),
        "unrealized": text(position.unrealized),
        "leverage": position.leverage,
    }
