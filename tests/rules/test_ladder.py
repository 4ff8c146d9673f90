"""The legs of a pyramid, planned and checked as a whole."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import ladder, precision
from actors.rules.choices import (
    BelowMinimum,
    EntryOrder,
    EntryPrice,
    FeePaidIn,
    PromoteAt,
    SizingSource,
    TpMode,
)
from actors.rules.ladder import PlanRefused
from actors.rules.model import LadderPlan, Reason, Refused, Side, SizeType
from actors.rules.settings import FeeSettings, LegSettings, SizingSettings, StrategySettings
from tests.rules.builders import D, levels, quote, signal, spot, strategy, swap

FREE = FeeSettings(maker_percent=D(0), taker_percent=D(0), paid_in=FeePaidIn.QUOTE)
BASE_FEES = FeeSettings(maker_percent=D("0.1"), taker_percent=D("0.1"), paid_in=FeePaidIn.BASE)


def planned(settings: StrategySettings | None = None, **changes: Any) -> LadderPlan | PlanRefused:
    given: dict[str, Any] = {
        "side": Side.LONG,
        "index": 0,
        "signal": signal(),
        "settings": settings or strategy(),
        "instrument": spot(),
        "quote": quote("100"),
        "entry_price": D(100),
        "below_minimum": BelowMinimum.REJECT,
        "fees": FREE,
        "max_slippage_percent": D(1),
    }
    return ladder.plan(**{**given, **changes})


def plan(settings: StrategySettings | None = None, **changes: Any) -> LadderPlan:
    made = planned(settings, **changes)
    assert isinstance(made, LadderPlan), made
    return made


def refused(settings: StrategySettings | None = None, **changes: Any) -> PlanRefused:
    made = planned(settings, **changes)
    assert isinstance(made, PlanRefused), made
    return made


def rows(made: LadderPlan) -> list[tuple[str, str]]:
    return [(str(leg.price), str(leg.quantity)) for leg in made.legs]


# --- the worked ladder ----------------------------------------------------------------------------


@pytest.mark.rule("DCA-1", "DCA-2", "DCA-3", "PRC-2", "PRC-3")
def test_the_worked_ladder() -> None:
    made = plan()
    assert rows(made) == [
        ("100.00", "2.000"),
        ("99.50", "2.010"),
        ("99.00", "2.020"),
        ("98.50", "2.030"),
        ("98.00", "2.040"),
    ]
    assert [leg.index for leg in made.legs] == [0, 1, 2, 3, 4]
    assert (made.capital, made.entry_price, made.notes) == (D(1000), D(100), ())


@pytest.mark.rule("PRC-2", "TP-1")
def test_the_targets_of_the_worked_ladder() -> None:
    targets = [precision.target_price(Side.LONG, leg.price * (1 + leg.tp_percent / 100), spot()) for leg in plan().legs]
    assert targets == [D("101.00"), D("100.00"), D("100.98"), D("99.98"), D("98.98")]


@pytest.mark.rule("QUE-7")
def test_the_expected_profit_of_the_worked_ladder() -> None:
    """2 x 1 + 2.01 x 0.5 + 2.02 x 1.98 + 2.03 x 1.48 + 2.04 x 0.98."""
    assert ladder.expected_profit(plan(), strategy(), Side.LONG, spot()) == D("12.0082")


@pytest.mark.rule("DCA-2", "PRC-2")
def test_a_shorts_legs_lie_above_the_entry() -> None:
    made = plan(side=Side.SHORT, instrument=swap())
    assert [str(leg.price) for leg in made.legs] == ["100.00", "100.50", "101.00", "101.50", "102.00"]
    assert [str(leg.quantity) for leg in made.legs] == ["2.000", "1.990", "1.980", "1.970", "1.960"]


@pytest.mark.rule("DCA-1")
def test_a_negative_gap_means_the_same_distance() -> None:
    same = LegSettings(gap_percent=D("-0.5"), weight_percent=D(100), tp_percent=D(1))
    assert rows(plan(strategy(levels=(same,)))) == [("99.50", "10.050")]


@pytest.mark.rule("PYR-3")
def test_a_pyramid_may_have_a_ladder_of_its_own() -> None:
    settings = strategy(pyramid_levels={1: levels(("0", "100", "1"))})
    assert len(plan(settings, index=0).legs) == 5
    assert rows(plan(settings, index=1)) == [("100.00", "10.000")]


@pytest.mark.rule("DCA-3")
def test_quantities_are_contracts_on_a_swap() -> None:
    made = plan(instrument=swap(contract_size=D("0.01"), step_size=D(1), min_quantity=D(1)))
    assert [leg.quantity for leg in made.legs] == [D(200), D(201), D(202), D(203), D(204)]
    assert made.notional <= 1000


@pytest.mark.rule("DCA-3")
def test_a_signals_own_size_is_split_by_the_weights() -> None:
    settings = strategy(sizing=SizingSettings(source=SizingSource.SIGNAL))
    in_coins = plan(settings, signal=signal(order_size=D("0.5"), size_type=SizeType.BASE))
    assert [leg.quantity for leg in in_coins.legs] == [D("0.1")] * 5
    in_money = plan(settings, signal=signal(order_size=D(1000), size_type=SizeType.QUOTE))
    assert rows(in_money) == rows(plan())
    assert refused(settings).reason is Reason.SIZE_MISSING


@pytest.mark.rule("DCA-3")
def test_a_share_of_the_equity_is_the_capital() -> None:
    settings = strategy(sizing=SizingSettings(source=SizingSource.EQUITY_PERCENT, equity_percent=D(10)))
    assert rows(plan(settings, equity=D(10_000))) == rows(plan())
    assert refused(settings).reason is Reason.SIZE_MISSING


# --- the entry price ------------------------------------------------------------------------------


@pytest.mark.rule("SIG-1", "QUE-3")
@pytest.mark.parametrize(
    ("own", "setting", "promote_at", "expected"),
    [
        ("101", EntryPrice.SIGNAL, None, "101"),
        (None, EntryPrice.SIGNAL, None, "100"),
        ("101", EntryPrice.MARK, None, "100"),
        ("101", EntryPrice.MARK, PromoteAt.SIGNAL, "101"),
        ("101", EntryPrice.SIGNAL, PromoteAt.MARK, "100"),
        (None, EntryPrice.SIGNAL, PromoteAt.SIGNAL, "100"),
    ],
)
def test_a_ladder_is_priced_from_the_signal_else_from_the_mark(
    own: str | None, setting: EntryPrice, promote_at: PromoteAt | None, expected: str
) -> None:
    asked = signal(entry_price=None if own is None else D(own))
    settings = strategy(entry_price=setting)
    at = quote("100", spread="0.2")
    assert ladder.resolve_entry_price(asked, settings, at, promote_at=promote_at) == D(expected)


@pytest.mark.rule("ORD-10")
def test_without_any_price_it_waits_and_with_its_own_it_does_not() -> None:
    assert ladder.resolve_entry_price(signal(), strategy(), None) == 100
    for asked, settings in (
        (signal(entry_price=None), strategy()),
        (signal(), strategy(entry_price=EntryPrice.MARK)),
    ):
        for nothing in (None, quote("0")):
            answer = ladder.resolve_entry_price(asked, settings, nothing)
            assert isinstance(answer, Refused)
            assert answer.reason is Reason.PRICE_MISSING


# --- a market entry -------------------------------------------------------------------------------


@pytest.mark.rule("DCA-4")
def test_only_a_first_leg_without_a_gap_enters_at_the_market() -> None:
    made = plan(strategy(entry_order=EntryOrder.MARKET))
    assert [leg.market for leg in made.legs] == [True, False, False, False, False]
    away = levels(("0.5", "50", "1"), ("0", "50", "1"))
    assert not any(leg.market for leg in plan(strategy(entry_order=EntryOrder.MARKET, levels=away)).legs)


@pytest.mark.rule("DCA-4", "ORD-10")
@pytest.mark.parametrize("nothing", [None, quote("0")])
def test_a_market_entry_waits_for_a_price_and_a_limit_entry_does_not(nothing: Any) -> None:
    assert refused(strategy(entry_order=EntryOrder.MARKET), quote=nothing).reason is Reason.PRICE_MISSING
    assert rows(plan(quote=nothing)) == rows(plan())


@pytest.mark.rule("DCA-5")
def test_a_mark_past_a_legs_price_does_not_change_the_plan() -> None:
    assert rows(plan(quote=quote("97"))) == rows(plan())


@pytest.mark.rule("PRC-1")
def test_a_market_leg_is_held_to_the_market_rules() -> None:
    coarse = spot(market_step_size=D("0.5"), market_max_quantity=D(50))
    one = strategy(entry_order=EntryOrder.MARKET, levels=levels(("0", "100", "1")))
    assert rows(plan(one, instrument=coarse, entry_price=D(99))) == [("99.00", "10.0")]
    tight = spot(market_max_quantity=D(5))
    assert refused(one, instrument=tight).reason is Reason.ABOVE_MAX_QUANTITY


@pytest.mark.rule("DCA-4", "PRC-3")
def test_the_value_of_a_market_leg_is_judged_at_the_lower_of_its_price_and_the_bid() -> None:
    one = strategy("100", entry_order=EntryOrder.MARKET, levels=levels(("0", "100", "1")))
    assert isinstance(planned(one, instrument=spot(min_notional=D(95)), quote=quote("95")), LadderPlan)
    answer = refused(one, instrument=spot(min_notional=D(95)), quote=quote("94.99"))
    assert answer.reason is Reason.BELOW_MIN_NOTIONAL


# --- what it costs at worst -----------------------------------------------------------------------


@pytest.mark.rule("POOL-5")
def test_the_worst_notional_holds_the_takers_fee() -> None:
    whole = sum((leg.price * leg.quantity for leg in plan().legs), D(0))
    assert plan().notional == whole
    fees = FeeSettings(maker_percent=D(0), taker_percent=D("0.1"), paid_in=FeePaidIn.QUOTE)
    assert plan(fees=fees).notional == whole * D("1.001")


@pytest.mark.rule("POOL-5", "EXIT-4")
def test_the_worst_notional_of_a_market_entry_holds_its_slippage_bound() -> None:
    one = strategy(entry_order=EntryOrder.MARKET, levels=levels(("0", "100", "1")))
    made = plan(one, quote=quote("101", spread="2"), max_slippage_percent=D(1))
    assert made.legs[0].quantity == 10
    assert made.notional == 10 * D(102) * D("1.01")


@pytest.mark.rule("POOL-5")
def test_a_limit_sell_that_takes_at_once_brings_the_better_price() -> None:
    one = strategy(levels=levels(("0", "100", "1")))
    made = plan(one, side=Side.SHORT, instrument=swap(), quote=quote("110"))
    assert made.notional == 10 * D(110)


# --- too small, too large -------------------------------------------------------------------------


# 100 of capital: 60, 20, 12 and 8 of quote against a least notional of 15.
UNEVEN = levels(("0", "60", "1"), ("1", "20", "1"), ("2", "12", "1"), ("3", "8", "1"))
FIFTEEN = spot(min_notional=D(15))


@pytest.mark.rule("PRC-3", "POOL-5")
def test_reject_lists_every_failing_leg() -> None:
    answer = refused(strategy("100", levels=UNEVEN), instrument=FIFTEEN)
    assert answer.reason is Reason.BELOW_MIN_NOTIONAL
    assert [(leg.index, leg.reason) for leg in answer.legs] == [
        (2, Reason.BELOW_MIN_NOTIONAL),
        (3, Reason.BELOW_MIN_NOTIONAL),
    ]
    assert answer.detail == (
        "leg 2 at 98: value 11.956 is below the minimum 15; leg 3 at 97: value 7.954 is below the minimum 15"
    )


@pytest.mark.rule("PRC-3")
def test_skip_leaves_the_small_legs_out() -> None:
    made = plan(strategy("100", levels=UNEVEN), instrument=FIFTEEN, below_minimum=BelowMinimum.SKIP)
    assert [leg.index for leg in made.legs] == [0, 1]
    assert [leg.weight_percent for leg in made.legs] == [60, 20]
    assert len(made.notes) == 2
    assert made.notes[0].startswith("skipped: leg 2 at 98")


@pytest.mark.rule("PRC-3")
def test_merge_gives_the_small_legs_to_the_nearest_sendable_one() -> None:
    made = plan(strategy("100", levels=UNEVEN), instrument=FIFTEEN, below_minimum=BelowMinimum.MERGE)
    assert [(leg.index, leg.weight_percent) for leg in made.legs] == [(0, D(60)), (1, D(40))]
    assert rows(made) == [("100.00", "0.600"), ("99.00", "0.404")]
    assert made.notes == ("merged leg 2 into leg 1", "merged leg 3 into leg 1")


@pytest.mark.rule("PRC-3")
def test_of_two_equally_near_legs_the_shallower_takes_the_small_one() -> None:
    between = levels(("0", "45", "1"), ("1", "10", "1"), ("2", "45", "1"))
    made = plan(strategy("100", levels=between), instrument=FIFTEEN, below_minimum=BelowMinimum.MERGE)
    assert [(leg.index, leg.weight_percent) for leg in made.legs] == [(0, D(55)), (2, D(45))]


@pytest.mark.rule("PRC-3")
@pytest.mark.parametrize("decision", list(BelowMinimum))
def test_a_ladder_without_a_sendable_leg_is_refused_whatever_is_decided(decision: BelowMinimum) -> None:
    answer = refused(strategy("20"), instrument=FIFTEEN, below_minimum=decision)
    assert [leg.index for leg in answer.legs] == [0, 1, 2, 3, 4]


@pytest.mark.rule("PRC-3", "POOL-5")
@pytest.mark.parametrize("decision", list(BelowMinimum))
def test_a_leg_above_the_maximum_is_refused_whatever_is_decided(decision: BelowMinimum) -> None:
    answer = refused(instrument=spot(max_quantity=D("2.015")), below_minimum=decision)
    assert {leg.reason for leg in answer.legs} == {Reason.ABOVE_MAX_QUANTITY}
    assert [leg.index for leg in answer.legs] == [2, 3, 4]
    assert "above the maximum 2.015" in answer.detail


@pytest.mark.rule("PRC-3")
def test_a_merge_that_grows_a_leg_over_the_maximum_is_refused() -> None:
    tight = replace(FIFTEEN, max_quantity=D("0.6"))
    two = levels(("0", "55", "1"), ("1", "10", "1"), ("5", "35", "1"))
    answer = refused(strategy("100", levels=two), instrument=tight, below_minimum=BelowMinimum.MERGE)
    assert answer.reason is Reason.ABOVE_MAX_QUANTITY


@pytest.mark.rule("DCA-2", "POOL-5")
def test_a_leg_priced_at_nothing_is_refused() -> None:
    deep = strategy(levels=levels(("0", "50", "1"), ("99.995", "50", "1")))
    answer = refused(deep, below_minimum=BelowMinimum.SKIP)
    assert [(leg.index, leg.reason) for leg in answer.legs] == [(1, Reason.BAD_PRICE)]


@pytest.mark.rule("POOL-5")
def test_an_instrument_that_is_not_traded_takes_no_ladder() -> None:
    assert refused(instrument=spot(active=False)).reason is Reason.INSTRUMENT_INACTIVE


# --- sellable after fees --------------------------------------------------------------------------


@pytest.mark.rule("PRC-5", "POOL-5")
def test_a_leg_whose_fee_in_base_leaves_too_little_to_sell_is_refused() -> None:
    """One step is bought, the fee takes a part of it, and less than a step is left."""
    one = strategy("10", levels=levels(("0", "100", "1")))
    coarse = spot(step_size=D("0.1"), min_quantity=D("0.1"))
    assert rows(plan(one, instrument=coarse)) == [("100.00", "0.1")]
    answer = refused(one, instrument=coarse, fees=BASE_FEES)
    assert answer.reason is Reason.UNSELLABLE_AFTER_FEES
    in_quote = replace(BASE_FEES, paid_in=FeePaidIn.QUOTE)
    assert rows(plan(one, instrument=coarse, fees=in_quote)) == [("100.00", "0.1")]
    assert rows(plan(one, instrument=replace(coarse, market=swap().market), fees=BASE_FEES)) == [("100.00", "0.1")]


@pytest.mark.rule("PRC-5", "POOL-5")
@pytest.mark.parametrize(("target", "sellable"), [("0.05", False), ("2", True)])
def test_what_is_left_after_the_fee_is_judged_at_the_target(target: str, sellable: bool) -> None:
    """5.00 of quote bought, 4.99 left: enough for a least notional of 5 only if the target is above it."""
    one = strategy("5", levels=levels(("0", "100", target)))
    made = planned(one, fees=BASE_FEES, instrument=spot(step_size=D("0.0001")))
    assert isinstance(made, LadderPlan) is sellable


@pytest.mark.rule("PRC-5", "POOL-5")
def test_the_higher_of_the_two_fees_counts_and_a_rebate_as_none() -> None:
    one = strategy("10", levels=levels(("0", "100", "1")))
    coarse = spot(step_size=D("0.1"), min_quantity=D("0.1"))
    rebate = replace(BASE_FEES, maker_percent=D("-0.1"), taker_percent=D("-0.1"))
    assert rows(plan(one, instrument=coarse, fees=rebate)) == [("100.00", "0.1")]
    assert plan(one, instrument=coarse, fees=rebate).notional == 10
    for dear in (replace(rebate, maker_percent=D("0.1")), replace(rebate, taker_percent=D("0.1"))):
        assert refused(one, instrument=coarse, fees=dear).reason is Reason.UNSELLABLE_AFTER_FEES


@pytest.mark.rule("PRC-5", "POOL-5")
def test_in_the_aggregate_modes_the_aggregate_target_counts() -> None:
    one = strategy("5", levels=levels(("0", "100", "0.05")), tp_mode=TpMode.AGGREGATE, tp_percent=D(2))
    fine = spot(step_size=D("0.0001"))
    assert isinstance(planned(one, fees=BASE_FEES, instrument=fine), LadderPlan)
    low = replace(one, tp_percent=D("0.05"))
    assert refused(low, fees=BASE_FEES, instrument=fine).reason is Reason.UNSELLABLE_AFTER_FEES


# --- what only waits ------------------------------------------------------------------------------


@pytest.mark.rule("PRC-1", "POOL-5")
def test_legs_outside_the_price_band_stay_in_the_plan_and_are_noted() -> None:
    made = plan(instrument=spot(band_down=D("0.985"), band_up=D(2)))
    assert len(made.legs) == 5
    assert made.notes == ("waits: leg 4 at 98 is outside the price band",)


@pytest.mark.rule("PRC-1", "POOL-5")
def test_a_ladder_all_of_whose_legs_are_outside_the_band_is_refused() -> None:
    answer = refused(quote=quote("1000"), instrument=spot(band_down=D("0.5")))
    assert answer.reason is Reason.OUTSIDE_PRICE_BAND
    assert len(answer.legs) == 5


@pytest.mark.rule("PRC-1")
def test_a_market_leg_knows_no_band_and_without_a_mark_nobody_does() -> None:
    narrow = spot(band_down=D("0.5"))
    at_market = plan(strategy(entry_order=EntryOrder.MARKET), quote=quote("1000"), instrument=narrow)
    assert len(at_market.legs) == 5
    assert plan(quote=None, instrument=narrow).notes == ()


@pytest.mark.rule("PRC-1", "POOL-5")
@pytest.mark.parametrize(("left", "waits"), [(None, False), (5, False), (4, True), (0, True)])
def test_legs_over_the_open_order_count_wait_and_are_noted(left: int | None, waits: bool) -> None:
    made = plan(max_open_orders_left=left)
    assert len(made.legs) == 5
    assert bool(made.notes) is waits


@pytest.mark.rule("PRC-1", "POOL-5")
def test_a_leg_that_waits_for_the_band_takes_no_place_among_the_open_orders() -> None:
    made = plan(instrument=spot(band_down=D("0.985")), max_open_orders_left=4)
    assert made.notes == ("waits: leg 4 at 98 is outside the price band",)


# --- expected profit ------------------------------------------------------------------------------


@pytest.mark.rule("QUE-7")
def test_the_expected_profit_of_a_short_is_positive_too() -> None:
    one = strategy(levels=levels(("0", "100", "1")))
    made = plan(one, side=Side.SHORT, instrument=swap())
    assert ladder.expected_profit(made, one, Side.SHORT, swap()) == 10


@pytest.mark.rule("QUE-7")
def test_the_expected_profit_of_the_aggregate_modes_counts_from_the_average() -> None:
    two = strategy(levels=levels(("0", "50", "9"), ("2", "50", "9")), tp_percent=D(1), tp_by_pyramid={1: D(2)})
    made = plan(two)
    cost = sum((leg.price * leg.quantity for leg in made.legs), D(0))
    quantity = sum((leg.quantity for leg in made.legs), D(0))
    for mode, index, factor in ((TpMode.AGGREGATE, 0, "1.01"), (TpMode.PYRAMID_AGGREGATE, 1, "1.02")):
        target = precision.target_price(Side.LONG, cost / quantity * D(factor), spot())
        settings = replace(two, tp_mode=mode)
        expected = target * quantity - cost
        assert ladder.expected_profit(made, settings, Side.LONG, spot(), index=index) == expected
        assert expected > 0


# --- what always holds ----------------------------------------------------------------------------


@st.composite
def ladders(draw: st.DrawFn) -> tuple[LegSettings, ...]:
    count = draw(st.integers(1, 10))
    cuts = sorted(draw(st.lists(st.integers(1, 99), min_size=count - 1, max_size=count - 1, unique=True)))
    weights = [high - low for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]
    gaps = sorted(draw(st.lists(st.decimals(0, 60, places=2), min_size=count, max_size=count)))
    return tuple(
        LegSettings(gap_percent=gap, weight_percent=Decimal(weight), tp_percent=D(1))
        for gap, weight in zip(gaps, weights, strict=True)
    )


@pytest.mark.rule("DCA-1", "DCA-2", "DCA-3", "PRC-2", "PRC-3", "PRC-7")
@given(
    legs=ladders(),
    side=st.sampled_from(Side),
    entry=st.decimals("0.5", 100_000, places=4),
    capital=st.decimals(1, 100_000, places=2),
    decision=st.sampled_from(BelowMinimum),
    fees=st.sampled_from([FREE, BASE_FEES]),
)
def test_every_plan_can_be_sent_and_takes_no_more_than_its_capital(
    legs: tuple[LegSettings, ...],
    side: Side,
    entry: Decimal,
    capital: Decimal,
    decision: BelowMinimum,
    fees: FeeSettings,
) -> None:
    instrument = swap() if side is Side.SHORT else spot()
    made = planned(
        strategy(str(capital), levels=legs),
        side=side,
        instrument=instrument,
        entry_price=entry,
        quote=None,
        below_minimum=decision,
        fees=fees,
    )
    if isinstance(made, PlanRefused):
        assert made.detail
        return
    gaps = {number: leg.gap_percent for number, leg in enumerate(legs)}
    for leg in made.legs:
        assert precision.refusal(leg.quantity, leg.price, instrument) is None
        assert leg.price % instrument.tick_size == leg.quantity % instrument.step_size == 0
        exact = entry * (1 - side.sign * gaps[leg.index] / 100)
        assert 0 <= side.sign * (exact - leg.price) < instrument.tick_size
        assert leg.price * leg.quantity <= capital * leg.weight_percent / 100
    weights = sum((leg.weight_percent for leg in made.legs), D(0))
    assert weights == 100 if decision is not BelowMinimum.SKIP else weights <= 100
    whole = sum((leg.price * leg.quantity for leg in made.legs), D(0))
    assert whole <= capital
    assert made.notional == whole * (1 + fees.taker_percent / 100)
