"""RiskService against a real engine: state, preview, run, skip, block, history."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from protos.terrace.v1 import engine_pb2
from protos.terrace.v1 import risk_pb2 as pb
from protos.terrace.v1 import types_pb2 as t
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.api.conftest import Serve, Served
from tests.daemon.api.test_group_service import group_of, move, until

NO_FEES = {"maker_percent": "0", "taker_percent": "0", "paid_in": "quote"}
BY_HAND = {"required_pyramids": 1, "post_full_wait_s": 3600, "evaluate_interval_s": 3600, "evaluate_on_fill": False}
"""Its timer runs for an hour: only a person makes an offset."""


def with_risk(serve: Serve, **risk: Any) -> Served:
    one_leg = [{"gap_percent": "0", "weight_percent": "100", "tp_percent": "50"}]
    strategy = {"default": {"levels": one_leg, "sizing": {"capital_per_pyramid": "1000"}}}
    return serve({"strategy": strategy, "accounts": {"paper": {"fees": NO_FEES}}, "risk": {**BY_HAND, **risk}})


def open_groups(admin: Client) -> tuple[str, str, str]:
    """Ids of the loser at -120 (BTC), and of the winners at +80 (ETH) and +50 (SOL)."""
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    loser, first, second = (admin.send(alert(symbol=symbol)).group_id for symbol in symbols)
    for group_id in (loser, first, second):
        until(lambda group_id=group_id: group_of(admin, group_id).legs_filled == 1)  # type: ignore[misc]
    move(admin, "108", "ETH/USDT")
    move(admin, "105", "SOL/USDT")
    move(admin, "88", "BTC/USDT")
    for group_id, worth in ((loser, "-120"), (first, "80"), (second, "50")):
        until(lambda group_id=group_id, worth=worth: group_of(admin, group_id).unrealized_pnl == worth)  # type: ignore[misc]
    return loser, first, second


def actions(admin: Client, **wanted: Any) -> list[pb.RiskAction]:
    return list(admin.risk.ListRiskActions(pb.ListRiskActionsRequest(**wanted)).risk_actions)


@pytest.mark.rule("RISK-11")
def test_state_and_preview_say_how_each_group_stands(serve: Serve) -> None:
    admin = with_risk(serve).client()
    loser, first, second = open_groups(admin)
    state = admin.risk.GetRiskState(pb.GetRiskStateRequest()).risk
    assert (state.state, state.world) == (t.RISK_STATE_IDLE, t.WORLD_PAPER)
    assert state.HasField("next_evaluate_time")
    standing = {group.group_id: group for group in state.groups}
    assert list(standing[loser].obstacles) == ["TIMER_RUNNING"]
    assert (standing[loser].unrealized_pnl, standing[loser].unrealized_pnl_percent) == ("-120", "-12")
    assert standing[loser].timer_expire_time.seconds == standing[loser].timer_start_time.seconds + 3600
    assert "ABOVE_LOSS_THRESHOLD" in standing[first].obstacles
    plan = admin.risk.PreviewOffset(pb.PreviewOffsetRequest(group_id=loser)).plan
    assert (plan.required, plan.expected_profit, plan.sufficient, plan.quote) == ("120", "120", True, "USDT")
    assert [(one.group_id, one.quantity, one.full_close) for one in plan.winners] == [
        (first, "10", True),
        (second, "8", False),
    ]
    assert list(plan.obstacles) == ["TIMER_RUNNING"]
    assert admin.risk.PreviewOffset(pb.PreviewOffsetRequest()).plan.reason == "NO_LOSER"
    assert actions(admin) == []
    missing = refusal(lambda: admin.risk.PreviewOffset(pb.PreviewOffsetRequest(group_id="nobody")))
    assert (missing.code, missing.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


@pytest.mark.rule("RISK-10", "RISK-12")
def test_a_run_by_hand_is_done_once_per_request_and_listed(serve: Serve) -> None:
    admin = with_risk(serve).client()
    loser, first, _ = open_groups(admin)
    request = pb.RunOffsetRequest(group_id=loser, request_id="once")
    dry = admin.risk.RunOffset(pb.RunOffsetRequest(group_id=loser, validate_only=True)).risk_action
    assert dry.plan.sufficient
    assert actions(admin) == []
    started = admin.risk.RunOffset(request).risk_action
    assert started.state == pb.RISK_ACTION_STATE_PLANNED
    assert started.manual
    assert admin.risk.RunOffset(request).risk_action == started, "the same request again"
    until(lambda: actions(admin)[0].state == pb.RISK_ACTION_STATE_DONE)
    (done,) = actions(admin)
    assert (done.risk_action_id, done.realized_profit, done.realized_loss) == (started.risk_action_id, "120", "120")
    assert [step.kind for step in done.steps][-1] == pb.RISK_STEP_KIND_CLOSE_LOSER
    assert all(step.done for step in done.steps)
    assert done.inputs["loser_price"] == "88"
    assert group_of(admin, loser).state == t.GROUP_STATE_CLOSED
    assert len(actions(admin, group_id=first)) == 1
    assert actions(admin, group_id="nobody") == []
    assert actions(admin, states=[pb.RISK_ACTION_STATE_SKIPPED]) == []


@pytest.mark.rule("RISK-12")
def test_what_a_person_may_not_have_is_refused_with_the_reason(serve: Serve) -> None:
    admin = with_risk(serve).client()
    loser, _, _ = open_groups(admin)
    blocked = admin.risk.BlockGroup(pb.BlockGroupRequest(group_id=loser, reason="long-term")).group_risk
    assert blocked.blocked
    assert "BLOCKED" in blocked.obstacles
    refused = refusal(lambda: admin.risk.RunOffset(pb.RunOffsetRequest(group_id=loser)))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "BLOCKED")
    none = refusal(lambda: admin.risk.RunOffset(pb.RunOffsetRequest()))
    assert none.reason == "NO_LOSER"
    assert not admin.risk.UnblockGroup(pb.UnblockGroupRequest(group_id=loser)).group_risk.blocked
    skipped = admin.risk.SkipGroup(pb.SkipGroupRequest(group_id=loser)).group_risk
    assert skipped.skipped
    assert "SKIPPED" in skipped.obstacles
    gone = refusal(lambda: admin.risk.SkipGroup(pb.SkipGroupRequest(group_id="nobody")))
    assert gone.code is grpc.StatusCode.NOT_FOUND


@pytest.mark.rule("RISK-9")
def test_an_offset_is_made_by_itself_and_pages_show_it(serve: Serve) -> None:
    served = with_risk(serve, post_full_wait_s=0, evaluate_interval_s=1)
    admin = served.client()
    loser, _, _ = open_groups(admin)
    until(lambda: bool(actions(admin, states=[pb.RISK_ACTION_STATE_DONE])))
    assert group_of(admin, loser).state == t.GROUP_STATE_CLOSED
    first = admin.risk.ListRiskActions(pb.ListRiskActionsRequest(page_size=1))
    assert len(first.risk_actions) == 1
    bad = refusal(lambda: admin.risk.ListRiskActions(pb.ListRiskActionsRequest(page_token="nonsense")))
    assert bad.code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.rule("RISK-9")
def test_the_engines_status_says_whether_the_risk_engine_is_on(serve: Serve) -> None:
    admin = with_risk(serve, enabled=False).client()
    status = admin.engine.GetStatus(engine_pb2.GetStatusRequest()).status
    assert status.risk_state == t.RISK_STATE_DISABLED
    state = admin.risk.GetRiskState(pb.GetRiskStateRequest()).risk
    assert state.state == t.RISK_STATE_DISABLED
    assert not state.HasField("next_evaluate_time")
