"""Schema of `strategy`: ladders, targets, sizing and their overrides (DCA, TP, GRP-3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from actors.rules.settings import (
    MAX_LEGS,
    EntryOrder,
    EntryPrice,
    LegSettings,
    OnFlat,
    SizingSettings,
    SizingSource,
    StrategySettings,
    TpExecution,
    TpMode,
)
from daemon.config.kinds import Amount, Kind, Text, Whole, Word, found, refuse
from daemon.config.section import FLAG, NAME, Section
from daemon.config.timeframe import Timeframe

WEIGHT_TOLERANCE = Decimal("0.01")
MAX_OVERRIDES = 10_000
MAX_PYRAMIDS = 100

GAP = Amount("-100", "100", "%", above=True, below=True)
SHARE = Amount("0", "100", "%", above=True)
TARGET = Amount("0", "1000", "%", above=True)
DISTANCE = Amount("0", "100", "%", above=True, below=True)
CAPITAL = Amount("0", "1000000000000", "in quote", above=True)
YEARS_S = 315_360_000


@dataclass(frozen=True)
class PyramidIndex(Kind):
    """A pyramid's index as a key; the first entry is 0."""

    def check(self, value: object) -> int:
        if isinstance(value, str) and value.isascii() and value.isdecimal() and int(value[:4]) < MAX_PYRAMIDS:
            return int(value)
        raise refuse(f"must be the index of a pyramid, the first is 0, {found(value)}", f"0 to {MAX_PYRAMIDS - 1}")


class LegModel(Section):
    builds: ClassVar[type[Any] | None] = LegSettings

    gap_percent: Annotated[Decimal, GAP]
    weight_percent: Annotated[Decimal, SHARE]
    tp_percent: Annotated[Decimal, TARGET]


def weights_fault(weights: Iterable[Decimal]) -> str | None:
    """What is wrong with the weights of a ladder (DCA-1)."""
    total = sum(weights, Decimal(0))
    if abs(total - 100) > WEIGHT_TOLERANCE:
        return f"the weights of the legs sum to {total:f}, not 100"
    return None


def _ladder(legs: tuple[LegModel, ...]) -> tuple[LegModel, ...]:
    if not 1 <= len(legs) <= MAX_LEGS:
        raise refuse(f"a ladder of {len(legs)} legs", f"1 to {MAX_LEGS} legs")
    fault = weights_fault(leg.weight_percent for leg in legs)
    if fault is not None:
        raise refuse(fault, f"100 % within {WEIGHT_TOLERANCE}")
    return legs


Ladder = Annotated[tuple[LegModel, ...], AfterValidator(_ladder)]
Index = Annotated[int, PyramidIndex()]


def _default_levels() -> tuple[LegModel, ...]:
    return tuple(
        LegModel(gap_percent=leg.gap_percent, weight_percent=leg.weight_percent, tp_percent=leg.tp_percent)
        for leg in StrategySettings().levels
    )


class SizingModel(Section):
    builds: ClassVar[type[Any] | None] = SizingSettings

    source: Annotated[SizingSource, Word(SizingSource)] = SizingSource.CONFIG
    capital_per_pyramid: Annotated[Decimal, CAPITAL] = Decimal(200)
    capital_by_pyramid: dict[Index, Annotated[Decimal, CAPITAL]] = Field(default_factory=dict)
    equity_percent: Annotated[Decimal, Amount("0", "1000", "% of equity", above=True)] | None = None


class StrategyModel(Section):
    """`strategy.default`, and the `set` of an override (of which only the keys written count)."""

    builds: ClassVar[type[Any] | None] = StrategySettings

    entry_order: Annotated[EntryOrder, Word(EntryOrder)] = EntryOrder.LIMIT
    entry_price: Annotated[EntryPrice, Word(EntryPrice)] = EntryPrice.SIGNAL
    max_pyramids: Annotated[int, Whole(1, MAX_PYRAMIDS)] = 5
    levels: Ladder = Field(default_factory=_default_levels)
    pyramid_levels: dict[Index, Ladder] = Field(default_factory=dict)
    tp_mode: Annotated[TpMode, Word(TpMode)] = TpMode.PER_LEG
    tp_percent: Annotated[Decimal, TARGET] = Decimal(1)
    tp_by_pyramid: dict[Index, Annotated[Decimal, TARGET]] = Field(default_factory=dict)
    tp_execution: Annotated[TpExecution, Word(TpExecution)] = TpExecution.RESTING
    tp_net_of_fees: Annotated[bool, FLAG] = False
    tp_reprice_ms: Annotated[int, Whole(0, 60_000, "ms")] = 500
    tp_trail_percent: Annotated[Decimal, DISTANCE] | None = None
    stop_loss_percent: Annotated[Decimal, DISTANCE] | None = None
    stop_trail_percent: Annotated[Decimal, DISTANCE] | None = None
    break_even_after_first_tp: Annotated[bool, FLAG] = False
    accept_signal_stops: Annotated[bool, FLAG] = False
    sizing: SizingModel = Field(default_factory=SizingModel)
    on_flat: Annotated[OnFlat, Word(OnFlat)] = OnFlat.CLOSE
    cancel_beyond_percent: Annotated[Decimal, DISTANCE] | None = None
    entry_ttl_s: Annotated[int, Whole(1, YEARS_S, "s")] | None = None
    unfilled_group_ttl_s: Annotated[int, Whole(0, YEARS_S, "s, 0 for never")] | None = None


class MatchModel(Section):
    account: Annotated[str, NAME] | None = None
    symbol: Annotated[str, Text("a unified symbol, such as BTC/USDT", r"[^\s/:]+/[^\s/:]+(:[^\s/:]+)?", 64)] | None = (
        None
    )
    timeframe: Annotated[str, Timeframe()] | None = None


class OverrideModel(Section):
    match: MatchModel
    set: StrategyModel


def _few_overrides(overrides: tuple[OverrideModel, ...]) -> tuple[OverrideModel, ...]:
    if len(overrides) > MAX_OVERRIDES:
        raise refuse(f"{len(overrides)} overrides", f"at most {MAX_OVERRIDES}")
    return overrides


class StrategyBookModel(Section):
    default: StrategyModel = Field(default_factory=StrategyModel)
    overrides: Annotated[tuple[OverrideModel, ...], AfterValidator(_few_overrides)] = ()
