"""Worked averaging and ladder arithmetic that other bots publish, as far as it means the same here.

Left out, because the words differ: ladders whose steps count from the previous order (`anchor: previous`), ladders
that add above a long's entry (`tendency`), and relative profits of everything invested so far.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from actors.rules import ladder, precision, profit
from actors.rules.choices import BelowMinimum, FeePaidIn
from actors.rules.model import LadderPlan, Lot, Side
from actors.rules.settings import FeeSettings, LegSettings
from tests.rules.builders import DATA, D, needs_data, signal, spot, strategy, swap, trade

pytestmark = needs_data
NO_FEES = FeeSettings(maker_percent=D(0), taker_percent=D(0), paid_in=FeePaidIn.QUOTE)


def case(name: str) -> Any:
    text = (DATA / "examples" / "averaging.json").read_text()
    return next(found for found in json.loads(text, parse_float=Decimal, parse_int=Decimal) if found["id"] == name)


def traded(orders: list[tuple[str, Decimal, Decimal]], fee_rate: Decimal) -> list[tuple[Lot, Decimal]]:
    """The lot and the realised profit after each (side, amount, price), fees in quote."""
    lot, realized, after = Lot(), D(0), []
    for side, amount, price in orders:
        fee = amount * price * fee_rate
        if side == "buy":
            built = profit.build(lot, trade(str(amount), str(price), str(fee)), spot())
            lot, realized = built.lot, realized + built.realized
        else:
            taken = profit.take(lot, amount)
            lot, realized = taken.lot, realized + profit.realized(Side.LONG, amount * price, taken.cost) - fee
        after.append((lot, realized))
    return after


@pytest.mark.rule("PNL-1")
def test_exits_do_not_move_the_average_and_profit_adds_up() -> None:
    given = case("ft_dca_1")
    orders = [(one["side"], one["amount"], one["price"]) for one in given["inputs"]["orders"]]
    steps = traded(orders, D(0))
    for (lot, realized), expected in zip(steps, given["expected"]["after_each"], strict=True):
        assert realized == expected["cum_profit"]
        if lot.quantity:
            assert lot.quantity == expected["amount"]
            assert profit.average_entry([lot], D(1)) == expected["avg_entry"]
    assert steps[-1] == (Lot(), given["expected"]["end_profit"])


@pytest.mark.rule("PNL-1")
def test_with_fees_the_averages_and_the_end_are_the_same() -> None:
    """In between they differ: there the entry's fee counts when it is sold, here when it is paid."""
    given = case("ft_dca_2")
    orders = [(one["side"], one["amount"], one["price"]) for one in given["inputs"]["orders"]]
    steps = traded(orders, given["inputs"]["fee_rate"])
    averages = [profit.average_entry([lot], D(1)) for lot, _ in steps[:-1]]
    assert averages == [expected["avg_entry"] for expected in given["expected"]["after_each"][:-1]]
    assert steps[-1] == (Lot(), given["expected"]["end_profit"])


@pytest.mark.rule("PNL-1")
def test_buying_on_after_an_exit_averages_with_what_is_left() -> None:
    given = case("ft_docs")
    steps = traded([tuple(one) for one in given["inputs"]["orders"]], D(0))
    assert [realized for _, realized in steps] == given["expected"]["realized_cum"]
    averages = [profit.average_entry([lot], D(1)) for lot, _ in steps]
    assert averages == [*given["expected"]["avg_after"][:-1], None]


@pytest.mark.rule("DCA-2", "DCA-3", "PNL-1")
def test_a_published_ladder_has_the_same_prices_and_averages() -> None:
    given = case("ladder_tcc")
    table, inputs = given["expected"], given["inputs"]
    total, deviation, step = D(0), D(0), inputs["deviation_pct"]
    sizes, gaps = [inputs["base_order"]], [D(0)]
    for number in range(int(inputs["max_so"])):
        sizes.append(inputs["safety_order"] * inputs["size_multiplier"] ** number)
        deviation, step = deviation + step, step * inputs["step_multiplier"]
        gaps.append(deviation)
    capital = sum(sizes, D(0))
    levels = tuple(
        LegSettings(gap_percent=gap, weight_percent=size / capital * 100, tp_percent=D(1))
        for gap, size in zip(gaps, sizes, strict=True)
    )
    made = ladder.plan(
        side=Side.LONG,
        index=0,
        signal=signal(),
        settings=strategy(str(capital), levels=levels),
        instrument=spot(tick_size=D("0.00000001"), step_size=D("0.00000001")),
        quote=None,
        entry_price=inputs["start_price"],
        below_minimum=BelowMinimum.REJECT,
        fees=NO_FEES,
        max_slippage_percent=D(1),
    )
    assert isinstance(made, LadderPlan)
    lot = Lot()
    for leg, expected in zip(made.legs, table, strict=True):
        lot = profit.build(lot, trade(str(leg.quantity), str(leg.price)), spot()).lot
        total += leg.quantity * leg.price
        average = profit.average_entry([lot], D(1))
        assert average is not None
        assert abs(leg.price - expected["price"]) <= D("0.01")
        assert abs(average - expected["avg_entry"]) <= D("0.01")
        assert abs(total - expected["total"]) <= D("0.01")


@pytest.mark.rule("DCA-2")
def test_gaps_that_count_from_the_base_price_give_the_published_prices() -> None:
    given = case("hxr_1")
    base, step = given["inputs"]["base_price"], given["inputs"]["pct"]
    prices = [precision.entry_price(Side.LONG, base * (1 - step * number / 100), spot()) for number in (1, 2)]
    assert prices == given["expected"]["so_prices"]


@pytest.mark.rule("TP-1", "TP-3", "PRC-2")
@pytest.mark.parametrize(("name", "side"), [("sage_long", Side.LONG), ("sage_short", Side.SHORT)])
def test_an_aggregate_target_counts_from_the_average(name: str, side: Side) -> None:
    given = case(name)
    lot = Lot()
    for price in (given["inputs"]["base"], *given["inputs"]["extra"]):
        lot = profit.build(lot, trade("1", str(price)), swap()).lot
    average = profit.average_entry([lot], D(1))
    assert average == given["inputs"]["avg"]
    expected = {**given["expected"], **given.get("recomputed", {})}["tp_from_avg"]
    assert precision.target_price(side, average * (1 + side.sign * given["inputs"]["tp_pct"] / 100), swap()) == expected
