"""Offsets through a real daemon: what a preview says is what happens, to the last digit that fees and slippage leave;
what a person can do about them; and what comes of those that something crosses on the way (RISK).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from actors.rules.money import ceil_to
from tests.system import offset_stage as stage
from tests.system.conftest import Starter
from tests.system.offset_stage import ADA, BTC, ETH, SOL, XRP, D
from tests.system.stack import Plain, Stack, alert, merged, running, until

WAIT_S = 5
"""How long the loser's timer runs in the story."""
STEP = D("0.001")
DIGITS = D("1e-15")
"""Where a cost that is split between five pyramids ends: each part is rounded to 18 places."""


# --- the story ---


@pytest.mark.rule("RISK-1", "RISK-2", "RISK-4", "RISK-5", "RISK-6", "RISK-7", "RISK-8", "RISK-10", "RISK-11", "PNL-1")
def test_an_offset_does_what_its_preview_says_and_fees_and_slippage_are_all_the_difference(start: Starter) -> None:
    stack = start(merged(stage.STAGE, {"risk": {"post_full_wait_s": WAIT_S}}))
    groups = stage.open_all(stack)
    for timeframe in ("60", "240"):
        assert stage.buy(stack, ADA, "100", timeframe) == "", "the pool is full"
    money = stage.totals(stack)["USDT"]
    for symbol, value in stage.FALLEN.items():
        stage.price(stack, symbol, value)
    planned = before_it_is_due(stack, groups)
    action = stage.ended(stack)
    assert stack.json("risk", "history")["risk_actions"] == [action]
    assert action["state"] == "DONE"
    assert {**action["plan"], "reason_detail": ""} == {**planned, "reason": "", "obstacles": [], "reason_detail": ""}
    [(timer_ms, begun_ms)] = stack.rows(
        "SELECT g.risk_timer_start_ms, r.create_time_ms FROM position_groups g "
        "JOIN risk_actions r ON r.loser_group_id = g.group_id"
    )
    assert begun_ms >= timer_ms + WAIT_S * 1000
    winners_paid_what_was_planned(stack, groups, planned, action)
    loser_cost_what_was_planned(stack, groups[BTC], action)
    proceeds = sum((sale.proceeds for group_id in groups.values() for sale in stage.sales(stack, group_id)), D(0))
    assert stage.totals(stack)["USDT"] == money + proceeds
    rest_is_as_it_was(stack, groups)
    stage.check_books(stack)


def before_it_is_due(stack: Stack, groups: dict[str, str]) -> Plain:
    """What a person sees while the timer runs; the plan."""
    rows = {row["symbol"]: row for row in stack.json("risk", "show")["risk"]["groups"]}
    assert rows[BTC]["obstacles"] == ["TIMER_RUNNING"], "it is all that stands in its way"
    assert (rows[BTC]["eligible"], rows[BTC]["timer_expire_time"] is None) == (False, False)
    assert rows[SOL]["obstacles"] == ["NOT_ENOUGH_PYRAMIDS", "TIMER_NOT_STARTED", "ABOVE_LOSS_THRESHOLD"]
    assert D(rows[SOL]["unrealized_pnl"]) == D("8.9928") * bid(SOL) - D("899.28")
    planned: Plain = stack.json("risk", "preview", "--group", groups[BTC])["plan"]
    assert not stack.rows("SELECT 1 FROM risk_actions"), "the timer holds the engine back"
    assert (planned["reason"], planned["loser_percent"], planned["sufficient"]) == ("TIMER_RUNNING", "100", True)
    assert [winner["symbol"] for winner in planned["winners"]] == [ETH, SOL, XRP]
    assert [winner["full_close"] for winner in planned["winners"]] == [False, True, False]
    return planned


def bid(symbol: str) -> Decimal:
    return D(stage.FALLEN[symbol]) * (1 - stage.HALF_SPREAD)


def sold_at(symbol: str) -> Decimal:
    """What a taker gets: the bid less the slippage."""
    return bid(symbol) * (1 - stage.SLIPPAGE)


def slipped(symbol: str, quantity: Decimal) -> Decimal:
    """What a sale brings less than its preview: the slippage, of which no fee is taken."""
    return (bid(symbol) - sold_at(symbol)) * quantity * (1 - stage.TAKER)


def winners_paid_what_was_planned(stack: Stack, groups: dict[str, str], planned: Plain, action: Plain) -> None:
    """Each winner's one sale, from the exchange's own books, against the preview and the history."""
    eth, sol, xrp = (stage.sales(stack, groups[symbol]) for symbol in (ETH, SOL, XRP))
    assert [len(eth), len(sol), len(xrp)] == [1, 1, 1], "each was sold in one order"
    assert [eth[0].price, sol[0].price, xrp[0].price] == [sold_at(ETH), sold_at(SOL), sold_at(XRP)]
    assert all(sale.fee == sale.price * sale.quantity * stage.TAKER for sale in (*eth, *sol, *xrp))
    costs = {ETH: cost_of_first_ladder(), SOL: D("899.2"), XRP: 100 * xrp[0].quantity}
    profits = {s: stage.sales(stack, groups[s])[0].proceeds - costs[s] for s in costs}
    closes = [step for step in action["steps"] if step["kind"] == "CLOSE_WINNER"]
    for step, (symbol, profit) in zip(closes, profits.items(), strict=True):
        quantity = stage.sold(stack, groups[symbol])
        assert step["quantity"] == str(quantity)
        assert step["result"] == f"sold {quantity}, realised {profit.normalize():f}"
    for winner, symbol in zip(planned["winners"][:2], (ETH, SOL), strict=True):
        assert D(winner["quantity"]) == stage.sold(stack, groups[symbol])
        assert D(winner["expected_profit"]) - profits[symbol] == slipped(symbol, D(winner["quantity"]))
    # The last winner pays for what the others' slippage has left open: a step more than that, not two.
    each = bid(XRP) * (1 - stage.TAKER) - 100
    assert D(planned["winners"][2]["expected_profit"]) == each * D(planned["winners"][2]["quantity"])
    open_sum = D(planned["required"]) - profits[ETH] - profits[SOL]
    assert xrp[0].quantity == ceil_to(open_sum / each, STEP) > D(planned["winners"][2]["quantity"])
    assert each * xrp[0].quantity - profits[XRP] == slipped(XRP, xrp[0].quantity)
    assert D(action["realized_profit"]) == sum(profits.values(), D(0))


def cost_of_first_ladder() -> Decimal:
    """What of ETH's five legs could be sold: the coins less the fees taken of them, down to the step."""
    legs = {"100": "4.000", "99.5": "4.020", "99": "4.040", "98.5": "4.060", "98": "4.081"}
    return sum((D(price) * stage.step(D(bought) * (1 - stage.MAKER)) for price, bought in legs.items()), D(0))


def loser_cost_what_was_planned(stack: Stack, loser: str, action: Plain) -> None:
    """The loss is the one of the plan, and the fee, and the slippage, less what dust has not lost."""
    [sale] = stage.sales(stack, loser)
    bought = dict(zip(stage.PYRAMIDS, ["4.000", "4.040", "4.081", "4.123", "4.166"], strict=True))
    held = sum((D(quantity) * (1 - stage.MAKER) for quantity in bought.values()), D(0))
    cost = sum((D(price) * D(quantity) * (1 - stage.MAKER) for price, quantity in bought.items()), D(0))
    assert (D(action["inputs"]["loser_held"]), D(action["inputs"]["loser_invested"])) == (held, cost)
    loss = cost - bid(BTC) * held
    assert action["inputs"]["loss"] == f"{loss.normalize():f} USDT"
    assert (sale.quantity, sale.price) == (stage.step(held), sold_at(BTC))
    assert sale.fee == sale.quantity * sale.price * stage.TAKER
    dust = held - sale.quantity
    kept = stack.rows("SELECT lot_quantity, lot_cost FROM legs WHERE group_id = ?", loser)
    assert sum((D(row[0]) for row in kept), D(0)) == dust
    dust_cost = sum((D(row[1]) for row in kept), D(0))
    assert abs(dust_cost - cost * dust / held) < DIGITS, "the dust has cost what everything has"
    slippage = (bid(BTC) - sold_at(BTC)) * sale.quantity
    realized = D(action["realized_loss"])
    assert realized - loss == sale.fee + slippage - (dust_cost - bid(BTC) * dust)
    assert abs(realized - (cost * sale.quantity / held - sale.proceeds)) < DIGITS


def rest_is_as_it_was(stack: Stack, groups: dict[str, str]) -> None:
    """RISK-8: what was not sold has its legs, pyramids, targets and slots; the slots that are free are taken."""
    eth, xrp = stage.group(stack, groups[ETH]), stage.group(stack, groups[XRP])
    assert (eth["state"], eth["pyramid_count"], xrp["state"]) == ("ACTIVE", 2, "ACTIVE")
    assert [leg["state"] for leg in eth["pyramids"][1]["legs"]] == ["FILLED"]
    second = D("4.237") * (1 - stage.MAKER)
    dust = sum((D(q) * (1 - stage.MAKER) % STEP for q in ("4.000", "4.020", "4.040", "4.060", "4.081")), D(0))
    assert D(eth["quantity"]) == second + dust
    assert stage.resting(stack, ETH) == {D("129.80"): stage.step(second + dust)}, "its other leg has its target"
    left = D(7) * (1 - stage.MAKER) - stage.sold(stack, groups[XRP])
    assert stage.resting(stack, XRP) == {D("150"): stage.step(left)}, "the target covers what is left"
    assert D(xrp["quantity"]) == left
    assert stage.resting(stack, BTC) == stage.resting(stack, SOL) == {}
    until(lambda: sorted(group["symbol"] for group in stack.groups()) == [ADA, ADA, ETH, XRP])
    assert stack.json("queue", "list")["queued_signals"] == []
    assert [stage.group(stack, groups[symbol])["close_reason"] for symbol in (SOL, BTC)] == ["RISK_OFFSET"] * 2


# --- by hand ---


@pytest.mark.rule("RISK-6", "RISK-10", "RISK-11", "RISK-12")
def test_a_person_blocks_skips_unblocks_and_runs_and_too_little_profit_skips_or_closes_a_part(start: Starter) -> None:
    stack = start(merged(stage.DUEL, {"risk": {"evaluate_interval_s": 1, "post_full_wait_s": 0}}))
    groups = stage.open_duel(stack)
    too_little_is_skipped(stack, groups)
    blocked_is_left_alone(stack, groups)
    skipped_is_passed_over_once(stack, groups)
    stage.check_books(stack)
    a_part_is_closed_by_hand(stack, groups)
    stage.check_books(stack)


def too_little_is_skipped(stack: Stack, groups: dict[str, str]) -> None:
    stage.price(stack, ETH, "107")
    stage.price(stack, BTC, "90")
    action = stage.ended(stack)
    assert (action["state"], action["state_reason"], action["steps"]) == ("SKIPPED", "INSUFFICIENT_PROFIT", [])
    assert (action["plan"]["sufficient"], action["plan"]["loser_percent"]) == (False, "0")
    assert stage.sales(stack, groups[ETH]) == stage.sales(stack, groups[BTC]) == []
    shown = stage.preview(stack)
    assert (shown["loser_group_id"], shown["reason"]) == (groups[BTC], "INSUFFICIENT_PROFIT")
    stack.terrace("risk", "run", "--yes", code=6)
    assert stage.ended(stack, 2)["manual"], "what a person asked for is always stored"


def blocked_is_left_alone(stack: Stack, groups: dict[str, str]) -> None:
    stack.terrace("risk", "block", groups[BTC], "--reason", "for the grandchildren")
    stage.price(stack, SOL, "112")
    until(lambda: stage.preview(stack, groups[BTC])["sufficient"])
    evaluated(stack)
    shown = stage.preview(stack, groups[BTC])
    assert (shown["obstacles"], shown["reason"], shown["sufficient"]) == (["BLOCKED"], "BLOCKED", True)
    assert [winner["symbol"] for winner in shown["winners"]] == [SOL]
    stack.terrace("risk", "run", "--group", groups[BTC], "--yes", code=6)
    assert stage.actions(stack) == []


def skipped_is_passed_over_once(stack: Stack, groups: dict[str, str]) -> None:
    stack.terrace("risk", "skip", groups[BTC])
    assert stage.preview(stack, groups[BTC])["obstacles"] == ["BLOCKED", "SKIPPED"]
    evaluated(stack)
    stack.terrace("risk", "unblock", groups[BTC])
    done = stage.ended(stack, 4)
    passed = stack.json("risk", "history", "--group", groups[BTC])["risk_actions"][1]
    assert (passed["state"], passed["state_reason"], passed["steps"]) == ("SKIPPED", "SKIPPED", [])
    assert (done["state"], done["manual"]) == ("DONE", False)
    assert stage.sold(stack, groups[BTC]) == stage.step(10 * (1 - stage.MAKER))
    assert stack.rows("SELECT 1 FROM position_groups WHERE risk_skip <> 0") == []


def evaluated(stack: Stack) -> None:
    """Until the engine has evaluated since now."""
    before = stage.risk(stack)["evaluate_time"]
    until(lambda: stage.risk(stack)["evaluate_time"] > before)


def a_part_is_closed_by_hand(stack: Stack, groups: dict[str, str]) -> None:
    """With `insufficient: partial` and a timer that runs for an hour."""
    stack.write_config({"risk": {"insufficient": "partial", "post_full_wait_s": 3600}})
    stack.terrace("risk", "block", groups[SOL])
    stage.price(stack, BTC, "100")
    loser = stage.buy(stack, BTC, "100")
    stage.price(stack, BTC, "99")
    until(lambda: D(stage.group(stack, loser)["quantity"]))
    stage.price(stack, BTC, "80")
    until(lambda: stage.preview(stack, loser)["obstacles"] == ["TIMER_RUNNING"])
    planned = stack.json("risk", "run", "--group", loser, "--dry-run")["risk_action"]["plan"]
    bid = D("80") * (1 - stage.HALF_SPREAD)
    profit = D("2.997") * (D("107") * (1 - stage.HALF_SPREAD) * (1 - stage.TAKER) - 100)
    assert [(winner["symbol"], D(winner["expected_profit"])) for winner in planned["winners"]] == [(ETH, profit)]
    assert D(planned["loser_quantity"]) == stage.step(profit / (100 - bid * (1 - stage.TAKER)))
    assert stage.sales(stack, groups[ETH]) == [], "nothing was done yet"
    stack.terrace("risk", "run", "--group", loser, "--yes")
    action = stage.ended(stack, 5)
    assert (action["state"], action["state_reason"], action["manual"]) == ("PARTIAL", "INSUFFICIENT_PROFIT", True)
    assert stage.sold(stack, loser) == D(planned["loser_quantity"])
    group = stage.group(stack, loser)
    left = 10 * (1 - stage.MAKER) - D(planned["loser_quantity"])
    assert (group["state"], D(group["quantity"])) == ("ACTIVE", left)
    until(lambda: stage.resting(stack, BTC) == {D("150"): stage.step(left)})


# --- what crosses it on the way ---

LATENCY_MS = 300
RACE: Plain = merged(
    stage.DUEL, {"accounts": {"paper": {"latency_ms": LATENCY_MS}}, "risk": {"enabled": False, "post_full_wait_s": 0}}
)
"""Orders and prices travel for a while, in turn: what is sent first arrives first. Offsets are run by hand."""


@pytest.fixture(scope="module")
def racing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running(tmp_path_factory.mktemp("race"), RACE) as stack:
        yield stack


def until_due(stack: Stack, groups: dict[str, str], *winners: str) -> None:
    """Until the risk engine has seen prices at which these pay for BTC: it does so later than their sender has its
    answer.
    """

    def is_due() -> bool:
        planned = stage.preview(stack, groups[BTC])
        is_paid = bool(planned["sufficient"]) and [winner["symbol"] for winner in planned["winners"]] == [*winners]
        return is_paid and "ABOVE_LOSS_THRESHOLD" not in planned["obstacles"]

    until(is_due)


@pytest.fixture
def race(racing: Stack) -> Iterator[tuple[Stack, dict[str, str]]]:
    """A duel of its own on the stack that all races share; in the end the books balance, whatever happened."""
    groups = stage.open_duel(racing)
    stage.prices(racing, {SOL: "115", BTC: "91"})
    until_due(racing, groups, SOL)
    yield racing, groups
    stage.check_books(racing)
    stage.close_all(racing)


Race = tuple[Stack, dict[str, str]]


@contextmanager
def sent_ahead(stack: Stack, symbol: str, value: str) -> Iterator[None]:
    """A price that is on its way to the exchange: whatever is sent from now on arrives after it."""
    thread = threading.Thread(target=stage.price, args=(stack, symbol, value))
    thread.start()
    stage.preview(stack)  # An answer of the engine: what was sent before has left.
    yield
    thread.join()


@pytest.mark.rule("RISK-7", "RISK-8", "TP-7", "PNL-2")
def test_a_target_that_fills_while_its_winner_is_cut_counts_for_the_offset(race: Race) -> None:
    """What the target has not sold comes from the other leg, and no more."""
    stack, groups = race
    stage.price(stack, BTC, "88")
    until_due(stack, groups, SOL)
    with sent_ahead(stack, SOL, "120.1"):
        begun = stage.run(stack, groups[BTC])
    action = stage.finished(stack, begun["risk_action_id"])
    asked = D(begun["plan"]["winners"][0]["quantity"])
    target, close = stage.sales(stack, groups[SOL])
    assert (target.price, target.quantity) == (D(120), stage.step(6 * (1 - stage.MAKER)))
    assert (close.price, close.quantity) == (
        D("120.1") * (1 - stage.HALF_SPREAD) * (1 - stage.SLIPPAGE),
        asked - target.quantity,
    )
    profit = target.proceeds - target.quantity * 100 + close.proceeds - close.quantity * 99
    assert (action["state"], D(action["realized_profit"])) == ("DONE", profit)
    assert action["steps"][1]["result"] == f"sold {asked}, realised {profit.normalize():f}"
    left = stage.group(stack, groups[SOL])
    assert (left["state"], D(left["quantity"])) == ("ACTIVE", (6 + D("4.04")) * (1 - stage.MAKER) - asked)
    assert stage.resting(stack, SOL) == {D("148.50"): stage.step(D(left["quantity"]))}
    assert stage.sold(stack, groups[BTC]) == stage.step(10 * (1 - stage.MAKER))


@pytest.mark.rule("RISK-7", "RISK-8", "TP-7", "PNL-2")
def test_a_target_that_closes_a_whole_winner_while_it_is_cut_pays_for_the_loser(race: Race) -> None:
    stack, groups = race
    stage.prices(stack, {ETH: "149.5", SOL: "100", BTC: "88"})
    until_due(stack, groups, ETH)
    with sent_ahead(stack, ETH, "150.1"):
        begun = stage.run(stack, groups[BTC])
    [winner] = begun["plan"]["winners"]
    assert (winner["group_id"], winner["full_close"]) == (groups[ETH], False)
    action = stage.finished(stack, begun["risk_action_id"])
    [target] = stage.sales(stack, groups[ETH])
    assert (target.price, target.quantity) == (D(150), stage.step(3 * (1 - stage.MAKER)))
    assert target.quantity > D(winner["quantity"])
    assert (action["state"], D(action["realized_profit"])) == ("DONE", target.proceeds - target.quantity * 100)
    assert stage.group(stack, groups[ETH])["state"] == "CLOSED"
    assert stage.sold(stack, groups[BTC]) == stage.step(10 * (1 - stage.MAKER))


@pytest.mark.rule("RISK-7", "EXIT-1", "PNL-2")
def test_an_exit_of_the_loser_before_a_sale_stops_the_offset_and_restores(race: Race) -> None:
    stack, groups = race
    stage.prices(stack, {ETH: "130", BTC: "80"})
    until_due(stack, groups, SOL, ETH)
    kept = {symbol: stage.resting(stack, symbol) for symbol in (ETH, SOL)}
    begun = stage.run(stack, groups[BTC])
    assert [winner["symbol"] for winner in begun["plan"]["winners"]] == [SOL, ETH]
    leave(stack, groups[BTC])  # SOL's targets are giving way: nothing is sold yet.
    action = stage.finished(stack, begun["risk_action_id"])
    assert (action["state"], action["state_reason"], action["realized_profit"]) == ("STOPPED", "GROUP_CLOSING", "0")
    assert stage.sales(stack, groups[SOL]) == stage.sales(stack, groups[ETH]) == []
    until(lambda: {symbol: stage.resting(stack, symbol) for symbol in kept} == kept, 10, "targets are not restored")
    is_closed_by_exit(stack, groups[BTC])


@pytest.mark.rule("RISK-7", "EXIT-1", "PNL-2")
def test_an_exit_of_the_loser_after_a_sale_keeps_what_was_sold_and_sells_no_more(race: Race) -> None:
    stack, groups = race
    stage.prices(stack, {ETH: "130", BTC: "80"})
    until_due(stack, groups, SOL, ETH)
    kept = stage.resting(stack, ETH)
    begun = stage.run(stack, groups[BTC])
    until(lambda: stage.is_selling(stack, groups[SOL]))
    leave(stack, groups[BTC])
    action = stage.finished(stack, begun["risk_action_id"])
    assert (action["state"], action["state_reason"]) == ("STOPPED", "GROUP_CLOSING")
    assert [step["result"] for step in action["steps"][3:]] == ["not begun"] * 4
    assert D(action["realized_profit"]) == profit_of_sol(stack, groups[SOL]) > 100
    assert stage.sales(stack, groups[ETH]) == []
    assert stage.resting(stack, ETH) == kept
    is_closed_by_exit(stack, groups[BTC])


def leave(stack: Stack, group_id: str) -> None:
    signal = stage.send(stack, alert("BTCUSDT", action="sell", execution_intent={"type": "exit"}))
    assert (signal["outcome"], signal["group_id"]) == ("EXITED", group_id)


def is_closed_by_exit(stack: Stack, group_id: str) -> None:
    until(lambda: stage.group(stack, group_id)["state"] == "CLOSED")
    assert stage.group(stack, group_id)["close_reason"] == "EXIT_SIGNAL"
    assert [sale.quantity for sale in stage.sales(stack, group_id)] == [stage.step(10 * (1 - stage.MAKER))]


@pytest.mark.rule("RISK-7", "PYR-1", "PNL-2")
def test_a_pyramid_of_the_loser_in_the_middle_is_closed_with_it(race: Race) -> None:
    stack, groups = race
    begun = stage.run(stack, groups[BTC])
    assert stage.buy(stack, BTC, "92") == groups[BTC]
    action = stage.finished(stack, begun["risk_action_id"])
    loser = stage.group(stack, groups[BTC])
    assert (loser["state"], loser["close_reason"], loser["pyramid_count"]) == ("CLOSED", "RISK_OFFSET", 2)
    sold = stage.sold(stack, groups[BTC])
    assert sold == stage.step(stage.bought(stack, groups[BTC])) > 20
    assert action["state"] == "DONE"
    assert action["steps"][3]["result"].startswith(f"closed {sold.normalize()}, ")
    assert D(action["realized_profit"]) == profit_of_sol(stack, groups[SOL])


@pytest.mark.rule("RISK-6", "RISK-7", "PNL-2")
def test_prices_that_collapse_in_the_middle_stop_the_offset_or_close_the_covered_share(race: Race) -> None:
    stack, groups = race
    resting = stage.resting(stack, SOL)
    with sent_ahead(stack, SOL, "98"):
        begun = stage.run(stack, groups[BTC])
    action = stage.finished(stack, begun["risk_action_id"])
    assert (action["state"], action["state_reason"]) == ("STOPPED", "SHORTFALL")
    assert action["steps"][1]["result"] == "sold 0, realised 0; stopped: NOT_PROFITABLE"
    assert stage.sales(stack, groups[SOL]) == stage.sales(stack, groups[BTC]) == []
    until(lambda: stage.resting(stack, SOL) == resting)

    stage.price(stack, SOL, "115")
    until_due(stack, groups, SOL)
    begun = stage.run(stack, groups[BTC])
    time.sleep(LATENCY_MS / 2000)  # It arrives when the sale is half-way.
    stage.price(stack, SOL, "98")
    action = stage.finished(stack, begun["risk_action_id"])
    assert (action["state"], action["realized_profit"]) == ("STOPPED", "0")
    states = stack.rows("SELECT state FROM orders WHERE group_id = ? AND role = 'close'", groups[SOL])
    assert states == [("expired",)], "the sale had come too late, and at a worse price there is none"
    assert stage.sales(stack, groups[SOL]) == stage.sales(stack, groups[BTC]) == []
    until(lambda: stage.resting(stack, SOL) == resting)

    stage.price(stack, SOL, "115")
    until_due(stack, groups, SOL)
    begun = stage.run(stack, groups[BTC])
    stage.price(stack, BTC, "70")  # Arrives before the sale, which leaves when SOL's targets have given way.
    assert stage.actions(stack)[-1]["steps"][1]["is_done"] is False
    action = stage.finished(stack, begun["risk_action_id"])
    earned = profit_of_sol(stack, groups[SOL])
    assert D(action["realized_profit"]) == earned
    assert (action["state"], action["state_reason"]) == ("PARTIAL", "SHORTFALL")
    bid = D(70) * (1 - stage.HALF_SPREAD)
    assert stage.sold(stack, groups[BTC]) == stage.step(earned / (100 - bid * (1 - stage.TAKER)))
    left = stage.group(stack, groups[BTC])
    assert left["state"] == "ACTIVE"
    until(lambda: stage.resting(stack, BTC) == {D("150"): stage.step(D(left["quantity"]))})


def profit_of_sol(stack: Stack, group_id: str) -> Decimal:
    """Of a cut of SOL: the far leg goes first, then the near one."""
    sales, far = stage.sales(stack, group_id), stage.step(D("4.04") * (1 - stage.MAKER))
    quantity = sum((sale.quantity for sale in sales), D(0))
    cost = min(quantity, far) * 99 + max(quantity - far, D(0)) * 100
    return sum((sale.proceeds for sale in sales), D(0)) - cost
