"""Wallet and positions as the venue shows them."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import TYPE_CHECKING

from actors.rules.model import Side
from actors.rules.money import CONTEXT, ZERO
from tests.wire.bybit.replies import Json, plain
from tests.wire.core.account import SimAccount, SimPosition

if TYPE_CHECKING:
    from tests.wire.bybit.state import State

_MAINTENANCE = Decimal("0.005")
_EIGHT = Decimal("1e-8")


def wallet_row(state: State, assets: Collection[str] | None = None) -> Json:
    """The unified account with these coins, all that are not zero unless named. Dollars are counted one to one."""
    any_account = next(iter(state.accounts.values()))
    names = sorted(name for name, held in any_account.book.funds.balances().items() if held.free + held.locked)
    coins = [_coin_row(state, name) for name in (names if assets is None else sorted(assets))]
    usdt = _coin_row(state, "USDT")
    margin = Decimal(usdt["totalOrderIM"]) + Decimal(usdt["totalPositionIM"])
    wallet, profit = Decimal(usdt["walletBalance"]), Decimal(usdt["unrealisedPnl"])
    return {
        "accountType": "UNIFIED",
        "accountIMRate": "0",
        "accountIMRateByMp": "0",
        "accountMMRate": "0",
        "accountMMRateByMp": "0",
        "accountLTV": "0",
        "totalEquity": plain(wallet + profit),
        "totalWalletBalance": plain(wallet),
        "totalMarginBalance": plain(wallet + profit),
        "totalAvailableBalance": plain(wallet + profit - margin),
        "totalPerpUPL": plain(profit),
        "totalInitialMargin": plain(margin),
        "totalInitialMarginByMp": plain(margin),
        "totalMaintenanceMargin": "0",
        "totalMaintenanceMarginByMp": "0",
        "coin": coins,
    }


def _coin_row(state: State, asset: str) -> Json:
    """`locked` is what spot orders bind; margin of perpetuals stands in its own fields."""
    any_account = next(iter(state.accounts.values()))
    total = any_account.book.funds.total(asset)
    linear = state.accounts.get("linear")
    held = [] if linear is None else [each for each in linear.positions() if _settles_in(linear, each, asset)]
    profit = sum((each.unrealized for each in held), ZERO)
    return {
        "coin": asset,
        "equity": plain(total + profit),
        "usdValue": plain(total if asset == "USDT" else ZERO),
        "walletBalance": plain(total),
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "borrowAmount": "0",
        "accruedInterest": "0",
        "totalOrderIM": plain(_bound(linear, asset)),
        "totalPositionIM": plain(sum((each.margin for each in held), ZERO)),
        "totalPositionMM": plain(sum((_maintenance(each) for each in held), ZERO)),
        "unrealisedPnl": plain(profit),
        "cumRealisedPnl": plain(sum(state.realized.values(), ZERO) if asset == "USDT" else ZERO),
        "bonus": "0",
        "collateralSwitch": True,
        "marginCollateral": True,
        "locked": plain(_bound(state.accounts.get("spot"), asset)),
        "spotHedgingQty": "0",
        "spotBorrow": "0",
    }


def _bound(account: SimAccount | None, asset: str) -> Decimal:
    """What the open orders of a book bind."""
    if account is None:
        return ZERO
    orders = account.book.orders.values()
    return sum((each.lock_unit * each.remaining for each in orders if each.lock_asset == asset), ZERO)


def _settles_in(account: SimAccount, position: SimPosition, asset: str) -> bool:
    return account.instruments[position.symbol].quote == asset


def _maintenance(position: SimPosition) -> Decimal:
    return position.entry_price * position.quantity * _MAINTENANCE


def position_rows(state: State, symbol: str) -> list[Json]:
    """One row in one-way mode, both sides in hedge mode; also of flat ones."""
    account = state.accounts["linear"]
    by_side = {each.side: each for each in account.positions(symbol)}
    if state.hedged:
        return [
            _position_row(state, symbol, by_side.get(side), index) for index, side in ((1, Side.LONG), (2, Side.SHORT))
        ]
    return [_position_row(state, symbol, next(iter(by_side.values()), None), 0)]


def _position_row(state: State, symbol: str, held: SimPosition | None, index: int) -> Json:
    account = state.accounts["linear"]
    size = ZERO if held is None else held.quantity
    entry = ZERO if held is None else held.entry_price
    mark = account.price(symbol) or ZERO
    margin = ZERO if held is None else held.margin
    return {
        "positionIdx": index,
        "riskId": 1,
        "riskLimitValue": "2000000",
        "symbol": symbol,
        "side": "" if held is None else ("Buy" if held.side is Side.LONG else "Sell"),
        "size": plain(size),
        "avgPrice": plain(entry.quantize(_EIGHT) if entry else entry),
        "positionValue": plain(entry * size),
        "tradeMode": 0,
        "positionStatus": "Normal",
        "autoAddMargin": 0,
        "adlRankIndicator": 2 if held is not None else 0,
        "leverage": str(account.leverage(symbol)),
        "breakEvenPrice": plain(entry.quantize(_EIGHT) if entry else entry),
        "positionBalance": plain(margin),
        "markPrice": plain(mark),
        "liqPrice": "" if held is None else plain(_liquidation_price(held)),
        "bustPrice": "",
        "positionMM": plain(ZERO if held is None else _maintenance(held)),
        "positionMMByMp": plain(ZERO if held is None else _maintenance(held)),
        "positionIM": plain(margin),
        "positionIMByMp": plain(margin),
        "tpslMode": "Full",
        "takeProfit": "",
        "stopLoss": "",
        "trailingStop": "0",
        "unrealisedPnl": plain(ZERO if held is None else held.unrealized),
        "curRealisedPnl": plain(state.realized.get(symbol, ZERO)),
        "cumRealisedPnl": plain(state.realized.get(symbol, ZERO)),
        "seq": len(state.executions) or -1,
        "isReduceOnly": False,
        "mmrSysUpdateTime": "",
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "sessionAvgPrice": "",
        "createdTime": str(state.clock()),
        "updatedTime": str(state.clock()),
    }


def _liquidation_price(held: SimPosition) -> Decimal:
    """Where what is left of the margin is the maintenance."""
    room = CONTEXT.divide(held.margin - _maintenance(held), held.quantity)
    return max(ZERO, (held.entry_price - room * held.side.sign).quantize(_EIGHT))
