"""What each leg gives to a cut, how much can be cut, and how much a reduce signal means (EXIT-6)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import cutting, precision
from actors.rules.choices import TpMode
from actors.rules.model import Group, Instrument, Reason, Refused, Side, Signal, SizeType
from actors.rules.position_exit import least_sendable
from actors.rules.reducing import percent_quantity, reduce_quantity
from actors.rules.settings import FeeSettings
from tests.rules.builders import D, signal, spot, swap
from tests.rules.venue import TWO, WORKED, Story, ladder

FEES = FeeSettings()


def filled(*rows: Any, pyramids: int = 1, **changes: Any) -> Group:
    """A group all of whose entries have filled at their prices."""
    side = changes.get("side", Side.LONG)
    instrument = changes.get("instrument") or spot()
    story = Story(ladder(*(rows or WORKED), side=side, instrument=instrument), **changes)
    for number in range(1, pyramids):
        story.pyramid(ladder(*(rows or WORKED), side=side, instrument=instrument, entry="98"), f"signal-{number + 1}")
    for order in list(story.group.orders.values()):
        story.fill(order.client_order_id)
    return story.group


def parts(group: Group, quantity: str) -> list[tuple[int, int, str]]:
    return [(part.pyramid, part.leg, str(part.quantity)) for part in cutting.parts_of(group, D(quantity), FEES)]


@pytest.mark.rule("EXIT-6", "RISK-8")
def test_a_cut_takes_from_the_leg_with_the_farthest_target_inward() -> None:
    """Targets of the worked ladder: 101.00, 100.00, 100.98, 99.98, 98.98."""
    group = filled()
    assert parts(group, "1.5") == [(0, 0, "1.5")]
    assert parts(group, "3") == [(0, 0, "2.000"), (0, 2, "1.000")]
    assert parts(group, "10.1") == [
        *((0, 0, "2.000"), (0, 2, "2.020"), (0, 1, "2.010"), (0, 3, "2.030"), (0, 4, "2.040")),
    ]


@pytest.mark.rule("EXIT-6")
def test_for_a_short_the_farthest_target_is_the_lowest() -> None:
    group = filled(side=Side.SHORT, instrument=swap())
    found = [(leg.index, str(price)) for leg, price in cutting.farthest_first(group, FEES)]
    assert found == [(2, "98.98"), (0, "99.00"), (3, "99.97"), (1, "99.99"), (4, "100.98")]
    assert parts(group, "1") == [(0, 2, "1")]


@pytest.mark.rule("EXIT-6")
def test_of_two_pyramids_the_one_whose_target_is_farther_gives_first() -> None:
    group = filled(*TWO, pyramids=2, tp_mode=TpMode.PYRAMID_AGGREGATE)
    assert {pyramid for pyramid, _, _ in parts(group, "6")} == {0}
    assert parts(group, "11")[-1][0] == 1


@pytest.mark.rule("EXIT-6")
def test_under_one_target_legs_give_in_the_order_of_the_targets_they_would_have() -> None:
    group = filled(tp_mode=TpMode.AGGREGATE)
    assert parts(group, "3") == [(0, 0, "2.000"), (0, 2, "1.000")]


@pytest.mark.rule("EXIT-6", "RISK-8")
def test_no_leg_is_left_with_less_than_can_be_sold() -> None:
    """5 at 101 is 0.050; without the rule leg 0 would keep 0.030."""
    assert parts(filled(), "1.97") == [(0, 0, "1.950"), (0, 2, "0.020")]


def test_where_no_leg_can_be_left_whole_the_cut_is_made_all_the_same() -> None:
    group = filled(("0", "100", "1"), instrument=spot(min_notional=D(600)))
    assert parts(group, "9") == [(0, 0, "9.000")]


def test_what_is_loose_goes_with_the_last_part() -> None:
    group = filled(*TWO, fee_percent="0.037")
    everything = precision.round_quantity(cutting.held(group), group.instrument)
    taken = cutting.parts_of(group, everything, FEES)
    assert sum(part.quantity for part in taken) == everything
    lots = {leg.index: leg.lot.quantity for leg in group.legs()}
    assert taken[0].quantity <= lots[taken[0].leg]
    assert taken[-1].quantity > lots[taken[-1].leg] - group.instrument.step_size


@given(
    data=st.data(),
    mode=st.sampled_from(TpMode),
    side=st.sampled_from(Side),
    fee=st.sampled_from(["0", "0.1", "0.37"]),
    least=st.sampled_from(["5", "40", "150"]),
)
def test_parts_are_on_the_step_sum_to_the_cut_and_never_exceed_a_leg(
    data: st.DataObject, mode: TpMode, side: Side, fee: str, least: str
) -> None:
    instrument = (spot if side is Side.LONG else swap)(min_notional=D(least))
    group = filled(tp_mode=mode, side=side, fee_percent=fee, instrument=instrument)
    held = precision.round_quantity(cutting.held(group), instrument)
    steps = int(held / instrument.step_size)
    quantity = data.draw(st.integers(1, steps)) * instrument.step_size
    taken = cutting.parts_of(group, quantity, FEES)
    assert sum(part.quantity for part in taken) == quantity
    lots = {(leg.pyramid, leg.index): leg.lot.quantity for leg in group.legs()}
    for part in taken[:-1]:
        assert part.quantity <= lots[part.pyramid, part.leg]
    assert all(part.quantity > 0 and part.quantity % instrument.step_size == 0 for part in taken)
    assert len({(part.pyramid, part.leg) for part in taken}) == len(taken)


# --- how much can be cut --------------------------------------------------------------------------


@pytest.mark.rule("EXIT-6", "RISK-6")
@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("5", "5"),
        ("5.0009", "5.000"),
        ("0.04", "0"),  # Less than the exchange takes: 4 of at least 5.
        ("10.05", "10.050"),  # What stays is worth 5.
        ("10.06", "10.100"),  # What stays is worth 4: it goes along.
        ("99", "10.100"),
    ],
)
def test_a_cut_is_sendable_and_leaves_nothing_that_could_not_be_sold(asked: str, got: str) -> None:
    assert cutting.cuttable(filled(), D(asked), D(100)) == D(got)


def test_without_a_price_only_quantities_are_judged() -> None:
    assert cutting.cuttable(filled(), D("0.04"), None) == D("0.04")


@given(steps=st.integers(1, 12000), price=st.sampled_from(["1", "80", "100", "5000"]))
def test_a_cut_and_its_rest_are_both_sendable_or_nothing(steps: int, price: str) -> None:
    group = filled()
    quantity = cutting.cuttable(group, D(steps) / 1000, D(price))
    rest = cutting.held(group) - quantity
    least = least_sendable(D(price), group.instrument, market=False)
    assert quantity == 0 or quantity >= least
    assert rest == 0 or rest >= least or quantity == 0


# --- what a reduce signal means -------------------------------------------------------------------


def reduced(held: str = "10", instrument: Instrument | None = None, price: str | None = "100", **sent: Any) -> Any:
    changes: dict[str, Any] = {name: D(value) if type(value) is str else value for name, value in sent.items()}
    asked: Signal = signal(**changes)
    return reduce_quantity(asked, D(held), instrument or spot(), None if price is None else D(price))


@pytest.mark.rule("EXIT-6")
@pytest.mark.parametrize(
    ("sent", "quantity"),
    [
        ({"order_size": "1", "prev_market_position_size": "4"}, "2.5"),
        ({"order_size": "1", "prev_market_position_size": "4", "market_position_size": "9"}, "2.5"),
        ({"order_size": "1", "market_position_size": "3"}, "2.5"),
        ({"order_size": "1", "prev_market_position_size": "0", "market_position_size": "3"}, "2.5"),
        ({"order_size": "1", "prev_market_position_size": "3"}, "3.333"),
        ({"prev_market_position_size": "10", "market_position_size": "3"}, "7"),
        ({"prev_market_position_size": "-4", "market_position_size": "-3"}, "2.5"),
        ({"order_size": "1", "prev_market_position_size": "-4"}, "2.5"),
        ({"order_size": "9", "prev_market_position_size": "4"}, "10"),
        ({"order_size": "4", "market_position_size": "0"}, "10"),
        ({"order_size": "2.5", "size_type": SizeType.BASE}, "2.5"),
        ({"order_size": "25", "size_type": SizeType.BASE}, "10"),
        ({"order_size": "250", "size_type": SizeType.QUOTE}, "2.5"),
    ],
)
def test_a_reduce_signal_closes_its_share_of_what_is_held(sent: dict[str, Any], quantity: str) -> None:
    assert reduced(**sent) == D(quantity)


@pytest.mark.rule("EXIT-6")
@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ({}, Reason.SIZE_MISSING),
        ({"order_size": "0", "prev_market_position_size": "4"}, Reason.SIZE_MISSING),
        ({"prev_market_position_size": "3", "market_position_size": "4"}, Reason.SIZE_MISSING),
        ({"prev_market_position_size": "3"}, Reason.SIZE_MISSING),
        ({"order_size": "1"}, Reason.SIZE_MISSING),
        ({"order_size": "1", "size_type": SizeType.QUOTE, "price": None}, Reason.PRICE_MISSING),
        ({"order_size": "0.0001", "size_type": SizeType.BASE}, Reason.BELOW_MIN_QUANTITY),
        ({"order_size": "1", "size_type": SizeType.BASE, "held": "0"}, Reason.NOTHING_TO_REDUCE),
    ],
)
def test_a_reduce_that_cannot_be_read_as_a_share_is_refused(sent: dict[str, Any], reason: Reason) -> None:
    refused = reduced(**sent)
    assert isinstance(refused, Refused)
    assert refused.reason is reason


@pytest.mark.rule("EXIT-6")
def test_amounts_of_base_and_quote_become_contracts_on_a_swap() -> None:
    contracts = swap(contract_size=D("0.01"), step_size=D(1))
    assert reduced("1000", contracts, order_size="2.5", size_type=SizeType.BASE) == D(250)
    assert reduced("1000", contracts, order_size="250", size_type=SizeType.QUOTE) == D(250)


@pytest.mark.parametrize(("percent", "quantity"), [("50", "0.5"), ("100", "1.001"), ("0.01", "0"), ("33.3", "0.333")])
def test_a_share_in_percent_goes_down_to_the_step(percent: str, quantity: str) -> None:
    assert percent_quantity(D(percent), D("1.001"), spot()) == Decimal(quantity)
