"""Stops, cuts, risk marks and reverses of groups; the ledger of profit; equity over time; what the risk engine did.

The tables `risk_actions` and `equity_snapshots` of the first schema were never written to: they make room for those
that are. Groups from before get one row of the ledger, at the time they closed or last changed, and closed ones what
they had invested, which reports show beside the profit.
"""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

GROUP_COLUMNS = (
    "trails TEXT NOT NULL DEFAULT '{}'",
    "stop_price TEXT",
    "stop_reason TEXT",
    "cuts TEXT NOT NULL DEFAULT '[]'",
    "risk_timer_start_ms INTEGER",
    "risk_blocked INTEGER NOT NULL DEFAULT 0",
    "risk_skip INTEGER NOT NULL DEFAULT 0",
    "reverse TEXT",
    "invested TEXT NOT NULL DEFAULT '0'",
)
QUEUE_COLUMNS = ("is_reverse INTEGER NOT NULL DEFAULT 0", "is_decided INTEGER NOT NULL DEFAULT 0")

CLOSED = "CREATE INDEX position_groups_closed ON position_groups ({columns}) WHERE state = 'closed'"
CLOSED_BEFORE = CLOSED.format(columns="world, close_time_ms")
CLOSED_NOW = CLOSED.format(
    columns="world, close_time_ms, group_id, account, symbol, timeframe, key_strategy, key_source, strategy, side, "
    "quote, realized, fees, invested, create_time_ms, state"
)
"""Everything reports ask of closed groups, their state too, so that their wide rows are not read for it."""

UP = (
    *(f"ALTER TABLE position_groups ADD COLUMN {column}" for column in GROUP_COLUMNS),
    *(f"ALTER TABLE queued_signals ADD COLUMN {column}" for column in QUEUE_COLUMNS),
    """
    CREATE TABLE profits (
        id INTEGER NOT NULL PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        world TEXT NOT NULL,
        group_id TEXT NOT NULL REFERENCES position_groups (group_id),
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        timeframe TEXT NOT NULL,
        strategy TEXT NOT NULL,
        side TEXT NOT NULL,
        quote TEXT NOT NULL,
        realized TEXT NOT NULL,
        fees TEXT NOT NULL
    )
    """,
    "CREATE INDEX profits_time ON profits (world, time_ms, quote, realized, fees)",  # What sums by time ask for.
    "CREATE INDEX profits_group ON profits (group_id)",
    "DROP TABLE equity_snapshots",
    """
    CREATE TABLE equity (
        world TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        equity TEXT,
        realized TEXT NOT NULL,
        unrealized TEXT,
        PRIMARY KEY (world, time_ms)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX equity_time ON equity (time_ms)",
    "DROP TABLE risk_actions",
    """
    CREATE TABLE risk_actions (
        id INTEGER NOT NULL PRIMARY KEY,
        action_id TEXT NOT NULL,
        world TEXT NOT NULL,
        quote TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT,
        loser_group_id TEXT NOT NULL,
        create_time_ms INTEGER NOT NULL,
        end_time_ms INTEGER,
        action TEXT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX risk_actions_action_id ON risk_actions (action_id)",
    "CREATE INDEX risk_actions_time ON risk_actions (world, create_time_ms)",
    "CREATE INDEX risk_actions_running ON risk_actions (world) WHERE state IN ('planned', 'running')",
    """
    CREATE TABLE risk_action_groups (
        group_id TEXT NOT NULL,
        action_id TEXT NOT NULL REFERENCES risk_actions (action_id),
        PRIMARY KEY (group_id, action_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX risk_action_groups_action ON risk_action_groups (action_id)",
)

INVESTED = """
    UPDATE position_groups SET invested =
    coalesce((SELECT exact_sum(bought_cost) FROM legs WHERE legs.group_id = position_groups.group_id), '0')
    WHERE state = 'closed'
"""
LEDGER = """
    INSERT INTO profits (time_ms, world, group_id, account, symbol, timeframe, strategy, side, quote, realized, fees)
    SELECT coalesce(close_time_ms, update_time_ms), world, group_id, account, symbol, timeframe, strategy, side, quote,
    realized, fees FROM position_groups WHERE CAST(realized AS REAL) <> 0 OR CAST(fees AS REAL) <> 0 ORDER BY 1, id
"""

DOWN = (
    "DROP TABLE risk_action_groups",
    "DROP TABLE risk_actions",
    """
    CREATE TABLE risk_actions (
        risk_action_id TEXT NOT NULL PRIMARY KEY,
        world TEXT NOT NULL,
        quote TEXT NOT NULL,
        kind TEXT NOT NULL,
        state TEXT NOT NULL,
        loser_group_id TEXT NOT NULL,
        inputs TEXT NOT NULL,
        plan TEXT NOT NULL,
        result TEXT NOT NULL,
        create_time_ms INTEGER NOT NULL,
        update_time_ms INTEGER NOT NULL
    )
    """,
    "CREATE INDEX risk_actions_time ON risk_actions (world, create_time_ms)",
    "DROP TABLE equity",
    """
    CREATE TABLE equity_snapshots (
        world TEXT NOT NULL,
        account TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        currency TEXT NOT NULL,
        equity TEXT NOT NULL,
        realized TEXT NOT NULL,
        PRIMARY KEY (world, account, time_ms)
    ) WITHOUT ROWID
    """,
    "DROP TABLE profits",
    *(f"ALTER TABLE queued_signals DROP COLUMN {column.partition(' ')[0]}" for column in reversed(QUEUE_COLUMNS)),
    "DROP INDEX position_groups_closed",
    *(f"ALTER TABLE position_groups DROP COLUMN {column.partition(' ')[0]}" for column in reversed(GROUP_COLUMNS)),
    CLOSED_BEFORE,
)


class ExactSum:
    """An aggregate of decimals in text, which SQLite would add up as floats."""

    def __init__(self) -> None:
        self._sum = Decimal(0)

    def step(self, text: str) -> None:
        self._sum = Context(prec=50).add(self._sum, Decimal(text))

    def finalize(self) -> str:
        return format(self._sum, "f")


def migrate(migrator: Any, database: Any, **_: Any) -> None:
    database.connection().create_aggregate("exact_sum", 1, ExactSum)
    for statement in (*UP, INVESTED, LEDGER, "DROP INDEX position_groups_closed", CLOSED_NOW):
        migrator.sql(statement)


def rollback(migrator: Any, _database: Any, **_: Any) -> None:
    for statement in DOWN:
        migrator.sql(statement)
