"""Within the bounds of `offset_needs` an evaluation says what it said before."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.rules.choices import Insufficient
from actors.rules.events import Direction
from actors.rules.model import Quote
from actors.rules.offset import evaluate
from actors.rules.offset_members import Member, deep_price, is_deep, worth_at
from actors.rules.offset_needs import PriceBound, while_insufficient
from actors.rules.settings import ExecutionSettings, FeeSettings, RiskSettings
from tests.rules import builders, offset_world

D = Decimal
NOW_MS = builders.NOW_MS
EXECUTION = ExecutionSettings()
SETTINGS = RiskSettings(loss_threshold_percent=D(-2), require_full_pyramids=False, post_full_wait_s=0)
NAMES = ("a00000000001", "b00000000002", "c00000000003")


def members(prices: list[Decimal], quantities: list[str]) -> list[Member]:
    """Groups that bought at 100, each on a market of its own whose bid is this."""
    found = []
    for number, (price, quantity) in enumerate(zip(prices, quantities, strict=True)):
        market = builders.spot(symbol=f"C{number}/USDT", base=f"C{number}", venue_symbol=f"C{number}USDT")
        group = offset_world.group(NAMES[number], [(quantity, "100")], market=market)
        group = replace(group, risk_timer_start_ms=NOW_MS - 1_000, risk_blocked=False)
        quote = Quote(bid=price, ask=price, time_ms=NOW_MS)
        found.append(Member(group=group, quote=quote, fees=FeeSettings()))
    return found


def said(found: list[Member], settings: RiskSettings = SETTINGS) -> list[tuple[str, object, bool]]:
    plans = evaluate(found, settings=settings, execution=EXECUTION, now_ms=NOW_MS, busy=frozenset())
    return [(plan.loser_group_id, plan.reason, plan.loser_quantity > 0) for plan in plans]


def bounds(found: list[Member], settings: RiskSettings = SETTINGS) -> list[PriceBound] | None:
    plans = evaluate(found, settings=settings, execution=EXECUTION, now_ms=NOW_MS, busy=frozenset())
    worths = [worth_at(member, member.quote) for member in found]
    deep = [worth for worth in worths if is_deep(worth, settings)]
    return while_insufficient(plans, deep, worths, settings, NOW_MS) if deep else None


def inside(bound: PriceBound, member: Member, price: Decimal) -> bool:
    if bound.group.group_id != member.group.group_id:
        return True
    return price > bound.price if bound.direction is Direction.AT_OR_BELOW else price < bound.price


cents = st.integers(8_000, 11_000).map(lambda number: D(number) / 100)
amounts = st.sampled_from(["1", "2", "7.5", "20"])


@pytest.mark.rule("RISK-6", "RISK-10")
@example(prices=[D(80), D("80.01"), D(100)], quantities=["1", "1", "1"], moves=[0, 0, 0])
@given(
    st.lists(cents, min_size=3, max_size=3),
    st.lists(amounts, min_size=3, max_size=3),
    st.lists(st.integers(-1_500, 1_500), min_size=3, max_size=3),
)
def test_prices_within_the_bounds_change_nothing_of_what_is_said(
    prices: list[Decimal], quantities: list[str], moves: list[int]
) -> None:
    before = members(prices, quantities)
    found = bounds(before)
    if found is None:
        return
    settled = [worth_at(member, member.quote) for member in before]
    later = [price + D(move) / 100 for price, move in zip(prices, moves, strict=True)]
    for bound in found:
        assert all(inside(bound, member, price) for member, price in zip(before, prices, strict=True)), bound
    for number, worth in enumerate(settled):
        if not is_deep(worth, SETTINGS):
            later[number] = max(later[number], deep_price(worth, SETTINGS) + D("0.01"))
    clipped = [
        price if all(inside(bound, member, price) for bound in found) else old
        for price, old, member in zip(later, prices, before, strict=True)
    ]
    assert said(members(clipped, quantities)) == said(before)


def test_a_loser_far_from_being_paid_for_leaves_room_for_prices_to_move() -> None:
    found = bounds(members([D(90), D(101), D(100)], ["20", "1", "1"]))
    assert found is not None
    mine = [bound for bound in found if bound.group.group_id == NAMES[0]]
    above = min(bound.price for bound in mine if bound.direction is Direction.AT_OR_ABOVE)
    assert D(92) < above < D(100)


def test_no_bounds_are_given_where_the_next_price_may_pay_for_it() -> None:
    almost = [D(90), D("109.99"), D(100)]
    assert said(members(almost, ["2", "2", "1"]))[0][2] is False
    assert bounds(members(almost, ["2", "2", "1"])) is None
    partial = replace(SETTINGS, insufficient=Insufficient.PARTIAL)
    assert bounds(members([D(90), D(101), D(100)], ["20", "1", "1"]), partial) is None
