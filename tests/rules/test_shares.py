"""What happened to a whole position, in parts that sum to it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules.shares import split_amount, split_quantity, split_trade
from tests.rules.builders import D, trade

quantities = st.decimals("0", "100000", places=8)
rooms = st.dictionaries(st.text("abcdef", min_size=1, max_size=3), quantities, max_size=6)
steps = st.sampled_from([D("0.00000001"), D("0.001"), D(1)])


@pytest.mark.rule("ORD-13")
@given(quantity=quantities, rooms=rooms, step=steps)
def test_shares_sum_exactly_to_what_is_split_or_to_all_there_is(
    quantity: Decimal, rooms: dict[str, Decimal], step: Decimal
) -> None:
    shares = split_quantity(quantity, rooms, step)
    assert sum(shares.values(), D(0)) == min(quantity, sum(rooms.values(), D(0)))
    assert all(0 < share <= rooms[name] for name, share in shares.items())


@pytest.mark.rule("ORD-13")
def test_shares_lie_on_the_step_and_the_largest_takes_the_remainder() -> None:
    assert split_quantity(D("1.001"), {"a": D(1), "b": D(2), "c": D(1)}, D("0.001")) == {
        "a": D("0.250"),
        "b": D("0.501"),
        "c": D("0.250"),
    }


@pytest.mark.rule("PNL-1")
@given(amount=st.decimals("-1000", "1000", places=12), weights=rooms)
def test_money_is_split_exactly_with_its_sign(amount: Decimal, weights: dict[str, Decimal]) -> None:
    shares = split_amount(amount, weights)
    assert sum(shares.values(), D(0)) == (amount if any(weights.values()) else 0)
    assert all(share * amount >= 0 for share in shares.values())


@pytest.mark.rule("ORD-13", "PNL-1")
@given(rooms=rooms, fee=st.decimals("-10", "10", places=10))
def test_the_fee_of_a_split_execution_goes_with_its_parts(rooms: dict[str, Decimal], fee: Decimal) -> None:
    total = sum(rooms.values(), D(0))
    whole = trade(str(total), "100", str(fee))
    parts = split_trade(whole, split_quantity(total, rooms, D("0.001")))
    assert sum((part.quantity for part in parts.values()), D(0)) == total
    assert sum((part.fee for part in parts.values()), D(0)) == (fee if parts else 0)
