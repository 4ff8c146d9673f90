"""RecordService: what happened. Events, the log as it is written, alerts, the audit trail."""

from __future__ import annotations

from collections.abc import AsyncIterator

from actors.rules.choices import World
from actors.rules.model import Reason
from actors.rules.records import AcknowledgeAlert
from daemon.api import translate_event as to
from daemon.api.auth import caller
from daemon.api.engine import Engine
from daemon.api.errors import Failed, faulty_field, not_found
from daemon.api.kinds import Context
from daemon.api.notifying import list_notifications, test_notifications
from daemon.api.recorder import Recorder
from daemon.api.records import Records, tail_logs, verify_audit_trail
from daemon.api.translate import CATEGORY_OF, SEVERITY_OF, milliseconds
from daemon.api.translate_log import word_of
from daemon.store.found import AlertFilter, AlertState, EventFilter
from daemon.store.text import every_store_takes
from protos.terrace.v1 import record_pb2 as pb
from protos.terrace.v1 import record_pb2_grpc

MAX_COMMENT_CHARS = 500


class RecordService(record_pb2_grpc.RecordServiceServicer):
    def __init__(self, engine: Engine, recorder: Recorder, records: Records) -> None:
        self._engine = engine
        self._records = records
        self._recorder = recorder

    async def ListEvents(self, request: pb.ListEventsRequest, _context: Context) -> pb.ListEventsResponse:
        wanted = EventFilter(
            world=self._engine.world_or_all(request.world),
            categories=tuple(word_of(CATEGORY_OF, number, "categories") for number in request.categories),
            min_severity=word_of(SEVERITY_OF, request.min_severity, "min_severity") if request.min_severity else "",
            types=tuple(word for given in request.types for word in _stored_types(given)),
            text=request.text,
            account=request.account,
            symbol=request.symbol,
            timeframe=request.timeframe,
            signal_id=request.signal_id,
            group_id=request.group_id,
            start_ms=milliseconds(request.start_time) if request.HasField("start_time") else None,
            end_ms=milliseconds(request.end_time) if request.HasField("end_time") else None,
        )
        found = await self._engine.page(self._engine.reader.list_events, request, wanted)
        return pb.ListEventsResponse(
            events=[to.event(stored) for stored in found.items], next_page_token=found.next_token
        )

    def TailLogs(self, request: pb.TailLogsRequest, _context: Context) -> AsyncIterator[pb.TailLogsResponse]:
        return tail_logs(self._records, request)

    async def ListAlerts(self, request: pb.ListAlertsRequest, _context: Context) -> pb.ListAlertsResponse:
        world = self._engine.world_or_all(request.world)
        states = tuple(word_of(to.ALERT_STATE_OF, number, "states") for number in request.states)
        wanted = AlertFilter(
            states=states or (AlertState.ACTIVE, AlertState.ACKNOWLEDGED),
            min_severity=word_of(SEVERITY_OF, request.min_severity, "min_severity") if request.min_severity else "",
            account=request.account,
        )
        found = await self._engine.page(self._engine.reader.list_alerts, request, wanted)
        shown = [(stored, self._world_of(stored.account)) for stored in found.items]
        return pb.ListAlertsResponse(
            alerts=[to.alert(stored, its) for stored, its in shown if world is None or its in (None, world)],
            next_page_token=found.next_token,
        )

    async def AcknowledgeAlert(
        self, request: pb.AcknowledgeAlertRequest, context: Context
    ) -> pb.AcknowledgeAlertResponse:
        if len(request.comment) > MAX_COMMENT_CHARS:
            raise faulty_field("comment", f"is longer than {MAX_COMMENT_CHARS} characters")
        stored = await self._engine.read(self._engine.reader.get_alert, request.alert_id)
        if stored is None:
            raise not_found("alert", request.alert_id)
        if stored.state == AlertState.RESOLVED:
            raise Failed(Reason.NOT_FOUND, "the alert's cause is gone already", resource=("alert", request.alert_id))
        if stored.state == AlertState.ACTIVE:
            who, now_ms = caller().name, self._engine.clock.now_ms()
            comment = every_store_takes(request.comment)
            row = AcknowledgeAlert(alert_key=request.alert_id, who=who, time_ms=now_ms, comment=comment)
            words = f"{who} acknowledged: {stored.message}"
            facts = {"who": who, "alert": request.alert_id, "comment": request.comment}
            event = self._recorder.event("alert.acknowledged", words, facts)
            await self._recorder.record((row, event), True, context)
            stored = await self._engine.read(self._engine.reader.get_alert, request.alert_id) or stored
        return pb.AcknowledgeAlertResponse(alert=to.alert(stored, self._world_of(stored.account)))

    async def VerifyAuditTrail(
        self, request: pb.VerifyAuditTrailRequest, _context: Context
    ) -> pb.VerifyAuditTrailResponse:
        return await verify_audit_trail(self._engine, self._records, request)

    async def ListNotifications(
        self, request: pb.ListNotificationsRequest, _context: Context
    ) -> pb.ListNotificationsResponse:
        return await list_notifications(self._engine, request)

    async def TestNotifications(
        self, request: pb.TestNotificationsRequest, context: Context
    ) -> pb.TestNotificationsResponse:
        return await test_notifications(self._engine, self._recorder, request, context)

    def _world_of(self, account: str) -> World | None:
        settings = self._engine.settings().accounts.get(account)
        return settings.world if settings is not None else None


def _stored_types(code: str) -> tuple[str, ...]:
    """`SIGNAL_OPENED` is stored as `signal.opened`; names without a dot keep their underscores."""
    word = code.lower()
    parts = word.split("_")
    dotted = tuple("_".join(parts[:index]) + "." + "_".join(parts[index:]) for index in range(1, len(parts)))
    return (word, *dotted)
