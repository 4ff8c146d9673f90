"""Offsets worked out by hand: the two of the specification and more, ties and refusals included (RISK-1, RISK-4 to 7).

Every loser and winner is one leg unless its legs matter. `L` loses (cost - price) x quantity, a winner earns
(price - cost) x quantity; fees are nil unless said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from actors.rules.choices import Insufficient, SlippageAction
from actors.rules.model import (
    Cut,
    CutState,
    GroupState,
    Lot,
    Order,
    OrderState,
    OrderType,
    Reason,
    Refused,
    Role,
    Side,
    Trade,
)
from actors.rules.offset import (
    LoserShare,
    Member,
    is_executable,
    loser_fault,
    loser_share,
    obstacles,
    take,
    winner_fault,
    worst,
)
from actors.rules.risk_model import OffsetPlan, OffsetWinner
from actors.rules.settings import ExecutionSettings, RiskSettings
from tests.rules.builders import NOW_MS, D
from tests.rules.offset_world import EXECUTION, FREE, HOUR_MS, evaluated, group, instrument, member, one, planned, sold

LOSER = one("L", "10", "100", "88")
"""Loses 120.00, 12 % of 1000.00."""
A = one("A", "20", "10", "14")
"""Earns 80.00: 4.00 per unit."""


def free(**changes: Any) -> RiskSettings:
    return replace(FREE, **changes)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is expected of a plan. `winners`: id, quantity, profit."""

    members: tuple[Member, ...]
    required: str
    winners: tuple[tuple[str, str, str], ...]
    settings: RiskSettings = FREE
    whole: tuple[str, ...] = ()
    """Winners that are closed whole."""
    percent: str = "100"
    quantity: str = "10"
    """Of the loser."""
    reason: Reason | None = None


CASES = {
    # The specification's: 20.0 of A give 80.00, the other 40.00 are 80.0 of B at 0.50 each.
    "worked offset": Case(
        members=(LOSER, A, one("B", "100", "1", "1.5")),
        required="120",
        winners=(("A", "20", "80"), ("B", "80", "40")),
        whole=("A",),
    ),
    # B earns 0.30 per unit, 50.10 in all: 40 / 0.30 = 133.33, up to the step of 1: 134, which give 40.20.
    "worked offset rounded up to the step": Case(
        members=(LOSER, A, one("B", "167", "1", "1.3", market=instrument(step="1"))),
        required="120",
        winners=(("A", "20", "80"), ("B", "134", "40.2")),
        whole=("A",),
    ),
    # C earns 200 = 8 per unit and goes first: 120 / 8 = 15 of 25. Nobody else is needed.
    "one winner is enough": Case(
        members=(LOSER, A, one("C", "25", "10", "18")), required="120", winners=(("C", "15", "120"),)
    ),
    # 80 + 30 + 20 = 130 in rank order A, B, C: C gives the last 10 of its 20: 5.0 of 10 units at 2.
    "three winners": Case(
        members=(LOSER, one("C", "10", "10", "12"), one("B", "10", "10", "13"), A),
        required="120",
        winners=(("A", "20", "80"), ("B", "10", "30"), ("C", "5", "10")),
        whole=("A", "B"),
    ),
    # The same with two winners at most: 110 of 120.
    "too many winners would be needed": Case(
        members=(LOSER, one("C", "10", "10", "12"), one("B", "10", "10", "13"), A),
        settings=free(max_winners_to_combine=2),
        required="120",
        winners=(("A", "20", "80"), ("B", "10", "30")),
        whole=("A", "B"),
        percent="0",
        quantity="0",
        reason=Reason.INSUFFICIENT_PROFIT,
    ),
    # Fee 0.1 %: of the loser's 880 that is 0.88, so 120.88. C sells at 18: 8 - 0.018 = 7.982 per unit; 120.88 / 7.982 =
    # 15.144, up to 15.2, which give 121.3264.
    "fees of the closes": Case(
        members=(replace(LOSER, fees=one("x", "1", "1", "1", fee="0.1").fees), one("C", "25", "10", "18", fee="0.1")),
        required="120.88",
        winners=(("C", "15.2", "121.3264"),),
    ),
    # Buffer 1 %: of the loser's 880 is 8.80; C covers 8 - 0.18 = 7.82 per unit of the 128.80: 16.47, up to 16.5, which
    # give 132. Their own buffer is 16.5 x 18 x 1 % = 2.97: required 120 + 8.80 + 2.97.
    "slippage buffer of all that is closed": Case(
        members=(LOSER, one("C", "25", "10", "18")),
        settings=free(slippage_buffer_percent=D(1)),
        required="131.77",
        winners=(("C", "16.5", "132"),),
    ),
    # Loss 10.00. D earns 5 per unit at 15: 2.0 units are worth 30, less than 50: raised to 50 / 15 = 3.33, up to 3.4.
    "raised to the least worth closing": Case(
        members=(one("L", "1", "100", "90"), one("D", "40", "10", "15")),
        settings=free(min_close_notional=D(50)),
        required="10",
        winners=(("D", "3.4", "17"),),
        quantity="1",
    ),
    # E holds 2 x 15 = 30, less than 50, and is passed over; the next in rank takes its place.
    "a winner that holds less than is worth closing is passed over": Case(
        members=(one("L", "1", "100", "90"), one("E", "2", "3", "15"), one("F", "10", "10", "12")),
        settings=free(min_close_notional=D(50), max_winners_to_combine=1),
        required="10",
        winners=(("F", "5", "10"),),
        quantity="1",
    ),
    # Needed are 9.8 of 10.0 units of G (98 / 10); 0.2 x 20 = 4 would stay, the exchange takes 5 or more: all goes.
    "what would remain could not be sold": Case(
        members=(
            one("L", "10", "100", "90.2"),
            one("G", "10", "10", "20", market=instrument(min_notional=D(5))),
        ),
        required="98",
        winners=(("G", "10", "100"),),
        whole=("G",),
    ),
    # 9.7 units are needed; 0.3 x 20 = 6 stays and can be sold.
    "what remains can be sold": Case(
        members=(
            one("L", "10", "100", "90.3"),
            one("G", "10", "10", "20", market=instrument(min_notional=D(5))),
        ),
        required="97",
        winners=(("G", "9.7", "97"),),
    ),
    # Whole winners: A brings 80, then all of B though 80 of its 100 units would do.
    "winners are closed whole": Case(
        members=(LOSER, A, one("B", "100", "1", "1.5")),
        settings=free(partial_close_enabled=False),
        required="120",
        winners=(("A", "20", "80"), ("B", "100", "50")),
        whole=("A", "B"),
    ),
    # 80 of 120 are covered: two thirds of ten units is 6.66, down to 6.6 (79.20).
    "a part of the loser is covered": Case(
        members=(LOSER, A),
        settings=free(insufficient=Insufficient.PARTIAL),
        required="120",
        winners=(("A", "20", "80"),),
        whole=("A",),
        percent="66",
        quantity="6.6",
        reason=Reason.INSUFFICIENT_PROFIT,
    ),
    # 1.00 covers 0.08 of the loser, down to nothing: one step costs 1.20.
    "less than a step of the loser is covered": Case(
        members=(LOSER, one("A", "1", "10", "11")),
        settings=free(insufficient=Insufficient.PARTIAL),
        required="120",
        winners=(("A", "1", "1"),),
        whole=("A",),
        percent="0",
        quantity="0",
        reason=Reason.INSUFFICIENT_PROFIT,
    ),
    "nobody wins": Case(
        members=(LOSER, one("A", "20", "14", "14"), one("B", "5", "10", "9.9")),
        required="120",
        winners=(),
        percent="0",
        quantity="0",
        reason=Reason.NO_WINNERS,
    ),
    # Sold at 10.01, the fee of 0.2 % is more than the 0.01 per unit: it earns, but brings nothing.
    "a profit that the fee eats": Case(
        members=(LOSER, one("A", "20", "10", "10.01", fee="0.2")),
        required="120",
        winners=(),
        percent="0",
        quantity="0",
        reason=Reason.NO_WINNERS,
    ),
    # A short of 10 at 100 bought back at 112 loses 120; one of 30 at 50 at 46 earns 4 per unit: 30.0 units, all of it.
    "shorts": Case(
        members=(one("L", "10", "100", "112", side=Side.SHORT), one("A", "30", "50", "46", side=Side.SHORT)),
        required="120",
        winners=(("A", "30", "120"),),
        whole=("A",),
    ),
    # 100 contracts of 0.1 are 10 units: loss 120. A's contract of 0.01 earns 0.04: 120 / 0.04 = 3000 of 5000.
    "contract sizes": Case(
        members=(
            one("L", "100", "100", "88", market=instrument(step="1", contract_size=D("0.1"))),
            one("A", "5000", "10", "14", market=instrument(step="1", contract_size=D("0.01"))),
        ),
        required="120",
        winners=(("A", "3000", "120"),),
        quantity="100",
    ),
    # B earns in another quote currency and does not count.
    "quote currencies are not mixed": Case(
        members=(LOSER, A, one("B", "100", "1", "1.5", market=instrument("X/USDC"))),
        required="120",
        winners=(("A", "20", "80"),),
        whole=("A",),
        percent="0",
        quantity="0",
        reason=Reason.INSUFFICIENT_PROFIT,
    ),
    "quote currencies that are equal": Case(
        members=(LOSER, A, one("B", "100", "1", "1.5", market=instrument("X/USDC"))),
        settings=free(equal_quotes=(("USDC", "USDT"),)),
        required="120",
        winners=(("A", "20", "80"), ("B", "80", "40")),
        whole=("A",),
    ),
    # M loses 15 %, L 12 % but more money: M it is. 15 / 4 = 3.75, up to 3.8.
    "the highest loss in per cent": Case(
        members=(LOSER, one("M", "1", "100", "85"), A), required="15", winners=(("A", "3.8", "15.2"),), quantity="1"
    ),
    # Both lose 12 %; M loses 24 of 200.
    "a tie in per cent goes by money": Case(
        members=(one("L", "1", "100", "88"), one("M", "2", "100", "88"), A),
        required="24",
        winners=(("A", "6", "24"),),
        quantity="2",
    ),
    # Legs of A at 12 (target 10 %: 13.20) and 8 (target 5 %: 8.40), 10 each, now 14. The farther target goes first: 2
    # per unit gives 20, then 6 per unit: 28 are 10 + 8 / 6 = 1.33, up to 1.4, which give 8.40.
    "the leg with the farthest target first": Case(
        members=(
            one("L", "1", "100", "72"),
            member(group("A", [("10", "8", "5"), ("10", "12", "10")]), "14"),
        ),
        required="28",
        winners=(("A", "11.4", "28.4"),),
        quantity="1",
    ),
    # The farther leg loses 1 per unit: ten cost 10, so of the nearer ones at 4 per unit 8.0 are needed for 22.
    "a leg in the way that loses": Case(
        members=(
            one("L", "1", "100", "78"),
            member(group("A", [("10", "10", "5"), ("10", "15", "10")]), "14"),
        ),
        required="22",
        winners=(("A", "18", "22"),),
        quantity="1",
    ),
    # 3.7 units are needed. A winner is sold at no worse than its worst price, by limit orders: the coarser step of
    # market orders does not count.
    "the step of a bounded order": Case(
        members=(one("L", "1", "100", "85.2"), one("A", "20", "10", "14", market=instrument(market_step_size=D(1)))),
        required="14.8",
        winners=(("A", "3.7", "14.8"),),
        quantity="1",
    ),
}


@pytest.mark.rule("RISK-4", "RISK-5", "RISK-6")
@pytest.mark.parametrize("name", CASES)
def test_worked_offsets(name: str) -> None:
    case = CASES[name]
    (found,) = evaluated(*case.members, settings=case.settings)
    assert sold(found) == [(winner, D(quantity), D(profit)) for winner, quantity, profit in case.winners]
    assert found.required == D(case.required)
    assert found.expected_profit == sum((D(profit) for _, _, profit in case.winners), D(0))
    assert tuple(winner.group_id for winner in found.winners if winner.is_whole) == case.whole
    assert (found.loser_percent, found.loser_quantity) == (D(case.percent), D(case.quantity))
    assert found.is_sufficient == (case.reason is None)
    assert found.reason is case.reason
    assert found.obstacles == ()
    assert is_executable(found) == (D(case.quantity) > 0)
    assert evaluated(*reversed(case.members), settings=case.settings) == (found,)


@pytest.mark.rule("RISK-6")
def test_a_plan_says_its_arithmetic() -> None:
    fee = one("x", "1", "1", "1", fee="0.1").fees
    (found,) = evaluated(replace(LOSER, fees=fee), one("C", "25", "10", "18", fee="0.1"))
    # 0.88 of the loser and 15.2 x 18 x 0.1 % = 0.2736 of C, whose own fee is taken off its profit already.
    assert (found.loss, found.fees, found.buffer) == (D(120), D("1.1536"), D(0))
    assert found.required == D("120.88")
    assert found.detail == "1 winners bring 121.3264 of 120.88 USDT"


# --- ties ---


@pytest.mark.rule("RISK-4")
def test_of_losers_alike_the_oldest_is_taken_then_the_first_by_id() -> None:
    young, old = one("K", "10", "100", "88", age_h=3), one("L", "10", "100", "88", age_h=4)
    assert evaluated(young, old, A)[0].loser_group_id == "L"
    same = one("M", "10", "100", "88", age_h=4)
    assert evaluated(same, old, young)[0].loser_group_id == "L"
    assert worst([same, young, old]).group.group_id == "L"


@pytest.mark.rule("RISK-5")
def test_of_winners_alike_the_oldest_pays_first_then_the_first_by_id() -> None:
    twins = [one(name, "20", "10", "14", age_h=age) for name, age in (("C", 3), ("B", 4), ("A", 3))]
    assert [name for name, _, _ in sold(planned(LOSER, *twins))] == ["B", "A"]


@pytest.mark.rule("RISK-9")
def test_each_quote_currency_has_its_own_loser_unless_its_offset_is_under_way() -> None:
    usdc = instrument("X/USDC")
    members = (LOSER, A, one("M", "1", "100", "80", market=usdc), one("N", "9", "10", "14", market=usdc))
    assert [(each.quote, each.loser_group_id) for each in evaluated(*members)] == [("USDC", "M"), ("USDT", "L")]
    assert [each.quote for each in evaluated(*members, busy=frozenset({"USDC"}))] == ["USDT"]
    equal = free(equal_quotes=(("USDT", "USDC"),))
    assert [each.loser_group_id for each in evaluated(*members, settings=equal)] == ["M"]
    assert evaluated(*members, settings=equal, busy=frozenset({"USDT"})) == ()


@pytest.mark.rule("RISK-4", "RISK-9")
def test_a_switched_off_engine_and_a_world_without_a_loser_plan_nothing() -> None:
    assert evaluated(LOSER, A, settings=free(enabled=False)) == ()
    assert evaluated(A, one("B", "1", "100", "96")) == ()


# --- what keeps a loser out ---


RUNNING = Cut(cut_id="c", reason=Reason.REDUCE_SIGNAL, quantity=D(1), create_time_ms=NOW_MS)


@pytest.mark.rule("RISK-1", "RISK-2", "RISK-11")
@pytest.mark.parametrize(
    ("changes", "settings", "price", "reasons"),
    [
        ({}, FREE, "88", ()),
        ({}, FREE, "95", ()),  # Exactly -5 %.
        ({}, FREE, "95.01", (Reason.ABOVE_LOSS_THRESHOLD,)),
        ({}, FREE, "105", (Reason.ABOVE_LOSS_THRESHOLD,)),
        ({}, free(enabled=False), "88", (Reason.RISK_DISABLED,)),
        ({"state": GroupState.PARTIALLY_FILLED}, FREE, "88", ()),
        ({"state": GroupState.LIVE}, FREE, "88", (Reason.NOT_FILLED,)),
        ({"state": GroupState.CLOSING}, FREE, "88", (Reason.GROUP_CLOSING,)),
        ({"hybrid_hit": True}, FREE, "88", (Reason.GROUP_CLOSING,)),
        ({"cuts": (RUNNING,)}, FREE, "88", (Reason.GROUP_CLOSING,)),
        ({"cuts": (replace(RUNNING, reason=Reason.RISK_OFFSET),)}, FREE, "88", (Reason.OFFSET_RUNNING,)),
        ({"cuts": (replace(RUNNING, state=CutState.STOPPED),)}, FREE, "88", ()),
        ({"risk_blocked": True, "risk_skip": True}, FREE, "88", (Reason.BLOCKED, Reason.SKIPPED)),
        ({"max_pyramids": 2}, FREE, "88", (Reason.NOT_ENOUGH_PYRAMIDS,)),
        ({"max_pyramids": 2}, free(required_pyramids=1), "88", ()),
        ({"max_pyramids": 2}, free(require_full_pyramids=False), "88", ()),
        ({"risk_timer_start_ms": None}, FREE, "88", (Reason.TIMER_NOT_STARTED,)),
        ({"risk_timer_start_ms": NOW_MS - HOUR_MS + 1}, FREE, "88", (Reason.TIMER_RUNNING,)),
        ({"risk_timer_start_ms": NOW_MS - HOUR_MS}, FREE, "88", ()),
        ({"age_h": 3}, free(use_trade_age_filter=True, age_threshold_s=3 * 3600 + 1), "88", (Reason.TOO_YOUNG,)),
        ({"age_h": 3}, free(use_trade_age_filter=True, age_threshold_s=3 * 3600), "88", ()),
        ({"age_h": 3}, free(age_threshold_s=4 * 3600), "88", ()),
        ({}, FREE, None, (Reason.PRICE_STALE,)),
        ({"market": instrument(min_notional=D(881))}, FREE, "88", (Reason.BELOW_MIN_NOTIONAL,)),
    ],
)
def test_all_that_stands_in_the_way_of_a_loser(
    changes: dict[str, Any], settings: RiskSettings, price: str | None, reasons: tuple[Reason, ...]
) -> None:
    each = member(group("L", [("10", "100")], **changes), price)
    assert obstacles(each, settings=settings, execution=EXECUTION, now_ms=NOW_MS) == reasons
    assert bool(evaluated(each, A, settings=settings)) == (not reasons)


@pytest.mark.rule("ORD-10", "RISK-1", "RISK-5")
@pytest.mark.parametrize(("age_ms", "is_fresh"), [(30_000, True), (30_001, False), (-30_001, False)])
def test_nothing_is_planned_on_a_price_that_is_too_old_or_from_the_future(age_ms: int, is_fresh: bool) -> None:
    then = NOW_MS - age_ms
    stale = member(LOSER.group, "88", time_ms=then)
    assert bool(evaluated(stale, A)) == is_fresh
    winner = member(A.group, "14", time_ms=then)
    assert bool(planned(LOSER, winner).winners) == is_fresh


@pytest.mark.rule("ORD-10", "RISK-1", "RISK-5")
def test_a_price_that_an_entry_fill_has_overtaken_is_not_believed_for_a_moment() -> None:
    def filled(each: Member, time_ms: int) -> Member:
        order = _order(each.group.group_id, Role.ENTRY, OrderState.FILLED, "1", time_ms, trades=True)
        return replace(each, group=replace(each.group, orders={"e": order}))

    old = replace(A, quote=replace(A.quote, time_ms=NOW_MS - 500))  # type: ignore[type-var]
    assert planned(LOSER, filled(old, NOW_MS)).winners == ()
    assert planned(LOSER, filled(old, NOW_MS - 500)).winners != ()
    late = replace(A, quote=replace(A.quote, time_ms=NOW_MS - 5_000))  # type: ignore[type-var]
    assert planned(LOSER, filled(late, NOW_MS - 1_000)).winners != ()
    assert planned(LOSER, filled(old, NOW_MS + 3_600_000)).winners != (), "the clock was set back since it filled"
    loser = replace(LOSER, quote=replace(LOSER.quote, time_ms=NOW_MS - 500))  # type: ignore[type-var]
    assert evaluated(filled(loser, NOW_MS), A) == ()


def _order(name: str, role: Role, state: OrderState, quantity: str, time_ms: int, *, trades: bool = False) -> Order:
    trade = Trade(trade_id="t", quantity=D(1), price=D(1), fee=D(0), fee_asset="USDT", fee_value=D(0), time_ms=time_ms)
    return Order(
        client_order_id=f"{name}{role}",
        group_id=name,
        account="paper",
        symbol="BTC/USDT",
        pyramid=0,
        leg=None if role is Role.CLOSE else 0,
        role=role,
        attempt=1,
        side=Side.LONG.entry if role is Role.ENTRY else Side.LONG.exit,
        type=OrderType.LIMIT,
        price=D(10),
        quantity=D(quantity),
        state=state,
        trades=(trade,) if trades else (),
        create_time_ms=time_ms,
        update_time_ms=time_ms,
    )


@pytest.mark.rule("RISK-11", "RISK-12")
def test_a_projection_answers_for_any_group_and_says_what_stands_in_the_way() -> None:
    blocked = one("L", "10", "100", "88", risk_blocked=True, risk_timer_start_ms=None)
    found = planned(blocked, A, one("B", "100", "1", "1.5"))
    assert found.obstacles == (Reason.BLOCKED, Reason.TIMER_NOT_STARTED)
    assert found.reason is Reason.BLOCKED
    assert sold(found) == [("A", D(20), D(80)), ("B", D(80), D(40))]
    assert found.is_sufficient
    assert not is_executable(found)
    assert "BLOCKED, TIMER_NOT_STARTED" in found.detail
    by_hand = planned(replace(LOSER, group=replace(LOSER.group, risk_timer_start_ms=NOW_MS)), A, manual=True)
    assert by_hand.obstacles == ()
    winning = planned(A, LOSER)
    assert winning.obstacles == (Reason.ABOVE_LOSS_THRESHOLD,)
    assert (winning.winners, winning.loss, winning.loser_quantity) == ((), D(0), D(0))


# --- what keeps a winner out ---


@pytest.mark.rule("RISK-5", "RISK-12")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": GroupState.CLOSING}, Reason.GROUP_CLOSING),
        ({"hybrid_hit": True}, Reason.GROUP_CLOSING),
        ({"cuts": (RUNNING,)}, Reason.GROUP_CLOSING),
        ({"risk_blocked": True}, Reason.BLOCKED),
        ({"risk_skip": True}, Reason.SKIPPED),
    ],
)
def test_winners_that_are_closing_being_cut_blocked_or_skipped_do_not_pay(
    changes: dict[str, Any], reason: Reason
) -> None:
    winner = replace(A, group=replace(A.group, **changes))
    assert planned(LOSER, winner).reason is Reason.NO_WINNERS
    assert take(winner, D(1), settings=FREE, execution=EXECUTION, now_ms=NOW_MS) == Refused(reason=reason)


@pytest.mark.rule("RISK-5")
def test_a_winner_need_not_be_full_nor_its_timer_run_out() -> None:
    young = one("A", "20", "10", "14", max_pyramids=5, risk_timer_start_ms=None, state=GroupState.PARTIALLY_FILLED)
    assert sold(planned(one("L", "1", "100", "92"), young)) == [("A", D(2), D(8))]


@pytest.mark.rule("RISK-6", "TP-7")
def test_what_a_target_binds_is_counted_and_what_a_close_sells_is_not() -> None:
    legs = group("A", [("10", "10")], [("10", "10")])
    loser = one("L", "1", "100", "20")  # Loses 80.
    target = _order("A", Role.TAKE_PROFIT, OrderState.OPEN, "10", NOW_MS)
    assert sold(planned(loser, member(replace(legs, orders={"t": target}), "14"))) == [("A", D(20), D(80))]
    close = _order("A", Role.CLOSE, OrderState.OPEN, "10", NOW_MS)
    assert sold(planned(loser, member(replace(legs, orders={"c": close}), "14"))) == [("A", D(10), D(40))]
    done = replace(close, state=OrderState.FILLED)
    assert sold(planned(loser, member(replace(legs, orders={"c": done}), "14"))) == [("A", D(20), D(80))]
    hit = replace(legs, pyramids=(replace(legs.pyramids[0], watch_hit=True), legs.pyramids[1]))
    assert sold(planned(loser, member(hit, "14"))) == [("A", D(10), D(40))]


@pytest.mark.rule("RISK-6", "PRC-6")
def test_what_is_loose_goes_last_at_its_own_cost() -> None:
    # 10.04 at 10 and 0.2 loose at 13: 10.2 on the step is 10.04 x 4 + 0.16 x 1 = 40.32.
    loose = member(group("A", [("10.04", "10")], loose=("0.2", "13")), "14")
    assert sold(planned(one("L", "1", "100", "10"), loose)) == [("A", D("10.2"), D("40.32"))]


@pytest.mark.rule("RISK-6", "RISK-7")
@pytest.mark.parametrize(
    ("side", "price", "fee", "worst_price"),
    [
        # Cost 10.004 and no fee: the next tick up.
        (Side.LONG, "14", "0", "10.01"),
        # 10.004 / 0.999 = 10.01401, up.
        (Side.LONG, "14", "0.1", "10.02"),
        # A short bought back: 10.004 / 1.001 = 9.994006, down.
        (Side.SHORT, "8", "0.1", "9.99"),
    ],
)
def test_the_worst_price_of_a_winner_is_where_it_brings_nothing_any_more(
    side: Side, price: str, fee: str, worst_price: str
) -> None:
    winner = one("A", "20", "10.004", price, fee=fee, side=side)
    assert planned(LOSER, winner).winners[0].worst_price == D(worst_price)


# --- what comes of it ---


def share(realized: str, price: str = "88", plan: OffsetPlan | None = None, **changes: Any) -> LoserShare:
    loser = one("L", "10", "100", price, **changes)
    return loser_share(
        plan or planned(LOSER, A, one("B", "100", "1", "1.5")),
        D(realized),
        loser,
        settings=FREE,
        execution=EXECUTION,
        now_ms=NOW_MS,
    )


@pytest.mark.rule("RISK-7")
@pytest.mark.parametrize(
    ("realized", "quantity", "percent"),
    [
        ("120", None, "100"),
        ("108", None, "100"),  # Ten per cent short.
        ("107.99", "8.9", "89"),  # 107.99 / 12 = 8.99, down.
        ("12", "1", "10"),
        ("1.19", "0", "0"),  # Less than a step.
        ("0", "0", "0"),
        ("-3", "0", "0"),
    ],
)
def test_a_loser_is_closed_by_what_the_winners_really_brought(
    realized: str, quantity: str | None, percent: str
) -> None:
    reason = None if quantity is None else Reason.SHORTFALL
    expected = LoserShare(quantity=None if quantity is None else D(quantity), percent=D(percent), reason=reason)
    assert share(realized) == expected


@pytest.mark.rule("RISK-7")
def test_the_loss_counts_that_the_loser_has_by_then() -> None:
    assert share("108", "86").quantity == D("7.7")  # Loses 14 per unit: 108 / 14 = 7.71; 10 % short of 140 is 126.
    assert share("60", "94").quantity is None
    assert share("60", "100") == LoserShare(quantity=D(0), percent=D(0), reason=Reason.RECOVERED)
    stale = member(LOSER.group, "88", time_ms=NOW_MS - 60_000)
    plan = planned(LOSER, A)
    asked = loser_share(plan, D(120), stale, settings=FREE, execution=EXECUTION, now_ms=NOW_MS)
    assert asked.reason is Reason.PRICE_STALE


@pytest.mark.rule("RISK-6", "RISK-7")
def test_for_a_plan_of_a_part_that_part_is_what_may_fall_short() -> None:
    part = planned(LOSER, A, settings=free(insufficient=Insufficient.PARTIAL))  # 6.6 for 79.20.
    assert share("80", plan=part) == LoserShare(quantity=D("6.6"), percent=D(66), reason=Reason.INSUFFICIENT_PROFIT)
    assert share("71.28", plan=part).quantity == D("6.6")  # Ten per cent short of 79.20.
    assert share("71.27", plan=part) == LoserShare(quantity=D("5.9"), percent=D(59), reason=Reason.SHORTFALL)
    assert share("90", plan=part).quantity == D("7.5")
    assert share("120", plan=part).quantity is None


@pytest.mark.rule("RISK-7", "EXIT-6")
def test_the_covered_part_goes_by_the_legs_that_are_closed_first() -> None:
    # 5 at 100 (target 5 %: 105) and 5 at 90 (target 1 %), now 80: the first five lose 20 each, the others 10: 150.
    loser = member(group("L", [("5", "100", "5"), ("5", "90", "1")]), "80")
    plan = planned(loser, one("W", "100", "10", "12"))
    found = loser_share(plan, D(120), loser, settings=FREE, execution=EXECUTION, now_ms=NOW_MS)
    assert found == LoserShare(quantity=D(7), percent=D(70), reason=Reason.SHORTFALL)


@pytest.mark.rule("RISK-7", "PRC-3")
def test_a_part_of_the_loser_that_could_not_be_sold_or_leaves_such_a_rest_is_made_smaller_down_to_nothing() -> None:
    # The exchange takes 100 or more. 80 covers 6.6 units (580.80), and 3.4 (299.20) stay.
    fine = instrument(min_notional=D(100))
    assert share("80", market=fine).quantity == D("6.6")
    # 107.99 covers 8.9; only 1.1 (96.80) would stay: 8.8 it is, and 1.2 (105.60) stay.
    assert share("107.99", market=fine).quantity == D("8.8")
    # 13 covers 1.0 (88.00), too little.
    assert share("13", market=fine).quantity == D(0)


@pytest.mark.rule("RISK-7", "PRC-1")
def test_a_part_of_the_loser_is_on_the_step_of_the_order_that_closes_it() -> None:
    coarse = instrument(market_step_size=D(2))
    assert share("80", market=coarse).quantity == D(6)
    loser = one("L", "10", "100", "88", market=coarse)
    limit = ExecutionSettings(slippage_action=SlippageAction.LIMIT)
    plan = planned(LOSER, A)
    assert loser_share(
        replace(plan, is_sufficient=True), D(80), loser, settings=FREE, execution=limit, now_ms=NOW_MS
    ).quantity == D("6.6")


# --- between plan and execution ---


@pytest.mark.rule("RISK-7", "ORD-10")
def test_a_plan_holds_until_something_it_counts_on_has_gone() -> None:
    plan = planned(LOSER, A, one("B", "100", "1", "1.5"))
    others = [A, one("B", "100", "1", "1.5")]

    def fault(loser: Member, *winners: Member, is_begun: bool = False) -> Reason | None:
        found = loser_fault(loser, settings=FREE, execution=EXECUTION, now_ms=NOW_MS, is_begun=is_begun)
        known = {winner.group.group_id: winner for winner in winners}
        faults = (
            winner_fault(paid, known.get(paid.group_id), execution=EXECUTION, now_ms=NOW_MS) for paid in plan.winners
        )
        return found or next((each for each in faults if each is not None), None)

    assert fault(LOSER, *others) is None
    closing = replace(LOSER, group=replace(LOSER.group, state=GroupState.CLOSING))
    assert fault(closing, *others) is Reason.GROUP_CLOSING
    assert fault(one("L", "10", "100", "88", risk_blocked=True), *others) is Reason.BLOCKED
    assert fault(member(LOSER.group, "88", time_ms=NOW_MS - 30_001), *others) is Reason.PRICE_STALE
    assert fault(one("L", "10", "100", "96"), *others) is Reason.RECOVERED
    assert fault(one("L", "10", "100", "96"), *others, is_begun=True) is None
    assert fault(one("L", "10", "100", "100"), *others, is_begun=True) is Reason.RECOVERED
    assert fault(LOSER, A) is Reason.GROUP_CLOSING
    assert fault(LOSER, one("A", "20", "10", "9.99"), others[1]) is Reason.NOT_PROFITABLE
    assert fault(LOSER, one("A", "20", "10", "10"), others[1]) is None
    assert fault(LOSER, member(A.group, None), others[1]) is Reason.PRICE_STALE


@pytest.mark.rule("RISK-7")
def test_the_faults_of_a_group_that_is_gone() -> None:
    paid = planned(LOSER, A).winners[0]
    assert loser_fault(None, settings=FREE, execution=EXECUTION, now_ms=NOW_MS) is Reason.GROUP_CLOSING
    assert winner_fault(paid, None, execution=EXECUTION, now_ms=NOW_MS) is Reason.GROUP_CLOSING


@pytest.mark.rule("RISK-6", "RISK-7")
def test_one_winner_is_asked_anew_for_what_is_still_missing() -> None:
    found = take(A, D(10), settings=FREE, execution=EXECUTION, now_ms=NOW_MS)
    assert isinstance(found, OffsetWinner)
    assert (found.quantity, found.expected_profit, found.is_whole) == (D("2.5"), D(10), False)
    poor = free(min_close_notional=D(281))  # It holds 280.
    assert take(A, D(10), settings=poor, execution=EXECUTION, now_ms=NOW_MS) == Refused(
        reason=Reason.BELOW_MIN_NOTIONAL
    )


def test_a_group_with_nothing_but_a_loose_rest_can_pay_it_whole() -> None:
    rest = group("A", [("0", "10")], loose=("2", "10"))
    emptied = replace(rest, pyramids=(replace(rest.pyramids[0], legs=(replace(rest.legs()[0], lot=Lot()),)),))
    assert sold(planned(one("L", "1", "100", "92"), member(emptied, "14"))) == [("A", D(2), D(8))]
