"""Margin mode, position mode and leverage of a Bybit unified account."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from actors.rules.choices import MarginMode, PositionMode
from actors.rules.settings import AccountSettings
from daemon.exchanges.venues.settling import settle

REMEDY_ACCOUNT = (
    "Close all open orders and positions of the account on Bybit and reload, or change {key} in the config."
)
REMEDY_SYMBOL = "Close the open orders and the position of {symbol} on Bybit and reload, or change {key} in the config."
MODE_CODES = {PositionMode.ONE_WAY: 0, PositionMode.HEDGE: 3}
PROBE = "BTC/USDT:USDT"
"""Any symbol shows the position mode of its coin."""


async def set_margin_mode(client: Any, account: AccountSettings) -> None:
    """Isolated or cross is a matter of the whole account here."""
    wanted = "ISOLATED_MARGIN" if account.margin_mode is MarginMode.ISOLATED else "REGULAR_MARGIN"

    async def read() -> str:
        answer = await client.privateGetV5AccountInfo()
        return str(answer["result"].get("marginMode") or "")

    await settle(
        "margin mode of the account",
        wanted,
        read,
        lambda: client.privatePostV5AccountSetMarginMode({"setMarginMode": wanted}),
        REMEDY_ACCOUNT.format(key="margin_mode"),
    )


async def set_position_mode(
    client: Any, account: AccountSettings, saw: Callable[[PositionMode], object] = lambda _: None
) -> None:
    """For all symbols that settle in USDT. Each symbol is read again before it is traded. `saw` hears what is read."""
    await client.load_markets()
    symbol = PROBE if PROBE in client.markets else next((name for name in sorted(client.markets)), "")
    if symbol:
        remedy = REMEDY_ACCOUNT.format(key="position_mode")
        await _settle_mode(client, account, symbol, {"coin": "USDT"}, remedy, saw)


async def set_symbol(client: Any, account: AccountSettings, symbol: str) -> None:
    """Position mode, in case the symbol differs from the rest, then leverage of both sides."""
    await client.load_markets()
    market_id = client.market_id(symbol)
    await _settle_mode(
        client, account, symbol, {"symbol": market_id}, REMEDY_SYMBOL.format(symbol=symbol, key="position_mode")
    )
    leverage = str(account.leverage)

    async def read() -> str:
        found = {Decimal(str(row.get("leverage") or 0)) for row in await _rows(client, market_id)}
        return ", ".join(sorted(format(value.normalize(), "f") for value in found))

    await settle(
        f"leverage of {symbol}",
        leverage,
        read,
        lambda: client.privatePostV5PositionSetLeverage(
            {"category": "linear", "symbol": market_id, "buyLeverage": leverage, "sellLeverage": leverage}
        ),
        REMEDY_SYMBOL.format(symbol=symbol, key="leverage"),
    )


async def _settle_mode(
    client: Any,
    account: AccountSettings,
    symbol: str,
    scope: dict[str, str],
    remedy: str,
    saw: Callable[[PositionMode], object] = lambda _: None,
) -> None:
    market_id = client.market_id(symbol)

    async def read() -> str:
        indexes = {int(row.get("positionIdx") or 0) for row in await _rows(client, market_id)}
        if not indexes:
            return ""
        found = PositionMode.ONE_WAY if indexes == {0} else PositionMode.HEDGE
        saw(found)
        return found.value

    await settle(
        f"position mode of {symbol}",
        account.position_mode.value,
        read,
        lambda: client.privatePostV5PositionSwitchMode(
            {"category": "linear", **scope, "mode": MODE_CODES[account.position_mode]}
        ),
        remedy,
    )


async def _rows(client: Any, market_id: str) -> list[dict[str, Any]]:
    """Bybit lists the position of a symbol that is asked for even where it is empty."""
    answer = await client.privateGetV5PositionList({"category": "linear", "symbol": market_id})
    return list(answer["result"]["list"])
