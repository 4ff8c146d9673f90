"""What the page Risk shows, made from the daemon's answers."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.obstacles import WORDS as CONTROL_WORDS
from gui.pages.risk.groups import group_rows, offer_rows, quote_of
from gui.pages.risk.history import action_row, action_rows
from gui.pages.risk.limits import limit_rows, part_of
from gui.pages.risk.plan import plan_rows, plan_why, verdict
from gui.pages.risk.presses import would
from gui.pages.risk.settings import Settings, plain
from gui.pages.risk.state import rules_row, running_rows, state_row
from gui.pages.risk.steps import step_rows
from gui.show.amounts import gain, lost, money
from gui.show.moments import span
from gui.show.numbers import NONE
from gui.show.obstacles import MEANING, WORDS, in_words
from protos.terrace.v1 import engine_pb2, group_pb2
from protos.terrace.v1 import risk_pb2 as pb
from protos.terrace.v1.types_pb2 import GroupState, LimitState, RiskState, Side, World

D = Decimal
SETTINGS = Settings(
    values={
        "risk.enabled": "true",
        "risk.require_full_pyramids": "true",
        "risk.timer_start": "after_all_dca_filled",
        "risk.post_full_wait_s": "3600",
        "risk.loss_threshold_percent": "-5",
        "risk.use_trade_age_filter": "true",
        "risk.age_threshold_s": "12000",
        "risk.max_winners_to_combine": "2",
        "risk.insufficient": "skip",
        "risk.evaluate_interval_s": "10",
        "limits.on_breach": "no_new_groups",
        "limits.max_total_exposure": "1000",
        "limits.max_drawdown_percent": "20",
        "limits.max_consecutive_losses": "3",
    }
)


def text(cell: Any) -> str:
    """A cell as on a keyboard."""
    shown: str = cell if isinstance(cell, str) else cell[0]
    return shown.replace("\N{NARROW NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def tone(cell: Any) -> str:
    return "" if isinstance(cell, str) else str(cell[1])


def risk_of(group_id: str, percent: str, amount: str, *obstacles: str, **more: Any) -> pb.GroupRisk:
    return pb.GroupRisk(
        group_id=group_id,
        symbol="BTC/USDT",
        timeframe="1h",
        unrealized_pnl_percent=percent,
        unrealized_pnl=amount,
        obstacles=obstacles,
        eligible=not obstacles,
        **more,
    )


def group_of(group_id: str, pyramids: int = 3, most: int = 5, **more: Any) -> group_pb2.Group:
    return group_pb2.Group(group_id=group_id, side=Side.SIDE_LONG, pyramid_count=pyramids, max_pyramids=most, **more)


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.rule("RISK-11")
def test_obstacles_have_the_words_of_the_command_line_and_all_of_them_a_meaning() -> None:
    assert WORDS == CONTROL_WORDS
    assert set(MEANING) == set(WORDS)


def test_obstacles_without_words_stand_as_they_are_and_none_is_a_dash() -> None:
    assert in_words(["BLOCKED", "SOMETHING_NEW"]) == "blocked by a user, SOMETHING_NEW"
    assert in_words([]) == NONE


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (45, "45 s"), (60, "1 m"), (750, "12 m 30 s"), (3600, "1 h"), (3605, "1 h"), (93_600, "1 d 2 h")],
)
def test_a_period_is_said_in_two_units_at_most(seconds: int, words: str) -> None:
    assert text(span(seconds)) == words


def test_amounts_say_their_currency_and_coins_keep_their_places() -> None:
    assert text(money("1234.567", "USDT")) == "1 234.57 USDT"
    assert text(money("0.00012345678", "BTC")) == "0.00012346 BTC"
    assert money("", "USDT") == NONE
    assert (text(gain("12.5", "USDT")), tone(gain("12.5", "USDT"))) == ("+12.50 USDT", "gain")
    assert (text(lost("12.5", "USDT")), tone(lost("12.5", "USDT"))) == ("-12.50 USDT", "loss")
    assert text(lost("0", "USDT")) == "0.00 USDT"
    assert lost("", "USDT")[0] == NONE


@given(st.decimals(min_value=D("-1e9"), max_value=D("1e9"), places=6, allow_nan=False))
def test_a_loss_is_the_gain_of_the_negative_amount(amount: Decimal) -> None:
    assert lost(f"{amount:f}", "USDT")[0] == gain(f"{-amount:f}" if amount else "0", "USDT")[0]


@pytest.mark.parametrize(
    ("value", "shown"), [("null", ""), ('"-5"', "-5"), ("true", "true"), ("'x'", "x"), ("[]", "[]")]
)
def test_a_yaml_value_is_read_as_the_text_it_is(value: str, shown: str) -> None:
    assert plain(value) == shown


# --- state ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "word", "colour"),
    [
        (RiskState.RISK_STATE_IDLE, "idle", "good"),
        (RiskState.RISK_STATE_HELD, "held", "bad"),
        (RiskState.RISK_STATE_DISABLED, "disabled", "warn"),
    ],
)
def test_the_state_has_a_word_and_its_reason(state: int, word: str, colour: str) -> None:
    row = state_row(pb.RiskStatus(state=state, state_reason="the store takes no writes"), SETTINGS)  # type: ignore[arg-type]
    assert row["state"] == (word, colour)
    assert row["why"] == "the store takes no writes"


@pytest.mark.rule("RISK-1", "RISK-2")
def test_the_rules_are_said_as_they_are_in_force() -> None:
    row = rules_row(SETTINGS)
    assert text(row["threshold"]) == "-5.00 %"
    assert row["required"] == "all pyramids of its strategy"
    assert text(row["timer"]) == "1 h, after all DCA legs filled"
    assert text(row["age"]) == "older than 3 h 20 m"


# --- candidates and offers ------------------------------------------------------------------------


@pytest.mark.rule("RISK-1", "RISK-4")
def test_candidates_are_the_eligible_first_then_by_loss_and_those_without_a_price_last() -> None:
    risk = pb.RiskStatus(
        groups=[
            risk_of("none", "", "0", "NOT_FILLED"),
            risk_of("small", "-6", "-60"),
            risk_of("waits", "-20", "-200", "TIMER_RUNNING"),
            risk_of("deep", "-9.999", "-90.5"),
        ]
    )
    rows = group_rows(risk, {"deep": group_of("deep")}, SETTINGS)
    assert list(rows) == ["deep", "small", "waits", "none"]
    assert text(rows["deep"]["percent"]) == "-10.00 %"
    assert text(rows["deep"]["amount"]) == "-90.50 USDT"
    assert rows["deep"]["stands"] == ("eligible", "bad")
    assert rows["waits"]["obstacles"] == "timer running"
    assert rows["none"]["percent"] == rows["none"]["amount"] == (NONE, "dim", ""), "nothing is held, so nothing is lost"


def test_a_group_shows_pyramids_of_those_it_needs_and_what_a_person_did() -> None:
    risk = pb.RiskStatus(
        groups=[risk_of("a", "-6", "-60", "BLOCKED", blocked=True), risk_of("b", "-6", "-60", "SKIPPED", skipped=True)]
    )
    groups = {"a": group_of("a", 3, 5), "b": group_of("b", 2, 5)}
    rows = group_rows(risk, groups, Settings(values={**SETTINGS.values, "risk.required_pyramids": "2"}))
    assert (text(rows["a"]["pyramids"]), rows["a"]["stands"]) == ("3 / 2", ("blocked", "warn"))
    assert (text(rows["b"]["pyramids"]), rows["b"]["stands"]) == ("2 / 2", ("skipped once", "warn"))


@pytest.mark.rule("RISK-5")
def test_offers_are_the_richest_that_may_pay_and_no_more_than_are_combined() -> None:
    risk = pb.RiskStatus(
        groups=[
            risk_of("loser", "-6", "-60"),
            risk_of("second", "5", "50"),
            risk_of("closing", "9", "90"),
            risk_of("first", "8", "80"),
            risk_of("third", "1", "10"),
            risk_of("held", "4", "40", "INSTRUMENT_HELD"),
            risk_of("blocked", "7", "70", "BLOCKED", blocked=True),
            risk_of("skipped", "6", "60", "SKIPPED", skipped=True),
        ]
    )
    groups = {"closing": group_of("closing", state=GroupState.GROUP_STATE_CLOSING)}
    rows = offer_rows(risk, groups, SETTINGS)
    assert list(rows) == ["closing", "first", "blocked", "skipped", "second", "held", "third"]
    told = [text(row["pays"]) for row in rows.values()]
    assert told == ["closing", "1 of 2", "blocked", "skipped once", "2 of 2", "its books differ", "no, 2 are enough"]


def test_the_quote_of_a_contract_is_not_what_settles_it() -> None:
    assert (quote_of("BTC/USDT"), quote_of("BTC/USDC:USDC")) == ("USDT", "USDC")


# --- plan and history -----------------------------------------------------------------------------

PLAN: Mapping[str, Any] = {
    "loser_group_id": "loser",
    "quote": "USDT",
    "loss": "120",
    "loser_fee": "1.88",
    "buffer": "0",
    "required": "121.88",
    "expected_profit": "121.8981",
    "loser_percent": "100",
    "loser_quantity": "20",
    "sufficient": True,
    "winners": [
        pb.OffsetWinner(group_id="eth", symbol="ETH/USDT", quantity="20", expected_profit="78.92", full_close=True),
        pb.OffsetWinner(group_id="sol", symbol="SOL/USDT", quantity="87.8", expected_profit="42.9781"),
    ],
    "world": World.WORLD_PAPER,
}


def a_plan(**changes: Any) -> pb.OffsetPlan:
    return pb.OffsetPlan(**{**PLAN, **changes})


@pytest.mark.rule("RISK-6", "RISK-11")
def test_a_plan_shows_its_sum_and_each_winner() -> None:
    rows = plan_rows(a_plan())
    total = rows[""]
    assert text(total["loss"]) == "-120.00 USDT"
    assert text(total["fee"]) == "1.88 USDT"
    assert text(total["required"]) == "121.88 USDT"
    assert text(total["expected"]) == "+121.90 USDT"
    assert total["verdict"] == ("sufficient", "good")
    assert [text(rows[name]["quantity"]) for name in ("eth", "sol")] == ["20", "87.8"]
    assert [rows[name]["whole"] for name in ("eth", "sol")] == ["all it holds", "a part"]


def test_a_plan_without_a_loser_shows_dashes_and_says_why_without_commands() -> None:
    plan = pb.OffsetPlan(reason="NO_LOSER", reason_detail="no group is eligible; `terrace risk show` says why")
    row = plan_rows(plan)[""]
    assert (row["required"], row["loss"], row["closes"]) == (NONE, (NONE, "dim", ""), "nothing")
    assert row["verdict"] == ("no loser", "dim")
    assert row["why"] == "no group can be taken as loser: no group is eligible; the candidates say why"
    assert row["runs"] == "", "a run has nothing to take"
    assert plan_rows(a_plan())[""]["runs"] == "yes"


@pytest.mark.rule("RISK-12")
def test_a_run_by_hand_may_take_a_loser_whose_timer_still_runs() -> None:
    detail = (
        "no group is eligible; `terrace risk show` says why; `terrace risk run`, which skips the timer, would take A"
    )
    row = plan_rows(pb.OffsetPlan(reason="NO_LOSER", reason_detail=detail))[""]
    assert row["runs"] == "yes"
    assert text(row["why"]).endswith("a run by hand, which skips the timer, would take A")


@pytest.mark.rule("RISK-6")
def test_a_plan_that_winners_cannot_cover_says_so_and_how_much_is_closed() -> None:
    short = a_plan(sufficient=False, loser_percent="0", reason="INSUFFICIENT_PROFIT", reason_detail="50 of 121.88")
    assert verdict(short) == ("not sufficient", "bad")
    assert plan_why(short) == "winners cannot cover it: 50 of 121.88"
    part = a_plan(sufficient=False, loser_percent="41.0239", reason="INSUFFICIENT_PROFIT")
    assert verdict(part) == ("a part is covered", "warn")
    assert text(plan_rows(part)[""]["closes"]) == "41.02 % of the loser"


def an_action(**changes: Any) -> pb.RiskAction:
    action = pb.RiskAction(
        risk_action_id="one",
        state=pb.RISK_ACTION_STATE_DONE,
        plan=a_plan(),
        realized_profit="121.8981",
        realized_loss="121.88",
        inputs={"loser": "BTC/USDT 1h long on paper", "loser_price": "94"},
        steps=[
            pb.RiskStep(index=0, kind=pb.RISK_STEP_KIND_CLOSE_WINNER, group_id="eth", quantity="20", done=True),
            pb.RiskStep(index=1, kind=pb.RISK_STEP_KIND_CLOSE_LOSER, group_id="loser", quantity="20"),
        ],
    )
    action.create_time.FromMilliseconds(1_000)
    for name, value in changes.items():
        setattr(action, name, value)
    return action


@pytest.mark.rule("RISK-10")
def test_a_line_of_the_history_has_plan_and_result_beside_each_other() -> None:
    row = action_row(an_action())
    assert text(row["required"]) == "121.88 USDT"
    assert text(row["realized"]) == "+121.90 USDT"
    assert (text(row["planned_loss"]), text(row["loss"])) == ("-121.88 USDT", "-121.88 USDT")
    assert text(row["net"]) == "+0.02 USDT"
    assert (row["loser"], row["account"]) == ("BTC/USDT 1h long", "paper")


@pytest.mark.rule("RISK-10")
def test_an_action_that_was_not_begun_has_no_result() -> None:
    skipped = an_action(state=pb.RISK_ACTION_STATE_SKIPPED, state_reason="NO_WINNERS", realized_profit="0")
    row = action_row(skipped)
    assert [row[key] for key in ("realized", "loss", "net")] == [(NONE, "dim", "")] * 3
    assert row["why"] == "no winners"


@pytest.mark.rule("RISK-7")
def test_the_first_step_that_is_not_done_is_under_way_while_the_action_runs() -> None:
    running = an_action(state=pb.RISK_ACTION_STATE_RUNNING)
    assert [text(row["mark"]) for row in step_rows(running).values()] == ["done", "under way"]
    assert list(running_rows(pb.RiskStatus(running_actions=[running]))) == ["one", "one/0", "one/1"]
    running.end_time.FromMilliseconds(2_000)
    assert [text(row["mark"]) for row in step_rows(running).values()] == ["done", "waits"]


def test_an_action_opens_with_its_winners_steps_and_inputs() -> None:
    rows = action_rows(an_action())
    assert list(rows) == [
        "",
        "plan/",
        "plan/eth",
        "plan/sol",
        "step/one/0",
        "step/one/1",
        "input/loser",
        "input/loser_price",
    ]
    assert rows["step/one/1"]["group"] == "BTC/USDT 1h long"
    assert rows["input/loser_price"] == {"name": "loser price", "value": "94"}


@pytest.mark.rule("RISK-12")
def test_the_question_before_a_run_names_all_that_is_closed() -> None:
    said = would(an_action())
    assert text(said["said"]) == "World: paper. Required 121.88 USDT, the winners bring 121.90 USDT."
    assert [text(line) for line in said["lines"]] == [
        "Sell 20 of ETH/USDT on  (all it holds): profit 78.92 USDT",
        "Sell 87.8 of SOL/USDT on : profit 42.98 USDT",
        "Then close all of the loser, BTC/USDT 1h long on paper: loss 120.00 USDT",
    ]


# --- limits ---------------------------------------------------------------------------------------


def a_status(**changes: Any) -> engine_pb2.Status:
    return engine_pb2.Status(
        **{
            "limit_state": LimitState.LIMIT_STATE_NONE,
            "live_groups": 2,
            "max_open_groups": 4,
            "reporting_currency": "USDT",
            "exposure": "500",
            **changes,
        }
    )


def limit(code: str, value: str, bound: str, unit: str = "", *, breached: bool = False) -> engine_pb2.Limit:
    return engine_pb2.Limit(code=code, value=value, bound=bound, unit=unit, breached=breached)


@pytest.mark.rule("POOL-3", "POOL-4")
def test_limits_show_what_is_used_and_which_are_not_set() -> None:
    told = [
        limit("MAX_REALIZED_LOSS_PER_DAY", "12.5", "", "USDT"),
        limit("MAX_DRAWDOWN_PERCENT", "17.25", "20", "%"),
        limit("MAX_CONSECUTIVE_LOSSES", "1", "3"),
    ]
    rows = limit_rows(a_status(limits=told), SETTINGS)
    assert rows[""]["state"] == ("none breached", "good")
    assert (rows["pool"]["value"], rows["pool"]["bound"], text(rows["pool"]["state"])) == ("2", "4", "50 % used")
    assert (text(rows["exposure"]["value"]), text(rows["exposure"]["bound"])) == ("500.00 USDT", "1 000.00 USDT")
    assert (text(rows["loss"]["value"]), rows["loss"]["bound"]) == ("12.50 USDT", ("no limit", "dim"))
    assert [text(rows["drawdown"][key]) for key in ("value", "bound", "state")] == ["17.25 %", "20.00 %", "86 % used"]
    assert rows["drawdown"]["state"][1] == "warn"
    assert [text(rows["losses"][key]) for key in ("value", "bound", "state")] == ["1", "3", "33 % used"]


@pytest.mark.rule("POOL-4")
def test_a_limit_whose_figure_is_not_known_says_so_and_never_shows_a_zero() -> None:
    rows = limit_rows(a_status(limits=[limit("MAX_DRAWDOWN_PERCENT", "", "20", "%")]), SETTINGS)
    assert (rows["drawdown"]["value"], text(rows["drawdown"]["state"])) == ((NONE, "dim"), "not known")
    older = limit_rows(a_status(), SETTINGS)["losses"]
    assert (older["value"], older["bound"], text(older["state"])) == ((NONE, "dim"), "3", "not known")


@pytest.mark.rule("POOL-4")
def test_a_breached_limit_shows_its_present_figure_and_what_lifts_it() -> None:
    status = a_status(
        limit_state=LimitState.LIMIT_STATE_NO_NEW_GROUPS,
        limit_reason="MAX_DRAWDOWN_PERCENT: the drawdown in per cent reached 21.5, the bound 20; "
        "MAX_CONSECUTIVE_LOSSES: the losses in a row reached 3, the bound 3",
        limit_lift="MAX_DRAWDOWN_PERCENT: a drawdown of 16 % or less; "
        "MAX_CONSECUTIVE_LOSSES: a group that closes with profit",
        limits=[
            limit("MAX_DRAWDOWN_PERCENT", "18.2", "20", "%", breached=True),
            limit("MAX_CONSECUTIVE_LOSSES", "4", "3", breached=True),
        ],
    )
    rows = limit_rows(status, SETTINGS)
    assert rows[""]["is_set"] == "yes"
    assert (text(rows["drawdown"]["value"]), rows["drawdown"]["state"]) == ("18.20 %", ("breached", "bad"))
    assert rows["drawdown"]["lift"] == "a drawdown of 16 % or less"
    assert (text(rows["losses"]["value"]), rows["losses"]["lift"]) == ("4", "a group that closes with profit")


def test_what_is_said_about_a_cause_that_is_not_named_is_nothing() -> None:
    assert part_of("MAX_DRAWDOWN_PERCENT: x; y", "MAX_CONSECUTIVE_LOSSES") == ""
    assert part_of("MAX_DRAWDOWN_PERCENT: x; by itself at 10", "MAX_DRAWDOWN_PERCENT") == "x; by itself at 10"
