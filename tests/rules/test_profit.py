"""Lots, averages and profit; the books balance to the last decimal."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import profit
from actors.rules.choices import World
from actors.rules.model import Group, GroupState, Leg, Lot, Pyramid, Quote, Side
from actors.rules.settings import StrategySettings
from tests.rules.builders import NOW_MS, D, key, quote, spot, swap, trade


def lot(quantity: str, cost: str) -> Lot:
    return Lot(quantity=D(quantity), cost=D(cost))


def group(side: Side, *lots: Lot, loose: Lot | None = None, contract_size: str = "1") -> Group:
    leg = {"pyramid": 0, "gap_percent": D(0), "weight_percent": D(20), "tp_percent": D(1), "price": D(1)}
    legs = tuple(Leg(index=index, quantity=one.quantity, lot=one, **leg) for index, one in enumerate(lots))  # type: ignore[arg-type]
    pyramid = Pyramid(index=0, signal_id="s", entry_price=D(1), capital=D(1), legs=legs, create_time_ms=NOW_MS)
    return Group(
        group_id="g",
        world=World.PAPER,
        key=key(),
        side=side,
        state=GroupState.ACTIVE,
        instrument=swap(contract_size=D(contract_size)),
        settings=StrategySettings(),
        slot_token="t",
        forced=False,
        signal_id="s",
        opened_stamp_ms=NOW_MS,
        create_time_ms=NOW_MS,
        update_time_ms=NOW_MS,
        pyramids=(pyramid,),
        loose=loose or Lot(),
    )


@pytest.mark.rule("PNL-1", "PRC-5")
def test_a_fee_in_base_reduces_what_is_held_and_is_realised_at_once() -> None:
    built = profit.build(Lot(), trade("2", "100", "0.002", "BTC", "0.2"), spot())
    assert built == profit.Built(lot=lot("1.998", "199.8"), realized=D("-0.2"), fee=D("0.2"))
    assert profit.average_entry([built.lot], D(1)) == 100


@pytest.mark.rule("PNL-1")
@pytest.mark.parametrize(("asset", "fee", "value"), [("USDT", "0.2", "0.2"), ("BNB", "0.0003", "0.19")])
def test_a_fee_in_another_asset_leaves_the_lot_whole(asset: str, fee: str, value: str) -> None:
    built = profit.build(lot("1", "90"), trade("2", "100", fee, asset, value), spot())
    assert built == profit.Built(lot=lot("3", "290"), realized=-D(value), fee=D(value))


@pytest.mark.rule("PNL-1")
def test_a_fee_in_base_on_a_swap_does_not_touch_the_position() -> None:
    built = profit.build(Lot(), trade("2", "100", "0.002", "BTC", "0.25"), swap())
    assert built == profit.Built(lot=lot("2", "200"), realized=D("-0.25"), fee=D("0.25"))


@pytest.mark.rule("PNL-1")
def test_a_rebate_in_base_adds_to_what_is_held() -> None:
    built = profit.build(Lot(), trade("2", "100", "-0.002", "BTC", "-0.2"), spot())
    assert built == profit.Built(lot=lot("2.002", "200.2"), realized=D("0.2"), fee=D("-0.2"))


@pytest.mark.rule("PNL-1")
def test_the_contract_size_is_part_of_the_cost_and_not_of_the_average() -> None:
    built = profit.build(Lot(), trade("3", "200"), swap(contract_size=D("0.01")))
    assert built.lot == lot("3", "6")
    assert profit.average_entry([built.lot], D("0.01")) == 200


@pytest.mark.rule("PNL-1")
def test_cost_moves_by_average_rounded_to_18_places_and_the_remainder_stays() -> None:
    taken = profit.take(lot("3", "100"), D(1))
    assert taken.cost == D("33.333333333333333333")
    assert taken.lot == lot("2", "66.666666666666666667")
    assert profit.take(taken.lot, D(2)) == profit.Taken(lot=Lot(), cost=taken.lot.cost)


@pytest.mark.rule("TP-7")
@pytest.mark.parametrize("quantity", ["3.001", "-1"])
def test_more_than_there_is_cannot_be_taken(quantity: str) -> None:
    with pytest.raises(ValueError, match="cannot take"):
        profit.take(lot("3", "100"), D(quantity))


@pytest.mark.rule("PNL-1")
@given(
    cost=st.decimals(min_value=0, max_value=10**9, places=18),
    parts=st.lists(st.decimals(min_value="0.00000001", max_value=1000, places=8), min_size=1, max_size=8),
)
def test_taking_a_lot_in_parts_gives_its_whole_cost(cost: Decimal, parts: list[Decimal]) -> None:
    rest, moved = Lot(quantity=sum(parts, D(0)), cost=cost), D(0)
    for part in parts:
        taken = profit.take(rest, part)
        assert taken.cost >= 0
        rest, moved = taken.lot, moved + taken.cost
    assert rest == Lot()
    assert moved == cost


@pytest.mark.rule("PNL-1")
def test_a_long_gains_when_it_sells_higher_and_a_short_when_it_buys_back_lower() -> None:
    assert profit.realized(Side.LONG, proceeds=D(110), cost=D(100)) == 10
    assert profit.realized(Side.SHORT, proceeds=D(110), cost=D(100)) == -10


class Fill(NamedTuple):
    is_buy: bool
    quantity: Decimal
    price: Decimal
    fee_percent: Decimal


fills = st.builds(
    Fill,
    st.booleans(),
    st.decimals(min_value="0.00000001", max_value=1000, places=8),
    st.decimals(min_value="0.00000001", max_value=100_000, places=8),
    st.decimals(min_value=0, max_value=2, places=3),
)


@pytest.mark.rule("PNL-2", "PRC-5")
@given(st.lists(fills, max_size=25), st.booleans())
def test_change_of_quote_is_realised_less_the_cost_of_what_is_held(sequence: list[Fill], fee_in_base: bool) -> None:
    """Buys pay their fee in base or quote, sells in quote; sales are of whatever part is held."""
    instrument, held, quote_change, realized = spot(), Lot(), D(0), D(0)
    for fill in sequence:
        quantity = fill.quantity if fill.is_buy else min(fill.quantity, held.quantity)
        value = quantity * fill.price
        if fill.is_buy:
            fee = (quantity if fee_in_base else value) * fill.fee_percent / 100
            asset = "BTC" if fee_in_base else "USDT"
            built = profit.build(held, trade(str(quantity), str(fill.price), str(fee), asset), instrument)
            held, realized = built.lot, realized + built.realized
            quote_change -= value if fee_in_base else value + fee
        elif quantity:
            fee = value * fill.fee_percent / 100
            taken = profit.take(held, quantity)
            held, realized = taken.lot, realized + profit.realized(Side.LONG, value, taken.cost) - fee
            quote_change += value - fee
        assert quote_change == realized - held.cost


@pytest.mark.rule("PNL-1", "PRC-5")
def test_a_sale_that_pays_its_fee_in_the_coin_itself_keeps_the_books_exact() -> None:
    sale = trade("1", "120", "0.001", "BTC", "0.12")
    assert profit.base_fee(sale, spot()) == D("0.001")
    assert profit.fee_in_quote(sale, spot()) == D("0.12")
    taken = profit.take(lot("2", "200"), sale.quantity + profit.base_fee(sale, spot()))
    realized = profit.realized(Side.LONG, D(120), taken.cost)
    assert realized - taken.lot.cost == D(120) - D(200)


@pytest.mark.rule("PNL-1")
def test_unrealised_profit_is_at_the_mid_and_in_per_cent_of_invested() -> None:
    long = group(Side.LONG, lot("2", "200"), lot("1", "95"), loose=lot("1", "105"))
    at = Quote(bid=D(109), ask=D(111), time_ms=NOW_MS)
    assert (profit.held(long), profit.invested(long)) == (D(4), D(400))
    assert profit.unrealized(long, at) == 40
    assert profit.unrealized_percent(long, at) == 10
    short = group(Side.SHORT, lot("2", "200"), lot("1", "95"), loose=lot("1", "105"))
    assert profit.unrealized(short, at) == -40


@pytest.mark.rule("PNL-1")
def test_unrealised_profit_counts_the_contract_size() -> None:
    held = group(Side.SHORT, lot("10", "100"), contract_size="0.1")
    assert profit.unrealized(held, quote("90")) == 10


@pytest.mark.rule("PNL-1", "ORD-10")
def test_without_a_usable_price_there_is_no_unrealised_profit() -> None:
    held = group(Side.LONG, lot("1", "100"))
    assert profit.unrealized(held, None) is None
    assert profit.unrealized(held, quote("0")) is None
    assert profit.unrealized_percent(held, None) is None


def test_nothing_held_has_no_average_and_no_percentage() -> None:
    empty = group(Side.LONG)
    assert profit.average_entry(profit.lots(empty), D(1)) is None
    assert profit.unrealized(empty, quote("100")) == 0
    assert profit.unrealized_percent(empty, quote("100")) is None
