"""An account that could not be opened: what holds groups on it is told loudly, and nothing is told as done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from actors.rules.model import Group
from actors.view import Alert
from daemon.api.engine import Engine
from daemon.exchanges import opening
from daemon.exchanges.opening import Opening
from protos.terrace.v1 import engine_pb2, group_pb2, signal_pb2, types_pb2
from tests.daemon.api.calls import alert
from tests.daemon.api.conftest import Serve, Served

WATCHED = {"strategy": {"default": {"tp_mode": "aggregate", "tp_execution": "watched"}}}
"""No target rests at the exchange: what is held may be sold at once."""
WHY = "its api_secret is not in the vault"
EXIT = alert(action="sell", market_position="flat", prev_market_position="long")


def until(true: Callable[[], bool], limit_s: float = 15.0) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.02)


@pytest.fixture
def shut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A daemon that was started again with a group open, on an account that can no longer be opened."""
    folder = tmp_path / "daemon"
    folder.mkdir()
    before = Served(folder, WATCHED)
    before.start()
    admin = before.client("admin")
    admin.send(alert())
    until(lambda: any(leg.bought_quantity for group in _live(before) for leg in group.legs()))
    before.stop()

    def cannot(_opening: Opening, _account: object) -> None:
        raise opening._Cannot(WHY)

    monkeypatch.setattr(Opening, "_paper", cannot)
    after = Served(folder, WATCHED)
    after.start()
    yield after
    after.stop()


def _alerts(served: Served) -> Mapping[str, Alert]:
    return served.daemon._engine.view.current.alerts


def _live(served: Served) -> list[Group]:
    return list(served.daemon._engine.view.current.groups.values())


@pytest.mark.rule("LOG-5", "REC-4", "SIG-10", "ORD-10")
def test_an_exit_on_an_account_that_is_not_traded_is_an_alert_and_no_story_of_a_close(shut: Served) -> None:
    admin = shut.client("admin")
    until(lambda: "account_not_traded:paper" in _alerts(shut))
    assert _alerts(shut)["account_not_traded:paper"].severity == "critical"
    assert WHY in _alerts(shut)["account_not_traded:paper"].message
    out = admin.send(EXIT)
    assert out.outcome == types_pb2.OUTCOME_EXITED
    told = admin.signals.GetSignalStory(signal_pb2.GetSignalStoryRequest(signal_id=out.signal_id)).summary
    assert told.startswith(f"It told a group to close, and that waits: account paper is not traded ({WHY})")
    (group,) = _live(shut)
    until(lambda: f"price_stale/{group.group_id}" in _alerts(shut))
    waiting = _alerts(shut)[f"price_stale/{group.group_id}"].message
    assert waiting.endswith("waits: account paper is not traded")


@pytest.mark.rule("SIG-10")
def test_an_exit_whose_group_is_still_closing_is_not_told_as_closed(
    shut: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "why_untraded", lambda *_: "")
    admin = shut.client("admin")
    out = admin.send(EXIT)
    told = admin.signals.GetSignalStory(signal_pb2.GetSignalStoryRequest(signal_id=out.signal_id)).summary
    assert told == "It told a group to close, which is not done yet."


@pytest.mark.rule("EXIT-1", "REC-4")
def test_a_close_by_hand_on_an_account_that_is_not_traded_says_what_it_waits_for(shut: Served) -> None:
    (group,) = _live(shut)
    answer = shut.client("admin").groups.CloseGroup(group_pb2.CloseGroupRequest(group_id=group.group_id)).group
    assert answer.state == types_pb2.GROUP_STATE_CLOSING
    assert answer.state_reason == f"MANUAL; the close waits for it: account paper is not traded ({WHY})"


@pytest.mark.rule("LOG-5")
def test_to_resume_ends_the_alert_of_a_restored_store(serve: Serve) -> None:
    served = serve()
    admin = served.client("admin")
    admin.engine.PauseEngine(engine_pb2.PauseEngineRequest())
    served.daemon._notes.raise_alert("store_restored", "warning", "system", "the store was restored")
    until(lambda: "store_restored" in _alerts(served))
    admin.engine.ResumeEngine(engine_pb2.ResumeEngineRequest(validate_only=True))
    assert "store_restored" in _alerts(served)
    admin.engine.ResumeEngine(engine_pb2.ResumeEngineRequest())
    until(lambda: "store_restored" not in _alerts(served))
