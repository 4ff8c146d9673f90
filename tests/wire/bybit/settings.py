"""What an account can be set to: leverage, position mode, margin mode."""

from __future__ import annotations

from decimal import Decimal

from actors.rules.choices import MarginMode, PositionMode
from tests.wire.bybit.errors import Fault, fault, parameter
from tests.wire.bybit.intake import number
from tests.wire.bybit.markets import MAX_LEVERAGE
from tests.wire.bybit.replies import Json
from tests.wire.bybit.state import State

_MODES = {0: PositionMode.ONE_WAY, 3: PositionMode.HEDGE}
_MARGINS = {"ISOLATED_MARGIN": MarginMode.ISOLATED, "REGULAR_MARGIN": MarginMode.CROSS}


def set_leverage(state: State, body: Json) -> Json | Fault:
    """Both sides alike, whole numbers only."""
    account = state.accounts.get("linear")
    symbol = str(body.get("symbol", ""))
    if account is None or body.get("category") != "linear":
        return parameter("Illegal category")
    if account.instrument(symbol) is None:
        return parameter("params error: symbol invalid")
    buy, sell = number(body.get("buyLeverage")), number(body.get("sellLeverage"))
    if buy is None or buy != sell or not Decimal(1) <= buy <= MAX_LEVERAGE or buy % 1:
        return parameter("buy leverage invalid")
    if int(buy) == account.leverage(symbol):
        return fault(110043)
    account.set_leverage(symbol, int(buy))
    return {}


def switch_mode(state: State, body: Json) -> Json | Fault:
    """One-way (0) or hedge (3), for all symbols: the coin or symbol named makes no difference here."""
    account = state.accounts.get("linear")
    mode = _MODES.get(body["mode"]) if isinstance(body.get("mode"), int) else None
    if account is None or body.get("category") != "linear" or mode is None:
        return parameter("params error: category or mode invalid")
    if not body.get("symbol") and not body.get("coin"):
        return parameter("params error: symbol or coin is required")
    if mode is account.settings.position_mode:
        return fault(110025)
    if account.positions():
        return fault(110024)
    waits = any(each.is_open for each in state.listed("linear"))
    if waits or not account.set_position_mode(mode):
        return fault(110028)
    state.share_wallet()
    return {}


def set_margin_mode(state: State, body: Json) -> Json | Fault:
    account, mode = state.accounts.get("linear"), _MARGINS.get(str(body.get("setMarginMode")))
    if mode is None or account is None:
        return parameter("setMarginMode invalid")
    if mode is account.settings.margin_mode:
        return fault(110026)
    account.set_margin_mode(mode)
    return {"reasons": []}
