"""A random configuration by seed: one or two accounts with awkward instruments, a strategy with everything in it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

from actors.rules.choices import (
    BelowMinimum,
    EntryOrder,
    EntryPrice,
    FeePaidIn,
    FillRule,
    Insufficient,
    LimitCloseFallback,
    Market,
    OnBreach,
    OnFlat,
    Overflow,
    PaperPrices,
    PositionMode,
    PromoteAt,
    SlippageAction,
    TimerStart,
    TpExecution,
    TpMode,
)
from actors.rules.settings import (
    AccountSettings,
    ExecutionSettings,
    FeeSettings,
    InstrumentOverride,
    LegSettings,
    LimitSettings,
    PoolSettings,
    PrecisionSettings,
    QueueSettings,
    RiskSettings,
    Settings,
    SizingSettings,
    StrategyBook,
    StrategySettings,
)

D = Decimal
T = TypeVar("T")

SPOT, SWAP = "spot", "swap"
BASES = ("BTC", "ETH", "SOL")
WEIGHTS: Mapping[int, tuple[tuple[int | str, ...], ...]] = {
    1: ((100,),),
    2: ((50, 50), (30, 70), (90, 10)),
    3: ((40, 30, 30), (20, 30, 50), ("33.33", "33.33", "33.34")),
    5: ((20, 20, 20, 20, 20), (5, 10, 20, 25, 40)),
}
"""By number of legs."""

DRILLS = ("torn draft", "doubtful commit", "lost order", "missed fill", "late fill", "torn end", "torn offset")
"""What a seed may practise: one trouble, at the worst moment, again and again."""
DRILL_SHARE = 0.4
"""Of the seeds."""


class Chance(random.Random):
    """Chance in the words of a configuration."""

    def of(self, *values: T) -> T:
        return values[int(self.random() * len(values))]

    def one_of(self, values: Sequence[T]) -> T:
        return values[int(self.random() * len(values))]

    def perhaps(self, share: float, value: T) -> T | None:
        return value if self.random() < share else None


def chance_of(seed: int, purpose: str) -> Chance:
    """Chance of its own for each purpose, so that more of one leaves the others as they were."""
    return Chance(f"{seed}/{purpose}")


def drill_of(seed: int) -> str:
    """What this seed practises; empty: nothing."""
    chance = chance_of(seed, "drill")
    return chance.one_of(DRILLS) if chance.random() < DRILL_SHARE else ""


def settings_of(seed: int) -> Settings:
    """The configuration this seed runs on."""
    chance = chance_of(seed, "configuration")
    markets = chance.of((Market.SPOT,), (Market.SWAP,), (Market.SPOT, Market.SWAP))
    accounts = {market.value: _account(chance, market) for market in markets}
    settings = Settings(
        accounts=accounts,
        routes={"*": next(iter(accounts))},
        strategy=StrategyBook(default=_strategy(chance)),
        pool=PoolSettings(max_open_groups=chance.of(1, 2, 3, 3, 4, 4), pyramids_bypass=chance.random() < 0.85),
        queue=_queue(chance),
        risk=_risk(chance),
        limits=_limits(chance),
        precision=PrecisionSettings(refresh_s=600, below_minimum=chance.one_of(list(BelowMinimum))),
        execution=_execution(chance),
    )
    return _for_offsets(chance, settings) if chance.random() < 0.3 or drill_of(seed) == "torn offset" else settings


def _for_offsets(chance: Chance, settings: Settings) -> Settings:
    """What holds its positions for long, winners and losers side by side, and soon offsets them."""
    strategy = replace(
        settings.strategy.default,
        tp_percent=D(4),
        stop_loss_percent=None,
        stop_trail_percent=None,
        max_pyramids=chance.of(1, 1, 2),
        sizing=SizingSettings(capital_per_pyramid=D(chance.of(200, 400))),
        levels=tuple(replace(leg, tp_percent=D(4)) for leg in settings.strategy.default.levels),
    )
    risk = replace(
        settings.risk,
        enabled=True,
        require_full_pyramids=False,
        post_full_wait_s=chance.of(0, 5),
        loss_threshold_percent=D("-0.2"),
        use_trade_age_filter=False,
        min_close_notional=D(5),
        evaluate_interval_s=3,
    )
    pool = replace(settings.pool, max_open_groups=chance.of(3, 4))
    return replace(settings, strategy=StrategyBook(default=strategy), risk=risk, pool=pool, limits=LimitSettings())


def _account(chance: Chance, market: Market) -> AccountSettings:
    suffix = ":USDT" if market is Market.SWAP else ""
    symbols = tuple(f"{base}/USDT{suffix}" for base in BASES[: chance.of(1, 2, 3, 3)])
    prices = {symbol: chance.of(D(100), D("2.345"), D("0.0817"), D(64_123)) for symbol in symbols}
    is_hedge = market is Market.SWAP and chance.random() < 0.4
    percent = chance.of(D(0), D("0.1"), D("0.1"), D("0.075"))
    return AccountSettings(
        name=market.value,
        market=market,
        prices=PaperPrices.MANUAL,
        symbols=symbols,
        start_prices=prices,
        instruments={symbol: _instrument(chance, price) for symbol, price in prices.items()},
        balances={"USDT": chance.of(D(100_000), D(100_000), D(3_000))},
        fees=FeeSettings(
            maker_percent=percent,
            taker_percent=percent,
            paid_in=chance.of(FeePaidIn.BASE, FeePaidIn.BASE, FeePaidIn.QUOTE),
        ),
        fill=chance.one_of(list(FillRule)),
        spread_percent=chance.of(D(0), D("0.02"), D("0.1")),
        slippage_percent=chance.of(D(0), D(0), D("0.03")),
        latency_ms=chance.of(0, 0, 5, 80),
        leverage=chance.of(1, 3, 10) if market is Market.SWAP else 1,
        position_mode=PositionMode.HEDGE if is_hedge else PositionMode.ONE_WAY,
    )


def _instrument(chance: Chance, price: Decimal) -> InstrumentOverride:
    """Ticks of a hundred-thousandth to a thousandth of the price, steps worth a cent to a dollar, some of odd width."""
    magnitude = price.adjusted()
    tick = D(chance.of(1, 1, 5, 25, 3)).scaleb(magnitude - 5)
    step = D(chance.of(1, 1, 5, 7)).scaleb(-magnitude - chance.of(1, 2, 2, 3))
    return InstrumentOverride(
        tick_size=D(f"{tick:f}"),
        step_size=D(f"{step:f}"),
        min_quantity=D(f"{step * chance.of(1, 1, 2):f}"),
        min_notional=chance.of(D(1), D(5), D(5), D(10)),
    )


def _levels(chance: Chance) -> tuple[LegSettings, ...]:
    count = chance.of(1, 2, 3, 3, 5)
    weights = chance.one_of(WEIGHTS[count])
    gap = chance.of(D("0.2"), D("0.5"), D(1))
    return tuple(
        LegSettings(
            gap_percent=gap * index, weight_percent=D(weight), tp_percent=chance.of(D("0.3"), D("0.5"), D(1), D(4))
        )
        for index, weight in enumerate(weights)
    )


def _strategy(chance: Chance) -> StrategySettings:
    levels = _levels(chance)
    # Legs of about the least that can be sent turn into dust when a part of them fills; most runs have larger ones.
    smallest = min(leg.weight_percent for leg in levels)
    capital = round(chance.of(D(7), D(12), D(25), D(60), D(60)) * 100 / smallest)
    tp_mode = chance.one_of(list(TpMode))
    return StrategySettings(
        entry_order=chance.of(EntryOrder.LIMIT, EntryOrder.LIMIT, EntryOrder.MARKET),
        entry_price=chance.of(EntryPrice.SIGNAL, EntryPrice.SIGNAL, EntryPrice.MARK),
        max_pyramids=chance.randint(1, 3),
        levels=levels,
        tp_mode=tp_mode,
        tp_percent=chance.of(D("0.4"), D(1), D(2), D(4)),
        tp_execution=chance.of(TpExecution.RESTING, TpExecution.RESTING, TpExecution.WATCHED),
        tp_net_of_fees=chance.random() < 0.3,
        tp_reprice_ms=chance.of(0, 500, 500),
        tp_trail_percent=chance.perhaps(0.2, D("0.3")),
        stop_loss_percent=chance.perhaps(0.4, chance.of(D(1), D(3), D(8))),
        stop_trail_percent=chance.perhaps(0.25, chance.of(D("0.7"), D(2))),
        break_even_after_first_tp=chance.random() < 0.3,
        accept_signal_stops=chance.random() < 0.3,
        sizing=SizingSettings(capital_per_pyramid=D(capital)),
        on_flat=chance.of(OnFlat.CLOSE, OnFlat.CLOSE, OnFlat.CLOSE, OnFlat.KEEP),
        cancel_beyond_percent=chance.perhaps(0.15, D(2)),
        entry_ttl_s=chance.perhaps(0.15, 120),
        unfilled_group_ttl_s=chance.of(None, 60, 300),
    )


def _queue(chance: Chance) -> QueueSettings:
    return QueueSettings(
        max_size=chance.randint(2, 6),
        overflow=chance.one_of(list(Overflow)),
        allow_replacement=chance.random() < 0.85,
        max_age_s=chance.perhaps(0.3, chance.of(60, 600)),
        max_deviation_percent=chance.perhaps(0.2, D(3)),
        promote_at=chance.one_of(list(PromoteAt)),
    )


def _risk(chance: Chance) -> RiskSettings:
    return RiskSettings(
        enabled=chance.random() < 0.85,
        require_full_pyramids=chance.random() < 0.2,
        timer_start=chance.one_of(list(TimerStart)),
        post_full_wait_s=chance.of(0, 5, 60),
        reset_timer_on_replacement=chance.random() < 0.3,
        loss_threshold_percent=chance.of(D("-0.2"), D("-0.5"), D(-1), D(-3)),
        use_trade_age_filter=chance.random() < 0.15,
        age_threshold_s=60,
        max_winners_to_combine=chance.randint(1, 3),
        partial_close_enabled=chance.random() < 0.8,
        min_close_notional=chance.of(D(5), D(20)),
        insufficient=chance.of(Insufficient.PARTIAL, Insufficient.PARTIAL, Insufficient.SKIP),
        slippage_buffer_percent=chance.of(D(0), D("0.1")),
        evaluate_on_fill=chance.random() < 0.7,
        evaluate_interval_s=chance.of(3, 10, 20),
    )


def _limits(chance: Chance) -> LimitSettings:
    """Most runs have none or a harmless one: an engine that may do nothing shows nothing."""
    loss = chance.perhaps(0.15, chance.of(D(5), D(50)))
    drawdown = chance.perhaps(0.05, D(2))
    losses = chance.perhaps(0.05, 4)
    has_loss_limit = (loss, drawdown, losses) != (None, None, None)
    return LimitSettings(
        max_groups_per_symbol=chance.perhaps(0.25, chance.randint(1, 2)),
        max_total_exposure=chance.perhaps(0.15, D(3_000)),
        max_realized_loss_per_day=loss,
        max_drawdown_percent=drawdown,
        max_consecutive_losses=losses,
        cooldown_after_loss_s=chance.perhaps(0.2, 30),
        on_breach=chance.one_of(list(OnBreach)) if has_loss_limit else OnBreach.NO_NEW_GROUPS,
    )


def _execution(chance: Chance) -> ExecutionSettings:
    return ExecutionSettings(
        max_slippage_percent=chance.of(D(1), D("0.2")),
        slippage_action=chance.one_of(list(SlippageAction)),
        limit_close_fallback=chance.of(LimitCloseFallback.MARKET, LimitCloseFallback.MARKET, LimitCloseFallback.ALERT),
        stale_entry_after_s=chance.of(5, 300),
        sweep_interval_s=chance.of(2, 5, 15),
    )
