"""Schema of the sections the engine decides by, except accounts, sources and strategy."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from actors.rules.settings import (
    AlertSettings,
    BelowMinimum,
    EngineMode,
    EngineSettings,
    ExecutionSettings,
    FallbackPrecision,
    Insufficient,
    KeyPart,
    LimitCloseFallback,
    LimitSettings,
    OnBreach,
    OnMissing,
    Overflow,
    PoolSettings,
    PrecisionSettings,
    PromoteAt,
    QueueSettings,
    RankRule,
    RiskSettings,
    SlippageAction,
    TimerStart,
)
from daemon.config.kinds import Amount, SecretReference, TimeZone, Whole, Word, refuse
from daemon.config.schema_accounts import MAX_OPEN_GROUPS
from daemon.config.schema_notify import CLOCK_TIME
from daemon.config.schema_strategy import MAX_PYRAMIDS, YEARS_S
from daemon.config.section import ASSET, FLAG, Section

MAX_QUEUE_SIZE = 1_000_000
DAY_S = 86_400
MONEY = Amount("0", "1000000000000000", above=True)
SHARE = Amount("0", "100", "%")
STEP = Amount("0", "1000000000", above=True)

_DEFAULT_KEY = (KeyPart.ACCOUNT, KeyPart.SYMBOL, KeyPart.TIMEFRAME)


def _group_key(parts: tuple[KeyPart, ...]) -> tuple[KeyPart, ...]:
    """The parts in their one order; account, symbol and timeframe always belong to it."""
    if len(set(parts)) < len(parts) or not set(_DEFAULT_KEY) <= set(parts):
        raise refuse(
            "must name account, symbol and timeframe, each part once",
            "[account, symbol, timeframe]",
            "the same with strategy, source or both",
        )
    return tuple(part for part in KeyPart if part in parts)


def _rank(rules: tuple[RankRule, ...]) -> tuple[RankRule, ...]:
    if not rules or len(set(rules)) < len(rules):
        raise refuse("must name at least one rule, and each only once", *RankRule)
    return rules


def _equal_quotes(sets: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    assets = [asset for group in sets for asset in group]
    if any(len(group) < 2 for group in sets) or len(set(assets)) < len(assets):
        raise refuse("must be lists of two or more assets, no asset twice", "[[USDT, USDC]]")
    return sets


class EngineModel(Section):
    builds: ClassVar[type[Any] | None] = EngineSettings

    mode: Annotated[EngineMode, Word(EngineMode)] = EngineMode.NORMAL
    reporting_timezone: Annotated[str, TimeZone()] = "UTC"
    reporting_currency: Annotated[str, ASSET] = "USDT"
    group_key: Annotated[tuple[Annotated[KeyPart, Word(KeyPart)], ...], AfterValidator(_group_key)] = _DEFAULT_KEY


class PoolModel(Section):
    builds: ClassVar[type[Any] | None] = PoolSettings

    max_open_groups: Annotated[int, Whole(1, MAX_OPEN_GROUPS, "groups")] = 10
    pyramids_bypass: Annotated[bool, FLAG] = True


class QueueModel(Section):
    builds: ClassVar[type[Any] | None] = QueueSettings

    max_size: Annotated[int, Whole(0, MAX_QUEUE_SIZE, "signals")] = 100
    overflow: Annotated[Overflow, Word(Overflow)] = Overflow.REJECT_NEW
    allow_replacement: Annotated[bool, FLAG] = True
    rank: Annotated[tuple[Annotated[RankRule, Word(RankRule)], ...], AfterValidator(_rank)] = QueueSettings().rank
    max_age_s: Annotated[int, Whole(1, YEARS_S, "s")] | None = None
    opposite_max_age_s: Annotated[int, Whole(1, YEARS_S, "s")] | None = DAY_S
    max_deviation_percent: Annotated[Decimal, Amount("0", "1000", "%", above=True)] | None = None
    promote_at: Annotated[PromoteAt, Word(PromoteAt)] = PromoteAt.SIGNAL


class RiskModel(Section):
    builds: ClassVar[type[Any] | None] = RiskSettings

    enabled: Annotated[bool, FLAG] = True
    require_full_pyramids: Annotated[bool, FLAG] = True
    required_pyramids: Annotated[int, Whole(1, MAX_PYRAMIDS)] | None = None
    timer_start: Annotated[TimerStart, Word(TimerStart, (("after_5_pyramids", "after_full_pyramids"),))] = (
        TimerStart.AFTER_FULL_PYRAMIDS
    )
    post_full_wait_s: Annotated[int, Whole(0, YEARS_S, "s")] = 3600
    reset_timer_on_replacement: Annotated[bool, FLAG] = False
    loss_threshold_percent: Annotated[Decimal, Amount("-1000", "0", "% of invested", below=True)] = Decimal(-5)
    use_trade_age_filter: Annotated[bool, FLAG] = False
    age_threshold_s: Annotated[int, Whole(0, YEARS_S, "s")] = 12_000
    max_winners_to_combine: Annotated[int, Whole(1, 100)] = 3
    partial_close_enabled: Annotated[bool, FLAG] = True
    min_close_notional: Annotated[Decimal, Amount("0", "1000000000000", "in quote")] = Decimal(20)
    insufficient: Annotated[Insufficient, Word(Insufficient)] = Insufficient.SKIP
    slippage_buffer_percent: Annotated[Decimal, SHARE] = Decimal(0)
    max_shortfall_percent: Annotated[Decimal, SHARE] = Decimal(10)
    equal_quotes: Annotated[tuple[tuple[Annotated[str, ASSET], ...], ...], AfterValidator(_equal_quotes)] = ()
    evaluate_on_fill: Annotated[bool, FLAG] = True
    evaluate_interval_s: Annotated[int, Whole(1, DAY_S, "s")] = 10


class LimitsModel(Section):
    builds: ClassVar[type[Any] | None] = LimitSettings

    max_groups_per_symbol: Annotated[int, Whole(1, MAX_OPEN_GROUPS, "groups")] | None = None
    max_total_exposure: Annotated[Decimal, MONEY] | None = None
    max_realized_loss_per_day: Annotated[Decimal, MONEY] | None = None
    max_drawdown_percent: Annotated[Decimal, Amount("0", "100", "%", above=True)] | None = None
    max_consecutive_losses: Annotated[int, Whole(1, 10_000)] | None = None
    cooldown_after_loss_s: Annotated[int, Whole(1, YEARS_S, "s")] | None = None
    on_breach: Annotated[OnBreach, Word(OnBreach)] = OnBreach.NO_NEW_GROUPS


class FallbackModel(Section):
    builds: ClassVar[type[Any] | None] = FallbackPrecision

    tick_size: Annotated[Decimal, STEP] = Decimal("0.00000001")
    step_size: Annotated[Decimal, STEP] = Decimal("0.000001")
    min_quantity: Annotated[Decimal, Amount("0", "1000000000")] = Decimal("0.000001")
    min_notional: Annotated[Decimal, Amount("0", "1000000000", "in quote")] = Decimal(1)


class PrecisionModel(Section):
    builds: ClassVar[type[Any] | None] = PrecisionSettings

    refresh_s: Annotated[int, Whole(1, 30 * DAY_S, "s")] = 3600
    on_missing: Annotated[OnMissing, Word(OnMissing)] = OnMissing.HOLD
    below_minimum: Annotated[BelowMinimum, Word(BelowMinimum)] = BelowMinimum.REJECT
    fallback: FallbackModel = Field(default_factory=FallbackModel)


class ExecutionModel(Section):
    builds: ClassVar[type[Any] | None] = ExecutionSettings

    max_slippage_percent: Annotated[Decimal, Amount("0", "100", "%", below=True)] = Decimal("1.0")
    slippage_action: Annotated[SlippageAction, Word(SlippageAction)] = SlippageAction.WARN
    limit_close_attempts: Annotated[int, Whole(1, 100)] = 3
    limit_close_fallback: Annotated[LimitCloseFallback, Word(LimitCloseFallback)] = LimitCloseFallback.ALERT
    retries: Annotated[int, Whole(0, 100)] = 5
    retry_base_ms: Annotated[int, Whole(1, 60_000, "ms")] = 250
    stale_entry_after_s: Annotated[int, Whole(1, YEARS_S, "s")] = 300
    sweep_interval_s: Annotated[int, Whole(1, 3600, "s")] = 15
    max_quote_age_s: Annotated[int, Whole(1, DAY_S, "s")] = 30


class AlertsModel(Section):
    builds: ClassVar[type[Any] | None] = AlertSettings

    silence_hours: Annotated[int, Whole(1, 8760, "h")] | None = None
    quote_age_s: Annotated[int, Whole(1, DAY_S, "s")] = 60
    disk_free_mb: Annotated[int, Whole(0, 1_000_000, "MB")] = 500
    unknown_order_s: Annotated[int, Whole(1, DAY_S, "s")] = 30
    latency_ms: Annotated[int, Whole(1, 600_000, "ms")] = 1000
    precision_age_s: Annotated[int, Whole(60, YEARS_S, "s")] = Field(
        default=86_400, description="An alert is raised when the rules of an account's instruments are older."
    )
    rate_near_percent: Annotated[int, Whole(50, 100, "percent")] = Field(
        default=90, description="An alert is raised when so much of an exchange's request budget is used."
    )
    daily_summary_at: Annotated[str, CLOCK_TIME] | None = Field(
        default=None,
        description="When the summary of the day so far, before noon of the day before, is sent; reporting timezone.",
    )
    heartbeat_url: Annotated[str, SecretReference()] | None = Field(
        default=None, description="Reference to a URL that is asked while all is well: a watcher outside misses it."
    )
    heartbeat_every_s: Annotated[int, Whole(5, 86_400, "s")] = Field(
        default=60, description="How often that URL is asked."
    )
