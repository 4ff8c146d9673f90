"""Leverage, margin mode and position mode of a Binance USDT-M account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors.rules.choices import MarginMode, PositionMode
from actors.rules.settings import AccountSettings
from daemon.exchanges.venues.settling import settle

REMEDY_SYMBOL = (
    "Close the open orders and the position of {symbol} on Binance and reload, or change {key} in the config."
)
REMEDY_MODE = (
    "Close all open orders and positions of the account on Binance and reload, or change position_mode in the config."
)


async def set_symbol(client: Any, account: AccountSettings, symbol: str) -> None:
    """Margin mode first: it decides how far leverage may go."""
    await client.load_markets()
    market_id = client.market_id(symbol)
    margin = "ISOLATED" if account.margin_mode is MarginMode.ISOLATED else "CROSSED"

    async def config(key: str) -> str:
        rows = await client.fapiPrivateGetSymbolConfig({"symbol": market_id})
        values = [str(row.get(key) or "").upper() for row in rows if row.get("symbol") == market_id]
        return values[0] if values else ""

    await settle(
        f"margin mode of {symbol}",
        margin,
        lambda: config("marginType"),
        lambda: client.fapiPrivatePostMarginType({"symbol": market_id, "marginType": margin}),
        REMEDY_SYMBOL.format(symbol=symbol, key="margin_mode"),
    )
    await settle(
        f"leverage of {symbol}",
        str(account.leverage),
        lambda: config("leverage"),
        lambda: client.fapiPrivatePostLeverage({"symbol": market_id, "leverage": account.leverage}),
        REMEDY_SYMBOL.format(symbol=symbol, key="leverage"),
    )


async def set_position_mode(
    client: Any, account: AccountSettings, saw: Callable[[PositionMode], object] = lambda _: None
) -> None:
    """`saw` hears of every mode that is read."""
    wanted = "true" if account.position_mode is PositionMode.HEDGE else "false"

    async def read() -> str:
        answer = await client.fapiPrivateGetPositionSideDual()
        found = str(answer.get("dualSidePosition")).lower()
        if found in ("true", "false"):
            saw(PositionMode.HEDGE if found == "true" else PositionMode.ONE_WAY)
        return found

    await settle(
        "hedge mode of the account",
        wanted,
        read,
        lambda: client.fapiPrivatePostPositionSideDual({"dualSidePosition": wanted}),
        REMEDY_MODE,
    )
