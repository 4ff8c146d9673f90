"""Help of the sections the engine decides by: engine, pool, queue, risk, limits, precision, execution, alerts."""

from __future__ import annotations

from daemon.config.help import Fields, Help, Tables
from daemon.config.schema import (
    AlertsModel,
    EngineModel,
    ExecutionModel,
    FallbackModel,
    LimitsModel,
    PoolModel,
    PrecisionModel,
    QueueModel,
    RiskModel,
)

_ENGINE: Fields = {
    "mode": Help(
        "normal trades; read_only takes no trading command and no change of the configuration over the API, whoever "
        "asks, and refuses alerts that open or add. Alerts that close or reduce, targets, stops, the queue and what is "
        "under way go on.",
        "CFG-6",
        "read_only",
    ),
    "reporting_timezone": Help(
        "The time zone whose midnight ends a day in reports and in limits.max_realized_loss_per_day.",
        "POOL-4",
        "Europe/Berlin",
    ),
    "reporting_currency": Help(
        "The currency that sums over several quote currencies, and the limits, are counted in.", "POOL-3", "USDT"
    ),
    "group_key": Help(
        "What makes two alerts belong to the same trade. Account, symbol and timeframe always do; with strategy two "
        "alert names on one chart are two trades, with source two senders are.",
        "GRP-1",
        "[account, symbol, timeframe, strategy]",
    ),
}

_POOL: Fields = {
    "max_open_groups": Help(
        "Trades (position groups) that may be open at the same time, in each of paper, testnet and live. Further "
        "alerts wait in the queue. A lower number closes nobody; nothing new opens until fewer are open.",
        "POOL-2",
    ),
    "pyramids_bypass": Help(
        "true: a further entry of an open trade needs no free place. false: it waits in the queue while the pool is "
        "full.",
        "PYR-1",
    ),
}

_QUEUE: Fields = {
    "max_size": Help("Alerts that may wait, in each world. 0: nothing waits.", "QUE-4"),
    "overflow": Help(
        "When the queue is full: reject_new refuses the newcomer; evict_lowest drops the last in rank, if the newcomer "
        "stands before it.",
        "QUE-4",
    ),
    "allow_replacement": Help(
        "true: a newer alert of a waiting trade takes its place, with its price, and counts as a replacement. false: "
        "the newer one is ignored.",
        "QUE-1",
    ),
    "rank": Help(
        "Who of the waiting goes first, compared rule by rule in this order. A rule that is left out does not count; "
        "at least one must stay.",
        "QUE-2",
        "[deepest_loss, first_in]",
    ),
    "max_age_s": Help(
        "An alert that has waited longer than this expires unopened. null: it may wait for ever.", "QUE-3"
    ),
    "opposite_max_age_s": Help(
        "The same for an alert that waits for the opposite side of its trade to close. null: for ever.", "QUE-3"
    ),
    "max_deviation_percent": Help(
        "An alert whose entry price is further than this from the current price expires when its turn comes. null: "
        "any distance.",
        "QUE-3",
        '"2"',
    ),
    "promote_at": Help(
        "Where the ladder of a waiting alert hangs when it opens at last: at the alert's own price (signal) or at the "
        "current one (mark).",
        "QUE-3",
    ),
}

_RISK: Fields = {
    "enabled": Help(
        "Whether losing trades are closed with profit taken from winning ones. Switched on, it may act at once on "
        "trades that are already deep enough and whose timer has run out.",
        "RISK-1",
    ),
    "require_full_pyramids": Help(
        "true: only a trade that has all its entries (required_pyramids) may be closed at a loss.", "RISK-1"
    ),
    "required_pyramids": Help("How many entries that is. null: strategy max_pyramids of the trade.", "RISK-1", "3"),
    "timer_start": Help(
        "When the wait of post_full_wait_s begins: with the last required entry (after_full_pyramids), when all its "
        "orders are at the exchange (after_all_dca_submitted), or when none of them is open any more "
        "(after_all_dca_filled). after_5_pyramids is an older name of the first.",
        "RISK-2",
    ),
    "post_full_wait_s": Help(
        "How long a trade gets to recover from then on before it may be closed at a loss.", "RISK-2"
    ),
    "reset_timer_on_replacement": Help("true: an alert beyond max_pyramids begins a running wait anew.", "RISK-3"),
    "loss_threshold_percent": Help(
        "How deep a trade must be: its loss in percent of what is invested in it. Negative.", "RISK-1", '"-8"'
    ),
    "use_trade_age_filter": Help("true: only a trade older than age_threshold_s may be closed at a loss.", "RISK-1"),
    "age_threshold_s": Help("That age, from the opening of the trade.", "RISK-1"),
    "max_winners_to_combine": Help("At most this many winners pay for one loser.", "RISK-5"),
    "partial_close_enabled": Help(
        "true: of a winner only what is needed is sold, the rest goes on. false: winners are closed whole.", "RISK-6"
    ),
    "min_close_notional": Help(
        "No part of a winner worth less than this is sold; it is raised to this, or that winner is passed over.",
        "RISK-6",
    ),
    "insufficient": Help(
        "When all winners together do not cover the loss: skip waits; partial closes as much of the loser as they do "
        "cover.",
        "RISK-6",
    ),
    "slippage_buffer_percent": Help(
        "Share of everything that is closed which the winners must bring on top of loss and fees.", "RISK-6", '"0.2"'
    ),
    "max_shortfall_percent": Help(
        "If the winners really brought less than the loss by more than this, only the covered share of the loser is "
        "closed.",
        "RISK-7",
    ),
    "equal_quotes": Help(
        "Quote currencies that count as the same money, so that a winner in one pays for a loser in the other.",
        "RISK-5",
        "[[USDT, USDC]]",
    ),
    "evaluate_on_fill": Help("Whether a fill makes the risk engine look at once.", "RISK-9"),
    "evaluate_interval_s": Help("How often it looks in any case.", "RISK-9"),
}

_LIMITS: Fields = {
    "max_groups_per_symbol": Help("Trades open on one symbol at the same time. null: no limit.", "POOL-3", "2"),
    "max_total_exposure": Help(
        "Planned capital of all open trades together, unfilled entries included. What would go beyond it waits. null: "
        "no limit.",
        "POOL-3",
        '"5000"',
    ),
    "max_realized_loss_per_day": Help(
        "Realised loss of a day, in the reporting currency and time zone, that sets off on_breach until the next day. "
        "null: no limit.",
        "POOL-4",
        '"250"',
    ),
    "max_drawdown_percent": Help(
        "How far equity may fall below its peak before on_breach is set off; deposits and withdrawals do not count. "
        "null: no limit.",
        "POOL-4",
        '"15"',
    ),
    "max_consecutive_losses": Help(
        "Trades closed with a loss, one after the other, that set off on_breach. null: no limit.", "POOL-4", "5"
    ),
    "cooldown_after_loss_s": Help(
        "How long a trade's key rests after a loss; its alerts wait. null: not at all.", "POOL-3", "3600"
    ),
    "on_breach": Help(
        "What a breached loss limit does: no_new_groups opens no trade; no_new_entries no further entry either; "
        "reduce_only also cancels unfilled entries; close_all closes everything. Exits, targets and stops always work.",
        "POOL-4",
    ),
}

_PRECISION: Fields = {
    "refresh_s": Help("How often tick sizes, steps and minimums are fetched anew from the exchange.", "PRC-1"),
    "on_missing": Help(
        "An instrument whose rules are not known: hold keeps its alerts waiting, fallback trades it by the rules in "
        "precision.fallback.",
        "PRC-4",
    ),
    "below_minimum": Help(
        "A ladder leg too small for the exchange: reject refuses the alert, merge adds it to the nearest leg that is "
        "large enough, skip leaves it out.",
        "PRC-3",
    ),
    "fallback": Help("Rules for an instrument without any, when on_missing is fallback.", "PRC-4"),
}

_FALLBACK: Fields = {
    "tick_size": Help("Step of prices.", "PRC-4"),
    "step_size": Help("Step of quantities.", "PRC-4"),
    "min_quantity": Help("Least quantity of an order.", "PRC-4"),
    "min_notional": Help("Least value of an order.", "PRC-4"),
}

_EXECUTION: Fields = {
    "max_slippage_percent": Help(
        "How far from the expected price a market order may fill; an alert's risk.max_slippage_percent goes before it. "
        "What happens beyond is slippage_action.",
        "EXIT-4",
    ),
    "slippage_action": Help(
        "warn sends market orders and tells when the bound was passed; limit sends nothing that could fill beyond it.",
        "EXIT-4",
    ),
    "limit_close_attempts": Help("With slippage_action limit: how often a close is tried within the bound.", "EXIT-4"),
    "limit_close_fallback": Help(
        "And then: alert calls a person and goes on trying within the bound, market closes it at any price.", "EXIT-4"
    ),
    "retries": Help("How often a request is sent again that failed for a moment and surely had no effect.", "ORD-4"),
    "retry_base_ms": Help("The first pause between them; it doubles each time.", "ORD-4"),
    "stale_entry_after_s": Help(
        "After a restart: an entry that could not be sent for this long is dropped instead of sent.", "ORD-7"
    ),
    "sweep_interval_s": Help("How often open orders are compared with the exchange, besides its stream.", "ORD-5"),
    "max_quote_age_s": Help(
        "A price older than this decides nothing: no market order, target, stop or risk action.", "ORD-10"
    ),
}

_ALERTS: Fields = {
    "silence_hours": Help("Raises an alert when a source has sent no signal for so long. null: never.", "SIG-14", "24"),
    "quote_age_s": Help("Raises an alert when the price of a traded instrument is older than this.", "LOG-5"),
    "disk_free_mb": Help("Raises an alert when the data directory's disk has less space left.", "LOG-5"),
    "unknown_order_s": Help("Raises an alert when it is unclear for so long whether an order exists.", "LOG-5"),
    "latency_ms": Help("Raises an alert when a signal takes longer than this to become an order.", "LOG-5"),
    "precision_age_s": Help("", "LOG-5"),
    "rate_near_percent": Help("", "LOG-5"),
    "daily_summary_at": Help("", "LOG-5", '"20:00"'),
    "heartbeat_url": Help("", "LOG-5", "env:HEARTBEAT_URL"),
    "heartbeat_every_s": Help("", "LOG-5"),
}

TABLES: Tables = {
    EngineModel: _ENGINE,
    PoolModel: _POOL,
    QueueModel: _QUEUE,
    RiskModel: _RISK,
    LimitsModel: _LIMITS,
    PrecisionModel: _PRECISION,
    FallbackModel: _FALLBACK,
    ExecutionModel: _EXECUTION,
    AlertsModel: _ALERTS,
}
