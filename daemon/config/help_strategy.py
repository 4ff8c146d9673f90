"""Help of `strategy`: ladders, targets, stops, sizing, overrides."""

from __future__ import annotations

from daemon.config.help import Fields, Help, Tables
from daemon.config.ladders import GenerateModel
from daemon.config.schema_strategy import (
    LegModel,
    MatchModel,
    OverrideModel,
    SizingModel,
    StrategyBookModel,
    StrategyModel,
)

_BOOK: Fields = {
    "default": Help("How every trade is traded that no override speaks of.", "GRP-3"),
    "overrides": Help(
        "Other values for some trades. The most specific match wins, key by key; of two as specific the later one. A "
        "trade keeps what it was opened with.",
        "GRP-3",
        '[{match: {symbol: BTC/USDT, timeframe: 4h}, set: {tp_mode: aggregate, tp_percent: "1.2"}}]',
    ),
}

_OVERRIDE: Fields = {
    "match": Help("Which trades: account, symbol, timeframe, any of them.", "GRP-3"),
    "set": Help(
        "The keys of strategy.default that differ for them; a key that is not named stays as it is there.", "GRP-3"
    ),
}

_MATCH: Fields = {
    "account": Help("Only this account. null: any.", "GRP-3", "paper"),
    "symbol": Help("Only this unified symbol. null: any.", "GRP-3", "BTC/USDT"),
    "timeframe": Help("Only this timeframe. null: any.", "SIG-3", "4h"),
}

_STRATEGY: Fields = {
    "entry_order": Help(
        "How the first leg goes out: as a limit order at its price, or as a market order bounded by "
        "execution.max_slippage_percent.",
        "DCA-4",
    ),
    "entry_price": Help(
        "Whether the ladder hangs on the alert's price (signal) or on the current one (mark).", "DCA-2"
    ),
    "max_pyramids": Help(
        "Entries a trade may have, the first included. A further alert of the same side is ignored.", "PYR-2"
    ),
    "levels": Help(
        "The ladder: the entry orders of one alert, all placed at once. Either the legs themselves, 1 to 10, whose "
        "weights sum to 100, or generate, which works them out.",
        "DCA-1",
        '[{gap_percent: "0", weight_percent: "100", tp_percent: "1"}]',
    ),
    "pyramid_levels": Help(
        "Another ladder for some entries of a trade, by their number; the first is 0.",
        "PYR-3",
        '{1: [{gap_percent: "0", weight_percent: "100", tp_percent: "0.8"}]}',
    ),
    "tp_mode": Help(
        "What closes at a target: each leg by itself (per_leg), the whole trade at its average (aggregate), each entry "
        "at its own average (pyramid_aggregate), or the legs and the whole, whichever comes first (hybrid).",
        "TP-2",
    ),
    "tp_percent": Help("The target of aggregate, hybrid and pyramid_aggregate, from the average entry.", "TP-3"),
    "tp_by_pyramid": Help(
        "With pyramid_aggregate: another target for some entries, by their number from 0.", "TP-5", '{0: "1", 1: "0.8"}'
    ),
    "tp_execution": Help(
        "resting: targets lie at the exchange and work while Terrace is down. watched: a market order when the price "
        "is reached.",
        "TP-6",
    ),
    "tp_net_of_fees": Help("true: the target's percentage is what remains after the fees of entry and exit.", "TP-1"),
    "tp_reprice_ms": Help("A resting target is moved at most this often.", "TP-10"),
    "tp_trail_percent": Help(
        "A target that is reached follows the price and closes when it falls back by this. null: it closes when "
        "reached.",
        "TP-9",
        '"0.5"',
    ),
    "stop_loss_percent": Help(
        "Closes the trade this far from the average entry of what is held. null: no stop.", "TP-9", '"8"'
    ),
    "stop_trail_percent": Help(
        "Closes the trade this far from the best price since it was opened. null: no trailing stop.", "TP-9", '"4"'
    ),
    "break_even_after_first_tp": Help("true: once a target has filled, a stop lies at the average entry.", "TP-9"),
    "accept_signal_stops": Help(
        "true: the alert's risk.stop_loss is taken as the stop, its risk.take_profit as the aggregate target.", "TP-9"
    ),
    "sizing": Help("How much capital an entry gets.", "DCA-3"),
    "on_flat": Help(
        "All that was bought is sold while entries still wait: close cancels them and ends the trade, keep leaves "
        "them.",
        "GRP-4",
    ),
    "cancel_beyond_percent": Help(
        "Unfilled entries are cancelled when the price is this far beyond the last leg. null: they stay.",
        "DCA-6",
        '"3"',
    ),
    "entry_ttl_s": Help("Unfilled entries are cancelled after this time. null: they stay.", "DCA-7", "86400"),
    "unfilled_group_ttl_s": Help(
        "A trade without a single fill closes after this time and frees its place. null: four times its timeframe; 0: "
        "never.",
        "GRP-7",
        "3600",
    ),
}

_LEG: Fields = {
    "gap_percent": Help(
        "How far from the entry price the order lies, away from it: below for a long, above for a short. The sign does "
        "not matter.",
        "DCA-2",
        '"0.5"',
    ),
    "weight_percent": Help("Its share of the entry's capital.", "DCA-1", '"20"'),
    "tp_percent": Help("Its target, from its own average fill price.", "TP-2", '"1"'),
}

_SIZING: Fields = {
    "source": Help(
        "config: the amounts below. signal: the alert's order_size is the size of the whole entry. equity_percent: a "
        "share of the account's equity.",
        "DCA-3",
    ),
    "capital_per_pyramid": Help(
        "Capital of an entry, spread over its legs by weight: what is bought for, whatever the leverage.", "DCA-3"
    ),
    "capital_by_pyramid": Help(
        "Another amount for some entries, by their number; the first is 0.", "DCA-3", '{1: "300"}'
    ),
    "equity_percent": Help("With source equity_percent: that share. Over 100 needs leverage.", "DCA-3", '"2"'),
}

_GENERATE: Fields = {
    "count": Help("Number of legs.", "DCA-1", "5"),
    "first_gap_percent": Help("Gap of the first leg.", "DCA-1"),
    "step_percent": Help("How much further the second leg lies than the first.", "DCA-1", '"0.5"'),
    "step_scale": Help("Each further step is this many times the one before.", "DCA-1", '"1.2"'),
    "weight_scale": Help("Each leg weighs this many times the one before.", "DCA-1", '"1.5"'),
    "tp_percent": Help("Target of every leg.", "DCA-1", '"1"'),
}

TABLES: Tables = {
    StrategyBookModel: _BOOK,
    OverrideModel: _OVERRIDE,
    MatchModel: _MATCH,
    StrategyModel: _STRATEGY,
    LegModel: _LEG,
    SizingModel: _SIZING,
    GenerateModel: _GENERATE,
}
