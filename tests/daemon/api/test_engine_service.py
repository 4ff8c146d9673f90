"""EngineService, QueueService and RecordService against a real engine."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import grpc
import pytest

from actors.rules.records import RaiseAlert
from protos.terrace.v1 import common_pb2, engine_pb2, group_pb2, queue_pb2, record_pb2
from protos.terrace.v1 import types_pb2 as t
from tests import stores
from tests.daemon.api.calls import Client, alert, refusal
from tests.daemon.api.conftest import Serve, Served
from tests.daemon.api.test_group_service import move, until


def status_of(client: Client) -> engine_pb2.Status:
    return client.engine.GetStatus(engine_pb2.GetStatusRequest()).status


def waiting(client: Client) -> list[queue_pb2.QueuedSignal]:
    return list(client.queue.ListQueuedSignals(queue_pb2.ListQueuedSignalsRequest()).queued_signals)


class Watch:
    """WatchEvents in a thread."""

    def __init__(self, client: Client, **request: Any) -> None:
        self.responses: queue.Queue[engine_pb2.WatchEventsResponse] = queue.Queue()
        self._call = client.engine.WatchEvents(engine_pb2.WatchEventsRequest(**request), timeout=60)
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        try:
            for response in self._call:
                self.responses.put(response)
        except grpc.RpcError:
            pass

    def first(self) -> engine_pb2.WatchEventsResponse:
        return self.responses.get(timeout=10)

    def events(self, count: int) -> list[common_pb2.Event]:
        found: list[common_pb2.Event] = []
        while len(found) < count:
            found += self.responses.get(timeout=10).events
        return found

    def close(self) -> None:
        self._call.cancel()
        self._thread.join(10)


@pytest.fixture
def watch() -> Iterator[Any]:
    watches: list[Watch] = []

    def begin(client: Client, **request: Any) -> Watch:
        watches.append(Watch(client, **request))
        return watches[-1]

    yield begin
    for each in watches:
        each.close()


def test_the_status_counts_what_there_is(serve: Serve) -> None:
    admin = serve({"pool": {"max_open_groups": 1}}).client()
    before = status_of(admin)
    assert (before.state, before.live_groups, before.max_open_groups) == (t.ENGINE_STATE_RUNNING, 0, 1)
    assert not before.HasField("last_signal_time")
    admin.send(alert())
    admin.send(alert("ETHUSDT"))
    after = status_of(admin)
    assert (after.live_groups, after.queued_signals, after.config_version) == (1, 1, 1)
    assert after.HasField("last_signal_time")
    assert (after.equity, after.reporting_currency) != ("", "")
    assert (after.exposure, after.limit_state) == ("200", t.LIMIT_STATE_NONE)
    assert after.last_sequence > before.last_sequence
    assert [account.state for account in after.accounts] == [t.ACCOUNT_STATE_READY]


@pytest.mark.rule("POOL-3", "POOL-4")
def test_the_status_shows_each_limit_with_what_it_is_compared_with(serve: Serve) -> None:
    bounds = {"max_realized_loss_per_day": "0.01", "max_total_exposure": "250", "max_consecutive_losses": 3}
    admin = serve({"limits": bounds}).client()
    group_id = admin.send(alert()).group_id
    until(lambda: admin.groups.GetGroup(group_pb2.GetGroupRequest(group_id=group_id)).group.legs_filled == 1)

    def shown() -> dict[str, tuple[str, str, str, bool]]:
        return {one.code: (one.value, one.bound, one.unit, one.breached) for one in status_of(admin).limits}

    before = shown()
    assert before["MAX_OPEN_GROUPS"] == ("1", "10", "", False)
    assert before["MAX_TOTAL_EXPOSURE"] == ("200", "250", "USDT", False)
    assert before["MAX_DRAWDOWN_PERCENT"] == ("", "", "%", False), "without a bound it is not measured"
    assert before["MAX_CONSECUTIVE_LOSSES"] == ("0", "3", "", False)
    admin.groups.CloseGroup(group_pb2.CloseGroupRequest(group_id=group_id))
    until(lambda: shown()["MAX_REALIZED_LOSS_PER_DAY"][3])
    assert Decimal(shown()["MAX_REALIZED_LOSS_PER_DAY"][0]) >= Decimal("0.01")
    until(lambda: shown()["MAX_CONSECUTIVE_LOSSES"] == ("1", "3", "", False))
    admin.engine.LiftLimit(engine_pb2.LiftLimitRequest())
    assert shown()["MAX_REALIZED_LOSS_PER_DAY"] == ("0", "0.01", "USDT", False), "a lift begins the count anew"


def test_an_account_that_cannot_be_opened_degrades_the_engine_and_its_alerts_are_to_be_sent_again(serve: Serve) -> None:
    def spoil(served: Served) -> None:
        books = served.data_dir / "paper"
        books.mkdir(parents=True)
        (books / "paper.db").write_bytes(b"these are no books" * 100)

    admin = serve(before=spoil).client()
    status = status_of(admin)
    assert status.state == t.ENGINE_STATE_DEGRADED
    assert "account paper" in status.state_reason
    assert [account.state for account in status.accounts] == [t.ACCOUNT_STATE_DISCONNECTED]
    refused = refusal(lambda: admin.send(alert()))
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "ACCOUNT_NOT_READY")
    assert refused.retry_after_s


def test_a_paused_engine_queues_entries_and_a_resumed_one_lets_them_in(admin: Client) -> None:
    paused = admin.engine.PauseEngine(engine_pb2.PauseEngineRequest(reason="lunch")).status
    assert (paused.state, paused.state_reason) == (t.ENGINE_STATE_PAUSED, "paused by a user")
    sent = admin.send(alert())
    assert (sent.outcome, sent.reason) == (t.OUTCOME_QUEUED, "ENGINE_PAUSED")
    dry = admin.engine.ResumeEngine(engine_pb2.ResumeEngineRequest(validate_only=True)).status
    assert dry.state == t.ENGINE_STATE_PAUSED
    assert admin.engine.ResumeEngine(engine_pb2.ResumeEngineRequest()).status.state == t.ENGINE_STATE_RUNNING
    until(lambda: status_of(admin).live_groups == 1)
    assert not waiting(admin)
    refused = refusal(lambda: admin.engine.PauseEngine(engine_pb2.PauseEngineRequest(accounts=["x"])))
    assert refused.resource == ("account", "x")


def test_pausing_with_cancel_entries_takes_the_open_ones_back(admin: Client) -> None:
    opened = admin.send(alert())
    admin.engine.PauseEngine(engine_pb2.PauseEngineRequest(cancel_entries=True))

    def state() -> int:
        return admin.groups.GetGroup(group_pb2.GetGroupRequest(group_id=opened.group_id)).group.state

    until(lambda: state() in (t.GROUP_STATE_ACTIVE, t.GROUP_STATE_CLOSED))


@pytest.mark.rule("QUE-7")
def test_queued_signals_are_shown_by_rank_with_the_reasons_for_it(serve: Serve) -> None:
    admin = serve({"pool": {"max_open_groups": 1}}).client()
    admin.send(alert())
    first = admin.send(alert("ETHUSDT"))
    deeper = admin.send(alert("SOLUSDT"))
    assert [entry.signal_id for entry in waiting(admin)] == [first.signal_id, deeper.signal_id]
    move(admin, "95", "SOL/USDT")
    until(lambda: waiting(admin)[0].signal_id == deeper.signal_id)
    top, second = waiting(admin)
    assert (top.signal_id, top.rank, top.loss_percent, top.mark_price) == (deeper.signal_id, 1, "-5", "95")
    assert (second.rank, second.loss_percent, second.wait_reason) == (2, "0", "POOL_FULL")
    assert (top.entry_price, top.planned_capital, top.side) == ("100", "200", t.SIDE_LONG)
    assert top.expected_profit
    assert [reason.rule for reason in top.rank_reasons] == ["continuation", "deepest_loss", "replacements", "first_in"]
    admin.send(alert("ETHUSDT", close_price="99"))
    replaced = next(entry for entry in waiting(admin) if entry.symbol == "ETH/USDT")
    assert (replaced.replacement_count, replaced.entry_price) == (1, "99")
    only = admin.queue.ListQueuedSignals(queue_pb2.ListQueuedSignalsRequest(symbol="ETH/USDT")).queued_signals
    assert [entry.rank for entry in only] == [replaced.rank]


@pytest.mark.rule("QUE-6")
def test_a_queued_signal_is_promoted_forced_or_removed_by_hand(serve: Serve) -> None:
    admin = serve({"pool": {"max_open_groups": 1}}).client()
    admin.send(alert())
    one, two = admin.send(alert("ETHUSDT")), admin.send(alert("SOLUSDT"))
    promote = queue_pb2.PromoteQueuedSignalRequest(signal_id=one.signal_id)
    refused = refusal(lambda: admin.queue.PromoteQueuedSignal(promote))
    assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "POOL_FULL")
    assert len(waiting(admin)) == 2
    forced = admin.queue.ForceAddQueuedSignal(queue_pb2.ForceAddQueuedSignalRequest(signal_id=one.signal_id)).signal
    assert forced.outcome == t.OUTCOME_OPENED
    group = admin.groups.GetGroup(group_pb2.GetGroupRequest(group_id=forced.group_id)).group
    assert group.forced
    assert status_of(admin).forced_groups == 1
    dry = queue_pb2.RemoveQueuedSignalRequest(signal_id=two.signal_id, validate_only=True)
    assert admin.queue.RemoveQueuedSignal(dry).signal.outcome == t.OUTCOME_QUEUED
    removed = admin.queue.RemoveQueuedSignal(queue_pb2.RemoveQueuedSignalRequest(signal_id=two.signal_id)).signal
    assert removed.outcome == t.OUTCOME_REMOVED
    assert not waiting(admin)
    gone = refusal(lambda: admin.queue.RemoveQueuedSignal(queue_pb2.RemoveQueuedSignalRequest(signal_id=two.signal_id)))
    assert gone.resource == ("queued signal", two.signal_id)


def test_a_repeated_request_id_gets_the_first_answer(serve: Serve) -> None:
    admin = serve({"pool": {"max_open_groups": 1}}).client()
    admin.send(alert())
    one = admin.send(alert("ETHUSDT"))
    request = queue_pb2.RemoveQueuedSignalRequest(signal_id=one.signal_id, request_id="once")
    first = admin.queue.RemoveQueuedSignal(request)
    again = admin.queue.RemoveQueuedSignal(request)
    assert first == again
    assert first.signal.outcome == t.OUTCOME_REMOVED


@pytest.mark.rule("LOG-3")
def test_who_called_what_with_which_result_is_an_event(served: Served) -> None:
    operator = served.client("operator")
    operator.engine.PauseEngine(engine_pb2.PauseEngineRequest())
    refusal(lambda: operator.groups.CloseGroup(group_pb2.CloseGroupRequest(group_id="nonesuch")))

    def calls() -> list[common_pb2.Event]:
        request = record_pb2.ListEventsRequest(types=["API_CALL"])
        return list(operator.records.ListEvents(request).events)

    until(lambda: len(calls()) == 2)
    closed, paused = calls()
    assert paused.message == "operator called PauseEngine: OK"
    assert closed.attributes["who"] == "operator"
    assert (closed.attributes["result"], closed.attributes["group_id"]) == ("NOT_FOUND", "nonesuch")
    assert closed.category == t.CATEGORY_SECURITY


@pytest.mark.rule("CFG-6")
def test_read_only_mode_takes_no_command_from_anybody(serve: Serve) -> None:
    admin = serve({"engine": {"mode": "read_only"}}).client()
    assert status_of(admin).read_only
    for call in (
        lambda: admin.engine.PauseEngine(engine_pb2.PauseEngineRequest()),
        lambda: admin.groups.CloseAllGroups(group_pb2.CloseAllGroupsRequest()),
        lambda: admin.queue.RemoveQueuedSignal(queue_pb2.RemoveQueuedSignalRequest(signal_id="x")),
        lambda: move(admin, "1"),
    ):
        refused = refusal(call)
        assert (refused.code, refused.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "READ_ONLY")


# --- the stream -------------------------------------------------------------------------------------


def test_events_are_streamed_as_they_are_committed_and_the_first_response_comes_at_once(
    admin: Client, watch: Any
) -> None:
    watching = watch(admin)
    assert not watching.first().events
    signal = admin.send(alert())
    events = watching.events(3)
    assert [event.sequence for event in events] == sorted(event.sequence for event in events)
    assert "SIGNAL_OPENED" in {event.type for event in events}
    assert {event.group_id for event in events if event.group_id} == {signal.group_id}


def test_a_stream_that_ends_leaves_no_subscriber_behind(served: Served, watch: Any) -> None:
    admin = served.client()
    for _ in range(3):
        watching = watch(admin)
        watching.first()
        watching.close()
    until(lambda: set(served.daemon._parts.subscribers.current) == {"log"})


def test_a_stream_resumes_behind_the_sequence_it_names_without_a_hole(served: Served, watch: Any) -> None:
    admin = served.client()
    for number in range(3):
        admin.send(alert(timeframe=str(15 * (number + 1))))
    last = status_of(admin).last_sequence
    replayed = watch(admin, after_sequence=2).events(last - 2)
    assert [event.sequence for event in replayed][: last - 2] == list(range(3, last + 1))


def test_what_the_daemon_no_longer_remembers_comes_from_the_store(served: Served, watch: Any) -> None:
    for number in range(3):
        served.client().send(alert(timeframe=str(15 * (number + 1))))
    served.stop()
    again = Served(served.folder, {})
    again.start()
    try:
        admin = again.client()
        last = status_of(admin).last_sequence
        old = watch(admin, after_sequence=0)
        events = old.events(last)
        assert [event.sequence for event in events][:last] == list(range(1, last + 1))
        only = watch(admin, after_sequence=0, categories=[t.CATEGORY_SIGNAL]).events(3)
        assert {event.category for event in only} == {t.CATEGORY_SIGNAL}
        old.close()
    finally:
        again.stop()


def test_events_that_were_deleted_are_told_as_a_gap(served: Served, watch: Any) -> None:
    for number in range(3):
        served.client().send(alert(timeframe=str(15 * (number + 1))))
    served.stop()
    with stores.Opened(served.data_dir) as store:
        store.rows("DELETE FROM events WHERE sequence <= 5")
    again = Served(served.folder, {})
    again.start()
    try:
        watching = watch(again.client(), after_sequence=2)
        assert watching.first().earliest_sequence == 6
        gap = watching.first()
        assert (gap.gap, gap.resume_after_sequence) == (True, 5)
        assert watching.events(1)[0].sequence == 6
        watching.close()
    finally:
        again.stop()


def test_a_stream_is_filtered_by_group_and_severity(admin: Client, watch: Any) -> None:
    other = admin.send(alert("ETHUSDT"))
    mine = admin.send(alert())
    events = watch(admin, after_sequence=0, group_id=mine.group_id).events(3)
    assert {event.group_id for event in events} == {mine.group_id}
    admin.send(alert("NOPEUSDT"))
    warnings = watch(admin, after_sequence=0, min_severity=t.SEVERITY_WARNING).events(1)
    assert warnings[0].type == "SIGNAL_REJECTED"
    assert other.group_id != mine.group_id
    with pytest.raises(grpc.RpcError):
        list(admin.engine.WatchEvents(engine_pb2.WatchEventsRequest(after_sequence=-1)))


# --- records ----------------------------------------------------------------------------------------


def test_alerts_are_listed_and_acknowledged_once(served: Served) -> None:
    admin = served.client()
    served.daemon._notes.commit(
        RaiseAlert(
            alert_key="test_alarm/paper",
            time_ms=int(time.time() * 1000),
            severity="error",
            category="exchange",
            message="something is wrong",
            account="paper",
        )
    )
    until(lambda: len(admin.records.ListAlerts(record_pb2.ListAlertsRequest()).alerts) == 1)
    shown = admin.records.ListAlerts(record_pb2.ListAlertsRequest(world=t.WORLD_PAPER)).alerts[0]
    assert (shown.type, shown.state, shown.severity) == ("TEST_ALARM", t.ALERT_STATE_ACTIVE, t.SEVERITY_ERROR)
    assert status_of(admin).alerts == 1
    request = record_pb2.AcknowledgeAlertRequest(alert_id=shown.alert_id, comment="seen")
    done = admin.records.AcknowledgeAlert(request).alert
    assert (done.state, done.acknowledged_by, done.comment) == (t.ALERT_STATE_ACKNOWLEDGED, "admin", "seen")
    assert admin.records.AcknowledgeAlert(request).alert.acknowledged_by == "admin"
    assert status_of(admin).alerts == 0
    refused = refusal(lambda: admin.records.AcknowledgeAlert(record_pb2.AcknowledgeAlertRequest(alert_id="none")))
    assert refused.resource == ("alert", "none")


def test_events_are_listed_by_type_text_and_signal(admin: Client) -> None:
    signal = admin.send(alert())
    by_signal = admin.records.ListEvents(record_pb2.ListEventsRequest(signal_id=signal.signal_id)).events
    assert "SIGNAL_OPENED" in {event.type for event in by_signal}
    by_type = admin.records.ListEvents(record_pb2.ListEventsRequest(types=["SIGNAL_OPENED"])).events
    assert [event.signal_id for event in by_type] == [signal.signal_id]
    none = admin.records.ListEvents(record_pb2.ListEventsRequest(text="nothing says this")).events
    assert not none


@pytest.mark.rule("POOL-4")
def test_lifting_where_no_limit_is_breached_answers_that_none_is(admin: Client) -> None:
    status = admin.engine.LiftLimit(engine_pb2.LiftLimitRequest(reason="to be sure")).status
    assert (status.limit_state, status.limit_reason, status.limit_lift) == (t.LIMIT_STATE_NONE, "", "")


def test_a_dead_letter_that_is_not_there_is_not_found(admin: Client) -> None:
    assert not admin.engine.ListDeadLetters(engine_pb2.ListDeadLettersRequest()).dead_letters
    show = engine_pb2.GetDeadLetterRequest(dead_letter_id="x")
    retry = engine_pb2.RetryDeadLetterRequest(dead_letter_id="x")
    for refused in (
        refusal(lambda: admin.engine.GetDeadLetter(show)),
        refusal(lambda: admin.engine.RetryDeadLetter(retry)),
    ):
        assert (refused.reason, refused.resource) == ("NOT_FOUND", ("dead letter", "x"))
