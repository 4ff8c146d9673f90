"""What a group's message says of stops, cuts, the risk engine and a reverse."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.rules.model import Cut, CutPart, CutState, Group, GroupState, Reason
from actors.rules.settings import FeeSettings, RiskSettings
from daemon.api import translate_group as to
from protos.terrace.v1 import group_pb2
from tests.daemon.store import samples
from tests.daemon.store.samples import T0


def shown(group: Group, risk: RiskSettings | None = None) -> group_pb2.Group:
    return to.group(group, None, FeeSettings(), to.BASIC, risk or RiskSettings())


def test_a_plain_group_has_none_of_it() -> None:
    message = shown(samples.group(1, stop_loss=Decimal(90)))
    assert (message.stop_price, message.stop_reason, message.pending_reverse_signal_id) == ("", "", "")
    assert (message.blocked, message.skipped, list(message.cuts)) == (False, False, [])
    assert not message.HasField("risk_timer_expire_time")


@pytest.mark.rule("TP-9")
def test_the_stop_in_force_is_shown_with_its_kind() -> None:
    message = shown(samples.group(1, stop_price=Decimal("97.50"), stop_reason=Reason.TRAILING_STOP))
    assert (message.stop_price, message.stop_reason) == ("97.5", "TRAILING_STOP")


@pytest.mark.rule("RISK-2", "RISK-12")
def test_the_risk_timer_runs_as_long_as_the_settings_in_force_say() -> None:
    group = samples.group(1, risk_timer_start_ms=T0, risk_blocked=True)
    message = shown(group, RiskSettings(post_full_wait_s=90))
    assert message.risk_timer_expire_time.ToMilliseconds() == T0 + 90_000
    assert (message.blocked, message.skipped) == (True, False)
    assert shown(replace(group, risk_skip=True)).skipped


@pytest.mark.rule("EXIT-6", "RISK-7")
def test_cuts_are_shown_in_base_whatever_the_contract_is() -> None:
    instrument = replace(samples.INSTRUMENT, contract_size=Decimal("0.01"))
    part = CutPart(pyramid=0, leg=4, quantity=Decimal(30))
    cut = Cut(
        cut_id="a1:2",
        reason=Reason.RISK_OFFSET,
        quantity=Decimal(30),
        parts=(part,),
        sold=Decimal(10),
        realized=Decimal("4.5"),
        create_time_ms=T0,
    )
    ended = replace(cut, cut_id="a0:1", state=CutState.STOPPED, stop_reason=Reason.MANUAL, end_time_ms=T0 + 5)
    stopped, running = shown(samples.group(1, instrument=instrument, cuts=(ended, cut))).cuts
    assert (running.cut_id, running.reason, running.state) == ("a1:2", "RISK_OFFSET", "RUNNING")
    assert (running.quantity, running.sold_quantity, running.realized_pnl) == ("0.3", "0.1", "4.5")
    assert (running.whole, running.stop_reason, running.HasField("end_time")) == (False, "", False)
    assert (stopped.state, stopped.stop_reason, stopped.end_time.ToMilliseconds()) == ("STOPPED", "MANUAL", T0 + 5)


@pytest.mark.rule("SIG-6")
def test_a_reverse_is_pending_until_the_group_is_closed() -> None:
    group = samples.group(1, state=GroupState.CLOSING, reverse=samples.signal(7))
    assert shown(group).pending_reverse_signal_id == "signal-7"
    assert shown(replace(group, state=GroupState.CLOSED)).pending_reverse_signal_id == ""
