"""Dead letters and parts that are down, through a real daemon whose actors a test makes fail (REC-2)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest

from actors import feed, pool, position
from actors import messages as m
from protos.terrace.v1 import engine_pb2, group_pb2, record_pb2
from protos.terrace.v1 import types_pb2 as t
from tests import stores
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.api.conftest import Serve, Served
from tests.daemon.api.test_engine_service import status_of
from tests.daemon.api.test_group_service import group_of, move, until

BUG = "a bug of the test's"


class Bug:
    """Makes an actor fail of messages of one type while `is_there`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cls: Any, kind: type, why: Callable[[Any], bool]) -> None:
        self.is_there = True
        before = cls.receive

        def receive(actor: Any, message: object) -> None:
            if self.is_there and isinstance(message, kind) and why(message):
                raise RuntimeError(BUG)
            before(actor, message)

        monkeypatch.setattr(cls, "receive", receive)


@pytest.fixture
def break_pool(monkeypatch: pytest.MonkeyPatch) -> Bug:
    """Pool fails of alerts for ETH."""
    return Bug(monkeypatch, pool.Pool, m.SubmitSignal, lambda told: told.signal.key.symbol == "ETH/USDT")


def letters(client: Client, *, resolved: bool = False) -> list[engine_pb2.DeadLetter]:
    request = engine_pb2.ListDeadLettersRequest(include_resolved=resolved)
    return list(client.engine.ListDeadLetters(request).dead_letters)


def one_letter(client: Client, attempts: int = 1) -> engine_pb2.DeadLetter:
    until(lambda: [letter.attempts for letter in letters(client)] == [attempts])
    return letters(client)[0]


def retry(client: Client, letter: engine_pb2.DeadLetter, request_id: str = "") -> engine_pb2.DeadLetter:
    request = engine_pb2.RetryDeadLetterRequest(dead_letter_id=letter.dead_letter_id, request_id=request_id)
    return client.engine.RetryDeadLetter(request).dead_letter


def poison(client: Client, body: dict[str, Any]) -> None:
    """The same alert, until it is put aside. While Pool is on its way up the sender is told to come again, and does."""
    heard: list[str] = []

    def is_taken() -> bool:
        heard.append(refusal(lambda: client.send(body)).reason)
        return heard[-1] != "OVERLOADED"

    for expected in ("OUTCOME_UNKNOWN", "OUTCOME_UNKNOWN", "POISONED"):
        until(lambda: status_of(client).state == t.ENGINE_STATE_RUNNING)
        until(is_taken)
        assert heard[-1] == expected


# --- alerts ---------------------------------------------------------------------------------------


@pytest.mark.rule("REC-2", "SIG-7")
def test_an_alert_that_stopped_the_pool_is_retried_and_taken_once_the_cause_is_gone(
    break_pool: Bug, admin: Client
) -> None:
    body = alert("ETHUSDT", trade_id="7")
    poison(admin, body)
    letter = one_letter(admin, attempts=2)
    assert (letter.actor, letter.message_type, letter.resolved, letter.retryable) == (
        "pool/paper",
        "SubmitSignal",
        False,
        True,
    )
    assert BUG in letter.error
    assert "entry ETH/USDT 15m on paper" in letter.remedy
    assert status_of(admin).dead_letters == 1

    # Still broken: it is a dead letter again, and the quarantine still protects.
    again = retry(admin, letter, "first")
    assert (again.attempts, again.resolved, again.result) == (3, False, "it stopped pool/paper again")
    assert retry(admin, letter, "first") == again
    until(lambda: status_of(admin).state == t.ENGINE_STATE_RUNNING)
    assert refusal(lambda: admin.send(body)).reason == "POISONED"
    assert admin.send(alert()).outcome == t.OUTCOME_OPENED
    assert one_letter(admin, attempts=3).HasField("retry_time")

    break_pool.is_there = False
    done = retry(admin, letter, "second")
    assert done.resolved
    assert done.result.startswith("the alert was taken: opened")
    assert done.HasField("resolve_time")
    groups = admin.groups.ListGroups(group_pb2.ListGroupsRequest()).groups
    assert sorted(group.symbol for group in groups) == ["BTC/USDT", "ETH/USDT"]
    assert admin.send(body).outcome == t.OUTCOME_DUPLICATE
    assert not letters(admin)
    assert [each.resolved for each in letters(admin, resolved=True)] == [True]
    assert retry(admin, letter, "second") == done
    assert refusal(lambda: retry(admin, letter, "third")).reason == "ALREADY_RESOLVED"


@pytest.mark.rule("REC-2")
def test_a_letter_survives_the_daemon_and_is_retried_from_what_was_stored(break_pool: Bug, tmp_path: Path) -> None:
    served = Served(tmp_path, {})
    served.start()
    refusal(lambda: served.client().send(alert("ETHUSDT", trade_id="7")))
    letter = one_letter(served.client())
    served.stop()
    break_pool.is_there = False
    later = Served(tmp_path, {})
    later.start()
    try:
        admin = later.client()
        done = retry(admin, one_letter(admin))
        assert (done.resolved, done.dead_letter_id) == (True, letter.dead_letter_id)
        assert [group.symbol for group in admin.groups.ListGroups(group_pb2.ListGroupsRequest()).groups] == ["ETH/USDT"]
    finally:
        later.stop()


@pytest.mark.rule("REC-2", "SIG-7")
def test_a_retry_long_after_the_sender_sent_it_again_does_nothing_twice(break_pool: Bug, tmp_path: Path) -> None:
    """The key of the alert is free again by then; the signal that was taken under it is not forgotten."""
    served = Served(tmp_path, {})
    served.start()
    body = alert("ETHUSDT", trade_id="7")
    refusal(lambda: served.client().send(body))
    letter = one_letter(served.client())
    break_pool.is_there = False
    until(lambda: status_of(served.client()).state == t.ENGINE_STATE_RUNNING)
    assert served.client().send(body).outcome == t.OUTCOME_OPENED
    served.stop()
    assert len(stores.rows(tmp_path / "data", "DELETE FROM idempotency RETURNING idempotency_key")) == 1
    later = Served(tmp_path, {})
    later.start()
    try:
        done = retry(later.client(), letter)
        assert (done.resolved, done.result.partition(", ")[0]) == (True, "the alert had its outcome already: opened")
        (group,) = later.client().groups.ListGroups(group_pb2.ListGroupsRequest()).groups
        assert len(group.pyramids) == 1
    finally:
        later.stop()


@pytest.mark.rule("REC-2", "SIG-10")
def test_an_alert_rejected_for_stopping_its_groups_is_retried_as_a_new_one(
    monkeypatch: pytest.MonkeyPatch, admin: Client
) -> None:
    bug = Bug(monkeypatch, position.PositionGroup, m.OpenGroup, lambda told: True)
    rejected = admin.send(alert())
    assert (rejected.outcome, rejected.reason) == (t.OUTCOME_REJECTED, "POISONED")
    letter = one_letter(admin, attempts=2)
    again = retry(admin, letter)
    assert (again.resolved, again.attempts > letter.attempts) == (False, True)
    bug.is_there = False
    done = retry(admin, again)
    assert done.result.startswith("the alert was taken: opened")
    assert rejected.signal_id not in done.result
    assert len(admin.groups.ListGroups(group_pb2.ListGroupsRequest()).groups) == 1


# --- what groups are told -------------------------------------------------------------------------


@pytest.mark.rule("REC-2", "ORD-5", "TP-1")
def test_a_fill_that_was_put_aside_is_booked_by_a_retry(monkeypatch: pytest.MonkeyPatch, admin: Client) -> None:
    group = admin.send(alert(close_price="90")).group_id
    until(lambda: all(leg.orders for leg in group_of(admin, group).pyramids[0].legs))
    fatal: Callable[[Any], bool] = lambda told: any(report.trades for report in told.reports)  # noqa: E731
    bug = Bug(monkeypatch, position.PositionGroup, m.OrdersReported, fatal)
    move(admin, "90")
    until(lambda: any(letter.attempts >= 2 for letter in letters(admin)), 20)
    bug.is_there = False
    until(lambda: f"group/{group}" not in {one.subject for one in status_of(admin).degraded}, 20)
    assert Decimal(group_of(admin, group).quantity or "0") == 0
    letter = next(each for each in letters(admin) if each.attempts >= 2)
    assert letter.remedy.startswith("asks the exchange again for order")
    done = retry(admin, letter)
    assert done.resolved
    until(lambda: Decimal(group_of(admin, group).quantity or "0") > 0)
    leg = group_of(admin, group).pyramids[0].legs[0]
    assert leg.state == t.LEG_STATE_FILLED
    until(lambda: len(group_of(admin, group).pyramids[0].legs[0].orders) == 2)  # Its target is there.


@pytest.mark.rule("REC-2", "EXIT-1")
def test_a_close_by_a_person_that_stopped_its_group_is_handed_over_again(
    monkeypatch: pytest.MonkeyPatch, admin: Client
) -> None:
    group = admin.send(alert()).group_id
    until(lambda: group_of(admin, group).legs_filled == 1)
    bug = Bug(monkeypatch, position.PositionGroup, m.CloseGroup, lambda told: True)
    refused = refusal(lambda: admin.groups.CloseGroup(group_pb2.CloseGroupRequest(group_id=group)))
    assert refused.reason == "OUTCOME_UNKNOWN"
    letter = one_letter(admin)
    assert letter.remedy == f"hands CloseGroup to group/{group} again"
    bug.is_there = False
    assert retry(admin, letter).resolved
    until(lambda: group_of(admin, group).state == t.GROUP_STATE_CLOSED)


@pytest.mark.rule("REC-2")
def test_what_cannot_be_retried_says_why_and_what_follows_from_the_store_needs_nothing(
    served: Served, admin: Client
) -> None:
    rows = [
        ("damaged", "pool/paper", "SubmitSignal", '{"signal": {"signal_id": 1}}'),
        ("loaded", "pool/paper", "Loaded", ""),
        ("gone", "gateway/other", "Loaded", ""),
        ("orders", "group/a", "OrdersReported", '{"orders": ["xx"]}'),
        ("account", "pool/paper", "LiftLimit", '{"type": "LiftLimit", "message": {"who": "x"}}'),
    ]
    with stores.Opened(served.data_dir) as store:
        for name, actor, kind, fact in rows:
            store.rows(
                "INSERT INTO dead_letters (dead_letter_id, create_time_ms, actor, message_type, message, error, "
                "attempts, fact) VALUES (?, 1, ?, ?, '', '', 1, ?)",
                (name, actor, kind, fact),
            )
    by_name = {letter.dead_letter_id: letter for letter in letters(admin)}
    assert [name for name, letter in by_name.items() if not letter.retryable] == ["account", "damaged"]
    for name, reason in (
        ("damaged", "NOT_RETRYABLE"),
        ("account", "NOT_RETRYABLE"),
        ("orders", "NOT_RETRYABLE"),
        ("gone", "PART_DOWN"),
    ):
        assert refusal(lambda name=name: retry(admin, by_name[name])).reason == reason, name  # type: ignore[misc]
    done = retry(admin, by_name["loaded"])
    assert (done.resolved, "nothing to hand over" in done.result) == (True, True)


def test_only_an_admin_retries_letters_and_restarts_parts(served: Served) -> None:
    part = engine_pb2.RestartPartRequest(part="feed")
    letter = engine_pb2.RetryDeadLetterRequest(dead_letter_id="x")
    for role in ("viewer", "operator"):
        client = served.client(role)
        assert refusal(lambda client=client: client.engine.RestartPart(part)).code is (  # type: ignore[misc]
            grpc.StatusCode.PERMISSION_DENIED
        )
        assert refusal(lambda client=client: client.engine.RetryDeadLetter(letter)).code is (  # type: ignore[misc]
            grpc.StatusCode.PERMISSION_DENIED
        )


# --- parts ----------------------------------------------------------------------------------------


@pytest.fixture
def broken_feed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """A Feed that fails of every event; calling it mends that."""
    before = feed.Feed.receive_batch
    state = {"is_broken": True}

    def receive_batch(self: feed.Feed, messages: list[object]) -> None:
        if state["is_broken"] and any(isinstance(message, m.EventStored) for message in messages):
            raise RuntimeError(BUG)
        before(self, messages)

    monkeypatch.setattr(feed.Feed, "receive_batch", receive_batch)
    return lambda: state.update(is_broken=False)


@pytest.mark.rule("REC-2", "REC-4")
def test_a_part_that_failed_too_often_is_shown_and_started_again_by_a_person(
    serve: Serve, broken_feed: Callable[[], None]
) -> None:
    admin = serve().client()
    admin.send(alert())

    def down() -> list[engine_pb2.Degradation]:
        return [one for one in status_of(admin).degraded if one.code == "PART_DOWN"]

    def is_down() -> bool:
        admin.engine.PauseEngine(engine_pb2.PauseEngineRequest())  # An event, of which it dies.
        admin.engine.ResumeEngine(engine_pb2.ResumeEngineRequest())
        return bool(down())

    until(is_down, 30)
    status, (one,) = status_of(admin), down()
    assert (one.subject, one.HasField("since_time")) == ("feed", True)
    assert BUG in one.message
    assert "terrace engine restart feed" in one.remedy
    assert status.state == t.ENGINE_STATE_DEGRADED
    assert status.state_reason == one.message
    assert admin.send(alert("ETHUSDT")).outcome == t.OUTCOME_OPENED  # The rest goes on.

    restart = engine_pb2.RestartPartRequest(part="feed", reason="mended")
    dry = admin.engine.RestartPart(engine_pb2.RestartPartRequest(part="feed", validate_only=True)).part
    assert (dry.state, list(dry.actors)) == (t.PART_STATE_DOWN, ["feed"])
    broken_feed()
    part = admin.engine.RestartPart(restart).part
    assert (part.part, part.state, part.reason) == ("feed", t.PART_STATE_RUNNING, "")
    until(lambda: not down() and status_of(admin).state == t.ENGINE_STATE_RUNNING)
    alerts = admin.records.ListAlerts(record_pb2.ListAlertsRequest()).alerts
    assert "given_up/feed" not in {each.alert_id for each in alerts}
    events = admin.records.ListEvents(record_pb2.ListEventsRequest(text="admin starts feed again")).events
    assert [event.message for event in events] == ["admin starts feed again (mended)"]
    # What runs is left alone, and what is not there is said so.
    assert admin.engine.RestartPart(restart).part.state == t.PART_STATE_RUNNING
    unknown = engine_pb2.RestartPartRequest(part="gateway/nobody")
    assert refusal(lambda: admin.engine.RestartPart(unknown)).reason == "NOT_FOUND"
    assert refusal(lambda: admin.engine.RestartPart(engine_pb2.RestartPartRequest())).fields == {
        "part": "is missing; `engine status` names the parts that are down"
    }
