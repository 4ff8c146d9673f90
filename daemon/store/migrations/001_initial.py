"""The first schema. A migration is never changed once it has been released; `tables.py` describes where they lead."""

from __future__ import annotations

from typing import Any

TABLES = (
    """
    CREATE TABLE signals (
        id INTEGER NOT NULL PRIMARY KEY,
        signal_id TEXT NOT NULL,
        source TEXT NOT NULL,
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        timeframe TEXT NOT NULL,
        key_strategy TEXT NOT NULL,
        key_source TEXT NOT NULL,
        intent TEXT NOT NULL,
        side TEXT,
        entry_price TEXT,
        close_price TEXT,
        order_size TEXT,
        size_type TEXT NOT NULL,
        market_position_size TEXT,
        prev_market_position_size TEXT,
        stop_loss TEXT,
        take_profit TEXT,
        max_slippage_percent TEXT,
        trade_id TEXT NOT NULL,
        alert_name TEXT NOT NULL,
        alert_message TEXT NOT NULL,
        sent_time_ms INTEGER,
        receive_time_ms INTEGER NOT NULL,
        max_age_s INTEGER NOT NULL,
        idempotency_key TEXT NOT NULL,
        idempotency_window_s INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        group_id TEXT NOT NULL,
        outcome_time_ms INTEGER NOT NULL,
        draft_id TEXT NOT NULL,
        first_outcome TEXT NOT NULL,
        first_reason TEXT NOT NULL,
        first_time_ms INTEGER NOT NULL,
        final_draft_id TEXT NOT NULL DEFAULT '',
        body TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE idempotency (
        idempotency_key TEXT NOT NULL PRIMARY KEY,
        signal_id TEXT NOT NULL,
        create_time_ms INTEGER NOT NULL,
        expire_time_ms INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE position_groups (
        id INTEGER NOT NULL PRIMARY KEY,
        group_id TEXT NOT NULL,
        world TEXT NOT NULL,
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        timeframe TEXT NOT NULL,
        key_strategy TEXT NOT NULL,
        key_source TEXT NOT NULL,
        side TEXT NOT NULL,
        state TEXT NOT NULL,
        instrument TEXT NOT NULL,
        settings TEXT NOT NULL,
        slot_token TEXT NOT NULL,
        forced INTEGER NOT NULL,
        signal_id TEXT NOT NULL,
        opened_stamp_ms INTEGER NOT NULL,
        create_time_ms INTEGER NOT NULL,
        update_time_ms INTEGER NOT NULL,
        strategy TEXT NOT NULL,
        loose_quantity TEXT NOT NULL,
        loose_cost TEXT NOT NULL,
        realized TEXT NOT NULL,
        fees TEXT NOT NULL,
        dust TEXT NOT NULL,
        dust_value TEXT NOT NULL,
        ignored_pyramids INTEGER NOT NULL,
        close_reason TEXT,
        close_time_ms INTEGER,
        flags TEXT NOT NULL,
        max_slippage_percent TEXT,
        stop_loss TEXT,
        take_profit TEXT,
        hybrid_hit INTEGER NOT NULL,
        quote TEXT NOT NULL,
        late_fill INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE pyramids (
        group_id TEXT NOT NULL REFERENCES position_groups (group_id),
        pyramid INTEGER NOT NULL,
        signal_id TEXT NOT NULL,
        entry_price TEXT NOT NULL,
        capital TEXT NOT NULL,
        create_time_ms INTEGER NOT NULL,
        watch_hit INTEGER NOT NULL,
        PRIMARY KEY (group_id, pyramid)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE legs (
        group_id TEXT NOT NULL REFERENCES position_groups (group_id),
        pyramid INTEGER NOT NULL,
        leg INTEGER NOT NULL,
        gap_percent TEXT NOT NULL,
        weight_percent TEXT NOT NULL,
        tp_percent TEXT NOT NULL,
        price TEXT NOT NULL,
        quantity TEXT NOT NULL,
        market INTEGER NOT NULL,
        lot_quantity TEXT NOT NULL,
        lot_cost TEXT NOT NULL,
        bought_quantity TEXT NOT NULL,
        bought_cost TEXT NOT NULL,
        sold_quantity TEXT NOT NULL,
        sold_proceeds TEXT NOT NULL,
        cancel_reason TEXT,
        wait_reason TEXT,
        PRIMARY KEY (group_id, pyramid, leg)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE orders (
        id INTEGER NOT NULL PRIMARY KEY,
        client_order_id TEXT NOT NULL,
        group_id TEXT NOT NULL REFERENCES position_groups (group_id),
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        pyramid INTEGER,
        leg INTEGER,
        role TEXT NOT NULL,
        attempt INTEGER NOT NULL,
        side TEXT NOT NULL,
        type TEXT NOT NULL,
        time_in_force TEXT NOT NULL,
        reduce_only INTEGER NOT NULL,
        price TEXT,
        trigger_price TEXT,
        quantity TEXT NOT NULL,
        expected_price TEXT,
        state TEXT NOT NULL,
        exchange_order_id TEXT NOT NULL,
        cancel_requested INTEGER NOT NULL,
        reason TEXT,
        words TEXT NOT NULL,
        create_time_ms INTEGER NOT NULL,
        update_time_ms INTEGER NOT NULL,
        filled_quantity TEXT NOT NULL,
        filled_notional TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE fills (
        id INTEGER NOT NULL PRIMARY KEY,
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        client_order_id TEXT NOT NULL REFERENCES orders (client_order_id),
        trade_id TEXT NOT NULL,
        group_id TEXT NOT NULL,
        quantity TEXT NOT NULL,
        price TEXT NOT NULL,
        fee TEXT NOT NULL,
        fee_asset TEXT NOT NULL,
        fee_value TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        maker INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE queued_signals (
        id INTEGER NOT NULL PRIMARY KEY,
        world TEXT NOT NULL,
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        timeframe TEXT NOT NULL,
        key_strategy TEXT NOT NULL,
        key_source TEXT NOT NULL,
        signal_id TEXT NOT NULL REFERENCES signals (signal_id),
        side TEXT NOT NULL,
        entry_price TEXT,
        wait_reason TEXT NOT NULL,
        detail TEXT NOT NULL,
        replacement_count INTEGER NOT NULL,
        first_queue_time_ms INTEGER NOT NULL,
        queue_time_ms INTEGER NOT NULL,
        expected_profit TEXT
    )
    """,
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
    """
    CREATE TABLE events (
        sequence INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        time_ms INTEGER NOT NULL,
        severity TEXT NOT NULL,
        category TEXT NOT NULL,
        type TEXT NOT NULL,
        message TEXT NOT NULL,
        world TEXT,
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        timeframe TEXT NOT NULL,
        signal_id TEXT NOT NULL,
        group_id TEXT NOT NULL,
        client_order_id TEXT NOT NULL,
        attributes TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE alerts (
        alert_key TEXT NOT NULL PRIMARY KEY,
        severity TEXT NOT NULL,
        category TEXT NOT NULL,
        message TEXT NOT NULL,
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        group_id TEXT NOT NULL,
        count INTEGER NOT NULL,
        create_time_ms INTEGER NOT NULL,
        update_time_ms INTEGER NOT NULL,
        acknowledge_time_ms INTEGER,
        acknowledged_by TEXT NOT NULL DEFAULT '',
        resolve_time_ms INTEGER
    )
    """,
    """
    CREATE TABLE dead_letters (
        id INTEGER NOT NULL PRIMARY KEY,
        dead_letter_id TEXT NOT NULL,
        create_time_ms INTEGER NOT NULL,
        actor TEXT NOT NULL,
        message_type TEXT NOT NULL,
        message TEXT NOT NULL,
        error TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        retry_time_ms INTEGER,
        resolve_time_ms INTEGER
    )
    """,
    """
    CREATE TABLE engine_state (
        world TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        who TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        PRIMARY KEY (world, name)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE instruments (
        account TEXT NOT NULL,
        symbol TEXT NOT NULL,
        venue_symbol TEXT NOT NULL,
        base TEXT NOT NULL,
        quote TEXT NOT NULL,
        market TEXT NOT NULL,
        tick_size TEXT NOT NULL,
        step_size TEXT NOT NULL,
        min_quantity TEXT NOT NULL,
        min_notional TEXT NOT NULL,
        max_quantity TEXT,
        market_min_quantity TEXT,
        market_max_quantity TEXT,
        market_step_size TEXT,
        contract_size TEXT NOT NULL,
        band_down TEXT,
        band_up TEXT,
        max_open_orders INTEGER,
        active INTEGER NOT NULL,
        time_ms INTEGER NOT NULL,
        PRIMARY KEY (account, symbol)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE config_versions (
        version INTEGER NOT NULL PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        author TEXT NOT NULL,
        source TEXT NOT NULL,
        text TEXT NOT NULL
    )
    """,
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
    """
    CREATE TABLE meta (
        name TEXT NOT NULL PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID
    """,
)

INDEXES = (
    "CREATE UNIQUE INDEX signals_signal_id ON signals (signal_id)",
    "CREATE INDEX signals_time ON signals (receive_time_ms)",
    "CREATE INDEX signals_outcome ON signals (outcome, receive_time_ms)",
    "CREATE INDEX signals_symbol ON signals (account, symbol, receive_time_ms)",
    "CREATE INDEX idempotency_expire ON idempotency (expire_time_ms)",
    "CREATE UNIQUE INDEX position_groups_group_id ON position_groups (group_id)",
    """
    CREATE UNIQUE INDEX position_groups_one_live ON position_groups
    (world, account, symbol, timeframe, key_strategy, key_source) WHERE state <> 'closed' AND late_fill = 0
    """,
    "CREATE INDEX position_groups_live ON position_groups (world) WHERE state <> 'closed'",
    "CREATE INDEX position_groups_closed ON position_groups (world, close_time_ms) WHERE state = 'closed'",
    "CREATE INDEX position_groups_time ON position_groups (create_time_ms)",
    "CREATE UNIQUE INDEX orders_client_order_id ON orders (client_order_id)",
    "CREATE INDEX orders_group ON orders (group_id)",
    "CREATE INDEX orders_open ON orders (group_id) WHERE state IN ('pending', 'open', 'partially_filled')",
    "CREATE UNIQUE INDEX fills_once ON fills (account, symbol, client_order_id, trade_id)",
    "CREATE INDEX fills_group ON fills (group_id)",
    "CREATE INDEX fills_time ON fills (time_ms)",
    """
    CREATE UNIQUE INDEX queued_signals_key ON queued_signals
    (world, account, symbol, timeframe, key_strategy, key_source)
    """,
    "CREATE INDEX risk_actions_time ON risk_actions (world, create_time_ms)",
    "CREATE INDEX events_time ON events (time_ms)",
    "CREATE INDEX events_category ON events (category)",
    "CREATE INDEX events_signal ON events (signal_id) WHERE signal_id <> ''",
    "CREATE INDEX events_group ON events (group_id) WHERE group_id <> ''",
    "CREATE INDEX alerts_time ON alerts (update_time_ms)",
    "CREATE UNIQUE INDEX dead_letters_dead_letter_id ON dead_letters (dead_letter_id)",
)

DROPPED = (
    *("meta", "equity_snapshots", "config_versions", "instruments", "engine_state", "dead_letters", "alerts"),
    *("events", "risk_actions", "queued_signals", "fills", "orders", "legs", "pyramids", "position_groups"),
    *("idempotency", "signals"),
)
"""Referring tables first."""


def migrate(migrator: Any, _database: Any, **_: Any) -> None:
    for statement in TABLES + INDEXES:
        migrator.sql(statement)


def rollback(migrator: Any, _database: Any, **_: Any) -> None:
    for table in DROPPED:
        migrator.sql(f"DROP TABLE {table}")
