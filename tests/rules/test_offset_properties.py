"""Offset plans of groups made up at random: what must hold of all of them, and an oracle that tries every step."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rules import cutting, precision, profit
from actors.rules.choices import Insufficient, SlippageAction, World
from actors.rules.model import Cut, CutPart, CutState, Group, GroupState, Lot, Quote, Reason, Side
from actors.rules.money import percent
from actors.rules.offset import LoserShare, Member, evaluate, is_executable, loser_share, plan, quote_class, take
from actors.rules.position_exit import least_sendable
from actors.rules.risk_model import OffsetPlan, OffsetWinner
from actors.rules.settings import ExecutionSettings, FeeSettings, RiskSettings
from tests.rules.builders import NOW_MS, D
from tests.rules.offset_world import EXECUTION, HOUR_MS, Held, group, instrument

CENT = D("0.01")


def decimals(low: str, high: str, step: str) -> st.SearchStrategy[Decimal]:
    least, most = int(D(low) / D(step)), int(D(high) / D(step))
    return st.integers(least, most).map(lambda number: number * D(step))


@st.composite
def groups(draw: st.DrawFn, name: str) -> Group:
    """Up to two pyramids of up to three legs around 100, with odd rests, minima, contract sizes."""
    market = instrument(
        f"{name}/{draw(st.sampled_from(['USDT', 'USDT', 'USDT', 'USDC']))}",
        step=draw(st.sampled_from(["1", "0.1"])),
        min_notional=draw(st.sampled_from([D(0), D(5), D(150)])),
        contract_size=draw(st.sampled_from([D(1), D(1), D("0.1")])),
        market_step_size=draw(st.sampled_from([None, None, D(1)])),
    )
    rests = decimals("0", "4.99", draw(st.sampled_from(["0.1", "0.01"])))
    legs = st.tuples(rests.map(str), decimals("90", "110", "0.5").map(str), st.sampled_from(["1", "5", "20"]))
    pyramids: list[list[Held]] = [
        list(each) for each in draw(st.lists(st.lists(legs, min_size=1, max_size=3), min_size=1, max_size=2))
    ]
    return group(
        name,
        *pyramids,
        market=market,
        side=draw(st.sampled_from([Side.LONG, Side.LONG, Side.SHORT])),
        loose=(str(draw(decimals("0", "0.5", "0.05"))), "100"),
        age_h=draw(st.integers(1, 3)),
    )


RUNNING = Cut(cut_id="c", reason=Reason.REDUCE_SIGNAL, quantity=D(1), create_time_ms=NOW_MS)
IN_THE_WAY: list[dict[str, Any]] = [
    {"risk_blocked": True},
    {"risk_skip": True},
    {"state": GroupState.CLOSING},
    {"hybrid_hit": True},
    {"cuts": (RUNNING,)},
    {"cuts": (replace(RUNNING, state=CutState.DONE),)},
    {"world": World.LIVE},
    {"risk_timer_start_ms": NOW_MS},
]


@st.composite
def priced(draw: st.DrawFn, name: str, percents: st.SearchStrategy[Decimal]) -> Member:
    """A group at a price that is so many per cent better for it than its average entry."""
    made = draw(groups(name))
    average = profit.average_entry(profit.lots(made), made.instrument.contract_size) or D(100)
    price = (average * (100 + made.side.sign * draw(percents)) / 100).quantize(CENT)
    fee = draw(st.sampled_from([D(0), D("0.1"), D(1)]))
    quote = Quote(bid=price, ask=price + draw(st.sampled_from([D(0), CENT])), time_ms=NOW_MS)
    return Member(group=made, quote=quote, fees=FeeSettings(maker_percent=D(0), taker_percent=fee))


@st.composite
def spoiled(draw: st.DrawFn, each: Member) -> Member:
    """Mostly as it is; else something stands in the way, or its price is stale or not there."""
    what = draw(st.integers(0, 39))
    if what < len(IN_THE_WAY):
        return replace(each, group=replace(each.group, **IN_THE_WAY[what]))
    if what == len(IN_THE_WAY):
        return replace(each, quote=None)
    if what == len(IN_THE_WAY) + 1 and each.quote is not None:
        return replace(each, quote=replace(each.quote, time_ms=NOW_MS - 60_000))
    return each


@st.composite
def members(draw: st.DrawFn) -> list[Member]:
    """One or two that lose and one to four that mostly win."""
    made = []
    for number in range(draw(st.integers(1, 2))):
        made.append(draw(spoiled(draw(priced(f"L{number}", decimals("-15", "-4", "0.5"))))))
    for number in range(draw(st.integers(1, 4))):
        made.append(draw(spoiled(draw(priced(f"W{number}", decimals("-2", "20", "0.5"))))))
    return made


settings_of_risk = st.builds(
    RiskSettings,
    loss_threshold_percent=st.sampled_from([D("-0.01"), D(-5)]),
    max_winners_to_combine=st.integers(1, 3),
    partial_close_enabled=st.sampled_from([True, True, True, False]),
    min_close_notional=st.sampled_from([D(0), D(20), D(300)]),
    insufficient=st.sampled_from(Insufficient),
    slippage_buffer_percent=st.sampled_from([D(0), D(0), D(1)]),
    equal_quotes=st.sampled_from([(), (("USDT", "USDC"),)]),
)
executions = st.sampled_from([EXECUTION, ExecutionSettings(slippage_action=SlippageAction.LIMIT)])


# --- an arithmetic of its own ---


def proceeds_less_cost(member: Member, quantity: Decimal) -> Decimal:
    """Profit of a cut of so much, booked part by part with the lots themselves, fee taken off."""
    made, price = member.group, closing_price(member)
    fees, size = member.fees, made.instrument.contract_size
    lots = {(leg.pyramid, leg.index): leg.lot for leg in made.legs()}
    loose, cost = made.loose, D(0)
    for part in cutting.parts_of(made, quantity, fees):
        cost, loose = _book(part, lots, loose, cost)
    value = price * quantity * size
    gross = value - cost if made.side is Side.LONG else cost - value
    return gross - percent(value, fees.taker_percent)


def _book(part: CutPart, lots: dict[tuple[int, int], Lot], loose: Lot, cost: Decimal) -> tuple[Decimal, Lot]:
    left = part.quantity
    own = (part.pyramid, part.leg)
    taken = profit.take(lots[own], min(left, lots[own].quantity))
    left -= min(left, lots[own].quantity)
    lots[own], cost = taken.lot, cost + taken.cost
    taken = profit.take(loose, min(left, loose.quantity))
    left -= min(left, loose.quantity)
    loose, cost = taken.lot, cost + taken.cost
    for place, lot in lots.items():
        taken = profit.take(lot, min(left, lot.quantity))
        left -= min(left, lot.quantity)
        lots[place], cost = taken.lot, cost + taken.cost
    assert left <= 0
    return cost, loose


def closing_price(member: Member) -> Decimal:
    assert member.quote is not None
    return member.quote.bid if member.group.side is Side.LONG else member.quote.ask


def sellable(member: Member, least_notional: Decimal, *, market: bool) -> list[Decimal]:
    """Every quantity that may be sold, ascending: parts on the step that leave enough, and everything."""
    made, price = member.group, closing_price(member)
    rules = precision.for_exits(made.instrument)
    everything = precision.round_quantity(profit.held(made), rules)
    step = precision.quantity_step(rules, market=market)
    found = []
    for number in range(1, int(everything / step) + 1):
        quantity, left = number * step, everything - number * step
        if left >= least_sendable(price, rules, market=False):
            found.append(quantity)
    found.append(everything)
    return [
        quantity
        for quantity in found
        if quantity > 0
        and quantity >= least_sendable(price, rules, market=False)
        and precision.notional(quantity, price, rules) >= least_notional
        and (quantity == everything or quantity >= least_sendable(price, rules, market=market))
    ]


# --- every plan ---


@given(found=members(), settings=settings_of_risk, execution=executions)
@pytest.mark.rule("RISK-5", "RISK-6")
def test_winners_cover_what_is_required_or_the_plan_says_they_do_not(
    found: list[Member], settings: RiskSettings, execution: ExecutionSettings
) -> None:
    for each in evaluate(found, settings=settings, execution=execution, now_ms=NOW_MS, busy=frozenset()):
        assert each.expected_profit == sum((winner.expected_profit for winner in each.winners), D(0))
        assert each.is_sufficient == (each.expected_profit >= each.required)
        if not each.is_sufficient:
            assert each.reason in (Reason.INSUFFICIENT_PROFIT, Reason.NO_WINNERS)
            assert each.loser_percent < 100
            assert settings.insufficient is Insufficient.PARTIAL or not each.loser_quantity
        else:
            assert each.reason is None
            assert each.loser_percent == 100
        assert len(each.winners) <= settings.max_winners_to_combine


@given(found=members(), settings=settings_of_risk, execution=executions)
@pytest.mark.rule("RISK-1", "RISK-5", "RISK-6", "TP-7")
def test_nothing_blocked_skipped_closing_or_without_a_price_is_touched_and_never_more_than_is_held(
    found: list[Member], settings: RiskSettings, execution: ExecutionSettings
) -> None:
    known = {each.group.group_id: each for each in found}
    for each in evaluate(found, settings=settings, execution=execution, now_ms=NOW_MS, busy=frozenset()):
        loser = known[each.loser_group_id].group
        assert not is_running_timer(loser)
        assert each.loser_quantity <= profit.held(loser)
        for name in (each.loser_group_id, *(winner.group_id for winner in each.winners)):
            touched = known[name]
            assert touched.group.world is loser.world
            assert not touched.group.risk_blocked
            assert not touched.group.risk_skip
            assert touched.group.state is not GroupState.CLOSING
            assert not touched.group.hybrid_hit
            assert not any(cut.state is CutState.RUNNING for cut in touched.group.cuts)
            assert touched.quote is not None
            assert touched.quote.time_ms == NOW_MS
            assert quote_class(touched.group.instrument.quote, settings) == quote_class(each.quote, settings)
        for winner in each.winners:
            assert D(0) < winner.quantity <= profit.held(known[winner.group_id].group)
            assert winner.group_id != each.loser_group_id


def is_running_timer(made: Group) -> bool:
    return made.risk_timer_start_ms is not None and made.risk_timer_start_ms + HOUR_MS > NOW_MS


@given(found=members(), settings=settings_of_risk, execution=executions, mixed=st.randoms(use_true_random=False))
@pytest.mark.rule("RISK-4", "RISK-11")
def test_the_same_state_gives_the_same_plan_in_whatever_order_it_is_told(
    found: list[Member], settings: RiskSettings, execution: ExecutionSettings, mixed: Random
) -> None:
    first = evaluate(found, settings=settings, execution=execution, now_ms=NOW_MS, busy=frozenset())
    shuffled = list(found)
    mixed.shuffle(shuffled)
    assert evaluate(shuffled, settings=settings, execution=execution, now_ms=NOW_MS, busy=frozenset()) == first
    known = {each.group.group_id: each for each in found}
    for each in first:
        asked = plan(known[each.loser_group_id], shuffled, settings=settings, execution=execution, now_ms=NOW_MS)
        assert asked == each


# --- one winner against every quantity there is ---


@given(each=priced("W", decimals("-2", "20", "0.5")), needed=decimals("0.01", "150", "0.01"), execution=executions)
@pytest.mark.rule("RISK-6")
def test_a_winner_gives_the_least_that_covers_and_else_what_brings_most(
    each: Member, needed: Decimal, execution: ExecutionSettings
) -> None:
    settings = RiskSettings(min_close_notional=D(20))
    choices = sellable(each, D(20), market=False)
    taken = take(each, needed, settings=settings, execution=execution, now_ms=NOW_MS)
    yields = {quantity: proceeds_less_cost(each, quantity) for quantity in choices}
    best = max(yields.values(), default=D(0))
    if not isinstance(taken, OffsetWinner):
        assert best <= 0 or best < CENT * 2 * max(choices) * each.group.instrument.contract_size, (taken, yields)
        return
    assert taken.quantity in yields
    assert taken.expected_profit == yields[taken.quantity]
    assert taken.is_whole == (taken.quantity == max(choices))
    if taken.expected_profit >= needed:
        assert taken.quantity == min(quantity for quantity in choices if yields[quantity] >= needed)
    else:
        assert best < needed
        assert taken.expected_profit == best
    assert_worst_price_is_break_even(each, taken)


def assert_worst_price_is_break_even(each: Member, taken: OffsetWinner) -> None:
    """At its worst price a sale is no loss yet; a tick further it is."""
    sign = each.group.side.sign
    for price, is_loss in ((taken.worst_price, False), (taken.worst_price - sign * CENT, True)):
        assert each.quote is not None
        at = replace(each, quote=replace(each.quote, bid=price, ask=price))
        assert (proceeds_less_cost(at, taken.quantity) < D("-1e-15")) == is_loss


# --- the loser's share ---


@given(each=priced("L", decimals("-15", "1", "0.5")), realized=decimals("-5", "150", "0.01"), execution=executions)
@pytest.mark.rule("RISK-7")
def test_a_loser_is_closed_as_far_as_it_is_covered_and_no_further(
    each: Member, realized: Decimal, execution: ExecutionSettings
) -> None:
    settings = RiskSettings()
    found = share(each, realized, settings, execution)
    price, size = closing_price(each), each.group.instrument.contract_size
    value = price * profit.held(each.group) * size
    loss = -profit.realized(each.group.side, value, profit.invested(each.group))
    if loss <= 0 or not profit.held(each.group):
        assert found == LoserShare(quantity=D(0), percent=D(0), reason=Reason.RECOVERED)
        return
    choices = sellable(each, D(0), market=execution is EXECUTION)
    costs = {quantity: -proceeds_less_cost(each, quantity) for quantity in choices}
    if found.quantity is None:
        everything = precision.round_quantity(profit.held(each.group), each.group.instrument)
        assert realized >= loss * D("0.9") or realized >= -proceeds_less_cost(each, everything)
        return
    assert realized < loss * D("0.9") or realized <= 0
    assert found.reason is Reason.SHORTFALL
    parts = [quantity for quantity in choices if quantity != max(choices)]
    covered = [quantity for quantity in parts if costs[quantity] <= realized] if realized > 0 else []
    assert found.quantity == max(covered, default=D(0))


def share(each: Member, realized: Decimal, settings: RiskSettings, execution: ExecutionSettings) -> LoserShare:
    whole = OffsetPlan(loser_group_id=each.group.group_id, quote="USDT", is_sufficient=True)
    return loser_share(whole, realized, each, settings=settings, execution=execution, now_ms=NOW_MS)


@given(found=members(), settings=settings_of_risk, execution=executions)
@pytest.mark.rule("RISK-6", "RISK-7")
def test_what_winners_are_expected_to_bring_closes_what_the_plan_says(
    found: list[Member], settings: RiskSettings, execution: ExecutionSettings
) -> None:
    known = {each.group.group_id: each for each in found}
    for each in evaluate(found, settings=settings, execution=execution, now_ms=NOW_MS, busy=frozenset()):
        if is_executable(each):
            loser = known[each.loser_group_id]
            got = loser_share(each, each.expected_profit, loser, settings=settings, execution=execution, now_ms=NOW_MS)
            assert got.quantity is None or got.quantity >= each.loser_quantity
            assert got.percent >= each.loser_percent
