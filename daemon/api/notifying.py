"""ListNotifications and TestNotifications of RecordService."""

from __future__ import annotations

from collections.abc import Mapping

from actors.rules.records import NotificationState
from daemon.api.auth import caller
from daemon.api.engine import Engine
from daemon.api.errors import faulty_field, not_found
from daemon.api.kinds import Context
from daemon.api.recorder import Recorder
from daemon.api.translate import code, optional_timestamp, severity, timestamp
from daemon.store.notification_rows import StoredNotification
from protos.terrace.v1 import record_pb2 as pb
from protos.terrace.v1 import types_pb2

MAX_TEST_CHARS = 1_000
DEFAULT_PAGE_SIZE = 50

_STATES = {
    NotificationState.PENDING: types_pb2.NOTIFICATION_STATE_PENDING,
    NotificationState.SENT: types_pb2.NOTIFICATION_STATE_SENT,
    NotificationState.FAILED: types_pb2.NOTIFICATION_STATE_FAILED,
    NotificationState.SUPPRESSED: types_pb2.NOTIFICATION_STATE_SUPPRESSED,
}
_STATE_OF: Mapping[int, NotificationState] = {number: state for state, number in _STATES.items()}


async def list_notifications(engine: Engine, request: pb.ListNotificationsRequest) -> pb.ListNotificationsResponse:
    """Newest first."""
    states = tuple(_state(number) for number in request.states)
    asked = pb.ListNotificationsRequest()
    asked.CopyFrom(request)
    asked.page_size = request.page_size or DEFAULT_PAGE_SIZE
    found = await engine.page(engine.reader.list_notifications, asked, states, request.channel)
    return pb.ListNotificationsResponse(
        notifications=[message_of(stored) for stored in found.items], next_page_token=found.next_token
    )


async def test_notifications(
    engine: Engine, recorder: Recorder, request: pb.TestNotificationsRequest, context: Context
) -> pb.TestNotificationsResponse:
    """Sends, and says of each channel what came of it. What a service answers is a result here, no error."""
    if len(request.message) > MAX_TEST_CHARS:
        raise faulty_field("message", f"is longer than {MAX_TEST_CHARS} characters")
    names = [channel.name for channel in engine.settings().notifications]
    if request.channel and request.channel not in names:
        raise not_found("notification channel", request.channel)
    results = [] if engine.notifier is None else await engine.notifier.test(request.channel, request.message)
    told = ", ".join(f"{name}: {error or 'sent'}" for name, error in results) or "no channel is configured"
    event = recorder.event(
        "notification.tested", f"{caller().name} sent a test message: {told}", {"who": caller().name}
    )
    await recorder.record((event,), True, context)
    return pb.TestNotificationsResponse(
        results=[pb.NotificationResult(channel=name, sent=not error, error=error) for name, error in results]
    )


def message_of(stored: StoredNotification) -> pb.Notification:
    return pb.Notification(
        notification_id=stored.notification_id,
        channel=stored.channel,
        type=code(stored.type),
        severity=severity(stored.severity),
        title=stored.title,
        message=stored.message,
        state=_STATES[stored.state],
        attempt_count=stored.attempt_count,
        error=stored.error,
        create_time=timestamp(stored.create_time_ms),
        send_time=optional_timestamp(stored.send_time_ms),
        alert_id=stored.alert_key,
        suppressed_count=stored.suppressed_count,
    )


def _state(number: int) -> NotificationState:
    state = _STATE_OF.get(number)
    if state is None:
        raise faulty_field("states", f"{number} is not a value to filter by")
    return state
