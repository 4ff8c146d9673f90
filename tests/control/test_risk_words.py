"""What `terrace risk` shows of plans and actions."""

from __future__ import annotations

from control.commands.risk import _action, _history, _plan
from protos.terrace.v1 import risk_pb2 as pb

PLAN = pb.OffsetPlan(
    loser_group_id="L1",
    quote="USDT",
    required="121.88",
    loss="120",
    loser_fee="1.88",
    buffer="0",
    expected_profit="121.8981",
    sufficient=True,
    loser_percent="100",
    reason_detail="2 winners bring 121.8981 of 121.88 USDT",
)


def changed(**fields: object) -> pb.OffsetPlan:
    made = pb.OffsetPlan()
    made.CopyFrom(PLAN)
    made.MergeFrom(pb.OffsetPlan(**fields))  # type: ignore[arg-type]
    return made


def test_a_plan_says_what_it_needs_and_what_that_is_made_of() -> None:
    assert "needs    121.88 USDT  (loss 120, fee of its close 1.88)" in _plan(PLAN)
    assert "slippage buffer 3.5)" in _plan(changed(buffer="3.5"))


def test_a_plan_that_would_be_carried_out_gives_no_reason() -> None:
    assert "why" not in _plan(PLAN)
    assert "in the way  timer running" in _plan(changed(obstacles=["TIMER_RUNNING"], reason="TIMER_RUNNING"))


def test_a_plan_that_does_nothing_says_why() -> None:
    plan = changed(reason="INSUFFICIENT_PROFIT", loser_percent="0")
    assert "winners cannot cover it: 2 winners bring 121.8981 of 121.88 USDT" in _plan(plan)


def test_an_action_that_has_not_begun_shows_no_result() -> None:
    planned = pb.RiskAction(risk_action_id="A1", state="RISK_ACTION_STATE_PLANNED", plan=PLAN, realized_profit="0")
    assert "profit" not in _action(planned)
    planned.state = pb.RISK_ACTION_STATE_DONE
    assert "profit  0 USDT" in _action(planned)


def test_the_wide_history_shows_what_an_action_was_made_from() -> None:
    action = pb.RiskAction(risk_action_id="A1", plan=PLAN, inputs={"loser": "BTC/USDT 15m long on spot", "loss": "120"})
    assert "loser_price" not in _history([action], wide=False)
    assert "L1     BTC/USDT 15m long on spot" in _history([action], wide=False)
    assert "loss   120" in _history([action], wide=True)
