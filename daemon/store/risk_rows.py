"""The ledger of profit, equity and risk actions: columns, values to parameters, rows to values."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from actors.ports import ConstraintBroken
from actors.rules.records import AddEquity, AddProfit, SaveRiskAction
from actors.rules.risk_model import RiskAction
from daemon.store.link import Cursor, RowBroken
from daemon.store.signal_rows import SIDES, WORLDS
from daemon.store.statements import Columns
from daemon.store.text import json_value, number, number_or_null, read_json_value, read_number_or_null

PROFIT = Columns.of("profits", "time_ms world group_id account symbol timeframe strategy side quote realized fees")
EQUITY = Columns.of("equity", "time_ms world equity realized unrealized")
RISK_ACTION = Columns.of(
    "risk_actions", "action_id world quote state reason loser_group_id create_time_ms end_time_ms action"
)
RISK_ACTION_KEPT = ("world", "quote", "create_time_ms")


def saved_profit(row: AddProfit) -> tuple[Any, ...]:
    """Parameters in the order of `PROFIT`."""
    return (
        *(row.time_ms, row.world.value, row.group_id, row.account, row.symbol, row.timeframe, row.strategy),
        *(row.side.value, row.quote, number(row.realized), number(row.fees)),
    )


def read_profit(row: tuple[Any, ...]) -> AddProfit:
    """From a row in the order of `PROFIT`."""
    time_ms, world, group_id, account, symbol, timeframe, strategy, side, quote, realized, fees = row
    return AddProfit(
        time_ms=time_ms,
        world=WORLDS[world],
        group_id=group_id,
        account=account,
        symbol=symbol,
        timeframe=timeframe,
        strategy=strategy,
        side=SIDES[side],
        quote=quote,
        realized=Decimal(realized),
        fees=Decimal(fees),
    )


def saved_equity(row: AddEquity) -> tuple[Any, ...]:
    """Parameters in the order of `EQUITY`."""
    return (
        *(row.time_ms, row.world.value, number_or_null(row.equity), number(row.realized)),
        number_or_null(row.unrealized),
    )


def read_equity(row: tuple[Any, ...]) -> AddEquity:
    """From a row in the order of `EQUITY`."""
    time_ms, world, equity, realized, unrealized = row
    return AddEquity(
        time_ms=time_ms,
        world=WORLDS[world],
        equity=read_number_or_null(equity),
        realized=Decimal(realized),
        unrealized=read_number_or_null(unrealized),
    )


def saved_action(row: SaveRiskAction) -> tuple[Any, ...]:
    """Parameters in the order of `RISK_ACTION`."""
    action = row.action
    return (
        *(action.action_id, action.world.value, action.quote, action.state.value),
        *(None if action.reason is None else action.reason.value, action.plan.loser_group_id),
        *(action.create_time_ms, action.end_time_ms, json_value(action)),
    )


def read_action(text: str) -> RiskAction:
    """From the column `action`, which holds the whole."""
    return read_json_value(RiskAction, text)


def groups_of(action: RiskAction) -> set[str]:
    """Ids of the groups that take part in it, as loser, as winner or in a step."""
    winners = (winner.group_id for winner in action.plan.winners)
    named = {action.plan.loser_group_id, *winners, *(step.group_id for step in action.steps)}
    return named - {""}


_SAVE_ACTION = RISK_ACTION.upsert(("action_id",), kept=RISK_ACTION_KEPT)
_ADD_GROUP = "INSERT INTO risk_action_groups (group_id, action_id) VALUES (?, ?) ON CONFLICT DO NOTHING"


def save_actions(cursor: Cursor, run: Sequence[SaveRiskAction]) -> None:
    """The action whole, and who takes part in it."""
    for row in run:
        action = row.action
        try:
            cursor.execute(_SAVE_ACTION, saved_action(row))
            cursor.executemany(_ADD_GROUP, [(group_id, action.action_id) for group_id in sorted(groups_of(action))])
        except RowBroken as error:
            raise ConstraintBroken("risk_action", f"risk action {action.action_id}: {error}") from error
