"""The risk engine in a whole engine: evaluations, offsets, races, and what a person may do with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from actors import messages as m
from actors import risk_messages as rm
from actors.replies import ReplyBox
from actors.risk import SKIPPED_AGAIN_MS
from actors.rules.choices import Insufficient
from actors.rules.model import CutState, Group, GroupState, Intent, Reason, Refused
from actors.rules.risk_model import OffsetPlan, RiskAction, RiskActionState, RiskStepKind
from tests.actors.risk_town import (
    BTC_USDC,
    ETH_USDC,
    RISKY,
    D,
    RiskTown,
    fall_and_rise,
    off,
    risk_settings,
    risk_town,
)
from tests.actors.town import ACCOUNT, BTC, ETH, POOL, RISK, SOL

DONE, PARTIAL, SKIPPED, STOPPED = (
    RiskActionState.DONE,
    RiskActionState.PARTIAL,
    RiskActionState.SKIPPED,
    RiskActionState.STOPPED,
)


def evaluate(town: RiskTown) -> None:
    """As far as the next evaluation, and what follows from it, with fresh prices."""
    town.pass_time(5_000)
    town.reprice()
    town.pass_time(6_000)


def only(town: RiskTown) -> RiskAction:
    (action,) = town.actions()
    return action


def once(town: RiskTown, to: str, kind: type, act: Callable[[], object]) -> None:
    """Does it right before an actor (of a name that begins so) handles such a message, the first time."""
    is_done = False

    def look(name: str, message: object) -> None:
        nonlocal is_done
        if not is_done and name.startswith(to) and isinstance(message, kind):
            is_done = True
            act()

    town.on_message = look


def market(town: RiskTown, symbol: str, price: str) -> None:
    """The market moves at the venue, in the middle of something."""
    town.exchange.set_price(symbol, D(price), ReplyBox())


def group_name(town: RiskTown, symbol: str) -> str:
    return f"group/{town.of(symbol).group_id}"


def mark(town: RiskTown, symbol: str, *, blocked: bool | None = None, skip: bool | None = None) -> object:
    return town.ask(
        group_name(town, symbol),
        lambda reply_to: rm.MarkRisk(
            group_id=town.of(symbol).group_id, who="ann", reply_to=reply_to, blocked=blocked, skip=skip
        ),
    )


def run(town: RiskTown, symbol: str = "", *, is_dry_run: bool = False) -> object:
    group_id = town.of(symbol).group_id if symbol else ""
    return town.ask(
        RISK, lambda reply_to: rm.RunOffset(group_id=group_id, who="ann", reply_to=reply_to, is_dry_run=is_dry_run)
    )


def preview(town: RiskTown, symbol: str = "") -> OffsetPlan:
    group_id = town.of(symbol).group_id if symbol else ""
    answer = town.ask(RISK, lambda reply_to: rm.PreviewOffset(group_id=group_id, reply_to=reply_to))
    assert isinstance(answer, OffsetPlan), answer
    return answer


def describe(town: RiskTown) -> rm.RiskDescription:
    answer = town.ask(RISK, lambda reply_to: rm.DescribeRisk(reply_to=reply_to))
    assert isinstance(answer, rm.RiskDescription)
    return answer


def check(town: RiskTown) -> None:
    town.check()
    town.check_profit()


# --- the whole of it ------------------------------------------------------------------------------


@pytest.mark.rule("RISK-6", "RISK-7", "RISK-8", "RISK-9")
def test_the_worked_offset(tmp_path: Path) -> None:
    """Loser -120; A +80 closed whole, 8 of B's 10 for the other 40; then the loser."""
    with risk_town(tmp_path) as town:
        fall_and_rise(town)
        evaluate(town)
        action = only(town)
        assert (action.state, action.realized_profit, action.realized_loss) == (DONE, D(120), D(120))
        assert [(step.kind, step.group_id, step.sold) for step in action.steps if step.sold] == [
            (RiskStepKind.CLOSE_WINNER, town.of(ETH).group_id, D(10)),
            (RiskStepKind.CLOSE_WINNER, town.of(SOL).group_id, D(8)),
            (RiskStepKind.CLOSE_LOSER, town.of(BTC).group_id, D(10)),
        ]
        assert (town.of(BTC).state, town.of(BTC).close_reason) == (GroupState.CLOSED, Reason.RISK_OFFSET)
        assert town.of(SOL).state is GroupState.ACTIVE
        (target,) = town.of(SOL).open_orders()
        assert (target.remaining, target.price) == (D(2), D(150)), "its target stands for what is left"
        pool = town.ask(POOL, lambda reply_to: m.ResumeEngine(accounts=(), who="ann", reply_to=reply_to))
        assert isinstance(pool, m.EngineState)
        assert len(town.view.current.groups) == 1, "the slots of those that closed are free"
        check(town)


@pytest.mark.rule("RISK-10")
def test_an_action_says_what_it_was_made_from_and_in_a_traders_words(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        fall_and_rise(town)
        evaluate(town)
        inputs = only(town).inputs
        assert (inputs["loser"], inputs["loser_price"], inputs["loss"]) == (
            "BTC/USDT 1h long on paper",
            "88",
            "120 USDT",
        )
        assert (inputs["winner_1_price"], inputs["winner_2_unrealized"]) == ("108", "50")
        assert inputs["loss_threshold_percent"] == "-5"
        words = [text for (text,) in town.rows("SELECT message FROM events WHERE type LIKE 'risk.%' ORDER BY sequence")]
        assert any(
            "BTC/USDT 1h long at a loss of 120 USDT is closed with profit from all of ETH/USDT 1h long" in text
            for text in words
        )
        assert words[-1] == ("offset done: BTC/USDT 1h long closed with a loss of 120, paid by a profit of 120 USDT")


@pytest.mark.rule("RISK-7")
def test_the_plan_is_stored_before_anybody_is_asked_and_every_step_before_the_next(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        seen: list[tuple[str, int]] = []

        def look(_name: str, message: object) -> None:
            if isinstance(message, rm.CutGroup):
                stored = only(town)
                step = stored.steps[int(message.cut_id.partition(":")[2])]
                assert step.is_asked
                assert message.quantity == (None if step.is_whole else step.quantity)
                seen.append((message.cut_id, sum(one.is_done for one in stored.steps)))

        town.on_message = look
        fall_and_rise(town)
        evaluate(town)
        first = dict(reversed(seen))
        assert list(first.values())[::-1] == [0, 3, 6], "each cut is first asked when all before it is done"


@pytest.mark.rule("RISK-9")
def test_it_evaluates_again_after_each_offset(tmp_path: Path) -> None:
    """Two losers, one after the other: never two at a time in a quote currency."""
    with risk_town(tmp_path, risk_settings(RISKY)) as town:
        town.submit(town.signal(BTC, "100", timeframe="4h"))
        town.price(ETH, "140")
        town.price(SOL, "140")
        most = 0

        def look(_name: str, _message: object) -> None:
            nonlocal most
            running = town.rows("SELECT count(*) FROM risk_actions WHERE end_time_ms IS NULL")[0][0]
            most = max(most, running)

        town.on_message = look
        town.price(BTC, "80")
        evaluate(town)
        assert [action.state for action in town.actions()] == [DONE, DONE]
        assert most == 1
        check(town)


@pytest.mark.rule("RISK-5", "RISK-9")
@pytest.mark.parametrize("equal", [(), (("USDT", "USDC"),)], ids=["apart", "equal"])
def test_each_quote_currency_has_its_own_offset_unless_they_count_as_equal(
    tmp_path: Path, equal: tuple[tuple[str, ...], ...]
) -> None:
    with risk_town(tmp_path, risk_settings(replace(RISKY, equal_quotes=equal))) as town:
        town.open_all(BTC_USDC, ETH_USDC)
        most = 0

        def look(_name: str, _message: object) -> None:
            nonlocal most
            most = max(most, len(town.risk()._running))

        town.price(ETH, "140")
        town.price(ETH_USDC, "140", settle=False)
        town.price(BTC, "88", settle=False)
        town.on_message = look
        town.price(BTC_USDC, "90")
        evaluate(town)
        done = [action for action in town.actions() if action.state is DONE]
        assert {action.plan.loser_group_id for action in done} == {town.of(BTC).group_id, town.of(BTC_USDC).group_id}
        assert most == (1 if equal else 2)
        in_usdt = [action for action in done if action.quote == "USDT"]
        winners = {winner.symbol for action in in_usdt for winner in action.plan.winners}
        assert winners == {ETH}


@pytest.mark.rule("RISK-9")
def test_a_fill_makes_for_an_evaluation_and_many_for_one(tmp_path: Path) -> None:
    slow = replace(RISKY, evaluate_interval_s=3600)
    with risk_town(tmp_path, risk_settings(slow)) as town:
        town.pass_time(1)
        before = describe(town).evaluate_time_ms
        fall_and_rise(town)
        town.pass_time(5_000)
        assert town.actions() == []
        assert describe(town).evaluate_time_ms == before
        town.submit(town.signal(BTC, "88", timeframe="4h"))
        town.pass_time(1_000)
        assert only(town).state is DONE


@pytest.mark.rule("RISK-9")
def test_fills_count_only_if_that_is_wanted(tmp_path: Path) -> None:
    slow = replace(RISKY, evaluate_interval_s=3600, evaluate_on_fill=False)
    with risk_town(tmp_path, risk_settings(slow)) as town:
        fall_and_rise(town)
        town.submit(town.signal(BTC, "88", timeframe="4h"))
        town.pass_time(5_000)
        assert town.actions() == []


@pytest.mark.rule("RISK-9")
def test_new_settings_count_at_once(tmp_path: Path) -> None:
    slow = replace(RISKY, evaluate_interval_s=3600, loss_threshold_percent=D(-20))
    with risk_town(tmp_path, risk_settings(slow)) as town:
        fall_and_rise(town)
        town.pass_time(11_000)
        assert town.actions() == []
        town.change(risk_settings(replace(slow, loss_threshold_percent=D(-10))))
        town.pass_time(1_000)
        assert only(town).state is DONE


@pytest.mark.rule("RISK-9")
def test_switched_off_it_evaluates_nothing_but_still_runs_by_hand(tmp_path: Path) -> None:
    with risk_town(tmp_path, risk_settings(off())) as town:
        fall_and_rise(town)
        evaluate(town)
        assert town.actions() == []
        assert describe(town).next_evaluate_time_ms is None
        assert Reason.RISK_DISABLED in preview(town, BTC).obstacles
        town.reprice()
        answer = run(town)
        assert isinstance(answer, RiskAction)
        assert (only(town).state, only(town).is_manual, only(town).who) == (DONE, True, "ann")


def test_closes_are_exits_so_a_paused_engine_goes_on_with_them(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.ask(POOL, lambda reply_to: m.PauseEngine(accounts=(), cancel_entries=False, who="ann", reply_to=reply_to))
        fall_and_rise(town)
        evaluate(town)
        assert only(town).state is DONE


# --- what is skipped ------------------------------------------------------------------------------


@pytest.mark.rule("RISK-10")
def test_a_loser_nobody_can_pay_for_is_stored_once_and_not_at_every_evaluation(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.price(ETH, "102")
        town.price(BTC, "80")
        for _ in range(4):
            evaluate(town)
        assert (only(town).state, only(town).reason) == (SKIPPED, Reason.INSUFFICIENT_PROFIT)
        assert only(town).plan.expected_profit == 20
        assert only(town).steps == ()
        town.price(ETH, "100")
        evaluate(town)
        assert [action.reason for action in town.actions()] == [Reason.INSUFFICIENT_PROFIT, Reason.NO_WINNERS]
        town.system.advance(SKIPPED_AGAIN_MS)
        town.reprice()
        evaluate(town)
        assert town.actions()[-1].reason is Reason.NO_WINNERS
        assert len(town.actions()) == 3


@pytest.mark.rule("RISK-10")
def test_what_was_skipped_is_known_after_a_restart_too(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.price(BTC, "80")
        evaluate(town)
        town.kill()
        town.settle()
        for _ in range(2):
            evaluate(town)
        assert len(town.actions()) == 1


@pytest.mark.rule("RISK-6")
def test_a_covered_share_is_closed_where_that_is_wanted(tmp_path: Path) -> None:
    with risk_town(tmp_path, risk_settings(replace(RISKY, insufficient=Insufficient.PARTIAL))) as town:
        town.price(ETH, "106")
        town.price(BTC, "88")
        evaluate(town)
        action = town.actions()[0]
        assert (action.state, action.reason, action.realized_profit) == (PARTIAL, Reason.INSUFFICIENT_PROFIT, D(60))
        assert town.held(BTC) == 5
        (target,) = town.of(BTC).open_orders()
        assert target.remaining == 5
        check(town)


@pytest.mark.rule("RISK-1", "RISK-12")
def test_a_group_is_passed_over_once(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        assert isinstance(mark(town, BTC, skip=True), Group)
        fall_and_rise(town)
        town.pass_time(10_000)
        assert (only(town).state, only(town).reason) == (SKIPPED, Reason.SKIPPED)
        assert not town.of(BTC).risk_skip, "it is used up"
        evaluate(town)
        assert [action.state for action in town.actions()] == [SKIPPED, DONE]


@pytest.mark.rule("RISK-12")
def test_an_evaluation_that_would_not_have_taken_it_uses_no_skip_up(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        mark(town, BTC, skip=True)
        evaluate(town)
        assert town.of(BTC).risk_skip


@pytest.mark.rule("RISK-5", "RISK-12")
def test_a_blocked_group_is_neither_loser_nor_winner(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        mark(town, BTC, blocked=True)
        fall_and_rise(town)
        evaluate(town)
        assert town.actions() == []
        mark(town, BTC, blocked=False)
        mark(town, ETH, blocked=True)
        evaluate(town)
        assert only(town).reason is Reason.INSUFFICIENT_PROFIT
        audited = town.rows("SELECT message FROM events WHERE type = 'group.risk_marked' ORDER BY sequence")
        assert audited[0] == ("risk engine: blocked by ann",)


# --- what happens meanwhile -----------------------------------------------------------------------


@pytest.mark.rule("RISK-7")
def test_a_target_that_fills_while_the_cut_is_on_its_way_counts(tmp_path: Path) -> None:
    """ETH's target is reached in the very moment: all of it goes at 150, far more than was needed."""
    with risk_town(tmp_path) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        once(town, group_name(town, ETH), rm.CutGroup, lambda: market(town, ETH, "150"))
        town.price(BTC, "88")
        evaluate(town)
        action = only(town)
        assert action.state is DONE
        assert action.realized_profit + town.of(SOL).realized >= 0
        assert town.of(ETH).realized == 500
        assert town.of(BTC).state is GroupState.CLOSED
        check(town)


@pytest.mark.rule("RISK-7")
def test_an_exit_for_the_loser_in_the_middle_stops_the_offset(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        exit = town.signal(BTC, None, Intent.EXIT)
        once(town, group_name(town, SOL), rm.CutGroup, lambda: town.send(exit))
        town.price(BTC, "88")
        evaluate(town)
        action = only(town)
        assert (action.state, action.reason) == (STOPPED, Reason.GROUP_CLOSING)
        assert town.of(BTC).close_reason is Reason.EXIT_SIGNAL
        assert action.realized_profit >= 80
        assert town.rows("SELECT alert_key FROM alerts") == [(f"risk_stopped/{town.of(BTC).group_id}",)]
        check(town)


@pytest.mark.rule("RISK-7")
def test_an_exit_for_the_loser_while_targets_give_way_sells_no_winner_for_nothing(tmp_path: Path) -> None:
    """Nobody asks or answers the risk engine then: the loser itself says that it leaves."""
    settings = risk_settings()
    slow = replace(settings.accounts[ACCOUNT], latency_ms=300)
    with risk_town(tmp_path, replace(settings, accounts={ACCOUNT: slow})) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        exit = town.signal(BTC, None, Intent.EXIT)
        once(town, RISK, rm.CutReported, lambda: town.send(exit))
        town.price(BTC, "88")
        evaluate(town)
        action = only(town)
        assert (action.state, action.reason) == (STOPPED, Reason.GROUP_CLOSING)
        assert (action.realized_profit, town.held(ETH), town.held(SOL)) == (D(0), D(10), D(10))
        assert town.of(BTC).close_reason is Reason.EXIT_SIGNAL
        check(town)


@pytest.mark.rule("RISK-7")
def test_an_exit_for_the_next_winner_leaves_it_out(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        exit = town.signal(SOL, None, Intent.EXIT)
        once(town, group_name(town, ETH), rm.CutGroup, lambda: town.send(exit))
        town.price(BTC, "88")
        evaluate(town)
        action = town.actions()[0]
        assert (action.state, action.reason) == (PARTIAL, Reason.SHORTFALL)
        assert action.realized_profit == 80
        assert action.realized_loss <= 80
        check(town)


@pytest.mark.rule("RISK-7")
def test_a_pyramid_that_the_loser_gets_meanwhile_is_part_of_it(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        more = town.signal(BTC, "88")
        once(town, group_name(town, SOL), rm.CutGroup, lambda: town.send(more))
        town.price(BTC, "88")
        evaluate(town)
        action = town.actions()[0]
        assert (action.state, action.realized_loss) == (DONE, D(120)), (
            "what was bought at the price of now loses nothing"
        )
        assert town.of(BTC).state is GroupState.CLOSED
        check(town)


@pytest.mark.rule("RISK-7")
def test_a_winner_whose_price_collapses_is_not_sold_at_a_loss(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        once(town, group_name(town, ETH), rm.CutGroup, lambda: market(town, ETH, "95"))
        town.price(BTC, "88")
        evaluate(town)
        action = town.actions()[0]
        assert (action.state, action.reason) == (PARTIAL, Reason.SHORTFALL)
        assert action.realized_profit == 50, "all of SOL, which was needed for 40 of it only"
        assert action.realized_loss <= 50
        assert town.held(ETH) == 10
        assert [order.remaining for order in town.of(ETH).open_orders()] == [10], "its target stands again"
        check(town)


@pytest.mark.rule("RISK-7")
def test_a_loser_that_recovers_meanwhile_is_kept(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        once(town, group_name(town, ETH), rm.CutGroup, lambda: market(town, BTC, "101"))
        town.price(BTC, "88")
        evaluate(town)
        action = only(town)
        assert (action.state, action.reason) == (STOPPED, Reason.RECOVERED)
        assert town.held(BTC) == 10
        assert town.held(SOL) == 10
        assert [order.remaining for order in town.of(BTC).open_orders()] == [10]
        check(town)


@pytest.mark.rule("RISK-7", "RISK-12")
@pytest.mark.parametrize("symbol", [BTC, SOL])
def test_a_block_in_the_middle_keeps_the_group_out(tmp_path: Path, symbol: str) -> None:
    with risk_town(tmp_path) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        blocked = rm.MarkRisk(group_id=town.of(symbol).group_id, who="ann", reply_to=None, blocked=True)
        name = group_name(town, symbol)
        once(town, group_name(town, ETH), rm.CutGroup, lambda: town.system.tell(name, blocked))
        town.price(BTC, "88")
        evaluate(town)
        action = town.actions()[0]
        assert town.held(symbol) == 10
        if symbol == BTC:
            assert (action.state, action.reason) == (STOPPED, Reason.BLOCKED)
        else:
            assert (action.state, action.reason) == (PARTIAL, Reason.SHORTFALL)
        check(town)


@pytest.mark.rule("RISK-7")
def test_switching_the_engine_off_stops_what_it_has_begun(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        changed = replace(town.settings, risk=off())
        once(town, group_name(town, ETH), rm.CutGroup, lambda: town.parts.change_settings(changed))
        town.price(BTC, "88")
        evaluate(town)
        assert (only(town).state, only(town).reason) == (STOPPED, Reason.RISK_DISABLED)
        assert town.held(SOL) == 10
        check(town)


@pytest.mark.rule("RISK-7")
def test_what_a_closed_group_had_sold_for_a_cut_is_told_when_it_is_asked_again(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        fall_and_rise(town)
        evaluate(town)
        told: list[rm.CutReported] = []

        def look(_name: str, message: object) -> None:
            if isinstance(message, rm.CutReported):
                told.append(message)

        town.on_message = look
        group_id, cut_id = town.of(ETH).group_id, f"{only(town).action_id}:1"
        assert not town.system.incarnation(f"group/{group_id}")
        asked = rm.CutGroup(
            group_id=group_id,
            cut_id=cut_id,
            quantity=None,
            reason=Reason.RISK_OFFSET,
            worst_price=None,
            report_to=RISK,
        )
        town.system.tell(f"group/{group_id}", asked)
        town.settle()
        assert told[-1].cut is not None
        assert (told[-1].cut.state, told[-1].cut.sold, told[-1].closed) == (CutState.DONE, D(10), True)
        town.system.tell("group/nobodyknows1", replace(asked, group_id="nobodyknows1"))
        town.settle()
        assert told[-1].group_id == "nobodyknows1"
        assert told[-1].cut is None


# --- by hand --------------------------------------------------------------------------------------


@pytest.mark.rule("RISK-11")
def test_a_preview_answers_for_any_group_and_says_what_stands_in_the_way(tmp_path: Path) -> None:
    waits = replace(RISKY, post_full_wait_s=3600)
    with risk_town(tmp_path, risk_settings(waits)) as town:
        fall_and_rise(town)
        plan = preview(town, BTC)
        assert plan.obstacles == (Reason.TIMER_RUNNING,)
        assert (plan.required, plan.expected_profit, plan.is_sufficient) == (D(120), D(120), True)
        assert preview(town).reason is Reason.NO_LOSER
        mark(town, BTC, blocked=True)
        assert set(preview(town, BTC).obstacles) == {Reason.BLOCKED, Reason.TIMER_RUNNING}
        assert Reason.ABOVE_LOSS_THRESHOLD in preview(town, ETH).obstacles
        assert town.actions() == [], "nothing is stored or done"
        standing = {one.group_id: one for one in describe(town).groups}[town.of(BTC).group_id]
        assert (standing.unrealized, standing.unrealized_percent) == (D(-120), D(-12))
        assert standing.timer_start_ms is not None
        assert standing.timer_expire_ms == standing.timer_start_ms + 3_600_000


@pytest.mark.rule("RISK-11")
def test_a_preview_is_what_then_happens(tmp_path: Path) -> None:
    with risk_town(tmp_path, risk_settings(replace(RISKY, evaluate_interval_s=3600))) as town:
        fall_and_rise(town)
        plan = preview(town)
        town.reprice()
        run(town)
        assert only(town).plan == plan


@pytest.mark.rule("RISK-12")
def test_a_run_by_hand_skips_the_timer_but_not_the_arithmetic(tmp_path: Path) -> None:
    waits = replace(RISKY, post_full_wait_s=3600)
    with risk_town(tmp_path, risk_settings(waits)) as town:
        town.price(ETH, "108")
        town.price(BTC, "88")
        refused = run(town)
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.INSUFFICIENT_PROFIT
        assert (only(town).state, only(town).is_manual) == (SKIPPED, True)
        town.price(SOL, "105")
        town.reprice()
        dry = run(town, BTC, is_dry_run=True)
        assert isinstance(dry, RiskAction)
        assert len(town.actions()) == 1
        answer = run(town, BTC)
        assert isinstance(answer, RiskAction)
        assert answer.state is RiskActionState.PLANNED
        assert [action.state for action in town.actions()] == [SKIPPED, DONE]
        check(town)


@pytest.mark.rule("RISK-12")
def test_a_run_by_hand_is_refused_with_what_stands_in_the_way(tmp_path: Path) -> None:
    with risk_town(tmp_path, risk_settings(off())) as town:
        fall_and_rise(town)
        mark(town, BTC, blocked=True)
        for refused in (run(town, BTC), run(town)):
            assert isinstance(refused, Refused)
        assert run(town, BTC) == Refused(
            reason=Reason.BLOCKED,
            detail="BTC/USDT 1h long cannot be taken as loser: it is blocked; "
            f"`terrace risk unblock {town.of(BTC).group_id}` lifts that",
        )
        nobody = town.ask(RISK, lambda reply_to: rm.RunOffset(group_id="nobody", who="ann", reply_to=reply_to))
        assert isinstance(nobody, Refused)
        assert nobody.reason is Reason.NOT_FOUND
        assert town.actions() == []


@pytest.mark.rule("RISK-9", "RISK-12")
def test_a_second_run_waits_for_the_first_to_end(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.price(ETH, "108")
        town.price(SOL, "105")
        boxes: list[ReplyBox] = []

        def again() -> None:
            boxes.append(
                town.system.ask(RISK, lambda reply_to: rm.RunOffset(group_id="", who="ann", reply_to=reply_to))
            )
            loser = town.of(BTC).group_id
            boxes.append(
                town.system.ask(RISK, lambda reply_to: rm.RunOffset(group_id=loser, who="ann", reply_to=reply_to))
            )

        once(town, group_name(town, ETH), rm.CutGroup, again)
        town.price(BTC, "88")
        evaluate(town)
        answers = [box.answer for box in boxes]
        assert [answer.reason for answer in answers if isinstance(answer, Refused)] == [
            Reason.NO_LOSER,
            Reason.OFFSET_RUNNING,
        ]
        assert only(town).state is DONE


@pytest.mark.rule("RISK-12")
def test_a_group_that_closes_can_not_be_marked(tmp_path: Path) -> None:
    with risk_town(tmp_path) as town:
        town.submit(town.signal(BTC, None, Intent.EXIT))
        answer = mark(town, BTC, blocked=True)
        assert isinstance(answer, Refused)
