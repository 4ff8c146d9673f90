"""What the engine decides by, as values. Field names and defaults are those of `config.yaml`.

Nothing here reads a file: `daemon.config` validates the text and builds these. Percentages are plain percent
(`Decimal("0.5")` is half a percent), durations are whole seconds (`_s`) or milliseconds (`_ms`), sequences are
tuples, maps are read only by convention. `None` means "off" or "derived", as each field says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Annotated, Any

from actors.rules.choices import (
    BelowMinimum,
    EngineMode,
    EntryOrder,
    EntryPrice,
    FeePaidIn,
    FillRule,
    Insufficient,
    KeyPart,
    LimitCloseFallback,
    MarginMode,
    Market,
    OnBreach,
    OnFlat,
    OnMissing,
    Overflow,
    PaperPrices,
    PositionMode,
    PromoteAt,
    RankRule,
    SizingSource,
    SlippageAction,
    TimerStart,
    TpExecution,
    TpMode,
    World,
)
from actors.rules.plain import PartialOf

__all__ = [
    "MAX_LEGS",
    "AccountSettings",
    "AlertSettings",
    "BelowMinimum",
    "EngineMode",
    "EngineSettings",
    "EntryOrder",
    "EntryPrice",
    "ExecutionSettings",
    "FallbackPrecision",
    "FeePaidIn",
    "FeeSettings",
    "FillRule",
    "InstrumentOverride",
    "Insufficient",
    "KeyPart",
    "LegSettings",
    "LimitCloseFallback",
    "LimitSettings",
    "MarginMode",
    "Market",
    "NotificationSettings",
    "OnBreach",
    "OnFlat",
    "OnMissing",
    "Overflow",
    "PaperPrices",
    "PoolSettings",
    "PositionMode",
    "PrecisionSettings",
    "PromoteAt",
    "QueueSettings",
    "QuietHours",
    "RankRule",
    "RiskSettings",
    "Settings",
    "SizingSettings",
    "SizingSource",
    "SlippageAction",
    "SourceSettings",
    "StrategyBook",
    "StrategyMatch",
    "StrategyOverride",
    "StrategySettings",
    "TimerStart",
    "TpExecution",
    "TpMode",
    "World",
]

MAX_LEGS = 10
"""Most legs a ladder may have (DCA-1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegSettings:
    """One planned entry of a ladder (DCA-1). `gap_percent` is a distance away from the entry: its sign is dropped."""

    gap_percent: Decimal
    weight_percent: Decimal
    tp_percent: Decimal

    def __post_init__(self) -> None:
        object.__setattr__(self, "gap_percent", abs(self.gap_percent))


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingSettings:
    """Capital of a pyramid, notional in quote (DCA-3)."""

    source: SizingSource = SizingSource.CONFIG
    capital_per_pyramid: Decimal = Decimal(200)
    capital_by_pyramid: Mapping[int, Decimal] = field(default_factory=dict)
    equity_percent: Decimal | None = None

    def capital_of(self, pyramid: int) -> Decimal:
        """Configured capital of the pyramid with this index, in quote."""
        return self.capital_by_pyramid.get(pyramid, self.capital_per_pyramid)


def _default_levels() -> tuple[LegSettings, ...]:
    rows = (("0", "1"), ("0.5", "0.5"), ("1", "2"), ("1.5", "1.5"), ("2", "1"))
    return tuple(
        LegSettings(gap_percent=Decimal(gap), weight_percent=Decimal(20), tp_percent=Decimal(tp)) for gap, tp in rows
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySettings:
    """One resolved strategy: the snapshot a group keeps for life (GRP-3)."""

    entry_order: EntryOrder = EntryOrder.LIMIT
    entry_price: EntryPrice = EntryPrice.SIGNAL
    max_pyramids: int = 5
    levels: tuple[LegSettings, ...] = field(default_factory=_default_levels)
    pyramid_levels: Mapping[int, tuple[LegSettings, ...]] = field(default_factory=dict)
    tp_mode: TpMode = TpMode.PER_LEG
    tp_percent: Decimal = Decimal(1)
    tp_by_pyramid: Mapping[int, Decimal] = field(default_factory=dict)
    tp_execution: TpExecution = TpExecution.RESTING
    tp_net_of_fees: bool = False
    tp_reprice_ms: int = 500
    tp_trail_percent: Decimal | None = None
    stop_loss_percent: Decimal | None = None
    stop_trail_percent: Decimal | None = None
    break_even_after_first_tp: bool = False
    accept_signal_stops: bool = False
    sizing: SizingSettings = field(default_factory=SizingSettings)
    on_flat: OnFlat = OnFlat.CLOSE
    cancel_beyond_percent: Decimal | None = None
    entry_ttl_s: int | None = None
    unfilled_group_ttl_s: int | None = None
    """None: four times the timeframe; 0: never (GRP-7)."""

    def levels_of(self, index: int) -> tuple[LegSettings, ...]:
        """Ladder of the pyramid with this index (PYR-3)."""
        return self.pyramid_levels.get(index, self.levels)

    def tp_percent_of(self, pyramid: int) -> Decimal:
        """Target percentage of the pyramid as one unit (TP-5)."""
        return self.tp_by_pyramid.get(pyramid, self.tp_percent)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyMatch:
    """What an override applies to; None matches anything. `symbol` is unified, `timeframe` normalised (SIG-3)."""

    account: str | None = None
    symbol: str | None = None
    timeframe: str | None = None

    def applies(self, account: str, symbol: str, timeframe: str) -> bool:
        return self.account in (None, account) and self.symbol in (None, symbol) and self.timeframe in (None, timeframe)

    @property
    def weight(self) -> int:
        """How specific this match is; higher wins (GRP-3).

        Account+symbol+timeframe 7, symbol+timeframe 6, account+symbol 5, symbol 4, account+timeframe 3, account 2,
        timeframe 1: the order GRP-3 names, with the combinations it leaves out put between.
        """
        has_account, has_symbol, has_timeframe = (
            self.account is not None,
            self.symbol is not None,
            self.timeframe is not None,
        )
        if has_symbol:
            return 4 + 2 * has_timeframe + has_account
        return 2 * has_account + has_timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyOverride:
    """Keys of `strategy.default` that differ for what `match` names.

    `set` maps field names of `StrategySettings` to typed values. `sizing` in it is itself a map of the keys of
    `SizingSettings` that differ; every other value replaces the whole field.
    """

    match: StrategyMatch
    set: Annotated[Mapping[str, Any], PartialOf(StrategySettings)]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyBook:
    """Every strategy of the config: the default and what differs from it."""

    default: StrategySettings = field(default_factory=StrategySettings)
    overrides: tuple[StrategyOverride, ...] = ()

    def resolve(self, account: str, symbol: str, timeframe: str) -> StrategySettings:
        """The strategy of one key (GRP-3): the overrides that match, merged onto the default key by key.

        The less specific go first, so that the most specific has the last word; of two equally specific ones the
        later in the file has it.
        """
        matching = [override for override in self.overrides if override.match.applies(account, symbol, timeframe)]
        resolved = self.default
        for override in sorted(matching, key=lambda override: override.match.weight):
            resolved = merge_strategy(resolved, override.set)
        return resolved


def merge_strategy(base: StrategySettings, changes: Mapping[str, Any]) -> StrategySettings:
    """`base` with the named fields replaced, inside `sizing` too. An unknown name is a TypeError."""
    values = dict(changes)
    sizing = values.get("sizing")
    if isinstance(sizing, Mapping):
        values["sizing"] = replace(base.sizing, **sizing)
    return replace(base, **values)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    max_open_groups: int = 10
    pyramids_bypass: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    max_size: int = 100
    overflow: Overflow = Overflow.REJECT_NEW
    allow_replacement: bool = True
    rank: tuple[RankRule, ...] = (
        RankRule.CONTINUATION,
        RankRule.DEEPEST_LOSS,
        RankRule.REPLACEMENTS,
        RankRule.FIRST_IN,
    )
    max_age_s: int | None = None
    opposite_max_age_s: int | None = 86_400
    max_deviation_percent: Decimal | None = None
    promote_at: PromoteAt = PromoteAt.SIGNAL


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSettings:
    """RISK-1 to RISK-9. `loss_threshold_percent` is negative; amounts are in quote."""

    enabled: bool = True
    require_full_pyramids: bool = True
    required_pyramids: int | None = None
    """None: the group's `max_pyramids`."""
    timer_start: TimerStart = TimerStart.AFTER_FULL_PYRAMIDS
    post_full_wait_s: int = 3600
    reset_timer_on_replacement: bool = False
    loss_threshold_percent: Decimal = Decimal(-5)
    use_trade_age_filter: bool = False
    age_threshold_s: int = 12_000
    max_winners_to_combine: int = 3
    partial_close_enabled: bool = True
    min_close_notional: Decimal = Decimal(20)
    insufficient: Insufficient = Insufficient.SKIP
    slippage_buffer_percent: Decimal = Decimal(0)
    max_shortfall_percent: Decimal = Decimal(10)
    equal_quotes: tuple[tuple[str, ...], ...] = ()
    evaluate_on_fill: bool = True
    evaluate_interval_s: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """POOL-3 and POOL-4; None switches a limit off. Amounts are in the reporting currency."""

    max_groups_per_symbol: int | None = None
    max_total_exposure: Decimal | None = None
    max_realized_loss_per_day: Decimal | None = None
    max_drawdown_percent: Decimal | None = None
    max_consecutive_losses: int | None = None
    cooldown_after_loss_s: int | None = None
    on_breach: OnBreach = OnBreach.NO_NEW_GROUPS


@dataclass(frozen=True, slots=True, kw_only=True)
class FallbackPrecision:
    """Rules used for an instrument without metadata when `on_missing` is `fallback` (PRC-4)."""

    tick_size: Decimal = Decimal("0.00000001")
    step_size: Decimal = Decimal("0.000001")
    min_quantity: Decimal = Decimal("0.000001")
    min_notional: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionSettings:
    refresh_s: int = 3600
    on_missing: OnMissing = OnMissing.HOLD
    below_minimum: BelowMinimum = BelowMinimum.REJECT
    fallback: FallbackPrecision = field(default_factory=FallbackPrecision)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSettings:
    max_slippage_percent: Decimal = Decimal("1.0")
    slippage_action: SlippageAction = SlippageAction.WARN
    limit_close_attempts: int = 3
    limit_close_fallback: LimitCloseFallback = LimitCloseFallback.ALERT
    retries: int = 5
    retry_base_ms: int = 250
    stale_entry_after_s: int = 300
    sweep_interval_s: int = 15
    max_quote_age_s: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    mode: EngineMode = EngineMode.NORMAL
    reporting_timezone: str = "UTC"
    reporting_currency: str = "USDT"
    group_key: tuple[KeyPart, ...] = (KeyPart.ACCOUNT, KeyPart.SYMBOL, KeyPart.TIMEFRAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeSettings:
    """Fees of the paper exchange."""

    maker_percent: Decimal = Decimal("0.10")
    taker_percent: Decimal = Decimal("0.10")
    paid_in: FeePaidIn = FeePaidIn.BASE


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentOverride:
    """Precision rules of one paper instrument that differ from what the exchange would make up itself."""

    tick_size: Decimal | None = None
    step_size: Decimal | None = None
    min_quantity: Decimal | None = None
    min_notional: Decimal | None = None


_PAPER_SYMBOLS = tuple(
    f"{base}/USDT" for base in ("BTC", "ETH", "SOL", "BNB", "XRP", "ADA", "DOGE", "LINK", "AVAX", "LTC")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """One account: the paper exchange (first block) or a real one (second block); the last lines are for both.

    `candles` is an absolute path. Credentials are references (`env:`, `file:`, ...), never values.
    """

    name: str
    exchange: str = "paper"
    market: Market = Market.SPOT

    prices: PaperPrices = PaperPrices.SYNTHETIC
    candles: str | None = None
    speed: Decimal = Decimal(60)
    price_source: str = "binance"
    symbols: tuple[str, ...] = _PAPER_SYMBOLS
    start_prices: Mapping[str, Decimal] = field(default_factory=dict)
    instruments: Mapping[str, InstrumentOverride] = field(default_factory=dict)
    balances: Mapping[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(100_000)})
    fees: FeeSettings = field(default_factory=FeeSettings)
    fill: FillRule = FillRule.CROSS
    spread_percent: Decimal = Decimal("0.01")
    slippage_percent: Decimal = Decimal(0)
    latency_ms: int = 0
    seed: int = 1

    testnet: bool = False
    api_key: str | None = None
    api_secret: str | None = None
    passphrase: str | None = None
    allow_withdraw: bool = False
    """Whether a live account is traded with a key that may withdraw (SEC-5)."""
    urls: Mapping[str, str] = field(default_factory=dict)

    leverage: int = 1
    margin_mode: MarginMode = MarginMode.ISOLATED
    position_mode: PositionMode = PositionMode.ONE_WAY
    max_open_groups: int | None = None
    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()

    @property
    def is_paper(self) -> bool:
        return self.exchange == "paper"

    @property
    def world(self) -> World:
        if self.is_paper:
            return World.PAPER
        return World.TESTNET if self.testnet else World.LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One sender of signals (SIG-5, SIG-7, SIG-8, SIG-13). Secrets are references."""

    name: str
    secret: str | None = None
    """None and no `hmac_secret`: the source accepts nothing."""
    hmac_secret: str | None = None
    previous_secret: str | None = None
    """Taken beside `secret` until `previous_until`, so that senders can be changed one after the other."""
    previous_hmac_secret: str | None = None
    previous_until: str | None = None
    """ISO 8601, UTC."""
    allow_addresses: tuple[str, ...] = ()
    max_age_s: int = 300
    max_ahead_s: int = 60
    idempotency_window_s: int = 86_400
    rate_per_minute: int = 6000
    burst: int = 1000
    map: Mapping[str, str] = field(default_factory=dict)

    @property
    def references(self) -> tuple[str, ...]:
        """Where its secrets are kept, those of a rotation included."""
        all_of_them = (self.secret, self.hmac_secret, self.previous_secret, self.previous_hmac_secret)
        return tuple(reference for reference in all_of_them if reference is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Thresholds that raise an alert (SIG-14, LOG-5), and what is sent at regular times."""

    silence_hours: int | None = None
    quote_age_s: int = 60
    disk_free_mb: int = 500
    unknown_order_s: int = 30
    latency_ms: int = 1000
    precision_age_s: int = 86_400
    rate_near_percent: int = 90
    daily_summary_at: str | None = None
    """`HH:MM` of the reporting timezone; None: no summary is sent."""
    heartbeat_url: str | None = None
    """A secret reference."""
    heartbeat_every_s: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Between the two minutes of a day of this timezone, over midnight if the first is the later one, only messages of
    `least` severity or more are sent; the others come together afterwards."""

    start_minute: int
    end_minute: int
    timezone: str = ""
    """Empty: the reporting timezone."""
    least: str = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationSettings:
    """One channel over which messages are sent, and which ones."""

    name: str
    url: str
    """A secret reference to an apprise URL."""
    severity: str = "warning"
    """The least."""
    categories: tuple[str, ...] = ()
    """Empty: all."""
    types: tuple[str, ...] = ()
    """Not empty: these alone, in UPPER_SNAKE_CASE, whatever their severity."""
    quiet_hours: QuietHours | None = None
    rate_per_hour: int = 60
    template: str | None = None
    """Of the text of every message; None: the usual one."""
    templates: Mapping[str, str] = field(default_factory=dict)
    """By type."""
    resolved: bool = True
    """Also says when the cause of an alert is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One version of everything the engine decides by. `version` is the number this config was applied under."""

    version: int = 1
    engine: EngineSettings = field(default_factory=EngineSettings)
    accounts: Mapping[str, AccountSettings] = field(default_factory=lambda: {"paper": AccountSettings(name="paper")})
    routes: Mapping[str, str] = field(default_factory=lambda: {"*": "paper"})
    """TradingView exchange name, or source, to account name; `*` is any (SIG-4)."""
    sources: Mapping[str, SourceSettings] = field(
        default_factory=lambda: {"tradingview": SourceSettings(name="tradingview", secret="file:secrets/tradingview")}
    )
    strategy: StrategyBook = field(default_factory=StrategyBook)
    pool: PoolSettings = field(default_factory=PoolSettings)
    queue: QueueSettings = field(default_factory=QueueSettings)
    risk: RiskSettings = field(default_factory=RiskSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    precision: PrecisionSettings = field(default_factory=PrecisionSettings)
    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    notifications: tuple[NotificationSettings, ...] = ()

    def account_for(self, exchange: str, source: str) -> AccountSettings | None:
        """Account of a TradingView exchange name, else of a source, else of `*`; None: no route (SIG-4).

        Upper and lower case do not matter; the config refuses two names that differ only by that.
        """
        routes = {name.casefold(): account for name, account in self.routes.items()}
        for name in (exchange.casefold(), source.casefold(), "*"):
            if name in routes:
                return self.accounts.get(routes[name])
        return None
