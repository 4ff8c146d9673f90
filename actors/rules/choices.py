"""The named choices of `config.yaml`. Every value is the word that stands in the file."""

from __future__ import annotations

from enum import StrEnum, unique


@unique
class World(StrEnum):
    """Where an account's money is. Pool, queue, limits and statistics exist once per world."""

    PAPER = "paper"
    TESTNET = "testnet"
    LIVE = "live"


@unique
class Market(StrEnum):
    """What an account trades: coins themselves, or perpetual swaps on them."""

    SPOT = "spot"
    SWAP = "swap"


@unique
class EngineMode(StrEnum):
    """`read_only`: no trading command and no config change is taken over the API, of alerts only exits and reduces
    (CFG-6)."""

    NORMAL = "normal"
    READ_ONLY = "read_only"


@unique
class KeyPart(StrEnum):
    """What may make up the key of a trade. The first three always do."""

    ACCOUNT = "account"
    SYMBOL = "symbol"
    TIMEFRAME = "timeframe"
    STRATEGY = "strategy"
    SOURCE = "source"


@unique
class PaperPrices(StrEnum):
    """Where the paper exchange takes its prices from."""

    SYNTHETIC = "synthetic"
    MANUAL = "manual"
    REPLAY = "replay"
    LIVE = "live"


@unique
class FillRule(StrEnum):
    """When a resting paper order fills: the price goes through it, or only reaches it (PAPER-1)."""

    CROSS = "cross"
    TOUCH = "touch"


@unique
class FeePaidIn(StrEnum):
    """Asset a buy's fee is taken in on the paper exchange. Sells always pay in quote."""

    BASE = "base"
    QUOTE = "quote"


@unique
class MarginMode(StrEnum):
    ISOLATED = "isolated"
    CROSS = "cross"


@unique
class PositionMode(StrEnum):
    """`one_way`: one side per instrument at a time (GRP-6); `hedge`: both."""

    ONE_WAY = "one_way"
    HEDGE = "hedge"


@unique
class EntryOrder(StrEnum):
    """How the first leg goes out (DCA-4)."""

    LIMIT = "limit"
    MARKET = "market"


@unique
class EntryPrice(StrEnum):
    """What a ladder is priced from: the signal's own price, or the mark when it opens."""

    SIGNAL = "signal"
    MARK = "mark"


@unique
class TpMode(StrEnum):
    """TP-2 to TP-5."""

    PER_LEG = "per_leg"
    AGGREGATE = "aggregate"
    HYBRID = "hybrid"
    PYRAMID_AGGREGATE = "pyramid_aggregate"


@unique
class TpExecution(StrEnum):
    """Whether an aggregate target rests at the exchange or is watched by the daemon (TP-6)."""

    RESTING = "resting"
    WATCHED = "watched"


@unique
class SizingSource(StrEnum):
    """Where the capital of a pyramid comes from (DCA-3)."""

    CONFIG = "config"
    SIGNAL = "signal"
    EQUITY_PERCENT = "equity_percent"


@unique
class OnFlat(StrEnum):
    """What becomes of unfilled entries when the position is back at zero (GRP-4)."""

    CLOSE = "close"
    KEEP = "keep"


@unique
class Overflow(StrEnum):
    """Who gives way when the queue is full (QUE-4)."""

    REJECT_NEW = "reject_new"
    EVICT_LOWEST = "evict_lowest"


@unique
class RankRule(StrEnum):
    """Rules of the queue's order, compared one after the other (QUE-2)."""

    CONTINUATION = "continuation"
    DEEPEST_LOSS = "deepest_loss"
    REPLACEMENTS = "replacements"
    FIRST_IN = "first_in"
    HIGHEST_EXPECTED_PROFIT = "highest_expected_profit"


@unique
class PromoteAt(StrEnum):
    """Entry price of a promoted signal (QUE-3)."""

    SIGNAL = "signal"
    MARK = "mark"


@unique
class TimerStart(StrEnum):
    """When a group's risk timer starts (RISK-2)."""

    AFTER_FULL_PYRAMIDS = "after_full_pyramids"
    AFTER_ALL_DCA_SUBMITTED = "after_all_dca_submitted"
    AFTER_ALL_DCA_FILLED = "after_all_dca_filled"


@unique
class Insufficient(StrEnum):
    """What an offset does when the winners cannot cover the loser (RISK-6)."""

    SKIP = "skip"
    PARTIAL = "partial"


@unique
class OnBreach(StrEnum):
    """State the engine enters when a limit is breached, mildest first (POOL-4)."""

    NO_NEW_GROUPS = "no_new_groups"
    NO_NEW_ENTRIES = "no_new_entries"
    REDUCE_ONLY = "reduce_only"
    CLOSE_ALL = "close_all"


@unique
class OnMissing(StrEnum):
    """What happens to a signal whose instrument has no precision rules (PRC-4)."""

    HOLD = "hold"
    FALLBACK = "fallback"


@unique
class BelowMinimum(StrEnum):
    """What happens to legs too small to send (PRC-3)."""

    REJECT = "reject"
    MERGE = "merge"
    SKIP = "skip"


@unique
class SlippageAction(StrEnum):
    """How a market order is bounded (EXIT-4)."""

    WARN = "warn"
    LIMIT = "limit"


@unique
class LimitCloseFallback(StrEnum):
    """What follows when every bounded attempt at a close has failed (EXIT-4)."""

    ALERT = "alert"
    MARKET = "market"
